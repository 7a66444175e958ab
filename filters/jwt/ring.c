/* SPDX-License-Identifier: MIT
 * The keys of a worker. */
#include "filters/jwt/ring.h"
#include "gateway/base/memory.h"

void gw_jwt_ring_init(gw_jwt_ring_t *ring, gw_published_t *const *published, size_t num, gw_published_t *denied)
{
    *ring = (gw_jwt_ring_t){.num_sources = num, .generation = 1};
    ring->sources = gw_must_alloc(num, sizeof(*ring->sources));
    for (size_t i = 0; i != num; ++i)
        gw_reader_init(&ring->sources[i].reader, published[i]);
    if (denied != NULL)
        gw_reader_init(&ring->deny_reader, denied);
}

static void drop_verifiers(gw_jwt_ring_source_t *source)
{
    for (size_t i = 0; i != source->num_verifiers; ++i)
        gw_jwt_verifier_dispose(&source->verifiers[i]);
    free(source->verifiers);
    source->verifiers = NULL;
    source->num_verifiers = 0;
}

void gw_jwt_ring_dispose(gw_jwt_ring_t *ring)
{
    for (size_t i = 0; i != ring->num_sources; ++i) {
        drop_verifiers(&ring->sources[i]);
        gw_reader_dispose(&ring->sources[i].reader);
    }
    free(ring->sources);
    gw_reader_dispose(&ring->deny_reader);
}

void gw_jwt_ring_refresh(gw_jwt_ring_t *ring)
{
    for (size_t i = 0; i != ring->num_sources; ++i) {
        gw_jwt_ring_source_t *source = &ring->sources[i];
        const gw_jwt_key_set_t *set = gw_reader_get(&source->reader);
        if (source->reader.epoch == source->epoch)
            continue;
        source->epoch = source->reader.epoch;
        ++ring->generation;
        drop_verifiers(source);
        source->set = set;
        source->num_verifiers = set != NULL ? set->num_keys : 0;
        source->verifiers = gw_must_alloc(source->num_verifiers, sizeof(*source->verifiers));
    }
    if (ring->deny_reader.published == NULL)
        return;
    ring->denied = gw_reader_get(&ring->deny_reader);
    if (ring->deny_reader.epoch != ring->deny_epoch) {
        ring->deny_epoch = ring->deny_reader.epoch;
        ++ring->generation;
    }
}
