/* SPDX-License-Identifier: MIT
 * Clients that do to a cache all that can be done to it. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "gateway/base/clock.h"
#include "tests/support/cache_storm.h"

enum { num_clients = 8, num_objects = 600, reload_ms = 400 };

typedef struct storm {
    const gateway_t *gateway;
    cache_origin_t *origin;
    atomic_bool is_over;
    atomic_size_t floors[num_objects]; /* no version before this one may be served any more */
    pthread_mutex_t lock;
    storm_tally_t tally;
} storm_t;

typedef struct visitor {
    storm_t *storm;
    client_t *client;
    uint64_t random;
    pthread_t thread;
} visitor_t;

static uint64_t chance(visitor_t *visitor, uint64_t limit)
{
    visitor->random ^= visitor->random << 13;
    visitor->random ^= visitor->random >> 7;
    visitor->random ^= visitor->random << 17;
    return visitor->random % limit;
}

/** Small ones and large ones, up to 40 KB; the first ones are asked for more often. */
static size_t choose(visitor_t *visitor, char *path, size_t room)
{
    size_t object = chance(visitor, 3) == 0 ? chance(visitor, num_objects) : chance(visitor, 15);
    size_t size = object % 7 == 0 ? 10000 + object * 50 : 60 + object * 10;
    snprintf(path, room, "/%zu/%c/%zu", size, (char)('a' + object % 3), object);
    return object;
}

static void add(storm_t *storm, size_t *counter)
{
    pthread_mutex_lock(&storm->lock);
    ++*counter;
    pthread_mutex_unlock(&storm->lock);
}

static void __attribute__((format(printf, 2, 3))) blame(storm_t *storm, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    pthread_mutex_lock(&storm->lock);
    if (storm->tally.num_faults < STORM_FAULTS)
        vsnprintf(storm->tally.faults[storm->tally.num_faults], sizeof(storm->tally.faults[0]), format, args);
    ++storm->tally.num_faults;
    pthread_mutex_unlock(&storm->lock);
    va_end(args);
}

static void raise_floor(atomic_size_t *floor, size_t version)
{
    size_t now = atomic_load(floor);
    while (now < version && !atomic_compare_exchange_weak(floor, &now, version))
        ;
}

/* reading ---------------------------------------------------------------------------------------------------------- */

static void count_read(storm_t *storm, const reply_t *reply)
{
    storm_tally_t *tally = &storm->tally;
    char *field = reply_field(reply, "Cache-Status");
    if (field == NULL)
        blame(storm, "no Cache-Status");
    else
        add(storm, strstr(field, "; hit") != NULL         ? &tally->num_hits
                   : strstr(field, "; collapsed") != NULL ? &tally->num_collapsed
                   : strstr(field, "; stored") != NULL    ? &tally->num_misses
                                                          : &tally->num_passed);
    free(field);
}

static void look_at(storm_t *storm, const reply_t *reply, const char *path, const char *kind, bool is_head,
                    size_t floor)
{
    size_t version = 0;
    if (reply->status != 200 || reply->error != 0) {
        blame(storm, "%s: status %d, %s, %zu bytes", path, reply->status, curl_error(reply->error), reply->body_len);
    } else if (is_head) {
        char *length = reply_field(reply, "Content-Length");
        if (reply->body_len != 0 || (length != NULL && strtoul(length, NULL, 10) != content_size(path)))
            blame(storm, "HEAD %s: %zu bytes of %s", path, reply->body_len, length != NULL ? length : "?");
        free(length);
    } else if (!content_is(reply->body, reply->body_len, 0, path, kind, &version)) {
        blame(storm, "%s, '%s': %zu bytes that are not its body: %.60s", path, kind, reply->body_len, reply->body);
    } else if (version < floor) {
        char *field = reply_field(reply, "Cache-Status");
        blame(storm, "%s, '%s': version %zu, which has been %zu before: %s", path, kind, version, floor, field);
        free(field);
    } else {
        count_read(storm, reply);
    }
}

static void do_read(visitor_t *visitor)
{
    storm_t *storm = visitor->storm;
    static const char *const fields[] = {"X-Kind: odd", "Cache-Control: no-cache"};
    const char *headers[] = {"Host: cached", "X-Forwarded-Proto: https", NULL, NULL, NULL};
    char path[64];
    size_t object = choose(visitor, path, sizeof(path)), num = 2;
    bool is_odd = chance(visitor, 4) == 0, is_head = chance(visitor, 20) == 0, leaves = chance(visitor, 25) == 0;
    if (is_odd)
        headers[num++] = fields[0];
    if (chance(visitor, 20) == 0)
        headers[num++] = fields[1];
    size_t floor = atomic_load(&storm->floors[object]);
    reply_t reply = client_send(visitor->client, &(request_t){.method = is_head ? "HEAD" : NULL,
                                                              .path = path,
                                                              .headers = headers,
                                                              .timeout_ms = leaves ? 1 : 0});
    if (!leaves)
        look_at(storm, &reply, path, is_odd ? "odd" : "", is_head, floor);
    else if (reply.body_len != 0 && !content_begins(reply.body, reply.body_len, 0, path, is_odd ? "odd" : ""))
        blame(storm, "%s: what it began with is not its body", path);
    else
        add(storm, &storm->tally.num_left);
    reply_free(&reply);
}

