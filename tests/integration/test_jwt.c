/* SPDX-License-Identifier: MIT
 * Requests with good tokens, and those that lack something: who passes, what the service is told, what the client
 * and the log are told; keys and deny lists that change under way. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>
#include "tests/support/conf_files.h"
#include "tests/support/fleet.h"
#include "tests/support/gateway.h"
#include "tests/support/origin.h"
#include "tests/support/tokens.h"

#define LENGTH_OF(array) (sizeof(array) / sizeof((array)[0]))

#define ISSUER  "https://issuer.test"
#define CLAIMS  "\"iss\":\"" ISSUER "\",\"aud\":\"api\",\"sub\":\"alice\",\"exp\":9999999999"
#define PAYLOAD "{" CLAIMS "}"
#define WHO     "issuer: \"" ISSUER "\", audience: api"

/* the gateway ------------------------------------------------------------------------------------------------------ */

static token_key_t *rsa, *other_rsa, *secret; /* slow to make, so there are these for all tests */
static char *folder;
static origin_t *service; /* answers with the request that it got */

static int set_up(void **state)
{
    rsa = token_key_make("RSA", NULL);
    other_rsa = token_key_make("RSA", NULL);
    secret = token_key_from_secret("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", 64, NULL);
    folder = conf_folder_create();
    service = origin_start(origin_reflect, NULL);
    setenv("SLUICE_TEST_SECRET", (const char *)secret->secret, 1);
    return 0;
}

static int tear_down(void **state)
{
    token_key_free(rsa);
    token_key_free(other_rsa);
    token_key_free(secret);
    conf_folder_remove(folder);
    origin_stop(service);
    return 0;
}

/** Replaces the file as one does: a new one takes the name.  @param text is freed */
static void write_file(const char *name, char *text)
{
    char *new_name = token_text("%s.new", name), *from = conf_file_write(folder, new_name, text, strlen(text));
    char *to = token_text("%s/%s", folder, name);
    assert_int_equal(rename(from, to), 0);
    free(new_name);
    free(from);
    free(to);
    free(text);
}

/** Writes into the file that is there. */
static void write_in_place(const char *name, const char *text)
{
    free(conf_file_write(folder, name, text, strlen(text)));
}

#define CONF_ROUTES CONF_LISTEN "services: { service: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\nroutes:\n%s"

/** One route for each of the texts, /0/, /1/, ...  @param filters options of jwt: in them FOLDER/ stands for the folder
 */
static char *routes_of(const char *const *filters, size_t num)
{
    char *text = NULL;
    size_t len;
    FILE *file = open_memstream(&text, &len);
    for (size_t i = 0; i != num; ++i) {
        fprintf(file, "  - path: /%zu/\n    service: service\n    filters: [ { jwt: { ", i);
        for (const char *at = filters[i], *found; *at != '\0'; at = found) {
            found = strstr(at, "FOLDER");
            fprintf(file, "%.*s%s", (int)(found != NULL ? (size_t)(found - at) : strlen(at)), at,
                    found != NULL ? folder : "");
            found = found != NULL ? found + 6 : at + strlen(at);
        }
        fprintf(file, " } } ]\n");
    }
    fclose(file);
    return text;
}

static gateway_t *start(const char *const *filters, size_t num)
{
    char *routes = routes_of(filters, num);
    gateway_t *gateway = gateway_start(CONF_ROUTES, service->port, routes);
    free(routes);
    return gateway;
}

static gateway_t *start_one(const char *filter)
{
    return start(&filter, 1);
}

#define PEM "keys: { file: FOLDER/rsa.pem }"

static reply_t send_fields(gateway_t *gateway, transport_t t, const char *path, const char *const *fields)
{
    return fetch(gateway, t, &(request_t){.path = path, .headers = fields});
}

static reply_t send_token(gateway_t *gateway, transport_t t, const char *path, const char *token)
{
    char *field = token_text("Authorization: Bearer %s", token);
    const char *const fields[] = {token != NULL ? field : NULL, NULL};
    reply_t reply = send_fields(gateway, t, path, fields);
    free(field);
    return reply;
}

static int status_of(gateway_t *gateway, transport_t t, const char *path, const char *token)
{
    reply_t reply = send_token(gateway, t, path, token);
    int status = reply.status;
    reply_free(&reply);
    return status;
}

/** Over every protocol, or the test fails.  @param token NULL: none */
static void expect(const char *about, gateway_t *gateway, const char *path, const char *token, int status)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        int got = status_of(gateway, t, path, token);
        if (got != status) {
            char *log = process_log(gateway->process);
            fail_msg("%s, over %s: %d instead of %d\ntoken: %s\n%s", about, transport_names[t], got, status, token,
                     log);
        }
    }
}

/** As expect, for a token that is not needed any more. */
static void expect_once(const char *about, gateway_t *gateway, const char *path, char *token, int status)
{
    expect(about, gateway, path, token, status);
    free(token);
}

/* keys ------------------------------------------------------------------------------------------------------------- */

static void each_algorithm_verifies_with_its_keys(void **state)
{
    static const struct {
        const char *alg, *kind;
    } rows[] = {{"HS256", "oct"},   {"HS384", "oct"},   {"HS512", "oct"},    {"RS256", "RSA"}, {"RS384", "RSA"},
                {"RS512", "RSA"},   {"PS256", "RSA"},   {"PS384", "RSA"},    {"PS512", "RSA"}, {"ES256", "P-256"},
                {"ES384", "P-384"}, {"ES512", "P-521"}, {"EdDSA", "Ed25519"}};
    enum { num = LENGTH_OF(rows) };
    const char *filters[2 * num];
    token_key_t *keys[num];
    for (size_t i = 0; i != num; ++i) {
        const char *alg = rows[i].alg;
        bool is_rsa = strcmp(rows[i].kind, "RSA") == 0, is_secret = strcmp(rows[i].kind, "oct") == 0;
        keys[i] = is_rsa ? rsa : is_secret ? secret : token_key_make(rows[i].kind, NULL);
        char *name = token_text("%s.json", alg), *member = token_text("\"alg\":\"%s\",\"use\":\"sig\"", alg);
        char *jwk = token_jwk(keys[i], member);
        write_file(name, token_text("{\"keys\":[%s]}", jwk)); /* alg says what the key is for */
        filters[2 * i] = token_text(WHO ", keys: { jwks_file: FOLDER/%s.json }", alg);
        free(jwk);
        free(member);
        free(name);
        name = token_text("%s.key", alg);
        write_file(name, is_secret ? strdup((const char *)secret->secret) : token_key_pem(keys[i]));
        filters[2 * i + 1] = token_text(WHO ", algorithms: %s, keys: { %s: FOLDER/%s.key }", alg, /* the conf says it */
                                        is_secret ? "secret_file" : "file", alg);
        free(name);
    }
    gateway_t *gateway = start(filters, 2 * num);
    for (size_t i = 0; i != 2 * num; ++i)
        for (size_t k = 0; k != num; ++k) {
            char *path = token_text("/%zu/", i), *token = token_mint(keys[k], rows[k].alg, PAYLOAD);
            if (i / 2 == k)
                expect(rows[k].alg, gateway, path, token, 200);
            else
                assert_int_equal(status_of(gateway, OVER_HTTP1, path, token), 401);
            free(token);
            free(path);
        }
    gateway_stop(gateway);
    for (size_t i = 0; i != num; ++i) {
        if (keys[i] != rsa && keys[i] != secret)
            token_key_free(keys[i]);
        free((char *)filters[2 * i]);
        free((char *)filters[2 * i + 1]);
    }
}

static char *hex_of(const token_key_t *key)
{
    char *text = malloc(2 * key->secret_len + 2);
    for (size_t i = 0; i != key->secret_len; ++i)
        sprintf(text + 2 * i, "%02X", key->secret[i]);
    return strcat(text, "\n");
}

static char *base64_of(const token_key_t *key)
{
    char *text = token_base64url(key->secret, key->secret_len), *padded = token_text("%s==\n", text);
    for (char *c = padded; *c != '\0'; ++c)
        *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
    free(text);
    return padded;
}

