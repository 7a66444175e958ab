/* SPDX-License-Identifier: MIT
 * What of a fetch goes to the leader's client alone. */
#include <assert.h>
#include "filters/cache/fetch_private.h"
#include "filters/cache/stream.h"

/* what cannot be stored -------------------------------------------------------------------------------------------- */

/** The head of the leader's response: everything it points at lives as long as the detached exchange, which stays until
 * the leader leaves. */
static void copy_head(gw_exchange_t *to, const gw_exchange_t *from)
{
    h2o_req_t *req = to->req;
    const h2o_res_t *res = &from->req->res;
    req->res.status = res->status;
    req->res.reason = res->reason;
    req->res.content_length = res->content_length;
    h2o_vector_reserve(&req->pool, &req->res.headers, req->res.headers.size + res->headers.size + 4);
    for (size_t i = 0; i != res->headers.size; ++i)
        req->res.headers.entries[req->res.headers.size++] = res->headers.entries[i];
}

static void pipe_proceed(h2o_generator_t *generator, h2o_req_t *req)
{
    gw_cache_passage_t *passage = H2O_STRUCT_FROM_MEMBER(gw_cache_passage_t, stream.super, generator);
    gw_cache_note_progress(passage, req);
    if (passage->fetch != NULL)
        gw_detached_proceed(passage->fetch->detached);
}

static void pipe_stop(h2o_generator_t *generator, h2o_req_t *req)
{
    gw_cache_passage_t *passage = H2O_STRUCT_FROM_MEMBER(gw_cache_passage_t, stream.super, generator);
    (void)req;
    if (passage->fetch != NULL)
        gw_cache_fetch_leave(passage->fetch);
}

void gw_cache_fetch_pipe(gw_cache_fetch_t *fetch)
{
    gw_cache_passage_t *passage = fetch->leader;
    gw_exchange_t *ex = passage->ex;
    fetch->is_piping = true;
    ex->is_answered = true;
    ex->reason = fetch->detached->exchange->reason;
    ex->detail = fetch->detached->exchange->detail;
    copy_head(ex, fetch->detached->exchange);
    gw_exchange_filter_response(ex);
    gw_cache_stream_begin(passage, pipe_proceed, pipe_stop);
    h2o_start_response(ex->req, &passage->stream.super);
    gw_cache_settle(passage, GW_ANSWERED);
}

void gw_cache_fetch_pipe_body(gw_cache_fetch_t *fetch, const h2o_iovec_t *slices, size_t num, h2o_send_state_t state)
{
    h2o_iovec_t bufs[GW_BODY_MAX_SLICES];
    assert(num <= GW_BODY_MAX_SLICES && fetch->leader != NULL);
    for (size_t i = 0; i != num; ++i)
        bufs[i] = slices[i];
    if (state == H2O_SEND_STATE_ERROR)
        fetch->leader->ex->reason = fetch->detached->exchange->reason;
    if (!fetch->leader->request.is_get) { /* the service was asked by GET: nothing but the head is for this client */
        num = 0;
        state = H2O_SEND_STATE_FINAL;
    }
    gw_cache_send(fetch->leader, bufs, num, state);
}

/** There is no room for the rest of it.  The leader gets that as it comes; whoever has begun to read with it is cut. */
void gw_cache_fetch_spill(gw_cache_fetch_t *fetch)
{
    fetch->is_spilling = true;
    gw_cache_fetch_mark(fetch);
    gw_cache_discard(fetch->shared->store, fetch->entry);
    gw_cache_fetch_tell_entry(fetch, GW_FILL_BROKEN, fetch->entry, GW_CACHE_STORING_TOO_LARGE);
    if (fetch->leader == NULL)
        gw_cache_fetch_end(fetch);
}

void gw_cache_fetch_set_rest(gw_cache_fetch_t *fetch, const h2o_iovec_t *slices, size_t num, h2o_send_state_t state)
{
    assert(num <= GW_BODY_MAX_SLICES);
    for (size_t i = 0; i != num; ++i)
        fetch->rest.slices[i] = slices[i];
    fetch->rest.num = num;
    fetch->rest.state = state;
    fetch->rest.is_there = true;
    fetch->rest.is_taken = false;
}

bool gw_cache_fetch_take_rest(gw_cache_fetch_t *fetch, const h2o_iovec_t **ret_slices, size_t *ret_num,
                              h2o_send_state_t *ret_state)
{
    if (!fetch->is_spilling)
        return false;
    if (fetch->rest.is_taken && fetch->rest.state == H2O_SEND_STATE_IN_PROGRESS) {
        fetch->rest.is_there = fetch->rest.is_taken = false;
        gw_detached_proceed(fetch->detached); /* may bring the next piece, which the leader then has taken already */
    }
    if (!fetch->rest.is_there || fetch->rest.is_taken)
        return false;
    fetch->rest.is_taken = true;
    *ret_slices = fetch->rest.slices;
    *ret_num = fetch->rest.num;
    *ret_state = fetch->rest.state;
    return true;
}
