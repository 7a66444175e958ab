/* SPDX-License-Identifier: MIT
 * Level 0 holds the next 64 ticks, one slot each; a slot of level n holds 64^n ticks and is dealt out to the levels
 * below when its time begins. */
#include <assert.h>
#include "gateway/base/timer_wheel.h"

#define BITS 6
#define MASK (GW_TIMER_SLOTS - 1)

static uint64_t tick_of(uint64_t ms)
{
    return ms / GW_TIMER_TICK_MS;
}

void gw_timer_wheel_init(gw_timer_wheel_t *wheel, uint64_t now_ms)
{
    wheel->tick = tick_of(now_ms);
    for (size_t level = 0; level != GW_TIMER_LEVELS; ++level) {
        wheel->occupied[level] = 0;
        for (size_t slot = 0; slot != GW_TIMER_SLOTS; ++slot) {
            gw_timer_t *anchor = &wheel->slots[level][slot];
            anchor->next = anchor->prev = anchor;
        }
    }
}

void gw_timer_init(gw_timer_t *timer, void (*on_expiry)(gw_timer_t *timer))
{
    *timer = (gw_timer_t){.on_expiry = on_expiry, .deadline_ms = GW_TIMER_NEVER};
}

static void unlink_timer(gw_timer_wheel_t *wheel, gw_timer_t *timer)
{
    timer->next->prev = timer->prev;
    timer->prev->next = timer->next;
    gw_timer_t *anchor = &wheel->slots[timer->level][timer->slot];
    if (anchor->next == anchor)
        wheel->occupied[timer->level] &= ~(UINT64_C(1) << timer->slot);
    timer->next = timer->prev = NULL;
}

static void link_timer(gw_timer_wheel_t *wheel, gw_timer_t *timer)
{
    /* rounded up, so that it never fires early; never into the tick that is being run */
    uint64_t tick = (timer->deadline_ms + GW_TIMER_TICK_MS - 1) / GW_TIMER_TICK_MS;
    if (tick <= wheel->tick)
        tick = wheel->tick + 1;
    const uint64_t furthest = wheel->tick + (UINT64_C(1) << (BITS * GW_TIMER_LEVELS)) - (UINT64_C(1) << (BITS * 3));
    if (tick > furthest)
        tick = furthest; /* comes up, is found too early and is linked again */
    uint64_t distance = tick - wheel->tick;
    uint8_t level = 0;
    while (level + 1 < GW_TIMER_LEVELS && distance >= UINT64_C(1) << (BITS * (level + 1)))
        ++level;
    timer->level = level;
    timer->slot = (uint8_t)(tick >> (BITS * level)) & MASK;
    timer->slot_tick = tick;
    gw_timer_t *anchor = &wheel->slots[level][timer->slot];
    timer->prev = anchor->prev;
    timer->next = anchor;
    anchor->prev->next = timer;
    anchor->prev = timer;
    wheel->occupied[level] |= UINT64_C(1) << timer->slot;
}

void gw_timer_set(gw_timer_wheel_t *wheel, gw_timer_t *timer, uint64_t deadline_ms)
{
    assert(timer->on_expiry != NULL);
    timer->deadline_ms = deadline_ms;
    if (deadline_ms == GW_TIMER_NEVER)
        return;
    if (timer->next != NULL) {
        if (timer->slot_tick * GW_TIMER_TICK_MS <= deadline_ms)
            return; /* moves on when its present slot comes up */
        unlink_timer(wheel, timer);
    }
    link_timer(wheel, timer);
}

void gw_timer_dispose(gw_timer_wheel_t *wheel, gw_timer_t *timer)
{
    timer->deadline_ms = GW_TIMER_NEVER;
    if (timer->next != NULL)
        unlink_timer(wheel, timer);
}

/** Empties one slot: what is due is called, what was moved to later is linked again, what was stopped leaves.
 *  @return true when at least one was called */
static bool run_slot(gw_timer_wheel_t *wheel, uint8_t level, uint8_t slot, uint64_t now_ms)
{
    /* on a list of its own, because callbacks may link new timers into this very slot (a whole turn later) */
    gw_timer_t *anchor = &wheel->slots[level][slot], due;
    if (anchor->next == anchor)
        return false;
    bool has_called = false;
    due.next = anchor->next;
    due.prev = anchor->prev;
    due.next->prev = due.prev->next = &due;
    anchor->next = anchor->prev = anchor;
    wheel->occupied[level] &= ~(UINT64_C(1) << slot);
    while (due.next != &due) {
        gw_timer_t *timer = due.next;
        timer->next->prev = timer->prev;
        timer->prev->next = timer->next;
        timer->next = timer->prev = NULL;
        if (timer->deadline_ms == GW_TIMER_NEVER)
            continue;
        if (timer->deadline_ms > now_ms) {
            link_timer(wheel, timer);
            continue;
        }
        timer->deadline_ms = GW_TIMER_NEVER;
        timer->on_expiry(timer);
        has_called = true;
    }
    return has_called;
}

/** @return ticks from wheel->tick to the next one at which a slot must be looked at; UINT64_MAX when the wheel is empty
 */
static uint64_t next_event(const gw_timer_wheel_t *wheel)
{
    uint64_t best = UINT64_MAX;
    for (unsigned level = 0; level != GW_TIMER_LEVELS; ++level) {
        uint64_t occupied = wheel->occupied[level];
        if (occupied == 0)
            continue;
        uint64_t current = wheel->tick >> (BITS * level);
        unsigned first = (unsigned)(current + 1) & MASK;
        uint64_t rotated = first == 0 ? occupied : occupied >> first | occupied << (GW_TIMER_SLOTS - first);
        uint64_t at = (current + 1 + (unsigned)__builtin_ctzll(rotated)) << (BITS * level);
        if (at - wheel->tick < best)
            best = at - wheel->tick;
    }
    return best;
}

bool gw_timer_wheel_run(gw_timer_wheel_t *wheel, uint64_t now_ms)
{
    const uint64_t target = tick_of(now_ms);
    bool has_called = false;
    while (wheel->tick < target) {
        uint64_t ahead = next_event(wheel);
        if (ahead > target - wheel->tick) {
            wheel->tick = target;
            break;
        }
        wheel->tick += ahead;
        /* from the top, so that what is dealt out downwards is seen by the levels below in this same pass */
        for (unsigned level = GW_TIMER_LEVELS; level-- > 0;)
            if ((wheel->tick & ((UINT64_C(1) << (BITS * level)) - 1)) == 0)
                has_called |= run_slot(wheel, (uint8_t)level, (uint8_t)(wheel->tick >> (BITS * level)) & MASK, now_ms);
    }
    return has_called;
}

uint64_t gw_timer_wheel_wait(const gw_timer_wheel_t *wheel, uint64_t now_ms, uint64_t max_ms)
{
    uint64_t ahead = next_event(wheel);
    if (ahead == UINT64_MAX)
        return max_ms;
    uint64_t at_ms = (wheel->tick + ahead) * GW_TIMER_TICK_MS;
    if (at_ms <= now_ms)
        return 0;
    return at_ms - now_ms < max_ms ? at_ms - now_ms : max_ms;
}
