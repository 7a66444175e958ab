/* SPDX-License-Identifier: MIT
 * What becomes of a request that may be answered from memory. */
#include <assert.h>
#include "filters/cache/fetch.h"
#include "filters/cache/hit.h"
#include "filters/cache/lookup.h"
#include "filters/cache/stream.h"
#include "filters/cache/words.h"
#include "gateway/exchange/forward.h"

typedef gw_cache_passage_t passage_t;

enum { most_rounds = 2 };

void gw_cache_settle(passage_t *passage, gw_verdict_t verdict)
{
    assert(!passage->is_settled);
    passage->is_settled = true;
    passage->verdict = verdict;
    if (passage->is_timed)
        gw_timer_stop(&passage->wait_timer);
    if (!passage->is_in_request)
        gw_exchange_resume(passage->ex, verdict);
}

/** The request goes to the service by itself, and its response is not stored. */
static void pass(passage_t *passage, gw_cache_forward_t forward, const char *detail)
{
    passage->status.forward = forward;
    passage->status.detail = detail;
    gw_cache_settle(passage, GW_NEXT);
}

/** @return NULL: the request says nothing */
static const gw_cache_request_directives_t *directives_of(const passage_t *passage)
{
    return passage->request.has_directives ? &passage->request.directives : NULL;
}

/* answering from the store ----------------------------------------------------------------------------------------- */

static void tell_entry(passage_t *passage, const gw_cache_entry_t *entry)
{
    passage->status.has_ttl = true;
    passage->status.ttl_s =
        (int64_t)(entry->life.lifetime_ms / 1000) - (int64_t)gw_cache_age_s(&entry->life, gw_cache_now_ms(passage));
}

static void hit(passage_t *passage, const char *detail)
{
    passage->word = gw_cache_deed_word(detail == NULL ? GW_CACHE_DEED_HIT : GW_CACHE_DEED_STALE);
    passage->status.forward = GW_FORWARD_NONE;
    passage->status.detail = detail;
    tell_entry(passage, passage->stored);
    gw_cache_answer(passage, passage->stored, true);
    gw_cache_settle(passage, GW_ANSWERED);
}

/** What the service said; 0: nothing, it is the gateway's own problem. */
static unsigned status_of(const gw_fill_news_t *news)
{
    return news->reason == GW_REASON_OK ? news->status : 0;
}

void gw_cache_leave_fill(passage_t *passage)
{
    if (passage->fetch != NULL)
        gw_cache_fetch_leave(passage->fetch);
    gw_fill_leave(&passage->reader);
}

/** The service failed, and the client gets what was stored before (RFC 5861 4). */
static void serve_on_error(passage_t *passage, const gw_fill_news_t *news)
{
    passage->word = gw_cache_deed_word(GW_CACHE_DEED_STALE);
    passage->status.forward = GW_FORWARD_STALE;
    passage->status.forward_status = status_of(news);
    passage->status.detail = gw_cache_detail_word(GW_CACHE_DETAIL_IF_ERROR);
    tell_entry(passage, passage->stored);
    gw_cache_leave_fill(passage); /* what is answered with is complete, whatever becomes of the fill */
    gw_cache_answer(passage, passage->stored, true);
    gw_cache_settle(passage, GW_ANSWERED);
}

/* waiting for a fill ----------------------------------------------------------------------------------------------- */

static void look_again(passage_t *passage)
{
    gw_cache_leave_fill(passage);
    if (passage->rounds++ == most_rounds) {
        pass(passage, passage->status.forward, gw_cache_detail_word(GW_CACHE_DETAIL_NOT_COLLAPSED));
        return;
    }
    if (passage->stored != NULL)
        gw_cache_unpin(passage->state->seat, passage->stored);
    passage->stored = NULL;
    passage->is_leader = false;
    gw_cache_look(passage);
}

