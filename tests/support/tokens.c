/* SPDX-License-Identifier: MIT
 * Keys and tokens for tests. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include "tests/support/tokens.h"

enum { secret_len = 64 };

static void check(bool is_good, const char *what)
{
    if (is_good)
        return;
    fprintf(stderr, "test set-up: %s\n", what);
    abort();
}

char *token_text(const char *format, ...)
{
    va_list args;
    char *text;
    va_start(args, format);
    check(vasprintf(&text, format, args) >= 0, "vasprintf");
    va_end(args);
    return text;
}

long token_now(void)
{
    return (long)time(NULL);
}

/* keys ------------------------------------------------------------------------------------------------------------- */

static EVP_PKEY *make_pair(const char *kind)
{
    static const struct {
        const char *kind, *type, *curve;
        unsigned bits;
    } kinds[] = {
        {"RSA", "RSA", NULL, 2048},           {"RSA-1024", "RSA", NULL, 1024},
        {"RSA-4096", "RSA", NULL, 4096},      {"P-256", "EC", SN_X9_62_prime256v1, 0},
        {"P-384", "EC", SN_secp384r1, 0},     {"P-521", "EC", SN_secp521r1, 0},
        {"secp256k1", "EC", SN_secp256k1, 0}, {"Ed25519", "ED25519", NULL, 0},
        {"Ed448", "ED448", NULL, 0},
    };
    for (size_t i = 0; i != sizeof(kinds) / sizeof(kinds[0]); ++i) {
        if (strcmp(kind, kinds[i].kind) != 0)
            continue;
        if (kinds[i].curve != NULL)
            return EVP_PKEY_Q_keygen(NULL, NULL, "EC", kinds[i].curve);
        if (kinds[i].bits != 0)
            return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)kinds[i].bits);
        return EVP_PKEY_Q_keygen(NULL, NULL, kinds[i].type);
    }
    return NULL;
}

token_key_t *token_key_make(const char *kind, const char *kid)
{
    token_key_t *key = calloc(1, sizeof(*key));
    key->kid = kid;
    if (strcmp(kind, "oct") == 0) {
        key->secret = malloc(secret_len);
        key->secret_len = secret_len;
        check(RAND_bytes(key->secret, secret_len) == 1, "RAND_bytes");
    } else {
        key->pair = make_pair(kind);
        check(key->pair != NULL, kind);
    }
    return key;
}

token_key_t *token_key_from_secret(const void *secret, size_t len, const char *kid)
{
    token_key_t *key = calloc(1, sizeof(*key));
    key->kid = kid;
    key->secret = malloc(len + 1);
    key->secret_len = len;
    if (len != 0)
        memcpy(key->secret, secret, len);
    key->secret[len] = '\0';
    return key;
}

token_key_t *token_key_free(token_key_t *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->pair);
        free(key->secret);
    }
    free(key);
    return NULL;
}

/** Frees the BIO.  @return what was written to it */
static char *text_of(BIO *bio)
{
    char *bytes;
    long len = BIO_get_mem_data(bio, &bytes);
    char *text = token_text("%.*s", (int)len, bytes); /* nothing ends it */
    BIO_free(bio);
    return text;
}

char *token_key_pem(const token_key_t *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    check(PEM_write_bio_PUBKEY(bio, key->pair) == 1, "PEM_write_bio_PUBKEY");
    return text_of(bio);
}

char *token_key_private_pem(const token_key_t *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    check(PEM_write_bio_PrivateKey(bio, key->pair, NULL, NULL, 0, NULL, NULL) == 1, "PEM_write_bio_PrivateKey");
    return text_of(bio);
}

uint8_t *token_key_der(const token_key_t *key, size_t *ret_len)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key->pair, &der);
    check(len > 0, "i2d_PUBKEY");
    uint8_t *bytes = malloc((size_t)len); /* so that free(3) is right for it */
    memcpy(bytes, der, (size_t)len);
    OPENSSL_free(der);
    *ret_len = (size_t)len;
    return bytes;
}

