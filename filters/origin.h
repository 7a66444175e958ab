/* SPDX-License-Identifier: MIT
 * Origins as browsers name them (RFC 6454, the Fetch standard): scheme://host or scheme://host:port, in lower case and
 * without the scheme's default port.  Pure; the texts are borrowed. */
#ifndef GW_FILTERS_ORIGIN_H
#define GW_FILTERS_ORIGIN_H

#include "gateway/base/str.h"

typedef struct gw_origin {
    gw_str_t scheme, host; /* the host of IPv6 with its brackets */
    gw_str_t port;         /* empty: the scheme's own */
} gw_origin_t;

/** @return false when it is no origin with a host: "null" is none, either */
bool gw_origin_parse(gw_str_t text, gw_origin_t *ret);

/** An origin that is allowed, or a set of them. */
typedef struct gw_origin_pattern {
    gw_origin_t origin; /* lower-case; of a wildcard the host begins with the dot: ".example.com" */
    bool is_wildcard;   /* one label or more stands in front */
} gw_origin_pattern_t;

typedef enum gw_origin_problem {
    GW_ORIGIN_FINE,
    GW_ORIGIN_NO_SCHEME,
    GW_ORIGIN_HAS_PATH, /* a '/' at the end is enough for browsers never to send it */
    GW_ORIGIN_HAS_DEFAULT_PORT,
    GW_ORIGIN_HAS_WILDCARD, /* elsewhere than for the first labels */
    GW_ORIGIN_NOT_ASCII,
    GW_ORIGIN_WRONG
} gw_origin_problem_t;

/** Reads https://app.example.com, or "*." and so on in the place of the host.  @param text in lower case */
gw_origin_problem_t gw_origin_pattern_parse(gw_str_t text, gw_origin_pattern_t *ret);
/** @return what helps, for messages; NULL for FINE and WRONG */
const char *gw_origin_hint(gw_origin_problem_t problem);

bool gw_origin_matches(const gw_origin_t *origin, const gw_origin_pattern_t *pattern);

/** True for a page of the very server that is asked: browsers name their own origin in a POST, too.
 *  @param authority as the request has it: host or host:port
 *  @param is_tls how the request came; without TLS, something in front of the gateway may have spoken it */
bool gw_origin_is_of(const gw_origin_t *origin, gw_str_t authority, bool is_tls);

#endif
