/* SPDX-License-Identifier: MIT
 * Bytes of an entry's body on their way to a client, in pieces that it asks for, as far as they are there.
 * Threads: the exchange's worker. */
#ifndef FILTERS_CACHE_STREAM_H
#define FILTERS_CACHE_STREAM_H

#include "filters/cache/passage.h"

/** Sends the head, which is complete, and begins with the body.
 *  @param entry passage->stored or passage->filled   @param first, end offsets in its body; first only in what is there
 *  @param end UINT64_MAX: the body's end, wherever that comes to be */
void gw_cache_stream_start(gw_cache_passage_t *passage, gw_cache_entry_t *entry, uint64_t first, uint64_t end);
/** The body has grown, or will not grow any more. */
void gw_cache_stream_go_on(gw_cache_passage_t *passage);
/** The exchange ends. */
void gw_cache_stream_dispose(gw_cache_passage_t *passage);

/* for what does not come from an entry */

/** Sets the generator and its watch over the client. */
void gw_cache_stream_begin(gw_cache_passage_t *passage, void (*proceed)(h2o_generator_t *, h2o_req_t *),
                           void (*stop)(h2o_generator_t *, h2o_req_t *));
/** To be called first in `proceed`: the client took a piece. */
void gw_cache_note_progress(gw_cache_passage_t *passage, h2o_req_t *req);
void gw_cache_send(gw_cache_passage_t *passage, h2o_iovec_t *slices, size_t num, h2o_send_state_t state);

#endif