static void answer_filled(passage_t *passage, const gw_fill_news_t *news)
{
    bool is_leader = passage->fetch != NULL || passage->is_leader;
    gw_cache_hold(passage->filled = news->entry);
    passage->word = gw_cache_deed_word(!is_leader           ? GW_CACHE_DEED_COLLAPSED
                                       : news->is_confirmed ? GW_CACHE_DEED_REVALIDATED
                                                            : GW_CACHE_DEED_MISS);
    passage->status.forward_status = news->status;
    passage->status.is_collapsed = !is_leader;
    passage->status.is_stored = news->storing == GW_CACHE_STORING_YES;
    if (!passage->status.is_stored)
        passage->status.detail = gw_cache_storing_word(news->storing);
    tell_entry(passage, news->entry);
    gw_cache_answer(passage, news->entry,
                    !is_leader || (passage->fetch != NULL && gw_cache_fetch_has_age(passage->fetch)));
    gw_cache_settle(passage, GW_ANSWERED);
}

static bool may_serve_on_error(const passage_t *passage)
{
    return passage->stored != NULL && !passage->stored->is_marker &&
           gw_cache_may_use_on_error(&passage->stored->life, directives_of(passage), gw_cache_now_ms(passage));
}

static void fail(passage_t *passage, const gw_fill_news_t *news)
{
    if (may_serve_on_error(passage)) {
        serve_on_error(passage, news);
    } else if (passage->fetch != NULL && news->status != 0) {
        passage->status.forward_status = status_of(news);
        if (news->reason != GW_REASON_OK)
            passage->status.detail = gw_reason_name(news->reason);
        gw_cache_fetch_pipe(passage->fetch);
    } else if (passage->fetch == NULL && (news->reason == GW_REASON_OK || passage->rounds == 0)) {
        look_again(passage);
    } else {
        passage->status.is_collapsed = passage->fetch == NULL;
        gw_cache_leave_fill(passage);
        gw_exchange_problem(passage->ex, news->reason, NULL);
        gw_cache_settle(passage, GW_ANSWERED);
    }
}

static void on_news(gw_fill_reader_t *reader)
{
    passage_t *passage = H2O_STRUCT_FROM_MEMBER(passage_t, reader, reader);
    if (passage->is_settled) {
        gw_cache_stream_go_on(passage);
        return;
    }
    gw_fill_news_t news = gw_fill_look(reader->fill);
    switch (news.state) {
    case GW_FILL_ASKING:
        break;
    case GW_FILL_GROWING:
    case GW_FILL_DONE:
        if (passage->is_leader) { /* it is the answer to this very request */
            answer_filled(passage, &news);
        } else if (!gw_cache_fits(passage, news.entry)) {
            /* wait with those who want the same variant: the store may not know yet that there are any */
            if (news.entry->vary.len != 0)
                passage->variant = gw_cache_variant_of(passage, news.entry->vary);
            look_again(passage);
        } else if (gw_cache_use(&news.entry->life, directives_of(passage), false, gw_cache_now_ms(passage)) ==
                   GW_USE_VALIDATED) {
            /* it answers the leader's request; as for ours, it is as if it had been stored before (RFC 9111 4) */
            passage->is_alone = true;
            look_again(passage);
        } else if (news.state == GW_FILL_DONE || !news.entry->is_part) { /* what it asks of a part may be yet to come */
            answer_filled(passage, &news);
        }
        break;
    case GW_FILL_UNSTORABLE:
        passage->status.forward_status = news.status;
        if (passage->fetch != NULL) {
            passage->status.detail = gw_cache_storing_word(news.storing);
            gw_cache_fetch_pipe(passage->fetch);
        } else {
            gw_cache_leave_fill(passage);
            pass(passage, passage->status.forward, gw_cache_storing_word(news.storing));
        }
        break;
    case GW_FILL_FAILED:
        fail(passage, &news);
        break;
    case GW_FILL_BROKEN:
    case GW_FILL_AGAIN:
        look_again(passage);
        break;
    }
}

/** What requests wait together for: the same thing, in the same variant as far as that is known, the same part. */
static gw_cache_key_t fill_key(const passage_t *passage)
{
    gw_cache_key_t key = passage->request.key;
    const gw_cache_store_t *store = passage->state->shared->store;
    if (passage->request.range.len != 0)
        key.whole ^= gw_cache_label_hash(store, GW_STR("range"), gw_str(NULL, 0), passage->request.range);
    key.whole ^= passage->variant.whole;
    key.url ^= passage->variant.url;
    return key;
}

