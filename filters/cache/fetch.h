/* SPDX-License-Identifier: MIT
 * Asking the service on behalf of a fill: one detached exchange, whose response is stored as it arrives, confirms what
 * is stored (304), or is handed through to the client that leads.
 * Threads: the worker's that began it. */
#ifndef FILTERS_CACHE_FETCH_H
#define FILTERS_CACHE_FETCH_H

#include "filters/cache/passage.h"

struct gw_stored_head;

/** Begins.  News may be told from within.
 *  @param passage that leads, and whose request is repeated; when `fill` is its reader's it gets what cannot be stored
 *  @param fill a reference is taken; its readers are told
 *  @param stale the entry to be confirmed, pinned by the passage; NULL: none */
void gw_cache_fetch_start(gw_cache_passage_t *passage, gw_fill_t *fill, gw_cache_entry_t *stale);
/** The answer is not to be stored: it is the leader's as it comes.  To be called from on_news. */
void gw_cache_fetch_pipe(gw_cache_fetch_t *fetch);
/** Adds to the leader's response what is for its client alone and is not stored: private="...", no-cache="...". */
void gw_cache_fetch_add_withheld(gw_cache_fetch_t *fetch, const struct gw_stored_head *stored);
/** Whether the response came out of another cache. */
bool gw_cache_fetch_has_age(const gw_cache_fetch_t *fetch);
/** What the leader's client gets when it has got all of an entry that has outgrown the cache.
 *  @return false: there is none now; gw_cache_stream_go_on is called when there is */
bool gw_cache_fetch_take_rest(gw_cache_fetch_t *fetch, const h2o_iovec_t **ret_slices, size_t *ret_num,
                              h2o_send_state_t *ret_state);
/** The leader leaves.  What can be stored is fetched to its end without it. */
void gw_cache_fetch_leave(gw_cache_fetch_t *fetch);

#endif
