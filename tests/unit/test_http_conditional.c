/* SPDX-License-Identifier: MIT
 * Conditions of requests: each clause of RFC 9110 13 and of RFC 9111 4.3.2, and over all combinations that the steps of
 * 13.2.2 come in their order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/http/conditional.h"

#define NUM(array) (sizeof(array) / sizeof((array)[0]))

#define MODIFIED 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */
#define NOW      784200000
#define SAME     "Sun, 06 Nov 1994 08:49:37 GMT"
#define BEFORE   "Sun, 06 Nov 1994 08:49:36 GMT"
#define LATER    "Sun, 06 Nov 1994 08:49:38 GMT"

#define SEND         GW_PRECONDITIONS_SEND
#define NOT_MODIFIED GW_PRECONDITIONS_NOT_MODIFIED
#define FAILED       GW_PRECONDITIONS_FAILED

/** What was stored, for most rows. */
#define STORED                                                                                                         \
    {                                                                                                                  \
        200, GW_STR("\"abc\""), MODIFIED, MODIFIED + 3600                                                              \
    }
#define RANGE                                                                                                          \
    {                                                                                                                  \
        GW_STR("range"), GW_STR("bytes=0-1")                                                                           \
    }

static void conditions_are_judged_as_their_clauses_say(void **state)
{
    static const struct {
        const char *about;
        gw_http_field_t fields[4];
        gw_conditional_response_t response;
        gw_preconditions_t expected;
        bool is_ranged;
    } cases[] = {
        {"no condition", {{GW_STR("accept"), GW_STR("*/*")}}, STORED, SEND, false},
        {"13.1.2 the same tag", {{GW_STR("if-none-match"), GW_STR("\"abc\"")}}, STORED, NOT_MODIFIED, false},
        {"13.1.2 the same tag, weakly", {{GW_STR("if-none-match"), GW_STR("W/\"abc\"")}}, STORED, NOT_MODIFIED, false},
        {"13.1.2 one of several",
         {{GW_STR("if-none-match"), GW_STR("\"x\", W/\"y\" ,\"abc\"")}},
         STORED,
         NOT_MODIFIED,
         false},
        {"13.1.2 in the second line",
         {{GW_STR("if-none-match"), GW_STR("\"x\"")}, {GW_STR("if-none-match"), GW_STR("\"abc\"")}},
         STORED,
         NOT_MODIFIED,
         false},
        {"13.1.2 any", {{GW_STR("if-none-match"), GW_STR("*")}}, STORED, NOT_MODIFIED, false},
        {"13.1.2 any of what has no tag",
         {{GW_STR("if-none-match"), GW_STR("*")}},
         {200, {"", 0}, MODIFIED, MODIFIED},
         NOT_MODIFIED,
         false},
        {"13.1.2 another tag", {{GW_STR("if-none-match"), GW_STR("\"abcd\"")}}, STORED, SEND, false},
        {"13.1.2 a tag of what has none",
         {{GW_STR("if-none-match"), GW_STR("\"abc\"")}},
         {200, {"", 0}, MODIFIED, MODIFIED},
         SEND,
         false},
        {"13.1.2 an empty list", {{GW_STR("if-none-match"), GW_STR("")}}, STORED, SEND, false},
        {"13.1.3 the same date", {{GW_STR("if-modified-since"), GW_STR(SAME)}}, STORED, NOT_MODIFIED, false},
        {"13.1.3 a later date", {{GW_STR("if-modified-since"), GW_STR(LATER)}}, STORED, NOT_MODIFIED, false},
        {"13.1.3 an earlier date", {{GW_STR("if-modified-since"), GW_STR(BEFORE)}}, STORED, SEND, false},
        {"13.1.3 an old form",
         {{GW_STR("if-modified-since"), GW_STR("Sunday, 06-Nov-94 08:49:37 GMT")}},
         STORED,
         NOT_MODIFIED,
         false},
        {"13.1.3 not a date", {{GW_STR("if-modified-since"), GW_STR("yesterday")}}, STORED, SEND, false},
        {"13.1.3 two of them: ignored",
         {{GW_STR("if-modified-since"), GW_STR(SAME)}, {GW_STR("if-modified-since"), GW_STR(SAME)}},
         STORED,
         SEND,
         false},
        {"13.1.3 an origin without a date of change: ignored",
         {{GW_STR("if-modified-since"), GW_STR(LATER)}},
         {200, GW_STR("\"abc\""), GW_HTTP_NO_DATE, GW_HTTP_NO_DATE},
         SEND,
         false},
        {"9111 4.3.2 without Last-Modified, Date counts",
         {{GW_STR("if-modified-since"), GW_STR(SAME)}},
         {200, GW_STR("\"abc\""), GW_HTTP_NO_DATE, MODIFIED},
         NOT_MODIFIED,
         false},
        {"9111 4.3.2 and it is newer",
         {{GW_STR("if-modified-since"), GW_STR(SAME)}},
         {200, GW_STR("\"abc\""), GW_HTTP_NO_DATE, MODIFIED + 1},
         SEND,
         false},
        {"9111 4.3.2 Last-Modified counts, not Date",
         {{GW_STR("if-modified-since"), GW_STR(SAME)}},
         {200, {"", 0}, MODIFIED, MODIFIED + 3000},
         NOT_MODIFIED,
         false},
        {"13.1.3, 9111 4.3.2 the tag beats the date",
         {{GW_STR("if-modified-since"), GW_STR(LATER)}, {GW_STR("if-none-match"), GW_STR("\"x\"")}},
         STORED,
         SEND,
         false},
        {"13.1.3, 9111 4.3.2 the tag beats the date, the other way",
         {{GW_STR("if-none-match"), GW_STR("\"abc\"")}, {GW_STR("if-modified-since"), GW_STR(BEFORE)}},
         STORED,
         NOT_MODIFIED,
         false},
        {"13.1.1 the same tag", {{GW_STR("if-match"), GW_STR("\"x\", \"abc\"")}}, STORED, SEND, false},
        {"13.1.1 any", {{GW_STR("if-match"), GW_STR("*")}}, STORED, SEND, false},
        {"13.1.1 another tag", {{GW_STR("if-match"), GW_STR("\"x\"")}}, STORED, FAILED, false},
        {"13.1.1 weakly the same is another", {{GW_STR("if-match"), GW_STR("W/\"abc\"")}}, STORED, FAILED, false},
        {"13.1.1 in the second line",
         {{GW_STR("if-match"), GW_STR("\"x\"")}, {GW_STR("if-match"), GW_STR("\"abc\"")}},
         STORED,
         SEND,
         false},
        {"13.1.4 the same date", {{GW_STR("if-unmodified-since"), GW_STR(SAME)}}, STORED, SEND, false},
        {"13.1.4 an earlier date", {{GW_STR("if-unmodified-since"), GW_STR(BEFORE)}}, STORED, FAILED, false},
        {"13.1.4 not a date: ignored", {{GW_STR("if-unmodified-since"), GW_STR("never")}}, STORED, SEND, false},
        {"13.1.4 no date of change: ignored",
         {{GW_STR("if-unmodified-since"), GW_STR(BEFORE)}},
         {200, GW_STR("\"abc\""), GW_HTTP_NO_DATE, MODIFIED},
         SEND,
         false},
        {"13.1.4 If-Match beats it",
         {{GW_STR("if-unmodified-since"), GW_STR(BEFORE)}, {GW_STR("if-match"), GW_STR("\"abc\"")}},
         STORED,
         SEND,
         false},
        {"13.2.2 first If-Match, then If-None-Match: it fails",
         {{GW_STR("if-none-match"), GW_STR("\"abc\"")}, {GW_STR("if-match"), GW_STR("\"x\"")}},
         STORED,
         FAILED,
         false},
        {"13.2.2 both hold",
         {{GW_STR("if-none-match"), GW_STR("\"abc\"")}, {GW_STR("if-match"), GW_STR("\"abc\"")}},
         STORED,
         NOT_MODIFIED,
         false},
        {"13.2.1 not of a redirection",
         {{GW_STR("if-none-match"), GW_STR("\"abc\"")}},
         {301, GW_STR("\"abc\""), MODIFIED, MODIFIED},
         SEND,
         false},
        {"13.2.1 not of a 404",
         {{GW_STR("if-match"), GW_STR("\"x\"")}, RANGE},
         {404, GW_STR("\"abc\""), MODIFIED, MODIFIED},
         SEND,
         false},
        {"13.2.1 of a 203",
         {{GW_STR("if-none-match"), GW_STR("\"abc\"")}},
         {203, GW_STR("\"abc\""), MODIFIED, MODIFIED},
         NOT_MODIFIED,
         false},
        {"14.2 a range", {RANGE}, STORED, SEND, true},
        {"14.2 a range of a part", {RANGE}, {206, GW_STR("\"abc\""), MODIFIED, MODIFIED}, SEND, true},
        {"14.2 no range of a 203", {RANGE}, {203, GW_STR("\"abc\""), MODIFIED, MODIFIED}, SEND, false},
        {"14.2 two of them: ignored", {RANGE, RANGE}, STORED, SEND, false},
        {"13.2.2 a 304 has no range", {RANGE, {GW_STR("if-none-match"), GW_STR("*")}}, STORED, NOT_MODIFIED, false},
        {"13.2.2 a condition that lets it pass",
         {RANGE, {GW_STR("if-none-match"), GW_STR("\"x\"")}},
         STORED,
         SEND,
         true},
        {"13.1.5 the same tag", {RANGE, {GW_STR("if-range"), GW_STR("\"abc\"")}}, STORED, SEND, true},
        {"13.1.5 another tag", {RANGE, {GW_STR("if-range"), GW_STR("\"x\"")}}, STORED, SEND, false},
        {"13.1.5 a weak tag", {RANGE, {GW_STR("if-range"), GW_STR("W/\"abc\"")}}, STORED, SEND, false},
        {"13.1.5 both weak",
         {RANGE, {GW_STR("if-range"), GW_STR("W/\"abc\"")}},
         {200, GW_STR("W/\"abc\""), MODIFIED, MODIFIED + 3600},
         SEND,
         false},
        {"13.1.5 a list of tags is no tag",
         {RANGE, {GW_STR("if-range"), GW_STR("\"x\", \"abc\"")}},
         STORED,
         SEND,
         false},
        {"13.1.5 any is no tag", {RANGE, {GW_STR("if-range"), GW_STR("*")}}, STORED, SEND, false},
        {"13.1.5 a tag of what has none",
         {RANGE, {GW_STR("if-range"), GW_STR("\"\"")}},
         {200, {"", 0}, MODIFIED, MODIFIED + 3600},
         SEND,
         false},
        {"13.1.5 the same date", {RANGE, {GW_STR("if-range"), GW_STR(SAME)}}, STORED, SEND, true},
        {"13.1.5 a later date is not the same", {RANGE, {GW_STR("if-range"), GW_STR(LATER)}}, STORED, SEND, false},
        {"13.1.5 nor is an earlier one", {RANGE, {GW_STR("if-range"), GW_STR(BEFORE)}}, STORED, SEND, false},
        {"8.8.2.2 a date of the second in which it was sent is weak",
         {RANGE, {GW_STR("if-range"), GW_STR(SAME)}},
         {200, {"", 0}, MODIFIED, MODIFIED},
         SEND,
         false},
        {"8.8.2.2 a second later it is strong",
         {RANGE, {GW_STR("if-range"), GW_STR(SAME)}},
         {200, {"", 0}, MODIFIED, MODIFIED + 1},
         SEND,
         true},
        {"13.1.5 a date of what has none",
         {RANGE, {GW_STR("if-range"), GW_STR(SAME)}},
         {200, GW_STR("\"abc\""), GW_HTTP_NO_DATE, MODIFIED},
         SEND,
         false},
        {"13.1.5 an origin's date of change",
         {RANGE, {GW_STR("if-range"), GW_STR(SAME)}},
         {200, {"", 0}, MODIFIED, GW_HTTP_NO_DATE},
         SEND,
         true},
        {"13.1.5 neither tag nor date", {RANGE, {GW_STR("if-range"), GW_STR("abc")}}, STORED, SEND, false},
        {"13.1.5 two of them do not hold",
         {RANGE, {GW_STR("if-range"), GW_STR("\"abc\"")}, {GW_STR("if-range"), GW_STR("\"abc\"")}},
         STORED,
         SEND,
         false},
        {"13.1.5 without a range it means nothing", {{GW_STR("if-range"), GW_STR("\"x\"")}}, STORED, SEND, false},
        {"fields that are called alike",
         {{GW_STR("if-none-matchx"), GW_STR("*")}, {GW_STR("ranges"), GW_STR("bytes=0-1")}, {GW_STR("i"), GW_STR("*")}},
         STORED,
         SEND,
         false},
    };
    for (size_t i = 0; i != NUM(cases); ++i)
        for (int is_get = 0; is_get != 2; ++is_get) {
            size_t num = 0;
            gw_str_t range;
            while (num != NUM(cases[i].fields) && cases[i].fields[num].name.len != 0)
                ++num;
            print_message("%s\n", cases[i].about);
            assert_int_equal(gw_conditional_judge(is_get != 0, cases[i].fields, num, &cases[i].response, NOW, &range),
                             cases[i].expected);
            /* 14.2: there are no ranges of a HEAD */
            assert_true(gw_str_equal(range, cases[i].is_ranged && is_get ? GW_STR("bytes=0-1") : gw_str(NULL, 0)));
        }
}