static void keys_are_read_from_files_and_from_the_environment(void **state)
{
    const token_key_t *const set[] = {rsa, secret, NULL};
    token_key_t *key = token_key_make("oct", NULL);
    const struct {
        const char *about, *keys;
        const token_key_t *key;
        const char *alg;
    } rows[] = {
        {"a PEM file", "keys: { file: FOLDER/rsa.pem }", rsa, "RS256"},
        {"a PEM file of two keys, the first", "keys: { file: FOLDER/two.pem }", rsa, "RS256"},
        {"a PEM file of two keys, the second", "keys: { file: FOLDER/two.pem }", other_rsa, "RS256"},
        {"a certificate", "keys: { file: FOLDER/server.crt }", NULL, "ES256"},
        {"a set", "keys: { jwks_file: FOLDER/set.json }", rsa, "RS256"},
        {"a secret in a set", "keys: { jwks_file: FOLDER/set.json }", secret, "HS256"},
        {"a secret as it is", "keys: { secret_file: FOLDER/secret.text }", secret, "HS256"},
        {"a secret in hex", "keys: { secret_file: FOLDER/secret.hex, secret_encoding: hex }", key, "HS256"},
        {"a secret in base64", "keys: { secret_file: FOLDER/secret.base64, secret_encoding: base64 }", key, "HS256"},
        {"a secret in the environment", "keys: { secret_env: SLUICE_TEST_SECRET }", secret, "HS256"},
        {"a list, the first", "keys: [ { file: FOLDER/rsa.pem }, { secret_env: SLUICE_TEST_SECRET } ]", rsa, "RS256"},
        {"a list, the second", "keys: [ { file: FOLDER/rsa.pem }, { secret_env: SLUICE_TEST_SECRET } ]", secret,
         "HS256"},
    };
    const char *filters[LENGTH_OF(rows)];
    char *pems[] = {token_key_pem(rsa), token_key_pem(other_rsa)};
    write_file("rsa.pem", strdup(pems[0]));
    write_file("two.pem", token_text("the first\n%sthe second\n%s", pems[0], pems[1]));
    write_file("set.json", token_jwks(set));
    write_file("secret.text", token_text("%s\r\n", (const char *)secret->secret)); /* as an editor leaves it */
    write_file("secret.hex", hex_of(key));
    write_file("secret.base64", base64_of(key));
    certificate_make(folder, "server", "localhost");
    for (size_t i = 0; i != LENGTH_OF(rows); ++i)
        filters[i] = token_text(WHO ", %s", rows[i].keys);
    gateway_t *gateway = start(filters, LENGTH_OF(rows));
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        char *path = token_text("/%zu/", i);
        if (rows[i].key != NULL)
            expect_once(rows[i].about, gateway, path, token_mint(rows[i].key, rows[i].alg, PAYLOAD), 200);
        expect_once("an unknown key", gateway, path, token_mint(secret, "HS384", PAYLOAD), 401);
        free(path);
        free((char *)filters[i]);
    }
    gateway_stop(gateway);
    token_key_free(key);
    free(pems[0]);
    free(pems[1]);
}

static void each_issuer_has_its_own_keys_and_audiences(void **state)
{
    write_file("rsa.pem", token_key_pem(rsa));
    write_file("other.pem", token_key_pem(other_rsa));
    gateway_t *gateway = start_one("issuers: [ { issuer: \"https://a.test\", audience: [a, b], "
                                   "keys: { file: FOLDER/rsa.pem } }, { issuer: \"https://b.test\", audience: \"*\", "
                                   "keys: { file: FOLDER/other.pem, kid: one } }, { issuer: \"https://c.test\", "
                                   "keys: { file: FOLDER/other.pem } } ]");
    static const struct {
        const char *about;
        int key; /* 0: rsa, 1: other_rsa */
        const char *issuer, *audience;
        int status;
    } rows[] = {
        {"a for a", 0, "https://a.test", ",\"aud\":\"a\"", 200},
        {"a for b and others", 0, "https://a.test", ",\"aud\":[\"x\",\"b\"]", 200},
        {"a for nobody", 0, "https://a.test", "", 401},
        {"b for whomever", 1, "https://b.test", ",\"aud\":\"x\"", 200},
        {"b for nobody", 1, "https://b.test", "", 200},
        {"c for nobody, as the conf has no audience", 1, "https://c.test", "", 200},
        {"c for somebody", 1, "https://c.test", ",\"aud\":\"c\"", 401},
        {"a with the key of b", 1, "https://a.test", ",\"aud\":\"a\"", 401},
        {"d", 0, "https://d.test", ",\"aud\":\"a\"", 401},
    };
    for (size_t i = 0; i != LENGTH_OF(rows); ++i)
        expect_once(rows[i].about, gateway, "/0/",
                    token_mint(rows[i].key == 0 ? rsa : other_rsa, "RS256", "{\"iss\":\"%s\",\"exp\":9999999999%s}",
                               rows[i].issuer, rows[i].audience),
                    rows[i].status);
    gateway_stop(gateway);
}

static void times_are_judged_as_the_conf_says(void **state)
{
    static const char *const filters[] = {
        WHO ", " PEM,
        WHO ", leeway: 0s, " PEM,
        WHO ", needs_exp: false, " PEM,
        WHO ", max_age: 1h, " PEM,
    };
    static const struct {
        const char *about, *path, *format; /* of the time now, moved by `off` */
        long off;
        int status;
    } rows[] = {
        {"expired within the leeway", "/0/", "\"exp\":%ld", -15, 200},
        {"expired before the leeway", "/0/", "\"exp\":%ld", -31, 401},
        {"expired, no leeway", "/1/", "\"exp\":%ld", -1, 401},
        {"not expired, no leeway", "/1/", "\"exp\":%ld", 60, 200},
        {"never expires", "/2/", "\"x\":%ld", 0, 200},
        {"never expires, which is not allowed", "/0/", "\"x\":%ld", 0, 401},
        {"expired where it need not expire", "/2/", "\"exp\":%ld", -31, 401},
        {"valid in a moment", "/0/", "\"exp\":9999999999,\"nbf\":%ld", 20, 200},
        {"valid later", "/0/", "\"exp\":9999999999,\"nbf\":%ld", 60, 401},
        {"issued in a moment", "/0/", "\"exp\":9999999999,\"iat\":%ld", 20, 200},
        {"issued later", "/0/", "\"exp\":9999999999,\"iat\":%ld", 60, 401},
        {"young enough", "/3/", "\"exp\":9999999999,\"iat\":%ld", -3600, 200},
        {"too old", "/3/", "\"exp\":9999999999,\"iat\":%ld", -3631, 401},
        {"of no age", "/3/", "\"exp\":9999999999,\"x\":%ld", 0, 401},
    };
    write_file("rsa.pem", token_key_pem(rsa));
    gateway_t *gateway = start(filters, LENGTH_OF(filters));
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        char *time = token_text(rows[i].format, token_now() + rows[i].off);
        expect_once(rows[i].about, gateway, rows[i].path,
                    token_mint(rsa, "RS256", "{\"iss\":\"" ISSUER "\",\"aud\":\"api\",%s}", time), rows[i].status);
        free(time);
    }
    gateway_stop(gateway);
}

/* rules ------------------------------------------------------------------------------------------------------------ */

