/* SPDX-License-Identifier: MIT
 * Numbers as hexadecimal text, for what is written with every request. */
#ifndef GW_BASE_HEX_H
#define GW_BASE_HEX_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

/** Eight digits at once, a digit a byte: the nibbles are spread out, and what is beyond 9 gets the distance to 'a'. */
static inline char *gw_put_hex8(char *dst, uint32_t number)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t digits = number;
    digits = (digits << 16 | digits) & UINT64_C(0x0000ffff0000ffff);
    digits = (digits << 8 | digits) & UINT64_C(0x00ff00ff00ff00ff);
    digits = (digits << 4 | digits) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    uint64_t is_letter = (digits + ones * 6) >> 4 & ones;
    uint64_t text = htobe64(digits + ones * '0' + is_letter * ('a' - '9' - 1));
    memcpy(dst, &text, 8);
    return dst + 8;
}

/** Sixteen digits, lower-case, with leading zeros.  @return behind the last one */
static inline char *gw_put_hex16(char *dst, uint64_t number)
{
    return gw_put_hex8(gw_put_hex8(dst, (uint32_t)(number >> 32)), (uint32_t)number);
}

#endif
