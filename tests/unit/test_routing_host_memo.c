/* SPDX-License-Identifier: MIT
 * What is remembered of hosts changes nothing but the cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "gateway/base/random.h"
#include "gateway/http/syntax.h"
#include "gateway/routing/host_memo.h"
#include "gateway/routing/router.h"

#define LONG64 "0123456789012345678901234567890123456789012345678901234567890123"

static void hosts_are_normalised_as_without_a_memo_in_any_order(void **state)
{
    static const char *const authorities[] = {"a",    "A",    "a:80",     "a:81", "b.example.", "[::1]:80",
                                              "[::1", ":80",  "",         "a b",  "a:b:c",      "%41",
                                              "a@b",  LONG64, LONG64 "x", "\xff", "a\"b"};
    gw_host_memo_t memo = {0};
    uint64_t random = 1;
    size_t num_known = 0;
    assert_int_equal(gw_host_memo_authority(&memo).len, 0);
    for (size_t i = 0; i != 20000; ++i) {
        gw_str_t authority =
            gw_str_of(authorities[gw_random_below(&random, sizeof(authorities) / sizeof(authorities[0]))]);
        size_t cap = gw_random_below(&random, 8) == 0 ? gw_random_below(&random, 4) : authority.len;
        char buf[80], expected_buf[80];
        gw_str_t host, expected;
        num_known += gw_str_equal(authority, gw_host_memo_authority(&memo));
        bool is_host = gw_host_normalise(authority, expected_buf, cap, &expected);
        if (gw_host_memo_normalise(&memo, authority, buf, cap, &host) != is_host ||
            (is_host && !gw_str_equal(host, expected)))
            fail_msg("'%s' becomes another host", authority.ptr);
        gw_str_t known = gw_host_memo_authority(&memo);
        assert_true(known.len == 0 || gw_http_is_authority(known));
    }
    assert_true(num_known > 100);
}

static void what_is_no_authority_is_not_remembered_nor_what_is_too_long(void **state)
{
    static const struct {
        const char *authority;
        bool is_remembered;
    } rows[] = {{"a.example:8080", true}, {"a b", false}, {"a:b", false}, {LONG64, true}, {LONG64 "x", false}};
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        gw_host_memo_t memo = {0};
        char buf[80];
        gw_str_t authority = gw_str_of(rows[i].authority), host;
        assert_true(gw_host_memo_normalise(&memo, authority, buf, sizeof(buf), &host));
        assert_int_equal(gw_str_equal(gw_host_memo_authority(&memo), authority), rows[i].is_remembered);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_are_normalised_as_without_a_memo_in_any_order),
        cmocka_unit_test(what_is_no_authority_is_not_remembered_nor_what_is_too_long),
    };
    return cmocka_run_group_tests_name("hosts that are remembered", tests, NULL, NULL);
}
