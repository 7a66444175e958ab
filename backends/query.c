/* SPDX-License-Identifier: MIT
 * Parameters of a query string. */
#include "backends/query.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = gw_ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** Takes one byte from the front.  @return the byte, or -1 when it is malformed.  `s` is not empty. */
static int take_byte(gw_str_t *s)
{
    char c = *s->ptr;
    size_t len = 1;
    int byte = (unsigned char)c;
    if (c == '+') {
        byte = ' ';
    } else if (c == '%') {
        int high = s->len >= 3 ? hex_value(s->ptr[1]) : -1, low = s->len >= 3 ? hex_value(s->ptr[2]) : -1;
        if (high == -1 || low == -1)
            return -1;
        byte = high << 4 | low;
        len = 3;
    }
    s->ptr += len;
    s->len -= len;
    return byte;
}

static bool is_name(gw_str_t encoded, gw_str_t name)
{
    for (size_t i = 0; i != name.len; ++i)
        if (encoded.len == 0 || take_byte(&encoded) != (unsigned char)name.ptr[i])
            return false;
    return encoded.len == 0;
}

static gw_str_t split(gw_str_t *s, char at)
{
    const char *end = s->len != 0 ? memchr(s->ptr, at, s->len) : NULL;
    gw_str_t head = gw_str(s->ptr, end != NULL ? (size_t)(end - s->ptr) : s->len);
    size_t taken = end != NULL ? head.len + 1 : head.len;
    s->ptr += taken;
    s->len -= taken;
    return head;
}

static gw_query_result_t decode(gw_str_t encoded, char *to, size_t size, gw_str_t *ret_value)
{
    size_t len = 0;
    while (encoded.len != 0) {
        int byte = take_byte(&encoded);
        if (byte == -1)
            return GW_QUERY_MALFORMED;
        if (len == size)
            return GW_QUERY_TOO_LONG;
        to[len++] = (char)byte;
    }
    *ret_value = gw_str(to, len);
    return GW_QUERY_OK;
}

gw_query_result_t gw_query_find(gw_str_t query, gw_str_t name, char *to, size_t size, gw_str_t *ret_value)
{
    gw_str_t found = {NULL, 0};
    bool is_found = false;
    while (query.len != 0) {
        gw_str_t value = split(&query, '&'), key = split(&value, '=');
        if (!is_name(key, name))
            continue;
        if (is_found)
            return GW_QUERY_DUPLICATE;
        is_found = true;
        found = value;
    }
    return is_found ? decode(found, to, size, ret_value) : GW_QUERY_MISSING;
}

gw_query_result_t gw_query_read_number(gw_str_t text, uint64_t min, uint64_t max, uint64_t *ret)
{
    uint64_t number = 0;
    if (text.len == 0)
        return GW_QUERY_NOT_A_NUMBER;
    for (size_t i = 0; i != text.len; ++i)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return GW_QUERY_NOT_A_NUMBER;
    if (text.len > 19) /* 10^19 - 1 still fits into 64 bits */
        return GW_QUERY_OUT_OF_RANGE;
    for (size_t i = 0; i != text.len; ++i)
        number = number * 10 + (uint64_t)(text.ptr[i] - '0');
    if (number < min || number > max)
        return GW_QUERY_OUT_OF_RANGE;
    *ret = number;
    return GW_QUERY_OK;
}

gw_query_result_t gw_query_find_number(gw_str_t query, gw_str_t name, uint64_t min, uint64_t max, uint64_t *ret)
{
    char digits[32];
    gw_str_t value;
    gw_query_result_t result = gw_query_find(query, name, digits, sizeof(digits), &value);
    if (result == GW_QUERY_TOO_LONG)
        return GW_QUERY_OUT_OF_RANGE;
    return result != GW_QUERY_OK ? result : gw_query_read_number(value, min, max, ret);
}

const char *gw_query_result_str(gw_query_result_t result)
{
    switch (result) {
    case GW_QUERY_OK:
        break;
    case GW_QUERY_MISSING:
        return "is missing";
    case GW_QUERY_DUPLICATE:
        return "is given more than once";
    case GW_QUERY_MALFORMED:
        return "is not percent-encoded as it should be";
    case GW_QUERY_TOO_LONG:
        return "is too long";
    case GW_QUERY_NOT_A_NUMBER:
        return "is not a decimal number";
    case GW_QUERY_OUT_OF_RANGE:
        return "is out of range";
    }
    return NULL;
}
