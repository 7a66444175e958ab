/* SPDX-License-Identifier: MIT
 * The judgement of whole tokens: from its bytes to a cause and what the log says of it, and that nothing but the very
 * token that was signed is ever taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "filters/jwt/json.h"
#include "gateway/base/random.h"
#include "tests/support/jose_vectors.h"
#include "tests/support/jwt_bench.h"
#include "tests/support/tokens.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

#define NOW    1800000000ll /* seconds */
#define NOW_MS (NOW * 1000)
#define ALIVE  "\"exp\":1800000600"

enum { HS, RS, PS, E2, E3, E5, ED, TWIN_E2, TWIN_ED, OTHER_E2, OTHER_ED, STRANGER, BARE, NUM_KEYS };

static token_key_t *keys[NUM_KEYS];
static gw_version_t *versions[2]; /* of the first issuer, of the second */

static int make_keys(void **state)
{
    static const struct {
        const char *kind, *kid;
    } kinds[NUM_KEYS] = {
        [HS] = {"oct", "hs"},        [RS] = {"RSA", "rs"},           [PS] = {"RSA", "ps"},
        [E2] = {"P-256", "e2"},      [E3] = {"P-384", "e3"},         [E5] = {"P-521", "e5"},
        [ED] = {"Ed25519", "ed"},    [TWIN_E2] = {"P-256", "twin"},  [TWIN_ED] = {"Ed25519", "twin"},
        [OTHER_E2] = {"P-256", "b"}, [OTHER_ED] = {"Ed25519", "e2"}, [STRANGER] = {"P-256", "stranger"},
        [BARE] = {"P-256", NULL},
    };
    for (size_t i = 0; i != NUM_KEYS; ++i)
        keys[i] = token_key_make(kinds[i].kind, kinds[i].kid);
    char *jwk[NUM_KEYS];
    for (size_t i = 0; i != NUM_KEYS; ++i)
        jwk[i] = token_jwk(keys[i], i == PS ? "\"alg\":\"PS256\"" : NULL);
    char *first = token_text("{\"keys\":[%s,%s,%s,%s,%s,%s,%s,%s,%s]}", jwk[HS], jwk[RS], jwk[PS], jwk[E2], jwk[E3],
                             jwk[E5], jwk[ED], jwk[TWIN_E2], jwk[TWIN_ED]),
         *second = token_text("{\"keys\":[%s,%s]}", jwk[OTHER_E2], jwk[OTHER_ED]);
    versions[0] = jwt_bench_keys(first);
    versions[1] = jwt_bench_keys(second);
    for (size_t i = 0; i != NUM_KEYS; ++i)
        free(jwk[i]);
    free(first);
    free(second);
    return 0;
}

static int free_keys(void **state)
{
    for (size_t i = 0; i != NUM_KEYS; ++i)
        token_key_free(keys[i]);
    gw_version_unref(versions[0]);
    gw_version_unref(versions[1]);
    return 0;
}

/* judging ---------------------------------------------------------------------------------------------------------- */

typedef struct steps {
    char *text; /* a line each */
    size_t len;
    FILE *file;
    unsigned num_bad;
    bool is_last_bad;
} steps_t;

static void note_step(void *arg, bool is_good, const char *text)
{
    steps_t *steps = arg;
    assert_false(steps->is_last_bad); /* nothing follows a refusal */
    steps->num_bad += !is_good;
    steps->is_last_bad = !is_good;
    fprintf(steps->file, "%s\n", text);
}

/** What is written for people must not hold what a thief could use: no piece of the token itself. */
static void check_nothing_is_leaked(const char *about, const char *text, const char *token)
{
    const char *first = strchr(token, '.');
    if (strstr(text, "planted") != NULL)
        fail_msg("%s: a claim is in '%s'", about, text);
    for (const char *at = first; at != NULL && strlen(at) >= 12; ++at) {
        char piece[13];
        memcpy(piece, at, 12);
        piece[12] = '\0';
        if (strspn(piece, "Ax.") != 12 && strstr(text, piece) != NULL)
            fail_msg("%s: '%s' of the token is in '%s'", about, piece, text);
    }
}

/** Judges a copy of exactly the token's length.  @param ret to be disposed */
static void judge(jwt_bench_t *bench, const char *about, const char *token, int64_t now_ms, gw_jwt_judgement_t *ret)
{
    steps_t steps = {.text = NULL};
    size_t len = strlen(token);
    char *exact = malloc(len != 0 ? len : 1);
    memcpy(exact, token, len);
    steps.file = open_memstream(&steps.text, &steps.len);
    jwt_bench_judge(bench, gw_str(exact, len), now_ms, note_step, &steps, ret);
    fclose(steps.file);
    assert_int_equal(steps.num_bad, ret->findings.cause != GW_JWT_CAUSE_NONE);
    assert_true(steps.is_last_bad == (ret->findings.cause != GW_JWT_CAUSE_NONE));
    assert_true(strlen(ret->detail) < sizeof(ret->detail));
    check_nothing_is_leaked(about, ret->detail, token);
    check_nothing_is_leaked(about, steps.text, token);
    if (ret->findings.cause == GW_JWT_CAUSE_NONE) {
        assert_string_equal(ret->detail, "");
        assert_non_null(ret->payload);
        assert_non_null(ret->issuer);
        const char *payload = strchr(token, '.') + 1;
        assert_int_equal(ret->payload_text.ptr - exact, payload - token);
        assert_int_equal(ret->payload_text.len, strcspn(payload, "."));
    }
    free(steps.text);
    free(exact);
}

static gw_jwt_cause_t cause_of(jwt_bench_t *bench, const char *token)
{
    gw_jwt_judgement_t judgement;
    judge(bench, "", token, NOW_MS, &judgement);
    gw_jwt_judgement_dispose(&judgement);
    return judgement.findings.cause;
}

static void expect(const char *about, const jwt_terms_t *terms, gw_version_t *const *sets, const char *token,
                   gw_jwt_cause_t cause, const char *detail)
{
    gw_jwt_judgement_t judgement;
    jwt_bench_t *bench = jwt_bench_create(terms, sets);
    judge(bench, about, token, NOW_MS, &judgement);
    if (judgement.findings.cause != cause || strcmp(judgement.detail, detail) != 0)
        fail_msg("%s: %s '%s' instead of %s '%s'", about, gw_jwt_cause_word(judgement.findings.cause), judgement.detail,
                 gw_jwt_cause_word(cause), detail);
    gw_jwt_judgement_dispose(&judgement);
    jwt_bench_free(bench);
}

static const jwt_terms_t plain = {.leeway = 0};

/* texts that are none ---------------------------------------------------------------------------------------------- */

/* {"alg":"HS256"} {"exp":1800000600} */
#define HEADER    "eyJhbGciOiJIUzI1NiJ9"
#define PAYLOAD   "eyJleHAiOjE4MDAwMDA2MDB9"
#define SIGNATURE "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const char three_parts[] = "it does not have three parts",
                  no_object[] = "no canonical base64url of a JSON object",
                  no_signature[] = "no canonical base64url of 1 to 1024 bytes";

