/* SPDX-License-Identifier: MIT
 * The pool of threads for long work. */
#include <pthread.h>
#include "gateway/base/clock.h"
#include "gateway/base/memory.h"
#include "gateway/upkeep/jobs.h"

enum { most_threads = 64 };

struct gw_jobs {
    gw_jobs_limits_t limits;
    pthread_mutex_t lock;
    pthread_cond_t is_due; /* something waits, or it is the end */
    /* guarded by the lock */
    gw_job_t *first, **last;
    size_t num_waiting;
    gw_job_t *running[most_threads]; /* by thread; NULL: idle */
    size_t num_threads, num_idle;
    uint64_t mean; /* time of the jobs of late, in sixteenths of a ms */
    bool is_ending;
    pthread_t threads[most_threads];
};

gw_jobs_t *gw_jobs_create(gw_jobs_limits_t limits)
{
    gw_jobs_t *jobs = gw_must_alloc(1, sizeof(*jobs));
    jobs->limits = limits;
    if (jobs->limits.threads > most_threads)
        jobs->limits.threads = most_threads;
    jobs->last = &jobs->first;
    pthread_mutex_init(&jobs->lock, NULL);
    pthread_cond_init(&jobs->is_due, NULL);
    return jobs;
}

/* all below: under the lock -----------------------------------------------------------------------------------------
 */

static size_t num_running_of(const gw_jobs_t *jobs, uint64_t owner)
{
    size_t num = 0;
    for (size_t i = 0; i != jobs->num_threads; ++i)
        num += jobs->running[i] != NULL && jobs->running[i]->owner == owner;
    return num;
}

static size_t num_of(const gw_jobs_t *jobs, uint64_t owner)
{
    size_t num = num_running_of(jobs, owner);
    for (const gw_job_t *job = jobs->first; job != NULL; job = job->next)
        num += job->owner == owner;
    return num;
}

static void take_out(gw_jobs_t *jobs, gw_job_t **slot)
{
    gw_job_t *job = *slot;
    *slot = job->next;
    if (jobs->last == &job->next)
        jobs->last = slot;
    --jobs->num_waiting;
}

/** @return the job to begin with, out of the queue; NULL: none waits */
static gw_job_t *take_next(gw_jobs_t *jobs)
{
    if (jobs->first == NULL)
        return NULL;
    gw_job_t **slot = &jobs->first;
    size_t least = SIZE_MAX, more_than_wait = jobs->num_waiting + most_threads + 1;
    for (gw_job_t **at = &jobs->first; *at != NULL; at = &(*at)->next) {
        /* who has no turn now comes first, of these who asks for little: nobody waits behind who asks for much */
        size_t weight = num_running_of(jobs, (*at)->owner) * more_than_wait + num_of(jobs, (*at)->owner);
        if (weight < least) {
            least = weight;
            slot = at;
        }
    }
    gw_job_t *job = *slot;
    take_out(jobs, slot);
    return job;
}

/* threads ---------------------------------------------------------------------------------------------------------- */

typedef struct seat {
    gw_jobs_t *jobs;
    size_t index;
} seat_t;

static void note_time(gw_jobs_t *jobs, uint64_t ms)
{
    jobs->mean = jobs->mean == 0 ? ms * 16 : jobs->mean - jobs->mean / 16 + ms; /* moves by a sixteenth each time */
}

static void *work(void *arg)
{
    seat_t seat = *(seat_t *)arg;
    gw_jobs_t *jobs = seat.jobs;
    free(arg);
    pthread_mutex_lock(&jobs->lock);
    for (;;) {
        gw_job_t *job = jobs->is_ending ? NULL : take_next(jobs);
        if (job == NULL && jobs->is_ending)
            break;
        if (job == NULL) {
            ++jobs->num_idle;
            pthread_cond_wait(&jobs->is_due, &jobs->lock);
            --jobs->num_idle;
            continue;
        }
        jobs->running[seat.index] = job;
        pthread_mutex_unlock(&jobs->lock);
        uint64_t start_ms = gw_clock_ms();
        job->run(job);
        uint64_t took_ms = gw_clock_ms() - start_ms;
        pthread_mutex_lock(&jobs->lock);
        jobs->running[seat.index] = NULL;
        note_time(jobs, took_ms);
        pthread_mutex_unlock(&jobs->lock);
        job->done(job, true); /* the job may be gone from here on */
        pthread_mutex_lock(&jobs->lock);
    }
    pthread_mutex_unlock(&jobs->lock);
    return NULL;
}

