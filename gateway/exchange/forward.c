/* SPDX-License-Identifier: MIT
 * One exchange and the endpoints of its service.
 *
 * What may be tried again: nothing of the request was seen by an endpoint (the connection was refused, timed out), or a
 * pooled connection turned out to be closed before the first byte of an answer, for a method that is idempotent (RFC
 * 9110 9.2.2) and a request without a body.  Everything else is answered with its reason. */
#include <assert.h>
#include "gateway/exchange/forward.h"
#include "gateway/exchange/upstream_head.h"
#include "gateway/routing/router.h"
#include "gateway/server/worker.h"
#include "gateway/upstream/call.h"
#include "gateway/upstream/pool.h"

#define SMALL_BODY 4096 /* copied, so that its chunk is free at once and stays warm */

/** Apart from the rest because it is large and most requests find a connection in the pool. */
typedef struct attempt {
    gw_connecting_t super;
    struct gw_forward *forward;
} attempt_t;

typedef struct gw_forward {
    h2o_generator_t super;
    gw_exchange_t *ex;
    gw_view_service_t *service;
    gw_call_t call;
    attempt_t *attempt;                 /* to connect; NULL until one was needed */
    size_t first_endpoint, num_refused; /* endpoints that could not be connected to */
    gw_pool_t *pool;                    /* of the endpoint that is being tried */
    bool is_connecting, is_sending;     /* is_sending: the response was begun */
    bool is_retried;                    /* a stale pooled connection was already replaced */
} gw_forward_t;

static void try_endpoint(gw_forward_t *fw);

static void fail(gw_forward_t *fw, gw_reason_t reason, const char *detail)
{
    gw_exchange_t *ex = fw->ex;
    gw_call_dispose(&fw->call);
    ex->detail = detail;
    if (!fw->is_sending) {
        gw_exchange_problem(ex, reason, NULL);
        return;
    }
    /* too late for a status: the client learns it from a response that is cut short (RFC 9112 8, RFC 9113 8.1.1) */
    ex->reason = reason;
    h2o_send(ex->req, NULL, 0, H2O_SEND_STATE_ERROR);
}

/* the response ----------------------------------------------------------------------------------------------------- */

static gw_forward_t *forward_of(gw_call_t *call)
{
    return H2O_STRUCT_FROM_MEMBER(gw_forward_t, call, call);
}

static void on_proceed(h2o_generator_t *generator, h2o_req_t *req)
{
    gw_forward_t *fw = (gw_forward_t *)generator;
    gw_call_more(&fw->call);
}

static void on_stop(h2o_generator_t *generator, h2o_req_t *req)
{
    gw_forward_t *fw = (gw_forward_t *)generator;
    gw_call_dispose(&fw->call);
}

static void on_head(gw_call_t *call, const gw_call_head_t *head)
{
    gw_forward_t *fw = forward_of(call);
    gw_exchange_t *ex = fw->ex;
    ex->response_us = gw_worker_now_us(ex->worker);
    ex->upstream_status = (unsigned)head->status;
    ex->is_answered = true;
    gw_upstream_take_response(ex, head);
    gw_exchange_filter_response(ex);
    fw->is_sending = true;
    fw->super = (h2o_generator_t){on_proceed, on_stop};
    h2o_start_response(ex->req, &fw->super);
}

static void on_body(gw_call_t *call, const h2o_iovec_t *slices, size_t num_slices, bool is_last)
{
    gw_forward_t *fw = forward_of(call);
    h2o_req_t *req = fw->ex->req;
    h2o_iovec_t bufs[GW_BODY_MAX_SLICES];
    assert(num_slices <= GW_BODY_MAX_SLICES);
    for (size_t i = 0; i != num_slices; ++i)
        bufs[i] = slices[i];
    if (!is_last) {
        h2o_send(req, bufs, num_slices, H2O_SEND_STATE_IN_PROGRESS);
        return;
    }
    fw->ex->is_delivered = true;
    if (num_slices == 1 && bufs[0].len <= SMALL_BODY) {
        bufs[0] = h2o_strdup(&req->pool, bufs[0].base, bufs[0].len);
        gw_call_dispose(call);
    } /* else the chunk is given back when the exchange ends, which is when the client has got it */
    h2o_send(req, bufs, num_slices, H2O_SEND_STATE_FINAL);
}

