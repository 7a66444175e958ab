/* SPDX-License-Identifier: MIT
 * `sluice token why`: the verdict is the gateway's, each step is said, nothing of the signature is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/command.h"
#include "tests/support/conf_files.h"
#include "tests/support/origin.h"
#include "tests/support/tokens.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define CONF                                                                                                           \
    "listen: [\"127.0.0.1:0\"]\n"                                                                                      \
    "services: {s: {endpoints: [\"http://127.0.0.1:9\"]}}\n"                                                           \
    "filters:\n"                                                                                                       \
    "  calc: {jwt: {issuer: https://a, audience: calc, keys: {secret_file: secret}, require: {scope: [calc]},"         \
    " forward: {name: X-Name}, deny_file: deny}}\n"                                                                    \
    "  other: {jwt: {keys: {secret_file: secret}, mode: observe}}\n"                                                   \
    "routes:\n"                                                                                                        \
    "  - {name: calculator, path: /calc/, service: s, filters: [calc]}\n"                                              \
    "  - {path: /other/, service: s, filters: [other]}\n"

static char *folder;

/** Runs `sluice token why -c FILE ARGUMENTS` with this text as its input.  @return the output, to be freed */
static char *why(const char *conf, const char *arguments, const char *input, int *ret_status)
{
    free(conf_file_write(folder, "input", input, strlen(input)));
    return command_run(folder, ret_status, "$S token why -c %s %s 2>&1 <input", conf, arguments);
}

static void assert_has(const char *output, const char *text)
{
    if (strstr(output, text) == NULL)
        fail_msg("'%s' is not in:\n%s", text, output);
}

static char *payload(const char *more)
{
    return token_text("{\"iss\":\"https://a\",\"aud\":\"calc\",\"sub\":\"alice\",\"scope\":\"calc\"%s}", more);
}

static void each_step_is_said_up_to_the_one_that_fails(void **state)
{
    const struct {
        const char *about, *payload;
        int status;
        const char *expected[4];
    } cases[] = {
        {"a good one", NULL, 0, {"ok    header: alg HS256", "ok    signature: good", "require: met\n", "\naccepted\n"}},
        {"expired", ",\"exp\":100", 1, {"ok    signature: good", "FAILS expired: exp was ", "\nrefused: expired\n"}},
        {"never expires", "", 1, {"refused: exp_missing\n"}},
        {"revoked", ",\"exp\":9999999999,\"jti\":\"stolen\"", 1, {"refused: revoked\n", "FAILS revoked: by jti"}},
        {"a claim that is no field value",
         ",\"exp\":9999999999,\"name\":\"a\\r\\nb\"",
         1,
         {"FAILS unfit_to_forward: name\n"}},
    };
    token_key_t *key = token_key_from_secret(SECRET, strlen(SECRET), NULL);
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char *claims = payload(cases[i].payload != NULL ? cases[i].payload : ",\"exp\":9999999999");
        char *token = token_mint(key, "HS256", "%s", claims), *input = token_text("Authorization: Bearer %s\n", token);
        int status;
        char *output = why("sluice.yaml", "--filter calc", input, &status);
        print_message("%s\n", cases[i].about);
        assert_int_equal(status, cases[i].status);
        for (size_t k = 0; k != 4 && cases[i].expected[k] != NULL; ++k)
            assert_has(output, cases[i].expected[k]);
        assert_null(strstr(output, strrchr(token, '.') + 1)); /* the signature */
        free(output);
        free(input);
        free(token);
        free(claims);
    }
    token_key_free(key);
}

