/* SPDX-License-Identifier: MIT
 * Content negotiation by the Accept field. */
#include "backends/negotiate.h"

#define NOT_A_WEIGHT 1001

static gw_str_t trim(gw_str_t s)
{
    while (s.len != 0 && (*s.ptr == ' ' || *s.ptr == '\t'))
        ++s.ptr, --s.len;
    while (s.len != 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        --s.len;
    return s;
}

/** Takes what stands before the next `at` that is not inside a quoted string. */
static gw_str_t take_until(gw_str_t *s, char at)
{
    bool is_quoted = false;
    size_t i = 0;
    for (; i != s->len; ++i) {
        char c = s->ptr[i];
        if (c == '"')
            is_quoted = !is_quoted;
        else if (is_quoted && c == '\\' && i + 1 != s->len)
            ++i;
        else if (!is_quoted && c == at)
            break;
    }
    gw_str_t head = gw_str(s->ptr, i);
    size_t taken = i == s->len ? i : i + 1;
    s->ptr += taken;
    s->len -= taken;
    return trim(head);
}

/** qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] ).  @return thousandths or NOT_A_WEIGHT */
static unsigned read_weight(gw_str_t s)
{
    if (s.len == 0 || s.len > 5 || (*s.ptr != '0' && *s.ptr != '1') || (s.len > 1 && s.ptr[1] != '.'))
        return NOT_A_WEIGHT;
    unsigned weight = *s.ptr == '1' ? 1000 : 0, unit = 100;
    for (size_t i = 2; i < s.len; ++i, unit /= 10) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return NOT_A_WEIGHT;
        weight += unit * (unsigned)(s.ptr[i] - '0');
    }
    return weight <= 1000 ? weight : NOT_A_WEIGHT;
}

/** @return 0: the range does not match; else the more the more specific */
static int specificity(gw_str_t range, gw_str_t type)
{
    if (gw_str_equal_nocase(range, type))
        return 3;
    if (gw_str_equal(range, GW_STR("*/*")))
        return 1;
    const char *slash = memchr(type.ptr, '/', type.len);
    size_t main_len = slash != NULL ? (size_t)(slash - type.ptr) + 1 : type.len;
    if (range.len == main_len + 1 && range.ptr[main_len] == '*' &&
        gw_str_equal_nocase(gw_str(range.ptr, main_len), gw_str(type.ptr, main_len)))
        return 2;
    return 0;
}

unsigned gw_negotiate_weight(gw_str_t accept, gw_str_t type)
{
    accept = trim(accept);
    if (accept.len == 0)
        return 1000;
    int best = 0;
    unsigned best_weight = 0;
    while (accept.len != 0) {
        gw_str_t element = take_until(&accept, ',');
        int match = specificity(take_until(&element, ';'), type);
        unsigned weight = 1000;
        while (element.len != 0) {
            gw_str_t value = take_until(&element, ';'), key = take_until(&value, '=');
            if (gw_str_equal_nocase(key, GW_STR("q"))) {
                weight = read_weight(value);
                break; /* what follows the weight are extensions */
            }
        }
        if (weight == NOT_A_WEIGHT || match == 0)
            continue;
        if (match > best || (match == best && weight > best_weight)) {
            best = match;
            best_weight = weight;
        }
    }
    return best_weight;
}
