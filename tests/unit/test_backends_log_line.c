/* SPDX-License-Identifier: MIT
 * Tests of the demo services' log line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "backends/log_line.h"

static void a_line_has_six_words_whatever_the_client_sent(void **state)
{
    static const struct {
        const char *about;
        gw_log_line_t line;
        const char *expected;
    } cases[] = {
        {"plain", {GW_STR("GET"), GW_STR("/add?num1=3"), 200, 2, 153, "calc-1"}, "GET /add?num1=3 200 2 153 calc-1\n"},
        {"nothing", {GW_STR(""), GW_STR(""), 499, 0, 0, "e"}, "- - 499 0 0 e\n"},
        {"bytes that are not text",
         {GW_STR("G\tT"), GW_STR("/a b\n\\\xff\0"), 400, UINT64_MAX, UINT64_MAX, "e"},
         "G\\x09T /a\\x20b\\x0a\\x5c\\xff\\x00 400 18446744073709551615 18446744073709551615 e\n"},
        {"a long method",
         {GW_STR("AAAAAAAABBBBBBBBCCCCCCCCDDDDDDDDEEEE"), GW_STR("/"), 405, 0, 1, "e"},
         "AAAAAAAABBBBBBBBCCCCCCCCDDDDDDDD... / 405 0 1 e\n"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char text[GW_LOG_LINE_SIZE + 1];
        print_message("%s\n", cases[i].about);
        text[gw_log_line_format(text, &cases[i].line)] = '\0';
        assert_string_equal(text, cases[i].expected);
    }
}

static void the_longest_line_fits(void **state)
{
    static char long_text[100000];
    char text[GW_LOG_LINE_SIZE], name[65];
    memset(long_text, '\xff', sizeof(long_text));
    memset(name, 'n', 64);
    name[64] = '\0';
    gw_log_line_t line = {
        gw_str(long_text, sizeof(long_text)), gw_str(long_text, sizeof(long_text)), 999, UINT64_MAX, UINT64_MAX, name};
    size_t len = gw_log_line_format(text, &line);
    assert_true(len < GW_LOG_LINE_SIZE);
    assert_int_equal(text[len - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_six_words_whatever_the_client_sent),
        cmocka_unit_test(the_longest_line_fits),
    };
    return cmocka_run_group_tests_name("test_backends_log_line", tests, NULL, NULL);
}
