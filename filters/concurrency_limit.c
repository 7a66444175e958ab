/* SPDX-License-Identifier: MIT
 * The limit of requests under way, on the way of a request. */
#include <stdlib.h>
#include "filters/concurrency_limit.h"
#include "filters/concurrency_limit_conf.h"
#include "filters/concurrency_places.h"
#include "filters/limit/client_key.h"
#include "filters/limit/exempt.h"
#include "filters/rate_limit/fields.h"
#include "gateway/base/memory.h"
#include "gateway/base/rate_gate.h"
#include "gateway/exchange/exchange.h"
#include "gateway/exchange/problem.h"
#include "gateway/observe/log.h"
#include "gateway/server/worker.h"

static const char self[] = "concurrency_limit";

enum { full_notice_ms = 10000, retry_after_ms = 1000 };

typedef gw_concurrency_conf_t conf_t;

/** The filter in the whole process. */
typedef struct shared {
    const conf_t *conf;
    const char *key; /* of the filter */
    gw_places_t *places;
    char policy[GW_CONCURRENCY_FIELD_MAX];
    size_t policy_len;
} shared_t;

/** The filter on one worker. */
typedef struct state {
    gw_worker_t *worker;
    shared_t *shared;
    gw_rate_gate_t full_notices;
} state_t;

/* Of an exchange it remembers its gw_place_t. */

static void note_full(state_t *state)
{
    const shared_t *shared = state->shared;
    const conf_t *conf = shared->conf;
    uint64_t num_held;
    if (gw_rate_gate_pass(&state->full_notices, 1, full_notice_ms, gw_worker_now_ms(state->worker), &num_held))
        gw_log_later(GW_LOG_WARNING,
                     "concurrency limit %s: there is no room for more clients (keys: %llu): %s; so far %llu times",
                     shared->key, (unsigned long long)conf->keys,
                     conf->when_full == GW_FULL_REFUSE ? "others are refused" : "others share the places of one",
                     (unsigned long long)gw_places_num_full(shared->places));
}

/* verdicts --------------------------------------------------------------------------------------------------------- */

static gw_verdict_t refuse(gw_exchange_t *ex, const conf_t *conf, const char *cause)
{
    if (conf->mode == GW_LIMIT_OBSERVE) {
        gw_exchange_decide_with(ex, self, "would_refuse", cause, conf->name);
        return GW_NEXT;
    }
    gw_exchange_decide_with(ex, self, "refused", cause, conf->name);
    gw_exchange_add_retry_after(ex, retry_after_ms);
    const gw_rate_state_t states[] = {{.name = gw_str_of(conf->name)}};
    char member[GW_RATE_FIELDS_MAX];
    size_t len = gw_rate_violated_member(states, 1, 1, member);
    gw_exchange_problem_of(ex, GW_REASON_CONCURRENCY_LIMITED, NULL,
                           &(gw_problem_kind_t){GW_QUOTA_EXCEEDED_TYPE, GW_QUOTA_EXCEEDED_TITLE, gw_str(member, len)});
    return GW_ANSWERED;
}

static gw_verdict_t lacks_key(gw_exchange_t *ex, const conf_t *conf)
{
    if (conf->mode == GW_LIMIT_OBSERVE) {
        gw_exchange_decide(ex, self, "would_refuse", "key_missing");
        return GW_NEXT;
    }
    gw_exchange_decide(ex, self, "refused", "key_missing");
    gw_exchange_problem(ex, GW_REASON_RATE_LIMIT_KEY_MISSING, NULL);
    return GW_ANSWERED;
}

static gw_verdict_t take_place(gw_exchange_t *ex, const conf_t *conf, state_t *state, const gw_client_key_t *key)
{
    gw_places_t *places = state->shared->places;
    const gw_places_rules_t rules = {conf->max, conf->trial, conf->when_full == GW_FULL_SHARED};
    gw_place_t *place = h2o_mem_alloc_pool(&ex->req->pool, sizeof(*place));
    *gw_exchange_data(ex) = place;
    gw_place_result_t result = gw_places_take(places, &rules, gw_client_key_hash(key, gw_places_secret(places)), place);
    if (place->is_shared || result == GW_PLACE_NO_ROOM)
        note_full(state);
    switch (result) {
    case GW_PLACE_NONE_LEFT:
        return refuse(ex, conf, "concurrency_limited");
    case GW_PLACE_NO_ROOM:
        return refuse(ex, conf, "no_room");
    case GW_PLACE_TAKEN:
        break;
    }
    if (place->is_beyond_trial)
        gw_exchange_decide_with(ex, self, "trial", "would_refuse", conf->name);
    return GW_NEXT;
}

