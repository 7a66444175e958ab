/* SPDX-License-Identifier: MIT
 * Endpoints that are taken out of use by what requests to them meet, and come back in time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/expect.h"
#include "tests/support/fleet.h"

/** One request, whatever is answered. */
static void ask(client_t *client)
{
    reply_t reply = client_send(client, &(request_t){.path = "/"});
    reply_free(&reply);
}

/** @return the milliseconds of the nth ejection in the log */
static long ejection_ms(gateway_t *gateway, size_t nth)
{
    char *line = process_wait_for(gateway->process, "is ejected for ", nth);
    long ms = atol(strstr(line, "is ejected for ") + 15);
    free(line);
    return ms;
}

static void assert_ejection(gateway_t *gateway, size_t nth, long least_ms, long most_ms)
{
    long ms = ejection_ms(gateway, nth);
    if (ms < least_ms || ms > most_ms)
        fail_msg("an ejection of %ld ms instead of %ld..%ld", ms, least_ms, most_ms);
}

static void failures_in_a_row_eject_and_time_readmits(void **state)
{
    fleet_t *fleet = fleet_start(2);
    node_t *node = &fleet->nodes[0];
    gateway_t *gateway = fleet_gateway(
        fleet, NULL, "    ejection: { on: [ 503 ], consecutive_failures: 3, time: 600ms, max_time: 1500ms }\n");
    client_t *clients[NUM_TRANSPORTS];
    size_t counts[FLEET_MAX], turn = 0;
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        clients[t] = client_create(gateway, t);
    atomic_store(&node->status, 503);
    for (size_t i = 0; i != 6; ++i) /* in turn: three at each */
        ask(clients[turn++ % NUM_TRANSPORTS]);
    assert_ejection(gateway, 1, 600, 660);
    char *line = process_wait_for(gateway->process, "is ejected", 1);
    char url[32];
    snprintf(url, sizeof(url), "127.0.0.1:%d ", node->port);
    assert_non_null(strstr(line, url));
    assert_non_null(strstr(line, "service fleet: endpoint http://"));
    assert_non_null(strstr(line, "requests to it failed in a row"));
    free(line);
    assert_int_equal(atomic_load(&node->num_served), 3);
    /* on probation one failure is enough, and the time doubles up to its bound */
    static const long least_ms[] = {1200, 1350, 1350}, most_ms[] = {1320, 1500, 1500};
    for (size_t i = 0; i != 3; ++i) {
        free(process_wait_for(gateway->process, "is used again: the time of its ejection is over", i + 1));
        for (size_t k = 0; k != 2; ++k)
            ask(clients[turn++ % NUM_TRANSPORTS]);
        assert_ejection(gateway, i + 2, least_ms[i], most_ms[i]);
        assert_int_equal(atomic_load(&node->num_served), 4 + i);
    }
    free(process_wait_for(gateway->process, "is used again", 4));
    atomic_store(&node->status, 200);
    fleet_count(clients[OVER_HTTP2], 10, NULL, counts);
    assert_int_equal(counts[0], 5);
    /* a success ends the probation: two failures do not eject, the third does */
    atomic_store(&node->status, 503);
    for (size_t i = 0; i != 6; ++i)
        ask(clients[turn++ % NUM_TRANSPORTS]);
    ejection_ms(gateway, 5);
    assert_int_equal(atomic_load(&node->num_served), 6 + 5 + 3);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        client_free(clients[t]);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void while_it_is_ejected_an_endpoint_gets_nothing(void **state)
{
    fleet_t *fleet = fleet_start(3);
    gateway_t *gateway = fleet_gateway(
        fleet, NULL, "    ejection: { on: [ 5xx ], consecutive_failures: 1, time: 10m, max_time: 10m }\n");
    atomic_store(&fleet->nodes[1].status, 504);
    for (size_t i = 0; i != 3; ++i) {
        reply_t reply = fetch_path(gateway, OVER_HTTP1, "/");
        reply_free(&reply);
    }
    free(process_wait_for(gateway->process, "is ejected", 1));
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        client_t *client = client_create(gateway, t);
        size_t counts[FLEET_MAX];
        fleet_count(client, 20, NULL, counts);
        assert_int_equal(counts[0], 10);
        assert_int_equal(counts[2], 10);
        client_free(client);
    }
    assert_int_equal(atomic_load(&fleet->nodes[1].num_served), 1);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void refuse_badly(origin_t *origin, int fd, size_t index)
{
    char *request;
    while ((request = origin_read_request(origin, fd)) != NULL) {
        free(request);
        origin_write(fd, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
    }
}

static void what_counts_as_a_failure_is_configurable(void **state)
{
    static const struct {
        const char *about;
        origin_script_t script; /* NULL: nobody listens */
        const char *on;         /* what ejects; everything but that does not */
        const char *others;
        bool is_default;
    } cases[] = {
        {"nobody listens", NULL, "connect_failure", "empty_response, reset, response_timeout, junk_response, 5xx",
         true},
        {"no answer", origin_hang, "response_timeout", "connect_failure, empty_response, reset, junk_response, 5xx",
         true},
        {"closed", origin_vanish, "empty_response", "connect_failure, reset, response_timeout, junk_response, 5xx",
         true},
        {"half a head", origin_break_off, "reset",
         "connect_failure, empty_response, response_timeout, junk_response, 5xx", true},
        {"no HTTP", origin_talk_junk, "junk_response", "connect_failure, empty_response, reset, response_timeout, 5xx",
         true},
        {"503", origin_refuse, "\"503\"", "connect_failure, empty_response, reset, response_timeout, 500-502", false},
        {"a status", refuse_badly, "\"500\"", "connect_failure, empty_response, reset, response_timeout, 501-599",
         false},
    };
    enum { on, others, by_default };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i)
        for (int which = on; which <= by_default; ++which) {
            origin_t *good = origin_start(origin_reflect, NULL), *bad = origin_start(cases[i].script, NULL);
            int port = bad->port;
            if (cases[i].script == NULL) {
                origin_stop(bad);
                bad = NULL;
            }
            char list[256] = "";
            if (which != by_default)
                snprintf(list, sizeof(list), ", on: [ %s ]", which == on ? cases[i].on : cases[i].others);
            gateway_t *gateway =
                gateway_start(CONF_LISTEN "services:\n  origin:\n"
                                          "    endpoints: [ \"http://127.0.0.1:%d\", \"http://127.0.0.1:%d\" ]\n"
                                          "    ejection: { consecutive_failures: 2, time: 10m, max_time: 10m%s }\n"
                                          "    timeouts: { response: %s }\n"
                                          "    retries: { attempts: 1 }\n"
                                          "routes: [ { path: /, service: origin } ]\n",
                              port, good->port, list, cases[i].script == origin_hang ? "1s" : "10m");
            bool is_ejected = which == on || (which == by_default && cases[i].is_default);
            for (size_t k = 0; k != 8; ++k) {
                reply_t reply =
                    fetch(gateway, (transport_t)(k % NUM_TRANSPORTS),
                          &(request_t){.path = "/", .method = k < 4 ? "GET" : "POST", .body = k < 4 ? NULL : "x"});
                reply_free(&reply);
                if (k == 3 && is_ejected) { /* in turn: two at each */
                    char *line = process_wait_for(gateway->process, "is ejected", 1);
                    char url[32];
                    snprintf(url, sizeof(url), "127.0.0.1:%d ", port);
                    if (strstr(line, url) == NULL)
                        fail_msg("%s: %s", cases[i].about, line);
                    free(line);
                }
            }
            if (atomic_load(&good->num_requests) != (is_ejected ? 6 : 4) ||
                process_count(gateway->process, "is ejected") != is_ejected)
                fail_msg("%s (%d): %zu requests at the good one", cases[i].about, which,
                         atomic_load(&good->num_requests));
            gateway_stop(gateway);
            origin_stop(good);
            if (bad != NULL)
                origin_stop(bad);
        }
}

static void an_endpoint_that_breaks_off_every_body_is_ejected(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        origin_t *bad = origin_start(origin_truncate_body, NULL), *good = origin_start(origin_reflect, NULL);
        gateway_t *gateway =
            gateway_start(CONF_LISTEN "services:\n  origin:\n"
                                      "    endpoints: [ \"http://127.0.0.1:%d\", \"http://127.0.0.1:%d\" ]\n"
                                      "    ejection: { consecutive_failures: 3, time: 10m, max_time: 10m }\n"
                                      "routes: [ { path: /, service: origin } ]\n",
                          bad->port, good->port);
        for (size_t i = 0; i != 12; ++i) {
            reply_t reply = fetch_path(gateway, t, "/");
            reply_free(&reply);
        }
        free(process_wait_for(gateway->process, "is ejected", 1));
        gateway_stop(gateway);
        origin_stop(bad);
        origin_stop(good);
    }
}

