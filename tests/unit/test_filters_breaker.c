/* SPDX-License-Identifier: MIT
 * The breaker's state machine: by example, beside a reference breaker on random events, and under four threads.
 * Times are virtual.  BREAKER_SEED=number in the environment runs the random events of another seed. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "filters/breaker.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t random_next(uint64_t *seed)
{
    uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static gw_breaker_t *breaker_create(size_t num_workers)
{
    size_t size = (gw_breaker_size(num_workers) + 63) / 64 * 64;
    gw_breaker_t *breaker = aligned_alloc(64, size);
    assert_non_null(breaker);
    memset(breaker, 0xa5, size); /* init must not rely on zeros */
    gw_breaker_init(breaker, num_workers);
    return breaker;
}

/* by example ------------------------------------------------------------------------------------------------------- */

static gw_breaker_t *breaker;       /* of the example at hand, two workers */
static gw_breaker_change_t change;  /* what the last step said */
static uint64_t random_bits;        /* for the next step */
static const uint64_t start = 1024; /* a multiple of a bucket, and of the 256 ms that probes are timed in */

static int set_up(void **state)
{
    (void)state;
    breaker = breaker_create(2);
    random_bits = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(breaker);
    return 0;
}

/** Only consecutive failures open it: the way to a state for those examples that are about what follows. */
static const gw_breaker_rules_t plain = {.window_ms = 1000,
                                         .consecutive_failures = 1,
                                         .open_ms = 1000,
                                         .max_open_ms = 60000,
                                         .half_open_requests = 3,
                                         .probe_ms = 5000};

static gw_breaker_ticket_t enter(const gw_breaker_rules_t *rules, uint64_t now_ms)
{
    bool would_pass = gw_breaker_would_pass(breaker, rules, now_ms);
    gw_breaker_ticket_t ticket = gw_breaker_enter(breaker, rules, now_ms, random_bits, &change);
    /* one that finds a probe hanging would have to be let in to find it */
    assert_int_equal(ticket.pass != GW_BREAKER_REFUSED || change.cause == GW_BREAKER_PROBE_HANGS, would_pass);
    return ticket;
}

static gw_breaker_cause_t leave(const gw_breaker_rules_t *rules, gw_breaker_ticket_t ticket, unsigned result,
                                uint64_t now_ms)
{
    gw_breaker_leave(breaker, rules, 0, ticket, result, now_ms, random_bits, &change);
    return change.cause;
}

/** A call through a closed breaker. */
static gw_breaker_cause_t call_by(size_t worker, const gw_breaker_rules_t *rules, unsigned result, uint64_t now_ms)
{
    gw_breaker_ticket_t ticket = enter(rules, now_ms);
    assert_int_equal(ticket.pass, GW_BREAKER_CALL);
    assert_int_equal(change.cause, GW_BREAKER_NONE);
    gw_breaker_leave(breaker, rules, worker, ticket, result, now_ms, random_bits, &change);
    return change.cause;
}

static gw_breaker_cause_t call(const gw_breaker_rules_t *rules, unsigned result, uint64_t now_ms)
{
    return call_by(0, rules, result, now_ms);
}

static gw_breaker_ticket_t enter_as_probe(const gw_breaker_rules_t *rules, uint64_t now_ms)
{
    gw_breaker_ticket_t ticket = enter(rules, now_ms);
    assert_int_equal(ticket.pass, GW_BREAKER_PROBE);
    return ticket;
}

static void assert_state(gw_breaker_state_t expected)
{
    assert_string_equal(gw_breaker_state_name(gw_breaker_state(breaker)), gw_breaker_state_name(expected));
}

/** From closed to open.  @return when its open time is over */
static uint64_t trip(const gw_breaker_rules_t *rules, uint64_t now_ms)
{
    for (int i = 0; i != 300 && gw_breaker_state(breaker) == GW_BREAKER_CLOSED; ++i)
        call(rules, GW_BREAKER_FAILED, now_ms);
    assert_state(GW_BREAKER_OPEN);
    return now_ms + change.open_ms;
}

/* rows spell results: s success, f failed, w slow, b both, c cancelled; a capital letter is worker 1's */
static unsigned result_of(char letter)
{
    switch (letter | 0x20) {
    case 's':
        return GW_BREAKER_SUCCESS;
    case 'f':
        return GW_BREAKER_FAILED;
    case 'w':
        return GW_BREAKER_SLOW;
    case 'b':
        return GW_BREAKER_FAILED | GW_BREAKER_SLOW;
    default:
        return GW_BREAKER_CANCELLED;
    }
}

/* what they bring about */
enum {
    NOTHING = GW_BREAKER_NONE,
    RATIO = GW_BREAKER_FAILURE_RATIO,
    SLOW = GW_BREAKER_SLOW_RATIO,
    STREAK = GW_BREAKER_CONSECUTIVE,
    CLOSES = GW_BREAKER_PROBES_GOOD,
    REOPENS = GW_BREAKER_PROBE_FAILED,
};

static void each_result_in_its_order_opens_it_or_does_not(void **state)
{
    static const gw_breaker_rules_t half = {.failure_ratio = 5000, .min_requests = 10};
    static const gw_breaker_rules_t less_than_a_third = {.failure_ratio = 3333, .min_requests = 3};
    static const gw_breaker_rules_t more_than_a_third = {.failure_ratio = 3334, .min_requests = 3};
    static const gw_breaker_rules_t all = {.failure_ratio = GW_BREAKER_ALL, .min_requests = 5};
    static const gw_breaker_rules_t half_slow = {.slow_ratio = 5000, .min_requests = 4};
    static const gw_breaker_rules_t half_each = {.failure_ratio = 5000, .slow_ratio = 5000, .min_requests = 4};
    static const gw_breaker_rules_t three = {.consecutive_failures = 3}, one = {.consecutive_failures = 1};
    static const gw_breaker_rules_t both = {.failure_ratio = 5000, .min_requests = 100, .consecutive_failures = 2};
    static const gw_breaker_rules_t none = {.min_requests = 0};
    static const struct {
        const char *about, *calls;
        const gw_breaker_rules_t *rules;
        unsigned cause;     /* of the last call; the others have none */
        const char *counts; /* calls, failures, slow calls; NULL: not looked at */
    } cases[] = {
        {"half of ten failed", "sssssfffff", &half, RATIO, "10 5 0"},
        {"one fewer than the minimum", "ssssfffff", &half, NOTHING, NULL},
        {"one failure fewer than the share", "ssssssffff", &half, NOTHING, NULL},
        {"a success reaches the minimum: the next failure opens", "fffffsssssf", &half, RATIO, "11 6 0"},
        {"calls of all workers are counted", "sSsSsFfFfF", &half, RATIO, "10 5 0"},
        {"cancelled calls are no calls", "ssssccccccfffff", &half, NOTHING, NULL},
        {"slow ones are no failures", "wwwwwwwwww", &half, NOTHING, NULL},
        {"a slow failure is a failure", "sssssbbbbb", &half, RATIO, "10 5 0"},
        {"a third is less than 33.34 %", "ssf", &more_than_a_third, NOTHING, NULL},
        {"a third is more than 33.33 %", "ssf", &less_than_a_third, RATIO, "3 1 0"},
        {"all of them", "fffff", &all, RATIO, "5 5 0"},
        {"all but one of them", "sfffff", &all, NOTHING, NULL},
        {"half of four were slow", "ssww", &half_slow, SLOW, "4 0 2"},
        {"fewer than half were slow", "sssww", &half_slow, NOTHING, NULL},
        {"fewer slow calls than the minimum", "www", &half_slow, NOTHING, NULL},
        {"failures are not slow", "ffff", &half_slow, NOTHING, NULL},
        {"a slow failure is slow", "ssbb", &half_slow, SLOW, "4 0 2"},
        {"a quarter failed, a quarter was slow", "ssfw", &half_each, NOTHING, NULL},
        {"a quarter failed, half was slow", "sfww", &half_each, SLOW, "4 1 2"},
        {"half failed, a quarter was slow", "swff", &half_each, RATIO, "4 2 1"},
        {"three in a row", "sssfff", &three, STREAK, NULL},
        {"three in a row of both workers", "fFf", &three, STREAK, NULL},
        {"a success ends the row", "ffsff", &three, NOTHING, NULL},
        {"a success of another worker ends the row", "ffSff", &three, NOTHING, NULL},
        {"a slow success ends the row", "ffwff", &three, NOTHING, NULL},
        {"a slow failure does not", "fbf", &three, STREAK, NULL},
        {"a cancelled call does not", "ffcf", &three, STREAK, NULL},
        {"one is a row", "f", &one, STREAK, NULL},
        {"a row needs no minimum of calls", "ff", &both, STREAK, NULL},
        {"without rules nothing opens it", "ffffffffbbbbwwww", &none, NOTHING, NULL},
    };
    (void)state;
    for (size_t i = 0; i != COUNT_OF(cases); ++i) {
        gw_breaker_rules_t rules = *cases[i].rules;
        rules.window_ms = rules.open_ms = rules.max_open_ms = rules.probe_ms = 1000;
        rules.half_open_requests = 1;
        gw_breaker_init(breaker, 2);
        for (const char *at = cases[i].calls; *at != '\0'; ++at) {
            gw_breaker_cause_t cause = call_by(*at < 'a', &rules, result_of(*at), start);
            gw_breaker_cause_t expected = at[1] == '\0' ? cases[i].cause : GW_BREAKER_NONE;
            if (cause != expected)
                fail_msg("%s: after call %d: %s, not: %s", cases[i].about, (int)(at - cases[i].calls) + 1,
                         gw_breaker_cause_text(cause), gw_breaker_cause_text(expected));
        }
        assert_state(cases[i].cause == NOTHING ? GW_BREAKER_CLOSED : GW_BREAKER_OPEN);
        if (cases[i].cause == NOTHING)
            continue;
        assert_int_equal(change.from, GW_BREAKER_CLOSED);
        assert_int_equal(change.to, GW_BREAKER_OPEN);
        assert_int_equal(change.open_ms, 1000);
        if (cases[i].counts == NULL)
            continue;
        char counts[64];
        snprintf(counts, sizeof(counts), "%d %d %d", (int)change.calls, (int)change.failures, (int)change.slow);
        assert_string_equal(counts, cases[i].counts);
    }
}

