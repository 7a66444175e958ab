/* SPDX-License-Identifier: MIT
 * One exchange and the endpoints of its service: waiting for a place, trying again, hedging, and handing on the
 * response of the try that won.  Which endpoint a try goes to is decided in choice.c, what may be tried again in
 * retry.c. */
#include <assert.h>
#include "gateway/base/random.h"
#include "gateway/exchange/choice.h"
#include "gateway/exchange/forward.h"
#include "gateway/exchange/replay_body.h"
#include "gateway/exchange/retry.h"
#include "gateway/exchange/try.h"
#include "gateway/exchange/upstream_head.h"
#include "gateway/routing/router.h"
#include "gateway/server/accept.h"

#define SMALL_BODY 4096 /* copied, so that its chunk is free at once and stays warm */
#define MAX_TRIED  16   /* endpoints that are remembered as tried */

typedef struct gw_forward {
    h2o_generator_t super;
    gw_exchange_t *ex;
    gw_view_service_t *service;
    const gw_retries_conf_t *retries;
    gw_try_t first;       /* most exchanges need no other */
    gw_try_t *tries[2];   /* the one under way, and the hedge beside it; NULL: none */
    gw_try_t *winner;     /* its response goes to the client */
    gw_try_t *hinting;    /* whose interim responses do, as long as it is under way; NULL: none had any */
    gw_body_t *body;      /* what goes upstream; NULL: none */
    bool is_body_wrapped; /* it keeps itself: replay_body.h */
    bool is_idempotent, is_safe;
    bool is_sending;   /* the response was begun */
    bool was_replaced; /* a stale pooled connection was already replaced */
    bool is_ended;
    unsigned num_tries;   /* without those on stale connections */
    unsigned num_started; /* all */
    unsigned num_counted; /* in the service's num_retries */
    uint64_t try_ms;      /* when the try in tries[0] began */
    struct {
        gw_reason_t reason; /* GW_REASON_OK: it had a response */
        const char *detail;
    } last; /* how the last try failed */
    uint32_t tried[MAX_TRIED];
    size_t num_tried;
    gw_timer_t total_timer, backoff_timer, hedge_timer, write_timer;
    gw_waiter_t waiter;
} gw_forward_t;

static const gw_try_events_t try_events;
static void begin(gw_forward_t *fw);

/* the end ---------------------------------------------------------------------------------------------------------- */

static void end_tries(gw_forward_t *fw, const gw_try_t *except, gw_condition_t condition)
{
    for (size_t i = 0; i != 2; ++i) {
        gw_try_t *try = fw->tries[i];
        if (try == NULL || try == except)
            continue;
        fw->tries[i] = NULL;
        gw_try_dispose(try, condition);
    }
}

static void stop_timers(gw_forward_t *fw)
{
    gw_timer_wheel_t *timers = &fw->ex->worker->timers;
    gw_timer_dispose(timers, &fw->total_timer);
    gw_timer_dispose(timers, &fw->backoff_timer);
    gw_timer_dispose(timers, &fw->hedge_timer);
    gw_timer_dispose(timers, &fw->write_timer);
    gw_queue_leave(&fw->waiter);
}

/** Takes the exchange out of the service's counts. */
static void leave_service(gw_forward_t *fw)
{
    if (fw->is_ended)
        return;
    fw->is_ended = true;
    --fw->service->state->num_active;
    fw->service->state->num_retries -= fw->num_counted;
}

/** The exchange ends while an endpoint is being waited for: how long it took so far says something too. */
static void note_what_is_known(gw_forward_t *fw, gw_condition_t condition)
{
    for (size_t i = 0; i != 2 && fw->winner == NULL; ++i)
        if (fw->tries[i] != NULL && gw_try_waits_for_endpoint(fw->tries[i]))
            fw->ex->result = (gw_try_result_t){condition, 0, gw_try_waited_us(fw->tries[i])};
}

