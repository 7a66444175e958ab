/* SPDX-License-Identifier: MIT
 * Public keys as JSON. */
#include <stdlib.h>
#include <string.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/sha.h>
#include "backends/auth_jwk.h"
#include "gateway/base/base64url.h"
#include "gateway/base/memory.h"

#define MAX_BYTES 2048 /* RSA of 16384 bits */

static json_t *encoded(const unsigned char *bytes, size_t len)
{
    char text[GW_BASE64URL_LEN(MAX_BYTES)];
    return json_stringn(text, gw_base64url_encode(text, bytes, len));
}

/** @param fixed bytes the number is to have, with zeros in front; 0: as few as it needs */
static json_t *number(EVP_PKEY *key, const char *name, size_t fixed)
{
    unsigned char bytes[MAX_BYTES];
    BIGNUM *value = NULL;
    json_t *json = NULL;
    if (EVP_PKEY_get_bn_param(key, name, &value) == 1 && BN_num_bytes(value) <= MAX_BYTES) {
        size_t len = fixed != 0 ? fixed : (size_t)BN_num_bytes(value);
        if (BN_bn2binpad(value, bytes, (int)len) == (int)len)
            json = encoded(bytes, len);
    }
    BN_free(value);
    return json;
}

static json_t *rsa(EVP_PKEY *key)
{
    return json_pack("{s:s, s:o, s:o}", "kty", "RSA", "n", number(key, OSSL_PKEY_PARAM_RSA_N, 0), "e",
                     number(key, OSSL_PKEY_PARAM_RSA_E, 0));
}

static json_t *p256(EVP_PKEY *key)
{
    char curve[32];
    size_t len;
    if (EVP_PKEY_get_group_name(key, curve, sizeof(curve), &len) != 1 || strcmp(curve, "prime256v1") != 0)
        return NULL;
    return json_pack("{s:s, s:s, s:o, s:o}", "kty", "EC", "crv", "P-256", "x",
                     number(key, OSSL_PKEY_PARAM_EC_PUB_X, 32), "y", number(key, OSSL_PKEY_PARAM_EC_PUB_Y, 32));
}

static json_t *ed25519(EVP_PKEY *key)
{
    unsigned char bytes[32];
    size_t len = sizeof(bytes);
    if (EVP_PKEY_get_raw_public_key(key, bytes, &len) != 1)
        return NULL;
    return json_pack("{s:s, s:s, s:o}", "kty", "OKP", "crv", "Ed25519", "x", encoded(bytes, len));
}

json_t *gw_auth_jwk(EVP_PKEY *key)
{
    if (EVP_PKEY_is_a(key, "RSA"))
        return rsa(key);
    if (EVP_PKEY_is_a(key, "EC"))
        return p256(key);
    if (EVP_PKEY_is_a(key, "ED25519"))
        return ed25519(key);
    return NULL;
}

/* RFC 7638 section 3.2, RFC 8037 section 2 */
static const struct {
    const char *kty, *members[4];
} required[] = {
    {"RSA", {"e", "kty", "n", NULL}},
    {"EC", {"crv", "kty", "x", "y"}},
    {"OKP", {"crv", "kty", "x", NULL}},
};

bool gw_auth_jwk_thumbprint(const json_t *jwk, char to[GW_AUTH_THUMBPRINT_SIZE])
{
    const char *kty = json_string_value(json_object_get(jwk, "kty"));
    unsigned char hash[SHA256_DIGEST_LENGTH];
    size_t kind = 0;
    while (kind != 3 && (kty == NULL || strcmp(required[kind].kty, kty) != 0))
        ++kind;
    if (kind == 3)
        return false;
    json_t *bare = json_object();
    for (size_t i = 0; i != 4 && required[kind].members[i] != NULL; ++i)
        json_object_set(bare, required[kind].members[i], json_object_get(jwk, required[kind].members[i]));
    char *text = json_dumps(bare, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(bare);
    if (text == NULL)
        abort();
    SHA256((const unsigned char *)text, strlen(text), hash);
    free(text);
    to[gw_base64url_encode(to, hash, sizeof(hash))] = '\0';
    return true;
}