static void the_longest_streak_is_as_long_as_it_says(void **state)
{
    gw_breaker_rules_t rules = plain;
    (void)state;
    rules.consecutive_failures = GW_BREAKER_MAX_STREAK;
    for (unsigned i = 1; i != GW_BREAKER_MAX_STREAK; ++i)
        assert_int_equal(call(&rules, GW_BREAKER_FAILED, start), GW_BREAKER_NONE);
    assert_int_equal(call(&rules, GW_BREAKER_FAILED, start), GW_BREAKER_CONSECUTIVE);
}

/** Four failures at the first time, six successes with a failure in their end at the second. */
static void what_is_older_than_the_window_is_not_counted(void **state)
{
    static const struct {
        const char *about;
        uint64_t failures_at, last_at;
        gw_breaker_cause_t cause;
    } cases[] = {
        {"in the same bucket", 10000, 10099, GW_BREAKER_FAILURE_RATIO},
        {"in the last bucket that is still in the window", 10000, 10999, GW_BREAKER_FAILURE_RATIO},
        {"late in the first bucket, early in the last", 10099, 10900, GW_BREAKER_FAILURE_RATIO},
        {"in the first bucket that has left the window", 10099, 11000, GW_BREAKER_NONE},
        {"long ago", 10000, 1000000000, GW_BREAKER_NONE},
        {"in the first milliseconds of the clock", 0, 50, GW_BREAKER_FAILURE_RATIO},
        {"in the first window of the clock", 0, 950, GW_BREAKER_FAILURE_RATIO},
        {"after the first window of the clock", 50, 1000, GW_BREAKER_NONE},
    };
    const gw_breaker_rules_t rules = {.failure_ratio = 5000,
                                      .min_requests = 10,
                                      .window_ms = 1000,
                                      .open_ms = 1,
                                      .max_open_ms = 1,
                                      .half_open_requests = 1,
                                      .probe_ms = 1000};
    (void)state;
    for (size_t i = 0; i != COUNT_OF(cases); ++i) {
        gw_breaker_init(breaker, 2);
        for (int k = 0; k != 4; ++k)
            assert_int_equal(call_by(k % 2, &rules, GW_BREAKER_FAILED, cases[i].failures_at), GW_BREAKER_NONE);
        for (int k = 0; k != 5; ++k)
            assert_int_equal(call_by(k % 2, &rules, GW_BREAKER_SUCCESS, cases[i].last_at), GW_BREAKER_NONE);
        gw_breaker_cause_t cause = call(&rules, GW_BREAKER_FAILED, cases[i].last_at);
        if (cause != cases[i].cause)
            fail_msg("%s: %s", cases[i].about, gw_breaker_cause_text(cause));
    }
}

static void the_window_forgets_its_calls_bucket_by_bucket(void **state)
{
    const gw_breaker_rules_t rules = {.failure_ratio = GW_BREAKER_ALL, /* so that nothing opens: the first succeeds */
                                      .min_requests = 2,
                                      .window_ms = 1000,
                                      .open_ms = 1,
                                      .max_open_ms = 1,
                                      .half_open_requests = 1,
                                      .probe_ms = 1000};
    (void)state;
    assert_int_equal(call(&rules, GW_BREAKER_SUCCESS, 20000), GW_BREAKER_NONE);
    for (uint64_t now_ms = 20000; now_ms != 21000; now_ms += 50)
        assert_int_equal(call(&rules, GW_BREAKER_FAILED, now_ms), GW_BREAKER_NONE);
    assert_int_equal(call(&rules, GW_BREAKER_FAILED, 21000), GW_BREAKER_FAILURE_RATIO);
    assert_int_equal(change.calls, 19); /* the two failures of the success's bucket are gone with it */
    assert_int_equal(change.failures, 19);
}

static void an_open_breaker_refuses_until_its_time_is_over(void **state)
{
    (void)state;
    assert_int_equal(trip(&plain, start), start + 1000);
    for (uint64_t waited = 0; waited != 1000; ++waited) {
        gw_breaker_ticket_t ticket = enter(&plain, start + waited);
        assert_int_equal(ticket.pass, GW_BREAKER_REFUSED);
        assert_int_equal(ticket.retry_after_ms, 1000 - waited);
        assert_int_equal(gw_breaker_retry_after(breaker, start + waited), 1000 - waited);
        assert_int_equal(change.cause, GW_BREAKER_NONE);
        assert_int_equal(gw_breaker_probes(breaker), 0);
    }
    assert_int_equal(gw_breaker_retry_after(breaker, start + 1000), 1);
    enter_as_probe(&plain, start + 1000);
    assert_int_equal(change.cause, GW_BREAKER_TIME_OVER);
    assert_int_equal(change.from, GW_BREAKER_OPEN);
    assert_int_equal(change.to, GW_BREAKER_HALF_OPEN);
    assert_state(GW_BREAKER_HALF_OPEN);
}

static void half_open_hands_out_exactly_its_probes_and_closes_when_all_came_back_well(void **state)
{
    static const unsigned nums[] = {1, 2, 3, 17, GW_BREAKER_MAX_PROBES};
    (void)state;
    for (size_t i = 0; i != COUNT_OF(nums); ++i) {
        gw_breaker_ticket_t probes[GW_BREAKER_MAX_PROBES];
        gw_breaker_rules_t rules = plain;
        rules.half_open_requests = nums[i];
        gw_breaker_init(breaker, 2);
        uint64_t now_ms = trip(&rules, start);
        for (unsigned k = 0; k != nums[i]; ++k) {
            probes[k] = enter_as_probe(&rules, now_ms);
            assert_int_equal(change.cause, k == 0 ? GW_BREAKER_TIME_OVER : GW_BREAKER_NONE);
            assert_int_equal(gw_breaker_probes(breaker), k + 1);
        }
        for (unsigned k = 0; k != nums[i]; ++k) {
            gw_breaker_ticket_t refused = enter(&rules, now_ms);
            assert_int_equal(refused.pass, GW_BREAKER_REFUSED);
            assert_true(refused.retry_after_ms >= 1);
            assert_state(GW_BREAKER_HALF_OPEN);
            gw_breaker_cause_t cause = leave(&rules, probes[k], GW_BREAKER_SUCCESS, now_ms);
            assert_int_equal(cause, k + 1 == nums[i] ? GW_BREAKER_PROBES_GOOD : GW_BREAKER_NONE);
            assert_int_equal(gw_breaker_probes(breaker), nums[i] - k - 1);
        }
        assert_int_equal(change.from, GW_BREAKER_HALF_OPEN);
        assert_int_equal(change.to, GW_BREAKER_CLOSED);
        assert_state(GW_BREAKER_CLOSED);
    }
}

static void a_cancelled_probe_gives_its_place_back(void **state)
{
    (void)state;
    uint64_t now_ms = trip(&plain, start);
    gw_breaker_ticket_t first = enter_as_probe(&plain, now_ms);
    for (int i = 0; i != 1000; ++i) {
        gw_breaker_ticket_t second = enter_as_probe(&plain, now_ms), third = enter_as_probe(&plain, now_ms);
        assert_int_equal(gw_breaker_probes(breaker), 3);
        assert_int_equal(enter(&plain, now_ms).pass, GW_BREAKER_REFUSED);
        assert_int_equal(leave(&plain, second, GW_BREAKER_CANCELLED, now_ms), GW_BREAKER_NONE);
        assert_int_equal(leave(&plain, third, GW_BREAKER_CANCELLED, now_ms), GW_BREAKER_NONE);
        assert_int_equal(gw_breaker_probes(breaker), 1);
    }
    leave(&plain, first, GW_BREAKER_CANCELLED, now_ms); /* and with nobody out it is still half-open */
    assert_int_equal(gw_breaker_probes(breaker), 0);
    assert_state(GW_BREAKER_HALF_OPEN);
    for (int i = 0; i != 3; ++i)
        leave(&plain, enter_as_probe(&plain, now_ms), GW_BREAKER_SUCCESS, now_ms);
    assert_int_equal(change.cause, GW_BREAKER_PROBES_GOOD);
}

