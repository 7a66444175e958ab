/* SPDX-License-Identifier: MIT
 * Private to the parsers of keys (key.c, jwk.c). */
#ifndef FILTERS_JWT_KEY_PARTS_H
#define FILTERS_JWT_KEY_PARTS_H

#include "filters/jwt/key.h"

gw_jwt_key_set_t *gw_jwt_keys_create(void);
/** Takes over what the key owns. */
void gw_jwt_keys_add(gw_jwt_key_set_t *set, const gw_jwt_key_t *key);
/** Finds what key->pkey (key->secret_len bytes of secret) can be used with.  @return why it cannot be used, or NULL */
const char *gw_jwt_key_judge(gw_jwt_key_t *key);
const char *gw_jwt_key_judge_secret(gw_jwt_key_t *key);

#endif
