/* SPDX-License-Identifier: MIT
 * What a client gets: Accept-Encoding, media types, and the rules that join them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "filters/compress/judgement.h"
#include "filters/compress/media_pattern.h"

#define ID GW_CODING_IDENTITY
#define GZ GW_CODING_GZIP
#define BR GW_CODING_BR

static gw_accept_encoding_t accept_of(const char *const *lines, size_t max)
{
    gw_accept_encoding_t accept = {.any = 0};
    for (size_t i = 0; i != max && lines[i] != NULL; ++i)
        gw_accept_encoding_add(&accept, gw_str_of(lines[i]));
    return accept;
}

static void the_coding_is_the_one_that_the_client_wants_most(void **state)
{
    static const struct {
        const char *about;
        const char *lines[3];
        gw_coding_t chosen; /* of br, gzip */
        bool is_identity_refused;
    } cases[] = {
        {"12.5.3 no field", {NULL}, ID, false},
        {"12.5.3 an empty field: none is wanted", {""}, ID, false},
        {"one", {"gzip"}, GZ, false},
        {"another one", {"br"}, BR, false},
        {"alike: as the gateway prefers", {"gzip, deflate, br"}, BR, false},
        {"12.4.2 weights", {"gzip;q=1.0, br;q=0.8"}, GZ, false},
        {"three decimals", {"br;q=0.998, gzip;q=0.999"}, GZ, false},
        {"a dot without decimals", {"br;q=0., gzip;q=1."}, GZ, false},
        {"blanks", {" gzip ;\tq=0.5 , br ; q=0.4"}, GZ, false},
        {"a q in capitals", {"br;Q=0.1, gzip"}, GZ, false},
        {"8.4.1 letter case", {"GZip"}, GZ, false},
        {"8.4.1.3 the old name", {"x-gzip"}, GZ, false},
        {"unknown ones only", {"deflate, zstd"}, ID, false},
        {"weight 0 is no", {"gzip;q=0"}, ID, false},
        {"0.000 as well", {"br;q=0.000, gzip;q=0.001"}, GZ, false},
        {"12.5.3 * is whatever is not named", {"*"}, BR, false},
        {"* and one that is named", {"gzip;q=0.5, *;q=0.2"}, GZ, false},
        {"* and one that is not wanted", {"br;q=0, *"}, GZ, false},
        {"*;q=0 refuses all others", {"gzip, *;q=0"}, GZ, true},
        {"and identity with them", {"*;q=0"}, ID, true},
        {"unless it is named", {"identity, *;q=0"}, ID, false},
        {"identity;q=0", {"identity;q=0, gzip;q=0.1"}, GZ, true},
        {"identity;q=0 and nothing that there is", {"identity;q=0, zstd"}, ID, true},
        {"identity, wanted more", {"identity, gzip;q=0.5"}, ID, false},
        {"identity, wanted alike", {"identity, gzip"}, GZ, false},
        {"identity, wanted less", {"gzip, identity;q=0.5"}, GZ, false},
        {"several lines", {"gzip;q=0.5", "br;q=0.4", "deflate"}, GZ, false},
        {"empty members", {",, gzip ,"}, GZ, false},
        {"said twice: the refusal stands", {"gzip, gzip;q=0"}, ID, false},
        {"in either order", {"gzip;q=0", "gzip"}, ID, false},
        {"a weight that is none: not there", {"br;q=high, gzip;q=0.1"}, GZ, false},
        {"above one", {"br;q=1.001, gzip;q=0.1"}, GZ, false},
        {"2", {"br;q=2, gzip;q=0.1"}, GZ, false},
        {"four decimals", {"br;q=0.1234, gzip;q=0.1"}, GZ, false},
        {"negative", {"br;q=-1, gzip;q=0.1"}, GZ, false},
        {"without number", {"br;q=, gzip;q=0.1"}, GZ, false},
        {"another parameter", {"br;level=9, gzip;q=0.1"}, GZ, false},
        {"a parameter behind the weight", {"br;q=1;level=9, gzip;q=0.1"}, GZ, false},
        {"a name that is no token", {"b r, gzip;q=0.1"}, GZ, false},
        {"a name that begins alike", {"bro, gzipped"}, ID, false},
        {"a weight alone", {";q=1, gzip"}, GZ, false},
    };
    static const gw_coding_t offered[] = {BR, GZ};
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        const gw_accept_encoding_t accept = accept_of(cases[i].lines, 3);
        gw_coding_t chosen = gw_accept_encoding_choose(&accept, offered, 2);
        if (chosen != cases[i].chosen || gw_accept_encoding_refuses_identity(&accept) != cases[i].is_identity_refused)
            fail_msg("%s: %s", cases[i].about, gw_coding_name(chosen));
    }
}

static void only_what_is_offered_is_chosen(void **state)
{
    static const gw_coding_t gzip[] = {GZ}, both[] = {GZ, BR};
    const gw_accept_encoding_t any = accept_of((const char *[]){"br, gzip;q=0.5"}, 1);
    const gw_accept_encoding_t alike = accept_of((const char *[]){"br, gzip"}, 1);
    assert_int_equal(gw_accept_encoding_choose(&any, gzip, 1), GZ);
    assert_int_equal(gw_accept_encoding_choose(&any, gzip, 0), ID);
    assert_int_equal(gw_accept_encoding_choose(&any, both, 2), BR);
    assert_int_equal(gw_accept_encoding_choose(&alike, both, 2), GZ);
}

