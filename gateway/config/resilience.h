/* SPDX-License-Identifier: MIT
 * The rows of everything that deals with endpoints that fail: balancing, health checks, ejection, retries.
 * Threads: control thread. */
#ifndef GW_CONFIG_RESILIENCE_H
#define GW_CONFIG_RESILIENCE_H

#include "gateway/config/reader.h"
#include "gateway/config/snapshot.h"

extern const gw_section_t gw_balance_section, gw_queue_section, gw_health_check_section, gw_ejection_section,
    gw_retries_section, gw_route_retries_section; /* knows whether it was written */
extern const char *const gw_when_unhealthy_words[];

/** GW_CUSTOM rows: a list of conditions (gateway/upstream/condition.h) and statuses -> gw_conditions_conf_t; one scalar
 * may hold several with commas. */
void gw_conf_read_conditions(gw_conf_reader_t *reader, const gw_node_t *node, void *target);
gw_node_t *gw_conf_show_conditions(gw_arena_t *arena, const void *target);
#define GW_CONDITIONS_TAKES                                                                                            \
    "list of connect_failure, empty_response, reset, response_timeout, junk_response and statuses such as 503 or 5xx"

/** Rules between what a service (and a route's own retries) say: warns of tries that cannot fit into the total. */
void gw_conf_check_tries(gw_conf_reader_t *reader, const gw_service_conf_t *service, const gw_retries_conf_t *retries,
                         gw_mark_t at);

#endif
