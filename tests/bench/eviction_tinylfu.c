/* SPDX-License-Identifier: MIT
 * W-TinyLFU for the hit-rate bench: a hundredth is a window (LRU); what leaves it stays only when it has been asked for
 * more often than what would go instead, as far as a sketch of frequencies that fade can tell; the rest is a segmented
 * LRU.  With sizes, frequencies are compared byte for byte. */
#include "gateway/base/hash.h"
#include "tests/bench/eviction_list.h"
#include "tests/bench/eviction_policies.h"

enum { WINDOW, PROBATION, PROTECTED, ROWS = 4, MOST_COUNT = 15 };

typedef struct sketch {
    uint32_t mask, additions, until_fade;
    uint8_t counts[];
} sketch_t;

void tinylfu_open(sim_t *sim)
{
    sim_lists_t *lists = sim_lists_open(sim);
    uint64_t sum = 0, num = 64;
    for (uint32_t i = 0; i != sim->trace->num_objects; ++i)
        sum += sim->trace->sizes[i];
    uint64_t entries = sim->capacity / (sum / sim->trace->num_objects) + 1;
    while (num < 2 * entries)
        num *= 2;
    sketch_t *sketch = gw_must_alloc(1, sizeof(*sketch) + ROWS * num);
    sketch->mask = (uint32_t)num - 1;
    sketch->until_fade = (uint32_t)(10 * entries);
    lists->more = sketch;
    sim->state = lists;
}

static uint8_t *cell(sketch_t *sketch, uint32_t object, size_t row)
{
    return &sketch->counts[row * (sketch->mask + 1) + (gw_hash_mix(object * 4ull + row + 1) & sketch->mask)];
}

static unsigned frequency(sketch_t *sketch, uint32_t object)
{
    unsigned least = MOST_COUNT;
    for (size_t row = 0; row != ROWS; ++row)
        least = *cell(sketch, object, row) < least ? *cell(sketch, object, row) : least;
    return least;
}

static void count(sketch_t *sketch, uint32_t object)
{
    for (size_t row = 0; row != ROWS; ++row)
        *cell(sketch, object, row) += *cell(sketch, object, row) < MOST_COUNT;
    if (++sketch->additions != sketch->until_fade)
        return;
    sketch->additions = 0;
    for (size_t i = 0; i != ROWS * ((size_t)sketch->mask + 1); ++i)
        sketch->counts[i] /= 2;
}

void tinylfu_hit(sim_t *sim, uint32_t object)
{
    sim_lists_t *lists = sim->state;
    count(lists->more, object);
    if (lists->places[object].list == WINDOW) {
        sim_list_move(sim, WINDOW, object);
        return;
    }
    sim_list_move(sim, PROTECTED, object);
    while (lists->lists[PROTECTED].bytes > sim->capacity / 100 * 80)
        sim_list_move(sim, PROBATION, lists->lists[PROTECTED].oldest);
}

void tinylfu_insert(sim_t *sim, uint32_t object)
{
    sim_lists_t *lists = sim->state;
    count(lists->more, object);
    sim_list_push(sim, WINDOW, object);
}

uint32_t tinylfu_choose(sim_t *sim)
{
    sim_lists_t *lists = sim->state;
    const uint32_t *sizes = sim->trace->sizes;
    uint32_t victim = lists->lists[lists->lists[PROBATION].num != 0 ? PROBATION : PROTECTED].oldest;
    uint32_t candidate = lists->lists[WINDOW].bytes > sim->capacity / 100 ? lists->lists[WINDOW].oldest : SIM_NONE;
    /* while there is room, what leaves the window goes on without a contest */
    if (candidate != SIM_NONE && (victim == SIM_NONE || sim->used < sim->capacity / 100 * 90)) {
        while (lists->lists[WINDOW].bytes > sim->capacity / 100)
            sim_list_move(sim, PROBATION, lists->lists[WINDOW].oldest);
        victim = lists->lists[PROBATION].oldest;
    } else if (candidate != SIM_NONE) {
        uint64_t for_candidate = (uint64_t)frequency(lists->more, candidate) * sizes[victim];
        uint64_t for_victim = (uint64_t)frequency(lists->more, victim) * sizes[candidate];
        if (for_candidate > for_victim)
            sim_list_move(sim, PROBATION, candidate);
        else
            victim = candidate;
    }
    if (victim == SIM_NONE)
        victim = lists->lists[WINDOW].oldest;
    sim_list_take(sim, victim);
    return victim;
}
