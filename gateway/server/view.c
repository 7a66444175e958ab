/* SPDX-License-Identifier: MIT
 * A deployment as one worker sees it. */
#include <assert.h>
#include <stdlib.h>
#include "gateway/base/memory.h"
#include "gateway/server/view.h"
#include "gateway/upstream/pool.h"
#include "gateway/upstream/service.h"

static gw_service_state_t *get_service_state(gw_worker_t *worker, gw_service_t *service)
{
    gw_service_state_t *state = worker->service_states;
    while (state != NULL && state->service != service)
        state = state->next;
    if (state == NULL) {
        state = gw_must_alloc(1, sizeof(*state));
        state->service = gw_service_get(service->name, service, 0);
        state->turn = worker->index; /* so that the first requests of all workers do not meet at one endpoint */
        gw_queue_side_init(&state->queue, service->queue, worker);
        state->next = worker->service_states;
        worker->service_states = state;
    }
    ++state->references;
    return state;
}

static void unref_service_state(gw_worker_t *worker, gw_service_state_t *state)
{
    if (--state->references != 0)
        return;
    gw_service_state_t **slot = &worker->service_states;
    while (*slot != state)
        slot = &(*slot)->next;
    *slot = state->next;
    gw_queue_side_dispose(&state->queue);
    gw_service_unref(state->service);
    free(state);
}

gw_view_t *gw_view_create(gw_worker_t *worker, gw_deployment_t *deployment)
{
    const gw_snapshot_t *snapshot = deployment->snapshot;
    gw_view_t *view = gw_must_alloc(1, sizeof(*view));
    view->deployment = gw_deployment_ref(deployment);
    view->snapshot = snapshot;
    view->worker = worker;
    view->references = 1;
    view->services = gw_must_alloc(snapshot->num_services, sizeof(*view->services));
    for (size_t i = 0; i != snapshot->num_services; ++i) {
        gw_view_service_t *service = &view->services[i];
        service->conf = &snapshot->services[i];
        service->deployed = &deployment->services[i];
        service->state = get_service_state(worker, service->deployed->service);
        service->num_pools = service->deployed->num_members;
        service->pools = gw_must_alloc(service->num_pools, sizeof(*service->pools));
        for (size_t k = 0; k != service->num_pools; ++k)
            service->pools[k] = gw_pool_get(worker, service->deployed->members[k]->endpoint);
    }
    view->filter_states = gw_must_alloc(snapshot->num_filters, sizeof(*view->filter_states));
    for (size_t i = 0; i != snapshot->num_filters; ++i) {
        const gw_filter_conf_t *filter = snapshot->filters[i];
        view->filter_states[i] = filter->class->worker_init != NULL
                                     ? filter->class->worker_init(worker, filter->conf, deployment->shared[i])
                                     : deployment->shared[i];
    }
    return view;
}

static void build_balancer(gw_view_t *view, gw_view_service_t *service)
{
    const gw_service_conf_t *conf = service->conf;
    const gw_endpoint_conf_t *endpoints = conf->endpoints.entries;
    gw_candidate_t *candidates = gw_must_alloc(service->num_pools, sizeof(*candidates));
    service->ejected_until_ms = 0;
    for (size_t i = 0; i != service->num_pools; ++i) {
        const gw_member_t *member = service->deployed->members[i];
        uint64_t until_ms = atomic_load(&member->ejected_until_ms);
        candidates[i] = (gw_candidate_t){.weight = (uint32_t)endpoints[i].weight,
                                         .is_usable = atomic_load(&member->is_usable),
                                         .is_backup = endpoints[i].is_backup,
                                         .since_ms = atomic_load(&member->since_ms)};
        if (until_ms != 0 && (service->ejected_until_ms == 0 || until_ms < service->ejected_until_ms))
            service->ejected_until_ms = until_ms;
    }
    const gw_balancer_rules_t rules = {.tries_anyway = conf->when_unhealthy == GW_TRY_ANYWAY,
                                       .panic_share = conf->panic_threshold,
                                       .slow_start_ms = conf->slow_start};
    gw_balancer_build(&service->balancer, candidates, service->num_pools, &rules, gw_worker_now_ms(view->worker));
    free(candidates);
}

const gw_balancer_t *gw_view_balancer(gw_view_t *view, gw_view_service_t *service)
{
    uint64_t epoch = atomic_load_explicit(&service->deployed->service->epoch, memory_order_acquire);
    if (service->epoch != epoch) {
        service->epoch = epoch; /* read first: what changes meanwhile is built in the next time */
        build_balancer(view, service);
    }
    return &service->balancer;
}

void gw_view_ref(gw_view_t *view)
{
    ++view->references;
}

void gw_view_unref(gw_view_t *view)
{
    assert(view->references != 0);
    if (--view->references != 0)
        return;
    for (size_t i = 0; i != view->snapshot->num_filters; ++i) {
        const gw_filter_conf_t *filter = view->snapshot->filters[i];
        if (filter->class->worker_dispose != NULL)
            filter->class->worker_dispose(view->filter_states[i]);
    }
    free(view->filter_states);
    for (size_t i = 0; i != view->snapshot->num_services; ++i) {
        gw_view_service_t *service = &view->services[i];
        for (size_t k = 0; k != service->num_pools; ++k)
            gw_pool_unref(service->pools[k]);
        free(service->pools);
        gw_balancer_dispose(&service->balancer);
        unref_service_state(view->worker, service->state);
    }
    free(view->services);
    free(view->listeners);
    gw_deployment_unref(view->deployment);
    free(view);
}
