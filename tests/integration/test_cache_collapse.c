/* SPDX-License-Identifier: MIT
 * Requests for the same thing at the same time: one of them is sent to the service, and the others get what it gets,
 * whatever becomes of it. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "gateway/base/clock.h"
#include "tests/support/cached.h"

#define LENGTH_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const framings[] = {"with a length", "chunked", "until the connection is closed"};
static const request_t plain = {.path = "/40000/a"};

static void send_to_all(herd_t *herd, size_t num, const request_t *request)
{
    for (size_t i = 0; i != num; ++i)
        herd_send(herd, i % 10 == 0 ? OVER_TLS : i % 10 == 1 ? OVER_HTTP2 : OVER_HTTP1, request);
}

static void send_shared(herd_t *herd, size_t num, const request_t *request)
{
    for (size_t i = 0; i != num; ++i)
        herd_send_shared(herd, request);
    herd_fence(herd, "/fence");
}

/* one for all ------------------------------------------------------------------------------------------------------ */

static void a_thousand_misses_make_one_request_and_all_get_the_body_as_it_arrives(void **state)
{
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH, .holds_half = true});
    gateway_t *gateway = cached_gateway(origin, "capacity: 16MiB", "");
    herd_t *herd = herd_create(gateway);
    send_to_all(herd, 1000, &plain);
    herd_wait_bytes(herd, 20000); /* the rest is with the origin */
    for (size_t i = 0; i != herd_size(herd); ++i) {
        const reply_t *reply = herd_reply(herd, i);
        assert_true(content_begins(reply->body, reply->body_len, 0, "/40000/a", ""));
        assert_false(herd_is_over(herd, i));
    }
    cache_origin_go(origin);
    herd_wait_over(herd);
    expect_herd(herd, "/40000/a", 0);
    size_t num_collapsed = 0;
    for (size_t i = 0; i != herd_size(herd); ++i) {
        char *field = reply_field(herd_reply(herd, i), "Cache-Status");
        num_collapsed += strstr(field, "; collapsed") != NULL;
        free(field);
    }
    assert_int_equal(num_collapsed, 999);
    assert_int_equal(atomic_load(&origin->num_asked), 1);
    herd_free(herd);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        expect_get(gateway, t, "/40000/a", 0, "; hit");
    assert_int_equal(atomic_load(&origin->num_asked), 1);
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

static void waiters_get_the_body_as_it_arrives_however_it_is_framed(void **state)
{
    for (plan_framing_t framing = 0; framing != LENGTH_OF(framings); ++framing) {
        cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH, .holds_half = true, .framing = framing});
        gateway_t *gateway = cached_gateway(origin, "capacity: 16MiB", "");
        herd_t *herd = herd_create(gateway);
        send_to_all(herd, 40, &plain);
        herd_wait_bytes(herd, 20000);
        cache_origin_go(origin);
        herd_wait_over(herd);
        expect_herd(herd, "/40000/a", 0);
        herd_free(herd);
        expect_get(gateway, OVER_HTTP1, "/40000/a", 0, "; hit");
        if (atomic_load(&origin->num_asked) != 1)
            fail_msg("%s: %zu requests", framings[framing], atomic_load(&origin->num_asked));
        gateway_stop(gateway);
        cache_origin_stop(origin);
    }
}

enum { num_racers = 8, num_races = 1000 };

typedef struct racer {
    pthread_t thread;
    pthread_barrier_t *start;
    client_t *client;
    size_t num_wrong;
} racer_t;

static void *race(void *arg)
{
    static const char *const headers[] = {TO_CACHED, NULL};
    racer_t *racer = arg;
    for (size_t i = 0; i != num_races; ++i) {
        char path[32];
        snprintf(path, sizeof(path), "/100/%zu", i);
        pthread_barrier_wait(racer->start);
        reply_t reply = client_send(racer->client, &(request_t){.path = path, .headers = headers});
        racer->num_wrong += !content_is(reply.body, reply.body_len, 0, path, "", NULL);
        reply_free(&reply);
    }
    return NULL;
}

