/* SPDX-License-Identifier: MIT
 * When shedding begins and when it is over, from counts of refusals that are looked at now and then: for the two lines
 * in the log that an operator wants, and not one per refusal.
 * Pure; all zero is a time of peace.  Threads: an episode belongs to one. */
#ifndef GW_SERVER_OVERLOAD_EPISODE_H
#define GW_SERVER_OVERLOAD_EPISODE_H

#include "gateway/base/rate_gate.h"
#include "gateway/config/overload.h"

#define GW_OVERLOAD_QUIET_MS 1000 /* without a refusal it is over; and there is one line in each such span */

typedef enum gw_overload_change { GW_OVERLOAD_SAME, GW_OVERLOAD_BEGAN, GW_OVERLOAD_ENDED } gw_overload_change_t;

/** Refusals, or what observe would have refused; critical: always 0. */
typedef struct gw_overload_refusals {
    uint64_t of[GW_NUM_PRIORITIES];
} gw_overload_refusals_t;

typedef struct gw_overload_episode {
    bool is_on;
    uint64_t began_ms, last_ms;            /* when the first and the latest refusal were seen */
    gw_overload_refusals_t before, latest; /* all since the start: when the last episode ended, and seen last */
    gw_rate_gate_t gate;
} gw_overload_episode_t;

/** @param refused all of them since the start: never less than the last time   @param now_ms monotonic */
gw_overload_change_t gw_overload_episode_look(gw_overload_episode_t *episode, const gw_overload_refusals_t *refused,
                                              uint64_t now_ms);
/** When it has ended, and until the next look.  @return refusals in it */
gw_overload_refusals_t gw_overload_episode_refusals(const gw_overload_episode_t *episode);

#endif
