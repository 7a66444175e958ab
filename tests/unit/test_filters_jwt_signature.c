/* SPDX-License-Identifier: MIT
 * Signatures of tokens: the examples of the RFCs, what OpenSSL and libjwt sign, and what must not be taken for a
 * signature although it almost is one. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include <jwt.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/rsa.h>
#include "filters/jwt/signature.h"
#include "gateway/base/base64url.h"
#include "tests/support/jose_vectors.h"
#include "tests/support/tokens.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

/** A key as the gateway sees it, with its verifier. */
typedef struct lock {
    gw_jwt_key_set_t *set;
    const gw_jwt_key_t *key;
    gw_jwt_verifier_t verifier;
} lock_t;

/** @param jwk as text */
static lock_t make_lock(const char *jwk)
{
    lock_t lock = {.set = NULL};
    gw_diag_t *diag = gw_diag_create();
    char *jwks = token_text("{\"keys\":[%s]}", jwk);
    lock.set = gw_jwt_keys_parse_jwks(gw_str_of(jwks), "t.json", false, diag);
    if (lock.set == NULL)
        fail_msg("no key: %s", jwk);
    assert_int_equal(gw_diag_num_warnings(diag), 0);
    lock.key = &lock.set->keys[0];
    free(jwks);
    gw_diag_free(diag);
    return lock;
}

static lock_t make_lock_for(const token_key_t *key)
{
    char *jwk = token_jwk(key, NULL);
    lock_t lock = make_lock(jwk);
    free(jwk);
    return lock;
}

static void drop_lock(lock_t *lock)
{
    gw_jwt_verifier_dispose(&lock->verifier);
    gw_jwt_keys_free(lock->set);
}

/** Hands over the signature in memory of exactly its length.  A failure must leave nothing in OpenSSL's queue: the next
 * TLS operation of the thread would find it there. */
static bool opens(lock_t *lock, gw_jwt_algorithm_t algorithm, gw_str_t content, const uint8_t *signature, size_t len)
{
    uint8_t *exact = malloc(len != 0 ? len : 1);
    if (len != 0)
        memcpy(exact, signature, len);
    bool is_good = gw_jwt_verify(&lock->verifier, lock->key, algorithm, content, exact, len);
    free(exact);
    assert_true(ERR_peek_error() == 0);
    return is_good;
}

static bool opens_text(lock_t *lock, gw_jwt_algorithm_t algorithm, const char *content, const char *signature)
{
    uint8_t bytes[TOKEN_MAX_SIGNATURE];
    size_t len;
    assert_true(gw_base64url_decode(bytes, &len, gw_str_of(signature)));
    return opens(lock, algorithm, gw_str_of(content), bytes, len);
}

/* the key for each algorithm, made once: RSA keys take their time */
static token_key_t *keys[GW_JWT_NUM_ALGORITHMS];

static int make_keys(void **state)
{
    token_key_t *rsa = token_key_make("RSA", NULL), *secret = token_key_make("oct", NULL);
    for (unsigned i = 0; i != GW_JWT_NUM_ALGORITHMS; ++i)
        keys[i] = i <= GW_JWT_HS512 ? secret : rsa;
    keys[GW_JWT_ES256] = token_key_make("P-256", NULL);
    keys[GW_JWT_ES384] = token_key_make("P-384", NULL);
    keys[GW_JWT_ES512] = token_key_make("P-521", NULL);
    keys[GW_JWT_EDDSA] = token_key_make("Ed25519", NULL);
    return 0;
}

static int free_keys(void **state)
{
    token_key_free(keys[GW_JWT_HS256]);
    token_key_free(keys[GW_JWT_RS256]);
    for (unsigned i = GW_JWT_ES256; i <= GW_JWT_EDDSA; ++i)
        token_key_free(keys[i]);
    return 0;
}

