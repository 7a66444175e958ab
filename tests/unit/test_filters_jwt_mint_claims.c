/* SPDX-License-Identifier: MIT
 * Tests of what a minted token says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "filters/jwt/mint_claims.h"

#define NOW 1700000000

static void assert_json(json_t *json, const char *expected)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, expected);
    free(text);
    json_decref(json);
}

static json_t *payload_of(const gw_mint_options_t *options)
{
    char why[256] = "";
    json_t *payload = gw_mint_payload(options, NOW, why, sizeof(why));
    if (payload == NULL)
        fail_msg("%s", why);
    return payload;
}

static void the_header_has_what_was_given(void **state)
{
    assert_json(gw_mint_header(&(gw_mint_options_t){.kid = NULL}), "{}");
    assert_json(gw_mint_header(&(gw_mint_options_t){.kid = "k-1", .typ = "at+jwt"}),
                "{\"kid\":\"k-1\",\"typ\":\"at+jwt\"}");
}

static void the_payload_has_what_was_given_and_times(void **state)
{
    static const char *const aud[] = {"calc", "hello"};
    assert_json(payload_of(&(gw_mint_options_t){.kid = NULL}), "{\"exp\":1700000600,\"iat\":1700000000}");
    assert_json(
        payload_of(&(gw_mint_options_t){
            .iss = "https://a.example", .sub = "\xc3\xa4", .scope = "a b", .aud = aud, .num_aud = 1}),
        "{\"aud\":\"calc\",\"exp\":1700000600,\"iat\":1700000000,\"iss\":\"https://a.example\",\"scope\":\"a b\","
        "\"sub\":\"\xc3\xa4\"}");
    assert_json(payload_of(&(gw_mint_options_t){.aud = aud, .num_aud = 2, .lifetime = "24h", .not_before = "90s"}),
                "{\"aud\":[\"calc\",\"hello\"],\"exp\":1700086400,\"iat\":1700000000,\"nbf\":1700000090}");
    assert_json(payload_of(&(gw_mint_options_t){.lifetime = "-5m", .not_before = "-1h"}),
                "{\"exp\":1699999700,\"iat\":1700000000,\"nbf\":1699996400}");
}

static void a_claim_is_JSON_or_text(void **state)
{
    static const struct {
        const char *about, *claim, *payload; /* without the times */
    } cases[] = {
        {"text", "name=Ada", "\"name\":\"Ada\""},
        {"text with an equals sign", "name=a=b", "\"name\":\"a=b\""},
        {"text with a space in front", "name= x", "\"name\":\" x\""},
        {"nothing", "name=", "\"name\":\"\""},
        {"number", "level=3", "\"level\":3"},
        {"real", "level=0.5", "\"level\":0.5"},
        {"almost a number", "level=3a", "\"level\":\"3a\""},
        {"truth", "is_admin=true", "\"is_admin\":true"},
        {"null", "nobody=null", "\"nobody\":null"},
        {"text in quotation marks", "level=\"3\"", "\"level\":\"3\""},
        {"list", "roles=[\"a\",\"b\"]", "\"roles\":[\"a\",\"b\"]"},
        {"object", "realm_access={\"roles\":[\"a\"]}", "\"realm_access\":{\"roles\":[\"a\"]}"},
        {"name with dots and a colon", "https://a.example/x=1", "\"https://a.example/x\":1"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_mint_options_t options = {.claims = &cases[i].claim, .num_claims = 1};
        json_t *payload = payload_of(&options);
        char expected[256];
        print_message("%s\n", cases[i].about);
        json_object_del(payload, "exp");
        json_object_del(payload, "iat");
        snprintf(expected, sizeof(expected), "{%s}", cases[i].payload);
        assert_json(payload, expected);
    }
}

static void a_claim_may_replace_exp_and_iat(void **state)
{
    static const char *const claims[] = {"exp=1", "iat=\"yesterday\""};
    assert_json(payload_of(&(gw_mint_options_t){.claims = claims, .num_claims = 2}),
                "{\"exp\":1,\"iat\":\"yesterday\"}");
}

static void what_is_wrong_is_said(void **state)
{
    static const struct {
        const char *claims[2], *sub, *lifetime, *not_before, *why;
    } cases[] = {
        {{"x"}, NULL, NULL, NULL, "'x' is not NAME=VALUE"},
        {{"=x"}, NULL, NULL, NULL, "'=x' is not NAME=VALUE"},
        {{"a=1", "a=2"}, NULL, NULL, NULL, "the claim a is given twice"},
        {{"sub=a"}, "b", NULL, NULL, "the claim sub is given twice"},
        {{"exp=1"}, NULL, "10m", NULL, "the claim exp is given twice: by --lifetime and by --claim"},
        {{"nbf=1"}, NULL, NULL, "10m", "the claim nbf is given twice: by --not-before and by --claim"},
        {{"a=\xff"}, NULL, NULL, NULL, "the claim a is not UTF-8"},
        {{"\xff=1"}, NULL, NULL, NULL, "the claim \xff is not UTF-8"},
        {{NULL}, "\xff", NULL, NULL, "--sub is not UTF-8"},
        {{NULL}, NULL, "10", NULL, "'10' is not valid for --lifetime: whole seconds such as 90s, 10m or 24h, or -5m"},
        {{NULL},
         NULL,
         "1500ms",
         NULL,
         "'1500ms' is not valid for --lifetime: whole seconds such as 90s, 10m or 24h, or -5m"},
        {{NULL}, NULL, "", NULL, "'' is not valid for --lifetime: whole seconds such as 90s, 10m or 24h, or -5m"},
        {{NULL},
         NULL,
         "--5m",
         NULL,
         "'--5m' is not valid for --lifetime: whole seconds such as 90s, 10m or 24h, or -5m"},
        {{NULL},
         NULL,
         "1000000h",
         NULL,
         "'1000000h' is not valid for --lifetime: whole seconds such as 90s, 10m or 24h, or -5m"},
        {{NULL},
         NULL,
         NULL,
         "soon",
         "'soon' is not valid for --not-before: whole seconds such as 90s, 10m or 24h, or -5m"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char why[256] = "";
        gw_mint_options_t options = {.sub = cases[i].sub,
                                     .lifetime = cases[i].lifetime,
                                     .not_before = cases[i].not_before,
                                     .claims = cases[i].claims,
                                     .num_claims = (cases[i].claims[0] != NULL) + (cases[i].claims[1] != NULL)};
        assert_null(gw_mint_payload(&options, NOW, why, sizeof(why)));
        assert_string_equal(why, cases[i].why);
    }
}

static void broken_JSON_is_a_mistake_and_no_text(void **state)
{
    static const char *const claims[] = {"a={\"b\":", "a=[1,", "a=\"b", "a={\"b\":1,\"b\":2}"};
    for (size_t i = 0; i != sizeof(claims) / sizeof(claims[0]); ++i) {
        char why[256] = "";
        gw_mint_options_t options = {.claims = &claims[i], .num_claims = 1};
        assert_null(gw_mint_payload(&options, NOW, why, sizeof(why)));
        assert_memory_equal(why, "the claim a is not JSON: ", 25);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_has_what_was_given), cmocka_unit_test(the_payload_has_what_was_given_and_times),
        cmocka_unit_test(a_claim_is_JSON_or_text),       cmocka_unit_test(a_claim_may_replace_exp_and_iat),
        cmocka_unit_test(what_is_wrong_is_said),         cmocka_unit_test(broken_JSON_is_a_mistake_and_no_text),
    };
    return cmocka_run_group_tests_name("test_filters_jwt_mint_claims", tests, NULL, NULL);
}
