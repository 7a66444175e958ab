/* SPDX-License-Identifier: MIT
 * What cannot be had, as a ceiling for the hit-rate bench: who goes is what will not be asked for again for the longest
 * time (L. Belady 1966), and what comes even later than that is not kept at all.  With objects of one size nothing is
 * better.  With sizes the time is multiplied by the size, and the greatest of some is taken, which is good for the
 * share of objects; it is then no ceiling for the share of bytes. */
#include "gateway/base/memory.h"
#include "gateway/base/random.h"
#include "tests/bench/eviction_policies.h"

enum { LOOKED_AT = 128 };

typedef struct oracle {
    uint32_t *residents, *at; /* the cache as an array, and where in it an object is */
    uint32_t *next_use;       /* of each object that is in it */
    uint32_t num, furthest;   /* chosen, but not yet evicted */
    uint64_t seed;
} oracle_t;

void optimum_open(sim_t *sim)
{
    oracle_t *oracle = gw_must_alloc(1, sizeof(*oracle));
    oracle->residents = gw_must_alloc(sim->trace->num_objects, sizeof(uint32_t));
    oracle->at = gw_must_alloc(sim->trace->num_objects, sizeof(uint32_t));
    oracle->next_use = gw_must_alloc(sim->trace->num_objects, sizeof(uint32_t));
    oracle->seed = 1;
    sim->state = oracle;
}

void optimum_close(sim_t *sim)
{
    oracle_t *oracle = sim->state;
    free(oracle->residents);
    free(oracle->at);
    free(oracle->next_use);
    free(oracle);
}

/** Byte-times until it is worth something. */
static double price(const sim_t *sim, uint32_t object, uint32_t next_use)
{
    return next_use == SIM_NONE ? 1e300 : (double)(next_use - sim->now) * sim->trace->sizes[object];
}

void optimum_hit(sim_t *sim, uint32_t object)
{
    ((oracle_t *)sim->state)->next_use[object] = sim->trace->next_use[sim->now];
}

void optimum_insert(sim_t *sim, uint32_t object)
{
    oracle_t *oracle = sim->state;
    oracle->next_use[object] = sim->trace->next_use[sim->now];
    oracle->at[object] = oracle->num;
    oracle->residents[oracle->num++] = object;
}

bool optimum_admits(sim_t *sim, uint32_t object)
{
    oracle_t *oracle = sim->state;
    double most = -1;
    uint32_t num = oracle->num < 4 * LOOKED_AT ? oracle->num : LOOKED_AT;
    for (uint32_t i = 0; i != num; ++i) {
        uint32_t other = oracle->residents[num == oracle->num ? i : gw_random_below(&oracle->seed, oracle->num)];
        double its = price(sim, other, oracle->next_use[other]);
        if (its > most) {
            most = its;
            oracle->furthest = other;
        }
    }
    return most > price(sim, object, sim->trace->next_use[sim->now]);
}

uint32_t optimum_choose(sim_t *sim)
{
    oracle_t *oracle = sim->state;
    uint32_t last = oracle->residents[--oracle->num];
    oracle->at[last] = oracle->at[oracle->furthest];
    oracle->residents[oracle->at[last]] = last;
    return oracle->furthest;
}
