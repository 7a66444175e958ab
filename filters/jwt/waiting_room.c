/* SPDX-License-Identifier: MIT
 * Waiting for keys. */
#include "filters/jwt/waiting_room.h"

enum {
    most_waiters = 1000,
    most_of_owner = 100,
    look_every_ms = 10, /* only while somebody waits */
    most_at_once = 32   /* judgements in one turn of the loop: about a millisecond */
};

static bool have_come(const gw_jwt_waiter_t *waiter)
{
    for (size_t i = 0; i != waiter->num_fetches; ++i)
        if (!gw_fetch_has_come(waiter->fetches[i], waiter->numbers[i]))
            return false;
    return true;
}

static bool has_failed(const gw_jwt_waiter_t *waiter)
{
    for (size_t i = 0; i != waiter->num_fetches; ++i)
        if (gw_fetch_is_failing(waiter->fetches[i]))
            return true;
    return false;
}

static void look_at_slice(gw_jwt_waiting_room_t *room, uint64_t now_ms)
{
    if (room->num_left == 0)
        room->num_left = room->num_waiters;
    for (size_t num_done = 0; num_done != most_at_once && room->num_left != 0; --room->num_left) {
        if (h2o_linklist_is_empty(&room->waiters))
            break;
        h2o_linklist_t *link = room->waiters.next;
        gw_jwt_waiter_t *waiter = H2O_STRUCT_FROM_MEMBER(gw_jwt_waiter_t, link, link);
        h2o_linklist_unlink(link); /* to the end, so that each is looked at once in a round */
        h2o_linklist_insert(&room->waiters, link);
        bool is_over = have_come(waiter) || now_ms >= waiter->until_ms; /* before the keys are looked at */
        num_done += room->look(waiter, is_over, is_over && has_failed(waiter)) != GW_JWT_IDLE;
    }
    if (h2o_linklist_is_empty(&room->waiters))
        room->num_left = 0;
}

static void on_timer(gw_timer_t *timer)
{
    gw_jwt_waiting_room_t *room = H2O_STRUCT_FROM_MEMBER(gw_jwt_waiting_room_t, timer, timer);
    gw_worker_t *worker = room->worker;
    /* who goes on may end others, and with the last of them this view and the room */
    gw_view_t *view = H2O_STRUCT_FROM_MEMBER(gw_jwt_waiter_t, link, room->waiters.next)->view;
    gw_view_ref(view);
    look_at_slice(room, gw_worker_now_ms(worker));
    if (room->num_waiters != 0)
        gw_timer_set(&worker->timers, timer, gw_worker_now_ms(worker) + (room->num_left != 0 ? 1 : look_every_ms));
    gw_view_unref(view);
}

void gw_jwt_waiting_room_init(gw_jwt_waiting_room_t *room, gw_worker_t *worker,
                              gw_jwt_look_t (*look)(gw_jwt_waiter_t *waiter, bool is_over, bool has_failed))
{
    *room = (gw_jwt_waiting_room_t){.worker = worker, .look = look};
    h2o_linklist_init_anchor(&room->waiters);
    gw_timer_init(&room->timer, on_timer);
}

void gw_jwt_waiting_room_dispose(gw_jwt_waiting_room_t *room)
{
    gw_timer_dispose(&room->worker->timers, &room->timer);
}

static size_t count_of_owner(const gw_jwt_waiting_room_t *room, uint64_t owner)
{
    size_t num = 0;
    for (h2o_linklist_t *link = room->waiters.next; link != &room->waiters; link = link->next)
        num += H2O_STRUCT_FROM_MEMBER(gw_jwt_waiter_t, link, link)->owner == owner;
    return num;
}

bool gw_jwt_waiting_room_enter(gw_jwt_waiting_room_t *room, gw_jwt_waiter_t *waiter)
{
    if (room->num_waiters == most_waiters || count_of_owner(room, waiter->owner) == most_of_owner)
        return false;
    waiter->link = (h2o_linklist_t){NULL, NULL};
    h2o_linklist_insert(&room->waiters, &waiter->link);
    if (room->num_waiters++ == 0)
        gw_timer_set(&room->worker->timers, &room->timer, gw_worker_now_ms(room->worker) + look_every_ms);
    return true;
}

void gw_jwt_waiting_room_leave(gw_jwt_waiting_room_t *room, gw_jwt_waiter_t *waiter)
{
    if (!h2o_linklist_is_linked(&waiter->link))
        return;
    h2o_linklist_unlink(&waiter->link);
    if (--room->num_waiters == 0)
        gw_timer_stop(&room->timer);
}
