/* SPDX-License-Identifier: MIT
 * The cache of verified tokens: what is found and what not, what it holds, and how much of it there is at most, also
 * beside a naive model under random operations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "filters/jwt/token_cache.h"
#include "gateway/base/random.h"
#include "tests/support/tokens.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

static const uint64_t key[2] = {0x0123456789abcdef, 0xfedcba9876543210};

enum { NOW = 1000000, LATER = 2000000, KIB = 1024 };

static gw_str_t payload_in(gw_str_t token)
{
    const char *start = (const char *)memchr(token.ptr, '.', token.len) + 1;
    size_t rest = token.len - (size_t)(start - token.ptr);
    return gw_str(start, (size_t)((const char *)memchr(start, '.', rest) - start));
}

/** Adds header.payload.signature, without forwards.  @return with a reference */
static gw_token_entry_t *add(gw_token_cache_t *cache, gw_str_t token, uint64_t generation, int64_t until_ms)
{
    return gw_token_cache_add(cache, token, payload_in(token), GW_STR("alice"), NULL, 0, generation, until_ms);
}

static void add_and_release(gw_token_cache_t *cache, gw_str_t token, uint64_t generation, int64_t until_ms)
{
    gw_token_cache_release(cache, add(cache, token, generation, until_ms));
}

/** @return whether it is found; the reference is given back */
static bool has(gw_token_cache_t *cache, gw_str_t token, uint64_t generation, int64_t now_ms)
{
    gw_token_entry_t *entry = gw_token_cache_find(cache, token, generation, now_ms);
    if (entry == NULL)
        return false;
    assert_true(gw_str_equal(entry->token, token));
    gw_token_cache_release(cache, entry);
    return true;
}

/** A token of a number, of about that many characters.  @return in `to` */
static gw_str_t numbered(char *to, unsigned number, size_t len)
{
    size_t at = (size_t)sprintf(to, "eyJ.e30.%u_", number);
    while (at < len)
        to[at++] = 'x';
    return gw_str(to, at);
}

static void a_token_is_found_as_it_was_remembered(void **state)
{
    gw_token_cache_t *cache = gw_token_cache_create(64 * KIB, key);
    char token[] = "aaa.bbbb.ccccc", name[] = "alice", values[2][8] = {"read", ""};
    const gw_str_t forwards[] = {gw_str(values[0], 4), gw_str(NULL, 0), gw_str(values[1], 0)};
    gw_token_entry_t *added =
        gw_token_cache_add(cache, gw_str_of(token), gw_str(token + 4, 4), gw_str_of(name), forwards, 3, 1, LATER);
    assert_int_equal(gw_token_cache_size(cache), 1);
    memset(token, '!', sizeof(token) - 1); /* it keeps copies */
    memset(name, '!', sizeof(name) - 1);
    memset(values, '!', sizeof(values));
    gw_token_entry_t *found = gw_token_cache_find(cache, GW_STR("aaa.bbbb.ccccc"), 1, NOW);
    assert_ptr_equal(found, added);
    assert_true(gw_str_equal(found->token, GW_STR("aaa.bbbb.ccccc")));
    assert_true(gw_str_equal(found->payload, GW_STR("bbbb")));
    assert_true(gw_str_equal(found->name, GW_STR("alice")));
    assert_true(gw_str_equal(found->forwards[0], GW_STR("read")));
    assert_null(found->forwards[1].ptr);                                        /* the claim is not there */
    assert_true(found->forwards[2].ptr != NULL && found->forwards[2].len == 0); /* it is, and empty */
    gw_token_cache_release(cache, found);
    gw_token_cache_release(cache, added);
    gw_token_cache_free(cache);
}

static void only_the_very_same_token_is_found(void **state)
{
    gw_token_cache_t *cache = gw_token_cache_create(64 * KIB, key);
    char text[] = "eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl";
    gw_str_t token = gw_str_of(text);
    add_and_release(cache, token, 1, LATER);
    assert_true(has(cache, token, 1, NOW));
    for (size_t len = 0; len != token.len; ++len)
        assert_false(has(cache, gw_str(text, len), 1, NOW));
    for (size_t bit = 0; bit != 8 * token.len; ++bit) {
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
        assert_false(has(cache, token, 1, NOW));
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
    }
    assert_false(has(cache, GW_STR("eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl "), 1, NOW));
    assert_true(has(cache, token, 1, NOW));
    gw_token_cache_free(cache);
}

