/* SPDX-License-Identifier: MIT
 * Endpoints that are taken out of use and come back: by health checks, by what requests to them meet; and what is
 * answered when none is left. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/fleet.h"

#define OK_2(body) "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" body
#define QUICK_CHECKS                                                                                                   \
    "    health_check: { path: " CHECK_PATH ", period: 400ms, timeout: 350ms, jitter: 0%, unhealthy: 1, healthy: 1 "   \
    "}\n"

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

/** @return seconds */
static int retry_after(const reply_t *reply)
{
    char *value = reply_field(reply, "retry-after");
    assert_non_null(value);
    int seconds = atoi(value);
    free(value);
    return seconds;
}

static void assert_status(gateway_t *gateway, transport_t transport, const char *path, int status)
{
    reply_t reply = fetch_path(gateway, transport, path);
    if (reply.status != status)
        fail_msg("expected %d, got %d '%s' (%s)", status, reply.status, reply.body, curl_error(reply.error));
    reply_free(&reply);
}

/** One request, whatever is answered. */
static void ask(client_t *client)
{
    reply_t reply = client_send(client, &(request_t){.path = "/"});
    reply_free(&reply);
}

static void reload(gateway_t *gateway, size_t nth)
{
    process_signal(gateway->process, SIGHUP);
    free(process_wait_for(gateway->process, "reloaded: generation", nth));
}

/** A gateway with one service "origin" on "/". */
static gateway_t *start_one(int port, const char *options)
{
    return gateway_start(CONF_LISTEN "services:\n  origin:\n    endpoints: [ \"http://127.0.0.1:%d\" ]\n%s"
                                     "routes: [ { path: /, service: origin } ]\n",
                         port, options);
}

static void write_one(gateway_t *gateway, int port, const char *options)
{
    gateway_write_conf(gateway,
                       CONF_LISTEN "services:\n  origin:\n    endpoints: [ \"http://127.0.0.1:%d\" ]\n%s"
                                   "routes: [ { path: /, service: origin } ]\n",
                       port, options);
}

/* health checks ---------------------------------------------------------------------------------------------------- */

typedef struct check_script {
    const char *answer;    /* to checks, which ask for something that begins with /health; NULL: none */
    _Atomic(char *) first; /* the first check as it arrived */
} check_script_t;

static void answer_checks(origin_t *origin, int fd, size_t index)
{
    check_script_t *script = origin->arg;
    char *request;
    while ((request = origin_read_request(origin, fd)) != NULL) {
        const char *path = strchr(request, ' ');
        if (path == NULL || strncmp(path + 1, "/health", 7) != 0) {
            free(request);
            origin_write(fd, OK_2("ok"));
            continue;
        }
        char *none = NULL;
        if (!atomic_compare_exchange_strong(&script->first, &none, request))
            free(request);
        if (script->answer == NULL || !origin_write(fd, script->answer)) {
            origin_wait_for_close(fd);
            return;
        }
        if (strstr(script->answer, "Content-Length") == NULL)
            return;
    }
}

