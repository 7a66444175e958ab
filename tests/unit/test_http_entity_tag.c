/* SPDX-License-Identifier: MIT
 * Entity tags: what is one, when two are the same, which a list names (RFC 9110 8.8.3, 13.1.1, 13.1.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/http/entity_tag.h"

static void a_tag_is_valid_as_its_grammar_says(void **state)
{
    static const struct {
        const char *about, *tag;
        bool is_valid, is_weak;
    } cases[] = {
        {"8.8.3 strong", "\"xyzzy\"", true, false},
        {"8.8.3 weak", "W/\"xyzzy\"", true, true},
        {"8.8.3 empty is one", "\"\"", true, false},
        {"8.8.3 weak and empty", "W/\"\"", true, true},
        {"8.8.3 every sign but the quote: there are no escapes", "\"!#$%&'()*+,-./:;<=>?@[\\]^`{|}~\"", true, false},
        {"8.8.3 obs-text", "\"abcdef\xc3\xbc\"", true, false},
        {"8.8.3 the mark is case-sensitive", "w/\"x\"", false, false},
        {"8.8.3 the mark has a slash", "W\"x\"", false, false},
        {"8.8.3 and not a backslash", "W\\\"x\"", false, false},
        {"no blank behind the mark", "W/ \"x\"", false, false},
        {"unquoted", "xyzzy", false, false},
        {"a weak one unquoted", "W/xyzzy", false, false},
        {"half quoted", "\"xyzzy", false, false},
        {"one quote", "\"", false, false},
        {"weak and one quote", "W/\"", false, true},
        {"a quote within", "\"a\"b\"", false, false},
        {"a blank within", "\"a b\"", false, false},
        {"a tab within", "\"a\tb\"", false, false},
        {"DEL within", "\"a\x7f\"", false, false},
        {"something behind it", "\"a\" ", false, false},
        {"any", "*", false, false},
        {"nothing", "", false, false},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        print_message("%s\n", cases[i].about);
        assert_int_equal(gw_entity_tag_is_valid(gw_str_of(cases[i].tag)), cases[i].is_valid);
        assert_int_equal(gw_entity_tag_is_weak(gw_str_of(cases[i].tag)), cases[i].is_weak);
    }
    assert_false(gw_entity_tag_is_valid(GW_STR("\"a\0\"")));
}

static void two_tags_are_compared_weakly_or_strongly(void **state)
{
    static const struct {
        const char *about, *a, *b;
        bool weakly, strongly;
    } cases[] = {
        {"8.8.3.2 both weak", "W/\"1\"", "W/\"1\"", true, false},
        {"8.8.3.2 both weak, unlike", "W/\"1\"", "W/\"2\"", false, false},
        {"8.8.3.2 one weak", "W/\"1\"", "\"1\"", true, false},
        {"8.8.3.2 both strong", "\"1\"", "\"1\"", true, true},
        {"strong, unlike", "\"1\"", "\"11\"", false, false},
        {"case counts", "\"a\"", "\"A\"", false, false},
        {"a mark within the quotes is none", "\"W/1\"", "W/\"1\"", false, false},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_str_t a = gw_str_of(cases[i].a), b = gw_str_of(cases[i].b);
        print_message("%s\n", cases[i].about);
        assert_int_equal(gw_entity_tag_equal_weakly(a, b), cases[i].weakly);
        assert_int_equal(gw_entity_tag_equal_weakly(b, a), cases[i].weakly);
        assert_int_equal(gw_entity_tag_equal_strongly(a, b), cases[i].strongly);
        assert_int_equal(gw_entity_tag_equal_strongly(b, a), cases[i].strongly);
    }
}

static void a_list_names_tags(void **state)
{
    static const struct {
        const char *about, *list, *tag;
        bool none_match, match;
    } cases[] = {
        {"13.1.2 the one", "\"a\"", "\"a\"", true, true},
        {"13.1.2 another", "\"b\"", "\"a\"", false, false},
        {"13.1.2 the first", "\"a\", \"b\", \"c\"", "\"a\"", true, true},
        {"13.1.2 one in the middle", "\"b\", \"a\", \"c\"", "\"a\"", true, true},
        {"13.1.2 the last", "\"b\", \"c\", \"a\"", "\"a\"", true, true},
        {"13.1.2 weak comparison; 13.1.1 strong comparison", "W/\"a\"", "\"a\"", true, false},
        {"a weak one is stored", "\"a\"", "W/\"a\"", true, false},
        {"both are weak", "W/\"a\"", "W/\"a\"", true, false},
        {"any", "*", "\"a\"", true, true},
        {"any, although it has no tag", " * ", "", true, true},
        {"any is no member of a list", "*, \"b\"", "\"a\"", false, false},
        {"a tag that looks like any", "\"*\"", "\"a\"", false, false},
        {"it has no tag", "\"a\"", "", false, false},
        {"an empty list for what has no tag", "", "", false, false},
        {"an empty list", " , ,, ", "\"a\"", false, false},
        {"5.6.1.2 empty members", ", ,\"b\",, \"a\"", "\"a\"", true, true},
        {"without blanks", "\"b\",\"a\"", "\"a\"", true, true},
        {"with blanks", " \"b\" \t,\t \"a\" ", "\"a\"", true, true},
        {"a comma within", "\"x,y\", \"a\"", "\"a\"", true, true},
        {"what is within quotes is no member", "\"x, a, y\"", "a", false, false},
        {"8.8.3 a backslash hides no quote", "\"b\\\", \"a\"", "\"a\"", true, true},
        {"unquoted in the request, quoted in the store", "a", "\"a\"", false, false},
        {"quoted in the request, unquoted in the store", "\"a\"", "a", false, false},
        {"unquoted in both", "b, a", "a", true, true},
        {"a small mark in both", "w/\"a\"", "w/\"a\"", true, true},
        {"a backslash for a mark in both", "W\\\"a\"", "W\\\"a\"", true, true},
        {"a mark without a slash in both", "W\"a\"", "W\"a\"", true, true},
        {"bytes above ASCII", "\"\xc3\xbc\"", "\"\xc3\xbc\"", true, true},
        {"open quotes", "\"a", "\"a\"", false, false},
        {"open quotes before it", "\"b, \"a\"", "\"a\"", false, false},
        {"rubbish between them", "\"b\" x, \"a\"", "\"a\"", true, true},
        {"rubbish behind it", "\"a\" x", "\"a\"", false, false},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_str_t list = gw_str_of(cases[i].list), tag = gw_str_of(cases[i].tag);
        print_message("%s\n", cases[i].about);
        assert_int_equal(gw_none_match_names(list, tag), cases[i].none_match);
        assert_int_equal(gw_match_names(list, tag), cases[i].match);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tag_is_valid_as_its_grammar_says),
        cmocka_unit_test(two_tags_are_compared_weakly_or_strongly),
        cmocka_unit_test(a_list_names_tags),
    };
    return cmocka_run_group_tests_name("test_http_entity_tag", tests, NULL, NULL);
}
