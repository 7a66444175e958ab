/* SPDX-License-Identifier: MIT
 * The table of numbers: alone against a plain array, and by four threads at once. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <cmocka.h>
#include "filters/rate_limit/bucket.h"
#include "filters/rate_limit/bucket_table.h"
#include "gateway/base/siphash.h"

#define NUM(of) (sizeof(of) / sizeof((of)[0]))

enum { KEYS_OF_A_LINE = 5, SMALLEST_LINES = 8 };

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define IS_SLOW
#endif
#endif
#ifdef IS_SLOW /* and shows nothing of what one thread does alone */
enum { MILLION = 10000, NUM_SECRETS = 1 };
#else
enum { MILLION = 1000000, NUM_SECRETS = 4 };
#endif

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

/** Hash of a key. */
static uint64_t hash_of(uint64_t secret, uint64_t key)
{
    return gw_siphash((uint64_t[2]){secret, 17}, gw_str((const char *)&key, sizeof(key)));
}

/* counts: the lower half counts, free at 0; the upper half is the how manieth key it is in its place ----------------
 */

static bool count_is_free(uint64_t value, uint64_t now)
{
    (void)now;
    return (uint32_t)value == 0;
}

static uint64_t next_count(uint64_t old)
{
    return ((old >> 32) + 1) << 32;
}

static const gw_bucket_kind_t counts = {count_is_free, next_count};

typedef struct add {
    gw_bucket_change_t super;
    int32_t number; /* not below 0: as far down as that */
    bool may_yield; /* so that others come in between */
    unsigned num_calls;
    uint32_t before;
} add_t;

static uint64_t add_up(gw_bucket_change_t *super, uint64_t value)
{
    add_t *add = (add_t *)super;
    ++add->num_calls;
    add->before = (uint32_t)value;
    if (add->may_yield)
        sched_yield();
    if (add->number < 0 && add->before < (uint32_t)-add->number)
        return value;
    return value + (uint64_t)(int64_t)add->number;
}

static gw_bucket_result_t add_to(gw_bucket_table_t *table, uint64_t hash, int32_t number, uint32_t *ret_before)
{
    add_t add = {.super = {add_up}, .number = number};
    gw_bucket_result_t result = gw_bucket_table_change(table, hash, 0, number >= 0, &add.super);
    *ret_before = result == GW_BUCKET_CHANGED ? add.before : 0;
    return result;
}

static uint32_t count_in(const gw_bucket_table_t *table, uint64_t hash)
{
    uint64_t value;
    return gw_bucket_table_find(table, hash, &value) ? (uint32_t)value : 0;
}

/* one thread ------------------------------------------------------------------------------------------------------- */

static void a_key_that_matters_is_never_lost(void **state)
{
    enum { NUM_KEYS = 120, NUM_STEPS = 200000 };
    (void)state;
    for (uint64_t secret = 1; secret != 4; ++secret) {
        gw_bucket_table_t *table = gw_bucket_table_create(&counts, 1);
        uint32_t model[NUM_KEYS] = {0}, before;
        uint64_t seed = secret * 99;
        unsigned num_full = 0, num_came = 0;
        for (int i = 0; i != NUM_STEPS; ++i) {
            uint64_t key = random_below(&seed, NUM_KEYS), hash = hash_of(secret, key);
            /* long times of many keys and of few */
            bool is_busy = i / 5000 % 2 == 0;
            int32_t number = random_below(&seed, is_busy ? 3 : 12) != 0 ? -1 : (int32_t)random_below(&seed, 3);
            gw_bucket_result_t result = add_to(table, hash, number, &before);
            if (result == GW_BUCKET_NO_ROOM) {
                assert_true(model[key] == 0 && number >= 0);
                ++num_full;
                continue;
            }
            if (result == GW_BUCKET_ABSENT)
                assert_true(number < 0);
            assert_int_equal(before, model[key]);
            num_came += model[key] == 0 && number > 0;
            model[key] += number < 0 && model[key] == 0 ? 0 : (uint32_t)number;
            assert_int_equal(count_in(table, hash), model[key]);
            if (i % 1000 == 0) {
                size_t num_busy = 0;
                for (uint64_t k = 0; k != NUM_KEYS; ++k) {
                    num_busy += model[k] != 0;
                    assert_int_equal(count_in(table, hash_of(secret, k)), model[k]);
                }
                assert_int_equal(gw_bucket_table_count(table, 0), num_busy);
            }
        }
        assert_true(num_came > 1000);
        assert_true(num_full > 100);
        gw_bucket_table_free(table);
    }
}