static const struct text {
    const char *about, *token;
    gw_jwt_cause_t cause;
    const char *detail;
} texts[] = {
    {"nothing", "", GW_JWT_CAUSE_NOT_A_JWT, three_parts},
    {"a word", "secret", GW_JWT_CAUSE_NOT_A_JWT, three_parts},
    {"two parts", HEADER "." PAYLOAD, GW_JWT_CAUSE_NOT_A_JWT, three_parts},
    {"four parts", HEADER "." PAYLOAD "." SIGNATURE ".", GW_JWT_CAUSE_NOT_A_JWT, three_parts},
    {"five parts, encrypted", HEADER ".a.b.c.d", GW_JWT_CAUSE_NOT_A_JWT, three_parts},
    {"two tokens", HEADER "." PAYLOAD "." SIGNATURE HEADER "." PAYLOAD "." SIGNATURE, GW_JWT_CAUSE_NOT_A_JWT,
     three_parts},
    {"dots only", "..", GW_JWT_CAUSE_HEADER_MALFORMED, no_object},
    {"the JSON serialization", "{\"payload\":\"e30\",\"signatures\":[]}", GW_JWT_CAUSE_NOT_A_JWT, three_parts},

    {"no header", "." PAYLOAD "." SIGNATURE, GW_JWT_CAUSE_HEADER_MALFORMED, no_object},
    {"a header with padding", "eyJhbGciOiJIUzI1NiIgfQ==." PAYLOAD "." SIGNATURE, GW_JWT_CAUSE_HEADER_MALFORMED,
     no_object},
    {"a header with bits left over", "eyJhbGciOiJIUzI1NiIgfR." PAYLOAD "." SIGNATURE, GW_JWT_CAUSE_HEADER_MALFORMED,
     no_object},
    {"a blank before it", " " HEADER "." PAYLOAD "." SIGNATURE, GW_JWT_CAUSE_HEADER_MALFORMED, no_object},
    {"a header that is a list", "WzFd." PAYLOAD "." SIGNATURE, GW_JWT_CAUSE_HEADER_MALFORMED, no_object},
    {"a header that is a text", "IngAIg." PAYLOAD "." SIGNATURE, GW_JWT_CAUSE_HEADER_MALFORMED, no_object},
    {"an empty header", "e30." PAYLOAD "." SIGNATURE, GW_JWT_CAUSE_HEADER_MALFORMED, "it has no alg"},

    {"no payload", HEADER ".." SIGNATURE, GW_JWT_CAUSE_PAYLOAD_MALFORMED, no_object},
    {"a payload that is no base64url", HEADER ".e30+." SIGNATURE, GW_JWT_CAUSE_PAYLOAD_MALFORMED, no_object},
    {"a payload with bits left over", HEADER ".e31." SIGNATURE, GW_JWT_CAUSE_PAYLOAD_MALFORMED, no_object},
    {"a payload that is null", HEADER ".bnVsbA." SIGNATURE, GW_JWT_CAUSE_PAYLOAD_MALFORMED, no_object},
    {"a payload that is text, of RFC 7520", RFC7520_4_4_CONTENT "." RFC7520_4_4_SIGNATURE,
     GW_JWT_CAUSE_PAYLOAD_MALFORMED, no_object},

    {"no signature", HEADER "." PAYLOAD ".", GW_JWT_CAUSE_SIGNATURE_MALFORMED, no_signature},
    {"a signature with padding", HEADER "." PAYLOAD "." SIGNATURE "=", GW_JWT_CAUSE_SIGNATURE_MALFORMED, no_signature},
    {"a signature with bits left over", HEADER "." PAYLOAD ".AB", GW_JWT_CAUSE_SIGNATURE_MALFORMED, no_signature},
    {"a signature of one letter", HEADER "." PAYLOAD ".A", GW_JWT_CAUSE_SIGNATURE_MALFORMED, no_signature},
    {"a line end behind it", HEADER "." PAYLOAD "." SIGNATURE "\n", GW_JWT_CAUSE_SIGNATURE_MALFORMED, no_signature},
    {"a signature in the other alphabet", HEADER "." PAYLOAD ".+/+/", GW_JWT_CAUSE_SIGNATURE_MALFORMED, no_signature},
    {"zeros for a signature", HEADER "." PAYLOAD "." SIGNATURE, GW_JWT_CAUSE_SIGNATURE_WRONG,
     "kid '(none)', alg HS256"},
};

static void texts_that_are_no_tokens_are_refused(void **state)
{
    for (size_t i = 0; i != NUM_OF(texts); ++i)
        expect(texts[i].about, &plain, versions, texts[i].token, texts[i].cause, texts[i].detail);
}

/* signed ones ------------------------------------------------------------------------------------------------------ */

static const jwt_terms_t patient = {.leeway = 30000}, never_ending = {.is_exp_optional = true},
                         young = {.max_age = 3600000}, ours = {.audience = {"api", "web"}},
                         anybodys = {.audience = {"*"}}, at_jwt = {.typ = {"at+jwt"}},
                         typed = {.typ = {"application/at+jwt", "JWT"}},
                         two = {.issuers = {"https://a.example", "https://b.example"}}, named = {.kid = "ours"},
                         revoking = {.denied = "jti planted-1\nsub planted-mallory\njti 4711\nsub -42\nsub 7.5\n"},
                         forwarding = {.forward = {"sub", "realm.roles"}},
                         ruled = {.rules = {{"scope", true, true, {"read"}}, {"realm.roles", false, false, {"admin"}}}},
                         wide = {.algorithms = GW_JWT_SET(GW_JWT_RS512) | GW_JWT_SET(GW_JWT_PS512) | GW_JWT_HMAC},
                         shortened = {.max_length = 256};

