/* SPDX-License-Identifier: MIT
 * The fields of limited responses: their text, and over states of every kind that another's parser reads from it what
 * they say and no contradiction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include <jansson.h>
#include "filters/rate_limit/fields.h"
#include "tests/support/structured_fields.h"

#define S 1000000ull

static void assert_text(const char *about, const char *text, size_t len, const char *expected)
{
    if (len != strlen(expected) || memcmp(text, expected, len) != 0)
        fail_msg("%s: '%.*s' instead of '%s'", about, (int)len, text, expected);
}

static void one_limit_is_written_as_the_draft_has_it(void **state)
{
    static const struct {
        const char *about;
        gw_rate_state_t state;
        const char *policy, *limit, *x;
    } cases[] = {
        {"some are left, one more is near",
         {GW_STR("second"), 200, 2, 17, 4000, 1830000},
         "\"second\";q=200;w=2",
         "\"second\";r=17;t=1",
         "200 17 2"},
        {"full: nothing is waited for", {GW_STR("s"), 20, 2, 20, 0, 0}, "\"s\";q=20;w=2", "\"s\";r=20", "20 20 0"},
        {"nothing is left",
         {GW_STR("hour"), 1000, 3600, 0, 3599999, 3600 * S},
         "\"hour\";q=1000;w=3600",
         "\"hour\";r=0;t=4",
         "1000 0 3600"},
        {"seconds that are whole stay",
         {GW_STR("day"), 3, 86400, 2, 28800 * S, 28800 * S},
         "\"day\";q=3;w=86400",
         "\"day\";r=2;t=28800",
         "3 2 28800"},
        {"a microsecond makes a second", {GW_STR("s"), 2, 1, 1, 1, 1}, "\"s\";q=2;w=1", "\"s\";r=1;t=1", "2 1 1"},
        {"a microsecond more than a second",
         {GW_STR("s"), 2, 1, 1, S + 1, S + 1},
         "\"s\";q=2;w=1",
         "\"s\";r=1;t=2",
         "2 1 2"},
        {"more left than the quota", {GW_STR("s"), 2, 1, 3, 0, 0}, "\"s\";q=2;w=1", "\"s\";r=2", "2 2 0"},
        {"full although something comes", {GW_STR("s"), 2, 1, 2, 5 * S, 5 * S}, "\"s\";q=2;w=1", "\"s\";r=2", "2 2 0"},
        {"nothing left and nothing comes", {GW_STR("s"), 2, 1, 0, 0, 0}, "\"s\";q=2;w=1", "\"s\";r=0;t=1", "2 0 1"},
        {"no quota at all", {GW_STR("s"), 0, 0, 5, 0, 0}, "\"s\";q=0;w=1", "\"s\";r=0;t=1", "0 0 1"},
        {"signs in a name", {GW_STR("a b,;=:!"), 1, 1, 1, 0, 0}, "\"a b,;=:!\";q=1;w=1", "\"a b,;=:!\";r=1", "1 1 0"},
        {"the largest numbers of a field",
         {GW_STR("s"), 999999999999999, 999999999999999, 999999999999998, UINT64_MAX, UINT64_MAX},
         "\"s\";q=999999999999999;w=999999999999999",
         "\"s\";r=999999999999998;t=18446744073710",
         "999999999999999 999999999999998 18446744073710"},
        {"numbers beyond a field",
         {GW_STR("s"), UINT64_MAX, UINT64_MAX, UINT64_MAX - 1, 1, 1},
         "\"s\";q=999999999999999;w=999999999999999",
         "\"s\";r=999999999999999;t=1",
         "999999999999999 999999999999999 1"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char text[GW_RATE_FIELDS_MAX], x_text[GW_RATE_X_FIELDS_MAX], x[64];
        assert_text(cases[i].about, text, gw_rate_policy_field(&cases[i].state, 1, text), cases[i].policy);
        assert_text(cases[i].about, text, gw_rate_limit_field(&cases[i].state, 1, text), cases[i].limit);
        gw_rate_x_fields_t fields = gw_rate_x_fields(&cases[i].state, 1, x_text);
        int len = snprintf(x, sizeof(x), "%.*s %.*s %.*s", (int)fields.limit.len, fields.limit.ptr,
                           (int)fields.remaining.len, fields.remaining.ptr, (int)fields.reset.len, fields.reset.ptr);
        assert_text(cases[i].about, x, (size_t)len, cases[i].x);
    }
}

static void several_limits_stand_in_one_list(void **state)
{
    static const gw_rate_state_t states[] = {{GW_STR("second"), 20, 2, 0, 50000, 1990000},
                                             {GW_STR("hour"), 1000, 3600, 1000, 0, 0},
                                             {GW_STR("day"), 5000, 86400, 412, 9 * S, 80000 * S}};
    char text[GW_RATE_FIELDS_MAX];
    assert_text("policy", text, gw_rate_policy_field(states, 3, text),
                "\"second\";q=20;w=2, \"hour\";q=1000;w=3600, \"day\";q=5000;w=86400");
    assert_text("limit", text, gw_rate_limit_field(states, 3, text),
                "\"second\";r=0;t=1, \"hour\";r=1000, \"day\";r=412;t=9");
}

static void violated_policies_are_a_member_of_the_problem(void **state)
{
    static const gw_rate_state_t states[] = {{.name = GW_STR("a")}, {.name = GW_STR("b c")}, {.name = GW_STR("d")}};
    char text[GW_RATE_FIELDS_MAX];
    assert_text("the first", text, gw_rate_violated_member(states, 3, 1, text), "\"violated-policies\":[\"a\"]");
    assert_text("the last", text, gw_rate_violated_member(states, 3, 4, text), "\"violated-policies\":[\"d\"]");
    assert_text("two", text, gw_rate_violated_member(states, 3, 6, text), "\"violated-policies\":[\"b c\",\"d\"]");
    assert_text("all", text, gw_rate_violated_member(states, 3, 7, text),
                "\"violated-policies\":[\"a\",\"b c\",\"d\"]");
    assert_text("bits beyond", text, gw_rate_violated_member(states, 2, ~0u, text),
                "\"violated-policies\":[\"a\",\"b c\"]");
}

static void the_old_fields_are_of_the_limit_that_is_nearest_to_refusing(void **state)
{
    static const struct {
        const char *about;
        gw_rate_state_t states[3];
        const char *reset;
    } cases[] = {
        {"the fewest left",
         {{GW_STR("a"), 9, 1, 5, 1, 1 * S}, {GW_STR("b"), 9, 1, 3, 1, 2 * S}, {GW_STR("c"), 9, 1, 4, 1, 3 * S}},
         "2"},
        {"the longest wait of equals",
         {{GW_STR("a"), 9, 1, 0, 1, 1 * S}, {GW_STR("b"), 9, 1, 0, 1, 9 * S}, {GW_STR("c"), 9, 1, 0, 1, 3 * S}},
         "9"},
        {"left is never more than the quota",
         {{GW_STR("a"), 2, 1, 99, 0, 5 * S}, {GW_STR("b"), 9, 1, 3, 1, 2 * S}, {GW_STR("c"), 9, 1, 4, 1, 3 * S}},
         "0"},
        {"the first of the same",
         {{GW_STR("a"), 9, 1, 1, 1, 4 * S}, {GW_STR("b"), 9, 1, 2, 1, 5 * S}, {GW_STR("c"), 9, 1, 2, 1, 6 * S}},
         "4"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char text[GW_RATE_X_FIELDS_MAX];
        gw_rate_x_fields_t fields = gw_rate_x_fields(cases[i].states, 3, text);
        assert_text(cases[i].about, fields.reset.ptr, fields.reset.len, cases[i].reset);
    }
}

static void nobody_is_told_to_retry_before_there_is_a_token(void **state)
{
    static const struct {
        const char *about;
        gw_rate_state_t states[2];
        uint64_t wait_us, seconds;
    } cases[] = {
        {"what it waits for", {{GW_STR("a"), 9, 9, 0, 3 * S, 9 * S}, {GW_STR("b"), 9, 9, 9, 0, 0}}, 3 * S, 3},
        {"rounded up", {{GW_STR("a"), 9, 9, 0, 1, 9 * S}, {GW_STR("b"), 9, 9, 9, 0, 0}}, 3 * S + 1, 4},
        {"at least a second", {{GW_STR("a"), 9, 9, 0, 1, 9}, {GW_STR("b"), 9, 9, 9, 0, 0}}, 0, 1},
        {"a request of many tokens", {{GW_STR("a"), 9, 9, 2, 1 * S, 7 * S}, {GW_STR("b"), 9, 9, 9, 0, 0}}, 3 * S, 3},
        {"the other one has none either",
         {{GW_STR("a"), 9, 9, 0, 1, 9}, {GW_STR("b"), 9, 9, 0, 5 * S, 9 * S}},
         1 * S,
         5},
        {"the other one has some", {{GW_STR("a"), 9, 9, 0, 1, 9}, {GW_STR("b"), 9, 9, 8, 500 * S, 500 * S}}, 1 * S, 1},
        {"the longest", {{GW_STR("a"), 9, 9, 0, 1, 9}, {GW_STR("b"), 9, 9, 9, 0, 0}}, UINT64_MAX, 18446744073710},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        uint64_t seconds = gw_rate_retry_after_s(cases[i].states, 2, cases[i].wait_us);
        if (seconds != cases[i].seconds)
            fail_msg("%s: %llu instead of %llu", cases[i].about, (unsigned long long)seconds,
                     (unsigned long long)cases[i].seconds);
    }
}

static void the_window_is_the_time_in_which_an_empty_bucket_becomes_full(void **state)
{
    static const struct {
        const char *about;
        gw_rate_t rate;
        uint64_t burst, window_s;
    } cases[] = {
        {"as many as the rate", {100, S}, 100, 1},
        {"twice as many", {100, S}, 200, 2},
        {"a little more", {100, S}, 201, 3},
        {"one, at once", {100, S}, 1, 1},
        {"an hour", {1000, 3600 * S}, 1000, 3600},
        {"one of an hour", {1000, 3600 * S}, 1, 4},
        {"milliseconds", {5, 250000}, 5, 1},
        {"milliseconds that add up", {5, 250000}, 21, 2},
        {"nothing", {1, S}, 0, 1},
        {"beyond 64 bits on the way", {1000000000, GW_RATE_MAX_PERIOD_US}, 1000000000, 31622400},
        {"beyond what a field takes", {1, GW_RATE_MAX_PERIOD_US}, 1000000000, GW_RATE_INTEGER_MAX},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        uint64_t window_s = gw_rate_window_s(&cases[i].rate, cases[i].burst);
        if (window_s != cases[i].window_s)
            fail_msg("%s: %llu instead of %llu", cases[i].about, (unsigned long long)window_s,
                     (unsigned long long)cases[i].window_s);
    }
}

static void a_name_needs_no_escape(void **state)
{
    assert_true(gw_rate_name_is_valid(GW_STR("a")));
    assert_true(gw_rate_name_is_valid(GW_STR("per hour, ~!")));
    assert_true(gw_rate_name_is_valid(GW_STR("12345678901234567890123456789012")));
    assert_false(gw_rate_name_is_valid(GW_STR("123456789012345678901234567890123")));
    assert_false(gw_rate_name_is_valid(GW_STR("")));
    for (int c = 0; c != 256; ++c) {
        char name[] = {'a', (char)c};
        assert_int_equal(gw_rate_name_is_valid(gw_str(name, 2)), c >= 0x20 && c <= 0x7e && c != '"' && c != '\\');
    }
}

/* properties ------------------------------------------------------------------------------------------------------- */