static void bad_probes_open_it_again_once_the_ratio_cannot_be_met(void **state)
{
    static const gw_breaker_rules_t no_ratio = {.consecutive_failures = 5}, half = {.failure_ratio = 5000};
    static const gw_breaker_rules_t quarter = {.failure_ratio = 2500}, more_than_a_quarter = {.failure_ratio = 2501};
    static const gw_breaker_rules_t all = {.failure_ratio = GW_BREAKER_ALL};
    static const gw_breaker_rules_t half_each = {.failure_ratio = 5000, .slow_ratio = 5000};
    static const struct {
        const char *about, *results; /* of those of four probes that are let come back */
        const gw_breaker_rules_t *rules;
        unsigned cause; /* of the last one's transition */
    } cases[] = {
        {"without a ratio the first failure", "f", &no_ratio, REOPENS},
        {"without a ratio the last failure", "sssf", &no_ratio, REOPENS},
        {"one of four is less than half", "fsss", &half, CLOSES},
        {"two of four are half, whoever is still out", "ff", &half, REOPENS},
        {"two of four are half, at the end", "sfsf", &half, REOPENS},
        {"a quarter", "f", &quarter, REOPENS},
        {"little more than a quarter", "fsss", &more_than_a_quarter, CLOSES},
        {"all but one, where all is the ratio", "fffs", &all, CLOSES},
        {"all", "ffff", &all, REOPENS},
        {"slow ones where slow is not looked at", "wwww", &half, CLOSES},
        {"slow ones where slow is looked at", "ww", &half_each, REOPENS},
        {"one slow, one failed", "wf", &half_each, REOPENS},
        {"slow and failed is one, not two", "bsss", &half_each, CLOSES},
    };
    (void)state;
    for (size_t i = 0; i != COUNT_OF(cases); ++i) {
        gw_breaker_rules_t rules = *cases[i].rules, first = plain;
        rules.window_ms = rules.open_ms = rules.max_open_ms = 1000;
        rules.probe_ms = 5000;
        rules.half_open_requests = first.half_open_requests = 4;
        gw_breaker_init(breaker, 2);
        uint64_t now_ms = trip(&first, start);
        gw_breaker_ticket_t probes[4];
        for (int k = 0; k != 4; ++k)
            probes[k] = enter_as_probe(&rules, now_ms);
        for (size_t k = 0; cases[i].results[k] != '\0'; ++k) {
            gw_breaker_cause_t expected = cases[i].results[k + 1] == '\0' ? cases[i].cause : GW_BREAKER_NONE;
            gw_breaker_cause_t cause = leave(&rules, probes[k], result_of(cases[i].results[k]), now_ms);
            if (cause != expected)
                fail_msg("%s: after probe %zu: %s, not: %s", cases[i].about, k + 1, gw_breaker_cause_text(cause),
                         gw_breaker_cause_text(expected));
        }
        assert_state(cases[i].cause == CLOSES ? GW_BREAKER_CLOSED : GW_BREAKER_OPEN);
        assert_int_equal(gw_breaker_probes(breaker), 0);
    }
}

static void results_of_an_older_generation_are_not_counted(void **state)
{
    gw_breaker_rules_t rules = plain;
    (void)state;
    rules.half_open_requests = 2;
    gw_breaker_ticket_t old_call = enter(&rules, start), spoilt_call = enter(&rules, start);
    leave(&rules, spoilt_call, GW_BREAKER_SUCCESS, start);
    uint64_t now_ms = trip(&rules, start);
    leave(&rules, old_call, GW_BREAKER_FAILED, now_ms); /* open: its time gets no longer */
    assert_int_equal(change.cause, GW_BREAKER_NONE);

    gw_breaker_ticket_t old_probe = enter_as_probe(&rules, now_ms), failing = enter_as_probe(&rules, now_ms);
    leave(&rules, old_call, GW_BREAKER_FAILED, now_ms); /* half-open: a call says nothing about the probes */
    assert_int_equal(change.cause, GW_BREAKER_NONE);
    assert_int_equal(gw_breaker_probes(breaker), 2);
    assert_int_equal(leave(&rules, failing, GW_BREAKER_FAILED, now_ms), GW_BREAKER_PROBE_FAILED);
    now_ms += change.open_ms;

    gw_breaker_ticket_t probe = enter_as_probe(&rules, now_ms); /* half-open again: the first one's probe is too late */
    static const unsigned results[] = {GW_BREAKER_SUCCESS, GW_BREAKER_FAILED, GW_BREAKER_CANCELLED};
    for (size_t i = 0; i != COUNT_OF(results); ++i) {
        assert_int_equal(leave(&rules, old_probe, results[i], now_ms), GW_BREAKER_NONE);
        assert_int_equal(gw_breaker_probes(breaker), 1);
        assert_state(GW_BREAKER_HALF_OPEN);
    }
    leave(&rules, probe, GW_BREAKER_SUCCESS, now_ms);
    leave(&rules, enter_as_probe(&rules, now_ms), GW_BREAKER_SUCCESS, now_ms);
    assert_int_equal(change.cause, GW_BREAKER_PROBES_GOOD);

    assert_int_equal(leave(&rules, old_call, GW_BREAKER_FAILED, now_ms),
                     GW_BREAKER_NONE); /* closed, but another time */
    assert_int_equal(leave(&rules, old_probe, GW_BREAKER_FAILED, now_ms), GW_BREAKER_NONE);
    gw_breaker_spoil(breaker, &rules, 0, spoilt_call, now_ms, 0, &change);
    assert_int_equal(change.cause, GW_BREAKER_NONE);
    assert_state(GW_BREAKER_CLOSED);
}

static void a_slow_probe_counts_by_the_share_of_slow_ones(void **state)
{
    gw_breaker_rules_t rules = plain;
    (void)state;
    call_by(0, &rules, GW_BREAKER_FAILED, start);
    rules.slow_ratio = 5000;
    rules.half_open_requests = 4;
    gw_breaker_ticket_t first = enter(&rules, start + 2000), second = enter(&rules, start + 2000);
    assert_int_equal(leave(&rules, first, GW_BREAKER_SLOW, start + 2000), GW_BREAKER_NONE);
    assert_int_equal(leave(&rules, second, GW_BREAKER_SLOW, start + 2000), GW_BREAKER_PROBE_FAILED);
}

static void bodies_that_break_off_one_after_the_other_are_a_streak(void **state)
{
    gw_breaker_rules_t rules = plain;
    (void)state;
    rules.consecutive_failures = 3;
    for (int i = 0; i != 3; ++i) {
        gw_breaker_ticket_t ticket = enter(&rules, start);
        assert_int_equal(leave(&rules, ticket, GW_BREAKER_BEGUN, start), GW_BREAKER_NONE);
        gw_breaker_spoil(breaker, &rules, 0, ticket, start, 0, &change);
        assert_int_equal(change.cause, i == 2 ? GW_BREAKER_CONSECUTIVE : GW_BREAKER_NONE);
    }
    gw_breaker_init(breaker, 2);
    for (int i = 0; i != 9; ++i) { /* one that was settled in between ends it */
        gw_breaker_ticket_t ticket = enter(&rules, start);
        assert_int_equal(leave(&rules, ticket, GW_BREAKER_BEGUN, start), GW_BREAKER_NONE);
        if (i % 3 == 2)
            gw_breaker_settle(breaker, &rules, ticket);
        else
            gw_breaker_spoil(breaker, &rules, 0, ticket, start, 0, &change);
        assert_int_equal(change.cause, GW_BREAKER_NONE);
    }
}

static void hanging_probes_are_found_by_callers_that_ask_first(void **state)
{
    (void)state;
    call_by(0, &plain, GW_BREAKER_FAILED, start);
    for (unsigned i = 0; i != plain.half_open_requests; ++i)
        assert_int_equal(enter(&plain, start + 2000).pass, GW_BREAKER_PROBE);
    assert_false(gw_breaker_would_pass(breaker, &plain, start + 2000));
    assert_true(gw_breaker_would_pass(breaker, &plain, start + 2000 + plain.probe_ms + 1000));
    assert_int_equal(enter(&plain, start + 2000 + plain.probe_ms + 1000).pass, GW_BREAKER_REFUSED);
    assert_int_equal(change.cause, GW_BREAKER_PROBE_HANGS);
}

static void an_old_success_does_not_end_a_new_streak(void **state)
{
    gw_breaker_rules_t rules = plain;
    (void)state;
    gw_breaker_ticket_t old_call = enter(&rules, start);
    uint64_t now_ms = trip(&rules, start);
    for (int i = 0; i != 3; ++i)
        leave(&rules, enter_as_probe(&rules, now_ms), GW_BREAKER_SUCCESS, now_ms);
    rules.consecutive_failures = 2;
    assert_int_equal(call(&rules, GW_BREAKER_FAILED, now_ms), GW_BREAKER_NONE);
    leave(&rules, old_call, GW_BREAKER_SUCCESS, now_ms);
    assert_int_equal(call(&rules, GW_BREAKER_FAILED, now_ms), GW_BREAKER_CONSECUTIVE);
}

static void after_closing_it_counts_from_nothing(void **state)
{
    const gw_breaker_rules_t rules = {.failure_ratio = 5000,
                                      .min_requests = 10,
                                      .window_ms = 600000, /* all of this happens within one bucket */
                                      .open_ms = 10,
                                      .max_open_ms = 10,
                                      .half_open_requests = 1,
                                      .probe_ms = 1000};
    (void)state;
    uint64_t now_ms = start;
    for (int round = 0; round != 100; ++round) {
        for (int i = 0; i != 9; ++i)
            assert_int_equal(call_by(i % 2, &rules, GW_BREAKER_FAILED, now_ms), GW_BREAKER_NONE);
        assert_int_equal(call(&rules, GW_BREAKER_FAILED, now_ms), GW_BREAKER_FAILURE_RATIO);
        assert_int_equal(change.calls, 10);
        now_ms += change.open_ms;
        leave(&rules, enter_as_probe(&rules, now_ms), GW_BREAKER_SUCCESS, now_ms);
        assert_state(GW_BREAKER_CLOSED);
    }
}

