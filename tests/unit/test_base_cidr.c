/* SPDX-License-Identifier: MIT
 * Addresses and networks: what is read, refused, and printed again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "gateway/base/cidr.h"

static void networks_are_read_and_printed(void **state)
{
    static const struct {
        const char *text, *printed;
        gw_cidr_result_t result;
    } cases[] = {
        {"10.0.0.0/8", "10.0.0.0/8", GW_CIDR_OK},
        {"0.0.0.0/0", "0.0.0.0/0", GW_CIDR_OK},
        {"192.0.2.1", "192.0.2.1/32", GW_CIDR_OK},
        {"192.0.2.1/32", "192.0.2.1/32", GW_CIDR_OK},
        {"::/0", "::/0", GW_CIDR_OK},
        {"::1", "::1/128", GW_CIDR_OK},
        {"2001:DB8::/32", "2001:db8::/32", GW_CIDR_OK},
        {"::ffff:10.0.0.0/104", "10.0.0.0/8", GW_CIDR_OK},
        {"::ffff:192.0.2.1", "192.0.2.1/32", GW_CIDR_OK},
        {"::/95", "::/95", GW_CIDR_OK},
        {"10.1.2.3/8", "10.0.0.0/8", GW_CIDR_BITS_BEYOND},
        {"10.1.2.3/0", "0.0.0.0/0", GW_CIDR_BITS_BEYOND},
        {"10.1.2.3/31", "10.1.2.2/31", GW_CIDR_BITS_BEYOND},
        {"fe80::1/10", "fe80::/10", GW_CIDR_BITS_BEYOND},
        {"10.0.0.0/33", NULL, GW_CIDR_BAD_BITS_V4},
        {"10.0.0.0/", NULL, GW_CIDR_BAD_BITS_V4},
        {"10.0.0.0/-1", NULL, GW_CIDR_BAD_BITS_V4},
        {"10.0.0.0/8/8", NULL, GW_CIDR_BAD_BITS_V4},
        {"10.0.0.0/0008", NULL, GW_CIDR_BAD_BITS_V4},
        {"10.0.0.0/255.0.0.0", NULL, GW_CIDR_BAD_BITS_V4},
        {"::1/129", NULL, GW_CIDR_BAD_BITS_V6},
        {"", NULL, GW_CIDR_NO_ADDRESS},
        {"/8", NULL, GW_CIDR_NO_ADDRESS},
        {"10.0.0", NULL, GW_CIDR_NO_ADDRESS},
        {"10.0.0.256", NULL, GW_CIDR_NO_ADDRESS},
        {"010.0.0.1", NULL, GW_CIDR_NO_ADDRESS},
        {"10.0.0.1 ", NULL, GW_CIDR_NO_ADDRESS},
        {"fe80::1%eth0", NULL, GW_CIDR_NO_ADDRESS},
        {"[::1]", NULL, GW_CIDR_NO_ADDRESS},
        {"localhost", NULL, GW_CIDR_NO_ADDRESS},
        {"1111:2222:3333:4444:5555:6666:255.255.255.255:1", NULL, GW_CIDR_NO_ADDRESS},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_cidr_t cidr;
        char printed[GW_CIDR_TEXT_MAX];
        gw_cidr_result_t result = gw_cidr_parse(gw_str_of(cases[i].text), &cidr);
        if (result != cases[i].result)
            fail_msg("'%s': %d instead of %d", cases[i].text, result, cases[i].result);
        assert_int_equal(gw_cidr_wanted(result) == NULL, result == GW_CIDR_OK);
        if (cases[i].printed == NULL)
            continue;
        gw_cidr_print(&cidr, printed);
        assert_string_equal(printed, cases[i].printed);
    }
}

static void a_zero_byte_ends_no_address(void **state)
{
    gw_cidr_t cidr;
    assert_int_equal(gw_cidr_parse(GW_STR("10.0.0.1\0/8"), &cidr), GW_CIDR_NO_ADDRESS);
    assert_int_equal(gw_cidr_parse(GW_STR("10.0.0.1\0"), &cidr), GW_CIDR_NO_ADDRESS);
    assert_int_equal(gw_cidr_parse(gw_str(NULL, 0), &cidr), GW_CIDR_NO_ADDRESS);
}

static bool contains(const char *network, const char *address)
{
    gw_cidr_t cidr;
    uint8_t bytes[16];
    assert_int_equal(gw_cidr_parse(gw_str_of(network), &cidr), GW_CIDR_OK);
    assert_true(gw_address_parse(gw_str_of(address), bytes));
    return gw_cidr_contains(&cidr, 1, bytes);
}

static void a_network_contains_what_begins_as_it_does(void **state)
{
    assert_true(contains("10.0.0.0/8", "10.255.255.255"));
    assert_false(contains("10.0.0.0/8", "11.0.0.0"));
    assert_true(contains("10.0.0.4/30", "::ffff:10.0.0.7"));
    assert_false(contains("10.0.0.4/30", "10.0.0.8"));
    assert_true(contains("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(contains("2001:db8::/33", "2001:db8:8000::"));
    assert_true(contains("::/0", "1.2.3.4"));
    assert_false(contains("0.0.0.0/0", "::1"));
    uint8_t bytes[16];
    assert_true(gw_address_parse(GW_STR("1.2.3.4"), bytes));
    assert_false(gw_cidr_contains(NULL, 0, bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_are_read_and_printed),
        cmocka_unit_test(a_zero_byte_ends_no_address),
        cmocka_unit_test(a_network_contains_what_begins_as_it_does),
    };
    return cmocka_run_group_tests_name("base: cidr", tests, NULL, NULL);
}
