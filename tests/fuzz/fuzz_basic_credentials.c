/* SPDX-License-Identifier: MIT
 * Fuzz target: Authorization fields.  What is taken has a name and a password within their bounds and nothing in them
 * that a C string or a header field could not hold. */
#include <stdlib.h>
#include "filters/basic_credentials.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gw_basic_credentials_t *credentials = malloc(sizeof(*credentials));
    if (gw_basic_read(gw_str((const char *)data, size), credentials) == GW_BASIC_FINE) {
        must(credentials->user.len != 0 && credentials->user.len <= GW_HTPASSWD_MAX_USER);
        must(strlen(credentials->password) == credentials->password_len);
        must(credentials->password_len <= GW_PASSWORD_MAX);
        for (size_t i = 0; i != credentials->user.len; ++i)
            must((unsigned char)credentials->user.ptr[i] >= 0x20 && credentials->user.ptr[i] != ':');
    }
    gw_basic_wipe(credentials);
    free(credentials);
    return 0;
}
