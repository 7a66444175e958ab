/* SPDX-License-Identifier: MIT
 * Key sets, and keys that are not JSON. */
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include "filters/jwt/key_parts.h"
#include "gateway/base/memory.h"

enum { least_rsa_bits = 2048, most_rsa_bits = 8192, longest_exponent_bits = 64 };

gw_jwt_key_set_t *gw_jwt_keys_create(void)
{
    return gw_must_alloc(1, sizeof(gw_jwt_key_set_t));
}

static void free_key(gw_jwt_key_t *key)
{
    free(key->kid);
    EVP_PKEY_free(key->pkey);
    OPENSSL_clear_free(key->secret, key->secret_len);
}

gw_jwt_key_set_t *gw_jwt_keys_free(gw_jwt_key_set_t *set)
{
    if (set == NULL)
        return NULL;
    for (size_t i = 0; i != set->num_keys; ++i)
        free_key(&set->keys[i]);
    free(set->keys);
    free(set);
    return NULL;
}

void gw_jwt_keys_add(gw_jwt_key_set_t *set, const gw_jwt_key_t *key)
{
    gw_jwt_key_t *keys = realloc(set->keys, (set->num_keys + 1) * sizeof(*keys));
    if (keys == NULL)
        abort();
    set->keys = keys;
    keys[set->num_keys++] = *key;
}

/* what a key is good for ------------------------------------------------------------------------------------------- */

static const char *judge_rsa(gw_jwt_key_t *key)
{
    int bits = EVP_PKEY_get_bits(key->pkey);
    BIGNUM *e = NULL;
    bool is_odd = EVP_PKEY_get_bn_param(key->pkey, "e", &e) == 1 && BN_is_odd(e) && !BN_is_one(e) &&
                  BN_num_bits(e) <= longest_exponent_bits;
    BN_free(e);
    if (bits < least_rsa_bits)
        return "an RSA key of less than 2048 bits is too weak";
    if (bits > most_rsa_bits)
        return "an RSA key of more than 8192 bits takes too long";
    if (!is_odd)
        return "its public exponent is not an odd number of at most 64 bits above 1";
    key->algorithms = GW_JWT_RSA;
    key->signature_len = (size_t)(bits + 7) / 8;
    return NULL;
}

static const char *judge_ec(gw_jwt_key_t *key)
{
    static const struct {
        const char *curve;
        gw_jwt_algorithm_t algorithm;
        size_t signature_len;
    } curves[] = {
        {SN_X9_62_prime256v1, GW_JWT_ES256, 64}, {SN_secp384r1, GW_JWT_ES384, 96}, {SN_secp521r1, GW_JWT_ES512, 132}};
    char name[64];
    size_t len;
    if (EVP_PKEY_get_utf8_string_param(key->pkey, "group", name, sizeof(name), &len) != 1)
        return "its curve is not known";
    for (size_t i = 0; i != sizeof(curves) / sizeof(curves[0]); ++i)
        if (strcmp(curves[i].curve, name) == 0) {
            key->algorithms = GW_JWT_SET(curves[i].algorithm);
            key->signature_len = curves[i].signature_len;
            return NULL;
        }
    return "its curve is none of P-256, P-384 and P-521";
}

const char *gw_jwt_key_judge(gw_jwt_key_t *key)
{
    switch (EVP_PKEY_get_base_id(key->pkey)) {
    case EVP_PKEY_RSA:
        return judge_rsa(key);
    case EVP_PKEY_EC:
        return judge_ec(key);
    case EVP_PKEY_ED25519:
        key->algorithms = GW_JWT_SET(GW_JWT_EDDSA);
        key->signature_len = 64;
        return NULL;
    default:
        return "only RSA, EC and Ed25519 keys verify tokens";
    }
}

const char *gw_jwt_key_judge_secret(gw_jwt_key_t *key)
{
    /* RFC 7518 3.2: a key of the size of the hash or larger */
    key->algorithms = 0;
    for (gw_jwt_algorithm_t i = GW_JWT_HS256; i <= GW_JWT_HS512; ++i)
        if (key->secret_len * 8 >= gw_jwt_algorithm_hash_bits(i))
            key->algorithms |= GW_JWT_SET(i);
    return key->algorithms != 0 ? NULL : "a shared secret of less than 32 bytes is too weak";
}

