/* SPDX-License-Identifier: MIT
 * What the cache did with a request, for the client (Cache-Status, RFC 9211) and the access log.
 * Threads: the exchange's worker. */
#ifndef FILTERS_CACHE_TELL_H
#define FILTERS_CACHE_TELL_H

#include "filters/cache/passage.h"

/** In on_response: adds the field and writes the decision. */
void gw_cache_tell(gw_cache_passage_t *passage);

#endif
