/* SPDX-License-Identifier: MIT
 * What requests cost: a number, what a field says, and what the status of the response makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/expect.h"
#include "tests/support/one_origin.h"
#include "tests/support/quotas.h"

#define CONF_LIMIT                                                                                                     \
    "routes:\n"                                                                                                        \
    "  - path: /\n"                                                                                                    \
    "    service: origin\n"                                                                                            \
    "    max_body: 10\n"                                                                                               \
    "    filters: [ { rate_limit: { key: client_address, %s } } ]\n"

typedef struct row {
    const char *about, *options;
    step_t steps[STEPS_MAX];
} row_t;

static void run_rows(const row_t *rows, size_t num)
{
    for (size_t i = 0; i != num; ++i)
        steps_run_on_origin(rows[i].about, rows[i].steps, CONF_LIMIT, rows[i].options);
}

static void requests_cost_what_the_conf_or_their_field_says(void **state)
{
    static const row_t rows[] = {
        {"a number",
         "rate: 1/h, burst: 8, cost: 3",
         {{"/", {NULL}, 200, 5}, {"/", {NULL}, 200, 2}, {"/", {NULL}, 429, 2}}},
        {"a field",
         "rate: 1/h, burst: 50, cost: \"header:X-Cost\", max_cost: 20",
         {{"/", {"X-Cost: 7"}, 200, 43},
          {"/", {NULL}, 200, 42},
          {"/", {"X-Cost;"}, 200, 41},
          {"/", {"X-Cost: 007"}, 200, 34},
          {"/", {"X-Cost: 20"}, 200, 14},
          {"/", {"X-Cost: 21"}, 429, 14},
          {"/", {"X-Cost: 14"}, 200, 0},
          {"/", {"X-Cost: 1"}, 429, 0},
          {"/", {"X-Cost: 0"}, 429, 0}}}, /* nobody passes for nothing */
        {"a field that has no number costs one",
         "rate: 1/h, burst: 50, cost: \"header:X-Cost\", max_cost: 20",
         {{"/", {"X-Cost: many"}, 200, 49},
          {"/", {"X-Cost: -1"}, 200, 48},
          {"/", {"X-Cost: +5"}, 200, 47},
          {"/", {"X-Cost: 1.5"}, 200, 46},
          {"/", {"X-Cost: 5 5"}, 200, 45},
          {"/", {"X-Cost: 0x10"}, 200, 44},
          {"/", {"X-Cost: 5,0"}, 200, 43},
          {"/", {"X-Cost: 5", "X-Cost: 5"}, 200, 42}, /* nor has one that comes twice */
          {"/", {"X-Cost: 0"}, 200, 41},
          {"/", {"X-Cost: \xd9\xa5"}, 200, 40}}}, /* five, in other digits */
        {"a field costs max_cost at most",
         "rate: 1/h, burst: 65, cost: \"header:X-Cost\", max_cost: 20",
         {{"/", {"X-Cost: 18446744073709551617"}, 200, 45}, /* 1 in 64 bits */
          {"/", {"X-Cost: 99999999999999999999999999999999999999999999"}, 200, 25},
          {"/", {"X-Cost: 000000000000000000000000000000000000000000005"}, 200, 20},
          {"/", {"X-Cost: 4294967296"}, 200, 0}}},
    };
    run_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void the_status_corrects_the_cost(void **state)
{
    static const row_t rows[] = {
        {"dearer", /* who guesses passwords runs out of them soon */
         "rate: 1/h, burst: 12, cost_by_status: { 401: 5 }",
         {{"/200", {NULL}, 200, 11},
          {"/401", {NULL}, 401, 6},
          {"/403", {NULL}, 403, 5},
          {"/401", {NULL}, 401, 0},
          {"/200", {NULL}, 429, 0}}},
        {"dearer than what is left: it is owed",
         "rate: 1/h, burst: 2, cost_by_status: { 401: 2 }",
         {{"/200", {NULL}, 200, 1}, {"/401", {NULL}, 401, 0}, {"/200", {NULL}, 429, 0}}},
        {"cheaper, and for nothing",
         "rate: 1/h, burst: 10, cost: 4, cost_by_status: { 404: 1, 5xx: 0 }",
         {{"/200", {NULL}, 200, 6},
          {"/404", {NULL}, 404, 5},
          {"/500", {NULL}, 500, 5},
          {"/503", {NULL}, 503, 5},
          {"/gone", {NULL}, 502, 5}, /* the gateway's own answer */
          {"/200", {NULL}, 200, 1},
          {"/500", {NULL}, 429, 1}}}, /* it has to be there beforehand */
        {"the first one that fits",
         "rate: 1/h, burst: 20, cost_by_status: { 404: 2, 400-499: 3, 4xx: 9 }",
         {{"/404", {NULL}, 404, 18}, {"/410", {NULL}, 410, 15}, {"/200", {NULL}, 200, 14}}},
        {"with a field",
         "rate: 1/h, burst: 20, cost: \"header:X-Cost\", max_cost: 9, cost_by_status: { 401: 5, 204: 0 }",
         {{"/401", {"X-Cost: 9"}, 401, 15}, {"/204", {"X-Cost: 9"}, 204, 15}, {"/401", {"X-Cost: 1"}, 401, 10}}},
        {"what it refuses itself costs nothing",
         "rate: 1/h, burst: 3, cost: 2, cost_by_status: { 429: 3 }",
         {{"/", {NULL}, 200, 1}, {"/", {NULL}, 429, 1}, {"/", {NULL}, 429, 1}}},
        {"and brings nothing back",
         "rate: 1/h, burst: 3, cost: 2, cost_by_status: { 429: 0 }",
         {{"/", {NULL}, 200, 1}, {"/", {NULL}, 429, 1}, {"/", {NULL}, 429, 1}}},
        {"a 429 of the service",
         "rate: 1/h, burst: 9, cost_by_status: { 4xx: 3 }",
         {{"/404", {NULL}, 404, 6}, {"/429", {NULL}, 429, ANY}, {"/", {NULL}, 200, 2}}},
        {"several limits",
         "limits: [ { name: a, rate: 1/h, burst: 9 }, { name: b, rate: 1/2h, burst: 5 } ], cost_by_status: { 500: 0, "
         "401: 3 }",
         {{"/500", {NULL}, 500, ANY},
          {"/500", {NULL}, 500, ANY},
          {"/401", {NULL}, 401, ANY},
          {"/200", {NULL}, 200, ANY},
          {"/500", {NULL}, 500, ANY},
          {"/200", {NULL}, 200, ANY},
          {"/500", {NULL}, 429, ANY}}},
    };
    run_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void what_is_not_there_is_owed_up_to_what_a_bucket_holds(void **state)
{
    static const struct {
        const char *options;
        int num_before;          /* requests that cost one */
        int64_t least_s, most_s; /* until there is a token again */
    } rows[] = {
        {"rate: 1/h, burst: 2, cost_by_status: { 401: 2 }", 0, 1, 3600},
        {"rate: 1/h, burst: 2, cost_by_status: { 401: 3 }", 0, 3601, 7200},
        {"rate: 1/h, burst: 2, cost_by_status: { 401: 2 }", 1, 3601, 7200},
        {"rate: 1/h, burst: 2, cost_by_status: { 401: 3 }", 1, 7201, 10800},
        {"rate: 1/h, burst: 2, cost_by_status: { 401: 1000000000 }", 1, 7201, 10800},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            gateway_t *gateway = gateway_start(CONF_LISTEN CONF_ORIGIN CONF_LIMIT, origin->port, rows[i].options);
            for (int k = 0; k != rows[i].num_before; ++k)
                expect_status(gateway, t, "/", 200);
            for (int k = 0; k != 2; ++k) {
                reply_t reply = fetch_path(gateway, t, "/401");
                assert_int_equal(reply.status, k == 0 ? 401 : 429);
                quotas_t quotas = quotas_of(&reply);
                assert_int_equal(quotas.limits[0].remaining, 0);
                assert_in_range(quotas.limits[0].next_s, rows[i].least_s, rows[i].most_s);
                reply_free(&reply);
            }
            gateway_stop(gateway);
        }
}

static void a_service_that_is_down_costs_what_its_status_says(void **state)
{
    int port, fd = origin_reserve(&port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        gateway_t *gateway = gateway_start(CONF_LISTEN CONF_ORIGIN CONF_LIMIT, port,
                                           "rate: 1/h, burst: 3, cost_by_status: { 502-503: 0 }");
        for (int i = 0; i != 5; ++i) {
            reply_t reply = fetch_path(gateway, t, "/");
            assert_true(reply.status == 502 || reply.status == 503);
            assert_int_equal(quotas_remaining(&reply), 3);
            reply_free(&reply);
        }
        gateway_stop(gateway);
    }
    close(fd);
}

static void a_body_that_turns_out_too_large_costs_what_its_status_says(void **state)
{
    static const request_t declared = {.method = "PUT", .path = "/", .body = "0123456789+"},
                           found_out = {.method = "PUT", .path = "/", .body = "0123456789+", .is_chunked = true};
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        gateway_t *gateway = gateway_start(CONF_LISTEN CONF_ORIGIN CONF_LIMIT, origin->port,
                                           "rate: 1/h, burst: 9, cost_by_status: { 413: 4 }");
        reply_t reply = fetch(gateway, t, &declared);
        assert_int_equal(reply.status, 413);
        assert_int_equal(quotas_of(&reply).num, 0); /* it was not looked at any further */
        reply_free(&reply);
        reply = fetch(gateway, t, &found_out);
        assert_int_equal(reply.status, 413);
        if (t == OVER_HTTP2) /* whose bodies are there before the filters run */
            assert_int_equal(quotas_of(&reply).num, 0);
        else
            assert_int_equal(quotas_remaining(&reply), 5);
        reply_free(&reply);
        reply = fetch_path(gateway, t, "/");
        assert_int_equal(quotas_remaining(&reply), t == OVER_HTTP2 ? 8 : 4);
        reply_free(&reply);
        gateway_stop(gateway);
    }
}

