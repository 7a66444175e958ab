/* SPDX-License-Identifier: MIT
 * Weighted splits. */
#include "gateway/base/hash.h"
#include "gateway/base/random.h"
#include "gateway/exchange/split.h"
#include "gateway/server/worker.h"

#define SPLIT_SALT 0x73706c69745f6279ull

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