/* what is signed with: the algorithm is that of the header unless the row has a header of its own */
static const struct row {
    const char *about;
    const jwt_terms_t *terms;
    unsigned key;
    const char *alg, *header, *payload; /* NULL: as an honest issuer makes them */
    gw_jwt_cause_t cause;
    const char *detail;
} rows[] = {
    {"HS256", &plain, HS, "HS256", NULL, NULL, GW_JWT_CAUSE_NONE, ""},
    {"RS256", &plain, RS, "RS256", NULL, NULL, GW_JWT_CAUSE_NONE, ""},
    {"PS256 by the alg of the key", &plain, PS, "PS256", NULL, NULL, GW_JWT_CAUSE_NONE, ""},
    {"ES256", &plain, E2, "ES256", NULL, NULL, GW_JWT_CAUSE_NONE, ""},
    {"ES384", &plain, E3, "ES384", NULL, NULL, GW_JWT_CAUSE_NONE, ""},
    {"ES512", &plain, E5, "ES512", NULL, NULL, GW_JWT_CAUSE_NONE, ""},
    {"EdDSA", &plain, ED, "EdDSA", NULL, NULL, GW_JWT_CAUSE_NONE, ""},
    {"Ed25519, its newer name", &plain, ED, "EdDSA", "{\"alg\":\"Ed25519\",\"kid\":\"ed\"}", NULL, GW_JWT_CAUSE_NONE,
     ""},

    /* the algorithm */
    {"none", &plain, HS, "HS256", "{\"alg\":\"none\"}", NULL, GW_JWT_CAUSE_ALG_NONE, ""},
    {"None", &plain, HS, "HS256", "{\"alg\":\"None\"}", NULL, GW_JWT_CAUSE_ALG_NONE, ""},
    {"NONE", &plain, HS, "HS256", "{\"alg\":\"NONE\",\"kid\":\"hs\"}", NULL, GW_JWT_CAUSE_ALG_NONE, ""},
    {"nOnE", &plain, HS, "HS256", "{\"alg\":\"nOnE\"}", NULL, GW_JWT_CAUSE_ALG_NONE, ""},
    {"none by an escape", &plain, HS, "HS256", "{\"alg\":\"n\\u006fne\"}", NULL, GW_JWT_CAUSE_ALG_NONE, ""},
    {"none with a blank", &plain, HS, "HS256", "{\"alg\":\"none \"}", NULL, GW_JWT_CAUSE_ALG_UNKNOWN, "alg 'none '"},
    {"lower case", &plain, HS, "HS256", "{\"alg\":\"hs256\"}", NULL, GW_JWT_CAUSE_ALG_UNKNOWN, "alg 'hs256'"},
    {"empty", &plain, HS, "HS256", "{\"alg\":\"\"}", NULL, GW_JWT_CAUSE_ALG_UNKNOWN, "alg ''"},
    {"of encryption", &plain, HS, "HS256", "{\"alg\":\"RSA-OAEP\"}", NULL, GW_JWT_CAUSE_ALG_UNKNOWN, "alg 'RSA-OAEP'"},
    {"very long", &plain, HS, "HS256", "{\"alg\":\"HS256HS256HS256HS256HS256HS256HS256HS256HS256HS256HS256\"}", NULL,
     GW_JWT_CAUSE_ALG_UNKNOWN, "alg 'HS256HS256HS256HS256HS256HS256HS256HS256'"},
    {"no text", &plain, HS, "HS256", "{\"alg\":256}", NULL, GW_JWT_CAUSE_HEADER_MALFORMED, "it has no alg"},
    {"a list of them", &plain, HS, "HS256", "{\"alg\":[\"HS256\"]}", NULL, GW_JWT_CAUSE_HEADER_MALFORMED,
     "it has no alg"},
    {"Alg for alg", &plain, HS, "HS256", "{\"Alg\":\"HS256\"}", NULL, GW_JWT_CAUSE_HEADER_MALFORMED, "it has no alg"},
    {"an algorithm that the key could but may not", &plain, RS, "RS512", NULL, NULL, GW_JWT_CAUSE_ALG_REFUSED,
     "kid 'rs', alg RS512"},
    {"PSS that the key could but may not", &plain, RS, "PS256", NULL, NULL, GW_JWT_CAUSE_ALG_REFUSED,
     "kid 'rs', alg PS256"},
    {"another than that of the key", &plain, PS, "RS256", NULL, NULL, GW_JWT_CAUSE_ALG_REFUSED, "kid 'ps', alg RS256"},
    {"a longer hash by default", &plain, HS, "HS512", NULL, NULL, GW_JWT_CAUSE_ALG_REFUSED, "kid 'hs', alg HS512"},
    {"of another kind of key", &plain, E2, "ES256", "{\"alg\":\"HS256\",\"kid\":\"e2\"}", NULL,
     GW_JWT_CAUSE_ALG_REFUSED, "kid 'e2', alg HS256"},
    {"of another curve", &plain, E2, "ES256", "{\"alg\":\"ES384\",\"kid\":\"e2\"}", NULL, GW_JWT_CAUSE_ALG_REFUSED,
     "kid 'e2', alg ES384"},
    {"listed in the conf", &wide, RS, "RS512", NULL, NULL, GW_JWT_CAUSE_NONE, ""},
    {"PSS listed in the conf", &wide, RS, "PS512", NULL, NULL, GW_JWT_CAUSE_NONE, ""},
    {"HS384 listed in the conf", &wide, HS, "HS384", NULL, NULL, GW_JWT_CAUSE_NONE, ""},
    {"the default, not listed in the conf", &wide, RS, "RS256", NULL, NULL, GW_JWT_CAUSE_ALG_REFUSED,
     "kid 'rs', alg RS256"},
    {"the key's alg, not listed in the conf", &wide, PS, "PS256", NULL, NULL, GW_JWT_CAUSE_ALG_REFUSED,
     "kid 'ps', alg PS256"},
    {"listed, but the key says another", &wide, PS, "PS512", NULL, NULL, GW_JWT_CAUSE_ALG_REFUSED,
     "kid 'ps', alg PS512"},

    /* the rest of the header */
    {"crit of b64", &plain, HS, "HS256", "{\"alg\":\"HS256\",\"kid\":\"hs\",\"crit\":[\"b64\"],\"b64\":true}", NULL,
     GW_JWT_CAUSE_CRIT_REFUSED, ""},
    {"crit unknown", &plain, HS, "HS256", "{\"alg\":\"HS256\",\"kid\":\"hs\",\"crit\":[\"x\"],\"x\":1}", NULL,
     GW_JWT_CAUSE_CRIT_REFUSED, ""},
    {"crit empty", &plain, HS, "HS256", "{\"alg\":\"HS256\",\"kid\":\"hs\",\"crit\":[]}", NULL,
     GW_JWT_CAUSE_CRIT_REFUSED, ""},
    {"crit no list", &plain, HS, "HS256", "{\"alg\":\"HS256\",\"kid\":\"hs\",\"crit\":null}", NULL,
     GW_JWT_CAUSE_CRIT_REFUSED, ""},
    {"what is not known and not critical", &plain, HS, "HS256",
     "{\"alg\":\"HS256\",\"kid\":\"hs\",\"jku\":\"https://"
     "evil.example\",\"jwk\":{},\"x5c\":[],\"x\":1,\"cty\":\"JWT\"}",
     NULL, GW_JWT_CAUSE_NONE, ""},
    {"a member twice", &plain, HS, "HS256", "{\"alg\":\"HS256\",\"alg\":\"HS256\",\"kid\":\"hs\"}", NULL,
     GW_JWT_CAUSE_HEADER_MALFORMED, no_object},
    {"a member twice, once by an escape", &plain, HS, "HS256",
     "{\"alg\":\"HS256\",\"\\u0061lg\":\"none\",\"kid\":\"hs\"}", NULL, GW_JWT_CAUSE_HEADER_MALFORMED, no_object},
    {"a member twice further in", &plain, HS, "HS256", "{\"alg\":\"HS256\",\"kid\":\"hs\",\"x\":[{\"a\":1,\"a\":2}]}",
     NULL, GW_JWT_CAUSE_HEADER_MALFORMED, no_object},
    {"something behind the object", &plain, HS, "HS256", "{\"alg\":\"HS256\",\"kid\":\"hs\"}x", NULL,
     GW_JWT_CAUSE_HEADER_MALFORMED, no_object},
    {"blanks around the object", &plain, HS, "HS256", "\r\n {\"alg\":\"HS256\" , \"kid\":\"hs\"}\t", NULL,
     GW_JWT_CAUSE_NONE, ""},
    {"NUL in a text", &plain, HS, "HS256", "{\"alg\":\"HS256\",\"kid\":\"hs\\u0000\"}", NULL,
     GW_JWT_CAUSE_HEADER_MALFORMED, no_object},
    {"no UTF-8", &plain, HS, "HS256", "{\"alg\":\"HS256\",\"kid\":\"\xff\"}", NULL, GW_JWT_CAUSE_HEADER_MALFORMED,
     no_object},
    {"kid is a number", &plain, HS, "HS256", "{\"alg\":\"HS256\",\"kid\":1}", NULL, GW_JWT_CAUSE_HEADER_MALFORMED,
     "kid is no text"},
    {"kid is null", &plain, HS, "HS256", "{\"alg\":\"HS256\",\"kid\":null}", NULL, GW_JWT_CAUSE_HEADER_MALFORMED,
     "kid is no text"},

    {"typ as asked", &at_jwt, E2, "ES256", "{\"alg\":\"ES256\",\"kid\":\"e2\",\"typ\":\"at+jwt\"}", NULL,
     GW_JWT_CAUSE_NONE, ""},
    {"typ in capitals", &at_jwt, E2, "ES256", "{\"alg\":\"ES256\",\"kid\":\"e2\",\"typ\":\"AT+JWT\"}", NULL,
     GW_JWT_CAUSE_NONE, ""},
    {"typ as a whole media type", &at_jwt, E2, "ES256",
     "{\"alg\":\"ES256\",\"kid\":\"e2\",\"typ\":\"Application/at+jwt\"}", NULL, GW_JWT_CAUSE_NONE, ""},
    {"typ asked for as a whole media type", &typed, E2, "ES256",
     "{\"alg\":\"ES256\",\"kid\":\"e2\",\"typ\":\"at+jwt\"}", NULL, GW_JWT_CAUSE_NONE, ""},
    {"the other typ", &typed, E2, "ES256", NULL, NULL, GW_JWT_CAUSE_NONE, ""},
    {"typ of an id token", &at_jwt, E2, "ES256", NULL, NULL, GW_JWT_CAUSE_TYP_REFUSED, "typ 'JWT'"},
    {"no typ", &at_jwt, E2, "ES256", "{\"alg\":\"ES256\",\"kid\":\"e2\"}", NULL, GW_JWT_CAUSE_TYP_REFUSED,
     "typ '(none)'"},
    {"typ is no text", &at_jwt, E2, "ES256", "{\"alg\":\"ES256\",\"kid\":\"e2\",\"typ\":[\"at+jwt\"]}", NULL,
     GW_JWT_CAUSE_TYP_REFUSED, "typ '(none)'"},
    {"typ of another tree", &at_jwt, E2, "ES256", "{\"alg\":\"ES256\",\"kid\":\"e2\",\"typ\":\"text/at+jwt\"}", NULL,
     GW_JWT_CAUSE_TYP_REFUSED, "typ 'text/at+jwt'"},
    {"typ is the tree alone", &at_jwt, E2, "ES256", "{\"alg\":\"ES256\",\"kid\":\"e2\",\"typ\":\"application/\"}", NULL,
     GW_JWT_CAUSE_TYP_REFUSED, "typ 'application/'"},
    {"typ longer", &at_jwt, E2, "ES256", "{\"alg\":\"ES256\",\"kid\":\"e2\",\"typ\":\"at+jwt+x\"}", NULL,
     GW_JWT_CAUSE_TYP_REFUSED, "typ 'at+jwt+x'"},

    /* keys */
    {"no kid: the one that fits", &plain, E2, "ES256", "{\"alg\":\"ES256\"}", NULL, GW_JWT_CAUSE_NONE, ""},
    {"no kid: another that fits", &plain, TWIN_E2, "ES256", "{\"alg\":\"ES256\"}", NULL, GW_JWT_CAUSE_NONE, ""},
    {"no kid, and none that fits", &plain, STRANGER, "ES256", "{\"alg\":\"ES256\"}", NULL, GW_JWT_CAUSE_SIGNATURE_WRONG,
     "kid '(none)', alg ES256"},
    {"kid unknown", &plain, STRANGER, "ES256", NULL, NULL, GW_JWT_CAUSE_KEY_UNKNOWN, "kid 'stranger', alg ES256"},
    {"kid empty", &plain, E2, "ES256", "{\"alg\":\"ES256\",\"kid\":\"\"}", NULL, GW_JWT_CAUSE_KEY_UNKNOWN,
     "kid '', alg ES256"},
    {"kid in capitals", &plain, E2, "ES256", "{\"alg\":\"ES256\",\"kid\":\"E2\"}", NULL, GW_JWT_CAUSE_KEY_UNKNOWN,
     "kid 'E2', alg ES256"},
    {"kid a file", &plain, E2, "ES256", "{\"alg\":\"ES256\",\"kid\":\"../../../../../dev/null\"}", NULL,
     GW_JWT_CAUSE_KEY_UNKNOWN, "kid '../../../../../dev/null', alg ES256"},
    {"kid a format", &plain, E2, "ES256", "{\"alg\":\"ES256\",\"kid\":\"%n%s%s\"}", NULL, GW_JWT_CAUSE_KEY_UNKNOWN,
     "kid '%n%s%s', alg ES256"},
    {"kid very long", &plain, E2, "ES256",
     "{\"alg\":\"ES256\",\"kid\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"}", NULL,
     GW_JWT_CAUSE_KEY_UNKNOWN, "kid '012345678901234567890123456789012345678901234567890123456789', alg ES256"},
    {"kid of another key", &plain, E2, "ES256", "{\"alg\":\"ES256\",\"kid\":\"twin\"}", NULL,
     GW_JWT_CAUSE_SIGNATURE_WRONG, "kid 'twin', alg ES256"},
    {"a kid that two kinds share", &plain, TWIN_E2, "ES256", NULL, NULL, GW_JWT_CAUSE_NONE, ""},
    {"the other of the two", &plain, TWIN_ED, "EdDSA", NULL, NULL, GW_JWT_CAUSE_NONE, ""},
    {"a kid that two kinds share, and neither", &plain, RS, "RS256", "{\"alg\":\"RS256\",\"kid\":\"twin\"}", NULL,
     GW_JWT_CAUSE_ALG_REFUSED, "kid 'twin', alg RS256"},
    {"the kid of the conf", &named, E2, "ES256", "{\"alg\":\"ES256\",\"kid\":\"ours\"}", NULL, GW_JWT_CAUSE_NONE, ""},
    {"their own kid, where the conf has one", &named, E2, "ES256", NULL, NULL, GW_JWT_CAUSE_KEY_UNKNOWN,
     "kid 'e2', alg ES256"},

    /* issuers */
    {"the first issuer", &two, E2, "ES256", NULL, "{" ALIVE ",\"iss\":\"https://a.example\"}", GW_JWT_CAUSE_NONE, ""},
    {"the second issuer", &two, OTHER_E2, "ES256", NULL, "{" ALIVE ",\"iss\":\"https://b.example\"}", GW_JWT_CAUSE_NONE,
     ""},
    {"a kid that both issuers have", &two, OTHER_ED, "EdDSA", NULL, "{" ALIVE ",\"iss\":\"https://b.example\"}",
     GW_JWT_CAUSE_NONE, ""},
    {"the key of the other issuer", &two, OTHER_E2, "ES256", NULL, "{" ALIVE ",\"iss\":\"https://a.example\"}",
     GW_JWT_CAUSE_KEY_UNKNOWN, "kid 'b', alg ES256"},
    {"the key of the other issuer, without kid", &two, OTHER_E2, "ES256", "{\"alg\":\"ES256\"}",
     "{" ALIVE ",\"iss\":\"https://a.example\"}", GW_JWT_CAUSE_SIGNATURE_WRONG, "kid '(none)', alg ES256"},
    {"the key of the other issuer under a kid that both have", &two, E2, "ES256", NULL,
     "{" ALIVE ",\"iss\":\"https://b.example\"}", GW_JWT_CAUSE_ALG_REFUSED, "kid 'e2', alg ES256"},
    {"another issuer", &two, E2, "ES256", NULL, "{" ALIVE ",\"iss\":\"https://a.example/\"}",
     GW_JWT_CAUSE_ISSUER_UNKNOWN, "iss 'https://a.example/'"},
    {"case of the issuer", &two, E2, "ES256", NULL, "{" ALIVE ",\"iss\":\"https://A.example\"}",
     GW_JWT_CAUSE_ISSUER_UNKNOWN, "iss 'https://A.example'"},
    {"both issuers in a list", &two, E2, "ES256", NULL, "{" ALIVE ",\"iss\":[\"https://a.example\"]}",
     GW_JWT_CAUSE_ISSUER_UNKNOWN, "iss '(no text)'"},
    {"issuer null", &two, E2, "ES256", NULL, "{" ALIVE ",\"iss\":null}", GW_JWT_CAUSE_ISSUER_UNKNOWN,
     "iss '(no text)'"},
    {"no issuer", &two, E2, "ES256", NULL, NULL, GW_JWT_CAUSE_ISSUER_MISSING, ""},
    {"the issuer is not looked at", &plain, E2, "ES256", NULL, "{" ALIVE ",\"iss\":7}", GW_JWT_CAUSE_NONE, ""},

    /* payload */
    {"a claim twice", &plain, E2, "ES256", NULL, "{" ALIVE ",\"sub\":\"a\",\"sub\":\"b\"}",
     GW_JWT_CAUSE_PAYLOAD_MALFORMED, no_object},
    {"a claim twice further in", &plain, E2, "ES256", NULL, "{" ALIVE ",\"x\":{\"a\":1,\"\\u0061\":1}}",
     GW_JWT_CAUSE_PAYLOAD_MALFORMED, no_object},
    {"a list", &plain, E2, "ES256", NULL, "[{" ALIVE "}]", GW_JWT_CAUSE_PAYLOAD_MALFORMED, no_object},
    {"a number beyond all", &plain, E2, "ES256", NULL, "{" ALIVE ",\"x\":1e400}", GW_JWT_CAUSE_PAYLOAD_MALFORMED,
     no_object},
    {"no JSON", &plain, E2, "ES256", NULL, "{" ALIVE ",}", GW_JWT_CAUSE_PAYLOAD_MALFORMED, no_object},
    {"a nested token", &plain, E2, "ES256", NULL, "eyJhbGciOiJFUzI1NiJ9.e30.AA", GW_JWT_CAUSE_PAYLOAD_MALFORMED,
     no_object},

    /* times */
    {"no exp", &plain, E2, "ES256", NULL, "{}", GW_JWT_CAUSE_EXP_MISSING, ""},
    {"no exp where it is optional", &never_ending, E2, "ES256", NULL, "{}", GW_JWT_CAUSE_NONE, ""},
    {"exp is now", &plain, E2, "ES256", NULL, "{\"exp\":1800000000}", GW_JWT_CAUSE_EXPIRED, "exp was 0.0 s ago"},
    {"exp in a second", &plain, E2, "ES256", NULL, "{\"exp\":1800000001}", GW_JWT_CAUSE_NONE, ""},
    {"exp in half a second", &plain, E2, "ES256", NULL, "{\"exp\":1800000000.5}", GW_JWT_CAUSE_NONE, ""},
    {"exp half a second ago", &plain, E2, "ES256", NULL, "{\"exp\":1799999999.5}", GW_JWT_CAUSE_EXPIRED,
     "exp was 0.5 s ago"},
    {"exp 30 seconds ago", &patient, E2, "ES256", NULL, "{\"exp\":1799999970}", GW_JWT_CAUSE_EXPIRED,
     "exp was 30.0 s ago"},
    {"exp 29 seconds ago", &patient, E2, "ES256", NULL, "{\"exp\":1799999971}", GW_JWT_CAUSE_NONE, ""},
    {"exp 29.999 seconds ago", &patient, E2, "ES256", NULL, "{\"exp\":1799999970.001}", GW_JWT_CAUSE_NONE, ""},
    {"exp long ago", &patient, E2, "ES256", NULL, "{\"exp\":1300819380}", GW_JWT_CAUSE_EXPIRED,
     "exp was 5777 d 13 h ago"},
    {"nbf in a minute", &patient, E2, "ES256", NULL, "{" ALIVE ",\"nbf\":1800000060}", GW_JWT_CAUSE_NOT_YET_VALID,
     "nbf is 1 min 0 s ahead"},
    {"nbf within the leeway", &patient, E2, "ES256", NULL, "{" ALIVE ",\"nbf\":1800000030}", GW_JWT_CAUSE_NONE, ""},
    {"iat in an hour and a minute", &plain, E2, "ES256", NULL, "{" ALIVE ",\"iat\":1800003660}",
     GW_JWT_CAUSE_ISSUED_IN_FUTURE, "iat is 1 h 1 min ahead"},
    {"too old", &young, E2, "ES256", NULL, "{" ALIVE ",\"iat\":1799996395}", GW_JWT_CAUSE_TOO_OLD,
     "max_age was over 5.0 s ago"},
    {"young enough", &young, E2, "ES256", NULL, "{" ALIVE ",\"iat\":1799996401}", GW_JWT_CAUSE_NONE, ""},
    {"no iat", &young, E2, "ES256", NULL, NULL, GW_JWT_CAUSE_TIME_MALFORMED, "max_age needs iat"},
    {"exp is a text", &plain, E2, "ES256", NULL, "{\"exp\":\"1800000600\"}", GW_JWT_CAUSE_TIME_MALFORMED,
     "exp, nbf or iat is no number of seconds"},
    {"exp is null", &never_ending, E2, "ES256", NULL, "{\"exp\":null}", GW_JWT_CAUSE_TIME_MALFORMED,
     "exp, nbf or iat is no number of seconds"},
    {"exp in milliseconds", &plain, E2, "ES256", NULL, "{\"exp\":1800000600000}", GW_JWT_CAUSE_TIME_MALFORMED,
     "exp, nbf or iat is no number of seconds"},
    {"nbf is true", &plain, E2, "ES256", NULL, "{" ALIVE ",\"nbf\":true}", GW_JWT_CAUSE_TIME_MALFORMED,
     "exp, nbf or iat is no number of seconds"},
    {"exp before 1970", &plain, E2, "ES256", NULL, "{\"exp\":-1}", GW_JWT_CAUSE_EXPIRED, "exp was 20833 d 8 h ago"},

    /* what the conf asks for; the pure functions have tests of their own */
    {"for us", &ours, E2, "ES256", NULL, "{" ALIVE ",\"aud\":[\"x\",\"web\"]}", GW_JWT_CAUSE_NONE, ""},
    {"for others", &ours, E2, "ES256", NULL, "{" ALIVE ",\"aud\":\"other\"}", GW_JWT_CAUSE_AUDIENCE_WRONG,
     "aud 'other'"},
    {"for us and for what is no text", &ours, E2, "ES256", NULL, "{" ALIVE ",\"aud\":[\"web\",7]}",
     GW_JWT_CAUSE_AUDIENCE_WRONG, "aud 'web,7'"},
    {"for nobody", &ours, E2, "ES256", NULL, NULL, GW_JWT_CAUSE_AUDIENCE_MISSING, "aud '(none)'"},
    {"for somebody, where none is wanted", &plain, E2, "ES256", NULL, "{" ALIVE ",\"aud\":\"web\"}",
     GW_JWT_CAUSE_AUDIENCE_WRONG, "aud 'web'"},
    {"for anybody", &anybodys, E2, "ES256", NULL, "{" ALIVE ",\"aud\":[7]}", GW_JWT_CAUSE_NONE, ""},
    {"all rules met", &ruled, E2, "ES256", NULL,
     "{" ALIVE ",\"scope\":\"write read\",\"realm\":{\"roles\":[\"x\",\"admin\"]}}", GW_JWT_CAUSE_NONE, ""},
    {"a scope is missing", &ruled, E2, "ES256", NULL,
     "{" ALIVE ",\"scope\":\"planted readers\",\"realm\":{\"roles\":[\"admin\"]}}", GW_JWT_CAUSE_SCOPE_MISSING,
     "scope"},
    {"a role is missing", &ruled, E2, "ES256", NULL,
     "{" ALIVE ",\"scope\":\"read\",\"realm\":{\"roles\":[\"planted\"]}}", GW_JWT_CAUSE_CLAIM_REFUSED, "realm.roles"},
    {"not on the list", &revoking, E2, "ES256", NULL, "{" ALIVE ",\"jti\":\"planted-2\",\"sub\":\"planted-alice\"}",
     GW_JWT_CAUSE_NONE, ""},
    {"neither jti nor sub", &revoking, E2, "ES256", NULL, "{" ALIVE "}", GW_JWT_CAUSE_NONE, ""},
    {"revoked by jti", &revoking, E2, "ES256", NULL, "{" ALIVE ",\"jti\":\"planted-1\"}", GW_JWT_CAUSE_REVOKED,
     "by jti"},
    {"revoked by sub", &revoking, E2, "ES256", NULL, "{" ALIVE ",\"sub\":\"planted-mallory\"}", GW_JWT_CAUSE_REVOKED,
     "by sub"},
    {"a jti that is a sub of the list", &revoking, E2, "ES256", NULL, "{" ALIVE ",\"jti\":\"planted-mallory\"}",
     GW_JWT_CAUSE_NONE, ""},
    {"revoked by a jti that is a number", &revoking, E2, "ES256", NULL, "{" ALIVE ",\"jti\":4711}",
     GW_JWT_CAUSE_REVOKED, "by jti"},
    {"revoked by the same as a text", &revoking, E2, "ES256", NULL, "{" ALIVE ",\"jti\":\"4711\"}",
     GW_JWT_CAUSE_REVOKED, "by jti"},
    {"revoked by a sub that is a number", &revoking, E2, "ES256", NULL, "{" ALIVE ",\"sub\":-42}", GW_JWT_CAUSE_REVOKED,
     "by sub"},
    {"revoked by a sub that is a fraction", &revoking, E2, "ES256", NULL, "{" ALIVE ",\"sub\":7.5}",
     GW_JWT_CAUSE_REVOKED, "by sub"},
    {"a number that begins like one on the list", &revoking, E2, "ES256", NULL, "{" ALIVE ",\"jti\":47110,\"sub\":-4}",
     GW_JWT_CAUSE_NONE, ""},
    {"jti and sub are null", &revoking, E2, "ES256", NULL, "{" ALIVE ",\"jti\":null,\"sub\":null}", GW_JWT_CAUSE_NONE,
     ""},
    {"white space at the end of what is forwarded", &forwarding, E2, "ES256", NULL,
     "{" ALIVE ",\"realm\":{\"roles\":\"planted \"}}", GW_JWT_CAUSE_UNFIT_TO_FORWARD, "realm.roles"},
    {"a comma in an entry of what is forwarded", &forwarding, E2, "ES256", NULL,
     "{" ALIVE ",\"realm\":{\"roles\":[\"planted,admin\"]}}", GW_JWT_CAUSE_UNFIT_TO_FORWARD, "realm.roles"},
    {"fit to forward", &forwarding, E2, "ES256", NULL, "{" ALIVE ",\"sub\":\"planted\",\"realm\":{\"roles\":[\"a\"]}}",
     GW_JWT_CAUSE_NONE, ""},
    {"a line end in what is forwarded", &forwarding, E2, "ES256", NULL,
     "{" ALIVE ",\"realm\":{\"roles\":[\"planted\\r\\nX-Admin: 1\"]}}", GW_JWT_CAUSE_UNFIT_TO_FORWARD, "realm.roles"},
    {"a line end in what is not", &plain, E2, "ES256", NULL, "{" ALIVE ",\"sub\":\"planted\\n\"}", GW_JWT_CAUSE_NONE,
     ""},

    /* what comes first */
    {"a wrong signature hides the rest", &ruled, STRANGER, "ES256", "{\"alg\":\"ES256\",\"kid\":\"e2\"}",
     "{\"exp\":1,\"aud\":\"x\"}", GW_JWT_CAUSE_SIGNATURE_WRONG, "kid 'e2', alg ES256"},
    {"too long", &shortened, RS, "RS256", NULL, NULL, GW_JWT_CAUSE_TOO_LONG, "it has 451 characters"},
};