static void a_table_full_of_keys_that_matter_has_no_room_and_forgets_none(void **state)
{
    enum { MANY = 1000 };
    (void)state;
    gw_bucket_table_t *table = gw_bucket_table_create(&counts, 1);
    const size_t num_places = SMALLEST_LINES * KEYS_OF_A_LINE;
    bool is_in[MANY];
    size_t num_in = 0;
    uint32_t before;
    assert_int_equal(gw_bucket_table_bytes(table), SMALLEST_LINES * 64);
    for (uint64_t key = 0; key != MANY; ++key) {
        gw_bucket_result_t result = add_to(table, hash_of(5, key), 7, &before);
        is_in[key] = result == GW_BUCKET_CHANGED;
        assert_true(is_in[key] || result == GW_BUCKET_NO_ROOM);
        num_in += is_in[key];
    }
    assert_int_equal(num_in, num_places); /* no place was left empty */
    assert_int_equal(gw_bucket_table_count(table, 0), num_places);
    uint64_t first_in = MANY, first_out = MANY;
    for (uint64_t key = MANY; key-- != 0;) {
        assert_int_equal(count_in(table, hash_of(5, key)), is_in[key] ? 7 : 0);
        *(is_in[key] ? &first_in : &first_out) = key;
    }
    /* `apply` is not asked where there is no room */
    add_t add = {.super = {add_up}, .number = 1};
    assert_int_equal(gw_bucket_table_change(table, hash_of(5, first_out), 0, true, &add.super), GW_BUCKET_NO_ROOM);
    assert_int_equal(add.num_calls, 0);
    /* those that are in go on; when one is free, another finds its place and only that one is gone */
    assert_int_equal(add_to(table, hash_of(5, first_in), -7, &before), GW_BUCKET_CHANGED);
    size_t num_new = 0;
    for (uint64_t key = 0; key != MANY; ++key)
        if (!is_in[key])
            num_new += add_to(table, hash_of(5, key), 3, &before) == GW_BUCKET_CHANGED;
    assert_int_equal(num_new, 1);
    assert_int_equal(add_to(table, hash_of(5, first_in), -1, &before), GW_BUCKET_ABSENT);
    for (uint64_t key = 0; key != MANY; ++key)
        if (is_in[key] && key != first_in)
            assert_int_equal(count_in(table, hash_of(5, key)), 7);
    gw_bucket_table_free(table);
}

/** The lines of a hash, as the table has them. */
static uint64_t first_line(uint64_t hash, uint64_t num_lines)
{
    return (hash >> 32) * num_lines >> 32;
}

static uint64_t second_line(uint64_t hash, uint64_t num_lines)
{
    uint64_t sum = ((uint64_t)((uint32_t)hash * 0x9e3779b1u) * (num_lines / 2) >> 32) * 2 + 1;
    return (sum + num_lines - first_line(hash, num_lines)) % num_lines;
}

/** What someone could do who knew the secret. */
static void keys_of_the_same_two_lines_fill_these_and_then_have_no_room(void **state)
{
    enum { NUM_KEYS = 40 };
    static const struct {
        const char *about;
        size_t keys;
        uint64_t first, second;
    } cases[] = {
        {"two lines", 1000, 0, 77},
        {"the same in the other order", 1000, 77, 0},
        {"neighbours", 1, 3, 4},
        {"the last and the first", 1, 7, 0},
    };
    (void)state;
    for (size_t c = 0; c != NUM(cases); ++c) {
        gw_bucket_table_t *table = gw_bucket_table_create(&counts, cases[c].keys);
        uint64_t num_lines = gw_bucket_table_bytes(table) / 64, hashes[NUM_KEYS], seed = 8;
        uint64_t line_size = UINT64_MAX / num_lines, start = line_size * cases[c].first;
        uint32_t before;
        for (size_t i = 0; i != NUM_KEYS;) {
            uint64_t hash = start + random_below(&seed, line_size);
            if (first_line(hash, num_lines) == cases[c].first && second_line(hash, num_lines) == cases[c].second)
                hashes[i++] = hash;
        }
        for (size_t i = 0; i != NUM_KEYS; ++i)
            if (add_to(table, hashes[i], 1, &before) !=
                (i < 2 * KEYS_OF_A_LINE ? GW_BUCKET_CHANGED : GW_BUCKET_NO_ROOM))
                fail_msg("%s: key %zu", cases[c].about, i);
        for (size_t i = 0; i != NUM_KEYS; ++i)
            assert_int_equal(count_in(table, hashes[i]), i < 2 * KEYS_OF_A_LINE);
        if (cases[c].keys != 1) /* others are not hurt */
            for (uint64_t key = 0; key != 500; ++key)
                assert_int_equal(add_to(table, hash_of(1, key), 1, &before), GW_BUCKET_CHANGED);
        /* one of them free, one comes */
        assert_int_equal(add_to(table, hashes[4], -1, &before), GW_BUCKET_CHANGED);
        assert_int_equal(add_to(table, hashes[39], 1, &before), GW_BUCKET_CHANGED);
        assert_int_equal(count_in(table, hashes[4]), 0);
        gw_bucket_table_free(table);
    }
}

