/* SPDX-License-Identifier: MIT
 * The small words of HTTP: tokens, field values, authorities, lengths, lists (RFC 9110 section 5, RFC 3986
 * section 3.2). Pure; nothing is copied, results point into the arguments. */
#ifndef GW_HTTP_SYNTAX_H
#define GW_HTTP_SYNTAX_H

#include "gateway/base/str.h"

/** RFC 9110 5.6.2: one or more of letters, digits and !#$%&'*+-.^_`|~ */
bool gw_http_is_token(gw_str_t s);
/** RFC 9110 5.5: no control characters but HTAB; octets above 0x7f are allowed (obs-text).  Empty is fine. */
bool gw_http_is_field_value(gw_str_t s);
/** RFC 9110 7.2, RFC 3986 3.2.2: host [":" port], not empty, without userinfo.  The host is a name of unreserved,
 *  sub-delims and percent-encoded octets, or an IPv6 address in brackets (no zone); the port 1 to 5 digits, 0..65535.
 */
bool gw_http_is_authority(gw_str_t s);
/** Without the optional white space (spaces and tabs) at both ends, as a field value is to be taken (RFC 9110 5.5). */
gw_str_t gw_http_trim(gw_str_t s);
/** RFC 9110 8.6: digits only, no list, no sign.  @param ret set on success   @return false also when it does not fit */
bool gw_http_parse_content_length(gw_str_t s, uint64_t *ret);
/** RFC 9110 5.6.1: takes the next item of a comma-separated list, without the white space around it; empty items are
 * skipped.
 *  @param rest in: the list; out: what follows the item   @return false at the end */
bool gw_http_list_next(gw_str_t *rest, gw_str_t *ret_item);
/** Is `token` an item of the list?  Letter case does not matter. */
bool gw_http_list_has(gw_str_t list, gw_str_t token);

/** @return how long a Keep-Alive field says that the connection is kept ("timeout=5, max=100"), in ms; UINT64_MAX when
 * it does not say */
uint64_t gw_http_keep_alive_ms(gw_str_t value);

#endif