static char *token_of(const struct row *row)
{
    const token_key_t *key = keys[row->key];
    char *header = row->header != NULL ? strdup(row->header) : token_header(key, row->alg);
    char *token = token_make(key, row->alg, header,
                             row->payload != NULL ? row->payload : "{\"sub\":\"planted-subject\"," ALIVE "}");
    free(header);
    return token;
}

static void signed_tokens_are_judged_with_one_cause(void **state)
{
    for (size_t i = 0; i != NUM_OF(rows); ++i) {
        char *token = token_of(&rows[i]);
        expect(rows[i].about, rows[i].terms, versions, token, rows[i].cause, rows[i].detail);
        free(token);
    }
}

static void without_keys_it_cannot_be_said(void **state)
{
    gw_version_t *const none[] = {NULL, versions[1]};
    char *token = token_mint(keys[E2], "ES256", "{" ALIVE ",\"iss\":\"https://a.example\"}"),
         *other = token_mint(keys[OTHER_E2], "ES256", "{" ALIVE ",\"iss\":\"https://b.example\"}"),
         *unknown = token_mint(keys[E2], "ES256", "{" ALIVE ",\"iss\":\"https://c.example\"}");
    expect("no keys yet", &two, none, token, GW_JWT_CAUSE_KEYS_UNAVAILABLE, "no keys have been fetched yet");
    expect("those of the other issuer are there", &two, none, other, GW_JWT_CAUSE_NONE, "");
    expect("an issuer that is none is known without keys", &two, none, unknown, GW_JWT_CAUSE_ISSUER_UNKNOWN,
           "iss 'https://c.example'");
    free(token);
    free(other);
    free(unknown);
}

