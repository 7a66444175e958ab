/* SPDX-License-Identifier: MIT
 * The numbers of purges, and the last of them. */
#include <stdlib.h>
#include "filters/cache/store/purges.h"

enum { num_kept_prefixes = 32 };

struct gw_cache_purge_record {
    union {
        uint64_t hash;
        uint64_t prefix; /* the how manieth one it was */
    };
    uint32_t prefix_len;
    uint8_t kind;
    bool is_soft;
};

size_t gw_cache_purges_footprint(size_t num_records)
{
    return num_records * sizeof(gw_cache_purge_record_t) + num_kept_prefixes * GW_CACHE_PREFIX_KEPT;
}

bool gw_cache_purges_init(gw_cache_purges_t *purges, size_t num_records)
{
    atomic_init(&purges->sequence, 0);
    atomic_init(&purges->all_hard, 0);
    atomic_init(&purges->all_soft, 0);
    purges->num_records = num_records;
    purges->num_prefixes = 0;
    purges->records = calloc(num_records, sizeof(*purges->records));
    purges->prefixes = calloc(num_kept_prefixes, sizeof(*purges->prefixes));
    pthread_mutex_init(&purges->lock, NULL);
    return purges->records != NULL && purges->prefixes != NULL;
}

void gw_cache_purges_dispose(gw_cache_purges_t *purges)
{
    free(purges->records);
    free(purges->prefixes);
    pthread_mutex_destroy(&purges->lock);
}

uint64_t gw_cache_purges_add(gw_cache_purges_t *purges, gw_cache_purge_kind_t kind, bool is_soft, uint64_t hash,
                             gw_str_t prefix)
{
    pthread_mutex_lock(&purges->lock);
    uint64_t sequence = atomic_load_explicit(&purges->sequence, memory_order_relaxed) + 1;
    gw_cache_purge_record_t *record = &purges->records[sequence & (purges->num_records - 1)];
    *record = (gw_cache_purge_record_t){.hash = hash, .kind = (uint8_t)kind, .is_soft = is_soft};
    if (kind == GW_PURGE_PREFIX) {
        record->prefix = purges->num_prefixes++;
        record->prefix_len = prefix.len < GW_CACHE_PREFIX_KEPT ? (uint32_t)prefix.len : GW_CACHE_PREFIX_KEPT;
        if (record->prefix_len != 0)
            memcpy(purges->prefixes[record->prefix % num_kept_prefixes], prefix.ptr, record->prefix_len);
    }
    if (kind == GW_PURGE_ALL)
        atomic_store_explicit(is_soft ? &purges->all_soft : &purges->all_hard, sequence, memory_order_release);
    atomic_store_explicit(&purges->sequence, sequence, memory_order_release);
    pthread_mutex_unlock(&purges->lock);
    return sequence;
}

static bool is_meant(const gw_cache_purges_t *purges, const gw_cache_purge_record_t *record,
                     const gw_cache_purges_subject_t *subject)
{
    switch ((gw_cache_purge_kind_t)record->kind) {
    case GW_PURGE_URL:
        return record->hash == subject->url_hash;
    case GW_PURGE_LABEL:
        for (size_t i = 0; i != subject->num_hashes; ++i)
            if (record->hash == subject->hashes[i])
                return true;
        return false;
    case GW_PURGE_PREFIX:
        return gw_str_starts_with(subject->url,
                                  gw_str(purges->prefixes[record->prefix % num_kept_prefixes], record->prefix_len));
    case GW_PURGE_ALL:
        return true;
    }
    return true;
}

bool gw_cache_purges_spare(gw_cache_purges_t *purges, gw_cache_purges_subject_t *subject)
{
    bool is_spared = true;
    if (atomic_load_explicit(&purges->sequence, memory_order_acquire) == subject->since)
        return true;
    pthread_mutex_lock(&purges->lock);
    uint64_t last = atomic_load_explicit(&purges->sequence, memory_order_relaxed);
    if (last - subject->since > purges->num_records)
        is_spared = false;
    for (uint64_t i = subject->since + 1; is_spared && i <= last; ++i) {
        const gw_cache_purge_record_t *record = &purges->records[i & (purges->num_records - 1)];
        bool is_forgotten =
            record->kind == GW_PURGE_PREFIX && purges->num_prefixes - record->prefix > num_kept_prefixes;
        if (is_forgotten || (is_meant(purges, record, subject) && !record->is_soft))
            is_spared = false;
        else if (is_meant(purges, record, subject))
            subject->is_soft_purged = true;
    }
    subject->since = last;
    pthread_mutex_unlock(&purges->lock);
    return is_spared;
}
