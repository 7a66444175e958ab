/* SPDX-License-Identifier: MIT
 * Fuzz target: any bytes as a PEM file of public keys. */
#include <stdlib.h>
#include <openssl/err.h>
#include "filters/jwt/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *content = malloc(size + 1); /* NUL-terminated, as watched files are */
    if (size != 0)
        memcpy(content, data, size);
    content[size] = '\0';
    gw_diag_t *diag = gw_diag_create();
    gw_jwt_key_set_t *set = gw_jwt_keys_parse_pem(gw_str(content, size), "fuzz.pem", diag);
    if ((set == NULL) != (gw_diag_num_errors(diag) != 0))
        abort();
    for (size_t i = 0; set != NULL && i != set->num_keys; ++i)
        if (set->keys[i].algorithms == 0 || (set->keys[i].algorithms & GW_JWT_HMAC) != 0 || set->keys[i].pkey == NULL)
            abort();
    if (set != NULL && (set->num_keys == 0 || set->num_keys > GW_JWT_MAX_KEYS))
        abort();
    if (ERR_peek_error() != 0)
        abort();
    gw_jwt_keys_free(set);
    gw_diag_free(diag);
    free(content);
    return 0;
}
