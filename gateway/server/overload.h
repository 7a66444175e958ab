/* SPDX-License-Identifier: MIT
 * Load shedding on a worker: counts the exchanges it has under way, measures how far its loop lags behind, and refuses
 * requests by the rules of overload_rules.h.  Without the section `overload` it counts, and nothing more.
 *
 * Threads: the worker's. */
#ifndef GW_SERVER_OVERLOAD_H
#define GW_SERVER_OVERLOAD_H

#include <stdbool.h>
#include <stdint.h>
#include "gateway/base/timer_wheel.h"
#include "gateway/exchange/filter.h"
#include "gateway/server/loop_lag.h"

struct gw_overload_board;

typedef struct gw_overload {
    struct gw_overload_board *board; /* of the worker's current view; NULL: no bounds */
    uint64_t num_in_flight;          /* exchanges that were admitted and have not ended */
    uint64_t num_told;               /* as it stands on the board */
    gw_loop_lag_t lag;
    gw_timer_t probe_timer;
    bool is_probing; /* a probe is out, or the timer is set for the next */
    bool was_asked;  /* since the last probe was sent */
} gw_overload_t;

void gw_overload_set_up(gw_worker_t *worker);
/** The worker has another view. */
void gw_overload_adopt(gw_worker_t *worker);
void gw_overload_dispose(gw_worker_t *worker);

/** A request has found its route.  @return false when it was answered: there is too much to do */
bool gw_overload_admit(gw_exchange_t *exchange);
/** Counts one that is not to be judged: a client's exchange for whose sake it was begun has been. */
void gw_overload_enter(gw_exchange_t *exchange);
/** The exchange ends, whether it was admitted or not. */
void gw_overload_leave(gw_exchange_t *exchange);

#endif
