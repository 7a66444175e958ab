/* SPDX-License-Identifier: MIT
 * The options of `concurrency_limit`.  Threads: made on the control thread, then read-only. */
#ifndef FILTERS_CONCURRENCY_LIMIT_CONF_H
#define FILTERS_CONCURRENCY_LIMIT_CONF_H

#include "filters/limit/client_key_conf.h"
#include "filters/limit/exempt_conf.h"
#include "filters/limit/limit_rows.h"

typedef enum gw_concurrency_fields { GW_CONCURRENCY_RATELIMIT, GW_CONCURRENCY_NO_FIELDS } gw_concurrency_fields_t;

typedef struct gw_concurrency_conf {
    gw_mark_t at;
    gw_client_key_conf_t key;
    gw_exempt_conf_t exempt;
    const char *name;
    uint64_t max;
    uint64_t trial; /* 0: none */
    uint64_t keys;
    int when_full, fields, mode;
} gw_concurrency_conf_t;

extern const gw_section_t gw_concurrency_section;

/** No two such limits of a route may have the same name: their fields would contradict each other.  Warns of what no
 * filter before finds out. */
void gw_concurrency_check_route(struct gw_conf_reader *reader, const void *conf, const gw_route_conf_t *route);

#endif
