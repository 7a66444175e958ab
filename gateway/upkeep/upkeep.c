/* SPDX-License-Identifier: MIT
 * The upkeep thread. */
#include <pthread.h>
#include <sys/inotify.h>
#include <unistd.h>
#include "gateway/base/clock.h"
#include "gateway/base/memory.h"
#include "gateway/observe/log.h"
#include "gateway/upkeep/jobs.h"
#include "gateway/upkeep/source.h"

#define MAX_WAIT_MS 60000
#define FOLDER_EVENTS                                                                                                  \
    (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF |               \
     IN_MOVE_SELF | IN_ONLYDIR)

typedef struct job {
    struct job *next;
    void (*run)(void *arg);
    void *arg;
} job_t;

struct gw_upkeep {
    atomic_size_t references; /* the owner's, one for each source, and of whoever has it run something */
    pthread_t thread;
    CURLM *multi;
    gw_jobs_t *pool;
    int inotify; /* -1: the system has none left, files are looked at now and then */
    pthread_mutex_t lock;
    /* guarded by the lock */
    gw_source_t *sources;
    gw_source_t *ending; /* to be ended by the thread */
    job_t *jobs;
    bool is_stopping;
};

gw_upkeep_t *gw_upkeep_ref(gw_upkeep_t *upkeep)
{
    atomic_fetch_add(&upkeep->references, 1);
    return upkeep;
}

void gw_upkeep_unref(gw_upkeep_t *upkeep)
{
    if (atomic_fetch_sub(&upkeep->references, 1) != 1)
        return;
    if (upkeep->inotify != -1)
        close(upkeep->inotify);
    curl_multi_cleanup(upkeep->multi);
    curl_global_cleanup();
    pthread_mutex_destroy(&upkeep->lock);
    free(upkeep);
}

/* sources ---------------------------------------------------------------------------------------------------------- */

static void unref_source(gw_source_t *source)
{
    if (atomic_fetch_sub(&source->references, 1) != 1)
        return;
    gw_upkeep_t *upkeep = source->upkeep;
    source->class->free(source);
    gw_upkeep_unref(upkeep);
}

/** Under the lock.  @return the folder's number: the same for all that watch it; or -1 */
static int watch_folder(gw_upkeep_t *upkeep, const char *folder)
{
    return upkeep->inotify != -1 ? inotify_add_watch(upkeep->inotify, folder, FOLDER_EVENTS) : -1;
}

void gw_source_start(gw_source_t *source, gw_upkeep_t *upkeep, const gw_source_class_t *class, const char *folder)
{
    gw_upkeep_ref(upkeep);
    source->class = class;
    source->upkeep = upkeep;
    atomic_init(&source->references, 2);
    pthread_mutex_lock(&upkeep->lock);
    source->due_ms = 0;
    source->folder = folder != NULL ? watch_folder(upkeep, folder) : -1;
    source->is_watched = true;
    source->next = upkeep->sources;
    upkeep->sources = source;
    pthread_mutex_unlock(&upkeep->lock);
    curl_multi_wakeup(upkeep->multi);
}

/** Under the lock: unless another source is in that folder. */
static void leave_folder(gw_upkeep_t *upkeep, int folder)
{
    if (folder == -1)
        return;
    for (const gw_source_t *other = upkeep->sources; other != NULL; other = other->next)
        if (other->folder == folder)
            return;
    inotify_rm_watch(upkeep->inotify, folder); /* fails where the folder itself is gone, and its number with it */
}

bool gw_source_follow(gw_source_t *source, const char *folder)
{
    gw_upkeep_t *upkeep = source->upkeep;
    pthread_mutex_lock(&upkeep->lock);
    bool is_watched = source->is_watched; /* else it was let go meanwhile: nobody would end the watching */
    if (is_watched) {
        int before = source->folder;
        source->folder = watch_folder(upkeep, folder);
        if (source->folder != before)
            leave_folder(upkeep, before);
    }
    bool is_followed = source->folder != -1;
    pthread_mutex_unlock(&upkeep->lock);
    return is_followed;
}

