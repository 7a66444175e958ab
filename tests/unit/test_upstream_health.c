/* SPDX-License-Identifier: MIT
 * Verdicts on an endpoint, on virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/base/random.h"
#include "gateway/upstream/health.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { START_MS = 7654321, SECOND = 1000 };

/* checks ----------------------------------------------------------------------------------------------------------- */

static void checks_in_a_row_change_the_state(void **state)
{
    static const struct {
        const char *about;
        uint64_t healthy, unhealthy;
        const char *checks, *states; /* g: good, b: bad; u: up, d: down */
    } cases[] = {
        {"good from the beginning", 2, 3, "ggg", "uuu"},
        {"the first check decides at once", 2, 3, "b", "d"},
        {"after it so many in a row are needed", 2, 3, "gbbb", "uuud"},
        {"a good one between begins anew", 2, 3, "gbbgbbgbbb", "uuuuuuuuud"},
        {"down until enough are good", 2, 3, "bgg", "ddu"},
        {"a bad one between begins anew", 3, 2, "bggbggg", "ddddddu"},
        {"more bad ones change nothing", 1, 1, "bbbbg", "ddddu"},
        {"one is enough both ways", 1, 1, "gbgbg", "ududu"},
        {"back to down takes so many again", 2, 3, "bggbbgbbb", "dduuuuuud"},
        {"a hundred", 100, 1, "bgggg", "ddddd"},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        gw_health_t health = {0};
        gw_health_check_conf_t conf = {.healthy = cases[i].healthy, .unhealthy = cases[i].unhealthy};
        bool was_up = true;
        for (size_t k = 0; cases[i].checks[k] != '\0'; ++k) {
            uint64_t now_ms = START_MS + k * SECOND;
            gw_health_change_t change = gw_health_checked(&health, &conf, cases[i].checks[k] == 'g', now_ms);
            bool is_up = cases[i].states[k] == 'u';
            gw_health_change_t expected = is_up == was_up ? GW_HEALTH_SAME
                                          : is_up         ? GW_HEALTH_CAME_UP
                                                          : GW_HEALTH_WENT_DOWN;
            if (health.is_down == is_up || gw_health_is_usable(&health) != is_up || change != expected)
                fail_msg("%s: check %zu: %s, change %d instead of %d", cases[i].about, k + 1,
                         health.is_down ? "down" : "up", change, expected);
            if (change == GW_HEALTH_CAME_UP)
                assert_int_equal(health.back_ms, now_ms);
            was_up = is_up;
        }
    }
}

static void an_endpoint_that_was_never_out_never_came_back(void **state)
{
    static const gw_health_check_conf_t conf = {.healthy = 1, .unhealthy = 3};
    gw_health_t health = {0};
    assert_true(gw_health_is_usable(&health));
    gw_health_checked(&health, &conf, true, START_MS);
    gw_health_checked(&health, &conf, false, START_MS + 1);
    gw_health_checked(&health, &conf, true, START_MS + 2);
    assert_int_equal(gw_health_unchecked(&health, START_MS + 3), GW_HEALTH_SAME);
    assert_int_equal(gw_health_tick(&health, START_MS + 4), GW_HEALTH_SAME);
    assert_int_equal(health.back_ms, 0);
}

static void without_checks_an_endpoint_is_up_and_what_they_said_is_forgotten(void **state)
{
    static const gw_health_check_conf_t conf = {.healthy = 3, .unhealthy = 3};
    gw_health_t health = {0};
    gw_health_checked(&health, &conf, false, START_MS);
    gw_health_checked(&health, &conf, true, START_MS + 1);
    gw_health_checked(&health, &conf, true, START_MS + 2);
    assert_int_equal(gw_health_unchecked(&health, START_MS + 3), GW_HEALTH_CAME_UP);
    assert_int_equal(health.back_ms, START_MS + 3);
    assert_true(gw_health_is_usable(&health));
    assert_int_equal(gw_health_unchecked(&health, START_MS + 4), GW_HEALTH_SAME);
    /* switched on again by a reload: the first one decides at once, and three good ones are needed */
    assert_int_equal(gw_health_checked(&health, &conf, false, START_MS + 5), GW_HEALTH_WENT_DOWN);
    assert_int_equal(gw_health_checked(&health, &conf, true, START_MS + 6), GW_HEALTH_SAME);
    assert_int_equal(gw_health_checked(&health, &conf, true, START_MS + 7), GW_HEALTH_SAME);
    assert_int_equal(gw_health_checked(&health, &conf, true, START_MS + 8), GW_HEALTH_CAME_UP);
}

