/* SPDX-License-Identifier: MIT
 * The keys of a filter as one worker uses them: what each source has published last, OpenSSL's contexts for each key,
 * and the deny list.  Whatever changes among them changes the generation, so that nothing that was concluded from older
 * ones is used again. */
#ifndef FILTERS_JWT_RING_H
#define FILTERS_JWT_RING_H

#include "filters/jwt/deny.h"
#include "filters/jwt/jwt_conf.h"
#include "filters/jwt/signature.h"

typedef struct gw_jwt_ring_source {
    gw_reader_t reader;
    const gw_jwt_key_set_t *set;  /* NULL: nothing has come yet */
    gw_jwt_verifier_t *verifiers; /* by index of the key */
    size_t num_verifiers;
    uint64_t epoch;
} gw_jwt_ring_source_t;

typedef struct gw_jwt_ring {
    gw_jwt_ring_source_t *sources; /* by index in gw_jwt_conf_t.sources */
    size_t num_sources;
    gw_reader_t deny_reader; /* published NULL: there is no list */
    const gw_jwt_deny_list_t *denied;
    uint64_t deny_epoch;
    uint64_t generation;
} gw_jwt_ring_t;

/** @param published one for each source   @param denied NULL: there is no list */
void gw_jwt_ring_init(gw_jwt_ring_t *ring, gw_published_t *const *published, size_t num, gw_published_t *denied);
void gw_jwt_ring_dispose(gw_jwt_ring_t *ring);
/** Takes what was published since. */
void gw_jwt_ring_refresh(gw_jwt_ring_t *ring);

#endif
