/* SPDX-License-Identifier: MIT
 * Tests of the token service's clients and users. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "backends/auth_registry.h"

#define CLIENT "{\"id\":\"c\",\"secret\":\"s\",\"grants\":[\"password\"],\"scopes\":[\"a\"]}"

static void the_demo_has_two_clients_and_two_users(void **state)
{
    char why[256];
    gw_auth_registry_t *registry = gw_auth_registry_read(gw_str_of(gw_auth_demo_registry), why, sizeof(why));
    assert_non_null(registry);
    const gw_auth_party_t *demo = gw_auth_find_client(registry, GW_STR("demo")),
                          *app = gw_auth_find_client(registry, GW_STR("app")),
                          *bob = gw_auth_check_user(registry, GW_STR("bob"), GW_STR("bob"));
    assert_true(demo->may_act_alone && demo->may_ask_users && !demo->is_public);
    assert_true(!app->may_act_alone && app->may_ask_users && app->is_public);
    assert_string_equal(bob->roles.words[0], "user");
    assert_null(gw_auth_find_client(registry, GW_STR("bob")));
    assert_true(gw_auth_registry_has_public(registry));
    gw_auth_words_t scopes = gw_auth_registry_scopes(registry);
    assert_int_equal(scopes.num, 2);
    assert_string_equal(scopes.words[0], "calc");
    assert_string_equal(scopes.words[1], "hello");
    gw_auth_registry_free(registry);
}

static void only_the_whole_secret_is_right(void **state)
{
    char why[256];
    gw_auth_registry_t *registry = gw_auth_registry_read(gw_str_of(gw_auth_demo_registry), why, sizeof(why));
    const gw_auth_party_t *demo = gw_auth_find_client(registry, GW_STR("demo"));
    assert_true(gw_auth_check_secret(demo, GW_STR("demo-secret")));
    assert_false(gw_auth_check_secret(demo, GW_STR("demo-secre")));
    assert_false(gw_auth_check_secret(demo, GW_STR("demo-secret ")));
    assert_false(gw_auth_check_secret(demo, GW_STR("demo-secret\0")));
    assert_false(gw_auth_check_secret(demo, GW_STR("Demo-secret")));
    assert_false(gw_auth_check_secret(demo, gw_str(NULL, 0)));
    assert_false(gw_auth_check_secret(NULL, GW_STR("demo-secret")));
    assert_false(gw_auth_check_secret(gw_auth_find_client(registry, GW_STR("app")), gw_str(NULL, 0)));
    assert_null(gw_auth_check_user(registry, GW_STR("alice"), GW_STR("bob")));
    assert_null(gw_auth_check_user(registry, GW_STR("carol"), GW_STR("carol")));
    assert_null(gw_auth_check_user(registry, GW_STR("demo"), GW_STR("demo-secret")));
    gw_auth_registry_free(registry);
}

static void what_is_wrong_is_said_with_its_place_and_without_secrets(void **state)
{
    static const struct {
        const char *about, *json, *why;
    } cases[] = {
        {"nothing", "", "it is not JSON (line 1, column 0)"},
        {"a member twice", "{\"clients\":[],\n\"clients\":[]}", "it is not JSON (line 2, column 9)"},
        {"a list", "[]", "it is not an object with the members clients and users"},
        {"another member", "{\"clients\":[],\"user\":[]}", "it is not an object with the members clients and users"},
        {"no clients", "{\"users\":[]}", "it is not an object with the members clients and users"},
        {"clients are no list", "{\"clients\":{}}", "clients is a list of at most 1000 objects"},
        {"a client is no object", "{\"clients\":[" CLIENT ",1]}", "clients[1]: it is not an object"},
        {"no id", "{\"clients\":[{\"secret\":\"hush\"}]}", "clients[0]: id is missing"},
        {"an empty secret", "{\"clients\":[{\"id\":\"c\",\"secret\":\"\",\"grants\":[],\"scopes\":[]}]}",
         "clients[0]: secret is a text of 1 to 128 bytes"},
        {"a secret that is none", "{\"clients\":[{\"id\":\"c\",\"secret\":null,\"grants\":[],\"scopes\":[]}]}",
         "clients[0]: secret is a text of 1 to 128 bytes"},
        {"an unknown grant", "{\"clients\":[{\"id\":\"c\",\"secret\":\"hush\",\"grants\":[\"code\"],\"scopes\":[]}]}",
         "clients[0]: grants holds client_credentials and password, not 'code'"},
        {"alone without a secret",
         "{\"clients\":[{\"id\":\"c\",\"grants\":[\"client_credentials\"],\"scopes\":[\"a\"]}]}",
         "clients[0]: without a secret there is no grant client_credentials"},
        {"a scope with a space", "{\"clients\":[{\"id\":\"c\",\"grants\":[],\"scopes\":[\"a b\"]}]}",
         "clients[0]: scopes is a text of 1 to 128 visible ASCII characters without quotation marks and backslashes"},
        {"a scope twice", "{\"clients\":[{\"id\":\"c\",\"grants\":[],\"scopes\":[\"a\",\"b\",\"a\"]}]}",
         "clients[0]: scopes names 'a' twice"},
        {"scopes are no list", "{\"clients\":[{\"id\":\"c\",\"grants\":[],\"scopes\":\"a\"}]}",
         "clients[0]: scopes is a list of at most 32 texts"},
        {"a member too many", "{\"clients\":[{\"id\":\"c\",\"grants\":[],\"scopes\":[],\"role\":\"hush\"}]}",
         "clients[0]: it has a member that nobody knows"},
        {"a client twice", "{\"clients\":[" CLIENT "," CLIENT "]}", "clients[1]: there is already one named 'c'"},
        {"a user without a password", "{\"clients\":[],\"users\":[{\"name\":\"u\",\"scopes\":[]}]}",
         "users[0]: password is missing"},
        {"a user named like a client",
         "{\"clients\":[" CLIENT "],\"users\":[{\"name\":\"c\",\"password\":\"hush\",\"scopes\":[]}]}",
         "'c' is a client and a user; a token could not tell them apart"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char why[256] = "";
        print_message("%s\n", cases[i].about);
        assert_null(gw_auth_registry_read(gw_str_of(cases[i].json), why, sizeof(why)));
        assert_string_equal(why, cases[i].why);
    }
}

static void a_scope_has_the_characters_of_RFC_6749(void **state)
{
    for (int c = 0; c != 256; ++c) {
        char text[1] = {(char)c};
        bool is_one = c == 0x21 || (c >= 0x23 && c <= 0x5b) || (c >= 0x5d && c <= 0x7e);
        assert_int_equal(gw_auth_is_scope(gw_str(text, 1)), is_one);
    }
    assert_false(gw_auth_is_scope(GW_STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_demo_has_two_clients_and_two_users),
        cmocka_unit_test(only_the_whole_secret_is_right),
        cmocka_unit_test(what_is_wrong_is_said_with_its_place_and_without_secrets),
        cmocka_unit_test(a_scope_has_the_characters_of_RFC_6749),
    };
    return cmocka_run_group_tests_name("test_backends_auth_registry", tests, NULL, NULL);
}
