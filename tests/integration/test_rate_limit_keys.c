/* SPDX-License-Identifier: MIT
 * Whom a rate limit counts: addresses and what proxies say of them, fields, cookies, parameters, principals, routes,
 * several parts together; and requests that lack a part. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/conf_files.h"
#include "tests/support/expect.h"
#include "tests/support/one_origin.h"
#include "tests/support/tokens.h"

#define TRUST "trusted_proxies: [ 127.0.0.1 ]\n"

static int set_up(void **state)
{
    origin_set_up(state);
    return test_folder_create(state);
}

static int tear_down(void **state)
{
    origin_tear_down(state);
    return test_folder_remove(state);
}

typedef struct row {
    const char *about, *before, *options;
    step_t steps[STEPS_MAX];
} row_t;

#define CONF_LIMIT "%sroutes: [ { path: /, service: origin, filters: [ { rate_limit: { %s } } ] } ]\n"

static void run_rows(const row_t *rows, size_t num)
{
    for (size_t i = 0; i != num; ++i)
        steps_run_on_origin(rows[i].about, rows[i].steps, CONF_LIMIT, rows[i].before, rows[i].options);
}

static void addresses_are_those_of_clients_and_not_of_proxies(void **state)
{
    static const row_t rows[] = {
        {"a client is its address whatever it says of itself",
         "",
         "key: client_address, rate: 1/h, burst: 2",
         {{"/", {"X-Forwarded-For: 192.0.2.1"}, 200, 1},
          {"/", {"X-Forwarded-For: 192.0.2.2"}, 200, 0},
          {"/", {"X-Forwarded-For: 192.0.2.3"}, 429, 0},
          {"/", {"Forwarded: for=192.0.2.4"}, 429, 0}}},
        {"clients of a trusted proxy",
         TRUST,
         "key: client_address, rate: 1/h",
         {{"/", {"X-Forwarded-For: 192.0.2.1"}, 200, 0},
          {"/", {"X-Forwarded-For: 192.0.2.1"}, 429, 0},
          {"/", {"X-Forwarded-For: 192.0.2.2"}, 200, 0},
          {"/", {"X-Forwarded-For: 198.51.100.1, 192.0.2.2"}, 429, 0}, /* what a client says to the proxy */
          {"/", {"X-Forwarded-For: 198.51.100.2, 192.0.2.1"}, 429, 0},
          {"/", {NULL}, 200, 0}, /* the proxy itself */
          {"/", {NULL}, 429, 0}}},
        {"an address in two forms is one",
         TRUST,
         "key: client_address, rate: 1/h",
         {{"/", {"X-Forwarded-For: 2001:DB8:0:0::1"}, 200, 0},
          {"/", {"X-Forwarded-For: 2001:db8::1"}, 429, 0},
          {"/", {"X-Forwarded-For: 192.0.2.1"}, 200, 0},
          {"/", {"X-Forwarded-For: ::ffff:192.0.2.1"}, 429, 0},
          {"/", {"X-Forwarded-For: 192.0.2.1:5000"}, 429, 0},
          {"/", {"X-Forwarded-For: [2001:db8::1]:5001"}, 429, 0}}},
        {"whom the proxy does not name are one client, and not the proxy",
         TRUST,
         "key: client_address, rate: 1/h, burst: 2",
         {{"/", {"X-Forwarded-For: unknown"}, 200, 1},
          {"/", {"X-Forwarded-For: 192.0.2.1, _hidden"}, 200, 0},
          {"/", {"X-Forwarded-For: 192.0.2.2, "}, 429, 0},
          {"/", {NULL}, 200, 1}}},
        {"a /64 is one client",
         TRUST,
         "key: client_address, rate: 1/h, burst: 2",
         {{"/", {"X-Forwarded-For: 2001:db8:1:2::1"}, 200, 1},
          {"/", {"X-Forwarded-For: 2001:db8:1:2:ffff:ffff:ffff:ffff"}, 200, 0},
          {"/", {"X-Forwarded-For: 2001:db8:1:2:8000::9"}, 429, 0},
          {"/", {"X-Forwarded-For: 2001:db8:1:3::1"}, 200, 1},
          {"/", {"X-Forwarded-For: 2001:db8:0:2::1"}, 200, 1},
          {"/", {"X-Forwarded-For: 192.0.2.1"}, 200, 1},
          {"/", {"X-Forwarded-For: 192.0.2.2"}, 200, 1}}},
        {"prefixes of one's choice",
         TRUST,
         "key: client_address, rate: 1/h, ipv4_prefix: 20, ipv6_prefix: 58",
         {{"/", {"X-Forwarded-For: 192.0.16.1"}, 200, 0},
          {"/", {"X-Forwarded-For: 192.0.31.255"}, 429, 0},
          {"/", {"X-Forwarded-For: 192.0.32.1"}, 200, 0},
          {"/", {"X-Forwarded-For: 192.0.15.1"}, 200, 0},
          {"/", {"X-Forwarded-For: 2001:db8:0:40::1"}, 200, 0},
          {"/", {"X-Forwarded-For: 2001:db8:0:7f::1"}, 429, 0},
          {"/", {"X-Forwarded-For: 2001:db8:0:80::1"}, 200, 0}}},
        {"one address each",
         TRUST,
         "key: client_address, rate: 1/h, ipv6_prefix: 128",
         {{"/", {"X-Forwarded-For: 2001:db8::1"}, 200, 0},
          {"/", {"X-Forwarded-For: 2001:db8::2"}, 200, 0},
          {"/", {"X-Forwarded-For: 2001:db8::2"}, 429, 0}}},
    };
    run_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void parts_of_the_request_are_keys(void **state)
{
    static const row_t rows[] = {
        {"a field",
         "",
         "key: \"header:X-Key\", when_missing: refuse, rate: 1/h",
         {{"/", {"X-Key: a"}, 200, 0},
          {"/", {"x-key: a"}, 429, 0},
          {"/", {"X-Key: A"}, 200, 0},
          {"/", {"X-Key: b"}, 200, 0},
          {"/", {"X-Key: b"}, 429, 0}}},
        {"a cookie",
         "",
         "key: \"cookie:id\", when_missing: refuse, rate: 1/h",
         {{"/", {"Cookie: id=a; other=1"}, 200, 0},
          {"/", {"Cookie: other=2; id=a"}, 429, 0},
          {"/", {"Cookie: id=b"}, 200, 0},
          {"/", {"Cookie: xid=a"}, 400, UNTOLD}}},
        {"a parameter",
         "",
         "key: \"query:id\", when_missing: refuse, rate: 1/h",
         {{"/?id=a&x=1", {NULL}, 200, 0},
          {"/?x=2&id=a", {NULL}, 429, 0},
          {"/?id=b", {NULL}, 200, 0},
          {"/?ID=a", {NULL}, 400, UNTOLD}}},
        {"everybody",
         TRUST,
         "key: all, rate: 1/h, burst: 2",
         {{"/", {"X-Forwarded-For: 192.0.2.1"}, 200, 1},
          {"/a", {"X-Forwarded-For: 192.0.2.2"}, 200, 0},
          {"/", {"X-Forwarded-For: 192.0.2.3"}, 429, 0}}},
        {"several parts",
         TRUST,
         "key: [ client_address, \"header:X-Key\" ], when_missing: refuse, rate: 1/h",
         {{"/", {"X-Forwarded-For: 192.0.2.1", "X-Key: a"}, 200, 0},
          {"/", {"X-Forwarded-For: 192.0.2.1", "X-Key: a"}, 429, 0},
          {"/", {"X-Forwarded-For: 192.0.2.2", "X-Key: a"}, 200, 0},
          {"/", {"X-Forwarded-For: 192.0.2.1", "X-Key: b"}, 200, 0},
          {"/", {"X-Forwarded-For: 192.0.2.1"}, 400, UNTOLD}}},
        {"where one part ends and the next one begins matters",
         "",
         "key: [ \"header:X-One\", \"header:X-Two\" ], when_missing: refuse, rate: 1/h",
         {{"/", {"X-One: ab", "X-Two: c"}, 200, 0},
          {"/", {"X-One: a", "X-Two: bc"}, 200, 0},
          {"/", {"X-One: c", "X-Two: ab"}, 200, 0},
          {"/", {"X-One: ab", "X-Two: c"}, 429, 0},
          {"/", {"X-One: a", "X-Two: bc"}, 429, 0},
          {"/", {"X-One: abc", "X-Two;"}, 400, UNTOLD}}},
    };
    run_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void who_lacks_the_key_is_refused_let_pass_or_counted_with_the_others(void **state)
{
    static const row_t rows[] = {
        {"refused",
         "",
         "key: \"header:X-Key\", when_missing: refuse, rate: 1/h",
         {{"/", {NULL}, 400, UNTOLD},
          {"/", {"X-Key;"}, 400, UNTOLD},               /* empty */
          {"/", {"X-Key: a", "X-Key: b"}, 400, UNTOLD}, /* the service may look at the other one */
          {"/", {"X-Key: a", "X-Key: a"}, 400, UNTOLD},
          {"/", {"X-Key: a"}, 200, 0}}},
        {"let pass",
         "",
         "key: \"header:X-Key\", when_missing: allow, rate: 1/h",
         {{"/", {NULL}, 200, UNTOLD},
          {"/", {NULL}, 200, UNTOLD},
          {"/", {"X-Key: a", "X-Key: b"}, 200, UNTOLD},
          {"/", {"X-Key: a"}, 200, 0},
          {"/", {"X-Key: a"}, 429, 0},
          {"/", {"X-Key;"}, 200, UNTOLD}}},
        {"counted together",
         "",
         "key: \"header:X-Key\", when_missing: shared, rate: 1/h, burst: 3",
         {{"/", {NULL}, 200, 2},
          {"/", {"X-Key;"}, 200, 1},
          {"/", {"X-Key: a", "X-Key: b"}, 200, 0},
          {"/", {NULL}, 429, 0},
          {"/", {"X-Key: c", "X-Key: d"}, 429, 0},
          {"/", {"X-Key: a"}, 200, 2}}},
        {"counted together whichever part is missing",
         "",
         "key: [ \"header:X-One\", \"header:X-Two\" ], when_missing: shared, rate: 1/h, burst: 2",
         {{"/", {"X-One: a"}, 200, 1},
          {"/", {"X-Two: a"}, 200, 0},
          {"/", {NULL}, 429, 0},
          {"/", {"X-One: a", "X-Two: a"}, 200, 1}}},
        {"two cookies of a name",
         "",
         "key: \"cookie:id\", when_missing: refuse, rate: 1/h",
         {{"/", {"Cookie: id=a; id=b"}, 400, UNTOLD}, {"/", {"Cookie: id=a"}, 200, 0}}},
        {"two parameters of a name",
         "",
         "key: \"query:id\", when_missing: refuse, rate: 1/h",
         {{"/?id=a&id=b", {NULL}, 400, UNTOLD}, {"/?id=", {NULL}, 400, UNTOLD}, {"/?id=a", {NULL}, 200, 0}}},
        {"nobody is signed in", "", "key: principal, when_missing: refuse, rate: 1/h", {{"/", {NULL}, 400, UNTOLD}}},
    };
    run_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

static void the_answer_to_a_missing_key_is_a_problem_and_the_log_has_the_cause(void **state)
{
    gateway_t *gateway = gateway_start(CONF_LISTEN CONF_ORIGIN CONF_LIMIT, origin->port, "",
                                       "key: \"header:X-Key\", when_missing: refuse, rate: 1/h");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/");
        expect_reply(&reply, 400, "rate_limit_key_missing");
        char *type = reply_field(&reply, "content-type");
        assert_string_equal(type, "application/problem+json");
        free(type);
        reply_free(&reply);
    }
    free(process_wait_for(
        gateway->process,
        "\"decisions\":[{\"filter\":\"rate_limit\",\"verdict\":\"refused\",\"reason\":\"key_missing\"}]",
        NUM_TRANSPORTS));
    gateway_stop(gateway);
}

/* principals ------------------------------------------------------------------------------------------------------- */

/* of "abc" (FIPS 180-2 B.1) and of the long one (B.2) */
#define KEYS                                                                                                           \
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad acme plan=gold\n"                         \
    "sha256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1 bob plan=gold\n"
#define SHORT_KEY "X-API-Key: abc"
#define LONG_KEY  "X-API-Key: abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"

static void principals_and_their_properties_are_keys(void **state)
{
    static const struct {
        const char *about, *key;
        step_t steps[STEPS_MAX];
    } rows[] = {
        {"the principal",
         "principal",
         {{"/", {SHORT_KEY}, 200, 0},
          {"/", {SHORT_KEY}, 429, 0},
          {"/", {LONG_KEY}, 200, 0},
          {"/", {NULL}, 401, UNTOLD}, /* refused before it is counted */
          {"/", {LONG_KEY}, 429, 0}}},
        {"a property that several have", "api_key.plan", {{"/", {SHORT_KEY}, 200, 0}, {"/", {LONG_KEY}, 429, 0}}},
        {"a property that nobody has", "api_key.colour", {{"/", {SHORT_KEY}, 400, UNTOLD}}},
    };
    char *file = conf_file_replace(test_folder, "keys", KEYS);
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i)
        steps_run_on_origin(rows[i].about, rows[i].steps,
                            "routes: [ { path: /, service: origin, filters: [ "
                            "{ api_key: { file: %s } }, "
                            "{ rate_limit: { key: %s, when_missing: refuse, rate: 1/h } } ] } ]\n",
                            file, rows[i].key);
    free(file);
}

