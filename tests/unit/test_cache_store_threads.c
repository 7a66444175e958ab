/* SPDX-License-Identifier: MIT
 * The cache's store by many threads at once (run it under ThreadSanitizer: ./dev check does): whoever reads an entry
 * reads that entry and nothing else, however soon it is evicted, replaced or purged, and nothing is found once its
 * purge has returned. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "filters/cache/store/store_private.h"
#include "tests/support/cache_entries.h"

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define IS_SLOW
#endif
#endif
#ifdef IS_SLOW
enum { STEPS = 20000, FILLS = 100 };
#else
enum { STEPS = 80000, FILLS = 500 };
#endif

enum { THREADS = 4, URLS = 256, TAGS = 8, GROUPS = 16, PINS = 8, KIB = 1024, MIB = 1024 * 1024 };

/** Entries with a lower sequence must not be found any more, nor those asked for at the same time. */
typedef _Atomic uint64_t purged_t;

typedef struct storm {
    gw_cache_store_t *store;
    uint64_t capacity, max_object;
    struct part *adapter; /* who changes them now and then; NULL: nobody */
    size_t num_adapted;
    purged_t urls[URLS], tags[TAGS], prefixes[GROUPS], all;
} storm_t;

typedef struct part {
    storm_t *storm;
    gw_cache_seat_t *seat;
    uint64_t seed;
    gw_cache_entry_t *pins[PINS];
    uint64_t num_found, num_published, num_purged, num_without_room;
    const char *trouble;
} part_t;

static uint64_t below(part_t *part, uint64_t end)
{
    part->seed ^= part->seed >> 12;
    part->seed ^= part->seed << 25;
    part->seed ^= part->seed >> 27;
    return (part->seed * 0x2545f4914f6cdd1dull >> 32) % end;
}

static gw_str_t url_of(size_t i, char text[32])
{
    return gw_str(text, (size_t)sprintf(text, "/%d/%d", (int)(i % GROUPS), (int)i));
}

static size_t any_url(part_t *part)
{
    return below(part, 3) != 0 ? below(part, 4) : below(part, URLS); /* some are hot */
}

static void check(part_t *part, const gw_cache_entry_t *entry)
{
    if (!test_entry_is_whole(entry))
        part->trouble = "an entry is not whole";
}

static void find(part_t *part)
{
    storm_t *storm = part->storm;
    char text[32];
    size_t url = any_url(part);
    uint64_t variant = below(part, 3);
    uint64_t least = atomic_load(&storm->urls[url]), tag = atomic_load(&storm->tags[url % TAGS]);
    uint64_t prefix = atomic_load(&storm->prefixes[url % GROUPS]), all = atomic_load(&storm->all);
    gw_cache_found_t found =
        gw_cache_find(storm->store, part->seat, test_key(url_of(url, text), 0), test_fits, &variant);
    if (found.entry == NULL)
        return;
    ++part->num_found;
    uint64_t sequence = found.entry->length >> 24;
    if (sequence < least || sequence < tag || sequence < prefix || sequence < all)
        part->trouble = "a purged entry was found";
    if ((found.entry->length >> 8 & 0xffff) != url || found.entry->variant.url != variant)
        part->trouble = "another entry was found";
    check(part, found.entry);
    size_t pin = below(part, PINS * 20);
    if (pin >= PINS) {
        gw_cache_unpin(part->seat, found.entry);
        return;
    }
    if (part->pins[pin] != NULL) {
        check(part, part->pins[pin]);
        gw_cache_unpin(part->seat, part->pins[pin]);
    }
    part->pins[pin] = found.entry;
}

