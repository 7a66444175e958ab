/* SPDX-License-Identifier: MIT
 * A request body in memory. */
#include "gateway/exchange/memory_body.h"

typedef struct gw_memory_body {
    gw_body_t super;
    h2o_iovec_t bytes;
} gw_memory_body_t;

static void start(gw_body_t *body)
{
    gw_memory_body_t *self = (gw_memory_body_t *)body;
    body->is_started = body->is_ended = true;
    body->received = self->bytes.len;
    body->on_data(body->sink, GW_BODY_END, &self->bytes, self->bytes.len != 0 ? 1 : 0);
}

static void more(gw_body_t *body)
{
    /* start said it all */
}

gw_body_t *gw_memory_body(h2o_mem_pool_t *pool, h2o_iovec_t bytes)
{
    gw_memory_body_t *self = h2o_mem_alloc_pool(pool, sizeof(*self));
    *self = (gw_memory_body_t){.super = {.length = bytes.len, .is_replayable = true, .start = start, .more = more},
                               .bytes = bytes};
    return &self->super;
}
