/* SPDX-License-Identifier: MIT
 * Who is not limited: the rules as they are written, and requests that they fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include "filters/limit/exempt.h"
#include "gateway/exchange/principal.h"
#include "gateway/server/view.h"
#include "tests/support/conf_files.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

typedef struct options {
    gw_exempt_conf_t exempt;
} options_t;

static const gw_field_t fields[] = {GW_EXEMPT_ROW(options_t, exempt), {.key = NULL}};
static const gw_section_t section = {
    .name = "limit", .fields = fields, .size = sizeof(options_t), .mark_offset = GW_NO_OFFSET};

/** @return the findings */
static char *read_options(gw_arena_t *arena, const char *yaml, options_t *ret)
{
    gw_diag_t *diag = gw_diag_create();
    gw_conf_reader_t reader = {.arena = arena, .scratch = arena, .diag = diag};
    gw_node_t *node = gw_yaml_load_memory(arena, arena, "t.yaml", gw_str_of(yaml), diag);
    *ret = (options_t){.exempt = {.num_rules = 0}};
    assert_non_null(node);
    gw_section_read(&reader, &section, node, ret);
    char *findings = conf_findings(diag, NULL);
    gw_diag_free(diag);
    return findings;
}

static void wrong_rules_are_found(void **state)
{
#define A_RULE                                                                                                         \
    "error: a rule of 'exempt' is KEY=VALUE\n"                                                                         \
    "  hint: for example: [client_address=10.0.0.0/8, method=OPTIONS, jwt.plan=gold]\n"
    static const struct {
        const char *about, *yaml, *expected;
    } cases[] = {
        {"each kind",
         "exempt: [client_address=10.0.0.0/8, 'client_address=::1', client_address=unix, method=OPTIONS, "
         "'header:X-Probe=yes', 'cookie:beta=1', 'query:a=b=c', principal=monitor, jwt.plan=gold]",
         ""},
        {"one alone", "exempt: method=OPTIONS", ""},
        {"none", "exempt: []", ""},
        {"nothing", "exempt:", ""},
        {"no value", "exempt: [method, 'header:X-Probe=', '=yes', '']",
         "t.yaml:1:10: " A_RULE "t.yaml:1:18: " A_RULE "t.yaml:1:37: " A_RULE "t.yaml:1:45: " A_RULE},
        {"what may be a secret is not quoted", "exempt: ['header:X-Probe swordfish', 'haeder:X-Probe=swordfish']",
         "t.yaml:1:10: " A_RULE "t.yaml:1:38: error: 'haeder:X-Probe' is not valid for 'exempt' (" GW_KEYS_ANY_TAKES
         ", or method)\n"},
        {"keys that every request has or none", "exempt: [all=all, route=x, ip_access.a=b]",
         "t.yaml:1:10: error: 'all' is not valid for 'exempt' (" GW_KEYS_ANY_TAKES ", or method)\n"
         "t.yaml:1:19: error: 'route' is not valid for 'exempt' (" GW_KEYS_ANY_TAKES ", or method)\n"
         "t.yaml:1:28: error: 'ip_access.a' is not valid for 'exempt' (" GW_KEYS_ANY_TAKES ", or method)\n"},
        {"networks that are none", "exempt: [client_address=10.0.0.1/8, client_address=here]",
         "t.yaml:1:10: error: '10.0.0.1/8' is not valid for 'exempt' (a network has no bits beyond its prefix)\n"
         "  hint: did you mean '10.0.0.0/8'?\n"
         "t.yaml:1:37: error: 'here' is not valid for 'exempt' (an address or a network such as 10.0.0.0/8 or ::1)\n"},
        {"methods that are none", "exempt: [method=options, 'method=A B', method=PROPFIND]",
         "t.yaml:1:10: error: 'options' is not valid for 'exempt' (a method, in capitals)\n"
         "t.yaml:1:26: error: 'A B' is not valid for 'exempt' (a method, in capitals)\n"},
        {"a mapping", "exempt: {method: OPTIONS}", "t.yaml:1:9: error: 'exempt' must be a list, found a mapping\n"},
    };
#undef A_RULE
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        options_t options;
        gw_arena_t *arena = gw_arena_create();
        char *actual = read_options(arena, cases[i].yaml, &options);
        if (strcmp(actual, cases[i].expected) != 0)
            print_error("case: %s\n%s", cases[i].about, actual);
        assert_string_equal(actual, cases[i].expected);
        free(actual);
        gw_arena_free(arena);
    }
}

