/* SPDX-License-Identifier: MIT
 * The ring: who owns a key, how many each owns, and what changes when the endpoints do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/base/hash.h"
#include "gateway/upstream/hash_ring.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { MAX_ENDPOINTS = 1000, NUM_KEYS = 100000 };

static char urls[MAX_ENDPOINTS][40];
static const char *names[MAX_ENDPOINTS];
static uint32_t ones[MAX_ENDPOINTS];

static int make_names(void **state)
{
    for (size_t i = 0; i != MAX_ENDPOINTS; ++i) {
        snprintf(urls[i], sizeof(urls[i]), "http://10.0.%zu.%zu:9001", i / 250, i % 250);
        names[i] = urls[i];
        ones[i] = 1;
    }
    return 0;
}

static uint64_t hash_of_key(size_t key)
{
    char text[32];
    return gw_hash(gw_str(text, (size_t)snprintf(text, sizeof(text), "session=%zu", key)));
}

static uint32_t owner_of(const gw_hash_ring_t *ring, uint64_t hash)
{
    size_t at = gw_hash_ring_find(ring, hash);
    return gw_hash_ring_next(ring, &at);
}

static void count_keys(const gw_hash_ring_t *ring, size_t *counts, size_t num)
{
    memset(counts, 0, num * sizeof(*counts));
    for (size_t key = 0; key != NUM_KEYS; ++key) {
        uint32_t owner = owner_of(ring, hash_of_key(key));
        assert_true(owner < num);
        ++counts[owner];
    }
}

static void there_is_no_ring_without_a_weight(void **state)
{
    static const uint32_t zeros[] = {0, 0, 0};
    assert_null(gw_hash_ring_create(names, zeros, 3));
    assert_null(gw_hash_ring_create(names, zeros, 0));
    assert_null(gw_hash_ring_free(NULL));
    assert_null(gw_hash_ring_free(gw_hash_ring_create(names, ones, 3)));
}

static void one_endpoint_owns_every_key(void **state)
{
    static const uint32_t weights[] = {0, 256, 0};
    gw_hash_ring_t *ring = gw_hash_ring_create(names, weights, 3);
    for (size_t key = 0; key != 1000; ++key)
        assert_int_equal(owner_of(ring, hash_of_key(key)), 1);
    assert_int_equal(owner_of(ring, 0), 1);
    assert_int_equal(owner_of(ring, UINT64_MAX), 1);
    gw_hash_ring_free(ring);
}

static void equals_own_about_the_same(void **state)
{
    static const size_t nums[] = {2, 3, 10, 100};
    size_t counts[100];
    for (size_t n = 0; n != NUM_OF(nums); ++n) {
        gw_hash_ring_t *ring = gw_hash_ring_create(names, ones, nums[n]);
        assert_int_equal(gw_hash_ring_size(ring), nums[n] * GW_RING_POINTS);
        count_keys(ring, counts, nums[n]);
        double mean = (double)NUM_KEYS / (double)nums[n], squares = 0;
        for (size_t i = 0; i != nums[n]; ++i) {
            double off = (double)counts[i] / mean - 1;
            squares += off * off;
            if (off > 0.35 || off < -0.35)
                fail_msg("endpoint %zu of %zu owns %.0f %% of the mean", i, nums[n], off * 100 + 100);
        }
        double variance = squares / (double)nums[n];
        if (variance > 0.12 * 0.12) /* about 8 %, says the header */
            fail_msg("among %zu the variance of the shares is %.4f", nums[n], variance);
        gw_hash_ring_free(ring);
    }
}

static void keys_are_owned_by_weight(void **state)
{
    static const struct {
        size_t num;
        uint32_t weights[5];
    } cases[] = {
        {2, {3, 1}},          {3, {5, 3, 2}},      {3, {256, 256, 128}}, {4, {1, 0, 1, 2}},
        {5, {1, 2, 3, 4, 5}}, {3, {100, 100, 50}}, {2, {1, 8}},
    };
    size_t counts[5];
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        gw_hash_ring_t *ring = gw_hash_ring_create(names, cases[i].weights, cases[i].num);
        uint32_t total = 0;
        for (size_t k = 0; k != cases[i].num; ++k)
            total += cases[i].weights[k];
        count_keys(ring, counts, cases[i].num);
        for (size_t k = 0; k != cases[i].num; ++k) {
            double expected = (double)NUM_KEYS * cases[i].weights[k] / total;
            if ((double)counts[k] < 0.7 * expected || (double)counts[k] > 1.3 * expected)
                fail_msg("case %zu: endpoint %zu owns %zu keys instead of %.0f", i, k, counts[k], expected);
        }
        gw_hash_ring_free(ring);
    }
}

