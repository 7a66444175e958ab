/* SPDX-License-Identifier: MIT
 * Whether a request to the token endpoint gets a token, and for whom (RFC 6749: the client credentials grant, section
 * 4.4, and the resource owner password credentials grant, 4.3).  Pure. */
#ifndef GW_BACKENDS_AUTH_GRANT_H
#define GW_BACKENDS_AUTH_GRANT_H

#include "backends/auth_registry.h"

#define GW_AUTH_MAX_FORM 8192 /* bytes of a request's body */

/** The refusals are those of RFC 6749 section 5.2. */
typedef enum gw_auth_result {
    GW_AUTH_GRANTED,
    GW_AUTH_INVALID_REQUEST,
    GW_AUTH_INVALID_CLIENT, /* the only one with 401 */
    GW_AUTH_INVALID_GRANT,
    GW_AUTH_UNAUTHORIZED_CLIENT,
    GW_AUTH_UNSUPPORTED_GRANT_TYPE,
    GW_AUTH_INVALID_SCOPE,
} gw_auth_result_t;

typedef struct gw_auth_request {
    gw_str_t authorization; /* all fields of that name, joined; ptr NULL: none */
    gw_str_t content_type;  /* likewise */
    gw_str_t query;         /* of the URL */
    gw_str_t form;          /* the body */
} gw_auth_request_t;

typedef struct gw_auth_grant {
    const gw_auth_party_t *client;
    const gw_auth_party_t *user; /* NULL: the client acts for itself */
    gw_auth_words_t scopes;      /* never none; from the client's */
} gw_auth_grant_t;

/** @param ret_grant set when granted; borrows from the registry   @param reterr_why set when not: what an honest client
 *  should know, static, in the characters that error_description may have */
gw_auth_result_t gw_auth_decide(const gw_auth_registry_t *registry, const gw_auth_request_t *request,
                                gw_auth_grant_t *ret_grant, const char **reterr_why);
/** @return the code of section 5.2; NULL when granted */
const char *gw_auth_result_str(gw_auth_result_t result);

#endif
