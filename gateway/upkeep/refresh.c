/* SPDX-License-Identifier: MIT
 * Lifetimes and back-off. */
#include "gateway/http/syntax.h"
#include "gateway/upkeep/refresh.h"

enum { second = 1000, most_doublings = 16 };

/** @param text digits, perhaps in quotes (RFC 9111 1.2.2 asks for tolerance)   @return seconds, or UINT64_MAX */
static uint64_t parse_seconds(gw_str_t text)
{
    uint64_t seconds = 0;
    if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
        text = gw_str(text.ptr + 1, text.len - 2);
    if (text.len == 0)
        return UINT64_MAX;
    for (size_t i = 0; i != text.len; ++i) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return UINT64_MAX;
        seconds = seconds * 10 + (uint64_t)(text.ptr[i] - '0');
        if (seconds > UINT32_MAX)
            seconds = UINT32_MAX;
    }
    return seconds;
}

uint64_t gw_refresh_lifetime(gw_str_t cache_control, gw_str_t age_text)
{
    gw_str_t directive;
    uint64_t lifetime = UINT64_MAX;
    while (gw_http_list_next(&cache_control, &directive)) {
        if (gw_str_equal_nocase(directive, GW_STR("no-store")) || gw_str_equal_nocase(directive, GW_STR("no-cache")))
            return 0;
        if (directive.len > 8 && gw_str_equal_nocase(gw_str(directive.ptr, 8), GW_STR("max-age=")) &&
            lifetime == UINT64_MAX)
            lifetime = parse_seconds(gw_str(directive.ptr + 8, directive.len - 8));
    }
    if (lifetime == UINT64_MAX)
        return UINT64_MAX;
    uint64_t age = parse_seconds(gw_http_trim(age_text));
    if (age != UINT64_MAX)
        lifetime = age < lifetime ? lifetime - age : 0;
    return lifetime * second;
}

static uint64_t share(uint64_t whole, uint64_t random)
{
    return (uint64_t)((unsigned __int128)whole * random >> 64);
}

uint64_t gw_refresh_after_success(const gw_refresh_bounds_t *bounds, uint64_t lifetime, uint64_t random)
{
    if (lifetime > bounds->max_ttl)
        lifetime = bounds->max_ttl;
    if (lifetime < bounds->min_ttl)
        lifetime = bounds->min_ttl;
    uint64_t wait = lifetime - lifetime / 10 - share(lifetime / 10, random);
    return wait > bounds->min_interval ? wait : bounds->min_interval;
}

uint64_t gw_refresh_after_failure(const gw_refresh_bounds_t *bounds, unsigned failures, uint64_t random)
{
    uint64_t wait = bounds->min_interval << (failures - 1 < most_doublings ? failures - 1 : most_doublings);
    uint64_t most = bounds->min_ttl > bounds->min_interval ? bounds->min_ttl : bounds->min_interval;
    if (wait > most)
        wait = most;
    wait += share(wait / 2, random);
    return wait;
}