/** What is stored has to be confirmed for each request: nobody would get anything of another one's. */
static bool is_never_fresh(const gw_cache_entry_t *stored)
{
    return !stored->is_marker &&
           (stored->life.must_validate || stored->life.lifetime_ms + stored->life.while_revalidate_ms == 0);
}

/** Not with others: it asks for more than they do, or gets what is not for them. */
static bool may_share(const passage_t *passage)
{
    const gw_cache_request_t *request = &passage->request;
    return passage->conf->collapse && !passage->is_alone && !request->is_authorized &&
           (passage->stored == NULL || !is_never_fresh(passage->stored)) &&
           !(request->has_directives && (request->directives.no_cache || request->directives.max_age == 0 ||
                                         request->directives.has_pragma_no_cache));
}

static bool fits(void *arg, const gw_cache_entry_t *entry);

/** Between looking into the store and here another fill may have come to its end: then there is no need to ask again.
 * A fill is found until what it has got is in the store. */
static bool is_outdated(passage_t *passage)
{
    gw_cache_worker_t *state = passage->state;
    gw_cache_found_t found = gw_cache_find(state->shared->store, state->seat, passage->request.key, fits, passage);
    if (found.entry == NULL)
        return false;
    bool is_over = found.entry->is_marker && gw_cache_left_ms(&found.entry->life, gw_cache_now_ms(passage)) <= 0;
    bool is_other = found.entry != passage->stored || (found.is_soft_purged && !passage->is_soft_purged);
    gw_cache_unpin(state->seat, found.entry);
    return is_other && !is_over;
}

static void tell_again(passage_t *passage, gw_fill_t *fill)
{
    gw_fill_tell(fill, passage->state->worker, &(gw_fill_news_t){.state = GW_FILL_AGAIN});
}

/** The client has no more time than it would have without a cache, however many fills it waits for. */
static void on_wait_over(gw_timer_t *timer)
{
    passage_t *passage = H2O_STRUCT_FROM_MEMBER(passage_t, wait_timer, timer);
    if (may_serve_on_error(passage)) {
        serve_on_error(passage, &(gw_fill_news_t){.reason = GW_REASON_TOTAL_TIMEOUT});
        return;
    }
    gw_cache_leave_fill(passage);
    gw_exchange_problem(passage->ex, GW_REASON_TOTAL_TIMEOUT, NULL);
    gw_cache_settle(passage, GW_ANSWERED);
}

static void set_wait_timer(passage_t *passage)
{
    uint64_t total_ms = gw_forward_total_timeout(passage->ex);
    if (total_ms == 0 || passage->is_timed)
        return;
    passage->is_timed = true;
    gw_timer_init(&passage->wait_timer, on_wait_over);
    gw_timer_set(&passage->state->worker->timers, &passage->wait_timer, passage->ex->routed_ms + total_ms);
}

static void join_fill(passage_t *passage)
{
    gw_cache_worker_t *state = passage->state;
    set_wait_timer(passage);
    passage->reader.on_news = on_news;
    passage->is_leader = gw_fill_join(state->shared->fills, fill_key(passage), passage->request.key.url,
                                      may_share(passage), state->worker, &passage->reader);
    if (!passage->is_leader)
        on_news(&passage->reader);
    else if (may_share(passage) && is_outdated(passage))
        tell_again(passage, passage->reader.fill);
    else
        gw_cache_fetch_start(passage, passage->reader.fill, passage->stored);
}

/** Asks the service while the client gets what there is (RFC 5861 3). */
static void refresh(passage_t *passage)
{
    gw_fill_t *fill = gw_fill_begin(passage->state->shared->fills, fill_key(passage), passage->request.key.url);
    if (fill == NULL)
        return; /* somebody asks already */
    if (is_outdated(passage))
        tell_again(passage, fill);
    else
        gw_cache_fetch_start(passage, fill, passage->stored);
    gw_fill_unref(fill);
}