static void a_reload_changes_the_thresholds_at_once(void **state)
{
    gw_health_check_conf_t conf = {.healthy = 5, .unhealthy = 5};
    gw_health_t health = {0};
    gw_health_checked(&health, &conf, true, START_MS);
    for (int i = 0; i != 3; ++i)
        assert_int_equal(gw_health_checked(&health, &conf, false, START_MS), GW_HEALTH_SAME);
    conf.unhealthy = 2;
    assert_int_equal(gw_health_checked(&health, &conf, false, START_MS), GW_HEALTH_WENT_DOWN);
}

/* ejection for failures in a row ----------------------------------------------------------------------------------- */

/** What the monitor knows: totals, and the failures at their end. */
typedef struct traffic {
    uint64_t streak, requests, failures;
} traffic_t;

static gw_health_change_t look(gw_health_t *health, const gw_ejection_conf_t *conf, const traffic_t *traffic,
                               uint64_t now_ms)
{
    return gw_health_traffic(health, conf, traffic->streak, traffic->requests, traffic->failures, true, now_ms, 0);
}

static void so_many_failures_in_a_row_eject(void **state)
{
    static const struct {
        const char *about;
        uint64_t limit, streak;
        bool is_ejected;
    } cases[] = {
        {"none", 5, 0, false},          {"one less", 5, 4, false},     {"enough", 5, 5, true},
        {"more at a time", 5, 9, true}, {"one is enough", 1, 1, true}, {"they are not looked at", 0, 1000, false},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        gw_health_t health = {0};
        gw_ejection_conf_t conf = {
            .consecutive_failures = cases[i].limit, .time = 10 * SECOND, .max_time = 300 * SECOND};
        traffic_t traffic = {cases[i].streak, cases[i].streak, cases[i].streak};
        gw_health_change_t change = look(&health, &conf, &traffic, START_MS);
        if (health.is_ejected != cases[i].is_ejected ||
            change != (cases[i].is_ejected ? GW_HEALTH_EJECTED : GW_HEALTH_SAME))
            fail_msg("%s: %s, change %d", cases[i].about, health.is_ejected ? "ejected" : "not ejected", change);
        assert_int_equal(gw_health_is_usable(&health), !cases[i].is_ejected);
        if (cases[i].is_ejected) {
            assert_int_equal(health.cause, GW_EJECTED_STREAK);
            assert_int_equal(health.ejected_until_ms, START_MS + 10 * SECOND);
        }
    }
}

static const gw_ejection_conf_t by_streak = {.consecutive_failures = 5, .time = 10 * SECOND, .max_time = 60 * SECOND};
static const traffic_t five_failures = {5, 5, 5};

static void an_ejection_ends_when_its_time_is_over(void **state)
{
    gw_health_t health = {0};
    look(&health, &by_streak, &five_failures, START_MS);
    assert_int_equal(gw_health_tick(&health, START_MS + 9999), GW_HEALTH_SAME);
    assert_false(gw_health_is_usable(&health));
    assert_int_equal(health.back_ms, 0);
    assert_int_equal(gw_health_tick(&health, START_MS + 10000), GW_HEALTH_READMITTED);
    assert_true(gw_health_is_usable(&health));
    assert_int_equal(health.back_ms, START_MS + 10000);
    assert_int_equal(gw_health_tick(&health, START_MS + 10001), GW_HEALTH_SAME);
}

static void who_is_out_is_not_ejected_again(void **state)
{
    gw_health_t health = {0};
    look(&health, &by_streak, &five_failures, START_MS);
    for (uint64_t i = 1; i != 9; ++i) { /* requests that were under way fail too */
        traffic_t traffic = {5 + i, 5 + i, 5 + i};
        assert_int_equal(look(&health, &by_streak, &traffic, START_MS + i * SECOND), GW_HEALTH_SAME);
    }
    assert_int_equal(health.ejected_until_ms, START_MS + 10 * SECOND);
}

static void nobody_is_ejected_while_enough_are_out(void **state)
{
    static const gw_ejection_conf_t by_ratio = {
        .failure_ratio = 5000, .min_requests = 1, .window = 10 * SECOND, .time = 10 * SECOND, .max_time = 60 * SECOND};
    static const gw_ejection_conf_t *const confs[] = {&by_streak, &by_ratio};
    for (size_t i = 0; i != NUM_OF(confs); ++i) {
        gw_health_t health = {0};
        gw_health_traffic(&health, confs[i], 0, 0, 0, false, START_MS, 0);
        assert_int_equal(gw_health_traffic(&health, confs[i], 9, 9, 9, false, START_MS, 0), GW_HEALTH_SAME);
        assert_true(gw_health_is_usable(&health));
        /* one came back: now it may be */
        assert_int_equal(gw_health_traffic(&health, confs[i], 9, 9, 9, true, START_MS + SECOND, 0), GW_HEALTH_EJECTED);
        assert_int_equal(health.ejected_until_ms, START_MS + 11 * SECOND);
    }
}

