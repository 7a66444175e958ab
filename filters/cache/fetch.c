/* SPDX-License-Identifier: MIT
 * Asking the service on behalf of a fill: the way of a fetch. */
#include <assert.h>
#include "filters/cache/fetch_private.h"
#include "filters/cache/stream.h"
#include "filters/cache/tagging.h"
#include "gateway/base/memory.h"
#include "gateway/http/entity_tag.h"

/* the end ---------------------------------------------------------------------------------------------------------- */

static void drop_entry(gw_cache_fetch_t *fetch)
{
    gw_cache_store_t *store = fetch->shared->store;
    if (fetch->stale != NULL)
        gw_cache_release(store, fetch->stale);
    fetch->stale = NULL;
    if (fetch->entry != NULL)
        gw_cache_release(store, fetch->entry);
    fetch->entry = NULL;
}

/** It is over, and what had to be told was told. */
void gw_cache_fetch_end(gw_cache_fetch_t *fetch)
{
    if (fetch->leader != NULL)
        fetch->leader->fetch = NULL;
    drop_entry(fetch);
    gw_fill_unref(fetch->fill);
    gw_detached_t *detached = fetch->detached;
    free(fetch);
    gw_detached_free(detached); /* last: the state may go with its view */
}

/** Tells that there is no entry. */
void gw_cache_fetch_tell(gw_cache_fetch_t *fetch, gw_fill_state_t state, gw_cache_storing_t storing)
{
    gw_fill_tell(
        fetch->fill, fetch->state->worker,
        &(gw_fill_news_t){
            .state = state, .status = fetch->status, .reason = fetch->detached->exchange->reason, .storing = storing});
}

void gw_cache_fetch_tell_entry(gw_cache_fetch_t *fetch, gw_fill_state_t state, gw_cache_entry_t *entry,
                               gw_cache_storing_t storing)
{
    gw_fill_tell(fetch->fill, fetch->state->worker,
                 &(gw_fill_news_t){.state = state,
                                   .entry = entry,
                                   .is_confirmed = fetch->is_confirmed,
                                   .status = fetch->status,
                                   .storing = storing});
}

/* the way of a response -------------------------------------------------------------------------------------------- */

/** What the access log says of the leader's request. */
static void copy_facts(gw_exchange_t *to, const gw_exchange_t *from)
{
    to->endpoint = from->endpoint;
    to->tries = from->tries;
    to->is_reused = from->is_reused;
    to->upstream_status = from->upstream_status;
    to->connected_us = from->connected_us;
    to->response_us = from->response_us;
    to->result = from->result;
    gw_exchange_take_decisions(to, from);
}

/** Whether a 304 names another response than the one it was asked about: it must not change that one (RFC 9111 4.3.4),
 * and the one it is about is not here.  Weak comparison, as codings on the way make weak tags of strong ones. */
static bool is_about_another(const gw_cache_fetch_t *fetch)
{
    const h2o_headers_t *fields = &fetch->detached->exchange->req->res.headers;
    gw_str_t stored = gw_stored_head_of(fetch->stale)->etag, tag;
    return stored.len != 0 && gw_cache_values(fields, GW_STR("etag"), &tag, 1) == 1 && gw_entity_tag_is_valid(tag) &&
           !gw_entity_tag_equal_weakly(tag, stored);
}

static void on_head(gw_detached_t *detached)
{
    gw_cache_fetch_t *fetch = detached->owner;
    gw_exchange_t *ex = detached->exchange;
    unsigned status = fetch->status = (unsigned)ex->req->res.status;
    if (fetch->leader != NULL)
        copy_facts(fetch->leader->ex, ex);
    if (fetch->is_validating && status == 304) {
        if (!is_about_another(fetch)) {
            gw_cache_fetch_confirm(fetch);
            return;
        }
        gw_cache_remove(fetch->shared->store, fetch->stale);
        gw_cache_fetch_tell(fetch, GW_FILL_AGAIN,
                            GW_CACHE_STORING_STATUS); /* without conditions, as there is nothing left */
        gw_cache_fetch_end(fetch);
        return;
    }
    bool is_error = ex->reason != GW_REASON_OK || gw_cache_is_error(status);
    gw_cache_storing_t storing = GW_CACHE_STORING_STATUS;
    if (!is_error || fetch->stale == NULL) {
        storing = gw_cache_fetch_begin_entry(fetch);
        if (storing == GW_CACHE_STORING_YES)
            return;
    }
    if (!is_error && gw_cache_fetch_is_about_url(fetch, storing)) {
        if (fetch->stale != NULL)
            gw_cache_remove(fetch->shared->store, fetch->stale); /* the service has another one now */
        gw_cache_fetch_mark(fetch);
    }
    gw_cache_fetch_tell(fetch, is_error ? GW_FILL_FAILED : GW_FILL_UNSTORABLE, storing);
    if (!fetch->is_piping)
        gw_cache_fetch_end(fetch);
}

static void store_body(gw_cache_fetch_t *fetch, const h2o_iovec_t *slices, size_t num, h2o_send_state_t state)
{
    gw_cache_store_t *store = fetch->shared->store;
    struct iovec pieces[GW_BODY_MAX_SLICES];
    assert(num <= GW_BODY_MAX_SLICES);
    for (size_t i = 0; i != num; ++i)
        pieces[i] = (struct iovec){slices[i].base, slices[i].len};
    if (num != 0 && !gw_cache_entry_append(store, fetch->entry, pieces, num, fetch->expected)) {
        gw_cache_fetch_set_rest(fetch, slices, num, state);
        gw_cache_fetch_spill(fetch);
        return;
    }
    if (state == H2O_SEND_STATE_IN_PROGRESS) {
        gw_fill_tell_growth(fetch->fill, fetch->state->worker);
        gw_detached_proceed(fetch->detached);
    } else if (state == H2O_SEND_STATE_FINAL) {
        gw_cache_storing_t storing = gw_cache_fetch_publish(fetch, fetch->stale);
        gw_cache_fetch_tell_entry(fetch, GW_FILL_DONE, fetch->entry, storing);
        gw_cache_fetch_end(fetch);
    } else {
        if (fetch->leader != NULL) { /* there is no rest that it could get: it is cut like the others */
            fetch->leader->fetch = NULL;
            fetch->leader = NULL;
        }
        gw_cache_discard(store, fetch->entry);
        gw_cache_fetch_tell_entry(fetch, GW_FILL_BROKEN, fetch->entry, GW_CACHE_STORING_INCOMPLETE);
        gw_cache_fetch_end(fetch);
    }
}

