/* SPDX-License-Identifier: MIT
 * Whether a request is not limited.  Threads: the exchange's worker. */
#ifndef FILTERS_LIMIT_EXEMPT_H
#define FILTERS_LIMIT_EXEMPT_H

#include "filters/limit/exempt_conf.h"
#include "gateway/exchange/exchange.h"

/** @return true when one of the rules fits.  What a request has several times (a field, a cookie, a parameter) fits
 * none: the service might go by another one than we do.  How long it takes does not tell how much of a value is right.
 */
bool gw_exempt_fits(gw_exchange_t *exchange, const gw_exempt_conf_t *conf);

#endif
