/* SPDX-License-Identifier: MIT
 * What a PURGE asks for: by path, by fields, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "filters/cache/purge_order.h"

#define NUM(array) (sizeof(array) / sizeof((array)[0]))

static const gw_str_t tag_fields[] = {{"cache-tag", 9}, {"surrogate-key", 13}};

/** Reads the order of a request.  @param target path and query   @param lines "name: value" up to a NULL */
static gw_purge_fault_t read_order(const char *target, const char *const *lines, gw_purge_order_t *ret)
{
    gw_http_field_t fields[8];
    size_t num = 0, path_len = strcspn(target, "?");
    for (; lines[num] != NULL; ++num) {
        const char *colon = strchr(lines[num], ':');
        fields[num] = (gw_http_field_t){gw_str(lines[num], (size_t)(colon - lines[num])), gw_str_of(colon + 1)};
    }
    return gw_purge_order_read(gw_str(target, path_len), gw_str_of(target + path_len), fields, num, tag_fields,
                               NUM(tag_fields), ret);
}

/** "soft prefix /a/ ?x |tag|tag" */
static void print_order(const gw_purge_order_t *order, char *text, size_t size)
{
    size_t len = (size_t)snprintf(text, size, "%s %s", order->how == GW_PURGE_SOFT ? "soft" : "hard",
                                  gw_purge_scope_word(order->scope));
    if (order->scope == GW_PURGE_SCOPE_URL || order->scope == GW_PURGE_SCOPE_PREFIX)
        len += (size_t)snprintf(text + len, size - len, " %.*s", (int)order->path.len, order->path.ptr);
    if (order->scope == GW_PURGE_SCOPE_URL)
        len += (size_t)snprintf(text + len, size - len, "%.*s", (int)order->query.len, order->query.ptr);
    if (order->tags.num != 0)
        text[len++] = ' ';
    for (size_t i = 0; i != order->tags.num; ++i)
        len +=
            (size_t)snprintf(text + len, size - len, "|%.*s", (int)order->tags.names[i].len, order->tags.names[i].ptr);
    text[len] = '\0';
}

static void path_and_fields_say_what_is_purged_and_how(void **state)
{
    static const struct {
        const char *about, *target, *lines[6], *expected;
    } cases[] = {
        {"the URL", "/a", {NULL}, "hard url /a"},
        {"with its query", "/a?x=1", {NULL}, "hard url /a?x=1"},
        {"other fields mean nothing", "/a", {"host: h", "purge: all", "x-purge-mode: soft"}, "hard url /a"},
        {"softly", "/a", {"purge-mode: soft"}, "soft url /a"},
        {"hard, in so many words", "/a", {"purge-mode: hard"}, "hard url /a"},
        {"in any case", "/a", {"purge-mode:  SOFT ", "purge-scope: URL"}, "soft url /a"},
        {"a star is a prefix", "/a/*", {NULL}, "hard prefix /a/"},
        {"within a segment", "/a*", {"purge-mode: soft"}, "soft prefix /a"},
        {"of the whole host", "/*", {NULL}, "hard prefix /"},
        {"only the last star", "/a/*/**", {NULL}, "hard prefix /a/*/*"},
        {"a star elsewhere", "/a/*/b", {NULL}, "hard url /a/*/b"},
        {"a star in the query", "/a?x=*", {NULL}, "hard url /a?x=*"},
        {"a star that means itself", "/a*", {"purge-scope: url"}, "hard url /a*"},
        {"and has a query", "/a*?x", {"purge-scope: url"}, "hard url /a*?x"},
        {"a prefix without a star", "/a/", {"purge-scope: prefix"}, "hard prefix /a/"},
        {"a prefix with both", "/a/*", {"purge-scope: prefix"}, "hard prefix /a/"},
        {"everything", "/a*?x", {"purge-scope: all"}, "hard all"},
        {"tags", "/", {"cache-tag: a b, c"}, "hard tags |a b|c"},
        {"tags with spaces", "/", {"surrogate-key: a b,c"}, "hard tags |a|b,c"},
        {"tags of all fields", "/", {"surrogate-key: a b", "cache-tag: c", "cache-tag: d,a"}, "hard tags |c|d|a|b"},
        {"tags, in so many words", "/", {"cache-tag: a", "purge-scope: tags", "purge-mode: soft"}, "soft tags |a"},
        {"tags, whatever the path is", "/a/*?x", {"cache-tag: a"}, "hard tags |a"},
        {"a tag and an empty field", "/", {"cache-tag:", "surrogate-key: a"}, "hard tags |a"},
    };
    for (size_t i = 0; i != NUM(cases); ++i) {
        gw_purge_order_t *order = malloc(sizeof(*order));
        char text[512];
        print_message("%s\n", cases[i].about);
        memset(order, 0xa5, sizeof(*order));
        assert_string_equal(gw_purge_fault_word(read_order(cases[i].target, cases[i].lines, order)), "none");
        print_order(order, text, sizeof(text));
        assert_string_equal(text, cases[i].expected);
        free(order);
    }
}