/* good ones -------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *about, *key;
    gw_jwt_algorithm_t algorithm;
    const char *content, *signature;
} examples[] = {
    {"RFC 7515 A.1", RFC7515_A1_KEY, GW_JWT_HS256, RFC7515_A1_CONTENT, RFC7515_A1_SIGNATURE},
    {"RFC 7515 A.2", RFC7515_A2_KEY, GW_JWT_RS256, RFC7515_A2_CONTENT, RFC7515_A2_SIGNATURE},
    {"RFC 7515 A.3", RFC7515_A3_KEY, GW_JWT_ES256, RFC7515_A3_CONTENT, RFC7515_A3_SIGNATURE},
    {"RFC 7515 A.4", RFC7515_A4_KEY, GW_JWT_ES512, RFC7515_A4_CONTENT, RFC7515_A4_SIGNATURE},
    {"RFC 7520 4.1", RFC7520_3_3_KEY, GW_JWT_RS256, RFC7520_4_1_CONTENT, RFC7520_4_1_SIGNATURE},
    {"RFC 7520 4.2", RFC7520_3_3_KEY, GW_JWT_PS384, RFC7520_4_2_CONTENT, RFC7520_4_2_SIGNATURE},
    {"RFC 7520 4.3", RFC7520_3_1_KEY, GW_JWT_ES512, RFC7520_4_3_CONTENT, RFC7520_4_3_SIGNATURE},
    {"RFC 7520 4.4", RFC7520_3_5_KEY, GW_JWT_HS256, RFC7520_4_4_CONTENT, RFC7520_4_4_SIGNATURE},
    {"RFC 8037 A.5", RFC8037_A2_KEY, GW_JWT_EDDSA, RFC8037_A4_CONTENT, RFC8037_A4_SIGNATURE},
};

static void the_examples_of_the_rfcs_verify_with_their_algorithm_only(void **state)
{
    for (size_t i = 0; i != NUM_OF(examples); ++i) {
        lock_t lock = make_lock(examples[i].key);
        for (gw_jwt_algorithm_t algorithm = 0; algorithm != GW_JWT_NUM_ALGORITHMS; ++algorithm)
            if (opens_text(&lock, algorithm, examples[i].content, examples[i].signature) !=
                (algorithm == examples[i].algorithm))
                fail_msg("%s: %s", examples[i].about, gw_jwt_algorithm_names[algorithm]);
        drop_lock(&lock);
    }
}

static void no_bit_of_an_example_may_be_another(void **state)
{
    for (size_t i = 0; i != NUM_OF(examples); ++i) {
        lock_t lock = make_lock(examples[i].key);
        char *content = strdup(examples[i].content);
        uint8_t signature[TOKEN_MAX_SIGNATURE];
        size_t len;
        assert_true(gw_base64url_decode(signature, &len, gw_str_of(examples[i].signature)));
        for (size_t bit = 0; bit != 8 * len; ++bit) {
            signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
            if (opens(&lock, examples[i].algorithm, gw_str_of(content), signature, len))
                fail_msg("%s: bit %zu of the signature", examples[i].about, bit);
            signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        /* one of the bits of each character: a verification takes a millisecond */
        for (size_t bit = 0; bit < 8 * strlen(examples[i].content); bit += 7) {
            content[bit / 8] = (char)(content[bit / 8] ^ 1 << bit % 8);
            if (opens(&lock, examples[i].algorithm, gw_str(content, strlen(examples[i].content)), signature, len))
                fail_msg("%s: bit %zu of the content", examples[i].about, bit);
            content[bit / 8] = (char)(content[bit / 8] ^ 1 << bit % 8);
        }
        assert_true(opens(&lock, examples[i].algorithm, gw_str_of(content), signature, len));
        free(content);
        drop_lock(&lock);
    }
}

static void what_openssl_signs_verifies_with_that_algorithm_only(void **state)
{
    char large[5000];
    memset(large, 'x', sizeof(large));
    const gw_str_t contents[] = {GW_STR(""), GW_STR("."), GW_STR("e30.e30"), gw_str("a\0b", 3),
                                 gw_str(large, sizeof(large))};
    for (gw_jwt_algorithm_t signing = 0; signing != GW_JWT_NUM_ALGORITHMS; ++signing) {
        lock_t lock = make_lock_for(keys[signing]);
        for (size_t i = 0; i != NUM_OF(contents); ++i) {
            uint8_t signature[TOKEN_MAX_SIGNATURE];
            size_t len =
                token_sign(keys[signing], gw_jwt_algorithm_names[signing], contents[i].ptr, contents[i].len, signature);
            for (gw_jwt_algorithm_t algorithm = 0; algorithm != GW_JWT_NUM_ALGORITHMS; ++algorithm)
                if (opens(&lock, algorithm, contents[i], signature, len) != (algorithm == signing))
                    fail_msg("content %zu: signed as %s, taken as %s", i, gw_jwt_algorithm_names[signing],
                             gw_jwt_algorithm_names[algorithm]);
        }
        drop_lock(&lock);
    }
}

