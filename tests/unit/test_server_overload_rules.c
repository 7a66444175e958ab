/* SPDX-License-Identifier: MIT
 * Who is refused when there is too much to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include "gateway/base/random.h"
#include "gateway/server/overload_rules.h"

#define PERCENT 100

static void the_pressure_is_that_of_the_bound_that_is_nearest(void **state)
{
    static const struct {
        const char *about;
        uint64_t load[GW_OVERLOAD_CAUSES], bounds[GW_OVERLOAD_CAUSES], pressure;
        gw_overload_cause_t cause;
    } cases[] = {
        {"no bound at all", {9, 9, 9}, {0, 0, 0}, 0, GW_OVERLOAD_CAUSES},
        {"nothing to do", {0, 0, 0}, {1, 1, 1}, 0, GW_OVERLOAD_CAUSES},
        {"lag alone", {50000, 1, 1}, {100000, 0, 0}, 50 * PERCENT, GW_OVERLOAD_LOOP_LAG},
        {"memory alone", {1, 1500, 1}, {0, 1000, 0}, 150 * PERCENT, GW_OVERLOAD_MEMORY},
        {"in flight alone", {1, 1, 9}, {0, 0, 10}, 90 * PERCENT, GW_OVERLOAD_IN_FLIGHT},
        {"lag the most", {9, 8, 7}, {10, 10, 10}, 90 * PERCENT, GW_OVERLOAD_LOOP_LAG},
        {"memory the most", {9, 10, 7}, {10, 10, 10}, 100 * PERCENT, GW_OVERLOAD_MEMORY},
        {"in flight the most", {9, 10, 11}, {10, 10, 10}, 110 * PERCENT, GW_OVERLOAD_IN_FLIGHT},
        {"large numbers against large bounds",
         {3, 1ull << 49, 2},
         {10, 1ull << 50, 10},
         50 * PERCENT,
         GW_OVERLOAD_MEMORY},
        {"a fraction is cut off", {0, 0, 2}, {0, 0, 3}, 6666, GW_OVERLOAD_IN_FLIGHT},
        {"far too much", {0, UINT64_MAX, 0}, {0, 1, 0}, GW_PRESSURE_MOST, GW_OVERLOAD_MEMORY},
        {"too much to be multiplied", {0, UINT64_MAX / 2, 0}, {0, UINT64_MAX, 0}, GW_PRESSURE_MOST, GW_OVERLOAD_MEMORY},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_overload_amounts_t load, bounds;
        gw_overload_cause_t cause = GW_OVERLOAD_CAUSES;
        for (int k = 0; k != GW_OVERLOAD_CAUSES; ++k) {
            load.of[k] = cases[i].load[k];
            bounds.of[k] = cases[i].bounds[k];
        }
        uint64_t pressure = gw_overload_pressure(&load, &bounds, &cause);
        if (pressure != cases[i].pressure || cause != cases[i].cause)
            fail_msg("%s: pressure %llu, cause %d", cases[i].about, (unsigned long long)pressure, cause);
    }
}

static void the_least_important_are_refused_first(void **state)
{
    /* shares refused in percent, by priority */
    static const struct {
        uint64_t pressure;
        double share[GW_NUM_PRIORITIES];
    } rows[] = {
        {0, {0, 0, 0, 0}},
        {80 * PERCENT, {0, 0, 0, 0}},
        {82 * PERCENT, {20, 0, 0, 0}},
        {85 * PERCENT, {50, 0, 0, 0}},
        {90 * PERCENT, {100, 0, 0, 0}},
        {91 * PERCENT, {100, 10, 0, 0}},
        {97 * PERCENT + 50, {100, 75, 0, 0}},
        {100 * PERCENT, {100, 100, 0, 0}},
        {105 * PERCENT, {100, 100, 50, 0}},
        {110 * PERCENT, {100, 100, 100, 0}},
        {GW_PRESSURE_MOST, {100, 100, 100, 0}},
    };
    enum { num = 100000 };
    uint64_t random = 1;
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i)
        for (int priority = 0; priority != GW_NUM_PRIORITIES; ++priority) {
            size_t refused = 0;
            for (size_t k = 0; k != num; ++k)
                refused += gw_overload_refuses((gw_priority_t)priority, rows[i].pressure, gw_random_next(&random));
            double share = 100.0 * (double)refused / num, expected = rows[i].share[priority];
            bool is_certain = expected == 0 || expected == 100;
            if (is_certain ? share != expected : share < expected - 1 || share > expected + 1)
                fail_msg("at %llu: %f %% of %s are refused instead of %f", (unsigned long long)rows[i].pressure, share,
                         gw_priority_words[priority], expected);
        }
}

