/* SPDX-License-Identifier: MIT
 * Requests that are tried again, and those that must not be: conditions, methods, bodies, timeouts, budgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "gateway/base/clock.h"
#include "tests/support/expect.h"
#include "tests/support/fleet.h"

#define EVERYTHING "connect_failure, empty_response, reset, response_timeout, junk_response, 5xx"

/* ways to fail ----------------------------------------------------------------------------------------------------- */

typedef struct way {
    const char *about;
    origin_script_t script; /* NULL: nobody listens */
    const char *on;         /* the condition */
    const char *others;     /* all the others */
    int status;             /* without a retry */
    const char *reason;     /* "": the endpoint answered */
} way_t;

static const way_t ways[] = {
    {"nobody listens", NULL, "connect_failure", "empty_response, reset, response_timeout, junk_response, 5xx", 502,
     "connect_refused"},
    {"closed", origin_vanish, "empty_response", "connect_failure, reset, response_timeout, junk_response, 5xx", 502,
     "upstream_closed"},
    {"reset", origin_reset, "reset", "connect_failure, empty_response, response_timeout, junk_response, 5xx", 502,
     "upstream_reset"},
    {"half a head", origin_break_off, "reset", "connect_failure, empty_response, response_timeout, junk_response, 5xx",
     502, "upstream_closed"},
    {"no answer", origin_hang, "response_timeout", "connect_failure, empty_response, reset, junk_response, 5xx", 504,
     "response_timeout"},
    {"no HTTP", origin_talk_junk, "junk_response", "connect_failure, empty_response, reset, response_timeout, 5xx", 502,
     "upstream_malformed"},
    {"a status", origin_refuse, "503", "connect_failure, empty_response, reset, response_timeout, 500-502, 504-599",
     503, ""},
    {"one of a range", origin_refuse, "500-504", "junk_response, 4xx", 503, ""},
    {"one of a class", origin_refuse, "5xx", "junk_response, 505-599", 503, ""},
};
enum { NUM_WAYS = sizeof(ways) / sizeof(ways[0]) };

typedef struct pair {
    origin_t *bad, *good; /* bad NULL: nobody listens */
    gateway_t *gateway;
} pair_t;

/** @param retries keys of `retries`, the last of which takes the list of conditions */
static pair_t start_way(const way_t *way, const char *retries, const char *conditions)
{
    char options[1024];
    pair_t pair = {.good = origin_start(origin_reflect, NULL), .bad = origin_start(way->script, NULL)};
    int port = pair.bad->port;
    if (way->script == NULL) {
        origin_stop(pair.bad);
        pair.bad = NULL;
    }
    /* short only where it is waited for: the other endpoint has to answer in time */
    snprintf(options, sizeof(options), NOT_EJECTED "    timeouts: { response: %s }\n    retries: { %s: [ %s ] }\n",
             way->script == origin_hang ? "1s" : "10m", retries, conditions);
    pair.gateway = pair_gateway(port, pair.good->port, options);
    return pair;
}

static void end_pair(pair_t *pair)
{
    gateway_stop(pair->gateway);
    if (pair->bad != NULL)
        origin_stop(pair->bad);
    origin_stop(pair->good);
}

static size_t num_at_bad(const pair_t *pair)
{
    return pair->bad != NULL ? atomic_load(&pair->bad->num_requests) : 0;
}

/* conditions and methods ------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *body;
} idempotent[] = {{"GET", NULL}, {"HEAD", NULL}, {"OPTIONS", NULL}, {"DELETE", NULL}, {"PUT", "whole"}};
enum { NUM_IDEMPOTENT = sizeof(idempotent) / sizeof(idempotent[0]) };

/** The same request over all transports at once: where each waits for a timeout, that takes less long. */
static void send_over_all(const pair_t *pair, const request_t *request, reply_t replies[NUM_TRANSPORTS])
{
    pending_t *pendings[NUM_TRANSPORTS];
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        pendings[t] = fetch_later(pair->gateway, t, request);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        replies[t] = pending_wait(pendings[t]);
}

