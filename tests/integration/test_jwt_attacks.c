/* SPDX-License-Identifier: MIT
 * Forged tokens, as RFC 8725 and years of CVEs know them, against the real gateway: each is refused with the right
 * status and its cause in the access log, none reaches the service, and the answer helps nobody who forges.  Each
 * forgery is right in all but one point, and the honest token beside it passes. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>
#include "tests/support/conf_files.h"
#include "tests/support/gateway.h"
#include "tests/support/origin.h"
#include "tests/support/tokens.h"

#define LENGTH_OF(array) (sizeof(array) / sizeof((array)[0]))

/* the gateway, its service, everybody's keys ----------------------------------------------------------------------- */

/** Whose key it is, and the kid it goes by. */
#define KEYS(XX)                                                                                                       \
    XX(OUR_RSA, "RSA", "rsa-1")                                                                                        \
    XX(OUR_PSS, "RSA", "ps-1")                                                                                         \
    XX(OUR_EC, "P-256", "ec-1")                                                                                        \
    XX(OUR_EC384, "P-384", "ec-384")                                                                                   \
    XX(OUR_EC521, "P-521", "ec-521")                                                                                   \
    XX(OUR_ED, "Ed25519", "ed-1")                                                                                      \
    XX(OUR_SECRET, "oct", "hs-1")                                                                                      \
    XX(OTHERS_RSA, "RSA", "other-1") /* of the other issuer that is trusted */                                         \
    XX(THIEF, "RSA", "rsa-1")        /* of nobody who is, under a good name */                                         \
    XX(THIEF_EC, "P-256", "ec-1")                                                                                      \
    XX(THIEF_K1, "secp256k1", "ec-1")                                                                                  \
    XX(THIEF_ED, "Ed25519", "ed-1")

typedef enum who {
#define KEYS_ENUM(id, kind, kid) id,
    KEYS(KEYS_ENUM)
#undef KEYS_ENUM
        NUM_KEYS
} who_t;

static const struct {
    const char *kind, *kid;
} key_rows[] = {
#define KEYS_ROW(id, kind, kid) {kind, kid},
    KEYS(KEYS_ROW)
#undef KEYS_ROW
};

static token_key_t *keys[NUM_KEYS];
static char *folder;
static origin_t *service, *lure; /* lure: where jku and x5u point to */
static gateway_t *gateway;
static client_t *clients[NUM_TRANSPORTS];
static size_t num_sent;

#define ISSUER  "https://issuer.test"
#define OTHERS  "https://other.test"
#define CLAIMS  "\"iss\":\"" ISSUER "\",\"aud\":\"api\",\"sub\":\"alice\""
#define EXP     ",\"exp\":9999999999"
#define PAYLOAD "{" CLAIMS EXP "}"
#define HEADER  "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"rsa-1\"}"

#define FORWARD           "forward: { sub: X-User, roles: X-Roles }, forward_payload: X-Claims"
#define FILTER(rest)      "    filters: [ { jwt: { issuer: \"" ISSUER "\", audience: api, " FORWARD ", " rest " } } ]\n"
#define ROUTE(path, rest) "  - path: " path "\n    service: service\n" FILTER(rest)

static const char conf[] = CONF_LISTEN
    "limits: { head: 64KiB }\n"
    "services: { service: { endpoints: [ \"http://127.0.0.1:%1$d\" ] } }\n"
    "routes:\n" ROUTE("/sets/", "keys: { jwks_file: \"%2$s/set.json\" }") ROUTE(
        "/named/", "keys: { file: \"%2$s/rsa.pem\", kid: rsa-1 }") ROUTE("/rsa/", "keys: { file: \"%2$s/rsa.pem\" }")
        ROUTE("/ec/", "keys: { file: \"%2$s/ec.pem\" }") ROUTE(
            "/mixed/",
            "algorithms: [RS256, HS256], keys: [ { file: \"%2$s/rsa.pem\" }, { secret_file: \"%2$s/secret\", "
            "secret_encoding: base64 } ]") ROUTE("/typ/", "typ: [at+jwt], keys: { file: \"%2$s/rsa.pem\" }")
            ROUTE("/places/", "from: [\"header:Authorization\", \"cookie:token\", \"query:access_token\", "
                              "\"query:ticket\", \"header:X-Token\"], "
                              "keys: { file: \"%2$s/rsa.pem\" }")
                ROUTE("/long/", "max_length: 64KiB, keys: { file: \"%2$s/rsa.pem\" }")
                    ROUTE("/optional/", "optional: true, keys: { file: \"%2$s/rsa.pem\" }") ROUTE(
                        "/observe/",
                        "mode: observe, keys: { file: \"%2$s/rsa.pem\" }") "  - path: /issuers/\n    service: service\n"
                                                                           "    filters:\n      - jwt:\n          "
                                                                           "issuers:\n"
                                                                           "            - { issuer: \"" ISSUER
                                                                           "\", audience: api, keys: { file: "
                                                                           "\"%2$s/rsa.pem\", kid: rsa-1 } }\n"
                                                                           "            - { issuer: \"" OTHERS
                                                                           "\", audience: api, keys: { file: "
                                                                           "\"%2$s/other.pem\", kid: other-1 } }\n";

static void write_file(const char *name, char *text)
{
    free(conf_file_write(folder, name, text, strlen(text)));
    free(text);
}

static int set_up(void **state)
{
    for (size_t i = 0; i != NUM_KEYS; ++i)
        keys[i] = token_key_make(key_rows[i].kind, key_rows[i].kid);
    folder = conf_folder_create();
    write_file("rsa.pem", token_key_pem(keys[OUR_RSA]));
    write_file("ec.pem", token_key_pem(keys[OUR_EC]));
    write_file("other.pem", token_key_pem(keys[OTHERS_RSA]));
    write_file("secret", token_base64url(keys[OUR_SECRET]->secret, keys[OUR_SECRET]->secret_len));
    const token_key_t *const set[] = {keys[OUR_EC], keys[OUR_EC384],  keys[OUR_EC521],
                                      keys[OUR_ED], keys[OUR_SECRET], NULL};
    char *rsa = token_jwk(keys[OUR_RSA], "\"alg\":\"RS256\",\"use\":\"sig\""), *jwks = token_jwks(set);
    char *pss = token_jwk(keys[OUR_PSS], "\"alg\":\"PS256\"");
    write_file("set.json", token_text("{\"keys\":[%s,%s,%s", rsa, pss, strchr(jwks, '[') + 1));
    free(rsa);
    free(pss);
    free(jwks);
    service = origin_start(origin_reflect, NULL);
    lure = origin_start(origin_reflect, NULL);
    gateway = gateway_start(conf, service->port, folder);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        clients[t] = client_create(gateway, t);
    return 0;
}

static int tear_down(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        client_free(clients[t]);
    gateway_stop(gateway);
    origin_stop(service);
    origin_stop(lure);
    for (size_t i = 0; i != NUM_KEYS; ++i)
        token_key_free(keys[i]);
    folder = conf_folder_remove(folder);
    return 0;
}

/* sending ---------------------------------------------------------------------------------------------------------- */

/** What must stand in the access log.  Lines come there a moment after the answer, so a test says what it expects
 * while it sends, and looks when it is done. */
typedef struct expectation {
    struct expectation *next;
    char *path, *text; /* path: in JSON, of one request only */
    char *secret;      /* must not stand there; or NULL */
    const char *about;
} expectation_t;

static expectation_t *expectations;

/** @param path of a route, to which a number is added so that its line in the log is found; query: with '?', or "" */
static reply_t send_fields(transport_t t, const char *path, const char *query, const char *const *fields)
{
    char *target = token_text("%s%zu%s", path, ++num_sent, query);
    reply_t reply = client_send(clients[t], &(request_t){.path = target, .headers = fields});
    free(target);
    return reply;
}

static reply_t send_token(transport_t t, const char *path, const char *token)
{
    char *field = token_text("Authorization: Bearer %s", token);
    const char *const fields[] = {field, NULL};
    reply_t reply = send_fields(t, path, "", fields);
    free(field);
    return reply;
}

/** Of the request that was sent last.  @param secret NULL: none */
static void expect_logged(const char *about, const char *path, const char *text, const char *secret)
{
    expectation_t *expectation = calloc(1, sizeof(*expectation));
    *expectation = (expectation_t){.next = expectations,
                                   .path = token_text("\"path\":\"%s%zu\"", path, num_sent),
                                   .text = strdup(text),
                                   .secret = secret != NULL ? strdup(secret) : NULL,
                                   .about = about};
    expectations = expectation;
}

/** @return the line of the request that was sent last, to be freed */
static char *logged(const char *path)
{
    char *in_log = token_text("\"path\":\"%s%zu\"", path, num_sent), *line;
    line = process_wait_for(gateway->process, in_log, 1);
    free(in_log);
    return line;
}

