/* SPDX-License-Identifier: MIT
 * Pages of other origins, over every transport: what a browser asks beforehand, what it is told, and that it is told in
 * refusals and errors, too. */
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

#define SERVICE       "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ], retries: { attempts: 1 } } }\n"
#define ROUTE(row)    "routes: [ { path: /, service: origin, " row " } ]\n"
#define CORS(options) "filters: [ { cors: { " options " } } ]"

static char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** A field of a response and its value; NULL: it is not there. */
typedef struct expected {
    const char *name, *value;
} expected_t;

static void expect(const gateway_t *gateway, const char *about, const request_t *request, int status,
                   const expected_t *fields, size_t num_fields)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch(gateway, t, request);
        if (reply.status != status)
            fail_msg("%s, over %s: %d instead of %d: %s", about, transport_names[t], reply.status, status, reply.body);
        for (size_t i = 0; i != num_fields && fields[i].name != NULL; ++i) {
            char *value = reply_field(&reply, fields[i].name);
            if ((value == NULL) != (fields[i].value == NULL) || (value != NULL && strcmp(value, fields[i].value) != 0))
                fail_msg("%s, over %s: %s is '%s' instead of '%s'", about, transport_names[t], fields[i].name,
                         value != NULL ? value : "(none)", fields[i].value != NULL ? fields[i].value : "(none)");
            free(value);
        }
        reply_free(&reply);
    }
}

#define ALLOW_ORIGIN      "access-control-allow-origin"
#define ALLOW_CREDENTIALS "access-control-allow-credentials"
#define ALLOW_METHODS     "access-control-allow-methods"
#define ALLOW_HEADERS     "access-control-allow-headers"
#define EXPOSE_HEADERS    "access-control-expose-headers"
#define MAX_AGE           "access-control-max-age"

enum { most_fields = 8 };

static void preflights_are_answered_in_front_of_the_service(void **state)
{
    static const struct {
        const char *about, *options;
        const char *headers[4];
        int status;
        expected_t fields[most_fields];
        const char *in_log;
    } cases[] = {
        {"an allowed one",
         "origins: https://app.example, methods: [GET, PUT], headers: [X-A, X-B], expose: X-C, max_age: 1m",
         {"Origin: https://app.example", "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: x-a"},
         204,
         {{ALLOW_ORIGIN, "https://app.example"},
          {ALLOW_METHODS, "GET, PUT"},
          {ALLOW_HEADERS, "X-A, X-B"},
          {MAX_AGE, "60"},
          {ALLOW_CREDENTIALS, NULL},
          {EXPOSE_HEADERS, NULL},
          {"content-type", NULL},
          {"vary", "Origin"}},
         "\"filter\":\"cors\",\"verdict\":\"preflight\""},
        {"a wildcard with credentials",
         "origins: 'https://*.example', credentials: true, headers: '*'",
         {"Origin: https://a.b.example", "Access-Control-Request-Method: POST",
          "Access-Control-Request-Headers: authorization,x-any"},
         204,
         {{ALLOW_ORIGIN, "https://a.b.example"},
          {ALLOW_CREDENTIALS, "true"},
          {ALLOW_METHODS, "GET, HEAD, POST"},
          {ALLOW_HEADERS, "authorization,x-any"},
          {MAX_AGE, "300"},
          {"vary", "Origin, access-control-request-headers"}},
         "\"verdict\":\"preflight\""},
        {"everybody",
         "origins: '*', headers: '*'",
         {"Origin: null", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: authorization"},
         204,
         {{ALLOW_ORIGIN, "*"}, {ALLOW_HEADERS, "authorization"}, {"vary", "access-control-request-headers"}},
         "\"verdict\":\"preflight\""},
        {"another origin",
         "origins: https://app.example",
         {"Origin: https://evil.example", "Access-Control-Request-Method: GET"},
         204,
         {{ALLOW_ORIGIN, NULL}, {ALLOW_METHODS, NULL}, {MAX_AGE, NULL}, {"vary", "Origin"}},
         "\"verdict\":\"not_allowed\",\"reason\":\"origin\""},
        {"another origin, refused",
         "origins: https://app.example, refuse: true",
         {"Origin: https://evil.example", "Access-Control-Request-Method: GET"},
         403,
         {{ALLOW_ORIGIN, NULL}, {"vary", "Origin"}, {"content-type", "application/problem+json"}},
         "\"verdict\":\"refused\",\"reason\":\"origin\""},
        {"another method: the browser is told which ones there are",
         "origins: https://app.example",
         {"Origin: https://app.example", "Access-Control-Request-Method: DELETE"},
         204,
         {{ALLOW_ORIGIN, "https://app.example"}, {ALLOW_METHODS, "GET, HEAD, POST"}},
         "\"verdict\":\"not_allowed\",\"reason\":\"method\""},
        {"another field: the browser is told which ones there are",
         "origins: https://app.example, headers: x-a",
         {"Origin: https://app.example", "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: x-b"},
         204,
         {{ALLOW_ORIGIN, "https://app.example"}, {ALLOW_HEADERS, "x-a"}},
         "\"verdict\":\"not_allowed\",\"reason\":\"header\""},
        {"two origins",
         "origins: [https://app.example, https://b.example]",
         {"Origin: https://app.example", "Origin: https://b.example", "Access-Control-Request-Method: GET"},
         204,
         {{ALLOW_ORIGIN, NULL}},
         "\"verdict\":\"not_allowed\",\"reason\":\"origin\""},
    };
    origin_t *origin = origin_start(origin_answer, answer);
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gateway_t *gateway =
            gateway_start(CONF_LISTEN SERVICE ROUTE("filters: [ { cors: { %s } } ]"), origin->port, cases[i].options);
        expect(gateway, cases[i].about, &(request_t){.method = "OPTIONS", .path = "/", .headers = cases[i].headers},
               cases[i].status, cases[i].fields, most_fields);
        free(process_wait_for(gateway->process, cases[i].in_log, NUM_TRANSPORTS));
        gateway_stop(gateway);
    }
    assert_int_equal(atomic_load(&origin->num_requests), 0);
    origin_stop(origin);
}

