/* SPDX-License-Identifier: MIT
 * What responses say of a rate limit: on successes, redirects, errors and refusals, in the fields of today and in those
 * of old, and that all of it agrees. */
#include <jansson.h>
#include <poll.h>
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

static gateway_t *start(int port, const char *options)
{
    return gateway_start(CONF_LISTEN CONF_ORIGIN
                         "routes: [ { path: /, service: origin, filters: [ { rate_limit: { %s } } ] } ]\n",
                         port, options);
}

static void every_response_tells_what_is_left(void **state)
{
    static const struct {
        const char *method, *path;
        int status;
    } rows[] = {
        {NULL, "/", 200},    {NULL, "/204", 204}, {NULL, "/302", 302},  {NULL, "/304", 304}, {NULL, "/404", 404},
        {NULL, "/500", 500}, {NULL, "/503", 503}, {NULL, "/gone", 502}, {"HEAD", "/", 200},  {"HEAD", "/404", 404},
    };
    enum { num = sizeof(rows) / sizeof(rows[0]) };
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        gateway_t *gateway = start(origin->port, "key: client_address, rate: 1/m, burst: 12");
        for (int i = 0; i != num + 4; ++i) {
            request_t request = {.method = i < num ? rows[i].method : NULL, .path = i < num ? rows[i].path : "/"};
            if (i == num + 3)
                request.method = "HEAD"; /* a refusal without a body */
            reply_t reply = fetch(gateway, t, &request);
            int status = i < num ? rows[i].status : i < 12 ? 200 : 429;
            if (reply.status != status)
                fail_msg("the %dth over %s: %d instead of %d", i, transport_names[t], reply.status, status);
            quotas_t quotas = quotas_of(&reply);
            assert_int_equal(quotas.num, 1);
            assert_string_equal(quotas.limits[0].name, "default");
            assert_int_equal(quotas.limits[0].quota, 12);
            assert_int_equal(quotas.limits[0].window_s, 720);
            assert_int_equal(quotas.limits[0].remaining, i < 12 ? 11 - i : 0);
            assert_true(quotas.limits[0].next_s >= 1 && quotas.limits[0].next_s <= 60);
            reply_free(&reply);
        }
        gateway_stop(gateway);
    }
}

static void what_is_told_comes_true(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        gateway_t *gateway = start(origin->port, "key: client_address, rate: 1/1200ms");
        client_t *client = client_create(gateway, t);
        reply_t reply = client_send(client, &(request_t){.path = "/"});
        assert_int_equal(reply.status, 200);
        quotas_t quotas = quotas_of(&reply);
        uint64_t answered_us = gw_clock_us(), asked_us = answered_us;
        assert_int_equal(quotas.limits[0].next_s, 2); /* rounded up */
        assert_int_equal(quotas.limits[0].window_s, 2);
        reply_free(&reply);
        /* whoever asks when he was told to is let in: a refusal can only come before */
        for (int status = 429; status != 200;) {
            asked_us = gw_clock_us();
            reply = client_send(client, &(request_t){.path = "/"});
            status = reply.status;
            quotas = quotas_of(&reply);
            if (status == 429) {
                assert_true(asked_us < answered_us + 1200000);
                assert_true(quotas.retry_after_s == 1 || quotas.retry_after_s == 2);
                assert_int_equal(quotas.retry_after_s, quotas.limits[0].next_s);
                poll(NULL, 0, 1); /* gives the processor away */
            }
            reply_free(&reply);
        }
        client_free(client);
        gateway_stop(gateway);
    }
}

