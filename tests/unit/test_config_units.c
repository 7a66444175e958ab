/* SPDX-License-Identifier: MIT
 * Percentages of the conf file: read, written, and in a row of a schema. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/config/reader.h"
#include "tests/support/conf_files.h"

static void percentages_are_read_to_the_hundredth(void **state)
{
    static const struct {
        const char *about, *text;
        bool is_right;
        uint64_t hundredths;
    } cases[] = {
        {"a whole number", "20%", true, 2000},
        {"nothing", "0%", true, 0},
        {"all", "100%", true, 10000},
        {"more than all", "1000%", true, 100000},
        {"a tenth", "0.5%", true, 50},
        {"a hundredth", "0.05%", true, 5},
        {"two decimals", "12.34%", true, 1234},
        {"a zero at the end", "12.30%", true, 1230},
        {"zeros behind the point", "7.00%", true, 700},
        {"zeros before", "007%", true, 700},
        {"the largest", "999999999.99%", true, 99999999999},
        {"a bare number", "20", false, 0},
        {"not even nothing without a sign", "0", false, 0},
        {"a bare fraction", "0.2", false, 0},
        {"no text", "", false, 0},
        {"the sign alone", "%", false, 0},
        {"a point alone", ".%", false, 0},
        {"nothing before the point", ".5%", false, 0},
        {"nothing behind the point", "5.%", false, 0},
        {"three decimals", "0.125%", false, 0},
        {"three decimals that are zero", "1.000%", false, 0},
        {"two points", "1.2.3%", false, 0},
        {"a comma", "1,5%", false, 0},
        {"negative", "-5%", false, 0},
        {"signed", "+5%", false, 0},
        {"a negative fraction", "1.-5%", false, 0},
        {"two signs", "5%%", false, 0},
        {"a blank before the sign", "5 %", false, 0},
        {"a blank in front", " 5%", false, 0},
        {"a blank behind", "5% ", false, 0},
        {"the sign in front", "%5", false, 0},
        {"a word", "half", false, 0},
        {"an exponent", "1e1%", false, 0},
        {"hexadecimal", "0x10%", false, 0},
        {"ten digits", "1000000000%", false, 0},
        {"beyond 64 bits", "99999999999999999999%", false, 0},
        {"beyond 64 bits behind the point", "1.99999999999999999999%", false, 0},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        uint64_t hundredths = 0;
        bool is_right = gw_conf_parse_percent(gw_str_of(cases[i].text), &hundredths);
        if (is_right != cases[i].is_right || (is_right && hundredths != cases[i].hundredths))
            fail_msg("%s: '%s' is %s, %llu", cases[i].about, cases[i].text, is_right ? "right" : "wrong",
                     (unsigned long long)hundredths);
    }
}

static void a_percentage_ends_where_its_length_says(void **state)
{
    uint64_t hundredths;
    assert_false(gw_conf_parse_percent(gw_str("20%", 2), &hundredths));
    assert_false(gw_conf_parse_percent(gw_str("1.5%", 2), &hundredths));
    assert_true(gw_conf_parse_percent(gw_str("1.5%5", 4), &hundredths));
    assert_int_equal(hundredths, 150);
    assert_false(gw_conf_parse_percent(gw_str(NULL, 0), &hundredths));
}

static void percentages_are_written_the_shortest_way(void **state)
{
    static const struct {
        uint64_t hundredths;
        const char *text;
    } cases[] = {
        {0, "0%"},       {1, "0.01%"},    {5, "0.05%"},      {10, "0.1%"},
        {50, "0.5%"},    {99, "0.99%"},   {100, "1%"},       {101, "1.01%"},
        {110, "1.1%"},   {2000, "20%"},   {1234, "12.34%"},  {1230, "12.3%"},
        {10000, "100%"}, {12500, "125%"}, {100000, "1000%"}, {99999999999, "999999999.99%"},
    };
    gw_arena_t *arena = gw_arena_create();
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i)
        assert_string_equal(gw_conf_percent_text(arena, cases[i].hundredths), cases[i].text);
    gw_arena_free(arena);
}

static void what_is_written_is_read_as_the_same(void **state)
{
    gw_arena_t *arena = gw_arena_create();
    for (uint64_t hundredths = 0; hundredths <= 20000; ++hundredths) {
        uint64_t again = UINT64_MAX;
        const char *text = gw_conf_percent_text(arena, hundredths);
        if (!gw_conf_parse_percent(gw_str_of(text), &again) || again != hundredths)
            fail_msg("%llu is written as '%s' and read as %llu", (unsigned long long)hundredths, text,
                     (unsigned long long)again);
    }
    gw_arena_free(arena);
}

/* in a row --------------------------------------------------------------------------------------------------------- */

