/* SPDX-License-Identifier: MIT
 * The monitor's thread. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include "gateway/base/clock.h"
#include "gateway/base/memory.h"
#include "gateway/base/random.h"
#include "gateway/observe/log.h"
#include "gateway/upstream/monitor.h"
#include "gateway/upstream/probe.h"

#define MAX_PROBES    128 /* under way at a time */
#define MAX_WAIT_MS   60000
#define LOOK_EVERY_MS 250 /* at shares of failures */
#define SOON_MS       50  /* when there were too many probes */
#define ALL           10000

/** Keeps the deployment whose conf a probe works with. */
typedef struct check {
    gw_probe_t *probe;
    gw_deployment_t *deployment;
    const gw_health_check_conf_t *conf;
} check_t;

struct gw_monitor {
    pthread_t thread;
    CURLM *multi;
    pthread_mutex_t lock;
    /* guarded by the lock */
    gw_deployment_t *next; /* to be watched from now on; NULL: no change */
    bool is_stopping;
    atomic_bool is_woken;
    /* the thread's */
    gw_deployment_t *deployment;
    check_t checks[MAX_PROBES]; /* probe NULL: free */
    size_t num_checks;
    uint64_t random;
};

/* verdicts --------------------------------------------------------------------------------------------------------- */

static const gw_service_conf_t *conf_of(const gw_monitor_t *monitor, size_t index)
{
    return &monitor->deployment->snapshot->services[index];
}

static size_t count_usable(const gw_deployed_service_t *service)
{
    size_t num = 0;
    for (size_t i = 0; i != service->num_members; ++i)
        num += gw_health_is_usable(&service->members[i]->health);
    return num;
}

static void log_change(const gw_member_t *member, gw_health_change_t change, const char *cause, uint64_t now)
{
    const gw_health_t *health = &member->health;
    const char *name = member->service->name, *url = member->endpoint->url;
    switch (change) {
    case GW_HEALTH_SAME:
        break;
    case GW_HEALTH_WENT_DOWN:
        gw_log_later(GW_LOG_WARNING, "service %s: endpoint %s is down: its health checks fail: %s", name, url, cause);
        break;
    case GW_HEALTH_CAME_UP:
        gw_log_later(GW_LOG_NOTICE, "service %s: endpoint %s is up again: its health checks %s", name, url, cause);
        break;
    case GW_HEALTH_EJECTED:
        if (health->cause == GW_EJECTED_STREAK)
            gw_log_later(GW_LOG_WARNING,
                         "service %s: endpoint %s is ejected for %llu ms: requests to it failed in a row", name, url,
                         (unsigned long long)(health->ejected_until_ms - now));
        else
            gw_log_later(GW_LOG_WARNING,
                         "service %s: endpoint %s is ejected for %llu ms: %llu of %llu requests to it failed", name,
                         url, (unsigned long long)(health->ejected_until_ms - now),
                         (unsigned long long)health->failures, (unsigned long long)health->requests);
        break;
    case GW_HEALTH_READMITTED:
        gw_log_later(GW_LOG_NOTICE, "service %s: endpoint %s %s: the time of its ejection is over", name, url,
                     health->is_down ? "stays down" : "is used again");
        break;
    }
}

/** Tells the workers. */
static void publish(gw_member_t *member)
{
    const gw_health_t *health = &member->health;
    atomic_store(&member->since_ms, health->back_ms);
    atomic_store(&member->ejected_until_ms, health->is_ejected ? health->ejected_until_ms : 0);
    atomic_store(&member->is_usable, gw_health_is_usable(health));
    atomic_fetch_add(&member->service->epoch, 1);
    gw_queue_wake_all(member->service->queue);
}

