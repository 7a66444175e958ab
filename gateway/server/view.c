/* SPDX-License-Identifier: MIT
 * A deployment as one worker sees it. */
#include <assert.h>
#include <stdlib.h>
#include "gateway/server/view.h"
#include "gateway/upstream/pool.h"

static void *must_alloc(size_t num, size_t size)
{
    void *bytes = calloc(num != 0 ? num : 1, size);
    if (bytes == NULL)
        abort();
    return bytes;
}

static gw_service_state_t *get_service_state(gw_worker_t *worker, const char *name)
{
    gw_service_state_t *state = worker->service_states;
    while (state != NULL && strcmp(state->name, name) != 0)
        state = state->next;
    if (state == NULL) {
        state = must_alloc(1, sizeof(*state));
        state->name = strcpy(must_alloc(1, strlen(name) + 1), name);
        state->next_endpoint =
            worker->index; /* so that the first requests of all workers do not meet at one endpoint */
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
    free(state->name);
    free(state);
}

gw_view_t *gw_view_create(gw_worker_t *worker, gw_deployment_t *deployment)
{
    const gw_snapshot_t *snapshot = deployment->snapshot;
    gw_view_t *view = must_alloc(1, sizeof(*view));
    view->deployment = gw_deployment_ref(deployment);
    view->snapshot = snapshot;
    view->worker = worker;
    view->references = 1;
    view->services = must_alloc(snapshot->num_services, sizeof(*view->services));
    for (size_t i = 0; i != snapshot->num_services; ++i) {
        gw_view_service_t *service = &view->services[i];
        service->state = get_service_state(worker, snapshot->services[i].name);
        service->num_pools = snapshot->services[i].endpoints.size;
        service->pools = must_alloc(service->num_pools, sizeof(*service->pools));
        for (size_t k = 0; k != service->num_pools; ++k)
            service->pools[k] = gw_pool_get(worker, deployment->endpoints[i][k]);
    }
    view->filter_states = must_alloc(snapshot->num_filters, sizeof(*view->filter_states));
    for (size_t i = 0; i != snapshot->num_filters; ++i) {
        const gw_filter_conf_t *filter = snapshot->filters[i];
        if (filter->class->worker_init != NULL)
            view->filter_states[i] = filter->class->worker_init(worker, filter->conf);
    }
    return view;
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
        unref_service_state(view->worker, service->state);
    }
    free(view->services);
    free(view->listeners);
    gw_deployment_unref(view->deployment);
    free(view);
}
