/* SPDX-License-Identifier: MIT
 * A token as it is, taken apart as far as that goes: for people who want to know what they hold, not for deciding
 * anything.  Nothing is verified; what a gateway would refuse is read all the same, and noted.
 *
 * The signature is never decoded into anything that is shown: all that is kept of it is its length.  Pure. */
#ifndef GW_FILTERS_JWT_TOKEN_LOOK_H
#define GW_FILTERS_JWT_TOKEN_LOOK_H

#include <jansson.h>
#include "gateway/base/str.h"

#define GW_TOKEN_MAX (1 << 20) /* bytes; of a longer text nothing is read */

/** Header or payload. */
typedef struct gw_token_part {
    bool is_there;
    size_t num_chars;  /* as written */
    bool is_base64url; /* the one right spelling; else what could be made of it was decoded */
    bool is_decoded;   /* there are bytes */
    char *bytes;       /* owned; `len` of them and a NUL */
    size_t len;
    json_t *json;      /* owned; NULL: not JSON.  Any value, not only objects; of a repeated member the last one */
    size_t json_len;   /* bytes it takes; what follows them does not belong there */
    bool has_repeated; /* a member stands in an object more than once */
} gw_token_part_t;

typedef struct gw_token_look {
    size_t len;       /* of the token, without what stood around it */
    size_t num_parts; /* what dots part: 3 for a signed token, 5 for an encrypted one */
    bool has_space;   /* white space or a line's end within */
    bool is_object;   /* it begins with '{': JSON, not the compact form */
    gw_token_part_t header, payload;
    size_t signature_chars, signature_bytes; /* the latter 0 when it is not base64url */
    bool is_signature_base64url;
} gw_token_look_t;

/** @param text of any bytes, up to GW_TOKEN_MAX; white space around the token, and "Bearer" or the field's name as well
 *  in front of it, are left out   @param ret to be disposed */
void gw_token_look_at(gw_str_t text, gw_token_look_t *ret);
void gw_token_look_dispose(gw_token_look_t *look);

#endif
