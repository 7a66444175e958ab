/* SPDX-License-Identifier: MIT
 * One shard of a cache's store: a lock, and what stands under it: memory, the index, labels, who is evicted next, and
 * the entries that were taken out and wait for their readers.
 *
 * Threads: everything under the shard's lock, but for buckets and the entries in them, which readers read. */
#ifndef FILTERS_CACHE_STORE_SHARD_H
#define FILTERS_CACHE_STORE_SHARD_H

#include <pthread.h>
#include "filters/cache/store/labels.h"
#include "filters/cache/store/purges.h"
#include "filters/cache/store/readers.h"
#include "filters/cache/store/store.h"

typedef struct gw_cache_entry_list {
    gw_cache_entry_t *first, **last;
} gw_cache_entry_list_t;

typedef struct gw_cache_shard {
    /* read by readers */
    _Alignas(64) gw_cache_entry_t *_Atomic *buckets;
    size_t bucket_mask;
    /* of all shards */
    gw_cache_readers_t *readers;
    gw_cache_purges_t *purges;
    uint32_t number;
    /* under the lock */
    _Alignas(64) pthread_mutex_t lock;
    gw_cache_memory_t *memory;
    size_t memory_bytes; /* what manages it included */
    gw_eviction_t *eviction;
    gw_cache_labels_table_t labels;
    gw_cache_entry_list_t waiting; /* taken out, but somebody read them when they were last asked */
    size_t num_waiting;
    uint64_t num_entries, num_evicted, num_purged;
    /* gw_cache_sweep */
    uint64_t swept;    /* what purges up to this one have left is cleared away */
    uint64_t sweeping; /* up to this one it is being done */
    size_t next_swept; /* bucket */
} gw_cache_shard_t;

typedef enum gw_cache_leaving { GW_LEAVING_EVICTED, GW_LEAVING_REPLACED, GW_LEAVING_PURGED } gw_cache_leaving_t;

/** @param memory_bytes of the mapping   @return false: errno */
bool gw_cache_shard_init(gw_cache_shard_t *shard, size_t memory_bytes, size_t num_buckets);
void gw_cache_shard_dispose(gw_cache_shard_t *shard);

/** Whether it may still be found; readers may ask.  @param ret_is_soft may be NULL */
bool gw_cache_is_current(const gw_cache_purges_t *purges, const gw_cache_entry_t *entry, bool *ret_is_soft);

static inline gw_cache_entry_t *_Atomic *gw_cache_bucket(const gw_cache_shard_t *shard, gw_cache_key_t key)
{
    return &shard->buckets[key.whole & shard->bucket_mask];
}

static inline bool gw_cache_key_equal(gw_cache_key_t a, gw_cache_key_t b)
{
    return a.url == b.url && a.whole == b.whole;
}

/** Bytes of memory that it takes. */
size_t gw_cache_entry_footprint(const gw_cache_entry_t *entry);
/** Makes it reachable, as the newest in its bucket.  Whoever evicts does not know it yet. */
void gw_cache_shard_link(gw_cache_shard_t *shard, gw_cache_entry_t *entry);
/** Makes it unreachable; its memory comes back when nobody reads it.  Who evicts does not know it any more.
 *  @return whether it has come back already */
bool gw_cache_shard_unlink(gw_cache_shard_t *shard, gw_cache_entry_t *entry, gw_cache_leaving_t why);
/** Gives back one that never was reachable, when nobody holds it. */
void gw_cache_shard_drop(gw_cache_shard_t *shard, gw_cache_entry_t *entry);

/** Whether any of what is its own lies beyond the end of a memory that has shrunk, or what it has in common with a few
 * others: then it has to go. */
bool gw_cache_shard_is_beyond(const gw_cache_shard_t *shard, const gw_cache_entry_t *entry);
/** Makes the shard's memory larger, or smaller: then entries have to go.  @return false: nothing has changed */
bool gw_cache_shard_resize(gw_cache_shard_t *shard, size_t memory_bytes);

/** What one allocation may cost others. */
typedef struct gw_cache_room {
    size_t evicted; /* bytes: not much more than an eighth of the shard */
} gw_cache_room_t;
/** Gives back what nobody reads any more, or else evicts: a few entries at a time, so that the lock can be let go in
 * between.  Leaves alone what is being read: to lose that would give nothing.
 *  @param room zero at first   @return false: there is no room without waiting for readers; else try to take again */
bool gw_cache_shard_make_room(gw_cache_shard_t *shard, gw_cache_room_t *room, size_t bytes);
/** Gives back what nobody reads any more.  @param most entries to look at   @return whether there was anything */
bool gw_cache_shard_reclaim(gw_cache_shard_t *shard, size_t most);

#endif