/** libjwt 1.10 knows neither PS* nor EdDSA. */
static void what_libjwt_mints_verifies(void **state)
{
    static const struct {
        gw_jwt_algorithm_t algorithm;
        jwt_alg_t alg;
    } cases[] = {
        {GW_JWT_HS256, JWT_ALG_HS256}, {GW_JWT_HS384, JWT_ALG_HS384}, {GW_JWT_HS512, JWT_ALG_HS512},
        {GW_JWT_RS256, JWT_ALG_RS256}, {GW_JWT_RS384, JWT_ALG_RS384}, {GW_JWT_RS512, JWT_ALG_RS512},
        {GW_JWT_ES256, JWT_ALG_ES256}, {GW_JWT_ES384, JWT_ALG_ES384}, {GW_JWT_ES512, JWT_ALG_ES512},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        const token_key_t *key = keys[cases[i].algorithm];
        lock_t lock = make_lock_for(key);
        char *pem = key->pair != NULL ? token_key_private_pem(key) : NULL;
        /* again and again: a coordinate of an ECDSA signature begins with a zero now and then */
        for (long n = 0; n != (*gw_jwt_algorithm_names[cases[i].algorithm] == 'E' ? 400 : 3); ++n) {
            jwt_t *jwt;
            assert_int_equal(jwt_new(&jwt), 0);
            assert_int_equal(jwt_add_grant_int(jwt, "n", n), 0);
            assert_int_equal(jwt_set_alg(jwt, cases[i].alg, pem != NULL ? (unsigned char *)pem : key->secret,
                                         pem != NULL ? (int)strlen(pem) : (int)key->secret_len),
                             0);
            char *token = jwt_encode_str(jwt), *dot = strrchr(token, '.');
            *dot = '\0';
            if (!opens_text(&lock, cases[i].algorithm, token, dot + 1))
                fail_msg("%s: %s.%s", gw_jwt_algorithm_names[cases[i].algorithm], token, dot + 1);
            free(token);
            jwt_free(jwt);
        }
        free(pem);
        drop_lock(&lock);
    }
}

static void a_verifier_goes_on_after_wrong_signatures(void **state)
{
    static const gw_jwt_algorithm_t order[] = {GW_JWT_RS256, GW_JWT_PS512, GW_JWT_RS384, GW_JWT_PS256, GW_JWT_RS256};
    lock_t lock = make_lock_for(keys[GW_JWT_RS256]);
    for (unsigned round = 0; round != 20; ++round) {
        gw_jwt_algorithm_t algorithm = order[round % NUM_OF(order)];
        uint8_t signature[TOKEN_MAX_SIGNATURE];
        size_t len = token_sign(keys[algorithm], gw_jwt_algorithm_names[algorithm], "a.b", 3, signature);
        assert_false(opens(&lock, algorithm, GW_STR("a.c"), signature, len));
        assert_true(opens(&lock, algorithm, GW_STR("a.b"), signature, len));
        gw_jwt_algorithm_t next = order[(round + 1) % NUM_OF(order)];
        if (next != algorithm)
            assert_false(opens(&lock, next, GW_STR("a.b"), signature, len));
    }
    gw_jwt_verifier_dispose(&lock.verifier);
    uint8_t signature[TOKEN_MAX_SIGNATURE]; /* and can be used anew after that */
    size_t len = token_sign(keys[GW_JWT_RS256], "RS256", "a.b", 3, signature);
    assert_true(opens(&lock, GW_JWT_RS256, GW_STR("a.b"), signature, len));
    drop_lock(&lock);
}

/* lengths ---------------------------------------------------------------------------------------------------------- */

