/* SPDX-License-Identifier: MIT
 * The hashing of one password, off the loop. */
#include <openssl/crypto.h>
#include <stdatomic.h>
#include "filters/password_check.h"
#include "gateway/base/memory.h"
#include "gateway/server/worker.h"

struct gw_password_check {
    gw_job_t super;
    atomic_uint references; /* one of the worker's side, one of the job's: either may be done with it first */
    gw_jobs_t *jobs;
    gw_worker_t *worker;
    /* the worker's side */
    void (*on_result)(void *arg, bool is_right);
    void *arg;
    bool is_left;
    /* the job's side, until it is told */
    bool is_right;
    char password[GW_PASSWORD_MAX + 1], hash[GW_PASSWORD_HASH_MAX + 1];
};

static void unref(gw_password_check_t *check)
{
    if (atomic_fetch_sub_explicit(&check->references, 1, memory_order_acq_rel) != 1)
        return;
    OPENSSL_cleanse(check->password, sizeof(check->password)); /* of one that was never run */
    free(check);
}

static void run(gw_job_t *job)
{
    gw_password_check_t *check = (gw_password_check_t *)job;
    check->is_right = gw_password_matches(check->password, check->hash);
    OPENSSL_cleanse(check->password, sizeof(check->password));
}

static void tell(void *arg, bool is_running)
{
    gw_password_check_t *check = arg;
    if (is_running && !check->is_left) {
        check->on_result(check->arg, check->is_right);
        unref(check); /* the worker's side has what it wanted */
    }
    unref(check);
}

static void done(gw_job_t *job, bool was_run)
{
    gw_password_check_t *check = (gw_password_check_t *)job;
    gw_worker_call(check->worker, tell, check);
}

gw_password_check_t *gw_password_check_start(gw_worker_t *worker, gw_jobs_t *jobs, uint64_t owner, const char *password,
                                             const char *hash, void (*on_result)(void *arg, bool is_right), void *arg)
{
    gw_password_check_t *check = gw_must_alloc(1, sizeof(*check));
    check->super = (gw_job_t){.run = run, .done = done, .owner = owner};
    atomic_init(&check->references, 2);
    check->jobs = jobs;
    check->worker = worker;
    check->on_result = on_result;
    check->arg = arg;
    strncpy(check->password, password, GW_PASSWORD_MAX);
    strncpy(check->hash, hash, GW_PASSWORD_HASH_MAX);
    if (gw_jobs_add(jobs, &check->super))
        return check;
    atomic_store(&check->references, 1);
    unref(check);
    return NULL;
}

bool gw_password_check_cancel(gw_password_check_t *check)
{
    if (!gw_jobs_cancel(check->jobs, &check->super))
        return false;
    atomic_store(&check->references, 1); /* nobody else knows it any more */
    unref(check);
    return true;
}

void gw_password_check_leave(gw_password_check_t *check)
{
    if (gw_password_check_cancel(check))
        return;
    check->is_left = true;
    unref(check);
}
