/* SPDX-License-Identifier: MIT
 * Bytes on their way to a client. */
#include "filters/cache/fetch.h"
#include "filters/cache/stream.h"
#include "gateway/server/accept.h"

enum {
    most_slices = GW_BODY_MAX_SLICES, /* of one piece */
    most_bytes = 128 << 10,           /* of one piece, when there are several: TLS makes a copy of it */
    large_bytes = 4096                /* what a client that takes nothing may hold without being noticed */
};

/** libh2o's HTTP/2 does not see a client that takes nothing of its response, and would have the entry stay for as long
 * as the client likes. */
static void await_client(gw_cache_passage_t *passage)
{
    gw_worker_t *worker = passage->state->worker;
    gw_timer_set(&worker->timers, &passage->stream.write_timer,
                 gw_worker_now_ms(worker) + passage->ex->view->snapshot->timeouts.write);
}

static void on_write_timeout(gw_timer_t *timer)
{
    gw_cache_passage_t *passage = H2O_STRUCT_FROM_MEMBER(gw_cache_passage_t, stream.write_timer, timer);
    h2o_conn_t *conn = passage->ex->req->conn;
    if (!gw_accept_cut_if_stuck(conn->callbacks->get_socket(conn), passage->ex->view->snapshot->timeouts.write))
        await_client(passage);
}

void gw_cache_send(gw_cache_passage_t *passage, h2o_iovec_t *slices, size_t num, h2o_send_state_t state)
{
    passage->ex->is_delivered = state == H2O_SEND_STATE_FINAL;
    if (passage->ex->req->version >= 0x200 && state == H2O_SEND_STATE_IN_PROGRESS)
        await_client(passage);
    h2o_send(passage->ex->req, slices, num, state);
}

/** What the entry had no room for. */
static void send_rest(gw_cache_passage_t *passage)
{
    const h2o_iovec_t *slices;
    size_t num;
    h2o_send_state_t state;
    h2o_iovec_t bufs[most_slices];
    if (!gw_cache_fetch_take_rest(passage->fetch, &slices, &num, &state))
        return;
    for (size_t i = 0; i != num; ++i)
        bufs[i] = slices[i];
    passage->stream.is_hungry = false;
    if (state == H2O_SEND_STATE_ERROR)
        passage->ex->reason = GW_REASON_UPSTREAM_TRUNCATED;
    gw_cache_send(passage, bufs, num, state);
}

void gw_cache_stream_go_on(gw_cache_passage_t *passage)
{
    gw_cache_stream_t *stream = &passage->stream;
    if (stream->entry == NULL || !stream->is_hungry)
        return;
    const gw_cache_body_t *body = stream->entry->body;
    struct iovec slices[most_slices];
    size_t num = 0;
    /* first whether it is complete, then how much there is: not the other way round */
    gw_fill_state_t state = GW_FILL_DONE;
    if (passage->reader.fill != NULL)
        state = gw_fill_look(passage->reader.fill).state;
    uint64_t size = body != NULL ? atomic_load_explicit(&body->size, memory_order_acquire) : 0;
    if (state == GW_FILL_DONE && stream->end == UINT64_MAX)
        stream->end = size;
    uint64_t end = stream->end < size ? stream->end : size;
    if (body != NULL && stream->place.offset < end) {
        uint64_t piece = stream->place.offset + most_bytes;
        num = gw_cache_body_slices(body, &stream->place, piece < end ? piece : end, slices, most_slices);
    }
    bool is_last = stream->place.offset == stream->end;
    if (is_last && passage->ex->req->version >= 0x200 && num != 0 && stream->end > large_bytes)
        is_last = false; /* nothing tells that the last piece was taken: let that be an empty one */
    if (num == 0 && !is_last) {
        if (state == GW_FILL_BROKEN && passage->fetch != NULL) {
            send_rest(passage);
        } else if (state == GW_FILL_BROKEN) {
            stream->is_hungry = false;
            passage->ex->reason = GW_REASON_UPSTREAM_TRUNCATED;
            gw_cache_send(passage, NULL, 0, H2O_SEND_STATE_ERROR);
        }
        return;
    }
    h2o_iovec_t bufs[most_slices];
    for (size_t i = 0; i != num; ++i)
        bufs[i] = h2o_iovec_init(slices[i].iov_base, slices[i].iov_len);
    stream->is_hungry = false;
    gw_cache_send(passage, bufs, num, is_last ? H2O_SEND_STATE_FINAL : H2O_SEND_STATE_IN_PROGRESS);
}

void gw_cache_note_progress(gw_cache_passage_t *passage, h2o_req_t *req)
{
    if (req->version < 0x200)
        return;
    gw_timer_stop(&passage->stream.write_timer);
    gw_accept_note_progress(req->conn->callbacks->get_socket(req->conn));
}

static void on_proceed(h2o_generator_t *generator, h2o_req_t *req)
{
    gw_cache_passage_t *passage = H2O_STRUCT_FROM_MEMBER(gw_cache_passage_t, stream.super, generator);
    gw_cache_note_progress(passage, req);
    passage->stream.is_hungry = true;
    gw_cache_stream_go_on(passage);
}

static void on_stop(h2o_generator_t *generator, h2o_req_t *req)
{
    gw_cache_passage_t *passage = H2O_STRUCT_FROM_MEMBER(gw_cache_passage_t, stream.super, generator);
    (void)req;
    passage->stream.entry = NULL;
}

void gw_cache_stream_dispose(gw_cache_passage_t *passage)
{
    if (passage->stream.super.proceed != NULL)
        gw_timer_dispose(&passage->state->worker->timers, &passage->stream.write_timer);
    passage->stream.entry = NULL;
}

void gw_cache_stream_begin(gw_cache_passage_t *passage, void (*proceed)(h2o_generator_t *, h2o_req_t *),
                           void (*stop)(h2o_generator_t *, h2o_req_t *))
{
    passage->stream.super = (h2o_generator_t){proceed, stop};
    gw_timer_init(&passage->stream.write_timer, on_write_timeout);
}

void gw_cache_stream_start(gw_cache_passage_t *passage, gw_cache_entry_t *entry, uint64_t first, uint64_t end)
{
    gw_cache_stream_t *stream = &passage->stream;
    gw_cache_stream_begin(passage, on_proceed, on_stop);
    stream->entry = entry;
    stream->end = end;
    stream->is_hungry = true;
    if (first != 0)
        gw_cache_place_seek(entry->body, &stream->place, first);
    h2o_start_response(passage->ex->req, &stream->super);
    gw_cache_stream_go_on(passage);
}
