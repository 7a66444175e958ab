/* SPDX-License-Identifier: MIT
 * The cache's store by one thread: what is found after what was done, and that every byte is accounted for. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "filters/cache/store/store_private.h"
#include "tests/support/cache_entries.h"

#define NUM(of) (sizeof(of) / sizeof((of)[0]))

enum { MIB = 1024 * 1024, KIB = 1024 };

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define IS_SLOW
#endif
#endif
#ifdef IS_SLOW /* and shows nothing of what one thread does alone */
enum { MODEL_STEPS = 4000, MODEL_SEEDS = 1 };
#else
enum { MODEL_STEPS = 30000, MODEL_SEEDS = 3 };
#endif

static gw_cache_store_t *create(uint64_t capacity, uint64_t max_object)
{
    gw_cache_store_rules_t rules = {capacity, max_object, 2};
    gw_cache_store_t *store = gw_cache_store_create(&rules);
    assert_non_null(store);
    return store;
}

/** A response that is asked for now and comes at once. */
static gw_cache_published_t put(gw_cache_store_t *store, const test_response_t *response)
{
    uint64_t sequence = gw_cache_sequence(store);
    gw_cache_entry_t *entry = test_entry(store, response);
    assert_non_null(entry);
    return test_publish(store, entry, NULL, response, sequence);
}

static gw_cache_found_t find(gw_cache_store_t *store, gw_str_t url, uint64_t variant)
{
    return gw_cache_find(store, gw_cache_store_seat(store, 0), test_key(url, 0), test_fits, &variant);
}

static void let_go(gw_cache_store_t *store, gw_cache_found_t found)
{
    gw_cache_unpin(gw_cache_store_seat(store, 0), found.entry);
}

/** @return what is found: its number; 0: nothing; negative: it is to be taken for stale */
static int64_t number_at(gw_cache_store_t *store, gw_str_t url, uint64_t variant)
{
    gw_cache_found_t found = find(store, url, variant);
    if (found.entry == NULL)
        return 0;
    assert_true(test_entry_is_whole(found.entry));
    int64_t number = (int64_t)found.entry->length;
    let_go(store, found);
    return found.is_soft_purged ? -number : number;
}

/** Bytes that it takes; never more than it may. */
static uint64_t used(gw_cache_store_t *store)
{
    gw_cache_figures_t figures = gw_cache_store_figures(store);
    assert_true(figures.used <= figures.capacity);
    return figures.used;
}

/* finding ---------------------------------------------------------------------------------------------------------- */

static void what_was_published_is_found_until_it_is_removed(void **state)
{
    gw_cache_store_t *store = create(4 * MIB, 64 * KIB);
    test_response_t response = {.url = GW_STR("/a"), .number = 7, .head = 100, .body = 5000};
    assert_int_equal(number_at(store, response.url, 0), 0);
    uint64_t before = used(store);
    assert_int_equal(put(store, &response), GW_CACHE_PUBLISHED);
    assert_int_equal(number_at(store, response.url, 0), 7);
    assert_int_equal(number_at(store, GW_STR("/b"), 0), 0);
    gw_cache_found_t found = find(store, response.url, 0);
    gw_cache_remove(store, found.entry);
    assert_int_equal(number_at(store, response.url, 0), 0);
    gw_cache_remove(store, found.entry); /* somebody else was quicker */
    let_go(store, found);
    gw_cache_sweep(store);
    assert_int_equal(used(store), before);
    gw_cache_store_unref(store);
}

static void an_entry_takes_the_place_of_the_one_with_its_key_and_variant(void **state)
{
    gw_cache_store_t *store = create(4 * MIB, 64 * KIB);
    uint64_t sequence = gw_cache_sequence(store);
    test_response_t response = {.url = GW_STR("/a"), .body = 100};
    for (uint64_t i = 1; i != 100; ++i) {
        response.number = i;
        response.variant = i % 3;
        assert_int_equal(test_publish(store, test_entry(store, &response), NULL, &response, sequence),
                         GW_CACHE_PUBLISHED);
        assert_int_equal(number_at(store, response.url, i % 3), (int64_t)i);
        assert_int_equal(gw_cache_store_figures(store).entries, i < 3 ? i : 3);
    }
    gw_cache_store_unref(store);
}

static void an_updated_entry_takes_the_place_of_the_old_one_whatever_its_variant(void **state)
{
    gw_cache_store_t *store = create(4 * MIB, 64 * KIB);
    test_response_t first = {.url = GW_STR("/a"), .variant = 1, .number = 1, .body = 3000};
    test_response_t other = {.url = GW_STR("/a"), .variant = 2, .number = 2};
    assert_int_equal(put(store, &first), GW_CACHE_PUBLISHED);
    assert_int_equal(put(store, &other), GW_CACHE_PUBLISHED);
    gw_cache_found_t old = find(store, first.url, 1);
    /* a 304: other fields, the same body */
    gw_cache_entry_t *entry = gw_cache_entry_create(store, old.entry->key, old.entry->head_size, old.entry->body);
    memcpy(entry->head, old.entry->head, old.entry->head_size);
    entry->length = old.entry->length;
    entry->variant = (gw_cache_key_t){2, 2};
    assert_ptr_equal(entry->body, old.entry->body);
    assert_int_equal(test_publish(store, entry, old.entry, &first, gw_cache_sequence(store)), GW_CACHE_PUBLISHED);
    assert_int_equal(gw_cache_store_figures(store).entries, 1);
    assert_int_equal(number_at(store, first.url, 1), 0);
    assert_int_equal(number_at(store, first.url, 2), 1);
    assert_true(test_entry_is_whole(old.entry));
    let_go(store, old);
    gw_cache_sweep(store); /* takes the old one's fields, not the body */
    assert_int_equal(gw_cache_store_figures(store).retired, 0);
    assert_int_equal(number_at(store, first.url, 2), 1);
    gw_cache_store_unref(store);
}

typedef struct walk {
    uint64_t numbers[80];
    size_t num;
} walk_t;

static bool note(void *arg, const gw_cache_entry_t *entry)
{
    walk_t *walk = arg;
    walk->numbers[walk->num++] = entry->length;
    return false;
}

static void of_more_than_64_variants_the_oldest_goes_and_the_newest_is_asked_first(void **state)
{
    gw_cache_store_t *store = create(4 * MIB, 64 * KIB);
    for (uint64_t i = 1; i <= 70; ++i) {
        test_response_t response = {.url = GW_STR("/a"), .variant = i, .number = i};
        assert_int_equal(put(store, &response), GW_CACHE_PUBLISHED);
    }
    walk_t walk = {0};
    gw_cache_found_t found =
        gw_cache_find(store, gw_cache_store_seat(store, 0), test_key(GW_STR("/a"), 0), note, &walk);
    assert_null(found.entry);
    assert_true(found.is_other);
    assert_int_equal(walk.num, 64);
    for (size_t i = 0; i != 64; ++i)
        assert_int_equal(walk.numbers[i], 70 - i);
    assert_false(find(store, GW_STR("/b"), 0).is_other);
    gw_cache_store_unref(store);
}

