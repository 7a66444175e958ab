/* SPDX-License-Identifier: MIT
 * Signatures of tokens.  The algorithm is the caller's choice among those of the key, never the token's (RFC 8725
 * section 3.1).
 *
 * A verifier keeps OpenSSL's contexts for one key: setting one up costs 3 us of the 20 that RS256 takes.
 * Threads: a verifier belongs to one thread; keys are shared. */
#ifndef FILTERS_JWT_SIGNATURE_H
#define FILTERS_JWT_SIGNATURE_H

#include "filters/jwt/key.h"

typedef struct gw_jwt_verifier {
    EVP_PKEY_CTX *contexts[GW_JWT_NUM_ALGORITHMS]; /* made at first use */
    EVP_MD_CTX *digest;
} gw_jwt_verifier_t;

/** @param verifier zeroed at first; always with the same key
 *  @param algorithm one of key->algorithms   @param content the header and payload with the '.' between them
 *  @return true only for a signature of this very form: for ES* R || S of fixed size (RFC 7518 3.4), neither of them 0
 */
bool gw_jwt_verify(gw_jwt_verifier_t *verifier, const gw_jwt_key_t *key, gw_jwt_algorithm_t algorithm, gw_str_t content,
                   const uint8_t *signature, size_t len);
void gw_jwt_verifier_dispose(gw_jwt_verifier_t *verifier);

#endif
