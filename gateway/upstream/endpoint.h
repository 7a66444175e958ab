/* SPDX-License-Identifier: MIT
 * Endpoints and their addresses.  An endpoint is process-wide state: a reload finds it again by its URL, so what is
 * known of it survives.  Names are resolved by the resolver's own thread; workers only copy addresses.
 *
 * Threads: the registry and the reference counts are safe from any thread; an endpoint's addresses are guarded by its
 * mutex, which a worker takes only when it opens a new connection. */
#ifndef GW_UPSTREAM_ENDPOINT_H
#define GW_UPSTREAM_ENDPOINT_H

#include <pthread.h>
#include "gateway/config/snapshot.h"

#define GW_ENDPOINT_MAX_ADDRESSES 8 /* of one name; more are left out */

typedef struct gw_address {
    socklen_t len;
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
    } sockaddr;
} gw_address_t;

typedef struct gw_resolver gw_resolver_t;

typedef struct gw_endpoint {
    /* read-only */
    char *url, *host, *authority;
    uint16_t port;
    bool is_name; /* the resolver looks after its addresses */
    /* private */
    size_t references; /* guarded by the resolver's lock */
    gw_resolver_t *resolver;
    struct gw_endpoint *next;
    pthread_mutex_t lock;
    gw_address_t addresses[GW_ENDPOINT_MAX_ADDRESSES];
    size_t num_addresses, first_address;
    uint64_t due_ms;       /* next look-up; resolver's lock */
    unsigned num_failures; /* look-ups that failed in a row; resolver's lock */
    bool was_looked_up;    /* resolver's lock */
} gw_endpoint_t;

/** Starts the resolver's thread.  @return NULL when no thread could be started */
gw_resolver_t *gw_resolver_create(void);
/** Ends the thread.  Endpoints must be gone.  NULL is fine; returns NULL.  A look-up that hangs in the C library's
 * resolver is not waited for longer than a second; then the thread is left behind for the process' end. */
gw_resolver_t *gw_resolver_free(gw_resolver_t *resolver);
/** Waits until every endpoint was looked up at least once, at most timeout_ms. */
void gw_resolver_wait(gw_resolver_t *resolver, uint64_t timeout_ms);

/** Finds the endpoint with that URL or makes it.  @return one reference */
gw_endpoint_t *gw_endpoint_get(gw_resolver_t *resolver, const gw_endpoint_conf_t *conf);
void gw_endpoint_unref(gw_endpoint_t *endpoint);
/** Copies the known addresses, each time starting with another one, so that connections spread over them.
 *  @return how many; 0: the name is not resolved */
size_t gw_endpoint_addresses(gw_endpoint_t *endpoint, gw_address_t addresses[GW_ENDPOINT_MAX_ADDRESSES]);

#endif