/** Under the lock.  @return false when it cannot be started */
static bool start_thread(gw_jobs_t *jobs)
{
    seat_t *seat = gw_must_alloc(1, sizeof(*seat));
    *seat = (seat_t){jobs, jobs->num_threads};
    if (pthread_create(&jobs->threads[jobs->num_threads], NULL, work, seat) != 0) {
        free(seat);
        return false;
    }
    ++jobs->num_threads;
    return true;
}

/** Under the lock.  Whoever has nothing in the pool still finds a place when the others have taken all of theirs. */
static bool has_room_for(const gw_jobs_t *jobs, uint64_t owner)
{
    size_t num = num_of(jobs, owner), max = jobs->limits.max_waiting;
    return jobs->num_waiting < (num == 0 ? 2 * max : max) && num < jobs->limits.max_per_owner;
}

/* for all ---------------------------------------------------------------------------------------------------------- */

bool gw_jobs_add(gw_jobs_t *jobs, gw_job_t *job)
{
    pthread_mutex_lock(&jobs->lock);
    bool is_taken = !jobs->is_ending && has_room_for(jobs, job->owner);
    if (is_taken && jobs->num_idle <= jobs->num_waiting && jobs->num_threads < jobs->limits.threads &&
        !start_thread(jobs))
        is_taken = jobs->num_threads != 0; /* the others will do it */
    if (is_taken) {
        job->next = NULL;
        *jobs->last = job;
        jobs->last = &job->next;
        ++jobs->num_waiting;
        pthread_cond_signal(&jobs->is_due);
    }
    pthread_mutex_unlock(&jobs->lock);
    return is_taken;
}

bool gw_jobs_cancel(gw_jobs_t *jobs, gw_job_t *job)
{
    pthread_mutex_lock(&jobs->lock);
    gw_job_t **slot = &jobs->first;
    while (*slot != NULL && *slot != job)
        slot = &(*slot)->next;
    bool is_found = *slot != NULL;
    if (is_found)
        take_out(jobs, slot);
    pthread_mutex_unlock(&jobs->lock);
    return is_found;
}

uint64_t gw_jobs_wait_ms(gw_jobs_t *jobs)
{
    pthread_mutex_lock(&jobs->lock);
    uint64_t ms = (jobs->num_waiting + jobs->limits.threads) * jobs->mean / 16 / jobs->limits.threads;
    pthread_mutex_unlock(&jobs->lock);
    return ms;
}

gw_jobs_t *gw_jobs_free(gw_jobs_t *jobs)
{
    if (jobs == NULL)
        return NULL;
    pthread_mutex_lock(&jobs->lock);
    jobs->is_ending = true;
    gw_job_t *waiting = jobs->first;
    jobs->first = NULL;
    jobs->last = &jobs->first;
    jobs->num_waiting = 0;
    pthread_cond_broadcast(&jobs->is_due);
    pthread_mutex_unlock(&jobs->lock);
    while (waiting != NULL) {
        gw_job_t *next = waiting->next;
        waiting->done(waiting, false);
        waiting = next;
    }
    for (size_t i = 0; i != jobs->num_threads; ++i) /* no more are started */
        pthread_join(jobs->threads[i], NULL);
    pthread_cond_destroy(&jobs->is_due);
    pthread_mutex_destroy(&jobs->lock);
    free(jobs);
    return NULL;
}
