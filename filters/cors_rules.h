/* SPDX-License-Identifier: MIT
 * What the Fetch standard's CORS protocol lets pages of other origins do, as one filter `cors` has it.
 * Pure; rules are immutable and shared by all threads. */
#ifndef GW_FILTERS_CORS_RULES_H
#define GW_FILTERS_CORS_RULES_H

#include "filters/origin.h"

#define GW_CORS_MAX_ORIGINS 256
#define GW_CORS_MAX_NAMES   100 /* methods or fields in a list, ours or the browser's */

typedef struct gw_cors_names {
    const gw_str_t *entries;
    size_t num;
} gw_cors_names_t;

typedef struct gw_cors_rules {
    bool is_any_origin;   /* "*" */
    bool is_null_allowed; /* the origin "null" */
    const gw_origin_pattern_t *patterns;
    size_t num_patterns;
    gw_cors_names_t methods;
    bool is_any_field; /* "*" */
    gw_cors_names_t fields;
} gw_cors_rules_t;

/** Where a request comes from. */
typedef enum gw_cors_origin {
    GW_CORS_ALLOWED,
    GW_CORS_OWN,    /* not listed, but the server's own pages, to which the protocol has nothing to say */
    GW_CORS_FOREIGN /* not listed */
} gw_cors_origin_t;

/** @param origin the value of the field, as sent   @param authority, is_tls of the request */
gw_cors_origin_t gw_cors_judge_origin(const gw_cors_rules_t *rules, gw_str_t origin, gw_str_t authority, bool is_tls);

/** Methods are compared with their case.  GET, HEAD and POST need no permission and are always allowed. */
bool gw_cors_allows_method(const gw_cors_rules_t *rules, gw_str_t method);

/** @param list of field names, as in Access-Control-Request-Headers
 *  @return false when it has one that is not allowed, that is no name, or more than GW_CORS_MAX_NAMES */
bool gw_cors_allows_fields(const gw_cors_rules_t *rules, gw_str_t list);

#endif
