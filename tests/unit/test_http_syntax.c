/* SPDX-License-Identifier: MIT
 * Tokens, values, authorities, lengths, lists, hop-by-hop fields, and the HTTP/2 guard that is made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/http/hop.h"
#include "gateway/http/status.h"
#include "gateway/http/syntax.h"
#include "gateway/server/guard.h"

static void tokens_are_of_token_characters(void **state)
{
    assert_true(gw_http_is_token(GW_STR("X-a1!#$%&'*+-.^_`|~")));
    assert_false(gw_http_is_token(GW_STR("")));
    for (int c = 0; c != 256; ++c) {
        char byte = (char)c;
        bool expected = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                        (c != 0 && c < 0x80 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
        assert_int_equal(gw_http_is_token(gw_str(&byte, 1)), expected);
        assert_int_equal(gw_http_is_field_value(gw_str(&byte, 1)), (c >= 0x20 && c != 0x7f) || c == '\t');
    }
}

static void a_forbidden_byte_is_found_at_any_place_of_a_value(void **state)
{
    char value[33];
    for (size_t len = 1; len != sizeof(value); ++len)
        for (size_t at = 0; at != len; ++at)
            for (unsigned c = 0; c != 256; ++c) {
                memset(value, at % 2 != 0 ? 'v' : '\xff', len);
                value[at] = (char)c;
                bool is_good = (c >= 0x20 && c != 0x7f) || c == '\t';
                if (gw_http_is_field_value(gw_str(value, len)) != is_good)
                    fail_msg("byte %02x at %zu of %zu", c, at, len);
            }
}

static void authorities_are_host_and_port(void **state)
{
    static const char *const good[] = {"a",     "a.example",   "a.example:80",          "127.0.0.1:0",
                                       "[::1]", "[::1]:65535", "xn--bcher-kva.example", "a%41b",
                                       "a_b"};
    static const char *const bad[] = {"",    ":80",   "a:",  "a:x", "a:65536",  "a:123456",      "u@a",
                                      "a/b", "a b",   "a?b", "a#b", "[::1",     "[::1]x",        "[z]",
                                      "::1", "a:1:2", "a%4", "a\"", "\xc3\xa9", "[fe80::1%eth0]"};
    for (size_t i = 0; i != sizeof(good) / sizeof(good[0]); ++i)
        if (!gw_http_is_authority(gw_str_of(good[i])))
            fail_msg("'%s' is refused", good[i]);
    for (size_t i = 0; i != sizeof(bad) / sizeof(bad[0]); ++i)
        if (gw_http_is_authority(gw_str_of(bad[i])))
            fail_msg("'%s' is accepted", bad[i]);
}

static void lengths_are_digits_that_fit(void **state)
{
    static const char *const bad[] = {
        "", " 1", "1 ", "+1", "-1", "1,1", "0x1", "1.0", "18446744073709551616", "9999999999999999999999"};
    uint64_t number = 7;
    assert_true(gw_http_parse_content_length(GW_STR("0"), &number) && number == 0);
    assert_true(gw_http_parse_content_length(GW_STR("1234567890123"), &number) && number == 1234567890123);
    for (size_t i = 0; i != sizeof(bad) / sizeof(bad[0]); ++i)
        assert_false(gw_http_parse_content_length(gw_str_of(bad[i]), &number));
}

static void lists_skip_white_space_and_empty_items(void **state)
{
    gw_str_t rest = GW_STR(" , a ,,\tb c\t, d"), item;
    assert_true(gw_http_list_next(&rest, &item) && gw_str_equal(item, GW_STR("a")));
    assert_true(gw_http_list_next(&rest, &item) && gw_str_equal(item, GW_STR("b c")));
    assert_true(gw_http_list_next(&rest, &item) && gw_str_equal(item, GW_STR("d")));
    assert_false(gw_http_list_next(&rest, &item));
    assert_true(gw_http_list_has(GW_STR("Keep-Alive, CLOSE"), GW_STR("close")));
    assert_false(gw_http_list_has(GW_STR("closed, clos"), GW_STR("close")));
}

static void connection_names_fields_but_not_those_that_frame_a_message(void **state)
{
    static const char *const hops[] = {"connection",
                                       "keep-alive",
                                       "proxy-connection",
                                       "te",
                                       "trailer",
                                       "transfer-encoding",
                                       "upgrade",
                                       "proxy-authenticate",
                                       "proxy-authorization",
                                       "proxy-authentication-info",
                                       "http2-settings",
                                       "proxy"};
    for (size_t i = 0; i != sizeof(hops) / sizeof(hops[0]); ++i)
        assert_true(gw_http_is_hop_by_hop(gw_str_of(hops[i])));
    assert_false(gw_http_is_hop_by_hop(GW_STR("authorization")));
    const gw_str_t values[] = {GW_STR("X-A, host"), GW_STR("content-length,x-b")};
    assert_true(gw_http_connection_nominates(values, 2, GW_STR("x-a")));
    assert_true(gw_http_connection_nominates(values, 2, GW_STR("x-b")));
    assert_false(gw_http_connection_nominates(values, 2, GW_STR("host")));
    assert_false(gw_http_connection_nominates(values, 2, GW_STR("content-length")));
    assert_false(gw_http_connection_nominates(values, 2, GW_STR("x-c")));
}

static void connection_takes_nothing_away_that_proxies_say_of_a_client(void **state)
{
    static const char *const kept[] = {"x-forwarded-for",
                                       "x-forwarded-host",
                                       "x-forwarded-port",
                                       "x-forwarded-proto",
                                       "x-request-id",
                                       "forwarded",
                                       "via",
                                       "content-type",
                                       "content-encoding",
                                       "content-range",
                                       "date"};
    for (size_t i = 0; i != sizeof(kept) / sizeof(kept[0]); ++i) {
        char others[64];
        const gw_str_t itself = gw_str_of(kept[i]);
        if (gw_http_connection_nominates(&itself, 1, itself))
            fail_msg("%s", kept[i]);
        /* one that is as long is another */
        memcpy(others, kept[i], itself.len);
        others[itself.len - 1] = 'z';
        const gw_str_t other = gw_str(others, itself.len);
        assert_true(gw_http_connection_nominates(&other, 1, other));
    }
}

