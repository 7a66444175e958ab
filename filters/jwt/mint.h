/* SPDX-License-Identifier: MIT
 * Signed tokens: JSON Web Signatures in their compact form (RFC 7515) with the algorithms of RFC 7518, 8037 and 9864.
 * libjwt signs HS*, RS* and ES* tokens of the type JWT.  1.10 knows neither PS* nor EdDSA and writes "JWT" over any
 * other type (RFC 9068 wants "at+jwt"): those are signed by OpenSSL.
 *
 * For those who issue tokens (`sluice token`, the demo's token service, tests), never for the way of a request.
 * Threads: a key is immutable.  Owns: the key material, which is wiped when it is freed. */
#ifndef GW_FILTERS_JWT_MINT_H
#define GW_FILTERS_JWT_MINT_H

#include <jansson.h>
#include <openssl/evp.h>
#include "gateway/base/str.h"

typedef struct gw_mint_key gw_mint_key_t;

/** Every name that may stand for an algorithm below; ends with NULL. */
extern const char *const gw_mint_algorithms[];

/** A private key.  It must fit the algorithm: type, curve, at least 2048 bits for RSA (RFC 7518 section 3.3).
 *  @param algorithm NULL: what the key is made for (RS256 for RSA, ES256, ES384 or ES512 by the curve, EdDSA)
 *  @param pem PKCS#8 or the older forms, not encrypted   @param reterr one sentence of at most size - 1 bytes
 *  @return NULL: it cannot be used */
gw_mint_key_t *gw_mint_key_from_pem(const char *algorithm, gw_str_t pem, char *reterr, size_t size);
/** A secret for HS256 (which NULL stands for), HS384 or HS512, at least as long as the hash (RFC 7518 section 3.2). */
gw_mint_key_t *gw_mint_key_from_secret(const char *algorithm, gw_str_t secret, char *reterr, size_t size);
/** A new key, of 2048 bits if it is RSA.  @param algorithm any but HS*   @return never NULL */
gw_mint_key_t *gw_mint_key_generate(const char *algorithm);
/** NULL is fine; returns NULL. */
gw_mint_key_t *gw_mint_key_free(gw_mint_key_t *key);

const char *gw_mint_key_algorithm(const gw_mint_key_t *key);
/** @return borrowed; NULL for a secret */
EVP_PKEY *gw_mint_key_pair(const gw_mint_key_t *key);

/** @param header an object; `alg` is set to the key's, `typ` to "JWT" unless it says otherwise
 *  @param payload an object
 *  @return the token, NUL-terminated, for free(); NULL: it could not be signed */
char *gw_mint_token(const gw_mint_key_t *key, const json_t *header, const json_t *payload);

#endif
