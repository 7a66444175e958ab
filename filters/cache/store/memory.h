/* SPDX-License-Identifier: MIT
 * The memory of a cache: one mapping out of which everything comes that an entry needs (its struct, its fields, its
 * body, the nodes of its labels), so that the byte budget is kept by construction and not by counting what malloc may
 * waste.  Pieces are multiples of 64 bytes, at the lowest place where they fit (filters/cache/store/runs.h).
 *
 * What that costs.  0.5 % of the bytes manage the rest, and less than 8 KiB.  With 64 MiB full of pieces of 64 B to
 * 1 MiB, 0.04 % of it is free when a body does not fit that may be in up to 16 segments and the oldest goes first, 2 %
 * when any may go; of entries of 300 to 1800 bytes 0 and 4 %.  Buddies, cut to the same 64 bytes, left 6 % and 29 %
 * free in these cases.  A piece costs some 0.2 us to take or to give.
 *
 * What was never handed out is not there: memory grows with use, from the beginning of the mapping, and never beyond
 * it.  The resident memory of one that is full is `bytes` to within 1 %, after a million entries came and went as well.
 *
 * Another size.  Place for six times the size is reserved, of addresses only.  A memory that grows has more to hand
 * out at once.  One that shrinks hands nothing out any more that lies beyond its new end; what is there already stays
 * until it is given back (gw_cache_memory_is_beyond: who can be asked for that), and is used bytes until then.
 *
 * Threads: one gw_cache_memory belongs to one shard and is used under that shard's lock.  What was handed out may be
 * read and written by whoever owns it. */
#ifndef FILTERS_CACHE_STORE_MEMORY_H
#define FILTERS_CACHE_STORE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_CACHE_GRAIN 64 /* bytes; every size is rounded up to a multiple of it, and 0 to one */

typedef struct gw_cache_memory gw_cache_memory_t;

/** @param bytes a multiple of the page size, at most 128 GiB; all of it, what manages the rest included, is this many
 * bytes
 *  @return NULL: the machine has no such memory, or it is too little or too much to manage (errno) */
gw_cache_memory_t *gw_cache_memory_create(size_t bytes);
/** NULL is fine. */
void gw_cache_memory_free(gw_cache_memory_t *memory);
/** @return `bytes` bytes in one piece, aligned to 64, not zeroed; NULL: there is no such piece, though there may be
 * smaller ones */
void *gw_cache_memory_take(gw_cache_memory_t *memory, size_t bytes);
/** As large a piece as there is, up to `bytes`, but no less than `least`.
 *  @param least 1..bytes   @param ret_bytes its size, rounded up   @return NULL: there is none */
void *gw_cache_memory_take_some(gw_cache_memory_t *memory, size_t least, size_t bytes, size_t *ret_bytes);
/** @param bytes as it was asked for (or came from take_some); a part of a piece may be given back: its end, from a
 * multiple of 64 on */
void gw_cache_memory_give(gw_cache_memory_t *memory, void *piece, size_t bytes);
/** Makes it that many bytes.  @param bytes as for create   @return false: that is too little or too much; nothing has
 * changed */
bool gw_cache_memory_resize(gw_cache_memory_t *memory, size_t bytes);
/** Whether a piece lies beyond the end that the memory has now, or a part of it does. */
bool gw_cache_memory_is_beyond(const gw_cache_memory_t *memory, const void *piece, size_t bytes);
/** Gives the machine back what lies beyond the end and is handed out to nobody, which takes some 0.1 ms for 1 MiB.
 *  @param most bytes to look at this time   @return whether there may be more */
bool gw_cache_memory_trim(gw_cache_memory_t *memory, size_t most);
/** Bytes that are handed out, rounded up as they are. */
size_t gw_cache_memory_used(const gw_cache_memory_t *memory);
/** Bytes that there are to hand out, all together. */
size_t gw_cache_memory_size(const gw_cache_memory_t *memory);

#endif
