/* SPDX-License-Identifier: MIT
 * A snapshot and the state that was found for it. */
#include <assert.h>
#include <stdlib.h>
#include <time.h>
#include "gateway/base/clock.h"
#include "gateway/base/memory.h"
#include "gateway/exchange/filter.h"
#include "gateway/server/overload_board.h"
#include "gateway/upkeep/upkeep.h"
#include "gateway/upstream/deployment.h"
#include "gateway/upstream/hash_ring.h"
#include "gateway/upstream/service.h"

/* finding what was there before: names are sorted once, since there may be thousands of services
 * -------------------------- */

typedef struct found {
    const char *name;
    void *state;
} found_t;

static int compare_found(const void *a, const void *b)
{
    return strcmp(((const found_t *)a)->name, ((const found_t *)b)->name);
}

static void *find(const found_t *all, size_t num, const char *name)
{
    const found_t key = {.name = name}, *found = num != 0 ? bsearch(&key, all, num, sizeof(*all), compare_found) : NULL;
    return found != NULL ? found->state : NULL;
}

static found_t *services_of(const gw_deployment_t *deployment, size_t *ret_num)
{
    *ret_num = deployment != NULL ? deployment->snapshot->num_services : 0;
    found_t *all = gw_must_alloc(*ret_num, sizeof(*all));
    for (size_t i = 0; i != *ret_num; ++i)
        all[i] = (found_t){deployment->snapshot->services[i].name, &deployment->services[i]};
    qsort(all, *ret_num, sizeof(*all), compare_found);
    return all;
}

static found_t *members_of(const gw_deployed_service_t *service, size_t *ret_num)
{
    *ret_num = service != NULL ? service->num_members : 0;
    found_t *all = gw_must_alloc(*ret_num, sizeof(*all));
    for (size_t i = 0; i != *ret_num; ++i)
        all[i] = (found_t){service->members[i]->endpoint->url, service->members[i]};
    qsort(all, *ret_num, sizeof(*all), compare_found);
    return all;
}

static found_t *filters_of(const gw_deployment_t *deployment, size_t *ret_num)
{
    size_t num = deployment != NULL ? deployment->snapshot->num_filters : 0;
    found_t *all = gw_must_alloc(num, sizeof(*all));
    *ret_num = 0;
    for (size_t i = 0; i != num; ++i)
        if (deployment->shared[i] != NULL)
            all[(*ret_num)++] = (found_t){deployment->snapshot->filters[i]->key, (void *)(deployment->shared + i)};
    qsort(all, *ret_num, sizeof(*all), compare_found);
    return all;
}

/* making ----------------------------------------------------------------------------------------------------------- */

static gw_hash_ring_t *ring_of(const gw_service_conf_t *conf)
{
    const gw_endpoint_conf_t *endpoints = conf->endpoints.entries;
    size_t num = conf->endpoints.size;
    if (conf->balance.method != GW_BALANCE_HASH)
        return NULL;
    const char **names = gw_must_alloc(num, sizeof(*names));
    uint32_t *weights = gw_must_alloc(num, sizeof(*weights));
    for (size_t i = 0; i != num; ++i) {
        names[i] = endpoints[i].url;
        weights[i] = endpoints[i].is_backup ? 0 : (uint32_t)endpoints[i].weight;
    }
    gw_hash_ring_t *ring = gw_hash_ring_create(names, weights, num);
    free(names);
    free(weights);
    return ring;
}

static void deploy_service(gw_deployed_service_t *service, const gw_service_conf_t *conf,
                           const gw_deployed_service_t *previous, gw_resolver_t *resolver, struct gw_monitor *monitor,
                           size_t num_workers)
{
    const gw_endpoint_conf_t *endpoints = conf->endpoints.entries;
    size_t num_found;
    found_t *found = members_of(previous, &num_found);
    service->service = gw_service_get(conf->name, previous != NULL ? previous->service : NULL, num_workers);
    service->num_members = conf->endpoints.size;
    service->members = gw_must_alloc(service->num_members, sizeof(*service->members));
    for (size_t i = 0; i != service->num_members; ++i)
        service->members[i] = gw_member_get(service->service, gw_endpoint_get(resolver, endpoints + i),
                                            find(found, num_found, endpoints[i].url), num_workers, monitor,
                                            previous != NULL ? gw_clock_ms() : 0);
    service->ring = ring_of(conf);
    free(found);
}

