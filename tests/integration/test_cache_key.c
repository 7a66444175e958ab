/* SPDX-License-Identifier: MIT
 * What tells requests apart: scheme, host, port, path, query, and what the conf adds to that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/plays.h"

#define NUM(array)   (sizeof(array) / sizeof((array)[0]))
#define GIVES(body)  "200\nCache-Control: max-age=60\n\n" body
#define NEW(body)    "200\nCache-Status: sluice; fwd=uri-miss; fwd-status=200; stored; ttl=~60\n\n" body
#define HIT(body)    "200\nCache-Status: sluice; hit; ttl=*\n\n" body
#define BYPASS(body) "200\nCache-Status: sluice; fwd=bypass; fwd-status=200; detail=ambiguous-key\n\n" body

/** Two requests for the same thing. */
#define SAME(about, options, one, other)                                                                               \
    {                                                                                                                  \
        about, options,                                                                                                \
        {                                                                                                              \
            {"GET " one, GIVES("one"), NEW("one")},                                                                    \
            {                                                                                                          \
                "GET " other, NULL, HIT("one")                                                                         \
            }                                                                                                          \
        }                                                                                                              \
    }
/** Two requests for different things. */
#define APART(about, options, one, other)                                                                              \
    {                                                                                                                  \
        about, options,                                                                                                \
        {                                                                                                              \
            {"GET " one, GIVES("one"), NEW("one")}, {"GET " other, GIVES("other"), NEW("other")},                      \
                {"GET " one, NULL, HIT("one")},                                                                        \
            {                                                                                                          \
                "GET " other, NULL, HIT("other")                                                                       \
            }                                                                                                          \
        }                                                                                                              \
    }

