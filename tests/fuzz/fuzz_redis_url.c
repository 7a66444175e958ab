/* SPDX-License-Identifier: MIT
 * Fuzz target: any bytes as the URL of a Redis.  What is accepted has the parts that its kind needs, shows no password,
 * and is read the same again; what is not was said to be wrong. */
#include <stdlib.h>
#include "filters/rate_limit/store/redis_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gw_arena_t *arena = gw_arena_create();
    const char *wrong = NULL, *hint = NULL;
    const gw_redis_url_t *url = gw_redis_url_parse(arena, gw_str((const char *)data, size), &wrong, &hint);
    if (url == NULL) {
        must(wrong != NULL && hint != NULL && *wrong != '\0' && *hint != '\0');
    } else {
        must(url->user == NULL || url->password != NULL);
        must((url->path != NULL) == (url->where == GW_REDIS_UNIX));
        must((url->master != NULL) == (url->where == GW_REDIS_SENTINEL));
        must((url->num_hosts == 0) == (url->where == GW_REDIS_UNIX) && url->num_hosts <= GW_REDIS_MAX_HOSTS);
        for (size_t i = 0; i != url->num_hosts; ++i)
            must(url->hosts[i].port != 0 && *url->hosts[i].name != '\0');
        must(strchr(url->shown, '@') == NULL);
        const gw_redis_url_t *again = gw_redis_url_parse(arena, gw_str_of(url->shown), &wrong, &hint);
        must(again != NULL && again->where == url->where && again->num_hosts == url->num_hosts &&
             again->db == url->db && again->password == NULL);
    }
    gw_arena_free(arena);
    return 0;
}