static void idempotent_requests_are_tried_again_elsewhere_for_what_is_listed(void **state)
{
    for (size_t w = 0; w != NUM_WAYS; ++w) {
        pair_t pair = start_way(&ways[w], "min_concurrent: 10, on", ways[w].on);
        size_t num = 0;
        for (size_t m = 0; m != NUM_IDEMPOTENT; ++m) {
            reply_t replies[NUM_TRANSPORTS];
            send_over_all(&pair, &(request_t){.path = "/", .method = idempotent[m].name, .body = idempotent[m].body},
                          replies);
            for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
                if (replies[t].status != 200)
                    fail_msg("%s, %s over %s: %d '%s' (%s)", ways[w].about, idempotent[m].name, transport_names[t],
                             replies[t].status, replies[t].body, curl_error(replies[t].error));
                if (idempotent[m].body != NULL)
                    assert_non_null(strstr(replies[t].body, "\r\n\r\nwhole"));
                reply_free(&replies[t]);
            }
            num += NUM_TRANSPORTS;
            assert_int_equal(atomic_load(&pair.good->num_requests), num); /* not once more */
        }
        /* not each by itself: the log takes its time */
        free(process_wait_for(pair.gateway->process, "\"tries\":2", num));
        if (pair.bad != NULL)
            assert_int_equal(atomic_load(&pair.bad->num_requests), num);
        end_pair(&pair);
    }
}

static void nothing_is_tried_again_for_what_is_not_listed(void **state)
{
    for (size_t w = 0; w != NUM_WAYS; ++w) {
        pair_t pair = start_way(&ways[w], "on", ways[w].others);
        reply_t replies[NUM_TRANSPORTS];
        send_over_all(&pair, &(request_t){.path = "/"}, replies);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            if (replies[t].status != ways[w].status || strstr(replies[t].body, ways[w].reason) == NULL)
                fail_msg("%s over %s: %d '%s'", ways[w].about, transport_names[t], replies[t].status, replies[t].body);
            reply_free(&replies[t]);
        }
        assert_int_equal(atomic_load(&pair.good->num_requests), 0);
        assert_int_equal(num_at_bad(&pair), pair.bad != NULL ? NUM_TRANSPORTS : 0);
        end_pair(&pair);
    }
}

static void a_post_that_an_endpoint_has_got_arrives_once(void **state)
{
    static const char *const methods[] = {"POST", "PATCH", "FROBNICATE"};
    for (size_t w = 1; w != NUM_WAYS; ++w) { /* when nobody listens nothing was sent */
        pair_t pair = start_way(&ways[w], "attempts: 5, on", EVERYTHING);
        size_t num = 0;
        for (size_t m = 0; m != 3; ++m) {
            reply_t replies[NUM_TRANSPORTS];
            send_over_all(&pair, &(request_t){.path = "/", .method = methods[m], .body = "pay 5"}, replies);
            for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
                if (replies[t].status != ways[w].status || strstr(replies[t].body, ways[w].reason) == NULL)
                    fail_msg("%s, %s over %s: %d '%s'", ways[w].about, methods[m], transport_names[t],
                             replies[t].status, replies[t].body);
                reply_free(&replies[t]);
            }
            assert_int_equal(atomic_load(&pair.bad->num_requests), num += NUM_TRANSPORTS);
        }
        assert_int_equal(atomic_load(&pair.good->num_requests), 0);
        end_pair(&pair);
    }
}

static void a_post_of_which_nothing_was_sent_is_tried_again(void **state)
{
    pair_t pair = start_way(&ways[0], "on", "connect_failure");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch(pair.gateway, t, &(request_t){.path = "/", .method = "POST", .body = "pay 5"});
        assert_int_equal(reply.status, 200);
        assert_non_null(strstr(reply.body, "\r\n\r\npay 5"));
        reply_free(&reply);
    }
    assert_int_equal(atomic_load(&pair.good->num_requests), NUM_TRANSPORTS);
    end_pair(&pair);
}

static void unsafe_on_tries_a_post_again(void **state)
{
    for (size_t w = 0; w != NUM_WAYS; ++w) {
        pair_t pair = start_way(&ways[w], "on: [], unsafe_on", ways[w].on);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = fetch(pair.gateway, t, &(request_t){.path = "/", .method = "POST", .body = "pay 5"});
            if (reply.status != 200 || strstr(reply.body, "\r\n\r\npay 5") == NULL)
                fail_msg("%s over %s: %d '%s'", ways[w].about, transport_names[t], reply.status, reply.body);
            reply_free(&reply);
        }
        assert_int_equal(atomic_load(&pair.good->num_requests), NUM_TRANSPORTS);
        assert_int_equal(num_at_bad(&pair), pair.bad != NULL ? NUM_TRANSPORTS : 0);
        end_pair(&pair);
    }
}

