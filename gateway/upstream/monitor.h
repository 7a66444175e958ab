/* SPDX-License-Identifier: MIT
 * The monitor: one thread per process that asks endpoints whether they are well, judges what requests to them met, and
 * says so in the log.  It alone changes what is thought of an endpoint; workers read it.
 *
 * It sleeps when nothing is due: with no checks and no share of failures to look at, until a worker wakes it. */
#ifndef GW_UPSTREAM_MONITOR_H
#define GW_UPSTREAM_MONITOR_H

#include "gateway/upstream/deployment.h"

typedef struct gw_monitor gw_monitor_t;

/** Starts the thread.  Control thread, once per process.  @return NULL when that is not possible */
gw_monitor_t *gw_monitor_create(void);
/** Ends the thread and lets go of the deployment.  NULL is fine; returns NULL. */
gw_monitor_t *gw_monitor_free(gw_monitor_t *monitor);
/** Looks after the services of this deployment from now on, instead of those of an earlier one; takes a reference. */
void gw_monitor_watch(gw_monitor_t *monitor, gw_deployment_t *deployment);
/** Makes it look at once.  Any thread; NULL is fine. */
void gw_monitor_wake(gw_monitor_t *monitor);

#endif
