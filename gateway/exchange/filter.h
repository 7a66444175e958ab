/* SPDX-License-Identifier: MIT
 * What a filter is: a constant class (functions and option rows) apart from its instances (one conf struct per place in
 * the conf file, one state per worker).  Filters never call the next one: the chain does, in the order of the route on
 * the way in and in reverse on the way out.
 *
 * Life of one exchange: on_request of each filter until one answers; then, for the filters whose on_request ran, in
 * reverse: on_response once when the response head is known (ours or the upstream's), and on_end exactly once, abort
 * included.  Threads: everything on the exchange's worker. */
#ifndef GW_EXCHANGE_FILTER_H
#define GW_EXCHANGE_FILTER_H

#include "gateway/config/schema.h"

typedef struct gw_exchange gw_exchange_t; /* gateway/exchange/exchange.h */
typedef struct gw_worker gw_worker_t;     /* gateway/server/worker.h */

typedef enum gw_verdict {
    GW_NEXT,     /* run the next filter; after the last one, the service */
    GW_ANSWERED, /* this filter called gw_exchange_answer*(); the chain stops */
    GW_WAITING   /* it will call gw_exchange_resume() once, later, on the same thread */
} gw_verdict_t;

typedef struct gw_filter_class {
    const char *name;            /* the key in the conf file: "rate_limit" */
    const char *meaning;         /* one sentence for the manual */
    const gw_section_t *section; /* its options */
    /** Frees what `check` of the section acquired outside the arena.  NULL: nothing. */
    void (*dispose)(void *conf);
    /** Per worker and snapshot; finds surviving state by name.  NULL: no state. */
    void *(*worker_init)(gw_worker_t *worker, const void *conf);
    void (*worker_dispose)(void *state);
    gw_verdict_t (*on_request)(gw_exchange_t *exchange, const void *conf, void *state);
    void (*on_response)(gw_exchange_t *exchange, const void *conf,
                        void *state);                                       /* status and fields may still change */
    void (*on_end)(gw_exchange_t *exchange, const void *conf, void *state); /* cancels what is pending */
} gw_filter_class_t;

/** Every filter there is, NULL-terminated; the array stands in filters/registry.c. */
extern const gw_filter_class_t *const gw_filter_classes[];

#endif
