/* SPDX-License-Identifier: MIT
 * The router: precedence by rows, and everything else against a plain reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/routing/router.h"

#define GET  (1u << GW_METHOD_GET)
#define HEAD (1u << GW_METHOD_HEAD)
#define POST (1u << GW_METHOD_POST)

static gw_route_pattern_t pattern(const char *host, const char *path, uint32_t methods)
{
    return (gw_route_pattern_t){gw_str_of(host), gw_str_of(path), methods};
}

static void no_tie(void *arg, size_t first, size_t second)
{
    fail_msg("patterns %zu and %zu tie", first, second);
}

static void the_most_specific_route_wins(void **state)
{
    const gw_route_pattern_t patterns[] = {
        /* 0 */ pattern("", "/", 0),
        /* 1 */ pattern("", "/a/", 0),
        /* 2 */ pattern("", "/a/b", 0),
        /* 3 */ pattern("", "/a/b", POST),
        /* 4 */ pattern("*.example.com", "/", 0),
        /* 5 */ pattern("*.deep.example.com", "/x/", 0),
        /* 6 */ pattern("api.example.com", "/only", GET),
        /* 7 */ pattern("", "/get", GET),
        /* 8 */ pattern("", "/both", GET),
        /* 9 */ pattern("", "/both", HEAD),
    };
    static const struct {
        const char *about, *host, *path, *method;
        size_t index;
    } cases[] = {
        {"any host, the root", "", "/", "GET", 0},
        {"the longest prefix", "", "/a/x", "GET", 1},
        {"the prefix itself", "", "/a/", "GET", 1},
        {"without its slash it is not below", "", "/a", "GET", 0},
        {"an exact path before a prefix", "", "/a/b", "GET", 2},
        {"a named method before any", "", "/a/b", "POST", 3},
        {"an exact path is not a prefix", "", "/a/b/c", "GET", 1},
        {"a wildcard host", "x.example.com", "/a/b", "GET", 4},
        {"several labels", "x.y.example.com", "/", "GET", 4},
        {"not the domain itself", "example.com", "/", "GET", 0},
        {"the longest wildcard", "x.deep.example.com", "/x/1", "GET", 5},
        {"no path there: the next wildcard", "x.deep.example.com", "/y", "GET", 4},
        {"an exact host", "api.example.com", "/only", "GET", 6},
        {"no path at the exact host: the wildcard", "api.example.com", "/other", "GET", 4},
        {"no method at the exact host: the wildcard", "api.example.com", "/only", "POST", 4},
        {"GET takes HEAD along", "", "/get", "HEAD", 7},
        {"unless HEAD has its own", "", "/both", "HEAD", 9},
        {"no method fits: the less specific", "", "/get", "POST", 0},
        {"an unknown method", "", "/get", "BREW", 0},
    };
    gw_router_t *router = gw_router_create(patterns, sizeof(patterns) / sizeof(patterns[0]), no_tie, NULL);
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        size_t index = 99;
        uint32_t allowed;
        gw_router_result_t result = gw_router_match(router, gw_str_of(cases[i].host), gw_str_of(cases[i].path),
                                                    gw_str_of(cases[i].method), &index, &allowed);
        if (result != GW_ROUTER_MATCH || index != cases[i].index)
            fail_msg("%s: result %d, route %zu instead of %zu", cases[i].about, result, index, cases[i].index);
    }
    gw_router_free(router);
}