static void publish(part_t *part)
{
    char text[32];
    size_t url = any_url(part);
    uint64_t tag = url % TAGS, sequence = gw_cache_sequence(part->storm->store);
    test_response_t response = {.url = url_of(url, text),
                                .variant = below(part, 3),
                                .number = sequence << 24 | url << 8 | below(part, 256),
                                .head = below(part, 300),
                                .body = below(part, 20) == 0 ? below(part, 20000) : below(part, 600),
                                .piece = below(part, 2) != 0 ? 1 + below(part, 5000) : 0,
                                .is_length_said = below(part, 2) != 0,
                                .tags = &tag,
                                .num_tags = 1};
    gw_cache_entry_t *entry = test_entry(part->storm->store, &response);
    if (entry == NULL)
        ++part->num_without_room;
    else if (below(part, 30) == 0)
        gw_cache_discard(part->storm->store, entry);
    else if (test_publish(part->storm->store, entry, NULL, &response, sequence) == GW_CACHE_PUBLISHED)
        ++part->num_published;
}

static void raise_to(purged_t *purged, uint64_t sequence)
{
    uint64_t now = atomic_load(purged);
    while (now < sequence && !atomic_compare_exchange_weak(purged, &now, sequence))
        ;
}

static void purge(part_t *part)
{
    storm_t *storm = part->storm;
    char text[32];
    size_t which = below(part, 100), url = any_url(part);
    gw_cache_purge_t how = below(part, 3) != 0 ? GW_PURGE_HARD : GW_PURGE_SOFT;
    purged_t *purged;
    uint64_t least = gw_cache_sequence(storm->store) + 1;
    if (which < 60) {
        gw_cache_purge_url(storm->store, test_url_hash(url_of(url, text)), how);
        purged = &storm->urls[url];
    } else if (which < 80) {
        gw_cache_purge_label(storm->store, url % TAGS, how);
        purged = &storm->tags[url % TAGS];
    } else if (which < 95) {
        gw_str_t prefix = gw_str(text, (size_t)sprintf(text, "/%d/", (int)(url % GROUPS)));
        gw_cache_purge_prefix(storm->store, prefix, how);
        purged = &storm->prefixes[url % GROUPS];
    } else {
        gw_cache_purge_all(storm->store, how);
        purged = &storm->all;
    }
    if (how == GW_PURGE_HARD)
        raise_to(purged, least);
    ++part->num_purged;
}

static void remove_one(part_t *part)
{
    char text[32];
    uint64_t variant = below(part, 3);
    gw_cache_found_t found =
        gw_cache_find(part->storm->store, part->seat, test_key(url_of(any_url(part), text), 0), test_fits, &variant);
    if (found.entry == NULL)
        return;
    gw_cache_remove(part->storm->store, found.entry);
    check(part, found.entry);
    gw_cache_unpin(part->seat, found.entry);
}

/** One thread at a time does that.  It may fail: a larger object may not fit. */
static void adapt(storm_t *storm, uint64_t random)
{
    gw_cache_store_rules_t rules = {storm->capacity / 2 + random % 5 * (storm->capacity / 4), storm->max_object / 4,
                                    THREADS};
    if (gw_cache_store_adapt(storm->store, &rules))
        ++storm->num_adapted;
}

static void *run_part(void *data)
{
    part_t *part = data;
    for (size_t i = 0; i != STEPS && part->trouble == NULL; ++i) {
        uint64_t what = below(part, 1000);
        if (what < 700)
            find(part);
        else if (what < 970)
            publish(part);
        else if (what < 980)
            purge(part);
        else if (what < 997)
            remove_one(part);
        else if (what < 998 && part == part->storm->adapter)
            adapt(part->storm, below(part, 1000));
        else
            gw_cache_sweep(part->storm->store);
    }
    for (size_t i = 0; i != PINS; ++i)
        if (part->pins[i] != NULL) {
            check(part, part->pins[i]);
            gw_cache_unpin(part->seat, part->pins[i]);
        }
    return NULL;
}

