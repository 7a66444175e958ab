/* SPDX-License-Identifier: MIT
 * Endpoints that are taken out of use by health checks and come back, what is answered when none is left, and what a
 * reload keeps of all that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>
#include "gateway/base/clock.h"
#include "tests/support/expect.h"
#include "tests/support/fleet.h"

#define OK_2(body) "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" body
#define QUICK_CHECKS                                                                                                   \
    "    health_check: { path: " CHECK_PATH ", period: 1500ms, timeout: 1500ms, jitter: 0%, unhealthy: 1, healthy: 1 " \
    "}\n"

/** @return seconds */
static int retry_after(const reply_t *reply)
{
    char *value = reply_field(reply, "retry-after");
    assert_non_null(value);
    int seconds = atoi(value);
    free(value);
    return seconds;
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
        gateway_t *gateway = origin_gateway(origin->port, options);
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
                expect_reply(&reply, 503, "no_usable_endpoint");
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

static void a_check_whose_answer_breaks_off_within_its_head_is_bad(void **state)
{
    origin_t *origin = origin_start(origin_break_off, NULL);
    gateway_t *gateway =
        origin_gateway(origin->port, "    health_check: { path: /health, period: 50ms, timeout: 40ms }\n");
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
        gateway_t *gateway =
            origin_gateway(origin->port, "    health_check: { body: well, period: 10m, timeout: 1m }\n");
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
        origin_gateway(port, "    health_check: { tcp: true, period: 600ms, timeout: 600ms, unhealthy: 3 }\n");
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
                                       ", period: 1s, timeout: 1s, jitter: 0%, healthy: 3, unhealthy: 4 }\n");
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
    gateway_t *gateway = origin_gateway(
        origin->port, "    health_check: { path: /health, period: 700ms, timeout: 700ms, jitter: 0%, unhealthy: 3 }\n");
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
        "    health_check: { path: " CHECK_PATH ", initial_delay: 3s, period: 10m, timeout: 1m }\n";
    fleet->num = 1;
    uint64_t start_ms = gw_clock_ms();
    gateway_t *gateway = fleet_gateway(fleet, NULL, options);
    reply_t replies[NUM_TRANSPORTS];
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        replies[t] = fetch_path(gateway, t, "/");
    size_t num_checks = atomic_load(&fleet->nodes[0].num_bad_checks);
    bool is_soon = gw_clock_ms() - start_ms < 3000; /* else this machine is too slow to tell */
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        assert_true(replies[t].status == 200 || !is_soon);
        reply_free(&replies[t]);
    }
    assert_true(num_checks == 0 || !is_soon);
    free(process_wait_for(gateway->process, "is down", 1));
    assert_true(gw_clock_ms() - start_ms >= 3000);
    fleet->num = 2; /* the same for one that a reload adds */
    fleet_write_conf(gateway, fleet, NULL, options);
    start_ms = gw_clock_ms();
    gateway_reload(gateway, 1);
    free(process_wait_for(gateway->process, "is down", 2));
    assert_true(gw_clock_ms() - start_ms >= 3000);
    assert_int_equal(atomic_load(&fleet->nodes[0].num_bad_checks), 1);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void checks_go_on_after_one_that_took_its_whole_period(void **state)
{
    origin_t *origin = origin_start(origin_hang, NULL);
    gateway_t *gateway = origin_gateway(
        origin->port, "    health_check: { path: /health, period: 200ms, timeout: 200ms, jitter: 50% }\n");
    origin_wait(&origin->num_closed, 8);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_check_that_hangs_blocks_neither_a_reload_nor_the_end(void **state)
{
    origin_t *origin = origin_start(origin_hang, NULL);
    gateway_t *gateway = origin_gateway(origin->port, "    health_check: { path: /health, period: 1h, timeout: 1h }\n");
    origin_wait(&origin->num_requests, 1);
    uint64_t start_ms = gw_clock_ms();
    gateway_reload(gateway, 1);
    origin_write_conf(gateway, origin->port, "");
    gateway_reload(gateway, 2);
    gateway_stop(gateway);
    assert_true(gw_clock_ms() - start_ms < DEADLINE_MS / 2);
    origin_stop(origin);
}

static void a_reload_that_checks_more_often_counts_at_once(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = origin_gateway(origin->port, "    health_check: { path: /health, period: 1h }\n");
    origin_wait(&origin->num_closed, 1);
    origin_write_conf(gateway, origin->port, "    health_check: { path: /health, period: 50ms, timeout: 50ms }\n");
    gateway_reload(gateway, 1);
    origin_wait(&origin->num_closed, 5);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void hang_at_first(origin_t *origin, int fd, size_t index)
{
    if (index == 0)
        origin_hang(origin, fd, index);
    else
        origin_reflect(origin, fd, index);
}

static void a_reload_does_not_wait_for_a_check_that_hangs(void **state)
{
    origin_t *origin = origin_start(hang_at_first, NULL);
    gateway_t *gateway = origin_gateway(origin->port, "    health_check: { path: /health, period: 1h, timeout: 1h }\n");
    origin_wait(&origin->num_requests, 1);
    origin_write_conf(gateway, origin->port, "    health_check: { path: /health, period: 50ms, timeout: 50ms }\n");
    gateway_reload(gateway, 1);
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
    gateway_reload(gateway, 1);
    free(process_wait_for(gateway->process, "is up again: its health checks were switched off", 1));
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        expect_status(gateway, t, "/", 200);
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
        expect_status(gateway, t, "/ill", 503);
        expect_status(gateway, t, "/well", 200);
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
        expect_status(gateway, OVER_HTTP1, "/", cases[i].log != NULL ? 503 : 200);
        gateway_stop(gateway);
        origin_stop(origin);
    }
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
    expect_status(gateway, OVER_HTTP1, "/api/", 502);
    free(process_wait_for(gateway->process, "service dead: no endpoint is usable: requests are answered with 503", 1));
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        for (size_t i = 0; i != 3; ++i) {
            reply_t reply = fetch_path(gateway, t, "/api/x");
            expect_reply(&reply, 503, "no_usable_endpoint");
            char *type = reply_field(&reply, "content-type");
            assert_string_equal(type, "application/problem+json");
            free(type);
            int seconds = retry_after(&reply);
            if (seconds < 60 || seconds > 110)
                fail_msg("Retry-After: %d", seconds);
            reply_free(&reply);
        }
        expect_status(gateway, t, "/", 200);
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
    for (size_t i = 0; i != 3; ++i)
        atomic_store(&fleet->nodes[i].check_status, 500);
    free(process_wait_for(gateway->process, "is down", 3));
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
        atomic_store(&fleet->nodes[0].check_status, 500);
        atomic_store(&fleet->nodes[1].check_status, 500);
        free(process_wait_for(gateway->process, "is down", 3 * (size_t)t + 2));
        fleet_count(client, 30, NULL, counts); /* three of five are left: that is enough */
        assert_int_equal(counts[0] + counts[1], 0);
        atomic_store(&fleet->nodes[2].check_status, 500);
        free(process_wait_for(gateway->process, "is down", 3 * (size_t)t + 3));
        fleet_count(client, 30, NULL, counts); /* two are not */
        for (size_t i = 0; i != fleet->num; ++i)
            assert_int_equal(counts[i], 6);
        for (size_t i = 0; i != 3; ++i)
            atomic_store(&fleet->nodes[i].check_status, 200);
        free(process_wait_for(gateway->process, "is up again", 3 * ((size_t)t + 1)));
        client_free(client);
    }
    gateway_stop(gateway);
    fleet_stop(fleet);
}

