/* SPDX-License-Identifier: MIT
 * Fuzz target: files of API keys.  Either there is an error, or every key is found with an owner and properties that
 * may stand in header fields. */
#include <stdlib.h>
#include "filters/api_keys.h"
#include "gateway/config/lines.h"
#include "gateway/http/syntax.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t nothing[GW_API_KEY_DIGEST];
    gw_diag_t *diag = gw_diag_create();
    gw_api_keys_t *keys = gw_api_keys_parse(gw_str((const char *)data, size), "keys", diag);
    must((keys == NULL) == (gw_diag_num_errors(diag) != 0));
    must(gw_diag_num_errors(diag) <= GW_LINES_MAX_ERRORS + 1);
    if (keys != NULL) {
        size_t num = 0;
        gw_api_keys_find(keys, nothing);
        for (const char *at = (const char *)data, *end = at + size; at + 7 + 2 * GW_API_KEY_DIGEST <= end; ++at) {
            uint8_t digest[GW_API_KEY_DIGEST];
            unsigned byte;
            size_t i = 0;
            if (memcmp(at, "sha256:", 7) != 0)
                continue;
            for (; i != GW_API_KEY_DIGEST; ++i) {
                char text[3] = {at[7 + 2 * i], at[8 + 2 * i], '\0'}, *text_end;
                byte = (unsigned)strtoul(text, &text_end, 16);
                if (text_end != text + 2)
                    break;
                digest[i] = (uint8_t)byte;
            }
            const gw_api_key_t *key = i == GW_API_KEY_DIGEST ? gw_api_keys_find(keys, digest) : NULL;
            if (key == NULL)
                continue; /* in a comment or a value */
            ++num;
            gw_str_t owner = gw_api_key_property(key->about, GW_STR("owner"));
            must(owner.len != 0 && gw_http_is_field_value(owner));
        }
        must(num >= gw_api_keys_num(keys));
    }
    gw_api_keys_free(keys);
    gw_diag_free(diag);
    return 0;
}
