/* SPDX-License-Identifier: MIT
 * Keys: texts of the conf that name something of a request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include "gateway/config/key.h"
#include "tests/support/conf_files.h"

static void a_key_is_read_as_what_it_names(void **state)
{
    static const struct {
        const char *text;
        unsigned kinds;
        int kind; /* GW_KEY_NONE: it is no key, or none of these kinds */
        const char *scheme, *name;
    } cases[] = {
        {"client_address", GW_KEYS_ANY, GW_KEY_CLIENT_ADDRESS, NULL, NULL},
        {"header:X-User", GW_KEYS_ANY, GW_KEY_HEADER, NULL, "x-user"},
        {"cookie:Session", GW_KEYS_ANY, GW_KEY_COOKIE, NULL, "Session"},
        {"query:Tenant", GW_KEYS_ANY, GW_KEY_QUERY, NULL, "Tenant"},
        {"principal", GW_KEYS_ANY, GW_KEY_PRINCIPAL, NULL, NULL},
        {"jwt.sub", GW_KEYS_ANY, GW_KEY_PROPERTY, "jwt", "sub"},
        {"jwt.https://a.b/roles", GW_KEYS_ANY, GW_KEY_PROPERTY, "jwt", "https://a.b/roles"},
        {"api_key.owner", GW_KEYS_ANY, GW_KEY_PROPERTY, "api_key", "owner"},
        {"mtls.san_dns", GW_KEYS_ANY, GW_KEY_PROPERTY, "mtls", "san_dns"},
        {"route", GW_KEYS_OF_LIMIT, GW_KEY_ROUTE, NULL, NULL},
        {"all", GW_KEYS_OF_LIMIT, GW_KEY_ALL, NULL, NULL},
        {"jwt.sub", GW_KEYS_OF_LIMIT, GW_KEY_PROPERTY, "jwt", "sub"},
        {"client_address", GW_KEYS_OF_LIMIT, GW_KEY_CLIENT_ADDRESS, NULL, NULL},
        {"route", GW_KEYS_ANY, GW_KEY_NONE, NULL, NULL}, /* it chooses or tells nothing there */
        {"all", GW_KEYS_ANY, GW_KEY_NONE, NULL, NULL},
        {"route:", GW_KEYS_OF_LIMIT, GW_KEY_NONE, NULL, NULL},
        {"routes", GW_KEYS_OF_LIMIT, GW_KEY_NONE, NULL, NULL},
        {"all ", GW_KEYS_OF_LIMIT, GW_KEY_NONE, NULL, NULL},
        {"query:Tenant", GW_KEYS_OF_REQUEST, GW_KEY_QUERY, NULL, "Tenant"},
        {"jwt.sub", GW_KEYS_OF_PRINCIPAL, GW_KEY_PROPERTY, "jwt", "sub"},
        {"principal", GW_KEYS_OF_REQUEST, GW_KEY_NONE, NULL, NULL},
        {"jwt.sub", GW_KEYS_OF_REQUEST, GW_KEY_NONE, NULL, NULL},
        {"header:a", GW_KEYS_OF_PRINCIPAL, GW_KEY_NONE, NULL, NULL},
        {"", GW_KEYS_ANY, GW_KEY_NONE, NULL, NULL},
        {"header", GW_KEYS_ANY, GW_KEY_NONE, NULL, NULL},
        {"header:", GW_KEYS_ANY, GW_KEY_NONE, NULL, NULL},
        {"header:a b", GW_KEYS_ANY, GW_KEY_NONE, NULL, NULL},
        {"Header:a", GW_KEYS_ANY, GW_KEY_NONE, NULL, NULL},
        {"principals", GW_KEYS_ANY, GW_KEY_NONE, NULL, NULL},
        {"principal.sub", GW_KEYS_ANY, GW_KEY_NONE, NULL, NULL},
        {"jwt", GW_KEYS_ANY, GW_KEY_NONE, NULL, NULL},
        {"jwt.", GW_KEYS_ANY, GW_KEY_NONE, NULL, NULL},
        {"jwtsub", GW_KEYS_ANY, GW_KEY_NONE, NULL, NULL},
        {"ip_access.address", GW_KEYS_ANY, GW_KEY_NONE, NULL, NULL}, /* it says nothing of who asks */
        {"client_address ", GW_KEYS_ANY, GW_KEY_NONE, NULL, NULL},
    };
    gw_arena_t *arena = gw_arena_create();
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_key_conf_t key = {.kind = GW_KEY_NONE};
        bool is_key = gw_conf_parse_key(arena, gw_str_of(cases[i].text), cases[i].kinds, &key);
        if (is_key != (cases[i].kind != GW_KEY_NONE) || key.kind != cases[i].kind)
            fail_msg("'%s' is read as %d", cases[i].text, key.kind);
        if (cases[i].name != NULL)
            assert_string_equal(key.name, cases[i].name);
        else
            assert_null(key.name);
        if (cases[i].scheme != NULL)
            assert_string_equal(key.scheme, cases[i].scheme);
        if (is_key) {
            gw_key_conf_t again;
            const char *text = gw_conf_key_text(arena, &key);
            assert_true(gw_conf_parse_key(arena, gw_str_of(text), cases[i].kinds, &again));
            assert_string_equal(gw_conf_key_text(arena, &again), text);
        }
    }
    gw_arena_free(arena);
}

