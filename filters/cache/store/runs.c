/* SPDX-License-Identifier: MIT
 * Free runs.
 *
 * Lowest place first: of the policies that are known to leave few holes it is the one that also keeps what is in use
 * together at the beginning, so that the rest of the row need not be there at all.
 *
 * The tree stands in the order of the row: behind each group the part whose middle is behind that group.  So what is
 * near each other in the tree is near each other in memory, and a row can grow without anything being moved.  A part
 * whose middle would be behind the end of the row is not there: it is the same as its left half. */
#include <assert.h>
#include "filters/cache/store/runs.h"

/** Free units of a part of the row. */
typedef struct lengths {
    uint32_t first, last; /* that its beginning and its end are in; 0: those are taken */
    uint32_t longest;
} lengths_t;

struct gw_runs_slot {
    uint32_t bits[2]; /* of the group: 1: free; lower units first */
    lengths_t part;   /* whose middle is behind the group */
};

size_t gw_runs_storage(uint32_t num_groups)
{
    return num_groups * sizeof(gw_runs_slot_t);
}

/* one group of bits ------------------------------------------------------------------------------------------------ */

static unsigned longest_in(uint64_t bits)
{
    unsigned longest = 0;
    while (bits != 0) { /* most groups have few runs */
        bits >>= __builtin_ctzll(bits);
        const unsigned len = ~bits != 0 ? (unsigned)__builtin_ctzll(~bits) : 64;
        longest = len > longest ? len : longest;
        bits = len != 64 ? bits >> len : 0;
    }
    return longest;
}

/** @param num 1..64 @return where the first run of so many begins; 64: nowhere */
static unsigned find_in(uint64_t bits, unsigned num)
{
    for (unsigned len = 1; len < num && bits != 0;) {
        unsigned step = num - len < len ? num - len : len;
        bits &= bits >> step;
        len += step;
    }
    return bits != 0 ? (unsigned)__builtin_ctzll(bits) : 64;
}

static inline lengths_t lengths_in(uint64_t bits)
{
    if (bits == UINT64_MAX)
        return (lengths_t){64, 64, 64};
    return (lengths_t){.first = (uint32_t)__builtin_ctzll(~bits),
                       .last = (uint32_t)__builtin_clzll(~bits),
                       .longest = longest_in(bits)};
}

/* the tree --------------------------------------------------------------------------------------------------------- */

static uint64_t bits_of(const gw_runs_t *runs, uint32_t group)
{
    const uint32_t *bits = runs->slots[group].bits;
    return bits[0] | (uint64_t)bits[1] << 32;
}

static void set_bits(gw_runs_t *runs, uint32_t group, uint64_t bits)
{
    runs->slots[group].bits[0] = (uint32_t)bits;
    runs->slots[group].bits[1] = (uint32_t)(bits >> 32);
}

/** The group that the middle of a part is behind.  @param level at least 1 */
static uint32_t slot_of(unsigned level, uint32_t part)
{
    return (part << level) + (UINT32_C(1) << (level - 1)) - 1;
}

static bool is_there(const gw_runs_t *runs, unsigned level, uint32_t part)
{
    return slot_of(level, part) < runs->num_groups;
}

/** Finds the part that is there in place of one that may not be. */
static void find_part(const gw_runs_t *runs, unsigned *level, uint32_t *part)
{
    for (; *level != 0 && !is_there(runs, *level, *part); --*level)
        *part *= 2;
}

static bool is_beyond_end(const gw_runs_t *runs, unsigned level, uint32_t part)
{
    return part << level >= runs->num_groups;
}

static uint64_t units_in(const gw_runs_t *runs, unsigned level, uint32_t part)
{
    uint64_t whole = (uint64_t)GW_RUNS_UNITS << level, rest = (uint64_t)runs->num_groups * GW_RUNS_UNITS - part * whole;
    return rest < whole ? rest : whole;
}

