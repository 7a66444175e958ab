/* SPDX-License-Identifier: MIT
 * The options of `cors`. */
#ifndef GW_FILTERS_CORS_CONF_H
#define GW_FILTERS_CORS_CONF_H

#include "filters/cors_rules.h"
#include "gateway/config/schema.h"
#include "gateway/config/snapshot.h"

typedef struct gw_cors_conf {
    gw_mark_t at;
    /* as written */
    gw_conf_strings_t origins, methods, headers, expose;
    bool credentials, refuse;
    uint64_t max_age; /* ms */
    /* worked out */
    gw_cors_rules_t rules;
    gw_str_t allow_methods, allow_headers, expose_headers, max_age_s; /* values of fields; empty: none */
} gw_cors_conf_t;

extern const gw_section_t gw_cors_section;

/** gw_filter_class_t.check_route. */
void gw_cors_check_route(struct gw_conf_reader *reader, const void *conf, const gw_route_conf_t *route);

#endif
