/* SPDX-License-Identifier: MIT
 * A ticker is a source without a folder and without transfers. */
#include "gateway/base/memory.h"
#include "gateway/upkeep/source.h"
#include "gateway/upkeep/ticker.h"

struct gw_ticker {
    gw_source_t super;
    uint64_t (*tick)(void *arg, uint64_t now_ms);
    void (*free_arg)(void *arg);
    void *arg;
};

_Static_assert(GW_TICKER_NEVER == GW_NEVER, "what a tick returns is what upkeep understands");

static uint64_t look(gw_source_t *source, uint64_t now_ms)
{
    gw_ticker_t *ticker = (gw_ticker_t *)source;
    return ticker->tick(ticker->arg, now_ms);
}

static void free_ticker(gw_source_t *source)
{
    gw_ticker_t *ticker = (gw_ticker_t *)source;
    ticker->free_arg(ticker->arg);
    free(ticker);
}

gw_ticker_t *gw_ticker_start(gw_upkeep_t *upkeep, uint64_t (*tick)(void *arg, uint64_t now_ms),
                             void (*free_arg)(void *arg), void *arg)
{
    static const gw_source_class_t class = {.look = look, .free = free_ticker};
    gw_ticker_t *ticker = gw_must_alloc(1, sizeof(*ticker));
    ticker->tick = tick;
    ticker->free_arg = free_arg;
    ticker->arg = arg;
    gw_source_start(&ticker->super, upkeep, &class, NULL);
    return ticker;
}

void gw_ticker_stop(gw_ticker_t *ticker)
{
    gw_source_stop(&ticker->super);
}