/** Answers every request on its connections; of the origin's requests one of *arg fails. */
static void fail_one_of(origin_t *origin, int fd, size_t index)
{
    size_t one_of = *(const size_t *)origin->arg;
    char *request;
    while ((request = origin_read_request(origin, fd)) != NULL) {
        free(request);
        bool fails = one_of != 0 && atomic_load(&origin->num_requests) % one_of == 0;
        if (!origin_write(fd, fails ? "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
                                    : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
            return;
    }
}

static void a_share_of_failures_ejects(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        size_t one_of[] = {4, 2, 0}; /* a quarter, a half, none */
        origin_t *origins[3];
        for (size_t i = 0; i != 3; ++i)
            origins[i] = origin_start(fail_one_of, &one_of[i]);
        gateway_t *gateway = gateway_start(
            CONF_LISTEN
            "services:\n  origin:\n"
            "    endpoints: [ \"http://127.0.0.1:%d\", \"http://127.0.0.1:%d\", \"http://127.0.0.1:%d\" ]\n"
            "    ejection: { on: [ 503 ], consecutive_failures: 0, failure_ratio: 50%%, min_requests: 20, window: 1m, "
            "time: 10m, max_time: 10m, max_share: 100%% }\n"
            "routes: [ { path: /, service: origin } ]\n",
            origins[0]->port, origins[1]->port, origins[2]->port);
        client_t *client = client_create(gateway, t);
        for (size_t i = 0; i != 3 * 18; ++i) { /* too few to tell */
            ask(client);
        }
        assert_int_equal(process_count(gateway->process, "is ejected"), 0);
        for (size_t i = 0; i != 3 * 12; ++i) {
            ask(client);
        }
        char *line = process_wait_for(gateway->process, "is ejected", 1);
        char url[32];
        unsigned long long failures, requests;
        snprintf(url, sizeof(url), "127.0.0.1:%d ", origins[1]->port);
        assert_non_null(strstr(line, url));
        assert_int_equal(sscanf(strstr(line, "is ejected"), "is ejected for %*u ms: %llu of %llu requests to it failed",
                                &failures, &requests),
                         2);
        assert_true(requests >= 20 && requests <= 30);
        assert_int_equal(failures, requests / 2);
        free(line);
        size_t before = atomic_load(&origins[1]->num_requests);
        for (size_t i = 0; i != 10; ++i) {
            ask(client);
        }
        assert_int_equal(atomic_load(&origins[1]->num_requests), before);
        assert_int_equal(process_count(gateway->process, "is ejected"), 1);
        client_free(client);
        gateway_stop(gateway);
        for (size_t i = 0; i != 3; ++i)
            origin_stop(origins[i]);
    }
}

static void no_more_than_a_share_of_the_endpoints_is_ejected(void **state)
{
    static const struct {
        size_t num;
        const char *max_share;
        size_t num_ejected;
    } cases[] = {{1, "", 0},
                 {2, "", 1},
                 {3, "", 1},
                 {4, "", 2},
                 {4, ", max_share: 75%", 3},
                 {4, ", max_share: 0%", 0},
                 {4, ", max_share: 100%", 4}};
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char options[256];
        snprintf(options, sizeof(options),
                 "    ejection: { on: [ 503 ], consecutive_failures: 2, time: 10m, max_time: 10m%s }\n",
                 cases[i].max_share);
        fleet_t *fleet = fleet_start(cases[i].num);
        gateway_t *gateway = fleet_gateway(fleet, NULL, options);
        for (size_t k = 0; k != fleet->num; ++k)
            atomic_store(&fleet->nodes[k].status, 503);
        for (size_t k = 0; k != 8 * fleet->num; ++k) {
            reply_t reply = fetch_path(gateway, (transport_t)(k % NUM_TRANSPORTS), "/");
            assert_int_equal(reply.status, 503);
            reply_free(&reply);
        }
        if (cases[i].num_ejected != 0)
            free(process_wait_for(gateway->process, "is ejected", cases[i].num_ejected));
        assert_int_equal(process_count(gateway->process, "is ejected"), cases[i].num_ejected);
        size_t before = fleet_served(fleet);
        reply_t reply = fetch_path(gateway, OVER_HTTP1, "/"); /* who is left goes on */
        reply_free(&reply);
        assert_int_equal(fleet_served(fleet) - before, cases[i].num_ejected != cases[i].num);
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

static void refusals_of_the_gateway_itself_eject_nobody(void **state)
{
    fleet_t *fleet = fleet_start(1);
    node_t *node = &fleet->nodes[0];
    gateway_t *gateway = gateway_start(
        CONF_LISTEN
        "services:\n  fleet:\n    endpoints: [ \"http://127.0.0.1:%d\" ]\n"
        "    ejection: { consecutive_failures: 1, time: 10m, max_time: 10m, max_share: 100%%,\n"
        "      on: [ connect_failure, empty_response, reset, response_timeout, junk_response, 3xx, 4xx, 5xx ] }\n"
        "    max_requests: 1\n    queue: { size: 1, timeout: 2s }\n"
        "routes: [ { path: /, methods: [ GET, POST ], service: fleet } ]\n"
        "limits: { body: 1KiB }\n",
        node->port);
    static char body[100000];
    memset(body, 'x', sizeof(body));
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        size_t num_held = atomic_load(&node->num_held);
        atomic_store(&node->holds, true);
        pending_t *pendings[3];
        pendings[0] = fetch_later(gateway, t, &(request_t){.path = "/"});
        origin_wait(&node->num_held, num_held + 1);
        for (size_t i = 1; i != 3; ++i) /* one waits for too long, one cannot even wait */
            pendings[i] = fetch_later(gateway, t, &(request_t){.path = "/"});
        free(process_wait_for(gateway->process, "\"reason\":\"queue_full\"", (size_t)t + 1));
        free(process_wait_for(gateway->process, "\"reason\":\"queue_timeout\"", (size_t)t + 1));
        atomic_store(&node->holds, false);
        atomic_store(&node->go, num_held + 1);
        for (size_t i = 0; i != 3; ++i) {
            reply_t reply = pending_wait(pendings[i]);
            assert_int_equal(reply.status, i == 0 ? 200 : 503);
            reply_free(&reply);
        }
        /* a client that leaves */
        num_held = atomic_load(&node->num_held);
        atomic_store(&node->holds, true);
        pendings[0] = fetch_later(gateway, t, &(request_t){.path = "/"});
        origin_wait(&node->num_held, num_held + 1);
        reply_t reply = pending_leave(pendings[0]);
        assert_int_equal(reply.status, 0);
        reply_free(&reply);
        free(process_wait_for(gateway->process, "\"reason\":\"client_closed\"", (size_t)t + 1));
        atomic_store(&node->holds, false);
        atomic_store(&node->go, num_held + 1);
        /* a body that turns out to be too large, a method and a path that are not served */
        reply = fetch(
            gateway, t,
            &(request_t){.path = "/", .method = "POST", .body = body, .body_len = sizeof(body), .is_chunked = true});
        if (reply.error == 0)
            assert_int_equal(reply.status, 413);
        reply_free(&reply);
        if (t != OVER_HTTP2) /* there libh2o itself refuses */
            free(process_wait_for(gateway->process, "\"reason\":\"body_too_large\"", (size_t)t + 1));
        reply = fetch(gateway, t, &(request_t){.path = "/", .method = "DELETE"});
        assert_int_equal(reply.status, 405);
        reply_free(&reply);
        expect_status(gateway, t, "/", 200);
    }
    assert_int_equal(process_count(gateway->process, "is ejected"), 0);
    atomic_store(&node->status, 404); /* but what it says itself counts */
    expect_status(gateway, OVER_HTTP1, "/", 404);
    free(process_wait_for(gateway->process, "is ejected", 1));
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void an_ejection_survives_a_reload(void **state)
{
    static const char options[] = "    ejection: { on: [ 5xx ], consecutive_failures: 1, time: 10m, max_time: 10m }\n";
    fleet_t *fleet = fleet_start(3);
    gateway_t *gateway = fleet_gateway(fleet, NULL, options);
    atomic_store(&fleet->nodes[0].status, 503);
    expect_status(gateway, OVER_HTTP1, "/", 503);
    free(process_wait_for(gateway->process, "is ejected", 1));
    for (size_t i = 1; i <= 3; ++i) {
        fleet->num = i == 2 ? 2 : 3; /* with an endpoint less, and with it again */
        fleet_write_conf(gateway, fleet, NULL, options);
        gateway_reload(gateway, i);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
            for (size_t k = 0; k != 6; ++k)
                expect_status(gateway, t, "/", 200);
    }
    assert_int_equal(atomic_load(&fleet->nodes[0].num_served), 1);
    assert_int_equal(process_count(gateway->process, "is ejected"), 1);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failures_in_a_row_eject_and_time_readmits),
        cmocka_unit_test(while_it_is_ejected_an_endpoint_gets_nothing),
        cmocka_unit_test(what_counts_as_a_failure_is_configurable),
        cmocka_unit_test(an_endpoint_that_breaks_off_every_body_is_ejected),
        cmocka_unit_test(a_share_of_failures_ejects),
        cmocka_unit_test(no_more_than_a_share_of_the_endpoints_is_ejected),
        cmocka_unit_test(refusals_of_the_gateway_itself_eject_nobody),
        cmocka_unit_test(an_ejection_survives_a_reload),
    };
    return cmocka_run_group_tests_name("ejection", tests, NULL, NULL);
}
