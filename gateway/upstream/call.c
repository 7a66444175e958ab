/* SPDX-License-Identifier: MIT
 * One request and its response on a connection to an endpoint. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "gateway/http/phr.h"
#include "gateway/http/response_head.h"
#include "gateway/http/syntax.h"
#include "gateway/server/worker.h"
#include "gateway/upstream/call.h"

#define MAX_READS_IN_A_ROW 8 /* of one connection before the others have their turn */

static void receive(gw_call_t *call);
static void deliver(gw_call_t *call);

static void set_timer(gw_call_t *call, uint64_t timeout_ms, gw_reason_t reason)
{
    call->timeout_reason = reason;
    gw_timer_set(&call->worker->timers, &call->timer, gw_worker_now_ms(call->worker) + timeout_ms);
}

static void detach_body(gw_call_t *call)
{
    if (call->body != NULL && call->body->sink == call)
        call->body->sink = NULL;
}

/** Parts with the connection: the call is over. */
static void let_go(gw_call_t *call, bool is_reusable)
{
    gw_connection_t *connection = call->connection;
    call->connection = NULL;
    gw_timer_dispose(&call->worker->timers, &call->timer);
    detach_body(call);
    if (is_reusable)
        gw_connection_give(connection, call->service);
    else
        gw_connection_close(connection);
}

static void fail(gw_call_t *call, gw_reason_t reason, const char *detail)
{
    bool is_untouched =
        call->state == GW_CALL_HEAD && call->num_interim == 0 && (call->chunk == NULL || call->chunk->used == 0);
    bool is_undelivered = is_untouched && call->connection->is_reused && call->state == GW_CALL_HEAD &&
                          /* what a reset acknowledges is not counted; a write that failed took the error with it,
                           * and then an end is read where a reset was */
                          reason == GW_REASON_UPSTREAM_CLOSED && !call->has_write_failed &&
                          !h2o_socket_is_writing(call->connection->sock) &&
                          !gw_connection_may_have_delivered(call->connection, call->sent_before);
    let_go(call, false);
    call->events->on_failed(call, reason, detail, is_untouched, is_undelivered);
}

static void on_expiry(gw_timer_t *timer)
{
    gw_call_t *call = H2O_STRUCT_FROM_MEMBER(gw_call_t, timer, timer);
    fail(call, call->timeout_reason, NULL);
}

/* the request ------------------------------------------------------------------------------------------------------ */

/** A write of the request is done; what the timer watches now, if the response has begun: the endpoint when the next
 * piece is awaited, nobody when the client has not taken the last one. */
static void piece_sent(gw_call_t *call)
{
    if (call->state != GW_CALL_HEAD && call->is_reading)
        set_timer(call, call->service->timeouts.idle, GW_REASON_UPSTREAM_STALLED);
    else
        gw_timer_stop(&call->timer);
}

static void request_sent(gw_call_t *call)
{
    call->is_request_sent = true;
    call->sent_us = gw_worker_now_us(call->worker);
    if (call->state == GW_CALL_HEAD)
        set_timer(call, call->service->timeouts.response, GW_REASON_RESPONSE_TIMEOUT);
    else
        piece_sent(call);
}

/** A write failed: the endpoint takes no more, but it may have answered already, so reading decides. */
static void write_failed(gw_call_t *call)
{
    call->has_write_failed = true;
    detach_body(call);
    if (call->state == GW_CALL_HEAD)
        set_timer(call, call->service->timeouts.response, GW_REASON_RESPONSE_TIMEOUT);
}

static void on_piece_written(h2o_socket_t *sock, const char *err)
{
    gw_connection_t *connection = sock->data;
    gw_call_t *call = connection->owner;
    if (err != NULL) {
        write_failed(call);
        return;
    }
    piece_sent(call); /* the client is waited for now, and its connection looks after that */
    call->body->more(call->body);
}

static void on_end_written(h2o_socket_t *sock, const char *err)
{
    gw_connection_t *connection = sock->data;
    gw_call_t *call = connection->owner;
    gw_body_t *body = call->body;
    if (err != NULL) {
        write_failed(call);
        return;
    }
    request_sent(call);
    body->more(body); /* gives the last slices back */
}

