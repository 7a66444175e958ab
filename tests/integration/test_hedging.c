/* SPDX-License-Identifier: MIT
 * Slow requests that a second endpoint is asked for: which, and whose answer counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/fleet.h"

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
    origin_t *slow = origin_start(origin_hang, NULL), *good = origin_start(origin_reflect, NULL);
    gateway_t *gateway = pair_gateway(slow->port, good->port, HEDGE);
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
    origin_t *slow = origin_start(answer_when_told, &gate), *second = origin_start(origin_hang, NULL);
    gateway_t *gateway = pair_gateway(slow->port, second->port, HEDGE);
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
        gateway = pair_gateway(slow->port, second->port, HEDGE);
    }
    gateway_stop(gateway);
    origin_stop(slow);
    origin_stop(second);
}

static void when_the_second_try_fails_the_first_is_waited_for(void **state)
{
    static const origin_script_t scripts[] = {origin_vanish, origin_refuse, origin_reset, origin_talk_junk};
    for (size_t i = 0; i != 4; ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            gate_t gate = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"};
            origin_t *slow = origin_start(answer_when_told, &gate), *second = origin_start(scripts[i], NULL);
            gateway_t *gateway =
                pair_gateway(slow->port, second->port,
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
                pair_gateway(bad->port, second->port,
                             NOT_EJECTED "    timeouts: { response: 10m }\n"
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
        snprintf(options, sizeof(options), NOT_EJECTED "    timeouts: { response: 500ms }\n    retries: { %s }\n",
                 cases[i].retries);
        origin_t *slow = origin_start(origin_hang, NULL), *good = origin_start(origin_reflect, NULL);
        gateway_t *gateway = pair_gateway(slow->port, good->port, options);
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
    origin_t *origin = origin_start(answer_when_told, &gate), *other = origin_start(origin_hang, NULL);
    gateway_t *gateway = gateway_start(CONF_LISTEN "services:\n"
                                                   "  alone:\n    endpoints: [ \"http://127.0.0.1:%d\" ]\n" NOT_EJECTED
                                                   "    timeouts: { response: 10m }\n"
                                                   "    retries: { attempts: 3, hedge_after: 10ms }\n"
                                                   "  other:\n    endpoints: [ \"http://127.0.0.1:%d\" ]\n" NOT_EJECTED
                                                   "    timeouts: { response: 300ms }\n"
                                                   "routes:\n  - { path: /, service: alone }\n"
                                                   "  - { path: /other, service: other }\n",
                                       origin->port, other->port);
    pending_t *pendings[NUM_TRANSPORTS];
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        pendings[t] = fetch_later(gateway, t, &(request_t){.path = "/"});
        origin_wait(&origin->num_requests, (size_t)t + 1);
    }
    reply_t reply = fetch(gateway, OVER_HTTP1, &(request_t){.path = "/other", .method = "POST"}); /* time passes */
    assert_int_equal(reply.status, 504);
    reply_free(&reply);
    atomic_store(&gate.go, SIZE_MAX);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply = pending_wait(pendings[t]);
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
    }
    assert_int_equal(atomic_load(&origin->num_requests), NUM_TRANSPORTS);
    gateway_stop(gateway);
    origin_stop(origin);
    origin_stop(other);
}

static void a_client_that_leaves_ends_both_tries(void **state)
{
    origin_t *slow = origin_start(origin_hang, NULL), *second = origin_start(origin_hang, NULL);
    gateway_t *gateway = pair_gateway(slow->port, second->port, HEDGE);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        pending_t *pending = fetch_later(gateway, t, &(request_t){.path = "/"});
        origin_wait(&slow->num_requests, (size_t)t + 1);
        origin_wait(&second->num_requests, (size_t)t + 1);
        reply_t reply = pending_leave(pending);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_first_try_is_overtaken_by_a_second_one),
        cmocka_unit_test(the_first_try_may_still_win),
        cmocka_unit_test(when_the_second_try_fails_the_first_is_waited_for),
        cmocka_unit_test(when_the_first_try_fails_the_second_is_waited_for),
        cmocka_unit_test(nothing_unsafe_or_unaffordable_is_hedged),
        cmocka_unit_test(without_another_endpoint_nothing_is_hedged),
        cmocka_unit_test(a_client_that_leaves_ends_both_tries),
    };
    return cmocka_run_group_tests_name("hedging", tests, NULL, NULL);
}
