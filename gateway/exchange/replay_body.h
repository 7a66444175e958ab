/* SPDX-License-Identifier: MIT
 * A request body that can be sent again: it stands between the source and whoever sends the body on, and keeps a copy
 * of what went by, up to a bound.  Past the bound, or once a response is accepted, it only passes on. Threads: the
 * exchange's worker.  Lives in the request's pool. */
#ifndef GW_EXCHANGE_REPLAY_BODY_H
#define GW_EXCHANGE_REPLAY_BODY_H

#include "gateway/exchange/body.h"

/** @param source not started yet   @param limit bytes that are kept */
gw_body_t *gw_replay_body(h2o_mem_pool_t *pool, gw_body_t *source, uint64_t limit);
/** @return true when a new sink would get all of the body from its beginning */
bool gw_replay_body_is_kept(const gw_body_t *body);
/** Nobody will want it from the beginning again. */
void gw_replay_body_commit(gw_body_t *body);
/** Nobody will want any of it. */
void gw_replay_body_close(gw_body_t *body);

#endif