static void take_change(gw_monitor_t *monitor, size_t index, gw_member_t *member, gw_health_change_t change,
                        const char *cause, uint64_t now)
{
    const gw_service_conf_t *conf = conf_of(monitor, index);
    if (change == GW_HEALTH_SAME)
        return;
    if ((change == GW_HEALTH_READMITTED || change == GW_HEALTH_CAME_UP) && conf->ejection.consecutive_failures != 0)
        /* on probation: one failure is enough, one success clears it */
        atomic_store(&member->streak, (unsigned)conf->ejection.consecutive_failures - 1);
    publish(member);
    log_change(member, change, cause, now);
    bool is_lost = (change == GW_HEALTH_WENT_DOWN && !member->health.is_ejected) ||
                   (change == GW_HEALTH_EJECTED && !member->health.is_down);
    if (is_lost && count_usable(&monitor->deployment->services[index]) == 0)
        gw_log_later(GW_LOG_ERROR, "service %s: no endpoint is usable: %s", conf->name,
                     conf->when_unhealthy == GW_FAIL_FAST ? "requests are answered with 503"
                                                          : "all of them are tried all the same");
}

/* requests --------------------------------------------------------------------------------------------------------- */

static bool may_eject(const gw_deployed_service_t *service, uint64_t max_share)
{
    size_t num_ejected = 0;
    for (size_t i = 0; i != service->num_members; ++i)
        num_ejected += service->members[i]->health.is_ejected;
    return (num_ejected + 1) * ALL <= max_share * service->num_members;
}

static void look_at_traffic(gw_monitor_t *monitor, size_t index, gw_member_t *member, uint64_t now)
{
    const gw_deployed_service_t *service = &monitor->deployment->services[index];
    const gw_ejection_conf_t *conf = &conf_of(monitor, index)->ejection;
    uint64_t requests = 0, failures = 0;
    if (conf->failure_ratio != 0)
        for (size_t i = 0; i != member->num_workers; ++i) {
            /* failures first: a request that is counted in between makes the share smaller, never larger */
            failures += atomic_load(&member->counts[i].failures);
            requests += atomic_load(&member->counts[i].requests);
        }
    take_change(monitor, index, member,
                gw_health_traffic(&member->health, conf, atomic_load(&member->streak), requests, failures,
                                  may_eject(service, conf->max_share), now, gw_random_next(&monitor->random)),
                NULL, now);
}

/* checks ----------------------------------------------------------------------------------------------------------- */

static uint64_t jittered(gw_monitor_t *monitor, const gw_health_check_conf_t *conf)
{
    uint64_t range = conf->period * conf->jitter / ALL;
    return conf->period - range + (range != 0 ? gw_random_below(&monitor->random, (uint32_t)(2 * range + 1)) : 0);
}

static check_t *free_check(gw_monitor_t *monitor)
{
    for (size_t i = 0; i != MAX_PROBES; ++i)
        if (monitor->checks[i].probe == NULL)
            return &monitor->checks[i];
    return NULL;
}

static void start_check(gw_monitor_t *monitor, gw_member_t *member, const gw_health_check_conf_t *conf, uint64_t now)
{
    check_t *check = free_check(monitor);
    gw_probe_t *probe = check != NULL ? gw_probe_start(monitor->multi, member, conf) : NULL;
    if (probe == NULL) {
        member->next_check_ms = now + SOON_MS;
        return;
    }
    *check = (check_t){probe, gw_deployment_ref(monitor->deployment), conf};
    ++monitor->num_checks;
    member->probe = probe;
    member->next_check_ms = now + jittered(monitor, conf);
}

static void end_check(gw_monitor_t *monitor, check_t *check)
{
    gw_member_t *member = gw_probe_member(check->probe);
    member->probe = NULL;
    if (member->next_check_ms <= gw_clock_ms())
        atomic_store(&monitor->is_woken, true); /* the next one is due already, and was waiting for this one's end */
    gw_probe_free(check->probe);
    gw_deployment_unref(check->deployment);
    *check = (check_t){0};
    --monitor->num_checks;
}

/** @return the member's service in the deployment that is watched now, or SIZE_MAX when it has left */
static size_t index_of(const gw_monitor_t *monitor, const gw_member_t *member)
{
    const gw_deployment_t *deployment = monitor->deployment;
    for (size_t i = 0; i != deployment->snapshot->num_services; ++i) {
        const gw_deployed_service_t *service = &deployment->services[i];
        if (service->service != member->service)
            continue;
        for (size_t k = 0; k != service->num_members; ++k)
            if (service->members[k] == member)
                return i;
    }
    return SIZE_MAX;
}

