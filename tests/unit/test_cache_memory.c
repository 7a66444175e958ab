/* SPDX-License-Identifier: MIT
 * The memory of a cache: within its budget whatever is done with it, nothing handed out twice, nothing lost. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include "filters/cache/store/memory.h"
#include "gateway/base/random.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))
#define KIB           ((size_t)1 << 10)
#define MIB           ((size_t)1 << 20)

static void what_manages_the_rest_is_a_hundredth_of_it(void **state)
{
    static const size_t sizes[] = {128 * KIB, 132 * KIB, 200 * KIB, MIB, 3 * MIB + 4 * KIB, 64 * MIB, 100 * MIB};
    for (size_t i = 0; i != NUM_OF(sizes); ++i) {
        gw_cache_memory_t *memory = gw_cache_memory_create(sizes[i]);
        assert_non_null(memory);
        /* and what is left of the last 4 KiB that it cannot be divided by */
        assert_in_range(gw_cache_memory_size(memory), sizes[i] - sizes[i] / 100 - 4 * KIB, sizes[i] - 1);
        assert_int_equal(gw_cache_memory_used(memory), 0);
        void *all = gw_cache_memory_take(memory, gw_cache_memory_size(memory));
        assert_non_null(all);
        assert_int_equal((uintptr_t)all % GW_CACHE_GRAIN, 0);
        memset(all, 0x5a, gw_cache_memory_size(memory));
        assert_int_equal(gw_cache_memory_used(memory), gw_cache_memory_size(memory));
        assert_null(gw_cache_memory_take(memory, 1));
        gw_cache_memory_free(memory);
    }
}

static void what_cannot_be_managed_is_refused(void **state)
{
    static const size_t sizes[] = {0, 4 * KIB, MIB * MIB};
    for (size_t i = 0; i != NUM_OF(sizes); ++i) {
        errno = 0;
        assert_null(gw_cache_memory_create(sizes[i]));
        assert_int_equal(errno, EINVAL);
    }
    gw_cache_memory_free(NULL);
}

static void sizes_are_rounded_up_to_grains(void **state)
{
    static const struct {
        size_t asked, taken;
    } cases[] = {{0, 64}, {1, 64}, {64, 64}, {65, 128}, {4096, 4096}, {4097, 4160}};
    gw_cache_memory_t *memory = gw_cache_memory_create(MIB);
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        void *piece = gw_cache_memory_take(memory, cases[i].asked);
        assert_int_equal(gw_cache_memory_used(memory), cases[i].taken);
        gw_cache_memory_give(memory, piece, cases[i].asked);
        assert_int_equal(gw_cache_memory_used(memory), 0);
    }
    gw_cache_memory_free(memory);
}

static void as_large_a_piece_as_there_is(void **state)
{
    gw_cache_memory_t *memory = gw_cache_memory_create(MIB);
    const size_t size = gw_cache_memory_size(memory);
    size_t bytes = 0;
    char *all = gw_cache_memory_take(memory, size);
    gw_cache_memory_give(memory, all + 4096, 640);
    gw_cache_memory_give(memory, all + 8192, 1280);
    static const struct {
        const char *about;
        size_t least, most, from, taken; /* 0: none */
    } cases[] = {
        {"what is wanted, at the lowest place", 1, 640, 4096, 640},
        {"one more is the next hole's", 1, 641, 8192, 704},
        {"not rounded up to what there is", 1, 700, 8192, 704},
        {"the longest, being too short", 1, 5000, 8192, 1280},
        {"just enough", 1280, 5000, 8192, 1280},
        {"not enough", 1281, 5000, 0, 0},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        char *piece = gw_cache_memory_take_some(memory, cases[i].least, cases[i].most, &bytes);
        if (cases[i].taken == 0) {
            assert_null(piece);
            continue;
        }
        assert_ptr_equal(piece, all + cases[i].from);
        assert_int_equal(bytes, cases[i].taken);
        gw_cache_memory_give(memory, piece, bytes);
    }
    gw_cache_memory_free(memory);
}

static void the_end_of_a_piece_can_be_given_back_first(void **state)
{
    gw_cache_memory_t *memory = gw_cache_memory_create(MIB);
    char *piece = gw_cache_memory_take(memory, 10000); /* 157 grains */
    memset(piece, 'x', 10000);
    gw_cache_memory_give(memory, piece + 640, 10000 - 640);
    assert_int_equal(gw_cache_memory_used(memory), 640);
    assert_ptr_equal(gw_cache_memory_take(memory, 10000), piece + 640);
    for (size_t i = 0; i != 640; ++i)
        assert_int_equal(piece[i], 'x');
    gw_cache_memory_free(memory);
}

