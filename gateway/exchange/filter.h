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

struct gw_route_conf;

typedef struct gw_exchange gw_exchange_t; /* gateway/exchange/exchange.h */
typedef struct gw_worker gw_worker_t;     /* gateway/server/worker.h */

typedef enum gw_verdict {
    GW_NEXT,     /* run the next filter; after the last one, the service */
    GW_ANSWERED, /* this filter called gw_exchange_answer*(); the chain stops */
    GW_WAITING   /* it will call gw_exchange_resume() once, later, on the same thread */
} gw_verdict_t;

/** What the making of shared state may look at. */
typedef struct gw_filter_share {
    const struct gw_filter_conf *filter;
    const struct gw_snapshot *snapshot;
    size_t num_workers;
    struct gw_upkeep *upkeep;     /* watches files, fetches URLs: gateway/upkeep/upkeep.h */
    struct gw_resolver *resolver; /* finds the addresses of names: gateway/upstream/endpoint.h */
} gw_filter_share_t;

typedef struct gw_filter_class {
    const char *name;            /* the key in the conf file: "rate_limit" */
    const char *meaning;         /* one sentence for the manual */
    const gw_section_t *section; /* its options */
    bool gives_principal;        /* its requests come to have a principal: NAME.PROPERTY may be a key */
    /** Whether it refuses requests that have none of its credentials.  NULL: it wants none. */
    bool (*demands_credentials)(const void *conf);
    bool answers_preflight; /* its on_request answers every exchange with is_preflight: a CORS preflight comes to
                               the route of the request that it asks for, whether that takes OPTIONS or not */
    /** Whether its on_request answers every request of the method PURGE: such a request comes to the route of the GET
     * for the same URL, whatever methods that takes.  NULL: no. */
    bool (*answers_purge)(const void *conf);
    /** Finds what the conf names elsewhere in the file (gateway/config/conf.h), when all of it was read.  Called once
     * for each instance that a route uses.  NULL: nothing. */
    void (*link)(struct gw_conf_reader *reader, void *conf, gw_mark_t at);
    /** Rules between the filter and a route that uses it; reports through the diag.  The filters that stand before it
     * are in route->filters by then, it and those behind it are NULL.  NULL: none. */
    void (*check_route)(struct gw_conf_reader *reader, const void *conf, const struct gw_route_conf *route);
    /** Rules between the filter and those that stand behind it; reports through the diag.  All of route->filters are
     * there.  @param index its own in them.  NULL: none. */
    void (*check_behind)(struct gw_conf_reader *reader, const void *conf, const struct gw_route_conf *route,
                         size_t index);
    /** Whether it has a say in the choice of the endpoint (gw_endpoint_guard_t): one of a route's filters may.  NULL:
     * no. */
    bool (*guards_endpoints)(const void *conf);
    /** Frees what `check` of the section acquired outside the arena.  NULL: nothing. */
    void (*dispose)(void *conf);
    /** State of the whole process, made with the deployment on the control thread.  NULL: none.
     *  @param previous what the same filter (gw_filter_conf_t.key) had before a reload, or NULL; to be returned again,
     * with a reference of its own, where it still fits the conf
     *  @return one reference, for share_dispose on any thread */
    void *(*share)(const gw_filter_share_t *how, const void *conf, void *previous);
    void (*share_dispose)(void *shared);
    /** Per worker and snapshot; finds surviving state by name.  NULL: the shared state serves as the worker's. */
    void *(*worker_init)(gw_worker_t *worker, const void *conf, void *shared);
    void (*worker_dispose)(void *state);
    /** Makes fields of the request say no more than the filter will take from them: called by a filter before it that
     * tells requests apart by such fields (a cache: the coding that will be chosen in place of all that are accepted).
     * NULL: nothing. */
    void (*simplify)(gw_exchange_t *exchange, const void *conf);
    gw_verdict_t (*on_request)(gw_exchange_t *exchange, const void *conf, void *state);
    void (*on_response)(gw_exchange_t *exchange, const void *conf,
                        void *state);                                       /* status and fields may still change */
    void (*on_end)(gw_exchange_t *exchange, const void *conf, void *state); /* cancels what is pending */
} gw_filter_class_t;

/** Every filter there is, NULL-terminated; the array stands in filters/registry.c. */
extern const gw_filter_class_t *const gw_filter_classes[];

#endif
