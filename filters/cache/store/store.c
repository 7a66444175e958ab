/* SPDX-License-Identifier: MIT
 * A store from its making to its end, and looking something up in it. */
#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <unistd.h>
#include "filters/cache/store/store_private.h"
#include "gateway/base/siphash.h"

enum {
    most_shards = 64,
    least_shard = 1024 * 1024,  /* bytes: below that, more shards are no gain */
    bytes_of_an_entry = 1024,   /* a small one with its fields and label: what tables are sized by */
    part_for_pins = 256,        /* of the capacity */
    bytes_for_a_record = 16384, /* of the capacity, for each purge that is remembered */
    least_records = 128,
    most_records = 4096
};

/* how it is divided ------------------------------------------------------------------------------------------------ */

typedef struct plan {
    unsigned shard_bits;
    size_t num_shards, num_records, num_buckets, memory_bytes, pins_bytes;
    uint64_t overhead;
} plan_t;

static size_t power_below(uint64_t number)
{
    return number > 1 ? (size_t)1 << (63 - __builtin_clzll(number)) : 1;
}

static size_t between(size_t least, size_t number, size_t most)
{
    return number < least ? least : number > most ? most : number;
}

static bool make_plan(const gw_cache_store_rules_t *rules, plan_t *ret)
{
    uint64_t capacity = rules->capacity;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint64_t wanted = rules->max_object < capacity / GW_CACHE_OBJECTS_IN_A_SHARD
                          ? rules->max_object * GW_CACHE_OBJECTS_IN_A_SHARD
                          : capacity;
    wanted += wanted / 8; /* the tables of a shard, and its memory's own */
    *ret = (plan_t){.num_shards = power_below(capacity / (wanted > least_shard ? wanted : least_shard)),
                    .num_records = power_below(capacity / bytes_for_a_record),
                    .pins_bytes = capacity / part_for_pins};
    ret->num_shards = between(1, ret->num_shards, most_shards);
    ret->shard_bits = (unsigned)__builtin_ctzll(ret->num_shards);
    ret->num_records = between(least_records, ret->num_records, most_records);
    ret->overhead = sizeof(gw_cache_store_t) + ret->num_shards * sizeof(gw_cache_shard_t) +
                    gw_cache_readers_footprint(rules->num_seats, ret->pins_bytes) +
                    gw_cache_purges_footprint(ret->num_records);
    if (rules->num_seats == 0 || capacity <= ret->overhead)
        return false;
    uint64_t bytes = (capacity - ret->overhead) / ret->num_shards;
    ret->num_buckets = power_below(bytes / bytes_of_an_entry);
    uint64_t tables = 2 * ret->num_buckets * sizeof(void *) + gw_eviction_footprint(ret->num_buckets);
    if (bytes < tables + GW_CACHE_LEAST_MEMORY)
        return false;
    ret->overhead += ret->num_shards * tables;
    ret->memory_bytes = (bytes - tables) / page * page;
    return true;
}

gw_cache_store_t *gw_cache_store_create(const gw_cache_store_rules_t *rules)
{
    plan_t plan;
    if (!make_plan(rules, &plan)) {
        errno = EINVAL;
        return NULL;
    }
    gw_cache_store_t *store = aligned_alloc(_Alignof(gw_cache_store_t), sizeof(*store));
    if (store == NULL)
        return NULL;
    memset(store, 0, sizeof(*store));
    atomic_init(&store->references, 1);
    store->made_for = rules->capacity;
    store->overhead = plan.overhead;
    atomic_init(&store->capacity, rules->capacity);
    store->shard_bits = plan.shard_bits;
    store->shards = aligned_alloc(_Alignof(gw_cache_shard_t), plan.num_shards * sizeof(*store->shards));
    bool is_made = store->shards != NULL && gw_cache_purges_init(&store->purges, plan.num_records);
    is_made = gw_cache_readers_init(&store->readers, rules->num_seats, plan.pins_bytes) && is_made &&
              RAND_bytes((uint8_t *)store->secrets, sizeof(store->secrets)) == 1;
    if (store->shards != NULL)
        memset((void *)store->shards, 0, plan.num_shards * sizeof(*store->shards));
    for (; is_made && store->num_shards != plan.num_shards; ++store->num_shards) {
        gw_cache_shard_t *shard = &store->shards[store->num_shards];
        shard->readers = &store->readers;
        shard->purges = &store->purges;
        shard->number = (uint32_t)store->num_shards;
        is_made = gw_cache_shard_init(shard, plan.memory_bytes, plan.num_buckets);
    }
    if (!is_made) {
        int error = errno;
        gw_cache_store_unref(store);
        errno = error != 0 ? error : ENOMEM;
        return NULL;
    }
    gw_cache_store_adapt(store, rules);
    return store;
}

gw_cache_store_t *gw_cache_store_ref(gw_cache_store_t *store)
{
    atomic_fetch_add_explicit(&store->references, 1, memory_order_relaxed);
    return store;
}

