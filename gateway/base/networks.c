/* SPDX-License-Identifier: MIT
 * Sets of networks as sorted ranges. */
#include <stdlib.h>
#include "gateway/base/memory.h"
#include "gateway/base/networks.h"

/* A range begins at its start and ends before the next one's; the first one starts at 0.  Its value is what
 * gw_networks_ find returns.  The index says for each value of an address's first bits in which range its first address
 * lies. */

__extension__ typedef unsigned __int128 u128_t;

struct gw_networks {
    struct {
        uint32_t *starts, *index;
        uint8_t *values;
        size_t num;
        unsigned shift; /* first bits: address >> shift */
    } v4;
    struct {
        u128_t *starts;
        uint32_t *index;
        uint8_t *values;
        size_t num;
        u128_t first;         /* the lowest address with the first bits that all networks have in common */
        unsigned skip, shift; /* how many those are; the ones after them are the index */
    } v6;
};

/* building --------------------------------------------------------------------------------------------------------- */

/** A network of one family as numbers. */
typedef struct span {
    u128_t start, end; /* inclusive */
    uint8_t value;
} span_t;

typedef struct range {
    u128_t start;
    uint8_t value;
} range_t;

typedef struct ranges {
    range_t *entries;
    size_t num;
} ranges_t;

static u128_t number_of(const uint8_t *bytes, size_t num)
{
    u128_t number = 0;
    for (size_t i = 0; i != num; ++i)
        number = number << 8 | bytes[i];
    return number;
}

static int compare_spans(const void *va, const void *vb)
{
    const span_t *a = va, *b = vb;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return (a->value > b->value) - (a->value < b->value); /* the outer one first */
}

/** From `start` on, `value`. */
static void put(ranges_t *ranges, u128_t start, uint8_t value)
{
    if (ranges->num != 0 && ranges->entries[ranges->num - 1].start == start)
        --ranges->num;
    if (ranges->num == 0 || ranges->entries[ranges->num - 1].value != value)
        ranges->entries[ranges->num++] = (range_t){start, value};
}

/** Networks lie inside of each other or apart, so those that hold the point one is at form a stack. */
static ranges_t flatten(span_t *spans, size_t num, u128_t last)
{
    ranges_t ranges = {.entries = gw_must_alloc(2 * num + 1, sizeof(range_t))};
    const span_t *stack[130] = {NULL}; /* one for each prefix length */
    size_t depth = 0;

    qsort(spans, num, sizeof(*spans), compare_spans);
    put(&ranges, 0, 0);
    for (size_t i = 0; i <= num; ++i) {
        while (depth != 0 && (i == num || stack[depth - 1]->end < spans[i].start)) {
            u128_t end = stack[--depth]->end;
            if (end != last)
                put(&ranges, end + 1, depth != 0 ? stack[depth - 1]->value : 0);
        }
        if (i == num || (depth != 0 && stack[depth - 1]->start == spans[i].start &&
                         stack[depth - 1]->value == spans[i].value)) /* the same one again */
            continue;
        put(&ranges, spans[i].start, spans[i].value);
        stack[depth++] = &spans[i];
    }
    return ranges;
}

/** @return bits of an index that has about as many entries as there are ranges */
static unsigned index_bits(size_t num)
{
    unsigned bits = 0;
    while (bits != 16 && (size_t)2 << bits <= num)
        ++bits;
    return bits;
}

/** @param first the first address of entry 0   @param shift log2 of the addresses of an entry */
static uint32_t *make_index(const ranges_t *ranges, u128_t first, unsigned shift, unsigned bits)
{
    size_t size = (size_t)1 << bits, at = 0;
    uint32_t *index = gw_must_alloc(size + 1, sizeof(*index));
    if (bits == 0) {
        index[1] = (uint32_t)ranges->num - 1;
        return index;
    }
    for (size_t i = 0; i != size; ++i) {
        while (at + 1 != ranges->num && ranges->entries[at + 1].start <= first + ((u128_t)i << shift))
            ++at;
        index[i] = (uint32_t)at;
    }
    u128_t last = first + (((u128_t)size << shift) - 1); /* wraps to the right number where the index covers all */
    while (at + 1 != ranges->num && ranges->entries[at + 1].start <= last)
        ++at;
    index[size] = (uint32_t)at;
    return index;
}

static void build_v4(gw_networks_t *networks, span_t *spans, size_t num)
{
    ranges_t ranges = flatten(spans, num, UINT32_MAX);
    unsigned bits = index_bits(ranges.num);
    networks->v4.num = ranges.num;
    networks->v4.shift = 32 - bits;
    networks->v4.index = make_index(&ranges, 0, networks->v4.shift, bits);
    networks->v4.starts = gw_must_alloc(ranges.num, sizeof(*networks->v4.starts));
    networks->v4.values = gw_must_alloc(ranges.num, 1);
    for (size_t i = 0; i != ranges.num; ++i) {
        networks->v4.starts[i] = (uint32_t)ranges.entries[i].start;
        networks->v4.values[i] = ranges.entries[i].value;
    }
    free(ranges.entries);
}