/** No (more) response will come from an endpoint. */
static void give_up(gw_forward_t *fw, gw_condition_t condition)
{
    stop_timers(fw);
    end_tries(fw, NULL, condition);
    leave_service(fw);
    if (fw->is_body_wrapped)
        gw_replay_body_close(fw->body);
}

static void fail(gw_forward_t *fw, gw_reason_t reason, const char *detail)
{
    gw_exchange_t *ex = fw->ex;
    give_up(fw, GW_CONDITION_NONE);
    ex->detail = detail;
    if (!fw->is_sending) {
        gw_exchange_problem(ex, reason, NULL);
        return;
    }
    /* too late for a status: the client learns it from a response that is cut short (RFC 9112 8, RFC 9113 8.1.1) */
    ex->reason = reason;
    h2o_send(ex->req, NULL, 0, H2O_SEND_STATE_ERROR);
}

static void refuse(gw_forward_t *fw, gw_reason_t reason, uint64_t retry_after_ms)
{
    give_up(fw, GW_CONDITION_NONE);
    fw->ex->result = (gw_try_result_t){GW_CONDITION_NONE, 0, 0};
    gw_exchange_problem_later(fw->ex, reason, NULL, retry_after_ms);
}

/* trying ----------------------------------------------------------------------------------------------------------- */

static gw_search_t search_for(const gw_forward_t *fw)
{
    return (gw_search_t){.ex = fw->ex, .service = fw->service, .tried = fw->tried, .num_tried = fw->num_tried};
}

static void note_tried(gw_forward_t *fw, uint32_t index)
{
    gw_search_t search = search_for(fw);
    if (!gw_choice_was_tried(&search, index) && fw->num_tried != MAX_TRIED)
        fw->tried[fw->num_tried++] = index;
}

static void start_try(gw_forward_t *fw, size_t slot, uint32_t index, uint64_t token, bool is_fresh)
{
    /* never the struct of a try that has ended: this may be called from within its callbacks */
    gw_try_t *try = fw->num_started == 0 ? &fw->first : h2o_mem_alloc_pool(&fw->ex->req->pool, sizeof(*try));
    memset(try, 0, sizeof(*try));
    ++fw->num_started;
    if (slot == 0)
        fw->try_ms = gw_worker_now_ms(fw->ex->worker);
    try->events = &try_events;
    try->ex = fw->ex;
    try->service = fw->service;
    try->owner = fw;
    try->is_precious = !fw->is_idempotent;
    try->timeout_ms = fw->retries->per_try_timeout;
    fw->tries[slot] = try;
    note_tried(fw, index);
    ++fw->num_tries;
    gw_try_prepare(try, index, fw->ex->guard, token);
    gw_try_start(try, fw->body, is_fresh);
}

/** Nothing was to be had, and nothing will be soon. */
static void refuse_for(gw_forward_t *fw, const gw_search_t *search)
{
    gw_exchange_t *ex = fw->ex;
    const gw_service_conf_t *conf = fw->service->conf;
    uint64_t now_ms = gw_worker_now_ms(ex->worker), until_ms = fw->service->ejected_until_ms;
    if (search->was_guarded) {
        bool can_begin_again = ex->body == NULL || !ex->body->is_started || ex->body->is_replayable;
        if (!can_begin_again) { /* another service would get half a body */
            refuse(fw, GW_REASON_BREAKER_OPEN, 1000);
            return;
        }
        give_up(fw, GW_CONDITION_NONE);
        const gw_endpoint_guard_t *guard = ex->guard;
        ex->guard = NULL;
        if (guard->on_refused(guard, ex) == GW_NEXT)
            begin(fw); /* with another service */
        return;
    }
    if (search->was_full) { /* a retry does not wait in line */
        refuse(fw, GW_REASON_QUEUE_FULL, 1000);
        return;
    }
    refuse(fw, GW_REASON_NO_USABLE_ENDPOINT,
           until_ms > now_ms                 ? until_ms - now_ms
           : conf->health_check.at.line != 0 ? conf->health_check.period
                                             : 1000);
}

