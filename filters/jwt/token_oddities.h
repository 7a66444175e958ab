/* SPDX-License-Identifier: MIT
 * What is odd about a token, in words: what a gateway would, or should, refuse it for, and what its maker may not have
 * meant.  Pure. */
#ifndef GW_FILTERS_JWT_TOKEN_ODDITIES_H
#define GW_FILTERS_JWT_TOKEN_ODDITIES_H

#include "filters/jwt/token_look.h"

#define GW_TOKEN_MAX_ODDITIES 40
#define GW_TOKEN_ODDITY_SIZE  200

typedef struct gw_token_oddities {
    size_t num;
    char texts[GW_TOKEN_MAX_ODDITIES][GW_TOKEN_ODDITY_SIZE]; /* visible ASCII, whatever the token holds */
} gw_token_oddities_t;

/** @param now seconds since 1970 */
void gw_token_find_oddities(const gw_token_look_t *look, int64_t now, gw_token_oddities_t *ret);

#define GW_TOKEN_AWAY_SIZE 64
/** How long a time is, in its two greatest units: "3 hours 1 minute", "0 seconds".  @return to */
char *gw_token_away(char to[GW_TOKEN_AWAY_SIZE], uint64_t seconds);
/** A NumericDate in whole seconds, rounded down.  @return false: no number, or beyond the years 1970 to 9999 */
bool gw_token_date(const json_t *value, int64_t *ret_seconds);

#endif
