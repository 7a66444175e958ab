/* SPDX-License-Identifier: MIT
 * Tokens on the way of a request. */
#include <stdlib.h>
#include "filters/jwt/challenge.h"
#include "filters/jwt/jwt.h"
#include "filters/jwt/keys.h"
#include "filters/jwt/presented.h"
#include "filters/jwt/token_cache.h"
#include "filters/jwt/waiting_room.h"
#include "gateway/base/memory.h"
#include "gateway/exchange/principal.h"
#include "gateway/server/worker.h"

/** The filter on one worker. */
typedef struct jwt_state {
    gw_worker_t *worker;
    const gw_jwt_conf_t *conf;
    gw_jwt_keys_t *keys;
    gw_jwt_ring_t ring;
    gw_token_cache_t *cache;
    gw_jwt_waiting_room_t room;
} jwt_state_t;

/** What it remembers of an exchange. */
typedef struct passage {
    gw_principal_t super;
    gw_exchange_t *ex;
    jwt_state_t *state;
    gw_token_entry_t *entry; /* one reference; NULL: not let in by a token */
    struct wait *wait;       /* NULL: it never waited */
} passage_t;

/** What is kept of one that waits for keys. */
typedef struct wait {
    gw_jwt_waiter_t super;
    passage_t *passage;
    gw_str_t token;
    uint64_t generation; /* of the keys that it was judged by last, */
    gw_jwt_findings_t findings;
    char detail[GW_JWT_MAX_DETAIL]; /* and what that found */
} wait_t;

/* the way out ------------------------------------------------------------------------------------------------------ */

/** What the client says of itself under our names goes, whoever it is. */
static void forget_forwarded(gw_exchange_t *ex, const gw_jwt_conf_t *conf)
{
    for (size_t i = 0; i != conf->forward.size; ++i)
        gw_exchange_forget_field(ex, gw_str_of(conf->forward.entries[i].value));
    if (conf->forward_payload != NULL)
        gw_exchange_forget_field(ex, gw_str_of(conf->forward_payload));
}

static gw_verdict_t refuse(gw_exchange_t *ex, const gw_jwt_conf_t *conf, const gw_jwt_findings_t *findings,
                           const char *detail)
{
    const char *word = gw_jwt_cause_word(findings->cause);
    if (conf->mode == GW_AUTH_OBSERVE) {
        gw_exchange_decide_with(ex, gw_jwt_filter.name, "would_refuse", word, detail);
        return GW_NEXT;
    }
    gw_exchange_decide_with(ex, gw_jwt_filter.name, "refused", word, detail);
    gw_jwt_challenge(ex, conf, findings);
    return GW_ANSWERED;
}

static gw_str_t property_of(const gw_principal_t *principal, h2o_mem_pool_t *pool, gw_str_t name)
{
    const passage_t *passage = (const passage_t *)principal;
    return passage->entry != NULL ? gw_token_cache_property(passage->state->cache, passage->entry, name)
                                  : gw_str(NULL, 0);
}

static void release_copy(void *arg)
{
    const passage_t *copy = arg;
    if (copy->entry != NULL)
        gw_token_cache_release(copy->state->cache, copy->entry);
}

static gw_principal_t *copy_principal(const gw_principal_t *principal, h2o_mem_pool_t *pool)
{
    const passage_t *passage = (const passage_t *)principal;
    passage_t *copy = h2o_mem_alloc_shared(pool, sizeof(*copy), release_copy);
    *copy = (passage_t){.super = *principal, .state = passage->state};
    if (passage->entry != NULL)
        copy->entry = gw_token_cache_hold(passage->entry);
    copy->super.name.ptr = h2o_strdup(pool, principal->name.ptr, principal->name.len).base;
    return &copy->super;
}

static void add_principal(passage_t *passage, gw_str_t name)
{
    passage->super.scheme = gw_jwt_filter.name;
    passage->super.name = name;
    passage->super.property = property_of;
    passage->super.copy = copy_principal;
    gw_exchange_add_principal(passage->ex, &passage->super);
}