static bool on_turn(gw_waiter_t *waiter)
{
    gw_forward_t *fw = H2O_STRUCT_FROM_MEMBER(gw_forward_t, waiter, waiter);
    gw_search_t search = search_for(fw);
    uint32_t index;
    uint64_t token = 0;
    bool is_found = gw_choice_make(&search, &index, &token);
    if (!is_found && search.was_full)
        return false;
    gw_queue_leave(waiter);
    if (is_found)
        start_try(fw, 0, index, token, false);
    else
        refuse_for(fw, &search);
    return true;
}

static void on_queue_timeout(gw_waiter_t *waiter)
{
    refuse(H2O_STRUCT_FROM_MEMBER(gw_forward_t, waiter, waiter), GW_REASON_QUEUE_TIMEOUT, 1000);
}

/** Every endpoint is full. */
static void wait_in_line(gw_forward_t *fw)
{
    const gw_service_conf_t *conf = fw->service->conf;
    fw->waiter.on_turn = on_turn;
    fw->waiter.on_timeout = on_queue_timeout;
    if (!gw_queue_wait(&fw->service->state->queue, &fw->waiter, (size_t)conf->queue.size, conf->queue.timeout))
        refuse(fw, GW_REASON_QUEUE_FULL, 1000);
    else if (gw_queue_is_first(&fw->waiter))
        on_turn(&fw->waiter);
}

static void begin_first_try(gw_forward_t *fw)
{
    gw_search_t search = search_for(fw);
    uint32_t index;
    uint64_t token = 0;
    /* whoever waits already goes first */
    bool is_behind = fw->service->conf->max_requests != 0 && gw_queue_has_waiters(&fw->service->state->queue);
    if (!is_behind && gw_choice_make(&search, &index, &token))
        start_try(fw, 0, index, token, false);
    else if (is_behind || search.was_full)
        wait_in_line(fw);
    else
        refuse_for(fw, &search);
}

/** @param is_replacement of a try on a connection that was closed: by hash, the same endpoint is the right one; else
 * another one is better, since this one may have died */
static void begin_next_try(gw_forward_t *fw, bool is_replacement)
{
    gw_search_t search = search_for(fw);
    search.is_tried_fine = is_replacement && fw->service->conf->balance.method == GW_BALANCE_HASH;
    uint32_t index;
    uint64_t token = 0;
    bool is_found = gw_choice_make(&search, &index, &token);
    if (!is_found && !search.is_tried_fine) {
        search.is_tried_fine = true;
        is_found = gw_choice_make(&search, &index, &token);
    }
    if (is_found)
        start_try(fw, 0, index, token, is_replacement);
    else if (fw->last.reason != GW_REASON_OK)
        fail(fw, fw->last.reason, fw->last.detail);
    else
        refuse_for(fw, &search);
}

/* trying again ----------------------------------------------------------------------------------------------------- */

static bool is_body_kept(const gw_forward_t *fw)
{
    const gw_body_t *source = fw->ex->body;
    return source == NULL || !source->is_started || source->is_replayable ||
           (fw->is_body_wrapped && gw_replay_body_is_kept(fw->body));
}

static bool is_in_budget(const gw_forward_t *fw)
{
    const gw_service_state_t *state = fw->service->state;
    /* what it had before is over, and its place is its own */
    return gw_retry_budget_allows(&state->retry_budget, fw->retries, state->num_retries - fw->num_counted);
}

/** @param num retries of this exchange that are under way now, with the new one */
static void count_retry(gw_forward_t *fw, unsigned num)
{
    gw_service_state_t *state = fw->service->state;
    state->num_retries = state->num_retries - fw->num_counted + num; /* in this order: `num` may be the smaller one */
    fw->num_counted = num;
    gw_retry_budget_spend(&state->retry_budget);
}

