/* SPDX-License-Identifier: MIT
 * A real redis-server (or Sentinel) under test, on 127.0.0.1 and on a Unix socket, in a folder of its own, without
 * persistence.  It dies with the test.  Threads: the test's. */
#ifndef GW_TESTS_REDIS_SERVER_H
#define GW_TESTS_REDIS_SERVER_H

#include "tests/support/process.h"

typedef struct redis_server {
    int port;           /* the same for its whole life, restarts included */
    char *folder;       /* its files */
    char *path;         /* of its Unix socket; NULL for a Sentinel */
    char *ca;           /* PEM file of the certificate that it shows (for localhost and 127.0.0.1); NULL: no TLS */
    process_t *process; /* NULL: not running */
    /* private */
    char *options;
    int reserved; /* a socket that keeps the port */
    bool is_sentinel;
} redis_server_t;

/** @return whether redis-server is installed: without it tests skip() */
bool redis_is_installed(void);
/** Starts one and waits until it takes connections.
 *  @param options lines of redis.conf, made as by printf: "requirepass secret\n", "databases 4\n",
 *  "replicaof 127.0.0.1 %d\n"; "" for none */
redis_server_t *redis_start(const char *options, ...) __attribute__((format(printf, 1, 2)));
/** The same with TLS on its port, with a certificate made for the run, and no plain port. */
redis_server_t *redis_start_tls(const char *options, ...) __attribute__((format(printf, 1, 2)));
/** A Sentinel (quorum 1, down after 300 ms) that looks after `master` by the name "main". */
redis_server_t *redis_start_sentinel(const redis_server_t *master, const char *options, ...)
    __attribute__((format(printf, 2, 3)));
/** Stops the process in its tracks; connections stay open, nothing is answered. */
void redis_pause(redis_server_t *server);
void redis_continue(redis_server_t *server);
/** Kills it; its port refuses connections.  Nothing of its data is left. */
void redis_kill(redis_server_t *server);
/** Starts it again after redis_kill, on the same port and path. */
void redis_restart(redis_server_t *server);
/** Kills it and removes its files.  NULL is fine. */
void redis_free(redis_server_t *server);

/** Sends one command, words divided by single spaces, over its Unix socket (a Sentinel: its port), signed in with the
 *  password when there is one.  @return the reply's text, or integer in digits, or the elements of an array each with a
 * line's end, to be freed; "(nil)"; an error begins with '-' */
char *redis_ask(const redis_server_t *server, const char *password, const char *command);

/** @return whether a replica of it has all it has */
bool redis_has_replica(const redis_server_t *master, const char *password);
/** Whether a Sentinel can make a replica of `main` the master.  @param sentinel redis_server_t: for
 * bare_worker_run_until */
bool redis_knows_replica(void *sentinel);

#endif
