/* SPDX-License-Identifier: MIT
 * The breaker's word and windows.
 *
 * The word, from its low end: state 2 bits, generation 16, trips 4 (how often it opened without closing in between),
 * and 42 bits that each state uses in its own way:
 *
 *   closed     8 streak: failures in a row
 *   open       42 until: milliseconds
 *   half-open  6 issued, 6 good, 6 bad: probes; 24 since: when the last one was issued, in units of 256 ms
 */
#include "filters/breaker.h"

#define STATE_BITS      2
#define GENERATION_BITS 16
#define TRIPS_BITS      4
#define TRIPS_AT        (STATE_BITS + GENERATION_BITS)
#define REST_AT         (TRIPS_AT + TRIPS_BITS)
#define MAX_TRIPS       ((1u << TRIPS_BITS) - 1)
#define UNTIL_MASK      ((1ull << (64 - REST_AT)) - 1)
#define SINCE_MASK      0xffffffull
#define SINCE_SHIFT     8   /* 256 ms */
#define MAX_BEHIND      256 /* units that a clock may be behind another */

/** The word taken apart; what the state does not use is 0. */
typedef struct parts {
    gw_breaker_state_t state;
    uint16_t generation;
    unsigned trips;
    unsigned streak;            /* closed */
    uint64_t until_ms;          /* open */
    unsigned issued, good, bad; /* half-open */
    uint64_t since;             /* half-open */
} parts_t;

static parts_t take_apart(uint64_t word)
{
    uint64_t rest = word >> REST_AT;
    parts_t parts = {
        .state = (gw_breaker_state_t)(word & ((1u << STATE_BITS) - 1)),
        .generation = (uint16_t)(word >> STATE_BITS),
        .trips = (unsigned)(word >> TRIPS_AT) & MAX_TRIPS,
    };
    switch (parts.state) {
    case GW_BREAKER_CLOSED:
        parts.streak = (unsigned)rest & 0xff;
        break;
    case GW_BREAKER_OPEN:
        parts.until_ms = rest;
        break;
    case GW_BREAKER_HALF_OPEN:
        parts.issued = (unsigned)rest & 63;
        parts.good = (unsigned)(rest >> 6) & 63;
        parts.bad = (unsigned)(rest >> 12) & 63;
        parts.since = rest >> 18;
        break;
    }
    return parts;
}

static uint64_t put_together(const parts_t *parts)
{
    uint64_t rest = 0;
    switch (parts->state) {
    case GW_BREAKER_CLOSED:
        rest = parts->streak;
        break;
    case GW_BREAKER_OPEN:
        rest = parts->until_ms & UNTIL_MASK;
        break;
    case GW_BREAKER_HALF_OPEN:
        rest = parts->issued | (uint64_t)parts->good << 6 | (uint64_t)parts->bad << 12 | parts->since << 18;
        break;
    }
    return (uint64_t)parts->state | (uint64_t)parts->generation << STATE_BITS | (uint64_t)parts->trips << TRIPS_AT |
           rest << REST_AT;
}

static bool replace(gw_breaker_t *breaker, uint64_t *seen, const parts_t *next)
{
    return atomic_compare_exchange_weak(&breaker->word, seen, put_together(next));
}

const char *gw_breaker_cause_text(gw_breaker_cause_t cause)
{
    static const char *const texts[] = {
#define TEXT(id, text) text,
        GW_BREAKER_CAUSE_MAP(TEXT)
#undef TEXT
    };
    return texts[cause];
}

const char *gw_breaker_state_name(gw_breaker_state_t state)
{
    static const char *const names[] = {"closed", "open", "half_open"};
    return names[state];
}

size_t gw_breaker_size(size_t num_workers)
{
    return sizeof(gw_breaker_t) + num_workers * sizeof(gw_breaker_window_t);
}

void gw_breaker_init(gw_breaker_t *breaker, size_t num_workers)
{
    /* the first generation is 1: buckets that were never used have tag 0 and match nothing */
    const parts_t first = {.state = GW_BREAKER_CLOSED, .generation = 1};
    atomic_init(&breaker->word, put_together(&first));
    breaker->num_workers = num_workers;
    for (size_t i = 0; i != num_workers; ++i)
        for (size_t k = 0; k != GW_BREAKER_BUCKETS; ++k) {
            atomic_init(&breaker->windows[i].buckets[k].failures, 0);
            atomic_init(&breaker->windows[i].buckets[k].slow, 0);
        }
}

