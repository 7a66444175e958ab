/* SPDX-License-Identifier: MIT
 * How long an event that is ready waits for its turn on an event loop, from probes: messages that the loop's thread
 * sends to itself and that stand in line like any other event.  The length of one turn would not do: a loop with ten
 * thousand sockets ready takes them in turns of 256, each of them short.
 * Pure: times are arguments, in microseconds of one monotonic clock.  All zero is a loop of which nothing is known. */
#ifndef GW_SERVER_LOOP_LAG_H
#define GW_SERVER_LOOP_LAG_H

#include <stdint.h>

#define GW_LOOP_LAG_PERIOD_MS 50 /* between two probes */

typedef struct gw_loop_lag {
    uint64_t mean_us;     /* of the probes of late, the newest counting half */
    uint64_t measured_us; /* when the last one arrived */
    uint64_t sent_us;     /* the one that is out; 0: none is */
} gw_loop_lag_t;

void gw_loop_lag_send(gw_loop_lag_t *lag, uint64_t now_us);
/** The probe that was sent is there. */
void gw_loop_lag_arrive(gw_loop_lag_t *lag, uint64_t now_us);
/** The mean of late, or the age of the probe that is still out where that is longer.  Without probes it is halved every
 * two periods: nothing is known of a loop that had nothing to do but that it was busy once.
 *  @return microseconds */
uint64_t gw_loop_lag_now(const gw_loop_lag_t *lag, uint64_t now_us);

#endif
