/* SPDX-License-Identifier: MIT
 * Episodes of shedding. */
#include "gateway/server/overload_episode.h"

static uint64_t total(const gw_overload_refusals_t *refusals)
{
    uint64_t sum = 0;
    for (int priority = 0; priority != GW_NUM_PRIORITIES; ++priority)
        sum += refusals->of[priority];
    return sum;
}

gw_overload_refusals_t gw_overload_episode_refusals(const gw_overload_episode_t *episode)
{
    gw_overload_refusals_t in_it;
    for (int priority = 0; priority != GW_NUM_PRIORITIES; ++priority)
        in_it.of[priority] = episode->latest.of[priority] - episode->before.of[priority];
    return in_it;
}

gw_overload_change_t gw_overload_episode_look(gw_overload_episode_t *episode, const gw_overload_refusals_t *refused,
                                              uint64_t now_ms)
{
    uint64_t held;
    if (!episode->is_on) {
        episode->before = episode->latest;
        if (total(refused) == total(&episode->before) ||
            !gw_rate_gate_pass(&episode->gate, 1, GW_OVERLOAD_QUIET_MS, now_ms, &held))
            return GW_OVERLOAD_SAME; /* what is held back begins it the next time */
        episode->is_on = true;
        episode->began_ms = episode->last_ms = now_ms;
        episode->latest = *refused;
        return GW_OVERLOAD_BEGAN;
    }
    if (total(refused) != total(&episode->latest)) {
        episode->latest = *refused;
        episode->last_ms = now_ms;
    }
    if (now_ms < episode->last_ms + GW_OVERLOAD_QUIET_MS ||
        !gw_rate_gate_pass(&episode->gate, 1, GW_OVERLOAD_QUIET_MS, now_ms, &held))
        return GW_OVERLOAD_SAME;
    episode->is_on = false;
    return GW_OVERLOAD_ENDED;
}
