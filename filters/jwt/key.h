/* SPDX-License-Identifier: MIT
 * Keys that tokens are verified with, parsed once: from PEM files, shared secrets and JSON Web Key Sets (RFC 7517, 7518
 * section 6, 8037).
 *
 * What makes a key useless is found here, not at the first token: RSA below 2048 bits or above 8192, secrets shorter
 * than the hash, points that are not on their curve, coordinates of the wrong length, keys meant for encryption.  A JWK
 * that cannot be used (unknown `kty`, `use: enc`, ...) is left out with a warning; the rest of its set stays (RFC 7517
 * section 5).
 *
 * Threads: made on the control or upkeep thread, then read-only and used by all. */
#ifndef FILTERS_JWT_KEY_H
#define FILTERS_JWT_KEY_H

#include <openssl/evp.h>
#include "filters/jwt/algorithm.h"
#include "gateway/config/diag.h"

#define GW_JWT_MAX_KEYS 256 /* in one set */

typedef struct gw_jwt_key {
    char *kid;           /* NULL: has none */
    unsigned algorithms; /* what it can be used with, as far as its kind, size and own `alg` go */
    bool is_pinned;      /* its `alg` says so; else the conf decides (GW_JWT_DEFAULT) */
    EVP_PKEY *pkey;      /* NULL for a secret */
    uint8_t *secret;
    size_t secret_len;
    size_t signature_len; /* bytes of a signature by it; 0 for a secret */
} gw_jwt_key_t;

typedef struct gw_jwt_key_set {
    gw_jwt_key_t *keys;
    size_t num_keys;
} gw_jwt_key_set_t;

/** Public keys and certificates of a PEM file; a private key is refused.
 *  @param path for the marks of messages   @return NULL after reporting an error */
gw_jwt_key_set_t *gw_jwt_keys_parse_pem(gw_str_t content, const char *path, gw_diag_t *diag);
/** A JSON Web Key Set.  @param is_public it comes from a URL, where a shared secret would be none: such keys are left
 * out   @return NULL after reporting an error; a set without a usable key is one */
gw_jwt_key_set_t *gw_jwt_keys_parse_jwks(gw_str_t content, const char *path, bool is_public, gw_diag_t *diag);
/** A shared secret, at least 32 bytes.  @return NULL after reporting an error at `at` */
gw_jwt_key_set_t *gw_jwt_keys_from_secret(const void *secret, size_t len, gw_mark_t at, gw_diag_t *diag);
/** Wipes secrets.  NULL is fine; returns NULL. */
gw_jwt_key_set_t *gw_jwt_keys_free(gw_jwt_key_set_t *set);

#endif
