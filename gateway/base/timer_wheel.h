/* SPDX-License-Identifier: MIT
 * Timers of one event loop, any number of distinct durations, in a hierarchical timing wheel (Varghese and Lauck,
 * 1987).
 *
 * libh2o wants one list per duration and walks all of them every turn; a gateway has a duration for every phase of
 * every service.  Here setting a timer again to a later time, which is what every request does, is one store: a timer
 * stays in the slot of its earlier deadline and moves on only when that slot comes up. Pure: time is an argument, in
 * milliseconds of a monotonic clock.  Resolution GW_TIMER_TICK_MS; a timer never fires early. Threads: a wheel and its
 * timers belong to one thread.  Owns nothing; a timer is embedded by whoever wants to be called. */
#ifndef GW_BASE_TIMER_WHEEL_H
#define GW_BASE_TIMER_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_TIMER_TICK_MS 4
#define GW_TIMER_LEVELS  4
#define GW_TIMER_SLOTS   64 /* per level; 64^4 ticks of 4 ms are 18 hours, later deadlines wait in the last slot */
#define GW_TIMER_NEVER   UINT64_MAX

typedef struct gw_timer {
    void (*on_expiry)(struct gw_timer *timer); /* the timer is stopped and unlinked when this is called */
    uint64_t deadline_ms;                      /* GW_TIMER_NEVER: stopped */
    /* private */
    struct gw_timer *next, *prev; /* NULL: in no slot */
    uint64_t slot_tick;           /* the tick at which its slot comes up */
    uint8_t level, slot;
} gw_timer_t;

typedef struct gw_timer_wheel {
    uint64_t tick;                      /* ticks that are over */
    uint64_t occupied[GW_TIMER_LEVELS]; /* bit set of slots that hold timers */
    gw_timer_t slots[GW_TIMER_LEVELS][GW_TIMER_SLOTS];
} gw_timer_wheel_t;

void gw_timer_wheel_init(gw_timer_wheel_t *wheel, uint64_t now_ms);
/** Calls every timer whose deadline is not after now_ms.  Callbacks may set, stop and dispose of any timer.
 *  @return true when at least one was called */
bool gw_timer_wheel_run(gw_timer_wheel_t *wheel, uint64_t now_ms);
/** @return milliseconds until gw_timer_wheel_run has something to do, at most max_ms; it may turn out to be nothing. */
uint64_t gw_timer_wheel_wait(const gw_timer_wheel_t *wheel, uint64_t now_ms, uint64_t max_ms);

void gw_timer_init(gw_timer_t *timer, void (*on_expiry)(gw_timer_t *timer));
/** Starts or restarts.  @param deadline_ms when to be called; GW_TIMER_NEVER stops it */
void gw_timer_set(gw_timer_wheel_t *wheel, gw_timer_t *timer, uint64_t deadline_ms);
/** Stops without leaving the slot: cheap, and setting it again soon is cheap too. */
static inline void gw_timer_stop(gw_timer_t *timer)
{
    timer->deadline_ms = GW_TIMER_NEVER;
}
static inline bool gw_timer_is_set(const gw_timer_t *timer)
{
    return timer->deadline_ms != GW_TIMER_NEVER;
}
/** Before its memory goes: leaves the slot. */
void gw_timer_dispose(gw_timer_wheel_t *wheel, gw_timer_t *timer);

#endif
