/* SPDX-License-Identifier: MIT
 * What all demo services stand on: one listener, libh2o's event loop and HTTP/1.1 server, timers, a clean stop.
 * Threads: one.  Owns: everything from the listener to the last connection. */
#ifndef GW_BACKENDS_SERVER_H
#define GW_BACKENDS_SERVER_H

#include <h2o.h>
#include "backends/fault.h"
#include "backends/options.h"
#include "gateway/base/timer_wheel.h"

#define GW_DEMO_IDLE_MS  (60 * 1000)    /* for a request's head, its body and the pause before it, together */
#define GW_DEMO_STOP_MS  2000           /* for what is in flight when the signal comes */
#define GW_DEMO_MAX_BODY (1024UL << 20) /* bytes of a request's body; 413 beyond */

struct gw_demo_request;

#define GW_DEMO_ADDRESS_SIZE 1100

struct gw_demo_server;

/** A service answers every request but /healthz and /fault, by exactly one of the ways that backends/request.h offers.
 *  The functions after it may be NULL. */
typedef struct gw_demo_service {
    const char *name;
    const char *summary; /* for --help, one line */
    void (*handle)(struct gw_demo_request *r);
    /** Before the first request.  @param reterr one sentence   @return false: it cannot serve; `stop` is called then
     * too
     */
    bool (*start)(struct gw_demo_server *server, char *reterr, size_t size);
    void (*stop)(struct gw_demo_server *server);
    void (*hangup)(struct gw_demo_server *server); /* SIGHUP, which ends any other service */
    bool hides_query;                              /* from the log: it may hold what nobody should read */
} gw_demo_service_t;

typedef struct gw_demo_server {
    const gw_demo_options_t *options;
    const gw_demo_service_t *service;
    void *state;                        /* the service's own; NULL at first */
    char address[GW_DEMO_ADDRESS_SIZE]; /* where it listens: "127.0.0.1:43211", "[::1]:80", "unix:PATH" */
    h2o_globalconf_t globalconf;
    h2o_context_t context;
    h2o_accept_ctx_t accept;
    h2o_socket_t *listener, *signals; /* listener: NULL once stopping */
    gw_timer_wheel_t timers;
    gw_timer_t accept_again;   /* after the process ran out of file descriptors */
    bool is_turn_due;          /* a timer's callback may have left work that only the next turn of the loop finds */
    gw_fault_t fault;          /* begins as the options say; PUT /fault changes it */
    size_t num_in_flight;      /* requests that were begun and not finished */
    h2o_linklist_t websockets; /* open ones, see backends/echo_websocket.c */
    bool is_stopping;
    uint64_t stop_by_ms; /* once stopping */
} gw_demo_server_t;

/** Listens, says so in one line on stdout, serves until SIGTERM or SIGINT.  A second signal stops at once.
 *  @param options checked   @return the exit status: 0 after a signal, 1 when it cannot listen (said on stderr) */
int gw_demo_server_run(const gw_demo_options_t *options, const gw_demo_service_t *service);
/** A line on stderr, among those of the log, with the name of the instance in front. */
void gw_demo_say(const gw_demo_server_t *server, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** @return milliseconds of the monotonic clock, which is what the timers go by */
uint64_t gw_demo_now_ms(void);
uint64_t gw_demo_now_us(void);
/** For every timer on the server's wheel: to be called first thing in its callback. */
static inline void gw_demo_timer_fired(gw_demo_server_t *server)
{
    server->is_turn_due = true;
}

#endif
