/* SPDX-License-Identifier: MIT
 * Verifying with OpenSSL. */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdlib.h>
#include "filters/jwt/signature.h"

enum { most_coordinate_len = 66 };

/* fetched once: EVP_sha256() looks the implementation up at every use */
static pthread_once_t hashes_once = PTHREAD_ONCE_INIT;
static EVP_MD *hashes[3];

static void fetch_hashes(void)
{
    static const char *const names[] = {"SHA2-256", "SHA2-384", "SHA2-512"};
    for (size_t i = 0; i != 3; ++i)
        if ((hashes[i] = EVP_MD_fetch(NULL, names[i], NULL)) == NULL)
            abort();
}

static const EVP_MD *hash_of(gw_jwt_algorithm_t algorithm)
{
    pthread_once(&hashes_once, fetch_hashes);
    return hashes[(unsigned)algorithm % 3];
}

static bool verify_hmac(const gw_jwt_key_t *key, gw_jwt_algorithm_t algorithm, gw_str_t content,
                        const uint8_t *signature, size_t len)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned mac_len;
    if (HMAC(hash_of(algorithm), key->secret, (int)key->secret_len, (const uint8_t *)content.ptr, content.len, mac,
             &mac_len) == NULL)
        abort();
    return len == mac_len && CRYPTO_memcmp(mac, signature, len) == 0;
}

static bool verify_eddsa(gw_jwt_verifier_t *verifier, const gw_jwt_key_t *key, gw_str_t content,
                         const uint8_t *signature, size_t len)
{
    if (verifier->digest == NULL && (verifier->digest = EVP_MD_CTX_new()) == NULL)
        abort();
    bool is_good = EVP_DigestVerifyInit(verifier->digest, NULL, NULL, NULL, key->pkey) == 1 &&
                   EVP_DigestVerify(verifier->digest, signature, len, (const uint8_t *)content.ptr, content.len) == 1;
    EVP_MD_CTX_reset(verifier->digest);
    return is_good;
}

static EVP_PKEY_CTX *new_context(const gw_jwt_key_t *key, gw_jwt_algorithm_t algorithm)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (context == NULL || EVP_PKEY_verify_init(context) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context, hash_of(algorithm)) != 1)
        abort();
    if (algorithm >= GW_JWT_RS256 && algorithm <= GW_JWT_PS512) {
        bool is_pss = algorithm >= GW_JWT_PS256;
        if (EVP_PKEY_CTX_set_rsa_padding(context, is_pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) != 1)
            abort();
        /* RFC 7518 3.5: the salt is as long as the hash */
        if (is_pss && (EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) != 1 ||
                       EVP_PKEY_CTX_set_rsa_mgf1_md(context, hash_of(algorithm)) != 1))
            abort();
    }
    return context;
}

/** Writes a DER INTEGER of an unsigned number.  @return its length, 0 when the number is 0 */
static size_t put_integer(uint8_t *to, const uint8_t *number, size_t len)
{
    while (len != 0 && *number == 0) {
        ++number;
        --len;
    }
    if (len == 0)
        return 0;
    size_t sign = *number >> 7; /* a leading zero keeps it positive */
    to[0] = 2;
    to[1] = (uint8_t)(len + sign);
    to[2] = 0;
    for (size_t i = 0; i != len; ++i)
        to[2 + sign + i] = number[i];
    return 2 + sign + len;
}

/** R || S -> the DER that OpenSSL wants.  @param to room for 2 * (len/2 + 3) + 3   @return 0 when R or S is 0 */
static size_t put_der(uint8_t *to, const uint8_t *signature, size_t len)
{
    uint8_t body[2 * (most_coordinate_len + 3)];
    size_t r_len = put_integer(body, signature, len / 2);
    size_t s_len = r_len != 0 ? put_integer(body + r_len, signature + len / 2, len / 2) : 0;
    size_t body_len = r_len + s_len, at = 0;
    if (s_len == 0)
        return 0;
    to[at++] = 0x30;
    if (body_len >= 0x80)
        to[at++] = 0x81;
    to[at++] = (uint8_t)body_len;
    for (size_t i = 0; i != body_len; ++i)
        to[at++] = body[i];
    return at;
}

static bool verify_public(gw_jwt_verifier_t *verifier, const gw_jwt_key_t *key, gw_jwt_algorithm_t algorithm,
                          gw_str_t content, const uint8_t *signature, size_t len)
{
    uint8_t digest[EVP_MAX_MD_SIZE], der[2 * (most_coordinate_len + 3) + 3];
    unsigned digest_len;
    if (algorithm >= GW_JWT_ES256) {
        if ((len = put_der(der, signature, len)) == 0)
            return false;
        signature = der;
    }
    if (verifier->contexts[algorithm] == NULL)
        verifier->contexts[algorithm] = new_context(key, algorithm);
    if (EVP_Digest(content.ptr, content.len, digest, &digest_len, hash_of(algorithm), NULL) != 1)
        abort();
    return EVP_PKEY_verify(verifier->contexts[algorithm], signature, len, digest, digest_len) == 1;
}

bool gw_jwt_verify(gw_jwt_verifier_t *verifier, const gw_jwt_key_t *key, gw_jwt_algorithm_t algorithm, gw_str_t content,
                   const uint8_t *signature, size_t len)
{
    bool is_good;
    if ((key->algorithms & GW_JWT_SET(algorithm)) == 0)
        return false;
    if (key->pkey == NULL)
        return verify_hmac(key, algorithm, content, signature, len);
    if (len != key->signature_len)
        return false;
    is_good = algorithm == GW_JWT_EDDSA ? verify_eddsa(verifier, key, content, signature, len)
                                        : verify_public(verifier, key, algorithm, content, signature, len);
    if (!is_good)
        ERR_clear_error(); /* a wrong signature leaves its traces in this thread's queue */
    return is_good;
}

void gw_jwt_verifier_dispose(gw_jwt_verifier_t *verifier)
{
    for (size_t i = 0; i != GW_JWT_NUM_ALGORITHMS; ++i)
        EVP_PKEY_CTX_free(verifier->contexts[i]);
    EVP_MD_CTX_free(verifier->digest);
    *verifier = (gw_jwt_verifier_t){0};
}