static void rules_ask_for_scopes_and_claims(void **state)
{
    static const char *const rules[] = {
        "scope: [read, write]",
        "scope: { any: [read, write] }",
        "roles: [admin, operator]",
        "roles: { all: [admin, operator] }",
        "realm_access.roles: admin",
        "\"https://example.com/roles\": admin",
        "level: 3, verified: true",
        "scope: read, roles: admin",
        "a.b.c: deep",
    };
    static const struct {
        const char *about;
        int rule;
        const char *members;
        const char *cause; /* NULL: passes */
        const char *scope; /* in the challenge, or NULL */
    } rows[] = {
        {"both scopes", 0, "\"scope\":\"read write\"", NULL, NULL},
        {"more than both", 0, "\"scope\":\"admin  write read\"", NULL, NULL},
        {"both scopes as a list", 0, "\"scope\":[\"write\",\"read\"]", NULL, NULL},
        {"both scopes as others call them", 0, "\"scp\":[\"write\",\"read\"]", NULL, NULL},
        {"both scopes as still others do", 0, "\"scp\":\"write read\"", NULL, NULL},
        {"one scope of two", 0, "\"scope\":\"read\"", "scope_missing", "read write"},
        {"scopes run together", 0, "\"scope\":\"readwrite\"", "scope_missing", "read write"},
        {"longer scopes", 0, "\"scope\":\"readonly write\"", "scope_missing", "read write"},
        {"scopes in capitals", 0, "\"scope\":\"READ WRITE\"", "scope_missing", "read write"},
        {"scopes with commas", 0, "\"scope\":\"read,write\"", "scope_missing", "read write"},
        {"no scope", 0, "\"x\":1", "scope_missing", "read write"},
        {"an empty scope", 0, "\"scope\":\"\"", "scope_missing", "read write"},
        {"scope null", 0, "\"scope\":null", "scope_missing", "read write"},
        {"scope is an object", 0, "\"scope\":{\"read\":1,\"write\":1}", "scope_missing", "read write"},
        {"one scope is enough", 1, "\"scope\":\"write\"", NULL, NULL},
        {"none is not", 1, "\"scope\":\"other\"", "scope_missing", "read write"},
        {"one role of several", 2, "\"roles\":[\"x\",\"operator\"]", NULL, NULL},
        {"a role that is no list", 2, "\"roles\":\"admin\"", NULL, NULL},
        {"another role", 2, "\"roles\":[\"user\"]", "claim_refused", NULL},
        {"roles in one text", 2, "\"roles\":\"admin operator\"", "claim_refused", NULL},
        {"a role one level too deep", 2, "\"roles\":[[\"admin\"]]", "claim_refused", NULL},
        {"no roles", 2, "\"x\":1", "claim_refused", NULL},
        {"all roles", 3, "\"roles\":[\"operator\",\"admin\"]", NULL, NULL},
        {"not all roles", 3, "\"roles\":[\"operator\"]", "claim_refused", NULL},
        {"a nested role", 4, "\"realm_access\":{\"roles\":[\"admin\"]}", NULL, NULL},
        {"a name with a dot", 4, "\"realm_access.roles\":[\"admin\"]", NULL, NULL},
        {"a nested role in the wrong place", 4, "\"roles\":[\"admin\"]", "claim_refused", NULL},
        {"a claim named by a URL", 5, "\"https://example.com/roles\":[\"admin\"]", NULL, NULL},
        {"not there", 5, "\"roles\":\"admin\"", "claim_refused", NULL},
        {"a number and a boolean", 6, "\"level\":3,\"verified\":true", NULL, NULL},
        {"the number in a text", 6, "\"level\":\"3\",\"verified\":\"true\"", NULL, NULL},
        {"another number", 6, "\"level\":30,\"verified\":true", "claim_refused", NULL},
        {"another boolean", 6, "\"level\":3,\"verified\":false", "claim_refused", NULL},
        {"both rules", 7, "\"scope\":\"read\",\"roles\":\"admin\"", NULL, NULL},
        {"the first rule only", 7, "\"scope\":\"read\"", "claim_refused", NULL},
        {"the second rule only", 7, "\"roles\":\"admin\"", "scope_missing", "read"},
        {"three levels", 8, "\"a\":{\"b\":{\"c\":\"deep\"}}", NULL, NULL},
        {"three levels, with a dot in a name", 8, "\"a\":{\"b.c\":\"deep\"}", NULL, NULL},
        {"two levels", 8, "\"a\":{\"b\":\"deep\"}", "claim_refused", NULL},
    };
    const char *filters[LENGTH_OF(rules)];
    for (size_t i = 0; i != LENGTH_OF(rules); ++i)
        filters[i] = token_text(WHO ", " PEM ", require: { %s }", rules[i]);
    write_file("rsa.pem", token_key_pem(rsa));
    gateway_t *gateway = start(filters, LENGTH_OF(rules));
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        char *token = token_mint(rsa, "RS256", "{" CLAIMS ",%s}", rows[i].members);
        char *scope = rows[i].scope != NULL ? token_text(", scope=\"%s\"", rows[i].scope) : strdup("");
        char *wanted = token_text("Bearer realm=\"api\", error=\"insufficient_scope\", error_description=\"%s\"%s",
                                  rows[i].scope != NULL ? "The access token lacks a scope that is needed here."
                                                        : "The access token does not give access to this.",
                                  scope);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            char *path = token_text("/%d/%zu/%d", rows[i].rule, i, (int)t);
            reply_t reply = send_token(gateway, t, path, token);
            char *challenge = reply_field(&reply, "www-authenticate");
            if (reply.status != (rows[i].cause == NULL ? 200 : 403) || (challenge != NULL) != (rows[i].cause != NULL) ||
                (challenge != NULL && strcmp(challenge, wanted) != 0))
                fail_msg("%s, over %s: %d %s", rows[i].about, transport_names[t], reply.status, challenge);
            free(challenge);
            reply_free(&reply);
            free(path);
        }
        free(wanted);
        free(scope);
        free(token);
    }
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        char *path = token_text("\"path\":\"/%d/%zu/%d\"", rows[i].rule, i, (int)OVER_HTTP2);
        char *line = process_wait_for(gateway->process, path, 1);
        char *cause = rows[i].cause != NULL ? token_text("\"verdict\":\"refused\",\"reason\":\"%s\"", rows[i].cause)
                                            : strdup("\"reason\":\"ok\"");
        if (strstr(line, cause) == NULL)
            fail_msg("%s: no %s in %s", rows[i].about, cause, line);
        free(cause);
        free(line);
        free(path);
    }
    gateway_stop(gateway);
    for (size_t i = 0; i != LENGTH_OF(rules); ++i)
        free((char *)filters[i]);
}

/* what the service is told ----------------------------------------------------------------------------------------- */

/** @return the value of that field in a request, to be freed; NULL: not there */
static char *told(const reply_t *reply, const char *name)
{
    return reply_field(&(reply_t){.head = strchr(reply->body, '\n')}, name);
}

static void claims_are_forwarded_as_fields(void **state)
{
    static const struct {
        const char *about, *claim, *value; /* NULL: no field */
    } rows[] = {
        {"a text", "\"plain text\"", "plain text"},
        {"a text that looks like JSON", "\"{\\\"a\\\":1}\"", "{\"a\":1}"},
        {"UTF-8", "\"J\\u00fcrgen\"", "J\xc3\xbcrgen"},
        {"a number", "42", "42"},
        {"a negative number", "-7", "-7"},
        {"a large number", "9007199254740993", "9007199254740993"},
        {"a fraction", "0.5", "0.5"},
        {"true", "true", "true"},
        {"false", "false", "false"},
        {"null", "null", NULL},
        {"a list", "[\"a\",\"b\",\"c\"]", "a,b,c"},
        {"a list of several kinds", "[\"a\",1,true]", "a,1,true"},
        {"a list of one", "[\"a\"]", "a"},
        {"an object", "{\"a\": {\"b\": [1, 2]}}", "{\"a\":{\"b\":[1,2]}}"},
    };
    write_file("rsa.pem", token_key_pem(rsa));
    gateway_t *gateway = start_one(WHO ", " PEM ", forward: { x: X-X, sub: X-User, deep.x: X-Deep, absent: X-Absent }, "
                                       "forward_payload: X-Claims");
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        char *payload = token_text("{" CLAIMS ",\"x\":%s,\"deep\":{\"x\":%s}}", rows[i].claim, rows[i].claim);
        char *token = token_mint(rsa, "RS256", "%s", payload), *whole = token_base64url(payload, strlen(payload));
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = send_token(gateway, t, "/0/", token);
            char *x = told(&reply, "x-x"), *deep = told(&reply, "x-deep"), *user = told(&reply, "x-user");
            char *claims = told(&reply, "x-claims"), *absent = told(&reply, "x-absent");
            bool is_right = rows[i].value == NULL ? x == NULL && deep == NULL
                                                  : x != NULL && strcmp(x, rows[i].value) == 0 && deep != NULL &&
                                                        strcmp(deep, rows[i].value) == 0;
            if (reply.status != 200 || !is_right || absent != NULL || user == NULL || strcmp(user, "alice") != 0 ||
                claims == NULL || strcmp(claims, whole) != 0)
                fail_msg("%s, over %s: %d %s", rows[i].about, transport_names[t], reply.status, reply.body);
            assert_non_null(strstr(reply.body, token)); /* the token goes on, as nothing else was said */
            free(x);
            free(deep);
            free(user);
            free(claims);
            free(absent);
            reply_free(&reply);
        }
        free(whole);
        free(token);
        free(payload);
    }
    gateway_stop(gateway);
}

