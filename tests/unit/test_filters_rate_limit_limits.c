/* SPDX-License-Identifier: MIT
 * Several limits at once: all or nothing, trials, full tables, and what a reload keeps. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include "filters/rate_limit/limits.h"
#include "gateway/base/siphash.h"

#define NUM(of) (sizeof(of) / sizeof((of)[0]))
#define SECOND  1000000ull
#define HOUR    (3600 * SECOND)
#define DAY     (24 * HOUR)

enum { PLACES_OF_THE_SMALLEST = 40, NUM_THREADS = 4 };

/** Limits and what they are asked with. */
typedef struct desk {
    gw_limits_t *limits;
    gw_limit_rules_t rules[GW_MAX_LIMITS];
    uint64_t now_us, max_wait_us;
    gw_limits_answer_t answer; /* the last one */
} desk_t;

static const uint64_t start_us = 100000 * SECOND;

static gw_limit_conf_t limit(const char *name, uint64_t tokens, uint64_t period_us, uint64_t burst)
{
    return (gw_limit_conf_t){.name = name, .rate = {tokens, period_us}, .burst = burst};
}

static gw_limit_conf_t with_trial(gw_limit_conf_t conf, uint64_t tokens, uint64_t period_us, uint64_t burst)
{
    conf.trial_rate = (gw_rate_t){tokens, period_us};
    conf.trial_burst = burst;
    return conf;
}

static desk_t open_desk(const gw_limit_conf_t *confs, size_t num, size_t keys, gw_when_full_t when_full)
{
    desk_t desk = {.now_us = start_us};
    assert_true(gw_limits_make_rules(confs, num, 1, desk.rules));
    desk.limits = gw_limits_create(confs, num, keys, when_full, NULL, desk.now_us);
    return desk;
}

static desk_t open_one(uint64_t tokens, uint64_t period_us, uint64_t burst)
{
    gw_limit_conf_t conf = limit("one", tokens, period_us, burst);
    return open_desk(&conf, 1, 1000, GW_FULL_SHARED);
}

static void reload(desk_t *desk, const gw_limit_conf_t *confs, size_t num, size_t keys)
{
    gw_limits_t *previous = desk->limits;
    assert_true(gw_limits_make_rules(confs, num, 1, desk->rules));
    desk->limits = gw_limits_create(confs, num, keys, GW_FULL_SHARED, previous, desk->now_us);
    assert_null(gw_limits_unref(previous));
}

static void close_desk(desk_t *desk)
{
    desk->limits = gw_limits_unref(desk->limits);
}

static gw_limits_ask_t ask_of(const desk_t *desk, uint64_t key, uint64_t cost)
{
    return (gw_limits_ask_t){
        .rules = desk->rules,
        .hash = gw_siphash((uint64_t[2]){3, 4}, gw_str((const char *)&key, sizeof(key))), /* the same in every run */
        .now_us = desk->now_us,
        .cost = cost,
        .max_wait_us = desk->max_wait_us,
    };
}

/** @return whether it passes */
static bool take(desk_t *desk, uint64_t key, uint64_t cost)
{
    gw_limits_ask_t ask = ask_of(desk, key, cost);
    gw_limits_take(desk->limits, &ask, &desk->answer);
    return desk->answer.refused_by == 0;
}

static uint64_t remaining(desk_t *desk, uint64_t key, size_t i)
{
    gw_limits_answer_t kept = desk->answer;
    take(desk, key, 0);
    uint64_t tokens = desk->answer.levels[i].remaining;
    desk->answer = kept;
    return tokens;
}

static void give_back(desk_t *desk, uint64_t key, uint64_t cost)
{
    gw_limits_ask_t ask = ask_of(desk, key, cost);
    gw_limits_give_back(desk->limits, &ask, &desk->answer, desk->answer.levels);
}

static void charge(desk_t *desk, uint64_t key, uint64_t cost)
{
    gw_limits_ask_t ask = ask_of(desk, key, cost);
    gw_limits_charge(desk->limits, &ask, desk->answer.levels);
}

static unsigned take_many(desk_t *desk, uint64_t key, unsigned times)
{
    unsigned num_passed = 0;
    for (unsigned i = 0; i != times; ++i)
        num_passed += take(desk, key, 1);
    return num_passed;
}

/* all or nothing --------------------------------------------------------------------------------------------------- */

static void a_limit_that_refuses_costs_the_others_nothing(void **state)
{
    const gw_limit_conf_t confs[] = {limit("second", 10, SECOND, 10), limit("hour", 4, HOUR, 4),
                                     limit("day", 100, DAY, 100)};
    (void)state;
    desk_t desk = open_desk(confs, 3, 1000, GW_FULL_SHARED);
    for (unsigned i = 1; i <= 4; ++i) {
        assert_true(take(&desk, 1, 1));
        assert_int_equal(desk.answer.levels[0].remaining, 10 - i);
        assert_int_equal(desk.answer.levels[1].remaining, 4 - i);
        assert_int_equal(desk.answer.levels[2].remaining, 100 - i);
        assert_int_equal(desk.answer.wait_us, 0);
    }
    for (unsigned i = 0; i != 50; ++i) {
        assert_false(take(&desk, 1, 1));
        assert_int_equal(desk.answer.refused_by, 1u << 1);
        assert_int_equal(desk.answer.wait_us, HOUR / 4);
        assert_int_equal(desk.answer.levels[0].remaining, 6);
        assert_int_equal(desk.answer.levels[1].remaining, 0);
        assert_int_equal(desk.answer.levels[2].remaining, 96);
    }
    assert_true(take(&desk, 2, 1)); /* another client has its own */
    /* several that refuse are all told, and the longest wait */
    assert_false(take(&desk, 1, 7));
    assert_int_equal(desk.answer.refused_by, 1u << 0 | 1u << 1);
    assert_int_equal(desk.answer.wait_us, HOUR); /* 7 are more than it can hold: until it is full */
    desk.now_us += HOUR / 4 - 1;
    assert_false(take(&desk, 1, 1));
    desk.now_us += 1;
    assert_true(take(&desk, 1, 1));
    close_desk(&desk);
}

static void of_several_that_refuse_the_longest_wait_is_told(void **state)
{
    const gw_limit_conf_t confs[] = {limit("hour", 4, HOUR, 4), limit("second", 4, SECOND, 4)};
    (void)state;
    desk_t desk = open_desk(confs, 2, 1000, GW_FULL_SHARED);
    assert_true(take(&desk, 1, 4));
    assert_false(take(&desk, 1, 1));
    assert_int_equal(desk.answer.refused_by, 3);
    assert_int_equal(desk.answer.wait_us, HOUR / 4);
    close_desk(&desk);
}

