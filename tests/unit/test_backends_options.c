/* SPDX-License-Identifier: MIT
 * Tests of sluice-demo's command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "backends/options.h"

#define MAX_ARGS 12

static gw_demo_command_t parse(const char *line, char *words, size_t size, gw_demo_options_t *options, char *why,
                               size_t why_size)
{
    char *argv[MAX_ARGS + 1] = {words}, *rest;
    int argc = 0;
    snprintf(words, size, "sluice-demo %s", line);
    for (char *word = strtok_r(words, " ", &rest); word != NULL && argc != MAX_ARGS; word = strtok_r(NULL, " ", &rest))
        argv[argc++] = word;
    why[0] = '\0';
    return gw_demo_options_parse(argc, argv, options, why, why_size);
}

static void options_stand_in_any_order(void **state)
{
    static const char *const lines[] = {
        "echo --listen 127.0.0.1:80 --name e-1 --delay 250 --fail 0.125",
        "--fail=.125 --delay=250 --name=e-1 --listen=127.0.0.1:80 echo",
        "--name e-1 --fail 0.125000 echo --delay 0250 --listen 127.0.0.1:80",
    };
    for (size_t i = 0; i != sizeof(lines) / sizeof(lines[0]); ++i) {
        char words[256], why[256];
        gw_demo_options_t options;
        assert_int_equal(parse(lines[i], words, sizeof(words), &options, why, sizeof(why)), GW_DEMO_RUN);
        assert_string_equal(options.service, "echo");
        assert_string_equal(options.name, "e-1");
        assert_string_equal(options.listen.host, "127.0.0.1");
        assert_int_equal(options.listen.port, 80);
        assert_int_equal(options.delay_ms, 250);
        assert_int_equal(options.fail_share, 125000);
    }
}

static void what_is_not_given_has_a_default(void **state)
{
    char words[256], why[256];
    gw_demo_options_t options;
    assert_int_equal(parse("clock --listen localhost:0", words, sizeof(words), &options, why, sizeof(why)),
                     GW_DEMO_RUN);
    assert_string_equal(options.name, "clock");
    assert_int_equal(options.delay_ms, 0);
    assert_int_equal(options.fail_share, 0);
}

static void help_and_version_win_over_anything_else(void **state)
{
    char words[256], why[256];
    gw_demo_options_t options;
    assert_int_equal(parse("--nonsense --help", words, sizeof(words), &options, why, sizeof(why)), GW_DEMO_HELP);
    assert_int_equal(parse("echo -h", words, sizeof(words), &options, why, sizeof(why)), GW_DEMO_HELP);
    assert_int_equal(parse("--version", words, sizeof(words), &options, why, sizeof(why)), GW_DEMO_VERSION);
}

static void auth_has_options_of_its_own(void **state)
{
    char words[512], why[256];
    gw_demo_options_t options;
    assert_int_equal(parse("auth --listen a:1", words, sizeof(words), &options, why, sizeof(why)), GW_DEMO_RUN);
    assert_string_equal(options.auth.algorithm, "RS256");
    assert_string_equal(options.auth.audience, "demo");
    assert_null(options.auth.issuer);
    assert_int_equal(options.auth.lifetime_s, 600);
    assert_null(options.auth.users);
    assert_null(options.auth.key);
    assert_int_equal(parse("--lifetime=24h --algorithm EdDSA --issuer https://a.example/b auth --audience calc "
                           "--listen=a:1",
                           words, sizeof(words), &options, why, sizeof(why)),
                     GW_DEMO_RUN);
    assert_string_equal(options.auth.algorithm, "EdDSA");
    assert_string_equal(options.auth.audience, "calc");
    assert_string_equal(options.auth.issuer, "https://a.example/b");
    assert_int_equal(options.auth.lifetime_s, 86400);
    assert_int_equal(
        parse("auth --listen a:1 --users u.json --key=k.pem", words, sizeof(words), &options, why, sizeof(why)),
        GW_DEMO_RUN);
    assert_string_equal(options.auth.users, "u.json");
    assert_string_equal(options.auth.key, "k.pem");
}

static void a_wrong_command_line_is_refused_with_the_reason(void **state)
{
    static const struct {
        const char *line, *why;
    } cases[] = {
        {"", "which service?"},
        {"echo", "--listen is missing"},
        {"echo hello --listen a:1", "one service at a time: 'echo' or 'hello'"},
        {"echo --listen", "--listen needs a value"},
        {"echo --listen a:1 --listen a:2", "--listen is given more than once"},
        {"echo --listne a:1", "unknown option '--listne'"},
        {"echo --listen a:1 --lifetime 1s", "--lifetime is an option of auth, not of echo"},
        {"auth --listen a:1 --lifetime 0s", "'0s' is not a lifetime: whole seconds from 1s to 24h"},
        {"auth --listen a:1 --lifetime 500ms", "'500ms' is not a lifetime: whole seconds from 1s to 24h"},
        {"auth --listen a:1 --lifetime 25h", "'25h' is not a lifetime: whole seconds from 1s to 24h"},
        {"auth --listen a:1 --lifetime 60", "'60' is not a lifetime: whole seconds from 1s to 24h"},
        {"auth --listen a:1 --algorithm HS256", "'HS256' is not RS256, ES256 or EdDSA"},
        {"auth --listen a:1 --algorithm none", "'none' is not RS256, ES256 or EdDSA"},
        {"auth --listen a:1 --issuer a.example",
         "'a.example' is not a URL without query, fragment and a slash at the end"},
        {"auth --listen a:1 --issuer http://", "'http://' is not a URL without query, fragment and a slash at the end"},
        {"auth --listen a:1 --issuer http://a/",
         "'http://a/' is not a URL without query, fragment and a slash at the end"},
        {"auth --listen a:1 --issuer http://a?b",
         "'http://a?b' is not a URL without query, fragment and a slash at the end"},
        {"auth --listen a:1 --audience \xc3\xa4", "an audience has 1 to 256 visible ASCII characters"},
        {"auth --listen a:1 --users=", "a file has a name"},
        {"auth --listen a:1 --key=", "a file has a name"},
        {"echo --listen=a:1 --dela=1", "unknown option '--dela=1'"},
        {"echo --listen a:1 --delay 600001", "'600001' is not a delay: milliseconds from 0 to 600000"},
        {"echo --listen a:1 --delay 1s", "'1s' is not a delay: milliseconds from 0 to 600000"},
        {"echo --listen a:1 --fail 1.1", "'1.1' is not a ratio: a decimal number from 0 to 1"},
        {"echo --listen a:1 --fail 99999999999999", "'99999999999999' is not a ratio: a decimal number from 0 to 1"},
        {"echo --listen a:1 --fail .", "'.' is not a ratio: a decimal number from 0 to 1"},
        {"echo --listen a:1 --fail 0.1.2", "'0.1.2' is not a ratio: a decimal number from 0 to 1"},
        {"echo --listen a:1 --fail -1", "'-1' is not a ratio: a decimal number from 0 to 1"},
        {"echo --listen a:1 --fail nan", "'nan' is not a ratio: a decimal number from 0 to 1"},
        {"echo --listen a:1 --name=", "a name has 1 to 64 visible ASCII characters"},
        {"echo --listen a:1 --name J\xc3\xbcrgen", "a name has 1 to 64 visible ASCII characters"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char words[256], why[256];
        gw_demo_options_t options;
        assert_int_equal(parse(cases[i].line, words, sizeof(words), &options, why, sizeof(why)), GW_DEMO_USAGE);
        assert_string_equal(why, cases[i].why);
    }
}

static void the_ratio_may_be_all_or_nothing(void **state)
{
    static const struct {
        const char *line;
        uint32_t share;
    } cases[] = {
        {"echo --listen a:1 --fail 0", 0},           {"echo --listen a:1 --fail 1", 1000000},
        {"echo --listen a:1 --fail 1.000", 1000000}, {"echo --listen a:1 --fail 0.9999999", 999999},
        {"echo --listen a:1 --fail 00.5", 500000},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char words[256], why[256];
        gw_demo_options_t options;
        assert_int_equal(parse(cases[i].line, words, sizeof(words), &options, why, sizeof(why)), GW_DEMO_RUN);
        assert_int_equal(options.fail_share, cases[i].share);
    }
}

static void an_address_is_host_and_port_or_a_path(void **state)
{
    static const struct {
        const char *text;
        bool is_good, is_unix;
        const char *host_or_path;
        uint16_t port;
    } cases[] = {
        {"127.0.0.1:43211", true, false, "127.0.0.1", 43211},
        {"localhost:0", true, false, "localhost", 0},
        {"[::1]:65535", true, false, "::1", 65535},
        {"unix:/run/demo.sock", true, true, "/run/demo.sock", 0},
        {"unix:", false, true, "", 0},
        {"127.0.0.1", false, false, "", 0},
        {":80", false, false, "", 0},
        {"a:65536", false, false, "", 0},
        {"a:", false, false, "", 0},
        {"a:-1", false, false, "", 0},
        {"::1:80", false, false, "", 0},
        {"[::1:80", false, false, "", 0},
        {"[]:80", false, false, "", 0},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_demo_address_t address;
        char why[256] = "";
        print_message("%s\n", cases[i].text);
        assert_int_equal(gw_demo_address_parse(cases[i].text, &address, why, sizeof(why)), cases[i].is_good);
        if (!cases[i].is_good) {
            assert_string_not_equal(why, "");
            continue;
        }
        assert_int_equal(address.is_unix, cases[i].is_unix);
        assert_string_equal(address.is_unix ? address.path : address.host, cases[i].host_or_path);
        assert_int_equal(address.port, cases[i].port);
    }
}

static void an_address_that_does_not_fit_is_refused(void **state)
{
    char text[400], why[256];
    gw_demo_address_t address;
    memset(text, 'a', sizeof(text));
    memcpy(text, "unix:", 5);
    text[5 + 107] = '\0';
    assert_true(gw_demo_address_parse(text, &address, why, sizeof(why)));
    text[5 + 107] = 'a';
    text[5 + 108] = '\0';
    assert_false(gw_demo_address_parse(text, &address, why, sizeof(why)));
    memset(text, 'a', 300);
    strcpy(text + 253, ":1");
    assert_true(gw_demo_address_parse(text, &address, why, sizeof(why)));
    memset(text, 'a', 300);
    strcpy(text + 254, ":1");
    assert_false(gw_demo_address_parse(text, &address, why, sizeof(why)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_in_any_order),
        cmocka_unit_test(what_is_not_given_has_a_default),
        cmocka_unit_test(help_and_version_win_over_anything_else),
        cmocka_unit_test(auth_has_options_of_its_own),
        cmocka_unit_test(a_wrong_command_line_is_refused_with_the_reason),
        cmocka_unit_test(the_ratio_may_be_all_or_nothing),
        cmocka_unit_test(an_address_is_host_and_port_or_a_path),
        cmocka_unit_test(an_address_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests_name("test_backends_options", tests, NULL, NULL);
}
