/* SPDX-License-Identifier: MIT
 * The response cache on the way of a request. */
#include <assert.h>
#include "filters/cache/cache.h"
#include "filters/cache/invalidate.h"
#include "filters/cache/lookup.h"
#include "filters/cache/purge.h"
#include "filters/cache/stream.h"
#include "filters/cache/tell.h"
#include "gateway/base/memory.h"
#include "gateway/upkeep/ticker.h"

typedef gw_cache_conf_t conf_t;
typedef gw_cache_passage_t passage_t;

enum { sweep_ms = 1000 };

/* the way of a request --------------------------------------------------------------------------------------------- */

static bool is_bypassed(gw_exchange_t *ex, const conf_t *conf)
{
    gw_str_t first;
    for (size_t i = 0; i != conf->bypass.size; ++i)
        if (gw_exchange_count_key(ex, &conf->bypass.entries[i], &first) != 0)
            return true;
    return false;
}

static inline bool is_method(const gw_exchange_t *ex, gw_str_t method)
{
    const h2o_iovec_t *asked = &ex->req->input.method;
    return asked->len == method.len && memcmp(asked->base, method.ptr, method.len) == 0;
}

static bool is_safe(const gw_exchange_t *ex)
{
    return is_method(ex, GW_STR("GET")) || is_method(ex, GW_STR("HEAD")) || is_method(ex, GW_STR("OPTIONS")) ||
           is_method(ex, GW_STR("TRACE"));
}

static gw_verdict_t on_request(gw_exchange_t *ex, const void *arg, void *arg_state)
{
    const conf_t *conf = arg;
    gw_cache_worker_t *state = arg_state;
    if (ex->is_preflight)
        return GW_NEXT;
    passage_t *passage = h2o_mem_alloc_pool(&ex->req->pool, sizeof(*passage));
    memset(passage, 0, offsetof(passage_t, age));
    passage->ex = ex;
    passage->state = state;
    passage->conf = conf;
    *gw_exchange_data(ex) = passage;
    if (conf->purge.networks != NULL && is_method(ex, GW_STR("PURGE")))
        return gw_cache_purge_request(passage);
    if (!is_method(ex, GW_STR("GET")) && !is_method(ex, GW_STR("HEAD"))) {
        passage->status.forward = GW_FORWARD_METHOD;
        if (!is_safe(ex))
            passage->errand = GW_ERRAND_INVALIDATE;
        return GW_NEXT;
    }
    passage->status.forward = GW_FORWARD_BYPASS;
    if (ex->body != NULL || is_bypassed(ex, conf)) { /* what a body would mean, nobody has said (RFC 9110 9.3.1) */
        passage->status.detail =
            gw_cache_detail_word(ex->body != NULL ? GW_CACHE_DETAIL_REQUEST_BODY : GW_CACHE_DETAIL_BYPASS_RULE);
        return GW_NEXT;
    }
    gw_exchange_simplify(ex);
    gw_cache_request_read(ex, conf, state->shared->store, &state->last_service, &passage->request);
    if (passage->request.is_ambiguous) {
        passage->status.detail = gw_cache_detail_word(GW_CACHE_DETAIL_AMBIGUOUS_KEY);
        return GW_NEXT;
    }
    if (passage->request.has_preconditions) {
        passage->status.forward = GW_FORWARD_REQUEST;
        passage->status.detail = gw_cache_detail_word(GW_CACHE_DETAIL_PRECONDITIONS);
        return GW_NEXT;
    }
    passage->is_in_request = true;
    gw_cache_look(passage);
    passage->is_in_request = false;
    return passage->is_settled ? passage->verdict : GW_WAITING;
}

static void on_response(gw_exchange_t *ex, const void *arg, void *state)
{
    passage_t *passage = *gw_exchange_data(ex);
    (void)arg;
    (void)state;
    if (passage == NULL || passage->errand == GW_ERRAND_PURGE)
        return;
    if (passage->errand == GW_ERRAND_INVALIDATE)
        gw_cache_invalidate(passage);
    else if (passage->errand == GW_ERRAND_UNMARK)
        gw_cache_unmark(passage);
    gw_cache_tell(passage);
}

static void on_end(gw_exchange_t *ex, const void *arg, void *arg_state)
{
    passage_t *passage = *gw_exchange_data(ex);
    gw_cache_worker_t *state = arg_state;
    (void)arg;
    if (passage == NULL)
        return;
    gw_cache_purge_leave(passage);
    gw_cache_stream_dispose(passage);
    gw_cache_leave_fill(passage);
    if (passage->is_timed)
        gw_timer_dispose(&state->worker->timers, &passage->wait_timer);
    if (passage->filled != NULL)
        gw_cache_release(state->shared->store, passage->filled);
    if (passage->stored != NULL)
        gw_cache_unpin(state->seat, passage->stored);
}

/* life ------------------------------------------------------------------------------------------------------------- */

static uint64_t sweep(void *arg, uint64_t now_ms)
{
    gw_cache_sweep(arg);
    return now_ms + sweep_ms;
}

static void free_store(void *store)
{
    gw_cache_store_unref(store);
}

static void *share(const gw_filter_share_t *how, const void *arg, void *arg_previous)
{
    const conf_t *conf = arg;
    const gw_cache_shared_t *previous = arg_previous;
    gw_cache_shared_t *shared = gw_must_alloc(1, sizeof(*shared));
    const gw_cache_store_rules_t rules = {conf->capacity, conf->max_object, how->num_workers};
    shared->conf = conf;
    shared->name = how->filter->key;
    shared->upkeep = how->upkeep;
    if (previous != NULL && gw_cache_store_adapt(previous->store, &rules)) {
        shared->store = gw_cache_store_ref(previous->store);
        shared->fills = gw_fills_ref(previous->fills);
    } else {
        shared->store = gw_cache_store_create(&rules);
        if (shared->store == NULL)
            abort(); /* as without any other memory: gateway/base/memory.h */
        shared->fills = gw_fills_create(shared->store, how->num_workers);
    }
    shared->sweeper = gw_ticker_start(how->upkeep, sweep, free_store, gw_cache_store_ref(shared->store));
    return shared;
}

static void share_dispose(void *arg)
{
    gw_cache_shared_t *shared = arg;
    gw_ticker_stop(shared->sweeper);
    gw_fills_unref(shared->fills);
    gw_cache_store_unref(shared->store);
    free(shared);
}

static void *worker_init(gw_worker_t *worker, const void *conf, void *arg)
{
    gw_cache_worker_t *state = gw_must_alloc(1, sizeof(*state));
    (void)conf;
    state->worker = worker;
    state->shared = arg;
    state->seat = gw_cache_store_seat(state->shared->store, worker->index);
    return state;
}

static void worker_dispose(void *state)
{
    free(state);
}

const gw_filter_class_t gw_cache_filter = {
    .name = "cache",
    .meaning = "answers from memory what was answered before (RFC 9111)",
    .section = &gw_cache_section,
    .answers_purge = gw_cache_answers_purge,
    .check_route = gw_cache_check_route,
    .check_behind = gw_cache_check_behind,
    .share = share,
    .share_dispose = share_dispose,
    .worker_init = worker_init,
    .worker_dispose = worker_dispose,
    .on_request = on_request,
    .on_response = on_response,
    .on_end = on_end,
};
