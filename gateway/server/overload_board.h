/* SPDX-License-Identifier: MIT
 * What the workers tell each other about load: how many exchanges each has under way, the memory that all of them take,
 * and how many requests they refused, for the log.  One board for each deployment with bounds.
 *
 * Threads: a worker writes its own cell and reads those of the others; upkeep's thread writes the memory and reads all.
 * Lifetime: made and freed with its deployment. */
#ifndef GW_SERVER_OVERLOAD_BOARD_H
#define GW_SERVER_OVERLOAD_BOARD_H

#include <stdatomic.h>
#include <stddef.h>
#include "gateway/base/memory.h"
#include "gateway/server/overload_episode.h"
#include "gateway/server/overload_rules.h"

struct gw_upkeep;
struct gw_ticker;

/** Written by one worker.  What the others read for each request does not share a line with the rest. */
typedef struct gw_overload_cell {
    _Alignas(GW_CACHE_LINE) atomic_uint_least64_t in_flight;
    _Alignas(GW_CACHE_LINE) atomic_uint_least64_t loop_lag_us; /* at its last probe */
    atomic_uint_least64_t refused[GW_NUM_PRIORITIES];
} gw_overload_cell_t;

typedef struct gw_overload_board {
    /* read-only */
    gw_overload_amounts_t bounds; /* a share of the memory has become bytes */
    bool is_observing;
    size_t num_cells;
    uint64_t step; /* gw_overload_step; UINT64_MAX where nobody wants to know */
    struct gw_ticker *ticker;
    gw_overload_cell_t *cells; /* by worker */
    /* of many threads */
    _Alignas(GW_CACHE_LINE) atomic_uint_least64_t resident; /* bytes; 0 where there is no bound */
    atomic_bool is_retired;
    /* upkeep's */
    gw_overload_episode_t episode;
    uint64_t give_back_ms; /* not before */
} gw_overload_board_t;

/** @param previous the board of the deployment that this one follows, which has nothing more to look after; or NULL
 *  @return NULL when no bound is set */
gw_overload_board_t *gw_overload_board_create(const gw_overload_conf_t *conf, size_t num_workers,
                                              gw_overload_board_t *previous, struct gw_upkeep *upkeep);
/** Any thread, when no worker knows it any more.  NULL is fine. */
void gw_overload_board_free(gw_overload_board_t *board);
/** @return exchanges under way on all workers but this one, as far as they have said */
uint64_t gw_overload_board_others(const gw_overload_board_t *board, size_t worker_index);

#endif