/** @return how many first bits are the same in all of them */
static unsigned common_bits(const span_t *spans, size_t num)
{
    u128_t differs = 0;
    unsigned bits = 0;
    for (size_t i = 0; i != num; ++i)
        differs |= (spans[i].start ^ spans[0].start) | (spans[i].end ^ spans[0].start);
    while (bits != 64 && (differs << bits) >> 127 == 0)
        ++bits;
    return bits;
}

static void build_v6(gw_networks_t *networks, span_t *spans, size_t num)
{
    ranges_t ranges = flatten(spans, num, ~(u128_t)0);
    unsigned bits = index_bits(ranges.num), skip = num != 0 ? common_bits(spans, num) : 0;
    networks->v6.num = ranges.num;
    networks->v6.skip = skip;
    networks->v6.shift = 128 - skip - bits;
    networks->v6.first = num != 0 && skip != 0 ? spans[0].start & ~(u128_t)0 << (128 - skip) : 0;
    networks->v6.starts = gw_must_alloc(ranges.num, sizeof(*networks->v6.starts));
    networks->v6.values = gw_must_alloc(ranges.num, 1);
    for (size_t i = 0; i != ranges.num; ++i) {
        networks->v6.starts[i] = ranges.entries[i].start;
        networks->v6.values[i] = ranges.entries[i].value;
    }
    networks->v6.index = make_index(&ranges, networks->v6.first, networks->v6.shift, bits);
    free(ranges.entries);
}

static span_t span_of(const gw_cidr_t *network, bool is_v4)
{
    unsigned width = is_v4 ? 32 : 128, bits = is_v4 ? network->bits - 96 : network->bits;
    u128_t start = is_v4 ? number_of(network->address + 12, 4) : number_of(network->address, 16);
    u128_t rest = bits == 0 ? (is_v4 ? UINT32_MAX : ~(u128_t)0) : ((u128_t)1 << (width - bits)) - 1;
    return (span_t){start, start | rest, (uint8_t)(bits + 1)};
}

gw_networks_t *gw_networks_create(const gw_cidr_t *all, size_t num)
{
    gw_networks_t *networks = gw_must_alloc(1, sizeof(*networks));
    span_t *spans = gw_must_alloc(num, sizeof(*spans));
    size_t num_v4 = 0, num_v6 = 0;
    for (size_t i = 0; i != num; ++i) /* IPv4 from the front, IPv6 from the back */
        if (all[i].bits >= 96 && gw_address_is_ipv4(all[i].address))
            spans[num_v4++] = span_of(&all[i], true);
        else
            spans[num - ++num_v6] = span_of(&all[i], false);
    build_v4(networks, spans, num_v4);
    build_v6(networks, spans + num_v4, num_v6);
    free(spans);
    return networks;
}

gw_networks_t *gw_networks_free(gw_networks_t *networks)
{
    if (networks == NULL)
        return NULL;
    free(networks->v4.starts);
    free(networks->v4.index);
    free(networks->v4.values);
    free(networks->v6.starts);
    free(networks->v6.index);
    free(networks->v6.values);
    free(networks);
    return NULL;
}

size_t gw_networks_bytes(const gw_networks_t *networks)
{
    size_t v4 = sizeof(*networks->v4.starts) + 1, v6 = sizeof(*networks->v6.starts) + 1;
    return sizeof(*networks) + networks->v4.num * v4 + networks->v6.num * v6 +
           (((size_t)1 << (32 - networks->v4.shift)) + 1) * sizeof(uint32_t) +
           (((size_t)1 << (128 - networks->v6.skip - networks->v6.shift)) + 1) * sizeof(uint32_t);
}

/* finding ---------------------------------------------------------------------------------------------------------- */

static unsigned find_v4(const gw_networks_t *networks, uint32_t address)
{
    const uint32_t *slot = networks->v4.index + ((uint64_t)address >> networks->v4.shift); /* the shift may be 32 */
    const uint32_t *base = networks->v4.starts + slot[0];
    for (size_t num = slot[1] - slot[0] + 1; num > 1;) { /* the last one that starts at or before it */
        size_t half = num / 2;
        base = base[half] <= address ? base + half : base;
        num -= half;
    }
    return networks->v4.values[base - networks->v4.starts];
}

static unsigned find_v6(const gw_networks_t *networks, u128_t address)
{
    const unsigned skip = networks->v6.skip, bits = 128 - skip - networks->v6.shift;
    size_t first = 0, num = networks->v6.num;
    if (skip != 0 && (address ^ networks->v6.first) >> (128 - skip) != 0)
        return 0;
    if (bits != 0) {
        const uint32_t *slot = networks->v6.index + (size_t)(address << skip >> (128 - bits));
        first = slot[0];
        num = slot[1] - slot[0] + 1;
    }
    const u128_t *base = networks->v6.starts + first;
    while (num > 1) {
        size_t half = num / 2;
        base = base[half] <= address ? base + half : base;
        num -= half;
    }
    return networks->v6.values[base - networks->v6.starts];
}

unsigned gw_networks_find(const gw_networks_t *networks, const uint8_t address[16])
{
    if (gw_address_is_ipv4(address))
        return find_v4(networks, (uint32_t)number_of(address + 12, 4));
    return find_v6(networks, number_of(address, 16));
}
