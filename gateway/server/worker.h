/* SPDX-License-Identifier: MIT
 * A worker: one thread with its own event loop, listeners, client connections and upstream connections.  Workers share
 * nothing that is written per request.
 *
 * Threads: gw_worker_* run on the control thread unless said otherwise; the struct belongs to the worker's thread. */
#ifndef GW_SERVER_WORKER_H
#define GW_SERVER_WORKER_H

#include <h2o.h>
#include <pthread.h>
#include <semaphore.h>
#include "gateway/base/rate_gate.h"
#include "gateway/base/timer_wheel.h"
#include "gateway/config/snapshot.h"
#include "gateway/exchange/filter.h"
#include "gateway/exchange/retry_budget.h"
#include "gateway/routing/host_memo.h"
#include "gateway/server/overload.h"
#include "gateway/upstream/balancer.h"
#include "gateway/upstream/deployment.h"
#include "gateway/upstream/queue.h"

struct gw_access_log;
struct gw_member;
struct gw_pool;
struct gw_chunk_store;

/** What a worker remembers of a service from one deployment to the next. */
typedef struct gw_service_state {
    struct gw_service_state *next;
    size_t references; /* views */
    size_t turn;       /* round robin */
    size_t num_active; /* exchanges with it under way */
    gw_retry_budget_t retry_budget;
    size_t num_retries; /* tries under way, or waiting for their time, that are not an exchange's first */
    size_t num_tries;   /* under way, at all endpoints */
    gw_queue_side_t queue;
    struct gw_service *service; /* one reference */
} gw_service_state_t;

/** A service as one view uses it. */
typedef struct gw_view_service {
    gw_service_state_t *state;
    const gw_service_conf_t *conf;
    const gw_deployed_service_t *deployed; /* members and ring, by the same index as pools */
    struct gw_pool **pools;                /* one per endpoint */
    size_t num_pools;
    gw_balancer_t balancer; /* built for `epoch`; gw_view_balancer brings it up to date */
    uint64_t epoch;
    uint64_t ejected_until_ms; /* when the first of those that are out comes back; 0: none is ejected */
} gw_view_service_t;

/** A deployment as one worker uses it, with the worker's own state looked up once, so that the hot path only indexes.
 *  Counted without atomics: one reference while it is current, one per exchange that began with it. */
typedef struct gw_view {
    gw_deployment_t *deployment;
    const gw_snapshot_t *snapshot;
    gw_worker_t *worker;
    size_t references;
    void **filter_states;                 /* by gw_filter_conf_t.slot */
    gw_view_service_t *services;          /* by index in snapshot->services */
    const gw_listener_conf_t **listeners; /* by index of the worker's listening sockets */
} gw_view_t;

/** The balancer of a service, built anew when the health of an endpoint has changed. */
const gw_balancer_t *gw_view_balancer(gw_view_t *view, gw_view_service_t *service);
void gw_view_ref(gw_view_t *view);
void gw_view_unref(gw_view_t *view);

/** A listening socket of one worker. */
typedef struct gw_listener_socket {
    gw_worker_t *worker;
    size_t index;
    char *address; /* as in the conf file; a reload finds its listener by it */
    h2o_socket_t *sock;
} gw_listener_socket_t;

struct gw_worker {
    /* read-only after start */
    size_t index;
    h2o_context_t context;
    struct gw_access_log *log;
    gw_listener_socket_t *listeners;
    size_t num_listeners;
    gw_worker_t **siblings; /* all workers by index, this one too */
    size_t num_siblings;
    /* what its thread works with */
    gw_timer_wheel_t timers;
    gw_view_t *view;         /* the current one */
    h2o_linklist_t http1;    /* gw_http1_t */
    h2o_linklist_t accepted; /* every client socket that is open */
    size_t num_accepted;
    h2o_linklist_t detached; /* exchanges without a client: gateway/exchange/detached.h */
    gw_service_state_t *service_states;
    struct gw_pool *pools;
    struct gw_chunk_store *chunks; /* buffers for reading from endpoints */
    bool is_draining;
    char request_id_start[16]; /* digits, random */
    uint64_t request_id;       /* random at start, counted up */
    uint64_t random;           /* gw_random_next */
    gw_host_memo_t host_memo;
    h2o_linklist_t queue_sides;
    gw_overload_t overload;
    gw_rate_gate_t refusals; /* lines in the log about handshakes that were refused */
    /* private */
    bool is_clock_fresh, is_cut, is_stopping, is_accepting;
    uint64_t clock_us, wall_us;
    gw_timer_t drain_timer, accept_timer;
    gw_deployment_t *first_deployment; /* until the thread has set itself up */
    const int *fds;
    sem_t is_set_up;
    h2o_multithread_receiver_t inbox;
    pthread_mutex_t inbox_lock; /* of whoever sends to it or takes it down */
    bool is_inbox_open;
    atomic_bool is_wake_due;
    pthread_t thread;
    size_t num_cut;
};

/** For the functions below. */
void gw_worker_read_clocks(gw_worker_t *worker);
/** Monotonic microseconds, read at most once per turn of the loop.  Worker's thread. */
static inline uint64_t gw_worker_now_us(gw_worker_t *worker)
{
    if (!worker->is_clock_fresh)
        gw_worker_read_clocks(worker);
    return worker->clock_us;
}
static inline uint64_t gw_worker_now_ms(gw_worker_t *worker)
{
    return gw_worker_now_us(worker) / 1000;
}
/** Wall clock in microseconds, from the same reading. */
static inline uint64_t gw_worker_wall_us(gw_worker_t *worker)
{
    if (!worker->is_clock_fresh)
        gw_worker_read_clocks(worker);
    return worker->wall_us;
}

/** Makes a worker; its thread is not started yet.
 *  @param siblings array of all workers, complete when the first of them starts
 *  @param fds one listening socket per listener of the snapshot, in its order; the sockets are owned by the worker from
 * its start on, the array must stay until then */
gw_worker_t *gw_worker_create(size_t index, gw_worker_t **siblings, size_t num_siblings, struct gw_access_log *log,
                              gw_deployment_t *deployment, const int *fds);
/** Starts the thread, which makes the loop and everything on it; returns when that is done.
 *  @return 0, or an errno value */
int gw_worker_start(gw_worker_t *worker);
/** Makes new exchanges use this deployment; takes a reference of its own.  Its listeners have the same addresses. */
void gw_worker_adopt(gw_worker_t *worker, gw_deployment_t *deployment);
/** Stops accepting, finishes what is in flight, ends the thread at the latest soon after timeout_ms. */
void gw_worker_drain(gw_worker_t *worker, uint64_t timeout_ms);
/** Has it serve its queues.  Any worker's thread. */
void gw_worker_wake(gw_worker_t *worker);
/** Has the worker call a function, soon; one that has ended does not: then it is called here, with is_running false, to
 * free its argument.  Any thread, as long as the worker is not freed. */
void gw_worker_call(gw_worker_t *worker, void (*call)(void *arg, bool is_running), void *arg);
/** Waits for the thread.  @return client connections that had to be cut */
size_t gw_worker_join(gw_worker_t *worker);
/** Frees it, when all workers were joined. */
void gw_worker_free(gw_worker_t *worker);

#endif