/** After each test. */
static int look_at_log(void **state)
{
    size_t num_wrong = 0;
    char *log = NULL;
    for (expectation_t *at = expectations, *next; at != NULL; at = next) {
        next = at->next;
        if (log == NULL || strstr(log, at->path) == NULL) {
            free(process_wait_for(gateway->process, at->path, 1));
            free(log);
            log = process_log(gateway->process);
        }
        char *line = strstr(log, at->path), *end = strchr(line, '\n');
        while (line != log && line[-1] != '\n')
            --line;
        *end = '\0';
        if (strstr(line, at->text) == NULL || (at->secret != NULL && strstr(line, at->secret) != NULL)) {
            print_error("%s: the log has no %s, or a secret: %s\n", at->about, at->text, line);
            ++num_wrong;
        }
        *end = '\n';
        free(at->path);
        free(at->text);
        free(at->secret);
        free(at);
    }
    expectations = NULL;
    free(log);
    return num_wrong == 0 ? 0 : -1;
}

/** What a refusal says must be of no use to whoever tries keys and algorithms. */
static void expect_discreet(const char *about, const reply_t *reply)
{
    static const char *const telling[] = {"alg", "kid", "key", "signature", "issuer", "RS256", "rsa-1", ISSUER};
    char *challenge = reply_field(reply, "www-authenticate"), *type = reply_field(reply, "content-type");
    if (challenge == NULL || type == NULL || strcmp(type, "application/problem+json") != 0)
        fail_msg("%s: answered with %s%s", about, reply->head, reply->body);
    for (size_t i = 0; i != LENGTH_OF(telling); ++i)
        if (strstr(challenge, telling[i]) != NULL || strstr(reply->body, telling[i]) != NULL)
            fail_msg("%s: the answer talks about '%s': %s %s", about, telling[i], challenge, reply->body);
    free(challenge);
    free(type);
}

/** The token must be refused over every protocol, with that status and cause.  Frees it. */
static void refuse_as(const char *about, const char *path, char *token, int status, const char *cause)
{
    char *in_log = token_text("\"verdict\":\"refused\",\"reason\":\"%s\"", cause);
    size_t before = atomic_load(&service->num_requests), len = strlen(token);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = send_token(t, path, token);
        if (reply.status != status)
            fail_msg("%s, over %s: %d instead of %d %s\ntoken: %.200s", about, transport_names[t], reply.status, status,
                     cause, token);
        expect_discreet(about, &reply);
        expect_logged(about, path, in_log, len > 60 ? token + len - 40 : NULL);
        reply_free(&reply);
    }
    assert_int_equal(atomic_load(&service->num_requests), before);
    free(in_log);
    free(token);
}

static void refuse(const char *about, const char *path, char *token, const char *cause)
{
    refuse_as(about, path, token, 401, cause);
}

/** The token must pass over every protocol.  Frees it. */
static void let_pass(const char *about, const char *path, char *token)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = send_token(t, path, token);
        if (reply.status != 200)
            fail_msg("%s, over %s: %d\ntoken: %.200s", about, transport_names[t], reply.status, token);
        expect_logged(about, path, "\"credential\":\"jwt\"", strrchr(token, '.'));
        reply_free(&reply);
    }
    free(token);
}

static char *honest(void)
{
    return token_make(keys[OUR_RSA], "RS256", HEADER, PAYLOAD);
}

static void the_honest_token_passes_everywhere(void **state)
{
    static const struct {
        who_t who;
        const char *alg, *path;
    } rows[] = {{OUR_RSA, "RS256", "/rsa/"},   {OUR_RSA, "RS256", "/named/"},    {OUR_RSA, "RS256", "/sets/"},
                {OUR_RSA, "RS256", "/mixed/"}, {OUR_RSA, "RS256", "/issuers/"},  {OUR_RSA, "RS256", "/places/"},
                {OUR_RSA, "RS256", "/long/"},  {OUR_RSA, "RS256", "/optional/"}, {OUR_PSS, "PS256", "/sets/"},
                {OUR_EC, "ES256", "/sets/"},   {OUR_EC384, "ES384", "/sets/"},   {OUR_EC521, "ES512", "/sets/"},
                {OUR_ED, "EdDSA", "/sets/"},   {OUR_SECRET, "HS256", "/sets/"},  {OUR_SECRET, "HS256", "/mixed/"},
                {OUR_EC, "ES256", "/ec/"}};
    for (size_t i = 0; i != LENGTH_OF(rows); ++i)
        let_pass(rows[i].alg, rows[i].path, token_mint(keys[rows[i].who], rows[i].alg, "%s", PAYLOAD));
    let_pass("of the other issuer", "/issuers/",
             token_mint(keys[OTHERS_RSA], "RS256", "{\"iss\":\"" OTHERS "\",\"aud\":\"api\",\"sub\":\"bob\"" EXP "}"));
    let_pass("of the type at+jwt", "/typ/",
             token_make(keys[OUR_RSA], "RS256", "{\"alg\":\"RS256\",\"typ\":\"at+jwt\"}", PAYLOAD));
}

/* algorithms (RFC 8725 2.1, 3.1) ----------------------------------------------------------------------------------- */

static void none_is_no_algorithm_however_it_is_spelt(void **state)
{
    static const char *const spellings[] = {"none", "None", "NONE", "nOnE", "nonE", "n\\u006fne"};
    static const char *const paths[] = {"/rsa/", "/named/", "/sets/", "/mixed/", "/optional/"};
    for (size_t i = 0; i != LENGTH_OF(spellings); ++i) {
        char *header = token_text("{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"rsa-1\"}", spellings[i]);
        char *content = token_content(header, PAYLOAD);
        for (size_t k = 0; k != LENGTH_OF(paths); ++k)
            refuse(spellings[i], paths[k], token_text("%s.", content), "alg_none");
        refuse("with the signature that RS256 would have", "/rsa/", token_sealed(keys[OUR_RSA], "RS256", content),
               "alg_none");
        refuse("without the last dot", "/rsa/", strdup(content), "not_a_jwt");
        free(content);
        free(header);
    }
}

/** Headers that are wrong, signed by the good key with RS256. */
static void wrong_headers_are_refused_though_the_signature_fits(void **state)
{
    static const struct {
        const char *about, *header, *cause;
    } rows[] = {
        {"no alg", "{\"typ\":\"JWT\"}", "header_malformed"},
        {"alg is a number", "{\"alg\":256}", "header_malformed"},
        {"alg is a list", "{\"alg\":[\"RS256\"]}", "header_malformed"},
        {"alg is null", "{\"alg\":null}", "header_malformed"},
        {"alg is empty", "{\"alg\":\"\"}", "alg_unknown"},
        {"alg in lower case", "{\"alg\":\"rs256\"}", "alg_unknown"},
        {"alg with a space", "{\"alg\":\"RS256 \"}", "alg_unknown"},
        {"alg with a NUL", "{\"alg\":\"RS256\\u0000\"}", "header_malformed"},
        {"RS1", "{\"alg\":\"RS1\"}", "alg_unknown"},
        {"an algorithm of JWE", "{\"alg\":\"RSA-OAEP\",\"enc\":\"A128GCM\"}", "alg_unknown"},
        {"dir", "{\"alg\":\"dir\"}", "alg_unknown"},
        {"another RSA algorithm than the key is for", "{\"alg\":\"RS512\"}", "alg_refused"},
        {"another RSA padding than the key is for", "{\"alg\":\"PS256\"}", "alg_refused"},
        {"of another kind of key", "{\"alg\":\"ES256\"}", "alg_refused"},
        {"of yet another", "{\"alg\":\"EdDSA\"}", "alg_refused"},
        {"alg there twice, the good one first", "{\"alg\":\"RS256\",\"alg\":\"none\"}", "header_malformed"},
        {"alg there twice, the good one last", "{\"alg\":\"none\",\"alg\":\"RS256\"}", "header_malformed"},
        {"alg there twice, once in disguise", "{\"alg\":\"RS256\",\"\\u0061lg\":\"none\"}", "header_malformed"},
        {"kid there twice", "{\"alg\":\"RS256\",\"kid\":\"rsa-1\",\"kid\":\"x\"}", "header_malformed"},
        {"a member within a member twice", "{\"alg\":\"RS256\",\"x\":{\"a\":1,\"a\":2}}", "header_malformed"},
        {"a list", "[\"alg\",\"RS256\"]", "header_malformed"},
        {"a text", "\"RS256\"", "header_malformed"},
        {"empty", "", "header_malformed"},
        {"cut off", "{\"alg\":\"RS256\"", "header_malformed"},
        {"something behind it", "{\"alg\":\"RS256\"}x", "header_malformed"},
        {"a second header behind it", "{\"alg\":\"RS256\"}{\"alg\":\"none\"}", "header_malformed"},
        {"a comma too many", "{\"alg\":\"RS256\",}", "header_malformed"},
        {"a comment", "{\"alg\":\"RS256\"/**/}", "header_malformed"},
        {"in single quotes", "{'alg':'RS256'}", "header_malformed"},
        {"a byte order mark", "\xef\xbb\xbf{\"alg\":\"RS256\"}", "header_malformed"},
        {"no UTF-8", "{\"alg\":\"RS256\",\"x\":\"\xff\xfe\"}", "header_malformed"},
        {"overlong UTF-8", "{\"alg\":\"RS256\",\"x\":\"\xc0\xaf\"}", "header_malformed"},
        {"half a surrogate pair", "{\"alg\":\"RS256\",\"x\":\"\\ud800\"}", "header_malformed"},
        {"a number out of range", "{\"alg\":\"RS256\",\"x\":1e999}", "header_malformed"},
        {"crit with b64", "{\"alg\":\"RS256\",\"crit\":[\"b64\"],\"b64\":true}", "crit_refused"},
        {"crit with what nobody knows", "{\"alg\":\"RS256\",\"crit\":[\"x\"],\"x\":1}", "crit_refused"},
        {"crit with what every JWS has", "{\"alg\":\"RS256\",\"crit\":[\"alg\"]}", "crit_refused"},
        {"crit without what it names", "{\"alg\":\"RS256\",\"crit\":[\"exp\"]}", "crit_refused"},
        {"crit is empty", "{\"alg\":\"RS256\",\"crit\":[]}", "crit_refused"},
        {"crit is a text", "{\"alg\":\"RS256\",\"crit\":\"b64\"}", "crit_refused"},
        {"crit is null", "{\"alg\":\"RS256\",\"crit\":null}", "crit_refused"},
        {"kid is a number", "{\"alg\":\"RS256\",\"kid\":1}", "header_malformed"},
        {"kid is null", "{\"alg\":\"RS256\",\"kid\":null}", "header_malformed"},
        {"kid is a list", "{\"alg\":\"RS256\",\"kid\":[\"rsa-1\"]}", "header_malformed"},
        {"kid is an object", "{\"alg\":\"RS256\",\"kid\":{\"$ne\":\"\"}}", "header_malformed"},
        {"kid with a NUL", "{\"alg\":\"RS256\",\"kid\":\"rsa-1\\u0000/../../dev/null\"}", "header_malformed"},
    };
    for (size_t i = 0; i != LENGTH_OF(rows); ++i)
        refuse(rows[i].about, "/rsa/", token_make(keys[OUR_RSA], "RS256", rows[i].header, PAYLOAD), rows[i].cause);
    char bytes[] = "{\"alg\":\"RS256\"}\0{}"; /* a NUL ends texts only in C */
    char *content = token_content_of(bytes, sizeof(bytes) - 1, PAYLOAD, sizeof(PAYLOAD) - 1);
    refuse("a NUL behind the header", "/rsa/", token_sealed(keys[OUR_RSA], "RS256", content), "header_malformed");
    free(content);
}

