/* SPDX-License-Identifier: MIT
 * The circuit breaker on the way of a request. */
#include <stdlib.h>
#include "filters/circuit.h"
#include "filters/circuit_breaker.h"
#include "gateway/base/memory.h"
#include "gateway/base/random.h"
#include "gateway/exchange/exchange.h"
#include "gateway/observe/log.h"
#include "gateway/server/worker.h"

static const char self[] = "circuit_breaker";

/** A service as one worker uses it. */
typedef struct place {
    gw_endpoint_guard_t super; /* for breakers per endpoint */
    struct breaker_state *state;
    gw_circuit_group_t *group;
    gw_queue_side_t queue;
} place_t;

/** The filter on one worker. */
typedef struct breaker_state {
    gw_worker_t *worker;
    const gw_breaker_conf_t *conf;
    gw_circuits_t *circuits;
    place_t **places; /* by index of service; NULL: not led there */
} breaker_state_t;

/** What it remembers of an exchange. */
typedef struct passage {
    gw_exchange_t *ex;
    place_t *place;
    gw_waiter_t waiter;
    size_t service_index;       /* of the place */
    gw_breaker_ticket_t ticket; /* REFUSED: none */
    bool is_inside;             /* of the bulkhead */
    bool is_good;               /* brought back as a success */
} passage_t;

/* what happens is said --------------------------------------------------------------------------------------------- */

static void log_change(const breaker_state_t *state, const gw_circuit_t *circuit, const gw_breaker_change_t *change)
{
    const char *name = state->circuits->filter->key, *mode = state->conf->mode == GW_OBSERVE ? " (observed only)" : "";
    if (change->cause == GW_BREAKER_NONE)
        return;
    const char *from = gw_breaker_state_name(change->from), *to = gw_breaker_state_name(change->to);
    const char *cause = gw_breaker_cause_text(change->cause);
    if (change->cause == GW_BREAKER_FAILURE_RATIO || change->cause == GW_BREAKER_SLOW_RATIO)
        gw_log_later(GW_LOG_WARNING, "circuit breaker %s: %s: %s -> %s for %llu ms%s: %s: %llu of %llu", name,
                     circuit->name, from, to, (unsigned long long)change->open_ms, mode, cause,
                     (unsigned long long)(change->cause == GW_BREAKER_SLOW_RATIO ? change->slow : change->failures),
                     (unsigned long long)change->calls);
    else if (change->to == GW_BREAKER_OPEN)
        gw_log_later(GW_LOG_WARNING, "circuit breaker %s: %s: %s -> %s for %llu ms%s: %s", name, circuit->name, from,
                     to, (unsigned long long)change->open_ms, mode, cause);
    else
        gw_log_later(GW_LOG_NOTICE, "circuit breaker %s: %s: %s -> %s%s: %s", name, circuit->name, from, to, mode,
                     cause);
}

/* asking a breaker, telling it ------------------------------------------------------------------------------------- */

static uint64_t random_of(const breaker_state_t *state)
{
    return gw_random_next(&state->worker->random);
}

static gw_breaker_ticket_t enter(const breaker_state_t *state, gw_circuit_t *circuit)
{
    gw_breaker_change_t change;
    gw_breaker_ticket_t ticket = gw_breaker_enter(circuit->breaker, &state->conf->rules,
                                                  gw_worker_now_ms(state->worker), random_of(state), &change);
    log_change(state, circuit, &change);
    return ticket;
}

static unsigned result_of(const gw_breaker_conf_t *conf, const gw_try_result_t *result)
{
    bool is_slow = conf->slow_call != 0 && result->elapsed_us >= conf->slow_call * 1000;
    if (result->condition == GW_CONDITION_NONE && result->status == 0)
        /* nothing came; that it took too long already is known all the same */
        return is_slow ? GW_BREAKER_SLOW : GW_BREAKER_CANCELLED;
    bool is_failed = gw_condition_set_has(&conf->failures.set, result->condition, result->status);
    return (is_failed ? GW_BREAKER_FAILED : 0u) | (is_slow ? GW_BREAKER_SLOW : 0u);
}

/** @param begun GW_BREAKER_BEGUN: the body is still to come */
static unsigned leave(const breaker_state_t *state, gw_circuit_t *circuit, gw_breaker_ticket_t ticket,
                      const gw_try_result_t *result, unsigned begun)
{
    gw_breaker_change_t change;
    unsigned verdict = result_of(state->conf, result);
    if (verdict == GW_BREAKER_SUCCESS || verdict == GW_BREAKER_SLOW)
        verdict |= begun;
    gw_breaker_leave(circuit->breaker, &state->conf->rules, state->worker->index, ticket, verdict,
                     gw_worker_now_ms(state->worker), random_of(state), &change);
    log_change(state, circuit, &change);
    return verdict;
}

