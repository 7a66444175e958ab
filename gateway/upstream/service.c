/* SPDX-License-Identifier: MIT
 * Services and their members. */
#include <stdlib.h>
#include "gateway/base/memory.h"
#include "gateway/upstream/monitor.h"
#include "gateway/upstream/service.h"

gw_service_t *gw_service_get(const char *name, gw_service_t *previous, size_t num_workers)
{
    if (previous != NULL) {
        atomic_fetch_add_explicit(&previous->references, 1, memory_order_relaxed);
        return previous;
    }
    gw_service_t *service = gw_must_alloc_aligned(sizeof(*service));
    atomic_init(&service->references, 1);
    atomic_init(&service->epoch, 1);
    if ((service->name = strdup(name)) == NULL)
        abort();
    service->queue = gw_queue_create(num_workers);
    return service;
}

void gw_service_unref(gw_service_t *service)
{
    if (atomic_fetch_sub_explicit(&service->references, 1, memory_order_acq_rel) != 1)
        return;
    gw_queue_free(service->queue);
    free(service->name);
    free(service);
}

gw_member_t *gw_member_ref(gw_member_t *member)
{
    atomic_fetch_add_explicit(&member->references, 1, memory_order_relaxed);
    return member;
}

gw_member_t *gw_member_get(gw_service_t *service, gw_endpoint_t *endpoint, gw_member_t *previous, size_t num_workers,
                           gw_monitor_t *monitor, uint64_t since_ms)
{
    if (previous != NULL) {
        gw_endpoint_unref(endpoint); /* it holds the same one */
        return gw_member_ref(previous);
    }
    gw_member_t *member = gw_must_alloc_aligned(sizeof(*member) + num_workers * sizeof(member->counts[0]));
    atomic_init(&member->references, 1);
    atomic_fetch_add_explicit(&service->references, 1, memory_order_relaxed);
    member->service = service;
    member->endpoint = endpoint;
    member->monitor = monitor;
    atomic_init(&member->is_usable, true);
    atomic_init(&member->since_ms, since_ms);
    member->num_workers = num_workers;
    return member;
}

void gw_member_unref(gw_member_t *member)
{
    if (atomic_fetch_sub_explicit(&member->references, 1, memory_order_acq_rel) != 1)
        return;
    gw_endpoint_unref(member->endpoint);
    gw_service_unref(member->service);
    free(member);
}

static void add_one(atomic_uint_least64_t *count)
{
    /* one writer: no read-modify-write of the memory system's is needed */
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
}

void gw_member_record(gw_member_t *member, size_t worker, bool is_failure, uint64_t streak_limit)
{
    gw_member_counts_t *counts = &member->counts[worker];
    add_one(&counts->requests);
    if (!is_failure) {
        if (atomic_load_explicit(&member->streak, memory_order_relaxed) != 0)
            atomic_store_explicit(&member->streak, 0, memory_order_relaxed);
        return;
    }
    add_one(&counts->failures);
    uint64_t streak = atomic_fetch_add_explicit(&member->streak, 1, memory_order_relaxed) + 1ull;
    if (streak_limit != 0 && streak == streak_limit)
        gw_monitor_wake(member->monitor); /* its verdict must not wait for the next look */
}

bool gw_member_enter(gw_member_t *member, uint64_t max)
{
    unsigned seen = atomic_load(&member->in_flight);
    while (seen < max)
        if (atomic_compare_exchange_weak(&member->in_flight, &seen, seen + 1))
            return true;
    return false;
}

void gw_member_leave(gw_member_t *member)
{
    atomic_fetch_sub(&member->in_flight, 1);
}