static void a_signature_has_its_very_length(void **state)
{
    for (gw_jwt_algorithm_t algorithm = 0; algorithm != GW_JWT_NUM_ALGORITHMS; ++algorithm) {
        static const size_t all_zero[2 * TOKEN_MAX_SIGNATURE / sizeof(size_t)];
        uint8_t signature[3 * TOKEN_MAX_SIGNATURE] = {0}, moved[TOKEN_MAX_SIGNATURE + 1] = {0};
        lock_t lock = make_lock_for(keys[algorithm]);
        size_t len = token_sign(keys[algorithm], gw_jwt_algorithm_names[algorithm], "a.b", 3, signature);
        assert_true(opens(&lock, algorithm, GW_STR("a.b"), signature, len));
        for (size_t other = 0; other <= len + 40; ++other) /* cut, and with zeros behind it */
            if (other != len && opens(&lock, algorithm, GW_STR("a.b"), signature, other))
                fail_msg("%s: %zu bytes of %zu", gw_jwt_algorithm_names[algorithm], other, len);
        memcpy(moved + 1, signature, len); /* with a zero before it, which changes no number */
        assert_false(opens(&lock, algorithm, GW_STR("a.b"), moved, len + 1));
        assert_false(opens(&lock, algorithm, GW_STR("a.b"), signature + 1, len - 1));
        assert_false(opens(&lock, algorithm, GW_STR("a.b"), (const uint8_t *)all_zero, len));
        memcpy(signature + len, signature, len); /* twice */
        assert_false(opens(&lock, algorithm, GW_STR("a.b"), signature, 2 * len));
        drop_lock(&lock);
    }
}

static void an_rsa_signature_keeps_its_leading_zeros(void **state)
{
    lock_t lock = make_lock_for(keys[GW_JWT_RS256]);
    for (unsigned n = 0, num_found = 0; num_found != 2; ++n) {
        char content[32];
        uint8_t signature[TOKEN_MAX_SIGNATURE];
        snprintf(content, sizeof(content), "a.%u", n);
        size_t len = token_sign(keys[GW_JWT_RS256], "RS256", content, strlen(content), signature);
        if (signature[0] != 0)
            continue;
        ++num_found;
        assert_true(opens(&lock, GW_JWT_RS256, gw_str_of(content), signature, len));
        assert_false(opens(&lock, GW_JWT_RS256, gw_str_of(content), signature + 1, len - 1));
    }
    drop_lock(&lock);
}

/* numbers ---------------------------------------------------------------------------------------------------------- */

/** The order of the curve's group. */
static BIGNUM *order_of(gw_jwt_algorithm_t algorithm)
{
    static const int curves[] = {NID_X9_62_prime256v1, NID_secp384r1, NID_secp521r1};
    EC_GROUP *group = EC_GROUP_new_by_curve_name(curves[algorithm - GW_JWT_ES256]);
    BIGNUM *order = BN_dup(EC_GROUP_get0_order(group));
    EC_GROUP_free(group);
    return order;
}

static void ecdsa_numbers_are_within_the_order_of_the_group(void **state)
{
    for (gw_jwt_algorithm_t algorithm = GW_JWT_ES256; algorithm <= GW_JWT_ES512; ++algorithm) {
        uint8_t signature[TOKEN_MAX_SIGNATURE], order_bytes[66], other[132];
        lock_t lock = make_lock_for(keys[algorithm]);
        size_t len = token_sign(keys[algorithm], gw_jwt_algorithm_names[algorithm], "a.b", 3, signature);
        BIGNUM *order = order_of(algorithm);
        assert_int_equal(BN_bn2binpad(order, order_bytes, (int)len / 2), len / 2);
        for (size_t half = 0; half != 2; ++half)
            for (unsigned what = 0; what != 6; ++what) {
                uint8_t *number = other + half * len / 2;
                memcpy(other, signature, len);
                memset(number, 0, len / 2);
                if (what == 1) /* 1 */
                    number[len / 2 - 1] = 1;
                else if (what == 2) /* the order, which is 0 again */
                    memcpy(number, order_bytes, len / 2);
                else if (what == 3) /* one below it: in range, and wrong */
                    memcpy(number, order_bytes, len / 2), --number[len / 2 - 1];
                else if (what == 4) /* as much as fits */
                    memset(number, 0xff, len / 2);
                else if (what == 5) /* the right one, but for the other half */
                    memcpy(number, signature + (1 - half) * len / 2, len / 2);
                if (opens(&lock, algorithm, GW_STR("a.b"), other, len))
                    fail_msg("%s: number %zu, case %u", gw_jwt_algorithm_names[algorithm], half, what);
            }
        memset(other, 0, sizeof(other)); /* CVE-2022-21449 */
        assert_false(opens(&lock, algorithm, GW_STR("a.b"), other, len));
        memcpy(other, order_bytes, len / 2);
        memcpy(other + len / 2, order_bytes, len / 2);
        assert_false(opens(&lock, algorithm, GW_STR("a.b"), other, len));
        BN_free(order);
        drop_lock(&lock);
    }
}

