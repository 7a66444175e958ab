/* SPDX-License-Identifier: MIT
 * A worker with a loop, timers and a clock and nothing else, run turn by turn by the test: for modules that live on a
 * worker, against real peers, without a gateway around them.  Threads: the test's. */
#ifndef GW_TESTS_BARE_WORKER_H
#define GW_TESTS_BARE_WORKER_H

#include "gateway/server/worker.h"

gw_worker_t *bare_worker_create(size_t index);
/** Nothing must be left on it. */
void bare_worker_free(gw_worker_t *worker);
/** One turn of the loop, which waits for at most wait_ms. */
void bare_worker_turn(gw_worker_t *worker, uint64_t wait_ms);
/** Turns until is_done says so; fails the test at the deadline (DEADLINE_MS).  @param what for the message */
void bare_worker_run_until(gw_worker_t *worker, bool (*is_done)(void *arg), void *arg, const char *what);

#endif