/** A call of which the beginning was told has ended.  @param result how it broke off; NULL: well */
static void end_call(const breaker_state_t *state, gw_circuit_t *circuit, gw_breaker_ticket_t ticket,
                     const gw_try_result_t *result)
{
    gw_breaker_change_t change;
    if (result == NULL || !gw_condition_set_has(&state->conf->failures.set, result->condition, 0)) {
        gw_breaker_settle(circuit->breaker, &state->conf->rules, ticket);
        return;
    }
    gw_breaker_spoil(circuit->breaker, &state->conf->rules, state->worker->index, ticket,
                     gw_worker_now_ms(state->worker), random_of(state), &change);
    log_change(state, circuit, &change);
}

/* per endpoint: a guard of the choice ------------------------------------------------------------------------------ */

static gw_circuit_t *circuit_of(const gw_endpoint_guard_t *guard, uint32_t index)
{
    return ((const place_t *)guard)->group->circuits[index];
}

static bool guard_may(const gw_endpoint_guard_t *guard, gw_exchange_t *ex, uint32_t index)
{
    const breaker_state_t *state = ((const place_t *)guard)->state;
    return state->conf->mode == GW_OBSERVE ||
           gw_breaker_would_pass(circuit_of(guard, index)->breaker, &state->conf->rules, gw_worker_now_ms(ex->worker));
}

static bool guard_enter(const gw_endpoint_guard_t *guard, gw_exchange_t *ex, uint32_t index, uint64_t *token)
{
    const breaker_state_t *state = ((const place_t *)guard)->state;
    gw_breaker_ticket_t ticket = enter(state, circuit_of(guard, index));
    *token = (uint64_t)ticket.generation << 8 | (uint64_t)ticket.pass;
    if (ticket.pass == GW_BREAKER_PROBE)
        gw_exchange_decide(ex, self, "probe", NULL);
    if (ticket.pass != GW_BREAKER_REFUSED)
        return true;
    gw_exchange_decide(ex, self, state->conf->mode == GW_OBSERVE ? "would_refuse" : "refused", "open");
    return state->conf->mode == GW_OBSERVE;
}

static gw_breaker_ticket_t ticket_of(uint64_t token)
{
    return (gw_breaker_ticket_t){.pass = (enum gw_breaker_pass)(token & 0xff), .generation = (uint16_t)(token >> 8)};
}

static bool guard_leave(const gw_endpoint_guard_t *guard, gw_exchange_t *ex, uint32_t index, uint64_t token,
                        const gw_try_result_t *result)
{
    static const gw_try_result_t nothing;
    const gw_breaker_ticket_t ticket = ticket_of(token);
    if (ticket.pass == GW_BREAKER_REFUSED)
        return false;
    unsigned verdict = leave(((const place_t *)guard)->state, circuit_of(guard, index), ticket,
                             result != NULL ? result : &nothing, GW_BREAKER_BEGUN);
    return (verdict & GW_BREAKER_BEGUN) != 0;
}

static void guard_end(const gw_endpoint_guard_t *guard, gw_exchange_t *ex, uint32_t index, uint64_t token,
                      const gw_try_result_t *result)
{
    end_call(((const place_t *)guard)->state, circuit_of(guard, index), ticket_of(token), result);
}

/* refusing --------------------------------------------------------------------------------------------------------- */

static gw_verdict_t answer_fixed(gw_exchange_t *ex, const gw_breaker_conf_t *conf)
{
    const char *body = conf->fallback.body != NULL ? conf->fallback.body : "";
    gw_exchange_answer(ex, (int)conf->fallback.status, gw_str_of(conf->fallback.content_type), gw_str_of(body));
    return GW_ANSWERED;
}

/** @param cause static text for the record of decisions */
static gw_verdict_t refuse(gw_exchange_t *ex, const breaker_state_t *state, gw_reason_t reason, const char *cause,
                           uint64_t retry_after_ms)
{
    const gw_breaker_conf_t *conf = state->conf;
    if (conf->fallback_service != NULL) {
        gw_exchange_decide(ex, self, "fallback", cause);
        ex->service = conf->fallback_service;
        ex->service_index = conf->fallback_index;
        ex->guard = NULL; /* it knows the endpoints of the other one */
        return GW_NEXT;
    }
    if (conf->fallback.status != 0) {
        gw_exchange_decide(ex, self, "fallback", cause);
        return answer_fixed(ex, conf);
    }
    gw_exchange_decide(ex, self, "refused", cause);
    gw_exchange_problem_later(ex, reason, NULL, retry_after_ms);
    return GW_ANSWERED;
}