static uint64_t seed = 1;

static uint64_t next_random(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed ^ seed >> 29;
}

/* of every size: as many numbers of 5 bits as of 50 */
static uint64_t any_number(void)
{
    return next_random() >> (next_random() >> 20) % 64;
}

static void fill(gw_rate_state_t *states, size_t num, char names[][GW_RATE_NAME_MAX])
{
    for (size_t i = 0; i != num; ++i) {
        size_t len = 1 + (next_random() >> 20) % GW_RATE_NAME_MAX;
        for (size_t at = 0; at != len; ++at)
            do
                names[i][at] = (char)(' ' + (next_random() >> 20) % ('~' - ' ' + 1));
            while (names[i][at] == '"' || names[i][at] == '\\');
        states[i] = (gw_rate_state_t){gw_str(names[i], len), any_number(), any_number(),
                                      any_number(),          any_number(), any_number()};
        if ((next_random() >> 20) % 4 == 0)
            states[i].remaining = 0;
        if ((next_random() >> 20) % 4 == 0)
            states[i].remaining = states[i].quota;
        if ((next_random() >> 20) % 8 == 0)
            states[i].next_us = 0;
    }
}

static uint64_t in_field(uint64_t number)
{
    return number < GW_RATE_INTEGER_MAX ? number : GW_RATE_INTEGER_MAX;
}

