/* SPDX-License-Identifier: MIT
 * Load shedding: who is refused when too much is under way, when memory runs short and when a loop lags behind; and
 * that it ends. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "gateway/base/clock.h"
#include "gateway/server/overload_episode.h"
#include "tests/support/expect.h"
#include "tests/support/origin.h"

/* requests are held for as long as a slow machine needs to bring all of them there */
#define CONF_ORIGIN                                                                                                    \
    "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ], retries: { attempts: 1 },"                          \
    " timeouts: { response: 1h },"                                                                                     \
    " ejection: { consecutive_failures: 0 } } }\n"                                                                     \
    "routes:\n"                                                                                                        \
    "  - { path: /low, service: origin, priority: low }\n"                                                             \
    "  - { path: /normal, service: origin }\n"                                                                         \
    "  - { path: /high, service: origin, priority: high }\n"                                                           \
    "  - { path: /critical, service: origin, priority: critical }\n"                                                   \
    "  - { path: /hold, service: origin, priority: critical }\n"

static const char *const paths[] = {"/low", "/normal", "/high", "/critical"};
enum { num_paths = 4, most_held = 16 };

/** An origin that keeps requests for /hold until it may let go. */
typedef struct hold {
    atomic_size_t num_held;
    int over; /* an eventfd, readable when they may go: hundreds of threads that look again and again are a load, too */
} hold_t;

static void hold_some(origin_t *origin, int fd, size_t index)
{
    hold_t *hold = origin->arg;
    char *request;
    while ((request = origin_read_request(origin, fd)) != NULL) {
        bool is_held = strstr(request, " /hold") != NULL;
        free(request);
        struct pollfd peer_and_over[] = {{.fd = fd, .events = POLLRDHUP}, {.fd = hold->over, .events = POLLIN}};
        if (is_held) {
            atomic_fetch_add(&hold->num_held, 1);
            if (poll(peer_and_over, 2, -1) < 0 || peer_and_over[0].revents != 0)
                return;
        }
        if (!origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
            return;
    }
}

/** A gateway, and requests that are under way for as long as the test wants. */
typedef struct bench {
    hold_t hold;
    origin_t *origin;
    gateway_t *gateway;
    pending_t *held[most_held];
    size_t num_held;
} bench_t;

static const request_t hold_request = {.path = "/hold"};

static void hold_until(bench_t *bench, transport_t transport, size_t num)
{
    while (bench->num_held != num)
        bench->held[bench->num_held++] = fetch_later(bench->gateway, transport, &hold_request);
    origin_wait(&bench->hold.num_held, num);
}

/** Lets them go; each gets its answer. */
static void let_go(bench_t *bench)
{
    if (eventfd_write(bench->hold.over, 1) != 0)
        abort();
    while (bench->num_held != 0) {
        reply_t reply = pending_wait(bench->held[--bench->num_held]);
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
    }
}

static void start_origin(bench_t *bench)
{
    *bench = (bench_t){.hold.over = eventfd(0, EFD_CLOEXEC)};
    if (bench->hold.over == -1)
        abort();
    bench->origin = origin_start(hold_some, &bench->hold);
}

static void start(bench_t *bench, const char *conf)
{
    start_origin(bench);
    bench->gateway = gateway_start(CONF_LISTEN CONF_ORIGIN "%s", bench->origin->port, conf);
}

static void reload(bench_t *bench, size_t nth, const char *conf)
{
    gateway_write_conf(bench->gateway, CONF_LISTEN CONF_ORIGIN "%s", bench->origin->port, conf);
    gateway_reload(bench->gateway, nth);
}

static void stop(bench_t *bench)
{
    let_go(bench);
    gateway_stop(bench->gateway);
    origin_stop(bench->origin);
    close(bench->hold.over);
}

/** One request of each priority.  @param statuses in order of importance */
static void expect_statuses(const bench_t *bench, transport_t transport, const int statuses[num_paths])
{
    for (size_t i = 0; i != num_paths; ++i)
        expect_status(bench->gateway, transport, paths[i], statuses[i]);
}

/** Asks again and again until the status comes: what has been sent to a worker, or measured by it, is soon there. */
static void fetch_until(const bench_t *bench, transport_t transport, const char *path, int status)
{
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (;;) {
        reply_t reply = fetch_path(bench->gateway, transport, path);
        int got = reply.status;
        reply_free(&reply);
        if (got == status)
            return;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((now.tv_sec - begin.tv_sec) * 1000 > DEADLINE_MS)
            fail_msg("still %d instead of %d for %s over %s", got, status, path, transport_names[transport]);
    }
}

/* in flight -------------------------------------------------------------------------------------------------------- */

static void what_is_under_way_has_the_least_important_refused_first(void **state)
{
    static const struct {
        size_t held; /* of 10 */
        int statuses[num_paths];
    } rows[] = {
        {0, {200, 200, 200, 200}},  {8, {200, 200, 200, 200}},  {9, {503, 200, 200, 200}},
        {10, {503, 503, 200, 200}}, {11, {503, 503, 503, 200}}, {16, {503, 503, 503, 200}},
    };
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        bench_t bench;
        start(&bench, "overload: { in_flight: 10 }\n");
        for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
            hold_until(&bench, t, rows[i].held);
            expect_statuses(&bench, t, rows[i].statuses);
        }
        let_go(&bench);
        for (size_t i = 0; i != num_paths; ++i)
            fetch_until(&bench, t, paths[i], 200);
        stop(&bench);
    }
}