static void tokens_are_taken_from_where_the_conf_says_and_removed_if_asked(void **state)
{
    static const char *const filters[] = {
        WHO ", " PEM ", from: [\"header:Authorization\", \"header:X-Token\", \"cookie:token\", \"query:token\"]",
        WHO ", " PEM ", from: [\"header:Authorization\", \"header:X-Token\", \"cookie:token\", \"query:token\"], "
            "remove: true",
        WHO ", " PEM ", from: \"header:X-Token\", remove: true",
    };
    write_file("rsa.pem", token_key_pem(rsa));
    char *token = token_mint(rsa, "RS256", PAYLOAD);
    char *bearer = token_text("Authorization: Bearer %s", token), *own = token_text("X-Token: %s", token);
    char *own_bearer = token_text("X-Token: Bearer %s", token), *cookie = token_text("Cookie: token=%s", token);
    char *cookies = token_text("Cookie: a=1; token=%s; b=2", token), *query = token_text("token=%s", token);
    char *queries = token_text("a=1&token=%s&b=2", token);
    const struct {
        const char *about, *fields[3], *query, *kept; /* kept: must be in what the service gets, whatever is removed */
    } rows[] = {
        {"Authorization", {bearer}, NULL, " /"},
        {"a field of its own", {own}, NULL, " /"},
        {"a field of its own, with Bearer", {own_bearer}, NULL, " /"},
        {"a cookie", {cookie}, NULL, " /"},
        {"a cookie among others", {cookies}, NULL, "a=1; b=2"},
        {"the query", {NULL}, query, " /"},
        {"the query, among other parameters", {NULL}, queries, "?a=1&b=2 HTTP"},
        {"its own field beside Basic", {own, "Authorization: Basic YTpi"}, NULL, "Basic YTpi"},
    };
    gateway_t *gateway = start(filters, LENGTH_OF(filters));
    for (size_t i = 0; i != LENGTH_OF(rows); ++i)
        for (int route = 0; route != 2; ++route)
            for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
                char *path = token_text("/%d/%s%s", route, rows[i].query != NULL ? "?" : "",
                                        rows[i].query != NULL ? rows[i].query : "");
                reply_t reply = send_fields(gateway, t, path, rows[i].fields);
                bool is_there = strstr(reply.body, token) != NULL;
                if (reply.status != 200 || is_there != (route == 0) ||
                    (route == 1 && strstr(reply.body, rows[i].kept) == NULL))
                    fail_msg("%s, over %s: %d, the service got: %s", rows[i].about, transport_names[t], reply.status,
                             reply.body);
                if (route == 1)
                    assert_null(strstr(reply.body, "token="));
                reply_free(&reply);
                free(path);
            }
    const char *const both[] = {own, bearer, NULL}; /* Authorization is not asked for, so it is not touched */
    reply_t reply = send_fields(gateway, OVER_HTTP1, "/2/", both);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.body, "Authorization: Bearer "));
    assert_null(strstr(reply.body, "X-Token"));
    reply_free(&reply);
    gateway_stop(gateway);
    free(token);
    free(bearer);
    free(own);
    free(own_bearer);
    free(cookie);
    free(cookies);
    free(query);
    free(queries);
}

static void an_optional_token_may_be_absent_but_not_bad(void **state)
{
    write_file("rsa.pem", token_key_pem(rsa));
    gateway_t *gateway = start_one(WHO ", " PEM ", optional: true, forward: { sub: X-User }, require: { scope: read }");
    char *good = token_mint(rsa, "RS256", "{" CLAIMS ",\"scope\":\"read\"}");
    static const char *const spoofed[] = {"X-User: mallory", NULL};
    static const char *const basic[] = {"X-User: mallory", "Authorization: Basic YTpi", NULL};
    const char *const *const anonymous[] = {spoofed, basic};
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        for (size_t i = 0; i != LENGTH_OF(anonymous); ++i) {
            reply_t reply = send_fields(gateway, t, "/0/", anonymous[i]);
            assert_int_equal(reply.status, 200);
            assert_null(strstr(reply.body, "mallory"));
            reply_free(&reply);
        }
        reply_t reply = send_token(gateway, t, "/0/", good);
        char *user = told(&reply, "x-user");
        assert_int_equal(reply.status, 200);
        assert_string_equal(user, "alice");
        free(user);
        reply_free(&reply);
    }
    expect_once("expired", gateway, "/0/",
                token_mint(rsa, "RS256", "{\"iss\":\"" ISSUER "\",\"aud\":\"api\",\"exp\":1}"), 401);
    expect_once("without the scope", gateway, "/0/", token_mint(rsa, "RS256", PAYLOAD), 403);
    expect_once("by another key", gateway, "/0/", token_mint(other_rsa, "RS256", "{" CLAIMS ",\"scope\":\"read\"}"),
                401);
    expect("no token at all", gateway, "/0/", "", 400);
    gateway_stop(gateway);
    free(good);
}

static void observing_refuses_nothing_and_says_what_it_would_have_done(void **state)
{
    write_file("rsa.pem", token_key_pem(rsa));
    gateway_t *gateway = start_one(WHO ", " PEM ", mode: observe, require: { scope: read }, forward: { sub: X-User }");
    char *good = token_mint(rsa, "RS256", "{" CLAIMS ",\"scope\":\"read\"}"), *poor = token_mint(rsa, "RS256", PAYLOAD);
    char *forged = token_mint(other_rsa, "RS256", PAYLOAD);
    const struct {
        const char *about, *token, *cause; /* NULL: it would have passed */
    } rows[] = {
        {"good", good, NULL},
        {"none", NULL, "missing"},
        {"nothing but a scheme", "", "empty"},
        {"without the scope", poor, "scope_missing"},
        {"forged", forged, "signature_wrong"},
        {"no token", "x", "not_a_jwt"},
    };
    for (size_t i = 0; i != LENGTH_OF(rows); ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            char *path = token_text("/0/%zu/%d", i, (int)t);
            reply_t reply = send_token(gateway, t, path, rows[i].token);
            char *user = told(&reply, "x-user"), *in_log = token_text("\"path\":\"%s\"", path);
            char *line = process_wait_for(gateway->process, in_log, 1);
            char *cause = rows[i].cause != NULL ? token_text("\"would_refuse\",\"reason\":\"%s\"", rows[i].cause)
                                                : strdup("\"principal\":\"alice\"");
            if (reply.status != 200 || strstr(line, cause) == NULL || (user != NULL) != (rows[i].cause == NULL))
                fail_msg("%s, over %s: %d %s", rows[i].about, transport_names[t], reply.status, line);
            /* who lacks a right is nobody: a later filter with `optional: when_known` would take that for a good token
             */
            assert_int_equal(strstr(line, "\"principal\":\"alice\"") != NULL, rows[i].token == good);
            free(cause);
            free(line);
            free(in_log);
            free(user);
            reply_free(&reply);
            free(path);
        }
    gateway_stop(gateway);
    free(good);
    free(poor);
    free(forged);
}

/** A later filter lets pass whom an earlier one knows, not whom it would have refused. */
static void observing_makes_nobody_known_to_later_filters(void **state)
{
    static const char later[] = " } }, { jwt: { " WHO ", " PEM ", from: \"header:X-Second\", optional: when_known";
    write_file("rsa.pem", token_key_pem(rsa));
    char *filter = token_text(WHO ", " PEM ", mode: observe, require: { scope: read }%s", later);
    gateway_t *gateway = start_one(filter);
    expect_once("with the scope", gateway, "/0/", token_mint(rsa, "RS256", "{" CLAIMS ",\"scope\":\"read\"}"), 200);
    expect_once("without the scope", gateway, "/0/", token_mint(rsa, "RS256", PAYLOAD), 401);
    expect_once("forged", gateway, "/0/", token_mint(other_rsa, "RS256", PAYLOAD), 401);
    expect("none", gateway, "/0/", NULL, 401);
    free(process_wait_for(gateway->process, "\"verdict\":\"refused\",\"reason\":\"missing\"", 3 * NUM_TRANSPORTS));
    /* what the one would have done is not lost behind what the other did */
    free(process_wait_for(gateway->process,
                          "\"verdict\":\"would_refuse\",\"reason\":\"scope_missing\",\"detail\":\"scope\"},"
                          "{\"filter\":\"jwt\",\"verdict\":\"refused\"",
                          NUM_TRANSPORTS));
    gateway_stop(gateway);
    free(filter);
}