/** CVE-2015-9235 and its many descendants: what everybody may know is used as an HMAC secret. */
static void a_public_key_is_no_secret(void **state)
{
    static const struct {
        who_t who;
        const char *alg, *named; /* the route where keys have names */
    } rows[] = {{OUR_RSA, "HS256", "/sets/"},
                {OUR_RSA, "HS384", "/named/"},
                {OUR_RSA, "HS512", "/named/"},
                {OUR_EC, "HS256", "/sets/"},
                {OUR_ED, "HS256", "/sets/"}};
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        token_key_t *key = keys[rows[i].who];
        const token_key_t *const set[] = {key, NULL};
        size_t der_len;
        uint8_t *der = token_key_der(key, &der_len);
        char *texts[] = {token_key_pem(key), token_jwk(key, NULL), token_jwks(set)};
        char *header = token_header(key, rows[i].alg);
        for (size_t k = 0; k != LENGTH_OF(texts) + 2; ++k) {
            size_t len = k < LENGTH_OF(texts) ? strlen(texts[k]) : 0;
            token_key_t *secret = k == LENGTH_OF(texts) ? token_key_from_secret(der, der_len, NULL)
                                  : k == LENGTH_OF(texts) + 1
                                      ? token_key_from_secret(texts[0], strlen(texts[0]) - 1, NULL)
                                      : token_key_from_secret(texts[k], len, NULL);
            char *token = token_make(secret, rows[i].alg, header, PAYLOAD);
            refuse("the key's name and another algorithm", rows[i].named, strdup(token), "alg_refused");
            refuse("a key without a name", rows[i].who == OUR_EC ? "/ec/" : "/rsa/", token, "alg_refused");
            token_key_free(secret);
        }
        for (size_t k = 0; k != LENGTH_OF(texts); ++k)
            free(texts[k]);
        free(header);
        free(der);
    }
}

/** With a secret beside the public key, HS256 is allowed: only the secret counts. */
static void a_secret_beside_a_public_key_does_not_lend_it_its_algorithm(void **state)
{
    char *pem = token_key_pem(keys[OUR_RSA]);
    token_key_t *guess = token_key_from_secret(pem, strlen(pem), NULL), *empty = token_key_from_secret("", 0, NULL);
    refuse("HMAC with the PEM", "/mixed/", token_make(guess, "HS256", "{\"alg\":\"HS256\"}", PAYLOAD),
           "signature_wrong");
    refuse("HMAC with nothing", "/mixed/", token_make(empty, "HS256", "{\"alg\":\"HS256\"}", PAYLOAD),
           "signature_wrong");
    refuse("an algorithm that is not listed", "/mixed/",
           token_make(keys[OUR_SECRET], "HS512", "{\"alg\":\"HS512\"}", PAYLOAD), "alg_refused");
    token_key_free(guess);
    token_key_free(empty);
    free(pem);
}

/* keys that come with the token (RFC 8725 2.9, 3.10) --------------------------------------------------------------- */

static char *self_signed(const token_key_t *key)
{
    size_t len;
    uint8_t *der = token_key_der(key, &len); /* a key is as good as a certificate: nobody may look at it */
    char *text = token_base64url(der, len);
    free(der);
    return text;
}

/** CVE-2018-0114: a key in the header vouches for itself. */
static void a_token_cannot_bring_its_own_key(void **state)
{
    char *jwk = token_jwk(keys[THIEF], NULL), *x5c = self_signed(keys[THIEF]);
    static const char *const names[] = {"\"kid\":\"rsa-1\"", "\"x\":1"};
    for (size_t i = 0; i != LENGTH_OF(names); ++i) {
        char *members[] = {
            token_text("\"jwk\":%s", jwk),
            token_text("\"jku\":\"http://127.0.0.1:%d/jwks.json\"", lure->port),
            token_text("\"x5u\":\"http://127.0.0.1:%d/chain.pem\"", lure->port),
            token_text("\"x5c\":[\"%s\"]", x5c),
            token_text("\"x5t\":\"%.27s\",\"jku\":\"file:///dev/null\"", x5c),
            token_text("\"jku\":\"" ISSUER "@127.0.0.1:%d/\",\"jwk\":%s,\"x5u\":\"http://127.0.0.1:%d/\"", lure->port,
                       jwk, lure->port),
        };
        for (size_t k = 0; k != LENGTH_OF(members); ++k) {
            char *header = token_text("{\"alg\":\"RS256\",%s,%s}", names[i], members[k]);
            refuse(members[k], "/rsa/", token_make(keys[THIEF], "RS256", header, PAYLOAD), "signature_wrong");
            refuse(members[k], "/sets/", token_make(keys[THIEF], "RS256", header, PAYLOAD), "signature_wrong");
            free(header);
            free(members[k]);
        }
    }
    assert_int_equal(atomic_load(&lure->num_connections), 0);
    free(jwk);
    free(x5c);
}

static void a_kid_is_a_name_and_nothing_else(void **state)
{
    static const char *const kids[] = {
        "../../dev/null",
        "/dev/null",
        "/proc/sys/kernel/randomize_va_space",
        "file:///dev/null",
        "' OR '1'='1",
        "x' UNION SELECT 'AAAA",
        "$(touch /tmp/sluice-was-here)",
        "| id",
        "%2e%2e%2f",
        "rsa-1\\n",
        "rsa-1 ",
        "RSA-1",
        "rsa-*",
        "",
        "%s%s%s%n",
    };
    token_key_t *empty = token_key_from_secret("", 0, NULL);
    for (size_t i = 0; i != LENGTH_OF(kids); ++i) {
        char *header = token_text("{\"alg\":\"HS256\",\"kid\":\"%s\"}", kids[i]);
        refuse(kids[i], "/named/", token_make(empty, "HS256", header, PAYLOAD), "key_unknown");
        refuse(kids[i], "/sets/", token_make(empty, "HS256", header, PAYLOAD), "key_unknown");
        free(header);
        header = token_text("{\"alg\":\"RS256\",\"kid\":\"%s\"}", kids[i]);
        refuse(kids[i], "/named/", token_make(keys[OUR_RSA], "RS256", header, PAYLOAD), "key_unknown");
        free(header);
    }
    token_key_free(empty);
    assert_int_equal(access("/tmp/sluice-was-here", F_OK), -1);
}

static char *letters(size_t num)
{
    char *text = malloc(num + 1);
    memset(text, 'a', num);
    text[num] = '\0';
    return text;
}

static void a_long_kid_is_refused_before_anybody_looks_for_it(void **state)
{
    static const struct {
        size_t len;
        const char *path, *cause;
    } rows[] = {{1000, "/named/", "key_unknown"},
                {3100, "/named/", "header_malformed"},
                {40000, "/named/", "too_long"},
                {40000, "/long/", "header_malformed"}};
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        char *kid = letters(rows[i].len), *header = token_text("{\"alg\":\"RS256\",\"kid\":\"%s\"}", kid);
        refuse("a long kid", rows[i].path, token_make(keys[OUR_RSA], "RS256", header, PAYLOAD), rows[i].cause);
        free(header);
        free(kid);
    }
}

/* signatures ------------------------------------------------------------------------------------------------------- */

