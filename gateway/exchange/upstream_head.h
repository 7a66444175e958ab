/* SPDX-License-Identifier: MIT
 * The request head as it goes upstream, made of the client's, and the response head as it goes back.  Hop-by-hop fields
 * and those that Connection names are left out first (RFC 9110 7.6.1), then ours are added, so that no client can have
 * ours removed by naming them. Threads: the exchange's worker. */
#ifndef GW_EXCHANGE_UPSTREAM_HEAD_H
#define GW_EXCHANGE_UPSTREAM_HEAD_H

#include "gateway/exchange/exchange.h"
#include "gateway/upstream/call.h"

/** @param authority what Host says when the service does not pass the client's
 *  @param time_left_ms goes upstream as X-Request-Timeout-Ms, in place of the client's; UINT64_MAX: there is no bound
 *  @return the whole head with its empty line, in the request's pool */
h2o_iovec_t gw_upstream_request_head(gw_exchange_t *exchange, const char *authority, uint64_t time_left_ms);
/** Fills req->res from what the endpoint said. */
void gw_upstream_take_response(gw_exchange_t *exchange, const gw_call_head_t *head);
/** @return an interim response (gw_exchange_t.on_interim) as HTTP/1.1 has it, in the request's pool */
h2o_iovec_t gw_upstream_interim_head(gw_exchange_t *exchange, const gw_call_head_t *head);
/** @return true when the request came through this gateway before (Via names it too often): a loop, 508 */
bool gw_upstream_is_loop(gw_exchange_t *exchange);

/** Removes the fields that Connection names: before the chain, so that a client cannot have a filter's fields removed.
 *  @return false: it names more than anybody needs, and nothing was removed */
bool gw_upstream_drop_nominated(h2o_headers_t *fields);

#endif