static void observing_removes_nothing(void **state)
{
    static const char *const filters[] = {
        WHO ", " PEM ", remove: true",
        WHO ", " PEM ", remove: true, mode: observe",
    };
    write_file("rsa.pem", token_key_pem(rsa));
    gateway_t *gateway = start(filters, LENGTH_OF(filters));
    char *token = token_mint(rsa, "RS256", PAYLOAD);
    for (size_t i = 0; i != LENGTH_OF(filters); ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            char *path = token_text("/%zu/", i);
            reply_t reply = send_token(gateway, t, path, token);
            char *left = told(&reply, "authorization");
            assert_int_equal(reply.status, 200);
            if ((left != NULL) != (i == 1))
                fail_msg("%s, over %s: %s", filters[i], transport_names[t], reply.body);
            free(left);
            reply_free(&reply);
            free(path);
        }
    gateway_stop(gateway);
    free(token);
}

/* what the client is told ------------------------------------------------------------------------------------------ */

static void expect_problem(const char *about, const reply_t *reply, int status, const char *reason, const char *detail)
{
    json_t *problem = json_loads(reply->body, JSON_REJECT_DUPLICATES, NULL);
    char *type = reply_field(reply, "content-type");
    const char *got_reason = json_string_value(json_object_get(problem, "reason"));
    const char *got_detail = json_string_value(json_object_get(problem, "detail"));
    if (reply->status != status || json_integer_value(json_object_get(problem, "status")) != status || type == NULL ||
        strcmp(type, "application/problem+json") != 0 || got_reason == NULL || strcmp(got_reason, reason) != 0 ||
        got_detail == NULL || strcmp(got_detail, detail) != 0)
        fail_msg("%s: %d %s %s", about, reply->status, type, reply->body);
    json_decref(problem);
    free(type);
}

/** RFC 6750 3 and 3.1. */
static void refusals_are_worded_as_the_rfc_wants(void **state)
{
    static const struct {
        const char *about, *field; /* %s: a token without the scope */
        int status;
        const char *challenge, *reason, *detail;
    } rows[] = {
        {"no credentials", NULL, 401, "Bearer realm=\"the back office\"", "token_missing",
         "This needs an access token."},
        {"other credentials", "Authorization: Basic YTpi", 401, "Bearer realm=\"the back office\"", "token_missing",
         "This needs an access token."},
        {"no token", "Authorization: Bearer", 400,
         "Bearer realm=\"the back office\", error=\"invalid_request\", "
         "error_description=\"The request names the scheme Bearer without an access token.\"",
         "token_request_malformed", "The request names the scheme Bearer without an access token."},
        {"rubbish", "Authorization: Bearer rubbish", 401,
         "Bearer realm=\"the back office\", error=\"invalid_token\", "
         "error_description=\"The access token is malformed.\"",
         "token_invalid", "The access token is malformed."},
        {"alg none", "Authorization: Bearer eyJhbGciOiJub25lIn0.e30.", /* {"alg":"none"} {} */
         401,
         "Bearer realm=\"the back office\", error=\"invalid_token\", "
         "error_description=\"The access token is not accepted.\"",
         "token_invalid", "The access token is not accepted."},
        {"without the scope", "Authorization: Bearer %s", 403,
         "Bearer realm=\"the back office\", error=\"insufficient_scope\", "
         "error_description=\"The access token lacks a scope that is needed here.\", scope=\"read write\"",
         "token_insufficient", "The access token lacks a scope that is needed here."},
    };
    write_file("rsa.pem", token_key_pem(rsa));
    gateway_t *gateway = start_one(WHO ", " PEM ", realm: the back office, require: { scope: [read, write] }");
    char *token = token_mint(rsa, "RS256", PAYLOAD);
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        char *field = rows[i].field != NULL ? token_text(rows[i].field, token) : NULL;
        const char *const fields[] = {field, NULL};
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = send_fields(gateway, t, "/0/", fields);
            char *challenge = reply_field(&reply, "www-authenticate");
            assert_non_null(challenge);
            assert_string_equal(challenge, rows[i].challenge);
            expect_problem(rows[i].about, &reply, rows[i].status, rows[i].reason, rows[i].detail);
            free(challenge);
            reply_free(&reply);
        }
        free(field);
    }
    gateway_stop(gateway);
    free(token);
}

/* what changes under way ------------------------------------------------------------------------------------------- */

static char *token_of(const token_key_t *key, const char *alg, const char *sub, const char *jti)
{
    return token_mint(key, alg,
                      "{\"iss\":\"" ISSUER "\",\"aud\":\"api\",\"exp\":9999999999,\"sub\":\"%s\",\"jti\":\"%s\"}", sub,
                      jti);
}

static void a_deny_file_revokes_at_once(void **state)
{
    char *alice = token_of(rsa, "RS256", "alice", "a 1"), *bob = token_of(rsa, "RS256", "bob", "b 1");
    char *again = token_of(rsa, "RS256", "alice", "a 2");
    char *number = token_mint(rsa, "RS256", "{\"iss\":\"" ISSUER "\",\"aud\":\"api\",\"sub\":4711,\"exp\":9999999999}");
    write_file("rsa.pem", token_key_pem(rsa));
    write_file("deny", strdup("# nobody yet\n"));
    gateway_t *gateway = start_one(WHO ", " PEM ", deny_file: FOLDER/deny");
    for (int i = 0; i != 2; ++i) { /* the second time they are remembered */
        expect("alice", gateway, "/0/", alice, 200);
        expect("bob", gateway, "/0/", bob, 200);
        expect("4711", gateway, "/0/", number, 200);
    }
    write_file("deny", strdup("jti a 1\r\n\n  sub\tbob  \nsub 4711\n"));
    free(process_wait_for(gateway->process, "deny' has changed and was read again", 1));
    expect("alice, by jti", gateway, "/0/", alice, 401);
    expect("bob, by sub", gateway, "/0/", bob, 401);
    expect("alice with a new token", gateway, "/0/", again, 200);
    expect("a sub that is a number", gateway, "/0/", number, 401);
    free(process_wait_for(gateway->process, "\"reason\":\"revoked\",\"detail\":\"by jti\"", 3));
    free(process_wait_for(gateway->process, "\"reason\":\"revoked\",\"detail\":\"by sub\"", 6));
    write_in_place("deny", "jti a 1\nsub bob\nalice\n");
    char *line = process_wait_for(gateway->process, "a line must be 'jti VALUE' or 'sub VALUE'", 1);
    assert_non_null(strstr(line, "/deny:3:1: "));
    free(line);
    free(process_wait_for(gateway->process, "deny' has changed and is not used: what was read before stays in use", 1));
    expect("alice, by the last good list", gateway, "/0/", alice, 401);
    write_in_place("deny", "sub bob\n");
    free(process_wait_for(gateway->process, "deny' has changed and was read again", 2));
    expect("alice is let in again", gateway, "/0/", alice, 200);
    expect("bob is not", gateway, "/0/", bob, 401);
    gateway_stop(gateway);
    free(alice);
    free(bob);
    free(again);
    free(number);
}

static void replaced_keys_count_at_once(void **state)
{
    token_key_t *new_secret = token_key_make("oct", NULL);
    const struct {
        const char *about, *filter, *file, *alg;
        const token_key_t *before, *after;
        char *old_text, *new_text, *bad_text;
        const char *complaint;
    } rows[] = {
        {"PEM", WHO ", keys: { file: FOLDER/changes }", "changes", "RS256", rsa, other_rsa, token_key_pem(rsa),
         token_key_pem(other_rsa), strdup("-----BEGIN PUBLIC KEY-----\nrubbish\n-----END PUBLIC KEY-----\n"),
         "/changes:1:1: the PEM block is damaged"},
        {"JWKS", WHO ", keys: { jwks_file: FOLDER/changes }", "changes", "HS256", secret, new_secret,
         token_jwks((const token_key_t *[]){secret, NULL}), token_jwks((const token_key_t *[]){new_secret, NULL}),
         strdup("{\"keys\":\n["), "/changes:2:"},
        {"secret", WHO ", keys: { secret_file: FOLDER/changes, secret_encoding: hex }", "changes", "HS256", secret,
         new_secret, hex_of(secret), hex_of(new_secret), strdup("0123"), "a shared secret of less than 32 bytes"},
    };
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        char *before = token_mint(rows[i].before, rows[i].alg, PAYLOAD);
        char *after = token_mint(rows[i].after, rows[i].alg, PAYLOAD);
        write_file(rows[i].file, rows[i].old_text);
        gateway_t *gateway = start_one(rows[i].filter);
        for (int k = 0; k != 2; ++k) /* the second time it is remembered */
            expect(rows[i].about, gateway, "/0/", before, 200);
        expect(rows[i].about, gateway, "/0/", after, 401);
        write_file(rows[i].file, rows[i].new_text);
        free(process_wait_for(gateway->process, "changes' has changed and was read again", 1));
        expect(rows[i].about, gateway, "/0/", before, 401);
        expect(rows[i].about, gateway, "/0/", after, 200);
        write_file(rows[i].file, rows[i].bad_text);
        free(process_wait_for(gateway->process, rows[i].complaint, 1));
        free(process_wait_for(gateway->process, "changes' has changed and is not used", 1));
        expect(rows[i].about, gateway, "/0/", after, 200);
        assert_int_equal(process_count(gateway->process, "reloaded"), 0);
        gateway_stop(gateway);
        free(before);
        free(after);
    }
    token_key_free(new_secret);
}

