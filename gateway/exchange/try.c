/* SPDX-License-Identifier: MIT
 * One try at one endpoint. */
#include "gateway/exchange/retry.h"
#include "gateway/exchange/try.h"
#include "gateway/exchange/upstream_head.h"
#include "gateway/upstream/pool.h"

/** Apart from the rest because it is large and most tries find a connection in the pool. */
struct gw_try_connecting {
    gw_connecting_t super;
    gw_try_t *try;
};

static gw_try_t *try_of(gw_call_t *call)
{
    return H2O_STRUCT_FROM_MEMBER(gw_try_t, call, call);
}

static gw_member_t *member_of(const gw_try_t *try)
{
    return try->service->deployed->members[try->index];
}

static gw_pool_t *pool_of(const gw_try_t *try)
{
    return try->service->pools[try->index];
}

/* what became of it ------------------------------------------------------------------------------------------------ */

static bool is_failure(const gw_try_t *try, const gw_try_result_t *result)
{
    return gw_condition_set_has(&try->service->conf->ejection.on.set, result->condition, result->status);
}

/** Tells the endpoint's health, once; what nobody is to blame for tells it nothing. */
static void record_health(gw_try_t *try, const gw_try_result_t *result)
{
    if (try->is_recorded || (result->condition == GW_CONDITION_NONE && result->status == 0))
        return;
    try->is_recorded = true;
    gw_member_record(member_of(try), try->ex->worker_index, is_failure(try, result),
                     try->service->conf->ejection.consecutive_failures);
}

/** Tells the guard, once.  @param result NULL: nothing is known */
static void leave_guard(gw_try_t *try, const gw_try_result_t *result)
{
    const gw_endpoint_guard_t *guard = try->guard;
    try->guard = NULL;
    if (guard != NULL && guard->leave(guard, try->ex, try->index, try->token, result))
        try->begun = guard;
}

/** Tells the guard how the response ended of which it knows the beginning.  @param result NULL: well */
static void end_guard(gw_try_t *try, const gw_try_result_t *result)
{
    const gw_endpoint_guard_t *guard = try->begun;
    try->begun = NULL;
    if (guard != NULL)
        guard->end(guard, try->ex, try->index, try->token, result);
}

/** Gives back everything that it took from others. */
static void settle(gw_try_t *try)
{
    if (!try->is_counted)
        return;
    try->is_counted = try->is_active = false;
    gw_timer_dispose(&try->ex->worker->timers, &try->timer);
    gw_pool_count_try(pool_of(try), -1);
    --try->service->state->num_tries;
    if (try->has_place) {
        try->has_place = false;
        gw_member_leave(member_of(try));
        gw_queue_freed(&try->service->state->queue);
    }
}

uint64_t gw_try_waited_us(const gw_try_t *try)
{
    return try->call.sent_us != 0 ? gw_worker_now_us(try->ex->worker) - try->call.sent_us : 0;
}

bool gw_try_waits_for_endpoint(const gw_try_t *try)
{
    return try->is_connecting || try->call.sent_us != 0;
}

static void fail(gw_try_t *try, gw_try_failure_t failure)
{
    /* an endpoint that closes while the client is slow with its upload is not to blame */
    bool is_closed = failure.condition == GW_CONDITION_EMPTY_RESPONSE || failure.condition == GW_CONDITION_RESET;
    bool is_clients = is_closed && !try->has_head && try->call.sent_us == 0 && try->body != NULL;
    const gw_try_result_t result = {is_clients ? GW_CONDITION_NONE : failure.condition, 0, gw_try_waited_us(try)};
    gw_call_dispose(&try->call);
    if (!failure.is_stale)
        record_health(try, &result);
    leave_guard(try, failure.is_stale ? NULL : &result);
    end_guard(try, try->has_head ? &result : NULL);
    settle(try);
    try->events->on_failed(try, &failure, &result);
}

/* the response ----------------------------------------------------------------------------------------------------- */

static void on_interim(gw_call_t *call, const gw_call_head_t *head)
{
    gw_try_t *try = try_of(call);
    try->events->on_interim(try, head);
}

static void on_head(gw_call_t *call, const gw_call_head_t *head)
{
    gw_try_t *try = try_of(call);
    const gw_try_result_t result = {GW_CONDITION_NONE, (unsigned)head->status, gw_try_waited_us(try)};
    try->has_head = true;
    try->status = result.status;
    gw_timer_stop(&try->timer);
    if (is_failure(try, &result)) /* else it is a success when all of it is there */
        record_health(try, &result);
    leave_guard(try, &result);
    try->events->on_head(try, head);
}

static void on_body(gw_call_t *call, const h2o_iovec_t *slices, size_t num_slices, bool is_last)
{
    gw_try_t *try = try_of(call);
    if (is_last) {
        record_health(try, &(gw_try_result_t){GW_CONDITION_NONE, try->status, 0});
        end_guard(try, NULL);
        settle(try);
    }
    try->events->on_body(try, slices, num_slices, is_last);
}

