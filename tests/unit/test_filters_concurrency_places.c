/* SPDX-License-Identifier: MIT
 * Places of clients: never more than there are, none lost, over reloads and with several threads. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "filters/concurrency_places.h"
#include "gateway/base/random.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

/* hashes as a keyed hash makes them: all bits differ */
static uint64_t hash_of(uint64_t client)
{
    uint64_t seed = client + 1;
    return gw_random_next(&seed);
}

static gw_place_result_t take(gw_places_t *places, uint64_t max, uint64_t client, gw_place_t *place)
{
    return gw_places_take(places, &(gw_places_rules_t){.max = max, .shares_if_full = true}, hash_of(client), place);
}

static void a_client_has_as_many_places_as_the_rule_says(void **state)
{
    gw_places_t *places = gw_places_create(100, NULL);
    gw_place_t held[3], other, none;
    for (size_t i = 0; i != 3; ++i) {
        assert_int_equal(take(places, 3, 1, &held[i]), GW_PLACE_TAKEN);
        assert_int_equal(held[i].num_remaining, 2 - i);
        assert_false(held[i].is_shared);
    }
    assert_int_equal(take(places, 3, 1, &none), GW_PLACE_NONE_LEFT);
    assert_int_equal(none.num_remaining, 0);
    gw_places_leave(&none); /* nothing */
    assert_int_equal(take(places, 3, 1, &none), GW_PLACE_NONE_LEFT);
    assert_int_equal(take(places, 3, 2, &other), GW_PLACE_TAKEN);
    assert_int_equal(gw_places_num_clients(places), 2);
    gw_places_leave(&held[1]);
    gw_places_leave(&held[1]); /* once is enough */
    assert_int_equal(take(places, 3, 1, &held[1]), GW_PLACE_TAKEN);
    assert_int_equal(take(places, 3, 1, &none), GW_PLACE_NONE_LEFT);
    for (size_t i = 0; i != 3; ++i)
        gw_places_leave(&held[i]);
    gw_places_leave(&other);
    assert_int_equal(gw_places_num_clients(places), 0);
    gw_places_free(places);
}

static void a_lower_max_counts_those_who_are_there(void **state)
{
    gw_places_t *places = gw_places_create(100, NULL);
    gw_place_t held[4], none;
    for (size_t i = 0; i != 4; ++i)
        assert_int_equal(take(places, 4, 1, &held[i]), GW_PLACE_TAKEN);
    assert_int_equal(take(places, 2, 1, &none), GW_PLACE_NONE_LEFT);
    gw_places_leave(&held[0]);
    gw_places_leave(&held[1]);
    assert_int_equal(take(places, 2, 1, &none), GW_PLACE_NONE_LEFT);
    gw_places_leave(&held[2]);
    assert_int_equal(take(places, 2, 1, &held[2]), GW_PLACE_TAKEN);
    gw_places_leave(&held[2]);
    gw_places_leave(&held[3]);
    assert_int_equal(gw_places_num_clients(places), 0);
    gw_places_free(places);
}

static void the_tried_rule_counts_beside(void **state)
{
    static const gw_places_rules_t rules = {.max = 4, .trial = 2};
    gw_places_t *places = gw_places_create(100, NULL);
    gw_place_t held[4], none;
    for (size_t i = 0; i != 4; ++i) {
        assert_int_equal(gw_places_take(places, &rules, hash_of(1), &held[i]), GW_PLACE_TAKEN);
        assert_int_equal(held[i].is_beyond_trial, i >= 2);
    }
    assert_int_equal(gw_places_take(places, &rules, hash_of(1), &none), GW_PLACE_NONE_LEFT);
    assert_false(none.is_beyond_trial);
    gw_places_leave(&held[3]); /* it had no place of the tried rule */
    assert_int_equal(gw_places_take(places, &rules, hash_of(1), &held[3]), GW_PLACE_TAKEN);
    assert_true(held[3].is_beyond_trial);
    gw_places_leave(&held[0]); /* it had one */
    assert_int_equal(gw_places_take(places, &rules, hash_of(1), &held[0]), GW_PLACE_TAKEN);
    assert_false(held[0].is_beyond_trial);
    for (size_t i = 0; i != 4; ++i)
        gw_places_leave(&held[i]);
    assert_int_equal(gw_places_num_clients(places), 0);
    gw_places_free(places);
}

