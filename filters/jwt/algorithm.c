/* SPDX-License-Identifier: MIT
 * Names and hash lengths. */
#include "filters/jwt/algorithm.h"

const char *const gw_jwt_algorithm_names[] = {
    [GW_JWT_HS256] = "HS256", [GW_JWT_HS384] = "HS384",       [GW_JWT_HS512] = "HS512", [GW_JWT_RS256] = "RS256",
    [GW_JWT_RS384] = "RS384", [GW_JWT_RS512] = "RS512",       [GW_JWT_PS256] = "PS256", [GW_JWT_PS384] = "PS384",
    [GW_JWT_PS512] = "PS512", [GW_JWT_ES256] = "ES256",       [GW_JWT_ES384] = "ES384", [GW_JWT_ES512] = "ES512",
    [GW_JWT_EDDSA] = "EdDSA", [GW_JWT_NUM_ALGORITHMS] = NULL,
};

bool gw_jwt_algorithm_find(gw_str_t name, gw_jwt_algorithm_t *ret_algorithm)
{
    for (unsigned i = 0; i != GW_JWT_NUM_ALGORITHMS; ++i)
        if (gw_str_equal(name, gw_str_of(gw_jwt_algorithm_names[i]))) {
            *ret_algorithm = (gw_jwt_algorithm_t)i;
            return true;
        }
    *ret_algorithm = GW_JWT_EDDSA;
    return gw_str_equal(name, GW_STR("Ed25519"));
}

unsigned gw_jwt_algorithm_hash_bits(gw_jwt_algorithm_t algorithm)
{
    static const unsigned bits[] = {256, 384, 512};
    return algorithm == GW_JWT_EDDSA ? 0 : bits[(unsigned)algorithm % 3];
}