/* storms ----------------------------------------------------------------------------------------------------------- */

enum { most_pieces = 1 << 16 };

typedef struct piece {
    unsigned char *bytes;
    size_t len;
    unsigned char mark;
} piece_t;

/** Pieces in a memory, and who has each of its grains. */
typedef struct pieces {
    gw_cache_memory_t *memory;
    unsigned char *begin; /* of what is handed out */
    unsigned char *owners;
    piece_t all[most_pieces];
    size_t num, used;
    uint64_t random;
    size_t num_failed;
    double free_when_failed, most_free_when_failed; /* of 1; the first one summed up */
} pieces_t;

static size_t num_grains(size_t len)
{
    return (len + GW_CACHE_GRAIN - 1) / GW_CACHE_GRAIN;
}

static pieces_t *pieces_create(size_t bytes)
{
    pieces_t *pieces = calloc(1, sizeof(*pieces));
    pieces->memory = gw_cache_memory_create(bytes);
    pieces->random = 1;
    pieces->owners = calloc(gw_cache_memory_size(pieces->memory) / GW_CACHE_GRAIN + 1, 1);
    pieces->begin = gw_cache_memory_take(pieces->memory, 1); /* the lowest place */
    gw_cache_memory_give(pieces->memory, pieces->begin, 1);
    return pieces;
}

static void pieces_free(pieces_t *pieces)
{
    gw_cache_memory_free(pieces->memory);
    free(pieces->owners);
    free(pieces);
}

/** Between 64 bytes and 1 MiB, as many between 64 and 128 bytes as between 512 KiB and 1 MiB (Zipf, exponent 1). */
static size_t some_size(uint64_t *random)
{
    const uint32_t least = UINT32_C(64) << gw_random_below(random, 14);
    return least + gw_random_below(random, least);
}

/** Marks what was taken, all of which must be nobody's, in the memory. */
static void add_piece(pieces_t *pieces, unsigned char *bytes, size_t len)
{
    const size_t first = (size_t)(bytes - pieces->begin) / GW_CACHE_GRAIN;
    const unsigned char mark = (unsigned char)(1 + gw_random_below(&pieces->random, 255));
    assert_true(bytes >= pieces->begin &&
                len <= gw_cache_memory_size(pieces->memory) - (size_t)(bytes - pieces->begin));
    assert_int_equal(pieces->owners[first], 0);
    assert_memory_equal(pieces->owners + first, pieces->owners + first + 1, num_grains(len) - 1);
    memset(pieces->owners + first, mark, num_grains(len));
    bytes[0] = bytes[len - 1] = bytes[len / 2] = mark;
    pieces->all[pieces->num++] = (piece_t){bytes, len, mark};
    pieces->used += num_grains(len) * GW_CACHE_GRAIN;
    assert_int_equal(gw_cache_memory_used(pieces->memory), pieces->used);
}

static void give_piece(pieces_t *pieces, size_t i)
{
    const piece_t piece = pieces->all[i];
    assert_true(piece.bytes[0] == piece.mark && piece.bytes[piece.len - 1] == piece.mark &&
                piece.bytes[piece.len / 2] == piece.mark);
    memset(pieces->owners + (piece.bytes - pieces->begin) / GW_CACHE_GRAIN, 0, num_grains(piece.len));
    gw_cache_memory_give(pieces->memory, piece.bytes, piece.len);
    pieces->used -= num_grains(piece.len) * GW_CACHE_GRAIN;
    pieces->all[i] = pieces->all[--pieces->num];
    assert_int_equal(gw_cache_memory_used(pieces->memory), pieces->used);
}

/** Takes a piece, giving back others at random until it can be had. */
static void take_somehow(pieces_t *pieces, size_t len)
{
    unsigned char *bytes;
    while ((bytes = gw_cache_memory_take(pieces->memory, len)) == NULL) {
        const double share = 1 - (double)pieces->used / (double)gw_cache_memory_size(pieces->memory);
        ++pieces->num_failed;
        pieces->free_when_failed += share;
        if (pieces->most_free_when_failed < share)
            pieces->most_free_when_failed = share;
        assert_true(pieces->num != 0);
        give_piece(pieces, gw_random_below(&pieces->random, (uint32_t)pieces->num));
    }
    add_piece(pieces, bytes, len);
}