static void the_largest_numbers_fit(void **state)
{
    static const gw_places_rules_t rules = {.max = GW_PLACES_MAX, .trial = GW_PLACES_MAX};
    gw_places_t *places = gw_places_create(1, NULL);
    gw_place_t *held = calloc(GW_PLACES_MAX, sizeof(*held)), none;
    for (size_t i = 0; i != GW_PLACES_MAX; ++i) {
        assert_int_equal(gw_places_take(places, &rules, hash_of(1), &held[i]), GW_PLACE_TAKEN);
        assert_false(held[i].is_beyond_trial);
    }
    assert_int_equal(gw_places_take(places, &rules, hash_of(1), &none), GW_PLACE_NONE_LEFT);
    assert_int_equal(gw_places_num_clients(places), 1);
    for (size_t i = 0; i != GW_PLACES_MAX; ++i)
        gw_places_leave(&held[i]);
    assert_int_equal(gw_places_num_clients(places), 0);
    free(held);
    gw_places_free(places);
}

/* room ------------------------------------------------------------------------------------------------------------- */

enum { more_than_fit = 1000 }; /* clients in a table for one, whose lines have room for some more */

/** Fills the table with clients 0.. that have a place each.  @return how many; all others have no room */
static size_t fill(gw_places_t *places, gw_place_t held[more_than_fit])
{
    static const gw_places_rules_t rules = {.max = 2};
    size_t num = 0;
    for (uint64_t client = 0; client != more_than_fit; ++client)
        num += gw_places_take(places, &rules, hash_of(client), &held[num]) == GW_PLACE_TAKEN;
    assert_in_range(num, 1, more_than_fit - 100);
    return num;
}

static void a_full_table_forgets_nobody_and_refuses(void **state)
{
    static const gw_places_rules_t rules = {.max = 2};
    gw_places_t *places = gw_places_create(1, NULL);
    gw_place_t held[more_than_fit], place;
    size_t num = fill(places, held);
    assert_int_equal(gw_places_num_full(places), more_than_fit - num);
    for (uint64_t client = more_than_fit; client != 2 * more_than_fit; ++client) {
        assert_int_equal(gw_places_take(places, &rules, hash_of(client), &place), GW_PLACE_NO_ROOM);
        assert_true(place.is_shared);
    }
    assert_int_equal(gw_places_num_clients(places), num);
    for (size_t i = 0; i != num; ++i) { /* who is in has what is his */
        gw_place_t second, third;
        assert_int_equal(gw_places_take(places, &rules, held[i].hash, &second), GW_PLACE_TAKEN);
        assert_int_equal(gw_places_take(places, &rules, held[i].hash, &third), GW_PLACE_NONE_LEFT);
        gw_places_leave(&second);
    }
    for (size_t i = 0; i != num; ++i)
        gw_places_leave(&held[i]);
    assert_int_equal(gw_places_take(places, &rules, hash_of(more_than_fit), &place), GW_PLACE_TAKEN);
    assert_false(place.is_shared);
    gw_places_leave(&place);
    gw_places_free(places);
}

