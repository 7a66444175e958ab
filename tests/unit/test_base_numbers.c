/* SPDX-License-Identifier: MIT
 * Numbers as text, decimal and hexadecimal, beside what printf makes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include "gateway/base/decimal.h"
#include "gateway/base/hex.h"

static void check(uint64_t number)
{
    char expected[32], text[32];
    snprintf(expected, sizeof(expected), "%llu", (unsigned long long)number);
    *gw_put_decimal(text, number) = '\0';
    assert_string_equal(text, expected);
    snprintf(expected, sizeof(expected), "%016llx", (unsigned long long)number);
    *gw_put_hex16(text, number) = '\0';
    assert_string_equal(text, expected);
}

static void numbers_of_every_length_are_written_as_by_printf(void **state)
{
    uint64_t power = 1;
    for (int length = 1; length <= GW_DECIMAL_MAX; ++length, power *= 10) {
        check(power - 1);
        check(power);
        check(power + 1);
    }
    for (unsigned bit = 0; bit != 64; ++bit)
        check(UINT64_MAX >> bit);
}

static void every_hexadecimal_digit_stands_at_every_place(void **state)
{
    for (uint64_t digit = 0; digit != 16; ++digit)
        for (unsigned place = 0; place != 16; ++place) {
            check(digit << place * 4);
            check(~(digit << place * 4));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_every_length_are_written_as_by_printf),
        cmocka_unit_test(every_hexadecimal_digit_stands_at_every_place),
    };
    return cmocka_run_group_tests_name("base: numbers", tests, NULL, NULL);
}
