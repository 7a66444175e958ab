/* SPDX-License-Identifier: MIT
 * Random numbers that are fast and good enough to spread load, never to keep a secret (xorshift64*, S. Vigna 2016).
 * Pure; the state belongs to one thread. */
#ifndef GW_BASE_RANDOM_H
#define GW_BASE_RANDOM_H

#include <stdint.h>

/** @param state anything but 0 at first */
static inline uint64_t gw_random_next(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1dull;
}

/** @return 0..n-1; n is not 0 and below 2^32 */
static inline uint32_t gw_random_below(uint64_t *state, uint32_t n)
{
    return (uint32_t)((gw_random_next(state) >> 32) * n >> 32);
}

#endif
