/* SPDX-License-Identifier: MIT
 * HTTP/2 by libh2o. */
#include <stdlib.h>
#include <sys/socket.h>
#include <h2o.h>
#include <h2o/http2.h>
#include "gateway/exchange/exchange.h"
#include "gateway/exchange/memory_body.h"
#include "gateway/server/accept.h"
#include "gateway/server/guard.h"
#include "gateway/server/http2.h"
#include "gateway/server/http2_date.h"

#define FIELD_OVERHEAD 32 /* what RFC 9113 6.5.2 counts for each field beside its octets */

static gw_str_t str_of(h2o_iovec_t bytes)
{
    return gw_str(bytes.base, bytes.len);
}

static gw_guard_result_t judge(const gw_worker_t *worker, const h2o_req_t *req)
{
    const gw_snapshot_t *snapshot = worker->view->snapshot;
    if (req->headers.size > snapshot->limits.fields)
        return GW_GUARD_TOO_MANY_FIELDS;
    size_t size = req->input.path.len + req->input.authority.len + req->input.method.len;
    for (size_t i = 0; i != req->headers.size; ++i)
        size += req->headers.entries[i].name->len + req->headers.entries[i].value.len + FIELD_OVERHEAD;
    if (size > snapshot->limits.head)
        return GW_GUARD_FIELDS_TOO_LARGE;
    gw_guard_result_t result =
        gw_guard_request(str_of(req->input.method), str_of(req->input.path), str_of(req->input.authority));
    for (size_t i = 0; result == GW_GUARD_OK && i != req->headers.size; ++i)
        result = gw_guard_field(str_of(*req->headers.entries[i].name), str_of(req->headers.entries[i].value));
    return result;
}

/** The worker's clock at the first frame of the request. */
static uint64_t started_us(gw_worker_t *worker, const h2o_req_t *req)
{
    uint64_t now_us = gw_worker_now_us(worker), wall_us = gw_worker_wall_us(worker);
    const struct timeval *begin = &req->timestamps.request_begin_at;
    uint64_t begin_us = (uint64_t)begin->tv_sec * 1000000 + (uint64_t)begin->tv_usec;
    return begin_us != 0 && begin_us < wall_us && wall_us - begin_us < now_us ? now_us - (wall_us - begin_us) : now_us;
}

static void refuse(gw_worker_t *worker, h2o_req_t *req, gw_guard_result_t result)
{
    gw_reason_t reason = GW_REASON_MALFORMED_REQUEST;
    if (result == GW_GUARD_TOO_MANY_FIELDS || result == GW_GUARD_FIELDS_TOO_LARGE)
        reason = GW_REASON_HEAD_TOO_LARGE;
    else if (result == GW_GUARD_METHOD_CONNECT)
        reason = GW_REASON_NOT_IMPLEMENTED;
    gw_exchange_refuse(req, worker, reason, gw_guard_result_str(result), started_us(worker, req));
    if (reason == GW_REASON_HEAD_TOO_LARGE) {
        /* 6 MB of HPACK bomb cost libh2o 2.6 GB: whoever sends such heads gets no second one on this connection */
        h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);
        shutdown(h2o_socket_get_fd(sock), SHUT_RD);
    }
}

static int on_request(h2o_handler_t *handler, h2o_req_t *req)
{
    gw_worker_t *worker = H2O_STRUCT_FROM_MEMBER(gw_worker_t, context, req->conn->ctx);
    if (gw_accept_is_out_of_patience(req->conn->callbacks->get_socket(req->conn))) {
        gw_exchange_refuse(req, worker, GW_REASON_TOO_MANY_RESETS, NULL, started_us(worker, req));
        return 0;
    }
    gw_http2_keep_date(req);
    gw_guard_result_t result = judge(worker, req);
    if (result != GW_GUARD_OK)
        refuse(worker, req, result);
    else
        gw_exchange_begin(req, worker, req->entity.base != NULL ? gw_memory_body(&req->pool, req->entity) : NULL,
                          started_us(worker, req));
    return 0;
}

h2o_globalconf_t *gw_http2_globalconf_create(void)
{
    h2o_globalconf_t *globalconf = h2o_mem_alloc(sizeof(*globalconf));
    h2o_config_init(globalconf);
    globalconf->server_name = h2o_iovec_init(H2O_STRLIT("")); /* the service's own Server field passes */
    globalconf->http1.upgrade_to_http2 = 0;
    h2o_hostconf_t *host = h2o_config_register_host(globalconf, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = &host->fallback_path;
    while (path->filters.size != 0) /* libh2o's chunked encoder: our HTTP/1.1 does its own */
        free(path->filters.entries[--path->filters.size]);
    path->error_log.emit_request_errors = 0;
    h2o_handler_t *handler = h2o_create_handler(path, sizeof(*handler));
    handler->on_req = on_request;
    return globalconf;
}

h2o_globalconf_t *gw_http2_globalconf_free(h2o_globalconf_t *globalconf)
{
    if (globalconf == NULL)
        return NULL;
    h2o_config_dispose(globalconf);
    free(globalconf);
    return NULL;
}

void gw_http2_apply(gw_worker_t *worker)
{
    const gw_snapshot_t *snapshot = worker->view->snapshot;
    uint64_t max_body = snapshot->limits.body;
    for (size_t i = 0; i != snapshot->num_routes; ++i)
        if (snapshot->routes[i].max_body > max_body)
            max_body = snapshot->routes[i].max_body;
    worker->context.globalconf->max_request_entity_size = max_body;
    worker->context.http2.idle_timeout.timeout = snapshot->timeouts.idle;
}

void gw_http2_accept(gw_worker_t *worker, h2o_socket_t *sock)
{
    h2o_accept_ctx_t accept = {.ctx = &worker->context, .hosts = worker->context.globalconf->hosts};
    struct timeval connected_at = *h2o_get_timestamp(&worker->context, NULL, NULL);
    h2o_http2_accept(&accept, sock, connected_at);
}