static int64_t integer(const sf_item_t *item, const char *key)
{
    const sf_bare_t *value = sf_parameter(item, key);
    assert_non_null(value);
    assert_int_equal(value->type, SF_INTEGER);
    return value->number;
}

static void assert_item(const sf_item_t *item, gw_str_t name)
{
    assert_int_equal(item->value.type, SF_STRING);
    assert_int_equal(item->value.len, name.len);
    assert_memory_equal(item->value.text, name.ptr, name.len);
}

static void check_fields(const gw_rate_state_t *states, size_t num)
{
    gw_arena_t *arena = gw_arena_create();
    char text[GW_RATE_FIELDS_MAX];
    sf_list_t policies, limits;
    uint64_t wait_us = any_number(), retry_after = gw_rate_retry_after_s(states, num, wait_us);
    assert_true(retry_after >= 1 && retry_after >= wait_us / 1000000);
    assert_true(sf_parse_list(arena, text, gw_rate_policy_field(states, num, text), &policies));
    assert_true(sf_parse_list(arena, text, gw_rate_limit_field(states, num, text), &limits));
    assert_int_equal(policies.size, num);
    assert_int_equal(limits.size, num);
    for (size_t i = 0; i != num; ++i) {
        const sf_item_t *policy = &policies.items[i], *limit = &limits.items[i];
        assert_item(policy, states[i].name);
        assert_item(limit, states[i].name);
        int64_t q = integer(policy, "q"), w = integer(policy, "w"), r = integer(limit, "r");
        assert_int_equal(q, in_field(states[i].quota));
        assert_true(w >= 1 && (states[i].window_s == 0 || (uint64_t)w == in_field(states[i].window_s)));
        assert_true(r >= 0 && r <= q && (uint64_t)r <= states[i].remaining);
        assert_int_equal(policy->num_parameters, 2);
        if (sf_parameter(limit, "t") == NULL) {
            assert_int_equal(limit->num_parameters, 1);
            assert_true(r == q && r > 0);
            continue;
        }
        int64_t t = integer(limit, "t");
        assert_int_equal(limit->num_parameters, 2);
        assert_true(t >= 1 && (uint64_t)t >= states[i].next_us / 1000000);
        assert_true(r != 0 || retry_after >= (uint64_t)t);
    }
    gw_arena_free(arena);
}