static void run_storm(uint64_t capacity, uint64_t max_object, bool is_crowded, bool is_resized)
{
    pthread_t threads[THREADS];
    part_t parts[THREADS];
    gw_cache_store_rules_t rules = {capacity, max_object, THREADS};
    storm_t *storm = calloc(1, sizeof(*storm));
    storm->store = gw_cache_store_create(&rules);
    storm->capacity = capacity;
    storm->max_object = max_object;
    storm->adapter = is_resized ? &parts[0] : NULL;
    assert_non_null(storm->store);
    uint64_t before = gw_cache_store_figures(storm->store).used;
    for (size_t i = 0; i != THREADS; ++i) {
        parts[i] = (part_t){.storm = storm, .seat = gw_cache_store_seat(storm->store, i), .seed = i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, run_part, &parts[i]), 0);
    }
    for (size_t i = 0; i != THREADS; ++i)
        pthread_join(threads[i], NULL);
    uint64_t num_found = 0, num_published = 0, num_without_room = 0;
    for (size_t i = 0; i != THREADS; ++i) {
        if (parts[i].trouble != NULL)
            fail_msg("%s", parts[i].trouble);
        num_found += parts[i].num_found;
        num_published += parts[i].num_published;
        num_without_room += parts[i].num_without_room;
        assert_true(parts[i].num_purged != 0);
    }
    assert_true(!is_resized || storm->num_adapted > 5);
    assert_true(gw_cache_store_adapt(storm->store, &rules));
    gw_cache_sweep(storm->store);
    gw_cache_figures_t figures = gw_cache_store_figures(storm->store);
    assert_true(figures.used <= figures.capacity);
    assert_true(num_found > STEPS / 10 && num_published > STEPS / 10 && figures.purged != 0);
    assert_true(!is_crowded || figures.evicted != 0);
    print_message("%llu found, %llu published, %llu without room, %llu evicted, %llu purged\n",
                  (unsigned long long)num_found, (unsigned long long)num_published,
                  (unsigned long long)num_without_room, (unsigned long long)figures.evicted,
                  (unsigned long long)figures.purged);
    gw_cache_purge_all(storm->store, GW_PURGE_HARD);
    gw_cache_sweep(storm->store);
    figures = gw_cache_store_figures(storm->store);
    assert_int_equal(figures.entries, 0);
    assert_int_equal(figures.retired, 0);
    /* a memory that was larger once has more that manages it */
    assert_in_range(figures.used, before, is_resized ? before + capacity / 50 : before);
    gw_cache_store_unref(storm->store);
    free(storm);
}

static void a_reader_sees_whole_entries_of_what_was_not_purged_in_one_crowded_shard(void **state)
{
    run_storm(384 * KIB, 30 * KIB, true, false);
}

static void a_reader_sees_whole_entries_of_what_was_not_purged_in_several_shards(void **state)
{
    run_storm(8 * MIB, 64 * KIB, false, false);
}

static void a_reader_sees_whole_entries_while_the_store_becomes_larger_and_smaller(void **state)
{
    run_storm(640 * KIB, 60 * KIB, true, true);
}

/* one entry that is replaced all the time -------------------------------------------------------------------------- */

typedef struct duel {
    gw_cache_store_t *store;
    atomic_bool is_over;
    purged_t purged;
    const char *_Atomic trouble;
} duel_t;

typedef struct duellist {
    duel_t *duel;
    gw_cache_seat_t *seat;
    uint64_t seed, num;
} duellist_t;

static const gw_str_t duel_url = {"/duel", 5};
enum { DUEL_TAG = 5 };

static gw_cache_published_t put(gw_cache_store_t *store, uint64_t number)
{
    static const uint64_t tag = DUEL_TAG;
    uint64_t sequence = gw_cache_sequence(store);
    test_response_t response = {
        .url = duel_url, .number = sequence << 24 | (number & 0xffffff), .head = 60, .tags = &tag, .num_tags = 1};
    gw_cache_entry_t *entry = test_entry(store, &response);
    return entry != NULL ? test_publish(store, entry, NULL, &response, sequence) : GW_CACHE_NO_ROOM;
}