/* purging ---------------------------------------------------------------------------------------------------------- */

enum { TAG = 11, OTHER_TAG = 12 };

static bool purge_url(gw_cache_store_t *store, gw_cache_purge_t how)
{
    return gw_cache_purge_url(store, test_url_hash(GW_STR("/shop/1")), how);
}

static bool purge_other_url(gw_cache_store_t *store, gw_cache_purge_t how)
{
    return gw_cache_purge_url(store, test_url_hash(GW_STR("/shop/2")), how);
}

static bool purge_tag(gw_cache_store_t *store, gw_cache_purge_t how)
{
    return gw_cache_purge_label(store, TAG, how);
}

static bool purge_other_tag(gw_cache_store_t *store, gw_cache_purge_t how)
{
    return gw_cache_purge_label(store, 99, how);
}

/** A tag whose hash is that of the URL. */
static bool purge_tag_like_url(gw_cache_store_t *store, gw_cache_purge_t how)
{
    return gw_cache_purge_label(store, test_url_hash(GW_STR("/shop/1")), how);
}

static bool purge_prefix(gw_cache_store_t *store, gw_cache_purge_t how)
{
    return gw_cache_purge_prefix(store, GW_STR("/shop/"), how) != 0;
}

static bool purge_other_prefix(gw_cache_store_t *store, gw_cache_purge_t how)
{
    return gw_cache_purge_prefix(store, GW_STR("/shop/10"), how) != 0;
}

static bool purge_everything(gw_cache_store_t *store, gw_cache_purge_t how)
{
    gw_cache_purge_all(store, how);
    return true;
}

static void a_purge_is_for_what_it_names_there_or_on_its_way(void **state)
{
    static const struct {
        const char *about;
        bool (*purge)(gw_cache_store_t *store, gw_cache_purge_t how);
        bool is_meant;
    } cases[] = {
        {"its URL", purge_url, true},
        {"another URL", purge_other_url, false},
        {"its tag", purge_tag, true},
        {"another tag", purge_other_tag, false},
        {"a tag with the hash of its URL", purge_tag_like_url, false},
        {"a prefix of its URL", purge_prefix, true},
        {"another prefix", purge_other_prefix, false},
        {"everything", purge_everything, true},
    };
    static const uint64_t tags[] = {OTHER_TAG, TAG};
    test_response_t response = {.url = GW_STR("/shop/1"), .body = 10, .tags = tags, .num_tags = 2};
    for (size_t i = 0; i != 2 * NUM(cases); ++i) {
        gw_cache_purge_t how = i % 2 == 0 ? GW_PURGE_HARD : GW_PURGE_SOFT;
        bool is_meant = cases[i / 2].is_meant;
        gw_cache_store_t *store = create(4 * MIB, 256 * KIB);
        /* on its way */
        uint64_t sequence = gw_cache_sequence(store);
        response.number = 1;
        gw_cache_entry_t *entry = test_entry(store, &response);
        if (cases[i / 2].purge != purge_everything && cases[i / 2].purge(store, how))
            fail_msg("%s: there was something to purge", cases[i / 2].about);
        cases[i / 2].purge(store, how);
        gw_cache_published_t published = test_publish(store, entry, NULL, &response, sequence);
        if (published != (is_meant && how == GW_PURGE_HARD ? GW_CACHE_PURGED : GW_CACHE_PUBLISHED))
            fail_msg("%s: published on its way: %d", cases[i / 2].about, published);
        int64_t expected = !is_meant ? 1 : how == GW_PURGE_HARD ? 0 : -1;
        if (number_at(store, response.url, 0) != expected)
            fail_msg("%s: on its way", cases[i / 2].about);
        /* asked for after the purge */
        response.number = 2;
        assert_int_equal(put(store, &response), GW_CACHE_PUBLISHED);
        if (number_at(store, response.url, 0) != 2)
            fail_msg("%s: asked for after it", cases[i / 2].about);
        /* there already */
        if (cases[i / 2].purge(store, how) != (is_meant || cases[i / 2].purge == purge_everything))
            fail_msg("%s: whether there was any", cases[i / 2].about);
        expected = !is_meant ? 2 : how == GW_PURGE_HARD ? 0 : -2;
        if (number_at(store, response.url, 0) != expected)
            fail_msg("%s: there already", cases[i / 2].about);
        if (is_meant && how == GW_PURGE_HARD && cases[i / 2].purge != purge_everything &&
            cases[i / 2].purge(store, how))
            fail_msg("%s: the same thing is purged twice", cases[i / 2].about);
        gw_cache_sweep(store);
        assert_int_equal(gw_cache_store_figures(store).entries, is_meant && how == GW_PURGE_HARD ? 0 : 1);
        if (number_at(store, response.url, 0) != expected)
            fail_msg("%s: after sweeping", cases[i / 2].about);
        /* published anew */
        response.number = 3;
        assert_int_equal(put(store, &response), GW_CACHE_PUBLISHED);
        if (number_at(store, response.url, 0) != 3)
            fail_msg("%s: published anew", cases[i / 2].about);
        gw_cache_store_unref(store);
    }
}

static void a_purge_is_for_all_variants_and_keys_of_a_url(void **state)
{
    gw_cache_store_t *store = create(16 * MIB, 256 * KIB);
    for (uint64_t i = 0; i != 200; ++i) {
        test_response_t response = {.url = GW_STR("/a"), .whole = i % 20, .variant = i / 20, .number = i + 1};
        assert_int_equal(put(store, &response), GW_CACHE_PUBLISHED);
    }
    assert_int_equal(gw_cache_store_figures(store).entries, 200);
    assert_true(gw_cache_purge_url(store, test_url_hash(GW_STR("/a")), GW_PURGE_HARD));
    for (uint64_t i = 0; i != 200; ++i) {
        uint64_t variant = i / 20;
        gw_cache_found_t found =
            gw_cache_find(store, gw_cache_store_seat(store, 1), test_key(GW_STR("/a"), i % 20), test_fits, &variant);
        assert_null(found.entry);
        assert_false(found.is_other);
    }
    assert_false(gw_cache_purge_url(store, test_url_hash(GW_STR("/a")), GW_PURGE_HARD));
    gw_cache_sweep(store);
    assert_int_equal(gw_cache_store_figures(store).entries, 0);
    assert_int_equal(gw_cache_store_figures(store).purged, 200);
    gw_cache_store_unref(store);
}

static void when_purges_are_forgotten_a_response_that_they_may_have_been_for_counts_as_purged(void **state)
{
    gw_cache_store_t *store = create(4 * MIB, 64 * KIB);
    test_response_t response = {.url = GW_STR("/a"), .number = 1};
    for (size_t kind = 0; kind != 2; ++kind) {
        size_t num_forgotten = 0;
        for (size_t num = 1; num != 400; ++num) {
            uint64_t sequence = gw_cache_sequence(store);
            for (size_t i = 0; i != num; ++i)
                if (kind == 0)
                    gw_cache_purge_label(store, 12345, GW_PURGE_HARD);
                else
                    gw_cache_purge_prefix(store, GW_STR("/none"), GW_PURGE_HARD);
            gw_cache_published_t published =
                test_publish(store, test_entry(store, &response), NULL, &response, sequence);
            assert_int_equal(published, num_forgotten == 0 && published == GW_CACHE_PUBLISHED ? GW_CACHE_PUBLISHED
                                                                                              : GW_CACHE_PURGED);
            if (published == GW_CACHE_PURGED && num_forgotten++ == 0)
                assert_true(num > (kind == 0 ? 128 : 32)); /* as many as that are remembered */
        }
        assert_true(num_forgotten != 0);
    }
    gw_cache_store_unref(store);
}

