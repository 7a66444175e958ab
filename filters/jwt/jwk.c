/* SPDX-License-Identifier: MIT
 * JSON Web Keys. */
#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include "filters/jwt/key_parts.h"
#include "gateway/base/base64url.h"
#include "gateway/base/memory.h"

enum { longest_part = 2048, longest_kid = 256, longest_coordinate = 66 };

typedef struct bytes {
    uint8_t at[GW_BASE64URL_BYTES(longest_part)];
    size_t len;
} bytes_t;

/** @return the member's text; empty when it is absent or no string */
static gw_str_t text_of(const json_t *jwk, const char *name)
{
    const json_t *member = json_object_get(jwk, name);
    return json_is_string(member) ? gw_str(json_string_value(member), json_string_length(member)) : gw_str("", 0);
}

static bool decode(const json_t *jwk, const char *name, bytes_t *ret)
{
    gw_str_t text = text_of(jwk, name);
    return text.len != 0 && text.len <= longest_part && gw_base64url_decode(ret->at, &ret->len, text) && ret->len != 0;
}

/* @return one reference, or NULL */
static EVP_PKEY *make_public(const char *type, OSSL_PARAM_BLD *builder)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params == NULL || ctx == NULL)
        abort();
    if (EVP_PKEY_fromdata_init(ctx) != 1 || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    ERR_clear_error();
    return pkey;
}

static OSSL_PARAM_BLD *new_builder(void)
{
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (builder == NULL)
        abort();
    return builder;
}

static const char *read_rsa(const json_t *jwk, gw_jwt_key_t *key)
{
    bytes_t n, e;
    if (!decode(jwk, "n", &n) || !decode(jwk, "e", &e))
        return "'n' and 'e' must be base64url";
    BIGNUM *modulus = BN_bin2bn(n.at, (int)n.len, NULL), *exponent = BN_bin2bn(e.at, (int)e.len, NULL);
    OSSL_PARAM_BLD *builder = new_builder();
    if (modulus == NULL || exponent == NULL)
        abort();
    if (OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) != 1)
        abort();
    key->pkey = make_public("RSA", builder);
    OSSL_PARAM_BLD_free(builder);
    BN_free(modulus);
    BN_free(exponent);
    return key->pkey != NULL ? NULL : "it is no RSA key";
}

static const char *read_ec(const json_t *jwk, gw_jwt_key_t *key)
{
    static const struct {
        const char *name, *group;
        size_t coordinate_len;
    } curves[] = {{"P-256", SN_X9_62_prime256v1, 32}, {"P-384", SN_secp384r1, 48}, {"P-521", SN_secp521r1, 66}};
    gw_str_t crv = text_of(jwk, "crv");
    size_t i = 0;
    while (i != 3 && !gw_str_equal(crv, gw_str_of(curves[i].name)))
        ++i;
    if (i == 3)
        return "its 'crv' is none of P-256, P-384 and P-521";
    bytes_t x, y;
    size_t len = curves[i].coordinate_len;
    /* RFC 7518 6.2.1.2: the full size, leading zeros included */
    if (!decode(jwk, "x", &x) || !decode(jwk, "y", &y) || x.len != len || y.len != len)
        return "'x' and 'y' must be base64url of the curve's size";
    uint8_t point[1 + 2 * longest_coordinate];
    point[0] = 4; /* uncompressed */
    memcpy(point + 1, x.at, len);
    memcpy(point + 1 + len, y.at, len);
    OSSL_PARAM_BLD *builder = new_builder();
    if (OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curves[i].group, 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * len) != 1)
        abort();
    key->pkey = make_public("EC", builder); /* refuses a point that is not on the curve */
    OSSL_PARAM_BLD_free(builder);
    return key->pkey != NULL ? NULL : "its point is not on the curve";
}

static const char *read_okp(const json_t *jwk, gw_jwt_key_t *key)
{
    bytes_t x;
    if (!gw_str_equal(text_of(jwk, "crv"), GW_STR("Ed25519")))
        return "its 'crv' is not Ed25519";
    if (!decode(jwk, "x", &x) || x.len != 32)
        return "'x' must be 32 bytes in base64url";
    key->pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x.at, x.len);
    ERR_clear_error();
    return key->pkey != NULL ? NULL : "it is no Ed25519 key";
}

static const char *read_oct(const json_t *jwk, gw_jwt_key_t *key)
{
    bytes_t k;
    if (!decode(jwk, "k", &k))
        return "'k' must be base64url";
    key->secret = OPENSSL_memdup(k.at, k.len);
    key->secret_len = k.len;
    OPENSSL_cleanse(k.at, k.len);
    if (key->secret == NULL)
        abort();
    return NULL;
}