/* changing --------------------------------------------------------------------------------------------------------- */

static void do_post(visitor_t *visitor)
{
    storm_t *storm = visitor->storm;
    static const char *const headers[] = {TO_CACHED, NULL};
    char path[64];
    size_t object = choose(visitor, path, sizeof(path));
    reply_t reply = client_send(visitor->client, &(request_t){.method = "POST", .path = path, .headers = headers});
    char *version = reply_field(&reply, "X-Version");
    if (reply.status != 200 || version == NULL)
        blame(storm, "POST %s: status %d, %s", path, reply.status, curl_error(reply.error));
    else
        raise_floor(&storm->floors[object], strtoul(version, NULL, 10));
    add(storm, &storm->tally.num_changes);
    free(version);
    reply_free(&reply);
}

static void do_purge(visitor_t *visitor)
{
    storm_t *storm = visitor->storm;
    static const char *const scopes[] = {"Purge-Scope: url", "Cache-Tag: everything", "Purge-Scope: all",
                                         "Purge-Scope: prefix"};
    size_t scope = chance(visitor, 16) != 0 ? 0 : chance(visitor, 4);
    const char *const headers[] = {TO_CACHED, scopes[scope], NULL};
    char path[64];
    size_t object = choose(visitor, path, sizeof(path));
    size_t version = atomic_fetch_add(&storm->origin->version, 1) + 1;
    reply_t reply = client_send(visitor->client,
                                &(request_t){.method = "PURGE", .path = scope == 3 ? "/" : path, .headers = headers});
    if (reply.status == 429 || reply.status == 503) {
        add(storm, &storm->tally.num_busy);
    } else if (reply.status != 200) {
        blame(storm, "PURGE %s, %s: status %d, %s: %.80s", path, scopes[scope], reply.status, curl_error(reply.error),
              reply.body);
    } else {
        for (size_t i = scope == 0 ? object : 0; i != (scope == 0 ? object + 1 : num_objects); ++i)
            raise_floor(&storm->floors[i], version);
        add(storm, &storm->tally.num_purges);
    }
    reply_free(&reply);
}

/** Whether everything has happened that the storm is about. */
static bool has_all(storm_t *storm)
{
    pthread_mutex_lock(&storm->lock);
    const storm_tally_t *tally = &storm->tally;
    bool has = tally->num_hits != 0 && tally->num_misses != 0 && tally->num_changes != 0 && tally->num_purges != 0;
    pthread_mutex_unlock(&storm->lock);
    return has;
}

/* all of it -------------------------------------------------------------------------------------------------------- */

static void *visit(void *arg)
{
    visitor_t *visitor = arg;
    while (!atomic_load(&visitor->storm->is_over)) {
        uint64_t what = chance(visitor, 100);
        if (what < 3)
            do_post(visitor);
        else if (what < 6)
            do_purge(visitor);
        else
            do_read(visitor);
    }
    return NULL;
}

storm_tally_t storm_run(cache_origin_t *origin, gateway_t *gateway, uint64_t ms, unsigned long seed,
                        void (*conf)(gateway_t *gateway, const cache_origin_t *origin, size_t nth), size_t rss_kib[2])
{
    storm_t *storm = calloc(1, sizeof(*storm));
    visitor_t visitors[num_clients];
    storm->gateway = gateway;
    storm->origin = origin;
    pthread_mutex_init(&storm->lock, NULL);
    cache_origin_plan(origin,
                      &(plan_t){.fields = "Cache-Control: max-age=2\r\nVary: X-Kind\r\nCache-Tag: everything\r\n",
                                .mixes_framings = true,
                                .dawdle_ms = 20});
    for (size_t i = 0; i != num_clients; ++i) {
        visitors[i] = (visitor_t){.storm = storm,
                                  .client = client_create(gateway, (transport_t)(i % NUM_TRANSPORTS)),
                                  .random = (seed + i + 1) * UINT64_C(0x9e3779b97f4a7c15)};
        if (pthread_create(&visitors[i].thread, NULL, visit, &visitors[i]) != 0)
            abort();
    }
    uint64_t began_ms = gw_clock_ms(), now_ms;
    rss_kib[0] = 0;
    for (size_t nth = 1; (now_ms = gw_clock_ms()) < began_ms + (has_all(storm) ? ms : ms + DEADLINE_MS); ++nth) {
        if (rss_kib[0] == 0 && now_ms >= began_ms + ms / 4)
            rss_kib[0] = process_rss_kib(gateway->process);
        poll(NULL, 0, reload_ms); /* the storm goes on meanwhile */
        conf(gateway, origin, nth);
        gateway_reload(gateway, nth);
    }
    rss_kib[1] = process_rss_kib(gateway->process);
    atomic_store(&storm->is_over, true);
    for (size_t i = 0; i != num_clients; ++i) {
        pthread_join(visitors[i].thread, NULL);
        client_free(visitors[i].client);
    }
    storm_tally_t tally = storm->tally;
    pthread_mutex_destroy(&storm->lock);
    free(storm);
    return tally;
}
