/* SPDX-License-Identifier: MIT
 * What becomes of a request that may be answered from memory: a hit, waiting for a fill, or its own way to the service.
 * Threads: the exchange's worker. */
#ifndef FILTERS_CACHE_LOOKUP_H
#define FILTERS_CACHE_LOOKUP_H

#include "filters/cache/passage.h"

/** Looks into the store and goes on from there, to gw_cache_settle, now or later.  @param passage its request was read
 */
void gw_cache_look(gw_cache_passage_t *passage);
/** It waits for nothing any more.  Fine when it does not. */
void gw_cache_leave_fill(gw_cache_passage_t *passage);

#endif
