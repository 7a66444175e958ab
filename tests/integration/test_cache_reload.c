/* SPDX-License-Identifier: MIT
 * The cache when the gateway is reloaded and when it ends: what is stored stays, what is on its way comes. */
#include <setjmp.h>
#include <signal.h>
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
#define OPTIONS          "capacity: 16MiB"

static void reload(gateway_t *gateway, const cache_origin_t *origin, const char *options, size_t nth)
{
    cached_write_conf(gateway, origin, options, "");
    gateway_reload(gateway, nth);
}

/* what is stored --------------------------------------------------------------------------------------------------- */

static void reloads_under_load_lose_nothing(void **state)
{
    enum { num_paths = 20, num_each = 30 };
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH});
    gateway_t *gateway = cached_gateway(origin, OPTIONS, "");
    char paths[num_paths][32];
    for (size_t i = 0; i != num_paths; ++i) {
        snprintf(paths[i], sizeof(paths[i]), "/%zu/a", 5000 + i);
        expect_get(gateway, OVER_HTTP1, paths[i], 0, "stored");
    }
    for (size_t nth = 1; nth <= 5; ++nth) {
        herd_t *herd = herd_create(gateway);
        for (size_t i = 0; i != num_paths * num_each; ++i)
            herd_send(herd, (transport_t)(i % NUM_TRANSPORTS), &(request_t){.path = paths[i % num_paths]});
        herd_wait_one_over(herd, 0);
        process_signal(gateway->process, SIGHUP); /* while the others are under way */
        herd_wait_over(herd);
        for (size_t i = 0; i != herd_size(herd); ++i)
            expect_content(herd_reply(herd, i), paths[i % num_paths], 0, "sluice; hit");
        herd_free(herd);
        free(process_wait_for(gateway->process, "reloaded: generation", nth));
    }
    assert_int_equal(atomic_load(&origin->num_asked), num_paths);
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

static void another_capacity_keeps_what_there_is_unless_it_is_of_another_order(void **state)
{
    static const struct {
        const char *options, *cache_status;
    } cases[] = {
        {"capacity: 32MiB", "; hit"},
        {"capacity: 8MiB", "; hit"},
        {"capacity: 256MiB", "fwd=uri-miss; fwd-status=200; stored"},
    };
    for (size_t i = 0; i != LENGTH_OF(cases); ++i) {
        cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH});
        gateway_t *gateway = cached_gateway(origin, OPTIONS, "");
        expect_get(gateway, OVER_HTTP1, "/5000/a", 0, "stored");
        reload(gateway, origin, cases[i].options, 1);
        expect_get(gateway, OVER_HTTP1, "/5000/a", 0, cases[i].cache_status);
        expect_get(gateway, OVER_HTTP2, "/5000/a", 0, "; hit");
        gateway_stop(gateway);
        cache_origin_stop(origin);
    }
}

static void another_limit_of_objects_is_for_those_to_come(void **state)
{
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH});
    gateway_t *gateway = cached_gateway(origin, OPTIONS ", max_object: 100KiB", "");
    expect_get(gateway, OVER_HTTP1, "/90000/a", 0, "stored");
    expect_get(gateway, OVER_HTTP1, "/200000/a", 0, "detail=too-large");
    reload(gateway, origin, OPTIONS ", max_object: 10KiB", 1);
    expect_get(gateway, OVER_HTTP2, "/90000/a", 0, "; hit");
    expect_get(gateway, OVER_HTTP2, "/90000/b", 0, "detail=too-large");
    reload(gateway, origin, OPTIONS ", max_object: 100KiB", 2);
    expect_get(gateway, OVER_TLS, "/90000/a", 0, "; hit");
    expect_get(gateway, OVER_TLS, "/90000/c", 0, "stored");
    expect_get(gateway, OVER_TLS, "/90000/c", 0, "; hit");
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

