/* SPDX-License-Identifier: MIT
 * Free runs of a row, against a row of bytes that is searched from its beginning. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "filters/cache/store/runs.h"
#include "gateway/base/random.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

typedef struct row {
    gw_runs_t runs;
    void *storage;
    size_t num;
    char *model; /* 1: free */
} row_t;

static void row_init(row_t *row, uint32_t num_groups)
{
    row->num = (size_t)num_groups * GW_RUNS_UNITS;
    row->storage = calloc(1, gw_runs_storage(num_groups));
    row->model = malloc(row->num);
    memset(row->model, 1, row->num);
    gw_runs_init(&row->runs, num_groups, row->storage);
}

static void row_dispose(row_t *row)
{
    free(row->storage);
    free(row->model);
}

static uint64_t lowest_in_model(const row_t *row, size_t num)
{
    size_t len = 0;
    for (size_t i = 0; i != row->num; ++i)
        if ((len = row->model[i] ? len + 1 : 0) == num)
            return i + 1 - num;
    return GW_RUNS_NONE;
}

static size_t longest_in_model(const row_t *row)
{
    size_t len = 0, longest = 0;
    for (size_t i = 0; i != row->num; ++i) {
        len = row->model[i] ? len + 1 : 0;
        longest = len > longest ? len : longest;
    }
    return longest;
}

static void take(row_t *row, size_t first, size_t num)
{
    gw_runs_take(&row->runs, first, num);
    memset(row->model + first, 0, num);
}

static void give(row_t *row, size_t first, size_t num)
{
    gw_runs_give(&row->runs, first, num);
    memset(row->model + first, 1, num);
}

static void assert_as_model(const row_t *row)
{
    assert_int_equal(gw_runs_longest(&row->runs), longest_in_model(row));
}

static void a_new_row_is_one_run(void **state)
{
    static const uint32_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 63, 64, 65, 1000, 4097};
    for (size_t i = 0; i != NUM_OF(sizes); ++i) {
        row_t row;
        row_init(&row, sizes[i]);
        assert_int_equal(gw_runs_longest(&row.runs), row.num);
        assert_int_equal(gw_runs_find(&row.runs, row.num), 0);
        assert_int_equal(gw_runs_find(&row.runs, row.num + 1), GW_RUNS_NONE);
        gw_runs_take(&row.runs, 0, row.num);
        assert_int_equal(gw_runs_longest(&row.runs), 0);
        assert_int_equal(gw_runs_find(&row.runs, 1), GW_RUNS_NONE);
        gw_runs_give(&row.runs, 0, row.num);
        assert_int_equal(gw_runs_find(&row.runs, row.num), 0);
        row_dispose(&row);
    }
}

/** Every run that there may be in three groups: beginning and ending anywhere, within a group and over its borders. */
static void each_run_is_found_where_it_is(void **state)
{
    row_t row;
    row_init(&row, 3);
    take(&row, 0, row.num);
    for (size_t first = 0; first != row.num; ++first)
        for (size_t end = first + 1; end <= row.num; ++end) {
            gw_runs_give(&row.runs, first, end - first);
            assert_int_equal(gw_runs_longest(&row.runs), end - first);
            assert_int_equal(gw_runs_find(&row.runs, 1), first);
            assert_int_equal(gw_runs_find(&row.runs, end - first), first);
            assert_int_equal(gw_runs_find(&row.runs, end - first + 1), GW_RUNS_NONE);
            gw_runs_take(&row.runs, first, end - first);
        }
    row_dispose(&row);
}

/** As long a piece as `random` says: mostly short ones, some that span groups, some that span most of the row. */
static size_t some_length(uint64_t *random, size_t num)
{
    static const uint32_t most[] = {3, 20, 64, 200, 1000, UINT32_MAX};
    size_t limit = most[gw_random_below(random, NUM_OF(most))];
    return 1 + gw_random_below(random, (uint32_t)(limit < num ? limit : num));
}