static void a_refusal_is_a_problem_that_names_the_quota(void **state)
{
    static const char *const members[] = {"type", "title", "status", "reason", "request_id", "violated-policies"};
    gateway_t *gateway = start(origin->port, "key: client_address, rate: 1/h, name: \"per hour\"");
    expect_status(gateway, OVER_HTTP1, "/", 200);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/");
        assert_int_equal(reply.status, 429);
        char *type = reply_fields(&reply, "content-type"), *cache = reply_fields(&reply, "cache-control"),
             *id = reply_fields(&reply, "x-request-id");
        assert_string_equal(type, "application/problem+json");
        assert_string_equal(cache, "no-store");
        json_t *problem = json_loadb(reply.body, reply.body_len, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(problem);
        assert_int_equal(json_object_size(problem), sizeof(members) / sizeof(members[0]));
        for (size_t i = 0; i != sizeof(members) / sizeof(members[0]); ++i)
            assert_non_null(json_object_get(problem, members[i]));
        assert_string_equal(json_string_value(json_object_get(problem, "type")),
                            "https://iana.org/assignments/http-problem-types#quota-exceeded");
        assert_string_equal(json_string_value(json_object_get(problem, "title")), "Quota Exceeded");
        assert_int_equal(json_integer_value(json_object_get(problem, "status")), 429);
        assert_string_equal(json_string_value(json_object_get(problem, "reason")), "rate_limited");
        assert_string_equal(json_string_value(json_object_get(problem, "request_id")), id);
        json_t *violated = json_object_get(problem, "violated-policies");
        assert_int_equal(json_array_size(violated), 1);
        assert_string_equal(json_string_value(json_array_get(violated, 0)), "per hour");
        quotas_t quotas = quotas_of(&reply);
        assert_string_equal(quotas.limits[0].name, "per hour");
        assert_true(quotas.retry_after_s > 3500 && quotas.retry_after_s <= 3600);
        json_decref(problem);
        free(type);
        free(cache);
        free(id);
        reply_free(&reply);
    }
    gateway_stop(gateway);
}

/* which fields ----------------------------------------------------------------------------------------------------- */

/** @return the number in the only field of that name; -1: there is none */
static long number_of(const reply_t *reply, const char *name)
{
    char *text = reply_fields(reply, name), *end = text;
    long number = text != NULL ? strtol(text, &end, 10) : -1;
    if (text != NULL && (*end != '\0' || number < 0))
        fail_msg("%s is '%s'", name, text);
    free(text);
    return number;
}

static void the_conf_says_which_fields_there_are(void **state)
{
    static const struct {
        const char *options;
        bool has_new, has_old;
    } rows[] = {
        {"fields: ratelimit", true, false},
        {"fields: x_ratelimit", false, true},
        {"fields: both", true, true},
        {"fields: none", false, false},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        char options[256];
        snprintf(options, sizeof(options), "key: client_address, rate: 1/m, burst: 4, %s", rows[i].options);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            gateway_t *gateway = start(origin->port, options);
            for (int k = 0; k != 6; ++k) {
                reply_t reply = fetch_path(gateway, t, k == 1 ? "/404" : "/");
                assert_int_equal(reply.status, k == 1 ? 404 : k < 4 ? 200 : 429);
                assert_int_equal(quotas_of(&reply).num, rows[i].has_new ? 1 : 0); /* Retry-After comes in any case */
                if (rows[i].has_old) {
                    assert_int_equal(number_of(&reply, "x-ratelimit-limit"), 4);
                    assert_int_equal(number_of(&reply, "x-ratelimit-remaining"), k < 4 ? 3 - k : 0);
                    /* until all of it is back */
                    long reset_s = number_of(&reply, "x-ratelimit-reset"), most_s = (k < 4 ? k + 1 : 4) * 60;
                    assert_true(reset_s <= most_s && reset_s > most_s - 60);
                }
                if (!rows[i].has_old)
                    assert_null(strcasestr(reply.head, "x-ratelimit"));
                reply_free(&reply);
            }
            gateway_stop(gateway);
        }
    }
}

