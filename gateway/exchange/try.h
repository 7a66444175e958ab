/* SPDX-License-Identifier: MIT
 * One try of an exchange at one endpoint: a connection, the request, the response; what it met is told to the
 * endpoint's health and to the exchange's guard, once.
 *
 * Threads: the exchange's worker.  Lifetime: in the request's pool; over after gw_try_dispose, which is always to be
 * called and does nothing the second time. */
#ifndef GW_EXCHANGE_TRY_H
#define GW_EXCHANGE_TRY_H

#include "gateway/exchange/exchange.h"
#include "gateway/server/worker.h"
#include "gateway/upstream/call.h"
#include "gateway/upstream/service.h"

typedef struct gw_try gw_try_t;

typedef struct gw_try_failure {
    gw_reason_t reason;
    const char *detail;
    gw_condition_t condition;
    bool is_unsent; /* no program at the endpoint can have seen the request */
    bool is_stale;  /* a kept connection was closed before the first byte of a response */
} gw_try_failure_t;

typedef struct gw_try_events {
    void (*on_interim)(gw_try_t *try, const gw_call_head_t *head);
    void (*on_head)(gw_try_t *try, const gw_call_head_t *head);
    void (*on_body)(gw_try_t *try, const h2o_iovec_t *slices, size_t num_slices, bool is_last);
    /** It is over; the endpoint and the guard know already. */
    void (*on_failed)(gw_try_t *try, const gw_try_failure_t *failure, const gw_try_result_t *result);
} gw_try_events_t;

struct gw_try {
    /* set by the caller */
    const gw_try_events_t *events;
    gw_exchange_t *ex;
    gw_view_service_t *service;
    bool is_precious;    /* the request must not be sent twice */
    uint64_t timeout_ms; /* to the response head, a client's slow upload apart; 0: the phases' own */
    void *owner;
    /* read-only */
    uint32_t index; /* of the endpoint */
    bool is_active; /* started, and neither failed nor complete */
    /* private */
    struct gw_try_connecting *connecting; /* NULL until one was needed */
    gw_body_t *body;
    gw_call_t call;
    gw_timer_t timer;
    uint64_t token;
    unsigned status;
    const gw_endpoint_guard_t *guard; /* that was entered; NULL: none, or left already */
    const gw_endpoint_guard_t *begun; /* that was told of a good beginning, and is to be told of the end; or NULL */
    bool is_connecting, is_counted, has_place, is_recorded, is_reused, has_head;
};

/** Chooses an endpoint, takes a place there and asks the guard.
 *  @param try its caller's part is set, the rest is zeroed
 *  @param index of an endpoint that was chosen; its place (max_requests) is taken already and passes to the try */
void gw_try_prepare(gw_try_t *try, uint32_t index, const gw_endpoint_guard_t *guard, uint64_t token);
/** Starts.  on_failed may be called from within.
 *  @param body NULL: none   @param is_fresh on a new connection whatever the pool has */
void gw_try_start(gw_try_t *try, gw_body_t *body, bool is_fresh);
/** @return microseconds since all of the request was sent; 0: it is not sent yet */
uint64_t gw_try_waited_us(const gw_try_t *try);
/** The piece of body was taken: go on. */
void gw_try_more(gw_try_t *try);
/** Ends it: what is under way is cancelled, buffers are given back.
 *  @param verdict what is to be noted when nothing was yet; NULL: nothing is known (the client left, another one won)
 */
void gw_try_dispose(gw_try_t *try, gw_condition_t condition);
/** @return true when it is the endpoint that is being waited for, not the client */
bool gw_try_waits_for_endpoint(const gw_try_t *try);

#endif
