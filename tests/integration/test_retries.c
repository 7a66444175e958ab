/* SPDX-License-Identifier: MIT
 * Requests that are tried again, and those that must not be: conditions, methods, bodies, timeouts, budgets, hedging,
 * and kept connections that die in the moment they are used. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/fleet.h"

#define NOT_EJECTED "    ejection: { consecutive_failures: 0 }\n"
#define EVERYTHING  "connect_failure, empty_response, reset, response_timeout, junk_response, 5xx"

static long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void assert_reply(const reply_t *reply, int status, const char *reason)
{
    char in_body[64];
    snprintf(in_body, sizeof(in_body), "\"reason\":\"%s\"", reason);
    if (reply->status != status || strstr(reply->body, in_body) == NULL)
        fail_msg("expected %d %s, got %d '%s' (%s)", status, reason, reply->status, reply->body,
                 curl_error(reply->error));
}

static void assert_status(gateway_t *gateway, transport_t transport, const char *path, int status)
{
    reply_t reply = fetch_path(gateway, transport, path);
    if (reply.status != status)
        fail_msg("expected %d, got %d '%s' (%s)", status, reply.status, reply.body, curl_error(reply.error));
    reply_free(&reply);
}

#define CONF_PAIR                                                                                                      \
    "services:\n  pair:\n    endpoints: [ { url: \"http://127.0.0.1:%d\", weight: 256 }, "                             \
    "{ url: \"http://127.0.0.1:%d\", weight: 1 } ]\n%s"                                                                \
    "routes: [ { path: /, service: pair } ]\n"

/** A gateway with two endpoints, of which the first one gets the first hundred requests. */
static gateway_t *start_pair(int first, int second, const char *options)
{
    return gateway_start(CONF_LISTEN CONF_PAIR, first, second, options);
}

static gateway_t *start_one(int port, const char *options)
{
    return gateway_start(CONF_LISTEN "services:\n  one:\n    endpoints: [ \"http://127.0.0.1:%d\" ]\n%s"
                                     "routes: [ { path: /, service: one } ]\n",
                         port, options);
}

/* ways to fail ----------------------------------------------------------------------------------------------------- */

static void hang(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_wait_for_close(fd);
}

static void vanish(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
}

static void reset(origin_t *origin, int fd, size_t index)
{
    static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    free(origin_read_request(origin, fd));
    connect(fd, &nobody, sizeof(nobody)); /* ends a TCP connection with a reset */
}

static void break_off(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Le");
}

static void truncate_body(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of");
}

static void talk_junk(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_write(fd, "220 mail.example ESMTP\r\n\r\n");
}

/** Answers everything with a status that has a body and leaves the connection open. */
static void refuse(origin_t *origin, int fd, size_t index)
{
    char *request;
    while ((request = origin_read_request(origin, fd)) != NULL) {
        bool is_head = strncmp(request, "HEAD ", 5) == 0;
        free(request);
        if (!origin_write(fd, is_head ? "HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\n"
                                      : "HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\nfind me! "))
            return;
    }
}

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
    {"closed", vanish, "empty_response", "connect_failure, reset, response_timeout, junk_response, 5xx", 502,
     "upstream_closed"},
    {"reset", reset, "reset", "connect_failure, empty_response, response_timeout, junk_response, 5xx", 502,
     "upstream_reset"},
    {"half a head", break_off, "reset", "connect_failure, empty_response, response_timeout, junk_response, 5xx", 502,
     "upstream_closed"},
    {"no answer", hang, "response_timeout", "connect_failure, empty_response, reset, junk_response, 5xx", 504,
     "response_timeout"},
    {"no HTTP", talk_junk, "junk_response", "connect_failure, empty_response, reset, response_timeout, 5xx", 502,
     "upstream_malformed"},
    {"a status", refuse, "503", "connect_failure, empty_response, reset, response_timeout, 500-502, 504-599", 503, ""},
    {"one of a range", refuse, "500-504", "junk_response, 4xx", 503, ""},
    {"one of a class", refuse, "5xx", "junk_response, 505-599", 503, ""},
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
    snprintf(options, sizeof(options), NOT_EJECTED "    timeouts: { response: 200ms }\n    retries: { %s: [ %s ] }\n",
             retries, conditions);
    pair.gateway = start_pair(port, pair.good->port, options);
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

