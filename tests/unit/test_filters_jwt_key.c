/* SPDX-License-Identifier: MIT
 * Keys: what is taken, what it may be used with, and what is refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include "filters/jwt/key.h"
#include "gateway/base/base64url.h"
#include "tests/support/conf_files.h"
#include "tests/support/jose_vectors.h"
#include "tests/support/tokens.h"

#define NUM_OF(array)  (sizeof(array) / sizeof((array)[0]))
#define SET(algorithm) GW_JWT_SET(GW_JWT_##algorithm)

/* base64url of 32, 48, 64 bytes that are all 'k' */
#define K32 "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s"
#define K48 "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tr"
#define K64 "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2traw"

/** @param ret_findings to be freed   @return to be freed */
static gw_jwt_key_set_t *parse_jwks(const char *jwks, size_t len, bool is_public, char **ret_findings)
{
    gw_diag_t *diag = gw_diag_create();
    char *exact = malloc(len != 0 ? len : 1);
    memcpy(exact, jwks, len);
    gw_jwt_key_set_t *set = gw_jwt_keys_parse_jwks(gw_str(exact, len), "t.json", is_public, diag);
    free(exact);
    assert_true((set == NULL) == (gw_diag_num_errors(diag) != 0));
    assert_true(ERR_peek_error() == 0);
    *ret_findings = conf_findings(diag, NULL);
    gw_diag_free(diag);
    return set;
}

static gw_jwt_key_set_t *parse_pem(const char *pem, char **ret_findings)
{
    gw_diag_t *diag = gw_diag_create();
    gw_jwt_key_set_t *set = gw_jwt_keys_parse_pem(gw_str_of(pem), "t.pem", diag);
    assert_true((set == NULL) == (gw_diag_num_errors(diag) != 0));
    assert_true(ERR_peek_error() == 0);
    *ret_findings = conf_findings(diag, NULL);
    gw_diag_free(diag);
    return set;
}

/** A set of the one key and one that is always good, so that the set stays whatever becomes of the first. */
static gw_jwt_key_set_t *parse_beside_a_good_one(const char *jwk, bool is_public, char **ret_findings)
{
    char *jwks = token_text("{\"keys\":[%s," RFC8037_A2_KEY "]}", jwk);
    gw_jwt_key_set_t *set = parse_jwks(jwks, strlen(jwks), is_public, ret_findings);
    free(jwks);
    assert_non_null(set);
    return set;
}

/* good keys -------------------------------------------------------------------------------------------------------- */

static void the_keys_of_the_rfcs_are_taken_for_what_they_are(void **state)
{
    static const unsigned rsa = SET(RS256) | SET(RS384) | SET(RS512) | SET(PS256) | SET(PS384) | SET(PS512);
    static const struct {
        const char *about, *jwk, *kid;
        unsigned algorithms;
        bool is_pinned;
        size_t signature_len, secret_len;
    } cases[] = {
        {"RFC 7515 A.1", RFC7515_A1_KEY, NULL, SET(HS256) | SET(HS384) | SET(HS512), false, 0, 64},
        {"RFC 7515 A.2", RFC7515_A2_KEY, NULL, rsa, false, 256, 0},
        {"RFC 7515 A.3", RFC7515_A3_KEY, NULL, SET(ES256), false, 64, 0},
        {"RFC 7515 A.4", RFC7515_A4_KEY, NULL, SET(ES512), false, 132, 0},
        {"RFC 7517 A.1", RFC7517_A1_RSA, "2011-04-29", SET(RS256), true, 256, 0},
        {"RFC 7517 A.3", RFC7517_A3_MAC, "HMAC key used in JWS spec Appendix A.1 example",
         SET(HS256) | SET(HS384) | SET(HS512), false, 0, 64},
        {"RFC 7520 3.1", RFC7520_3_1_KEY, RFC7520_KID, SET(ES512), false, 132, 0},
        {"RFC 7520 3.3", RFC7520_3_3_KEY, RFC7520_KID, rsa, false, 256, 0},
        {"RFC 7520 3.5", RFC7520_3_5_KEY, "018c0ae5-4d9b-471b-bfd6-eef314bc7037", SET(HS256), true, 0, 32},
        {"RFC 8037 A.2", RFC8037_A2_KEY, NULL, SET(EDDSA), false, 64, 0},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        char *findings;
        gw_jwt_key_set_t *set = parse_beside_a_good_one(cases[i].jwk, false, &findings);
        const gw_jwt_key_t *key = &set->keys[0];
        if (set->num_keys != 2)
            fail_msg("%s: %s", cases[i].about, findings);
        assert_string_equal(findings, "");
        assert_int_equal(key->algorithms, cases[i].algorithms);
        assert_int_equal(key->is_pinned, cases[i].is_pinned);
        assert_int_equal(key->signature_len, cases[i].signature_len);
        assert_int_equal(key->secret_len, cases[i].secret_len);
        assert_true((key->pkey == NULL) == (key->secret != NULL));
        assert_string_equal(key->kid != NULL ? key->kid : "(none)", cases[i].kid != NULL ? cases[i].kid : "(none)");
        free(findings);
        gw_jwt_keys_free(set);
    }
}

