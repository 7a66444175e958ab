/* SPDX-License-Identifier: MIT
 * What one client, or an origin that misbehaves, can do to the others who use the cache: no request takes from them
 * what is stored, keeps them from the cache, or gets them what was not made for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/plays.h"

#define NUM(array) (sizeof(array) / sizeof((array)[0]))
#define FRESH      "Cache-Control: max-age=60"
#define HIT        "Cache-Status: sluice; hit; ttl=*"
#define STORED     "Cache-Status: sluice; fwd=uri-miss; fwd-status=200; stored; ttl=60"

/** The first request, which has a response stored with these fields. */
#define FIRST(fields)                                                                                                  \
    {                                                                                                                  \
        "GET $/a", "200\n" fields "\n\none", "200\n\none"                                                              \
    }
#define STILL_THERE                                                                                                    \
    {                                                                                                                  \
        "GET $/a", NULL, "200\n" HIT "\n\none"                                                                         \
    }

static void a_request_that_is_answered_in_a_way_of_its_own_takes_nothing_from_the_others(void **state)
{
    static const play_t plays[] = {
        {"with credentials, confirmed",
         NULL,
         {FIRST("ETag: \"1\"\n" FRESH),
          {"GET $/a\nAuthorization: x\nCache-Control: no-cache", "304\nETag: \"1\"\n" FRESH, "200\n\none"},
          STILL_THERE}},
        {"with credentials, answered anew",
         NULL,
         {FIRST(FRESH),
          {"GET $/a\nAuthorization: x\nCache-Control: no-cache", "200\n" FRESH "\n\nmine", "200\n\nmine"},
          STILL_THERE}},
        {"the service refuses it",
         NULL,
         {FIRST(FRESH), {"GET $/a\nX-Bad: 1\nCache-Control: no-cache", "400\n\nbad", "400\n\nbad"}, STILL_THERE}},
        {"the service refuses to be asked as often",
         NULL,
         {FIRST("ETag: \"1\"\n" FRESH "\nAge: 61"),
          {"GET $/a", "429\n\nlater", "429\n\nlater"},
          {"GET $/a", "304\nETag: \"1\"\n" FRESH, "200\n>If-None-Match: \"1\"\n\none"}}},
        {"a range that is not there, of what cannot be confirmed",
         NULL,
         {FIRST(FRESH),
          {"GET $/a\nRange: bytes=9-\nCache-Control: no-cache", "200\n" FRESH "\n\none", "200\n>!Range"},
          STILL_THERE}},
        {"a 304 that nobody asked for",
         NULL,
         {FIRST(FRESH), {"GET $/a\nCache-Control: no-cache", "304", "304"}, STILL_THERE}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

static void it_does_not_keep_the_next_one_from_the_cache(void **state)
{
    static const play_t plays[] = {
        {"with credentials",
         NULL,
         {{"GET $/a\nAuthorization: x", "200\n" FRESH "\n\nmine", "200\n\nmine"},
          {"GET $/a", "200\n" FRESH "\n\none", "200\n" STORED "\n\none"},
          STILL_THERE}},
        {"a range that is not there",
         NULL,
         {{"GET $/a\nRange: bytes=9-", "416\nContent-Range: bytes */3", "416"},
          {"GET $/a", "200\n" FRESH "\n\none", "200\n" STORED "\n\none"},
          STILL_THERE}},
        {"the service refuses it",
         NULL,
         {{"GET $/a\nX-Bad: 1", "400\n\nbad", "400\n\nbad"},
          {"GET $/a", "200\n" FRESH "\n\none", "200\n" STORED "\n\none"},
          STILL_THERE}},
        {"a 304 that nobody asked for",
         NULL,
         {{"GET $/a", "304", "304"}, {"GET $/a", "200\n" FRESH "\n\none", "200\n" STORED "\n\none"}, STILL_THERE}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

#define OLD "Cache-Control: max-age=0, stale-while-revalidate=600"

static void what_is_refreshed_behind_a_client_is_not_what_that_client_asked_for(void **state)
{
    static const play_t plays[] = {
        {"a range",
         NULL,
         {FIRST(OLD),
          {"GET $/a\nRange: bytes=0-0", "200\n" FRESH "\n\ntwo", "206\n\no"},
          {"again GET $/a", NULL, "200\n" HIT "\n\ntwo"}}},
        {"no-store",
         NULL,
         {FIRST(OLD),
          {"GET $/a\nCache-Control: no-store", "200\n" FRESH "\n\ntwo", "200\n\none"},
          {"again GET $/a", NULL, "200\n" HIT "\n\ntwo"}}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

static void a_stale_response_of_unknown_length_in_place_of_a_failure_has_an_end(void **state)
{
#define CHUNKED "200\nTransfer-Encoding: chunked\nCache-Control: max-age=0, stale-if-error=60\n\none two three"
    static const play_t plays[] = {
        {"the service says 500",
         NULL,
         {{"GET $/a", CHUNKED, "200\n\none two three"},
          {"GET $/a", "500\n\nbad", "200\nCache-Status: sluice; fwd=stale; *\n\none two three"},
          {"GET $/a\nRange: bytes=4-6", "500\n\nbad", "206\nContent-Range: bytes 4-6/13\n\ntwo"}}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

/** The service sees our word there, of which nothing is in the request. */
static void what_varies_by_a_field_that_the_gateway_writes_is_not_stored(void **state)
{
    static const play_t plays[] = {
        {"X-Forwarded-For",
         NULL,
         {{"GET $/a", "200\nVary: Accept, X-Forwarded-For\n" FRESH "\n\nfor A",
           "200\nCache-Status: sluice; fwd=uri-miss; fwd-status=200; detail=vary-any"},
          {"GET $/a", "200\nVary: Accept, X-Forwarded-For\n" FRESH "\n\nfor B", "200\n\nfor B"}}},
        {"X-Request-Id",
         NULL,
         {{"GET $/a", "200\nVary: x-request-id\n" FRESH "\n\nfor A",
           "200\nCache-Status: sluice; fwd=uri-miss; fwd-status=200; detail=vary-any"},
          {"GET $/a", "200\nVary: x-request-id\n" FRESH "\n\nfor B", "200\n\nfor B"}}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

static void credentials_of_which_no_principal_came_are_not_shared_though_the_key_is_by_principals(void **state)
{
    static const play_t plays[] = {
        {"by principal",
         "key: { by: [principal] }",
         {{"GET $/a\nAuthorization: A", "200\n" FRESH "\n\nfor A",
           "200\nCache-Status: sluice; fwd=uri-miss; fwd-status=200; detail=authorization\n\nfor A"},
          {"GET $/a\nAuthorization: B", "200\n" FRESH "\n\nfor B", "200\n\nfor B"}}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_that_is_answered_in_a_way_of_its_own_takes_nothing_from_the_others),
        cmocka_unit_test(it_does_not_keep_the_next_one_from_the_cache),
        cmocka_unit_test(what_is_refreshed_behind_a_client_is_not_what_that_client_asked_for),
        cmocka_unit_test(a_stale_response_of_unknown_length_in_place_of_a_failure_has_an_end),
        cmocka_unit_test(what_varies_by_a_field_that_the_gateway_writes_is_not_stored),
        cmocka_unit_test(credentials_of_which_no_principal_came_are_not_shared_though_the_key_is_by_principals),
    };
    return cmocka_run_group_tests_name("what the others are kept from", tests, plays_set_up, plays_tear_down);
}