static void misses_that_race_with_the_end_of_a_fill_ask_no_second_time(void **state)
{
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH});
    gateway_t *gateway = cached_gateway(origin, "capacity: 16MiB", "");
    racer_t racers[num_racers];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, num_racers);
    for (size_t i = 0; i != num_racers; ++i) {
        racers[i] = (racer_t){.start = &start, .client = client_create(gateway, OVER_HTTP1)};
        pthread_create(&racers[i].thread, NULL, race, &racers[i]);
    }
    size_t num_wrong = 0;
    for (size_t i = 0; i != num_racers; ++i) {
        pthread_join(racers[i].thread, NULL);
        num_wrong += racers[i].num_wrong;
        client_free(racers[i].client);
    }
    pthread_barrier_destroy(&start);
    assert_int_equal(num_wrong, 0);
    assert_int_equal(atomic_load(&origin->num_asked), num_races);
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

static void each_goes_by_itself_without_collapse(void **state)
{
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH, .holds_head = true});
    gateway_t *gateway = cached_gateway(origin, "capacity: 16MiB, collapse: false", "");
    herd_t *herd = herd_create(gateway);
    send_to_all(herd, 20, &plain);
    herd_wait_for(herd, &origin->num_held, 20);
    cache_origin_go(origin);
    herd_wait_over(herd);
    expect_herd(herd, "/40000/a", 0);
    herd_free(herd);
    expect_get(gateway, OVER_HTTP1, "/40000/a", 0, "; hit");
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

/* those who leave -------------------------------------------------------------------------------------------------- */

static void the_others_and_the_store_get_all_when_the_first_client_leaves(void **state)
{
    static const struct {
        const char *about;
        bool holds_half;
        transport_t transport;
    } cases[] = {
        {"before the head", false, OVER_HTTP1}, {"before the head", false, OVER_TLS},
        {"before the head", false, OVER_HTTP2}, {"within the body", true, OVER_HTTP1},
        {"within the body", true, OVER_TLS},    {"within the body", true, OVER_HTTP2},
    };
    for (size_t i = 0; i != LENGTH_OF(cases); ++i) {
        cache_origin_t *origin = cache_origin_start(
            &(plan_t){.fields = FRESH, .holds_head = !cases[i].holds_half, .holds_half = cases[i].holds_half});
        gateway_t *gateway = cached_gateway(origin, "capacity: 16MiB", "");
        herd_t *herd = herd_create(gateway);
        herd_send(herd, cases[i].transport, &plain);
        herd_wait_for(herd, &origin->num_held, 1);
        send_shared(herd, 30, &plain);
        if (cases[i].holds_half)
            herd_wait_bytes(herd, 20000);
        herd_leave(herd, 0);
        herd_fence(herd, "/fence");
        cache_origin_go(origin);
        herd_wait_over(herd);
        expect_herd(herd, "/40000/a", 0);
        herd_free(herd);
        expect_get(gateway, OVER_HTTP1, "/40000/a", 0, "; hit");
        if (atomic_load(&origin->num_asked) != 1)
            fail_msg("%s, %s: %zu requests", cases[i].about, transport_names[cases[i].transport],
                     atomic_load(&origin->num_asked));
        gateway_stop(gateway);
        cache_origin_stop(origin);
    }
}

static void the_store_gets_all_when_everybody_leaves(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH, .holds_half = true});
        gateway_t *gateway = cached_gateway(origin, "capacity: 16MiB", "");
        herd_t *herd = herd_create(gateway);
        for (size_t i = 0; i != 10; ++i)
            herd_send(herd, t, &plain);
        herd_wait_bytes(herd, 20000);
        herd_free(herd);
        cache_origin_go(origin);
        expect_get(gateway, t, "/40000/a", 0, NULL);
        assert_int_equal(atomic_load(&origin->num_asked), 1);
        gateway_stop(gateway);
        cache_origin_stop(origin);
    }
}

