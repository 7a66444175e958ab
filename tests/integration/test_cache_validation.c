/* SPDX-License-Identifier: MIT
 * Asking the origin whether a stored response is still right, and answering clients that ask the same of theirs
 * (RFC 9111 4.3). */
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
#define STALE      "Cache-Control: max-age=60\nAge: 70"
#define HIT        "Cache-Status: sluice; hit; ttl=*"
#define CONFIRMED  "Cache-Status: sluice; fwd=stale; fwd-status=304; stored; ttl=~60"
#define REPLACED   "Cache-Status: sluice; fwd=stale; fwd-status=200; stored; ttl=~60"

/** The first request, which has a response stored with these fields. */
#define FIRST(fields)                                                                                                  \
    {                                                                                                                  \
        "GET $/a", "200\n" fields "\n\none", "200\n\none"                                                              \
    }

static void a_stale_response_is_confirmed_or_replaced(void **state)
{
    static const play_t plays[] = {
        {"by its ETag",
         NULL,
         {FIRST("ETag: \"1\"\n" STALE),
          {"GET $/a", "304\nETag: \"1\"\n" FRESH,
           "200\n>If-None-Match: \"1\"\n>!If-Modified-Since\nETag: \"1\"\n" CONFIRMED "\n\none"},
          {"GET $/a", NULL, "200\n" HIT "\n\none"}}},
        {"by Last-Modified",
         NULL,
         {FIRST("Last-Modified: <-600>\n" STALE),
          {"GET $/a", "304\n" FRESH, "200\n>If-Modified-Since: <-600>\n>!If-None-Match\n" CONFIRMED "\n\none"},
          {"GET $/a", NULL, "200\nLast-Modified: <-600>\n" HIT "\n\none"}}},
        {"by both",
         NULL,
         {FIRST("ETag: \"1\"\nLast-Modified: <-600>\n" STALE),
          {"GET $/a", "304\nETag: \"1\"\n" FRESH,
           "200\n>If-Modified-Since: <-600>\n>If-None-Match: \"1\"\n" CONFIRMED "\n\none"}}},
        {"by a weak tag",
         NULL,
         {FIRST("ETag: W/\"1\"\n" STALE),
          {"GET $/a", "304\nETag: W/\"1\"\n" FRESH, "200\n>If-None-Match: W/\"1\"\n" CONFIRMED "\n\none"}}},
        {"a tag that is none is not asked by",
         NULL,
         {FIRST("ETag: 1\nLast-Modified: <-600>\n" STALE),
          {"GET $/a", "304\n" FRESH, "200\n>If-Modified-Since: <-600>\n>!If-None-Match\n" CONFIRMED "\n\none"}}},
        {"by a Last-Modified of another form, which goes out as it came",
         NULL,
         {FIRST("Last-Modified: Sunday, 06-Nov-94 08:49:37 GMT\n" STALE),
          {"GET $/a", "304\n" FRESH, "200\n>If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\n" CONFIRMED "\n\none"}}},
        {"a 200 takes its place",
         NULL,
         {FIRST("ETag: \"1\"\nX-Old: 1\n" STALE),
          {"GET $/a", "200\nETag: \"2\"\n" FRESH "\n\ntwo",
           "200\n>If-None-Match: \"1\"\nETag: \"2\"\n!X-Old\n" REPLACED "\n\ntwo"},
          {"GET $/a", NULL, "200\nETag: \"2\"\n!X-Old\n" HIT "\n\ntwo"}}},
        {"a 404 takes its place",
         NULL,
         {FIRST("ETag: \"1\"\n" STALE),
          {"GET $/a", "404\n" FRESH "\n\ngone", "404\n\ngone"},
          {"GET $/a", NULL, "404\n" HIT "\n\ngone"}}},
        {"a 200 that may not be stored: the old one goes all the same",
         NULL,
         {FIRST("ETag: \"1\"\n" STALE),
          {"GET $/a", "200\nCache-Control: no-store\n\ntwo",
           "200\nCache-Status: sluice; fwd=stale; fwd-status=200; "
           "detail=no-store\n\ntwo"},
          {"GET $/a", "200\n" FRESH "\n\nthree", "200\n>!If-None-Match\n\nthree"}}},
        {"a failure is passed on, and the old one stays",
         NULL,
         {FIRST("ETag: \"1\"\n"
                "Cache-Control: max-age=60\nAge: 700"),
          {"GET $/a", "500\n\noops", "500\nCache-Status: sluice; fwd=stale; fwd-status=500*\n\noops"},
          {"GET $/a", "304\n" FRESH, "200\n>If-None-Match: \"1\"\n" CONFIRMED "\n\none"}}},
        {"3.2 a 304 brings new fields, and leaves those that describe the body",
         NULL,
         {FIRST("ETag: \"1\"\nX-A: old\nX-B: old\nContent-Type: text/x\nContent-Encoding: gzip\n" STALE),
          {"GET $/a", "304\nETag: \"1\"\nX-A: new\nX-C: new\nContent-Encoding: br\nContent-Length: 7\n" FRESH,
           "200\nX-A: new\nX-B: old\nX-C: new\nContent-Type: text/x\nContent-Encoding: gzip\nContent-Length: 3\n\none"},
          {"GET $/a", NULL,
           "200\nX-A: new\nX-B: old\nX-C: new\nContent-Encoding: gzip\nContent-Length: 3\n" HIT "\n\none"}}},
        {"3.2 of several lines of a name none stays",
         NULL,
         {FIRST("ETag: \"1\"\nX-A: one\nX-A: two\n" STALE),
          {"GET $/a", "304\nX-A: new\n" FRESH, "200\nX-A: new\n!X-A: two\n\none"}}},
        {"3.2 not what Connection names in it",
         NULL,
         {FIRST("ETag: \"1\"\nX-A: old\n" STALE),
          {"GET $/a", "304\nConnection: X-A\nX-A: hop\n" FRESH, "200\nX-A: old\n\none"},
          {"GET $/a", NULL, "200\nX-A: old\n" HIT "\n\none"}}},
        {"a 304 without a lifetime keeps the old one's, from now on",
         NULL,
         {FIRST("ETag: \"1\"\n" STALE),
          {"GET $/a", "304\nETag: \"1\"", "200\nCache-Control: max-age=60\n" CONFIRMED "\n\none"},
          {"GET $/a", NULL, "200\n" HIT "\n\none"}}},
        {"a 304 that says no-store: it is answered, and forgotten",
         NULL,
         {FIRST("ETag: \"1\"\n" STALE),
          {"GET $/a", "304\nCache-Control: no-store",
           "200\nCache-Status: sluice; fwd=stale; fwd-status=304; ttl=*; detail=no-store\n\none"},
          {"GET $/a", "200\n" FRESH "\n\ntwo", "200\n>!If-None-Match\n\ntwo"}}},
        {"nothing to ask by: it is asked for anew",
         NULL,
         {FIRST("Cache-Control: max-age=60, stale-if-error=100\nAge: 70"),
          {"GET $/a", "200\n" FRESH "\n\ntwo", "200\n>!If-None-Match\n>!If-Modified-Since\n" REPLACED "\n\ntwo"}}},
        {"a HEAD has it confirmed, too",
         NULL,
         {FIRST("ETag: \"1\"\n" STALE),
          {"HEAD $/a", "304\n" FRESH,
           "200\n>If-None-Match: \"1\"\nContent-Length: 3\nCache-Status: sluice; fwd=stale; "
           "fwd-status=304; *\n\n"},
          {"GET $/a", NULL, "200\n" HIT "\n\none"}}},
        {"one that is confirmed again and again",
         NULL,
         {FIRST("ETag: \"1\"\nCache-Control: no-cache"),
          {"GET $/a", "304\nX-A: 1", "200\nX-A: 1\n\none"},
          {"GET $/a", "304\nX-A: 2", "200\nX-A: 2\n\none"},
          {"GET $/a", "304\nX-A: 3\nCache-Control: max-age=60", "200\nX-A: 3\n\none"},
          {"GET $/a", NULL, "200\nX-A: 3\n" HIT "\n\none"}}},
        {"an empty body",
         NULL,
         {{"GET $/a", "200\nETag: \"1\"\n" STALE "\n\n", "200\n\n"},
          {"GET $/a", "304\n" FRESH, "200\nContent-Length: 0\n" CONFIRMED "\n\n"},
          {"GET $/a", NULL, "200\nContent-Length: 0\n" HIT "\n\n"}}},
        {"a lifetime of a second that ends",
         NULL,
         {FIRST("ETag: \"1\"\nCache-Control: max-age=1"),
          {"again GET $/a", "304\n" FRESH, "200\n>If-None-Match: \"1\"\n" CONFIRMED "\n\none"},
          {"GET $/a", NULL, "200\n" HIT "\n\none"}}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

static void clients_ask_about_their_own_copy(void **state)
{
#define TAGGED "ETag: \"1\"\nLast-Modified: <-600>\nContent-Type: text/x\nX-A: 1\n" FRESH
#define IS_NOT_MODIFIED                                                                                                \
    "304\nETag: \"1\"\n!Content-Type\n!Content-Length\n!Transfer-Encoding\nCache-Control: max-age=60\nAge: *\n" HIT    \
    "\n\n"
#define IS_SENT "200\nETag: \"1\"\n" HIT "\n\none"
#define ASKED(about, fields, reply)                                                                                    \
    {                                                                                                                  \
        about, NULL,                                                                                                   \
        {                                                                                                              \
            FIRST(TAGGED), {"GET $/a\n" fields, NULL, reply},                                                          \
            {                                                                                                          \
                "GET $/a", NULL, IS_SENT                                                                               \
            }                                                                                                          \
        }                                                                                                              \
    }
    static const play_t plays[] = {
        ASKED("the same tag", "If-None-Match: \"1\"", IS_NOT_MODIFIED),
        ASKED("the same tag, weakly", "If-None-Match: W/\"1\"", IS_NOT_MODIFIED),
        ASKED("one of several", "If-None-Match: \"0\", \"1\"", IS_NOT_MODIFIED),
        ASKED("on several lines", "If-None-Match: \"0\"\nIf-None-Match: \"1\"", IS_NOT_MODIFIED),
        ASKED("*", "If-None-Match: *", IS_NOT_MODIFIED),
        ASKED("another tag", "If-None-Match: \"2\"", IS_SENT),
        ASKED("what is no tag", "If-None-Match: 1", IS_SENT),
        ASKED("the same date", "If-Modified-Since: <-600>", IS_NOT_MODIFIED),
        ASKED("a later date", "If-Modified-Since: <-60>", IS_NOT_MODIFIED),
        ASKED("an earlier date", "If-Modified-Since: <-601>", IS_SENT),
        ASKED("what is no date", "If-Modified-Since: soon", IS_SENT),
        ASKED("the tag goes before the date", "If-None-Match: \"2\"\nIf-Modified-Since: <-60>", IS_SENT),
        ASKED("the tag goes before the date, either way", "If-None-Match: \"1\"\nIf-Modified-Since: <-900>",
              IS_NOT_MODIFIED),
        {"a weak tag is the same as itself",
         NULL,
         {FIRST("ETag: W/\"1\"\n" FRESH),
          {"GET $/a\nIf-None-Match: W/\"1\"", NULL, "304\nETag: W/\"1\"\n" HIT "\n\n"},
          {"GET $/a\nIf-None-Match: \"1\"", NULL, "304\n\n"}}},
        {"a HEAD asks, too", NULL, {FIRST(TAGGED), {"HEAD $/a\nIf-None-Match: \"1\"", NULL, IS_NOT_MODIFIED}}},
        {"a date where there is no Last-Modified: Date stands for it",
         NULL,
         {FIRST("Date: <-10>\n" FRESH), {"GET $/a\nIf-Modified-Since: <-0>", NULL, "304\n\n"}}},
        {"a stored 404 is sent, whatever is asked",
         NULL,
         {{"GET $/a", "404\nETag: \"1\"\n" FRESH "\n\none", "404\n\none"},
          {"GET $/a\nIf-None-Match: \"1\"", NULL, "404\n\none"}}},
        {"If-Match passes: it is the origin's to refuse",
         NULL,
         {FIRST(TAGGED),
          {"GET $/a\nIf-Match: \"2\"", "412\n\nno",
           "412\n>If-Match: \"2\"\nCache-Status: sluice; fwd=request; "
           "fwd-status=412; detail=preconditions\n\nno"},
          {"GET $/a", NULL, IS_SENT}}},
        {"so does If-Unmodified-Since",
         NULL,
         {FIRST(TAGGED),
          {"GET $/a\nIf-Unmodified-Since: <-900>", "412\n\nno", "412\n>If-Unmodified-Since: <-900>\n\nno"},
          {"GET $/a", NULL, IS_SENT}}},
        {"a miss: the origin is asked for all of it, and the client gets what it asked",
         NULL,
         {{"GET $/a\nIf-None-Match: \"1\"", "200\n" TAGGED "\n\none",
           "304\n>!If-None-Match\nETag: \"1\"\nCache-Status: sluice; fwd=uri-miss; fwd-status=200; stored; "
           "ttl=~60\n\n"},
          {"GET $/a", NULL, IS_SENT}}},
        {"a miss, of a date",
         NULL,
         {{"GET $/a\nIf-Modified-Since: <-60>", "200\n" TAGGED "\n\none", "304\n>!If-Modified-Since\n\n"},
          {"GET $/a", NULL, IS_SENT}}},
        {"a miss, of another tag",
         NULL,
         {{"GET $/a\nIf-None-Match: \"2\"", "200\n" TAGGED "\n\none", "200\n>!If-None-Match\n\none"},
          {"GET $/a", NULL, IS_SENT}}},
        {"a miss that may not be stored",
         NULL,
         {{"GET $/a\nIf-None-Match: \"1\"", "200\nETag: \"1\"\nCache-Control: no-store\n\none", "200\n\none"}}},
        {"stale, and the origin has the same: the client's tag is answered",
         NULL,
         {FIRST("ETag: \"1\"\n" STALE),
          {"GET $/a\nIf-None-Match: \"1\"", "304\n" FRESH, "304\n>If-None-Match: \"1\"\n" CONFIRMED "\n\n"},
          {"GET $/a", NULL, IS_SENT}}},
        {"stale, and the client has another one",
         NULL,
         {FIRST("ETag: \"1\"\n" STALE),
          {"GET $/a\nIf-None-Match: \"0\"", "304\n" FRESH, "200\n>If-None-Match: \"1\"\nETag: \"1\"\n\none"}}},
        {"stale, and the client has the new one already",
         NULL,
         {FIRST("ETag: \"1\"\n" STALE),
          {"GET $/a\nIf-None-Match: \"2\"", "200\nETag: \"2\"\n" FRESH "\n\ntwo", "304\nETag: \"2\"\n\n"},
          {"GET $/a", NULL, "200\nETag: \"2\"\n" HIT "\n\ntwo"}}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stale_response_is_confirmed_or_replaced),
        cmocka_unit_test(clients_ask_about_their_own_copy),
    };
    return cmocka_run_group_tests(tests, plays_set_up, plays_tear_down);
}
