/* SPDX-License-Identifier: MIT
 * The demo as it ships: the real services, and the gateway with conf/examples/demo.yaml, of which only addresses and
 * certificate paths are replaced. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/gateway.h"
#include "tests/support/jws.h"

static const struct {
    const char *service, *written; /* where the conf file expects it */
} services[] = {
    {"calculator", "127.0.0.1:9001"}, {"calculator", "127.0.0.1:9002"}, {"hello", "127.0.0.1:5000"},
    {"clock", "127.0.0.1:5001"},      {"directory", "127.0.0.1:5002"},  {"echo", "127.0.0.1:5003"},
    {"auth", "127.0.0.1:9010"},
};

#define NUM_SERVICES (sizeof(services) / sizeof(services[0]))

static process_t *processes[NUM_SERVICES];
static gateway_t direct[NUM_SERVICES]; /* to ask a service itself; only the port counts */
static gateway_t *gateway;

/** Every place of it, of which there is one at least. */
static char *replace(char *text, const char *from, const char *to)
{
    char *at = strstr(text, from);
    if (at == NULL) {
        fprintf(stderr, "conf/examples/demo.yaml does not name %s\n", from);
        abort();
    }
    char *result = malloc(strlen(text) + strlen(to) + 1);
    sprintf(result, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    free(text);
    return strstr(result, from) != NULL && strstr(to, from) == NULL ? replace(result, from, to) : result;
}

static char *read_conf(void)
{
    char path[4096], *text = calloc(1, 65536);
    const char *srcdir = getenv("srcdir");
    snprintf(path, sizeof(path), "%s/conf/examples/demo.yaml", srcdir != NULL ? srcdir : ".");
    FILE *file = fopen(path, "r");
    if (file == NULL || fread(text, 1, 65535, file) == 0)
        abort();
    fclose(file);
    return text;
}

static int start_all(void **state)
{
    const char *program = getenv("SLUICE_DEMO") != NULL ? getenv("SLUICE_DEMO") : "backends/sluice-demo";
    char *conf = read_conf();
    for (size_t i = 0; i != NUM_SERVICES; ++i) {
        char name[32];
        snprintf(name, sizeof(name), "%s-%zu", services[i].service, i);
        bool is_auth = strcmp(services[i].service, "auth") == 0; /* told where clients find it, as in the demo */
        const char *const argv[] = {program,
                                    services[i].service,
                                    "--listen",
                                    "127.0.0.1:0",
                                    "--name",
                                    name,
                                    is_auth ? "--issuer" : NULL,
                                    "http://localhost:8080/auth",
                                    NULL};
        processes[i] = process_start(argv);
        char *line = process_wait_for(processes[i], "listening on ", 1);
        conf = replace(conf, services[i].written, strstr(line, "127.0.0.1:"));
        direct[i].ports[0] = atoi(strrchr(line, ':') + 1);
        free(line);
    }
    conf = replace(conf, "0.0.0.0:8080", "127.0.0.1:0");
    conf = replace(conf, "0.0.0.0:8443", "127.0.0.1:00");
    conf = replace(conf, "../certs/localhost.crt", "server.crt");
    conf = replace(conf, "../certs/localhost.key", "server.key");
    conf = replace(conf, "period: 2s", "period: 1s");
    conf = replace(conf, "open_for: 5s", "open_for: 100ms");
    gateway = gateway_start("%s\nworkers: 1\n", conf);
    free(conf);
    return 0;
}

static int stop_all(void **state)
{
    gateway_stop(gateway);
    for (size_t i = 0; i != NUM_SERVICES; ++i) {
        process_signal(processes[i], SIGTERM);
        assert_int_equal(process_end(processes[i]), 0);
    }
    return 0;
}

static void every_service_answers_through_the_gateway(void **state)
{
    static const struct {
        const char *path, *body; /* the body begins so */
    } cases[] = {
        {"/add?num1=3&num2=4", "7\n"},
        {"/subtract?num1=9&num2=3", "6\n"},
        {"/multiply?num1=99999999999999999999&num2=99999999999999999999", "9999999999999999999800000000000000000001\n"},
        {"/calculator/divide?num1=7&num2=2", "3\n"},
        {"/hello", "Hello, World!\n"},
        {"/hello?name=Ada", "{\"message\": \"Hello, Ada!\"}"},
        {"/clock/", "{\"time\": "},
        {"/users/7", "{\"id\":7,"},
        {"/orders/1", "{\"id\":1,"},
        {"/echo/bytes/10", ""},
    };
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
            reply_t reply = fetch_path(gateway, t, cases[i].path);
            if (reply.status != 200 || strncmp(reply.body, cases[i].body, strlen(cases[i].body)) != 0)
                fail_msg("%s over %s: %d %s", cases[i].path, transport_names[t], reply.status, reply.body);
            reply_free(&reply);
        }
}

