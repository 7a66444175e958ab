/* SPDX-License-Identifier: MIT
 * Tests of what the token service says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "backends/auth_token.h"

static const gw_auth_terms_t terms = {"http://localhost:8080/auth", "demo", 600};
static const gw_auth_party_t client = {.name = "app", .roles = {{"machine"}, 1}};
static const gw_auth_party_t user = {.name = "alice", .roles = {{"admin", "user"}, 2}};

static void assert_json(json_t *json, const char *expected)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, expected);
    free(text);
    json_decref(json);
}

static void a_token_says_for_whom_it_is(void **state)
{
    gw_auth_grant_t grant = {&client, &user, {{"calc", "hello"}, 2}};
    assert_json(gw_auth_claims(&grant, &terms, 1700000000, "jti-1"),
                "{\"aud\":\"demo\",\"client_id\":\"app\",\"exp\":1700000600,\"iat\":1700000000,"
                "\"iss\":\"http://localhost:8080/auth\",\"jti\":\"jti-1\",\"roles\":[\"admin\",\"user\"],"
                "\"scope\":\"calc hello\",\"sub\":\"alice\"}");
    grant = (gw_auth_grant_t){&client, NULL, {{"calc"}, 1}};
    assert_json(gw_auth_claims(&grant, &terms, 1700000000, "jti-2"),
                "{\"aud\":\"demo\",\"client_id\":\"app\",\"exp\":1700000600,\"iat\":1700000000,"
                "\"iss\":\"http://localhost:8080/auth\",\"jti\":\"jti-2\",\"roles\":[\"machine\"],\"scope\":\"calc\","
                "\"sub\":\"app\"}");
}

static void answers_have_the_members_of_RFC_6749(void **state)
{
    gw_auth_grant_t grant = {&client, NULL, {{"calc", "hello"}, 2}};
    assert_json(gw_auth_success(&grant, &terms, "a.b.c"),
                "{\"access_token\":\"a.b.c\",\"expires_in\":600,\"scope\":\"calc hello\",\"token_type\":\"Bearer\"}");
    assert_json(gw_auth_failure(GW_AUTH_INVALID_SCOPE, "too much"),
                "{\"error\":\"invalid_scope\",\"error_description\":\"too much\"}");
}

static void the_most_scopes_of_the_greatest_length_fit(void **state)
{
    static char words[GW_AUTH_MAX_WORDS][GW_AUTH_MAX_TEXT + 1];
    gw_auth_grant_t grant = {&client, NULL, {.num = GW_AUTH_MAX_WORDS}};
    for (size_t i = 0; i != GW_AUTH_MAX_WORDS; ++i) {
        memset(words[i], 'a', GW_AUTH_MAX_TEXT);
        grant.scopes.words[i] = words[i];
    }
    json_t *answer = gw_auth_success(&grant, &terms, "a.b.c");
    assert_int_equal(json_string_length(json_object_get(answer, "scope")),
                     GW_AUTH_MAX_WORDS * (GW_AUTH_MAX_TEXT + 1) - 1);
    json_decref(answer);
}

static void the_description_has_the_members_of_RFC_8414(void **state)
{
    char why[256];
    gw_auth_registry_t *registry = gw_auth_registry_read(gw_str_of(gw_auth_demo_registry), why, sizeof(why));
    assert_json(gw_auth_metadata(registry, &terms),
                "{\"grant_types_supported\":[\"client_credentials\",\"password\"],"
                "\"issuer\":\"http://localhost:8080/auth\","
                "\"jwks_uri\":\"http://localhost:8080/auth/.well-known/jwks.json\",\"response_types_supported\":[],"
                "\"scopes_supported\":[\"calc\",\"hello\"],\"token_endpoint\":\"http://localhost:8080/auth/token\","
                "\"token_endpoint_auth_methods_supported\":[\"client_secret_basic\",\"client_secret_post\",\"none\"]}");
    gw_auth_registry_free(registry);
}

static void an_issuer_may_have_a_path(void **state)
{
    static const struct {
        const char *issuer;
        gw_str_t path;
    } cases[] = {
        {"http://localhost:8080", {NULL, 0}},
        {"https://auth.example.com/a/b", {"/a/b", 4}},
        {"http://[::1]:80/auth", {"/auth", 5}},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i)
        assert_true(gw_str_equal(gw_auth_issuer_path(cases[i].issuer), cases[i].path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_says_for_whom_it_is),
        cmocka_unit_test(answers_have_the_members_of_RFC_6749),
        cmocka_unit_test(the_most_scopes_of_the_greatest_length_fit),
        cmocka_unit_test(the_description_has_the_members_of_RFC_8414),
        cmocka_unit_test(an_issuer_may_have_a_path),
    };
    return cmocka_run_group_tests_name("test_backends_auth_token", tests, NULL, NULL);
}
