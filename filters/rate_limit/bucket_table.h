/* SPDX-License-Identifier: MIT
 * A table of numbers by key that all threads work on: buckets, counts of what is under way, leases.  A number is one
 * 64-bit atomic; changing that of a key which is there is a compare-and-swap, without a lock.
 *
 * A key lives in one of two cache lines that its hash names, in whichever has more room (Azar et al., "Balanced
 * allocations", 1994); a line has room for 5 keys, and the table for so many more than asked for that both lines are
 * full only when there really are too many keys.  A number may be `free`, which means as much as its not being there (a
 * full bucket): keys come in the place of free ones only.  A table that is full of numbers that matter never forgets
 * one of them: it has no room, and its owner decides what that means.
 *
 * Bringing in a new key takes a bit of one of its lines, so that no two threads bring in the same one.  It is held for
 * some 20 instructions without a call; whoever meets it spins, and lets others run when the holder was interrupted.
 *
 * A key is its 64-bit hash (keyed: gateway/base/siphash.h); 32 bits of it are kept and the line stands for the others,
 * so that among 1,000,000 keys any two share a number with a chance of one in 1,000.
 *
 * Threads: any, at any time, but for create and free. */
#ifndef FILTERS_RATE_LIMIT_BUCKET_TABLE_H
#define FILTERS_RATE_LIMIT_BUCKET_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gw_bucket_table gw_bucket_table_t;

/** What the numbers are. */
typedef struct gw_bucket_kind {
    /** @param now as the caller of the table gave it   @return true when the number may go */
    bool (*is_free)(uint64_t value, uint64_t now);
    /** What a new key begins with in the place of a free number, or of 0: free too, and one that this place has never
     * had before, by which a thread that was interrupted sees that its key is gone. */
    uint64_t (*fresh)(uint64_t old);
} gw_bucket_kind_t;

/** A change of a number; embedded in what the function needs to know and to tell. */
typedef struct gw_bucket_change {
    /** May be called several times until one counts: what it leaves behind must be of the last call alone.
     *  @return the number to come; never UINT64_MAX; the same: nothing is to be changed */
    uint64_t (*apply)(struct gw_bucket_change *change, uint64_t value);
} gw_bucket_change_t;

typedef enum gw_bucket_result {
    GW_BUCKET_CHANGED, /* or left by the wish of `apply` */
    GW_BUCKET_ABSENT,  /* it was not to be brought in */
    GW_BUCKET_NO_ROOM
} gw_bucket_result_t;

/** @param keys that it has room for, 1..1<<31   @return never NULL (out of memory ends the process) */
gw_bucket_table_t *gw_bucket_table_create(const gw_bucket_kind_t *kind, size_t keys);
/** NULL is fine; returns NULL. */
gw_bucket_table_t *gw_bucket_table_free(gw_bucket_table_t *table);

/** Changes the number of a key.
 *  @param may_bring_in whether a key that is not there begins with a fresh number; where `apply` leaves that as it is,
 * the key stays away
 *  @return GW_BUCKET_NO_ROOM: `apply` was not called, or what it did last does not count */
gw_bucket_result_t gw_bucket_table_change(gw_bucket_table_t *table, uint64_t hash, uint64_t now, bool may_bring_in,
                                          gw_bucket_change_t *change);
/** @return true when it is there, free or not */
bool gw_bucket_table_find(const gw_bucket_table_t *table, uint64_t hash, uint64_t *ret_value);
/** Has the processor fetch what a change will look at. */
void gw_bucket_table_prefetch(const gw_bucket_table_t *table, uint64_t hash);

/** Numbers that are not free.  Looks at all of the table. */
size_t gw_bucket_table_count(const gw_bucket_table_t *table, uint64_t now);
/** Bytes that it takes when all of it has been used. */
size_t gw_bucket_table_bytes(const gw_bucket_table_t *table);

#endif
