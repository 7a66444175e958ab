/* SPDX-License-Identifier: MIT
 * Items of structured fields.  Functions name their section of RFC 9651. */
#include "gateway/http/structured.h"
#include "gateway/http/syntax.h"

gw_sf_input_t gw_sf_input(gw_str_t text)
{
    const unsigned char *at = (const unsigned char *)text.ptr;
    return (gw_sf_input_t){at, text.len != 0 ? at + text.len : at};
}

/** @return the next character, -1: there is none */
static int peek(const gw_sf_input_t *in)
{
    return in->at != in->end ? *in->at : -1;
}

bool gw_sf_take(gw_sf_input_t *in, char c)
{
    if (peek(in) != (unsigned char)c)
        return false;
    ++in->at;
    return true;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(int c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_letter(int c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z');
}

/* 4.2.4 */
static bool take_number(gw_sf_input_t *in, gw_sf_item_t *ret)
{
    bool is_negative = gw_sf_take(in, '-'), is_decimal = false;
    int num_whole = 0, num_behind = 0;
    *ret = (gw_sf_item_t){.type = GW_SF_INTEGER};
    for (; is_digit(peek(in)) || (peek(in) == '.' && !is_decimal); ++in->at) {
        if (peek(in) == '.') {
            is_decimal = true;
        } else if (is_decimal) {
            ++num_behind;
        } else {
            ++num_whole;
            ret->number = ret->number * 10 + (peek(in) - '0');
        }
        if (num_whole > (is_decimal ? 12 : 15) || num_behind > 3)
            return false;
    }
    if (is_decimal)
        ret->type = GW_SF_OTHER;
    if (is_negative)
        ret->number = -ret->number;
    return num_whole != 0 && is_decimal == (num_behind != 0);
}

/* 4.2.5 */
static bool take_string(gw_sf_input_t *in, gw_sf_item_t *ret)
{
    const unsigned char *begin = ++in->at;
    for (; peek(in) != '"'; ++in->at) {
        if (gw_sf_take(in, '\\') && peek(in) != '"' && peek(in) != '\\')
            return false;
        if (peek(in) < 0x20 || peek(in) > 0x7e)
            return false;
    }
    *ret = (gw_sf_item_t){.type = GW_SF_STRING, .text = gw_str((const char *)begin, (size_t)(in->at - begin))};
    return gw_sf_take(in, '"');
}

/* 4.2.6 */
static bool take_token(gw_sf_input_t *in, gw_sf_item_t *ret)
{
    const unsigned char *begin = in->at;
    if (!is_letter(peek(in)) && peek(in) != '*')
        return false;
    while (peek(in) == ':' || peek(in) == '/' ||
           (in->at != in->end && gw_http_is_token(gw_str((const char *)in->at, 1))))
        ++in->at;
    *ret = (gw_sf_item_t){.type = GW_SF_TOKEN, .text = gw_str((const char *)begin, (size_t)(in->at - begin))};
    return true;
}

/* 4.2.7: padding may be missing, and bits that are left over may be anything */
static bool take_bytes(gw_sf_input_t *in, gw_sf_item_t *ret)
{
    int num = 0, num_padding = 0;
    *ret = (gw_sf_item_t){.type = GW_SF_OTHER};
    for (++in->at; is_letter(peek(in)) || is_digit(peek(in)) || peek(in) == '+' || peek(in) == '/'; ++in->at)
        num = (num + 1) % 4;
    for (; gw_sf_take(in, '=');)
        ++num_padding;
    return num != 1 && (num_padding == 0 || num + num_padding == 4) && gw_sf_take(in, ':');
}

/* 4.2.8 */
static bool take_boolean(gw_sf_input_t *in, gw_sf_item_t *ret)
{
    ++in->at;
    *ret = (gw_sf_item_t){.type = GW_SF_BOOLEAN, .number = peek(in) == '1'};
    return gw_sf_take(in, '1') || gw_sf_take(in, '0');
}

/* 4.2.9 */
static bool take_date(gw_sf_input_t *in, gw_sf_item_t *ret)
{
    ++in->at;
    if (!take_number(in, ret) || ret->type != GW_SF_INTEGER)
        return false;
    ret->type = GW_SF_OTHER;
    return true;
}

static int hex_value(int c)
{
    return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 4.2.10, and RFC 3629 4: which bytes may follow is known from the first, and of the second part of the range */
static bool take_display(gw_sf_input_t *in, gw_sf_item_t *ret)
{
    int num_more = 0, low = 0x80, high = 0xbf;
    *ret = (gw_sf_item_t){.type = GW_SF_OTHER};
    for (in->at += 2; peek(in) != '"'; ++in->at) {
        int byte = peek(in);
        if (byte < 0x20 || byte > 0x7e)
            return false;
        if (byte == '%') {
            if (in->end - in->at < 3 || hex_value(in->at[1]) < 0 || hex_value(in->at[2]) < 0)
                return false;
            byte = hex_value(in->at[1]) << 4 | hex_value(in->at[2]);
            in->at += 2;
        }
        if (num_more != 0) {
            if (byte < low || byte > high)
                return false;
            --num_more;
            low = 0x80;
            high = 0xbf;
        } else if (byte >= 0x80) {
            if (byte < 0xc2 || byte > 0xf4)
                return false;
            num_more = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
            low = byte == 0xe0 ? 0xa0 : byte == 0xf0 ? 0x90 : 0x80;
            high = byte == 0xed ? 0x9f : byte == 0xf4 ? 0x8f : 0xbf;
        }
    }
    return num_more == 0 && gw_sf_take(in, '"');
}

/* 4.2.3.1 */
bool gw_sf_take_bare(gw_sf_input_t *in, gw_sf_item_t *ret)
{
    switch (peek(in)) {
    case '"':
        return take_string(in, ret);
    case ':':
        return take_bytes(in, ret);
    case '?':
        return take_boolean(in, ret);
    case '@':
        return take_date(in, ret);
    case '%':
        return in->end - in->at >= 2 && in->at[1] == '"' && take_display(in, ret);
    default:
        return is_digit(peek(in)) || peek(in) == '-' ? take_number(in, ret) : take_token(in, ret);
    }
}

/* 4.2.3.3 */
bool gw_sf_take_key(gw_sf_input_t *in, gw_str_t *ret)
{
    const unsigned char *begin = in->at;
    if (!is_lower(peek(in)) && peek(in) != '*')
        return false;
    while (is_lower(peek(in)) || is_digit(peek(in)) || peek(in) == '_' || peek(in) == '-' || peek(in) == '.' ||
           peek(in) == '*')
        ++in->at;
    *ret = gw_str((const char *)begin, (size_t)(in->at - begin));
    return true;
}

/* 4.2.3.2 */
bool gw_sf_skip_parameters(gw_sf_input_t *in)
{
    while (gw_sf_take(in, ';')) {
        gw_str_t key;
        gw_sf_item_t value;
        while (gw_sf_take(in, ' '))
            ;
        if (!gw_sf_take_key(in, &key) || (gw_sf_take(in, '=') && !gw_sf_take_bare(in, &value)))
            return false;
    }
    return true;
}

/* 4.2.1.2 */
bool gw_sf_skip_inner_list(gw_sf_input_t *in)
{
    for (;;) {
        gw_sf_item_t item;
        while (gw_sf_take(in, ' '))
            ;
        if (gw_sf_take(in, ')'))
            return true;
        if (!gw_sf_take_bare(in, &item) || !gw_sf_skip_parameters(in) || (peek(in) != ' ' && peek(in) != ')'))
            return false;
    }
}

void gw_sf_skip_blanks(gw_sf_input_t *in)
{
    while (gw_sf_take(in, ' ') || gw_sf_take(in, '\t'))
        ;
}

size_t gw_sf_unescape(char *to, gw_str_t text)
{
    size_t len = 0;
    for (size_t i = 0; i != text.len; ++i) {
        i += text.ptr[i] == '\\'; /* a string was read: something follows it */
        to[len++] = text.ptr[i];
    }
    return len;
}
