/* SPDX-License-Identifier: MIT
 * Fuzz target: what `sluice token inspect` shows.  Whatever it is given, the report is UTF-8 that a terminal takes
 * without moving its cursor, and no longer than what it was given allows. */
#include <stdlib.h>
#include "filters/jwt/token_report.h"
#include "gateway/config/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *shown;
    size_t len;
    FILE *to = open_memstream(&shown, &len);
    must(to != NULL);
    gw_token_report(to, gw_str((const char *)data, size), 1700000000);
    fclose(to);
    gw_str_t rest = gw_str(shown, len);
    while (rest.len != 0) {
        uint32_t code = (unsigned char)*rest.ptr;
        size_t step = code < 0x80 ? 1 : gw_utf8_next(rest, &code);
        must(step != 0 && (code == '\n' || (code >= 0x20 && code < 0x7f) || code > 0x9f));
        rest = gw_str(rest.ptr + step, rest.len - step);
    }
    free(shown);
    return 0;
}