static void more_than_1000_rules_are_refused(void **state)
{
    for (size_t num = 1000; num != 1002; ++num) {
        options_t options;
        gw_arena_t *arena = gw_arena_create();
        char *yaml = gw_arena_alloc(arena, num * 12 + 20), *end = yaml;
        end += sprintf(end, "exempt: [");
        for (size_t i = 0; i != num; ++i)
            end += sprintf(end, "method=M%zu,", i % 100);
        strcpy(end, "]");
        char *actual = read_options(arena, yaml, &options);
        assert_string_equal(actual, num == 1000
                                        ? ""
                                        : "t.yaml:1:9: error: 'exempt' has 1001 entries (at most 1000 entries)\n"
                                          "  hint: for example: [client_address=10.0.0.0/8, method=OPTIONS, "
                                          "jwt.plan=gold]\n");
        assert_int_equal(options.exempt.num_rules, num == 1000 ? 1000 : 0);
        free(actual);
        gw_arena_free(arena);
    }
}

static void values_that_may_be_secrets_are_not_printed(void **state)
{
    static const char *const expected[] = {"header:x-probe=(secret)", "cookie:Beta=(secret)",   "query:q=(secret)",
                                           "method=OPTIONS",          "client_address=unix",    "jwt.plan=gold",
                                           "principal=monitor",       "client_address=10.0.0.1"};
    options_t options;
    gw_arena_t *arena = gw_arena_create();
    char *findings = read_options(arena,
                                  "exempt: ['header:X-Probe=swordfish', 'cookie:Beta=1', 'query:q=1', method=OPTIONS, "
                                  "client_address=unix, jwt.plan=gold, principal=monitor, client_address=10.0.0.1]",
                                  &options);
    assert_string_equal(findings, "");
    free(findings);
    gw_node_t *list = gw_exempt_show(arena, &options.exempt);
    assert_int_equal(list->size, NUM_OF(expected));
    for (size_t i = 0; i != NUM_OF(expected); ++i)
        assert_string_equal(list->items[i]->text.ptr, expected[i]);
    assert_null(gw_exempt_show(arena, &(gw_exempt_conf_t){.num_rules = 0}));
    gw_arena_free(arena);
}

/* requests --------------------------------------------------------------------------------------------------------- */

static gw_str_t property_of(const gw_principal_t *principal, h2o_mem_pool_t *pool, gw_str_t name)
{
    return gw_str_equal(name, GW_STR("plan")) ? GW_STR("gold") : gw_str(NULL, 0);
}

typedef struct request {
    const char *method, *query, *address; /* NULL: GET, none, a Unix socket */
    const char *principal;                /* of jwt, with the plan gold; NULL: nobody */
    const char *fields[8];                /* name, value, ... */
} request_t;

static bool fits(const gw_exempt_conf_t *exempt, const request_t *request)
{
    gw_principal_t principal = {.scheme = "jwt", .property = property_of, .name = gw_str_of(request->principal)};
    gw_view_t view = {.snapshot = NULL};
    h2o_req_t req = {.conn = NULL};
    gw_exchange_t ex = {.req = &req, .view = &view, .query = gw_str_of(request->query)};
    const char *method = request->method != NULL ? request->method : "GET";
    req.input.method = h2o_iovec_init(method, strlen(method));
    h2o_mem_init_pool(&req.pool);
    for (size_t i = 0; request->fields[i] != NULL; i += 2)
        h2o_add_header_by_str(&req.pool, &req.headers, request->fields[i], strlen(request->fields[i]), 1, NULL,
                              request->fields[i + 1], strlen(request->fields[i + 1]));
    if (request->address != NULL) {
        ex.has_peer_address = true;
        assert_true(gw_address_parse(gw_str_of(request->address), ex.peer_address));
    }
    if (request->principal != NULL)
        gw_exchange_add_principal(&ex, &principal);
    bool result = gw_exempt_fits(&ex, exempt);
    h2o_mem_clear_pool(&req.pool);
    return result;
}

