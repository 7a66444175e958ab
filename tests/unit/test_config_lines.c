/* SPDX-License-Identifier: MIT
 * Files of lines: what belongs to a line, and how many errors are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/config/lines.h"
#include "tests/support/conf_files.h"

static void each_line_comes_once_with_its_number(void **state)
{
    static const struct {
        const char *about;
        gw_str_t content;
        size_t num;
        const char *lines[4];
    } cases[] = {
        {"nothing", {NULL, 0}, 0, {NULL}},
        {"one", GW_STR("a b\n"), 1, {"a b"}},
        {"the last without its end", GW_STR("a\nb"), 2, {"a", "b"}},
        {"empty ones count", GW_STR("\n\na\n\n"), 4, {"", "", "a", ""}},
        {"as Windows writes them", GW_STR("a\r\n\r\nb\r"), 3, {"a", "", "b"}},
        {"only one carriage return belongs to the end", GW_STR("a\rb\r\r\n"), 1, {"a\rb\r"}},
        {"a byte order mark",
         GW_STR("\xef\xbb\xbf"
                "a\nb\n"),
         2,
         {"a", "b"}},
        {"half a byte order mark", GW_STR("\xef\xbb"), 1, {"\xef\xbb"}},
        {"a byte order mark elsewhere", GW_STR("a\n\xef\xbb\xbf\n"), 2, {"a", "\xef\xbb\xbf"}},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_diag_t *diag = gw_diag_create();
        gw_lines_t lines = gw_lines_of(cases[i].content, "list", diag);
        size_t num = 0;
        for (; gw_lines_next(&lines); ++num)
            if (num == cases[i].num || !gw_str_equal(lines.line, gw_str_of(cases[i].lines[num])) ||
                lines.number != num + 1)
                fail_msg("%s: line %u is '%.*s'", cases[i].about, lines.number, (int)lines.line.len, lines.line.ptr);
        if (num != cases[i].num)
            fail_msg("%s: %zu lines", cases[i].about, num);
        assert_true(gw_lines_are_good(&lines));
        assert_int_equal(gw_diag_num_errors(diag), 0);
        gw_diag_free(diag);
    }
}

static void errors_have_their_places(void **state)
{
    gw_diag_t *diag = gw_diag_create();
    gw_lines_t lines = gw_lines_of(GW_STR("good\nnot good\ngood\n"), "list", diag);
    while (gw_lines_next(&lines))
        if (lines.number == 2)
            assert_false(gw_lines_refuse(&lines, lines.line.ptr + 4, "say good", "line %d is wrong", 2));
    assert_false(gw_lines_refuse_earlier(&lines, 3, "as line %d", 1));
    assert_false(gw_lines_are_good(&lines));
    char *findings = conf_findings(diag, NULL);
    assert_string_equal(findings, "list:2:5: error: line 2 is wrong\n  hint: say good\nlist:3:1: error: as line 1\n");
    free(findings);
    gw_diag_free(diag);
}

/** Refuses each of `num` lines.  @param ret_findings to be freed   @return how many were read */
static unsigned refuse_all(size_t num, char **ret_findings)
{
    char content[100];
    memset(content, '\n', sizeof(content));
    gw_diag_t *diag = gw_diag_create();
    gw_lines_t lines = gw_lines_of(gw_str(content, num), "list", diag);
    while (gw_lines_next(&lines))
        gw_lines_refuse(&lines, lines.line.ptr, NULL, "wrong");
    assert_int_equal(gw_lines_has_enough_errors(&lines), num >= GW_LINES_MAX_ERRORS);
    assert_false(gw_lines_are_good(&lines));
    *ret_findings = conf_findings(diag, NULL);
    gw_diag_free(diag);
    return lines.number;
}

static void reading_ends_with_the_twentieth_error(void **state)
{
    static const struct {
        size_t num;
        unsigned num_read;
        bool is_said;
    } cases[] = {{1, 1, false}, {19, 19, false}, {20, 20, true}, {21, 20, true}, {100, 20, true}};
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char *findings;
        assert_int_equal(refuse_all(cases[i].num, &findings), cases[i].num_read);
        const char *said = strstr(findings, "list:21:1: error: there may be more errors: the rest was not read\n");
        assert_int_equal(said != NULL, cases[i].is_said);
        free(findings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_comes_once_with_its_number),
        cmocka_unit_test(errors_have_their_places),
        cmocka_unit_test(reading_ends_with_the_twentieth_error),
    };
    return cmocka_run_group_tests_name("config: lines", tests, NULL, NULL);
}
