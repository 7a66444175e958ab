/* SPDX-License-Identifier: MIT
 * Tests of the calculator's arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "backends/calculator_eval.h"

#define ADD      GW_CALCULATOR_ADD
#define SUBTRACT GW_CALCULATOR_SUBTRACT
#define MULTIPLY GW_CALCULATOR_MULTIPLY
#define DIVIDE   GW_CALCULATOR_DIVIDE

static void numbers_are_added_subtracted_multiplied_and_divided(void **state)
{
    static const struct {
        const char *about;
        gw_calculator_operation_t operation;
        const char *num1, *num2, *result, *remainder;
    } cases[] = {
        {"sum", ADD, "3", "4", "7", NULL},
        {"difference", SUBTRACT, "9", "3", "6", NULL},
        {"negative difference", SUBTRACT, "3", "9", "-6", NULL},
        {"signs", ADD, "-5", "+5", "0", NULL},
        {"beyond 64 bits", ADD, "18446744073709551615", "1", "18446744073709551616", NULL},
        {"product", MULTIPLY, "-12345678901234567890", "98765432109876543210",
         "-1219326311370217952237463801111263526900", NULL},
        {"product with zero has no sign", MULTIPLY, "-5", "0", "0", NULL},
        {"zeros in front", ADD, "0007", "-000", "7", NULL},
        {"exact quotient", DIVIDE, "12", "3", "4", "0"},
        {"cut towards zero", DIVIDE, "7", "2", "3", "1"},
        {"cut towards zero, negative", DIVIDE, "-7", "2", "-3", "-1"},
        {"negative divisor", DIVIDE, "7", "-2", "-3", "1"},
        {"both negative", DIVIDE, "-7", "-2", "3", "-1"},
        {"zero quotient", DIVIDE, "-1", "2", "0", "-1"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_calculator_answer_t answer;
        int wrong = -1;
        print_message("%s\n", cases[i].about);
        assert_int_equal(
            gw_calculator_eval(cases[i].operation, gw_str_of(cases[i].num1), gw_str_of(cases[i].num2), &answer, &wrong),
            GW_CALCULATOR_OK);
        assert_int_equal(wrong, 0);
        assert_string_equal(answer.result, cases[i].result);
        if (cases[i].remainder == NULL)
            assert_null(answer.remainder);
        else
            assert_string_equal(answer.remainder, cases[i].remainder);
        gw_calculator_answer_dispose(&answer);
    }
}

static void the_numbers_are_told_as_they_were_understood(void **state)
{
    gw_calculator_answer_t answer;
    int wrong;
    assert_int_equal(gw_calculator_eval(ADD, GW_STR("+007"), GW_STR("-0"), &answer, &wrong), GW_CALCULATOR_OK);
    assert_string_equal(answer.num1, "7");
    assert_string_equal(answer.num2, "0");
    gw_calculator_answer_dispose(&answer);
}

static void what_is_not_a_number_is_refused_by_name(void **state)
{
    static const struct {
        const char *about;
        gw_calculator_operation_t operation;
        gw_str_t num1, num2;
        gw_calculator_result_t result;
        int wrong;
    } cases[] = {
        {"empty", ADD, GW_STR(""), GW_STR("1"), GW_CALCULATOR_MALFORMED, 1},
        {"empty second", ADD, GW_STR("1"), GW_STR(""), GW_CALCULATOR_MALFORMED, 2},
        {"sign alone", ADD, GW_STR("-"), GW_STR("1"), GW_CALCULATOR_MALFORMED, 1},
        {"two signs", ADD, GW_STR("1"), GW_STR("+-1"), GW_CALCULATOR_MALFORMED, 2},
        {"space", ADD, GW_STR(" 1"), GW_STR("1"), GW_CALCULATOR_MALFORMED, 1},
        {"space at the end", ADD, GW_STR("1 "), GW_STR("1"), GW_CALCULATOR_MALFORMED, 1},
        {"fraction", ADD, GW_STR("1.5"), GW_STR("1"), GW_CALCULATOR_MALFORMED, 1},
        {"hexadecimal", ADD, GW_STR("0x10"), GW_STR("1"), GW_CALCULATOR_MALFORMED, 1},
        {"NUL in the middle", ADD, GW_STR("1\0002"), GW_STR("1"), GW_CALCULATOR_MALFORMED, 1},
        {"other digits", ADD, GW_STR("\xd9\xa3"), GW_STR("1"), GW_CALCULATOR_MALFORMED, 1},
        {"both wrong: the first is named", ADD, GW_STR("x"), GW_STR("y"), GW_CALCULATOR_MALFORMED, 1},
        {"division by zero", DIVIDE, GW_STR("1"), GW_STR("-00"), GW_CALCULATOR_DIVISION_BY_ZERO, 2},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_calculator_answer_t answer;
        int wrong = -1;
        print_message("%s\n", cases[i].about);
        gw_calculator_result_t result =
            gw_calculator_eval(cases[i].operation, cases[i].num1, cases[i].num2, &answer, &wrong);
        assert_int_equal(result, cases[i].result);
        assert_int_equal(wrong, cases[i].wrong);
        assert_non_null(gw_calculator_result_str(result));
    }
    assert_null(gw_calculator_result_str(GW_CALCULATOR_OK));
}

static void the_longest_numbers_are_exact_and_one_digit_more_is_too_long(void **state)
{
    char digits[2 + GW_CALCULATOR_MAX_DIGITS], expected[2 * GW_CALCULATOR_MAX_DIGITS + 1];
    gw_calculator_answer_t answer;
    int wrong;
    memset(digits, '9', sizeof(digits));
    digits[0] = '-';
    gw_str_t longest = gw_str(digits, 1 + GW_CALCULATOR_MAX_DIGITS);

    /* (10^n - 1)^2 = 99...9800...01 */
    memset(expected, '9', GW_CALCULATOR_MAX_DIGITS);
    memset(expected + GW_CALCULATOR_MAX_DIGITS, '0', GW_CALCULATOR_MAX_DIGITS);
    expected[GW_CALCULATOR_MAX_DIGITS - 1] = '8';
    expected[2 * GW_CALCULATOR_MAX_DIGITS - 1] = '1';
    expected[2 * GW_CALCULATOR_MAX_DIGITS] = '\0';
    assert_int_equal(gw_calculator_eval(MULTIPLY, longest, longest, &answer, &wrong), GW_CALCULATOR_OK);
    assert_string_equal(answer.result, expected);
    gw_calculator_answer_dispose(&answer);

    assert_int_equal(gw_calculator_eval(ADD, longest, gw_str(digits, sizeof(digits)), &answer, &wrong),
                     GW_CALCULATOR_TOO_LONG);
    assert_int_equal(wrong, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_added_subtracted_multiplied_and_divided),
        cmocka_unit_test(the_numbers_are_told_as_they_were_understood),
        cmocka_unit_test(what_is_not_a_number_is_refused_by_name),
        cmocka_unit_test(the_longest_numbers_are_exact_and_one_digit_more_is_too_long),
    };
    return cmocka_run_group_tests_name("test_backends_calculator_eval", tests, NULL, NULL);
}