static void responses_say_who_may_read_them(void **state)
{
    static const struct {
        const char *about, *options, *upstream; /* fields of the service's response */
        const char *headers[4];
        int status;
        expected_t fields[most_fields];
    } cases[] = {
        {"an allowed origin",
         "origins: https://app.example, expose: [X-A, X-B], credentials: true",
         "",
         {"Origin: https://app.example"},
         200,
         {{ALLOW_ORIGIN, "https://app.example"},
          {ALLOW_CREDENTIALS, "true"},
          {EXPOSE_HEADERS, "X-A, X-B"},
          {ALLOW_METHODS, NULL},
          {"vary", "Origin"}}},
        {"without an origin it varies, too",
         "origins: https://app.example",
         "",
         {NULL},
         200,
         {{ALLOW_ORIGIN, NULL}, {"vary", "Origin"}}},
        {"everybody, also without an origin", "origins: '*'", "", {NULL}, 200, {{ALLOW_ORIGIN, "*"}, {"vary", NULL}}},
        {"another origin",
         "origins: https://app.example, expose: X-A",
         "",
         {"Origin: https://evil.example"},
         200,
         {{ALLOW_ORIGIN, NULL}, {EXPOSE_HEADERS, NULL}, {"vary", "Origin"}}},
        {"another origin, refused",
         "origins: https://app.example, refuse: true",
         "",
         {"Origin: https://evil.example"},
         403,
         {{ALLOW_ORIGIN, NULL}, {"vary", "Origin"}}},
        {"an allowed origin is not refused",
         "origins: https://app.example, refuse: true",
         "",
         {"Origin: https://app.example"},
         200,
         {{ALLOW_ORIGIN, "https://app.example"}}},
        {"no origin is not refused",
         "origins: https://app.example, refuse: true",
         "",
         {NULL},
         200,
         {{"vary", "Origin"}}},
        {"a page of the server itself is not refused",
         "origins: https://app.example, refuse: true",
         "",
         {"Host: api.example", "Origin: https://api.example"},
         200,
         {{ALLOW_ORIGIN, NULL}, {"vary", "Origin"}}},
        {"the origin 'null' is not allowed",
         "origins: https://app.example",
         "",
         {"Origin: null"},
         200,
         {{ALLOW_ORIGIN, NULL}}},
        {"unless it is listed",
         "origins: 'null'",
         "",
         {"Origin: null"},
         200,
         {{ALLOW_ORIGIN, "null"}, {"vary", "Origin"}}},
        {"what it varies with already stays",
         "origins: https://app.example",
         "Vary: Accept-Encoding\r\n",
         {"Origin: https://app.example"},
         200,
         {{"vary", "Accept-Encoding, Origin"}}},
        {"what says so already is left alone",
         "origins: https://app.example",
         "Vary: accept, ORIGIN\r\n",
         {"Origin: https://app.example"},
         200,
         {{"vary", "accept, ORIGIN"}}},
        {"what the service says of it goes",
         "origins: https://app.example",
         "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Credentials: true\r\n"
         "Access-Control-Expose-Headers: X-Secret\r\n",
         {"Origin: https://app.example"},
         200,
         {{ALLOW_ORIGIN, "https://app.example"}, {ALLOW_CREDENTIALS, NULL}, {EXPOSE_HEADERS, NULL}}},
        {"also for others",
         "origins: https://app.example",
         "Access-Control-Allow-Origin: https://evil.example\r\nAccess-Control-Allow-Credentials: true\r\n",
         {"Origin: https://evil.example"},
         200,
         {{ALLOW_ORIGIN, NULL}, {ALLOW_CREDENTIALS, NULL}}},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char response[512];
        snprintf(response, sizeof(response), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n%s\r\nok", cases[i].upstream);
        origin_t *origin = origin_start(origin_answer, response);
        gateway_t *gateway =
            gateway_start(CONF_LISTEN SERVICE ROUTE("filters: [ { cors: { %s } } ]"), origin->port, cases[i].options);
        expect(gateway, cases[i].about, &(request_t){.path = "/", .headers = cases[i].headers}, cases[i].status,
               cases[i].fields, most_fields);
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

/* which route a preflight comes to --------------------------------------------------------------------------------- */

static void a_preflight_goes_to_the_route_of_the_request_that_it_asks_for(void **state)
{
    static const char routes[] = "routes:\n"
                                 "  - { path: /a, methods: [GET], service: origin, filters: [ { cors: { origins: "
                                 "https://get.example } } ] }\n"
                                 "  - { path: /a, methods: [PUT], service: origin, filters: [ { cors: { origins: "
                                 "https://put.example, methods: PUT } } ] }\n"
                                 "  - { path: /own, methods: [GET, OPTIONS], service: origin }\n"
                                 "  - { path: /split, methods: [PUT], service: origin }\n"
                                 "  - { path: /split, methods: [OPTIONS], service: origin, filters: [ { cors: { "
                                 "origins: https://put.example, methods: PUT } } ] }\n"
                                 "  - { path: /plain, methods: [GET], service: origin }\n";
    static const struct {
        const char *about, *path, *method;
        const char *headers[3];
        int status;
        expected_t fields[most_fields];
        bool reaches_service;
    } cases[] = {
        {"the route for GET",
         "/a",
         "OPTIONS",
         {"Origin: https://get.example", "Access-Control-Request-Method: GET"},
         204,
         {{ALLOW_ORIGIN, "https://get.example"}},
         false},
        {"HEAD goes with GET",
         "/a",
         "OPTIONS",
         {"Origin: https://get.example", "Access-Control-Request-Method: HEAD"},
         204,
         {{ALLOW_ORIGIN, "https://get.example"}},
         false},
        {"the route for PUT",
         "/a",
         "OPTIONS",
         {"Origin: https://put.example", "Access-Control-Request-Method: PUT"},
         204,
         {{ALLOW_ORIGIN, "https://put.example"}},
         false},
        {"each has its own origins",
         "/a",
         "OPTIONS",
         {"Origin: https://get.example", "Access-Control-Request-Method: PUT"},
         204,
         {{ALLOW_ORIGIN, NULL}},
         false},
        {"a method that has no route",
         "/a",
         "OPTIONS",
         {"Origin: https://get.example", "Access-Control-Request-Method: DELETE"},
         405,
         {{"allow", "GET, HEAD, PUT"}, {ALLOW_ORIGIN, NULL}},
         false},
        {"OPTIONS without the question",
         "/a",
         "OPTIONS",
         {"Origin: https://get.example"},
         405,
         {{"allow", "GET, HEAD, PUT"}},
         false},
        {"OPTIONS without an origin",
         "/a",
         "OPTIONS",
         {"Access-Control-Request-Method: GET"},
         405,
         {{"allow", "GET, HEAD, PUT"}},
         false},
        {"the question with another method",
         "/a",
         "POST",
         {"Origin: https://get.example", "Access-Control-Request-Method: GET"},
         405,
         {{"allow", "GET, HEAD, PUT"}},
         false},
        {"a service that answers itself",
         "/own",
         "OPTIONS",
         {"Origin: https://get.example", "Access-Control-Request-Method: GET"},
         200,
         {{ALLOW_ORIGIN, NULL}},
         true},
        {"a route for preflights",
         "/split",
         "OPTIONS",
         {"Origin: https://put.example", "Access-Control-Request-Method: PUT"},
         204,
         {{ALLOW_ORIGIN, "https://put.example"}},
         false},
        {"a route without the filter",
         "/plain",
         "OPTIONS",
         {"Origin: https://get.example", "Access-Control-Request-Method: GET"},
         405,
         {{"allow", "GET, HEAD"}},
         false},
    };
    origin_t *origin = origin_start(origin_answer, answer);
    gateway_t *gateway = gateway_start(CONF_LISTEN SERVICE "%s", origin->port, routes);
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        size_t before = atomic_load(&origin->num_requests);
        expect(gateway, cases[i].about,
               &(request_t){.method = cases[i].method, .path = cases[i].path, .headers = cases[i].headers},
               cases[i].status, cases[i].fields, most_fields);
        assert_int_equal(atomic_load(&origin->num_requests) - before, cases[i].reaches_service ? NUM_TRANSPORTS : 0);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_preflight_is_answered_though_an_earlier_filter_took_its_origin_away(void **state)
{
    static const char *const headers[] = {"Origin: https://app.example", "Access-Control-Request-Method: GET", NULL};
    origin_t *origin = origin_start(origin_answer, answer);
    gateway_t *gateway =
        gateway_start(CONF_LISTEN SERVICE ROUTE(
                          "methods: GET, filters: [ { headers: { request: { remove: [ Origin, "
                          "Access-Control-Request-Method ] } } }, { cors: { origins: https://app.example } } ]"),
                      origin->port);
    const expected_t none[] = {{ALLOW_ORIGIN, NULL}, {"vary", "Origin"}};
    expect(gateway, "without its origin", &(request_t){.method = "OPTIONS", .path = "/", .headers = headers}, 204, none,
           2);
    assert_int_equal(atomic_load(&origin->num_requests), 0);
    gateway_stop(gateway);
    origin_stop(origin);
}

/* refusals and errors ---------------------------------------------------------------------------------------------- */

static void scripts_can_read_what_the_gateway_itself_answers(void **state)
{
    static const char *const headers[] = {"Origin: https://app.example", NULL};
    static const expected_t fields[] = {
        {ALLOW_ORIGIN, "https://app.example"}, {"vary", "Origin"}, {"content-type", "application/problem+json"}};
    static const char *const ask[] = {"Origin: https://app.example", "Access-Control-Request-Method: GET", NULL};
    char folder[] = "/tmp/sluice-cors-XXXXXX", keys[64];
    assert_non_null(mkdtemp(folder));
    snprintf(keys, sizeof(keys), "%s/keys", folder);
    FILE *file = fopen(keys, "w");
    assert_non_null(file);
    for (size_t i = 0; i != 8; ++i)
        fputs(i == 0 ? "sha256:01234567" : "01234567", file);
    fputs(" acme\n", file);
    fclose(file);
    origin_t *origin = origin_start(origin_answer, answer);
    gateway_t *gateway = gateway_start(
        CONF_LISTEN SERVICE
        "filters: { web: { cors: { origins: https://app.example } } }\n"
        "routes:\n"
        "  - { path: /key, methods: [GET], service: origin, filters: [ web, { api_key: { file: %s } } ] }\n"
        "  - { path: /ip, service: origin, filters: [ web, { ip_access: { deny: 127.0.0.1 } } ] }\n"
        "  - { path: /open, service: origin, filters: [ web, { circuit_breaker: { force: open } } ] }\n"
        "  - { path: /gone, service: origin, filters: [ web ] }\n",
        origin->port, keys);
    expect(gateway, "without credentials", &(request_t){.path = "/key", .headers = headers}, 401, fields, 3);
    expect(gateway, "a refusal", &(request_t){.path = "/ip", .headers = headers}, 403, fields, 3);
    expect(gateway, "an open breaker", &(request_t){.path = "/open", .headers = headers}, 503, fields, 3);
    expect(gateway, "the question needs no credentials",
           &(request_t){.method = "OPTIONS", .path = "/key", .headers = ask}, 204, fields, 2);
    assert_int_equal(atomic_load(&origin->num_requests), 0);
    origin_stop(origin);
    expect(gateway, "a service that is gone", &(request_t){.path = "/gone", .headers = headers}, 502, fields, 3);
    gateway_stop(gateway);
    unlink(keys);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(preflights_are_answered_in_front_of_the_service),
        cmocka_unit_test(responses_say_who_may_read_them),
        cmocka_unit_test(a_preflight_goes_to_the_route_of_the_request_that_it_asks_for),
        cmocka_unit_test(a_preflight_is_answered_though_an_earlier_filter_took_its_origin_away),
        cmocka_unit_test(scripts_can_read_what_the_gateway_itself_answers),
    };
    return cmocka_run_group_tests_name("cors", tests, NULL, NULL);
}