static void the_subject_of_a_token_is_a_key(void **state)
{
    static const char secret[] = "0123456789abcdef0123456789abcdef";
    token_key_t *key = token_key_from_secret(secret, strlen(secret), NULL);
    char *file = conf_file_replace(test_folder, "secret", secret);
    char *alice =
        token_mint(key, "HS256", "{\"iss\":\"me\",\"aud\":\"any\",\"sub\":\"alice\",\"exp\":%ld}", token_now() + 3600);
    char *alice_again =
        token_mint(key, "HS256", "{\"iss\":\"me\",\"aud\":\"any\",\"sub\":\"alice\",\"exp\":%ld,\"jti\":\"2\"}",
                   token_now() + 3600);
    char *bob =
        token_mint(key, "HS256", "{\"iss\":\"me\",\"aud\":\"any\",\"sub\":\"bob\",\"exp\":%ld}", token_now() + 3600);
    char *tokens[] = {token_text("Authorization: Bearer %s", alice),
                      token_text("Authorization: Bearer %s", alice_again), token_text("Authorization: Bearer %s", bob)};
    const step_t steps[STEPS_MAX] = {
        {"/", {tokens[0]}, 200, 0},
        {"/", {tokens[1]}, 429, 0},
        {"/", {tokens[2]}, 200, 0},
        {"/", {tokens[2]}, 429, 0},
    };
    steps_run_on_origin("tokens", steps,
                        "routes: [ { path: /, service: origin, filters: [ { jwt: { issuer: me, audience: any, "
                        "algorithms: [ HS256 ], keys: { secret_file: %s } } }, "
                        "{ rate_limit: { key: jwt.sub, when_missing: refuse, rate: 1/h } } ] } ]\n",
                        file);
    for (size_t i = 0; i != 3; ++i)
        free(tokens[i]);
    free(alice);
    free(alice_again);
    free(bob);
    free(file);
    token_key_free(key);
}

