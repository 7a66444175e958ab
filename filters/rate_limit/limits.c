/* SPDX-License-Identifier: MIT
 * Several limits at once, all or nothing. */
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include "filters/rate_limit/limits.h"
#include "gateway/base/memory.h"

/* workers read their clocks once per turn, so one's now may be another's past: a bucket makes room for another key only
 * when it has been full so long that it is for all of them */
enum { room_after_us = 1000000 };

/** The buckets of one limit, or of its trial, as long as its rules stay. */
typedef struct set {
    atomic_size_t references;
    gw_bucket_table_t *table;
    gw_bucket_rules_t rules; /* for a share of all: how it is read when the rules have changed */
    size_t keys;
    _Alignas(GW_CACHE_LINE) _Atomic(uint64_t) overflow; /* bucket of the keys without a place */
} set_t;

/** One that was before.  Its buckets are those that the rules which came after it found on their first day: since then
 * what is missing comes back by these.  So a bucket that has moved on, is full and has made room for another is full
 * for this one too; nobody has to remember who has moved. */
typedef struct old_set {
    set_t *set;
    uint64_t left_us; /* the first day; 0: that of the limits it stands in */
    uint64_t fill_us; /* so much later nothing is missing, by the rules that came after it and any share */
} old_set_t;

/** The same through changes of its rules. */
typedef struct series {
    set_t *now;
    old_set_t before[GW_MAX_OLD_TABLES]; /* the latest first */
    size_t num_before;
} series_t;

typedef struct limit {
    char *name;
    series_t enforced, trial; /* trial.now NULL: none */
} limit_t;

struct gw_limits {
    atomic_size_t references;
    uint64_t secret[2];
    gw_when_full_t when_full;
    size_t num;
    _Atomic(uint64_t) since_us; /* the first time that they were asked; 0: not yet */
    limit_t limits[GW_MAX_LIMITS];
    _Alignas(GW_CACHE_LINE) _Atomic(uint64_t) num_full;
};

/* one bucket ------------------------------------------------------------------------------------------------------- */

static bool is_free(uint64_t value, uint64_t now)
{
    return value <= now;
}

/** Full all the same: it is long over.  Numbers of a place grow but for what is given back; for a thread to take the
 * bucket of another key for its own, it would have to sleep for more than room_after_us between two instructions while
 * the one is given back, makes room and the other comes to the very same number. */
static uint64_t fresh(uint64_t old)
{
    return old + 1;
}

static const gw_bucket_kind_t buckets_kind = {.is_free = is_free, .fresh = fresh};

typedef enum how { LOOK, TAKE, CHARGE, GIVE_BACK } how_t;

typedef struct change {
    gw_bucket_change_t super;
    const gw_bucket_rules_t *rules;
    how_t how;
    uint64_t since_us; /* of the limits */
    uint64_t first;    /* what a bucket of this key held before a reload; else 0 */
    uint64_t now, cost, max_wait;
    /* the answer, of the last call */
    gw_bucket_t bucket;
    uint64_t wait;
    bool is_refused;
} change_t; /* all times in ticks */

static uint64_t apply(gw_bucket_change_t *super, uint64_t value)
{
    change_t *change = (change_t *)super;
    gw_bucket_t bucket = value > change->first ? value : change->first, next = bucket;
    change->is_refused = false;
    if (change->how == CHARGE)
        next = gw_bucket_charge(change->rules, bucket, change->now, change->cost);
    else if (change->how == GIVE_BACK)
        next = gw_bucket_give_back(bucket, change->cost);
    else
        change->is_refused =
            !gw_bucket_take(change->rules, bucket, change->now, change->cost, change->max_wait, &next, &change->wait);
    change->bucket = change->how == LOOK ? bucket : next;
    /* one that is refused moves on as well: it might come often, and a change too many would forget it */
    return change->is_refused || change->how == LOOK ? bucket : next;
}

/** Keeps the first day; threads that meet here agree on one. */
static void begin(gw_limits_t *limits, uint64_t now_us)
{
    uint64_t none = 0;
    if (atomic_load_explicit(&limits->since_us, memory_order_relaxed) == 0)
        atomic_compare_exchange_strong_explicit(&limits->since_us, &none, now_us, memory_order_relaxed,
                                                memory_order_relaxed);
}

