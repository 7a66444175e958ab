/* SPDX-License-Identifier: MIT
 * Claims, answers, metadata. */
#include <stdio.h>
#include "backends/auth_token.h"

static json_t *list(const gw_auth_words_t *words)
{
    json_t *json = json_array();
    for (size_t i = 0; i != words->num; ++i)
        json_array_append_new(json, json_string(words->words[i]));
    return json;
}

static json_t *scope_text(const gw_auth_words_t *scopes)
{
    char text[GW_AUTH_MAX_WORDS * (GW_AUTH_MAX_TEXT + 1) + 1];
    size_t len = 0;
    for (size_t i = 0; i != scopes->num; ++i)
        len += (size_t)sprintf(text + len, "%s%s", i != 0 ? " " : "", scopes->words[i]);
    return json_stringn(text, len);
}

json_t *gw_auth_claims(const gw_auth_grant_t *grant, const gw_auth_terms_t *terms, int64_t now, const char *jti)
{
    const gw_auth_party_t *subject = grant->user != NULL ? grant->user : grant->client;
    json_t *claims =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:o}", "iss", terms->issuer, "sub", subject->name, "aud",
                  terms->audience, "iat", (json_int_t)now, "exp", (json_int_t)(now + terms->lifetime), "jti", jti,
                  "client_id", grant->client->name, "scope", scope_text(&grant->scopes));
    if (subject->roles.num != 0)
        json_object_set_new(claims, "roles", list(&subject->roles));
    return claims;
}

json_t *gw_auth_success(const gw_auth_grant_t *grant, const gw_auth_terms_t *terms, const char *token)
{
    return json_pack("{s:s, s:s, s:I, s:o}", "access_token", token, "token_type", "Bearer", "expires_in",
                     (json_int_t)terms->lifetime, "scope", scope_text(&grant->scopes));
}

json_t *gw_auth_failure(gw_auth_result_t result, const char *why)
{
    return json_pack("{s:s, s:s}", "error", gw_auth_result_str(result), "error_description", why);
}

json_t *gw_auth_metadata(const gw_auth_registry_t *registry, const gw_auth_terms_t *terms)
{
    gw_auth_words_t scopes = gw_auth_registry_scopes(registry);
    json_t *methods = json_pack("[s, s]", "client_secret_basic", "client_secret_post");
    if (gw_auth_registry_has_public(registry))
        json_array_append_new(methods, json_string("none"));
    /* response_types_supported is required; without an authorization endpoint there are none */
    return json_pack("{s:s, s:o, s:o, s:o, s:[], s:[s, s], s:o}", "issuer", terms->issuer, "token_endpoint",
                     json_sprintf("%s/token", terms->issuer), "jwks_uri",
                     json_sprintf("%s/.well-known/jwks.json", terms->issuer), "scopes_supported", list(&scopes),
                     "response_types_supported", "grant_types_supported", "client_credentials", "password",
                     "token_endpoint_auth_methods_supported", methods);
}

gw_str_t gw_auth_issuer_path(const char *issuer)
{
    const char *authority = strstr(issuer, "://");
    return gw_str_of(authority != NULL ? strchr(authority + 3, '/') : NULL);
}
