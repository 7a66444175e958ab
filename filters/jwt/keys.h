/* SPDX-License-Identifier: MIT
 * The keys of a filter for the whole process: its watched files, its URLs, its deny list.  Reloads go on with what was
 * fetched from a URL; files were read anew with the conf.
 *
 * Threads: made on the control thread; freed on any. */
#ifndef FILTERS_JWT_KEYS_H
#define FILTERS_JWT_KEYS_H

#include "filters/jwt/jwt_conf.h"
#include "gateway/exchange/filter.h"

typedef struct gw_jwt_source {
    gw_published_t *published; /* one reference */
    gw_file_t *file;           /* or NULL */
    gw_fetch_t *fetch;         /* or NULL */
} gw_jwt_source_t;

typedef struct gw_jwt_keys {
    gw_jwt_source_t *sources; /* by index in gw_jwt_conf_t.sources */
    size_t num_sources;
    gw_file_t *denied;    /* or NULL */
    gw_upkeep_t *upkeep;  /* one reference */
    uint64_t hash_key[2]; /* of the caches: secret */
} gw_jwt_keys_t;

/** For the class: share and share_dispose. */
void *gw_jwt_keys_share(const gw_filter_share_t *how, const void *conf, void *previous);
void gw_jwt_keys_dispose(void *keys);

#endif