/** P-521 has room above its order: r + n and s + n are the same numbers in another text. */
static void no_number_is_taken_modulo_the_order(void **state)
{
    uint8_t signature[TOKEN_MAX_SIGNATURE], other[132];
    lock_t lock = make_lock_for(keys[GW_JWT_ES512]);
    size_t len = token_sign(keys[GW_JWT_ES512], "ES512", "a.b", 3, signature);
    BIGNUM *order = order_of(GW_JWT_ES512), *number = NULL;
    for (size_t half = 0; half != 2; ++half)
        for (unsigned times = 1; times != 60; ++times) {
            memcpy(other, signature, len);
            number = BN_bin2bn(signature + half * 66, 66, number);
            for (unsigned i = 0; i != times; ++i)
                BN_add(number, number, order);
            assert_int_equal(BN_bn2binpad(number, other + half * 66, 66), 66);
            if (opens(&lock, GW_JWT_ES512, GW_STR("a.b"), other, len))
                fail_msg("number %zu, %u times the order more", half, times);
        }
    BN_free(number);
    BN_free(order);
    drop_lock(&lock);
}

/** RSA: a signature is a number below the modulus.  This one plus the modulus has as many bytes. */
static void no_number_is_taken_modulo_the_rsa_modulus(void **state)
{
    lock_t lock = make_lock(RFC7520_3_3_KEY);
    uint8_t signature[TOKEN_MAX_SIGNATURE], other[257];
    BIGNUM *modulus = NULL, *number;
    size_t len;
    assert_int_equal(EVP_PKEY_get_bn_param(lock.key->pkey, OSSL_PKEY_PARAM_RSA_N, &modulus), 1);
    assert_true(gw_base64url_decode(signature, &len, GW_STR(RFC7520_4_1_SIGNATURE)));
    assert_true(opens(&lock, GW_JWT_RS256, GW_STR(RFC7520_4_1_CONTENT), signature, len));
    number = BN_bin2bn(signature, (int)len, NULL);
    BN_add(number, number, modulus);
    assert_int_equal(BN_bn2binpad(number, other, 256), 256);
    assert_false(opens(&lock, GW_JWT_RS256, GW_STR(RFC7520_4_1_CONTENT), other, 256));
    BN_add(number, number, modulus);
    assert_int_equal(BN_bn2binpad(number, other, 257), 257);
    assert_false(opens(&lock, GW_JWT_RS256, GW_STR(RFC7520_4_1_CONTENT), other, 257));
    BN_free(number);
    BN_free(modulus);
    drop_lock(&lock);
}

/** RFC 8032 5.1.7: S is below the order of the group; S + L would be a second signature of the same. */
static void no_number_of_ed25519_is_taken_modulo_the_order(void **state)
{
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7,
                                      0xa2, 0xde, 0xf9, 0xde, 0x14, 0,    0,    0,    0,    0,    0,
                                      0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};
    uint8_t signature[TOKEN_MAX_SIGNATURE];
    lock_t lock = make_lock_for(keys[GW_JWT_EDDSA]);
    size_t len = token_sign(keys[GW_JWT_EDDSA], "EdDSA", "a.b", 3, signature);
    for (unsigned times = 1; times != 15; ++times) {
        unsigned carry = 0;
        for (size_t i = 0; i != 32; ++i) {
            carry += (unsigned)signature[32 + i] + order[i];
            signature[32 + i] = (uint8_t)carry;
            carry >>= 8;
        }
        assert_int_equal(carry, 0);
        assert_false(opens(&lock, GW_JWT_EDDSA, GW_STR("a.b"), signature, len));
    }
    drop_lock(&lock);
}

