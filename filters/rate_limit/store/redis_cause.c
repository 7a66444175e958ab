/* SPDX-License-Identifier: MIT
 * The sentences of the causes. */
#include "filters/rate_limit/store/redis_cause.h"

const char *gw_redis_cause_text(gw_redis_cause_t cause)
{
    static const char *const texts[] = {
#define GW_REDIS_CAUSE_TEXT(name, text) [GW_REDIS_CAUSE_##name] = text,
        GW_REDIS_CAUSE_MAP(GW_REDIS_CAUSE_TEXT)
#undef GW_REDIS_CAUSE_TEXT
    };
    return texts[cause];
}
