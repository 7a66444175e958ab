/* SPDX-License-Identifier: MIT
 * How many retries a service is worth.  Pure.  Threads: one worker's. */
#ifndef GW_EXCHANGE_RETRY_BUDGET_H
#define GW_EXCHANGE_RETRY_BUDGET_H

#include "gateway/config/snapshot.h"

/** What a service has saved up for retries on one worker: each request earns a share of one, so that in the long run
 * retries are no more than that share of the requests; saved are as many as requests are under way, so that all of
 * those that a dying endpoint takes with it can be tried again. */
typedef struct gw_retry_budget {
    uint64_t saved; /* in ten-thousandths of a retry */
    uint64_t peak;  /* what may be saved: the most requests that were under way lately, in the same unit */
} gw_retry_budget_t;

/** A request comes.  @param num_active requests under way, with this one */
void gw_retry_budget_earn(gw_retry_budget_t *budget, const gw_retries_conf_t *conf, uint64_t num_active);
/** @param num_retries under way   @return whether one more may be made; gw_retry_budget_spend makes it */
bool gw_retry_budget_allows(const gw_retry_budget_t *budget, const gw_retries_conf_t *conf, uint64_t num_retries);
void gw_retry_budget_spend(gw_retry_budget_t *budget);

#endif
