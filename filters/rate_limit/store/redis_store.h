/* SPDX-License-Identifier: MIT
 * What the connections of all workers to one Redis have in common, and what is said about it in the log.
 * Threads: read-only but for what the lock guards.  Owned by its pool (redis_pool.h), whose first member it is. */
#ifndef FILTERS_RATE_LIMIT_STORE_REDIS_STORE_H
#define FILTERS_RATE_LIMIT_STORE_REDIS_STORE_H

#include <pthread.h>
#include <stdatomic.h>
#include "filters/rate_limit/store/redis.h"
#include "filters/rate_limit/store/redis_cause.h"
#include "filters/rate_limit/store/redis_url.h"
#include "gateway/server/worker.h"
#include "gateway/upstream/endpoint.h"

typedef struct gw_redis_store {
    const gw_redis_url_t *url;
    SSL_CTX *tls;                                 /* NULL: none */
    gw_endpoint_t *endpoints[GW_REDIS_MAX_HOSTS]; /* of the URL's hosts */
    pthread_mutex_t lock;
    size_t num_lost;             /* connections that are lost; guarded by the lock */
    bool is_said_lost;           /* the log's last word; guarded by the lock */
    atomic_bool is_explained[2]; /* by gw_redis_oddity_t */
} gw_redis_store_t;

/** A connection cannot be made, or has ended: to be told once until it is back or gone. */
void gw_redis_store_lost(gw_redis_store_t *store, gw_redis_cause_t cause, const char *detail);
/** One that was lost is there again.  @param is_gone it is not, but nobody wants it any more */
void gw_redis_store_back(gw_redis_store_t *store, bool is_gone);

/** Replies that a conf can be blamed for; the log has each once. */
typedef enum gw_redis_oddity { GW_REDIS_ODDITY_CLUSTER, GW_REDIS_ODDITY_REPLICA } gw_redis_oddity_t;
void gw_redis_store_explain(gw_redis_store_t *store, gw_redis_oddity_t oddity);

/** A worker's connection; begins to connect.  @param store must outlive it */
gw_redis_t *gw_redis_create(gw_redis_store_t *store, gw_worker_t *worker);
/** Calls must have been cancelled. */
void gw_redis_destroy(gw_redis_t *redis);
gw_redis_store_t *gw_redis_store_of(const gw_redis_t *redis);
gw_worker_t *gw_redis_worker_of(const gw_redis_t *redis);

#endif
