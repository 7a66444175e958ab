/* SPDX-License-Identifier: MIT
 * What the process knows of a service and of each endpoint in it, whatever the configuration of the moment: a reload
 * finds a service again by its name and a member by its URL, so health, load and those who wait survive it.
 *
 * Threads: made and looked up on the control thread, counted atomically, read by all.  On the way of a request that
 * succeeds a worker writes its own counts only; a line shared by workers is written when a try fails, or when
 * max_requests is set. */
#ifndef GW_UPSTREAM_SERVICE_H
#define GW_UPSTREAM_SERVICE_H

#include <stdatomic.h>
#include "gateway/config/snapshot.h"
#include "gateway/upstream/endpoint.h"
#include "gateway/upstream/health.h"
#include "gateway/upstream/queue.h"

struct gw_monitor;

/** A service. */
typedef struct gw_service {
    atomic_size_t references;
    char *name;
    /** Counted up whenever the health of a member changed: a worker whose balancer was built for another number builds
     * it again. */
    atomic_uint_least64_t epoch;
    gw_queue_t *queue; /* of requests that found every endpoint full */
} gw_service_t;

/** What one worker has seen of a member; written by it alone. */
typedef struct gw_member_counts {
    atomic_uint_least64_t requests, failures; /* tries that came to a result */
    char padding[64 - 2 * sizeof(atomic_uint_least64_t)];
} gw_member_counts_t;

/** An endpoint in a service. */
typedef struct gw_member {
    atomic_size_t references;
    gw_service_t *service;   /* one reference */
    gw_endpoint_t *endpoint; /* one reference */
    struct gw_monitor *monitor;
    /* for the balancers */
    atomic_bool is_usable;
    atomic_uint_least64_t since_ms;         /* in use again since then; 0: from the beginning */
    atomic_uint_least64_t ejected_until_ms; /* 0: not ejected */
    /* of all workers */
    atomic_uint streak;    /* failures in a row */
    atomic_uint in_flight; /* only when max_requests is set */
    /* the monitor's */
    gw_health_t health;
    struct gw_probe *probe; /* under way, or NULL */
    uint64_t next_check_ms; /* 0: not planned yet */
    size_t num_workers;
    gw_member_counts_t counts[]; /* one per worker */
} gw_member_t;

/** @param previous of the same name, or NULL   @return one reference */
gw_service_t *gw_service_get(const char *name, gw_service_t *previous, size_t num_workers);
void gw_service_unref(gw_service_t *service);

/** @param previous of the same service and URL, or NULL   @param endpoint one reference, taken over   @return one
 * reference
 *  @param since_ms for a new one: it begins slowly from then on; 0: at once */
gw_member_t *gw_member_get(gw_service_t *service, gw_endpoint_t *endpoint, gw_member_t *previous, size_t num_workers,
                           struct gw_monitor *monitor, uint64_t since_ms);
gw_member_t *gw_member_ref(gw_member_t *member);
void gw_member_unref(gw_member_t *member);

/** Notes how a try ended.  @param worker index   @param streak_limit ejection.consecutive_failures, 0: none */
void gw_member_record(gw_member_t *member, size_t worker, bool is_failure, uint64_t streak_limit);

/** Takes a place among `max` requests.  @return false: full */
bool gw_member_enter(gw_member_t *member, uint64_t max);
void gw_member_leave(gw_member_t *member);
static inline bool gw_member_is_full(const gw_member_t *member, uint64_t max)
{
    return max != 0 && atomic_load(&member->in_flight) >= max;
}

#endif