static void a_response_that_has_begun_is_not_tried_again(void **state)
{
    static const way_t way = {"half a body", origin_truncate_body, EVERYTHING, "", 200, ""};
    pair_t pair = start_way(&way, "unsafe_on: [ 200-299 ], on", way.on);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(pair.gateway, t, "/");
        reply_free(&reply);
    }
    end_pair(&pair);
    pair = start_way(&way, "on", way.on);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(pair.gateway, t, "/");
        assert_int_equal(reply.status, 200);
        assert_int_not_equal(reply.error, 0); /* it is seen as cut short */
        reply_free(&reply);
    }
    assert_int_equal(atomic_load(&pair.good->num_requests), 0);
    assert_int_equal(atomic_load(&pair.bad->num_requests), NUM_TRANSPORTS);
    end_pair(&pair);
}

/** The first request of each fills the pools; after that every try runs on a connection that stands already. */
static void a_status_is_tried_again_on_kept_connections_too(void **state)
{
    pair_t pair = start_way(&ways[6], "on", "503");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        client_t *client = client_create(pair.gateway, t);
        for (size_t i = 0; i != 6; ++i) {
            reply_t reply = client_send(client, &(request_t){.path = "/"});
            if (reply.status != 200 || strncmp(reply.body, "GET / HTTP/1.1\r\n", 16) != 0)
                fail_msg("request %zu over %s: %d '%s' (%s)", i, transport_names[t], reply.status, reply.body,
                         curl_error(reply.error));
            reply_free(&reply);
        }
        client_free(client);
    }
    assert_int_equal(atomic_load(&pair.good->num_requests), 6 * NUM_TRANSPORTS);
    assert_int_equal(atomic_load(&pair.bad->num_requests), 6 * NUM_TRANSPORTS);
    assert_int_equal(atomic_load(&pair.good->num_connections), 1);
    end_pair(&pair);
}

/* how often, and where --------------------------------------------------------------------------------------------- */

