/* SPDX-License-Identifier: MIT
 * The token bucket as one number.  A bucket holds at most `burst` tokens, gets `rate.tokens` every `rate.period_us`
 * and gives them to requests.  The number is the time at which it will be full again (the theoretical arrival time of
 * the generic cell rate algorithm, ITU-T I.371: the same bucket seen from the other side): one that is full needs no
 * number at all, and taking is one addition.
 *
 * Time is counted in ticks, chosen so that a token and a unit of the clock are both whole numbers of them: with
 * g = gcd(tokens, period in units), a token takes period/g ticks to come and a unit of the clock is tokens/g ticks.  So
 * nothing is ever rounded but what is told to people.
 *
 * Pure: time is an argument, in microseconds of a monotonic clock.  Clocks may differ a little (each worker reads its
 * own once per turn): one that is behind finds fewer tokens in a bucket, never more, and what is taken by several
 * clocks is at most a full bucket and what comes between the earliest and the latest of their times. */
#ifndef FILTERS_RATE_LIMIT_BUCKET_H
#define FILTERS_RATE_LIMIT_BUCKET_H

#include "filters/rate_limit/rate.h"

#define GW_BURST_MAX 1000000000u
#define GW_SHARE_MAX 1000u

/** 0, or any time that is over: full. */
typedef uint64_t gw_bucket_t;

typedef struct gw_bucket_rules {
    uint64_t unit_us; /* the clock is looked at in these steps: 1, 10, 100 or 1000 */
    uint64_t ticks_per_unit;
    uint64_t ticks_per_token;
    uint64_t capacity; /* ticks: those of all tokens of a full bucket */
    uint64_t burst;    /* the same in tokens, rounded down */
} gw_bucket_rules_t;

/** @param burst tokens of a full bucket, 1..GW_BURST_MAX
 *  @param share this gateway's part of the limit is 1/share, 1..GW_SHARE_MAX; at least one token is in a full bucket
 *  @return false: such a rate cannot be counted exactly in 64 bits for thirty years (999999937/s), or such a burst
 * takes more than nine thousand years to come */
bool gw_bucket_rules_make(const gw_rate_t *rate, uint64_t burst, uint64_t share, gw_bucket_rules_t *ret);

static inline uint64_t gw_bucket_ticks(const gw_bucket_rules_t *rules, uint64_t now_us)
{
    return now_us / rules->unit_us * rules->ticks_per_unit;
}

/** @return microseconds, rounded up */
uint64_t gw_bucket_us(const gw_bucket_rules_t *rules, uint64_t ticks);

/** Ticks of `cost` tokens; more than a full bucket holds counts as a full one, since it could never be had. */
static inline uint64_t gw_bucket_cost(const gw_bucket_rules_t *rules, uint64_t cost)
{
    return cost > rules->burst ? rules->capacity : cost * rules->ticks_per_token;
}

/** Takes tokens if they are there, or will be soon.
 *  @param now, cost, max_wait in ticks   @param ret_wait how long to wait for them, at most max_wait
 *  @return false: refused; then *ret_wait is when they are there if nobody else takes any, and nothing was taken */
static inline bool gw_bucket_take(const gw_bucket_rules_t *rules, gw_bucket_t bucket, uint64_t now, uint64_t cost,
                                  uint64_t max_wait, gw_bucket_t *ret_bucket, uint64_t *ret_wait)
{
    uint64_t full = (bucket > now ? bucket : now) + cost, most = now + rules->capacity;
    *ret_wait = full > most ? full - most : 0;
    if (*ret_wait > max_wait)
        return false;
    *ret_bucket = full;
    return true;
}

/** Takes tokens whether they are there or not: for what is known only afterwards.  A bucket owes at most what it can
 * hold.  @return the bucket then */
static inline gw_bucket_t gw_bucket_charge(const gw_bucket_rules_t *rules, gw_bucket_t bucket, uint64_t now,
                                           uint64_t cost)
{
    uint64_t full = (bucket > now ? bucket : now) + cost, most = now + 2 * rules->capacity;
    return full < most ? full : bucket > most ? bucket : most;
}

/** Brings back tokens that were taken. */
static inline gw_bucket_t gw_bucket_give_back(gw_bucket_t bucket, uint64_t cost)
{
    return bucket > cost ? bucket - cost : 0;
}

/** What is in it, for people. */
typedef struct gw_bucket_level {
    uint64_t remaining; /* whole tokens */
    uint64_t next_us;   /* until there is one more, or it is full with a part of one; 0: it is full */
    uint64_t full_us;   /* until it is full */
} gw_bucket_level_t;

gw_bucket_level_t gw_bucket_level(const gw_bucket_rules_t *rules, gw_bucket_t bucket, uint64_t now);

/** The same bucket by other rules: as many tokens are missing from it, at most all that it holds now. */
gw_bucket_t gw_bucket_convert(const gw_bucket_rules_t *from, gw_bucket_t bucket, const gw_bucket_rules_t *to,
                              uint64_t now_us);

#endif
