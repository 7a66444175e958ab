/* SPDX-License-Identifier: MIT
 * Endpoints that refuse, hang, stall and vanish, connections that are kept and reused, clients that leave. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

#define CONF_ORIGIN CONF_LISTEN "services:\n  origin:\n    endpoints: [ \"http://127.0.0.1:%d\" ]\n"
#define ROUTES      "routes: [ { path: /, service: origin } ]\n"

/** A port on which nobody listens. */
static int closed_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    getsockname(fd, (struct sockaddr *)&address, &len);
    close(fd);
    return ntohs(address.sin_port);
}

static void connections_to_an_endpoint_are_kept_and_reused(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN ROUTES, origin->port);
    for (int i = 0; i != 20; ++i) {
        reply_t reply = fetch(gateway, (transport_t)(i % NUM_TRANSPORTS),
                              &(request_t){.path = "/", .method = "POST", .body = "a body"});
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
    }
    assert_int_equal(atomic_load(&origin->num_requests), 20);
    assert_int_equal(atomic_load(&origin->num_connections), 1);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_pool_of_size_zero_keeps_nothing(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN "    pool: { size: 0 }\n" ROUTES, origin->port);
    for (int i = 0; i != 5; ++i) {
        reply_t reply = fetch_path(gateway, OVER_HTTP1, "/");
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
    }
    assert_int_equal(atomic_load(&origin->num_connections), 5);
    gateway_stop(gateway);
    origin_stop(origin);
}