static void a_token_is_found_until_it_ends_and_not_in_that_millisecond(void **state)
{
    gw_token_cache_t *cache = gw_token_cache_create(64 * KIB, key);
    add_and_release(cache, GW_STR("a.b.c"), 1, LATER);
    assert_true(has(cache, GW_STR("a.b.c"), 1, LATER - 1));
    assert_false(has(cache, GW_STR("a.b.c"), 1, LATER));
    assert_int_equal(gw_token_cache_size(cache), 0); /* and goes when that is noticed */
    assert_false(has(cache, GW_STR("a.b.c"), 1, NOW));
    gw_token_cache_free(cache);
}

static void nothing_of_another_generation_is_found(void **state)
{
    gw_token_cache_t *cache = gw_token_cache_create(64 * KIB, key);
    add_and_release(cache, GW_STR("a.b.c"), 7, LATER);
    assert_true(has(cache, GW_STR("a.b.c"), 7, NOW));
    assert_false(has(cache, GW_STR("a.b.c"), 8, NOW));
    assert_false(has(cache, GW_STR("a.b.c"), 7, NOW)); /* it is gone */
    assert_int_equal(gw_token_cache_size(cache), 0);
    add_and_release(cache, GW_STR("a.b.c"), 8, LATER);
    assert_true(has(cache, GW_STR("a.b.c"), 8, NOW));
    assert_false(has(cache, GW_STR("a.b.c"), 7, NOW));
    gw_token_cache_free(cache);
}

static void what_is_held_stays_whole_when_it_is_forgotten(void **state)
{
    gw_token_cache_t *cache = gw_token_cache_create(4 * KIB, key);
    char text[200];
    gw_token_entry_t *evicted = add(cache, GW_STR("a.b.c"), 1, LATER), *ended = add(cache, GW_STR("d.e.f"), 1, NOW),
                     *older = add(cache, GW_STR("g.h.i"), 1, LATER);
    assert_false(has(cache, GW_STR("d.e.f"), 1, NOW));
    assert_false(has(cache, GW_STR("g.h.i"), 2, NOW));
    for (unsigned i = 0; i != 100; ++i)
        add_and_release(cache, numbered(text, i, sizeof(text)), 1, LATER);
    assert_false(has(cache, GW_STR("a.b.c"), 1, NOW));
    assert_true(gw_str_equal(evicted->token, GW_STR("a.b.c")));
    assert_true(gw_str_equal(ended->payload, GW_STR("e")));
    assert_true(gw_str_equal(older->name, GW_STR("alice")));
    size_t bytes = gw_token_cache_bytes(cache);
    assert_ptr_equal(gw_token_cache_hold(evicted), evicted);
    gw_token_cache_release(cache, evicted);
    assert_true(gw_str_equal(evicted->name, GW_STR("alice"))); /* one holds it yet */
    gw_token_cache_release(cache, evicted);
    gw_token_cache_release(cache, ended);
    gw_token_cache_release(cache, older);
    assert_int_equal(gw_token_cache_bytes(cache), bytes); /* they were not counted any more */
    gw_token_cache_free(cache);
}

static void the_one_that_was_not_used_for_the_longest_time_makes_way(void **state)
{
    enum { NUM = 1000 };
    char text[300];
    gw_token_cache_t *cache = gw_token_cache_create(64 * KIB, key);
    unsigned num_kept = 0;
    while (gw_token_cache_size(cache) == num_kept)
        add_and_release(cache, numbered(text, num_kept++, sizeof(text)), 1, LATER);
    --num_kept; /* the last one cost the first its place */
    assert_true(num_kept > 64 * KIB / 2 / sizeof(text));
    assert_false(has(cache, numbered(text, 0, sizeof(text)), 1, NOW));
    for (unsigned i = 1; i <= num_kept; i += 3) /* these were used, in another order than they came */
        assert_true(has(cache, numbered(text, i, sizeof(text)), 1, NOW));
    for (unsigned i = 1; i <= num_kept - (num_kept + 2) / 3; ++i)
        add_and_release(cache, numbered(text, NUM + i, sizeof(text)), 1, LATER);
    for (unsigned i = 1; i <= num_kept; ++i)
        if (has(cache, numbered(text, i, sizeof(text)), 1, NOW) != (i % 3 == 1))
            fail_msg("token %u of %u", i, num_kept);
    gw_token_cache_free(cache);
}

