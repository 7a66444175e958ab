/* SPDX-License-Identifier: MIT
 * Two real gateways with the same conf, which share limits through one store: plain on ports[0], TLS on ports[1].
 * Their service answers 200, and 404 and 502 for paths that begin with /missing and /broken; for /late, which has no
 * limit, after TWINS_LATE_MS.
 * Access logs are files: lines stay whole there, whatever else the gateways say.  Threads: the test's. */
#ifndef GW_TESTS_TWINS_H
#define GW_TESTS_TWINS_H

#include "tests/support/gateway.h"
#include "tests/support/origin.h"

enum { NUM_TWINS = 2, TWINS_LATE_MS = 5 };

typedef struct twins {
    gateway_t *gateways[NUM_TWINS];
    /* private */
    origin_t *origin;
} twins_t;

typedef struct twins_conf {
    int workers;       /* of each; 0: two */
    const char *store; /* options: "store: redis://127.0.0.1:6379, store_timeout: 1s" */
    /** rate_limit filters "first", ... on the paths "/first/", ...; ends with {NULL}.  Their key is header:X-Client. */
    struct {
        const char *name, *options;
    } limits[4];
} twins_conf_t;

/** Starts both and waits until they use the store. */
twins_t *twins_start(const twins_conf_t *conf);
/** Reloads both, for the nth time. */
void twins_reload(twins_t *twins, size_t nth, const twins_conf_t *conf);
/** Until every worker of a gateway can use the store. */
void twins_wait_for_store(twins_t *twins);
/** Until a gateway has found out that it cannot. */
void twins_wait_for_loss(twins_t *twins, size_t gateway);
void twins_stop(twins_t *twins);

/** What the access log of a gateway holds now; to be freed. */
char *twins_access_log(const twins_t *twins, size_t gateway);
/** Until it holds the text so many times. */
void twins_wait_for_line(const twins_t *twins, size_t gateway, const char *text, size_t count);

/** GET by a client of that name, on a connection of its own. */
reply_t twins_ask(const twins_t *twins, size_t gateway, transport_t transport, const char *path, const char *client);
/** The same; @return the status */
int twins_status(const twins_t *twins, size_t gateway, transport_t transport, const char *path, const char *client);

#endif