static void idempotent_requests_are_tried_again_elsewhere_for_what_is_listed(void **state)
{
    for (size_t w = 0; w != NUM_WAYS; ++w) {
        pair_t pair = start_way(&ways[w], "on", ways[w].on);
        size_t num = 0;
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
            for (size_t m = 0; m != NUM_IDEMPOTENT; ++m) {
                reply_t reply =
                    fetch(pair.gateway, t,
                          &(request_t){.path = "/", .method = idempotent[m].name, .body = idempotent[m].body});
                if (reply.status != 200)
                    fail_msg("%s, %s over %s: %d '%s' (%s)", ways[w].about, idempotent[m].name, transport_names[t],
                             reply.status, reply.body, curl_error(reply.error));
                if (idempotent[m].body != NULL)
                    assert_non_null(strstr(reply.body, "\r\n\r\nwhole"));
                reply_free(&reply);
                ++num;
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
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = fetch_path(pair.gateway, t, "/");
            if (reply.status != ways[w].status || strstr(reply.body, ways[w].reason) == NULL)
                fail_msg("%s over %s: %d '%s'", ways[w].about, transport_names[t], reply.status, reply.body);
            reply_free(&reply);
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
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
            for (size_t m = 0; m != 3; ++m) {
                reply_t reply =
                    fetch(pair.gateway, t, &(request_t){.path = "/", .method = methods[m], .body = "pay 5"});
                if (reply.status != ways[w].status || strstr(reply.body, ways[w].reason) == NULL)
                    fail_msg("%s, %s over %s: %d '%s'", ways[w].about, methods[m], transport_names[t], reply.status,
                             reply.body);
                reply_free(&reply);
                assert_int_equal(atomic_load(&pair.bad->num_requests), ++num);
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
    static const way_t way = {"half a body", truncate_body, EVERYTHING, "", 200, ""};
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
    origin_t *origin = origin_start(vanish, NULL);
    gateway_t *gateway = start_one(origin->port, "    retries: { attempts: 5, on: [ empty_response ], backoff: 1ms, "
                                                 "max_backoff: 1ms, budget: 0%, min_concurrent: 1 }\n");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        assert_status(gateway, t, "/", 502);
        assert_int_equal(atomic_load(&origin->num_requests), 5 * ((size_t)t + 1));
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void attempts_at_one_endpoint_are_bounded(void **state)
{
    origin_t *origin = origin_start(vanish, NULL);
    gateway_t *gateway = start_one(
        origin->port, "    retries: { attempts: 4, on: [ empty_response ], backoff: 10ms, max_backoff: 20ms }\n");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/");
        assert_reply(&reply, 502, "upstream_closed");
        reply_free(&reply);
        assert_int_equal(atomic_load(&origin->num_requests), 4 * ((size_t)t + 1));
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_client_that_leaves_during_the_back_off_ends_it(void **state)
{
    origin_t *origin = origin_start(vanish, NULL);
    gateway_t *gateway =
        start_one(origin->port, "    retries: { attempts: 2, on: [ empty_response ], backoff: 1h, max_backoff: 1h }\n");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .timeout_ms = 1000});
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
        assert_status(gateway, t, "/service", 200);
        assert_status(gateway, t, "/once", 503);
        assert_status(gateway, t, "/other", 503);
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
    origin_t *slow = origin_start(hang, NULL), *good = origin_start(origin_reflect, NULL);
    gateway_t *gateway =
        start_pair(slow->port, good->port,
                   NOT_EJECTED "    timeouts: { response: 10m }\n"
                               "    retries: { attempts: 2, on: [ response_timeout ], per_try_timeout: 150ms }\n");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        long start_ms = now_ms();
        assert_status(gateway, t, "/", 200);
        assert_true(now_ms() - start_ms >= 150);
        origin_wait(&slow->num_closed, 2 * (size_t)t + 1); /* nobody waits for it any more */
        reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .method = "POST", .body = "x"});
        assert_reply(&reply, 504, "response_timeout");
        reply_free(&reply);
        origin_wait(&slow->num_closed, 2 * (size_t)t + 2);
    }
    gateway_stop(gateway);
    origin_stop(slow);
    origin_stop(good);
}

