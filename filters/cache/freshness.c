/* SPDX-License-Identifier: MIT
 * Ages and what follows from them. */
#include "filters/cache/freshness.h"

/** a - b; 0 when that is negative, GW_CACHE_ANY_AGE_MS when it is more. */
static int64_t elapsed(int64_t a, int64_t b)
{
    int64_t difference;
    if (a <= b)
        return 0;
    if (__builtin_sub_overflow(a, b, &difference) || difference > (int64_t)GW_CACHE_ANY_AGE_MS)
        return (int64_t)GW_CACHE_ANY_AGE_MS;
    return difference;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t gw_cache_born(const gw_cache_arrival_t *arrival)
{
    uint64_t age_s = arrival->age_s < GW_CACHE_ANY_AGE ? arrival->age_s : GW_CACHE_ANY_AGE;
    int64_t corrected = (int64_t)age_s * 1000 + elapsed(arrival->came_ms, arrival->asked_ms), apparent = 0;
    if (arrival->date_s != INT64_MIN)
        apparent = least(elapsed(arrival->came_wall_s, arrival->date_s), GW_CACHE_ANY_AGE) * 1000;
    return arrival->came_ms - least(most(apparent, corrected), (int64_t)GW_CACHE_ANY_AGE_MS);
}

uint64_t gw_cache_age_s(const gw_cache_life_t *life, int64_t now_ms)
{
    return (uint64_t)elapsed(now_ms, life->born_ms) / 1000;
}

int64_t gw_cache_left_ms(const gw_cache_life_t *life, int64_t now_ms)
{
    uint64_t lifetime = life->lifetime_ms < GW_CACHE_ANY_AGE_MS ? life->lifetime_ms : GW_CACHE_ANY_AGE_MS;
    return (int64_t)lifetime - elapsed(now_ms, life->born_ms);
}

/** Is `window_ms` from where it became stale not yet over? */
static bool is_within(int64_t overdue_ms, uint64_t window_ms)
{
    return overdue_ms >= 0 && (uint64_t)overdue_ms < window_ms;
}

gw_cache_use_t gw_cache_use(const gw_cache_life_t *life, const gw_cache_request_directives_t *request,
                            bool is_soft_purged, int64_t now_ms)
{
    int64_t left = gw_cache_left_ms(life, now_ms);
    bool has_limit = false; /* on age: then the client takes nothing stale, unless it says so (RFC 9111 5.2.1.1) */
    if (is_soft_purged)
        left = least(left, 0);
    if (life->must_validate)
        return GW_USE_VALIDATED;
    if (request != NULL) {
        if (request->no_cache || request->has_pragma_no_cache)
            return GW_USE_VALIDATED;
        if (request->max_age != GW_CACHE_NOT_SAID && !(life->is_immutable && left > 0)) {
            /* 0 is a reload: not even what came in this very millisecond */
            if (request->max_age == 0 || elapsed(now_ms, life->born_ms) > (int64_t)request->max_age * 1000)
                return GW_USE_VALIDATED;
            has_limit = true;
        }
        if (request->min_fresh != GW_CACHE_NOT_SAID && (left <= 0 || left < (int64_t)request->min_fresh * 1000))
            return GW_USE_VALIDATED;
    }
    if (left > 0)
        return GW_USE_FRESH;
    if (life->never_stale)
        return GW_USE_VALIDATED;
    bool takes_stale = request != NULL && request->max_stale != GW_CACHE_NOT_SAID &&
                       (request->max_stale == GW_CACHE_ANY_AGE || -left <= (int64_t)request->max_stale * 1000);
    if (is_within(-left, life->while_revalidate_ms) && (takes_stale || !has_limit))
        return GW_USE_WHILE_REVALIDATE;
    return takes_stale ? GW_USE_STALE : GW_USE_VALIDATED;
}

bool gw_cache_may_use_on_error(const gw_cache_life_t *life, const gw_cache_request_directives_t *request,
                               int64_t now_ms)
{
    int64_t left = gw_cache_left_ms(life, now_ms);
    uint64_t window = life->if_error_ms;
    if (life->must_validate || (life->never_stale && left <= 0))
        return false;
    if (request != NULL) {
        if (request->no_cache || request->has_pragma_no_cache)
            return false;
        if (request->stale_if_error != GW_CACHE_NOT_SAID)
            window = request->stale_if_error * 1000;
    }
    return is_within(most(-left, 0), window);
}