/** The first and the last number of each of the thousand that a share is made of. */
static void the_share_rises_with_each_step_of_the_pressure(void **state)
{
    for (uint64_t k = 0; k != 1000; ++k) {
        uint64_t first = ((k << 32) / 1000 + (((k << 32) % 1000) != 0)) << 32, last;
        last = ((((k + 1) << 32) - 1) / 1000) << 32 | UINT32_MAX;
        assert_false(gw_overload_refuses(GW_PRIORITY_LOW, GW_PRESSURE_BEGINS + k, first));
        assert_false(gw_overload_refuses(GW_PRIORITY_LOW, GW_PRESSURE_BEGINS + k, last));
        assert_true(gw_overload_refuses(GW_PRIORITY_LOW, GW_PRESSURE_BEGINS + k + 1, first));
        assert_true(gw_overload_refuses(GW_PRIORITY_LOW, GW_PRESSURE_BEGINS + k + 1, last));
    }
}

static void nobody_is_refused_in_favour_of_a_less_important_one(void **state)
{
    uint64_t random = 2;
    for (size_t i = 0; i != 1000000; ++i) {
        uint64_t number = gw_random_next(&random), pressure = gw_random_below(&random, 13000);
        bool was_refused = true;
        for (int priority = 0; priority != GW_NUM_PRIORITIES; ++priority) {
            bool is_refused = gw_overload_refuses((gw_priority_t)priority, pressure, number);
            if (is_refused && !was_refused)
                fail_msg("at %llu with %llu: %s is refused, a less important one is not", (unsigned long long)pressure,
                         (unsigned long long)number, gw_priority_words[priority]);
            /* and whoever is refused is refused with more pressure too */
            if (is_refused)
                assert_true(gw_overload_refuses((gw_priority_t)priority, pressure + 1, number));
            was_refused = is_refused;
        }
    }
}

static void workers_know_of_each_other_to_a_64th_of_the_bound(void **state)
{
    static const struct {
        uint64_t bound, workers, step;
    } rows[] = {
        {1, 1, 1}, {64, 1, 1}, {6400, 1, 100}, {100, 4, 1}, {1000, 4, 3}, {1000000, 16, 976}, {10000000, 256, 610},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i)
        assert_int_equal(gw_overload_step(rows[i].bound, rows[i].workers), rows[i].step);
    for (uint64_t bound = 1; bound < 100000; bound += 7)
        for (uint64_t workers = 1; workers <= 256; ++workers) {
            uint64_t step = gw_overload_step(bound, workers);
            /* each of the others may be off by one less than the step */
            assert_true(step >= 1 && ((workers - 1) * (step - 1)) * 64 <= bound);
        }
}

static void each_cause_has_a_word(void **state)
{
    assert_string_equal(gw_overload_cause_word(GW_OVERLOAD_LOOP_LAG), "loop_lag");
    assert_string_equal(gw_overload_cause_word(GW_OVERLOAD_MEMORY), "memory");
    assert_string_equal(gw_overload_cause_word(GW_OVERLOAD_IN_FLIGHT), "in_flight");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_pressure_is_that_of_the_bound_that_is_nearest),
        cmocka_unit_test(the_least_important_are_refused_first),
        cmocka_unit_test(the_share_rises_with_each_step_of_the_pressure),
        cmocka_unit_test(nobody_is_refused_in_favour_of_a_less_important_one),
        cmocka_unit_test(workers_know_of_each_other_to_a_64th_of_the_bound),
        cmocka_unit_test(each_cause_has_a_word),
    };
    return cmocka_run_group_tests_name("test_server_overload_rules", tests, NULL, NULL);
}
