/* SPDX-License-Identifier: MIT
 * One password that is hashed on a thread of the pool, for a worker that goes on meanwhile.
 *
 * Lifetime: from gw_password_check_start until its result was told, or it was cancelled or left.  The password is wiped
 * as soon as it was hashed.  Threads: all functions on the worker's. */
#ifndef GW_FILTERS_PASSWORD_CHECK_H
#define GW_FILTERS_PASSWORD_CHECK_H

#include "filters/passwords.h"
#include "gateway/exchange/filter.h"
#include "gateway/upkeep/jobs.h"

typedef struct gw_password_check gw_password_check_t;

/** @param owner gw_job_t.owner   @param password, hash copied
 *  @param on_result called once on the worker, never from within this function; not when the worker has ended
 *  @return NULL: the pool has no room for it */
gw_password_check_t *gw_password_check_start(gw_worker_t *worker, gw_jobs_t *jobs, uint64_t owner, const char *password,
                                             const char *hash, void (*on_result)(void *arg, bool is_right), void *arg);
/** Takes it back if no thread has begun with it.  @return false: its result will come */
bool gw_password_check_cancel(gw_password_check_t *check);
/** Takes it back, or does without its result. */
void gw_password_check_leave(gw_password_check_t *check);

#endif