static void give_all(pieces_t *pieces)
{
    while (pieces->num != 0)
        give_piece(pieces, pieces->num - 1);
    const size_t size = gw_cache_memory_size(pieces->memory);
    void *all = gw_cache_memory_take(pieces->memory, size);
    assert_ptr_equal(all, pieces->begin);
    gw_cache_memory_give(pieces->memory, all, size);
}

/** A million operations with the sizes of a real cache. */
static void nothing_is_handed_out_twice_and_nothing_is_lost(void **state)
{
    pieces_t *pieces = pieces_create(32 * MIB);
    for (size_t i = 0; i != 500000; ++i) {
        take_somehow(pieces, some_size(&pieces->random));
        if (gw_random_below(&pieces->random, 2) == 0)
            give_piece(pieces, gw_random_below(&pieces->random, (uint32_t)pieces->num));
    }
    give_all(pieces);
    pieces_free(pieces);
}

/** How much is free when a piece does not fit; whoever changes the allocator sees here what it costs. */
static void little_is_free_when_a_piece_does_not_fit(void **state)
{
    static const struct {
        const char *about;
        size_t least, most; /* 0: as some_size */
        double share;       /* on average, of 1 */
    } cases[] = {
        {"entries", 300, 1800, 0.07},
        {"small ones", 64, 640, 0.06},
        {"bodies in one piece", 0, 0, 0.20},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        pieces_t *pieces = pieces_create(16 * MIB);
        for (size_t j = 0; j != 200000; ++j)
            take_somehow(pieces, cases[i].least == 0
                                     ? some_size(&pieces->random)
                                     : cases[i].least + gw_random_below(&pieces->random,
                                                                        (uint32_t)(cases[i].most - cases[i].least)));
        assert_true(pieces->num_failed > 1000);
        const double share = pieces->free_when_failed / (double)pieces->num_failed;
        if (share > cases[i].share)
            fail_msg("%s: %.3f of the memory is free, which is more than %.3f", cases[i].about, share, cases[i].share);
        print_message("%s: %.2f %% free on average, %.2f %% at most\n", cases[i].about, 100 * share,
                      100 * pieces->most_free_when_failed);
        give_all(pieces);
        pieces_free(pieces);
    }
}

/* what is there ---------------------------------------------------------------------------------------------------- */

/** @return bytes of the mapping, which the memory's struct is the beginning of and which has place for more, that the
 * machine keeps for it */
static size_t resident(gw_cache_memory_t *memory, size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), num = bytes * 2 / page;
    unsigned char *pages = malloc(num);
    size_t num_there = 0;
    assert_int_equal(mincore(memory, bytes * 2, pages), 0);
    for (size_t i = 0; i != num; ++i)
        num_there += pages[i] & 1;
    free(pages);
    return num_there * page;
}

static void fill(void *piece, size_t len)
{
    memset(piece, 0x5a, len);
}

static void memory_is_there_as_far_as_it_was_used(void **state)
{
    /* where the system deals in huge pages, each end of what is used may be in one */
    const size_t bytes = 64 * MIB, slack = 4 * MIB + 64 * KIB;
    gw_cache_memory_t *memory = gw_cache_memory_create(bytes);
    assert_true(resident(memory, bytes) <= slack);
    void *first = gw_cache_memory_take(memory, 8 * MIB);
    assert_true(resident(memory, bytes) <= slack); /* untouched as yet */
    fill(first, 8 * MIB);
    assert_in_range(resident(memory, bytes), 8 * MIB, 8 * MIB + slack);
    for (size_t i = 0; i != 1000; ++i) { /* the same places again */
        gw_cache_memory_give(memory, first, 8 * MIB);
        first = gw_cache_memory_take(memory, 8 * MIB);
        fill(first, 4 * KIB);
    }
    assert_in_range(resident(memory, bytes), 8 * MIB, 8 * MIB + slack);
    gw_cache_memory_free(memory);
}

static void a_full_memory_is_all_there_and_no_more_than_its_bytes(void **state)
{
    pieces_t *pieces = pieces_create(16 * MIB);
    for (size_t i = 0; i != 100000; ++i) {
        take_somehow(pieces, some_size(&pieces->random));
        fill(pieces->all[pieces->num - 1].bytes, pieces->all[pieces->num - 1].len);
        pieces->all[pieces->num - 1].mark = 0x5a;
    }
    assert_in_range(resident(pieces->memory, 16 * MIB), 16 * MIB / 100 * 95, 16 * MIB);
    give_all(pieces);
    pieces_free(pieces);
}

/* another size ----------------------------------------------------------------------------------------------------- */