static double wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/** A client that sends the same token again and again. */
typedef struct returner {
    client_t *client;
    char *path, *field;
    double end; /* of the token */
    size_t num_passed;
    bool is_refused;
} returner_t;

static returner_t returner_create(gateway_t *gateway, transport_t t, size_t route, const char *claims, double end)
{
    char *token = token_mint(rsa, "RS256", "{\"iss\":\"" ISSUER "\",\"aud\":\"api\",%s}", claims);
    returner_t returner = {.client = client_create(gateway, t),
                           .path = token_text("/%zu/", route),
                           .field = token_text("Authorization: Bearer %s", token),
                           .end = end};
    free(token);
    return returner;
}

static void returner_send(returner_t *returner)
{
    const char *const fields[] = {returner->field, NULL};
    double before = wall_clock();
    reply_t reply = client_send(returner->client, &(request_t){.path = returner->path, .headers = fields});
    int status = reply.status;
    reply_free(&reply);
    if (status == 200 && before >= returner->end + 0.001) /* the token says it in milliseconds */
        fail_msg("a token passes %.3f s after its end", before - returner->end);
    if (status == 401 && wall_clock() < returner->end - 0.001)
        fail_msg("a token is refused %.3f s before its end", returner->end - wall_clock());
    assert_true(status == 200 || status == 401);
    returner->num_passed += status == 200;
    returner->is_refused = status == 401;
}

static void returner_dispose(returner_t *returner)
{
    client_free(returner->client);
    free(returner->path);
    free(returner->field);
}

enum { num_returning = 3, num_returners = num_returning * NUM_TRANSPORTS };

/** Each sends its token, which ends after so many seconds, until it is refused.
 *  @return whether each was let in twice, so that its token was remembered where that is done */
static bool all_return_until(gateway_t *gateway, double seconds)
{
    returner_t returners[num_returners];
    double end = wall_clock() + seconds;
    char *exp = token_text("\"exp\":%.3f", end), *iat = token_text("\"iat\":%.3f", end - 3600);
    for (size_t i = 0; i != num_returners; ++i)
        returners[i] = returner_create(gateway, (transport_t)(i / num_returning), i % num_returning,
                                       i % num_returning == 2 ? iat : exp, end);
    for (size_t num_refused = 0; num_refused != num_returners;)
        for (size_t i = num_refused = 0; i != num_returners; ++i) {
            if (!returners[i].is_refused)
                returner_send(&returners[i]);
            num_refused += returners[i].is_refused;
            poll(NULL, 0, 1); /* gives the processor away */
        }
    bool have_passed = true;
    for (size_t i = 0; i != num_returners; ++i) {
        have_passed = have_passed && returners[i].num_passed >= 2;
        returner_dispose(&returners[i]);
    }
    free(exp);
    free(iat);
    return have_passed;
}

static void a_remembered_token_expires_all_the_same(void **state)
{
    static const char *const filters[num_returning] = {
        WHO ", " PEM ", leeway: 0s",
        WHO ", " PEM ", leeway: 0s, cache_size: 0B",
        WHO ", " PEM ", leeway: 0s, needs_exp: false, max_age: 1h",
    };
    write_file("rsa.pem", token_key_pem(rsa));
    gateway_t *gateway = start(filters, num_returning);
    double seconds = 1;
    while (!all_return_until(gateway, seconds)) /* a slow machine needs longer to send them twice */
        assert_true((seconds *= 2) < DEADLINE_MS / 1000);
    free(process_wait_for(gateway->process, "\"reason\":\"expired\"", 2 * NUM_TRANSPORTS));
    free(process_wait_for(gateway->process, "\"reason\":\"too_old\"", NUM_TRANSPORTS));
    gateway_stop(gateway);
}

/* principals ------------------------------------------------------------------------------------------------------- */

static void the_log_names_who_a_request_comes_from(void **state)
{
    static const char *const filters[] = {
        WHO ", " PEM,
        WHO ", " PEM ", principal: client_id",
        WHO ", " PEM ", principal: act.sub",
    };
    static const struct {
        const char *about, *path, *members, *principal; /* NULL: none, though the credential was good */
    } rows[] = {
        {"sub", "/0/", "\"sub\":\"alice\"", "alice"},
        {"sub in UTF-8", "/0/", "\"sub\":\"J\xc3\xbcrgen\"", "J\xc3\xbcrgen"},
        {"sub with quotes", "/0/", "\"sub\":\"a\\\"b\\nc\"", "a\\\"b\\nc"},
        {"a number", "/0/", "\"sub\":17", "17"},
        {"no sub", "/0/", "\"x\":1", NULL},
        {"another claim", "/1/", "\"sub\":\"alice\",\"client_id\":\"shop\"", "shop"},
        {"a nested claim", "/2/", "\"sub\":\"alice\",\"act\":{\"sub\":\"agent\"}", "agent"},
    };
    write_file("rsa.pem", token_key_pem(rsa));
    gateway_t *gateway = start(filters, LENGTH_OF(filters));
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        char *token =
            token_mint(rsa, "RS256", "{\"iss\":\"" ISSUER "\",\"aud\":\"api\",\"exp\":9999999999,%s}", rows[i].members);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            char *path = token_text("%s%zu/%d", rows[i].path, i, (int)t), *in_log = token_text("\"path\":\"%s\"", path);
            assert_int_equal(status_of(gateway, t, path, token), 200);
            char *line = process_wait_for(gateway->process, in_log, 1);
            char *who = rows[i].principal != NULL
                            ? token_text("\"principal\":\"%s\",\"credential\":\"jwt\"", rows[i].principal)
                            : strdup("\"credential\":\"jwt\"");
            if (strstr(line, who) == NULL || (strstr(line, "\"principal\"") != NULL) != (rows[i].principal != NULL))
                fail_msg("%s, over %s: %s", rows[i].about, transport_names[t], line);
            free(who);
            free(line);
            free(path);
            free(in_log);
        }
        free(token);
    }
    gateway_stop(gateway);
}

/** @return which endpoint of the fleet answers a request with such a token */
static size_t endpoint_of(gateway_t *gateway, transport_t t, const char *sub, const char *tenant, const char *nonce)
{
    char *token = token_mint(rsa, "RS256", "{" CLAIMS ",\"user\":\"%s\",\"org\":{\"tenant\":\"%s\"},\"nonce\":\"%s\"}",
                             sub, tenant, nonce);
    reply_t reply = send_token(gateway, t, "/", token);
    assert_int_equal(reply.status, 200);
    size_t index = (size_t)(*reply.body - 'A');
    reply_free(&reply);
    free(token);
    return index;
}