static void what_is_not_clear_is_refused(void **state)
{
    static const struct {
        const char *about, *target, *lines[6], *cause;
    } cases[] = {
        {"a scope that there is not", "/a", {"purge-scope: everything"}, "purge_scope"},
        {"no scope", "/a", {"purge-scope: "}, "purge_scope"},
        {"a part of one", "/a", {"purge-scope: al"}, "purge_scope"},
        {"two of them", "/a", {"purge-scope: url, all"}, "purge_scope"},
        {"one said twice", "/a", {"purge-scope: url", "purge-scope: url"}, "purge_scope"},
        {"a good one behind another", "/a", {"purge-scope: x", "purge-scope: url"}, "purge_scope"},
        {"a mode that there is not", "/a", {"purge-mode: 1"}, "purge_mode"},
        {"no mode", "/a", {"purge-mode:"}, "purge_mode"},
        {"two modes", "/a", {"purge-mode: soft", "purge-mode: hard"}, "purge_mode"},
        {"no tag in the field", "/a", {"cache-tag: "}, "purge_no_tags"},
        {"nothing but commas", "/a", {"cache-tag: ,,"}, "purge_no_tags"},
        {"no field for them", "/a", {"purge-scope: tags"}, "purge_no_tags"},
        {"tags and a prefix", "/a/", {"cache-tag: a", "purge-scope: prefix"}, "purge_tags_and_scope"},
        {"tags and the URL", "/a/", {"cache-tag: a", "purge-scope: url"}, "purge_tags_and_scope"},
        {"tags and everything", "/a/", {"surrogate-key: a", "purge-scope: all"}, "purge_tags_and_scope"},
        {"an empty field and everything", "/a/", {"cache-tag:", "purge-scope: all"}, "purge_tags_and_scope"},
        {"a star and a query", "/a*?x=1", {NULL}, "purge_prefix_with_query"},
        {"a prefix and a query", "/a?", {"purge-scope: prefix"}, "purge_prefix_with_query"},
    };
    for (size_t i = 0; i != NUM(cases); ++i) {
        gw_purge_order_t order;
        print_message("%s\n", cases[i].about);
        gw_purge_fault_t fault = read_order(cases[i].target, cases[i].lines, &order);
        assert_string_equal(gw_purge_fault_word(fault), cases[i].cause);
        assert_true(strlen(gw_purge_fault_sentence(fault)) > 20);
    }
}

static void as_many_tags_as_a_response_can_have(void **state)
{
    for (size_t num = GW_CACHE_MAX_TAGS; num != GW_CACHE_MAX_TAGS + 2; ++num) {
        char line[1024] = "cache-tag:";
        const char *lines[] = {line, NULL};
        gw_purge_order_t order;
        for (size_t i = 0; i != num; ++i)
            sprintf(line + strlen(line), "%zu,", i);
        bool is_taken = num == GW_CACHE_MAX_TAGS;
        assert_int_equal(read_order("/", lines, &order), is_taken ? GW_PURGE_FAULT_NONE : GW_PURGE_FAULT_TOO_MANY_TAGS);
        if (is_taken)
            assert_int_equal(order.tags.num, num);
    }
}

static void only_the_fields_of_the_conf_hold_tags(void **state)
{
    static const gw_str_t other = {"x-tags", 6};
    const gw_http_field_t fields[] = {{GW_STR("cache-tag"), GW_STR("a")}, {GW_STR("x-tags"), GW_STR("b c")}};
    gw_purge_order_t order;
    assert_int_equal(gw_purge_order_read(GW_STR("/a"), gw_str(NULL, 0), fields, 2, &other, 1, &order),
                     GW_PURGE_FAULT_NONE);
    assert_int_equal(order.scope, GW_PURGE_SCOPE_TAGS);
    assert_int_equal(order.tags.num, 1);
    assert_true(gw_str_equal(order.tags.names[0], GW_STR("b c")));
    assert_int_equal(gw_purge_order_read(GW_STR("/a"), gw_str(NULL, 0), fields, 1, &other, 1, &order),
                     GW_PURGE_FAULT_NONE);
    assert_int_equal(order.scope, GW_PURGE_SCOPE_URL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(path_and_fields_say_what_is_purged_and_how),
        cmocka_unit_test(what_is_not_clear_is_refused),
        cmocka_unit_test(as_many_tags_as_a_response_can_have),
        cmocka_unit_test(only_the_fields_of_the_conf_hold_tags),
    };
    return cmocka_run_group_tests_name("cache: what a PURGE asks for", tests, NULL, NULL);
}