static void fields_of_the_gateway_are_known_in_either_spelling(void **state)
{
    static const struct {
        const char *name;
        bool is_ours;
    } cases[] = {
        {"host", true},
        {"x-forwarded-for", true},
        {"x_forwarded_for", true},
        {"x-forwarded_for", true},
        {"x-request-timeout-ms", true},
        {"x_request_timeout_ms", true},
        {"expect", true},
        {"forwarded", true},
        {"via", true},
        {"connection", true},
        {"transfer_encoding", true},
        {"content_length", true},
        {"x-forwarded-user", false},
        {"x-forwarded-fo", false},
        {"x-forwarded-forx", false},
        {"authorization", false},
        {"xzforwarded-for", false},
        {"", false},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i)
        if (gw_http_is_of_the_gateway(gw_str_of(cases[i].name)) != cases[i].is_ours)
            fail_msg("%s", cases[i].name);
}

static void the_guard_refuses_what_libh2o_lets_through(void **state)
{
    static const struct {
        const char *method, *path, *authority;
        gw_guard_result_t result;
    } cases[] = {
        {"GET", "/a?b", "a.example", GW_GUARD_OK},       {"OPTIONS", "*", "a", GW_GUARD_OK},
        {"GE T", "/", "a", GW_GUARD_METHOD_INVALID},     {"", "/", "a", GW_GUARD_METHOD_INVALID},
        {"CONNECT", "/", "a", GW_GUARD_METHOD_CONNECT},  {"GET", "", "a", GW_GUARD_PATH_INVALID},
        {"GET", "a", "a", GW_GUARD_PATH_INVALID},        {"GET", "*", "a", GW_GUARD_PATH_INVALID},
        {"GET", "/a b", "a", GW_GUARD_PATH_INVALID},     {"GET", "/a\tb", "a", GW_GUARD_PATH_INVALID},
        {"GET", "/a#b", "a", GW_GUARD_PATH_INVALID},     {"GET", "/", "", GW_GUARD_AUTHORITY_MISSING},
        {"GET", "/", "a@b", GW_GUARD_AUTHORITY_INVALID}, {"GET", "/", "a/b", GW_GUARD_AUTHORITY_INVALID},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i)
        assert_int_equal(
            gw_guard_request(gw_str_of(cases[i].method), gw_str_of(cases[i].path), gw_str_of(cases[i].authority)),
            cases[i].result);
    assert_int_equal(gw_guard_field(GW_STR("x-a"), GW_STR("b")), GW_GUARD_OK);
    assert_int_equal(gw_guard_field(GW_STR(""), GW_STR("b")), GW_GUARD_FIELD_NAME_INVALID);
    assert_int_equal(gw_guard_field(GW_STR("x a"), GW_STR("b")), GW_GUARD_FIELD_NAME_INVALID);
    assert_int_equal(gw_guard_field(GW_STR("x-a"), GW_STR("b\nc")), GW_GUARD_FIELD_VALUE_INVALID);
    assert_string_equal(gw_guard_result_str(GW_GUARD_PATH_INVALID), "the path is not valid");
}

static void every_status_has_a_phrase(void **state)
{
    assert_string_equal(gw_http_status_phrase(200), "OK");
    assert_string_equal(gw_http_status_phrase(599), "Unknown");
    assert_string_equal(gw_http_status_phrase(-1), "Unknown");
    assert_string_equal(gw_http_status_phrase(9999), "Unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_are_of_token_characters),
        cmocka_unit_test(a_forbidden_byte_is_found_at_any_place_of_a_value),
        cmocka_unit_test(authorities_are_host_and_port),
        cmocka_unit_test(lengths_are_digits_that_fit),
        cmocka_unit_test(lists_skip_white_space_and_empty_items),
        cmocka_unit_test(connection_names_fields_but_not_those_that_frame_a_message),
        cmocka_unit_test(connection_takes_nothing_away_that_proxies_say_of_a_client),
        cmocka_unit_test(fields_of_the_gateway_are_known_in_either_spelling),
        cmocka_unit_test(the_guard_refuses_what_libh2o_lets_through),
        cmocka_unit_test(every_status_has_a_phrase),
    };
    return cmocka_run_group_tests_name("syntax", tests, NULL, NULL);
}
