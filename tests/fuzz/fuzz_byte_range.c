/* SPDX-License-Identifier: MIT
 * Fuzz target: a length in eight bytes, and the value of a Range and of a Content-Range.  A range that is satisfied
 * lies in the representation and is not empty; what is written reads as what it was. */
#include <stdlib.h>
#include "gateway/http/byte_range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_range(gw_str_t value, uint64_t length)
{
    gw_range_wish_t wish;
    uint64_t first, end;
    if (!gw_range_parse(value, &wish))
        return;
    switch (gw_range_resolve(&wish, length, &first, &end)) {
    case GW_RANGE_OK:
        must(first < end && end <= length);
        must(wish.is_suffix ? end == length && end - first <= wish.first : first == wish.first);
        must(wish.is_suffix || (wish.is_open ? end == length : end - 1 <= wish.last));
        break;
    case GW_RANGE_UNSATISFIABLE:
        must(wish.is_suffix ? wish.first == 0 : wish.first >= length);
        break;
    case GW_RANGE_NONE:
        must(wish.is_suffix && length == 0);
        break;
    }
}

static void check_content_range(gw_str_t value)
{
    gw_content_range_t range, again;
    char *text = malloc(GW_CONTENT_RANGE_MAX); /* so that sanitizers see writes beyond it */
    if (gw_content_range_parse(value, &range)) {
        must(range.first < range.end && range.end <= range.length);
        size_t len = gw_content_range_print(text, &range);
        must(len <= GW_CONTENT_RANGE_MAX && gw_content_range_parse(gw_str(text, len), &again));
        must(again.first == range.first && again.end == range.end && again.length == range.length);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t length;
    if (size < sizeof(length))
        return 0;
    memcpy(&length, data, sizeof(length));
    gw_str_t value = gw_str((const char *)data + sizeof(length), size - sizeof(length));
    check_range(value, length);
    check_range(value, length % 16);
    check_content_range(value);
    return 0;
}
