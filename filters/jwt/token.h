/* SPDX-License-Identifier: MIT
 * The judgement of one token (RFC 7515 section 5.2, RFC 7519 section 7.2, RFC 8725): from its bytes to a cause.  What
 * the token says of itself chooses among keys, never how they are used.
 *
 * Threads: the ring's. */
#ifndef FILTERS_JWT_TOKEN_H
#define FILTERS_JWT_TOKEN_H

#include "filters/jwt/ring.h"

enum { GW_JWT_MAX_DETAIL = 160 };

typedef struct gw_jwt_judgement {
    gw_jwt_findings_t findings;
    gw_jwt_times_t times;
    json_t *payload;                    /* one reference; NULL when it did not come so far */
    gw_str_t payload_text;              /* its base64url, within the token */
    const gw_jwt_issuer_conf_t *issuer; /* whose it is; NULL until that was found */
    char detail[GW_JWT_MAX_DETAIL];     /* for the log: what was looked for, by how much the time is off; "" */
} gw_jwt_judgement_t;

/** Told of each step, for `sluice token why`.  @param is_good the step was passed */
typedef void (*gw_jwt_listener_t)(void *arg, bool is_good, const char *text);

/** @param ring refreshed   @param now_ms wall clock, since 1970
 *  @param listener NULL: nobody   @param ret to be disposed; findings.cause is GW_JWT_CAUSE_NONE for a good token */
void gw_jwt_judge(const gw_jwt_conf_t *conf, gw_jwt_ring_t *ring, gw_str_t token, int64_t now_ms,
                  gw_jwt_listener_t listener, void *arg, gw_jwt_judgement_t *ret);
void gw_jwt_judgement_dispose(gw_jwt_judgement_t *judgement);

/** Writes by how much a time is off: "12.5 s", "3 h 2 min".  @return to */
char *gw_jwt_off_text(char to[GW_JWT_MAX_DETAIL], int64_t off_ms);

#endif
