/* SPDX-License-Identifier: MIT
 * Tokens for the benchmarks, as an authorization server would issue them (RFC 9068 has their claims).  They are signed
 * with OpenSSL alone, so that nothing that is measured has made them.  Failure ends the program. */
#ifndef TESTS_BENCH_MINT_H
#define TESTS_BENCH_MINT_H

#include <err.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/base/base64url.h"

enum { mint_longest = 4096 };

typedef struct mint {
    EVP_PKEY *key;
    const char *alg; /* RS256, PS256, ES256, EdDSA or HS256 */
    const char *kid, *issuer, *audience;
    long long issued_s, expires_s; /* since 1970 */
} mint_t;

/** For EVP_DigestSignInit and EVP_DigestVerifyInit alike. */
static inline void mint_set_padding(EVP_PKEY_CTX *context, const char *alg)
{
    if (*alg == 'P' && (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) != 1 ||
                        EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) != 1))
        errx(1, "cannot set up PSS");
}

static inline const EVP_MD *mint_hash(const char *alg)
{
    return strcmp(alg, "EdDSA") == 0 ? NULL : EVP_sha256();
}

/** ES256: R || S instead of OpenSSL's DER.  @return length */
static inline size_t mint_join_ecdsa(unsigned char *signature, size_t len)
{
    const unsigned char *at = signature;
    ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &at, (long)len);
    if (parts == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(parts), signature, 32) != 32 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(parts), signature + 32, 32) != 32)
        errx(1, "cannot convert an ECDSA signature");
    ECDSA_SIG_free(parts);
    return 64;
}

static inline size_t mint_sign(const mint_t *mint, unsigned char signature[512], const char *content,
                               size_t content_len)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    EVP_PKEY_CTX *context;
    size_t len = 512;
    if (digest == NULL || EVP_DigestSignInit(digest, &context, mint_hash(mint->alg), NULL, mint->key) != 1)
        errx(1, "cannot sign with %s", mint->alg);
    mint_set_padding(context, mint->alg);
    if (EVP_DigestSign(digest, signature, &len, (const unsigned char *)content, content_len) != 1)
        errx(1, "cannot sign with %s", mint->alg);
    EVP_MD_CTX_free(digest);
    return strcmp(mint->alg, "ES256") == 0 ? mint_join_ecdsa(signature, len) : len;
}

/** Writes token number `number`; no two are the same.  @return its length; it is NUL-terminated too */
static inline size_t mint_token(const mint_t *mint, size_t number, char token[mint_longest])
{
    char header[256], payload[1024];
    unsigned char signature[512];
    int header_len =
        snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", mint->alg, mint->kid);
    int payload_len =
        snprintf(payload, sizeof(payload),
                 "{\"iss\":\"%s\",\"sub\":\"user-%08zu\",\"aud\":\"%s\",\"exp\":%lld,\"iat\":%lld,"
                 "\"jti\":\"5f0c2a9e-31d7-4b6a-9c58-%012zu\",\"scope\":\"openid profile orders:read orders:write\","
                 "\"roles\":[\"customer\",\"beta\"]}",
                 mint->issuer, number, mint->audience, mint->expires_s, mint->issued_s, number);
    if (header_len >= (int)sizeof(header) || payload_len >= (int)sizeof(payload))
        errx(1, "the issuer or the audience is too long");
    size_t len = gw_base64url_encode(token, header, (size_t)header_len);
    token[len++] = '.';
    len += gw_base64url_encode(token + len, payload, (size_t)payload_len);
    size_t signature_len = mint_sign(mint, signature, token, len);
    token[len++] = '.';
    len += gw_base64url_encode(token + len, signature, signature_len);
    token[len] = '\0';
    return len;
}

#endif