static void what_was_stored_by_other_keys_is_not_found(void **state)
{
    static const struct {
        const char *about, *before, *after, *path_before, *path_after, *header_before, *header_after;
    } cases[] = {
        {"another field", "key: { by: [header:X-A] }", "key: { by: [header:X-B] }", "/100/a", "/100/a", "X-A: one",
         "X-B: one"},
        {"a field no more", "key: { by: [header:X-A] }", "ttl: 1s", "/100/a", "/100/a", "X-A: one", NULL},
        {"a query that counts now", "key: { query: none }", "ttl: 1s", "/100/a?user=1", "/100/a", NULL, NULL},
        {"a parameter that counts now", "key: { query_without: [user] }", "ttl: 1s", "/100/a?user=1", "/100/a", NULL,
         NULL},
        {"another parameter", "key: { query_only: [a] }", "key: { query_only: [b] }", "/100/a?b=1", "/100/a", NULL,
         NULL},
        {"cookies that are not shared any more", "store_set_cookie: true", "store_set_cookie: false", "/100/a",
         "/100/a", NULL, NULL},
    };
    for (size_t i = 0; i != LENGTH_OF(cases); ++i) {
        char options[200];
        cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH});
        snprintf(options, sizeof(options), OPTIONS ", %s", cases[i].before);
        gateway_t *gateway = cached_gateway(origin, options, "");
        for (int k = 0; k != 2; ++k) {
            reply_t reply = cached_get(gateway, OVER_HTTP1, cases[i].path_before, cases[i].header_before);
            expect_cache_status(&reply, k == 0 ? "stored" : "; hit");
            reply_free(&reply);
        }
        snprintf(options, sizeof(options), OPTIONS ", %s", cases[i].after);
        reload(gateway, origin, options, 1);
        reply_t reply = cached_get(gateway, OVER_HTTP2, cases[i].path_after, cases[i].header_after);
        char *field = reply_field(&reply, "Cache-Status");
        if (strstr(field, "fwd=uri-miss") == NULL)
            fail_msg("%s: %s", cases[i].about, field);
        free(field);
        reply_free(&reply);
        gateway_stop(gateway);
        cache_origin_stop(origin);
    }
}

static void other_rules_are_for_what_comes_and_for_what_is_served(void **state)
{
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = NULL});
    gateway_t *gateway = cached_gateway(origin, OPTIONS, "");
    expect_get(gateway, OVER_HTTP1, "/100/a", 0, "detail=no-lifetime");
    reload(gateway, origin, OPTIONS ", ttl: 5999s", 1);
    expect_get(gateway, OVER_HTTP1, "/100/b", 0, "stored; ttl=5");
    expect_get(gateway, OVER_HTTP2, "/100/b", 0, "; hit");
    reload(gateway, origin, OPTIONS ", bypass: [header:X-Forwarded-Proto]", 2);
    expect_get(gateway, OVER_TLS, "/100/b", 0, "fwd=bypass");
    reload(gateway, origin, OPTIONS ", cache_status: false", 3);
    reply_t reply = cached_get(gateway, OVER_HTTP1, "/100/b", NULL);
    assert_null(reply_field(&reply, "Cache-Status"));
    assert_int_equal(atomic_load(&origin->num_asked), 3);
    reply_free(&reply);
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

static void routes_that_name_one_filter_share_what_it_stores(void **state)
{
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH});
    gateway_t *gateway = gateway_start(CACHED_LISTEN CACHED_SERVICE
                                       "filters: { shared: { cache: { " OPTIONS " } } }\n"
                                       "routes: [ { path: /, service: origin, methods: [GET], filters: [shared] }, "
                                       "{ path: /, service: origin, methods: [POST], filters: [shared] } ]\n",
                                       origin->origin->port);
    for (size_t nth = 1; nth <= 2; ++nth) {
        expect_get(gateway, OVER_HTTP1, "/100/a", nth - 1, "stored");
        expect_get(gateway, OVER_HTTP2, "/100/a", nth - 1, "; hit");
        assert_int_equal(cached_do(gateway, OVER_TLS, "POST", "/100/a"), 200); /* by the other route */
        gateway_reload(gateway, nth);
    }
    expect_get(gateway, OVER_HTTP1, "/100/a", 2, "stored");
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