static void of_several_limits_the_fields_of_old_tell_the_closest(void **state)
{
    static const char options[] = "key: client_address, fields: both, limits: [ { name: many, rate: 1/m, burst: 9 }, "
                                  "{ name: few, rate: 1/h, burst: 3 }, { name: fewer, rate: 1/s, burst: 100 } ]";
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        gateway_t *gateway = start(origin->port, options);
        for (int k = 0; k != 4; ++k) {
            reply_t reply = fetch_path(gateway, t, "/");
            assert_int_equal(quotas_of(&reply).num, 3);
            assert_int_equal(number_of(&reply, "x-ratelimit-limit"), 3);
            assert_int_equal(number_of(&reply, "x-ratelimit-remaining"), k < 3 ? 2 - k : 0);
            assert_true(number_of(&reply, "x-ratelimit-reset") > (k < 3 ? k : 2) * 3600);
            reply_free(&reply);
        }
        gateway_stop(gateway);
    }
}

static void of_two_filters_the_fields_of_old_tell_the_closest(void **state)
{
    static const char *const rows[] = {
        "name: far, key: all, rate: 1/h, burst: 8, fields: both } }, "
        "{ rate_limit: { name: near, key: client_address, rate: 1/h, burst: 3, fields: x_ratelimit",
        "name: near, key: client_address, rate: 1/h, burst: 3, fields: x_ratelimit } }, "
        "{ rate_limit: { name: far, key: all, rate: 1/h, burst: 8, fields: both",
    };
    static char answer[] = "HTTP/1.1 200 OK\r\nX-RateLimit-Limit: 1\r\nX-RateLimit-Remaining: 0\r\n"
                           "X-RateLimit-Reset: 9\r\nContent-Length: 0\r\n\r\n";
    origin_t *service = origin_start(origin_answer, answer); /* whose fields are not ours */
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            gateway_t *gateway = start(service->port, rows[i]);
            for (int k = 0; k != 4; ++k) {
                reply_t reply = fetch_path(gateway, t, "/");
                assert_int_equal(reply.status, k < 3 ? 200 : 429);
                assert_int_equal(number_of(&reply, "x-ratelimit-limit"), 3);
                assert_int_equal(number_of(&reply, "x-ratelimit-remaining"), k < 3 ? 2 - k : 0);
                assert_true(number_of(&reply, "x-ratelimit-reset") > 3500);
                reply_free(&reply);
            }
            gateway_stop(gateway);
        }
    origin_stop(service);
}

static void policies_stand_as_the_conf_has_them(void **state)
{
    static const struct {
        const char *options, *policy;
    } rows[] = {
        {"key: all, rate: 100/s", "\"default\";q=100;w=1"},
        {"key: all, rate: 10/s, burst: 25", "\"default\";q=25;w=3"},
        {"key: all, rate: 5/250ms, burst: 1000000000", "\"default\";q=1000000000;w=50000000"},
        {"key: all, rate: 1/366d, burst: 1", "\"default\";q=1;w=31622400"},
        {"key: all, limits: [ { name: \"a, b;c\", rate: 2/s }, { name: \"it's 100%\", rate: 3/m, burst: 6 } ]",
         "\"a, b;c\";q=2;w=1, \"it's 100%\";q=6;w=120"},
        {"key: all, rate: 90/h, burst: 30, share: 1/3", "\"default\";q=10;w=1200"},
        {"key: all, rate: 2/h, burst: 2, share: 1/4", "\"default\";q=1;w=7200"},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        gateway_t *gateway = start(origin->port, rows[i].options);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = fetch_path(gateway, t, "/");
            quotas_of(&reply);
            char *policy = reply_fields(&reply, "ratelimit-policy");
            if (policy == NULL || strcmp(policy, rows[i].policy) != 0)
                fail_msg("%s: %s instead of %s", rows[i].options, policy, rows[i].policy);
            free(policy);
            reply_free(&reply);
        }
        gateway_stop(gateway);
    }
}

/* what comes from the service -------------------------------------------------------------------------------------- */