/** Keeps the X-Request-Timeout-Ms of each request, in the order of their coming, and does not answer. */
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
        times->values[index] = field != NULL ? atol(field + 23) : -1;
        if (field != NULL && strcasestr(field + 2, "\r\nx-request-timeout-ms:") != NULL)
            times->values[index] = -2; /* there are two */
        atomic_fetch_add(&times->num, 1);
        free(request);
    }
    origin_wait_for_close(fd);
}

static void all_tries_together_have_a_time_and_endpoints_are_told_what_is_left(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        times_t times = {0};
        origin_t *origin = origin_start(note_time, &times);
        gateway_t *gateway =
            start_one(origin->port, NOT_EJECTED
                      "    timeouts: { total: 2s, response: 1200ms }\n"
                      "    retries: { attempts: 3, on: [ response_timeout ], backoff: 1ms, max_backoff: 1ms }\n");
        static const char *const headers[] = {"X-Request-Timeout-Ms: 5000", NULL}; /* anybody can say that */
        long start_ms = now_ms();
        reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .headers = headers});
        assert_reply(&reply, 504, "total_timeout");
        assert_true(now_ms() - start_ms >= 2000);
        reply_free(&reply);
        origin_wait(&origin->num_closed, 2);
        assert_int_equal(atomic_load(&times.num), 2);
        assert_true(times.values[0] > 1200 && times.values[0] <= 2000);
        assert_true(times.values[1] > 0 && times.values[1] <= 800);
        char *line = process_wait_for(gateway->process, "\"reason\":\"total_timeout\"", 1);
        assert_non_null(strstr(line, "\"tries\":2"));
        free(line);
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

static void a_try_is_told_no_more_than_its_own_time(void **state)
{
    times_t times = {0};
    origin_t *origin = origin_start(note_time, &times);
    gateway_t *gateway = start_one(origin->port, NOT_EJECTED "    timeouts: { total: 10s }\n"
                                                             "    retries: { attempts: 1, per_try_timeout: 300ms }\n");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/");
        assert_reply(&reply, 504, "response_timeout");
        reply_free(&reply);
        assert_true(times.values[t] > 0 && times.values[t] <= 300);
    }
    gateway_stop(gateway);
    origin_stop(origin);
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
            long start_ms = now_ms();
            size_t num = atomic_load(&times.num);
            reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .headers = headers});
            if (reply.status != 504 || strstr(reply.body, "total_timeout") == NULL || now_ms() - start_ms > 10000)
                fail_msg("%s: %d '%s'", cases[i].about, reply.status, reply.body);
            reply_free(&reply);
            if (atomic_load(&times.num) > num && (times.values[num] < 1 || times.values[num] > cases[i].most))
                fail_msg("%s: the endpoint was told %ld ms", cases[i].about, times.values[num]);
        }
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

