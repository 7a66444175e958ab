/* SPDX-License-Identifier: MIT
 * What the token service says: the claims of an access token (RFC 9068 section 2.2), its answers (RFC 6749 sections 5.1
 * and 5.2) and its description of itself (RFC 8414).  Pure. */
#ifndef GW_BACKENDS_AUTH_TOKEN_H
#define GW_BACKENDS_AUTH_TOKEN_H

#include <jansson.h>
#include "backends/auth_grant.h"

typedef struct gw_auth_terms {
    const char *issuer, *audience;
    int64_t lifetime; /* seconds */
} gw_auth_terms_t;

/** @param now seconds since 1970   @param jti of no other token */
json_t *gw_auth_claims(const gw_auth_grant_t *grant, const gw_auth_terms_t *terms, int64_t now, const char *jti);
json_t *gw_auth_success(const gw_auth_grant_t *grant, const gw_auth_terms_t *terms, const char *token);
json_t *gw_auth_failure(gw_auth_result_t result, const char *why);
json_t *gw_auth_metadata(const gw_auth_registry_t *registry, const gw_auth_terms_t *terms);
/** Where the metadata of an issuer is: the well-known path stands before the path of the issuer (RFC 8414 section 3.1).
 *  @return the issuer's path, empty if it has none */
gw_str_t gw_auth_issuer_path(const char *issuer);

#endif