static uint64_t time_left_ms(const gw_forward_t *fw)
{
    uint64_t now_ms = gw_worker_now_ms(fw->ex->worker), deadline_ms = fw->ex->deadline_ms;
    return deadline_ms == 0 ? UINT64_MAX : deadline_ms > now_ms ? deadline_ms - now_ms : 0;
}

static void on_backoff_over(gw_timer_t *timer)
{
    begin_next_try(H2O_STRUCT_FROM_MEMBER(gw_forward_t, backoff_timer, timer), false);
}

/** @return true: the try that ended so will be followed by another one, which `begin_retry` starts */
static bool is_retried(gw_forward_t *fw, const gw_try_failure_t *failure, unsigned status, uint64_t *ret_delay_ms,
                       bool *ret_is_replacement)
{
    gw_exchange_t *ex = fw->ex;
    const gw_retry_facts_t facts = {
        .condition = failure != NULL ? failure->condition : GW_CONDITION_NONE,
        .status = status,
        .is_idempotent = fw->is_idempotent,
        .is_unsent = failure != NULL && failure->is_unsent,
        .is_stale = failure != NULL && failure->is_stale,
        .was_replaced = fw->was_replaced,
        .is_body_kept = is_body_kept(fw),
        .is_elsewhere = gw_view_balancer(ex->view, fw->service)->num_in_use > fw->num_tried,
        .num_tries = fw->num_tries,
        .time_left_ms = time_left_ms(fw),
        .is_in_budget = is_in_budget(fw),
        .random = gw_random_next(&ex->worker->random),
    };
    gw_retry_answer_t answer = gw_retry_decide(fw->retries, &facts, ret_delay_ms);
    const char *refusal = gw_retry_refusal(answer);
    if (refusal != NULL && fw->retries->attempts > 1)
        gw_exchange_decide(ex, "retries", "refused", refusal);
    *ret_is_replacement = answer == GW_RETRY_REPLACE;
    return answer == GW_RETRY_YES || answer == GW_RETRY_REPLACE;
}

static bool has_endpoint(const gw_forward_t *fw)
{
    gw_search_t search = search_for(fw);
    search.is_beside = search.is_tried_fine = true;
    return gw_choice_exists(&search);
}

static void begin_retry(gw_forward_t *fw, uint64_t delay_ms, bool is_replacement)
{
    gw_worker_t *worker = fw->ex->worker;
    if (is_replacement) {
        fw->was_replaced = true;
        --fw->num_tries;
    } else {
        count_retry(fw, 1);
    }
    gw_timer_stop(&fw->hedge_timer);
    if (delay_ms == 0)
        begin_next_try(fw, is_replacement);
    else
        gw_timer_set(&worker->timers, &fw->backoff_timer, gw_worker_now_ms(worker) + delay_ms);
}

/** Takes a try out.  @return true when another one is still under way */
static bool drop(gw_forward_t *fw, const gw_try_t *try)
{
    for (size_t i = 0; i != 2; ++i)
        if (fw->tries[i] == try)
            fw->tries[i] = NULL;
    return fw->tries[0] != NULL || fw->tries[1] != NULL;
}

static void on_failed(gw_try_t *try, const gw_try_failure_t *failure, const gw_try_result_t *result)
{
    gw_forward_t *fw = try->owner;
    uint64_t delay_ms;
    bool is_replacement;
    bool is_another = drop(fw, try);
    fw->ex->result = *result;
    if (fw->winner == try) {
        fail(fw, failure->reason, failure->detail);
        return;
    }
    if (is_another)
        return; /* its hedge, or what it was the hedge of, may do better */
    fw->last.reason = failure->reason;
    fw->last.detail = failure->detail;
    if (is_retried(fw, failure, 0, &delay_ms, &is_replacement))
        begin_retry(fw, delay_ms, is_replacement);
    else
        fail(fw, failure->reason, failure->detail);
}

