/* SPDX-License-Identifier: MIT
 * Answering from an entry: all of it, a range, 304 or the head alone; from memory that stays where it is until the
 * client has it.  Threads: the exchange's worker. */
#ifndef FILTERS_CACHE_HIT_H
#define FILTERS_CACHE_HIT_H

#include "filters/cache/passage.h"

/** Whether an entry can answer this request: Vary, and a part only what asks for no more than it holds. */
bool gw_cache_fits(gw_cache_passage_t *passage, const gw_cache_entry_t *entry);
/** What of the request these names of Vary stand for. */
gw_cache_key_t gw_cache_variant_of(gw_cache_passage_t *passage, gw_str_t names);
/** Answers.  @param entry passage->stored, or passage->filled, whose body may still be growing
 *  @param has_age the response was not made for this request, by the service itself: Age is sent (RFC 9111 5.1) */
void gw_cache_answer(gw_cache_passage_t *passage, gw_cache_entry_t *entry, bool has_age);
#endif
