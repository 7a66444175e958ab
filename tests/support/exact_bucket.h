/* SPDX-License-Identifier: MIT
 * A token bucket as textbooks have it, tokens and the time they were counted at, in fractions that are exact: what the
 * rate limiter is compared with.  Tokens are multiples of 1 / (period_us * share), so nothing is ever rounded.
 * Threads: one. */
#ifndef GW_TESTS_EXACT_BUCKET_H
#define GW_TESTS_EXACT_BUCKET_H

#include "filters/rate_limit/bucket.h"

__extension__ typedef __int128 exact_t;

typedef struct exact_bucket {
    exact_t tokens; /* below 0: it owes */
    exact_t capacity, one, per_us;
    uint64_t unit_us; /* the clock is read in these steps */
    uint64_t now_us;
} exact_bucket_t;

/** Full, at the time 0.  @param unit_us of the rules under test */
exact_bucket_t exact_bucket_make(const gw_rate_t *rate, uint64_t burst, uint64_t share, uint64_t unit_us);
/** Time goes on; never back. */
void exact_bucket_advance(exact_bucket_t *bucket, uint64_t now_us);
/** @return false: there are not, and nothing was taken; *ret_wait_us is rounded up to the unit */
bool exact_bucket_take(exact_bucket_t *bucket, uint64_t cost, uint64_t max_wait_us, uint64_t *ret_wait_us);
void exact_bucket_charge(exact_bucket_t *bucket, uint64_t cost);
void exact_bucket_give_back(exact_bucket_t *bucket, uint64_t cost);
gw_bucket_level_t exact_bucket_level(const exact_bucket_t *bucket);

#endif