/** The rules of a share of all: at least one token is in a full bucket. */
static gw_bucket_rules_t share_of(const gw_bucket_rules_t *whole, uint64_t share)
{
    gw_bucket_rules_t rules = *whole;
    if (rules.capacity < rules.ticks_per_token * share)
        rules.capacity = rules.ticks_per_token * share;
    return rules;
}

/** @param is_overflow the bucket of the keys without a place, instead of that of the key
 *  @return what it held before its rules changed, by those of now */
static gw_bucket_t held_before(const series_t *series, const gw_limits_ask_t *ask, const change_t *change,
                               bool is_overflow)
{
    uint64_t share = change->rules->ticks_per_token / series->now->rules.ticks_per_token, bucket = 0;
    for (size_t i = series->num_before; i-- != 0;) {
        const old_set_t *old = &series->before[i];
        uint64_t left_us = old->left_us != 0 ? old->left_us : change->since_us, value = 0;
        if (ask->now_us >= left_us + old->fill_us) {
            bucket = 0;
            continue;
        }
        if (is_overflow)
            value = atomic_load_explicit(&old->set->overflow, memory_order_relaxed);
        else if (!gw_bucket_table_find(old->set->table, ask->hash, &value))
            value = 0;
        if (value > bucket)
            bucket = value;
        gw_bucket_rules_t next = share_of(i != 0 ? &series->before[i - 1].set->rules : &series->now->rules, share);
        bucket = gw_bucket_convert(&old->set->rules, bucket, &next, left_us);
    }
    return bucket;
}

static void change_overflow(const series_t *series, const gw_limits_ask_t *ask, change_t *change)
{
    set_t *set = series->now;
    uint64_t value = atomic_load_explicit(&set->overflow, memory_order_relaxed), next;
    change->first = held_before(series, ask, change, true);
    do
        next = apply(&change->super, value);
    while (next != value && !atomic_compare_exchange_weak_explicit(&set->overflow, &value, next, memory_order_acq_rel,
                                                                   memory_order_relaxed));
}

/** A cost that is more than a full bucket took only that: so what is given back is a difference of what is taken. */
static uint64_t ticks_of(const gw_bucket_rules_t *rules, const gw_limits_ask_t *ask, how_t how)
{
    uint64_t cost = gw_bucket_cost(rules, ask->cost);
    return how == GIVE_BACK ? cost - gw_bucket_cost(rules, ask->kept) : cost;
}

static change_t change_of(const gw_limits_t *limits, const gw_bucket_rules_t *rules, const gw_limits_ask_t *ask,
                          how_t how)
{
    return (change_t){
        .super = {apply},
        .rules = rules,
        .how = how,
        .since_us = atomic_load_explicit(&limits->since_us, memory_order_relaxed),
        .now = gw_bucket_ticks(rules, ask->now_us),
        .cost = ticks_of(rules, ask, how),
        .max_wait = gw_bucket_ticks(rules, ask->max_wait_us),
    };
}

/** @return false: the table has no room for the key */
static bool change_bucket(const series_t *series, const gw_limits_ask_t *ask, change_t *change)
{
    set_t *set = series->now;
    uint64_t margin = gw_bucket_ticks(change->rules, room_after_us), value;
    if (series->num_before != 0 && !gw_bucket_table_find(set->table, ask->hash, &value))
        change->bucket = change->first = held_before(series, ask, change, false);
    return gw_bucket_table_change(set->table, ask->hash, change->now > margin ? change->now - margin : 0,
                                  change->how != GIVE_BACK || change->first != 0, &change->super) != GW_BUCKET_NO_ROOM;
}

static void look(const series_t *series, const gw_limits_ask_t *ask, change_t *change)
{
    uint64_t value = 0;
    bool is_there = gw_bucket_table_find(series->now->table, ask->hash, &value);
    if (!is_there && series->num_before != 0 && (value = held_before(series, ask, change, false)) > change->now &&
        change_bucket(series, ask, change))
        return; /* it has moved on */
    apply(&change->super, value);
}

/* all of them ------------------------------------------------------------------------------------------------------ */

