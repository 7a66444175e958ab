/* SPDX-License-Identifier: MIT
 * Who is to blame, and who is served: what counts against an endpoint or opens a breaker and what must not, and whose
 * turn it is when a place is free. */
#include <poll.h>
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
#include "tests/support/fleet.h"

#define NOT_EJECTED    "    ejection: { consecutive_failures: 0 }\n"
#define OPEN_LONG      "open_for: 60s, max_open_for: 60s"
#define OPEN_SHORT     "open_for: 10ms, max_open_for: 10ms"
#define SERVICE        "services:\n  origin:\n    endpoints: [ \"http://127.0.0.1:%d\" ]\n"
#define ROUTE(breaker) "routes: [ { path: /, service: origin, filters: [ { circuit_breaker: { " breaker " } } ] } ]\n"

static void assert_reply(reply_t reply, int status, const char *in_body)
{
    if (reply.status != status || (in_body != NULL && strstr(reply.body, in_body) == NULL))
        fail_msg("%d '%s' (%s) instead of %d %s", reply.status, reply.body, curl_error(reply.error), status,
                 in_body != NULL ? in_body : "");
    reply_free(&reply);
}

static void expect(const gateway_t *gateway, transport_t transport, int status, const char *in_body)
{
    assert_reply(fetch_path(gateway, transport, "/"), status, in_body);
}

/** Asks again and again until the status comes. */
static void fetch_until(const gateway_t *gateway, transport_t transport, int status)
{
    for (uint64_t start = gw_clock_ms();;) {
        reply_t reply = fetch_path(gateway, transport, "/");
        int got = reply.status;
        reply_free(&reply);
        if (got == status)
            return;
        if (gw_clock_ms() - start > DEADLINE_MS)
            fail_msg("still %d instead of %d over %s", got, status, transport_names[transport]);
    }
}

static void reload(const gateway_t *gateway)
{
    process_signal(gateway->process, SIGHUP);
    free(process_wait_for(gateway->process, "reloaded: generation", 1));
}

static void assert_nobody_is_blamed(const gateway_t *gateway)
{
    assert_int_equal(process_count(gateway->process, "is ejected for"), 0);
    assert_int_equal(process_count(gateway->process, "closed -> open"), 0);
}

static void reset(int fd)
{
    static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    connect(fd, &nobody, sizeof(nobody)); /* ends a TCP connection with a reset */
}

/** Sends a GET on a connection of its own and does not wait for the answer. */
static int ask(const gateway_t *gateway, const char *path)
{
    char text[128];
    int len = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path),
        fd = raw_connect(gateway->ports[0]);
    raw_write(fd, text, (size_t)len);
    return fd;
}

/** Two round trips to an endpoint: the only worker has seen by then what was sent to it before. */
static void await_worker(const gateway_t *gateway)
{
    for (int i = 0; i != 2; ++i)
        assert_reply(fetch_path(gateway, OVER_HTTP1, "/ping"), 200, NULL);
}

#define PING_SERVICE "  ping: { endpoints: [ \"http://127.0.0.1:%d\" ] }\n"
#define PING_ROUTE   "  - { path: /ping, service: ping }\n"

/* endpoints -------------------------------------------------------------------------------------------------------- */