static void a_probe_that_hangs_opens_it_again(void **state)
{
    (void)state;
    uint64_t now_ms = trip(&plain, start);
    gw_breaker_ticket_t hanging = enter_as_probe(&plain, now_ms);
    leave(&plain, enter_as_probe(&plain, now_ms), GW_BREAKER_SUCCESS, now_ms);
    leave(&plain, enter_as_probe(&plain, now_ms), GW_BREAKER_SUCCESS, now_ms);
    assert_int_equal(enter(&plain, now_ms + plain.probe_ms).pass, GW_BREAKER_REFUSED);
    assert_int_equal(change.cause, GW_BREAKER_NONE);

    now_ms += plain.probe_ms + 512; /* it is timed in units of 256 ms */
    gw_breaker_ticket_t refused = enter(&plain, now_ms);
    assert_int_equal(refused.pass, GW_BREAKER_REFUSED);
    assert_int_equal(change.cause, GW_BREAKER_PROBE_HANGS);
    assert_int_equal(change.from, GW_BREAKER_HALF_OPEN);
    assert_int_equal(change.to, GW_BREAKER_OPEN);
    assert_int_equal(change.open_ms, 2000); /* doubled as by a probe that failed */
    assert_int_equal(refused.retry_after_ms, 2000);
    assert_int_equal(leave(&plain, hanging, GW_BREAKER_SUCCESS, now_ms), GW_BREAKER_NONE);
    assert_state(GW_BREAKER_OPEN);
}

static void a_probe_does_not_hang_before_its_time(void **state)
{
    static const uint64_t patience[] = {1, 100, 255, 256, 257, 511, 512, 1000, 30000};
    (void)state;
    for (size_t i = 0; i != COUNT_OF(patience); ++i)
        for (uint64_t offset = 0; offset != 256; ++offset) { /* of the 256 ms that probes are timed in */
            gw_breaker_rules_t rules = plain;
            rules.half_open_requests = 1;
            rules.probe_ms = patience[i];
            gw_breaker_init(breaker, 2);
            uint64_t now_ms = trip(&rules, start) / 256 * 256 + 256 + offset;
            enter_as_probe(&rules, now_ms);
            enter(&rules, now_ms + patience[i]);
            if (change.cause != GW_BREAKER_NONE)
                fail_msg("issued at %d of 256 ms, may take %d ms: said to hang earlier", (int)offset, (int)patience[i]);
            enter(&rules, now_ms + patience[i] + 513);
            assert_int_equal(change.cause, GW_BREAKER_PROBE_HANGS);
        }
}

/** Workers read the clock, then the word: another one may come in between, and their cached clocks differ by more. */
static void a_worker_whose_clock_is_behind_sees_no_probe_hang(void **state)
{
    gw_breaker_rules_t rules = plain;
    (void)state;
    rules.half_open_requests = 1;
    uint64_t now_ms = trip(&rules, start) / 256 * 256 + 256;
    gw_breaker_ticket_t probe = enter_as_probe(&rules, now_ms);
    for (uint64_t behind = 1; behind != 1000; ++behind) {
        assert_int_equal(enter(&rules, now_ms - behind).pass, GW_BREAKER_REFUSED);
        if (change.cause != GW_BREAKER_NONE)
            fail_msg("%d ms behind: %s", (int)behind, gw_breaker_cause_text(change.cause));
    }
    assert_int_equal(leave(&rules, probe, GW_BREAKER_SUCCESS, now_ms), GW_BREAKER_PROBES_GOOD);
}

static void probes_are_timed_right_where_the_stored_clock_wraps(void **state)
{
    gw_breaker_rules_t rules = plain;
    (void)state;
    rules.half_open_requests = 1;
    for (uint64_t before = 1; before < 6000; before += 97) { /* 2^32 ms: 24 bits of 256 ms */
        gw_breaker_init(breaker, 2);
        trip(&rules, (UINT64_C(1) << 32) - 20000);
        uint64_t now_ms = (UINT64_C(1) << 32) - before;
        enter_as_probe(&rules, now_ms);
        for (uint64_t waited = 0; waited < rules.probe_ms; waited += 100) {
            enter(&rules, now_ms + waited);
            assert_int_equal(change.cause, GW_BREAKER_NONE);
        }
        enter(&rules, now_ms + rules.probe_ms + 513);
        assert_int_equal(change.cause, GW_BREAKER_PROBE_HANGS);
    }
}

static void the_open_time_doubles_to_its_bound_and_starts_small_after_closing(void **state)
{
    static const struct {
        const char *about;
        uint64_t random_bits;
        uint64_t open_ms[8];
    } cases[] = {
        {"shortest", 0, {1000, 2000, 4000, 8000, 16000, 20000, 20000, 20000}},
        {"in the middle", UINT64_C(1) << 63, {1125, 2250, 4500, 9000, 18000, 22500, 22500, 22500}},
        {"longest", UINT64_MAX, {1250, 2500, 5000, 10000, 20000, 25000, 25000, 25000}},
    };
    gw_breaker_rules_t rules = plain;
    (void)state;
    rules.max_open_ms = 20000;
    for (size_t i = 0; i != COUNT_OF(cases); ++i) {
        random_bits = cases[i].random_bits;
        uint64_t now_ms = start;
        for (int round = 0; round != 3; ++round) {
            trip(&rules, now_ms);
            for (size_t k = 0; k != 100; ++k) { /* far beyond the trips that are counted */
                uint64_t expected = cases[i].open_ms[k < 8 ? k : 7];
                if (change.open_ms != expected)
                    fail_msg("%s: opened %zu times: for %d ms, not %d", cases[i].about, k + 1, (int)change.open_ms,
                             (int)expected);
                now_ms += change.open_ms;
                gw_breaker_ticket_t probe = enter_as_probe(&rules, now_ms);
                assert_int_equal(leave(&rules, probe, GW_BREAKER_FAILED, now_ms), GW_BREAKER_PROBE_FAILED);
            }
            now_ms += change.open_ms;
            for (int k = 0; k != 3; ++k)
                leave(&rules, enter_as_probe(&rules, now_ms), GW_BREAKER_SUCCESS, now_ms);
            assert_state(GW_BREAKER_CLOSED);
        }
    }
}

static void the_jitter_is_spread_over_a_quarter(void **state)
{
    uint64_t seed = 5, sum = 0;
    unsigned quarters[4] = {0};
    (void)state;
    for (int i = 0; i != 4000; ++i) {
        gw_breaker_init(breaker, 2);
        random_bits = random_next(&seed);
        uint64_t open_ms = trip(&plain, start) - start;
        assert_in_range(open_ms, 1000, 1250);
        sum += open_ms;
        ++quarters[(open_ms - 1000) * 4 / 251];
    }
    assert_in_range(sum / 4000, 1115, 1135);
    for (int i = 0; i != 4; ++i)
        assert_in_range(quarters[i], 900, 1100);
}

static void a_spoilt_call_is_a_failure_but_no_further_call(void **state)
{
    gw_breaker_rules_t rules = {.failure_ratio = 5000,
                                .min_requests = 4,
                                .window_ms = 1000,
                                .open_ms = 1000,
                                .max_open_ms = 1000,
                                .half_open_requests = 1,
                                .probe_ms = 1000};
    gw_breaker_ticket_t tickets[4];
    (void)state;
    for (int i = 0; i != 4; ++i) {
        tickets[i] = enter(&rules, start);
        assert_int_equal(leave(&rules, tickets[i], GW_BREAKER_SUCCESS, start), GW_BREAKER_NONE);
    }
    gw_breaker_spoil(breaker, &rules, 0, tickets[0], start, 0, &change);
    assert_int_equal(change.cause, GW_BREAKER_NONE);
    gw_breaker_spoil(breaker, &rules, 1, tickets[1], start + 500, 0, &change);
    assert_int_equal(change.cause, GW_BREAKER_FAILURE_RATIO);
    assert_int_equal(change.calls, 4);
    assert_int_equal(change.failures, 2);
    gw_breaker_spoil(breaker, &rules, 0, tickets[2], start, 0, &change); /* open by now */
    assert_int_equal(change.cause, GW_BREAKER_NONE);
}

static void spoilt_calls_make_a_streak(void **state)
{
    gw_breaker_rules_t rules = plain;
    gw_breaker_ticket_t tickets[3];
    (void)state;
    rules.consecutive_failures = 3;
    for (int i = 0; i != 3; ++i) {
        tickets[i] = enter(&rules, start);
        leave(&rules, tickets[i], GW_BREAKER_SUCCESS, start);
    }
    for (int i = 0; i != 3; ++i) {
        gw_breaker_spoil(breaker, &rules, 0, tickets[i], start, 0, &change);
        assert_int_equal(change.cause, i == 2 ? GW_BREAKER_CONSECUTIVE : GW_BREAKER_NONE);
    }
}

static void more_spoilt_calls_than_calls_are_all_of_them(void **state)
{
    gw_breaker_rules_t rules = {.failure_ratio = GW_BREAKER_ALL,
                                .min_requests = 1,
                                .window_ms = 1000,
                                .open_ms = 1000,
                                .max_open_ms = 1000,
                                .half_open_requests = 1,
                                .probe_ms = 1000};
    (void)state;
    gw_breaker_ticket_t tickets[3];
    for (int i = 0; i != 3; ++i) {
        tickets[i] = enter(&rules, start);
        leave(&rules, tickets[i], GW_BREAKER_SUCCESS, start);
    }
    for (int i = 0; i != 3; ++i) {
        gw_breaker_spoil(breaker, &rules, 0, tickets[i], start + 1000, 0,
                         &change); /* their calls have left the window */
        assert_int_equal(change.cause, GW_BREAKER_NONE);
    }
    assert_int_equal(call(&rules, GW_BREAKER_FAILED, start + 1000), GW_BREAKER_FAILURE_RATIO);
    assert_int_equal(change.calls, 1);
    assert_int_equal(change.failures, 1);
}

