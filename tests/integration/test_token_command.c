/* SPDX-License-Identifier: MIT
 * `sluice token`: what is minted verifies, what is inspected is shown without its signature, mistakes are said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include "tests/support/command.h"
#include "tests/support/conf_files.h"
#include "tests/support/jws.h"

#define SECRET "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/** Runs `sluice token ARGUMENTS` by the shell in the test_folder, stderr with stdout.
 *  @param ret_output for free()   @return its exit status */
__attribute__((format(printf, 2, 3))) static int token(char **ret_output, const char *arguments, ...)
{
    char command[1024];
    int status;
    va_list args;
    va_start(args, arguments);
    vsnprintf(command, sizeof(command), arguments, args);
    va_end(args);
    *ret_output = command_run(test_folder, &status, "{ %s; } 2>&1", command);
    return status;
}
#define TOKEN "\"$S\" token "

static char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", test_folder, name);
    return path;
}

static EVP_PKEY *key_of(const char *algorithm)
{
    char name[16];
    if (algorithm[0] == 'R' || algorithm[0] == 'P')
        return EVP_RSA_gen(2048);
    if (algorithm[1] == 'd')
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    snprintf(name, sizeof(name), "P-%s", strcmp(algorithm, "ES512") == 0 ? "521" : algorithm + 2);
    return EVP_EC_gen(name);
}

static void write_key(const char *name, EVP_PKEY *key)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
}

