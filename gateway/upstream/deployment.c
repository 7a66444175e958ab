/* SPDX-License-Identifier: MIT
 * A snapshot and its endpoints. */
#include <assert.h>
#include <stdlib.h>
#include "gateway/upstream/deployment.h"
#include "gateway/upstream/endpoint.h"

gw_deployment_t *gw_deployment_create(gw_snapshot_t *snapshot, gw_resolver_t *resolver)
{
    gw_deployment_t *deployment = calloc(1, sizeof(*deployment));
    gw_endpoint_t ***services = calloc(snapshot->num_services + 1, sizeof(*services));
    if (deployment == NULL || services == NULL)
        abort();
    for (size_t i = 0; i != snapshot->num_services; ++i) {
        const gw_conf_list_t *list = &snapshot->services[i].endpoints;
        if ((services[i] = calloc(list->size + 1, sizeof(**services))) == NULL)
            abort();
        for (size_t k = 0; k != list->size; ++k)
            services[i][k] = gw_endpoint_get(resolver, (const gw_endpoint_conf_t *)list->entries + k);
    }
    atomic_init(&deployment->references, 1);
    deployment->snapshot = snapshot;
    deployment->endpoints = services;
    return deployment;
}

gw_deployment_t *gw_deployment_ref(gw_deployment_t *deployment)
{
    atomic_fetch_add_explicit(&deployment->references, 1, memory_order_relaxed);
    return deployment;
}

gw_deployment_t *gw_deployment_unref(gw_deployment_t *deployment)
{
    if (deployment == NULL || atomic_fetch_sub_explicit(&deployment->references, 1, memory_order_acq_rel) != 1)
        return NULL;
    for (size_t i = 0; i != deployment->snapshot->num_services; ++i) {
        for (gw_endpoint_t **endpoint = deployment->endpoints[i]; *endpoint != NULL; ++endpoint)
            gw_endpoint_unref(*endpoint);
        free(deployment->endpoints[i]);
    }
    free(deployment->endpoints);
    gw_snapshot_unref(deployment->snapshot);
    free(deployment);
    return NULL;
}