/** @return whether the limit lets it pass */
static bool take_one(gw_limits_t *limits, const series_t *series, const gw_limits_ask_t *ask, change_t *change,
                     bool *ret_no_room)
{
    *ret_no_room = !change_bucket(series, ask, change);
    if (!*ret_no_room)
        return !change->is_refused;
    atomic_fetch_add_explicit(&limits->num_full, 1, memory_order_relaxed);
    if (limits->when_full == GW_FULL_SHARED) {
        change_overflow(series, ask, change);
        return !change->is_refused;
    }
    change->wait = gw_bucket_ticks(change->rules, room_after_us);
    change->bucket = change->now + change->rules->capacity;
    return false;
}

static void give_back_one(const series_t *series, const gw_limits_ask_t *ask, change_t *change, bool had_no_room)
{
    if (had_no_room)
        change_overflow(series, ask, change);
    else
        change_bucket(series, ask, change);
}

static uint64_t max_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/** Whether each would let it pass; takes nothing.  @return those that would not */
static uint32_t look_at_all(const gw_limits_t *limits, const gw_limits_ask_t *ask, gw_limits_answer_t *answer)
{
    uint32_t refused_by = 0;
    for (size_t i = 0; i != limits->num; ++i) {
        const gw_bucket_rules_t *rules = &ask->rules[i].enforced;
        change_t change = change_of(limits, rules, ask, LOOK);
        look(&limits->limits[i].enforced, ask, &change);
        answer->levels[i] = gw_bucket_level(rules, change.bucket, change.now);
        if (!change.is_refused)
            continue;
        refused_by |= 1u << i;
        answer->wait_us = max_of(answer->wait_us, gw_bucket_us(rules, change.wait));
    }
    return refused_by;
}

static void take_from_all(gw_limits_t *limits, const gw_limits_ask_t *ask, gw_limits_answer_t *answer)
{
    for (size_t i = 0; i != limits->num; ++i) {
        const gw_bucket_rules_t *rules = &ask->rules[i].enforced;
        change_t change = change_of(limits, rules, ask, TAKE);
        bool no_room, is_taken = take_one(limits, &limits->limits[i].enforced, ask, &change, &no_room);
        answer->no_room |= (uint32_t)no_room << i;
        answer->levels[i] = gw_bucket_level(rules, change.bucket, change.now);
        if (is_taken) {
            answer->waits_for |= (uint32_t)(change.wait != 0) << i;
            answer->wait_us = max_of(answer->wait_us, gw_bucket_us(rules, change.wait));
            continue;
        }
        /* another thread was faster since it was looked at; what was taken from the others goes back */
        answer->refused_by = 1u << i;
        answer->wait_us = gw_bucket_us(rules, change.wait);
        while (i-- != 0) {
            change = change_of(limits, &ask->rules[i].enforced, ask, GIVE_BACK);
            give_back_one(&limits->limits[i].enforced, ask, &change, (answer->no_room & 1u << i) != 0);
            answer->levels[i] = gw_bucket_level(&ask->rules[i].enforced, change.bucket, change.now);
        }
        return;
    }
}

/** Trials are all or nothing among themselves, whatever the enforced ones say: they tell what would be if they were in
 * force instead. */
static void take_trials(gw_limits_t *limits, const gw_limits_ask_t *ask, gw_limits_answer_t *answer)
{
    for (size_t i = 0; i != limits->num; ++i) {
        if (!ask->rules[i].has_trial)
            continue;
        change_t change = change_of(limits, &ask->rules[i].trial, ask, LOOK);
        look(&limits->limits[i].trial, ask, &change);
        answer->trial_refused_by |= (uint32_t)change.is_refused << i;
    }
    for (size_t i = 0; answer->trial_refused_by == 0 && ask->cost != 0 && i != limits->num; ++i)
        if (ask->rules[i].has_trial) {
            change_t change = change_of(limits, &ask->rules[i].trial, ask, TAKE);
            bool no_room;
            /* a count: that the earlier ones keep what was taken does not matter */
            if (!take_one(limits, &limits->limits[i].trial, ask, &change, &no_room))
                answer->trial_refused_by = 1u << i;
            answer->trial_no_room |= (uint32_t)no_room << i;
        }
}

