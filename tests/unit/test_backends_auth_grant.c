/* SPDX-License-Identifier: MIT
 * Tests of what the token endpoint decides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "backends/auth_grant.h"

#define FORM            "application/x-www-form-urlencoded"
#define BASIC           "Basic ZGVtbzpkZW1vLXNlY3JldA==" /* demo:demo-secret */
#define ALONE           "grant_type=client_credentials"
#define ALICE           "grant_type=password&username=alice&password=alice"
#define BOB             "grant_type=password&username=bob&password=bob"
#define BODY            "&client_id=demo&client_secret=demo-secret"
#define LEN_OF(literal) (sizeof(literal) - 1)

static gw_auth_registry_t *registry;

static int read_registry(void **state)
{
    static const char json[] =
        "{\"clients\":["
        "{\"id\":\"demo\",\"secret\":\"demo-secret\",\"grants\":[\"client_credentials\",\"password\"],"
        "\"scopes\":[\"calc\",\"hello\"]},"
        "{\"id\":\"app\",\"grants\":[\"password\"],\"scopes\":[\"hello\"]},"
        "{\"id\":\"a~b\",\"secret\":\"p:&+% \xc3\xa4\",\"grants\":[\"client_credentials\"],\"scopes\":[\"calc\"]},"
        "{\"id\":\"idle\",\"secret\":\"idle\",\"grants\":[\"client_credentials\"],\"scopes\":[]}],"
        "\"users\":["
        "{\"name\":\"alice\",\"password\":\"alice\",\"scopes\":[\"calc\",\"hello\"],\"roles\":[\"admin\"]},"
        "{\"name\":\"bob\",\"password\":\"bob\",\"scopes\":[\"calc\"]}]}";
    char why[256];
    registry = gw_auth_registry_read(gw_str_of(json), why, sizeof(why));
    return registry == NULL;
}

static int free_registry(void **state)
{
    registry = gw_auth_registry_free(registry);
    return 0;
}

static gw_auth_result_t decide(const char *authorization, const char *type, const char *form, gw_auth_grant_t *grant,
                               const char **why)
{
    gw_auth_request_t request = {
        .authorization = gw_str_of(authorization), .content_type = gw_str_of(type), .form = gw_str_of(form)};
    return gw_auth_decide(registry, &request, grant, why);
}

static void whoever_may_gets_what_was_asked_for(void **state)
{
    static const struct {
        const char *about, *authorization, *form, *client, *user, *scopes;
    } cases[] = {
        {"a client by Basic", BASIC, ALONE, "demo", NULL, "calc hello "},
        {"a client in the body", NULL, ALONE BODY, "demo", NULL, "calc hello "},
        {"the scheme in another case, more spaces", "bAsIc   ZGVtbzpkZW1vLXNlY3JldA==", ALONE, "demo", NULL,
         "calc hello "},
        {"client_id besides", BASIC, ALONE "&client_id=demo", "demo", NULL, "calc hello "},
        {"one scope", BASIC, ALONE "&scope=hello", "demo", NULL, "hello "},
        {"as they were asked for", BASIC, ALONE "&scope=hello+calc", "demo", NULL, "hello calc "},
        {"a scope twice", BASIC, ALONE "&scope=calc%20calc", "demo", NULL, "calc "},
        {"an empty scope is none", BASIC, ALONE "&scope=", "demo", NULL, "calc hello "},
        {"other parameters are nobody's business", BASIC, ALONE "&x=1&x=2&audience=all", "demo", NULL, "calc hello "},
        {"encoded", "Basic YX5iOnAlM0ElMjYlMkIlMjUrJUMzJUE0" /* a~b:p%3A%26%2B%25+%C3%A4 */, ALONE, "a~b", NULL,
         "calc "},
        {"the same in the body", NULL, ALONE "&client_id=a%7eb&client_secret=p%3A%26%2B%25+%C3%A4", "a~b", NULL,
         "calc "},
        {"a user", BASIC, ALICE, "demo", "alice", "calc hello "},
        {"a user by a client without a secret", NULL, ALICE "&client_id=app", "app", "alice", "hello "},
        {"no more than the user may have", BASIC, BOB, "demo", "bob", "calc "},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_auth_grant_t grant;
        const char *why = "";
        char scopes[256] = "";
        print_message("%s\n", cases[i].about);
        if (decide(cases[i].authorization, FORM, cases[i].form, &grant, &why) != GW_AUTH_GRANTED)
            fail_msg("%s", why);
        assert_string_equal(grant.client->name, cases[i].client);
        assert_int_equal(grant.user != NULL, cases[i].user != NULL);
        if (cases[i].user != NULL)
            assert_string_equal(grant.user->name, cases[i].user);
        for (size_t k = 0; k != grant.scopes.num; ++k)
            sprintf(scopes + strlen(scopes), "%s ", grant.scopes.words[k]);
        assert_string_equal(scopes, cases[i].scopes);
    }
}