static void answer_get_and_reset_post(origin_t *origin, int fd, size_t index)
{
    char *request;
    while ((request = origin_read_request(origin, fd)) != NULL) {
        bool is_post = strncmp(request, "POST ", 5) == 0;
        free(request);
        if (is_post) {
            atomic_fetch_add((atomic_size_t *)origin->arg, 1);
            reset(fd);
            return;
        }
        if (!origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
            return;
    }
}

/** Reads what is there and closes unless that is a request without a body. */
static void have_no_patience(origin_t *origin, int fd, size_t index)
{
    char bytes[4096];
    ssize_t len;
    while ((len = recv(fd, bytes, sizeof(bytes) - 1, 0)) > 0) {
        bytes[len] = '\0';
        atomic_fetch_add(&origin->num_requests, 1);
        if (strncmp(bytes, "GET ", 4) != 0 || !origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
            return;
    }
}

static void vanish(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
}

static void break_body_off(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc");
}

/* who is to blame -------------------------------------------------------------------------------------------------- */

static void a_post_that_the_endpoint_has_read_is_never_sent_twice(void **state)
{
    static const char *const bodies[] = {"", "something that was ordered"};
    atomic_size_t num_posts = 0;
    origin_t *origin = origin_start(answer_get_and_reset_post, &num_posts);
    gateway_t *gateway =
        gateway_start(CONF_LISTEN SERVICE NOT_EJECTED "routes: [ { path: /, service: origin } ]\n", origin->port);
    size_t num = 0;
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        client_t *client = client_create(gateway, t);
        for (size_t i = 0; i != 10; ++i) {
            for (int k = 0; k != 3; ++k) /* leaves a connection in the pool, on which the POST may go */
                assert_reply(client_send(client, &(request_t){.path = "/"}), 200, "ok");
            assert_reply(client_send(client, &(request_t){.path = "/", .method = "POST", .body = bodies[i % 2]}), 502,
                         NULL);
            assert_int_equal(atomic_load(&num_posts), ++num);
        }
        client_free(client);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void clients_that_upload_slowly_are_nobodys_fault_but_theirs(void **state)
{
    static const char head_and_half[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc";
    origin_t *one = origin_start(have_no_patience, NULL), *two = origin_start(have_no_patience, NULL);
    gateway_t *gateway = gateway_start(
        CONF_LISTEN
        "services:\n  origin:\n    endpoints: [ \"http://127.0.0.1:%d\", \"http://127.0.0.1:%d\" ]\n"
        "    ejection: { consecutive_failures: 1, max_share: 100%% }\n" ROUTE("consecutive_failures: 1, " OPEN_LONG),
        one->port, two->port);
    for (size_t i = 0; i != 12; ++i) {
        bool is_closed;
        int fd = raw_connect(gateway->ports[0]);
        raw_write(fd, head_and_half, sizeof(head_and_half) - 1);
        char *reply = raw_read(fd, "\r\n\r\n", &is_closed);
        assert_non_null(strstr(reply, " 502 "));
        free(reply);
        close(fd);
    }
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        for (int i = 0; i != 2; ++i)
            expect(gateway, t, 200, "ok");
    assert_nobody_is_blamed(gateway);
    gateway_stop(gateway);
    origin_stop(one);
    origin_stop(two);
}

static void time_lost_in_the_queue_is_not_the_endpoints_fault(void **state)
{
    fleet_t *fleet = fleet_start(1);
    node_t *node = &fleet->nodes[0];
    gateway_t *gateway = gateway_start(
        CONF_LISTEN SERVICE
        "    max_requests: 1\n    timeouts: { total: 3s }\n    queue: { timeout: 20s }\n"
        "    ejection: { consecutive_failures: 1, max_share: 100%% }\n" ROUTE("consecutive_failures: 1, " OPEN_LONG),
        node->port);
    atomic_store(&node->holds, true);
    const request_t request = {.path = "/"};
    pending_t *inside = fetch_later(gateway, OVER_HTTP1, &request), *waiting[NUM_TRANSPORTS];
    fleet_wait_served(fleet, 1);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        waiting[t] = fetch_later(gateway, t, &request);
    for (uint64_t start = gw_clock_ms(); gw_clock_ms() - start < 1800;) { /* most of the time that they all have */
        reply_t reply = fetch(gateway, OVER_HTTP1, &(request_t){.path = "/", .timeout_ms = 100});
        assert_int_equal(reply.status, 0);
        reply_free(&reply);
    }
    atomic_store(&node->go, 1);
    assert_reply(pending_wait(inside), 200, "A");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        assert_reply(pending_wait(waiting[t]), 504, "\"total_timeout\"");
    node_release(node);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        expect(gateway, t, 200, "A");
    assert_nobody_is_blamed(gateway);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void a_trusted_clients_short_time_is_not_the_endpoints_fault(void **state)
{
    static const char *const headers[] = {"X-Request-Timeout-Ms: 20", NULL};
    fleet_t *fleet = fleet_start(1);
    node_t *node = &fleet->nodes[0];
    gateway_t *gateway = gateway_start(
        CONF_LISTEN
        "trusted_proxies: [ 127.0.0.1 ]\n" SERVICE
        "    ejection: { consecutive_failures: 1, max_share: 100%% }\n" ROUTE("consecutive_failures: 1, " OPEN_LONG),
        node->port);
    atomic_store(&node->holds, true);
    for (int i = 0; i != 2; ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
            assert_reply(fetch(gateway, t, &(request_t){.path = "/", .headers = headers}), 504, "\"total_timeout\"");
    node_release(node);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        expect(gateway, t, 200, "A");
    assert_nobody_is_blamed(gateway);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void an_endpoint_that_breaks_off_every_body_is_ejected(void **state)
{
    origin_t *origin = origin_start(break_body_off, NULL);
    gateway_t *gateway =
        gateway_start(CONF_LISTEN SERVICE
                      "    retries: { attempts: 1 }\n"
                      "    ejection: { consecutive_failures: 3, failure_ratio: 0%%, max_share: 100%%, time: 60s }\n"
                      "routes: [ { path: /, service: origin } ]\n",
                      origin->port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/");
        assert_int_not_equal(reply.error, 0);
        reply_free(&reply);
    }
    free(process_wait_for(gateway->process, "is ejected for", 1));
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        fetch_until(gateway, t, 503);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void an_endpoints_breaker_opens_on_bodies_that_break_off(void **state)
{
    origin_t *origin = origin_start(break_body_off, NULL);
    gateway_t *gateway = gateway_start(CONF_LISTEN SERVICE "    retries: { attempts: 1 }\n" NOT_EJECTED ROUTE(
                                           "per: endpoint, failure_ratio: 0%%, consecutive_failures: 3, " OPEN_LONG),
                                       origin->port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/");
        assert_int_not_equal(reply.error, 0);
        reply_free(&reply);
    }
    free(process_wait_for(gateway->process, "closed -> open", 1));
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        expect(gateway, t, 503, "\"breaker_open\"");
    assert_int_equal(atomic_load(&origin->num_requests), 3);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_hung_endpoint_is_ejected_although_hedges_hide_it(void **state)
{
    fleet_t *fleet = fleet_start(2);
    node_t *hung = &fleet->nodes[0];
    atomic_store(&hung->holds, true);
    gateway_t *gateway = fleet_gateway(
        fleet, NULL,
        "    ejection: { consecutive_failures: 3, failure_ratio: 0%, time: 60s }\n"
        "    retries: { attempts: 3, on: [ response_timeout ], hedge_after: 20ms, min_concurrent: 100 }\n");
    client_t *client = client_create(gateway, OVER_HTTP1);
    for (int i = 0; i != 10; ++i) /* half of them begin at the one that hangs */
        assert_int_equal(fleet_ask(client, "/", NULL), 1);
    free(process_wait_for(gateway->process, "is ejected for", 1));
    /* from some moment on it is left alone */
    uint64_t start = gw_clock_ms();
    for (int num_alone = 0; num_alone != 10;) {
        size_t before = atomic_load(&hung->num_served);
        assert_int_equal(fleet_ask(client, "/", NULL), 1);
        num_alone = atomic_load(&hung->num_served) == before ? num_alone + 1 : 0;
        assert_true(gw_clock_ms() - start < DEADLINE_MS);
    }
    client_free(client);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void an_endpoints_breaker_learns_from_calls_that_clients_gave_up(void **state)
{
    fleet_t *fleet = fleet_start(1);
    atomic_store(&fleet->nodes[0].holds, true);
    gateway_t *gateway = gateway_start(
        CONF_LISTEN SERVICE NOT_EJECTED ROUTE("per: endpoint, failure_ratio: 0%%, slow_call: 20ms, slow_ratio: 50%%, "
                                              "min_requests: 3, " OPEN_LONG),
        fleet->nodes[0].port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        pending_t *pending = fetch_later(gateway, t, &(request_t){.path = "/"});
        fleet_wait_served(fleet, (size_t)t + 1);
        poll(NULL, 0, 40); /* it is slow by then */
        assert_reply(pending_leave(pending), 0, NULL);
    }
    free(process_wait_for(gateway->process, "too many calls were slow: 3 of 3", 1));
    expect(gateway, OVER_HTTP1, 503, "\"breaker_open\"");
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void another_breakers_fallback_does_not_close_this_one(void **state)
{
    origin_t *origin = origin_start(vanish, NULL), *spare = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(
        CONF_LISTEN SERVICE
        "    retries: { attempts: 1 }\n" NOT_EJECTED "  spare: { endpoints: [ \"http://127.0.0.1:%d\" ] }\n"
        "filters:\n"
        "  outer: { circuit_breaker: { failure_ratio: 50%%, min_requests: 5, half_open_requests: 1, " OPEN_SHORT
        " } }\n"
        "  inner: { circuit_breaker: { per: endpoint, failure_ratio: 0%%, consecutive_failures: 5, " OPEN_LONG
        ", fallback: { service: spare } } }\n"
        "routes: [ { path: /, service: origin, filters: [ outer, inner ] } ]\n",
        origin->port, spare->port);
    for (int i = 0; i != 5; ++i)
        expect(gateway, (transport_t)(i % NUM_TRANSPORTS), 502, NULL);
    free(process_wait_for(gateway->process, "closed -> open", 2));
    for (int i = 0; i != 6; ++i)
        fetch_until(gateway, (transport_t)(i % NUM_TRANSPORTS), 200);
    free(process_wait_for(gateway->process, "\"verdict\":\"fallback\"", 6));
    assert_int_equal(process_count(gateway->process, "half_open -> closed"), 0);
    gateway_stop(gateway);
    origin_stop(origin);
    origin_stop(spare);
}

/* who is served ---------------------------------------------------------------------------------------------------- */

static void a_fallback_has_a_deadline_of_its_own(void **state)
{
    origin_t *origin = origin_start(vanish, NULL), *spare = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(
        CONF_LISTEN SERVICE
        "    timeouts: { total: 2s }\n    retries: { attempts: 1 }\n" NOT_EJECTED
        "  spare: { endpoints: [ \"http://127.0.0.1:%d\" ], timeouts: { total: 60s } }\n"
        "routes:\n  - { path: /, service: origin, filters: [ { circuit_breaker: { per: endpoint, failure_ratio: 0%%, "
        "consecutive_failures: 1, " OPEN_LONG ", fallback: { service: spare } } } ] }\n"
        "  - { path: /spare, service: spare }\n",
        origin->port, spare->port);
    expect(gateway, OVER_HTTP1, 502, NULL);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/");
        assert_int_equal(reply.status, 200);
        const char *field = strcasestr(reply.body, "\r\nx-request-timeout-ms:");
        assert_non_null(field);
        assert_in_range(atoi(strchr(field + 2, ':') + 1), 2001, 60000);
        reply_free(&reply);
    }
    gateway_stop(gateway);
    origin_stop(origin);
    origin_stop(spare);
}

static void a_retry_that_finds_its_place_taken_passes_the_answer_on(void **state)
{
    enum { num = 4 * NUM_TRANSPORTS };
    fleet_t *fleet = fleet_start(1);
    node_t *node = &fleet->nodes[0];
    atomic_store(&node->holds, true);
    atomic_store(&node->status, 503);
    gateway_t *gateway = fleet_gateway(fleet, NULL,
                                       "    max_requests: 1\n    queue: { size: 100, timeout: 20s }\n" NOT_EJECTED
                                       "    retries: { attempts: 3, on: [ 503 ], min_concurrent: 100 }\n");
    const request_t request = {.path = "/"};
    pending_t *pending[num];
    for (size_t i = 0; i != num; ++i)
        pending[i] = fetch_later(gateway, (transport_t)(i % NUM_TRANSPORTS), &request);
    fleet_wait_served(fleet, 1);
    node_release(node);
    for (size_t i = 0; i != num; ++i) {
        reply_t reply = pending_wait(pending[i]);
        assert_string_equal(reply.body, "A");
        assert_reply(reply, 503, NULL);
    }
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void fewer_probes_after_a_reload_do_not_leave_a_breaker_stuck(void **state)
{
#define CONF_PROBES                                                                                                    \
    CONF_LISTEN SERVICE "    retries: { attempts: 1 }\n" NOT_EJECTED                                                   \
                        "filters: { b: { circuit_breaker: { consecutive_failures: 2, failure_ratio: 0%%, " OPEN_SHORT  \
                        ", half_open_requests: %d, probe_timeout: 60s } } }\n"                                         \
                        "routes: [ { path: /, service: origin, filters: [ b ] } ]\n"
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        fleet_t *fleet = fleet_start(1);
        node_t *node = &fleet->nodes[0];
        gateway_t *gateway = gateway_start(CONF_PROBES, node->port, 5);
        atomic_store(&node->status, 500);
        for (int i = 0; i != 2; ++i)
            expect(gateway, t, 500, NULL);
        atomic_store(&node->status, 200);
        fetch_until(gateway, t, 200);
        expect(gateway, t, 200, "A");
        assert_int_equal(process_count(gateway->process, "half_open -> closed"), 0);
        gateway_write_conf(gateway, CONF_PROBES, node->port, 2);
        reload(gateway);
        for (int i = 0; i != 2; ++i)
            fetch_until(gateway, t, 200);
        free(process_wait_for(gateway->process, "half_open -> closed", 1));
        expect(gateway, t, 200, "A");
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

#define CONF_LINE                                                                                                      \
    CONF_LISTEN SERVICE "    max_requests: 1\n    queue: { size: 100, timeout: %s }\n"                                 \
                        "    retries: { attempts: 1 }\n" PING_SERVICE                                                  \
                        "routes:\n  - { path: /, service: origin }\n" PING_ROUTE

/** The first in line waits for an endpoint that hangs; a reload brings those behind it one that is free. */
static void serve_the_next(bool is_client_leaving)
{
    fleet_t *fleet = fleet_start(3);
    node_t *hung = &fleet->nodes[0], *fine = &fleet->nodes[1], *ping = &fleet->nodes[2];
    atomic_store(&hung->holds, true);
    gateway_t *gateway = gateway_start(CONF_LINE, hung->port, is_client_leaving ? "60s" : "1s", ping->port);
    int inside = ask(gateway, "/1");
    origin_wait(&hung->num_served, 1);
    int first = ask(gateway, "/2");
    await_worker(gateway);
    gateway_write_conf(gateway, CONF_LINE, fine->port, "20s", ping->port);
    reload(gateway);
    const request_t request = {.path = "/"};
    pending_t *next[NUM_TRANSPORTS];
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        next[t] = fetch_later(gateway, t, &request);
    if (is_client_leaving) {
        await_worker(gateway);
        close(first);
    } else {
        bool is_closed;
        char *reply = raw_read(first, "\r\n\r\n", &is_closed);
        assert_non_null(strstr(reply, " 503 "));
        free(reply);
        close(first);
    }
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        assert_reply(pending_wait(next[t]), 200, "B");
    assert_int_equal(atomic_load(&hung->num_served), 1);
    close(inside);
    node_release(hung);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void the_next_in_line_has_its_turn_when_the_time_of_the_first_is_over(void **state)
{
    serve_the_next(false);
}

static void the_next_in_line_has_its_turn_when_the_first_one_leaves(void **state)
{
    serve_the_next(true);
}

static void more_places_after_a_reload_are_for_those_who_wait_too(void **state)
{
#define CONF_PLACES                                                                                                    \
    CONF_LISTEN SERVICE PING_SERVICE                                                                                   \
        "filters: { b: { circuit_breaker: { max_concurrent: %d, max_queue: 100, queue_timeout: 60s } } }\n"            \
        "routes:\n  - { path: /, service: origin, filters: [ b ] }\n" PING_ROUTE
    fleet_t *fleet = fleet_start(2);
    node_t *node = &fleet->nodes[0], *ping = &fleet->nodes[1];
    atomic_store(&node->holds, true);
    gateway_t *gateway = gateway_start(CONF_PLACES, node->port, ping->port, 1);
    int fds[3];
    for (size_t i = 0; i != 3; ++i)
        fds[i] = ask(gateway, "/");
    origin_wait(&node->num_served, 1);
    await_worker(gateway);
    assert_int_equal(atomic_load(&node->num_served), 1);
    gateway_write_conf(gateway, CONF_PLACES, node->port, ping->port, 3);
    reload(gateway);
    origin_wait(&node->num_served, 3); /* the new places are taken at once, though nobody left */
    const request_t request = {.path = "/"};
    pending_t *later = fetch_later(gateway, OVER_HTTP2, &request);
    atomic_store(&node->go, 1);
    origin_wait(&node->num_served, 4);
    node_release(node);
    for (size_t i = 0; i != 3; ++i) {
        bool is_closed;
        char *reply = raw_read(fds[i], "\r\n\r\n", &is_closed);
        if (strstr(reply, " 200 ") == NULL)
            fail_msg("request %zu: '%s'", i, reply);
        free(reply);
        close(fds[i]);
    }
    assert_reply(pending_wait(later), 200, "A");
    gateway_stop(gateway);
    fleet_stop(fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_post_that_the_endpoint_has_read_is_never_sent_twice),
        cmocka_unit_test(clients_that_upload_slowly_are_nobodys_fault_but_theirs),
        cmocka_unit_test(time_lost_in_the_queue_is_not_the_endpoints_fault),
        cmocka_unit_test(a_trusted_clients_short_time_is_not_the_endpoints_fault),
        cmocka_unit_test(an_endpoint_that_breaks_off_every_body_is_ejected),
        cmocka_unit_test(an_endpoints_breaker_opens_on_bodies_that_break_off),
        cmocka_unit_test(a_hung_endpoint_is_ejected_although_hedges_hide_it),
        cmocka_unit_test(an_endpoints_breaker_learns_from_calls_that_clients_gave_up),
        cmocka_unit_test(another_breakers_fallback_does_not_close_this_one),
        cmocka_unit_test(a_fallback_has_a_deadline_of_its_own),
        cmocka_unit_test(a_retry_that_finds_its_place_taken_passes_the_answer_on),
        cmocka_unit_test(fewer_probes_after_a_reload_do_not_leave_a_breaker_stuck),
        cmocka_unit_test(the_next_in_line_has_its_turn_when_the_time_of_the_first_is_over),
        cmocka_unit_test(the_next_in_line_has_its_turn_when_the_first_one_leaves),
        cmocka_unit_test(more_places_after_a_reload_are_for_those_who_wait_too),
    };
    return cmocka_run_group_tests_name("test_blame", tests, NULL, NULL);
}