static void the_longest_property_has_256_bytes_with_its_filter(void **state)
{
    char text[300];
    gw_key_conf_t key;
    gw_arena_t *arena = gw_arena_create();
    memset(text, 'a', sizeof(text));
    memcpy(text, "jwt.", 4);
    assert_true(gw_conf_parse_key(arena, gw_str(text, 256), GW_KEYS_ANY, &key));
    assert_int_equal(strlen(key.name), 252);
    assert_false(gw_conf_parse_key(arena, gw_str(text, 257), GW_KEYS_ANY, &key));
    gw_arena_free(arena);
}

static void what_is_taken_is_said_in_words(void **state)
{
    gw_arena_t *arena = gw_arena_create();
    assert_string_equal(gw_conf_keys_taken(arena, GW_KEYS_ANY), GW_KEYS_ANY_TAKES);
    assert_string_equal(gw_conf_keys_taken(arena, GW_KEYS_OF_REQUEST), GW_KEYS_OF_REQUEST_TAKES);
    assert_string_equal(gw_conf_keys_taken(arena, GW_KEYS_OF_PRINCIPAL), "principal or a property such as jwt.sub");
    assert_string_equal(gw_conf_keys_taken(arena, 1u << GW_KEY_HEADER), "header:NAME");
    assert_string_equal(gw_conf_keys_taken(arena, 1u << GW_KEY_ROUTE | 1u << GW_KEY_ALL), "route or all");
    assert_string_equal(gw_conf_keys_taken(arena, GW_KEYS_OF_LIMIT),
                        "client_address, header:NAME, cookie:NAME, query:NAME, route, all, principal or a property "
                        "such as jwt.sub");
    gw_arena_free(arena);
}

static void keys_that_come_too_early_are_told_so(void **state)
{
#define CONF(balance, split_by)                                                                                        \
    "listen: [':80']\nservices: {one: {endpoints: ['http://a'], balance: {method: hash, key: " balance "}}}\n"         \
    "routes: [{path: /, services: {one: 1}, split_by: " split_by "}]\n"
    static const struct {
        const char *about, *yaml, *expected;
    } cases[] = {
        {"the balancer takes all", CONF("jwt.realm_access.roles", "'query:tenant'"), ""},
        {"the balancer takes the principal", CONF("principal", "client_address"), ""},
        {"a split is drawn before the filters run", CONF("'query:tenant'", "principal"),
         "t.yaml:3:50: error: 'principal' is not valid for 'split_by' (client_address, header:NAME, cookie:NAME or "
         "query:NAME)\n"
         "  hint: who the request comes from is not known yet\n"},
        {"a split is drawn before the filters run, properties", CONF("'query:tenant'", "jwt.sub"),
         "t.yaml:3:50: error: 'jwt.sub' is not valid for 'split_by' (client_address, header:NAME, cookie:NAME or "
         "query:NAME)\n"
         "  hint: who the request comes from is not known yet\n"},
        {"a filter that names nobody", CONF("headers.sub", "client_address"),
         "t.yaml:2:72: error: 'headers.sub' is not valid for 'key' (" GW_KEYS_ANY_TAKES ")\n"},
        {"a parameter without a name", CONF("'query:'", "client_address"),
         "t.yaml:2:72: error: 'query:' is not valid for 'key' (" GW_KEYS_ANY_TAKES ")\n"},
    };
#undef CONF
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char *actual = conf_findings_of(cases[i].yaml);
        if (strcmp(actual, cases[i].expected) != 0)
            print_error("case: %s\n%s", cases[i].about, actual);
        assert_string_equal(actual, cases[i].expected);
        free(actual);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_read_as_what_it_names),
        cmocka_unit_test(the_longest_property_has_256_bytes_with_its_filter),
        cmocka_unit_test(what_is_taken_is_said_in_words),
        cmocka_unit_test(keys_that_come_too_early_are_told_so),
    };
    return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