gw_breaker_state_t gw_breaker_state(const gw_breaker_t *breaker)
{
    return take_apart(atomic_load(&breaker->word)).state;
}

unsigned gw_breaker_probes(const gw_breaker_t *breaker)
{
    parts_t parts = take_apart(atomic_load(&breaker->word));
    return parts.issued - parts.good - parts.bad;
}

/* the window ------------------------------------------------------------------------------------------------------- */

#define COUNT_BITS 20
#define COUNT_MAX  ((1u << COUNT_BITS) - 1)

static uint64_t epoch_of(const gw_breaker_rules_t *rules, uint64_t now_ms)
{
    return now_ms / (rules->window_ms / GW_BREAKER_BUCKETS);
}

/** What a bucket in use begins with: 8 bits of the generation, never 0 for both together, and 16 of the epoch. */
static uint64_t tag_of(uint16_t generation, uint64_t epoch)
{
    return (uint64_t)((generation & 0x7f) | 0x80) << 16 | (epoch & 0xffff);
}

static void add(atomic_uint_least64_t *word, uint64_t tag, unsigned calls, unsigned hits)
{
    uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);
    uint64_t num = 0, num_hits = 0;
    if (seen >> (2 * COUNT_BITS) == tag) {
        num = seen >> COUNT_BITS & COUNT_MAX;
        num_hits = seen & COUNT_MAX;
    }
    num += calls;
    num_hits += hits;
    if (num > COUNT_MAX || num_hits > COUNT_MAX) { /* the ratio is what counts */
        num /= 2;
        num_hits /= 2;
    }
    atomic_store_explicit(word, tag << (2 * COUNT_BITS) | num << COUNT_BITS | num_hits, memory_order_relaxed);
}

static void record(gw_breaker_t *breaker, const gw_breaker_rules_t *rules, size_t worker, uint16_t generation,
                   uint64_t now_ms, unsigned calls, unsigned result)
{
    uint64_t epoch = epoch_of(rules, now_ms), tag = tag_of(generation, epoch);
    gw_breaker_window_t *window = &breaker->windows[worker];
    if (rules->failure_ratio != 0)
        add(&window->buckets[epoch % GW_BREAKER_BUCKETS].failures, tag, calls, (result & GW_BREAKER_FAILED) != 0);
    if (rules->slow_ratio != 0)
        add(&window->buckets[epoch % GW_BREAKER_BUCKETS].slow, tag, calls, (result & GW_BREAKER_SLOW) != 0);
}

typedef struct sums {
    uint64_t calls, hits;
} sums_t;

static sums_t sum(const gw_breaker_t *breaker, const gw_breaker_rules_t *rules, uint16_t generation, uint64_t now_ms,
                  bool is_slow)
{
    uint64_t last = epoch_of(rules, now_ms);
    sums_t sums = {0, 0};
    for (size_t i = 0; i != breaker->num_workers; ++i)
        for (uint64_t back = 0; back != GW_BREAKER_BUCKETS && back <= last; ++back) {
            size_t at = (last - back) % GW_BREAKER_BUCKETS;
            uint64_t word = atomic_load_explicit(is_slow ? &breaker->windows[i].buckets[at].slow
                                                         : &breaker->windows[i].buckets[at].failures,
                                                 memory_order_relaxed);
            if (word >> (2 * COUNT_BITS) != tag_of(generation, last - back))
                continue;
            sums.calls += word >> COUNT_BITS & COUNT_MAX;
            sums.hits += word & COUNT_MAX;
        }
    if (sums.hits > sums.calls)
        sums.hits = sums.calls; /* a failure can be counted in a later bucket than its call */
    return sums;
}

static bool is_reached(const gw_breaker_rules_t *rules, sums_t sums, unsigned ratio)
{
    return ratio != 0 && sums.calls != 0 && sums.calls >= rules->min_requests &&
           sums.hits * GW_BREAKER_ALL >= ratio * sums.calls;
}