/* what is on its way ----------------------------------------------------------------------------------------------- */

static void a_fill_survives_reloads(void **state)
{
    static const struct {
        const char *options, *cache_status;
    } cases[] = {
        {OPTIONS, "; hit"},
        {OPTIONS ", max_object: 1MiB, ttl: 5s", "; hit"},
        {"capacity: 32MiB", "; hit"},
        {"capacity: 256MiB", "fwd=uri-miss"}, /* it has come into the old store */
    };
    for (size_t i = 0; i != LENGTH_OF(cases); ++i) {
        cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH, .holds_half = true});
        gateway_t *gateway = cached_gateway(origin, OPTIONS, "");
        herd_t *herd = herd_create(gateway);
        for (size_t k = 0; k != 30; ++k)
            herd_send(herd, (transport_t)(k % NUM_TRANSPORTS), &(request_t){.path = "/40000/a"});
        herd_wait_bytes(herd, 20000);
        reload(gateway, origin, cases[i].options, 1);
        gateway_reload(gateway, 2);
        cache_origin_go(origin);
        herd_wait_over(herd);
        expect_herd(herd, "/40000/a", 0);
        herd_free(herd);
        assert_int_equal(atomic_load(&origin->num_asked), 1);
        cache_origin_plan(origin, &(plan_t){.fields = FRESH});
        expect_get(gateway, OVER_HTTP1, "/40000/a", 0, cases[i].cache_status);
        gateway_stop(gateway);
        cache_origin_stop(origin);
    }
}

static void a_fill_goes_on_with_those_who_come_after_a_reload(void **state)
{
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH, .holds_half = true});
    gateway_t *gateway = cached_gateway(origin, OPTIONS, "");
    herd_t *herd = herd_create(gateway);
    for (size_t nth = 0; nth <= 3; ++nth) {
        if (nth != 0)
            gateway_reload(gateway, nth);
        for (size_t k = 0; k != 10; ++k)
            herd_send(herd, (transport_t)(k % NUM_TRANSPORTS), &(request_t){.path = "/40000/a"});
        herd_wait_bytes(herd, 20000);
    }
    cache_origin_go(origin);
    herd_wait_over(herd);
    expect_herd(herd, "/40000/a", 0);
    herd_free(herd);
    assert_int_equal(atomic_load(&origin->num_asked), 1);
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

static void a_long_download_survives_reloads(void **state)
{
    static const char ask[] = "GET /3000000/a HTTP/1.1\r\nHost: cached\r\nX-Forwarded-Proto: https\r\n"
                              "Connection: close\r\n\r\n";
    static const char *const options[] = {"capacity: 64MiB, max_object: 10KiB", "capacity: 16MiB", "capacity: 512MiB"};
    enum { size = 3000000, room = size + 4096 };
    char *bytes = malloc(room);
    for (size_t i = 0; i != LENGTH_OF(options); ++i) {
        cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH});
        gateway_t *gateway = cached_gateway(origin, "capacity: 64MiB, max_object: 4MiB", "");
        expect_get(gateway, OVER_HTTP1, "/3000000/a", 0, "stored");
        int slow = raw_connect_with_buffer(gateway->ports[0], 4096);
        raw_write(slow, ask, sizeof(ask) - 1);
        ssize_t got = recv(slow, bytes, 1000, 0);
        assert_true(got > 0);
        reload(gateway, origin, options[i], 1);
        for (int k = 0; k != 200; ++k) { /* what would take its place */
            char path[32];
            snprintf(path, sizeof(path), "/9000/%d", k);
            expect_get(gateway, OVER_HTTP1, path, 0, NULL);
        }
        gateway_reload(gateway, 2);
        size_t len = (size_t)got;
        while ((got = recv(slow, bytes + len, room - len, 0)) > 0)
            len += (size_t)got;
        close(slow);
        assert_true(len > size);
        assert_true(content_is(bytes + len - size, size, 0, "/3000000/a", "", NULL));
        gateway_stop(gateway);
        cache_origin_stop(origin);
    }
    free(bytes);
}