static void checks_tell_the_well_from_the_ill(void **state)
{
    static const struct {
        const char *about, *options, *answer;
        const char *cause;    /* why it is ill; NULL: it is well */
        const char *asked[3]; /* texts in the check */
    } cases[] = {
        {"a path is enough", "/health", OK_2("ok"), NULL, {"GET /health HTTP/1.1\r\n", "Host: 127.0.0.1:"}},
        {"it says who it is", "/health", OK_2("ok"), NULL, {"User-Agent: sluice-health-check\r\n"}},
        {"2xx is well", "/health", "HTTP/1.1 204 No Content\r\nX: Content-Length\r\n\r\n", NULL, {NULL}},
        {"a path with a query", "{ path: \"/health?deep=1\" }", OK_2("ok"), NULL, {"GET /health?deep=1 HTTP/1.1\r\n"}},
        {"a redirection is not followed",
         "/health",
         "HTTP/1.1 302 Found\r\nLocation: /health-elsewhere\r\nContent-Length: 0\r\n\r\n",
         "status 302",
         {NULL}},
        {"500", "/health", "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "status 500", {NULL}},
        {"one of the statuses",
         "{ path: /health, status: [ 200-299, 401 ] }",
         "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n",
         NULL,
         {NULL}},
        {"none of the statuses", "{ path: /health, status: [ 204, 3xx ] }", OK_2("ok"), "status 200", {NULL}},
        {"the text is there", "{ path: /health, body: ell }", "HTTP/1.1 200 OK\r\n\r\nall is well", NULL, {NULL}},
        {"the text is not there", "{ path: /health, body: well }", OK_2("no"), "the body lacks 'well'", {NULL}},
        {"there is no body",
         "{ path: /health, body: well }",
         "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
         "the body lacks 'well'",
         {NULL}},
        {"HEAD",
         "{ path: /health, method: HEAD }",
         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
         NULL,
         {"HEAD /health HTTP/1.1\r\n"}},
        {"OPTIONS", "{ path: /health, method: OPTIONS }", OK_2("ok"), NULL, {"OPTIONS /health HTTP/1.1\r\n"}},
        {"a host of its own",
         "{ path: /health, host: \"well.example:81\" }",
         OK_2("ok"),
         NULL,
         {"Host: well.example:81\r\n"}},
        {"no answer", "{ path: /health, timeout: 100ms }", NULL, "timed out", {NULL}},
        {"half a head",
         "{ path: /health, timeout: 100ms }",
         "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
         "timed out",
         {NULL}},
        {"not HTTP", "/health", "220 mail.example ESMTP\r\n", "", {NULL}},
        {"nothing at all", "/health", "", "", {NULL}},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        check_script_t script = {.answer = cases[i].answer};
        char options[256];
        snprintf(options, sizeof(options), "    health_check: %s\n", cases[i].options);
        origin_t *origin = origin_start(answer_checks, &script);
        gateway_t *gateway = start_one(origin->port, options);
        origin_wait(&origin->num_requests, 1);
        if (cases[i].cause != NULL) {
            char *line = process_wait_for(gateway->process, "endpoint http://127.0.0.1:", 1);
            if (strstr(line, "service origin: ") == NULL ||
                strstr(line, " is down: its health checks fail: ") == NULL || strstr(line, cases[i].cause) == NULL ||
                strrchr(line, ':')[1] == '\0')
                fail_msg("%s: %s", cases[i].about, line);
            free(line);
            free(process_wait_for(gateway->process,
                                  "service origin: no endpoint is usable: requests are answered with 503", 1));
        } else {
            origin_wait(&origin->num_closed, 1); /* the check is over */
        }
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = fetch_path(gateway, t, "/");
            if (reply.status != (cases[i].cause != NULL ? 503 : 200))
                fail_msg("%s: %d '%s'", cases[i].about, reply.status, reply.body);
            if (cases[i].cause != NULL) {
                assert_reply(&reply, 503, "no_usable_endpoint");
                assert_true(retry_after(&reply) >= 1);
            }
            reply_free(&reply);
        }
        if (cases[i].cause == NULL && process_count(gateway->process, "is down") != 0)
            fail_msg("%s: it was found ill", cases[i].about);
        for (size_t k = 0; k != 3 && cases[i].asked[k] != NULL; ++k)
            if (strstr(atomic_load(&script.first), cases[i].asked[k]) == NULL)
                fail_msg("%s: '%s' lacks '%s'", cases[i].about, atomic_load(&script.first), cases[i].asked[k]);
        gateway_stop(gateway);
        origin_stop(origin);
        free(atomic_load(&script.first));
    }
}

static void break_off(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Le");
}

static void a_check_whose_answer_breaks_off_within_its_head_is_bad(void **state)
{
    origin_t *origin = origin_start(break_off, NULL);
    gateway_t *gateway = start_one(origin->port, "    health_check: { path: /health, period: 50ms, timeout: 40ms }\n");
    free(process_wait_for(gateway->process, "is down: its health checks fail: ", 1));
    gateway_stop(gateway);
    origin_stop(origin);
}

static void answer_with_a_long_body(origin_t *origin, int fd, size_t index)
{
    size_t before = *(const size_t *)origin->arg;
    char *text = malloc(before + 1);
    memset(text, 'x', before);
    text[before] = '\0';
    free(origin_read_request(origin, fd));
    if (origin_write(fd, "HTTP/1.1 200 OK\r\n\r\n") && origin_write(fd, text) && origin_write(fd, "well"))
        origin_wait_for_close(fd);
    free(text);
}