static struct crowd {
    desk_t desk;
    atomic_uint num_passed;
    unsigned num_steps;
} crowd;

static void *take_in_crowd(void *argument)
{
    desk_t desk = crowd.desk;
    (void)argument;
    for (unsigned i = 0; i != crowd.num_steps; ++i) {
        if (take(&desk, 1, 1))
            atomic_fetch_add(&crowd.num_passed, 1);
        if (i % 64 == 0)
            sched_yield();
    }
    return NULL;
}

static void run_threads(void *(*run)(void *))
{
    pthread_t threads[NUM_THREADS];
    for (size_t i = 0; i != NUM_THREADS; ++i)
        assert_int_equal(pthread_create(&threads[i], NULL, run, NULL), 0);
    for (size_t i = 0; i != NUM_THREADS; ++i)
        pthread_join(threads[i], NULL);
}

static void threads_that_meet_take_from_all_limits_the_same(void **state)
{
    static const uint64_t bursts[][2] = {{5000, 3000}, {3000, 3000}, {3000, 5000}};
    (void)state;
    for (unsigned round = 0; round != 30; ++round) {
        const uint64_t *burst = bursts[round % NUM(bursts)], fewest = burst[0] < burst[1] ? burst[0] : burst[1];
        const gw_limit_conf_t confs[] = {limit("first", 1, DAY, burst[0]), limit("second", 1, DAY, burst[1])};
        crowd = (struct crowd){.desk = open_desk(confs, 2, 1, GW_FULL_SHARED), .num_steps = 1500};
        run_threads(take_in_crowd);
        assert_true(crowd.num_passed <= fewest);
        assert_int_equal(remaining(&crowd.desk, 1, 0), burst[0] - crowd.num_passed);
        assert_int_equal(remaining(&crowd.desk, 1, 1), burst[1] - crowd.num_passed);
        /* one that found the first empty for a moment, as another held what it would give back, may come again */
        assert_int_equal(crowd.num_passed + take_many(&crowd.desk, 1, 100), fewest);
        close_desk(&crowd.desk);
    }
}

/* trials ----------------------------------------------------------------------------------------------------------- */

static void a_trial_is_counted_beside_and_refuses_nobody(void **state)
{
    const gw_limit_conf_t conf = with_trial(limit("one", 100, SECOND, 100), 5, SECOND, 5);
    (void)state;
    desk_t desk = open_desk(&conf, 1, 1000, GW_FULL_SHARED);
    for (unsigned i = 0; i != 20; ++i) {
        assert_true(take(&desk, 1, 1));
        assert_int_equal(desk.answer.trial_refused_by, i < 5 ? 0 : 1);
        assert_int_equal(desk.answer.levels[0].remaining, 99 - i);
    }
    desk.now_us += SECOND / 5;
    assert_true(take(&desk, 1, 1) && desk.answer.trial_refused_by == 0);
    assert_true(take(&desk, 1, 1) && desk.answer.trial_refused_by == 1);
    close_desk(&desk);
}

static void a_trial_counts_what_is_refused_as_if_it_were_in_force_instead(void **state)
{
    const gw_limit_conf_t conf = with_trial(limit("one", 3, DAY, 3), 10, DAY, 10);
    (void)state;
    desk_t desk = open_desk(&conf, 1, 1000, GW_FULL_SHARED);
    for (unsigned i = 0; i != 20; ++i) {
        assert_int_equal(take(&desk, 1, 1), i < 3);
        assert_int_equal(desk.answer.trial_refused_by, i < 10 ? 0 : 1);
    }
    close_desk(&desk);
}

static void trials_are_all_or_nothing_among_themselves(void **state)
{
    const gw_limit_conf_t confs[] = {with_trial(limit("long", 1000, SECOND, 1000), 10, DAY, 10),
                                     limit("none", 1000, SECOND, 1000),
                                     with_trial(limit("short", 1000, SECOND, 1000), 3, SECOND, 3)};
    unsigned num_passed = 0;
    (void)state;
    desk_t desk = open_desk(confs, 3, 1000, GW_FULL_SHARED);
    for (unsigned round = 0; round != 3; ++round, desk.now_us += SECOND)
        for (unsigned i = 0; i != 30; ++i) {
            assert_true(take(&desk, 1, 1));
            assert_true(desk.answer.trial_refused_by == 0 || desk.answer.trial_refused_by == 1u << 2);
            num_passed += desk.answer.trial_refused_by == 0;
        }
    assert_int_equal(num_passed, 9);
    assert_true(take(&desk, 1, 1) && desk.answer.trial_refused_by == 0);
    assert_true(take(&desk, 1, 1) && desk.answer.trial_refused_by == 1u << 0);
    close_desk(&desk);
}

/* giving back and charging ----------------------------------------------------------------------------------------- */

static void what_is_given_back_can_be_taken_again(void **state)
{
    const gw_limit_conf_t confs[] = {limit("a", 10, DAY, 10), limit("b", 20, DAY, 20)};
    (void)state;
    desk_t desk = open_desk(confs, 2, 1000, GW_FULL_SHARED);
    assert_true(take(&desk, 1, 10));
    give_back(&desk, 1, 3);
    assert_int_equal(desk.answer.levels[0].remaining, 3);
    assert_int_equal(desk.answer.levels[1].remaining, 13);
    assert_int_equal(take_many(&desk, 1, 10), 3);
    give_back(&desk, 2, 3); /* one of which nothing is known is full */
    assert_int_equal(desk.answer.levels[0].remaining, 10);
    assert_int_equal(remaining(&desk, 2, 0), 10);
    give_back(&desk, 1, 10);
    give_back(&desk, 1, 10);
    assert_int_equal(take_many(&desk, 1, 20), 10);
    close_desk(&desk);
}

static void a_trial_gets_back_only_what_it_gave(void **state)
{
    const gw_limit_conf_t conf = with_trial(limit("one", 100, DAY, 100), 2, DAY, 2);
    (void)state;
    desk_t desk = open_desk(&conf, 1, 1000, GW_FULL_SHARED);
    gw_limits_answer_t passed;
    assert_true(take(&desk, 1, 1) && desk.answer.trial_refused_by == 0);
    assert_true(take(&desk, 1, 1) && desk.answer.trial_refused_by == 0);
    passed = desk.answer;
    assert_true(take(&desk, 1, 1) && desk.answer.trial_refused_by == 1);
    give_back(&desk, 1, 1);
    assert_true(take(&desk, 1, 1) && desk.answer.trial_refused_by == 1);
    desk.answer = passed;
    give_back(&desk, 1, 1);
    assert_true(take(&desk, 1, 1) && desk.answer.trial_refused_by == 0);
    assert_true(take(&desk, 1, 1) && desk.answer.trial_refused_by == 1);
    close_desk(&desk);
}

