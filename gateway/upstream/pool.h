/* SPDX-License-Identifier: MIT
 * Connections of one worker to one endpoint, and the idle ones among them kept for the next request.
 *
 * An idle connection stays registered for reading, so a close by the endpoint is noticed at once and reuse costs no
 * system call.  The last one used is used first, so that a pool shrinks to what the load needs. Threads: a pool belongs
 * to its worker.  Lifetime: found by endpoint, counted by the views that name it; when the last one is gone idle
 * connections are closed, and those at work are closed when they are done. */
#ifndef GW_UPSTREAM_POOL_H
#define GW_UPSTREAM_POOL_H

#include <h2o.h>
#include "gateway/base/timer_wheel.h"
#include "gateway/config/snapshot.h"
#include "gateway/exchange/exchange.h"
#include "gateway/upstream/endpoint.h"

typedef struct gw_pool gw_pool_t;

/** A TCP or Unix connection to an endpoint.  Whoever takes one owns it until gw_connection_give or _close. */
typedef struct gw_connection {
    h2o_socket_t *sock; /* in don't-read mode: its owner calls read(2) itself when it is readable */
    gw_pool_t *pool;
    bool is_reused;
    void *owner;           /* for the owner's callbacks */
    uint64_t sent;         /* bytes written to it by all its owners so far */
    uint64_t keep_idle_ms; /* how long the endpoint says that it keeps it; UINT64_MAX: it does not say */
    /* private */
    h2o_linklist_t idle_link;
    gw_timer_t idle_timer;
    uint64_t opened_ms;
    gw_worker_t *worker;
} gw_connection_t;

/** An attempt to connect; embedded by the caller. */
typedef struct gw_connecting {
    /** Called once, unless cancelled: with a connection, or NULL and the reason. */
    void (*on_done)(struct gw_connecting *connecting, gw_connection_t *connection, gw_reason_t failure);
    /* private */
    gw_pool_t *pool;
    gw_worker_t *worker;
    h2o_socket_t *sock;
    gw_timer_t timer;
    uint64_t deadline_ms;
    gw_address_t addresses[GW_ENDPOINT_MAX_ADDRESSES];
    size_t num_addresses, next_address;
    gw_reason_t failure;
} gw_connecting_t;

/** Finds the worker's pool for an endpoint or makes it.  @return one reference */
gw_pool_t *gw_pool_get(gw_worker_t *worker, gw_endpoint_t *endpoint);
void gw_pool_unref(gw_pool_t *pool);
gw_endpoint_t *gw_pool_endpoint(const gw_pool_t *pool);
/** Tries under way at the endpoint on this worker, for balancing; counted by those who make them. */
uint64_t gw_pool_load(const gw_pool_t *pool);
void gw_pool_count_try(gw_pool_t *pool, int by);

/** @param is_precious the request must not be sent twice: one system call makes sure that the endpoint has not closed
 * the connection since the loop last looked
 *  @return an idle connection that is not too old, or NULL */
gw_connection_t *gw_pool_take(gw_pool_t *pool, const gw_service_conf_t *service, bool is_precious);
/** Connects to one address after the other until one answers or the service's connect timeout is over.  on_done may be
 *  called from within.  @param connecting only on_done need be set */
void gw_pool_connect(gw_pool_t *pool, const gw_service_conf_t *service, gw_connecting_t *connecting);
void gw_connecting_cancel(gw_connecting_t *connecting);

/** Tells whether the endpoint's TCP may have got anything of what was written after the first `sent` bytes.  When not,
 * no program there can have seen it, whatever the method: it is safe to send it elsewhere. */
bool gw_connection_may_have_delivered(const gw_connection_t *connection, uint64_t sent);
/** Gives back a connection on which nothing is in flight; it is kept or closed as the service's pool settings say. */
void gw_connection_give(gw_connection_t *connection, const gw_service_conf_t *service);
void gw_connection_close(gw_connection_t *connection);

/** Closes every idle connection of a worker (drain). */
void gw_pools_close_idle(gw_worker_t *worker);

#endif