static void *run_seeker(void *data)
{
    duellist_t *seeker = data;
    duel_t *duel = seeker->duel;
    uint64_t variant = 0;
    while (!atomic_load_explicit(&duel->is_over, memory_order_relaxed)) {
        gw_cache_found_t found = gw_cache_find(duel->store, seeker->seat, test_key(duel_url, 0), test_fits, &variant);
        if (found.entry == NULL) { /* those that it replaced can have filled the memory while they were looked at */
            if (gw_cache_store_figures(duel->store).evicted == 0)
                atomic_store(&duel->trouble, "it was not found");
            continue;
        }
        if (!test_entry_is_whole(found.entry))
            atomic_store(&duel->trouble, "it was not whole");
        gw_cache_unpin(seeker->seat, found.entry);
        ++seeker->num;
    }
    return NULL;
}

static void an_entry_that_is_replaced_all_the_time_is_found_every_time(void **state)
{
    gw_cache_store_rules_t rules = {32 * MIB, 4 * MIB, THREADS};
    duel_t duel = {.store = gw_cache_store_create(&rules)};
    duellist_t seekers[2];
    pthread_t threads[2];
    put(duel.store, 1);
    for (size_t i = 0; i != 2; ++i) {
        seekers[i] = (duellist_t){.duel = &duel, .seat = gw_cache_store_seat(duel.store, i)};
        assert_int_equal(pthread_create(&threads[i], NULL, run_seeker, &seekers[i]), 0);
    }
    for (uint64_t i = 0; i != STEPS && atomic_load(&duel.trouble) == NULL; ++i)
        put(duel.store, i);
    atomic_store(&duel.is_over, true);
    for (size_t i = 0; i != 2; ++i)
        pthread_join(threads[i], NULL);
    if (duel.trouble != NULL)
        fail_msg("%s", duel.trouble);
    gw_cache_store_unref(duel.store);
}

/* one entry that comes and goes while it is purged ----------------------------------------------------------------- */

static void *run_publisher(void *data)
{
    duellist_t *publisher = data;
    duel_t *duel = publisher->duel;
    uint64_t variant = 0;
    while (!atomic_load_explicit(&duel->is_over, memory_order_relaxed)) {
        put(duel->store, ++publisher->num);
        uint64_t least = atomic_load(&duel->purged);
        gw_cache_found_t found =
            gw_cache_find(duel->store, publisher->seat, test_key(duel_url, 0), test_fits, &variant);
        if (found.entry == NULL)
            continue;
        if (found.entry->length >> 24 < least)
            atomic_store(&duel->trouble, "a purged entry was found");
        gw_cache_remove(duel->store, found.entry); /* the label goes as well */
        gw_cache_unpin(publisher->seat, found.entry);
    }
    return NULL;
}

static void *run_sweeper(void *data)
{
    duellist_t *sweeper = data;
    while (!atomic_load_explicit(&sweeper->duel->is_over, memory_order_relaxed))
        gw_cache_sweep(sweeper->duel->store);
    return NULL;
}

static void a_purge_is_for_an_entry_that_is_just_being_published(void **state)
{
    gw_cache_store_rules_t rules = {2 * MIB, 64 * KIB, THREADS};
    duel_t duel = {.store = gw_cache_store_create(&rules)};
    duellist_t duellists[3];
    pthread_t threads[3];
    for (size_t i = 0; i != 3; ++i) {
        duellists[i] = (duellist_t){.duel = &duel, .seat = gw_cache_store_seat(duel.store, i)};
        assert_int_equal(pthread_create(&threads[i], NULL, i == 2 ? run_sweeper : run_publisher, &duellists[i]), 0);
    }
    for (uint64_t i = 0; i != STEPS && atomic_load(&duel.trouble) == NULL; ++i) {
        uint64_t least = gw_cache_sequence(duel.store) + 1;
        if (i % 2 == 0)
            gw_cache_purge_label(duel.store, DUEL_TAG, GW_PURGE_HARD);
        else
            gw_cache_purge_url(duel.store, test_url_hash(duel_url), GW_PURGE_HARD);
        raise_to(&duel.purged, least);
    }
    atomic_store(&duel.is_over, true);
    for (size_t i = 0; i != 3; ++i)
        pthread_join(threads[i], NULL);
    if (duel.trouble != NULL)
        fail_msg("%s", duel.trouble);
    gw_cache_store_unref(duel.store);
}