static void an_ejection_ends_with_its_time_or_with_checks_that_recover(void **state)
{
    static const gw_health_check_conf_t checks = {.healthy = 1, .unhealthy = 1};
    gw_health_t health = {0};
    look(&health, &by_streak, &five_failures, START_MS);
    assert_int_equal(gw_health_checked(&health, &checks, false, START_MS + 1 * SECOND), GW_HEALTH_WENT_DOWN);
    assert_int_equal(gw_health_tick(&health, START_MS + 10 * SECOND), GW_HEALTH_READMITTED);
    assert_false(gw_health_is_usable(&health)); /* it is down still */
    assert_int_equal(gw_health_checked(&health, &checks, true, START_MS + 12 * SECOND), GW_HEALTH_CAME_UP);
    assert_true(gw_health_is_usable(&health));
    assert_int_equal(health.back_ms, START_MS + 12 * SECOND);

    look(&health, &by_streak, &five_failures, START_MS + 100 * SECOND);
    gw_health_checked(&health, &checks, false, START_MS + 101 * SECOND);
    assert_int_equal(gw_health_checked(&health, &checks, true, START_MS + 102 * SECOND), GW_HEALTH_CAME_UP);
    assert_true(gw_health_is_usable(&health)); /* checks that were bad and are good again end an ejection too */
    assert_int_equal(gw_health_tick(&health, health.ejected_until_ms), GW_HEALTH_SAME);
    assert_int_equal(health.back_ms, START_MS + 102 * SECOND);
}

/* how long --------------------------------------------------------------------------------------------------------- */

/** Ejects at `now_ms`.  @return for how long */
static uint64_t eject(gw_health_t *health, const gw_ejection_conf_t *conf, uint64_t now_ms, uint64_t random)
{
    assert_int_equal(gw_health_traffic(health, conf, conf->consecutive_failures, 0, 0, true, now_ms, random),
                     GW_HEALTH_EJECTED);
    return health->ejected_until_ms - now_ms;
}

static void the_time_doubles_with_each_ejection_in_a_row_up_to_the_longest(void **state)
{
    static const struct {
        uint64_t time, max_time, expected[6];
    } cases[] = {
        {10 * SECOND, 300 * SECOND, {10000, 20000, 40000, 80000, 160000, 300000}},
        {10 * SECOND, 40 * SECOND, {10000, 20000, 40000, 40000, 40000, 40000}},
        {10 * SECOND, 10 * SECOND, {10000, 10000, 10000, 10000, 10000, 10000}},
        {10, 24 * 3600 * SECOND, {10, 20, 40, 80, 160, 320}},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        gw_health_t health = {0};
        gw_ejection_conf_t conf = {.consecutive_failures = 5, .time = cases[i].time, .max_time = cases[i].max_time};
        uint64_t now_ms = START_MS;
        for (size_t k = 0; k != 6; ++k) {
            assert_int_equal(eject(&health, &conf, now_ms, 0), cases[i].expected[k]);
            now_ms = health.ejected_until_ms;
            assert_int_equal(gw_health_tick(&health, now_ms), GW_HEALTH_READMITTED);
            now_ms += 1; /* it fails right away */
        }
    }
}

static void an_endpoint_that_never_recovers_is_out_for_the_longest_time_each_time(void **state)
{
    gw_health_t health = {0};
    gw_ejection_conf_t conf = {.consecutive_failures = 1, .time = SECOND, .max_time = 24 * 3600 * SECOND};
    uint64_t now_ms = START_MS;
    for (int i = 0; i != 200; ++i) {
        uint64_t ms = eject(&health, &conf, now_ms, 0);
        if (i >= 17)
            assert_int_equal(ms, conf.max_time);
        now_ms = health.ejected_until_ms;
        gw_health_tick(&health, now_ms);
    }
}

