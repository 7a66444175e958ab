/* SPDX-License-Identifier: MIT
 * What the token endpoint decides. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include "backends/auth_grant.h"
#include "backends/query.h"

#define MAX_BASIC 2048 /* characters of the credentials of HTTP Basic */

typedef struct field {
    bool is_given;
    gw_str_t value;
    char room[1024];
} field_t;

/** What is known of a request so far. */
typedef struct asking {
    const gw_auth_registry_t *registry;
    field_t grant_type, scope, client_id, client_secret, username, password;
    gw_auth_grant_t grant;
    const char *why;
} asking_t;

static gw_auth_result_t refuse(asking_t *asking, gw_auth_result_t result, const char *why)
{
    asking->why = why;
    return result;
}

/* the form -----------------------------------------------------------------------------------------------------------
 */

static bool is_form(gw_str_t type)
{
    const char *end = type.len != 0 ? memchr(type.ptr, ';', type.len) : NULL;
    size_t len = end != NULL ? (size_t)(end - type.ptr) : type.len;
    while (len != 0 && (type.ptr[len - 1] == ' ' || type.ptr[len - 1] == '\t'))
        --len;
    return gw_str_equal_nocase(gw_str(type.ptr, len), GW_STR("application/x-www-form-urlencoded"));
}

/** A parameter without a value counts as none (section 3.2). */
static gw_query_result_t read_field(gw_str_t form, const char *name, field_t *field)
{
    gw_query_result_t result = gw_query_find(form, gw_str_of(name), field->room, sizeof(field->room), &field->value);
    field->is_given = result == GW_QUERY_OK && field->value.len != 0;
    return result;
}

static bool has_parameter(gw_str_t query, const char *name)
{
    gw_str_t value;
    return gw_query_find(query, gw_str_of(name), NULL, 0, &value) != GW_QUERY_MISSING;
}

static gw_auth_result_t read_form(asking_t *asking, const gw_auth_request_t *request)
{
    const struct {
        const char *name;
        field_t *field;
    } fields[] = {
        {"grant_type", &asking->grant_type},       {"scope", &asking->scope},       {"client_id", &asking->client_id},
        {"client_secret", &asking->client_secret}, {"username", &asking->username}, {"password", &asking->password},
    };
    if (has_parameter(request->query, "client_secret") || has_parameter(request->query, "password"))
        return refuse(asking, GW_AUTH_INVALID_REQUEST,
                      "secrets do not belong in the URL, where logs keep them: send them in the body");
    if (!is_form(request->content_type))
        return refuse(asking, GW_AUTH_INVALID_REQUEST, "the body is to be application/x-www-form-urlencoded");
    if (request->form.len > GW_AUTH_MAX_FORM)
        return refuse(asking, GW_AUTH_INVALID_REQUEST, "the body is too long");
    for (size_t i = 0; i != sizeof(fields) / sizeof(fields[0]); ++i)
        switch (read_field(request->form, fields[i].name, fields[i].field)) {
        case GW_QUERY_OK:
        case GW_QUERY_MISSING:
            break;
        case GW_QUERY_DUPLICATE:
            return refuse(asking, GW_AUTH_INVALID_REQUEST, "a parameter is given more than once");
        case GW_QUERY_TOO_LONG:
            return refuse(asking, GW_AUTH_INVALID_REQUEST, "a parameter is too long");
        default:
            return refuse(asking, GW_AUTH_INVALID_REQUEST, "a parameter is not percent-encoded as it should be");
        }
    return GW_AUTH_GRANTED;
}

/* the client ---------------------------------------------------------------------------------------------------------
 */

/** Plain base64 with its padding (RFC 4648 section 4).  @param to room for 3/4 of the text and 2 more
 *  @return the length, or -1 */
static int decode_base64(unsigned char *to, gw_str_t text)
{
    if (text.len == 0 || text.len % 4 != 0 || text.len > MAX_BASIC)
        return -1;
    for (size_t i = 0; i != text.len; ++i) /* OpenSSL overlooks spaces at both ends */
        if (text.ptr[i] <= ' ')
            return -1;
    int len = EVP_DecodeBlock(to, (const unsigned char *)text.ptr, (int)text.len);
    if (len != -1 && text.ptr[text.len - 1] == '=')
        len -= text.ptr[text.len - 2] == '=' ? 2 : 1; /* which it counts as bytes */
    return len;
}