/* routes ----------------------------------------------------------------------------------------------------------- */

static void a_route_may_have_a_bucket_of_its_own(void **state)
{
    static const struct {
        const char *about, *key;
        step_t steps[STEPS_MAX];
    } rows[] = {
        {"the route",
         "route",
         {{"/a/", {"X-Forwarded-For: 192.0.2.1"}, 200, 0},
          {"/a/", {"X-Forwarded-For: 192.0.2.2"}, 429, 0},
          {"/b/", {"X-Forwarded-For: 192.0.2.1"}, 200, 0},
          {"/b/x", {"X-Forwarded-For: 192.0.2.2"}, 429, 0}}},
        {"a client's on a route",
         "[ client_address, route ]",
         {{"/a/", {"X-Forwarded-For: 192.0.2.1"}, 200, 0},
          {"/a/", {"X-Forwarded-For: 192.0.2.2"}, 200, 0},
          {"/b/", {"X-Forwarded-For: 192.0.2.1"}, 200, 0},
          {"/a/", {"X-Forwarded-For: 192.0.2.1"}, 429, 0},
          {"/b/", {"X-Forwarded-For: 192.0.2.1"}, 429, 0}}},
        {"everybody's on all routes", "all", {{"/a/", {NULL}, 200, 0}, {"/b/", {NULL}, 429, 0}}},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i)
        steps_run_on_origin(rows[i].about, rows[i].steps,
                            TRUST "filters: { polite: { rate_limit: { key: %s, rate: 1/h } } }\n"
                                  "routes:\n"
                                  "  - { path: /a/, service: origin, filters: [ polite ] }\n"
                                  "  - { path: /b/, service: origin, filters: [ polite ] }\n",
                            rows[i].key);
}

