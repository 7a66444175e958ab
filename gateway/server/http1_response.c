/* SPDX-License-Identifier: MIT
 * Responses of an HTTP/1.1 connection: the last output stream of its requests. */
#include <assert.h>
#include <limits.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "gateway/base/decimal.h"
#include "gateway/exchange/upstream_head.h"
#include "gateway/server/http1_conn.h"

/* Of an interim response, and of those that wait for a client that does not read them.  They are hints: what is too
 * much is left out, and the response comes all the same. */
#define MAX_INTERIM_BYTES 8192

static gw_http1_t *conn_of(h2o_ostream_t *ostream)
{
    return H2O_STRUCT_FROM_MEMBER(gw_http1_t, out.super, ostream);
}

/* writing ---------------------------------------------------------------------------------------------------------- */

static void on_piece_written(h2o_socket_t *sock, const char *err)
{
    gw_http1_t *conn = sock->data;
    gw_timer_stop(&conn->timer);
    if (err != NULL || conn->out.is_cut)
        gw_http1_close(conn);
    else
        h2o_proceed_response(&conn->req);
}

static void on_last_written(h2o_socket_t *sock, const char *err)
{
    gw_http1_t *conn = sock->data;
    gw_timer_stop(&conn->timer);
    if (err != NULL) {
        if (conn->exchange != NULL)
            conn->exchange->is_delivered = false;
        gw_http1_close(conn);
    } else {
        gw_http1_request_done(conn);
    }
}

static void on_cut_written(h2o_socket_t *sock, const char *err)
{
    gw_http1_close(sock->data);
}

static bool may_have_body(const h2o_req_t *req)
{
    int status = req->res.status;
    return !(status == 204 || status == 304 || (status >= 100 && status < 200) ||
             h2o_memis(req->input.method.base, req->input.method.len, H2O_STRLIT("HEAD")));
}

#define PUT(dst, literal) ((char *)memcpy(dst, literal, sizeof(literal) - 1) + sizeof(literal) - 1)

/** Copies names and values, most of which are so short that a call would cost more than the copying: from both ends, in
 * pieces that may overlap. */
static inline char *put(char *dst, const char *bytes, size_t len)
{
    if (len > 16) {
        memcpy(dst, bytes, len);
    } else if (len >= 8) {
        uint64_t first, last;
        memcpy(&first, bytes, sizeof(first));
        memcpy(&last, bytes + len - sizeof(last), sizeof(last));
        memcpy(dst, &first, sizeof(first));
        memcpy(dst + len - sizeof(last), &last, sizeof(last));
    } else if (len >= 4) {
        uint32_t first, last;
        memcpy(&first, bytes, sizeof(first));
        memcpy(&last, bytes + len - sizeof(last), sizeof(last));
        memcpy(dst, &first, sizeof(first));
        memcpy(dst + len - sizeof(last), &last, sizeof(last));
    } else {
        for (size_t i = 0; i != len; ++i)
            dst[i] = bytes[i];
    }
    return dst + len;
}