static void each_try_goes_to_an_endpoint_that_was_not_tried(void **state)
{
    static const char *const balance[] = {"round_robin", "random", "least_requests",
                                          "{ method: hash, key: \"header:X-User\" }"};
    for (size_t b = 0; b != 4; ++b) {
        char options[512];
        snprintf(options, sizeof(options), NOT_EJECTED "    balance: %s\n    retries: { attempts: 4, on: [ 503 ] }\n",
                 balance[b]);
        fleet_t *fleet = fleet_start(4);
        gateway_t *gateway = fleet_gateway(fleet, NULL, options);
        for (size_t i = 0; i != 3; ++i)
            atomic_store(&fleet->nodes[i].status, 503);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            client_t *client = client_create(gateway, t);
            for (size_t i = 0; i != 10; ++i) {
                char header[32];
                size_t before[3];
                for (size_t k = 0; k != 3; ++k)
                    before[k] = atomic_load(&fleet->nodes[k].num_served);
                snprintf(header, sizeof(header), "x-user: %zu", i);
                assert_int_equal(fleet_ask(client, "/", header), 3);
                for (size_t k = 0; k != 3; ++k)
                    assert_true(atomic_load(&fleet->nodes[k].num_served) - before[k] <= 1);
            }
            client_free(client);
        }
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

static void attempts_are_bounded_and_the_last_response_is_passed_on(void **state)
{
    for (unsigned attempts = 1; attempts <= 5; ++attempts) {
        char options[256], tries[16];
        snprintf(options, sizeof(options),
                 NOT_EJECTED
                 "    retries: { attempts: %u, on: [ 503 ], backoff: 1ms, max_backoff: 2ms, min_concurrent: 10 }\n",
                 attempts);
        snprintf(tries, sizeof(tries), "\"tries\":%u,", attempts);
        fleet_t *fleet = fleet_start(2);
        gateway_t *gateway = fleet_gateway(fleet, NULL, options);
        for (size_t i = 0; i != 2; ++i)
            atomic_store(&fleet->nodes[i].status, 503);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            size_t before = fleet_served(fleet);
            reply_t reply = fetch_path(gateway, t, "/");
            assert_int_equal(reply.status, 503);
            assert_true(strcmp(reply.body, "A") == 0 || strcmp(reply.body, "B") == 0); /* the endpoint's, not ours */
            assert_int_equal(fleet_served(fleet) - before, attempts);
            reply_free(&reply);
            char *line = process_wait_for(gateway->process, tries, (size_t)t + 1);
            assert_int_equal(strstr(line, "\"reason\":\"attempts_spent\"") != NULL, attempts > 1);
            assert_non_null(strstr(line, "\"upstream_status\":503"));
            free(line);
        }
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

/** One request that fails five times has one retry under way at a time. */
static void retries_that_are_over_are_no_longer_under_way(void **state)
{
    origin_t *origin = origin_start(origin_vanish, NULL);
    gateway_t *gateway =
        origin_gateway(origin->port, "    retries: { attempts: 5, on: [ empty_response ], backoff: 1ms, "
                                     "max_backoff: 1ms, budget: 0%, min_concurrent: 1 }\n");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        expect_status(gateway, t, "/", 502);
        assert_int_equal(atomic_load(&origin->num_requests), 5 * ((size_t)t + 1));
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void attempts_at_one_endpoint_are_bounded(void **state)
{
    origin_t *origin = origin_start(origin_vanish, NULL);
    gateway_t *gateway = origin_gateway(
        origin->port, "    retries: { attempts: 4, on: [ empty_response ], backoff: 10ms, max_backoff: 20ms }\n");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/");
        expect_reply(&reply, 502, "upstream_closed");
        reply_free(&reply);
        assert_int_equal(atomic_load(&origin->num_requests), 4 * ((size_t)t + 1));
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_client_that_leaves_during_the_back_off_ends_it(void **state)
{
    origin_t *origin = origin_start(origin_vanish, NULL);
    gateway_t *gateway = origin_gateway(
        origin->port, "    retries: { attempts: 2, on: [ empty_response ], backoff: 1h, max_backoff: 1h }\n");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        pending_t *pending = fetch_later(gateway, t, &(request_t){.path = "/"});
        origin_wait(&origin->num_closed, (size_t)t + 1);
        reply_t reply = pending_leave(pending);
        assert_int_equal(reply.status, 0);
        reply_free(&reply);
        free(process_wait_for(gateway->process, "\"reason\":\"client_closed\"", (size_t)t + 1));
    }
    assert_int_equal(atomic_load(&origin->num_requests), NUM_TRANSPORTS);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_route_has_retries_of_its_own(void **state)
{
    fleet_t *fleet = fleet_start(2);
    gateway_t *gateway =
        gateway_start(CONF_LISTEN "services:\n  pair:\n    endpoints: [ { url: \"http://127.0.0.1:%d\", weight: 256 }, "
                                  "{ url: \"http://127.0.0.1:%d\", weight: 1 } ]\n" NOT_EJECTED
                                  "    retries: { attempts: 2, on: [ 503 ] }\n"
                                  "routes:\n"
                                  "  - { path: /service, service: pair }\n"
                                  "  - { path: /once, service: pair, retries: { attempts: 1, on: [ 503 ] } }\n"
                                  "  - { path: /other, service: pair, retries: { on: [ 500 ] } }\n"
                                  "  - { path: /unsafe, service: pair, retries: { unsafe_on: [ 503 ] } }\n",
                      fleet->nodes[0].port, fleet->nodes[1].port);
    atomic_store(&fleet->nodes[0].status, 503);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        expect_status(gateway, t, "/service", 200);
        expect_status(gateway, t, "/once", 503);
        expect_status(gateway, t, "/other", 503);
        static const struct {
            const char *path;
            int status;
        } posts[] = {{"/service", 503}, {"/unsafe", 200}};
        for (size_t i = 0; i != 2; ++i) {
            reply_t reply = fetch(gateway, t, &(request_t){.path = posts[i].path, .method = "POST", .body = "x"});
            assert_int_equal(reply.status, posts[i].status);
            reply_free(&reply);
        }
    }
    gateway_stop(gateway);
    fleet_stop(fleet);
}

/* time ------------------------------------------------------------------------------------------------------------- */

static void a_try_has_a_time_of_its_own(void **state)
{
    origin_t *slow = origin_start(origin_hang, NULL), *good = origin_start(origin_reflect, NULL);
    gateway_t *gateway =
        pair_gateway(slow->port, good->port,
                     NOT_EJECTED "    timeouts: { response: 10m }\n"
                                 "    retries: { attempts: 2, on: [ response_timeout ], per_try_timeout: 800ms }\n");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        uint64_t start_ms = gw_clock_ms();
        expect_status(gateway, t, "/", 200);
        assert_true(gw_clock_ms() - start_ms >= 800);
        origin_wait(&slow->num_closed, 2 * (size_t)t + 1); /* nobody waits for it any more */
        reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .method = "POST", .body = "x"});
        expect_reply(&reply, 504, "response_timeout");
        reply_free(&reply);
        origin_wait(&slow->num_closed, 2 * (size_t)t + 2);
    }
    gateway_stop(gateway);
    origin_stop(slow);
    origin_stop(good);
}

