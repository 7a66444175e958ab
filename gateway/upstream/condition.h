/* SPDX-License-Identifier: MIT
 * The ways in which a try at an endpoint may end badly, in one vocabulary (HAProxy's retry-on is its model) for
 * everything that judges them: retries, ejection, circuit breakers.  Pure; values. */
#ifndef GW_UPSTREAM_CONDITION_H
#define GW_UPSTREAM_CONDITION_H

#include "gateway/http/status_set.h"

#define GW_CONDITION_MAP(XX)                                                                                           \
    XX(CONNECT_FAILURE, "connect_failure")   /* refused, unreachable, timed out or no address: nothing was sent */     \
    XX(EMPTY_RESPONSE, "empty_response")     /* closed before the first byte of a response */                          \
    XX(RESET, "reset")                       /* the connection broke off, perhaps within the response */               \
    XX(RESPONSE_TIMEOUT, "response_timeout") /* no response in time, or it stalled */                                  \
    XX(JUNK_RESPONSE, "junk_response")       /* not HTTP, or against its rules */

typedef enum gw_condition {
    GW_CONDITION_NONE,
#define GW_CONDITION_ENUM(id, name) GW_CONDITION_##id,
    GW_CONDITION_MAP(GW_CONDITION_ENUM)
#undef GW_CONDITION_ENUM
} gw_condition_t;

typedef struct gw_condition_set {
    uint32_t conditions; /* 1u << gw_condition_t */
    gw_status_set_t statuses;
} gw_condition_set_t;

/** @param condition what happened, or GW_CONDITION_NONE when there was a response   @param status of the response, or 0
 */
static inline bool gw_condition_set_has(const gw_condition_set_t *set, gw_condition_t condition, unsigned status)
{
    return condition != GW_CONDITION_NONE ? (set->conditions >> condition & 1) != 0
                                          : gw_status_set_has(&set->statuses, status);
}

/** The words of all conditions, NULL-terminated. */
extern const char *const gw_condition_words[];

/** Adds a condition by its word, or statuses.  @return false when the text is neither */
bool gw_condition_set_add(gw_condition_set_t *set, gw_str_t text);

#endif
