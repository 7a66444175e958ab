/* SPDX-License-Identifier: MIT
 * What the response to a request that went past the cache means for what is stored.
 * Threads: the exchange's worker; in on_response. */
#ifndef FILTERS_CACHE_INVALIDATE_H
#define FILTERS_CACHE_INVALIDATE_H

#include "filters/cache/passage.h"

/** An unsafe method was successful: what is stored of its URL, of those that Location and Content-Location name and of
 * the groups of Cache-Group-Invalidation, all of the same origin, is not used any more (RFC 9111 4.4, RFC 9875 3). */
void gw_cache_invalidate(gw_cache_passage_t *passage);
/** The response could be stored this time: the mark of its URL is taken away. */
void gw_cache_unmark(gw_cache_passage_t *passage);

#endif