/** All that the core can say is said by a row; MISSING, REPEATED and EMPTY are about requests. */
static void every_cause_of_the_core_is_in_the_tables(void **state)
{
#define COUNT(id, word, answer, sentence) +1
    bool is_given[0 GW_JWT_CAUSE_MAP(COUNT)] = {false};
#undef COUNT
    for (size_t i = 0; i != NUM_OF(texts); ++i)
        is_given[texts[i].cause] = true;
    for (size_t i = 0; i != NUM_OF(rows); ++i)
        is_given[rows[i].cause] = true;
    is_given[GW_JWT_CAUSE_KEYS_UNAVAILABLE] = true; /* without_keys_it_cannot_be_said */
    for (size_t i = 0; i != NUM_OF(is_given); ++i) {
        bool is_of_requests = i == GW_JWT_CAUSE_MISSING || i == GW_JWT_CAUSE_REPEATED || i == GW_JWT_CAUSE_EMPTY;
        if (is_given[i] == is_of_requests)
            fail_msg("%s", gw_jwt_cause_word((gw_jwt_cause_t)i));
    }
}

/* sizes ------------------------------------------------------------------------------------------------------------ */

static void a_token_has_at_most_max_length_characters(void **state)
{
    char *token = token_mint(keys[HS], "HS256", "{" ALIVE "}");
    jwt_terms_t terms = {.max_length = strlen(token)};
    expect("just short enough", &terms, versions, token, GW_JWT_CAUSE_NONE, "");
    --terms.max_length;
    char detail[64];
    snprintf(detail, sizeof(detail), "it has %zu characters", strlen(token));
    expect("just too long", &terms, versions, token, GW_JWT_CAUSE_TOO_LONG, detail);
    free(token);
}