static void a_cache_of_nothing_keeps_nothing(void **state)
{
    gw_token_cache_t *cache = gw_token_cache_create(0, key);
    gw_token_entry_t *entry = add(cache, GW_STR("a.e30.c"), 1, LATER);
    assert_true(gw_str_equal(entry->name, GW_STR("alice")));
    assert_int_equal(gw_token_cache_property(cache, entry, GW_STR("sub")).len, 0);
    assert_false(has(cache, GW_STR("a.e30.c"), 1, NOW));
    assert_int_equal(gw_token_cache_bytes(cache), 0);
    assert_int_equal(gw_token_cache_size(cache), 0);
    gw_token_cache_release(cache, entry);
    gw_token_cache_free(cache);
    assert_null(gw_token_cache_free(NULL));
}

static void a_token_that_is_large_for_the_cache_is_not_kept(void **state)
{
    char text[3000];
    gw_token_cache_t *cache = gw_token_cache_create(8 * KIB, key);
    add_and_release(cache, GW_STR("a.b.c"), 1, LATER);
    gw_token_entry_t *entry = add(cache, numbered(text, 1, sizeof(text)), 1, LATER);
    assert_int_equal(gw_token_cache_size(cache), 1);
    assert_false(has(cache, numbered(text, 1, sizeof(text)), 1, NOW));
    assert_true(has(cache, GW_STR("a.b.c"), 1, NOW)); /* nobody made way for it */
    gw_token_cache_release(cache, entry);
    gw_token_cache_free(cache);
}

/* properties ------------------------------------------------------------------------------------------------------- */

static gw_str_t token_of(const char *payload)
{
    char *content = token_content("{}", payload), *token = token_text("%s.c2ln", content);
    free(content);
    return gw_str_of(token);
}

static void a_property_is_a_claim_as_text(void **state)
{
    static const char payload[] =
        "{\"sub\":\"alice\",\"n\":17,\"x\":1.5,\"b\":true,\"none\":null,\"empty\":\"\",\"list\":[\"a\",2],"
        "\"realm\":{\"roles\":[\"x\",\"y\"]},\"a.b\":\"dotted\"}";
    static const struct {
        const char *path, *text;
    } cases[] = {
        {"sub", "alice"},  {"n", "17"},    {"x", "1.5"},         {"b", "true"},
        {"none", ""},      {"empty", ""},  {"list", "a,2"},      {"realm.roles", "x,y"},
        {"a.b", "dotted"}, {"absent", ""}, {"realm.absent", ""}, {"", ""},
    };
    gw_token_cache_t *cache = gw_token_cache_create(64 * KIB, key);
    gw_str_t token = token_of(payload), texts[NUM_OF(cases)];
    gw_token_entry_t *entry = add(cache, token, 1, LATER);
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        texts[i] = gw_token_cache_property(cache, entry, gw_str_of(cases[i].path));
        if (!gw_str_equal(texts[i], gw_str_of(cases[i].text)))
            fail_msg("%s: '%.*s'", cases[i].path, (int)texts[i].len, texts[i].ptr);
    }
    size_t bytes = gw_token_cache_bytes(cache);
    for (size_t i = 0; i != NUM_OF(cases); ++i) /* remembered, and where they were */
        assert_ptr_equal(gw_token_cache_property(cache, entry, gw_str_of(cases[i].path)).ptr, texts[i].ptr);
    assert_int_equal(gw_token_cache_bytes(cache), bytes);
    gw_token_cache_release(cache, entry);
    gw_token_cache_free(cache);
    free((char *)token.ptr);
}

static void properties_count_among_the_bytes_and_go_with_their_token(void **state)
{
    gw_token_cache_t *cache = gw_token_cache_create(64 * KIB, key);
    char large[2000];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    char *payload = token_text("{\"sub\":\"%s\"}", large);
    gw_str_t token = token_of(payload);
    size_t empty = gw_token_cache_bytes(cache);
    gw_token_entry_t *entry = add(cache, token, 1, LATER);
    size_t bare = gw_token_cache_bytes(cache);
    assert_int_equal(gw_token_cache_property(cache, entry, GW_STR("sub")).len, sizeof(large) - 1);
    assert_true(gw_token_cache_bytes(cache) >= bare + sizeof(large) - 1);
    assert_false(has(cache, token, 2, NOW));
    assert_int_equal(gw_token_cache_bytes(cache), empty);
    assert_int_equal(gw_token_cache_property(cache, entry, GW_STR("sub")).len, sizeof(large) - 1); /* still held */
    gw_token_cache_property(cache, entry, GW_STR("late"));
    assert_int_equal(gw_token_cache_bytes(cache), empty);
    gw_token_cache_release(cache, entry);
    gw_token_cache_free(cache);
    free((char *)token.ptr);
    free(payload);
}

