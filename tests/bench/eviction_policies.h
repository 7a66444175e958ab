/* SPDX-License-Identifier: MIT
 * The policies of the hit-rate bench, part by part: eviction.c makes the list of them. */
#ifndef TESTS_BENCH_EVICTION_POLICIES_H
#define TESTS_BENCH_EVICTION_POLICIES_H

#include "tests/bench/eviction_sim.h"

/* eviction_simple.c */
void sim_open_lists(sim_t *sim);
void sim_close_lists(sim_t *sim);
void fifo_hit(sim_t *sim, uint32_t object);
void fifo_insert(sim_t *sim, uint32_t object);
uint32_t fifo_choose(sim_t *sim);
void lru_hit(sim_t *sim, uint32_t object);
void clock_hit(sim_t *sim, uint32_t object);
void clock_insert(sim_t *sim, uint32_t object);
uint32_t clock_choose(sim_t *sim);
uint32_t sieve_choose(sim_t *sim);
void s3_open(sim_t *sim);
void s3_hit(sim_t *sim, uint32_t object);
void s3_insert(sim_t *sim, uint32_t object);
uint32_t s3_choose(sim_t *sim);

/* eviction_tinylfu.c */
void tinylfu_open(sim_t *sim);
void tinylfu_hit(sim_t *sim, uint32_t object);
void tinylfu_insert(sim_t *sim, uint32_t object);
uint32_t tinylfu_choose(sim_t *sim);

/* eviction_optimum.c */
void optimum_open(sim_t *sim);
void optimum_close(sim_t *sim);
void optimum_hit(sim_t *sim, uint32_t object);
void optimum_insert(sim_t *sim, uint32_t object);
bool optimum_admits(sim_t *sim, uint32_t object);
uint32_t optimum_choose(sim_t *sim);

#endif