static void the_lightest_beside_the_heaviest_still_owns_keys(void **state)
{
    static const uint32_t weights[] = {256, 1};
    size_t counts[2];
    gw_hash_ring_t *ring = gw_hash_ring_create(names, weights, 2);
    count_keys(ring, counts, 2);
    assert_true(counts[1] != 0);
    assert_true(counts[1] < NUM_KEYS / 20);
    gw_hash_ring_free(ring);
}

/** Without a look at the points: each has a stretch of hashes that lead to it, and the stretches follow each other
 * without a gap. */
static void every_hash_leads_to_the_first_point_at_or_after_it(void **state)
{
    gw_hash_ring_t *ring = gw_hash_ring_create(names, ones, 3);
    uint64_t low = 0;
    size_t size = gw_hash_ring_size(ring);
    for (size_t point = 0; point != size; ++point) {
        uint64_t high = UINT64_MAX; /* the last hash that still leads to this point, by halving */
        assert_int_equal(gw_hash_ring_find(ring, low), point);
        uint64_t from = low;
        while (from != high) {
            uint64_t middle = from + (high - from) / 2 + 1;
            size_t at = gw_hash_ring_find(ring, middle);
            if (at == point)
                from = middle;
            else
                high = middle - 1;
        }
        assert_int_equal(gw_hash_ring_find(ring, from), point);
        assert_int_equal(gw_hash_ring_find(ring, from + 1), (point + 1) % size);
        low = from + 1;
    }
    assert_int_equal(gw_hash_ring_find(ring, low), 0); /* behind the last point */
    assert_int_equal(gw_hash_ring_find(ring, UINT64_MAX), 0);
    gw_hash_ring_free(ring);
}

static void a_walk_meets_everybody_once_around_and_never_ends(void **state)
{
    static const uint32_t weights[] = {3, 1, 0, 2, 1};
    gw_hash_ring_t *ring = gw_hash_ring_create(names, weights, 5);
    size_t size = gw_hash_ring_size(ring), num_met[5] = {0};
    for (size_t key = 0; key != 50; ++key) {
        size_t at = gw_hash_ring_find(ring, hash_of_key(key)), start = at;
        memset(num_met, 0, sizeof(num_met));
        for (size_t i = 0; i != size; ++i) {
            ++num_met[gw_hash_ring_next(ring, &at)];
            assert_true(at < size);
        }
        assert_int_equal(at, start);
        assert_int_equal(num_met[2], 0);
        assert_true(num_met[1] != 0 && num_met[1] == num_met[4]);
        assert_true(num_met[0] > num_met[3] && num_met[3] > num_met[1]);
    }
    gw_hash_ring_free(ring);
}

static void the_same_names_give_the_same_ring_in_any_order(void **state)
{
    const char *backwards[10];
    uint32_t weights[10], weights_backwards[10];
    for (size_t i = 0; i != 10; ++i) {
        backwards[9 - i] = names[i];
        weights_backwards[9 - i] = weights[i] = 1 + (uint32_t)i % 4;
    }
    gw_hash_ring_t *ring = gw_hash_ring_create(names, weights, 10), *again = gw_hash_ring_create(names, weights, 10),
                   *other = gw_hash_ring_create(backwards, weights_backwards, 10);
    for (size_t key = 0; key != NUM_KEYS; ++key) {
        uint32_t owner = owner_of(ring, hash_of_key(key));
        assert_int_equal(owner_of(again, hash_of_key(key)), owner);
        assert_int_equal(owner_of(other, hash_of_key(key)), 9 - owner);
    }
    gw_hash_ring_free(ring);
    gw_hash_ring_free(again);
    gw_hash_ring_free(other);
}

static void the_ring_is_the_same_in_every_version(void **state)
{
    /* gateways of two versions beside each other send a key to the same place */
    static const char *const fixed[] = {"http://a.internal:80", "http://b.internal:80", "http://c.internal:80"};
    static const struct {
        const char *key;
        uint32_t owner;
    } cases[] = {{"alice", 1}, {"bob", 2}, {"carol", 0}, {"dave", 0}, {"", 2}};
    gw_hash_ring_t *ring = gw_hash_ring_create(fixed, ones, 3);
    for (size_t i = 0; i != NUM_OF(cases); ++i)
        if (owner_of(ring, gw_hash(gw_str_of(cases[i].key))) != cases[i].owner)
            fail_msg("'%s' belongs to %u now", cases[i].key, owner_of(ring, gw_hash(gw_str_of(cases[i].key))));
    /* a point of the second one, and the next is one of the first */
    assert_int_equal(owner_of(ring, 0x3afbff1b560c9c46), 1);
    assert_int_equal(owner_of(ring, 0x3afbff1b560c9c47), 0);
    gw_hash_ring_free(ring);
}

