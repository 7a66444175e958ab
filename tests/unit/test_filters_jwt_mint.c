/* SPDX-License-Identifier: MIT
 * Tests of minting: what is signed verifies by OpenSSL and, where it knows the algorithm, by libjwt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include "filters/jwt/mint.h"
#include "tests/support/jws.h"

static const char secret[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/** @return a key that has the algorithm, whatever kind it is */
static gw_mint_key_t *key_for(const char *algorithm)
{
    char why[256];
    if (strncmp(algorithm, "HS", 2) == 0)
        return gw_mint_key_from_secret(algorithm,
                                       GW_STR("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abc"
                                              "def"),
                                       why, sizeof(why));
    return gw_mint_key_generate(algorithm);
}

static void every_algorithm_signs_what_others_verify(void **state)
{
    json_t *payload = json_pack("{s:s, s:[i, i], s:{s:f}}", "sub", "\xc3\xa4 \"quoted\"", "list", 1, 2, "a", "b", 0.5);
    for (size_t i = 0; gw_mint_algorithms[i] != NULL; ++i)
        for (int k = 0; k != 2; ++k) { /* one type that libjwt writes, one that it cannot */
            const char *algorithm = gw_mint_algorithms[i], *type = k == 0 ? "JWT" : "at+jwt";
            print_message("%s %s\n", algorithm, type);
            json_t *header =
                k == 0 ? json_pack("{s:s}", "kid", "k-1") : json_pack("{s:s, s:s}", "kid", "k-1", "typ", type);
            gw_mint_key_t *key = key_for(algorithm);
            assert_string_equal(gw_mint_key_algorithm(key), algorithm);
            char *token = gw_mint_token(key, header, payload);
            assert_non_null(token);

            json_t *read = jws_part(token, 0),
                   *expected = json_pack("{s:s, s:s, s:s}", "kid", "k-1", "alg", algorithm, "typ", type);
            assert_true(json_equal(read, expected));
            json_decref(read);
            json_decref(expected);
            read = jws_part(token, 1);
            assert_true(json_equal(read, payload));
            json_decref(read);

            const char *with = algorithm[0] == 'H' ? secret : NULL;
            assert_true(jws_verifies(token, gw_mint_key_pair(key), with));
            if (k == 0 && algorithm[0] != 'P' && algorithm[1] != 'd')
                assert_true(jws_verifies_by_libjwt(token, gw_mint_key_pair(key), with));
            char *changed = strrchr(token, '.') - 2; /* in the payload */
            *changed = *changed == 'A' ? 'B' : 'A';
            assert_false(jws_verifies(token, gw_mint_key_pair(key), with));
            free(token);
            gw_mint_key_free(key);
            json_decref(header);
        }
    json_decref(payload);
}

/** Numbers with zeros in front are a case of one in 128 signatures. */
static void ecdsa_signatures_have_one_size(void **state)
{
    json_t *header = json_pack("{s:s}", "typ", "at+jwt"), *payload = json_object();
    gw_mint_key_t *key = gw_mint_key_generate("ES256");
    for (int i = 0; i != 600; ++i) {
        json_object_set_new(payload, "jti", json_integer(i));
        char *token = gw_mint_token(key, header, payload);
        assert_int_equal(strlen(strrchr(token, '.') + 1), 86);
        assert_true(jws_verifies(token, gw_mint_key_pair(key), NULL));
        free(token);
    }
    gw_mint_key_free(key);
    json_decref(header);
    json_decref(payload);
}

static char *pem_of(EVP_PKEY *pair, const char *password)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text, *copy;
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, pair, password != NULL ? EVP_aes_128_cbc() : NULL, password,
                                                   password != NULL ? (int)strlen(password) : 0, NULL, NULL),
                     1);
    long len = BIO_get_mem_data(bio, &text);
    copy = calloc((size_t)len + 1, 1);
    memcpy(copy, text, (size_t)len);
    BIO_free(bio);
    return copy;
}

static EVP_PKEY *make(const char *kind)
{
    if (strncmp(kind, "RSA ", 4) == 0)
        return EVP_RSA_gen((unsigned)atoi(kind + 4));
    if (strncmp(kind, "EC ", 3) == 0)
        return EVP_EC_gen(kind + 3);
    return EVP_PKEY_Q_keygen(NULL, NULL, kind);
}