static void trials_without_a_place_share_one_bucket_too(void **state)
{
    const gw_limit_conf_t conf = with_trial(limit("one", 1000, DAY, 1000), 2, DAY, 2);
    unsigned num_passed = 0, num_without = 0;
    (void)state;
    desk_t desk = open_desk(&conf, 1, 1, GW_FULL_SHARED);
    for (uint64_t key = 1; key <= 300; ++key) {
        assert_true(take(&desk, key, 1));
        num_passed += desk.answer.trial_refused_by == 0;
        num_without += desk.answer.trial_no_room != 0;
    }
    assert_int_equal(num_passed, PLACES_OF_THE_SMALLEST + 2);
    assert_int_equal(num_without, 300 - PLACES_OF_THE_SMALLEST);
    /* the bucket they share gets back what it gave */
    gw_limits_answer_t taken = {.no_room = 1, .trial_no_room = 1};
    uint64_t key = 300;
    for (; take(&desk, key, 1), desk.answer.trial_no_room == 0;)
        --key;
    assert_int_equal(desk.answer.trial_refused_by, 1);
    desk.answer = taken;
    give_back(&desk, key, 1);
    assert_true(take(&desk, key, 1) && desk.answer.trial_refused_by == 0);
    assert_true(take(&desk, key, 1) && desk.answer.trial_refused_by == 1);
    close_desk(&desk);
}

static void what_is_charged_may_be_owed_and_comes_back_in_time(void **state)
{
    const gw_limit_conf_t conf = with_trial(limit("one", 10, SECOND, 10), 10, SECOND, 20);
    (void)state;
    desk_t desk = open_desk(&conf, 1, 1000, GW_FULL_SHARED);
    assert_true(take(&desk, 1, 4));
    charge(&desk, 1, 8);
    assert_int_equal(desk.answer.levels[0].remaining, 0);
    assert_int_equal(desk.answer.levels[0].next_us, 3 * SECOND / 10);
    assert_int_equal(desk.answer.levels[0].full_us, 12 * SECOND / 10);
    assert_false(take(&desk, 1, 1));
    assert_int_equal(desk.answer.trial_refused_by, 0); /* of its 20, 12 are gone, and now 13 */
    assert_int_equal(desk.answer.wait_us, 3 * SECOND / 10);
    assert_false(take(&desk, 1, 0)); /* one that owes lets nothing pass */
    desk.now_us += 3 * SECOND / 10;
    assert_true(take(&desk, 1, 1));
    /* never more than it can hold */
    for (int i = 0; i != 10; ++i)
        charge(&desk, 1, 9);
    assert_int_equal(desk.answer.levels[0].full_us, 2 * SECOND);
    assert_true(!take(&desk, 1, 1) && desk.answer.trial_refused_by == 1);
    /* a client that was not there yet is charged all the same */
    charge(&desk, 2, 4);
    assert_int_equal(remaining(&desk, 2, 0), 6);
    close_desk(&desk);
}

/* full tables ------------------------------------------------------------------------------------------------------ */

/** Has as many keys as there are places take all they can. @return how many have none */
static unsigned fill(desk_t *desk, uint64_t *ret_without, uint64_t *ret_within)
{
    unsigned num_without = 0, num_within = 0;
    for (uint64_t key = 1; key <= 300; ++key) {
        take(desk, key, 5);
        bool is_without = desk->answer.no_room != 0;
        num_without += is_without;
        num_within += !is_without;
        if (is_without)
            assert_int_equal(desk->answer.refused_by, num_without == 1 && ret_without == NULL ? 0 : 1);
        else
            assert_int_equal(desk->answer.refused_by, 0);
        if (ret_without != NULL)
            *(is_without ? ret_without : ret_within) = key;
    }
    assert_int_equal(num_within, PLACES_OF_THE_SMALLEST);
    assert_int_equal(gw_limits_num_full(desk->limits), num_without);
    return num_without;
}

static void keys_without_a_place_share_one_bucket(void **state)
{
    const gw_limit_conf_t conf = limit("one", 5, SECOND, 5);
    (void)state;
    desk_t desk = open_desk(&conf, 1, 1, GW_FULL_SHARED);
    assert_int_equal(gw_limits_bytes(desk.limits), 8 * 64);
    unsigned num_without = fill(&desk, NULL, NULL);
    for (uint64_t key = 1; key <= 300; ++key)
        assert_false(take(&desk, key, 1));
    assert_int_equal(gw_limits_num_full(desk.limits), 2 * num_without);
    /* what one of them gives back another may take */
    uint64_t without = 300;
    for (; take(&desk, without, 1), desk.answer.no_room == 0;)
        --without;
    give_back(&desk, without, 2);
    assert_int_equal(desk.answer.levels[0].remaining, 2);
    unsigned num_passed = 0;
    for (uint64_t key = 1; key <= 300; ++key)
        num_passed += take(&desk, key, 1);
    assert_int_equal(num_passed, 2);
    /* it can be charged, too */
    charge(&desk, without, 5);
    desk.now_us += SECOND - 1;
    assert_true(!take(&desk, without, 1) && desk.answer.no_room == 1);
    assert_int_equal(desk.answer.wait_us, 1 + SECOND / 5);
    /* all others are full now, but for a worker whose clock is behind they might not be: no room for a second */
    desk.now_us += SECOND;
    assert_true(take(&desk, without, 1) && desk.answer.no_room == 1);
    desk.now_us += 1;
    assert_true(take(&desk, without, 1) && desk.answer.no_room == 0);
    close_desk(&desk);
}

static void keys_without_a_place_can_be_refused(void **state)
{
    const gw_limit_conf_t conf = limit("one", 5, SECOND, 5);
    uint64_t without = 0, within = 0;
    (void)state;
    desk_t desk = open_desk(&conf, 1, 1, GW_FULL_REFUSE);
    fill(&desk, &without, &within);
    assert_false(take(&desk, without, 1));
    assert_int_equal(desk.answer.wait_us, SECOND);
    assert_int_equal(desk.answer.levels[0].remaining, 0);
    assert_int_equal(desk.answer.levels[0].full_us, SECOND);
    desk.now_us += SECOND / 5;
    assert_true(take(&desk, within, 1)); /* those that are there go on */
    desk.now_us += 3 * SECOND;
    assert_true(take(&desk, without, 5));
    close_desk(&desk);
}

