/* SPDX-License-Identifier: MIT
 * Making a worker's view of a deployment (the type stands in worker.h).
 * Threads: the worker's. */
#ifndef GW_SERVER_VIEW_H
#define GW_SERVER_VIEW_H

#include "gateway/server/worker.h"

/** Looks up the worker's state for everything the snapshot names; what is not there yet is made.
 *  @return one reference */
gw_view_t *gw_view_create(gw_worker_t *worker, gw_deployment_t *deployment);

#endif
