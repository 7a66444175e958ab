/* SPDX-License-Identifier: MIT
 * Rules for client certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "filters/mtls_rules.h"

#define FINGERPRINT "5f814f386a08744881668bfe0092b6065448898c18d06ae8f93ba71921f1db11"

static const gw_san_t sans[] = {
    {GW_SAN_DNS, {"a.example.com", 13}},
    {GW_SAN_URI, {"spiffe://x/orders", 17}},
    {GW_SAN_EMAIL, {"Ops@Example.com", 15}},
    {GW_SAN_IP, {"2001:db8::1", 11}},
    {GW_SAN_URI, {"uri.example.com", 15}},
    {GW_SAN_DNS, {"*.wild.example.com", 18}},
    {GW_SAN_IP, {"10.0.0.1", 8}},
};

static gw_client_certificate_t certificate(void)
{
    return (gw_client_certificate_t){
        .texts = {[GW_CERTIFICATE_SUBJECT] = GW_STR("CN=alice,O=Example"),
                  [GW_CERTIFICATE_CN] = GW_STR("al%C3%AFce"),
                  [GW_CERTIFICATE_ISSUER] = GW_STR("CN=ca"),
                  [GW_CERTIFICATE_FINGERPRINT] = GW_STR(FINGERPRINT),
                  [GW_CERTIFICATE_SAN_DNS] = GW_STR("a.example.com,*.wild.example.com"),
                  [GW_CERTIFICATE_SAN_URI] = GW_STR("spiffe://x/orders")},
        .common_name = GW_STR("al\xc3\xaf"
                              "ce"),
        .sans = sans,
        .num_sans = sizeof(sans) / sizeof(sans[0]),
    };
}

static bool meets_san(const char *rule)
{
    char text[128];
    snprintf(text, sizeof(text), "%s", rule);
    gw_mtls_entry_t entry;
    assert_null(gw_mtls_entry_of_san(text, &entry));
    const gw_mtls_rules_t rules = {.san = {&entry, 1}};
    const gw_client_certificate_t alice = certificate();
    gw_mtls_result_t result = gw_mtls_judge(&rules, &alice);
    assert_true(result == GW_MTLS_OK || result == GW_MTLS_SAN);
    return result == GW_MTLS_OK;
}

static void an_alternative_name_meets_only_rules_of_its_kind(void **state)
{
    static const struct {
        const char *about, *rule;
        bool is_met;
    } cases[] = {
        {"the same host", "a.example.com", true},
        {"in another case", "A.Example.COM", true},
        {"another host", "b.example.com", false},
        {"a part of it", "example.com", false},
        {"more than it", "x.a.example.com", false},
        {"one label for the wildcard", "*.example.com", true},
        {"two labels for the wildcard", "*.com", false},
        {"no label for the wildcard", "*.a.example.com", false},
        {"the certificate's wildcard is no pattern", "b.wild.example.com", false},
        {"the certificate's wildcard as it is", "*.wild.example.com", true},
        {"a URI", "spiffe://x/orders", true},
        {"a URI in another case", "spiffe://x/Orders", false},
        {"the start of a URI", "spiffe://x/", false},
        {"a URI that reads like a host is none", "uri.example.com", false},
        {"nor for the wildcard: a.example.com is one though", "*.EXAMPLE.com", true},
        {"an e-mail address, its host in any case", "Ops@example.COM", true},
        {"whose first part differs in case", "ops@example.com", false},
        {"the host of an e-mail address alone", "Example.com", false},
        {"an IPv6 address in another form", "2001:0DB8:0:0::1", true},
        {"another one", "2001:db8::2", false},
        {"an IPv4 address", "10.0.0.1", true},
        {"a host that looks like the start of one", "10.0.0", false},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i)
        if (meets_san(cases[i].rule) != cases[i].is_met)
            fail_msg("%s: '%s'", cases[i].about, cases[i].rule);
}

static void every_kind_of_rule_must_be_met_by_one_of_its_entries(void **state)
{
    gw_mtls_entry_t cn[] = {{GW_STR("bob"), 0},
                            {GW_STR("al\xc3\xaf"
                                    "ce"),
                             0}},
                    encoded_cn[] = {{GW_STR("al%C3%AFce"), 0}}, bob[] = {{GW_STR("CN=bob,O=Example"), 0}},
                    alice[] = {{GW_STR("CN=alice,O=Example"), 0}}, part[] = {{GW_STR("CN=alice"), 0}},
                    ca[] = {{GW_STR("CN=ca"), 0}}, print[] = {{GW_STR(FINGERPRINT), 0}},
                    host[] = {{GW_STR("a.example.com"), GW_SAN_DNS}, {GW_STR("b.example.com"), GW_SAN_DNS}};
    const struct {
        const char *about;
        gw_mtls_rules_t rules;
        gw_mtls_result_t expected;
    } cases[] = {
        {"no rules", {.name = 0}, GW_MTLS_OK},
        {"one of two common names", {.cn = {cn, 2}}, GW_MTLS_OK},
        {"only the other one", {.cn = {cn, 1}}, GW_MTLS_CN},
        {"the common name as it is shown", {.cn = {encoded_cn, 1}}, GW_MTLS_CN},
        {"the subject", {.subject = {alice, 1}}, GW_MTLS_OK},
        {"another subject", {.subject = {bob, 1}}, GW_MTLS_SUBJECT},
        {"a part of the subject", {.subject = {part, 1}}, GW_MTLS_SUBJECT},
        {"the issuer", {.issuer = {ca, 1}}, GW_MTLS_OK},
        {"another issuer", {.issuer = {alice, 1}}, GW_MTLS_ISSUER},
        {"the fingerprint", {.fingerprint = {print, 1}}, GW_MTLS_OK},
        {"another fingerprint", {.fingerprint = {ca, 1}}, GW_MTLS_FINGERPRINT},
        {"all of them",
         {.cn = {cn, 2}, .san = {host, 2}, .fingerprint = {print, 1}, .issuer = {ca, 1}, .subject = {alice, 1}},
         GW_MTLS_OK},
        {"all but one",
         {.cn = {cn, 2}, .san = {host + 1, 1}, .fingerprint = {print, 1}, .issuer = {ca, 1}, .subject = {alice, 1}},
         GW_MTLS_SAN},
        {"a name that it has", {.name = GW_CERTIFICATE_SAN_URI}, GW_MTLS_OK},
        {"a name that it has not", {.name = GW_CERTIFICATE_SAN_EMAIL}, GW_MTLS_NO_NAME},
    };
    const gw_client_certificate_t of_alice = certificate();
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_mtls_result_t result = gw_mtls_judge(&cases[i].rules, &of_alice);
        if (result != cases[i].expected)
            fail_msg("%s: %s instead of %s", cases[i].about, gw_mtls_result_str(result),
                     gw_mtls_result_str(cases[i].expected));
    }
}

static void a_certificate_without_a_common_name_meets_no_rule_for_it(void **state)
{
    gw_mtls_entry_t entries[] = {{GW_STR("alice"), 0}};
    const gw_mtls_rules_t rules = {.cn = {entries, 1}};
    gw_client_certificate_t nameless = certificate();
    nameless.common_name = gw_str(NULL, 0);
    assert_int_equal(gw_mtls_judge(&rules, &nameless), GW_MTLS_CN);
}

static void one_with_too_many_alternative_names_is_refused_whatever_the_rules(void **state)
{
    const gw_mtls_rules_t rules = {.name = GW_CERTIFICATE_SUBJECT};
    gw_client_certificate_t many = certificate();
    assert_int_equal(gw_mtls_judge(&rules, &many), GW_MTLS_OK);
    many.has_too_many_sans = true;
    assert_int_equal(gw_mtls_judge(&rules, &many), GW_MTLS_TOO_MANY_NAMES);
    assert_string_equal(gw_mtls_result_str(GW_MTLS_TOO_MANY_NAMES), "too_many_names");
}

static void no_certificate_is_missing_whatever_the_rules(void **state)
{
    const gw_mtls_rules_t rules = {.name = GW_CERTIFICATE_SUBJECT};
    assert_int_equal(gw_mtls_judge(&rules, NULL), GW_MTLS_MISSING);
}

static void the_principal_is_called_by_the_first_of_a_list(void **state)
{
    static const struct {
        gw_certificate_text_t name;
        const char *expected;
    } cases[] = {
        {GW_CERTIFICATE_SUBJECT, "CN=alice,O=Example"}, {GW_CERTIFICATE_CN, "al%C3%AFce"},
        {GW_CERTIFICATE_SAN_DNS, "a.example.com"},      {GW_CERTIFICATE_SAN_URI, "spiffe://x/orders"},
        {GW_CERTIFICATE_FINGERPRINT, FINGERPRINT},      {GW_CERTIFICATE_SAN_EMAIL, ""},
    };
    const gw_client_certificate_t of_alice = certificate();
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        const gw_mtls_rules_t rules = {.name = cases[i].name};
        assert_true(gw_str_equal(gw_mtls_name(&rules, &of_alice), gw_str_of(cases[i].expected)));
    }
}

static void a_fingerprint_may_be_written_as_openssl_prints_it(void **state)
{
    char colons[3 * 32 + 1], short_one[] = "5f81", wrong[] = FINGERPRINT;
    for (size_t i = 0; i != 32; ++i)
        snprintf(colons + 3 * i, 4, "%c%c:", FINGERPRINT[2 * i] & ~(FINGERPRINT[2 * i] >= 'a' ? 0x20 : 0),
                 FINGERPRINT[2 * i + 1]);
    colons[sizeof(colons) - 2] = '\0';
    gw_mtls_entry_t entry;
    assert_null(gw_mtls_entry_of_fingerprint(colons, &entry));
    assert_true(gw_str_equal(entry.value, GW_STR(FINGERPRINT)));
    assert_non_null(gw_mtls_entry_of_fingerprint(short_one, &entry));
    wrong[10] = 'g';
    assert_non_null(gw_mtls_entry_of_fingerprint(wrong, &entry));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alternative_name_meets_only_rules_of_its_kind),
        cmocka_unit_test(every_kind_of_rule_must_be_met_by_one_of_its_entries),
        cmocka_unit_test(a_certificate_without_a_common_name_meets_no_rule_for_it),
        cmocka_unit_test(one_with_too_many_alternative_names_is_refused_whatever_the_rules),
        cmocka_unit_test(no_certificate_is_missing_whatever_the_rules),
        cmocka_unit_test(the_principal_is_called_by_the_first_of_a_list),
        cmocka_unit_test(a_fingerprint_may_be_written_as_openssl_prints_it),
    };
    return cmocka_run_group_tests_name("test_filters_mtls_rules", tests, NULL, NULL);
}
