/* SPDX-License-Identifier: MIT
 * The bucket in one number, beside one in fractions (tests/support/exact_bucket.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "tests/support/exact_bucket.h"

#define SECOND  1000000ull
#define HOUR    (3600 * SECOND)
#define DAY     (24 * HOUR)
#define YEAR    (366 * DAY)
#define LATEST  (30 * YEAR)
#define NUM(of) (sizeof(of) / sizeof((of)[0]))

/** xorshift64*: the same numbers in every run. */
static uint64_t random_next(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 0x2545f4914f6cdd1dull;
}

static uint64_t random_below(uint64_t *seed, uint64_t end)
{
    return (uint64_t)(((unsigned __int128)random_next(seed) * end) >> 64);
}

/** As often small as large. */
static uint64_t random_size(uint64_t *seed, uint64_t most)
{
    uint64_t bits = 1 + random_below(seed, 64 - (uint64_t)__builtin_clzll(most));
    uint64_t number = random_next(seed) >> (64 - bits);
    return number > most ? most : number;
}

/* rows ------------------------------------------------------------------------------------------------------------- */

static const struct rules_case {
    const char *about;
    gw_rate_t rate;
    uint64_t burst, share;
    bool is_made;
    gw_bucket_rules_t rules;
} rules_cases[] = {
    {"100/s", {100, SECOND}, 200, 1, true, {1, 1, 10000, 2000000, 200}},
    {"5/250ms", {5, 250000}, 5, 1, true, {1, 1, 50000, 250000, 5}},
    {"3/d", {3, DAY}, 3, 1, true, {1, 1, DAY / 3, DAY, 3}},
    {"no common divisor", {7, SECOND}, 7, 1, true, {1, 7, SECOND, 7 * SECOND, 7}},
    {"a third of a limit", {100, SECOND}, 200, 3, true, {1, 1, 30000, 2000000, 66}},
    {"a share of less than a token keeps one", {100, SECOND}, 2, 3, true, {1, 1, 30000, 30000, 1}},
    {"a share of exactly one token", {100, SECOND}, 3, 3, true, {1, 1, 30000, 30000, 1}},
    {"the largest share", {1, 366 * DAY}, 1, 1000, true, {1, 1, 1000 * YEAR, 1000 * YEAR, 1}},
    {"the largest prime that is counted to the microsecond", {2423, SECOND}, 1, 1, true, {1, 2423, SECOND, SECOND, 1}},
    {"a larger one, to ten of them", {2437, SECOND}, 1, 1, true, {10, 2437, 100000, 100000, 1}},
    {"a prime in hundreds", {24317, SECOND}, 1, 1, true, {100, 24317, 10000, 10000, 1}},
    {"a prime in milliseconds", {999983, SECOND}, 2, 1, true, {1000, 999983, 1000, 2000, 2}},
    {"the largest prime", {2430587, SECOND}, 1, 1, true, {1000, 2430587, 1000, 1000, 1}},
    {"too fast to be exact", {2430601, SECOND}, 1, 1, false, {0}},
    {"999999937/s", {999999937, SECOND}, 1, 1, false, {0}},
    {"the fastest", {1000000000, SECOND}, GW_BURST_MAX, 1, true, {1, 1000, 1, GW_BURST_MAX, GW_BURST_MAX}},
    {"the fastest of all", {1000000000, 1000}, 1, 1, false, {0}},
    {"a burst that takes thousands of years", {1, DAY}, 3335999, 1, true, {1, 1, DAY, 3335999 * DAY, 3335999}},
    {"one token more", {1, DAY}, 3336000, 1, false, {0}},
    {"as long in larger ticks",
     {2437, SECOND},
     GW_BURST_MAX,
     1,
     true,
     {10, 2437, 100000, 100000000000000, GW_BURST_MAX}},
    {"the slowest and the largest", {1, 366 * DAY}, GW_BURST_MAX, 1, false, {0}},
    {"an empty burst of the slowest", {1, 366 * DAY}, 1, 1, true, {1, 1, 366 * DAY, 366 * DAY, 1}},
};