/* the end ---------------------------------------------------------------------------------------------------------- */

static void sigterm_waits_for_those_who_read_from_a_fill(void **state)
{
    cache_origin_t *origin = cache_origin_start(&(plan_t){.fields = FRESH, .holds_half = true});
    gateway_t *gateway = cached_gateway(origin, OPTIONS, "");
    herd_t *herd = herd_create(gateway);
    herd_send(herd, OVER_HTTP1, &(request_t){.path = "/40000/a"}); /* leads, and leaves its worker without clients */
    herd_wait_bytes(herd, 20000);
    for (size_t k = 0; k != 12; ++k)
        herd_send(herd, (transport_t)(k % NUM_TRANSPORTS), &(request_t){.path = "/40000/a"});
    herd_wait_bytes(herd, 20000);
    herd_leave(herd, 0);
    process_signal(gateway->process, SIGTERM);
    free(process_wait_for(gateway->process, "stopping:", 1));
    cache_origin_go(origin);
    herd_wait_over(herd);
    expect_herd(herd, "/40000/a", 0);
    herd_free(herd);
    gateway_end(gateway);
    cache_origin_stop(origin);
}

static void a_fill_that_nobody_reads_does_not_hold_the_end(void **state)
{
    for (int holds_half = 0; holds_half != 2; ++holds_half) {
        cache_origin_t *origin =
            cache_origin_start(&(plan_t){.fields = FRESH, .holds_half = holds_half, .holds_head = !holds_half});
        gateway_t *gateway =
            gateway_start("drain_timeout: 1h\n" CACHED_LISTEN CACHED_SERVICE
                          "routes: [ { path: /, service: origin, filters: [ { cache: { " OPTIONS " } } ] } ]\n",
                          origin->origin->port);
        herd_t *herd = herd_create(gateway);
        for (size_t k = 0; k != 12; ++k)
            herd_send(herd, (transport_t)(k % NUM_TRANSPORTS), &(request_t){.path = "/40000/a"});
        herd_wait_for(herd, &origin->num_held, 1);
        herd_free(herd);
        gateway_stop(gateway);
        cache_origin_stop(origin);
    }
}

static void a_refresh_in_the_background_does_not_hold_the_end(void **state)
{
    cache_origin_t *origin =
        cache_origin_start(&(plan_t){.fields = "Cache-Control: max-age=60, stale-while-revalidate=60\r\nAge: 61\r\n"});
    gateway_t *gateway =
        gateway_start("drain_timeout: 1h\n" CACHED_LISTEN CACHED_SERVICE
                      "routes: [ { path: /, service: origin, filters: [ { cache: { " OPTIONS " } } ] } ]\n",
                      origin->origin->port);
    expect_get(gateway, OVER_HTTP1, "/40000/a", 0, "stored");
    cache_origin_plan(origin, &(plan_t){.fields = FRESH, .holds_head = true});
    expect_get(gateway, OVER_HTTP1, "/40000/a", 0, "; hit");
    origin_wait(&origin->num_held, 1);
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reloads_under_load_lose_nothing),
        cmocka_unit_test(another_capacity_keeps_what_there_is_unless_it_is_of_another_order),
        cmocka_unit_test(another_limit_of_objects_is_for_those_to_come),
        cmocka_unit_test(what_was_stored_by_other_keys_is_not_found),
        cmocka_unit_test(other_rules_are_for_what_comes_and_for_what_is_served),
        cmocka_unit_test(routes_that_name_one_filter_share_what_it_stores),
        cmocka_unit_test(a_fill_survives_reloads),
        cmocka_unit_test(a_fill_goes_on_with_those_who_come_after_a_reload),
        cmocka_unit_test(a_long_download_survives_reloads),
        cmocka_unit_test(sigterm_waits_for_those_who_read_from_a_fill),
        cmocka_unit_test(a_fill_that_nobody_reads_does_not_hold_the_end),
        cmocka_unit_test(a_refresh_in_the_background_does_not_hold_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