void gw_limits_take(gw_limits_t *limits, const gw_limits_ask_t *ask, gw_limits_answer_t *answer)
{
    memset(answer, 0, offsetof(gw_limits_answer_t, levels));
    for (size_t i = 0; i != limits->num; ++i)
        gw_bucket_table_prefetch(limits->limits[i].enforced.now->table, ask->hash);
    begin(limits, ask->now_us);
    take_trials(limits, ask, answer);
    if (limits->num != 1 || ask->cost == 0)
        answer->refused_by = look_at_all(limits, ask, answer);
    if (answer->refused_by == 0 && ask->cost != 0) {
        answer->wait_us = 0;
        take_from_all(limits, ask, answer);
    }
}

void gw_limits_give_back(gw_limits_t *limits, const gw_limits_ask_t *ask, const gw_limits_answer_t *taken,
                         gw_bucket_level_t *ret_levels)
{
    begin(limits, ask->now_us);
    for (size_t i = 0; i != limits->num; ++i) {
        change_t change = change_of(limits, &ask->rules[i].enforced, ask, GIVE_BACK);
        give_back_one(&limits->limits[i].enforced, ask, &change, (taken->no_room & 1u << i) != 0);
        if (ret_levels != NULL)
            ret_levels[i] = gw_bucket_level(change.rules, change.bucket, change.now);
        if (ask->rules[i].has_trial && taken->trial_refused_by == 0) { /* else they gave nothing */
            change = change_of(limits, &ask->rules[i].trial, ask, GIVE_BACK);
            give_back_one(&limits->limits[i].trial, ask, &change, (taken->trial_no_room & 1u << i) != 0);
        }
    }
}

void gw_limits_charge(gw_limits_t *limits, const gw_limits_ask_t *ask, gw_bucket_level_t *ret_levels)
{
    bool no_room;
    begin(limits, ask->now_us);
    for (size_t i = 0; i != limits->num; ++i) {
        change_t change = change_of(limits, &ask->rules[i].enforced, ask, CHARGE);
        take_one(limits, &limits->limits[i].enforced, ask, &change, &no_room);
        if (ret_levels != NULL)
            ret_levels[i] = gw_bucket_level(change.rules, change.bucket, change.now);
        if (ask->rules[i].has_trial) {
            change = change_of(limits, &ask->rules[i].trial, ask, CHARGE);
            take_one(limits, &limits->limits[i].trial, ask, &change, &no_room);
        }
    }
}

/* life ------------------------------------------------------------------------------------------------------------- */

bool gw_limits_make_rules(const gw_limit_conf_t *limits, size_t num, uint64_t share, gw_limit_rules_t *rules)
{
    for (size_t i = 0; i != num; ++i) {
        rules[i].has_trial = limits[i].trial_rate.tokens != 0;
        if (!gw_bucket_rules_make(&limits[i].rate, limits[i].burst, share, &rules[i].enforced) ||
            (rules[i].has_trial &&
             !gw_bucket_rules_make(&limits[i].trial_rate, limits[i].trial_burst, share, &rules[i].trial)))
            return false;
    }
    return true;
}

static set_t *create_set(const gw_bucket_rules_t *rules, size_t keys)
{
    set_t *set = gw_must_alloc_aligned(sizeof(*set));
    atomic_init(&set->references, 1);
    set->rules = *rules;
    set->keys = keys;
    set->table = gw_bucket_table_create(&buckets_kind, keys);
    return set;
}

static set_t *ref_set(set_t *set)
{
    atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    return set;
}

static void unref_set(set_t *set)
{
    if (set == NULL || atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) != 1)
        return;
    gw_bucket_table_free(set->table);
    free(set);
}

static bool rules_are_equal(const gw_bucket_rules_t *a, const gw_bucket_rules_t *b)
{
    return a->unit_us == b->unit_us && a->ticks_per_unit == b->ticks_per_unit &&
           a->ticks_per_token == b->ticks_per_token && a->capacity == b->capacity;
}

static void add_before(series_t *series, const old_set_t *old)
{
    if (series->num_before == GW_MAX_OLD_TABLES)
        return;
    ref_set(old->set);
    series->before[series->num_before++] = *old;
}

