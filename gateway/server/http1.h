/* SPDX-License-Identifier: MIT
 * Our HTTP/1.1 server connection (RFC 9112): strict about framing, reading stays armed so that a client that leaves is
 * noticed, bodies stream with back-pressure, each phase has its own timeout.  It makes h2o_req_t's just as libh2o's own
 * does, so everything behind it sees one type whatever the protocol.
 * Threads: the worker's. */
#ifndef GW_SERVER_HTTP1_H
#define GW_SERVER_HTTP1_H

#include "gateway/server/worker.h"

/** Serves a connected socket (TLS handshake done, if any) until it closes; owns it. */
void gw_http1_accept(gw_worker_t *worker, h2o_socket_t *sock);
/** Closes every connection that waits for a request, lets the others finish theirs. */
void gw_http1_drain(gw_worker_t *worker);
/** Closes every connection, whatever it is doing. */
void gw_http1_cut_all(gw_worker_t *worker);

#endif