/* failures --------------------------------------------------------------------------------------------------------- */

/** One that does not wait long: for as long as the origin is to be silent. */
#define IMPATIENT(timeouts)                                                                                            \
    CACHED_LISTEN "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ], retries: { attempts: 1 }, "           \
                  "ejection: { consecutive_failures: 0 }, timeouts: { connect: 10s, " timeouts " } } }\n"              \
                  "routes: [ { path: /fence, service: origin }, "                                                      \
                  "{ path: /, service: origin, filters: [ { cache: { capacity: 16MiB } } ] } ]\n"

static void make_patient(gateway_t *gateway, const cache_origin_t *origin)
{
    cached_write_conf(gateway, origin, "capacity: 16MiB", "");
    gateway_reload(gateway, 1);
}

static void expect_all(const herd_t *herd, const char *about, int status)
{
    for (size_t i = 0; i != herd_size(herd); ++i)
        if (herd_reply(herd, i)->status != status)
            fail_msg("%s: %d instead of %d", about, herd_reply(herd, i)->status, status);
}

static void a_service_that_fails_before_the_head_is_asked_once_more_for_all_of_them(void **state)
{
    static const struct {
        const char *about;
        plan_t plan;
        int status;
    } cases[] = {
        {"a reset", {.ending = HEADLESS, .holds_head = true}, 502},
        {"silence", {.fields = FRESH, .holds_head = true}, 504},
    };
    for (size_t i = 0; i != LENGTH_OF(cases); ++i) {
        cache_origin_t *origin = cache_origin_start(&cases[i].plan);
        bool is_silent = cases[i].status == 504;
        gateway_t *gateway = is_silent ? gateway_start(IMPATIENT("response: 300ms"), origin->origin->port)
                                       : cached_gateway(origin, "capacity: 16MiB", "");
        herd_t *herd = herd_create(gateway);
        herd_fence(herd, "/fence");
        if (is_silent) {
            send_shared(herd, 30, &plain);
            /* who comes after the second failure begins anew */
            bool are_all_in_time = atomic_load(&origin->num_asked) <= 1;
            herd_wait_over(herd);
            assert_in_range(atomic_load(&origin->num_asked), 1, are_all_in_time ? 5 : herd_size(herd));
        } else {
            send_shared(herd, 30, &plain);
            cache_origin_go(origin);
            herd_wait_over(herd);
            /* a worker that hears of the first failure when the second one has happened asks for its own */
            assert_in_range(atomic_load(&origin->num_asked), 2, 5);
        }
        expect_all(herd, cases[i].about, cases[i].status);
        herd_free(herd);
        cache_origin_go(origin);
        cache_origin_plan(origin, &(plan_t){.fields = FRESH});
        if (is_silent)
            make_patient(gateway, origin);
        expect_get(gateway, OVER_HTTP2, "/40000/a", 0, "fwd=uri-miss; fwd-status=200; stored");
        gateway_stop(gateway);
        cache_origin_stop(origin);
    }
}

