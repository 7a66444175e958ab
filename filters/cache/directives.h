/* SPDX-License-Identifier: MIT
 * What Cache-Control says, in requests and responses, and CDN-Cache-Control (RFC 9111 5.2, RFC 5861, RFC 8246,
 * RFC 9213).  Directives that are unknown are passed over; what is repeated or cannot be read is taken the safe way:
 * the shortest lifetime, the strictest word (RFC 9111 4.2.1, 5.2).  Pure; borrows the texts it is given. */
#ifndef FILTERS_CACHE_DIRECTIVES_H
#define FILTERS_CACHE_DIRECTIVES_H

#include "gateway/base/str.h"
#include "gateway/http/field.h"

#define GW_CACHE_NOT_SAID  UINT64_MAX
#define GW_CACHE_ANY_AGE   2147483648u /* larger numbers of seconds are taken for this one (RFC 9111 1.2.2) */
#define GW_CACHE_MAX_NAMES 16          /* of fields, in all of no-cache="..." and private="..." */

typedef struct gw_cache_request_directives {
    bool no_cache, no_store, no_transform, only_if_cached;
    bool has_pragma_no_cache; /* and no Cache-Control at all: taken for no-cache (RFC 9111 5.4) */
    uint64_t max_age;         /* seconds; GW_CACHE_NOT_SAID.  What cannot be read is 0 */
    uint64_t max_stale;       /* seconds; GW_CACHE_ANY_AGE: without a number.  What cannot be read is 0 */
    uint64_t min_fresh;       /* what cannot be read is GW_CACHE_ANY_AGE; of several the largest */
    uint64_t stale_if_error;  /* RFC 5861 4 */
} gw_cache_request_directives_t;

typedef struct gw_cache_response_directives {
    bool is_said;    /* there was a field at all, and it could be used */
    bool no_cache;   /* without field names, or with such that cannot be read, or with too many */
    bool is_private; /* likewise */
    bool is_public, no_store, no_transform, must_revalidate, proxy_revalidate, must_understand, immutable;
    uint64_t max_age, s_maxage; /* seconds; GW_CACHE_NOT_SAID.  What cannot be read is 0: stale (RFC 9111 4.2.1) */
    uint64_t stale_while_revalidate, stale_if_error;
    gw_str_t names[GW_CACHE_MAX_NAMES]; /* of fields that may not be stored (private="...") or not be used without
                                           validation (no-cache="..."); as written */
    size_t num_names;
} gw_cache_response_directives_t;

/** @param values of all Cache-Control fields of a request, in order   @param pragma of all Pragma fields */
void gw_cache_request_directives(const gw_str_t *values, size_t num, const gw_str_t *pragma, size_t num_pragma,
                                 gw_cache_request_directives_t *ret);
void gw_cache_response_directives(const gw_str_t *values, size_t num, gw_cache_response_directives_t *ret);
/** CDN-Cache-Control, a structured field (RFC 9213 2.1, RFC 9651 dictionary): a directive of the wrong type is passed
 * over, and of one that is repeated the last counts, as with all such fields.
 *  @return false: it is malformed or empty, or no directive in it has the right type: it is to be ignored as a whole,
 *  and `ret` says nothing */
bool gw_cache_targeted_directives(const gw_str_t *values, size_t num, gw_cache_response_directives_t *ret);

/** Takes the names of private="..." or no-cache="..." over.  @return false: not a list of names, or too many */
bool gw_cache_directives_add_names(gw_cache_response_directives_t *directives, gw_str_t list);

#endif
