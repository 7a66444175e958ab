/* SPDX-License-Identifier: MIT
 * The circuit breaker in front of real endpoints: opening, probing, closing, fallbacks, bulkheads, reloads. */
#include <poll.h>
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
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

#define CONF_ORIGIN                                                                                                    \
    CONF_LISTEN "services:\n  origin:\n    endpoints: [ \"http://127.0.0.1:%d\" ]\n    retries: { attempts: 1 }\n"     \
                "    ejection: { consecutive_failures: 0 }\n"
#define ROUTE(breaker) "routes: [ { path: /, service: origin, filters: [ { circuit_breaker: { " breaker " } } ] } ]\n"

/** An endpoint whose mood the test sets. */
typedef struct mood {
    atomic_int status;   /* of its answers; 0: it breaks the connection off; -1: in the middle of the body */
    atomic_int delay_ms; /* before each answer */
    atomic_bool is_held; /* answers wait until this is false */
} mood_t;

static void answer_by_mood(origin_t *origin, int fd, size_t index)
{
    mood_t *mood = origin->arg;
    char *request, head[128];
    while ((request = origin_read_request(origin, fd)) != NULL) {
        bool is_head = strncmp(request, "HEAD ", 5) == 0;
        free(request);
        struct pollfd peer = {.fd = fd, .events = POLLRDHUP};
        /* the time an endpoint needs; a client that leaves ends it */
        if (poll(&peer, 1, atomic_load(&mood->delay_ms)) != 0)
            break;
        while (atomic_load(&mood->is_held))
            if (poll(&peer, 1, 1) != 0)
                return;
        int status = atomic_load(&mood->status);
        if (status == 0)
            break;
        if (status == -1) {
            origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it");
            break;
        }
        snprintf(head, sizeof(head), "HTTP/1.1 %d Mood\r\nContent-Length: 4\r\n\r\n%s", status, is_head ? "" : "mood");
        if (!origin_write(fd, head))
            break;
    }
}

static void expect(const gateway_t *gateway, transport_t transport, int status, const char *reason)
{
    reply_t reply = fetch_path(gateway, transport, "/");
    if (reply.status != status || (reason != NULL && strstr(reply.body, reason) == NULL))
        fail_msg("over %s: %d %s instead of %d %s", transport_names[transport], reply.status, reply.body, status,
                 reason != NULL ? reason : "");
    reply_free(&reply);
}

/** Asks again and again until the status comes; the deadline of process.h applies. */
static void fetch_until(const gateway_t *gateway, transport_t transport, int status)
{
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (;;) {
        reply_t reply = fetch_path(gateway, transport, "/");
        int got = reply.status;
        reply_free(&reply);
        if (got == status)
            return;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((now.tv_sec - start.tv_sec) * 1000 > DEADLINE_MS)
            fail_msg("still %d instead of %d over %s", got, status, transport_names[transport]);
        poll(NULL, 0, 1); /* gives the processor away; the deadline decides, not this */
    }
}

/** Asks until it is refused: who comes when the open time is over is a probe, which fails as the others did. */
static void expect_open(const gateway_t *gateway, transport_t transport, const origin_t *origin, int status)
{
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (bool is_open = false; !is_open;) {
        size_t before = atomic_load(&origin->num_requests);
        reply_t reply = fetch_path(gateway, transport, "/");
        is_open = strstr(reply.body, "\"breaker_open\"") != NULL;
        assert_int_equal(reply.status, is_open ? 503 : status);
        assert_int_equal(atomic_load(&origin->num_requests) - before, is_open ? 0 : 1);
        reply_free(&reply);
        clock_gettime(CLOCK_MONOTONIC, &now);
        assert_true((now.tv_sec - start.tv_sec) * 1000 < DEADLINE_MS);
    }
}

/** Asks until the log says that the breaker has closed: a busy machine may make probes slow, too. */
static void ask_until_closed(const gateway_t *gateway, transport_t transport)
{
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (process_count(gateway->process, "half_open -> closed") == 0) {
        reply_t reply = fetch_path(gateway, transport, "/");
        assert_true(reply.status == 200 || reply.status == 503);
        reply_free(&reply);
        clock_gettime(CLOCK_MONOTONIC, &now);
        assert_true((now.tv_sec - start.tv_sec) * 1000 < DEADLINE_MS);
        poll(NULL, 0, 1); /* gives the processor away; the deadline decides, not this */
    }
}

