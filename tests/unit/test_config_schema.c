/* SPDX-License-Identifier: MIT
 * The rows of a table against YAML: every type, right and wrong, read into the test filter `stamp`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include "gateway/config/text.h"
#include "gateway/exchange/filter.h"
#include "tests/support/conf_files.h"
#include "tests/support/filter_classes.h"

static const gw_section_t *stamp_section(void)
{
    for (const gw_filter_class_t *const *class = gw_filter_classes; *class != NULL; ++class)
        if (strcmp((*class)->name, "stamp") == 0)
            return (*class)->section;
    return NULL;
}

/* @return the findings; *ret is filled in when there are none, its texts live as long as `arena` */
static char *read_stamp(gw_arena_t *arena, const char *yaml, struct stamp *ret)
{
    gw_diag_t *diag = gw_diag_create();
    gw_conf_reader_t reader = {.arena = arena, .scratch = arena, .diag = diag};
    gw_node_t *node = gw_yaml_load_memory(arena, arena, "t.yaml", gw_str_of(yaml), diag);

    *ret = (struct stamp){0};
    if (node != NULL) {
        bool is_ok = gw_section_read(&reader, stamp_section(), node, ret);
        assert_int_equal(is_ok, gw_diag_num_errors(diag) == 0);
    }
    free(ret->outside);
    char *findings = conf_findings(diag, NULL);
    gw_diag_free(diag);
    return findings;
}

