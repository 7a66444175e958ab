/* SPDX-License-Identifier: MIT
 * The single-producer, single-consumer byte ring behind the access log. */
#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "gateway/observe/log_ring.h"

#define CACHE_LINE 64

/* Positions count bytes since the beginning and are reduced by the mask only to address the ring, so full and empty
 * differ.  Each side keeps its own position and its last look at the other's on a cache line of its own: as long as
 * there is room the producer never touches the line that the consumer writes. */
struct gw_log_ring {
    size_t size, max_line; /* constant */
    alignas(CACHE_LINE) atomic_size_t produced;
    size_t consumed_seen; /* producer's */
    _Atomic uint64_t dropped;
    alignas(CACHE_LINE) atomic_size_t consumed;
    alignas(CACHE_LINE) char bytes[]; /* size, then max_line more so that a line at the end stays contiguous */
};

gw_log_ring_t *gw_log_ring_create(size_t size, size_t max_line)
{
    gw_log_ring_t *ring;
    size_t total = sizeof(*ring) + size + max_line;

    assert(max_line != 0 && size >= 2 * max_line && (size & (size - 1)) == 0);
    if ((ring = aligned_alloc(CACHE_LINE, (total + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE)) == NULL)
        abort();
    ring->size = size;
    ring->max_line = max_line;
    atomic_init(&ring->produced, 0);
    ring->consumed_seen = 0;
    atomic_init(&ring->dropped, 0);
    atomic_init(&ring->consumed, 0);
    return ring;
}

gw_log_ring_t *gw_log_ring_free(gw_log_ring_t *ring)
{
    free(ring);
    return NULL;
}

char *gw_log_ring_reserve(gw_log_ring_t *ring)
{
    size_t produced = atomic_load_explicit(&ring->produced, memory_order_relaxed);

    if (ring->size - (produced - ring->consumed_seen) < ring->max_line) {
        ring->consumed_seen = atomic_load_explicit(&ring->consumed, memory_order_acquire);
        if (ring->size - (produced - ring->consumed_seen) < ring->max_line) {
            atomic_store_explicit(&ring->dropped, atomic_load_explicit(&ring->dropped, memory_order_relaxed) + 1,
                                  memory_order_relaxed);
            return NULL;
        }
    }
    return ring->bytes + (produced & (ring->size - 1));
}

bool gw_log_ring_commit(gw_log_ring_t *ring, size_t len)
{
    size_t produced = atomic_load_explicit(&ring->produced, memory_order_relaxed);
    size_t at = produced & (ring->size - 1);

    assert(len <= ring->max_line);
    if (at + len > ring->size) /* the part beyond the end belongs to the beginning, which reserve found free */
        memcpy(ring->bytes, ring->bytes + ring->size, at + len - ring->size);
    produced += len;
    atomic_store(&ring->produced, produced);
    if (produced - ring->consumed_seen <= ring->size / 2)
        return false;
    ring->consumed_seen = atomic_load_explicit(&ring->consumed, memory_order_acquire);
    return produced - ring->consumed_seen > ring->size / 2;
}

size_t gw_log_ring_peek(gw_log_ring_t *ring, gw_str_t ret_parts[2])
{
    size_t consumed = atomic_load_explicit(&ring->consumed, memory_order_relaxed);
    size_t used = atomic_load(&ring->produced) - consumed;
    size_t at = consumed & (ring->size - 1);
    size_t first = used < ring->size - at ? used : ring->size - at;

    ret_parts[0] = gw_str(ring->bytes + at, first);
    ret_parts[1] = gw_str(ring->bytes, used - first);
    return used;
}

void gw_log_ring_consume(gw_log_ring_t *ring, size_t len)
{
    atomic_store_explicit(&ring->consumed, atomic_load_explicit(&ring->consumed, memory_order_relaxed) + len,
                          memory_order_release);
}

uint64_t gw_log_ring_dropped(const gw_log_ring_t *ring)
{
    return atomic_load_explicit(&ring->dropped, memory_order_relaxed);
}
