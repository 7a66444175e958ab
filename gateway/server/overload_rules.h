/* SPDX-License-Identifier: MIT
 * Load shedding: how much is too much, and who is refused then.  The least important go first, and within a grade only
 * a share that grows with the pressure: a threshold that refuses all at once would make the load swing about it.
 * Pure: numbers in, a decision out. */
#ifndef GW_SERVER_OVERLOAD_RULES_H
#define GW_SERVER_OVERLOAD_RULES_H

#include <stdbool.h>
#include <stdint.h>
#include "gateway/config/overload.h"

/** What is looked at; the words stand in the log. */
#define GW_OVERLOAD_MAP(XX)                                                                                            \
    XX(LOOP_LAG, "loop_lag")                                                                                           \
    XX(MEMORY, "memory")                                                                                               \
    XX(IN_FLIGHT, "in_flight")

typedef enum gw_overload_cause {
#define GW_OVERLOAD_ENUM(id, word) GW_OVERLOAD_##id,
    GW_OVERLOAD_MAP(GW_OVERLOAD_ENUM)
#undef GW_OVERLOAD_ENUM
        GW_OVERLOAD_CAUSES /* how many */
} gw_overload_cause_t;

/** @return static text */
const char *gw_overload_cause_word(gw_overload_cause_t cause);

/** Amounts, by cause: microseconds, bytes, exchanges.  As bounds: 0 is none. */
typedef struct gw_overload_amounts {
    uint64_t of[GW_OVERLOAD_CAUSES];
} gw_overload_amounts_t;

/** Pressure, in hundredths of a percent of a bound. */
#define GW_PRESSURE_AT_BOUND 10000
#define GW_PRESSURE_BEGINS   8000      /* nobody is refused up to here */
#define GW_PRESSURE_MOST     100000000 /* larger ones are shown as this */

/** @param ret_cause set when the pressure is above 0   @return the largest of load / bound */
uint64_t gw_overload_pressure(const gw_overload_amounts_t *load, const gw_overload_amounts_t *bounds,
                              gw_overload_cause_t *ret_cause);
/** low: a share of them from 80 % of a bound on, all from 90 %; normal: 90 and 100 %; high: 100 and 110 %; critical:
 * never.  With the same pressure and random number whoever is more important than one that passes passes too.
 *  @param random any 64 bits, evenly spread */
bool gw_overload_refuses(gw_priority_t priority, uint64_t pressure, uint64_t random);

/** By how much a worker's count may change before it tells the others: what they do not know of each other is less than
 * 1/64 of the bound, all together, or nothing where the bound is so small that each change is told.
 *  @return at least 1 */
uint64_t gw_overload_step(uint64_t bound, uint64_t num_workers);

#endif