/* hedging ---------------------------------------------------------------------------------------------------------- */

/** The first try is slow: a second one runs beside it, and the first response wins (J. Dean, L. A. Barroso, "The Tail
 * at Scale", 2013). */
static void on_hedge(gw_timer_t *timer)
{
    gw_forward_t *fw = H2O_STRUCT_FROM_MEMBER(gw_forward_t, hedge_timer, timer);
    gw_search_t search = search_for(fw);
    search.is_beside = true;
    uint32_t index;
    uint64_t token = 0;
    if (fw->tries[0] == NULL || fw->tries[1] != NULL || fw->num_tries >= fw->retries->attempts)
        return;
    if (!is_in_budget(fw)) {
        gw_exchange_decide(fw->ex, "retries", "refused", "budget_spent");
        return;
    }
    if (!gw_choice_make(&search, &index, &token))
        return; /* there is no other endpoint */
    count_retry(fw, fw->num_counted + 1);
    gw_exchange_decide(fw->ex, "retries", "hedged", NULL);
    start_try(fw, 1, index, token, false);
}

/* the response ----------------------------------------------------------------------------------------------------- */

static void on_proceed(h2o_generator_t *generator, h2o_req_t *req)
{
    gw_forward_t *fw = (gw_forward_t *)generator;
    if (req->version >= 0x200) {
        gw_timer_stop(&fw->write_timer);
        gw_accept_note_progress(req->conn->callbacks->get_socket(req->conn));
    }
    if (fw->winner != NULL)
        gw_try_more(fw->winner);
}

/** Our HTTP/1.1 connection sees a client that takes nothing of its response; libh2o's HTTP/2 does not, and would hold
 * the endpoint's connection for as long as the client likes. */
static void await_client(gw_forward_t *fw)
{
    gw_worker_t *worker = fw->ex->worker;
    gw_timer_set(&worker->timers, &fw->write_timer, gw_worker_now_ms(worker) + fw->ex->view->snapshot->timeouts.write);
}

static void on_write_timeout(gw_timer_t *timer)
{
    gw_forward_t *fw = H2O_STRUCT_FROM_MEMBER(gw_forward_t, write_timer, timer);
    h2o_conn_t *conn = fw->ex->req->conn;
    if (!gw_accept_cut_if_stuck(conn->callbacks->get_socket(conn), fw->ex->view->snapshot->timeouts.write))
        await_client(fw); /* other streams move: it may be waiting for its turn */
}

static void on_stop(h2o_generator_t *generator, h2o_req_t *req)
{
    give_up((gw_forward_t *)generator, GW_CONDITION_NONE);
}

static void accept_response(gw_forward_t *fw, gw_try_t *try, const gw_call_head_t *head)
{
    gw_exchange_t *ex = fw->ex;
    fw->winner = try;
    ex->result = (gw_try_result_t){GW_CONDITION_NONE, (unsigned)head->status, gw_try_waited_us(try)};
    ex->endpoint = fw->service->deployed->members[try->index]->endpoint->url;
    stop_timers(fw);
    gw_timer_init(&fw->write_timer, on_write_timeout);
    /* a first try that its hedge overtook had its time: else nobody would ever learn that its endpoint hangs */
    end_tries(fw, try, try == fw->tries[1] ? GW_CONDITION_RESPONSE_TIMEOUT : GW_CONDITION_NONE);
    if (fw->is_body_wrapped)
        gw_replay_body_commit(fw->body);
    ex->response_us = gw_worker_now_us(ex->worker);
    ex->upstream_status = (unsigned)head->status;
    ex->is_answered = true;
    gw_upstream_take_response(ex, head);
    gw_exchange_filter_response(ex);
    fw->is_sending = true;
    fw->super = (h2o_generator_t){on_proceed, on_stop};
    h2o_start_response(ex->req, &fw->super);
}

/** Passed on as it comes, whatever becomes of the try: it promises nothing about the answer.  But the hints of two
 * endpoints at a time do not go together. */
