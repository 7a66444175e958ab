/* SPDX-License-Identifier: MIT
 * Whether a response may be stored by a shared cache, and for how long it is then fresh (RFC 9111 3, 4.2).  Pure. */
#ifndef FILTERS_CACHE_JUDGEMENT_H
#define FILTERS_CACHE_JUDGEMENT_H

#include "filters/cache/freshness.h"
#include "gateway/http/field.h"
#include "gateway/http/status_set.h"

/** One value per cause; the word is what Cache-Status and the access log say. */
#define GW_CACHE_STORING_MAP(XX)                                                                                       \
    XX(YES, "stored")                                                                                                  \
    XX(METHOD, "method") /* not GET */                                                                                 \
    XX(REQUEST_NO_STORE, "request-no-store")                                                                           \
    XX(STATUS, "status") /* not understood (must-understand), or one that is never stored */                           \
    XX(NO_STORE, "no-store")                                                                                           \
    XX(PRIVATE, "private")                                                                                             \
    XX(AUTHORIZATION, "authorization") /* RFC 9111 3.5 */                                                              \
    XX(SET_COOKIE, "set-cookie")                                                                                       \
    XX(VARY_ANY, "vary-any")       /* Vary: * */                                                                       \
    XX(NO_LIFETIME, "no-lifetime") /* nothing says that it may be reused, nor could it be validated */                 \
    XX(PARTIAL, "partial")         /* a 206 that cannot be used */                                                     \
    XX(RULE, "rule")               /* the conf says so */                                                              \
    XX(TOO_LARGE, "too-large")                                                                                         \
    XX(TOO_MANY_LABELS, "too-many-tags")                                                                               \
    XX(NO_ROOM, "no-room")                                                                                             \
    XX(PURGED, "purged")         /* while it was on its way */                                                         \
    XX(INCOMPLETE, "incomplete") /* it broke off */

typedef enum gw_cache_storing {
#define GW_CACHE_STORING_ENUM(id, word) GW_CACHE_STORING_##id,
    GW_CACHE_STORING_MAP(GW_CACHE_STORING_ENUM)
#undef GW_CACHE_STORING_ENUM
} gw_cache_storing_t;
const char *gw_cache_storing_word(gw_cache_storing_t storing);

/** What the operator says.  Durations in ms; GW_CACHE_NOT_SAID where nothing is said.  The three ttls count from the
 * response's arrival, however old it was then. */
typedef struct gw_cache_rules {
    uint64_t ttl; /* where the origin says nothing: of statuses below 400 that may be kept unasked (RFC 9110 15.1) */
    uint64_t override_ttl; /* of statuses below 400 that may be kept, whatever the origin says of how long and of
                              no-cache, but not against no-store or private */
    uint64_t negative_ttl; /* of the statuses in negative_statuses where the origin says nothing; no other rule of how
                              long holds for a status of 400 or more */
    gw_status_set_t negative_statuses;
    uint64_t heuristic_share;            /* of the time since Last-Modified, in hundredths of a percent; 0: none */
    uint64_t heuristic_max;              /* ms; GW_CACHE_NOT_SAID: no limit */
    uint64_t while_revalidate, if_error; /* where the origin says nothing, and does not forbid it; not of responses that
                                            are failures themselves (gw_cache_is_error) */
    bool stores_set_cookie;
} gw_cache_rules_t;

typedef struct gw_cache_request_facts {
    bool is_get;
    bool has_authorization;
    bool has_range;
    const gw_cache_request_directives_t *directives; /* NULL: it says nothing */
} gw_cache_request_facts_t;

typedef struct gw_cache_response_facts {
    unsigned status;
    const gw_http_field_t *fields; /* names in lower case; without those that Connection names */
    size_t num_fields;
    int64_t asked_ms, came_ms; /* monotonic */
    int64_t came_wall_s;       /* what Date is compared with, and taken for where there is none (RFC 9110 6.6.1) */
} gw_cache_response_facts_t;

typedef struct gw_cache_judgement {
    gw_cache_storing_t storing;
    gw_cache_life_t life;
    gw_cache_response_directives_t directives; /* those that count: targeted ones, where there are any */
    gw_str_t etag;                             /* empty: none that is valid */
    int64_t last_modified_s;                   /* INT64_MIN: none */
} gw_cache_judgement_t;

/** Everything but `storing` is said also of what is not stored.  `etag` and `directives` borrow from `response`. */
void gw_cache_judge(const gw_cache_rules_t *rules, const gw_cache_request_facts_t *request,
                    const gw_cache_response_facts_t *response, gw_cache_judgement_t *ret);

/** Whether a field is stored with the response: not when it is for one connection, nor when the directives name it
 * (RFC 9111 3.1, 5.2.2.4, 5.2.2.7), nor Age, which is made anew with every use (5.1).  @param name in lower case */
bool gw_cache_is_field_stored(gw_str_t name, const gw_cache_response_directives_t *directives);
/** Whether a field of a 304 that would be stored takes the place of the stored one (RFC 9111 3.2): not when it
 * describes the bytes that are kept.  @param name in lower case */
bool gw_cache_is_field_updated(gw_str_t name);
/** Whether a response is a failure in whose place a stale one may be served (RFC 5861 4: 500, 502, 503, 504). */
bool gw_cache_is_error(unsigned status);

#endif