/** Refuses a token that was judged.  One that only lacks the right says who it is, and so does the log. */
static gw_verdict_t refuse_token(passage_t *passage, const gw_jwt_judgement_t *judgement)
{
    const gw_jwt_conf_t *conf = passage->state->conf;
    if (conf->mode == GW_AUTH_ENFORCE && gw_jwt_cause_answer(judgement->findings.cause) == GW_JWT_INSUFFICIENT_SCOPE) {
        char *name = gw_jwt_claim_text(gw_jwt_claim_find(judgement->payload, gw_str_of(conf->principal)));
        if (name != NULL) {
            h2o_iovec_t copy = h2o_strdup(&passage->ex->req->pool, name, SIZE_MAX);
            add_principal(passage, gw_str(copy.base, copy.len));
        }
        free(name);
    }
    return refuse(passage->ex, conf, &judgement->findings, judgement->detail);
}

/** @param entry its reference is the passage's from now on */
static gw_verdict_t let_in(passage_t *passage, gw_token_entry_t *entry)
{
    gw_exchange_t *ex = passage->ex;
    const gw_jwt_conf_t *conf = passage->state->conf;
    passage->entry = entry;
    add_principal(passage, entry->name);
    for (size_t i = 0; i != conf->forward.size; ++i)
        if (entry->forwards[i].ptr != NULL)
            gw_exchange_forward_field(ex, gw_str_of(conf->forward.entries[i].value), entry->forwards[i]);
    if (conf->forward_payload != NULL)
        gw_exchange_forward_field(ex, gw_str_of(conf->forward_payload), entry->payload);
    for (size_t i = 0; i != conf->from.size && conf->is_removed && conf->mode == GW_AUTH_ENFORCE; ++i)
        gw_jwt_presented_remove(ex, &conf->places[i]);
    return GW_NEXT;
}

/* judging ---------------------------------------------------------------------------------------------------------- */

/** @return until when the token may be remembered */
static int64_t end_of(const gw_jwt_times_t *times, const gw_jwt_conf_t *conf)
{
    int64_t end = INT64_MAX, aged = times->iat + (int64_t)conf->max_age + (int64_t)conf->leeway;
    if (times->has_exp)
        end = times->exp + (int64_t)conf->leeway;
    return conf->max_age != 0 && aged < end ? aged : end;
}

/** @return the entry with a reference */
static gw_token_entry_t *remember(jwt_state_t *state, gw_str_t token, const gw_jwt_judgement_t *judgement)
{
    const gw_jwt_conf_t *conf = state->conf;
    gw_str_t *values = gw_must_alloc(conf->forward.size, sizeof(*values));
    for (size_t i = 0; i != conf->forward.size; ++i)
        values[i] = gw_str_of(
            gw_jwt_claim_text(gw_jwt_claim_find(judgement->payload, gw_str_of(conf->forward.entries[i].name))));
    char *name = gw_jwt_claim_text(gw_jwt_claim_find(judgement->payload, gw_str_of(conf->principal)));
    gw_token_entry_t *entry =
        gw_token_cache_add(state->cache, token, judgement->payload_text, gw_str_of(name), values, conf->forward.size,
                           state->ring.generation, end_of(&judgement->times, conf));
    for (size_t i = 0; i != conf->forward.size; ++i)
        free((char *)values[i].ptr);
    free(values);
    free(name);
    return entry;
}

static gw_token_entry_t *find(jwt_state_t *state, gw_str_t token)
{
    return gw_token_cache_find(state->cache, token, state->ring.generation,
                               (int64_t)(gw_worker_wall_us(state->worker) / 1000));
}

/** Judges the token by the keys of now.  @return the entry with a reference; NULL: see ret, to be disposed */
static gw_token_entry_t *judge(jwt_state_t *state, gw_str_t token, gw_jwt_judgement_t *ret)
{
    gw_jwt_judge(state->conf, &state->ring, token, (int64_t)(gw_worker_wall_us(state->worker) / 1000), NULL, NULL, ret);
    return ret->findings.cause == GW_JWT_CAUSE_NONE ? remember(state, token, ret) : NULL;
}

/* waiting for keys ------------------------------------------------------------------------------------------------- */

static bool is_for_want_of_keys(gw_jwt_cause_t cause)
{
    return cause == GW_JWT_CAUSE_KEY_UNKNOWN || cause == GW_JWT_CAUSE_KEYS_UNAVAILABLE;
}

static void note(wait_t *wait, const gw_jwt_judgement_t *judgement)
{
    wait->generation = wait->passage->state->ring.generation;
    wait->findings = judgement->findings;
    memcpy(wait->detail, judgement->detail, sizeof(wait->detail));
}