static void a_window_without_calls_has_no_ratio(void **state)
{
    gw_breaker_rules_t rules = {.failure_ratio = 5000,
                                .slow_ratio = 5000,
                                .min_requests = 0,
                                .window_ms = 1000,
                                .open_ms = 1000,
                                .max_open_ms = 1000,
                                .half_open_requests = 1,
                                .probe_ms = 1000};
    (void)state;
    gw_breaker_ticket_t ticket = enter(&rules, start);
    leave(&rules, ticket, GW_BREAKER_SUCCESS, start);
    gw_breaker_spoil(breaker, &rules, 0, ticket, start + 1000, 0, &change);
    assert_string_equal(gw_breaker_cause_text(change.cause), gw_breaker_cause_text(GW_BREAKER_NONE));
}

/** Two of five calls hit, over three times what a counter holds; then all do, until half of them did. */
static void counters_that_overflow_keep_their_ratio(void **state)
{
    static const struct {
        const char *about;
        unsigned hit;
        gw_breaker_rules_t rules;
        gw_breaker_cause_t cause;
    } cases[] = {
        {"failures", GW_BREAKER_FAILED, {.failure_ratio = 5000}, GW_BREAKER_FAILURE_RATIO},
        {"slow", GW_BREAKER_SLOW, {.slow_ratio = 5000}, GW_BREAKER_SLOW_RATIO},
    };
    (void)state;
    for (size_t i = 0; i != COUNT_OF(cases); ++i) {
        gw_breaker_rules_t rules = cases[i].rules;
        rules.min_requests = 100;
        rules.window_ms = 600000;
        rules.open_ms = rules.max_open_ms = rules.probe_ms = 1000;
        rules.half_open_requests = 1;
        gw_breaker_init(breaker, 2);
        for (unsigned k = 0; k != 3u << 20; ++k) {
            gw_breaker_ticket_t ticket = gw_breaker_enter(breaker, &rules, start, 0, &change);
            gw_breaker_leave(breaker, &rules, 0, ticket, k % 5 >= 3 ? cases[i].hit : GW_BREAKER_SUCCESS, start, 0,
                             &change);
            if (change.cause != GW_BREAKER_NONE)
                fail_msg("%s: opened at call %u by %d of %d", cases[i].about, k, (int)(change.failures + change.slow),
                         (int)change.calls);
        }
        unsigned num_more = 0;
        do {
            ++num_more;
        } while (call(&rules, cases[i].hit, start) == GW_BREAKER_NONE && num_more != 1u << 21);
        assert_int_equal(change.cause, cases[i].cause);
        assert_in_range(num_more, (1u << 19) / 5, (1u << 20) / 5 + 1);
        uint64_t hits = change.failures + change.slow;
        assert_true(2 * hits >= change.calls && 2 * hits <= change.calls + 2);
    }
}

static void the_generation_wraps_without_notice(void **state)
{
    gw_breaker_rules_t rules = plain;
    (void)state;
    rules.consecutive_failures = 0;
    rules.failure_ratio = 5000;
    rules.min_requests = 2;
    rules.window_ms = 10;
    rules.open_ms = rules.max_open_ms = 10;
    rules.half_open_requests = 1;
    uint64_t now_ms = start;
    bool has_wrapped = false;
    uint16_t generation = 1;
    for (unsigned round = 0; round != 21900; ++round) {
        gw_breaker_ticket_t late = enter(&rules, now_ms);
        assert_int_equal(late.generation, generation); /* 1, 4, ..., 65533, 0, 3, ... */
        has_wrapped |= generation == 0;
        assert_int_equal(call(&rules, GW_BREAKER_FAILED, now_ms), GW_BREAKER_NONE);
        assert_int_equal(call_by(1, &rules, GW_BREAKER_FAILED, now_ms), GW_BREAKER_FAILURE_RATIO);
        assert_int_equal(change.calls, 2);
        now_ms += change.open_ms;
        gw_breaker_ticket_t probe = enter_as_probe(&rules, now_ms);
        assert_int_equal(probe.generation, (uint16_t)(generation + 2));
        assert_int_equal(leave(&rules, late, GW_BREAKER_FAILED, now_ms), GW_BREAKER_NONE);
        assert_int_equal(leave(&rules, probe, GW_BREAKER_SUCCESS, now_ms), GW_BREAKER_PROBES_GOOD);
        assert_int_equal(leave(&rules, late, GW_BREAKER_FAILED, now_ms), GW_BREAKER_NONE);
        generation = (uint16_t)(generation + 3);
    }
    assert_true(has_wrapped);
}

static void workers_do_not_share_cache_lines(void **state)
{
    (void)state;
    assert_int_equal(sizeof(gw_breaker_t) % 64, 0);
    assert_int_equal(sizeof(gw_breaker_window_t) % 64, 0);
    assert_int_equal(gw_breaker_size(7), sizeof(gw_breaker_t) + 7 * sizeof(gw_breaker_window_t));
}

static void every_cause_and_state_has_its_text(void **state)
{
    (void)state;
    assert_string_equal(gw_breaker_cause_text(GW_BREAKER_NONE), "nothing");
    assert_string_equal(gw_breaker_cause_text(GW_BREAKER_PROBE_HANGS), "a probe hangs");
    assert_string_equal(gw_breaker_state_name(GW_BREAKER_CLOSED), "closed");
    assert_string_equal(gw_breaker_state_name(GW_BREAKER_OPEN), "open");
    assert_string_equal(gw_breaker_state_name(GW_BREAKER_HALF_OPEN), "half_open");
}

/* beside a reference ----------------------------------------------------------------------------------------------- */

enum { EVENTS_PER_RUN = 1000, NUM_RUNS = 2200, MAX_WORKERS = 5, MAX_OUT = 80, MAX_SPOILABLE = 16 };

/** One result in the window, as it came. */
typedef struct entry {
    uint64_t bucket; /* since the clock's beginning */
    bool is_call, is_failure, is_slow;
} entry_t;

/** The breaker as filters/breaker.h tells it: one thread, plain numbers, one list. */
typedef struct reference {
    gw_breaker_state_t state;
    uint64_t generation; /* never wraps */
    entry_t entries[2 * EVENTS_PER_RUN];
    size_t num_entries;
    unsigned streak;
    uint64_t until_ms;
    unsigned num_times_opened; /* since it was closed */
    unsigned places_taken, num_good, num_bad;
    uint64_t last_probe_at_ms;
} reference_t;

/** A ticket of both. */
typedef struct both {
    gw_breaker_ticket_t real;
    uint64_t generation; /* the reference's */
} both_t;

typedef struct run {
    uint64_t seed, first_seed;
    int number, event;
    gw_breaker_rules_t rules;
    gw_breaker_t *real;
    size_t num_workers;
    reference_t reference;
    uint64_t now_ms;
    both_t out[MAX_OUT];
    size_t num_out;
    both_t spoilable[MAX_SPOILABLE]; /* calls that came back as a success */
    size_t num_spoilable;
    unsigned long num_causes[GW_BREAKER_PROBE_HANGS + 1];
} run_t;

static void wrong(const run_t *run, const char *what, uint64_t real, uint64_t expected)
{
    const gw_breaker_rules_t *rules = &run->rules;
    print_error("seed %llu, run %d, event %d, now %llu (BREAKER_SEED=%llu repeats it)\n",
                (unsigned long long)run->first_seed, run->number, run->event, (unsigned long long)run->now_ms,
                (unsigned long long)run->first_seed);
    print_error("rules: failures %u slow %u min %llu window %llu streak %u open %llu..%llu probes %u of %llu ms\n",
                rules->failure_ratio, rules->slow_ratio, (unsigned long long)rules->min_requests,
                (unsigned long long)rules->window_ms, rules->consecutive_failures, (unsigned long long)rules->open_ms,
                (unsigned long long)rules->max_open_ms, rules->half_open_requests, (unsigned long long)rules->probe_ms);
    fail_msg("%s: it says %llu, the reference %llu", what, (unsigned long long)real, (unsigned long long)expected);
}

static void demand_same(const run_t *run, const char *what, uint64_t real, uint64_t expected)
{
    if (real != expected)
        wrong(run, what, real, expected);
}

static uint64_t pick(run_t *run, uint64_t bound)
{
    return random_next(&run->seed) % bound;
}

static void reference_move(reference_t *reference, gw_breaker_state_t to)
{
    reference->state = to;
    ++reference->generation;
    reference->num_entries = 0;
    reference->streak = 0;
    reference->places_taken = reference->num_good = reference->num_bad = 0;
    if (to == GW_BREAKER_CLOSED)
        reference->num_times_opened = 0;
}

/** The reference opens where the real one did; what the jitter made of the time is taken over if it is possible. */
static void reference_open(run_t *run, const gw_breaker_change_t *said, uint64_t now_ms)
{
    reference_t *reference = &run->reference;
    uint64_t open_ms = run->rules.open_ms;
    for (unsigned i = 0; i != reference->num_times_opened && open_ms < run->rules.max_open_ms; ++i)
        open_ms *= 2;
    if (open_ms > run->rules.max_open_ms)
        open_ms = run->rules.max_open_ms;
    if (said->open_ms < open_ms || said->open_ms > open_ms + open_ms / 4)
        wrong(run, "open time", said->open_ms, open_ms);
    reference_move(reference, GW_BREAKER_OPEN);
    ++reference->num_times_opened;
    reference->until_ms = now_ms + said->open_ms;
}

