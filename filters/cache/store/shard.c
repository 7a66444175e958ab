/* SPDX-License-Identifier: MIT
 * A shard: entries come in, are taken out, and their memory comes back. */
#include <stdlib.h>
#include "filters/cache/store/shard.h"

/* while the lock is held */
enum {
    reclaimed_at_a_time = 16, /* round robin: thousands may wait for slow clients */
    evicted_at_a_time = 4,
    read_in_a_row = 16 /* of those whose turn it is to go: then it is given up */
};

static void push(gw_cache_entry_list_t *list, gw_cache_entry_t *entry)
{
    entry->next_waiting = NULL;
    *list->last = entry;
    list->last = &entry->next_waiting;
}

static gw_cache_entry_t *pop(gw_cache_entry_list_t *list)
{
    gw_cache_entry_t *entry = list->first;
    list->first = entry->next_waiting;
    if (list->first == NULL)
        list->last = &list->first;
    return entry;
}

bool gw_cache_shard_init(gw_cache_shard_t *shard, size_t memory_bytes, size_t num_buckets)
{
    pthread_mutex_init(&shard->lock, NULL);
    shard->waiting.last = &shard->waiting.first;
    shard->bucket_mask = num_buckets - 1;
    shard->labels.mask = num_buckets - 1;
    /* calloc: what is large comes as pages that are not there until they are written to */
    shard->buckets = calloc(num_buckets, sizeof(*shard->buckets));
    shard->labels.buckets = calloc(num_buckets, sizeof(*shard->labels.buckets));
    shard->memory = gw_cache_memory_create(memory_bytes);
    shard->memory_bytes = memory_bytes;
    if (shard->buckets == NULL || shard->labels.buckets == NULL || shard->memory == NULL)
        return false;
    shard->eviction = gw_eviction_create(gw_cache_memory_size(shard->memory), num_buckets);
    return shard->eviction != NULL;
}

void gw_cache_shard_dispose(gw_cache_shard_t *shard)
{
    if (shard->eviction != NULL)
        gw_eviction_free(shard->eviction);
    if (shard->memory != NULL)
        gw_cache_memory_free(shard->memory);
    free(shard->labels.buckets);
    free((void *)shard->buckets);
    pthread_mutex_destroy(&shard->lock);
}

/* what purges say -------------------------------------------------------------------------------------------------- */

static bool look_at_label(const gw_cache_label_t *label, uint64_t sequence, bool *is_soft)
{
    *is_soft |= atomic_load_explicit(&label->soft, memory_order_relaxed) > sequence;
    return atomic_load_explicit(&label->hard, memory_order_relaxed) <= sequence;
}

/* Whoever asks after a purge returned sees its number in `sequence`, because that was stored before and an atomic
 * variable does not go back; for the same reason it sees the number in the label or in all_hard.  So relaxed would do,
 * had the asker learned of the purge by other means than these; acquire makes it learn by these, too. */
bool gw_cache_is_current(const gw_cache_purges_t *purges, const gw_cache_entry_t *entry, bool *ret_is_soft)
{
    uint64_t sequence = entry->sequence;
    bool is_soft = entry->is_soft_purged, is_current = true;
    if (atomic_load_explicit(&purges->sequence, memory_order_acquire) != sequence) {
        is_current = atomic_load_explicit(&purges->all_hard, memory_order_relaxed) <= sequence;
        is_soft |= atomic_load_explicit(&purges->all_soft, memory_order_relaxed) > sequence;
        is_current = look_at_label(entry->url_label, sequence, &is_soft) && is_current;
        for (uint32_t i = 0; i != entry->num_labels && is_current; ++i)
            is_current = look_at_label(entry->labels[i], sequence, &is_soft);
    }
    if (ret_is_soft != NULL)
        *ret_is_soft = is_soft;
    return is_current;
}

/* coming ----------------------------------------------------------------------------------------------------------- */

static size_t rounded(size_t bytes)
{
    return (bytes + GW_CACHE_GRAIN - 1) / GW_CACHE_GRAIN * GW_CACHE_GRAIN;
}

size_t gw_cache_entry_footprint(const gw_cache_entry_t *entry)
{
    const gw_cache_body_t *body = atomic_load_explicit(&entry->body, memory_order_relaxed);
    return rounded(sizeof(*entry) + entry->head_size) + rounded(entry->labels_room * sizeof(*entry->labels)) +
           (body != NULL ? gw_cache_body_footprint(body) : 0);
}

static void count_in(const gw_cache_entry_t *entry)
{
    ++entry->url_label->num_current;
    for (uint32_t i = 0; i != entry->num_labels; ++i)
        ++entry->labels[i]->num_current;
}

void gw_cache_shard_link(gw_cache_shard_t *shard, gw_cache_entry_t *entry)
{
    gw_cache_entry_t *_Atomic *bucket = gw_cache_bucket(shard, entry->key);
    atomic_store_explicit(&entry->next, atomic_load_explicit(bucket, memory_order_relaxed), memory_order_relaxed);
    /* release: who comes to it by this link finds it complete */
    atomic_store_explicit(bucket, entry, memory_order_release);
    entry->is_linked = true;
    count_in(entry);
    ++shard->num_entries;
}