static pending_t *pending_start(const gateway_t *gateway, transport_t transport)
{
    return fetch_later(gateway, transport, &(request_t){.path = "/"});
}

static int pending_status(pending_t *pending)
{
    reply_t reply = pending_wait(pending);
    int status = reply.status;
    reply_free(&reply);
    return status;
}

/* opening and closing ---------------------------------------------------------------------------------------------- */

static void a_failing_service_opens_it_and_a_good_one_closes_it(void **state)
{
    static const struct {
        const char *about, *breaker;
        int status, delay_ms;
        int answer; /* to the client while it is closed */
        const char *in_log;
    } cases[] = {
        {"a share of failures", "failure_ratio: 50%, min_requests: 4, open_for: 300ms", 500, 0, 500,
         "closed -> open for"},
        {"failures in a row", "failure_ratio: 0%, consecutive_failures: 4, open_for: 300ms", 503, 0, 503,
         "calls failed one after the other"},
        {"slow calls", "failure_ratio: 0%, slow_call: 20ms, slow_ratio: 50%, min_requests: 4, open_for: 300ms", 200, 30,
         200, "too many calls were slow: 4 of 4"},
        {"connections that break off", "failure_ratio: 50%, min_requests: 4, open_for: 300ms", 0, 0, 502,
         "too many calls failed: 4 of 4"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            mood_t mood = {.status = cases[i].status, .delay_ms = cases[i].delay_ms};
            origin_t *origin = origin_start(answer_by_mood, &mood);
            gateway_t *gateway = gateway_start(
                CONF_ORIGIN "routes: [ { path: /, service: origin, filters: [ { circuit_breaker: { %s } } ] } ]\n",
                origin->port, cases[i].breaker);
            for (int k = 0; k != 4; ++k)
                expect(gateway, t, cases[i].answer, NULL);
            free(process_wait_for(gateway->process, cases[i].in_log, 1));
            assert_int_equal(atomic_load(&origin->num_requests), 4);
            expect_open(gateway, t, origin, cases[i].answer);
            atomic_store(&mood.status, 200);
            atomic_store(&mood.delay_ms, 0);
            ask_until_closed(gateway, t);
            for (int k = 0; k != 2; ++k)
                expect(gateway, t, 200, NULL);
            gateway_stop(gateway);
            origin_stop(origin);
        }
}

static void a_refusal_says_when_to_come_again(void **state)
{
    mood_t mood = {.status = 500};
    origin_t *origin = origin_start(answer_by_mood, &mood);
    gateway_t *gateway =
        gateway_start(CONF_ORIGIN ROUTE("consecutive_failures: 1, open_for: 60s, max_open_for: 60s"), origin->port);
    expect(gateway, OVER_HTTP1, 500, NULL);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/");
        char *after = reply_field(&reply, "retry-after"), *type = reply_field(&reply, "content-type");
        assert_int_equal(reply.status, 503);
        assert_in_range(atoi(after), 50, 76);
        assert_string_equal(type, "application/problem+json");
        free(after);
        free(type);
        reply_free(&reply);
    }
    free(process_wait_for(gateway->process, "\"verdict\":\"refused\",\"reason\":\"open\"", 3));
    gateway_stop(gateway);
    origin_stop(origin);
}

