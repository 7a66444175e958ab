/* SPDX-License-Identifier: MIT
 * Something small that upkeep's thread does now and then for somebody else: reading a number, writing a line.
 * Threads: gw_ticker_* any; tick and free run on upkeep's, or on the one that stops it when that has ended. */
#ifndef GW_UPKEEP_TICKER_H
#define GW_UPKEEP_TICKER_H

#include <stdint.h>
#include "gateway/upkeep/upkeep.h"

#define GW_TICKER_NEVER UINT64_MAX

typedef struct gw_ticker gw_ticker_t;

/** @param tick is called soon for the first time; must not take long   it returns when to be called again, in ms of the
 * monotonic clock; GW_TICKER_NEVER: no more   @param arg belongs to the ticker from now on
 *  @param free_arg after the last tick */
gw_ticker_t *gw_ticker_start(gw_upkeep_t *upkeep, uint64_t (*tick)(void *arg, uint64_t now_ms),
                             void (*free_arg)(void *arg), void *arg);
/** Frees it, and its argument, as soon as no tick is being run. */
void gw_ticker_stop(gw_ticker_t *ticker);

#endif
