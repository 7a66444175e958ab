/* SPDX-License-Identifier: MIT
 * The options of `circuit_breaker`. */
#ifndef FILTERS_CIRCUIT_BREAKER_CONF_H
#define FILTERS_CIRCUIT_BREAKER_CONF_H

#include "filters/breaker.h"
#include "gateway/config/snapshot.h"

typedef enum gw_breaker_per { GW_PER_SERVICE, GW_PER_ENDPOINT } gw_breaker_per_t;
typedef enum gw_breaker_force { GW_FORCE_NONE, GW_FORCE_OPEN, GW_FORCE_CLOSED } gw_breaker_force_t;
typedef enum gw_breaker_mode { GW_ENFORCE, GW_OBSERVE } gw_breaker_mode_t;

typedef struct gw_breaker_conf {
    gw_mark_t at;
    /* as written; durations in ms, shares in hundredths of a percent */
    uint64_t failure_ratio, slow_ratio, min_requests, window, consecutive_failures, open_for, max_open_for,
        half_open_requests, probe_timeout;
    uint64_t slow_call; /* 0: calls are never slow */
    gw_conditions_conf_t failures;
    uint64_t max_concurrent; /* 0: any number */
    uint64_t max_queue, queue_timeout;
    int per, force, mode;
    struct {
        gw_mark_t at; /* line 0: none */
        const char *service;
        uint64_t status;
        const char *content_type, *body;
    } fallback;
    /* worked out */
    gw_breaker_rules_t rules;
    size_t fallback_index; /* of the service; SIZE_MAX: none */
    const gw_service_conf_t *fallback_service;
} gw_breaker_conf_t;

extern const gw_section_t gw_breaker_section;

/** gw_filter_class_t.link: finds the service of the fallback. */
void gw_breaker_link(struct gw_conf_reader *reader, void *conf, gw_mark_t at);

/** gw_filter_class_t.check_route. */
void gw_breaker_check_route(struct gw_conf_reader *reader, const void *conf, const gw_route_conf_t *route);

#endif
