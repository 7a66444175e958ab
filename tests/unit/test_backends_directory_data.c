/* SPDX-License-Identifier: MIT
 * Tests of the directory's data: what refers to what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "backends/directory_data.h"

static void orders_name_users_and_articles_that_exist(void **state)
{
    for (size_t i = 0; i != gw_directory_num_orders; ++i) {
        const gw_directory_order_t *order = &gw_directory_orders[i];
        size_t num_items = 0;
        assert_in_range(order->user, 1, gw_directory_num_users);
        assert_int_equal(strlen(order->date), 10);
        while (num_items != GW_DIRECTORY_MAX_ITEMS && order->items[num_items].article != 0) {
            assert_in_range(order->items[num_items].article, 1, gw_directory_num_articles);
            assert_true(order->items[num_items].quantity > 0);
            ++num_items;
        }
        assert_true(num_items > 0);
    }
}

static void there_is_enough_to_look_at(void **state)
{
    assert_true(gw_directory_num_users >= 10);
    assert_true(gw_directory_num_articles >= 8);
    assert_true(gw_directory_num_orders >= 12);
}

static void no_order_is_younger_than_the_date_of_the_data(void **state)
{
    for (size_t i = 0; i != gw_directory_num_orders; ++i)
        assert_true(strcmp(gw_directory_orders[i].date, "2025-01-01") <= 0); /* GW_DIRECTORY_LAST_MODIFIED */
    assert_int_equal(GW_DIRECTORY_LAST_MODIFIED, 1735725600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_name_users_and_articles_that_exist),
        cmocka_unit_test(there_is_enough_to_look_at),
        cmocka_unit_test(no_order_is_younger_than_the_date_of_the_data),
    };
    return cmocka_run_group_tests_name("test_backends_directory_data", tests, NULL, NULL);
}