/** Takes an honest token of that key apart.  @return HEADER.PAYLOAD; *ret_len bytes of signature */
static char *take_apart(who_t who, const char *alg, uint8_t *ret_signature, size_t *ret_len)
{
    char *header = token_header(keys[who], alg), *content = token_content(header, PAYLOAD);
    *ret_len = token_sign(keys[who], alg, content, strlen(content), ret_signature);
    free(header);
    return content;
}

static void a_signature_that_is_missing_doubled_or_cut_is_none(void **state)
{
    static const struct {
        who_t who;
        const char *alg;
    } rows[] = {{OUR_RSA, "RS256"},   {OUR_PSS, "PS256"}, {OUR_EC, "ES256"},
                {OUR_EC521, "ES512"}, {OUR_ED, "EdDSA"},  {OUR_SECRET, "HS256"}};
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        uint8_t bytes[2 * TOKEN_MAX_SIGNATURE] = {0};
        size_t len;
        char *content = take_apart(rows[i].who, rows[i].alg, bytes, &len);
        char *token = token_sealed_with(content, bytes, len), *other = token_mint(keys[OUR_SECRET], "HS256", PAYLOAD);
        const char *signature = strrchr(token, '.') + 1;
        refuse("stripped", "/sets/", token_text("%s.", content), "signature_malformed");
        refuse("stripped with its dot", "/sets/", strdup(content), "not_a_jwt");
        refuse("there twice", "/sets/", token_text("%s.%s", token, signature), "not_a_jwt");
        refuse("a fourth, empty part", "/sets/", token_text("%s.", token), "not_a_jwt");
        refuse("a first, empty part", "/sets/", token_text(".%s", token), "not_a_jwt");
        refuse("two tokens in one", "/sets/", token_text("%s%s", token, other), "not_a_jwt");
        refuse("two tokens, as a list", "/sets/", token_text("%s,%s", token, other), "not_a_jwt");
        refuse("two tokens with a dot", "/sets/", token_text("%s.%s", token, other), "not_a_jwt");
        refuse("one byte short", "/sets/", token_sealed_with(content, bytes, len - 1), "signature_wrong");
        refuse("one byte more", "/sets/", token_sealed_with(content, bytes, len + 1), "signature_wrong");
        memcpy(bytes + len, bytes, len);
        refuse("twice in one part", "/sets/", token_sealed_with(content, bytes, 2 * len), "signature_wrong");
        bytes[len / 2] ^= 1;
        refuse("one bit changed", "/sets/", token_sealed_with(content, bytes, len), "signature_wrong");
        memset(bytes, 0, len);
        refuse("all zero", "/sets/", token_sealed_with(content, bytes, len), "signature_wrong");
        refuse("one zero byte", "/sets/", token_sealed_with(content, bytes, 1), "signature_wrong");
        free(other);
        free(token);
        free(content);
    }
    uint8_t longest[1025] = {1};
    char *content = token_content(HEADER, PAYLOAD);
    refuse("longer than any", "/sets/", token_sealed_with(content, longest, sizeof(longest)), "signature_malformed");
    free(content);
}

/** What was signed is what is believed: parts of two honest tokens do not make a third. */
static void parts_of_honest_tokens_cannot_be_exchanged(void **state)
{
    char *alice = honest(), *bob = token_make(keys[OUR_RSA], "RS256", HEADER, "{" CLAIMS EXP ",\"admin\":true}");
    char *dot = strchr(bob, '.'), *last = strrchr(alice, '.');
    refuse(
        "another payload", "/rsa/",
        token_text("%.*s%.*s%s", (int)(strchr(alice, '.') - alice), alice, (int)(strrchr(bob, '.') - dot), dot, last),
        "signature_wrong");
    char *header = token_base64url("{\"alg\":\"RS256\"}", 15);
    refuse("another header", "/rsa/", token_text("%s%s", header, strchr(alice, '.')), "signature_wrong");
    free(header);
    free(alice);
    free(bob);
}

static void put_number(uint8_t *to, const BIGNUM *number, int len)
{
    if (BN_bn2binpad(number, to, len) != len)
        abort();
}

/** CVE-2022-21449 and around: numbers that no signer makes. */
static void ecdsa_numbers_out_of_range_verify_nothing(void **state)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    const BIGNUM *order = EC_GROUP_get0_order(group);
    BIGNUM *field = BN_new(), *one = BN_new();
    uint8_t good[TOKEN_MAX_SIGNATURE], bytes[64], zero[32] = {0}, numbers[3][32];
    size_t len;
    char *content = take_apart(OUR_EC, "ES256", good, &len);
    EC_GROUP_get_curve(group, field, NULL, NULL, NULL);
    BN_one(one);
    put_number(numbers[0], order, 32);
    put_number(numbers[1], field, 32);
    put_number(numbers[2], one, 32);
    const struct {
        const char *about;
        const uint8_t *r, *s;
    } rows[] = {
        {"both zero", zero, zero},
        {"r zero", zero, good + 32},
        {"s zero", good, zero},
        {"both the order", numbers[0], numbers[0]},
        {"r the order", numbers[0], good + 32},
        {"s the order", good, numbers[0]},
        {"r the field's prime", numbers[1], good + 32},
        {"both one", numbers[2], numbers[2]},
        {"exchanged", good + 32, good},
    };
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        memcpy(bytes, rows[i].r, 32);
        memcpy(bytes + 32, rows[i].s, 32);
        refuse(rows[i].about, "/sets/", token_sealed_with(content, bytes, 64), "signature_wrong");
        refuse(rows[i].about, "/ec/", token_sealed_with(content, bytes, 64), "signature_wrong");
    }
    free(content);
    BN_free(field);
    BN_free(one);
    EC_GROUP_free(group);
}

/** RFC 7518 3.4: R and S side by side; OpenSSL's own form is another one, and has many spellings. */
static void ecdsa_signatures_in_der_are_refused(void **state)
{
    uint8_t good[TOKEN_MAX_SIGNATURE], der[128], *at = der;
    size_t len;
    char *content = take_apart(OUR_EC, "ES256", good, &len);
    ECDSA_SIG *signature = ECDSA_SIG_new();
    ECDSA_SIG_set0(signature, BN_bin2bn(good, 32, NULL), BN_bin2bn(good + 32, 32, NULL));
    int der_len = i2d_ECDSA_SIG(signature, &at);
    refuse("DER", "/sets/", token_sealed_with(content, der, (size_t)der_len), "signature_wrong");
    refuse("64 bytes of DER", "/sets/", token_sealed_with(content, der, 64), "signature_wrong");
    memmove(good + 33, good + 32, 32);
    good[32] = 0;
    refuse("a zero between R and S", "/sets/", token_sealed_with(content, good, 65), "signature_wrong");
    ECDSA_SIG_free(signature);
    free(content);
}

static void curves_are_not_mixed(void **state)
{
    static const struct {
        const char *about;
        who_t signer;
        const char *alg, *kid, *cause;
    } rows[] = {
        {"ES384 by the key for ES256", OUR_EC, "ES384", "ec-1", "alg_refused"},
        {"ES256 by the key for ES384", OUR_EC384, "ES256", "ec-384", "alg_refused"},
        {"ES256 by a key of P-384", OUR_EC384, "ES256", "ec-1", "signature_wrong"},
        {"ES384 under the name of a key of P-521", OUR_EC384, "ES384", "ec-521", "alg_refused"},
        {"ES256 by a key of secp256k1", THIEF_K1, "ES256", "ec-1", "signature_wrong"},
        {"ES256K", THIEF_K1, "ES256K", "ec-1", "alg_unknown"},
        {"EdDSA under the name of an EC key", OUR_ED, "EdDSA", "ec-1", "alg_refused"},
        {"RS256 under the name of an EC key", OUR_RSA, "RS256", "ec-1", "alg_refused"},
        {"ES256 by somebody else", THIEF_EC, "ES256", "ec-1", "signature_wrong"},
        {"EdDSA by somebody else", THIEF_ED, "EdDSA", "ed-1", "signature_wrong"},
        {"RS256 by somebody else", THIEF, "RS256", "rsa-1", "signature_wrong"},
        {"RS256 by the key that is for PS256", OUR_PSS, "RS256", "ps-1", "alg_refused"},
        {"PS256 by the key that is for RS256", OUR_RSA, "PS256", "rsa-1", "alg_refused"},
        {"RS256 by the key that is for PS256, under another name", OUR_PSS, "RS256", "rsa-1", "signature_wrong"},
    };
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        char *header = token_text("{\"alg\":\"%s\",\"kid\":\"%s\"}", rows[i].alg, rows[i].kid);
        refuse(rows[i].about, "/sets/", token_make(keys[rows[i].signer], rows[i].alg, header, PAYLOAD), rows[i].cause);
        free(header);
    }
}

/** @param salt_len -1: PKCS #1 v1.5 */
static size_t sign_rsa(who_t who, const char *content, const EVP_MD *hash, int salt_len, uint8_t *to)
{
    size_t len = TOKEN_MAX_SIGNATURE;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options;
    bool is_good = EVP_DigestSignInit(context, &options, hash, NULL, keys[who]->pair) == 1;
    if (salt_len >= 0)
        is_good = is_good && EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
                  EVP_PKEY_CTX_set_rsa_pss_saltlen(options, salt_len) == 1;
    is_good = is_good && EVP_DigestSign(context, to, &len, (const uint8_t *)content, strlen(content)) == 1;
    EVP_MD_CTX_free(context);
    assert_true(is_good);
    return len;
}

