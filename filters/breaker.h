/* SPDX-License-Identifier: MIT
 * The circuit breaker's state machine (M. Nygard, "Release It!", 2007): closed, open, half-open.
 *
 *   closed     everything passes and is counted; too many failures or slow calls open it
 *   open       nothing passes until its time is over; the first request after that makes it half-open
 *   half-open  exactly `half_open_requests` probes are handed out; when all of them came back well it closes, when so
 * many failed that the ratio cannot be met any more it opens again, for longer
 *
 * The whole state is one 64-bit word that is only ever replaced by compare-and-swap, so a transition happens once
 * however many workers see its cause, and the one that made it is told (gw_breaker_change_t) and can log it.  Each
 * generation (the time between two transitions) has a number; a call that comes back in a later generation than it left
 * in is not counted, so what was in flight when the breaker opened says nothing about the probes.
 *
 * The counts of the sliding window stand apart: each worker writes only its own (no cache line is shared on the way of
 * a request that succeeds) and a worker that sees a failure sums them all up.
 *
 * Pure: no clock, no random source, no I/O.  Times are milliseconds of a monotonic clock.  Threads: any, each `worker`
 * index by one thread at a time. */
#ifndef FILTERS_BREAKER_H
#define FILTERS_BREAKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_BREAKER_BUCKETS    10 /* of a window */
#define GW_BREAKER_MAX_PROBES 60
#define GW_BREAKER_MAX_STREAK 255   /* bound of consecutive_failures */
#define GW_BREAKER_ALL        10000 /* a ratio of 100 %: ratios are in hundredths of a percent */

typedef struct gw_breaker_rules {
    unsigned failure_ratio, slow_ratio; /* open at this share of failed, of slow calls; 0: not looked at */
    uint64_t min_requests;              /* calls in the window below which no ratio is looked at */
    uint64_t window_ms;                 /* at least GW_BREAKER_BUCKETS */
    unsigned consecutive_failures;      /* open after so many in a row, 0..GW_BREAKER_MAX_STREAK; 0: not looked at */
    uint64_t open_ms, max_open_ms; /* how long it stays open; doubles with every probe that fails, up to max; plus up to
                                      a quarter at random */
    unsigned half_open_requests;   /* probes, 1..GW_BREAKER_MAX_PROBES */
    uint64_t probe_ms;             /* a probe that is out for longer counts as failed */
} gw_breaker_rules_t;

typedef enum gw_breaker_state { GW_BREAKER_CLOSED, GW_BREAKER_OPEN, GW_BREAKER_HALF_OPEN } gw_breaker_state_t;

/** Why a transition happened. */
#define GW_BREAKER_CAUSE_MAP(XX)                                                                                       \
    XX(NONE, "nothing")                                                                                                \
    XX(FAILURE_RATIO, "too many calls failed")                                                                         \
    XX(SLOW_RATIO, "too many calls were slow")                                                                         \
    XX(CONSECUTIVE, "calls failed one after the other")                                                                \
    XX(TIME_OVER, "the open time is over")                                                                             \
    XX(PROBES_GOOD, "the probes came back well")                                                                       \
    XX(PROBE_FAILED, "a probe failed")                                                                                 \
    XX(PROBE_HANGS, "a probe hangs")

typedef enum gw_breaker_cause {
#define GW_BREAKER_CAUSE_ENUM(id, text) GW_BREAKER_##id,
    GW_BREAKER_CAUSE_MAP(GW_BREAKER_CAUSE_ENUM)
#undef GW_BREAKER_CAUSE_ENUM
} gw_breaker_cause_t;

const char *gw_breaker_cause_text(gw_breaker_cause_t cause);
const char *gw_breaker_state_name(gw_breaker_state_t state);

/** A transition that this very call made; cause GW_BREAKER_NONE: it made none. */
typedef struct gw_breaker_change {
    gw_breaker_state_t from, to;
    gw_breaker_cause_t cause;
    uint64_t open_ms;               /* when it opened: for how long */
    uint64_t calls, failures, slow; /* of the window, when that was the cause */
} gw_breaker_change_t;

