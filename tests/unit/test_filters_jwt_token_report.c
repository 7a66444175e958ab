/* SPDX-License-Identifier: MIT
 * Tests of what is shown of a token, and of what is called odd about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "filters/jwt/token_oddities.h"
#include "filters/jwt/token_report.h"
#include "gateway/base/base64url.h"

#define NOW     1700000000
#define HEADER  "{\"alg\":\"ES256\"}"
#define PAYLOAD "{\"exp\":1700000600}"
#define SIGNATURE                                                                                                      \
    "c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlcw" /* 64 bytes */

/** @return header and payload encoded, and the signature as it is, with dots between them; for free() */
static char *token_of(const char *header, const char *payload, const char *signature)
{
    char *token = calloc(2 * (strlen(header) + strlen(payload)) + strlen(signature) + 8, 1), *at = token;
    at += gw_base64url_encode(at, header, strlen(header));
    *at++ = '.';
    at += gw_base64url_encode(at, payload, strlen(payload));
    *at++ = '.';
    strcpy(at, signature);
    return token;
}

/** @return the whole report; for free() */
static char *report(gw_str_t text, bool *ret_is_token)
{
    char *shown;
    size_t size;
    FILE *to = open_memstream(&shown, &size);
    *ret_is_token = gw_token_report(to, text, NOW);
    fclose(to);
    return shown;
}

static void a_token_is_shown_with_its_times_and_sizes(void **state)
{
    bool is_token;
    char *token = token_of("{\"typ\":\"JWT\",\"alg\":\"ES256\"}",
                           "{\"sub\":\"ada\",\"iat\":1699999999,\"nbf\":1700000000,\"exp\":1700086461,\"aud\":[\"a\"]}",
                           SIGNATURE);
    char *shown = report(gw_str_of(token), &is_token);
    assert_true(is_token);
    assert_string_equal(shown, "header, 27 bytes\n"
                               "{\n"
                               "  \"typ\": \"JWT\",\n"
                               "  \"alg\": \"ES256\"\n"
                               "}\n"
                               "\n"
                               "payload, 76 bytes\n"
                               "{\n"
                               "  \"sub\": \"ada\",\n"
                               "  \"iat\": 1699999999,\n"
                               "  \"nbf\": 1700000000,\n"
                               "  \"exp\": 1700086461,\n"
                               "  \"aud\": [\n"
                               "    \"a\"\n"
                               "  ]\n"
                               "}\n"
                               "\n"
                               "times\n"
                               "  iat       2023-11-14 22:13:19 UTC, 1 second ago\n"
                               "  nbf       2023-11-14 22:13:20 UTC, now\n"
                               "  exp       2023-11-15 22:14:21 UTC, in 1 day\n"
                               "\n"
                               "size\n"
                               "  226 bytes: header 36, payload 102, signature 86 (64 decoded; not shown)\n"
                               "\n"
                               "nothing about it is odd; whether its signature is right was not looked at\n");
    free(shown);
    free(token);
}

static void what_may_stand_around_a_token_does_not_count(void **state)
{
    static const char *const around[] = {"%s", "  %s\n", "Bearer %s", "Authorization: Bearer %s\r\n", "bearer\n  %s "};
    char *token = token_of(HEADER, PAYLOAD, SIGNATURE), text[512];
    bool is_token;
    char *plain = report(gw_str_of(token), &is_token);
    for (size_t i = 0; i != sizeof(around) / sizeof(around[0]); ++i) {
        snprintf(text, sizeof(text), around[i], token);
        char *shown = report(gw_str_of(text), &is_token);
        assert_string_equal(shown, plain);
        free(shown);
    }
    free(plain);
    free(token);
}

/** @return whether `text` stands among the oddities; with others, which are printed */
static bool is_odd(gw_str_t token, const char *text, size_t *ret_num)
{
    gw_token_look_t look;
    gw_token_oddities_t oddities;
    bool is_found = false;
    gw_token_look_at(token, &look);
    gw_token_find_oddities(&look, NOW, &oddities);
    for (size_t i = 0; i != oddities.num; ++i) {
        is_found = is_found || strcmp(oddities.texts[i], text) == 0;
        print_message("    %s\n", oddities.texts[i]);
    }
    *ret_num = oddities.num;
    gw_token_look_dispose(&look);
    return is_found;
}