/** Asks for the issuer's keys to be fetched.  @return true when any of them come from a URL */
static bool ask_for_keys(wait_t *wait, const gw_jwt_issuer_conf_t *issuer)
{
    const jwt_state_t *state = wait->passage->state;
    gw_jwt_waiter_t *waiter = &wait->super;
    h2o_mem_pool_t *pool = &wait->passage->ex->req->pool;
    waiter->fetches = h2o_mem_alloc_pool(pool, issuer->keys.size * sizeof(*waiter->fetches));
    waiter->numbers = h2o_mem_alloc_pool(pool, issuer->keys.size * sizeof(*waiter->numbers));
    for (size_t i = 0; i != issuer->keys.size; ++i) {
        const gw_fetch_conf_t *conf = &state->conf->sources[issuer->first_source + i]->fetch;
        gw_fetch_t *fetch = state->keys->sources[issuer->first_source + i].fetch;
        if (fetch == NULL)
            continue;
        waiter->fetches[waiter->num_fetches] = fetch;
        waiter->numbers[waiter->num_fetches++] = gw_fetch_ask(fetch);
        uint64_t until_ms = gw_worker_now_ms(state->worker) + conf->min_interval + 2 * conf->timeout;
        if (until_ms > waiter->until_ms) /* twice: one that is under way comes first */
            waiter->until_ms = until_ms;
    }
    return waiter->num_fetches != 0;
}

/** A token that the keys of now cannot judge.  @return GW_WAITING, or what became of it at once */
static gw_verdict_t wait_for_keys(passage_t *passage, gw_str_t token, const gw_jwt_judgement_t *judgement)
{
    gw_exchange_t *ex = passage->ex;
    jwt_state_t *state = passage->state;
    wait_t *wait = h2o_mem_alloc_pool(&ex->req->pool, sizeof(*wait));
    *wait = (wait_t){
        .super = {.view = ex->view, .owner = gw_exchange_client_owner(ex)}, .passage = passage, .token = token};
    note(wait, judgement);
    if (!ask_for_keys(wait, judgement->issuer) || state->conf->mode == GW_AUTH_OBSERVE)
        return refuse_token(passage, judgement); /* who only looks on delays nobody */
    if (gw_jwt_waiting_room_enter(&state->room, &wait->super)) {
        passage->wait = wait;
        return GW_WAITING;
    }
    wait->findings.cause = GW_JWT_CAUSE_KEYS_UNAVAILABLE; /* it may be a good one */
    return refuse(ex, state->conf, &wait->findings, "too many wait for keys");
}

/** Judges again where keys have changed.  @return GW_WAITING: for want of keys still */
static gw_verdict_t judge_again(wait_t *wait, bool is_over, bool has_failed)
{
    passage_t *passage = wait->passage;
    gw_jwt_judgement_t judgement;
    gw_verdict_t verdict = GW_WAITING;
    if (wait->generation != passage->state->ring.generation) {
        /* of many who wait with the same token the first one has it verified */
        gw_token_entry_t *entry = find(passage->state, wait->token);
        if (entry != NULL)
            return let_in(passage, entry);
        entry = judge(passage->state, wait->token, &judgement);
        note(wait, &judgement);
        if (entry != NULL)
            verdict = let_in(passage, entry);
        else if (!is_for_want_of_keys(judgement.findings.cause))
            verdict = refuse_token(passage, &judgement);
        gw_jwt_judgement_dispose(&judgement);
    }
    if (verdict != GW_WAITING || !is_over)
        return verdict;
    if (has_failed) /* the key may be one that could not be fetched */
        wait->findings.cause = GW_JWT_CAUSE_KEYS_UNAVAILABLE;
    return refuse(passage->ex, passage->state->conf, &wait->findings, wait->detail);
}

static gw_jwt_look_t look_again(gw_jwt_waiter_t *waiter, bool is_over, bool has_failed)
{
    wait_t *wait = (wait_t *)waiter;
    jwt_state_t *state = wait->passage->state;
    gw_jwt_ring_refresh(&state->ring);
    if (!is_over && wait->generation == state->ring.generation)
        return GW_JWT_IDLE;
    gw_verdict_t verdict = judge_again(wait, is_over, has_failed);
    if (verdict == GW_WAITING)
        return GW_JWT_JUDGED;
    gw_jwt_waiting_room_leave(&state->room, waiter);
    gw_exchange_resume(wait->passage->ex, verdict); /* the passage may be gone */
    return GW_JWT_LEFT;
}

