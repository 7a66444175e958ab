/* SPDX-License-Identifier: MIT
 * Gates for log lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "gateway/base/rate_gate.h"

static void so_many_pass_in_a_span_and_the_rest_is_counted(void **state)
{
    gw_rate_gate_t gate = {0};
    uint64_t held = 99;
    for (uint64_t at = 1000; at != 1003; ++at) {
        assert_true(gw_rate_gate_pass(&gate, 3, 100, at, &held));
        assert_int_equal(held, 0);
    }
    for (uint64_t at = 1003; at != 1100; ++at)
        assert_false(gw_rate_gate_pass(&gate, 3, 100, at, &held));
    assert_true(gw_rate_gate_pass(&gate, 3, 100, 1100, &held));
    assert_int_equal(held, 97);
    assert_true(gw_rate_gate_pass(&gate, 3, 100, 1199, &held));
    assert_int_equal(held, 0);
    assert_true(gw_rate_gate_pass(&gate, 3, 100, 1199, &held));
    assert_false(gw_rate_gate_pass(&gate, 3, 100, 1199, &held));
    assert_true(gw_rate_gate_pass(&gate, 3, 100, 1200, &held));
    assert_int_equal(held, 1);
}

static void a_gate_for_nothing_lets_nothing_through(void **state)
{
    gw_rate_gate_t gate = {0};
    uint64_t held = 99;
    for (uint64_t at = 0; at != 10; ++at)
        assert_false(gw_rate_gate_pass(&gate, 0, 1, at, &held));
    assert_int_equal(held, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_pass_in_a_span_and_the_rest_is_counted),
        cmocka_unit_test(a_gate_for_nothing_lets_nothing_through),
    };
    return cmocka_run_group_tests_name("test_base_rate_gate", tests, NULL, NULL);
}