static void clients_without_room_share_the_places_of_one(void **state)
{
    gw_places_t *places = gw_places_create(1, NULL);
    gw_place_t held[more_than_fit], shared[2], none;
    size_t num = fill(places, held);
    /* all numbers are taken by now, so any new client has no room */
    assert_int_equal(take(places, 2, more_than_fit, &shared[0]), GW_PLACE_TAKEN);
    assert_true(shared[0].is_shared);
    assert_int_equal(shared[0].num_remaining, 1);
    assert_int_equal(take(places, 2, more_than_fit + 1, &shared[1]), GW_PLACE_TAKEN);
    assert_int_equal(take(places, 2, more_than_fit + 2, &none), GW_PLACE_NO_ROOM);
    assert_int_equal(gw_places_num_clients(places), num + 1);
    gw_places_leave(&shared[0]);
    assert_int_equal(take(places, 2, more_than_fit + 2, &shared[0]), GW_PLACE_TAKEN);
    gw_places_leave(&shared[0]);
    gw_places_leave(&shared[1]);
    assert_int_equal(gw_places_num_clients(places), num);
    for (size_t i = 0; i != num; ++i)
        gw_places_leave(&held[i]);
    assert_int_equal(gw_places_num_clients(places), 0);
    gw_places_free(places);
}

/* reloads ---------------------------------------------------------------------------------------------------------- */

/** Clients whose hashes are half the same may share places; whoever has taken one leaves that one. */
static void hashes_that_are_half_the_same_lose_no_place(void **state)
{
    enum { NUM_CLIENTS = 60, NUM_STEPS = 1000000 };
    const gw_places_rules_t rules = {.max = NUM_CLIENTS};
    gw_places_t *places = gw_places_create(1, NULL);
    gw_place_t held[NUM_CLIENTS] = {{.table = NULL}};
    uint64_t random = 1;
    for (int i = 0; i != NUM_STEPS; ++i) {
        random = random * 6364136223846793005 + 1442695040888963407;
        size_t client = (random >> 40) % NUM_CLIENTS;
        if (held[client].table != NULL)
            gw_places_leave(&held[client]);
        else if (random >> 62 == 0)
            gw_places_take(places, &rules, (client * 0x9e3779b97f4a7c15) << 32 | (1 + client % 20), &held[client]);
    }
    for (size_t client = 0; client != NUM_CLIENTS; ++client)
        gw_places_leave(&held[client]);
    assert_int_equal(gw_places_num_clients(places), 0);
    gw_places_free(places);
}

static void a_reload_changes_no_count(void **state)
{
    static const size_t sizes[] = {100, 200, 1}; /* the same table, a larger one, a smaller one */
    for (size_t i = 0; i != NUM_OF(sizes); ++i) {
        gw_places_t *before = gw_places_create(100, NULL), *after = gw_places_create(sizes[i], before);
        gw_place_t early[2], held, none;
        assert_memory_equal(gw_places_secret(after), gw_places_secret(before), 16);
        gw_places_t *last = gw_places_create(sizes[i], after);
        assert_int_equal(take(before, 3, 1, &early[0]), GW_PLACE_TAKEN);
        assert_int_equal(take(before, 3, 1, &early[1]), GW_PLACE_TAKEN);
        assert_int_equal(take(after, 3, 1, &held), GW_PLACE_TAKEN);
        assert_int_equal(held.num_remaining, 0);
        assert_int_equal(take(after, 3, 1, &none), GW_PLACE_NONE_LEFT);
        assert_int_equal(take(before, 3, 1, &none), GW_PLACE_NONE_LEFT);
        assert_int_equal(take(last, 3, 1, &none), GW_PLACE_NONE_LEFT);
        gw_places_leave(&early[0]);
        gw_places_leave(&early[1]);
        before = gw_places_free(before);
        assert_int_equal(take(last, 3, 1, &early[0]), GW_PLACE_TAKEN);
        assert_int_equal(take(last, 3, 1, &early[1]), GW_PLACE_TAKEN);
        assert_int_equal(take(last, 3, 1, &none), GW_PLACE_NONE_LEFT);
        gw_places_leave(&held);
        gw_places_leave(&early[0]);
        gw_places_leave(&early[1]);
        assert_int_equal(gw_places_num_clients(last), 0);
        gw_places_free(last);
        gw_places_free(after);
    }
}

