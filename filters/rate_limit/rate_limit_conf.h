/* SPDX-License-Identifier: MIT
 * The options of `rate_limit`.  Threads: made on the control thread, then read-only. */
#ifndef FILTERS_RATE_LIMIT_RATE_LIMIT_CONF_H
#define FILTERS_RATE_LIMIT_RATE_LIMIT_CONF_H

#include "filters/limit/client_key_conf.h"
#include "filters/limit/exempt_conf.h"
#include "filters/limit/limit_rows.h"
#include "filters/rate_limit/fields.h"
#include "filters/rate_limit/limits.h"
#include "filters/rate_limit/store/redis_conf.h"
#include "gateway/http/status_set.h"

typedef enum gw_limit_fields {
    GW_FIELDS_RATELIMIT,
    GW_FIELDS_X_RATELIMIT,
    GW_FIELDS_BOTH,
    GW_FIELDS_NONE
} gw_limit_fields_t;
typedef enum gw_on_store_error { GW_STORE_LOCAL, GW_STORE_ALLOW, GW_STORE_DENY } gw_on_store_error_t;

/** A limit as it is written. */
typedef struct gw_limit_row {
    gw_mark_t at;
    const char *name; /* NULL only where the filter has one limit */
    gw_rate_t rate;   /* tokens 0: not given */
    uint64_t burst;   /* 0: the tokens of the rate */
    struct {
        gw_mark_t at; /* line 0: none */
        gw_rate_t rate;
        uint64_t burst;
    } trial;
} gw_limit_row_t;

typedef struct gw_status_cost {
    gw_status_set_t statuses;
    uint64_t cost;
} gw_status_cost_t;

typedef struct gw_rate_limit_conf {
    gw_mark_t at;
    gw_client_key_conf_t key;
    gw_exempt_conf_t exempt;
    gw_limit_row_t single;
    gw_conf_list_t list; /* gw_limit_row_t */
    struct gw_cost_conf {
        uint64_t tokens;    /* where there is no header, or it cannot be read */
        const char *header; /* lower-case, or NULL */
    } cost;
    uint64_t max_cost;
    gw_conf_pairs_t cost_by_status;
    uint64_t max_delay, max_delayed; /* ms, requests */
    uint64_t keys;
    int when_full, fields, mode;
    struct gw_share_conf {
        gw_mark_t at;      /* line 0: all of it */
        uint64_t part;     /* N of 1/N; 0: by dns */
        const char *dns;   /* a name with one address per gateway, or NULL */
        uint64_t at_least; /* gateways, whatever the name says */
    } share;
    gw_redis_conf_t store;
    int store_mode; /* gw_shared_mode_t */
    uint64_t store_timeout;
    int on_store_error;
    struct gw_lease_conf {
        gw_mark_t at;
        uint64_t tokens, time;
    } lease;
    /* worked out */
    gw_limit_conf_t limits[GW_MAX_LIMITS];
    size_t num_limits;
    gw_status_cost_t *status_costs; /* the first one that fits counts */
    size_t num_status_costs;
} gw_rate_limit_conf_t;

extern const gw_section_t gw_rate_limit_section;

void gw_rate_limit_check_route(struct gw_conf_reader *reader, const void *conf, const gw_route_conf_t *route);
/** No two limits of a route may have the same name, of whatever filter and not of one that stands there twice: their
 * fields would contradict each other.  @param at of the filter whose limit it is */
void gw_limit_name_check_route(struct gw_conf_reader *reader, const char *name, gw_mark_t at,
                               const gw_route_conf_t *route);

#endif