/* the way of a request --------------------------------------------------------------------------------------------- */

static gw_verdict_t on_request(gw_exchange_t *ex, const void *arg, void *state)
{
    const conf_t *conf = arg;
    gw_client_key_t key;
    if (ex->is_preflight)
        return GW_NEXT; /* the browser's question, not the client's request */
    if (gw_exempt_fits(ex, &conf->exempt)) {
        gw_exchange_decide(ex, self, "next", "exempt");
        return GW_NEXT;
    }
    switch (gw_client_key_find(ex, &conf->key, &key)) {
    case GW_MISSING_ALLOW:
        gw_exchange_decide(ex, self, "next", "key_missing");
        return GW_NEXT;
    case GW_MISSING_REFUSE:
        return lacks_key(ex, conf);
    default:
        return take_place(ex, conf, state, &key);
    }
}

static void on_response(gw_exchange_t *ex, const void *arg, void *arg_state)
{
    const conf_t *conf = arg;
    const state_t *state = arg_state;
    const gw_place_t *place = *gw_exchange_data(ex);
    h2o_headers_t *fields = &ex->req->res.headers;
    if (place == NULL || conf->fields == GW_CONCURRENCY_NO_FIELDS || conf->mode == GW_LIMIT_OBSERVE)
        return;
    char *text = h2o_mem_alloc_pool(&ex->req->pool, GW_CONCURRENCY_FIELD_MAX);
    size_t len = gw_concurrency_limit_field(gw_str_of(conf->name), place->num_remaining, text);
    /* the policy lives as long as the view, which the exchange holds */
    gw_fields_add(&ex->req->pool, fields, GW_STR("ratelimit-policy"),
                  gw_str(state->shared->policy, state->shared->policy_len));
    gw_fields_add(&ex->req->pool, fields, GW_STR("ratelimit"), gw_str(text, len));
}

static void on_end(gw_exchange_t *ex, const void *conf, void *state)
{
    gw_place_t *place = *gw_exchange_data(ex);
    if (place != NULL)
        gw_places_leave(place);
}

/* life ------------------------------------------------------------------------------------------------------------- */

static void *share(const gw_filter_share_t *how, const void *arg, void *arg_previous)
{
    const conf_t *conf = arg;
    const shared_t *previous = arg_previous;
    shared_t *shared = gw_must_alloc(1, sizeof(*shared));
    if (previous != NULL && !gw_client_key_conf_equal(&previous->conf->key, &conf->key))
        previous = NULL; /* its places are those of others */
    shared->conf = conf;
    shared->key = how->filter->key;
    shared->places = gw_places_create((size_t)conf->keys, previous != NULL ? previous->places : NULL);
    shared->policy_len = gw_concurrency_policy_field(gw_str_of(conf->name), conf->max, shared->policy);
    return shared;
}

static void share_dispose(void *arg)
{
    shared_t *shared = arg;
    gw_places_free(shared->places);
    free(shared);
}

static void *worker_init(gw_worker_t *worker, const void *conf, void *shared)
{
    state_t *state = gw_must_alloc(1, sizeof(*state));
    state->worker = worker;
    state->shared = shared;
    return state;
}

static void worker_dispose(void *state)
{
    free(state);
}

const gw_filter_class_t gw_concurrency_limit_filter = {
    .name = "concurrency_limit",
    .meaning = "lets each client have so many requests under way at a time",
    .section = &gw_concurrency_section,
    .check_route = gw_concurrency_check_route,
    .share = share,
    .share_dispose = share_dispose,
    .worker_init = worker_init,
    .worker_dispose = worker_dispose,
    .on_request = on_request,
    .on_response = on_response,
    .on_end = on_end,
};
