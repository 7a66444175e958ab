/* SPDX-License-Identifier: MIT
 * The filter `cors`: lets scripts of other origins' pages use a service, by the CORS protocol of the Fetch standard.
 *
 *   cors:
 *     origins: [https://app.example.com, https://example.org]
 *     methods: [GET, POST, PUT]
 *     headers: [Authorization, Content-Type]
 *     credentials: true
 *
 * A preflight is answered here, also where the route takes no OPTIONS (gw_filter_class_t.answers_preflight).  It stands
 * first in a route: preflights carry no credentials, and the refusals of the filters behind it can then be read by the
 * scripts.  What the service says of CORS itself is replaced.
 * Threads: none of its own; no state. */
#ifndef GW_FILTERS_CORS_H
#define GW_FILTERS_CORS_H

#include "gateway/exchange/filter.h"

extern const gw_filter_class_t gw_cors_filter;

#endif
