/* SPDX-License-Identifier: MIT
 * Consistent hashing (Karger et al., 1997): each endpoint owns points on a ring, a key belongs to the owner of the
 * first point at or after its hash.  An endpoint that leaves passes on its own keys only, spread over all others by its
 * many points.  Endpoints that cannot be used just now stay on the ring and are stepped over, so the ring is built once
 * for a configuration and shared by all workers. Pure; immutable once made.  Looking up costs the same whatever the
 * number of endpoints. */
#ifndef GW_UPSTREAM_HASH_RING_H
#define GW_UPSTREAM_HASH_RING_H

#include <stddef.h>
#include <stdint.h>
#include "gateway/base/str.h"

/** Points of an endpoint of mean weight.  The share of an endpoint varies by about 1/sqrt of it: 8 %. */
#define GW_RING_POINTS 160

typedef struct gw_hash_ring gw_hash_ring_t;

/** @param names what identifies each endpoint (its URL): the same names give the same ring
 *  @param weights 0: it has no point
 *  @return NULL when no weight is above 0; to be freed by gw_hash_ring_free */
gw_hash_ring_t *gw_hash_ring_create(const char *const *names, const uint32_t *weights, size_t num);
/** NULL is fine; returns NULL. */
gw_hash_ring_t *gw_hash_ring_free(gw_hash_ring_t *ring);

/** Where the walk for a key begins; to be advanced by gw_hash_ring_next. */
size_t gw_hash_ring_find(const gw_hash_ring_t *ring, uint64_t hash);
/** @return the endpoint (its index) at *at, which then moves on, around the ring without end */
uint32_t gw_hash_ring_next(const gw_hash_ring_t *ring, size_t *at);
/** @return how many points there are: the steps after which a walk has seen everything */
size_t gw_hash_ring_size(const gw_hash_ring_t *ring);

#endif