static void a_limit_without_room_that_refuses_costs_the_others_nothing(void **state)
{
    const gw_limit_conf_t confs[] = {limit("a", 5, DAY, 5), limit("b", 5, DAY, 5), limit("c", 1, DAY, 1)};
    (void)state;
    desk_t desk = open_desk(confs, 3, 1, GW_FULL_SHARED);
    unsigned num_passed = 0, num_without = 0;
    for (uint64_t key = 1; key <= 300; ++key) {
        num_passed += take(&desk, key, 1);
        num_without += desk.answer.no_room != 0;
    }
    /* the third has one token for each key that has a place, and one for all others */
    assert_int_equal(num_passed, PLACES_OF_THE_SMALLEST + 1);
    assert_int_equal(num_without, 300 - PLACES_OF_THE_SMALLEST);
    uint64_t without = 300;
    for (; take(&desk, without, 1), desk.answer.no_room == 0;)
        --without;
    assert_int_equal(desk.answer.refused_by, 1u << 2);
    assert_int_equal(desk.answer.no_room, 7);
    assert_int_equal(desk.answer.levels[0].remaining, 4); /* of the one they share */
    assert_int_equal(desk.answer.levels[1].remaining, 4);
    close_desk(&desk);
}

/* what a request asks ---------------------------------------------------------------------------------------------- */

static void looking_takes_nothing_and_needs_no_place(void **state)
{
    const gw_limit_conf_t conf = with_trial(limit("one", 5, DAY, 5), 5, DAY, 5);
    (void)state;
    desk_t desk = open_desk(&conf, 1, 1, GW_FULL_REFUSE);
    for (uint64_t key = 1; key <= 1000; ++key) {
        assert_true(take(&desk, key, 0));
        assert_int_equal(desk.answer.levels[0].remaining, 5);
        assert_int_equal(desk.answer.trial_refused_by, 0);
    }
    assert_int_equal(gw_limits_num_full(desk.limits), 0);
    for (uint64_t key = 1; key <= PLACES_OF_THE_SMALLEST / 2; ++key) /* as none was brought in, these have room */
        assert_true(take(&desk, key, 5));
    close_desk(&desk);
}

static void a_cost_is_taken_as_a_whole_and_at_most_a_full_bucket(void **state)
{
    (void)state;
    desk_t desk = open_one(10, SECOND, 20);
    assert_true(take(&desk, 1, 15));
    assert_false(take(&desk, 1, 6));
    assert_int_equal(desk.answer.wait_us, SECOND / 10);
    assert_int_equal(desk.answer.levels[0].remaining, 5);
    assert_true(take(&desk, 1, 5));
    assert_true(take(&desk, 2, 1000000));
    assert_int_equal(desk.answer.levels[0].remaining, 0);
    assert_int_equal(desk.answer.levels[0].full_us, 2 * SECOND);
    close_desk(&desk);
}

static void waits_are_handed_out_in_order_and_never_beyond_the_longest(void **state)
{
    (void)state;
    desk_t desk = open_one(10, SECOND, 2);
    desk.max_wait_us = SECOND;
    for (unsigned i = 0; i != 12; ++i) {
        assert_true(take(&desk, 1, 1));
        assert_int_equal(desk.answer.wait_us, i < 2 ? 0 : (i - 1) * SECOND / 10);
    }
    for (unsigned i = 0; i != 5; ++i) {
        assert_false(take(&desk, 1, 1));
        assert_int_equal(desk.answer.wait_us, 11 * SECOND / 10);
    }
    /* the place of one that leaves is that of the last */
    give_back(&desk, 1, 1);
    assert_true(take(&desk, 1, 1));
    assert_int_equal(desk.answer.wait_us, SECOND);
    desk.now_us += SECOND / 10 - 1;
    assert_false(take(&desk, 1, 1));
    desk.now_us += 1;
    assert_true(take(&desk, 1, 1));
    assert_int_equal(desk.answer.wait_us, SECOND);
    desk.max_wait_us = 0; /* one that does not want to wait does not pass those that do */
    desk.now_us += SECOND;
    assert_false(take(&desk, 1, 1));
    close_desk(&desk);
}

static void of_several_limits_the_longest_wait_counts(void **state)
{
    const gw_limit_conf_t confs[] = {limit("a", 10, SECOND, 1), limit("b", 1, SECOND, 1), limit("c", 5, SECOND, 1)};
    (void)state;
    desk_t desk = open_desk(confs, 3, 1000, GW_FULL_SHARED);
    desk.max_wait_us = 3 * SECOND;
    for (unsigned i = 0; i != 4; ++i) {
        assert_true(take(&desk, 1, 1));
        assert_int_equal(desk.answer.wait_us, i * SECOND);
        assert_int_equal(desk.answer.waits_for, i == 0 ? 0 : 1 | 2 | 4);
    }
    desk.now_us += SECOND;
    assert_true(take(&desk, 1, 1));
    assert_int_equal(desk.answer.waits_for, 2); /* of the others there are tokens */
    assert_false(take(&desk, 1, 1));
    assert_int_equal(desk.answer.refused_by, 2);
    assert_int_equal(desk.answer.wait_us, 4 * SECOND);
    assert_int_equal(desk.answer.levels[0].full_us, SECOND / 10); /* it lost nothing by that */
    close_desk(&desk);
}

/* reload ----------------------------------------------------------------------------------------------------------- */

static void a_reload_that_changes_nothing_keeps_the_tables(void **state)
{
    const gw_limit_conf_t confs[] = {with_trial(limit("a", 10, DAY, 10), 4, DAY, 4), limit("b", 20, DAY, 20)};
    const gw_limit_conf_t turned[] = {confs[1], confs[0]};
    (void)state;
    desk_t desk = open_desk(confs, 2, 1000, GW_FULL_SHARED);
    size_t bytes = gw_limits_bytes(desk.limits);
    uint64_t secret[2];
    memcpy(secret, gw_limits_secret(desk.limits), sizeof(secret));
    assert_true(secret[0] != 0 && secret[1] != 0 && secret[0] != secret[1]);
    assert_true(take(&desk, 1, 4) && desk.answer.trial_refused_by == 0);
    gw_limits_t *before = gw_limits_ref(desk.limits); /* a request of then is still under way */
    for (unsigned i = 0; i != 10; ++i)
        reload(&desk, i % 2 == 0 ? turned : confs, 2, 1000); /* they are found by their names */
    assert_int_equal(gw_limits_bytes(desk.limits), bytes);
    assert_memory_equal(gw_limits_secret(desk.limits), secret, sizeof(secret));
    assert_true(take(&desk, 1, 2));
    assert_int_equal(desk.answer.levels[0].remaining, 4);
    assert_int_equal(desk.answer.levels[1].remaining, 14);
    assert_int_equal(desk.answer.trial_refused_by, 1);
    /* both count in the same buckets */
    gw_limits_ask_t ask = ask_of(&desk, 1, 3);
    gw_limits_take(before, &ask, &desk.answer);
    assert_int_equal(desk.answer.refused_by, 0);
    assert_int_equal(remaining(&desk, 1, 0), 1);
    gw_limits_unref(before);
    close_desk(&desk);
    desk = open_desk(confs, 2, 1000, GW_FULL_SHARED);
    assert_memory_not_equal(gw_limits_secret(desk.limits), secret, sizeof(secret));
    close_desk(&desk);
}