static void requests_are_told_apart_by_their_urls(void **state)
{
    static const play_t plays[] = {
        APART("paths", NULL, "$/a", "$/b"),
        APART("paths with regard to case", NULL, "$/a", "$/A"),
        SAME("paths that are written otherwise", NULL, "$/a", "$/x/../%61"),
        SAME("encodings without regard to case", NULL, "$/%c3%bc", "$/%C3%BC"),
        APART("queries", NULL, "$/a?x=1", "$/a?x=2"),
        APART("a query and none", NULL, "$/a?x=1", "$/a"),
        APART("the order of parameters", NULL, "$/a?x=1&y=2", "$/a?y=2&x=1"),
        SAME("queries that are written otherwise", NULL, "$/a?x=%7ea%2f", "$/a?x=~a%2F"),
        APART("hosts", NULL, "$/a\nHost: one.example", "$/a\nHost: other.example"),
        SAME("hosts without regard to case", NULL, "$/a\nHost: one.example", "$/a\nHost: ONE.Example"),
        APART("ports", NULL, "$/a\nHost: one.example:8080", "$/a\nHost: one.example:8081"),
        APART("a port and none", NULL, "$/a\nHost: one.example:8080", "$/a\nHost: one.example"),
        SAME("the order of parameters, when it does not count", "key: { sort_query: true }", "$/a?x=1&y=2&a=3",
             "$/a?a=3&y=2&x=1"),
        APART("the order of parameters of the same name counts all the same", "key: { sort_query: true }",
              "$/a?x=1&x=2", "$/a?x=2&x=1"),
        SAME("query_only", "key: { query_only: [ x ] }", "$/a?x=1&y=2", "$/a?z=7&x=1"),
        APART("query_only: what counts", "key: { query_only: [ x ] }", "$/a?x=1&y=2", "$/a?x=2&y=2"),
        SAME("query_only and sorted", "key: { query_only: [ x, y ], sort_query: true }", "$/a?x=1&y=2",
             "$/a?y=2&z=3&x=1"),
        SAME("query_without", "key: { query_without: [ utm_*, ref ] }", "$/a?x=1&utm_source=b&ref=c", "$/a?ref=9&x=1"),
        SAME("query_without leaves no question mark", "key: { query_without: [ utm_*, ref ] }", "$/a?utm_id=1", "$/a"),
        SAME("query_without of what is encoded", "key: { query_without: [ utm_*, ref ] }", "$/a?%75tm_id=1", "$/a"),
        APART("query_without: what counts", "key: { query_without: [ utm_*, ref ] }", "$/a?x=1&ref=1", "$/a?x=2&ref=1"),
        SAME("query: none", "key: { query: none }", "$/a?x=1", "$/a?y=2"),
        SAME("query: none and none", "key: { query: none }", "$/a?x=1", "$/a"),
        {"the origin gets the query as it came",
         "key: { query: none }",
         {{"GET $/a?b=2&%61=1", GIVES("one"), "200\n>>GET */a?b=2&%61=1 HTTP/1.1\n\none"}}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

static void requests_are_told_apart_by_what_the_conf_names(void **state)
{
    static const play_t plays[] = {
        APART("a field", "key: { by: [ header:X-Tenant ] }", "$/a\nX-Tenant: 1", "$/a\nX-Tenant: 2"),
        APART("a field and none", "key: { by: [ header:X-Tenant ] }", "$/a\nX-Tenant: 1", "$/a"),
        SAME("other fields do not count", "key: { by: [ header:X-Tenant ] }", "$/a\nX-Tenant: 1\nX-B: 1",
             "$/a\nX-B: 2\nX-Tenant: 1"),
        APART("a cookie", "key: { by: [ cookie:lang ] }", "$/a\nCookie: lang=de; id=1", "$/a\nCookie: lang=en; id=1"),
        SAME("other cookies do not count", "key: { by: [ cookie:lang ] }", "$/a\nCookie: lang=de; id=1",
             "$/a\nCookie: id=2; lang=de"),
        APART("several, each in its place", "key: { by: [ header:X-A, header:X-B ] }", "$/a\nX-A: 1", "$/a\nX-B: 1"),
        APART("several, whose values do not run together", "key: { by: [ header:X-A, header:X-B ] }",
              "$/a\nX-A: 12\nX-B: 3", "$/a\nX-A: 1\nX-B: 23"),
        SAME("the client's address", "key: { by: [ client_address ] }", "$/a", "$/a"),
        {"a field that is there twice goes past the cache",
         "key: { by: [ header:X-Tenant ] }",
         {{"GET $/a\nX-Tenant: 1", GIVES("one"), NEW("one")},
          {"GET $/a\nX-Tenant: 1\nX-Tenant: 2", GIVES("both"), BYPASS("both")},
          {"GET $/a\nX-Tenant: 2\nX-Tenant: 1", GIVES("both"), BYPASS("both")},
          {"GET $/a\nX-Tenant: 1", NULL, HIT("one")},
          {"GET $/a\nX-Tenant: 2", GIVES("two"), NEW("two")}}},
        {"so does a cookie",
         "key: { by: [ cookie:lang ] }",
         {{"GET $/a\nCookie: lang=de; lang=en", GIVES("both"), BYPASS("both")},
          {"GET $/a\nCookie: lang=de", GIVES("one"), NEW("one")}}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

static gateway_t *start(const char *conf)
{
    return gateway_start(CONF_LISTEN_4 CONF_PLAY_ORIGIN
                         "%s"
                         "routes: [ { path: /, service: origin, filters: [ { cache: { capacity: 16MiB } } ] } ]\n",
                         play_origin->port, conf);
}

/** What a proxy says of its client counts only when the proxy is trusted: else anybody could have the response to
 * another scheme or host stored for all. */
static void what_a_proxy_says_of_its_client_counts_when_it_is_trusted(void **state)
{
    static const play_t of_trusted[] = {
        APART("X-Forwarded-Proto", NULL, "$/a\nX-Forwarded-Proto: https", "$/a\nX-Forwarded-Proto: http"),
        APART("X-Forwarded-Host", NULL, "$/a\nX-Forwarded-Host: one", "$/a\nX-Forwarded-Host: other"),
    };
    static const play_t of_anybody[] = {
        SAME("X-Forwarded-Proto", NULL, "$/a\nX-Forwarded-Proto: https", "$/a\nX-Forwarded-Proto: http"),
        SAME("X-Forwarded-Host", NULL, "$/a\nX-Forwarded-Host: one", "$/a\nX-Forwarded-Host: other"),
    };
    (void)state;
    gateway_t *gateway = start("trusted_proxies: [ 127.0.0.1 ]\n");
    plays_run_through(gateway, of_trusted, NUM(of_trusted));
    gateway_stop(gateway);
    gateway = start("");
    plays_run_through(gateway, of_anybody, NUM(of_anybody));
    gateway_stop(gateway);
}

static void the_schemes_are_different_things(void **state)
{
    static const struct {
        transport_t transport;
        const char *answer, *expected;
    } rows[] = {
        {OVER_HTTP1, GIVES("plain"), NEW("plain")},
        {OVER_TLS, GIVES("secret"), NEW("secret")},
        {OVER_HTTP1, NULL, HIT("plain")},
        {OVER_HTTP2, NULL, HIT("secret")},
        {OVER_TLS, NULL, HIT("secret")},
    };
    (void)state;
    gateway_t *gateway = start("");
    for (size_t i = 0; i != NUM(rows); ++i) {
        play_answer(rows[i].answer);
        reply_t reply = play_ask(gateway, rows[i].transport, "GET /a\nHost: one.example");
        play_expect(&reply, rows[i].expected);
        reply_free(&reply);
    }
    gateway_stop(gateway);
}

#define CONF_SERVICES                                                                                                  \
    CONF_LISTEN_4 "services: { one: { endpoints: [ \"http://127.0.0.1:%d\" ] }, other: { endpoints: [ "                \
                  "\"http://127.0.0.1:%d\" ] } }\n"                                                                    \
                  "filters: { memory: { cache: { capacity: 16MiB } } }\n"                                              \
                  "routes: [ { path: /, service: %s, filters: [ memory ] } ]\n"

static void services_do_not_share_what_they_said_and_a_reload_forgets_nothing(void **state)
{
    static const struct {
        const char *service, *answer, *expected;
    } rows[] = {
        {"one", GIVES("one"), NEW("one")},
        {"other", GIVES("other"), NEW("other")},
        {"one", NULL, HIT("one")},
        {"other", NULL, HIT("other")},
    };
    (void)state;
    gateway_t *gateway = gateway_start(CONF_SERVICES, play_origin->port, play_origin->port, "one");
    for (size_t i = 0; i != NUM(rows); ++i) {
        if (i != 0) {
            gateway_write_conf(gateway, CONF_SERVICES, play_origin->port, play_origin->port, rows[i].service);
            gateway_reload(gateway, i);
        }
        play_answer(rows[i].answer);
        reply_t reply = play_ask(gateway, OVER_HTTP2, "GET /a");
        play_expect(&reply, rows[i].expected);
        reply_free(&reply);
    }
    gateway_stop(gateway);
}

static void services_that_share_a_route_in_turn_keep_two_answers(void **state)
{
    enum { CLIENTS = 24 };
    (void)state;
    gateway_t *gateway =
        gateway_start("workers: 1\nlisten: [ { address: 127.0.0.1:0 } ]\n"
                      "services: { one: { endpoints: [ \"http://127.0.0.1:%d\" ] }, "
                      "other: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"
                      "routes: [ { path: /, services: { one: 1, other: 1 }, split_by: \"header:X-User\", "
                      "filters: [ { cache: { capacity: 16MiB } } ] } ]\n",
                      play_origin->port, play_origin->port);
    play_answer(GIVES("same"));
    size_t num_missed = 0;
    for (int i = 0; i != 2 * CLIENTS; ++i) {
        char request[64];
        snprintf(request, sizeof(request), "GET /a\nX-User: u%d", i % CLIENTS);
        reply_t reply = play_ask(gateway, OVER_HTTP1, request);
        char *cache_status = reply_field(&reply, "cache-status");
        assert_non_null(cache_status);
        num_missed += strstr(cache_status, "; hit") == NULL;
        free(cache_status);
        reply_free(&reply);
    }
    assert_int_equal(num_missed, 2);
    gateway_stop(gateway);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_told_apart_by_their_urls),
        cmocka_unit_test(requests_are_told_apart_by_what_the_conf_names),
        cmocka_unit_test(what_a_proxy_says_of_its_client_counts_when_it_is_trusted),
        cmocka_unit_test(the_schemes_are_different_things),
        cmocka_unit_test(services_do_not_share_what_they_said_and_a_reload_forgets_nothing),
        cmocka_unit_test(services_that_share_a_route_in_turn_keep_two_answers),
    };
    return cmocka_run_group_tests(tests, plays_set_up, plays_tear_down);
}
