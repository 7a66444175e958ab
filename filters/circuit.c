/* SPDX-License-Identifier: MIT
 * Breakers and bulkheads by service, over reloads. */
#include <stdio.h>
#include <stdlib.h>
#include "filters/circuit.h"
#include "gateway/base/memory.h"

/* circuits --------------------------------------------------------------------------------------------------------- */

static gw_circuit_t *circuit_ref(gw_circuit_t *circuit)
{
    atomic_fetch_add_explicit(&circuit->references, 1, memory_order_relaxed);
    return circuit;
}

static void circuit_unref(gw_circuit_t *circuit)
{
    if (circuit == NULL || atomic_fetch_sub_explicit(&circuit->references, 1, memory_order_acq_rel) != 1)
        return;
    free(circuit->breaker);
    free(circuit->name);
    free(circuit);
}

/** @param url NULL: of the whole service   @param previous NULL: none, or it counted over another window */
static gw_circuit_t *circuit_get(const char *service, const char *url, const gw_breaker_conf_t *conf,
                                 gw_circuit_t *previous, size_t num_workers)
{
    if (previous != NULL && previous->window_ms == conf->window)
        return circuit_ref(previous);
    gw_circuit_t *circuit = gw_must_alloc_aligned(sizeof(*circuit));
    int len = url != NULL ? asprintf(&circuit->name, "service %s, endpoint %s", service, url)
                          : asprintf(&circuit->name, "service %s", service);
    if (len == -1)
        abort();
    atomic_init(&circuit->references, 1);
    circuit->window_ms = conf->window;
    circuit->breaker = gw_must_alloc_aligned(gw_breaker_size(num_workers));
    gw_breaker_init(circuit->breaker, num_workers);
    return circuit;
}

/* bulkheads -------------------------------------------------------------------------------------------------------- */

static gw_bulkhead_t *bulkhead_get(gw_bulkhead_t *previous, size_t num_workers)
{
    if (previous != NULL) {
        atomic_fetch_add_explicit(&previous->references, 1, memory_order_relaxed);
        return previous;
    }
    gw_bulkhead_t *bulkhead = gw_must_alloc_aligned(sizeof(*bulkhead));
    atomic_init(&bulkhead->references, 1);
    bulkhead->queue = gw_queue_create(num_workers);
    return bulkhead;
}

static void bulkhead_unref(gw_bulkhead_t *bulkhead)
{
    if (atomic_fetch_sub_explicit(&bulkhead->references, 1, memory_order_acq_rel) != 1)
        return;
    gw_queue_free(bulkhead->queue);
    free(bulkhead);
}

bool gw_bulkhead_enter(gw_bulkhead_t *bulkhead)
{
    size_t seen = atomic_load(&bulkhead->num_concurrent);
    while (seen < atomic_load(&bulkhead->max))
        if (atomic_compare_exchange_weak(&bulkhead->num_concurrent, &seen, seen + 1))
            return true;
    return false;
}

void gw_bulkhead_leave(gw_bulkhead_t *bulkhead)
{
    atomic_fetch_sub(&bulkhead->num_concurrent, 1);
}

/* groups ----------------------------------------------------------------------------------------------------------- */

/** @return the circuit that the endpoint had, or NULL */
static gw_circuit_t *find_circuit(const gw_circuit_group_t *previous, const char *name)
{
    for (size_t i = 0; previous != NULL && i != previous->num_circuits; ++i)
        if (strcmp(previous->circuits[i]->name, name) == 0)
            return previous->circuits[i];
    return NULL;
}

static gw_circuit_group_t *make_group(const gw_service_conf_t *service, const gw_breaker_conf_t *conf,
                                      const gw_circuit_group_t *previous, size_t num_workers)
{
    const gw_endpoint_conf_t *endpoints = service->endpoints.entries;
    gw_circuit_group_t *group = gw_must_alloc_aligned(sizeof(*group));
    group->service = service->name;
    group->bulkhead = bulkhead_get(previous != NULL ? previous->bulkhead : NULL, num_workers);
    atomic_store(&group->bulkhead->max, conf->max_concurrent != 0 ? conf->max_concurrent : UINT64_MAX);
    gw_queue_wake_all(group->bulkhead->queue); /* there may be more places now */
    if (conf->per == GW_PER_SERVICE) {
        group->circuit =
            circuit_get(service->name, NULL, conf, previous != NULL ? previous->circuit : NULL, num_workers);
        return group;
    }
    group->num_circuits = service->endpoints.size;
    group->circuits = gw_must_alloc_aligned(group->num_circuits * sizeof(*group->circuits));
    for (size_t i = 0; i != group->num_circuits; ++i) {
        char name[512];
        snprintf(name, sizeof(name), "service %s, endpoint %s", service->name, endpoints[i].url);
        group->circuits[i] =
            circuit_get(service->name, endpoints[i].url, conf, find_circuit(previous, name), num_workers);
    }
    return group;
}

static const gw_circuit_group_t *find_group(const gw_circuits_t *previous, const char *service)
{
    for (size_t i = 0; previous != NULL && i != previous->num_groups; ++i)
        if (previous->groups[i] != NULL && strcmp(previous->groups[i]->service, service) == 0)
            return previous->groups[i];
    return NULL;
}

static void use_service(gw_circuits_t *circuits, const gw_snapshot_t *snapshot, size_t index,
                        const gw_breaker_conf_t *conf, const gw_circuits_t *previous)
{
    const gw_service_conf_t *service = &snapshot->services[index];
    if (circuits->groups[index] == NULL)
        circuits->groups[index] = make_group(service, conf, find_group(previous, service->name), circuits->num_workers);
}

void *gw_circuits_share(const gw_filter_share_t *how, const void *conf, void *previous)
{
    const gw_snapshot_t *snapshot = how->snapshot;
    gw_circuits_t *circuits = gw_must_alloc_aligned(sizeof(*circuits));
    circuits->filter = how->filter;
    circuits->num_workers = how->num_workers;
    circuits->num_groups = snapshot->num_services;
    circuits->groups = gw_must_alloc_aligned(circuits->num_groups * sizeof(*circuits->groups));
    for (size_t i = 0; i != snapshot->num_routes; ++i) {
        const gw_route_conf_t *route = &snapshot->routes[i];
        for (size_t k = 0; k != route->num_filters; ++k) {
            if (route->filters[k] != how->filter)
                continue;
            use_service(circuits, snapshot, route->service_index, conf, previous);
            for (size_t n = 0; n != route->num_split; ++n)
                use_service(circuits, snapshot, route->split[n].service_index, conf, previous);
        }
    }
    return circuits;
}

void gw_circuits_dispose(void *arg)
{
    gw_circuits_t *circuits = arg;
    for (size_t i = 0; i != circuits->num_groups; ++i) {
        gw_circuit_group_t *group = circuits->groups[i];
        if (group == NULL)
            continue;
        circuit_unref(group->circuit);
        for (size_t k = 0; k != group->num_circuits; ++k)
            circuit_unref(group->circuits[k]);
        free(group->circuits);
        bulkhead_unref(group->bulkhead);
        free(group);
    }
    free(circuits->groups);
    free(circuits);
}
