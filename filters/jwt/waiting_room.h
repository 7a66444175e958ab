/* SPDX-License-Identifier: MIT
 * Where requests of one worker wait for keys that are being fetched: those whose token names a key that is not known,
 * and those that came before there were any.
 *
 * The room has a limit, and each client (an address; of IPv6 a /64) a share of it, so that strangers with unknown keys
 * can neither fill memory nor keep others out.  When keys have come, those who wait are looked at in slices, so that a
 * thousand of them do not hold up the loop.
 *
 * Threads: the worker's. */
#ifndef FILTERS_JWT_WAITING_ROOM_H
#define FILTERS_JWT_WAITING_ROOM_H

#include "gateway/server/worker.h"
#include "gateway/upkeep/fetch.h"

typedef struct gw_jwt_waiter {
    h2o_linklist_t link;
    gw_view_t *view;      /* of its exchange */
    gw_fetch_t **fetches; /* what it waits for: each of them up to its number */
    uint64_t *numbers;
    size_t num_fetches;
    uint64_t owner; /* gw_exchange_client_owner */
    uint64_t until_ms;
} gw_jwt_waiter_t;

/** What became of one that was looked at. */
typedef enum gw_jwt_look {
    GW_JWT_IDLE,   /* nothing new */
    GW_JWT_JUDGED, /* and it waits on */
    GW_JWT_LEFT
} gw_jwt_look_t;

typedef struct gw_jwt_waiting_room {
    gw_worker_t *worker;
    /** @param is_over what it waits for has come or takes too long: it must leave
     *  @param has_failed a fetch that it waits for brought nothing */
    gw_jwt_look_t (*look)(gw_jwt_waiter_t *waiter, bool is_over, bool has_failed);
    h2o_linklist_t waiters; /* who is looked at next comes first */
    size_t num_waiters;
    size_t num_left; /* in this round */
    gw_timer_t timer;
} gw_jwt_waiting_room_t;

void gw_jwt_waiting_room_init(gw_jwt_waiting_room_t *room, gw_worker_t *worker,
                              gw_jwt_look_t (*look)(gw_jwt_waiter_t *waiter, bool is_over, bool has_failed));
/** Nobody waits any more. */
void gw_jwt_waiting_room_dispose(gw_jwt_waiting_room_t *room);
/** @param waiter with everything but the link set   @return false: there is no room for it */
bool gw_jwt_waiting_room_enter(gw_jwt_waiting_room_t *room, gw_jwt_waiter_t *waiter);
void gw_jwt_waiting_room_leave(gw_jwt_waiting_room_t *room, gw_jwt_waiter_t *waiter);

#endif
