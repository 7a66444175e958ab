/* SPDX-License-Identifier: MIT
 * Requests of the method PURGE: taking responses out of the cache, for clients that may.  When the answer comes no
 * request that any worker gets from then on is answered with what was purged, nor with what was on its way then.
 * Threads: the exchange's worker; URLs are searched for a prefix on the threads for long work. */
#ifndef FILTERS_CACHE_PURGE_H
#define FILTERS_CACHE_PURGE_H

#include "filters/cache/passage.h"

/** Answers it, now or later: GW_ANSWERED or GW_WAITING.  To be called for every one where `purge` is in the conf. */
gw_verdict_t gw_cache_purge_request(gw_cache_passage_t *passage);
/** The exchange ends; what was begun is done all the same.  Fine when nothing was. */
void gw_cache_purge_leave(gw_cache_passage_t *passage);

#endif
