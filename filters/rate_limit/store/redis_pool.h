/* SPDX-License-Identifier: MIT
 * The connections of all workers to one Redis: state of the whole process, found again by URL and TLS options, so that
 * filters share it and a reload keeps the connections.
 *
 *   share:           pool = gw_redis_pool_open(conf, share->resolver, share->num_workers)
 *   worker_init:     redis = gw_redis_pool_get(pool, worker)
 *   worker_dispose:  gw_redis_release(redis)
 *   share_dispose:   gw_redis_pool_unref(pool)
 *
 * Threads: opening on the control thread, unref on any; get and release on the worker's.  The resolver must outlive the
 * last reference. */
#ifndef FILTERS_RATE_LIMIT_STORE_REDIS_POOL_H
#define FILTERS_RATE_LIMIT_STORE_REDIS_POOL_H

#include "filters/rate_limit/store/redis.h"
#include "filters/rate_limit/store/redis_conf.h"
#include "gateway/server/worker.h"

typedef struct gw_redis_pool gw_redis_pool_t;

/** Finds the pool of that URL and those TLS options or makes it.  @return one reference */
gw_redis_pool_t *gw_redis_pool_open(const gw_redis_conf_t *conf, struct gw_resolver *resolver, size_t num_workers);
/** NULL is fine; returns NULL. */
gw_redis_pool_t *gw_redis_pool_unref(gw_redis_pool_t *pool);

/** The worker's connection, which begins to connect when it is the first to ask.  @return one reference; keeps the pool
 */
gw_redis_t *gw_redis_pool_get(gw_redis_pool_t *pool, gw_worker_t *worker);
/** Calls that are under way must have been cancelled when it is the last reference.  NULL is fine; returns NULL. */
gw_redis_t *gw_redis_release(gw_redis_t *redis);

#endif