/* going ------------------------------------------------------------------------------------------------------------ */

/** Readers first: what is pinned may be held and then unpinned, but what is held is not pinned. */
static bool is_read(const gw_cache_shard_t *shard, const gw_cache_entry_t *entry)
{
    return gw_cache_readers_see(shard->readers, (const void *)gw_cache_bucket(shard, entry->key), entry) ||
           atomic_load_explicit(&entry->holds, memory_order_acquire) != 0;
}

static void give(gw_cache_shard_t *shard, gw_cache_entry_t *entry)
{
    gw_cache_body_t *body = atomic_load_explicit(&entry->body, memory_order_relaxed);
    if (body != NULL && atomic_fetch_sub_explicit(&body->references, 1, memory_order_acq_rel) == 1)
        gw_cache_body_give(shard->memory, body);
    if (entry->url_label != NULL)
        gw_cache_label_give(&shard->labels, shard->memory, entry->url_label);
    for (uint32_t i = 0; i != entry->num_labels; ++i)
        gw_cache_label_give(&shard->labels, shard->memory, entry->labels[i]);
    if (entry->labels != NULL)
        gw_cache_memory_give(shard->memory, entry->labels, entry->labels_room * sizeof(*entry->labels));
    gw_cache_memory_give(shard->memory, entry, sizeof(*entry) + entry->head_size);
}

/** Gives back one that cannot be found any more, or puts it behind those that wait.  @return whether it was given back
 */
static bool give_or_keep(gw_cache_shard_t *shard, gw_cache_entry_t *entry)
{
    if (!is_read(shard, entry)) {
        give(shard, entry);
        return true;
    }
    push(&shard->waiting, entry);
    ++shard->num_waiting;
    return false;
}

bool gw_cache_shard_reclaim(gw_cache_shard_t *shard, size_t most)
{
    bool is_given = false;
    for (size_t num = most < shard->num_waiting ? most : shard->num_waiting; num != 0; --num) {
        --shard->num_waiting;
        is_given |= give_or_keep(shard, pop(&shard->waiting));
    }
    return is_given;
}

static void count_out_of(gw_cache_label_t *label, const gw_cache_entry_t *entry)
{
    /* a hard purge has counted all of them out.  It may have done so for one that came after it was numbered and before
     * it was carried out: that one is not counted twice */
    if (atomic_load_explicit(&label->hard, memory_order_relaxed) <= entry->sequence && label->num_current != 0)
        --label->num_current;
}

static void count_out(const gw_cache_entry_t *entry)
{
    count_out_of(entry->url_label, entry);
    for (uint32_t i = 0; i != entry->num_labels; ++i)
        count_out_of(entry->labels[i], entry);
}

bool gw_cache_shard_unlink(gw_cache_shard_t *shard, gw_cache_entry_t *entry, gw_cache_leaving_t why)
{
    gw_cache_entry_t *_Atomic *slot = gw_cache_bucket(shard, entry->key);
    for (gw_cache_entry_t *at; (at = atomic_load_explicit(slot, memory_order_relaxed)) != entry;)
        slot = &at->next;
    /* its own link stays, for a reader that stands on it to go on.  Release, as what follows was linked by a release
     * that this store takes the place of. */
    atomic_store_explicit(slot, atomic_load_explicit(&entry->next, memory_order_relaxed), memory_order_release);
    if (why == GW_LEAVING_EVICTED && !gw_cache_is_current(shard->purges, entry, NULL))
        why = GW_LEAVING_PURGED;
    shard->num_evicted += why == GW_LEAVING_EVICTED;
    shard->num_purged += why == GW_LEAVING_PURGED;
    entry->is_linked = false;
    count_out(entry);
    --shard->num_entries;
    return give_or_keep(shard, entry);
}

void gw_cache_shard_drop(gw_cache_shard_t *shard, gw_cache_entry_t *entry)
{
    give_or_keep(shard, entry);
}

bool gw_cache_shard_make_room(gw_cache_shard_t *shard, gw_cache_room_t *room, size_t bytes)
{
    if (gw_cache_shard_reclaim(shard, reclaimed_at_a_time))
        return true;
    bool is_given = false;
    size_t evicted = 0;
    unsigned num_read = 0;
    for (unsigned num = 0; num != evicted_at_a_time && num_read != read_in_a_row && evicted < bytes &&
                           room->evicted <= gw_cache_memory_size(shard->memory) / 8;) {
        gw_eviction_node_t *node = gw_eviction_choose(shard->eviction);
        if (node == NULL)
            break;
        gw_cache_entry_t *entry = (gw_cache_entry_t *)((char *)node - offsetof(gw_cache_entry_t, eviction));
        if (is_read(shard, entry)) {
            gw_eviction_insert(shard->eviction, node);
            ++num_read;
            continue;
        }
        evicted += gw_cache_entry_footprint(entry);
        is_given |= gw_cache_shard_unlink(shard, entry, GW_LEAVING_EVICTED);
        num_read = 0;
        ++num;
    }
    room->evicted += evicted;
    return is_given;
}
