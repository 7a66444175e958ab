/* SPDX-License-Identifier: MIT
 * Cache-Status: its text, and over all there is to say that another's parser reads from it what was said (RFC 9211). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "filters/cache/cache_status.h"
#include "tests/support/structured_fields.h"

#define NUM(array) (sizeof(array) / sizeof((array)[0]))

static void a_status_is_written_as_the_rfc_has_it(void **state)
{
    static const struct {
        const char *about;
        gw_cache_status_t status;
        const char *expected;
    } cases[] = {
        {"2.1 a hit", {.has_ttl = true, .ttl_s = 30}, "sluice; hit; ttl=30"},
        {"2.1 a hit of no known lifetime", {.has_ttl = false}, "sluice; hit"},
        {"2.4 a stale hit", {.has_ttl = true, .ttl_s = -412}, "sluice; hit; ttl=-412"},
        {"2.2 a miss", {.forward = GW_FORWARD_URI_MISS}, "sluice; fwd=uri-miss"},
        {"2.3, 2.5 a miss that is stored",
         {.forward = GW_FORWARD_URI_MISS, .forward_status = 200, .is_stored = true, .has_ttl = true, .ttl_s = 60},
         "sluice; fwd=uri-miss; fwd-status=200; stored; ttl=60"},
        {"2.6 collapsed", {.forward = GW_FORWARD_MISS, .is_collapsed = true}, "sluice; fwd=miss; collapsed"},
        {"2.3 validated",
         {.forward = GW_FORWARD_STALE, .forward_status = 304, .is_stored = true, .has_ttl = true, .ttl_s = 0},
         "sluice; fwd=stale; fwd-status=304; stored; ttl=0"},
        {"2.2 other reasons", {.forward = GW_FORWARD_BYPASS, .detail = "rule"}, "sluice; fwd=bypass; detail=rule"},
        {"2.2 the method", {.forward = GW_FORWARD_METHOD}, "sluice; fwd=method"},
        {"2.2 another variant", {.forward = GW_FORWARD_VARY_MISS}, "sluice; fwd=vary-miss"},
        {"2.2 the request's directives", {.forward = GW_FORWARD_REQUEST}, "sluice; fwd=request"},
        {"2.2 a part of it", {.forward = GW_FORWARD_PARTIAL}, "sluice; fwd=partial"},
        {"2.7 the key", {.key = GW_STR("http://a/b?c=\"\\\"")}, "sluice; hit; key=\"http://a/b?c=\\\"\\\\\\\"\""},
        {"2.7 a key of any bytes", {.key = GW_STR("\xc3\xbc\n\x7f %")}, "sluice; hit; key=\"%C3%BC%0A%7F %\""},
        {"2.2 of a hit nothing is said that is said of a forwarded request",
         {.forward_status = 200, .is_stored = true, .is_collapsed = true},
         "sluice; hit"},
        {"a ttl beyond the field's numbers", {.has_ttl = true, .ttl_s = INT64_MAX}, "sluice; hit; ttl=999999999999999"},
        {"a ttl below the field's numbers", {.has_ttl = true, .ttl_s = INT64_MIN}, "sluice; hit; ttl=-999999999999999"},
    };
    for (size_t i = 0; i != NUM(cases); ++i) {
        char text[GW_CACHE_STATUS_MAX + 3 * 32];
        size_t len = gw_cache_status_print(text, &cases[i].status);
        print_message("%s\n", cases[i].about);
        if (len != strlen(cases[i].expected) || memcmp(text, cases[i].expected, len) != 0)
            fail_msg("'%.*s' instead of '%s'", (int)len, text, cases[i].expected);
    }
}

static bool is_set(const sf_item_t *item, const char *key)
{
    const sf_bare_t *value = sf_parameter(item, key);
    return value != NULL && value->type == SF_BOOLEAN && value->number == 1;
}

static bool is_integer(const sf_item_t *item, const char *key, bool is_there, int64_t number)
{
    const sf_bare_t *value = sf_parameter(item, key);
    return is_there ? value != NULL && value->type == SF_INTEGER && value->number == number : value == NULL;
}

static void what_is_written_reads_as_what_was_said(void **state)
{
    static const char *const words[] = {NULL,   "bypass",  "method", "uri-miss", "vary-miss",
                                        "miss", "request", "stale",  "partial"};
    static const int64_t ttls[] = {0, -1, 1, 3600, -999999999999999, 999999999999999};
    static const gw_str_t keys[] = {{"", 0}, GW_STR("k"), GW_STR("\"\\ \"")};
    static const char longest[] = "a-word-that-is-as-long-as-any-that-may-be-said.."; /* 48 bytes */
    for (unsigned forward = GW_FORWARD_NONE; forward <= GW_FORWARD_PARTIAL; ++forward)
        for (unsigned bits = 0; bits != 32; ++bits)
            for (size_t t = 0; t != NUM(ttls); ++t)
                for (size_t k = 0; k != NUM(keys); ++k) {
                    gw_cache_status_t status = {
                        .forward = forward,
                        .forward_status = bits & 1 ? 4294967295u : 0,
                        .has_ttl = (bits & 2) != 0,
                        .ttl_s = ttls[t],
                        .is_stored = (bits & 4) != 0,
                        .is_collapsed = (bits & 8) != 0,
                        .detail = bits & 16 ? longest : NULL,
                        .key = keys[k],
                    };
                    gw_arena_t *arena = gw_arena_create();
                    size_t room = GW_CACHE_STATUS_MAX + 3 * status.key.len;
                    char *text = malloc(room);
                    size_t len = gw_cache_status_print(text, &status);
                    sf_list_t list;
                    assert_true(len <= room && sf_parse_list(arena, text, len, &list) && list.size == 1);
                    const sf_item_t *item = &list.items[0];
                    bool is_forwarded = forward != GW_FORWARD_NONE;
                    const sf_bare_t *reason = sf_parameter(item, "fwd"), *key = sf_parameter(item, "key"),
                                    *detail = sf_parameter(item, "detail");
                    assert_true(item->value.type == SF_TOKEN);
                    assert_string_equal(item->value.text, "sluice");
                    assert_int_equal(is_set(item, "hit"), !is_forwarded);
                    assert_int_equal(reason != NULL, is_forwarded);
                    assert_true(!is_forwarded ||
                                (reason->type == SF_TOKEN && strcmp(reason->text, words[forward]) == 0));
                    assert_true(is_integer(item, "fwd-status", is_forwarded && (bits & 1), 4294967295));
                    assert_true(is_integer(item, "ttl", status.has_ttl, status.ttl_s));
                    assert_int_equal(is_set(item, "stored"), is_forwarded && status.is_stored);
                    assert_int_equal(is_set(item, "collapsed"), is_forwarded && status.is_collapsed);
                    assert_int_equal(key != NULL, status.key.len != 0);
                    assert_true(key == NULL ||
                                (key->type == SF_STRING && gw_str_equal(gw_str(key->text, key->len), status.key)));
                    assert_int_equal(detail != NULL, status.detail != NULL);
                    assert_true(detail == NULL || (detail->type == SF_TOKEN && strcmp(detail->text, longest) == 0));
                    free(text);
                    gw_arena_free(arena);
                }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_is_written_as_the_rfc_has_it),
        cmocka_unit_test(what_is_written_reads_as_what_was_said),
    };
    return cmocka_run_group_tests_name("test_cache_status", tests, NULL, NULL);
}
