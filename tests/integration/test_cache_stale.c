/* SPDX-License-Identifier: MIT
 * Stored responses that are served although they are stale: while the service is asked in the background, and in place
 * of its failures (RFC 5861).  A response comes stale when its Age says so: nothing here waits for time to pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/base/clock.h"
#include "tests/support/cached.h"

#define LENGTH_OF(array) (sizeof(array) / sizeof((array)[0]))
#define PATH             "/2000/a"
#define STALE(rest)      "Cache-Control: max-age=60" rest "\r\nAge: 61\r\nETag: \"a\"\r\n"
#define OPTIONS          "capacity: 16MiB"
#define IS_FRESH         "sluice; hit; ttl=3" /* of 3600, whatever it took to get there */

typedef struct scene {
    cache_origin_t *origin;
    gateway_t *gateway;
} scene_t;

/** With version 0 stored; the service's is 1 from now on. */
static scene_t scene_begin(const char *fields, const char *options, const char *behind)
{
    scene_t scene;
    scene.origin = cache_origin_start(&(plan_t){.fields = fields});
    scene.gateway = cached_gateway(scene.origin, options, behind);
    expect_get(scene.gateway, OVER_HTTP1, PATH, 0, "; stored");
    atomic_store(&scene.origin->version, 1);
    return scene;
}

static void scene_end(scene_t *scene)
{
    gateway_stop(scene->gateway);
    cache_origin_stop(scene->origin);
}

static size_t num_asked(const scene_t *scene)
{
    return atomic_load(&scene->origin->num_asked);
}

/** Asks until Cache-Status says that.  @return how many requests that took */
static size_t ask_until(const scene_t *scene, const char *part, int status)
{
    uint64_t since_ms = gw_clock_ms();
    for (size_t num = 1;; ++num) {
        reply_t reply = cached_get(scene->gateway, (transport_t)(num % NUM_TRANSPORTS), PATH, NULL);
        char *field = reply_field(&reply, "Cache-Status");
        bool is = reply.status == status && field != NULL && strstr(field, part) != NULL;
        if (!is && gw_clock_ms() - since_ms > DEADLINE_MS)
            fail_msg("it stays at %d, %s", reply.status, field);
        free(field);
        reply_free(&reply);
        if (is)
            return num;
    }
}

static void expect_stale(const scene_t *scene, transport_t transport, const char *cache_status)
{
    reply_t reply = cached_get(scene->gateway, transport, PATH, NULL);
    expect_content(&reply, PATH, 0, cache_status);
    char *age = reply_field(&reply, "Age");
    assert_non_null(age);
    assert_in_range(atoi(age), 61, 200);
    free(age);
    reply_free(&reply);
}

/* in the background ------------------------------------------------------------------------------------------------ */

static void a_stale_one_is_served_at_once_and_replaced_by_one_request_in_the_background(void **state)
{
    static const struct {
        const char *fields, *options;
    } cases[] = {
        {STALE(", stale-while-revalidate=60"), OPTIONS},
        {STALE(""), OPTIONS ", grace: { while_revalidate: 60s }"},
    };
    for (size_t i = 0; i != LENGTH_OF(cases); ++i) {
        scene_t scene = scene_begin(cases[i].fields, cases[i].options, "");
        cache_origin_plan(scene.origin, &(plan_t){.fields = FRESH, .holds_head = true});
        herd_t *herd = herd_create(scene.gateway);
        for (size_t k = 0; k != 100; ++k)
            herd_send(herd, (transport_t)(k % NUM_TRANSPORTS), &(request_t){.path = PATH});
        herd_wait_over(herd); /* while the service says nothing */
        expect_herd(herd, PATH, 0);
        for (size_t k = 0; k != herd_size(herd); ++k)
            expect_cache_status(herd_reply(herd, k), "sluice; hit; ttl=-");
        expect_cache_status(herd_reply(herd, 0), "; detail=stale-while-revalidate");
        herd_wait_for(herd, &scene.origin->num_held, 1);
        herd_free(herd);
        expect_stale(&scene, OVER_HTTP2, "sluice; hit; ttl=-");
        cache_origin_go(scene.origin);
        ask_until(&scene, IS_FRESH, 200);
        expect_get(scene.gateway, OVER_TLS, PATH, 1, "sluice; hit");
        assert_int_equal(num_asked(&scene), 2);
        scene_end(&scene);
    }
}