static void on_request_body(void *sink, gw_body_event_t event, const h2o_iovec_t *slices, size_t num_slices)
{
    gw_call_t *call = sink;
    h2o_iovec_t bufs[GW_BODY_MAX_SLICES + 3];
    size_t num = 0, size = 0;
    switch (event) {
    case GW_BODY_TOO_LARGE:
        fail(call, GW_REASON_BODY_TOO_LARGE, NULL);
        return;
    case GW_BODY_MALFORMED:
        fail(call, GW_REASON_BODY_MALFORMED, NULL);
        return;
    case GW_BODY_TIMEOUT:
        fail(call, GW_REASON_BODY_TIMEOUT, NULL);
        return;
    case GW_BODY_DATA:
    case GW_BODY_END:
        break;
    }
    assert(num_slices <= GW_BODY_MAX_SLICES);
    bool is_chunked = call->body->length == GW_BODY_UNKNOWN_LENGTH;
    for (size_t i = 0; i != num_slices; ++i)
        size += slices[i].len;
    if (is_chunked && size != 0) {
        int len = sprintf(call->chunk_head, "%zx\r\n", size);
        bufs[num++] = h2o_iovec_init(call->chunk_head, (size_t)len);
    }
    for (size_t i = 0; i != num_slices; ++i)
        bufs[num++] = slices[i];
    if (is_chunked && size != 0)
        bufs[num++] = h2o_iovec_init(H2O_STRLIT("\r\n"));
    if (is_chunked && event == GW_BODY_END)
        bufs[num++] = h2o_iovec_init(H2O_STRLIT("0\r\n\r\n"));
    set_timer(call, call->service->timeouts.idle, GW_REASON_UPSTREAM_STALLED);
    for (size_t i = 0; i != num; ++i)
        call->connection->sent += bufs[i].len;
    h2o_socket_write(call->connection->sock, bufs, num, event == GW_BODY_END ? on_end_written : on_piece_written);
}

static void on_head_written(h2o_socket_t *sock, const char *err)
{
    gw_connection_t *connection = sock->data;
    gw_call_t *call = connection->owner;
    if (err != NULL) {
        write_failed(call);
        return;
    }
    if (call->body == NULL) {
        request_sent(call);
        return;
    }
    gw_timer_stop(&call->timer);
    call->body->on_data = on_request_body;
    call->body->sink = call;
    call->body->start(call->body);
}

/* the response ----------------------------------------------------------------------------------------------------- */

static void on_readable(h2o_socket_t *sock, const char *err)
{
    gw_connection_t *connection = sock->data;
    gw_call_t *call = connection->owner;
    call->num_reads = 0;
    receive(call);
}

static void start_reading(gw_call_t *call)
{
    if (call->is_reading)
        return;
    call->is_reading = true;
    h2o_socket_read_start(call->connection->sock, on_readable);
}

static void stop_reading(gw_call_t *call)
{
    if (!call->is_reading)
        return;
    call->is_reading = false;
    h2o_socket_read_stop(call->connection->sock);
}

/** Ends a complete response: the connection goes back before the caller sees the last bytes, so that a request made
 * from within finds it. */
static void complete(gw_call_t *call, const h2o_iovec_t *slices, size_t num_slices, bool has_surplus)
{
    bool is_reusable = call->keep_alive && call->is_request_sent && !call->has_write_failed && !has_surplus &&
                       !call->is_more_likely && /* the read filled the chunk: surplus may wait in the kernel */
                       call->state != GW_CALL_UNTIL_CLOSE && !h2o_socket_is_writing(call->connection->sock);
    let_go(call, is_reusable);
    call->events->on_body(call, slices, num_slices, true);
}

static void on_eof(gw_call_t *call)
{
    switch (call->state) {
    case GW_CALL_HEAD:
        fail(call, GW_REASON_UPSTREAM_CLOSED, NULL);
        break;
    case GW_CALL_UNTIL_CLOSE:
        complete(call, NULL, 0, true);
        break;
    case GW_CALL_LENGTH:
    case GW_CALL_CHUNKED:
        fail(call, GW_REASON_UPSTREAM_TRUNCATED, NULL);
        break;
    }
}