static void media_types_are_compared_without_parameters_and_case(void **state)
{
    static const struct {
        const char *pattern, *type;
        bool matches;
    } cases[] = {
        {"text/html", "text/html", true},
        {"text/html", "Text/HTML; charset=utf-8", true},
        {"text/html", " text/html ;a=b", true},
        {"text/html", "text/htm", false},
        {"text/html", "text/html5", false},
        {"text/html", "", false},
        {"text/html", "text", false},
        {"text/html", "text/", false},
        {"text/html", "text/html/x", false},
        {"text/*", "text/event-stream", true},
        {"text/*", "TEXT/x;y", true},
        {"text/*", "texts/x", false},
        {"text/*", "text/", false},
        {"*/*", "image/png", true},
        {"*/*", "nonsense", false},
        {"application/*+json", "application/problem+JSON", true},
        {"application/*+json", "application/json", false},
        {"application/*+json", "application/+json", false},
        {"application/*+json", "image/a+json", false},
        {"application/*+json", "application/a+jsonx", false},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i)
        if (gw_media_pattern_matches(gw_str_of(cases[i].pattern), gw_str_of(cases[i].type)) != cases[i].matches)
            fail_msg("%s, %s", cases[i].pattern, cases[i].type);
}

static void patterns_have_one_star_in_its_place(void **state)
{
    static const struct {
        const char *pattern;
        bool is_valid;
    } cases[] = {
        {"text/html", true},
        {"text/*", true},
        {"*/*", true},
        {"application/*+json", true},
        {"text", false},
        {"text/", false},
        {"/html", false},
        {"*/html", false},
        {"*/*+json", false},
        {"text/h*", false},
        {"te*t/html", false},
        {"text/*+j*", false},
        {"", false},
        {"a/b/c", false},
        {"text/html;q=1", false},
        {"text /html", false},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i)
        if (gw_media_pattern_is_valid(gw_str_of(cases[i].pattern)) != cases[i].is_valid)
            fail_msg("%s", cases[i].pattern);
}

static void rows_of_what_is_compressed_and_what_varies(void **state)
{
    static const gw_str_t types[] = {{"text/*", 6}, {"application/json", 16}};
    static const gw_compress_rules_t rules = {
        .types = types, .num_types = 2, .min_size = 1000, .codings = {BR, GZ}, .num_codings = 2};
#define TYPE .content_type = { "text/html", 9 }
    static const struct {
        const char *about, *accept;
        gw_compress_facts_t facts;
        gw_coding_t coding;
        bool is_varying;
    } cases[] = {
        {"a page", "gzip", {.status = 200, TYPE, .length = 1000}, GZ, true},
        {"of unknown length", "gzip", {.status = 200, TYPE, .length = UINT64_MAX}, GZ, true},
        {"a small one", "gzip", {.status = 200, TYPE, .length = 999}, ID, true},
        {"a small one for a client that refuses it so",
         "gzip, identity;q=0",
         {.status = 200, TYPE, .length = 1},
         GZ,
         true},
        {"of no bytes at all", "gzip, identity;q=0", {.status = 200, TYPE, .length = 0}, ID, true},
        {"a client that takes none", "", {.status = 200, TYPE, .length = 1000}, ID, true},
        {"an error's", "br", {.status = 404, TYPE, .length = 1000}, BR, true},
        {"another type", "gzip", {.status = 200, .content_type = {"image/png", 9}, .length = 1000}, ID, false},
        {"no type", "gzip", {.status = 200, .length = 1000}, ID, false},
        {"compressed by the service", "br", {.status = 200, TYPE, .length = 1000, .is_coded = true}, ID, true},
        {"9110 7.7 no-transform", "gzip", {.status = 200, TYPE, .length = 1000, .is_kept_as_is = true}, ID, false},
        {"9110 14.4 a part", "gzip", {.status = 206, TYPE, .length = 1000, .is_part = true}, ID, true},
        {"several parts", "gzip", {.status = 206, TYPE, .length = 1000}, ID, true},
        {"a range that cannot be", "gzip", {.status = 416, TYPE, .length = 1000, .is_part = true}, ID, true},
        {"9110 15.3.5", "gzip", {.status = 204, TYPE, .length = UINT64_MAX}, ID, false},
        {"9110 15.3.6", "gzip", {.status = 205, TYPE, .length = 0}, ID, false},
        {"9110 15.4.5", "gzip", {.status = 304, TYPE, .length = 1000}, ID, false},
        {"9110 15.2", "gzip", {.status = 103, TYPE, .length = UINT64_MAX}, ID, false},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        const gw_accept_encoding_t accept = accept_of(&cases[i].accept, 1);
        gw_compress_judgement_t judgement = gw_compress_judge(&rules, &cases[i].facts, &accept);
        if (judgement.coding != cases[i].coding || judgement.is_varying != cases[i].is_varying)
            fail_msg("%s: %s, varying %d", cases[i].about, gw_coding_name(judgement.coding), judgement.is_varying);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_coding_is_the_one_that_the_client_wants_most),
        cmocka_unit_test(only_what_is_offered_is_chosen),
        cmocka_unit_test(media_types_are_compared_without_parameters_and_case),
        cmocka_unit_test(patterns_have_one_star_in_its_place),
        cmocka_unit_test(rows_of_what_is_compressed_and_what_varies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
