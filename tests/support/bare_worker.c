/* SPDX-License-Identifier: MIT
 * The turns of a worker without a gateway. */
#include <stdio.h>
#include <stdlib.h>
#include "gateway/base/clock.h"
#include "gateway/base/memory.h"
#include "tests/support/bare_worker.h"
#include "tests/support/process.h"

gw_worker_t *bare_worker_create(size_t index)
{
    gw_worker_t *worker = gw_must_alloc(1, sizeof(*worker));
    worker->index = index;
    worker->random = 0x9e3779b97f4a7c15 + index;
    worker->context.loop = h2o_evloop_create();
    gw_timer_wheel_init(&worker->timers, gw_worker_now_ms(worker));
    return worker;
}

void bare_worker_free(gw_worker_t *worker)
{
    bare_worker_turn(worker, 0); /* libh2o frees closed sockets in the next turn */
    h2o_evloop_destroy(worker->context.loop);
    free(worker);
}

void bare_worker_turn(gw_worker_t *worker, uint64_t wait_ms)
{
    worker->is_clock_fresh = false;
    wait_ms = gw_timer_wheel_wait(&worker->timers, gw_worker_now_ms(worker), wait_ms);
    h2o_evloop_run(worker->context.loop, (int32_t)wait_ms);
    worker->is_clock_fresh = false;
    if (gw_timer_wheel_run(&worker->timers, gw_worker_now_ms(worker)))
        h2o_evloop_run(worker->context.loop, 0); /* writes that ended within a timer wait for a turn */
    worker->is_clock_fresh = false;
}

void bare_worker_run_until(gw_worker_t *worker, bool (*is_done)(void *arg), void *arg, const char *what)
{
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
    while (!is_done(arg)) {
        if (gw_clock_ms() >= until_ms) {
            fprintf(stderr, "waited in vain for %s\n", what);
            abort();
        }
        bare_worker_turn(worker, 20);
    }
}