/** Keeps the X-Request-Timeout-Ms of each request, in the order of their coming, and does not answer.  What is kept
 *  may be read when the origin has stopped. */
typedef struct times {
    atomic_size_t num;
    long values[64]; /* -1: the request has none */
} times_t;

static void note_time(origin_t *origin, int fd, size_t index)
{
    times_t *times = origin->arg;
    char *request = origin_read_request(origin, fd);
    if (request != NULL) {
        const char *field = strcasestr(request, "\r\nx-request-timeout-ms:");
        long value = field != NULL ? atol(field + 23) : -1;
        if (field != NULL && strcasestr(field + 2, "\r\nx-request-timeout-ms:") != NULL)
            value = -2; /* there are two */
        times->values[atomic_fetch_add(&times->num, 1)] = value;
        free(request);
    }
    origin_wait_for_close(fd);
}

static void all_tries_together_have_a_time_and_endpoints_are_told_what_is_left(void **state)
{
    struct {
        times_t times;
        origin_t *origin;
        gateway_t *gateway;
        pending_t *pending;
    } all[NUM_TRANSPORTS] = {0}; /* one for each way to the gateway, all at the same time */
    static const char *const headers[] = {"X-Request-Timeout-Ms: 50000", NULL}; /* anybody can say that */
    uint64_t start_ms = gw_clock_ms();
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        all[t].origin = origin_start(note_time, &all[t].times);
        all[t].gateway =
            origin_gateway(all[t].origin->port, NOT_EJECTED
                           "    timeouts: { total: 6s, response: 3500ms }\n"
                           "    retries: { attempts: 3, on: [ response_timeout ], backoff: 1ms, max_backoff: 1ms }\n");
        all[t].pending = fetch_later(all[t].gateway, t, &(request_t){.path = "/", .headers = headers});
    }
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = pending_wait(all[t].pending);
        expect_reply(&reply, 504, "total_timeout");
        assert_true(gw_clock_ms() - start_ms >= 6000);
        reply_free(&reply);
        char *line = process_wait_for(all[t].gateway->process, "\"reason\":\"total_timeout\"", 1);
        assert_non_null(strstr(line, "\"tries\":2"));
        free(line);
        gateway_stop(all[t].gateway);
        origin_stop(all[t].origin);
        assert_int_equal(atomic_load(&all[t].times.num), 2);
        assert_in_range(all[t].times.values[0], 3501, 6000);
        assert_in_range(all[t].times.values[1], 1, 2500);
    }
}

static void a_try_is_told_no_more_than_its_own_time(void **state)
{
    times_t times = {0};
    origin_t *origin = origin_start(note_time, &times);
    gateway_t *gateway =
        origin_gateway(origin->port, NOT_EJECTED "    timeouts: { total: 10s }\n"
                                                 "    retries: { attempts: 1, per_try_timeout: 1s }\n");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/");
        expect_reply(&reply, 504, "response_timeout");
        reply_free(&reply);
    }
    gateway_stop(gateway);
    origin_stop(origin);
    assert_int_equal(atomic_load(&times.num), NUM_TRANSPORTS);
    for (size_t i = 0; i != NUM_TRANSPORTS; ++i)
        assert_in_range(times.values[i], 1, 1000);
}