/* transitions ------------------------------------------------------------------------------------------------------ */

/** Doubles with each trip, plus up to a quarter of it so that gateways that opened together do not probe together. */
static uint64_t open_time(const gw_breaker_rules_t *rules, unsigned trips, uint64_t random)
{
    uint64_t ms = rules->open_ms;
    while (trips-- != 0 && ms < rules->max_open_ms)
        ms *= 2;
    if (ms > rules->max_open_ms)
        ms = rules->max_open_ms;
    return ms + (random >> 32) * (ms / 4 + 1) / (1ull << 32);
}

static parts_t opened(const parts_t *from, const gw_breaker_rules_t *rules, uint64_t now_ms, uint64_t random)
{
    unsigned trips = from->state == GW_BREAKER_HALF_OPEN ? from->trips : 0;
    return (parts_t){
        .state = GW_BREAKER_OPEN,
        .generation = (uint16_t)(from->generation + 1),
        .trips = trips < MAX_TRIPS ? trips + 1 : MAX_TRIPS,
        .until_ms = now_ms + open_time(rules, trips, random),
    };
}

static void report(gw_breaker_change_t *change, const parts_t *from, const parts_t *to, gw_breaker_cause_t cause,
                   uint64_t now_ms)
{
    change->from = from->state;
    change->to = to->state;
    change->cause = cause;
    change->open_ms = to->state == GW_BREAKER_OPEN ? to->until_ms - now_ms : 0;
}

static uint64_t units_of(uint64_t now_ms)
{
    return now_ms >> SINCE_SHIFT & SINCE_MASK;
}

/** A probe has been out for too long.  Modular, so that the clock may pass the 49 days that 24 bits hold.  Both times
 * are rounded down, so one unit more than the bound may have passed in less; and a worker whose clock is behind the
 * issuer's (it read it earlier) sees a time below zero. */
static bool is_hanging(const gw_breaker_rules_t *rules, const parts_t *parts, uint64_t now_ms)
{
    uint64_t units = (units_of(now_ms) - parts->since) & SINCE_MASK;
    return units > (rules->probe_ms >> SINCE_SHIFT) + 1 && units < SINCE_MASK - MAX_BEHIND;
}

gw_breaker_ticket_t gw_breaker_enter(gw_breaker_t *breaker, const gw_breaker_rules_t *rules, uint64_t now_ms,
                                     uint64_t random, gw_breaker_change_t *change)
{
    change->cause = GW_BREAKER_NONE;
    for (uint64_t seen = atomic_load(&breaker->word);;) {
        parts_t parts = take_apart(seen), next;
        gw_breaker_cause_t cause = GW_BREAKER_NONE;
        gw_breaker_ticket_t ticket = {.pass = GW_BREAKER_CALL, .generation = parts.generation};
        switch (parts.state) {
        case GW_BREAKER_CLOSED:
            return ticket;
        case GW_BREAKER_OPEN:
            if (now_ms < parts.until_ms)
                return (gw_breaker_ticket_t){.pass = GW_BREAKER_REFUSED, .retry_after_ms = parts.until_ms - now_ms};
            next = (parts_t){.state = GW_BREAKER_HALF_OPEN,
                             .generation = (uint16_t)(parts.generation + 1),
                             .trips = parts.trips,
                             .issued = 1,
                             .since = units_of(now_ms)};
            cause = GW_BREAKER_TIME_OVER;
            ticket.pass = GW_BREAKER_PROBE;
            break;
        case GW_BREAKER_HALF_OPEN:
            next = parts;
            if (parts.issued < rules->half_open_requests) {
                ++next.issued;
                next.since = units_of(now_ms);
                ticket.pass = GW_BREAKER_PROBE;
            } else if (parts.good + parts.bad == parts.issued) { /* none is out: a reload has lowered the number */
                next = (parts_t){.state = GW_BREAKER_HALF_OPEN,
                                 .generation = (uint16_t)(parts.generation + 1),
                                 .trips = parts.trips,
                                 .issued = 1,
                                 .since = units_of(now_ms)};
                ticket.pass = GW_BREAKER_PROBE;
            } else if (is_hanging(rules, &parts, now_ms)) {
                next = opened(&parts, rules, now_ms, random);
                cause = GW_BREAKER_PROBE_HANGS;
                ticket = (gw_breaker_ticket_t){.pass = GW_BREAKER_REFUSED, .retry_after_ms = next.until_ms - now_ms};
            } else {
                return (gw_breaker_ticket_t){.pass = GW_BREAKER_REFUSED, .retry_after_ms = 1};
            }
            break;
        }
        if (!replace(breaker, &seen, &next))
            continue;
        if (cause != GW_BREAKER_NONE)
            report(change, &parts, &next, cause, now_ms);
        if (ticket.pass == GW_BREAKER_PROBE)
            ticket.generation = next.generation;
        return ticket;
    }
}