static void who_is_in_an_old_table_counts_until_he_leaves(void **state)
{
    static const gw_places_rules_t rules = {.max = 3, .trial = 2, .shares_if_full = true};
    gw_places_t *before = gw_places_create(100, NULL);
    gw_place_t early[2], held, none;
    for (size_t i = 0; i != 2; ++i)
        assert_int_equal(gw_places_take(before, &rules, hash_of(1), &early[i]), GW_PLACE_TAKEN);
    gw_places_t *after = gw_places_create(5000, before);
    assert_int_equal(gw_places_num_tables(after), 2);
    assert_int_equal(gw_places_take(after, &rules, hash_of(1), &held), GW_PLACE_TAKEN);
    assert_int_equal(held.num_remaining, 0);
    assert_true(held.is_beyond_trial); /* which counts on over the reload as well */
    assert_int_equal(gw_places_take(after, &rules, hash_of(1), &none), GW_PLACE_NONE_LEFT);
    gw_places_leave(&early[0]);
    gw_places_leave(&held);
    assert_int_equal(gw_places_take(after, &rules, hash_of(1), &held), GW_PLACE_TAKEN);
    assert_int_equal(held.num_remaining, 1);
    assert_false(held.is_beyond_trial);
    gw_places_t *same = gw_places_create(5000, after); /* one is left in the old table, so it stays */
    assert_int_equal(gw_places_num_tables(same), 2);
    gw_places_leave(&early[1]);
    gw_places_t *last = gw_places_create(5000, same);
    assert_int_equal(gw_places_num_tables(last), 1);
    gw_places_free(before);
    gw_places_free(after);
    gw_places_free(same);
    gw_places_leave(&held);
    assert_int_equal(gw_places_num_clients(last), 0);
    gw_places_free(last);
}

static void those_without_room_count_over_a_reload_as_well(void **state)
{
    gw_places_t *before = gw_places_create(1, NULL);
    gw_place_t held[more_than_fit], shared, late[2], none;
    size_t num = fill(before, held);
    assert_int_equal(take(before, 2, more_than_fit, &shared), GW_PLACE_TAKEN);
    assert_true(shared.is_shared);
    gw_places_t *after = gw_places_create(2, before);
    gw_place_t held_after[more_than_fit];
    size_t num_after = fill(after, held_after);
    assert_int_equal(take(after, 2, 2 * more_than_fit, &late[0]), GW_PLACE_TAKEN);
    assert_true(late[0].is_shared);
    assert_int_equal(take(after, 2, 2 * more_than_fit + 1, &none), GW_PLACE_NO_ROOM);
    gw_places_leave(&shared);
    assert_int_equal(take(after, 2, 2 * more_than_fit + 1, &late[1]), GW_PLACE_TAKEN);
    gw_places_leave(&late[0]);
    gw_places_leave(&late[1]);
    for (size_t i = 0; i != num; ++i)
        gw_places_leave(&held[i]);
    for (size_t i = 0; i != num_after; ++i)
        gw_places_leave(&held_after[i]);
    assert_int_equal(gw_places_num_clients(after), 0);
    gw_places_free(before);
    gw_places_free(after);
}