/* a client that leaves has made its request all the same */
static void who_leaves_before_the_response_has_paid(void **state)
{
    static const request_t hanging = {.path = "/", .headers = NULL};
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        origin_t *slow = origin_start(origin_hang, NULL);
        gateway_t *gateway = gateway_start(CONF_LISTEN CONF_ORIGIN CONF_LIMIT, slow->port,
                                           "rate: 1/h, burst: 3, cost_by_status: { 2xx: 0, 5xx: 0, 4xx: 0 }");
        for (size_t i = 0; i != 3; ++i) {
            pending_t *pending = fetch_later(gateway, t, &hanging);
            origin_wait(&slow->num_requests, i + 1);
            reply_t reply = pending_leave(pending);
            assert_int_equal(reply.status, 0);
            reply_free(&reply);
            origin_wait(&slow->num_closed, i + 1);
        }
        expect_status(gateway, t, "/", 429);
        gateway_stop(gateway);
        origin_stop(slow);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_cost_what_the_conf_or_their_field_says),
        cmocka_unit_test(the_status_corrects_the_cost),
        cmocka_unit_test(what_is_not_there_is_owed_up_to_what_a_bucket_holds),
        cmocka_unit_test(a_service_that_is_down_costs_what_its_status_says),
        cmocka_unit_test(a_body_that_turns_out_too_large_costs_what_its_status_says),
        cmocka_unit_test(who_leaves_before_the_response_has_paid),
    };
    return cmocka_run_group_tests_name("rate_limit_cost", tests, origin_set_up, origin_tear_down);
}