static void errors_name_the_place_and_the_fix(void **state)
{
    static const struct {
        const char *about, *yaml, *expected;
    } cases[] = {
        {"a misspelt key", "text: x\nwieght: 5\n",
         "t.yaml:2:1: error: unknown key 'wieght'\n  hint: did you mean 'weight'?\n"},
        {"a key like no other", "text: x\nwhatever: 5\n",
         "t.yaml:2:1: error: unknown key 'whatever'\n  hint: known keys: bright, weight, every, room, text, secret, "
         "colour, tags\n"},
        {"a missing key", "weight: 5\n", "t.yaml:1:1: error: required key 'text' is missing\n  hint: what it says\n"},
        {"all at once", "wieght: 5\nevery: 5\nbright: 7\n",
         "t.yaml:1:1: error: unknown key 'wieght'\n  hint: did you mean 'weight'?\n"
         "t.yaml:1:1: error: required key 'text' is missing\n  hint: what it says\n"
         "t.yaml:2:8: error: '5' is not valid for 'every' (a duration such as 250ms, 5s, 10m or 1h, 10ms..1m)\n"
         "  hint: a duration needs a unit: ms, s, m or h\n"
         "t.yaml:3:9: error: '7' is not valid for 'bright' (true or false)\n  hint: is it bright\n"},
        {"a number too small", "text: x\nweight: 0\n",
         "t.yaml:2:9: error: '0' is not valid for 'weight' (1..1000 grams)\n  hint: how heavy it is\n"},
        {"a number too large", "text: x\nweight: 99999999999999999999\n",
         "t.yaml:2:9: error: '99999999999999999999' is not valid for 'weight' (a whole number, 1..1000 grams)\n  hint: "
         "how heavy it is\n"},
        {"a negative number", "text: x\nweight: -1\n",
         "t.yaml:2:9: error: '-1' is not valid for 'weight' (a whole number, 1..1000 grams)\n  hint: how heavy it "
         "is\n"},
        {"no number", "text: x\nweight: abc\n",
         "t.yaml:2:9: error: 'abc' is not valid for 'weight' (a whole number, 1..1000 grams)\n  hint: how heavy it "
         "is\n"},
        {"a list for a number", "text: x\nweight: [1]\n",
         "t.yaml:2:9: error: 'weight' must be a whole number, found a list\n"},
        {"a mapping for a text", "text: {a: b}\n", "t.yaml:1:7: error: 'text' must be a text, found a mapping\n"},
        {"nothing for a text", "text:\n", "t.yaml:1:6: error: 'text' must be a text, found nothing\n"},
        {"an empty text", "text: ''\n",
         "t.yaml:1:7: error: '' is not valid for 'text' (1..100 bytes)\n  hint: what it says\n"},
        {"a duration out of bounds", "text: x\nevery: 2m\n",
         "t.yaml:2:8: error: '2m' is not valid for 'every' (10ms..1m)\n  hint: how often it comes\n"},
        {"an unknown unit", "text: x\nevery: 5sec\n",
         "t.yaml:2:8: error: '5sec' is not valid for 'every' (a duration such as 250ms, 5s, 10m or 1h, 10ms..1m)\n  "
         "hint: how often it comes\n"},
        {"a duration beyond 64 bits", "text: x\nevery: 18446744073709551615h\n",
         "t.yaml:2:8: error: '18446744073709551615h' is not valid for 'every' (a duration such as 250ms, 5s, 10m or "
         "1h, 10ms..1m)\n"
         "  hint: how often it comes\n"},
        {"a size without a unit", "text: x\nroom: 64\n",
         "t.yaml:2:7: error: '64' is not valid for 'room' (1KiB..1MiB)\n  hint: a size without a unit counts bytes\n"},
        {"a size with a decimal unit", "text: x\nroom: 64KB\n",
         "t.yaml:2:7: error: '64KB' is not valid for 'room' (a size such as 512B, 64KiB, 8MiB or 1GiB, 1KiB..1MiB)\n  "
         "hint: how much it holds\n"},
        {"a word that is none", "text: x\ncolour: gren\n",
         "t.yaml:2:9: error: 'gren' is not valid for 'colour' (red, green or blue)\n  hint: did you mean 'green'?\n"},
        {"a word like no other", "text: x\ncolour: purple\n",
         "t.yaml:2:9: error: 'purple' is not valid for 'colour' (red, green or blue)\n  hint: what it looks like\n"},
        {"too many entries", "text: x\ntags: [a, b, c, d]\n",
         "t.yaml:2:7: error: 'tags' has 4 entries (at most 3 entries)\n  hint: what it belongs to\n"},
        {"entries that are no texts", "text: x\ntags: [[a], {b: c}, ~]\n",
         "t.yaml:2:8: error: an entry of 'tags' must be a text, found a list\n  hint: what it belongs to\n"
         "t.yaml:2:13: error: an entry of 'tags' must be a text, found a mapping\n  hint: what it belongs to\n"
         "t.yaml:2:21: error: an entry of 'tags' must be a text, found nothing\n  hint: what it belongs to\n"},
        {"a secret is not shown", "text: x\nsecret: swordfish\n",
         "t.yaml:2:9: error: the text is not valid for 'secret' (at most 8 bytes)\n  hint: what it hides\n"},
        {"a long and strange text",
         "text: x\nweight: \"\\e[31m\\n0123456789012345678901234567890123456789012345678901234567890123456789\"\n",
         "t.yaml:2:9: error: '\\x1b[31m\\n012345678901234567890123456789012345678901234567890123...' is not valid for "
         "'weight' "
         "(a whole number, 1..1000 grams)\n  hint: how heavy it is\n"},
        {"an unset variable is one error, not two", "text: x\nweight: ${SLUICE_NO}\n",
         "t.yaml:2:9: error: the environment variable 'SLUICE_NO' is not set\n"
         "  hint: ${NAME:-default} gives a default, and $$ stands for one '$'\n"},
    };
    struct stamp stamp;

    unsetenv("SLUICE_NO");
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_arena_t *arena = gw_arena_create();
        gw_diag_t *diag = gw_diag_create();
        gw_conf_reader_t reader = {.arena = arena, .scratch = arena, .diag = diag};
        gw_node_t *node = gw_yaml_load_memory(arena, arena, "t.yaml", gw_str_of(cases[i].yaml), diag);
        stamp = (struct stamp){0};
        gw_section_read(&reader, stamp_section(), node, &stamp);
        free(stamp.outside);
        char *actual = conf_findings(diag, NULL);
        if (strcmp(actual, cases[i].expected) != 0)
            fprintf(stderr, "case: %s\n%s", cases[i].about, actual);
        assert_string_equal(actual, cases[i].expected);
        free(actual);
        gw_diag_free(diag);
        gw_arena_free(arena);
    }
}