/** Tokens that come again and again, and no new ones: nothing is added that would make room. */
static void properties_stay_within_the_budget_too(void **state)
{
    enum { BUDGET = 64 * KIB, NUM = 60 };
    static const char *const paths[] = {"sub", "a", "b", "c", "d"};
    gw_token_cache_t *cache = gw_token_cache_create(BUDGET, key);
    char large[600];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    for (unsigned i = 0; i != NUM; ++i)
        for (size_t k = 0; k != NUM_OF(paths); ++k) {
            char *payload = token_text("{\"n\":%u,\"sub\":\"%s\",\"a\":\"%s\"}", i, large, large);
            gw_str_t token = token_of(payload);
            gw_token_entry_t *entry = gw_token_cache_find(cache, token, 1, NOW);
            if (entry == NULL)
                entry = add(cache, token, 1, LATER);
            gw_str_t text = gw_token_cache_property(cache, entry, gw_str_of(paths[k]));
            if (gw_token_cache_bytes(cache) > BUDGET)
                fail_msg("%zu bytes", gw_token_cache_bytes(cache));
            assert_int_equal(text.len, k < 2 ? sizeof(large) - 1 : 0); /* its own token did not go under it */
            gw_token_cache_release(cache, entry);
            free((char *)token.ptr);
            free(payload);
        }
    assert_true(gw_token_cache_size(cache) > 5);
    gw_token_cache_free(cache);
}

/** One token that outgrows the cache alone. */
static void a_token_whose_properties_fill_the_cache_is_let_go(void **state)
{
    enum { BUDGET = 8 * KIB };
    gw_token_cache_t *cache = gw_token_cache_create(BUDGET, key);
    gw_str_t token = token_of("{\"sub\":\"alice\"}");
    gw_token_entry_t *entry = add(cache, token, 1, LATER);
    for (unsigned i = 0; i != 200; ++i) {
        char path[64];
        gw_str_t name = gw_str(path, (size_t)sprintf(path, "a_claim_that_is_not_there_%u", i));
        assert_int_equal(gw_token_cache_property(cache, entry, name).len, 0);
        assert_true(gw_token_cache_bytes(cache) <= BUDGET);
    }
    assert_true(gw_str_equal(gw_token_cache_property(cache, entry, GW_STR("sub")), GW_STR("alice")));
    gw_token_cache_release(cache, entry);
    gw_token_cache_free(cache);
    free((char *)token.ptr);
}

/* a model ---------------------------------------------------------------------------------------------------------- */

enum { NUM_TOKENS = 400, NUM_HELD = 12 };

typedef struct memory {
    bool is_known;
    uint64_t generation;
    int64_t until_ms;
} memory_t;