/** Name and secret are form-encoded before they are put together (section 2.3.1).  Decoding them takes a form. */
static bool decode_pair(gw_str_t encoded, const char *key, field_t *field)
{
    char form[MAX_BASIC + 4];
    if (memchr(encoded.ptr, '&', encoded.len) != NULL)
        return false;
    memcpy(form, key, 2);
    memcpy(form + 2, encoded.ptr, encoded.len);
    gw_query_result_t result = read_field(gw_str(form, encoded.len + 2), "c", field);
    OPENSSL_cleanse(form, sizeof(form));
    return result == GW_QUERY_OK;
}

static bool read_basic(gw_str_t authorization, field_t *name, field_t *secret)
{
    unsigned char decoded[MAX_BASIC];
    static const size_t scheme_len = sizeof("Basic ") - 1;
    if (authorization.len < scheme_len || !gw_str_equal_nocase(gw_str(authorization.ptr, scheme_len), GW_STR("Basic ")))
        return false;
    gw_str_t rest = gw_str(authorization.ptr + scheme_len, authorization.len - scheme_len);
    while (rest.len != 0 && *rest.ptr == ' ')
        rest = gw_str(rest.ptr + 1, rest.len - 1);
    int len = decode_base64(decoded, rest);
    const char *begin = (const char *)decoded, *colon = len > 0 ? memchr(begin, ':', (size_t)len) : NULL;
    bool is_good = colon != NULL && decode_pair(gw_str(begin, (size_t)(colon - begin)), "c=", name) &&
                   decode_pair(gw_str(colon + 1, (size_t)(begin + len - colon - 1)), "c=", secret);
    OPENSSL_cleanse(decoded, sizeof(decoded));
    return is_good;
}

static const char bad_client[] = "there is no such client, or its secret is another one";

static gw_auth_result_t authenticate(asking_t *asking, gw_str_t name, gw_str_t secret)
{
    const gw_auth_party_t *client = gw_auth_find_client(asking->registry, name);
    if (!gw_auth_check_secret(client, secret))
        return refuse(asking, GW_AUTH_INVALID_CLIENT, bad_client);
    asking->grant.client = client;
    return GW_AUTH_GRANTED;
}

static gw_auth_result_t authenticate_by_basic(asking_t *asking, gw_str_t authorization)
{
    field_t name = {.is_given = false}, secret = {.is_given = false};
    gw_auth_result_t result;
    if (asking->client_secret.is_given)
        result = refuse(asking, GW_AUTH_INVALID_REQUEST, "the client authenticates in two ways; one is enough");
    else if (!read_basic(authorization, &name, &secret))
        result = refuse(asking, GW_AUTH_INVALID_CLIENT, "clients authenticate by HTTP Basic or in the body");
    else if (asking->client_id.is_given && !gw_str_equal(asking->client_id.value, name.value))
        result = refuse(asking, GW_AUTH_INVALID_REQUEST, "client_id is not the client that authenticates");
    else
        result = authenticate(asking, name.value, secret.value);
    OPENSSL_cleanse(&secret, sizeof(secret));
    return result;
}

static gw_auth_result_t find_client(asking_t *asking, gw_str_t authorization)
{
    if (authorization.ptr != NULL)
        return authenticate_by_basic(asking, authorization);
    if (!asking->client_id.is_given)
        return refuse(asking, GW_AUTH_INVALID_CLIENT,
                      "which client? by HTTP Basic, or client_id and client_secret in the body");
    if (asking->client_secret.is_given)
        return authenticate(asking, asking->client_id.value, asking->client_secret.value);
    asking->grant.client = gw_auth_find_client(asking->registry, asking->client_id.value);
    if (asking->grant.client == NULL || !asking->grant.client->is_public)
        return refuse(asking, GW_AUTH_INVALID_CLIENT, bad_client);
    return GW_AUTH_GRANTED;
}

/* the grant ----------------------------------------------------------------------------------------------------------
 */

static gw_auth_result_t find_user(asking_t *asking)
{
    if (!asking->username.is_given || !asking->password.is_given)
        return refuse(asking, GW_AUTH_INVALID_REQUEST, "username and password are needed");
    asking->grant.user = gw_auth_check_user(asking->registry, asking->username.value, asking->password.value);
    if (asking->grant.user == NULL)
        return refuse(asking, GW_AUTH_INVALID_GRANT, "there is no such user, or the password is another one");
    return GW_AUTH_GRANTED;
}

