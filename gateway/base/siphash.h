/* SPDX-License-Identifier: MIT
 * SipHash-1-3 (Aumasson and Bernstein, 2012, with one compression and three finalisation rounds): a hash with a secret
 * key, for tables that clients fill and whose chains they must not be able to make long.  Pure. */
#ifndef GW_BASE_SIPHASH_H
#define GW_BASE_SIPHASH_H

#include "gateway/base/str.h"

/** @param key 16 secret random bytes as two numbers */
uint64_t gw_siphash(const uint64_t key[2], gw_str_t s);
/** The one of 128 bits, which has nothing in common with the other.  @param ret its bytes as two numbers */
void gw_siphash_128(const uint64_t key[2], gw_str_t s, uint64_t ret[2]);

#endif