/** Rare, but a number that is taken for that of another key would be wrong for ever. */
static void keys_of_the_same_lower_half_share_a_number_for_good_or_never(void **state)
{
    enum { NUM_KEYS = 60, NUM_HALVES = 3, NUM_STEPS = 200000 };
    (void)state;
    for (uint64_t secret = 1; secret != 6; ++secret) {
        gw_bucket_table_t *table = gw_bucket_table_create(&counts, 1);
        uint64_t hashes[NUM_KEYS], seed = secret * 77;
        uint32_t counted[NUM_KEYS] = {0}, before;
        for (size_t i = 0; i != NUM_KEYS; ++i)
            hashes[i] = (hash_of(secret, i) & ~(uint64_t)UINT32_MAX) + 7 * (i % NUM_HALVES);
        for (int i = 0; i != NUM_STEPS; ++i) {
            size_t key = (size_t)random_below(&seed, NUM_KEYS);
            if (counted[key] == 0) {
                if (random_below(&seed, 4) == 0 && add_to(table, hashes[key], 1, &before) == GW_BUCKET_CHANGED)
                    ++counted[key];
                continue;
            }
            assert_int_equal(add_to(table, hashes[key], -1, &before), GW_BUCKET_CHANGED);
            assert_true(before >= counted[key]); /* and those of the keys that share it */
            --counted[key];
        }
        for (size_t key = 0; key != NUM_KEYS; ++key)
            if (counted[key] != 0)
                assert_int_equal(add_to(table, hashes[key], -1, &before), GW_BUCKET_CHANGED);
        assert_int_equal(gw_bucket_table_count(table, 0), 0);
        gw_bucket_table_free(table);
    }
}

/** Both ends of what a hash may be; lines are few, so that the lower halves must differ. */
static void any_hash_is_a_key(void **state)
{
    static const uint64_t hashes[] = {0,         (1ull << 32) + 2, (1ull << 63) + 3, 0xffffffff00000004, UINT32_MAX - 1,
                                      UINT64_MAX};
    (void)state;
    for (size_t keys = 1; keys <= 100000; keys *= 10) {
        gw_bucket_table_t *table = gw_bucket_table_create(&counts, keys);
        uint32_t before;
        for (size_t i = 0; i != NUM(hashes); ++i) {
            gw_bucket_table_prefetch(table, hashes[i]);
            assert_int_equal(add_to(table, hashes[i], (int32_t)i + 1, &before), GW_BUCKET_CHANGED);
        }
        for (size_t i = 0; i != NUM(hashes); ++i)
            assert_int_equal(count_in(table, hashes[i]), i + 1);
        assert_int_equal(gw_bucket_table_count(table, 0), NUM(hashes));
        gw_bucket_table_free(table);
    }
    assert_null(gw_bucket_table_free(NULL));
}

static void a_million_keys_find_room_in_32_mebibytes(void **state)
{
    (void)state;
    for (uint64_t secret = 1; secret <= NUM_SECRETS; ++secret) {
        gw_bucket_table_t *table = gw_bucket_table_create(&counts, MILLION);
        uint32_t before;
        unsigned num_no_room = 0, num_shared = 0;
        assert_true(gw_bucket_table_bytes(table) <= (size_t)MILLION * 32 * 1024 * 1024 / 1000000);
        for (uint64_t key = 0; key != MILLION; ++key) {
            num_no_room += add_to(table, hash_of(secret, key), 1, &before) == GW_BUCKET_NO_ROOM;
            num_shared += before != 0;
        }
        assert_int_equal(num_no_room, 0);
        assert_int_equal(gw_bucket_table_count(table, 0), MILLION - num_shared);
        assert_true(num_shared <= 2); /* one in a thousand tables has a pair that shares a number */
        /* they stay while as many others come and go */
        for (uint64_t key = 0; key != MILLION / 10; ++key) {
            assert_int_equal(add_to(table, hash_of(secret, MILLION + key), 1, &before), GW_BUCKET_CHANGED);
            assert_int_equal(add_to(table, hash_of(secret, MILLION + key), -1, &before), GW_BUCKET_CHANGED);
        }
        for (uint64_t key = 0; key < MILLION; key += 97)
            assert_true(count_in(table, hash_of(secret, key)) != 0);
        gw_bucket_table_free(table);
    }
}

static void a_key_that_is_left_as_it_came_stays_away(void **state)
{
    (void)state;
    gw_bucket_table_t *table = gw_bucket_table_create(&counts, 1);
    uint32_t before;
    uint64_t value = 42;
    for (uint64_t key = 0; key != 1000; ++key) {
        assert_int_equal(add_to(table, hash_of(1, key), 0, &before), GW_BUCKET_CHANGED);
        assert_false(gw_bucket_table_find(table, hash_of(1, key), &value));
    }
    assert_int_equal(value, 42);
    assert_int_equal(gw_bucket_table_count(table, 0), 0);
    /* one that is there may be left as it is, too, and is changed by nobody who may not bring it in */
    assert_int_equal(add_to(table, 99, 5, &before), GW_BUCKET_CHANGED);
    assert_int_equal(add_to(table, 99, 0, &before), GW_BUCKET_CHANGED);
    assert_int_equal(before, 5);
    assert_int_equal(add_to(table, 99, -5, &before), GW_BUCKET_CHANGED);
    assert_true(gw_bucket_table_find(table, 99, &value)); /* free, but nobody needed its place */
    assert_int_equal(add_to(table, 98, -1, &before), GW_BUCKET_ABSENT);
    gw_bucket_table_free(table);
}