static void on_call_failed(gw_call_t *call, gw_reason_t reason, const char *detail, bool is_untouched,
                           bool is_undelivered)
{
    gw_try_t *try = try_of(call);
    bool is_closed = reason == GW_REASON_UPSTREAM_CLOSED || reason == GW_REASON_UPSTREAM_RESET;
    fail(try, (gw_try_failure_t){.reason = reason,
                                 .detail = detail,
                                 .condition = gw_condition_of(reason, is_untouched),
                                 .is_unsent = is_untouched && is_undelivered,
                                 .is_stale = is_untouched && is_closed && try->is_reused});
}

static const gw_call_events_t call_events = {on_interim, on_head, on_body, on_call_failed};

/* the request ------------------------------------------------------------------------------------------------------ */

static uint64_t time_left_ms(const gw_try_t *try)
{
    const gw_exchange_t *ex = try->ex;
    uint64_t now_ms = gw_worker_now_ms(ex->worker);
    if (ex->deadline_ms == 0)
        return UINT64_MAX;
    uint64_t left_ms = ex->deadline_ms > now_ms ? ex->deadline_ms - now_ms : 1;
    return try->timeout_ms != 0 && try->timeout_ms < left_ms ? try->timeout_ms : left_ms;
}

static void send_request(gw_try_t *try, gw_connection_t *connection)
{
    gw_exchange_t *ex = try->ex;
    ex->connected_us = gw_worker_now_us(ex->worker);
    try->is_reused = ex->is_reused = connection->is_reused;
    h2o_iovec_t head = gw_upstream_request_head(ex, member_of(try)->endpoint->authority, time_left_ms(try));
    bool is_head = h2o_memis(ex->req->input.method.base, ex->req->input.method.len, H2O_STRLIT("HEAD"));
    try->call.events = &call_events;
    gw_call_start(&try->call, connection, try->service->conf, head, is_head, try->body, &ex->req->pool);
}

static void on_connected(gw_connecting_t *connecting, gw_connection_t *connection, gw_reason_t failure)
{
    gw_try_t *try = ((struct gw_try_connecting *)connecting)->try;
    try->is_connecting = false;
    if (connection != NULL)
        send_request(try, connection);
    else
        fail(try, (gw_try_failure_t){.reason = failure, .condition = GW_CONDITION_CONNECT_FAILURE, .is_unsent = true});
}

static void cancel(gw_try_t *try)
{
    if (try->is_connecting) {
        gw_connecting_cancel(&try->connecting->super);
        try->is_connecting = false;
    }
    gw_call_dispose(&try->call);
}

static void on_expiry(gw_timer_t *timer)
{
    gw_try_t *try = H2O_STRUCT_FROM_MEMBER(gw_try_t, timer, timer);
    bool was_connecting = try->is_connecting;
    if (!gw_try_waits_for_endpoint(try)) {
        /* the client is still sending: its own timeout looks after that; the endpoint gets its time afterwards */
        gw_timer_set(&try->ex->worker->timers, timer, gw_worker_now_ms(try->ex->worker) + try->timeout_ms);
        return;
    }
    cancel(try);
    fail(try,
         (gw_try_failure_t){.reason = was_connecting ? GW_REASON_CONNECT_TIMEOUT : GW_REASON_RESPONSE_TIMEOUT,
                            .condition = was_connecting ? GW_CONDITION_CONNECT_FAILURE : GW_CONDITION_RESPONSE_TIMEOUT,
                            .is_unsent = was_connecting});
}

void gw_try_prepare(gw_try_t *try, uint32_t index, const gw_endpoint_guard_t *guard, uint64_t token)
{
    try->index = index;
    try->guard = guard;
    try->token = token;
    try->has_place = try->service->conf->max_requests != 0;
    gw_timer_init(&try->timer, on_expiry);
    gw_pool_count_try(pool_of(try), 1);
    ++try->service->state->num_tries;
    try->is_counted = try->is_active = true;
}

void gw_try_start(gw_try_t *try, gw_body_t *body, bool is_fresh)
{
    gw_exchange_t *ex = try->ex;
    const gw_service_conf_t *conf = try->service->conf;
    try->body = body;
    ex->endpoint = member_of(try)->endpoint->url;
    ++ex->tries;
    ex->is_reused = false;
    if (try->timeout_ms != 0)
        gw_timer_set(&ex->worker->timers, &try->timer, gw_worker_now_ms(ex->worker) + try->timeout_ms);
    gw_connection_t *connection = is_fresh ? NULL : gw_pool_take(pool_of(try), conf, try->is_precious);
    if (connection != NULL) {
        send_request(try, connection);
        return;
    }
    if (try->connecting == NULL)
        try->connecting = h2o_mem_alloc_pool(&ex->req->pool, sizeof(*try->connecting));
    try->connecting->super.on_done = on_connected;
    try->connecting->try = try;
    try->is_connecting = true;
    gw_pool_connect(pool_of(try), conf, &try->connecting->super);
}

void gw_try_more(gw_try_t *try)
{
    gw_call_more(&try->call);
}

void gw_try_dispose(gw_try_t *try, gw_condition_t condition)
{
    const gw_try_result_t result = {gw_try_waits_for_endpoint(try) ? condition : GW_CONDITION_NONE, 0,
                                    gw_try_waited_us(try)};
    cancel(try);
    if (try->is_active) {
        record_health(try, try->has_head ? &(gw_try_result_t){GW_CONDITION_NONE, try->status, 0} : &result);
        leave_guard(try, &result);
        end_guard(try, NULL);
    }
    settle(try);
}
