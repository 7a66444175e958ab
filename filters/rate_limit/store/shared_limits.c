/* SPDX-License-Identifier: MIT
 * Limits that several gateways share. */
#include <openssl/rand.h>
#include <stdlib.h>
#include "filters/rate_limit/store/lease_desk.h"
#include "gateway/base/memory.h"

struct gw_shared_store {
    atomic_size_t references;
    gw_shared_conf_t conf;                 /* redis and limits are not looked at again; name is ours */
    gw_limit_conf_t limits[GW_MAX_LIMITS]; /* names are ours */
    uint64_t secret[2];
    gw_redis_pool_t *pool;
    gw_leases_t *leases; /* NULL: exact */
    size_t num_workers;
    gw_shared_side_t *sides[]; /* by worker; each touched by its worker's thread alone */
};

struct gw_shared_side {
    size_t references;
    gw_shared_store_t *store; /* one reference */
    gw_script_runner_t runner;
    gw_errands_t errands;
    gw_lease_desk_t *desk; /* NULL: exact */
};

/* taking ----------------------------------------------------------------------------------------------------------- */

gw_shared_result_t gw_shared_take(gw_shared_side_t *side, gw_shared_take_t *take)
{
    const gw_shared_store_t *store = side->store;
    take->side = side;
    take->errand = NULL;
    take->fetch = NULL;
    take->link = (h2o_linklist_t){NULL, NULL};
    if (side->desk != NULL && take->cost <= store->conf.lease_tokens) {
        take->hash = gw_client_key_hash(take->key, store->secret);
        return gw_lease_desk_take(side->desk, take);
    }
    take->cause = gw_errand_take(&side->errands, take);
    return take->cause == NULL ? GW_SHARED_LATER : GW_SHARED_UNKNOWN;
}

void gw_shared_cancel(gw_shared_take_t *take)
{
    if (take->errand != NULL)
        gw_errand_abandon(take);
    else if (take->fetch != NULL)
        gw_lease_desk_cancel(take);
}

/** @return tokens that the lease has not settled */
static uint64_t correct_lease(gw_shared_side_t *side, const gw_client_key_t *key, bool is_back, uint64_t tokens)
{
    gw_shared_store_t *store = side->store;
    uint64_t hash = gw_client_key_hash(key, store->secret), now_ms = gw_worker_now_ms(side->runner.worker);
    if (is_back)
        return gw_lease_put_back(store->leases, hash, now_ms, tokens, store->conf.lease_tokens);
    return tokens - gw_lease_take_some(store->leases, hash, now_ms, tokens);
}

void gw_shared_correct(gw_shared_side_t *side, const gw_client_key_t *key, int64_t tokens,
                       const gw_limits_answer_t *taken)
{
    char digest[GW_CLIENT_KEY_DIGEST_LEN];
    bool is_back = tokens < 0;
    uint64_t num = is_back ? 0 - (uint64_t)tokens : (uint64_t)tokens;
    if (side->desk != NULL)
        num = correct_lease(side, key, is_back, num);
    if (num == 0)
        return;
    gw_client_key_digest(key, digest);
    gw_errand_send(&side->errands, is_back ? GW_SCRIPT_GIVE_BACK : GW_SCRIPT_CHARGE, digest, num,
                   taken->trial_refused_by != 0);
}

/* sides ------------------------------------------------------------------------------------------------------------ */

static gw_shared_side_t *create_side(gw_shared_store_t *store, gw_worker_t *worker)
{
    gw_shared_side_t *side = gw_must_alloc(1, sizeof(*side));
    side->store = store;
    atomic_fetch_add_explicit(&store->references, 1, memory_order_relaxed);
    side->runner = (gw_script_runner_t){
        .worker = worker,
        .redis = gw_redis_pool_get(store->pool, worker),
        .script = gw_script_create(store->conf.name, store->limits, store->conf.num_limits),
    };
    gw_errands_init(&side->errands, &side->runner, store->conf.timeout_ms);
    if (store->leases != NULL)
        side->desk = gw_lease_desk_create(&(gw_lease_desk_conf_t){
            .side = side,
            .leases = store->leases,
            .runner = &side->runner,
            .errands = &side->errands,
            .num_limits = store->conf.num_limits,
            .tokens = store->conf.lease_tokens,
            .ms = store->conf.lease_ms,
            .timeout_ms = store->conf.timeout_ms,
        });
    return side;
}

gw_shared_side_t *gw_shared_side_create(gw_shared_store_t *store, gw_worker_t *worker)
{
    gw_shared_side_t **place = &store->sides[worker->index];
    if (*place == NULL)
        *place = create_side(store, worker);
    gw_shared_side_ref(*place);
    return *place;
}

void gw_shared_side_ref(gw_shared_side_t *side)
{
    ++side->references;
}

