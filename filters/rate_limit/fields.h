/* SPDX-License-Identifier: MIT
 * What a limited response says of its limits: RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10,
 * on RFC 9651), and X-RateLimit-* as drafts up to 06 had them.  Whatever the states hold, the text is well-formed and
 * agrees with itself: r <= q, t >= 1 when r < q, Retry-After not before the t of a limit that has nothing left. Pure,
 * without allocation; threads: any. */
#ifndef GW_FILTERS_RATE_LIMIT_FIELDS_H
#define GW_FILTERS_RATE_LIMIT_FIELDS_H

#include "filters/rate_limit/rate.h"

#define GW_RATE_MAX_LIMITS   8
#define GW_RATE_NAME_MAX     32
#define GW_RATE_NAME_WANTED  "1..32 printable ASCII characters, neither '\"' nor '\\'"
#define GW_RATE_INTEGER_MAX  999999999999999 /* RFC 9651 3.3.1; larger numbers are written as this */
#define GW_RATE_FIELDS_MAX   (GW_RATE_MAX_LIMITS * (GW_RATE_NAME_MAX + 2 + 2 * (3 + 15) + 2))
#define GW_RATE_X_FIELDS_MAX (3 * 15)

/** One limit as it is for this request, after it was counted. */
typedef struct gw_rate_state {
    gw_str_t name;      /* fulfils gw_rate_name_is_valid; at most one limit of a response has it */
    uint64_t quota;     /* tokens of a full bucket: the burst */
    uint64_t window_s;  /* gw_rate_window_s */
    uint64_t remaining; /* whole tokens that are left */
    uint64_t next_us;   /* until there is one more; 0 when it is full */
    uint64_t full_us;   /* until it is full; 0 when it is */
} gw_rate_state_t;

/** Whether it can stand between quotes as it is, in a field (RFC 9651 3.3.3) and in JSON. */
bool gw_rate_name_is_valid(gw_str_t name);
/** In how many seconds an empty bucket becomes full: rounded up, at least 1.  q/w is never more than the rate. */
uint64_t gw_rate_window_s(const gw_rate_t *rate, uint64_t burst);

/* Each of these writes at most GW_RATE_FIELDS_MAX bytes, without NUL.  num: 1..GW_RATE_MAX_LIMITS.  @return the length
 */

/** The value of RateLimit-Policy, which stays the same: `"second";q=20;w=2, "hour";q=1000;w=3600`.  Of the states only
 * name, quota and window_s are read. */
size_t gw_rate_policy_field(const gw_rate_state_t *states, size_t num, char text[GW_RATE_FIELDS_MAX]);
/** The value of RateLimit: `"second";r=0;t=1, "hour";r=412;t=4`.  t is the time until the next token, the draft's
 * "additional quota", not until all are back; a full bucket waits for none and has no t. */
size_t gw_rate_limit_field(const gw_rate_state_t *states, size_t num, char text[GW_RATE_FIELDS_MAX]);
/** The member of a quota-exceeded problem: `"violated-policies":["second"]`.
 *  @param violated bit i for states[i]; not 0 */
size_t gw_rate_violated_member(const gw_rate_state_t *states, size_t num, uint32_t violated,
                               char text[GW_RATE_FIELDS_MAX]);

/** The values of X-RateLimit-Limit, -Remaining and -Reset. */
typedef struct gw_rate_x_fields {
    gw_str_t limit, remaining, reset; /* in the caller's text */
} gw_rate_x_fields_t;

/** Of the one limit that has the fewest tokens left, of several the one that takes longest to be full again.  Reset is
 * the time until then in seconds: those who read these fields expect Remaining to be Limit at that moment, so a nearer
 * one would invite a burst that is refused. */
gw_rate_x_fields_t gw_rate_x_fields(const gw_rate_state_t *states, size_t num, char text[GW_RATE_X_FIELDS_MAX]);

#define GW_CONCURRENCY_FIELD_MAX (GW_RATE_NAME_MAX + 2 + 3 + 15 + 26)

/* The same two of a limit of requests under way, which nobody can say when it has room again. */

/** `"uploads";q=10;qu="concurrent-requests"`.  @param max requests of one client   @return the length */
size_t gw_concurrency_policy_field(gw_str_t name, uint64_t max, char text[GW_CONCURRENCY_FIELD_MAX]);
/** `"uploads";r=3`.  @param remaining how many more may come now */
size_t gw_concurrency_limit_field(gw_str_t name, uint64_t remaining, char text[GW_CONCURRENCY_FIELD_MAX]);

/** For Retry-After: seconds, rounded up, at least 1, and not before a limit without tokens has one again, even when
 * that is not what refused.
 *  @param wait_us until the request would be let in */
uint64_t gw_rate_retry_after_s(const gw_rate_state_t *states, size_t num, uint64_t wait_us);

#endif
