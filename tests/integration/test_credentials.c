/* SPDX-License-Identifier: MIT
 * Several kinds of credentials on one route: both needed, or either enough, and who the request then comes from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>
#include "tests/support/conf_files.h"
#include "tests/support/gateway.h"
#include "tests/support/origin.h"
#include "tests/support/tokens.h"

#define SECRET "0123456789abcdef0123456789abcdef"
/* the SHA-256 of "abc" (FIPS 180-2 B.1) */
#define KEYS "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad acme plan=gold\n"

static const char conf[] =
    CONF_LISTEN "services: { s: { endpoints: [ \"http://127.0.0.1:%1$d\" ] } }\n"
                "filters:\n"
                "  token: { jwt: { keys: { secret_file: \"%2$s/secret\" }, forward: { sub: X-Who } } }\n"
                "  token_or: { jwt: { keys: { secret_file: \"%2$s/secret\" }, optional: true,"
                " forward: { sub: X-Who } } }\n"
                "  key: { api_key: { file: \"%2$s/keys\", forward: { owner: X-Who, plan: X-Plan } } }\n"
                "  or_key: { api_key: { file: \"%2$s/keys\", optional: when_known, forward: { owner: X-Who } } }\n"
                "  token_seen: { jwt: { keys: { secret_file: \"%2$s/secret\" }, mode: observe,"
                " require: { scope: [ admin ] }, forward: { sub: X-Who } } }\n"
                "  key_seen: { api_key: { file: \"%2$s/keys\", mode: observe, require: { plan: silver } } }\n"
                "  show: { headers: { request: { set: { X-Principal: \"%%{principal}\","
                " X-Both: \"%%{jwt.sub}/%%{api_key.owner}\" } } } }\n"
                "routes:\n"
                "  - { path: /both/, service: s, filters: [ token, key, show ] }\n"
                "  - { path: /either/, service: s, filters: [ token_or, or_key, show ] }\n"
                "  - { path: /watched/, service: s, filters: [ token_seen, or_key, show ] }\n"
                "  - { path: /watched/all/, service: s, filters: [ token_seen, key_seen, show ] }\n";

static char *folder, *bearer, *wrong_bearer;
static origin_t *origin;
static gateway_t *gateway;

typedef struct trial {
    const char *about, *path;
    bool has_token, has_wrong_token, has_key, has_wrong_key;
    int status;
    const char *in_reply, *not_in_reply; /* NULL: nothing */
} trial_t;

static const trial_t trials[] = {
    {"both are there where both are needed", "/both/", true, false, true, false, 200, "x-both: alice/acme", "evil"},
    {"the last one gives the name", "/both/", true, false, true, false, 200, "x-principal: acme", NULL},
    {"a token is not enough", "/both/", true, false, false, false, 401, "\"reason\":\"api_key_missing\"", NULL},
    {"a key is not enough", "/both/", false, false, true, false, 401, "\"reason\":\"token_missing\"", NULL},
    {"a token is enough", "/either/", true, false, false, false, 200, "x-who: alice", "evil"},
    {"a key is enough", "/either/", false, false, true, false, 200, "x-who: acme", "evil"},
    {"one of them is needed", "/either/", false, false, false, false, 401, "\"reason\":\"api_key_missing\"", NULL},
    {"a wrong token is refused beside a good key", "/either/", false, true, true, false, 401,
     "\"reason\":\"token_invalid\"", NULL},
    /* what is let through although it is not good enough says nothing of who sends the request */
    {"a token that lacks a scope and is only watched makes nobody known", "/watched/", true, false, false, false, 401,
     "\"reason\":\"api_key_missing\"", NULL},
    {"a bad token that is only watched neither", "/watched/", false, true, false, false, 401,
     "\"reason\":\"api_key_missing\"", NULL},
    {"a good key is still one", "/watched/", true, false, true, false, 200, "x-principal: acme", "alice"},
    {"nobody is known of two that are watched", "/watched/all/", true, false, true, false, 200, "x-both: /\r\n",
     "alice"},
    {"a wrong key is refused beside a good token", "/either/", true, false, false, true, 401,
     "\"reason\":\"api_key_invalid\"", NULL},
};

static void credentials_are_asked_for_as_the_route_says(void **state)
{
    for (size_t i = 0; i != sizeof(trials) / sizeof(trials[0]); ++i)
        for (transport_t transport = 0; transport != NUM_TRANSPORTS; ++transport) {
            const trial_t *trial = &trials[i];
            const char *headers[8] = {"X-Who: evil", "X-Principal: evil", "X_Who: evil"};
            size_t num = 3;
            if (trial->has_token || trial->has_wrong_token)
                headers[num++] = trial->has_token ? bearer : wrong_bearer;
            if (trial->has_key || trial->has_wrong_key)
                headers[num++] = trial->has_key ? "X-API-Key: abc" : "X-API-Key: abd";
            const request_t request = {.path = trial->path, .headers = headers};
            print_message("%s, %s\n", trial->about, transport_names[transport]);
            reply_t reply = fetch(gateway, transport, &request);
            assert_int_equal(reply.status, trial->status);
            if (strstr(reply.body, trial->in_reply) == NULL)
                fail_msg("'%s' is not in %s", trial->in_reply, reply.body);
            if (trial->not_in_reply != NULL && strstr(reply.body, trial->not_in_reply) != NULL)
                fail_msg("'%s' is in %s", trial->not_in_reply, reply.body);
            reply_free(&reply);
        }
}

static char *bearer_of(const token_key_t *key)
{
    char *token = token_mint(key, "HS256", "{\"sub\":\"alice\",\"exp\":9999999999}");
    char *field = token_text("Authorization: Bearer %s", token);
    free(token);
    return field;
}

static int set_up(void **state)
{
    token_key_t *key = token_key_from_secret(SECRET, strlen(SECRET), NULL), *other = token_key_make("oct", NULL);
    folder = conf_folder_create();
    char *secret = conf_file_write(folder, "secret", SECRET, strlen(SECRET));
    char *keys = conf_file_write(folder, "keys", KEYS, strlen(KEYS));
    assert_int_equal(chmod(secret, 0600) | chmod(keys, 0600), 0);
    bearer = bearer_of(key);
    wrong_bearer = bearer_of(other);
    origin = origin_start(origin_reflect, NULL);
    gateway = gateway_start(conf, origin->port, folder);
    free(secret);
    free(keys);
    token_key_free(key);
    token_key_free(other);
    return 0;
}

static int tear_down(void **state)
{
    gateway_stop(gateway);
    origin_stop(origin);
    free(bearer);
    free(wrong_bearer);
    folder = conf_folder_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(credentials_are_asked_for_as_the_route_says)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