static void demand_change(run_t *run, const gw_breaker_change_t *said, gw_breaker_state_t from, gw_breaker_state_t to,
                          gw_breaker_cause_t cause)
{
    demand_same(run, "cause", said->cause, cause);
    if (cause != GW_BREAKER_NONE) {
        demand_same(run, "from", said->from, from);
        demand_same(run, "to", said->to, to);
    }
    ++run->num_causes[cause];
}

static void enter_both(run_t *run, uint64_t now_ms)
{
    reference_t *reference = &run->reference;
    gw_breaker_change_t said;
    bool would_pass = gw_breaker_would_pass(run->real, &run->rules, now_ms);
    gw_breaker_ticket_t real = gw_breaker_enter(run->real, &run->rules, now_ms, random_next(&run->seed), &said);
    enum gw_breaker_pass pass = GW_BREAKER_REFUSED;
    uint64_t retry_after_ms = 0;
    switch (reference->state) {
    case GW_BREAKER_CLOSED:
        pass = GW_BREAKER_CALL;
        demand_same(run, "cause", said.cause, GW_BREAKER_NONE);
        break;
    case GW_BREAKER_OPEN:
        if (now_ms < reference->until_ms) {
            retry_after_ms = reference->until_ms - now_ms;
            demand_same(run, "cause", said.cause, GW_BREAKER_NONE);
            break;
        }
        reference_move(reference, GW_BREAKER_HALF_OPEN);
        demand_change(run, &said, GW_BREAKER_OPEN, GW_BREAKER_HALF_OPEN, GW_BREAKER_TIME_OVER);
        pass = GW_BREAKER_PROBE;
        break;
    case GW_BREAKER_HALF_OPEN:
        if (reference->places_taken < run->rules.half_open_requests) {
            demand_same(run, "cause", said.cause, GW_BREAKER_NONE);
            pass = GW_BREAKER_PROBE;
            break;
        }
        /* the real one stores when it issued in units of 256 ms: between "may not hang" and "must" lie two of them */
        bool may_hang = now_ms > reference->last_probe_at_ms + run->rules.probe_ms;
        bool must_hang = now_ms > reference->last_probe_at_ms + run->rules.probe_ms + 512;
        if (must_hang || (may_hang && said.cause != GW_BREAKER_NONE)) {
            demand_change(run, &said, GW_BREAKER_HALF_OPEN, GW_BREAKER_OPEN, GW_BREAKER_PROBE_HANGS);
            reference_open(run, &said, now_ms);
            retry_after_ms = said.open_ms;
        } else {
            demand_same(run, "cause", said.cause, GW_BREAKER_NONE);
        }
        break;
    }
    demand_same(run, "pass", real.pass, pass);
    demand_same(run, "would_pass", would_pass, pass != GW_BREAKER_REFUSED || said.cause == GW_BREAKER_PROBE_HANGS);
    if (retry_after_ms != 0)
        demand_same(run, "retry_after_ms", real.retry_after_ms, retry_after_ms);
    else if (pass == GW_BREAKER_REFUSED && real.retry_after_ms == 0)
        wrong(run, "retry_after_ms", 0, 1);
    if (pass == GW_BREAKER_PROBE) {
        ++reference->places_taken;
        reference->last_probe_at_ms = now_ms;
    }
    if (pass != GW_BREAKER_REFUSED) {
        demand_same(run, "generation", real.generation, (uint16_t)reference->generation);
        run->out[run->num_out++] = (both_t){real, reference->generation};
    }
}

static bool is_share(uint64_t hits, uint64_t calls, unsigned ratio)
{
    return ratio != 0 && calls != 0 && (double)hits / (double)calls >= (double)ratio / GW_BREAKER_ALL;
}

/** A result arrives at a closed reference. */
static void reference_count(run_t *run, const gw_breaker_change_t *said, bool is_call, unsigned result)
{
    reference_t *reference = &run->reference;
    const gw_breaker_rules_t *rules = &run->rules;
    uint64_t bucket = run->now_ms / (rules->window_ms / GW_BREAKER_BUCKETS);
    bool is_failure = (result & GW_BREAKER_FAILED) != 0, is_slow = (result & GW_BREAKER_SLOW) != 0;
    reference->entries[reference->num_entries++] = (entry_t){bucket, is_call, is_failure, is_slow};
    reference->streak = is_failure ? reference->streak + 1 : 0;
    if (result == GW_BREAKER_SUCCESS) { /* it is not looked at more closely */
        demand_same(run, "cause", said->cause, GW_BREAKER_NONE);
        return;
    }
    uint64_t calls = 0, failures = 0, slow = 0;
    for (size_t i = 0; i != reference->num_entries; ++i)
        if (reference->entries[i].bucket + GW_BREAKER_BUCKETS > bucket) {
            calls += reference->entries[i].is_call;
            failures += reference->entries[i].is_failure;
            slow += reference->entries[i].is_slow;
        }
    if (failures > calls)
        failures = calls;
    bool is_enough = calls >= rules->min_requests;
    bool reasons[GW_BREAKER_PROBE_HANGS + 1] = {
        [GW_BREAKER_FAILURE_RATIO] = is_enough && is_share(failures, calls, rules->failure_ratio),
        [GW_BREAKER_SLOW_RATIO] = is_enough && is_share(slow, calls, rules->slow_ratio),
        [GW_BREAKER_CONSECUTIVE] = rules->consecutive_failures != 0 && reference->streak >= rules->consecutive_failures,
    };
    reasons[GW_BREAKER_NONE] =
        !reasons[GW_BREAKER_FAILURE_RATIO] && !reasons[GW_BREAKER_SLOW_RATIO] && !reasons[GW_BREAKER_CONSECUTIVE];
    if (!reasons[said->cause]) { /* which of several reasons is named is its own affair */
        gw_breaker_cause_t expected = GW_BREAKER_NONE;
        while (!reasons[expected])
            ++expected;
        wrong(run, "cause", said->cause, expected);
    }
    if (said->cause == GW_BREAKER_NONE)
        return;
    demand_change(run, said, GW_BREAKER_CLOSED, GW_BREAKER_OPEN, said->cause);
    if (said->cause != GW_BREAKER_CONSECUTIVE) {
        demand_same(run, "calls", said->calls, calls);
        if (rules->failure_ratio != 0)
            demand_same(run, "failures", said->failures, failures);
        if (rules->slow_ratio != 0)
            demand_same(run, "slow", said->slow, slow);
    }
    reference_open(run, said, run->now_ms);
}

static void leave_both(run_t *run, size_t at, unsigned result)
{
    reference_t *reference = &run->reference;
    const gw_breaker_rules_t *rules = &run->rules;
    both_t both = run->out[at];
    run->out[at] = run->out[--run->num_out];
    gw_breaker_change_t said;
    gw_breaker_leave(run->real, rules, pick(run, run->num_workers), both.real, result, run->now_ms,
                     random_next(&run->seed), &said);
    if (both.real.pass == GW_BREAKER_CALL && result == GW_BREAKER_SUCCESS) {
        size_t slot = run->num_spoilable < MAX_SPOILABLE ? run->num_spoilable++ : pick(run, MAX_SPOILABLE);
        run->spoilable[slot] = both;
    }
    if (both.generation != reference->generation ||
        (both.real.pass == GW_BREAKER_CALL && result == GW_BREAKER_CANCELLED))
        demand_same(run, "cause", said.cause, GW_BREAKER_NONE);
    else if (both.real.pass == GW_BREAKER_CALL)
        reference_count(run, &said, true, result);
    else if (result == GW_BREAKER_CANCELLED) {
        demand_same(run, "cause", said.cause, GW_BREAKER_NONE);
        --reference->places_taken;
    } else {
        bool is_bad = (result & GW_BREAKER_FAILED) || (rules->slow_ratio != 0 && (result & GW_BREAKER_SLOW));
        unsigned ratio = result & GW_BREAKER_FAILED ? rules->failure_ratio : rules->slow_ratio;
        reference->num_bad += is_bad;
        reference->num_good += !is_bad;
        bool is_lost = is_bad && (ratio == 0 || is_share(reference->num_bad, rules->half_open_requests, ratio));
        if (is_lost) {
            demand_change(run, &said, GW_BREAKER_HALF_OPEN, GW_BREAKER_OPEN, GW_BREAKER_PROBE_FAILED);
            reference_open(run, &said, run->now_ms);
        } else if (reference->num_good + reference->num_bad == rules->half_open_requests) {
            demand_change(run, &said, GW_BREAKER_HALF_OPEN, GW_BREAKER_CLOSED, GW_BREAKER_PROBES_GOOD);
            reference_move(reference, GW_BREAKER_CLOSED);
        } else {
            demand_same(run, "cause", said.cause, GW_BREAKER_NONE);
        }
    }
}

static void spoil_both(run_t *run)
{
    size_t at = pick(run, run->num_spoilable);
    both_t both = run->spoilable[at];
    run->spoilable[at] = run->spoilable[--run->num_spoilable];
    gw_breaker_change_t said;
    gw_breaker_spoil(run->real, &run->rules, pick(run, run->num_workers), both.real, run->now_ms,
                     random_next(&run->seed), &said);
    if (both.generation == run->reference.generation)
        reference_count(run, &said, false, GW_BREAKER_FAILED);
    else
        demand_same(run, "cause", said.cause, GW_BREAKER_NONE);
}