static void the_others_get_what_the_second_request_brings(void **state)
{
    cache_origin_t *origin = cache_origin_start(&(plan_t){.ending = HEADLESS, .holds_head = true});
    gateway_t *gateway = cached_gateway(origin, "capacity: 16MiB", "");
    herd_t *herd = herd_create(gateway);
    herd_fence(herd, "/fence");
    herd_send(herd, OVER_HTTP1, &plain);
    herd_wait_for(herd, &origin->num_held, 1);
    send_shared(herd, 30, &plain);
    cache_origin_plan(origin, &(plan_t){.fields = FRESH});
    cache_origin_go(origin);
    herd_wait_over(herd);
    assert_int_equal(herd_reply(herd, 0)->status, 502);
    for (size_t i = 1; i != herd_size(herd); ++i)
        expect_content(herd_reply(herd, i), "/40000/a", 0, NULL); /* "hit", who looks again late */
    assert_int_equal(atomic_load(&origin->num_asked), 2);
    herd_free(herd);
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

static void a_body_that_breaks_off_is_cut_for_everybody_and_never_stored(void **state)
{
    for (int stalls = 0; stalls != 2; ++stalls)
        for (plan_framing_t framing = 0; framing != LENGTH_OF(framings); ++framing) {
            cache_origin_t *origin =
                cache_origin_start(&(plan_t){.fields = FRESH, .holds_half = true, .framing = framing, .ending = HALF});
            gateway_t *gateway = stalls ? gateway_start(IMPATIENT("response: 60s, idle: 300ms"), origin->origin->port)
                                        : cached_gateway(origin, "capacity: 16MiB", "");
            herd_t *herd = herd_create(gateway);
            send_to_all(herd, stalls ? 10 : 40, &plain);
            if (!stalls) {
                herd_wait_bytes(herd, 20000);
                cache_origin_go(origin);
            }
            herd_wait_over(herd);
            for (size_t i = 0; i != herd_size(herd); ++i) {
                const reply_t *reply = herd_reply(herd, i);
                if (reply->error == 0)
                    fail_msg("%s: nobody sees that it is cut (%d, %zu bytes)", framings[framing], reply->status,
                             reply->body_len);
                assert_true(content_begins(reply->body, reply->body_len, 0, "/40000/a", ""));
            }
            herd_free(herd);
            cache_origin_go(origin);
            size_t num_asked = atomic_load(&origin->num_asked);
            cache_origin_plan(origin, &(plan_t){.fields = FRESH});
            if (stalls)
                make_patient(gateway, origin);
            for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
                expect_get(gateway, t, "/40000/a", 0, t == 0 ? "fwd=uri-miss" : "; hit");
            assert_int_equal(atomic_load(&origin->num_asked), num_asked + 1);
            gateway_stop(gateway);
            cache_origin_stop(origin);
        }
}

/* what cannot be shared -------------------------------------------------------------------------------------------- */

static void what_cannot_be_stored_keeps_nobody_waiting(void **state)
{
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = "Cache-Control: no-store\r\n", .holds_head = true});
    gateway_t *gateway = cached_gateway(origin, "capacity: 16MiB", "");
    herd_t *herd = herd_create(gateway);
    herd_fence(herd, "/fence");
    send_shared(herd, 30, &plain);
    herd_wait_for(herd, &origin->num_held, 1);
    assert_int_equal(atomic_load(&origin->num_asked), 1);
    atomic_store(&origin->num_go, 1);
    herd_wait_for(herd, &origin->num_at_work, 29);
    cache_origin_go(origin);
    herd_wait_over(herd);
    expect_herd(herd, "/40000/a", 0);
    herd_free(herd);

    cache_origin_hold(origin); /* now it is known: not even the first one is waited for */
    atomic_store(&origin->most_at_work, 0);
    herd = herd_create(gateway);
    send_to_all(herd, 20, &plain);
    herd_wait_for(herd, &origin->num_at_work, 20);
    cache_origin_go(origin);
    herd_wait_over(herd);
    expect_herd(herd, "/40000/a", 0);
    for (size_t i = 0; i != herd_size(herd); ++i)
        expect_cache_status(herd_reply(herd, i), "detail=uncacheable");
    herd_free(herd);
    assert_int_equal(atomic_load(&origin->num_asked), 50);

    cache_origin_plan(origin, &(plan_t){.fields = FRESH}); /* until there is something to be stored */
    expect_get(gateway, OVER_HTTP1, "/40000/a", 0, "detail=uncacheable");
    expect_get(gateway, OVER_HTTP2, "/40000/a", 0, "fwd-status=200; stored");
    expect_get(gateway, OVER_TLS, "/40000/a", 0, "; hit");
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