static void right_texts_are_read(void **state)
{
    gw_arena_t *arena = gw_arena_create();
    struct stamp stamp;
    char *findings = read_stamp(
        arena, "bright: off\nweight: '8'\nevery: 250ms\nroom: 2048\ntext: 5\ncolour: blue\ntags: one\n", &stamp);

    assert_string_equal(findings, "");
    assert_false(stamp.bright);
    assert_int_equal(stamp.weight, 8);
    assert_int_equal(stamp.every, 250);
    assert_int_equal(stamp.room, 2048);
    assert_string_equal(stamp.text, "5");
    assert_int_equal(stamp.colour, 2);
    assert_int_equal(stamp.tags.size, 1);
    assert_string_equal(stamp.tags.entries[0].value, "one");
    assert_int_equal(stamp.tags.entries[0].at.line, 7);
    assert_null(stamp.secret);
    free(findings);
    gw_arena_free(arena);
}

static void absent_options_get_their_defaults(void **state)
{
    gw_arena_t *arena = gw_arena_create();
    struct stamp stamp;
    char *findings = read_stamp(arena, "text: x\n", &stamp);

    assert_string_equal(findings, "");
    assert_true(stamp.bright);
    assert_int_equal(stamp.weight, 10);
    assert_int_equal(stamp.every, 5000);
    assert_int_equal(stamp.room, 65536);
    assert_int_equal(stamp.colour, 0);
    assert_int_equal(stamp.tags.size, 0);
    free(findings);
    gw_arena_free(arena);
}

static void numbers_and_units_are_exact(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms, bytes;
    } cases[] = {
        {"0", 0, 0},
        {"0s", 0, -1},
        {"1ms", 1, -1},
        {"90s", 90000, -1},
        {"10m", 600000, -1},
        {"2h", 7200000, -1},
        {"1.5s", -1, -1},
        {"5 s", -1, -1},
        {"512", -1, 512},
        {"512B", -1, 512},
        {"1KiB", -1, 1024},
        {"3MiB", -1, 3145728},
        {"1GiB", -1, 1073741824},
        {"", -1, -1},
        {"+1s", -1, -1},
        {"s", -1, -1},
        {"17179869184GiB", -1, -1},
    };
    gw_arena_t *arena = gw_arena_create();
    uint64_t value;

    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_str_t text = gw_str_of(cases[i].text);
        assert_int_equal(gw_conf_parse_duration(text, &value) ? value : (uint64_t)-1, cases[i].ms);
        assert_int_equal(gw_conf_parse_size(text, &value) ? value : (uint64_t)-1, cases[i].bytes);
    }
    assert_true(gw_conf_parse_uint(GW_STR("18446744073709551615"), &value));
    assert_false(gw_conf_parse_uint(GW_STR("18446744073709551616"), &value));
    assert_string_equal(gw_conf_duration_text(arena, 90000), "90s");
    assert_string_equal(gw_conf_duration_text(arena, 3600000), "1h");
    assert_string_equal(gw_conf_duration_text(arena, 1), "1ms");
    assert_string_equal(gw_conf_duration_text(arena, 0), "0s");
    assert_string_equal(gw_conf_size_text(arena, 65536), "64KiB");
    assert_string_equal(gw_conf_size_text(arena, 1025), "1025B");
    assert_string_equal(gw_conf_size_text(arena, 0), "0B");
    gw_arena_free(arena);
}

static void the_nearest_word_is_suggested(void **state)
{
    static const char *const words[] = {"burst", "rate", "key", "requests_per_second"};
    static const struct {
        const char *text, *nearest;
    } cases[] = {{"brust", "burst"}, {"rat", "rate"},  {"KEY", "key"},
                 {"kye", "key"},     {"k", NULL},      {"request_per_seconds", "requests_per_second"},
                 {"", NULL},         {"bucket", NULL}, {"bursts", "burst"}};

    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        const char *nearest = gw_text_nearest(gw_str_of(cases[i].text), words, 4);
        assert_string_equal(nearest != NULL ? nearest : "none", cases[i].nearest != NULL ? cases[i].nearest : "none");
    }
}

static char order[4];

static void note(void *arg)
{
    strncat(order, arg, 1);
}

