/* SPDX-License-Identifier: MIT
 * The response cache: a shared HTTP cache (RFC 9111) in front of what stands behind it in a route. */
#ifndef FILTERS_CACHE_CACHE_H
#define FILTERS_CACHE_CACHE_H

#include "gateway/exchange/filter.h"

extern const gw_filter_class_t gw_cache_filter;

#endif
