/* SPDX-License-Identifier: MIT
 * The request heads that most clients send, read in one pass: GET or HEAD of a path by HTTP/1.1, fields that say
 * nothing of framing.  Finding the pieces, judging them and writing the names in lower case costs a third of what it
 * costs the parser and the judge (request_head.h), which take everything else, whatever is wrong with it included.
 *
 * What is taken here those two would take too, and read in the same way: tests/fuzz/fuzz_request_head.c compares. Pure.
 */
#ifndef GW_HTTP_PLAIN_HEAD_H
#define GW_HTTP_PLAIN_HEAD_H

#include "gateway/http/field.h"

#define GW_HTTP_PLAIN_MAX_FIELDS 32
#define GW_HTTP_PLAIN_MAX_NAMES  512 /* bytes of all names */

typedef struct gw_http_plain_head {
    size_t len;              /* with its empty line */
    gw_str_t method, target; /* these and all of fields: within the bytes that were read */
    gw_str_t authority;      /* of Host */
    size_t num_fields;
    gw_http_field_t fields[GW_HTTP_PLAIN_MAX_FIELDS]; /* names as sent */
    size_t names_len;
    char names[GW_HTTP_PLAIN_MAX_NAMES]; /* of the fields, in lower case, one after the other */
} gw_http_plain_head_t;

/** @param good an authority that gw_http_is_authority has found good, to be looked for first; or empty
 *  @return false: it is not complete, not plain or not good; nothing of *ret is to be read then */
bool gw_http_read_plain_head(const char *bytes, size_t len, gw_str_t good, gw_http_plain_head_t *ret);

#endif
