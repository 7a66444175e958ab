/* SPDX-License-Identifier: MIT
 * Who is reading what in a cache's store, written down by each reader in lines of its own, so that those who take
 * entries out know when nobody can see one any more.
 *
 * A reader enters a bucket of the index (its seat says which), looks for an entry, pins it, and leaves.  Who takes an
 * entry out makes it unreachable; its memory may be used again as soon as gw_cache_readers_see is false: nobody is in
 * its bucket, and nobody has it pinned (readers.c: why).  So a reader that is not given a processor while it is inside
 * keeps what was in one bucket from being used again, and nothing else.
 *
 * Pins are counted in a table by the hash of the entry's address.  Two entries that share a count delay each other's
 * memory, no more; a reader that goes on for seconds had better hold the entry and unpin it.
 *
 * Threads: a seat is its worker's; see: those who hold the lock under which the entry was taken out. */
#ifndef FILTERS_CACHE_STORE_READERS_H
#define FILTERS_CACHE_STORE_READERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_CACHE_SEAT_LINE 128 /* processors fetch cache lines in pairs */

typedef struct gw_cache_seat {
    const void *_Atomic inside;           /* the bucket; NULL: none */
    unsigned slot_shift;                  /* 64 less the logarithm of the number of slots */
    _Alignas(64) _Atomic uint32_t pins[]; /* slots */
} gw_cache_seat_t;

/** Immutable but for what the seats hold. */
typedef struct gw_cache_readers {
    char *seats;
    size_t num_seats, stride;
} gw_cache_readers_t;

/** Bytes for that many seats.  @param most bytes that they should take: chooses the number of slots, at least 64 */
size_t gw_cache_readers_footprint(size_t num_seats, size_t most);
/** @return false: no memory */
bool gw_cache_readers_init(gw_cache_readers_t *readers, size_t num_seats, size_t most);
void gw_cache_readers_dispose(gw_cache_readers_t *readers);

static inline gw_cache_seat_t *gw_cache_readers_seat(const gw_cache_readers_t *readers, size_t index)
{
    return (gw_cache_seat_t *)(readers->seats + index * readers->stride);
}

/** From now on nothing goes away that can be seen in this bucket.  Not twice. */
static inline void gw_cache_seat_enter(gw_cache_seat_t *seat, const void *bucket)
{
    /* release, though it announces: one that is read in place of the departure before it has to stand for that too */
    atomic_store_explicit(&seat->inside, bucket, memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
}

static inline void gw_cache_seat_leave(gw_cache_seat_t *seat)
{
    atomic_store_explicit(&seat->inside, NULL, memory_order_release);
}

static inline _Atomic uint32_t *gw_cache_seat_slot(gw_cache_seat_t *seat, const void *thing)
{
    return &seat->pins[((uintptr_t)thing / 64 * 0x9e3779b97f4a7c15ull) >> seat->slot_shift];
}

/** @param thing seen since it entered, or pinned by it already */
static inline void gw_cache_seat_pin(gw_cache_seat_t *seat, const void *thing)
{
    _Atomic uint32_t *slot = gw_cache_seat_slot(seat, thing);
    /* its only writer: no need for an atomic addition */
    atomic_store_explicit(slot, atomic_load_explicit(slot, memory_order_relaxed) + 1, memory_order_relaxed);
}

static inline void gw_cache_seat_unpin(gw_cache_seat_t *seat, const void *thing)
{
    _Atomic uint32_t *slot = gw_cache_seat_slot(seat, thing);
    atomic_store_explicit(slot, atomic_load_explicit(slot, memory_order_relaxed) - 1, memory_order_release);
}

/** Whether somebody may see a thing, or have it pinned, that has been made unreachable in its bucket.  False stays
 * false.  @param bucket NULL: it was in none */
bool gw_cache_readers_see(const gw_cache_readers_t *readers, const void *bucket, const void *thing);

#endif
