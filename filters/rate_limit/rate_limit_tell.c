/* SPDX-License-Identifier: MIT
 * What clients and logs are told of a rate limit. */
#include <stdio.h>
#include <string.h>
#include "filters/rate_limit/rate_limit_tell.h"
#include "gateway/exchange/problem.h"
#include "gateway/observe/log.h"

enum { full_notice_ms = 10000 };

typedef gw_rate_limit_conf_t conf_t;

/* responses -------------------------------------------------------------------------------------------------------- */

static void copy_levels(const gw_passage_t *passage, gw_rate_state_t states[GW_MAX_LIMITS])
{
    size_t num = passage->conf->num_limits;
    memcpy(states, passage->state->states, num * sizeof(*states));
    for (size_t i = 0; i != num; ++i) {
        const gw_bucket_level_t *level = &passage->answer.levels[i];
        states[i].remaining = level->remaining;
        states[i].next_us = level->next_us;
        states[i].full_us = level->full_us;
    }
}

void gw_rate_tell_aged(gw_passage_t *passage)
{
    uint64_t age_us = gw_worker_now_us(passage->ex->worker) - passage->levels_us;
    for (size_t i = 0; i != passage->conf->num_limits; ++i) {
        gw_bucket_level_t *level = &passage->answer.levels[i];
        level->next_us -= level->next_us < age_us ? level->next_us : age_us;
        level->full_us -= level->full_us < age_us ? level->full_us : age_us;
    }
}

static gw_str_t keep(gw_exchange_t *ex, const char *text, size_t len)
{
    char *copy = h2o_mem_alloc_pool(&ex->req->pool, len);
    memcpy(copy, text, len);
    return gw_str(copy, len);
}

static void add_ratelimit(gw_exchange_t *ex, const gw_rate_worker_t *state, const gw_rate_state_t *states, size_t num)
{
    static h2o_iovec_t policy_name = {(char *)"ratelimit-policy", 16}, name = {(char *)"ratelimit", 9};
    char text[GW_RATE_FIELDS_MAX];
    size_t len = gw_rate_limit_field(states, num, text);
    h2o_headers_t *fields = &ex->req->res.headers;
    h2o_mem_pool_t *pool = &ex->req->pool;
    /* the policy is copied too: another share may be in force before the response is written */
    gw_fields_add_named(pool, fields, &policy_name, keep(ex, state->policy, state->policy_len));
    gw_fields_add_named(pool, fields, &name, keep(ex, text, len));
}

/** @return false: it is no number */
static bool read_number(gw_str_t text, uint64_t *ret)
{
    uint64_t number = 0;
    for (size_t i = 0; i != text.len; ++i) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        if (number <= GW_RATE_INTEGER_MAX)
            number = number * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    *ret = number;
    return text.len != 0;
}

static gw_str_t value_of(const h2o_header_t *field)
{
    return gw_str(field->value.base, field->value.len);
}

static h2o_iovec_t x_limit = {(char *)"x-ratelimit-limit", 17}, x_remaining = {(char *)"x-ratelimit-remaining", 21},
                   x_reset = {(char *)"x-ratelimit-reset", 17};

/** Whether a later filter of this kind has told of a limit that is not farther than this one. */
static bool has_told_closer(const h2o_headers_t *fields, gw_str_t remaining)
{
    uint64_t theirs, ours;
    for (size_t i = 0; i != fields->size; ++i)
        if (fields->entries[i].name == &x_remaining) /* not the service's, which has another name of the same letters */
            return read_number(value_of(&fields->entries[i]), &theirs) && read_number(remaining, &ours) &&
                   theirs <= ours;
    return false;
}

static void set_named(gw_exchange_t *ex, h2o_iovec_t *name, gw_str_t value)
{
    gw_fields_remove(&ex->req->res.headers, gw_str(name->base, name->len));
    gw_fields_add_named(&ex->req->pool, &ex->req->res.headers, name, value);
}

static void add_x_ratelimit(gw_exchange_t *ex, const gw_rate_state_t *states, size_t num)
{
    char *text = h2o_mem_alloc_pool(&ex->req->pool, GW_RATE_X_FIELDS_MAX);
    gw_rate_x_fields_t values = gw_rate_x_fields(states, num, text);
    if (has_told_closer(&ex->req->res.headers, values.remaining))
        return;
    set_named(ex, &x_limit, values.limit);
    set_named(ex, &x_remaining, values.remaining);
    set_named(ex, &x_reset, values.reset);
}

