/* SPDX-License-Identifier: MIT
 * A ring of bytes between one thread that writes lines and one that takes them away; neither ever waits for the other.
 * Only whole lines go in: what finds no room is counted and left out.
 * Threads: reserve and commit belong to one producer, peek and consume to one consumer, dropped to anyone.
 * Owns: its memory, size + max_line bytes. */
#ifndef GW_OBSERVE_LOG_RING_H
#define GW_OBSERVE_LOG_RING_H

#include "gateway/base/str.h"

typedef struct gw_log_ring gw_log_ring_t;

/** @param size bytes, a power of two, at least 2 * max_line   @param max_line bytes of the longest line, 1..
 *  @return never NULL (out of memory ends the process, as in libh2o) */
gw_log_ring_t *gw_log_ring_create(size_t size, size_t max_line);
/** NULL is fine; returns NULL.  Both threads must have stopped using it. */
gw_log_ring_t *gw_log_ring_free(gw_log_ring_t *ring);

/** Producer: room for one line.
 *  @return max_line contiguous bytes, valid until the commit; NULL when fewer are free: the line counts as dropped */
char *gw_log_ring_reserve(gw_log_ring_t *ring);
/** Producer: hands over the first `len` bytes of what was reserved (0..max_line; 0 gives the room back).  Stands in the
 *  one order of all sequentially consistent operations, as peek does: a consumer that says that it goes to sleep and
 *  then peeks either sees the line, or the producer that then asks sees the consumer asleep.
 *  @return true when more than half of the ring is in use: time to wake the consumer */
bool gw_log_ring_commit(gw_log_ring_t *ring, size_t len);

/** Consumer: what is there, oldest first, in up to two pieces (the ring's end may lie between them).
 *  @return bytes in both; 0 when there is nothing */
size_t gw_log_ring_peek(gw_log_ring_t *ring, gw_str_t ret_parts[2]);
/** Consumer: frees the oldest `len` bytes (0..what peek returned). */
void gw_log_ring_consume(gw_log_ring_t *ring, size_t len);

/** @return lines that found no room since the ring was made */
uint64_t gw_log_ring_dropped(const gw_log_ring_t *ring);

#endif
