/* SPDX-License-Identifier: MIT
 * Retry or not. */
#include "gateway/exchange/retry.h"

#define MAX_DOUBLINGS 16

static bool is_wanted(const gw_retries_conf_t *conf, const gw_retry_facts_t *facts)
{
    if (gw_condition_set_has(&conf->unsafe_on.set, facts->condition, facts->status))
        return true;
    return (facts->is_idempotent || facts->is_unsent) &&
           gw_condition_set_has(&conf->on.set, facts->condition, facts->status);
}

/** At random up to a bound that doubles ("full jitter"), so that those who failed together do not come back together.
 */
static uint64_t backoff(const gw_retries_conf_t *conf, const gw_retry_facts_t *facts)
{
    uint64_t bound = conf->backoff;
    if (facts->is_elsewhere)
        return 0; /* another endpoint has done nothing to be left in peace for */
    for (unsigned i = 1; i < facts->num_tries && i != MAX_DOUBLINGS && bound < conf->max_backoff; ++i)
        bound *= 2;
    if (bound > conf->max_backoff)
        bound = conf->max_backoff;
    return (facts->random >> 32) * (bound + 1) / (1ull << 32);
}

gw_retry_answer_t gw_retry_decide(const gw_retries_conf_t *conf, const gw_retry_facts_t *facts, uint64_t *delay_ms)
{
    *delay_ms = 0;
    if (facts->is_stale && !facts->was_replaced && (facts->is_idempotent || facts->is_unsent) && facts->is_body_kept &&
        facts->time_left_ms != 0)
        return GW_RETRY_REPLACE;
    if (!is_wanted(conf, facts))
        return GW_RETRY_NO;
    if (facts->num_tries >= conf->attempts)
        return GW_RETRY_NO_ATTEMPTS;
    if (!facts->is_body_kept)
        return GW_RETRY_NO_BODY;
    *delay_ms = backoff(conf, facts);
    if (facts->time_left_ms <= *delay_ms)
        return GW_RETRY_NO_TIME;
    return facts->is_in_budget ? GW_RETRY_YES : GW_RETRY_NO_BUDGET;
}

const char *gw_retry_refusal(gw_retry_answer_t answer)
{
    switch (answer) {
    case GW_RETRY_NO_BODY:
        return "body_not_kept";
    case GW_RETRY_NO_ATTEMPTS:
        return "attempts_spent";
    case GW_RETRY_NO_TIME:
        return "time_spent";
    case GW_RETRY_NO_BUDGET:
        return "budget_spent";
    default:
        return NULL;
    }
}

gw_condition_t gw_condition_of(gw_reason_t reason, bool is_untouched)
{
    switch (reason) {
    case GW_REASON_NAME_NOT_RESOLVED:
    case GW_REASON_CONNECT_REFUSED:
    case GW_REASON_CONNECT_FAILED:
    case GW_REASON_CONNECT_TIMEOUT:
        return GW_CONDITION_CONNECT_FAILURE;
    case GW_REASON_UPSTREAM_CLOSED:
        return is_untouched ? GW_CONDITION_EMPTY_RESPONSE : GW_CONDITION_RESET;
    case GW_REASON_UPSTREAM_RESET:
    case GW_REASON_UPSTREAM_TRUNCATED:
        return GW_CONDITION_RESET;
    case GW_REASON_RESPONSE_TIMEOUT:
    case GW_REASON_UPSTREAM_STALLED:
    case GW_REASON_TOTAL_TIMEOUT:
        return GW_CONDITION_RESPONSE_TIMEOUT;
    case GW_REASON_UPSTREAM_MALFORMED:
    case GW_REASON_UPSTREAM_HEAD_TOO_LARGE:
        return GW_CONDITION_JUNK_RESPONSE;
    default:
        return GW_CONDITION_NONE;
    }
}