static void the_fields_of_old_are_the_gateways_where_it_writes_them(void **state)
{
    static char answer[] = "HTTP/1.1 200 OK\r\nX-RateLimit-Limit: 7\r\nX-RateLimit-Remaining: 6\r\n"
                           "X-RateLimit-Reset: 5\r\nContent-Length: 0\r\n\r\n";
    origin_t *service = origin_start(origin_answer, answer);
    for (int is_ours = 0; is_ours != 2; ++is_ours) {
        gateway_t *gateway = start(service->port, is_ours ? "key: all, rate: 50/h, fields: x_ratelimit"
                                                          : "key: all, rate: 50/h, fields: none");
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = fetch_path(gateway, t, "/");
            assert_int_equal(number_of(&reply, "x-ratelimit-limit"), is_ours ? 50 : 7);
            assert_int_equal(number_of(&reply, "x-ratelimit-remaining"), is_ours ? 49 - (int)t : 6);
            reply_free(&reply);
        }
        gateway_stop(gateway);
    }
    origin_stop(service);
}

static void limits_of_the_service_stand_beside_those_of_the_gateway(void **state)
{
    static char answer[] =
        "HTTP/1.1 200 OK\r\nRateLimit-Policy: \"theirs\";q=7;w=60\r\nRateLimit: \"theirs\";r=6;t=5\r\n"
        "Content-Length: 0\r\n\r\n";
    origin_t *service = origin_start(origin_answer, answer);
    gateway_t *gateway = start(service->port, "key: all, rate: 50/h, name: ours");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/");
        quotas_t quotas = quotas_of(&reply);
        assert_int_equal(quotas.num, 2);
        assert_string_equal(quotas.limits[0].name, "theirs");
        assert_string_equal(quotas.limits[1].name, "ours");
        reply_free(&reply);
    }
    gateway_stop(gateway);
    origin_stop(service);
}

static void nobody_is_invited_to_come_back_before_there_is_a_token(void **state)
{
    static const struct {
        const char *about, *retry_after;
        bool has_tokens;
        const char *expected; /* NULL: when there is a token */
    } rows[] = {
        {"the service says too early", "5", false, NULL},
        {"the service says later", "90000", false, "90000"},
        {"there are tokens", "5", true, "5"},
        {"a date is left as it is", "Fri, 31 Dec 2099 23:59:59 GMT", true, "Fri, 31 Dec 2099 23:59:59 GMT"},
        {"not at all", "soon", false, "soon"},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        char answer[128];
        snprintf(answer, sizeof(answer), "HTTP/1.1 503 No\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n",
                 rows[i].retry_after);
        origin_t *service = origin_start(origin_answer, answer);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            gateway_t *gateway = start(service->port, rows[i].has_tokens ? "key: all, rate: 1/h, burst: 2"
                                                                         : "key: all, rate: 1/h, fields: none");
            reply_t reply = fetch_path(gateway, t, "/");
            assert_int_equal(reply.status, 503);
            char *retry_after = reply_fields(&reply, "retry-after");
            if (rows[i].expected != NULL ? strcmp(retry_after, rows[i].expected) != 0
                                         : atol(retry_after) < 3500 || atol(retry_after) > 3600)
                fail_msg("%s, over %s: Retry-After: %s", rows[i].about, transport_names[t], retry_after);
            free(retry_after);
            reply_free(&reply);
            gateway_stop(gateway);
        }
        origin_stop(service);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_response_tells_what_is_left),
        cmocka_unit_test(what_is_told_comes_true),
        cmocka_unit_test(a_refusal_is_a_problem_that_names_the_quota),
        cmocka_unit_test(the_conf_says_which_fields_there_are),
        cmocka_unit_test(of_several_limits_the_fields_of_old_tell_the_closest),
        cmocka_unit_test(of_two_filters_the_fields_of_old_tell_the_closest),
        cmocka_unit_test(policies_stand_as_the_conf_has_them),
        cmocka_unit_test(the_fields_of_old_are_the_gateways_where_it_writes_them),
        cmocka_unit_test(limits_of_the_service_stand_beside_those_of_the_gateway),
        cmocka_unit_test(nobody_is_invited_to_come_back_before_there_is_a_token),
    };
    return cmocka_run_group_tests_name("rate_limit_fields", tests, origin_set_up, origin_tear_down);
}
