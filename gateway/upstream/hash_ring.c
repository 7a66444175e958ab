/* SPDX-License-Identifier: MIT
 * The ring: sorted points, and a table that tells for the first bits of a hash where to begin. */
#include <stdlib.h>
#include "gateway/base/hash.h"
#include "gateway/upstream/hash_ring.h"

#define MIN_POINTS 8

typedef struct point {
    uint64_t hash;
    uint32_t index;
} point_t;

struct gw_hash_ring {
    size_t num;
    unsigned shift;  /* hash >> shift gives the slot in `first` */
    uint32_t *first; /* index of the first point whose slot is at least this one */
    point_t points[];
};

static int compare_points(const void *va, const void *vb)
{
    const point_t *a = va, *b = vb;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/** The weight that has GW_RING_POINTS: a power of two not above the mean, so that an endpoint that comes or goes hardly
 * ever changes the points of the others. */
static uint64_t reference_weight(uint64_t total, size_t num_weighted)
{
    uint64_t reference = 1;
    while (reference * 2 * num_weighted <= total)
        reference *= 2;
    return reference;
}

/** All together have at most twice GW_RING_POINTS per endpoint, and MIN_POINTS. */
static size_t points_of(uint32_t weight, uint64_t reference)
{
    if (weight == 0)
        return 0;
    uint64_t num = (uint64_t)GW_RING_POINTS * weight / reference;
    return num < MIN_POINTS ? MIN_POINTS : (size_t)num;
}

gw_hash_ring_t *gw_hash_ring_create(const char *const *names, const uint32_t *weights, size_t num)
{
    uint64_t total = 0;
    size_t num_weighted = 0, num_points = 0;
    for (size_t i = 0; i != num; ++i) {
        total += weights[i];
        num_weighted += weights[i] != 0;
    }
    if (total == 0)
        return NULL;
    uint64_t reference = reference_weight(total, num_weighted);
    for (size_t i = 0; i != num; ++i)
        num_points += points_of(weights[i], reference);
    unsigned bits = 1;
    while ((size_t)1 << bits < num_points)
        ++bits;
    size_t num_slots = (size_t)1 << bits;
    gw_hash_ring_t *ring = malloc(sizeof(*ring) + num_points * sizeof(ring->points[0]));
    uint32_t *first = malloc((num_slots + 1) * sizeof(*first));
    if (ring == NULL || first == NULL)
        abort();
    *ring = (gw_hash_ring_t){.shift = 64 - bits, .first = first};
    for (size_t i = 0; i != num; ++i) {
        uint64_t seed = gw_hash(gw_str_of(names[i]));
        for (size_t k = 0, n = points_of(weights[i], reference); k != n; ++k)
            ring->points[ring->num++] = (point_t){gw_hash_mix(seed + k * 0x9e3779b97f4a7c15ull), (uint32_t)i};
    }
    qsort(ring->points, ring->num, sizeof(ring->points[0]), compare_points);
    for (size_t slot = 0, at = 0; slot <= num_slots; ++slot) {
        while (at != ring->num && ring->points[at].hash >> ring->shift < slot)
            ++at;
        first[slot] = (uint32_t)at;
    }
    return ring;
}

gw_hash_ring_t *gw_hash_ring_free(gw_hash_ring_t *ring)
{
    if (ring != NULL)
        free(ring->first);
    free(ring);
    return NULL;
}

size_t gw_hash_ring_find(const gw_hash_ring_t *ring, uint64_t hash)
{
    size_t at = ring->first[hash >> ring->shift];
    while (at != ring->num && ring->points[at].hash < hash)
        ++at;
    return at != ring->num ? at : 0;
}

uint32_t gw_hash_ring_next(const gw_hash_ring_t *ring, size_t *at)
{
    uint32_t index = ring->points[*at].index;
    if (++*at == ring->num)
        *at = 0;
    return index;
}

size_t gw_hash_ring_size(const gw_hash_ring_t *ring)
{
    return ring->num;
}
