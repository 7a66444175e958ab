/* SPDX-License-Identifier: MIT
 * Policies of one queue for the hit-rate bench: FIFO, CLOCK, LRU, SIEVE; and S3-FIFO as it was published. */
#include "tests/bench/eviction_list.h"
#include "tests/bench/eviction_policies.h"

void sim_open_lists(sim_t *sim)
{
    sim->state = sim_lists_open(sim);
}

void sim_close_lists(sim_t *sim)
{
    sim_lists_free(sim->state);
}

void fifo_hit(sim_t *sim, uint32_t object)
{
}

void fifo_insert(sim_t *sim, uint32_t object)
{
    sim_list_push(sim, 0, object);
}

uint32_t fifo_choose(sim_t *sim)
{
    sim_lists_t *lists = sim->state;
    uint32_t object = lists->lists[0].oldest;
    sim_list_take(sim, object);
    return object;
}

void lru_hit(sim_t *sim, uint32_t object)
{
    sim_list_move(sim, 0, object);
}

void clock_hit(sim_t *sim, uint32_t object)
{
    ((sim_lists_t *)sim->state)->places[object].uses = 1;
}

void clock_insert(sim_t *sim, uint32_t object)
{
    ((sim_lists_t *)sim->state)->places[object].uses = 0;
    sim_list_push(sim, 0, object);
}

uint32_t clock_choose(sim_t *sim)
{
    sim_lists_t *lists = sim->state;
    for (;;) {
        uint32_t object = lists->lists[0].oldest;
        if (lists->places[object].uses == 0) {
            sim_list_take(sim, object);
            return object;
        }
        lists->places[object].uses = 0;
        sim_list_move(sim, 0, object);
    }
}

/** What survives stays where it is; the hand goes on from there. */
uint32_t sieve_choose(sim_t *sim)
{
    sim_lists_t *lists = sim->state;
    uint32_t object = lists->hand != SIM_NONE ? lists->hand : lists->lists[0].oldest;
    while (lists->places[object].uses != 0) {
        lists->places[object].uses = 0;
        object = lists->places[object].newer;
        if (object == SIM_NONE)
            object = lists->lists[0].oldest;
    }
    lists->hand = lists->places[object].newer;
    sim_list_take(sim, object);
    return object;
}

/* S3-FIFO: a tenth is for what is new; what is used there, or comes back soon after it went, goes to the main queue */

enum { S3_SMALL, S3_MAIN, S3_SHARE = 10, S3_MOST_USES = 3 };

typedef struct s3_ghosts { /* when an object left the small queue, in bytes that left it; 0: it did not */
    uint64_t left;
    uint64_t at[];
} s3_ghosts_t;

void s3_open(sim_t *sim)
{
    sim_lists_t *lists = sim_lists_open(sim);
    lists->more = gw_must_alloc(1, sizeof(s3_ghosts_t) + sim->trace->num_objects * sizeof(uint64_t));
    sim->state = lists;
}

void s3_hit(sim_t *sim, uint32_t object)
{
    sim_place_t *place = &((sim_lists_t *)sim->state)->places[object];
    place->uses += place->uses < S3_MOST_USES;
}

void s3_insert(sim_t *sim, uint32_t object)
{
    sim_lists_t *lists = sim->state;
    s3_ghosts_t *ghosts = lists->more;
    bool is_ghost = ghosts->at[object] != 0 && ghosts->left - ghosts->at[object] < sim->capacity / 10 * 9;
    lists->places[object].uses = 0;
    sim_list_push(sim, is_ghost ? S3_MAIN : S3_SMALL, object);
}

uint32_t s3_choose(sim_t *sim)
{
    sim_lists_t *lists = sim->state;
    s3_ghosts_t *ghosts = lists->more;
    for (;;) {
        bool is_small = lists->lists[S3_SMALL].bytes > sim->capacity / S3_SHARE || lists->lists[S3_MAIN].num == 0;
        uint32_t object = lists->lists[is_small ? S3_SMALL : S3_MAIN].oldest;
        sim_place_t *place = &lists->places[object];
        if (is_small && place->uses > 1) {
            place->uses = 0;
            sim_list_move(sim, S3_MAIN, object);
        } else if (!is_small && place->uses != 0) {
            --place->uses;
            sim_list_move(sim, S3_MAIN, object);
        } else {
            sim_list_take(sim, object);
            if (is_small)
                ghosts->at[object] = ghosts->left += sim->trace->sizes[object];
            return object;
        }
    }
}