static void rules_are_whole_numbers_of_ticks_or_none(void **state)
{
    (void)state;
    for (size_t i = 0; i != NUM(rules_cases); ++i) {
        const struct rules_case *row = &rules_cases[i];
        gw_bucket_rules_t rules = {0};
        if (gw_bucket_rules_make(&row->rate, row->burst, row->share, &rules) != row->is_made)
            fail_msg("%s: %s", row->about, row->is_made ? "refused" : "made");
        if (row->is_made && memcmp(&rules, &row->rules, sizeof(rules)) != 0)
            fail_msg("%s: unit %llu, %llu per unit, %llu per token, capacity %llu, burst %llu", row->about,
                     (unsigned long long)rules.unit_us, (unsigned long long)rules.ticks_per_unit,
                     (unsigned long long)rules.ticks_per_token, (unsigned long long)rules.capacity,
                     (unsigned long long)rules.burst);
    }
}

/* the numbers of a table are read by workers whose shares differ */
static void a_share_changes_no_clock(void **state)
{
    uint64_t seed = 4711;
    (void)state;
    for (int i = 0; i != 20000; ++i) {
        gw_rate_t rate = {1 + random_size(&seed, GW_RATE_MAX_TOKENS - 1),
                          GW_RATE_MIN_PERIOD_US + random_size(&seed, 366ull * 86400 * 1000 - 1) * 1000};
        uint64_t burst = 1 + random_size(&seed, GW_BURST_MAX - 1);
        gw_bucket_rules_t whole = {0}, part = {0};
        bool is_made = gw_bucket_rules_make(&rate, burst, 1, &whole);
        for (uint64_t share = 2; share <= 1000; share = share * 3 - (share == 162 ? 0 : share % 2)) {
            assert_int_equal(gw_bucket_rules_make(&rate, burst, share, &part), is_made);
            if (!is_made)
                break;
            assert_int_equal(part.unit_us, whole.unit_us);
            assert_int_equal(part.ticks_per_unit, whole.ticks_per_unit);
            assert_int_equal(part.ticks_per_token, whole.ticks_per_token * share);
        }
    }
}

static void ticks_become_microseconds_rounded_up_to_the_unit(void **state)
{
    static const struct {
        const char *about;
        gw_bucket_rules_t rules;
        uint64_t ticks, us;
    } cases[] = {
        {"none", {.unit_us = 1, .ticks_per_unit = 7}, 0, 0},
        {"a part of a unit", {.unit_us = 1, .ticks_per_unit = 7}, 1, 1},
        {"a unit", {.unit_us = 1, .ticks_per_unit = 7}, 7, 1},
        {"a unit and a bit", {.unit_us = 1, .ticks_per_unit = 7}, 8, 2},
        {"a larger unit", {.unit_us = 1000, .ticks_per_unit = 7}, 8, 2000},
        {"the largest number", {.unit_us = 1, .ticks_per_unit = 1}, UINT64_MAX, UINT64_MAX},
    };
    (void)state;
    for (size_t i = 0; i != NUM(cases); ++i)
        if (gw_bucket_us(&cases[i].rules, cases[i].ticks) != cases[i].us)
            fail_msg("%s: %llu", cases[i].about, (unsigned long long)gw_bucket_us(&cases[i].rules, cases[i].ticks));
}

/* beside the exact one --------------------------------------------------------------------------------------------- */

static const gw_rate_t odd_rates[] = {
    {100, SECOND},    {5, 250000},     {3, DAY},       {999983, SECOND},  {1, 366 * DAY}, {1000000000, SECOND},
    {7, 90 * SECOND}, {1000, HOUR},    {13, 17000},    {1, 1000},         {997, 31000},   {1000000, SECOND},
    {2423, SECOND},   {24317, SECOND}, {2437, SECOND}, {60, 60 * SECOND},
};

typedef struct pair {
    gw_rate_t rate;
    uint64_t burst, share;
    gw_bucket_rules_t rules;
    exact_bucket_t exact;
    gw_bucket_t bucket;
    uint64_t seed, now_us;
} pair_t;

