/* SPDX-License-Identifier: MIT
 * Whether a text is UTF-8 from beginning to end (RFC 3629).  Pure. */
#ifndef GW_BACKENDS_UTF8_H
#define GW_BACKENDS_UTF8_H

#include "gateway/base/str.h"
#include "gateway/config/text.h"

/** The empty text is valid.  NUL and other control characters are characters. */
static inline bool gw_utf8_is_valid(gw_str_t s)
{
    while (s.len != 0) {
        size_t len = (unsigned char)*s.ptr < 0x80 ? 1 : gw_utf8_next(s, NULL);
        if (len == 0)
            return false;
        s.ptr += len;
        s.len -= len;
    }
    return true;
}

#endif
