/* SPDX-License-Identifier: MIT
 * The one form of a path that routes are matched with and that goes upstream (RFC 3986 6.2.2 and 5.2.4).
 *
 * The rule: no encoding reaches a route or a backend path that the plain form could not.  So what is only another
 * spelling is rewritten (escapes of unreserved characters, "." and "..", double slashes, lower-case hexadecimal
 * digits), and what some servers take for a separator or an end and others do not is refused (encoded slash, backslash,
 * control characters, dot segments with a ";parameter").  Pure. */
#ifndef GW_ROUTING_PATH_H
#define GW_ROUTING_PATH_H

#include "gateway/base/str.h"

#define GW_PATH_MAP(XX)                                                                                                \
    XX(OK, "ok")                                                                                                       \
    XX(NO_SLASH, "the path does not begin with a slash")                                                               \
    XX(BAD_ESCAPE, "the path has a '%' without two hexadecimal digits")                                                \
    XX(ENCODED_SLASH, "the path has an encoded slash")                                                                 \
    XX(BACKSLASH, "the path has a backslash, plain or encoded")                                                        \
    XX(CONTROL, "the path has a control character, plain or encoded")                                                  \
    XX(BAD_CHARACTER, "the path has a character that must be encoded")                                                 \
    XX(ABOVE_ROOT, "the path leads out of the root")                                                                   \
    XX(DOTS_WITH_PARAMETER, "the path has a dot segment with a parameter")

typedef enum gw_path_result {
#define GW_PATH_ENUM(id, text) GW_PATH_##id,
    GW_PATH_MAP(GW_PATH_ENUM)
#undef GW_PATH_ENUM
} gw_path_result_t;

/** @return static text */
const char *gw_path_result_str(gw_path_result_t result);

/** @param raw without query   @param buf room for the result, never longer than `raw`; may be where `raw` is
 *  @param ret set on GW_PATH_OK: `raw` itself when that was normal already, else in `buf` */
gw_path_result_t gw_path_normalise(gw_str_t raw, char *buf, size_t cap, gw_str_t *ret);

#endif
