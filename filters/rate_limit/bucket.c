/* SPDX-License-Identifier: MIT
 * The token bucket as one number. */
#include "filters/rate_limit/bucket.h"

/* thirty years from the start of the clock, and as much again for what lies ahead of now */
static const uint64_t longest_us = 30ull * 366 * 24 * 3600 * 1000000, most_ticks = 1ull << 62;

/** until a bucket is full: so that what it owes, as a time from now, is not too much for 64 bits */
static const uint64_t longest_fill_us = 1ull << 58;

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static bool product(uint64_t a, uint64_t b, uint64_t most, uint64_t *ret)
{
    return !__builtin_mul_overflow(a, b, ret) && *ret <= most;
}

static bool make(const gw_rate_t *rate, uint64_t unit_us, uint64_t burst, uint64_t share, gw_bucket_rules_t *rules)
{
    uint64_t period = rate->period_us / unit_us, divisor = gcd(rate->tokens, period), ticks;
    rules->unit_us = unit_us;
    rules->ticks_per_unit = rate->tokens / divisor;
    if (!product(longest_us / unit_us, rules->ticks_per_unit, most_ticks / 2, &ticks) ||
        !product(period / divisor, burst, most_ticks / 16, &rules->capacity) ||
        !product(period / divisor, share, most_ticks / 16, &rules->ticks_per_token))
        return false;
    if (rules->capacity < rules->ticks_per_token)
        rules->capacity = rules->ticks_per_token;
    if (rules->capacity / rules->ticks_per_unit > longest_fill_us / unit_us)
        return false;
    rules->burst = rules->capacity / rules->ticks_per_token;
    return true;
}

bool gw_bucket_rules_make(const gw_rate_t *rate, uint64_t burst, uint64_t share, gw_bucket_rules_t *rules)
{
    for (uint64_t unit_us = 1; unit_us <= 1000; unit_us *= 10)
        if (rate->period_us % unit_us == 0 && make(rate, unit_us, burst, share, rules))
            return true;
    return false;
}

uint64_t gw_bucket_us(const gw_bucket_rules_t *rules, uint64_t ticks)
{
    return (ticks / rules->ticks_per_unit + (ticks % rules->ticks_per_unit != 0)) * rules->unit_us;
}

gw_bucket_level_t gw_bucket_level(const gw_bucket_rules_t *rules, gw_bucket_t bucket, uint64_t now)
{
    uint64_t missing = bucket > now ? bucket - now : 0;
    uint64_t there = missing < rules->capacity ? rules->capacity - missing : 0;
    gw_bucket_level_t level = {.remaining = there / rules->ticks_per_token};
    if (missing == 0)
        return level;
    /* the level at which one more is there; not beyond the capacity, which need not be a whole number of tokens */
    uint64_t next = (level.remaining + 1) * rules->ticks_per_token;
    if (next > rules->capacity)
        next = rules->capacity;
    level.full_us = gw_bucket_us(rules, missing);
    level.next_us = gw_bucket_us(rules, missing - (rules->capacity - next));
    return level;
}

gw_bucket_t gw_bucket_convert(const gw_bucket_rules_t *from, gw_bucket_t bucket, const gw_bucket_rules_t *to,
                              uint64_t now_us)
{
    uint64_t then = gw_bucket_ticks(from, now_us), now = gw_bucket_ticks(to, now_us);
    if (bucket <= then)
        return 0;
    unsigned __int128 missing = (unsigned __int128)(bucket - then) * to->ticks_per_token;
    missing = (missing + from->ticks_per_token - 1) / from->ticks_per_token;
    return now + (missing < to->capacity ? (uint64_t)missing : to->capacity);
}
