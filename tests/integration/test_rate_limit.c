/* SPDX-License-Identifier: MIT
 * Rate limits over every transport: bursts and what comes back, several limits, whom they spare, tables that are full,
 * limits that are only watched, and which filters count together. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/base/clock.h"
#include "tests/support/expect.h"
#include "tests/support/one_origin.h"
#include "tests/support/quotas.h"

#define ROUTE(filters) "routes: [ { path: /, service: origin, filters: [ " filters " ] } ]\n"
#define LIMIT(options) ROUTE("{ rate_limit: { " options " } }")

/** @return status of GET / by the client with that name */
static int ask_as(const gateway_t *gateway, transport_t transport, const char *name)
{
    char header[64];
    snprintf(header, sizeof(header), "X-Client: %s", name);
    reply_t reply = fetch(gateway, transport, &(request_t){.path = "/", .headers = (const char *[]){header, NULL}});
    int status = reply.status;
    quotas_of(&reply);
    reply_free(&reply);
    return status;
}

static int ask_as_number(const gateway_t *gateway, size_t number)
{
    char name[32];
    snprintf(name, sizeof(name), "client-%zu", number);
    return ask_as(gateway, (transport_t)(number % NUM_TRANSPORTS), name);
}

/* time ------------------------------------------------------------------------------------------------------------- */

static void a_burst_passes_and_no_more(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        gateway_t *gateway =
            gateway_start(CONF_LISTEN CONF_ORIGIN LIMIT("key: client_address, rate: 1/h, burst: 5"), origin->port);
        size_t asked = atomic_load(&origin->num_requests);
        client_t *client = client_create(gateway, t);
        for (int i = 0; i != 8; ++i) {
            reply_t reply = client_send(client, &(request_t){.path = "/"});
            assert_int_equal(reply.status, i < 5 ? 200 : 429);
            assert_int_equal(quotas_remaining(&reply), i < 5 ? 4 - i : 0);
            if (i != 0)
                assert_int_equal(reply.num_connects, 0); /* a refusal leaves the connection */
            reply_free(&reply);
        }
        client_free(client);
        assert_int_equal(atomic_load(&origin->num_requests) - asked, 5);
        free(process_wait_for(gateway->process,
                              "\"decisions\":[{\"filter\":\"rate_limit\",\"verdict\":\"refused\",\"reason\":"
                              "\"rate_limited\",\"detail\":\"default\"}]",
                              3));
        gateway_stop(gateway);
    }
}

/** Asks until it passes.  @return microseconds from `start_us` to the answer */
static uint64_t ask_until_passed(client_t *client, uint64_t start_us)
{
    for (;;) {
        reply_t reply = client_send(client, &(request_t){.path = "/"});
        int status = reply.status;
        uint64_t elapsed_us = gw_clock_us() - start_us;
        reply_free(&reply);
        if (status == 200)
            return elapsed_us;
        assert_int_equal(status, 429);
        if (elapsed_us > DEADLINE_MS * 1000ull)
            fail_msg("still refused after %llu us", (unsigned long long)elapsed_us);
        poll(NULL, 0, 1); /* gives the processor away; the deadline decides, not this */
    }
}

static void tokens_come_back_one_by_one_and_not_before_their_time(void **state)
{
    enum { token_us = 250000, slack_us = 20000, num = 4 }; /* a worker reads its clock once per turn */
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        gateway_t *gateway =
            gateway_start(CONF_LISTEN CONF_ORIGIN LIMIT("key: client_address, rate: 1/250ms, burst: 2"), origin->port);
        client_t *client = client_create(gateway, t);
        uint64_t start_us = gw_clock_us();
        for (int i = 0; i != 2 + num; ++i) {
            uint64_t elapsed_us = ask_until_passed(client, start_us);
            if (i >= 2 && elapsed_us + slack_us < (uint64_t)(i - 1) * token_us)
                fail_msg("the %dth passed after %llu us over %s", i, (unsigned long long)elapsed_us,
                         transport_names[t]);
        }
        client_free(client);
        gateway_stop(gateway);
    }
}

/* several limits --------------------------------------------------------------------------------------------------- */

