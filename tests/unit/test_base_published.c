/* SPDX-License-Identifier: MIT
 * Published values: what a reader sees, when an old value goes, and both while threads read and replace (run it under
 * ThreadSanitizer: ./dev check does). */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/base/published.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

/** A value that shows when it is half written or freed. */
typedef struct pair {
    uint64_t number, inverse;
} pair_t;

static atomic_size_t num_alive;

static void free_pair(void *value)
{
    pair_t *pair = value;
    pair->number = pair->inverse = 0;
    free(pair);
    atomic_fetch_sub(&num_alive, 1);
}

static gw_version_t *make(uint64_t number)
{
    pair_t *pair = malloc(sizeof(*pair));
    *pair = (pair_t){number, ~number};
    atomic_fetch_add(&num_alive, 1);
    return gw_version_create(pair, free_pair);
}

static void publish(gw_published_t *published, uint64_t number)
{
    gw_version_t *version = make(number);
    gw_published_set(published, version);
    gw_version_unref(version);
}

static uint64_t number_of(const void *value)
{
    return ((const pair_t *)value)->number;
}

static void nothing_is_read_until_something_was_published(void **state)
{
    gw_published_t *published = gw_published_create(NULL);
    gw_reader_t reader;
    gw_reader_init(&reader, published);
    assert_null(gw_reader_get(&reader));
    assert_null(gw_published_get(published));
    assert_true(reader.epoch != 0);
    uint64_t epoch = reader.epoch;
    publish(published, 7);
    assert_int_equal(number_of(gw_reader_get(&reader)), 7);
    assert_true(reader.epoch != epoch);
    gw_reader_dispose(&reader);
    assert_null(gw_published_unref(published));
    assert_int_equal(num_alive, 0);
}

static void the_epoch_changes_with_the_value_and_only_then(void **state)
{
    gw_version_t *first = make(1);
    gw_published_t *published = gw_published_create(first);
    gw_version_unref(first);
    gw_reader_t reader, other;
    gw_reader_init(&reader, published);
    gw_reader_init(&other, published);
    uint64_t last = 0;
    for (uint64_t number = 1; number != 100; ++number) {
        assert_int_equal(number_of(gw_reader_get(&reader)), number);
        assert_true(reader.epoch != last && reader.epoch != 0);
        last = reader.epoch;
        assert_int_equal(number_of(gw_reader_get(&reader)), number);
        assert_true(reader.epoch == last);
        publish(published, number + 1);
    }
    assert_int_equal(number_of(gw_reader_get(&other)), 100); /* the steps in between were not for this one */
    assert_int_equal(number_of(gw_reader_get(&reader)), 100);
    assert_true(other.epoch == reader.epoch);
    gw_reader_dispose(&reader);
    gw_reader_dispose(&other);
    gw_published_unref(published);
    assert_int_equal(num_alive, 0);
}

static void an_old_value_goes_when_its_last_reader_has_moved_on(void **state)
{
    gw_published_t *published = gw_published_create(NULL);
    gw_reader_t slow, quick;
    gw_reader_init(&slow, published);
    gw_reader_init(&quick, published);
    publish(published, 1);
    const void *held = gw_reader_get(&slow);
    gw_reader_get(&quick);
    publish(published, 2);
    assert_int_equal(num_alive, 2);
    gw_reader_get(&quick);
    assert_int_equal(num_alive, 2);
    assert_int_equal(number_of(held), 1); /* still there for the slow one */
    gw_version_t *kept = gw_version_ref(slow.version);
    gw_reader_get(&slow);
    assert_int_equal(num_alive, 2);
    assert_int_equal(number_of(gw_version_value(kept)), 1); /* and for who kept it across the next look */
    assert_int_equal(gw_published_sweep(published), 1);
    assert_null(gw_version_unref(kept));
    assert_int_equal(num_alive, 2); /* no reader frees it: that may take long */
    assert_int_equal(gw_published_sweep(published), 0);
    assert_int_equal(num_alive, 1);
    gw_reader_dispose(&slow);
    gw_reader_dispose(&quick);
    gw_published_unref(published);
    assert_int_equal(num_alive, 0);
}

