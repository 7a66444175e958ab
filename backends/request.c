/* SPDX-License-Identifier: MIT
 * The life of a request: arrival, the delay and the failures asked for on the command line or by PUT /fault, waiting,
 * the log line. */
#include <errno.h>
#include <poll.h>
#include <unistd.h>
#include "backends/log_line.h"
#include "backends/services.h"

#define KEY "gw_demo_request" /* where the h2o_req_t keeps our part, in its environment */

typedef struct handler {
    h2o_handler_t super;
    gw_demo_server_t *server;
} handler_t;

typedef struct logger {
    h2o_logger_t super;
    gw_demo_server_t *server;
    uint64_t num_lost; /* lines, since the last one that could be written */
} logger_t;

h2o_socket_t *gw_demo_socket(gw_demo_request_t *r)
{
    return r->req->conn->callbacks->get_socket(r->req->conn);
}

/* waiting ------------------------------------------------------------------------------------------------------------
 */

static void stop_watching(gw_demo_request_t *r)
{
    if (!r->is_watching)
        return;
    r->is_watching = false;
    h2o_socket_t *sock = gw_demo_socket(r);
    h2o_socket_dont_read(sock, 0);
    h2o_socket_read_stop(sock);
}

static void on_leave(gw_demo_request_t *r)
{
    h2o_req_t *req = r->req;
    r->has_left = true;
    stop_watching(r);
    gw_timer_stop(&r->timer);
    /* whatever is sent now fails, and a failed write is how libh2o's server comes to close the connection */
    shutdown(h2o_socket_get_fd(gw_demo_socket(r)), SHUT_RDWR);
    req->http1_is_persistent = 0;
    if (r->is_started)
        h2o_send(req, NULL, 0, H2O_SEND_STATE_ERROR);
    else
        gw_demo_answer(r, 499, NULL, gw_str(NULL, 0));
}

