/* SPDX-License-Identifier: MIT
 * A worker's listening sockets and the client sockets that come from them: accepting up to the limit, the TLS
 * handshake, and handing each socket to its protocol. Threads: the worker's, except gw_accept_start and
 * gw_accept_dispose, which run while it has no thread. */
#ifndef GW_SERVER_ACCEPT_H
#define GW_SERVER_ACCEPT_H

#include "gateway/exchange/peer.h"
#include "gateway/server/client_certificate.h"
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

/** For a request that a client socket brought over HTTP/2: was it given up before its response was complete?  A
 * connection on which that is the rule is shut down: each such request has cost a connection to an endpoint, and
 * libh2o 2.2.5 counts neither resets (CVE-2023-44487) nor what makes it reset by itself (CVE-2025-8671). */
void gw_accept_note_end(h2o_socket_t *sock, bool is_abandoned);
/** Was it shut down for that?  What libh2o had read before still turns into requests, and they must cost nothing. */
bool gw_accept_is_out_of_patience(const h2o_socket_t *sock);

/** Closes a socket that was served; ends it also when TLS cannot say goodbye. */
void gw_accept_close(h2o_socket_t *sock);

const gw_peer_t *gw_accept_peer(const h2o_socket_t *sock);
/** @return what the client has shown in the handshake; NULL: no certificate.  Lives as long as the socket */
const gw_client_certificate_t *gw_accept_certificate(const h2o_socket_t *sock);
/** Shuts a connection down in a moment, when what was just answered has left.  For HTTP/2, which libh2o 2.2.5 does not
 * close on a word of ours. */
void gw_accept_end_soon(h2o_socket_t *sock);

/** An HTTP/2 client took a piece of a response. */
void gw_accept_note_progress(h2o_socket_t *sock);
/** Shuts a connection down on which the client has taken nothing of any response for so long; its exchanges end with
 * it.
 *  @return false: it is alive */
bool gw_accept_cut_if_stuck(h2o_socket_t *sock, uint64_t timeout_ms);

#endif