static uint64_t soonest(const gw_circuit_group_t *group, uint64_t now_ms)
{
    enum { most = 16 }; /* looked at: any of them is a fair answer */
    uint64_t soonest_ms = UINT64_MAX;
    for (size_t i = 0; i != group->num_circuits && i != most; ++i) {
        uint64_t ms = gw_breaker_retry_after(group->circuits[i]->breaker, now_ms);
        if (ms < soonest_ms)
            soonest_ms = ms;
    }
    return soonest_ms;
}

static gw_verdict_t guard_on_refused(const gw_endpoint_guard_t *guard, gw_exchange_t *ex)
{
    const place_t *place = (const place_t *)guard;
    return refuse(ex, place->state, GW_REASON_BREAKER_OPEN, "open",
                  soonest(place->group, gw_worker_now_ms(ex->worker)));
}

/* the way in ------------------------------------------------------------------------------------------------------- */

static gw_verdict_t pass_breaker(passage_t *passage)
{
    gw_exchange_t *ex = passage->ex;
    breaker_state_t *state = passage->place->state;
    gw_circuit_t *circuit = passage->place->group->circuit;
    if (circuit == NULL) {
        ex->guard = &passage->place->super;
        return GW_NEXT;
    }
    passage->ticket = enter(state, circuit);
    switch (passage->ticket.pass) {
    case GW_BREAKER_PROBE:
        gw_exchange_decide(ex, self, "probe", "half_open");
        return GW_NEXT;
    case GW_BREAKER_CALL:
        return GW_NEXT;
    case GW_BREAKER_REFUSED:
        break;
    }
    if (state->conf->mode == GW_ENFORCE)
        return refuse(ex, state, GW_REASON_BREAKER_OPEN, "open", passage->ticket.retry_after_ms);
    gw_exchange_decide(ex, self, "would_refuse", "open");
    return GW_NEXT;
}

static void leave_bulkhead(passage_t *passage)
{
    if (!passage->is_inside)
        return;
    passage->is_inside = false;
    gw_bulkhead_leave(passage->place->group->bulkhead);
    gw_queue_freed(&passage->place->queue);
}

static bool on_turn(gw_waiter_t *waiter)
{
    passage_t *passage = H2O_STRUCT_FROM_MEMBER(passage_t, waiter, waiter);
    if (!gw_bulkhead_enter(passage->place->group->bulkhead))
        return false;
    gw_queue_leave(waiter);
    passage->is_inside = true;
    gw_exchange_resume(passage->ex, pass_breaker(passage));
    return true;
}

static void on_queue_timeout(gw_waiter_t *waiter)
{
    passage_t *passage = H2O_STRUCT_FROM_MEMBER(passage_t, waiter, waiter);
    gw_exchange_resume(passage->ex,
                       refuse(passage->ex, passage->place->state, GW_REASON_QUEUE_TIMEOUT, "queue_timeout", 1000));
}

/** @return GW_WAITING: the waiter's functions go on */
static gw_verdict_t pass_bulkhead(passage_t *passage)
{
    place_t *place = passage->place;
    const gw_breaker_conf_t *conf = place->state->conf;
    bool is_behind = conf->max_queue != 0 && gw_queue_has_waiters(&place->queue); /* who waits already goes first */
    if (!is_behind && gw_bulkhead_enter(place->group->bulkhead)) {
        passage->is_inside = true;
        return GW_NEXT;
    }
    if (conf->mode == GW_OBSERVE) {
        gw_exchange_decide(passage->ex, self, "would_refuse", "bulkhead_full");
        return GW_NEXT;
    }
    passage->waiter.on_turn = on_turn;
    passage->waiter.on_timeout = on_queue_timeout;
    if (conf->max_queue != 0 &&
        gw_queue_wait(&place->queue, &passage->waiter, (size_t)conf->max_queue, conf->queue_timeout)) {
        if (!gw_queue_is_first(&passage->waiter) || !gw_bulkhead_enter(place->group->bulkhead))
            return GW_WAITING;
        gw_queue_leave(&passage->waiter);
        passage->is_inside = true;
        return GW_NEXT;
    }
    return refuse(passage->ex, place->state, GW_REASON_BULKHEAD_FULL, "bulkhead_full", 1000);
}