/** @param len bytes it shall have; 0: as few as it needs */
static char *number_base64url(const EVP_PKEY *pair, const char *name, int len)
{
    BIGNUM *number = NULL;
    uint8_t bytes[1024];
    check(EVP_PKEY_get_bn_param(pair, name, &number) == 1, name);
    if (len == 0)
        len = BN_num_bytes(number);
    check(BN_bn2binpad(number, bytes, len) == len, name);
    BN_free(number);
    return token_base64url(bytes, (size_t)len);
}

static char *raw_base64url(const EVP_PKEY *pair)
{
    uint8_t bytes[64];
    size_t len = sizeof(bytes);
    check(EVP_PKEY_get_raw_public_key(pair, bytes, &len) == 1, "EVP_PKEY_get_raw_public_key");
    return token_base64url(bytes, len);
}

static const char *curve_of(const EVP_PKEY *pair)
{
    char name[64];
    check(EVP_PKEY_get_group_name(pair, name, sizeof(name), NULL) == 1, "EVP_PKEY_get_group_name");
    return strcmp(name, SN_X9_62_prime256v1) == 0 ? "P-256"
           : strcmp(name, SN_secp384r1) == 0      ? "P-384"
           : strcmp(name, SN_secp521r1) == 0      ? "P-521"
                                                  : "secp256k1";
}

/** The members that make the key. */
static char *jwk_members(const token_key_t *key)
{
    char *first, *second = NULL, *text;
    if (key->pair == NULL) {
        first = token_base64url(key->secret, key->secret_len);
        text = token_text("\"kty\":\"oct\",\"k\":\"%s\"", first);
    } else if (EVP_PKEY_is_a(key->pair, "RSA")) {
        first = number_base64url(key->pair, OSSL_PKEY_PARAM_RSA_N, 0);
        second = number_base64url(key->pair, OSSL_PKEY_PARAM_RSA_E, 0);
        text = token_text("\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"", first, second);
    } else if (EVP_PKEY_is_a(key->pair, "EC")) {
        int len = (EVP_PKEY_get_bits(key->pair) + 7) / 8;
        first = number_base64url(key->pair, OSSL_PKEY_PARAM_EC_PUB_X, len);
        second = number_base64url(key->pair, OSSL_PKEY_PARAM_EC_PUB_Y, len);
        text =
            token_text("\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"%s\",\"y\":\"%s\"", curve_of(key->pair), first, second);
    } else {
        first = raw_base64url(key->pair);
        text = token_text("\"kty\":\"OKP\",\"crv\":\"%s\",\"x\":\"%s\"",
                          EVP_PKEY_is_a(key->pair, "ED448") ? "Ed448" : "Ed25519", first);
    }
    free(first);
    free(second);
    return text;
}

char *token_jwk(const token_key_t *key, const char *members)
{
    char *own = jwk_members(key);
    char *kid = key->kid != NULL ? token_text(",\"kid\":\"%s\"", key->kid) : strdup("");
    char *text = token_text("{%s%s%s%s}", own, kid, members != NULL ? "," : "", members != NULL ? members : "");
    free(own);
    free(kid);
    return text;
}

char *token_jwks(const token_key_t *const *keys)
{
    char *text = NULL;
    size_t len;
    FILE *file = open_memstream(&text, &len);
    fprintf(file, "{\"keys\":[");
    for (size_t i = 0; keys[i] != NULL; ++i) {
        char *jwk = token_jwk(keys[i], NULL);
        fprintf(file, "%s%s", i != 0 ? "," : "", jwk);
        free(jwk);
    }
    fprintf(file, "]}");
    fclose(file);
    return text;
}

/* signatures ------------------------------------------------------------------------------------------------------- */

static const EVP_MD *hash_of(const char *alg)
{
    return strncmp(alg + 2, "384", 3) == 0   ? EVP_sha384()
           : strncmp(alg + 2, "512", 3) == 0 ? EVP_sha512()
                                             : EVP_sha256();
}

/** DER -> R || S (RFC 7518 3.4). */
static size_t fixed_size(const uint8_t *der, size_t der_len, int coordinate_len, uint8_t *to)
{
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)der_len);
    check(signature != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(signature), to, coordinate_len) == coordinate_len &&
              BN_bn2binpad(ECDSA_SIG_get0_s(signature), to + coordinate_len, coordinate_len) == coordinate_len,
          "an ECDSA signature");
    ECDSA_SIG_free(signature);
    return 2 * (size_t)coordinate_len;
}