/* other forms ------------------------------------------------------------------------------------------------------ */

/** Signs with any options.  @return length */
static size_t sign_raw(EVP_PKEY *pair, const EVP_MD *hash, int padding, int salt, const EVP_MD *mask, uint8_t *to)
{
    size_t len = TOKEN_MAX_SIGNATURE;
    EVP_PKEY_CTX *options;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(context, &options, hash, NULL, pair), 1);
    if (padding != 0)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(options, padding), 1);
    if (padding == RSA_PKCS1_PSS_PADDING) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, salt), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_mgf1_md(options, mask), 1);
    }
    assert_int_equal(EVP_DigestSign(context, to, &len, (const uint8_t *)"a.b", 3), 1);
    EVP_MD_CTX_free(context);
    return len;
}

static void an_ecdsa_signature_in_der_is_none(void **state)
{
    for (gw_jwt_algorithm_t algorithm = GW_JWT_ES256; algorithm <= GW_JWT_ES512; ++algorithm) {
        const EVP_MD *hashes[] = {EVP_sha256(), EVP_sha384(), EVP_sha512()};
        lock_t lock = make_lock_for(keys[algorithm]);
        for (unsigned n = 0; n != 50; ++n) {
            uint8_t der[TOKEN_MAX_SIGNATURE];
            size_t len = sign_raw(keys[algorithm]->pair, hashes[algorithm - GW_JWT_ES256], 0, 0, NULL, der);
            assert_false(opens(&lock, algorithm, GW_STR("a.b"), der, len));
            /* nor when it is cut or filled up to the right length */
            memset(der + len, 0, sizeof(der) - len);
            assert_false(opens(&lock, algorithm, GW_STR("a.b"), der, lock.key->signature_len));
        }
        drop_lock(&lock);
    }
}

/** RFC 7518 3.5: the salt is as long as the hash, the mask is made by the same hash. */
static void pss_has_the_salt_and_the_mask_of_its_hash(void **state)
{
    EVP_PKEY *pair = keys[GW_JWT_PS256]->pair;
    static const int salts[] = {0, 1, 20, 31, 33, 48, 64, RSA_PSS_SALTLEN_MAX};
    uint8_t signature[TOKEN_MAX_SIGNATURE];
    lock_t lock = make_lock_for(keys[GW_JWT_PS256]);
    size_t len = sign_raw(pair, EVP_sha256(), RSA_PKCS1_PSS_PADDING, 32, EVP_sha256(), signature);
    assert_true(opens(&lock, GW_JWT_PS256, GW_STR("a.b"), signature, len));
    for (size_t i = 0; i != NUM_OF(salts); ++i) {
        len = sign_raw(pair, EVP_sha256(), RSA_PKCS1_PSS_PADDING, salts[i], EVP_sha256(), signature);
        if (opens(&lock, GW_JWT_PS256, GW_STR("a.b"), signature, len))
            fail_msg("a salt of %d bytes", salts[i]);
    }
    len = sign_raw(pair, EVP_sha256(), RSA_PKCS1_PSS_PADDING, 32, EVP_sha1(), signature);
    assert_false(opens(&lock, GW_JWT_PS256, GW_STR("a.b"), signature, len));
    len = sign_raw(pair, EVP_sha256(), RSA_PKCS1_PSS_PADDING, 32, EVP_sha512(), signature);
    assert_false(opens(&lock, GW_JWT_PS256, GW_STR("a.b"), signature, len));
    drop_lock(&lock);
}