gw_shared_side_t *gw_shared_side_free(gw_shared_side_t *side)
{
    if (side == NULL || --side->references != 0)
        return NULL;
    gw_shared_store_t *store = side->store;
    store->sides[side->runner.worker->index] = NULL;
    gw_lease_desk_free(side->desk);
    gw_errands_dispose(&side->errands);
    gw_redis_release(side->runner.redis);
    gw_script_free(side->runner.script);
    free(side);
    gw_shared_store_unref(store);
    return NULL;
}

/* stores ----------------------------------------------------------------------------------------------------------- */

static char *copy(const char *text)
{
    char *bytes = strdup(text);
    if (bytes == NULL)
        abort();
    return bytes;
}

static bool limits_are_equal(const gw_limit_conf_t *a, const gw_limit_conf_t *b)
{
    return strcmp(a->name, b->name) == 0 && a->rate.tokens == b->rate.tokens &&
           a->rate.period_us == b->rate.period_us && a->burst == b->burst &&
           a->trial_rate.tokens == b->trial_rate.tokens &&
           (a->trial_rate.tokens == 0 ||
            (a->trial_rate.period_us == b->trial_rate.period_us && a->trial_burst == b->trial_burst));
}

/** Whether a store does the same already.  @param conf with lease_tokens as they will be */
static bool fits(const gw_shared_store_t *store, const gw_shared_conf_t *conf, const gw_redis_pool_t *pool,
                 size_t num_workers)
{
    const gw_shared_conf_t *had = &store->conf;
    if (store->pool != pool || store->num_workers != num_workers || strcmp(had->name, conf->name) != 0 ||
        had->mode != conf->mode || had->timeout_ms != conf->timeout_ms || had->num_limits != conf->num_limits)
        return false;
    if (conf->mode == GW_SHARED_LEASE &&
        (had->lease_tokens != conf->lease_tokens || had->lease_ms != conf->lease_ms || had->keys != conf->keys))
        return false;
    for (size_t i = 0; i != conf->num_limits; ++i)
        if (!limits_are_equal(&store->limits[i], &conf->limits[i]))
            return false;
    return true;
}

static gw_shared_store_t *create(const gw_shared_conf_t *conf, gw_redis_pool_t *pool, size_t num_workers)
{
    gw_shared_store_t *store = gw_must_alloc(1, sizeof(*store) + num_workers * sizeof(*store->sides));
    atomic_init(&store->references, 1);
    store->conf = *conf;
    store->conf.name = copy(conf->name);
    store->conf.limits = store->limits;
    store->conf.redis = NULL;
    store->pool = pool;
    store->num_workers = num_workers;
    for (size_t i = 0; i != conf->num_limits; ++i) {
        store->limits[i] = conf->limits[i];
        store->limits[i].name = copy(conf->limits[i].name);
    }
    if (RAND_bytes((uint8_t *)store->secret, sizeof(store->secret)) != 1)
        abort();
    if (conf->mode == GW_SHARED_LEASE)
        store->leases = gw_leases_create(conf->keys);
    return store;
}

gw_shared_store_t *gw_shared_store_create(const gw_shared_conf_t *given, struct gw_resolver *resolver,
                                          size_t num_workers, gw_shared_store_t *previous)
{
    gw_shared_conf_t conf = *given;
    if (conf.lease_tokens > GW_LEASE_MAX_TOKENS)
        conf.lease_tokens = GW_LEASE_MAX_TOKENS;
    for (size_t i = 0; i != conf.num_limits; ++i)
        if (conf.lease_tokens > conf.limits[i].burst)
            conf.lease_tokens = conf.limits[i].burst;
    gw_redis_pool_t *pool = gw_redis_pool_open(conf.redis, resolver, num_workers);
    if (previous == NULL || !fits(previous, &conf, pool, num_workers))
        return create(&conf, pool, num_workers);
    gw_redis_pool_unref(pool);
    atomic_fetch_add_explicit(&previous->references, 1, memory_order_relaxed);
    return previous;
}

gw_shared_store_t *gw_shared_store_unref(gw_shared_store_t *store)
{
    if (store == NULL || atomic_fetch_sub_explicit(&store->references, 1, memory_order_acq_rel) != 1)
        return NULL;
    gw_redis_pool_unref(store->pool);
    gw_leases_free(store->leases);
    free((char *)store->conf.name);
    for (size_t i = 0; i != store->conf.num_limits; ++i)
        free((char *)store->limits[i].name);
    free(store);
    return NULL;
}

bool gw_shared_can_count(const gw_limit_conf_t *limit)
{
    gw_limit_rules_t rules;
    return gw_limits_make_rules(limit, 1, 1, &rules) && gw_script_can_count(&rules.enforced) &&
           (!rules.has_trial || gw_script_can_count(&rules.trial));
}