static void several_limits_take_from_all_or_from_none(void **state)
{
    static const char conf[] = LIMIT("key: client_address, limits: [ { name: short, rate: 1/h, burst: 2 }, "
                                     "{ name: \"long one\", rate: 1/2h, burst: 10 } ]");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        gateway_t *gateway = gateway_start(CONF_LISTEN CONF_ORIGIN "%s", origin->port, conf);
        for (int i = 0; i != 5; ++i) {
            reply_t reply = fetch_path(gateway, t, "/");
            assert_int_equal(reply.status, i < 2 ? 200 : 429);
            quotas_t quotas = quotas_of(&reply);
            assert_int_equal(quotas.num, 2);
            assert_string_equal(quotas.limits[0].name, "short");
            assert_int_equal(quotas.limits[0].remaining, i < 2 ? 1 - i : 0);
            assert_string_equal(quotas.limits[1].name, "long one");
            assert_int_equal(quotas.limits[1].remaining, i < 2 ? 9 - i : 8); /* what is refused takes from none */
            if (i >= 2) {
                expect_reply(&reply, 429, "rate_limited");
                assert_non_null(strstr(reply.body, "\"violated-policies\":[\"short\"]"));
            }
            reply_free(&reply);
        }
        gateway_stop(gateway);
    }
}

static void the_refusal_names_every_limit_that_refuses(void **state)
{
    gateway_t *gateway =
        gateway_start(CONF_LISTEN CONF_ORIGIN LIMIT("key: client_address, limits: [ { name: a, rate: 1/h }, "
                                                    "{ name: b, rate: 2/h, burst: 9 }, { name: c, rate: 1/d } ]"),
                      origin->port);
    expect_status(gateway, OVER_HTTP1, "/", 200);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/");
        expect_reply(&reply, 429, "rate_limited");
        assert_non_null(strstr(reply.body, "\"violated-policies\":[\"a\",\"c\"]"));
        quotas_t quotas = quotas_of(&reply);
        assert_true(quotas.retry_after_s > 3600); /* until the day's limit lets it pass, too */
        reply_free(&reply);
    }
    free(process_wait_for(gateway->process, "\"reason\":\"rate_limited\",\"detail\":\"a, c\"", NUM_TRANSPORTS));
    gateway_stop(gateway);
}

static void who_wants_more_than_is_left_waits_for_the_slowest_limit(void **state)
{
    static const char conf[] = LIMIT("key: client_address, cost: 2, limits: [ { name: day, rate: 1/d, burst: 3 }, "
                                     "{ name: hour, rate: 1/h, burst: 3 } ]");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        gateway_t *gateway = gateway_start(CONF_LISTEN CONF_ORIGIN "%s", origin->port, conf);
        expect_status(gateway, t, "/", 200);
        reply_t reply = fetch_path(gateway, t, "/");
        expect_reply(&reply, 429, "rate_limited");
        quotas_t quotas = quotas_of(&reply);
        assert_int_equal(quotas.limits[0].remaining, 1); /* which is too little */
        assert_int_equal(quotas.limits[1].remaining, 1);
        assert_in_range(quotas.retry_after_s, 86000, 86400);
        reply_free(&reply);
        gateway_stop(gateway);
    }
}

/* whom it spares --------------------------------------------------------------------------------------------------- */

