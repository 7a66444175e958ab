/* SPDX-License-Identifier: MIT
 * Which endpoint a try goes to. */
#include "gateway/base/hash.h"
#include "gateway/exchange/choice.h"
#include "gateway/upstream/pool.h"
#include "gateway/upstream/service.h"

#define MAX_CHOICES 8 /* another worker may take the place that was seen free */

bool gw_choice_was_tried(const gw_search_t *search, uint32_t index)
{
    for (size_t i = 0; i != search->num_tried; ++i)
        if (search->tried[i] == index)
            return true;
    return false;
}

static bool may_use(void *arg, uint32_t index)
{
    gw_search_t *search = arg;
    const gw_view_service_t *service = search->service;
    const gw_endpoint_guard_t *guard = search->ex->guard;
    if (search->num_tried != 0 && !search->is_tried_fine && gw_choice_was_tried(search, index))
        return false;
    if (gw_member_is_full(service->deployed->members[index], service->conf->max_requests)) {
        search->was_full = true;
        return false;
    }
    if (guard != NULL && !guard->may(guard, search->ex, index)) {
        search->was_guarded = true;
        return false;
    }
    return true;
}

static uint64_t load_of(void *arg, uint32_t index)
{
    const gw_search_t *search = arg;
    return gw_pool_load(search->service->pools[index]);
}

static uint32_t choose(gw_search_t *search)
{
    gw_exchange_t *ex = search->ex;
    gw_view_service_t *service = search->service;
    const gw_balancer_t *balancer = gw_view_balancer(ex->view, service);
    size_t turn = service->state->turn;
    const gw_choice_t choice = {.now_ms = gw_worker_now_ms(ex->worker),
                                .random = &ex->worker->random,
                                .turn = search->is_beside ? &turn : &service->state->turn,
                                .may = may_use,
                                .load = load_of,
                                .arg = search};
    gw_str_t key;
    switch (service->conf->balance.method) {
    case GW_BALANCE_RANDOM:
        return gw_balancer_random(balancer, &choice);
    case GW_BALANCE_LEAST_REQUESTS:
        return gw_balancer_least_requests(balancer, &choice);
    case GW_BALANCE_HASH:
        key = gw_exchange_key(ex, &service->conf->balance.key);
        if (key.len == 0)
            return gw_balancer_random(balancer, &choice);
        return gw_balancer_hash(balancer, service->deployed->ring, gw_hash(key), service->state->num_tries,
                                service->conf->balance.load_factor, &choice);
    default:
        return gw_balancer_round_robin(balancer, &choice);
    }
}

bool gw_choice_exists(gw_search_t *search)
{
    return choose(search) != GW_NO_ENDPOINT;
}

bool gw_choice_make(gw_search_t *search, uint32_t *ret_index, uint64_t *ret_token)
{
    gw_exchange_t *ex = search->ex;
    const gw_endpoint_guard_t *guard = ex->guard;
    uint64_t max = search->service->conf->max_requests;
    for (size_t i = 0; i != MAX_CHOICES; ++i) {
        uint32_t index = choose(search);
        if (index == GW_NO_ENDPOINT)
            return false;
        gw_member_t *member = search->service->deployed->members[index];
        if (max != 0 && !gw_member_enter(member, max)) {
            search->was_full = true;
            continue;
        }
        if (guard == NULL || guard->enter(guard, ex, index, ret_token)) {
            *ret_index = index;
            return true;
        }
        search->was_guarded = true;
        if (max != 0) {
            gw_member_leave(member);
            gw_queue_freed(&search->service->state->queue);
        }
    }
    return false;
}
