/* SPDX-License-Identifier: MIT
 * Facts about a try that failed -> another one or not, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "gateway/base/random.h"
#include "gateway/exchange/retry.h"
#include "gateway/exchange/retry_budget.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

/** What the conf lists for both kinds, and its numbers: 3 attempts, 100 ms that double up to 1000 ms. */
static gw_retries_conf_t conf_of(const char *on, const char *unsafe_on)
{
    gw_retries_conf_t conf = {.attempts = 3, .backoff = 100, .max_backoff = 1000};
    if (on != NULL && !gw_condition_set_add(&conf.on.set, gw_str_of(on)))
        fail_msg("'%s' is no condition", on);
    if (unsafe_on != NULL && !gw_condition_set_add(&conf.unsafe_on.set, gw_str_of(unsafe_on)))
        fail_msg("'%s' is no condition", unsafe_on);
    return conf;
}

/** A first try of a GET that was refused, with everything in favour of another one elsewhere. */
#define PLAIN                                                                                                          \
    .condition = GW_CONDITION_CONNECT_FAILURE, .is_idempotent = true, .is_unsent = true, .is_body_kept = true,         \
    .is_elsewhere = true, .num_tries = 1, .time_left_ms = UINT64_MAX, .is_in_budget = true

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
#ifdef __clang__
#pragma clang diagnostic ignored "-Winitializer-overrides"
#endif