static void what_does_not_match_is_404_or_405_with_the_methods(void **state)
{
    const gw_route_pattern_t patterns[] = {pattern("", "/get", GET), pattern("", "/get/", POST),
                                           pattern("a.example", "/get", POST)};
    gw_router_t *router = gw_router_create(patterns, 3, no_tie, NULL);
    size_t index;
    uint32_t allowed = 0;
    assert_int_equal(gw_router_match(router, GW_STR(""), GW_STR("/none"), GW_STR("GET"), &index, &allowed),
                     GW_ROUTER_NO_ROUTE);
    assert_int_equal(gw_router_match(router, GW_STR("a.example"), GW_STR("/get"), GW_STR("PUT"), &index, &allowed),
                     GW_ROUTER_METHOD_NOT_ALLOWED);
    char names[128];
    size_t len = gw_method_set_names(allowed, names, sizeof(names));
    assert_int_equal(len, strlen("GET, HEAD, POST"));
    assert_memory_equal(names, "GET, HEAD, POST", len);
    gw_router_free(router);
}

static void note_tie(void *arg, size_t first, size_t second)
{
    size_t *ties = arg;
    ties[ties[0] += 1] = first * 10 + second;
}

static void ties_are_reported_with_both_places(void **state)
{
    const gw_route_pattern_t patterns[] = {pattern("", "/a", GET),  pattern("", "/a", GET | POST),
                                           pattern("", "/a", 0),    pattern("", "/a", 0),
                                           pattern("", "/a/", GET), pattern("b", "/a", GET)};
    size_t ties[8] = {0};
    gw_router_free(gw_router_create(patterns, 6, note_tie, ties));
    assert_int_equal(ties[0], 2);
    assert_int_equal(ties[1], 1);
    assert_int_equal(ties[2], 23);
}