/** @return the largest that a run may hold, so that small, middling and generous caches are all tried */
static size_t run_randomly(size_t max_bytes, uint64_t random, unsigned num_steps)
{
    memory_t memories[NUM_TOKENS] = {{0}};
    gw_token_entry_t *held[NUM_HELD] = {NULL};
    unsigned held_numbers[NUM_HELD] = {0};
    gw_token_cache_t *cache = gw_token_cache_create(max_bytes, key);
    size_t empty = gw_token_cache_bytes(cache), most = 0, num_found = 0;
    uint64_t generation = 1;
    int64_t now_ms = NOW;
    for (unsigned step = 0; step != num_steps; ++step) {
        char text[700], value[64];
        unsigned number = gw_random_below(&random, NUM_TOKENS);
        gw_str_t token = numbered(text, number, 20 + number * 37 % 600);
        memory_t *memory = &memories[number];
        size_t slot = gw_random_below(&random, NUM_HELD);
        if (held[slot] != NULL) { /* what was held all the time is as it was */
            char again[700];
            assert_true(gw_str_equal(held[slot]->token,
                                     numbered(again, held_numbers[slot], 20 + held_numbers[slot] * 37 % 600)));
            if (gw_random_below(&random, 2) != 0)
                gw_token_cache_property(cache, held[slot], gw_str("abcd", 1 + gw_random_below(&random, 4)));
            gw_token_cache_release(cache, held[slot]);
            held[slot] = NULL;
        }
        gw_token_entry_t *entry = gw_token_cache_find(cache, token, generation, now_ms);
        if (entry != NULL) {
            ++num_found;
            assert_true(memory->is_known && memory->generation == generation && now_ms < memory->until_ms);
            assert_true(gw_str_equal(entry->token, token));
            int len = sprintf(value, "v%u", number);
            assert_true(gw_str_equal(entry->forwards[0], gw_str(value, (size_t)len)));
            assert_int_equal(entry->until_ms, memory->until_ms);
        } else {
            int len = sprintf(value, "v%u", number);
            const gw_str_t forward = gw_str(value, (size_t)len);
            *memory = (memory_t){true, generation, now_ms + 1 + gw_random_below(&random, 5000)};
            entry = gw_token_cache_add(cache, token, payload_in(token), GW_STR("n"), &forward, 1, generation,
                                       memory->until_ms);
        }
        if (gw_random_below(&random, 4) == 0) {
            held[slot] = entry;
            held_numbers[slot] = number;
        } else {
            gw_token_cache_release(cache, entry);
        }
        now_ms += gw_random_below(&random, 10);
        generation += gw_random_below(&random, 2000) == 0;
        size_t bytes = gw_token_cache_bytes(cache);
        assert_true(bytes <= max_bytes);
        assert_true(gw_token_cache_size(cache) <= NUM_TOKENS);
        assert_true((gw_token_cache_size(cache) == 0) == (bytes == empty));
        most = bytes > most ? bytes : most;
    }
    for (size_t i = 0; i != NUM_HELD; ++i)
        if (held[i] != NULL)
            gw_token_cache_release(cache, held[i]);
    if (max_bytes >= 16 * KIB)
        assert_true(num_found != 0);
    gw_token_cache_free(cache);
    return most;
}

static void random_operations_keep_the_budget_and_find_nothing_wrong(void **state)
{
    static const size_t budgets[] = {0, 8, 100, 400, 1000, 3000, 16 * KIB, 64 * KIB, 200 * KIB, 16 * KIB * KIB};
    for (size_t i = 0; i != NUM_OF(budgets); ++i) {
        size_t most = run_randomly(budgets[i], 17 + i, 30000);
        if (i >= 6 && i <= 7) /* these were full: the budget is used, not only kept */
            assert_true(most > budgets[i] * 9 / 10);
    }
}

/** With room for all, nothing is forgotten that still counts. */
static void nothing_is_forgotten_while_there_is_room(void **state)
{
    enum { NUM = 5000 };
    char text[64];
    gw_token_cache_t *cache = gw_token_cache_create(4 * KIB * KIB, key);
    for (unsigned i = 0; i != NUM; ++i)
        add_and_release(cache, numbered(text, i, 40), 1, LATER + i);
    assert_int_equal(gw_token_cache_size(cache), NUM);
    for (unsigned i = 0; i != NUM; ++i)
        assert_true(has(cache, numbered(text, i, 40), 1, LATER - 1));
    for (unsigned i = 0; i != NUM; ++i)
        assert_true(has(cache, numbered(text, i, 40), 1, LATER + 100) == (i > 100));
    assert_int_equal(gw_token_cache_size(cache), NUM - 101);
    gw_token_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_found_as_it_was_remembered),
        cmocka_unit_test(only_the_very_same_token_is_found),
        cmocka_unit_test(a_token_is_found_until_it_ends_and_not_in_that_millisecond),
        cmocka_unit_test(nothing_of_another_generation_is_found),
        cmocka_unit_test(what_is_held_stays_whole_when_it_is_forgotten),
        cmocka_unit_test(the_one_that_was_not_used_for_the_longest_time_makes_way),
        cmocka_unit_test(a_cache_of_nothing_keeps_nothing),
        cmocka_unit_test(a_token_that_is_large_for_the_cache_is_not_kept),
        cmocka_unit_test(a_property_is_a_claim_as_text),
        cmocka_unit_test(properties_count_among_the_bytes_and_go_with_their_token),
        cmocka_unit_test(properties_stay_within_the_budget_too),
        cmocka_unit_test(a_token_whose_properties_fill_the_cache_is_let_go),
        cmocka_unit_test(random_operations_keep_the_budget_and_find_nothing_wrong),
        cmocka_unit_test(nothing_is_forgotten_while_there_is_room),
    };
    return cmocka_run_group_tests_name("jwt token cache", tests, NULL, NULL);
}