static void a_prefix_that_is_too_long_to_be_remembered_is_for_more_on_its_way_but_not_for_what_is_there(void **state)
{
    gw_cache_store_t *store = create(4 * MIB, 64 * KIB);
    char text[400];
    memset(text, 'a', sizeof(text));
    test_response_t there = {.url = gw_str(text, 300), .number = 1};
    test_response_t coming = {.url = gw_str(text, 301), .number = 2}, other = {.url = gw_str(text, 255), .number = 3};
    assert_int_equal(put(store, &there), GW_CACHE_PUBLISHED);
    uint64_t sequence = gw_cache_sequence(store);
    assert_int_equal(gw_cache_purge_prefix(store, gw_str(text, 400), GW_PURGE_HARD), 0);
    assert_int_equal(number_at(store, there.url, 0), 1);
    assert_int_equal(test_publish(store, test_entry(store, &coming), NULL, &coming, sequence), GW_CACHE_PURGED);
    assert_int_equal(test_publish(store, test_entry(store, &other), NULL, &other, sequence), GW_CACHE_PUBLISHED);
    assert_int_equal(gw_cache_purge_prefix(store, gw_str(text, 300), GW_PURGE_HARD), 1);
    assert_int_equal(number_at(store, there.url, 0), 0);
    gw_cache_store_unref(store);
}

static void a_label_hash_depends_on_where_its_parts_end(void **state)
{
    gw_cache_store_t *store = create(4 * MIB, 64 * KIB), *stranger = create(4 * MIB, 64 * KIB);
    static const gw_str_t parts[][3] = {{GW_STR("tag"), {0}, GW_STR("a")},  {GW_STR("group"), {0}, GW_STR("a")},
                                        {GW_STR("tag"), GW_STR("a"), {0}},  {GW_STR("tag"), GW_STR("a"), GW_STR("b")},
                                        {GW_STR("tag"), {0}, GW_STR("ab")}, {GW_STR("taga"), {0}, GW_STR("b")}};
    for (size_t i = 0; i != NUM(parts); ++i) {
        uint64_t hash = gw_cache_label_hash(store, parts[i][0], parts[i][1], parts[i][2]);
        assert_true(hash == gw_cache_label_hash(store, parts[i][0], parts[i][1], parts[i][2]));
        assert_true(hash != gw_cache_label_hash(stranger, parts[i][0], parts[i][1], parts[i][2]));
        for (size_t j = 0; j != i; ++j)
            assert_true(hash != gw_cache_label_hash(store, parts[j][0], parts[j][1], parts[j][2]));
    }
    assert_true(gw_cache_store_secret(store, 0)[0] != gw_cache_store_secret(store, 1)[0]);
    gw_cache_store_unref(store);
    gw_cache_store_unref(stranger);
}

static void an_entry_has_at_most_64_labels_each_counted_once(void **state)
{
    gw_cache_store_t *store = create(4 * MIB, 64 * KIB);
    uint64_t before = used(store), tags[200];
    for (size_t i = 0; i != NUM(tags); ++i)
        tags[i] = i % 63 + 1000;
    test_response_t response = {.url = GW_STR("/a"), .number = 1, .tags = tags, .num_tags = NUM(tags)};
    assert_int_equal(put(store, &response), GW_CACHE_PUBLISHED);
    tags[70] = 5;
    assert_int_equal(put(store, &response), GW_CACHE_TOO_MANY_LABELS);
    assert_int_equal(number_at(store, response.url, 0), 1);
    assert_true(gw_cache_purge_label(store, 1062, GW_PURGE_HARD));
    assert_int_equal(number_at(store, response.url, 0), 0);
    gw_cache_sweep(store);
    assert_int_equal(used(store), before);
    gw_cache_store_unref(store);
}

static void what_was_purged_is_cleared_away_in_several_sweeps_when_there_is_much_of_it(void **state)
{
    gw_cache_store_t *store = create(300ull * MIB, 1 * MIB);
    uint64_t before = used(store);
    for (uint64_t i = 0; i != 3000; ++i) {
        char url[20];
        test_response_t response = {.url = gw_str(url, (size_t)sprintf(url, "/%d", (int)i)), .number = i};
        assert_int_equal(put(store, &response), GW_CACHE_PUBLISHED);
    }
    gw_cache_purge_all(store, GW_PURGE_HARD);
    uint64_t left = 3000;
    size_t num_sweeps = 0;
    for (; left != 0; ++num_sweeps) {
        gw_cache_sweep(store);
        gw_cache_figures_t figures = gw_cache_store_figures(store);
        assert_true(figures.entries < left && figures.entries + figures.purged == 3000);
        left = figures.entries;
    }
    assert_true(num_sweeps > 2 && num_sweeps < 10);
    assert_int_equal(used(store), before);
    gw_cache_store_unref(store);
}

/* readers ---------------------------------------------------------------------------------------------------------- */

static void what_is_pinned_stays_whole_whatever_happens_to_it(void **state)
{
    for (int what = 0; what != 4; ++what) {
        gw_cache_store_t *store = create(1 * MIB, 64 * KIB);
        test_response_t response = {.url = GW_STR("/a"), .number = 1, .head = 300, .body = 20000, .piece = 700};
        uint64_t before = used(store);
        assert_int_equal(put(store, &response), GW_CACHE_PUBLISHED);
        uint64_t with = used(store);
        gw_cache_found_t found = find(store, response.url, 0);
        gw_cache_pin(gw_cache_store_seat(store, 0), found.entry);
        switch (what) {
        case 0:
            gw_cache_remove(store, found.entry);
            break;
        case 1:
            gw_cache_purge_url(store, test_url_hash(response.url), GW_PURGE_HARD);
            break;
        case 2:
            gw_cache_purge_all(store, GW_PURGE_HARD);
            break;
        case 3:
            response.number = 2;
            assert_int_equal(put(store, &response), GW_CACHE_PUBLISHED);
            gw_cache_purge_all(store, GW_PURGE_HARD);
            break;
        }
        gw_cache_sweep(store);
        /* more, should another one share its count of pins */
        assert_true(used(store) >= with);
        assert_true(gw_cache_store_figures(store).retired >= 1);
        for (uint64_t i = 0; i != 300; ++i) { /* everything else is used again and again */
            char url[20];
            test_response_t next = {.url = gw_str(url, (size_t)sprintf(url, "/%d", (int)i)), .number = i, .body = 9999};
            assert_int_equal(put(store, &next), GW_CACHE_PUBLISHED);
        }
        assert_true(test_entry_is_whole(found.entry));
        assert_int_equal(number_at(store, response.url, 0), 0);
        gw_cache_purge_all(store, GW_PURGE_HARD);
        let_go(store, found);
        gw_cache_sweep(store);
        assert_true(used(store) >= with); /* it was pinned twice */
        assert_true(test_entry_is_whole(found.entry));
        let_go(store, found);
        gw_cache_sweep(store);
        assert_int_equal(used(store), before);
        gw_cache_store_unref(store);
    }
}