static void rsa_signatures_of_another_make_are_refused(void **state)
{
    const struct {
        const char *about;
        who_t who;
        const char *alg;
        const EVP_MD *hash;
        int salt_len;
    } rows[] = {
        {"PSS for PKCS #1", OUR_RSA, "RS256", EVP_sha256(), 32},
        {"SHA-512", OUR_RSA, "RS256", EVP_sha512(), -1},
        {"SHA-1", OUR_RSA, "RS256", EVP_sha1(), -1},
        {"PKCS #1 for PSS", OUR_PSS, "PS256", EVP_sha256(), -1},
        {"no salt", OUR_PSS, "PS256", EVP_sha256(), 0},
        {"a long salt", OUR_PSS, "PS256", EVP_sha256(), 64},
        {"SHA-384 in PSS", OUR_PSS, "PS256", EVP_sha384(), 32},
    };
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        uint8_t bytes[TOKEN_MAX_SIGNATURE];
        char *header = token_header(keys[rows[i].who], rows[i].alg), *content = token_content(header, PAYLOAD);
        size_t len = sign_rsa(rows[i].who, content, rows[i].hash, rows[i].salt_len, bytes);
        refuse(rows[i].about, "/sets/", token_sealed_with(content, bytes, len), "signature_wrong");
        free(content);
        free(header);
    }
}

