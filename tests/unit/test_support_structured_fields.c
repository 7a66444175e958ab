/* SPDX-License-Identifier: MIT
 * The tests' own parser of structured fields: every type, and what RFC 9651 refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/structured_fields.h"

static void bare_items_of_every_type_are_read(void **state)
{
    static const struct {
        const char *about, *text;
        sf_type_t type;
        int64_t number;
        const char *value;
    } cases[] = {
        {"an integer", "42", SF_INTEGER, 42, NULL},
        {"zero", "0", SF_INTEGER, 0, NULL},
        {"minus zero", "-0", SF_INTEGER, 0, NULL},
        {"negative", "-7", SF_INTEGER, -7, NULL},
        {"leading zeros", "007", SF_INTEGER, 7, NULL},
        {"the largest", "999999999999999", SF_INTEGER, 999999999999999, NULL},
        {"the smallest", "-999999999999999", SF_INTEGER, -999999999999999, NULL},
        {"blanks around", "  1 ", SF_INTEGER, 1, NULL},
        {"a decimal", "4.5", SF_DECIMAL, 4500, NULL},
        {"three decimals", "-1.234", SF_DECIMAL, -1234, NULL},
        {"the largest decimal", "999999999999.999", SF_DECIMAL, 999999999999999, NULL},
        {"an empty string", "\"\"", SF_STRING, 0, ""},
        {"a string", "\"hello, world\"", SF_STRING, 0, "hello, world"},
        {"escapes", "\"a\\\"b\\\\c\"", SF_STRING, 0, "a\"b\\c"},
        {"a token", "text/html", SF_TOKEN, 0, "text/html"},
        {"a token with a star", "*a:b", SF_TOKEN, 0, "*a:b"},
        {"bytes", ":aGVsbG8=:", SF_BYTES, 0, "hello"},
        {"bytes with two signs of padding", ":aA==:", SF_BYTES, 0, "h"},
        {"no bytes", "::", SF_BYTES, 0, ""},
        {"true", "?1", SF_BOOLEAN, 1, NULL},
        {"false", "?0", SF_BOOLEAN, 0, NULL},
        {"a date", "@1659578233", SF_DATE, 1659578233, NULL},
        {"a date before 1970", "@-62135596800", SF_DATE, -62135596800, NULL},
        {"text for display", "%\"f%c3%bc r\"", SF_DISPLAY, 0, "f\xc3\xbc r"},
        {"four bytes of UTF-8", "%\"%f0%9f%98%80\"", SF_DISPLAY, 0, "\xf0\x9f\x98\x80"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_arena_t *arena = gw_arena_create();
        sf_item_t item;
        if (!sf_parse_item(arena, cases[i].text, strlen(cases[i].text), &item))
            fail_msg("%s: '%s' is refused", cases[i].about, cases[i].text);
        if (item.value.type != cases[i].type || item.value.number != cases[i].number)
            fail_msg("%s: type %d, number %lld", cases[i].about, item.value.type, (long long)item.value.number);
        assert_int_equal(item.value.text != NULL, cases[i].value != NULL);
        if (cases[i].value != NULL) {
            assert_string_equal(item.value.text, cases[i].value);
            assert_int_equal(item.value.len, strlen(cases[i].value));
        }
        assert_int_equal(item.num_parameters, 0);
        gw_arena_free(arena);
    }
}

static void what_is_no_item_is_refused(void **state)
{
    static const struct {
        const char *about, *text;
    } cases[] = {
        {"nothing", ""},
        {"blanks", "  "},
        {"a tab in front", "\t1"},
        {"two items", "1 2"},
        {"a list", "1,2"},
        {"a sign alone", "-"},
        {"two signs", "--1"},
        {"a plus", "+1"},
        {"sixteen digits", "1000000000000000"},
        {"a point at the end", "1."},
        {"a point in front", ".5"},
        {"two points", "1.2.3"},
        {"four decimals", "1.2345"},
        {"thirteen digits before the point", "1234567890123.1"},
        {"an exponent", "1e3"},
        {"an open string", "\"abc"},
        {"an open escape", "\"abc\\"},
        {"another escape", "\"a\\n\""},
        {"a control character", "\"a\tb\""},
        {"beyond ASCII", "\"\xc3\xbc\""},
        {"DEL", "\"\x7f\""},
        {"single quotes", "'a'"},
        {"a token of signs", "!a"},
        {"open bytes", ":aGVsbG8="},
        {"no base64", ":a-_=:"},
        {"bytes without padding", ":aGVsbG8:"},
        {"too much padding", ":aGVsbG8==:"},
        {"one sextet", ":a===:"},
        {"one sextet of zeros", ":A:"},
        {"bits that are left", ":aGVsbG9=:"},
        {"another boolean", "?2"},
        {"half a boolean", "?"},
        {"a date with a fraction", "@1.5"},
        {"an empty date", "@"},
        {"display without quotes", "%abc"},
        {"display with capitals", "%\"%C3%BC\""},
        {"half a hexadecimal", "%\"%c\""},
        {"open display", "%\"abc"},
        {"display that is no UTF-8", "%\"%c3\""},
        {"an overlong form", "%\"%c0%af\""},
        {"a surrogate", "%\"%ed%a0%80\""},
        {"beyond Unicode", "%\"%f4%90%80%80\""},
        {"an inner list", "(1)"},
        {"a parameter without name", "1;"},
        {"a parameter with a capital", "1;A=1"},
        {"a parameter with a digit in front", "1;1a"},
        {"a blank before the semicolon", "1 ;a"},
        {"a blank after the equals", "1;a= 2"},
        {"a parameter without value", "1;a="},
        {"a list as value", "1;a=(1)"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_arena_t *arena = gw_arena_create();
        sf_item_t item;
        if (sf_parse_item(arena, cases[i].text, strlen(cases[i].text), &item))
            fail_msg("%s: '%s' is read", cases[i].about, cases[i].text);
        gw_arena_free(arena);
    }
}

static sf_list_t list_of(gw_arena_t *arena, const char *text)
{
    sf_list_t list;
    if (!sf_parse_list(arena, text, strlen(text), &list))
        fail_msg("'%s' is refused", text);
    return list;
}

static void lists_have_items_with_parameters_and_inner_lists(void **state)
{
    gw_arena_t *arena = gw_arena_create();
    sf_list_t list = list_of(arena, "\"a\";q=1;  *b-c.d_;e=x , ( \"x\";y  2 );z=?0\t,\t?0");
    assert_int_equal(list.size, 3);
    assert_string_equal(list.items[0].value.text, "a");
    assert_int_equal(list.items[0].num_parameters, 3);
    assert_int_equal(sf_parameter(&list.items[0], "q")->number, 1);
    assert_int_equal(sf_parameter(&list.items[0], "*b-c.d_")->type, SF_BOOLEAN);
    assert_int_equal(sf_parameter(&list.items[0], "*b-c.d_")->number, 1);
    assert_string_equal(sf_parameter(&list.items[0], "e")->text, "x");
    assert_null(sf_parameter(&list.items[0], "y"));
    assert_int_equal(list.items[1].value.type, SF_INNER_LIST);
    assert_int_equal(list.items[1].num_items, 2);
    assert_non_null(sf_parameter(&list.items[1].items[0], "y"));
    assert_int_equal(list.items[1].items[1].value.number, 2);
    assert_int_equal(sf_parameter(&list.items[1], "z")->number, 0);
    assert_int_equal(list.items[2].value.type, SF_BOOLEAN);
    assert_int_equal(list_of(arena, "").size, 0);
    assert_int_equal(list_of(arena, "()").items[0].num_items, 0);
    gw_arena_free(arena);
}

static void the_last_of_two_equal_parameters_counts_in_the_place_of_the_first(void **state)
{
    gw_arena_t *arena = gw_arena_create();
    sf_list_t list = list_of(arena, "x;a=1;b=2;a=3");
    assert_int_equal(list.items[0].num_parameters, 2);
    assert_string_equal(list.items[0].parameters[0].key, "a");
    assert_int_equal(list.items[0].parameters[0].value.number, 3);
    gw_arena_free(arena);
}

static void what_is_no_list_is_refused_as_a_whole(void **state)
{
    static const char *const texts[] = {",",     "1,",   "1, ",   ",1",   "1,,2", "1 2",  "(1",
                                        "(1,2)", "(1)2", "((1))", "(1;)", ")",    "1\n,2"};
    for (size_t i = 0; i != sizeof(texts) / sizeof(texts[0]); ++i) {
        gw_arena_t *arena = gw_arena_create();
        sf_list_t list;
        if (sf_parse_list(arena, texts[i], strlen(texts[i]), &list))
            fail_msg("'%s' is read", texts[i]);
        gw_arena_free(arena);
    }
}

static void dictionaries_have_each_key_once_with_its_last_value(void **state)
{
    static const char text[] = "a=1, b ,\tc;x=2 , a=\"z\";y, d=(1 2);q";
    gw_arena_t *arena = gw_arena_create();
    sf_dictionary_t dictionary;
    if (!sf_parse_dictionary(arena, text, strlen(text), &dictionary))
        fail_msg("'%s' is refused", text);
    assert_int_equal(dictionary.size, 4);
    assert_string_equal(dictionary.members[0].key, "a"); /* RFC 9651 4.2.2: in the place of the first */
    assert_int_equal(dictionary.members[0].item.value.type, SF_STRING);
    assert_non_null(sf_parameter(&dictionary.members[0].item, "y"));
    assert_string_equal(dictionary.members[1].key, "b");
    assert_int_equal(dictionary.members[1].item.value.type, SF_BOOLEAN);
    assert_int_equal(dictionary.members[1].item.value.number, 1);
    assert_int_equal(sf_parameter(&dictionary.members[2].item, "x")->number, 2);
    assert_int_equal(dictionary.members[3].item.num_items, 2);
    assert_non_null(sf_parameter(&dictionary.members[3].item, "q"));
    assert_true(sf_parse_dictionary(arena, "", 0, &dictionary) && dictionary.size == 0);
    gw_arena_free(arena);
}

static void what_is_no_dictionary_is_refused_as_a_whole(void **state)
{
    static const char *const texts[] = {"a,", "a,,b", ",a", "a=1 b", "A=1",   "a =1", "a= 1",
                                        "a=", "a;",   "=1", "a=(1",  "a=1;;", "a, &", "a=1;b="};
    for (size_t i = 0; i != sizeof(texts) / sizeof(texts[0]); ++i) {
        gw_arena_t *arena = gw_arena_create();
        sf_dictionary_t dictionary;
        if (sf_parse_dictionary(arena, texts[i], strlen(texts[i]), &dictionary))
            fail_msg("'%s' is read", texts[i]);
        gw_arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bare_items_of_every_type_are_read),
        cmocka_unit_test(what_is_no_item_is_refused),
        cmocka_unit_test(lists_have_items_with_parameters_and_inner_lists),
        cmocka_unit_test(the_last_of_two_equal_parameters_counts_in_the_place_of_the_first),
        cmocka_unit_test(what_is_no_list_is_refused_as_a_whole),
        cmocka_unit_test(dictionaries_have_each_key_once_with_its_last_value),
        cmocka_unit_test(what_is_no_dictionary_is_refused_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
