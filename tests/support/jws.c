/* SPDX-License-Identifier: MIT
 * Tokens taken apart and verified. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jwt.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include "gateway/base/base64url.h"
#include "tests/support/jws.h"

typedef struct parts {
    gw_str_t parts[3], input; /* header, payload, signature; what is signed */
} parts_t;

static bool split(const char *token, parts_t *ret)
{
    const char *first = strchr(token, '.'), *second = first != NULL ? strchr(first + 1, '.') : NULL;
    if (second == NULL || strchr(second + 1, '.') != NULL)
        return false;
    ret->parts[0] = gw_str(token, (size_t)(first - token));
    ret->parts[1] = gw_str(first + 1, (size_t)(second - first - 1));
    ret->parts[2] = gw_str_of(second + 1);
    ret->input = gw_str(token, (size_t)(second - token));
    return true;
}

static unsigned char *decode(gw_str_t text, size_t *len)
{
    unsigned char *bytes = malloc(GW_BASE64URL_BYTES(text.len) + 1);
    if (bytes != NULL && gw_base64url_decode(bytes, len, text))
        return bytes;
    free(bytes);
    return NULL;
}

json_t *jws_part(const char *token, int part)
{
    parts_t parts;
    size_t len;
    unsigned char *bytes = split(token, &parts) ? decode(parts.parts[part], &len) : NULL;
    json_t *json = bytes != NULL ? json_loadb((char *)bytes, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(bytes);
    return json;
}

/* keys ------------------------------------------------------------------------------------------------------------- */

static unsigned char *member(const json_t *jwk, const char *name, size_t *len)
{
    const char *text = json_string_value(json_object_get(jwk, name));
    return text != NULL ? decode(gw_str_of(text), len) : NULL;
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *builder)
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    if (EVP_PKEY_fromdata_init(context) != 1 || EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(context);
    return key;
}

static EVP_PKEY *rsa_key(const json_t *jwk)
{
    size_t n_len = 0, e_len = 0;
    unsigned char *n = member(jwk, "n", &n_len), *e = member(jwk, "e", &e_len);
    BIGNUM *modulus = BN_bin2bn(n, (int)n_len, NULL), *exponent = BN_bin2bn(e, (int)e_len, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent);
    EVP_PKEY *key = from_params("RSA", builder);
    OSSL_PARAM_BLD_free(builder);
    BN_free(modulus);
    BN_free(exponent);
    free(n);
    free(e);
    return key;
}

static EVP_PKEY *p256_key(const json_t *jwk)
{
    size_t x_len = 0, y_len = 0;
    unsigned char *x = member(jwk, "x", &x_len), *y = member(jwk, "y", &y_len), point[65] = {4};
    EVP_PKEY *key = NULL;
    if (x != NULL && y != NULL && x_len == 32 && y_len == 32) {
        OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
        memcpy(point + 1, x, 32);
        memcpy(point + 33, y, 32);
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point));
        key = from_params("EC", builder);
        OSSL_PARAM_BLD_free(builder);
    }
    free(x);
    free(y);
    return key;
}

EVP_PKEY *jwk_key(const json_t *jwk)
{
    const char *kty = json_string_value(json_object_get(jwk, "kty"));
    if (kty == NULL)
        return NULL;
    if (strcmp(kty, "RSA") == 0)
        return rsa_key(jwk);
    if (strcmp(kty, "EC") == 0)
        return p256_key(jwk);
    size_t len = 0;
    unsigned char *x = member(jwk, "x", &len);
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x, len);
    free(x);
    return key;
}

EVP_PKEY *jwks_key(const json_t *jwks, const char *token)
{
    json_t *header = jws_part(token, 0), *keys = json_object_get(jwks, "keys");
    EVP_PKEY *key = NULL;
    for (size_t i = 0; i != json_array_size(keys) && key == NULL; ++i)
        if (json_equal(json_object_get(json_array_get(keys, i), "kid"), json_object_get(header, "kid")))
            key = jwk_key(json_array_get(keys, i));
    json_decref(header);
    return key;
}

/* verifying -------------------------------------------------------------------------------------------------------- */

static unsigned char *to_der(const unsigned char *numbers, size_t *len)
{
    ECDSA_SIG *signature = ECDSA_SIG_new();
    unsigned char *der = NULL;
    ECDSA_SIG_set0(signature, BN_bin2bn(numbers, (int)*len / 2, NULL),
                   BN_bin2bn(numbers + *len / 2, (int)*len / 2, NULL));
    *len = (size_t)i2d_ECDSA_SIG(signature, &der);
    ECDSA_SIG_free(signature);
    return der;
}

static bool is_hmac(const char *hash, const char *secret, gw_str_t input, const unsigned char *signature, size_t len)
{
    unsigned char expected[EVP_MAX_MD_SIZE];
    size_t expected_len;
    return EVP_Q_mac(NULL, "HMAC", NULL, hash, NULL, secret, strlen(secret), (const unsigned char *)input.ptr,
                     input.len, expected, sizeof(expected), &expected_len) != NULL &&
           expected_len == len && memcmp(expected, signature, len) == 0;
}

static bool is_signature(const char *algorithm, const char *hash, EVP_PKEY *key, gw_str_t input,
                         const unsigned char *signature, size_t len)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *how;
    unsigned char *der = NULL;
    bool is_ecdsa = strncmp(algorithm, "ES", 2) == 0, is_good;
    if (is_ecdsa && len != ((size_t)EVP_PKEY_get_bits(key) + 7) / 8 * 2) { /* of one size for each curve */
        EVP_MD_CTX_free(context);
        return false;
    }
    if (is_ecdsa)
        signature = der = to_der(signature, &len);
    is_good = EVP_DigestVerifyInit_ex(context, &how, strncmp(algorithm, "Ed", 2) == 0 ? NULL : hash, NULL, NULL, key,
                                      NULL) == 1;
    if (is_good && algorithm[0] == 'P')
        is_good = EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
                  EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1;
    is_good = is_good && EVP_DigestVerify(context, signature, len, (const unsigned char *)input.ptr, input.len) == 1;
    OPENSSL_free(der);
    EVP_MD_CTX_free(context);
    return is_good;
}

bool jws_verifies(const char *token, EVP_PKEY *key, const char *secret)
{
    parts_t parts;
    size_t len;
    json_t *header = jws_part(token, 0);
    const char *algorithm = json_string_value(json_object_get(header, "alg"));
    char hash[8] = "SHA";
    unsigned char *signature = algorithm != NULL && split(token, &parts) ? decode(parts.parts[2], &len) : NULL;
    bool is_good = signature != NULL;
    if (is_good) {
        strncat(hash, algorithm + 2, 3);
        is_good = secret != NULL ? is_hmac(hash, secret, parts.input, signature, len)
                                 : is_signature(algorithm, hash, key, parts.input, signature, len);
    }
    free(signature);
    json_decref(header);
    return is_good;
}

bool jws_verifies_by_libjwt(const char *token, EVP_PKEY *key, const char *secret)
{
    jwt_t *jwt = NULL;
    char *pem;
    if (secret != NULL) {
        bool is_good = jwt_decode(&jwt, token, (const unsigned char *)secret, (int)strlen(secret)) == 0;
        jwt_free(jwt);
        return is_good;
    }
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key);
    long len = BIO_get_mem_data(bio, &pem);
    bool is_good = jwt_decode(&jwt, token, (unsigned char *)pem, (int)len) == 0;
    jwt_free(jwt);
    BIO_free(bio);
    return is_good;
}
