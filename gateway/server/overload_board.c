/* SPDX-License-Identifier: MIT
 * The board, and what upkeep does with it: reads the memory, writes the log. */
#include <stdio.h>
#include "gateway/base/memory_use.h"
#include "gateway/observe/log.h"
#include "gateway/server/overload_board.h"
#include "gateway/upkeep/ticker.h"

#define LOOK_EVERY_MS 250
#define GIVE_BACK_MS  60000 /* between two times, since workers that want memory may have to wait for it */
#define MIB           (1024 * 1024)
#define TEXT_MAX      256

uint64_t gw_overload_board_others(const gw_overload_board_t *board, size_t worker_index)
{
    uint64_t sum = 0;
    for (size_t i = 0; i != board->num_cells; ++i)
        if (i != worker_index)
            sum += atomic_load_explicit(&board->cells[i].in_flight, memory_order_relaxed);
    return sum;
}

/* the log ---------------------------------------------------------------------------------------------------------- */

static gw_overload_refusals_t sum_refusals(const gw_overload_board_t *board)
{
    gw_overload_refusals_t sum = {{0}};
    for (size_t i = 0; i != board->num_cells; ++i)
        for (int priority = 0; priority != GW_NUM_PRIORITIES; ++priority)
            sum.of[priority] += atomic_load_explicit(&board->cells[i].refused[priority], memory_order_relaxed);
    return sum;
}

/** Of the workers the one that lags most. */
static gw_overload_amounts_t load_of(const gw_overload_board_t *board)
{
    gw_overload_amounts_t load = {{0}};
    for (size_t i = 0; i != board->num_cells; ++i) {
        uint64_t lag_us = atomic_load_explicit(&board->cells[i].loop_lag_us, memory_order_relaxed);
        if (lag_us > load.of[GW_OVERLOAD_LOOP_LAG])
            load.of[GW_OVERLOAD_LOOP_LAG] = lag_us;
    }
    load.of[GW_OVERLOAD_MEMORY] = atomic_load_explicit(&board->resident, memory_order_relaxed);
    load.of[GW_OVERLOAD_IN_FLIGHT] = gw_overload_board_others(board, SIZE_MAX);
    return load;
}

/** "memory 812 of 1024 MiB, in_flight 799 of 800": of what has a bound. */
static void write_load(const gw_overload_board_t *board, char text[TEXT_MAX])
{
    static const struct {
        uint64_t divisor;
        const char *unit;
    } shown[] = {[GW_OVERLOAD_LOOP_LAG] = {1000, " ms"},
                 [GW_OVERLOAD_MEMORY] = {MIB, " MiB"},
                 [GW_OVERLOAD_IN_FLIGHT] = {1, ""}};
    gw_overload_amounts_t load = load_of(board);
    int len = 0;
    for (int cause = 0; cause != GW_OVERLOAD_CAUSES; ++cause)
        if (board->bounds.of[cause] != 0)
            len += snprintf(text + len, (size_t)(TEXT_MAX - len), "%s%s %llu of %llu%s", len != 0 ? ", " : "",
                            gw_overload_cause_word((gw_overload_cause_t)cause),
                            (unsigned long long)(load.of[cause] / shown[cause].divisor),
                            (unsigned long long)(board->bounds.of[cause] / shown[cause].divisor), shown[cause].unit);
}

static void log_change(const gw_overload_board_t *board, gw_overload_change_t change)
{
    const gw_overload_episode_t *episode = &board->episode;
    const char *would = board->is_observing ? "would be " : "";
    char load[TEXT_MAX];
    if (change == GW_OVERLOAD_SAME)
        return;
    write_load(board, load);
    if (change == GW_OVERLOAD_BEGAN) {
        gw_log_later(GW_LOG_NOTICE, "overload: requests %s refused: %s", board->is_observing ? "would be" : "are",
                     load);
        return;
    }
    gw_overload_refusals_t refused = gw_overload_episode_refusals(episode);
    gw_log_later(GW_LOG_NOTICE,
                 "overload: over after %llu ms: %llu low, %llu normal and %llu high requests %srefused; %s",
                 (unsigned long long)(episode->last_ms - episode->began_ms),
                 (unsigned long long)refused.of[GW_PRIORITY_LOW], (unsigned long long)refused.of[GW_PRIORITY_NORMAL],
                 (unsigned long long)refused.of[GW_PRIORITY_HIGH], board->is_observing ? would : "were ", load);
}

