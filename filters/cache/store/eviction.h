/* SPDX-License-Identifier: MIT
 * Which entry makes room for another one.  (Which algorithm, and why: eviction.c, with the hit rates measured by
 * tests/bench/eviction.)  Sizes count in bytes, so that a large object has to earn its place.  Pure.
 *
 * Threads: gw_eviction_hit any; everything else under the shard's lock. */
#ifndef FILTERS_CACHE_STORE_EVICTION_H
#define FILTERS_CACHE_STORE_EVICTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Embedded in what may be evicted. */
typedef struct gw_eviction_node {
    struct gw_eviction_node *previous, *next;
    uint64_t hash; /* of the key, to be known again after it was evicted */
    uint32_t size; /* in units of 64 bytes */
    atomic_uchar uses;
    uint8_t queue;
} gw_eviction_node_t;

typedef struct gw_eviction gw_eviction_t;

/** @param capacity bytes that the entries may have together: it remembers who was evicted until so much more has been
 * @param max_entries about as many as there may be of them: so many evicted ones at most are remembered */
gw_eviction_t *gw_eviction_create(uint64_t capacity, size_t max_entries);
/** Forgets those that are still in it.  @param eviction NULL: nothing happens */
void gw_eviction_free(gw_eviction_t *eviction);
/** The entries may have more bytes together from now on, or fewer. */
void gw_eviction_resize(gw_eviction_t *eviction, uint64_t capacity);
/** Bytes that gw_eviction_create takes from the heap: they count against the budget. */
size_t gw_eviction_footprint(size_t max_entries);
/** @param node its hash and size are set; it is the caller's and stays where it is until it is taken out */
void gw_eviction_insert(gw_eviction_t *eviction, gw_eviction_node_t *node);
/** Puts a node in another one's place: the same thing in a new version.  The new one's hash and size are set. */
void gw_eviction_replace(gw_eviction_t *eviction, gw_eviction_node_t *old, gw_eviction_node_t *node);
/** Takes one out that is not to be evicted but is gone: purged, invalidated. */
void gw_eviction_remove(gw_eviction_t *eviction, gw_eviction_node_t *node);
/** Chooses who goes, and takes it out.  Looks at 65 of them at most, and at more than
 * one only when those before had paid for a second chance by uses.  @return NULL: it is empty
 */
gw_eviction_node_t *gw_eviction_choose(gw_eviction_t *eviction);
/** It was used.  Writes only what changes something: a node that is in steady use is only read. */
static inline void gw_eviction_hit(gw_eviction_node_t *node)
{
    enum { ENOUGH = 3 }; /* uses that the largest one pays for staying */
    unsigned char uses = atomic_load_explicit(&node->uses, memory_order_relaxed);
    if (uses < ENOUGH)
        atomic_store_explicit(&node->uses, (unsigned char)(uses + 1), memory_order_relaxed);
}

#endif
