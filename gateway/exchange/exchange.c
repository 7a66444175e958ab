/* SPDX-License-Identifier: MIT
 * The way of a request: route, chain, service; and its end. */
#include <assert.h>
#include "gateway/base/decimal.h"
#include "gateway/exchange/chain.h"
#include "gateway/exchange/forward.h"
#include "gateway/exchange/peer.h"
#include "gateway/exchange/principal.h"
#include "gateway/exchange/request_id.h"
#include "gateway/exchange/split.h"
#include "gateway/exchange/upstream_head.h"
#include "gateway/observe/access_log.h"
#include "gateway/routing/path.h"
#include "gateway/routing/router.h"
#include "gateway/server/accept.h"
#include "gateway/server/overload.h"
#include "gateway/server/worker.h"

static gw_str_t str_of(h2o_iovec_t bytes)
{
    return gw_str(bytes.base, bytes.len);
}

/* the end ---------------------------------------------------------------------------------------------------------- */

static uint64_t since(uint64_t start_us, uint64_t us)
{
    return us == 0 ? GW_TIME_NONE : us - start_us;
}

static gw_str_t header_of(gw_exchange_t *ex, gw_str_t name)
{
    ssize_t at = gw_fields_find(&ex->req->headers, name, 0);
    return at == -1 ? gw_str(NULL, 0) : str_of(ex->req->headers.entries[at].value);
}

static const char *protocol_of(const h2o_req_t *req)
{
    switch (req->version) {
    case 0x100:
        return "HTTP/1.0";
    case 0x101:
        return "HTTP/1.1";
    case 0x200:
        return "HTTP/2";
    default:
        return "unknown"; /* refused before it was known */
    }
}

/** "192.0.2.1:5000"; of an exchange without a client the filter that began it. */
static gw_str_t client_of(const gw_exchange_t *ex, char buf[NI_MAXHOST + 8])
{
    if (ex->detached_by != NULL)
        return gw_str_of(ex->detached_by);
    size_t len = ex->peer.len;
    memcpy(buf, ex->peer.ptr, ex->peer.len);
    if (ex->peer_port != 0) {
        buf[len++] = ':';
        len = (size_t)(gw_put_decimal(buf + len, ex->peer_port) - buf);
    }
    return gw_str(buf, len);
}

static void write_log(gw_exchange_t *ex)
{
    h2o_req_t *req = ex->req;
    char client[NI_MAXHOST + 8];
    gw_str_t path = str_of(req->input.path), query = gw_str(NULL, 0);
    const char *mark = path.len != 0 ? memchr(path.ptr, '?', path.len) : NULL;
    if (mark != NULL) {
        query = gw_str(mark + 1, path.len - (size_t)(mark + 1 - path.ptr));
        path.len = (size_t)(mark - path.ptr);
    }
    h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);
    gw_outcome_t outcome = {
        .started_at_us = ex->started_wall_us,
        .request_id = ex->request_id,
        .client = client_of(ex, client),
        .principal = gw_exchange_principal_name(ex),
        .credential = ex->principal != NULL ? ex->principal->scheme : NULL,
        .protocol = ex->detached_by == NULL ? protocol_of(req) : NULL,
        .tls = ex->is_tls && sock != NULL ? h2o_socket_get_ssl_protocol_version(sock) : NULL,
        .method = str_of(req->input.method),
        .host = str_of(req->input.authority),
        .path = path,
        .query = query,
        .user_agent = header_of(ex, GW_STR("user-agent")),
        .referer = header_of(ex, GW_STR("referer")),
        .route = ex->route != NULL ? ex->route->name : NULL,
        .service = ex->service != NULL ? ex->service->name : NULL,
        .endpoint = ex->endpoint,
        .status = ex->is_answered ? (unsigned)req->res.status : 0,
        .upstream_status = ex->upstream_status,
        .bytes_in = ex->body != NULL ? ex->body->received : 0,
        .bytes_out = req->bytes_sent,
        .tries = ex->tries,
        .reused = ex->is_reused,
        .reason = gw_reason_name(ex->reason),
        .head_us = since(ex->started_us, ex->head_us),
        .connected_us = since(ex->started_us, ex->connected_us),
        .response_us = since(ex->started_us, ex->response_us),
        .total_us = gw_worker_now_us(ex->worker) - ex->started_us,
        .decisions = ex->decisions,
        .num_decisions = ex->num_decisions,
        .secret_parameters = ex->view->snapshot->secret_parameters.entries,
        .num_secret_parameters = ex->view->snapshot->secret_parameters.size,
    };
    gw_access_log_write(ex->worker->log, ex->worker->index, &outcome);
}

/** The pool of the request is being cleared: whatever happened, it happens once, here. */
static void end_exchange(void *arg)
{
    gw_exchange_t *ex = arg;
    if (!ex->is_delivered && ex->reason == GW_REASON_OK)
        ex->reason = ex->detached_by == NULL ? GW_REASON_CLIENT_CLOSED : GW_REASON_CANCELLED;
    h2o_socket_t *sock = ex->req->conn->callbacks->get_socket(ex->req->conn);
    if (ex->req->version >= 0x200 && sock != NULL)
        gw_accept_note_end(sock, ex->reason == GW_REASON_CLIENT_CLOSED);
    gw_forward_dispose(ex);
    if (ex->view->snapshot->access_log.target != GW_LOG_OFF && !ex->is_unlogged)
        write_log(ex);
    gw_chain_end(ex);
    gw_overload_leave(ex);
    gw_view_unref(ex->view);
}

