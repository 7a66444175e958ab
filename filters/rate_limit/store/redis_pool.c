/* SPDX-License-Identifier: MIT
 * The pools of the process. */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include "filters/rate_limit/store/redis_pool.h"
#include "filters/rate_limit/store/redis_store.h"
#include "gateway/base/memory.h"

struct gw_redis_pool {
    gw_redis_store_t store;
    gw_arena_t *arena;       /* of the store's URL: the conf's goes with its snapshot */
    uint8_t fingerprint[32]; /* of the TLS options */
    gw_redis_pool_t *next;
    size_t references; /* guarded by pools_lock */
    size_t num_workers;
    struct link {
        gw_redis_t *redis;
        size_t references;
    } links[]; /* by worker; each touched by its worker's thread alone */
};

static pthread_mutex_t pools_lock = PTHREAD_MUTEX_INITIALIZER;
static gw_redis_pool_t *pools; /* guarded by pools_lock */

static bool fits(const gw_redis_pool_t *pool, const gw_redis_conf_t *conf, size_t num_workers)
{
    return strcmp(pool->store.url->text, conf->url->text) == 0 && pool->num_workers == num_workers &&
           memcmp(pool->fingerprint, conf->tls.fingerprint, sizeof(pool->fingerprint)) == 0;
}

static void find_hosts(gw_redis_pool_t *pool, struct gw_resolver *resolver)
{
    const gw_redis_url_t *url = pool->store.url;
    for (size_t i = 0; i != url->num_hosts; ++i) {
        bool is_in6 = strchr(url->hosts[i].name, ':') != NULL;
        char *at = gw_arena_printf(pool->arena, is_in6 ? "redis://[%s]:%u" : "redis://%s:%u", url->hosts[i].name,
                                   url->hosts[i].port);
        gw_endpoint_conf_t conf = {
            .url = at, .host = url->hosts[i].name, .authority = at + strlen("redis://"), .port = url->hosts[i].port};
        pool->store.endpoints[i] = gw_endpoint_get(resolver, &conf);
    }
}

static gw_redis_pool_t *create(const gw_redis_conf_t *conf, struct gw_resolver *resolver, size_t num_workers)
{
    gw_redis_pool_t *pool = gw_must_alloc(1, sizeof(*pool) + num_workers * sizeof(*pool->links));
    const char *wrong, *hint;

    pool->arena = gw_arena_create();
    pool->store.url = gw_redis_url_parse(pool->arena, gw_str_of(conf->url->text), &wrong, &hint);
    if (conf->tls.context != NULL && SSL_CTX_up_ref(conf->tls.context) != 1)
        abort();
    pool->store.tls = conf->tls.context;
    memcpy(pool->fingerprint, conf->tls.fingerprint, sizeof(pool->fingerprint));
    pool->num_workers = num_workers;
    pthread_mutex_init(&pool->store.lock, NULL);
    find_hosts(pool, resolver);
    return pool;
}

gw_redis_pool_t *gw_redis_pool_open(const gw_redis_conf_t *conf, struct gw_resolver *resolver, size_t num_workers)
{
    pthread_mutex_lock(&pools_lock);
    gw_redis_pool_t *pool = pools;
    while (pool != NULL && !fits(pool, conf, num_workers))
        pool = pool->next;
    if (pool == NULL) {
        pool = create(conf, resolver, num_workers);
        pool->next = pools;
        pools = pool;
    }
    ++pool->references;
    pthread_mutex_unlock(&pools_lock);
    return pool;
}

gw_redis_pool_t *gw_redis_pool_unref(gw_redis_pool_t *pool)
{
    if (pool == NULL)
        return NULL;
    pthread_mutex_lock(&pools_lock);
    bool is_last = --pool->references == 0;
    if (is_last) {
        gw_redis_pool_t **slot = &pools;
        while (*slot != pool)
            slot = &(*slot)->next;
        *slot = pool->next;
    }
    pthread_mutex_unlock(&pools_lock);
    if (!is_last)
        return NULL;
    for (size_t i = 0; i != pool->store.url->num_hosts; ++i)
        gw_endpoint_unref(pool->store.endpoints[i]);
    SSL_CTX_free(pool->store.tls);
    pthread_mutex_destroy(&pool->store.lock);
    gw_arena_free(pool->arena);
    free(pool);
    return NULL;
}

gw_redis_t *gw_redis_pool_get(gw_redis_pool_t *pool, gw_worker_t *worker)
{
    assert(worker->index < pool->num_workers);
    struct link *link = &pool->links[worker->index];
    if (link->references++ == 0) {
        pthread_mutex_lock(&pools_lock);
        ++pool->references;
        pthread_mutex_unlock(&pools_lock);
        link->redis = gw_redis_create(&pool->store, worker);
    }
    return link->redis;
}

gw_redis_t *gw_redis_release(gw_redis_t *redis)
{
    if (redis == NULL)
        return NULL;
    gw_redis_pool_t *pool = (gw_redis_pool_t *)gw_redis_store_of(redis);
    struct link *link = &pool->links[gw_redis_worker_of(redis)->index];
    if (--link->references == 0) {
        gw_redis_destroy(redis);
        link->redis = NULL;
        gw_redis_pool_unref(pool);
    }
    return NULL;
}
