/* SPDX-License-Identifier: MIT
 * A borrowed piece of text: pointer and length, not NUL-terminated, never owned.
 * Threads: a value; safe wherever the bytes it points at are. */
#ifndef GW_BASE_STR_H
#define GW_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct gw_str {
    const char *ptr; /* may be NULL when len is 0 */
    size_t len;
} gw_str_t;

#define GW_STR(literal) ((gw_str_t){(literal), sizeof(literal) - 1})

static inline gw_str_t gw_str(const char *ptr, size_t len)
{
    return (gw_str_t){ptr, len};
}

/** @param s NUL-terminated; NULL gives the empty text */
static inline gw_str_t gw_str_of(const char *s)
{
    return (gw_str_t){s, s != NULL ? strlen(s) : 0};
}

static inline bool gw_str_equal(gw_str_t a, gw_str_t b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline char gw_ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/** Equal but for the case of ASCII letters (field names, host names, schemes). */
static inline bool gw_str_equal_nocase(gw_str_t a, gw_str_t b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i != a.len; ++i)
        if (gw_ascii_lower(a.ptr[i]) != gw_ascii_lower(b.ptr[i]))
            return false;
    return true;
}

static inline bool gw_str_starts_with(gw_str_t s, gw_str_t prefix)
{
    return s.len >= prefix.len && memcmp(s.ptr, prefix.ptr, prefix.len) == 0;
}

#endif
