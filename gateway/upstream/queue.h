/* SPDX-License-Identifier: MIT
 * A bounded queue of requests that wait until something of which there is a limited number is free: a place at an
 * endpoint, a place in a bulkhead.  It says only whose turn it is; what is free, its owner knows.
 *
 * Each worker has a side of the queue with its own waiters, first come first served.  Whoever frees something serves
 * its own side, and when nobody waits there wakes a worker that has waiters.  Between workers the order is not kept.
 *
 * Threads: gw_queue_t is shared and all atomics; a side and its waiters belong to their worker. */
#ifndef GW_UPSTREAM_QUEUE_H
#define GW_UPSTREAM_QUEUE_H

#include <h2o.h>
#include <stdatomic.h>
#include "gateway/base/timer_wheel.h"
#include "gateway/exchange/filter.h"

typedef struct gw_queue {
    atomic_size_t num_waiting; /* all workers together */
    size_t num_workers;
    _Atomic(gw_worker_t **) siblings; /* all workers by index; NULL until one of them has a side */
    struct gw_queue_place {
        atomic_size_t num_waiting;
        atomic_bool is_woken; /* by another worker, for this queue */
    } workers[];
} gw_queue_t;

typedef struct gw_queue_side {
    gw_queue_t *queue;
    gw_worker_t *worker;
    h2o_linklist_t waiters;
    h2o_linklist_t link; /* among the worker's sides */
    bool is_serving;
} gw_queue_side_t;

typedef struct gw_waiter {
    /** Something may be free: take it, gw_queue_leave, go on.  @return false: there was nothing; it stays first in line
     */
    bool (*on_turn)(struct gw_waiter *waiter);
    /** The time is over; it has left the queue. */
    void (*on_timeout)(struct gw_waiter *waiter);
    /* private */
    h2o_linklist_t link;
    gw_queue_side_t *side; /* NULL: not waiting */
    gw_timer_t timer;
} gw_waiter_t;

gw_queue_t *gw_queue_create(size_t num_workers);
void gw_queue_free(gw_queue_t *queue);

void gw_queue_side_init(gw_queue_side_t *side, gw_queue_t *queue, gw_worker_t *worker);
/** Nobody waits any more. */
void gw_queue_side_dispose(gw_queue_side_t *side);

/** Gets in line.  Whoever is first then (gw_queue_is_first) has to look once more whether something is free, since it
 * may have become so in between, and to leave again when it takes it.
 *  @param waiter its two functions are set   @return false: `limit` requests wait already, and nothing was done */
bool gw_queue_wait(gw_queue_side_t *side, gw_waiter_t *waiter, size_t limit, uint64_t timeout_ms);
/** Leaves the queue.  Fine when it is not in one. */
void gw_queue_leave(gw_waiter_t *waiter);
/** @return true when somebody of this worker waits already: who comes now goes behind */
static inline bool gw_queue_has_waiters(const gw_queue_side_t *side)
{
    return !h2o_linklist_is_empty((h2o_linklist_t *)&side->waiters);
}

/** @return true when nobody of this worker waits before it */
static inline bool gw_queue_is_first(const gw_waiter_t *waiter)
{
    return waiter->side->waiters.next == &waiter->link;
}

/** Something was freed. */
void gw_queue_freed(gw_queue_side_t *side);
/** Something was freed, or can no longer be had, that no worker knows of (the health of an endpoint changed).  Any
 * thread, as long as the workers are there. */
void gw_queue_wake_all(gw_queue_t *queue);
/** Serves all sides of a worker; called on its thread when another worker woke it. */
void gw_queue_serve_all(gw_worker_t *worker);

#endif