static void weaker_hashes_are_none_of_ours(void **state)
{
    static const gw_jwt_algorithm_t algorithms[] = {GW_JWT_RS256, GW_JWT_PS256, GW_JWT_ES256};
    for (size_t i = 0; i != NUM_OF(algorithms); ++i) {
        uint8_t signature[TOKEN_MAX_SIGNATURE];
        lock_t lock = make_lock_for(keys[algorithms[i]]);
        int padding = algorithms[i] == GW_JWT_ES256   ? 0
                      : algorithms[i] == GW_JWT_PS256 ? RSA_PKCS1_PSS_PADDING
                                                      : RSA_PKCS1_PADDING;
        size_t len = sign_raw(keys[algorithms[i]]->pair, EVP_sha1(), padding, 20, EVP_sha1(), signature);
        for (gw_jwt_algorithm_t algorithm = 0; algorithm != GW_JWT_NUM_ALGORITHMS; ++algorithm)
            assert_false(opens(&lock, algorithm, GW_STR("a.b"), signature, len));
        drop_lock(&lock);
    }
}

/** Algorithm confusion (RFC 8725 2.1): what everybody knows of a public key is no secret. */
static void a_public_key_is_no_shared_secret(void **state)
{
    for (gw_jwt_algorithm_t algorithm = GW_JWT_RS256; algorithm != GW_JWT_NUM_ALGORITHMS; ++algorithm) {
        lock_t lock = make_lock_for(keys[algorithm]);
        char *texts[] = {token_key_pem(keys[algorithm]), token_jwk(keys[algorithm], NULL)};
        for (size_t i = 0; i != NUM_OF(texts); ++i) {
            token_key_t *secret = token_key_from_secret(texts[i], strlen(texts[i]), NULL);
            for (gw_jwt_algorithm_t mac = GW_JWT_HS256; mac <= GW_JWT_HS512; ++mac) {
                uint8_t signature[TOKEN_MAX_SIGNATURE];
                size_t len = token_sign(secret, gw_jwt_algorithm_names[mac], "a.b", 3, signature);
                for (gw_jwt_algorithm_t as = 0; as != GW_JWT_NUM_ALGORITHMS; ++as)
                    assert_false(opens(&lock, as, GW_STR("a.b"), signature, len));
            }
            token_key_free(secret);
            free(texts[i]);
        }
        drop_lock(&lock);
    }
}

static void a_signature_is_of_one_key_only(void **state)
{
    for (gw_jwt_algorithm_t algorithm = 0; algorithm != GW_JWT_NUM_ALGORITHMS; ++algorithm) {
        uint8_t signature[TOKEN_MAX_SIGNATURE];
        size_t len = token_sign(keys[algorithm], gw_jwt_algorithm_names[algorithm], "a.b", 3, signature);
        for (size_t i = 0; i != NUM_OF(examples); ++i) { /* none of these made it, whatever it is taken for */
            lock_t lock = make_lock(examples[i].key);
            for (gw_jwt_algorithm_t as = 0; as != GW_JWT_NUM_ALGORITHMS; ++as)
                assert_false(opens(&lock, as, GW_STR("a.b"), signature, len));
            drop_lock(&lock);
        }
        for (gw_jwt_algorithm_t other = GW_JWT_ES256; other <= GW_JWT_ES512; ++other) { /* nor a key of another curve */
            lock_t lock = make_lock_for(keys[other]);
            assert_true(opens(&lock, other, GW_STR("a.b"), signature, len) == (other == algorithm));
            drop_lock(&lock);
        }
    }
}

static void an_algorithm_that_the_key_is_not_for_is_refused(void **state)
{
    char *jwk = token_jwk(keys[GW_JWT_RS256], "\"alg\":\"RS256\"");
    lock_t pinned = make_lock(jwk);
    static const gw_jwt_algorithm_t others[] = {GW_JWT_RS384, GW_JWT_RS512, GW_JWT_PS256, GW_JWT_PS384, GW_JWT_PS512};
    for (size_t i = 0; i != NUM_OF(others); ++i) {
        uint8_t signature[TOKEN_MAX_SIGNATURE];
        size_t len = token_sign(keys[others[i]], gw_jwt_algorithm_names[others[i]], "a.b", 3, signature);
        assert_false(opens(&pinned, others[i], GW_STR("a.b"), signature, len));
    }
    free(jwk);
    drop_lock(&pinned);
    token_key_t *secret = token_key_from_secret("0123456789abcdef0123456789abcdef", 32, NULL);
    lock_t narrow = make_lock_for(secret);
    uint8_t signature[TOKEN_MAX_SIGNATURE];
    size_t len = token_sign(secret, "HS512", "a.b", 3, signature);
    assert_false(opens(&narrow, GW_JWT_HS512, GW_STR("a.b"), signature, len)); /* too short for that one */
    len = token_sign(secret, "HS256", "a.b", 3, signature);
    assert_true(opens(&narrow, GW_JWT_HS256, GW_STR("a.b"), signature, len));
    token_key_free(secret);
    drop_lock(&narrow);
}

