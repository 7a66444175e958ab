/* SPDX-License-Identifier: MIT
 * Counting the addresses of names. */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>
#include "filters/rate_limit/name_count.h"
#include "gateway/base/clock.h"
#include "gateway/base/memory.h"
#include "gateway/observe/log.h"

struct gw_name_count {
    char *name;
    const gw_name_count_how_t *how;
    uint64_t made_ms;
    pthread_cond_t changed;
    atomic_uint_least64_t number;
    /* guarded by the lock */
    size_t references; /* without the thread, which frees it when there are none left */
    bool has_thread, was_looked_up;
    gw_name_count_t *next;
};

/* Of the few names of the process and what they know. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static gw_name_count_t *counts;

/* looking up ------------------------------------------------------------------------------------------------------- */

static bool is_same(const struct addrinfo *a, const struct addrinfo *b)
{
    const struct sockaddr *left = a->ai_addr, *right = b->ai_addr;
    if (a->ai_family == AF_INET)
        return memcmp(&((const struct sockaddr_in *)left)->sin_addr, &((const struct sockaddr_in *)right)->sin_addr,
                      sizeof(struct in_addr)) == 0;
    return memcmp(&((const struct sockaddr_in6 *)left)->sin6_addr, &((const struct sockaddr_in6 *)right)->sin6_addr,
                  sizeof(struct in6_addr)) == 0;
}

static uint64_t count_family(const struct addrinfo *found, int family)
{
    const struct addrinfo *known[GW_NAME_COUNT_MAX];
    size_t num = 0, i;
    for (; found != NULL && num != GW_NAME_COUNT_MAX; found = found->ai_next) {
        if (found->ai_family != family)
            continue;
        for (i = 0; i != num && !is_same(known[i], found);)
            ++i;
        if (i == num)
            known[num++] = found;
    }
    return num;
}

uint64_t gw_name_count_hosts(const struct addrinfo *found)
{
    uint64_t ipv4 = count_family(found, AF_INET), ipv6 = count_family(found, AF_INET6);
    return ipv4 > ipv6 ? ipv4 : ipv6;
}

static int look_up_by_dns(const char *name, uint64_t *ret_num)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;
    int error = getaddrinfo(name, NULL, &hints, &found);
    if (error != 0)
        return error;
    uint64_t num = gw_name_count_hosts(found);
    freeaddrinfo(found);
    if (num == 0)
        return EAI_NONAME;
    *ret_num = num;
    return 0;
}

const gw_name_count_how_t gw_name_count_by_dns = {
    .look_up = look_up_by_dns,
    .period_ms = 30000,
    .retry_ms = 1000,
    .first_wait_ms = 3000,
};

/* the thread ------------------------------------------------------------------------------------------------------- */

static void free_count(gw_name_count_t *count)
{
    pthread_cond_destroy(&count->changed);
    free(count->name);
    free(count);
}

/** @return true when it is known now */
static bool look_up(gw_name_count_t *count, bool was_failing)
{
    uint64_t num = 0, before = atomic_load_explicit(&count->number, memory_order_relaxed);
    int error = count->how->look_up(count->name, &num);
    if (error != 0) {
        /* the last number stays: without it a name server that is down would make limits a multiple of what they are */
        if (!was_failing && before == 0)
            gw_log(GW_LOG_WARNING, "share: cannot resolve '%s': %s; limits are divided by 'at_least'", count->name,
                   gai_strerror(error));
        else if (!was_failing)
            gw_log(GW_LOG_WARNING, "share: cannot resolve '%s': %s; the number of gateways stays %llu", count->name,
                   gai_strerror(error), (unsigned long long)before);
        return false;
    }
    if (before == 0)
        gw_log(GW_LOG_NOTICE, "share: the number of gateways at '%s' is %llu", count->name, (unsigned long long)num);
    else if (num != before)
        gw_log(GW_LOG_NOTICE, "share: the number of gateways at '%s' is %llu, was %llu", count->name,
               (unsigned long long)num, (unsigned long long)before);
    else if (was_failing)
        gw_log(GW_LOG_NOTICE, "share: '%s' resolves again", count->name);
    atomic_store_explicit(&count->number, num, memory_order_relaxed);
    return true;
}

static struct timespec timespec_of(uint64_t ms)
{
    return (struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
}

static void *count_main(void *arg)
{
    gw_name_count_t *count = arg;
    bool is_failing = false;
    pthread_mutex_lock(&lock);
    while (count->references != 0) {
        pthread_mutex_unlock(&lock);
        is_failing = !look_up(count, is_failing);
        pthread_mutex_lock(&lock);
        count->was_looked_up = true;
        pthread_cond_broadcast(&count->changed);
        struct timespec until =
            timespec_of(gw_clock_ms() + (is_failing ? count->how->retry_ms : count->how->period_ms));
        while (count->references != 0)
            if (pthread_cond_timedwait(&count->changed, &lock, &until) == ETIMEDOUT)
                break;
    }
    pthread_mutex_unlock(&lock);
    free_count(count);
    return NULL;
}

/** Under the lock.  Detached: who waited for it would wait for a look-up that hangs. */
static void start_thread(gw_name_count_t *count)
{
    pthread_t thread;
    count->has_thread = pthread_create(&thread, NULL, count_main, count) == 0;
    if (count->has_thread)
        pthread_detach(thread);
    else
        gw_log(GW_LOG_ERROR, "share: no thread can be started to look up '%s'; limits are divided by 'at_least'",
               count->name);
}

/* for all ---------------------------------------------------------------------------------------------------------- */

static gw_name_count_t *make_count(const char *name, const gw_name_count_how_t *how)
{
    gw_name_count_t *count = gw_must_alloc(1, sizeof(*count));
    count->name = strcpy(gw_must_alloc(1, strlen(name) + 1), name);
    count->how = how;
    count->made_ms = gw_clock_ms();
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&count->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return count;
}

gw_name_count_t *gw_name_count_get(const char *name, const gw_name_count_how_t *how)
{
    pthread_mutex_lock(&lock);
    gw_name_count_t *count = counts;
    while (count != NULL && strcmp(count->name, name) != 0)
        count = count->next;
    if (count == NULL) {
        count = make_count(name, how);
        count->next = counts;
        counts = count;
        ++count->references;
        start_thread(count);
    } else {
        ++count->references;
    }
    /* from the making of it, not from now: a hundred limits by a name that hangs hold up the start only once */
    struct timespec until = timespec_of(count->made_ms + how->first_wait_ms);
    while (count->has_thread && !count->was_looked_up)
        if (pthread_cond_timedwait(&count->changed, &lock, &until) == ETIMEDOUT)
            break;
    pthread_mutex_unlock(&lock);
    return count;
}

gw_name_count_t *gw_name_count_unref(gw_name_count_t *count)
{
    if (count == NULL)
        return NULL;
    pthread_mutex_lock(&lock);
    bool is_last = --count->references == 0, has_thread = count->has_thread;
    if (is_last) {
        gw_name_count_t **slot = &counts;
        while (*slot != count)
            slot = &(*slot)->next;
        *slot = count->next;
        pthread_cond_broadcast(&count->changed);
    }
    pthread_mutex_unlock(&lock);
    if (is_last && !has_thread)
        free_count(count);
    return NULL;
}

uint64_t gw_name_count_number(const gw_name_count_t *count)
{
    return atomic_load_explicit(&count->number, memory_order_relaxed);
}
