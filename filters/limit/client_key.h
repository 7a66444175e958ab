/* SPDX-License-Identifier: MIT
 * Whom a request counts as: the values of the parts of a limit's key, and the two names by which the client is found
 * again: a keyed hash for tables of this process, which nobody outside can make collide, and a digest for stores that
 * several gateways share, which shows nothing at a glance; who can try all IPv4 addresses finds out one.
 * Threads: the exchange's worker.  Values are borrowed from the exchange. */
#ifndef FILTERS_LIMIT_CLIENT_KEY_H
#define FILTERS_LIMIT_CLIENT_KEY_H

#include "filters/limit/client_key_conf.h"
#include "gateway/exchange/exchange.h"

typedef struct gw_client_key {
    gw_str_t values[GW_MAX_KEY_PARTS];
    size_t num_values;
    uint8_t address[16]; /* what values of client_address point to: the prefix alone, the rest 0 */
    bool is_shared;      /* a part was missing, and the conf says that such requests are one client */
} gw_client_key_t;

/** Finds the parts.  A part is missing when the request has none, an empty one, or several (the service might go by
 * another one than we do).
 *  @return the conf's when_missing when one is missing (SHARED: *ret_key can be used); GW_MISSING_NOT_SAID: none is */
gw_when_missing_t gw_client_key_find(gw_exchange_t *exchange, const gw_client_key_conf_t *conf,
                                     gw_client_key_t *ret_key);

/** @param secret 16 random bytes as two numbers, of the table */
uint64_t gw_client_key_hash(const gw_client_key_t *key, const uint64_t secret[2]);

#define GW_CLIENT_KEY_DIGEST_LEN 32
/** The first half of SHA-256 over the parts and their lengths, in hexadecimal digits: the same on every gateway with
 * the same conf. */
void gw_client_key_digest(const gw_client_key_t *key, char digest[GW_CLIENT_KEY_DIGEST_LEN]);

#endif