static void share_filters(gw_deployment_t *deployment, const gw_deployment_t *previous, gw_resolver_t *resolver,
                          size_t num_workers)
{
    const gw_snapshot_t *snapshot = deployment->snapshot;
    size_t num_found;
    found_t *found = filters_of(previous, &num_found);
    deployment->shared = gw_must_alloc(snapshot->num_filters, sizeof(*deployment->shared));
    for (size_t i = 0; i != snapshot->num_filters; ++i) {
        const gw_filter_conf_t *filter = snapshot->filters[i];
        if (filter->class->share == NULL)
            continue;
        void **before = find(found, num_found, filter->key);
        if (before != NULL && previous->snapshot->filters[before - previous->shared]->class != filter->class)
            before = NULL; /* another kind of filter had this name */
        const gw_filter_share_t how = {filter, snapshot, num_workers, deployment->upkeep, resolver};
        deployment->shared[i] = filter->class->share(&how, filter->conf, before != NULL ? *before : NULL);
    }
    free(found);
}

gw_deployment_t *gw_deployment_create(gw_snapshot_t *snapshot, const gw_deployment_t *previous, gw_resolver_t *resolver,
                                      struct gw_monitor *monitor, struct gw_upkeep *upkeep, size_t num_workers)
{
    gw_deployment_t *deployment = gw_must_alloc(1, sizeof(*deployment));
    size_t num_found;
    found_t *found = services_of(previous, &num_found);
    atomic_init(&deployment->references, 1);
    deployment->snapshot = snapshot;
    deployment->upkeep = gw_upkeep_ref(upkeep);
    deployment->services = gw_must_alloc(snapshot->num_services, sizeof(*deployment->services));
    for (size_t i = 0; i != snapshot->num_services; ++i)
        deploy_service(&deployment->services[i], &snapshot->services[i],
                       find(found, num_found, snapshot->services[i].name), resolver, monitor, num_workers);
    free(found);
    share_filters(deployment, previous, resolver, num_workers);
    deployment->overload = gw_overload_board_create(&snapshot->overload, num_workers,
                                                    previous != NULL ? previous->overload : NULL, upkeep);
    return deployment;
}

gw_deployment_t *gw_deployment_ref(gw_deployment_t *deployment)
{
    atomic_fetch_add_explicit(&deployment->references, 1, memory_order_relaxed);
    return deployment;
}

/** A snapshot with all its tables takes longer than a worker has. */
static void free_deployment(void *arg)
{
    gw_deployment_t *deployment = arg;
    const gw_snapshot_t *snapshot = deployment->snapshot;
    for (size_t i = 0; i != snapshot->num_services; ++i) {
        gw_deployed_service_t *service = &deployment->services[i];
        for (size_t k = 0; k != service->num_members; ++k)
            gw_member_unref(service->members[k]);
        free(service->members);
        gw_hash_ring_free(service->ring);
        gw_service_unref(service->service);
    }
    free(deployment->services);
    for (size_t i = 0; i != snapshot->num_filters; ++i)
        if (deployment->shared[i] != NULL)
            snapshot->filters[i]->class->share_dispose(deployment->shared[i]);
    free(deployment->shared);
    gw_overload_board_free(deployment->overload);
    gw_snapshot_unref(deployment->snapshot);
    free(deployment);
}

gw_deployment_t *gw_deployment_unref(gw_deployment_t *deployment)
{
    if (deployment == NULL || atomic_fetch_sub_explicit(&deployment->references, 1, memory_order_acq_rel) != 1)
        return NULL;
    gw_upkeep_t *upkeep = deployment->upkeep;
    gw_upkeep_run(upkeep, free_deployment, deployment);
    gw_upkeep_unref(upkeep);
    return NULL;
}
