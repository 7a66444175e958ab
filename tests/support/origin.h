/* SPDX-License-Identifier: MIT
 * An endpoint that does exactly what a test wants, wrong things included: a listening socket and a thread per
 * connection that runs the test's script. Threads: scripts run on threads of their own; counters are atomic. */
#ifndef GW_TESTS_ORIGIN_H
#define GW_TESTS_ORIGIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct origin origin_t;

/** Serves one connection; returns to close it.  @param index 0 for the first connection, and so on */
typedef void (*origin_script_t)(origin_t *origin, int fd, size_t index);

struct origin {
    int port;
    void *arg;                                               /* the test's */
    atomic_size_t num_connections, num_requests, num_closed; /* num_closed: scripts that have ended */
    /* private */
    int fd;
    origin_script_t script;
    struct origin_threads *threads;
};

/** @param arg for the script's use: origin->arg */
origin_t *origin_start(origin_script_t script, void *arg);
/** A port that is taken while nobody listens on it: connections are refused.  @return for origin_start_on */
int origin_reserve(int *ret_port);
/** The same as origin_start on such a port. */
origin_t *origin_start_on(int fd, origin_script_t script, void *arg);
/** Closes everything and waits for the scripts. */
void origin_stop(origin_t *origin);
/** Waits until *counter is at least `least`; fails the test at the deadline. */
void origin_wait(atomic_size_t *counter, size_t least);

/** Reads one request with its body.  @return the raw request, NUL-terminated, to be freed; NULL when the peer closed
 * first. Counts num_requests. */
char *origin_read_request(origin_t *origin, int fd);
/** Writes a whole text; false when the peer is gone. */
bool origin_write(int fd, const char *text);
/** Waits until the peer closes (or resets). */
void origin_wait_for_close(int fd);

/** A script: answers every request on a connection with 200 and the raw request as the body. */
void origin_reflect(origin_t *origin, int fd, size_t index);
/** A script: answers every request with the text in origin->arg, then waits for the next. */
void origin_answer(origin_t *origin, int fd, size_t index);
/** A script: answers one request with the text in origin->arg and closes. */
void origin_answer_and_close(origin_t *origin, int fd, size_t index);

/* Scripts of endpoints that fail.  Each reads one request first. */

/** Does not answer. */
void origin_hang(origin_t *origin, int fd, size_t index);
/** Closes. */
void origin_vanish(origin_t *origin, int fd, size_t index);
void origin_reset(origin_t *origin, int fd, size_t index);
/** Closes within the head of the answer. */
void origin_break_off(origin_t *origin, int fd, size_t index);
/** Closes within the body of the answer. */
void origin_truncate_body(origin_t *origin, int fd, size_t index);
/** Does not speak HTTP. */
void origin_talk_junk(origin_t *origin, int fd, size_t index);
/** Answers everything with 503 and a body, and leaves the connection open. */
void origin_refuse(origin_t *origin, int fd, size_t index);

#endif