static void some_requests_are_not_limited(void **state)
{
    static const struct {
        const char *about, *conf;
        step_t steps[STEPS_MAX];
    } rows[] = {
        {"a network",
         "trusted_proxies: [ 127.0.0.1 ]\n" LIMIT(
             "key: client_address, rate: 1/h, exempt: [ \"client_address=10.0.0.0/8\" ]"),
         {{"/", {"X-Forwarded-For: 10.1.2.3"}, 200, UNTOLD},
          {"/", {"X-Forwarded-For: 10.1.2.3"}, 200, UNTOLD},
          {"/", {"X-Forwarded-For: 192.0.2.1"}, 200, 0},
          {"/", {"X-Forwarded-For: 192.0.2.1"}, 429, 0}}},
        {"a network that an untrusted client says it is from",
         LIMIT("key: client_address, rate: 1/h, exempt: [ \"client_address=10.0.0.0/8\" ]"),
         {{"/", {"X-Forwarded-For: 10.1.2.3"}, 200, 0}, {"/", {"X-Forwarded-For: 10.1.2.3"}, 429, 0}}},
        {"a method",
         LIMIT("key: client_address, rate: 1/h, exempt: [ method=DELETE ]"),
         {{"DELETE /", {NULL}, 200, UNTOLD},
          {"/", {NULL}, 200, 0},
          {"/", {NULL}, 429, 0},
          {"DELETE /", {NULL}, 200, UNTOLD}}},
        {"a secret in a field",
         LIMIT("key: client_address, rate: 1/h, exempt: [ \"header:X-Probe=open sesame\" ]"),
         {{"/", {"X-Probe: open sesame"}, 200, UNTOLD},
          {"/", {"X-Probe: open sesam"}, 200, 0},
          {"/", {"X-Probe: open sesame", "X-Probe: open sesame"}, 429, 0},
          {"/", {"X-Probe: open sesame"}, 200, UNTOLD}}},
        {"what a browser asks beforehand",
         ROUTE("{ cors: { origins: \"https://app.example\", methods: [ PUT ] } }, "
               "{ rate_limit: { key: client_address, rate: 1/h, burst: 2 } }"),
         {{"OPTIONS /", {"Origin: https://app.example", "Access-Control-Request-Method: PUT"}, 204, UNTOLD},
          {"OPTIONS /", {"Origin: https://app.example", "Access-Control-Request-Method: PUT"}, 204, UNTOLD},
          {"/", {"Origin: https://app.example"}, 200, 1},
          {"OPTIONS /", {"Origin: https://app.example", "Access-Control-Request-Method: PUT"}, 204, UNTOLD},
          {"/", {"Origin: https://app.example"}, 200, 0},
          {"/", {"Origin: https://app.example"}, 429, 0},
          {"OPTIONS /", {"Origin: https://app.example", "Access-Control-Request-Method: PUT"}, 204, UNTOLD}}},
        {"the same behind the limit",
         ROUTE("{ rate_limit: { key: client_address, rate: 1/h, burst: 1 } }, "
               "{ cors: { origins: \"https://app.example\", methods: [ PUT ] } }"),
         {{"OPTIONS /", {"Origin: https://app.example", "Access-Control-Request-Method: PUT"}, 204, UNTOLD},
          {"/", {"Origin: https://app.example"}, 200, 0},
          {"OPTIONS /", {"Origin: https://app.example", "Access-Control-Request-Method: PUT"}, 204, UNTOLD},
          {"OPTIONS /", {NULL}, 429, 0}}},
        {"an OPTIONS that no filter answers",
         LIMIT("key: client_address, rate: 1/h"),
         {{"OPTIONS /", {"Origin: https://app.example", "Access-Control-Request-Method: PUT"}, 200, 0},
          {"OPTIONS /", {"Origin: https://app.example", "Access-Control-Request-Method: PUT"}, 429, 0}}},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i)
        steps_run_on_origin(rows[i].about, rows[i].steps, "%s", rows[i].conf);
}

/* full tables ------------------------------------------------------------------------------------------------------ */