typedef struct waiter {
    gw_cache_store_t *store;
    atomic_int tid; /* once it is about to publish */
    atomic_bool may_go;
    gw_cache_published_t published;
} waiter_t;

static void *run_waiter(void *data)
{
    waiter_t *waiter = data;
    static const uint64_t tag = DUEL_TAG;
    uint64_t sequence = gw_cache_sequence(waiter->store);
    test_response_t response = {.url = duel_url, .number = 1, .tags = &tag, .num_tags = 1};
    gw_cache_entry_t *entry = test_entry(waiter->store, &response);
    atomic_store(&waiter->tid, gettid());
    while (!atomic_load(&waiter->may_go))
        ;
    waiter->published = test_publish(waiter->store, entry, NULL, &response, sequence);
    return NULL;
}

/** Whether a thread of this process waits for something. */
static bool is_asleep(int tid)
{
    char path[64], state = 0;
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        if (fscanf(file, "%*d %*s %c", &state) != 1)
            state = 0;
        fclose(file);
    }
    return state == 'S';
}

static void what_is_written_down_as_purged_while_a_publication_waits_for_the_lock_is_not_published(void **state)
{
    gw_cache_store_rules_t rules = {2 * MIB, 64 * KIB, THREADS};
    waiter_t waiter = {.store = gw_cache_store_create(&rules)};
    gw_cache_shard_t *shard = gw_cache_shard_of(waiter.store, test_url_hash(duel_url));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_waiter, &waiter), 0);
    while (atomic_load(&waiter.tid) == 0)
        sched_yield();
    pthread_mutex_lock(&shard->lock);
    atomic_store(&waiter.may_go, true);
    while (!is_asleep(atomic_load(&waiter.tid)))
        sched_yield();
    /* a purge to here: it has no label to mark */
    gw_cache_purges_add(&waiter.store->purges, GW_PURGE_LABEL, false, DUEL_TAG, (gw_str_t){0});
    pthread_mutex_unlock(&shard->lock);
    pthread_join(thread, NULL);
    assert_int_equal(waiter.published, GW_CACHE_PURGED);
    gw_cache_store_unref(waiter.store);
}

/* a fill that others read while it grows --------------------------------------------------------------------------- */

typedef struct fill {
    gw_cache_store_t *store;
    gw_cache_entry_t *_Atomic shown[THREADS]; /* to each reader, with a hold; NULL: taken */
    atomic_bool is_over;
} fill_t;

typedef struct reader {
    fill_t *fill;
    size_t index;
    uint64_t num_bytes;
    bool is_wrong;
} reader_t;

static char byte_at(uint64_t at)
{
    return (char)(at * 11 + 5);
}

static uint64_t read_on(reader_t *reader, const gw_cache_entry_t *entry, gw_cache_place_t *place)
{
    struct iovec slices[3];
    const gw_cache_body_t *body = entry->body;
    uint64_t at = place->offset;
    size_t num = body != NULL ? gw_cache_body_slices(body, place, UINT64_MAX, slices, 3) : 0;
    for (size_t i = 0; i != num; ++i)
        for (size_t j = 0; j != slices[i].iov_len; ++j, ++at)
            reader->is_wrong = reader->is_wrong || ((char *)slices[i].iov_base)[j] != byte_at(at);
    return at;
}

static void *run_reader(void *data)
{
    reader_t *reader = data;
    while (!atomic_load(&reader->fill->is_over)) {
        gw_cache_entry_t *entry = atomic_exchange(&reader->fill->shown[reader->index], NULL);
        if (entry == NULL) {
            sched_yield();
            continue;
        }
        gw_cache_place_t place = {0};
        while (read_on(reader, entry, &place) < entry->length && !reader->is_wrong)
            sched_yield();
        reader->num_bytes += place.offset;
        gw_cache_release(reader->fill->store, entry);
    }
    return NULL;
}