static void check_member(const gw_rate_state_t *states, size_t num)
{
    uint32_t violated = 1 + (uint32_t)((next_random() >> 20) % ((1u << num) - 1));
    char text[GW_RATE_FIELDS_MAX], object[GW_RATE_FIELDS_MAX + 3];
    size_t len = gw_rate_violated_member(states, num, violated, text), at = 0;
    assert_true(len <= sizeof(text));
    snprintf(object, sizeof(object), "{%.*s}", (int)len, text);
    json_t *root = json_loads(object, JSON_REJECT_DUPLICATES, NULL);
    const json_t *names = json_object_get(root, "violated-policies");
    assert_true(json_is_array(names));
    for (size_t i = 0; i != num; ++i) {
        if ((violated >> i & 1) == 0)
            continue;
        const json_t *name = json_array_get(names, at++);
        assert_int_equal(json_string_length(name), states[i].name.len);
        assert_memory_equal(json_string_value(name), states[i].name.ptr, states[i].name.len);
    }
    assert_int_equal(json_array_size(names), at);
    json_decref(root);
}

static void whatever_the_states_the_fields_can_be_read_and_agree(void **state)
{
    for (int round = 0; round != 20000; ++round) {
        char names[GW_RATE_MAX_LIMITS][GW_RATE_NAME_MAX];
        gw_rate_state_t states[GW_RATE_MAX_LIMITS];
        size_t num = 1 + (next_random() >> 20) % GW_RATE_MAX_LIMITS;
        fill(states, num, names);
        check_fields(states, num);
        check_member(states, num);
    }
}