static void a_confirmation_in_the_background_makes_it_fresh(void **state)
{
    scene_t scene = scene_begin(STALE(", stale-while-revalidate=60"), OPTIONS, "");
    cache_origin_plan(scene.origin, &(plan_t){.fields = FRESH "ETag: \"a\"\r\n", .confirms = true});
    expect_stale(&scene, OVER_HTTP1, "stale-while-revalidate");
    ask_until(&scene, IS_FRESH, 200);
    expect_get(scene.gateway, OVER_HTTP2, PATH, 0, IS_FRESH);
    assert_int_equal(num_asked(&scene), 2);
    assert_int_equal(atomic_load(&scene.origin->num_conditional), 1);
    scene_end(&scene);
}

static void a_failure_in_the_background_leaves_the_stale_one_in_its_place(void **state)
{
    static const plan_t plans[] = {
        {.ending = HEADLESS},
        {.fields = FRESH, .ending = HALF},
        {.fields = FRESH, .ending = HALF, .framing = CHUNKED},
        {.status = "500 No", .fields = FRESH},
        {.status = "503 No"},
    };
    scene_t scene = scene_begin(STALE(", stale-while-revalidate=60"), OPTIONS, "");
    for (size_t i = 0; i != LENGTH_OF(plans); ++i) {
        cache_origin_plan(scene.origin, &plans[i]);
        size_t before = num_asked(&scene);
        uint64_t since_ms = gw_clock_ms();
        /* the second one comes when the first one has failed, and the third says that the second one was of this plan
         */
        while (num_asked(&scene) < before + 3 && gw_clock_ms() - since_ms < DEADLINE_MS)
            expect_stale(&scene, (transport_t)(i % NUM_TRANSPORTS), "stale-while-revalidate");
        assert_true(num_asked(&scene) >= before + 3);
    }
    cache_origin_plan(scene.origin, &(plan_t){.fields = FRESH});
    ask_until(&scene, IS_FRESH, 200);
    expect_get(scene.gateway, OVER_HTTP1, PATH, 1, "; hit");
    scene_end(&scene);
}

static void an_answer_in_the_background_that_is_no_failure_ends_the_stale_one(void **state)
{
    static const struct {
        const char *about;
        plan_t plan;
        int status;
        const char *cache_status;
    } cases[] = {
        {"a 404 that may be stored", {.status = "404 Gone", .fields = FRESH}, 404, IS_FRESH},
        {"a 404 that may not", {.status = "404 Gone", .fields = "Cache-Control: no-store\r\n"}, 404, "fwd=uri-miss"},
        {"a 200 that may not", {.fields = "Cache-Control: private\r\n"}, 200, "fwd=uri-miss"},
    };
    for (size_t i = 0; i != LENGTH_OF(cases); ++i) {
        scene_t scene = scene_begin(STALE(", stale-while-revalidate=60, stale-if-error=60"), OPTIONS, "");
        cache_origin_plan(scene.origin, &cases[i].plan);
        expect_stale(&scene, OVER_HTTP2, "stale-while-revalidate");
        ask_until(&scene, cases[i].cache_status, cases[i].status);
        cache_origin_plan(scene.origin, &(plan_t){.status = "503 No"});
        reply_t reply = cached_get(scene.gateway, OVER_HTTP1, PATH, NULL);
        assert_int_equal(reply.status, cases[i].cache_status[8] == 'h' ? 404 : 503); /* not even then */
        reply_free(&reply);
        scene_end(&scene);
    }
}