struct conf {
    uint64_t share;
};

static const gw_field_t fields[] = {
    {.key = "share",
     .type = GW_PERCENT,
     .offset = offsetof(struct conf, share),
     .min = 50,
     .max = 10000,
     .def = "12.5%",
     .meaning = "how much of it"},
    {.key = NULL},
};

static const gw_section_t section = {
    .name = "conf", .fields = fields, .size = sizeof(struct conf), .mark_offset = GW_NO_OFFSET};

static void a_row_takes_a_percentage_within_its_bounds(void **state)
{
    static const struct {
        const char *about, *yaml;
        uint64_t hundredths; /* when there are no findings */
        const char *findings;
    } cases[] = {
        {"one that is right", "share: 20%\n", 2000, ""},
        {"as a text", "share: '0.5%'\n", 50, ""},
        {"the highest", "share: 100%\n", 10000, ""},
        {"the default", "{}\n", 1250, ""},
        {"too small", "share: 0.49%\n", 0,
         "t.yaml:1:8: error: '0.49%' is not valid for 'share' (0.5%..100%)\n  hint: how much of it\n"},
        {"too large", "share: 100.01%\n", 0,
         "t.yaml:1:8: error: '100.01%' is not valid for 'share' (0.5%..100%)\n  hint: how much of it\n"},
        {"without its sign", "share: 20\n", 0,
         "t.yaml:1:8: error: '20' is not valid for 'share' (a percentage such as 20% or 0.5%, 0.5%..100%)\n"
         "  hint: did you mean '20%'?\n"},
        {"a fraction of one", "share: 0.2\n", 0,
         "t.yaml:1:8: error: '0.2' is not valid for 'share' (a percentage such as 20% or 0.5%, 0.5%..100%)\n"
         "  hint: how much of it\n"},
        {"a list", "share: [20%]\n", 0, "t.yaml:1:8: error: 'share' must be a percentage, found a list\n"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_arena_t *arena = gw_arena_create();
        gw_diag_t *diag = gw_diag_create();
        gw_conf_reader_t reader = {.arena = arena, .scratch = arena, .diag = diag};
        gw_node_t *node = gw_yaml_load_memory(arena, arena, "t.yaml", gw_str_of(cases[i].yaml), diag);
        struct conf conf = {0};
        bool is_read = gw_section_read(&reader, &section, node, &conf);
        char *findings = conf_findings(diag, NULL);
        if (strcmp(findings, cases[i].findings) != 0)
            fprintf(stderr, "case: %s\n", cases[i].about);
        assert_string_equal(findings, cases[i].findings);
        assert_int_equal(is_read, *cases[i].findings == '\0');
        if (is_read)
            assert_int_equal(conf.share, cases[i].hundredths);
        free(findings);
        gw_diag_free(diag);
        gw_arena_free(arena);
    }
}

static void the_facts_of_a_row_are_in_percent(void **state)
{
    gw_arena_t *arena = gw_arena_create();
    assert_string_equal(gw_field_facts(arena, &fields[0]), "percentage, 0.5%..100%, default 12.5%");
    gw_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentages_are_read_to_the_hundredth),
        cmocka_unit_test(a_percentage_ends_where_its_length_says),
        cmocka_unit_test(percentages_are_written_the_shortest_way),
        cmocka_unit_test(what_is_written_is_read_as_the_same),
        cmocka_unit_test(a_row_takes_a_percentage_within_its_bounds),
        cmocka_unit_test(the_facts_of_a_row_are_in_percent),
    };
    return cmocka_run_group_tests_name("percentages", tests, NULL, NULL);
}