static void on_readable(h2o_socket_t *sock, const char *err)
{
    gw_demo_request_t *r = sock->on_close.data;
    char byte;
    ssize_t len = recv(h2o_socket_get_fd(sock), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (len == 0 || (len == -1 && errno != EAGAIN && errno != EINTR))
        on_leave(r);
    else if (len > 0)
        stop_watching(r); /* the next request is there already; its end can no longer be told from the client's */
}

/** Readiness is asked for, but nothing is read: method, path and fields point into the socket's buffer, which reading
 *  would move.  The socket's `data` belongs to libh2o's server, so the request goes where only the unused close
 * callback would look for it. */
static void start_watching(gw_demo_request_t *r)
{
    h2o_socket_t *sock = gw_demo_socket(r);
    r->is_watching = true;
    sock->on_close.data = r;
    h2o_socket_dont_read(sock, 1);
    h2o_socket_read_start(sock, on_readable);
}

static void on_time(gw_timer_t *timer)
{
    gw_demo_request_t *r = H2O_STRUCT_FROM_MEMBER(gw_demo_request_t, timer, timer);
    gw_demo_timer_fired(r->server);
    stop_watching(r);
    r->then(r);
}

void gw_demo_wait(gw_demo_request_t *r, uint64_t until_ms, void (*then)(gw_demo_request_t *r))
{
    r->then = then;
    gw_timer_set(&r->server->timers, &r->timer, until_ms);
    if (!r->is_watching)
        start_watching(r);
}

static gw_demo_request_t *request_of(h2o_req_t *req)
{
    h2o_iovec_t *slot = h2o_req_getenv(req, H2O_STRLIT(KEY), 0);
    return slot != NULL ? (gw_demo_request_t *)(void *)slot->base : NULL;
}

void gw_demo_request_cut(h2o_req_t *req)
{
    gw_demo_request_t *r = request_of(req);
    shutdown(h2o_socket_get_fd(req->conn->callbacks->get_socket(req->conn)), SHUT_RDWR);
    if (r != NULL && gw_timer_is_set(&r->timer)) {
        r->then = on_leave; /* later, because it may free the connection that the caller is walking over */
        gw_timer_set(&r->server->timers, &r->timer, gw_demo_now_ms());
    }
}

/* arrival ------------------------------------------------------------------------------------------------------------
 */

static void add_fault(json_t *body, const gw_fault_t *fault)
{
    json_object_set_new(body, "delay_ms", json_integer((json_int_t)fault->delay_ms));
    json_object_set_new(body, "fail", json_real(fault->share / (double)GW_FAULT_ALL));
}

static void tell_health(gw_demo_request_t *r)
{
    const gw_demo_options_t *options = r->server->options;
    const gw_fault_t *fault = &r->server->fault;
    bool is_failing = fault->share == GW_FAULT_ALL;
    if (!gw_demo_is_get(r))
        return;
    json_t *body = is_failing ? json_pack("{s:s, s:s, s:i, s:s}", "type", "about:blank", "title", "Service Unavailable",
                                          "status", 503, "detail", "every answer is a failure, on purpose")
                              : json_pack("{s:s}", "status", fault->share == 0 ? "ok" : "degraded");
    json_object_set_new(body, "service", json_string(options->service));
    json_object_set_new(body, "name", json_string(options->name));
    add_fault(body, fault);
    gw_demo_header(r, "cache-control", "no-store");
    gw_demo_answer_json(r, is_failing ? 503 : 200, body, JSON_COMPACT | JSON_REAL_PRECISION(6));
}

static void tell_fault(gw_demo_request_t *r)
{
    json_t *body = json_pack("{s:s}", "name", r->server->options->name);
    add_fault(body, &r->server->fault);
    gw_demo_header(r, "cache-control", "no-store");
    gw_demo_answer_json(r, 200, body, JSON_COMPACT | JSON_REAL_PRECISION(6));
}

/** @param share in: what there is; out: what was asked for   @return false: the request was answered by 400 */
static bool find_share(gw_demo_request_t *r, uint32_t *share)
{
    char text[32], why[128];
    gw_str_t value;
    gw_query_result_t result = gw_query_find(r->query, GW_STR("fail"), text, sizeof(text) - 1, &value);
    if (result == GW_QUERY_MISSING)
        return true;
    if (result != GW_QUERY_OK) {
        gw_demo_problem(r, 400, "fail", "fail %s", gw_query_result_str(result));
        return false;
    }
    text[value.len] = '\0';
    if (strlen(text) == value.len && gw_demo_ratio_parse(text, share, why, sizeof(why)))
        return true;
    gw_demo_problem(r, 400, "fail", "fail is not a decimal number from 0 to 1");
    return false;
}

static void change_fault(gw_demo_request_t *r)
{
    static const uint32_t not_given = UINT32_MAX;
    uint32_t share = not_given;
    uint64_t delay_ms = not_given;
    if (!find_share(r, &share) || !gw_demo_number(r, "delay", 0, GW_DEMO_MAX_DELAY_MS, &delay_ms))
        return;
    if (share == not_given && delay_ms == not_given) {
        gw_demo_problem(r, 400, NULL, "what is to change? PUT /fault?fail=RATIO&delay=MS, or one of them");
        return;
    }
    if (share != not_given)
        r->server->fault = (gw_fault_t){.share = share, .delay_ms = r->server->fault.delay_ms};
    if (delay_ms != not_given)
        r->server->fault.delay_ms = delay_ms;
    tell_fault(r);
}

static bool is_control(const gw_demo_request_t *r)
{
    return gw_str_equal(r->path, GW_STR("/fault"));
}

/** GET tells, PUT changes; never late and never failing, so that whatever was asked for can be undone. */
static void control(gw_demo_request_t *r)
{
    const h2o_iovec_t *method = &r->req->input.method;
    if (h2o_memis(method->base, method->len, H2O_STRLIT("PUT"))) {
        change_fault(r);
    } else if (r->is_head || h2o_memis(method->base, method->len, H2O_STRLIT("GET"))) {
        tell_fault(r);
    } else {
        gw_demo_header(r, "allow", "GET, HEAD, PUT");
        gw_demo_problem(r, 405, NULL, "GET tells how requests fail here, PUT changes it");
    }
}

static void dispatch(gw_demo_request_t *r)
{
    if (gw_str_equal(r->path, GW_STR("/healthz")))
        tell_health(r);
    else if (gw_fault_next(&r->server->fault))
        gw_demo_problem(r, 503, NULL, "%s fails on purpose (--fail)", r->server->options->name);
    else
        r->server->service->handle(r);
}

static void split_target(gw_demo_request_t *r)
{
    gw_str_t rest = r->target;
    const char *mark = rest.len != 0 ? memchr(rest.ptr, '?', rest.len) : NULL;
    if (mark != NULL) {
        r->query = gw_str(mark + 1, rest.len - (size_t)(mark - rest.ptr) - 1);
        rest.len = (size_t)(mark - rest.ptr);
    }
    if (gw_str_starts_with(rest, GW_STR("http://"))) { /* absolute-form, RFC 9112 section 3.2.2 */
        const char *slash = memchr(rest.ptr + 7, '/', rest.len - 7);
        rest = slash != NULL ? gw_str(slash, rest.len - (size_t)(slash - rest.ptr)) : GW_STR("/");
    }
    r->path = rest;
}

static void on_pool_clear(void *arg)
{
    gw_demo_request_t *r = arg;
    stop_watching(r);
    gw_timer_dispose(&r->server->timers, &r->timer);
    --r->server->num_in_flight;
}

static int on_request(h2o_handler_t *super, h2o_req_t *req)
{
    gw_demo_server_t *server = ((handler_t *)(void *)super)->server;
    gw_demo_request_t *r = h2o_mem_alloc_shared(&req->pool, sizeof(*r), on_pool_clear);
    *r = (gw_demo_request_t){
        .server = server,
        .req = req,
        .target = gw_str(req->input.path.base, req->input.path.len),
        .is_head = h2o_memis(req->input.method.base, req->input.method.len, H2O_STRLIT("HEAD")),
        .begun_us = gw_demo_now_us(),
    };
    split_target(r);
    gw_timer_init(&r->timer, on_time);
    ++server->num_in_flight;
    *h2o_req_getenv(req, H2O_STRLIT(KEY), 1) = h2o_iovec_init((char *)r, sizeof(*r));
    if (is_control(r))
        control(r);
    else if (server->fault.delay_ms != 0)
        gw_demo_wait(r, gw_demo_now_ms() + server->fault.delay_ms, dispatch);
    else
        dispatch(r);
    return 0;
}

/* the log ------------------------------------------------------------------------------------------------------------
 */

/** A log that nobody reads (a full pipe) costs lines, never the service. */
static void write_line(logger_t *logger, const char *line, size_t len)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&out, 1, 0) != 1 || (out.revents & POLLOUT) == 0) {
        ++logger->num_lost;
        return;
    }
    if (logger->num_lost != 0) {
        dprintf(STDERR_FILENO, "sluice-demo: %llu log lines were lost\n", (unsigned long long)logger->num_lost);
        logger->num_lost = 0;
    }
    if (write(STDERR_FILENO, line, len) == -1)
        ++logger->num_lost;
}

