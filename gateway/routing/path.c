/* SPDX-License-Identifier: MIT
 * Normalising paths: a scan that finds nothing to do for nearly every request, and the rewriting for the rest. */
#include <assert.h>
#include "gateway/routing/path.h"

const char *gw_path_result_str(gw_path_result_t result)
{
    static const char *const texts[] = {
#define RESULT_TEXT(id, text) text,
        GW_PATH_MAP(RESULT_TEXT)
#undef RESULT_TEXT
    };
    return texts[result];
}

enum class {
    REFUSED,
    PLAIN,      /* may stand in a path as it is */
    UNRESERVED, /* the same, and its escape is only another spelling */
    SPECIAL     /* '%', '/', '.': looked at in their surroundings */
};

/* pchar of RFC 3986, and { } | which browsers send as they are */
static const uint8_t classes[256] = {
    ['a' ... 'z'] = UNRESERVED,
    ['A' ... 'Z'] = UNRESERVED,
    ['0' ... '9'] = UNRESERVED,
    ['-'] = UNRESERVED,
    ['_'] = UNRESERVED,
    ['~'] = UNRESERVED,
    ['.'] = SPECIAL,
    ['/'] = SPECIAL,
    ['%'] = SPECIAL,
    ['!'] = PLAIN,
    ['$'] = PLAIN,
    ['&'] = PLAIN,
    ['\''] = PLAIN,
    ['('] = PLAIN,
    [')'] = PLAIN,
    ['*'] = PLAIN,
    ['+'] = PLAIN,
    [','] = PLAIN,
    [';'] = PLAIN,
    ['='] = PLAIN,
    [':'] = PLAIN,
    ['@'] = PLAIN,
    ['{'] = PLAIN,
    ['}'] = PLAIN,
    ['|'] = PLAIN,
};

/** True when nothing is to be rewritten or refused; false when it has to be looked at closely. */
static bool is_normal(gw_str_t raw)
{
    for (size_t i = 0; i != raw.len; ++i) {
        uint8_t class = classes[(unsigned char)raw.ptr[i]];
        if (class == PLAIN || class == UNRESERVED)
            continue;
        if (class == REFUSED || raw.ptr[i] == '%')
            return false;
        /* "//", "/." and ".." in any place are rare enough to be looked at closely */
        if (i != 0 && (raw.ptr[i - 1] == '/' || (raw.ptr[i] == '.' && raw.ptr[i - 1] == '.')))
            return false;
    }
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = gw_ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** First pass: escapes and characters.  @return GW_PATH_OK and *ret_len bytes in buf */
static gw_path_result_t decode(gw_str_t raw, char *buf, size_t *ret_len)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t len = 0;
    for (size_t i = 0; i != raw.len; ++i) {
        unsigned char c = (unsigned char)raw.ptr[i];
        if (c == '%') {
            int high = i + 2 < raw.len ? hex_value(raw.ptr[i + 1]) : -1;
            int low = i + 2 < raw.len ? hex_value(raw.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return GW_PATH_BAD_ESCAPE;
            i += 2;
            c = (unsigned char)(high << 4 | low);
            if (c == '/')
                return GW_PATH_ENCODED_SLASH;
            if (c == '\\')
                return GW_PATH_BACKSLASH;
            if (c < 0x20 || c == 0x7f)
                return GW_PATH_CONTROL;
            if (classes[c] == UNRESERVED || c == '.') {
                buf[len++] = (char)c;
            } else {
                buf[len++] = '%';
                buf[len++] = digits[high];
                buf[len++] = digits[low];
            }
            continue;
        }
        if (c == '\\')
            return GW_PATH_BACKSLASH;
        if (c < 0x20 || c == 0x7f)
            return GW_PATH_CONTROL;
        if (classes[c] == REFUSED)
            return GW_PATH_BAD_CHARACTER;
        buf[len++] = (char)c;
    }
    *ret_len = len;
    return GW_PATH_OK;
}

static bool starts_with(const char *bytes, size_t len, const char *prefix)
{
    return len >= strlen(prefix) && memcmp(bytes, prefix, strlen(prefix)) == 0;
}

/** Second pass, in place: dot segments and empty segments. */
static gw_path_result_t remove_dots(char *buf, size_t *io_len)
{
    size_t len = *io_len, out = 0;
    for (size_t i = 0; i < len;) { /* buf[i] is the '/' before a segment */
        size_t start = i + 1, end = start;
        while (end != len && buf[end] != '/')
            ++end;
        size_t dots = 0;
        while (dots != end - start && buf[start + dots] == '.')
            ++dots;
        bool is_dots = dots == 1 || dots == 2;
        if (is_dots && (starts_with(buf + start + dots, end - start - dots, ";") ||
                        starts_with(buf + start + dots, end - start - dots, "%3B")))
            return GW_PATH_DOTS_WITH_PARAMETER;
        is_dots = is_dots && start + dots == end;
        bool is_last = end == len;
        if (is_dots && dots == 2) {
            if (out == 0)
                return GW_PATH_ABOVE_ROOT;
            while (buf[--out] != '/')
                ;
        }
        if (is_dots || start == end) {
            if (is_last)
                buf[out++] = '/'; /* the path ended in a slash, or in a dot segment, which counts as one */
        } else {
            memmove(buf + out, buf + i, end - i);
            out += end - i;
        }
        i = end;
    }
    *io_len = out;
    return GW_PATH_OK;
}

gw_path_result_t gw_path_normalise(gw_str_t raw, char *buf, size_t cap, gw_str_t *ret)
{
    if (raw.len == 0 || raw.ptr[0] != '/')
        return GW_PATH_NO_SLASH;
    if (is_normal(raw)) {
        *ret = raw;
        return GW_PATH_OK;
    }
    assert(cap >= raw.len);
    size_t len;
    gw_path_result_t result = decode(raw, buf, &len);
    if (result == GW_PATH_OK)
        result = remove_dots(buf, &len);
    if (result == GW_PATH_OK)
        *ret = gw_str(buf, len);
    return result;
}
