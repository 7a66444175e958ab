/* SPDX-License-Identifier: MIT
 * Tests of failing on purpose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "backends/fault.h"

static void exactly_the_share_fails(void **state)
{
    static const struct {
        uint32_t share;
        const char *answers; /* x: fails */
    } cases[] = {
        {0, "............"},      {GW_FAULT_ALL, "xxxxxxxxxxxx"}, {500000, ".x.x.x.x.x.x"},
        {250000, "...x...x...x"}, {750000, ".xxx.xxx.xxx"},       {333333, "...x..x..x.."},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_fault_t fault = {.share = cases[i].share};
        char answers[13] = {0};
        for (size_t n = 0; n != 12; ++n)
            answers[n] = gw_fault_next(&fault) ? 'x' : '.';
        assert_string_equal(answers, cases[i].answers);
    }
}

static void a_small_share_is_exact_over_many_answers(void **state)
{
    gw_fault_t fault = {.share = 1};
    unsigned num_failures = 0;
    for (unsigned n = 0; n != 3 * GW_FAULT_ALL; ++n)
        num_failures += gw_fault_next(&fault);
    assert_int_equal(num_failures, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exactly_the_share_fails),
        cmocka_unit_test(a_small_share_is_exact_over_many_answers),
    };
    return cmocka_run_group_tests_name("test_backends_fault", tests, NULL, NULL);
}