/** @return false: these cannot be counted */
static bool make_pair(pair_t *pair, uint64_t number)
{
    uint64_t *seed = &pair->seed;
    *pair = (pair_t){.seed = number * 0x9e3779b97f4a7c15ull + 1};
    pair->rate = odd_rates[number % NUM(odd_rates)];
    if (random_below(seed, 2) == 0)
        pair->rate = (gw_rate_t){1 + random_size(seed, 2000000), 1000 * (1 + random_size(seed, 86400000))};
    pair->burst = 1 + random_size(seed, random_below(seed, 2) == 0 ? 20 : 1000000);
    pair->share = random_below(seed, 3) != 0 ? 1 : 1 + random_size(seed, GW_SHARE_MAX - 1);
    if (!gw_bucket_rules_make(&pair->rate, pair->burst, pair->share, &pair->rules))
        return false;
    pair->exact = exact_bucket_make(&pair->rate, pair->burst, pair->share, pair->rules.unit_us);
    pair->now_us = random_below(seed, 4) == 0 ? LATEST - YEAR : random_size(seed, YEAR);
    exact_bucket_advance(&pair->exact, pair->now_us);
    return true;
}

static uint64_t tokens_us(const pair_t *pair, uint64_t tokens)
{
    return gw_bucket_us(&pair->rules, tokens * pair->rules.ticks_per_token);
}

/** Not at all, a moment, the time of some tokens and just before, until it is full and beyond. */
static void let_time_pass(pair_t *pair)
{
    uint64_t *seed = &pair->seed, step = 0;
    switch (random_below(seed, 8)) {
    case 0:
    case 1:
    case 2:
        break;
    case 3:
        step = random_size(seed, 2000);
        break;
    case 4:
    case 5:
        step = random_below(seed, 2 * tokens_us(pair, 1) + 2);
        break;
    case 6:
        step = tokens_us(pair, 1 + random_below(seed, 3)) - random_below(seed, 2);
        break;
    default:
        step = random_below(seed, gw_bucket_us(&pair->rules, pair->rules.capacity) * 2);
    }
    if (pair->now_us + step > LATEST)
        step = 0;
    pair->now_us += step;
    exact_bucket_advance(&pair->exact, pair->now_us);
}

static uint64_t random_cost(pair_t *pair)
{
    uint64_t *seed = &pair->seed, most = pair->rules.burst;
    switch (random_below(seed, 8)) {
    case 0:
        return most;
    case 1:
        return most + 1;
    case 2:
        return random_size(seed, GW_BURST_MAX);
    case 3:
        return 1 + random_below(seed, most);
    default:
        return 1 + random_below(seed, most < 3 ? most : 3);
    }
}

static void fail_pair(const pair_t *pair, const char *about)
{
    fail_msg("%s: rate %llu/%lluus burst %llu share %llu at %llu us", about, (unsigned long long)pair->rate.tokens,
             (unsigned long long)pair->rate.period_us, (unsigned long long)pair->burst, (unsigned long long)pair->share,
             (unsigned long long)pair->now_us);
}

static void compare_levels(const pair_t *pair)
{
    gw_bucket_level_t level = gw_bucket_level(&pair->rules, pair->bucket, gw_bucket_ticks(&pair->rules, pair->now_us));
    gw_bucket_level_t exact = exact_bucket_level(&pair->exact);
    if (level.remaining != exact.remaining || level.next_us != exact.next_us || level.full_us != exact.full_us)
        fail_pair(pair, "another level");
}

static void step(pair_t *pair)
{
    uint64_t now = gw_bucket_ticks(&pair->rules, pair->now_us), cost = random_cost(pair), wait, exact_wait_us;
    uint64_t ticks = gw_bucket_cost(&pair->rules, cost);
    uint64_t what = random_below(&pair->seed, 16);
    if (what == 0) {
        pair->bucket = gw_bucket_charge(&pair->rules, pair->bucket, now, ticks);
        exact_bucket_charge(&pair->exact, cost);
    } else if (what == 1) {
        pair->bucket = gw_bucket_give_back(pair->bucket, ticks);
        exact_bucket_give_back(&pair->exact, cost);
    } else {
        uint64_t max_wait_us = what < 12 ? 0 : random_below(&pair->seed, 3 * tokens_us(pair, 1));
        if (max_wait_us > 60 * SECOND)
            max_wait_us = 60 * SECOND;
        bool is_taken = gw_bucket_take(&pair->rules, pair->bucket, now, ticks,
                                       gw_bucket_ticks(&pair->rules, max_wait_us), &pair->bucket, &wait);
        if (is_taken != exact_bucket_take(&pair->exact, cost, max_wait_us, &exact_wait_us))
            fail_pair(pair, "another verdict");
        if (gw_bucket_us(&pair->rules, wait) != exact_wait_us)
            fail_pair(pair, "another wait");
    }
    compare_levels(pair);
}