static gw_verdict_t on_request(gw_exchange_t *ex, const void *arg, void *arg_state)
{
    breaker_state_t *state = arg_state;
    const gw_breaker_conf_t *conf = state->conf;
    size_t service_index = ex->service_index;
    place_t *place = state->places[service_index];
    if (conf->force == GW_FORCE_CLOSED || place == NULL) /* NULL: an earlier filter's fallback leads elsewhere */
        return GW_NEXT;
    if (conf->force == GW_FORCE_OPEN) {
        if (conf->mode == GW_ENFORCE)
            return refuse(ex, state, GW_REASON_BREAKER_OPEN, "forced_open", conf->open_for);
        gw_exchange_decide(ex, self, "would_refuse", "forced_open");
        return GW_NEXT;
    }
    gw_circuit_t *circuit = place->group->circuit;
    if (circuit != NULL && conf->mode == GW_ENFORCE &&
        !gw_breaker_would_pass(circuit->breaker, &conf->rules, gw_worker_now_ms(ex->worker)))
        /* refused at once: nothing is made for it, and it does not wait for the bulkhead in vain */
        return refuse(ex, state, GW_REASON_BREAKER_OPEN, "open",
                      gw_breaker_retry_after(circuit->breaker, gw_worker_now_ms(ex->worker)));
    passage_t *passage = h2o_mem_alloc_pool(&ex->req->pool, sizeof(*passage));
    *passage = (passage_t){.ex = ex, .place = place, .service_index = service_index};
    *gw_exchange_data(ex) = passage;
    if (conf->max_concurrent != 0) {
        gw_verdict_t verdict = pass_bulkhead(passage);
        if (verdict != GW_NEXT || ex->service_index != service_index)
            return verdict; /* waiting, answered, or on its way to the fallback */
    }
    return pass_breaker(passage);
}

/* the way out ------------------------------------------------------------------------------------------------------ */

/** How the service did that the ticket is for: another filter's fallback is another one. */
static const gw_try_result_t *result_for(const passage_t *passage)
{
    static const gw_try_result_t nothing;
    return passage->ex->service_index == passage->service_index ? &passage->ex->result : &nothing;
}

static void bring_back(passage_t *passage)
{
    gw_breaker_ticket_t ticket = passage->ticket;
    const place_t *place = passage->place;
    if (ticket.pass == GW_BREAKER_REFUSED || passage->is_good)
        return;
    unsigned verdict = leave(place->state, place->group->circuit, ticket, result_for(passage), GW_BREAKER_BEGUN);
    if (verdict & GW_BREAKER_BEGUN)
        passage->is_good = true;
    else
        passage->ticket.pass = GW_BREAKER_REFUSED;
}

static void on_response(gw_exchange_t *ex, const void *conf, void *state)
{
    passage_t *passage = *gw_exchange_data(ex);
    if (passage != NULL)
        bring_back(passage);
}

/** A call that began well has ended: with all of its body, or broken off. */
static void end_good(passage_t *passage)
{
    const gw_try_result_t *result = result_for(passage);
    end_call(passage->place->state, passage->place->group->circuit, passage->ticket,
             result->condition != GW_CONDITION_NONE ? result : NULL);
}

static void on_end(gw_exchange_t *ex, const void *arg, void *arg_state)
{
    passage_t *passage = *gw_exchange_data(ex);
    if (passage == NULL)
        return;
    gw_queue_leave(&passage->waiter);
    if (passage->is_good)
        end_good(passage);
    else
        bring_back(passage);
    leave_bulkhead(passage);
}

/* life ------------------------------------------------------------------------------------------------------------- */

static void *worker_init(gw_worker_t *worker, const void *conf, void *shared)
{
    gw_circuits_t *circuits = shared;
    breaker_state_t *state = gw_must_alloc(1, sizeof(*state));
    state->places = gw_must_alloc(circuits->num_groups, sizeof(*state->places));
    state->worker = worker;
    state->conf = conf;
    state->circuits = circuits;
    for (size_t i = 0; i != circuits->num_groups; ++i) {
        if (circuits->groups[i] == NULL)
            continue;
        place_t *place = state->places[i] = gw_must_alloc(1, sizeof(*place));
        place->super = (gw_endpoint_guard_t){guard_may, guard_enter, guard_leave, guard_end, guard_on_refused};
        place->state = state;
        place->group = circuits->groups[i];
        gw_queue_side_init(&place->queue, place->group->bulkhead->queue, worker);
    }
    return state;
}

static void worker_dispose(void *arg)
{
    breaker_state_t *state = arg;
    for (size_t i = 0; i != state->circuits->num_groups; ++i)
        if (state->places[i] != NULL) {
            gw_queue_side_dispose(&state->places[i]->queue);
            free(state->places[i]);
        }
    free(state->places);
    free(state);
}

static bool guards_endpoints(const void *conf)
{
    return ((const gw_breaker_conf_t *)conf)->per == GW_PER_ENDPOINT;
}

const gw_filter_class_t gw_circuit_breaker_filter = {
    .name = "circuit_breaker",
    .meaning = "keeps requests away from a service that fails, is slow, or has enough of them at a time",
    .section = &gw_breaker_section,
    .link = gw_breaker_link,
    .check_route = gw_breaker_check_route,
    .guards_endpoints = guards_endpoints,
    .share = gw_circuits_share,
    .share_dispose = gw_circuits_dispose,
    .worker_init = worker_init,
    .worker_dispose = worker_dispose,
    .on_request = on_request,
    .on_response = on_response,
    .on_end = on_end,
};
