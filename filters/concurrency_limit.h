/* SPDX-License-Identifier: MIT
 * The filter `concurrency_limit`: each client may have so many requests under way at a time; one more is answered 429.
 * A request counts from here to its very end: while its body is sent, while other filters and the service let it wait,
 * as long as its response or its WebSocket lasts, and when the client leaves, until that is noticed.
 * Threads: every worker, its own exchanges. */
#ifndef FILTERS_CONCURRENCY_LIMIT_H
#define FILTERS_CONCURRENCY_LIMIT_H

#include "gateway/exchange/filter.h"

extern const gw_filter_class_t gw_concurrency_limit_filter;

#endif
