/* SPDX-License-Identifier: MIT
 * Load shedding on a worker. */
#include "gateway/base/clock.h"
#include "gateway/base/random.h"
#include "gateway/exchange/exchange.h"
#include "gateway/server/overload_board.h"
#include "gateway/server/worker.h"

#define MAX_RETRY_S 3 /* at random from 1 on, so that those who were refused together do not come back together */

static void add(atomic_uint_least64_t *counter, uint64_t amount) /* of which this thread is the only writer */
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + amount, memory_order_relaxed);
}

/* the loop --------------------------------------------------------------------------------------------------------- */

static gw_overload_cell_t *cell_of(gw_worker_t *worker)
{
    return &worker->overload.board->cells[worker->index];
}

static bool wants_lag(const gw_overload_t *overload)
{
    return overload->board != NULL && overload->board->bounds.of[GW_OVERLOAD_LOOP_LAG] != 0;
}

static void on_probe(void *arg, bool is_running)
{
    gw_worker_t *worker = arg;
    gw_overload_t *overload = &worker->overload;
    if (!is_running)
        return;
    uint64_t now_us = gw_clock_us(); /* the worker's own clock stands still while it deals with what came before */
    gw_loop_lag_arrive(&overload->lag, now_us);
    if (overload->board != NULL)
        atomic_store_explicit(&cell_of(worker)->loop_lag_us, gw_loop_lag_now(&overload->lag, now_us),
                              memory_order_relaxed);
    gw_timer_set(&worker->timers, &overload->probe_timer, gw_worker_now_ms(worker) + GW_LOOP_LAG_PERIOD_MS);
}

/** The message comes by a descriptor that stands in line for its turn like every socket. */
static void send_probe(gw_worker_t *worker)
{
    worker->overload.is_probing = true;
    worker->overload.was_asked = false;
    gw_loop_lag_send(&worker->overload.lag, gw_clock_us());
    gw_worker_call(worker, on_probe, worker);
}

static void on_probe_due(gw_timer_t *timer)
{
    gw_worker_t *worker = H2O_STRUCT_FROM_MEMBER(gw_worker_t, overload.probe_timer, timer);
    gw_overload_t *overload = &worker->overload;
    overload->is_probing = wants_lag(overload) && (overload->num_in_flight != 0 || overload->was_asked);
    if (overload->is_probing) /* else the loop may sleep until there is something to do */
        send_probe(worker);
    else if (overload->board != NULL)
        atomic_store_explicit(&cell_of(worker)->loop_lag_us, 0, memory_order_relaxed);
}

/* counting --------------------------------------------------------------------------------------------------------- */

static void tell(gw_worker_t *worker)
{
    gw_overload_t *overload = &worker->overload;
    overload->num_told = overload->num_in_flight;
    atomic_store_explicit(&cell_of(worker)->in_flight, overload->num_told, memory_order_relaxed);
}

/** The others learn of a change only when it is large enough: no line that is shared is written for each request. */
static void note_change(gw_worker_t *worker)
{
    gw_overload_t *overload = &worker->overload;
    if (overload->board == NULL)
        return;
    uint64_t change = overload->num_in_flight > overload->num_told ? overload->num_in_flight - overload->num_told
                                                                   : overload->num_told - overload->num_in_flight;
    if (change >= overload->board->step)
        tell(worker);
}

void gw_overload_set_up(gw_worker_t *worker)
{
    gw_timer_init(&worker->overload.probe_timer, on_probe_due);
}

void gw_overload_adopt(gw_worker_t *worker)
{
    worker->overload.board = worker->view->deployment->overload;
    if (worker->overload.board != NULL)
        tell(worker);
}

void gw_overload_dispose(gw_worker_t *worker)
{
    gw_timer_dispose(&worker->timers, &worker->overload.probe_timer);
    worker->overload.board = NULL;
}

/* judging ---------------------------------------------------------------------------------------------------------- */

static gw_overload_amounts_t load_of(gw_worker_t *worker)
{
    gw_overload_t *overload = &worker->overload;
    const gw_overload_board_t *board = overload->board;
    gw_overload_amounts_t load = {{0}};
    if (board->bounds.of[GW_OVERLOAD_LOOP_LAG] != 0) {
        overload->was_asked = true;
        if (!overload->is_probing)
            send_probe(worker);
        load.of[GW_OVERLOAD_LOOP_LAG] = gw_loop_lag_now(&overload->lag, gw_worker_now_us(worker));
    }
    load.of[GW_OVERLOAD_MEMORY] = atomic_load_explicit(&board->resident, memory_order_relaxed);
    if (board->bounds.of[GW_OVERLOAD_IN_FLIGHT] != 0)
        load.of[GW_OVERLOAD_IN_FLIGHT] = overload->num_in_flight + gw_overload_board_others(board, worker->index);
    return load;
}

/** @return false when it was answered */
static bool judge(gw_exchange_t *ex)
{
    gw_worker_t *worker = ex->worker;
    const gw_overload_board_t *board = worker->overload.board;
    gw_priority_t priority = (gw_priority_t)ex->route->priority;
    gw_overload_amounts_t load = load_of(worker);
    gw_overload_cause_t cause = GW_OVERLOAD_LOOP_LAG;
    uint64_t pressure = gw_overload_pressure(&load, &board->bounds, &cause);
    if (pressure <= GW_PRESSURE_BEGINS || !gw_overload_refuses(priority, pressure, gw_random_next(&worker->random)))
        return true;
    add(&cell_of(worker)->refused[priority], 1);
    gw_exchange_decide(ex, "overload", board->is_observing ? "would_refuse" : "refused", gw_overload_cause_word(cause));
    if (board->is_observing)
        return true;
    gw_exchange_problem_later(ex, GW_REASON_OVERLOADED, "there is too much to do at the moment",
                              1000 * (1 + gw_random_below(&worker->random, MAX_RETRY_S)));
    return false;
}

bool gw_overload_admit(gw_exchange_t *ex)
{
    if (ex->worker->overload.board != NULL && !judge(ex))
        return false;
    gw_overload_enter(ex);
    return true;
}

void gw_overload_enter(gw_exchange_t *ex)
{
    ex->is_in_flight = true;
    ++ex->worker->overload.num_in_flight;
    note_change(ex->worker);
}

void gw_overload_leave(gw_exchange_t *ex)
{
    if (!ex->is_in_flight)
        return;
    --ex->worker->overload.num_in_flight;
    note_change(ex->worker);
}