static void waiting_in_line_counts_towards_the_total(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        origin_t *origin = origin_start(hang, NULL);
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
            assert_reply(&reply, 504, "total_timeout");
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
            assert_status(gateway, t, "/", 503);
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
            start_pair(bad->port, slow->port,
                       NOT_EJECTED "    retries: { attempts: 2, on: [ 503 ], budget: 0%, min_concurrent: 2 }\n");
        pending_t *pendings[6];
        size_t num_good = 0;
        atomic_store(&bad->status, 503);
        for (size_t i = 0; i != 4; ++i)
            assert_status(gateway, t, "/", 200);
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
    static const origin_script_t bad_scripts[] = {vanish, refuse, reset};
    static const size_t sizes[] = {1, 1000, 20000, 20001, 300000};
    enum { max_body = 20000 };
    for (size_t b = 0; b != 3; ++b) {
        origin_t *bad = origin_start(bad_scripts[b], NULL), *good = origin_start(reflect_body, NULL);
        gateway_t *gateway =
            start_pair(bad->port, good->port,
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
                        assert_int_equal(reply.status, bad_scripts[b] == refuse ? 503 : 502);
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
        gateway_t *gateway = start_pair(bad->port, good->port, NOT_EJECTED "    retries: { on: [ 503 ] }\n");
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

/* hedging ---------------------------------------------------------------------------------------------------------- */

/** Answers the n-th request with its letter when *arg has reached n. */
typedef struct gate {
    atomic_size_t go;
    const char *answer;
} gate_t;

static void answer_when_told(origin_t *origin, int fd, size_t index)
{
    gate_t *gate = origin->arg;
    char *request = origin_read_request(origin, fd);
    if (request == NULL)
        return;
    free(request);
    origin_wait(&gate->go, index + 1);
    origin_write(fd, gate->answer);
    origin_wait_for_close(fd);
}

#define HEDGE NOT_EJECTED "    timeouts: { response: 10m }\n    retries: { attempts: 2, hedge_after: 60ms }\n"

static void a_slow_first_try_is_overtaken_by_a_second_one(void **state)
{
    static const char *const methods[] = {"GET", "HEAD", "OPTIONS"};
    origin_t *slow = origin_start(hang, NULL), *good = origin_start(origin_reflect, NULL);
    gateway_t *gateway = start_pair(slow->port, good->port, HEDGE);
    size_t num = 0;
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        for (size_t m = 0; m != 3; ++m) {
            reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .method = methods[m]});
            assert_int_equal(reply.status, 200);
            reply_free(&reply);
            ++num;
            assert_int_equal(atomic_load(&good->num_requests), num);
            origin_wait(&slow->num_closed, num); /* the loser is not waited for */
            char *line = process_wait_for(gateway->process, "\"verdict\":\"hedged\"", num);
            char endpoint[64];
            snprintf(endpoint, sizeof(endpoint), "\"endpoint\":\"http://127.0.0.1:%d\"", good->port);
            assert_non_null(strstr(line, endpoint));
            assert_non_null(strstr(line, "\"tries\":2"));
            free(line);
        }
    assert_int_equal(process_count(gateway->process, "is ejected"), 0);
    gateway_stop(gateway);
    origin_stop(slow);
    origin_stop(good);
}

static void the_first_try_may_still_win(void **state)
{
    gate_t gate = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"};
    origin_t *slow = origin_start(answer_when_told, &gate), *second = origin_start(hang, NULL);
    gateway_t *gateway = start_pair(slow->port, second->port, HEDGE);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        pending_t *pending = fetch_later(gateway, t, &(request_t){.path = "/"});
        origin_wait(&second->num_requests, (size_t)t + 1);
        atomic_store(&gate.go, SIZE_MAX);
        reply_t reply = pending_wait(pending);
        assert_string_equal(reply.body, "first");
        reply_free(&reply);
        origin_wait(&second->num_closed, (size_t)t + 1);
        /* the connection of the first one was kept, and its script takes one request only */
        origin_stop(slow);
        gateway_stop(gateway);
        atomic_store(&gate.go, 0);
        slow = origin_start(answer_when_told, &gate);
        gateway = start_pair(slow->port, second->port, HEDGE);
    }
    gateway_stop(gateway);
    origin_stop(slow);
    origin_stop(second);
}

static void when_the_second_try_fails_the_first_is_waited_for(void **state)
{
    static const origin_script_t scripts[] = {vanish, refuse, reset, talk_junk};
    for (size_t i = 0; i != 4; ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            gate_t gate = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"};
            origin_t *slow = origin_start(answer_when_told, &gate), *second = origin_start(scripts[i], NULL);
            gateway_t *gateway =
                start_pair(slow->port, second->port,
                           NOT_EJECTED "    timeouts: { response: 10m }\n"
                                       "    retries: { attempts: 2, on: [ 503 ], hedge_after: 60ms }\n");
            pending_t *pending = fetch_later(gateway, t, &(request_t){.path = "/"});
            origin_wait(&second->num_closed, 1);
            atomic_store(&gate.go, SIZE_MAX);
            reply_t reply = pending_wait(pending);
            assert_int_equal(reply.status, 200);
            assert_string_equal(reply.body, "first");
            reply_free(&reply);
            gateway_stop(gateway);
            origin_stop(slow);
            origin_stop(second);
        }
}

