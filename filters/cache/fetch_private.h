/* SPDX-License-Identifier: MIT
 * A fetch from within: what fetch.c (its way), fetch_entry.c (what is stored) and fetch_pipe.c (what goes to the leader
 * alone) share.  Private to these.  Threads: the worker's that began it. */
#ifndef FILTERS_CACHE_FETCH_PRIVATE_H
#define FILTERS_CACHE_FETCH_PRIVATE_H

#include "filters/cache/fetch.h"
#include "filters/cache/stored_head.h"

struct gw_cache_fetch {
    gw_cache_worker_t *state;
    gw_cache_shared_t *shared;
    const gw_cache_conf_t *conf;
    gw_detached_t *detached;    /* whose view keeps state, shared and conf */
    gw_fill_t *fill;            /* one reference */
    gw_cache_passage_t *leader; /* NULL: it has left, or there was none */
    gw_cache_entry_t *stale;    /* to be confirmed; held; NULL: none */
    gw_cache_entry_t *entry;    /* being filled; held; NULL: none */
    gw_cache_key_t key;
    gw_str_t url;                 /* in the detached request's pool */
    const gw_http_field_t *asked; /* there, too: the request's fields as they were when it came to the cache */
    size_t num_asked;
    gw_cache_request_directives_t directives;
    const struct gw_principal *principal; /* that the request came with */
    bool is_authorized, has_range, is_get;
    uint64_t sequence; /* of the store, from before it was looked into and the service was asked */
    int64_t asked_ms;
    uint64_t expected;  /* bytes of the body; 0: not known */
    unsigned status;    /* of the response */
    bool is_confirmed;  /* by a 304 */
    bool is_validating; /* it asks whether `stale` is still right */
    bool is_piping;     /* the leader gets the response, and holds it by being there */
    bool is_spilling;   /* the leader gets the rest of it */
    struct {
        h2o_iovec_t slices[GW_BODY_MAX_SLICES];
        size_t num;
        h2o_send_state_t state;
        bool is_there, is_taken;
    } rest; /* of a response that is spilling: the piece that is at hand */
};

static inline int64_t gw_cache_fetch_now_ms(const gw_cache_fetch_t *fetch)
{
    return (int64_t)gw_worker_now_ms(fetch->state->worker);
}

static inline int64_t gw_cache_fetch_wall_s(const gw_cache_fetch_t *fetch)
{
    return (int64_t)(gw_worker_wall_us(fetch->state->worker) / 1000000);
}

/* fetch.c */

/** It is over, and what had to be told was told.  Frees it. */
void gw_cache_fetch_end(gw_cache_fetch_t *fetch);
/** Tells that there is no entry. */
void gw_cache_fetch_tell(gw_cache_fetch_t *fetch, gw_fill_state_t state, gw_cache_storing_t storing);
void gw_cache_fetch_tell_entry(gw_cache_fetch_t *fetch, gw_fill_state_t state, gw_cache_entry_t *entry,
                               gw_cache_storing_t storing);

/* fetch_entry.c */

/** A response that is new.  @return GW_CACHE_STORING_YES: the fill was told, and the body is taken in */
gw_cache_storing_t gw_cache_fetch_begin_entry(gw_cache_fetch_t *fetch);
/** The stored response is as good as new (RFC 9111 4.3.4): tells, and ends the fetch. */
void gw_cache_fetch_confirm(gw_cache_fetch_t *fetch);
/** Publishes fetch->entry, or discards it.  @param instead NULL, or what it takes the place of */
gw_cache_storing_t gw_cache_fetch_publish(gw_cache_fetch_t *fetch, gw_cache_entry_t *instead);
/** Requests do not wait for each other for a while: what they wait for would not be for them. */
void gw_cache_fetch_mark(gw_cache_fetch_t *fetch);
/** Whether the reason not to store it is one that other requests for the URL would meet as well. */
bool gw_cache_fetch_is_about_url(const gw_cache_fetch_t *fetch, gw_cache_storing_t storing);

/* fetch_pipe.c */

/** Hands a piece to the leader. */
void gw_cache_fetch_pipe_body(gw_cache_fetch_t *fetch, const h2o_iovec_t *slices, size_t num, h2o_send_state_t state);
/** There is no room for the rest of it: the leader gets that as it comes; whoever has begun to read with it is cut. */
void gw_cache_fetch_spill(gw_cache_fetch_t *fetch);
/** The piece of the rest that is at hand. */
void gw_cache_fetch_set_rest(gw_cache_fetch_t *fetch, const h2o_iovec_t *slices, size_t num, h2o_send_state_t state);

#endif