/** What a table of so many keys takes. */
static size_t table_bytes(size_t keys)
{
    gw_bucket_table_t *table = gw_bucket_table_create(&(gw_bucket_kind_t){NULL, NULL}, keys);
    size_t bytes = gw_bucket_table_bytes(table);
    gw_bucket_table_free(table);
    return bytes;
}

static void a_reload_that_changes_a_limit_keeps_what_was_taken(void **state)
{
    const struct {
        const char *about;
        gw_limit_conf_t after;
        size_t keys;
        uint64_t remaining;
    } cases[] = {
        {"a larger burst", limit("one", 100, HOUR, 150), 1000, 70},
        {"a smaller burst", limit("one", 100, HOUR, 90), 1000, 10},
        {"a burst below what was taken", limit("one", 100, HOUR, 50), 1000, 0},
        {"a faster rate", limit("one", 1000, HOUR, 100), 1000, 20},
        {"a slower rate", limit("one", 7, DAY, 100), 1000, 20},
        {"more keys", limit("one", 100, HOUR, 100), 5000, 20},
        {"fewer keys", limit("one", 100, HOUR, 100), 10, 20},
        {"all of it", limit("one", 999983, SECOND, 200), 77, 120},
        {"another name: it is another limit", limit("two", 100, HOUR, 100), 1000, 100},
    };
    (void)state;
    for (size_t i = 0; i != NUM(cases); ++i) {
        desk_t desk = open_one(100, HOUR, 100);
        assert_true(take(&desk, 1, 80));
        assert_true(take(&desk, 2, 100));
        reload(&desk, &cases[i].after, 1, cases[i].keys);
        if (remaining(&desk, 1, 0) != cases[i].remaining)
            fail_msg("%s: %llu remain", cases[i].about, (unsigned long long)remaining(&desk, 1, 0));
        assert_int_equal(remaining(&desk, 3, 0), cases[i].after.burst); /* who took nothing */
        if (cases[i].remaining != 0)
            assert_true(take(&desk, 1, cases[i].remaining));
        assert_false(take(&desk, 1, 1)); /* and it moved on, once */
        assert_int_equal(remaining(&desk, 1, 0), 0);
        if (cases[i].remaining != cases[i].after.burst) /* else there is none of before */
            assert_int_equal(gw_limits_bytes(desk.limits), table_bytes(1000) + table_bytes(cases[i].keys));
        close_desk(&desk);
    }
}

/** Confs that differ in one of the numbers that they are counted by. */
static void any_difference_of_rules_is_one(void **state)
{
    const struct {
        const char *about;
        gw_limit_conf_t before, after;
        uint64_t taken, full_us;
    } cases[] = {
        {"ticks of a unit", limit("one", 1, DAY, 1), limit("one", 7, DAY, 1), 1, DAY / 7 + 1},
        {"ticks of a token", limit("one", 1, DAY, 2), limit("one", 1, 2 * DAY, 1), 1, 2 * DAY},
        {"the unit", limit("one", 7, DAY, 2000000), limit("one", 7, 10 * DAY, 2000000), 70, 100 * DAY},
        {"the burst", limit("one", 1, DAY, 2), limit("one", 1, DAY, 3), 1, DAY},
    };
    (void)state;
    for (size_t i = 0; i != NUM(cases); ++i) {
        desk_t desk = open_desk(&cases[i].before, 1, 1000, GW_FULL_SHARED);
        assert_true(take(&desk, 1, cases[i].taken));
        reload(&desk, &cases[i].after, 1, 1000);
        take(&desk, 1, 0);
        if (desk.answer.levels[0].full_us != cases[i].full_us)
            fail_msg("%s: %llu", cases[i].about, (unsigned long long)desk.answer.levels[0].full_us);
        close_desk(&desk);
    }
}

static void two_reloads_at_once_forget_nothing(void **state)
{
    (void)state;
    desk_t desk = open_one(100, SECOND, 100);
    assert_true(take(&desk, 1, 80));
    for (uint64_t burst = 110; burst <= 130; burst += 10) {
        const gw_limit_conf_t conf = limit("one", 100, SECOND, burst);
        reload(&desk, &conf, 1, 1000);
    }
    assert_int_equal(remaining(&desk, 1, 0), 50);
    close_desk(&desk);
}

static void what_is_given_back_after_a_reload_counts(void **state)
{
    const gw_limit_conf_t after = limit("one", 1, DAY, 150);
    (void)state;
    desk_t desk = open_one(1, DAY, 100);
    assert_true(take(&desk, 1, 80));
    reload(&desk, &after, 1, 1000);
    give_back(&desk, 1, 10);
    assert_int_equal(desk.answer.levels[0].remaining, 80);
    assert_int_equal(remaining(&desk, 1, 0), 80);
    close_desk(&desk);
}

/** Not even where its place in the new table went to others before it came. */
static void one_that_finds_no_room_after_a_reload_is_told_what_it_has(void **state)
{
    const gw_limit_conf_t before = limit("one", 1, DAY, 100), after = limit("one", 1, DAY, 150);
    (void)state;
    desk_t desk = open_desk(&before, 1, 1, GW_FULL_SHARED);
    assert_true(take(&desk, 1, 80));
    reload(&desk, &after, 1, 1);
    for (uint64_t key = 100; key != 400; ++key)
        take(&desk, key, 1);
    assert_true(gw_limits_num_full(desk.limits) > 200);
    desk.answer.no_room = 0; /* as it was when it took them */
    give_back(&desk, 1, 10);
    assert_int_equal(desk.answer.levels[0].remaining, 70);
    close_desk(&desk);
}

