/* SPDX-License-Identifier: MIT
 * Which units of a row are free, and where the first run of free ones is that is long enough: one bit per unit, and
 * above them a binary tree that knows of each part of the row how long its first, its last and its longest free run
 * are.  A run is found whenever there is one, at the lowest place; neighbours that are free are one run without anybody
 * merging them.  Every operation takes a number of steps that grows with the logarithm of the row, however long the run
 * is: of a part that is all free or all taken, what lies below it in the tree is not kept up.
 *
 * Takes 20 bytes for 64 units, which are only written as far as the row is used; a row grows at its end, and its
 * storage with it.  Pure.  Threads: none. */
#ifndef FILTERS_CACHE_STORE_RUNS_H
#define FILTERS_CACHE_STORE_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_RUNS_UNITS      64                  /* the row's length is a multiple of it */
#define GW_RUNS_MAX_GROUPS (UINT32_C(1) << 25) /* of GW_RUNS_UNITS */
#define GW_RUNS_NONE       UINT64_MAX

typedef struct gw_runs_slot gw_runs_slot_t; /* private */

typedef struct gw_runs {
    /* read-only */
    uint32_t num_groups;
    /* private */
    unsigned top; /* level of the root; level 0 are the groups */
    gw_runs_slot_t *slots;
} gw_runs_t;

/** Bytes of storage for a row. */
size_t gw_runs_storage(uint32_t num_groups);
/** @param num_groups 1..GW_RUNS_MAX_GROUPS; all of it is free   @param storage borrowed; zeroed, aligned to 4 */
void gw_runs_init(gw_runs_t *runs, uint32_t num_groups, void *storage);
/** @param num_groups more than before; what comes is free, and so much more of the storage is there, zeroed */
void gw_runs_grow(gw_runs_t *runs, uint32_t num_groups);
/** The lowest run of so many free units.  @param num at least 1   @return its first unit; GW_RUNS_NONE */
uint64_t gw_runs_find(const gw_runs_t *runs, uint64_t num);
/** Length of the longest run of free units. */
uint64_t gw_runs_longest(const gw_runs_t *runs);
/** Whether all units of a group are free. */
bool gw_runs_is_group_free(const gw_runs_t *runs, uint32_t group);
/** @param num at least 1; all of them are free */
void gw_runs_take(gw_runs_t *runs, uint64_t first, uint64_t num);
/** @param num at least 1; all of them are taken */
void gw_runs_give(gw_runs_t *runs, uint64_t first, uint64_t num);

#endif
