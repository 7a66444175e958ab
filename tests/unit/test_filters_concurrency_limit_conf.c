/* SPDX-License-Identifier: MIT
 * The options of concurrency_limit: what is wrong with them, and what they come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include "filters/concurrency_limit_conf.h"
#include "tests/support/conf_files.h"

#define CONF(options)                                                                                                  \
    "listen: [':80']\nservices: {one: {endpoints: ['http://a']}}\n"                                                    \
    "filters: {few: {concurrency_limit: {" options "}}}\nroutes: [{path: /, service: one, filters: [few]}]\n"

static void wrong_options_are_found(void **state)
{
    static const struct {
        const char *about, *yaml, *expected;
    } cases[] = {
        {"the least", CONF("key: client_address, max: 10"), ""},
        {"everything",
         CONF("key: ['cookie:who', client_address, route], when_missing: shared, ipv4_prefix: 24, ipv6_prefix: 48, "
              "max: 10, trial: 5, exempt: [method=OPTIONS], name: a b, keys: 5, when_full: refuse, fields: none, "
              "mode: observe"),
         ""},
        {"nothing", CONF(""),
         "t.yaml:3:36: error: required key 'key' is missing\n  hint: whom the limit counts; of a list, all parts "
         "together\n"
         "t.yaml:3:36: error: required key 'max' is missing\n  hint: requests that a client may have under way at a "
         "time, on all workers together\n"},
        {"a key that may be missing", CONF("key: jwt.sub, max: 1"),
         "t.yaml:3:36: error: 'when_missing' must be said: a request may come without jwt.sub\n"
         "  hint: allow, refuse or shared: nobody should get past a limit, or share one, by accident\n"},
        {"no places", CONF("key: all, max: 0, trial: 0, keys: 0"),
         "t.yaml:3:52: error: '0' is not valid for 'max' (1..1000000 requests)\n"
         "  hint: requests that a client may have under way at a time, on all workers together\n"
         "t.yaml:3:62: error: '0' is not valid for 'trial' (1..1000000 requests)\n"
         "  hint: another max that is counted beside and refuses nothing: the access log says when it would have\n"
         "t.yaml:3:71: error: '0' is not valid for 'keys' (1..100000000 clients)\n"
         "  hint: clients with requests under way that there is room for, 34 bytes each\n"},
        {"too many places", CONF("key: all, max: 1000001"),
         "t.yaml:3:52: error: '1000001' is not valid for 'max' (1..1000000 requests)\n"
         "  hint: requests that a client may have under way at a time, on all workers together\n"},
        {"words that are none", CONF("key: all, max: 1, when_full: share, fields: x_ratelimit, mode: observed"),
         "t.yaml:3:66: error: 'share' is not valid for 'when_full' (shared or refuse)\n  hint: did you mean "
         "'shared'?\n"
         "t.yaml:3:81: error: 'x_ratelimit' is not valid for 'fields' (ratelimit or none)\n  hint: did you mean "
         "'ratelimit'?\n"
         "t.yaml:3:100: error: 'observed' is not valid for 'mode' (enforce or observe)\n  hint: did you mean "
         "'observe'?\n"},
        {"a name that cannot stand in a field", CONF("key: all, max: 1, name: 'a\"b'"),
         "t.yaml:3:36: error: the name of a limit stands in fields of responses: 'a\"b' cannot\n"
         "  hint: 1..32 printable ASCII characters, neither '\"' nor '\\'\n"},
        {"a wrong rule of exempt", CONF("key: all, max: 1, exempt: [yes]"),
         "t.yaml:3:64: error: a rule of 'exempt' is KEY=VALUE\n"
         "  hint: for example: [client_address=10.0.0.0/8, method=OPTIONS, jwt.plan=gold]\n"},
        {"what rate_limit has", CONF("key: all, max: 1, max_delay: 1s"),
         "t.yaml:3:55: error: unknown key 'max_delay'\n"
         "  hint: known keys: key, when_missing, ipv4_prefix, ipv6_prefix, max, trial, exempt, name, keys, when_full, "
         "fields, mode\n"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char *actual = conf_findings_of(cases[i].yaml);
        if (strcmp(actual, cases[i].expected) != 0)
            print_error("case: %s\n%s", cases[i].about, actual);
        assert_string_equal(actual, cases[i].expected);
        free(actual);
    }
}

#define TWO(first, second, third, route)                                                                               \
    "listen: [':80']\nservices: {one: {endpoints: ['http://a']}}\n"                                                    \
    "filters:\n  a: {concurrency_limit: {key: all, max: 1" first                                                       \
    "}}\n  b: {concurrency_limit: {key: all, max: 1" second                                                            \
    "}}\n  c: {headers: {}}\nroutes: [{path: /, service: one, filters: [" route "]}" third "]\n"

static void limits_of_a_route_have_different_names(void **state)
{
    static const struct {
        const char *about, *yaml, *expected;
    } cases[] = {
        {"the same", TWO("", "", "", "a, c, b"),
         "t.yaml:5:26: error: the route at t.yaml:7:10 has two limits of the name 'concurrency'\n"
         "  hint: give one of them another 'name': clients are told both\n"},
        {"different ones", TWO("", ", name: other", "", "a, b, c"), ""},
        {"the same on different routes", TWO("", "", ", {path: /b, service: one, filters: [b]}", "a, c"), ""},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char *actual = conf_findings_of(cases[i].yaml);
        if (strcmp(actual, cases[i].expected) != 0)
            print_error("case: %s\n%s", cases[i].about, actual);
        assert_string_equal(actual, cases[i].expected);
        free(actual);
    }
}

static void what_no_filter_finds_out_is_warned_of(void **state)
{
#define ROUTES(first, second)                                                                                          \
    "listen: [':80']\nservices: {one: {endpoints: ['http://a']}}\n"                                                    \
    "filters:\n  few: {concurrency_limit: {key: [principal, basic_auth.user], when_missing: allow, max: 1, exempt: "   \
    "[basic_auth.user=ann, principal=bob, method=PUT]}}\n  mtls: {mtls: {optional: true}}\n"                           \
    "routes: [{path: /, service: one, filters: [" first ", " second "]}]\n"
    static const char hint[] = "  hint: filters run in the order of the route's list\n";
    static const struct {
        const char *yaml;
        bool warns_of_principal;
    } cases[] = {{ROUTES("few", "mtls"), true}, {ROUTES("mtls", "few"), false}};
#undef ROUTES
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char *actual = conf_findings_of(cases[i].yaml);
        assert_non_null(strstr(actual, "t.yaml:4:28: warning: the key 'basic_auth.user' is always missing on the route "
                                       "at t.yaml:6:10: no filter before this one finds it out\n"));
        assert_non_null(strstr(actual, "t.yaml:4:28: warning: the rule 'basic_auth.user' of 'exempt' fits nothing on "
                                       "the route at t.yaml:6:10: no filter before this one finds it out\n"));
        assert_non_null(strstr(actual, hint));
        assert_int_equal(strstr(actual, "the key 'principal' is always missing") != NULL, cases[i].warns_of_principal);
        assert_int_equal(strstr(actual, "the rule 'principal' of 'exempt'") != NULL, cases[i].warns_of_principal);
        assert_null(strstr(actual, "'method'"));
        free(actual);
    }
}

static void what_is_printed_can_be_read_again(void **state)
{
    static const struct {
        const char *yaml, *expected;
    } cases[] = {
        {CONF("key: client_address, max: 10"),
         "    concurrency_limit:\n      key: client_address\n      ipv4_prefix: 32\n      ipv6_prefix: 64\n"
         "      max: 10\n      name: concurrency\n      keys: 100000\n      when_full: shared\n"
         "      fields: ratelimit\n      mode: enforce\n"},
        {CONF("key: [route, 'cookie:a'], when_missing: refuse, max: 10, trial: 5, exempt: [method=PUT], "
              "name: uploads"),
         "    concurrency_limit:\n      key:\n        - route\n        - cookie:a\n      when_missing: refuse\n"
         "      ipv4_prefix: 32\n      ipv6_prefix: 64\n      max: 10\n      trial: 5\n      exempt:\n"
         "        - \"method=PUT\"\n      name: uploads\n      keys: 100000\n      when_full: shared\n"
         "      fields: ratelimit\n      mode: enforce\n"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char *folder = conf_folder_create();
        char *path = conf_file_write(folder, "a.yaml", cases[i].yaml, strlen(cases[i].yaml));
        gw_diag_t *diag = gw_diag_create();
        gw_snapshot_t *snapshot = gw_snapshot_load(path, diag);
        assert_non_null(snapshot);
        char *printed = conf_printed(snapshot);
        if (strstr(printed, cases[i].expected) == NULL)
            fail_msg("%s", printed);
        char *findings = conf_findings_of(printed);
        assert_string_equal(findings, "");
        free(findings);
        free(printed);
        gw_snapshot_unref(snapshot);
        gw_diag_free(diag);
        free(path);
        conf_folder_remove(folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_options_are_found),
        cmocka_unit_test(limits_of_a_route_have_different_names),
        cmocka_unit_test(what_no_filter_finds_out_is_warned_of),
        cmocka_unit_test(what_is_printed_can_be_read_again),
    };
    return cmocka_run_group_tests_name("filters: options of concurrency_limit", tests, NULL, NULL);
}