static void storm(row_t *row, uint64_t *random, size_t num_steps)
{
    for (size_t i = 0; i != num_steps; ++i) {
        size_t num = some_length(random, row->num);
        uint64_t first = gw_runs_find(&row->runs, num);
        assert_int_equal(first, lowest_in_model(row, num));
        if (first != GW_RUNS_NONE && gw_random_below(random, 2) == 0) {
            take(row, first, num);
        } else { /* what is taken from somewhere on, or a part of it */
            size_t from = gw_random_below(random, (uint32_t)row->num), end = from;
            while (from != row->num && row->model[from])
                ++from;
            for (end = from; end != row->num && !row->model[end] && end - from != num;)
                ++end;
            if (from != end)
                give(row, from, end - from);
        }
        assert_as_model(row);
    }
}

static void runs_are_those_of_an_exact_model(void **state)
{
    static const uint32_t sizes[] = {1, 2, 3, 5, 6, 7, 8, 9, 31, 33};
    uint64_t random = 1;
    for (size_t i = 0; i != NUM_OF(sizes); ++i) {
        row_t row;
        row_init(&row, sizes[i]);
        storm(&row, &random, 5000);
        for (size_t unit = 0; unit != row.num; ++unit)
            if (!row.model[unit])
                give(&row, unit, 1);
        assert_int_equal(gw_runs_find(&row.runs, row.num), 0);
        row_dispose(&row);
    }
}

static void grow(row_t *row, uint32_t num_groups)
{
    const size_t num = (size_t)num_groups * GW_RUNS_UNITS;
    row->model = realloc(row->model, num);
    memset(row->model + row->num, 1, num - row->num);
    row->num = num;
    gw_runs_grow(&row->runs, num_groups);
    assert_as_model(row);
}

/** What was taken and what was free stays so, wherever the end was in the tree. */
static void a_row_grows_at_its_end(void **state)
{
    enum { most_groups = 24 };
    uint64_t random = 1;
    for (uint32_t before = 1; before != most_groups; ++before)
        for (uint32_t after = before + 1; after <= most_groups; ++after)
            for (size_t round = 0; round != 3; ++round) { /* all free, all taken, anyhow */
                row_t row;
                row_init(&row, before);
                row.storage = realloc(row.storage, gw_runs_storage(most_groups));
                memset((char *)row.storage + gw_runs_storage(before), 0,
                       gw_runs_storage(most_groups) - gw_runs_storage(before));
                row.runs.slots = row.storage;
                if (round == 1)
                    take(&row, 0, row.num);
                if (round == 2)
                    storm(&row, &random, 60);
                grow(&row, after);
                for (uint32_t group = 0; group != after; ++group)
                    assert_int_equal(gw_runs_is_group_free(&row.runs, group),
                                     memchr(row.model + group * GW_RUNS_UNITS, 0, GW_RUNS_UNITS) == NULL);
                storm(&row, &random, 60);
                if (after != most_groups)
                    grow(&row, most_groups);
                storm(&row, &random, 20);
                row_dispose(&row);
            }
}

static void storage_is_five_bits_for_two_units(void **state)
{
    static const uint32_t sizes[] = {64, 100, 1000, 16384, 1000000, GW_RUNS_MAX_GROUPS};
    for (size_t i = 0; i != NUM_OF(sizes); ++i)
        assert_int_equal(gw_runs_storage(sizes[i]), (uint64_t)sizes[i] * 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_row_is_one_run),
        cmocka_unit_test(each_run_is_found_where_it_is),
        cmocka_unit_test(runs_are_those_of_an_exact_model),
        cmocka_unit_test(a_row_grows_at_its_end),
        cmocka_unit_test(storage_is_five_bits_for_two_units),
    };
    return cmocka_run_group_tests_name("filters: free runs", tests, NULL, NULL);
}
