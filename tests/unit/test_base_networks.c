/* SPDX-License-Identifier: MIT
 * Sets of networks against looking at each of them in turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include "gateway/base/networks.h"
#include "gateway/base/random.h"

static uint64_t random_state = 0x9e3779b97f4a7c15ull;

static uint64_t below(uint64_t bound)
{
    return (gw_random_next(&random_state) >> 11) % bound;
}

/** What gw_networks_find is to return. */
static unsigned find_in_turn(const gw_cidr_t *cidrs, size_t num, const uint8_t address[16])
{
    bool is_ipv4 = gw_address_is_ipv4(address);
    unsigned longest = 0;
    for (size_t i = 0; i != num; ++i) {
        bool is_of_ipv4 = cidrs[i].bits >= 96 && gw_address_is_ipv4(cidrs[i].address);
        unsigned value = is_ipv4 ? cidrs[i].bits - 96 + 1 : cidrs[i].bits + 1;
        if (is_of_ipv4 == is_ipv4 && gw_cidr_contains(&cidrs[i], 1, address) && value > longest)
            longest = value;
    }
    return longest;
}

static void cut(gw_cidr_t *cidr)
{
    for (unsigned bit = cidr->bits; bit != 128; ++bit)
        cidr->address[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

/** Few distinct bytes, so that networks lie in each other, beside each other and at both ends. */
static void random_address(uint8_t address[16], unsigned prefix_bytes)
{
    static const uint8_t few[] = {0, 0, 1, 0x7f, 0x80, 0xfe, 0xff, 0xff};
    if (below(2) == 0) {
        uint8_t ipv4[4];
        for (size_t i = 0; i != 4; ++i)
            ipv4[i] = few[below(sizeof(few))];
        gw_address_from_ipv4(address, ipv4);
        return;
    }
    for (size_t i = 0; i != 16; ++i)
        address[i] = i < prefix_bytes ? 0x20 : few[below(sizeof(few))];
}

/** The one before or after it. */
static void step(uint8_t address[16], bool is_up)
{
    for (size_t i = 16; i-- > 0;) {
        address[i] = (uint8_t)(address[i] + (is_up ? 1 : -1));
        if (address[i] != (is_up ? 0 : 0xff))
            return;
    }
}

static void compare_at(const gw_networks_t *networks, const gw_cidr_t *cidrs, size_t num, const uint8_t address[16])
{
    unsigned expected = find_in_turn(cidrs, num, address), found = gw_networks_find(networks, address);
    if (found == expected)
        return;
    char text[GW_CIDR_TEXT_MAX];
    gw_cidr_t one = {.bits = 128};
    memcpy(one.address, address, 16);
    gw_cidr_print(&one, text);
    print_error("%s: %u instead of %u among", text, found, expected);
    for (size_t i = 0; i != num && i != 20; ++i) {
        gw_cidr_print(&cidrs[i], text);
        print_error(" %s", text);
    }
    fail_msg("...");
}

static void finds_what_looking_in_turn_finds(void **state)
{
    for (size_t round = 0; round != 3000; ++round) {
        gw_cidr_t cidrs[64];
        size_t num = below(8) == 0 ? below(64) : below(6);
        unsigned prefix_bytes = below(2) == 0 ? 0 : (unsigned)below(10);
        for (size_t i = 0; i != num; ++i) {
            random_address(cidrs[i].address, prefix_bytes);
            bool is_ipv4 = gw_address_is_ipv4(cidrs[i].address);
            cidrs[i].bits = is_ipv4 ? 96 + (unsigned)below(33) : (unsigned)below(129);
            cut(&cidrs[i]);
        }
        gw_networks_t *networks = gw_networks_create(cidrs, num);
        for (size_t i = 0; i != num; ++i) { /* both ends of each, and what lies beyond them */
            uint8_t address[16];
            memcpy(address, cidrs[i].address, 16);
            compare_at(networks, cidrs, num, address);
            step(address, false);
            compare_at(networks, cidrs, num, address);
            memcpy(address, cidrs[i].address, 16);
            for (unsigned bit = cidrs[i].bits; bit != 128; ++bit)
                address[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
            compare_at(networks, cidrs, num, address);
            step(address, true);
            compare_at(networks, cidrs, num, address);
        }
        for (size_t i = 0; i != 50; ++i) {
            uint8_t address[16];
            random_address(address, prefix_bytes);
            compare_at(networks, cidrs, num, address);
        }
        gw_networks_free(networks);
    }
}

static void a_large_set_finds_what_looking_in_turn_finds(void **state)
{
    enum { num = 20000 };
    gw_cidr_t *cidrs = calloc(num, sizeof(*cidrs));
    for (size_t i = 0; i != num; ++i) {
        bool is_ipv4 = i % 2 == 0;
        for (size_t k = 0; k != 16; ++k)
            cidrs[i].address[k] = (uint8_t)below(256);
        if (is_ipv4)
            gw_address_from_ipv4(cidrs[i].address, &cidrs[i].address[4]);
        else
            cidrs[i].address[0] = 0x20;
        cidrs[i].bits = is_ipv4 ? 96 + 8 + (unsigned)below(25) : 20 + (unsigned)below(45);
        cut(&cidrs[i]);
    }
    gw_networks_t *networks = gw_networks_create(cidrs, num);
    for (size_t i = 0; i != 2000; ++i) {
        uint8_t address[16];
        memcpy(address, cidrs[below(num)].address, 16);
        if (i % 2 == 0)
            step(address, i % 4 == 0);
        compare_at(networks, cidrs, num, address);
    }
    gw_networks_free(networks);
    free(cidrs);
}

static unsigned find(const gw_networks_t *networks, const char *address)
{
    uint8_t bytes[16];
    assert_true(gw_address_parse(gw_str_of(address), bytes));
    return gw_networks_find(networks, bytes);
}

static void the_two_families_are_apart(void **state)
{
    gw_cidr_t cidrs[2];
    assert_int_equal(gw_cidr_parse(GW_STR("::/0"), &cidrs[0]), GW_CIDR_OK);
    gw_networks_t *networks = gw_networks_create(cidrs, 1);
    assert_int_equal(find(networks, "2001:db8::1"), 1);
    assert_int_equal(find(networks, "10.0.0.1"), 0);
    gw_networks_free(networks);
    assert_int_equal(gw_cidr_parse(GW_STR("0.0.0.0/0"), &cidrs[0]), GW_CIDR_OK);
    assert_int_equal(gw_cidr_parse(GW_STR("::ffff:10.0.0.0/104"), &cidrs[1]), GW_CIDR_OK);
    networks = gw_networks_create(cidrs, 2);
    assert_int_equal(find(networks, "2001:db8::1"), 0);
    assert_int_equal(find(networks, "11.0.0.1"), 1);
    assert_int_equal(find(networks, "::ffff:10.0.0.1"), 9);
    gw_networks_free(networks);
}

static void nothing_is_in_an_empty_set(void **state)
{
    gw_networks_t *networks = gw_networks_create(NULL, 0);
    assert_int_equal(find(networks, "::"), 0);
    assert_int_equal(find(networks, "0.0.0.0"), 0);
    assert_int_equal(find(networks, "255.255.255.255"), 0);
    assert_int_equal(find(networks, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 0);
    assert_null(gw_networks_free(networks));
    assert_null(gw_networks_free(NULL));
}

static void neighbours_take_no_room(void **state)
{
    enum { num = 65536 };
    gw_cidr_t *cidrs = calloc(num, sizeof(*cidrs));
    for (size_t i = 0; i != num; ++i) {
        const uint8_t ipv4[4] = {10, 1, (uint8_t)(i >> 8), (uint8_t)i};
        gw_address_from_ipv4(cidrs[i].address, ipv4);
        cidrs[i].bits = 128;
    }
    gw_networks_t *networks = gw_networks_create(cidrs, num);
    assert_true(gw_networks_bytes(networks) < 1024);
    assert_int_equal(find(networks, "10.1.255.255"), 33);
    assert_int_equal(find(networks, "10.2.0.0"), 0);
    gw_networks_free(networks);
    free(cidrs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_looking_in_turn_finds),
        cmocka_unit_test(a_large_set_finds_what_looking_in_turn_finds),
        cmocka_unit_test(the_two_families_are_apart),
        cmocka_unit_test(nothing_is_in_an_empty_set),
        cmocka_unit_test(neighbours_take_no_room),
    };
    return cmocka_run_group_tests_name("base: networks", tests, NULL, NULL);
}
