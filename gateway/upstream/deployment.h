/* SPDX-License-Identifier: MIT
 * A deployment: a snapshot together with the process-wide state found for it by name (the endpoints and their
 * addresses). It is what is published to the workers as a whole. Threads: made on the control thread, read by all,
 * counted atomically. */
#ifndef GW_UPSTREAM_DEPLOYMENT_H
#define GW_UPSTREAM_DEPLOYMENT_H

#include "gateway/config/snapshot.h"

struct gw_endpoint;
struct gw_resolver;

typedef struct gw_deployment {
    atomic_size_t references;
    gw_snapshot_t *snapshot;         /* one reference */
    struct gw_endpoint ***endpoints; /* [service index][endpoint index], one reference each */
} gw_deployment_t;

/** Takes over one reference of the snapshot. */
gw_deployment_t *gw_deployment_create(gw_snapshot_t *snapshot, struct gw_resolver *resolver);
gw_deployment_t *gw_deployment_ref(gw_deployment_t *deployment);
/** Any thread.  NULL is fine; returns NULL. */
gw_deployment_t *gw_deployment_unref(gw_deployment_t *deployment);

#endif
