/* SPDX-License-Identifier: MIT
 * What the response cache stores, for how long and for whom: the clauses of RFC 9111 3, 4.2 and 5.2 and the operator's
 * rules, as clients and the origin see them. */
#include <crypt.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/conf_files.h"
#include "tests/support/plays.h"
#include "tests/support/tokens.h"

#define NUM(array) (sizeof(array) / sizeof((array)[0]))
#define FRESH      "Cache-Control: max-age=60"
#define HIT        "200\nCache-Status: sluice; hit; ttl=*\n\none"
#define STORED(s)  #s "\nCache-Status: sluice; fwd=uri-miss; fwd-status=" #s "; stored; ttl=*\n\none"
#define NOT(why)   "200\nCache-Status: sluice; fwd=uri-miss; fwd-status=200; detail=" why "\n\none"
#define ITS_OWN    "200\nCache-Status: sluice; fwd=uri-miss; fwd-status=200; *\n\ntwo"
#define AGAIN      "200\nCache-Status: sluice; fwd=uri-miss; fwd-status=200; detail=uncacheable*\n\ntwo"
#define TWO        "200\n" FRESH "\n\ntwo"

/** Rows for plays of two requests: the first answer is stored, and the second request gets it. */
#define STORES(about, options, answer)                                                                                 \
    {                                                                                                                  \
        about, options,                                                                                                \
        {                                                                                                              \
            {"GET $/a", "200\n" answer "\n\none", STORED(200)},                                                        \
            {                                                                                                          \
                "GET $/a", NULL, HIT                                                                                   \
            }                                                                                                          \
        }                                                                                                              \
    }
/** It is not stored, for that reason. */
#define STORES_NOT(about, options, answer, why)                                                                        \
    {                                                                                                                  \
        about, options,                                                                                                \
        {                                                                                                              \
            {"GET $/a", "200\n" answer "\n\none", NOT(why)},                                                           \
            {                                                                                                          \
                "GET $/a", TWO, AGAIN                                                                                  \
            }                                                                                                          \
        }                                                                                                              \
    }
/** It is stored, and the origin is asked about it every time. */
#define VALIDATES(about, options, answer)                                                                              \
    {                                                                                                                  \
        about, options,                                                                                                \
        {                                                                                                              \
            {"GET $/a", "200\nETag: \"1\"\n" answer "\n\none", "200\nCache-Status: *; stored; *\n\none"},              \
                {"GET $/a", "304\nETag: \"1\"\n" answer,                                                               \
                 "200\n>If-None-Match: \"1\"\nCache-Status: sluice; fwd=stale; fwd-status=304; stored; *\n\none"},     \
            {                                                                                                          \
                "GET $/a", "200\nETag: \"2\"\n" answer "\n\ntwo",                                                      \
                    "200\nETag: \"2\"\nCache-Status: sluice; fwd=stale; fwd-status=200; stored; *\n\ntwo"              \
            }                                                                                                          \
        }                                                                                                              \
    }