static void everybody_else_is_refused_as_section_5_2_says(void **state)
{
    static const struct {
        const char *about, *authorization, *form;
        gw_auth_result_t result;
    } cases[] = {
        {"nothing", BASIC, "", GW_AUTH_INVALID_REQUEST},
        {"an empty grant_type", BASIC, "grant_type=", GW_AUTH_INVALID_REQUEST},
        {"a parameter twice", BASIC, ALONE "&scope=calc&scope=hello", GW_AUTH_INVALID_REQUEST},
        {"grant_type twice", BASIC, ALONE "&" ALONE, GW_AUTH_INVALID_REQUEST},
        {"broken encoding", BASIC, ALONE "&scope=%4", GW_AUTH_INVALID_REQUEST},
        {"two ways of authentication", BASIC, ALONE BODY, GW_AUTH_INVALID_REQUEST},
        {"another client_id", BASIC, ALONE "&client_id=app", GW_AUTH_INVALID_REQUEST},
        {"no username", BASIC, "grant_type=password&password=alice", GW_AUTH_INVALID_REQUEST},
        {"no password", BASIC, "grant_type=password&username=alice&password=", GW_AUTH_INVALID_REQUEST},
        {"no client", NULL, ALONE, GW_AUTH_INVALID_CLIENT},
        {"an unknown client", NULL, ALONE "&client_id=nobody&client_secret=demo-secret", GW_AUTH_INVALID_CLIENT},
        {"a wrong secret", NULL, ALONE "&client_id=demo&client_secret=demo", GW_AUTH_INVALID_CLIENT},
        {"a secret that is missing", NULL, ALONE "&client_id=demo", GW_AUTH_INVALID_CLIENT},
        {"a secret for a client that has none", NULL, ALICE "&client_id=app&client_secret=x", GW_AUTH_INVALID_CLIENT},
        {"a wrong secret by Basic", "Basic ZGVtbzpkZW1v", ALONE, GW_AUTH_INVALID_CLIENT},
        {"a client without a secret by Basic", "Basic YXBwOg==", ALICE, GW_AUTH_INVALID_CLIENT},
        {"another scheme", "Bearer ZGVtbzpkZW1vLXNlY3JldA==", ALONE, GW_AUTH_INVALID_CLIENT},
        {"Basic and nothing", "Basic", ALONE, GW_AUTH_INVALID_CLIENT},
        {"Basic and a space", "Basic ", ALONE, GW_AUTH_INVALID_CLIENT},
        {"no colon", "Basic ZGVtbw==", ALONE, GW_AUTH_INVALID_CLIENT},
        {"no padding", "Basic ZGVtbzpkZW1vLXNlY3JldA", ALONE, GW_AUTH_INVALID_CLIENT},
        {"two fields", BASIC ", " BASIC, ALONE, GW_AUTH_INVALID_CLIENT},
        {"an ampersand as it is", "Basic YX5iOnAmYw==" /* a~b:p&c */, ALONE, GW_AUTH_INVALID_CLIENT},
        {"a percent as it is", "Basic YX5iOnA6JiUl" /* a~b:p:&%% */, ALONE, GW_AUTH_INVALID_CLIENT},
        {"a wrong password", BASIC, "grant_type=password&username=alice&password=bob", GW_AUTH_INVALID_GRANT},
        {"an unknown user", BASIC, "grant_type=password&username=carol&password=carol", GW_AUTH_INVALID_GRANT},
        {"alone without a secret", NULL, ALONE "&client_id=app", GW_AUTH_UNAUTHORIZED_CLIENT},
        {"users are not for this client", "Basic aWRsZTppZGxl", ALICE, GW_AUTH_UNAUTHORIZED_CLIENT},
        {"another grant", BASIC, "grant_type=authorization_code&code=x", GW_AUTH_UNSUPPORTED_GRANT_TYPE},
        {"another case", BASIC, "grant_type=Password", GW_AUTH_UNSUPPORTED_GRANT_TYPE},
        {"an unknown scope", BASIC, ALONE "&scope=calc+admin", GW_AUTH_INVALID_SCOPE},
        {"more than the user may have", BASIC, BOB "&scope=hello", GW_AUTH_INVALID_SCOPE},
        {"more than the client may have", NULL, ALICE "&client_id=app&scope=calc", GW_AUTH_INVALID_SCOPE},
        {"nothing in common", NULL, BOB "&client_id=app", GW_AUTH_INVALID_SCOPE},
        {"nothing at all", "Basic aWRsZTppZGxl", ALONE, GW_AUTH_INVALID_SCOPE},
        {"two spaces", BASIC, ALONE "&scope=calc++hello", GW_AUTH_INVALID_SCOPE},
        {"a space in front", BASIC, ALONE "&scope=+calc", GW_AUTH_INVALID_SCOPE},
        {"a space at the end", BASIC, ALONE "&scope=calc+", GW_AUTH_INVALID_SCOPE},
        {"a tab", BASIC, ALONE "&scope=calc%09hello", GW_AUTH_INVALID_SCOPE},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_auth_grant_t grant;
        const char *why = NULL;
        print_message("%s\n", cases[i].about);
        assert_int_equal(decide(cases[i].authorization, FORM, cases[i].form, &grant, &why), cases[i].result);
        assert_non_null(why);
        for (const char *at = why; *at != '\0'; ++at) /* error_description, section 5.2 */
            assert_true(*at == 0x20 || gw_auth_is_scope(gw_str(at, 1)));
    }
}