/** One answer on each connection, which is closed without a word when the next request comes. */
static void answer_once_then_vanish(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    char byte;
    while (recv(fd, &byte, 1, MSG_PEEK) == 1) { /* the next request has come: a race that a closing server loses */
        struct linger reset = {1, 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        return;
    }
}

static void a_kept_connection_that_dies_at_the_next_request_never_shows(void **state)
{
    origin_t *origin = origin_start(answer_once_then_vanish, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN ROUTES, origin->port);
    for (int i = 0; i != 9; ++i) {
        reply_t reply = fetch_path(gateway, (transport_t)(i % NUM_TRANSPORTS), "/");
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void an_endpoint_that_refuses_is_skipped_for_the_next(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF_LISTEN "services:\n  origin:\n    endpoints: [ \"http://127.0.0.1:%d\", "
                                                   "\"http://127.0.0.1:%d\" ]\n" ROUTES,
                                       closed_port(), origin->port);
    for (int i = 0; i != 12; ++i) {
        reply_t reply = fetch(gateway, (transport_t)(i % NUM_TRANSPORTS),
                              &(request_t){.path = "/", .method = "POST", .body = "never sent twice"});
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
    }
    assert_int_equal(atomic_load(&origin->num_requests), 12);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void endpoints_take_turns(void **state)
{
    origin_t *one = origin_start(origin_reflect, NULL), *two = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF_LISTEN "services:\n  origin:\n    endpoints: [ \"http://127.0.0.1:%d\", "
                                                   "\"http://127.0.0.1:%d\" ]\n" ROUTES,
                                       one->port, two->port);
    for (int i = 0; i != 10; ++i) {
        reply_t reply = fetch_path(gateway, OVER_HTTP1, "/");
        reply_free(&reply);
    }
    assert_int_equal(atomic_load(&one->num_requests), 5);
    assert_int_equal(atomic_load(&two->num_requests), 5);
    gateway_stop(gateway);
    origin_stop(one);
    origin_stop(two);
}

static void answer_never(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_wait_for_close(fd);
}

static void stall_in_the_body(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of");
    origin_wait_for_close(fd);
}

static void every_failure_ends_in_its_own_reason(void **state)
{
    static const struct {
        const char *about;
        origin_script_t script; /* NULL: nobody listens */
        const char *host;       /* NULL: 127.0.0.1 */
        int status;
        const char *reason;
    } cases[] = {
        {"nobody listens", NULL, NULL, 502, "connect_refused"},
        {"the name does not exist", NULL, "does-not-exist.invalid", 502, "name_not_resolved"},
        {"no answer", answer_never, NULL, 504, "response_timeout"},
        {"half an answer", stall_in_the_body, NULL, 200, "upstream_stalled"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        origin_t *origin = cases[i].script != NULL ? origin_start(cases[i].script, NULL) : NULL;
        gateway_t *gateway = gateway_start(
            CONF_LISTEN "services:\n  origin:\n    endpoints: [ \"http://%s:%d\" ]\n"
                        "    timeouts: { connect: 300ms, response: 300ms, idle: 300ms }\n" ROUTES,
            cases[i].host != NULL ? cases[i].host : "127.0.0.1", origin != NULL ? origin->port : closed_port());
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = fetch_path(gateway, t, "/");
            char in_log[64];
            snprintf(in_log, sizeof(in_log), "\"reason\":\"%s\"", cases[i].reason);
            if (reply.status != cases[i].status || (reply.status != 200 && strstr(reply.body, in_log) == NULL))
                fail_msg("%s over %s: %d %s", cases[i].about, transport_names[t], reply.status, reply.body);
            if (reply.status == 200)
                assert_int_not_equal(reply.error, 0);                        /* it is seen as cut short */
            free(process_wait_for(gateway->process, in_log, (size_t)t + 1)); /* and the access log says the same */
            reply_free(&reply);
        }
        gateway_stop(gateway);
        if (origin != NULL)
            origin_stop(origin);
    }
}

static void a_client_that_leaves_cancels_its_request(void **state)
{
    origin_t *origin = origin_start(answer_never, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN ROUTES, origin->port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        if (t == OVER_HTTP1) {
            int fd = raw_connect(gateway->ports[0]);
            static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
            raw_write(fd, request, sizeof(request) - 1);
            origin_wait(&origin->num_requests, 1);
            close(fd);
        } else {
            reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .timeout_ms = 300});
            assert_int_equal(reply.status, 0);
            reply_free(&reply);
        }
        origin_wait(&origin->num_closed, (size_t)t + 1); /* the endpoint sees its connection closed */
        free(process_wait_for(gateway->process, "\"reason\":\"client_closed\"", (size_t)t + 1));
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void send_forever(origin_t *origin, int fd, size_t index)
{
    static char bytes[65536];
    free(origin_read_request(origin, fd));
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    atomic_size_t *sent = origin->arg;
    ssize_t len;
    while ((len = send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL)) > 0)
        atomic_fetch_add(sent, (size_t)len);
}

static void a_client_that_does_not_read_slows_its_endpoint_down(void **state)
{
    atomic_size_t sent = 0;
    origin_t *origin = origin_start(send_forever, &sent);
    gateway_t *gateway = gateway_start(CONF_ORIGIN ROUTES "timeouts: { write: 2s }\n", origin->port);
    size_t before = process_rss_kib(gateway->process);
    int fd = raw_connect(gateway->ports[0]);
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    raw_write(fd, request, sizeof(request) - 1);
    /* nothing is read; after the write timeout the gateway gives the client up */
    origin_wait(&origin->num_closed, 1);
    size_t after = process_rss_kib(gateway->process);
    assert_true(atomic_load(&sent) < 100000000); /* what fits into the sockets' buffers, not the whole of it */
    if (after > before + 20000)
        fail_msg("memory grew from %zu to %zu KiB", before, after);
    close(fd);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void read_slowly_then_answer(origin_t *origin, int fd, size_t index)
{
    /* the head only, then nothing until the test says so */
    char head[4096];
    recv(fd, head, sizeof(head), 0);
    atomic_fetch_add(&origin->num_requests, 1);
    atomic_size_t *go = origin->arg;
    origin_wait(go, 1);
    size_t total = 0;
    char bytes[65536];
    ssize_t len;
    while (total < 50000000 && (len = recv(fd, bytes, sizeof(bytes), 0)) > 0)
        total += (size_t)len;
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
    origin_wait_for_close(fd);
}

static void an_upload_to_a_slow_endpoint_takes_bounded_memory(void **state)
{
    atomic_size_t go = 0;
    origin_t *origin = origin_start(read_slowly_then_answer, &go);
    gateway_t *gateway = gateway_start(CONF_ORIGIN ROUTES "limits: { body: 1GiB }\n", origin->port);
    size_t before = process_rss_kib(gateway->process), sent = 0;
    int fd = raw_connect(gateway->ports[0]);
    static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50010000\r\n\r\n";
    raw_write(fd, head, sizeof(head) - 1);
    origin_wait(&origin->num_requests, 1);
    char *bytes = calloc(1, 1000000);
    ssize_t len;
    struct timeval patience = {.tv_usec = 500000};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    while (sent < 50000000 && (len = send(fd, bytes, 1000000, MSG_NOSIGNAL)) > 0)
        sent += (size_t)len;
    assert_true(sent < 50000000); /* it was stopped */
    size_t after = process_rss_kib(gateway->process);
    if (after > before + 24000)
        fail_msg("memory grew from %zu to %zu KiB", before, after);
    atomic_store(&go, 1);
    patience = (struct timeval){.tv_sec = 30};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    while (sent < 50010000 &&
           (len = send(fd, bytes, 50010000 - sent < 1000000 ? 50010000 - sent : 1000000, MSG_NOSIGNAL)) > 0)
        sent += (size_t)len;
    char *reply = raw_read(fd, "done", NULL);
    assert_true(strncmp(reply, "HTTP/1.1 200 OK", 15) == 0);
    free(reply);
    free(bytes);
    close(fd);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void refuse_early(origin_t *origin, int fd, size_t index)
{
    char head[4096];
    recv(fd, head, sizeof(head), 0);
    origin_write(fd, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    origin_wait_for_close(fd);
}

static void an_answer_before_the_end_of_the_upload_reaches_the_client(void **state)
{
    origin_t *origin = origin_start(refuse_early, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN ROUTES "limits: { body: 1GiB }\n", origin->port);
    int fd = raw_connect(gateway->ports[0]);
    static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\nsome";
    raw_write(fd, head, sizeof(head) - 1);
    bool is_closed;
    char *reply = raw_read(fd, NULL, &is_closed);
    assert_true(strncmp(reply, "HTTP/1.1 403 ", 13) == 0);
    assert_non_null(strstr(reply, "Connection: close\r\n"));
    assert_true(is_closed);
    free(reply);
    close(fd);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void answer_early_and_long(origin_t *origin, int fd, size_t index)
{
    char head[4096], *body = calloc(1, 4000001);
    memset(body, 'x', 4000000);
    recv(fd, head, sizeof(head), 0);
    origin_write(fd, "HTTP/1.1 403 Forbidden\r\nContent-Length: 4000000\r\n\r\n");
    origin_write(fd, body);
    free(body);
    origin_wait_for_close(fd);
}

/** The endpoint is done, the rest of its answer waits for a slow client, and that client goes on sending: to nobody. */
static void an_upload_that_goes_on_after_the_answer_harms_nobody(void **state)
{
    origin_t *origin = origin_start(answer_early_and_long, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN ROUTES "limits: { body: 1GiB }\n", origin->port);
    static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\nsome";
    int fd = raw_connect(gateway->ports[0]);
    raw_write(fd, head, sizeof(head) - 1);
    char *bytes = malloc(16384);
    size_t total = 0;
    ssize_t len;
    while (total < 4000000 && (len = recv(fd, bytes, 16384, 0)) > 0) {
        total += (size_t)len;
        raw_write(fd, "more", 4);
    }
    assert_true(total >= 4000000);
    free(bytes);
    close(fd);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void drip_events(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    atomic_size_t *step = origin->arg;
    for (size_t i = 1; i <= 3; ++i) {
        char event[32];
        snprintf(event, sizeof(event), "data: %zu\n\n", i);
        if (!origin_write(fd, event))
            return;
        origin_wait(step, i); /* the next one only when this one has arrived */
    }
}

static void a_stream_arrives_piece_by_piece(void **state)
{
    atomic_size_t step = 0;
    origin_t *origin = origin_start(drip_events, &step);
    gateway_t *gateway = gateway_start(CONF_ORIGIN ROUTES, origin->port);
    int fd = raw_connect(gateway->ports[0]);
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    raw_write(fd, request, sizeof(request) - 1);
    for (size_t i = 1; i <= 3; ++i) {
        char event[32];
        snprintf(event, sizeof(event), "data: %zu\n\n", i);
        char *reply = raw_read(fd, event, NULL);
        assert_non_null(strstr(reply, event));
        free(reply);
        atomic_store(&step, i);
    }
    close(fd);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void slow_clients_are_timed_out_by_phase(void **state)
{
    static const struct {
        const char *about, *bytes, *answer; /* answer "": closed without a word */
    } cases[] = {
        {"nothing at all", "", ""},
        {"half a head", "GET / HTTP/1.1\r\nHo", "HTTP/1.1 408 "},
        {"half a body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf", "HTTP/1.1 408 "},
        {"nothing after an answer", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 "},
    };
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway =
        gateway_start(CONF_ORIGIN ROUTES "timeouts: { head: 300ms, body: 300ms, idle: 300ms }\n", origin->port);
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        int fd = raw_connect(gateway->ports[0]);
        raw_write(fd, cases[i].bytes, strlen(cases[i].bytes));
        bool is_closed;
        char *reply = raw_read(fd, NULL, &is_closed);
        if (!is_closed || strncmp(reply, cases[i].answer, strlen(cases[i].answer)) != 0 ||
            (cases[i].answer[0] == '\0' && reply[0] != '\0'))
            fail_msg("%s: closed %d, '%s'", cases[i].about, is_closed, reply);
        free(reply);
        close(fd);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_to_an_endpoint_are_kept_and_reused),
        cmocka_unit_test(a_pool_of_size_zero_keeps_nothing),
        cmocka_unit_test(a_kept_connection_that_dies_at_the_next_request_never_shows),
        cmocka_unit_test(an_endpoint_that_refuses_is_skipped_for_the_next),
        cmocka_unit_test(endpoints_take_turns),
        cmocka_unit_test(every_failure_ends_in_its_own_reason),
        cmocka_unit_test(a_client_that_leaves_cancels_its_request),
        cmocka_unit_test(a_client_that_does_not_read_slows_its_endpoint_down),
        cmocka_unit_test(an_upload_to_a_slow_endpoint_takes_bounded_memory),
        cmocka_unit_test(an_answer_before_the_end_of_the_upload_reaches_the_client),
        cmocka_unit_test(an_upload_that_goes_on_after_the_answer_harms_nobody),
        cmocka_unit_test(a_stream_arrives_piece_by_piece),
        cmocka_unit_test(slow_clients_are_timed_out_by_phase),
    };
    return cmocka_run_group_tests_name("upstream", tests, NULL, NULL);
}
