/* SPDX-License-Identifier: MIT
 * Numbers by key, for all threads at once.
 *
 * Order of things in a place: taking it for another key is value := LEAVING, then tag := the new one, then value := its
 * first number.  Whoever works on a key reads value, tag, and value again, and changes the value by compare-and-swap:
 * had the place been given away in between, the value would be another one: a key begins with one that the place has
 * never had, see fresh(). */
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "filters/rate_limit/bucket_table.h"
#include "gateway/base/memory.h"

enum { places = 5, spins_before_yield = 200 };

#define LEAVING UINT64_MAX

typedef struct line {
    _Atomic(uint64_t) values[places];
    _Atomic(uint32_t) tags[places]; /* 0: never used */
    _Atomic(uint32_t) is_taken;     /* by a thread that brings in a key of which this is the lower line */
} line_t;

_Static_assert(sizeof(line_t) == GW_CACHE_LINE, "a line of the table is one of the cache");

struct gw_bucket_table {
    const gw_bucket_kind_t *kind;
    line_t *lines;
    size_t num_lines;
};

typedef struct spot {
    line_t *lines[2];
    uint32_t tag;
} spot_t;

/** The numbers of the two lines of a key add up to one that its tag names: so keys of one tag have either both lines in
 * common, and share a number wherever it is, or none.  Had they one in common, a key would lose its own number when the
 * other came into that line.  The sum is odd and there is an even number of lines: the two are never the same. */
static spot_t find_spot(const gw_bucket_table_t *table, uint64_t hash)
{
    spot_t spot = {.tag = (uint32_t)hash != 0 ? (uint32_t)hash : 1};
    uint64_t num = table->num_lines, first = (hash >> 32) * num >> 32; /* any number of lines, without a division */
    uint64_t sum = (uint64_t)(spot.tag * 0x9e3779b1u) * (num / 2) >> 32;
    sum = 2 * sum + 1;
    spot.lines[0] = table->lines + first;
    spot.lines[1] = table->lines + (sum >= first ? sum - first : sum + num - first);
    return spot;
}

/** The one that is taken to bring in a key, whichever of the two is its first. */
static line_t *lower_line(const spot_t *spot)
{
    return spot->lines[0] < spot->lines[1] ? spot->lines[0] : spot->lines[1];
}

/** Reads a place if it is this key's.  A number that is the same before and after its tag was read belonged to that tag
 * all the while, since no two keys have the same one in a place: without the second look it might be that of a key
 * which came and went in between. */
static bool read_place(line_t *line, int i, uint32_t tag, uint64_t *ret_value)
{
    do {
        *ret_value = atomic_load_explicit(&line->values[i], memory_order_acquire);
        if (*ret_value == LEAVING || atomic_load_explicit(&line->tags[i], memory_order_acquire) != tag)
            return false;
    } while (atomic_load_explicit(&line->values[i], memory_order_relaxed) != *ret_value);
    return true;
}

/** @return the place of the key and what is in it; NULL: it is not there, or about to leave */
static _Atomic(uint64_t) *look_up(const spot_t *spot, uint64_t *ret_value)
{
    for (int k = 0; k != 2; ++k) {
        line_t *line = spot->lines[k];
        for (int i = 0; i != places; ++i)
            if (atomic_load_explicit(&line->tags[i], memory_order_relaxed) == spot->tag &&
                read_place(line, i, spot->tag, ret_value))
                return &line->values[i];
    }
    return NULL;
}

/* bringing in ------------------------------------------------------------------------------------------------------ */

