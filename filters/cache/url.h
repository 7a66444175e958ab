/* SPDX-License-Identifier: MIT
 * The canonical URL of a request: what two requests for the same resource have in common, whatever the order of their
 * query (if the conf says that it does not matter) and the case of their host.  Pure. */
#ifndef FILTERS_CACHE_URL_H
#define FILTERS_CACHE_URL_H

#include "gateway/base/str.h"

#define GW_QUERY_MAX_SORTED 256 /* parameters; where more than that count they stay in the order in which they came */

/** Which parameters of the query count. */
typedef struct gw_cache_query_rules {
    enum gw_cache_query_mode { GW_QUERY_ALL, GW_QUERY_ONLY, GW_QUERY_WITHOUT, GW_QUERY_NONE } mode;
    const gw_str_t *names; /* of ONLY and WITHOUT, decoded; one that ends in '*' stands for all that begin so
                              ("utm_*").  A parameter is looked at decoded, too */
    size_t num_names;
    bool is_sorted; /* by name; those of the same name stay in their order */
} gw_cache_query_rules_t;

/** @return bytes that gw_cache_url_print writes at most */
size_t gw_cache_url_max(gw_str_t scheme, gw_str_t host, gw_str_t path, gw_str_t query);
/** "https://example.com:8443/a/b?x=1".  Percent-encoding of the query is made uniform (RFC 3986 6.2.2: upper-case hex,
 * unreserved characters decoded); nothing else is changed in it, but that parameters which do not count are left out,
 * and the '?' when none is left.
 *  @param host in lower case, with a port unless it is the scheme's own; may be empty
 *  @param path normalised   @param query with its '?', or empty
 *  @return length, no NUL */
size_t gw_cache_url_print(char *to, gw_str_t scheme, gw_str_t host, gw_str_t path, gw_str_t query,
                          const gw_cache_query_rules_t *rules);

/** Resolves Location or Content-Location of a response against the request's URL (RFC 3986 5) and says whether it is
 * of the same origin (RFC 9111 4.4); writes the canonical URL as gw_cache_url_print does.
 *  @param base canonical, of the request   @param to room for base.len + reference.len + 16 bytes
 *  @return its length; 0: of another origin, or not a URL that a request could have been for */
size_t gw_cache_url_resolve(char *to, gw_str_t base, gw_str_t reference, const gw_cache_query_rules_t *rules);

#endif