static void mistakes_are_answered_with_problems(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/add?num1=3");
        assert_int_equal(reply.status, 400);
        assert_non_null(strstr(reply.body, "num2"));
        reply_free(&reply);
        reply = fetch_path(gateway, t, "/divide?num1=3&num2=0");
        assert_int_equal(reply.status, 400);
        reply_free(&reply);
        reply = fetch_path(gateway, t, "/users/4711");
        assert_int_equal(reply.status, 404);
        reply_free(&reply);
    }
}

static void a_copy_that_is_still_good_is_answered_with_304(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/users/7");
        char *etag = reply_field(&reply, "ETag"), header[256];
        assert_non_null(etag);
        snprintf(header, sizeof(header), "If-None-Match: %s", etag);
        free(etag);
        reply_free(&reply);
        const char *headers[] = {header, NULL};
        reply = fetch(gateway, t, &(request_t){.path = "/users/7", .headers = headers});
        assert_int_equal(reply.status, 304);
        assert_int_equal(reply.body_len, 0);
        reply_free(&reply);
    }
}

/** Asks the gateway, and expects a part of Cache-Status.  @param header NULL: none */
static void expect_cache_status(transport_t t, const char *method, const char *path, const char *header, int status,
                                const char *cache_status)
{
    const char *const headers[] = {header, NULL};
    reply_t reply = fetch(gateway, t, &(request_t){.method = method, .path = path, .headers = headers});
    char *field = reply_field(&reply, "Cache-Status");
    if (reply.status != status || strstr(field != NULL ? field : "", cache_status) == NULL)
        fail_msg("%s %s over %s: %d, Cache-Status: %s", method, path, transport_names[t], reply.status, field);
    free(field);
    reply_free(&reply);
}

static void fail_directory(const char *fault)
{
    reply_t reply = fetch(&direct[4], OVER_HTTP1, &(request_t){.method = "PUT", .path = fault});
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
}

static void the_directory_is_answered_from_memory(void **state)
{
    static const char soft[] = "Purge-Mode: soft"; /* stale at once, in place of ten seconds later */
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        expect_cache_status(t, "PURGE", "/users/3", NULL, 200, "");
        expect_cache_status(t, "GET", "/users/3", NULL, 200, "sluice; fwd=uri-miss; fwd-status=200; stored; ttl=");
        expect_cache_status(t, "GET", "/users/3", NULL, 200, "sluice; hit; ttl=");
        expect_cache_status(t, "HEAD", "/users/3", NULL, 200, "sluice; hit; ttl=");
        expect_cache_status(t, "GET", "/users/3", "Range: bytes=0-3", 206, "sluice; hit; ttl=");
        expect_cache_status(t, "PURGE", "/users/3", soft, 200, "");
        expect_cache_status(t, "GET", "/users/3", NULL, 200, "sluice; fwd=stale; fwd-status=304; stored; ttl=");
        expect_cache_status(t, "PURGE", "/users/3", soft, 200, "");
        fail_directory("/fault?fail=1");
        expect_cache_status(t, "GET", "/users/3", NULL, 200, "sluice; fwd=stale; fwd-status=503; ttl=");
        expect_cache_status(t, "GET", "/users/3", NULL, 200, "; detail=stale-if-error");
        fail_directory("/fault?fail=0");
        char nobody[32];
        snprintf(nobody, sizeof(nobody), "/users/%d", 5000 + (int)t);
        expect_cache_status(t, "GET", nobody, NULL, 404, "fwd=uri-miss; fwd-status=404; detail=no-store");
        expect_cache_status(t, "GET", nobody, NULL, 404, "fwd=uri-miss; fwd-status=404; detail=uncacheable");
    }
    free(process_wait_for(gateway->process, "\"verdict\":\"revalidated\"", 1));
    free(process_wait_for(gateway->process, "\"verdict\":\"stale\",\"reason\":\"stale-if-error\"", 1));
}