static void a_try_is_followed_by_another_one_or_not(void **state)
{
    static const struct {
        const char *about, *on, *unsafe_on;
        gw_retry_facts_t facts;
        gw_retry_answer_t expected;
    } cases[] = {
        /* wanted or not */
        {"what is listed", "connect_failure", NULL, {PLAIN}, GW_RETRY_YES},
        {"what is not listed", "reset", NULL, {PLAIN}, GW_RETRY_NO},
        {"nothing is listed", NULL, NULL, {PLAIN}, GW_RETRY_NO},
        {"a status that is listed", "5xx", NULL, {PLAIN, .condition = GW_CONDITION_NONE, .status = 503}, GW_RETRY_YES},
        {"a status that is not", "5xx", NULL, {PLAIN, .condition = GW_CONDITION_NONE, .status = 404}, GW_RETRY_NO},
        {"a failure that is nobody's", "5xx", "5xx", {PLAIN, .condition = GW_CONDITION_NONE}, GW_RETRY_NO},
        {"the status before a reset does not count",
         "5xx",
         NULL,
         {PLAIN, .condition = GW_CONDITION_RESET, .status = 503},
         GW_RETRY_NO},
        {"listed for unsafe requests is listed for safe ones", NULL, "connect_failure", {PLAIN}, GW_RETRY_YES},

        /* RFC 9110 9.2.2 */
        {"idempotent, perhaps acted on",
         "reset",
         NULL,
         {PLAIN, .condition = GW_CONDITION_RESET, .is_unsent = false},
         GW_RETRY_YES},
        {"a POST that was not sent", "connect_failure", NULL, {PLAIN, .is_idempotent = false}, GW_RETRY_YES},
        {"a POST, perhaps acted on",
         "reset",
         NULL,
         {PLAIN, .condition = GW_CONDITION_RESET, .is_idempotent = false, .is_unsent = false},
         GW_RETRY_NO},
        {"a POST that was answered",
         "5xx",
         NULL,
         {PLAIN, .condition = GW_CONDITION_NONE, .status = 503, .is_idempotent = false, .is_unsent = false},
         GW_RETRY_NO},
        {"a POST, and the service bears it",
         NULL,
         "reset",
         {PLAIN, .condition = GW_CONDITION_RESET, .is_idempotent = false, .is_unsent = false},
         GW_RETRY_YES},
        {"a POST that was answered, and the service bears it",
         NULL,
         "503",
         {PLAIN, .condition = GW_CONDITION_NONE, .status = 503, .is_idempotent = false, .is_unsent = false},
         GW_RETRY_YES},
        {"a POST, and the service bears something else",
         "reset",
         "503",
         {PLAIN, .condition = GW_CONDITION_RESET, .is_idempotent = false, .is_unsent = false},
         GW_RETRY_NO},

        /* a kept connection that was closed */
        {"stale", NULL, NULL, {PLAIN, .condition = GW_CONDITION_EMPTY_RESPONSE, .is_stale = true}, GW_RETRY_REPLACE},
        {"stale, whatever is listed",
         "empty_response",
         "empty_response",
         {PLAIN, .condition = GW_CONDITION_EMPTY_RESPONSE, .is_stale = true},
         GW_RETRY_REPLACE},
        {"stale, after all attempts: it is none",
         NULL,
         NULL,
         {PLAIN, .condition = GW_CONDITION_EMPTY_RESPONSE, .is_stale = true, .num_tries = 99},
         GW_RETRY_REPLACE},
        {"stale, without a budget: it needs none",
         NULL,
         NULL,
         {PLAIN, .condition = GW_CONDITION_EMPTY_RESPONSE, .is_stale = true, .is_in_budget = false},
         GW_RETRY_REPLACE},
        {"stale, and no other endpoint: the same will do",
         NULL,
         NULL,
         {PLAIN, .condition = GW_CONDITION_EMPTY_RESPONSE, .is_stale = true, .is_elsewhere = false},
         GW_RETRY_REPLACE},
        {"stale, a GET that was sent",
         NULL,
         NULL,
         {PLAIN, .condition = GW_CONDITION_RESET, .is_stale = true, .is_unsent = false},
         GW_RETRY_REPLACE},
        {"stale, a POST that was not sent",
         NULL,
         NULL,
         {PLAIN, .condition = GW_CONDITION_RESET, .is_stale = true, .is_idempotent = false},
         GW_RETRY_REPLACE},
        {"stale, a POST that was sent",
         NULL,
         NULL,
         {PLAIN, .condition = GW_CONDITION_RESET, .is_stale = true, .is_idempotent = false, .is_unsent = false},
         GW_RETRY_NO},
        {"stale, a POST that was sent, and the service bears it",
         NULL,
         "reset",
         {PLAIN, .condition = GW_CONDITION_RESET, .is_stale = true, .is_idempotent = false, .is_unsent = false},
         GW_RETRY_YES},
        {"stale for the second time",
         NULL,
         NULL,
         {PLAIN, .condition = GW_CONDITION_RESET, .is_stale = true, .was_replaced = true},
         GW_RETRY_NO},
        {"stale for the second time, and listed",
         "reset",
         NULL,
         {PLAIN, .condition = GW_CONDITION_RESET, .is_stale = true, .was_replaced = true},
         GW_RETRY_YES},
        {"stale, and the body is gone",
         NULL,
         NULL,
         {PLAIN, .condition = GW_CONDITION_RESET, .is_stale = true, .is_body_kept = false},
         GW_RETRY_NO},
        {"stale, listed, and the body is gone",
         "reset",
         NULL,
         {PLAIN, .condition = GW_CONDITION_RESET, .is_stale = true, .is_body_kept = false},
         GW_RETRY_NO_BODY},
        {"stale, and the time is over",
         NULL,
         NULL,
         {PLAIN, .condition = GW_CONDITION_RESET, .is_stale = true, .time_left_ms = 0},
         GW_RETRY_NO},
        {"stale, and a moment is left",
         NULL,
         NULL,
         {PLAIN, .condition = GW_CONDITION_RESET, .is_stale = true, .time_left_ms = 1},
         GW_RETRY_REPLACE},

        /* wanted, but */
        {"the body is gone", "connect_failure", NULL, {PLAIN, .is_body_kept = false}, GW_RETRY_NO_BODY},
        {"the body is gone, unsafe", NULL, "connect_failure", {PLAIN, .is_body_kept = false}, GW_RETRY_NO_BODY},
        {"one attempt is left", "connect_failure", NULL, {PLAIN, .num_tries = 2}, GW_RETRY_YES},
        {"no attempt is left", "connect_failure", NULL, {PLAIN, .num_tries = 3}, GW_RETRY_NO_ATTEMPTS},
        {"more tries than the conf of now allows",
         "connect_failure",
         NULL,
         {PLAIN, .num_tries = 4},
         GW_RETRY_NO_ATTEMPTS},
        {"no attempt is left, unsafe", NULL, "connect_failure", {PLAIN, .num_tries = 3}, GW_RETRY_NO_ATTEMPTS},
        {"the time is over", "connect_failure", NULL, {PLAIN, .time_left_ms = 0}, GW_RETRY_NO_TIME},
        {"a moment is left", "connect_failure", NULL, {PLAIN, .time_left_ms = 1}, GW_RETRY_YES},
        {"no budget", "connect_failure", NULL, {PLAIN, .is_in_budget = false}, GW_RETRY_NO_BUDGET},
        {"the time is over before the wait is",
         "connect_failure",
         NULL,
         {PLAIN, .is_elsewhere = false, .random = UINT64_MAX, .time_left_ms = 99},
         GW_RETRY_NO_TIME},
        {"the time is over with the wait",
         "connect_failure",
         NULL,
         {PLAIN, .is_elsewhere = false, .random = UINT64_MAX, .time_left_ms = 100},
         GW_RETRY_NO_TIME},
        {"a moment is left after the wait",
         "connect_failure",
         NULL,
         {PLAIN, .is_elsewhere = false, .random = UINT64_MAX, .time_left_ms = 101},
         GW_RETRY_YES},
        {"not wanted is said before all that",
         "reset",
         NULL,
         {PLAIN, .is_body_kept = false, .num_tries = 9, .time_left_ms = 0, .is_in_budget = false},
         GW_RETRY_NO},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        gw_retries_conf_t conf = conf_of(cases[i].on, cases[i].unsafe_on);
        uint64_t delay_ms = UINT64_MAX;
        gw_retry_answer_t answer = gw_retry_decide(&conf, &cases[i].facts, &delay_ms);
        if (answer != cases[i].expected)
            fail_msg("%s: %d instead of %d", cases[i].about, answer, cases[i].expected);
        if (answer == GW_RETRY_REPLACE)
            assert_int_equal(delay_ms, 0); /* at once */
        assert_true(delay_ms <= 100);
    }
}

