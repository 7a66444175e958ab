/* SPDX-License-Identifier: MIT
 * Variants of a response: which requests a stored response is for, when it says Vary (RFC 9111 4.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/plays.h"

#define NUM(array)  (sizeof(array) / sizeof((array)[0]))
#define FRESH       "Cache-Control: max-age=60"
#define ON(names)   "200\n" FRESH "\nVary: " names "\n\n"
#define NEW(body)   "200\nCache-Status: sluice; fwd=*-miss; fwd-status=200; stored; ttl=~60\n\n" body
#define OTHER(body) "200\nCache-Status: sluice; fwd=vary-miss; fwd-status=200; stored; ttl=~60\n\n" body
#define HIT(body)   "200\nCache-Status: sluice; hit; ttl=*\n\n" body

static void a_response_is_for_those_who_ask_alike(void **state)
{
    static const play_t plays[] = {
        {"each value has its own, and keeps it",
         NULL,
         {{"GET $/a\nX-A: 1", ON("X-A") "one", NEW("one")},
          {"GET $/a\nX-A: 2", ON("X-A") "two", OTHER("two")},
          {"GET $/a\nX-A: 1", NULL, HIT("one")},
          {"GET $/a\nX-A: 2", NULL, HIT("two")}}},
        {"no field is a value, and not the same as an empty one or another",
         NULL,
         {{"GET $/a", ON("X-A") "none", NEW("none")},
          {"GET $/a\nX-A: 1", ON("X-A") "one", OTHER("one")},
          {"GET $/a", NULL, HIT("none")}}},
        {"fields that are not named do not count",
         NULL,
         {{"GET $/a\nX-A: 1\nX-B: 1", ON("X-A") "one", NEW("one")}, {"GET $/a\nX-A: 1\nX-B: 2", NULL, HIT("one")}}},
        {"names without regard to case",
         NULL,
         {{"GET $/a\nx-a: 1", ON("X-A") "one", NEW("one")}, {"GET $/a\nX-A: 1", NULL, HIT("one")}}},
        {"values with regard to case",
         NULL,
         {{"GET $/a\nX-A: a", ON("X-A") "one", NEW("one")}, {"GET $/a\nX-A: A", ON("X-A") "two", OTHER("two")}}},
        {"several names",
         NULL,
         {{"GET $/a\nX-A: 1\nX-B: 1", ON("X-A, X-B") "one", NEW("one")},
          {"GET $/a\nX-A: 1\nX-B: 2", ON("X-A, X-B") "two", OTHER("two")},
          {"GET $/a\nX-B: 1\nX-A: 1", NULL, HIT("one")}}},
        {"on several lines",
         NULL,
         {{"GET $/a\nX-A: 1\nX-B: 1", "200\n" FRESH "\nVary: X-A\nVary: X-B\n\none", NEW("one")},
          {"GET $/a\nX-A: 1\nX-B: 2", "200\n" FRESH "\nVary: X-A\nVary: X-B\n\ntwo", OTHER("two")},
          {"GET $/a\nX-A: 1\nX-B: 1", NULL, HIT("one")}}},
        {"an empty Vary",
         NULL,
         {{"GET $/a\nX-A: 1", "200\n" FRESH "\nVary:\n\none", NEW("one")}, {"GET $/a\nX-A: 2", NULL, HIT("one")}}},
        {"a value on several lines is the same as on one",
         NULL,
         {{"GET $/a\nX-A: 1, 2", ON("X-A") "one", NEW("one")}, {"GET $/a\nX-A: 1\nX-A: 2", NULL, HIT("one")}}},
        {"blanks around commas do not count",
         NULL,
         {{"GET $/a\nX-A: 1, 2", ON("X-A") "one", NEW("one")}, {"GET $/a\nX-A: 1 ,2", NULL, HIT("one")}}},
        {"the order of values counts where nobody knows what it means",
         NULL,
         {{"GET $/a\nX-A: 1, 2", ON("X-A") "one", NEW("one")}, {"GET $/a\nX-A: 2, 1", ON("X-A") "two", OTHER("two")}}},
        {"Accept-Encoding in any order and case",
         NULL,
         {{"GET $/a\nAccept-Encoding: gzip, br", ON("Accept-Encoding") "one", NEW("one")},
          {"GET $/a\nAccept-Encoding: BR,gzip", NULL, HIT("one")},
          {"GET $/a\nAccept-Encoding: gzip", ON("Accept-Encoding") "two", OTHER("two")}}},
        {"Accept-Language by its weights",
         NULL,
         {{"GET $/a\nAccept-Language: en, de;q=0.5", ON("Accept-Language") "one", NEW("one")},
          {"GET $/a\nAccept-Language: de;q=0.5, EN", NULL, HIT("one")},
          {"GET $/a\nAccept-Language: de, en;q=0.5", ON("Accept-Language") "two", OTHER("two")}}},
        {"* stands for something that no request says",
         NULL,
         {{"GET $/a", ON("*") "one", "200\nVary: *\n!Age\n\none"},
          {"GET $/a", ON("*") "two", "200\n\ntwo"},
          {"GET $/a", ON("*") "three", "200\n\nthree"}}},
        {"* among others",
         NULL,
         {{"GET $/a", ON("X-A, *") "one", "200\n\none"}, {"GET $/a", ON("X-A, *") "two", "200\n\ntwo"}}},
        {"* on a line of its own",
         NULL,
         {{"GET $/a", "200\n" FRESH "\nVary: X-A\nVary: *\n\none", "200\n\none"},
          {"GET $/a", "200\n\ntwo", "200\n\ntwo"}}},
        {"what is no name fits nobody",
         NULL,
         {{"GET $/a", ON("X A") "one", "200\n\none"}, {"GET $/a", ON("X A") "two", "200\n\ntwo"}}},
        {"a later response that varies by something else",
         NULL,
         {{"GET $/a\nX-A: 1\nX-B: 1", ON("X-A") "one", NEW("one")},
          {"GET $/a\nX-A: 2\nX-B: 1", ON("X-B") "two", OTHER("two")},
          {"GET $/a\nX-A: 3\nX-B: 1", NULL, HIT("two")}}},
        {"each variant is validated with its own tag",
         NULL,
         {{"GET $/a\nX-A: 1", "200\nCache-Control: max-age=0\nVary: X-A\nETag: \"1\"\n\none", "200\n\none"},
          {"GET $/a\nX-A: 2", "200\nCache-Control: max-age=0\nVary: X-A\nETag: \"2\"\n\ntwo",
           "200\n>!If-None-Match\n\ntwo"},
          {"GET $/a\nX-A: 1", "304\nVary: X-A\nETag: \"1\"", "200\n>If-None-Match: \"1\"\n\none"},
          {"GET $/a\nX-A: 2", "304\nVary: X-A\nETag: \"2\"", "200\n>If-None-Match: \"2\"\n\ntwo"}}},
        {"the request's own values go to the origin as they came",
         NULL,
         {{"GET $/a\nAccept-Encoding: br;q=1.0 , GZIP", ON("Accept-Encoding") "one",
           "200\n>Accept-Encoding: br;q=1.0 , GZIP\n\none"}}},
        {"Vary stays in the response",
         NULL,
         {{"GET $/a\nX-A: 1", ON("X-A") "one", "200\nVary: X-A\n\none"},
          {"GET $/a\nX-A: 1", NULL, "200\nVary: X-A\n\none"}}},
        {"a HEAD chooses, too",
         NULL,
         {{"GET $/a\nX-A: 1", ON("X-A") "one", NEW("one")},
          {"GET $/a\nX-A: 2", ON("X-A") "other", OTHER("other")},
          {"HEAD $/a\nX-A: 1", NULL, "200\nContent-Length: 3\nCache-Status: sluice; hit; *"},
          {"HEAD $/a\nX-A: 2", NULL, "200\nContent-Length: 5\nCache-Status: sluice; hit; *"}}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

/** What Vary names is what the client sent, also where the service gets something else. */
static void what_a_filter_behind_the_cache_changes_is_told_apart_as_it_came(void **state)
{
    static const play_t plays[] = {
        {"a field that is replaced",
         NULL,
         {{"GET $/a\nX-Set: 1", ON("X-Set") "one", "200\n>X-Set: fixed\nCache-Status: *; stored; *\n\none"},
          {"GET $/a\nX-Set: 1", NULL, HIT("one")},
          {"GET $/a\nX-Set: 2", ON("X-Set") "two", OTHER("two")},
          {"GET $/a\nX-Set: 1", NULL, HIT("one")}}},
        {"a field that is taken out",
         NULL,
         {{"GET $/a\nX-Gone: 1", ON("X-Gone") "one", "200\n>!X-Gone\nCache-Status: *; stored; *\n\none"},
          {"GET $/a\nX-Gone: 1", NULL, HIT("one")},
          {"GET $/a", ON("X-Gone") "two", OTHER("two")}}},
        {"one that is confirmed",
         NULL,
         {{"GET $/a\nX-Set: 1", "200\nCache-Control: no-cache\nVary: X-Set\nETag: \"1\"\n\none", "200\n\none"},
          {"GET $/a\nX-Set: 1", "304\nCache-Control: max-age=60", "200\n>If-None-Match: \"1\"\n\none"},
          {"GET $/a\nX-Set: 1", NULL, HIT("one")}}},
    };
    (void)state;
    gateway_t *gateway = gateway_start(
        CONF_LISTEN_4 CONF_PLAY_ORIGIN
        "routes: [ { path: /, service: origin, filters: [ { cache: { capacity: 16MiB } }, { headers: { request: { "
        "set: { X-Set: fixed }, remove: [ X-Gone ] } } } ] } ]\n",
        play_origin->port);
    plays_run_through(gateway, plays, NUM(plays));
    gateway_stop(gateway);
}

