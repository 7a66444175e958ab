/* SPDX-License-Identifier: MIT
 * How a refusal is answered (RFC 6750 section 3): status, WWW-Authenticate, problem.  Threads: the exchange's worker.
 */
#ifndef FILTERS_JWT_CHALLENGE_H
#define FILTERS_JWT_CHALLENGE_H

#include "filters/jwt/jwt_conf.h"
#include "gateway/exchange/exchange.h"

void gw_jwt_challenge(gw_exchange_t *exchange, const gw_jwt_conf_t *conf, const gw_jwt_findings_t *findings);

#endif
