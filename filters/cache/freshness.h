/* SPDX-License-Identifier: MIT
 * How old a stored response is, how long it is fresh, and what may be done with it then (RFC 9111 4.2, RFC 5861,
 * RFC 8246).  Pure; time is an argument: milliseconds of the monotonic clock, not negative. */
#ifndef FILTERS_CACHE_FRESHNESS_H
#define FILTERS_CACHE_FRESHNESS_H

#include "filters/cache/directives.h"

/** The longest time that counts in ms: ages and lifetimes beyond it are taken for it (RFC 9111 1.2.2). */
#define GW_CACHE_ANY_AGE_MS (GW_CACHE_ANY_AGE * UINT64_C(1000))

typedef struct gw_cache_life {
    int64_t born_ms;              /* when its age was 0: the response's arrival less its corrected initial age */
    uint64_t lifetime_ms;         /* freshness lifetime */
    uint64_t while_revalidate_ms; /* beyond it: may be served while it is being validated */
    uint64_t if_error_ms;         /* beyond it: may be served when validating it failed */
    bool must_validate;           /* no-cache: never without the origin's word */
    bool never_stale;             /* must-revalidate, proxy-revalidate, s-maxage: not even on error */
    bool is_immutable;            /* RFC 8246: while it is fresh, a request's max-age (a reload) asks for nothing new */
    bool is_heuristic;            /* the lifetime is a guess from Last-Modified */
} gw_cache_life_t;

/** What the age of a response that has just arrived is made of (RFC 9111 4.2.3). */
typedef struct gw_cache_arrival {
    int64_t asked_ms, came_ms; /* monotonic */
    int64_t came_wall_s;       /* seconds since 1970, to compare with */
    int64_t date_s;            /* Date; INT64_MIN: none, or not readable */
    uint64_t age_s;            /* Age; 0: none.  Larger than GW_CACHE_ANY_AGE is taken for it */
} gw_cache_arrival_t;

/** @return born_ms: at most GW_CACHE_ANY_AGE_MS before it came, and never later than that */
int64_t gw_cache_born(const gw_cache_arrival_t *arrival);
/** Seconds, rounded down, never negative, at most GW_CACHE_ANY_AGE: what Age says. */
uint64_t gw_cache_age_s(const gw_cache_life_t *life, int64_t now_ms);
/** What is left of its freshness, in ms; when it is stale, 0 or what it is overdue, negative. */
int64_t gw_cache_left_ms(const gw_cache_life_t *life, int64_t now_ms);

typedef enum gw_cache_use {
    GW_USE_FRESH,            /* as it is */
    GW_USE_STALE,            /* as it is: the client takes stale ones (max-stale) */
    GW_USE_WHILE_REVALIDATE, /* as it is, and the origin is asked meanwhile */
    GW_USE_VALIDATED         /* only with the origin's word */
} gw_cache_use_t;

/** @param request NULL: it says nothing   @param is_soft_purged it is stale, however long it would have been fresh */
gw_cache_use_t gw_cache_use(const gw_cache_life_t *life, const gw_cache_request_directives_t *request,
                            bool is_soft_purged, int64_t now_ms);
/** Whether it may be served in place of an error of the origin.  What the request says of it (RFC 5861 4) goes before
 * what the response says, but never against what forbids a stale one. */
bool gw_cache_may_use_on_error(const gw_cache_life_t *life, const gw_cache_request_directives_t *request,
                               int64_t now_ms);

#endif
