/* SPDX-License-Identifier: MIT
 * A run of the script in a Redis: EVALSHA, and when the server does not know the script (it was restarted, its scripts
 * were flushed, another one is the master now) EVAL with the text, all within one timeout.  Of many runs that meet a
 * server without the script one brings the text; the others follow it down the pipeline.
 *
 * Threads: their worker's. */
#ifndef FILTERS_RATE_LIMIT_STORE_SCRIPT_RUN_H
#define FILTERS_RATE_LIMIT_STORE_SCRIPT_RUN_H

#include "filters/rate_limit/store/redis.h"
#include "filters/rate_limit/store/script.h"
#include "gateway/server/worker.h"

/** Where it runs; zeroed but for the first three. */
typedef struct gw_script_runner {
    gw_worker_t *worker;
    gw_redis_t *redis;
    gw_script_t *script;
    /* private */
    uint64_t num_sent;
    uint64_t text_sent;       /* num_sent when the text was sent last, and ... */
    uint64_t text_connection; /* ... on which connection */
} gw_script_runner_t;

typedef struct gw_script_run gw_script_run_t;
/** Embedded by the caller, zeroed but for on_done and ask.  Its memory must stay until on_done or gw_script_run_cancel.
 */
struct gw_script_run {
    /** @param answer NULL: there is none, for this cause: a static word; what was asked may have been done all the same
     *  when it is "timeout" or "lost"; valid during the call only */
    void (*on_done)(gw_script_run_t *run, const gw_script_answer_t *answer, const char *cause);
    gw_script_ask_t ask;
    /* private */
    gw_redis_call_t call;
    gw_script_runner_t *runner;
    uint64_t deadline_ms, sent; /* sent: num_sent of the runner then */
    unsigned num_tries;
    bool has_text;
};

/** @return NULL: on_done will be called once, later, at the latest after timeout_ms; else why it will not */
const char *gw_script_run(gw_script_runner_t *runner, gw_script_run_t *run, uint64_t timeout_ms);
/** on_done will not be called; what was asked may be done all the same.  Nothing when it is not under way. */
void gw_script_run_cancel(gw_script_run_t *run);

#endif
