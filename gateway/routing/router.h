/* SPDX-License-Identifier: MIT
 * From host, path and method to a route.  Most specific wins: an exact host before the longest wildcard before any
 * host; then an exact path before the longest prefix; then a route that names the method before one for any.  What fits
 * no method falls through to the less specific.
 *
 * The cost of a look-up depends on the request's own host and path (one hash-table probe per '/' at which some prefix
 * of that host ends), not on the number of routes.  Pure; a router is immutable and shared by all threads. */
#ifndef GW_ROUTING_ROUTER_H
#define GW_ROUTING_ROUTER_H

#include "gateway/base/str.h"

typedef enum gw_method {
    GW_METHOD_GET,
    GW_METHOD_HEAD,
    GW_METHOD_POST,
    GW_METHOD_PUT,
    GW_METHOD_DELETE,
    GW_METHOD_PATCH,
    GW_METHOD_OPTIONS,
    GW_METHOD_TRACE,
    GW_METHOD_OTHER, /* only routes for any method take these */
    GW_NUM_METHODS
} gw_method_t;

/** Methods are case-sensitive (RFC 9110 9.1). */
gw_method_t gw_method_from(gw_str_t name);
/** @param methods set of 1u << gw_method_t   @param buf gets "GET, HEAD, POST"; 80 bytes are enough   @return its
 * length */
size_t gw_method_set_names(uint32_t methods, char *buf, size_t cap);

#define GW_ROUTER_MAX_DEPTH 128 /* slashes of a prefix; a deeper one would never match and is a conf error */

typedef struct gw_route_pattern {
    gw_str_t host;    /* lower-case; "": any; "*.example.com": one or more labels in front of .example.com */
    gw_str_t path;    /* normal; one that ends in '/' covers itself and all below it, any other matches exactly */
    uint32_t methods; /* set of 1u << gw_method_t; 0: any.  GET takes HEAD along unless another route of that host and
                         path names HEAD */
} gw_route_pattern_t;

typedef struct gw_router gw_router_t;

/** @param patterns the texts must live as long as the router, the array need not
 *  @param on_tie called for each pair of patterns that the same requests match equally well; the later one is left out
 *  @return owned by the caller, never NULL (out of memory ends the process) */
gw_router_t *gw_router_create(const gw_route_pattern_t *patterns, size_t num,
                              void (*on_tie)(void *arg, size_t first, size_t second), void *arg);
/** NULL is fine; returns NULL. */
gw_router_t *gw_router_free(gw_router_t *router);

typedef enum gw_router_result { GW_ROUTER_MATCH, GW_ROUTER_NO_ROUTE, GW_ROUTER_METHOD_NOT_ALLOWED } gw_router_result_t;

/** @param host as from gw_host_normalise, or empty   @param path as from gw_path_normalise
 *  @param ret_index on MATCH: index of the pattern   @param ret_allowed on METHOD_NOT_ALLOWED: what would have matched
 */
gw_router_result_t gw_router_match(const gw_router_t *router, gw_str_t host, gw_str_t path, gw_str_t method,
                                   size_t *ret_index, uint32_t *ret_allowed);

/** The host of an authority (checked before, see gw_http_is_authority): in lower case, without port and final dot,
 * brackets of IPv6 kept.  @param buf room for authority.len bytes   @return false when it is not host[:port] */
bool gw_host_normalise(gw_str_t authority, char *buf, size_t cap, gw_str_t *ret);

#endif
