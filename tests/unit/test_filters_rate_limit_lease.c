/* SPDX-License-Identifier: MIT
 * Leases: what is taken from them, added, put back, refused and ended, by one thread and by several. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <cmocka.h>
#include "filters/rate_limit/store/lease.h"
#include "gateway/base/random.h"

enum { most = 20 };

static int set_up(void **state)
{
    *state = gw_leases_create(100);
    return 0;
}

static int tear_down(void **state)
{
    gw_leases_free(*state);
    return 0;
}

static void expect_take(gw_leases_t *leases, uint64_t now_ms, uint64_t tokens, gw_lease_result_t result, uint64_t left)
{
    gw_lease_state_t found;
    assert_int_equal(gw_lease_take(leases, 7, now_ms, tokens, &found), result);
    assert_int_equal(found.left, left);
}

static void tokens_are_taken_until_there_are_none(void **state)
{
    gw_leases_t *leases = *state;
    expect_take(leases, 1000, 1, GW_LEASE_NONE, 0);
    assert_int_equal(gw_lease_add(leases, 7, 1000, 10, most, 2000), 0);
    expect_take(leases, 1000, 4, GW_LEASE_TAKEN, 6);
    expect_take(leases, 1999, 0, GW_LEASE_TAKEN, 6);
    expect_take(leases, 1999, 7, GW_LEASE_NONE, 6);
    expect_take(leases, 1999, 6, GW_LEASE_TAKEN, 0);
    expect_take(leases, 1999, 1, GW_LEASE_NONE, 0);
}

static void tokens_whose_time_is_over_are_brought_back_and_not_used(void **state)
{
    gw_leases_t *leases = *state;
    gw_lease_add(leases, 7, 1000, 10, most, 2000);
    assert_int_equal(gw_lease_end(leases, 7, 1999, false), 0);
    expect_take(leases, 2000, 1, GW_LEASE_NONE, 0);
    assert_int_equal(gw_lease_end(leases, 7, 2000, false), 10);
    assert_int_equal(gw_lease_end(leases, 7, 2000, false), 0);
    gw_lease_add(leases, 7, 3000, 10, most, 4000);
    assert_int_equal(gw_lease_end(leases, 7, 3000, true), 10);
    expect_take(leases, 3000, 1, GW_LEASE_NONE, 0);
}

static void a_lease_never_holds_more_than_it_may(void **state)
{
    gw_leases_t *leases = *state;
    assert_int_equal(gw_lease_add(leases, 7, 1000, 15, most, 2000), 0);
    assert_int_equal(gw_lease_add(leases, 7, 1500, 15, most, 2500), 10);
    expect_take(leases, 2400, 0, GW_LEASE_TAKEN, most);                   /* renewed: the old ones too */
    assert_int_equal(gw_lease_add(leases, 7, 2500, 5, most, 3500), most); /* the old ones are over */
    expect_take(leases, 2500, 0, GW_LEASE_TAKEN, 5);
}

static void what_was_taken_can_be_put_back_while_the_lease_lasts(void **state)
{
    gw_leases_t *leases = *state;
    assert_int_equal(gw_lease_put_back(leases, 7, 1000, 3, most), 3);
    gw_lease_add(leases, 7, 1000, 19, most, 2000);
    assert_int_equal(gw_lease_put_back(leases, 7, 1000, 3, most), 2);
    assert_int_equal(gw_lease_take_some(leases, 7, 1000, 25), 20);
    assert_int_equal(gw_lease_take_some(leases, 7, 1000, 25), 0);
    assert_int_equal(gw_lease_put_back(leases, 7, 2000, 3, most), 3);
}

static void a_refusal_is_remembered_for_its_time(void **state)
{
    gw_leases_t *leases = *state;
    gw_lease_state_t found;
    gw_lease_refuse(leases, 7, 1000, 1100, 0x81);
    assert_int_equal(gw_lease_take(leases, 7, 1040, 1, &found), GW_LEASE_REFUSED);
    assert_int_equal(found.wait_ms, 60);
    assert_int_equal(found.refused_by, 0x81);
    assert_int_equal(gw_lease_take_some(leases, 7, 1040, 1), 0);
    assert_int_equal(gw_lease_put_back(leases, 7, 1040, 1, most), 1);
    assert_int_equal(gw_lease_end(leases, 7, 1040, true), 0);
    expect_take(leases, 1100, 1, GW_LEASE_NONE, 0);
}