static void what_is_owed_becomes_an_empty_bucket(void **state)
{
    const gw_limit_conf_t after = limit("one", 10, SECOND, 11);
    (void)state;
    desk_t desk = open_one(10, SECOND, 10);
    charge(&desk, 1, 10);
    charge(&desk, 1, 10);
    reload(&desk, &after, 1, 1000);
    take(&desk, 1, 0);
    assert_int_equal(desk.answer.levels[0].full_us, 11 * SECOND / 10);
    close_desk(&desk);
}

/** Also for clients that come only later: what was missing on the first day comes back at the new rate. */
static void what_is_missing_comes_back_at_the_new_rate_since_it_is_in_force(void **state)
{
    const struct {
        const char *about;
        gw_limit_conf_t after;
        uint64_t half, full; /* when so much is there again */
    } cases[] = {
        {"faster", limit("one", 100, SECOND, 100), SECOND / 2, SECOND},
        {"slower", limit("one", 1, HOUR, 100), 50 * HOUR, 100 * HOUR},
    };
    (void)state;
    for (size_t i = 0; i != NUM(cases); ++i) {
        desk_t desk = open_one(100, HOUR, 100);
        assert_true(take(&desk, 1, 100));
        assert_true(take(&desk, 2, 100));
        desk.now_us += HOUR / 100; /* the conf is read a while before it is used: a token comes at the old rate */
        reload(&desk, &cases[i].after, 1, 1000);
        desk.now_us += HOUR / 100;
        assert_true(take(&desk, 9, 1)); /* the first one that asks */
        assert_int_equal(remaining(&desk, 1, 0), 2);
        assert_true(take(&desk, 1, 2));
        desk.now_us += cases[i].half;
        assert_int_equal(remaining(&desk, 1, 0), 50);
        assert_int_equal(remaining(&desk, 2, 0), 52);
        desk.now_us += cases[i].half;
        assert_int_equal(remaining(&desk, 1, 0), 100);
        assert_int_equal(remaining(&desk, 2, 0), 100);
        close_desk(&desk);
    }
}

/** A client whose limit was raised: its bucket is full soon, makes room for others, and is as full when it is back. */
static void a_bucket_that_moved_on_and_made_room_comes_back_full(void **state)
{
    const gw_limit_conf_t before = limit("one", 100, HOUR, 100), after = limit("one", 100, SECOND, 100);
    (void)state;
    desk_t desk = open_desk(&before, 1, 1, GW_FULL_SHARED);
    assert_true(take(&desk, 1, 100));
    reload(&desk, &after, 1, 1);
    assert_false(take(&desk, 1, 1));
    desk.now_us += SECOND / 2;
    assert_true(take(&desk, 1, 50));
    desk.now_us += 4 * SECOND;
    for (uint64_t key = 100; key != 400; ++key)
        take(&desk, key, 1);
    assert_true(gw_limits_num_full(desk.limits) > 100); /* so its place is gone */
    desk.now_us += 4 * SECOND;
    assert_true(take(&desk, 1, 100));
    close_desk(&desk);
}

static void changes_are_remembered_while_they_matter_and_at_most_so_many(void **state)
{
    (void)state;
    for (unsigned num_changes = 1; num_changes <= 3 * GW_MAX_OLD_TABLES; ++num_changes)
        for (int is_asked = 0; is_asked != 3; ++is_asked) { /* never, by others, by the client */
            gw_limit_conf_t conf = limit("one", 1, DAY, 100);
            desk_t desk = open_desk(&conf, 1, 1000, GW_FULL_SHARED);
            assert_true(take(&desk, 1, 80));
            for (unsigned i = 0; i != num_changes; ++i) {
                desk.now_us += SECOND;
                ++conf.burst;
                reload(&desk, &conf, 1, 1000);
                if (is_asked != 0)
                    assert_true(take(&desk, 3 - (uint64_t)is_asked, 1));
                reload(&desk, &conf, 1, 1000); /* one that changes nothing does not count */
            }
            bool is_known = is_asked == 2 || num_changes <= GW_MAX_OLD_TABLES;
            uint64_t missing = is_asked == 2 ? 80 + num_changes : 80;
            if (is_asked == 2 && conf.burst < missing)
                missing = conf.burst;
            assert_int_equal(remaining(&desk, 1, 0), conf.burst - (is_known ? missing : 0));
            size_t num_tables = 1 + (num_changes < GW_MAX_OLD_TABLES ? num_changes : GW_MAX_OLD_TABLES);
            assert_int_equal(gw_limits_bytes(desk.limits), num_tables * table_bytes(1000));
            close_desk(&desk);
        }
}

/** Not even by so many changes that they are no longer remembered. */
static void a_client_that_is_refused_all_the_while_gets_nothing_by_reloads(void **state)
{
    (void)state;
    for (size_t num = 1; num <= 2; ++num) {
        gw_limit_conf_t confs[] = {with_trial(limit("a", 1, DAY, 100), 1, DAY, 50), limit("b", 1, DAY, 100)};
        desk_t desk = open_desk(confs, num, 1000, GW_FULL_SHARED);
        assert_true(take(&desk, 1, 100));
        for (size_t keys = 1001; keys != 1030; ++keys) {
            reload(&desk, confs, num, keys);
            assert_false(take(&desk, 1, 1));
            assert_int_equal(desk.answer.trial_refused_by, 1);
        }
        close_desk(&desk);
    }
}

static void what_was_taken_is_read_through_changes_of_its_clock(void **state)
{
    static const uint64_t tokens_a_day[] = {1, 7, 3, 11, 999};
    (void)state;
    for (size_t missed = 0; missed != NUM(tokens_a_day); ++missed) { /* since when the client has not come again */
        gw_limit_conf_t conf = limit("one", tokens_a_day[0], DAY, 100);
        desk_t desk = open_desk(&conf, 1, 1000, GW_FULL_SHARED);
        uint64_t taken = 80;
        assert_true(take(&desk, 1, taken));
        for (size_t i = 1; i != NUM(tokens_a_day); ++i) {
            conf.rate.tokens = tokens_a_day[i];
            reload(&desk, &conf, 1, 1000);
            if (i <= missed)
                assert_true(take(&desk, 1, 1) && ++taken);
        }
        assert_int_equal(remaining(&desk, 1, 0), 100 - taken);
        close_desk(&desk);
    }
}

