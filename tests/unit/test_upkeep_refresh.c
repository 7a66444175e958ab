/* SPDX-License-Identifier: MIT
 * When a document is fetched again: what Cache-Control says, the bounds of the conf, the jitter, the back-off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/base/random.h"
#include "gateway/upkeep/refresh.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

static void the_lifetime_is_what_the_response_says_less_its_age(void **state)
{
    static const struct {
        const char *about, *cache_control, *age;
        uint64_t lifetime;
    } cases[] = {
        {"nothing", "", "", UINT64_MAX},
        {"a lifetime", "max-age=60", "", 60000},
        {"letter case", "Max-AGE=60", "", 60000},
        {"among others", "public, must-revalidate,max-age=300 , immutable", "", 300000},
        {"empty items", ",, ,max-age=5,,", "", 5000},
        {"in quotes", "max-age=\"60\"", "", 60000},
        {"zero", "max-age=0", "", 0},
        {"no-store", "no-store", "", 0},
        {"no-store behind a lifetime", "max-age=60, no-store", "", 0},
        {"no-cache before a lifetime", "No-Cache, max-age=60", "", 0},
        {"two lifetimes: the first", "max-age=60, max-age=600", "", 60000},
        {"that of shared caches only", "s-maxage=600", "", UINT64_MAX},
        {"others that end in it", "x-max-age=600", "", UINT64_MAX},
        {"no number", "max-age=soon", "", UINT64_MAX},
        {"a sign", "max-age=-1", "", UINT64_MAX},
        {"a fraction", "max-age=1.5", "", UINT64_MAX},
        {"nothing behind it", "max-age=", "", UINT64_MAX},
        {"empty quotes", "max-age=\"\"", "", UINT64_MAX},
        {"half a quote", "max-age=\"60", "", UINT64_MAX},
        {"a blank in it", "max-age= 60", "", UINT64_MAX},
        {"more than there are seconds", "max-age=99999999999999999999999999", "", UINT32_MAX * (uint64_t)1000},
        {"an age", "max-age=60", "20", 40000},
        {"an age with blanks", "max-age=60", " 20 ", 40000},
        {"all of it has passed", "max-age=60", "60", 0},
        {"more than all", "max-age=60", "61", 0},
        {"a very great age", "max-age=60", "999999999999999999999", 0},
        {"an age that is none", "max-age=60", "old", 60000},
        {"an age without a lifetime", "", "20", UINT64_MAX},
        {"an age of what must not be kept", "no-store", "20", 0},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        uint64_t lifetime = gw_refresh_lifetime(gw_str_of(cases[i].cache_control), gw_str_of(cases[i].age));
        if (lifetime != cases[i].lifetime)
            fail_msg("%s: %llu", cases[i].about, (unsigned long long)lifetime);
    }
    assert_true(gw_refresh_lifetime(gw_str(NULL, 0), gw_str(NULL, 0)) == UINT64_MAX);
}

static const gw_refresh_bounds_t usual = {.min_ttl = 60000, .max_ttl = 3600000, .min_interval = 2000};

static void after_success_it_is_fetched_ahead_of_the_end_within_the_bounds(void **state)
{
    static const struct {
        const char *about;
        uint64_t lifetime, at_least, at_most;
    } cases[] = {
        {"within the bounds: four to nine tenths", 600000, 480000, 540000},
        {"as short as may be", 60000, 48000, 54000},
        {"shorter", 1000, 48000, 54000},
        {"not at all", 0, 48000, 54000},
        {"as long as may be", 3600000, 2880000, 3240000},
        {"longer", 86400000, 2880000, 3240000},
        {"nothing is said", UINT64_MAX, 2880000, 3240000},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        uint64_t last = gw_refresh_after_success(&usual, cases[i].lifetime, 0);
        uint64_t first = gw_refresh_after_success(&usual, cases[i].lifetime, UINT64_MAX);
        if (last != cases[i].at_most || first < cases[i].at_least || first > cases[i].at_least + 1)
            fail_msg("%s: %llu to %llu", cases[i].about, (unsigned long long)first, (unsigned long long)last);
        assert_true(gw_refresh_after_success(&usual, cases[i].lifetime, UINT64_MAX / 2) - (first + last) / 2 + 1 <= 2);
    }
}

static void after_success_it_is_never_fetched_sooner_than_the_interval(void **state)
{
    static const gw_refresh_bounds_t bounds = {.min_ttl = 1000, .max_ttl = 5000, .min_interval = 60000};
    assert_int_equal(gw_refresh_after_success(&bounds, 0, 0), 60000);
    assert_int_equal(gw_refresh_after_success(&bounds, 4000, UINT64_MAX), 60000);
}

static void after_failures_the_wait_doubles_up_to_the_shortest_lifetime(void **state)
{
    static const uint64_t waits[] = {2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
    for (unsigned i = 0; i != NUM_OF(waits); ++i) {
        assert_int_equal(gw_refresh_after_failure(&usual, i + 1, 0), waits[i]);
        uint64_t longest = gw_refresh_after_failure(&usual, i + 1, UINT64_MAX);
        assert_true(longest <= waits[i] * 3 / 2 && longest >= waits[i] * 3 / 2 - 1);
    }
    static const unsigned many[] = {17, 18, 31, 32, 33, 63, 64, 65, 66, 1000000, UINT32_MAX};
    for (size_t i = 0; i != NUM_OF(many); ++i)
        assert_int_equal(gw_refresh_after_failure(&usual, many[i], 0), 60000);
}

static void an_interval_longer_than_the_shortest_lifetime_is_kept(void **state)
{
    static const gw_refresh_bounds_t bounds = {.min_ttl = 1000, .max_ttl = 5000, .min_interval = 3600000};
    assert_int_equal(gw_refresh_after_failure(&bounds, 1, 0), 3600000);
    assert_int_equal(gw_refresh_after_failure(&bounds, 9, 0), 3600000);
}

/** All that the rows of the conf allow. */
static void random_bounds_are_kept(void **state)
{
    uint64_t random = 9111;
    for (unsigned round = 0; round != 200000; ++round) {
        gw_refresh_bounds_t bounds;
        bounds.min_ttl = 1000 + gw_random_next(&random) % (86400000 - 1000 + 1);
        bounds.max_ttl = bounds.min_ttl + gw_random_next(&random) % (604800000 - bounds.min_ttl + 1);
        bounds.min_interval = 100 + gw_random_next(&random) % (3600000 - 100 + 1);
        uint64_t lifetime = gw_random_next(&random) >> gw_random_below(&random, 64);
        uint64_t wait = gw_refresh_after_success(&bounds, lifetime, gw_random_next(&random));
        uint64_t clamped = lifetime < bounds.min_ttl   ? bounds.min_ttl
                           : lifetime > bounds.max_ttl ? bounds.max_ttl
                                                       : lifetime;
        assert_true(wait >= bounds.min_interval);
        if (wait != bounds.min_interval)
            assert_true(wait >= clamped - clamped / 10 - clamped / 10 && wait <= clamped - clamped / 10);
        unsigned failures = 1 + (unsigned)(gw_random_next(&random) >> (32 + gw_random_below(&random, 32)));
        if (failures == 0)
            continue;
        wait = gw_refresh_after_failure(&bounds, failures, gw_random_next(&random));
        uint64_t most = bounds.min_ttl > bounds.min_interval ? bounds.min_ttl : bounds.min_interval;
        assert_true(wait >= bounds.min_interval && wait <= most + most / 2);
    }
}

