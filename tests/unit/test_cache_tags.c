/* SPDX-License-Identifier: MIT
 * Tags and cache groups: what their fields name (RFC 9875 2, 3; RFC 9651 3.1, 3.3.3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "filters/cache/tags.h"

#define NUM(array) (sizeof(array) / sizeof((array)[0]))

/** @param texts up to a NULL   @return how many there are */
static size_t as_values(const char *const *texts, gw_str_t *values)
{
    size_t num = 0;
    for (; texts[num] != NULL; ++num)
        values[num] = gw_str_of(texts[num]);
    return num;
}

/** @param expected "|" before each */
static void assert_names(const gw_cache_tags_t *tags, const char *expected)
{
    char text[1024] = "";
    for (size_t i = 0; i != tags->num; ++i) {
        strcat(text, "|");
        strncat(text, tags->names[i].ptr, tags->names[i].len);
    }
    assert_string_equal(text, expected);
    assert_false(tags->is_cut);
}

static void tags_are_told_apart_as_their_field_does(void **state)
{
    static const struct {
        const char *about;
        gw_cache_tag_form_t form;
        const char *values[4], *expected;
    } cases[] = {
        {"one", GW_TAGS_WITH_COMMAS, {"a"}, "|a"},
        {"several", GW_TAGS_WITH_COMMAS, {"a,b, c ,\td"}, "|a|b|c|d"},
        {"blanks belong to them", GW_TAGS_WITH_COMMAS, {"a b, c"}, "|a b|c"},
        {"empty ones are none", GW_TAGS_WITH_COMMAS, {", a,,b ,"}, "|a|b"},
        {"several lines", GW_TAGS_WITH_COMMAS, {"a,b", "", "c"}, "|a|b|c"},
        {"each once", GW_TAGS_WITH_COMMAS, {"a,b,a", "b"}, "|a|b"},
        {"case counts", GW_TAGS_WITH_COMMAS, {"a,A"}, "|a|A"},
        {"quotes are signs like others", GW_TAGS_WITH_COMMAS, {"\"a,b\""}, "|\"a|b\""},
        {"nothing", GW_TAGS_WITH_COMMAS, {""}, ""},
        {"spaces", GW_TAGS_WITH_SPACES, {" a  b\tc "}, "|a|b|c"},
        {"commas belong to them", GW_TAGS_WITH_SPACES, {"a,b c"}, "|a,b|c"},
        {"several lines of those", GW_TAGS_WITH_SPACES, {"a b", "b c"}, "|a|b|c"},
        {"nothing but spaces", GW_TAGS_WITH_SPACES, {"  "}, ""},
    };
    for (size_t i = 0; i != NUM(cases); ++i) {
        gw_cache_tags_t tags = {.num = 0};
        gw_str_t values[4];
        print_message("%s\n", cases[i].about);
        gw_cache_tags_add(&tags, cases[i].form, values, as_values(cases[i].values, values));
        assert_names(&tags, cases[i].expected);
    }
    assert_int_equal(gw_cache_tag_form(GW_STR("Surrogate-Key")), GW_TAGS_WITH_SPACES);
    assert_int_equal(gw_cache_tag_form(GW_STR("Cache-Tag")), GW_TAGS_WITH_COMMAS);
    assert_int_equal(gw_cache_tag_form(GW_STR("X-Tags")), GW_TAGS_WITH_COMMAS);
}

static void tags_of_several_fields_come_together(void **state)
{
    gw_cache_tags_t tags = {.num = 0};
    gw_str_t commas = GW_STR("a, b"), spaces = GW_STR("b c");
    gw_cache_tags_add(&tags, GW_TAGS_WITH_COMMAS, &commas, 1);
    gw_cache_tags_add(&tags, GW_TAGS_WITH_SPACES, &spaces, 1);
    assert_names(&tags, "|a|b|c");
}

static void more_tags_than_are_kept_are_noticed(void **state)
{
    char text[1024] = "";
    for (size_t i = 0; i != GW_CACHE_MAX_TAGS; ++i)
        sprintf(text + strlen(text), "t%u,", (unsigned)i);
    for (int more = 0; more != 2; ++more) {
        gw_cache_tags_t tags = {.num = 0};
        gw_str_t values[2] = {gw_str_of(text), more != 0 ? GW_STR("other") : GW_STR("t7")};
        gw_cache_tags_add(&tags, GW_TAGS_WITH_COMMAS, values, 2);
        assert_int_equal(tags.num, GW_CACHE_MAX_TAGS);
        assert_int_equal(tags.is_cut, more != 0);
    }
}

