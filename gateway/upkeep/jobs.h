/* SPDX-License-Identifier: MIT
 * Work that takes so long that no worker may do it, such as the hashing of a password: a few threads and a short queue.
 *
 * The queue is bounded as a whole and for each owner (a client); as many places again are for owners who have nothing
 * in the pool.  A thread prefers an owner for whom none works yet, and of these one who asks for little.  So neither
 * one client that has much to be done nor a few of them can keep the others from a place and from their turn.
 *
 * Threads: any may call; jobs are run on those of the pool, which are started when there is something to do.  Lifetime:
 * the pool of the process belongs to upkeep (gw_upkeep_jobs). */
#ifndef GW_UPKEEP_JOBS_H
#define GW_UPKEEP_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gw_jobs gw_jobs_t;

/** To be embedded by whoever has something to be done. */
typedef struct gw_job {
    void (*run)(struct gw_job *job); /* on a thread of the pool */
    /** Exactly once for a job that was taken and not cancelled; the job is its owner's again.  On the same thread; or,
     * with was_run false, on the one that ends the pool. */
    void (*done)(struct gw_job *job, bool was_run);
    uint64_t owner; /* whose it is */
    /* private */
    struct gw_job *next;
} gw_job_t;

typedef struct gw_jobs_limits {
    size_t threads;       /* at most 64 */
    size_t max_waiting;   /* jobs that no thread has begun; twice as many for whom it is the only one */
    size_t max_per_owner; /* jobs of one owner, waiting and running */
} gw_jobs_limits_t;

gw_jobs_t *gw_jobs_create(gw_jobs_limits_t limits);
/** Ends the pool: what runs is waited for, what waits is handed back.  NULL is fine; returns NULL. */
gw_jobs_t *gw_jobs_free(gw_jobs_t *jobs);

/** @return false when it has no room for it: nothing of the job is called */
bool gw_jobs_add(gw_jobs_t *jobs, gw_job_t *job);
/** Takes back a job that was added and is not done.  @return false: it is being run, `done` will be called */
bool gw_jobs_cancel(gw_jobs_t *jobs, gw_job_t *job);
/** @return how long it may take until what waits now is done, judged by the jobs of late, in ms */
uint64_t gw_jobs_wait_ms(gw_jobs_t *jobs);

#endif
