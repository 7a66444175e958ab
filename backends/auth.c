/* SPDX-License-Identifier: MIT
 * auth: an OAuth 2 token endpoint and its keys, over HTTP. */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include "backends/auth_keys.h"
#include "backends/auth_token.h"
#include "backends/services.h"
#include "gateway/base/base64url.h"
#include "gateway/base/memory.h"

#define MAX_REGISTRY  (1 << 20) /* bytes of --users */
#define METADATA      "/.well-known/oauth-authorization-server"
#define KEYS_MAX_AGE  "max-age=60" /* a client that meets an unknown kid should look sooner */
#define NUM_JTI_BYTES 16

typedef struct auth {
    gw_auth_registry_t *registry;
    gw_auth_keys_t *keys;
    gw_auth_terms_t terms;
    char *own_issuer; /* where it listens, if no --issuer was given */
} auth_t;

/* life ---------------------------------------------------------------------------------------------------------------
 */

static gw_auth_registry_t *read_registry(const char *path, char *reterr, size_t size)
{
    char *text = gw_must_alloc(MAX_REGISTRY, 1), why[256];
    FILE *file = fopen(path, "re");
    gw_auth_registry_t *registry = NULL;
    if (file == NULL) {
        snprintf(reterr, size, "%.200s: %s", path, strerror(errno));
    } else {
        size_t len = fread(text, 1, MAX_REGISTRY, file);
        registry = gw_auth_registry_read(gw_str(text, len), why, sizeof(why));
        if (registry == NULL)
            snprintf(reterr, size, "%.200s: %s", path, why);
        fclose(file);
    }
    OPENSSL_cleanse(text, MAX_REGISTRY);
    free(text);
    return registry;
}

static char *issuer_at(const char *address)
{
    bool is_unix = strncmp(address, "unix:", 5) == 0;
    char *issuer = gw_must_alloc(strlen(address) + 32, 1);
    sprintf(issuer, "http://%s", is_unix ? "localhost" : address);
    return issuer;
}

bool gw_auth_start(gw_demo_server_t *server, char *reterr, size_t size)
{
    const gw_demo_auth_options_t *options = &server->options->auth;
    auth_t *auth = server->state = gw_must_alloc(1, sizeof(*auth));
    auth->own_issuer = options->issuer == NULL ? issuer_at(server->address) : NULL;
    auth->terms = (gw_auth_terms_t){.issuer = options->issuer != NULL ? options->issuer : auth->own_issuer,
                                    .audience = options->audience,
                                    .lifetime = (int64_t)options->lifetime_s};
    auth->registry = options->users != NULL ? read_registry(options->users, reterr, size)
                                            : gw_auth_registry_read(gw_str_of(gw_auth_demo_registry), reterr, size);
    auth->keys = auth->registry != NULL ? gw_auth_keys_create(options->algorithm, options->key, reterr, size) : NULL;
    return auth->keys != NULL;
}

void gw_auth_stop(gw_demo_server_t *server)
{
    auth_t *auth = server->state;
    gw_auth_registry_free(auth->registry);
    gw_auth_keys_free(auth->keys);
    free(auth->own_issuer);
    free(auth);
    server->state = NULL;
}

/** Making an RSA key takes a tenth of a second in which nobody is served: well enough for a demo. */
void gw_auth_rotate(gw_demo_server_t *server)
{
    auth_t *auth = server->state;
    char why[512];
    switch (gw_auth_keys_rotate(auth->keys, time(NULL), why, sizeof(why))) {
    case GW_AUTH_ROTATED:
        gw_demo_say(server, "tokens are signed with the key %s from now on", gw_auth_keys_current(auth->keys));
        break;
    case GW_AUTH_SAME_KEY:
        gw_demo_say(server, "the file still holds the key %s", gw_auth_keys_current(auth->keys));
        break;
    case GW_AUTH_NOT_ROTATED:
        gw_demo_say(server, "the key stays as it is: %s", why);
        break;
    }
}

/* the token endpoint -------------------------------------------------------------------------------------------------
 */

/** Answers may hold a token or be about a secret: they are not to be kept (RFC 6749 section 5.1). */
static void answer_privately(gw_demo_request_t *r, int status, json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (text == NULL)
        h2o_fatal("json_dumps failed");
    size_t len = strlen(text);
    text[len] = '\n';
    gw_demo_header(r, "cache-control", "no-store");
    gw_demo_header(r, "pragma", "no-cache");
    if (status == 401)
        gw_demo_header(r, "www-authenticate", "Basic realm=\"token\", charset=\"UTF-8\"");
    gw_demo_answer(r, status, "application/json", gw_str(text, len + 1));
    OPENSSL_cleanse(text, len);
    free(text);
}

