/* SPDX-License-Identifier: MIT
 * The registry of endpoints and the thread that resolves their names. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "gateway/base/clock.h"
#include "gateway/base/memory.h"
#include "gateway/observe/log.h"
#include "gateway/upstream/endpoint.h"

/* getaddrinfo does not tell a record's TTL; half a minute is what operators of changing pools expect at most */
#define REFRESH_MS     30000
#define FIRST_RETRY_MS 500

struct gw_resolver {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* something is due earlier, or an endpoint was looked up, or the end has come */
    gw_endpoint_t *endpoints;
    pthread_t thread;
    bool is_stopping, is_stopped;
};

static struct timespec timespec_of(uint64_t ms)
{
    return (struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
}

static char *copy_text(const char *text)
{
    if (text == NULL)
        return NULL;
    char *copy = gw_must_alloc(1, strlen(text) + 1);
    return strcpy(copy, text);
}

static void store_addresses(gw_endpoint_t *endpoint, const struct addrinfo *found)
{
    pthread_mutex_lock(&endpoint->lock);
    endpoint->num_addresses = 0;
    for (; found != NULL && endpoint->num_addresses != GW_ENDPOINT_MAX_ADDRESSES; found = found->ai_next) {
        gw_address_t *address = &endpoint->addresses[endpoint->num_addresses];
        if (found->ai_addrlen > sizeof(address->sockaddr))
            continue;
        memcpy(&address->sockaddr, found->ai_addr, found->ai_addrlen);
        address->len = found->ai_addrlen;
        ++endpoint->num_addresses;
    }
    pthread_mutex_unlock(&endpoint->lock);
}

/** One look-up; runs without the resolver's lock, with a reference to the endpoint held by the caller. */
static bool look_up(gw_endpoint_t *endpoint, bool was_failing)
{
    char port[8];
    snprintf(port, sizeof(port), "%u", endpoint->port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG},
                    *found = NULL;
    int error = getaddrinfo(endpoint->host, port, &hints, &found);
    if (error != 0) {
        /* the last good addresses stay: a name server that is down must not take the service with it */
        if (!was_failing)
            gw_log(GW_LOG_WARNING, "endpoint %s: cannot resolve '%s': %s", endpoint->url, endpoint->host,
                   gai_strerror(error));
        return false;
    }
    store_addresses(endpoint, found);
    freeaddrinfo(found);
    if (was_failing)
        gw_log(GW_LOG_NOTICE, "endpoint %s: '%s' resolves again", endpoint->url, endpoint->host);
    return true;
}

static gw_endpoint_t *next_due(gw_resolver_t *resolver, uint64_t *ret_at_ms)
{
    gw_endpoint_t *first = NULL;
    for (gw_endpoint_t *endpoint = resolver->endpoints; endpoint != NULL; endpoint = endpoint->next)
        if (endpoint->is_name && (first == NULL || endpoint->due_ms < first->due_ms))
            first = endpoint;
    *ret_at_ms = first != NULL ? first->due_ms : UINT64_MAX;
    return first;
}

static void free_endpoint(gw_endpoint_t *endpoint)
{
    pthread_mutex_destroy(&endpoint->lock);
    free(endpoint->url);
    free(endpoint->host);
    free(endpoint->authority);
    free(endpoint);
}

/** With the resolver's lock held. */
static void drop_reference(gw_endpoint_t *endpoint)
{
    assert(endpoint->references != 0);
    if (--endpoint->references != 0)
        return;
    gw_endpoint_t **slot = &endpoint->resolver->endpoints;
    while (*slot != endpoint)
        slot = &(*slot)->next;
    *slot = endpoint->next;
    free_endpoint(endpoint);
}

static void *resolver_main(void *arg)
{
    gw_resolver_t *resolver = arg;
    pthread_mutex_lock(&resolver->lock);
    while (!resolver->is_stopping) {
        uint64_t at_ms, now = gw_clock_ms();
        gw_endpoint_t *endpoint = next_due(resolver, &at_ms);
        if (endpoint == NULL) {
            pthread_cond_wait(&resolver->changed, &resolver->lock);
            continue;
        }
        if (at_ms > now) {
            struct timespec until = timespec_of(at_ms);
            pthread_cond_timedwait(&resolver->changed, &resolver->lock, &until);
            continue;
        }
        ++endpoint->references;
        bool was_failing = endpoint->num_failures != 0;
        pthread_mutex_unlock(&resolver->lock);
        bool is_found = look_up(endpoint, was_failing);
        pthread_mutex_lock(&resolver->lock);
        endpoint->was_looked_up = true;
        endpoint->num_failures = is_found ? 0 : endpoint->num_failures + 1;
        unsigned doublings = endpoint->num_failures < 6 ? endpoint->num_failures : 6;
        uint64_t wait_ms = is_found ? REFRESH_MS : (uint64_t)FIRST_RETRY_MS << doublings;
        endpoint->due_ms = gw_clock_ms() + (wait_ms < REFRESH_MS ? wait_ms : REFRESH_MS);
        drop_reference(endpoint);
        pthread_cond_broadcast(&resolver->changed);
    }
    resolver->is_stopped = true;
    pthread_cond_broadcast(&resolver->changed);
    pthread_mutex_unlock(&resolver->lock);
    return NULL;
}

gw_resolver_t *gw_resolver_create(void)
{
    gw_resolver_t *resolver = gw_must_alloc(1, sizeof(*resolver));
    pthread_mutex_init(&resolver->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&resolver->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&resolver->thread, NULL, resolver_main, resolver) != 0) {
        pthread_cond_destroy(&resolver->changed);
        pthread_mutex_destroy(&resolver->lock);
        free(resolver);
        return NULL;
    }
    return resolver;
}

