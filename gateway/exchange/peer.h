/* SPDX-License-Identifier: MIT
 * Who is at the other end of the connection an exchange came by.
 * Threads: the exchange's worker. */
#ifndef GW_EXCHANGE_PEER_H
#define GW_EXCHANGE_PEER_H

#include "gateway/exchange/exchange.h"

/** Fills in peer, peer_port and peer_is_trusted. */
void gw_exchange_find_peer(gw_exchange_t *exchange);

#endif