static void on_interim(gw_try_t *try, const gw_call_head_t *head)
{
    gw_forward_t *fw = try->owner;
    if (fw->hinting == NULL || (fw->hinting != fw->tries[0] && fw->hinting != fw->tries[1]))
        fw->hinting = try;
    if (fw->hinting == try && fw->ex->on_interim != NULL)
        fw->ex->on_interim(fw->ex, head);
}

static void on_head(gw_try_t *try, const gw_call_head_t *head)
{
    gw_forward_t *fw = try->owner;
    unsigned status = (unsigned)head->status;
    bool is_listed = gw_condition_set_has(&fw->retries->on.set, GW_CONDITION_NONE, status) ||
                     gw_condition_set_has(&fw->retries->unsafe_on.set, GW_CONDITION_NONE, status);
    uint64_t delay_ms;
    bool is_replacement, is_another = fw->tries[0] != NULL && fw->tries[1] != NULL;
    if (is_listed && is_another) {
        drop(fw, try);
        gw_try_dispose(try, GW_CONDITION_NONE);
        return;
    }
    /* an answer is given away only when there is somewhere to ask for a better one */
    if (!is_listed || !is_retried(fw, NULL, status, &delay_ms, &is_replacement) || !has_endpoint(fw)) {
        accept_response(fw, try, head);
        return;
    }
    drop(fw, try);
    gw_try_dispose(try, GW_CONDITION_NONE);
    fw->last.reason = GW_REASON_OK;
    begin_retry(fw, delay_ms, false);
}

static void on_body(gw_try_t *try, const h2o_iovec_t *slices, size_t num_slices, bool is_last)
{
    gw_forward_t *fw = try->owner;
    h2o_req_t *req = fw->ex->req;
    h2o_iovec_t bufs[GW_BODY_MAX_SLICES];
    assert(num_slices <= GW_BODY_MAX_SLICES);
    for (size_t i = 0; i != num_slices; ++i)
        bufs[i] = slices[i];
    if (!is_last) {
        if (req->version >= 0x200)
            await_client(fw);
        h2o_send(req, bufs, num_slices, H2O_SEND_STATE_IN_PROGRESS);
        return;
    }
    fw->ex->is_delivered = true;
    leave_service(fw);
    if (fw->is_body_wrapped)
        gw_replay_body_close(fw->body);
    if (num_slices == 1 && bufs[0].len <= SMALL_BODY) {
        bufs[0] = h2o_strdup(&req->pool, bufs[0].base, bufs[0].len);
        gw_try_dispose(try, GW_CONDITION_NONE);
    } /* else the chunk is given back when the exchange ends, which is when the client has got it */
    h2o_send(req, bufs, num_slices, H2O_SEND_STATE_FINAL);
}

static const gw_try_events_t try_events = {on_interim, on_head, on_body, on_failed};

/* life ------------------------------------------------------------------------------------------------------------- */

static void on_total_timeout(gw_timer_t *timer)
{
    gw_forward_t *fw = H2O_STRUCT_FROM_MEMBER(gw_forward_t, total_timer, timer);
    /* an endpoint that got only what others (the queue, another try, the client's own bound) left of it is not to blame
     */
    uint64_t total_ms = fw->service->conf->timeouts.total, had_ms = gw_worker_now_ms(fw->ex->worker) - fw->try_ms;
    gw_condition_t condition =
        total_ms != 0 && had_ms * 2 >= total_ms ? GW_CONDITION_RESPONSE_TIMEOUT : GW_CONDITION_NONE;
    note_what_is_known(fw, condition);
    give_up(fw, condition);
    gw_exchange_problem(fw->ex, GW_REASON_TOTAL_TIMEOUT, NULL);
}