static void hosts_are_compared_without_case_port_and_final_dot(void **state)
{
    static const struct {
        const char *authority, *host; /* NULL: refused */
    } cases[] = {
        {"a", "a"},
        {"API.Example.COM:8443", "api.example.com"},
        {"example.com.", "example.com"},
        {"[::1]:80", "[::1]"},
        {"[FE80::1]", "[fe80::1]"},
        {"[::1", NULL},
        {":80", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char buf[64];
        gw_str_t host;
        bool is_host = gw_host_normalise(gw_str_of(cases[i].authority), buf, sizeof(buf), &host);
        assert_int_equal(is_host, cases[i].host != NULL);
        if (is_host)
            assert_true(gw_str_equal(host, gw_str_of(cases[i].host)));
    }
}

/* the reference ---------------------------------------------------------------------------------------------------- */

static bool host_fits(gw_str_t pattern_host, gw_str_t host, size_t *ret_rank)
{
    *ret_rank = pattern_host.len;
    if (pattern_host.len == 0)
        return true;
    if (pattern_host.ptr[0] != '*') {
        *ret_rank = 1000;
        return gw_str_equal(pattern_host, host);
    }
    gw_str_t tail = gw_str(pattern_host.ptr + 1, pattern_host.len - 1);
    return host.len > tail.len && gw_str_equal(tail, gw_str(host.ptr + host.len - tail.len, tail.len));
}

static bool path_fits(gw_str_t pattern_path, gw_str_t path, size_t *ret_rank)
{
    *ret_rank = pattern_path.len;
    if (gw_str_equal(pattern_path, path)) {
        *ret_rank += 1000;
        return true;
    }
    return pattern_path.ptr[pattern_path.len - 1] == '/' && gw_str_starts_with(path, pattern_path);
}

static gw_router_result_t reference(const gw_route_pattern_t *patterns, const bool *is_out, size_t num, gw_str_t host,
                                    gw_str_t path, gw_method_t method, size_t *ret_index)
{
    size_t best = 0;
    bool is_found = false, is_path_known = false;
    for (size_t i = 0; i != num; ++i) {
        size_t host_rank, path_rank;
        if (is_out[i] || !host_fits(patterns[i].host, host, &host_rank) ||
            !path_fits(patterns[i].path, path, &path_rank))
            continue;
        is_path_known = true;
        uint32_t methods = patterns[i].methods;
        size_t method_rank = methods == 0 ? 0 : 2;
        if (methods != 0 && (methods & 1u << method) == 0) {
            if (method != GW_METHOD_HEAD || (methods & GET) == 0)
                continue;
            method_rank = 1;
        }
        size_t rank = (host_rank * 10000 + path_rank) * 10 + method_rank + 1;
        if (rank > best) {
            best = rank;
            *ret_index = i;
            is_found = true;
        }
    }
    return is_found ? GW_ROUTER_MATCH : (is_path_known ? GW_ROUTER_METHOD_NOT_ALLOWED : GW_ROUTER_NO_ROUTE);
}

static void leave_out(void *arg, size_t first, size_t second)
{
    ((bool *)arg)[second] = true;
}

static void random_tables_match_as_the_reference_does(void **state)
{
    static const char *const hosts[] = {"", "a.b.c", "b.c", "*.c", "*.b.c", "x.b.c"};
    static const char *const paths[] = {"/", "/a", "/a/", "/a/b", "/a/b/", "/b/", "/a/b/c", "/b/a/"};
    static const char *const asked_paths[] = {"/",      "/a",       "/a/", "/a/b",   "/a/b/",
                                              "/a/b/c", "/a/b/c/d", "/b",  "/b/a/x", "/z"};
    static const char *const asked_hosts[] = {"", "a.b.c", "b.c", "x.b.c", "y.z.b.c", "c", "q.c"};
    static const char *const methods[] = {"GET", "HEAD", "POST", "BREW"};
    srand(3);
    for (int table = 0; table != 2000; ++table) {
        gw_route_pattern_t patterns[20];
        bool is_out[20] = {false};
        size_t num = 1 + (size_t)rand() % 20;
        for (size_t i = 0; i != num; ++i)
            patterns[i] = pattern(hosts[(size_t)rand() % 6], paths[(size_t)rand() % 8],
                                  rand() % 2 == 0 ? 0 : (uint32_t)rand() % 8);
        gw_router_t *router = gw_router_create(patterns, num, leave_out, is_out);
        for (int request = 0; request != 40; ++request) {
            gw_str_t host = gw_str_of(asked_hosts[(size_t)rand() % 7]),
                     path = gw_str_of(asked_paths[(size_t)rand() % 10]);
            gw_str_t method = gw_str_of(methods[(size_t)rand() % 4]);
            size_t index = 99, expected_index = 99;
            uint32_t allowed;
            gw_router_result_t expected =
                reference(patterns, is_out, num, host, path, gw_method_from(method), &expected_index);
            assert_int_equal(gw_router_match(router, host, path, method, &index, &allowed), expected);
            assert_int_equal(index, expected_index);
        }
        gw_router_free(router);
    }
}

static void ten_thousand_routes_are_all_found(void **state)
{
    enum { NUM = 10000 };
    static char paths[NUM][32];
    static gw_route_pattern_t patterns[NUM];
    for (size_t i = 0; i != NUM; ++i) {
        snprintf(paths[i], sizeof(paths[i]), "/api/v1/resource%zu%s", i, i % 2 == 0 ? "/" : "");
        patterns[i] = pattern(i % 3 == 0 ? "a.example" : "", paths[i], 0);
    }
    gw_router_t *router = gw_router_create(patterns, NUM, no_tie, NULL);
    for (size_t i = 0; i != NUM; ++i) {
        size_t index;
        uint32_t allowed;
        assert_int_equal(
            gw_router_match(router, GW_STR("a.example"), gw_str_of(paths[i]), GW_STR("PUT"), &index, &allowed),
            GW_ROUTER_MATCH);
        assert_int_equal(index, i);
    }
    gw_router_free(router);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_specific_route_wins),
        cmocka_unit_test(what_does_not_match_is_404_or_405_with_the_methods),
        cmocka_unit_test(ties_are_reported_with_both_places),
        cmocka_unit_test(hosts_are_compared_without_case_port_and_final_dot),
        cmocka_unit_test(random_tables_match_as_the_reference_does),
        cmocka_unit_test(ten_thousand_routes_are_all_found),
    };
    return cmocka_run_group_tests_name("router", tests, NULL, NULL);
}
