/* SPDX-License-Identifier: MIT
 * Origins and the rules of CORS: what an origin is, which pattern takes which, and what a preflight may ask for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "filters/cors_rules.h"

static void patterns_are_origins_or_wildcards(void **state)
{
    static const struct {
        const char *text;
        gw_origin_problem_t problem;
    } cases[] = {
        {"https://app.example.com", GW_ORIGIN_FINE},
        {"http://localhost:3000", GW_ORIGIN_FINE},
        {"http://127.0.0.1:3000", GW_ORIGIN_FINE},
        {"http://[::1]:3000", GW_ORIGIN_FINE},
        {"https://*.example.com", GW_ORIGIN_FINE},
        {"https://*.example.com:8443", GW_ORIGIN_FINE},
        {"chrome-extension://abcdefghijklmnop", GW_ORIGIN_FINE},
        {"http://a:443", GW_ORIGIN_FINE},
        {"app.example.com", GW_ORIGIN_NO_SCHEME},
        {"//app.example.com", GW_ORIGIN_NO_SCHEME},
        {"localhost:3000", GW_ORIGIN_NO_SCHEME},
        {"", GW_ORIGIN_NO_SCHEME},
        {"https:app", GW_ORIGIN_NO_SCHEME},
        {"https://app.example.com/", GW_ORIGIN_HAS_PATH},
        {"https://app.example.com/x", GW_ORIGIN_HAS_PATH},
        {"https://a:443", GW_ORIGIN_HAS_DEFAULT_PORT},
        {"http://a:80", GW_ORIGIN_HAS_DEFAULT_PORT},
        {"https://*.*.example.com", GW_ORIGIN_HAS_WILDCARD},
        {"https://a.*.com", GW_ORIGIN_HAS_WILDCARD},
        {"https://*example.com", GW_ORIGIN_HAS_WILDCARD},
        {"https://*", GW_ORIGIN_HAS_WILDCARD},
        {"http://localhost:*", GW_ORIGIN_HAS_WILDCARD},
        {"https://b\xc3\xbc"
         "cher.example",
         GW_ORIGIN_NOT_ASCII},
        {"https://", GW_ORIGIN_WRONG},
        {"https://*.", GW_ORIGIN_WRONG},
        {"https://*.[::1]", GW_ORIGIN_WRONG},
        {"https://a:", GW_ORIGIN_WRONG},
        {"https://a:port", GW_ORIGIN_WRONG},
        {"https://a b", GW_ORIGIN_WRONG},
        {"https://u@a", GW_ORIGIN_WRONG},
        {"https://a?b", GW_ORIGIN_WRONG},
        {"https://.a", GW_ORIGIN_WRONG},
        {"https://a.", GW_ORIGIN_WRONG},
        {"https://a..b", GW_ORIGIN_WRONG},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_origin_pattern_t pattern;
        gw_origin_problem_t problem = gw_origin_pattern_parse(gw_str_of(cases[i].text), &pattern);
        if (problem != cases[i].problem)
            fail_msg("'%s': %d instead of %d", cases[i].text, problem, cases[i].problem);
    }
}

/** Rules with one origin: a pattern, "null", or "*". */
static gw_cors_rules_t rules_for(const char *origin, gw_origin_pattern_t *pattern)
{
    gw_cors_rules_t rules = {.is_any_origin = strcmp(origin, "*") == 0, .is_null_allowed = strcmp(origin, "null") == 0};
    if (rules.is_any_origin || rules.is_null_allowed)
        return rules;
    assert_int_equal(gw_origin_pattern_parse(gw_str_of(origin), pattern), GW_ORIGIN_FINE);
    rules.patterns = pattern;
    rules.num_patterns = 1;
    return rules;
}