/** Decides how the body ends and whether another request may follow, and writes the head. */
static h2o_iovec_t make_head(gw_http1_t *conn)
{
    h2o_req_t *req = &conn->req;
    gw_http1_ostream_t *out = &conn->out;
    out->has_body = may_have_body(req);
    bool has_length = req->res.content_length != SIZE_MAX;
    if (conn->worker->is_draining || !gw_http1_body_is_over(conn))
        req->http1_is_persistent = 0;
    out->is_chunked = out->has_body && !has_length && req->version >= 0x101;
    if (out->has_body && !has_length && !out->is_chunked)
        req->http1_is_persistent = 0; /* HTTP/1.0: the end of the connection ends the body */

    const char *reason = req->res.reason;
    size_t reason_len = strlen(reason), cap = 160 + reason_len;
    bool has_date = false;
    for (size_t i = 0; i != req->res.headers.size; ++i) {
        const h2o_header_t *field = &req->res.headers.entries[i];
        cap += field->name->len + field->value.len + 4;
        has_date = has_date || (field->name->len == 4 && memcmp(field->name->base, "date", 4) == 0);
    }
    char *head = h2o_mem_alloc_pool(&req->pool, cap), *dst = head;
    dst = PUT(dst, "HTTP/1.1 ");
    unsigned status = (unsigned)req->res.status;
    assert(status >= 100 && status <= 999);
    *dst++ = (char)('0' + status / 100);
    *dst++ = (char)('0' + status / 10 % 10);
    *dst++ = (char)('0' + status % 10);
    *dst++ = ' ';
    dst = put(dst, reason, reason_len);
    dst = PUT(dst, "\r\n");
    if (!has_date) {
        h2o_get_timestamp(req->conn->ctx, NULL, NULL); /* brings the context's cached text up to date */
        dst = PUT(dst, "Date: ");
        dst = put(dst, req->conn->ctx->_timestamp_cache.value->rfc1123, H2O_TIMESTR_RFC1123_LEN);
        dst = PUT(dst, "\r\n");
    }
    if (!req->http1_is_persistent)
        dst = PUT(dst, "Connection: close\r\n");
    else if (req->version < 0x101)
        dst = PUT(dst, "Connection: keep-alive\r\n");
    if (has_length && req->res.status != 204) {
        dst = PUT(dst, "Content-Length: ");
        dst = gw_put_decimal(dst, req->res.content_length);
        dst = PUT(dst, "\r\n");
    } else if (out->is_chunked) {
        dst = PUT(dst, "Transfer-Encoding: chunked\r\n");
    }
    for (size_t i = 0; i != req->res.headers.size; ++i) {
        const h2o_header_t *field = &req->res.headers.entries[i];
        dst = put(dst, field->orig_name != NULL ? field->orig_name : field->name->base, field->name->len);
        dst = PUT(dst, ": ");
        dst = put(dst, field->value.base, field->value.len);
        dst = PUT(dst, "\r\n");
    }
    dst = PUT(dst, "\r\n");
    assert((size_t)(dst - head) <= cap);
    return h2o_iovec_init(head, (size_t)(dst - head));
}

