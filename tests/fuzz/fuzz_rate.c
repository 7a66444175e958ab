/* SPDX-License-Identifier: MIT
 * Fuzz target: rates.  What is read lies within its bounds and is written as a text, never a longer one, that is read
 * as the same; what is not is refused with a reason. */
#include <stdlib.h>
#include "filters/rate_limit/rate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gw_rate_t rate, again;
    const char *wanted = NULL;
    char text[GW_RATE_TEXT_MAX];
    if (!gw_rate_parse(gw_str((const char *)data, size), &rate, &wanted)) {
        must(wanted != NULL && *wanted != '\0');
        return 0;
    }
    must(rate.tokens >= 1 && rate.tokens <= GW_RATE_MAX_TOKENS);
    must(rate.period_us >= GW_RATE_MIN_PERIOD_US && rate.period_us <= GW_RATE_MAX_PERIOD_US);
    size_t len = gw_rate_print(&rate, text);
    must(len < sizeof(text) && text[len] == '\0' && len <= size);
    must(gw_rate_parse(gw_str(text, len), &again, &wanted));
    must(again.tokens == rate.tokens && again.period_us == rate.period_us);
    return 0;
}
