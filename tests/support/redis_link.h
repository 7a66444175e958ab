/* SPDX-License-Identifier: MIT
 * The transport under test: workers of the test's own thread, each with its gw_redis_t, and calls whose replies are
 * kept.  Every wait runs the loops of all workers and has a deadline. */
#ifndef GW_TESTS_REDIS_LINK_H
#define GW_TESTS_REDIS_LINK_H

#include "filters/rate_limit/store/redis_pool.h"
#include "gateway/upstream/endpoint.h"
#include "tests/support/bare_worker.h"
#include "tests/support/redis_server.h"

#define REDIS_LINK_MAX_WORKERS 2

typedef struct redis_link {
    gw_worker_t *workers[REDIS_LINK_MAX_WORKERS];
    gw_redis_t *redis[REDIS_LINK_MAX_WORKERS]; /* NULL: released */
    size_t num_workers;
    /* private */
    bool is_beside;
    gw_arena_t *arena; /* of the conf */
    gw_resolver_t *resolver;
    gw_redis_pool_t *pool;
} redis_link_t;

/** @param yaml the options: "store: redis://127.0.0.1:6379" */
redis_link_t *redis_link_create(const char *yaml, size_t num_workers);
/** The same for one worker and a plain server on that port of 127.0.0.1. */
redis_link_t *redis_link_create_on(int port);
/** @return the options for such a server, until the next call */
const char *redis_link_conf_on(int port);
/** Another one on the same workers, as a second filter or the next deployment has it; to be freed before `link`. */
redis_link_t *redis_link_create_beside(redis_link_t *link, const char *yaml);
/** Lets go of the connections and the conf, but not of the workers. */
void redis_link_leave(redis_link_t *link);
void redis_link_free(redis_link_t *link);

uint64_t redis_link_now_ms(redis_link_t *link);
/** One turn of every worker, 20 ms at most for each. */
void redis_link_turn(redis_link_t *link);
void redis_link_wait_until_up(redis_link_t *link, size_t worker);
/** Until what is written there arrives at `server`. */
void redis_link_wait_until_written_at(redis_link_t *link, size_t worker, redis_server_t *server);
/** Until the captured log holds the text. */
void redis_link_wait_for_log(redis_link_t *link, const char *text);

typedef struct redis_probe {
    gw_redis_call_t call;
    bool is_over;
    unsigned num_replies;
    gw_redis_result_t result;
    char text[128]; /* the beginning of the reply; numbers in digits; "-..." for errors */
    size_t len;     /* of the whole text */
    uint64_t sum;
} redis_probe_t;

/** @param command words divided by single spaces */
gw_redis_result_t redis_probe_send(redis_link_t *link, size_t worker, redis_probe_t *probe, uint64_t timeout_ms,
                                   const char *command);
gw_redis_result_t redis_probe_send_args(redis_link_t *link, size_t worker, redis_probe_t *probe, uint64_t timeout_ms,
                                        const gw_str_t *args, size_t num_args);
void redis_probe_wait(redis_link_t *link, redis_probe_t *probe);
uint64_t redis_probe_sum(const char *bytes, size_t len);
/** A call that must be answered so. */
void redis_link_do(redis_link_t *link, size_t worker, const char *command, const char *expected);

/** From now on what the gateway says on stderr is kept. */
void redis_log_begin(void);
/** @return all of it, to be freed */
char *redis_log_end(void);
size_t redis_log_count(const char *log, const char *text);

#endif
