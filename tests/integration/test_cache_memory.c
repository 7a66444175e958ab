/* SPDX-License-Identifier: MIT
 * What the cache does with its memory: it keeps within it, and takes nothing from under those who read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/cached.h"

#define LENGTH_OF(array) (sizeof(array) / sizeof((array)[0]))

/* a lot of requests ------------------------------------------------------------------------------------------------ */

typedef struct churn {
    unsigned long random;
    size_t num; /* so far: no two objects have the same name */
} churn_t;

/** From 64 bytes to 256 KiB, small ones more often: as many of each order of magnitude. */
static size_t some_size(churn_t *churn)
{
    churn->random = churn->random * 6364136223846793005UL + 1442695040888963407UL;
    unsigned bits = 6 + (unsigned)(churn->random >> 40) % 12;
    return ((size_t)1 << bits) + (churn->random >> 20) % ((size_t)1 << bits);
}

/** Asks for objects that are not there yet until so many bytes have come.  @return of how many the cache said that they
 * were stored */
static size_t run_churn(churn_t *churn, const gateway_t *gateway, size_t bytes)
{
    client_t *clients[8];
    size_t num_stored = 0;
    for (size_t i = 0; i != LENGTH_OF(clients); ++i)
        clients[i] = client_create(gateway, (transport_t)(i % NUM_TRANSPORTS));
    for (size_t done = 0; done < bytes;) {
        char path[48];
        snprintf(path, sizeof(path), "/%zu/%zu", some_size(churn), churn->num++);
        reply_t reply = client_send(clients[churn->num % LENGTH_OF(clients)], &(request_t){.path = path});
        expect_content(&reply, path, 0, NULL);
        char *field = reply_field(&reply, "Cache-Status");
        num_stored += field != NULL && strstr(field, "; stored") != NULL;
        free(field);
        done += reply.body_len;
        reply_free(&reply);
    }
    for (size_t i = 0; i != LENGTH_OF(clients); ++i)
        client_free(clients[i]);
    return num_stored;
}

/* the budget ------------------------------------------------------------------------------------------------------- */

static void the_capacity_is_kept_whatever_comes(void **state)
{
    enum { capacity_mib = 48 };
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH});
    size_t rss_kib[2] = {0, 0};
    for (int has_cache = IS_SANITIZED; has_cache != 2; ++has_cache) { /* without one only for the comparison */
        churn_t churn = {.random = 1};
        gateway_t *gateway =
            has_cache ? cached_gateway(origin, "capacity: 48MiB", "")
                      : gateway_start(CACHED_LISTEN CACHED_SERVICE "routes: [ { path: /, service: origin } ]\n",
                                      origin->origin->port);
        size_t num_stored = run_churn(&churn, gateway, (size_t)capacity_mib << 20 << 1);
        assert_true(num_stored >= (has_cache ? churn.num * 9 / 10 : 0));
        rss_kib[has_cache] = process_rss_kib(gateway->process);
        gateway_stop(gateway);
    }
    size_t most = rss_kib[0] + (size_t)capacity_mib * 1024;
    if (!IS_SANITIZED && rss_kib[1] > most + most / 20)
        fail_msg("%zu KiB instead of at most %d MiB and %zu KiB", rss_kib[1], capacity_mib, rss_kib[0]);
    if (!IS_SANITIZED && rss_kib[1] < (size_t)capacity_mib * 1024 * 3 / 4)
        fail_msg("only %zu KiB of %d MiB are used", rss_kib[1], capacity_mib);
    cache_origin_stop(origin);
}

/* slow readers ----------------------------------------------------------------------------------------------------- */

typedef struct slow {
    int fd;
    char path[48];
    char *bytes;
    size_t len, size;
} slow_t;

/** A client that takes only the beginning for now. */
static slow_t slow_begin(const gateway_t *gateway, const char *path)
{
    slow_t slow = {.fd = raw_connect_with_buffer(gateway->ports[0], 4096), .size = content_size(path)};
    char ask[256];
    snprintf(slow.path, sizeof(slow.path), "%s", path);
    snprintf(ask, sizeof(ask),
             "GET %s HTTP/1.1\r\nHost: cached\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n", path);
    raw_write(slow.fd, ask, strlen(ask));
    slow.bytes = malloc(slow.size + 4096);
    ssize_t got = recv(slow.fd, slow.bytes, 1000, 0);
    assert_true(got > 0);
    slow.len = (size_t)got;
    return slow;
}

static void slow_expect_rest(slow_t *slow)
{
    for (ssize_t got; (got = recv(slow->fd, slow->bytes + slow->len, slow->size + 4096 - slow->len, 0)) > 0;)
        slow->len += (size_t)got;
    close(slow->fd);
    if (slow->len < slow->size ||
        !content_is(slow->bytes + slow->len - slow->size, slow->size, 0, slow->path, "", NULL))
        fail_msg("%s: %zu bytes that are not its body", slow->path, slow->len);
    free(slow->bytes);
}

