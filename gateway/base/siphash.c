/* SPDX-License-Identifier: MIT
 * SipHash-1-3. */
#include <endian.h>
#include "gateway/base/siphash.h"

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void mix(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static inline void take(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    mix(v);
    v[0] ^= word;
}

static inline void begin(uint64_t v[4], const uint64_t key[2])
{
    v[0] = key[0] ^ 0x736f6d6570736575ull;
    v[1] = key[1] ^ 0x646f72616e646f6dull;
    v[2] = key[0] ^ 0x6c7967656e657261ull;
    v[3] = key[1] ^ 0x7465646279746573ull;
}

static inline void take_all(uint64_t v[4], gw_str_t s)
{
    uint64_t word, last = (uint64_t)s.len << 56;
    size_t left = s.len;
    for (; left >= 8; left -= 8) {
        memcpy(&word, s.ptr + (s.len - left), 8);
        take(v, le64toh(word));
    }
    if (left != 0 && s.len >= 8) { /* together with bytes before them, which are shifted out */
        memcpy(&word, s.ptr + (s.len - 8), 8);
        last |= le64toh(word) >> (64 - 8 * left);
    } else {
        for (size_t i = 0; i != left; ++i)
            last |= (uint64_t)(unsigned char)s.ptr[i] << 8 * i;
    }
    take(v, last);
}

static inline uint64_t finish(uint64_t v[4])
{
    for (int i = 0; i != 3; ++i)
        mix(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t gw_siphash(const uint64_t key[2], gw_str_t s)
{
    uint64_t v[4];
    begin(v, key);
    take_all(v, s);
    v[2] ^= 0xff;
    return finish(v);
}

void gw_siphash_128(const uint64_t key[2], gw_str_t s, uint64_t ret[2])
{
    uint64_t v[4];
    begin(v, key);
    v[1] ^= 0xee;
    take_all(v, s);
    v[2] ^= 0xee;
    ret[0] = finish(v);
    v[1] ^= 0xdd;
    ret[1] = finish(v);
}