static void what_is_pinned_is_not_evicted(void **state)
{
    gw_cache_store_t *store = create(1 * MIB, 64 * KIB);
    test_response_t response = {.url = GW_STR("/a"), .number = 1, .body = 20000};
    assert_int_equal(put(store, &response), GW_CACHE_PUBLISHED);
    gw_cache_found_t found = find(store, response.url, 0);
    for (uint64_t i = 0; i != 1000; ++i) {
        char url[20];
        test_response_t next = {.url = gw_str(url, (size_t)sprintf(url, "/%d", (int)i)), .number = i, .body = 9999};
        assert_int_equal(put(store, &next), GW_CACHE_PUBLISHED);
    }
    assert_int_equal(number_at(store, response.url, 0), 1);
    let_go(store, found);
    gw_cache_store_unref(store);
}

/** What a reader sees while it is looking: it has not pinned anything yet. */
typedef struct look {
    gw_cache_store_t *store;
    const test_response_t *next;
    int what;
    uint64_t used;
    bool was_whole;
} look_t;

static bool look_while_it_goes(void *arg, const gw_cache_entry_t *entry)
{
    look_t *look = arg;
    switch (look->what) {
    case 0:
        gw_cache_remove(look->store, (gw_cache_entry_t *)entry);
        break;
    case 1:
        gw_cache_purge_all(look->store, GW_PURGE_HARD);
        break;
    case 2:
        put(look->store, look->next);
        break;
    default: /* asks for all the room there is: it is not evicted */
        for (uint64_t i = 0; i != 300; ++i) {
            char url[20];
            test_response_t next = {.url = gw_str(url, (size_t)sprintf(url, "/%d", (int)i)), .number = i, .body = 9999};
            put(look->store, &next);
        }
        break;
    }
    gw_cache_sweep(look->store);
    look->used = used(look->store);
    look->was_whole = test_entry_is_whole(entry);
    return false;
}

static void what_somebody_may_be_looking_at_stays_whole_though_it_is_not_pinned(void **state)
{
    static const int64_t numbers[] = {0, 0, 2, 1};
    test_response_t response = {.url = GW_STR("/a"), .number = 1, .head = 300, .body = 20000};
    test_response_t next = {.url = GW_STR("/a"), .number = 2, .head = 300, .body = 20000};
    for (int what = 0; what != 4; ++what) {
        gw_cache_store_t *store = create(1 * MIB, 64 * KIB);
        uint64_t before = used(store);
        assert_int_equal(put(store, &response), GW_CACHE_PUBLISHED);
        uint64_t with = used(store);
        look_t look = {.store = store, .what = what, .next = &next};
        gw_cache_find(store, gw_cache_store_seat(store, 1), test_key(response.url, 0), look_while_it_goes, &look);
        assert_true(look.was_whole);
        assert_true(what < 2 ? look.used == with : look.used > with);
        assert_int_equal(number_at(store, response.url, 0), numbers[what]);
        gw_cache_purge_all(store, GW_PURGE_HARD);
        gw_cache_sweep(store);
        assert_int_equal(used(store), before);
        gw_cache_store_unref(store);
    }
}

static void when_everything_is_read_there_is_no_room_at_once_and_room_again_afterwards(void **state)
{
    gw_cache_store_t *store = create(1 * MIB, 64 * KIB);
    gw_cache_entry_t *pinned[2000];
    size_t num = 0;
    bool is_room = true;
    for (uint64_t i = 0; is_room; ++i) {
        char url[20];
        test_response_t response = {
            .url = gw_str(url, (size_t)sprintf(url, "/%d", (int)i)), .number = i + 1, .body = 5000};
        uint64_t sequence = gw_cache_sequence(store);
        gw_cache_entry_t *entry = test_entry(store, &response);
        is_room = entry != NULL && test_publish(store, entry, NULL, &response, sequence) == GW_CACHE_PUBLISHED;
        gw_cache_found_t found = find(store, response.url, 0);
        assert_true(is_room == (found.entry != NULL));
        if (is_room)
            pinned[num++] = found.entry;
        assert_true(num != NUM(pinned));
    }
    gw_cache_figures_t figures = gw_cache_store_figures(store);
    assert_true(figures.used > figures.capacity - figures.capacity / 20);
    assert_int_equal(figures.entries, num);
    for (size_t i = 0; i != num; ++i) {
        assert_true(test_entry_is_whole(pinned[i]));
        gw_cache_unpin(gw_cache_store_seat(store, 0), pinned[i]);
    }
    test_response_t response = {.url = GW_STR("/large"), .number = 1, .body = 60000};
    assert_int_equal(put(store, &response), GW_CACHE_PUBLISHED);
    gw_cache_store_unref(store);
}

/* making ----------------------------------------------------------------------------------------------------------- */

static void what_is_discarded_comes_back_when_nobody_holds_it(void **state)
{
    gw_cache_store_t *store = create(1 * MIB, 64 * KIB);
    uint64_t before = used(store);
    test_response_t response = {.url = GW_STR("/a"), .number = 1, .head = 300, .body = 20000, .piece = 1000};
    gw_cache_entry_t *entry = test_entry(store, &response);
    assert_true(used(store) > before + 20000);
    gw_cache_discard(store, entry);
    assert_int_equal(used(store), before);
    entry = test_entry(store, &response);
    gw_cache_hold(entry);
    gw_cache_hold(entry);
    gw_cache_discard(store, entry);
    gw_cache_release(store, entry);
    gw_cache_sweep(store);
    assert_true(test_entry_is_whole(entry));
    gw_cache_release(store, entry);
    gw_cache_sweep(store);
    assert_int_equal(used(store), before);
    gw_cache_store_unref(store);
}