static void a_header_has_at_most_4096_characters(void **state)
{
    static const struct {
        size_t pad;
        bool is_good;
    } cases[] = {{3000, true}, {3039, true}, {3040, false}, {20000, false}};
    const jwt_terms_t terms = {.max_length = 65536};
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        /* 3072 bytes are 4096 characters */
        char *header = token_text("{\"alg\":\"HS256\",\"kid\":\"hs\",\"x\":\"%0*d\"}", (int)cases[i].pad, 0);
        char *token = token_make(keys[HS], "HS256", header, "{" ALIVE "}"), detail[64];
        snprintf(detail, sizeof(detail), "it has %zu characters", strcspn(token, "."));
        expect(detail, &terms, versions, token, cases[i].is_good ? GW_JWT_CAUSE_NONE : GW_JWT_CAUSE_HEADER_MALFORMED,
               cases[i].is_good ? "" : detail);
        free(header);
        free(token);
    }
}

static void a_large_payload_is_judged_like_others(void **state)
{
    const jwt_terms_t terms = {.max_length = 65536, .forward = {"x"}};
    static const int pads[] = {3000, 4000, 4070, 4080, 4096, 5000, 45000};
    for (size_t i = 0; i != NUM_OF(pads); ++i) {
        char *token = token_mint(keys[HS], "HS256", "{" ALIVE ",\"x\":\"%0*d\"}", pads[i], 0);
        expect("large", &terms, versions, token, GW_JWT_CAUSE_NONE, "");
        token[strlen(token) - 2] = token[strlen(token) - 2] == 'A' ? 'B' : 'A';
        expect("large and changed", &terms, versions, token, GW_JWT_CAUSE_SIGNATURE_WRONG, "kid 'hs', alg HS256");
        free(token);
    }
}

/** DEPTH lists within each other. */
static char *nested(const char *before, size_t depth, const char *after)
{
    char *text = malloc(strlen(before) + 2 * depth + strlen(after) + 1);
    size_t at = (size_t)sprintf(text, "%s", before);
    memset(text + at, '[', depth);
    memset(text + at + depth, ']', depth);
    strcpy(text + at + 2 * depth, after);
    return text;
}

static void deeply_nested_json_is_refused_or_judged_and_never_a_fall(void **state)
{
    static const struct {
        size_t depth;
        gw_jwt_cause_t cause;
    } cases[] = {{10, GW_JWT_CAUSE_NONE},
                 {GW_JWT_JSON_MAX_DEPTH - 1, GW_JWT_CAUSE_NONE}, /* within the object that is the payload */
                 {GW_JWT_JSON_MAX_DEPTH, GW_JWT_CAUSE_PAYLOAD_MALFORMED},
                 {1500, GW_JWT_CAUSE_PAYLOAD_MALFORMED},
                 {20000, GW_JWT_CAUSE_PAYLOAD_MALFORMED}};
    const jwt_terms_t terms = {.max_length = 65536, .forward = {"x"}, .rules = {{"y", false, false, {"a"}}}};
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        char *payload = nested("{" ALIVE ",\"y\":\"a\",\"x\":", cases[i].depth, "}");
        char *token = token_make(keys[HS], "HS256", "{\"alg\":\"HS256\"}", payload);
        expect("deep payload", &terms, versions, token, cases[i].cause,
               cases[i].cause == GW_JWT_CAUSE_NONE ? "" : no_object);
        free(payload);
        free(token);
    }
    for (size_t depth = GW_JWT_JSON_MAX_DEPTH - 1; depth <= GW_JWT_JSON_MAX_DEPTH; ++depth) {
        bool is_good = depth < GW_JWT_JSON_MAX_DEPTH;
        char *header = nested("{\"alg\":\"HS256\",\"x\":", depth, "}");
        char *token = token_make(keys[HS], "HS256", header, "{" ALIVE "}");
        expect("deep header", &plain, versions, token, is_good ? GW_JWT_CAUSE_NONE : GW_JWT_CAUSE_HEADER_MALFORMED,
               is_good ? "" : no_object);
        free(header);
        free(token);
    }
}

/** An object of so many members: MEMBERS, which are one, and numbers. */
static char *of_members(const char *members, unsigned num)
{
    char *text = NULL;
    size_t len;
    FILE *file = open_memstream(&text, &len);
    fprintf(file, "{%s", members);
    for (unsigned i = 1; i != num; ++i)
        fprintf(file, ",\"n%u\":1", i);
    fputs("}", file);
    fclose(file);
    return text;
}