static void one_rule_that_fits_is_enough(void **state)
{
    static const struct {
        const char *about, *rules;
        request_t request;
        bool fits;
    } cases[] = {
        {"no rules", "", {.address = "10.0.0.1"}, false},
        {"a network", "client_address=10.0.0.0/8", {.address = "10.6.6.6"}, true},
        {"another network", "client_address=10.0.0.0/8", {.address = "11.0.0.1"}, false},
        {"IPv6", "'client_address=2001:db8::/32'", {.address = "2001:db8::5"}, true},
        {"the second of two networks", "client_address=10.0.0.0/8, 'client_address=::1'", {.address = "::1"}, true},
        {"a Unix socket", "client_address=unix", {.address = NULL}, true},
        {"a Unix socket is in no network", "'client_address=::/0', client_address=0.0.0.0/0", {.address = NULL}, false},
        {"no address is a Unix socket", "client_address=unix", {.address = "127.0.0.1"}, false},
        {"a method", "method=OPTIONS", {.method = "OPTIONS"}, true},
        {"another method", "method=OPTIONS", {.method = "OPTION"}, false},
        {"methods have their case", "method=OPTIONS", {.method = "options"}, false},
        {"a field", "'header:X-Probe=yes'", {.fields = {"x-probe", "yes"}}, true},
        {"values have their case", "'header:X-Probe=yes'", {.fields = {"x-probe", "Yes"}}, false},
        {"only the whole value", "'header:X-Probe=yes'", {.fields = {"x-probe", "yess"}}, false},
        {"not the beginning of the value", "'header:X-Probe=yes'", {.fields = {"x-probe", "ye"}}, false},
        {"an empty value", "'header:X-Probe=yes'", {.fields = {"x-probe", ""}}, false},
        {"no such field", "'header:X-Probe=yes'", {.fields = {"x-other", "yes"}}, false},
        {"a repeated field", "'header:X-Probe=yes'", {.fields = {"x-probe", "yes", "x-probe", "yes"}}, false},
        {"a repeated field, the second is wrong",
         "'header:X-Probe=yes'",
         {.fields = {"x-probe", "yes", "x-probe", "no"}},
         false},
        {"a cookie", "'cookie:beta=1'", {.fields = {"cookie", "a=b; beta=1"}}, true},
        {"a repeated cookie", "'cookie:beta=1'", {.fields = {"cookie", "beta=1; beta=1"}}, false},
        {"a parameter, with an '=' in it", "'query:a=b=c'", {.query = "?x=y&a=b=c"}, true},
        {"a repeated parameter", "'query:a=b'", {.query = "?a=b&a=b"}, false},
        {"the principal", "principal=monitor", {.principal = "monitor"}, true},
        {"another principal", "principal=monitor", {.principal = "monitors"}, false},
        {"nobody", "principal=monitor", {.principal = NULL}, false},
        {"a property", "jwt.plan=gold", {.principal = "x"}, true},
        {"a property that it does not have", "jwt.size=gold", {.principal = "x"}, false},
        {"the property of another kind of filter", "api_key.plan=gold", {.principal = "x"}, false},
        {"the last of several rules",
         "client_address=10.0.0.0/8, method=OPTIONS, 'header:X-Probe=yes'",
         {.address = "11.0.0.1", .fields = {"x-probe", "yes"}},
         true},
        {"none of several rules",
         "client_address=10.0.0.0/8, method=OPTIONS, 'header:X-Probe=yes'",
         {.address = "11.0.0.1", .fields = {"x-probe", "no"}},
         false},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        options_t options;
        gw_arena_t *arena = gw_arena_create();
        char *findings = read_options(arena, gw_arena_printf(arena, "exempt: [%s]", cases[i].rules), &options);
        assert_string_equal(findings, "");
        free(findings);
        if (fits(&options.exempt, &cases[i].request) != cases[i].fits)
            fail_msg("%s", cases[i].about);
        gw_arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_rules_are_found),
        cmocka_unit_test(more_than_1000_rules_are_refused),
        cmocka_unit_test(values_that_may_be_secrets_are_not_printed),
        cmocka_unit_test(one_rule_that_fits_is_enough),
    };
    return cmocka_run_group_tests_name("filters: exempt", tests, NULL, NULL);
}