static void fill_one(fill_t *fill, size_t number)
{
    static char bytes[8000];
    uint64_t length = 1 + number * 7919 % 40000, done = 0, sequence = gw_cache_sequence(fill->store);
    char text[32];
    test_response_t response = {.url = url_of(number % URLS, text)};
    gw_cache_entry_t *entry = gw_cache_entry_create(fill->store, test_key(response.url, 0), 100, NULL);
    assert_non_null(entry);
    entry->length = length;
    gw_cache_hold(entry);
    for (size_t i = 0; i != THREADS; ++i) {
        while (atomic_load(&fill->shown[i]) != NULL)
            sched_yield();
        gw_cache_hold(entry);
        atomic_store(&fill->shown[i], entry);
    }
    while (done != length) {
        size_t piece = 1 + (number * 31 + done) % sizeof(bytes);
        if (piece > length - done)
            piece = length - done;
        for (size_t i = 0; i != piece; ++i)
            bytes[i] = byte_at(done + i);
        struct iovec slice = {bytes, piece};
        assert_true(gw_cache_entry_append(fill->store, entry, &slice, 1, number % 2 != 0 ? length : 0));
        done += piece;
    }
    if (number % 3 == 0)
        gw_cache_discard(fill->store, entry);
    else
        assert_int_equal(test_publish(fill->store, entry, NULL, &response, sequence), GW_CACHE_PUBLISHED);
    if (number % 5 == 0)
        gw_cache_purge_all(fill->store, GW_PURGE_HARD);
    gw_cache_release(fill->store, entry);
}

static void those_who_hold_an_entry_read_it_while_it_grows_and_when_it_is_gone(void **state)
{
    gw_cache_store_rules_t rules = {2 * MIB, 64 * KIB, 1};
    fill_t fill = {.store = gw_cache_store_create(&rules)};
    reader_t readers[THREADS];
    pthread_t threads[THREADS];
    uint64_t before = gw_cache_store_figures(fill.store).used, expected = 0;
    for (size_t i = 0; i != THREADS; ++i) {
        readers[i] = (reader_t){.fill = &fill, .index = i};
        assert_int_equal(pthread_create(&threads[i], NULL, run_reader, &readers[i]), 0);
    }
    for (size_t i = 0; i != FILLS; ++i) {
        fill_one(&fill, i);
        expected += 1 + i * 7919 % 40000;
    }
    for (size_t i = 0; i != THREADS; ++i)
        while (atomic_load(&fill.shown[i]) != NULL)
            sched_yield();
    atomic_store(&fill.is_over, true);
    for (size_t i = 0; i != THREADS; ++i) {
        pthread_join(threads[i], NULL);
        assert_false(readers[i].is_wrong);
        assert_int_equal(readers[i].num_bytes, expected);
    }
    gw_cache_purge_all(fill.store, GW_PURGE_HARD);
    gw_cache_sweep(fill.store);
    assert_int_equal(gw_cache_store_figures(fill.store).used, before);
    gw_cache_store_unref(fill.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_sees_whole_entries_of_what_was_not_purged_in_one_crowded_shard),
        cmocka_unit_test(a_reader_sees_whole_entries_of_what_was_not_purged_in_several_shards),
        cmocka_unit_test(a_reader_sees_whole_entries_while_the_store_becomes_larger_and_smaller),
        cmocka_unit_test(an_entry_that_is_replaced_all_the_time_is_found_every_time),
        cmocka_unit_test(a_purge_is_for_an_entry_that_is_just_being_published),
        cmocka_unit_test(what_is_written_down_as_purged_while_a_publication_waits_for_the_lock_is_not_published),
        cmocka_unit_test(those_who_hold_an_entry_read_it_while_it_grows_and_when_it_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