static void clients_without_a_place_share_a_bucket_and_never_get_a_fresh_one(void **state)
{
    static const struct {
        const char *options;
        size_t least,
            most;        /* clients that get a place of their own: a table has a little more room than was asked for */
        size_t num_over; /* what the bucket of all the others holds */
    } rows[] = {
        {"keys: 1, when_full: shared", 1, 40, 3},
        {"keys: 1, when_full: refuse", 1, 40, 0},
        {"keys: 20, when_full: shared", 20, 90, 3},
        {"keys: 20, when_full: refuse", 20, 90, 0},
    };
    enum { num_clients = 120, burst = 3 };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        gateway_t *gateway = gateway_start(
            CONF_LISTEN CONF_ORIGIN "routes: [ { path: /, service: origin, filters: [ { rate_limit: { key: "
                                    "\"header:X-Client\", when_missing: refuse, rate: 1/h, burst: 3, %s } } ] } ]\n",
            origin->port, rows[i].options);
        bool has_place[num_clients];
        size_t num_places = 0, num_others = 0, passed[num_clients] = {0};
        for (int round = 0; round != burst + 2; ++round)
            for (size_t k = 0; k != num_clients; ++k) {
                int status = ask_as_number(gateway, k);
                assert_true(status == 200 || status == 429);
                passed[k] += status == 200;
            }
        for (size_t k = 0; k != num_clients; ++k) {
            has_place[k] = passed[k] == burst;
            num_places += has_place[k];
            num_others += has_place[k] ? 0 : passed[k];
            assert_true(passed[k] <= burst);
        }
        if (num_places < rows[i].least || num_places > rows[i].most || num_others != rows[i].num_over)
            fail_msg("%s: %zu have places, others took %zu", rows[i].options, num_places, num_others);
        free(process_wait_for(gateway->process, "there is no room for more clients", 1));
        /* the log tells who lacked a place from who had used his up */
        free(process_wait_for(gateway->process, "\"path\":\"/\"", (burst + 2) * num_clients));
        size_t num_own = process_count(gateway->process, "\"reason\":\"rate_limited\",\"detail\""),
               num_roomless = process_count(gateway->process, "\"reason\":\"no_room\",\"detail\"");
        size_t num_refused = (burst + 2) * num_clients - burst * num_places - num_others;
        assert_int_equal(num_own + num_roomless, num_refused);
        assert_int_equal(num_own, 2 * num_places);
        gateway_stop(gateway);
    }
}

/** @return status of GET / by the client with that number, on a connection that is kept */
static int ask_on(client_t *client, size_t number)
{
    char header[64];
    snprintf(header, sizeof(header), "X-Client: client-%zu", number);
    reply_t reply = client_send(client, &(request_t){.path = "/", .headers = (const char *[]){header, NULL}});
    int status = reply.status;
    reply_free(&reply);
    return status;
}

static void a_place_is_free_again_when_its_bucket_is_full(void **state)
{
    gateway_t *gateway = gateway_start(
        CONF_LISTEN CONF_ORIGIN LIMIT(
            "key: \"header:X-Client\", when_missing: refuse, rate: 1/800ms, keys: 1, when_full: refuse, max_cost: 1"),
        origin->port);
    client_t *client = client_create(gateway, OVER_HTTP1);
    uint64_t start_ms = gw_clock_ms();
    size_t refused = 0;
    while (ask_on(client, refused) != 429) { /* there are places for some forty, while they all have them */
        assert_true(gw_clock_ms() - start_ms < DEADLINE_MS);
        ++refused;
    }
    start_ms = gw_clock_ms();
    while (ask_on(client, refused) != 200) {
        assert_true(gw_clock_ms() - start_ms < DEADLINE_MS);
        poll(NULL, 0, 1); /* gives the processor away; the deadline decides, not this */
    }
    client_free(client);
    gateway_stop(gateway);
}

/* only watched ----------------------------------------------------------------------------------------------------- */

static void observing_refuses_nothing_and_says_so_in_the_log(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        gateway_t *gateway =
            gateway_start(CONF_LISTEN CONF_ORIGIN LIMIT("key: \"header:X-Client\", when_missing: refuse, "
                                                        "rate: 1/h, burst: 2, mode: observe"),
                          origin->port);
        for (int i = 0; i != 6; ++i) {
            request_t request = {.path = "/", .headers = (const char *[]){i < 5 ? "X-Client: a" : "X-Other: a", NULL}};
            reply_t reply = fetch(gateway, t, &request);
            assert_int_equal(reply.status, 200);
            assert_int_equal(quotas_of(&reply).num, 0); /* clients are told nothing */
            reply_free(&reply);
        }
        free(process_wait_for(gateway->process,
                              "\"decisions\":[{\"filter\":\"rate_limit\",\"verdict\":\"would_refuse\",\"reason\":"
                              "\"rate_limited\",\"detail\":\"default\"}]",
                              3));
        free(process_wait_for(gateway->process,
                              "\"decisions\":[{\"filter\":\"rate_limit\",\"verdict\":\"would_refuse\",\"reason\":"
                              "\"key_missing\"}]",
                              1));
        assert_int_equal(process_count(gateway->process, "\"would_refuse\""), 4);
        gateway_stop(gateway);
    }
}

