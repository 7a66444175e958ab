/* SPDX-License-Identifier: MIT
 * Fuzz target: limits and their tables, beside buckets in exact fractions.  Bytes are a conf and then what clients do:
 * time passes, requests are counted, given back, charged, the conf is read again as it is.  The table is so small that
 * it fills up.  Verdicts, waits and levels are those of the exact buckets; a key never has a fresh bucket that it
 * should not have. */
#include <stdlib.h>
#include "filters/rate_limit/limits.h"
#include "gateway/base/siphash.h"
#include "tests/support/exact_bucket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NUM_KEYS = 64, NUM_LIMITS = 2, OVERFLOW = NUM_KEYS, MAX_STEPS = 400 };

typedef struct bench {
    const uint8_t *at, *end;
    gw_limit_conf_t confs[NUM_LIMITS];
    gw_limit_rules_t rules[NUM_LIMITS];
    gw_limits_t *limits;
    gw_when_full_t when_full;
    uint64_t now_us;
    exact_bucket_t exact[NUM_LIMITS][NUM_KEYS + 1];
    gw_limits_answer_t last[NUM_KEYS]; /* to what may be given back */
    uint64_t last_cost[NUM_KEYS];
} bench_t;

static void must(bool holds)
{
    if (!holds)
        abort();
}

static uint64_t next(bench_t *bench, uint64_t end)
{
    uint64_t number = bench->at != bench->end ? *bench->at++ : 0;
    if (end > 256)
        number = number << 8 | (bench->at != bench->end ? *bench->at++ : 0u);
    return number % end;
}

static bool open_bench(bench_t *bench)
{
    static const uint64_t periods_us[] = {1000, 250000, 1000000, 17000000, 3600000000, 86400000000};
    bench->when_full = next(bench, 2) == 0 ? GW_FULL_SHARED : GW_FULL_REFUSE;
    uint64_t share = 1 + next(bench, 5);
    for (size_t i = 0; i != NUM_LIMITS; ++i) {
        uint64_t tokens = 1 + next(bench, 1000), period_us = periods_us[next(bench, 6)];
        bench->confs[i] = (gw_limit_conf_t){.name = i == 0 ? "first" : "second", .rate = {tokens, period_us}};
        bench->confs[i].burst = 1 + next(bench, 40);
    }
    if (!gw_limits_make_rules(bench->confs, NUM_LIMITS, share, bench->rules))
        return false;
    bench->now_us = 5000000;
    for (size_t i = 0; i != NUM_LIMITS; ++i)
        for (size_t key = 0; key <= NUM_KEYS; ++key) {
            bench->exact[i][key] = exact_bucket_make(&bench->confs[i].rate, bench->confs[i].burst, share,
                                                     bench->rules[i].enforced.unit_us);
            exact_bucket_advance(&bench->exact[i][key], bench->now_us);
        }
    bench->limits = gw_limits_create(bench->confs, NUM_LIMITS, 1, bench->when_full, NULL, bench->now_us);
    return true;
}

static void let_time_pass(bench_t *bench)
{
    static const uint64_t steps_us[] = {1, 100, 7000, 250000, 1000000, 1000001, 60000000, 86400000000};
    bench->now_us += steps_us[next(bench, 8)] * next(bench, 20);
    for (size_t i = 0; i != NUM_LIMITS; ++i)
        for (size_t key = 0; key <= NUM_KEYS; ++key)
            exact_bucket_advance(&bench->exact[i][key], bench->now_us);
}

static gw_limits_ask_t ask_of(const bench_t *bench, uint64_t key, uint64_t cost)
{
    return (gw_limits_ask_t){.rules = bench->rules,
                             .hash = gw_siphash((uint64_t[2]){1, 2}, gw_str((const char *)&key, sizeof(key))),
                             .now_us = bench->now_us,
                             .cost = cost};
}

static void same_level(const exact_bucket_t *bucket, const gw_bucket_level_t *level)
{
    gw_bucket_level_t exact = exact_bucket_level(bucket);
    must(level->remaining == exact.remaining && level->next_us == exact.next_us && level->full_us == exact.full_us);
}

/** Those that the key asked: its own, or where there was no room the one for all others.  @return NULL: refused */
static exact_bucket_t *asked(bench_t *bench, size_t i, uint64_t key, uint32_t no_room)
{
    if ((no_room & 1u << i) == 0)
        return &bench->exact[i][key];
    return bench->when_full == GW_FULL_SHARED ? &bench->exact[i][OVERFLOW] : NULL;
}

