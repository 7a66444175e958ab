/* SPDX-License-Identifier: MIT
 * The life of an HTTP/1.1 connection and the reading of request heads. */
#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include "gateway/http/phr.h"
#include "gateway/http/plain_head.h"
#include "gateway/http/request_head.h"
#include "gateway/http/syntax.h"
#include "gateway/server/accept.h"
#include "gateway/server/http1.h"
#include "gateway/server/http1_conn.h"

#define MAX_FIELDS             100          /* the schema's upper bound of limits.fields */
#define MAX_READ_AHEAD         65536        /* bytes of pipelined requests taken while one is being answered */
#define MAX_DISCARD            (256 * 1024) /* bytes thrown away while lingering */
#define LINGER_MS              2000
#define FIRST_REQUEST_GRACE_MS 1000 /* while draining, for a connection that has not asked anything yet */

static void on_read(h2o_socket_t *sock, const char *err);
static void on_expiry(gw_timer_t *timer);
static void read_requests(gw_http1_t *conn);

/* life ------------------------------------------------------------------------------------------------------------- */

static void begin_request(gw_http1_t *conn)
{
    h2o_init_request(&conn->req, &conn->super, NULL);
    gw_http1_ostream_init(conn);
    gw_timer_stop(&conn->body_timer);
    conn->phase = GW_HTTP1_IDLE;
    conn->parsed = 0;
    conn->has_body = false;
    conn->exchange = NULL;
}

void gw_http1_close(gw_http1_t *conn)
{
    conn->phase = GW_HTTP1_LINGER; /* nothing below may start anything */
    if (conn->exchange != NULL && h2o_socket_is_writing(conn->sock))
        conn->exchange->is_delivered = false; /* the last piece was handed over, but it did not leave */
    h2o_dispose_request(&conn->req);
    gw_timer_dispose(&conn->worker->timers, &conn->timer);
    gw_timer_dispose(&conn->worker->timers, &conn->body_timer);
    h2o_linklist_unlink(&conn->link);
    gw_accept_close(conn->sock);
    free(conn);
}

void gw_http1_start_reading(gw_http1_t *conn)
{
    if (conn->is_reading)
        return;
    conn->is_reading = true;
    h2o_socket_read_start(conn->sock, on_read);
}

void gw_http1_stop_reading(gw_http1_t *conn)
{
    if (!conn->is_reading)
        return;
    conn->is_reading = false;
    h2o_socket_read_stop(conn->sock);
}

/** Ends the answer's direction and waits for the client to end its own. */
static void linger(gw_http1_t *conn)
{
    h2o_dispose_request(&conn->req);
    begin_request(conn);
    conn->phase = GW_HTTP1_LINGER;
    conn->num_discarded = 0;
    if (conn->sock->ssl == NULL)
        shutdown(h2o_socket_get_fd(conn->sock), SHUT_WR);
    h2o_buffer_consume(&conn->sock->input, conn->sock->input->size);
    gw_http1_set_timer(conn, LINGER_MS);
    gw_http1_start_reading(conn);
}

void gw_http1_request_done(gw_http1_t *conn)
{
    bool is_clean = gw_http1_body_is_over(conn);
    if (conn->worker->is_draining)
        conn->req.http1_is_persistent = 0; /* its head was written before the drain began */
    if (!conn->req.http1_is_persistent || !is_clean) {
        if (!is_clean || conn->must_linger || conn->sock->input->size != 0)
            linger(conn);
        else
            gw_http1_close(conn);
        return;
    }
    h2o_dispose_request(&conn->req);
    begin_request(conn);
    gw_http1_start_reading(conn);
    if (conn->sock->input->size != 0)
        read_requests(conn);
    else
        gw_http1_set_timer(conn, conn->worker->view->snapshot->timeouts.idle);
}

/* request heads ---------------------------------------------------------------------------------------------------- */

static void refuse(gw_http1_t *conn, gw_reason_t reason, const char *detail)
{
    gw_timer_stop(&conn->timer);
    conn->phase = GW_HTTP1_EXCHANGE;
    conn->must_linger = true;
    h2o_req_t *req = &conn->req;
    req->input.scheme = conn->sock->ssl != NULL ? &H2O_URL_SCHEME_HTTPS : &H2O_URL_SCHEME_HTTP;
    if (req->version == 0) { /* nothing of it could be understood */
        req->input.method = req->input.path = req->input.authority = h2o_iovec_init(H2O_STRLIT(""));
        req->version = 0x101;
    }
    ++conn->num_requests;
    /* what else came on this connection is not worth reading: there is no telling where a request begins */
    h2o_buffer_consume(&conn->sock->input, conn->sock->input->size);
    conn->has_body = false;
    conn->exchange = gw_exchange_refuse(req, conn->worker, reason, detail, conn->started_us);
}

