/* SPDX-License-Identifier: MIT
 * Places of clients, over reloads.
 *
 * Two tables, one sum.  A number in an old table only falls once the new table is known, so who enters the new one
 * reads the old one first and adds.  Who has entered a table and then finds that there is a newer one leaves again:
 * either he sees the newer one, or those who enter that see him.
 *
 * Who holds what.  A deployment holds the tables that were in use when it was made, and each table holds the next newer
 * one: so a request of that deployment may touch any of them and all newer ones, and those that `older` of these names,
 * each of which was in use then or has come since. */
#include <assert.h>
#include <openssl/rand.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "filters/concurrency_places.h"
#include "filters/rate_limit/bucket_table.h"
#include "gateway/base/memory.h"

typedef struct gw_places_table table_t;

typedef struct tables {
    table_t *entries[GW_PLACES_MAX_OLD];
    size_t num;
} tables_t;

struct gw_places_table {
    atomic_size_t references;
    gw_bucket_table_t *counts;
    size_t keys;
    tables_t older;           /* that were in use when this one came; borrowed */
    _Atomic(table_t *) newer; /* one reference; NULL: this one is in use */
    /* of clients without room, as the numbers in the table; on a line of their own since they are written */
    _Alignas(GW_CACHE_LINE) _Atomic(uint64_t) overflow;
    _Atomic(uint64_t) num_full;
};

struct gw_places {
    uint64_t secret[2];
    table_t *table; /* one reference to it and to each of the older ones */
    tables_t older; /* still in use when this deployment was made */
};

/* a number: generation of the place in the table << 40 | counted by the tried rule << 20 | counted ----------------- */

#define COUNT_MASK       ((uint64_t)0xfffff)
#define ONE_COUNTED      ((uint64_t)1)
#define ONE_IN_TRIAL     ((uint64_t)1 << 20)
#define ONE_GENERATION   ((uint64_t)1 << 40)
#define GENERATIONS_MASK (~(ONE_GENERATION - 1))

_Static_assert(GW_PLACES_MAX < COUNT_MASK, "a count fits, and no number is UINT64_MAX");

static uint64_t counted(uint64_t value)
{
    return value & COUNT_MASK;
}

static uint64_t in_trial(uint64_t value)
{
    return value >> 20 & COUNT_MASK;
}

static bool is_free(uint64_t value, uint64_t now)
{
    return (value & ~GENERATIONS_MASK) == 0;
}

static uint64_t fresh(uint64_t old)
{
    return (old & GENERATIONS_MASK) + ONE_GENERATION; /* the first one comes again after 16 million others */
}

static const gw_bucket_kind_t counts_kind = {.is_free = is_free, .fresh = fresh};

/* changes ---------------------------------------------------------------------------------------------------------- */

typedef struct entering {
    gw_bucket_change_t super;
    const gw_places_rules_t *rules;
    uint64_t counted_elsewhere, in_trial_elsewhere; /* of the same client in old tables */
    /* the answer, of the last call */
    bool is_refused;
    gw_place_t *place;
} entering_t;

static uint64_t enter(gw_bucket_change_t *super, uint64_t value)
{
    entering_t *entering = (entering_t *)super;
    const gw_places_rules_t *rules = entering->rules;
    gw_place_t *place = entering->place;
    uint64_t num = counted(value) + entering->counted_elsewhere;
    entering->is_refused = num >= rules->max;
    place->num_remaining = entering->is_refused ? 0 : rules->max - num - 1;
    place->is_in_trial = place->is_beyond_trial = false;
    if (entering->is_refused)
        return value;
    if (rules->trial != 0) {
        place->is_beyond_trial = in_trial(value) + entering->in_trial_elsewhere >= rules->trial;
        place->is_in_trial = !place->is_beyond_trial;
    }
    return value + ONE_COUNTED + (place->is_in_trial ? ONE_IN_TRIAL : 0);
}

typedef struct leaving {
    gw_bucket_change_t super;
    uint64_t number;
} leaving_t;

static uint64_t leave(gw_bucket_change_t *super, uint64_t value)
{
    return value - ((leaving_t *)super)->number;
}

static void change_overflow(table_t *table, gw_bucket_change_t *change)
{
    uint64_t value = atomic_load_explicit(&table->overflow, memory_order_relaxed), next;
    do
        next = change->apply(change, value);
    while (next != value && !atomic_compare_exchange_weak_explicit(&table->overflow, &value, next, memory_order_acq_rel,
                                                                   memory_order_relaxed));
}

void gw_places_leave(gw_place_t *place)
{
    if (place->table == NULL)
        return;
    leaving_t leaving = {.super = {leave}, .number = ONE_COUNTED + (place->is_in_trial ? ONE_IN_TRIAL : 0)};
    if (place->is_shared) {
        change_overflow(place->table, &leaving.super);
    } else {
        gw_bucket_result_t result = gw_bucket_table_change(place->table->counts, place->hash, 0, false, &leaving.super);
        assert(result == GW_BUCKET_CHANGED); /* a number that counts somebody stays */
        (void)result;
    }
    place->table = NULL;
}

/* taking ----------------------------------------------------------------------------------------------------------- */

static void add_elsewhere(entering_t *entering, uint64_t value)
{
    entering->counted_elsewhere += counted(value);
    entering->in_trial_elsewhere += in_trial(value);
}