static void tables_that_no_longer_matter_are_let_go(void **state)
{
    gw_limit_conf_t conf = limit("one", 100, SECOND, 100);
    (void)state;
    desk_t desk = open_desk(&conf, 1, 1000, GW_FULL_SHARED);
    size_t bytes = gw_limits_bytes(desk.limits);
    assert_true(take(&desk, 1, 80));
    conf.burst = 110;
    reload(&desk, &conf, 1, 1000);
    assert_int_equal(gw_limits_bytes(desk.limits), 2 * bytes);
    assert_int_equal(remaining(&desk, 1, 0), 30);
    /* a share of 1/1000 has one token in ten seconds */
    desk.now_us += 10 * SECOND - 1;
    reload(&desk, &conf, 1, 1000);
    assert_int_equal(gw_limits_bytes(desk.limits), 2 * bytes);
    desk.now_us += 1;
    reload(&desk, &conf, 1, 1000);
    assert_int_equal(gw_limits_bytes(desk.limits), bytes);
    close_desk(&desk);
}

static void the_bucket_of_keys_without_a_place_moves_on_too(void **state)
{
    gw_limit_conf_t conf = limit("one", 5, DAY, 5);
    (void)state;
    desk_t desk = open_desk(&conf, 1, 1, GW_FULL_SHARED);
    fill(&desk, NULL, NULL);
    conf.burst = 7;
    reload(&desk, &conf, 1, 1);
    unsigned num_passed = 0;
    for (uint64_t key = 301; key <= 600; ++key) {
        bool passes = take(&desk, key, 1);
        num_passed += passes && desk.answer.no_room != 0;
    }
    assert_int_equal(num_passed, 2);
    conf.burst = 8; /* once more, through two changes */
    reload(&desk, &conf, 1, 1);
    for (uint64_t key = 601; key <= 900; ++key) {
        bool passes = take(&desk, key, 1);
        num_passed += passes && desk.answer.no_room != 0;
    }
    assert_int_equal(num_passed, 3);
    close_desk(&desk);
}

static void a_trial_that_a_reload_brings_begins_full_and_one_that_stays_goes_on(void **state)
{
    const gw_limit_conf_t without = limit("one", 100, DAY, 100), with = with_trial(without, 5, DAY, 5),
                          larger = with_trial(without, 5, DAY, 8);
    (void)state;
    desk_t desk = open_desk(&without, 1, 1000, GW_FULL_SHARED);
    assert_true(take(&desk, 1, 50));
    reload(&desk, &with, 1, 1000);
    for (unsigned i = 0; i != 6; ++i) {
        assert_true(take(&desk, 1, 1));
        assert_int_equal(desk.answer.trial_refused_by, i < 5 ? 0 : 1);
    }
    reload(&desk, &larger, 1, 1000);
    for (unsigned i = 0; i != 4; ++i) {
        assert_true(take(&desk, 1, 1));
        assert_int_equal(desk.answer.trial_refused_by, i < 3 ? 0 : 1);
    }
    assert_int_equal(desk.answer.levels[0].remaining, 40);
    reload(&desk, &without, 1, 1000);
    assert_true(take(&desk, 1, 1) && desk.answer.trial_refused_by == 0);
    assert_int_equal(desk.answer.levels[0].remaining, 39);
    close_desk(&desk);
}

static struct reloaded {
    _Atomic(gw_limits_t *) now;
    desk_t desk;
    atomic_uint num_passed, num_finished;
} reloaded;

static void *take_while_reloading(void *argument)
{
    desk_t desk = reloaded.desk;
    (void)argument;
    for (unsigned i = 0; i != 4000; ++i) {
        desk.limits = atomic_load(&reloaded.now);
        if (take(&desk, 1, 1))
            atomic_fetch_add(&reloaded.num_passed, 1);
        if (i % 16 == 0)
            sched_yield();
    }
    atomic_fetch_add(&reloaded.num_finished, 1);
    return NULL;
}

static void a_reload_under_load_refills_no_bucket(void **state)
{
    enum { NUM_RELOADS = 20, BURST = 10000 };
    (void)state;
    const gw_limit_conf_t conf = limit("one", 1, DAY, BURST);
    gw_limits_t *all[NUM_RELOADS + 1];
    pthread_t threads[NUM_THREADS];
    reloaded = (struct reloaded){.desk = open_desk(&conf, 1, 1000, GW_FULL_SHARED)};
    desk_t desk = reloaded.desk;
    all[0] = desk.limits;
    atomic_store(&reloaded.now, all[0]);
    for (size_t i = 0; i != NUM_THREADS; ++i)
        assert_int_equal(pthread_create(&threads[i], NULL, take_while_reloading, NULL), 0);
    for (unsigned i = 1; i <= NUM_RELOADS; ++i) {
        all[i] = gw_limits_create(&conf, 1, 1000 + i, GW_FULL_SHARED, all[i - 1], start_us);
        atomic_store(&reloaded.now, all[i]);
        /* nobody might ask before there are more changes than are remembered */
        desk.limits = all[i];
        reloaded.num_passed += take_many(&desk, 1, 1);
        unsigned wanted = i * (BURST / 2 / NUM_RELOADS);
        while (reloaded.num_passed < wanted && reloaded.num_finished != NUM_THREADS)
            sched_yield();
    }
    for (size_t i = 0; i != NUM_THREADS; ++i)
        pthread_join(threads[i], NULL);
    unsigned num_passed = reloaded.num_passed + take_many(&desk, 1, BURST);
    /* each reload finds each thread at most in the middle of one request by what was before */
    assert_in_range(num_passed, BURST, BURST + NUM_RELOADS * (NUM_THREADS + 1));
    for (unsigned i = 0; i <= NUM_RELOADS; ++i)
        gw_limits_unref(all[i]);
}

/* shares ----------------------------------------------------------------------------------------------------------- */

static void a_share_has_its_part_of_the_burst_and_of_the_rate(void **state)
{
    const gw_limit_conf_t conf = with_trial(limit("one", 100, SECOND, 100), 40, SECOND, 40);
    (void)state;
    desk_t desk = open_desk(&conf, 1, 1000, GW_FULL_SHARED);
    assert_true(gw_limits_make_rules(&conf, 1, 4, desk.rules));
    for (unsigned i = 0; i != 30; ++i) {
        assert_int_equal(take(&desk, 1, 1), i < 25);
        assert_int_equal(desk.answer.trial_refused_by, i < 10 ? 0 : 1);
    }
    assert_int_equal(desk.answer.wait_us, SECOND / 25);
    desk.now_us += SECOND / 25;
    assert_int_equal(take_many(&desk, 1, 5), 1);
    /* another gateway is gone: the same bucket, read by other rules */
    assert_true(gw_limits_make_rules(&conf, 1, 2, desk.rules));
    assert_int_equal(take_many(&desk, 1, 5), 0);
    desk.now_us += SECOND / 2;
    assert_int_equal(take_many(&desk, 1, 50), 25);
    close_desk(&desk);
}

