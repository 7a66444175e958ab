/* SPDX-License-Identifier: MIT
 * Seats and pins.
 *
 * Why memory is never used again while somebody reads it.  A reader R does, in this order:
 *
 *     R1  seat.inside = the bucket (release)     R2  fence (seq_cst)
 *     R3  follows links, and comes to the entry  R4  pins it
 *     R5  seat.inside = NULL (release)           R6  unpins it (release)
 *
 * and those who take the entry out, under one lock:
 *
 *     W1  unlink it (release)                    W2  fence (seq_cst)
 *     W3  look at seat.inside (acquire)          W4  and then at the seat's pins (acquire)
 *     W5  give its memory back if R is not in the bucket and the pin is not there
 *
 * Let R have come to the entry by a link that it read before W1 overwrote it.  R2 happens before that read, W1 happens
 * before W2, so R2 comes before W2 in the order of all seq_cst fences, and W3, which follows W2, does not miss what
 * stands before R2: it reads what R1 wrote or something later of that seat.  (W1 and W2 may be of different threads:
 * the lock orders them.)  Or R came to it by the link of an entry that had been taken out before, which nobody
 * overwrites: then the same is true of that one's W2, and this one's comes after it, because every W1 is followed by a
 * W2 before the lock is let go.
 * - If W3 reads R1, or that the seat came to the same bucket again, nothing is given back.
 * - If it reads anything else, that was stored by release in R5 or after it, so that R4 happened before W4, which sees
 *   the pin, or what came after it: R6.
 * - When W4 sees R6 or a later unpinning, which are releases as well, all that R read was read before.
 * So the entry is given back only when R reads it no more; and a reader that did not come to it before W1, nor to one
 * that leads to it, never will. */
#include <stdlib.h>
#include <string.h>
#include "filters/cache/store/readers.h"

enum { least_slots = 64, most_slots = 4096 };

static size_t slots_for(size_t num_seats, size_t most)
{
    size_t slots = most_slots;
    while (slots > least_slots && num_seats * slots * sizeof(uint32_t) > most)
        slots /= 2;
    return slots;
}

static size_t stride_for(size_t slots)
{
    size_t bytes = sizeof(gw_cache_seat_t) + slots * sizeof(uint32_t);
    return (bytes + GW_CACHE_SEAT_LINE - 1) / GW_CACHE_SEAT_LINE * GW_CACHE_SEAT_LINE;
}

size_t gw_cache_readers_footprint(size_t num_seats, size_t most)
{
    return num_seats * stride_for(slots_for(num_seats, most));
}

bool gw_cache_readers_init(gw_cache_readers_t *readers, size_t num_seats, size_t most)
{
    size_t slots = slots_for(num_seats, most), bytes = gw_cache_readers_footprint(num_seats, most);
    readers->num_seats = num_seats;
    readers->stride = stride_for(slots);
    readers->seats = aligned_alloc(GW_CACHE_SEAT_LINE, bytes);
    if (readers->seats == NULL)
        return false;
    memset(readers->seats, 0, bytes);
    for (size_t i = 0; i != num_seats; ++i)
        gw_cache_readers_seat(readers, i)->slot_shift = 64 - (unsigned)__builtin_ctzll(slots);
    return true;
}

void gw_cache_readers_dispose(gw_cache_readers_t *readers)
{
    free(readers->seats);
    readers->seats = NULL;
}

bool gw_cache_readers_see(const gw_cache_readers_t *readers, const void *bucket, const void *thing)
{
    atomic_thread_fence(memory_order_seq_cst);
    for (size_t i = 0; i != readers->num_seats; ++i) {
        gw_cache_seat_t *seat = gw_cache_readers_seat(readers, i);
        const void *inside = atomic_load_explicit(&seat->inside, memory_order_acquire);
        if ((inside != NULL && inside == bucket) ||
            atomic_load_explicit(gw_cache_seat_slot(seat, thing), memory_order_acquire) != 0)
            return true;
    }
    return false;
}
