/* SPDX-License-Identifier: MIT
 * Who is at the other end of the connection an exchange came by.
 * Threads: the exchange's worker. */
#ifndef GW_EXCHANGE_PEER_H
#define GW_EXCHANGE_PEER_H

#include <netinet/in.h>
#include "gateway/exchange/exchange.h"

/** Found out once for each connection. */
typedef struct gw_peer {
    char text[INET6_ADDRSTRLEN]; /* without port */
    uint8_t text_len;
    bool is_unix, has_address; /* neither: it cannot be told any more, the peer has gone */
    uint16_t port;
    uint8_t address[16];
} gw_peer_t;

/** @param address NULL: there is none */
void gw_peer_read(gw_peer_t *peer, const struct sockaddr *address);

/** Fills in peer, peer_port, peer_address and peer_is_trusted.  @param peer lives as long as the exchange */
void gw_exchange_set_peer(gw_exchange_t *exchange, const gw_peer_t *peer);

#endif