/** Another change comes in between. */
typedef struct disturbed {
    gw_bucket_change_t super;
    gw_bucket_table_t *table;
    uint64_t hash;
    unsigned num_calls, num_disturbances;
    uint32_t before;
} disturbed_t;

static uint64_t add_disturbed(gw_bucket_change_t *super, uint64_t value)
{
    disturbed_t *change = (disturbed_t *)super;
    uint32_t ignored;
    change->before = (uint32_t)value;
    if (change->num_calls++ < change->num_disturbances)
        add_to(change->table, change->hash, 10, &ignored);
    return value + 1;
}

static void a_change_is_asked_again_until_one_counts(void **state)
{
    (void)state;
    gw_bucket_table_t *table = gw_bucket_table_create(&counts, 1);
    uint32_t before;
    add_to(table, 7, 1, &before);
    for (unsigned num = 0; num != 5; ++num) {
        disturbed_t change = {.super = {add_disturbed}, .table = table, .hash = 7, .num_disturbances = num};
        before = count_in(table, 7);
        assert_int_equal(gw_bucket_table_change(table, 7, 0, true, &change.super), GW_BUCKET_CHANGED);
        assert_int_equal(change.num_calls, num + 1);
        assert_int_equal(change.before, before + 10 * num);
        assert_int_equal(count_in(table, 7), before + 10 * num + 1);
    }
    gw_bucket_table_free(table);
}

/** While a change is thought over its key becomes free and another one comes to all places. */
static uint64_t add_displaced(gw_bucket_change_t *super, uint64_t value)
{
    disturbed_t *change = (disturbed_t *)super;
    uint32_t ignored;
    change->before = (uint32_t)value;
    if (change->num_calls++ == 0) {
        add_to(change->table, change->hash, -(int32_t)change->before, &ignored);
        for (uint64_t key = 0; key != 1000; ++key)
            add_to(change->table, hash_of(3, key), (int32_t)change->before, &ignored);
        /* and make room again, for it to come back */
        for (uint64_t key = 0; key != 1000; ++key)
            add_to(change->table, hash_of(3, key), -(int32_t)(change->before - change->num_disturbances), &ignored);
    }
    return value + 1;
}

static void a_place_that_was_given_away_is_not_changed(void **state)
{
    for (unsigned left = 0; left != 2; ++left) { /* what the others keep: nothing, so that it finds room; all */
        gw_bucket_table_t *table = gw_bucket_table_create(&counts, 1);
        uint32_t before;
        (void)state;
        add_to(table, 7, 9, &before);
        disturbed_t change = {
            .super = {add_displaced}, .table = table, .hash = 7, .num_disturbances = left == 0 ? 0 : 9};
        gw_bucket_result_t result = gw_bucket_table_change(table, 7, 0, true, &change.super);
        assert_int_equal(result, left == 0 ? GW_BUCKET_CHANGED : GW_BUCKET_NO_ROOM);
        assert_int_equal(count_in(table, 7), left == 0 ? 1 : 0);
        for (uint64_t key = 0; key != 1000; ++key) {
            uint32_t count = count_in(table, hash_of(3, key));
            assert_true(count == 0 || (left == 1 && count == 9));
        }
        gw_bucket_table_free(table);
    }
}

/* threads ---------------------------------------------------------------------------------------------------------- */

enum { NUM_THREADS = 4 };

typedef struct worker {
    pthread_t thread;
    size_t number;
    uint64_t seed;
} worker_t;

static struct meeting {
    atomic_uint arrived;
} meeting;

/** All go on when all are here. */
static void meet(unsigned *num_meetings)
{
    atomic_fetch_add(&meeting.arrived, 1);
    for (unsigned wanted = NUM_THREADS * ++*num_meetings; atomic_load(&meeting.arrived) < wanted;)
        sched_yield();
}

static void run_threads(void *(*run)(void *))
{
    static worker_t workers[NUM_THREADS];
    atomic_store(&meeting.arrived, 0);
    for (size_t i = 0; i != NUM_THREADS; ++i) {
        workers[i] = (worker_t){.number = i, .seed = 1000 + i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, run, &workers[i]), 0);
    }
    for (size_t i = 0; i != NUM_THREADS; ++i)
        pthread_join(workers[i].thread, NULL);
}

/** Adds, sometimes with others in between. */
static gw_bucket_result_t add_among_others(gw_bucket_table_t *table, uint64_t hash, int32_t number, uint64_t *seed,
                                           uint32_t *ret_before)
{
    add_t add = {.super = {add_up}, .number = number, .may_yield = random_below(seed, 8) == 0};
    gw_bucket_result_t result = gw_bucket_table_change(table, hash, 0, number >= 0, &add.super);
    *ret_before = result == GW_BUCKET_CHANGED ? add.before : 0;
    return result;
}

static struct crowd {
    gw_bucket_table_t *table;
    atomic_uint num_passing;
    atomic_ullong sums[16];
    atomic_uint num_odd, num_no_room, num_added;
    unsigned num_steps;
} crowd;

