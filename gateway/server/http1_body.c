/* SPDX-License-Identifier: MIT
 * Request bodies of an HTTP/1.1 connection: slices of the socket's input buffer go to the sink, and nothing more is
 * read until it has taken them (the buffer must not move under it, and memory stays bounded). */
#include "gateway/server/http1_conn.h"

static gw_http1_t *conn_of(gw_body_t *body)
{
    return H2O_STRUCT_FROM_MEMBER(gw_http1_t, body.super, body);
}

static void start(gw_body_t *body)
{
    gw_http1_t *conn = conn_of(body);
    body->is_started = true;
    conn->body.is_wanted = true;
    if (conn->body.must_continue && conn->sock->input->size == 0) {
        conn->body.must_continue = false;
        gw_http1_write_continue(conn);
    }
    gw_http1_body_feed(conn);
}

static void more(gw_body_t *body)
{
    gw_http1_t *conn = conn_of(body);
    h2o_buffer_consume(&conn->sock->input, conn->body.handed);
    conn->body.handed = 0;
    gw_http1_start_reading(conn);
    if (body->is_ended)
        return;
    conn->body.is_wanted = true;
    gw_http1_body_feed(conn);
}

void gw_http1_body_init(gw_http1_t *conn, bool is_chunked, uint64_t length, bool must_continue)
{
    conn->has_body = true;
    conn->body = (gw_http1_body_t){
        .super = {.length = is_chunked ? GW_BODY_UNKNOWN_LENGTH : length,
                  .limit = UINT64_MAX,
                  .start = start,
                  .more = more},
        .is_chunked = is_chunked,
        .must_continue = must_continue,
        .left = length,
    };
    gw_chunked_init(&conn->body.chunked);
}

typedef struct piece {
    gw_body_event_t event;
    h2o_iovec_t slices[GW_BODY_MAX_SLICES];
    size_t num_slices, consumed;
    uint64_t size; /* of all slices */
} piece_t;

static void take_length(gw_http1_body_t *body, gw_str_t input, piece_t *piece)
{
    size_t len = input.len < body->left ? input.len : (size_t)body->left;
    body->left -= len;
    piece->slices[0] = h2o_iovec_init(input.ptr, len);
    piece->num_slices = len != 0;
    piece->consumed = piece->size = len;
    piece->event = body->left == 0 ? GW_BODY_END : GW_BODY_DATA;
}

static void take_chunked(gw_http1_body_t *body, gw_str_t input, piece_t *piece)
{
    gw_str_t rest = input, data;
    while (piece->num_slices != GW_BODY_MAX_SLICES) {
        gw_chunked_result_t result = gw_chunked_decode(&body->chunked, &rest, &data);
        if (result == GW_CHUNKED_DATA) {
            piece->slices[piece->num_slices++] = h2o_iovec_init(data.ptr, data.len);
            piece->size += data.len;
            continue;
        }
        if (result == GW_CHUNKED_DONE)
            piece->event = GW_BODY_END;
        else if (result != GW_CHUNKED_NEED_MORE)
            piece->event = GW_BODY_MALFORMED;
        break;
    }
    piece->consumed = (size_t)(rest.ptr - input.ptr);
}

static void finish(gw_http1_t *conn, gw_body_event_t event)
{
    conn->body.super.is_ended = true;
    conn->req.http1_is_persistent = 0; /* where the next request would begin is not known */
    conn->must_linger = true;
    conn->body.super.on_data(conn->body.super.sink, event, NULL, 0);
}

bool gw_http1_body_is_wanted(const gw_http1_t *conn)
{
    /* a sink that has gone (its endpoint has answered, or failed) wants nothing, whatever it had asked for */
    return conn->has_body && conn->body.is_wanted && !conn->body.super.is_ended && conn->body.super.sink != NULL;
}

static void await_input(gw_http1_t *conn)
{
    gw_timer_set(&conn->worker->timers, &conn->body_timer,
                 gw_worker_now_ms(conn->worker) + conn->exchange->view->snapshot->timeouts.body);
    gw_http1_start_reading(conn);
}

/** Takes one piece of the input and gives it to the sink.  @return false when there is nothing to be done at present */
static bool feed_once(gw_http1_t *conn)
{
    gw_http1_body_t *body = &conn->body;
    h2o_buffer_t *input = conn->sock->input;
    if (!gw_http1_body_is_wanted(conn) || body->handed != 0)
        return false;
    if (input->size == 0 && (body->is_chunked || body->left != 0)) {
        await_input(conn);
        return false;
    }
    piece_t piece = {.event = GW_BODY_DATA};
    if (body->is_chunked)
        take_chunked(body, gw_str(input->bytes, input->size), &piece);
    else
        take_length(body, gw_str(input->bytes, input->size), &piece);
    if (piece.event == GW_BODY_MALFORMED) {
        finish(conn, GW_BODY_MALFORMED);
        return false;
    }
    body->super.received += piece.size;
    if (body->super.received > body->super.limit) {
        finish(conn, GW_BODY_TOO_LARGE);
        return false;
    }
    if (piece.num_slices == 0 && piece.event == GW_BODY_DATA) { /* nothing but framing */
        h2o_buffer_consume(&conn->sock->input, piece.consumed);
        if (conn->sock->input->size != 0 && piece.consumed != 0)
            return true;
        await_input(conn);
        return false;
    }
    gw_timer_stop(&conn->body_timer);
    body->is_wanted = false;
    body->handed = piece.consumed;
    body->super.is_ended = piece.event == GW_BODY_END;
    gw_http1_stop_reading(conn);
    body->super.on_data(body->super.sink, piece.event, piece.slices, piece.num_slices);
    return true;
}

void gw_http1_body_feed(gw_http1_t *conn)
{
    gw_http1_body_t *body = &conn->body;
    if (body->is_feeding)
        return; /* the sink asked for more from within on_data: the loop below goes on */
    body->is_feeding = true;
    while (feed_once(conn))
        ;
    body->is_feeding = false;
}

void gw_http1_body_timeout(gw_http1_t *conn)
{
    finish(conn, GW_BODY_TIMEOUT);
}

bool gw_http1_body_is_over(gw_http1_t *conn)
{
    gw_http1_body_t *body = &conn->body;
    if (!conn->has_body || (body->super.is_ended && body->handed == 0))
        return true;
    if (body->super.is_ended || body->is_chunked || body->must_continue)
        return false;
    if (body->handed != 0 || body->left > conn->sock->input->size)
        return false;
    h2o_buffer_consume(&conn->sock->input, (size_t)body->left);
    body->left = 0;
    body->super.is_ended = true;
    return true;
}