static void a_token_is_to_be_had_through_the_gateway(void **state)
{
    const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded", NULL};
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch(gateway, t,
                              &(request_t){.method = "POST",
                                           .path = "/auth/token",
                                           .headers = headers,
                                           .body = "grant_type=password&client_id=app&username=alice&password=alice"});
        assert_int_equal(reply.status, 200);
        json_t *answer = json_loads(reply.body, 0, NULL);
        const char *token = json_string_value(json_object_get(answer, "access_token"));
        reply_free(&reply);
        reply = fetch_path(gateway, t, "/auth/.well-known/jwks.json");
        assert_int_equal(reply.status, 200);
        json_t *keys = json_loads(reply.body, 0, NULL);
        EVP_PKEY *key = jwks_key(keys, token);
        assert_non_null(key);
        assert_true(jws_verifies(token, key, NULL));
        reply_free(&reply);
        reply = fetch_path(gateway, t, "/auth/.well-known/oauth-authorization-server");
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
        EVP_PKEY_free(key);
        json_decref(keys);
        json_decref(answer);
    }
}

/** @param form of the request   @param authorization header line, or NULL   @return the token, to be freed */
static char *get_token(transport_t t, const char *form, const char *authorization)
{
    const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded", authorization, NULL};
    reply_t reply =
        fetch(gateway, t, &(request_t){.method = "POST", .path = "/auth/token", .headers = headers, .body = form});
    json_t *answer = json_loads(reply.body, 0, NULL);
    const char *text = json_string_value(json_object_get(answer, "access_token"));
    if (text == NULL)
        fail_msg("no token over %s: %d %s", transport_names[t], reply.status, reply.body);
    char *token = strdup(text);
    json_decref(answer);
    reply_free(&reply);
    return token;
}

/** Adds 3 and 4 with the token, or without.  @return as from fetch */
static reply_t add_with(transport_t t, const char *token)
{
    char line[4096];
    snprintf(line, sizeof(line), "Authorization: Bearer %s", token != NULL ? token : "");
    const char *const headers[] = {token != NULL ? line : NULL, NULL};
    return fetch(gateway, t, &(request_t){.path = "/secure/add?num1=3&num2=4", .headers = headers});
}

static void expect_seven(transport_t t, const char *token)
{
    reply_t reply = add_with(t, token);
    if (reply.status != 200 || strcmp(reply.body, "7\n") != 0)
        fail_msg("over %s: %d %s", transport_names[t], reply.status, reply.body);
    reply_free(&reply);
}

static const char demo_form[] = "grant_type=client_credentials";
static const char demo_client[] = "Authorization: Basic ZGVtbzpkZW1vLXNlY3JldA=="; /* demo:demo-secret */

static void the_secure_way_to_the_calculator_takes_tokens(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = add_with(t, NULL);
        char *challenge = reply_field(&reply, "WWW-Authenticate");
        assert_int_equal(reply.status, 401);
        assert_string_equal(challenge, "Bearer realm=\"api\"");
        free(challenge);
        reply_free(&reply);
        char *demo = get_token(t, demo_form, demo_client);
        expect_seven(t, demo);
        free(demo);
        char *bob = get_token(t, "grant_type=password&client_id=app&username=bob&password=bob", NULL);
        reply = add_with(t, bob);
        challenge = reply_field(&reply, "WWW-Authenticate");
        assert_int_equal(reply.status, 403);
        assert_non_null(strstr(challenge, "error=\"insufficient_scope\""));
        assert_non_null(strstr(challenge, "scope=\"calc\""));
        free(challenge);
        reply_free(&reply);
        free(bob);
    }
    free(process_wait_for(gateway->process, "\"principal\":\"demo\",\"credential\":\"jwt\"", 3));
    free(process_wait_for(gateway->process, "\"reason\":\"scope_missing\",\"detail\":\"scope\"", 3));
}

