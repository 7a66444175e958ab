/* SPDX-License-Identifier: MIT
 * One health check under way: a request (or only a connection) to an endpoint by libcurl, on addresses that our
 * resolver knows, through no proxy, on a connection of its own.  Threads: the monitor's. */
#ifndef GW_UPSTREAM_PROBE_H
#define GW_UPSTREAM_PROBE_H

#include <curl/curl.h>
#include "gateway/upstream/service.h"

#define GW_PROBE_MAX_BODY  65536
#define GW_PROBE_MAX_CAUSE 256

typedef struct gw_probe gw_probe_t;

/** Starts a check.  @param conf must live until gw_probe_free   @return NULL when none could be started */
gw_probe_t *gw_probe_start(CURLM *multi, gw_member_t *member, const gw_health_check_conf_t *conf);
/** The check is over: gives its verdict.  @param cause GW_PROBE_MAX_CAUSE bytes: why it is bad, in words */
bool gw_probe_finish(gw_probe_t *probe, CURLcode result, char *cause);
/** Frees it, under way or not.  NULL is fine; returns NULL. */
gw_probe_t *gw_probe_free(gw_probe_t *probe);
/** @return the probe that a handle belongs to */
gw_probe_t *gw_probe_of(CURL *handle);
gw_member_t *gw_probe_member(const gw_probe_t *probe);

#endif