static void they_wait_for_each_other_again_after_uncacheable_for(void **state)
{
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = "Cache-Control: private\r\n"});
    gateway_t *gateway = cached_gateway(origin, "capacity: 16MiB, uncacheable_for: 400ms", "");
    uint64_t began_ms = gw_clock_ms();
    expect_get(gateway, OVER_HTTP1, "/40000/a", 0, "detail=private");
    for (bool is_marked = true; is_marked;) {
        reply_t reply = cached_get(gateway, OVER_HTTP1, "/40000/a", NULL);
        char *field = reply_field(&reply, "Cache-Status");
        is_marked = strstr(field, "detail=uncacheable") != NULL;
        free(field);
        reply_free(&reply);
        assert_in_range(gw_clock_ms() - began_ms, 0, DEADLINE_MS);
    }
    assert_true(gw_clock_ms() - began_ms >= 400);
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

static void requests_that_want_their_own_get_their_own(void **state)
{
    static const char *const fields[] = {"Cache-Control: no-cache", "Pragma: no-cache", "Cache-Control: max-age=0",
                                         "Authorization: Bearer x"};
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH, .holds_head = true});
    gateway_t *gateway = cached_gateway(origin, "capacity: 16MiB", "");
    herd_t *herd = herd_create(gateway);
    herd_send(herd, OVER_HTTP1, &plain);
    herd_wait_for(herd, &origin->num_held, 1);
    for (size_t i = 0; i != LENGTH_OF(fields); ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            const char *const headers[] = {fields[i], NULL};
            herd_send(herd, t, &(request_t){.path = "/40000/a", .headers = headers});
        }
    herd_wait_for(herd, &origin->num_held, 1 + LENGTH_OF(fields) * NUM_TRANSPORTS);
    cache_origin_go(origin);
    herd_wait_over(herd);
    expect_herd(herd, "/40000/a", 0);
    for (size_t i = 0; i != herd_size(herd); ++i) {
        char *field = reply_field(herd_reply(herd, i), "Cache-Status");
        assert_null(strstr(field, "; collapsed"));
        free(field);
    }
    herd_free(herd);

    cache_origin_hold(origin); /* nor does anybody get what one with a key got */
    const char *const headers[] = {"Authorization: Bearer x", NULL};
    size_t num_held = atomic_load(&origin->num_held);
    herd = herd_create(gateway);
    herd_send(herd, OVER_HTTP1, &(request_t){.path = "/40000/b", .headers = headers});
    herd_wait_for(herd, &origin->num_held, num_held + 1);
    herd_send(herd, OVER_HTTP1, &(request_t){.path = "/40000/b"});
    herd_wait_for(herd, &origin->num_held, num_held + 2);
    cache_origin_go(origin);
    herd_wait_over(herd);
    herd_free(herd);
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

static void each_variant_is_asked_for_once_and_given_to_those_who_want_it(void **state)
{
    static const char *const kinds[] = {"red", "green", "blue"};
    static const char *const fields[] = {"X-Kind: red", "X-Kind: green", "X-Kind: blue"};
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH "Vary: X-Kind\r\n", .holds_half = true});
    gateway_t *gateway = cached_gateway(origin, "capacity: 16MiB", "");
    herd_t *herd = herd_create(gateway);
    herd_fence(herd, "/fence");
    for (size_t i = 0; i != 30; ++i) {
        const char *const headers[] = {fields[i % 3], NULL};
        herd_send_shared(herd, &(request_t){.path = "/40000/a", .headers = headers});
    }
    herd_wait_bytes(herd, 20000); /* each kind's first half: they do not wait for each other's end */
    cache_origin_go(origin);
    herd_wait_over(herd);
    for (size_t i = 0; i != 30; ++i) {
        const reply_t *reply = herd_reply(herd, i);
        assert_int_equal(reply->status, 200);
        assert_true(content_is(reply->body, reply->body_len, 0, "/40000/a", kinds[i % 3], NULL));
    }
    herd_free(herd);
    assert_int_equal(atomic_load(&origin->num_asked), 3);
    for (size_t i = 0; i != 3; ++i) {
        reply_t reply = cached_get(gateway, (transport_t)i, "/40000/a", fields[i]);
        expect_cache_status(&reply, "; hit");
        assert_true(content_is(reply.body, reply.body_len, 0, "/40000/a", kinds[i], NULL));
        reply_free(&reply);
    }
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