static void a_key_moves_only_to_or_from_the_endpoint_that_came_or_left(void **state)
{
    static const size_t nums[] = {2, 3, 10, 50};
    for (size_t n = 0; n != NUM_OF(nums); ++n) {
        size_t num = nums[n], num_moved = 0;
        gw_hash_ring_t *ring = gw_hash_ring_create(names, ones, num),
                       *smaller = gw_hash_ring_create(names, ones, num - 1);
        for (size_t key = 0; key != NUM_KEYS; ++key) {
            uint32_t owner = owner_of(ring, hash_of_key(key));
            if (owner != num - 1)
                assert_int_equal(owner_of(smaller, hash_of_key(key)), owner);
            else
                ++num_moved;
        }
        if ((double)num_moved > 1.35 * NUM_KEYS / (double)num)
            fail_msg("%zu keys moved with one of %zu endpoints", num_moved, num);
        gw_hash_ring_free(ring);
        gw_hash_ring_free(smaller);
    }
}

static void stepping_over_an_endpoint_is_the_same_as_its_leaving(void **state)
{
    /* so a reload that removes an endpoint which is down moves nothing */
    gw_hash_ring_t *ring = gw_hash_ring_create(names, ones, 10), *smaller = gw_hash_ring_create(names, ones, 9);
    for (size_t key = 0; key != NUM_KEYS; ++key) {
        size_t at = gw_hash_ring_find(ring, hash_of_key(key));
        uint32_t owner;
        while ((owner = gw_hash_ring_next(ring, &at)) == 9)
            ;
        assert_int_equal(owner, owner_of(smaller, hash_of_key(key)));
    }
    gw_hash_ring_free(ring);
    gw_hash_ring_free(smaller);
}

static void a_thousand_endpoints_all_own_keys(void **state)
{
    static size_t counts[MAX_ENDPOINTS];
    gw_hash_ring_t *ring = gw_hash_ring_create(names, ones, MAX_ENDPOINTS);
    count_keys(ring, counts, MAX_ENDPOINTS);
    for (size_t i = 0; i != MAX_ENDPOINTS; ++i)
        if (counts[i] < 40 || counts[i] > 180)
            fail_msg("endpoint %zu owns %zu keys instead of 100", i, counts[i]);
    gw_hash_ring_free(ring);
}

static void a_heavy_endpoint_that_leaves_passes_on_its_own_keys_only(void **state)
{
    static const uint32_t weights[] = {1, 1, 1, 1, 5};
    size_t num_moved = 0;
    gw_hash_ring_t *ring = gw_hash_ring_create(names, weights, 5), *smaller = gw_hash_ring_create(names, weights, 4);
    for (size_t key = 0; key != NUM_KEYS; ++key) {
        uint32_t owner = owner_of(ring, hash_of_key(key));
        num_moved += owner != 4 && owner_of(smaller, hash_of_key(key)) != owner;
    }
    if (num_moved != 0)
        fail_msg("%zu keys of endpoints that stayed moved", num_moved);
    gw_hash_ring_free(ring);
    gw_hash_ring_free(smaller);
}

static void one_heavy_endpoint_among_many_owns_what_its_weight_says(void **state)
{
    uint32_t weights[100];
    size_t counts[100];
    for (size_t i = 0; i != 100; ++i)
        weights[i] = i == 0 ? 256 : 1;
    gw_hash_ring_t *ring = gw_hash_ring_create(names, weights, 100);
    count_keys(ring, counts, 100);
    double share = (double)counts[0] / NUM_KEYS;
    if (share < 0.65 || share > 0.80) /* 256 of 355 */
        fail_msg("it owns %.1f %% of the keys instead of 72.1 %%", share * 100);
    gw_hash_ring_free(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_no_ring_without_a_weight),
        cmocka_unit_test(one_endpoint_owns_every_key),
        cmocka_unit_test(equals_own_about_the_same),
        cmocka_unit_test(keys_are_owned_by_weight),
        cmocka_unit_test(the_lightest_beside_the_heaviest_still_owns_keys),
        cmocka_unit_test(every_hash_leads_to_the_first_point_at_or_after_it),
        cmocka_unit_test(a_walk_meets_everybody_once_around_and_never_ends),
        cmocka_unit_test(the_same_names_give_the_same_ring_in_any_order),
        cmocka_unit_test(the_ring_is_the_same_in_every_version),
        cmocka_unit_test(a_key_moves_only_to_or_from_the_endpoint_that_came_or_left),
        cmocka_unit_test(stepping_over_an_endpoint_is_the_same_as_its_leaving),
        cmocka_unit_test(a_thousand_endpoints_all_own_keys),
        cmocka_unit_test(a_heavy_endpoint_that_leaves_passes_on_its_own_keys_only),
        cmocka_unit_test(one_heavy_endpoint_among_many_owns_what_its_weight_says),
    };
    return cmocka_run_group_tests_name("hash ring", tests, make_names, NULL);
}
