/* SPDX-License-Identifier: MIT
 * Purges, and clearing away what they leave. */
#include <stdlib.h>
#include "filters/cache/store/store_private.h"

enum {
    buckets_in_a_sweep = 65536,
    /* while the lock is held */
    buckets_at_a_time = 16,
    reclaimed_at_a_time = 64,
    trimmed_at_a_time = 1024 * 1024 /* bytes */
};

/** Under the shard's lock.  @return how many entries it was for */
static size_t mark(gw_cache_label_t *label, gw_cache_purge_t how, uint64_t sequence)
{
    size_t num = label->num_current;
    _Atomic uint64_t *last = how == GW_PURGE_HARD ? &label->hard : &label->soft;
    /* two purges may come here in another order than they were numbered in */
    if (atomic_load_explicit(last, memory_order_relaxed) >= sequence)
        return num;
    atomic_store_explicit(last, sequence, memory_order_release);
    if (how == GW_PURGE_HARD)
        label->num_current = 0;
    return num;
}

static size_t purge_in(gw_cache_shard_t *shard, uint64_t hash, bool is_url, gw_cache_purge_t how, uint64_t sequence)
{
    pthread_mutex_lock(&shard->lock);
    gw_cache_label_t *label = gw_cache_label_find(&shard->labels, hash, is_url);
    size_t num = label != NULL ? mark(label, how, sequence) : 0;
    pthread_mutex_unlock(&shard->lock);
    return num;
}

size_t gw_cache_purge_url(gw_cache_store_t *store, uint64_t url_hash, gw_cache_purge_t how)
{
    uint64_t sequence =
        gw_cache_purges_add(&store->purges, GW_PURGE_URL, how == GW_PURGE_SOFT, url_hash, (gw_str_t){0});
    return purge_in(gw_cache_shard_of(store, url_hash), url_hash, true, how, sequence);
}

size_t gw_cache_purge_label(gw_cache_store_t *store, uint64_t label_hash, gw_cache_purge_t how)
{
    uint64_t sequence =
        gw_cache_purges_add(&store->purges, GW_PURGE_LABEL, how == GW_PURGE_SOFT, label_hash, (gw_str_t){0});
    size_t num = 0;
    for (size_t i = 0; i != store->num_shards; ++i)
        num += purge_in(&store->shards[i], label_hash, false, how, sequence);
    return num;
}

void gw_cache_purge_all(gw_cache_store_t *store, gw_cache_purge_t how)
{
    gw_cache_purges_add(&store->purges, GW_PURGE_ALL, how == GW_PURGE_SOFT, 0, (gw_str_t){0});
}

static size_t purge_prefix_in(gw_cache_shard_t *shard, gw_str_t prefix, gw_cache_purge_t how, uint64_t sequence)
{
    size_t num = 0, num_buckets = shard->labels.mask + 1;
    for (size_t i = 0; i < num_buckets; i += buckets_at_a_time) {
        size_t end = num_buckets - i < buckets_at_a_time ? num_buckets : i + buckets_at_a_time;
        pthread_mutex_lock(&shard->lock);
        for (size_t j = i; j != end; ++j)
            for (gw_cache_label_t *label = shard->labels.buckets[j]; label != NULL; label = label->next)
                if (label->is_url && gw_str_starts_with(gw_str(label->url, label->url_len), prefix))
                    num += mark(label, how, sequence);
        pthread_mutex_unlock(&shard->lock);
    }
    return num;
}

size_t gw_cache_purge_prefix(gw_cache_store_t *store, gw_str_t prefix, gw_cache_purge_t how)
{
    uint64_t sequence = gw_cache_purges_add(&store->purges, GW_PURGE_PREFIX, how == GW_PURGE_SOFT, 0, prefix);
    size_t num = 0;
    for (size_t i = 0; i != store->num_shards; ++i)
        num += purge_prefix_in(&store->shards[i], prefix, how, sequence);
    return num;
}

uint64_t gw_cache_sequence(const gw_cache_store_t *store)
{
    return atomic_load_explicit(&store->purges.sequence, memory_order_acquire);
}

/* clearing away ---------------------------------------------------------------------------------------------------- */

static void clear_bucket(gw_cache_shard_t *shard, size_t bucket)
{
    gw_cache_entry_t *next;
    for (gw_cache_entry_t *entry = atomic_load_explicit(&shard->buckets[bucket], memory_order_relaxed); entry != NULL;
         entry = next) {
        next = atomic_load_explicit(&entry->next, memory_order_relaxed);
        if (gw_cache_is_current(shard->purges, entry, NULL))
            continue;
        gw_eviction_remove(shard->eviction, &entry->eviction);
        gw_cache_shard_unlink(shard, entry, GW_LEAVING_PURGED);
    }
}

/** Takes out what was purged.  @param most buckets to look at   @return how many it has looked at */
static size_t clear_purged(gw_cache_shard_t *shard, size_t most)
{
    size_t num = 0, num_buckets = shard->bucket_mask + 1;
    bool is_over = false;
    while (!is_over && num < most) {
        pthread_mutex_lock(&shard->lock);
        uint64_t sequence = atomic_load_explicit(&shard->purges->sequence, memory_order_acquire);
        if (shard->next_swept == 0)
            shard->sweeping = sequence;
        is_over = shard->swept == sequence;
        for (size_t i = 0; !is_over && i != buckets_at_a_time; ++i, ++num) {
            clear_bucket(shard, shard->next_swept);
            shard->next_swept = (shard->next_swept + 1) % num_buckets;
            if (shard->next_swept == 0) {
                shard->swept = shard->sweeping;
                is_over = true;
            }
        }
        pthread_mutex_unlock(&shard->lock);
    }
    return num;
}

static void reclaim(gw_cache_shard_t *shard)
{
    pthread_mutex_lock(&shard->lock);
    for (size_t left = shard->num_waiting; left != 0;) {
        size_t most = left < reclaimed_at_a_time ? left : reclaimed_at_a_time;
        gw_cache_shard_reclaim(shard, most);
        left -= most;
        pthread_mutex_unlock(&shard->lock);
        pthread_mutex_lock(&shard->lock);
    }
    pthread_mutex_unlock(&shard->lock);
}

static void trim(gw_cache_shard_t *shard)
{
    for (bool is_more = true; is_more;) {
        pthread_mutex_lock(&shard->lock);
        is_more = gw_cache_memory_trim(shard->memory, trimmed_at_a_time);
        pthread_mutex_unlock(&shard->lock);
    }
}

void gw_cache_sweep(gw_cache_store_t *store)
{
    size_t left = buckets_in_a_sweep, first = atomic_load_explicit(&store->next_swept, memory_order_relaxed);
    for (size_t i = 0; i != store->num_shards; ++i) {
        size_t at = (first + i) % store->num_shards;
        if (left != 0) {
            size_t num = clear_purged(&store->shards[at], left);
            left -= num < left ? num : left;
            atomic_store_explicit(&store->next_swept, at, memory_order_relaxed);
        }
        reclaim(&store->shards[at]);
        trim(&store->shards[at]);
    }
}