/** RFC 8032 5.1.7: S above the group's order would be a second signature of the same content. */
static void eddsa_signatures_are_not_malleable(void **state)
{
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                      0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                      0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
    uint8_t bytes[TOKEN_MAX_SIGNATURE];
    size_t len;
    char *content = take_apart(OUR_ED, "EdDSA", bytes, &len);
    unsigned carry = 0;
    for (size_t i = 0; i != 32; ++i) {
        carry += bytes[32 + i] + order[i];
        bytes[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_equal(carry, 0);
    refuse("S + L", "/sets/", token_sealed_with(content, bytes, len), "signature_wrong");
    free(content);
}

/* forms ------------------------------------------------------------------------------------------------------------ */

/* five of them in a row make '_' and '-' wherever they begin */
#define ODD "\"odd\":\"?????~~~~~\""

/** White space behind it until its base64url ends in a character of which four bits are left over. */
static char *with_leftover(const char *text)
{
    return token_text("%s%.*s", text, (int)((4 - strlen(text) % 3) % 3), "  ");
}

static char *replaced(const char *text, char from, char to)
{
    char *copy = strdup(text), *at = strchr(copy, from);
    assert_non_null(at);
    *at = to;
    return copy;
}

/** The last character of a part, with a bit set that no byte is made of. */
static char *with_leftover_bits(const char *part)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *copy = strdup(part), *last = copy + strlen(copy) - 1;
    assert_int_not_equal(strlen(copy) % 4, 0);
    *last = alphabet[(strchr(alphabet, *last) - alphabet) | 1];
    return copy;
}

/** Signs what the parts say, so that nothing but their spelling is wrong.  Frees both. */
static char *spelt(char *header, char *payload)
{
    char *content = token_text("%s.%s", header, payload), *token = token_sealed(keys[OUR_RSA], "RS256", content);
    free(content);
    free(header);
    free(payload);
    return token;
}

static char *spelt_part(bool is_header, char *part)
{
    char *header = token_base64url(HEADER, sizeof(HEADER) - 1),
         *payload = token_base64url(PAYLOAD, sizeof(PAYLOAD) - 1);
    char **slot = is_header ? &header : &payload;
    free(*slot);
    *slot = part;
    return spelt(header, payload);
}

/** RFC 7515 2: without padding, white space or other characters; RFC 4648 3.5: one spelling for each text. */
static void base64url_has_one_spelling(void **state)
{
    for (int is_header = 0; is_header != 2; ++is_header) {
        const char *cause = is_header ? "header_malformed" : "payload_malformed";
        char *odd = with_leftover(is_header ? "{\"alg\":\"RS256\"," ODD "}" : "{" CLAIMS EXP "," ODD "}");
        char *part = token_base64url(odd, strlen(odd));
        let_pass("as it should be", "/rsa/", spelt_part(is_header, strdup(part)));
        refuse("with padding", "/rsa/", spelt_part(is_header, token_text("%s==", part)), cause);
        refuse("with half of the padding", "/rsa/", spelt_part(is_header, token_text("%s=", part)), cause);
        refuse("with leftover bits", "/rsa/", spelt_part(is_header, with_leftover_bits(part)), cause);
        refuse("with +", "/rsa/", spelt_part(is_header, replaced(part, '-', '+')), cause);
        refuse("with /", "/rsa/", spelt_part(is_header, replaced(part, '_', '/')), cause);
        refuse("one character more", "/rsa/", spelt_part(is_header, token_text("%sA", part)), cause);
        refuse("with a space", "/rsa/", spelt_part(is_header, token_text("%.8s %s", part, part + 8)), cause);
        refuse("with a tab", "/rsa/", spelt_part(is_header, token_text("%.8s\t%s", part, part + 8)), cause);
        refuse("with %0a", "/rsa/", spelt_part(is_header, token_text("%.8s%%0a%s", part, part + 8)), cause);
        refuse("with a byte that is no ASCII", "/rsa/",
               spelt_part(is_header, token_text("%.8s\xc3\xa9%s", part, part + 8)), cause);
        free(part);
        free(odd);
    }
    refuse("an empty payload", "/rsa/", spelt_part(false, strdup("")), "payload_malformed");
    refuse("an empty header", "/rsa/", spelt_part(true, strdup("")), "header_malformed");
}

static void the_signature_has_one_spelling_too(void **state)
{
    char *token = honest();
    size_t len = strlen(token);
    refuse("with padding", "/rsa/", token_text("%s==", token), "signature_malformed");
    refuse("with leftover bits", "/rsa/", with_leftover_bits(token), "signature_malformed");
    refuse("with a space", "/rsa/", token_text("%.*s %s", (int)len - 10, token, token + len - 10),
           "signature_malformed");
    refuse("with *", "/rsa/", token_text("%.*s*", (int)len - 1, token), "signature_malformed");
    refuse("one character more", "/rsa/", token_text("%sAAA", token), "signature_malformed");
    free(token);
}

static void other_serialisations_are_no_tokens_here(void **state)
{
    char *token = honest(), *dot = strchr(token, '.'), *last = strrchr(token, '.');
    char *header = strndup(token, (size_t)(dot - token)), *payload = strndup(dot + 1, (size_t)(last - dot - 1));
    refuse("flattened JSON", "/rsa/",
           token_text("{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"}", header, payload, last + 1),
           "not_a_jwt");
    refuse("general JSON", "/rsa/",
           token_text("{\"payload\":\"%s\",\"signatures\":[{\"protected\":\"%s\",\"signature\":\"%s\"}]}", payload,
                      header, last + 1),
           "not_a_jwt");
    refuse("a detached payload", "/rsa/", token_text("%s..%s", header, last + 1), "payload_malformed");
    refuse("a nested token", "/rsa/", token_make(keys[OUR_RSA], "RS256", "{\"alg\":\"RS256\",\"cty\":\"JWT\"}", token),
           "payload_malformed");
    refuse("five parts, as of a JWE", "/rsa/",
           token_text("%s.%s.%s.%s.%s", header, payload, payload, payload, last + 1), "not_a_jwt");
    refuse("no dots", "/rsa/", strdup("opaque-token"), "not_a_jwt");
    refuse("nothing but dots", "/rsa/", strdup(".."), "header_malformed");
    refuse("quoted", "/rsa/", token_text("\"%s\"", token), "header_malformed");
    free(header);
    free(payload);
    free(token);
}

/** A token of just that many characters, honest but for its length. */
static char *token_of_length(size_t wanted)
{
    size_t num = wanted > 1000 ? (wanted - 1000) / 4 * 3 : 0;
    for (;; ++num) {
        char *pad = letters(num);
        char *payload = token_text("{" CLAIMS EXP ",\"x\":\"%s\"}", pad);
        char *token = token_make(keys[OUR_RSA], "RS256", HEADER, payload);
        free(payload);
        free(pad);
        if (strlen(token) >= wanted)
            return token;
        num += (wanted - strlen(token)) / 2;
        free(token);
    }
}

static void tokens_have_a_longest_length(void **state)
{
    char *token = token_of_length(8190); /* of the 8 KiB that are allowed */
    assert_in_range(strlen(token), 8190, 8192);
    let_pass("as long as may be", "/rsa/", token);
    refuse("somewhat longer", "/rsa/", token_of_length(8193), "too_long");
    refuse("up to the limit of the head", "/rsa/", token_of_length(60000), "too_long");
    let_pass("where the conf allows it", "/long/", token_of_length(50000));
    token = token_of_length(70000);
    for (transport_t t = OVER_HTTP1; t <= OVER_TLS; ++t) {
        reply_t reply = send_token(t, "/rsa/", token);
        assert_int_equal(reply.status, 431);
        reply_free(&reply);
    }
    free(token);
}

static char *nested(size_t depth, const char *open, const char *close)
{
    char *text = NULL;
    size_t len;
    FILE *file = open_memstream(&text, &len);
    for (size_t i = 0; i != depth; ++i)
        fputs(open, file);
    fputs("1", file);
    for (size_t i = 0; i != depth; ++i)
        fputs(close, file);
    fclose(file);
    return text;
}

static void deep_nesting_ends_no_stack(void **state)
{
    static const char *const shapes[][2] = {{"[", "]"}, {"{\"a\":", "}"}};
    for (size_t i = 0; i != LENGTH_OF(shapes); ++i) {
        char *deep = nested(5000, shapes[i][0], shapes[i][1]), *open = nested(8000, shapes[i][0], "");
        char *payload = token_text("{" CLAIMS EXP ",\"roles\":%s}", deep);
        refuse("a deep claim", "/long/", token_make(keys[OUR_RSA], "RS256", HEADER, payload), "payload_malformed");
        free(payload);
        refuse("nothing but depth", "/long/", token_make(keys[OUR_RSA], "RS256", HEADER, open), "payload_malformed");
        free(deep);
        free(open);
        deep = nested(40, shapes[i][0], shapes[i][1]);
        payload = token_text("{" CLAIMS EXP ",\"roles\":%s}", deep);
        refuse("deeper than any token needs it", "/long/", token_make(keys[OUR_RSA], "RS256", HEADER, payload),
               "payload_malformed");
        free(payload);
        free(deep);
        deep = nested(30, shapes[i][0], shapes[i][1]);
        payload = token_text("{" CLAIMS EXP ",\"roles\":%s}", deep);
        let_pass("as deep as nobody needs it", "/long/", token_make(keys[OUR_RSA], "RS256", HEADER, payload));
        free(payload);
        free(deep);
    }
    char *open = nested(2900, "[", "");
    refuse("a deep header", "/long/", token_make(keys[OUR_RSA], "RS256", open, PAYLOAD), "header_malformed");
    free(open);
}

/* claims ----------------------------------------------------------------------------------------------------------- */

#define WITHOUT_EXP   "{" CLAIMS ","
#define FOR(audience) "{\"iss\":\"" ISSUER "\",\"sub\":\"alice\"" EXP ",\"aud\":" audience "}"
#define BY(issuer)    "{\"aud\":\"api\",\"sub\":\"alice\"" EXP issuer "}"

/** Payloads that are wrong, under a good signature. */
static void wrong_claims_are_refused(void **state)
{
    static const struct {
        const char *about, *payload, *cause;
    } rows[] = {
        {"exp long ago", WITHOUT_EXP "\"exp\":1}", "expired"},
        {"exp before 1970", WITHOUT_EXP "\"exp\":-1}", "expired"},
        {"exp as a fraction, long ago", WITHOUT_EXP "\"exp\":1000000000.75}", "expired"},
        {"exp with an exponent, long ago", WITHOUT_EXP "\"exp\":1.5e9}", "expired"},
        {"exp zero", WITHOUT_EXP "\"exp\":0}", "expired"},
        {"exp minus zero", WITHOUT_EXP "\"exp\":-0.0}", "expired"},
        {"no exp", "{" CLAIMS "}", "exp_missing"},
        {"exp in another case", WITHOUT_EXP "\"Exp\":9999999999}", "exp_missing"},
        {"exp beyond all numbers", WITHOUT_EXP "\"exp\":1e400}", "payload_malformed"},
        {"exp beyond 64 bits", WITHOUT_EXP "\"exp\":99999999999999999999}", "payload_malformed"},
        {"exp in another age", WITHOUT_EXP "\"exp\":9223372036854775807}", "time_malformed"},
        {"exp in milliseconds of another age", WITHOUT_EXP "\"exp\":1e300}", "time_malformed"},
        {"exp before all ages", WITHOUT_EXP "\"exp\":-9223372036854775808}", "time_malformed"},
        {"exp as a text", WITHOUT_EXP "\"exp\":\"9999999999\"}", "time_malformed"},
        {"exp true", WITHOUT_EXP "\"exp\":true}", "time_malformed"},
        {"exp null", WITHOUT_EXP "\"exp\":null}", "time_malformed"},
        {"exp as a list", WITHOUT_EXP "\"exp\":[9999999999]}", "time_malformed"},
        {"exp as an object", WITHOUT_EXP "\"exp\":{}}", "time_malformed"},
        {"exp NaN", WITHOUT_EXP "\"exp\":NaN}", "payload_malformed"},
        {"exp Infinity", WITHOUT_EXP "\"exp\":Infinity}", "payload_malformed"},
        {"exp hexadecimal", WITHOUT_EXP "\"exp\":0x7fffffff}", "payload_malformed"},
        {"exp with a leading zero", WITHOUT_EXP "\"exp\":09999999999}", "payload_malformed"},
        {"exp twice", WITHOUT_EXP "\"exp\":1,\"exp\":9999999999}", "payload_malformed"},
        {"exp twice, once in disguise", WITHOUT_EXP "\"exp\":9999999999,\"e\\u0078p\":1}", "payload_malformed"},
        {"nbf in the future", WITHOUT_EXP "\"exp\":9999999999,\"nbf\":9999999998}", "not_yet_valid"},
        {"nbf in the future, as a fraction", WITHOUT_EXP "\"exp\":9999999999,\"nbf\":9999999998.5}", "not_yet_valid"},
        {"nbf as a text", WITHOUT_EXP "\"exp\":9999999999,\"nbf\":\"0\"}", "time_malformed"},
        {"iat in the future", WITHOUT_EXP "\"exp\":9999999999,\"iat\":9999999998}", "issued_in_future"},
        {"iat as a list", WITHOUT_EXP "\"exp\":9999999999,\"iat\":[]}", "time_malformed"},
        {"for another service", FOR("\"billing\""), "audience_wrong"},
        {"for other services", FOR("[\"billing\",\"mail\"]"), "audience_wrong"},
        {"for nobody", FOR("[]"), "audience_wrong"},
        {"for the empty name", FOR("\"\""), "audience_wrong"},
        {"for null", FOR("null"), "audience_wrong"},
        {"for a number", FOR("1"), "audience_wrong"},
        {"for true", FOR("true"), "audience_wrong"},
        {"for an object of our name", FOR("{\"api\":1}"), "audience_wrong"},
        {"for us and a number", FOR("[\"api\",1]"), "audience_wrong"},
        {"for a number and us", FOR("[null,\"api\"]"), "audience_wrong"},
        {"for us within a list", FOR("[[\"api\"]]"), "audience_wrong"},
        {"for us in capitals", FOR("\"API\""), "audience_wrong"},
        {"for us and more letters", FOR("\"api2\""), "audience_wrong"},
        {"for us and a space", FOR("\"api \""), "audience_wrong"},
        {"for everybody", FOR("\"*\""), "audience_wrong"},
        {"for a list in a text", FOR("\"billing api\""), "audience_wrong"},
        {"no audience", "{\"iss\":\"" ISSUER "\",\"sub\":\"alice\"" EXP "}", "audience_missing"},
        {"no issuer", BY(""), "issuer_missing"},
        {"issuer null", BY(",\"iss\":null"), "issuer_unknown"},
        {"issuer as a list", BY(",\"iss\":[\"" ISSUER "\"]"), "issuer_unknown"},
        {"issuer with a slash more", BY(",\"iss\":\"" ISSUER "/\""), "issuer_unknown"},
        {"issuer with a prefix", BY(",\"iss\":\"https://issuer.test.evil.test\""), "issuer_unknown"},
        {"issuer in capitals", BY(",\"iss\":\"HTTPS://ISSUER.TEST\""), "issuer_unknown"},
        {"issuer with a NUL", BY(",\"iss\":\"" ISSUER "\\u0000.evil.test\""), "payload_malformed"},
        {"issuer empty", BY(",\"iss\":\"\""), "issuer_unknown"},
        {"sub twice", "{" CLAIMS EXP ",\"sub\":\"admin\"}", "payload_malformed"},
        {"a claim within a claim twice", "{" CLAIMS EXP ",\"a\":{\"b\":1,\"b\":2}}", "payload_malformed"},
        {"a list", "[" PAYLOAD "]", "payload_malformed"},
        {"a text", "\"alice\"", "payload_malformed"},
        {"null", "null", "payload_malformed"},
        {"something behind it", PAYLOAD "x", "payload_malformed"},
        {"a second one behind it", PAYLOAD PAYLOAD, "payload_malformed"},
        {"a byte order mark", "\xef\xbb\xbf" PAYLOAD, "payload_malformed"},
        {"no UTF-8", "{" CLAIMS EXP ",\"x\":\"\xff\"}", "payload_malformed"},
        {"overlong UTF-8", "{" CLAIMS EXP ",\"x\":\"\xe0\x80\xaf\"}", "payload_malformed"},
        {"UTF-8 of half a surrogate pair", "{" CLAIMS EXP ",\"x\":\"\xed\xa0\x80\"}", "payload_malformed"},
        {"a control character", "{" CLAIMS EXP ",\"x\":\"\n\"}", "payload_malformed"},
        {"a NUL in the sub", "{\"iss\":\"" ISSUER "\",\"aud\":\"api\",\"sub\":\"alice\\u0000\"" EXP "}",
         "payload_malformed"},
        {"a NUL in a name", "{" CLAIMS EXP ",\"exp\\u0000\":1}", "payload_malformed"},
    };
    for (size_t i = 0; i != LENGTH_OF(rows); ++i)
        refuse(rows[i].about, "/rsa/", token_make(keys[OUR_RSA], "RS256", HEADER, rows[i].payload), rows[i].cause);
}

static void honest_claims_of_unusual_form_pass(void **state)
{
    static const char *const payloads[] = {
        WITHOUT_EXP "\"exp\":9999999999.25}",
        WITHOUT_EXP "\"exp\":9.999999999e9}",
        WITHOUT_EXP "\"exp\":9999999999,\"nbf\":-5.5,\"iat\":0}",
        FOR("[\"billing\",\"api\"]"),
        FOR("[\"api\",\"api\"]"),
        " \t\r\n" PAYLOAD " \n",
        "{\"i\\u0073s\":\"" ISSUER "\",\"aud\":\"a\\u0070i\",\"sub\":\"alice\"" EXP "}",
    };
    for (size_t i = 0; i != LENGTH_OF(payloads); ++i)
        let_pass(payloads[i], "/rsa/", token_make(keys[OUR_RSA], "RS256", HEADER, payloads[i]));
    long now = token_now();
    let_pass("within the leeway", "/rsa/",
             token_mint(keys[OUR_RSA], "RS256", WITHOUT_EXP "\"exp\":%ld.5,\"nbf\":%ld,\"iat\":%ld}", now + 60,
                        now + 15, now + 15));
}

/** By how much a clock is off is what an operator needs to know. */
static void the_log_says_by_how_much_a_time_is_off(void **state)
{
    static const struct {
        const char *format;
        long off;
        const char *detail;
    } rows[] = {
        {WITHOUT_EXP "\"exp\":%ld}", -7500, "exp was 2 h 5 min ago"},
        {WITHOUT_EXP "\"exp\":9999999999,\"nbf\":%ld}", 7500, "nbf is 2 h "},
        {WITHOUT_EXP "\"exp\":9999999999,\"iat\":%ld}", 260000, "iat is 3 d 0 h ahead"},
    };
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        char *payload = token_text(rows[i].format, token_now() + rows[i].off);
        char *token = token_make(keys[OUR_RSA], "RS256", HEADER, payload);
        reply_t reply = send_token(OVER_HTTP1, "/rsa/", token);
        char *line = logged("/rsa/");
        if (reply.status != 401 || strstr(line, rows[i].detail) == NULL)
            fail_msg("no '%s' in: %s", rows[i].detail, line);
        assert_null(strstr(reply.body, " h ")); /* not the client's business */
        reply_free(&reply);
        free(line);
        free(token);
        free(payload);
    }
}

