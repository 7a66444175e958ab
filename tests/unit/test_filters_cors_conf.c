/* SPDX-License-Identifier: MIT
 * The options of cors: what is wrong with them, and what they come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include "filters/cors_conf.h"
#include "tests/support/conf_files.h"

#define SERVICES "services: {one: {endpoints: ['http://a']}}\n"
#define ASKING_LISTEN                                                                                                  \
    "listen: [{address: ':443', tls: {certificates: [{certificate: /dev/null, key: /dev/null}], client_auth: {ca: "    \
    "/dev/null}}}]\n"
#define BEFORE  "listen: [':80']\n" SERVICES
#define ROUTE   "routes: [{path: /, service: one, filters: [web]}]\n"
#define CORS(o) BEFORE "filters: {web: {cors: {" o "}}}\n" ROUTE

static void wrong_options_are_found(void **state)
{
    static const char wanted[] = "(https://HOST[:PORT], https://*.DOMAIN, null or *)";
    static const struct {
        const char *about, *yaml, *expected;
    } cases[] = {
        {"one origin", CORS("origins: https://app.example.com"), ""},
        {"everything",
         CORS(
             "origins: [https://app.example.com, 'https://*.example.com', 'http://localhost:3000'], methods: [GET, "
             "PUT, PURGE], headers: [Authorization, X-A], expose: [X-B], credentials: true, max_age: 1h, refuse: true"),
         ""},
        {"everybody", CORS("origins: '*', headers: '*', expose: '*'"), ""},
        {"nobody", CORS(""),
         "t.yaml:3:23: error: required key 'origins' is missing\n"
         "  hint: origins whose pages may read the responses: https://app.example.com, https://*.example.com, null, "
         "or * for all\n"},
        {"an empty list", CORS("origins: []"),
         "t.yaml:3:33: error: 'origins' has 0 entries (1..256 entries)\n"
         "  hint: origins whose pages may read the responses: https://app.example.com, https://*.example.com, null, "
         "or * for all\n"},
        {"texts that are no origins", CORS("origins: [app.example.com, 'https://a/', 'https://a:443', 'https://a b']"),
         "t.yaml:3:34: error: 'app.example.com' is not valid for 'origins' %s\n"
         "  hint: an origin begins with its scheme: https://app.example.com\n"
         "t.yaml:3:51: error: 'https://a/' is not valid for 'origins' %s\n"
         "  hint: an origin has no path, not even a '/' at its end\n"
         "t.yaml:3:65: error: 'https://a:443' is not valid for 'origins' %s\n"
         "  hint: browsers leave the default port out\n"
         "t.yaml:3:82: error: 'https://a b' is not valid for 'origins' %s\n"},
        {"wildcards elsewhere", CORS("origins: ['https://*', 'https://*.com']"),
         "t.yaml:3:34: error: 'https://*' is not valid for 'origins' %s\n"
         "  hint: a wildcard stands for the first labels only: https://*.example.com\n"
         "t.yaml:3:47: warning: 'https://*.com' is every site of a whole top-level domain\n"},
        {"everybody, and someone", CORS("origins: ['*', https://a]"),
         "t.yaml:3:34: error: '*' is every origin: leave out the others\n"},
        {"everybody with credentials", CORS("origins: '*', credentials: true"),
         "t.yaml:3:33: error: 'credentials' cannot be had by every origin: any page could act in its visitors' names\n"
         "  hint: list the origins, https://*.example.com is possible\n"},
        {"nobody in particular with credentials", CORS("origins: 'null', credentials: true"),
         "t.yaml:3:33: warning: any page can make itself the origin 'null', which gets 'credentials' here\n"},
        {"methods", CORS("origins: https://a, methods: [put, '*', 'a b']"),
         "t.yaml:3:54: error: 'put' is not valid for 'methods' (a method such as PUT)\n"
         "  hint: did you mean 'PUT'?\n"
         "t.yaml:3:59: error: '*' is not valid for 'methods' (a method such as PUT)\n"
         "  hint: list them: with credentials '*' is a method of that name\n"
         "t.yaml:3:64: error: 'a b' is not valid for 'methods' (a method such as PUT)\n"},
        {"fields", CORS("origins: https://a, headers: ['a b', '*'], expose: ['']"),
         "t.yaml:3:54: error: 'a b' is not valid for 'headers' (names of header fields, or *)\n"
         "t.yaml:3:61: error: '*' is every field: leave out the others\n"
         "t.yaml:3:76: error: '' is not valid for 'expose' (names of header fields, or *)\n"},
        {"every field of responses with credentials",
         CORS("origins: https://a, credentials: true, headers: '*', expose: '*'"),
         "t.yaml:3:85: error: to browsers '*' of 'expose' is a field of that name where there are 'credentials'\n"
         "  hint: list the fields\n"},
        {"half a second", CORS("origins: https://a, max_age: 1500ms"),
         "t.yaml:3:23: error: 'max_age' must be whole seconds\n"},
        {"two of them on a route",
         BEFORE "filters: {a: {cors: {origins: https://a}}, b: {cors: {origins: https://b}}}\n"
                "routes: [{path: /, service: one, filters: [a, b]}]\n",
         "t.yaml:4:10: error: this route has two filters 'cors'\n"},
        {"one of them twice on a route",
         BEFORE "filters: {a: {cors: {origins: https://a}}}\nroutes: [{path: /, service: one, filters: [a, a]}]\n",
         "t.yaml:4:10: error: this route has two filters 'cors'\n"},
        {"behind a filter that asks for credentials",
         ASKING_LISTEN SERVICES
         "filters: {web: {cors: {origins: https://a}}, who: {mtls: {}}}\n"
         "routes: [{path: /, service: one, filters: [who, web]}, {path: /b, service: one, filters: [web, who]}]\n",
         "t.yaml:4:10: warning: 'who' stands before 'cors': it refuses preflights, which never carry credentials, and "
         "scripts cannot read its refusals\n"
         "  hint: put 'cors' first\n"},
        {"behind one that asks for credentials unless somebody is known: of a preflight nobody is",
         ASKING_LISTEN SERVICES "filters: {web: {cors: {origins: https://a}}, who: {mtls: {optional: when_known}}}\n"
                                "routes: [{path: /, service: one, filters: [who, web]}]\n",
         "t.yaml:4:10: warning: 'who' stands before 'cors': it refuses preflights, which never carry credentials, and "
         "scripts cannot read its refusals\n"
         "  hint: put 'cors' first\n"},
        {"behind filters that refuse no preflight",
         ASKING_LISTEN SERVICES
         "filters: {web: {cors: {origins: https://a}}, who: {mtls: {optional: true}}, look: {mtls: {mode: observe}}}\n"
         "routes: [{path: /, service: one, filters: [who, look, web]}]\n",
         ""},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char expected[2048];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(expected, sizeof(expected), cases[i].expected, wanted, wanted, wanted, wanted);
#pragma GCC diagnostic pop
        char *actual = conf_findings_of(cases[i].yaml);
        if (strcmp(actual, expected) != 0)
            print_error("case: %s\n%s", cases[i].about, actual);
        assert_string_equal(actual, expected);
        free(actual);
    }
}

static gw_snapshot_t *load(const char *yaml)
{
    gw_diag_t *diag = gw_diag_create();
    gw_snapshot_t *snapshot = gw_snapshot_load_memory("t.yaml", gw_str_of(yaml), diag);
    gw_diag_print(diag, stderr);
    gw_diag_free(diag);
    assert_non_null(snapshot);
    return snapshot;
}

static void assert_str(gw_str_t actual, const char *expected)
{
    assert_int_equal(actual.len, strlen(expected));
    assert_memory_equal(actual.ptr, expected, actual.len);
}

static void the_values_of_fields_are_made_once(void **state)
{
    gw_snapshot_t *snapshot =
        load(CORS("origins: [HTTPS://App.Example.com, 'null'], headers: [X-A, x-b], max_age: 1m"));
    const gw_cors_conf_t *conf = snapshot->filters[0]->conf;
    assert_str(conf->allow_methods, "GET, HEAD, POST");
    assert_str(conf->allow_headers, "X-A, x-b");
    assert_str(conf->expose_headers, "");
    assert_str(conf->max_age_s, "60");
    assert_int_equal(conf->rules.num_patterns, 1);
    assert_str(conf->rules.patterns[0].origin.host, "app.example.com");
    assert_true(conf->rules.is_null_allowed);
    assert_false(conf->rules.is_any_origin);
    gw_snapshot_unref(snapshot);
}

static void a_route_knows_that_it_answers_preflights(void **state)
{
    gw_snapshot_t *snapshot =
        load(BEFORE "routes: [{path: /a, service: one, filters: [{stamp: {text: x}}, {cors: {origins: https://a}}]},\n"
                    "  {path: /b, service: one, filters: [{stamp: {text: x}}]}]\n");
    assert_true(snapshot->routes[0].answers_preflight);
    assert_false(snapshot->routes[1].answers_preflight);
    gw_snapshot_unref(snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_options_are_found),
        cmocka_unit_test(the_values_of_fields_are_made_once),
        cmocka_unit_test(a_route_knows_that_it_answers_preflights),
    };
    return cmocka_run_group_tests_name("filters: options of cors", tests, NULL, NULL);
}
