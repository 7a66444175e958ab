/* SPDX-License-Identifier: MIT
 * Fuzz target: the chunked decoder.  However the input is cut, result, data and the rest must be the same. */
#include <stdlib.h>
#include "gateway/http/chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct outcome {
    gw_chunked_result_t result;
    char *data;
    size_t len, used;
} outcome_t;

/** Decodes with at most `step` bytes at a time. */
static outcome_t decode(const char *bytes, size_t size, size_t step)
{
    outcome_t outcome = {.result = GW_CHUNKED_NEED_MORE, .data = malloc(size + 1)};
    gw_chunked_t chunked;
    gw_chunked_init(&chunked);
    while (outcome.used != size && outcome.result == GW_CHUNKED_NEED_MORE) {
        size_t len = size - outcome.used < step ? size - outcome.used : step;
        char *piece = malloc(len); /* exactly as long as it may be read */
        memcpy(piece, bytes + outcome.used, len);
        gw_str_t input = gw_str(piece, len), slice;
        while ((outcome.result = gw_chunked_decode(&chunked, &input, &slice)) == GW_CHUNKED_DATA) {
            if (slice.len == 0)
                abort();
            memcpy(outcome.data + outcome.len, slice.ptr, slice.len);
            outcome.len += slice.len;
        }
        if (outcome.result == GW_CHUNKED_NEED_MORE && input.len != 0)
            abort();
        outcome.used += len - input.len;
        free(piece);
    }
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    outcome_t whole = decode((const char *)data, size, size + 1);
    for (size_t step = 1; step <= 7; step += 3) {
        outcome_t cut = decode((const char *)data, size, step);
        if (cut.result != whole.result || cut.len != whole.len || memcmp(cut.data, whole.data, cut.len) != 0 ||
            cut.used != whole.used)
            abort();
        free(cut.data);
    }
    free(whole.data);
    return 0;
}