static gw_place_result_t take_in(table_t *table, const tables_t *older, const gw_places_rules_t *rules,
                                 gw_place_t *place)
{
    entering_t entering = {.super = {enter}, .rules = rules, .place = place};
    uint64_t value;
    *place = (gw_place_t){.hash = place->hash};
    if (older->num != 0)
        atomic_thread_fence(memory_order_seq_cst); /* between learning of the table and reading the old ones */
    for (size_t i = 0; i != older->num; ++i)
        if (gw_bucket_table_find(older->entries[i]->counts, place->hash, &value))
            add_elsewhere(&entering, value);
    if (gw_bucket_table_change(table->counts, place->hash, 0, true, &entering.super) == GW_BUCKET_NO_ROOM) {
        atomic_fetch_add_explicit(&table->num_full, 1, memory_order_relaxed);
        *place = (gw_place_t){.hash = place->hash, .is_shared = true};
        if (!rules->shares_if_full)
            return GW_PLACE_NO_ROOM;
        for (size_t i = 0; i != older->num; ++i)
            add_elsewhere(&entering, atomic_load_explicit(&older->entries[i]->overflow, memory_order_acquire));
        change_overflow(table, &entering.super);
    }
    if (entering.is_refused)
        return place->is_shared ? GW_PLACE_NO_ROOM : GW_PLACE_NONE_LEFT;
    place->table = table;
    return GW_PLACE_TAKEN;
}

static table_t *next_newer(table_t *table)
{
    return atomic_load_explicit(&table->newer, memory_order_acquire);
}

static table_t *newest(table_t *table)
{
    for (table_t *newer; (newer = next_newer(table)) != NULL;)
        table = newer;
    return table;
}

gw_place_result_t gw_places_take(gw_places_t *places, const gw_places_rules_t *rules, uint64_t hash, gw_place_t *place)
{
    place->hash = hash;
    for (;;) {
        table_t *table = newest(places->table);
        const tables_t *older = table == places->table ? &places->older : &table->older;
        gw_place_result_t result = take_in(table, older, rules, place);
        atomic_thread_fence(memory_order_seq_cst); /* between being seen in the table and looking for a newer one */
        if (next_newer(table) == NULL)
            return result;
        gw_places_leave(place);
    }
}

/* life ------------------------------------------------------------------------------------------------------------- */

static table_t *table_create(size_t keys, const tables_t *older)
{
    table_t *table = gw_must_alloc_aligned(sizeof(*table));
    atomic_init(&table->references, 1);
    table->counts = gw_bucket_table_create(&counts_kind, keys);
    table->keys = keys;
    table->older = *older;
    return table;
}

static table_t *table_ref(table_t *table)
{
    atomic_fetch_add_explicit(&table->references, 1, memory_order_relaxed);
    return table;
}

static void table_unref(table_t *table)
{
    while (table != NULL && atomic_fetch_sub_explicit(&table->references, 1, memory_order_acq_rel) == 1) {
        table_t *newer = next_newer(table);
        gw_bucket_table_free(table->counts);
        free(table);
        table = newer;
    }
}

static size_t num_clients(const table_t *table)
{
    return gw_bucket_table_count(table->counts, 0) + (is_free(atomic_load(&table->overflow), 0) ? 0 : 1);
}

/** @return those that somebody is in; nobody enters any of them any more, so the others stay empty */
static tables_t in_use(const tables_t *tables)
{
    tables_t found = {.num = 0};
    for (size_t i = 0; i != tables->num; ++i)
        if (num_clients(tables->entries[i]) != 0)
            found.entries[found.num++] = tables->entries[i];
    return found;
}

static table_t *replace(table_t *table, size_t keys, tables_t *older)
{
    memmove(older->entries + 1, older->entries, older->num * sizeof(older->entries[0]));
    older->entries[0] = table;
    ++older->num;
    table_t *newer = table_create(keys, older);
    atomic_store(&table->newer, table_ref(newer));
    return newer;
}

gw_places_t *gw_places_create(size_t keys, const gw_places_t *previous)
{
    gw_places_t *places = gw_must_alloc(1, sizeof(*places));
    if (previous == NULL) {
        if (RAND_bytes((uint8_t *)places->secret, sizeof(places->secret)) != 1)
            abort();
        places->table = table_create(keys, &places->older);
        return places;
    }
    memcpy(places->secret, previous->secret, sizeof(places->secret));
    table_t *table = newest(previous->table);
    atomic_thread_fence(memory_order_seq_cst); /* as for those who enter it */
    places->older = in_use(table == previous->table ? &previous->older : &table->older);
    if (table->keys != keys && places->older.num != GW_PLACES_MAX_OLD)
        places->table = replace(table, keys, &places->older);
    else
        places->table = table_ref(table);
    for (size_t i = 0; i != places->older.num; ++i)
        table_ref(places->older.entries[i]);
    return places;
}

gw_places_t *gw_places_free(gw_places_t *places)
{
    if (places == NULL)
        return NULL;
    for (size_t i = 0; i != places->older.num; ++i)
        table_unref(places->older.entries[i]);
    table_unref(places->table);
    free(places);
    return NULL;
}

const uint64_t *gw_places_secret(const gw_places_t *places)
{
    return places->secret;
}

uint64_t gw_places_num_full(const gw_places_t *places)
{
    return atomic_load_explicit(&newest(places->table)->num_full, memory_order_relaxed);
}

size_t gw_places_num_clients(const gw_places_t *places)
{
    size_t num = num_clients(places->table);
    for (size_t i = 0; i != places->older.num; ++i)
        num += num_clients(places->older.entries[i]);
    return num;
}

size_t gw_places_num_tables(const gw_places_t *places)
{
    return 1 + places->older.num;
}