gw_jwt_key_set_t *gw_jwt_keys_from_secret(const void *secret, size_t len, gw_mark_t at, gw_diag_t *diag)
{
    gw_jwt_key_t key = {.secret_len = len};
    const char *refusal = gw_jwt_key_judge_secret(&key);
    if (refusal != NULL) {
        gw_diag_error(diag, at, "for example the output of: openssl rand -hex 32", "%s", refusal);
        return NULL;
    }
    if ((key.secret = OPENSSL_memdup(secret, len)) == NULL)
        abort();
    gw_jwt_key_set_t *set = gw_jwt_keys_create();
    gw_jwt_keys_add(set, &key);
    return set;
}

/* PEM -------------------------------------------------------------------------------------------------------------- */

static unsigned line_of(gw_str_t content, const char *at)
{
    unsigned line = 1;
    for (const char *c = content.ptr; c < at; ++c)
        line += *c == '\n';
    return line;
}

/** @return one reference, or NULL when it is no public key or certificate */
static EVP_PKEY *read_public(const char *name, const unsigned char *der, long len)
{
    if (strcmp(name, PEM_STRING_PUBLIC) == 0)
        return d2i_PUBKEY(NULL, &der, len);
    if (strcmp(name, PEM_STRING_RSA_PUBLIC) == 0)
        return d2i_PublicKey(EVP_PKEY_RSA, NULL, &der, len);
    if (strcmp(name, PEM_STRING_X509) != 0 && strcmp(name, PEM_STRING_X509_TRUSTED) != 0)
        return NULL;
    X509 *certificate = d2i_X509(NULL, &der, len);
    EVP_PKEY *pkey = certificate != NULL ? X509_get_pubkey(certificate) : NULL;
    X509_free(certificate);
    return pkey;
}

static void add_pem(gw_jwt_key_set_t *set, const char *name, const unsigned char *der, long len, gw_mark_t at,
                    gw_diag_t *diag)
{
    gw_jwt_key_t key = {.pkey = read_public(name, der, len)};
    if (key.pkey == NULL) {
        bool is_private = strstr(name, "PRIVATE") != NULL;
        gw_diag_error(diag, at, is_private ? "openssl pkey -in PRIVATE.pem -pubout" : NULL,
                      is_private ? "'%s': the gateway needs the public key only, and must not have this one"
                                 : "'%s': no public key or certificate that can be read",
                      name);
        return;
    }
    const char *refusal = gw_jwt_key_judge(&key);
    if (refusal != NULL) {
        gw_diag_error(diag, at, NULL, "%s", refusal);
        free_key(&key);
        return;
    }
    gw_jwt_keys_add(set, &key);
}

gw_jwt_key_set_t *gw_jwt_keys_parse_pem(gw_str_t content, const char *path, gw_diag_t *diag)
{
    gw_jwt_key_set_t *set = gw_jwt_keys_create();
    BIO *bio = BIO_new_mem_buf(content.ptr, (int)content.len);
    size_t before = gw_diag_num_errors(diag), num = 0;
    if (bio == NULL)
        abort();
    for (const char *at = content.ptr; (at = strstr(at, "-----BEGIN ")) != NULL; ++at, ++num) {
        char *name = NULL, *header = NULL;
        unsigned char *der = NULL;
        long len;
        gw_mark_t mark = {path, line_of(content, at), 1};
        if (num == GW_JWT_MAX_KEYS) {
            gw_diag_error(diag, mark, NULL, "more than %d keys", GW_JWT_MAX_KEYS);
            break;
        }
        if (PEM_read_bio(bio, &name, &header, &der, &len) != 1) {
            gw_diag_error(diag, mark, NULL, "the PEM block is damaged");
            break;
        }
        add_pem(set, name, der, len, mark, diag);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, len > 0 ? (size_t)len : 0);
    }
    BIO_free(bio);
    ERR_clear_error();
    if (num == 0 && before == gw_diag_num_errors(diag))
        gw_diag_error(diag, (gw_mark_t){path, 1, 1}, "a file that holds '-----BEGIN PUBLIC KEY-----'",
                      "there is no PEM block in it");
    return before == gw_diag_num_errors(diag) ? set : gw_jwt_keys_free(set);
}