static void write_text(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/** @return the token without its newline */
static char *mint(const char *arguments)
{
    char *output;
    if (token(&output, TOKEN "mint %s", arguments) != 0)
        fail_msg("%s", output);
    assert_string_equal(strchr(output, '\n'), "\n");
    *strchr(output, '\n') = '\0';
    return output;
}

static void a_token_of_every_algorithm_verifies(void **state)
{
    static const char *const algorithms[] = {"RS256", "RS384", "RS512", "PS256", "PS384",  "PS512",
                                             "ES256", "ES384", "ES512", "EdDSA", "Ed25519"};
    for (size_t i = 0; i != sizeof(algorithms) / sizeof(algorithms[0]); ++i) {
        EVP_PKEY *key = key_of(algorithms[i]);
        char arguments[128];
        print_message("%s\n", algorithms[i]);
        write_key("key.pem", key);
        snprintf(arguments, sizeof(arguments), "--key key.pem --algorithm %s", algorithms[i]);
        char *text = mint(arguments);
        json_t *header = jws_part(text, 0);
        assert_string_equal(json_string_value(json_object_get(header, "alg")), algorithms[i]);
        assert_true(jws_verifies(text, key, NULL));
        json_decref(header);
        free(text);
        EVP_PKEY_free(key);
    }
    write_text("secret", SECRET "\r\n"); /* as an editor leaves it */
    static const char *const hashes[] = {"HS256", "HS384", "HS512"};
    for (size_t i = 0; i != 3; ++i) {
        char arguments[128];
        snprintf(arguments, sizeof(arguments), "--secret-file=secret --algorithm=%s", hashes[i]);
        char *text = mint(arguments);
        assert_true(jws_verifies(text, NULL, SECRET));
        assert_true(jws_verifies_by_libjwt(text, NULL, SECRET));
        free(text);
    }
}

static void every_option_has_its_place_in_the_token(void **state)
{
    EVP_PKEY *key = key_of("ES256");
    write_key("key.pem", key);
    int64_t before = time(NULL);
    char *text = mint("--key key.pem --kid k-1 --typ at+jwt --iss https://a.example --sub ada --aud calc --aud hello "
                      "--scope 'a b' --claim 'roles=[\"x\"]' --claim level=3 --lifetime 90s --not-before -30s");
    int64_t after = time(NULL);
    assert_true(jws_verifies(text, key, NULL));
    json_t *header = jws_part(text, 0), *payload = jws_part(text, 1);
    int64_t now = json_integer_value(json_object_get(payload, "iat"));
    assert_true(now >= before && now <= after);
    json_t *expected = json_pack("{s:s, s:s, s:s}", "alg", "ES256", "kid", "k-1", "typ", "at+jwt");
    assert_true(json_equal(header, expected));
    json_decref(expected);
    expected = json_pack("{s:s, s:s, s:[s, s], s:s, s:[s], s:i, s:I, s:I, s:I}", "iss", "https://a.example", "sub",
                         "ada", "aud", "calc", "hello", "scope", "a b", "roles", "x", "level", 3, "iat",
                         (json_int_t)now, "exp", (json_int_t)(now + 90), "nbf", (json_int_t)(now - 30));
    assert_true(json_equal(payload, expected));
    json_decref(expected);
    json_decref(header);
    json_decref(payload);
    free(text);
    EVP_PKEY_free(key);
}

static void a_token_is_inspected_from_standard_input_or_the_command_line(void **state)
{
    EVP_PKEY *key = key_of("EdDSA");
    char *shown[4];
    write_key("key.pem", key);
    char *text = mint("--key key.pem --sub ada");
    write_text("token", text);
    assert_int_equal(token(&shown[0], TOKEN "inspect <token"), 0);
    assert_int_equal(token(&shown[1], TOKEN "inspect - <token"), 0);
    assert_int_equal(token(&shown[2], TOKEN "inspect \"$(cat token)\" </dev/null"), 0);
    assert_int_equal(token(&shown[3], "{ echo Authorization: Bearer; cat token; echo; } | " TOKEN "inspect"), 0);
    for (int i = 0; i != 4; ++i) {
        assert_non_null(strstr(shown[i], "\"sub\": \"ada\""));
        assert_non_null(strstr(shown[i], "\nnothing about it is odd; "));
        assert_null(strstr(shown[i], strrchr(text, '.') + 1));
        free(shown[i]);
    }
    free(text);
    EVP_PKEY_free(key);
}

static void what_is_no_token_ends_with_1_and_is_shown_all_the_same(void **state)
{
    char *output;
    assert_int_equal(token(&output, TOKEN "inspect eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ"), 1);
    assert_non_null(strstr(output, "\"sub\": \"ada\""));
    assert_non_null(strstr(output, "alg is none"));
    free(output);
    assert_int_equal(token(&output, TOKEN "inspect </dev/null"), 1);
    assert_non_null(strstr(output, "there is no token"));
    free(output);
    assert_int_equal(token(&output, "head -c 1048577 /dev/zero | " TOKEN "inspect"), 1);
    assert_string_equal(output, "sluice token inspect: standard input: File too large\n");
    free(output);
    assert_int_equal(token(&output, TOKEN "inspect eyJhbGciOiJFUzI1NiJ9.e30.eA >/dev/full"), 1);
    assert_non_null(strstr(output, "cannot write: No space left on device"));
    free(output);
}

static void mistakes_are_said(void **state)
{
    static const struct {
        const char *arguments;
        int status;
        const char *why;
    } cases[] = {
        {"", 2, "sluice token: which verb?\n"},
        {"frobnicate", 2, "sluice token: there is no verb 'frobnicate'\n"},
        {"mint", 2, "what to sign with? --key FILE or --secret-file FILE\n"},
        {"mint --key key.pem --secret-file secret", 2, "--key or --secret-file, not both\n"},
        {"mint --key key.pem --key key.pem", 2, "--key is given more than once\n"},
        {"mint --key key.pem --algorithm ES265", 2, "there is no algorithm 'ES265'; did you mean ES256?\n"},
        {"mint --key key.pem --algorithm none", 2, "there is no algorithm 'none'\n"},
        {"mint --key key.pem --claim x", 2, "'x' is not NAME=VALUE\n"},
        {"mint --key key.pem --lifetime soon", 2, "'soon' is not valid for --lifetime: "},
        {"mint --key key.pem --kid \"$(printf '\\377')\"", 2, "--kid is not UTF-8\n"},
        {"mint --key key.pem rest", 2, "'rest' is too much\n"},
        {"mint --frobnicate", 2, "usage: sluice token mint "},
        {"mint --key nowhere.pem", 1, "nowhere.pem: No such file or directory\n"},
        {"mint --key key.pem --algorithm RS256", 1, "key.pem: RS256 cannot be signed with this key: it takes RSA\n"},
        {"mint --key secret", 1, "secret: there is no private key in PEM form\n"},
        {"mint --secret-file short", 1, "short: the secret has 31 bytes; HS256 needs 32\n"},
        {"mint --secret-file secret --algorithm HS512", 1, "secret: the secret has 32 bytes; HS512 needs 64\n"},
        {"inspect a b", 2, "one token at a time\n"},
        {"inspect --frobnicate", 2, "usage: sluice token inspect "},
        {"--help", 0, "usage: sluice token mint "},
        {"mint --help", 0, "usage: sluice token mint "},
        {"inspect -h", 0, "usage: sluice token inspect "},
    };
    EVP_PKEY *key = key_of("ES256");
    write_key("key.pem", key);
    EVP_PKEY_free(key);
    write_text("secret", "hush-hush-hush-hush-hush-hush-hu\n");
    write_text("short", "hush-hush-hush-hush-hush-hush-h\n");
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char *output;
        int status = token(&output, TOKEN "%s </dev/null", cases[i].arguments);
        if (status != cases[i].status || strstr(output, cases[i].why) == NULL || strstr(output, "hush") != NULL)
            fail_msg("%s: %d %s", cases[i].arguments, status, output);
        free(output);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_of_every_algorithm_verifies),
        cmocka_unit_test(every_option_has_its_place_in_the_token),
        cmocka_unit_test(a_token_is_inspected_from_standard_input_or_the_command_line),
        cmocka_unit_test(what_is_no_token_ends_with_1_and_is_shown_all_the_same),
        cmocka_unit_test(mistakes_are_said),
    };
    return cmocka_run_group_tests_name("token command", tests, test_folder_create, test_folder_remove);
}