/* Unix sockets ----------------------------------------------------------------------------------------------------- */

static void clients_of_a_unix_socket_are_one_but_for_those_that_they_speak_for(void **state)
{
    char folder[] = "/tmp/sluice-unix-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/sock", folder);
    gateway_t *gateway = gateway_start(
        CONF_LISTEN "  - address: unix:%s\n" CONF_ORIGIN "routes: [ { path: /, service: origin, filters: [ "
                    "{ rate_limit: { key: client_address, rate: 1/h, burst: 2 } } ] } ]\n",
        path, origin->port);
    assert_int_equal(ask_by_unix_socket(path, ""), 200);
    assert_int_equal(ask_by_unix_socket(path, ""), 200);
    assert_int_equal(ask_by_unix_socket(path, ""), 429);
    assert_int_equal(ask_by_unix_socket(path, "X-Forwarded-For: 192.0.2.1\r\n"), 200);
    assert_int_equal(ask_by_unix_socket(path, "X-Forwarded-For: 192.0.2.1\r\n"), 200);
    assert_int_equal(ask_by_unix_socket(path, "X-Forwarded-For: 192.0.2.1\r\n"), 429);
    assert_int_equal(ask_by_unix_socket(path, ""), 429);
    expect_status(gateway, OVER_HTTP1, "/", 200);
    gateway_stop(gateway);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_those_of_clients_and_not_of_proxies),
        cmocka_unit_test(parts_of_the_request_are_keys),
        cmocka_unit_test(who_lacks_the_key_is_refused_let_pass_or_counted_with_the_others),
        cmocka_unit_test(the_answer_to_a_missing_key_is_a_problem_and_the_log_has_the_cause),
        cmocka_unit_test(principals_and_their_properties_are_keys),
        cmocka_unit_test(the_subject_of_a_token_is_a_key),
        cmocka_unit_test(a_route_may_have_a_bucket_of_its_own),
        cmocka_unit_test(clients_of_a_unix_socket_are_one_but_for_those_that_they_speak_for),
    };
    return cmocka_run_group_tests_name("rate_limit_keys", tests, set_up, tear_down);
}