size_t token_sign(const token_key_t *key, const char *alg, const void *content, size_t len, uint8_t *to)
{
    bool is_rsa = key->pair != NULL && EVP_PKEY_is_a(key->pair, "RSA");
    bool is_ec = key->pair != NULL && EVP_PKEY_is_a(key->pair, "EC");
    if (key->pair == NULL) {
        unsigned mac_len;
        check(HMAC(hash_of(alg), key->secret, (int)key->secret_len, content, len, to, &mac_len) != NULL, "HMAC");
        return mac_len;
    }
    uint8_t bytes[TOKEN_MAX_SIGNATURE];
    size_t signature_len = sizeof(bytes);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options;
    check(EVP_DigestSignInit(context, &options, is_rsa || is_ec ? hash_of(alg) : NULL, NULL, key->pair) == 1,
          "EVP_DigestSignInit");
    if (is_rsa && *alg == 'P')
        check(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
                  EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1,
              "PSS");
    check(EVP_DigestSign(context, bytes, &signature_len, content, len) == 1, "EVP_DigestSign");
    EVP_MD_CTX_free(context);
    if (is_ec)
        return fixed_size(bytes, signature_len, (EVP_PKEY_get_bits(key->pair) + 7) / 8, to);
    memcpy(to, bytes, signature_len);
    return signature_len;
}

/* tokens ----------------------------------------------------------------------------------------------------------- */

char *token_base64url(const void *bytes, size_t len)
{
    char *text = malloc((len + 2) / 3 * 4 + 1);
    EVP_EncodeBlock((unsigned char *)text, bytes, (int)len);
    for (char *c = text; *c != '\0'; ++c)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    text[strcspn(text, "=")] = '\0';
    return text;
}

char *token_content_of(const void *header, size_t header_len, const void *payload, size_t payload_len)
{
    char *first = token_base64url(header, header_len), *second = token_base64url(payload, payload_len);
    char *content = token_text("%s.%s", first, second);
    free(first);
    free(second);
    return content;
}

char *token_content(const char *header, const char *payload)
{
    return token_content_of(header, strlen(header), payload, strlen(payload));
}

char *token_sealed_with(const char *content, const void *signature, size_t len)
{
    char *last = token_base64url(signature, len), *token = token_text("%s.%s", content, last);
    free(last);
    return token;
}

char *token_sealed(const token_key_t *key, const char *alg, const char *content)
{
    uint8_t signature[TOKEN_MAX_SIGNATURE];
    return token_sealed_with(content, signature, token_sign(key, alg, content, strlen(content), signature));
}

char *token_make(const token_key_t *key, const char *alg, const char *header, const char *payload)
{
    char *content = token_content(header, payload), *token = token_sealed(key, alg, content);
    free(content);
    return token;
}

char *token_header(const token_key_t *key, const char *alg)
{
    return key->kid != NULL ? token_text("{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%s\"}", alg, key->kid)
                            : token_text("{\"alg\":\"%s\",\"typ\":\"JWT\"}", alg);
}

char *token_mint(const token_key_t *key, const char *alg, const char *format, ...)
{
    va_list args;
    char *payload, *header = token_header(key, alg);
    va_start(args, format);
    check(vasprintf(&payload, format, args) >= 0, "vasprintf");
    va_end(args);
    char *token = token_make(key, alg, header, payload);
    free(header);
    free(payload);
    return token;
}
