/* SPDX-License-Identifier: MIT
 * What is left of a rate limit after a reload: nothing is refilled, whatever changes. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/expect.h"
#include "tests/support/one_origin.h"
#include "tests/support/quotas.h"

#define PLACE(filter) "routes: [ { path: /, service: origin, filters: [ " filter " ] } ]\n"
#define NAMED(options)                                                                                                 \
    "filters: { polite: { rate_limit: { " options " } } }\n"                                                           \
    "routes: [ { path: /, service: origin, filters: [ polite ] } ]\n"

static gateway_t *start(const char *conf)
{
    return gateway_start(CONF_LISTEN CONF_ORIGIN "%s", origin->port, conf);
}

static void reload(gateway_t *gateway, const char *conf, size_t nth)
{
    gateway_write_conf(gateway, CONF_LISTEN CONF_ORIGIN "%s", origin->port, conf);
    gateway_reload(gateway, nth);
}

static void expect_remaining(const gateway_t *gateway, transport_t transport, const char *about, int status,
                             int64_t remaining)
{
    reply_t reply = fetch_path(gateway, transport, "/?a=same&b=same");
    if (reply.status != status || quotas_remaining(&reply) != remaining)
        fail_msg("%s: %d instead of %d, or not %lld left: %s", about, reply.status, status, (long long)remaining,
                 reply.head);
    reply_free(&reply);
}

static void buckets_stay_as_they_are_when_the_conf_does(void **state)
{
    static const char *const confs[] = {
        NAMED("key: client_address, rate: 1/h, burst: 9"),
        PLACE("{ rate_limit: { key: client_address, rate: 1/h, burst: 9 } }"),
    };
    for (size_t i = 0; i != sizeof(confs) / sizeof(confs[0]); ++i) {
        gateway_t *gateway = start(confs[i]);
        for (int k = 0; k != 12; ++k) {
            expect_remaining(gateway, (transport_t)(k % NUM_TRANSPORTS), confs[i], k < 9 ? 200 : 429,
                             k < 9 ? 8 - k : 0);
            gateway_reload(gateway, (size_t)k + 1);
        }
        gateway_stop(gateway);
    }
}

static void what_was_taken_stays_taken_when_the_conf_changes(void **state)
{
    static const struct {
        const char *about, *before, *after;
        int num_before; /* requests, which pass */
        int status;     /* of the first one after it */
        int64_t remaining;
    } rows[] = {
        {"a larger bucket", NAMED("key: client_address, rate: 1/h, burst: 9"),
         NAMED("key: client_address, rate: 1/h, burst: 20"), 4, 200, 15},
        {"a smaller one", NAMED("key: client_address, rate: 1/h, burst: 9"),
         NAMED("key: client_address, rate: 1/h, burst: 6"), 4, 200, 1},
        {"one that is smaller than what was taken", NAMED("key: client_address, rate: 1/h, burst: 9"),
         NAMED("key: client_address, rate: 1/h, burst: 3"), 4, 429, 0},
        {"another rate", NAMED("key: client_address, rate: 1/h, burst: 9"),
         NAMED("key: client_address, rate: 7/d, burst: 9"), 4, 200, 4},
        {"room for more clients", NAMED("key: client_address, rate: 1/h, burst: 9, keys: 10"),
         NAMED("key: client_address, rate: 1/h, burst: 9, keys: 20000"), 4, 200, 4},
        {"room for fewer clients", NAMED("key: client_address, rate: 1/h, burst: 9"),
         NAMED("key: client_address, rate: 1/h, burst: 9, keys: 1"), 4, 200, 4},
        {"other options", NAMED("key: client_address, rate: 1/h, burst: 9"),
         NAMED("key: client_address, rate: 1/h, burst: 9, cost: 2, when_full: refuse, max_delay: 1s, fields: both"), 4,
         200, 3},
        {"from watching to enforcing", NAMED("key: client_address, rate: 1/h, burst: 4, mode: observe"),
         NAMED("key: client_address, rate: 1/h, burst: 4"), 6, 429, 0},
        {"a trial comes along", NAMED("key: client_address, rate: 1/h, burst: 9"),
         NAMED("key: client_address, rate: 1/h, burst: 9, trial: { rate: 1/d }"), 4, 200, 4},
        {"other routes", NAMED("key: client_address, rate: 1/h, burst: 9"),
         "filters: { polite: { rate_limit: { key: client_address, rate: 1/h, burst: 9 } } }\n"
         "routes: [ { path: /, service: origin, filters: [ polite ] }, "
         "{ path: /more/, service: origin, filters: [ polite ] } ]\n",
         4, 200, 4},
        {"one of several limits is left",
         NAMED("key: client_address, limits: [ { name: a, rate: 1/h, burst: 9 }, { name: b, rate: 1/h, burst: 5 } ]"),
         NAMED("key: client_address, name: b, rate: 1/h, burst: 5"), 4, 200, 0},
        /* whose buckets they were is not known by the new key */
        {"another key", NAMED("key: client_address, rate: 1/h, burst: 9"), NAMED("key: all, rate: 1/h, burst: 9"), 4,
         200, 8},
        {"another key of which the value is the same",
         NAMED("key: \"query:a\", when_missing: refuse, rate: 1/h, burst: 9"),
         NAMED("key: \"query:b\", when_missing: refuse, rate: 1/h, burst: 9"), 4, 200, 8},
        {"another prefix", NAMED("key: client_address, rate: 1/h, burst: 9"),
         NAMED("key: client_address, ipv4_prefix: 24, rate: 1/h, burst: 9"), 4, 200, 8},
        {"another name of the limit", NAMED("key: client_address, rate: 1/h, burst: 9"),
         NAMED("key: client_address, name: other, rate: 1/h, burst: 9"), 4, 200, 8},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            gateway_t *gateway = start(rows[i].before);
            for (int k = 0; k != rows[i].num_before; ++k)
                expect_status(gateway, t, "/?a=same&b=same", 200);
            reload(gateway, rows[i].after, 1);
            expect_remaining(gateway, t, rows[i].about, rows[i].status, rows[i].remaining);
            gateway_stop(gateway);
        }
}