static void add_fields(const gw_passage_t *passage)
{
    gw_rate_state_t states[GW_MAX_LIMITS];
    const conf_t *conf = passage->conf;
    if (conf->fields == GW_FIELDS_NONE)
        return;
    copy_levels(passage, states);
    if (conf->fields != GW_FIELDS_X_RATELIMIT)
        add_ratelimit(passage->ex, passage->state, states, conf->num_limits);
    if (conf->fields != GW_FIELDS_RATELIMIT)
        add_x_ratelimit(passage->ex, states, conf->num_limits);
}

/** A later filter, or the service, invites the client to come back: not before there is a token for it. */
static void put_off(const gw_passage_t *passage)
{
    gw_exchange_t *ex = passage->ex;
    const h2o_headers_t *fields = &ex->req->res.headers;
    uint64_t wait_us = 0, invited_s;
    for (size_t i = 0; i != passage->conf->num_limits; ++i)
        if (passage->answer.levels[i].remaining == 0 && passage->answer.levels[i].next_us > wait_us)
            wait_us = passage->answer.levels[i].next_us;
    if (wait_us == 0)
        return;
    ssize_t at = gw_fields_find(fields, GW_STR("retry-after"), 0);
    if (at != -1 && read_number(value_of(&fields->entries[at]), &invited_s) && invited_s < (wait_us + 999999) / 1000000)
        gw_exchange_add_retry_after(ex, (wait_us + 999999) / 1000000 * 1000);
}

void gw_rate_tell_response(const gw_passage_t *passage)
{
    put_off(passage);
    add_fields(passage);
}

void gw_rate_tell_refusal(const gw_passage_t *passage)
{
    gw_exchange_t *ex = passage->ex;
    gw_rate_state_t states[GW_MAX_LIMITS];
    char member[GW_RATE_FIELDS_MAX];
    copy_levels(passage, states);
    uint64_t retry_after_s = gw_rate_retry_after_s(states, passage->conf->num_limits, passage->answer.wait_us);
    gw_exchange_add_retry_after(ex, retry_after_s * 1000);
    size_t len = gw_rate_violated_member(states, passage->conf->num_limits, passage->answer.refused_by, member);
    gw_exchange_problem_of(ex, GW_REASON_RATE_LIMITED, NULL,
                           &(gw_problem_kind_t){GW_QUOTA_EXCEEDED_TYPE, GW_QUOTA_EXCEEDED_TITLE, gw_str(member, len)});
}

/* logs ------------------------------------------------------------------------------------------------------------- */

const char *gw_rate_tell_names(const gw_passage_t *passage, uint32_t set)
{
    const conf_t *conf = passage->conf;
    if (conf->num_limits == 1)
        return set != 0 ? conf->limits[0].name : "";
    char *names = h2o_mem_alloc_pool(&passage->ex->req->pool, GW_MAX_LIMITS * (GW_RATE_NAME_MAX + 2) + 1), *end = names;
    for (size_t i = 0; i != conf->num_limits; ++i)
        if ((set & 1u << i) != 0)
            end = stpcpy(stpcpy(end, end != names ? ", " : ""), conf->limits[i].name);
    *end = '\0';
    return names;
}

void gw_rate_tell_full(gw_rate_worker_t *state)
{
    uint64_t num_held;
    if (gw_rate_gate_pass(&state->full_notices, 1, full_notice_ms, gw_worker_now_ms(state->worker), &num_held))
        gw_log_later(GW_LOG_WARNING,
                     "rate limit %s: there is no room for more clients (keys: %llu): %s; so far %llu times",
                     state->shared->name, (unsigned long long)state->shared->conf->keys,
                     state->shared->conf->when_full == GW_FULL_REFUSE ? "others are refused" : "others share a bucket",
                     (unsigned long long)gw_limits_num_full(state->shared->limits));
}

const char *gw_rate_tell_refusers(const gw_passage_t *passage)
{
    uint32_t would_pass = 0;
    for (size_t i = 0; i != passage->conf->num_limits; ++i)
        if (passage->state->rules[i].has_trial)
            would_pass |= 1u << i;
    would_pass &= passage->answer.refused_by & ~passage->answer.trial_refused_by;
    const char *names = gw_rate_tell_names(passage, passage->answer.refused_by);
    if (would_pass == 0)
        return names;
    const char *others = gw_rate_tell_names(passage, would_pass);
    char *text = h2o_mem_alloc_pool(&passage->ex->req->pool, strlen(names) + strlen(others) + 64);
    sprintf(text, "%s (the trial of %s would have let it pass)", names, others);
    return text;
}