static void no_stale_one_is_served_where_nobody_allows_it(void **state)
{
    static const struct {
        const char *fields, *options;
    } cases[] = {
        {STALE(""), OPTIONS},
        {STALE(", stale-while-revalidate=1"), OPTIONS},
        {STALE(""), OPTIONS ", grace: { while_revalidate: 1s }"},
        {STALE(", stale-while-revalidate=0"), OPTIONS ", grace: { while_revalidate: 60s }"},
        {STALE(", stale-while-revalidate=60, must-revalidate"), OPTIONS ", grace: { while_revalidate: 60s }"},
        {STALE(", stale-while-revalidate=60, proxy-revalidate"), OPTIONS ", grace: { while_revalidate: 60s }"},
        {STALE(", stale-while-revalidate=60, s-maxage=60"), OPTIONS ", grace: { while_revalidate: 60s }"},
        {STALE(", stale-while-revalidate=60, no-cache"), OPTIONS ", grace: { while_revalidate: 60s }"},
    };
    for (size_t i = 0; i != LENGTH_OF(cases); ++i) {
        scene_t scene = scene_begin(cases[i].fields, cases[i].options, "");
        cache_origin_plan(scene.origin, &(plan_t){.fields = FRESH});
        expect_get(scene.gateway, (transport_t)(i % NUM_TRANSPORTS), PATH, 1, "fwd=stale; fwd-status=200; stored");
        assert_int_equal(num_asked(&scene), 2);
        assert_int_equal(atomic_load(&scene.origin->num_conditional), 1);
        scene_end(&scene);
    }
}

/* in place of failures --------------------------------------------------------------------------------------------- */

#define IF_ERROR STALE(", stale-if-error=60")

static void expect_stale_on_error(const scene_t *scene, transport_t transport, const char *forwarded)
{
    expect_stale(scene, transport, forwarded);
    expect_stale(scene, transport, "; detail=stale-if-error");
}

static void a_stale_one_is_served_in_place_of_failures(void **state)
{
    static const struct {
        plan_t plan;
        const char *forwarded;
    } cases[] = {
        {{.status = "500 No"}, "sluice; fwd=stale; fwd-status=500; ttl=-"},
        {{.status = "502 No"}, "sluice; fwd=stale; fwd-status=502; ttl=-"},
        {{.status = "503 No", .fields = FRESH}, "sluice; fwd=stale; fwd-status=503; ttl=-"},
        {{.status = "504 No"}, "sluice; fwd=stale; fwd-status=504; ttl=-"},
        {{.ending = HEADLESS}, "sluice; fwd=stale; ttl=-"},
    };
    static const char *const fields[] = {IF_ERROR, STALE("")};
    static const char *const options[] = {OPTIONS, OPTIONS ", grace: { on_error: 60s }"};
    for (size_t i = 0; i != LENGTH_OF(fields); ++i) {
        scene_t scene = scene_begin(fields[i], options[i], "");
        for (size_t k = 0; k != LENGTH_OF(cases); ++k)
            for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
                size_t before = num_asked(&scene);
                cache_origin_plan(scene.origin, &cases[k].plan);
                expect_stale_on_error(&scene, t, cases[k].forwarded);
                assert_true(num_asked(&scene) >= before + 2); /* each time */
            }
        cache_origin_plan(scene.origin, &(plan_t){.fields = FRESH});
        expect_get(scene.gateway, OVER_HTTP1, PATH, 1, "fwd=stale; fwd-status=200; stored");
        scene_end(&scene);
    }
}

static void all_who_wait_for_a_service_that_fails_get_the_stale_one(void **state)
{
    scene_t scene = scene_begin(IF_ERROR, OPTIONS, "");
    cache_origin_plan(scene.origin, &(plan_t){.status = "503 No", .holds_head = true});
    herd_t *herd = herd_create(scene.gateway);
    herd_fence(herd, "/fence");
    for (size_t i = 0; i != 60; ++i)
        herd_send_shared(herd, &(request_t){.path = PATH});
    herd_fence(herd, "/fence");
    cache_origin_go(scene.origin);
    herd_wait_over(herd);
    expect_herd(herd, PATH, 0);
    for (size_t i = 0; i != herd_size(herd); ++i)
        expect_cache_status(herd_reply(herd, i), "sluice; fwd=stale; fwd-status=503; ");
    herd_free(herd);
    assert_int_equal(num_asked(&scene), 2);
    scene_end(&scene);
}

