/* SPDX-License-Identifier: MIT
 * The outcome record: what there is to say about one exchange once it is over.  Access log, metrics and traces read
 * this and nothing else, and each exchange yields exactly one. Threads: filled and read on the exchange's worker.
 * Borrows: every text; it lives until the record was handled. */
#ifndef GW_OBSERVE_OUTCOME_H
#define GW_OBSERVE_OUTCOME_H

#include "gateway/base/str.h"

#define GW_TIME_NONE UINT64_MAX /* this phase was never reached */

/** One filter's part in the decision. */
typedef struct gw_decision {
    const char *filter;  /* its name in the conf file */
    const char *verdict; /* "next", "answered", "waiting" */
    const char *reason;  /* a stable word for machines ("limit_exceeded"), or NULL */
    const char *detail;  /* what differs each time, for people, or NULL */
} gw_decision_t;

typedef struct gw_outcome {
    uint64_t started_at_us; /* wall clock, microseconds since 1970 */
    gw_str_t request_id;
    gw_str_t client;        /* address and port of the peer; "unix" for a Unix socket */
    gw_str_t principal;     /* who the request came from; empty when nobody is known */
    const char *credential; /* the kind of filter that says so: "jwt"; or NULL */
    const char *protocol;   /* "HTTP/1.1" */
    const char *tls;        /* "TLSv1.3", or NULL */
    gw_str_t method, host, path, query, user_agent,
        referer;                            /* as received; empty when there is none; query without '?' */
    const char *route, *service, *endpoint; /* NULL when it did not come that far */
    unsigned status;                        /* what was sent; 0 when nothing was */
    unsigned upstream_status;               /* what the endpoint said; 0 when it said nothing */
    uint64_t bytes_in, bytes_out;           /* body bytes received and sent */
    unsigned tries;                         /* connections to endpoints that were tried */
    bool reused;                            /* the last one came from the pool */
    const char *reason; /* a stable word for how it ended: "ok", "client_closed", "connect_refused", ... */
    /* durations in microseconds from started_at to ...; GW_TIME_NONE when never */
    uint64_t head_us;      /* ... the whole request head being there */
    uint64_t connected_us; /* ... a connection to the endpoint standing */
    uint64_t response_us;  /* ... the response head from the endpoint */
    uint64_t total_us;     /* ... the end */
    const gw_decision_t *decisions;
    size_t num_decisions;
    const gw_str_t *secret_parameters; /* of queries, in lower case: their values are not shown, nor are those of the
                                          well-known ones */
    size_t num_secret_parameters;
} gw_outcome_t;

#endif