/** A key that comes and goes: what keeps the hot ones moving. */
static void pass_through(uint64_t *seed)
{
    uint64_t hash = hash_of(2, 1000 + random_below(seed, 300));
    uint32_t before;
    /* one that only looks for a place leaves it empty, another takes that */
    add_among_others(crowd.table, hash_of(2, 2000 + random_below(seed, 300)), 0, seed, &before);
    if (add_among_others(crowd.table, hash, 1, seed, &before) != GW_BUCKET_CHANGED)
        return;
    if (add_among_others(crowd.table, hash, -1, seed, &before) != GW_BUCKET_CHANGED || before == 0)
        atomic_fetch_add(&crowd.num_odd, 1); /* somebody lost what was just added */
}

static void *count_in_crowd(void *argument)
{
    worker_t *worker = argument;
    uint64_t *seed = &worker->seed;
    int64_t mine[NUM(crowd.sums)] = {0};
    uint32_t before;
    for (unsigned i = 0; i != crowd.num_steps; ++i) {
        pass_through(seed);
        size_t key = random_below(seed, NUM(crowd.sums));
        /* takes no more than it brought: then what it brought must be there */
        int32_t number = mine[key] > 0 && random_below(seed, 8) < 5 ? -1 : 1;
        gw_bucket_result_t result = add_among_others(crowd.table, hash_of(2, key), number, seed, &before);
        if (result == GW_BUCKET_CHANGED) {
            mine[key] += number;
            atomic_fetch_add(&crowd.num_added, 1);
            if (number < 0 && before == 0)
                atomic_fetch_add(&crowd.num_odd, 1);
        } else if (number < 0)
            atomic_fetch_add(&crowd.num_odd, 1);
        else
            atomic_fetch_add(&crowd.num_no_room, 1);
    }
    for (size_t key = 0; key != NUM(crowd.sums); ++key)
        atomic_fetch_add(&crowd.sums[key], (unsigned long long)mine[key]);
    return NULL;
}

/** Where the hot keys are few, they often become free and lose their places. */
static void four_threads_lose_no_number_while_keys_come_and_go(void **state)
{
    (void)state;
    memset(&crowd, 0, sizeof(crowd));
    crowd.table = gw_bucket_table_create(&counts, 1);
    crowd.num_steps = 60000;
    run_threads(count_in_crowd);
    assert_int_equal(crowd.num_odd, 0);
    assert_true(crowd.num_added > crowd.num_steps);
    /* taking all of it away from each key leaves an empty table: no key is there twice */
    for (size_t key = 0; key != NUM(crowd.sums); ++key) {
        uint32_t before, sum = (uint32_t)crowd.sums[key];
        assert_int_equal(count_in(crowd.table, hash_of(2, key)), sum);
        if (sum != 0)
            assert_int_equal(add_to(crowd.table, hash_of(2, key), -(int32_t)sum, &before), GW_BUCKET_CHANGED);
    }
    assert_int_equal(gw_bucket_table_count(crowd.table, 0), 0);
    gw_bucket_table_free(crowd.table);
}

/** All bring in the same keys at once, again and again. */
static void *bring_in_at_once(void *argument)
{
    worker_t *worker = argument;
    unsigned num_meetings = 0;
    uint32_t before;
    for (unsigned i = 0; i != crowd.num_steps; ++i) {
        meet(&num_meetings);
        for (uint64_t key = 0; key != 4; ++key)
            if (add_among_others(crowd.table, hash_of(i, key), 1, &worker->seed, &before) != GW_BUCKET_CHANGED)
                atomic_fetch_add(&crowd.num_odd, 1);
        meet(&num_meetings);
        if (worker->number == 0) {
            for (uint64_t key = 0; key != 4; ++key)
                if (count_in(crowd.table, hash_of(i, key)) != NUM_THREADS)
                    atomic_fetch_add(&crowd.num_odd, 1);
            if (gw_bucket_table_count(crowd.table, 0) != 4)
                atomic_fetch_add(&crowd.num_odd, 1);
            for (uint64_t key = 0; key != 4; ++key)
                add_to(crowd.table, hash_of(i, key), -NUM_THREADS, &before);
        }
        meet(&num_meetings);
    }
    return NULL;
}

static void a_key_that_all_bring_in_at_once_is_there_once(void **state)
{
    (void)state;
    memset(&crowd, 0, sizeof(crowd));
    crowd.table = gw_bucket_table_create(&counts, 1);
    crowd.num_steps = 3000;
    run_threads(bring_in_at_once);
    assert_int_equal(crowd.num_odd, 0);
    gw_bucket_table_free(crowd.table);
}

/* one place for several keys --------------------------------------------------------------------------------------- */

enum { NUM_GUESTS = 3 };

static struct inn {
    uint64_t secret;
    gw_bucket_table_t *table;
    atomic_bool is_over;
    atomic_uint num_odd;
    atomic_ullong num_seen[NUM_GUESTS];
} inn;

/** The number that a guest has while it is in, and no other has. */
static uint32_t number_of(uint64_t guest)
{
    return (uint32_t)(guest + 1) * 1000;
}

static bool all_were_seen(void)
{
    bool are_all = true;
    for (uint64_t guest = 0; guest != NUM_GUESTS; ++guest)
        are_all = are_all && atomic_load(&inn.num_seen[guest]) != 0;
    return are_all;
}