static void a_value_that_nobody_reads_goes_when_it_is_replaced(void **state)
{
    gw_published_t *published = gw_published_create(NULL);
    for (uint64_t number = 0; number != 10; ++number) {
        publish(published, number);
        assert_int_equal(num_alive, 1);
    }
    gw_version_t *current = gw_published_get(published);
    assert_int_equal(number_of(gw_version_value(current)), 9);
    gw_published_unref(published);
    assert_int_equal(num_alive, 1);
    gw_version_unref(current);
    assert_int_equal(num_alive, 0);
}

static void a_reader_outlives_who_published(void **state)
{
    gw_published_t *published = gw_published_create(NULL);
    gw_reader_t reader;
    publish(published, 5);
    gw_reader_init(&reader, published);
    gw_published_unref(published);
    assert_int_equal(number_of(gw_reader_get(&reader)), 5);
    gw_reader_dispose(&reader);
    assert_int_equal(num_alive, 0);
}

static void the_same_version_may_be_published_twice_and_in_two_places(void **state)
{
    gw_version_t *version = make(3);
    gw_published_t *one = gw_published_create(version), *two = gw_published_create(NULL);
    gw_published_set(one, version);
    gw_published_set(two, version);
    gw_version_unref(version);
    gw_published_unref(one);
    assert_int_equal(num_alive, 1);
    gw_reader_t reader;
    gw_reader_init(&reader, two);
    assert_int_equal(number_of(gw_reader_get(&reader)), 3);
    gw_reader_dispose(&reader);
    gw_published_unref(two);
    assert_int_equal(num_alive, 0);
}

/** As after a reload: the old conf's keys and the new one's begin with the same set, and both are fetched again while
 * somebody reads. */
static void two_places_put_the_same_version_aside_each_for_itself(void **state)
{
    gw_version_t *shared = make(1);
    gw_published_t *places[2];
    gw_version_t *read[2]; /* of each place, an older one */
    for (size_t i = 0; i != NUM_OF(places); ++i) {
        gw_version_t *first = make(10 + i);
        places[i] = gw_published_create(first);
        read[i] = first; /* our reference */
        gw_published_set(places[i], shared);
    }
    for (size_t i = 0; i != NUM_OF(places); ++i) /* `shared` goes to both lists, which have each another one */
        publish(places[i], 20 + i);
    assert_int_equal(atomic_load(&num_alive), 5);
    for (size_t i = 0; i != NUM_OF(places); ++i) {
        assert_int_equal(gw_published_sweep(places[i]), 2);
        assert_int_equal(number_of(gw_version_value(read[i])), 10 + i);
    }
    gw_version_unref(read[0]);
    gw_version_unref(shared);
    assert_int_equal(gw_published_sweep(places[0]), 1); /* its own has gone */
    assert_int_equal(gw_published_sweep(places[1]), 2);
    assert_int_equal(atomic_load(&num_alive), 4);
    gw_published_unref(places[0]);
    assert_int_equal(gw_published_sweep(places[1]), 1);
    assert_int_equal(number_of(gw_version_value(read[1])), 11);
    gw_version_unref(read[1]);
    assert_int_equal(gw_published_sweep(places[1]), 0);
    gw_published_unref(places[1]);
    assert_int_equal(atomic_load(&num_alive), 0);
}

static void a_version_that_comes_back_while_it_is_read_goes_with_the_last_of_it(void **state)
{
    gw_version_t *versions[] = {make(1), make(2)};
    gw_published_t *published = gw_published_create(versions[0]);
    for (unsigned i = 1; i != 9; ++i) {
        gw_published_set(published, versions[i % 2]);
        assert_in_range(gw_published_sweep(published), 1, 2);
    }
    for (size_t i = 0; i != NUM_OF(versions); ++i)
        gw_version_unref(versions[i]);
    assert_int_equal(atomic_load(&num_alive), 2);
    publish(published, 3);
    assert_int_equal(gw_published_sweep(published), 0);
    assert_int_equal(atomic_load(&num_alive), 1);
    gw_published_unref(published);
    assert_int_equal(atomic_load(&num_alive), 0);
}

