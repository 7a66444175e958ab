/* SPDX-License-Identifier: MIT
 * Addresses and networks in binary: 16 bytes in network order, IPv4 as ::ffff:a.b.c.d, so that an IPv4 client of a
 * dual-stack listener is the same one.  Pure. */
#ifndef GW_BASE_CIDR_H
#define GW_BASE_CIDR_H

#include "gateway/base/str.h"

typedef struct gw_cidr {
    uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;       /* 0..128; of an IPv4 network 96 more than is written */
} gw_cidr_t;

typedef enum gw_cidr_result {
    GW_CIDR_OK,
    GW_CIDR_NO_ADDRESS, /* neither an address nor a network */
    GW_CIDR_BAD_BITS_V4,
    GW_CIDR_BAD_BITS_V6,
    GW_CIDR_BITS_BEYOND /* the address has bits beyond the prefix; they are cut off in *ret */
} gw_cidr_result_t;

/** "10.0.0.0/8", "::1": an address alone is a network of one.  @param ret set for OK and BITS_BEYOND */
gw_cidr_result_t gw_cidr_parse(gw_str_t text, gw_cidr_t *ret);
/** @return what would have been right, for messages; NULL for OK */
const char *gw_cidr_wanted(gw_cidr_result_t result);

#define GW_CIDR_TEXT_MAX 64
/** As it is written: "10.0.0.0/8", always with its bits. */
void gw_cidr_print(const gw_cidr_t *network, char text[GW_CIDR_TEXT_MAX]);

/** True when the address lies in one of the networks. */
bool gw_cidr_contains(const gw_cidr_t *networks, size_t num, const uint8_t address[16]);

/** @return false: not an address; then `address` is undefined */
bool gw_address_parse(gw_str_t text, uint8_t address[16]);
/** True for ::ffff:a.b.c.d. */
bool gw_address_is_ipv4(const uint8_t address[16]);
/** ::ffff:a.b.c.d from the four bytes. */
void gw_address_from_ipv4(uint8_t address[16], const void *ipv4);

#endif