static void *come_and_go(void *argument)
{
    uint32_t before;
    (void)argument;
    for (uint64_t i = 0; i < 400000 || !all_were_seen(); ++i) {
        uint64_t guest = i % NUM_GUESTS;
        if (add_to(inn.table, hash_of(inn.secret, guest), (int32_t)number_of(guest), &before) != GW_BUCKET_CHANGED ||
            before != 0 ||
            add_to(inn.table, hash_of(inn.secret, guest), -(int32_t)number_of(guest), &before) != GW_BUCKET_CHANGED ||
            before != number_of(guest))
            atomic_fetch_add(&inn.num_odd, 1);
    }
    atomic_store(&inn.is_over, true);
    return NULL;
}

/** Looks, and asks in a way that changes nothing. */
static void *ask_for_guests(worker_t *worker)
{
    while (!atomic_load(&inn.is_over)) {
        uint64_t guest = random_below(&worker->seed, NUM_GUESTS), hash = hash_of(inn.secret, guest);
        uint32_t number = count_in(inn.table, hash);
        if (number != 0 && number != number_of(guest))
            atomic_fetch_add(&inn.num_odd, 1);
        if (number != 0)
            atomic_fetch_add(&inn.num_seen[guest], 1);
        add_t add = {.super = {add_up}, .number = -1000000};
        if (gw_bucket_table_change(inn.table, hash, 0, false, &add.super) == GW_BUCKET_CHANGED && add.before != 0 &&
            add.before != number_of(guest))
            atomic_fetch_add(&inn.num_odd, 1);
    }
    return NULL;
}

static void *visit_inn(void *argument)
{
    worker_t *worker = argument;
    return worker->number == 0 ? come_and_go(NULL) : ask_for_guests(worker);
}

/** All places but one are taken: whoever finds no room there comes to none.  @return whether all guests may have it */
static bool leave_one_place(void)
{
    gw_bucket_table_free(inn.table);
    inn.table = gw_bucket_table_create(&counts, 1);
    uint32_t before;
    for (uint64_t key = 100, num = 0; num != SMALLEST_LINES * KEYS_OF_A_LINE; ++key)
        num += add_to(inn.table, hash_of(inn.secret, key), 1, &before) == GW_BUCKET_CHANGED;
    for (uint64_t key = 100; key != 1000; ++key) {
        unsigned num_come = 0;
        if (count_in(inn.table, hash_of(inn.secret, key)) == 0)
            continue;
        add_to(inn.table, hash_of(inn.secret, key), -1, &before);
        for (uint64_t guest = 0; guest != NUM_GUESTS; ++guest)
            if (add_to(inn.table, hash_of(inn.secret, guest), 1, &before) == GW_BUCKET_CHANGED) {
                ++num_come;
                add_to(inn.table, hash_of(inn.secret, guest), -1, &before);
            }
        if (num_come == NUM_GUESTS)
            return true;
        add_to(inn.table, hash_of(inn.secret, key), 1, &before);
    }
    return false;
}

static void no_key_is_told_the_number_of_another_that_had_its_place(void **state)
{
    (void)state;
    memset(&inn, 0, sizeof(inn));
    while (!leave_one_place())
        ++inn.secret;
    run_threads(visit_inn);
    assert_int_equal(inn.num_odd, 0);
    gw_bucket_table_free(inn.table);
}

/* buckets ---------------------------------------------------------------------------------------------------------- */

static bool bucket_is_free(uint64_t value, uint64_t now)
{
    return value <= now;
}

static uint64_t next_bucket(uint64_t old)
{
    return old + 1;
}

static const gw_bucket_kind_t buckets = {bucket_is_free, next_bucket};

typedef struct take {
    gw_bucket_change_t super;
    const gw_bucket_rules_t *rules;
    uint64_t now;
    bool may_yield, is_taken;
} take_t;

static uint64_t take_one(gw_bucket_change_t *super, uint64_t value)
{
    take_t *take = (take_t *)super;
    uint64_t next = value, wait;
    take->is_taken = gw_bucket_take(take->rules, value, take->now, take->rules->ticks_per_token, 0, &next, &wait);
    if (take->may_yield)
        sched_yield();
    return next;
}

static struct shop {
    gw_bucket_table_t *table;
    gw_bucket_rules_t rules;
    atomic_ullong now_us; /* stands still, or goes on as the first thread likes */
    uint64_t begin_us;
    bool is_frozen;
    unsigned num_steps;
    atomic_uint passed[8], num_room;
} shop;

static bool buy(uint64_t hash, uint64_t *seed, gw_bucket_result_t *ret_result)
{
    uint64_t now_us = atomic_load(&shop.now_us);
    take_t take = {.super = {take_one}, .rules = &shop.rules, .now = gw_bucket_ticks(&shop.rules, now_us)};
    take.may_yield = random_below(seed, 8) == 0;
    /* room is made by those that are full for everyone: no thread is a second behind */
    *ret_result =
        gw_bucket_table_change(shop.table, hash, gw_bucket_ticks(&shop.rules, now_us - 1000000), true, &take.super);
    return *ret_result == GW_BUCKET_CHANGED && take.is_taken;
}