/** RFC 8725 2.7, 3.8, 3.9, 3.12: substitution between issuers, audiences and kinds of tokens. */
static void tokens_of_one_issuer_do_not_pass_for_anothers(void **state)
{
    static const struct {
        const char *about;
        who_t who;
        const char *kid, *issuer, *cause;
    } rows[] = {
        {"our issuer, the other's key and its name", OTHERS_RSA, "other-1", ISSUER, "key_unknown"},
        {"our issuer, the other's key under our name", OTHERS_RSA, "rsa-1", ISSUER, "signature_wrong"},
        {"the other issuer, our key and its name", OUR_RSA, "rsa-1", OTHERS, "key_unknown"},
        {"the other issuer, our key under its name", OUR_RSA, "other-1", OTHERS, "signature_wrong"},
        {"an issuer that nobody knows", OUR_RSA, "rsa-1", "https://evil.test", "issuer_unknown"},
    };
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        char *header = token_text("{\"alg\":\"RS256\",\"kid\":\"%s\"}", rows[i].kid);
        char *payload = token_text("{\"iss\":\"%s\",\"aud\":\"api\",\"sub\":\"alice\"" EXP "}", rows[i].issuer);
        refuse(rows[i].about, "/issuers/", token_make(keys[rows[i].who], "RS256", header, payload), rows[i].cause);
        free(header);
        free(payload);
    }
    refuse("without kid, by the other's key", "/issuers/",
           token_make(keys[OTHERS_RSA], "RS256", "{\"alg\":\"RS256\"}", PAYLOAD), "signature_wrong");
    refuse("no issuer at all", "/issuers/", token_make(keys[OUR_RSA], "RS256", HEADER, BY("")), "issuer_missing");
}

static void a_token_of_another_type_is_refused_where_the_type_matters(void **state)
{
    static const char *const wrong[] = {
        "",
        ",\"typ\":\"JWT\"",
        ",\"typ\":\"\"",
        ",\"typ\":null",
        ",\"typ\":1",
        ",\"typ\":[\"at+jwt\"]",
        ",\"typ\":\"id_token+jwt\"",
        ",\"typ\":\"at+jwt2\"",
        ",\"typ\":\"application/\"",
        ",\"typ\":\"text/at+jwt\"",
        ",\"typ\":\"dpop+jwt\"",
        ",\"typ\":\"at+jwt \"",
    };
    static const char *const right[] = {"at+jwt", "AT+JWT", "application/at+jwt", "Application/AT+jwt"};
    for (size_t i = 0; i != LENGTH_OF(wrong); ++i) {
        char *header = token_text("{\"alg\":\"RS256\"%s}", wrong[i]);
        refuse(header, "/typ/", token_make(keys[OUR_RSA], "RS256", header, PAYLOAD), "typ_refused");
        free(header);
    }
    for (size_t i = 0; i != LENGTH_OF(right); ++i) {
        char *header = token_text("{\"alg\":\"RS256\",\"typ\":\"%s\"}", right[i]);
        let_pass(header, "/typ/", token_make(keys[OUR_RSA], "RS256", header, PAYLOAD));
        free(header);
    }
}

/* where tokens stand ----------------------------------------------------------------------------------------------- */

static void expect_fields(const char *about, const char *path, const char *query, const char *const *fields, int status,
                          const char *cause)
{
    char *in_log = cause != NULL ? token_text("\"verdict\":\"refused\",\"reason\":\"%s\"", cause)
                                 : strdup("\"credential\":\"jwt\"");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = send_fields(t, path, query, fields);
        if (reply.status != status)
            fail_msg("%s, over %s: %d instead of %d", about, transport_names[t], reply.status, status);
        if (status != 200)
            expect_discreet(about, &reply);
        expect_logged(about, path, in_log, NULL);
        reply_free(&reply);
    }
    free(in_log);
}

static void a_request_with_two_tokens_is_refused(void **state)
{
    char *token = honest(), *field = token_text("Authorization: Bearer %s", token);
    char *other = token_text("authorization: bearer %s", token), *cookie = token_text("Cookie: a=b; token=%s", token);
    char *cookies = token_text("Cookie: token=%s; token=%s", token, token), *own = token_text("X-Token: %s", token);
    char *query = token_text("?access_token=%s", token);
    char *queries = token_text("?access_token=%s&x=1&access_token=%s", token, token);
    const struct {
        const char *about, *path, *query, *fields[4];
        int status;
        const char *cause;
    } rows[] = {
        {"one in the header", "/places/", "", {field}, 200, NULL},
        {"one in a cookie", "/places/", "", {cookie}, 200, NULL},
        {"one in the query", "/places/", query, {NULL}, 200, NULL},
        {"one in a field of its own", "/places/", "", {own}, 200, NULL},
        {"header and cookie", "/places/", "", {field, cookie}, 400, "repeated"},
        {"header and query", "/places/", query, {field}, 400, "repeated"},
        {"header and another header", "/places/", "", {field, own}, 400, "repeated"},
        {"cookie and query", "/places/", query, {cookie}, 400, "repeated"},
        {"two cookies", "/places/", "", {cookies}, 400, "repeated"},
        {"two in the query", "/places/", queries, {NULL}, 400, "repeated"},
        {"two Authorization fields", "/rsa/", "", {field, other}, 400, "repeated"},
        {"Bearer and Basic", "/rsa/", "", {field, "Authorization: Basic YTpi"}, 400, "repeated"},
        {"Basic and Bearer", "/rsa/", "", {"Authorization: Basic YTpi", field}, 400, "repeated"},
        {"two of them where none is needed", "/optional/", "", {field, other}, 400, "repeated"},
        {"in a cookie that is not asked for", "/rsa/", "", {cookie}, 401, "missing"},
        {"in a query that is not asked for", "/rsa/", query, {NULL}, 401, "missing"},
    };
    for (size_t i = 0; i != LENGTH_OF(rows); ++i)
        expect_fields(rows[i].about, rows[i].path, rows[i].query, rows[i].fields, rows[i].status, rows[i].cause);
    free(token);
    free(field);
    free(other);
    free(cookie);
    free(cookies);
    free(own);
    free(query);
    free(queries);
}

