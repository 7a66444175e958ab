/* SPDX-License-Identifier: MIT
 * Tests of the parameters of a query. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "backends/query.h"

static void a_parameter_is_found_by_its_decoded_name(void **state)
{
    static const struct {
        const char *about, *query;
        gw_query_result_t result;
        gw_str_t value;
    } cases[] = {
        {"alone", "name=Ada", GW_QUERY_OK, GW_STR("Ada")},
        {"among others", "a=1&name=Ada&b=2", GW_QUERY_OK, GW_STR("Ada")},
        {"without a value", "name", GW_QUERY_OK, GW_STR("")},
        {"with an empty value", "name=&b", GW_QUERY_OK, GW_STR("")},
        {"empty pairs around", "&&name=x&", GW_QUERY_OK, GW_STR("x")},
        {"equals in the value", "name=a=b", GW_QUERY_OK, GW_STR("a=b")},
        {"plus is a space", "name=a+b", GW_QUERY_OK, GW_STR("a b")},
        {"escaped plus", "name=%2B5", GW_QUERY_OK, GW_STR("+5")},
        {"both cases of hexadecimal", "name=%c3%BC", GW_QUERY_OK, GW_STR("\xc3\xbc")},
        {"NUL", "name=a%00b", GW_QUERY_OK, GW_STR("a\0b")},
        {"escaped separators", "name=%26%3d", GW_QUERY_OK, GW_STR("&=")},
        {"escaped name", "n%61me=x", GW_QUERY_OK, GW_STR("x")},
        {"nothing", "", GW_QUERY_MISSING, GW_STR("")},
        {"a longer name", "names=x", GW_QUERY_MISSING, GW_STR("")},
        {"a shorter name", "nam=x", GW_QUERY_MISSING, GW_STR("")},
        {"another case", "Name=x", GW_QUERY_MISSING, GW_STR("")},
        {"a broken name is another name", "n%6=x", GW_QUERY_MISSING, GW_STR("")},
        {"twice", "name=x&name=x", GW_QUERY_DUPLICATE, GW_STR("")},
        {"twice, once escaped", "name=x&%6eame=y", GW_QUERY_DUPLICATE, GW_STR("")},
        {"percent at the end", "name=a%", GW_QUERY_MALFORMED, GW_STR("")},
        {"one digit", "name=%4", GW_QUERY_MALFORMED, GW_STR("")},
        {"not a digit", "name=%4g", GW_QUERY_MALFORMED, GW_STR("")},
        {"digits of the next pair", "name=%&41=1", GW_QUERY_MALFORMED, GW_STR("")},
        {"just fits", "name=12345678", GW_QUERY_OK, GW_STR("12345678")},
        {"just fits, decoded", "name=%31%32%33%345678", GW_QUERY_OK, GW_STR("12345678")},
        {"too long", "name=123456789", GW_QUERY_TOO_LONG, GW_STR("")},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char room[8];
        gw_str_t value = GW_STR("untouched");
        print_message("%s\n", cases[i].about);
        assert_int_equal(gw_query_find(gw_str_of(cases[i].query), GW_STR("name"), room, sizeof(room), &value),
                         cases[i].result);
        assert_true(gw_str_equal(value, cases[i].result == GW_QUERY_OK ? cases[i].value : GW_STR("untouched")));
    }
}

static void a_number_is_decimal_and_in_range(void **state)
{
    static const struct {
        const char *query;
        gw_query_result_t result;
        uint64_t number;
    } cases[] = {
        {"n=10", GW_QUERY_OK, 10},
        {"n=0042", GW_QUERY_OK, 42},
        {"n=9999999999999999999", GW_QUERY_OK, UINT64_C(9999999999999999999)},
        {"n=9", GW_QUERY_OUT_OF_RANGE, 7},
        {"n=10000000000000000000", GW_QUERY_OUT_OF_RANGE, 7},
        {"n=99999999999999999999999999999999999999999999", GW_QUERY_OUT_OF_RANGE, 7},
        {"n=", GW_QUERY_NOT_A_NUMBER, 7},
        {"n=-1", GW_QUERY_NOT_A_NUMBER, 7},
        {"n=1e3", GW_QUERY_NOT_A_NUMBER, 7},
        {"n=+10", GW_QUERY_NOT_A_NUMBER, 7},
        {"n=%zz", GW_QUERY_MALFORMED, 7},
        {"n=10&n=10", GW_QUERY_DUPLICATE, 7},
        {"m=10", GW_QUERY_MISSING, 7},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        uint64_t number = 7;
        print_message("%s\n", cases[i].query);
        assert_int_equal(gw_query_find_number(gw_str_of(cases[i].query), GW_STR("n"), 10, UINT64_MAX, &number),
                         cases[i].result);
        assert_true(number == cases[i].number);
    }
}

static void every_result_but_ok_says_what_is_wrong(void **state)
{
    assert_null(gw_query_result_str(GW_QUERY_OK));
    for (int result = GW_QUERY_MISSING; result <= GW_QUERY_OUT_OF_RANGE; ++result)
        assert_non_null(gw_query_result_str((gw_query_result_t)result));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_parameter_is_found_by_its_decoded_name),
        cmocka_unit_test(a_number_is_decimal_and_in_range),
        cmocka_unit_test(every_result_but_ok_says_what_is_wrong),
    };
    return cmocka_run_group_tests_name("test_backends_query", tests, NULL, NULL);
}
