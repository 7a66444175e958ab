/* SPDX-License-Identifier: MIT
 * Other rules for a store that is in use.
 *
 * Larger: each shard's memory grows where it is.  Smaller: it ends earlier from now on, and what lies beyond has to go;
 * what is there but cannot be found, because it is being made or is still being read, is on its way out anyhow: it is
 * not published any more, or waits for its readers.  Nothing is moved: readers have no lock.  The tables stay as they
 * are, which is why a store that would be four times too large for them, or too small, is made anew. */
#include <unistd.h>
#include "filters/cache/store/store_private.h"

enum {
    most_times = 4,
    few = 16,              /* entries that have a label */
    buckets_at_a_time = 64 /* while the lock is held */
};

static bool is_label_beyond(const gw_cache_shard_t *shard, const gw_cache_label_t *label)
{
    /* what many have in common stays, being small, rather than that all of them go */
    return label->references <= few &&
           gw_cache_memory_is_beyond(shard->memory, label, offsetof(gw_cache_label_t, url) + label->url_len);
}

bool gw_cache_shard_is_beyond(const gw_cache_shard_t *shard, const gw_cache_entry_t *entry)
{
    const gw_cache_body_t *body = atomic_load_explicit(&entry->body, memory_order_relaxed);
    bool is_beyond =
        gw_cache_memory_is_beyond(shard->memory, entry, sizeof(*entry) + entry->head_size) ||
        (body != NULL && gw_cache_body_is_beyond(shard->memory, body)) ||
        (entry->labels != NULL &&
         gw_cache_memory_is_beyond(shard->memory, entry->labels, entry->labels_room * sizeof(*entry->labels))) ||
        is_label_beyond(shard, entry->url_label);
    for (uint32_t i = 0; i != entry->num_labels && !is_beyond; ++i)
        is_beyond = is_label_beyond(shard, entry->labels[i]);
    return is_beyond;
}

static void clear_bucket(gw_cache_shard_t *shard, size_t bucket)
{
    gw_cache_entry_t *next;
    for (gw_cache_entry_t *entry = atomic_load_explicit(&shard->buckets[bucket], memory_order_relaxed); entry != NULL;
         entry = next) {
        next = atomic_load_explicit(&entry->next, memory_order_relaxed);
        if (!gw_cache_shard_is_beyond(shard, entry))
            continue;
        gw_eviction_remove(shard->eviction, &entry->eviction);
        gw_cache_shard_unlink(shard, entry, GW_LEAVING_EVICTED);
    }
}

static void clear_what_is_beyond(gw_cache_shard_t *shard)
{
    const size_t num_buckets = shard->bucket_mask + 1;
    for (size_t i = 0; i < num_buckets; i += buckets_at_a_time) {
        const size_t end = num_buckets - i < buckets_at_a_time ? num_buckets : i + buckets_at_a_time;
        pthread_mutex_lock(&shard->lock);
        for (size_t j = i; j != end; ++j)
            clear_bucket(shard, j);
        pthread_mutex_unlock(&shard->lock);
    }
}

bool gw_cache_shard_resize(gw_cache_shard_t *shard, size_t memory_bytes)
{
    pthread_mutex_lock(&shard->lock);
    const bool is_done = gw_cache_memory_resize(shard->memory, memory_bytes);
    if (is_done) {
        shard->memory_bytes = memory_bytes;
        gw_eviction_resize(shard->eviction, gw_cache_memory_size(shard->memory));
    }
    pthread_mutex_unlock(&shard->lock);
    return is_done;
}

/** @return bytes of the largest object that there is room for in a shard, in all of them the same */
static uint64_t largest_object(const gw_cache_store_t *store)
{
    /* an eighth of the capacity is less than a seventh of what the tables leave of it */
    return gw_cache_memory_size(store->shards[0].memory) / (GW_CACHE_OBJECTS_IN_A_SHARD - 1);
}

/** In several shards a larger one does not fit that would fit if the store were made anew. */
static bool has_room_for(const gw_cache_store_t *store, uint64_t max_object)
{
    return store->num_shards == 1 || max_object <= largest_object(store);
}

/** @return how many of the shards could be resized before one that could not */
static size_t resize_shards(gw_cache_store_t *store, size_t num, size_t memory_bytes)
{
    size_t done = 0;
    while (done != num && gw_cache_shard_resize(&store->shards[done], memory_bytes))
        ++done;
    return done;
}

static bool resize(gw_cache_store_t *store, const gw_cache_store_rules_t *rules)
{
    if (rules->capacity > store->made_for * most_times || rules->capacity < store->made_for / most_times ||
        rules->capacity <= store->overhead)
        return false;
    const size_t before = store->shards[0].memory_bytes, page = (size_t)sysconf(_SC_PAGESIZE),
                 memory_bytes = (size_t)((rules->capacity - store->overhead) / store->num_shards) / page * page;
    if (memory_bytes < GW_CACHE_LEAST_MEMORY)
        return false;
    size_t num = resize_shards(store, store->num_shards, memory_bytes);
    if (num != store->num_shards || !has_room_for(store, rules->max_object)) {
        resize_shards(store, num, before); /* which they were a moment ago */
        return false;
    }
    atomic_store_explicit(&store->capacity, rules->capacity, memory_order_relaxed);
    for (size_t i = 0; i != store->num_shards && memory_bytes < before; ++i)
        clear_what_is_beyond(&store->shards[i]);
    gw_cache_sweep(store);
    return true;
}

bool gw_cache_store_adapt(gw_cache_store_t *store, const gw_cache_store_rules_t *rules)
{
    if (rules->num_seats > store->readers.num_seats)
        return false;
    const bool is_as_large = rules->capacity == atomic_load_explicit(&store->capacity, memory_order_relaxed);
    if (is_as_large ? !has_room_for(store, rules->max_object) : !resize(store, rules))
        return false;
    const uint64_t most = largest_object(store);
    atomic_store_explicit(&store->max_object, rules->max_object < most ? rules->max_object : most,
                          memory_order_relaxed);
    return true;
}