static void demand_same_state(const run_t *run)
{
    const reference_t *reference = &run->reference;
    unsigned probes = gw_breaker_probes(run->real);
    demand_same(run, "state", gw_breaker_state(run->real), reference->state);
    demand_same(run, "probes", probes, reference->places_taken - reference->num_good - reference->num_bad);
    bool is_waiting = reference->state == GW_BREAKER_OPEN && reference->until_ms > run->now_ms;
    demand_same(run, "retry_after", gw_breaker_retry_after(run->real, run->now_ms),
                is_waiting ? reference->until_ms - run->now_ms : 1);
    if (probes > run->rules.half_open_requests)
        wrong(run, "too many probes", probes, run->rules.half_open_requests);
}

static void choose_rules(run_t *run)
{
    gw_breaker_rules_t *rules = &run->rules;
    *rules = (gw_breaker_rules_t){
        .failure_ratio = pick(run, 3) == 0 ? 0 : (unsigned)pick(run, GW_BREAKER_ALL) + 1,
        .slow_ratio = pick(run, 2) == 0 ? 0 : (unsigned)pick(run, GW_BREAKER_ALL) + 1,
        .min_requests = pick(run, 2) == 0 ? pick(run, 4) : pick(run, 100),
        .window_ms = GW_BREAKER_BUCKETS + pick(run, pick(run, 2) == 0 ? 100 : 60000),
        .consecutive_failures = pick(run, 2) == 0 ? 0 : (unsigned)pick(run, 12) + 1,
        .half_open_requests = 1 + (unsigned)pick(run, pick(run, 4) == 0 ? GW_BREAKER_MAX_PROBES : 5),
        .probe_ms = 1 + pick(run, pick(run, 2) == 0 ? 600 : 20000),
    };
    /* not so short that 128 generations fit into one bucket: the buckets' tags hold 7 bits of them */
    rules->open_ms = rules->window_ms / 300 + 1 + pick(run, 500);
    rules->max_open_ms = rules->open_ms * (1 + pick(run, 100)) + pick(run, 100);
}

static void run_random_events(run_t *run)
{
    static const uint64_t clocks[] = {100000, (UINT64_C(1) << 32) - 5000, (UINT64_C(1) << 40) - 5000};
    run->now_ms = clocks[pick(run, COUNT_OF(clocks))] + pick(run, 5000);
    choose_rules(run);
    run->num_workers = 1 + pick(run, MAX_WORKERS);
    run->real = breaker_create(run->num_workers);
    run->reference.state = GW_BREAKER_CLOSED;
    run->reference.generation = 1;
    run->reference.num_entries = 0;
    run->reference.streak = run->reference.num_times_opened = 0;
    run->reference.places_taken = run->reference.num_good = run->reference.num_bad = 0;
    run->num_out = run->num_spoilable = 0;
    demand_same_state(run);

    uint64_t longest_step = 1 + pick(run, pick(run, 2) == 0 ? 20 : 1000), most_out = 1 + pick(run, MAX_OUT - 10);
    unsigned sickness = 50;
    for (run->event = 0; run->event != EVENTS_PER_RUN; ++run->event) {
        if (run->event % 125 == 0)
            sickness = (unsigned)pick(run, 4) * 33;
        unsigned what = (unsigned)pick(run, 100);
        if (what < 5)
            run->now_ms += pick(run, 2000);
        else if (what < 30)
            run->now_ms += pick(run, longest_step);
        else if (what < 33 && run->num_spoilable != 0)
            spoil_both(run);
        else if (what < 65 && run->num_out < most_out)
            enter_both(run, pick(run, 5) == 0 ? run->now_ms - pick(run, 40) : run->now_ms); /* some clocks are behind */
        else if (run->num_out != 0) {
            unsigned result = GW_BREAKER_SUCCESS;
            if (pick(run, 100) < sickness)
                result |= GW_BREAKER_FAILED;
            if (pick(run, 100) < sickness / 2)
                result |= GW_BREAKER_SLOW;
            if (pick(run, 12) == 0)
                result = GW_BREAKER_CANCELLED;
            /* mostly one of the newest, so that the oldest ones hang */
            size_t back = pick(run, pick(run, 8) == 0 ? run->num_out : run->num_out < 4 ? run->num_out : 4);
            leave_both(run, run->num_out - 1 - back, result);
        }
        demand_same_state(run);
    }
    /* whatever is still out hangs for ever; the backend is well, time passes */
    run->num_out = 0;
    for (int round = 0; round != 3 && run->reference.state != GW_BREAKER_CLOSED; ++round) {
        run->now_ms += run->rules.probe_ms + 600 + run->rules.max_open_ms * 5 / 4;
        for (unsigned i = 0; i != run->rules.half_open_requests; ++i, ++run->event) {
            enter_both(run, run->now_ms);
            demand_same_state(run);
            if (run->num_out != 0)
                leave_both(run, 0, GW_BREAKER_SUCCESS);
            demand_same_state(run);
        }
    }
    demand_same(run, "state after healthy times", gw_breaker_state(run->real), GW_BREAKER_CLOSED);
    free(run->real);
}

static void random_events_are_answered_as_the_reference_does(void **state)
{
    static run_t run;
    const char *text = getenv("BREAKER_SEED");
    (void)state;
    run.first_seed = text != NULL ? strtoull(text, NULL, 10) : 20240607;
    run.seed = run.first_seed;
    for (run.number = 0; run.number != NUM_RUNS; ++run.number)
        run_random_events(&run);
    for (gw_breaker_cause_t cause = GW_BREAKER_NONE + 1; cause <= GW_BREAKER_PROBE_HANGS; ++cause)
        if (run.num_causes[cause] < 100)
            fail_msg("the events were not random enough: only %lu times %s", run.num_causes[cause],
                     gw_breaker_cause_text(cause));
}

/* threads ---------------------------------------------------------------------------------------------------------- */

enum { NUM_THREADS = 4, NUM_ROUNDS = 400, STEPS_PER_ROUND = 60, MAX_HELD = 8, NUM_GENERATIONS = 65536 };

static struct crowd {
    gw_breaker_t *breaker;
    gw_breaker_rules_t rules;
    pthread_barrier_t barrier;
    atomic_uint places[NUM_GENERATIONS]; /* probes handed out in this generation and not given back */
    atomic_uint flying[NUM_GENERATIONS]; /* probes out */
    atomic_uint ends[NUM_GENERATIONS];   /* reports of a transition out of this generation */
    atomic_uint num_hangs;               /* reports that do not know their generation */
    atomic_uint num_moves[3][3];
    atomic_uint num_too_many, num_odd;
} crowd;

typedef struct member {
    pthread_t thread;
    size_t worker;
    uint64_t seed;
    gw_breaker_ticket_t held[MAX_HELD];
    size_t num_held;
} member_t;

static void note(const gw_breaker_change_t *said, uint16_t generation)
{
    if (said->cause == GW_BREAKER_NONE)
        return;
    atomic_fetch_add(&crowd.num_moves[said->from][said->to], 1);
    if (said->cause == GW_BREAKER_PROBE_HANGS)
        atomic_fetch_add(&crowd.num_hangs, 1);
    else
        atomic_fetch_add(&crowd.ends[generation], 1);
}

static void crowd_enter(member_t *member, uint64_t now_ms)
{
    gw_breaker_change_t said;
    gw_breaker_ticket_t ticket =
        gw_breaker_enter(crowd.breaker, &crowd.rules, now_ms, random_next(&member->seed), &said);
    note(&said, (uint16_t)(ticket.generation - 1)); /* it entered the one that it made */
    if (gw_breaker_probes(crowd.breaker) > crowd.rules.half_open_requests)
        atomic_fetch_add(&crowd.num_too_many, 1);
    if (ticket.pass == GW_BREAKER_REFUSED) {
        if (ticket.retry_after_ms == 0)
            atomic_fetch_add(&crowd.num_odd, 1);
        return;
    }
    if (ticket.pass == GW_BREAKER_PROBE &&
        (atomic_fetch_add(&crowd.places[ticket.generation], 1) >= crowd.rules.half_open_requests ||
         atomic_fetch_add(&crowd.flying[ticket.generation], 1) >= crowd.rules.half_open_requests))
        atomic_fetch_add(&crowd.num_too_many, 1);
    member->held[member->num_held++] = ticket;
}

static void crowd_leave(member_t *member, size_t at, unsigned result, uint64_t now_ms)
{
    gw_breaker_change_t said;
    gw_breaker_ticket_t ticket = member->held[at];
    member->held[at] = member->held[--member->num_held];
    if (ticket.pass == GW_BREAKER_PROBE) { /* beforehand: then nobody can have its place while it is still counted */
        atomic_fetch_sub(&crowd.flying[ticket.generation], 1);
        if (result == GW_BREAKER_CANCELLED)
            atomic_fetch_sub(&crowd.places[ticket.generation], 1);
    }
    gw_breaker_leave(crowd.breaker, &crowd.rules, member->worker, ticket, result, now_ms, random_next(&member->seed),
                     &said);
    note(&said, ticket.generation);
}

