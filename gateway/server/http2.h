/* SPDX-License-Identifier: MIT
 * HTTP/2 by libh2o, behind this one file: hands sockets over and takes the requests that come out of it, after the
 * guard has judged what libh2o lets through. Threads: a globalconf belongs to one worker; made and freed while that has
 * no thread. */
#ifndef GW_SERVER_HTTP2_H
#define GW_SERVER_HTTP2_H

#include "gateway/server/worker.h"

/** Makes libh2o's configuration: one catch-all host and path whose only handler is ours.  @return owned by the caller
 */
h2o_globalconf_t *gw_http2_globalconf_create(void);
/** NULL is fine; returns NULL. */
h2o_globalconf_t *gw_http2_globalconf_free(h2o_globalconf_t *globalconf);
/** Takes over limits and timeouts from the worker's current view. */
void gw_http2_apply(gw_worker_t *worker);

/** Serves a socket on which ALPN chose h2; owns it. */
void gw_http2_accept(gw_worker_t *worker, h2o_socket_t *sock);

#endif
