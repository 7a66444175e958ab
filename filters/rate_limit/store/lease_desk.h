/* SPDX-License-Identifier: MIT
 * Where a worker's requests get tokens of leases, and fetch more when there are none.
 *
 * A request takes from its client's lease without a call.  The first that finds none fetches: as many tokens as fill
 * the lease.  Those of the same client on this worker that come meanwhile wait with it; when a quarter is left one is
 * fetched ahead, without anybody waiting.  What the store refuses is remembered until the next token is due (at most
 * lease_ms), so that refused requests are no calls; but not for a request of several tokens while one could be had.
 * What is over when the time of a lease is over goes back.  After a fetch without an answer, which may have taken its
 * tokens all the same, no more is fetched than a request needs until one has an answer: a store that is slower than
 * timeout_ms would take the whole bucket for a few requests.
 *
 * Bounds, each of a worker: GW_MAX_FETCHES calls (beyond, a request makes a call of its own), GW_MAX_WAITERS requests
 * that wait (beyond: "busy"), GW_MAX_NOTES leases that are to be looked after (beyond, no more is fetched than a
 * request needs).
 *
 * Threads: its worker's; the leases are those of all workers. */
#ifndef FILTERS_RATE_LIMIT_STORE_LEASE_DESK_H
#define FILTERS_RATE_LIMIT_STORE_LEASE_DESK_H

#include "filters/rate_limit/store/errand.h"
#include "filters/rate_limit/store/lease.h"

#define GW_MAX_FETCHES 1024
#define GW_MAX_WAITERS 16384
#define GW_MAX_NOTES   65536

typedef struct gw_lease_desk gw_lease_desk_t;

typedef struct gw_lease_desk_conf {
    gw_shared_side_t *side; /* held while requests get their answers */
    gw_leases_t *leases;
    gw_script_runner_t *runner;
    gw_errands_t *errands;
    size_t num_limits;
    uint64_t tokens, ms, timeout_ms; /* of a lease; tokens: at most the smallest burst and GW_LEASE_MAX_TOKENS */
} gw_lease_desk_conf_t;

gw_lease_desk_t *gw_lease_desk_create(const gw_lease_desk_conf_t *conf);
/** Nobody may wait any more.  Sends back what is left of the leases that it has fetched.  NULL is fine; returns NULL.
 */
gw_lease_desk_t *gw_lease_desk_free(gw_lease_desk_t *desk);

/** @param take with its hash; cost 1..tokens of a lease, or 0 */
gw_shared_result_t gw_lease_desk_take(gw_lease_desk_t *desk, gw_shared_take_t *take);
void gw_lease_desk_cancel(gw_shared_take_t *take);
void gw_shared_side_ref(gw_shared_side_t *side);

#endif