static void a_stale_one_is_whole_and_itself_however_it_came(void **state)
{
    static const plan_framing_t framings[] = {WITH_LENGTH, CHUNKED, UNTIL_CLOSE};
    char content[2000];
    content_make(content, sizeof(content), PATH, "", 0);
    for (size_t i = 0; i != LENGTH_OF(framings); ++i) {
        scene_t scene = {.origin = cache_origin_start(&(plan_t){.fields = IF_ERROR, .framing = framings[i]})};
        scene.gateway = cached_gateway(scene.origin, OPTIONS, "");
        expect_get(scene.gateway, OVER_HTTP1, PATH, 0, "; stored");
        cache_origin_plan(scene.origin,
                          &(plan_t){.status = "503 No", .fields = "Retry-After: 7\r\nSet-Cookie: a=b\r\n"});
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = cached_get(scene.gateway, t, PATH, NULL);
            expect_content(&reply, PATH, 0, "; detail=stale-if-error");
            assert_null(reply_field(&reply, "Retry-After")); /* which is of the failure */
            assert_null(reply_field(&reply, "Set-Cookie"));
            reply_free(&reply);
            reply = cached_get(scene.gateway, t, PATH, "Range: bytes=10-19");
            assert_int_equal(reply.status, 206);
            assert_int_equal(reply.body_len, 10);
            assert_memory_equal(reply.body, content + 10, 10);
            reply_free(&reply);
            reply = cached_get(scene.gateway, t, PATH, "If-None-Match: \"a\"");
            assert_int_equal(reply.status, 304);
            assert_int_equal(reply.body_len, 0);
            reply_free(&reply);
        }
        scene_end(&scene);
    }
}

static void who_asks_for_the_head_of_a_stale_one_gets_no_body_whatever_the_service_says(void **state)
{
    static const struct {
        plan_t plan;
        int status;
    } cases[] = {
        {{.fields = FRESH}, 200},
        {{.fields = "Cache-Control: no-store\r\n"}, 200},
        {{.fields = "Cache-Control: no-store\r\n", .framing = CHUNKED}, 200},
        {{.status = "404 No"}, 404},
        {{.status = "503 No"}, 503},
        {{.ending = HEADLESS}, 502},
    };
    for (size_t i = 0; i != LENGTH_OF(cases); ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            static const char *const headers[] = {TO_CACHED, NULL};
            scene_t scene = scene_begin(STALE(""), OPTIONS ", grace: { on_error: 0s }", "");
            cache_origin_plan(scene.origin, &cases[i].plan);
            client_t *client = client_create(scene.gateway, t);
            reply_t reply = client_send(client, &(request_t){.method = "HEAD", .path = PATH, .headers = headers});
            if (reply.status != cases[i].status || reply.error != 0 || reply.body_len != 0)
                fail_msg("case %zu, %s: %d, %s, %zu bytes", i, transport_names[t], reply.status,
                         curl_error(reply.error), reply.body_len);
            reply_free(&reply);
            cache_origin_plan(scene.origin, &(plan_t){.fields = FRESH});
            reply = client_send(client, &(request_t){.path = PATH, .headers = headers}); /* nothing is in its way */
            expect_content(&reply, PATH, 1, NULL);
            assert_int_equal(reply.num_connects, 0);
            reply_free(&reply);
            client_free(client);
            scene_end(&scene);
        }
}

static void a_client_may_ask_for_the_stale_one_itself(void **state)
{
    scene_t scene = scene_begin(STALE(""), OPTIONS ", grace: { on_error: 0s }", "");
    cache_origin_plan(scene.origin, &(plan_t){.status = "503 No"});
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = cached_get(scene.gateway, t, PATH, "Cache-Control: stale-if-error=30");
        expect_content(&reply, PATH, 0, "; detail=stale-if-error");
        reply_free(&reply);
        reply = cached_get(scene.gateway, t, PATH, NULL);
        assert_int_equal(reply.status, 503);
        reply_free(&reply);
    }
    scene_end(&scene);
}