static void on_log(h2o_logger_t *super, h2o_req_t *req)
{
    logger_t *logger = (logger_t *)(void *)super;
    char text[GW_LOG_LINE_SIZE];
    /* libh2o refuses broken bodies by itself, without asking a handler: such a request has none of our state */
    gw_demo_request_t *r = request_of(req);
    const char *query =
        logger->server->service->hides_query ? memchr(req->input.path.base, '?', req->input.path.len) : NULL;
    gw_log_line_t line = {
        .method = gw_str(req->input.method.base, req->input.method.len),
        .target =
            gw_str(req->input.path.base, query != NULL ? (size_t)(query - req->input.path.base) : req->input.path.len),
        .status = r != NULL && r->has_left ? 499 : req->res.status,
        .num_bytes = req->bytes_sent,
        .elapsed_us = r != NULL ? gw_demo_now_us() - r->begun_us : 0,
        .name = logger->server->options->name,
    };
    write_line(logger, text, gw_log_line_format(text, &line));
}

void gw_demo_request_register(gw_demo_server_t *server, h2o_pathconf_t *pathconf)
{
    handler_t *handler = (handler_t *)(void *)h2o_create_handler(pathconf, sizeof(*handler));
    handler->super.on_req = on_request;
    handler->server = server;
    logger_t *logger = (logger_t *)(void *)h2o_create_logger(pathconf, sizeof(*logger));
    logger->super.log_access = on_log;
    logger->server = server;
}