static void eviction_takes_nothing_from_those_who_read(void **state)
{
    enum { num_slow = 4 };
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH});
    gateway_t *gateway = cached_gateway(origin, "capacity: 32MiB, max_object: 4MiB", "");
    slow_t slow[num_slow];
    churn_t churn = {.random = 2};
    for (size_t i = 0; i != num_slow; ++i) {
        char path[48];
        snprintf(path, sizeof(path), "/%zu/slow", (size_t)3900000 + i);
        if (i % 2 == 0) /* a hit; the others read from the fill */
            expect_get(gateway, OVER_HTTP2, path, 0, "stored");
        slow[i] = slow_begin(gateway, path);
    }
    run_churn(&churn, gateway, 70 << 20);
    for (size_t i = 0; i != num_slow; ++i)
        slow_expect_rest(&slow[i]);
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

static void a_purge_takes_nothing_from_those_who_read(void **state)
{
    enum { num_slow = 4 };
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH});
    gateway_t *gateway =
        cached_gateway(origin, "capacity: 32MiB, max_object: 4MiB, purge: { from: [127.0.0.0/8] }", "");
    slow_t slow[num_slow];
    churn_t churn = {.random = 3};
    for (size_t i = 0; i != num_slow; ++i) {
        char path[48];
        snprintf(path, sizeof(path), "/%zu/slow", (size_t)3900000 + i);
        expect_get(gateway, OVER_HTTP2, path, 0, "stored");
        slow[i] = slow_begin(gateway, path);
    }
    atomic_store(&origin->version, 1);
    for (size_t i = 0; i != num_slow; ++i) {
        assert_in_range(cached_do(gateway, (transport_t)(i % NUM_TRANSPORTS), i % 2 ? "PURGE" : "POST", slow[i].path),
                        200, 299);
        size_t version = atomic_load(&origin->version);
        expect_get(gateway, OVER_TLS, slow[i].path, version, "fwd=uri-miss");
    }
    atomic_store(&origin->version, 0);
    run_churn(&churn, gateway, 60 << 20); /* what would be written over them */
    for (size_t i = 0; i != num_slow; ++i)
        slow_expect_rest(&slow[i]);
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

static void what_finds_no_room_passes_through(void **state)
{
    enum { num_slow = 14 };
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH});
    gateway_t *gateway = cached_gateway(origin, "capacity: 64MiB, max_object: 8MiB, uncacheable_for: 10ms", "");
    slow_t slow[num_slow]; /* all of the memory is being read, at the latest when there is no room for the next one */
    size_t num = 0, num_refused = 0;
    for (; num != num_slow; ++num) {
        char path[48];
        snprintf(path, sizeof(path), "/%zu/slow", (size_t)7500000 + num);
        reply_t reply = cached_get(gateway, OVER_HTTP2, path, NULL);
        expect_content(&reply, path, 0, "; fwd=uri-miss; fwd-status=200");
        char *field = reply_field(&reply, "Cache-Status");
        num_refused += strstr(field, "detail=no-room") != NULL;
        free(field);
        reply_free(&reply);
        slow[num] = slow_begin(gateway, path);
    }
    assert_true(num_refused != 0);
    for (size_t i = 0; i != num; ++i)
        slow_expect_rest(&slow[i]);
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

static void a_body_that_outgrows_the_cache_reaches_its_client_and_those_who_wait_are_not_deceived(void **state)
{
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH, .framing = CHUNKED, .holds_half = true});
    gateway_t *gateway = cached_gateway(origin, "capacity: 16MiB, max_object: 100KiB", "");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        char path[32];
        snprintf(path, sizeof(path), "/190000/%d", (int)t);
        herd_t *herd = herd_create(gateway);
        cache_origin_hold(origin);
        for (size_t i = 0; i != 12; ++i) {
            herd_send(herd, t, &(request_t){.path = path});
            if (i == 0)
                herd_wait_bytes(herd, 95000);
        }
        herd_wait_bytes(herd, 95000); /* within max_object, as far as anybody knows */
        cache_origin_go(origin);
        herd_wait_over(herd);
        expect_content(herd_reply(herd, 0), path, 0, NULL);
        for (size_t i = 1; i != herd_size(herd); ++i) {
            const reply_t *reply = herd_reply(herd, i);
            bool is_whole = content_is(reply->body, reply->body_len, 0, path, "", NULL);
            assert_true(content_begins(reply->body, reply->body_len, 0, path, ""));
            assert_true(is_whole || reply->error != 0);
        }
        herd_free(herd);
        expect_get(gateway, t, path, 0, "detail=uncacheable");
    }
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

static void a_body_that_breaks_off_when_it_has_outgrown_the_cache_is_cut(void **state)
{
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH, .framing = CHUNKED, .ending = HALF});
    gateway_t *gateway = cached_gateway(origin, "capacity: 16MiB, max_object: 60KiB", "");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        char path[32];
        snprintf(path, sizeof(path), "/190000/%d", (int)t);
        reply_t reply = cached_get(gateway, t, path, NULL);
        assert_int_not_equal(reply.error, 0);
        assert_true(content_begins(reply.body, reply.body_len, 0, path, ""));
        reply_free(&reply);
    }
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_capacity_is_kept_whatever_comes),
        cmocka_unit_test(eviction_takes_nothing_from_those_who_read),
        cmocka_unit_test(a_purge_takes_nothing_from_those_who_read),
        cmocka_unit_test(what_finds_no_room_passes_through),
        cmocka_unit_test(a_body_that_outgrows_the_cache_reaches_its_client_and_those_who_wait_are_not_deceived),
        cmocka_unit_test(a_body_that_breaks_off_when_it_has_outgrown_the_cache_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
