/* SPDX-License-Identifier: MIT
 * A worker's listening sockets and the client sockets that come from them: accepting up to the limit, the TLS
 * handshake, and handing each socket to its protocol. Threads: the worker's, except gw_accept_start and
 * gw_accept_dispose, which run while it has no thread. */
#ifndef GW_SERVER_ACCEPT_H
#define GW_SERVER_ACCEPT_H

#include "gateway/server/worker.h"

/** @param fds one listening socket per listener of the view's snapshot; owned from here on */
void gw_accept_start(gw_worker_t *worker, const int *fds);
/** Connects the worker's current view with its sockets; after each change of view. */
void gw_accept_bind_view(gw_worker_t *worker);
/** Closes the listening sockets. */
void gw_accept_stop(gw_worker_t *worker);
/** Shuts down every client socket; their owners close them when they notice. */
void gw_accept_cut_all(gw_worker_t *worker);
void gw_accept_dispose(gw_worker_t *worker);

#endif