/* threads ---------------------------------------------------------------------------------------------------------- */

typedef struct worker {
    pthread_t thread;
    const gw_jwt_key_t *key;
    gw_jwt_algorithm_t algorithm;
    const uint8_t *signature;
    size_t len;
    unsigned num_right;
} worker_t;

static void *verify_often(void *arg)
{
    worker_t *worker = arg;
    gw_jwt_verifier_t verifier = {.digest = NULL};
    for (unsigned n = 0; n != 50; ++n)
        worker->num_right +=
            gw_jwt_verify(&verifier, worker->key, worker->algorithm, GW_STR("a.b"), worker->signature, worker->len) &&
            !gw_jwt_verify(&verifier, worker->key, worker->algorithm, GW_STR("a.c"), worker->signature, worker->len);
    gw_jwt_verifier_dispose(&verifier);
    return NULL;
}

static void threads_share_a_key(void **state)
{
    static const gw_jwt_algorithm_t algorithms[] = {GW_JWT_HS256, GW_JWT_RS256, GW_JWT_PS256, GW_JWT_ES256,
                                                    GW_JWT_EDDSA};
    for (size_t i = 0; i != NUM_OF(algorithms); ++i) {
        uint8_t signature[TOKEN_MAX_SIGNATURE];
        lock_t lock = make_lock_for(keys[algorithms[i]]);
        size_t len = token_sign(keys[algorithms[i]], gw_jwt_algorithm_names[algorithms[i]], "a.b", 3, signature);
        worker_t workers[4];
        for (size_t k = 0; k != NUM_OF(workers); ++k) {
            workers[k] = (worker_t){.key = lock.key, .algorithm = algorithms[i], .signature = signature, .len = len};
            assert_int_equal(pthread_create(&workers[k].thread, NULL, verify_often, &workers[k]), 0);
        }
        for (size_t k = 0; k != NUM_OF(workers); ++k) {
            assert_int_equal(pthread_join(workers[k].thread, NULL), 0);
            assert_int_equal(workers[k].num_right, 50);
        }
        drop_lock(&lock);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfcs_verify_with_their_algorithm_only),
        cmocka_unit_test(no_bit_of_an_example_may_be_another),
        cmocka_unit_test(what_openssl_signs_verifies_with_that_algorithm_only),
        cmocka_unit_test(what_libjwt_mints_verifies),
        cmocka_unit_test(a_verifier_goes_on_after_wrong_signatures),
        cmocka_unit_test(a_signature_has_its_very_length),
        cmocka_unit_test(an_rsa_signature_keeps_its_leading_zeros),
        cmocka_unit_test(ecdsa_numbers_are_within_the_order_of_the_group),
        cmocka_unit_test(no_number_is_taken_modulo_the_order),
        cmocka_unit_test(no_number_is_taken_modulo_the_rsa_modulus),
        cmocka_unit_test(no_number_of_ed25519_is_taken_modulo_the_order),
        cmocka_unit_test(an_ecdsa_signature_in_der_is_none),
        cmocka_unit_test(pss_has_the_salt_and_the_mask_of_its_hash),
        cmocka_unit_test(weaker_hashes_are_none_of_ours),
        cmocka_unit_test(a_public_key_is_no_shared_secret),
        cmocka_unit_test(a_signature_is_of_one_key_only),
        cmocka_unit_test(an_algorithm_that_the_key_is_not_for_is_refused),
        cmocka_unit_test(threads_share_a_key),
    };
    return cmocka_run_group_tests_name("jwt signature", tests, make_keys, free_keys);
}