static void one_attempt_is_no_retry(void **state)
{
    gw_retries_conf_t conf = conf_of("connect_failure", "connect_failure");
    conf.attempts = 1;
    const gw_retry_facts_t facts = {PLAIN}, stale = {PLAIN, .is_stale = true};
    uint64_t delay_ms;
    assert_int_equal(gw_retry_decide(&conf, &facts, &delay_ms), GW_RETRY_NO_ATTEMPTS);
    assert_int_equal(gw_retry_decide(&conf, &stale, &delay_ms), GW_RETRY_REPLACE);
}

static void the_wait_doubles_up_to_its_bound_unless_there_is_somewhere_else_to_go(void **state)
{
    static const struct {
        const char *about;
        uint64_t backoff, max_backoff;
        unsigned num_tries;
        bool is_elsewhere;
        uint64_t longest;
    } cases[] = {
        {"before the second try", 100, 1000, 1, false, 100},
        {"before the third", 100, 1000, 2, false, 200},
        {"before the fourth", 100, 1000, 3, false, 400},
        {"before the fifth", 100, 1000, 4, false, 800},
        {"before the sixth", 100, 1000, 5, false, 1000},
        {"before the tenth", 100, 1000, 9, false, 1000},
        {"the bound from the beginning", 100, 100, 3, false, 100},
        {"the longest there is", 3600000, 3600000, 9, false, 3600000},
        {"from a moment to an hour", 1, 3600000, 9, false, 256},
        {"none", 0, 1000, 9, false, 0},
        {"none at all", 0, 0, 3, false, 0},
        {"another endpoint is tried at once", 100, 1000, 1, true, 0},
        {"however late", 100, 1000, 9, true, 0},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        gw_retries_conf_t conf = conf_of("connect_failure", NULL);
        conf.attempts = 10;
        conf.backoff = cases[i].backoff;
        conf.max_backoff = cases[i].max_backoff;
        gw_retry_facts_t facts = {PLAIN, .num_tries = cases[i].num_tries, .is_elsewhere = cases[i].is_elsewhere};
        uint64_t delay_ms = 1;
        assert_int_equal(gw_retry_decide(&conf, &facts, &delay_ms), GW_RETRY_YES);
        assert_int_equal(delay_ms, 0);
        facts.random = UINT64_MAX;
        assert_int_equal(gw_retry_decide(&conf, &facts, &delay_ms), GW_RETRY_YES);
        if (delay_ms != cases[i].longest)
            fail_msg("%s: %zu ms instead of %zu", cases[i].about, (size_t)delay_ms, (size_t)cases[i].longest);
    }
}