static void an_origin_is_allowed_or_not(void **state)
{
    static const struct {
        const char *allowed, *origin;
        gw_cors_origin_t expected;
    } cases[] = {
        {"https://app.example.com", "https://app.example.com", GW_CORS_ALLOWED},
        {"https://app.example.com", "HTTPS://App.Example.Com", GW_CORS_ALLOWED},
        {"https://app.example.com", "http://app.example.com", GW_CORS_FOREIGN},
        {"https://app.example.com", "https://app.example.com:8443", GW_CORS_FOREIGN},
        {"https://app.example.com", "https://app.example.com:443", GW_CORS_FOREIGN},
        {"https://app.example.com", "https://app.example.com/", GW_CORS_FOREIGN},
        {"https://app.example.com", "https://app.example.com.evil.org", GW_CORS_FOREIGN},
        {"https://app.example.com", "https://evil.org/https://app.example.com", GW_CORS_FOREIGN},
        {"https://app.example.com", "https://app.example.co", GW_CORS_FOREIGN},
        {"https://app.example.com", "https://appxexample.com", GW_CORS_FOREIGN},
        {"https://app.example.com", "https://app.example.com https://evil.org", GW_CORS_FOREIGN},
        {"https://app.example.com", "null", GW_CORS_FOREIGN},
        {"https://app.example.com", "", GW_CORS_FOREIGN},
        {"https://app.example.com:8443", "https://app.example.com:8443", GW_CORS_ALLOWED},
        {"https://app.example.com:8443", "https://app.example.com", GW_CORS_FOREIGN},
        {"http://[::1]:3000", "http://[::1]:3000", GW_CORS_ALLOWED},
        {"http://[::1]:3000", "http://[::1]", GW_CORS_FOREIGN},
        {"https://*.example.com", "https://a.example.com", GW_CORS_ALLOWED},
        {"https://*.example.com", "https://A.B.Example.com", GW_CORS_ALLOWED},
        {"https://*.example.com", "https://example.com", GW_CORS_FOREIGN},
        {"https://*.example.com", "https://.example.com", GW_CORS_FOREIGN},
        {"https://*.example.com", "https://evilexample.com", GW_CORS_FOREIGN},
        {"https://*.example.com", "https://evil.org/.example.com", GW_CORS_FOREIGN},
        {"https://*.example.com", "https://evil.org#.example.com", GW_CORS_FOREIGN},
        {"https://*.example.com", "https://evil.org?.example.com", GW_CORS_FOREIGN},
        {"https://*.example.com", "https://evil.org:1.example.com", GW_CORS_FOREIGN},
        {"https://*.example.com", "https://evil@a.example.com", GW_CORS_FOREIGN},
        {"https://*.example.com", "https://a..example.com", GW_CORS_FOREIGN},
        {"https://*.example.com", "https://%61.example.com", GW_CORS_FOREIGN},
        {"https://*.example.com", "https://a.example.com:8443", GW_CORS_FOREIGN},
        {"https://*.example.com", "http://a.example.com", GW_CORS_FOREIGN},
        {"https://*.example.com", "https://*.example.com", GW_CORS_FOREIGN},
        {"https://*.example.com:8443", "https://a.example.com:8443", GW_CORS_ALLOWED},
        {"null", "null", GW_CORS_ALLOWED},
        {"null", "NULL", GW_CORS_FOREIGN},
        {"null", "https://null", GW_CORS_FOREIGN},
        {"*", "https://anything.example", GW_CORS_ALLOWED},
        {"*", "null", GW_CORS_ALLOWED},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_origin_pattern_t pattern;
        gw_cors_rules_t rules = rules_for(cases[i].allowed, &pattern);
        gw_cors_origin_t found =
            gw_cors_judge_origin(&rules, gw_str_of(cases[i].origin), GW_STR("api.example.net"), true);
        if (found != cases[i].expected)
            fail_msg("'%s' for '%s': %d instead of %d", cases[i].origin, cases[i].allowed, found, cases[i].expected);
    }
}

