/* SPDX-License-Identifier: MIT
 * The words for what goes wrong, and sets of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "gateway/upstream/condition.h"

enum { NUM_CONDITIONS = 5 };

static gw_condition_set_t set_of(const char *const *texts)
{
    gw_condition_set_t set = {0};
    for (; *texts != NULL; ++texts)
        if (!gw_condition_set_add(&set, gw_str_of(*texts)))
            fail_msg("'%s' is refused", *texts);
    return set;
}

static void a_set_has_what_was_added_to_it(void **state)
{
    static const struct {
        const char *about;
        const char *texts[4];
        gw_condition_t condition;
        unsigned status;
        bool is_in;
    } cases[] = {
        {"a condition", {"reset"}, GW_CONDITION_RESET, 0, true},
        {"another condition", {"reset"}, GW_CONDITION_EMPTY_RESPONSE, 0, false},
        {"the second of two", {"reset", "junk_response"}, GW_CONDITION_JUNK_RESPONSE, 0, true},
        {"a status", {"503"}, GW_CONDITION_NONE, 503, true},
        {"another status", {"503"}, GW_CONDITION_NONE, 502, false},
        {"a status of a class", {"5xx"}, GW_CONDITION_NONE, 511, true},
        {"a status of a range", {"502-504"}, GW_CONDITION_NONE, 504, true},
        {"a status beside a condition", {"connect_failure", "503"}, GW_CONDITION_NONE, 503, true},
        {"a condition beside a status", {"503", "connect_failure"}, GW_CONDITION_CONNECT_FAILURE, 0, true},
        {"a response is no condition", {"reset"}, GW_CONDITION_NONE, 200, false},
        {"neither response nor condition", {"reset", "100-599"}, GW_CONDITION_NONE, 0, false},
        {"what came before a connection broke off does not count", {"503"}, GW_CONDITION_RESET, 503, false},
        {"nothing in an empty set", {NULL}, GW_CONDITION_CONNECT_FAILURE, 0, false},
        {"no status in an empty set", {NULL}, GW_CONDITION_NONE, 503, false},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_condition_set_t set = set_of(cases[i].texts);
        if (gw_condition_set_has(&set, cases[i].condition, cases[i].status) != cases[i].is_in)
            fail_msg("%s: expected to be %s", cases[i].about, cases[i].is_in ? "in" : "out");
    }
}

static void every_condition_has_a_word_of_its_own(void **state)
{
    static const struct {
        const char *word;
        gw_condition_t condition;
    } cases[NUM_CONDITIONS] = {
        {"connect_failure", GW_CONDITION_CONNECT_FAILURE},
        {"empty_response", GW_CONDITION_EMPTY_RESPONSE},
        {"reset", GW_CONDITION_RESET},
        {"response_timeout", GW_CONDITION_RESPONSE_TIMEOUT},
        {"junk_response", GW_CONDITION_JUNK_RESPONSE},
    };
    for (size_t i = 0; i != NUM_CONDITIONS; ++i) {
        const char *const texts[] = {cases[i].word, NULL};
        gw_condition_set_t set = set_of(texts);
        assert_string_equal(gw_condition_words[i], cases[i].word);
        for (size_t k = 0; k != NUM_CONDITIONS; ++k)
            if (gw_condition_set_has(&set, cases[k].condition, 0) != (i == k))
                fail_msg("'%s' and '%s'", cases[i].word, cases[k].word);
        for (unsigned status = 0; status != 700; ++status)
            assert_false(gw_condition_set_has(&set, GW_CONDITION_NONE, status));
    }
    assert_null(gw_condition_words[NUM_CONDITIONS]);
}

static void what_is_neither_word_nor_status_is_refused_and_changes_nothing(void **state)
{
    static const char *const texts[] = {
        "",  "rest",    "resets",    "RESET",     "reset ",  "connect-failure",  "none", "999", "6xx",
        "5", "504-500", "reset,503", "reset 503", "timeout", "connect_failure\n"};
    for (size_t i = 0; i != sizeof(texts) / sizeof(texts[0]); ++i) {
        gw_condition_set_t set = {0}, empty = {0};
        if (gw_condition_set_add(&set, gw_str_of(texts[i])))
            fail_msg("'%s' is taken", texts[i]);
        assert_memory_equal(&set, &empty, sizeof(set));
    }
}

static void a_word_ends_where_its_length_says(void **state)
{
    gw_condition_set_t set = {0};
    assert_true(gw_condition_set_add(&set, gw_str("reset, 503", 5)));
    assert_true(gw_condition_set_has(&set, GW_CONDITION_RESET, 0));
    assert_false(gw_condition_set_add(&set, gw_str("reset", 4)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_has_what_was_added_to_it),
        cmocka_unit_test(every_condition_has_a_word_of_its_own),
        cmocka_unit_test(what_is_neither_word_nor_status_is_refused_and_changes_nothing),
        cmocka_unit_test(a_word_ends_where_its_length_says),
    };
    return cmocka_run_group_tests_name("condition", tests, NULL, NULL);
}
