/* SPDX-License-Identifier: MIT
 * Running the filter chain of an exchange; for the exchange's own files.
 * Threads: the exchange's worker. */
#ifndef GW_EXCHANGE_CHAIN_H
#define GW_EXCHANGE_CHAIN_H

#include "gateway/exchange/exchange.h"

/** Runs on_request from where the chain stands.
 *  @return GW_NEXT: forward it; GW_ANSWERED: it is answered; GW_WAITING: gw_exchange_resume comes later */
gw_verdict_t gw_chain_run(gw_exchange_t *exchange);
/** Calls on_end of every filter whose on_request ran, in reverse. */
void gw_chain_end(gw_exchange_t *exchange);

#endif
