/* SPDX-License-Identifier: MIT
 * How an entry comes into the store: room for it, its body piece by piece, and its publication. */
#include <stdlib.h>
#include "filters/cache/store/store_private.h"

enum {
    most_variants = 64,       /* of one key */
    reclaimed_by_another = 2, /* looked at when one is published: so they do not pile up */
    first_piece = 2048 /* bytes that are reserved for a body of unknown length; then as much as there is already */
};

/* taking memory: the lock is let go between steps, so that nobody waits for a large entry's room ------------------- */

static bool step(gw_cache_shard_t *shard, gw_cache_room_t *room, size_t bytes)
{
    bool is_there = gw_cache_shard_make_room(shard, room, bytes);
    if (is_there) {
        pthread_mutex_unlock(&shard->lock);
        pthread_mutex_lock(&shard->lock);
    }
    return is_there;
}

static void *take(gw_cache_shard_t *shard, size_t bytes)
{
    gw_cache_room_t room = {0};
    void *piece;
    while ((piece = gw_cache_memory_take(shard->memory, bytes)) == NULL && step(shard, &room, bytes))
        ;
    return piece;
}

static bool reserve(gw_cache_shard_t *shard, gw_cache_body_t *body, size_t bytes)
{
    gw_cache_room_t room = {0};
    size_t left;
    while ((left = gw_cache_body_room(body)) < bytes && !gw_cache_body_reserve(shard->memory, body, bytes - left))
        if (!step(shard, &room, bytes - gw_cache_body_room(body)))
            return gw_cache_body_room(body) >= bytes;
    return true;
}

/* making ----------------------------------------------------------------------------------------------------------- */

gw_cache_entry_t *gw_cache_entry_create(gw_cache_store_t *store, gw_cache_key_t key, size_t head_size,
                                        gw_cache_body_t *body)
{
    gw_cache_shard_t *shard = gw_cache_shard_of(store, key.url);
    pthread_mutex_lock(&shard->lock);
    /* fields count as little as a body does when it is too large: the shard is for many */
    gw_cache_entry_t *entry =
        head_size <= gw_cache_memory_size(shard->memory) / 16 ? take(shard, sizeof(*entry) + head_size) : NULL;
    if (entry != NULL) {
        memset((void *)entry, 0, sizeof(*entry));
        entry->key = key;
        entry->shard = shard->number;
        entry->head = entry + 1;
        entry->head_size = head_size;
        if (body != NULL)
            atomic_fetch_add_explicit(&body->references, 1, memory_order_relaxed);
        atomic_init(&entry->body, body);
    }
    pthread_mutex_unlock(&shard->lock);
    return entry;
}

static gw_cache_body_t *create_body(gw_cache_shard_t *shard)
{
    gw_cache_room_t room = {0};
    gw_cache_body_t *body;
    while ((body = gw_cache_body_create(shard->memory)) == NULL && step(shard, &room, sizeof(*body)))
        ;
    return body;
}

bool gw_cache_entry_append(gw_cache_store_t *store, gw_cache_entry_t *entry, const struct iovec *slices,
                           size_t num_slices, uint64_t expected)
{
    gw_cache_shard_t *shard = &store->shards[entry->shard];
    gw_cache_body_t *body = atomic_load_explicit(&entry->body, memory_order_relaxed);
    uint64_t max_object = atomic_load_explicit(&store->max_object, memory_order_relaxed);
    uint64_t size = body != NULL ? atomic_load_explicit(&body->size, memory_order_relaxed) : 0, len = 0;
    for (size_t i = 0; i != num_slices; ++i)
        len += slices[i].iov_len;
    uint64_t must = expected > size + len ? expected - size : len;
    if (must > max_object || size > max_object - must)
        return false;
    if (must > (body != NULL ? gw_cache_body_room(body) : 0)) {
        /* of unknown length: as much again as there is, so that it comes to few pieces */
        uint64_t more = expected != 0 ? 0 : size > first_piece ? size : first_piece;
        if (more > max_object - size)
            more = max_object - size;
        pthread_mutex_lock(&shard->lock);
        if (body == NULL)
            body = create_body(shard);
        bool is_room = body != NULL && ((more > must && reserve(shard, body, more)) || reserve(shard, body, must));
        if (body != NULL)
            atomic_store_explicit(&entry->body, body, memory_order_release);
        pthread_mutex_unlock(&shard->lock);
        if (!is_room)
            return false;
    }
    for (size_t i = 0; i != num_slices && body != NULL; ++i)
        gw_cache_body_append(body, slices[i].iov_base, slices[i].iov_len);
    return true;
}

void gw_cache_discard(gw_cache_store_t *store, gw_cache_entry_t *entry)
{
    gw_cache_shard_t *shard = &store->shards[entry->shard];
    pthread_mutex_lock(&shard->lock);
    gw_cache_shard_drop(shard, entry);
    pthread_mutex_unlock(&shard->lock);
}

/* publication ------------------------------------------------------------------------------------------------------ */

/** The other labels' hashes, each once.  @return how many, or SIZE_MAX: too many */
static size_t without_repetition(const gw_cache_labels_t *labels, uint64_t hashes[GW_CACHE_MAX_LABELS])
{
    size_t num = 0;
    for (size_t i = 0; i != labels->num_hashes; ++i) {
        size_t j = 0;
        while (j != num && hashes[j] != labels->hashes[i])
            ++j;
        if (j != num)
            continue;
        if (num == GW_CACHE_MAX_LABELS - 1)
            return SIZE_MAX;
        hashes[num++] = labels->hashes[i];
    }
    return num;
}