static void requests_are_spread_by_who_they_come_from(void **state)
{
    static const struct {
        const char *key;
        bool by_tenant;
    } rows[] = {{"principal", false}, {"jwt.user", false}, {"jwt.org.tenant", true}};
    enum { num_names = 12, num_nodes = 4 };
    write_file("rsa.pem", token_key_pem(rsa));
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        fleet_t *fleet = fleet_start(num_nodes);
        char *endpoints = fleet_endpoints(fleet, NULL);
        gateway_t *gateway =
            gateway_start(CONF_LISTEN "services:\n  fleet:\n    endpoints: [ %s ]\n"
                                      "    balance: { method: hash, key: %s, load_factor: 1000%% }\n"
                                      "routes:\n  - path: /\n    service: fleet\n    filters: [ { jwt: "
                                      "{ " WHO ", principal: user, keys: { file: %s/rsa.pem } } } ]\n",
                          endpoints, rows[i].key, folder);
        bool are_used[num_nodes] = {false};
        size_t num_used = 0;
        for (int name = 0; name != num_names; ++name) {
            char *own = token_text("name-%d", name);
            size_t node = SIZE_MAX;
            for (transport_t t = 0; t != NUM_TRANSPORTS;
                 ++t) { /* each time with another token and another other name */
                char *other = token_text("other-%d-%d", name, (int)t);
                size_t got = rows[i].by_tenant ? endpoint_of(gateway, t, other, own, transport_names[t])
                                               : endpoint_of(gateway, t, own, other, transport_names[t]);
                if (node != SIZE_MAX && node != got)
                    fail_msg("%s: %s comes to %c and to %c", rows[i].key, own, (char)('A' + node), (char)('A' + got));
                node = got;
                free(other);
            }
            num_used += !are_used[node];
            are_used[node] = true;
            free(own);
        }
        assert_true(num_used >= 2);
        gateway_stop(gateway);
        fleet_stop(fleet);
        free(endpoints);
    }
}

/* the conf --------------------------------------------------------------------------------------------------------- */

/** @return what `sluice check` says of a conf with these options of jwt, without the folder's name; to be freed */
static char *findings_of(const char *options, int *ret_status)
{
    char *text = token_text("services: { s: { endpoints: [ \"http://127.0.0.1:1\" ] } }\nlisten: [ { address: "
                            "127.0.0.1:0 } ]\nroutes:\n  - path: /\n    service: s\n    filters:\n"
                            "      - jwt: { %s }\n",
                            options);
    char *path = conf_file_write(folder, "check.yaml", text, strlen(text));
    const char *program = getenv("SLUICE") != NULL ? getenv("SLUICE") : "gateway/sluice";
    const char *const argv[] = {program, "check", "-c", path, NULL};
    process_t *process = process_start(argv);
    process_wait(process);
    char *log = process_log(process), *found;
    *ret_status = process_end(process);
    while ((found = strstr(log, folder)) != NULL)
        memmove(found, found + strlen(folder) + 1, strlen(found + strlen(folder) + 1) + 1);
    free(path);
    free(text);
    return log;
}

static void mistakes_in_the_conf_are_found_where_they_are(void **state)
{
    static const struct {
        const char *options, *findings;
    } rows[] = {
        {"issuer: a", "check.yaml:7:14: error: 'keys' are missing (or 'issuers')\n"
                      "  hint: for example: keys: {jwks_file: certs/jwks.json}\n"},
        {"keys: { file: rsa.pem }, issuers: [ { issuer: a, keys: { file: rsa.pem } } ]",
         "check.yaml:7:14: error: either 'keys' or 'issuers', not both\n"
         "  hint: for example: keys: {jwks_file: certs/jwks.json}\n"},
        {"issuer: a, issuers: [ { issuer: b, keys: { file: rsa.pem } } ]",
         "check.yaml:7:14: error: with 'issuers', 'issuer', 'audience' and 'algorithms' belong into each of them\n"},
        {"issuers: [ { issuer: a, keys: { file: rsa.pem } }, { issuer: a, keys: { file: rsa.pem } } ]",
         "check.yaml:7:67: error: issuer 'a' is there twice\n"
         "  hint: list all of its keys in one place\n"},
        {"issuers: [ { issuer: a, keys: { file: rsa.pem } }, { keys: { file: rsa.pem } } ]",
         "check.yaml:7:67: error: one of several issuers needs 'issuer'\n"},
        {"issuers: [ { issuer: a } ]",
         "check.yaml:7:27: error: required key 'keys' is missing\n"
         "  hint: where the keys come from that tokens are verified with; one mapping, or a list of them\n"},
        {"keys: { }", "check.yaml:7:22: error: keys come from exactly one of file, secret_file, secret_env, jwks_file "
                      "and jwks_url, here are 0\n"
                      "  hint: for example: keys: {jwks_file: certs/jwks.json}\n"},
        {"keys: [ ]",
         "check.yaml:7:22: error: 'keys' has 0 entries (1..16 entries)\n"
         "  hint: where the keys come from that tokens are verified with; one mapping, or a list of them\n"},
        {"keys: { file: rsa.pem, jwks_url: \"https://a.test/\" }",
         "check.yaml:7:22: error: keys come from exactly one of file, secret_file, secret_env, jwks_file and jwks_url, "
         "here are 2\n"
         "  hint: for example: keys: {jwks_file: certs/jwks.json}\n"},
        {"keys: { fil: rsa.pem }", "check.yaml:7:24: error: unknown key 'fil'\n"
                                   "  hint: did you mean 'file'?\n"},
        {"keys: { file: none.pem }",
         "check.yaml:7:22: error: cannot read key file 'none.pem': No such file or directory\n"},
        {"keys: { file: private.pem }",
         "private.pem:1:1: error: 'PRIVATE KEY': the gateway needs the public key only, and must not have this one\n"
         "  hint: openssl pkey -in PRIVATE.pem -pubout\n"},
        {"keys: { file: weak.pem }", "weak.pem:1:1: error: an RSA key of less than 2048 bits is too weak\n"},
        {"keys: { file: rubbish }", "rubbish:1:1: error: there is no PEM block in it\n"
                                    "  hint: a file that holds '-----BEGIN PUBLIC KEY-----'\n"},
        {"keys: { file: \".\" }", "check.yaml:7:22: error: cannot read key file '.': it is not a regular file\n"},
        {"keys: { secret_file: rubbish }",
         "check.yaml:7:22: warning: secret_file 'rubbish' may be read or changed by others\n"
         "  hint: chmod 0640 or stricter\n"
         "rubbish:1:1: error: a shared secret of less than 32 bytes is too weak\n"
         "  hint: for example the output of: openssl rand -hex 32\n"},
        {"keys: { secret_file: odd.hex, secret_encoding: hex }",
         "odd.hex:1:1: error: the secret is not written in hex\n"},
        {"keys: { secret_file: odd.hex, secret_encoding: base64 }",
         "odd.hex:1:1: error: the secret is not written in base64\n"},
        {"keys: { secret_env: SLUICE_TEST_ABSENT }",
         "check.yaml:7:22: error: there is no variable 'SLUICE_TEST_ABSENT' in the environment\n"},
        {"keys: { secret_env: SLUICE_TEST_SHORT }",
         "check.yaml:7:22: error: a shared secret of less than 32 bytes is too weak\n"
         "  hint: for example the output of: openssl rand -hex 32\n"},
        {"keys: { file: rsa.pem, secret_encoding: hex }",
         "check.yaml:7:22: error: 'secret_encoding' is of use only with a secret\n"},
        {"keys: { jwks_file: rubbish }", "rubbish:1:7: error: this is not JSON, or a member is there twice\n"},
        {"keys: { jwks_file: empty.json }", "empty.json: error: the set has no key that tokens can be verified with\n"},
        {"keys: { jwks_file: twice.json }", "twice.json:2:7: error: this is not JSON, or a member is there twice\n"},
        {"keys: { jwks_file: useless.json }",
         "useless.json: warning: key 1 of the set is left out: its 'kty' is none of RSA, EC, OKP and oct\n"
         "useless.json: warning: key 2 of the set is left out: an RSA key of less than 2048 bits is too weak\n"
         "useless.json: error: the set has no key that tokens can be verified with\n"},
        {"keys: { jwks_url: \"ftp://a.test/keys\" }",
         "check.yaml:7:22: error: 'ftp://a.test/keys' is no URL of http or https\n"
         "  hint: for example https://auth.example.com/.well-known/jwks.json\n"},
        {"keys: { jwks_url: \"https://a.test/\", min_ttl: 2h, max_ttl: 1h }",
         "check.yaml:7:22: error: min_ttl is longer than max_ttl\n"},
        {"keys: { jwks_url: \"https://a.test/\", min_interval: 1ms }",
         "check.yaml:7:67: error: '1ms' is not valid for 'min_interval' (100ms..1h)\n"
         "  hint: time between two fetches, also when tokens name unknown keys or fetches fail\n"},
        {"algorithms: [ES256], keys: { file: rsa.pem }",
         "check.yaml:7:43: error: none of these keys can be used with 'algorithms'\n"},
        {"algorithms: [none], keys: { file: rsa.pem }", "check.yaml:7:29: error: there is no algorithm 'none'\n"
                                                        "  hint: known algorithms: HS256, HS384, HS512, RS256, RS384, "
                                                        "RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA\n"},
        {"algorithms: [RS265], keys: { file: rsa.pem }", "check.yaml:7:29: error: there is no algorithm 'RS265'\n"
                                                         "  hint: did you mean 'RS256'?\n"},
        {"audience: \"\", keys: { file: rsa.pem }", "check.yaml:7:26: error: an audience must not be empty\n"},
        {"from: body, keys: { file: rsa.pem }", "check.yaml:7:22: error: 'body' is no place for a token\n"
                                                "  hint: header:NAME, cookie:NAME or query:NAME\n"},
        {"from: [ \"header:\" ], keys: { file: rsa.pem }", "check.yaml:7:24: error: 'header:' is no place for a token\n"
                                                           "  hint: header:NAME, cookie:NAME or query:NAME\n"},
        {"leeway: 1h, keys: { file: rsa.pem }",
         "check.yaml:7:24: error: '1h' is not valid for 'leeway' (0s..10m)\n"
         "  hint: how far clocks may be apart when exp, nbf and iat are looked at\n"},
        {"max_length: 1MiB, keys: { file: rsa.pem }",
         "check.yaml:7:28: error: '1MiB' is not valid for 'max_length' (256B..64KiB)\n"
         "  hint: a longer token is refused before it is looked at\n"},
        {"require: admin, keys: { file: rsa.pem }",
         "check.yaml:7:25: error: 'require' must be a mapping of claims to a text, a list, {any: [...]} or {all: "
         "[...]}, at most 32\n"
         "  hint: for example: require: {scope: [calc], roles: {any: [admin]}}\n"},
        {"require: { roles: { some: [a] } }, keys: { file: rsa.pem }",
         "check.yaml:7:34: error: 'roles' must be a text, a list, {any: [...]} or {all: [...]}\n"
         "  hint: for example: roles: {any: [admin, operator]}\n"},
        {"require: { roles: [ \"\" ] }, keys: { file: rsa.pem }",
         "check.yaml:7:36: error: a value that is required must not be empty\n"},
        {"require: { scope: \"a b\" }, keys: { file: rsa.pem }",
         "check.yaml:7:34: error: 'a b' is no scope\n"
         "  hint: printable ASCII without spaces, '\"' and '\\'\n"},
        {"require: { \"\": a }, keys: { file: rsa.pem }",
         "check.yaml:7:27: error: the name of a claim must not be empty\n"},
        {"forward: { sub: \"X User\" }, keys: { file: rsa.pem }",
         "check.yaml:7:32: error: 'X User' is not a field name\n"
         "  hint: letters, digits and any of !#$%&'*+-.^_`|~\n"},
        {"forward: { sub: Connection }, keys: { file: rsa.pem }",
         "check.yaml:7:32: error: the field 'connection' belongs to the gateway\n"
         "  hint: for example: X-User\n"},
        {"forward: { sub: X-A, name: x-a }, keys: { file: rsa.pem }",
         "check.yaml:7:43: error: the field 'x-a' is already taken by 'sub'\n"},
        {"forward: { sub: X-A }, forward_payload: x-a, keys: { file: rsa.pem }",
         "check.yaml:7:14: error: the field 'x-a' is already taken by 'sub'\n"},
        {"forward_payload: Host, keys: { file: rsa.pem }",
         "check.yaml:7:14: error: the field 'host' belongs to the gateway\n"
         "  hint: for example: X-User\n"},
        {"realm: 'a\"b', keys: { file: rsa.pem }",
         "check.yaml:7:14: error: 'realm' takes printable ASCII without '\"' and '\\'\n"},
        {"deny_file: bad.deny, keys: { file: rsa.pem }",
         "bad.deny:3:2: error: a line must be 'jti VALUE' or 'sub VALUE'\n"
         "  hint: for example: jti 6ba7b810-9dad-11d1\n"},
        {"deny_file: none, keys: { file: rsa.pem }",
         "check.yaml:7:14: error: cannot read deny_file 'none': No such file or directory\n"},
        {"mode: watch, keys: { file: rsa.pem }",
         "check.yaml:7:22: error: 'watch' is not valid for 'mode' (enforce or observe)\n"
         "  hint: observe refuses nothing and writes to the access log what enforce would have done\n"},
        {"isuer: a, keys: { file: rsa.pem }", "check.yaml:7:16: error: unknown key 'isuer'\n"
                                              "  hint: did you mean 'issuer'?\n"},

    };
    token_key_t *weak = token_key_make("RSA-1024", NULL);
    write_file("rsa.pem", token_key_pem(rsa));
    write_file("private.pem", token_key_private_pem(rsa));
    write_file("weak.pem", token_key_pem(weak));
    write_file("rubbish", strdup("rubbish\n"));
    write_file("odd.hex", strdup("012\n"));
    write_file("empty.json", strdup("{\"keys\":[]}"));
    write_file("twice.json", strdup("{\"keys\":[],\n \"keys\":[]}"));
    write_file("useless.json", strdup("{\"keys\":[{\"kty\":\"x\"},{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQAB\"}]}"));
    write_file("bad.deny", strdup("jti a\n\n sub\n"));
    setenv("SLUICE_TEST_SHORT", "short", 1);
    for (const char *const *name = (const char *const[]){"odd.hex", "rubbish", NULL}; *name != NULL; ++name) {
        char *path = token_text("%s/%s", folder, *name);
        chmod(path, *name[0] == 'o' ? 0600 : 0644);
        free(path);
    }
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        int status;
        char *findings = findings_of(rows[i].options, &status);
        if (status != 1 || strcmp(findings, rows[i].findings) != 0)
            fail_msg("jwt: { %s }: status %d\n%s\ninstead of\n%s", rows[i].options, status, findings, rows[i].findings);
        free(findings);
    }
    token_key_free(weak);
}