static void failures_come_through_where_nobody_allows_a_stale_one(void **state)
{
    static const struct {
        const char *fields, *options;
    } cases[] = {
        {STALE(""), OPTIONS ", grace: { on_error: 0s }"},
        {STALE(", stale-if-error=1"), OPTIONS},
        {STALE(""), OPTIONS ", grace: { on_error: 1s }"},
        {STALE(", stale-if-error=0"), OPTIONS ", grace: { on_error: 60s }"},
        {STALE(", stale-if-error=60, must-revalidate"), OPTIONS ", grace: { on_error: 60s }"},
        {STALE(", stale-if-error=60, proxy-revalidate"), OPTIONS ", grace: { on_error: 60s }"},
        {STALE(", stale-if-error=60, s-maxage=60"), OPTIONS ", grace: { on_error: 60s }"},
        {STALE(", stale-if-error=60, no-cache"), OPTIONS ", grace: { on_error: 60s }"},
    };
    for (size_t i = 0; i != LENGTH_OF(cases); ++i) {
        scene_t scene = scene_begin(cases[i].fields, cases[i].options, "");
        cache_origin_plan(scene.origin, &(plan_t){.status = "503 No"});
        reply_t reply = cached_get(scene.gateway, (transport_t)(i % NUM_TRANSPORTS), PATH, NULL);
        if (reply.status != 503)
            fail_msg("'%s', %s: %d", cases[i].fields, cases[i].options, reply.status);
        assert_true(content_is(reply.body, reply.body_len, 0, PATH, "", NULL)); /* the service's own */
        reply_free(&reply);
        scene_end(&scene);
    }
}

static void other_errors_are_no_failures(void **state)
{
    static const char *const statuses[] = {"404 No", "403 No", "429 No", "501 No"};
    for (size_t i = 0; i != LENGTH_OF(statuses); ++i) {
        scene_t scene = scene_begin(IF_ERROR, OPTIONS, "");
        cache_origin_plan(scene.origin, &(plan_t){.status = statuses[i]});
        reply_t reply = cached_get(scene.gateway, (transport_t)(i % NUM_TRANSPORTS), PATH, NULL);
        assert_int_equal(reply.status, atoi(statuses[i]));
        reply_free(&reply);
        scene_end(&scene);
    }
}

static void a_service_that_is_not_there_or_says_nothing_is_one_that_fails(void **state)
{
    scene_t scene = scene_begin(IF_ERROR, OPTIONS, "");
    int fd, port = 0;
    fd = origin_reserve(&port);
    gateway_write_conf(scene.gateway,
                       CACHED_LISTEN CACHED_SERVICE
                       "routes: [ { path: /, service: origin, filters: [ { cache: { " OPTIONS " } } ] } ]\n",
                       port);
    gateway_reload(scene.gateway, 1);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        expect_stale_on_error(&scene, t, "sluice; fwd=stale; ttl=-");
    cache_origin_plan(scene.origin, &(plan_t){.fields = FRESH, .holds_head = true});
    gateway_write_conf(scene.gateway,
                       CACHED_LISTEN
                       "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ], retries: { attempts: 1 }, "
                       "ejection: { consecutive_failures: 0 }, timeouts: { response: 200ms } } }\n"
                       "routes: [ { path: /, service: origin, filters: [ { cache: { " OPTIONS " } } ] } ]\n",
                       scene.origin->origin->port);
    gateway_reload(scene.gateway, 2);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        expect_stale_on_error(&scene, t, "sluice; fwd=stale; ttl=-");
    origin_stop(origin_start_on(fd, origin_hang, NULL)); /* closes it */
    scene_end(&scene);
}

static void a_new_body_that_breaks_off_is_cut_and_leaves_the_stale_one(void **state)
{
    static const plan_framing_t framings[] = {WITH_LENGTH, CHUNKED, UNTIL_CLOSE};
    scene_t scene = scene_begin(IF_ERROR, OPTIONS, "");
    for (size_t i = 0; i != LENGTH_OF(framings); ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            cache_origin_plan(scene.origin, &(plan_t){.fields = FRESH, .framing = framings[i], .ending = HALF});
            reply_t reply = cached_get(scene.gateway, t, PATH, NULL);
            if (reply.status == 200 && content_is(reply.body, reply.body_len, 0, PATH, "", NULL))
                expect_content(&reply, PATH, 0, "stale-if-error"); /* the cut came before the head was passed on */
            else
                assert_int_not_equal(reply.error, 0);
            reply_free(&reply);
            cache_origin_plan(scene.origin, &(plan_t){.status = "503 No"});
            expect_stale_on_error(&scene, t, "fwd=stale; fwd-status=503");
        }
    scene_end(&scene);
}

/* with a circuit breaker ------------------------------------------------------------------------------------------- */

#define BREAKER(open_for)                                                                                              \
    ", { circuit_breaker: { failure_ratio: 0%, consecutive_failures: 1, open_for: " open_for                           \
    ", max_open_for: " open_for ", half_open_requests: 1 } }"