static void a_url_has_up_to_64_variants_and_the_oldest_goes(void **state)
{
    enum { most = 64 };
    char request[64], answer[128], expected[128];
    (void)state;
    gateway_t *gateway = plays_gateway("");
    for (transport_t t = OVER_HTTP1; t != NUM_TRANSPORTS; ++t) {
        for (int i = 0; i != 2 * most; ++i) {
            snprintf(request, sizeof(request), "GET /many/%d\nX-A: %d", (int)t, i % most);
            snprintf(answer, sizeof(answer), ON("X-A") "variant %d", i % most);
            snprintf(expected, sizeof(expected), "200\nCache-Status: sluice; %s*\n\nvariant %d",
                     i < most ? "fwd" : "hit", i % most);
            play_answer(i < most ? answer : NULL);
            reply_t reply = play_ask(gateway, t, request);
            play_expect(&reply, expected);
            reply_free(&reply);
        }
        for (int i = most; i != 3 * most; ++i) { /* newcomers: each in the place of the oldest, and all in their own */
            snprintf(request, sizeof(request), "GET /many/%d\nX-A: %d", (int)t, i);
            snprintf(answer, sizeof(answer), ON("X-A") "variant %d", i);
            snprintf(expected, sizeof(expected), "200\nCache-Status: sluice; fwd=vary-miss*\n\nvariant %d", i);
            play_answer(answer);
            reply_t reply = play_ask(gateway, t, request);
            play_expect(&reply, expected);
            reply_free(&reply);
        }
        snprintf(request, sizeof(request), "GET /many/%d\nX-A: 0", (int)t);
        play_answer(ON("X-A") "zero anew");
        reply_t reply = play_ask(gateway, t, request);
        play_expect(&reply, "200\nCache-Status: sluice; fwd=vary-miss*\n\nzero anew");
        reply_free(&reply);
        snprintf(request, sizeof(request), "GET /many/%d\nX-A: %d", (int)t, 3 * most - 1);
        snprintf(expected, sizeof(expected), "200\nCache-Status: sluice; hit*\n\nvariant %d", 3 * most - 1);
        play_answer(NULL);
        reply = play_ask(gateway, t, request);
        play_expect(&reply, expected);
        reply_free(&reply);
    }
    gateway_stop(gateway);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_response_is_for_those_who_ask_alike),
        cmocka_unit_test(what_a_filter_behind_the_cache_changes_is_told_apart_as_it_came),
        cmocka_unit_test(a_url_has_up_to_64_variants_and_the_oldest_goes),
    };
    return cmocka_run_group_tests(tests, plays_set_up, plays_tear_down);
}