bool gw_breaker_would_pass(const gw_breaker_t *breaker, const gw_breaker_rules_t *rules, uint64_t now_ms)
{
    parts_t parts = take_apart(atomic_load(&breaker->word));
    switch (parts.state) {
    case GW_BREAKER_OPEN:
        return now_ms >= parts.until_ms;
    case GW_BREAKER_HALF_OPEN:
        return parts.issued < rules->half_open_requests || parts.good + parts.bad == parts.issued ||
               is_hanging(rules, &parts, now_ms); /* gw_breaker_enter will notice */
    default:
        return true;
    }
}

uint64_t gw_breaker_retry_after(const gw_breaker_t *breaker, uint64_t now_ms)
{
    parts_t parts = take_apart(atomic_load(&breaker->word));
    return parts.state == GW_BREAKER_OPEN && parts.until_ms > now_ms ? parts.until_ms - now_ms : 1;
}

/** A probe is back.  The share of bad ones that opens it again is the one that opens it when closed: of failures when
 * this one failed, of slow ones when it was only slow; a rule that knows no share tolerates none. */
static void leave_half_open(gw_breaker_t *breaker, const gw_breaker_rules_t *rules, uint16_t generation,
                            unsigned result, uint64_t now_ms, uint64_t random, gw_breaker_change_t *change)
{
    bool is_failed = (result & GW_BREAKER_FAILED) != 0;
    bool is_bad = is_failed || ((result & GW_BREAKER_SLOW) != 0 && rules->slow_ratio != 0);
    unsigned ratio = is_failed ? rules->failure_ratio : rules->slow_ratio;
    for (uint64_t seen = atomic_load(&breaker->word);;) {
        parts_t parts = take_apart(seen), next = parts;
        gw_breaker_cause_t cause = GW_BREAKER_NONE;
        if (parts.state != GW_BREAKER_HALF_OPEN || parts.generation != generation)
            return;
        if (result & GW_BREAKER_CANCELLED) {
            --next.issued; /* another one may try */
        } else {
            unsigned *count = is_bad ? &next.bad : &next.good;
            ++*count;
            if (is_bad && next.bad * GW_BREAKER_ALL >= ratio * rules->half_open_requests) {
                next = opened(&parts, rules, now_ms, random);
                cause = GW_BREAKER_PROBE_FAILED;
            } else if (next.good + next.bad >= rules->half_open_requests) {
                next = (parts_t){.state = GW_BREAKER_CLOSED, .generation = (uint16_t)(parts.generation + 1)};
                cause = GW_BREAKER_PROBES_GOOD;
            }
        }
        if (!replace(breaker, &seen, &next))
            continue;
        if (cause != GW_BREAKER_NONE)
            report(change, &parts, &next, cause, now_ms);
        return;
    }
}

static void end_streak(gw_breaker_t *breaker, uint16_t generation)
{
    for (uint64_t seen = atomic_load_explicit(&breaker->word, memory_order_relaxed);;) {
        parts_t parts = take_apart(seen);
        if (parts.state != GW_BREAKER_CLOSED || parts.generation != generation || parts.streak == 0)
            return; /* the usual way: read, nothing written */
        parts.streak = 0;
        if (replace(breaker, &seen, &parts))
            return;
    }
}