static void those_who_want_a_part_or_only_the_head_wait_with_the_others_for_a_confirmation(void **state)
{
    static const char *const range[] = {"Range: bytes=100-199", NULL};
    char content[40000];
    cache_origin_t *origin =
        cache_origin_start(&(plan_t){.fields = "Cache-Control: max-age=60\r\nAge: 61\r\nETag: \"a\"\r\n"});
    gateway_t *gateway = cached_gateway(origin, "capacity: 16MiB", "");
    expect_get(gateway, OVER_HTTP1, "/40000/a", 0, "stored");
    cache_origin_plan(origin, &(plan_t){.fields = FRESH "ETag: \"a\"\r\n", .confirms = true, .holds_head = true});
    herd_t *herd = herd_create(gateway);
    herd_fence(herd, "/fence");
    for (size_t i = 0; i != 10; ++i) {
        herd_send_shared(herd, &plain);
        herd_send_shared(herd, &(request_t){.path = "/40000/a", .method = "HEAD"});
    }
    herd_fence(herd, "/fence");
    herd_wait_for(herd, &origin->num_held, 1);
    herd_send_shared(herd, &(request_t){.path = "/40000/a", .headers = range});
    herd_fence(herd, "/fence");
    cache_origin_go(origin);
    herd_wait_over(herd);
    content_make(content, sizeof(content), "/40000/a", "", 0);
    for (size_t i = 0; i != 20; i += 2) {
        expect_content(herd_reply(herd, i), "/40000/a", 0, "fwd=stale; fwd-status=304");
        const reply_t *head = herd_reply(herd, i + 1);
        char *length = reply_field(head, "Content-Length");
        assert_int_equal(head->status, 200);
        assert_int_equal(head->body_len, 0);
        assert_string_equal(length, "40000");
        free(length);
    }
    const reply_t *part = herd_reply(herd, 20);
    assert_int_equal(part->status, 206);
    assert_int_equal(part->body_len, 100);
    assert_memory_equal(part->body, content + 100, 100);
    assert_in_range(atomic_load(&origin->num_conditional), 1, 2); /* a part is waited for by itself */
    assert_int_equal(atomic_load(&origin->num_asked), 1 + atomic_load(&origin->num_conditional));
    herd_free(herd);
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

/* slow ones -------------------------------------------------------------------------------------------------------- */

static char *read_all(int fd, size_t *ret_len)
{
    size_t len = 0, cap = 1 << 16;
    char *bytes = malloc(cap);
    for (ssize_t got; (got = recv(fd, bytes + len, cap - len, 0)) > 0;)
        if ((len += (size_t)got) == cap)
            bytes = realloc(bytes, cap *= 2);
    *ret_len = len;
    return bytes;
}

static void a_slow_reader_slows_nobody_and_gets_all_of_it(void **state)
{
    static const char ask[] = "GET /3000000/a HTTP/1.1\r\nHost: cached\r\nX-Forwarded-Proto: https\r\n"
                              "Connection: close\r\n\r\n";
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH});
    gateway_t *gateway = cached_gateway(origin, "capacity: 64MiB, max_object: 4MiB", "");
    int slow = raw_connect_with_buffer(gateway->ports[0], 4096); /* it leads */
    raw_write(slow, ask, sizeof(ask) - 1);
    origin_wait(&origin->num_asked, 1);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        expect_get(gateway, t, "/3000000/a", 0, NULL);
    expect_get(gateway, OVER_HTTP1, "/3000000/a", 0, "; hit");
    size_t len;
    char *bytes = read_all(slow, &len);
    close(slow);
    assert_true(len > 3000000);
    assert_true(content_is(bytes + len - 3000000, 3000000, 0, "/3000000/a", "", NULL));
    free(bytes);
    assert_int_equal(atomic_load(&origin->num_asked), 1);
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

