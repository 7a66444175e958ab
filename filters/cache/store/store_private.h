/* SPDX-License-Identifier: MIT
 * What store.c, making.c, purging.c and resizing.c share. */
#ifndef FILTERS_CACHE_STORE_STORE_PRIVATE_H
#define FILTERS_CACHE_STORE_STORE_PRIVATE_H

#include "filters/cache/store/shard.h"

enum {
    GW_CACHE_OBJECTS_IN_A_SHARD = 8, /* of the largest ones, at least */
    GW_CACHE_LEAST_MEMORY = 128 * 1024
};

struct gw_cache_store {
    /* never written again, but for what is atomic: by gw_cache_store_adapt */
    uint64_t secrets[3][2];      /* two for keys, one for labels */
    uint64_t made_for, overhead; /* bytes: the first capacity; all but the shards' memory */
    _Atomic uint64_t capacity;
    unsigned shard_bits;
    size_t num_shards;
    _Atomic uint64_t max_object;
    gw_cache_shard_t *shards;
    atomic_size_t references;
    atomic_size_t next_swept; /* shard */
    gw_cache_readers_t readers;
    gw_cache_purges_t purges;
};

static inline gw_cache_shard_t *gw_cache_shard_of(const gw_cache_store_t *store, uint64_t url_hash)
{
    return &store->shards[store->shard_bits != 0 ? url_hash >> (64 - store->shard_bits) : 0];
}

#endif