static void more_is_there_at_once(void **state)
{
    gw_cache_memory_t *memory = gw_cache_memory_create(MIB);
    const size_t before = gw_cache_memory_size(memory);
    char *piece = gw_cache_memory_take(memory, before);
    memset(piece, 0x5a, before);
    assert_true(gw_cache_memory_resize(memory, 4 * MIB));
    const size_t size = gw_cache_memory_size(memory);
    assert_in_range(size, 4 * MIB - 4 * MIB / 100, 4 * MIB);
    assert_int_equal(gw_cache_memory_used(memory), before);
    char *more = gw_cache_memory_take(memory, size - before);
    assert_ptr_equal(more, piece + before);
    memset(more, 0x5a, size - before);
    gw_cache_memory_give(memory, piece, before);
    gw_cache_memory_give(memory, more, size - before);
    assert_ptr_equal(gw_cache_memory_take(memory, size), piece);
    gw_cache_memory_free(memory);
}

static void what_cannot_be_had_changes_nothing(void **state)
{
    static const size_t sizes[] = {0, 8 * KIB, 7 * MIB, MIB * MIB};
    gw_cache_memory_t *memory = gw_cache_memory_create(MIB);
    const size_t before = gw_cache_memory_size(memory);
    for (size_t i = 0; i != NUM_OF(sizes); ++i) {
        assert_false(gw_cache_memory_resize(memory, sizes[i]));
        assert_int_equal(gw_cache_memory_size(memory), before);
    }
    assert_non_null(gw_cache_memory_take(memory, before));
    gw_cache_memory_free(memory);
}

static void nothing_is_handed_out_beyond_the_end_and_what_is_there_stays(void **state)
{
    gw_cache_memory_t *memory = gw_cache_memory_create(4 * MIB);
    size_t size = gw_cache_memory_size(memory), bytes = 0;
    char *first = gw_cache_memory_take(memory, MIB), *second = gw_cache_memory_take(memory, 2 * MIB);
    memset(second, 0x5a, 2 * MIB);
    assert_true(gw_cache_memory_resize(memory, 2 * MIB)); /* in the midst of the second */
    const size_t half = gw_cache_memory_size(memory);
    assert_in_range(half, 2 * MIB - 2 * MIB / 50, 2 * MIB);
    assert_false(gw_cache_memory_is_beyond(memory, first, MIB));
    assert_true(gw_cache_memory_is_beyond(memory, second, 2 * MIB));
    assert_false(gw_cache_memory_is_beyond(memory, second, half - MIB));
    assert_true(gw_cache_memory_is_beyond(memory, second, half - MIB + 1));
    assert_null(gw_cache_memory_take(memory, 1));
    assert_null(gw_cache_memory_take_some(memory, 1, 4 * MIB, &bytes));
    assert_int_equal(gw_cache_memory_used(memory), 3 * MIB);
    for (size_t i = 0; i != 2 * MIB; ++i)
        assert_int_equal(second[i], 0x5a);
    gw_cache_memory_give(memory, first, 640); /* there are holes, but more is used than there is */
    assert_null(gw_cache_memory_take(memory, 1));
    assert_null(gw_cache_memory_take_some(memory, 1, 4 * MIB, &bytes));
    gw_cache_memory_give(memory, second, 2 * MIB); /* one run with what lies beyond */
    assert_null(gw_cache_memory_take_some(memory, half - MIB + 1, 4 * MIB, &bytes));
    assert_ptr_equal(gw_cache_memory_take_some(memory, 1, 4 * MIB, &bytes), second);
    assert_int_equal(bytes, half - MIB);
    assert_ptr_equal(gw_cache_memory_take_some(memory, 1, 4 * MIB, &bytes), first);
    assert_int_equal(bytes, 640);
    assert_true(gw_cache_memory_resize(memory, 4 * MIB)); /* and all of it again */
    assert_int_equal(gw_cache_memory_size(memory), size);
    gw_cache_memory_give(memory, first, half);
    assert_ptr_equal(gw_cache_memory_take(memory, size), first);
    gw_cache_memory_free(memory);
}

static void trim(gw_cache_memory_t *memory)
{
    size_t num = 1;
    while (gw_cache_memory_trim(memory, MIB))
        ++num;
    assert_in_range(num, 1, 64);
}