static void what_is_not_the_services_fault_does_not_open_it(void **state)
{
    mood_t mood = {.status = 404};
    origin_t *origin = origin_start(answer_by_mood, &mood);
    gateway_t *gateway =
        gateway_start(CONF_ORIGIN ROUTE("consecutive_failures: 2, failure_ratio: 1%%, min_requests: 2"), origin->port);
    for (int i = 0; i != 6; ++i)
        expect(gateway, (transport_t)(i % NUM_TRANSPORTS), 404, NULL);
    atomic_store(&mood.is_held, true);
    for (int i = 0; i != 6; ++i) { /* clients that leave */
        reply_t reply = fetch(gateway, (transport_t)(i % NUM_TRANSPORTS), &(request_t){.path = "/", .timeout_ms = 60});
        assert_int_equal(reply.status, 0);
        reply_free(&reply);
    }
    free(process_wait_for(gateway->process, "\"reason\":\"client_closed\"", 6));
    atomic_store(&mood.is_held, false);
    atomic_store(&mood.status, 200);
    expect(gateway, OVER_HTTP1, 200, NULL);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void clients_that_give_up_on_a_hanging_service_open_it_all_the_same(void **state)
{
    mood_t mood = {.status = 200, .is_held = true};
    origin_t *origin = origin_start(answer_by_mood, &mood);
    gateway_t *gateway = gateway_start(
        CONF_ORIGIN ROUTE("failure_ratio: 0%%, slow_call: 20ms, slow_ratio: 50%%, min_requests: 3, open_for: 60s"),
        origin->port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        pending_t *pending = pending_start(gateway, t);
        origin_wait(&origin->num_requests, (size_t)t + 1);
        poll(NULL, 0, 40); /* it is slow by then */
        reply_t reply = pending_leave(pending);
        assert_int_equal(reply.status, 0);
        reply_free(&reply);
    }
    free(process_wait_for(gateway->process, "too many calls were slow: 3 of 3", 1));
    expect(gateway, OVER_HTTP1, 503, "\"breaker_open\"");
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_body_that_breaks_off_counts_as_a_failure(void **state)
{
    mood_t mood = {.status = -1};
    origin_t *origin = origin_start(answer_by_mood, &mood);
    gateway_t *gateway =
        gateway_start(CONF_ORIGIN ROUTE("min_requests: 3, open_for: 60s, max_open_for: 60s"), origin->port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/");
        assert_int_not_equal(reply.error, 0);
        reply_free(&reply);
    }
    free(process_wait_for(gateway->process, "too many calls failed", 1));
    expect(gateway, OVER_HTTP1, 503, "\"breaker_open\"");
    gateway_stop(gateway);
    origin_stop(origin);
}

/* half-open -------------------------------------------------------------------------------------------------------- */

static void half_open_lets_exactly_so_many_probes_through(void **state)
{
    enum { num_probes = 3, num_pending = 12 };
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        mood_t mood = {.status = 500};
        origin_t *origin = origin_start(answer_by_mood, &mood);
        gateway_t *gateway = gateway_start(CONF_ORIGIN ROUTE("consecutive_failures: 1, half_open_requests: 3, "
                                                             "open_for: 10ms, max_open_for: 10ms"),
                                           origin->port);
        expect(gateway, t, 500, NULL);
        atomic_store(&mood.status, 200);
        atomic_store(&mood.is_held, true);
        pending_t *pending[num_pending];
        /* the probes hang: whoever comes after them is refused at once */
        for (int i = 0; i != num_probes; ++i) {
            size_t before = atomic_load(&origin->num_requests);
            for (;;) { /* the first ones may come before the open time is over */
                pending[i] = pending_start(gateway, t);
                struct timespec start, now;
                clock_gettime(CLOCK_MONOTONIC, &start);
                bool is_asked = false;
                do {
                    is_asked = atomic_load(&origin->num_requests) > before;
                    poll(NULL, 0, 1);
                    clock_gettime(CLOCK_MONOTONIC, &now);
                } while (!is_asked &&
                         (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < 300);
                if (is_asked)
                    break;
                assert_int_equal(pending_status(pending[i]), 503);
            }
        }
        for (int i = 0; i != 9; ++i)
            expect(gateway, (transport_t)(i % NUM_TRANSPORTS), 503, "\"breaker_open\"");
        assert_int_equal(atomic_load(&origin->num_requests), 1 + num_probes);
        atomic_store(&mood.is_held, false);
        for (int i = 0; i != num_probes; ++i)
            assert_int_equal(pending_status(pending[i]), 200);
        free(process_wait_for(gateway->process, "half_open -> closed", 1));
        expect(gateway, t, 200, NULL);
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

static void a_probe_whose_client_leaves_gives_its_place_to_another(void **state)
{
    mood_t mood = {.status = 500};
    origin_t *origin = origin_start(answer_by_mood, &mood);
    gateway_t *gateway = gateway_start(
        CONF_ORIGIN ROUTE("consecutive_failures: 1, half_open_requests: 1, open_for: 10ms, max_open_for: 10ms"),
        origin->port);
    expect(gateway, OVER_HTTP1, 500, NULL);
    atomic_store(&mood.is_held, true);
    while (atomic_load(&origin->num_requests) < 2) { /* until one is a probe */
        reply_t reply = fetch(gateway, OVER_HTTP1, &(request_t){.path = "/", .timeout_ms = 100});
        reply_free(&reply);
    }
    free(process_wait_for(gateway->process, "\"reason\":\"client_closed\"", 1));
    atomic_store(&mood.is_held, false);
    atomic_store(&mood.status, 200);
    fetch_until(gateway, OVER_HTTP1, 200);
    free(process_wait_for(gateway->process, "half_open -> closed", 1));
    gateway_stop(gateway);
    origin_stop(origin);
}

/* instead of a refusal --------------------------------------------------------------------------------------------- */

static void a_fallback_answers_instead(void **state)
{
    mood_t bad = {.status = 500}, good = {.status = 200};
    static const char *const breakers[] = {
        "consecutive_failures: 1, open_for: 60s, max_open_for: 60s, fallback: { service: spare }",
        "consecutive_failures: 1, open_for: 60s, max_open_for: 60s, per: endpoint, fallback: { service: spare }",
        "consecutive_failures: 1, open_for: 60s, max_open_for: 60s, fallback: { status: 200, content_type: a/b, body: "
        "mood }",
        "consecutive_failures: 1, open_for: 60s, max_open_for: 60s, per: endpoint, fallback: { status: 200, "
        "content_type: a/b, body: mood }",
        "force: open, fallback: { status: 200, content_type: a/b, body: mood }",
    };
    for (size_t i = 0; i != sizeof(breakers) / sizeof(breakers[0]); ++i) {
        origin_t *origin = origin_start(answer_by_mood, &bad), *spare = origin_start(answer_by_mood, &good);
        gateway_t *gateway = gateway_start(
            CONF_ORIGIN "  spare: { endpoints: [ \"http://127.0.0.1:%d\" ] }\n"
                        "routes:\n  - { path: /, service: origin, filters: [ { circuit_breaker: { %s } } ] }\n"
                        "  - { path: /spare, service: spare }\n",
            origin->port, spare->port, breakers[i]);
        if (strstr(breakers[i], "force") == NULL)
            expect(gateway, OVER_HTTP1, 500, NULL);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .method = "POST", .body = "something"});
            if (reply.status != 200 || strcmp(reply.body, "mood") != 0)
                fail_msg("%s over %s: %d %s", breakers[i], transport_names[t], reply.status, reply.body);
            char *type = reply_field(&reply, "content-type");
            assert_int_equal(type != NULL && strcmp(type, "a/b") == 0, strstr(breakers[i], "a/b") != NULL);
            free(type);
            reply_free(&reply);
        }
        free(process_wait_for(gateway->process, "\"verdict\":\"fallback\"", 3));
        gateway_stop(gateway);
        origin_stop(origin);
        origin_stop(spare);
    }
}

static void observing_refuses_nothing_and_says_what_it_would_have_done(void **state)
{
    static const char *const breakers[] = {
        "mode: observe, consecutive_failures: 1, open_for: 60s, max_open_for: 60s",
        "mode: observe, per: endpoint, consecutive_failures: 1, open_for: 60s, max_open_for: 60s",
        "mode: observe, force: open",
    };
    for (size_t i = 0; i != sizeof(breakers) / sizeof(breakers[0]); ++i) {
        mood_t mood = {.status = 500};
        origin_t *origin = origin_start(answer_by_mood, &mood);
        gateway_t *gateway = gateway_start(
            CONF_ORIGIN "routes: [ { path: /, service: origin, filters: [ { circuit_breaker: { %s } } ] } ]\n",
            origin->port, breakers[i]);
        for (int k = 0; k != 4; ++k)
            expect(gateway, (transport_t)(k % NUM_TRANSPORTS), 500, NULL);
        free(process_wait_for(gateway->process, "\"verdict\":\"would_refuse\"", 3));
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

static void forced_closed_never_refuses(void **state)
{
    mood_t mood = {.status = 500};
    origin_t *origin = origin_start(answer_by_mood, &mood);
    gateway_t *gateway = gateway_start(CONF_ORIGIN ROUTE("force: closed, consecutive_failures: 1"), origin->port);
    for (int k = 0; k != 5; ++k)
        expect(gateway, (transport_t)(k % NUM_TRANSPORTS), 500, NULL);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void per_endpoint_the_others_serve_on(void **state)
{
    mood_t bad = {.status = 500}, good = {.status = 200};
    origin_t *one = origin_start(answer_by_mood, &bad), *two = origin_start(answer_by_mood, &good);
    gateway_t *gateway = gateway_start(
        CONF_LISTEN "services:\n  origin:\n    endpoints: [ \"http://127.0.0.1:%d\", \"http://127.0.0.1:%d\" ]\n"
                    "    retries: { attempts: 1 }\n" ROUTE("per: endpoint, consecutive_failures: 2, open_for: 60s, "
                                                           "max_open_for: 60s"),
        one->port, two->port);
    int num_bad = 0;
    for (int i = 0; i != 20; ++i) {
        reply_t reply = fetch_path(gateway, (transport_t)(i % NUM_TRANSPORTS), "/");
        num_bad += reply.status == 500;
        assert_true(reply.status == 500 || reply.status == 200);
        reply_free(&reply);
    }
    assert_int_equal(num_bad, 2);
    assert_int_equal(atomic_load(&two->num_requests), 18);
    free(process_wait_for(gateway->process, "closed -> open", 1));
    gateway_stop(gateway);
    origin_stop(one);
    origin_stop(two);
}

/* bulkhead --------------------------------------------------------------------------------------------------------- */

static void a_bulkhead_holds_back_what_is_too_much(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        mood_t mood = {.status = 200, .is_held = true};
        origin_t *origin = origin_start(answer_by_mood, &mood);
        gateway_t *gateway =
            gateway_start(CONF_ORIGIN ROUTE("max_concurrent: 2, max_queue: 1, queue_timeout: 10s"), origin->port);
        pending_t *inside[2], *outside[2];
        for (size_t i = 0; i != 2; ++i) {
            inside[i] = pending_start(gateway, t);
            origin_wait(&origin->num_requests, i + 1);
        }
        /* of two more one finds a place in line, and the other none */
        for (size_t i = 0; i != 2; ++i)
            outside[i] = pending_start(gateway, t);
        free(process_wait_for(gateway->process, "\"reason\":\"bulkhead_full\"", 1));
        assert_int_equal(atomic_load(&origin->num_requests), 2);
        atomic_store(&mood.is_held, false);
        for (size_t i = 0; i != 2; ++i)
            assert_int_equal(pending_status(inside[i]), 200);
        int first = pending_status(outside[0]), second = pending_status(outside[1]);
        assert_true((first == 200 && second == 503) || (first == 503 && second == 200));
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

static void waiting_for_a_place_has_an_end(void **state)
{
    mood_t mood = {.status = 200, .is_held = true};
    origin_t *origin = origin_start(answer_by_mood, &mood);
    gateway_t *gateway =
        gateway_start(CONF_ORIGIN ROUTE("max_concurrent: 1, max_queue: 5, queue_timeout: 50ms"), origin->port);
    pending_t *inside = pending_start(gateway, OVER_HTTP1);
    origin_wait(&origin->num_requests, 1);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        expect(gateway, t, 503, "\"queue_timeout\"");
    atomic_store(&mood.is_held, false);
    assert_int_equal(pending_status(inside), 200);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        expect(gateway, t, 200, NULL);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_place_freed_by_one_worker_serves_those_who_wait_at_another(void **state)
{
    enum { num = 40 };
    mood_t mood = {.status = 200, .delay_ms = 1};
    origin_t *origin = origin_start(answer_by_mood, &mood);
    gateway_t *gateway = gateway_start("workers: 4\nlisten: [ { address: 127.0.0.1:0 } ]\n"
                                       "services:\n  origin: { endpoints: [ \"http://127.0.0.1:%d\" ] }\n" ROUTE(
                                           "max_concurrent: 1, max_queue: 100, queue_timeout: 20s"),
                                       origin->port);
    pending_t *pending[num];
    for (size_t i = 0; i != num; ++i)
        pending[i] = pending_start(gateway, OVER_HTTP1);
    for (size_t i = 0; i != num; ++i)
        assert_int_equal(pending_status(pending[i]), 200);
    gateway_stop(gateway);
    origin_stop(origin);
}

/* reloads ---------------------------------------------------------------------------------------------------------- */

static void an_open_breaker_stays_open_over_a_reload(void **state)
{
    mood_t mood = {.status = 500};
    origin_t *origin = origin_start(answer_by_mood, &mood);
    gateway_t *gateway =
        gateway_start(CONF_ORIGIN ROUTE("consecutive_failures: 1, open_for: 60s, max_open_for: 60s"), origin->port);
    expect(gateway, OVER_HTTP1, 500, NULL);
    expect(gateway, OVER_HTTP1, 503, "\"breaker_open\"");
    for (int i = 0; i != 3; ++i) {
        process_signal(gateway->process, SIGHUP);
        free(process_wait_for(gateway->process, "reloaded: generation", (size_t)i + 1));
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
            expect(gateway, t, 503, "\"breaker_open\"");
    }
    assert_int_equal(atomic_load(&origin->num_requests), 1);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void those_who_wait_are_served_over_a_reload(void **state)
{
    mood_t mood = {.status = 200, .is_held = true};
    origin_t *origin = origin_start(answer_by_mood, &mood);
    gateway_t *gateway =
        gateway_start(CONF_ORIGIN ROUTE("max_concurrent: 1, max_queue: 4, queue_timeout: 20s"), origin->port);
    pending_t *waiting, *later, *inside = pending_start(gateway, OVER_HTTP1);
    origin_wait(&origin->num_requests, 1);
    waiting = pending_start(gateway, OVER_TLS);
    process_signal(gateway->process, SIGHUP);
    free(process_wait_for(gateway->process, "reloaded: generation", 1));
    later = pending_start(gateway, OVER_HTTP2);
    atomic_store(&mood.is_held, false);
    assert_int_equal(pending_status(inside), 200);
    assert_int_equal(pending_status(waiting), 200);
    assert_int_equal(pending_status(later), 200);
    gateway_stop(gateway);
    origin_stop(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failing_service_opens_it_and_a_good_one_closes_it),
        cmocka_unit_test(a_refusal_says_when_to_come_again),
        cmocka_unit_test(what_is_not_the_services_fault_does_not_open_it),
        cmocka_unit_test(clients_that_give_up_on_a_hanging_service_open_it_all_the_same),
        cmocka_unit_test(a_body_that_breaks_off_counts_as_a_failure),
        cmocka_unit_test(half_open_lets_exactly_so_many_probes_through),
        cmocka_unit_test(a_probe_whose_client_leaves_gives_its_place_to_another),
        cmocka_unit_test(a_fallback_answers_instead),
        cmocka_unit_test(observing_refuses_nothing_and_says_what_it_would_have_done),
        cmocka_unit_test(forced_closed_never_refuses),
        cmocka_unit_test(per_endpoint_the_others_serve_on),
        cmocka_unit_test(a_bulkhead_holds_back_what_is_too_much),
        cmocka_unit_test(waiting_for_a_place_has_an_end),
        cmocka_unit_test(a_place_freed_by_one_worker_serves_those_who_wait_at_another),
        cmocka_unit_test(an_open_breaker_stays_open_over_a_reload),
        cmocka_unit_test(those_who_wait_are_served_over_a_reload),
    };
    return cmocka_run_group_tests_name("test_breaker", tests, NULL, NULL);
}