static void a_page_of_the_server_itself_is_not_foreign(void **state)
{
    static const struct {
        const char *origin, *authority;
        bool is_tls, is_own;
    } cases[] = {
        {"https://api.example.com", "api.example.com", true, true},
        {"https://api.example.com", "API.example.com", true, true},
        {"https://api.example.com", "api.example.com:443", true, true},
        {"https://api.example.com:8443", "api.example.com:8443", true, true},
        {"https://api.example.com", "api.example.com:8443", true, false},
        {"https://api.example.com:8443", "api.example.com", true, false},
        {"http://api.example.com", "api.example.com", true, false},
        {"https://api.example.com", "api.example.com", false, true}, /* something in front speaks TLS */
        {"http://api.example.com", "api.example.com", false, true},
        {"https://example.com", "api.example.com", true, false},
        {"https://api.example.com.evil.org", "api.example.com", true, false},
        {"http://[::1]:8080", "[::1]:8080", false, true},
        {"http://[::1]", "[::1]", false, true},
        {"http://[::1]", "[::2]", false, false},
        {"null", "null", false, false},
        {"https://a", "", true, false},
    };
    const gw_cors_rules_t nobody = {.num_patterns = 0};
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_cors_origin_t found =
            gw_cors_judge_origin(&nobody, gw_str_of(cases[i].origin), gw_str_of(cases[i].authority), cases[i].is_tls);
        if (found != (cases[i].is_own ? GW_CORS_OWN : GW_CORS_FOREIGN))
            fail_msg("'%s' asks '%s': %d", cases[i].origin, cases[i].authority, found);
    }
}

static void methods_have_a_case_and_fields_have_none(void **state)
{
    static const gw_str_t methods[] = {{"PUT", 3}, {"PURGE", 5}}, fields[] = {{"Content-Type", 12}, {"X-A", 3}};
    const gw_cors_rules_t rules = {.methods = {methods, 2}, .fields = {fields, 2}};
    const gw_cors_rules_t any = {.is_any_field = true};
    assert_true(gw_cors_allows_method(&rules, GW_STR("PUT")));
    assert_true(gw_cors_allows_method(&rules, GW_STR("PURGE")));
    assert_true(gw_cors_allows_method(&rules, GW_STR("POST")));
    assert_false(gw_cors_allows_method(&rules, GW_STR("put")));
    assert_false(gw_cors_allows_method(&rules, GW_STR("PATCH")));
    assert_true(gw_cors_allows_fields(&rules, GW_STR("")));
    assert_true(gw_cors_allows_fields(&rules, GW_STR("content-type,x-a")));
    assert_true(gw_cors_allows_fields(&rules, GW_STR(" X-A , Content-type ,")));
    assert_false(gw_cors_allows_fields(&rules, GW_STR("content-type, x-b")));
    assert_false(gw_cors_allows_fields(&rules, GW_STR("content-type x-a")));
    assert_true(gw_cors_allows_fields(&any, GW_STR("authorization, x-anything")));
    assert_false(gw_cors_allows_fields(&any, GW_STR("no name")));
}

static void a_list_of_fields_without_end_is_not_read_to_its_end(void **state)
{
    char list[2 * (GW_CORS_MAX_NAMES + 1)];
    const gw_cors_rules_t any = {.is_any_field = true};
    for (size_t i = 0; i != sizeof(list); i += 2)
        memcpy(list + i, "a,", 2);
    assert_true(gw_cors_allows_fields(&any, gw_str(list, sizeof(list) - 2)));
    assert_false(gw_cors_allows_fields(&any, gw_str(list, sizeof(list))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_are_origins_or_wildcards),
        cmocka_unit_test(an_origin_is_allowed_or_not),
        cmocka_unit_test(a_page_of_the_server_itself_is_not_foreign),
        cmocka_unit_test(methods_have_a_case_and_fields_have_none),
        cmocka_unit_test(a_list_of_fields_without_end_is_not_read_to_its_end),
    };
    return cmocka_run_group_tests_name("filters: rules of cors", tests, NULL, NULL);
}
