/* SPDX-License-Identifier: MIT
 * The part of an exchange that talks to a service: choosing an endpoint, sending the request there, handing the
 * response on. Threads: the exchange's worker. */
#ifndef GW_EXCHANGE_FORWARD_H
#define GW_EXCHANGE_FORWARD_H

#include "gateway/exchange/exchange.h"

/** Forwards the exchange to its route's service; the answer, good or bad, comes later or from within. */
void gw_forward_start(gw_exchange_t *exchange);
/** How long the exchange may take from its routing (exchange->routed_ms) to the response head: the service's total
 * timeout, or what a trusted client says it has left.  @return ms; 0: any time */
uint64_t gw_forward_total_timeout(const gw_exchange_t *exchange);
/** Cancels what is going on.  Fine when nothing is. */
void gw_forward_dispose(gw_exchange_t *exchange);

#endif