static void many_claims_are_judged_like_few_and_too_many_not_at_all(void **state)
{
    const jwt_terms_t terms = {.max_length = 65536, .rules = {{"n1000", false, false, {"1"}}}};
    enum { most = GW_JWT_JSON_MAX_VALUES - 1 }; /* the object itself is a value */
    for (unsigned num = most; num <= most + 1; ++num) {
        char *payload = of_members(ALIVE, num), *token = token_make(keys[HS], "HS256", "{\"alg\":\"HS256\"}", payload);
        expect("many claims", &terms, versions, token, num == most ? GW_JWT_CAUSE_NONE : GW_JWT_CAUSE_PAYLOAD_MALFORMED,
               num == most ? "" : no_object);
        free(token);
        free(payload);
    }
}

/** They are counted before their signature is looked at, so the cause says nothing of it. */
static void too_complex_json_is_refused_before_it_is_verified(void **state)
{
    const jwt_terms_t terms = {.max_length = 65536};
    char *deep = nested("{" ALIVE ",\"x\":", 60, "}"), *flat = of_members(ALIVE, 2000),
         *header = of_members("\"alg\":\"HS256\"", 300);
    const struct {
        const char *about, *header, *payload;
        gw_jwt_cause_t cause;
    } cases[] = {
        {"a deep payload", "{\"alg\":\"HS256\"}", deep, GW_JWT_CAUSE_PAYLOAD_MALFORMED},
        {"a wide payload", "{\"alg\":\"HS256\"}", flat, GW_JWT_CAUSE_PAYLOAD_MALFORMED},
        {"a wide header that is still bounded", header, "{" ALIVE "}", GW_JWT_CAUSE_SIGNATURE_WRONG},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        char *content = token_content(cases[i].header, cases[i].payload);
        char *token = token_sealed_with(content, "rubbish", 7);
        expect(cases[i].about, &terms, versions, token, cases[i].cause,
               cases[i].cause == GW_JWT_CAUSE_PAYLOAD_MALFORMED ? no_object : "kid '(none)', alg HS256");
        free(token);
        free(content);
    }
    free(deep);
    free(flat);
    free(header);
}

/* nothing but the token that was signed ---------------------------------------------------------------------------- */

static const struct {
    unsigned key;
    const char *alg;
} all_algorithms[GW_JWT_NUM_ALGORITHMS] = {
    {HS, "HS256"}, {HS, "HS384"}, {HS, "HS512"}, {RS, "RS256"}, {RS, "RS384"}, {RS, "RS512"}, {RS, "PS256"},
    {RS, "PS384"}, {RS, "PS512"}, {E2, "ES256"}, {E3, "ES384"}, {E5, "ES512"}, {ED, "EdDSA"},
};

static const jwt_terms_t generous = {.algorithms = (1u << GW_JWT_NUM_ALGORITHMS) - 1};

static void check_changed(jwt_bench_t *bench, const char *alg, const char *token, size_t len, const char *how,
                          size_t at)
{
    gw_jwt_judgement_t judgement;
    char *exact = malloc(len != 0 ? len : 1);
    memcpy(exact, token, len);
    jwt_bench_judge(bench, gw_str(exact, len), NOW_MS, NULL, NULL, &judgement);
    if (judgement.findings.cause == GW_JWT_CAUSE_NONE)
        fail_msg("%s: accepted with %s %zu: %.*s", alg, how, at, (int)len, token);
    gw_jwt_judgement_dispose(&judgement);
    free(exact);
}

static void no_bit_of_a_token_may_be_another(void **state)
{
    jwt_bench_t *bench = jwt_bench_create(&generous, versions);
    for (size_t i = 0; i != NUM_OF(all_algorithms); ++i) {
        const char *alg = all_algorithms[i].alg;
        char *token = token_mint(keys[all_algorithms[i].key], alg, "{\"sub\":\"a\"," ALIVE "}");
        size_t len = strlen(token);
        assert_int_equal(cause_of(bench, token), GW_JWT_CAUSE_NONE);
        for (size_t bit = 0; bit != 8 * len; ++bit) {
            token[bit / 8] = (char)(token[bit / 8] ^ 1 << bit % 8);
            check_changed(bench, alg, token, len, "bit", bit);
            token[bit / 8] = (char)(token[bit / 8] ^ 1 << bit % 8);
        }
        assert_int_equal(cause_of(bench, token), GW_JWT_CAUSE_NONE);
        free(token);
    }
    jwt_bench_free(bench);
}

static void no_character_of_a_token_may_be_another_go_or_come(void **state)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ";
    jwt_bench_t *bench = jwt_bench_create(&generous, versions);
    uint64_t random = 1519;
    for (size_t i = 0; i != NUM_OF(all_algorithms); ++i) {
        const char *alg = all_algorithms[i].alg;
        char *token = token_mint(keys[all_algorithms[i].key], alg, "{\"sub\":\"a\"," ALIVE "}"), changed[1200];
        size_t len = strlen(token);
        assert_true(len + 1 < sizeof(changed));
        for (size_t at = 0; at != len; ++at) {
            char letter = letters[gw_random_below(&random, sizeof(letters) - 1)];
            memcpy(changed, token, len);
            changed[at] = letter;
            if (letter != token[at])
                check_changed(bench, alg, changed, len, "another at", at);
            if (at == 0 || token[at - 1] != token[at]) { /* else it is the same whichever goes */
                memcpy(changed, token, at);
                memcpy(changed + at, token + at + 1, len - at - 1);
                check_changed(bench, alg, changed, len - 1, "one gone at", at);
            }
            memcpy(changed, token, at);
            changed[at] = letter;
            memcpy(changed + at + 1, token + at, len - at);
            check_changed(bench, alg, changed, len + 1, "one more at", at);
            check_changed(bench, alg, token, at, "an end at", at);
        }
        for (size_t k = 0; k != sizeof(letters); ++k) { /* NUL too */
            memcpy(changed, token, len);
            changed[len] = letters[k];
            check_changed(bench, alg, changed, len + 1, "one behind it", k);
        }
        free(token);
    }
    jwt_bench_free(bench);
}

/** Parts of good tokens, put together anew. */
static void parts_of_two_tokens_make_none(void **state)
{
    jwt_bench_t *bench = jwt_bench_create(&generous, versions);
    char *parts[NUM_OF(all_algorithms)][3];
    for (size_t i = 0; i != NUM_OF(all_algorithms); ++i) {
        char *token = token_mint(keys[all_algorithms[i].key], all_algorithms[i].alg, "{\"n\":%zu," ALIVE "}", i),
             *rest = token;
        for (size_t k = 0; k != 3; ++k)
            parts[i][k] = strdup(strsep(&rest, "."));
        free(token);
    }
    for (size_t i = 0; i != NUM_OF(parts); ++i)
        for (size_t k = 0; k != NUM_OF(parts); ++k)
            for (size_t n = 0; n != NUM_OF(parts); ++n) {
                char *token = token_text("%s.%s.%s", parts[i][0], parts[k][1], parts[n][2]);
                bool is_whole = i == k && k == n;
                if ((cause_of(bench, token) == GW_JWT_CAUSE_NONE) != is_whole)
                    fail_msg("parts of %zu, %zu and %zu", i, k, n);
                free(token);
            }
    for (size_t i = 0; i != NUM_OF(parts); ++i)
        for (size_t k = 0; k != 3; ++k)
            free(parts[i][k]);
    jwt_bench_free(bench);
}

/* keys that change ------------------------------------------------------------------------------------------------- */

static void a_kid_finds_its_key_among_256_and_without_it_eight_are_tried(void **state)
{
    char *jwks = NULL;
    size_t len;
    FILE *file = open_memstream(&jwks, &len);
    static char kids[GW_JWT_MAX_KEYS][8];
    token_key_t *many[GW_JWT_MAX_KEYS];
    fputs("{\"keys\":[", file);
    for (size_t i = 0; i != GW_JWT_MAX_KEYS; ++i) {
        snprintf(kids[i], sizeof(kids[i]), "%zu", i);
        many[i] = token_key_make("oct", kids[i]);
        char *jwk = token_jwk(many[i], NULL);
        fprintf(file, "%s%s", i != 0 ? "," : "", jwk);
        free(jwk);
    }
    fputs("]}", file);
    fclose(file);
    gw_version_t *version = jwt_bench_keys(jwks);
    jwt_bench_t *bench = jwt_bench_create(&plain, &version);
    for (size_t i = 0; i != GW_JWT_MAX_KEYS; ++i) {
        char *token = token_mint(many[i], "HS256", "{" ALIVE "}"),
             *bare = token_make(many[i], "HS256", "{\"alg\":\"HS256\"}", "{" ALIVE "}");
        assert_int_equal(cause_of(bench, token), GW_JWT_CAUSE_NONE);
        assert_int_equal(cause_of(bench, bare), i < 8 ? GW_JWT_CAUSE_NONE : GW_JWT_CAUSE_SIGNATURE_WRONG);
        free(token);
        free(bare);
    }
    jwt_bench_free(bench);
    gw_version_unref(version);
    free(jwks);
    for (size_t i = 0; i != GW_JWT_MAX_KEYS; ++i)
        token_key_free(many[i]);
}

