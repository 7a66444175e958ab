/* SPDX-License-Identifier: MIT
 * Clients that ask again and again. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "gateway/base/clock.h"
#include "tests/support/crowd.h"

enum { max_gateways = 2 };

typedef struct member {
    pthread_t thread;
    crowd_t *crowd;
    client_t *client;
    size_t gateway, first_path;
    uint64_t answered_us; /* the last time; at first when it began */
} member_t;

struct crowd {
    const char *const *paths, *const *headers;
    size_t num_paths, num_members;
    member_t *members;
    atomic_bool is_over;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t answered;
    crowd_tally_t tallies[CROWD_MAX_PATHS];
    size_t nums[max_gateways][CROWD_MAX_PATHS];
    char oddity[256];
};

/** Between two refusals a bucket may have been full, which only who knows it can tell. */
static void count_refusal(crowd_tally_t *tally, uint64_t asked_us, uint64_t answered_us)
{
    if (tally->first_refused_us == 0)
        tally->first_refused_us = answered_us;
    if (asked_us <= tally->last_refused_us)
        return;
    uint64_t between_us = tally->last_refused_us != 0 ? answered_us - tally->last_refused_us : 0;
    tally->last_refused_us = asked_us;
    for (size_t i = 0; i != CROWD_MAX_GAPS; ++i)
        if (between_us > tally->between_us[i]) {
            uint64_t shorter_us = tally->between_us[i];
            tally->between_us[i] = between_us;
            between_us = shorter_us;
        }
}

static void count(crowd_tally_t *tally, int status, uint64_t asked_us, uint64_t answered_us)
{
    if (tally->first_asked_us == 0 || asked_us < tally->first_asked_us)
        tally->first_asked_us = asked_us;
    if (tally->first_answered_us == 0 || answered_us < tally->first_answered_us)
        tally->first_answered_us = answered_us;
    if (answered_us > tally->last_answered_us)
        tally->last_answered_us = answered_us;
    if (status == 200 && tally->first_refused_us == 0 && tally->num_early != CROWD_MAX_EARLY)
        tally->early_us[tally->num_early++] = answered_us;
    if (status == 429)
        count_refusal(tally, asked_us, answered_us);
    ++*(status == 200   ? &tally->num_passed
        : status == 429 ? &tally->num_refused
        : status == 503 ? &tally->num_unavailable
                        : &tally->num_odd);
}

static void ask(member_t *member, size_t path)
{
    crowd_t *crowd = member->crowd;
    uint64_t asked_us = gw_clock_us();
    reply_t reply = client_send(member->client, &(request_t){.path = crowd->paths[path], .headers = crowd->headers});
    uint64_t answered_us = gw_clock_us();
    pthread_mutex_lock(&crowd->lock);
    crowd_tally_t *tally = &crowd->tallies[path];
    count(tally, reply.status, asked_us, answered_us);
    if (answered_us - member->answered_us > tally->longest_gap_us)
        tally->longest_gap_us = answered_us - member->answered_us;
    member->answered_us = answered_us;
    if (tally->num_odd == 1 && crowd->oddity[0] == '\0')
        snprintf(crowd->oddity, sizeof(crowd->oddity), "%s: %d %s (%s)", crowd->paths[path], reply.status, reply.body,
                 curl_error(reply.error));
    ++crowd->nums[member->gateway][path];
    pthread_cond_broadcast(&crowd->answered);
    pthread_mutex_unlock(&crowd->lock);
    reply_free(&reply);
}

static void *run_member(void *arg)
{
    member_t *member = arg;
    size_t path = member->first_path;
    while (!atomic_load(&member->crowd->is_over)) {
        ask(member, path);
        path = (path + 1) % member->crowd->num_paths;
        poll(NULL, 0, 1); /* as crowd.h says: the gateways need the processor, too */
    }
    return NULL;
}