/** Under the lock: out of the list, to be ended by the thread.  @return false when it is not in there */
static bool take_out(gw_upkeep_t *upkeep, gw_source_t *source)
{
    gw_source_t **slot = &upkeep->sources;
    while (*slot != NULL && *slot != source)
        slot = &(*slot)->next;
    if (*slot == NULL)
        return false;
    *slot = source->next;
    source->is_watched = false;
    leave_folder(upkeep, source->folder);
    source->next = upkeep->ending;
    upkeep->ending = source;
    return true;
}

void gw_source_stop(gw_source_t *source)
{
    gw_upkeep_t *upkeep = source->upkeep;
    pthread_mutex_lock(&upkeep->lock);
    take_out(upkeep, source); /* not there: upkeep itself has ended */
    pthread_mutex_unlock(&upkeep->lock);
    curl_multi_wakeup(upkeep->multi);
    unref_source(source);
}

void gw_source_hurry(gw_source_t *source)
{
    gw_upkeep_t *upkeep = source->upkeep;
    pthread_mutex_lock(&upkeep->lock);
    source->due_ms = 0;
    pthread_mutex_unlock(&upkeep->lock);
    curl_multi_wakeup(upkeep->multi);
}

bool gw_source_begin(gw_source_t *source, CURL *handle)
{
    curl_easy_setopt(handle, CURLOPT_PRIVATE, source);
    source->is_under_way = curl_multi_add_handle(source->upkeep->multi, handle) == CURLM_OK;
    return source->is_under_way;
}

void gw_source_abandon(gw_source_t *source, CURL *handle)
{
    if (source->is_under_way)
        curl_multi_remove_handle(source->upkeep->multi, handle);
    source->is_under_way = false;
}

/* jobs ------------------------------------------------------------------------------------------------------------- */

void gw_upkeep_run(gw_upkeep_t *upkeep, void (*run)(void *arg), void *arg)
{
    job_t *job = gw_must_alloc(1, sizeof(*job));
    *job = (job_t){.run = run, .arg = arg};
    pthread_mutex_lock(&upkeep->lock);
    bool is_stopping = upkeep->is_stopping;
    if (!is_stopping) {
        job->next = upkeep->jobs;
        upkeep->jobs = job;
    }
    pthread_mutex_unlock(&upkeep->lock);
    if (is_stopping) {
        run(arg);
        free(job);
    } else {
        curl_multi_wakeup(upkeep->multi);
    }
}

static void run_jobs(gw_upkeep_t *upkeep)
{
    pthread_mutex_lock(&upkeep->lock);
    job_t *job = upkeep->jobs;
    upkeep->jobs = NULL;
    pthread_mutex_unlock(&upkeep->lock);
    while (job != NULL) {
        job_t *next = job->next;
        job->run(job->arg);
        free(job);
        job = next;
    }
}

/* the thread ------------------------------------------------------------------------------------------------------- */

/** Ends the sources that were taken out.  @return false: it is the end */
static bool end_sources(gw_upkeep_t *upkeep)
{
    pthread_mutex_lock(&upkeep->lock);
    bool is_stopping = upkeep->is_stopping;
    while (is_stopping && upkeep->sources != NULL)
        take_out(upkeep, upkeep->sources);
    gw_source_t *ending = upkeep->ending;
    upkeep->ending = NULL;
    pthread_mutex_unlock(&upkeep->lock);
    while (ending != NULL) {
        gw_source_t *next = ending->next;
        if (ending->class->end != NULL)
            ending->class->end(ending);
        unref_source(ending);
        ending = next;
    }
    return !is_stopping;
}

static void set_due(gw_source_t *source, uint64_t due_ms)
{
    pthread_mutex_lock(&source->upkeep->lock);
    if (due_ms < source->due_ms)
        source->due_ms = due_ms;
    pthread_mutex_unlock(&source->upkeep->lock);
}

/** @return a source that is due, with a reference, and no longer due; NULL: none, *ret_wait_ms says until when */
static gw_source_t *take_due(gw_upkeep_t *upkeep, uint64_t now, uint64_t *ret_wait_ms)
{
    gw_source_t *due = NULL;
    uint64_t first = now + MAX_WAIT_MS;
    pthread_mutex_lock(&upkeep->lock);
    for (gw_source_t *source = upkeep->sources; source != NULL && due == NULL; source = source->next) {
        if (source->due_ms <= now)
            due = source;
        else if (source->due_ms < first)
            first = source->due_ms;
    }
    if (due != NULL) {
        due->due_ms = GW_NEVER;
        atomic_fetch_add(&due->references, 1);
    }
    pthread_mutex_unlock(&upkeep->lock);
    *ret_wait_ms = first - now;
    return due;
}

