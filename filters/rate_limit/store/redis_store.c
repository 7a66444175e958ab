/* SPDX-License-Identifier: MIT
 * One line in the log when a store is lost and one when it is back, however many workers notice. */
#include "filters/rate_limit/store/redis_store.h"
#include "gateway/observe/log.h"

void gw_redis_store_lost(gw_redis_store_t *store, gw_redis_cause_t cause, const char *detail)
{
    pthread_mutex_lock(&store->lock);
    bool is_news = !store->is_said_lost;
    ++store->num_lost;
    store->is_said_lost = true;
    pthread_mutex_unlock(&store->lock);
    if (is_news)
        gw_log_later(GW_LOG_WARNING, "store %s cannot be used: %s%s%s", store->url->shown, gw_redis_cause_text(cause),
                     *detail != '\0' ? ": " : "", detail);
}

void gw_redis_store_back(gw_redis_store_t *store, bool is_gone)
{
    pthread_mutex_lock(&store->lock);
    bool is_over = --store->num_lost == 0;
    if (is_over)
        store->is_said_lost = false;
    pthread_mutex_unlock(&store->lock);
    if (is_over && !is_gone)
        gw_log_later(GW_LOG_NOTICE, "store %s can be used again", store->url->shown);
}

void gw_redis_store_explain(gw_redis_store_t *store, gw_redis_oddity_t oddity)
{
    if (atomic_load_explicit(&store->is_explained[oddity], memory_order_relaxed) ||
        atomic_exchange(&store->is_explained[oddity], true))
        return;
    if (oddity == GW_REDIS_ODDITY_CLUSTER)
        gw_log_later(GW_LOG_WARNING,
                     "store %s is a part of a Redis Cluster, which is not supported: keys that it does not hold fail",
                     store->url->shown);
    else
        gw_log_later(GW_LOG_WARNING, "store %s is a replica, which takes no writes: name its master, or its sentinels",
                     store->url->shown);
}