/* the beginning ---------------------------------------------------------------------------------------------------- */

gw_exchange_t *gw_exchange_make(h2o_req_t *req, gw_worker_t *worker, gw_view_t *view, uint64_t started_us)
{
    gw_exchange_t *ex = h2o_mem_alloc_shared(&req->pool, sizeof(*ex), end_exchange);
    memset(ex, 0, offsetof(gw_exchange_t, request_id_bytes));
    ex->req = req;
    ex->worker = worker;
    ex->worker_index = worker->index;
    ex->view = view;
    gw_view_ref(view);
    ex->started_us = started_us;
    ex->head_us = gw_worker_now_us(worker);
    ex->started_wall_us = gw_worker_wall_us(worker) - (ex->head_us - started_us);
    return ex;
}

void gw_exchange_bind_request(h2o_req_t *req)
{
    h2o_hostconf_t *host = req->conn->hosts[0];
    req->scheme = req->input.scheme;
    req->method = req->input.method;
    req->authority = req->input.authority;
    req->path = req->input.path;
    req->query_at = req->input.query_at = SIZE_MAX;
    h2o_req_bind_conf(req, host, &host->fallback_path);
}

static gw_exchange_t *create_exchange(h2o_req_t *req, gw_worker_t *worker, uint64_t started_us)
{
    gw_exchange_t *ex = gw_exchange_make(req, worker, worker->view, started_us);
    ex->client_version = req->version;
    ex->is_tls = req->input.scheme == &H2O_URL_SCHEME_HTTPS;
    h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);
    if (sock->ssl != NULL) /* an HTTP/2 client is free to write another :scheme */
        ex->certificate = gw_accept_certificate(sock);
    gw_exchange_set_peer(ex, gw_accept_peer(sock));
    gw_request_id_assign(ex);
    if (ex->view->snapshot->asks_for_certificates) {
        /* services take these for the word of the gateway, on whatever route they are reached (RFC 9440 4) */
        gw_exchange_forget_field(ex, GW_STR("client-cert"));
        gw_exchange_forget_field(ex, GW_STR("client-cert-chain"));
    }
    if (req->pathconf == NULL) /* HTTP/2 comes with one, ours does without h2o_process_request */
        gw_exchange_bind_request(req);
    return ex;
}

gw_exchange_t *gw_exchange_refuse(h2o_req_t *req, gw_worker_t *worker, gw_reason_t reason, const char *detail,
                                  uint64_t started_us)
{
    gw_exchange_t *ex = create_exchange(req, worker, started_us);
    req->http1_is_persistent = 0;
    gw_exchange_problem(ex, reason, detail);
    return ex;
}

static void add_allow(gw_exchange_t *ex, uint32_t methods)
{
    char names[128];
    size_t len = gw_method_set_names(methods, names, sizeof(names));
    h2o_iovec_t value = h2o_strdup(&ex->req->pool, names, len);
    gw_fields_add(&ex->req->pool, &ex->req->res.headers, GW_STR("allow"), str_of(value));
}

/** @return the method of the request that a CORS preflight asks for; empty: it is none */
static gw_str_t method_of_preflight(gw_exchange_t *ex)
{
    if (!gw_str_equal(str_of(ex->req->input.method), GW_STR("OPTIONS")) || header_of(ex, GW_STR("origin")).len == 0)
        return gw_str(NULL, 0);
    return header_of(ex, GW_STR("access-control-request-method"));
}

/** A preflight is about a request that is to come: it goes where that will go, if a filter there answers it, even if
 * OPTIONS itself would find no route.  It never gets past that filter, so no service sees what its route does not take.
 * The same with PURGE, which is about what GET gets.
 */
static gw_router_result_t match(gw_exchange_t *ex, size_t *ret_index, uint32_t *ret_allowed)
{
    const gw_snapshot_t *snapshot = ex->view->snapshot;
    gw_str_t method = str_of(ex->req->input.method), wanted = method_of_preflight(ex);
    if (wanted.len != 0 &&
        gw_router_match(snapshot->router, ex->host, ex->path, wanted, ret_index, ret_allowed) == GW_ROUTER_MATCH &&
        snapshot->routes[*ret_index].answers_preflight) {
        ex->is_preflight = true;
        return GW_ROUTER_MATCH;
    }
    if (gw_str_equal(method, GW_STR("PURGE")) &&
        gw_router_match(snapshot->router, ex->host, ex->path, GW_STR("GET"), ret_index, ret_allowed) ==
            GW_ROUTER_MATCH &&
        snapshot->routes[*ret_index].answers_purge)
        return GW_ROUTER_MATCH;
    gw_router_result_t result = gw_router_match(snapshot->router, ex->host, ex->path, method, ret_index, ret_allowed);
    ex->is_preflight = wanted.len != 0 && result == GW_ROUTER_MATCH && snapshot->routes[*ret_index].answers_preflight;
    return result;
}

