/* SPDX-License-Identifier: MIT
 * The chunked decoder: one state per place in the grammar of RFC 9112 7.1. */
#include "gateway/http/chunked.h"
#include "gateway/http/syntax.h"

enum state {
    SIZE,              /* chunk-size */
    SIZE_SPACE,        /* BWS before an extension's ';' */
    EXTENSION,         /* behind ';' */
    EXTENSION_QUOTED,  /* inside a quoted-string */
    EXTENSION_ESCAPED, /* behind a backslash in it */
    SIZE_LF,           /* LF of the size line */
    DATA,              /* chunk-data */
    DATA_CR,
    DATA_LF,       /* the CRLF behind it */
    TRAILER_START, /* the first byte of a trailer line, or the CR of the empty one */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF, /* of a trailer line */
    END_LF,     /* of the empty line */
    ENDED
};

void gw_chunked_init(gw_chunked_t *chunked)
{
    *chunked = (gw_chunked_t){.state = SIZE};
}

const char *gw_chunked_result_str(gw_chunked_result_t result)
{
    static const char *const texts[] = {
#define RESULT_TEXT(id, text) text,
        GW_CHUNKED_MAP(RESULT_TEXT)
#undef RESULT_TEXT
    };
    return texts[result];
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = gw_ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool is_control(char c)
{
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

static bool is_token_char(char c)
{
    return gw_http_is_token(gw_str(&c, 1));
}

/** One byte of a size line behind the digits.  @return GW_CHUNKED_NEED_MORE to go on, or an error */
static gw_chunked_result_t step_extension(gw_chunked_t *chunked, char c)
{
    if (++chunked->num_line > GW_CHUNKED_MAX_EXTENSION || ++chunked->num_extensions > GW_CHUNKED_MAX_EXTENSIONS)
        return GW_CHUNKED_EXTENSIONS_TOO_LARGE;
    if (c == '\n')
        return GW_CHUNKED_BAD_LINE_END;
    if (c != '\r' && is_control(c))
        return GW_CHUNKED_BAD_EXTENSION;
    switch (chunked->state) {
    case SIZE_SPACE:
        if (c == ';')
            chunked->state = EXTENSION;
        else if (c != ' ' && c != '\t')
            return GW_CHUNKED_BAD_SIZE;
        break;
    case EXTENSION:
        if (c == '\r')
            chunked->state = SIZE_LF;
        else if (c == '"')
            chunked->state = EXTENSION_QUOTED;
        else if (c != ';' && c != '=' && c != ' ' && c != '\t' && !is_token_char(c))
            return GW_CHUNKED_BAD_EXTENSION;
        break;
    case EXTENSION_QUOTED:
        if (c == '\r')
            return GW_CHUNKED_BAD_EXTENSION;
        if (c == '"')
            chunked->state = EXTENSION;
        else if (c == '\\')
            chunked->state = EXTENSION_ESCAPED;
        break;
    default: /* EXTENSION_ESCAPED */
        if (c == '\r')
            return GW_CHUNKED_BAD_EXTENSION;
        chunked->state = EXTENSION_QUOTED;
        break;
    }
    return GW_CHUNKED_NEED_MORE;
}

static gw_chunked_result_t step_size(gw_chunked_t *chunked, char c)
{
    int digit = hex_value(c);
    if (digit >= 0) {
        if (++chunked->num_digits > GW_CHUNKED_MAX_DIGITS)
            return GW_CHUNKED_SIZE_TOO_LARGE;
        chunked->left = chunked->left << 4 | (unsigned)digit;
        return GW_CHUNKED_NEED_MORE;
    }
    if (chunked->num_digits == 0)
        return GW_CHUNKED_BAD_SIZE;
    chunked->num_line = 0;
    if (c == '\r') {
        chunked->state = SIZE_LF;
        return GW_CHUNKED_NEED_MORE;
    }
    if (c == '\n')
        return GW_CHUNKED_BAD_LINE_END;
    chunked->state = SIZE_SPACE;
    return step_extension(chunked, c);
}

static gw_chunked_result_t step_trailer(gw_chunked_t *chunked, char c)
{
    if (++chunked->num_trailer > GW_CHUNKED_MAX_TRAILER)
        return GW_CHUNKED_TRAILER_TOO_LARGE;
    switch (chunked->state) {
    case TRAILER_START:
        if (c == '\r')
            chunked->state = END_LF;
        else if (is_token_char(c))
            chunked->state = TRAILER_NAME;
        else
            return c == '\n' ? GW_CHUNKED_BAD_LINE_END : GW_CHUNKED_BAD_TRAILER;
        break;
    case TRAILER_NAME:
        if (c == ':')
            chunked->state = TRAILER_VALUE;
        else if (!is_token_char(c))
            return GW_CHUNKED_BAD_TRAILER;
        break;
    case TRAILER_VALUE:
        if (c == '\r')
            chunked->state = TRAILER_LF;
        else if (c == '\n')
            return GW_CHUNKED_BAD_LINE_END;
        else if (is_control(c))
            return GW_CHUNKED_BAD_TRAILER;
        break;
    default: /* TRAILER_LF */
        if (c != '\n')
            return GW_CHUNKED_BAD_LINE_END;
        chunked->state = TRAILER_START;
        break;
    }
    return GW_CHUNKED_NEED_MORE;
}

/** One byte that is not chunk data.  @return GW_CHUNKED_NEED_MORE to go on, GW_CHUNKED_DONE, or an error */
static gw_chunked_result_t step(gw_chunked_t *chunked, char c)
{
    switch (chunked->state) {
    case SIZE:
        return step_size(chunked, c);
    case SIZE_SPACE:
    case EXTENSION:
    case EXTENSION_QUOTED:
    case EXTENSION_ESCAPED:
        return step_extension(chunked, c);
    case SIZE_LF:
        if (c != '\n')
            return GW_CHUNKED_BAD_LINE_END;
        chunked->num_digits = 0;
        chunked->state = chunked->left != 0 ? DATA : TRAILER_START;
        return GW_CHUNKED_NEED_MORE;
    case DATA_CR:
        chunked->state = DATA_LF;
        return c == '\r' ? GW_CHUNKED_NEED_MORE : GW_CHUNKED_BAD_DATA_END;
    case DATA_LF:
        chunked->state = SIZE;
        return c == '\n' ? GW_CHUNKED_NEED_MORE : GW_CHUNKED_BAD_DATA_END;
    case END_LF:
        chunked->state = ENDED;
        return c == '\n' ? GW_CHUNKED_DONE : GW_CHUNKED_BAD_LINE_END;
    default:
        return step_trailer(chunked, c);
    }
}

gw_chunked_result_t gw_chunked_decode(gw_chunked_t *chunked, gw_str_t *io_input, gw_str_t *ret_data)
{
    if (chunked->failure != 0)
        return (gw_chunked_result_t)chunked->failure;
    if (chunked->state == ENDED)
        return GW_CHUNKED_DONE;
    while (io_input->len != 0) {
        if (chunked->state == DATA) {
            size_t len = io_input->len < chunked->left ? io_input->len : (size_t)chunked->left;
            *ret_data = gw_str(io_input->ptr, len);
            *io_input = gw_str(io_input->ptr + len, io_input->len - len);
            if ((chunked->left -= len) == 0)
                chunked->state = DATA_CR;
            return GW_CHUNKED_DATA;
        }
        gw_chunked_result_t result = step(chunked, *io_input->ptr);
        *io_input = gw_str(io_input->ptr + 1, io_input->len - 1);
        if (result == GW_CHUNKED_DONE)
            return result;
        if (result != GW_CHUNKED_NEED_MORE) {
            chunked->failure = (uint8_t)result;
            return result;
        }
    }
    return GW_CHUNKED_NEED_MORE;
}
