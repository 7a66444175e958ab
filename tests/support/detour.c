/* SPDX-License-Identifier: MIT
 * The filters of tests/support/sluice_detour: the real ones, and `detour`, which gets every response by a detached
 * exchange (gateway/exchange/detached.h) and then answers with it.  A request's field X-Detour says what else is to
 * happen:
 *     leave          the detached exchange is ended with the client's
 *     aside          the client is answered with 202 at once, and nobody waits for the other
 *     unstarted      it is freed before it was started; the client gets a 204
 *     head, piece    it is freed when the head, the first piece of the body, has come; 204
 *     after N        it is freed after N milliseconds; 204
 *     hold           the second piece is asked for only when another request says; 204, whatever comes
 *     release        ... this; it gets a 204
 * Threads: the worker's; those that hold know each other, so there must be one worker. */
#include <stdlib.h>
#include "filters/api_key.h"
#include "filters/basic_auth.h"
#include "filters/circuit_breaker.h"
#include "filters/concurrency_limit.h"
#include "filters/headers.h"
#include "filters/jwt/jwt.h"
#include "filters/mtls.h"
#include "filters/rate_limit/rate_limit.h"
#include "gateway/base/decimal.h"
#include "gateway/base/memory.h"
#include "gateway/exchange/detached.h"
#include "gateway/server/worker.h"

typedef struct detour {
    gw_detached_t *detached; /* NULL: it has ended */
    gw_exchange_t *model;    /* NULL: the client has gone */
    gw_str_t word;           /* of X-Detour, in the pool of `detached`; empty: none */
    char *body;
    size_t len, cap;
    unsigned num_pieces;
    bool is_within; /* its on_request has not returned */
    gw_timer_t timer;
    h2o_linklist_t link; /* among those that hold */
} detour_t;

static h2o_linklist_t held = {&held, &held};

static void forget(detour_t *detour)
{
    if (detour->detached != NULL || detour->model != NULL)
        return;
    free(detour->body);
    free(detour);
}

static void end_detached(detour_t *detour)
{
    if (detour->detached == NULL)
        return;
    gw_timer_dispose(&detour->detached->exchange->worker->timers, &detour->timer);
    if (h2o_linklist_is_linked(&detour->link))
        h2o_linklist_unlink(&detour->link);
    detour->detached = gw_detached_free(detour->detached);
}

/* answering -------------------------------------------------------------------------------------------------------- */

static void add_field(gw_exchange_t *ex, const char *name, gw_str_t value)
{
    h2o_iovec_t copy = h2o_strdup(&ex->req->pool, value.ptr, value.len);
    gw_fields_add(&ex->req->pool, &ex->req->res.headers, gw_str_of(name), gw_str(copy.base, copy.len));
}

static void add_number(gw_exchange_t *ex, const char *name, uint64_t number)
{
    char text[GW_DECIMAL_MAX];
    add_field(ex, name, gw_str(text, (size_t)(gw_put_decimal(text, number) - text)));
}

/** Answers the client, if there is one, with what there is of the response. */
static void answer(detour_t *detour, int status)
{
    gw_exchange_t *ex = detour->model, *other = detour->detached->exchange;
    if (ex == NULL || ex->is_answered)
        return;
    const h2o_res_t *res = &other->req->res;
    gw_exchange_take_decisions(ex, other);
    for (size_t i = 0; i != res->headers.size; ++i) {
        h2o_iovec_t name = *res->headers.entries[i].name, value = res->headers.entries[i].value;
        h2o_iovec_t copy = h2o_strdup(&ex->req->pool, name.base, name.len);
        add_field(ex, copy.base, gw_str(value.base, value.len));
    }
    add_field(ex, "x-detour-reason", gw_str_of(gw_reason_name(other->reason)));
    add_number(ex, "x-detour-pieces", detour->num_pieces);
    add_number(ex, "x-detour-bytes", detour->len);
    if (res->content_length != SIZE_MAX)
        add_number(ex, "x-detour-length", res->content_length);
    size_t len = status != 204 ? detour->len : 0;
    h2o_iovec_t body = h2o_strdup(&ex->req->pool, len != 0 ? detour->body : "", len);
    gw_exchange_answer(ex, status, gw_str(NULL, 0), gw_str(body.base, body.len));
    if (!detour->is_within)
        gw_exchange_resume(ex, GW_ANSWERED);
}

static void give_up(detour_t *detour)
{
    answer(detour, 204);
    end_detached(detour);
    forget(detour);
}

/* the detached exchange -------------------------------------------------------------------------------------------- */

static bool is_word(const detour_t *detour, const char *word)
{
    return gw_str_equal(detour->word, gw_str_of(word));
}

static void on_head(gw_detached_t *detached)
{
    detour_t *detour = detached->owner;
    if (is_word(detour, "head"))
        give_up(detour);
}