static void a_trusted_peer_says_how_much_time_it_has_left(void **state)
{
    static const struct {
        const char *about, *options, *header;
        long most; /* milliseconds; 0: none is set */
    } cases[] = {
        {"there is no other", "", "X-Request-Timeout-Ms: 400", 400},
        {"ours is longer", "    timeouts: { total: 20s }\n", "X-Request-Timeout-Ms: 400", 400},
        {"ours is shorter", "    timeouts: { total: 400ms }\n", "X-Request-Timeout-Ms: 20000", 400},
        {"it is no number", "    timeouts: { total: 400ms }\n", "X-Request-Timeout-Ms: 1e3", 400},
        {"nothing is left", "", "X-Request-Timeout-Ms: 0", 1},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        times_t times = {0};
        origin_t *origin = origin_start(note_time, &times);
        gateway_t *gateway =
            gateway_start(CONF_LISTEN "trusted_proxies: [ 127.0.0.1 ]\n"
                                      "services:\n  one:\n    endpoints: [ \"http://127.0.0.1:%d\" ]\n%s"
                                      "routes: [ { path: /, service: one } ]\n",
                          origin->port, cases[i].options);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            const char *const headers[] = {cases[i].header, NULL};
            uint64_t start_ms = gw_clock_ms();
            reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .headers = headers});
            if (reply.status != 504 || strstr(reply.body, "total_timeout") == NULL || gw_clock_ms() - start_ms > 10000)
                fail_msg("%s: %d '%s'", cases[i].about, reply.status, reply.body);
            reply_free(&reply);
        }
        gateway_stop(gateway);
        origin_stop(origin);
        for (size_t k = 0; k != atomic_load(&times.num); ++k) /* one whose time is over may not arrive at all */
            if (times.values[k] < 1 || times.values[k] > cases[i].most)
                fail_msg("%s: the endpoint was told %ld ms", cases[i].about, times.values[k]);
    }
}

