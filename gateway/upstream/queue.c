/* SPDX-License-Identifier: MIT
 * Waiting in line, across workers.
 *
 * No turn is lost: a waiter counts itself in and then looks once more whether something is free; whoever frees
 * something does that first and then reads the count.  Both in one total order (the default of C's atomics), so at
 * least one of the two sees the other. */
#include <assert.h>
#include <stdlib.h>
#include "gateway/base/memory.h"
#include "gateway/server/worker.h"
#include "gateway/upstream/queue.h"

gw_queue_t *gw_queue_create(size_t num_workers)
{
    gw_queue_t *queue = gw_must_alloc(1, sizeof(*queue) + num_workers * sizeof(queue->workers[0]));
    queue->num_workers = num_workers;
    return queue;
}

void gw_queue_free(gw_queue_t *queue)
{
    free(queue);
}

void gw_queue_side_init(gw_queue_side_t *side, gw_queue_t *queue, gw_worker_t *worker)
{
    *side = (gw_queue_side_t){.queue = queue, .worker = worker};
    atomic_store(&queue->siblings, worker->siblings);
    h2o_linklist_init_anchor(&side->waiters);
    h2o_linklist_insert(&worker->queue_sides, &side->link);
}

void gw_queue_side_dispose(gw_queue_side_t *side)
{
    assert(h2o_linklist_is_empty(&side->waiters));
    h2o_linklist_unlink(&side->link);
}

static void serve(gw_queue_side_t *side);

void gw_queue_leave(gw_waiter_t *waiter)
{
    gw_queue_side_t *side = waiter->side;
    if (side == NULL)
        return;
    bool was_first = gw_queue_is_first(waiter);
    waiter->side = NULL;
    h2o_linklist_unlink(&waiter->link);
    gw_timer_dispose(&side->worker->timers, &waiter->timer);
    atomic_fetch_sub(&side->queue->workers[side->worker->index].num_waiting, 1);
    atomic_fetch_sub(&side->queue->num_waiting, 1);
    if (was_first)
        serve(side); /* the next one may be content with less */
}

/** Lets waiters go until one finds nothing.  One that goes on may fail at once and free what it took: that call does
 *  nothing, since the loop that it came from goes on. */
static void serve(gw_queue_side_t *side)
{
    if (side->is_serving)
        return;
    side->is_serving = true;
    while (!h2o_linklist_is_empty(&side->waiters)) {
        gw_waiter_t *first = H2O_STRUCT_FROM_MEMBER(gw_waiter_t, link, side->waiters.next);
        if (!first->on_turn(first))
            break;
    }
    side->is_serving = false;
}

/** @return false: nobody waits there */
static bool wake(gw_queue_t *queue, size_t at)
{
    if (atomic_load(&queue->workers[at].num_waiting) == 0)
        return false;
    atomic_store(&queue->workers[at].is_woken, true);
    gw_worker_wake(atomic_load(&queue->siblings)[at]);
    return true;
}

static void wake_another(gw_queue_side_t *side)
{
    size_t own = side->worker->index, num = side->queue->num_workers;
    for (size_t i = 1; i != num; ++i)
        if (wake(side->queue, (own + i) % num))
            return;
}

void gw_queue_wake_all(gw_queue_t *queue)
{
    if (atomic_load(&queue->num_waiting) == 0)
        return;
    for (size_t i = 0; i != queue->num_workers; ++i)
        wake(queue, i);
}

/** Serves every side of the same worker and queue: from before a reload there may be two, with other limits.
 *  @return false: nobody waits in any */
static bool serve_sides(gw_queue_side_t *side)
{
    h2o_linklist_t *sides = &side->worker->queue_sides;
    bool has_waiters = false;
    for (h2o_linklist_t *link = sides->next; link != sides; link = link->next) {
        gw_queue_side_t *other = H2O_STRUCT_FROM_MEMBER(gw_queue_side_t, link, link);
        if (other->queue == side->queue && gw_queue_has_waiters(other)) {
            has_waiters = true;
            serve(other);
        }
    }
    return has_waiters;
}

void gw_queue_freed(gw_queue_side_t *side)
{
    if (atomic_load(&side->queue->num_waiting) != 0 && !serve_sides(side))
        wake_another(side);
}

void gw_queue_serve_all(gw_worker_t *worker)
{
    for (h2o_linklist_t *link = worker->queue_sides.next; link != &worker->queue_sides; link = link->next) {
        gw_queue_side_t *side = H2O_STRUCT_FROM_MEMBER(gw_queue_side_t, link, link);
        if (atomic_exchange(&side->queue->workers[worker->index].is_woken, false))
            gw_queue_freed(side); /* if the one that we were woken for has left, it is another worker's turn */
    }
}

static void on_expiry(gw_timer_t *timer)
{
    gw_waiter_t *waiter = H2O_STRUCT_FROM_MEMBER(gw_waiter_t, timer, timer);
    gw_queue_leave(waiter);
    waiter->on_timeout(waiter);
}

bool gw_queue_wait(gw_queue_side_t *side, gw_waiter_t *waiter, size_t limit, uint64_t timeout_ms)
{
    gw_queue_t *queue = side->queue;
    size_t seen = atomic_load(&queue->num_waiting);
    do
        if (seen >= limit)
            return false;
    while (!atomic_compare_exchange_weak(&queue->num_waiting, &seen, seen + 1));
    waiter->side = side;
    waiter->link = (h2o_linklist_t){0};
    h2o_linklist_insert(&side->waiters, &waiter->link);
    gw_timer_init(&waiter->timer, on_expiry);
    gw_timer_set(&side->worker->timers, &waiter->timer, gw_worker_now_ms(side->worker) + timeout_ms);
    atomic_fetch_add(&queue->workers[side->worker->index].num_waiting, 1);
    return true;
}
