/* SPDX-License-Identifier: MIT
 * Whether a try that failed is followed by another one.
 *
 * Never when an endpoint may have acted on a request that must not be done twice (RFC 9110 9.2.2), unless the conf says
 * that this service bears it; never when the body is gone; never beyond attempts, time and budget.  Pure. */
#ifndef GW_EXCHANGE_RETRY_H
#define GW_EXCHANGE_RETRY_H

#include "gateway/config/snapshot.h"
#include "gateway/exchange/exchange.h"

typedef struct gw_retry_facts {
    gw_condition_t condition; /* what happened, or GW_CONDITION_NONE and */
    unsigned status;          /* the status of the response */
    bool is_idempotent;       /* the method is */
    bool is_unsent;           /* no program at the endpoint can have seen the request */
    bool is_stale;            /* a kept connection was closed before the first byte of a response */
    bool was_replaced;        /* a stale connection was already replaced */
    bool is_body_kept;        /* all of the body can be sent again, or there is none */
    bool is_elsewhere;        /* there is an endpoint that was not tried yet */
    unsigned num_tries;       /* so far, without those on stale connections */
    uint64_t time_left_ms;    /* of the total; UINT64_MAX: no bound */
    bool is_in_budget;
    uint64_t random; /* uniform in 64 bits */
} gw_retry_facts_t;

typedef enum gw_retry_answer {
    GW_RETRY_NO,          /* it is not wanted, or not safe */
    GW_RETRY_REPLACE,     /* at once, on a new connection; it does not count */
    GW_RETRY_YES,         /* after delay_ms */
    GW_RETRY_NO_BODY,     /* wanted, but the body is gone */
    GW_RETRY_NO_ATTEMPTS, /* wanted, but there were enough */
    GW_RETRY_NO_TIME,     /* wanted, but the total is over before */
    GW_RETRY_NO_BUDGET    /* wanted, but too many retries are under way */
} gw_retry_answer_t;

gw_retry_answer_t gw_retry_decide(const gw_retries_conf_t *conf, const gw_retry_facts_t *facts, uint64_t *delay_ms);

/** The word for the log; NULL when there is nothing to say. */
const char *gw_retry_refusal(gw_retry_answer_t answer);

/** What a reason is in the vocabulary of conditions; GW_CONDITION_NONE when the endpoint is not to blame.
 *  @param is_untouched no byte of a response came */
gw_condition_t gw_condition_of(gw_reason_t reason, bool is_untouched);

#endif
