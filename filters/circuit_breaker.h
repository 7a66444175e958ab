/* SPDX-License-Identifier: MIT
 * The filter `circuit_breaker`: keeps requests away from a service that fails (breaker.h), and from one that has enough
 * of them at a time (a bulkhead).  Its state belongs to the service (or to each endpoint), is shared by all workers,
 * and is found again by a reload under the filter's name. */
#ifndef FILTERS_CIRCUIT_BREAKER_H
#define FILTERS_CIRCUIT_BREAKER_H

#include "gateway/exchange/filter.h"

extern const gw_filter_class_t gw_circuit_breaker_filter;

#endif
