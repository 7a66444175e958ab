/* SPDX-License-Identifier: MIT
 * Parts of responses: cut out of whole ones that are stored, and stored themselves (RFC 9110 14, RFC 9111 3.3). */
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
#define DIGITS     "0123456789"

#define WHOLE                                                                                                          \
    {                                                                                                                  \
        "GET $/a", "200\nETag: \"1\"\nLast-Modified: <-600>\nContent-Type: text/x\n" FRESH "\n\n" DIGITS,              \
            "200\nContent-Length: 10\n\n" DIGITS                                                                       \
    }
#define IS_PART(range, length, body)                                                                                   \
    "206\nContent-Range: bytes " range "/10\nContent-Length: " length                                                  \
    "\nETag: \"1\"\nContent-Type: text/x\nAge: *\n" HIT "\n\n" body
#define IS_WHOLE         "200\nContent-Length: 10\n!Content-Range\n" HIT "\n\n" DIGITS
#define IS_UNSATISFIABLE "416\nContent-Range: bytes */10\n!Content-Type\n" HIT "\n\n"
#define ASKED(about, fields, reply)                                                                                    \
    {                                                                                                                  \
        about, NULL,                                                                                                   \
        {                                                                                                              \
            WHOLE, {"GET $/a\n" fields, NULL, reply},                                                                  \
            {                                                                                                          \
                "GET $/a", NULL, IS_WHOLE                                                                              \
            }                                                                                                          \
        }                                                                                                              \
    }

