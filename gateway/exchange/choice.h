/* SPDX-License-Identifier: MIT
 * Choosing an endpoint for a try of an exchange: by the service's balancer, among those that have a place and that the
 * exchange's guard lets pass, and that were not tried before.
 * Threads: the exchange's worker. */
#ifndef GW_EXCHANGE_CHOICE_H
#define GW_EXCHANGE_CHOICE_H

#include "gateway/exchange/exchange.h"
#include "gateway/server/worker.h"

/** One search; what is not set is zeroed. */
typedef struct gw_search {
    /* set by the caller */
    gw_exchange_t *ex;
    gw_view_service_t *service;
    const uint32_t *tried; /* endpoints that are passed over, unless */
    size_t num_tried;
    bool is_tried_fine; /* one that was tried before is better than none */
    bool is_beside;     /* it leaves the turn of round robin alone */
    /* found out */
    bool was_full;    /* an endpoint was passed over because it has max_requests */
    bool was_guarded; /* an endpoint was passed over because the guard refused it */
} gw_search_t;

bool gw_choice_was_tried(const gw_search_t *search, uint32_t index);
/** Looks, and takes nothing.  @return true when there is an endpoint for the exchange */
bool gw_choice_exists(gw_search_t *search);
/** Chooses an endpoint and takes what is limited there: a place (max_requests), the guard's leave.
 *  @param ret_token of the guard's   @return false: nothing was to be had; the search tells why */
bool gw_choice_make(gw_search_t *search, uint32_t *ret_index, uint64_t *ret_token);

#endif