static void the_size_stays_while_too_many_old_tables_are_in_use(void **state)
{
    enum { num = GW_PLACES_MAX_OLD + 3 };
    gw_places_t *all[num + 1] = {gw_places_create(100, NULL)};
    gw_place_t held[num], none;
    for (size_t i = 0; i != num; ++i) {
        assert_int_equal(take(all[i], num, 1, &held[i]), GW_PLACE_TAKEN);
        all[i + 1] = gw_places_create(101 + i, all[i]);
        assert_int_equal(gw_places_num_tables(all[i + 1]),
                         i + 2 < 1 + GW_PLACES_MAX_OLD ? i + 2 : 1 + GW_PLACES_MAX_OLD);
    }
    assert_int_equal(take(all[num], num, 1, &none), GW_PLACE_NONE_LEFT);
    assert_int_equal(take(all[0], num, 1, &none), GW_PLACE_NONE_LEFT);
    for (size_t i = 0; i != num; ++i)
        gw_places_leave(&held[i]);
    gw_places_t *last = gw_places_create(500, all[num]); /* now there is room for another size */
    assert_int_equal(gw_places_num_tables(last), 2);
    for (size_t i = 0; i != num + 1; ++i)
        gw_places_free(all[i]);
    assert_int_equal(take(last, num, 1, &held[0]), GW_PLACE_TAKEN);
    assert_int_equal(held[0].num_remaining, num - 1);
    gw_places_leave(&held[0]);
    gw_places_free(last);
}

static void a_deployment_that_nobody_adopts_does_no_harm(void **state)
{
    gw_places_t *before = gw_places_create(100, NULL);
    gw_place_t held, other, none;
    assert_int_equal(take(before, 2, 1, &held), GW_PLACE_TAKEN);
    gw_places_free(gw_places_create(200, before));
    assert_int_equal(take(before, 2, 1, &other), GW_PLACE_TAKEN);
    assert_int_equal(take(before, 2, 1, &none), GW_PLACE_NONE_LEFT);
    gw_places_t *after = gw_places_create(300, before);
    assert_int_equal(take(after, 2, 1, &none), GW_PLACE_NONE_LEFT);
    gw_places_leave(&held);
    gw_places_leave(&other);
    gw_places_free(before);
    assert_int_equal(take(after, 1, 1, &held), GW_PLACE_TAKEN);
    gw_places_leave(&held);
    assert_int_equal(gw_places_num_clients(after), 0);
    gw_places_free(after);
}

/* threads ---------------------------------------------------------------------------------------------------------- */

enum {
    num_threads = 4,
    num_clients = 6,
    max_places = 5,
    num_held = 12,
    num_reloads = 150,
    num_generations = num_reloads + 1
};

/** Workers that take and leave places, each with the deployment that it has adopted, while deployments come and go. */
typedef struct storm {
    _Atomic(gw_places_t *) generations[num_generations];
    atomic_size_t newest; /* the last one of them */
    atomic_bool is_over;
    atomic_int inside[num_clients];
    atomic_size_t num_taken, num_too_many;
} storm_t;

typedef struct worker {
    pthread_t thread;
    storm_t *storm;
    uint64_t random;
    atomic_size_t oldest; /* generation that it may still touch */
} worker_t;

/** What a worker holds, and since which generation. */
typedef struct held {
    gw_place_t place;
    size_t client, generation;
} held_t;

static void step(worker_t *worker, held_t *held, size_t generation)
{
    storm_t *storm = worker->storm;
    if (held->place.table != NULL) {
        atomic_fetch_sub(&storm->inside[held->client], 1);
        gw_places_leave(&held->place);
        return;
    }
    held->client = gw_random_next(&worker->random) % num_clients;
    held->generation = generation;
    if (take(atomic_load(&storm->generations[generation]), max_places, held->client, &held->place) != GW_PLACE_TAKEN)
        return;
    atomic_fetch_add_explicit(&storm->num_taken, 1, memory_order_relaxed);
    if (atomic_fetch_add(&storm->inside[held->client], 1) >= max_places)
        atomic_fetch_add(&storm->num_too_many, 1);
}