static void a_refusal_takes_no_tokens_away_and_tokens_end_a_refusal(void **state)
{
    gw_leases_t *leases = *state;
    gw_lease_add(leases, 7, 1000, 5, most, 2000);
    gw_lease_refuse(leases, 7, 1000, 1500, 1);
    expect_take(leases, 1000, 1, GW_LEASE_TAKEN, 4);
    assert_int_equal(gw_lease_end(leases, 7, 1000, true), 4);
    gw_lease_refuse(leases, 7, 1000, 1500, 1);
    gw_lease_add(leases, 7, 1100, 5, most, 2000);
    expect_take(leases, 1100, 1, GW_LEASE_TAKEN, 4);
}

static void the_largest_lease_is_no_refusal(void **state)
{
    gw_leases_t *leases = *state;
    assert_int_equal(gw_lease_add(leases, 7, 1000, GW_LEASE_MAX_TOKENS, GW_LEASE_MAX_TOKENS, 2000), 0);
    expect_take(leases, 1000, 1, GW_LEASE_TAKEN, GW_LEASE_MAX_TOKENS - 1);
    assert_int_equal(gw_lease_end(leases, 7, 2000, false), GW_LEASE_MAX_TOKENS - 1);
}

static void without_room_all_goes_back(void **state)
{
    gw_leases_t *leases = gw_leases_create(1);
    size_t num_kept = 0;
    (void)state;
    for (uint64_t i = 0; i != 1000; ++i)
        num_kept += gw_lease_add(leases, i * 0x9e3779b97f4a7c15ull, 1000, 5, most, 2000) == 0;
    assert_in_range(num_kept, 1, 60);
    for (uint64_t i = 0; i != 1000; ++i) /* those that are long over make room */
        num_kept += gw_lease_add(leases, (i + 1000) * 0x9e3779b97f4a7c15ull, 3001, 5, most, 4000) == 0;
    assert_in_range(num_kept, 2, 120);
    gw_leases_free(leases);
}

/* no token is lost or doubled, whatever the threads do ------------------------------------------------------------- */

enum { num_threads = 4, num_clients = 30, num_turns = 100000 };

typedef struct crowd {
    gw_leases_t *leases;
    atomic_long in, out;
} crowd_t;

static void *work(void *arg)
{
    crowd_t *crowd = arg;
    uint64_t random = (uint64_t)(uintptr_t)&random, now_ms = 1000;
    for (int i = 0; i != num_turns; ++i) {
        uint64_t hash = (1 + gw_random_below(&random, num_clients)) * 0x9e3779b97f4a7c15ull;
        uint64_t tokens = 1 + gw_random_below(&random, 5);
        gw_lease_state_t found;
        now_ms += gw_random_below(&random, 200) == 0;
        switch (gw_random_below(&random, 5)) {
        case 0:
            crowd->in += (long)tokens;
            crowd->out += (long)gw_lease_add(crowd->leases, hash, now_ms, tokens, most, now_ms + 50);
            break;
        case 1:
            crowd->out += (long)gw_lease_take_some(crowd->leases, hash, now_ms, tokens);
            break;
        case 2:
            crowd->out += (long)gw_lease_end(crowd->leases, hash, now_ms, false);
            break;
        case 3:
            gw_lease_refuse(crowd->leases, hash, now_ms, now_ms + 2, 1);
            break;
        default:
            if (gw_lease_take(crowd->leases, hash, now_ms, tokens, &found) == GW_LEASE_TAKEN)
                crowd->out += (long)tokens;
            break;
        }
    }
    return NULL;
}

static void no_token_is_lost_or_doubled_between_threads(void **state)
{
    crowd_t crowd = {.leases = *state};
    pthread_t threads[num_threads];
    for (int i = 0; i != num_threads; ++i)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &crowd), 0);
    for (int i = 0; i != num_threads; ++i)
        pthread_join(threads[i], NULL);
    for (uint64_t i = 0; i != num_clients; ++i)
        crowd.out += (long)gw_lease_end(crowd.leases, (i + 1) * 0x9e3779b97f4a7c15ull, 0, true);
    assert_int_equal(crowd.in, crowd.out);
    assert_true(crowd.in > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tokens_are_taken_until_there_are_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tokens_whose_time_is_over_are_brought_back_and_not_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lease_never_holds_more_than_it_may, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_taken_can_be_put_back_while_the_lease_lasts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_is_remembered_for_its_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refusal_takes_no_tokens_away_and_tokens_end_a_refusal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_largest_lease_is_no_refusal, set_up, tear_down),
        cmocka_unit_test(without_room_all_goes_back),
        cmocka_unit_test_setup_teardown(no_token_is_lost_or_doubled_between_threads, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
