/* SPDX-License-Identifier: MIT
 * Counting requests of a rate limit. */
#include <string.h>
#include "filters/rate_limit/rate_limit_count.h"

typedef gw_rate_limit_conf_t conf_t;

void gw_rate_use_share(gw_rate_worker_t *state, uint64_t share)
{
    const conf_t *conf = state->shared->conf;
    state->share = share;
    gw_limits_make_rules(conf->limits, conf->num_limits, share, state->rules);
    for (size_t i = 0; i != conf->num_limits; ++i) {
        const gw_bucket_rules_t *rules = &state->rules[i].enforced;
        state->states[i] = (gw_rate_state_t){
            .name = gw_str_of(conf->limits[i].name),
            .quota = rules->burst,
            .window_s = (gw_bucket_us(rules, rules->capacity) + 999999) / 1000000,
        };
    }
    state->policy_len = gw_rate_policy_field(state->states, conf->num_limits, state->policy);
}

uint64_t gw_rate_max_wait_us(const conf_t *conf)
{
    return conf->mode == GW_LIMIT_ENFORCE ? conf->max_delay * 1000 : 0;
}

static gw_limits_ask_t ask_of(const gw_passage_t *passage, uint64_t cost)
{
    gw_rate_worker_t *state = passage->state;
    const conf_t *conf = passage->conf;
    if (state->shared->share != NULL && gw_share_number(state->shared->share) != state->share)
        gw_rate_use_share(state, gw_share_number(state->shared->share));
    return (gw_limits_ask_t){
        .rules = state->rules,
        .hash = gw_client_key_hash(&passage->key, gw_limits_secret(state->shared->limits)),
        .now_us = gw_worker_now_us(state->worker),
        .cost = cost,
        .max_wait_us = gw_rate_max_wait_us(conf),
    };
}

void gw_rate_count_here(gw_passage_t *passage)
{
    gw_limits_ask_t ask = ask_of(passage, passage->cost);
    gw_limits_take(passage->state->shared->limits, &ask, &passage->answer);
}

/** Takes more from the buckets here, or gives back, whatever they hold.
 *  @param from, to tokens that the request has cost so far, and that it costs now   @param answer to what was taken
 *  @param ret_levels afterwards; NULL: nobody wants to know */
static void change_here(gw_passage_t *passage, uint64_t from, uint64_t to, const gw_limits_answer_t *answer,
                        gw_bucket_level_t *ret_levels)
{
    gw_limits_t *limits = passage->state->shared->limits;
    gw_limits_ask_t ask = ask_of(passage, to > from ? to - from : from);
    ask.kept = to;
    if (to > from)
        gw_limits_charge(limits, &ask, ret_levels);
    else if (to < from)
        gw_limits_give_back(limits, &ask, answer, ret_levels);
}

/** What the store counted is counted here too: when it is gone, clients do not begin with full buckets. */
static void follow_store(gw_passage_t *passage, uint64_t from, uint64_t to)
{
    static const gw_limits_answer_t nothing;
    if (passage->conf->on_store_error == GW_STORE_LOCAL)
        change_here(passage, from, to, &nothing, NULL);
}

void gw_rate_count_stored(gw_passage_t *passage)
{
    passage->is_from_store = true;
    passage->answer = passage->take->answer;
    if (passage->answer.refused_by == 0)
        follow_store(passage, 0, passage->cost);
}

static void change(gw_passage_t *passage, uint64_t to)
{
    uint64_t from = passage->cost;
    if (passage->is_from_store) {
        gw_shared_correct(passage->state->store, &passage->key, (int64_t)to - (int64_t)from, &passage->answer);
        follow_store(passage, from, to);
    } else {
        change_here(passage, from, to, &passage->answer, passage->answer.levels);
    }
}

void gw_rate_give_back(gw_passage_t *passage)
{
    if (!passage->is_counted || passage->cost == 0)
        return;
    passage->is_counted = false;
    change(passage, 0);
}

void gw_rate_correct(gw_passage_t *passage, uint64_t cost)
{
    change(passage, cost);
    passage->cost = cost;
}