static void take(bench_t *bench)
{
    uint64_t key = next(bench, NUM_KEYS), cost = next(bench, 8), longest_us = 0;
    gw_limits_ask_t ask = ask_of(bench, key, cost);
    gw_limits_answer_t answer;
    exact_bucket_t after[NUM_LIMITS];
    uint32_t refused_by = 0;
    gw_limits_take(bench->limits, &ask, &answer);
    must(answer.trial_refused_by == 0 && answer.trial_no_room == 0);
    /* only one that is full may be without a place */
    for (size_t i = 0; i != NUM_LIMITS; ++i)
        must((answer.no_room & 1u << i) == 0 || bench->exact[i][key].tokens == bench->exact[i][key].capacity);
    for (size_t i = 0; i != NUM_LIMITS; ++i) {
        exact_bucket_t *bucket = asked(bench, i, key, answer.no_room);
        uint64_t wait_us = 1000000;
        bool passes = bucket != NULL;
        if (passes) {
            after[i] = *bucket;
            passes = exact_bucket_take(&after[i], cost, 0, &wait_us);
        }
        if (!passes) {
            refused_by |= 1u << i;
            longest_us = wait_us > longest_us ? wait_us : longest_us;
        }
    }
    must((answer.refused_by == 0) == (refused_by == 0) && (answer.refused_by & ~refused_by) == 0);
    if (answer.no_room == 0)
        must(answer.refused_by == refused_by && answer.wait_us == longest_us);
    for (size_t i = 0; i != NUM_LIMITS; ++i) {
        exact_bucket_t *bucket = asked(bench, i, key, answer.no_room);
        if (bucket == NULL)
            continue;
        if (refused_by == 0)
            *bucket = after[i];
        if (answer.no_room == 0)
            same_level(bucket, &answer.levels[i]);
    }
    bench->last[key] = answer;
    bench->last_cost[key] = refused_by == 0 ? cost : 0;
}

static void give_back(bench_t *bench)
{
    uint64_t key = next(bench, NUM_KEYS), cost = bench->last_cost[key];
    if (cost == 0)
        return;
    gw_limits_ask_t ask = ask_of(bench, key, cost);
    gw_bucket_level_t levels[NUM_LIMITS];
    gw_limits_give_back(bench->limits, &ask, &bench->last[key], levels);
    for (size_t i = 0; i != NUM_LIMITS; ++i) {
        exact_bucket_t *bucket = asked(bench, i, key, bench->last[key].no_room);
        exact_bucket_give_back(bucket, cost);
        same_level(bucket, &levels[i]);
    }
    bench->last_cost[key] = 0;
}

/** Which bucket was charged is not told; it is the key's own one when that is what the key has afterwards. */
static void charge(bench_t *bench)
{
    uint64_t key = next(bench, NUM_KEYS), cost = 1 + next(bench, 50);
    gw_limits_ask_t ask = ask_of(bench, key, cost), look = ask_of(bench, key, 0);
    gw_bucket_level_t levels[NUM_LIMITS];
    gw_limits_answer_t afterwards;
    gw_limits_charge(bench->limits, &ask, levels);
    gw_limits_take(bench->limits, &look, &afterwards);
    for (size_t i = 0; i != NUM_LIMITS; ++i) {
        exact_bucket_t *own = &bench->exact[i][key], *shared = &bench->exact[i][OVERFLOW];
        bool is_own = afterwards.levels[i].full_us == levels[i].full_us;
        must(is_own || own->tokens == own->capacity);
        if (!is_own && bench->when_full == GW_FULL_REFUSE)
            continue;
        exact_bucket_charge(is_own ? own : shared, cost);
        same_level(is_own ? own : shared, &levels[i]);
    }
}

static void look_at_all(bench_t *bench)
{
    for (uint64_t key = 0; key != NUM_KEYS; ++key) {
        gw_limits_ask_t ask = ask_of(bench, key, 0);
        gw_limits_answer_t answer;
        gw_limits_take(bench->limits, &ask, &answer);
        for (size_t i = 0; i != NUM_LIMITS; ++i)
            same_level(&bench->exact[i][key], &answer.levels[i]);
    }
}

static void reload(bench_t *bench)
{
    gw_limits_t *previous = bench->limits;
    bench->limits = gw_limits_create(bench->confs, NUM_LIMITS, 1, bench->when_full, previous, bench->now_us);
    gw_limits_unref(previous);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bench_t bench;
    bench = (bench_t){.at = data, .end = data + size};
    if (!open_bench(&bench))
        return 0;
    for (unsigned i = 0; bench.at != bench.end && i != MAX_STEPS; ++i)
        switch (next(&bench, 16)) {
        case 0:
        case 1:
            let_time_pass(&bench);
            break;
        case 2:
            give_back(&bench);
            break;
        case 3:
            charge(&bench);
            break;
        case 4:
            look_at_all(&bench);
            break;
        case 5:
            reload(&bench);
            break;
        default:
            take(&bench);
        }
    look_at_all(&bench);
    gw_limits_unref(bench.limits);
    return 0;
}
