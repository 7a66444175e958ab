/* SPDX-License-Identifier: MIT
 * Weighted splits, and the keys of requests. */
#include "gateway/base/hash.h"
#include "gateway/base/random.h"
#include "gateway/exchange/split.h"
#include "gateway/http/syntax.h"
#include "gateway/server/worker.h"

#define SPLIT_SALT 0x73706c69745f6279ull

/** The value of a cookie (RFC 6265 4.2.1).  HTTP/2 may bring several Cookie fields. */
static gw_str_t find_cookie(const h2o_headers_t *fields, gw_str_t name)
{
    for (ssize_t at = -1; (at = gw_fields_find(fields, GW_STR("cookie"), at + 1)) != -1;) {
        gw_str_t rest = gw_str(fields->entries[at].value.base, fields->entries[at].value.len);
        while (rest.len != 0) {
            const char *end = memchr(rest.ptr, ';', rest.len);
            size_t len = end != NULL ? (size_t)(end - rest.ptr) : rest.len;
            gw_str_t pair = gw_http_trim(gw_str(rest.ptr, len));
            if (pair.len > name.len && pair.ptr[name.len] == '=' && memcmp(pair.ptr, name.ptr, name.len) == 0)
                return gw_str(pair.ptr + name.len + 1, pair.len - name.len - 1);
            len += end != NULL;
            rest = gw_str(rest.ptr + len, rest.len - len);
        }
    }
    return gw_str(NULL, 0);
}

gw_str_t gw_exchange_key(gw_exchange_t *ex, const gw_key_conf_t *key)
{
    const h2o_headers_t *fields = &ex->req->headers;
    ssize_t at;
    switch (key->kind) {
    case GW_KEY_CLIENT_ADDRESS:
        return gw_exchange_client(ex);
    case GW_KEY_HEADER:
        at = gw_fields_find(fields, gw_str_of(key->name), 0);
        return at == -1 ? gw_str(NULL, 0) : gw_str(fields->entries[at].value.base, fields->entries[at].value.len);
    case GW_KEY_COOKIE:
        return find_cookie(fields, gw_str_of(key->name));
    default:
        return gw_str(NULL, 0);
    }
}

void gw_split_choose(gw_exchange_t *ex)
{
    const gw_route_conf_t *route = ex->route;
    ex->service = route->service;
    ex->service_index = route->service_index;
    if (route->num_split == 0)
        return;
    gw_str_t key = gw_exchange_key(ex, &route->split_by);
    /* mixed once more: the hash itself chooses among endpoints, and the two must not have anything to do with each
     * other */
    uint64_t number = key.len != 0 ? gw_hash_mix(gw_hash(key) ^ SPLIT_SALT) : gw_random_next(&ex->worker->random);
    uint64_t left = (uint64_t)((unsigned __int128)number * route->split_weight >> 64);
    for (size_t i = 0; i != route->num_split; ++i) {
        if (left < route->split[i].weight) {
            ex->service = route->split[i].service;
            ex->service_index = route->split[i].service_index;
            return;
        }
        left -= route->split[i].weight;
    }
}
