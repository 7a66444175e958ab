/* SPDX-License-Identifier: MIT
 * A token bucket as textbooks have it. */
#include "tests/support/exact_bucket.h"

exact_bucket_t exact_bucket_make(const gw_rate_t *rate, uint64_t burst, uint64_t share, uint64_t unit_us)
{
    exact_bucket_t bucket = {
        .one = (exact_t)rate->period_us * share,
        .capacity = (exact_t)burst * rate->period_us,
        .per_us = rate->tokens,
        .unit_us = unit_us,
    };
    if (bucket.capacity < bucket.one)
        bucket.capacity = bucket.one;
    bucket.tokens = bucket.capacity;
    return bucket;
}

void exact_bucket_advance(exact_bucket_t *bucket, uint64_t now_us)
{
    now_us -= now_us % bucket->unit_us;
    bucket->tokens += (exact_t)(now_us - bucket->now_us) * bucket->per_us;
    if (bucket->tokens > bucket->capacity)
        bucket->tokens = bucket->capacity;
    bucket->now_us = now_us;
}

/** More than a full bucket can never be had, and counts as that. */
static exact_t price(const exact_bucket_t *bucket, uint64_t cost)
{
    exact_t tokens = bucket->one * cost;
    return tokens > bucket->capacity ? bucket->capacity : tokens;
}

static uint64_t time_for(const exact_bucket_t *bucket, exact_t tokens)
{
    exact_t per_unit = bucket->per_us * bucket->unit_us;
    return tokens <= 0 ? 0 : (uint64_t)((tokens + per_unit - 1) / per_unit * bucket->unit_us);
}

bool exact_bucket_take(exact_bucket_t *bucket, uint64_t cost, uint64_t max_wait_us, uint64_t *ret_wait_us)
{
    exact_t left = bucket->tokens - price(bucket, cost);
    *ret_wait_us = time_for(bucket, -left);
    if (*ret_wait_us > max_wait_us)
        return false;
    bucket->tokens = left;
    return true;
}

void exact_bucket_charge(exact_bucket_t *bucket, uint64_t cost)
{
    exact_t left = bucket->tokens - price(bucket, cost), least = -bucket->capacity;
    if (left >= least)
        bucket->tokens = left;
    else if (bucket->tokens > least)
        bucket->tokens = least;
}

void exact_bucket_give_back(exact_bucket_t *bucket, uint64_t cost)
{
    bucket->tokens += price(bucket, cost);
    if (bucket->tokens > bucket->capacity)
        bucket->tokens = bucket->capacity;
}

gw_bucket_level_t exact_bucket_level(const exact_bucket_t *bucket)
{
    gw_bucket_level_t level = {0};
    exact_t next;
    if (bucket->tokens > 0)
        level.remaining = (uint64_t)(bucket->tokens / bucket->one);
    if (bucket->tokens == bucket->capacity)
        return level;
    next = (exact_t)(level.remaining + 1) * bucket->one;
    level.next_us = time_for(bucket, (next < bucket->capacity ? next : bucket->capacity) - bucket->tokens);
    level.full_us = time_for(bucket, bucket->capacity - bucket->tokens);
    return level;
}
