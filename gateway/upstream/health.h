/* SPDX-License-Identifier: MIT
 * What is thought of one endpoint of a service: down because its checks fail, ejected because requests to it fail, or
 * up.
 *
 * Checks: the first one decides at once, after that so many in a row as the conf says.  Ejection: after failures in a
 * row, or a share of failures in a sliding window; for a time that doubles with each ejection in a row and starts small
 * again when the endpoint stayed in use for as long as it had been out.  An endpoint that comes back is on probation:
 * its next failure, if it comes before any success, ejects it again.
 *
 * Pure: time and chance are arguments.  Threads: the monitor's alone. */
#ifndef GW_UPSTREAM_HEALTH_H
#define GW_UPSTREAM_HEALTH_H

#include "gateway/config/snapshot.h"

#define GW_HEALTH_BUCKETS 10 /* of the window */

typedef enum gw_health_change {
    GW_HEALTH_SAME,
    GW_HEALTH_WENT_DOWN, /* checks */
    GW_HEALTH_CAME_UP,   /* checks */
    GW_HEALTH_EJECTED,   /* requests; see `cause` */
    GW_HEALTH_READMITTED /* the time of the ejection is over */
} gw_health_change_t;

typedef enum gw_ejection_cause { GW_EJECTED_STREAK, GW_EJECTED_RATIO } gw_ejection_cause_t;

typedef struct gw_health {
    /* read-only */
    bool is_down, is_ejected;
    uint64_t back_ms; /* when it was last taken back into use; 0: never out */
    uint64_t ejected_until_ms;
    gw_ejection_cause_t cause;   /* of the last ejection */
    uint64_t requests, failures; /* of the window at the last ejection by ratio */
    /* private */
    bool was_checked;
    unsigned num_good, num_bad;
    unsigned num_ejections; /* in a row */
    uint64_t ejection_ms;   /* how long the last one took */
    bool has_window, is_on_probation;
    uint64_t seen_requests, seen_failures; /* totals that are in the window */
    struct {
        uint64_t epoch, requests, failures;
    } buckets[GW_HEALTH_BUCKETS];
} gw_health_t;

static inline bool gw_health_is_usable(const gw_health_t *health)
{
    return !health->is_down && !health->is_ejected;
}

/** A check came back. */
gw_health_change_t gw_health_checked(gw_health_t *health, const gw_health_check_conf_t *conf, bool is_good,
                                     uint64_t now_ms);
/** There are no checks any more. */
gw_health_change_t gw_health_unchecked(gw_health_t *health, uint64_t now_ms);

/** Looks at what requests met.
 *  @param streak failures in a row   @param requests, failures since the beginning
 *  @param may_eject false: enough endpoints of the service are out already   @param random uniform in 64 bits */
gw_health_change_t gw_health_traffic(gw_health_t *health, const gw_ejection_conf_t *conf, uint64_t streak,
                                     uint64_t requests, uint64_t failures, bool may_eject, uint64_t now_ms,
                                     uint64_t random);
/** Ends an ejection whose time is over. */
gw_health_change_t gw_health_tick(gw_health_t *health, uint64_t now_ms);

#endif