gw_cache_store_t *gw_cache_store_unref(gw_cache_store_t *store)
{
    if (store == NULL || atomic_fetch_sub_explicit(&store->references, 1, memory_order_acq_rel) != 1)
        return NULL;
    for (size_t i = 0; i != store->num_shards; ++i)
        gw_cache_shard_dispose(&store->shards[i]);
    gw_cache_purges_dispose(&store->purges);
    gw_cache_readers_dispose(&store->readers);
    free(store->shards);
    free(store);
    return NULL;
}

const uint64_t *gw_cache_store_secret(const gw_cache_store_t *store, unsigned which)
{
    return store->secrets[which];
}

uint64_t gw_cache_label_hash(const gw_cache_store_t *store, gw_str_t kind, gw_str_t origin, gw_str_t name)
{
    /* each part is hashed with what came before for a secret, so that it does not matter where one ends */
    uint64_t secret[2] = {store->secrets[2][0], store->secrets[2][1]};
    secret[0] ^= gw_siphash(secret, kind);
    secret[0] ^= gw_siphash(secret, origin);
    return gw_siphash(secret, name);
}

gw_cache_figures_t gw_cache_store_figures(gw_cache_store_t *store)
{
    gw_cache_figures_t figures = {.capacity = atomic_load_explicit(&store->capacity, memory_order_relaxed),
                                  .used = store->overhead};
    for (size_t i = 0; i != store->num_shards; ++i) {
        gw_cache_shard_t *shard = &store->shards[i];
        pthread_mutex_lock(&shard->lock);
        figures.used += shard->memory_bytes - gw_cache_memory_size(shard->memory) + gw_cache_memory_used(shard->memory);
        figures.entries += shard->num_entries;
        figures.evicted += shard->num_evicted;
        figures.purged += shard->num_purged;
        figures.retired += shard->num_waiting;
        pthread_mutex_unlock(&shard->lock);
    }
    return figures;
}

/* reading ---------------------------------------------------------------------------------------------------------- */

gw_cache_seat_t *gw_cache_store_seat(gw_cache_store_t *store, size_t worker_index)
{
    return gw_cache_readers_seat(&store->readers, worker_index);
}

/** Walks a bucket, newest first.  @return the first one that is wanted; NULL: none */
static gw_cache_entry_t *look(const gw_cache_purges_t *purges, gw_cache_entry_t *first, gw_cache_key_t key,
                              gw_cache_fits_t fits, void *arg, gw_cache_found_t *found)
{
    for (gw_cache_entry_t *entry = first; entry != NULL;
         entry = atomic_load_explicit(&entry->next, memory_order_acquire)) {
        bool is_soft;
        if (!gw_cache_key_equal(entry->key, key) || !gw_cache_is_current(purges, entry, &is_soft))
            continue;
        if (fits != NULL && !fits(arg, entry)) {
            found->is_other = true;
            continue;
        }
        found->is_soft_purged = is_soft;
        return entry;
    }
    return NULL;
}

gw_cache_found_t gw_cache_find(gw_cache_store_t *store, gw_cache_seat_t *seat, gw_cache_key_t key, gw_cache_fits_t fits,
                               void *arg)
{
    enum { most_times = 16 };
    gw_cache_found_t found = {0};
    const gw_cache_shard_t *shard = gw_cache_shard_of(store, key.url);
    gw_cache_entry_t *_Atomic *bucket = gw_cache_bucket(shard, key);
    gw_cache_seat_enter(seat, (const void *)bucket);
    gw_cache_entry_t *first = atomic_load_explicit(bucket, memory_order_acquire), *again;
    for (int i = 0;; ++i, first = again) {
        found.entry = look(&store->purges, first, key, fits, arg, &found);
        /* an entry that takes another one's place comes first, then the other one goes: who has been under way for so
         * long that it met neither sees that there is a new one */
        if (found.entry != NULL || i == most_times ||
            (again = atomic_load_explicit(bucket, memory_order_acquire)) == first)
            break;
    }
    if (found.entry != NULL) {
        gw_cache_seat_pin(seat, found.entry);
        gw_eviction_hit(&found.entry->eviction);
    }
    gw_cache_seat_leave(seat);
    return found;
}

void gw_cache_pin(gw_cache_seat_t *seat, gw_cache_entry_t *entry)
{
    gw_cache_seat_pin(seat, entry);
}

void gw_cache_unpin(gw_cache_seat_t *seat, gw_cache_entry_t *entry)
{
    gw_cache_seat_unpin(seat, entry);
}

void gw_cache_hold(gw_cache_entry_t *entry)
{
    atomic_fetch_add_explicit(&entry->holds, 1, memory_order_relaxed);
}

void gw_cache_release(gw_cache_store_t *store, gw_cache_entry_t *entry)
{
    (void)store;
    /* release: what was read of it was read before its memory comes back */
    atomic_fetch_sub_explicit(&entry->holds, 1, memory_order_release);
}
