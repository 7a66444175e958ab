/* SPDX-License-Identifier: MIT
 * The endpoints of one service, as many as a test wants: each answers with its letter, and can be told to answer with
 * another status, to hold its answers back, and what to say to health checks.
 * Threads: scripts run on threads of their own; what the test changes is atomic. */
#ifndef GW_TESTS_FLEET_H
#define GW_TESTS_FLEET_H

#include "tests/support/gateway.h"
#include "tests/support/origin.h"

#define FLEET_MAX  12
#define CHECK_PATH "/health"

typedef struct node {
    origin_t *origin;
    int port;
    char letter;
    atomic_int status, check_status; /* 200 */
    atomic_bool holds;               /* answers wait for `go` */
    atomic_size_t go;                /* how many of the requests in `num_held` may be answered */
    atomic_size_t num_served, num_held;
    atomic_size_t num_good_checks, num_bad_checks; /* by check_status */
    atomic_size_t num_at_work, most_at_work;       /* requests at a time */
} node_t;

typedef struct fleet {
    size_t num;
    node_t nodes[FLEET_MAX];
} fleet_t;

fleet_t *fleet_start(size_t num);
/** Lets everything that is held go and stops. */
void fleet_stop(fleet_t *fleet);
/** Stops the origin of one node: connections to it are refused from now on. */
void node_kill(node_t *node);
/** Lets all answers go, those to come too. */
void node_release(node_t *node);

/** Requests that arrived, health checks left out. */
size_t fleet_served(const fleet_t *fleet);
void fleet_wait_served(const fleet_t *fleet, size_t least);

/** A gateway with the service "fleet" on the route "/".
 *  @param endpoint_options one text per node such as "weight: 2", or NULL for none
 *  @param options rows of the service, "    key: value\n" each, and whatever follows the routes */
gateway_t *fleet_gateway(const fleet_t *fleet, const char *const *endpoint_options, const char *options);
void fleet_write_conf(gateway_t *gateway, const fleet_t *fleet, const char *const *endpoint_options,
                      const char *options);
/** The endpoints as the conf wants them: "{ url: ... }, { url: ... }"; to be freed. */
char *fleet_endpoints(const fleet_t *fleet, const char *const *endpoint_options);

/** A gateway with the service "origin", which has one endpoint, on the route "/".  @param options as above */
gateway_t *origin_gateway(int port, const char *options);
void origin_write_conf(gateway_t *gateway, int port, const char *options);
/** The same with two endpoints, of which the first one gets the first hundred requests. */
gateway_t *pair_gateway(int first, int second, const char *options);
/** An option of a service that has its way of failing looked at again and again. */
#define NOT_EJECTED "    ejection: { consecutive_failures: 0 }\n"

/** One request that must be answered with 200.  @return the node that did */
size_t fleet_ask(client_t *client, const char *path, const char *header);
/** @param header "Name: value", or NULL   @param counts how many of `num` requests each node answered */
void fleet_count(client_t *client, size_t num, const char *header, size_t counts[FLEET_MAX]);

#endif
