/* SPDX-License-Identifier: MIT
 * Tests of the content of /bytes/N. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "backends/pattern.h"

static void every_line_names_its_own_offset(void **state)
{
    char text[33] = {0};
    gw_pattern_fill(text, 32, 0);
    assert_string_equal(text, "000000000000000\n000000000000010\n");
    gw_pattern_fill(text, 32, UINT64_C(10) << 30);
    assert_string_equal(text, "000000280000000\n000000280000010\n");
}

static void pieces_of_any_size_make_the_same_whole(void **state)
{
    char whole[1000], pieced[1000];
    gw_pattern_fill(whole, sizeof(whole), 65530);
    for (size_t size = 1; size != 40; ++size) {
        memset(pieced, 0, sizeof(pieced));
        for (size_t at = 0; at < sizeof(pieced); at += size)
            gw_pattern_fill(pieced + at, sizeof(pieced) - at < size ? sizeof(pieced) - at : size, 65530 + at);
        assert_memory_equal(pieced, whole, sizeof(whole));
    }
    gw_pattern_fill(NULL, 0, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_names_its_own_offset),
        cmocka_unit_test(pieces_of_any_size_make_the_same_whole),
    };
    return cmocka_run_group_tests_name("test_backends_pattern", tests, NULL, NULL);
}
