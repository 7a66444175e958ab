/* SPDX-License-Identifier: MIT
 * Tests of conditional requests and their dates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "backends/conditional.h"

#define MODIFIED 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 */

static void a_date_is_written_in_the_preferred_form(void **state)
{
    char text[GW_HTTP_DATE_SIZE];
    gw_http_date_print(text, MODIFIED);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    gw_http_date_print(text, 0);
    assert_string_equal(text, "Thu, 01 Jan 1970 00:00:00 GMT");
    gw_http_date_print(text, INT64_C(253402300799));
    assert_string_equal(text, "Fri, 31 Dec 9999 23:59:59 GMT");
}

static void a_date_is_read_in_all_three_forms(void **state)
{
    static const struct {
        const char *text;
        bool is_date;
    } cases[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", true},
        {"Sunday, 06-Nov-94 08:49:37 GMT", true},
        {"Sun Nov  6 08:49:37 1994", true},
        {"Sun, 06 Nov 1994 08:49:37 GMT+1", false},
        {"Sun, 06 Nov 1994 08:49:37", false},
        {"06 Nov 1994 08:49:37 GMT", false},
        {"Sun, 06 Nov 1994 28:49:37 GMT", false},
        {"784111777", false},
        {"", false},
        {"Sun, 06 Nov 1994 08:49:37 GMT                                        ", false},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        int64_t seconds = -1;
        print_message("'%s'\n", cases[i].text);
        assert_int_equal(gw_http_date_parse(gw_str_of(cases[i].text), &seconds), cases[i].is_date);
        assert_true(seconds == (cases[i].is_date ? MODIFIED : -1));
    }
}

static void a_copy_is_fresh_by_its_tag_or_else_by_its_date(void **state)
{
    static const char now[] = "Sun, 06 Nov 1994 08:49:37 GMT", before[] = "Sun, 06 Nov 1994 08:49:36 GMT",
                      later[] = "Mon, 07 Nov 1994 08:49:37 GMT";
    static const struct {
        const char *about, *none_match, *modified_since;
        bool is_fresh;
    } cases[] = {
        {"no condition", NULL, NULL, false},
        {"same tag", "\"abc\"", NULL, true},
        {"weak tag", "W/\"abc\"", NULL, true},
        {"one of several", "\"x\", W/\"y\" ,\"abc\"", NULL, true},
        {"comma within a tag", "\"x,\", \"abc\"", NULL, true},
        {"any", "*", NULL, true},
        {"other tag", "\"abcd\"", NULL, false},
        {"without quotes", "abc", NULL, false},
        {"open quotes", "\"abc", NULL, false},
        {"empty", "", NULL, false},
        {"same date", NULL, now, true},
        {"later date", NULL, later, true},
        {"earlier date", NULL, before, false},
        {"not a date", NULL, "yesterday", false},
        {"the tag beats the date", "\"x\"", later, false},
        {"the tag beats the date, the other way", "\"abc\"", before, true},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        print_message("%s\n", cases[i].about);
        gw_str_t none_match = gw_str_of(cases[i].none_match), modified_since = gw_str_of(cases[i].modified_since);
        assert_int_equal(gw_conditional_is_fresh(cases[i].none_match != NULL ? &none_match : NULL,
                                                 cases[i].modified_since != NULL ? &modified_since : NULL,
                                                 GW_STR("\"abc\""), MODIFIED),
                         cases[i].is_fresh);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_date_is_written_in_the_preferred_form),
        cmocka_unit_test(a_date_is_read_in_all_three_forms),
        cmocka_unit_test(a_copy_is_fresh_by_its_tag_or_else_by_its_date),
    };
    return cmocka_run_group_tests_name("test_backends_conditional", tests, NULL, NULL);
}