static void another_key_is_found_by_the_first_token_that_it_has_signed(void **state)
{
    char *before = get_token(OVER_HTTP1, demo_form, demo_client);
    expect_seven(OVER_HTTP1, before);
    process_signal(processes[NUM_SERVICES - 1], SIGHUP);
    free(process_wait_for(processes[NUM_SERVICES - 1], "tokens are signed with the key ", 1));
    char *after = get_token(OVER_HTTP1, demo_form, demo_client);
    expect_seven(OVER_HTTP1, after);
    expect_seven(OVER_HTTP1, before);
    free(process_wait_for(gateway->process, "was fetched: it has changed", 1));
    free(before);
    free(after);
}

static void the_calculators_take_turns(void **state)
{
    size_t num_first = 0, num_second = 0;
    for (int i = 0; i != 10; ++i) {
        reply_t reply = fetch_path(gateway, OVER_HTTP1, "/add?num1=1&num2=1");
        char *name = reply_field(&reply, "X-Served-By");
        assert_non_null(name);
        num_first += strcmp(name, "calculator-0") == 0;
        num_second += strcmp(name, "calculator-1") == 0;
        free(name);
        reply_free(&reply);
    }
    assert_int_equal(num_first, 5);
    assert_int_equal(num_second, 5);
}

/** @param plan a header line, or NULL   @return the answer of the limited way to the calculator */
static reply_t calculate_below(transport_t t, const char *plan)
{
    const char *const headers[] = {plan, NULL};
    return fetch(gateway, t, &(request_t){.path = "/calculator/add?num1=3&num2=4", .headers = headers});
}

static void expect_fields(const reply_t *reply, const char *limit)
{
    char *policy = reply_field(reply, "RateLimit-Policy"), *left = reply_field(reply, "RateLimit");
    assert_string_equal(policy, "\"default\";q=10;w=2");
    if (left == NULL || strncmp(left, limit, strlen(limit)) != 0)
        fail_msg("RateLimit: %s", left);
    free(left);
    free(policy);
}

static void who_asks_too_often_is_refused_and_told_when_to_come_back(void **state)
{
    enum { most = 1000 }; /* more than come back meanwhile, however slow this is */
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = calculate_below(t, NULL);
        for (size_t i = 0; i != most && reply.status == 200; ++i) {
            expect_fields(&reply, "\"default\";r=");
            reply_free(&reply);
            reply = calculate_below(t, NULL);
        }
        assert_int_equal(reply.status, 429);
        expect_fields(&reply, "\"default\";r=0;t=1");
        assert_non_null(strstr(reply.body, "\"violated-policies\":[\"default\"]"));
        char *seconds = reply_field(&reply, "Retry-After");
        assert_string_equal(seconds, "1");
        free(seconds);
        reply_free(&reply);
        for (size_t i = 0; i != 20; ++i) { /* with the plan there is no limit */
            reply = calculate_below(t, "X-Plan: unlimited");
            assert_int_equal(reply.status, 200);
            assert_null(strstr(reply.head, "atelimit"));
            reply_free(&reply);
        }
    }
}

static void events_arrive_one_by_one(void **state)
{
    int fd = raw_connect(gateway->ports[0]);

    static const char request[] = "GET /echo/stream?chunks=2&interval=50 HTTP/1.1\r\nHost: a\r\n\r\n";
    raw_write(fd, request, sizeof(request) - 1);
    char *first = raw_read(fd, "data: {\"chunk\":1}", NULL);
    assert_non_null(strstr(first, "text/event-stream"));
    assert_null(strstr(first, "\"chunk\":2"));
    free(first);
    free(raw_read(fd, "data: {\"chunk\":2}", NULL));
    close(fd);
}

