/* SPDX-License-Identifier: MIT
 * The request id: one word by which a request is found in every log.  A trusted proxy's is kept; anybody else's is
 * replaced, because an id that a client may choose proves nothing. Threads: the exchange's worker. */
#ifndef GW_EXCHANGE_REQUEST_ID_H
#define GW_EXCHANGE_REQUEST_ID_H

#include "gateway/exchange/exchange.h"

/** Fills in request_id: the trusted peer's X-Request-Id if it is 1..GW_REQUEST_ID_MAX of [A-Za-z0-9._-], else 32 hex
 * digits, unique to this process by a 128-bit random start that is counted up (not secret, not to be guessed by
 * chance). */
void gw_request_id_assign(gw_exchange_t *exchange);

#endif
