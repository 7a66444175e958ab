/* SPDX-License-Identifier: MIT
 * The self-describing content of /bytes/N. */
#include <string.h>
#include "backends/pattern.h"

#define LINE 16

static void line_at(char *line, uint64_t offset)
{
    for (size_t i = LINE - 1; i-- > 0; offset >>= 4)
        line[i] = "0123456789abcdef"[offset & 15];
    line[LINE - 1] = '\n';
}

void gw_pattern_fill(char *to, size_t len, uint64_t offset)
{
    while (len != 0) {
        char line[LINE];
        size_t skip = offset % LINE, piece = LINE - skip < len ? LINE - skip : len;
        line_at(line, offset - skip);
        memcpy(to, line + skip, piece);
        to += piece;
        len -= piece;
        offset += piece;
    }
}