static void an_arena_gives_zeroed_memory_and_runs_its_finalisers_in_reverse(void **state)
{
    static const size_t sizes[] = {0, 1, 7, 16, 100, 5000, 100000, 3, 1 << 20, 24};
    gw_arena_t *arena = gw_arena_create();
    char first[] = "1", second[] = "2";

    for (size_t i = 0; i != sizeof(sizes) / sizeof(sizes[0]); ++i) {
        char *p = gw_arena_alloc(arena, sizes[i]);
        assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
        for (size_t k = 0; k != sizes[i]; ++k)
            assert_int_equal(p[k], 0);
        memset(p, 0xff, sizes[i]);
    }
    assert_true(gw_arena_used(arena) >= 100000 + (1 << 20));
    assert_string_equal(gw_arena_printf(arena, "%d %s", 5, "five"), "5 five");
    gw_arena_on_free(arena, note, first);
    gw_arena_on_free(arena, note, second);
    assert_null(gw_arena_free(arena));
    assert_string_equal(order, "21");
    assert_null(gw_arena_free(NULL));
}

static void findings_are_ordered_and_shown_once(void **state)
{
    gw_diag_t *diag = gw_diag_create();
    char *text, *json = NULL;
    size_t len;

    gw_diag_error(diag, (gw_mark_t){"b", 1, 1}, NULL, "last");
    gw_diag_warning(diag, (gw_mark_t){"a", 10, 2}, "a \"hint\"", "third");
    gw_diag_error(diag, (gw_mark_t){"a", 10, 1}, NULL, "second\xff");
    gw_diag_error(diag, (gw_mark_t){"a", 0, 0}, NULL, "first");
    gw_diag_error(diag, (gw_mark_t){"a", 0, 0}, NULL, "first");
    text = conf_findings(diag, NULL);
    assert_string_equal(
        text,
        "a: error: first\na:10:1: error: second\xff\na:10:2: warning: third\n  hint: a \"hint\"\nb:1:1: error: last\n");
    free(text);
    assert_int_equal(gw_diag_num_warnings(diag), 1);
    FILE *to = open_memstream(&json, &len);
    gw_diag_print_json(diag, to);
    fclose(to);
    assert_string_equal(
        json,
        "[{\"severity\":\"error\",\"file\":\"a\",\"line\":0,\"column\":0,\"message\":\"first\",\"hint\":null},"
        "{\"severity\":\"error\",\"file\":\"a\",\"line\":10,\"column\":1,\"message\":\"second\\ufffd\",\"hint\":null},"
        "{\"severity\":\"warning\",\"file\":\"a\",\"line\":10,\"column\":2,\"message\":\"third\",\"hint\":\"a "
        "\\\"hint\\\"\"},"
        "{\"severity\":\"error\",\"file\":\"b\",\"line\":1,\"column\":1,\"message\":\"last\",\"hint\":null}]");
    free(json);
    gw_diag_free(diag);
}

static void a_flood_of_errors_is_counted(void **state)
{
    gw_diag_t *diag = gw_diag_create();

    for (unsigned i = 1; i <= 1500; ++i)
        gw_diag_error(diag, (gw_mark_t){"a", i, 1}, NULL, "wrong");
    char *text = conf_findings(diag, NULL);
    assert_non_null(strstr(text, "a:1000:1: error: wrong\n500 more errors and warnings are not shown\n"));
    assert_int_equal(gw_diag_num_errors(diag), 1500);
    free(text);
    gw_diag_free(diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_name_the_place_and_the_fix),
        cmocka_unit_test(right_texts_are_read),
        cmocka_unit_test(absent_options_get_their_defaults),
        cmocka_unit_test(numbers_and_units_are_exact),
        cmocka_unit_test(the_nearest_word_is_suggested),
        cmocka_unit_test(an_arena_gives_zeroed_memory_and_runs_its_finalisers_in_reverse),
        cmocka_unit_test(findings_are_ordered_and_shown_once),
        cmocka_unit_test(a_flood_of_errors_is_counted),
    };

    return cmocka_run_group_tests_name("test_config_schema", tests, NULL, NULL);
}
