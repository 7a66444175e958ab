/* SPDX-License-Identifier: MIT
 * An exchange without a client: the rest of a chain and the service behind it, run for a filter that wants the response
 * for itself (a cache that fills or refreshes an entry).  It does not end when the client leaves for whose sake it was
 * begun; it counts, is guarded, tried again and timed like any other.
 *
 * It begins behind the filter that starts it: the filters before that one know nothing of it.  What those behind it and
 * the service come to is handed to its owner as it would have been to a client's connection.
 *
 * Its worker waits for it when it drains, as it does for clients, as long as anybody wants it, and cuts it off in the
 * end.  The access log's line of
 * one that is logged says as its client which filter began it, and has the request id of the model.
 *
 * Threads: the worker's that created it. */
#ifndef GW_EXCHANGE_DETACHED_H
#define GW_EXCHANGE_DETACHED_H

#include "gateway/exchange/exchange.h"

typedef struct gw_detached gw_detached_t;

typedef struct gw_detached_events {
    /** The response's head, complete: exchange->req->res, after the on_response of its filters; what it names lives as
     * long as the exchange.  It is called for problems of the gateway's own as well (exchange->reason tells).  on_body
     * follows, unless it is freed here. */
    void (*on_head)(gw_detached_t *detached);
    /** A piece of the body, perhaps an empty one, in memory that stays until gw_detached_proceed or gw_detached_free.
     * Nothing more is read from the endpoint before gw_detached_proceed: it is bound to come, as the endpoint's
     * connection is kept for it.
     *  @param state IN_PROGRESS: call gw_detached_proceed when the next one may come; FINAL: it was the last one;
     * ERROR: it broke off, and this is the last call; there may have been no on_head before (the endpoint's head was
     * good and what followed it was not; the worker ends).  After FINAL and ERROR the owner frees it, from here or
     * later. */
    void (*on_body)(gw_detached_t *detached, const h2o_iovec_t *slices, size_t num_slices, h2o_send_state_t state);
    /** Whether anybody still waits for it, asked when its worker drains and has no clients of its own any more.
     * NULL: yes. */
    bool (*is_wanted)(gw_detached_t *detached);
    /** An interim response (gw_exchange_t.on_interim), before on_head; it may not be freed here.  NULL: they are
     * dropped. */
    void (*on_interim)(gw_detached_t *detached, const struct gw_call_head *head);
} gw_detached_events_t;

struct gw_detached {
    /* read-only for the owner */
    gw_exchange_t *exchange; /* with a request and a pool of its own */
    void *owner;
    /* private */
    const gw_detached_events_t *events;
};

/** Makes one of what `model` is about: its route and view, service, host, path, query, peer, certificate, principals,
 * request id and the fields of its request as they are now, all of it copied, so that it may end at any time; no body,
 * and no deadline but the service's: X-Request-Timeout-Ms says how long that one client waits.
 *
 * It starts with gw_detached_start, so that its owner may change its request's fields before (exchange->req->headers:
 * conditions, Range).
 *  @param model in its filter's on_request, or waiting after it: the filters behind the one whose place is
 * model->current_filter are run
 *  @param is_logged it leaves a line in the access log: nobody else's line tells of it */
gw_detached_t *gw_detached_create(const gw_exchange_t *model, const gw_detached_events_t *events, void *owner,
                                  bool is_logged);
/** May call the events from within. */
void gw_detached_start(gw_detached_t *detached);
/** The piece was taken: go on.  May call on_body from within, but never from within on_body. */
void gw_detached_proceed(gw_detached_t *detached);
/** Ends it, cancelling what is under way.  Also from within its events; none is called any more.  What the response was
 * made of goes in the next turn of the loop.  NULL is fine; returns NULL. */
gw_detached_t *gw_detached_free(gw_detached_t *detached);
/** Tells the owners of all of this worker that they broke off (the reason is GW_REASON_CANCELLED), for its end. */
void gw_detached_cut_all(gw_worker_t *worker);
/** The same with those that nobody wants. */
void gw_detached_cut_unwanted(gw_worker_t *worker);

#endif