static gw_reason_t reason_of(gw_http_request_result_t result)
{
    switch (gw_http_request_result_status(result)) {
    case 417:
        return GW_REASON_EXPECTATION_FAILED;
    case 431:
        return GW_REASON_HEAD_TOO_LARGE;
    case 501:
        return GW_REASON_NOT_IMPLEMENTED;
    case 505:
        return GW_REASON_VERSION_NOT_SUPPORTED;
    default:
        return GW_REASON_MALFORMED_REQUEST;
    }
}

static h2o_iovec_t iovec_of(gw_str_t s)
{
    return h2o_iovec_init(s.ptr, s.len);
}

/** The request of a good head: method, path, authority and fields are set. */
static void begin_exchange(gw_http1_t *conn, bool has_body)
{
    h2o_req_t *req = &conn->req;
    req->input.scheme = conn->sock->ssl != NULL ? &H2O_URL_SCHEME_HTTPS : &H2O_URL_SCHEME_HTTP;
    gw_timer_stop(&conn->timer);
    conn->phase = GW_HTTP1_EXCHANGE;
    ++conn->num_requests;
    conn->exchange = gw_exchange_begin(req, conn->worker, has_body ? &conn->body.super : NULL, conn->started_us);
    if (req->version >= 0x101)
        conn->exchange->on_interim = gw_http1_on_interim;
}

/** Makes the request of a plain head, which stands at the front of the input.  Its bytes go into the pool: the input
 * buffer moves when more is read, and reading stays armed. */
static void accept_plain(gw_http1_t *conn, const gw_http_plain_head_t *head)
{
    enum { num_spare = 2 }; /* fields that filters add */
    h2o_req_t *req = &conn->req;
    size_t num = head->num_fields;
    char *copy = h2o_mem_alloc_pool(&req->pool, head->len + head->names_len), *lower = copy + head->len;
    memcpy(copy, conn->sock->input->bytes, head->len);
    memcpy(lower, head->names, head->names_len);
    ptrdiff_t moved = copy - conn->sock->input->bytes;
    h2o_header_t *fields =
        h2o_mem_alloc_pool(&req->pool, (num + num_spare) * sizeof(*fields) + num * sizeof(h2o_iovec_t));
    h2o_iovec_t *names = (h2o_iovec_t *)(fields + num + num_spare);
    for (size_t i = 0; i != num; ++i) {
        const gw_http_field_t *field = &head->fields[i];
        names[i] = h2o_iovec_init(lower, field->name.len);
        lower += field->name.len;
        fields[i] = (h2o_header_t){.name = &names[i],
                                   .orig_name = field->name.ptr + moved,
                                   .value = h2o_iovec_init(field->value.ptr + moved, field->value.len)};
    }
    req->headers.entries = fields;
    req->headers.size = num;
    req->headers.capacity = num + num_spare;
    req->version = 0x101;
    req->input.method = h2o_iovec_init(head->method.ptr + moved, head->method.len);
    req->input.path = h2o_iovec_init(head->target.ptr + moved, head->target.len);
    req->input.authority = h2o_iovec_init(head->authority.ptr + moved, head->authority.len);
    req->http1_is_persistent = 1;
    h2o_buffer_consume(&conn->sock->input, head->len);
    begin_exchange(conn, false);
}

/** Makes the request of a complete head; its bytes are in the pool already.
 *  @param moved what to add to a pointer into the parsed bytes to point into the copy */
static void accept_head(gw_http1_t *conn, char *copy, size_t len, int minor_version, gw_str_t method, gw_str_t target,
                        const gw_http_field_t *fields, size_t num_fields)
{
    h2o_req_t *req = &conn->req;
    req->version = 0x100 | (minor_version != 0);
    req->input.method = iovec_of(method);
    req->input.path = iovec_of(target);
    gw_http_request_head_t head;
    gw_http_request_result_t result =
        gw_http_judge_request(gw_str(copy, len), method, target, minor_version, fields, num_fields, &head);
    if (result != GW_HTTP_REQUEST_OK) {
        refuse(conn, reason_of(result), gw_http_request_result_str(result));
        return;
    }
    req->input.path = iovec_of(head.path);
    req->input.authority = iovec_of(head.authority);
    req->http1_is_persistent = head.keep_alive;

    /* names in lower case for everybody behind, and as sent for the upstream */
    char *lower = h2o_mem_alloc_pool(&req->pool, len + 1);
    h2o_iovec_t *names = h2o_mem_alloc_pool(&req->pool, sizeof(*names) * (num_fields + 1));
    h2o_vector_reserve(&req->pool, &req->headers, num_fields + 1);
    for (size_t i = 0; i != num_fields; ++i) {
        gw_str_t name = fields[i].name;
        for (size_t k = 0; k != name.len; ++k)
            lower[k] = gw_ascii_lower(name.ptr[k]);
        names[i] = h2o_iovec_init(lower, name.len);
        lower += name.len;
        req->headers.entries[i] =
            (h2o_header_t){.name = &names[i], .orig_name = name.ptr, .value = iovec_of(fields[i].value)};
    }
    req->headers.size = num_fields;

    bool has_body =
        head.framing == GW_HTTP_FRAMING_CHUNKED || (head.framing == GW_HTTP_FRAMING_LENGTH && head.content_length != 0);
    if (has_body)
        gw_http1_body_init(conn, head.framing == GW_HTTP_FRAMING_CHUNKED, head.content_length, head.expect_continue);
    begin_exchange(conn, has_body);
}

