/* SPDX-License-Identifier: MIT
 * The field Cache-Status (RFC 9211): what the cache did with a request, and why.  Pure. */
#ifndef FILTERS_CACHE_CACHE_STATUS_H
#define FILTERS_CACHE_CACHE_STATUS_H

#include "gateway/base/str.h"

typedef enum gw_cache_forward {
    GW_FORWARD_NONE, /* it was a hit */
    GW_FORWARD_BYPASS,
    GW_FORWARD_METHOD,
    GW_FORWARD_URI_MISS,
    GW_FORWARD_VARY_MISS,
    GW_FORWARD_MISS,
    GW_FORWARD_REQUEST, /* the request's directives */
    GW_FORWARD_STALE,
    GW_FORWARD_PARTIAL
} gw_cache_forward_t;

typedef struct gw_cache_status {
    gw_cache_forward_t forward;
    unsigned forward_status; /* what the origin answered; 0: nothing, or the same as the response's */
    bool has_ttl;
    int64_t ttl_s; /* of what is served or was stored: may be negative */
    bool is_stored, is_collapsed;
    const char *detail; /* a token, static; NULL: none */
    gw_str_t key;       /* shown only where the conf says so; empty: not.  Any bytes */
} gw_cache_status_t;

#define GW_CACHE_STATUS_MAX 160 /* bytes, without the key */

/** `sluice; hit; ttl=30`, `sluice; fwd=uri-miss; fwd-status=200; stored; collapsed; detail=...`.
 *  @param to room for GW_CACHE_STATUS_MAX + 3 * key.len bytes   @return length, no NUL */
size_t gw_cache_status_print(char *to, const gw_cache_status_t *status);

#endif