static void a_check_looks_at_64_kib_of_the_body_and_no_further(void **state)
{
    static const size_t before[] = {65532, 65533, 10000000};
    for (size_t i = 0; i != sizeof(before) / sizeof(before[0]); ++i) {
        size_t arg = before[i];
        origin_t *origin = origin_start(answer_with_a_long_body, &arg);
        gateway_t *gateway = start_one(origin->port, "    health_check: { body: well, period: 10m, timeout: 5s }\n");
        origin_wait(&origin->num_closed, 1); /* it did not wait for more */
        if (i != 0)
            free(process_wait_for(gateway->process, "the body lacks 'well'", 1));
        else
            assert_int_equal(process_count(gateway->process, "is down"), 0);
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

static void say_nothing(origin_t *origin, int fd, size_t index)
{
    char byte;
    if (recv(fd, &byte, 1, 0) > 0)
        atomic_fetch_add(&origin->num_requests, 1); /* bytes of one, at least */
}

static void a_tcp_check_only_connects(void **state)
{
    origin_t *origin = origin_start(say_nothing, NULL);
    int port = origin->port;
    gateway_t *gateway =
        start_one(port, "    health_check: { tcp: true, period: 200ms, timeout: 150ms, unhealthy: 3 }\n");
    origin_wait(&origin->num_closed, 5);
    assert_int_equal(atomic_load(&origin->num_requests), 0);
    assert_int_equal(process_count(gateway->process, "is down"), 0);
    origin_stop(origin);
    char *line = process_wait_for(gateway->process, "is down: its health checks fail: ", 1);
    assert_true(strlen(strstr(line, "fail: ")) > strlen("fail: "));
    free(line);
    gateway_stop(gateway);
}

static void the_first_check_decides_and_later_ones_need_to_agree(void **state)
{
    fleet_t *fleet = fleet_start(2);
    node_t *node = &fleet->nodes[0];
    atomic_store(&node->check_status, 503);
    gateway_t *gateway = fleet_gateway(fleet, NULL,
                                       "    health_check: { path: " CHECK_PATH
                                       ", period: 300ms, timeout: 280ms, jitter: 0%, healthy: 3, unhealthy: 4 }\n");
    char *line = process_wait_for(gateway->process, "is down", 1);
    char url[128];
    snprintf(url, sizeof(url),
             "service fleet: endpoint http://127.0.0.1:%d is down: its health checks fail: status 503", node->port);
    assert_non_null(strstr(line, url));
    free(line);
    assert_int_equal(atomic_load(&node->num_bad_checks), 1);
    for (size_t i = 1; i <= 2; ++i) {
        size_t before = atomic_load(&node->num_good_checks);
        atomic_store(&node->check_status, 200);
        free(process_wait_for(gateway->process, "is up again: its health checks succeed", i));
        assert_int_equal(atomic_load(&node->num_good_checks) - before, 3);
        before = atomic_load(&node->num_bad_checks);
        atomic_store(&node->check_status, 500);
        free(process_wait_for(gateway->process, "is down", i + 1));
        assert_int_equal(atomic_load(&node->num_bad_checks) - before, 4);
    }
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        client_t *client = client_create(gateway, t);
        size_t counts[FLEET_MAX];
        fleet_count(client, 10, NULL, counts);
        assert_int_equal(counts[1], 10);
        client_free(client);
    }
    gateway_stop(gateway);
    fleet_stop(fleet);
}

/** Checks come on connections of their own: the index is the check's number. */
static void fail_two_of_three(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_write(fd, index % 3 == 0 ? OK_2("ok") : "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
}

static void a_bad_check_now_and_then_takes_nothing_out(void **state)
{
    origin_t *origin = origin_start(fail_two_of_three, NULL);
    gateway_t *gateway = start_one(
        origin->port, "    health_check: { path: /health, period: 300ms, timeout: 280ms, jitter: 0%, unhealthy: 3 }\n");
    origin_wait(&origin->num_closed, 10);
    assert_int_equal(process_count(gateway->process, "is down"), 0);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void until_the_initial_delay_is_over_an_endpoint_is_used_unchecked(void **state)
{
    fleet_t *fleet = fleet_start(2);
    for (size_t i = 0; i != fleet->num; ++i)
        atomic_store(&fleet->nodes[i].check_status, 500);
    static const char options[] =
        "    health_check: { path: " CHECK_PATH ", initial_delay: 1500ms, period: 10m, timeout: 5s }\n";
    fleet->num = 1;
    long start_ms = now_ms();
    gateway_t *gateway = fleet_gateway(fleet, NULL, options);
    if (now_ms() - start_ms < 1000) { /* else this machine is too slow to tell */
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
            assert_status(gateway, t, "/", 200);
        assert_int_equal(atomic_load(&fleet->nodes[0].num_bad_checks), 0);
    }
    free(process_wait_for(gateway->process, "is down", 1));
    assert_true(now_ms() - start_ms >= 1500);
    fleet->num = 2; /* the same for one that a reload adds */
    fleet_write_conf(gateway, fleet, NULL, options);
    start_ms = now_ms();
    reload(gateway, 1);
    free(process_wait_for(gateway->process, "is down", 2));
    assert_true(now_ms() - start_ms >= 1500);
    assert_int_equal(atomic_load(&fleet->nodes[0].num_bad_checks), 1);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void hang(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_wait_for_close(fd);
}

static void checks_go_on_after_one_that_took_its_whole_period(void **state)
{
    origin_t *origin = origin_start(hang, NULL);
    gateway_t *gateway =
        start_one(origin->port, "    health_check: { path: /health, period: 200ms, timeout: 200ms, jitter: 50% }\n");
    origin_wait(&origin->num_closed, 8);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_check_that_hangs_blocks_neither_a_reload_nor_the_end(void **state)
{
    origin_t *origin = origin_start(hang, NULL);
    gateway_t *gateway = start_one(origin->port, "    health_check: { path: /health, period: 1h, timeout: 1h }\n");
    origin_wait(&origin->num_requests, 1);
    long start_ms = now_ms();
    reload(gateway, 1);
    write_one(gateway, origin->port, "");
    reload(gateway, 2);
    gateway_stop(gateway);
    assert_true(now_ms() - start_ms < DEADLINE_MS / 2);
    origin_stop(origin);
}

static void a_reload_that_checks_more_often_counts_at_once(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = start_one(origin->port, "    health_check: { path: /health, period: 1h }\n");
    origin_wait(&origin->num_closed, 1);
    write_one(gateway, origin->port, "    health_check: { path: /health, period: 50ms, timeout: 50ms }\n");
    reload(gateway, 1);
    origin_wait(&origin->num_closed, 5);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void hang_at_first(origin_t *origin, int fd, size_t index)
{
    if (index == 0)
        hang(origin, fd, index);
    else
        origin_reflect(origin, fd, index);
}

static void a_reload_does_not_wait_for_a_check_that_hangs(void **state)
{
    origin_t *origin = origin_start(hang_at_first, NULL);
    gateway_t *gateway = start_one(origin->port, "    health_check: { path: /health, period: 1h, timeout: 1h }\n");
    origin_wait(&origin->num_requests, 1);
    write_one(gateway, origin->port, "    health_check: { path: /health, period: 50ms, timeout: 50ms }\n");
    reload(gateway, 1);
    origin_wait(&origin->num_closed, 3);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void checks_that_a_reload_switches_off_keep_nothing_down(void **state)
{
    fleet_t *fleet = fleet_start(1);
    atomic_store(&fleet->nodes[0].check_status, 500);
    gateway_t *gateway = fleet_gateway(fleet, NULL, QUICK_CHECKS);
    free(process_wait_for(gateway->process, "is down", 1));
    fleet_write_conf(gateway, fleet, NULL, "");
    reload(gateway, 1);
    free(process_wait_for(gateway->process, "is up again: its health checks were switched off", 1));
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        assert_status(gateway, t, "/", 200);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void an_endpoint_of_two_services_is_judged_for_each_of_them(void **state)
{
    fleet_t *fleet = fleet_start(1);
    atomic_store(&fleet->nodes[0].check_status, 500);
    gateway_t *gateway =
        gateway_start(CONF_LISTEN "services:\n"
                                  "  ill: { endpoints: [ \"http://127.0.0.1:%d\" ], health_check: %s }\n"
                                  "  well: { endpoints: [ \"http://127.0.0.1:%d\" ], health_check: / }\n"
                                  "routes:\n"
                                  "  - { path: /ill, service: ill }\n"
                                  "  - { path: /well, service: well }\n",
                      fleet->nodes[0].port, CHECK_PATH, fleet->nodes[0].port);
    free(process_wait_for(gateway->process, "service ill: endpoint", 1));
    fleet_wait_served(fleet, 1); /* the check of the other */
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        assert_status(gateway, t, "/ill", 503);
        assert_status(gateway, t, "/well", 200);
    }
    assert_int_equal(process_count(gateway->process, "service well: endpoint"), 0);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void an_endpoint_given_by_name_is_checked_at_its_address(void **state)
{
    static const struct {
        const char *host, *log;
    } cases[] = {{"localhost", NULL}, {"does-not-exist.invalid", "is down: its health checks fail: "}};
    for (size_t i = 0; i != 2; ++i) {
        origin_t *origin = origin_start(origin_reflect, NULL);
        gateway_t *gateway =
            gateway_start(CONF_LISTEN "services:\n  origin:\n    endpoints: [ \"http://%s:%d\" ]\n"
                                      "    health_check: { path: /health, period: 10m, timeout: 10s }\n"
                                      "routes: [ { path: /, service: origin } ]\n",
                          cases[i].host, origin->port);
        if (cases[i].log != NULL)
            free(process_wait_for(gateway->process, cases[i].log, 1));
        else
            origin_wait(&origin->num_closed, 1);
        assert_status(gateway, OVER_HTTP1, "/", cases[i].log != NULL ? 503 : 200);
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

/* ejection --------------------------------------------------------------------------------------------------------- */

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

static void vanish(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
}

static void truncate_body(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
}

static void talk_junk(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_write(fd, "220 mail.example ESMTP\r\n\r\n");
}

static void refuse_badly(origin_t *origin, int fd, size_t index)
{
    char *request;
    while ((request = origin_read_request(origin, fd)) != NULL) {
        free(request);
        origin_write(fd, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
    }
}

static void refuse_busily(origin_t *origin, int fd, size_t index)
{
    char *request;
    while ((request = origin_read_request(origin, fd)) != NULL) {
        free(request);
        origin_write(fd, "HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n");
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
        {"no answer", hang, "response_timeout", "connect_failure, empty_response, reset, junk_response, 5xx", true},
        {"closed", vanish, "empty_response", "connect_failure, reset, response_timeout, junk_response, 5xx", true},
        {"half a head", break_off, "reset", "connect_failure, empty_response, response_timeout, junk_response, 5xx",
         true},
        {"no HTTP", talk_junk, "junk_response", "connect_failure, empty_response, reset, response_timeout, 5xx", true},
        {"503", refuse_busily, "\"503\"", "connect_failure, empty_response, reset, response_timeout, 500-502", false},
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
                                          "    timeouts: { response: 200ms }\n"
                                          "    retries: { attempts: 1 }\n"
                                          "routes: [ { path: /, service: origin } ]\n",
                              port, good->port, list);
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
        origin_t *bad = origin_start(truncate_body, NULL), *good = origin_start(origin_reflect, NULL);
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
        if (!origin_write(fd, fails ? "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n" : OK_2("ok")))
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
        "    max_requests: 1\n    queue: { size: 1, timeout: 200ms }\n"
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
        reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .timeout_ms = 1000});
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
        assert_status(gateway, t, "/", 200);
    }
    assert_int_equal(process_count(gateway->process, "is ejected"), 0);
    atomic_store(&node->status, 404); /* but what it says itself counts */
    assert_status(gateway, OVER_HTTP1, "/", 404);
    free(process_wait_for(gateway->process, "is ejected", 1));
    gateway_stop(gateway);
    fleet_stop(fleet);
}

/* no endpoint left ------------------------------------------------------------------------------------------------- */

static void fail_fast_answers_503_on_its_own_route(void **state)
{
    fleet_t *fleet = fleet_start(2);
    gateway_t *gateway = gateway_start(
        CONF_LISTEN
        "services:\n"
        "  dead:\n    endpoints: [ \"http://127.0.0.1:%d\" ]\n"
        "    ejection: { on: [ 502 ], consecutive_failures: 1, time: 100s, max_time: 100s, max_share: 100%% }\n"
        "  alive:\n    endpoints: [ \"http://127.0.0.1:%d\" ]\n"
        "routes:\n  - { path: /api/, service: dead, name: the-api }\n  - { path: /, service: alive }\n"
        "  - { path: /api/, host: other.example, service: alive }\n",
        fleet->nodes[0].port, fleet->nodes[1].port);
    atomic_store(&fleet->nodes[0].status, 502);
    assert_status(gateway, OVER_HTTP1, "/api/", 502);
    free(process_wait_for(gateway->process, "service dead: no endpoint is usable: requests are answered with 503", 1));
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        for (size_t i = 0; i != 3; ++i) {
            reply_t reply = fetch_path(gateway, t, "/api/x");
            assert_reply(&reply, 503, "no_usable_endpoint");
            char *type = reply_field(&reply, "content-type");
            assert_string_equal(type, "application/problem+json");
            free(type);
            int seconds = retry_after(&reply);
            if (seconds < 60 || seconds > 110)
                fail_msg("Retry-After: %d", seconds);
            reply_free(&reply);
        }
        assert_status(gateway, t, "/", 200);
    }
    char *line = process_wait_for(gateway->process, "\"reason\":\"no_usable_endpoint\"", 9);
    assert_non_null(strstr(line, "\"route\":\"the-api\""));
    assert_non_null(strstr(line, "\"service\":\"dead\""));
    assert_non_null(strstr(line, "\"status\":503"));
    free(line);
    assert_int_equal(atomic_load(&fleet->nodes[0].num_served), 1);
    assert_int_equal(atomic_load(&fleet->nodes[1].num_served), 3);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void try_anyway_uses_all_when_none_is_left(void **state)
{
    fleet_t *fleet = fleet_start(3);
    gateway_t *gateway = fleet_gateway(fleet, NULL, "    when_unhealthy: try_anyway\n" QUICK_CHECKS);
    for (size_t i = 0; i != 3; ++i) {
        atomic_store(&fleet->nodes[i].check_status, 500);
        free(process_wait_for(gateway->process, "is down", i + 1));
    }
    free(process_wait_for(gateway->process, "service fleet: no endpoint is usable: all of them are tried all the same",
                          1));
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        client_t *client = client_create(gateway, t);
        size_t counts[FLEET_MAX];
        fleet_count(client, 30, NULL, counts);
        for (size_t i = 0; i != 3; ++i)
            assert_int_equal(counts[i], 10);
        client_free(client);
    }
    atomic_store(&fleet->nodes[1].check_status, 200);
    free(process_wait_for(gateway->process, "is up again", 1));
    client_t *client = client_create(gateway, OVER_HTTP2);
    size_t counts[FLEET_MAX];
    fleet_count(client, 10, NULL, counts);
    assert_int_equal(counts[1], 10);
    client_free(client);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void below_the_panic_threshold_health_is_ignored(void **state)
{
    fleet_t *fleet = fleet_start(5);
    gateway_t *gateway =
        fleet_gateway(fleet, NULL, "    when_unhealthy: try_anyway\n    panic_threshold: 60%\n" QUICK_CHECKS);
    size_t counts[FLEET_MAX];
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        client_t *client = client_create(gateway, t);
        for (size_t i = 0; i != 3; ++i) {
            atomic_store(&fleet->nodes[i].check_status, 500);
            free(process_wait_for(gateway->process, "is down", 3 * (size_t)t + i + 1));
            if (i == 1) { /* three of five are left: that is enough */
                fleet_count(client, 30, NULL, counts);
                assert_int_equal(counts[0] + counts[1], 0);
            }
        }
        fleet_count(client, 30, NULL, counts); /* two are not */
        for (size_t i = 0; i != fleet->num; ++i)
            assert_int_equal(counts[i], 6);
        for (size_t i = 0; i != 3; ++i) {
            atomic_store(&fleet->nodes[i].check_status, 200);
            free(process_wait_for(gateway->process, "is up again", 3 * (size_t)t + i + 1));
        }
        client_free(client);
    }
    gateway_stop(gateway);
    fleet_stop(fleet);
}

/* reload ----------------------------------------------------------------------------------------------------------- */

static void an_ejection_survives_a_reload(void **state)
{
    static const char options[] = "    ejection: { on: [ 5xx ], consecutive_failures: 1, time: 10m, max_time: 10m }\n";
    fleet_t *fleet = fleet_start(3);
    gateway_t *gateway = fleet_gateway(fleet, NULL, options);
    atomic_store(&fleet->nodes[0].status, 503);
    assert_status(gateway, OVER_HTTP1, "/", 503);
    free(process_wait_for(gateway->process, "is ejected", 1));
    for (size_t i = 1; i <= 3; ++i) {
        fleet->num = i == 2 ? 2 : 3; /* with an endpoint less, and with it again */
        fleet_write_conf(gateway, fleet, NULL, options);
        reload(gateway, i);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
            for (size_t k = 0; k != 6; ++k)
                assert_status(gateway, t, "/", 200);
    }
    assert_int_equal(atomic_load(&fleet->nodes[0].num_served), 1);
    assert_int_equal(process_count(gateway->process, "is ejected"), 1);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void the_verdict_of_checks_survives_a_reload(void **state)
{
    static const char options[] = "    health_check: { path: " CHECK_PATH ", period: 10m, timeout: 5s }\n";
    fleet_t *fleet = fleet_start(2);
    atomic_store(&fleet->nodes[0].check_status, 500);
    gateway_t *gateway = fleet_gateway(fleet, NULL, options);
    free(process_wait_for(gateway->process, "is down", 1));
    for (size_t i = 1; i <= 3; ++i) {
        fleet_write_conf(gateway, fleet, NULL, options);
        reload(gateway, i);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
            for (size_t k = 0; k != 6; ++k)
                assert_status(gateway, t, "/", 200);
    }
    assert_int_equal(atomic_load(&fleet->nodes[0].num_served), 0);
    assert_int_equal(process_count(gateway->process, "is down"), 1);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void places_that_are_taken_stay_taken_over_a_reload(void **state)
{
    static const char options[] = "    max_requests: 1\n    queue: { size: 0 }\n";
    fleet_t *fleet = fleet_start(1);
    gateway_t *gateway = fleet_gateway(fleet, NULL, options);
    atomic_store(&fleet->nodes[0].holds, true);
    pending_t *pending = fetch_later(gateway, OVER_HTTP2, &(request_t){.path = "/"});
    origin_wait(&fleet->nodes[0].num_held, 1);
    for (size_t i = 1; i <= 3; ++i) {
        reload(gateway, i);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = fetch_path(gateway, t, "/");
            assert_reply(&reply, 503, "queue_full");
            reply_free(&reply);
        }
    }
    node_release(&fleet->nodes[0]);
    reply_t reply = pending_wait(pending);
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        assert_status(gateway, t, "/", 200);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checks_tell_the_well_from_the_ill),
        cmocka_unit_test(a_check_whose_answer_breaks_off_within_its_head_is_bad),
        cmocka_unit_test(a_check_looks_at_64_kib_of_the_body_and_no_further),
        cmocka_unit_test(a_tcp_check_only_connects),
        cmocka_unit_test(the_first_check_decides_and_later_ones_need_to_agree),
        cmocka_unit_test(a_bad_check_now_and_then_takes_nothing_out),
        cmocka_unit_test(until_the_initial_delay_is_over_an_endpoint_is_used_unchecked),
        cmocka_unit_test(checks_go_on_after_one_that_took_its_whole_period),
        cmocka_unit_test(a_check_that_hangs_blocks_neither_a_reload_nor_the_end),
        cmocka_unit_test(a_reload_that_checks_more_often_counts_at_once),
        cmocka_unit_test(a_reload_does_not_wait_for_a_check_that_hangs),
        cmocka_unit_test(checks_that_a_reload_switches_off_keep_nothing_down),
        cmocka_unit_test(an_endpoint_of_two_services_is_judged_for_each_of_them),
        cmocka_unit_test(an_endpoint_given_by_name_is_checked_at_its_address),
        cmocka_unit_test(failures_in_a_row_eject_and_time_readmits),
        cmocka_unit_test(while_it_is_ejected_an_endpoint_gets_nothing),
        cmocka_unit_test(what_counts_as_a_failure_is_configurable),
        cmocka_unit_test(an_endpoint_that_breaks_off_every_body_is_ejected),
        cmocka_unit_test(a_share_of_failures_ejects),
        cmocka_unit_test(no_more_than_a_share_of_the_endpoints_is_ejected),
        cmocka_unit_test(refusals_of_the_gateway_itself_eject_nobody),
        cmocka_unit_test(fail_fast_answers_503_on_its_own_route),
        cmocka_unit_test(try_anyway_uses_all_when_none_is_left),
        cmocka_unit_test(below_the_panic_threshold_health_is_ignored),
        cmocka_unit_test(an_ejection_survives_a_reload),
        cmocka_unit_test(the_verdict_of_checks_survives_a_reload),
        cmocka_unit_test(places_that_are_taken_stay_taken_over_a_reload),
    };
    return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
