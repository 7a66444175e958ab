/* SPDX-License-Identifier: MIT
 * What the judges of request and response heads have in common.  Pure; for those two files. */
#ifndef GW_HTTP_HEAD_H
#define GW_HTTP_HEAD_H

#include "gateway/base/str.h"

/** RFC 9112 2.2: does every LF follow a CR, and is every CR followed by an LF?  A parser that takes a bare one for a
 * line end and one that does not see different messages. */
bool gw_http_has_clean_line_ends(gw_str_t head);

#endif