static gw_cache_label_t *take_label(gw_cache_shard_t *shard, uint64_t hash, const gw_str_t *url)
{
    gw_cache_room_t room = {0};
    gw_cache_label_t *label;
    while ((label = gw_cache_label_take(&shard->labels, shard->memory, hash, url)) == NULL &&
           step(shard, &room, gw_cache_label_bytes(url)))
        ;
    return label;
}

/** What it gets stays with the entry, which gives it back. */
static bool take_labels(gw_cache_shard_t *shard, gw_cache_entry_t *entry, const gw_cache_purges_subject_t *subject)
{
    if (subject->num_hashes != 0) {
        entry->labels = take(shard, subject->num_hashes * sizeof(*entry->labels));
        if (entry->labels == NULL)
            return false;
        entry->labels_room = (uint16_t)subject->num_hashes;
    }
    entry->url_label = take_label(shard, subject->url_hash, &subject->url);
    if (entry->url_label == NULL)
        return false;
    for (size_t i = 0; i != subject->num_hashes; ++i) {
        gw_cache_label_t *label = take_label(shard, subject->hashes[i], NULL);
        if (label == NULL)
            return false;
        entry->labels[entry->num_labels++] = label;
    }
    return true;
}

static void take_out(gw_cache_shard_t *shard, gw_cache_entry_t *entry, gw_cache_leaving_t why)
{
    gw_eviction_remove(shard->eviction, &entry->eviction);
    gw_cache_shard_unlink(shard, entry, why);
}

/** Takes out what the new one, which is linked already, stands for, and what is one too many; it takes an old one's
 * place among those to be evicted, if there was any. */
static void take_place(gw_cache_shard_t *shard, gw_cache_entry_t *entry, gw_cache_entry_t *instead)
{
    gw_cache_entry_t *old = instead != NULL && instead->is_linked ? instead : NULL, *oldest = NULL, *next;
    size_t num = 0;
    for (gw_cache_entry_t *at = atomic_load_explicit(gw_cache_bucket(shard, entry->key), memory_order_relaxed);
         at != NULL; at = next) {
        next = atomic_load_explicit(&at->next, memory_order_relaxed);
        if (at == entry || at == old || !gw_cache_key_equal(at->key, entry->key))
            continue;
        if (!gw_cache_is_current(shard->purges, at, NULL))
            take_out(shard, at, GW_LEAVING_PURGED);
        else if (!gw_cache_key_equal(at->variant, entry->variant)) {
            oldest = at;
            ++num;
        } else if (old == NULL)
            old = at;
        else
            take_out(shard, at, GW_LEAVING_REPLACED);
    }
    if (num == most_variants)
        take_out(shard, oldest, GW_LEAVING_EVICTED);
    if (old != NULL) {
        gw_eviction_replace(shard->eviction, &old->eviction, &entry->eviction);
        gw_cache_shard_unlink(shard, old, GW_LEAVING_REPLACED);
    } else
        gw_eviction_insert(shard->eviction, &entry->eviction);
}

gw_cache_published_t gw_cache_publish(gw_cache_store_t *store, gw_cache_entry_t *entry, gw_cache_entry_t *instead,
                                      const gw_cache_labels_t *labels, uint64_t sequence)
{
    gw_cache_shard_t *shard = &store->shards[entry->shard];
    uint64_t hashes[GW_CACHE_MAX_LABELS];
    gw_cache_purges_subject_t subject = {.url_hash = entry->key.url,
                                         .url = labels->url,
                                         .hashes = hashes,
                                         .num_hashes = without_repetition(labels, hashes),
                                         .since = sequence};
    gw_cache_published_t published = GW_CACHE_PUBLISHED;
    if (subject.num_hashes == SIZE_MAX)
        published = GW_CACHE_TOO_MANY_LABELS;
    else if (!gw_cache_purges_spare(&store->purges, &subject)) /* most of it without the shard's lock */
        published = GW_CACHE_PURGED;
    pthread_mutex_lock(&shard->lock);
    gw_cache_body_t *body = atomic_load_explicit(&entry->body, memory_order_relaxed);
    if (body != NULL)
        gw_cache_body_seal(shard->memory, body);
    if (published == GW_CACHE_PUBLISHED &&
        (!take_labels(shard, entry, &subject) || gw_cache_shard_is_beyond(shard, entry)))
        published = GW_CACHE_NO_ROOM;
    /* A purge is written down before it takes this lock.  What is not yet written down now takes it after us, and finds
     * the labels that the entry has; so from here to the end the lock is not let go. */
    if (published == GW_CACHE_PUBLISHED && !gw_cache_purges_spare(&store->purges, &subject))
        published = GW_CACHE_PURGED;
    if (published == GW_CACHE_PUBLISHED) {
        entry->sequence = sequence;
        entry->is_soft_purged = subject.is_soft_purged;
        entry->eviction.hash = entry->key.whole ^ entry->variant.whole;
        entry->eviction.size = (uint32_t)(gw_cache_entry_footprint(entry) / GW_CACHE_GRAIN);
        gw_cache_shard_link(shard, entry);
        take_place(shard, entry, instead);
        gw_cache_shard_reclaim(shard, reclaimed_by_another);
    } else
        gw_cache_shard_drop(shard, entry);
    pthread_mutex_unlock(&shard->lock);
    return published;
}

void gw_cache_remove(gw_cache_store_t *store, gw_cache_entry_t *entry)
{
    gw_cache_shard_t *shard = &store->shards[entry->shard];
    pthread_mutex_lock(&shard->lock);
    if (entry->is_linked) {
        gw_eviction_remove(shard->eviction, &entry->eviction);
        gw_cache_shard_unlink(shard, entry, GW_LEAVING_PURGED);
    }
    pthread_mutex_unlock(&shard->lock);
}