static void send_now(gw_http1_t *conn, h2o_iovec_t *inbufs, size_t num_inbufs, h2o_send_state_t state)
{
    gw_http1_ostream_t *out = &conn->out;
    h2o_req_t *req = &conn->req;
    if (state == H2O_SEND_STATE_ERROR) {
        /* an end that cannot be taken for a complete body: no last chunk, fewer bytes than promised.  What is
         * close-delimited cannot tell, so there a reset is the only sign. */
        req->http1_is_persistent = 0;
        if (conn->exchange != NULL)
            conn->exchange->is_delivered = false;
        if (out->is_head_sent && !out->is_chunked && req->res.content_length == SIZE_MAX) {
            struct linger reset = {.l_onoff = 1, .l_linger = 0};
            setsockopt(h2o_socket_get_fd(conn->sock), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        }
        if (h2o_socket_is_writing(conn->sock)) {
            /* the request's body can fail while a piece of the response is written: what is left of it belongs to
             * others from now on, and a client that reads nothing must not hold the connection */
            out->is_cut = true;
            shutdown(h2o_socket_get_fd(conn->sock), SHUT_RDWR);
        } else
            h2o_socket_write(conn->sock, NULL, 0, on_cut_written);
        return;
    }
    h2o_iovec_t few[GW_BODY_MAX_SLICES + 3], *bufs = few;
    if (num_inbufs > GW_BODY_MAX_SLICES)
        bufs = h2o_mem_alloc_pool(&req->pool, sizeof(*bufs) * (num_inbufs + 3));
    size_t num = 0, body_len = 0;
    if (!out->is_head_sent) {
        out->is_head_sent = true;
        bufs[num++] = make_head(conn);
    }
    bool is_last = !h2o_send_state_is_in_progress(state);
    if (out->has_body) {
        for (size_t i = 0; i != num_inbufs; ++i)
            body_len += inbufs[i].len;
        if (out->is_chunked && body_len != 0) {
            size_t len = (size_t)sprintf(out->chunk_head, "%zx\r\n", body_len);
            bufs[num++] = h2o_iovec_init(out->chunk_head, len);
        }
        for (size_t i = 0; i != num_inbufs; ++i)
            if (inbufs[i].len != 0)
                bufs[num++] = inbufs[i];
        if (out->is_chunked) {
            if (body_len != 0 && is_last)
                bufs[num++] = h2o_iovec_init(H2O_STRLIT("\r\n0\r\n\r\n"));
            else if (body_len != 0)
                bufs[num++] = h2o_iovec_init(H2O_STRLIT("\r\n"));
            else if (is_last)
                bufs[num++] = h2o_iovec_init(H2O_STRLIT("0\r\n\r\n"));
        }
    }
    req->bytes_sent += body_len;
    out->num_queued = INT_MAX;
    gw_http1_set_timer(conn, conn->worker->view->snapshot->timeouts.write);
    h2o_socket_write(conn->sock, bufs, num, is_last ? on_last_written : on_piece_written);
}

/* The socket is writable again only when a good part of its send buffer is free, and that buffer may be megabytes: a
 * slow client can make progress for minutes before a write completes.  The queue shows it. */
bool gw_http1_is_read_by_client(gw_http1_t *conn)
{
    int num_queued = 0;
    if (ioctl(h2o_socket_get_fd(conn->sock), SIOCOUTQ, &num_queued) != 0 || num_queued >= conn->out.num_queued)
        return false;
    conn->out.num_queued = num_queued;
    return true;
}

static void do_send(h2o_ostream_t *ostream, h2o_req_t *req, h2o_iovec_t *bufs, size_t num_bufs, h2o_send_state_t state)
{
    gw_http1_t *conn = conn_of(ostream);
    if (!conn->is_writing_interim) {
        send_now(conn, bufs, num_bufs, state);
        return;
    }
    /* one write at a time: this one waits for an interim response to leave */
    gw_http1_ostream_t *out = &conn->out;
    assert(!out->is_deferred || state == H2O_SEND_STATE_ERROR); /* which replaces the one that waits */
    out->is_deferred = true;
    out->num_bufs = num_bufs;
    out->state = state;
    out->bufs = h2o_mem_alloc_pool(&req->pool, sizeof(*bufs) * (num_bufs + 1));
    if (num_bufs != 0)
        memcpy(out->bufs, bufs, sizeof(*bufs) * num_bufs);
}

/* interim responses ------------------------------------------------------------------------------------------------ */

static void on_interim_written(h2o_socket_t *sock, const char *err);

static void write_interim(gw_http1_t *conn, h2o_iovec_t *texts, size_t num_texts)
{
    conn->is_writing_interim = true;
    conn->out.num_queued = INT_MAX;
    gw_http1_set_timer(conn, conn->worker->view->snapshot->timeouts.write);
    h2o_socket_write(conn->sock, texts, num_texts, on_interim_written);
}

static void on_interim_written(h2o_socket_t *sock, const char *err)
{
    gw_http1_t *conn = sock->data;
    gw_http1_ostream_t *out = &conn->out;
    conn->is_writing_interim = false;
    gw_timer_stop(&conn->timer);
    if (err != NULL) {
        gw_http1_close(conn);
        return;
    }
    size_t num_waiting = out->interim.size;
    out->interim.size = out->interim_bytes = 0; /* the texts stay, in the pool; the socket has its own list of them */
    if (num_waiting != 0) {
        write_interim(conn, out->interim.entries, num_waiting);
    } else if (out->is_deferred) {
        out->is_deferred = false;
        send_now(conn, out->bufs, out->num_bufs, out->state);
    }
}

/** @param text static or in the request's pool */
static void send_interim(gw_http1_t *conn, h2o_iovec_t text)
{
    gw_http1_ostream_t *out = &conn->out;
    if (!conn->is_writing_interim) {
        write_interim(conn, &text, 1);
        return;
    }
    out->interim_bytes += text.len;
    h2o_vector_reserve(&conn->req.pool, &out->interim, out->interim.size + 1);
    out->interim.entries[out->interim.size++] = text;
}

void gw_http1_write_continue(gw_http1_t *conn)
{
    if (!conn->out.is_head_sent && !conn->out.is_deferred)
        send_interim(conn, h2o_iovec_init(H2O_STRLIT("HTTP/1.1 100 Continue\r\n\r\n")));
}

void gw_http1_on_interim(gw_exchange_t *exchange, const gw_call_head_t *head)
{
    gw_http1_t *conn = H2O_STRUCT_FROM_MEMBER(gw_http1_t, req, exchange->req);
    if (conn->out.is_head_sent || conn->out.is_deferred)
        return;
    h2o_iovec_t text = gw_upstream_interim_head(exchange, head);
    if (conn->out.interim_bytes + text.len <= MAX_INTERIM_BYTES)
        send_interim(conn, text);
}

void gw_http1_ostream_init(gw_http1_t *conn)
{
    conn->out = (gw_http1_ostream_t){.super = {.do_send = do_send}};
    conn->req._ostr_top = &conn->out.super;
}