gw_resolver_t *gw_resolver_free(gw_resolver_t *resolver)
{
    if (resolver == NULL)
        return NULL;
    pthread_mutex_lock(&resolver->lock);
    assert(resolver->endpoints == NULL);
    resolver->is_stopping = true;
    pthread_cond_broadcast(&resolver->changed);
    struct timespec until = timespec_of(gw_clock_ms() + 1000);
    while (!resolver->is_stopped)
        if (pthread_cond_timedwait(&resolver->changed, &resolver->lock, &until) == ETIMEDOUT)
            break;
    bool is_stopped = resolver->is_stopped;
    pthread_mutex_unlock(&resolver->lock);
    if (!is_stopped) {
        pthread_detach(resolver->thread);
        return NULL;
    }
    pthread_join(resolver->thread, NULL);
    pthread_cond_destroy(&resolver->changed);
    pthread_mutex_destroy(&resolver->lock);
    free(resolver);
    return NULL;
}

void gw_resolver_wait(gw_resolver_t *resolver, uint64_t timeout_ms)
{
    struct timespec until = timespec_of(gw_clock_ms() + timeout_ms);
    pthread_mutex_lock(&resolver->lock);
    for (;;) {
        gw_endpoint_t *endpoint = resolver->endpoints;
        while (endpoint != NULL && (!endpoint->is_name || endpoint->was_looked_up))
            endpoint = endpoint->next;
        if (endpoint == NULL || pthread_cond_timedwait(&resolver->changed, &resolver->lock, &until) == ETIMEDOUT)
            break;
    }
    pthread_mutex_unlock(&resolver->lock);
}

/** Fills in the address of an endpoint that needs no resolver: a Unix socket or a literal. */
static bool set_literal(gw_endpoint_t *endpoint, const gw_endpoint_conf_t *conf)
{
    gw_address_t *address = &endpoint->addresses[0];
    if (conf->path != NULL) {
        address->sockaddr.un.sun_family = AF_UNIX;
        size_t len = strlen(conf->path);
        assert(len < sizeof(address->sockaddr.un.sun_path)); /* checked when the conf was read */
        memcpy(address->sockaddr.un.sun_path, conf->path, len + 1);
        address->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    } else if (inet_pton(AF_INET, conf->host, &address->sockaddr.in.sin_addr) == 1) {
        address->sockaddr.in.sin_family = AF_INET;
        address->sockaddr.in.sin_port = htons(conf->port);
        address->len = sizeof(address->sockaddr.in);
    } else if (inet_pton(AF_INET6, conf->host, &address->sockaddr.in6.sin6_addr) == 1) {
        address->sockaddr.in6.sin6_family = AF_INET6;
        address->sockaddr.in6.sin6_port = htons(conf->port);
        address->len = sizeof(address->sockaddr.in6);
    } else {
        return false;
    }
    endpoint->num_addresses = 1;
    return true;
}

gw_endpoint_t *gw_endpoint_get(gw_resolver_t *resolver, const gw_endpoint_conf_t *conf)
{
    pthread_mutex_lock(&resolver->lock);
    gw_endpoint_t *endpoint = resolver->endpoints;
    while (endpoint != NULL && strcmp(endpoint->url, conf->url) != 0)
        endpoint = endpoint->next;
    if (endpoint == NULL) {
        endpoint = gw_must_alloc(1, sizeof(*endpoint));
        endpoint->url = copy_text(conf->url);
        endpoint->host = copy_text(conf->host);
        endpoint->authority = copy_text(conf->authority);
        endpoint->port = conf->port;
        endpoint->resolver = resolver;
        pthread_mutex_init(&endpoint->lock, NULL);
        endpoint->is_name = !set_literal(endpoint, conf);
        endpoint->next = resolver->endpoints;
        resolver->endpoints = endpoint;
        pthread_cond_broadcast(&resolver->changed);
    }
    ++endpoint->references;
    pthread_mutex_unlock(&resolver->lock);
    return endpoint;
}

void gw_endpoint_unref(gw_endpoint_t *endpoint)
{
    gw_resolver_t *resolver = endpoint->resolver;
    pthread_mutex_lock(&resolver->lock);
    drop_reference(endpoint);
    pthread_mutex_unlock(&resolver->lock);
}

size_t gw_endpoint_addresses(gw_endpoint_t *endpoint, gw_address_t addresses[GW_ENDPOINT_MAX_ADDRESSES])
{
    pthread_mutex_lock(&endpoint->lock);
    size_t num = endpoint->num_addresses;
    for (size_t i = 0; i != num; ++i)
        addresses[i] = endpoint->addresses[(endpoint->first_address + i) % num];
    ++endpoint->first_address;
    pthread_mutex_unlock(&endpoint->lock);
    return num;
}