/** What one request may do; given back with its result by gw_breaker_leave exactly once unless refused. */
typedef struct gw_breaker_ticket {
    enum gw_breaker_pass { GW_BREAKER_REFUSED, GW_BREAKER_CALL, GW_BREAKER_PROBE } pass;
    uint16_t generation;
    uint64_t retry_after_ms; /* refused: when it is worth asking again; at least 1 */
} gw_breaker_ticket_t;

typedef enum gw_breaker_result {
    GW_BREAKER_SUCCESS = 0,
    GW_BREAKER_FAILED = 1, /* may be combined with slow */
    GW_BREAKER_SLOW = 2,
    GW_BREAKER_CANCELLED = 4, /* alone: nothing was learned (the client left) */
    GW_BREAKER_BEGUN = 8 /* with success or slow: it may still be spoiled, or settled, so a streak does not end yet */
} gw_breaker_result_t;

/** Counts of one worker; written by it alone. */
typedef struct gw_breaker_window {
    struct {
        atomic_uint_least64_t failures; /* tag 24 bits, calls 20, failures 20 */
        atomic_uint_least64_t slow;     /* tag 24 bits, calls 20, slow calls 20 */
    } buckets[GW_BREAKER_BUCKETS];
    char padding[64 - (GW_BREAKER_BUCKETS * 16) % 64]; /* no two workers in one cache line */
} gw_breaker_window_t;

typedef struct gw_breaker {
    atomic_uint_least64_t word;
    size_t num_workers;
    char padding[64 - sizeof(atomic_uint_least64_t) - sizeof(size_t)];
    gw_breaker_window_t windows[]; /* one per worker */
} gw_breaker_t;

/** Bytes of a breaker; to be aligned to 64. */
size_t gw_breaker_size(size_t num_workers);
/** Makes it closed, with nothing counted. */
void gw_breaker_init(gw_breaker_t *breaker, size_t num_workers);
gw_breaker_state_t gw_breaker_state(const gw_breaker_t *breaker);
/** @return requests that are out as probes; 0 unless half-open */
unsigned gw_breaker_probes(const gw_breaker_t *breaker);

/** Asks whether a request may pass.  @param random uniform in 64 bits */
gw_breaker_ticket_t gw_breaker_enter(gw_breaker_t *breaker, const gw_breaker_rules_t *rules, uint64_t now_ms,
                                     uint64_t random, gw_breaker_change_t *change);
/** @return whether a request would pass now; takes nothing */
bool gw_breaker_would_pass(const gw_breaker_t *breaker, const gw_breaker_rules_t *rules, uint64_t now_ms);
/** @return milliseconds until an open one lets a probe through; 1 when it is not open or the time is over */
uint64_t gw_breaker_retry_after(const gw_breaker_t *breaker, uint64_t now_ms);
/** Brings back a ticket that was not refused.  @param worker index  @param result a set of gw_breaker_result_t */
void gw_breaker_leave(gw_breaker_t *breaker, const gw_breaker_rules_t *rules, size_t worker, gw_breaker_ticket_t ticket,
                      unsigned result, uint64_t now_ms, uint64_t random, gw_breaker_change_t *change);
/** A call that was brought back as begun went well to its end. */
void gw_breaker_settle(gw_breaker_t *breaker, const gw_breaker_rules_t *rules, gw_breaker_ticket_t ticket);
/** A call that was brought back as a success or as begun turned out to be a failure (its body broke off): counts the
 *  failure.  A probe has been judged by its beginning and stays so. */
void gw_breaker_spoil(gw_breaker_t *breaker, const gw_breaker_rules_t *rules, size_t worker, gw_breaker_ticket_t ticket,
                      uint64_t now_ms, uint64_t random, gw_breaker_change_t *change);

#endif