static const char *read_kind(const json_t *jwk, bool is_public, gw_jwt_key_t *key)
{
    gw_str_t kty = text_of(jwk, "kty");
    const char *refusal;
    if (gw_str_equal(kty, GW_STR("oct"))) {
        if (is_public)
            return "a shared secret that is published is none";
        refusal = read_oct(jwk, key);
        return refusal != NULL ? refusal : gw_jwt_key_judge_secret(key);
    }
    if (gw_str_equal(kty, GW_STR("RSA")))
        refusal = read_rsa(jwk, key);
    else if (gw_str_equal(kty, GW_STR("EC")))
        refusal = read_ec(jwk, key);
    else if (gw_str_equal(kty, GW_STR("OKP")))
        refusal = read_okp(jwk, key);
    else
        return "its 'kty' is none of RSA, EC, OKP and oct";
    return refusal != NULL ? refusal : gw_jwt_key_judge(key);
}

/** RFC 7517 4.2 and 4.3. */
static const char *check_purpose(const json_t *jwk)
{
    const json_t *use = json_object_get(jwk, "use"), *operations = json_object_get(jwk, "key_ops"), *operation;
    size_t i;
    if (use != NULL && (!json_is_string(use) || strcmp(json_string_value(use), "sig") != 0))
        return "its 'use' is not 'sig'";
    if (operations == NULL)
        return NULL;
    if (!json_is_array(operations))
        return "its 'key_ops' is no list";
    json_array_foreach(operations, i, operation) if (json_is_string(operation) &&
                                                     strcmp(json_string_value(operation), "verify") == 0) return NULL;
    return "its 'key_ops' lack 'verify'";
}

static const char *read_jwk(const json_t *jwk, bool is_public, gw_jwt_key_t *key)
{
    const json_t *alg = json_object_get(jwk, "alg"), *kid = json_object_get(jwk, "kid");
    gw_jwt_algorithm_t algorithm;
    const char *refusal = NULL;
    if (!json_is_object(jwk))
        return "it is no object";
    if ((refusal = check_purpose(jwk)) != NULL || (refusal = read_kind(jwk, is_public, key)) != NULL)
        return refusal;
    if (alg != NULL) {
        if (!json_is_string(alg) || !gw_jwt_algorithm_find(text_of(jwk, "alg"), &algorithm))
            return "its 'alg' is no signature algorithm that is known";
        if ((key->algorithms & GW_JWT_SET(algorithm)) == 0)
            return "its 'alg' does not fit its kind or size";
        key->algorithms = GW_JWT_SET(algorithm);
        key->is_pinned = true;
    }
    if (kid == NULL)
        return NULL;
    if (!json_is_string(kid) || json_string_length(kid) > longest_kid)
        return "its 'kid' is no text of at most 256 bytes";
    if ((key->kid = strdup(json_string_value(kid))) == NULL)
        abort();
    return NULL;
}

static void add_jwk(gw_jwt_key_set_t *set, const json_t *jwk, size_t index, bool is_public, const char *path,
                    gw_diag_t *diag)
{
    gw_jwt_key_t key = {0};
    const char *refusal = read_jwk(jwk, is_public, &key);
    if (refusal == NULL) {
        if (key.pkey != NULL && json_object_get(jwk, "d") != NULL)
            gw_diag_warning(diag, (gw_mark_t){.file = path}, NULL,
                            "key %zu of the set is a private key: whoever reads the set can sign tokens", index + 1);
        gw_jwt_keys_add(set, &key);
        return;
    }
    gw_diag_warning(diag, (gw_mark_t){.file = path}, NULL, "key %zu of the set is left out: %s", index + 1, refusal);
    EVP_PKEY_free(key.pkey);
    OPENSSL_clear_free(key.secret, key.secret_len);
    free(key.kid);
}

gw_jwt_key_set_t *gw_jwt_keys_parse_jwks(gw_str_t content, const char *path, bool is_public, gw_diag_t *diag)
{
    json_error_t error;
    json_t *root = json_loadb(content.ptr, content.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        /* jansson's text would quote what it met, which may be a part of a secret */
        gw_mark_t at = {path, error.line > 0 ? (unsigned)error.line : 1, (unsigned)error.column};
        gw_diag_error(diag, at, NULL, "this is not JSON, or a member is there twice");
        return NULL;
    }
    const json_t *keys = json_object_get(root, "keys");
    const gw_mark_t start = {path, 1, 1};
    gw_jwt_key_set_t *set = NULL;
    if (!json_is_array(keys)) {
        gw_diag_error(diag, start, "{\"keys\": [...]}", "this is not a JSON Web Key Set");
    } else if (json_array_size(keys) > GW_JWT_MAX_KEYS) {
        gw_diag_error(diag, start, NULL, "more than %d keys", GW_JWT_MAX_KEYS);
    } else {
        set = gw_jwt_keys_create();
        for (size_t i = 0; i != json_array_size(keys); ++i)
            add_jwk(set, json_array_get(keys, i), i, is_public, path, diag);
        if (set->num_keys == 0) {
            gw_diag_error(diag, (gw_mark_t){.file = path}, NULL, "the set has no key that tokens can be verified with");
            set = gw_jwt_keys_free(set);
        }
    }
    json_decref(root);
    return set;
}
