/* SPDX-License-Identifier: MIT
 * What the entries of a shard have in common: a URL, a tag, a cache group.  An entry points at the node of each of its
 * labels; a number written into the node is seen by all who have it.
 *
 * Threads: under the shard's lock, but for `hard` and `soft`, which readers of an entry read. */
#ifndef FILTERS_CACHE_STORE_LABELS_H
#define FILTERS_CACHE_STORE_LABELS_H

#include <stdatomic.h>
#include "filters/cache/store/memory.h"
#include "gateway/base/str.h"

typedef struct gw_cache_label {
    struct gw_cache_label *next; /* in its bucket */
    uint64_t hash;
    _Atomic uint64_t hard, soft; /* sequence of the last purge of that kind; 0: none */
    uint32_t references;         /* entries that point at it, those included that wait for their readers */
    uint32_t num_current;        /* entries that can be found, as far as this label is concerned */
    uint32_t url_len;
    bool is_url; /* a URL and a tag may have the same hash */
    char url[];
} gw_cache_label_t;

typedef struct gw_cache_labels_table {
    gw_cache_label_t **buckets;
    size_t mask;
} gw_cache_labels_table_t;

/** @return NULL: there is none */
gw_cache_label_t *gw_cache_label_find(const gw_cache_labels_table_t *table, uint64_t hash, bool is_url);
/** Finds or makes a node, and takes a reference.  @param url of a URL's label; else NULL   @return NULL: no room */
gw_cache_label_t *gw_cache_label_take(gw_cache_labels_table_t *table, gw_cache_memory_t *memory, uint64_t hash,
                                      const gw_str_t *url);
/** Gives a reference back, and the memory with the last one. */
void gw_cache_label_give(gw_cache_labels_table_t *table, gw_cache_memory_t *memory, gw_cache_label_t *label);
/** Bytes that a new node takes. */
size_t gw_cache_label_bytes(const gw_str_t *url);

#endif