static gw_auth_result_t find_grant(asking_t *asking)
{
    gw_str_t type = asking->grant_type.value;
    bool is_alone = gw_str_equal(type, GW_STR("client_credentials"));
    if (!is_alone && !gw_str_equal(type, GW_STR("password")))
        return refuse(asking, GW_AUTH_UNSUPPORTED_GRANT_TYPE, "grant_type is client_credentials or password");
    if (is_alone ? !asking->grant.client->may_act_alone : !asking->grant.client->may_ask_users)
        return refuse(asking, GW_AUTH_UNAUTHORIZED_CLIENT, "this client may not use this grant_type");
    return is_alone ? GW_AUTH_GRANTED : find_user(asking);
}

/* the scope ----------------------------------------------------------------------------------------------------------
 */

static const char *allowed(const asking_t *asking, gw_str_t scope)
{
    const char *word = gw_auth_find_word(&asking->grant.client->scopes, scope);
    if (word != NULL && asking->grant.user != NULL && gw_auth_find_word(&asking->grant.user->scopes, scope) == NULL)
        return NULL;
    return word;
}

static bool add_scope(asking_t *asking, gw_str_t scope)
{
    gw_auth_words_t *scopes = &asking->grant.scopes;
    const char *word = allowed(asking, scope);
    if (word != NULL && gw_auth_find_word(scopes, scope) == NULL)
        scopes->words[scopes->num++] = word; /* it is one of the client's, so there is room */
    return word != NULL;
}

static gw_auth_result_t grant_all_scopes(asking_t *asking)
{
    const gw_auth_words_t *most = &asking->grant.client->scopes;
    for (size_t i = 0; i != most->num; ++i)
        add_scope(asking, gw_str_of(most->words[i]));
    if (asking->grant.scopes.num == 0)
        return refuse(asking, GW_AUTH_INVALID_SCOPE, "there is nothing that this client may do for this user");
    return GW_AUTH_GRANTED;
}

static gw_auth_result_t grant_scopes(asking_t *asking)
{
    gw_str_t rest = asking->scope.value;
    bool is_last = false;
    if (!asking->scope.is_given)
        return grant_all_scopes(asking);
    while (!is_last) { /* one space between two, none at the ends */
        const char *space = rest.len != 0 ? memchr(rest.ptr, ' ', rest.len) : NULL;
        gw_str_t scope = gw_str(rest.ptr, space != NULL ? (size_t)(space - rest.ptr) : rest.len);
        is_last = space == NULL;
        if (!gw_auth_is_scope(scope))
            return refuse(asking, GW_AUTH_INVALID_SCOPE, "scope is a list of words with one space between them");
        if (!add_scope(asking, scope))
            return refuse(asking, GW_AUTH_INVALID_SCOPE, "scope asks for more than the client, or the user, may have");
        if (!is_last)
            rest = gw_str(space + 1, rest.len - scope.len - 1);
    }
    return GW_AUTH_GRANTED;
}

/* the whole ----------------------------------------------------------------------------------------------------------
 */

static gw_auth_result_t decide(asking_t *asking, const gw_auth_request_t *request)
{
    gw_auth_result_t result = read_form(asking, request);
    if (result == GW_AUTH_GRANTED && !asking->grant_type.is_given)
        result = refuse(asking, GW_AUTH_INVALID_REQUEST, "grant_type is missing");
    if (result == GW_AUTH_GRANTED)
        result = find_client(asking, request->authorization);
    if (result == GW_AUTH_GRANTED)
        result = find_grant(asking);
    if (result == GW_AUTH_GRANTED)
        result = grant_scopes(asking);
    return result;
}

gw_auth_result_t gw_auth_decide(const gw_auth_registry_t *registry, const gw_auth_request_t *request,
                                gw_auth_grant_t *ret_grant, const char **reterr_why)
{
    asking_t asking = {.registry = registry};
    gw_auth_result_t result = decide(&asking, request);
    if (result == GW_AUTH_GRANTED)
        *ret_grant = asking.grant;
    else
        *reterr_why = asking.why;
    OPENSSL_cleanse(&asking, sizeof(asking));
    return result;
}

const char *gw_auth_result_str(gw_auth_result_t result)
{
    switch (result) {
    case GW_AUTH_GRANTED:
        break;
    case GW_AUTH_INVALID_REQUEST:
        return "invalid_request";
    case GW_AUTH_INVALID_CLIENT:
        return "invalid_client";
    case GW_AUTH_INVALID_GRANT:
        return "invalid_grant";
    case GW_AUTH_UNAUTHORIZED_CLIENT:
        return "unauthorized_client";
    case GW_AUTH_UNSUPPORTED_GRANT_TYPE:
        return "unsupported_grant_type";
    case GW_AUTH_INVALID_SCOPE:
        return "invalid_scope";
    }
    return NULL;
}
