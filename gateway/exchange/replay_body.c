/* SPDX-License-Identifier: MIT
 * Keeping a request body while it passes.
 *
 * The source is always one piece ahead at most: it has handed over a piece and waits for `more`, or it was asked and
 * will call.  A sink that comes second gets the kept bytes as one piece; the source is asked again only when that is
 * written. */
#include <assert.h>
#include "gateway/exchange/replay_body.h"

#define FIRST_BLOCK 4096 /* each block is twice the one before: 13 of them hold 32 MiB */
#define MAX_BLOCKS  13

typedef struct gw_replay_body {
    gw_body_t super;
    h2o_mem_pool_t *pool;
    gw_body_t *source;
    uint64_t limit;
    h2o_iovec_t blocks[MAX_BLOCKS]; /* what is kept */
    size_t num_blocks, room;        /* room: left in the last one */
    uint64_t num_kept;
    bool is_lost;      /* more went by than is kept */
    bool is_committed; /* nothing more need be kept */
    bool is_replaying; /* the sink has the kept bytes and will call `more` */
    bool is_held;      /* the source waits for `more` */
    bool has_event;    /* the end or an error has come */
    gw_body_event_t event;
    struct { /* what the source handed over while there was no sink or it was busy with the kept bytes: not kept yet */
        bool is_there;
        gw_body_event_t event;
        h2o_iovec_t slices[GW_BODY_MAX_SLICES];
        size_t num;
    } pending;
} gw_replay_body_t;

static void keep(gw_replay_body_t *self, const h2o_iovec_t *slices, size_t num_slices)
{
    if (self->is_lost)
        return;
    if (self->is_committed) {
        self->is_lost = num_slices != 0;
        return;
    }
    for (size_t i = 0; i != num_slices; ++i) {
        h2o_iovec_t rest = slices[i];
        if (self->num_kept + rest.len > self->limit) {
            self->is_lost = true;
            return;
        }
        while (rest.len != 0) {
            if (self->room == 0) {
                size_t size = (size_t)FIRST_BLOCK << self->num_blocks;
                assert(self->num_blocks != MAX_BLOCKS); /* the conf's bound is lower */
                self->blocks[self->num_blocks++] = h2o_iovec_init(h2o_mem_alloc_pool(self->pool, size), 0);
                self->room = size;
            }
            h2o_iovec_t *block = &self->blocks[self->num_blocks - 1];
            size_t len = rest.len < self->room ? rest.len : self->room;
            memcpy(block->base + block->len, rest.base, len);
            block->len += len;
            self->room -= len;
            self->num_kept += len;
            rest = h2o_iovec_init(rest.base + len, rest.len - len);
        }
    }
}

/** What a sink has got must be kept; what has only arrived can wait: the source holds on to it. */
static void hand_over(gw_replay_body_t *self, gw_body_event_t event, const h2o_iovec_t *slices, size_t num_slices)
{
    keep(self, slices, num_slices);
    self->super.on_data(self->super.sink, event, slices, num_slices);
}

static void hand_over_pending(gw_replay_body_t *self)
{
    self->pending.is_there = false;
    hand_over(self, self->pending.event, self->pending.slices, self->pending.num);
}

static void on_source_data(void *arg, gw_body_event_t event, const h2o_iovec_t *slices, size_t num_slices)
{
    gw_replay_body_t *self = arg;
    if (event != GW_BODY_DATA) {
        self->has_event = true;
        self->event = event;
    }
    self->is_held = event == GW_BODY_DATA || event == GW_BODY_END;
    self->super.is_ended = self->source->is_ended;
    self->super.received = self->source->received;
    if (self->super.sink != NULL && !self->is_replaying) {
        hand_over(self, event, slices, num_slices);
        return;
    }
    self->pending.is_there = true;
    self->pending.event = event;
    self->pending.num = num_slices;
    for (size_t i = 0; i != num_slices; ++i)
        self->pending.slices[i] = slices[i];
}

static void release_source(gw_replay_body_t *self)
{
    if (!self->is_held)
        return;
    self->is_held = false;
    self->source->more(self->source);
}

static void more(gw_body_t *body)
{
    gw_replay_body_t *self = (gw_replay_body_t *)body;
    self->is_replaying = false;
    if (self->pending.is_there)
        hand_over_pending(self);
    else
        release_source(self);
}

static void start(gw_body_t *body)
{
    gw_replay_body_t *self = (gw_replay_body_t *)body;
    body->is_started = true;
    if (!self->source->is_started) {
        self->source->limit = body->limit;
        self->source->on_data = on_source_data;
        self->source->sink = self;
        self->source->start(self->source);
        return;
    }
    assert(!self->is_lost);
    bool is_error = self->has_event && self->event != GW_BODY_END;
    if (is_error) {
        self->pending.is_there = false;
        body->on_data(body->sink, self->event, NULL, 0);
        return;
    }
    bool is_all = self->has_event && !self->pending.is_there;
    if (self->num_blocks != 0 || is_all) {
        self->is_replaying = true;
        body->on_data(body->sink, is_all ? GW_BODY_END : GW_BODY_DATA, self->blocks, self->num_blocks);
    } else if (self->pending.is_there) {
        hand_over_pending(self);
    }
    /* else the source was asked and has not called yet */
}

gw_body_t *gw_replay_body(h2o_mem_pool_t *pool, gw_body_t *source, uint64_t limit)
{
    gw_replay_body_t *self = h2o_mem_alloc_pool(pool, sizeof(*self));
    *self = (gw_replay_body_t){
        .super = {.length = source->length, .limit = source->limit, .start = start, .more = more},
        .pool = pool,
        .source = source,
        .limit = limit,
    };
    return &self->super;
}

bool gw_replay_body_is_kept(const gw_body_t *body)
{
    return !((const gw_replay_body_t *)body)->is_lost;
}

void gw_replay_body_commit(gw_body_t *body)
{
    ((gw_replay_body_t *)body)->is_committed = true;
}

void gw_replay_body_close(gw_body_t *body)
{
    gw_replay_body_t *self = (gw_replay_body_t *)body;
    if (self->source->sink == self)
        self->source->sink = NULL;
}
