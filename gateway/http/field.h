/* SPDX-License-Identifier: MIT
 * A header field as it was parsed, and how a message body ends.  Values; they borrow the bytes they point at. */
#ifndef GW_HTTP_FIELD_H
#define GW_HTTP_FIELD_H

#include "gateway/base/str.h"

typedef struct gw_http_field {
    gw_str_t name; /* empty: a folded line (obs-fold), which no judge accepts */
    gw_str_t value;
} gw_http_field_t;

/** RFC 9112 6.3: how the receiver knows where the body ends. */
typedef enum gw_http_framing {
    GW_HTTP_FRAMING_NONE,       /* there is no body */
    GW_HTTP_FRAMING_LENGTH,     /* Content-Length */
    GW_HTTP_FRAMING_CHUNKED,    /* Transfer-Encoding: chunked */
    GW_HTTP_FRAMING_UNTIL_CLOSE /* responses only */
} gw_http_framing_t;

#endif
