/* SPDX-License-Identifier: MIT
 * base64url without padding (RFC 4648 section 5, RFC 7515 section 2).  Pure. */
#ifndef GW_BASE_BASE64URL_H
#define GW_BASE_BASE64URL_H

#include "gateway/base/str.h"

/** Room for the text of so many bytes, and for the bytes of a text of so many characters. */
#define GW_BASE64URL_LEN(num_bytes)   (((num_bytes)*4 + 2) / 3)
#define GW_BASE64URL_BYTES(num_chars) ((num_chars)*3 / 4)

/** @return characters written: GW_BASE64URL_LEN(len); no NUL */
size_t gw_base64url_encode(char *to, const void *bytes, size_t len);
/** Canonical texts only: no padding, no white space, no bits left over that are not zero, so that each value has
 * exactly one text (a second spelling would be a second token).
 *  @param to room for GW_BASE64URL_BYTES(text.len)   @return false when the text is none */
bool gw_base64url_decode(uint8_t *to, size_t *ret_len, gw_str_t text);

#endif