static void what_is_larger_than_the_largest_object_is_refused_when_that_is_known(void **state)
{
    static const struct {
        const char *about;
        uint64_t capacity, max_object, effective;
    } cases[] = {
        {"as it says", 8 * MIB, 100000, 100000},
        {"an eighth of the capacity", 1 * MIB, 128 * KIB, 128 * KIB},
        {"more than a seventh of the shard", 1 * MIB, 1 * MIB, 0},
    };
    for (size_t i = 0; i != NUM(cases); ++i) {
        gw_cache_store_t *store = create(cases[i].capacity, cases[i].max_object);
        uint64_t most = cases[i].effective, before = used(store);
        if (most == 0) {
            most = gw_cache_memory_size(store->shards[0].memory) / 7;
            assert_true(most > cases[i].capacity / 8 && most < cases[i].capacity / 7);
        }
        for (size_t piece = 0; piece <= 10000; piece += 10000)
            for (int is_said = 0; is_said != 2; ++is_said) {
                test_response_t response = {
                    .url = GW_STR("/a"), .number = 1, .body = most, .piece = piece, .is_length_said = is_said != 0};
                assert_int_equal(put(store, &response), GW_CACHE_PUBLISHED);
                response.body = most + 1;
                assert_null(test_entry(store, &response));
            }
        gw_cache_entry_t *entry = gw_cache_entry_create(store, test_key(GW_STR("/b"), 0), 10, NULL);
        char byte = 0;
        struct iovec slice = {&byte, 1};
        assert_false(gw_cache_entry_append(store, entry, &slice, 1, most + 1));
        gw_cache_discard(store, entry);
        assert_null(gw_cache_entry_create(store, test_key(GW_STR("/b"), 0), cases[i].capacity, NULL));
        gw_cache_purge_all(store, GW_PURGE_HARD);
        gw_cache_sweep(store);
        assert_int_equal(used(store), before);
        gw_cache_store_unref(store);
    }
}

static void what_is_expected_is_there_from_the_start(void **state)
{
    gw_cache_store_t *store = create(1 * MIB, 64 * KIB);
    uint64_t before = used(store);
    gw_cache_entry_t *entry = gw_cache_entry_create(store, test_key(GW_STR("/a"), 0), 0, NULL);
    assert_true(gw_cache_entry_append(store, entry, NULL, 0, 0));
    assert_null(entry->body);
    assert_true(gw_cache_entry_append(store, entry, NULL, 0, 50000));
    uint64_t with = used(store);
    assert_true(with > before + 50000);
    assert_int_equal(entry->body->size, 0);
    char bytes[500] = {0};
    struct iovec slice = {bytes, sizeof(bytes)};
    for (size_t i = 0; i != 100; ++i)
        assert_true(gw_cache_entry_append(store, entry, &slice, 1, 50000));
    assert_int_equal(used(store), with);
    assert_true(gw_cache_entry_append(store, entry, &slice, 1, 50000)); /* more than was said */
    assert_int_equal(entry->body->size, 50500);
    gw_cache_discard(store, entry);
    assert_int_equal(used(store), before);
    gw_cache_store_unref(store);
}

static void a_capacity_is_refused_or_nearly_all_of_it_is_for_entries(void **state)
{
    size_t num_refused = 0;
    for (uint64_t capacity = 64 * KIB; capacity < 600ull * MIB; capacity += capacity / 3) {
        for (uint64_t max_object = 64 * KIB; max_object <= 64 * MIB; max_object *= 32) {
            gw_cache_store_rules_t rules = {capacity, max_object, 4};
            errno = 0;
            gw_cache_store_t *store = gw_cache_store_create(&rules);
            if (store == NULL) {
                assert_int_equal(errno, EINVAL);
                assert_true(capacity < 256 * KIB);
                ++num_refused;
                continue;
            }
            uint64_t overhead = used(store);
            if (overhead > capacity / (capacity >= 4 * MIB ? 25 : capacity >= MIB ? 16 : 4))
                fail_msg("capacity %llu: %llu bytes are not for entries", (unsigned long long)capacity,
                         (unsigned long long)overhead);
            if (store->max_object != max_object)
                assert_true(store->num_shards == 1);
            gw_cache_store_unref(store);
        }
    }
    assert_true(num_refused != 0);
    gw_cache_store_rules_t rules = {8 * MIB, MIB, 0};
    assert_null(gw_cache_store_create(&rules));
}

static void a_store_goes_on_with_another_largest_object(void **state)
{
    gw_cache_store_t *store = create(8 * MIB, 1000);
    test_response_t response = {.url = GW_STR("/a"), .number = 1, .body = 2000};
    assert_null(test_entry(store, &response));
    gw_cache_store_rules_t rules = {8 * MIB, 2000, 2};
    assert_true(gw_cache_store_adapt(store, &rules));
    assert_int_equal(put(store, &response), GW_CACHE_PUBLISHED);
    rules.num_seats = 1;
    assert_true(gw_cache_store_adapt(store, &rules));
    rules.num_seats = 3;
    assert_false(gw_cache_store_adapt(store, &rules));
    rules = (gw_cache_store_rules_t){8 * MIB, MIB, 2}; /* not in a shard */
    assert_false(gw_cache_store_adapt(store, &rules));
    assert_int_equal(number_at(store, response.url, 0), 1);
    assert_ptr_equal(gw_cache_store_ref(store), store);
    assert_null(gw_cache_store_unref(store));
    assert_int_equal(number_at(store, response.url, 0), 1);
    assert_null(gw_cache_store_unref(store));
    assert_null(gw_cache_store_unref(NULL));
}

/* another capacity ------------------------------------------------------------------------------------------------- */

static gw_str_t url_of(size_t i, char text[32])
{
    return gw_str(text, (size_t)sprintf(text, "/%d/%d", (int)(i % 7), (int)i));
}

/** Responses of several sizes with URLs of their own. */
static void put_tagged(gw_cache_store_t *store, size_t first, size_t num, size_t num_tags)
{
    static const uint64_t common_tag = 99;
    char url[32];
    for (size_t i = first; i != first + num; ++i) {
        test_response_t response = {.url = url_of(i, url),
                                    .number = i + 1,
                                    .head = 200 + i % 7 * 100,
                                    .body = i * 7919 % 5000,
                                    .tags = &common_tag,
                                    .num_tags = num_tags};
        assert_int_equal(put(store, &response), GW_CACHE_PUBLISHED);
    }
}

static void put_many(gw_cache_store_t *store, size_t first, size_t num)
{
    put_tagged(store, first, num, 1);
}

/** @return how many of them are there, all of them whole */
static size_t num_there(gw_cache_store_t *store, size_t first, size_t num)
{
    size_t found = 0;
    char url[32];
    for (size_t i = first; i != first + num; ++i) {
        int64_t number = number_at(store, url_of(i, url), 0);
        assert_true(number == 0 || number == (int64_t)i + 1);
        found += number != 0;
    }
    return found;
}

static bool adapt(gw_cache_store_t *store, uint64_t capacity)
{
    gw_cache_store_rules_t rules = {capacity, 64 * KIB, 2};
    return gw_cache_store_adapt(store, &rules);
}

static void a_store_that_becomes_larger_keeps_everything(void **state)
{
    gw_cache_store_t *store = create(4 * MIB, 64 * KIB);
    put_many(store, 0, 4000);
    const size_t there = num_there(store, 0, 4000);
    assert_in_range(there, 500, 1500); /* it is full */
    assert_true(adapt(store, 16 * MIB));
    assert_int_equal(num_there(store, 0, 4000), there);
    put_many(store, 4000, 2000);
    assert_int_equal(num_there(store, 0, 6000), there + 2000);
    put_many(store, 6000, 4000);
    assert_in_range(used(store), 15 * MIB, 16 * MIB);
    gw_cache_store_unref(store);
}