/** Makes the breaker open. */
static void make_open(const scene_t *scene)
{
    cache_origin_plan(scene->origin, &(plan_t){.status = "503 No"});
    assert_int_equal(cached_do(scene->gateway, OVER_HTTP1, "GET", "/10/other"), 503);
    free(process_wait_for(scene->gateway->process, "closed -> open", 1));
}

static void an_open_breaker_is_answered_with_a_stale_one(void **state)
{
    static const struct {
        const char *fields, *options, *cache_status; /* NULL: 503 */
    } cases[] = {
        {IF_ERROR, OPTIONS, "sluice; fwd=stale; ttl=-"},
        {STALE(""), OPTIONS ", grace: { on_error: 60s }", "sluice; fwd=stale; ttl=-"},
        {STALE(", stale-while-revalidate=60"), OPTIONS, "sluice; hit; ttl=-"},
        {STALE(""), OPTIONS ", grace: { on_error: 0s }", NULL},
        {STALE(", stale-if-error=1"), OPTIONS, NULL},
        {STALE(", must-revalidate"), OPTIONS ", grace: { on_error: 60s }", NULL},
        {STALE(", proxy-revalidate"), OPTIONS ", grace: { on_error: 60s }", NULL},
        {STALE(", s-maxage=60"), OPTIONS ", grace: { on_error: 60s }", NULL},
        {STALE(", no-cache"), OPTIONS ", grace: { on_error: 60s }", NULL},
    };
    for (size_t i = 0; i != LENGTH_OF(cases); ++i) {
        scene_t scene = scene_begin(cases[i].fields, cases[i].options, BREAKER("60s"));
        make_open(&scene);
        size_t before = num_asked(&scene);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            if (cases[i].cache_status != NULL) {
                expect_stale(&scene, t, cases[i].cache_status);
                continue;
            }
            reply_t reply = cached_get(scene.gateway, t, PATH, NULL);
            assert_int_equal(reply.status, 503);
            assert_non_null(strstr(reply.body, "breaker_open"));
            reply_free(&reply);
        }
        assert_int_equal(num_asked(&scene), before);
        scene_end(&scene);
    }
}

static void a_request_in_the_background_closes_the_breaker(void **state)
{
    static const char *const fields[] = {STALE(", stale-while-revalidate=60"), IF_ERROR};
    for (size_t i = 0; i != LENGTH_OF(fields); ++i) {
        scene_t scene = scene_begin(fields[i], OPTIONS, BREAKER("200ms"));
        make_open(&scene);
        cache_origin_plan(scene.origin, &(plan_t){.fields = FRESH});
        ask_until(&scene, IS_FRESH, 200);
        free(process_wait_for(scene.gateway->process, "-> closed", 1));
        expect_get(scene.gateway, OVER_HTTP2, PATH, 1, "sluice; hit");
        scene_end(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stale_one_is_served_at_once_and_replaced_by_one_request_in_the_background),
        cmocka_unit_test(a_confirmation_in_the_background_makes_it_fresh),
        cmocka_unit_test(a_failure_in_the_background_leaves_the_stale_one_in_its_place),
        cmocka_unit_test(an_answer_in_the_background_that_is_no_failure_ends_the_stale_one),
        cmocka_unit_test(no_stale_one_is_served_where_nobody_allows_it),
        cmocka_unit_test(a_stale_one_is_served_in_place_of_failures),
        cmocka_unit_test(all_who_wait_for_a_service_that_fails_get_the_stale_one),
        cmocka_unit_test(a_stale_one_is_whole_and_itself_however_it_came),
        cmocka_unit_test(who_asks_for_the_head_of_a_stale_one_gets_no_body_whatever_the_service_says),
        cmocka_unit_test(a_client_may_ask_for_the_stale_one_itself),
        cmocka_unit_test(failures_come_through_where_nobody_allows_a_stale_one),
        cmocka_unit_test(other_errors_are_no_failures),
        cmocka_unit_test(a_service_that_is_not_there_or_says_nothing_is_one_that_fails),
        cmocka_unit_test(a_new_body_that_breaks_off_is_cut_and_leaves_the_stale_one),
        cmocka_unit_test(an_open_breaker_is_answered_with_a_stale_one),
        cmocka_unit_test(a_request_in_the_background_closes_the_breaker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