/** Steps 1 to 5 of RFC 9110 13.2.2, of conditions that hold (1), do not (2), or are not there (0). */
static gw_preconditions_t by_steps(const int held[5], bool *ret_is_ranged)
{
    *ret_is_ranged = false;
    if (held[0] != 0 ? held[0] == 2 : held[1] == 2)
        return FAILED;
    if (held[2] != 0 ? held[2] == 2 : held[3] == 2)
        return NOT_MODIFIED;
    *ret_is_ranged = held[4] != 2;
    return SEND;
}

static void the_steps_come_in_their_order_whatever_that_of_the_fields(void **state)
{
    static const gw_http_field_t fields[5][2] = {
        {{GW_STR("if-match"), GW_STR("\"abc\"")}, {GW_STR("if-match"), GW_STR("\"x\"")}},
        {{GW_STR("if-unmodified-since"), GW_STR(SAME)}, {GW_STR("if-unmodified-since"), GW_STR(BEFORE)}},
        {{GW_STR("if-none-match"), GW_STR("\"x\"")}, {GW_STR("if-none-match"), GW_STR("\"abc\"")}},
        {{GW_STR("if-modified-since"), GW_STR(BEFORE)}, {GW_STR("if-modified-since"), GW_STR(SAME)}},
        {{GW_STR("if-range"), GW_STR("\"abc\"")}, {GW_STR("if-range"), GW_STR("\"x\"")}},
    };
    static const gw_conditional_response_t response = STORED;
    for (int combination = 0; combination != 3 * 3 * 3 * 3 * 3; ++combination)
        for (size_t turned = 0; turned != 6; ++turned) {
            gw_http_field_t there[6] = {RANGE}, sent[6];
            int held[5], rest = combination;
            size_t num = 1;
            for (size_t i = 0; i != 5; ++i, rest /= 3)
                if ((held[i] = rest % 3) != 0)
                    there[num++] = fields[i][held[i] - 1];
            for (size_t i = 0; i != num; ++i)
                sent[i] = there[(i + turned) % num];
            bool is_ranged;
            gw_str_t range;
            gw_preconditions_t expected = by_steps(held, &is_ranged);
            assert_int_equal(gw_conditional_judge(true, sent, num, &response, NOW, &range), expected);
            assert_int_equal(range.len != 0, is_ranged);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_are_judged_as_their_clauses_say),
        cmocka_unit_test(the_steps_come_in_their_order_whatever_that_of_the_fields),
    };
    return cmocka_run_group_tests_name("test_http_conditional", tests, NULL, NULL);
}
