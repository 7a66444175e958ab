/* SPDX-License-Identifier: MIT
 * Stored bodies: every byte comes back, in few pieces, while more is appended; what is not needed is given back. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "filters/cache/store/body.h"
#include "gateway/base/random.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))
#define KIB           ((size_t)1 << 10)
#define MIB           ((size_t)1 << 20)

/** What stands at an offset of every body here: so that a byte from elsewhere is noticed. */
static char byte_at(uint64_t offset)
{
    return (char)((offset * 0x9e3779b97f4a7c15u) >> 56);
}

static void append(gw_cache_body_t *body, size_t len)
{
    uint64_t offset = atomic_load(&body->size);
    char *bytes = malloc(len != 0 ? len : 1);
    for (size_t i = 0; i != len; ++i)
        bytes[i] = byte_at(offset + i);
    gw_cache_body_append(body, bytes, len);
    free(bytes);
}

static bool is_as_appended(const struct iovec *slices, size_t num, uint64_t offset)
{
    for (size_t i = 0; i != num; ++i)
        for (size_t j = 0; j != slices[i].iov_len; ++j)
            if (((const char *)slices[i].iov_base)[j] != byte_at(offset++))
                return false;
    return true;
}

static uint64_t length_of(const struct iovec *slices, size_t num)
{
    uint64_t len = 0;
    for (size_t i = 0; i != num; ++i)
        len += slices[i].iov_len;
    return len;
}

/** Reads from `from` to `end`, checking all of it.  @return how many slices there were */
static size_t read_all(const gw_cache_body_t *body, uint64_t from, uint64_t end)
{
    struct iovec slices[4];
    gw_cache_place_t place = {.segment = NULL};
    size_t num, all = 0;
    gw_cache_place_seek(body, &place, from);
    assert_int_equal(place.offset, from);
    while ((num = gw_cache_body_slices(body, &place, end, slices, NUM_OF(slices))) != 0) {
        assert_true(is_as_appended(slices, num, from));
        for (size_t i = 0; i != num; ++i)
            assert_int_not_equal(slices[i].iov_len, 0);
        from += length_of(slices, num);
        assert_int_equal(place.offset, from);
        all += num;
    }
    assert_int_equal(from, end);
    return all;
}

/** Leaves holes of that many bytes, whole grains, with a grain between them. */
static void fragment(gw_cache_memory_t *memory, size_t hole)
{
    const size_t size = gw_cache_memory_size(memory), step = hole + GW_CACHE_GRAIN;
    char *all = gw_cache_memory_take(memory, size);
    for (size_t at = 0; at + step <= size; at += step)
        gw_cache_memory_give(memory, all + at, hole);
}

static void a_body_is_one_slice_where_there_is_room_for_that(void **state)
{
    static const size_t sizes[] = {1, 47, 48, 49, 120, 4096, 16384, 100000, MIB};
    gw_cache_memory_t *memory = gw_cache_memory_create(2 * MIB);
    for (size_t i = 0; i != NUM_OF(sizes); ++i) {
        gw_cache_body_t *body = gw_cache_body_create(memory);
        assert_int_equal(atomic_load(&body->references), 1);
        assert_true(gw_cache_body_reserve(memory, body, sizes[i]));
        assert_in_range(gw_cache_body_room(body), sizes[i], sizes[i] + GW_CACHE_GRAIN - 1);
        append(body, sizes[i]);
        assert_int_equal(atomic_load(&body->size), sizes[i]);
        assert_int_equal(read_all(body, 0, sizes[i]), 1);
        /* a struct, a header of 16 bytes, and less than a grain that is not used */
        assert_in_range(gw_cache_body_footprint(body), sizes[i] + 80, sizes[i] + 143);
        assert_int_equal(gw_cache_body_footprint(body), gw_cache_memory_used(memory));
        gw_cache_body_seal(memory, body);
        assert_int_equal(gw_cache_body_room(body), 0);
        assert_int_equal(read_all(body, 0, sizes[i]), 1);
        gw_cache_body_give(memory, body);
        assert_int_equal(gw_cache_memory_used(memory), 0);
    }
    gw_cache_memory_free(memory);
}