static void a_trial_is_counted_beside_and_refuses_nothing(void **state)
{
    static const struct {
        const char *about, *options;
        size_t num_passed; /* of 6 */
        const char *in_log;
        size_t num_logged;
        size_t num_decided; /* requests with a decision */
    } rows[] = {
        {"a tighter one", "rate: 1/h, burst: 5, trial: { rate: 1/h, burst: 2 }", 5,
         "\"verdict\":\"trial\",\"reason\":\"would_refuse\",\"detail\":\"default\"", 4, 4},
        {"a tighter one, of requests that wait", "rate: 50/s, burst: 1, max_delay: 10s, trial: { rate: 1/h, burst: 2 }",
         6, "\"verdict\":\"trial\",\"reason\":\"would_refuse\",\"detail\":\"default\"", 4, 6},
        {"a tighter one, observed", "rate: 1/h, burst: 3, mode: observe, trial: { rate: 1/h, burst: 2 }", 6,
         "\"verdict\":\"trial\",\"reason\":\"would_refuse\",\"detail\":\"default\"", 4, 4},
        {"a wider one", "rate: 1/h, burst: 2, trial: { rate: 1/h, burst: 4 }", 2,
         "\"reason\":\"rate_limited\",\"detail\":\"default (the trial of default would have let it pass)\"", 2, 4},
        {"one of several",
         "limits: [ { name: a, rate: 1/h, burst: 9 }, { name: b, rate: 1/h, burst: 9, trial: { rate: 4/d } } ]", 6,
         "\"verdict\":\"trial\",\"reason\":\"would_refuse\",\"detail\":\"b\"", 2, 2},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            gateway_t *gateway = gateway_start(CONF_LISTEN CONF_ORIGIN
                                               "routes: [ { path: /, service: origin, filters: [ { rate_limit: { "
                                               "key: client_address, %s } } ] } ]\n",
                                               origin->port, rows[i].options);
            for (size_t k = 0; k != 6; ++k)
                expect_status(gateway, t, "/", k < rows[i].num_passed ? 200 : 429);
            free(process_wait_for(gateway->process, "\"path\":\"/\"", 6));
            if (process_count(gateway->process, rows[i].in_log) != rows[i].num_logged ||
                process_count(gateway->process, "\"decisions\"") > rows[i].num_decided)
                fail_msg("%s: the log says: %s", rows[i].about, process_log(gateway->process));
            gateway_stop(gateway);
        }
}

/* which filters count together ------------------------------------------------------------------------------------- */

static void filters_count_together_when_they_are_one(void **state)
{
    static const struct {
        const char *about, *conf;
        step_t steps[STEPS_MAX];
    } rows[] = {
        {"one of a name, on two routes",
         "filters: { polite: { rate_limit: { key: client_address, rate: 1/h, burst: 3 } } }\n"
         "routes:\n"
         "  - { path: /a, service: origin, filters: [ polite ] }\n"
         "  - { path: /b, service: origin, filters: [ polite ] }\n",
         {{"/a", {NULL}, 200, 2}, {"/b", {NULL}, 200, 1}, {"/a", {NULL}, 200, 0}, {"/b", {NULL}, 429, 0}}},
        {"two without a name",
         "routes:\n"
         "  - { path: /a, service: origin, filters: [ { rate_limit: { key: client_address, rate: 1/h } } ] }\n"
         "  - { path: /b, service: origin, filters: [ { rate_limit: { key: client_address, rate: 1/h } } ] }\n",
         {{"/a", {NULL}, 200, 0}, {"/b", {NULL}, 200, 0}, {"/a", {NULL}, 429, 0}, {"/b", {NULL}, 429, 0}}},
        {"two of different names",
         "filters:\n"
         "  one: { rate_limit: { key: client_address, rate: 1/h } }\n"
         "  two: { rate_limit: { key: client_address, rate: 1/h } }\n"
         "routes:\n"
         "  - { path: /a, service: origin, filters: [ one ] }\n"
         "  - { path: /b, service: origin, filters: [ two ] }\n",
         {{"/a", {NULL}, 200, 0}, {"/b", {NULL}, 200, 0}, {"/a", {NULL}, 429, 0}, {"/b", {NULL}, 429, 0}}},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i)
        steps_run_on_origin(rows[i].about, rows[i].steps, "%s", rows[i].conf);
}