static void a_private_key_is_used_for_what_it_is_made_for(void **state)
{
    static const struct {
        const char *kind, *asked, *algorithm, *why; /* one of the last two is NULL */
    } cases[] = {
        {"RSA 2048", NULL, "RS256", NULL},
        {"RSA 2048", "PS384", "PS384", NULL},
        {"RSA 3072", "RS512", "RS512", NULL},
        {"EC P-256", NULL, "ES256", NULL},
        {"EC P-384", NULL, "ES384", NULL},
        {"EC P-521", NULL, "ES512", NULL},
        {"ED25519", NULL, "EdDSA", NULL},
        {"ED25519", "EdDSA", "EdDSA", NULL},
        {"RSA 1024", NULL, NULL, "the RSA key has 1024 bits; RS256 needs 2048"},
        {"RSA 2048", "RS257", NULL, "there is no algorithm 'RS257'"},
        {"RSA 2048", "none", NULL, "there is no algorithm 'none'"},
        {"RSA 2048", "HS256", NULL, "HS256 takes a secret, not a private key"},
        {"RSA 2048", "ES256", NULL, "ES256 cannot be signed with this key: it takes prime256v1"},
        {"EC P-256", "ES384", NULL, "ES384 cannot be signed with this key: it takes secp384r1"},
        {"EC P-256", "RS256", NULL, "RS256 cannot be signed with this key: it takes RSA"},
        {"EC P-256", "EdDSA", NULL, "EdDSA cannot be signed with this key: it takes Ed25519"},
        {"EC secp256k1", NULL, NULL, "no algorithm of RFC 7518 or RFC 8037 uses such a key"},
        {"X25519", NULL, NULL, "no algorithm of RFC 7518 or RFC 8037 uses such a key"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char why[256] = "";
        EVP_PKEY *pair = make(cases[i].kind);
        char *pem = pem_of(pair, NULL);
        print_message("%s for %s\n", cases[i].kind, cases[i].asked != NULL ? cases[i].asked : "whatever it is for");
        gw_mint_key_t *key = gw_mint_key_from_pem(cases[i].asked, gw_str_of(pem), why, sizeof(why));
        if (cases[i].why != NULL) {
            assert_null(key);
            assert_string_equal(why, cases[i].why);
        } else {
            assert_non_null(key);
            assert_string_equal(gw_mint_key_algorithm(key), cases[i].algorithm);
            assert_int_equal(EVP_PKEY_eq(gw_mint_key_pair(key), pair), 1);
        }
        gw_mint_key_free(key);
        free(pem);
        EVP_PKEY_free(pair);
    }
}

static void what_is_no_private_key_is_refused_without_asking_for_a_password(void **state)
{
    char why[256];
    EVP_PKEY *pair = make("EC P-256");
    char *encrypted = pem_of(pair, "password");
    assert_null(gw_mint_key_from_pem(NULL, gw_str_of(encrypted), why, sizeof(why)));
    assert_string_equal(why, "the private key is encrypted, and there is no way to give its password");
    BIO *bio = BIO_new(BIO_s_mem());
    char *public;
    PEM_write_bio_PUBKEY(bio, pair);
    long len = BIO_get_mem_data(bio, &public);
    assert_null(gw_mint_key_from_pem(NULL, gw_str(public, (size_t)len), why, sizeof(why)));
    assert_string_equal(why, "there is no private key in PEM form");
    assert_null(gw_mint_key_from_pem(NULL, GW_STR(""), why, sizeof(why)));
    assert_string_equal(why, "there is no private key in PEM form");
    BIO_free(bio);
    free(encrypted);
    EVP_PKEY_free(pair);
}

static void a_secret_is_at_least_as_long_as_the_hash(void **state)
{
    static const struct {
        const char *algorithm;
        size_t len;
        const char *why; /* NULL: it is used */
    } cases[] = {
        {NULL, 32, NULL},
        {"HS256", 31, "the secret has 31 bytes; HS256 needs 32"},
        {"HS384", 48, NULL},
        {"HS384", 47, "the secret has 47 bytes; HS384 needs 48"},
        {"HS512", 64, NULL},
        {"HS512", 63, "the secret has 63 bytes; HS512 needs 64"},
        {"RS256", 64, "RS256 takes a private key, not a secret"},
        {"hs256", 64, "there is no algorithm 'hs256'"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char why[256] = "";
        gw_mint_key_t *key =
            gw_mint_key_from_secret(cases[i].algorithm, gw_str(secret, cases[i].len), why, sizeof(why));
        assert_string_equal(why, cases[i].why != NULL ? cases[i].why : "");
        assert_int_equal(key == NULL, cases[i].why != NULL);
        gw_mint_key_free(key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm_signs_what_others_verify),
        cmocka_unit_test(ecdsa_signatures_have_one_size),
        cmocka_unit_test(a_private_key_is_used_for_what_it_is_made_for),
        cmocka_unit_test(what_is_no_private_key_is_refused_without_asking_for_a_password),
        cmocka_unit_test(a_secret_is_at_least_as_long_as_the_hash),
    };
    return cmocka_run_group_tests_name("test_filters_jwt_mint", tests, NULL, NULL);
}