static void what_was_not_used_is_given_back(void **state)
{
    static const struct {
        const char *about;
        size_t hole, reserved, appended, again, footprint;
    } cases[] = {
        {"nothing was reserved", MIB, 0, 0, 0, 64},
        {"nothing came", MIB, 5000, 0, 0, 64},
        {"less came", MIB, 100000, 1000, 0, 64 + 1024},
        {"a whole number of grains came", MIB, 100000, 1008, 0, 64 + 1024},
        {"one more", MIB, 100000, 1009, 0, 64 + 1088},
        {"a second segment is not used", MIB, 1008, 1008, 5000, 64 + 1024},
        {"a second segment is not used, nor all of the first", MIB, 1008, 900, 5000, 64 + 960},
        {"several are not used", 8192, 40000, 1008, 0, 64 + 1024},
        {"the last one is used in part", 8192, 24000, 8176 + 100, 0, 64 + 8192 + 128},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        gw_cache_memory_t *memory = gw_cache_memory_create(4 * MIB);
        fragment(memory, cases[i].hole);
        const size_t before = gw_cache_memory_used(memory);
        gw_cache_memory_give(memory, gw_cache_memory_take(memory, 64), 64);
        gw_cache_body_t *body = gw_cache_body_create(memory);
        assert_true(gw_cache_body_reserve(memory, body, cases[i].reserved));
        append(body, cases[i].appended);
        assert_true(gw_cache_body_reserve(memory, body, cases[i].again));
        assert_int_equal(gw_cache_memory_used(memory) - before, gw_cache_body_footprint(body));
        gw_cache_body_seal(memory, body);
        assert_int_equal(gw_cache_memory_used(memory) - before, gw_cache_body_footprint(body));
        if (gw_cache_body_footprint(body) > cases[i].footprint + 64) /* the struct may be in a hole of its own */
            fail_msg("%s: %zu bytes", cases[i].about, gw_cache_body_footprint(body));
        assert_int_equal(gw_cache_body_footprint(body), cases[i].footprint);
        read_all(body, 0, cases[i].appended);
        gw_cache_body_give(memory, body);
        assert_int_equal(gw_cache_memory_used(memory), before);
        gw_cache_memory_free(memory);
    }
}

static void a_fragmented_memory_gives_a_body_in_few_segments(void **state)
{
    static const struct {
        size_t hole, len, most;
    } cases[] = {
        {4160, 4096, 1}, {4160, 40000, 10}, {8192, 100000, 13}, {MIB / 16 + 64, MIB, 16}, {300032, MIB, 4},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        gw_cache_memory_t *memory = gw_cache_memory_create(3 * MIB);
        fragment(memory, cases[i].hole);
        gw_cache_body_t *body = gw_cache_body_create(memory);
        assert_true(gw_cache_body_reserve(memory, body, cases[i].len));
        append(body, cases[i].len);
        assert_in_range(read_all(body, 0, cases[i].len), 1, cases[i].most);
        gw_cache_body_seal(memory, body);
        assert_in_range(read_all(body, 0, cases[i].len), 1, cases[i].most);
        gw_cache_body_give(memory, body);
        gw_cache_memory_free(memory);
    }
}

static void pieces_that_are_too_small_are_not_taken(void **state)
{
    static const struct {
        size_t hole, len;
    } cases[] = {{4096, 4096}, {4096, 40000}, {MIB / 16, MIB}, {64, 100}};
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        gw_cache_memory_t *memory = gw_cache_memory_create(3 * MIB);
        fragment(memory, cases[i].hole);
        gw_cache_body_t *body = gw_cache_body_create(memory);
        const size_t used = gw_cache_memory_used(memory);
        assert_false(gw_cache_body_reserve(memory, body, cases[i].len));
        assert_int_equal(gw_cache_memory_used(memory), used);
        assert_int_equal(gw_cache_body_room(body), 0);
        gw_cache_body_give(memory, body);
        gw_cache_memory_free(memory);
    }
}