static void take_verdict(gw_monitor_t *monitor, check_t *check, CURLcode result)
{
    char cause[GW_PROBE_MAX_CAUSE];
    gw_member_t *member = gw_probe_member(check->probe);
    bool is_good = gw_probe_finish(check->probe, result, cause);
    size_t index = index_of(monitor, member);
    uint64_t now = gw_clock_ms();
    if (index != SIZE_MAX && conf_of(monitor, index)->health_check.at.line != 0)
        take_change(monitor, index, member, gw_health_checked(&member->health, check->conf, is_good, now),
                    is_good ? "succeed" : cause, now);
    end_check(monitor, check);
}

static void take_verdicts(gw_monitor_t *monitor)
{
    int num_running, num_left;
    curl_multi_perform(monitor->multi, &num_running);
    for (CURLMsg *message; (message = curl_multi_info_read(monitor->multi, &num_left)) != NULL;) {
        gw_probe_t *probe = gw_probe_of(message->easy_handle);
        for (size_t i = 0; message->msg == CURLMSG_DONE && i != MAX_PROBES; ++i)
            if (monitor->checks[i].probe == probe) {
                take_verdict(monitor, &monitor->checks[i], message->data.result);
                break;
            }
    }
}

/* the thread ------------------------------------------------------------------------------------------------------- */

static void sooner(uint64_t *at_ms, uint64_t ms)
{
    if (ms < *at_ms)
        *at_ms = ms;
}

/** @return when it has to be looked at again */
static uint64_t look_at(gw_monitor_t *monitor, size_t index, gw_member_t *member, uint64_t now)
{
    const gw_service_conf_t *conf = conf_of(monitor, index);
    uint64_t at_ms = UINT64_MAX;
    if (conf->ejection.consecutive_failures == 0 && conf->ejection.failure_ratio == 0)
        member->health.ejected_until_ms = now; /* a reload that switches ejection off ends those that run */
    take_change(monitor, index, member, gw_health_tick(&member->health, now), NULL, now);
    look_at_traffic(monitor, index, member, now);
    if (member->health.is_ejected)
        sooner(&at_ms, member->health.ejected_until_ms);
    if (conf->ejection.failure_ratio != 0)
        sooner(&at_ms, now + LOOK_EVERY_MS);
    if (conf->health_check.at.line == 0) {
        take_change(monitor, index, member, gw_health_unchecked(&member->health, now), "were switched off", now);
        member->next_check_ms = 0;
        return at_ms;
    }
    if (member->next_check_ms == 0)
        member->next_check_ms = now + conf->health_check.initial_delay;
    else if (member->health.was_checked && member->next_check_ms > now + 2 * conf->health_check.period)
        member->next_check_ms = now; /* a reload wants them more often */
    if (member->next_check_ms <= now && member->probe == NULL)
        start_check(monitor, member, &conf->health_check, now);
    if (member->probe == NULL || member->next_check_ms > now)
        sooner(&at_ms, member->next_check_ms);
    return at_ms;
}

/** @return milliseconds until the next time */
static uint64_t look_at_all(gw_monitor_t *monitor)
{
    uint64_t now = gw_clock_ms(), at_ms = UINT64_MAX;
    for (size_t i = 0; monitor->deployment != NULL && i != monitor->deployment->snapshot->num_services; ++i)
        for (size_t k = 0; k != monitor->deployment->services[i].num_members; ++k)
            sooner(&at_ms, look_at(monitor, i, monitor->deployment->services[i].members[k], now));
    uint64_t wait_ms = at_ms > now ? at_ms - now : 1;
    return wait_ms < MAX_WAIT_MS ? wait_ms : MAX_WAIT_MS;
}

static bool is_same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool is_same_check(const gw_health_check_conf_t *a, const gw_health_check_conf_t *b)
{
    return is_same_text(a->path, b->path) && is_same_text(a->host, b->host) && is_same_text(a->body, b->body) &&
           a->method == b->method && a->is_tcp == b->is_tcp && a->timeout == b->timeout &&
           memcmp(&a->status_set, &b->status_set, sizeof(a->status_set)) == 0;
}