static void the_machine_gets_back_what_lies_beyond(void **state)
{
    const size_t bytes = 64 * MIB, slack = 2 * MIB + 64 * KIB;
    gw_cache_memory_t *memory = gw_cache_memory_create(bytes);
    const size_t size = gw_cache_memory_size(memory);
    char *low = gw_cache_memory_take(memory, 8 * MIB), *high = gw_cache_memory_take(memory, size - 8 * MIB);
    fill(low, 8 * MIB);
    fill(high, size - 8 * MIB);
    trim(memory); /* nothing lies beyond */
    assert_true(resident(memory, bytes) >= bytes - bytes / 100);
    gw_cache_memory_give(memory, high + 56 * KIB, size - 8 * MIB - 56 * KIB);
    assert_true(gw_cache_memory_resize(memory, 16 * MIB));
    trim(memory);
    assert_in_range(resident(memory, bytes), 8 * MIB, 16 * MIB + slack);
    assert_true(gw_cache_memory_resize(memory, bytes / 8));
    trim(memory);
    assert_in_range(resident(memory, bytes), 8 * MIB, 8 * MIB + slack); /* some of what is left lies beyond */
    const size_t before = resident(memory, bytes);
    gw_cache_memory_give(memory, high, 56 * KIB);
    trim(memory);
    assert_int_equal(before - resident(memory, bytes), 56 * KIB);
    gw_cache_memory_give(memory, low + 4 * MIB, 4 * MIB);
    assert_true(gw_cache_memory_resize(memory, 4 * MIB));
    trim(memory);
    assert_in_range(resident(memory, bytes), 4 * MIB - bytes / 100, 4 * MIB + slack);
    for (size_t i = 0; i != 3 * MIB; ++i)
        assert_int_equal(low[i], 0x5a);
    gw_cache_memory_free(memory);
}

/** Pieces come and go while the size changes: none is lost, or handed out beyond the end. */
static void a_memory_may_change_its_size_again_and_again(void **state)
{
    pieces_t *pieces = pieces_create(4 * MIB); /* whose owners are as many as there are at most */
    size_t num_taken = 0;
    for (size_t i = 0; i != 50000; ++i) {
        size_t bytes = 0, len = some_size(&pieces->random), least = 1 + gw_random_below(&pieces->random, (uint32_t)len);
        if (gw_random_below(&pieces->random, 100) == 0) {
            size_t used = gw_cache_memory_used(pieces->memory);
            assert_true(gw_cache_memory_resize(pieces->memory, MIB + 4 * KIB * gw_random_below(&pieces->random, 768)));
            assert_int_equal(gw_cache_memory_used(pieces->memory), used);
            gw_cache_memory_trim(pieces->memory, 256 * KIB);
        }
        unsigned char *piece = i % 2 == 0 ? gw_cache_memory_take(pieces->memory, bytes = len)
                                          : gw_cache_memory_take_some(pieces->memory, least, len, &bytes);
        if (piece != NULL) {
            assert_false(gw_cache_memory_is_beyond(pieces->memory, piece, bytes));
            add_piece(pieces, piece, bytes);
            ++num_taken;
        }
        while (pieces->num > 20 || (piece == NULL && pieces->num != 0)) {
            give_piece(pieces, gw_random_below(&pieces->random, (uint32_t)pieces->num));
            piece = pieces->begin;
        }
    }
    assert_true(num_taken > 20000);
    assert_true(gw_cache_memory_resize(pieces->memory, 4 * MIB));
    give_all(pieces);
    pieces_free(pieces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_manages_the_rest_is_a_hundredth_of_it),
        cmocka_unit_test(what_cannot_be_managed_is_refused),
        cmocka_unit_test(sizes_are_rounded_up_to_grains),
        cmocka_unit_test(as_large_a_piece_as_there_is),
        cmocka_unit_test(the_end_of_a_piece_can_be_given_back_first),
        cmocka_unit_test(nothing_is_handed_out_twice_and_nothing_is_lost),
        cmocka_unit_test(little_is_free_when_a_piece_does_not_fit),
        cmocka_unit_test(memory_is_there_as_far_as_it_was_used),
        cmocka_unit_test(more_is_there_at_once),
        cmocka_unit_test(what_cannot_be_had_changes_nothing),
        cmocka_unit_test(nothing_is_handed_out_beyond_the_end_and_what_is_there_stays),
        cmocka_unit_test(the_machine_gets_back_what_lies_beyond),
        cmocka_unit_test(a_memory_may_change_its_size_again_and_again),
        cmocka_unit_test(a_full_memory_is_all_there_and_no_more_than_its_bytes),
    };
    return cmocka_run_group_tests_name("filters: memory of a cache", tests, NULL, NULL);
}
