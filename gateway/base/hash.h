/* SPDX-License-Identifier: MIT
 * A hash of bytes that is the same in every process and on every machine (FNV-1a with the finaliser of MurmurHash3), so
 * that gateways beside each other send a key to the same place.  Not for tables that an attacker fills.  Pure. */
#ifndef GW_BASE_HASH_H
#define GW_BASE_HASH_H

#include "gateway/base/str.h"

static inline uint64_t gw_hash_mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdull;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ull;
    return x ^ x >> 33;
}

static inline uint64_t gw_hash(gw_str_t s)
{
    uint64_t x = 0xcbf29ce484222325ull;
    for (size_t i = 0; i != s.len; ++i)
        x = (x ^ (unsigned char)s.ptr[i]) * 0x100000001b3ull;
    return gw_hash_mix(x);
}

#endif