static void a_set_loses_the_keys_that_cannot_be_used_and_keeps_the_rest(void **state)
{
    static const char jwks[] =
        "{\"keys\":[" RFC7517_A1_EC "," RFC7517_A1_RSA "," RFC7517_A3_WRAPPING "," RFC7517_A3_MAC "," RFC7520_3_6_KEY
        ",{\"kty\":\"new\",\"n\":1}," RFC8037_A2_KEY "],\"more\":{\"keys\":[]}}";
    char *findings;
    gw_jwt_key_set_t *set = parse_jwks(jwks, sizeof(jwks) - 1, false, &findings);
    assert_string_equal(findings,
                        "t.json: warning: key 1 of the set is left out: its 'use' is not 'sig'\n"
                        "t.json: warning: key 3 of the set is left out: a shared secret of less than 32 bytes is too "
                        "weak\n"
                        "t.json: warning: key 5 of the set is left out: its 'use' is not 'sig'\n"
                        "t.json: warning: key 6 of the set is left out: its 'kty' is none of RSA, EC, OKP and oct\n");
    assert_int_equal(set->num_keys, 3);
    assert_string_equal(set->keys[0].kid, "2011-04-29");
    assert_memory_equal(set->keys[1].kid, "HMAC key", 8);
    assert_int_equal(set->keys[2].algorithms, SET(EDDSA));
    free(findings);
    gw_jwt_keys_free(set);
    set = parse_jwks(jwks, sizeof(jwks) - 1, true, &findings); /* from a URL: what is a secret there is none */
    assert_int_equal(set->num_keys, 2);
    assert_non_null(strstr(findings, "key 4 of the set is left out: a shared secret that is published is none\n"));
    free(findings);
    gw_jwt_keys_free(set);
}

static void a_secret_is_for_the_hashes_that_it_is_as_long_as(void **state)
{
    static const struct {
        size_t len;
        unsigned algorithms;
    } cases[] = {
        {0, 0},
        {1, 0},
        {31, 0},
        {32, SET(HS256)},
        {47, SET(HS256)},
        {48, SET(HS256) | SET(HS384)},
        {63, SET(HS256) | SET(HS384)},
        {64, SET(HS256) | SET(HS384) | SET(HS512)},
        {1000, SET(HS256) | SET(HS384) | SET(HS512)},
    };
    uint8_t secret[1000];
    for (size_t i = 0; i != sizeof(secret); ++i)
        secret[i] = (uint8_t)i;
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        gw_diag_t *diag = gw_diag_create();
        gw_jwt_key_set_t *set = gw_jwt_keys_from_secret(secret, cases[i].len, (gw_mark_t){"t.yaml", 3, 5}, diag);
        char *findings = conf_findings(diag, NULL);
        assert_string_equal(findings, cases[i].algorithms != 0
                                          ? ""
                                          : "t.yaml:3:5: error: a shared secret of less than 32 bytes is too weak\n"
                                            "  hint: for example the output of: openssl rand -hex 32\n");
        assert_true((set != NULL) == (cases[i].algorithms != 0));
        if (set != NULL) {
            assert_int_equal(set->num_keys, 1);
            assert_int_equal(set->keys[0].algorithms, cases[i].algorithms);
            assert_int_equal(set->keys[0].secret_len, cases[i].len);
            assert_memory_equal(set->keys[0].secret, secret, cases[i].len);
            assert_null(set->keys[0].kid);
        }
        free(findings);
        gw_jwt_keys_free(set);
        gw_diag_free(diag);
    }
}

/* JWKs that are left out ------------------------------------------------------------------------------------------- */

/** With other members beside those of a good key. */
#define WITH(members)                                                                                                  \
    "{" members ",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC7515_A3_X "\",\"y\":\"" RFC7515_A3_Y "\"}"
#define EC(crv, x, y)  "{\"kty\":\"EC\",\"crv\":\"" crv "\",\"x\":\"" x "\",\"y\":\"" y "\"}"
#define RSA_KEY(n, e)  "{\"kty\":\"RSA\",\"n\":\"" n "\",\"e\":\"" e "\"}"
#define OKP(crv, x)    "{\"kty\":\"OKP\",\"crv\":\"" crv "\",\"x\":\"" x "\"}"
#define OCT(k)         "{\"kty\":\"oct\",\"k\":\"" k "\"}"
#define ZERO32         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define NOT_BASE64_RSA "'n' and 'e' must be base64url"
#define NOT_BASE64_EC  "'x' and 'y' must be base64url of the curve's size"
#define NOT_ON_CURVE   "its point is not on the curve"
#define NOT_BASE64_OKP "'x' must be 32 bytes in base64url"
#define BAD_EXPONENT   "its public exponent is not an odd number of at most 64 bits above 1"
#define UNKNOWN_ALG    "its 'alg' is no signature algorithm that is known"
#define UNFIT_ALG      "its 'alg' does not fit its kind or size"
#define LACK_VERIFY    "its 'key_ops' lack 'verify'"
#define UNKNOWN_KTY    "its 'kty' is none of RSA, EC, OKP and oct"
#define UNKNOWN_CRV    "its 'crv' is none of P-256, P-384 and P-521"
#define BAD_KID        "its 'kid' is no text of at most 256 bytes"