/** What is wrong with a secret is said without saying it. */
static void secrets_are_not_shown(void **state)
{
    static const char *const rows[] = {
        "keys: { secret_env: SLUICE_TEST_SHORT }",
        "keys: { secret_file: secret }",
        "keys: { secret_file: secret, secret_encoding: hex }",
        "keys: { secret_file: secret, secret_encoding: base64 }",
        "keys: { jwks_file: secret }",
        "keys: { file: secret }",
    };
    write_file("secret", strdup("{\"keys\":[{\"kty\":\"oct\",\"k\":\"hush-hush\"},]}"));
    setenv("SLUICE_TEST_SHORT", "hush-hush", 1);
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        int status;
        char *findings = findings_of(rows[i], &status);
        if (strstr(findings, "hush") != NULL)
            fail_msg("jwt: { %s }: %s", rows[i], findings);
        free(findings);
    }
    setenv("SLUICE_TEST_SHORT", "short", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_algorithm_verifies_with_its_keys),
        cmocka_unit_test(keys_are_read_from_files_and_from_the_environment),
        cmocka_unit_test(each_issuer_has_its_own_keys_and_audiences),
        cmocka_unit_test(times_are_judged_as_the_conf_says),
        cmocka_unit_test(rules_ask_for_scopes_and_claims),
        cmocka_unit_test(claims_are_forwarded_as_fields),
        cmocka_unit_test(tokens_are_taken_from_where_the_conf_says_and_removed_if_asked),
        cmocka_unit_test(an_optional_token_may_be_absent_but_not_bad),
        cmocka_unit_test(observing_refuses_nothing_and_says_what_it_would_have_done),
        cmocka_unit_test(observing_makes_nobody_known_to_later_filters),
        cmocka_unit_test(observing_removes_nothing),
        cmocka_unit_test(refusals_are_worded_as_the_rfc_wants),
        cmocka_unit_test(a_deny_file_revokes_at_once),
        cmocka_unit_test(replaced_keys_count_at_once),
        cmocka_unit_test(a_remembered_token_expires_all_the_same),
        cmocka_unit_test(the_log_names_who_a_request_comes_from),
        cmocka_unit_test(requests_are_spread_by_who_they_come_from),
        cmocka_unit_test(mistakes_in_the_conf_are_found_where_they_are),
        cmocka_unit_test(secrets_are_not_shown),
    };
    return cmocka_run_group_tests_name("jwt", tests, set_up, tear_down);
}