/** Splits, normalises and looks up.  @return false when it was answered */
static bool find_route(gw_exchange_t *ex)
{
    h2o_req_t *req = ex->req;
    const gw_snapshot_t *snapshot = ex->view->snapshot;
    gw_str_t raw = str_of(req->input.path);
    const char *mark = memchr(raw.ptr, '?', raw.len);
    if (mark != NULL) {
        ex->query = gw_str(mark, raw.len - (size_t)(mark - raw.ptr));
        raw.len = (size_t)(mark - raw.ptr);
    }
    if (gw_str_equal(raw, GW_STR("*"))) { /* OPTIONS *: about this server, which has nothing to say but that it lives */
        ex->is_answered = ex->is_delivered = true;
        static h2o_generator_t generator = {NULL, NULL};
        req->res.status = 204;
        req->res.reason = "No Content";
        h2o_start_response(req, &generator);
        h2o_send(req, NULL, 0, H2O_SEND_STATE_FINAL);
        return false;
    }
    size_t path_cap = raw.len + 1, host_cap = req->input.authority.len + 1;
    char *buf = h2o_mem_alloc_pool(&req->pool, path_cap + host_cap);
    gw_path_result_t path_result = gw_path_normalise(raw, buf, path_cap, &ex->path);
    if (path_result != GW_PATH_OK) {
        gw_exchange_problem(ex, GW_REASON_PATH_REFUSED, gw_path_result_str(path_result));
        return false;
    }
    if (req->input.authority.len != 0) {
        if (!gw_host_memo_normalise(&ex->worker->host_memo, str_of(req->input.authority), buf + path_cap, host_cap,
                                    &ex->host)) {
            gw_exchange_problem(ex, GW_REASON_MALFORMED_REQUEST, "the host is not valid");
            return false;
        }
    }
    size_t index;
    uint32_t allowed;
    switch (match(ex, &index, &allowed)) {
    case GW_ROUTER_MATCH:
        ex->route = &snapshot->routes[index];
        ex->routed_ms = gw_worker_now_ms(ex->worker);
        gw_split_choose(ex);
        return true;
    case GW_ROUTER_METHOD_NOT_ALLOWED:
        add_allow(ex, allowed);
        gw_exchange_problem(ex, GW_REASON_METHOD_NOT_ALLOWED, NULL);
        return false;
    default:
        gw_exchange_problem(ex, GW_REASON_NO_ROUTE, NULL);
        return false;
    }
}

static void go_on(gw_exchange_t *ex, gw_verdict_t verdict)
{
    if (verdict == GW_NEXT)
        gw_forward_start(ex);
}

/** A connection outlives the certificate that it was opened with: what its handshake has shown is true no longer.  The
 * status is 403 although the client is to prove itself anew: a 401 names an HTTP scheme to do that with (RFC 9110
 * 15.5.2), and this one needs another connection.  @return false when it was answered */
static bool has_valid_certificate(gw_exchange_t *ex)
{
    h2o_req_t *req = ex->req;
    if (ex->certificate == NULL || gw_worker_wall_us(ex->worker) / 1000000 <= ex->certificate->valid_until_s)
        return true;
    req->http1_is_persistent = 0;
    gw_exchange_problem(ex, GW_REASON_CLIENT_CERTIFICATE_EXPIRED, "connect again with a certificate that is valid");
    if (req->version >= 0x200)
        gw_accept_end_soon(req->conn->callbacks->get_socket(req->conn));
    return false;
}

gw_exchange_t *gw_exchange_begin(h2o_req_t *req, gw_worker_t *worker, gw_body_t *body, uint64_t started_us)
{
    gw_exchange_t *ex = create_exchange(req, worker, started_us);
    ex->body = body;
    if (!has_valid_certificate(ex) || !find_route(ex) || !gw_overload_admit(ex))
        return ex;
    uint64_t limit = ex->route->max_body;
    if (body != NULL)
        body->limit = limit;
    if (body != NULL && body->length != GW_BODY_UNKNOWN_LENGTH && body->length > limit) {
        gw_exchange_problem(ex, GW_REASON_BODY_TOO_LARGE, NULL);
        return ex;
    }
    if (!gw_upstream_drop_nominated(&req->headers)) {
        gw_exchange_problem(ex, GW_REASON_MALFORMED_REQUEST, "Connection names too many fields");
        return ex;
    }
    gw_exchange_run(ex);
    return ex;
}

void gw_exchange_run(gw_exchange_t *ex)
{
    go_on(ex, gw_chain_run(ex));
}

void gw_exchange_resume(gw_exchange_t *ex, gw_verdict_t verdict)
{
    assert(ex->is_in_chain && verdict != GW_WAITING);
    if (ex->is_cancelled)
        return; /* it ends in a moment, and what this filter has got for it is given back then */
    go_on(ex, verdict == GW_NEXT ? gw_chain_run(ex) : verdict);
}