static void groups_are_a_structured_list_of_strings(void **state)
{
    static const struct {
        const char *about, *values[4], *expected; /* NULL: to be ignored */
    } cases[] = {
        {"9875 2 as in its example", {"\"eurovision-results\", \"australia\""}, "|eurovision-results|australia"},
        {"9875 2.1 case counts", {"\"a\", \"A\""}, "|a|A"},
        {"each once", {"\"a\", \"b\", \"a\""}, "|a|b"},
        {"an empty group", {"\"\""}, "|"},
        {"9875 2 parameters mean nothing", {"\"a\";x=1;y, \"b\"; z=\"\\\"\""}, "|a|b"},
        {"9651 3.1.2 parameters of every type",
         {"\"a\";a=-1.5;b=:YQ==:;c=?0;d=t/o:k*;e=@-12;f=%\"%c3%bc\";*g.h-i_1=\"s\""},
         "|a"},
        {"9651 4.2.1 any blanks around commas", {"\"a\" ,\t\"b\""}, "|a|b"},
        {"9651 4.2 several lines", {"\"a\"", "\"b\",\"c\""}, "|a|b|c"},
        {"9651 4.2 an empty list", {""}, ""},
        {"an empty line among others", {"\"a\"", "", "\"b\""}, "|a|b"},
        {"9651 4.2.5 escapes", {"\"a\\\"b\\\\c\""}, "|a\"b\\c"},
        {"9651 4.2.5 another escape", {"\"a\\b\""}, NULL},
        {"9651 4.2.5 an escape that is cut off", {"\"a\\"}, NULL},
        {"9651 4.2.5 open", {"\"a"}, NULL},
        {"9651 4.2.5 bytes above ASCII", {"\"\xc3\xbc\""}, NULL},
        {"9651 4.2.5 a tab within", {"\"a\tb\""}, NULL},
        {"9875 2 a token is no string", {"a"}, NULL},
        {"9875 2 a number is no string", {"\"a\", 1"}, NULL},
        {"9875 2 an inner list is no string", {"(\"a\" \"b\")"}, NULL},
        {"9651 4.2.1 a comma at the end", {"\"a\","}, NULL},
        {"9651 4.2.1 a comma at the beginning", {",\"a\""}, NULL},
        {"9651 4.2.1 two commas", {"\"a\",,\"b\""}, NULL},
        {"9651 4.2.1 no comma", {"\"a\" \"b\""}, NULL},
        {"9651 4.2.1 a string over two lines", {"\"a", "b\""}, NULL},
        {"one bad line spoils all", {"\"a\"", "b"}, NULL},
        {"a parameter without a name", {"\"a\";"}, NULL},
        {"a parameter in upper case", {"\"a\";X"}, NULL},
        {"a parameter without a value", {"\"a\";x="}, NULL},
        {"a boolean of neither kind", {"\"a\";x=?2"}, NULL},
        {"a number of too many digits", {"\"a\";x=1234567890123456"}, NULL},
        {"a number that ends in a point", {"\"a\";x=1."}, NULL},
        {"a date with decimals", {"\"a\";x=@1.5"}, NULL},
        {"bytes without an end", {"\"a\";x=:YQ=="}, NULL},
        {"display text in upper case", {"\"a\";x=%\"%C3%BC\""}, NULL},
    };
    for (size_t i = 0; i != NUM(cases); ++i) {
        gw_cache_tags_t tags;
        gw_str_t values[4];
        size_t num = as_values(cases[i].values, values);
        print_message("%s\n", cases[i].about);
        assert_int_equal(gw_cache_groups(&tags, values, num), cases[i].expected != NULL);
        assert_names(&tags, cases[i].expected != NULL ? cases[i].expected : "");
    }
}

static void groups_are_bounded_as_the_rfc_wants_at_least(void **state)
{
    char text[8192] = "";
    for (size_t i = 0; i != 32; ++i) /* RFC 9875 2.1: 32 of 32 characters */
        sprintf(text + strlen(text), "%s\"%032u\"", i != 0 ? ", " : "", (unsigned)i);
    gw_cache_tags_t tags;
    gw_str_t values[2] = {gw_str_of(text), GW_STR("\"more\"")};
    assert_true(gw_cache_groups(&tags, values, 1));
    assert_int_equal(tags.num, 32);
    assert_false(tags.is_cut);
    assert_true(gw_cache_groups(&tags, values, 2));
    assert_int_equal(tags.num, GW_CACHE_MAX_GROUPS);
    assert_true(tags.is_cut);

    for (size_t len = GW_CACHE_GROUP_MAX; len != GW_CACHE_GROUP_MAX + 2; ++len)
        for (int is_escaped = 0; is_escaped != 2; ++is_escaped) {
            memset(text, 'g', sizeof(text));
            text[0] = '"';
            if (is_escaped)
                text[1] = '\\', text[2] = '"';
            text[1 + is_escaped + len] = '"';
            values[0] = gw_str(text, 2 + (size_t)is_escaped + len);
            assert_true(gw_cache_groups(&tags, values, 1));
            assert_int_equal(tags.num, len <= GW_CACHE_GROUP_MAX);
            assert_int_equal(tags.is_cut, len > GW_CACHE_GROUP_MAX);
            assert_true(tags.num == 0 || tags.names[0].len == len);
        }
}

static void the_room_for_escapes_is_bounded(void **state)
{
    char text[4096] = "";
    for (unsigned i = 0; i != 16; ++i) {
        sprintf(text + strlen(text), "%s\"\\\\%c", i != 0 ? "," : "", 'a' + (int)i);
        for (size_t k = 0; k != 98; ++k)
            strcat(text, "x");
        strcat(text, "\"");
    }
    gw_cache_tags_t tags;
    gw_str_t value = gw_str_of(text);
    assert_true(gw_cache_groups(&tags, &value, 1));
    assert_int_equal(tags.num, GW_CACHE_ESCAPED / 100);
    assert_true(tags.is_cut);
    for (size_t i = 0; i != tags.num; ++i)
        assert_true(tags.names[i].len == 100 && tags.names[i].ptr[0] == '\\' && tags.names[i].ptr[1] == 'a' + (int)i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_are_told_apart_as_their_field_does),
        cmocka_unit_test(tags_of_several_fields_come_together),
        cmocka_unit_test(more_tags_than_are_kept_are_noticed),
        cmocka_unit_test(groups_are_a_structured_list_of_strings),
        cmocka_unit_test(groups_are_bounded_as_the_rfc_wants_at_least),
        cmocka_unit_test(the_room_for_escapes_is_bounded),
    };
    return cmocka_run_group_tests_name("test_cache_tags", tests, NULL, NULL);
}