static void values_that_need_no_freeing_are_left_alone(void **state)
{
    static int value = 11;
    gw_version_t *version = gw_version_create(&value, NULL);
    gw_published_t *published = gw_published_create(version);
    assert_ptr_equal(gw_version_value(version), &value);
    gw_version_unref(version);
    gw_published_unref(published);
    assert_null(gw_version_unref(NULL));
    assert_null(gw_published_unref(NULL));
    assert_int_equal(value, 11);
}

/* threads ---------------------------------------------------------------------------------------------------------- */

enum { LAST = 20000, NUM_READERS = 4 };

typedef struct reading {
    pthread_t thread;
    gw_published_t *published;
    uint64_t num_changes;
    bool is_wrong;
} reading_t;

/** Reads until the last value comes: never half a value, never an older one after a newer one, and a value that is
 * kept stays whole while others come. */
static void *read_to_the_last(void *arg)
{
    reading_t *reading = arg;
    gw_reader_t reader;
    gw_version_t *kept = NULL;
    gw_reader_init(&reader, reading->published);
    for (uint64_t last = 0; last != LAST;) {
        const pair_t *pair = gw_reader_get(&reader);
        if (pair == NULL)
            continue;
        if (pair->number != ~pair->inverse || pair->number < last)
            reading->is_wrong = true;
        if (kept != NULL) {
            const pair_t *older = gw_version_value(kept);
            reading->is_wrong = reading->is_wrong || older->number != ~older->inverse || older->number > pair->number;
        }
        if (pair->number != last && ++reading->num_changes % 16 == 0) {
            gw_version_unref(kept);
            kept = gw_version_ref(reader.version);
        }
        last = pair->number;
    }
    gw_version_unref(kept);
    gw_reader_dispose(&reader);
    return NULL;
}

/** The same by taking a reference each time, as the control thread does. */
static void *take_to_the_last(void *arg)
{
    reading_t *reading = arg;
    for (uint64_t last = 0; last != LAST;) {
        gw_version_t *version = gw_published_get(reading->published);
        if (version == NULL)
            continue;
        const pair_t *pair = gw_version_value(version);
        if (pair->number != ~pair->inverse || pair->number < last)
            reading->is_wrong = true;
        reading->num_changes += pair->number != last;
        last = pair->number;
        gw_version_unref(version);
    }
    return NULL;
}

static void readers_see_whole_values_in_order_while_they_are_replaced(void **state)
{
    gw_published_t *published = gw_published_create(NULL);
    reading_t readings[NUM_READERS + 1];
    for (size_t i = 0; i != NUM_OF(readings); ++i) {
        readings[i] = (reading_t){.published = gw_published_ref(published)};
        assert_int_equal(pthread_create(&readings[i].thread, NULL,
                                        i != NUM_READERS ? read_to_the_last : take_to_the_last, &readings[i]),
                         0);
    }
    for (uint64_t number = 1; number <= LAST; ++number)
        publish(published, number);
    for (size_t i = 0; i != NUM_OF(readings); ++i) {
        assert_int_equal(pthread_join(readings[i].thread, NULL), 0);
        assert_false(readings[i].is_wrong);
        assert_true(readings[i].num_changes != 0);
        gw_published_unref(readings[i].published);
    }
    assert_int_equal(gw_published_sweep(published), 0);
    assert_int_equal(num_alive, 1);
    gw_published_unref(published);
    assert_int_equal(num_alive, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_read_until_something_was_published),
        cmocka_unit_test(the_epoch_changes_with_the_value_and_only_then),
        cmocka_unit_test(an_old_value_goes_when_its_last_reader_has_moved_on),
        cmocka_unit_test(a_value_that_nobody_reads_goes_when_it_is_replaced),
        cmocka_unit_test(a_reader_outlives_who_published),
        cmocka_unit_test(the_same_version_may_be_published_twice_and_in_two_places),
        cmocka_unit_test(two_places_put_the_same_version_aside_each_for_itself),
        cmocka_unit_test(a_version_that_comes_back_while_it_is_read_goes_with_the_last_of_it),
        cmocka_unit_test(values_that_need_no_freeing_are_left_alone),
        cmocka_unit_test(readers_see_whole_values_in_order_while_they_are_replaced),
    };
    return cmocka_run_group_tests_name("published", tests, NULL, NULL);
}