/** As a store does that evicts between the attempts. */
static void what_could_be_had_stays_and_several_attempts_are_as_one(void **state)
{
    const size_t len = MIB, hole = MIB / 16 + 64;
    gw_cache_memory_t *memory = gw_cache_memory_create(3 * MIB);
    const size_t size = gw_cache_memory_size(memory);
    char *all = gw_cache_memory_take(memory, size), *next = all;
    gw_cache_memory_give(memory, next, 64);
    next += 128;
    gw_cache_body_t *body = gw_cache_body_create(memory);
    size_t num_attempts = 0;
    while (!gw_cache_body_reserve(memory, body, len - gw_cache_body_room(body))) {
        assert_int_equal(gw_cache_body_room(body), num_attempts * (hole - 16));
        gw_cache_memory_give(memory, next, hole);
        next += hole + 64;
        ++num_attempts;
    }
    assert_int_equal(num_attempts, GW_CACHE_BODY_SEGMENTS);
    append(body, len);
    assert_int_equal(read_all(body, 0, len), GW_CACHE_BODY_SEGMENTS);
    gw_cache_body_give(memory, body);
    gw_cache_memory_free(memory);
}

static void a_body_without_a_known_end_grows(void **state)
{
    gw_cache_memory_t *memory = gw_cache_memory_create(8 * MIB);
    fragment(memory, 50048);
    gw_cache_body_t *body = gw_cache_body_create(memory);
    uint64_t random = 1;
    size_t num_doublings = 0;
    while (atomic_load(&body->size) < MIB / 2) {
        size_t len = gw_random_below(&random, 3000);
        if (gw_cache_body_room(body) < len) {
            size_t size = (size_t)atomic_load(&body->size);
            assert_true(gw_cache_body_reserve(memory, body, size > len ? size : len));
            ++num_doublings;
        }
        append(body, len);
    }
    const uint64_t size = atomic_load(&body->size);
    gw_cache_body_seal(memory, body);
    assert_in_range(read_all(body, 0, size), 2, GW_CACHE_BODY_SEGMENTS * num_doublings);
    gw_cache_body_give(memory, body);
    gw_cache_memory_free(memory);
}

/** Random bodies, appended in random portions, and every kind of range of them. */
static void any_range_comes_back(void **state)
{
    uint64_t random = 1;
    for (size_t i = 0; i != 60; ++i) {
        gw_cache_memory_t *memory = gw_cache_memory_create(MIB);
        fragment(memory, 4160 + 64 * gw_random_below(&random, 100));
        gw_cache_body_t *body = gw_cache_body_create(memory);
        const size_t len = 1 + gw_random_below(&random, 60000);
        assert_true(gw_cache_body_reserve(memory, body, len));
        while (atomic_load(&body->size) != len) {
            uint32_t left = (uint32_t)(len - atomic_load(&body->size));
            append(body, gw_random_below(&random, 4) == 0 ? left : gw_random_below(&random, left + 1));
            read_all(body, 0, atomic_load(&body->size));
        }
        for (size_t j = 0; j != 100; ++j) {
            uint32_t from = gw_random_below(&random, (uint32_t)len + 1);
            read_all(body, from, from + gw_random_below(&random, (uint32_t)len - from + 1));
        }
        read_all(body, len, len);
        gw_cache_body_give(memory, body);
        gw_cache_memory_free(memory);
    }
}

static void no_more_slices_than_there_is_room_for(void **state)
{
    gw_cache_memory_t *memory = gw_cache_memory_create(MIB);
    fragment(memory, 8192);
    gw_cache_body_t *body = gw_cache_body_create(memory);
    const size_t len = 50000;
    assert_true(gw_cache_body_reserve(memory, body, len));
    append(body, len);
    gw_cache_place_t place = {.segment = NULL};
    struct iovec slices[3];
    uint64_t offset = 0;
    assert_int_equal(gw_cache_body_slices(body, &place, len, slices, 0), 0);
    assert_int_equal(place.offset, 0);
    while (offset != len) {
        size_t num = gw_cache_body_slices(body, &place, UINT64_MAX, slices, 1);
        assert_int_equal(num, 1);
        assert_true(is_as_appended(slices, num, offset));
        offset += length_of(slices, num);
    }
    assert_int_equal(gw_cache_body_slices(body, &place, UINT64_MAX, slices, 3), 0);
    gw_cache_body_give(memory, body);
    gw_cache_memory_free(memory);
}

