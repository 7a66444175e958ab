/* SPDX-License-Identifier: MIT
 * Who is not limited. */
#include <openssl/crypto.h>
#include "filters/limit/exempt.h"

static bool is_in(gw_exchange_t *ex, const gw_network_list_t *networks)
{
    uint8_t address[16];
    if (!gw_exchange_client_address(ex, address))
        return networks->has_unix;
    return gw_networks_find(networks->networks, address) != 0;
}

static bool is_same(gw_str_t a, gw_str_t b)
{
    return a.len == b.len && CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0;
}

static bool rule_fits(gw_exchange_t *ex, const gw_exempt_rule_t *rule)
{
    gw_str_t value;
    switch (rule->key.kind) {
    case GW_KEY_NONE:
        return gw_str_equal(gw_str(ex->req->input.method.base, ex->req->input.method.len), rule->value);
    case GW_KEY_CLIENT_ADDRESS:
        return false; /* is_in looks for all of them at once */
    default:
        return gw_exchange_count_key(ex, &rule->key, &value) == 1 && is_same(value, rule->value);
    }
}

bool gw_exempt_fits(gw_exchange_t *ex, const gw_exempt_conf_t *conf)
{
    if (conf->networks != NULL && is_in(ex, conf->networks))
        return true;
    for (size_t i = 0; i != conf->num_rules; ++i)
        if (rule_fits(ex, &conf->rules[i]))
            return true;
    return false;
}
