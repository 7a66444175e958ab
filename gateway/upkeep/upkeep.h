/* SPDX-License-Identifier: MIT
 * Upkeep: one thread that keeps what requests are judged by up to date, so that no worker ever waits for a file or
 * another server: it watches files (file.h) and fetches documents from URLs (fetch.h).
 *
 * Threads: any may call; the callbacks of sources run on the upkeep thread. */
#ifndef GW_UPKEEP_UPKEEP_H
#define GW_UPKEEP_UPKEEP_H

typedef struct gw_upkeep gw_upkeep_t;
struct gw_jobs;

/** Starts the thread.  @return NULL when that is not possible */
gw_upkeep_t *gw_upkeep_create(void);
/** Ends it and drops a reference; sources may outlive it and then stay as they are.  NULL is fine; returns NULL. */
gw_upkeep_t *gw_upkeep_free(gw_upkeep_t *upkeep);
gw_upkeep_t *gw_upkeep_ref(gw_upkeep_t *upkeep);
/** Any thread. */
void gw_upkeep_unref(gw_upkeep_t *upkeep);
/** Has the thread do what would hold up a worker, such as freeing a large table; the calling thread does it when the
 * other has ended. */
void gw_upkeep_run(gw_upkeep_t *upkeep, void (*run)(void *arg), void *arg);
/** The threads of the process for work that takes long, such as the hashing of passwords: 2 of them, 64 jobs may wait,
 * 16 of one owner.  They end with upkeep, before gw_upkeep_free returns. */
struct gw_jobs *gw_upkeep_jobs(gw_upkeep_t *upkeep);

#endif