/** As long as there are so many gateways that a request costs more than the part of this one holds. */
static void a_cost_of_more_than_a_share_holds_is_not_given_back_but_for_what_is_less(void **state)
{
    static const struct {
        uint64_t share, kept, remaining;
    } cases[] = {
        {1, 1, 9}, {1, 4, 6}, {5, 0, 2}, {5, 1, 1}, {5, 2, 0}, {5, 4, 0}, {10, 1, 0}, {10, 0, 1},
    };
    const gw_limit_conf_t conf = with_trial(limit("one", 1, HOUR, 10), 1, HOUR, 10);
    (void)state;
    for (size_t i = 0; i != NUM(cases); ++i) {
        desk_t desk = open_desk(&conf, 1, 1000, GW_FULL_SHARED);
        assert_true(gw_limits_make_rules(&conf, 1, cases[i].share, desk.rules));
        assert_true(take(&desk, 1, 5));
        gw_limits_ask_t ask = ask_of(&desk, 1, 5);
        ask.kept = cases[i].kept;
        gw_limits_give_back(desk.limits, &ask, &desk.answer, desk.answer.levels);
        if (desk.answer.levels[0].remaining != cases[i].remaining)
            fail_msg("1/%llu, %llu kept: %llu remain", (unsigned long long)cases[i].share,
                     (unsigned long long)cases[i].kept, (unsigned long long)desk.answer.levels[0].remaining);
        close_desk(&desk);
    }
}

static void a_share_of_less_than_a_token_keeps_what_it_took_through_a_reload(void **state)
{
    const gw_limit_conf_t before = limit("one", 1, SECOND, 2), after = limit("one", 1, SECOND, 3);
    (void)state;
    desk_t desk = open_desk(&before, 1, 1000, GW_FULL_SHARED);
    assert_true(gw_limits_make_rules(&before, 1, 1000, desk.rules));
    assert_int_equal(take_many(&desk, 1, 5), 1);
    reload(&desk, &after, 1, 1000);
    assert_true(gw_limits_make_rules(&after, 1, 1000, desk.rules));
    assert_false(take(&desk, 1, 1));
    assert_int_equal(desk.answer.wait_us, 1000 * SECOND);
    desk.now_us += 1000 * SECOND - 1;
    assert_false(take(&desk, 1, 1));
    desk.now_us += 1;
    assert_true(take(&desk, 1, 1));
    close_desk(&desk);
}

static void limits_that_cannot_be_counted_make_no_rules(void **state)
{
    gw_limit_rules_t rules[2];
    gw_limit_conf_t confs[] = {limit("good", 1, SECOND, 1), limit("bad", 999999937, SECOND, 1)};
    (void)state;
    assert_false(gw_limits_make_rules(confs, 2, 1, rules));
    assert_true(gw_limits_make_rules(confs, 1, 1, rules));
    assert_false(rules[0].has_trial);
    confs[0] = with_trial(confs[0], 999999937, SECOND, 1);
    assert_false(gw_limits_make_rules(confs, 1, 1, rules));
    confs[0] = with_trial(confs[0], 10, SECOND, 7);
    assert_true(gw_limits_make_rules(confs, 1, 1, rules));
    assert_true(rules[0].has_trial && rules[0].trial.burst == 7);
    assert_null(gw_limits_unref(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_that_refuses_costs_the_others_nothing),
        cmocka_unit_test(of_several_that_refuse_the_longest_wait_is_told),
        cmocka_unit_test(threads_that_meet_take_from_all_limits_the_same),
        cmocka_unit_test(a_trial_is_counted_beside_and_refuses_nobody),
        cmocka_unit_test(a_trial_counts_what_is_refused_as_if_it_were_in_force_instead),
        cmocka_unit_test(trials_are_all_or_nothing_among_themselves),
        cmocka_unit_test(what_is_given_back_can_be_taken_again),
        cmocka_unit_test(a_trial_gets_back_only_what_it_gave),
        cmocka_unit_test(trials_without_a_place_share_one_bucket_too),
        cmocka_unit_test(what_is_charged_may_be_owed_and_comes_back_in_time),
        cmocka_unit_test(keys_without_a_place_share_one_bucket),
        cmocka_unit_test(keys_without_a_place_can_be_refused),
        cmocka_unit_test(a_limit_without_room_that_refuses_costs_the_others_nothing),
        cmocka_unit_test(looking_takes_nothing_and_needs_no_place),
        cmocka_unit_test(a_cost_is_taken_as_a_whole_and_at_most_a_full_bucket),
        cmocka_unit_test(waits_are_handed_out_in_order_and_never_beyond_the_longest),
        cmocka_unit_test(of_several_limits_the_longest_wait_counts),
        cmocka_unit_test(a_reload_that_changes_nothing_keeps_the_tables),
        cmocka_unit_test(a_reload_that_changes_a_limit_keeps_what_was_taken),
        cmocka_unit_test(any_difference_of_rules_is_one),
        cmocka_unit_test(two_reloads_at_once_forget_nothing),
        cmocka_unit_test(what_is_given_back_after_a_reload_counts),
        cmocka_unit_test(one_that_finds_no_room_after_a_reload_is_told_what_it_has),
        cmocka_unit_test(what_is_owed_becomes_an_empty_bucket),
        cmocka_unit_test(what_is_missing_comes_back_at_the_new_rate_since_it_is_in_force),
        cmocka_unit_test(a_bucket_that_moved_on_and_made_room_comes_back_full),
        cmocka_unit_test(changes_are_remembered_while_they_matter_and_at_most_so_many),
        cmocka_unit_test(a_client_that_is_refused_all_the_while_gets_nothing_by_reloads),
        cmocka_unit_test(what_was_taken_is_read_through_changes_of_its_clock),
        cmocka_unit_test(tables_that_no_longer_matter_are_let_go),
        cmocka_unit_test(the_bucket_of_keys_without_a_place_moves_on_too),
        cmocka_unit_test(a_trial_that_a_reload_brings_begins_full_and_one_that_stays_goes_on),
        cmocka_unit_test(a_reload_under_load_refills_no_bucket),
        cmocka_unit_test(a_share_has_its_part_of_the_burst_and_of_the_rate),
        cmocka_unit_test(a_cost_of_more_than_a_share_holds_is_not_given_back_but_for_what_is_less),
        cmocka_unit_test(a_share_of_less_than_a_token_keeps_what_it_took_through_a_reload),
        cmocka_unit_test(limits_that_cannot_be_counted_make_no_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