static bool may_repeat(const gw_exchange_t *ex)
{
    if (ex->body != NULL)
        return false;
    switch (gw_method_from(gw_str(ex->req->input.method.base, ex->req->input.method.len))) {
    case GW_METHOD_GET:
    case GW_METHOD_HEAD:
    case GW_METHOD_OPTIONS:
    case GW_METHOD_PUT:
    case GW_METHOD_DELETE:
    case GW_METHOD_TRACE:
        return true;
    default:
        return false;
    }
}

static void on_failed(gw_call_t *call, gw_reason_t reason, const char *detail, bool is_untouched)
{
    gw_forward_t *fw = forward_of(call);
    bool is_stale = is_untouched && fw->ex->is_reused &&
                    (reason == GW_REASON_UPSTREAM_CLOSED || reason == GW_REASON_UPSTREAM_RESET);
    if (is_stale && !fw->is_retried && may_repeat(fw->ex)) {
        fw->is_retried = true;
        gw_call_dispose(call);
        try_endpoint(fw);
        return;
    }
    fail(fw, reason, detail);
}

static const gw_call_events_t call_events = {on_head, on_body, on_failed};

/* the request ------------------------------------------------------------------------------------------------------ */

static void send_request(gw_forward_t *fw, gw_connection_t *connection)
{
    gw_exchange_t *ex = fw->ex;
    ex->connected_us = gw_worker_now_us(ex->worker);
    ex->is_reused = connection->is_reused;
    ++ex->tries;
    gw_endpoint_t *endpoint = gw_pool_endpoint(fw->pool);
    h2o_iovec_t head = gw_upstream_request_head(ex, endpoint->authority);
    bool is_head = h2o_memis(ex->req->input.method.base, ex->req->input.method.len, H2O_STRLIT("HEAD"));
    memset(&fw->call, 0, sizeof(fw->call));
    fw->call.events = &call_events;
    gw_call_start(&fw->call, connection, ex->route->service, head, is_head, ex->body, &ex->req->pool);
}

static void on_connected(gw_connecting_t *connecting, gw_connection_t *connection, gw_reason_t failure)
{
    gw_forward_t *fw = ((attempt_t *)connecting)->forward;
    fw->is_connecting = false;
    if (connection != NULL) {
        send_request(fw, connection);
        return;
    }
    ++fw->ex->tries;
    if (++fw->num_refused < fw->service->num_pools)
        try_endpoint(fw);
    else
        fail(fw, failure, NULL);
}

static void try_endpoint(gw_forward_t *fw)
{
    const gw_service_conf_t *conf = fw->ex->route->service;
    fw->pool = fw->service->pools[(fw->first_endpoint + fw->num_refused) % fw->service->num_pools];
    fw->ex->endpoint = gw_pool_endpoint(fw->pool)->url;
    gw_connection_t *connection = fw->is_retried ? NULL : gw_pool_take(fw->pool, conf);
    if (connection != NULL) {
        send_request(fw, connection);
        return;
    }
    fw->is_connecting = true;
    if (fw->attempt == NULL)
        fw->attempt = h2o_mem_alloc_pool(&fw->ex->req->pool, sizeof(*fw->attempt));
    fw->attempt->super.on_done = on_connected;
    fw->attempt->forward = fw;
    gw_pool_connect(fw->pool, conf, &fw->attempt->super);
}

void gw_forward_start(gw_exchange_t *ex)
{
    if (gw_upstream_is_loop(ex)) {
        gw_exchange_problem(ex, GW_REASON_LOOP_DETECTED, NULL);
        return;
    }
    gw_forward_t *fw = h2o_mem_alloc_pool(&ex->req->pool, sizeof(*fw));
    memset(fw, 0, sizeof(*fw));
    fw->ex = ex;
    ex->forward = fw;
    fw->service = &ex->view->services[ex->route->service_index];
    fw->first_endpoint = fw->service->state->next_endpoint++ % fw->service->num_pools;
    try_endpoint(fw);
}

void gw_forward_dispose(gw_exchange_t *ex)
{
    gw_forward_t *fw = ex->forward;
    if (fw == NULL)
        return;
    if (fw->is_connecting) {
        gw_connecting_cancel(&fw->attempt->super);
        fw->is_connecting = false;
    }
    gw_call_dispose(&fw->call);
}
