/* SPDX-License-Identifier: MIT
 * A line of the request log. */
#include <inttypes.h>
#include <stdio.h>
#include "backends/log_line.h"

#define METHOD_MAX 32 /* bytes shown of each; four times that when every byte is escaped */
#define TARGET_MAX 768

static size_t put_shown(char *to, gw_str_t text, size_t max)
{
    size_t len = 0, shown = text.len < max ? text.len : max;
    if (text.len == 0)
        to[len++] = '-';
    for (size_t i = 0; i != shown; ++i) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c > 0x20 && c < 0x7f && c != '\\')
            to[len++] = (char)c;
        else
            len += (size_t)sprintf(to + len, "\\x%02x", (unsigned)c);
    }
    if (shown != text.len)
        len += (size_t)sprintf(to + len, "...");
    return len;
}

size_t gw_log_line_format(char *to, const gw_log_line_t *line)
{
    size_t len = put_shown(to, line->method, METHOD_MAX);
    to[len++] = ' ';
    len += put_shown(to + len, line->target, TARGET_MAX);
    len += (size_t)sprintf(to + len, " %d %" PRIu64 " %" PRIu64 " %.64s\n", line->status, line->num_bytes,
                           line->elapsed_us, line->name);
    return len;
}