static void the_longest_fields_fill_the_buffer_and_not_more(void **state)
{
    static const gw_rate_state_t longest = {
        GW_STR("12345678901234567890123456789012"), UINT64_MAX, UINT64_MAX, UINT64_MAX - 1, UINT64_MAX, UINT64_MAX};
    gw_rate_state_t states[GW_RATE_MAX_LIMITS];
    char text[GW_RATE_FIELDS_MAX], x_text[GW_RATE_X_FIELDS_MAX];
    for (size_t i = 0; i != GW_RATE_MAX_LIMITS; ++i)
        states[i] = longest;
    /* no comma after the last */
    assert_int_equal(gw_rate_policy_field(states, GW_RATE_MAX_LIMITS, text), sizeof(text) - 2);
    assert_in_range(gw_rate_limit_field(states, GW_RATE_MAX_LIMITS, text), 1, sizeof(text) - 2);
    assert_in_range(gw_rate_violated_member(states, GW_RATE_MAX_LIMITS, ~0u, text), 1, sizeof(text));
    gw_rate_x_fields_t fields = gw_rate_x_fields(states, GW_RATE_MAX_LIMITS, x_text);
    assert_in_range(fields.limit.len + fields.remaining.len + fields.reset.len, 1, sizeof(x_text));
}

static void concurrency_is_told_in_requests_without_times(void **state)
{
    static const struct {
        const char *about, *name;
        uint64_t max, remaining;
        const char *policy, *limit;
    } cases[] = {
        {"some are left", "uploads", 10, 3, "\"uploads\";q=10;qu=\"concurrent-requests\"", "\"uploads\";r=3"},
        {"none is left", "a b", 1, 0, "\"a b\";q=1;qu=\"concurrent-requests\"", "\"a b\";r=0"},
        {"the longest", "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", UINT64_MAX, UINT64_MAX,
         "\"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\";q=999999999999999;qu=\"concurrent-requests\"",
         "\"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn\";r=999999999999999"},
    };
    gw_arena_t *arena = gw_arena_create();
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char text[GW_CONCURRENCY_FIELD_MAX + 1];
        sf_list_t list;
        text[GW_CONCURRENCY_FIELD_MAX] = '!';
        size_t len = gw_concurrency_policy_field(gw_str_of(cases[i].name), cases[i].max, text);
        assert_text(cases[i].about, text, len, cases[i].policy);
        assert_true(sf_parse_list(arena, text, len, &list));
        assert_int_equal(list.size, 1);
        assert_int_equal(list.items[0].value.type, SF_STRING);
        assert_int_equal(sf_parameter(&list.items[0], "q")->type, SF_INTEGER);
        assert_int_equal(sf_parameter(&list.items[0], "qu")->type, SF_STRING);
        len = gw_concurrency_limit_field(gw_str_of(cases[i].name), cases[i].remaining, text);
        assert_text(cases[i].about, text, len, cases[i].limit);
        assert_true(sf_parse_list(arena, text, len, &list));
        assert_int_equal(sf_parameter(&list.items[0], "r")->type, SF_INTEGER);
        assert_int_equal(text[GW_CONCURRENCY_FIELD_MAX], '!');
    }
    gw_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_limit_is_written_as_the_draft_has_it),
        cmocka_unit_test(several_limits_stand_in_one_list),
        cmocka_unit_test(violated_policies_are_a_member_of_the_problem),
        cmocka_unit_test(the_old_fields_are_of_the_limit_that_is_nearest_to_refusing),
        cmocka_unit_test(nobody_is_told_to_retry_before_there_is_a_token),
        cmocka_unit_test(the_window_is_the_time_in_which_an_empty_bucket_becomes_full),
        cmocka_unit_test(a_name_needs_no_escape),
        cmocka_unit_test(whatever_the_states_the_fields_can_be_read_and_agree),
        cmocka_unit_test(concurrency_is_told_in_requests_without_times),
        cmocka_unit_test(the_longest_fields_fill_the_buffer_and_not_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