static void answer_token(gw_demo_request_t *r, const gw_auth_grant_t *grant)
{
    auth_t *auth = r->server->state;
    unsigned char bytes[NUM_JTI_BYTES];
    char jti[GW_BASE64URL_LEN(NUM_JTI_BYTES) + 1];
    int64_t now = time(NULL);
    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        h2o_fatal("no random bytes");
    jti[gw_base64url_encode(jti, bytes, sizeof(bytes))] = '\0';
    json_t *claims = gw_auth_claims(grant, &auth->terms, now, jti);
    char *token = gw_auth_keys_sign(auth->keys, claims, now + auth->terms.lifetime);
    json_decref(claims);
    answer_privately(r, 200, gw_auth_success(grant, &auth->terms, token));
    free(token);
}

static void ask_for_token(gw_demo_request_t *r)
{
    auth_t *auth = r->server->state;
    gw_auth_grant_t grant;
    const char *why;
    gw_auth_request_t request = {.query = r->query, .form = gw_str(r->req->entity.base, r->req->entity.len)};
    if (!h2o_memis(r->req->input.method.base, r->req->input.method.len, H2O_STRLIT("POST"))) {
        gw_demo_header(r, "allow", "POST");
        gw_demo_problem(r, 405, NULL, "tokens are asked for with POST");
        return;
    }
    gw_demo_field(r, H2O_TOKEN_AUTHORIZATION, &request.authorization);
    gw_demo_field(r, H2O_TOKEN_CONTENT_TYPE, &request.content_type);
    gw_auth_result_t result = gw_auth_decide(auth->registry, &request, &grant, &why);
    if (result == GW_AUTH_GRANTED)
        answer_token(r, &grant);
    else
        answer_privately(r, result == GW_AUTH_INVALID_CLIENT ? 401 : 400, gw_auth_failure(result, why));
}

/* what everybody may know --------------------------------------------------------------------------------------------
 */

/** @param body taken over */
static void answer_publicly(gw_demo_request_t *r, json_t *body, const char *type)
{
    char *text = json_dumps(body, JSON_COMPACT), *etag = h2o_mem_alloc_pool(&r->req->pool, 32);
    unsigned char hash[SHA256_DIGEST_LENGTH];
    json_decref(body);
    if (text == NULL)
        h2o_fatal("json_dumps failed");
    size_t len = strlen(text);
    SHA256((const unsigned char *)text, len, hash);
    *etag = '"';
    size_t etag_len = 1 + gw_base64url_encode(etag + 1, hash, 12);
    strcpy(etag + etag_len, "\"");
    gw_demo_header(r, "etag", etag);
    gw_demo_header(r, "cache-control", KEYS_MAX_AGE);
    if (gw_demo_is_to_send(r, gw_str_of(etag), GW_HTTP_NO_DATE)) {
        text[len] = '\n';
        gw_demo_answer(r, 200, type, gw_str(text, len + 1));
    }
    free(text);
}

static void show_keys(gw_demo_request_t *r)
{
    auth_t *auth = r->server->state;
    if (gw_demo_is_get(r))
        answer_publicly(r, gw_auth_keys_jwks(auth->keys, time(NULL)), "application/jwk-set+json");
}

static void show_metadata(gw_demo_request_t *r)
{
    auth_t *auth = r->server->state;
    if (gw_demo_is_get(r))
        answer_publicly(r, gw_auth_metadata(auth->registry, &auth->terms), "application/json");
}

/** Below itself, as a gateway that strips a prefix sends it, and where RFC 8414 looks for it. */
static bool is_metadata(const gw_demo_request_t *r)
{
    const auth_t *auth = r->server->state;
    const size_t len = sizeof(METADATA) - 1;
    if (!gw_str_starts_with(r->path, GW_STR(METADATA)))
        return false;
    gw_str_t rest = gw_str(r->path.ptr + len, r->path.len - len);
    return rest.len == 0 || gw_str_equal(rest, gw_auth_issuer_path(auth->terms.issuer));
}

void gw_auth_handle(gw_demo_request_t *r)
{
    if (gw_str_equal(r->path, GW_STR("/token")))
        ask_for_token(r);
    else if (gw_str_equal(r->path, GW_STR("/.well-known/jwks.json")))
        show_keys(r);
    else if (is_metadata(r))
        show_metadata(r);
    else
        gw_demo_problem(r, 404, NULL, "there are /token, /.well-known/jwks.json, %s and /healthz", METADATA);
}
