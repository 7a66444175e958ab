/* SPDX-License-Identifier: MIT
 * Lists of objects by their numbers, for the policies of the hit-rate bench: each object is in one of them at most. */
#ifndef TESTS_BENCH_EVICTION_LIST_H
#define TESTS_BENCH_EVICTION_LIST_H

#include "gateway/base/memory.h"
#include "tests/bench/eviction_sim.h"

typedef struct sim_list {
    uint32_t newest, oldest, num;
    uint64_t bytes;
} sim_list_t;

typedef struct sim_place { /* of an object */
    uint32_t newer, older;
    uint8_t list, uses;
} sim_place_t;

typedef struct sim_lists {
    sim_place_t *places;
    sim_list_t lists[3];
    uint32_t hand; /* SIEVE's */
    void *more;
} sim_lists_t;

static inline sim_lists_t *sim_lists_open(sim_t *sim)
{
    sim_lists_t *lists = gw_must_alloc(1, sizeof(*lists));
    lists->places = gw_must_alloc(sim->trace->num_objects, sizeof(*lists->places));
    for (size_t i = 0; i != 3; ++i)
        lists->lists[i].newest = lists->lists[i].oldest = SIM_NONE;
    lists->hand = SIM_NONE;
    return lists;
}

static inline void sim_lists_free(sim_lists_t *lists)
{
    free(lists->places);
    free(lists->more);
    free(lists);
}

static inline void sim_list_push(sim_t *sim, uint8_t which, uint32_t object)
{
    sim_lists_t *lists = sim->state;
    sim_list_t *list = &lists->lists[which];
    sim_place_t *place = &lists->places[object];
    place->list = which;
    place->newer = SIM_NONE;
    place->older = list->newest;
    if (list->newest != SIM_NONE)
        lists->places[list->newest].newer = object;
    else
        list->oldest = object;
    list->newest = object;
    list->bytes += sim->trace->sizes[object];
    ++list->num;
}

static inline void sim_list_take(sim_t *sim, uint32_t object)
{
    sim_lists_t *lists = sim->state;
    sim_place_t *place = &lists->places[object];
    sim_list_t *list = &lists->lists[place->list];
    *(place->newer != SIM_NONE ? &lists->places[place->newer].older : &list->newest) = place->older;
    *(place->older != SIM_NONE ? &lists->places[place->older].newer : &list->oldest) = place->newer;
    list->bytes -= sim->trace->sizes[object];
    --list->num;
}

static inline void sim_list_move(sim_t *sim, uint8_t which, uint32_t object)
{
    sim_list_take(sim, object);
    sim_list_push(sim, which, object);
}

#endif