static void a_refusal_says_why_and_when_to_come_again(void **state)
{
    bench_t bench;
    start(&bench, "overload: { in_flight: 1 }\n");
    hold_until(&bench, OVER_HTTP1, 1);
    bool was_seen[4] = {false};
    for (int i = 0; i != 60; ++i) {
        transport_t t = (transport_t)(i % NUM_TRANSPORTS);
        static const char *const with_body[] = {"Content-Type: text/plain", NULL};
        const request_t get = {.path = "/low?a=b"},
                        post = {.path = "/low", .method = "POST", .headers = with_body, .body = "some body"};
        reply_t reply = fetch(bench.gateway, t, i % 2 == 0 ? &get : &post);
        char *after = reply_field(&reply, "retry-after"), *type = reply_field(&reply, "content-type");
        expect_reply(&reply, 503, "overloaded");
        assert_non_null(after);
        assert_true(strlen(after) == 1 && *after >= '1' && *after <= '3');
        assert_string_equal(type, "application/problem+json");
        was_seen[*after - '0'] = true;
        free(after);
        free(type);
        reply_free(&reply);
    }
    assert_true(was_seen[1] && was_seen[2] && was_seen[3]); /* not all at the same time */
    free(process_wait_for(bench.gateway->process, "\"reason\":\"overloaded\"", 60));
    free(process_wait_for(bench.gateway->process,
                          "{\"filter\":\"overload\",\"verdict\":\"refused\",\"reason\":\"in_flight\"}", 60));
    assert_int_equal(atomic_load(&bench.origin->num_requests), 1); /* none of them reached it */
    stop(&bench);
}

/** What the log says of refusals of one kind, and of the time that they took. */
typedef struct episodes {
    const char *began, *refused; /* "are", "were refused" */
    uint64_t begin_ms;           /* before the first of these refusals */
    size_t num;                  /* lines that were read, two each */
    unsigned of[3];              /* refusals in those lines: low, normal, high */
} episodes_t;

/** Reads on until every refusal is in a line.  It is one episode, but where a slow machine lets more time pass between
 * refusals than ends one.
 *  @param before the episodes that were over when the first of the refusals came */
