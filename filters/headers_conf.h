/* SPDX-License-Identifier: MIT
 * The options of the filter `headers`.  Threads: made on the control thread, then read-only. */
#ifndef GW_FILTERS_HEADERS_CONF_H
#define GW_FILTERS_HEADERS_CONF_H

#include "filters/template.h"

typedef struct gw_header_edits {
    gw_conf_pairs_t set, add; /* names in lower case */
    gw_conf_strings_t remove; /* in lower case */
    /* worked out: by index in set and add */
    gw_template_t *set_values, *add_values;
} gw_header_edits_t;

typedef struct gw_headers_conf {
    gw_mark_t at;
    gw_header_edits_t request, response;
} gw_headers_conf_t;

extern const gw_section_t gw_headers_section;

/** gw_filter_class_t.check_route: warns of keys of a principal that nothing on the route finds out in time. */
void gw_headers_check_route(struct gw_conf_reader *reader, const void *conf, const gw_route_conf_t *route);

#endif
