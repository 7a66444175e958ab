/* SPDX-License-Identifier: MIT
 * A stored body: segments in the memory of a cache's shard.  One thread appends while others read what is there
 * already; a reader is handed the segments themselves, which stay where they are for as long as it holds the body.
 *
 * How many segments.  What is reserved comes in one segment where there is a piece that large: then a hit is one slice.
 * Otherwise no segment, but for the last one of what is reserved, holds less than 4 KiB or a sixteenth of what the body
 * has room for then.  So a body whose length is known from the start has at most GW_CACHE_BODY_SEGMENTS of them, also
 * when room for it is made in several attempts, and one whose room is doubled each time at most as many again for each
 * doubling.
 *
 * Threads: append, reserve and seal: one at a time, the filler's; what is handed the memory:
 * under the shard's lock; give: whoever holds the last reference; places, slices, size: any. */
#ifndef FILTERS_CACHE_STORE_BODY_H
#define FILTERS_CACHE_STORE_BODY_H

#include <stdatomic.h>
#include <sys/uio.h>
#include "filters/cache/store/memory.h"

#define GW_CACHE_BODY_SEGMENTS 16
#define GW_CACHE_SEGMENT_LEAST 4096 /* bytes */

typedef struct gw_cache_segment gw_cache_segment_t;

typedef struct gw_cache_body {
    atomic_size_t references; /* entries and fills that have it; not its readers, whom an entry's pin covers */
    _Atomic uint64_t size;    /* bytes that may be read */
    gw_cache_segment_t *_Atomic first;
    /* the appender's */
    gw_cache_segment_t *last, *filling; /* NULL: none yet */
    size_t filled;                      /* bytes in that one */
    size_t room;                        /* left in it and in those behind it */
    size_t footprint;
} gw_cache_body_t;

/** Where a reader stands in a body. */
typedef struct gw_cache_place {
    const gw_cache_segment_t *segment; /* NULL: at the very beginning */
    uint64_t offset;                   /* in the body */
    size_t within;                     /* in the segment */
} gw_cache_place_t;

/** @return with one reference; NULL: no room */
gw_cache_body_t *gw_cache_body_create(gw_cache_memory_t *memory);
/** Makes room for so many bytes more than there is already, in as few segments as there may be.
 *  @return false: not all of it could be had; what could stays with the body */
bool gw_cache_body_reserve(gw_cache_memory_t *memory, gw_cache_body_t *body, size_t bytes);
/** Bytes that can be appended without more memory. */
size_t gw_cache_body_room(const gw_cache_body_t *body);
/** Copies into what was reserved; no lock is needed.  @param len at most gw_cache_body_room */
void gw_cache_body_append(gw_cache_body_t *body, const char *bytes, size_t len);
/** Nothing more comes: gives back what was reserved and not used. */
void gw_cache_body_seal(gw_cache_memory_t *memory, gw_cache_body_t *body);
/** Gives all of it back. */
void gw_cache_body_give(gw_cache_memory_t *memory, gw_cache_body_t *body);
/** Whether any of it lies beyond the end of the memory: gw_cache_memory_is_beyond. */
bool gw_cache_body_is_beyond(const gw_cache_memory_t *memory, const gw_cache_body_t *body);
/** Memory that it takes, in bytes, as gw_cache_memory_used counts.  The appender's. */
size_t gw_cache_body_footprint(const gw_cache_body_t *body);

/** Moves a place forward to an offset.  @param offset from place->offset to the body's size */
void gw_cache_place_seek(const gw_cache_body_t *body, gw_cache_place_t *place, uint64_t offset);
/** What lies between the place and `end`, as far as it is there, in at most max_slices pieces; moves the place behind
 * it.
 *  @return how many slices */
size_t gw_cache_body_slices(const gw_cache_body_t *body, gw_cache_place_t *place, uint64_t end, struct iovec *slices,
                            size_t max_slices);

#endif
