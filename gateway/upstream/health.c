/* SPDX-License-Identifier: MIT
 * Verdicts on an endpoint. */
#include "gateway/upstream/health.h"

#define ALL 10000

static gw_health_change_t come_up(gw_health_t *health, uint64_t now_ms)
{
    if (!health->is_down)
        return GW_HEALTH_SAME;
    health->is_down = false;
    health->back_ms = now_ms;
    return GW_HEALTH_CAME_UP;
}

/** Before it goes out of use: was it in use for long enough? */
static void forgive(gw_health_t *health, uint64_t now_ms)
{
    if (health->back_ms == 0 || now_ms - health->back_ms > health->ejection_ms)
        health->num_ejections = 0;
}

static void empty_window(gw_health_t *health)
{
    for (size_t i = 0; i != GW_HEALTH_BUCKETS; ++i)
        health->buckets[i].requests = health->buckets[i].failures = 0;
}

static void readmit(gw_health_t *health, uint64_t now_ms)
{
    health->is_ejected = false;
    health->back_ms = now_ms;
    health->is_on_probation = true;
    empty_window(health); /* of what came late */
}

gw_health_change_t gw_health_checked(gw_health_t *health, const gw_health_check_conf_t *conf, bool is_good,
                                     uint64_t now_ms)
{
    bool is_first = !health->was_checked;
    health->was_checked = true;
    health->num_good = is_good ? health->num_good + 1 : 0;
    health->num_bad = is_good ? 0 : health->num_bad + 1;
    if (is_good) {
        gw_health_change_t change = health->num_good >= conf->healthy ? come_up(health, now_ms) : GW_HEALTH_SAME;
        if (change == GW_HEALTH_CAME_UP)
            readmit(health, now_ms); /* newer evidence than what it was ejected for */
        return change;
    }
    if (health->is_down || (!is_first && health->num_bad < conf->unhealthy))
        return GW_HEALTH_SAME;
    if (!health->is_ejected)
        forgive(health, now_ms);
    health->is_down = true;
    return GW_HEALTH_WENT_DOWN;
}

gw_health_change_t gw_health_unchecked(gw_health_t *health, uint64_t now_ms)
{
    health->was_checked = false;
    health->num_good = health->num_bad = 0;
    return come_up(health, now_ms);
}

/* requests --------------------------------------------------------------------------------------------------------- */

typedef struct sums {
    uint64_t requests, failures;
} sums_t;

/** Puts what is new into the window and adds it up. */
static sums_t slide(gw_health_t *health, const gw_ejection_conf_t *conf, uint64_t requests, uint64_t failures,
                    uint64_t now_ms)
{
    uint64_t width = conf->window / GW_HEALTH_BUCKETS != 0 ? conf->window / GW_HEALTH_BUCKETS : 1,
             epoch = now_ms / width;
    size_t at = epoch % GW_HEALTH_BUCKETS;
    if (health->buckets[at].epoch != epoch) {
        health->buckets[at].epoch = epoch;
        health->buckets[at].requests = health->buckets[at].failures = 0;
    }
    health->buckets[at].requests += requests - health->seen_requests;
    health->buckets[at].failures += failures - health->seen_failures;
    health->seen_requests = requests;
    health->seen_failures = failures;
    sums_t sums = {0, 0};
    for (size_t i = 0; i != GW_HEALTH_BUCKETS; ++i)
        if (epoch - health->buckets[i].epoch < GW_HEALTH_BUCKETS) {
            sums.requests += health->buckets[i].requests;
            sums.failures += health->buckets[i].failures;
        }
    return sums;
}

static void eject(gw_health_t *health, const gw_ejection_conf_t *conf, gw_ejection_cause_t cause, sums_t sums,
                  uint64_t now_ms, uint64_t random)
{
    if (!health->is_down)
        forgive(health, now_ms);
    uint64_t ms = conf->time;
    for (unsigned i = 0; i != health->num_ejections && ms < conf->max_time; ++i)
        ms *= 2;
    if (ms > conf->max_time)
        ms = conf->max_time;
    ++health->num_ejections;
    health->ejection_ms = ms;
    health->is_ejected = true;
    health->cause = cause;
    health->requests = sums.requests;
    health->failures = sums.failures;
    /* up to a tenth more, so that endpoints that failed together do not return together */
    uint64_t more_ms = (random >> 32) * (ms / 10 + 1) / (1ull << 32);
    health->ejected_until_ms = now_ms + (ms + more_ms <= conf->max_time ? ms + more_ms : conf->max_time - more_ms);
    empty_window(health);
}

gw_health_change_t gw_health_traffic(gw_health_t *health, const gw_ejection_conf_t *conf, uint64_t streak,
                                     uint64_t requests, uint64_t failures, bool may_eject, uint64_t now_ms,
                                     uint64_t random)
{
    sums_t sums = {0, 0};
    if (conf->failure_ratio != 0 && !health->has_window) { /* what was before shares were looked at does not count */
        health->seen_requests = requests;
        health->seen_failures = failures;
    }
    health->has_window = conf->failure_ratio != 0;
    sums_t news = {requests - health->seen_requests, failures - health->seen_failures};
    if (health->has_window)
        sums = slide(health, conf, requests, failures, now_ms);
    if (health->is_ejected)
        return GW_HEALTH_SAME;
    bool is_relapse =
        health->has_window && health->is_on_probation && news.requests != 0 && news.failures == news.requests;
    if (news.failures != news.requests)
        health->is_on_probation = false;
    if (!may_eject)
        return GW_HEALTH_SAME;
    if (conf->consecutive_failures != 0 && streak >= conf->consecutive_failures)
        eject(health, conf, GW_EJECTED_STREAK, sums, now_ms, random);
    else if (is_relapse || (conf->failure_ratio != 0 && sums.requests >= conf->min_requests &&
                            sums.failures * ALL >= conf->failure_ratio * sums.requests))
        eject(health, conf, GW_EJECTED_RATIO, sums, now_ms, random);
    return health->is_ejected ? GW_HEALTH_EJECTED : GW_HEALTH_SAME;
}

gw_health_change_t gw_health_tick(gw_health_t *health, uint64_t now_ms)
{
    if (!health->is_ejected || now_ms < health->ejected_until_ms)
        return GW_HEALTH_SAME;
    readmit(health, now_ms);
    return GW_HEALTH_READMITTED;
}