/** HTTP/2.0, HTTP/3 and the like: the parser only says "malformed", the client deserves 505 (RFC 9110 15.6.6). */
static bool is_other_version(const char *bytes, size_t len)
{
    const char *end = memchr(bytes, '\r', len);
    if (end == NULL || end - bytes < 9)
        return false;
    return memcmp(end - 9, " HTTP/", 6) == 0 && end[-3] >= '0' && end[-3] <= '9' && end[-3] != '1' && end[-2] == '.';
}

/** Parses one head from the input.  @return true when one was taken (or refused) */
static void read_requests(gw_http1_t *conn)
{
    const gw_snapshot_t *snapshot = conn->worker->view->snapshot;
    h2o_buffer_t *input = conn->sock->input;
    if (conn->parsed == 0) { /* empty lines before a request line (RFC 9112 2.2) */
        size_t blank = 0;
        while (blank + 1 < input->size && blank < 8 && input->bytes[blank] == '\r' && input->bytes[blank + 1] == '\n')
            blank += 2;
        if (blank != 0) {
            h2o_buffer_consume(&conn->sock->input, blank);
            input = conn->sock->input;
        }
    }
    if (input->size == 0) {
        if (conn->phase == GW_HTTP1_IDLE && !gw_timer_is_set(&conn->timer))
            gw_http1_set_timer(conn, snapshot->timeouts.idle);
        return;
    }
    bool is_first_piece = conn->phase == GW_HTTP1_IDLE;
    if (is_first_piece) {
        conn->phase = GW_HTTP1_HEAD;
        conn->started_us = gw_worker_now_us(conn->worker);
    }
    size_t limit = (size_t)snapshot->limits.head, len = input->size < limit ? input->size : limit;
    if (conn->parsed > len) /* a reload has lowered the limit */
        conn->parsed = len;
    gw_http_plain_head_t plain;
    if (is_first_piece &&
        gw_http_read_plain_head(input->bytes, len, gw_host_memo_authority(&conn->worker->host_memo), &plain) &&
        plain.num_fields <= snapshot->limits.fields) {
        accept_plain(conn, &plain);
        return;
    }
    struct phr_header parsed[MAX_FIELDS];
    size_t num_fields = (size_t)snapshot->limits.fields;
    const char *method, *target;
    size_t method_len, target_len;
    int minor_version;
    int head_len = phr_parse_request(input->bytes, len, &method, &method_len, &target, &target_len, &minor_version,
                                     parsed, &num_fields, conn->parsed);
    if (head_len == -2) {
        conn->parsed = len;
        if (len == limit)
            refuse(conn, GW_REASON_HEAD_TOO_LARGE, NULL);
        else if (is_first_piece)
            gw_http1_set_timer(conn, snapshot->timeouts.head);
        return;
    }
    if (head_len < 0) {
        if (num_fields == snapshot->limits.fields)
            refuse(conn, GW_REASON_HEAD_TOO_LARGE, "too many header fields");
        else if (is_other_version(input->bytes, len))
            refuse(conn, GW_REASON_VERSION_NOT_SUPPORTED, NULL);
        else
            refuse(conn, GW_REASON_MALFORMED_REQUEST, NULL);
        return;
    }
    /* into the pool: the input buffer moves when more is read, and reading stays armed */
    char *copy = h2o_mem_alloc_pool(&conn->req.pool, (size_t)head_len);
    memcpy(copy, input->bytes, (size_t)head_len);
    ptrdiff_t moved = copy - input->bytes;
    gw_http_field_t fields[MAX_FIELDS];
    for (size_t i = 0; i != num_fields; ++i)
        fields[i] = (gw_http_field_t){
            .name = gw_str(parsed[i].name != NULL ? parsed[i].name + moved : NULL, parsed[i].name_len),
            .value = gw_http_trim(gw_str(parsed[i].value + moved, parsed[i].value_len)),
        };
    h2o_buffer_consume(&conn->sock->input, (size_t)head_len);
    accept_head(conn, copy, (size_t)head_len, minor_version, gw_str(method + moved, method_len),
                gw_str(target + moved, target_len), fields, num_fields);
}