static void a_store_that_becomes_smaller_keeps_what_fits(void **state)
{
    gw_cache_store_t *store = create(16 * MIB, 64 * KIB);
    put_many(store, 0, 8000);
    const size_t there = num_there(store, 0, 8000);
    const uint64_t evicted = gw_cache_store_figures(store).evicted;
    assert_true(adapt(store, 8 * MIB));
    assert_in_range(used(store), 7 * MIB, 8 * MIB);
    const size_t left = num_there(store, 0, 8000);
    assert_in_range(left, there * 40 / 100, there / 2);
    assert_int_equal(gw_cache_store_figures(store).evicted - evicted, there - left);
    for (size_t i = 0; i != store->num_shards; ++i) /* the machine has it back */
        assert_false(gw_cache_memory_trim(store->shards[i].memory, 0));
    put_many(store, 8000, 2000); /* and it goes on, in what it has now */
    assert_in_range(used(store), 7 * MIB, 8 * MIB);
    assert_int_equal(num_there(store, 9990, 10), 10);
    assert_true(adapt(store, 16 * MIB)); /* and back */
    const size_t before = num_there(store, 0, 10000);
    put_many(store, 20000, 1000);
    assert_int_equal(num_there(store, 0, 10000), before);
    assert_int_equal(num_there(store, 20000, 1000), 1000);
    gw_cache_store_unref(store);
}

/** The node of a tag lies beyond the new end, most of those who have it do not. */
static void that_many_have_a_tag_in_common_is_no_reason_to_lose_them(void **state)
{
    gw_cache_store_t *store = create(16 * MIB, 64 * KIB);
    char url[32];
    put_tagged(store, 0, 3000, 0);
    put_tagged(store, 3000, 200, 1);
    for (size_t i = 0; i != 1500; ++i)
        assert_true(gw_cache_purge_url(store, test_url_hash(url_of(i, url)), GW_PURGE_HARD));
    gw_cache_sweep(store);
    put_tagged(store, 4000, 1000, 1);
    assert_int_equal(num_there(store, 4000, 1000), 1000);
    assert_true(adapt(store, 8 * MIB));
    assert_in_range(num_there(store, 4000, 1000), 800, 1000);
    assert_true(gw_cache_purge_label(store, 99, GW_PURGE_HARD)); /* and it is for them still */
    assert_int_equal(num_there(store, 3000, 2000), 0);
    used(store);
    gw_cache_store_unref(store);
}

static void what_is_read_or_made_while_the_store_becomes_smaller_stays_whole(void **state)
{
    enum { NUM_MADE = 60, NUM_READ = 500 };
    gw_cache_store_t *store = create(16 * MIB, 64 * KIB);
    gw_cache_found_t read[NUM_READ];
    gw_cache_entry_t *made[NUM_MADE];
    char url[32];
    test_response_t response = {.number = 7, .head = 100, .body = 20000};
    size_t num_read = 0, num_published = 0;
    put_many(store, 0, 8000);
    for (size_t i = 0; i != NUM_READ; ++i) {
        read[num_read] = find(store, url_of(7400 + i, url), 0);
        num_read += read[num_read].entry != NULL;
    }
    assert_true(num_read > 200);
    for (size_t i = 0; i != NUM_MADE; ++i) {
        response.url = url_of(50000 + i, url);
        assert_non_null(made[i] = test_entry(store, &response));
    }
    assert_true(adapt(store, 8 * MIB));
    for (size_t i = 0; i != num_read; ++i)
        assert_true(test_entry_is_whole(read[i].entry));
    for (size_t i = 0; i != num_read; ++i)
        let_go(store, read[i]);
    gw_cache_sweep(store);
    for (size_t i = 0; i != NUM_MADE; ++i) {
        response.url = url_of(50000 + i, url);
        assert_true(test_entry_is_whole(made[i]));
        gw_cache_published_t published = test_publish(store, made[i], NULL, &response, gw_cache_sequence(store));
        assert_true(published == GW_CACHE_PUBLISHED || published == GW_CACHE_NO_ROOM);
        if (published == GW_CACHE_PUBLISHED) /* or it would stay there */
            assert_false(gw_cache_shard_is_beyond(&store->shards[made[i]->shard], made[i]));
        num_published += published == GW_CACHE_PUBLISHED;
    }
    assert_true(num_published != NUM_MADE);
    gw_cache_sweep(store);
    for (size_t i = 0; i != store->num_shards; ++i)
        assert_true(gw_cache_memory_used(store->shards[i].memory) <= gw_cache_memory_size(store->shards[i].memory));
    put_many(store, 30000, 1000);
    assert_in_range(used(store), 7 * MIB, 8 * MIB);
    gw_cache_store_unref(store);
}

static void a_store_is_made_anew_for_what_its_tables_and_shards_are_not_made_for(void **state)
{
    static const struct {
        uint64_t capacity, max_object;
        bool is_adapted;
    } cases[] = {
        {64 * MIB, 64 * KIB, true}, {64 * MIB + 1, 64 * KIB, false}, {4 * MIB, 30 * KIB, true},
        {4 * MIB - 1, 1000, false}, {16 * MIB, 100 * KIB, true},     {4 * MIB, 100 * KIB, false},
        {16 * MIB, MIB, false},     {64 * MIB, 512 * KIB, true},     {16 * MIB, 64 * KIB, true},
    };
    gw_cache_store_t *store = create(16 * MIB, 64 * KIB);
    assert_true(store->num_shards > 1);
    for (size_t i = 0; i != NUM(cases); ++i) {
        gw_cache_store_rules_t rules = {cases[i].capacity, cases[i].max_object, 2};
        uint64_t before = gw_cache_store_figures(store).capacity;
        size_t size = gw_cache_memory_size(store->shards[0].memory);
        assert_int_equal(gw_cache_store_adapt(store, &rules), cases[i].is_adapted);
        assert_true(cases[i].is_adapted || gw_cache_memory_size(store->shards[0].memory) == size);
        assert_int_equal(gw_cache_store_figures(store).capacity, cases[i].is_adapted ? cases[i].capacity : before);
        used(store);
    }
    put_many(store, 0, 8000);
    assert_in_range(used(store), 15 * MIB, 16 * MIB);
    gw_cache_store_unref(store);
}

/* against a model -------------------------------------------------------------------------------------------------- */

enum { NUM_URLS = 60, NUM_WHOLES = 2, NUM_VARIANTS = 3, NUM_TAGS = 20, MOST_TAGS = 4, NUM_PINS = 10, NUM_ASKED = 5 };

/** What a purge was for: all that a response is asked about later. */
typedef struct purge {
    enum { OF_URL, OF_TAG, OF_PREFIX, OF_ALL } kind;
    size_t what;
    gw_cache_purge_t how;
} purge_t;

typedef struct known {
    uint64_t number; /* 0: nothing is there */
    size_t asked;    /* purges that there had been when it was asked for */
    uint64_t tags[MOST_TAGS];
    size_t num_tags;
    uint64_t head, body;
} known_t;

typedef struct model {
    gw_cache_store_t *store;
    uint64_t seed, number;
    purge_t *purges;
    size_t num_purges;
    known_t known[NUM_URLS][NUM_WHOLES * NUM_VARIANTS];
    struct {
        uint64_t sequence;
        size_t purges;
    } asked[NUM_ASKED];
    gw_cache_entry_t *pins[NUM_PINS];
    uint64_t num_found, num_lost;
} model_t;