static void *buy_in_crowd(void *argument)
{
    worker_t *worker = argument;
    uint64_t *seed = &worker->seed;
    gw_bucket_result_t result;
    for (unsigned i = 0; i != shop.num_steps; ++i) {
        size_t key = random_below(seed, NUM(shop.passed));
        if (buy(hash_of(4, key), seed, &result))
            atomic_fetch_add(&shop.passed[key], 1);
        /* others press into the same lines */
        buy(hash_of(4, 1000 + random_below(seed, 500)), seed, &result);
        if (result == GW_BUCKET_CHANGED)
            atomic_fetch_add(&shop.num_room, 1);
        if (worker->number == 0 && !shop.is_frozen)
            atomic_fetch_add(&shop.now_us, random_below(seed, 4000));
    }
    return NULL;
}

static void open_shop(const gw_rate_t *rate, uint64_t burst, bool is_frozen, unsigned num_steps)
{
    memset(&shop, 0, sizeof(shop));
    assert_true(gw_bucket_rules_make(rate, burst, 1, &shop.rules));
    shop.table = gw_bucket_table_create(&buckets, 1);
    shop.begin_us = 1000000000;
    shop.is_frozen = is_frozen;
    shop.num_steps = num_steps;
    atomic_store(&shop.now_us, shop.begin_us);
}

static void four_threads_take_exactly_a_burst_from_each_bucket(void **state)
{
    (void)state;
    for (unsigned round = 0; round != 20; ++round) {
        open_shop(&(gw_rate_t){10, 1000000}, 100, true, 2000);
        uint64_t seed = 5 + round;
        gw_bucket_result_t result;
        /* they are there before the table is full of others */
        for (size_t key = 0; key != NUM(shop.passed); ++key)
            shop.passed[key] += buy(hash_of(4, key), &seed, &result);
        run_threads(buy_in_crowd);
        for (size_t key = 0; key != NUM(shop.passed); ++key)
            assert_int_equal(shop.passed[key], 100);
        gw_bucket_table_free(shop.table);
    }
}

static void four_threads_never_take_more_than_comes(void **state)
{
    unsigned num_passed = 0;
    (void)state;
    for (unsigned round = 0; round != 4; ++round) {
        open_shop(&(gw_rate_t){40, 1000000}, 5, false, 8000);
        run_threads(buy_in_crowd);
        uint64_t most = 5 + (shop.now_us - shop.begin_us) * 40 / 1000000;
        for (size_t key = 0; key != NUM(shop.passed); ++key) {
            assert_true(shop.passed[key] <= most);
            num_passed += shop.passed[key];
        }
        assert_true(shop.num_room > 100);
        gw_bucket_table_free(shop.table);
    }
    assert_true(num_passed > 1000);
}

/* histories -------------------------------------------------------------------------------------------------------- */

enum { HOT_KEYS = 2, OPS_OF_A_THREAD = 4, MOST_OPS = NUM_THREADS * OPS_OF_A_THREAD };

/** What was done to a hot key: `number` added, or for 0 looked at. */
typedef struct op {
    uint64_t key;
    int32_t number;
    uint32_t seen; /* before it */
    bool was_done; /* false: as nothing is below 0, or as there was no room */
    bool had_no_room;
    unsigned begin, end; /* by one clock for all */
} op_t;

static struct study {
    gw_bucket_table_t *table;
    op_t ops[NUM_THREADS][OPS_OF_A_THREAD];
    atomic_uint clock, num_odd, num_overlaps;
    unsigned num_windows;
    uint32_t counts[HOT_KEYS];
    op_t odd[MOST_OPS];
    size_t num_odd_ops;
} study;

static void do_op(op_t *op, uint64_t *seed)
{
    add_t add = {.super = {add_up}, .number = op->number, .may_yield = random_below(seed, 3) == 0};
    uint64_t hash = hash_of(6, op->key);
    op->begin = atomic_fetch_add(&study.clock, 1);
    if (op->number == 0) {
        op->seen = count_in(study.table, hash);
    } else {
        gw_bucket_result_t result = gw_bucket_table_change(study.table, hash, 0, op->number > 0, &add.super);
        op->seen = result == GW_BUCKET_CHANGED ? add.before : 0;
        op->had_no_room = result == GW_BUCKET_NO_ROOM;
        op->was_done = result == GW_BUCKET_CHANGED && (op->number > 0 || add.before >= (uint32_t)-op->number);
    }
    op->end = atomic_fetch_add(&study.clock, 1);
}

/** Is there an order of the ops that one thread could have done, in which none comes before another that had ended when
 * it began?  Tries all; `done` is the set of those that have their place. */
