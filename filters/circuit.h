/* SPDX-License-Identifier: MIT
 * The state of one `circuit_breaker` for the services that its routes lead to: a breaker and a bulkhead for each,
 * breakers for each endpoint when it is so configured.  Made with a deployment; what still fits is taken over from the
 * one before. Threads: made on the control thread, used by all workers through atomics. */
#ifndef FILTERS_CIRCUIT_H
#define FILTERS_CIRCUIT_H

#include "filters/circuit_breaker_conf.h"
#include "gateway/exchange/filter.h"
#include "gateway/upstream/queue.h"

/** A breaker of a service or of an endpoint, and what it is called. */
typedef struct gw_circuit {
    atomic_size_t references;
    char *name;         /* "service calculator", "service calculator, endpoint http://..." */
    uint64_t window_ms; /* what its counts were made for */
    gw_breaker_t *breaker;
} gw_circuit_t;

typedef struct gw_bulkhead {
    atomic_size_t references;
    atomic_size_t num_concurrent;
    atomic_uint_least64_t max; /* of the conf that was loaded last: requests of the one before go by it too */
    gw_queue_t *queue;
} gw_bulkhead_t;

/** All of it for one service. */
typedef struct gw_circuit_group {
    const char *service;     /* borrowed from the snapshot */
    gw_circuit_t *circuit;   /* NULL: per endpoint */
    gw_circuit_t **circuits; /* by index of endpoint; NULL: per service */
    size_t num_circuits;
    gw_bulkhead_t *bulkhead;
} gw_circuit_group_t;

/** What a deployment holds of one filter (gw_filter_class_t.share). */
typedef struct gw_circuits {
    const gw_filter_conf_t *filter;
    size_t num_workers;
    gw_circuit_group_t **groups; /* by index of service; NULL: no route with this filter leads there */
    size_t num_groups;
} gw_circuits_t;

void *gw_circuits_share(const gw_filter_share_t *how, const void *conf, void *previous);
void gw_circuits_dispose(void *circuits);

/** Takes a place.  @return false: there is none left */
bool gw_bulkhead_enter(gw_bulkhead_t *bulkhead);
void gw_bulkhead_leave(gw_bulkhead_t *bulkhead);

#endif
