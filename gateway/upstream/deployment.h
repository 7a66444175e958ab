/* SPDX-License-Identifier: MIT
 * A deployment: a snapshot together with the process-wide state found for it by name: services and their members,
 * endpoints and their addresses, what filters share between workers.  It is what is published to the workers as a
 * whole. Threads: made on the control thread, read by all, counted atomically. */
#ifndef GW_UPSTREAM_DEPLOYMENT_H
#define GW_UPSTREAM_DEPLOYMENT_H

#include "gateway/config/snapshot.h"

struct gw_hash_ring;
struct gw_member;
struct gw_monitor;
struct gw_overload_board;
struct gw_resolver;
struct gw_service;
struct gw_upkeep;

typedef struct gw_deployed_service {
    struct gw_service *service; /* one reference */
    struct gw_member **members; /* one reference each; in the order of the conf's endpoints */
    size_t num_members;
    struct gw_hash_ring *ring; /* balance: hash; else NULL */
} gw_deployed_service_t;

typedef struct gw_deployment {
    atomic_size_t references;
    gw_snapshot_t *snapshot;            /* one reference */
    gw_deployed_service_t *services;    /* by index in snapshot->services */
    void **shared;                      /* by gw_filter_conf_t.slot: gw_filter_class_t.share */
    struct gw_overload_board *overload; /* gateway/server/overload_board.h; NULL: no bound is set */
    struct gw_upkeep *upkeep;           /* one reference; its thread frees what the last worker lets go */
} gw_deployment_t;

/** Takes over one reference of the snapshot.
 *  @param previous what was deployed before, where state is found again; NULL: nothing
 *  @param num_workers threads of this process; the snapshot's number counts only at the start */
gw_deployment_t *gw_deployment_create(gw_snapshot_t *snapshot, const gw_deployment_t *previous,
                                      struct gw_resolver *resolver, struct gw_monitor *monitor,
                                      struct gw_upkeep *upkeep, size_t num_workers);
gw_deployment_t *gw_deployment_ref(gw_deployment_t *deployment);
/** Any thread: what there is to free is freed by upkeep's.  NULL is fine; returns NULL. */
gw_deployment_t *gw_deployment_unref(gw_deployment_t *deployment);

#endif