static void waiting_in_line_counts_towards_the_total(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        origin_t *origin = origin_start(origin_hang, NULL);
        gateway_t *gateway = gateway_start(CONF_LISTEN "services:\n"
                                                       "  one:\n    endpoints: [ \"http://127.0.0.1:%d\" ]\n"
                                                       "    max_requests: 1\n    queue: { timeout: 10m }\n"
                                                       "    timeouts: { total: 300ms, response: 10m }\n" NOT_EJECTED
                                                       "routes: [ { path: /, service: one } ]\n",
                                           origin->port);
        pending_t *pendings[3];
        for (size_t i = 0; i != 3; ++i)
            pendings[i] = fetch_later(gateway, t, &(request_t){.path = "/"});
        for (size_t i = 0; i != 3; ++i) {
            reply_t reply = pending_wait(pendings[i]);
            expect_reply(&reply, 504, "total_timeout");
            reply_free(&reply);
        }
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

/* budget ----------------------------------------------------------------------------------------------------------- */

static void without_a_budget_nothing_is_tried_again(void **state)
{
    fleet_t *fleet = fleet_start(2);
    gateway_t *gateway =
        fleet_gateway(fleet, NULL, NOT_EJECTED "    retries: { on: [ 503 ], budget: 0%, min_concurrent: 0 }\n");
    for (size_t i = 0; i != 2; ++i)
        atomic_store(&fleet->nodes[i].status, 503);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        for (size_t i = 0; i != 5; ++i)
            expect_status(gateway, t, "/", 503);
    assert_int_equal(fleet_served(fleet), 5 * NUM_TRANSPORTS);
    char *line = process_wait_for(gateway->process, "\"reason\":\"budget_spent\"", 5 * NUM_TRANSPORTS);
    assert_non_null(strstr(line, "\"filter\":\"retries\",\"verdict\":\"refused\""));
    free(line);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void retries_keep_to_their_share(void **state)
{
    enum { num = 100 };
    fleet_t *fleet = fleet_start(2);
    gateway_t *gateway = fleet_gateway(
        fleet, NULL, NOT_EJECTED "    retries: { attempts: 2, on: [ 503 ], budget: 20%, min_concurrent: 0 }\n");
    for (size_t i = 0; i != 2; ++i)
        atomic_store(&fleet->nodes[i].status, 503);
    client_t *client = client_create(gateway, OVER_HTTP2);
    for (size_t i = 0; i != num; ++i) {
        reply_t reply = client_send(client, &(request_t){.path = "/"});
        assert_int_equal(reply.status, 503);
        reply_free(&reply);
    }
    client_free(client);
    size_t num_retries = fleet_served(fleet) - num;
    if (num_retries > num / 5 + 1)
        fail_msg("%zu retries", num_retries);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void some_retries_are_allowed_whatever_the_budget_says(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        fleet_t *fleet = fleet_start(2);
        node_t *bad = &fleet->nodes[0], *slow = &fleet->nodes[1];
        gateway_t *gateway =
            pair_gateway(bad->port, slow->port,
                         NOT_EJECTED "    retries: { attempts: 2, on: [ 503 ], budget: 0%, min_concurrent: 2 }\n");
        pending_t *pendings[6];
        size_t num_good = 0;
        atomic_store(&bad->status, 503);
        for (size_t i = 0; i != 4; ++i)
            expect_status(gateway, t, "/", 200);
        atomic_store(&slow->holds, true);
        for (size_t i = 0; i != 6; ++i)
            pendings[i] = fetch_later(gateway, t, &(request_t){.path = "/"});
        free(process_wait_for(gateway->process, "\"reason\":\"budget_spent\"", 4));
        origin_wait(&slow->num_held, 2);
        node_release(slow);
        for (size_t i = 0; i != 6; ++i) {
            reply_t reply = pending_wait(pendings[i]);
            num_good += reply.status == 200;
            reply_free(&reply);
        }
        assert_int_equal(num_good, 2);
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

/* bodies ----------------------------------------------------------------------------------------------------------- */

/** The body of a raw request, chunks put together, in place.  @return its length */
static size_t body_of(char *request, char **ret_body)
{
    char *at = strstr(request, "\r\n\r\n") + 4, *to = at;
    *ret_body = at;
    *(at - 2) = '\0';
    if (strcasestr(request, "\r\ntransfer-encoding: chunked") == NULL)
        return strlen(at);
    for (size_t size; (size = strtoul(at, &at, 16)) != 0; at += size + 2) {
        at += 2;
        memmove(to, at, size);
        to += size;
    }
    *to = '\0';
    return (size_t)(to - *ret_body);
}

/** Answers with the body of the request alone. */
static void reflect_body(origin_t *origin, int fd, size_t index)
{
    char *request, *body, head[128];
    while ((request = origin_read_request(origin, fd)) != NULL) {
        size_t len = body_of(request, &body);
        snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", len);
        bool is_good = origin_write(fd, head) && origin_write(fd, body);
        free(request);
        if (!is_good)
            return;
    }
}

static char *make_text(size_t size)
{
    char *text = malloc(size + 1);
    for (size_t i = 0; i != size; ++i)
        text[i] = (char)('a' + (i * 7 + i / 251) % 26);
    text[size] = '\0';
    return text;
}

static void a_body_is_sent_again_up_to_a_bound(void **state)
{
    static const origin_script_t bad_scripts[] = {origin_vanish, origin_refuse, origin_reset};
    static const size_t sizes[] = {1, 1000, 20000, 20001, 300000};
    enum { max_body = 20000 };
    for (size_t b = 0; b != 3; ++b) {
        origin_t *bad = origin_start(bad_scripts[b], NULL), *good = origin_start(reflect_body, NULL);
        gateway_t *gateway =
            pair_gateway(bad->port, good->port,
                         NOT_EJECTED "    retries: { attempts: 2, max_body: 20000, on: [ " EVERYTHING " ] }\n");
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
            for (size_t s = 0; s != sizeof(sizes) / sizeof(sizes[0]); ++s)
                for (int is_chunked = 0; is_chunked != 2; ++is_chunked) {
                    char *text = make_text(sizes[s]);
                    size_t at_bad = atomic_load(&bad->num_requests), at_good = atomic_load(&good->num_requests);
                    reply_t reply = fetch(gateway, t,
                                          &(request_t){.path = "/",
                                                       .method = "PUT",
                                                       .body = text,
                                                       .body_len = sizes[s],
                                                       .is_chunked = is_chunked && t != OVER_HTTP2});
                    bool is_again = atomic_load(&good->num_requests) != at_good;
                    /* HTTP/2 has the whole body anyway; it may do better */
                    if ((sizes[s] <= max_body && !is_again) || (sizes[s] > max_body && is_again && t != OVER_HTTP2))
                        fail_msg("%zu bytes over %s (%d): sent again: %d", sizes[s], transport_names[t], is_chunked,
                                 is_again);
                    if (is_again) {
                        assert_int_equal(reply.status, 200);
                        assert_int_equal(reply.body_len, sizes[s]);
                        assert_memory_equal(reply.body, text, sizes[s]);
                    } else {
                        assert_int_equal(reply.status, bad_scripts[b] == origin_refuse ? 503 : 502);
                    }
                    assert_int_equal(atomic_load(&bad->num_requests) - at_bad, 1);
                    reply_free(&reply);
                    free(text);
                }
        free(process_wait_for(gateway->process, "\"reason\":\"body_not_kept\"", 2));
        gateway_stop(gateway);
        origin_stop(bad);
        origin_stop(good);
    }
}

/** Answers as soon as the head is there. */
static void refuse_early(origin_t *origin, int fd, size_t index)
{
    char head[4096];
    recv(fd, head, sizeof(head), 0);
    atomic_fetch_add(&origin->num_requests, 1);
    origin_write(fd, "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno");
    origin_wait_for_close(fd);
}

static void a_body_is_sent_again_while_the_rest_of_it_is_still_coming(void **state)
{
    static const struct {
        const char *about, *first, *rest;
    } cases[] = {
        {"with a length", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nfirst ", "second"},
        {"in chunks", "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst \r\n",
         "6\r\nsecond\r\n0\r\n\r\n"},
        {"nothing at first", "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n", "first second"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        origin_t *bad = origin_start(refuse_early, NULL), *good = origin_start(reflect_body, NULL);
        gateway_t *gateway = pair_gateway(bad->port, good->port, NOT_EJECTED "    retries: { on: [ 503 ] }\n");
        int fd = raw_connect(gateway->ports[0]);
        raw_write(fd, cases[i].first, strlen(cases[i].first));
        origin_wait(&good->num_connections, 1); /* the first one has answered */
        raw_write(fd, cases[i].rest, strlen(cases[i].rest));
        char *reply = raw_read(fd, "first second", NULL);
        if (strncmp(reply, "HTTP/1.1 200 OK\r\n", 17) != 0 || strstr(reply, "\r\n\r\nfirst second") == NULL)
            fail_msg("%s: '%s'", cases[i].about, reply);
        free(reply);
        /* and the connection is in step */
        raw_write(fd, cases[i].first, strlen(cases[i].first));
        origin_wait(&bad->num_requests, 2);
        raw_write(fd, cases[i].rest, strlen(cases[i].rest));
        reply = raw_read(fd, "first second", NULL);
        assert_non_null(strstr(reply, "\r\n\r\nfirst second"));
        free(reply);
        close(fd);
        gateway_stop(gateway);
        origin_stop(bad);
        origin_stop(good);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idempotent_requests_are_tried_again_elsewhere_for_what_is_listed),
        cmocka_unit_test(nothing_is_tried_again_for_what_is_not_listed),
        cmocka_unit_test(a_post_that_an_endpoint_has_got_arrives_once),
        cmocka_unit_test(a_post_of_which_nothing_was_sent_is_tried_again),
        cmocka_unit_test(unsafe_on_tries_a_post_again),
        cmocka_unit_test(a_response_that_has_begun_is_not_tried_again),
        cmocka_unit_test(a_status_is_tried_again_on_kept_connections_too),
        cmocka_unit_test(each_try_goes_to_an_endpoint_that_was_not_tried),
        cmocka_unit_test(attempts_are_bounded_and_the_last_response_is_passed_on),
        cmocka_unit_test(retries_that_are_over_are_no_longer_under_way),
        cmocka_unit_test(attempts_at_one_endpoint_are_bounded),
        cmocka_unit_test(a_client_that_leaves_during_the_back_off_ends_it),
        cmocka_unit_test(a_route_has_retries_of_its_own),
        cmocka_unit_test(a_try_has_a_time_of_its_own),
        cmocka_unit_test(all_tries_together_have_a_time_and_endpoints_are_told_what_is_left),
        cmocka_unit_test(a_try_is_told_no_more_than_its_own_time),
        cmocka_unit_test(a_trusted_peer_says_how_much_time_it_has_left),
        cmocka_unit_test(waiting_in_line_counts_towards_the_total),
        cmocka_unit_test(without_a_budget_nothing_is_tried_again),
        cmocka_unit_test(retries_keep_to_their_share),
        cmocka_unit_test(some_retries_are_allowed_whatever_the_budget_says),
        cmocka_unit_test(a_body_is_sent_again_up_to_a_bound),
        cmocka_unit_test(a_body_is_sent_again_while_the_rest_of_it_is_still_coming),
    };
    return cmocka_run_group_tests_name("retries", tests, NULL, NULL);
}