/* failing by hand -------------------------------------------------------------------------------------------------- */

static reply_t ask(size_t service, const char *method, const char *path)
{
    return fetch(&direct[service], OVER_HTTP1, &(request_t){.method = method, .path = path});
}

static void expect(size_t service, const char *method, const char *path, int status, const char *text)
{
    reply_t reply = ask(service, method, path);
    if (reply.status != status || strstr(reply.body, text) == NULL)
        fail_msg("%s %s of %s: %d %s, wanted %d %s", method, path, services[service].service, reply.status, reply.body,
                 status, text);
    reply_free(&reply);
}

static void every_service_fails_when_it_is_told_to(void **state)
{
    for (size_t i = 0; i != NUM_SERVICES; ++i) {
        char now[128];
        expect(i, "PUT", "/fault?fail=1", 200, "\"delay_ms\":0,\"fail\":1.0}");
        expect(i, "GET", "/", 503, "fails on purpose");
        expect(i, "GET", "/healthz", 503, "\"fail\":1.0");
        snprintf(now, sizeof(now), "{\"name\":\"%s-%zu\",\"delay_ms\":0,\"fail\":1.0}\n", services[i].service, i);
        expect(i, "GET", "/fault", 200, now);
        expect(i, "HEAD", "/fault", 200, "");
        expect(i, "PUT", "/fault?fail=0.5", 200, "\"fail\":0.5}");
        expect(i, "GET", "/healthz", 200, "degraded");
        for (int k = 0; k != 4; ++k) { /* it begins to count anew: every second one */
            reply_t reply = ask(i, "GET", "/");
            assert_int_equal(reply.status == 503, k % 2);
            reply_free(&reply);
        }
        expect(i, "PUT", "/fault?fail=0", 200, "\"fail\":0.0}");
        expect(i, "GET", "/healthz", 200, "\"ok\"");
    }
}

static void what_is_late_can_still_be_told_to_be_quick(void **state)
{
    expect(2, "PUT", "/fault?delay=600000", 200, "\"delay_ms\":600000,\"fail\":0.0}");
    reply_t reply = fetch(&direct[2], OVER_HTTP1, &(request_t){.path = "/hello", .timeout_ms = 100});
    assert_int_equal(reply.status, 0);
    reply_free(&reply);
    expect(2, "GET", "/fault", 200, "\"delay_ms\":600000");
    expect(2, "PUT", "/fault?delay=1&fail=1", 200, "\"delay_ms\":1,\"fail\":1.0}");
    expect(2, "PUT", "/fault?delay=0", 200, "\"delay_ms\":0,\"fail\":1.0}");
    expect(2, "PUT", "/fault?fail=0", 200, "\"delay_ms\":0,\"fail\":0.0}");
    expect(2, "GET", "/hello", 200, "Hello, World!");
}

