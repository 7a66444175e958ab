/* SPDX-License-Identifier: MIT
 * Which of a route's services takes a request.  Threads: the exchange's worker. */
#ifndef GW_EXCHANGE_SPLIT_H
#define GW_EXCHANGE_SPLIT_H

#include "gateway/exchange/exchange.h"

/** Sets the exchange's service: the route's only one, or one of several by their weights; the same one for the same key
 *  when the route splits by a key and the request has it, else at random. */
void gw_split_choose(gw_exchange_t *exchange);

#endif
