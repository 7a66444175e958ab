/* SPDX-License-Identifier: MIT
 * Sets of statuses as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "gateway/http/status_set.h"

static unsigned count(const gw_status_set_t *set)
{
    unsigned num = 0;
    for (unsigned status = 0; status != 2000; ++status)
        num += gw_status_set_has(set, status);
    return num;
}

static void what_is_written_is_in_the_set_and_nothing_else(void **state)
{
    static const struct {
        const char *about, *text;
        unsigned first, last; /* first 0: refused */
    } cases[] = {
        {"one status", "503", 503, 503},
        {"the lowest", "100", 100, 100},
        {"the highest", "599", 599, 599},
        {"a status without a name", "299", 299, 299},
        {"a range", "500-504", 500, 504},
        {"a range of one", "404-404", 404, 404},
        {"a range across classes", "399-400", 399, 400},
        {"a range across the words of the set", "163-164", 163, 164},
        {"every status", "100-599", 100, 599},
        {"a class", "5xx", 500, 599},
        {"the lowest class", "1xx", 100, 199},
        {"nothing", "", 0, 0},
        {"no class of HTTP", "6xx", 0, 0},
        {"class zero", "0xx", 0, 0},
        {"half a class", "50x", 0, 0},
        {"a class in upper case", "5XX", 0, 0},
        {"x in the wrong place", "x5x", 0, 0},
        {"below the lowest", "099", 0, 0},
        {"above the highest", "600", 0, 0},
        {"too short", "50", 0, 0},
        {"too long", "5030", 0, 0},
        {"no number", "abc", 0, 0},
        {"a sign", "+50", 0, 0},
        {"a blank before", " 503", 0, 0},
        {"a blank after", "503 ", 0, 0},
        {"a range that runs backwards", "504-500", 0, 0},
        {"a range that begins too low", "099-200", 0, 0},
        {"a range that ends too high", "500-600", 0, 0},
        {"a range of classes", "4xx-5xx", 0, 0},
        {"a range from a class", "4xx-503", 0, 0},
        {"a range without an end", "500-", 0, 0},
        {"a range without a beginning", "-500", 0, 0},
        {"a range with blanks", "500 - 504", 0, 0},
        {"another dash", "500:504", 0, 0},
        {"a list", "500,503", 0, 0},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_status_set_t set = {{0}};
        bool is_added = gw_status_set_add(&set, gw_str_of(cases[i].text));
        unsigned num_expected = cases[i].first != 0 ? cases[i].last - cases[i].first + 1 : 0;
        if (is_added != (cases[i].first != 0) || count(&set) != num_expected)
            fail_msg("%s: %s, %u statuses instead of %u", cases[i].about, is_added ? "taken" : "refused", count(&set),
                     num_expected);
        for (unsigned status = cases[i].first; num_expected != 0 && status <= cases[i].last; ++status)
            if (!gw_status_set_has(&set, status))
                fail_msg("%s: %u is not in it", cases[i].about, status);
    }
}

static void what_is_added_joins_what_is_there_and_a_refusal_changes_nothing(void **state)
{
    gw_status_set_t set = {{0}};
    assert_true(gw_status_set_add(&set, GW_STR("429")));
    assert_true(gw_status_set_add(&set, GW_STR("502-504")));
    assert_true(gw_status_set_add(&set, GW_STR("503")));
    assert_false(gw_status_set_add(&set, GW_STR("404-999")));
    assert_int_equal(count(&set), 4);
    assert_true(gw_status_set_has(&set, 429));
    assert_true(gw_status_set_has(&set, 502));
    assert_true(gw_status_set_has(&set, 503));
    assert_true(gw_status_set_has(&set, 504));
}

static void the_text_ends_where_its_length_says(void **state)
{
    gw_status_set_t set = {{0}};
    assert_true(gw_status_set_add(&set, gw_str("503-504, 4xx", 3)));
    assert_int_equal(count(&set), 1);
    assert_true(gw_status_set_has(&set, 503));
    assert_false(gw_status_set_add(&set, gw_str(NULL, 0)));
}

static void what_is_no_status_is_in_no_set(void **state)
{
    static const unsigned none[] = {0, 1, 99, 600, 611, 612, 99999, UINT32_MAX};
    gw_status_set_t set;
    memset(&set, 0xff, sizeof(set));
    for (size_t i = 0; i != sizeof(none) / sizeof(none[0]); ++i)
        if (gw_status_set_has(&set, none[i]))
            fail_msg("%u is in the set of all", none[i]);
    assert_int_equal(count(&set), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_in_the_set_and_nothing_else),
        cmocka_unit_test(what_is_added_joins_what_is_there_and_a_refusal_changes_nothing),
        cmocka_unit_test(the_text_ends_where_its_length_says),
        cmocka_unit_test(what_is_no_status_is_in_no_set),
    };
    return cmocka_run_group_tests_name("status set", tests, NULL, NULL);
}