static void on_read(h2o_socket_t *sock, const char *err)
{
    gw_http1_t *conn = sock->data;
    if (err != NULL) {
        gw_http1_close(conn); /* also while a request is being answered: nobody is waiting for it any more */
        return;
    }
    switch (conn->phase) {
    case GW_HTTP1_IDLE:
    case GW_HTTP1_HEAD:
        read_requests(conn);
        break;
    case GW_HTTP1_EXCHANGE:
        if (gw_http1_body_is_wanted(conn))
            gw_http1_body_feed(conn);
        if (conn->sock->input->size >= MAX_READ_AHEAD)
            gw_http1_stop_reading(conn);
        break;
    case GW_HTTP1_LINGER:
        conn->num_discarded += sock->input->size;
        h2o_buffer_consume(&sock->input, sock->input->size);
        if (conn->num_discarded > MAX_DISCARD)
            gw_http1_close(conn);
        break;
    }
}

static void on_expiry(gw_timer_t *timer)
{
    gw_http1_t *conn = H2O_STRUCT_FROM_MEMBER(gw_http1_t, timer, timer);
    switch (conn->phase) {
    case GW_HTTP1_IDLE:
    case GW_HTTP1_LINGER:
        gw_http1_close(conn);
        break;
    case GW_HTTP1_HEAD:
        refuse(conn, GW_REASON_HEAD_TIMEOUT, NULL);
        break;
    case GW_HTTP1_EXCHANGE:
        if (gw_http1_is_read_by_client(conn))
            gw_http1_set_timer(conn, conn->worker->view->snapshot->timeouts.write);
        else
            gw_http1_close(conn); /* the client takes nothing of the response */
        break;
    }
}

static void on_body_expiry(gw_timer_t *timer)
{
    gw_http1_t *conn = H2O_STRUCT_FROM_MEMBER(gw_http1_t, body_timer, timer);
    if (conn->phase == GW_HTTP1_EXCHANGE && gw_http1_body_is_wanted(conn))
        gw_http1_body_timeout(conn);
}

/* for libh2o ------------------------------------------------------------------------------------------------------- */

static socklen_t get_sockname(h2o_conn_t *conn, struct sockaddr *sa)
{
    return h2o_socket_getsockname(((gw_http1_t *)conn)->sock, sa);
}

static socklen_t get_peername(h2o_conn_t *conn, struct sockaddr *sa)
{
    return h2o_socket_getpeername(((gw_http1_t *)conn)->sock, sa);
}

static h2o_socket_t *get_socket(h2o_conn_t *conn)
{
    return ((gw_http1_t *)conn)->sock;
}

void gw_http1_accept(gw_worker_t *worker, h2o_socket_t *sock)
{
    static const h2o_conn_callbacks_t callbacks = {
        .get_sockname = get_sockname, .get_peername = get_peername, .get_socket = get_socket};
    gw_http1_t *conn = (gw_http1_t *)h2o_create_connection(
        sizeof(*conn), &worker->context, worker->context.globalconf->hosts, (struct timeval){0}, &callbacks);
    memset((char *)conn + sizeof(conn->super), 0, offsetof(gw_http1_t, req) - sizeof(conn->super));
    conn->worker = worker;
    conn->sock = sock;
    sock->data = conn;
    h2o_linklist_insert(&worker->http1, &conn->link);
    gw_timer_init(&conn->timer, on_expiry);
    gw_timer_init(&conn->body_timer, on_body_expiry);
    begin_request(conn);
    gw_http1_start_reading(conn);
    gw_http1_set_timer(conn, worker->is_draining ? FIRST_REQUEST_GRACE_MS : worker->view->snapshot->timeouts.head);
    if (sock->input->size != 0)
        read_requests(conn);
}

void gw_http1_cut_all(gw_worker_t *worker)
{
    while (!h2o_linklist_is_empty(&worker->http1))
        gw_http1_close(H2O_STRUCT_FROM_MEMBER(gw_http1_t, link, worker->http1.next));
}

void gw_http1_drain(gw_worker_t *worker)
{
    for (h2o_linklist_t *node = worker->http1.next, *next; node != &worker->http1; node = next) {
        next = node->next;
        gw_http1_t *conn = H2O_STRUCT_FROM_MEMBER(gw_http1_t, link, node);
        if (conn->phase != GW_HTTP1_IDLE)
            continue;
        if (conn->num_requests == 0)
            gw_http1_set_timer(conn, FIRST_REQUEST_GRACE_MS);
        else
            gw_http1_close(conn);
    }
}