static uint64_t below(model_t *model, uint64_t end)
{
    model->seed ^= model->seed >> 12;
    model->seed ^= model->seed << 25;
    model->seed ^= model->seed >> 27;
    return (model->seed * 0x2545f4914f6cdd1dull >> 32) % end;
}

static bool is_meant(const purge_t *purge, size_t url, const known_t *known)
{
    if (purge->kind == OF_URL)
        return purge->what == url;
    if (purge->kind == OF_PREFIX)
        return purge->what == url % 7;
    for (size_t i = 0; i != known->num_tags && purge->kind == OF_TAG; ++i)
        if (known->tags[i] == purge->what)
            return true;
    return purge->kind == OF_ALL;
}

/** @return 1: it may be found; -1: as a stale one; 0: not */
static int state_of(const model_t *model, size_t url, const known_t *known)
{
    int found = known->number != 0;
    for (size_t i = known->asked; i < model->num_purges && found != 0; ++i)
        if (is_meant(&model->purges[i], url, known))
            found = model->purges[i].how == GW_PURGE_HARD ? 0 : -1;
    return found;
}

static size_t size_of_one(model_t *model)
{
    return below(model, 10) == 0 ? below(model, 30000) : below(model, 3) != 0 ? below(model, 1500) : 0;
}

static void model_publish(model_t *model)
{
    size_t url = below(model, NUM_URLS), whole = below(model, NUM_WHOLES), variant = below(model, NUM_VARIANTS);
    size_t asked = below(model, NUM_ASKED + 1);
    uint64_t sequence = asked == NUM_ASKED ? gw_cache_sequence(model->store) : model->asked[asked].sequence;
    char text[32];
    known_t known = {.number = ++model->number,
                     .asked = asked == NUM_ASKED ? model->num_purges : model->asked[asked].purges,
                     .num_tags = below(model, MOST_TAGS + 1),
                     .head = below(model, 1000),
                     .body = size_of_one(model)};
    for (size_t i = 0; i != known.num_tags; ++i)
        known.tags[i] = below(model, NUM_TAGS);
    test_response_t response = {.url = url_of(url, text),
                                .whole = whole,
                                .variant = variant,
                                .number = known.number,
                                .head = known.head,
                                .body = known.body,
                                .piece = below(model, 3) == 0 ? 1 + below(model, 3000) : 0,
                                .is_length_said = below(model, 2) != 0,
                                .tags = known.tags,
                                .num_tags = known.num_tags};
    gw_cache_entry_t *entry = test_entry(model->store, &response);
    if (entry == NULL) /* the pins are in the way */
        return;
    if (below(model, 20) == 0) {
        gw_cache_discard(model->store, entry);
        return;
    }
    gw_cache_published_t published = test_publish(model->store, entry, NULL, &response, sequence);
    if (published == GW_CACHE_NO_ROOM)
        return;
    bool is_forgotten = model->num_purges - known.asked > 128;
    if (published == GW_CACHE_PUBLISHED) {
        assert_true(state_of(model, url, &known) != 0);
        assert_false(is_forgotten);
        model->known[url][whole * NUM_VARIANTS + variant] = known;
    } else {
        assert_int_equal(published, GW_CACHE_PURGED);
        assert_true(state_of(model, url, &known) == 0 || model->num_purges - known.asked > 32);
    }
}

static void model_find(model_t *model, bool is_exact)
{
    size_t url = below(model, NUM_URLS), whole = below(model, NUM_WHOLES);
    uint64_t variant = below(model, NUM_VARIANTS);
    char text[32];
    gw_cache_seat_t *seat = gw_cache_store_seat(model->store, 0);
    const known_t *known = &model->known[url][whole * NUM_VARIANTS + variant];
    gw_cache_found_t found = gw_cache_find(model->store, seat, test_key(url_of(url, text), whole), test_fits, &variant);
    int expected = state_of(model, url, known);
    if (found.entry == NULL) {
        assert_true(expected == 0 || !is_exact);
        model->num_lost += expected != 0;
        return;
    }
    ++model->num_found;
    assert_true(expected != 0);
    assert_int_equal(found.entry->length, known->number);
    assert_true(found.is_soft_purged == (expected == -1));
    assert_true(test_entry_is_whole(found.entry));
    size_t pin = below(model, 10 * NUM_PINS);
    if (pin >= NUM_PINS) {
        gw_cache_unpin(seat, found.entry);
        return;
    }
    if (model->pins[pin] != NULL) {
        assert_true(test_entry_is_whole(model->pins[pin]));
        gw_cache_unpin(seat, model->pins[pin]);
    }
    model->pins[pin] = found.entry;
}

static void model_remove(model_t *model)
{
    size_t url = below(model, NUM_URLS), whole = below(model, NUM_WHOLES);
    uint64_t variant = below(model, NUM_VARIANTS);
    char text[32];
    gw_cache_seat_t *seat = gw_cache_store_seat(model->store, 1);
    gw_cache_found_t found = gw_cache_find(model->store, seat, test_key(url_of(url, text), whole), test_fits, &variant);
    if (found.entry == NULL)
        return;
    gw_cache_remove(model->store, found.entry);
    gw_cache_unpin(seat, found.entry);
    model->known[url][whole * NUM_VARIANTS + variant].number = 0;
}

static void model_purge(model_t *model, bool is_exact)
{
    char text[32];
    purge_t purge = {.kind = below(model, 60) != 0 ? below(model, 3) : OF_ALL,
                     .how = below(model, 2) != 0 ? GW_PURGE_HARD : GW_PURGE_SOFT};
    bool is_any = false, is_there = false;
    switch (purge.kind) {
    case OF_URL:
        purge.what = below(model, NUM_URLS);
        is_any = gw_cache_purge_url(model->store, test_url_hash(url_of(purge.what, text)), purge.how);
        break;
    case OF_TAG:
        purge.what = below(model, NUM_TAGS);
        is_any = gw_cache_purge_label(model->store, purge.what, purge.how);
        break;
    case OF_PREFIX:
        purge.what = below(model, 7);
        is_any = gw_cache_purge_prefix(model->store, gw_str(text, (size_t)sprintf(text, "/%d/", (int)purge.what)),
                                       purge.how) != 0;
        break;
    case OF_ALL:
        gw_cache_purge_all(model->store, purge.how);
        break;
    }
    for (size_t url = 0; url != NUM_URLS; ++url)
        for (size_t i = 0; i != NUM_WHOLES * NUM_VARIANTS; ++i) {
            known_t *known = &model->known[url][i];
            is_there |= is_meant(&purge, url, known) && state_of(model, url, known) != 0;
        }
    if (is_exact && is_there && purge.kind != OF_ALL)
        assert_true(is_any);
    model->purges[model->num_purges++] = purge;
}

