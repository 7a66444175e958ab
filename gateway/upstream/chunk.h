/* SPDX-License-Identifier: MIT
 * Buffers for what is read from endpoints: fixed in size, recycled per worker, last in first out so that they stay in
 * the processor's cache.  One read fills at most one; while its bytes are on their way to the client nothing more is
 * read. Threads: a store belongs to one worker. */
#ifndef GW_UPSTREAM_CHUNK_H
#define GW_UPSTREAM_CHUNK_H

#include <stddef.h>

#define GW_CHUNK_BYTES (32 * 1024) /* also the limit of an upstream's response head */

typedef struct gw_chunk {
    struct gw_chunk *next;
    size_t used; /* bytes filled */
    char bytes[GW_CHUNK_BYTES];
} gw_chunk_t;

typedef struct gw_chunk_store gw_chunk_store_t;

gw_chunk_store_t *gw_chunk_store_create(void);
/** Every chunk must have been given back.  NULL is fine; returns NULL. */
gw_chunk_store_t *gw_chunk_store_free(gw_chunk_store_t *store);
/** @return an empty chunk; out of memory ends the process */
gw_chunk_t *gw_chunk_take(gw_chunk_store_t *store);
/** Gives it back.  NULL is fine; returns NULL. */
gw_chunk_t *gw_chunk_give(gw_chunk_store_t *store, gw_chunk_t *chunk);

#endif
