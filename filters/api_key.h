/* SPDX-License-Identifier: MIT
 * The filter `api_key`: requests carry a key that is listed in a file.
 *
 *   api_key: { file: api-keys, forward: { owner: X-Owner, plan: X-Plan }, require: { plan: [gold, silver] } }
 *
 * The file: filters/api_keys.h.  Whoever has a good key is a principal: its name is the owner, and so is its property
 * `owner`; the others are those of the file.
 *
 * Refusals.  401 with a challenge for no key, an unknown one, one that is too long, and one that has expired; 400 when
 * there is more than one (two readers of a request could take two different ones); 403 when its properties are not the
 * ones that are required.  RFC 9110 11.6.1 asks for a challenge with every 401, and no scheme is registered for keys in
 * fields of all kinds: `ApiKey realm="..."` names what is wanted; clients that know only registered schemes see that
 * it is none of theirs, and a browser opens no window.  Only the log says more: missing, repeated, too_long, unknown,
 * expired, not_allowed.
 *
 * Cost: a SHA-256 and one look-up; measured 0.12 us with ten keys, 0.25 us with 100,000.  Threads: the table is
 * published by the upkeep thread; a worker reads it without locks, and what it needs of a key is copied to the request.
 */
#ifndef GW_FILTERS_API_KEY_H
#define GW_FILTERS_API_KEY_H

#include "gateway/exchange/filter.h"

extern const gw_filter_class_t gw_api_key_filter;

#endif
