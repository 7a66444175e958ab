/* SPDX-License-Identifier: MIT
 * The options of cache: what is wrong with them and with their route, and what they come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include "filters/cache/cache_conf.h"
#include "tests/support/conf_files.h"

#define BEFORE   "listen: [':80']\nservices: {one: {endpoints: ['http://a']}}\n"
#define ROUTE    "routes: [{path: /, service: one, filters: [pages]}]\n"
#define CACHE(o) BEFORE "filters: {pages: {cache: {" o "}}}\n" ROUTE

typedef struct finding_case {
    const char *about, *yaml, *expected;
} case_t;

static void find_all(const case_t *cases, size_t num)
{
    for (size_t i = 0; i != num; ++i) {
        char *actual = conf_findings_of(cases[i].yaml);
        if (strcmp(actual, cases[i].expected) != 0)
            fprintf(stderr, "case: %s\n%s", cases[i].about, actual);
        assert_string_equal(actual, cases[i].expected);
        free(actual);
    }
}

static void wrong_options_are_found(void **state)
{
    static const case_t cases[] = {
        {"as it comes", CACHE(""), ""},
        {"everything",
         CACHE(
             "capacity: 1GiB, max_object: 16MiB, ttl: 10s, negative_ttl: 5s, negative_statuses: [404, 500-504, 5xx], "
             "heuristic_share: 0%, heuristic_max: 1h, grace: {while_revalidate: 30s, on_error: 1h}, bypass: "
             "[header:X-A, cookie:b, query:c, client_address], key: {query_only: [page, 'f_*'], sort_query: true, by: "
             "[header:X-Tenant]}, store_set_cookie: true, collapse: false, uncacheable_for: 1s, tags: [X-Tags], "
             "purge: {from: [127.0.0.1, '10.0.0.0/8', unix]}, cache_status: false"),
         ""},
        {"an option misspelt", CACHE("colapse: true"),
         "t.yaml:3:27: error: unknown key 'colapse'\n  hint: did you mean 'collapse'?\n"},
        {"too small for anything", CACHE("capacity: 1MB"),
         "t.yaml:3:37: error: '1MB' is not valid for 'capacity' (a size such as 512B, 64KiB, 8MiB or 1GiB, "
         "1MiB..1024GiB)\n"
         "  hint: memory for stored responses, everything that managing them takes included\n"},
        {"below what a store can be", CACHE("capacity: 512KiB"),
         "t.yaml:3:37: error: '512KiB' is not valid for 'capacity' (1MiB..1024GiB)\n"
         "  hint: memory for stored responses, everything that managing them takes included\n"},
        {"one object that would push everything else out", CACHE("capacity: 8MiB, max_object: 2MiB"),
         "t.yaml:3:26: error: 'max_object' (2MiB) is more than an eighth of 'capacity' (8MiB)\n"
         "  hint: one object must not push everything else out\n"},
        {"two rules for the same", CACHE("ttl: 1s, override_ttl: 2s"),
         "t.yaml:3:26: error: only one of 'ttl' and 'override_ttl' makes sense\n"
         "  hint: 'override_ttl' also stands for what the service says nothing of\n"},
        {"statuses for a time that is not said", CACHE("negative_statuses: [404]"),
         "t.yaml:3:47: error: 'negative_statuses' needs a 'negative_ttl'\n  hint: for example: negative_ttl: 5s\n"},
        {"statuses that are none", CACHE("negative_ttl: 1s, negative_statuses: [404, 6xx, 504-500, ok]"),
         "t.yaml:3:70: error: '6xx' is not valid for 'negative_statuses' (a status, a range of them or a class: 404, "
         "500-504, 5xx)\n"
         "t.yaml:3:75: error: '504-500' is not valid for 'negative_statuses' (a status, a range of them or a class: "
         "404, 500-504, 5xx)\n"
         "t.yaml:3:84: error: 'ok' is not valid for 'negative_statuses' (a status, a range of them or a class: 404, "
         "500-504, 5xx)\n"},
        {"more than all of the time since", CACHE("heuristic_share: 101%"),
         "t.yaml:3:44: error: '101%' is not valid for 'heuristic_share' (0%..100%)\n"
         "  hint: a response that says nothing but when it was last modified is fresh for this share of the time since "
         "then; 0% turns that off\n"},
        {"a grace of nobody knows what", CACHE("grace: 1h"),
         "t.yaml:3:34: error: 'grace' must be a mapping, found '1h'\n"},
        {"keys that are none", CACHE("bypass: [X-A], key: {by: [user]}"),
         "t.yaml:3:36: error: 'X-A' is not valid for 'bypass' (client_address, header:NAME, cookie:NAME, query:NAME, "
         "principal or a property such as jwt.sub)\n"
         "t.yaml:3:53: error: 'user' is not valid for 'by' (client_address, header:NAME, cookie:NAME, query:NAME, "
         "principal or a property such as jwt.sub)\n"},
        {"a query that counts and does not", CACHE("key: {query: none, query_only: [a]}"),
         "t.yaml:3:32: error: only one of 'query: none', 'query_only' and 'query_without' makes sense\n"
         "  hint: query: none, query_only: [page, size], or query_without: [utm_*]\n"},
        {"two lists of parameters", CACHE("key: {query_only: [a], query_without: [b]}"),
         "t.yaml:3:32: error: only one of 'query: none', 'query_only' and 'query_without' makes sense\n"
         "  hint: query: none, query_only: [page, size], or query_without: [utm_*]\n"},
        {"a parameter without a name", CACHE("key: {query_without: [a, '']}"),
         "t.yaml:3:52: error: '' is not valid for 'query_without' (names of parameters)\n"},
        {"no parameters at all", CACHE("key: {query_only: []}"),
         "t.yaml:3:45: error: 'query_only' has 0 entries (1..100 entries)\n"
         "  hint: the only parameters of the query that count; one that ends in * stands for all that begin so\n"},
        {"tags from no field", CACHE("tags: ['Cache Tag']"),
         "t.yaml:3:34: error: 'Cache Tag' is not valid for 'tags' (the name of a response field)\n"},
        {"nobody who may purge", CACHE("purge: {}"),
         "t.yaml:3:34: error: required key 'from' is missing\n"
         "  hint: networks and addresses from which requests of the method PURGE are taken; unix stands for clients of "
         "Unix sockets\n"},
    };
    find_all(cases, sizeof(cases) / sizeof(cases[0]));
}

#define FILTERS                                                                                                        \
    "filters:\n"                                                                                                       \
    "  pages: {cache: {}}\n"                                                                                           \
    "  guard: {circuit_breaker: {}}\n"                                                                                 \
    "  small: {compress: {}}\n"                                                                                        \
    "  inside: {ip_access: {allow: [10.0.0.0/8]}}\n"                                                                   \
    "  who: {jwt: {issuer: i, audience: a, keys: {jwks_url: https://a/k}}}\n"                                          \
    "  watch: {jwt: {mode: observe, issuer: i, audience: a, keys: {jwks_url: https://a/k}}}\n"                         \
    "  own: {cache: {bypass: [jwt.admin], key: {by: [principal]}}}\n"

static void an_order_that_defeats_its_purpose_is_warned_of(void **state)
{
    static const struct {
        const char *about, *route, *expected;
    } cases[] = {
        {"as it should be", "path: /, service: one, filters: [inside, who, pages, guard, small]", ""},
        {"behind the breaker", "path: /, service: one, filters: [guard, pages]",
         "warning: 'guard' stands before 'cache': when it is open, it refuses what could be answered from memory\n"
         "  hint: put 'cache' before it: an open breaker then leads to a stale copy\n"},
        {"behind compress", "path: /, service: one, filters: [small, pages]",
         "warning: 'small' stands before 'cache': it compresses every answer from memory anew\n"
         "  hint: put 'cache' before it: what is stored is then compressed once\n"},
        {"in front of who asks for a token", "path: /, service: one, filters: [pages, who]",
         "warning: 'who' stands behind 'cache': what it let one client have is answered from memory to everybody\n"
         "  hint: put it before 'cache'\n"},
        {"in front of who only watches", "path: /, service: one, filters: [pages, watch]", ""},
        {"in front of who looks at addresses", "path: /, service: one, filters: [pages, inside]",
         "warning: 'inside' stands behind 'cache': what it let one client have is answered from memory to everybody\n"
         "  hint: put it before 'cache'\n"},
        {"twice", "path: /, service: one, filters: [pages, pages]", "error: this route has two filters 'cache'\n"},
        {"by principals that somebody finds out", "path: /, service: one, filters: [who, own]", ""},
        {"where only what changes something comes", "path: /, methods: [POST], service: one, filters: [pages]", ""},
        {"where HEAD comes", "path: /, methods: [HEAD], service: one, filters: [cache: {}]", ""},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char yaml[2048], expected[1024] = "";
        snprintf(yaml, sizeof(yaml), "%s" FILTERS "routes:\n  - {%s}\n", BEFORE, cases[i].route);
        char *actual = conf_findings_of(yaml), *found = strstr(actual, "t.yaml:12:5: ");
        if (*cases[i].expected != '\0')
            snprintf(expected, sizeof(expected), "t.yaml:12:5: %s", cases[i].expected);
        if (found == NULL ? *expected != '\0' : strcmp(found, expected) != 0) /* before it: what is not used */
            fail_msg("%s: %s", cases[i].about, actual);
        free(actual);
    }
}