/* reload ----------------------------------------------------------------------------------------------------------- */

static void the_verdict_of_checks_survives_a_reload(void **state)
{
    static const char options[] = "    health_check: { path: " CHECK_PATH ", period: 10m, timeout: 5s }\n";
    fleet_t *fleet = fleet_start(2);
    atomic_store(&fleet->nodes[0].check_status, 500);
    gateway_t *gateway = fleet_gateway(fleet, NULL, options);
    free(process_wait_for(gateway->process, "is down", 1));
    for (size_t i = 1; i <= 3; ++i) {
        fleet_write_conf(gateway, fleet, NULL, options);
        gateway_reload(gateway, i);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
            for (size_t k = 0; k != 6; ++k)
                expect_status(gateway, t, "/", 200);
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
        gateway_reload(gateway, i);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = fetch_path(gateway, t, "/");
            expect_reply(&reply, 503, "queue_full");
            reply_free(&reply);
        }
    }
    node_release(&fleet->nodes[0]);
    reply_t reply = pending_wait(pending);
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        expect_status(gateway, t, "/", 200);
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
        cmocka_unit_test(fail_fast_answers_503_on_its_own_route),
        cmocka_unit_test(try_anyway_uses_all_when_none_is_left),
        cmocka_unit_test(below_the_panic_threshold_health_is_ignored),
        cmocka_unit_test(the_verdict_of_checks_survives_a_reload),
        cmocka_unit_test(places_that_are_taken_stay_taken_over_a_reload),
    };
    return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