/** After a reload: checks that would be made in another way now are ended, and made that way soon. */
static void end_outdated_checks(gw_monitor_t *monitor)
{
    for (size_t i = 0; i != MAX_PROBES; ++i) {
        check_t *check = &monitor->checks[i];
        if (check->probe == NULL)
            continue;
        gw_member_t *member = gw_probe_member(check->probe);
        size_t index = index_of(monitor, member);
        if (index != SIZE_MAX && is_same_check(check->conf, &conf_of(monitor, index)->health_check))
            continue;
        member->next_check_ms = gw_clock_ms();
        end_check(monitor, check);
    }
}

/** @return false: it is the end */
static bool take_orders(gw_monitor_t *monitor)
{
    pthread_mutex_lock(&monitor->lock);
    gw_deployment_t *next = monitor->next;
    bool is_stopping = monitor->is_stopping;
    monitor->next = NULL;
    pthread_mutex_unlock(&monitor->lock);
    if (next != NULL) {
        gw_deployment_unref(monitor->deployment);
        monitor->deployment = next;
        end_outdated_checks(monitor);
    }
    return !is_stopping;
}

static void *monitor_main(void *arg)
{
    gw_monitor_t *monitor = arg;
    uint64_t look_at_ms = 0;
    while (take_orders(monitor)) {
        uint64_t now = gw_clock_ms();
        /* not at every packet of a check: there may be thousands of endpoints */
        if (atomic_exchange(&monitor->is_woken, false) || now >= look_at_ms)
            look_at_ms = now + look_at_all(monitor);
        curl_multi_poll(monitor->multi, NULL, 0, look_at_ms > now ? (int)(look_at_ms - now) : 0, NULL);
        take_verdicts(monitor);
    }
    for (size_t i = 0; i != MAX_PROBES; ++i)
        if (monitor->checks[i].probe != NULL)
            end_check(monitor, &monitor->checks[i]);
    gw_deployment_unref(monitor->deployment);
    return NULL;
}

gw_monitor_t *gw_monitor_create(void)
{
    gw_monitor_t *monitor = gw_must_alloc(1, sizeof(*monitor));
    pthread_mutex_init(&monitor->lock, NULL);
    if (getrandom(&monitor->random, sizeof(monitor->random), 0) != (ssize_t)sizeof(monitor->random))
        abort(); /* cannot fail for so few bytes once the system has started */
    monitor->random |= 1;
    /* checks speak plain HTTP: libcurl need not set up a TLS library */
    bool is_ready = curl_global_init(CURL_GLOBAL_NOTHING) == CURLE_OK && (monitor->multi = curl_multi_init()) != NULL;
    if (is_ready && pthread_create(&monitor->thread, NULL, monitor_main, monitor) == 0)
        return monitor;
    if (monitor->multi != NULL)
        curl_multi_cleanup(monitor->multi);
    pthread_mutex_destroy(&monitor->lock);
    free(monitor);
    return NULL;
}

void gw_monitor_wake(gw_monitor_t *monitor)
{
    if (monitor == NULL)
        return;
    atomic_store(&monitor->is_woken, true);
    curl_multi_wakeup(monitor->multi);
}

void gw_monitor_watch(gw_monitor_t *monitor, gw_deployment_t *deployment)
{
    pthread_mutex_lock(&monitor->lock);
    gw_deployment_t *unseen = monitor->next;
    monitor->next = gw_deployment_ref(deployment);
    pthread_mutex_unlock(&monitor->lock);
    gw_deployment_unref(unseen);
    gw_monitor_wake(monitor);
}

gw_monitor_t *gw_monitor_free(gw_monitor_t *monitor)
{
    if (monitor == NULL)
        return NULL;
    pthread_mutex_lock(&monitor->lock);
    monitor->is_stopping = true;
    pthread_mutex_unlock(&monitor->lock);
    gw_monitor_wake(monitor);
    pthread_join(monitor->thread, NULL);
    gw_deployment_unref(monitor->next);
    curl_multi_cleanup(monitor->multi);
    curl_global_cleanup();
    pthread_mutex_destroy(&monitor->lock);
    free(monitor);
    return NULL;
}
