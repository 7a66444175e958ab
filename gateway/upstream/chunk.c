/* SPDX-License-Identifier: MIT
 * Recycled read buffers. */
#include <stdlib.h>
#include "gateway/upstream/chunk.h"

#define MAX_KEPT 64 /* 2 MiB a worker; beyond that memory goes back to the system */

struct gw_chunk_store {
    gw_chunk_t *free;
    size_t num_free;
};

gw_chunk_store_t *gw_chunk_store_create(void)
{
    gw_chunk_store_t *store = calloc(1, sizeof(*store));
    if (store == NULL)
        abort();
    return store;
}

gw_chunk_store_t *gw_chunk_store_free(gw_chunk_store_t *store)
{
    if (store == NULL)
        return NULL;
    while (store->free != NULL) {
        gw_chunk_t *chunk = store->free;
        store->free = chunk->next;
        free(chunk);
    }
    free(store);
    return NULL;
}

gw_chunk_t *gw_chunk_take(gw_chunk_store_t *store)
{
    gw_chunk_t *chunk = store->free;
    if (chunk != NULL) {
        store->free = chunk->next;
        --store->num_free;
    } else if ((chunk = malloc(sizeof(*chunk))) == NULL) {
        abort();
    }
    chunk->used = 0;
    return chunk;
}

gw_chunk_t *gw_chunk_give(gw_chunk_store_t *store, gw_chunk_t *chunk)
{
    if (chunk == NULL)
        return NULL;
    if (store->num_free == MAX_KEPT) {
        free(chunk);
    } else {
        chunk->next = store->free;
        store->free = chunk;
        ++store->num_free;
    }
    return NULL;
}
