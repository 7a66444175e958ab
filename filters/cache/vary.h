/* SPDX-License-Identifier: MIT
 * Which requests a stored response is for (RFC 9111 4.1): the names in Vary, and the request's values of those fields,
 * normalised where that keeps their meaning: lists without what separates them, languages and codings without case and
 * in the order of their weights.  Pure. */
#ifndef FILTERS_CACHE_VARY_H
#define FILTERS_CACHE_VARY_H

#include "filters/cache/store/store.h"
#include "gateway/http/field.h"

#define GW_VARY_MAX 1024 /* bytes of canonical names */

typedef enum gw_vary_result {
    GW_VARY_NONE, /* the response is for every request */
    GW_VARY_NAMES,
    GW_VARY_ANY, /* `*` is among them, or they are malformed: it fits no other request */
    GW_VARY_TOO_LONG
} gw_vary_result_t;

/** Joins the names of all Vary fields: lower case, sorted, each once, with ',' between them.
 *  @param values of all Vary fields   @param ret_len without NUL */
gw_vary_result_t gw_vary_names(const gw_str_t *values, size_t num, char names[GW_VARY_MAX], size_t *ret_len);

/** What of a request counts.  @param names canonical   @param fields of the request, names in lower case
 *  @param secret of gw_siphash_128: gw_cache_store_secret 1
 *  @return never 0, 0 unless names is empty */
gw_cache_key_t gw_vary_hash(gw_str_t names, const gw_http_field_t *fields, size_t num_fields, const uint64_t *secret);

#endif