/* the filter ------------------------------------------------------------------------------------------------------- */

static passage_t *new_passage(gw_exchange_t *ex, jwt_state_t *state)
{
    passage_t *passage = h2o_mem_alloc_pool(&ex->req->pool, sizeof(*passage));
    *passage = (passage_t){.ex = ex, .state = state};
    *gw_exchange_data(ex) = passage;
    return passage;
}

static gw_verdict_t on_request(gw_exchange_t *ex, const void *arg, void *arg_state)
{
    jwt_state_t *state = arg_state;
    const gw_jwt_conf_t *conf = state->conf;
    gw_jwt_findings_t findings = {.cause = GW_JWT_CAUSE_NONE};
    gw_str_t token;
    findings.cause = gw_jwt_presented(ex, conf, &token);
    forget_forwarded(ex, conf);
    if (findings.cause == GW_JWT_CAUSE_MISSING && gw_auth_may_lack(conf->optional, ex->principal != NULL))
        return GW_NEXT;
    if (findings.cause != GW_JWT_CAUSE_NONE)
        return refuse(ex, conf, &findings, NULL);
    gw_jwt_ring_refresh(&state->ring);
    passage_t *passage = new_passage(ex, state);
    gw_token_entry_t *entry = find(state, token);
    if (entry != NULL)
        return let_in(passage, entry);
    gw_jwt_judgement_t judgement;
    gw_verdict_t verdict;
    if ((entry = judge(state, token, &judgement)) != NULL)
        verdict = let_in(passage, entry);
    else if (is_for_want_of_keys(judgement.findings.cause))
        verdict = wait_for_keys(passage, token, &judgement);
    else
        verdict = refuse_token(passage, &judgement);
    gw_jwt_judgement_dispose(&judgement);
    return verdict;
}

static void on_end(gw_exchange_t *ex, const void *conf, void *state)
{
    passage_t *passage = *gw_exchange_data(ex);
    if (passage == NULL)
        return;
    if (passage->wait != NULL)
        gw_jwt_waiting_room_leave(&passage->state->room, &passage->wait->super);
    if (passage->entry != NULL)
        gw_token_cache_release(passage->state->cache, passage->entry);
}

static void *worker_init(gw_worker_t *worker, const void *arg, void *shared)
{
    const gw_jwt_conf_t *conf = arg;
    gw_jwt_keys_t *keys = shared;
    jwt_state_t *state = gw_must_alloc(1, sizeof(*state));
    gw_published_t **published = gw_must_alloc(keys->num_sources, sizeof(*published));
    state->worker = worker;
    state->conf = conf;
    state->keys = keys;
    for (size_t i = 0; i != keys->num_sources; ++i)
        published[i] = keys->sources[i].published;
    gw_jwt_ring_init(&state->ring, published, keys->num_sources,
                     keys->denied != NULL ? gw_file_published(keys->denied) : NULL);
    free(published);
    state->cache = gw_token_cache_create((size_t)conf->cache_size, keys->hash_key);
    gw_jwt_waiting_room_init(&state->room, worker, look_again);
    return state;
}

static void free_cache(void *cache)
{
    gw_token_cache_free(cache);
}

static void worker_dispose(void *arg)
{
    jwt_state_t *state = arg;
    gw_jwt_waiting_room_dispose(&state->room);
    gw_jwt_ring_dispose(&state->ring);
    gw_upkeep_run(state->keys->upkeep, free_cache, state->cache); /* a hundred thousand tokens take a while */
    free(state);
}

const gw_filter_class_t gw_jwt_filter = {
    .name = "jwt",
    .meaning = "lets requests with a good JSON Web Token pass",
    .section = &gw_jwt_section,
    .gives_principal = true,
    .demands_credentials = gw_jwt_demands_credentials,
    .link = gw_jwt_link,
    .dispose = gw_jwt_conf_dispose,
    .share = gw_jwt_keys_share,
    .share_dispose = gw_jwt_keys_dispose,
    .worker_init = worker_init,
    .worker_dispose = worker_dispose,
    .on_request = on_request,
    .on_end = on_end,
};