static inline lengths_t lengths_of(const gw_runs_t *runs, unsigned level, uint32_t part)
{
    if (is_beyond_end(runs, level, part))
        return (lengths_t){0};
    find_part(runs, &level, &part);
    return level == 0 ? lengths_in(bits_of(runs, part)) : runs->slots[slot_of(level, part)].part;
}

static inline lengths_t joined(lengths_t left, uint64_t units_left, lengths_t right, uint64_t units_right)
{
    lengths_t both = {
        .first = left.first == units_left ? left.first + right.first : left.first,
        .last = right.last == units_right ? right.last + left.last : right.last,
        .longest = left.last + right.first,
    };
    if (both.longest < left.longest)
        both.longest = left.longest;
    if (both.longest < right.longest)
        both.longest = right.longest;
    return both;
}

static void set_all(gw_runs_t *runs, unsigned level, uint32_t part, bool is_free)
{
    if (is_beyond_end(runs, level, part))
        return;
    find_part(runs, &level, &part);
    const uint32_t num = is_free ? (uint32_t)units_in(runs, level, part) : 0;
    if (level == 0)
        set_bits(runs, part, is_free ? UINT64_MAX : 0);
    else
        runs->slots[slot_of(level, part)].part = (lengths_t){num, num, num};
}

/** The units `from`..`to` of a group. */
static void change_group(gw_runs_t *runs, uint32_t group, unsigned from, unsigned to, bool is_free)
{
    const uint64_t mask = UINT64_MAX >> (64 - (to - from)) << from, bits = bits_of(runs, group);
    assert((bits & mask) == (is_free ? 0 : mask));
    set_bits(runs, group, bits ^ mask);
}

/** Before something below a part is changed: what is below is kept up from now on. */
static inline void open_part(gw_runs_t *runs, unsigned level, uint32_t part)
{
    if (!is_there(runs, level, part))
        return;
    const uint32_t longest = runs->slots[slot_of(level, part)].part.longest;
    if (longest != 0 && longest != units_in(runs, level, part))
        return;
    set_all(runs, level - 1, part * 2, longest != 0);
    set_all(runs, level - 1, part * 2 + 1, longest != 0);
}

/** After something below a part was changed.  @return whether that may change what it is a part of */
static inline bool close_part(gw_runs_t *runs, unsigned level, uint32_t part)
{
    if (!is_there(runs, level, part))
        return true;
    const uint64_t half = (uint64_t)GW_RUNS_UNITS << (level - 1), units = units_in(runs, level, part);
    lengths_t *lengths = &runs->slots[slot_of(level, part)].part, before = *lengths;
    *lengths =
        joined(lengths_of(runs, level - 1, part * 2), half, lengths_of(runs, level - 1, part * 2 + 1), units - half);
    return lengths->first != before.first || lengths->last != before.last || lengths->longest != before.longest;
}

/** Changes what of the units `from`..`to` lies in a part; not nothing. */
static void change_part(gw_runs_t *runs, unsigned level, uint32_t part, uint64_t from, uint64_t to, bool is_free)
{
    find_part(runs, &level, &part);
    const uint64_t units = units_in(runs, level, part), start = (uint64_t)part * ((uint64_t)GW_RUNS_UNITS << level);
    from = from < start ? start : from;
    to = to > start + units ? start + units : to;
    if (level == 0) {
        change_group(runs, part, (unsigned)(from - start), (unsigned)(to - start), is_free);
        return;
    }
    if (to - from == units) {
        assert(lengths_of(runs, level, part).longest == (is_free ? 0 : units));
        set_all(runs, level, part, is_free);
        return;
    }
    const uint64_t middle = start + ((uint64_t)GW_RUNS_UNITS << (level - 1));
    open_part(runs, level, part);
    if (from < middle)
        change_part(runs, level - 1, part * 2, from, to, is_free);
    if (to > middle)
        change_part(runs, level - 1, part * 2 + 1, from, to, is_free);
    close_part(runs, level, part);
}