/** @return what asks for opening after a failure or a slow call */
static gw_breaker_cause_t judge(const gw_breaker_t *breaker, const gw_breaker_rules_t *rules, uint16_t generation,
                                unsigned streak, uint64_t now_ms, gw_breaker_change_t *change)
{
    if (rules->consecutive_failures != 0 && streak >= rules->consecutive_failures)
        return GW_BREAKER_CONSECUTIVE;
    sums_t failures = {0, 0}, slow = {0, 0};
    if (rules->failure_ratio != 0)
        failures = sum(breaker, rules, generation, now_ms, false);
    if (rules->slow_ratio != 0)
        slow = sum(breaker, rules, generation, now_ms, true);
    change->calls = failures.calls > slow.calls ? failures.calls : slow.calls;
    change->failures = failures.hits;
    change->slow = slow.hits;
    if (is_reached(rules, failures, rules->failure_ratio))
        return GW_BREAKER_FAILURE_RATIO;
    return is_reached(rules, slow, rules->slow_ratio) ? GW_BREAKER_SLOW_RATIO : GW_BREAKER_NONE;
}

static void leave_closed(gw_breaker_t *breaker, const gw_breaker_rules_t *rules, size_t worker, uint16_t generation,
                         unsigned calls, unsigned result, uint64_t now_ms, uint64_t random, gw_breaker_change_t *change)
{
    bool is_failure = (result & GW_BREAKER_FAILED) != 0;
    uint64_t seen = atomic_load(&breaker->word);
    parts_t parts = take_apart(seen);
    if (parts.state != GW_BREAKER_CLOSED || parts.generation != generation)
        return;
    record(breaker, rules, worker, generation, now_ms, calls, result);
    if (!is_failure && !(result & GW_BREAKER_BEGUN) && rules->consecutive_failures != 0)
        end_streak(breaker, generation);
    if ((result & (GW_BREAKER_FAILED | GW_BREAKER_SLOW)) == 0)
        return;
    /* between writing our own count and reading the others': of two workers that fail together one sees both */
    atomic_thread_fence(memory_order_seq_cst);
    bool is_counted = !is_failure || rules->consecutive_failures == 0;
    for (seen = atomic_load(&breaker->word);;) {
        parts = take_apart(seen);
        if (parts.state != GW_BREAKER_CLOSED || parts.generation != generation)
            return; /* another worker was first */
        parts_t next = parts;
        if (!is_counted && next.streak < GW_BREAKER_MAX_STREAK)
            ++next.streak;
        gw_breaker_cause_t cause = judge(breaker, rules, generation, next.streak, now_ms, change);
        if (cause != GW_BREAKER_NONE)
            next = opened(&parts, rules, now_ms, random);
        else if (is_counted)
            return;
        if (!replace(breaker, &seen, &next))
            continue;
        if (cause != GW_BREAKER_NONE)
            report(change, &parts, &next, cause, now_ms);
        return;
    }
}

void gw_breaker_leave(gw_breaker_t *breaker, const gw_breaker_rules_t *rules, size_t worker, gw_breaker_ticket_t ticket,
                      unsigned result, uint64_t now_ms, uint64_t random, gw_breaker_change_t *change)
{
    change->cause = GW_BREAKER_NONE;
    if (ticket.pass == GW_BREAKER_PROBE)
        leave_half_open(breaker, rules, ticket.generation, result, now_ms, random, change);
    else if (!(result & GW_BREAKER_CANCELLED))
        leave_closed(breaker, rules, worker, ticket.generation, 1, result, now_ms, random, change);
}

void gw_breaker_settle(gw_breaker_t *breaker, const gw_breaker_rules_t *rules, gw_breaker_ticket_t ticket)
{
    if (ticket.pass == GW_BREAKER_CALL && rules->consecutive_failures != 0)
        end_streak(breaker, ticket.generation);
}

void gw_breaker_spoil(gw_breaker_t *breaker, const gw_breaker_rules_t *rules, size_t worker, gw_breaker_ticket_t ticket,
                      uint64_t now_ms, uint64_t random, gw_breaker_change_t *change)
{
    change->cause = GW_BREAKER_NONE;
    if (ticket.pass == GW_BREAKER_CALL)
        leave_closed(breaker, rules, worker, ticket.generation, 0, GW_BREAKER_FAILED, now_ms, random, change);
}
