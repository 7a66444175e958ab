/* SPDX-License-Identifier: MIT
 * The option `exempt` of the filters that limit: who is not limited.
 *
 *   exempt: [client_address=10.0.0.0/8, method=OPTIONS, jwt.plan=gold, "header:X-Probe=${PROBE_SECRET}"]
 *
 * One rule that fits is enough.  Values of fields, cookies and query parameters may be secrets that a client and the
 * conf share, so they are neither printed nor quoted in messages.
 * Threads: made on the control thread, then read-only.  Owned by: the snapshot. */
#ifndef FILTERS_LIMIT_EXEMPT_CONF_H
#define FILTERS_LIMIT_EXEMPT_CONF_H

#include "filters/network_list.h"
#include "gateway/config/key.h"

enum { GW_MAX_EXEMPT_RULES = 1000 };

typedef struct gw_exempt_rule {
    gw_key_conf_t key; /* GW_KEY_NONE: the method; client_address is in the networks as well, and fits there only */
    gw_str_t value;
} gw_exempt_rule_t;

typedef struct gw_exempt_conf {
    gw_exempt_rule_t *rules;
    size_t num_rules;
    gw_network_list_t *networks; /* of all rules for client_address; NULL: there are none */
} gw_exempt_conf_t;

/** The row.  @param type_of_conf struct of the filter's options   @param member its gw_exempt_conf_t */
#define GW_EXEMPT_ROW(type_of_conf, member)                                                                            \
    {                                                                                                                  \
        .key = "exempt", .type = GW_CUSTOM, .offset = offsetof(type_of_conf, member), .read = gw_exempt_read,          \
        .show = gw_exempt_show, .takes = "list of up to 1000 rules KEY=VALUE",                                         \
        .meaning = "who is not limited: requests that one of the rules fits"                                           \
    }

void gw_exempt_read(struct gw_conf_reader *reader, const struct gw_node *node, void *target);
struct gw_node *gw_exempt_show(gw_arena_t *arena, const void *target);
/** To be called by the filter's check_route: warns of rules that fit no request of the route.  @param at the filter's
 * options */
void gw_exempt_check_route(struct gw_conf_reader *reader, const gw_exempt_conf_t *conf, gw_mark_t at,
                           const gw_route_conf_t *route);

#endif
