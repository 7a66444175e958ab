/* SPDX-License-Identifier: MIT
 * Limits that several gateways share: the buckets stand in a Redis and go by its clock, and one script runs there the
 * algorithm of bucket.h, all limits at once, all or nothing.
 *
 * exact: every decision is one call.  What passes is what one gateway would let pass.  A call whose answer does not
 * come in time may have taken tokens all the same: those do not come back.
 *
 * lease: a gateway takes up to `lease_tokens` tokens for a client ahead, in one call, and lets requests take from these
 * until they are used up or lease_ms are over; what is left goes back.  Its workers share them.
 * - What passes is never more than the limit and the leases that were out: in any time t at most
 *   burst + rate * t + gateways * lease_tokens.
 * - A client may be refused while another gateway holds tokens of his, at most (gateways - 1) * lease_tokens, for at
 *   most lease_ms after they were fetched, or 2 * lease_ms when they were left of a lease that was renewed; and
 *   for lease_ms more at most, as its gateway remembers that there were none.
 * - Tokens that cannot be brought back (the store is gone by then, a gateway is killed) are missing until the bucket
 *   has filled itself.
 * - A request of more than lease_tokens makes an exact call of its own.
 *
 * Threads: gw_shared_store_t is made on the control thread and freed on any; a side belongs to its worker. */
#ifndef FILTERS_RATE_LIMIT_STORE_SHARED_LIMITS_H
#define FILTERS_RATE_LIMIT_STORE_SHARED_LIMITS_H

#include "filters/limit/client_key.h"
#include "filters/rate_limit/limits.h"
#include "filters/rate_limit/store/redis_pool.h"

typedef enum gw_shared_mode { GW_SHARED_EXACT, GW_SHARED_LEASE } gw_shared_mode_t;

typedef struct gw_shared_conf {
    const gw_redis_conf_t *redis;
    const char *name; /* the same on every gateway that shares: in the names of the Redis keys */
    int mode;         /* gw_shared_mode_t */
    uint64_t timeout_ms;
    uint64_t lease_tokens, lease_ms;
    size_t keys; /* clients whose leases are kept */
    const gw_limit_conf_t *limits;
    size_t num_limits;
} gw_shared_conf_t;

typedef struct gw_shared_store gw_shared_store_t; /* state of the whole process: connections, leases */
typedef struct gw_shared_side gw_shared_side_t;   /* a worker's view of it */

/** Whether the store can count a limit exactly: its bucket is full again within a hundred years. */
bool gw_shared_can_count(const gw_limit_conf_t *limit);

/** @param conf copied; each of its limits such that gw_shared_can_count
 *  @param previous of the same filter before a reload, or NULL: if it does the same, it goes on with its leases; else
 *  what is left of those goes back when its last side is freed
 *  @return one reference */
gw_shared_store_t *gw_shared_store_create(const gw_shared_conf_t *conf, struct gw_resolver *resolver,
                                          size_t num_workers, gw_shared_store_t *previous);
/** NULL is fine; returns NULL. */
gw_shared_store_t *gw_shared_store_unref(gw_shared_store_t *store);

gw_shared_side_t *gw_shared_side_create(gw_shared_store_t *store, gw_worker_t *worker);
/** Nothing may be under way but what gw_shared_correct sent.  With the last one of a worker the leases that it has
 * fetched go back; nobody waits for that.  NULL is fine; returns NULL. */
gw_shared_side_t *gw_shared_side_free(gw_shared_side_t *side);

typedef enum gw_shared_result {
    GW_SHARED_KNOWN,  /* the answer is there */
    GW_SHARED_LATER,  /* on_answer will be called, once, at the latest after timeout_ms; not from within */
    GW_SHARED_UNKNOWN /* the store is gone, slow or refuses to talk */
} gw_shared_result_t;

typedef struct gw_shared_take gw_shared_take_t;
struct gw_shared_take {
    /* set by the caller */
    void (*on_answer)(gw_shared_take_t *take, gw_shared_result_t result); /* KNOWN or UNKNOWN */
    void *caller;                                                         /* not looked at */
    const gw_client_key_t *key;                                           /* must stay until the answer */
    uint64_t cost;                                                        /* tokens; 0: only looks */
    uint64_t max_wait_us;                                                 /* exact only */
    /* the answer: as of gw_limits_take; of `lease`, levels are what is known */
    gw_limits_answer_t answer;
    const char *cause; /* of UNKNOWN: a static word for the record of decisions: "timeout", "down", "lost", "busy", or
                          what the store complains of: "read_only", "out_of_memory", "loading", "error", ... */
    /* private */
    gw_shared_side_t *side;
    struct gw_errand *errand; /* a call of its own is under way */
    struct gw_fetch *fetch;   /* it waits for a lease, in this one's list */
    h2o_linklist_t link;
    uint64_t deadline_ms;
    uint64_t hash;
};

/** Takes tokens of all limits, or of none.  @param take memory that stays until the answer, or gw_shared_cancel */
gw_shared_result_t gw_shared_take(gw_shared_side_t *side, gw_shared_take_t *take);
/** on_answer will not be called; what the store may have taken by then goes back.  Nothing when it is not under way. */
void gw_shared_cancel(gw_shared_take_t *take);
/** Takes more, or gives back, without asking and without an answer: for what is known only afterwards.
 *  @param tokens negative: they go back   @param taken the answer to the taking: trials that refused then gave nothing
 */
void gw_shared_correct(gw_shared_side_t *side, const gw_client_key_t *key, int64_t tokens,
                       const gw_limits_answer_t *taken);

#endif