/* looking into the store ------------------------------------------------------------------------------------------- */

static bool fits(void *arg, const gw_cache_entry_t *entry)
{
    passage_t *passage = arg;
    if (entry->is_marker || gw_cache_fits(passage, entry))
        return true;
    if (passage->variant.whole == 0 && entry->vary.len != 0)
        passage->variant = gw_cache_variant_of(passage, entry->vary);
    return false;
}

/** @return true: the request waits, was answered, or goes on by itself; all of it was seen to */
static bool use_stored(passage_t *passage)
{
    const gw_cache_entry_t *stored = passage->stored;
    const gw_cache_request_t *request = &passage->request;
    gw_cache_use_t use =
        gw_cache_use(&stored->life, directives_of(passage), passage->is_soft_purged, gw_cache_now_ms(passage));
    switch (use) {
    case GW_USE_FRESH:
        hit(passage, NULL);
        return true;
    case GW_USE_STALE:
        hit(passage, gw_cache_detail_word(GW_CACHE_DETAIL_MAX_STALE));
        return true;
    case GW_USE_WHILE_REVALIDATE:
        refresh(passage);
        hit(passage, gw_cache_detail_word(GW_CACHE_DETAIL_WHILE_REVALIDATE));
        return true;
    default:
        passage->status.forward = request->has_directives && gw_cache_use(&stored->life, NULL, passage->is_soft_purged,
                                                                          gw_cache_now_ms(passage)) == GW_USE_FRESH
                                      ? GW_FORWARD_REQUEST
                                      : GW_FORWARD_STALE;
        if (passage->is_soft_purged)
            passage->status.detail = gw_cache_detail_word(GW_CACHE_DETAIL_PURGED_SOFTLY);
        return false;
    }
}

void gw_cache_look(passage_t *passage)
{
    gw_cache_worker_t *state = passage->state;
    const gw_cache_request_t *request = &passage->request;
    gw_cache_key_t known = passage->variant; /* from a response that is still on its way */
    passage->variant = (gw_cache_key_t){0, 0};
    passage->status.detail = NULL;
    passage->sequence = gw_cache_sequence(state->shared->store);
    gw_cache_found_t found = gw_cache_find(state->shared->store, state->seat, request->key, fits, passage);
    if (passage->variant.whole == 0)
        passage->variant = known;
    passage->stored = found.entry;
    passage->is_soft_purged = found.is_soft_purged;
    passage->status.forward = found.is_other ? GW_FORWARD_VARY_MISS : GW_FORWARD_URI_MISS;
    bool is_marked = found.entry != NULL && found.entry->is_marker;
    if (is_marked && gw_cache_left_ms(&found.entry->life, gw_cache_now_ms(passage)) <= 0) {
        gw_cache_unpin(state->seat, found.entry);
        passage->stored = NULL;
        is_marked = false;
    }
    if (passage->stored != NULL)
        passage->variant = passage->stored->variant;
    if (passage->stored != NULL && !is_marked && use_stored(passage))
        return;
    if (request->has_directives && request->directives.only_if_cached) {
        passage->status.detail = gw_cache_detail_word(GW_CACHE_DETAIL_ONLY_IF_CACHED);
        gw_exchange_problem(passage->ex, GW_REASON_NOT_CACHED, NULL);
        gw_cache_settle(passage, GW_ANSWERED);
    } else if (is_marked) {
        passage->errand = GW_ERRAND_UNMARK;
        pass(passage, GW_FORWARD_URI_MISS, gw_cache_detail_word(GW_CACHE_DETAIL_UNCACHEABLE));
    } else if (request->has_directives && request->directives.no_store) {
        pass(passage, passage->status.forward, gw_cache_storing_word(GW_CACHE_STORING_REQUEST_NO_STORE));
    } else if (!request->is_get && passage->stored == NULL) {
        pass(passage, passage->status.forward,
             gw_cache_detail_word(GW_CACHE_DETAIL_HEAD)); /* what a HEAD brings cannot answer a GET */
    } else {
        join_fill(passage);
    }
}
