/* SPDX-License-Identifier: MIT
 * The worker's thread: its loop, what it is told by the control thread, and its end. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include "gateway/base/hash.h"
#include "gateway/base/hex.h"
#include "gateway/exchange/detached.h"
#include "gateway/observe/log.h"
#include "gateway/server/accept.h"
#include "gateway/server/http1.h"
#include "gateway/server/http2.h"
#include "gateway/server/view.h"
#include "gateway/upstream/chunk.h"
#include "gateway/upstream/pool.h"

#define MAX_WAIT_MS   10000
#define DRAIN_WAIT_MS 100 /* nobody wakes a worker when the last client of another one leaves what it is fetching */
#define CUT_WAIT_MS   500 /* for sockets that were shut down to be closed by their owners */

/* the clock -------------------------------------------------------------------------------------------------------- */

static uint64_t read_clock_us(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void gw_worker_read_clocks(gw_worker_t *worker)
{
    worker->clock_us = read_clock_us(CLOCK_MONOTONIC);
    worker->wall_us = read_clock_us(CLOCK_REALTIME);
    worker->is_clock_fresh = true;
}

/* messages from the control thread --------------------------------------------------------------------------------- */

typedef struct message {
    h2o_multithread_message_t super;
    enum order { ADOPT, DRAIN, SERVE_QUEUES, CALL } order;
    gw_deployment_t *deployment; /* to adopt */
    uint64_t timeout_ms;         /* to drain */
    void (*call)(void *arg, bool is_running);
    void *arg;
} message_t;

static void on_drain_expiry(gw_timer_t *timer)
{
    gw_worker_t *worker = H2O_STRUCT_FROM_MEMBER(gw_worker_t, drain_timer, timer);
    if (!worker->is_cut) {
        worker->is_cut = true;
        worker->num_cut = worker->num_accepted;
        gw_http1_cut_all(worker); /* one that does not read would not notice the shutdown */
        gw_accept_cut_all(worker);
        gw_detached_cut_all(worker);
        gw_timer_set(&worker->timers, &worker->drain_timer, gw_worker_now_ms(worker) + CUT_WAIT_MS);
        return;
    }
    worker->is_stopping = true;
}

static void drain(gw_worker_t *worker, uint64_t timeout_ms)
{
    if (worker->is_draining)
        return;
    worker->is_draining = true;
    gw_accept_stop(worker);
    gw_http1_drain(worker);
    h2o_context_request_shutdown(&worker->context); /* GOAWAY on every HTTP/2 connection */
    gw_pools_close_idle(worker);
    gw_timer_set(&worker->timers, &worker->drain_timer, gw_worker_now_ms(worker) + timeout_ms);
}

static void adopt(gw_worker_t *worker, gw_deployment_t *deployment)
{
    gw_view_t *old = worker->view;
    worker->view = gw_view_create(worker, deployment);
    gw_accept_bind_view(worker);
    gw_http2_apply(worker);
    gw_overload_adopt(worker);
    gw_deployment_unref(deployment); /* the message's reference */
    gw_view_unref(old);              /* its exchanges hold on to it until they end */
}

static message_t *take_message(h2o_linklist_t *messages)
{
    if (h2o_linklist_is_empty(messages))
        return NULL;
    message_t *message = H2O_STRUCT_FROM_MEMBER(message_t, super.link, messages->next);
    h2o_linklist_unlink(&message->super.link);
    return message;
}

static void on_messages(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages)
{
    gw_worker_t *worker = H2O_STRUCT_FROM_MEMBER(gw_worker_t, inbox, receiver);
    for (message_t *message; (message = take_message(messages)) != NULL;) {
        switch (message->order) {
        case ADOPT:
            adopt(worker, message->deployment);
            break;
        case DRAIN:
            drain(worker, message->timeout_ms);
            break;
        case SERVE_QUEUES:
            atomic_store(&worker->is_wake_due, false);
            gw_queue_serve_all(worker);
            break;
        case CALL:
            message->call(message->arg, true);
            break;
        }
        free(message);
    }
}

/** What a message holds goes without having been used: the worker has ended. */
static void drop_content(message_t *content)
{
    if (content->deployment != NULL)
        gw_deployment_unref(content->deployment);
    if (content->call != NULL)
        content->call(content->arg, false);
}

/* Under the lock that tear_down takes before the queue goes: the worker may deal with a message, and end, before libh2o
 * has written to the queue's descriptor for it. */
static void send_message(gw_worker_t *worker, message_t content)
{
    pthread_mutex_lock(&worker->inbox_lock);
    bool is_open = worker->is_inbox_open;
    if (is_open) {
        message_t *message = h2o_mem_alloc(sizeof(*message));
        *message = content;
        h2o_multithread_send_message(&worker->inbox, &message->super);
    }
    pthread_mutex_unlock(&worker->inbox_lock);
    if (!is_open)
        drop_content(&content);
}

void gw_worker_adopt(gw_worker_t *worker, gw_deployment_t *deployment)
{
    send_message(worker, (message_t){.order = ADOPT, .deployment = gw_deployment_ref(deployment)});
}

void gw_worker_drain(gw_worker_t *worker, uint64_t timeout_ms)
{
    send_message(worker, (message_t){.order = DRAIN, .timeout_ms = timeout_ms});
}

void gw_worker_wake(gw_worker_t *worker)
{
    if (!atomic_exchange(&worker->is_wake_due, true)) /* else it will look anyway */
        send_message(worker, (message_t){.order = SERVE_QUEUES});
}

void gw_worker_call(gw_worker_t *worker, void (*call)(void *arg, bool is_running), void *arg)
{
    send_message(worker, (message_t){.order = CALL, .call = call, .arg = arg});
}

static void set_inbox_open(gw_worker_t *worker, bool is_open)
{
    pthread_mutex_lock(&worker->inbox_lock);
    worker->is_inbox_open = is_open;
    pthread_mutex_unlock(&worker->inbox_lock);
}

/** Nobody sends any more, but what was sent since the last turn of the loop is still there, and libh2o insists on an
 * empty inbox. */
static void drop_messages(gw_worker_t *worker)
{
    for (message_t *message; (message = take_message(&worker->inbox._messages)) != NULL; free(message))
        drop_content(message);
}

/* the thread ------------------------------------------------------------------------------------------------------- */

/* On the worker's own thread, because libh2o's sockets keep pointers to thread-local buffer lists of the thread that
 * made them; two workers on the control thread's lists would corrupt them at the first message. */
static void set_up(gw_worker_t *worker)
{
    h2o_context_init(&worker->context, h2o_evloop_create(), gw_http2_globalconf_create());
    h2o_multithread_register_receiver(worker->context.queue, &worker->inbox, on_messages);
    gw_timer_wheel_init(&worker->timers, gw_worker_now_ms(worker));
    gw_timer_init(&worker->drain_timer, on_drain_expiry);
    h2o_linklist_init_anchor(&worker->http1);
    h2o_linklist_init_anchor(&worker->accepted);
    h2o_linklist_init_anchor(&worker->detached);
    h2o_linklist_init_anchor(&worker->queue_sides);
    worker->chunks = gw_chunk_store_create();
    uint64_t random[2];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        abort(); /* cannot fail for so few bytes once the system has started */
    gw_put_hex16(worker->request_id_start, random[0]);
    worker->request_id = random[1];
    worker->random = gw_hash_mix(random[0]) | 1;
    set_inbox_open(worker, true);
    gw_overload_set_up(worker);
    worker->view = gw_view_create(worker, worker->first_deployment);
    gw_overload_adopt(worker);
    gw_deployment_unref(worker->first_deployment);
    gw_accept_start(worker, worker->fds);
    gw_http2_apply(worker);
}

static bool is_idle(const gw_worker_t *worker)
{
    return worker->num_accepted == 0 && h2o_linklist_is_empty((h2o_linklist_t *)&worker->detached);
}

/** All that is left is what it fetches for other workers, or for nobody. */
static bool has_only_detached(const gw_worker_t *worker)
{
    return worker->is_draining && worker->num_accepted == 0 && !is_idle(worker);
}

static void tear_down(gw_worker_t *worker)
{
    set_inbox_open(worker, false);
    drop_messages(worker);
    if (!is_idle(worker))
        return; /* connections that would not end: their memory goes with the process */
    gw_accept_dispose(worker);
    gw_overload_dispose(worker);
    gw_view_unref(worker->view);
    /* what filters wrote and closed just now stands in libh2o's list of sockets with something to do, which a loop that
     * is destroyed closes once more */
    h2o_evloop_run(worker->context.loop, 0);
    gw_timer_dispose(&worker->timers, &worker->drain_timer);
    h2o_timeout_unlink(&worker->context.http2._graceful_shutdown_timeout); /* the second GOAWAY may still be due */
    gw_chunk_store_free(worker->chunks);
    h2o_multithread_queue_t *queue = worker->context.queue;
    h2o_loop_t *loop = worker->context.loop;
    h2o_globalconf_t *globalconf = worker->context.globalconf;
    h2o_multithread_unregister_receiver(queue, &worker->inbox);
    h2o_context_dispose(&worker->context);
    free(queue); /* which libh2o 2.2.5 forgets */
    gw_http2_globalconf_free(globalconf);
    h2o_evloop_destroy(loop);
}

static void run(gw_worker_t *worker)
{
    bool is_turn_due = false;
    while (!worker->is_stopping && !(worker->is_draining && is_idle(worker))) {
        worker->is_clock_fresh = false;
        /* a write that completed inside a timer's callback waits in libh2o's pending list, which does not shorten its
         * sleep: so no sleep after timers have run */
        uint64_t wait_ms =
            is_turn_due ? 0 : gw_timer_wheel_wait(&worker->timers, gw_worker_now_ms(worker), MAX_WAIT_MS);
        if (has_only_detached(worker)) {
            gw_detached_cut_unwanted(worker);
            wait_ms = wait_ms < DRAIN_WAIT_MS ? wait_ms : DRAIN_WAIT_MS;
        }
        worker->is_clock_fresh = false; /* the wait makes it stale */
        if (h2o_evloop_run(worker->context.loop, (int32_t)wait_ms) != 0 && errno != EINTR) {
            gw_log(GW_LOG_ERROR, "worker %zu: the event loop failed: %s", worker->index, strerror(errno));
            abort();
        }
        is_turn_due = gw_timer_wheel_run(&worker->timers, gw_worker_now_ms(worker));
    }
}

static void *worker_main(void *arg)
{
    gw_worker_t *worker = arg;
    set_up(worker);
    sem_post(&worker->is_set_up);
    run(worker);
    tear_down(worker);
    return NULL;
}

int gw_worker_start(gw_worker_t *worker)
{
    int error = pthread_create(&worker->thread, NULL, worker_main, worker);
    while (error == 0 && sem_wait(&worker->is_set_up) != 0)
        ; /* interrupted; messages may be sent once it is set up */
    return error;
}

gw_worker_t *gw_worker_create(size_t index, gw_worker_t **siblings, size_t num_siblings, struct gw_access_log *log,
                              gw_deployment_t *deployment, const int *fds)
{
    gw_worker_t *worker = h2o_mem_alloc(sizeof(*worker));
    memset(worker, 0, sizeof(*worker));
    worker->index = index;
    worker->siblings = siblings;
    worker->num_siblings = num_siblings;
    worker->log = log;
    pthread_mutex_init(&worker->inbox_lock, NULL);
    worker->first_deployment = gw_deployment_ref(deployment);
    worker->fds = fds;
    if (sem_init(&worker->is_set_up, 0, 0) != 0)
        abort();
    return worker;
}

size_t gw_worker_join(gw_worker_t *worker)
{
    pthread_join(worker->thread, NULL);
    return worker->num_cut;
}

void gw_worker_free(gw_worker_t *worker)
{
    if (!is_idle(worker))
        return; /* what is left of its connections still points at it */
    sem_destroy(&worker->is_set_up);
    pthread_mutex_destroy(&worker->inbox_lock);
    free(worker);
}