static inline void rest(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static void take_line(line_t *line)
{
    for (unsigned spins = 0; atomic_exchange_explicit(&line->is_taken, 1, memory_order_acquire) != 0;)
        if (++spins >= spins_before_yield)
            sched_yield();
        else
            rest();
}

static void leave_line(line_t *line)
{
    atomic_store_explicit(&line->is_taken, 0, memory_order_release);
}

static bool is_usable(const gw_bucket_table_t *table, line_t *line, int i, uint64_t now, uint64_t *ret_value)
{
    *ret_value = atomic_load_explicit(&line->values[i], memory_order_acquire);
    if (*ret_value == LEAVING)
        return false;
    return atomic_load_explicit(&line->tags[i], memory_order_relaxed) == 0 || table->kind->is_free(*ret_value, now);
}

/** @return how many keys could come into it; *ret_place is a place for one */
static int count_usable(const gw_bucket_table_t *table, line_t *line, uint64_t now, int *ret_place, uint64_t *ret_value)
{
    int num = 0;
    for (int i = 0; i != places; ++i) {
        uint64_t value;
        if (is_usable(table, line, i, now, &value) && num++ == 0) {
            *ret_place = i;
            *ret_value = value;
        }
    }
    return num;
}

/** Finds a place that may be used and makes it LEAVING.  @return NULL: there is none */
static line_t *win_place(const gw_bucket_table_t *table, const spot_t *spot, uint64_t now, int *ret_place,
                         uint64_t *ret_value)
{
    for (;;) {
        int at[2];
        uint64_t values[2];
        int num = count_usable(table, spot->lines[0], now, &at[0], &values[0]);
        int k = num < places - 1 && count_usable(table, spot->lines[1], now, &at[1], &values[1]) > num;
        if (num == 0 && k == 0)
            return NULL;
        if (atomic_compare_exchange_strong_explicit(&spot->lines[k]->values[at[k]], &values[k], LEAVING,
                                                    memory_order_acq_rel, memory_order_relaxed)) {
            *ret_place = at[k];
            *ret_value = values[k];
            return spot->lines[k];
        }
    }
}

static gw_bucket_result_t bring_in_taken(const gw_bucket_table_t *table, const spot_t *spot, uint64_t now,
                                         gw_bucket_change_t *change)
{
    int i;
    uint64_t old;
    line_t *line = win_place(table, spot, now, &i, &old);
    if (line == NULL)
        return GW_BUCKET_NO_ROOM;
    uint64_t first = table->kind->fresh(old), value = change->apply(change, first);
    /* when nothing comes, the place is left empty: the key that was here may have come to another one meanwhile */
    atomic_store_explicit(&line->tags[i], value != first ? spot->tag : 0, memory_order_release);
    atomic_store_explicit(&line->values[i], value, memory_order_release);
    return GW_BUCKET_CHANGED;
}

/** @return GW_BUCKET_ABSENT: another thread was faster, the key is there now */
static gw_bucket_result_t bring_in(const gw_bucket_table_t *table, const spot_t *spot, uint64_t now,
                                   gw_bucket_change_t *change)
{
    uint64_t value;
    take_line(lower_line(spot));
    gw_bucket_result_t result =
        look_up(spot, &value) != NULL ? GW_BUCKET_ABSENT : bring_in_taken(table, spot, now, change);
    leave_line(lower_line(spot));
    return result;
}

/* ------------------------------------------------------------------------------------------------------------------ */

gw_bucket_result_t gw_bucket_table_change(gw_bucket_table_t *table, uint64_t hash, uint64_t now, bool may_bring_in,
                                          gw_bucket_change_t *change)
{
    spot_t spot = find_spot(table, hash);
    for (;;) {
        uint64_t value;
        _Atomic(uint64_t) *place = look_up(&spot, &value);
        if (place != NULL) {
            uint64_t next = change->apply(change, value);
            if (next == value || atomic_compare_exchange_strong_explicit(place, &value, next, memory_order_acq_rel,
                                                                         memory_order_relaxed))
                return GW_BUCKET_CHANGED;
            continue;
        }
        if (!may_bring_in)
            return GW_BUCKET_ABSENT;
        gw_bucket_result_t result = bring_in(table, &spot, now, change);
        if (result != GW_BUCKET_ABSENT)
            return result;
    }
}

bool gw_bucket_table_find(const gw_bucket_table_t *table, uint64_t hash, uint64_t *ret_value)
{
    spot_t spot = find_spot(table, hash);
    uint64_t value;
    if (look_up(&spot, &value) == NULL)
        return false;
    *ret_value = value;
    return true;
}

void gw_bucket_table_prefetch(const gw_bucket_table_t *table, uint64_t hash)
{
    spot_t spot = find_spot(table, hash);
    __builtin_prefetch(spot.lines[0]);
    __builtin_prefetch(spot.lines[1]);
}

/* life ------------------------------------------------------------------------------------------------------------- */

gw_bucket_table_t *gw_bucket_table_create(const gw_bucket_kind_t *kind, size_t keys)
{
    gw_bucket_table_t *table = gw_must_alloc(1, sizeof(*table));
    table->kind = kind;
    /* 2.6 places for each key: of so many lines, none of 1,000,000 keys finds both of its own full */
    table->num_lines = (keys * 13 / 25 + 9) & ~(size_t)1;
    /* pages that are not used take no memory */
    table->lines = mmap(NULL, gw_bucket_table_bytes(table), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (table->lines == MAP_FAILED)
        abort();
    return table;
}

gw_bucket_table_t *gw_bucket_table_free(gw_bucket_table_t *table)
{
    if (table != NULL)
        munmap(table->lines, gw_bucket_table_bytes(table));
    free(table);
    return NULL;
}

size_t gw_bucket_table_count(const gw_bucket_table_t *table, uint64_t now)
{
    size_t num = 0;
    for (size_t k = 0; k != table->num_lines; ++k)
        for (int i = 0; i != places; ++i) {
            uint64_t value = atomic_load_explicit(&table->lines[k].values[i], memory_order_relaxed);
            num += atomic_load_explicit(&table->lines[k].tags[i], memory_order_relaxed) != 0 && value != LEAVING &&
                   !table->kind->is_free(value, now);
        }
    return num;
}

size_t gw_bucket_table_bytes(const gw_bucket_table_t *table)
{
    return table->num_lines * sizeof(line_t);
}
