/* SPDX-License-Identifier: MIT
 * Tokens, values, authorities, lengths, lists. */
#include <arpa/inet.h>
#include "gateway/http/syntax.h"

#define LETTERS_AND_DIGITS ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true

static const bool is_token_char[256] = {
    LETTERS_AND_DIGITS, ['!'] = true, ['#'] = true, ['$'] = true, ['%'] = true, ['&'] = true,
    ['\''] = true,      ['*'] = true, ['+'] = true, ['-'] = true, ['.'] = true, ['^'] = true,
    ['_'] = true,       ['`'] = true, ['|'] = true, ['~'] = true,
};

/* unreserved and sub-delims of RFC 3986; '%' is looked at with what follows */
static const bool is_reg_name_char[256] = {
    LETTERS_AND_DIGITS, ['-'] = true, ['.'] = true,  ['_'] = true, ['~'] = true, ['!'] = true,
    ['$'] = true,       ['&'] = true, ['\''] = true, ['('] = true, [')'] = true, ['*'] = true,
    ['+'] = true,       [','] = true, [';'] = true,  ['='] = true,
};

bool gw_http_is_token(gw_str_t s)
{
    for (size_t i = 0; i != s.len; ++i)
        if (!is_token_char[(unsigned char)s.ptr[i]])
            return false;
    return s.len != 0;
}

static bool is_value_char(unsigned char c)
{
    return (c >= 0x20 && c != 0x7f) || c == '\t';
}

bool gw_http_is_field_value(gw_str_t s)
{
    static const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    size_t i = 0;
    /* eight at a time, since every value of every message comes through here: does a byte lie below 0x20, or is one
     * 0x7f? (S. E. Anderson, "Bit Twiddling Hacks"; a tab is found out below) */
    for (uint64_t word; s.len - i >= sizeof(word); i += sizeof(word)) {
        memcpy(&word, s.ptr + i, sizeof(word));
        uint64_t deleted = word ^ ones * 0x7f;
        if ((((word - ones * 0x20) & ~word) | ((deleted - ones) & ~deleted)) & highs)
            for (size_t k = i; k != i + sizeof(word); ++k)
                if (!is_value_char((unsigned char)s.ptr[k]))
                    return false;
    }
    for (; i != s.len; ++i)
        if (!is_value_char((unsigned char)s.ptr[i]))
            return false;
    return true;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (gw_ascii_lower(c) >= 'a' && gw_ascii_lower(c) <= 'f');
}

/** @return the length of the host at the front of `s`, or 0 when there is none */
static size_t host_length(gw_str_t s)
{
    if (s.len != 0 && s.ptr[0] == '[') {
        const char *end = memchr(s.ptr, ']', s.len);
        char text[INET6_ADDRSTRLEN];
        struct in6_addr address;
        if (end == NULL || (size_t)(end - s.ptr - 1) >= sizeof(text))
            return 0;
        memcpy(text, s.ptr + 1, (size_t)(end - s.ptr - 1));
        text[end - s.ptr - 1] = '\0';
        return inet_pton(AF_INET6, text, &address) == 1 ? (size_t)(end - s.ptr) + 1 : 0;
    }
    for (size_t i = 0;; i += 3) {
        while (i != s.len && is_reg_name_char[(unsigned char)s.ptr[i]])
            ++i;
        if (i == s.len || s.ptr[i] == ':')
            return i;
        if (s.ptr[i] != '%' || i + 2 >= s.len || !is_hex(s.ptr[i + 1]) || !is_hex(s.ptr[i + 2]))
            return 0;
    }
}

/** @param port with the colon before it */
static bool is_port(gw_str_t port)
{
    unsigned number = 0;
    if (port.ptr[0] != ':' || port.len < 2 || port.len > 6)
        return false;
    for (size_t i = 1; i != port.len; ++i) {
        unsigned digit = (unsigned)(unsigned char)port.ptr[i] - '0';
        if (digit > 9)
            return false;
        number = number * 10 + digit;
    }
    return number <= 65535;
}

bool gw_http_is_authority(gw_str_t s)
{
    size_t host = host_length(s);
    return host != 0 && (host == s.len || is_port(gw_str(s.ptr + host, s.len - host)));
}

bool gw_http_parse_content_length(gw_str_t s, uint64_t *ret)
{
    uint64_t number = 0;
    for (size_t i = 0; i != s.len; ++i) {
        unsigned digit = (unsigned)(unsigned char)s.ptr[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, digit, &number))
            return false;
    }
    if (s.len == 0 || number >= UINT64_MAX / 2) /* far beyond any disk, and safe to add to */
        return false;
    *ret = number;
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

gw_str_t gw_http_trim(gw_str_t s)
{
    while (s.len != 0 && is_space(s.ptr[0]))
        s = gw_str(s.ptr + 1, s.len - 1);
    while (s.len != 0 && is_space(s.ptr[s.len - 1]))
        --s.len;
    return s;
}

bool gw_http_list_next(gw_str_t *rest, gw_str_t *ret_item)
{
    while (rest->len != 0) {
        const char *comma = memchr(rest->ptr, ',', rest->len);
        size_t len = comma != NULL ? (size_t)(comma - rest->ptr) : rest->len;
        gw_str_t item = gw_str(rest->ptr, len);
        size_t skip = comma != NULL ? len + 1 : len;
        *rest = gw_str(rest->ptr + skip, rest->len - skip);
        item = gw_http_trim(item);
        if (item.len != 0) {
            *ret_item = item;
            return true;
        }
    }
    return false;
}

bool gw_http_list_has(gw_str_t list, gw_str_t token)
{
    gw_str_t item;
    while (gw_http_list_next(&list, &item))
        if (gw_str_equal_nocase(item, token))
            return true;
    return false;
}

uint64_t gw_http_keep_alive_ms(gw_str_t value)
{
    static const gw_str_t name = {"timeout=", 8};
    while (value.len != 0) {
        const char *comma = memchr(value.ptr, ',', value.len);
        size_t len = comma != NULL ? (size_t)(comma - value.ptr) : value.len;
        gw_str_t part = gw_http_trim(gw_str(value.ptr, len));
        if (part.len > name.len && gw_str_equal_nocase(gw_str(part.ptr, name.len), name)) {
            uint64_t seconds = 0;
            for (size_t i = name.len; i != part.len; ++i) {
                if (part.ptr[i] < '0' || part.ptr[i] > '9' || seconds > 1000000)
                    return UINT64_MAX;
                seconds = seconds * 10 + (uint64_t)(part.ptr[i] - '0');
            }
            return seconds * 1000;
        }
        len += comma != NULL;
        value = gw_str(value.ptr + len, value.len - len);
    }
    return UINT64_MAX;
}
