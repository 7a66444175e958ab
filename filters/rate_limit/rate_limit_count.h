/* SPDX-License-Identifier: MIT
 * Counting requests of a rate limit: here, by what a store says, and again when they cost something else.
 * Threads: the exchange's worker. */
#ifndef FILTERS_RATE_LIMIT_RATE_LIMIT_COUNT_H
#define FILTERS_RATE_LIMIT_RATE_LIMIT_COUNT_H

#include "filters/rate_limit/rate_limit_passage.h"

/** Makes the worker's rules and its policy for a share of 1/`share`: to be called first, and later by the functions
 * below when another number of gateways shares the limit. */
void gw_rate_use_share(gw_rate_worker_t *state, uint64_t share);
/** How long a request may wait for its tokens: 0 when the filter only observes. */
uint64_t gw_rate_max_wait_us(const gw_rate_limit_conf_t *conf);

/** Takes the request's cost from the buckets here, or nothing.  Sets its answer. */
void gw_rate_count_here(gw_passage_t *passage);
/** Sets its answer to what the store has said in passage->take.  What the store counted is counted here too, where
 * on_store_error is local. */
void gw_rate_count_stored(gw_passage_t *passage);
/** The request is not made after all: brings back what it took, to where it was taken.  Nothing when it took nothing.
 */
void gw_rate_give_back(gw_passage_t *passage);
/** It costs something else than was taken: takes the difference, whether it is there or not, or gives it back.  The
 * request must have been counted.  The levels of its answer are those afterwards, unless the store has counted it. */
void gw_rate_correct(gw_passage_t *passage, uint64_t cost);

#endif