static void parts_are_cut_out_of_what_is_stored(void **state)
{
    static const play_t plays[] = {
        ASKED("the first bytes", "Range: bytes=0-3", IS_PART("0-3", "4", "0123")),
        ASKED("in the middle", "Range: bytes=4-6", IS_PART("4-6", "3", "456")),
        ASKED("one byte", "Range: bytes=9-9", IS_PART("9-9", "1", "9")),
        ASKED("to the end", "Range: bytes=7-", IS_PART("7-9", "3", "789")),
        ASKED("beyond the end", "Range: bytes=7-100", IS_PART("7-9", "3", "789")),
        ASKED("all of it", "Range: bytes=0-9", IS_PART("0-9", "10", DIGITS)),
        ASKED("all of it, open", "Range: bytes=0-", IS_PART("0-9", "10", DIGITS)),
        ASKED("the last bytes", "Range: bytes=-3", IS_PART("7-9", "3", "789")),
        ASKED("more of the last bytes than there are", "Range: bytes=-30", IS_PART("0-9", "10", DIGITS)),
        ASKED("in any case", "Range: BYTES=0-3", IS_PART("0-3", "4", "0123")),
        ASKED("from the end on", "Range: bytes=10-", IS_UNSATISFIABLE),
        ASKED("from beyond the end on", "Range: bytes=20-30", IS_UNSATISFIABLE),
        ASKED("none of the last bytes", "Range: bytes=-0", IS_UNSATISFIABLE),
        ASKED("another unit", "Range: lines=0-3", IS_WHOLE),
        ASKED("what is no range", "Range: bytes=3-0", IS_WHOLE),
        ASKED("what is no range at all", "Range: bytes", IS_WHOLE),
        ASKED("numbers that no file has", "Range: bytes=0-99999999999999999999", IS_PART("0-9", "10", DIGITS)),
        ASKED("several ranges get the whole", "Range: bytes=0-1,4-5", IS_WHOLE),
        ASKED("Range twice", "Range: bytes=0-1\nRange: bytes=4-5", IS_WHOLE),
        ASKED("If-Range of the same tag", "Range: bytes=0-3\nIf-Range: \"1\"", IS_PART("0-3", "4", "0123")),
        ASKED("If-Range of another tag", "Range: bytes=0-3\nIf-Range: \"2\"", IS_WHOLE),
        ASKED("If-Range of a weak tag", "Range: bytes=0-3\nIf-Range: W/\"1\"", IS_WHOLE),
        ASKED("If-Range of the same date", "Range: bytes=0-3\nIf-Range: <-600>", IS_PART("0-3", "4", "0123")),
        ASKED("If-Range of another date", "Range: bytes=0-3\nIf-Range: <-599>", IS_WHOLE),
        ASKED("If-Range of nonsense", "Range: bytes=0-3\nIf-Range: soon", IS_WHOLE),
        ASKED("If-Range decides before what cannot be satisfied", "Range: bytes=20-\nIf-Range: \"2\"", IS_WHOLE),
        ASKED("the client's own copy goes before the range", "Range: bytes=0-3\nIf-None-Match: \"1\"",
              "304\nETag: \"1\"\n!Content-Range\n" HIT "\n\n"),
        ASKED("another copy of the client's", "Range: bytes=0-3\nIf-None-Match: \"2\"", IS_PART("0-3", "4", "0123")),
        {"a HEAD with Range gets what a HEAD gets",
         NULL,
         {WHOLE, {"HEAD $/a\nRange: bytes=0-3", NULL, "200\nContent-Length: 10\n!Content-Range\n" HIT "\n\n"}}},
        {"of an empty body there is no part",
         NULL,
         {{"GET $/a", "200\n" FRESH "\n\n", "200\n\n"},
          {"GET $/a\nRange: bytes=0-", NULL, "416\nContent-Range: bytes */0\n\n"}}},
        {"of chunks",
         NULL,
         {{"GET $/a", "200\nTransfer-Encoding: chunked\n" FRESH "\n\n" DIGITS, "200\n\n" DIGITS},
          {"GET $/a\nRange: bytes=3-5", NULL, "206\nContent-Range: bytes 3-5/10\nContent-Length: 3\n" HIT "\n\n345"}}},
        {"of a 404 there are no parts",
         NULL,
         {{"GET $/a", "404\n" FRESH "\n\n" DIGITS, "404\n\n" DIGITS},
          {"GET $/a\nRange: bytes=3-5", NULL, "404\n!Content-Range\n\n" DIGITS}}},
        {"of what is stale and confirmed",
         NULL,
         {{"GET $/a", "200\nETag: \"1\"\nAge: 70\n" FRESH "\n\n" DIGITS, "200\n\n" DIGITS},
          {"GET $/a\nRange: bytes=3-5", "304\n" FRESH,
           "206\n>!Range\n>If-None-Match: \"1\"\nContent-Range: bytes 3-5/10\nCache-Status: sluice; fwd=stale; "
           "fwd-status=304; stored; *\n\n345"}}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

/** An answer with part of the digits. */
#define PART(range, body) "206\nETag: \"1\"\nContent-Range: bytes " range "/10\n" FRESH "\n\n" body
#define PASSED            "Cache-Status: sluice; fwd=uri-miss; fwd-status=206; *"

static void parts_are_stored_and_used_for_what_they_hold(void **state)
{
    static const play_t plays[] = {
        {"the same part again",
         NULL,
         {{"GET $/a\nRange: bytes=2-5", PART("2-5", "2345"),
           "206\n>Range: bytes=2-5\nContent-Range: bytes 2-5/10\nContent-Length: 4\nCache-Status: *; stored; "
           "*\n\n2345"},
          {"GET $/a\nRange: bytes=2-5", NULL, "206\nContent-Range: bytes 2-5/10\nContent-Length: 4\n" HIT "\n\n2345"}}},
        {"a smaller one",
         NULL,
         {{"GET $/a\nRange: bytes=2-5", PART("2-5", "2345"), "206\n\n2345"},
          {"GET $/a\nRange: bytes=3-4", NULL, "206\nContent-Range: bytes 3-4/10\nContent-Length: 2\n" HIT "\n\n34"},
          {"GET $/a\nRange: bytes=5-5", NULL, "206\nContent-Range: bytes 5-5/10\nContent-Length: 1\n" HIT "\n\n5"}}},
        {"a larger one takes the origin",
         NULL,
         {{"GET $/a\nRange: bytes=2-5", PART("2-5", "2345"), "206\n\n2345"},
          {"GET $/a\nRange: bytes=2-6", PART("2-6", "23456"),
           "206\n>Range: bytes=2-6\nContent-Range: bytes 2-6/10\n\n23456"},
          {"GET $/a\nRange: bytes=2-6", NULL, "206\nContent-Range: bytes 2-6/10\n" HIT "\n\n23456"}}},
        {"the whole takes the origin",
         NULL,
         {{"GET $/a\nRange: bytes=2-5", PART("2-5", "2345"), "206\n\n2345"},
          {"GET $/a", "200\nETag: \"1\"\n" FRESH "\n\n" DIGITS, "200\n>!Range\n!Content-Range\n\n" DIGITS},
          {"GET $/a\nRange: bytes=0-1", NULL, "206\nContent-Range: bytes 0-1/10\n" HIT "\n\n01"}}},
        {"the last bytes, of which a part has some",
         NULL,
         {{"GET $/a\nRange: bytes=-4", PART("6-9", "6789"), "206\n\n6789"},
          {"GET $/a\nRange: bytes=-2", NULL, "206\nContent-Range: bytes 8-9/10\n" HIT "\n\n89"},
          {"GET $/a\nRange: bytes=8-", NULL, "206\nContent-Range: bytes 8-9/10\n" HIT "\n\n89"}}},
        {"a HEAD is not answered from a part",
         NULL,
         {{"GET $/a\nRange: bytes=2-5", PART("2-5", "2345"), "206\n\n2345"},
          {"HEAD $/a", "200\n" FRESH "\n\n" DIGITS, "200\nContent-Length: 10\n!Content-Range\n\n"}}},
        {"a miss for which the origin sends the whole",
         NULL,
         {{"GET $/a\nRange: bytes=2-5", "200\nETag: \"1\"\n" FRESH "\n\n" DIGITS,
           "200\n>Range: bytes=2-5\n!Content-Range\n\n" DIGITS},
          {"GET $/a\nRange: bytes=2-5", NULL, "206\nContent-Range: bytes 2-5/10\n" HIT "\n\n2345"},
          {"GET $/a", NULL, "200\n" HIT "\n\n" DIGITS}}},
        {"one of unknown length is passed on and not stored",
         NULL,
         {{"GET $/a\nRange: bytes=2-5", "206\nContent-Range: bytes 2-5/*\n" FRESH "\n\n2345",
           "206\nContent-Range: bytes 2-5/*\n" PASSED "\n\n2345"},
          {"GET $/a\nRange: bytes=2-5", PART("2-5", "2345"), "206\n\n2345"}}},
        {"one that has fewer bytes than it says",
         NULL,
         {{"GET $/a\nRange: bytes=2-5", PART("2-5", "234"), "206\nContent-Length: 3\n" PASSED "\n\n234"},
          {"GET $/a\nRange: bytes=2-5", PART("2-5", "2345"), "206\n\n2345"}}},
        {"one that has more bytes than it says",
         NULL,
         {{"GET $/a\nRange: bytes=2-5", PART("2-5", "23456"), "206\nContent-Length: 5\n" PASSED "\n\n23456"},
          {"GET $/a\nRange: bytes=2-5", PART("2-5", "2345"), "206\n\n2345"}}},
        {"one that does not say which bytes it has",
         NULL,
         {{"GET $/a\nRange: bytes=2-5", "206\n" FRESH "\n\n2345", "206\nCache-Status: *; detail=partial\n\n2345"},
          {"GET $/a\nRange: bytes=2-5", PART("2-5", "2345"), "206\n\n2345"}}},
        {"one of other bytes than were asked for is kept as what it is",
         NULL,
         {{"GET $/a\nRange: bytes=2-5", PART("6-9", "6789"), "206\nContent-Range: bytes 6-9/10\n\n6789"},
          {"GET $/a\nRange: bytes=2-5", PART("2-5", "2345"), "206\nContent-Range: bytes 2-5/10\n\n2345"}}},
        {"several parts in one",
         NULL,
         {{"GET $/a\nRange: bytes=0-1,4-5", "206\nContent-Type: multipart/byteranges; boundary=x\n" FRESH "\n\n--x--",
           "206\n>Range: bytes=0-1,4-5\n\n--x--"},
          {"GET $/a\nRange: bytes=0-1,4-5", "206\nContent-Type: multipart/byteranges; boundary=x\n" FRESH "\n\n--y--",
           "206\n\n--y--"}}},
        {"a 416 is passed on and not stored",
         NULL,
         {{"GET $/a\nRange: bytes=20-", "416\nContent-Range: bytes */10\n" FRESH "\n\nno",
           "416\nContent-Range: bytes */10\nCache-Status: *; detail=status\n\nno"},
          {"GET $/a", "200\n" FRESH "\n\n" DIGITS, "200\n\n" DIGITS}}},
        {"one that is stale is validated as a part",
         NULL,
         {{"GET $/a\nRange: bytes=2-5", "206\nETag: \"1\"\nContent-Range: bytes 2-5/10\nAge: 70\n" FRESH "\n\n2345",
           "206\n\n2345"},
          {"GET $/a\nRange: bytes=2-5", "304\n" FRESH,
           "206\n>If-None-Match: \"1\"\nContent-Range: bytes 2-5/10\nCache-Status: sluice; fwd=stale; fwd-status=304; "
           "stored; *\n\n2345"}}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_cut_out_of_what_is_stored),
        cmocka_unit_test(parts_are_stored_and_used_for_what_they_hold),
    };
    return cmocka_run_group_tests(tests, plays_set_up, plays_tear_down);
}