static void the_wait_is_anywhere_up_to_its_bound(void **state)
{
    gw_retries_conf_t conf = conf_of("connect_failure", NULL);
    gw_retry_facts_t facts = {PLAIN, .is_elsewhere = false};
    uint64_t random = 3, delay_ms, total = 0;
    size_t tenths[11] = {0};
    for (int i = 0; i != 11000; ++i) {
        facts.random = gw_random_next(&random);
        assert_int_equal(gw_retry_decide(&conf, &facts, &delay_ms), GW_RETRY_YES);
        assert_true(delay_ms <= 100);
        ++tenths[delay_ms / 10];
        total += delay_ms;
    }
    for (size_t i = 0; i != 10; ++i)
        assert_true(tenths[i] > 900 && tenths[i] < 1300);
    assert_true(tenths[10] != 0); /* the bound itself */
    assert_true(total > 11000 * 48 && total < 11000 * 52);
}

#pragma GCC diagnostic pop

static void a_refusal_has_a_word_where_there_is_something_to_say(void **state)
{
    assert_null(gw_retry_refusal(GW_RETRY_NO));
    assert_null(gw_retry_refusal(GW_RETRY_REPLACE));
    assert_null(gw_retry_refusal(GW_RETRY_YES));
    assert_string_equal(gw_retry_refusal(GW_RETRY_NO_BODY), "body_not_kept");
    assert_string_equal(gw_retry_refusal(GW_RETRY_NO_ATTEMPTS), "attempts_spent");
    assert_string_equal(gw_retry_refusal(GW_RETRY_NO_TIME), "time_spent");
    assert_string_equal(gw_retry_refusal(GW_RETRY_NO_BUDGET), "budget_spent");
}

static void a_reason_is_a_condition_when_the_endpoint_is_to_blame(void **state)
{
    static const struct {
        gw_reason_t reason;
        gw_condition_t untouched, touched;
    } cases[] = {
        {GW_REASON_NAME_NOT_RESOLVED, GW_CONDITION_CONNECT_FAILURE, GW_CONDITION_CONNECT_FAILURE},
        {GW_REASON_CONNECT_REFUSED, GW_CONDITION_CONNECT_FAILURE, GW_CONDITION_CONNECT_FAILURE},
        {GW_REASON_CONNECT_FAILED, GW_CONDITION_CONNECT_FAILURE, GW_CONDITION_CONNECT_FAILURE},
        {GW_REASON_CONNECT_TIMEOUT, GW_CONDITION_CONNECT_FAILURE, GW_CONDITION_CONNECT_FAILURE},
        {GW_REASON_UPSTREAM_CLOSED, GW_CONDITION_EMPTY_RESPONSE, GW_CONDITION_RESET},
        {GW_REASON_UPSTREAM_RESET, GW_CONDITION_RESET, GW_CONDITION_RESET},
        {GW_REASON_UPSTREAM_TRUNCATED, GW_CONDITION_RESET, GW_CONDITION_RESET},
        {GW_REASON_RESPONSE_TIMEOUT, GW_CONDITION_RESPONSE_TIMEOUT, GW_CONDITION_RESPONSE_TIMEOUT},
        {GW_REASON_UPSTREAM_STALLED, GW_CONDITION_RESPONSE_TIMEOUT, GW_CONDITION_RESPONSE_TIMEOUT},
        {GW_REASON_TOTAL_TIMEOUT, GW_CONDITION_RESPONSE_TIMEOUT, GW_CONDITION_RESPONSE_TIMEOUT},
        {GW_REASON_UPSTREAM_MALFORMED, GW_CONDITION_JUNK_RESPONSE, GW_CONDITION_JUNK_RESPONSE},
        {GW_REASON_UPSTREAM_HEAD_TOO_LARGE, GW_CONDITION_JUNK_RESPONSE, GW_CONDITION_JUNK_RESPONSE},
    };
#define REASON(id, name, status, title) GW_REASON_##id,
    static const gw_reason_t reasons[] = {GW_REASON_MAP(REASON)};
#undef REASON
    for (size_t i = 0; i != NUM_OF(reasons); ++i) {
        gw_condition_t untouched = GW_CONDITION_NONE, touched = GW_CONDITION_NONE; /* the client's, or our own */
        for (size_t k = 0; k != NUM_OF(cases); ++k)
            if (cases[k].reason == reasons[i]) {
                untouched = cases[k].untouched;
                touched = cases[k].touched;
            }
        if (gw_condition_of(reasons[i], true) != untouched || gw_condition_of(reasons[i], false) != touched)
            fail_msg("%s: %d untouched, %d touched", gw_reason_name(reasons[i]), gw_condition_of(reasons[i], true),
                     gw_condition_of(reasons[i], false));
    }
}