/* upkeep's thread -------------------------------------------------------------------------------------------------- */

static void read_memory(gw_overload_board_t *board)
{
    if (board->bounds.of[GW_OVERLOAD_MEMORY] != 0)
        atomic_store_explicit(&board->resident, gw_memory_resident(""), memory_order_relaxed);
}

/** What a peak has left behind is freed but still resident: without this, one peak above the bound would have requests
 * refused for ever. */
static void give_back(gw_overload_board_t *board, uint64_t now_ms)
{
    const gw_overload_amounts_t load = {.of[GW_OVERLOAD_MEMORY] = atomic_load(&board->resident)};
    gw_overload_cause_t cause;
    if (now_ms < board->give_back_ms || gw_overload_pressure(&load, &board->bounds, &cause) <= GW_PRESSURE_BEGINS)
        return;
    gw_memory_give_back();
    board->give_back_ms = now_ms + GIVE_BACK_MS;
    read_memory(board);
}

/** Ends what is under way when a reload has brought another board, which begins it again if there is reason to. */
static uint64_t end_early(gw_overload_board_t *board)
{
    if (board->episode.is_on)
        log_change(board, GW_OVERLOAD_ENDED);
    board->episode.is_on = false;
    return GW_TICKER_NEVER;
}

static uint64_t look(void *arg, uint64_t now_ms)
{
    gw_overload_board_t *board = arg;
    if (atomic_load(&board->is_retired))
        return end_early(board);
    read_memory(board);
    give_back(board, now_ms);
    gw_overload_refusals_t refused = sum_refusals(board);
    log_change(board, gw_overload_episode_look(&board->episode, &refused, now_ms));
    return now_ms + LOOK_EVERY_MS;
}

static void free_board(void *arg)
{
    gw_overload_board_t *board = arg;
    free(board->cells);
    free(board);
}

gw_overload_board_t *gw_overload_board_create(const gw_overload_conf_t *conf, size_t num_workers,
                                              gw_overload_board_t *previous, struct gw_upkeep *upkeep)
{
    if (previous != NULL)
        atomic_store(&previous->is_retired, true);
    if (conf->loop_lag == 0 && conf->memory.amount == 0 && conf->in_flight == 0)
        return NULL;
    gw_overload_board_t *board = gw_must_alloc_aligned(sizeof(*board));
    board->bounds.of[GW_OVERLOAD_LOOP_LAG] = conf->loop_lag * 1000;
    board->bounds.of[GW_OVERLOAD_MEMORY] =
        conf->memory.is_share ? gw_memory_allowed("") / 10000 * conf->memory.amount : conf->memory.amount;
    board->bounds.of[GW_OVERLOAD_IN_FLIGHT] = conf->in_flight;
    board->is_observing = conf->mode == GW_OVERLOAD_OBSERVE;
    board->num_cells = num_workers;
    board->cells = gw_must_alloc_aligned(num_workers * sizeof(*board->cells));
    board->step = conf->in_flight != 0 ? gw_overload_step(conf->in_flight, num_workers) : UINT64_MAX;
    read_memory(board); /* so that the first request is judged by something */
    if (board->bounds.of[GW_OVERLOAD_MEMORY] != 0 && atomic_load(&board->resident) == 0)
        gw_log(GW_LOG_WARNING, "overload.memory has no effect: /proc/self/statm cannot be read");
    board->ticker = gw_ticker_start(upkeep, look, free_board, board);
    return board;
}

void gw_overload_board_free(gw_overload_board_t *board)
{
    if (board != NULL)
        gw_ticker_stop(board->ticker); /* which frees it after the last look */
}
