/* SPDX-License-Identifier: MIT
 * Byte ranges. */
#include <assert.h>
#include "gateway/base/decimal.h"
#include "gateway/http/byte_range.h"
#include "gateway/http/syntax.h"

/** Takes digits.  Numbers that do not fit are UINT64_MAX: RFC 9110 14.1.1 wants no failure of large ones, and what lies
 * beyond the end does so by any amount.  @return false: there was no digit */
static bool take_number(gw_str_t *s, uint64_t *ret)
{
    uint64_t number = 0;
    size_t i = 0;
    for (; i != s->len; ++i) {
        unsigned digit = (unsigned)(unsigned char)s->ptr[i] - '0';
        if (digit > 9)
            break;
        if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, digit, &number))
            number = UINT64_MAX;
        if (number == UINT64_MAX) {
            while (i + 1 != s->len && s->ptr[i + 1] >= '0' && s->ptr[i + 1] <= '9')
                ++i;
        }
    }
    *s = gw_str(s->ptr + i, s->len - i);
    *ret = number;
    return i != 0;
}

static bool take_sign(gw_str_t *s, char sign)
{
    if (s->len == 0 || *s->ptr != sign)
        return false;
    *s = gw_str(s->ptr + 1, s->len - 1);
    return true;
}

/** Takes the unit, whose case does not matter (RFC 9110 14.1), and the sign behind it. */
static bool take_unit(gw_str_t *s, char sign)
{
    static const gw_str_t bytes = {"bytes", 5};
    if (s->len < bytes.len || !gw_str_equal_nocase(gw_str(s->ptr, bytes.len), bytes))
        return false;
    *s = gw_str(s->ptr + bytes.len, s->len - bytes.len);
    return take_sign(s, sign);
}

bool gw_range_parse(gw_str_t value, gw_range_wish_t *ret)
{
    gw_str_t item, other;
    value = gw_http_trim(value);
    if (!take_unit(&value, '=') || !gw_http_list_next(&value, &item) || gw_http_list_next(&value, &other))
        return false;
    *ret = (gw_range_wish_t){.is_suffix = *item.ptr == '-'};
    if (ret->is_suffix)
        return take_sign(&item, '-') && take_number(&item, &ret->first) && item.len == 0;
    if (!take_number(&item, &ret->first) || !take_sign(&item, '-'))
        return false;
    ret->is_open = item.len == 0;
    return ret->is_open || (take_number(&item, &ret->last) && item.len == 0 && ret->first <= ret->last);
}

gw_range_result_t gw_range_resolve(const gw_range_wish_t *wish, uint64_t length, uint64_t *ret_first, uint64_t *ret_end)
{
    if (wish->is_suffix) {
        if (wish->first == 0)
            return GW_RANGE_UNSATISFIABLE;
        if (length == 0)
            return GW_RANGE_NONE;
        *ret_first = wish->first < length ? length - wish->first : 0;
        *ret_end = length;
        return GW_RANGE_OK;
    }
    if (wish->first >= length)
        return GW_RANGE_UNSATISFIABLE;
    *ret_first = wish->first;
    *ret_end = wish->is_open || wish->last >= length ? length : wish->last + 1;
    return GW_RANGE_OK;
}

bool gw_content_range_parse(gw_str_t value, gw_content_range_t *ret)
{
    uint64_t last;
    value = gw_http_trim(value);
    if (!take_unit(&value, ' ') || !take_number(&value, &ret->first) || !take_sign(&value, '-') ||
        !take_number(&value, &last) || !take_sign(&value, '/') || ret->first > last || last == UINT64_MAX)
        return false;
    ret->end = last + 1;
    if (gw_str_equal(value, GW_STR("*"))) {
        ret->length = UINT64_MAX;
        return true;
    }
    return take_number(&value, &ret->length) && value.len == 0 && ret->length != UINT64_MAX && ret->end <= ret->length;
}

size_t gw_content_range_print(char to[GW_CONTENT_RANGE_MAX], const gw_content_range_t *range)
{
    char *at = to;
    memcpy(at, "bytes ", 6);
    at += 6;
    if (range->first == range->end) {
        assert(range->length != UINT64_MAX);
        *at++ = '*';
    } else {
        at = gw_put_decimal(at, range->first);
        *at++ = '-';
        at = gw_put_decimal(at, range->end - 1);
    }
    *at++ = '/';
    if (range->length == UINT64_MAX)
        *at++ = '*';
    else
        at = gw_put_decimal(at, range->length);
    return (size_t)(at - to);
}