static void expect_in_log(process_t *process, episodes_t *episodes, size_t before, const unsigned expected[3])
{
    char began[64], refused[32];
    uint64_t took_ms = gw_clock_ms() - episodes->begin_ms;
    snprintf(began, sizeof(began), "overload: requests %s refused: ", episodes->began);
    while (memcmp(episodes->of, expected, sizeof(episodes->of)) != 0) {
        unsigned of[3];
        char *line = process_wait_for(process, "overload: over after ", ++episodes->num);
        if (sscanf(strstr(line, "overload: "),
                   "overload: over after %*u ms: %u low, %u normal and %u high requests %31[^;]", &of[0], &of[1],
                   &of[2], refused) != 4 ||
            strcmp(refused, episodes->refused) != 0)
            fail_msg("%s", line);
        free(line);
        for (size_t i = 0; i != 3; ++i)
            if ((episodes->of[i] += of[i]) > expected[i])
                fail_msg("%u refused instead of %u", episodes->of[i], expected[i]);
    }
    assert_in_range(episodes->num - before, 1, 1 + took_ms / GW_OVERLOAD_QUIET_MS);
    assert_int_equal(process_count(process, began), episodes->num);
    assert_int_equal(process_count(process, "overload: "), 2 * episodes->num);
}

static void the_log_says_when_it_begins_and_when_it_is_over(void **state)
{
    bench_t bench;
    start(&bench, "overload: { in_flight: 2, memory: 1024GiB, loop_lag: 10s }\n");
    hold_until(&bench, OVER_HTTP1, 2);
    episodes_t episodes = {.began = "are", .refused = "were refused", .begin_ms = gw_clock_ms()};
    for (int i = 0; i != 5; ++i)
        expect_status(bench.gateway, OVER_HTTP1, "/low", 503);
    expect_status(bench.gateway, OVER_HTTP1, "/normal", 503);
    expect_in_log(bench.gateway->process, &episodes, 0, (const unsigned[]){5, 1, 0});
    char *line = process_wait_for(bench.gateway->process, "overload: requests are refused: ", 1);
    assert_non_null(strstr(line, "loop_lag "));
    assert_non_null(strstr(line, " of 10000 ms, memory "));
    assert_non_null(strstr(line, " of 1048576 MiB, in_flight 2 of 2"));
    free(line);
    /* and again */
    size_t before = episodes.num;
    episodes.begin_ms = gw_clock_ms();
    expect_status(bench.gateway, OVER_HTTP1, "/low", 503);
    expect_in_log(bench.gateway->process, &episodes, before, (const unsigned[]){6, 1, 0});
    stop(&bench);
}

static void clients_that_leave_make_room(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        bench_t bench;
        start(&bench, "overload: { in_flight: 2 }\n");
        hold_until(&bench, t, 2);
        expect_status(bench.gateway, t, "/normal", 503);
        while (bench.num_held != 0) {
            reply_t reply = pending_leave(bench.held[--bench.num_held]);
            assert_int_equal(reply.status, 0);
            reply_free(&reply);
        }
        fetch_until(&bench, t, "/low", 200);
        stop(&bench);
    }
}

static void all_workers_are_counted_together(void **state)
{
    static const char conf[] =
        "workers: 3\nlisten: [ \"127.0.0.1:0\", { address: \"127.0.0.1:00\","
        " tls: { certificates: [ { certificate: server.crt, key: server.key } ] } } ]\n" CONF_ORIGIN
        "overload: { in_flight: 10 }\n";
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        bench_t bench;
        start_origin(&bench);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        bench.gateway = gateway_start(conf, bench.origin->port);
#pragma GCC diagnostic pop
        hold_until(&bench, t, 8); /* wherever the kernel has sent them */
        for (int i = 0; i != 9; ++i)
            fetch_until(&bench, t, "/low", 200); /* the one before it may still be ending on another worker */
        hold_until(&bench, t, 10);
        for (int i = 0; i != 9; ++i) {
            expect_status(bench.gateway, t, "/low", 503);
            expect_status(bench.gateway, t, "/normal", 503);
        }
        let_go(&bench);
        for (int i = 0; i != 9; ++i)
            fetch_until(&bench, t, "/low", 200);
        stop(&bench);
    }
}