static void responses_are_stored_as_they_say(void **state)
{
    static const play_t plays[] = {
        STORES("5.2.2.1 max-age", NULL, FRESH),
        STORES("5.2.2.10 s-maxage", NULL, "Cache-Control: s-maxage=60"),
        STORES("5.2.2.10 s-maxage before max-age", NULL, "Cache-Control: max-age=0, s-maxage=60"),
        STORES("5.3 Expires", NULL, "Date: <-0>\nExpires: <+60>"),
        STORES("5.3 max-age before Expires", NULL, "Expires: <-60>\n" FRESH),
        STORES("5.3 s-maxage before Expires", NULL, "Expires: 0\nCache-Control: s-maxage=60"),
        STORES("5.2 several lines", NULL, "Cache-Control: public\n" FRESH),
        STORES("5.2 the case of directives", NULL, "Cache-Control: MAX-AGE=60"),
        STORES("5.2 an argument in quotes", NULL, "Cache-Control: max-age=\"60\""),
        STORES("5.2.3 what is unknown is passed over", NULL, "Cache-Control: foo=bar, max-age=60, baz=\"no-store\""),
        STORES("5.4 Pragma of a response says nothing", NULL, "Pragma: no-cache\n" FRESH),
        STORES("5.5 Warning says nothing", NULL, "Warning: 110 - \"stale\"\n" FRESH),
        STORES("1.2.2 more seconds than fit", NULL, "Cache-Control: max-age=99999999999999999999"),
        STORES("RFC 9213 CDN-Cache-Control before Cache-Control", NULL,
               "Cache-Control: no-store\nCDN-Cache-Control: max-age=60"),
        STORES("RFC 9213 what cannot be read of it is as if it were not there", NULL,
               "CDN-Cache-Control: no-store,,\n" FRESH),
        STORES("RFC 9213 Expires does not count beside it", NULL, "Expires: <-60>\nCDN-Cache-Control: max-age=60"),
        STORES("5.2.2.3 must-understand of a status that is understood, with no-store", NULL,
               "Cache-Control: max-age=60, must-understand, no-store"),
        STORES("4.2.2 a tenth of the time since Last-Modified", NULL, "Last-Modified: <-6000>"),
        STORES("Set-Cookie, when the conf says so", "store_set_cookie: true", "Set-Cookie: a=b\n" FRESH),
        STORES("ttl, where the origin says nothing", "ttl: 60s", "X-A: 1"),
        STORES("override_ttl against max-age=0", "override_ttl: 60s", "Cache-Control: max-age=0"),
        STORES("override_ttl against no-cache", "override_ttl: 60s", "Cache-Control: no-cache"),
        STORES("override_ttl against Expires", "override_ttl: 60s", "Expires: 0"),
        STORES_NOT("5.2.2.5 no-store", NULL, "Cache-Control: no-store, max-age=60", "no-store"),
        STORES_NOT("5.2.2.5 no-store on a line of its own", NULL, FRESH "\nCache-Control: no-store", "no-store"),
        STORES_NOT("5.2.2.5 No-Store", NULL, "Cache-Control: No-Store, max-age=60", "no-store"),
        STORES_NOT("5.2.2.7 private", NULL, "Cache-Control: private, max-age=60", "private"),
        STORES_NOT("5.2.2.7 private beside s-maxage", NULL, "Cache-Control: s-maxage=60, private", "private"),
        STORES_NOT("override_ttl not against no-store", "override_ttl: 60s", "Cache-Control: no-store", "no-store"),
        STORES_NOT("override_ttl not against private", "override_ttl: 60s", "Cache-Control: private", "private"),
        STORES_NOT("Set-Cookie", NULL, "Set-Cookie: a=b\n" FRESH, "set-cookie"),
        STORES_NOT("4.1 Vary: *", NULL, "Vary: *\n" FRESH, "vary-any"),
        STORES_NOT("3 nothing is said", NULL, "X-A: 1", "no-lifetime"),
        STORES_NOT("3 max-age=0 and nothing to ask about", NULL, "Cache-Control: max-age=0", "no-lifetime"),
        STORES_NOT("5.2 max-age of which one cannot be read", NULL, "Cache-Control: max-age=abc", "no-lifetime"),
        STORES_NOT("5.2 several max-age: the least", NULL, "Cache-Control: max-age=60, max-age=0", "no-lifetime"),
        STORES_NOT("5.2.2.10 s-maxage=0 before max-age", NULL, "Cache-Control: max-age=60, s-maxage=0", "no-lifetime"),
        STORES_NOT("5.3 Expires: 0", NULL, "Expires: 0", "no-lifetime"),
        STORES_NOT("5.3 Expires twice", NULL, "Expires: <+60>\nExpires: <+70>", "no-lifetime"),
        STORES_NOT("RFC 9213 CDN-Cache-Control: no-store", NULL, FRESH "\nCDN-Cache-Control: no-store", "no-store"),
        STORES_NOT("RFC 9213 CDN-Cache-Control: private", NULL, FRESH "\nCDN-Cache-Control: private", "private"),
        VALIDATES("heuristic_share: 0%", "heuristic_share: 0%", "Last-Modified: <-6000>"),
        VALIDATES("5.2.2.4 no-cache", NULL, "Cache-Control: no-cache, max-age=60"),
        VALIDATES("max-age=0", NULL, "Cache-Control: max-age=0"),
        VALIDATES("an Age beyond max-age", NULL, "Age: 61\n" FRESH),
        VALIDATES("a Date beyond max-age", NULL, "Date: <-120>\n" FRESH),
        VALIDATES("5.2.2.2 must-revalidate when stale", NULL, "Cache-Control: max-age=0, must-revalidate"),
        VALIDATES("nothing but an ETag", NULL, "X-A: 1"),
        VALIDATES("RFC 9213 CDN-Cache-Control: no-cache", NULL, FRESH "\nCDN-Cache-Control: no-cache"),
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

/** How long a response is fresh, as Cache-Status tells when it comes. */
static void lifetimes_are_what_the_first_of_those_who_say_it_says(void **state)
{
#define LIVES(about, options, answer, seconds)                                                                         \
    {                                                                                                                  \
        about, options,                                                                                                \
        {                                                                                                              \
            {                                                                                                          \
                "GET $/a", "200\n" answer "\n\none", "200\nCache-Status: *; stored; ttl=" seconds "\n\none"            \
            }                                                                                                          \
        }                                                                                                              \
    }
    static const play_t plays[] = {
        LIVES("max-age", NULL, "Cache-Control: max-age=60", "60"),
        LIVES("s-maxage before max-age", NULL, "Cache-Control: max-age=60, s-maxage=600", "600"),
        LIVES("max-age before Expires", NULL, "Cache-Control: max-age=60\nExpires: <+900>", "60"),
        LIVES("Expires less Date", NULL, "Age: 1000\nDate: <-900>\nExpires: <+900>", "800"),
        LIVES("the least of several", NULL, "Cache-Control: max-age=600, max-age=60", "60"),
        LIVES("the least of several lines", NULL, "Cache-Control: max-age=60\nCache-Control: max-age=600", "60"),
        LIVES("CDN-Cache-Control before all others", NULL,
              "CDN-Cache-Control: max-age=30\nCache-Control: max-age=60, s-maxage=600\nExpires: <+900>", "30"),
        LIVES("less what it is old", NULL, "Cache-Control: max-age=60\nAge: 25", "35"),
        LIVES("not more than any number of seconds", NULL, "Cache-Control: max-age=99999999999999999999", "2147483648"),
        LIVES("heuristic_max", "heuristic_max: 30s", "Last-Modified: <-600000>", "30"),
        LIVES("heuristic_share", "heuristic_share: 50%, heuristic_max: 1000s", "Last-Modified: <-600000>", "1000"),
        LIVES("the conf's ttl before a guess", "ttl: 77s", "Last-Modified: <-600000>", "77"),
        LIVES("the origin before the conf's ttl", "ttl: 77s", "Cache-Control: max-age=60", "60"),
        LIVES("the conf's override_ttl before the origin", "override_ttl: 77s", "Cache-Control: max-age=60", "77"),
        LIVES("override_ttl counts from when it came", "override_ttl: 77s", "Cache-Control: max-age=60\nAge: 1000",
              "77"),
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

static void statuses_are_stored_as_they_may_be(void **state)
{
    static const play_t plays[] = {
        {"15.1 404 with Last-Modified alone",
         NULL,
         {{"GET $/a", "404\nLast-Modified: <-6000>\n\none", STORED(404)}, {"GET $/a", NULL, "404\n\none"}}},
        {"15.1 302 with Last-Modified alone is not",
         NULL,
         {{"GET $/a", "302\nLast-Modified: <-6000>\nLocation: /\n\none", "302\nCache-Status: *; detail=no-lifetime"},
          {"GET $/a", "200\n\ntwo", "200\n\ntwo"}}},
        {"5.2.2.9 302 with public is",
         NULL,
         {{"GET $/a", "302\nLast-Modified: <-6000>\nCache-Control: public\nLocation: /\n\none", STORED(302)},
          {"GET $/a", NULL, "302\nLocation: /\n\none"}}},
        {"302 with max-age",
         NULL,
         {{"GET $/a", "302\n" FRESH "\nLocation: /\n\none", STORED(302)},
          {"GET $/a", NULL, "302\nLocation: /\n\none"}}},
        {"500 without a word",
         NULL,
         {{"GET $/a", "500\n\none", "500\nCache-Status: sluice; fwd=uri-miss; fwd-status=500*\n\none"},
          {"GET $/a", "200\n\ntwo", "200\n\ntwo"}}},
        {"RFC 6585 429 never",
         NULL,
         {{"GET $/a", "429\n" FRESH "\n\none", "429\nCache-Status: *; detail=status\n\none"},
          {"GET $/a", "200\n\ntwo", "200\n\ntwo"}}},
        {"412 never: it answers preconditions",
         NULL,
         {{"GET $/a", "412\n" FRESH "\n\none", "412\nCache-Status: *; detail=status\n\none"},
          {"GET $/a", "200\n\ntwo", "200\n\ntwo"}}},
        {"a 304 that nobody asked for",
         NULL,
         {{"GET $/a", "304\n" FRESH, "304\nCache-Status: sluice; fwd=uri-miss; fwd-status=304; detail=status\n\n"},
          {"GET $/a", "200\n\ntwo", "200\n\ntwo"}}},
        {"a 206 that nobody asked for",
         NULL,
         {{"GET $/a", "206\nContent-Range: bytes 0-2/9\n" FRESH "\n\none",
           "206\nCache-Status: *; detail=partial\n\none"},
          {"GET $/a", "200\n\ntwo", "200\n\ntwo"}}},
        {"5.2.2.3 must-understand of a status that nobody knows",
         NULL,
         {{"GET $/a", "299\nCache-Control: max-age=60, must-understand\n\none",
           "299\nCache-Status: *; detail=status\n\none"},
          {"GET $/a", "200\n\ntwo", "200\n\ntwo"}}},
        {"negative_ttl",
         "negative_ttl: 60s",
         {{"GET $/a", "404\n\none", STORED(404)},
          {"GET $/a", NULL, "404\nCache-Status: sluice; hit; ttl=*\n\none"},
          {"GET $/b", "200\n\none", NOT("no-lifetime")}}},
        {"negative_ttl does not hold where the origin says something",
         "negative_ttl: 60s",
         {{"GET $/a", "404\nCache-Control: max-age=0\n\none", "404\nCache-Status: *; detail=no-lifetime"},
          {"GET $/a", "200\n\ntwo", "200\n\ntwo"}}},
        {"negative_statuses",
         "negative_ttl: 60s, negative_statuses: [ 5xx ]",
         {{"GET $/a", "503\n\none", STORED(503)},
          {"GET $/a", NULL, "503\n\none"},
          {"GET $/b", "404\n\none", "404\nCache-Status: *; detail=no-lifetime"}}},
        {"ttl is not for failures",
         "ttl: 60s",
         {{"GET $/a", "404\n\none", "404\nCache-Status: *; detail=no-lifetime"},
          {"GET $/a", "200\n\none", "200\n\none"}}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

static void fields_that_are_for_one_only_are_not_stored(void **state)
{
    static const play_t plays[] = {
        {"3.1 what Connection names",
         NULL,
         {{"GET $/a", "200\n" FRESH "\nConnection: X-Hop\nX-Hop: 1\nX-End: 2\n\none", "200\n!X-Hop\nX-End: 2\n\none"},
          {"GET $/a", NULL, "200\n!X-Hop\nX-End: 2\n\none"}}},
        {"3.1 fields of one hop",
         NULL,
         {{"GET $/a", "200\n" FRESH "\nKeep-Alive: 5\nProxy-Authenticate: x\nProxy-Connection: x\n\none",
           "200\n!Keep-Alive\n\none"},
          {"GET $/a", NULL, "200\n!Keep-Alive\n!Proxy-Authenticate\n!Proxy-Connection\n\none"}}},
        {"5.2.2.7 private=\"X-Mine\"",
         NULL,
         {{"GET $/a",
           "200\nCache-Control: max-age=60, private=\"X-Mine, x-other\"\nX-Mine: 1\nX-Other: 2\nX-All: "
           "3\n\none",
           "200\nX-Mine: 1\nX-Other: 2\nX-All: 3\n\none"},
          {"GET $/a", NULL, "200\n!X-Mine\n!X-Other\nX-All: 3\n\none"}}},
        {"5.2.2.4 no-cache=\"Set-Cookie\"",
         NULL,
         {{"GET $/a", "200\nCache-Control: max-age=60, no-cache=\"Set-Cookie\"\nSet-Cookie: a=b\n\none",
           "200\nSet-Cookie: a=b\n\none"},
          {"GET $/a", NULL, "200\n!Set-Cookie\nCache-Status: sluice; hit; *\n\none"}}},
        {"5.1 Age is said anew",
         NULL,
         {{"GET $/a", "200\n" FRESH "\nAge: 5\nAge: 7\n\none", "200\nAge: 5\n\none"},
          {"GET $/a", NULL, "200\nAge: ~5\n\none"}}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

static void requests_say_what_they_take(void **state)
{
#define FIRST(answer)                                                                                                  \
    {                                                                                                                  \
        "GET $/a", "200\nETag: \"1\"\n" answer "\n\none", "200\n\none"                                                 \
    }
#define FORWARDED "200\nCache-Status: sluice; fwd=request; fwd-status=200; stored; ttl=*\n\ntwo"
#define NEW       "200\nETag: \"2\"\n" FRESH "\n\ntwo"
    static const play_t plays[] = {
        {"5.2.1.5 no-store: nothing of its response is kept",
         NULL,
         {{"GET $/a\nCache-Control: no-store", "200\n" FRESH "\n\none", NOT("request-no-store")},
          {"GET $/a", TWO, "200\nCache-Status: sluice; fwd=uri-miss; fwd-status=200; stored; ttl=~60\n\ntwo"}}},
        {"5.2.1.5 no-store: it may be answered from what there is",
         NULL,
         {FIRST(FRESH), {"GET $/a\nCache-Control: no-store", NULL, HIT}}},
        {"5.2.1.4 no-cache: the origin is asked",
         NULL,
         {FIRST(FRESH),
          {"GET $/a\nCache-Control: no-cache", "304\n" FRESH,
           "200\n>If-None-Match: \"1\"\nCache-Status: sluice; fwd=request; fwd-status=304; stored; ttl=~60\n\none"},
          {"GET $/a\nCache-Control: no-cache", NEW, FORWARDED},
          {"GET $/a", NULL, "200\nETag: \"2\"\n\ntwo"}}},
        {"5.4 Pragma: no-cache", NULL, {FIRST(FRESH), {"GET $/a\nPragma: no-cache", NEW, FORWARDED}}},
        {"5.4 Pragma beside Cache-Control says nothing",
         NULL,
         {FIRST(FRESH), {"GET $/a\nPragma: no-cache\nCache-Control: max-age=30", NULL, HIT}}},
        {"5.2.1.1 max-age: not older than that",
         NULL,
         {FIRST(FRESH "\nAge: 30"),
          {"GET $/a\nCache-Control: max-age=40", NULL, HIT},
          {"GET $/a\nCache-Control: max-age=20", NEW, FORWARDED}}},
        {"5.2.1.1 max-age=0", NULL, {FIRST(FRESH), {"GET $/a\nCache-Control: max-age=0", NEW, FORWARDED}}},
        {"RFC 8246 immutable: a reload gets what is fresh",
         NULL,
         {FIRST("Cache-Control: max-age=60, immutable"), {"GET $/a\nCache-Control: max-age=0", NULL, HIT}}},
        {"5.2.1.3 min-fresh",
         NULL,
         {FIRST(FRESH "\nAge: 30"),
          {"GET $/a\nCache-Control: min-fresh=20", NULL, HIT},
          {"GET $/a\nCache-Control: min-fresh=40", NEW, FORWARDED}}},
        {"5.2.1.2 max-stale",
         NULL,
         {FIRST(FRESH "\nAge: 70"),
          {"GET $/a\nCache-Control: max-stale=30", NULL,
           "200\nAge: 7*\nCache-Status: sluice; hit; ttl=-1*; "
           "detail=max-stale\n\none"},
          {"GET $/a\nCache-Control: max-stale=5", "304\nAge: 70\n" FRESH,
           "200\nCache-Status: sluice; fwd=stale; fwd-status=304; *\n\none"}}},
        {"5.2.1.2 max-stale of any age",
         NULL,
         {FIRST(FRESH "\nAge: 700"),
          {"GET $/a\nCache-Control: max-stale", NULL, "200\nCache-Status: *; detail=max-stale\n\none"}}},
        {"4.2.4 max-stale not against must-revalidate",
         NULL,
         {FIRST("Cache-Control: max-age=60, must-revalidate\nAge: 70"),
          {"GET $/a\nCache-Control: max-stale=30", NEW, "200\nCache-Status: sluice; fwd=stale; *\n\ntwo"}}},
        {"4.2.4 max-stale not against s-maxage",
         NULL,
         {FIRST("Cache-Control: s-maxage=60\nAge: 70"),
          {"GET $/a\nCache-Control: max-stale=30", NEW, "200\nCache-Status: sluice; fwd=stale; *\n\ntwo"}}},
        {"5.2.1.7 only-if-cached",
         NULL,
         {{"GET $/a\nCache-Control: only-if-cached", NULL, "504\nCache-Status: sluice; fwd=uri-miss*"},
          FIRST(FRESH),
          {"GET $/a\nCache-Control: only-if-cached", NULL, HIT},
          {"GET $/a\nCache-Control: only-if-cached, max-age=0", NULL, "504\nCache-Status: sluice; fwd=request*"}}},
        {"5.2.1.6 no-transform changes nothing",
         NULL,
         {FIRST(FRESH), {"GET $/a\nCache-Control: no-transform", NULL, HIT}}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

static void bypassed_requests_go_to_the_origin(void **state)
{
    static const play_t plays[] = {
        {"a header",
         "bypass: [ header:X-Debug ]",
         {{"GET $/a", "200\n" FRESH "\n\none", STORED(200)},
          {"GET $/a\nX-Debug: 1", TWO,
           "200\nCache-Status: sluice; fwd=bypass; fwd-status=200; detail=bypass-rule\n\ntwo"},
          {"GET $/a", NULL, HIT}}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

/* for whom --------------------------------------------------------------------------------------------------------- */

static void what_authorized_requests_get_is_stored_only_when_that_is_said(void **state)
{
#define ASKS "GET $/a\nAuthorization: Bearer x"
    static const play_t plays[] = {
        {"3.5 not by itself", NULL, {{ASKS, "200\n" FRESH "\n\none", NOT("authorization")}, {"GET $/a", TWO, ITS_OWN}}},
        {"3.5 public",
         NULL,
         {{ASKS, "200\nCache-Control: public, max-age=60\n\none", STORED(200)}, {"GET $/a", NULL, HIT}}},
        {"3.5 s-maxage", NULL, {{ASKS, "200\nCache-Control: s-maxage=60\n\none", STORED(200)}, {ASKS, NULL, HIT}}},
        {"3.5 must-revalidate",
         NULL,
         {{ASKS, "200\nCache-Control: max-age=60, must-revalidate\n\none", STORED(200)}, {"GET $/a", NULL, HIT}}},
        {"what is for everybody is for who is authorized, too",
         NULL,
         {{"GET $/a", "200\n" FRESH "\n\none", STORED(200)}, {ASKS, NULL, HIT}}},
        {"ttl does not make it public",
         "ttl: 60s",
         {{ASKS, "200\n\none", NOT("authorization")}, {"GET $/a", TWO, ITS_OWN}}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

/** A file with the key "abc", of ann.  To be freed. */
static char *write_key_of_ann(void)
{
    return conf_file_replace(test_folder, "key",
                             "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad ann\n");
}

static void who_is_nobody_to_the_key_gets_nothing_that_was_anothers(void **state)
{
#define ONE   "GET $/a\nAuthorization: Bearer one"
#define OTHER "GET $/a\nAuthorization: Bearer other"
    static const play_t plays[] = {
        {"credentials for the service, which no filter looks at",
         NULL,
         {{ONE, "200\n" FRESH "\n\none", NOT("authorization")}, {OTHER, TWO, ITS_OWN}, {"GET $/a", TWO, ITS_OWN}}},
        {"what is said to be for everybody",
         NULL,
         {{ONE, "200\nCache-Control: public, max-age=60\n\none", STORED(200)}, {OTHER, NULL, HIT}}},
        {"without credentials", NULL, {{"GET $/a", "200\n" FRESH "\n\none", STORED(200)}, {"GET $/a", NULL, HIT}}},
        {"whoever is known has an own one",
         NULL,
         {{"GET $/a", "200\n" FRESH "\n\none", STORED(200)},
          {"GET $/a\nX-API-Key: abc", TWO, "200\nCache-Status: *; stored; *\n\ntwo"},
          {"GET $/a\nX-API-Key: abc", NULL, "200\nCache-Status: sluice; hit; *\n\ntwo"},
          {"GET $/a", NULL, HIT}}},
    };
    (void)state;
    char *file = write_key_of_ann();
    gateway_t *gateway =
        gateway_start(CONF_LISTEN_4 CONF_PLAY_ORIGIN
                      "routes: [ { path: /, service: origin, filters: [ { api_key: { file: %s, optional: true } }, { "
                      "cache: { capacity: 16MiB, key: { by: [ principal ] } } } ] } ]\n",
                      play_origin->port, file);
    plays_run_through(gateway, plays, NUM(plays));
    gateway_stop(gateway);
    free(file);
}

static void what_a_filter_behind_the_cache_let_pass_is_not_for_everybody(void **state)
{
    static const play_t plays[] = {
        {"a key that is known behind the cache alone",
         NULL,
         {{"GET $/a\nX-API-Key: abc", "200\n" FRESH "\n\none", NOT("authorization")},
          {"GET $/a", NULL, "401\nCache-Status: *; detail=*"},
          {"GET $/a\nX-API-Key: abc", TWO, ITS_OWN}}},
    };
    (void)state;
    char *file = write_key_of_ann();
    for (int has_key = 0; has_key != 2; ++has_key) {
        gateway_t *gateway = gateway_start(
            CONF_LISTEN_4 CONF_PLAY_ORIGIN
            "routes: [ { path: /, service: origin, filters: [ { cache: { capacity: 16MiB%s } }, { api_key: { file: %s "
            "} } ] } ]\n",
            play_origin->port, has_key ? ", key: { by: [ principal ] }" : "", file);
        plays_run_through(gateway, plays, NUM(plays));
        gateway_stop(gateway);
    }
    free(file);
}

static gateway_t *principals_gateway(const char *filter, const char *options)
{
    return gateway_start(
        CONF_LISTEN_4 CONF_PLAY_ORIGIN
        "routes: [ { path: /, service: origin, filters: [ %s, { cache: { capacity: 16MiB%s } } ] } ]\n",
        play_origin->port, filter, options);
}

/** What one principal gets is never another's; with the principal in the key it is that one's own again. */
static void expect_apart(const char *about, const char *filter, const char *one, const char *other)
{
    print_message("%s\n", about);
    for (int has_key = 0; has_key != 2; ++has_key) {
        gateway_t *gateway = principals_gateway(filter, has_key ? ", key: { by: [ principal ] }" : "");
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            char request[2][4096];
            snprintf(request[0], sizeof(request[0]), "GET /%s/%d\n%s", has_key ? "key" : "none", t, one);
            snprintf(request[1], sizeof(request[1]), "GET /%s/%d\n%s", has_key ? "key" : "none", t, other);
            for (int i = 0; i != 6; ++i) {
                size_t asked = atomic_load(&play_origin->num_requests);
                play_answer(i % 2 == 0 ? "200\n" FRESH "\n\none's" : "200\n" FRESH "\n\nother's");
                reply_t reply = play_ask(gateway, t, request[i % 2]);
                bool is_hit = has_key && i >= 2;
                play_expect(&reply, i % 2 == 0 ? "200\n\none's" : "200\n\nother's");
                play_expect(&reply, is_hit    ? "200\nCache-Status: sluice; hit; *"
                                    : has_key ? "200\nCache-Status: *; stored; *"
                                              : "200\nCache-Status: sluice; fwd=uri-miss; fwd-status=200; detail=*");
                assert_int_equal(atomic_load(&play_origin->num_requests) - asked, !is_hit);
                reply_free(&reply);
            }
            /* what is said to be for everybody is, where the key does not tell them apart */
            snprintf(request[0], sizeof(request[0]), "GET /public/%d\n%s", t, one);
            snprintf(request[1], sizeof(request[1]), "GET /public/%d\n%s", t, other);
            play_answer("200\nCache-Control: public, max-age=60\n\nall's");
            for (int i = 0; i != 2; ++i) {
                size_t asked = atomic_load(&play_origin->num_requests);
                reply_t reply = play_ask(gateway, t, request[i]);
                play_expect(&reply, "200\n\nall's");
                assert_int_equal(atomic_load(&play_origin->num_requests) - asked, i == 0 || has_key);
                reply_free(&reply);
            }
        }
        gateway_stop(gateway);
    }
}

static void what_one_user_of_basic_auth_gets_is_not_anothers(void **state)
{
    struct crypt_data *data = calloc(1, sizeof(*data));
    char users[400], filter[500], fields[2][200];
    const char *const names[] = {"ann", "bob"};
    (void)state;
    snprintf(users, sizeof(users), "ann:%s\n", crypt_r("secret", "$2y$04$abcdefghijklmnopqrstuu", data));
    snprintf(users + strlen(users), sizeof(users) - strlen(users), "bob:%s\n",
             crypt_r("secret", "$2y$04$abcdefghijklmnopqrstuu", data));
    free(data);
    char *file = conf_file_replace(test_folder, "users", users);
    for (int i = 0; i != 2; ++i) {
        unsigned char pair[64], text[100];
        int len = snprintf((char *)pair, sizeof(pair), "%s:secret", names[i]);
        EVP_EncodeBlock(text, pair, len);
        snprintf(fields[i], sizeof(fields[i]), "Authorization: Basic %s", text);
    }
    snprintf(filter, sizeof(filter), "{ basic_auth: { file: %s } }", file);
    expect_apart("basic_auth", filter, fields[0], fields[1]);
    free(file);
}

static void what_one_api_key_gets_is_not_anothers(void **state)
{
    char filter[500], keys[400], digest[2][65];
    const char *const texts[] = {"abc", "another"};
    (void)state;
    for (int i = 0; i != 2; ++i) {
        unsigned char bytes[32];
        EVP_Digest(texts[i], strlen(texts[i]), bytes, NULL, EVP_sha256(), NULL);
        for (int k = 0; k != 32; ++k)
            snprintf(digest[i] + 2 * k, 3, "%02x", bytes[k]);
    }
    snprintf(keys, sizeof(keys), "sha256:%s ann\nsha256:%s bob\n", digest[0], digest[1]);
    char *file = conf_file_replace(test_folder, "keys", keys);
    snprintf(filter, sizeof(filter), "{ api_key: { file: %s } }", file);
    expect_apart("api_key", filter, "X-Api-Key: abc", "X-Api-Key: another");
    free(file);
}

static void what_one_subject_of_a_token_gets_is_not_anothers(void **state)
{
    char filter[700], fields[2][1500];
    const char *const names[] = {"ann", "bob"};
    (void)state;
    token_key_t *key = token_key_make("P-256", "k");
    char *jwks = token_jwks((const token_key_t *const[]){key, NULL});
    char *file = conf_file_replace(test_folder, "keys.json", jwks);
    for (int i = 0; i != 2; ++i) {
        char *token = token_mint(key, "ES256", "{\"sub\":\"%s\",\"exp\":%ld}", names[i], token_now() + 3600);
        snprintf(fields[i], sizeof(fields[i]), "Authorization: Bearer %s", token);
        free(token);
    }
    snprintf(filter, sizeof(filter), "{ jwt: { keys: { jwks_file: %s } } }", file);
    expect_apart("jwt", filter, fields[0], fields[1]);
    free(file);
    free(jwks);
    token_key_free(key);
}

static int set_up(void **state)
{
    return test_folder_create(state) != 0 || plays_set_up(state) != 0;
}

static int tear_down(void **state)
{
    return plays_tear_down(state) != 0 || test_folder_remove(state) != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(responses_are_stored_as_they_say),
        cmocka_unit_test(lifetimes_are_what_the_first_of_those_who_say_it_says),
        cmocka_unit_test(statuses_are_stored_as_they_may_be),
        cmocka_unit_test(fields_that_are_for_one_only_are_not_stored),
        cmocka_unit_test(requests_say_what_they_take),
        cmocka_unit_test(bypassed_requests_go_to_the_origin),
        cmocka_unit_test(what_authorized_requests_get_is_stored_only_when_that_is_said),
        cmocka_unit_test(who_is_nobody_to_the_key_gets_nothing_that_was_anothers),
        cmocka_unit_test(what_a_filter_behind_the_cache_let_pass_is_not_for_everybody),
        cmocka_unit_test(what_one_user_of_basic_auth_gets_is_not_anothers),
        cmocka_unit_test(what_one_api_key_gets_is_not_anothers),
        cmocka_unit_test(what_one_subject_of_a_token_gets_is_not_anothers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