static void a_wrong_fault_changes_nothing(void **state)
{
    static const struct {
        const char *method, *path;
        int status;
        const char *text;
    } cases[] = {
        {"PUT", "/fault", 400, "what is to change?"},
        {"PUT", "/fault?dealy=5", 400, "what is to change?"},
        {"PUT", "/fault?fail=1.1", 400, "\"parameter\":\"fail\""},
        {"PUT", "/fault?fail=", 400, "\"parameter\":\"fail\""},
        {"PUT", "/fault?fail=0%00", 400, "\"parameter\":\"fail\""},
        {"PUT", "/fault?fail=50%25", 400, "\"parameter\":\"fail\""},
        {"PUT", "/fault?fail=0.0000000000000000000000000000000000001", 400, "\"parameter\":\"fail\""},
        {"PUT", "/fault?fail=1&fail=1", 400, "given more than once"},
        {"PUT", "/fault?fail=1&delay=600001", 400, "\"parameter\":\"delay\""},
        {"PUT", "/fault?delay=1s", 400, "\"parameter\":\"delay\""},
        {"POST", "/fault?fail=1", 405, "GET tells"},
        {"DELETE", "/fault", 405, "GET tells"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i)
        expect(2, cases[i].method, cases[i].path, cases[i].status, cases[i].text);
    expect(2, "GET", "/fault", 200, "\"delay_ms\":0,\"fail\":0.0}");
}

/* what the gateway does about it ----------------------------------------------------------------------------------- */

static void a_calculator_that_fails_is_found_out_and_no_client_notices(void **state)
{
    expect(0, "PUT", "/fault?fail=1", 200, "");
    for (int i = 0; i != 10; ++i) { /* retries hide it at first; some more, in case the budget is spent */
        reply_t reply = fetch_path(gateway, OVER_HTTP1, "/add?num1=1&num2=1");
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
    }
    free(process_wait_for(gateway->process, "is down: its health checks fail: status 503", 1));
    for (int i = 0; i != 10; ++i) {
        reply_t reply = fetch_path(gateway, OVER_HTTP1, "/add?num1=1&num2=1");
        char *name = reply_field(&reply, "X-Served-By");
        assert_int_equal(reply.status, 200);
        assert_string_equal(name, "calculator-1");
        free(name);
        reply_free(&reply);
    }
    expect(0, "PUT", "/fault?fail=0", 200, "");
    free(process_wait_for(gateway->process, "is up again: its health checks succeed", 1));
}

/* @return whether the breaker answered */
static bool is_refused_by_breaker(void)
{
    reply_t reply = fetch_path(gateway, OVER_HTTP1, "/add?num1=1&num2=1");
    bool is_refused = strstr(reply.body, "\"breaker_open\"") != NULL;
    if (is_refused) {
        char *seconds = reply_field(&reply, "Retry-After");
        assert_int_equal(reply.status, 503);
        assert_string_equal(seconds, "1");
        free(seconds);
    }
    reply_free(&reply);
    return is_refused;
}

static void the_breaker_opens_and_closes_as_the_log_says(void **state)
{
    enum { most = 10000 };
    size_t num = 0;
    expect(0, "PUT", "/fault?fail=0.95", 200, ""); /* with which /healthz is well */
    expect(1, "PUT", "/fault?fail=0.95", 200, "");
    while (!is_refused_by_breaker())
        assert_true(++num != most);
    free(process_wait_for(gateway->process, "circuit breaker guard: service calculator: closed -> open for ", 1));
    expect(0, "PUT", "/fault?fail=0", 200, "");
    expect(1, "PUT", "/fault?fail=0", 200, "");
    for (num = 0; process_count(gateway->process, "half_open -> closed: the probes came back well") == 0; ++num) {
        is_refused_by_breaker();
        assert_true(num != most);
    }
    free(process_wait_for(gateway->process, "circuit breaker guard: service calculator: open -> half_open", 1));
    reply_t reply = fetch_path(gateway, OVER_HTTP1, "/add?num1=1&num2=1");
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_service_answers_through_the_gateway),
        cmocka_unit_test(mistakes_are_answered_with_problems),
        cmocka_unit_test(a_copy_that_is_still_good_is_answered_with_304),
        cmocka_unit_test(the_directory_is_answered_from_memory),
        cmocka_unit_test(a_token_is_to_be_had_through_the_gateway),
        cmocka_unit_test(the_secure_way_to_the_calculator_takes_tokens),
        cmocka_unit_test(another_key_is_found_by_the_first_token_that_it_has_signed),
        cmocka_unit_test(the_calculators_take_turns),
        cmocka_unit_test(who_asks_too_often_is_refused_and_told_when_to_come_back),
        cmocka_unit_test(events_arrive_one_by_one),
        cmocka_unit_test(every_service_fails_when_it_is_told_to),
        cmocka_unit_test(what_is_late_can_still_be_told_to_be_quick),
        cmocka_unit_test(a_wrong_fault_changes_nothing),
        cmocka_unit_test(a_calculator_that_fails_is_found_out_and_no_client_notices),
        cmocka_unit_test(the_breaker_opens_and_closes_as_the_log_says),
    };
    return cmocka_run_group_tests_name("demo", tests, start_all, stop_all);
}