static void a_key_without_kid_is_for_tokens_with_any(void **state)
{
    char *jwk = token_jwk(keys[BARE], NULL), *jwks = token_text("{\"keys\":[%s]}", jwk);
    gw_version_t *version = jwt_bench_keys(jwks);
    static const char *const headers[] = {"{\"alg\":\"ES256\"}", "{\"alg\":\"ES256\",\"kid\":\"whatever\"}"};
    for (size_t i = 0; i != NUM_OF(headers); ++i) {
        char *token = token_make(keys[BARE], "ES256", headers[i], "{" ALIVE "}");
        expect(headers[i], &plain, &version, token, GW_JWT_CAUSE_NONE, "");
        free(token);
    }
    gw_version_unref(version);
    free(jwks);
    free(jwk);
}

static void new_keys_count_from_the_next_look_on(void **state)
{
    char *token = token_mint(keys[E2], "ES256", "{" ALIVE "}"),
         *other = token_mint(keys[OTHER_E2], "ES256", "{" ALIVE "}");
    gw_version_t *const none[] = {NULL};
    jwt_bench_t *bench = jwt_bench_create(&plain, none);
    uint64_t generation = jwt_bench_ring(bench)->generation;
    assert_int_equal(cause_of(bench, token), GW_JWT_CAUSE_KEYS_UNAVAILABLE);
    assert_true(jwt_bench_ring(bench)->generation == generation); /* looking changes nothing */
    jwt_bench_publish(bench, 0, versions[0]);
    assert_int_equal(cause_of(bench, token), GW_JWT_CAUSE_NONE);
    assert_true(jwt_bench_ring(bench)->generation > generation);
    generation = jwt_bench_ring(bench)->generation;
    assert_int_equal(cause_of(bench, other), GW_JWT_CAUSE_KEY_UNKNOWN);
    jwt_bench_publish(bench, 0, versions[1]);
    assert_int_equal(cause_of(bench, other), GW_JWT_CAUSE_NONE);
    assert_int_equal(cause_of(bench, token), GW_JWT_CAUSE_ALG_REFUSED); /* its kid is another key's there */
    assert_true(jwt_bench_ring(bench)->generation > generation);
    for (unsigned i = 0; i != 10; ++i) {
        jwt_bench_publish(bench, 0, versions[i % 2]);
        assert_int_equal(cause_of(bench, i % 2 == 0 ? token : other), GW_JWT_CAUSE_NONE);
    }
    jwt_bench_free(bench);
    free(token);
    free(other);
}

static void a_new_deny_list_counts_from_the_next_look_on(void **state)
{
    const jwt_terms_t terms = {.denied = ""};
    char *token = token_mint(keys[E2], "ES256", "{" ALIVE ",\"jti\":\"7\"}");
    jwt_bench_t *bench = jwt_bench_create(&terms, versions);
    assert_int_equal(cause_of(bench, token), GW_JWT_CAUSE_NONE);
    uint64_t generation = jwt_bench_ring(bench)->generation;
    jwt_bench_deny(bench, "jti 7\n");
    assert_true(jwt_bench_ring(bench)->generation > generation);
    assert_int_equal(cause_of(bench, token), GW_JWT_CAUSE_REVOKED);
    jwt_bench_deny(bench, "jti 8\n");
    assert_int_equal(cause_of(bench, token), GW_JWT_CAUSE_NONE);
    jwt_bench_free(bench);
    free(token);
}

/* texts for people ------------------------------------------------------------------------------------------------- */

static void each_step_is_told(void **state)
{
    steps_t steps = {.text = NULL};
    gw_jwt_judgement_t judgement;
    jwt_terms_t terms = ruled;
    terms.denied = "";
    terms.issuers[0] = "https://a.example";
    jwt_bench_t *bench = jwt_bench_create(&terms, versions);
    char *token =
        token_mint(keys[E2], "ES256",
                   "{" ALIVE ",\"iss\":\"https://a.example\",\"scope\":\"read\",\"realm\":{\"roles\":[\"admin\"]}}");
    steps.file = open_memstream(&steps.text, &steps.len);
    jwt_bench_judge(bench, gw_str_of(token), NOW_MS, note_step, &steps, &judgement);
    fclose(steps.file);
    assert_string_equal(steps.text, "header: alg ES256, kid e2\n"
                                    "issuer: https://a.example\n"
                                    "signature: good\n"
                                    "times: good\n"
                                    "deny_file: not listed\n"
                                    "audience: good\n"
                                    "require: met\n");
    gw_jwt_judgement_dispose(&judgement);
    free(steps.text);
    steps = (steps_t){.text = NULL};
    steps.file = open_memstream(&steps.text, &steps.len);
    jwt_bench_judge(bench, gw_str_of(token), NOW_MS + 700000, note_step, &steps, &judgement);
    fclose(steps.file);
    assert_string_equal(steps.text, "header: alg ES256, kid e2\n"
                                    "issuer: https://a.example\n"
                                    "signature: good\n"
                                    "expired: exp was 1 min 40 s ago\n");
    assert_int_equal(judgement.findings.off_ms, 100000);
    gw_jwt_judgement_dispose(&judgement);
    free(steps.text);
    free(token);
    jwt_bench_free(bench);
}

static void spans_are_written_for_people(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "0.0 s"},
        {1, "0.0 s"},
        {100, "0.1 s"},
        {12500, "12.5 s"},
        {59999, "59.9 s"},
        {60000, "1 min 0 s"},
        {3599999, "59 min 59 s"},
        {3600000, "1 h 0 min"},
        {10920000, "3 h 2 min"},
        {86399999, "23 h 59 min"},
        {86400000, "1 d 0 h"},
        {-12500, "12.5 s"},
        {-90000, "1 min 30 s"},
        {INT64_MAX, "106751991167 d 7 h"},
        {INT64_MIN, "106751991167 d 7 h"},
    };
    char text[GW_JWT_MAX_DETAIL];
    for (size_t i = 0; i != NUM_OF(cases); ++i)
        assert_string_equal(gw_jwt_off_text(text, cases[i].ms), cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_that_are_no_tokens_are_refused),
        cmocka_unit_test(signed_tokens_are_judged_with_one_cause),
        cmocka_unit_test(without_keys_it_cannot_be_said),
        cmocka_unit_test(every_cause_of_the_core_is_in_the_tables),
        cmocka_unit_test(a_token_has_at_most_max_length_characters),
        cmocka_unit_test(a_header_has_at_most_4096_characters),
        cmocka_unit_test(a_large_payload_is_judged_like_others),
        cmocka_unit_test(deeply_nested_json_is_refused_or_judged_and_never_a_fall),
        cmocka_unit_test(many_claims_are_judged_like_few_and_too_many_not_at_all),
        cmocka_unit_test(too_complex_json_is_refused_before_it_is_verified),
        cmocka_unit_test(no_bit_of_a_token_may_be_another),
        cmocka_unit_test(no_character_of_a_token_may_be_another_go_or_come),
        cmocka_unit_test(parts_of_two_tokens_make_none),
        cmocka_unit_test(a_kid_finds_its_key_among_256_and_without_it_eight_are_tried),
        cmocka_unit_test(a_key_without_kid_is_for_tokens_with_any),
        cmocka_unit_test(new_keys_count_from_the_next_look_on),
        cmocka_unit_test(a_new_deny_list_counts_from_the_next_look_on),
        cmocka_unit_test(each_step_is_told),
        cmocka_unit_test(spans_are_written_for_people),
    };
    return cmocka_run_group_tests_name("jwt token", tests, make_keys, free_keys);
}
