/* SPDX-License-Identifier: MIT
 * What becomes of a request of a rate limit. */
#include <stdio.h>
#include "filters/rate_limit/rate_limit_count.h"
#include "filters/rate_limit/rate_limit_tell.h"
#include "filters/rate_limit/rate_limit_verdict.h"
#include "gateway/exchange/exchange.h"
#include "gateway/exchange/problem.h"

/* of one filter's decisions the last one stands; what a trial said, and that the store was gone, stands beside it */
static const char self[] = "rate_limit", self_as_trial[] = "rate_limit", self_without_store[] = "rate_limit";

typedef gw_rate_limit_conf_t conf_t;

gw_verdict_t gw_rate_spare(gw_exchange_t *ex, const char *cause)
{
    gw_exchange_decide(ex, self, "next", cause);
    return GW_NEXT;
}

gw_verdict_t gw_rate_lacks_key(gw_exchange_t *ex, const conf_t *conf)
{
    if (conf->mode == GW_LIMIT_OBSERVE) {
        gw_exchange_decide(ex, self, "would_refuse", "key_missing");
        return GW_NEXT;
    }
    gw_exchange_decide(ex, self, "refused", "key_missing");
    gw_exchange_problem(ex, GW_REASON_RATE_LIMIT_KEY_MISSING, NULL);
    return GW_ANSWERED;
}

static gw_verdict_t refuse(gw_passage_t *passage, const char *cause)
{
    const char *names = gw_rate_tell_refusers(passage);
    if (passage->conf->mode == GW_LIMIT_OBSERVE) {
        gw_exchange_decide_with(passage->ex, self, "would_refuse", cause, names);
        return GW_NEXT;
    }
    gw_exchange_decide_with(passage->ex, self, "refused", cause, names);
    gw_rate_tell_refusal(passage);
    return GW_ANSWERED;
}

/* delays ----------------------------------------------------------------------------------------------------------- */

static void on_delay_over(gw_timer_t *timer)
{
    gw_passage_t *passage = H2O_STRUCT_FROM_MEMBER(gw_passage_t, timer, timer);
    passage->is_delayed = false;
    atomic_fetch_sub_explicit(&passage->state->shared->waiting->num, 1, memory_order_relaxed);
    gw_exchange_resume(passage->ex, GW_NEXT);
}

static gw_verdict_t delay(gw_passage_t *passage)
{
    gw_exchange_t *ex = passage->ex;
    atomic_size_t *num_delayed = &passage->state->shared->waiting->num;
    if (atomic_fetch_add_explicit(num_delayed, 1, memory_order_relaxed) >= passage->conf->max_delayed) {
        atomic_fetch_sub_explicit(num_delayed, 1, memory_order_relaxed);
        gw_rate_give_back(passage);
        passage->answer.refused_by = passage->answer.waits_for;
        if (passage->answer.refused_by == 0) /* the store does not say */
            passage->answer.refused_by = (1u << passage->conf->num_limits) - 1;
        return refuse(passage, "too_many_delayed");
    }
    uint64_t wait_ms = (passage->answer.wait_us + 999) / 1000;
    char text[32];
    sprintf(text, "%llu ms", (unsigned long long)wait_ms);
    gw_exchange_decide_with(ex, self, "delayed", NULL, text);
    passage->is_delayed = true;
    gw_timer_init(&passage->timer, on_delay_over);
    gw_timer_set(&ex->worker->timers, &passage->timer, gw_worker_now_ms(ex->worker) + wait_ms);
    return GW_WAITING;
}

void gw_rate_stop_delay(gw_passage_t *passage)
{
    if (!passage->is_delayed)
        return;
    passage->is_delayed = false;
    gw_timer_dispose(&passage->ex->worker->timers, &passage->timer);
    atomic_fetch_sub_explicit(&passage->state->shared->waiting->num, 1, memory_order_relaxed);
    gw_rate_give_back(passage);
}

/* counted or not --------------------------------------------------------------------------------------------------- */

gw_verdict_t gw_rate_conclude(gw_passage_t *passage)
{
    const gw_limits_answer_t *answer = &passage->answer;
    passage->has_levels = true;
    passage->levels_us = gw_worker_now_us(passage->ex->worker);
    passage->is_counted = answer->refused_by == 0;
    if (answer->no_room != 0)
        gw_rate_tell_full(passage->state);
    if (answer->trial_refused_by != 0)
        gw_exchange_decide_with(passage->ex, self_as_trial, "trial", "would_refuse",
                                gw_rate_tell_names(passage, answer->trial_refused_by));
    if (answer->refused_by != 0)
        return refuse(passage, (answer->refused_by & answer->no_room) != 0 ? "no_room" : "rate_limited");
    if (answer->wait_us != 0)
        return delay(passage);
    return GW_NEXT;
}

gw_verdict_t gw_rate_conclude_without_store(gw_passage_t *passage, const char *cause)
{
    gw_exchange_t *ex = passage->ex;
    switch (passage->conf->on_store_error) {
    case GW_STORE_LOCAL:
        gw_exchange_decide(ex, self_without_store, "local", cause);
        gw_rate_count_here(passage);
        return gw_rate_conclude(passage);
    case GW_STORE_ALLOW:
        gw_exchange_decide(ex, self, "allowed", cause);
        return GW_NEXT;
    default:
        break;
    }
    if (passage->conf->mode == GW_LIMIT_OBSERVE) {
        gw_exchange_decide(ex, self, "would_refuse", cause);
        return GW_NEXT;
    }
    gw_exchange_decide(ex, self, "refused", cause);
    gw_exchange_problem_later(ex, GW_REASON_RATE_LIMIT_UNAVAILABLE, NULL, 1000);
    return GW_ANSWERED;
}