static void when_the_first_try_fails_the_second_is_waited_for(void **state)
{
    static const char *const answers[] = {"", "HTTP/1.1 503 No\r\nContent-Length: 3\r\n\r\nno!",
                                          "220 mail.example ESMTP\r\n\r\n"};
    for (size_t i = 0; i != 3; ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            gate_t first = {.answer = answers[i]},
                   gate = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"};
            origin_t *bad = origin_start(answer_when_told, &first), *second = origin_start(answer_when_told, &gate);
            gateway_t *gateway =
                start_pair(bad->port, second->port,
                           NOT_EJECTED "    timeouts: { response: 2s }\n"
                                       "    retries: { attempts: 2, on: [ 503 ], hedge_after: 60ms }\n");
            pending_t *pending = fetch_later(gateway, t, &(request_t){.path = "/"});
            origin_wait(&second->num_requests, 1);
            atomic_store(&first.go, SIZE_MAX);
            if (answers[i][0] != '\0')
                origin_wait(&bad->num_closed, 1);
            atomic_store(&gate.go, SIZE_MAX);
            reply_t reply = pending_wait(pending);
            assert_int_equal(reply.status, 200);
            assert_string_equal(reply.body, "second");
            reply_free(&reply);
            gateway_stop(gateway);
            origin_stop(bad);
            origin_stop(second);
        }
}

static void nothing_unsafe_or_unaffordable_is_hedged(void **state)
{
    static const struct {
        const char *about, *retries, *method, *body;
    } cases[] = {
        {"POST", "attempts: 2, hedge_after: 20ms", "POST", "x"},
        {"PUT", "attempts: 2, hedge_after: 20ms", "PUT", "x"},
        {"DELETE", "attempts: 2, hedge_after: 20ms", "DELETE", NULL},
        {"one attempt", "attempts: 1, hedge_after: 20ms", "GET", NULL},
        {"no budget", "attempts: 2, hedge_after: 20ms, budget: 0%, min_concurrent: 0", "GET", NULL},
        {"switched off", "attempts: 2, hedge_after: 0s", "GET", NULL},
        {"in time", "attempts: 2, hedge_after: 10m", "GET", NULL},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char options[512];
        snprintf(options, sizeof(options), NOT_EJECTED "    timeouts: { response: 250ms }\n    retries: { %s }\n",
                 cases[i].retries);
        origin_t *slow = origin_start(hang, NULL), *good = origin_start(origin_reflect, NULL);
        gateway_t *gateway = start_pair(slow->port, good->port, options);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply =
                fetch(gateway, t, &(request_t){.path = "/", .method = cases[i].method, .body = cases[i].body});
            if (reply.status != 504 || atomic_load(&good->num_requests) != 0)
                fail_msg("%s: %d", cases[i].about, reply.status);
            reply_free(&reply);
        }
        gateway_stop(gateway);
        origin_stop(slow);
        origin_stop(good);
    }
}

static void without_another_endpoint_nothing_is_hedged(void **state)
{
    gate_t gate = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nfirst"};
    origin_t *origin = origin_start(answer_when_told, &gate);
    gateway_t *gateway = start_one(
        origin->port, NOT_EJECTED "    timeouts: { response: 10m }\n    retries: { attempts: 3, hedge_after: 10ms }\n");
    pending_t *pendings[NUM_TRANSPORTS];
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        pendings[t] = fetch_later(gateway, t, &(request_t){.path = "/"});
        origin_wait(&origin->num_requests, (size_t)t + 1);
    }
    reply_t reply = fetch(gateway, OVER_HTTP1, &(request_t){.path = "/", .timeout_ms = 200}); /* time passes */
    reply_free(&reply);
    atomic_store(&gate.go, SIZE_MAX);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply = pending_wait(pendings[t]);
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
    }
    assert_int_equal(atomic_load(&origin->num_requests), NUM_TRANSPORTS + 1);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_client_that_leaves_ends_both_tries(void **state)
{
    origin_t *slow = origin_start(hang, NULL), *second = origin_start(hang, NULL);
    gateway_t *gateway = start_pair(slow->port, second->port, HEDGE);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .timeout_ms = 2000});
        assert_int_equal(reply.status, 0);
        reply_free(&reply);
        origin_wait(&slow->num_closed, (size_t)t + 1);
        origin_wait(&second->num_closed, (size_t)t + 1);
        free(process_wait_for(gateway->process, "\"reason\":\"client_closed\"", (size_t)t + 1));
    }
    gateway_stop(gateway);
    origin_stop(slow);
    origin_stop(second);
}