static void good_behaviour_starts_small_again(void **state)
{
    static const struct {
        const char *about;
        uint64_t in_use_ms; /* between the second ejection, of 20 s, and the third */
        uint64_t expected;
    } cases[] = {
        {"none", 0, 40 * SECOND},
        {"for a moment", 1, 40 * SECOND},
        {"for less than it was out", 19 * SECOND, 40 * SECOND},
        {"for as long as it was out", 20 * SECOND + 1, 10 * SECOND},
        {"for a day", 86400 * SECOND, 10 * SECOND},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        gw_health_t health = {0};
        eject(&health, &by_streak, START_MS, 0);
        gw_health_tick(&health, health.ejected_until_ms);
        eject(&health, &by_streak, health.back_ms + SECOND, 0);
        gw_health_tick(&health, health.ejected_until_ms);
        uint64_t ms = eject(&health, &by_streak, health.back_ms + cases[i].in_use_ms, 0);
        if (ms != cases[i].expected)
            fail_msg("%s: out for %zu ms instead of %zu", cases[i].about, (size_t)ms, (size_t)cases[i].expected);
        /* and from there it doubles again */
        gw_health_tick(&health, health.ejected_until_ms);
        assert_int_equal(eject(&health, &by_streak, health.back_ms, 0), ms * 2 < 60 * SECOND ? ms * 2 : 60 * SECOND);
    }
}

static void on_probation_one_failure_more_ejects_again(void **state)
{
    gw_health_t health = {0};
    traffic_t traffic = five_failures;
    look(&health, &by_streak, &traffic, START_MS);
    gw_health_tick(&health, START_MS + 10 * SECOND);
    traffic.streak = 4; /* what the monitor makes of it */
    assert_int_equal(look(&health, &by_streak, &traffic, START_MS + 10 * SECOND), GW_HEALTH_SAME);
    gw_health_t other = health;
    traffic_t failure = {5, 6, 6}, success = {0, 6, 5};
    assert_int_equal(look(&health, &by_streak, &failure, START_MS + 11 * SECOND), GW_HEALTH_EJECTED);
    assert_int_equal(health.ejected_until_ms, START_MS + 31 * SECOND);
    assert_int_equal(look(&other, &by_streak, &success, START_MS + 11 * SECOND), GW_HEALTH_SAME);
}

static void those_that_failed_together_return_within_a_tenth(void **state)
{
    static const uint64_t times[] = {10, 999, 10 * SECOND, 3600 * SECOND, 24 * 3600 * SECOND};
    for (size_t i = 0; i != NUM_OF(times); ++i) {
        gw_ejection_conf_t conf = {.consecutive_failures = 1, .time = times[i], .max_time = 2 * times[i]};
        uint64_t random = 5, tenth = times[i] / 10, least = UINT64_MAX, most = 0;
        for (int k = 0; k != 2000; ++k) {
            gw_health_t health = {0};
            uint64_t ms = eject(&health, &conf, START_MS, gw_random_next(&random));
            least = ms < least ? ms : least;
            most = ms > most ? ms : most;
        }
        assert_true(least >= times[i] && least <= times[i] + tenth / 10);
        assert_true(most <= times[i] + tenth && most >= times[i] + tenth - tenth / 10);
        gw_health_t first = {0}, last = {0};
        assert_int_equal(eject(&first, &conf, START_MS, 0), times[i]);
        assert_int_equal(eject(&last, &conf, START_MS, UINT64_MAX), times[i] + tenth);
    }
}

static void chance_does_not_add_up_when_the_time_doubles(void **state)
{
    gw_health_t health = {0};
    uint64_t expected = 10 * SECOND;
    for (int i = 0; i != 3; ++i) {
        assert_int_equal(eject(&health, &by_streak, i != 0 ? health.back_ms : START_MS, UINT64_MAX),
                         expected + expected / 10);
        gw_health_tick(&health, health.ejected_until_ms);
        expected *= 2;
    }
}

/* ejection for a share of failures --------------------------------------------------------------------------------- */

static void a_share_of_failures_ejects(void **state)
{
    static const struct {
        const char *about;
        uint64_t ratio, min_requests, requests, failures;
        bool is_ejected;
    } cases[] = {
        {"all fail", 5000, 20, 20, 20, true},
        {"exactly the share", 5000, 20, 20, 10, true},
        {"one less", 5000, 20, 20, 9, false},
        {"too few requests to tell", 5000, 20, 19, 19, false},
        {"no requests", 5000, 1, 0, 0, false},
        {"no failures", 1, 1, 1000, 0, false},
        {"the smallest share", 1, 1, 10000, 1, true},
        {"less than the smallest share", 1, 1, 10001, 1, false},
        {"everything must fail: it does", 10000, 5, 5, 5, true},
        {"everything must fail: one does not", 10000, 5, 1000, 999, false},
        {"they are not looked at", 0, 1, 1000, 1000, false},
        {"a third, of three", 3333, 1, 3, 1, true},
        {"a third and a bit, of three", 3334, 1, 3, 1, false},
        {"very many", 5000, 20, 1000000000000, 500000000000, true},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        gw_health_t health = {0};
        gw_ejection_conf_t conf = {.failure_ratio = cases[i].ratio,
                                   .min_requests = cases[i].min_requests,
                                   .window = 10 * SECOND,
                                   .time = 5 * SECOND,
                                   .max_time = 60 * SECOND};
        traffic_t before = {0}, traffic = {0, cases[i].requests, cases[i].failures};
        assert_int_equal(look(&health, &conf, &before, START_MS), GW_HEALTH_SAME);
        gw_health_change_t change = look(&health, &conf, &traffic, START_MS + 250);
        if (change != (cases[i].is_ejected ? GW_HEALTH_EJECTED : GW_HEALTH_SAME) ||
            health.is_ejected != cases[i].is_ejected)
            fail_msg("%s: %s", cases[i].about, health.is_ejected ? "ejected" : "not ejected");
        if (!cases[i].is_ejected)
            continue;
        assert_int_equal(health.cause, GW_EJECTED_RATIO);
        assert_int_equal(health.requests, cases[i].requests);
        assert_int_equal(health.failures, cases[i].failures);
        assert_int_equal(health.ejected_until_ms, START_MS + 5250);
    }
}

