/* SPDX-License-Identifier: MIT
 * What becomes of a request of a rate limit: it passes, waits or is refused; and the record of decisions says why.
 * Threads: the exchange's worker.  Causes are static words. */
#ifndef FILTERS_RATE_LIMIT_RATE_LIMIT_VERDICT_H
#define FILTERS_RATE_LIMIT_RATE_LIMIT_VERDICT_H

#include "filters/rate_limit/rate_limit_passage.h"
#include "gateway/exchange/filter.h"

/** Lets it pass uncounted. */
gw_verdict_t gw_rate_spare(gw_exchange_t *exchange, const char *cause);
/** Refuses a request that cannot be counted for want of a key; it passes when the filter only observes. */
gw_verdict_t gw_rate_lacks_key(gw_exchange_t *exchange, const gw_rate_limit_conf_t *conf);
/** It was counted, passage->answer says how.  @return GW_WAITING: the exchange is resumed when the delay is over, or
 * gw_rate_stop_delay is called before */
gw_verdict_t gw_rate_conclude(gw_passage_t *passage);
/** The store has no answer: on_store_error decides, and where that is local, so does the count here.
 *  @param cause why it has none   @return as gw_rate_conclude */
gw_verdict_t gw_rate_conclude_without_store(gw_passage_t *passage, const char *cause);
/** The exchange ends: if the request still waits, it is not resumed, and what it took goes back. */
void gw_rate_stop_delay(gw_passage_t *passage);

#endif
