/* SPDX-License-Identifier: MIT
 * The timing wheel on virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/base/timer_wheel.h"

static uint64_t now_ms;

typedef struct probe {
    gw_timer_t timer;
    uint64_t fired_at_ms;
    unsigned num_fired;
} probe_t;

static void on_expiry(gw_timer_t *timer)
{
    probe_t *probe = (probe_t *)timer;
    probe->fired_at_ms = now_ms;
    ++probe->num_fired;
}

static void run_until(gw_timer_wheel_t *wheel, uint64_t until_ms)
{
    while (now_ms < until_ms) {
        uint64_t wait = gw_timer_wheel_wait(wheel, now_ms, until_ms - now_ms);
        now_ms += wait != 0 ? wait : 1;
        gw_timer_wheel_run(wheel, now_ms);
    }
}

static void a_timer_fires_once_soon_after_its_deadline_and_never_before(void **state)
{
    static const uint64_t delays[] = {0,   1,     3,     4,     5,      100,     255,      256,      257,
                                      999, 16383, 16384, 16385, 100000, 1048576, 10000000, 70000000, 200000000};
    for (size_t i = 0; i != sizeof(delays) / sizeof(delays[0]); ++i) {
        gw_timer_wheel_t wheel;
        now_ms = 123456789 + i;
        gw_timer_wheel_init(&wheel, now_ms);
        probe_t probe = {.num_fired = 0};
        gw_timer_init(&probe.timer, on_expiry);
        uint64_t deadline = now_ms + delays[i];
        gw_timer_set(&wheel, &probe.timer, deadline);
        run_until(&wheel, deadline + 3 * GW_TIMER_TICK_MS);
        assert_int_equal(probe.num_fired, 1);
        assert_true(probe.fired_at_ms >= deadline);
        assert_true(probe.fired_at_ms <= deadline + 2 * GW_TIMER_TICK_MS);
        assert_false(gw_timer_is_set(&probe.timer));
    }
}

static void a_timer_that_is_pushed_back_fires_at_the_last_deadline_only(void **state)
{
    gw_timer_wheel_t wheel;
    now_ms = 1000;
    gw_timer_wheel_init(&wheel, now_ms);
    probe_t probe = {.num_fired = 0};
    gw_timer_init(&probe.timer, on_expiry);
    for (int i = 0; i != 100; ++i) {
        gw_timer_set(&wheel, &probe.timer, now_ms + 1000);
        run_until(&wheel, now_ms + 100);
    }
    assert_int_equal(probe.num_fired, 0);
    uint64_t deadline = now_ms + 900;
    run_until(&wheel, deadline + 20);
    assert_int_equal(probe.num_fired, 1);
    assert_true(probe.fired_at_ms >= deadline);
}

static void a_timer_that_is_brought_forward_fires_early(void **state)
{
    gw_timer_wheel_t wheel;
    now_ms = 5;
    gw_timer_wheel_init(&wheel, now_ms);
    probe_t probe = {.num_fired = 0};
    gw_timer_init(&probe.timer, on_expiry);
    gw_timer_set(&wheel, &probe.timer, now_ms + 60000);
    gw_timer_set(&wheel, &probe.timer, now_ms + 20);
    run_until(&wheel, now_ms + 40);
    assert_int_equal(probe.num_fired, 1);
}

static void a_stopped_or_disposed_timer_never_fires(void **state)
{
    gw_timer_wheel_t wheel;
    now_ms = 77;
    gw_timer_wheel_init(&wheel, now_ms);
    probe_t stopped = {.num_fired = 0}, disposed = {.num_fired = 0};
    gw_timer_init(&stopped.timer, on_expiry);
    gw_timer_init(&disposed.timer, on_expiry);
    gw_timer_set(&wheel, &stopped.timer, now_ms + 50);
    gw_timer_set(&wheel, &disposed.timer, now_ms + 50);
    gw_timer_stop(&stopped.timer);
    gw_timer_dispose(&wheel, &disposed.timer);
    run_until(&wheel, now_ms + 1000);
    assert_int_equal(stopped.num_fired + disposed.num_fired, 0);
    assert_int_equal(gw_timer_wheel_wait(&wheel, now_ms, 5000), 5000); /* and nobody is woken for them any more */
}

static gw_timer_wheel_t *shared_wheel;
static probe_t *victim;

static void dispose_victim(gw_timer_t *timer)
{
    gw_timer_dispose(shared_wheel, &victim->timer);
    gw_timer_set(shared_wheel, timer, now_ms + 10);
}

static void a_callback_may_dispose_of_its_neighbour_and_restart_itself(void **state)
{
    gw_timer_wheel_t wheel;
    now_ms = 0;
    gw_timer_wheel_init(&wheel, now_ms);
    shared_wheel = &wheel;
    gw_timer_t killer;
    probe_t probe = {.num_fired = 0};
    victim = &probe;
    gw_timer_init(&killer, dispose_victim);
    gw_timer_init(&probe.timer, on_expiry);
    gw_timer_set(&wheel, &killer, 8);
    gw_timer_set(&wheel, &probe.timer, 8);
    run_until(&wheel, 100);
    assert_int_equal(probe.num_fired, 0);
    assert_true(gw_timer_is_set(&killer));
}

/** Random operations against the plain rule: a timer fires between its deadline and two ticks later, if it still
 * stands. */
static void random_timers_keep_their_deadlines(void **state)
{
    enum { NUM = 200 };
    static probe_t probes[NUM];
    static uint64_t deadlines[NUM];
    gw_timer_wheel_t wheel;
    now_ms = 987654;
    gw_timer_wheel_init(&wheel, now_ms);
    srand(1);
    for (size_t i = 0; i != NUM; ++i) {
        probes[i].num_fired = 0;
        gw_timer_init(&probes[i].timer, on_expiry);
        deadlines[i] = GW_TIMER_NEVER;
    }
    for (int step = 0; step != 50000; ++step) {
        size_t i = (size_t)rand() % NUM;
        unsigned span = 1u << (rand() % 22);
        if (rand() % 4 == 0) {
            gw_timer_stop(&probes[i].timer);
            deadlines[i] = GW_TIMER_NEVER;
        } else {
            deadlines[i] = now_ms + (unsigned)rand() % span;
            gw_timer_set(&wheel, &probes[i].timer, deadlines[i]);
        }
        now_ms += (unsigned)rand() % 100 == 0 ? (unsigned)rand() % 100000 : (unsigned)rand() % 20;
        uint64_t before[NUM];
        for (size_t k = 0; k != NUM; ++k)
            before[k] = probes[k].num_fired;
        gw_timer_wheel_run(&wheel, now_ms);
        for (size_t k = 0; k != NUM; ++k) {
            bool fired = probes[k].num_fired != before[k];
            if (fired)
                assert_true(deadlines[k] <= now_ms);
            else
                assert_true(deadlines[k] == GW_TIMER_NEVER || deadlines[k] + 2 * GW_TIMER_TICK_MS > now_ms);
            if (fired)
                deadlines[k] = GW_TIMER_NEVER;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timer_fires_once_soon_after_its_deadline_and_never_before),
        cmocka_unit_test(a_timer_that_is_pushed_back_fires_at_the_last_deadline_only),
        cmocka_unit_test(a_timer_that_is_brought_forward_fires_early),
        cmocka_unit_test(a_stopped_or_disposed_timer_never_fires),
        cmocka_unit_test(a_callback_may_dispose_of_its_neighbour_and_restart_itself),
        cmocka_unit_test(random_timers_keep_their_deadlines),
    };
    return cmocka_run_group_tests_name("timer wheel", tests, NULL, NULL);
}