static size_t rounded(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/** Bytes that what there is should take. */
static uint64_t expected_use(model_t *model)
{
    uint64_t sum = 0;
    bool is_tag[64][NUM_TAGS] = {0};
    for (size_t url = 0; url != NUM_URLS; ++url) {
        char text[32];
        gw_str_t name = url_of(url, text);
        bool is_there = false;
        size_t shard = (size_t)(gw_cache_shard_of(model->store, test_url_hash(name)) - model->store->shards);
        for (size_t i = 0; i != NUM_WHOLES * NUM_VARIANTS; ++i) {
            const known_t *known = &model->known[url][i];
            if (state_of(model, url, known) == 0)
                continue;
            is_there = true;
            size_t num_tags = 0;
            for (size_t j = 0; j != known->num_tags; ++j) {
                bool is_new = true;
                for (size_t k = 0; k != j; ++k)
                    is_new = is_new && known->tags[k] != known->tags[j];
                num_tags += is_new;
                sum += is_tag[shard][known->tags[j]] ? 0 : 64;
                is_tag[shard][known->tags[j]] = true;
            }
            sum += rounded(sizeof(gw_cache_entry_t) + 16 + known->head) + rounded(num_tags * sizeof(void *));
            uint64_t variant = i % NUM_VARIANTS;
            gw_cache_found_t found = gw_cache_find(model->store, gw_cache_store_seat(model->store, 0),
                                                   test_key(name, i / NUM_VARIANTS), test_fits, &variant);
            assert_non_null(found.entry);
            if (found.entry->body != NULL)
                sum += gw_cache_body_footprint(found.entry->body);
            let_go(model->store, found);
        }
        sum += is_there ? rounded(offsetof(gw_cache_label_t, url) + name.len) : 0;
    }
    return sum;
}

static void let_go_of_all(model_t *model)
{
    for (size_t i = 0; i != NUM_PINS; ++i)
        if (model->pins[i] != NULL) {
            assert_true(test_entry_is_whole(model->pins[i]));
            gw_cache_unpin(gw_cache_store_seat(model->store, 0), model->pins[i]);
            model->pins[i] = NULL;
        }
    gw_cache_sweep(model->store);
    assert_int_equal(gw_cache_store_figures(model->store).retired, 0);
}

static void run_model(uint64_t capacity, uint64_t max_object, size_t num_steps, bool is_exact, uint64_t seed)
{
    model_t *model = calloc(1, sizeof(*model));
    model->store = create(capacity, max_object);
    model->seed = seed;
    model->purges = calloc(num_steps, sizeof(*model->purges));
    uint64_t before = used(model->store);
    for (size_t i = 0; i != num_steps; ++i) {
        switch (below(model, 16)) {
        case 0 ... 5:
            model_publish(model);
            break;
        case 6 ... 11:
            model_find(model, is_exact);
            break;
        case 12:
            model_remove(model);
            break;
        case 13: {
            size_t asked = below(model, NUM_ASKED);
            model->asked[asked].sequence = gw_cache_sequence(model->store);
            model->asked[asked].purges = model->num_purges;
            break;
        }
        case 14:
            if (below(model, 4) == 0)
                model_purge(model, is_exact);
            break;
        case 15:
            if (below(model, 8) == 0)
                gw_cache_sweep(model->store);
            break;
        }
        used(model->store);
        if (i % 1000 == 999) {
            let_go_of_all(model);
            if (is_exact)
                assert_int_equal(used(model->store), before + expected_use(model));
        }
    }
    let_go_of_all(model);
    gw_cache_figures_t figures = gw_cache_store_figures(model->store);
    assert_true(model->num_found > num_steps / 20);
    assert_true(is_exact ? model->num_lost == 0 && figures.evicted == 0 : model->num_lost != 0 && figures.evicted != 0);
    gw_cache_purge_all(model->store, GW_PURGE_HARD);
    gw_cache_sweep(model->store);
    assert_int_equal(used(model->store), before);
    assert_int_equal(gw_cache_store_figures(model->store).entries, 0);
    gw_cache_store_unref(model->store);
    free(model->purges);
    free(model);
}

static void a_roomy_store_has_what_the_model_has_and_takes_what_that_takes(void **state)
{
    for (uint64_t seed = 1; seed <= MODEL_SEEDS; ++seed)
        run_model(16 * MIB, 128 * KIB, MODEL_STEPS, true, seed);
}

static void a_tight_store_has_nothing_that_the_model_has_not_and_keeps_its_budget(void **state)
{
    for (uint64_t seed = 1; seed <= MODEL_SEEDS; ++seed)
        run_model(256 * KIB + seed * 100 * KIB, 64 * KIB, MODEL_STEPS, false, seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_published_is_found_until_it_is_removed),
        cmocka_unit_test(an_entry_takes_the_place_of_the_one_with_its_key_and_variant),
        cmocka_unit_test(an_updated_entry_takes_the_place_of_the_old_one_whatever_its_variant),
        cmocka_unit_test(of_more_than_64_variants_the_oldest_goes_and_the_newest_is_asked_first),
        cmocka_unit_test(a_purge_is_for_what_it_names_there_or_on_its_way),
        cmocka_unit_test(a_purge_is_for_all_variants_and_keys_of_a_url),
        cmocka_unit_test(when_purges_are_forgotten_a_response_that_they_may_have_been_for_counts_as_purged),
        cmocka_unit_test(a_prefix_that_is_too_long_to_be_remembered_is_for_more_on_its_way_but_not_for_what_is_there),
        cmocka_unit_test(a_label_hash_depends_on_where_its_parts_end),
        cmocka_unit_test(an_entry_has_at_most_64_labels_each_counted_once),
        cmocka_unit_test(what_was_purged_is_cleared_away_in_several_sweeps_when_there_is_much_of_it),
        cmocka_unit_test(what_is_pinned_stays_whole_whatever_happens_to_it),
        cmocka_unit_test(what_is_pinned_is_not_evicted),
        cmocka_unit_test(what_somebody_may_be_looking_at_stays_whole_though_it_is_not_pinned),
        cmocka_unit_test(when_everything_is_read_there_is_no_room_at_once_and_room_again_afterwards),
        cmocka_unit_test(what_is_discarded_comes_back_when_nobody_holds_it),
        cmocka_unit_test(what_is_larger_than_the_largest_object_is_refused_when_that_is_known),
        cmocka_unit_test(what_is_expected_is_there_from_the_start),
        cmocka_unit_test(a_capacity_is_refused_or_nearly_all_of_it_is_for_entries),
        cmocka_unit_test(a_store_goes_on_with_another_largest_object),
        cmocka_unit_test(a_store_that_becomes_larger_keeps_everything),
        cmocka_unit_test(a_store_that_becomes_smaller_keeps_what_fits),
        cmocka_unit_test(that_many_have_a_tag_in_common_is_no_reason_to_lose_them),
        cmocka_unit_test(what_is_read_or_made_while_the_store_becomes_smaller_stays_whole),
        cmocka_unit_test(a_store_is_made_anew_for_what_its_tables_and_shards_are_not_made_for),
        cmocka_unit_test(a_roomy_store_has_what_the_model_has_and_takes_what_that_takes),
        cmocka_unit_test(a_tight_store_has_nothing_that_the_model_has_not_and_keeps_its_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
