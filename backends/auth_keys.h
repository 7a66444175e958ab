/* SPDX-License-Identifier: MIT
 * The keys of the token service: one that signs, and those before it for as long as a token of theirs may be shown.
 * Threads: one.  Time is given: seconds since 1970. */
#ifndef GW_BACKENDS_AUTH_KEYS_H
#define GW_BACKENDS_AUTH_KEYS_H

#include <stdint.h>
#include "backends/auth_jwk.h"

#define GW_AUTH_MAX_KEYS 16

typedef struct gw_auth_keys gw_auth_keys_t;

typedef enum gw_auth_rotation {
    GW_AUTH_ROTATED,
    GW_AUTH_SAME_KEY, /* the file holds what signs already */
    GW_AUTH_NOT_ROTATED,
} gw_auth_rotation_t;

/** @param algorithm RS256, ES256 or EdDSA   @param file of a private key (PEM); NULL: keys are made here, in memory
 *  @param reterr one sentence   @return NULL: the file's key cannot be used */
gw_auth_keys_t *gw_auth_keys_create(const char *algorithm, const char *file, char *reterr, size_t size);
/** NULL is fine; returns NULL. */
gw_auth_keys_t *gw_auth_keys_free(gw_auth_keys_t *keys);

/** Another key signs from now on: a new one, or what the file holds now.  Nothing changes on GW_AUTH_NOT_ROTATED: the
 *  file's key cannot be used, or GW_AUTH_MAX_KEYS keys still have valid tokens; `reterr` says which. */
gw_auth_rotation_t gw_auth_keys_rotate(gw_auth_keys_t *keys, int64_t now, char *reterr, size_t size);

/** An access token (`typ` at+jwt, RFC 9068).  @param expires as in the claims: the key is shown until then
 *  @return NUL-terminated, for free() */
char *gw_auth_keys_sign(gw_auth_keys_t *keys, const json_t *claims, int64_t expires);
/** The `kid` of the key that signs. */
const char *gw_auth_keys_current(const gw_auth_keys_t *keys);
/** The key set (RFC 7517 section 5): the key that signs first.  Forgets those whose last token has expired. */
json_t *gw_auth_keys_jwks(gw_auth_keys_t *keys, int64_t now);

#endif
