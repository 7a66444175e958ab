/* SPDX-License-Identifier: MIT
 * Where a request carries its token (RFC 6750 section 2).  Threads: the exchange's worker. */
#ifndef FILTERS_JWT_PRESENTED_H
#define FILTERS_JWT_PRESENTED_H

#include "filters/jwt/jwt_conf.h"
#include "gateway/exchange/exchange.h"

/** Finds the token.  An Authorization field of another scheme is none; one that says Bearer and no more is malformed.
 *  @return GW_JWT_CAUSE_NONE with the token, MISSING, REPEATED or EMPTY */
gw_jwt_cause_t gw_jwt_presented(gw_exchange_t *exchange, const gw_jwt_conf_t *conf, gw_str_t *ret_token);
/** Takes the token out of what goes to the service; an Authorization field of another scheme stays. */
void gw_jwt_presented_remove(gw_exchange_t *exchange, const gw_key_conf_t *place);

#endif
