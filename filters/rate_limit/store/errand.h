/* SPDX-License-Identifier: MIT
 * Calls of the store that outlive their askers: a request's own call, whose tokens go back when the request has gone
 * before the answer, and calls that nobody waits for.  At most GW_MAX_ERRANDS of a side are under way.
 *
 * Threads: their worker's.  Memory: kept for the next one. */
#ifndef FILTERS_RATE_LIMIT_STORE_ERRAND_H
#define FILTERS_RATE_LIMIT_STORE_ERRAND_H

#include "filters/rate_limit/store/script_run.h"
#include "filters/rate_limit/store/shared_limits.h"

#define GW_MAX_ERRANDS 4096

typedef struct gw_errand gw_errand_t;

typedef struct gw_errands {
    gw_script_runner_t *runner;
    uint64_t timeout_ms;
    /* private */
    h2o_linklist_t under_way, idle;
    size_t num_under_way;
} gw_errands_t;

void gw_errands_init(gw_errands_t *errands, gw_script_runner_t *runner, uint64_t timeout_ms);
/** What is under way is not waited for; it was sent. */
void gw_errands_dispose(gw_errands_t *errands);

/** @return NULL: take->on_answer will be called; else why not */
const char *gw_errand_take(gw_errands_t *errands, gw_shared_take_t *take);
/** take->on_answer will not be called; what it got goes back. */
void gw_errand_abandon(gw_shared_take_t *take);
/** Nobody waits.  @param without_trials of GW_SCRIPT_GIVE_BACK: they gave nothing
 *  @return NULL: it is sent; else why not: it is not done */
const char *gw_errand_send(gw_errands_t *errands, gw_script_op_t op, const char digest[GW_SCRIPT_DIGEST_LEN],
                           uint64_t tokens, bool without_trials);

#endif