static void a_fleet_does_not_fetch_in_step(void **state)
{
    enum { NUM = 10000, NUM_SLOTS = 10 };
    unsigned after_success[NUM_SLOTS] = {0}, after_failure[NUM_SLOTS] = {0};
    uint64_t random = 1;
    for (unsigned i = 0; i != NUM; ++i) {
        uint64_t wait = gw_refresh_after_success(&usual, 600000, gw_random_next(&random));
        ++after_success[wait == 540000 ? NUM_SLOTS - 1 : (wait - 480000) * NUM_SLOTS / 60000];
        wait = gw_refresh_after_failure(&usual, 3, gw_random_next(&random));
        ++after_failure[wait == 12000 ? NUM_SLOTS - 1 : (wait - 8000) * NUM_SLOTS / 4000];
    }
    for (size_t i = 0; i != NUM_SLOTS; ++i) {
        assert_in_range(after_success[i], NUM / NUM_SLOTS * 8 / 10, NUM / NUM_SLOTS * 12 / 10);
        assert_in_range(after_failure[i], NUM / NUM_SLOTS * 8 / 10, NUM / NUM_SLOTS * 12 / 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lifetime_is_what_the_response_says_less_its_age),
        cmocka_unit_test(after_success_it_is_fetched_ahead_of_the_end_within_the_bounds),
        cmocka_unit_test(after_success_it_is_never_fetched_sooner_than_the_interval),
        cmocka_unit_test(after_failures_the_wait_doubles_up_to_the_shortest_lifetime),
        cmocka_unit_test(an_interval_longer_than_the_shortest_lifetime_is_kept),
        cmocka_unit_test(random_bounds_are_kept),
        cmocka_unit_test(a_fleet_does_not_fetch_in_step),
    };
    return cmocka_run_group_tests_name("refresh", tests, NULL, NULL);
}