static bool has_order(const op_t *ops, size_t num, unsigned done, uint32_t count, uint32_t last, uint8_t *is_hopeless)
{
    if (done == (1u << num) - 1)
        return count == last;
    /* the count follows from what is done */
    if (is_hopeless[done])
        return false;
    unsigned first_end = UINT32_MAX;
    for (size_t i = 0; i != num; ++i)
        if ((done & 1u << i) == 0 && ops[i].end < first_end)
            first_end = ops[i].end;
    for (size_t i = 0; i != num; ++i) {
        const op_t *op = &ops[i];
        if ((done & 1u << i) != 0 || op->begin > first_end)
            continue;
        bool fits = op->had_no_room ? count == 0 : op->seen == count;
        if (fits && op->number < 0)
            fits = op->was_done == (count >= (uint32_t)-op->number);
        if (fits &&
            has_order(ops, num, done | 1u << i, op->was_done ? count + (uint32_t)op->number : count, last, is_hopeless))
            return true;
    }
    is_hopeless[done] = 1;
    return false;
}

static void judge_window(void)
{
    static uint8_t is_hopeless[1u << MOST_OPS];
    for (uint64_t key = 0; key != HOT_KEYS; ++key) {
        op_t ops[MOST_OPS];
        size_t num = 0;
        for (size_t t = 0; t != NUM_THREADS; ++t)
            for (size_t i = 0; i != OPS_OF_A_THREAD; ++i)
                if (study.ops[t][i].key == key)
                    ops[num++] = study.ops[t][i];
        for (size_t i = 0; i != num; ++i)
            for (size_t k = 0; k != num; ++k)
                if (ops[i].begin < ops[k].begin && ops[k].begin < ops[i].end)
                    atomic_fetch_add(&study.num_overlaps, 1);
        uint32_t last = count_in(study.table, hash_of(6, key));
        memset(is_hopeless, 0, 1u << num);
        if (!has_order(ops, num, 0, study.counts[key], last, is_hopeless) && atomic_fetch_add(&study.num_odd, 1) == 0) {
            memcpy(study.odd, ops, sizeof(ops));
            study.num_odd_ops = num;
        }
        study.counts[key] = last;
    }
}

static void *make_history(void *argument)
{
    worker_t *worker = argument;
    uint64_t *seed = &worker->seed;
    unsigned num_meetings = 0;
    for (unsigned window = 0; window != study.num_windows; ++window) {
        meet(&num_meetings);
        for (size_t i = 0; i != OPS_OF_A_THREAD; ++i) {
            op_t *op = &study.ops[worker->number][i];
            *op = (op_t){.key = random_below(seed, HOT_KEYS)};
            op->number = (int32_t)random_below(seed, 5) - 3; /* often down to 0, where it loses its place */
            if (op->number <= -2)
                op->number = -1;
            do_op(op, seed);
            /* a key of the same lines comes for its place */
            uint32_t before;
            uint64_t other = hash_of(6, 1000 + random_below(seed, 60));
            if (add_to(study.table, other, 1, &before) == GW_BUCKET_CHANGED)
                add_to(study.table, other, -1, &before);
        }
        meet(&num_meetings);
        if (worker->number == 0)
            judge_window();
        meet(&num_meetings);
    }
    return NULL;
}

static void every_history_is_one_that_a_single_thread_could_have_made(void **state)
{
    (void)state;
    memset(&study, 0, sizeof(study));
    study.table = gw_bucket_table_create(&counts, 1);
    study.num_windows = 6000;
    /* all places but three are taken for good: keys that come and go meet in these */
    for (uint64_t key = 0, num = 0; num != SMALLEST_LINES * KEYS_OF_A_LINE - 3; ++key) {
        uint32_t before;
        num += add_to(study.table, hash_of(7, key), 1, &before) == GW_BUCKET_CHANGED;
    }
    run_threads(make_history);
    for (size_t i = 0; i != study.num_odd_ops; ++i)
        print_message("%u..%u: %+d saw %u%s%s\n", study.odd[i].begin, study.odd[i].end, study.odd[i].number,
                      study.odd[i].seen, study.odd[i].was_done ? ", done" : "",
                      study.odd[i].had_no_room ? ", no room" : "");
    assert_int_equal(study.num_odd, 0);
    assert_true(study.num_overlaps > 1000);
    gw_bucket_table_free(study.table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_matters_is_never_lost),
        cmocka_unit_test(a_table_full_of_keys_that_matter_has_no_room_and_forgets_none),
        cmocka_unit_test(keys_of_the_same_two_lines_fill_these_and_then_have_no_room),
        cmocka_unit_test(keys_of_the_same_lower_half_share_a_number_for_good_or_never),
        cmocka_unit_test(any_hash_is_a_key),
        cmocka_unit_test(a_million_keys_find_room_in_32_mebibytes),
        cmocka_unit_test(a_key_that_is_left_as_it_came_stays_away),
        cmocka_unit_test(a_change_is_asked_again_until_one_counts),
        cmocka_unit_test(a_place_that_was_given_away_is_not_changed),
        cmocka_unit_test(four_threads_lose_no_number_while_keys_come_and_go),
        cmocka_unit_test(a_key_that_all_bring_in_at_once_is_there_once),
        cmocka_unit_test(no_key_is_told_the_number_of_another_that_had_its_place),
        cmocka_unit_test(four_threads_take_exactly_a_burst_from_each_bucket),
        cmocka_unit_test(four_threads_never_take_more_than_comes),
        cmocka_unit_test(every_history_is_one_that_a_single_thread_could_have_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
