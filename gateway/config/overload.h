/* SPDX-License-Identifier: MIT
 * The section `overload` and the `priority` of routes.  Threads: made on the control thread, then read-only. */
#ifndef GW_CONFIG_OVERLOAD_H
#define GW_CONFIG_OVERLOAD_H

#include "gateway/config/schema.h"

/** How important a route's requests are. */
typedef enum gw_priority {
    GW_PRIORITY_LOW,
    GW_PRIORITY_NORMAL,
    GW_PRIORITY_HIGH,
    GW_PRIORITY_CRITICAL /* never refused */
} gw_priority_t;
#define GW_NUM_PRIORITIES (GW_PRIORITY_CRITICAL + 1)

typedef enum gw_overload_mode { GW_OVERLOAD_ENFORCE, GW_OVERLOAD_OBSERVE } gw_overload_mode_t;

/** Bounds; 0: none. */
typedef struct gw_overload_conf {
    gw_mark_t at;      /* line 0: there is no such section */
    uint64_t loop_lag; /* ms */
    struct gw_memory_bound {
        bool is_share;   /* of what the process may have (gateway/base/memory_use.h) */
        uint64_t amount; /* bytes; of a share hundredths of a percent */
    } memory;
    uint64_t in_flight; /* exchanges under way, all workers together */
    int mode;           /* gw_overload_mode_t */
} gw_overload_conf_t;

extern const gw_section_t gw_overload_section;
extern const char *const gw_priority_words[]; /* by gw_priority_t, then NULL */

#endif
