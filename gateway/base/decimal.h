/* SPDX-License-Identifier: MIT
 * Numbers as decimal text, for what is written with every request: sprintf costs some 700 instructions. */
#ifndef GW_BASE_DECIMAL_H
#define GW_BASE_DECIMAL_H

#include <stdint.h>
#include <string.h>

#define GW_DECIMAL_MAX 20 /* digits of the largest; there is no NUL */

/** @return behind the last digit */
static inline char *gw_put_decimal(char *dst, uint64_t number)
{
    char digits[GW_DECIMAL_MAX];
    size_t at = sizeof(digits);
    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    size_t len = sizeof(digits) - at;
    memcpy(dst, digits + at, len);
    return dst + len;
}

#endif