static void what_a_route_cannot_give_is_warned_of(void **state)
{
    static const case_t cases[] = {
        {"nobody who knows principals",
         BEFORE "filters: {pages: {cache: {bypass: [jwt.admin], key: {by: [principal]}}}}\n" ROUTE,
         "t.yaml:3:26: warning: 'jwt.admin' of 'bypass' names nothing on the route at t.yaml:4:10: no filter before "
         "this one finds it out\n  hint: filters run in the order of the route's list\n"
         "t.yaml:3:26: warning: 'principal' of 'by' names nothing on the route at t.yaml:4:10: no filter before this "
         "one finds it out\n  hint: filters run in the order of the route's list\n"},
        {"nothing to answer",
         BEFORE "routes: [{path: /, methods: [POST, PUT], service: one, filters: [cache: {capacity: 8MiB}]}]\n",
         "t.yaml:3:66: warning: 'cache' has nothing to do on the route at t.yaml:3:10: it takes neither GET nor HEAD\n"
         "  hint: a cache answers GET and HEAD\n"},
    };
    find_all(cases, sizeof(cases) / sizeof(cases[0]));
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

static const gw_cache_conf_t *conf_of(const gw_snapshot_t *snapshot)
{
    return snapshot->filters[0]->conf;
}

static void what_is_not_said_gets_its_default(void **state)
{
    gw_snapshot_t *snapshot = load(CACHE(""));
    const gw_cache_conf_t *conf = conf_of(snapshot);
    assert_int_equal(conf->capacity, 64 << 20);
    assert_int_equal(conf->max_object, 1 << 20);
    assert_int_equal(conf->rules.ttl, GW_CACHE_NOT_SAID);
    assert_int_equal(conf->rules.override_ttl, GW_CACHE_NOT_SAID);
    assert_int_equal(conf->rules.negative_ttl, GW_CACHE_NOT_SAID);
    assert_int_equal(conf->rules.heuristic_share, 1000);
    assert_int_equal(conf->rules.heuristic_max, 24 * 3600 * 1000);
    assert_int_equal(conf->rules.while_revalidate, GW_CACHE_NOT_SAID);
    assert_int_equal(conf->rules.if_error, 10000);
    assert_false(conf->rules.stores_set_cookie);
    assert_int_equal(conf->query_rules.mode, GW_QUERY_ALL);
    assert_true(conf->collapse);
    assert_true(conf->cache_status);
    assert_int_equal(conf->uncacheable_for, 10000);
    assert_int_equal(conf->tags.size, 2);
    assert_true(gw_str_equal(conf->tag_fields[0], GW_STR("cache-tag")));
    assert_true(gw_str_equal(conf->tag_fields[1], GW_STR("surrogate-key")));
    assert_false(gw_cache_answers_purge(conf));
    gw_snapshot_unref(snapshot);
}

static void what_is_said_becomes_rules(void **state)
{
    gw_snapshot_t *snapshot =
        load(CACHE("override_ttl: 2s, negative_ttl: 3s, negative_statuses: [404, 500-502], grace: {while_revalidate: "
                   "4s, on_error: 5s}, key: {query_without: ['utm_*'], sort_query: true}, store_set_cookie: true, "
                   "tags: X-Tags, purge: {from: [10.0.0.0/8, unix]}"));
    const gw_cache_conf_t *conf = conf_of(snapshot);
    assert_int_equal(conf->rules.override_ttl, 2000);
    assert_int_equal(conf->rules.negative_ttl, 3000);
    assert_int_equal(conf->rules.while_revalidate, 4000);
    assert_int_equal(conf->rules.if_error, 5000);
    assert_true(conf->rules.stores_set_cookie);
    assert_true(gw_status_set_has(&conf->rules.negative_statuses, 404));
    assert_true(gw_status_set_has(&conf->rules.negative_statuses, 501));
    assert_false(gw_status_set_has(&conf->rules.negative_statuses, 410));
    assert_int_equal(conf->query_rules.mode, GW_QUERY_WITHOUT);
    assert_int_equal(conf->query_rules.num_names, 1);
    assert_true(gw_str_equal(conf->query_rules.names[0], GW_STR("utm_*")));
    assert_true(conf->query_rules.is_sorted);
    assert_int_equal(conf->tags.size, 1);
    assert_true(gw_str_equal(conf->tag_fields[0], GW_STR("x-tags")));
    assert_true(gw_cache_answers_purge(conf));
    gw_snapshot_unref(snapshot);
}

static void a_small_cache_takes_smaller_objects_unasked(void **state)
{
    gw_snapshot_t *snapshot = load(CACHE("capacity: 4MiB"));
    assert_int_equal(conf_of(snapshot)->max_object, 512 << 10);
    gw_snapshot_unref(snapshot);
}

static void what_is_printed_loads_and_prints_the_same(void **state)
{
    static const char *const options[] = {
        "",
        "capacity: 4MiB, ttl: 10s, negative_ttl: 5s",
        "override_ttl: 1s, bypass: [cookie:b, query:c], key: {query: none, by: [header:X-T]}, tags: [X-Tags]",
        "key: {query_only: [page, 'f_*'], sort_query: true}, purge: {from: [127.0.0.1, unix]}, cache_status: false",
    };
    for (size_t i = 0; i != sizeof(options) / sizeof(options[0]); ++i) {
        char yaml[1024];
        snprintf(yaml, sizeof(yaml), "%sfilters: {pages: {cache: {%s}}}\n%s", BEFORE, options[i], ROUTE);
        gw_snapshot_t *snapshot = load(yaml);
        char *text = conf_printed(snapshot);
        gw_snapshot_t *again = load(text);
        char *text_again = conf_printed(again);
        assert_string_equal(text_again, text);
        const gw_cache_conf_t *conf = conf_of(snapshot), *conf_again = conf_of(again);
        assert_int_equal(conf_again->max_object, conf->max_object);
        assert_int_equal(conf_again->rules.negative_ttl, conf->rules.negative_ttl);
        assert_int_equal(conf_again->query_rules.mode, conf->query_rules.mode);
        assert_int_equal(conf_again->bypass.size, conf->bypass.size);
        assert_int_equal(conf_again->key.by.size, conf->key.by.size);
        gw_snapshot_unref(again);
        gw_snapshot_unref(snapshot);
        free(text_again);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_options_are_found),
        cmocka_unit_test(an_order_that_defeats_its_purpose_is_warned_of),
        cmocka_unit_test(what_a_route_cannot_give_is_warned_of),
        cmocka_unit_test(what_is_not_said_gets_its_default),
        cmocka_unit_test(what_is_said_becomes_rules),
        cmocka_unit_test(a_small_cache_takes_smaller_objects_unasked),
        cmocka_unit_test(what_is_printed_loads_and_prints_the_same),
    };
    return cmocka_run_group_tests_name("options of cache", tests, NULL, NULL);
}