static void each_oddity_is_said_in_words(void **state)
{
    static const struct {
        const char *header, *payload, *signature, *odd; /* odd NULL: nothing is */
    } cases[] = {
        {HEADER, PAYLOAD, SIGNATURE, NULL},
        {"{\"alg\":\"EdDSA\",\"kid\":\"a/b+c==:~_-1\",\"typ\":\"at+jwt\"}",
         "{\"exp\":1700000600.5,\"aud\":\"a\",\"iss\":\"b\",\"iat\":1699999999.9}", SIGNATURE, NULL},
        {"{}", PAYLOAD, SIGNATURE, "the header has no alg"},
        {"{\"alg\":1}", PAYLOAD, SIGNATURE, "alg is not a text"},
        {"{\"alg\":\"none\"}", PAYLOAD, SIGNATURE,
         "alg is none: nothing is signed, anybody can make such a token, and it must never be accepted"},
        {"{\"alg\":\"nOnE\"}", PAYLOAD, SIGNATURE,
         "alg is nOnE: nothing is signed, anybody can make such a token, and it must never be accepted"},
        {"{\"alg\":\"es256\"}", PAYLOAD, SIGNATURE, "alg is es256, and letter case matters: it would be ES256"},
        {"{\"alg\":\"ES256K\"}", PAYLOAD, SIGNATURE, "alg is ES256K, which Sluice does not know"},
        {"{\"alg\":\"\\u001b[2J\xc3\xa4\"}", PAYLOAD, SIGNATURE, "alg is ?[2J??, which Sluice does not know"},
        {"{\"alg\":\"HS256\"}", PAYLOAD, SIGNATURE, "the signature has 64 bytes; HS256 has 32"},
        {"{\"alg\":\"ES384\"}", PAYLOAD, SIGNATURE, "the signature has 64 bytes; ES384 has 96 (is it in DER?)"},
        {"{\"alg\":\"PS256\"}", PAYLOAD, SIGNATURE, "the signature has 64 bytes; PS256 has at least 256"},
        {"{\"alg\":\"ES256\",\"crit\":[\"exp\"]}", PAYLOAD, SIGNATURE,
         "crit names exp, which Sluice does not understand: the token has to be refused (nor is it there)"},
        {"{\"alg\":\"ES256\",\"crit\":[\"x\"],\"x\":1}", PAYLOAD, SIGNATURE,
         "crit names x, which Sluice does not understand: the token has to be refused"},
        {"{\"alg\":\"ES256\",\"crit\":[1]}", PAYLOAD, SIGNATURE,
         "crit names what is no text, which Sluice does not understand: the token has to be refused"},
        {"{\"alg\":\"ES256\",\"crit\":[]}", PAYLOAD, SIGNATURE, "crit is not a list of names"},
        {"{\"alg\":\"ES256\",\"crit\":\"x\"}", PAYLOAD, SIGNATURE, "crit is not a list of names"},
        {"{\"alg\":\"ES256\",\"kid\":1}", PAYLOAD, SIGNATURE, "kid is not a text"},
        {"{\"alg\":\"ES256\",\"kid\":\"../../dev/null\"}", PAYLOAD, SIGNATURE,
         "kid looks like a path, a command or a query: somebody may be trying to find a hole"},
        {"{\"alg\":\"ES256\",\"kid\":\"x' UNION SELECT\"}", PAYLOAD, SIGNATURE,
         "kid looks like a path, a command or a query: somebody may be trying to find a hole"},
        {"{\"alg\":\"ES256\",\"kid\":\"a\\u0000b\"}", PAYLOAD, SIGNATURE,
         "kid looks like a path, a command or a query: somebody may be trying to find a hole"},
        {"{\"alg\":\"ES256\",\"jwk\":{}}", PAYLOAD, SIGNATURE,
         "it brings its own key (jwk): whoever believed that could be sent any token"},
        {"{\"alg\":\"ES256\",\"jku\":\"http://a\"}", PAYLOAD, SIGNATURE,
         "it brings its own key (jku): whoever believed that could be sent any token"},
        {"{\"alg\":\"ES256\",\"typ\":null}", PAYLOAD, SIGNATURE, "typ is not a text"},
        {"{\"alg\":\"ES256\",\"b64\":false}", PAYLOAD, SIGNATURE,
         "b64 is false: the payload is not base64url (RFC 7797), which Sluice does not take"},
        {"{\"alg\":\"ES256\",\"cty\":\"JWT\"}", PAYLOAD, SIGNATURE, "it has a cty: there may be another token in it"},
        {"{\"alg\":\"dir\",\"enc\":\"A128GCM\"}", PAYLOAD, SIGNATURE,
         "it is encrypted (JWE): Sluice takes signed tokens only"},
        {"{\"alg\":\"ES256\",\"alg\":\"ES256\"}", PAYLOAD, SIGNATURE,
         "a member stands in the header more than once, and programs differ in which they take: the last is shown"},
        {HEADER, "{\"exp\":1700000600,\"a\":{\"b\":1,\"b\":2}}", SIGNATURE,
         "a member stands in the payload more than once, and programs differ in which they take: the last is shown"},
        {"[\"alg\"]", PAYLOAD, SIGNATURE, "the header is not a JSON object"},
        {HEADER, "true", SIGNATURE, "the payload is not a JSON object"},
        {HEADER, "{\"exp\":1700000600", SIGNATURE, "the payload is not JSON"},
        {HEADER, "{\"exp\":1700000600} ,", SIGNATURE, "1 bytes follow the payload that do not belong there"},
        {HEADER, "", SIGNATURE, "the payload is empty"},
        {HEADER, "{}", SIGNATURE, "it has no exp: it holds for ever"},
        {HEADER, "{\"exp\":1700000000}", SIGNATURE, "it expired 0 seconds ago"},
        {HEADER, "{\"exp\":1699996339}", SIGNATURE, "it expired 1 hour 1 minute ago"},
        {HEADER, "{\"exp\":\"1700000600\"}", SIGNATURE, "exp is not a number"},
        {HEADER, "{\"exp\":-1}", SIGNATURE, "exp is not a time between 1970 and 9999"},
        {HEADER, "{\"exp\":1e300}", SIGNATURE, "exp is not a time between 1970 and 9999"},
        {HEADER, "{\"exp\":9223372036854775807}", SIGNATURE, "exp is not a time between 1970 and 9999"},
        {HEADER, "{\"exp\":170000060000}", SIGNATURE, "exp looks like milliseconds; it counts seconds"},
        {HEADER, "{\"exp\":1700000600,\"nbf\":1700000120}", SIGNATURE, "it does not hold before 2 minutes from now"},
        {HEADER, "{\"exp\":1700000600,\"iat\":1700000005}", SIGNATURE,
         "it was issued in the future, in 5 seconds: a clock is wrong"},
        {HEADER, "{\"exp\":1700000600,\"nbf\":1700000600}", SIGNATURE, "it expires before it begins"},
        {HEADER, "{\"exp\":1700000600,\"sub\":7}", SIGNATURE, "sub is not a text"},
        {HEADER, "{\"exp\":1700000600,\"iss\":[\"a\"]}", SIGNATURE, "iss is not a text"},
        {HEADER, "{\"exp\":1700000600,\"aud\":[]}", SIGNATURE, "aud is neither a text nor a list of texts"},
        {HEADER, "{\"exp\":1700000600,\"aud\":[\"a\",1]}", SIGNATURE, "aud is neither a text nor a list of texts"},
        {HEADER, PAYLOAD, "", "it is not signed: its signature is empty"},
        {HEADER, PAYLOAD, "a+b=", "the signature is not base64url"},
        {HEADER, PAYLOAD, SIGNATURE ".", "it has 4 parts; a signed token has three, with dots between them"},
        {HEADER, PAYLOAD, SIGNATURE "..",
         "it has five parts, as an encrypted token (JWE) has: what it says cannot be seen"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char *token = token_of(cases[i].header, cases[i].payload, cases[i].signature);
        size_t num;
        print_message("%s %s\n", cases[i].header, cases[i].payload);
        bool is_found = is_odd(gw_str_of(token), cases[i].odd != NULL ? cases[i].odd : "", &num);
        assert_int_equal(is_found, cases[i].odd != NULL);
        if (cases[i].odd == NULL)
            assert_int_equal(num, 0);
        free(token);
    }
}

static void texts_that_are_no_token_are_read_as_far_as_that_goes(void **state)
{
    static const struct {
        const char *about, *text, *odd;
        bool is_token;
        const char *shown; /* somewhere in the report; NULL: nothing in particular */
    } cases[] = {
        {"nothing", "", "there is no token", false, NULL},
        {"spaces", " \n", "there is no token", false, NULL},
        {"a scheme alone", "Bearer", "it has 1 part; a signed token has three, with dots between them", false, NULL},
        {"a word", "x", "it has 1 part; a signed token has three, with dots between them", false, NULL},
        {"dots", "..", "the header is empty", false, NULL},
        {"JSON", "{\"payload\":\"x\"}",
         "it is JSON, not the compact form of a token: three parts with dots between them", false, NULL},
        {"two parts", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ",
         "it has 2 parts; a signed token has three, with dots between them", false, "\"sub\": \"ada\""},
        {"broken lines", "eyJhbGciOiJF\n  UzI1NiJ9.eyJzdWIiOiJhZGEifQ.eA",
         "there is white space in it, which is overlooked here", true, "\"sub\": \"ada\""},
        {"padding", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ==.eA",
         "the payload is not the base64url that it has to be: padding, the other alphabet or bits left over", true,
         "\"sub\": \"ada\""},
        {"the other alphabet", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiI/Pz8+In0.eA",
         "the payload is not the base64url that it has to be: padding, the other alphabet or bits left over", true,
         "\"sub\": \"?\?\?>\""},
        {"bits left over", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifR.eA",
         "the payload is not the base64url that it has to be: padding, the other alphabet or bits left over", true,
         "\"sub\": \"ada\""},
        {"other characters", "eyJhbGciOiJFUzI1NiJ9.eyJ%zdWIiOiJhZGEifQ.eA", "the payload is not base64url", false,
         "payload, 0 bytes\nnot shown"},
        {"cut off", "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZG", "the payload is not JSON", false,
         "as text, since it is not JSON: {\"sub\":\"ad"},
        {"the dot is missing", "eyJhbGciOiJFUzI1NiJ9eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlc2lnbmF0dXJl",
         "13 bytes follow the header that do not belong there", false, "\"alg\": \"ES256\""},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        size_t num;
        bool is_token;
        print_message("%s\n", cases[i].about);
        assert_true(is_odd(gw_str_of(cases[i].text), cases[i].odd, &num));
        char *shown = report(gw_str_of(cases[i].text), &is_token);
        assert_int_equal(is_token, cases[i].is_token);
        if (cases[i].shown != NULL && strstr(shown, cases[i].shown) == NULL)
            fail_msg("%s", shown);
        free(shown);
    }
}

static void no_byte_of_a_signature_is_shown_wherever_it_stands(void **state)
{
    static const char header[] = "eyJhbGciOiJFUzI1NiJ9", payload[] = "eyJzdWIiOiJhZGEifQ";
    static const char *const forms[] = {"%s.%s.%s", "%s..%3$s",       "%s.%3$s",   "%3$s",      "%s.%s%s",
                                        "%s%s.%s",  "%3$s.%2$s.%1$s", "%s.%s.%s.", "%s.%s..%s", "%s.%s.x.x.%s"};
    for (size_t i = 0; i != sizeof(forms) / sizeof(forms[0]); ++i) {
        char text[512], *shown;
        bool is_token;
        snprintf(text, sizeof(text), forms[i], header, payload, SIGNATURE);
        shown = report(gw_str_of(text), &is_token);
        print_message("%s\n", forms[i]);
        assert_null(strstr(shown, "c2ln")); /* as it was written */
        assert_null(strstr(shown, "signature"
                                  "signature")); /* as it decodes */
        free(shown);
    }
}

static void nothing_that_is_shown_moves_the_cursor_or_turns_the_text_around(void **state)
{
    static const struct {
        const char *payload, *shown;
    } cases[] = {
        {"{\"a\":\"\\u001b[2J\"}", "\"a\": \"\\u001B[2J\""},
        {"{\"a\":\"\x7f\"}", "\"a\": \"\\u007f\""},
        {"{\"a\":\"\xc2\x9b"
         "2J\"}",
         "\"a\": \"\\u009b2J\""},
        {"{\"a\":\"\xe2\x80\xae"
         "x\"}",
         "\"a\": \"\\u202ex\""},
        {"{\"\xe2\x81\xa6\":1}", "\"\\u2066\": 1"},
        {"{\"a\":\"\xf3\xa0\x81\x81\"}", "\"a\": \"\\udb40\\udc41\""},
        {"{\"a\":\"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x99\x82\"}", "\"a\": \"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x99\x82\""},
        {"{\"a\\u0000\":1", "as text, since it is not JSON: {\"a\\u0000\":1\n"},
        {"{\"\xc3\xa4", "as text, since it is not JSON: {\"\\xc3\\xa4\n"},
        {"{\"\x1b[2J", "not shown: it is not a JSON object"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char *token = token_of(HEADER, cases[i].payload, SIGNATURE);
        bool is_token;
        char *shown = report(gw_str_of(token), &is_token);
        if (strstr(shown, cases[i].shown) == NULL)
            fail_msg("%s", shown);
        free(shown);
        free(token);
    }
}

static void of_what_is_long_only_the_beginning_is_shown(void **state)
{
    char *payload = calloc(20000, 1), *token, *shown;
    bool is_token;
    memset(payload, 'x', 19999);
    payload[0] = '{';
    token = token_of(HEADER, payload, SIGNATURE);
    shown = report(gw_str_of(token), &is_token);
    assert_true(strlen(shown) < 3000);
    assert_non_null(strstr(shown, "xxx...\n"));
    assert_non_null(strstr(shown, "more than many servers take in a header field"));
    free(shown);
    free(token);
    free(payload);
}

static void how_long_a_time_is(void **state)
{
    static const struct {
        uint64_t seconds;
        const char *text;
    } cases[] = {
        {0, "0 seconds"},
        {1, "1 second"},
        {59, "59 seconds"},
        {60, "1 minute"},
        {61, "1 minute 1 second"},
        {3600, "1 hour"},
        {3659, "1 hour"},
        {7320, "2 hours 2 minutes"},
        {86400, "1 day"},
        {90061, "1 day 1 hour"},
        {UINT64_MAX, "213503982334601 days 7 hours"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char text[GW_TOKEN_AWAY_SIZE];
        assert_string_equal(gw_token_away(text, cases[i].seconds), cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_shown_with_its_times_and_sizes),
        cmocka_unit_test(what_may_stand_around_a_token_does_not_count),
        cmocka_unit_test(each_oddity_is_said_in_words),
        cmocka_unit_test(texts_that_are_no_token_are_read_as_far_as_that_goes),
        cmocka_unit_test(no_byte_of_a_signature_is_shown_wherever_it_stands),
        cmocka_unit_test(nothing_that_is_shown_moves_the_cursor_or_turns_the_text_around),
        cmocka_unit_test(of_what_is_long_only_the_beginning_is_shown),
        cmocka_unit_test(how_long_a_time_is),
    };
    return cmocka_run_group_tests_name("test_filters_jwt_token_report", tests, NULL, NULL);
}
