/* SPDX-License-Identifier: MIT
 * Whom a request counts as. */
#include <openssl/sha.h>
#include "filters/limit/client_key.h"
#include "gateway/base/cidr.h"
#include "gateway/base/siphash.h"

/** Leaves the first bits. */
static void cut(uint8_t address[16], unsigned bits)
{
    if (bits % 8 != 0)
        address[bits / 8] &= (uint8_t)(0xff << (8 - bits % 8));
    for (unsigned i = (bits + 7) / 8; i < 16; ++i)
        address[i] = 0;
}

static gw_str_t address_of(gw_exchange_t *ex, const gw_client_key_conf_t *conf, uint8_t address[16])
{
    if (!gw_exchange_client_address(ex, address))
        return gw_exchange_client(ex); /* of a Unix socket: they are one client */
    cut(address, gw_address_is_ipv4(address) ? 96 + (unsigned)conf->ipv4_prefix : (unsigned)conf->ipv6_prefix);
    return gw_str((const char *)address, 16);
}

gw_when_missing_t gw_client_key_find(gw_exchange_t *ex, const gw_client_key_conf_t *conf, gw_client_key_t *key)
{
    key->num_values = conf->parts.size;
    key->is_shared = false;
    for (size_t i = 0; i != conf->parts.size; ++i) {
        const gw_key_conf_t *part = &conf->parts.entries[i];
        if (part->kind == GW_KEY_CLIENT_ADDRESS) {
            key->values[i] = address_of(ex, conf, key->address);
            continue;
        }
        if (gw_exchange_count_key(ex, part, &key->values[i]) == 1 && key->values[i].len != 0)
            continue;
        key->num_values = 0;
        key->is_shared = true;
        return (gw_when_missing_t)conf->when_missing;
    }
    return GW_MISSING_NOT_SAID;
}

uint64_t gw_client_key_hash(const gw_client_key_t *key, const uint64_t secret[2])
{
    uint64_t hashes[GW_MAX_KEY_PARTS];
    if (key->num_values == 1)
        return gw_siphash(secret, key->values[0]);
    for (size_t i = 0; i != key->num_values; ++i) /* each by itself, so that ("ab", "c") is not ("a", "bc") */
        hashes[i] = gw_siphash(secret, key->values[i]);
    return gw_siphash(secret, gw_str((const char *)hashes, key->num_values * sizeof(hashes[0])));
}

void gw_client_key_digest(const gw_client_key_t *key, char digest[GW_CLIENT_KEY_DIGEST_LEN])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t hashes[GW_MAX_KEY_PARTS][SHA256_DIGEST_LENGTH], all[SHA256_DIGEST_LENGTH];
    for (size_t i = 0; i != key->num_values; ++i)
        SHA256((const uint8_t *)key->values[i].ptr, key->values[i].len, hashes[i]);
    SHA256(hashes[0], key->num_values * sizeof(hashes[0]), all);
    for (size_t i = 0; i != GW_CLIENT_KEY_DIGEST_LEN / 2; ++i) {
        digest[2 * i] = digits[all[i] >> 4];
        digest[2 * i + 1] = digits[all[i] & 15];
    }
}
