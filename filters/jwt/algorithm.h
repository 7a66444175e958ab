/* SPDX-License-Identifier: MIT
 * The signature algorithms of JWS that the gateway knows (RFC 7518 section 3.1, RFC 8037, RFC 9864).  `none` is not
 * among them.  Pure. */
#ifndef FILTERS_JWT_ALGORITHM_H
#define FILTERS_JWT_ALGORITHM_H

#include "gateway/base/str.h"

typedef enum gw_jwt_algorithm {
    GW_JWT_HS256,
    GW_JWT_HS384,
    GW_JWT_HS512,
    GW_JWT_RS256,
    GW_JWT_RS384,
    GW_JWT_RS512,
    GW_JWT_PS256,
    GW_JWT_PS384,
    GW_JWT_PS512,
    GW_JWT_ES256,
    GW_JWT_ES384,
    GW_JWT_ES512,
    GW_JWT_EDDSA, /* Ed25519 */
    GW_JWT_NUM_ALGORITHMS
} gw_jwt_algorithm_t;

/** Sets of 1u << gw_jwt_algorithm_t. */
#define GW_JWT_SET(algorithm) (1u << (algorithm))
#define GW_JWT_HMAC           (GW_JWT_SET(GW_JWT_HS256) | GW_JWT_SET(GW_JWT_HS384) | GW_JWT_SET(GW_JWT_HS512))
#define GW_JWT_RSA                                                                                                     \
    (GW_JWT_SET(GW_JWT_RS256) | GW_JWT_SET(GW_JWT_RS384) | GW_JWT_SET(GW_JWT_RS512) | GW_JWT_SET(GW_JWT_PS256) |       \
     GW_JWT_SET(GW_JWT_PS384) | GW_JWT_SET(GW_JWT_PS512))
/** What a key may be used with when neither it nor the conf says: one algorithm for each kind of key (RFC 8725 3.1). */
#define GW_JWT_DEFAULT                                                                                                 \
    (GW_JWT_SET(GW_JWT_HS256) | GW_JWT_SET(GW_JWT_RS256) | GW_JWT_SET(GW_JWT_ES256) | GW_JWT_SET(GW_JWT_ES384) |       \
     GW_JWT_SET(GW_JWT_ES512) | GW_JWT_SET(GW_JWT_EDDSA))

/** The names, in the order of the enum, NULL-terminated. */
extern const char *const gw_jwt_algorithm_names[];

/** Exactly as written in RFC 7518: letter case matters.  "Ed25519" is another name of "EdDSA".  @return false: unknown
 */
bool gw_jwt_algorithm_find(gw_str_t name, gw_jwt_algorithm_t *ret_algorithm);
/** @return bits of the hash function: 256, 384, 512; 0 for EdDSA */
unsigned gw_jwt_algorithm_hash_bits(gw_jwt_algorithm_t algorithm);

#endif