static void every_verdict_and_level_is_that_of_exact_arithmetic(void **state)
{
    unsigned num_made = 0;
    (void)state;
    for (uint64_t number = 0; number != 1500; ++number) {
        pair_t pair;
        if (!make_pair(&pair, number))
            continue;
        ++num_made;
        for (int i = 0; i != 250; ++i) {
            let_time_pass(&pair);
            step(&pair);
        }
    }
    assert_true(num_made > 1000);
}

static bool can_take(const gw_bucket_rules_t *rules, gw_bucket_t bucket, uint64_t now_us, uint64_t tokens)
{
    uint64_t wait;
    return gw_bucket_take(rules, bucket, gw_bucket_ticks(rules, now_us), tokens * rules->ticks_per_token, 0, &bucket,
                          &wait);
}

/** What is told holds: the tokens are there, not one more until next_us has passed, and then one more. */
static void what_is_told_of_a_bucket_comes_true(void **state)
{
    (void)state;
    for (uint64_t number = 0; number != 600; ++number) {
        pair_t pair;
        if (!make_pair(&pair, number))
            continue;
        for (int i = 0; i != 60; ++i) {
            const gw_bucket_rules_t *rules = &pair.rules;
            let_time_pass(&pair);
            step(&pair);
            gw_bucket_level_t level = gw_bucket_level(rules, pair.bucket, gw_bucket_ticks(rules, pair.now_us));
            uint64_t unit = rules->unit_us, now = pair.now_us;
            bool owes = pair.exact.tokens < 0;
            assert_int_equal(can_take(rules, pair.bucket, now, level.remaining), !owes);
            assert_false(can_take(rules, pair.bucket, now, level.remaining + 1));
            assert_int_equal(level.next_us == 0, level.full_us == 0);
            assert_int_equal(level.next_us == 0, pair.exact.tokens == pair.exact.capacity);
            if (level.next_us == 0)
                continue;
            assert_true(level.next_us <= level.full_us);
            gw_bucket_level_t then = gw_bucket_level(rules, pair.bucket, gw_bucket_ticks(rules, now + level.full_us));
            assert_true(then.remaining == rules->burst && then.full_us == 0);
            then = gw_bucket_level(rules, pair.bucket, gw_bucket_ticks(rules, now + level.full_us - unit));
            assert_true(then.full_us == unit);
            if (level.remaining == rules->burst)
                continue; /* what is missing is less than a token */
            assert_true(can_take(rules, pair.bucket, now + level.next_us, level.remaining + 1));
            assert_false(can_take(rules, pair.bucket, now + level.next_us - unit, level.remaining + 1));
        }
    }
}

static void one_who_waits_as_long_as_told_is_let_in_and_not_before(void **state)
{
    (void)state;
    for (uint64_t number = 0; number != 600; ++number) {
        pair_t pair;
        if (!make_pair(&pair, number))
            continue;
        for (int i = 0; i != 60; ++i) {
            const gw_bucket_rules_t *rules = &pair.rules;
            let_time_pass(&pair);
            step(&pair);
            uint64_t cost = gw_bucket_cost(rules, random_cost(&pair)), wait;
            gw_bucket_t bucket = pair.bucket;
            if (gw_bucket_take(rules, bucket, gw_bucket_ticks(rules, pair.now_us), cost, 0, &bucket, &wait))
                continue;
            assert_true(bucket == pair.bucket && wait != 0);
            uint64_t wait_us = gw_bucket_us(rules, wait), ignored;
            assert_true(gw_bucket_take(rules, bucket, gw_bucket_ticks(rules, pair.now_us + wait_us), cost, 0, &bucket,
                                       &ignored));
            bucket = pair.bucket;
            assert_false(gw_bucket_take(rules, bucket, gw_bucket_ticks(rules, pair.now_us + wait_us - rules->unit_us),
                                        cost, 0, &bucket, &ignored));
            /* or it takes them now and waits: for exactly as long, not for a tick less */
            assert_false(
                gw_bucket_take(rules, bucket, gw_bucket_ticks(rules, pair.now_us), cost, wait - 1, &bucket, &ignored));
            assert_true(
                gw_bucket_take(rules, bucket, gw_bucket_ticks(rules, pair.now_us), cost, wait, &bucket, &ignored));
            assert_true(ignored == wait);
        }
    }
}