static const gw_ejection_conf_t by_share = {
    .failure_ratio = 5000, .min_requests = 20, .window = 10 * SECOND, .time = 30 * SECOND, .max_time = 60 * SECOND};

static void the_window_slides(void **state)
{
    static const struct {
        const char *about;
        uint64_t age_ms;
        bool is_in;
    } cases[] = {
        {"just now", 0, true},
        {"a second ago", 1 * SECOND, true},
        {"in the last bucket that is whole", 9 * SECOND, true},
        {"as long ago as the window is wide", 10 * SECOND, false},
        {"longer ago", 11 * SECOND, false},
        {"as long ago as two windows are wide", 20 * SECOND, false},
        {"long ago", 3600 * SECOND, false},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i)
        for (uint64_t phase = 0; phase < SECOND; phase += 111) {
            gw_health_t health = {0};
            traffic_t nothing = {0}, twenty = {0, 20, 20};
            uint64_t now_ms = START_MS + phase;
            look(&health, &by_share, &nothing, now_ms);
            gw_health_traffic(&health, &by_share, 0, twenty.requests, twenty.failures, false, now_ms, 0);
            look(&health, &by_share, &twenty, now_ms + cases[i].age_ms);
            if (health.is_ejected != cases[i].is_in)
                fail_msg("%s: %s", cases[i].about, health.is_ejected ? "ejected" : "not ejected");
        }
}

static void only_what_is_in_the_window_counts(void **state)
{
    gw_health_t health = {0};
    traffic_t traffic = {0};
    uint64_t now_ms = START_MS;
    for (int i = 0; i != 1000; ++i, now_ms += 250) { /* 40 % fail, for minutes */
        traffic.requests += 5;
        traffic.failures += 2;
        assert_int_equal(look(&health, &by_share, &traffic, now_ms), GW_HEALTH_SAME);
    }
    uint64_t worse_ms = now_ms;
    for (; !health.is_ejected && now_ms < worse_ms + 20 * SECOND; now_ms += 250) { /* then 80 % */
        traffic.requests += 5;
        traffic.failures += 4;
        look(&health, &by_share, &traffic, now_ms);
    }
    assert_true(health.is_ejected);
    /* a quarter of the window is enough to bring it from 40 % to 50 %; the minutes before do not hold it back */
    assert_true(now_ms - worse_ms >= 2 * SECOND && now_ms - worse_ms <= 4 * SECOND);
    assert_true(health.requests >= 180 && health.requests <= 200);
}

