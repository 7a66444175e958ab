/* SPDX-License-Identifier: MIT
 * When a document is fetched again.  Pure: times and random numbers are arguments; all times in milliseconds. */
#ifndef GW_UPKEEP_REFRESH_H
#define GW_UPKEEP_REFRESH_H

#include "gateway/base/str.h"

typedef struct gw_refresh_bounds {
    uint64_t min_ttl, max_ttl, min_interval;
} gw_refresh_bounds_t;

/** What a response says of its freshness (RFC 9111 4.2).
 *  @param cache_control, age the fields' values, empty when absent
 *  @return lifetime that is left; UINT64_MAX when it says nothing; 0 for no-store and no-cache */
uint64_t gw_refresh_lifetime(gw_str_t cache_control, gw_str_t age);
/** After a fetch that went well: ahead of the end of the lifetime (clamped to the bounds), by a tenth to a fifth of it
 * at random, so that a fleet of gateways does not fetch in step.
 *  @param random any number   @return ms from now */
uint64_t gw_refresh_after_success(const gw_refresh_bounds_t *bounds, uint64_t lifetime, uint64_t random);
/** After one that failed: min_interval, doubled with each failure in a row up to min_ttl, half of it at random.
 *  @param failures in a row, at least 1   @return ms from now, at least min_interval */
uint64_t gw_refresh_after_failure(const gw_refresh_bounds_t *bounds, unsigned failures, uint64_t random);

#endif