/* clocks that differ ----------------------------------------------------------------------------------------------- */

static void a_clock_that_is_behind_finds_no_more_and_leaves_no_more(void **state)
{
    (void)state;
    for (uint64_t number = 0; number != 600; ++number) {
        pair_t pair;
        if (!make_pair(&pair, number))
            continue;
        for (int i = 0; i != 60; ++i) {
            const gw_bucket_rules_t *rules = &pair.rules;
            let_time_pass(&pair);
            step(&pair);
            uint64_t now = gw_bucket_ticks(rules, pair.now_us), cost = gw_bucket_cost(rules, random_cost(&pair)), wait,
                     late_wait;
            uint64_t behind = gw_bucket_ticks(rules, random_size(&pair.seed, 5000));
            uint64_t late = now > behind ? now - behind : 0;
            gw_bucket_t by_right = pair.bucket, by_late = pair.bucket;
            bool is_taken = gw_bucket_take(rules, by_right, now, cost, 0, &by_right, &wait);
            bool is_taken_late = gw_bucket_take(rules, by_late, late, cost, 0, &by_late, &late_wait);
            assert_true(is_taken || !is_taken_late);
            assert_true(late_wait >= wait);
            if (is_taken_late)
                assert_true(by_late >= pair.bucket + cost || pair.bucket < late);
            gw_bucket_level_t level = gw_bucket_level(rules, pair.bucket, now);
            gw_bucket_level_t late_level = gw_bucket_level(rules, pair.bucket, late);
            assert_true(late_level.remaining <= level.remaining && late_level.full_us >= level.full_us);
        }
    }
}

/** All that passes is at most a full bucket and what comes between the earliest time and the latest. */
static void clocks_that_differ_let_pass_no_more_than_comes_in_their_time(void **state)
{
    (void)state;
    for (uint64_t number = 0; number != 1000; ++number) {
        pair_t pair;
        if (!make_pair(&pair, number))
            continue;
        const gw_bucket_rules_t *rules = &pair.rules;
        uint64_t earliest = UINT64_MAX, latest = 0, num_passed = 0;
        exact_t taken = 0;
        gw_bucket_t bucket = 0;
        for (int i = 0; i != 300; ++i) {
            let_time_pass(&pair);
            uint64_t behind = random_size(&pair.seed, 5000);
            uint64_t now_us = pair.now_us > behind ? pair.now_us - behind : 0, wait;
            uint64_t cost = 1 + random_below(&pair.seed, rules->burst < 3 ? rules->burst : 3);
            now_us -= now_us % rules->unit_us;
            if (!gw_bucket_take(rules, bucket, gw_bucket_ticks(rules, now_us), gw_bucket_cost(rules, cost), 0, &bucket,
                                &wait))
                continue;
            ++num_passed;
            earliest = now_us < earliest ? now_us : earliest;
            latest = now_us > latest ? now_us : latest;
            taken += cost * pair.exact.one;
            if (taken > pair.exact.capacity + (exact_t)(latest - earliest) * pair.exact.per_us)
                fail_pair(&pair, "too much passed");
        }
        assert_true(num_passed != 0);
    }
}

/* charging, giving back, moving ------------------------------------------------------------------------------------ */