static void keep(detour_t *detour, h2o_iovec_t slice)
{
    if (detour->cap - detour->len < slice.len) {
        detour->cap = 2 * detour->cap + slice.len;
        detour->body = h2o_mem_realloc(detour->body, detour->cap);
    }
    memcpy(detour->body + detour->len, slice.base, slice.len);
    detour->len += slice.len;
}

static void on_body(gw_detached_t *detached, const h2o_iovec_t *slices, size_t num_slices, h2o_send_state_t state)
{
    detour_t *detour = detached->owner;
    size_t before = detour->len;
    for (size_t i = 0; i != num_slices; ++i)
        keep(detour, slices[i]);
    ++detour->num_pieces;
    if (state != H2O_SEND_STATE_IN_PROGRESS) {
        int status = state == H2O_SEND_STATE_FINAL ? detached->exchange->req->res.status : 502;
        answer(detour, is_word(detour, "hold") ? 204 : status);
        end_detached(detour);
        forget(detour);
    } else if (is_word(detour, "piece") && detour->len != 0) {
        give_up(detour);
    } else if (is_word(detour, "hold") && before == 0 && detour->len != 0) {
        h2o_linklist_insert(&held, &detour->link);
    } else {
        gw_detached_proceed(detached);
    }
}

static void on_expiry(gw_timer_t *timer)
{
    give_up(H2O_STRUCT_FROM_MEMBER(detour_t, timer, timer));
}

/** @return N of "after N"; 0: that is not the word */
static uint64_t time_of(const detour_t *detour)
{
    static const char after[] = "after ";
    gw_str_t word = detour->word;
    uint64_t ms = 0;
    if (word.len < sizeof(after) || memcmp(word.ptr, after, sizeof(after) - 1) != 0)
        return 0;
    for (size_t i = sizeof(after) - 1; i != word.len; ++i)
        ms = ms * 10 + (uint64_t)(word.ptr[i] - '0');
    return ms;
}

/* the filter ------------------------------------------------------------------------------------------------------- */

static void release_all(void)
{
    while (!h2o_linklist_is_empty(&held)) {
        detour_t *detour = H2O_STRUCT_FROM_MEMBER(detour_t, link, held.next);
        h2o_linklist_unlink(&detour->link);
        gw_detached_proceed(detour->detached);
    }
}

static gw_str_t word_of(const gw_exchange_t *ex)
{
    ssize_t at = gw_fields_find(&ex->req->headers, GW_STR("x-detour"), 0);
    return at == -1 ? gw_str(NULL, 0)
                    : gw_str(ex->req->headers.entries[at].value.base, ex->req->headers.entries[at].value.len);
}

static gw_verdict_t on_request(gw_exchange_t *ex, const void *conf, void *state)
{
    static const gw_detached_events_t events = {.on_head = on_head, .on_body = on_body};
    if (gw_str_equal(word_of(ex), GW_STR("release"))) {
        gw_exchange_answer(ex, 204, gw_str(NULL, 0), gw_str(NULL, 0));
        release_all();
        return GW_ANSWERED;
    }
    detour_t *detour = gw_must_alloc(1, sizeof(*detour));
    detour->model = ex;
    detour->detached = gw_detached_create(ex, &events, detour, true);
    detour->word = word_of(detour->detached->exchange);
    gw_timer_init(&detour->timer, on_expiry);
    *gw_exchange_data(ex) = detour;
    detour->is_within = true;
    if (is_word(detour, "unstarted")) {
        answer(detour, 204);
        end_detached(detour);
        return GW_ANSWERED;
    }
    if (is_word(detour, "aside"))
        gw_exchange_answer(ex, 202, gw_str(NULL, 0), gw_str(NULL, 0));
    if (time_of(detour) != 0)
        gw_timer_set(&ex->worker->timers, &detour->timer, gw_worker_now_ms(ex->worker) + time_of(detour));
    gw_detached_start(detour->detached); /* which may end it, but not `detour`: the model still knows that */
    detour->is_within = false;
    return ex->is_answered ? GW_ANSWERED : GW_WAITING;
}

static void on_end(gw_exchange_t *ex, const void *conf, void *state)
{
    detour_t *detour = *gw_exchange_data(ex);
    if (detour == NULL)
        return;
    detour->model = NULL;
    if (detour->detached != NULL && is_word(detour, "leave"))
        end_detached(detour);
    forget(detour);
}

static const gw_field_t no_fields[] = {{.key = NULL}};
static const gw_section_t no_options = {.name = "detour", .fields = no_fields, .size = sizeof(gw_mark_t)};
static const gw_filter_class_t detour_filter = {
    .name = "detour",
    .meaning = "goes a long way round",
    .section = &no_options,
    .on_request = on_request,
    .on_end = on_end,
};

const gw_filter_class_t *const gw_filter_classes[] = {
    &gw_api_key_filter,
    &gw_basic_auth_filter,
    &gw_circuit_breaker_filter,
    &gw_concurrency_limit_filter,
    &detour_filter,
    &gw_headers_filter,
    &gw_jwt_filter,
    &gw_mtls_filter,
    &gw_rate_limit_filter,
    NULL,
};