static void change(gw_runs_t *runs, uint64_t from, uint64_t to, bool is_free)
{
    /* the smallest part that holds all of it: most are small and in one group, and above it there is but one way */
    const uint64_t first = from / GW_RUNS_UNITS, last = (to - 1) / GW_RUNS_UNITS;
    const unsigned lowest = first == last ? 0 : 64 - (unsigned)__builtin_clzll(first ^ last);
    for (unsigned level = runs->top; level > lowest; --level)
        open_part(runs, level, (uint32_t)(first >> level));
    change_part(runs, lowest, (uint32_t)(first >> lowest), from, to, is_free);
    for (unsigned level = lowest + 1; level <= runs->top; ++level)
        if (!close_part(runs, level, (uint32_t)(first >> level)))
            return;
}

static void set_num_groups(gw_runs_t *runs, uint32_t num_groups)
{
    runs->num_groups = num_groups;
    while (UINT32_C(1) << runs->top < num_groups)
        ++runs->top;
}

void gw_runs_init(gw_runs_t *runs, uint32_t num_groups, void *storage)
{
    *runs = (gw_runs_t){.slots = storage};
    set_num_groups(runs, num_groups);
    set_all(runs, runs->top, 0, true);
}

void gw_runs_grow(gw_runs_t *runs, uint32_t num_groups)
{
    const uint32_t before = runs->num_groups, last = before - 1;
    assert(num_groups > before);
    /* the parts that the end is in become longer, and there will be more of them */
    for (unsigned level = runs->top; level != 0; --level)
        open_part(runs, level, last >> level);
    set_num_groups(runs, num_groups);
    for (unsigned level = 1; level <= runs->top; ++level)
        close_part(runs, level, last >> level);
    gw_runs_give(runs, (uint64_t)before * GW_RUNS_UNITS, (uint64_t)(num_groups - before) * GW_RUNS_UNITS);
}

uint64_t gw_runs_longest(const gw_runs_t *runs)
{
    return lengths_of(runs, runs->top, 0).longest;
}

uint64_t gw_runs_find(const gw_runs_t *runs, uint64_t num)
{
    if (gw_runs_longest(runs) < num)
        return GW_RUNS_NONE;
    uint32_t part = 0;
    for (unsigned level = runs->top; level != 0; --level) {
        const uint32_t left_half = part * 2;
        if (!is_there(runs, level, part)) {
            part = left_half;
            continue;
        }
        const uint64_t start = (uint64_t)part * ((uint64_t)GW_RUNS_UNITS << level);
        if (runs->slots[slot_of(level, part)].part.longest == units_in(runs, level, part))
            return start;
        const lengths_t left = lengths_of(runs, level - 1, left_half);
        part = left_half + (left.longest < num);
        if (left.longest < num && left.last + lengths_of(runs, level - 1, part).first >= num)
            return start + ((uint64_t)GW_RUNS_UNITS << (level - 1)) - left.last;
    }
    return (uint64_t)part * GW_RUNS_UNITS + find_in(bits_of(runs, part), (unsigned)num);
}

bool gw_runs_is_group_free(const gw_runs_t *runs, uint32_t group)
{
    for (unsigned level = runs->top; level != 0; --level) {
        if (!is_there(runs, level, group >> level))
            continue;
        const uint32_t longest = runs->slots[slot_of(level, group >> level)].part.longest;
        if (longest == 0 || longest == units_in(runs, level, group >> level))
            return longest != 0;
    }
    return bits_of(runs, group) == UINT64_MAX;
}

void gw_runs_take(gw_runs_t *runs, uint64_t first, uint64_t num)
{
    change(runs, first, first + num, false);
}

void gw_runs_give(gw_runs_t *runs, uint64_t first, uint64_t num)
{
    change(runs, first, first + num, true);
}