static void two_filters_of_a_route_both_count_and_both_tell(void **state)
{
    static const char conf[] = ROUTE("{ rate_limit: { name: mine, key: client_address, rate: 1/h, burst: 4 } }, "
                                     "{ rate_limit: { name: ours, key: all, rate: 1/m, burst: 2 } }");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        gateway_t *gateway = gateway_start(CONF_LISTEN CONF_ORIGIN "%s", origin->port, conf);
        for (int i = 0; i != 5; ++i) {
            reply_t reply = fetch_path(gateway, t, "/");
            assert_int_equal(reply.status, i < 2 ? 200 : 429);
            quotas_t quotas = quotas_of(&reply);
            bool has_both = i != 4; /* the first one refuses, and the second one is not asked */
            assert_int_equal(quotas.num, has_both ? 2 : 1);
            for (size_t k = 0; k != quotas.num; ++k) {
                bool is_mine = strcmp(quotas.limits[k].name, "mine") == 0;
                assert_true(is_mine || strcmp(quotas.limits[k].name, "ours") == 0);
                assert_int_equal(quotas.limits[k].remaining, is_mine ? (i < 4 ? 3 - i : 0) : (i < 2 ? 1 - i : 0));
            }
            if (i >= 2)
                assert_non_null(strstr(reply.body, has_both ? "\"violated-policies\":[\"ours\"]"
                                                            : "\"violated-policies\":[\"mine\"]"));
            reply_free(&reply);
        }
        gateway_stop(gateway);
    }
}

static void a_filter_may_give_back_what_a_later_one_refuses(void **state)
{
    static const char conf[] =
        ROUTE("{ rate_limit: { name: mine, key: client_address, rate: 1/h, burst: 4, cost_by_status: { 429: 0 } } }, "
              "{ rate_limit: { name: ours, key: all, rate: 1/h, burst: 2 } }");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        gateway_t *gateway = gateway_start(CONF_LISTEN CONF_ORIGIN "%s", origin->port, conf);
        for (int i = 0; i != 9; ++i) {
            reply_t reply = fetch_path(gateway, t, "/");
            quotas_t quotas = quotas_of(&reply);
            assert_int_equal(reply.status, i < 2 ? 200 : 429);
            assert_int_equal(quotas.num, 2);
            for (size_t k = 0; k != 2; ++k)
                if (strcmp(quotas.limits[k].name, "mine") == 0)
                    assert_int_equal(quotas.limits[k].remaining, i < 2 ? 3 - i : 2);
            reply_free(&reply);
        }
        gateway_stop(gateway);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_passes_and_no_more),
        cmocka_unit_test(tokens_come_back_one_by_one_and_not_before_their_time),
        cmocka_unit_test(several_limits_take_from_all_or_from_none),
        cmocka_unit_test(the_refusal_names_every_limit_that_refuses),
        cmocka_unit_test(who_wants_more_than_is_left_waits_for_the_slowest_limit),
        cmocka_unit_test(some_requests_are_not_limited),
        cmocka_unit_test(clients_without_a_place_share_a_bucket_and_never_get_a_fresh_one),
        cmocka_unit_test(a_place_is_free_again_when_its_bucket_is_full),
        cmocka_unit_test(observing_refuses_nothing_and_says_so_in_the_log),
        cmocka_unit_test(a_trial_is_counted_beside_and_refuses_nothing),
        cmocka_unit_test(filters_count_together_when_they_are_one),
        cmocka_unit_test(two_filters_of_a_route_both_count_and_both_tell),
        cmocka_unit_test(a_filter_may_give_back_what_a_later_one_refuses),
    };
    return cmocka_run_group_tests_name("rate_limit", tests, origin_set_up, origin_tear_down);
}
