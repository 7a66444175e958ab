/* SPDX-License-Identifier: MIT
 * Rates: what is read, why others are refused, and the text they get again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "filters/rate_limit/rate.h"

static void rates_are_read_and_written_the_shortest_way(void **state)
{
    static const struct {
        const char *about, *text;
        uint64_t tokens, period_us;
        const char *printed;
    } cases[] = {
        {"a second", "100/s", 100, 1000000, "100/s"},
        {"a minute", "10/m", 10, 60000000, "10/m"},
        {"an hour", "1000/h", 1000, 3600000000, "1000/h"},
        {"a day", "3/d", 3, 86400000000, "3/d"},
        {"milliseconds", "5/250ms", 5, 250000, "5/250ms"},
        {"several seconds", "7/90s", 7, 90000000, "7/90s"},
        {"several hours", "7/2h", 7, 7200000000, "7/2h"},
        {"several days", "7/30d", 7, 30 * 86400000000, "7/30d"},
        {"one of a unit", "100/1s", 100, 1000000, "100/s"},
        {"a unit in milliseconds", "100/1000ms", 100, 1000000, "100/s"},
        {"a unit in a smaller one", "1/60s", 1, 60000000, "1/m"},
        {"a day in hours", "1/24h", 1, 86400000000, "1/d"},
        {"a minute and a half", "1/90000ms", 1, 90000000, "1/90s"},
        {"not made smaller: the burst differs", "60/m", 60, 60000000, "60/m"},
        {"the shortest time keeps its number", "1/1ms", 1, 1000, "1/1ms"},
        {"the longest time", "1/366d", 1, 366 * 86400000000, "1/366d"},
        {"the longest time in milliseconds", "1/31622400000ms", 1, 366 * 86400000000, "1/366d"},
        {"the longest text", "1000000000/31622399999ms", 1000000000, 31622399999000, "1000000000/31622399999ms"},
        {"the most tokens", "1000000000/s", 1000000000, 1000000, "1000000000/s"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_rate_t rate = {0, 0};
        const char *wanted = "";
        char printed[GW_RATE_TEXT_MAX];
        if (!gw_rate_parse(gw_str_of(cases[i].text), &rate, &wanted))
            fail_msg("%s: '%s' is refused: %s", cases[i].about, cases[i].text, wanted);
        if (rate.tokens != cases[i].tokens || rate.period_us != cases[i].period_us)
            fail_msg("%s: '%s' is %llu in %llu us", cases[i].about, cases[i].text, (unsigned long long)rate.tokens,
                     (unsigned long long)rate.period_us);
        assert_int_equal(gw_rate_print(&rate, printed), strlen(cases[i].printed));
        assert_string_equal(printed, cases[i].printed);
    }
}

static void what_is_no_rate_is_refused_with_the_right_form(void **state)
{
#define FORM   "a rate such as 100/s, 1000/h or 5/250ms"
#define TOKENS "1..1000000000 before the '/'"
#define WHOLE  "a whole number before the '/'"
#define TIME   "s, m, h, d or a time such as 250ms after the '/'"
#define PERIOD "1ms..366d after the '/'"
    static const struct {
        const char *about, *text, *wanted;
    } cases[] = {
        {"no text", "", FORM},
        {"a number alone", "100", FORM},
        {"a word", "fast", FORM},
        {"per in words", "100 per second", FORM},
        {"no tokens", "/s", "a number of tokens before the '/'"},
        {"the slash alone", "/", "a number of tokens before the '/'"},
        {"zero tokens", "0/s", TOKENS},
        {"one too many", "1000000001/s", TOKENS},
        {"ten times too many", "10000000000/s", TOKENS},
        {"beyond 64 bits", "99999999999999999999999/s", TOKENS},
        {"64 bits and back to one", "18446744073709551617/s", TOKENS},
        {"negative", "-1/s", TOKENS},
        {"signed", "+1/s", WHOLE},
        {"a fraction", "0.5/s", WHOLE},
        {"an exponent", "1e3/s", WHOLE},
        {"hexadecimal", "0x10/s", WHOLE},
        {"a suffix", "10k/s", WHOLE},
        {"a blank in front", " 10/s", WHOLE},
        {"a blank before the slash", "10 /s", WHOLE},
        {"leading zeros", "010/s", "a number without leading zeros before the '/'"},
        {"several zeros", "00/s", "a number without leading zeros before the '/'"},
        {"no time", "10/", TIME},
        {"a blank behind the slash", "10/ s", TIME},
        {"a blank at the end", "10/s ", TIME},
        {"a number without unit", "10/60", TIME},
        {"an unknown unit", "10/w", TIME},
        {"a unit in words", "10/second", TIME},
        {"a capital unit", "10/S", TIME},
        {"microseconds", "10/5us", TIME},
        {"two times", "10/1h30m", TIME},
        {"two slashes", "10/s/m", TIME},
        {"a fraction of a time", "10/0.5s", TIME},
        {"a negative time", "10/-5s", TIME},
        {"a bare millisecond", "10/ms", "1ms, with its number, after the '/'"},
        {"leading zeros of the time", "10/05s", "a number without leading zeros after the '/'"},
        {"no time at all", "10/0s", PERIOD},
        {"a day too long", "10/367d", PERIOD},
        {"a millisecond too long", "10/31622400001ms", PERIOD},
        {"days whose microseconds come round to a right time", "10/213503983d", PERIOD},
        {"beyond 64 bits of time", "10/99999999999999999999999d", PERIOD},
        {"64 bits of time and back to one", "10/18446744073709551617s", PERIOD},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_rate_t rate = {11, 12};
        const char *wanted = NULL;
        if (gw_rate_parse(gw_str_of(cases[i].text), &rate, &wanted))
            fail_msg("%s: '%s' is read", cases[i].about, cases[i].text);
        if (wanted == NULL || strcmp(wanted, cases[i].wanted) != 0)
            fail_msg("%s: '%s' is refused for '%s'", cases[i].about, cases[i].text,
                     wanted != NULL ? wanted : "nothing");
        assert_int_equal(rate.tokens, 11);
        assert_int_equal(rate.period_us, 12);
    }
}

static void a_rate_ends_where_its_length_says(void **state)
{
    gw_rate_t rate;
    const char *wanted;
    assert_true(gw_rate_parse(gw_str("10/ms", 4), &rate, &wanted));
    assert_int_equal(rate.period_us, 60000000);
    assert_false(gw_rate_parse(gw_str("10/s", 3), &rate, &wanted));
    assert_false(gw_rate_parse(gw_str("10/s", 2), &rate, &wanted));
    assert_false(gw_rate_parse(GW_STR("10/s\0"), &rate, &wanted));
    assert_false(gw_rate_parse(GW_STR("10\0/s"), &rate, &wanted));
    assert_false(gw_rate_parse(gw_str(NULL, 0), &rate, &wanted));
}

static void every_rate_that_is_written_is_read_as_the_same(void **state)
{
    static const uint64_t tokens[] = {1, 9, 10, 999999999, 1000000000};
    /* steps of a prime reach times of every unit and of none */
    for (uint64_t ms = 1; ms <= GW_RATE_MAX_PERIOD_US / 1000; ms += ms < 100000 ? 1 : 7654321)
        for (size_t i = 0; i != sizeof(tokens) / sizeof(tokens[0]); ++i) {
            gw_rate_t rate = {tokens[i], ms * 1000}, again = {0, 0};
            const char *wanted;
            char text[GW_RATE_TEXT_MAX];
            size_t len = gw_rate_print(&rate, text);
            if (!gw_rate_parse(gw_str(text, len), &again, &wanted) || again.tokens != rate.tokens ||
                again.period_us != rate.period_us)
                fail_msg("%llu in %llu ms is written as '%s'", (unsigned long long)tokens[i], (unsigned long long)ms,
                         text);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_read_and_written_the_shortest_way),
        cmocka_unit_test(what_is_no_rate_is_refused_with_the_right_form),
        cmocka_unit_test(a_rate_ends_where_its_length_says),
        cmocka_unit_test(every_rate_that_is_written_is_read_as_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
