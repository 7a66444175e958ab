/* SPDX-License-Identifier: MIT
 * A request on its way through the cache: what the parts of the filter share.  Private to filters/cache/.
 * Threads: the exchange's worker; gw_cache_shared_t: any. */
#ifndef FILTERS_CACHE_PASSAGE_H
#define FILTERS_CACHE_PASSAGE_H

#include "filters/cache/cache_conf.h"
#include "filters/cache/cache_status.h"
#include "filters/cache/fill.h"
#include "filters/cache/request.h"
#include "filters/cache/words.h"
#include "gateway/base/decimal.h"
#include "gateway/exchange/detached.h"
#include "gateway/server/worker.h"

struct gw_ticker;

/** The filter in the whole process. */
typedef struct gw_cache_shared {
    const gw_cache_conf_t *conf;
    const char *name; /* of the filter */
    gw_cache_store_t *store;
    gw_fills_t *fills;
    struct gw_upkeep *upkeep;
    struct gw_ticker *sweeper;
} gw_cache_shared_t;

/** The filter on one worker. */
typedef struct gw_cache_worker {
    gw_worker_t *worker;
    gw_cache_shared_t *shared;
    gw_cache_seat_t *seat;
    gw_cache_service_hash_t last_service;
} gw_cache_worker_t;

typedef struct gw_cache_fetch gw_cache_fetch_t;   /* filters/cache/fetch.h */
typedef struct gw_cache_search gw_cache_search_t; /* filters/cache/purge.c */

/** What is done with a request whose response the cache does not answer itself. */
typedef enum gw_cache_errand {
    GW_ERRAND_NONE,
    GW_ERRAND_INVALIDATE, /* an unsafe method: what is stored of its URL may be wrong afterwards */
    GW_ERRAND_UNMARK,     /* the URL is marked as one whose responses cannot be stored: see whether that is still so */
    GW_ERRAND_PURGE       /* it is answered here: filters/cache/purge.h */
} gw_cache_errand_t;

/** The bytes of an entry's body on their way to the client. */
typedef struct gw_cache_stream {
    h2o_generator_t super;
    gw_cache_entry_t *entry; /* NULL: nothing is being sent */
    gw_cache_place_t place;
    uint64_t end; /* offset behind the last byte that is sent; UINT64_MAX: the body's end, wherever that comes to be */
    bool is_hungry; /* it has sent all there was */
    gw_timer_t write_timer;
} gw_cache_stream_t;

typedef struct gw_cache_passage {
    gw_exchange_t *ex;
    gw_cache_worker_t *state;
    const gw_cache_conf_t *conf;
    gw_cache_request_t request;
    gw_cache_status_t status;
    const char *word; /* for the access log: what was done; NULL: it follows from the status */
    gw_cache_errand_t errand;
    gw_cache_entry_t *stored; /* found in the store, pinned; NULL: none */
    bool is_soft_purged;      /* that one */
    uint64_t sequence;        /* of the store, from before it was looked into */
    gw_cache_key_t variant;   /* of the newest response there is for the key: what it asks for; 0, 0: not known */
    gw_cache_entry_t *filled; /* of a fill, held; NULL: none */
    gw_fill_reader_t reader;
    gw_cache_fetch_t *fetch; /* that it leads; NULL: none, or it has come to its end */
    gw_cache_stream_t stream;
    gw_cache_search_t *search; /* of a PURGE that waits for it; NULL: none */
    gw_timer_t wait_timer;     /* its time is over, whatever becomes of the fill; set while it waits */
    bool is_timed;             /* that one is in use */
    bool is_alone;             /* what others get is not for it */
    bool is_leader;            /* of the fill it joined last */
    unsigned rounds;           /* fills that it has waited for in vain */
    bool is_in_request;        /* within on_request: the verdict is returned, else the exchange is resumed */
    bool is_settled;           /* what becomes of the request is decided */
    gw_verdict_t verdict;
    gw_str_t asked_names; /* the Vary of the last entry that did not fit, in its pool; empty: never */
    gw_cache_key_t asked; /* and what it asks for by that one */
    /* not zeroed: */
    char age[GW_DECIMAL_MAX], cache_status[GW_CACHE_STATUS_MAX]; /* the fields' values, when they are there */
} gw_cache_passage_t;

/** Milliseconds of the clock that entries are stored by. */
static inline int64_t gw_cache_now_ms(const gw_cache_passage_t *passage)
{
    return (int64_t)gw_worker_now_ms(passage->state->worker);
}

/** What becomes of the request is known: returns it from on_request, or goes on with the exchange. */
void gw_cache_settle(gw_cache_passage_t *passage, gw_verdict_t verdict);

#endif
