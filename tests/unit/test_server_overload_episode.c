/* SPDX-License-Identifier: MIT
 * When shedding begins and ends, for the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "gateway/server/overload_episode.h"

/** A row: at that time so many refusals of low and normal priority since the start, and what the look says. */
typedef struct look {
    uint64_t at_ms, low, normal;
    gw_overload_change_t change;
} look_t;

static gw_overload_episode_t play(const look_t *looks, size_t num)
{
    gw_overload_episode_t episode = {0};
    for (size_t i = 0; i != num; ++i) {
        const gw_overload_refusals_t refused = {{looks[i].low, looks[i].normal, 0, 0}};
        gw_overload_change_t change = gw_overload_episode_look(&episode, &refused, looks[i].at_ms);
        if (change != looks[i].change)
            fail_msg("at %llu ms: %d instead of %d", (unsigned long long)looks[i].at_ms, change, looks[i].change);
    }
    return episode;
}

static void it_begins_with_a_refusal_and_ends_a_second_after_the_last(void **state)
{
    static const look_t looks[] = {
        {10000, 0, 0, GW_OVERLOAD_SAME},  {10250, 3, 1, GW_OVERLOAD_BEGAN}, {10500, 3, 1, GW_OVERLOAD_SAME},
        {11000, 5, 1, GW_OVERLOAD_SAME},  {11500, 5, 1, GW_OVERLOAD_SAME},  {11999, 5, 1, GW_OVERLOAD_SAME},
        {12000, 5, 1, GW_OVERLOAD_ENDED},
    };
    gw_overload_episode_t episode = play(looks, sizeof(looks) / sizeof(looks[0]));
    gw_overload_refusals_t refused = gw_overload_episode_refusals(&episode);
    assert_int_equal(refused.of[GW_PRIORITY_LOW], 5);
    assert_int_equal(refused.of[GW_PRIORITY_NORMAL], 1);
    assert_int_equal(episode.last_ms - episode.began_ms, 750);
}

static void each_episode_counts_its_own_refusals(void **state)
{
    static const look_t looks[] = {
        {10000, 7, 0, GW_OVERLOAD_BEGAN}, {11000, 7, 0, GW_OVERLOAD_ENDED}, {20000, 7, 0, GW_OVERLOAD_SAME},
        {20250, 7, 2, GW_OVERLOAD_BEGAN}, {21250, 7, 2, GW_OVERLOAD_ENDED},
    };
    gw_overload_episode_t episode = play(looks, sizeof(looks) / sizeof(looks[0]));
    gw_overload_refusals_t refused = gw_overload_episode_refusals(&episode);
    assert_int_equal(refused.of[GW_PRIORITY_LOW], 0);
    assert_int_equal(refused.of[GW_PRIORITY_NORMAL], 2);
}

static void there_is_at_most_one_change_in_a_second(void **state)
{
    static const look_t looks[] = {
        {10000, 1, 0, GW_OVERLOAD_BEGAN}, {11000, 1, 0, GW_OVERLOAD_ENDED}, {11250, 4, 0, GW_OVERLOAD_SAME},
        {11750, 4, 0, GW_OVERLOAD_SAME},  {12000, 4, 0, GW_OVERLOAD_BEGAN}, /* held back, not forgotten */
        {13000, 4, 0, GW_OVERLOAD_ENDED},
    };
    gw_overload_episode_t episode = play(looks, sizeof(looks) / sizeof(looks[0]));
    gw_overload_refusals_t refused = gw_overload_episode_refusals(&episode);
    assert_int_equal(refused.of[GW_PRIORITY_LOW], 3);
}

static void peace_changes_nothing(void **state)
{
    gw_overload_episode_t episode = {0};
    const gw_overload_refusals_t refused = {{0}};
    for (uint64_t at_ms = 0; at_ms < 100000; at_ms += 250)
        assert_int_equal(gw_overload_episode_look(&episode, &refused, at_ms), GW_OVERLOAD_SAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_begins_with_a_refusal_and_ends_a_second_after_the_last),
        cmocka_unit_test(each_episode_counts_its_own_refusals),
        cmocka_unit_test(there_is_at_most_one_change_in_a_second),
        cmocka_unit_test(peace_changes_nothing),
    };
    return cmocka_run_group_tests_name("test_server_overload_episode", tests, NULL, NULL);
}