/** Random traffic against what is in the window for sure (nine tenths of it) and at most (all of it). */
static void random_traffic_is_judged_by_what_is_in_the_window(void **state)
{
    enum { NUM = 3000 };
    static struct {
        uint64_t at_ms, requests, failures;
    } events[NUM];
    uint64_t random = 12345;
    size_t num_ejections = 0;
    for (int round = 0; round != 20; ++round) {
        gw_ejection_conf_t conf = {.failure_ratio = 1000 + gw_random_below(&random, 8000),
                                   .min_requests = 1 + gw_random_below(&random, 50),
                                   .window = 1000 + gw_random_below(&random, 20000),
                                   .time = 1,
                                   .max_time = 1};
        gw_health_t health = {0};
        traffic_t traffic = {0};
        uint64_t now_ms = START_MS, cleared_ms = 0;
        uint32_t badness = 50;
        look(&health, &conf, &traffic, now_ms);
        for (size_t i = 0; i != NUM; ++i) {
            now_ms += 1 + gw_random_below(&random, gw_random_below(&random, 50) == 0 ? 30000 : 500);
            if (gw_random_below(&random, 100) == 0)
                badness = gw_random_below(&random, 100);
            events[i].at_ms = now_ms;
            events[i].requests = gw_random_below(&random, 10);
            events[i].failures = 0;
            for (uint64_t k = 0; k != events[i].requests; ++k)
                events[i].failures += gw_random_below(&random, 100) < badness;
            traffic.requests += events[i].requests;
            traffic.failures += events[i].failures;
            bool may_be = false, must_be = true;
            uint64_t width = conf.window / 10;
            for (uint64_t back = 9 * width; back <= 10 * width + 9; back += back == 9 * width ? 1 : 7) {
                uint64_t requests = 0, failures = 0;
                for (size_t k = i + 1; k-- != 0 && events[k].at_ms > cleared_ms && now_ms - events[k].at_ms < back;) {
                    requests += events[k].requests;
                    failures += events[k].failures;
                }
                bool is_bad = requests >= conf.min_requests && failures * 10000 >= conf.failure_ratio * requests;
                may_be |= is_bad;
                must_be &= is_bad;
            }
            look(&health, &conf, &traffic, now_ms);
            if (health.is_ejected ? !may_be : must_be)
                fail_msg("round %d, event %zu: %s", round, i, health.is_ejected ? "ejected" : "not ejected");
            if (health.is_ejected) {
                ++num_ejections;
                cleared_ms = now_ms; /* another endpoint, without a past */
                health = (gw_health_t){0};
                look(&health, &conf, &traffic, now_ms);
            }
        }
    }
    assert_true(num_ejections > 100);
}

static void both_rules_stand_beside_each_other(void **state)
{
    gw_ejection_conf_t conf = by_share;
    conf.consecutive_failures = 5;
    static const struct {
        const char *about;
        traffic_t traffic;
        bool is_ejected;
        gw_ejection_cause_t cause;
    } cases[] = {
        {"neither", {4, 30, 14}, false, 0},
        {"in a row, a small share", {5, 1000, 5}, true, GW_EJECTED_STREAK},
        {"a large share, not in a row", {0, 30, 15}, true, GW_EJECTED_RATIO},
        {"both", {30, 30, 30}, true, GW_EJECTED_STREAK},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        gw_health_t health = {0};
        traffic_t nothing = {0};
        look(&health, &conf, &nothing, START_MS);
        look(&health, &conf, &cases[i].traffic, START_MS + 250);
        if (health.is_ejected != cases[i].is_ejected || (health.is_ejected && health.cause != cases[i].cause))
            fail_msg("%s: %s, cause %d", cases[i].about, health.is_ejected ? "ejected" : "not ejected", health.cause);
    }
}

static void what_led_to_an_ejection_does_not_lead_to_the_next(void **state)
{
    gw_ejection_conf_t conf = by_share;
    conf.time = 1 * SECOND; /* it is back while the window still reaches to before */
    gw_health_t health = {0};
    traffic_t nothing = {0}, bad = {0, 100, 100}, good = {0, 120, 100};
    look(&health, &conf, &nothing, START_MS);
    assert_int_equal(look(&health, &conf, &bad, START_MS + 250), GW_HEALTH_EJECTED);
    assert_int_equal(gw_health_tick(&health, START_MS + 1250), GW_HEALTH_READMITTED);
    assert_int_equal(look(&health, &conf, &bad, START_MS + 1250), GW_HEALTH_SAME);
    assert_int_equal(look(&health, &conf, &good, START_MS + 1500), GW_HEALTH_SAME);
}

/* reloads ---------------------------------------------------------------------------------------------------------- */

static void a_share_that_is_looked_at_from_a_reload_on_begins_with_nothing(void **state)
{
    gw_ejection_conf_t conf = by_share;
    conf.failure_ratio = 0;
    gw_health_t health = {0};
    traffic_t traffic = {0, 500, 500};
    assert_int_equal(look(&health, &conf, &traffic, START_MS), GW_HEALTH_SAME);
    traffic = (traffic_t){0, 1000, 1000};
    conf.failure_ratio = 5000; /* the reload */
    assert_int_equal(look(&health, &conf, &traffic, START_MS + SECOND), GW_HEALTH_SAME);
    traffic = (traffic_t){0, 1019, 1019};
    assert_int_equal(look(&health, &conf, &traffic, START_MS + 2 * SECOND), GW_HEALTH_SAME);
    traffic = (traffic_t){0, 1020, 1020};
    assert_int_equal(look(&health, &conf, &traffic, START_MS + 2 * SECOND), GW_HEALTH_EJECTED);
    assert_int_equal(health.requests, 20);
    assert_int_equal(health.failures, 20);
}

