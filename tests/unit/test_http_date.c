/* SPDX-License-Identifier: MIT
 * Dates of HTTP: the three forms, what is none, and that writing and reading undo each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>
#include "gateway/base/random.h"
#include "gateway/http/date.h"

#define EXAMPLE     INT64_C(784111777)    /* Sun, 06 Nov 1994 08:49:37 GMT, of RFC 9110 5.6.7 */
#define IN_2025     INT64_C(1750000000)   /* Sun, 15 Jun 2025 15:06:40 GMT */
#define LAST_SECOND INT64_C(253402300799) /* of the year 9999 */

static const char *printed(int64_t seconds)
{
    static char text[GW_HTTP_DATE_LEN + 2];
    memset(text, '#', sizeof(text) - 1);
    gw_http_date_print(text, seconds);
    assert_int_equal(text[GW_HTTP_DATE_LEN], '#');
    text[GW_HTTP_DATE_LEN] = '\0';
    return text;
}

static void a_date_is_written_as_imf_fixdate(void **state)
{
    static const struct {
        const char *about;
        int64_t seconds;
        const char *text;
    } cases[] = {
        {"the example of RFC 9110 5.6.7", EXAMPLE, "Sun, 06 Nov 1994 08:49:37 GMT"},
        {"the first second", 0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"the last one", LAST_SECOND, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {"a leap day", 951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {"the day after a leap day", 951868800, "Wed, 01 Mar 2000 00:00:00 GMT"},
        {"no leap day in 2100", 4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
        {"31 bits and one more", 2147483648, "Tue, 19 Jan 2038 03:14:08 GMT"},
        {"before the first second is the first", -1, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"the smallest number", INT64_MIN, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"behind the last second is the last", LAST_SECOND + 1, "Fri, 31 Dec 9999 23:59:59 GMT"},
        {"the largest number", INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        print_message("%s\n", cases[i].about);
        assert_string_equal(printed(cases[i].seconds), cases[i].text);
    }
}

static void a_date_is_read_in_all_three_forms(void **state)
{
    static const struct {
        const char *about, *text;
        int64_t seconds;
    } cases[] = {
        {"RFC 9110 5.6.7: IMF-fixdate", "Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE},
        {"RFC 9110 5.6.7: RFC 850", "Sunday, 06-Nov-94 08:49:37 GMT", EXAMPLE},
        {"RFC 9110 5.6.7: asctime()", "Sun Nov  6 08:49:37 1994", EXAMPLE},
        {"RFC 9110 5.6.7: asctime() with a day of two digits", "Wed Nov 16 08:49:37 1994", EXAMPLE + 10 * 86400},
        {"RFC 9111 4.2: the case of a day does not matter", "SUN, 06 Nov 1994 08:49:37 GMT", EXAMPLE},
        {"RFC 9111 4.2: nor that of a month", "Sun, 06 nOV 1994 08:49:37 GMT", EXAMPLE},
        {"RFC 9111 4.2: nor that of the zone", "Sun, 06 Nov 1994 08:49:37 gmt", EXAMPLE},
        {"RFC 9111 4.2: nor that of a whole day", "sUNDAY, 06-NOV-94 08:49:37 gMt", EXAMPLE},
        {"a day of the week that is another one's", "Mon, 06 Nov 1994 08:49:37 GMT", EXAMPLE},
        {"another one's in full", "Monday, 06-Nov-94 08:49:37 GMT", EXAMPLE},
        {"another one's of asctime()", "Fri Nov  6 08:49:37 1994", EXAMPLE},
        {"before 1970", "Wed, 31 Dec 1969 23:59:59 GMT", -1},
        {"the first year", "Sat, 01 Jan 0000 00:00:00 GMT", INT64_C(-62167219200)},
        {"the last second", "Fri, 31 Dec 9999 23:59:59 GMT", LAST_SECOND},
        {"beyond 31 bits", "Tue, 19 Jan 2038 14:14:08 GMT", 2147523248},
        {"beyond 32 bits", "Sun, 21 Nov 2286 04:46:39 GMT", 10000039599},
        {"a leap day", "Tue, 29 Feb 2000 00:00:00 GMT", 951782400},
        {"RFC 9111 4.2: a leap second is the one before it", "Sat, 31 Dec 2016 23:59:60 GMT", 1483228799},
        {"RFC 9110 5.6.7: 50 years ahead", "Saturday, 15-Jun-75 15:06:40 GMT", 3327836800},
        {"RFC 9110 5.6.7: a second more is in the past", "Sunday, 15-Jun-75 15:06:41 GMT", 172076801},
        {"RFC 9110 5.6.7: a month more is in the past", "Tuesday, 15-Jul-75 00:00:00 GMT", 174614400},
        {"RFC 9110 5.6.7: 51 years ahead is in the past", "Tuesday, 15-Jun-76 00:00:00 GMT", 203644800},
        {"RFC 9110 5.6.7: 25 years ahead", "Thursday, 18-Aug-50 02:01:18 GMT", 2544400878},
        {"a leap day that only the past has", "Sunday, 29-Feb-76 00:00:00 GMT", 194400000},
        {"this century's beginning", "Saturday, 01-Jan-00 00:00:00 GMT", 946684800},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        int64_t seconds = -12345;
        if (!gw_http_date_parse(gw_str_of(cases[i].text), IN_2025, &seconds))
            fail_msg("%s: '%s' is not read", cases[i].about, cases[i].text);
        if (seconds != cases[i].seconds)
            fail_msg("%s: '%s' is read as %lld", cases[i].about, cases[i].text, (long long)seconds);
    }
}

static void what_is_no_date_is_not_read(void **state)
{
    static const struct {
        const char *about, *text;
    } cases[] = {
        {"nothing", ""},
        {"a number", "784111777"},
        {"what is often sent to mean the past", "0"},
        {"the same", "-1"},
        {"a word", "yesterday"},
        {"ISO 8601", "1994-11-06T08:49:37Z"},
        {"RFC 9111 4.2: another zone", "Sun, 06 Nov 1994 08:49:37 AEST"},
        {"another name of the zone", "Sun, 06 Nov 1994 08:49:37 UTC"},
        {"an offset", "Sun, 06 Nov 1994 08:49:37 +0000"},
        {"no zone", "Sun, 06 Nov 1994 08:49:37"},
        {"more than a zone", "Sun, 06 Nov 1994 08:49:37 GMT+1"},
        {"a blank behind it", "Sun, 06 Nov 1994 08:49:37 GMT "},
        {"a blank before it", " Sun, 06 Nov 1994 08:49:37 GMT"},
        {"two dates", "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT"},
        {"no day of the week", "06 Nov 1994 08:49:37 GMT"},
        {"no such day of the week", "Son, 06 Nov 1994 08:49:37 GMT"},
        {"half a day of the week", "Sund, 06-Nov-94 08:49:37 GMT"},
        {"the short day with the long form", "Sun, 06-Nov-94 08:49:37 GMT"},
        {"the long day with the short form", "Sunday, 06 Nov 1994 08:49:37 GMT"},
        {"no comma", "Sun 06 Nov 1994 08:49:37 GMT"},
        {"no blank behind the comma", "Sun,06 Nov 1994 08:49:37 GMT"},
        {"two blanks", "Sun, 06  Nov 1994 08:49:37 GMT"},
        {"a tab", "Sun,\t06 Nov 1994 08:49:37 GMT"},
        {"dashes and four digits", "Sun, 06-Nov-1994 08:49:37 GMT"},
        {"the long form with four digits", "Sunday, 06-Nov-1994 08:49:37 GMT"},
        {"two digits of a year", "Sun, 06 Nov 94 08:49:37 GMT"},
        {"five digits of a year", "Sun, 06 Nov 11994 08:49:37 GMT"},
        {"one digit of a day", "Sun, 6 Nov 1994 08:49:37 GMT"},
        {"one digit of a day without its blank", "Sun Nov 6 08:49:37 1994"},
        {"no such month", "Sun, 06 Nom 1994 08:49:37 GMT"},
        {"a month in full", "Sun, 06 November 1994 08:49:37 GMT"},
        {"a day 0", "Sun, 00 Nov 1994 08:49:37 GMT"},
        {"a day too many", "Sun, 31 Nov 1994 08:49:37 GMT"},
        {"a day 32", "Sun, 32 Dec 1994 08:49:37 GMT"},
        {"no leap day in 2023", "Wed, 29 Feb 2023 00:00:00 GMT"},
        {"no leap day in 1900", "Thu, 29 Feb 1900 00:00:00 GMT"},
        {"no leap day in the year that is meant", "Monday, 29-Feb-75 00:00:00 GMT"},
        {"one digit of an hour", "Sun, 06 Nov 1994 8:49:37 GMT"},
        {"an hour 24", "Sun, 06 Nov 1994 24:00:00 GMT"},
        {"a minute 60", "Sun, 06 Nov 1994 08:60:37 GMT"},
        {"a second 60 that is no leap second", "Sun, 06 Nov 1994 08:49:60 GMT"},
        {"a second 61", "Sat, 31 Dec 2016 23:59:61 GMT"},
        {"full stops", "Sun, 06 Nov 1994 08.49.37 GMT"},
        {"a fraction", "Sun, 06 Nov 1994 08:49:37.5 GMT"},
        {"a sign", "Sun, +6 Nov 1994 08:49:37 GMT"},
        {"asctime() with a zone", "Sun Nov  6 08:49:37 1994 GMT"},
        {"asctime() with a line's end", "Sun Nov  6 08:49:37 1994\n"},
        {"half of one", "Sun, 06 Nov 19"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        int64_t seconds = -12345;
        if (gw_http_date_parse(gw_str_of(cases[i].text), IN_2025, &seconds))
            fail_msg("%s: '%s' is read as %lld", cases[i].about, cases[i].text, (long long)seconds);
        assert_true(seconds == -12345);
    }
}

static void a_date_ends_where_its_length_says(void **state)
{
    static const char *const texts[] = {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};
    for (size_t i = 0; i != sizeof(texts) / sizeof(texts[0]); ++i) {
        int64_t seconds;
        for (size_t len = 0; len != strlen(texts[i]); ++len)
            assert_false(gw_http_date_parse(gw_str(texts[i], len), IN_2025, &seconds));
        assert_true(gw_http_date_parse(gw_str(texts[i], strlen(texts[i])), IN_2025, &seconds));
    }
}

/* strftime() and gmtime_r() know the calendar as well */
static void every_date_is_what_the_c_library_makes_of_it_and_is_read_again(void **state)
{
    uint64_t random = 1994;
    for (int i = 0; i != 200000; ++i) {
        int64_t seconds = (int64_t)(gw_random_next(&random) % (LAST_SECOND + 1)), again = -1;
        time_t time = (time_t)seconds;
        struct tm tm;
        char text[64];
        gmtime_r(&time, &tm);
        strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        assert_string_equal(printed(seconds), text);
        assert_true(gw_http_date_parse(gw_str_of(text), IN_2025, &again) && again == seconds);
        strftime(text, sizeof(text), "%a %b %e %H:%M:%S %Y", &tm);
        assert_true(gw_http_date_parse(gw_str_of(text), IN_2025, &again) && again == seconds);
    }
}

/* what RFC 9110 5.6.7 asks, done the slow way: of all years with these digits the last that is not too late */
static void a_year_of_two_digits_is_the_latest_that_is_not_too_far_ahead(void **state)
{
    uint64_t random = 850;
    for (int i = 0; i != 20000; ++i) {
        int64_t now = (int64_t)(gw_random_next(&random) % 60000000000u), again = -1, expected = INT64_MIN;
        time_t time = (time_t)now;
        struct tm limit, tm;
        gmtime_r(&time, &limit);
        limit.tm_year += 50;
        time = (time_t)(gw_random_next(&random) % 60000000000u);
        gmtime_r(&time, &tm);
        char text[64];
        size_t len = strftime(text, sizeof(text), "%A, %d-%b-", &tm);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%02d", tm.tm_year % 100);
        strftime(text + len, sizeof(text) - len, " %H:%M:%S GMT", &tm);
        bool is_leap_day = tm.tm_mon == 1 && tm.tm_mday == 29;
        bool is_limited_by_leap_day = limit.tm_mon == 1 && limit.tm_mday == 29;
        if (is_leap_day || is_limited_by_leap_day)
            continue; /* those are in the rows above */
        for (int year = tm.tm_year % 100; year < 2500; year += 100) {
            struct tm candidate = tm;
            candidate.tm_year = year;
            if (timegm(&candidate) <= timegm(&limit))
                expected = timegm(&candidate);
        }
        assert_true(gw_http_date_parse(gw_str_of(text), now, &again));
        if (again != expected)
            fail_msg("'%s' at %lld is %lld", text, (long long)now, (long long)again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_date_is_written_as_imf_fixdate),
        cmocka_unit_test(a_date_is_read_in_all_three_forms),
        cmocka_unit_test(what_is_no_date_is_not_read),
        cmocka_unit_test(a_date_ends_where_its_length_says),
        cmocka_unit_test(every_date_is_what_the_c_library_makes_of_it_and_is_read_again),
        cmocka_unit_test(a_year_of_two_digits_is_the_latest_that_is_not_too_far_ahead),
    };
    return cmocka_run_group_tests_name("test_http_date", tests, NULL, NULL);
}