static void *work(void *arg)
{
    worker_t *worker = arg;
    held_t held[num_held] = {{.client = 0}};
    while (!atomic_load(&worker->storm->is_over)) {
        size_t generation = atomic_load(&worker->storm->newest), oldest = generation;
        for (size_t i = 0; i != num_held; ++i)
            if (held[i].place.table != NULL && held[i].generation < oldest)
                oldest = held[i].generation;
        for (size_t i = 0; i != 20; ++i)
            step(worker, &held[gw_random_next(&worker->random) % num_held], generation);
        atomic_store(&worker->oldest, oldest);
    }
    for (size_t i = 0; i != num_held; ++i)
        if (held[i].place.table != NULL)
            step(worker, &held[i], 0);
    return NULL;
}

static size_t oldest_of(const worker_t workers[num_threads])
{
    size_t oldest = SIZE_MAX;
    for (size_t i = 0; i != num_threads; ++i) {
        size_t of_worker = atomic_load(&workers[i].oldest);
        oldest = of_worker < oldest ? of_worker : oldest;
    }
    return oldest;
}

static void many_threads_and_reloads_never_take_too_many(void **state)
{
    static storm_t storm;
    worker_t workers[num_threads];
    size_t freed = 0, newest = 0;
    uint64_t random = 7;
    atomic_store(&storm.generations[0], gw_places_create(10, NULL));
    for (size_t i = 0; i != num_threads; ++i) {
        workers[i] = (worker_t){.storm = &storm, .random = i + 1};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            abort();
    }
    while (newest != num_reloads) {
        size_t wanted = atomic_load(&storm.num_taken) + 200;
        while (atomic_load(&storm.num_taken) < wanted)
            sched_yield();
        gw_places_t *next = gw_places_create(10 + gw_random_next(&random) % 3, atomic_load(&storm.generations[newest]));
        atomic_store(&storm.generations[newest + 1], next);
        atomic_store(&storm.newest, ++newest);
        for (size_t oldest = oldest_of(workers); freed < oldest && freed < newest; ++freed)
            gw_places_free(atomic_load(&storm.generations[freed]));
    }
    assert_true(freed > num_reloads / 2);
    atomic_store(&storm.is_over, true);
    for (size_t i = 0; i != num_threads; ++i)
        pthread_join(workers[i].thread, NULL);
    assert_int_equal(atomic_load(&storm.num_too_many), 0);
    gw_places_t *last = atomic_load(&storm.generations[newest]);
    assert_int_equal(gw_places_num_clients(last), 0);
    for (size_t client = 0; client != num_clients; ++client) { /* every place is free again */
        gw_place_t held[max_places], none;
        for (size_t i = 0; i != max_places; ++i)
            assert_int_equal(take(last, max_places, client, &held[i]), GW_PLACE_TAKEN);
        assert_int_equal(take(last, max_places, client, &none), GW_PLACE_NONE_LEFT);
        for (size_t i = 0; i != max_places; ++i)
            gw_places_leave(&held[i]);
    }
    for (; freed <= newest; ++freed)
        gw_places_free(atomic_load(&storm.generations[freed]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_has_as_many_places_as_the_rule_says),
        cmocka_unit_test(a_lower_max_counts_those_who_are_there),
        cmocka_unit_test(the_tried_rule_counts_beside),
        cmocka_unit_test(the_largest_numbers_fit),
        cmocka_unit_test(a_full_table_forgets_nobody_and_refuses),
        cmocka_unit_test(clients_without_room_share_the_places_of_one),
        cmocka_unit_test(hashes_that_are_half_the_same_lose_no_place),
        cmocka_unit_test(a_reload_changes_no_count),
        cmocka_unit_test(who_is_in_an_old_table_counts_until_he_leaves),
        cmocka_unit_test(those_without_room_count_over_a_reload_as_well),
        cmocka_unit_test(the_size_stays_while_too_many_old_tables_are_in_use),
        cmocka_unit_test(a_deployment_that_nobody_adopts_does_no_harm),
        cmocka_unit_test(many_threads_and_reloads_never_take_too_many),
    };
    return cmocka_run_group_tests_name("filters: places of clients", tests, NULL, NULL);
}
