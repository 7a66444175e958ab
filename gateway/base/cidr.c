/* SPDX-License-Identifier: MIT
 * Addresses and networks: reading, writing, comparing. */
#include <arpa/inet.h>
#include <stdio.h>
#include "gateway/base/cidr.h"

static const uint8_t ipv4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool gw_address_is_ipv4(const uint8_t address[16])
{
    return memcmp(address, ipv4_mapped, sizeof(ipv4_mapped)) == 0;
}

void gw_address_from_ipv4(uint8_t address[16], const void *ipv4)
{
    memcpy(address, ipv4_mapped, sizeof(ipv4_mapped));
    memcpy(address + 12, ipv4, 4);
}

bool gw_address_parse(gw_str_t text, uint8_t address[16])
{
    char copy[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (memchr(copy, ':', text.len) != NULL)
        return inet_pton(AF_INET6, copy, address) == 1;
    memcpy(address, ipv4_mapped, sizeof(ipv4_mapped));
    return inet_pton(AF_INET, copy, address + 12) == 1;
}

/** @return false unless it is 0..max in at most three digits */
static bool parse_bits(gw_str_t text, unsigned max, unsigned *ret)
{
    unsigned bits = 0;
    if (text.len == 0 || text.len > 3)
        return false;
    for (size_t i = 0; i != text.len; ++i) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        bits = bits * 10 + (unsigned)(text.ptr[i] - '0');
    }
    *ret = bits;
    return bits <= max;
}

/** Zeroes what lies beyond the prefix.  @return true when something did */
static bool cut(gw_cidr_t *network)
{
    const gw_cidr_t before = *network;
    size_t whole = network->bits / 8, rest = network->bits % 8;
    if (whole == sizeof(network->address))
        return false;
    if (rest != 0)
        network->address[whole++] &= (uint8_t)(0xff00 >> rest);
    memset(network->address + whole, 0, sizeof(network->address) - whole);
    return memcmp(before.address, network->address, sizeof(before.address)) != 0;
}

gw_cidr_result_t gw_cidr_parse(gw_str_t text, gw_cidr_t *ret)
{
    const char *slash = text.len != 0 ? memchr(text.ptr, '/', text.len) : NULL;
    gw_str_t address = slash != NULL ? gw_str(text.ptr, (size_t)(slash - text.ptr)) : text;
    gw_cidr_t network;
    if (!gw_address_parse(address, network.address))
        return GW_CIDR_NO_ADDRESS;
    bool is_ipv4 = memchr(address.ptr, ':', address.len) == NULL; /* as written: ::ffff:10.0.0.0/104 is right, too */
    unsigned most = is_ipv4 ? 32 : 128, bits = most;
    if (slash != NULL && !parse_bits(gw_str(slash + 1, text.len - address.len - 1), most, &bits))
        return is_ipv4 ? GW_CIDR_BAD_BITS_V4 : GW_CIDR_BAD_BITS_V6;
    network.bits = is_ipv4 ? bits + 96 : bits;
    bool is_cut = cut(&network);
    *ret = network;
    return is_cut ? GW_CIDR_BITS_BEYOND : GW_CIDR_OK;
}

const char *gw_cidr_wanted(gw_cidr_result_t result)
{
    switch (result) {
    case GW_CIDR_NO_ADDRESS:
        return "an address or a network such as 10.0.0.0/8 or ::1";
    case GW_CIDR_BAD_BITS_V4:
        return "0..32 bits after the '/'";
    case GW_CIDR_BAD_BITS_V6:
        return "0..128 bits after the '/'";
    case GW_CIDR_BITS_BEYOND:
        return "a network has no bits beyond its prefix";
    case GW_CIDR_OK:
        break;
    }
    return NULL;
}

void gw_cidr_print(const gw_cidr_t *network, char text[GW_CIDR_TEXT_MAX])
{
    bool is_ipv4 = network->bits >= 96 && gw_address_is_ipv4(network->address);
    char address[INET6_ADDRSTRLEN];
    inet_ntop(is_ipv4 ? AF_INET : AF_INET6, network->address + (is_ipv4 ? 12 : 0), address, sizeof(address));
    snprintf(text, GW_CIDR_TEXT_MAX, "%s/%u", address, is_ipv4 ? network->bits - 96 : network->bits);
}

bool gw_cidr_contains(const gw_cidr_t *networks, size_t num, const uint8_t address[16])
{
    for (size_t i = 0; i != num; ++i) {
        unsigned bytes = networks[i].bits / 8, rest = networks[i].bits % 8;
        if (memcmp(networks[i].address, address, bytes) == 0 &&
            (rest == 0 || (networks[i].address[bytes] ^ address[bytes]) >> (8 - rest) == 0))
            return true;
    }
    return false;
}