static void *crowd_run(void *argument)
{
    member_t *member = argument;
    for (unsigned round = 0; round != NUM_ROUNDS; ++round) {
        pthread_barrier_wait(&crowd.barrier); /* the clocks go on together, each a little off */
        uint64_t now_ms = 1000000 + round * 40 + random_next(&member->seed) % 10;
        bool is_sick = round / 8 % 2 == 0;
        for (unsigned step = 0; step != STEPS_PER_ROUND; ++step) {
            uint64_t dice = random_next(&member->seed);
            now_ms += dice % 64 < 20;
            if (member->num_held == 0 || (member->num_held != MAX_HELD && (dice >> 8) % 2 == 0)) {
                crowd_enter(member, now_ms);
            } else {
                unsigned result = (dice >> 16) % 16 == 0 ? GW_BREAKER_CANCELLED
                                  : !is_sick             ? GW_BREAKER_SUCCESS
                                  : (dice >> 24) % 8     ? GW_BREAKER_FAILED
                                                         : GW_BREAKER_SLOW;
                /* the one at place 0 is seldom brought back: it hangs */
                size_t at =
                    member->num_held == 1 || (dice >> 32) % 64 == 0 ? 0 : 1 + (dice >> 40) % (member->num_held - 1);
                crowd_leave(member, at, result, now_ms);
            }
        }
    }
    pthread_barrier_wait(&crowd.barrier);
    while (member->num_held != 0)
        crowd_leave(member, 0, GW_BREAKER_CANCELLED, 1000000 + NUM_ROUNDS * 40);
    return NULL;
}

static void four_threads_never_exceed_the_probes_and_each_transition_is_told_once(void **state)
{
    static member_t members[NUM_THREADS];
    (void)state;
    memset(&crowd, 0, sizeof(crowd));
    crowd.breaker = breaker_create(NUM_THREADS);
    crowd.rules = (gw_breaker_rules_t){.failure_ratio = 5000,
                                       .slow_ratio = 9000,
                                       .min_requests = 10,
                                       .window_ms = 200,
                                       .consecutive_failures = 6,
                                       .open_ms = 4,
                                       .max_open_ms = 60,
                                       .half_open_requests = 3,
                                       .probe_ms = 500};
    assert_int_equal(pthread_barrier_init(&crowd.barrier, NULL, NUM_THREADS), 0);
    for (size_t i = 0; i != NUM_THREADS; ++i) {
        members[i] = (member_t){.worker = i, .seed = 1000 + i};
        assert_int_equal(pthread_create(&members[i].thread, NULL, crowd_run, &members[i]), 0);
    }
    for (size_t i = 0; i != NUM_THREADS; ++i)
        pthread_join(members[i].thread, NULL);
    pthread_barrier_destroy(&crowd.barrier);
    assert_int_equal(crowd.num_too_many, 0);
    assert_int_equal(crowd.num_odd, 0);

    /* now alone, until it is closed: then a ticket tells its generation */
    member_t last = {.worker = 0, .seed = 1};
    uint64_t now_ms = 2000000;
    for (int i = 0; i != 10 && gw_breaker_state(crowd.breaker) != GW_BREAKER_CLOSED; ++i, now_ms += 2000) {
        for (unsigned k = 0; k != crowd.rules.half_open_requests; ++k)
            crowd_enter(&last, now_ms);
        while (last.num_held != 0)
            crowd_leave(&last, 0, GW_BREAKER_SUCCESS, now_ms);
    }
    assert_int_equal(gw_breaker_state(crowd.breaker), GW_BREAKER_CLOSED);
    crowd_enter(&last, now_ms);
    assert_int_equal(last.held[0].pass, GW_BREAKER_CALL);
    unsigned num_passed = (unsigned)last.held[0].generation - 1; /* far fewer than 65536: the open times see to it */
    unsigned num_reports = 0, num_untold = 0;
    for (unsigned from = 0; from != 3; ++from)
        for (unsigned to = 0; to != 3; ++to)
            num_reports += crowd.num_moves[from][to];
    assert_int_equal(num_reports, num_passed);
    for (unsigned i = 0; i != NUM_GENERATIONS; ++i) {
        bool is_past = i >= 1 && i <= num_passed;
        assert_true(crowd.ends[i] <= (unsigned)is_past);
        num_untold += is_past && crowd.ends[i] == 0;
    }
    assert_int_equal(num_untold, crowd.num_hangs);
    const unsigned closed_open = crowd.num_moves[GW_BREAKER_CLOSED][GW_BREAKER_OPEN],
                   open_half = crowd.num_moves[GW_BREAKER_OPEN][GW_BREAKER_HALF_OPEN],
                   half_open = crowd.num_moves[GW_BREAKER_HALF_OPEN][GW_BREAKER_OPEN],
                   half_closed = crowd.num_moves[GW_BREAKER_HALF_OPEN][GW_BREAKER_CLOSED];
    assert_int_equal(closed_open + open_half + half_open + half_closed, num_reports); /* no other moves */
    assert_int_equal(closed_open, half_closed);
    assert_int_equal(open_half, closed_open + half_open);
    assert_true(closed_open != 0);
    free(crowd.breaker);
}

enum { NUM_DUELS = 40000 };

static struct duel {
    gw_breaker_t *breaker;
    gw_breaker_rules_t rules;
    atomic_uint arrived;
    atomic_uint num_reports, num_misses;
} duel;

/** Both go on when both are here; spins, because a sleeper would wake up too late to meet the other one. */
static void duel_meet(unsigned *num_meetings)
{
    atomic_fetch_add(&duel.arrived, 1);
    for (unsigned wanted = 2 * ++*num_meetings, spins = 0; atomic_load(&duel.arrived) < wanted;)
        if (++spins % 1000 == 0)
            sched_yield();
}

static void *duel_run(void *argument)
{
    size_t worker = argument == NULL ? 0 : 1;
    unsigned num_meetings = 0;
    for (int i = 0; i != NUM_DUELS; ++i) {
        if (worker == 0)
            gw_breaker_init(duel.breaker, 2);
        gw_breaker_change_t said;
        for (int shot = 0; shot != 2; ++shot) { /* the first brings all counts into both caches: slow to write */
            duel_meet(&num_meetings);
            gw_breaker_ticket_t ticket = gw_breaker_enter(duel.breaker, &duel.rules, 5000, 0, &said);
            gw_breaker_leave(duel.breaker, &duel.rules, worker, ticket, GW_BREAKER_FAILED, 5000, 0, &said);
        }
        atomic_fetch_add(&duel.num_reports, said.cause != GW_BREAKER_NONE);
        duel_meet(&num_meetings);
        if (worker == 0)
            atomic_fetch_add(&duel.num_misses, gw_breaker_state(duel.breaker) != GW_BREAKER_OPEN);
    }
    return NULL;
}

/** Each worker adds to its own counts and then reads the other's: without a fence both may read what was before. */
static void two_workers_that_fail_at_once_do_not_miss_each_other(void **state)
{
    pthread_t threads[2];
    (void)state;
    memset(&duel, 0, sizeof(duel));
    duel.breaker = breaker_create(2);
    duel.rules = (gw_breaker_rules_t){.failure_ratio = GW_BREAKER_ALL,
                                      .min_requests = 4,
                                      .window_ms = 1000,
                                      .open_ms = 1000,
                                      .max_open_ms = 1000,
                                      .half_open_requests = 1,
                                      .probe_ms = 1000};
    assert_int_equal(pthread_create(&threads[0], NULL, duel_run, NULL), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, duel_run, &duel), 0);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    assert_int_equal(duel.num_misses, 0);
    assert_int_equal(duel.num_reports, NUM_DUELS);
    free(duel.breaker);
}

#define EXAMPLE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EXAMPLE(each_result_in_its_order_opens_it_or_does_not),
        EXAMPLE(the_longest_streak_is_as_long_as_it_says),
        EXAMPLE(what_is_older_than_the_window_is_not_counted),
        EXAMPLE(the_window_forgets_its_calls_bucket_by_bucket),
        EXAMPLE(an_open_breaker_refuses_until_its_time_is_over),
        EXAMPLE(half_open_hands_out_exactly_its_probes_and_closes_when_all_came_back_well),
        EXAMPLE(a_cancelled_probe_gives_its_place_back),
        EXAMPLE(bad_probes_open_it_again_once_the_ratio_cannot_be_met),
        EXAMPLE(results_of_an_older_generation_are_not_counted),
        EXAMPLE(a_slow_probe_counts_by_the_share_of_slow_ones),
        EXAMPLE(bodies_that_break_off_one_after_the_other_are_a_streak),
        EXAMPLE(hanging_probes_are_found_by_callers_that_ask_first),
        EXAMPLE(an_old_success_does_not_end_a_new_streak),
        EXAMPLE(after_closing_it_counts_from_nothing),
        EXAMPLE(a_probe_that_hangs_opens_it_again),
        EXAMPLE(a_probe_does_not_hang_before_its_time),
        EXAMPLE(a_worker_whose_clock_is_behind_sees_no_probe_hang),
        EXAMPLE(probes_are_timed_right_where_the_stored_clock_wraps),
        EXAMPLE(the_open_time_doubles_to_its_bound_and_starts_small_after_closing),
        EXAMPLE(the_jitter_is_spread_over_a_quarter),
        EXAMPLE(a_spoilt_call_is_a_failure_but_no_further_call),
        EXAMPLE(spoilt_calls_make_a_streak),
        EXAMPLE(more_spoilt_calls_than_calls_are_all_of_them),
        EXAMPLE(a_window_without_calls_has_no_ratio),
        EXAMPLE(counters_that_overflow_keep_their_ratio),
        EXAMPLE(the_generation_wraps_without_notice),
        EXAMPLE(workers_do_not_share_cache_lines),
        EXAMPLE(every_cause_and_state_has_its_text),
        cmocka_unit_test(random_events_are_answered_as_the_reference_does),
        cmocka_unit_test(four_threads_never_exceed_the_probes_and_each_transition_is_told_once),
        cmocka_unit_test(two_workers_that_fail_at_once_do_not_miss_each_other),
    };
    return cmocka_run_group_tests_name("breaker", tests, NULL, NULL);
}