static void on_body(gw_detached_t *detached, const h2o_iovec_t *slices, size_t num, h2o_send_state_t state)
{
    gw_cache_fetch_t *fetch = detached->owner;
    if (fetch->status == 0) { /* it broke off before there was a head */
        gw_cache_fetch_tell(fetch, GW_FILL_FAILED, GW_CACHE_STORING_INCOMPLETE);
        gw_cache_fetch_end(fetch);
    } else if (fetch->is_piping) {
        gw_cache_fetch_pipe_body(fetch, slices, num, state);
    } else if (fetch->is_spilling) {
        gw_cache_fetch_set_rest(fetch, slices, num, state);
        gw_cache_stream_go_on(fetch->leader);
    } else {
        store_body(fetch, slices, num, state);
    }
}

static bool is_wanted(gw_detached_t *detached)
{
    const gw_cache_fetch_t *fetch = detached->owner;
    return gw_fill_has_readers(fetch->fill);
}

/** For the client that made the service be asked: what it says before its answer is no part of that. */
static void on_interim(gw_detached_t *detached, const struct gw_call_head *head)
{
    gw_cache_fetch_t *fetch = detached->owner;
    gw_exchange_t *ex = fetch->leader != NULL ? fetch->leader->ex : NULL;
    if (ex != NULL && ex->on_interim != NULL)
        ex->on_interim(ex, head);
}

/* the beginning ---------------------------------------------------------------------------------------------------- */

/** What the client asks of its own copy is answered from ours. */
static void set_conditions(gw_cache_fetch_t *fetch)
{
    h2o_req_t *req = fetch->detached->exchange->req;
    gw_fields_remove(&req->headers, GW_STR("if-none-match"));
    gw_fields_remove(&req->headers, GW_STR("if-modified-since"));
    if (fetch->stale == NULL)
        return;
    const gw_stored_head_t *head = gw_stored_head_of(fetch->stale);
    fetch->is_validating = head->etag.len != 0 || head->last_modified.len != 0;
    if (fetch->is_validating || !fetch->stale->is_part) { /* a part would take the place of all of it */
        gw_fields_remove(&req->headers, GW_STR("range"));
        gw_fields_remove(&req->headers, GW_STR("if-range"));
        fetch->has_range = false;
    }
    if (!fetch->is_validating)
        return;
    if (head->etag.len != 0)
        gw_fields_add(&req->pool, &req->headers, GW_STR("if-none-match"), head->etag);
    if (head->last_modified.len != 0)
        gw_fields_add(&req->pool, &req->headers, GW_STR("if-modified-since"), head->last_modified);
}

static gw_str_t copy_of(h2o_mem_pool_t *pool, gw_str_t text)
{
    h2o_iovec_t copy = h2o_strdup(pool, text.ptr, text.len);
    return gw_str(copy.base, copy.len);
}

void gw_cache_fetch_start(gw_cache_passage_t *passage, gw_fill_t *fill, gw_cache_entry_t *stale)
{
    static const gw_detached_events_t events = {
        .on_head = on_head, .on_body = on_body, .on_interim = on_interim, .is_wanted = is_wanted};
    gw_cache_fetch_t *fetch = gw_must_alloc(1, sizeof(*fetch));
    bool is_led = passage->reader.fill == fill;
    fetch->state = passage->state;
    fetch->shared = passage->state->shared;
    fetch->conf = passage->conf;
    fetch->fill = gw_fill_ref(fill);
    fetch->key = passage->request.key;
    if (is_led) /* a refresh is for those who come later, whatever this client says of its own response */
        fetch->directives = passage->request.directives;
    fetch->is_authorized = passage->request.is_authorized;
    fetch->has_range = passage->request.range.len != 0;
    fetch->sequence = passage->sequence; /* what is purged meanwhile may be `stale`, which a 304 must not bring back */
    fetch->asked_ms = gw_cache_fetch_now_ms(fetch);
    if (stale != NULL)
        gw_cache_hold(fetch->stale = stale);
    if (is_led) {
        fetch->leader = passage;
        passage->fetch = fetch;
    }
    fetch->detached = gw_detached_create(passage->ex, &events, fetch, !is_led);
    fetch->principal = fetch->detached->exchange->principal;
    h2o_req_t *req = fetch->detached->exchange->req;
    req->input.method = req->method = h2o_iovec_init(H2O_STRLIT("GET"));
    fetch->url = copy_of(&req->pool, passage->request.url);
    fetch->asked = gw_cache_fields_of(&req->pool, &req->headers, &fetch->num_asked);
    set_conditions(fetch);
    gw_detached_start(fetch->detached);
}

void gw_cache_fetch_leave(gw_cache_fetch_t *fetch)
{
    gw_cache_passage_t *leader = fetch->leader;
    fetch->leader = NULL;
    leader->fetch = NULL;
    if (fetch->is_piping || fetch->is_spilling)
        gw_cache_fetch_end(fetch);
}