static void what_happened_while_the_share_was_not_looked_at_does_not_count(void **state)
{
    gw_ejection_conf_t conf = by_share;
    gw_health_t health = {0};
    traffic_t traffic = {0};
    look(&health, &conf, &traffic, START_MS);
    conf.failure_ratio = 0;
    traffic = (traffic_t){0, 900, 900};
    look(&health, &conf, &traffic, START_MS + SECOND);
    conf.failure_ratio = 5000;
    assert_int_equal(look(&health, &conf, &traffic, START_MS + 2 * SECOND), GW_HEALTH_SAME);
    traffic = (traffic_t){0, 930, 901};
    assert_int_equal(look(&health, &conf, &traffic, START_MS + 3 * SECOND), GW_HEALTH_SAME);
}

static void another_window_does_not_eject_for_what_is_not_in_it(void **state)
{
    static const uint64_t windows[] = {1000, 2000, 9990, 60000, 3600000};
    for (size_t i = 0; i != NUM_OF(windows); ++i) {
        gw_ejection_conf_t conf = by_share;
        gw_health_t health = {0};
        traffic_t traffic = {0};
        look(&health, &conf, &traffic, START_MS);
        traffic = (traffic_t){0, 40, 19};
        look(&health, &conf, &traffic, START_MS + 250);
        conf.window = windows[i];
        for (uint64_t k = 1; k != 400; ++k) { /* 19 of 40 at most, and fewer and fewer */
            traffic.requests += 1;
            assert_int_equal(look(&health, &conf, &traffic, START_MS + 250 + k * 250), GW_HEALTH_SAME);
        }
        traffic.requests += 2000;
        traffic.failures += 2000;
        assert_int_equal(look(&health, &conf, &traffic, START_MS + 200 * SECOND), GW_HEALTH_EJECTED);
    }
}

static void an_ejection_goes_on_when_a_reload_switches_the_rules_off(void **state)
{
    gw_ejection_conf_t off = {.time = 10 * SECOND, .max_time = 60 * SECOND};
    gw_health_t health = {0};
    look(&health, &by_streak, &five_failures, START_MS);
    assert_int_equal(look(&health, &off, &five_failures, START_MS + SECOND), GW_HEALTH_SAME);
    assert_true(health.is_ejected);
    assert_int_equal(gw_health_tick(&health, START_MS + 10 * SECOND), GW_HEALTH_READMITTED);
    assert_int_equal(look(&health, &off, &five_failures, START_MS + 11 * SECOND), GW_HEALTH_SAME);
}

static void failures_during_an_ejection_do_not_lead_to_the_next(void **state)
{
    gw_ejection_conf_t conf = by_share;
    conf.time = 1 * SECOND; /* shorter than the window */
    gw_health_t health = {0};
    traffic_t nothing = {0}, bad = {0, 100, 100}, late = {0, 150, 150};
    look(&health, &conf, &nothing, START_MS);
    assert_int_equal(look(&health, &conf, &bad, START_MS + 250), GW_HEALTH_EJECTED);
    look(&health, &conf, &late, START_MS + 500); /* what was under way when it was ejected fails too */
    assert_int_equal(gw_health_tick(&health, START_MS + 1250), GW_HEALTH_READMITTED);
    assert_int_equal(look(&health, &conf, &late, START_MS + 1250), GW_HEALTH_SAME); /* nothing new happened */
}

static void good_behaviour_is_not_forgotten_when_checks_fail_for_a_moment(void **state)
{
    static const gw_health_check_conf_t checks = {.healthy = 1, .unhealthy = 1};
    gw_health_t health = {0};
    eject(&health, &by_streak, START_MS, 0);
    gw_health_tick(&health, health.ejected_until_ms);
    uint64_t now_ms = health.back_ms + 86400 * SECOND; /* a day in use */
    gw_health_checked(&health, &checks, true, now_ms - SECOND);
    assert_int_equal(gw_health_checked(&health, &checks, false, now_ms), GW_HEALTH_WENT_DOWN);
    assert_int_equal(gw_health_checked(&health, &checks, true, now_ms + SECOND), GW_HEALTH_CAME_UP);
    assert_int_equal(eject(&health, &by_streak, now_ms + 2 * SECOND, 0), 10 * SECOND);
}

static void no_ejection_takes_longer_than_the_longest_time(void **state)
{
    /* sluice.yaml(5): max_time is how long an endpoint is out at most */
    gw_health_t health = {0};
    uint64_t now_ms = START_MS;
    for (int i = 0; i != 5; ++i) {
        uint64_t ms = eject(&health, &by_streak, now_ms, UINT64_MAX);
        if (ms > by_streak.max_time)
            fail_msg("out for %zu ms", (size_t)ms);
        now_ms = health.ejected_until_ms;
        gw_health_tick(&health, now_ms);
    }
}

