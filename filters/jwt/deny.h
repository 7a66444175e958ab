/* SPDX-License-Identifier: MIT
 * Tokens that are not accepted any more although they have not expired: by `jti` or `sub`.  The file has one of
 *   jti VALUE
 *   sub VALUE
 * on each line; VALUE is the rest of the line without the white space around it; '#' begins a comment line.
 * Pure; immutable once made. */
#ifndef FILTERS_JWT_DENY_H
#define FILTERS_JWT_DENY_H

#include "gateway/config/diag.h"

typedef struct gw_jwt_deny_list gw_jwt_deny_list_t;

/** @param path for the marks   @return NULL after reporting an error: half a list would let through what it denies */
gw_jwt_deny_list_t *gw_jwt_deny_parse(gw_str_t content, const char *path, gw_diag_t *diag);
gw_jwt_deny_list_t *gw_jwt_deny_free(gw_jwt_deny_list_t *list);
bool gw_jwt_deny_has_jti(const gw_jwt_deny_list_t *list, gw_str_t value);
bool gw_jwt_deny_has_sub(const gw_jwt_deny_list_t *list, gw_str_t value);
size_t gw_jwt_deny_size(const gw_jwt_deny_list_t *list);

#endif
