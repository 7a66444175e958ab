/* SPDX-License-Identifier: MIT
 * The filter `rate_limit`: a token bucket for each client, exactly as rate and burst say, kept by all workers together,
 * and through reloads; shared with other gateways by a store or by shares.  The refusal is 429 (RFC 6585 section 4).
 * Threads: the exchange's worker. */
#ifndef FILTERS_RATE_LIMIT_RATE_LIMIT_H
#define FILTERS_RATE_LIMIT_RATE_LIMIT_H

#include "gateway/exchange/filter.h"

extern const gw_filter_class_t gw_rate_limit_filter;

#endif
