/* SPDX-License-Identifier: MIT
 * The rate limit on the way of a request, and from one deployment to the next. */
#include <stdlib.h>
#include <string.h>
#include "filters/limit/exempt.h"
#include "filters/rate_limit/rate_limit.h"
#include "filters/rate_limit/rate_limit_count.h"
#include "filters/rate_limit/rate_limit_tell.h"
#include "filters/rate_limit/rate_limit_verdict.h"
#include "gateway/base/clock.h"
#include "gateway/base/memory.h"
#include "gateway/exchange/exchange.h"

typedef gw_rate_limit_conf_t conf_t;

/* counting --------------------------------------------------------------------------------------------------------- */

static gw_verdict_t count_here(gw_passage_t *passage)
{
    gw_rate_count_here(passage);
    return gw_rate_conclude(passage);
}

static gw_verdict_t conclude_store(gw_passage_t *passage, gw_shared_result_t result)
{
    const char *cause = passage->take->cause;
    if (result == GW_SHARED_KNOWN)
        gw_rate_count_stored(passage);
    passage->take = NULL;
    return result == GW_SHARED_KNOWN ? gw_rate_conclude(passage) : gw_rate_conclude_without_store(passage, cause);
}

static void on_answer(gw_shared_take_t *take, gw_shared_result_t result)
{
    gw_passage_t *passage = take->caller;
    gw_verdict_t verdict = conclude_store(passage, result);
    if (verdict != GW_WAITING)
        gw_exchange_resume(passage->ex, verdict);
}

static gw_verdict_t ask_store(gw_passage_t *passage)
{
    gw_shared_take_t *take = h2o_mem_alloc_pool(&passage->ex->req->pool, sizeof(*take));
    memset(take, 0, sizeof(*take));
    take->on_answer = on_answer;
    take->caller = passage;
    take->key = &passage->key;
    take->cost = passage->cost;
    take->max_wait_us = gw_rate_max_wait_us(passage->conf);
    passage->take = take;
    gw_shared_result_t result = gw_shared_take(passage->state->store, take);
    return result == GW_SHARED_LATER ? GW_WAITING : conclude_store(passage, result);
}

/* the way of a request --------------------------------------------------------------------------------------------- */

static uint64_t cost_of(gw_exchange_t *ex, const conf_t *conf)
{
    const h2o_headers_t *fields = &ex->req->headers;
    if (conf->cost.header == NULL)
        return conf->cost.tokens;
    gw_str_t name = gw_str_of(conf->cost.header);
    ssize_t at = gw_fields_find(fields, name, 0);
    if (at == -1 || gw_fields_find(fields, name, at + 1) != -1)
        return 1;
    const h2o_iovec_t *value = &fields->entries[at].value;
    uint64_t cost = 0;
    for (size_t i = 0; i != value->len; ++i) {
        if (value->base[i] < '0' || value->base[i] > '9')
            return 1;
        if (cost <= conf->max_cost)
            cost = cost * 10 + (uint64_t)(value->base[i] - '0');
    }
    return cost == 0 ? 1 : cost < conf->max_cost ? cost : conf->max_cost; /* nobody passes for nothing */
}

static gw_verdict_t on_request(gw_exchange_t *ex, const void *arg, void *arg_state)
{
    const conf_t *conf = arg;
    gw_rate_worker_t *state = arg_state;
    if (ex->is_preflight)
        return GW_NEXT; /* the browser's question, not the client's request */
    if (conf->exempt.num_rules != 0 && gw_exempt_fits(ex, &conf->exempt))
        return gw_rate_spare(ex, "exempt");
    gw_passage_t *passage = h2o_mem_alloc_pool(&ex->req->pool, sizeof(*passage));
    switch (gw_client_key_find(ex, &conf->key, &passage->key)) {
    case GW_MISSING_ALLOW:
        return gw_rate_spare(ex, "key_missing");
    case GW_MISSING_REFUSE:
        return gw_rate_lacks_key(ex, conf);
    default:
        break;
    }
    passage->ex = ex;
    passage->state = state;
    passage->conf = conf;
    passage->cost = cost_of(ex, conf);
    passage->is_counted = passage->is_from_store = passage->has_levels = passage->is_delayed = false;
    passage->take = NULL;
    *gw_exchange_data(ex) = passage;
    return state->store != NULL ? ask_store(passage) : count_here(passage);
}

