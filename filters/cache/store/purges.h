/* SPDX-License-Identifier: MIT
 * The purges of a store: each has a number, one more than the one before, and the last of them are remembered, so that
 * a response that was asked for before a purge and comes after it can be told from one that was not.
 *
 * Threads: any. */
#ifndef FILTERS_CACHE_STORE_PURGES_H
#define FILTERS_CACHE_STORE_PURGES_H

#include <pthread.h>
#include <stdatomic.h>
#include "gateway/base/str.h"

#define GW_CACHE_PREFIX_KEPT 256 /* bytes of a prefix; of a longer one responses on their way match that much of it */

typedef enum gw_cache_purge_kind { GW_PURGE_URL, GW_PURGE_LABEL, GW_PURGE_PREFIX, GW_PURGE_ALL } gw_cache_purge_kind_t;

typedef struct gw_cache_purge_record gw_cache_purge_record_t; /* private */

typedef struct gw_cache_purges {
    /* of the last purge, of the last one of everything, hard and soft: read with every hit, written by purges */
    _Alignas(64) _Atomic uint64_t sequence;
    _Atomic uint64_t all_hard, all_soft;
    _Alignas(64) pthread_mutex_t lock;
    gw_cache_purge_record_t *records;       /* a ring: that of purge number n is at n modulo its size */
    size_t num_records;                     /* a power of two */
    char (*prefixes)[GW_CACHE_PREFIX_KEPT]; /* a ring */
    uint64_t num_prefixes;                  /* that there have been */
} gw_cache_purges_t;

/** Bytes for that many records.  @param num_records a power of two */
size_t gw_cache_purges_footprint(size_t num_records);
/** @return false: no memory */
bool gw_cache_purges_init(gw_cache_purges_t *purges, size_t num_records);
void gw_cache_purges_dispose(gw_cache_purges_t *purges);

/** Writes a purge down: to be done before it is carried out.  @param hash of a URL or a label   @param prefix of a
 * prefix
 *  @return its number */
uint64_t gw_cache_purges_add(gw_cache_purges_t *purges, gw_cache_purge_kind_t kind, bool is_soft, uint64_t hash,
                             gw_str_t prefix);

/** A response that is on its way. */
typedef struct gw_cache_purges_subject {
    uint64_t url_hash;
    gw_str_t url;
    const uint64_t *hashes; /* of its other labels */
    size_t num_hashes;
    uint64_t since; /* the last purge that is known not to be meant for it; is moved on */
    bool is_soft_purged;
} gw_cache_purges_subject_t;

/** Looks at the purges since then.  @return false: it was purged, or there were more of them than are remembered */
bool gw_cache_purges_spare(gw_cache_purges_t *purges, gw_cache_purges_subject_t *subject);

#endif
