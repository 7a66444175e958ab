/* SPDX-License-Identifier: MIT
 * What a minted token shall say, from options: its header and its payload.  Pure. */
#ifndef GW_FILTERS_JWT_MINT_CLAIMS_H
#define GW_FILTERS_JWT_MINT_CLAIMS_H

#include <jansson.h>
#include "gateway/base/str.h"

/** Texts are borrowed; NULL: not given. */
typedef struct gw_mint_options {
    const char *kid, *typ;         /* of the header */
    const char *iss, *sub, *scope; /* of the payload */
    const char *const *aud;        /* one is a text, more are a list */
    size_t num_aud;
    const char *const *claims; /* "NAME=VALUE": VALUE is JSON if it can be read as such, else text */
    size_t num_claims;
    const char *lifetime;   /* "10m"; "-5m" has expired that long ago; NULL: 10m, unless claims hold exp */
    const char *not_before; /* from now: "30s", "-5m" */
} gw_mint_options_t;

json_t *gw_mint_header(const gw_mint_options_t *options);
/** With `iat` and `exp`, which claims may replace.
 *  @param now seconds since 1970   @param reterr one sentence   @return NULL: an option is wrong */
json_t *gw_mint_payload(const gw_mint_options_t *options, int64_t now, char *reterr, size_t size);

#endif
