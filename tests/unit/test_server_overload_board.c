/* SPDX-License-Identifier: MIT
 * The board on which workers tell each other of their load, with upkeep's real thread behind it. */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "gateway/base/memory_use.h"
#include "gateway/server/overload_board.h"
#include "gateway/upkeep/ticker.h"

static gw_upkeep_t *upkeep;

static int start_upkeep(void **state)
{
    upkeep = gw_upkeep_create();
    return upkeep != NULL ? 0 : -1;
}

static int stop_upkeep(void **state)
{
    gw_upkeep_free(upkeep);
    return 0;
}

static void without_a_bound_there_is_no_board(void **state)
{
    const gw_overload_conf_t conf = {.at.line = 1}, share = {.memory = {.is_share = true}};
    assert_null(gw_overload_board_create(&conf, 4, NULL, upkeep));
    assert_null(gw_overload_board_create(&share, 4, NULL, upkeep));
    gw_overload_board_free(NULL);
}

static void bounds_become_what_is_measured(void **state)
{
    const gw_overload_conf_t conf = {
        .loop_lag = 100, .memory = {.is_share = true, .amount = 5000}, .in_flight = 6400, .mode = GW_OVERLOAD_OBSERVE};
    gw_overload_board_t *board = gw_overload_board_create(&conf, 10, NULL, upkeep);
    assert_int_equal(board->bounds.of[GW_OVERLOAD_LOOP_LAG], 100000);
    assert_in_range(board->bounds.of[GW_OVERLOAD_MEMORY], gw_memory_allowed("") / 2 - 10000,
                    gw_memory_allowed("") / 2 + 10000);
    assert_int_equal(board->bounds.of[GW_OVERLOAD_IN_FLIGHT], 6400);
    assert_int_equal(board->step, 10);
    assert_true(board->is_observing);
    assert_true(atomic_load(&board->resident) != 0); /* at once */
    gw_overload_board_free(board);
}

static void what_nobody_wants_to_know_is_not_told(void **state)
{
    const gw_overload_conf_t conf = {.loop_lag = 1};
    gw_overload_board_t *board = gw_overload_board_create(&conf, 2, NULL, upkeep);
    assert_int_equal(board->step, UINT64_MAX);
    assert_int_equal(atomic_load(&board->resident), 0);
    assert_false(board->is_observing);
    gw_overload_board_free(board);
}

static void a_worker_sees_what_the_others_have_under_way(void **state)
{
    const gw_overload_conf_t conf = {.in_flight = 100};
    gw_overload_board_t *board = gw_overload_board_create(&conf, 3, NULL, upkeep);
    for (size_t i = 0; i != 3; ++i) {
        assert_int_equal((uintptr_t)&board->cells[i].in_flight % GW_CACHE_LINE, 0);
        assert_true((uintptr_t)&board->cells[i].loop_lag_us - (uintptr_t)&board->cells[i].in_flight >= GW_CACHE_LINE);
        atomic_store(&board->cells[i].in_flight, 1ull << i);
    }
    assert_int_equal(gw_overload_board_others(board, 0), 6);
    assert_int_equal(gw_overload_board_others(board, 1), 5);
    assert_int_equal(gw_overload_board_others(board, 2), 3);
    gw_overload_board_free(board);
}

/* tickers ---------------------------------------------------------------------------------------------------------- */

typedef struct ticking {
    unsigned num_ticks, most; /* of upkeep's thread */
    sem_t was_last, was_freed;
} ticking_t;

static uint64_t tick(void *arg, uint64_t now_ms)
{
    ticking_t *ticking = arg;
    if (++ticking->num_ticks != ticking->most)
        return now_ms + 1;
    sem_post(&ticking->was_last);
    return GW_TICKER_NEVER;
}

static void note_free(void *arg)
{
    sem_post(&((ticking_t *)arg)->was_freed);
}

static void a_ticker_ticks_until_it_says_never_and_is_freed_once(void **state)
{
    ticking_t ticking = {.most = 5};
    sem_init(&ticking.was_last, 0, 0);
    sem_init(&ticking.was_freed, 0, 0);
    gw_ticker_t *ticker = gw_ticker_start(upkeep, tick, note_free, &ticking);
    while (sem_wait(&ticking.was_last) != 0)
        ;
    assert_int_not_equal(sem_trywait(&ticking.was_freed), 0);
    gw_ticker_stop(ticker);
    while (sem_wait(&ticking.was_freed) != 0)
        ;
    assert_int_equal(ticking.num_ticks, 5);
    assert_int_not_equal(sem_trywait(&ticking.was_freed), 0);
    sem_destroy(&ticking.was_last);
    sem_destroy(&ticking.was_freed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_bound_there_is_no_board),
        cmocka_unit_test(bounds_become_what_is_measured),
        cmocka_unit_test(what_nobody_wants_to_know_is_not_told),
        cmocka_unit_test(a_worker_sees_what_the_others_have_under_way),
        cmocka_unit_test(a_ticker_ticks_until_it_says_never_and_is_freed_once),
    };
    return cmocka_run_group_tests_name("test_server_overload_board", tests, start_upkeep, stop_upkeep);
}