static void on_response(gw_exchange_t *ex, const void *arg, void *state)
{
    const conf_t *conf = arg;
    gw_passage_t *passage = *gw_exchange_data(ex);
    (void)state;
    if (passage == NULL)
        return;
    if (passage->has_levels)
        gw_rate_tell_aged(passage);
    for (size_t i = 0; passage->is_counted && i != conf->num_status_costs; ++i) {
        const gw_status_cost_t *row = &conf->status_costs[i];
        if (!gw_status_set_has(&row->statuses, (unsigned)ex->req->res.status))
            continue;
        if (row->cost != passage->cost)
            gw_rate_correct(passage, row->cost);
        break;
    }
    if (passage->has_levels && conf->mode != GW_LIMIT_OBSERVE)
        gw_rate_tell_response(passage);
}

static void on_end(gw_exchange_t *ex, const void *conf, void *state)
{
    gw_passage_t *passage = *gw_exchange_data(ex);
    (void)conf;
    (void)state;
    if (passage == NULL)
        return;
    if (passage->take != NULL)
        gw_shared_cancel(passage->take);
    gw_rate_stop_delay(passage);
}

/* life ------------------------------------------------------------------------------------------------------------- */

static gw_rate_waiting_t *ref_waiting(gw_rate_waiting_t *waiting)
{
    if (waiting == NULL)
        waiting = gw_must_alloc_aligned(sizeof(*waiting));
    atomic_fetch_add_explicit(&waiting->references, 1, memory_order_relaxed);
    return waiting;
}

static void unref_waiting(gw_rate_waiting_t *waiting)
{
    if (atomic_fetch_sub_explicit(&waiting->references, 1, memory_order_acq_rel) == 1)
        free(waiting);
}

static void *share(const gw_filter_share_t *how, const void *arg, void *arg_previous)
{
    const conf_t *conf = arg;
    const gw_rate_shared_t *previous = arg_previous;
    gw_rate_shared_t *shared = gw_must_alloc(1, sizeof(*shared));
    shared->waiting = ref_waiting(previous != NULL ? previous->waiting : NULL);
    if (previous != NULL && !gw_client_key_conf_equal(&previous->conf->key, &conf->key))
        previous = NULL; /* its buckets are those of others */
    shared->conf = conf;
    shared->name = how->filter->key;
    shared->limits =
        gw_limits_create(conf->limits, conf->num_limits, (size_t)conf->keys, (gw_when_full_t)conf->when_full,
                         previous != NULL ? previous->limits : NULL, gw_clock_us());
    if (conf->share.at.line != 0)
        shared->share = gw_share_create(&conf->share);
    if (conf->store.url != NULL)
        shared->store = gw_shared_store_create(
            &(gw_shared_conf_t){
                .redis = &conf->store,
                .name = shared->name,
                .mode = conf->store_mode,
                .timeout_ms = conf->store_timeout,
                .lease_tokens = conf->lease.tokens,
                .lease_ms = conf->lease.time,
                .keys = (size_t)conf->keys,
                .limits = conf->limits,
                .num_limits = conf->num_limits,
            },
            how->resolver, how->num_workers, previous != NULL ? previous->store : NULL);
    return shared;
}

static void share_dispose(void *arg)
{
    gw_rate_shared_t *shared = arg;
    gw_limits_unref(shared->limits);
    gw_share_free(shared->share);
    unref_waiting(shared->waiting);
    gw_shared_store_unref(shared->store);
    free(shared);
}

static void *worker_init(gw_worker_t *worker, const void *conf, void *arg)
{
    gw_rate_shared_t *shared = arg;
    gw_rate_worker_t *state = gw_must_alloc(1, sizeof(*state));
    (void)conf;
    state->worker = worker;
    state->shared = shared;
    gw_rate_use_share(state, shared->share != NULL ? gw_share_number(shared->share) : 1);
    if (shared->store != NULL)
        state->store = gw_shared_side_create(shared->store, worker);
    return state;
}

static void worker_dispose(void *arg)
{
    gw_rate_worker_t *state = arg;
    gw_shared_side_free(state->store);
    free(state);
}

const gw_filter_class_t gw_rate_limit_filter = {
    .name = "rate_limit",
    .meaning = "lets each client make so many requests in a time",
    .section = &gw_rate_limit_section,
    .check_route = gw_rate_limit_check_route,
    .share = share,
    .share_dispose = share_dispose,
    .worker_init = worker_init,
    .worker_dispose = worker_dispose,
    .on_request = on_request,
    .on_response = on_response,
    .on_end = on_end,
};