static void a_key_that_cannot_be_used_is_left_out_with_its_reason(void **state)
{
    static const struct {
        const char *about, *jwk, *reason; /* NULL: it is taken */
    } cases[] = {
        {"no object", "17", "it is no object"},
        {"a list", "[]", "it is no object"},
        {"null", "null", "it is no object"},
        {"nothing in it", "{}", UNKNOWN_KTY},

        {"kty is no text", "{\"kty\":[\"RSA\"]}", UNKNOWN_KTY},
        {"kty in lower case", "{\"kty\":\"rsa\",\"n\":\"" RFC7515_A2_N "\",\"e\":\"AQAB\"}", UNKNOWN_KTY},
        {"kty oct in capitals", "{\"kty\":\"OCT\",\"k\":\"" K64 "\"}", UNKNOWN_KTY},

        {"use: sig", WITH("\"use\":\"sig\""), NULL},
        {"use: enc", WITH("\"use\":\"enc\""), "its 'use' is not 'sig'"},
        {"use unknown", WITH("\"use\":\"sigenc\""), "its 'use' is not 'sig'"},
        {"use in capitals", WITH("\"use\":\"SIG\""), "its 'use' is not 'sig'"},
        {"use is no text", WITH("\"use\":[\"sig\"]"), "its 'use' is not 'sig'"},
        {"use is null", WITH("\"use\":null"), "its 'use' is not 'sig'"},

        {"key_ops: verify", WITH("\"key_ops\":[\"verify\"]"), NULL},
        {"key_ops: sign and verify", WITH("\"key_ops\":[\"sign\",\"verify\"]"), NULL},
        {"key_ops: something new beside verify", WITH("\"key_ops\":[{},\"new\",\"verify\"]"), NULL},
        {"key_ops: sign", WITH("\"key_ops\":[\"sign\"]"), LACK_VERIFY},
        {"key_ops: encrypt", WITH("\"key_ops\":[\"encrypt\",\"wrapKey\"]"), LACK_VERIFY},
        {"key_ops: none", WITH("\"key_ops\":[]"), LACK_VERIFY},
        {"key_ops: in capitals", WITH("\"key_ops\":[\"Verify\"]"), LACK_VERIFY},
        {"key_ops is a text", WITH("\"key_ops\":\"verify\""), "its 'key_ops' is no list"},
        {"key_ops is null", WITH("\"key_ops\":null"), "its 'key_ops' is no list"},
        {"use and key_ops that contradict", WITH("\"use\":\"sig\",\"key_ops\":[\"deriveKey\"]"), LACK_VERIFY},

        {"alg that fits", WITH("\"alg\":\"ES256\""), NULL},
        {"alg in lower case", WITH("\"alg\":\"es256\""), UNKNOWN_ALG},
        {"alg none", WITH("\"alg\":\"none\""), UNKNOWN_ALG},
        {"alg of encryption", WITH("\"alg\":\"ECDH-ES\""), UNKNOWN_ALG},
        {"alg ES256K", WITH("\"alg\":\"ES256K\""), UNKNOWN_ALG},
        {"alg is no text", WITH("\"alg\":[\"ES256\"]"), UNKNOWN_ALG},
        {"alg empty", WITH("\"alg\":\"\""), UNKNOWN_ALG},
        {"alg of another curve", WITH("\"alg\":\"ES384\""), UNFIT_ALG},
        {"alg of another kind", WITH("\"alg\":\"RS256\""), UNFIT_ALG},
        {"alg of a secret on a public key", WITH("\"alg\":\"HS256\""), UNFIT_ALG},
        {"alg EdDSA on a curve of NIST", WITH("\"alg\":\"EdDSA\""), UNFIT_ALG},
        {"alg longer than the secret", "{\"kty\":\"oct\",\"k\":\"" K32 "\",\"alg\":\"HS512\"}", UNFIT_ALG},
        {"alg as long as the secret", "{\"kty\":\"oct\",\"k\":\"" K48 "\",\"alg\":\"HS384\"}", NULL},
        {"alg by its newer name",
         "{\"alg\":\"Ed25519\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" RFC8037_A2_X "\"}", NULL},
        {"alg RSA-OAEP", "{\"alg\":\"RSA-OAEP\",\"kty\":\"RSA\",\"n\":\"" RFC7515_A2_N "\",\"e\":\"AQAB\"}",
         UNKNOWN_ALG},
        {"alg PS512", "{\"alg\":\"PS512\",\"kty\":\"RSA\",\"n\":\"" RFC7515_A2_N "\",\"e\":\"AQAB\"}", NULL},
        {"alg ES256 on RSA", "{\"alg\":\"ES256\",\"kty\":\"RSA\",\"n\":\"" RFC7515_A2_N "\",\"e\":\"AQAB\"}",
         UNFIT_ALG},

        {"kid empty", WITH("\"kid\":\"\""), NULL},
        {"kid is a number", WITH("\"kid\":1"), BAD_KID},
        {"kid is null", WITH("\"kid\":null"), BAD_KID},

        {"no crv", "{\"kty\":\"EC\",\"x\":\"" RFC7515_A3_X "\",\"y\":\"" RFC7515_A3_Y "\"}", UNKNOWN_CRV},
        {"crv secp256k1", EC("secp256k1", RFC7515_A3_X, RFC7515_A3_Y), UNKNOWN_CRV},
        {"crv in lower case", EC("p-256", RFC7515_A3_X, RFC7515_A3_Y), UNKNOWN_CRV},
        {"crv by OpenSSL's name", EC("prime256v1", RFC7515_A3_X, RFC7515_A3_Y), UNKNOWN_CRV},
        {"crv P-192", EC("P-192", RFC7515_A3_X, RFC7515_A3_Y), UNKNOWN_CRV},
        {"crv of a key of Edwards's", EC("Ed25519", RFC7515_A3_X, RFC7515_A3_Y), UNKNOWN_CRV},
        {"crv of a longer curve", EC("P-384", RFC7515_A3_X, RFC7515_A3_Y), NOT_BASE64_EC},
        {"x and y exchanged", EC("P-256", RFC7515_A3_Y, RFC7515_A3_X), NOT_ON_CURVE},
        {"y of another point", EC("P-256", RFC7515_A3_X, "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4"), NOT_ON_CURVE},
        {"the point 0, 0", EC("P-256", ZERO32, ZERO32), NOT_ON_CURVE},
        {"x beyond the field", EC("P-256", "__________________________________________8", RFC7515_A3_Y), NOT_ON_CURVE},
        {"no y", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC7515_A3_X "\"}", NOT_BASE64_EC},
        {"no x", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"y\":\"" RFC7515_A3_Y "\"}", NOT_BASE64_EC},
        {"x empty", EC("P-256", "", RFC7515_A3_Y), NOT_BASE64_EC},
        {"x one byte short", EC("P-256", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVA", RFC7515_A3_Y), NOT_BASE64_EC},
        {"x with a zero before it", EC("P-256", "AH_Nzidw9sRdQYPL7m_bS3tYBzM1e-nvE7rPbjx70VRF", RFC7515_A3_Y),
         NOT_BASE64_EC},
        {"x with padding", EC("P-256", RFC7515_A3_X "=", RFC7515_A3_Y), NOT_BASE64_EC},
        {"x with bits left over", EC("P-256", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV", RFC7515_A3_Y),
         NOT_BASE64_EC},
        {"y in the other alphabet", EC("P-256", RFC7515_A3_X, "x/FEzRu9m36HLN/tue659LNpXW6pCyStikYjKIWI5a0"),
         NOT_BASE64_EC},
        {"y with a space", EC("P-256", RFC7515_A3_X, RFC7515_A3_Y " "), NOT_BASE64_EC},
        {"y is a number", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC7515_A3_X "\",\"y\":5}", NOT_BASE64_EC},
        {"P-521 without its leading zero",
         EC("P-521", RFC7515_A4_X,
            "NKZEDjdnUNI3H9G9wsjztx0vTuXqNDLIFcyjFWD-XZOH7HdLVYOGMOXLv1qMvgqR3QBkxpmaH25uZ_rd7eTIyPY"),
         NOT_BASE64_EC},

        {"no n", "{\"kty\":\"RSA\",\"e\":\"AQAB\"}", NOT_BASE64_RSA},
        {"no e", "{\"kty\":\"RSA\",\"n\":\"" RFC7515_A2_N "\"}", NOT_BASE64_RSA},
        {"n empty", RSA_KEY("", "AQAB"), NOT_BASE64_RSA},
        {"e empty", RSA_KEY(RFC7515_A2_N, ""), NOT_BASE64_RSA},
        {"e is a number", "{\"kty\":\"RSA\",\"n\":\"" RFC7515_A2_N "\",\"e\":65537}", NOT_BASE64_RSA},
        {"n with padding", RSA_KEY(RFC7515_A2_N "==", "AQAB"), NOT_BASE64_RSA},
        {"n with bits left over", RSA_KEY("oR", "AQAB"), NOT_BASE64_RSA},
        {"e with a line end", RSA_KEY(RFC7515_A2_N, "AQAB\\n"), NOT_BASE64_RSA},
        {"e is 1: the signature is the message", RSA_KEY(RFC7515_A2_N, "AQ"), BAD_EXPONENT},
        {"e is 0", RSA_KEY(RFC7515_A2_N, "AA"), BAD_EXPONENT},
        {"e is 65536", RSA_KEY(RFC7515_A2_N, "AQAA"), BAD_EXPONENT},
        {"e is 2", RSA_KEY(RFC7515_A2_N, "Ag"), BAD_EXPONENT},
        {"e is 3", RSA_KEY(RFC7515_A2_N, "Aw"), NULL},
        {"e is the largest of 64 bits", RSA_KEY(RFC7515_A2_N, "__________8"), NULL},
        {"e is the next odd one", RSA_KEY(RFC7515_A2_N, "AQAAAAAAAAAB"), BAD_EXPONENT},
        {"e is as large as n", RSA_KEY(RFC7515_A2_N, RFC7515_A2_N), BAD_EXPONENT},
        {"n of a few bits", RSA_KEY("oQ", "AQAB"), "an RSA key of less than 2048 bits is too weak"},
        {"n is 0", RSA_KEY("AA", "AQAB"), "an RSA key of less than 2048 bits is too weak"},

        {"no crv of OKP", "{\"kty\":\"OKP\",\"x\":\"" RFC8037_A2_X "\"}", "its 'crv' is not Ed25519"},
        {"crv Ed448", OKP("Ed448", RFC8037_A2_X), "its 'crv' is not Ed25519"},
        {"crv X25519: for key agreement", OKP("X25519", RFC8037_A2_X), "its 'crv' is not Ed25519"},
        {"crv of Edwards's in lower case", OKP("ed25519", RFC8037_A2_X), "its 'crv' is not Ed25519"},
        {"no x of OKP", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}", NOT_BASE64_OKP},
        {"x of OKP too short", OKP("Ed25519", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ"), NOT_BASE64_OKP},
        {"x of OKP too long", OKP("Ed25519", RFC8037_A2_X "A"), NOT_BASE64_OKP},
        {"x of OKP with bits left over", OKP("Ed25519", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp"), NOT_BASE64_OKP},

        {"no k", "{\"kty\":\"oct\"}", "'k' must be base64url"},
        {"k empty", OCT(""), "'k' must be base64url"},
        {"k is a number", "{\"kty\":\"oct\",\"k\":5}", "'k' must be base64url"},
        {"k with padding", OCT(K32 "="), "'k' must be base64url"},
        {"k with bits left over", OCT("a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2t"), "'k' must be base64url"},
        {"k of 32 bytes", OCT(K32), NULL},
        {"k of 31 bytes", OCT("a2tra2tra2tra2tra2tra2tra2tra2tra2tra2traw"),
         "a shared secret of less than 32 bytes is too weak"},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        char *findings,
            *expected = cases[i].reason != NULL
                            ? token_text("t.json: warning: key 1 of the set is left out: %s\n", cases[i].reason)
                            : strdup("");
        gw_jwt_key_set_t *set = parse_beside_a_good_one(cases[i].jwk, false, &findings);
        if (strcmp(findings, expected) != 0)
            fail_msg("%s: %sinstead of: %s", cases[i].about, findings, expected);
        if (set->num_keys != (cases[i].reason != NULL ? 1 : 2))
            fail_msg("%s: %zu keys", cases[i].about, set->num_keys);
        free(findings);
        free(expected);
        gw_jwt_keys_free(set);
    }
}

/** A JWK of an RSA modulus that has so many bits; no factor of it is needed to look at its size. */
static char *rsa_of(unsigned bits)
{
    size_t len = (bits + 7) / 8;
    uint8_t *bytes = malloc(len);
    memset(bytes, 0xa5, len);
    bytes[0] = (uint8_t)(1u << (bits - 1) % 8);
    bytes[len - 1] |= 1;
    char *n = token_base64url(bytes, len), *jwk = token_text("{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\"}", n);
    free(n);
    free(bytes);
    return jwk;
}

static void an_rsa_key_has_2048_to_8192_bits(void **state)
{
    static const struct {
        unsigned bits;
        size_t signature_len;
        const char *reason;
    } cases[] = {
        {512, 0, "an RSA key of less than 2048 bits is too weak"},
        {1024, 0, "an RSA key of less than 2048 bits is too weak"},
        {2047, 0, "an RSA key of less than 2048 bits is too weak"},
        {2048, 256, NULL},
        {2049, 257, NULL},
        {3072, 384, NULL},
        {8191, 1024, NULL},
        {8192, 1024, NULL},
        {8193, 0, "an RSA key of more than 8192 bits takes too long"},
        {12000, 0, "an RSA key of more than 8192 bits takes too long"},
        {16384, 0, NOT_BASE64_RSA},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        char *findings, *jwk = rsa_of(cases[i].bits);
        gw_jwt_key_set_t *set = parse_beside_a_good_one(jwk, false, &findings);
        if ((strstr(findings, cases[i].reason != NULL ? cases[i].reason : "warning") != NULL) !=
            (cases[i].reason != NULL))
            fail_msg("%u bits: %s", cases[i].bits, findings);
        if (cases[i].reason == NULL)
            assert_int_equal(set->keys[0].signature_len, cases[i].signature_len);
        free(jwk);
        free(findings);
        gw_jwt_keys_free(set);
    }
}

static void a_kid_has_at_most_256_bytes(void **state)
{
    for (size_t len = 255; len != 259; ++len) {
        char kid[300], *findings;
        memset(kid, 'k', len);
        kid[len] = '\0';
        char *jwk = token_text("{\"kty\":\"oct\",\"k\":\"" K32 "\",\"kid\":\"%s\"}", kid);
        gw_jwt_key_set_t *set = parse_beside_a_good_one(jwk, false, &findings);
        assert_int_equal(set->num_keys, len <= 256 ? 2 : 1);
        if (len <= 256)
            assert_string_equal(set->keys[0].kid, kid);
        else
            assert_non_null(strstr(findings, BAD_KID));
        free(jwk);
        free(findings);
        gw_jwt_keys_free(set);
    }
}

static void a_private_key_in_a_set_is_taken_with_a_warning(void **state)
{
    static const char jwk[] = "{\"d\":\"" RFC7515_A3_D "\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" RFC7515_A3_X
                              "\",\"y\":\"" RFC7515_A3_Y "\"}";
    char *findings;
    gw_jwt_key_set_t *set = parse_beside_a_good_one(jwk, true, &findings);
    assert_string_equal(findings, "t.json: warning: key 1 of the set is a private key: whoever reads the set can sign "
                                  "tokens\n");
    assert_int_equal(set->num_keys, 2);
    assert_int_equal(EVP_PKEY_get_bn_param(set->keys[0].pkey, "priv", &(BIGNUM *){NULL}), 0); /* it is not kept */
    ERR_clear_error();
    free(findings);
    gw_jwt_keys_free(set);
}

/* sets ------------------------------------------------------------------------------------------------------------- */

static void what_is_no_set_is_refused(void **state)
{
#define NOT_JSON(place) "t.json:" place ": error: this is not JSON, or a member is there twice\n"
#define NOT_A_SET       "t.json:1:1: error: this is not a JSON Web Key Set\n  hint: {\"keys\": [...]}\n"
#define NO_KEY          "t.json: error: the set has no key that tokens can be verified with\n"
    static const struct {
        const char *about, *jwks, *findings;
    } cases[] = {
        {"a list", "[" RFC8037_A2_KEY "]", NOT_A_SET},
        {"a key alone", RFC8037_A2_KEY, NOT_A_SET},
        {"no keys", "{}", NOT_A_SET},
        {"keys is no list", "{\"keys\":{\"kty\":\"oct\"}}", NOT_A_SET},
        {"keys is null", "{\"keys\":null}", NOT_A_SET},
        {"keys in capitals", "{\"Keys\":[" RFC8037_A2_KEY "]}", NOT_A_SET},
        {"no key in it", "{\"keys\":[]}", NO_KEY},
        {"none that is of use", "{\"keys\":[{}]}",
         "t.json: warning: key 1 of the set is left out: " UNKNOWN_KTY "\n" NO_KEY},
        {"HTML", "<!DOCTYPE html>", NOT_JSON("1:1")},
        {"cut in two", "{\"keys\":[" RFC8037_A2_KEY, NULL},
        {"something behind it", "{\"keys\":[" RFC8037_A2_KEY "]} x", NULL},
        {"two sets", "{\"keys\":[" RFC8037_A2_KEY "]}{\"keys\":[]}", NULL},
        {"a comma too many", "{\"keys\":[" RFC8037_A2_KEY ",]}", NULL},
        {"a mark of UTF-8 before it", "\xef\xbb\xbf{\"keys\":[" RFC8037_A2_KEY "]}", NULL},
        {"two members 'keys'", "{\"keys\":[" RFC8037_A2_KEY "],\"keys\":[" RFC8037_A2_KEY "]}", NULL},
        {"a member of a key twice", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"" K32 "\",\"k\":\"" K64 "\"}]}", NULL},
        {"a member twice, once by an escape",
         "{\"keys\":[{\"kty\":\"oct\",\"k\":\"" K32 "\",\"\\u006b\":\"" K64 "\"}]}", NULL},
        {"two algorithms", "{\"keys\":[{\"alg\":\"HS256\",\"alg\":\"HS256\",\"kty\":\"oct\",\"k\":\"" K32 "\"}]}",
         NULL},
        {"NUL within a text", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"" K32 "\",\"kid\":\"a\\u0000b\"}]}", NULL},
        {"no UTF-8", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"" K32 "\",\"kid\":\"\xff\"}]}", NULL},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        char *findings;
        gw_jwt_key_set_t *set = parse_jwks(cases[i].jwks, strlen(cases[i].jwks), false, &findings);
        if (set != NULL)
            fail_msg("%s: taken", cases[i].about);
        if (cases[i].findings != NULL
                ? strcmp(findings, cases[i].findings) != 0
                : strstr(findings, "error: this is not JSON, or a member is there twice\n") == NULL)
            fail_msg("%s: %s", cases[i].about, findings);
        if (strstr(findings, "a2tr") != NULL)
            fail_msg("%s: the secret is in the message: %s", cases[i].about, findings);
        free(findings);
    }
}

static void half_a_set_is_none_wherever_it_ends(void **state)
{
    static const char jwks[] = "{\"keys\":[" RFC7515_A1_KEY "," RFC8037_A2_KEY "]}";
    for (size_t len = 0; len != sizeof(jwks) - 1; ++len) {
        char *findings;
        if (parse_jwks(jwks, len, false, &findings) != NULL)
            fail_msg("taken: %.*s", (int)len, jwks);
        free(findings);
    }
}

static void nul_behind_a_set_is_refused(void **state)
{
    static const char jwks[] = "{\"keys\":[" RFC8037_A2_KEY "]}";
    char *findings;
    assert_null(parse_jwks(jwks, sizeof(jwks), false, &findings));
    free(findings);
}

static void deep_json_is_refused_and_not_gone_into(void **state)
{
    enum { DEPTH = 100000 };
    char *deep = malloc(DEPTH + 64), *findings;
    size_t len = (size_t)sprintf(deep, "{\"keys\":[{\"x\":");
    memset(deep + len, '[', DEPTH);
    assert_null(parse_jwks(deep, len + DEPTH, false, &findings));
    free(findings);
    free(deep);
}

static void a_set_has_at_most_256_keys(void **state)
{
    for (size_t num = 255; num != 259; ++num) {
        char *jwks = NULL, *findings;
        size_t len;
        FILE *file = open_memstream(&jwks, &len);
        fputs("{\"keys\":[", file);
        for (size_t i = 0; i != num; ++i) /* those that are left out count too: they take as much reading */
            fprintf(file, "%s%s", i != 0 ? "," : "", i % 2 == 0 ? RFC8037_A2_KEY : "{}");
        fputs("]}", file);
        fclose(file);
        gw_jwt_key_set_t *set = parse_jwks(jwks, len, false, &findings);
        if (num <= GW_JWT_MAX_KEYS)
            assert_int_equal(set->num_keys, (num + 1) / 2);
        else
            assert_string_equal(findings, "t.json:1:1: error: more than 256 keys\n");
        free(findings);
        free(jwks);
        gw_jwt_keys_free(set);
    }
}

/* PEM -------------------------------------------------------------------------------------------------------------- */

/** @return to be freed */
static char *pem_of(const char *name, const unsigned char *der, int len)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes;
    assert_true(len > 0 && PEM_write_bio(bio, name, "", der, len) > 0);
    long text_len = BIO_get_mem_data(bio, &bytes);
    char *text = token_text("%.*s", (int)text_len, bytes);
    BIO_free(bio);
    return text;
}

/** @return to be freed */
static char *certificate_of(const token_key_t *key)
{
    X509 *certificate = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), -1); /* when it ends says nothing about the key */
    X509_set_pubkey(certificate, key->pair);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC, (const unsigned char *)"t", -1,
                               -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    assert_true(X509_sign(certificate, key->pair, EVP_PKEY_is_a(key->pair, "ED25519") ? NULL : EVP_sha256()) > 0);
    unsigned char *der = NULL;
    int len = i2d_X509(certificate, &der);
    char *text = pem_of(PEM_STRING_X509, der, len);
    OPENSSL_free(der);
    X509_free(certificate);
    return text;
}

/** In the form of PKCS#1. */
static char *old_rsa_pem_of(const token_key_t *key)
{
    unsigned char *der = NULL;
    int len = i2d_PublicKey(key->pair, &der);
    char *pem = pem_of(PEM_STRING_RSA_PUBLIC, der, len);
    OPENSSL_free(der);
    return pem;
}

static void public_keys_and_certificates_are_taken_from_pem(void **state)
{
    static const struct {
        const char *kind;
        unsigned algorithms;
        size_t signature_len;
    } cases[] = {
        {"RSA", SET(RS256) | SET(RS384) | SET(RS512) | SET(PS256) | SET(PS384) | SET(PS512), 256},
        {"P-256", SET(ES256), 64},
        {"P-384", SET(ES384), 96},
        {"P-521", SET(ES512), 132},
        {"Ed25519", SET(EDDSA), 64},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        token_key_t *key = token_key_make(cases[i].kind, NULL);
        char *public = token_key_pem(key), *certificate = certificate_of(key), *findings;
        char *old = i == 0 ? old_rsa_pem_of(key) : strdup("");
        char *text = token_text("What is outside the blocks is not looked at.\n%s\nSubject: CN=t\n%s%s", public,
                                certificate, old);
        gw_jwt_key_set_t *set = parse_pem(text, &findings);
        assert_string_equal(findings, "");
        assert_int_equal(set->num_keys, i == 0 ? 3 : 2);
        for (size_t k = 0; k != set->num_keys; ++k) {
            assert_int_equal(set->keys[k].algorithms, cases[i].algorithms);
            assert_int_equal(set->keys[k].signature_len, cases[i].signature_len);
            assert_int_equal(EVP_PKEY_eq(set->keys[k].pkey, key->pair), 1);
            assert_null(set->keys[k].kid);
            assert_false(set->keys[k].is_pinned);
        }
        gw_jwt_keys_free(set);
        free(findings);
        free(text);
        free(old);
        free(certificate);
        free(public);
        token_key_free(key);
    }
}

static void keys_that_are_no_good_are_refused_in_pem(void **state)
{
    static const struct {
        const char *kind, *findings;
    } cases[] = {
        {"RSA-1024", "t.pem:2:1: error: an RSA key of less than 2048 bits is too weak\n"},
        {"secp256k1", "t.pem:2:1: error: its curve is none of P-256, P-384 and P-521\n"},
        {"Ed448", "t.pem:2:1: error: only RSA, EC and Ed25519 keys verify tokens\n"},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        token_key_t *key = token_key_make(cases[i].kind, NULL);
        char *pem = token_key_pem(key), *text = token_text("# first line\n%s", pem), *findings;
        assert_null(parse_pem(text, &findings));
        assert_string_equal(findings, cases[i].findings);
        free(findings);
        free(text);
        free(pem);
        token_key_free(key);
    }
}

static void a_private_key_in_pem_is_refused_and_stays_unsaid(void **state)
{
    static const char *const kinds[] = {"P-256", "Ed25519", "RSA"};
    for (size_t i = 0; i != NUM_OF(kinds); ++i) {
        token_key_t *key = token_key_make(kinds[i], NULL);
        char *pem = token_key_private_pem(key), *public = token_key_pem(key), *findings;
        char *both = token_text("%s%s", public, pem), *line = strchr(pem, '\n') + 1;
        assert_null(parse_pem(pem, &findings));
        assert_string_equal(findings,
                            "t.pem:1:1: error: 'PRIVATE KEY': the gateway needs the public key only, and must "
                            "not have this one\n  hint: openssl pkey -in PRIVATE.pem -pubout\n");
        free(findings);
        assert_null(parse_pem(both, &findings)); /* a good one beside it does not make it better */
        line[20] = '\0';
        assert_null(strstr(findings, line));
        free(findings);
        free(both);
        free(public);
        free(pem);
        token_key_free(key);
    }
    static const char *const older[] = {"EC PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY"};
    for (size_t i = 0; i != NUM_OF(older); ++i) {
        char *findings, *pem = token_text("-----BEGIN %s-----\nAAAA\n-----END %s-----\n", older[i], older[i]);
        assert_null(parse_pem(pem, &findings));
        assert_non_null(strstr(findings, "the gateway needs the public key only"));
        free(findings);
        free(pem);
    }
}

/** A public key of P-256 whose curve is written out in full, its base point so many times the usual one.
 *  @return PEM, to be freed */
static char *written_out_pem(unsigned times)
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1), *own = EC_GROUP_dup(group);
    EC_POINT *base = EC_POINT_new(group);
    BIGNUM *factor = BN_new();
    BN_set_word(factor, times);
    assert_int_equal(EC_POINT_mul(group, base, factor, NULL, NULL, NULL), 1);
    assert_int_equal(EC_GROUP_set_generator(own, base, EC_GROUP_get0_order(group), BN_value_one()), 1);
    EC_GROUP_set_asn1_flag(own, OPENSSL_EC_EXPLICIT_CURVE);
    unsigned char *parameters_der = NULL, *der = NULL, *point = OPENSSL_malloc(65);
    int parameters_len = i2d_ECPKParameters(own, &parameters_der);
    assert_true(parameters_len > 0);
    assert_int_equal(EC_POINT_point2oct(own, base, POINT_CONVERSION_UNCOMPRESSED, point, 65, NULL), 65);
    X509_PUBKEY *public = X509_PUBKEY_new();
    ASN1_STRING *sequence = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
    ASN1_STRING_set(sequence, parameters_der, parameters_len);
    assert_int_equal(
        X509_PUBKEY_set0_param(public, OBJ_nid2obj(NID_X9_62_id_ecPublicKey), V_ASN1_SEQUENCE, sequence, point, 65), 1);
    int der_len = i2d_X509_PUBKEY(public, &der);
    char *pem = pem_of(PEM_STRING_PUBLIC, der, der_len);
    OPENSSL_free(der);
    OPENSSL_free(parameters_der);
    X509_PUBKEY_free(public);
    BN_free(factor);
    EC_POINT_free(base);
    EC_GROUP_free(own);
    EC_GROUP_free(group);
    return pem;
}

/** As in CVE-2020-0601: whoever chooses the base point knows the private key of any public key. */
static void a_curve_with_a_base_point_of_its_own_is_refused(void **state)
{
    char *findings, *usual = written_out_pem(1), *own = written_out_pem(2);
    gw_jwt_key_set_t *set = parse_pem(usual, &findings);
    assert_string_equal(findings, "");
    assert_int_equal(set->keys[0].algorithms, SET(ES256));
    free(findings);
    assert_null(parse_pem(own, &findings));
    assert_string_equal(findings, "t.pem:1:1: error: its curve is not known\n");
    free(findings);
    gw_jwt_keys_free(set);
    free(usual);
    free(own);
}

static void what_is_no_pem_is_refused_with_its_line(void **state)
{
#define BLOCK(name, text)    "-----BEGIN " name "-----\n" text "\n-----END " name "-----\n"
#define UNREADABLE(at, name) "t.pem:" at ":1: error: '" name "': no public key or certificate that can be read\n"
    static const struct {
        const char *about, *pem, *findings;
    } cases[] = {
        {"nothing", "",
         "t.pem:1:1: error: there is no PEM block in it\n  hint: a file that holds '-----BEGIN PUBLIC KEY-----'\n"},
        {"a text", "ssh-ed25519 AAAA x\n",
         "t.pem:1:1: error: there is no PEM block in it\n  hint: a file that holds '-----BEGIN PUBLIC KEY-----'\n"},
        {"something else in PEM", "\n\n" BLOCK("DH PARAMETERS", "AAAA"), UNREADABLE("3", "DH PARAMETERS")},
        {"a request for a certificate", BLOCK("CERTIFICATE REQUEST", "AAAA"), UNREADABLE("1", "CERTIFICATE REQUEST")},
        {"a key that is none", BLOCK("PUBLIC KEY", "AAAA"), UNREADABLE("1", "PUBLIC KEY")},
        {"a certificate that is none", BLOCK("CERTIFICATE", "MAA="), UNREADABLE("1", "CERTIFICATE")},
        {"two that are none", BLOCK("PUBLIC KEY", "AAAA") BLOCK("PUBLIC KEY", "AAAA"),
         UNREADABLE("1", "PUBLIC KEY") UNREADABLE("4", "PUBLIC KEY")},
        {"no end", "-----BEGIN PUBLIC KEY-----\nAAAA\n", "t.pem:1:1: error: the PEM block is damaged\n"},
        {"another end", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END CERTIFICATE-----\n",
         "t.pem:1:1: error: the PEM block is damaged\n"},
        {"no base64", BLOCK("PUBLIC KEY", "%%%%"), "t.pem:1:1: error: the PEM block is damaged\n"},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        char *findings;
        if (parse_pem(cases[i].pem, &findings) != NULL || strcmp(findings, cases[i].findings) != 0)
            fail_msg("%s: %s", cases[i].about, findings);
        free(findings);
    }
}

static void a_pem_file_has_at_most_256_keys(void **state)
{
    token_key_t *key = token_key_make("Ed25519", NULL);
    char *pem = token_key_pem(key);
    for (size_t num = 256; num != 258; ++num) {
        char *text = calloc(num, strlen(pem) + 1), *findings;
        for (size_t i = 0; i != num; ++i)
            memcpy(text + i * strlen(pem), pem, strlen(pem));
        gw_jwt_key_set_t *set = parse_pem(text, &findings);
        if (num == 256)
            assert_int_equal(set->num_keys, 256);
        else
            assert_string_equal(findings, "t.pem:769:1: error: more than 256 keys\n");
        gw_jwt_keys_free(set);
        free(findings);
        free(text);
    }
    free(pem);
    token_key_free(key);
}

static void nothing_is_freed_when_there_is_nothing(void **state)
{
    assert_null(gw_jwt_keys_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_keys_of_the_rfcs_are_taken_for_what_they_are),
        cmocka_unit_test(a_set_loses_the_keys_that_cannot_be_used_and_keeps_the_rest),
        cmocka_unit_test(a_secret_is_for_the_hashes_that_it_is_as_long_as),
        cmocka_unit_test(a_key_that_cannot_be_used_is_left_out_with_its_reason),
        cmocka_unit_test(an_rsa_key_has_2048_to_8192_bits),
        cmocka_unit_test(a_kid_has_at_most_256_bytes),
        cmocka_unit_test(a_private_key_in_a_set_is_taken_with_a_warning),
        cmocka_unit_test(what_is_no_set_is_refused),
        cmocka_unit_test(half_a_set_is_none_wherever_it_ends),
        cmocka_unit_test(nul_behind_a_set_is_refused),
        cmocka_unit_test(deep_json_is_refused_and_not_gone_into),
        cmocka_unit_test(a_set_has_at_most_256_keys),
        cmocka_unit_test(public_keys_and_certificates_are_taken_from_pem),
        cmocka_unit_test(keys_that_are_no_good_are_refused_in_pem),
        cmocka_unit_test(a_private_key_in_pem_is_refused_and_stays_unsaid),
        cmocka_unit_test(a_curve_with_a_base_point_of_its_own_is_refused),
        cmocka_unit_test(what_is_no_pem_is_refused_with_its_line),
        cmocka_unit_test(a_pem_file_has_at_most_256_keys),
        cmocka_unit_test(nothing_is_freed_when_there_is_nothing),
    };
    return cmocka_run_group_tests_name("jwt key", tests, NULL, NULL);
}
