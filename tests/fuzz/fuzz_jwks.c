/* SPDX-License-Identifier: MIT
 * Fuzz target: any bytes as a JSON Web Key Set, of a file and of a URL.  What is taken must be of use: a key has an
 * algorithm, and no junk is a signature by it. */
#include <stdlib.h>
#include <openssl/err.h>
#include "filters/jwt/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_key(const gw_jwt_key_t *key, bool is_public)
{
    uint8_t junk[1024];
    gw_jwt_verifier_t verifier = {.digest = NULL};
    if (key->algorithms == 0 || (key->pkey == NULL) == (key->secret == NULL) || key->signature_len > sizeof(junk))
        abort();
    if (is_public && key->secret != NULL)
        abort();
    memset(junk, 0x5a, sizeof(junk));
    for (gw_jwt_algorithm_t algorithm = 0; algorithm != GW_JWT_NUM_ALGORITHMS; ++algorithm)
        if (gw_jwt_verify(&verifier, key, algorithm, GW_STR("e30.e30"), junk,
                          key->pkey != NULL ? key->signature_len : 32))
            abort();
    gw_jwt_verifier_dispose(&verifier);
}

static size_t parse(gw_str_t content, bool is_public)
{
    gw_diag_t *diag = gw_diag_create();
    gw_jwt_key_set_t *set = gw_jwt_keys_parse_jwks(content, "fuzz.json", is_public, diag);
    size_t num = set != NULL ? set->num_keys : 0;
    if ((set == NULL) != (gw_diag_num_errors(diag) != 0) || (set != NULL && num == 0) || num > GW_JWT_MAX_KEYS)
        abort();
    for (size_t i = 0; i != num && i != 4; ++i)
        check_key(&set->keys[i], is_public);
    if (ERR_peek_error() != 0)
        abort();
    gw_jwt_keys_free(set);
    gw_diag_free(diag);
    return num;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gw_str_t content = gw_str((const char *)data, size);
    if (parse(content, true) > parse(content, false))
        abort();
    return 0;
}