static void the_scheme_is_read_as_the_rfcs_say(void **state)
{
    static const struct {
        const char *about, *format; /* %s: the token */
        int status;
        const char *cause;
    } rows[] = {
        {"in lower case", "Authorization: bearer %s", 200, NULL},
        {"in capitals", "Authorization: BEARER %s", 200, NULL},
        {"with more spaces", "Authorization: Bearer    %s  ", 200, NULL},
        {"with a tab", "Authorization: Bearer\t%s", 200, NULL},
        {"alone", "Authorization: Bearer", 400, "empty"},
        {"alone with spaces", "Authorization: Bearer   ", 400, "empty"},
        {"another scheme", "Authorization: Basic %s", 401, "missing"},
        {"DPoP", "Authorization: DPoP %s", 401, "missing"},
        {"a longer scheme", "Authorization: Bearers %s", 401, "missing"},
        {"no scheme", "Authorization: %s", 401, "missing"},
        {"a colon", "Authorization: Bearer: %s", 401, "missing"},
        {"a sign of equality", "Authorization: Bearer=%s", 401, "missing"},
        {"quotes", "Authorization: Bearer \"%s\"", 401, "header_malformed"},
        {"a parameter", "Authorization: Bearer token=%s", 401, "header_malformed"},
        {"an empty field", "Authorization;", 401, "missing"},
    };
    char *token = honest();
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        char *field = strstr(rows[i].format, "%s") != NULL ? token_text(rows[i].format, token) : strdup(rows[i].format);
        const char *const fields[] = {field, NULL};
        expect_fields(rows[i].about, "/rsa/", "", fields, rows[i].status, rows[i].cause);
        free(field);
    }
    free(token);
}

/** RFC 6750 5.3: URLs are written down in too many places. */
static void a_token_in_the_query_stays_out_of_the_log(void **state)
{
    static const char *const names[] = {"access_token", "ticket", "Ticket"}; /* the last one is none, but a mistake */
    char *token = honest();
    for (size_t i = 0; i != LENGTH_OF(names); ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            char *query = token_text("?a=1&%s=%s&b=2", names[i], token), *shown;
            reply_t reply = send_fields(t, "/places/", query, NULL);
            shown = token_text("\"query\":\"a=1&%s=***&b=2\"", names[i]);
            assert_int_equal(reply.status, i != 2 ? 200 : 401);
            expect_logged("in the query", "/places/", shown, strrchr(token, '.'));
            reply_free(&reply);
            free(shown);
            free(query);
        }
    free(token);
}

/* what the service is told ----------------------------------------------------------------------------------------- */

/** @return how often a field of that name stands in a request, whatever the letter case, '_' read as '-' */
static size_t count_fields(const char *request, const char *name)
{
    size_t num = 0, len = strlen(name);
    for (const char *line = strchr(request, '\n'); line != NULL; line = strchr(line + 1, '\n')) {
        size_t i = 0;
        while (i != len && tolower((unsigned char)(line[1 + i] == '_' ? '-' : line[1 + i])) == name[i])
            ++i;
        num += i == len && line[1 + i] == ':';
    }
    return num;
}

static void expect_told(const char *about, const reply_t *reply, const char *user)
{
    char *line = user != NULL ? token_text("x-user: %s\r\n", user) : NULL;
    if (reply->status != 200 || strstr(reply->body, "mallory") != NULL ||
        count_fields(reply->body, "x-user") != (user != NULL) || count_fields(reply->body, "x-roles") != 0 ||
        count_fields(reply->body, "x-claims") != (user != NULL) ||
        (user != NULL && strcasestr(reply->body, line) == NULL))
        fail_msg("%s: %d, the service was told: %s", about, reply->status, reply->body);
    free(line);
}

static void what_a_client_says_of_itself_is_not_forwarded(void **state)
{
    static const char *const spoofs[] = {
        "X-User: mallory",  "x-user: mallory",   "X-USER: mallory",
        "X_User: mallory",  "x_user: mallory",   "X-Roles: mallory",
        "X_ROLES: mallory", "X-Claims: mallory", "X-Claims: bWFsbG9yeQ==mallory",
    };
    char *token = honest(), *field = token_text("Authorization: Bearer %s", token);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        for (size_t i = 0; i != LENGTH_OF(spoofs); ++i) {
            const char *const with[] = {spoofs[i], field, "X-User: mallory", NULL};
            const char *const without[] = {spoofs[i], "X-Roles: mallory", NULL};
            const char *const bad[] = {spoofs[i], "Authorization: Bearer a.b.c", NULL};
            reply_t reply = send_fields(t, "/rsa/", "", with);
            expect_told(spoofs[i], &reply, "alice");
            reply_free(&reply);
            reply = send_fields(t, "/optional/", "", without);
            expect_told("nobody is signed in", &reply, NULL);
            reply_free(&reply);
            reply = send_fields(t, "/observe/", "", bad);
            expect_told("the token is bad, and that is only observed", &reply, NULL);
            reply_free(&reply);
        }
    free(field);
    free(token);
}

/** A client may name fields that its next hop shall drop: those of the gateway are not among them. */
static void a_client_cannot_have_the_forwarded_fields_dropped(void **state)
{
    char *token = honest();
    static const char *const lists[] = {"x-user, x-claims", "close, X-User, X-Claims", "x-user"};
    for (size_t i = 0; i != LENGTH_OF(lists); ++i) {
        char *request = token_text("GET /rsa/x HTTP/1.1\r\nHost: a\r\nConnection: %s\r\nX-User: mallory\r\n"
                                   "Authorization: Bearer %s\r\n\r\n",
                                   lists[i], token);
        int fd = raw_connect(gateway->ports[0]);
        raw_write(fd, request, strlen(request));
        char *answer = raw_read(fd, "X-Request-Id", NULL);
        char *body = strstr(answer, "\r\n\r\n");
        assert_non_null(body);
        reply_t reply = {.status = atoi(answer + 9), .body = body};
        expect_told(lists[i], &reply, "alice");
        free(answer);
        close(fd);
        free(request);
    }
    char *request = token_text("GET /rsa/x HTTP/1.1\r\nHost: a\r\nConnection: authorization\r\n"
                               "Authorization: Bearer %s\r\n\r\n",
                               token);
    int fd = raw_connect(gateway->ports[0]);
    raw_write(fd, request, strlen(request));
    char *answer = raw_read(fd, "token_missing", NULL);
    assert_true(strncmp(answer, "HTTP/1.1 401 ", 13) == 0);
    free(answer);
    close(fd);
    free(request);
    free(token);
}

static void claims_that_are_no_field_values_are_not_forwarded(void **state)
{
    static const struct {
        const char *about, *sub, *cause;
    } rows[] = {
        {"a line break and a field", "a\\r\\nX-Roles: admin", "unfit_to_forward"},
        {"a line feed", "a\\nb", "unfit_to_forward"},
        {"a carriage return", "a\\rb", "unfit_to_forward"},
        {"the end of the head", "a\\r\\n\\r\\nGET /admin HTTP/1.1\\r\\n", "unfit_to_forward"},
        {"a control character", "a\\u0001b", "unfit_to_forward"},
        {"DEL", "a\\u007fb", "unfit_to_forward"},
        {"escape", "\\u001b[31m", "unfit_to_forward"},
    };
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        refuse(rows[i].about, "/rsa/",
               token_mint(keys[OUR_RSA], "RS256", "{\"iss\":\"" ISSUER "\",\"aud\":\"api\",\"sub\":\"%s\"" EXP "}",
                          rows[i].sub),
               rows[i].cause);
        refuse("the same in a list", "/rsa/",
               token_mint(keys[OUR_RSA], "RS256", "{" CLAIMS EXP ",\"roles\":[\"a\",\"%s\"]}", rows[i].sub),
               rows[i].cause);
    }
}

#define TEST(function) cmocka_unit_test_teardown(function, look_at_log)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_honest_token_passes_everywhere),
        TEST(none_is_no_algorithm_however_it_is_spelt),
        TEST(wrong_headers_are_refused_though_the_signature_fits),
        TEST(a_public_key_is_no_secret),
        TEST(a_secret_beside_a_public_key_does_not_lend_it_its_algorithm),
        TEST(a_token_cannot_bring_its_own_key),
        TEST(a_kid_is_a_name_and_nothing_else),
        TEST(a_long_kid_is_refused_before_anybody_looks_for_it),
        TEST(a_signature_that_is_missing_doubled_or_cut_is_none),
        TEST(parts_of_honest_tokens_cannot_be_exchanged),
        TEST(ecdsa_numbers_out_of_range_verify_nothing),
        TEST(ecdsa_signatures_in_der_are_refused),
        TEST(curves_are_not_mixed),
        TEST(rsa_signatures_of_another_make_are_refused),
        TEST(eddsa_signatures_are_not_malleable),
        TEST(base64url_has_one_spelling),
        TEST(the_signature_has_one_spelling_too),
        TEST(other_serialisations_are_no_tokens_here),
        TEST(tokens_have_a_longest_length),
        TEST(deep_nesting_ends_no_stack),
        TEST(wrong_claims_are_refused),
        TEST(honest_claims_of_unusual_form_pass),
        TEST(the_log_says_by_how_much_a_time_is_off),
        TEST(tokens_of_one_issuer_do_not_pass_for_anothers),
        TEST(a_token_of_another_type_is_refused_where_the_type_matters),
        TEST(a_request_with_two_tokens_is_refused),
        TEST(the_scheme_is_read_as_the_rfcs_say),
        TEST(a_token_in_the_query_stays_out_of_the_log),
        TEST(what_a_client_says_of_itself_is_not_forwarded),
        TEST(a_client_cannot_have_the_forwarded_fields_dropped),
        TEST(claims_that_are_no_field_values_are_not_forwarded),
        TEST(the_honest_token_passes_everywhere),
    };
    return cmocka_run_group_tests_name("attacks on tokens", tests, set_up, tear_down);
}
