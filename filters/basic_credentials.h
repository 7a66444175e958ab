/* SPDX-License-Identifier: MIT
 * The credentials of the scheme Basic in an Authorization field (RFC 7617).  Pure. */
#ifndef GW_FILTERS_BASIC_CREDENTIALS_H
#define GW_FILTERS_BASIC_CREDENTIALS_H

#include "filters/htpasswd.h"

typedef enum gw_basic_result {
    GW_BASIC_FOREIGN,   /* another scheme: nothing that is said here */
    GW_BASIC_FINE,      /* there is a user and a password */
    GW_BASIC_MALFORMED, /* no base64 (RFC 4648 4), no colon, an empty name, or control characters (RFC 7617 2) */
    GW_BASIC_TOO_LONG   /* a name or a password that no file can hold */
} gw_basic_result_t;

typedef struct gw_basic_credentials {
    gw_str_t user;        /* points into bytes, as the password does */
    const char *password; /* NUL-terminated; without any in it */
    size_t password_len;
    char bytes[GW_HTPASSWD_MAX_USER + 1 + GW_PASSWORD_MAX + 1];
} gw_basic_credentials_t;

/** @param value of the field   @param ret_credentials to be wiped with gw_basic_wipe whatever the result */
gw_basic_result_t gw_basic_read(gw_str_t value, gw_basic_credentials_t *ret_credentials);
void gw_basic_wipe(gw_basic_credentials_t *credentials);

#endif