static void a_body_lies_beyond_the_end_when_a_segment_does(void **state)
{
    gw_cache_memory_t *memory = gw_cache_memory_create(MIB);
    gw_cache_body_t *body = gw_cache_body_create(memory);
    assert_true(gw_cache_body_reserve(memory, body, 100000));
    void *between = gw_cache_memory_take(memory, MIB / 2);
    assert_true(gw_cache_body_reserve(memory, body, 100000));
    gw_cache_memory_give(memory, between, MIB / 2);
    assert_false(gw_cache_body_is_beyond(memory, body));
    assert_true(gw_cache_memory_resize(memory, MIB / 2));
    assert_true(gw_cache_body_is_beyond(memory, body));
    append(body, 50000);
    gw_cache_body_seal(memory, body);
    assert_false(gw_cache_body_is_beyond(memory, body));
    gw_cache_body_give(memory, body);
    gw_cache_memory_free(memory);
}

/* threads ---------------------------------------------------------------------------------------------------------- */

enum { num_readers = 4, streamed = 400000 };

typedef struct reader {
    pthread_t thread;
    const gw_cache_body_t *body;
    uint64_t first; /* where it begins */
    bool is_right;
} reader_t;

static void *read_along(void *arg)
{
    reader_t *reader = arg;
    gw_cache_place_t place = {.segment = NULL};
    reader->is_right = true;
    for (bool has_begun = false; place.offset != streamed && reader->is_right;) {
        struct iovec slices[3];
        if (!has_begun) {
            if (atomic_load_explicit(&reader->body->size, memory_order_acquire) < reader->first)
                continue;
            gw_cache_place_seek(reader->body, &place, reader->first);
            has_begun = true;
        }
        uint64_t before = place.offset;
        size_t num = gw_cache_body_slices(reader->body, &place, streamed, slices, NUM_OF(slices));
        reader->is_right = is_as_appended(slices, num, before) && before + length_of(slices, num) == place.offset;
    }
    return NULL;
}

/** Readers follow a body that is reserved, appended to and sealed; the rest of the memory is in use meanwhile. */
static void readers_see_what_was_appended_and_nothing_else(void **state)
{
    uint64_t random = 1;
    for (size_t round = 0; round != 20; ++round) {
        gw_cache_memory_t *memory = gw_cache_memory_create(4 * MIB);
        fragment(memory, 51200 + 64 * gw_random_below(&random, 100));
        reader_t readers[num_readers];
        gw_cache_body_t *body = gw_cache_body_create(memory);
        for (size_t i = 0; i != num_readers; ++i) {
            readers[i] = (reader_t){.body = body, .first = gw_random_below(&random, streamed + 1) * (i & 1)};
            if (pthread_create(&readers[i].thread, NULL, read_along, &readers[i]) != 0)
                abort();
        }
        for (uint64_t size; (size = atomic_load(&body->size)) != streamed;) {
            size_t len = gw_random_below(&random, 4000);
            len = len < streamed - size ? len : streamed - (size_t)size;
            if (gw_cache_body_room(body) < len)
                assert_true(gw_cache_body_reserve(memory, body, len + (size_t)size));
            append(body, len);
        }
        gw_cache_body_seal(memory, body);
        size_t others = 0;
        void *other = gw_cache_memory_take_some(memory, 1, 64 * KIB, &others); /* what was given back is another's */
        memset(other, 0, others);
        for (size_t i = 0; i != num_readers; ++i) {
            pthread_join(readers[i].thread, NULL);
            assert_true(readers[i].is_right);
        }
        gw_cache_memory_free(memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_is_one_slice_where_there_is_room_for_that),
        cmocka_unit_test(what_was_not_used_is_given_back),
        cmocka_unit_test(a_fragmented_memory_gives_a_body_in_few_segments),
        cmocka_unit_test(pieces_that_are_too_small_are_not_taken),
        cmocka_unit_test(what_could_be_had_stays_and_several_attempts_are_as_one),
        cmocka_unit_test(a_body_without_a_known_end_grows),
        cmocka_unit_test(any_range_comes_back),
        cmocka_unit_test(no_more_slices_than_there_is_room_for),
        cmocka_unit_test(a_body_lies_beyond_the_end_when_a_segment_does),
        cmocka_unit_test(readers_see_what_was_appended_and_nothing_else),
    };
    return cmocka_run_group_tests_name("filters: stored bodies", tests, NULL, NULL);
}
