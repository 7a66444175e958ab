/* SPDX-License-Identifier: MIT
 * Path normalisation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/routing/path.h"

static const struct {
    const char *about, *raw, *normal; /* normal: NULL when it is refused */
    gw_path_result_t result;
} cases[] = {
    {"the root", "/", "/", GW_PATH_OK},
    {"a plain path", "/users/7", "/users/7", GW_PATH_OK},
    {"sub-delims and colons stay", "/a;b=1,c/x:y@z!$&'()*+", "/a;b=1,c/x:y@z!$&'()*+", GW_PATH_OK},
    {"escapes of unreserved characters are decoded", "/%41%7e%2D%5f%2E.x", "/A~-_..x", GW_PATH_OK},
    {"other escapes get capital digits", "/a%20b%c3%a9", "/a%20b%C3%A9", GW_PATH_OK},
    {"a dot segment", "/a/./b", "/a/b", GW_PATH_OK},
    {"two dots", "/a/b/../c", "/a/c", GW_PATH_OK},
    {"two dots at the end", "/a/b/..", "/a/", GW_PATH_OK},
    {"a dot at the end", "/a/.", "/a/", GW_PATH_OK},
    {"encoded dots", "/a/%2e%2E/b/%2e", "/b/", GW_PATH_OK},
    {"double slashes", "//a///b//", "/a/b/", GW_PATH_OK},
    {"double slashes do not hide dots", "/a//../b", "/b", GW_PATH_OK},
    {"three dots are a name", "/.../a", "/.../a", GW_PATH_OK},
    {"a name with a dot in front", "/.well-known/x", "/.well-known/x", GW_PATH_OK},
    {"all the way up and no further", "/a/b/../../c", "/c", GW_PATH_OK},
    {"above the root", "/a/../../b", NULL, GW_PATH_ABOVE_ROOT},
    {"above the root by escapes", "/%2e%2e/b", NULL, GW_PATH_ABOVE_ROOT},
    {"dots with a parameter", "/a/..;x=1/b", NULL, GW_PATH_DOTS_WITH_PARAMETER},
    {"a dot with a parameter", "/.;/b", NULL, GW_PATH_DOTS_WITH_PARAMETER},
    {"dots with an encoded parameter", "/a/..%3bx/b", NULL, GW_PATH_DOTS_WITH_PARAMETER},
    {"an encoded slash", "/a%2fb", NULL, GW_PATH_ENCODED_SLASH},
    {"an encoded backslash", "/a%5Cb", NULL, GW_PATH_BACKSLASH},
    {"a backslash", "/a\\b", NULL, GW_PATH_BACKSLASH},
    {"an encoded NUL", "/a%00", NULL, GW_PATH_CONTROL},
    {"an encoded line feed", "/a%0ab", NULL, GW_PATH_CONTROL},
    {"an encoded DEL", "/a%7f", NULL, GW_PATH_CONTROL},
    {"a control character", "/a\001", NULL, GW_PATH_CONTROL},
    {"a lone percent sign", "/100%", NULL, GW_PATH_BAD_ESCAPE},
    {"half an escape", "/a%4", NULL, GW_PATH_BAD_ESCAPE},
    {"an escape that is none", "/a%zz", NULL, GW_PATH_BAD_ESCAPE},
    {"a space", "/a b", NULL, GW_PATH_BAD_CHARACTER},
    {"a quote", "/a\"b", NULL, GW_PATH_BAD_CHARACTER},
    {"high bytes", "/\xc3\xa9", NULL, GW_PATH_BAD_CHARACTER},
    {"no slash in front", "a/b", NULL, GW_PATH_NO_SLASH},
    {"nothing", "", NULL, GW_PATH_NO_SLASH},
};

static void every_spelling_has_one_form_or_none(void **state)
{
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char buf[128];
        gw_str_t ret = gw_str(NULL, 0);
        gw_path_result_t result = gw_path_normalise(gw_str_of(cases[i].raw), buf, sizeof(buf), &ret);
        if (result != cases[i].result || (result == GW_PATH_OK && !gw_str_equal(ret, gw_str_of(cases[i].normal))))
            fail_msg("%s: '%s' gives '%.*s' (%s)", cases[i].about, cases[i].raw, (int)ret.len,
                     ret.ptr != NULL ? ret.ptr : "", gw_path_result_str(result));
    }
}

static void random_paths_are_normal_after_one_pass(void **state)
{
    static const char alphabet[] = "/././..%2e%2E%41%3b;;abz~|%20%2F\\";
    srand(7);
    size_t num_accepted = 0;
    for (int round = 0; round != 200000; ++round) {
        char raw[40] = "/", buf[40], again_buf[40];
        size_t len = 1 + (size_t)rand() % 38;
        for (size_t i = 1; i != len; ++i)
            raw[i] = alphabet[(size_t)rand() % (sizeof(alphabet) - 1)];
        gw_str_t normal, again;
        if (gw_path_normalise(gw_str(raw, len), buf, sizeof(buf), &normal) != GW_PATH_OK)
            continue;
        ++num_accepted;
        assert_true(normal.len <= len);
        assert_int_equal(gw_path_normalise(normal, again_buf, sizeof(again_buf), &again), GW_PATH_OK);
        assert_true(gw_str_equal(normal, again));
        assert_null(memmem(normal.ptr, normal.len, "//", 2));
        assert_null(memmem(normal.ptr, normal.len, "/../", 4));
        assert_null(memmem(normal.ptr, normal.len, "/./", 3));
    }
    assert_true(num_accepted > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_has_one_form_or_none),
        cmocka_unit_test(random_paths_are_normal_after_one_pass),
    };
    return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