static void the_time_doubles_until_it_is_the_longest_however_far_that_is(void **state)
{
    gw_health_t health = {0};
    gw_ejection_conf_t conf = {.consecutive_failures = 1, .time = 10, .max_time = 24 * 3600 * SECOND};
    uint64_t now_ms = START_MS, ms = 0;
    for (int i = 0; i != 40; ++i) {
        ms = eject(&health, &conf, now_ms, 0);
        now_ms = health.ejected_until_ms;
        gw_health_tick(&health, now_ms);
    }
    assert_int_equal(ms, conf.max_time);
}

static void on_probation_one_failure_ejects_whatever_the_rule_is(void **state)
{
    gw_ejection_conf_t conf = by_share; /* consecutive_failures: 0 */
    gw_health_t health = {0};
    traffic_t nothing = {0}, bad = {0, 100, 100}, failure = {1, 101, 101};
    look(&health, &conf, &nothing, START_MS);
    assert_int_equal(look(&health, &conf, &bad, START_MS + 250), GW_HEALTH_EJECTED);
    gw_health_tick(&health, START_MS + 30250);
    assert_int_equal(look(&health, &conf, &bad, START_MS + 30250), GW_HEALTH_SAME);
    assert_int_equal(look(&health, &conf, &failure, START_MS + 31000), GW_HEALTH_EJECTED);
}

static void switching_the_checks_off_says_nothing_against_an_ejection(void **state)
{
    static const gw_health_check_conf_t checks = {.healthy = 1, .unhealthy = 1};
    gw_health_t health = {0};
    gw_health_checked(&health, &checks, false, START_MS);
    look(&health, &by_streak, &five_failures, START_MS + 1 * SECOND);
    gw_health_unchecked(&health, START_MS + 2 * SECOND); /* a reload */
    assert_false(health.is_down);
    assert_false(gw_health_is_usable(&health)); /* nobody has seen it well again */
    assert_int_equal(gw_health_tick(&health, START_MS + 11 * SECOND), GW_HEALTH_READMITTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_in_a_row_change_the_state),
        cmocka_unit_test(an_endpoint_that_was_never_out_never_came_back),
        cmocka_unit_test(without_checks_an_endpoint_is_up_and_what_they_said_is_forgotten),
        cmocka_unit_test(a_reload_changes_the_thresholds_at_once),
        cmocka_unit_test(so_many_failures_in_a_row_eject),
        cmocka_unit_test(an_ejection_ends_when_its_time_is_over),
        cmocka_unit_test(who_is_out_is_not_ejected_again),
        cmocka_unit_test(nobody_is_ejected_while_enough_are_out),
        cmocka_unit_test(an_ejection_ends_with_its_time_or_with_checks_that_recover),
        cmocka_unit_test(the_time_doubles_with_each_ejection_in_a_row_up_to_the_longest),
        cmocka_unit_test(an_endpoint_that_never_recovers_is_out_for_the_longest_time_each_time),
        cmocka_unit_test(good_behaviour_starts_small_again),
        cmocka_unit_test(on_probation_one_failure_more_ejects_again),
        cmocka_unit_test(those_that_failed_together_return_within_a_tenth),
        cmocka_unit_test(chance_does_not_add_up_when_the_time_doubles),
        cmocka_unit_test(a_share_of_failures_ejects),
        cmocka_unit_test(the_window_slides),
        cmocka_unit_test(only_what_is_in_the_window_counts),
        cmocka_unit_test(random_traffic_is_judged_by_what_is_in_the_window),
        cmocka_unit_test(both_rules_stand_beside_each_other),
        cmocka_unit_test(what_led_to_an_ejection_does_not_lead_to_the_next),
        cmocka_unit_test(a_share_that_is_looked_at_from_a_reload_on_begins_with_nothing),
        cmocka_unit_test(what_happened_while_the_share_was_not_looked_at_does_not_count),
        cmocka_unit_test(another_window_does_not_eject_for_what_is_not_in_it),
        cmocka_unit_test(an_ejection_goes_on_when_a_reload_switches_the_rules_off),
        cmocka_unit_test(failures_during_an_ejection_do_not_lead_to_the_next),
        cmocka_unit_test(good_behaviour_is_not_forgotten_when_checks_fail_for_a_moment),
        cmocka_unit_test(no_ejection_takes_longer_than_the_longest_time),
        cmocka_unit_test(the_time_doubles_until_it_is_the_longest_however_far_that_is),
        cmocka_unit_test(on_probation_one_failure_ejects_whatever_the_rule_is),
        cmocka_unit_test(switching_the_checks_off_says_nothing_against_an_ejection),
    };
    return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
