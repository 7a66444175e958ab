/* SPDX-License-Identifier: MIT
 * Fuzz target: path normalisation.  What is accepted must be normal: no longer than before, the same when normalised
 * again, without dot segments, double slashes or escapes of what may stand plainly. */
#include <stdlib.h>
#include "gateway/routing/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *buf = malloc(size + 1), *again_buf = malloc(size + 1);
    gw_str_t normal, again;
    if (gw_path_normalise(gw_str((const char *)data, size), buf, size + 1, &normal) == GW_PATH_OK) {
        must(normal.len != 0 && normal.len <= size && normal.ptr[0] == '/');
        must(gw_path_normalise(normal, again_buf, size + 1, &again) == GW_PATH_OK && gw_str_equal(normal, again));
        for (size_t i = 0; i != normal.len; ++i) {
            gw_str_t rest = gw_str(normal.ptr + i, normal.len - i);
            must(!gw_str_starts_with(rest, GW_STR("//")) && !gw_str_starts_with(rest, GW_STR("/../")) &&
                 !gw_str_starts_with(rest, GW_STR("/./")) && !gw_str_starts_with(rest, GW_STR("/..;")) &&
                 !gw_str_starts_with(rest, GW_STR("%2F")) && !gw_str_starts_with(rest, GW_STR("%2f")) &&
                 !gw_str_starts_with(rest, GW_STR("%00")) && !gw_str_starts_with(rest, GW_STR("\\")));
            must(!gw_str_equal(rest, GW_STR("/..")) && !gw_str_equal(rest, GW_STR("/.")));
        }
    }
    free(buf);
    free(again_buf);
    return 0;
}