/** A bound so large that workers do not tell each other of every request. */
static void workers_that_tell_each_other_in_steps_know_enough(void **state)
{
    static const char request[] = "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n";
    enum { bound = 384, below = 300, above = 360 }; /* 78 and 94 %; two workers may be wrong by 2 of each other */
    int fds[above];
    bench_t bench;
    start_origin(&bench);
    bench.gateway =
        gateway_start("workers: 2\nlisten: [ \"127.0.0.1:0\" ]\n" CONF_ORIGIN "overload: { in_flight: %d }\n",
                      bench.origin->port, bound);
    for (size_t i = 0; i != above; ++i) {
        if (i == below)
            for (int k = 0; k != 20; ++k)
                expect_status(bench.gateway, OVER_HTTP1, "/low", 200);
        fds[i] = raw_connect(bench.gateway->ports[0]);
        raw_write(fds[i], request, sizeof(request) - 1);
        origin_wait(&bench.hold.num_held, i + 1);
    }
    for (int k = 0; k != 20; ++k)
        expect_status(bench.gateway, OVER_HTTP1, "/low", 503);
    for (size_t i = below; i != above; ++i)
        close(fds[i]);
    free(process_wait_for(bench.gateway->process, "\"reason\":\"client_closed\"", above - below));
    for (int k = 0; k != 20; ++k)
        expect_status(bench.gateway, OVER_HTTP1, "/low", 200);
    for (size_t i = 0; i != below; ++i)
        close(fds[i]);
    stop(&bench);
}

static void observe_refuses_nothing_and_says_what_it_would_do(void **state)
{
    bench_t bench;
    start(&bench, "overload: { in_flight: 1, mode: observe }\n");
    hold_until(&bench, OVER_HTTP1, 2);
    episodes_t episodes = {.began = "would be", .refused = "would be refused", .begin_ms = gw_clock_ms()};
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        expect_statuses(&bench, t, (const int[]){200, 200, 200, 200});
    free(process_wait_for(bench.gateway->process,
                          "{\"filter\":\"overload\",\"verdict\":\"would_refuse\",\"reason\":\"in_flight\"}",
                          3 * NUM_TRANSPORTS));
    expect_in_log(bench.gateway->process, &episodes, 0, (const unsigned[]){3, 3, 3});
    unsigned num_in_flight; /* those that are held, and perhaps the one that was let pass */
    char *line = process_wait_for(bench.gateway->process, "overload: requests would be refused: ", 1);
    assert_int_equal(sscanf(strstr(line, "in_flight "), "in_flight %u of 1", &num_in_flight), 1);
    assert_in_range(num_in_flight, 2, 3);
    free(line);
    assert_int_equal(process_count(bench.gateway->process, "\"verdict\":\"refused\""), 0);
    stop(&bench);
}

static void bounds_come_change_and_go_with_a_reload(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        bench_t bench;
        start(&bench, "");
        hold_until(&bench, t, 3); /* they began when nobody asked how many there are */
        expect_statuses(&bench, t, (const int[]){200, 200, 200, 200});
        reload(&bench, 1, "overload: { in_flight: 2 }\n");
        fetch_until(&bench, t, "/high", 503);
        expect_statuses(&bench, t, (const int[]){503, 503, 503, 200});
        reload(&bench, 2, "overload: { in_flight: 3 }\n");
        fetch_until(&bench, t, "/high", 200);
        expect_statuses(&bench, t, (const int[]){503, 503, 200, 200});
        reload(&bench, 3, "overload: { in_flight: 2, mode: observe }\n");
        fetch_until(&bench, t, "/low", 200);
        reload(&bench, 4, "overload: { memory: 1MiB }\n");
        fetch_until(&bench, t, "/high", 503);
        reload(&bench, 5, "");
        fetch_until(&bench, t, "/low", 200);
        expect_statuses(&bench, t, (const int[]){200, 200, 200, 200});
        reload(&bench, 6, "overload: { in_flight: 4 }\n");
        expect_statuses(&bench, t, (const int[]){200, 200, 200, 200});
        let_go(&bench); /* of exchanges that have seen them all */
        reload(&bench, 7, "overload: { in_flight: 1 }\n");
        fetch_until(&bench, t, "/low", 200);
        stop(&bench);
    }
}

