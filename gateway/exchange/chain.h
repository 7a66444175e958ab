/* SPDX-License-Identifier: MIT
 * Running the filter chain of an exchange, and what one without a client (detached.c) has in common with the others;
 * for the exchange's own files. Threads: the exchange's worker. */
#ifndef GW_EXCHANGE_CHAIN_H
#define GW_EXCHANGE_CHAIN_H

#include "gateway/exchange/exchange.h"

/** Runs on_request from where the chain stands.
 *  @return GW_NEXT: forward it; GW_ANSWERED: it is answered; GW_WAITING: gw_exchange_resume comes later */
gw_verdict_t gw_chain_run(gw_exchange_t *exchange);
/** Calls on_end of every filter whose on_request ran, in reverse. */
void gw_chain_end(gw_exchange_t *exchange);

/** Makes an exchange in the pool of its request, with everything that is not 0 for all of them; it pins the view.
 *  @param req its connection is set */
gw_exchange_t *gw_exchange_make(h2o_req_t *req, gw_worker_t *worker, struct gw_view *view, uint64_t started_us);
/** Tells libh2o what it must know of a request whose input is complete. */
void gw_exchange_bind_request(h2o_req_t *req);
/** Runs the chain from where it stands, and then the service. */
void gw_exchange_run(gw_exchange_t *exchange);

#endif