static void mark_folder(gw_upkeep_t *upkeep, int folder)
{
    pthread_mutex_lock(&upkeep->lock);
    for (gw_source_t *source = upkeep->sources; source != NULL; source = source->next)
        if (folder == -1 || source->folder == folder)
            source->due_ms = 0;
    pthread_mutex_unlock(&upkeep->lock);
}

static void read_events(gw_upkeep_t *upkeep)
{
    _Alignas(struct inotify_event) char bytes[4096];
    ssize_t len;
    while ((len = read(upkeep->inotify, bytes, sizeof(bytes))) > 0)
        for (ssize_t at = 0; at < len;) {
            const struct inotify_event *event = (const struct inotify_event *)(bytes + at);
            mark_folder(upkeep, (event->mask & IN_Q_OVERFLOW) != 0 ? -1 : event->wd);
            at += (ssize_t)(sizeof(*event) + event->len);
        }
}

static void take_transfers(gw_upkeep_t *upkeep)
{
    int num;
    curl_multi_perform(upkeep->multi, &num);
    for (CURLMsg *message; (message = curl_multi_info_read(upkeep->multi, &num)) != NULL;) {
        char *private = NULL;
        CURL *handle = message->easy_handle;
        CURLcode result = message->data.result;
        curl_easy_getinfo(handle, CURLINFO_PRIVATE, &private);
        gw_source_t *source = (gw_source_t *)private;
        gw_source_abandon(source, handle);
        set_due(source, source->class->on_transfer(source, result, gw_clock_ms()));
    }
}

static void *upkeep_main(void *arg)
{
    gw_upkeep_t *upkeep = arg;
    uint64_t wait_ms = 0;
    while (end_sources(upkeep)) {
        run_jobs(upkeep);
        gw_source_t *source = take_due(upkeep, gw_clock_ms(), &wait_ms);
        if (source != NULL) {
            set_due(source, source->class->look(source, gw_clock_ms()));
            unref_source(source);
            continue;
        }
        struct curl_waitfd events = {.fd = upkeep->inotify, .events = CURL_WAIT_POLLIN};
        curl_multi_poll(upkeep->multi, &events, upkeep->inotify != -1, (int)wait_ms, NULL);
        if (upkeep->inotify != -1)
            read_events(upkeep);
        take_transfers(upkeep);
    }
    run_jobs(upkeep);
    end_sources(upkeep);
    return NULL;
}

gw_upkeep_t *gw_upkeep_create(void)
{
    gw_upkeep_t *upkeep = gw_must_alloc(1, sizeof(*upkeep));
    atomic_init(&upkeep->references, 1);
    pthread_mutex_init(&upkeep->lock, NULL);
    if ((upkeep->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) == -1)
        gw_log(GW_LOG_WARNING, "inotify is not to be had: changes of watched files are noticed after some seconds");
    if (curl_global_init(CURL_GLOBAL_SSL) == CURLE_OK && (upkeep->multi = curl_multi_init()) != NULL &&
        pthread_create(&upkeep->thread, NULL, upkeep_main, upkeep) == 0) {
        upkeep->pool = gw_jobs_create((gw_jobs_limits_t){.threads = 2, .max_waiting = 64, .max_per_owner = 16});
        return upkeep;
    }
    if (upkeep->inotify != -1)
        close(upkeep->inotify);
    curl_multi_cleanup(upkeep->multi);
    pthread_mutex_destroy(&upkeep->lock);
    free(upkeep);
    return NULL;
}

gw_upkeep_t *gw_upkeep_free(gw_upkeep_t *upkeep)
{
    if (upkeep == NULL)
        return NULL;
    upkeep->pool = gw_jobs_free(upkeep->pool);
    pthread_mutex_lock(&upkeep->lock);
    upkeep->is_stopping = true;
    pthread_mutex_unlock(&upkeep->lock);
    curl_multi_wakeup(upkeep->multi);
    pthread_join(upkeep->thread, NULL);
    gw_upkeep_unref(upkeep);
    return NULL;
}

struct gw_jobs *gw_upkeep_jobs(gw_upkeep_t *upkeep)
{
    return upkeep->pool;
}