static void changes_back_and_forth_refill_nothing(void **state)
{
    static const char *const confs[] = {
        NAMED("key: client_address, rate: 1/h, burst: 12"),
        NAMED("key: client_address, rate: 1/h, burst: 20"),
        NAMED("key: client_address, rate: 1/d, burst: 12, keys: 50"),
        NAMED("key: client_address, rate: 2/h, burst: 12"),
    };
    gateway_t *gateway = start(confs[0]);
    for (size_t k = 0; k != 12; ++k) {
        int64_t burst = k % 4 == 1 ? 20 : 12;
        expect_remaining(gateway, (transport_t)(k % NUM_TRANSPORTS), "back and forth", 200, burst - 1 - (int64_t)k);
        reload(gateway, confs[(k + 1) % 4], k + 1);
    }
    expect_remaining(gateway, OVER_HTTP1, "at last", 429, 0);
    gateway_stop(gateway);
}

static void a_reload_that_fails_changes_nothing(void **state)
{
    gateway_t *gateway = start(NAMED("key: client_address, rate: 1/h, burst: 3"));
    expect_remaining(gateway, OVER_HTTP1, "before", 200, 2);
    gateway_write_conf(gateway, CONF_LISTEN CONF_ORIGIN NAMED("key: client_address, rate: 1/fortnight"), origin->port);
    process_signal(gateway->process, SIGHUP);
    free(process_wait_for(gateway->process, "reload refused", 1));
    expect_remaining(gateway, OVER_HTTP2, "after", 200, 1);
    gateway_stop(gateway);
}

/* requests under way ----------------------------------------------------------------------------------------------- */

/** An origin that keeps requests for /held until it is told to answer them with 500. */
typedef struct hold {
    atomic_bool is_over;
} hold_t;

static void hold_back(origin_t *place, int fd, size_t index)
{
    hold_t *hold = place->arg;
    for (char *request; (request = origin_read_request(place, fd)) != NULL;) {
        bool is_held = strstr(request, " /held ") != NULL;
        free(request);
        struct pollfd peer = {.fd = fd, .events = POLLRDHUP};
        while (is_held && !atomic_load(&hold->is_over))
            if (poll(&peer, 1, 1) != 0)
                return;
        if (!origin_write(fd, is_held ? "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
                                      : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
            break;
    }
}

static void what_a_request_of_before_gives_back_is_there_after_the_reload(void **state)
{
    static const char conf[] = NAMED("key: client_address, rate: 1/h, burst: 9, cost: 4, cost_by_status: { 5xx: 0 }");
    static const request_t held = {.path = "/held"};
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        hold_t hold = {.is_over = false};
        origin_t *place = origin_start(hold_back, &hold);
        gateway_t *gateway = gateway_start(CONF_LISTEN CONF_ORIGIN "%s", place->port, conf);
        pending_t *pending = fetch_later(gateway, t, &held);
        origin_wait(&place->num_requests, 1);
        gateway_reload(gateway, 1);
        expect_remaining(gateway, t, "while it is held", 200, 1);
        atomic_store(&hold.is_over, true);
        reply_t reply = pending_wait(pending);
        assert_int_equal(reply.status, 500);
        assert_int_equal(quotas_remaining(&reply), 5);
        reply_free(&reply);
        expect_remaining(gateway, t, "afterwards", 200, 1);
        gateway_stop(gateway);
        origin_stop(place);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_stay_as_they_are_when_the_conf_does),
        cmocka_unit_test(what_was_taken_stays_taken_when_the_conf_changes),
        cmocka_unit_test(changes_back_and_forth_refill_nothing),
        cmocka_unit_test(a_reload_that_fails_changes_nothing),
        cmocka_unit_test(what_a_request_of_before_gives_back_is_there_after_the_reload),
    };
    return cmocka_run_group_tests_name("rate_limit_reload", tests, origin_set_up, origin_tear_down);
}