/* kept connections ------------------------------------------------------------------------------------------------- */

/** The first connection answers one request and is closed when *arg says so; the others reflect. */
static void close_when_told(origin_t *origin, int fd, size_t index)
{
    if (index != 0) {
        origin_reflect(origin, fd, index);
        return;
    }
    free(origin_read_request(origin, fd));
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    origin_wait(origin->arg, 1);
}

static void wait_until_stopped(const process_t *process)
{
    char path[64], line[512], mark;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)process_pid(process));
    for (long start_ms = now_ms(); now_ms() - start_ms < DEADLINE_MS;) {
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        bool is_stopped =
            fgets(line, sizeof(line), file) != NULL && sscanf(strrchr(line, ')'), ") %c", &mark) == 1 && mark == 'T';
        fclose(file);
        if (is_stopped)
            return;
    }
    fail_msg("the gateway does not stop");
}

/** Waits until the kernel has bytes for the gateway on one of its connections at this port. */
static void wait_until_sent(int port)
{
    for (long start_ms = now_ms(); now_ms() - start_ms < DEADLINE_MS;) {
        FILE *file = fopen("/proc/net/tcp", "r");
        assert_non_null(file);
        char line[512];
        bool is_sent = false;
        while (fgets(line, sizeof(line), file) != NULL) {
            unsigned local, status, queued;
            if (sscanf(line, " %*u: %*x:%x %*x:%*x %x %*x:%x", &local, &status, &queued) == 3 &&
                local == (unsigned)port && status == 1 && queued != 0)
                is_sent = true;
        }
        fclose(file);
        if (is_sent)
            return;
    }
    fail_msg("no request has come");
}

typedef struct later {
    client_t *client;
    request_t request;
    reply_t reply;
} later_t;

static void *send_on_kept(void *arg)
{
    later_t *later = arg;
    later->reply = client_send(later->client, &later->request);
    return NULL;
}

enum { NUM_FILLERS = 300 }; /* more than libh2o's loop takes from epoll at a time */

/** A request and, right after it, the end of the kept connection that it will be sent on: the gateway is halted
 *  meanwhile, so it sees both at once, and so many other events between them that it has dealt with the request before
 *  it hears of the end. */
static reply_t send_into_the_end(const char *options, transport_t transport, const request_t *request,
                                 size_t *ret_num_requests)
{
    atomic_size_t close_now = 0;
    origin_t *origin = origin_start(close_when_told, &close_now);
    gateway_t *gateway = gateway_start(CONF_LISTEN "services:\n  one:\n    endpoints: [ \"http://127.0.0.1:%d\" ]\n%s"
                                                   "routes: [ { path: /, host: 127.0.0.1, service: one } ]\n",
                                       origin->port, options);
    int fillers[NUM_FILLERS];
    static const char nowhere[] = "GET / HTTP/1.1\r\nHost: nowhere.example\r\n\r\n";
    for (size_t i = 0; i != NUM_FILLERS; ++i) {
        fillers[i] = raw_connect(gateway->ports[0]);
        raw_write(fillers[i], nowhere, sizeof(nowhere) - 1);
        free(raw_read(fillers[i], "\"request_id\"", NULL));
    }
    later_t later = {client_create(gateway, transport), *request, {0}};
    reply_t first = client_send(later.client, &(request_t){.path = "/"});
    assert_int_equal(first.status, 200);
    reply_free(&first);
    free(process_wait_for(gateway->process, "\"status\":200", 1));
    process_signal(gateway->process, SIGSTOP);
    wait_until_stopped(gateway->process);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, send_on_kept, &later), 0);
    wait_until_sent(gateway->ports[transport == OVER_HTTP1 ? 0 : 1]);
    for (size_t i = 0; i != NUM_FILLERS; ++i)
        raw_write(fillers[i], nowhere, sizeof(nowhere) - 1);
    atomic_store(&close_now, 1);
    origin_wait(&origin->num_closed, 1);
    process_signal(gateway->process, SIGCONT);
    pthread_join(thread, NULL);
    char *line = process_wait_for(gateway->process, "\"service\":\"one\"", 2);
    /* what must not be sent twice is not sent on a connection before its end was looked for; else this shows nothing */
    bool is_precious = request->method != NULL && strcmp(request->method, "POST") == 0;
    if (later.reply.status == 200 && strstr(line, is_precious ? "\"reused\":false" : "\"tries\":2") == NULL)
        fail_msg("the connection was %s: %s", is_precious ? "used" : "not used", line);
    free(line);
    for (size_t i = 0; i != NUM_FILLERS; ++i)
        close(fillers[i]);
    *ret_num_requests = atomic_load(&origin->num_requests);
    client_free(later.client);
    gateway_stop(gateway);
    origin_stop(origin);
    return later.reply;
}

