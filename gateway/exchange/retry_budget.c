/* SPDX-License-Identifier: MIT
 * Earning and spending retries. */
#include "gateway/exchange/retry_budget.h"

#define ONE    10000 /* retry */
#define MEMORY 1024  /* requests in which a peak fades */

void gw_retry_budget_earn(gw_retry_budget_t *budget, const gw_retries_conf_t *conf, uint64_t num_active)
{
    uint64_t active = num_active * ONE;
    budget->peak -= budget->peak / MEMORY;
    if (budget->peak < active)
        budget->peak = active;
    budget->saved += conf->budget;
    if (budget->saved > budget->peak)
        budget->saved = budget->peak;
}

bool gw_retry_budget_allows(const gw_retry_budget_t *budget, const gw_retries_conf_t *conf, uint64_t num_retries)
{
    return num_retries < conf->min_concurrent || budget->saved >= ONE;
}

void gw_retry_budget_spend(gw_retry_budget_t *budget)
{
    budget->saved = budget->saved > ONE ? budget->saved - ONE : 0;
}