static void a_bucket_owes_at_most_what_it_can_hold(void **state)
{
    static const gw_rate_t rate = {10, SECOND};
    gw_bucket_rules_t rules;
    gw_bucket_t bucket = 0;
    uint64_t now_us = 1000 * SECOND, wait;
    (void)state;
    assert_true(gw_bucket_rules_make(&rate, 20, 1, &rules));
    uint64_t now = gw_bucket_ticks(&rules, now_us);
    for (int i = 0; i != 10; ++i)
        bucket = gw_bucket_charge(&rules, bucket, now, gw_bucket_cost(&rules, 15));
    assert_int_equal(bucket, now + 2 * rules.capacity);
    gw_bucket_level_t level = gw_bucket_level(&rules, bucket, now);
    assert_int_equal(level.remaining, 0);
    assert_int_equal(level.next_us, 2100000);
    assert_int_equal(level.full_us, 4000000);
    assert_false(gw_bucket_take(&rules, bucket, now, 0, 0, &bucket, &wait)); /* not even what costs nothing */
    assert_int_equal(gw_bucket_us(&rules, wait), 2000000);
    /* one that waits for more than that already keeps what it owes */
    gw_bucket_t deep = now + 3 * rules.capacity;
    assert_int_equal(gw_bucket_charge(&rules, deep, now, gw_bucket_cost(&rules, 1)), deep);
    assert_int_equal(gw_bucket_charge(&rules, now + 2 * rules.capacity - 1, now, gw_bucket_cost(&rules, 1)),
                     now + 2 * rules.capacity);
    /* and one that is full is charged from now, not from when it became so */
    assert_int_equal(gw_bucket_charge(&rules, now - 5, now, 7), now + 7);
}

static void giving_back_never_makes_more_than_full(void **state)
{
    static const gw_rate_t rate = {10, SECOND};
    gw_bucket_rules_t rules;
    (void)state;
    assert_true(gw_bucket_rules_make(&rate, 20, 1, &rules));
    uint64_t now = gw_bucket_ticks(&rules, 1000 * SECOND), token = rules.ticks_per_token;
    assert_int_equal(gw_bucket_give_back(0, token), 0);
    assert_int_equal(gw_bucket_give_back(token, token), 0);
    assert_int_equal(gw_bucket_give_back(token - 1, token), 0);
    assert_int_equal(gw_bucket_give_back(now + 3 * token, token), now + 2 * token);
    assert_int_equal(gw_bucket_level(&rules, gw_bucket_give_back(now + token, 5 * token), now).remaining, 20);
}

static void taking_and_giving_back_leaves_a_bucket_as_it_was(void **state)
{
    (void)state;
    for (uint64_t number = 0; number != 600; ++number) {
        pair_t pair;
        if (!make_pair(&pair, number))
            continue;
        for (int i = 0; i != 40; ++i) {
            let_time_pass(&pair);
            step(&pair);
            uint64_t now = gw_bucket_ticks(&pair.rules, pair.now_us), wait;
            uint64_t cost = gw_bucket_cost(&pair.rules, random_cost(&pair));
            gw_bucket_t bucket;
            if (!gw_bucket_take(&pair.rules, pair.bucket, now, cost, 0, &bucket, &wait))
                continue;
            bucket = gw_bucket_give_back(bucket, cost);
            assert_int_equal(bucket > now ? bucket : now, pair.bucket > now ? pair.bucket : now);
        }
    }
}

static void a_bucket_moves_to_other_rules_with_what_is_missing(void **state)
{
    static const struct {
        const char *about;
        gw_rate_t from_rate;
        uint64_t from_burst;
        gw_rate_t to_rate;
        uint64_t to_burst, taken, remaining;
    } cases[] = {
        {"the same", {100, SECOND}, 100, {100, SECOND}, 100, 80, 20},
        {"a larger burst", {100, SECOND}, 100, {100, SECOND}, 150, 80, 70},
        {"a smaller burst", {100, SECOND}, 100, {100, SECOND}, 90, 80, 10},
        {"a burst smaller than what is missing", {100, SECOND}, 100, {100, SECOND}, 50, 80, 0},
        {"exactly as small", {100, SECOND}, 100, {100, SECOND}, 80, 80, 0},
        {"a slower rate", {100, SECOND}, 100, {1, DAY}, 100, 80, 20},
        {"a faster rate", {1, DAY}, 100, {100, SECOND}, 100, 80, 20},
        {"other ticks", {7, SECOND}, 100, {999983, SECOND}, 100, 80, 20},
        {"full stays full", {100, SECOND}, 100, {7, SECOND}, 10, 0, 10},
    };
    const uint64_t now_us = 5000 * SECOND;
    (void)state;
    for (size_t i = 0; i != NUM(cases); ++i) {
        gw_bucket_rules_t from, to;
        gw_bucket_t bucket = 0;
        uint64_t wait;
        assert_true(gw_bucket_rules_make(&cases[i].from_rate, cases[i].from_burst, 1, &from));
        assert_true(gw_bucket_rules_make(&cases[i].to_rate, cases[i].to_burst, 1, &to));
        if (cases[i].taken != 0)
            assert_true(gw_bucket_take(&from, bucket, gw_bucket_ticks(&from, now_us),
                                       gw_bucket_cost(&from, cases[i].taken), 0, &bucket, &wait));
        bucket = gw_bucket_convert(&from, bucket, &to, now_us);
        gw_bucket_level_t level = gw_bucket_level(&to, bucket, gw_bucket_ticks(&to, now_us));
        if (level.remaining != cases[i].remaining)
            fail_msg("%s: %llu", cases[i].about, (unsigned long long)level.remaining);
        if (cases[i].taken == 0)
            assert_int_equal(bucket, 0);
    }
}