/* memory ----------------------------------------------------------------------------------------------------------- */

static void too_much_memory_has_all_but_critical_requests_refused(void **state)
{
    static const struct {
        const char *about, *conf;
        int statuses[num_paths];
    } rows[] = {
        {"far less than it takes", "overload: { memory: 1MiB }\n", {503, 503, 503, 200}},
        {"the same as a share", "overload: { memory: 0.01% }\n", {503, 503, 503, 200}},
        {"more than it takes", "overload: { memory: 100GiB }\n", {200, 200, 200, 200}},
        {"no bound, but another", "overload: { memory: 0%, in_flight: 100 }\n", {200, 200, 200, 200}},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        bench_t bench;
        start(&bench, rows[i].conf);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
            expect_statuses(&bench, t, rows[i].statuses);
        size_t num_refused = 0;
        for (size_t k = 0; k != num_paths; ++k)
            num_refused += rows[i].statuses[k] == 503;
        free(process_wait_for(bench.gateway->process, "\"reason\":\"memory\"", num_refused * NUM_TRANSPORTS));
        stop(&bench);
    }
}

/* the loop --------------------------------------------------------------------------------------------------------- */

/** Many connections that all have a request for the loop at the same time, again and again. */
static void a_loop_that_lags_behind_has_requests_refused_until_it_has_caught_up(void **state)
{
    static const char request[] = "GET /low HTTP/1.1\r\nHost: a\r\n\r\n";
    enum { num_clients = 400 };
    int fds[num_clients];
    bench_t bench;
    start(&bench, "overload: { loop_lag: 1ms }\nlimits: { connections: 2000 }\n");
    for (size_t i = 0; i != num_clients; ++i)
        fds[i] = raw_connect(bench.gateway->ports[0]);
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        for (size_t i = 0; i != num_clients; ++i)
            raw_write(fds[i], request, sizeof(request) - 1);
        for (size_t i = 0; i != num_clients; ++i) {
            bool is_closed;
            char *answer = raw_read(fds[i], "\r\n\r\n", &is_closed);
            assert_false(is_closed);
            bool is_ok = strncmp(answer, "HTTP/1.1 200 ", 13) == 0,
                 is_refused = strncmp(answer, "HTTP/1.1 503 ", 13) == 0;
            assert_true(is_ok || is_refused);
            /* its body is still to come, or was read with the head */
            const char *body = is_ok ? "ok" : "}\n";
            if (strstr(strstr(answer, "\r\n\r\n"), body) == NULL)
                free(raw_read(fds[i], body, &is_closed));
            free(answer);
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((now.tv_sec - begin.tv_sec) * 1000 > DEADLINE_MS)
            fail_msg("the loop never lagged behind");
    } while (process_count(bench.gateway->process, "\"verdict\":\"refused\",\"reason\":\"loop_lag\"") == 0);
    for (size_t i = 0; i != num_clients; ++i)
        close(fds[i]);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        fetch_until(&bench, t, "/low", 200);
    free(process_wait_for(bench.gateway->process, "overload: requests are refused: loop_lag ", 1));
    free(process_wait_for(bench.gateway->process, "overload: over after ", 1));
    stop(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_under_way_has_the_least_important_refused_first),
        cmocka_unit_test(a_refusal_says_why_and_when_to_come_again),
        cmocka_unit_test(the_log_says_when_it_begins_and_when_it_is_over),
        cmocka_unit_test(clients_that_leave_make_room),
        cmocka_unit_test(all_workers_are_counted_together),
        cmocka_unit_test(workers_that_tell_each_other_in_steps_know_enough),
        cmocka_unit_test(observe_refuses_nothing_and_says_what_it_would_do),
        cmocka_unit_test(bounds_come_change_and_go_with_a_reload),
        cmocka_unit_test(too_much_memory_has_all_but_critical_requests_refused),
        cmocka_unit_test(a_loop_that_lags_behind_has_requests_refused_until_it_has_caught_up),
    };
    return cmocka_run_group_tests_name("test_overload", tests, NULL, NULL);
}