/** @param previous NULL, or of the same limit   @param left_us the first day of the limits it stood in */
static void make_series(series_t *series, const gw_bucket_rules_t *rules, size_t keys, const series_t *previous,
                        uint64_t left_us, uint64_t now_us)
{
    if (previous != NULL && previous->now == NULL)
        previous = NULL;
    bool is_same = previous != NULL && previous->now->keys == keys && rules_are_equal(&previous->now->rules, rules);
    series->now = is_same ? ref_set(previous->now) : create_set(rules, keys);
    if (previous == NULL)
        return;
    if (!is_same) {
        gw_bucket_rules_t smallest = share_of(rules, GW_SHARE_MAX);
        add_before(series, &(old_set_t){.set = previous->now, .fill_us = gw_bucket_us(&smallest, smallest.capacity)});
    }
    for (size_t i = 0; i != previous->num_before; ++i) {
        old_set_t old = previous->before[i];
        if (old.left_us == 0)
            old.left_us = left_us;
        if (now_us < old.left_us + old.fill_us)
            add_before(series, &old);
    }
}

static void dispose_series(series_t *series)
{
    unref_set(series->now);
    for (size_t i = 0; i != series->num_before; ++i)
        unref_set(series->before[i].set);
}

static const limit_t *find_limit(const gw_limits_t *limits, const char *name)
{
    for (size_t i = 0; limits != NULL && i != limits->num; ++i)
        if (strcmp(limits->limits[i].name, name) == 0)
            return &limits->limits[i];
    return NULL;
}

gw_limits_t *gw_limits_create(const gw_limit_conf_t *confs, size_t num, size_t keys, gw_when_full_t when_full,
                              gw_limits_t *previous, uint64_t now_us)
{
    gw_limits_t *limits = gw_must_alloc_aligned(sizeof(*limits));
    gw_limit_rules_t rules[GW_MAX_LIMITS];
    if (!gw_limits_make_rules(confs, num, 1, rules))
        abort(); /* the reading of the conf has seen to that */
    atomic_init(&limits->references, 1);
    limits->when_full = when_full;
    limits->num = num;
    if (previous != NULL)
        memcpy(limits->secret, previous->secret, sizeof(limits->secret));
    else if (RAND_bytes((uint8_t *)limits->secret, sizeof(limits->secret)) != 1)
        abort();
    uint64_t left_us = previous != NULL ? atomic_load_explicit(&previous->since_us, memory_order_relaxed) : 0;
    if (left_us == 0)
        left_us = now_us;
    for (size_t i = 0; i != num; ++i) {
        limit_t *limit = &limits->limits[i];
        const limit_t *before = find_limit(previous, confs[i].name);
        if ((limit->name = strdup(confs[i].name)) == NULL)
            abort();
        make_series(&limit->enforced, &rules[i].enforced, keys, before != NULL ? &before->enforced : NULL, left_us,
                    now_us);
        if (rules[i].has_trial)
            make_series(&limit->trial, &rules[i].trial, keys, before != NULL ? &before->trial : NULL, left_us, now_us);
    }
    return limits;
}

gw_limits_t *gw_limits_ref(gw_limits_t *limits)
{
    atomic_fetch_add_explicit(&limits->references, 1, memory_order_relaxed);
    return limits;
}

gw_limits_t *gw_limits_unref(gw_limits_t *limits)
{
    if (limits == NULL || atomic_fetch_sub_explicit(&limits->references, 1, memory_order_acq_rel) != 1)
        return NULL;
    for (size_t i = 0; i != limits->num; ++i) {
        free(limits->limits[i].name);
        dispose_series(&limits->limits[i].enforced);
        dispose_series(&limits->limits[i].trial);
    }
    free(limits);
    return NULL;
}

const uint64_t *gw_limits_secret(const gw_limits_t *limits)
{
    return limits->secret;
}

uint64_t gw_limits_num_full(const gw_limits_t *limits)
{
    return atomic_load_explicit(&limits->num_full, memory_order_relaxed);
}

static size_t bytes_of(const series_t *series)
{
    size_t bytes = series->now != NULL ? gw_bucket_table_bytes(series->now->table) : 0;
    for (size_t i = 0; i != series->num_before; ++i)
        bytes += gw_bucket_table_bytes(series->before[i].set->table);
    return bytes;
}

size_t gw_limits_bytes(const gw_limits_t *limits)
{
    size_t bytes = 0;
    for (size_t i = 0; i != limits->num; ++i)
        bytes += bytes_of(&limits->limits[i].enforced) + bytes_of(&limits->limits[i].trial);
    return bytes;
}