static void moving_never_brings_tokens_nor_loses_a_whole_tick_of_them(void **state)
{
    (void)state;
    for (uint64_t number = 0; number != 800; ++number) {
        pair_t pair, other;
        if (!make_pair(&pair, number) || !make_pair(&other, number * 7 + 3))
            continue;
        for (int i = 0; i != 40; ++i) {
            let_time_pass(&pair);
            step(&pair);
            gw_bucket_t moved = gw_bucket_convert(&pair.rules, pair.bucket, &other.rules, pair.now_us);
            exact_t missing = pair.exact.capacity - pair.exact.tokens; /* in 1 / pair.exact.one */
            uint64_t now = gw_bucket_ticks(&other.rules, pair.now_us);
            exact_t ticks = moved > now ? moved - now : 0;
            assert_true(ticks <= (exact_t)other.rules.capacity);
            if (missing == 0)
                assert_int_equal(moved, 0);
            else if (ticks != (exact_t)other.rules.capacity) {
                exact_t wanted = missing / ((exact_t)pair.exact.one / (exact_t)pair.rules.ticks_per_token);
                /* missing is a whole number of ticks; compared by cross multiplication */
                assert_true(ticks * (exact_t)pair.rules.ticks_per_token >=
                            wanted * (exact_t)other.rules.ticks_per_token);
                assert_true((ticks - 1) * (exact_t)pair.rules.ticks_per_token <
                            wanted * (exact_t)other.rules.ticks_per_token);
            }
        }
    }
}

static void the_ends_of_the_clock_are_exact(void **state)
{
    (void)state;
    for (size_t i = 0; i != NUM(rules_cases); ++i) {
        const struct rules_case *row = &rules_cases[i];
        if (!row->is_made)
            continue;
        for (uint64_t start = 0; start <= LATEST; start += LATEST) {
            pair_t pair = {.rate = row->rate, .burst = row->burst, .share = row->share, .rules = row->rules};
            pair.exact = exact_bucket_make(&row->rate, row->burst, row->share, row->rules.unit_us);
            pair.now_us = start;
            pair.seed = 77 + i;
            exact_bucket_advance(&pair.exact, start);
            for (int k = 0; k != 200; ++k) {
                step(&pair);
                pair.now_us += random_size(&pair.seed, 1000000);
                exact_bucket_advance(&pair.exact, pair.now_us);
            }
            assert_true(pair.bucket < 1ull << 62);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_whole_numbers_of_ticks_or_none),
        cmocka_unit_test(a_share_changes_no_clock),
        cmocka_unit_test(ticks_become_microseconds_rounded_up_to_the_unit),
        cmocka_unit_test(every_verdict_and_level_is_that_of_exact_arithmetic),
        cmocka_unit_test(what_is_told_of_a_bucket_comes_true),
        cmocka_unit_test(one_who_waits_as_long_as_told_is_let_in_and_not_before),
        cmocka_unit_test(a_clock_that_is_behind_finds_no_more_and_leaves_no_more),
        cmocka_unit_test(clocks_that_differ_let_pass_no_more_than_comes_in_their_time),
        cmocka_unit_test(a_bucket_owes_at_most_what_it_can_hold),
        cmocka_unit_test(giving_back_never_makes_more_than_full),
        cmocka_unit_test(taking_and_giving_back_leaves_a_bucket_as_it_was),
        cmocka_unit_test(a_bucket_moves_to_other_rules_with_what_is_missing),
        cmocka_unit_test(moving_never_brings_tokens_nor_loses_a_whole_tick_of_them),
        cmocka_unit_test(the_ends_of_the_clock_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
