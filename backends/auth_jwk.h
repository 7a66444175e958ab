/* SPDX-License-Identifier: MIT
 * Public keys as JSON (JWK, RFC 7517) and their thumbprints (RFC 7638).  Pure. */
#ifndef GW_BACKENDS_AUTH_JWK_H
#define GW_BACKENDS_AUTH_JWK_H

#include <stdbool.h>
#include <jansson.h>
#include <openssl/evp.h>

#define GW_AUTH_THUMBPRINT_SIZE 44 /* characters and NUL */

/** @param key RSA, EC on P-256 or Ed25519; nothing but its public half is looked at
 *  @return the members that make the key and no others, owned by the caller; NULL for any other key */
json_t *gw_auth_jwk(EVP_PKEY *key);

/** SHA-256 of the members that make the key, whatever else `jwk` has.  @return false: its `kty` is none of the above */
bool gw_auth_jwk_thumbprint(const json_t *jwk, char to[GW_AUTH_THUMBPRINT_SIZE]);

#endif