/* what makes an answer wrong while it is on its way ---------------------------------------------------------------- */

/** One service that answers nobody, and one client for each transport that waits for it with others. */
static void a_client_waits_no_longer_than_it_says_that_it_can(void **state)
{
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH, .holds_head = true});
    gateway_t *gateway = cached_gateway(origin, "capacity: 16MiB", "");
    herd_t *herd = herd_create(gateway);
    send_shared(herd, 4, &plain);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = cached_get(gateway, t, plain.path, "X-Request-Timeout-Ms: 100");
        assert_int_equal(reply.status, 504);
        assert_non_null(strstr(reply.body, "total_timeout"));
        reply_free(&reply);
    }
    cache_origin_go(origin);
    herd_wait_over(herd);
    expect_herd(herd, plain.path, 0); /* the others can wait */
    herd_free(herd);
    assert_int_equal(atomic_load(&origin->num_asked), 1);
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

static void who_comes_after_a_change_does_not_get_what_was_asked_for_before(void **state)
{
    static const char *const methods[] = {"POST", "PURGE"};
    for (size_t i = 0; i != LENGTH_OF(methods); ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH, .holds_half = true});
            gateway_t *gateway = cached_gateway(origin, "capacity: 16MiB, purge: { from: [127.0.0.0/8] }", "");
            herd_t *herd = herd_create(gateway);
            send_to_all(herd, 10, &plain);
            herd_wait_bytes(herd, 20000);
            cache_origin_plan(origin, &(plan_t){.fields = FRESH});
            if (i == 1)
                atomic_store(&origin->version, 1);
            assert_in_range(cached_do(gateway, t, methods[i], "/40000/a"), 200, 299);
            expect_get(gateway, t, "/40000/a", 1, "fwd-status=200; stored");
            cache_origin_go(origin);
            herd_wait_over(herd);
            expect_herd(herd, "/40000/a", 0);
            herd_free(herd);
            expect_get(gateway, t, "/40000/a", 1, "; hit");
            gateway_stop(gateway);
            cache_origin_stop(origin);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_misses_make_one_request_and_all_get_the_body_as_it_arrives),
        cmocka_unit_test(waiters_get_the_body_as_it_arrives_however_it_is_framed),
        cmocka_unit_test(misses_that_race_with_the_end_of_a_fill_ask_no_second_time),
        cmocka_unit_test(each_goes_by_itself_without_collapse),
        cmocka_unit_test(the_others_and_the_store_get_all_when_the_first_client_leaves),
        cmocka_unit_test(the_store_gets_all_when_everybody_leaves),
        cmocka_unit_test(a_service_that_fails_before_the_head_is_asked_once_more_for_all_of_them),
        cmocka_unit_test(the_others_get_what_the_second_request_brings),
        cmocka_unit_test(a_body_that_breaks_off_is_cut_for_everybody_and_never_stored),
        cmocka_unit_test(what_cannot_be_stored_keeps_nobody_waiting),
        cmocka_unit_test(they_wait_for_each_other_again_after_uncacheable_for),
        cmocka_unit_test(requests_that_want_their_own_get_their_own),
        cmocka_unit_test(each_variant_is_asked_for_once_and_given_to_those_who_want_it),
        cmocka_unit_test(those_who_want_a_part_or_only_the_head_wait_with_the_others_for_a_confirmation),
        cmocka_unit_test(a_slow_reader_slows_nobody_and_gets_all_of_it),
        cmocka_unit_test(a_client_waits_no_longer_than_it_says_that_it_can),
        cmocka_unit_test(who_comes_after_a_change_does_not_get_what_was_asked_for_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
