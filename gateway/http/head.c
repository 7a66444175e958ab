/* SPDX-License-Identifier: MIT
 * Line ends of message heads. */
#include "gateway/http/head.h"

bool gw_http_has_clean_line_ends(gw_str_t head)
{
    const char *at = head.ptr, *end = head.ptr + head.len;
    size_t num_cr = 0, num_lf = 0;
    for (const char *lf = at; (lf = memchr(lf, '\n', (size_t)(end - lf))) != NULL; ++lf) {
        if (lf == head.ptr || lf[-1] != '\r')
            return false;
        ++num_lf;
    }
    for (const char *cr = at; (cr = memchr(cr, '\r', (size_t)(end - cr))) != NULL; ++cr)
        ++num_cr;
    return num_cr == num_lf; /* each LF has its CR, so as many means no CR without LF */
}