typedef struct upload {
    const char *method, *body, *options;
} upload_t;

static void assert_the_end_never_shows(const upload_t *upload)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        size_t num_requests;
        reply_t reply =
            send_into_the_end(upload->options, t,
                              &(request_t){.path = "/", .method = upload->method, .body = upload->body}, &num_requests);
        if (reply.status != 200 || num_requests != 2)
            fail_msg("%s '%s' over %s%s: %d '%s', %zu requests", upload->method,
                     upload->body != NULL ? upload->body : "", transport_names[t], upload->options, reply.status,
                     reply.body, num_requests);
        assert_true(upload->body == NULL || strstr(reply.body, upload->body) != NULL);
        reply_free(&reply);
    }
}

static void a_kept_connection_closed_in_the_same_moment_never_shows(void **state)
{
    static const upload_t cases[] = {
        {"GET", NULL, ""},
        {"GET", NULL, "    retries: { attempts: 1, on: [] }\n"},
        {"GET", NULL, "    retries: { budget: 0%, min_concurrent: 0 }\n"},
        {"DELETE", NULL, ""},
        {"PUT", "whole", ""},
        {"POST", "", ""},
        {"POST", "whole", ""},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i)
        assert_the_end_never_shows(&cases[i]);
}

static void a_kept_connection_closed_under_a_body_never_shows_even_with_one_attempt(void **state)
{
    static const upload_t cases[] = {
        {"PUT", "whole", "    retries: { attempts: 1, on: [] }\n"},
        {"POST", "whole", "    retries: { attempts: 1, on: [] }\n"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i)
        assert_the_end_never_shows(&cases[i]);
}

static void read_then_vanish(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    free(origin_read_request(origin, fd));
}

static void a_post_that_arrived_on_a_kept_connection_is_not_sent_again(void **state)
{
    origin_t *origin = origin_start(read_then_vanish, NULL);
    gateway_t *gateway = start_one(origin->port, NOT_EJECTED "    retries: { on: [ " EVERYTHING " ] }\n");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        assert_status(gateway, t, "/", 200);
        size_t before = atomic_load(&origin->num_requests);
        reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .method = "POST", .body = "pay 5"});
        assert_reply(&reply, 502, "upstream_closed");
        reply_free(&reply);
        assert_int_equal(atomic_load(&origin->num_requests), before + 1);
    }
    gateway_stop(gateway);
    origin_stop(origin);
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
        cmocka_unit_test(a_slow_first_try_is_overtaken_by_a_second_one),
        cmocka_unit_test(the_first_try_may_still_win),
        cmocka_unit_test(when_the_second_try_fails_the_first_is_waited_for),
        cmocka_unit_test(when_the_first_try_fails_the_second_is_waited_for),
        cmocka_unit_test(nothing_unsafe_or_unaffordable_is_hedged),
        cmocka_unit_test(without_another_endpoint_nothing_is_hedged),
        cmocka_unit_test(a_client_that_leaves_ends_both_tries),
        cmocka_unit_test(a_kept_connection_closed_in_the_same_moment_never_shows),
        cmocka_unit_test(a_kept_connection_closed_under_a_body_never_shows_even_with_one_attempt),
        cmocka_unit_test(a_post_that_arrived_on_a_kept_connection_is_not_sent_again),
    };
    return cmocka_run_group_tests_name("retries", tests, NULL, NULL);
}