static void what_a_token_says_of_itself_reaches_no_terminal(void **state)
{
    token_key_t *key = token_key_from_secret(SECRET, strlen(SECRET), NULL);
    char *token = token_make(key, "HS256", "{\"alg\":\"HS256\",\"kid\":\"\\u001b[2J\\u009b\"}",
                             "{\"iss\":\"\\u001b]0;x\\u0007\",\"exp\":9999999999}");
    int status;
    char *output = why("sluice.yaml", "--filter calc", token, &status);
    assert_int_equal(status, 1);
    assert_has(output, "issuer_unknown: iss '?]0;x?'");
    for (const char *c = output; *c != '\0'; ++c)
        assert_true(*c == '\n' || ((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7f));
    free(output);
    free(token);
    token_key_free(key);
}

static void what_a_key_is_called_reaches_no_terminal(void **state)
{
    token_key_t *key = token_key_make("P-256", "\\u001b[2Ja\\u009b");
    char *jwks = token_jwks((const token_key_t *[]){key, NULL});
    static const char conf[] = "listen: [\"127.0.0.1:0\"]\n"
                               "services: {s: {endpoints: [\"http://127.0.0.1:9\"]}}\n"
                               "routes: [{path: /, service: s, filters: [{jwt: {keys: {jwks_file: keys}}}]}]\n";
    free(conf_file_write(folder, "keys", jwks, strlen(jwks)));
    free(conf_file_write(folder, "hostile.yaml", conf, strlen(conf)));
    char *token = token_mint(key, "ES256", "{\"exp\":9999999999}");
    int status;
    char *output = why("hostile.yaml", "", token, &status);
    assert_has(output, "  kid ?[2Ja??: ES256\n");
    assert_has(output, "\naccepted\n");
    for (const char *c = output; *c != '\0'; ++c)
        assert_true(*c == '\n' || ((unsigned char)*c >= 0x20 && (unsigned char)*c < 0x7f));
    free(output);
    free(token);
    free(jwks);
    token_key_free(key);
}

static void the_filter_is_found_by_name_or_route(void **state)
{
    const struct {
        const char *arguments;
        int status;
        const char *expected;
    } cases[] = {
        {"--route calculator", 1, "filter calc ("},
        {"--filter other", 1, "(only observed: the request would pass)"},
        {"", 2, "there are several jwt filters: say which by --route or --filter\n  --filter 'calc'\n"},
        {"--filter none", 2, "there is no such jwt filter\n"},
        {"--filter calc --route /other/", 2, "there is no such jwt filter\n"},
        {"--filter calc a b", 2, "one token at a time"},
        {"--wrong", 2, "usage: sluice token why"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        int status;
        char *output = why("sluice.yaml", cases[i].arguments, "abc", &status);
        print_message("%s\n", cases[i].arguments);
        assert_int_equal(status, cases[i].status);
        assert_has(output, cases[i].expected);
        free(output);
    }
}

static void keys_of_a_url_are_fetched(void **state)
{
    token_key_t *key = token_key_make("P-256", "one");
    char *jwks = token_jwks((const token_key_t *[]){key, NULL});
    char *answer =
        token_text("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s", strlen(jwks), jwks);
    origin_t *origin = origin_start(origin_answer_and_close, answer);
    char *conf = token_text("listen: [\"127.0.0.1:0\"]\n"
                            "services: {s: {endpoints: [\"http://127.0.0.1:9\"]}}\n"
                            "routes: [{path: /, service: s, filters: [{jwt: {keys: {jwks_url: "
                            "\"http://127.0.0.1:%d/keys\"}}}]}]\n",
                            origin->port);
    free(conf_file_write(folder, "url.yaml", conf, strlen(conf)));
    char *token = token_mint(key, "ES256", "{\"exp\":9999999999}");
    int status;
    char *output = why("url.yaml", "", token, &status);
    assert_has(output, "  kid one: ES256\n");
    assert_has(output, "\naccepted\n");
    assert_int_equal(status, 0);
    free(output);
    origin_stop(origin);
    output = why("url.yaml", "", token, &status);
    assert_has(output, "cannot be fetched: ");
    assert_has(output, "refused: keys_unavailable\n");
    assert_int_equal(status, 1);
    free(output);
    free(token);
    free(conf);
    free(answer);
    free(jwks);
    token_key_free(key);
}

static int set_up(void **state)
{
    folder = conf_folder_create();
    free(conf_file_write(folder, "sluice.yaml", CONF, strlen(CONF)));
    free(conf_file_write(folder, "secret", SECRET, strlen(SECRET)));
    free(conf_file_write(folder, "deny", "jti stolen\n", 11));
    return 0;
}

static int tear_down(void **state)
{
    folder = conf_folder_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_step_is_said_up_to_the_one_that_fails),
        cmocka_unit_test(what_a_token_says_of_itself_reaches_no_terminal),
        cmocka_unit_test(what_a_key_is_called_reaches_no_terminal),
        cmocka_unit_test(the_filter_is_found_by_name_or_route),
        cmocka_unit_test(keys_of_a_url_are_fetched),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