/* budget ----------------------------------------------------------------------------------------------------------- */

static const gw_retries_conf_t fifth = {.budget = 2000, .min_concurrent = 0};

static void each_request_earns_its_share_of_a_retry(void **state)
{
    gw_retry_budget_t budget = {0};
    for (int i = 0; i != 4; ++i) {
        gw_retry_budget_earn(&budget, &fifth, 10);
        assert_false(gw_retry_budget_allows(&budget, &fifth, 0));
    }
    gw_retry_budget_earn(&budget, &fifth, 10);
    assert_true(gw_retry_budget_allows(&budget, &fifth, 0));
    gw_retry_budget_spend(&budget);
    assert_false(gw_retry_budget_allows(&budget, &fifth, 0));
}

static void some_retries_at_a_time_are_free(void **state)
{
    const gw_retries_conf_t conf = {.budget = 0, .min_concurrent = 3};
    gw_retry_budget_t budget = {0};
    for (uint64_t num_retries = 0; num_retries != 6; ++num_retries)
        assert_int_equal(gw_retry_budget_allows(&budget, &conf, num_retries), num_retries < 3);
}

static void all_that_a_dying_endpoint_takes_with_it_can_be_tried_again(void **state)
{
    gw_retry_budget_t budget = {0};
    for (int i = 0; i != 1000; ++i) /* 64 under way at the most, often less */
        gw_retry_budget_earn(&budget, &fifth, (uint64_t)(i % 64 + 1));
    size_t num = 0;
    for (; gw_retry_budget_allows(&budget, &fifth, 1000); ++num)
        gw_retry_budget_spend(&budget);
    assert_in_range(num, 60, 64);
}

static void in_the_long_run_retries_are_no_more_than_their_share(void **state)
{
    gw_retry_budget_t budget = {0};
    size_t num_requests = 100000, num_retries = 0;
    for (size_t i = 0; i != num_requests; ++i) { /* each fails, and so does each retry */
        gw_retry_budget_earn(&budget, &fifth, 64);
        while (gw_retry_budget_allows(&budget, &fifth, 64)) {
            gw_retry_budget_spend(&budget);
            ++num_retries;
        }
    }
    assert_in_range(num_retries, num_requests / 5 - 64, num_requests / 5 + 64);
}

static void what_was_saved_in_a_rush_hour_fades_with_it(void **state)
{
    gw_retry_budget_t budget = {0};
    for (int i = 0; i != 10000; ++i)
        gw_retry_budget_earn(&budget, &fifth, 1000);
    for (int i = 0; i != 10000; ++i)
        gw_retry_budget_earn(&budget, &fifth, 2);
    size_t num = 0;
    for (; gw_retry_budget_allows(&budget, &fifth, 1000); ++num)
        gw_retry_budget_spend(&budget);
    assert_in_range(num, 1, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_try_is_followed_by_another_one_or_not),
        cmocka_unit_test(one_attempt_is_no_retry),
        cmocka_unit_test(the_wait_doubles_up_to_its_bound_unless_there_is_somewhere_else_to_go),
        cmocka_unit_test(the_wait_is_anywhere_up_to_its_bound),
        cmocka_unit_test(a_refusal_has_a_word_where_there_is_something_to_say),
        cmocka_unit_test(a_reason_is_a_condition_when_the_endpoint_is_to_blame),
        cmocka_unit_test(each_request_earns_its_share_of_a_retry),
        cmocka_unit_test(some_retries_at_a_time_are_free),
        cmocka_unit_test(all_that_a_dying_endpoint_takes_with_it_can_be_tried_again),
        cmocka_unit_test(in_the_long_run_retries_are_no_more_than_their_share),
        cmocka_unit_test(what_was_saved_in_a_rush_hour_fades_with_it),
    };
    return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
