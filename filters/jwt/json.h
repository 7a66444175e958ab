/* SPDX-License-Identifier: MIT
 * The JSON of tokens.  jansson decides what is JSON, but takes 3 us for the claims of a usual token, a tenth of what
 * a request with a new token costs.  What nearly all tokens hold (texts of printable ASCII without escapes, whole
 * numbers, true, false, null, lists, objects) is read here; at the first octet that is anything else, jansson reads the
 * whole.
 *
 * Pure.  Threads: any. */
#ifndef FILTERS_JWT_JSON_H
#define FILTERS_JWT_JSON_H

#include <jansson.h>
#include "gateway/base/str.h"

/** What a token may hold is bounded before its signature was looked at, since building the tree of a thousand empty
 * objects costs a hundred times what it costs to send them. */
enum { GW_JWT_JSON_MAX_DEPTH = 32, GW_JWT_JSON_MAX_VALUES = 1024 };
/** Counted without parsing, so that punctuation within texts counts too. */
bool gw_jwt_json_is_bounded(gw_str_t text);

/** @return an object of which no member is there twice, as json_loadb with JSON_REJECT_DUPLICATES makes it; or NULL,
 * also when it is not bounded */
json_t *gw_jwt_json_object(gw_str_t text);

/** The part that does without jansson's parser, for tests.  @return NULL also for what it leaves to jansson */
json_t *gw_jwt_json_plain_object(gw_str_t text);

#endif