uint64_t gw_forward_total_timeout(const gw_exchange_t *ex)
{
    uint64_t total_ms = ex->service->timeouts.total, said_ms = 0;
    ssize_t at = ex->peer_is_trusted ? gw_fields_find(&ex->req->headers, GW_STR("x-request-timeout-ms"), 0) : -1;
    if (at == -1)
        return total_ms;
    h2o_iovec_t value = ex->req->headers.entries[at].value;
    if (value.len == 0 || value.len > 9)
        return total_ms;
    for (size_t i = 0; i != value.len; ++i) {
        if (value.base[i] < '0' || value.base[i] > '9')
            return total_ms;
        said_ms = said_ms * 10 + (uint64_t)(value.base[i] - '0');
    }
    return total_ms == 0 || said_ms < total_ms ? (said_ms != 0 ? said_ms : 1) : total_ms;
}

static void set_timers(gw_forward_t *fw)
{
    gw_exchange_t *ex = fw->ex;
    gw_timer_wheel_t *timers = &ex->worker->timers;
    gw_timer_init(&fw->total_timer, on_total_timeout);
    gw_timer_init(&fw->backoff_timer, on_backoff_over);
    gw_timer_init(&fw->hedge_timer, on_hedge);
    gw_timer_init(&fw->write_timer, on_write_timeout);
    uint64_t total_ms = gw_forward_total_timeout(ex);
    ex->deadline_ms = 0; /* the one before may have been another service's */
    if (total_ms != 0) {
        ex->deadline_ms = ex->routed_ms + total_ms;
        gw_timer_set(timers, &fw->total_timer, ex->deadline_ms);
    }
    if (fw->retries->hedge_after != 0 && fw->is_safe && ex->body == NULL)
        gw_timer_set(timers, &fw->hedge_timer, gw_worker_now_ms(ex->worker) + fw->retries->hedge_after);
}

static void set_body(gw_forward_t *fw)
{
    gw_exchange_t *ex = fw->ex;
    fw->body = ex->body;
    if (ex->body == NULL || ex->body->is_replayable ||
        (ex->body->length != GW_BODY_UNKNOWN_LENGTH && ex->body->length > fw->retries->max_body))
        return;
    fw->body = gw_replay_body(&ex->req->pool, ex->body, fw->retries->max_body);
    fw->is_body_wrapped = true;
}

/** For the service that the exchange has now. */
static void begin(gw_forward_t *fw)
{
    gw_exchange_t *ex = fw->ex;
    memset(fw, 0, sizeof(*fw));
    fw->ex = ex;
    fw->service = &ex->view->services[ex->service_index];
    fw->retries = ex->route->retries != NULL ? ex->route->retries : &fw->service->conf->retries;
    gw_method_t method = gw_method_from(gw_str(ex->req->input.method.base, ex->req->input.method.len));
    fw->is_safe = method == GW_METHOD_GET || method == GW_METHOD_HEAD || method == GW_METHOD_OPTIONS;
    fw->is_idempotent =
        fw->is_safe || method == GW_METHOD_PUT || method == GW_METHOD_DELETE || method == GW_METHOD_TRACE;
    ++fw->service->state->num_active;
    gw_retry_budget_earn(&fw->service->state->retry_budget, fw->retries, fw->service->state->num_active);
    set_body(fw);
    set_timers(fw);
    begin_first_try(fw);
}

void gw_forward_start(gw_exchange_t *ex)
{
    if (gw_upstream_is_loop(ex)) {
        gw_exchange_problem(ex, GW_REASON_LOOP_DETECTED, NULL);
        return;
    }
    ex->forward = h2o_mem_alloc_pool(&ex->req->pool, sizeof(*ex->forward));
    ex->forward->ex = ex;
    begin(ex->forward);
}

void gw_forward_dispose(gw_exchange_t *ex)
{
    gw_forward_t *fw = ex->forward;
    if (fw == NULL)
        return;
    note_what_is_known(fw, GW_CONDITION_NONE);
    give_up(fw, GW_CONDITION_NONE);
}
