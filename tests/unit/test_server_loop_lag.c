/* SPDX-License-Identifier: MIT
 * The lag of an event loop, on a clock of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "gateway/server/loop_lag.h"

#define MS     1000ull
#define PERIOD (GW_LOOP_LAG_PERIOD_MS * MS)

/** @return the time when it arrived */
static uint64_t probe(gw_loop_lag_t *lag, uint64_t at_us, uint64_t takes_us)
{
    gw_loop_lag_send(lag, at_us);
    gw_loop_lag_arrive(lag, at_us + takes_us);
    return at_us + takes_us;
}

static void a_loop_of_which_nothing_is_known_does_not_lag(void **state)
{
    gw_loop_lag_t lag = {0};
    assert_int_equal(gw_loop_lag_now(&lag, 0), 0);
    assert_int_equal(gw_loop_lag_now(&lag, UINT64_MAX), 0);
}

static void probes_that_take_the_same_time_show_that_time(void **state)
{
    gw_loop_lag_t lag = {0};
    uint64_t now = 1000 * MS;
    for (int i = 0; i != 20; ++i)
        now = probe(&lag, now + PERIOD, 40 * MS);
    assert_in_range(gw_loop_lag_now(&lag, now), 39 * MS, 40 * MS);
}

static void one_that_was_slow_counts_half(void **state)
{
    gw_loop_lag_t lag = {0};
    uint64_t now = probe(&lag, 1000 * MS, 0);
    now = probe(&lag, now + PERIOD, 100 * MS);
    assert_int_equal(gw_loop_lag_now(&lag, now), 50 * MS);
    now = probe(&lag, now + PERIOD, 0);
    assert_int_equal(gw_loop_lag_now(&lag, now), 25 * MS);
}

static void a_probe_that_is_still_out_counts_by_its_age(void **state)
{
    gw_loop_lag_t lag = {0};
    uint64_t now = probe(&lag, 1000 * MS, 20 * MS) + PERIOD; /* a mean of 10 ms */
    gw_loop_lag_send(&lag, now);
    assert_int_equal(gw_loop_lag_now(&lag, now), 10 * MS); /* the mean as long as that is longer */
    assert_int_equal(gw_loop_lag_now(&lag, now + 9 * MS), 10 * MS);
    assert_int_equal(gw_loop_lag_now(&lag, now + 11 * MS), 11 * MS);
    assert_int_equal(gw_loop_lag_now(&lag, now + 5000 * MS), 5000 * MS);
    gw_loop_lag_arrive(&lag, now + 5000 * MS);
    assert_int_equal(gw_loop_lag_now(&lag, now + 5000 * MS), 2505 * MS);
}

static void without_probes_it_fades(void **state)
{
    gw_loop_lag_t lag = {0};
    uint64_t now = probe(&lag, 1000 * MS, 128 * MS);
    assert_int_equal(gw_loop_lag_now(&lag, now + 2 * PERIOD - 1), 64 * MS); /* the next one is on its way */
    assert_int_equal(gw_loop_lag_now(&lag, now + 2 * PERIOD), 32 * MS);
    assert_int_equal(gw_loop_lag_now(&lag, now + 4 * PERIOD), 16 * MS);
    assert_int_equal(gw_loop_lag_now(&lag, now + 1000 * PERIOD), 0);
    /* and what has faded does not come back with the next probe */
    now = probe(&lag, now + 1000 * PERIOD, 2 * MS);
    assert_int_equal(gw_loop_lag_now(&lag, now), 1 * MS);
}

static void it_never_grows_while_nothing_is_measured(void **state)
{
    gw_loop_lag_t lag = {0};
    uint64_t now = probe(&lag, 1000 * MS, 777 * MS), before = UINT64_MAX;
    for (uint64_t later = 0; later < 3000 * MS; later += 7 * MS) {
        uint64_t at = gw_loop_lag_now(&lag, now + later);
        assert_true(at <= before);
        before = at;
    }
}

static void a_reading_from_before_the_probe_is_no_age(void **state)
{
    gw_loop_lag_t lag = {0};
    gw_loop_lag_send(&lag, 1000 * MS); /* by a fresh reading; the worker's own clock is that of the turn's start */
    assert_int_equal(gw_loop_lag_now(&lag, 999 * MS), 0);
    gw_loop_lag_arrive(&lag, 999 * MS);
    assert_int_equal(gw_loop_lag_now(&lag, 1000 * MS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loop_of_which_nothing_is_known_does_not_lag),
        cmocka_unit_test(probes_that_take_the_same_time_show_that_time),
        cmocka_unit_test(one_that_was_slow_counts_half),
        cmocka_unit_test(a_probe_that_is_still_out_counts_by_its_age),
        cmocka_unit_test(without_probes_it_fades),
        cmocka_unit_test(it_never_grows_while_nothing_is_measured),
        cmocka_unit_test(a_reading_from_before_the_probe_is_no_age),
    };
    return cmocka_run_group_tests_name("test_server_loop_lag", tests, NULL, NULL);
}
