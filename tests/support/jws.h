/* SPDX-License-Identifier: MIT
 * Tokens taken apart and verified by OpenSSL and by libjwt, each on its own, for tests of what mints them.  Nothing of
 * the gateway's code but base64url is used. */
#ifndef GW_TESTS_JWS_H
#define GW_TESTS_JWS_H

#include <stdbool.h>
#include <jansson.h>
#include <openssl/evp.h>

/** @param part 0: header, 1: payload   @return the object, or NULL if there is none */
json_t *jws_part(const char *token, int part);
/** RSA, EC on P-256 or Ed25519.  @return the public key, or NULL */
EVP_PKEY *jwk_key(const json_t *jwk);
/** The key of the set that the token's `kid` names.  @return NULL: none */
EVP_PKEY *jwks_key(const json_t *jwks, const char *token);
/** By the algorithm that the header names.  @param key NULL for HS*   @param secret HS* only */
bool jws_verifies(const char *token, EVP_PKEY *key, const char *secret);
/** The same as libjwt 1.10 sees it: HS*, RS* and ES* only, and no other type than JWT. */
bool jws_verifies_by_libjwt(const char *token, EVP_PKEY *key, const char *secret);

#endif