/** Hands the body bytes from call->parsed on to the caller. */
static void deliver(gw_call_t *call)
{
    h2o_iovec_t slices[GW_BODY_MAX_SLICES];
    size_t num = 0;
    gw_str_t rest = gw_str(call->chunk->bytes + call->parsed, call->chunk->used - call->parsed), data;
    bool is_last = false;
    switch (call->state) {
    case GW_CALL_HEAD:
        assert(!"the head comes first");
        return;
    case GW_CALL_LENGTH: {
        size_t len = rest.len < call->left ? rest.len : (size_t)call->left;
        if (len != 0)
            slices[num++] = h2o_iovec_init(rest.ptr, len);
        call->left -= len;
        rest = gw_str(rest.ptr + len, rest.len - len);
        is_last = call->left == 0;
        break;
    }
    case GW_CALL_UNTIL_CLOSE:
        if (rest.len != 0)
            slices[num++] = h2o_iovec_init(rest.ptr, rest.len);
        rest = gw_str(rest.ptr + rest.len, 0);
        break;
    case GW_CALL_CHUNKED:
        while (num != GW_BODY_MAX_SLICES && !is_last) {
            gw_chunked_result_t result = gw_chunked_decode(&call->chunked, &rest, &data);
            if (result == GW_CHUNKED_DATA) {
                slices[num++] = h2o_iovec_init(data.ptr, data.len);
            } else if (result == GW_CHUNKED_DONE) {
                is_last = true;
            } else if (result == GW_CHUNKED_NEED_MORE) {
                break;
            } else {
                fail(call, GW_REASON_UPSTREAM_MALFORMED, gw_chunked_result_str(result));
                return;
            }
        }
        break;
    }
    call->parsed = call->chunk->used - rest.len;
    if (is_last) {
        complete(call, slices, num, rest.len != 0);
        return;
    }
    if (num == 0 && call->is_head_passed) { /* nothing but framing */
        call->chunk->used = call->parsed = 0;
        return;
    }
    call->is_head_passed = true; /* even without a byte of body: it may be long until there is one */
    gw_timer_stop(&call->timer); /* the client's turn; waiting for it is not the endpoint's fault */
    stop_reading(call);
    call->events->on_body(call, slices, num, false);
}

/** Makes a response head of what the parser found.  @return false when the call is over */
static bool take_head(gw_call_t *call, size_t head_len, int minor_version, int status, struct phr_header *parsed,
                      size_t num_fields)
{
    /* two copies in the request's pool: the second one's names in lower case */
    char *as_sent = h2o_mem_alloc_pool(call->pool, 2 * head_len), *copy = as_sent + head_len;
    memcpy(as_sent, call->chunk->bytes, head_len);
    memcpy(copy, call->chunk->bytes, head_len);
    gw_http_field_t fields[GW_CALL_MAX_FIELDS];
    gw_call_field_t *lower = h2o_mem_alloc_pool(call->pool, sizeof(*lower) * (num_fields + 1));
    for (size_t i = 0; i != num_fields; ++i) {
        ptrdiff_t value_at = parsed[i].value - call->chunk->bytes;
        /* a folded line has no name; the judge refuses it */
        ptrdiff_t name_at = parsed[i].name != NULL ? parsed[i].name - call->chunk->bytes : value_at;
        gw_str_t name = gw_str(copy + name_at, parsed[i].name != NULL ? parsed[i].name_len : 0);
        for (size_t k = 0; k != name.len; ++k)
            copy[(size_t)name_at + k] = gw_ascii_lower(name.ptr[k]);
        fields[i] =
            (gw_http_field_t){.name = name, .value = gw_http_trim(gw_str(copy + value_at, parsed[i].value_len))};
        lower[i] = (gw_call_field_t){name, fields[i].value, as_sent + name_at};
    }
    gw_http_response_head_t judged;
    gw_http_response_result_t result = gw_http_judge_response(gw_str(as_sent, head_len), minor_version, status, fields,
                                                              num_fields, call->is_head_method, &judged);
    if (result != GW_HTTP_RESPONSE_OK) {
        fail(call, GW_REASON_UPSTREAM_MALFORMED, gw_http_response_result_str(result));
        return false;
    }
    if (status == 101) {
        fail(call, GW_REASON_UPSTREAM_MALFORMED, "switching protocols without being asked");
        return false;
    }
    if (status < 200) {
        if (++call->num_interim > GW_CALL_MAX_INTERIM) {
            fail(call, GW_REASON_UPSTREAM_MALFORMED, "too many interim responses");
            return false;
        }
        /* 100 is for an Expect, which we do not send; the others are somebody's (RFC 9110 15.2) */
        if (status != 100 && call->events->on_interim != NULL)
            call->events->on_interim(call,
                                     &(gw_call_head_t){.status = status, .fields = lower, .num_fields = num_fields});
        return call->connection != NULL;
    }
    call->keep_alive = judged.keep_alive;
    call->connection->keep_idle_ms = UINT64_MAX;
    for (size_t i = 0; i != num_fields; ++i)
        if (gw_str_equal(lower[i].name, GW_STR("keep-alive")))
            call->connection->keep_idle_ms = gw_http_keep_alive_ms(lower[i].value);
    gw_call_head_t head = {
        .status = status,
        .length = judged.has_content_length ? judged.content_length : UINT64_MAX,
        .fields = lower,
        .num_fields = num_fields,
    };
    switch (judged.framing) {
    case GW_HTTP_FRAMING_NONE:
        call->state = GW_CALL_LENGTH;
        call->left = 0;
        break;
    case GW_HTTP_FRAMING_LENGTH:
        call->state = GW_CALL_LENGTH;
        call->left = judged.content_length;
        break;
    case GW_HTTP_FRAMING_CHUNKED:
        call->state = GW_CALL_CHUNKED;
        gw_chunked_init(&call->chunked);
        break;
    case GW_HTTP_FRAMING_UNTIL_CLOSE:
        call->state = GW_CALL_UNTIL_CLOSE;
        break;
    }
    head.has_body = !(call->state == GW_CALL_LENGTH && call->left == 0);
    call->events->on_head(call, &head);
    return call->connection != NULL;
}

