/* SPDX-License-Identifier: MIT
 * What clients and logs are told of a rate limit: fields of responses, the text of refusals, names.
 * Threads: the exchange's worker. */
#ifndef FILTERS_RATE_LIMIT_RATE_LIMIT_TELL_H
#define FILTERS_RATE_LIMIT_RATE_LIMIT_TELL_H

#include "filters/rate_limit/rate_limit_passage.h"

/** Makes the levels of the answer those of now.  The response may come long after the request: it waited, or the
 * service took its time.  What came back meanwhile is not counted, others may have taken it.  Once an exchange. */
void gw_rate_tell_aged(gw_passage_t *passage);
/** Adds the fields that the conf asks for, and puts off a Retry-After before which there is no token.  The levels of
 * the answer must be known. */
void gw_rate_tell_response(const gw_passage_t *passage);
/** Answers 429 with Retry-After and the limits that refuse: at least one must. */
void gw_rate_tell_refusal(const gw_passage_t *passage);

/** @param set of 1u << limit   @return their names, for the log; "" for none.  The exchange's, or the conf's */
const char *gw_rate_tell_names(const gw_passage_t *passage, uint32_t set);
/** @return for the log: the names of those that refuse, and of those whose trials would not have */
const char *gw_rate_tell_refusers(const gw_passage_t *passage);
/** Logs that there is no room for more clients, at most every ten seconds on a worker. */
void gw_rate_tell_full(gw_rate_worker_t *state);

#endif