static void only_a_form_is_read(void **state)
{
    static const struct {
        const char *type;
        bool is_form;
    } cases[] = {
        {FORM, true},
        {"Application/X-WWW-Form-Urlencoded", true},
        {FORM "; charset=UTF-8", true},
        {FORM " ;charset=UTF-8", true},
        {"application/json", false},
        {FORM "x", false},
        {FORM ", " FORM, false},
        {"", false},
        {NULL, false},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_auth_grant_t grant;
        const char *why;
        assert_int_equal(decide(BASIC, cases[i].type, ALONE, &grant, &why),
                         cases[i].is_form ? GW_AUTH_GRANTED : GW_AUTH_INVALID_REQUEST);
    }
}

static void secrets_in_the_URL_are_refused_even_if_they_are_right(void **state)
{
    static const struct {
        const char *query;
        gw_auth_result_t result;
    } cases[] = {
        {"x=1", GW_AUTH_GRANTED},
        {"client_id=demo", GW_AUTH_GRANTED},
        {"client_secret=demo-secret", GW_AUTH_INVALID_REQUEST},
        {"client_secret", GW_AUTH_INVALID_REQUEST},
        {"a=b&p%61ssword=%zz", GW_AUTH_INVALID_REQUEST},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_auth_grant_t grant;
        const char *why;
        gw_auth_request_t request = {.authorization = GW_STR(BASIC),
                                     .content_type = GW_STR(FORM),
                                     .query = gw_str_of(cases[i].query),
                                     .form = GW_STR(ALONE)};
        assert_int_equal(gw_auth_decide(registry, &request, &grant, &why), cases[i].result);
    }
}

static void what_is_too_long_is_refused(void **state)
{
    static const struct {
        const char *prefix;
        size_t len;
        gw_auth_result_t result;
    } cases[] = {
        {ALONE "&x=", GW_AUTH_MAX_FORM, GW_AUTH_GRANTED},
        {ALONE "&x=", GW_AUTH_MAX_FORM + 1, GW_AUTH_INVALID_REQUEST},
        {ALONE "&scope=", LEN_OF(ALONE "&scope=") + 1024, GW_AUTH_INVALID_SCOPE},
        {ALONE "&scope=", LEN_OF(ALONE "&scope=") + 1025, GW_AUTH_INVALID_REQUEST},
    };
    char form[GW_AUTH_MAX_FORM + 2], authorization[4096] = "Basic ";
    gw_auth_grant_t grant;
    const char *why;
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        memset(form, 'a', cases[i].len);
        form[cases[i].len] = '\0';
        memcpy(form, cases[i].prefix, strlen(cases[i].prefix));
        assert_int_equal(decide(BASIC, FORM, form, &grant, &why), cases[i].result);
    }
    for (size_t len = 1980; len <= 2100; len += 4) { /* around the most that is decoded: "aaaa" is three bytes */
        memset(authorization + 6, 'a', len);
        authorization[6 + len] = '\0';
        assert_int_equal(decide(authorization, FORM, ALONE, &grant, &why), GW_AUTH_INVALID_CLIENT);
    }
}

static void every_refusal_has_its_code(void **state)
{
    static const char *const codes[] = {NULL,
                                        "invalid_request",
                                        "invalid_client",
                                        "invalid_grant",
                                        "unauthorized_client",
                                        "unsupported_grant_type",
                                        "invalid_scope"};
    assert_null(gw_auth_result_str(GW_AUTH_GRANTED));
    for (int result = GW_AUTH_INVALID_REQUEST; result <= GW_AUTH_INVALID_SCOPE; ++result)
        assert_string_equal(gw_auth_result_str((gw_auth_result_t)result), codes[result]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_may_gets_what_was_asked_for),
        cmocka_unit_test(everybody_else_is_refused_as_section_5_2_says),
        cmocka_unit_test(only_a_form_is_read),
        cmocka_unit_test(secrets_in_the_URL_are_refused_even_if_they_are_right),
        cmocka_unit_test(what_is_too_long_is_refused),
        cmocka_unit_test(every_refusal_has_its_code),
    };
    return cmocka_run_group_tests_name("test_backends_auth_grant", tests, read_registry, free_registry);
}