static void parse_head(gw_call_t *call)
{
    for (;;) {
        gw_chunk_t *chunk = call->chunk;
        struct phr_header parsed[GW_CALL_MAX_FIELDS];
        size_t num_fields = GW_CALL_MAX_FIELDS, message_len;
        int minor_version, status;
        const char *message;
        int len = phr_parse_response(chunk->bytes, chunk->used, &minor_version, &status, &message, &message_len, parsed,
                                     &num_fields, call->parsed);
        if (len == -2) {
            call->parsed = chunk->used;
            if (chunk->used == sizeof(chunk->bytes))
                fail(call, GW_REASON_UPSTREAM_HEAD_TOO_LARGE, NULL);
            return;
        }
        if (len < 0) {
            if (num_fields == GW_CALL_MAX_FIELDS)
                fail(call, GW_REASON_UPSTREAM_HEAD_TOO_LARGE, "too many header fields");
            else
                fail(call, GW_REASON_UPSTREAM_MALFORMED, "not an HTTP/1.1 response head");
            return;
        }
        if (!take_head(call, (size_t)len, minor_version, status, parsed, num_fields))
            return;
        call->parsed = (size_t)len;
        if (call->state != GW_CALL_HEAD) {
            deliver(call);
            return;
        }
        /* an interim response: what follows it moves to the front */
        chunk->used -= (size_t)len;
        memmove(chunk->bytes, chunk->bytes + len, chunk->used);
        call->parsed = 0;
        if (chunk->used == 0)
            return;
    }
}

static void receive(gw_call_t *call)
{
    if (call->chunk == NULL)
        call->chunk = gw_chunk_take(call->worker->chunks);
    gw_chunk_t *chunk = call->chunk;
    size_t room = sizeof(chunk->bytes) - chunk->used;
    ssize_t len;
    do
        len = read(h2o_socket_get_fd(call->connection->sock), chunk->bytes + chunk->used, room);
    while (len == -1 && errno == EINTR);
    if (len == -1) {
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            fail(call, GW_REASON_UPSTREAM_RESET, NULL);
        return;
    }
    if (len == 0) {
        on_eof(call);
        return;
    }
    ++call->num_reads;
    call->is_more_likely = (size_t)len == room;
    chunk->used += (size_t)len;
    if (call->state == GW_CALL_HEAD)
        parse_head(call);
    else
        deliver(call);
}

void gw_call_more(gw_call_t *call)
{
    if (call->connection == NULL)
        return;
    if (call->parsed != call->chunk->used) { /* more slices than one delivery holds */
        deliver(call);
        if (call->connection == NULL || call->chunk->used != 0)
            return; /* over, or another piece is on its way; else it was nothing but framing: read on */
    }
    call->chunk->used = call->parsed = 0;
    start_reading(call);
    set_timer(call, call->service->timeouts.idle, GW_REASON_UPSTREAM_STALLED);
    if (call->is_more_likely && call->num_reads < MAX_READS_IN_A_ROW)
        receive(call); /* without a turn of the loop */
}

/* life ------------------------------------------------------------------------------------------------------------- */

void gw_call_start(gw_call_t *call, gw_connection_t *connection, const gw_service_conf_t *service, h2o_iovec_t head,
                   bool is_head_method, gw_body_t *body, h2o_mem_pool_t *pool)
{
    call->connection = connection;
    call->worker = connection->worker;
    call->service = service;
    call->pool = pool;
    call->body = body;
    call->is_head_method = is_head_method;
    call->state = GW_CALL_HEAD;
    gw_timer_init(&call->timer, on_expiry);
    connection->owner = call;
    call->sent_before = connection->sent;
    connection->sent += head.len;
    start_reading(call);
    set_timer(call, service->timeouts.idle, GW_REASON_UPSTREAM_STALLED);
    h2o_socket_write(connection->sock, &head, 1, on_head_written);
}

void gw_call_dispose(gw_call_t *call)
{
    if (call->connection != NULL)
        let_go(call, false);
    if (call->worker != NULL)
        call->chunk = gw_chunk_give(call->worker->chunks, call->chunk);
}