crowd_t *crowd_start(gateway_t *const *gateways, size_t num_gateways, size_t num_each, const char *const *paths,
                     const char *const *headers)
{
    crowd_t *crowd = calloc(1, sizeof(*crowd));
    pthread_condattr_t attributes;
    crowd->paths = paths;
    crowd->headers = headers;
    while (crowd->num_paths != CROWD_MAX_PATHS && paths[crowd->num_paths] != NULL)
        ++crowd->num_paths;
    pthread_mutex_init(&crowd->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&crowd->answered, &attributes);
    pthread_condattr_destroy(&attributes);
    crowd->num_members = num_gateways * num_each;
    crowd->members = calloc(crowd->num_members, sizeof(*crowd->members));
    for (size_t i = 0; i != crowd->num_members; ++i) {
        member_t *member = &crowd->members[i];
        *member = (member_t){.crowd = crowd, .gateway = i / num_each, .first_path = i % crowd->num_paths};
        member->answered_us = gw_clock_us();
        member->client =
            client_create(gateways[member->gateway], (transport_t)((i % num_each + member->gateway) % NUM_TRANSPORTS));
        if (pthread_create(&member->thread, NULL, run_member, member) != 0)
            abort();
    }
    return crowd;
}

static struct timespec in_ms(uint64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + ms % 1000 * 1000000;
    until.tv_sec += (time_t)(ms / 1000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    return until;
}

void crowd_run_for_ms(crowd_t *crowd, uint64_t ms)
{
    struct timespec until = in_ms(ms);
    pthread_mutex_lock(&crowd->lock);
    while (pthread_cond_timedwait(&crowd->answered, &crowd->lock, &until) != ETIMEDOUT)
        ;
    pthread_mutex_unlock(&crowd->lock);
}

static size_t num_with(const crowd_tally_t *tally, int status)
{
    return status == 200 ? tally->num_passed : status == 429 ? tally->num_refused : tally->num_unavailable;
}

void crowd_wait_for(crowd_t *crowd, size_t path, int status, size_t num)
{
    struct timespec until = in_ms(DEADLINE_MS);
    const crowd_tally_t *tally = &crowd->tallies[path];
    pthread_mutex_lock(&crowd->lock);
    size_t least = num_with(tally, status) + num;
    while (num_with(tally, status) < least)
        if (pthread_cond_timedwait(&crowd->answered, &crowd->lock, &until) == ETIMEDOUT) {
            fprintf(stderr, "%s is answered with %d too rarely: passed %zu, refused %zu, unavailable %zu, odd %zu\n",
                    crowd->paths[path], status, tally->num_passed, tally->num_refused, tally->num_unavailable,
                    tally->num_odd);
            abort();
        }
    pthread_mutex_unlock(&crowd->lock);
}

void crowd_wait_for_gateway(crowd_t *crowd, size_t gateway, size_t path, size_t num)
{
    struct timespec until = in_ms(DEADLINE_MS);
    pthread_mutex_lock(&crowd->lock);
    while (crowd->nums[gateway][path] < num)
        if (pthread_cond_timedwait(&crowd->answered, &crowd->lock, &until) == ETIMEDOUT) {
            fprintf(stderr, "gateway %zu answered only %zu requests for %s\n", gateway, crowd->nums[gateway][path],
                    crowd->paths[path]);
            abort();
        }
    pthread_mutex_unlock(&crowd->lock);
}

void crowd_stop(crowd_t *crowd)
{
    atomic_store(&crowd->is_over, true);
    for (size_t i = 0; i != crowd->num_members; ++i) {
        pthread_join(crowd->members[i].thread, NULL);
        client_free(crowd->members[i].client);
    }
}

size_t crowd_num_of(const crowd_t *crowd, size_t gateway, size_t path)
{
    return crowd->nums[gateway][path];
}

const crowd_tally_t *crowd_tally(const crowd_t *crowd, size_t path)
{
    return &crowd->tallies[path];
}

const char *crowd_oddity(const crowd_t *crowd)
{
    return crowd->oddity;
}

void crowd_free(crowd_t *crowd)
{
    pthread_cond_destroy(&crowd->answered);
    pthread_mutex_destroy(&crowd->lock);
    free(crowd->members);
    free(crowd);
}
