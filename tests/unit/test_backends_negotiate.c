/* SPDX-License-Identifier: MIT
 * Tests of content negotiation by the Accept field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "backends/negotiate.h"

static void the_most_specific_range_gives_the_weight(void **state)
{
    static const struct {
        const char *about, *accept;
        unsigned json, text;
    } cases[] = {
        {"no field", "", 1000, 1000},
        {"anything", "*/*", 1000, 1000},
        {"one type", "application/json", 1000, 0},
        {"case does not matter", "Application/JSON", 1000, 0},
        {"weights", "text/plain;q=0.3, application/json;q=0.35", 350, 300},
        {"three digits", "text/plain;q=0.001,application/json;q=0.999", 999, 1},
        {"spaces", " application/json ; q=0.5 ,\ttext/plain", 500, 1000},
        {"subtype wildcard", "text/*;q=0.5, */*;q=0.1", 100, 500},
        {"specific before wildcard, whatever the order", "*/*, text/*;q=0.8, text/plain;q=0.2", 1000, 200},
        {"excluded", "*/*, application/json;q=0", 0, 1000},
        {"parameters are not looked at", "application/json;charset=utf-8;q=0.5", 500, 0},
        {"extensions after the weight", "application/json;q=0.5;q=1", 500, 0},
        {"comma in quotes", "application/json;x=\",text/plain,\\\"\";q=0.4", 400, 0},
        {"weight above one: skipped", "application/json;q=1.5, */*;q=0.2", 200, 200},
        {"four digits: skipped", "application/json;q=0.1234", 0, 0},
        {"no weight at all: skipped", "application/json;q=", 0, 0},
        {"not a type", "json, ;;, /,", 0, 0},
        {"wildcard type with a subtype", "*/json", 0, 0},
        {"the larger of two", "application/json;q=0.2, application/json;q=0.7", 700, 0},
        {"a prefix is no match", "application/jso, text/plai*", 0, 0},
        {"open quotes", "application/json;x=\"", 1000, 0},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        print_message("%s\n", cases[i].about);
        gw_str_t accept = gw_str_of(cases[i].accept);
        assert_int_equal(gw_negotiate_weight(accept, GW_STR("application/json")), cases[i].json);
        assert_int_equal(gw_negotiate_weight(accept, GW_STR("text/plain")), cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_most_specific_range_gives_the_weight)};
    return cmocka_run_group_tests_name("test_backends_negotiate", tests, NULL, NULL);
}
