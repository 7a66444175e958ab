/* SPDX-License-Identifier: MIT
 * Canonical URLs: spellings of one resource come to one text and other resources to other texts (RFC 3986 6.2.2), and
 * references of responses are resolved as RFC 3986 5 says, within their origin (RFC 9111 4.4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "filters/cache/url.h"

#define NUM(array) (sizeof(array) / sizeof((array)[0]))

static const gw_str_t names[] = {GW_STR("a"), GW_STR("utm_*"), GW_STR("f[x]")};
static const gw_cache_query_rules_t
    as_it_is = {.mode = GW_QUERY_ALL},
    sorted = {.mode = GW_QUERY_ALL, .is_sorted = true}, none = {.mode = GW_QUERY_NONE},
    only = {.mode = GW_QUERY_ONLY, .names = names, .num_names = NUM(names)},
    without = {.mode = GW_QUERY_WITHOUT, .names = names, .num_names = NUM(names)},
    only_sorted = {.mode = GW_QUERY_ONLY, .names = names, .num_names = NUM(names), .is_sorted = true},
    without_sorted = {.mode = GW_QUERY_WITHOUT, .names = names, .num_names = NUM(names), .is_sorted = true};

/** @return a copy with a NUL, for free(); the bytes have none, which strndup under a sanitizer minds */
static char *text_of(const char *bytes, size_t len)
{
    char *text = calloc(1, len + 1);
    memcpy(text, bytes, len);
    return text;
}

/** @return the canonical form of the query, for free(); what it is printed behind is checked */
static char *canonical(const char *query, const gw_cache_query_rules_t *rules)
{
    static const char front[] = "https://h:8443/p";
    gw_str_t scheme = GW_STR("https"), host = GW_STR("h:8443"), path = GW_STR("/p"), q = gw_str_of(query);
    size_t max = gw_cache_url_max(scheme, host, path, q);
    char *to = malloc(max), *text; /* so that sanitizers see writes beyond it */
    size_t len = gw_cache_url_print(to, scheme, host, path, q, rules);
    assert_true(len <= max && len >= strlen(front));
    assert_memory_equal(to, front, strlen(front));
    text = text_of(to + strlen(front), len - strlen(front));
    free(to);
    return text;
}

static void a_query_is_made_canonical(void **state)
{
    static const struct {
        const char *about, *query;
        const gw_cache_query_rules_t *rules;
        const char *expected;
    } cases[] = {
        {"none", "", &as_it_is, ""},
        {"none, sorted", "", &sorted, ""},
        {"an empty one is not none (RFC 3986 6.2.3)", "?", &as_it_is, "?"},
        {"an empty one, sorted", "?", &sorted, "?"},
        {"plain", "?b=2&a=1", &as_it_is, "?b=2&a=1"},
        {"RFC 3986 6.2.2.1 hexadecimal digits in upper case", "?a=%2f%3D", &as_it_is, "?a=%2F%3D"},
        {"RFC 3986 6.2.2.2 unreserved characters decoded", "?%61%2D%2e%5f%7E%39=%41", &as_it_is, "?a-._~9=A"},
        {"RFC 3986 2.2 reserved ones are not", "?a=%26%3d%5B%2B", &as_it_is, "?a=%26%3D%5B%2B"},
        {"case of the rest stays", "?A=b&a=B", &as_it_is, "?A=b&a=B"},
        {"a plus stays a plus", "?a=1+2", &as_it_is, "?a=1+2"},
        {"bytes above ASCII stay", "?a=\xc3\xbc", &as_it_is, "?a=\xc3\xbc"},
        {"question marks within", "?a=?&?", &as_it_is, "?a=?&?"},
        {"an escape without digits: as it is", "?a=%&b=%61", &as_it_is, "?a=%&b=%61"},
        {"an escape that would arise: as it is", "?a=%%341", &as_it_is, "?a=%%341"},
        {"an escape that is cut off", "?a=%4", &as_it_is, "?a=%4"},
        {"sorted by name", "?c=3&a=1&b=2", &sorted, "?a=1&b=2&c=3"},
        {"those of one name stay in order", "?b=2&a=9&b=1&a=8", &sorted, "?a=9&a=8&b=2&b=1"},
        {"a name with and without a value", "?b&a=&a&b=", &sorted, "?a=&a&b&b="},
        {"a name is compared as it will be written", "?%62=1&a=2", &sorted, "?a=2&b=1"},
        {"an escaped character is another one", "?a%26=1&a=2", &sorted, "?a=2&a%26=1"},
        {"a reserved character escaped and plain", "?a%5b=1&a[=2", &sorted, "?a[=2&a%5B=1"},
        {"shorter names first", "?aa=1&a=2", &sorted, "?a=2&aa=1"},
        {"empty parameters stay", "?b&&a", &sorted, "?&a&b"},
        {"only one parameter's escape is bad", "?b=%&%61=%41", &sorted, "?a=A&b=%"},
        {"only those named", "?b=2&a=1&c=3", &only, "?a=1"},
        {"only those that begin so", "?b=2&utm_x=1&utm=3", &only, "?utm_x=1"},
        {"the name in other words", "?%61=1&b=2", &only, "?a=1"},
        {"a name with escapes that must stay", "?f%5Bx%5D=1&f[x]=2&f=3", &only, "?f%5Bx%5D=1&f[x]=2"},
        {"none of those named", "?b=2", &only, ""},
        {"only of an empty query", "?", &only, ""},
        {"without those named", "?b=2&a=1&c=3", &without, "?b=2&c=3"},
        {"without those that begin so", "?utm_source=x&b=2&utm_=3", &without, "?b=2"},
        {"without a name in other words", "?utm%5fid=1&b=2&%75tm_y", &without, "?b=2"},
        {"nothing left", "?a=1&a=2&utm_x", &without, ""},
        {"an empty parameter is left", "?a=1&", &without, "?"},
        {"values are no names", "?b=a&c=utm_x", &without, "?b=a&c=utm_x"},
        {"only those named, sorted", "?utm_b=1&c=3&a=2&utm_a=4", &only_sorted, "?a=2&utm_a=4&utm_b=1"},
        {"without those named, sorted", "?d=1&utm_b=1&c=3&a=2&b=4", &without_sorted, "?b=4&c=3&d=1"},
        {"no query at all", "?b=2&a=1", &none, ""},
    };
    for (size_t i = 0; i != NUM(cases); ++i) {
        char *text = canonical(cases[i].query, cases[i].rules);
        print_message("%s\n", cases[i].about);
        assert_string_equal(text, cases[i].expected);
        free(text);
    }
}

static void a_url_has_all_its_parts(void **state)
{
    char to[64];
    size_t len =
        gw_cache_url_print(to, GW_STR("http"), GW_STR("[2001:db8::1]:8080"), GW_STR("/a%2Fb"), GW_STR("?x"), &as_it_is);
    assert_memory_equal(to, "http://[2001:db8::1]:8080/a%2Fb?x", 33);
    assert_int_equal(len, 33);
    len = gw_cache_url_print(to, GW_STR("https"), gw_str(NULL, 0), GW_STR("/"), gw_str(NULL, 0), &sorted);
    assert_memory_equal(to, "https:///", 9);
    assert_int_equal(len, 9);
}

/* properties ------------------------------------------------------------------------------------------------------- */

static uint64_t random_state = 88172645463325252u;

static unsigned below(unsigned bound)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state % bound);
}

#define MAX_PARAMETERS 12

typedef struct parameters {
    unsigned name[MAX_PARAMETERS], value[MAX_PARAMETERS]; /* values tell those of one name apart */
    size_t num;
} parameters_t;

static parameters_t random_parameters(void)
{
    parameters_t parameters = {.num = 1 + below(MAX_PARAMETERS)};
    for (size_t i = 0; i != parameters.num; ++i) {
        parameters.name[i] = below(5);
        parameters.value[i] = below(3);
    }
    return parameters;
}

/** Another order that says the same: neighbours of unlike names change places. */
static parameters_t reordered(parameters_t parameters)
{
    for (unsigned turn = 0; turn != 60 && parameters.num > 1; ++turn) {
        size_t i = below((unsigned)parameters.num - 1);
        if (parameters.name[i] == parameters.name[i + 1])
            continue;
        unsigned name = parameters.name[i], value = parameters.value[i];
        parameters.name[i] = parameters.name[i + 1];
        parameters.value[i] = parameters.value[i + 1];
        parameters.name[i + 1] = name;
        parameters.value[i + 1] = value;
    }
    return parameters;
}

/** Writes each unreserved character plainly or as one of its escapes. */
static void write_spelt(char *to, const parameters_t *parameters)
{
    static const char *const spelt_names[] = {"alpha", "beta~", "b.c", "d_%26", "e-%5B0%5D"};
    static const char *const spelt_values[] = {"x", "y=1", "%25z"};
    char plain[512] = "", *at = to;
    for (size_t i = 0; i != parameters->num; ++i)
        sprintf(plain + strlen(plain), "%c%s=%s", i == 0 ? '?' : '&', spelt_names[parameters->name[i]],
                spelt_values[parameters->value[i]]);
    for (const char *s = plain; *s != '\0'; ++s) {
        bool is_letter = (*s >= 'a' && *s <= 'z') || strchr("-._~", *s) != NULL;
        if (*s == '%') {
            at += sprintf(at, below(2) != 0 ? "%%%c%c" : "%%%c%c", s[1], below(2) != 0 ? s[2] : s[2] | 0x20);
            s += 2;
        } else if (is_letter && below(3) == 0) {
            at += sprintf(at, below(2) != 0 ? "%%%02x" : "%%%02X", (unsigned char)*s);
        } else {
            *at++ = *s;
        }
    }
    *at = '\0';
}

static bool says_the_same(const parameters_t *a, const parameters_t *b)
{
    if (a->num != b->num)
        return false;
    for (unsigned name = 0; name != 5; ++name)
        for (size_t i = 0, k = 0;; ++i, ++k) {
            while (i != a->num && a->name[i] != name)
                ++i;
            while (k != b->num && b->name[k] != name)
                ++k;
            if (i == a->num && k == b->num)
                break;
            if (i == a->num || k == b->num || a->value[i] != b->value[k])
                return false;
        }
    return true;
}

static void the_same_resource_has_the_same_text_and_another_one_another(void **state)
{
    char first[2048], second[2048];
    unsigned num_same = 0, num_other = 0;
    for (int turn = 0; turn != 20000; ++turn) {
        parameters_t a = random_parameters(), b = turn % 2 != 0 ? reordered(a) : random_parameters();
        if (turn % 4 == 3) /* another one by very little */
            b.value[below((unsigned)b.num)] = below(3);
        write_spelt(first, &a);
        write_spelt(second, &b);
        char *s = canonical(first, &sorted), *t = canonical(second, &sorted), *again = canonical(s, &sorted);
        bool is_same = says_the_same(&a, &b);
        if ((strcmp(s, t) == 0) != is_same)
            fail_msg("'%s' and '%s' come to '%s' and '%s'", first, second, s, t);
        assert_string_equal(s, again);
        *(is_same ? &num_same : &num_other) += 1;
        free(s);
        free(t);
        free(again);
    }
    assert_true(num_same > 5000 && num_other > 5000);
}

static void many_parameters_are_sorted_up_to_a_bound(void **state)
{
    for (size_t num = GW_QUERY_MAX_SORTED - 1; num <= GW_QUERY_MAX_SORTED + 1; ++num) {
        char query[GW_QUERY_MAX_SORTED * 8 + 64] = "", expected[sizeof(query)] = "";
        for (size_t i = 0; i != num; ++i) {
            sprintf(query + strlen(query), "%c%03u", i == 0 ? '?' : '&', (unsigned)(num - i));
            sprintf(expected + strlen(expected), "%c%03u", i == 0 ? '?' : '&', (unsigned)(i + 1));
        }
        char *text = canonical(query, &sorted);
        assert_string_equal(text, num <= GW_QUERY_MAX_SORTED ? expected : query);
        free(text);
        char *longer = malloc(sizeof(query) + 8);
        sprintf(longer, "%s&utm_x", query); /* what does not count is not counted */
        text = canonical(longer, &without_sorted);
        assert_string_equal(text, num <= GW_QUERY_MAX_SORTED ? expected : query);
        free(text);
        free(longer);
    }
}

/* resolving -------------------------------------------------------------------------------------------------------- */

static char *resolved(const char *base, const char *reference, const gw_cache_query_rules_t *rules)
{
    size_t room = strlen(base) + strlen(reference) + 16;
    char *to = malloc(room);
    size_t len = gw_cache_url_resolve(to, gw_str_of(base), gw_str_of(reference), rules);
    assert_true(len <= room);
    char *text = text_of(to, len);
    free(to);
    return text;
}

static void references_are_resolved_within_their_origin(void **state)
{
    static const char base[] = "http://a/b/c/d;p?q";
    static const struct {
        const char *about, *base, *reference, *expected; /* "": of another origin, or nothing that could be stored */
    } cases[] = {
        {"5.4.1 another scheme", base, "g:h", ""},
        {"5.4.1", base, "g", "http://a/b/c/g"},
        {"5.4.1", base, "./g", "http://a/b/c/g"},
        {"5.4.1", base, "g/", "http://a/b/c/g/"},
        {"5.4.1", base, "/g", "http://a/g"},
        {"5.4.1 another host", base, "//g", ""},
        {"5.4.1", base, "?y", "http://a/b/c/d;p?y"},
        {"5.4.1", base, "g?y", "http://a/b/c/g?y"},
        {"5.4.1 the fragment goes", base, "#s", "http://a/b/c/d;p?q"},
        {"5.4.1 the fragment goes", base, "g#s", "http://a/b/c/g"},
        {"5.4.1 the fragment goes", base, "g?y#s", "http://a/b/c/g?y"},
        {"5.4.1", base, ";x", "http://a/b/c/;x"},
        {"5.4.1", base, "g;x", "http://a/b/c/g;x"},
        {"5.4.1 the fragment goes", base, "g;x?y#s", "http://a/b/c/g;x?y"},
        {"5.4.1", base, "", "http://a/b/c/d;p?q"},
        {"5.4.1", base, ".", "http://a/b/c/"},
        {"5.4.1", base, "./", "http://a/b/c/"},
        {"5.4.1", base, "..", "http://a/b/"},
        {"5.4.1", base, "../", "http://a/b/"},
        {"5.4.1", base, "../g", "http://a/b/g"},
        {"5.4.1", base, "../..", "http://a/"},
        {"5.4.1", base, "../../", "http://a/"},
        {"5.4.1", base, "../../g", "http://a/g"},
        {"5.4.2 above the root", base, "../../../g", "http://a/g"},
        {"5.4.2 above the root", base, "../../../../g", "http://a/g"},
        {"5.4.2", base, "/./g", "http://a/g"},
        {"5.4.2", base, "/../g", "http://a/g"},
        {"5.4.2", base, "g.", "http://a/b/c/g."},
        {"5.4.2", base, ".g", "http://a/b/c/.g"},
        {"5.4.2", base, "g..", "http://a/b/c/g.."},
        {"5.4.2", base, "..g", "http://a/b/c/..g"},
        {"5.4.2", base, "./../g", "http://a/b/g"},
        {"5.4.2", base, "./g/.", "http://a/b/c/g/"},
        {"5.4.2", base, "g/./h", "http://a/b/c/g/h"},
        {"5.4.2", base, "g/../h", "http://a/b/c/h"},
        {"5.4.2", base, "g;x=1/./y", "http://a/b/c/g;x=1/y"},
        {"5.4.2", base, "g;x=1/../y", "http://a/b/c/y"},
        {"5.4.2", base, "g?y/./x", "http://a/b/c/g?y/./x"},
        {"5.4.2", base, "g?y/../x", "http://a/b/c/g?y/../x"},
        {"5.4.2 the fragment goes", base, "g#s/./x", "http://a/b/c/g"},
        {"5.4.2 the fragment goes", base, "g#s/../x", "http://a/b/c/g"},
        {"5.4.2 strictly: no host", base, "http:g", ""},
        {"9111 4.4 the whole URL", base, "http://a/x?y", "http://a/x?y"},
        {"5.3 no path", base, "http://a", "http://a/"},
        {"5.3 no path but a query", base, "http://a?x", "http://a/?x"},
        {"5.2.2 dots of a whole URL", base, "http://a/x/../y", "http://a/y"},
        {"5.2.2 a host without a scheme", base, "//a/x/./y", "http://a/x/y"},
        {"6.2.2.1 the scheme has no case", base, "HTTP://a/x", "http://a/x"},
        {"6.2.2.1 nor has the host", base, "http://A/x", "http://a/x"},
        {"6.2.3 the scheme's own port", base, "http://a:80/x", "http://a/x"},
        {"6.2.3 an empty port", base, "http://a:/x", "http://a/x"},
        {"6.2.3 the port in other digits", "http://a:8080/", "//a:08080/x", "http://a:8080/x"},
        {"9111 4.4 another port", base, "http://a:81/x", ""},
        {"9111 4.4 a port less", "http://a:81/", "http://a/x", ""},
        {"9111 4.4 another scheme", base, "https://a/x", ""},
        {"9111 4.4 another scheme with the same port", base, "https://a:80/x", ""},
        {"9111 4.4 a host that begins alike", base, "http://ab/x", ""},
        {"9111 4.4 a host above", "http://x.a/", "http://a/x", ""},
        {"443 is the own one of https", "https://a/", "https://a:443/x", "https://a/x"},
        {"an IPv6 address", "http://[2001:db8::1]/", "http://[2001:DB8::1]:80/x", "http://[2001:db8::1]/x"},
        {"a user is nobody's business (RFC 9110 4.2.4)", base, "http://u@a/x", ""},
        {"a user that looks like a host", base, "http://a@b/x", ""},
        {"a backslash is no slash", base, "http://a\\@b/x", ""},
        {"an empty host", base, "http:///x", ""},
        {"two slashes are a host", base, "//x/y", ""},
        {"escapes are made uniform", base, "%67%2a?%79%2a", "http://a/b/c/g%2A?y%2A"},
        {"dots in other words", base, "/x/%2e%2E/y", "http://a/y"},
        {"slashes are made one", base, "/x//y", "http://a/x/y"},
        {"an encoded slash: no request has such a path", base, "x%2Fy", ""},
        {"a backslash", base, "x\\y", ""},
        {"a blank", base, "x y", ""},
        {"a line end", base, "x\r\ny", ""},
        {"a blank in the query", base, "x?a b", ""},
        {"a bad escape", base, "x%zz", ""},
        {"a colon in the path", base, "./x:y", "http://a/b/c/x:y"},
        {"a number is no scheme", base, "1:2", "http://a/b/c/1:2"},
        {"a base without a host", "http:///x", "y", "http:///y"},
        {"a base that is a root", "http://a/", "y", "http://a/y"},
    };
    for (size_t i = 0; i != NUM(cases); ++i) {
        char *text = resolved(cases[i].base, cases[i].reference, &as_it_is);
        print_message("%s: %s\n", cases[i].about, cases[i].reference);
        assert_string_equal(text, cases[i].expected);
        free(text);
    }
}

static void a_resolved_query_is_canonical_too(void **state)
{
    static const struct {
        const char *base, *reference;
        const gw_cache_query_rules_t *rules;
        const char *expected;
    } cases[] = {
        {"http://h/p", "/q?b=1&a=2", &sorted, "http://h/q?a=2&b=1"},
        {"http://h/p", "/q?b=1&a=2", &none, "http://h/q"},
        {"http://h/p", "/q?b=1&a=2&utm_x=1", &without, "http://h/q?b=1"},
        {"http://h/p?a=2&b=1", "", &sorted, "http://h/p?a=2&b=1"},
        {"http://h/p?a=2&b=1", "?", &sorted, "http://h/p?"},
    };
    for (size_t i = 0; i != NUM(cases); ++i) {
        char *text = resolved(cases[i].base, cases[i].reference, cases[i].rules);
        assert_string_equal(text, cases[i].expected);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_is_made_canonical),
        cmocka_unit_test(a_url_has_all_its_parts),
        cmocka_unit_test(the_same_resource_has_the_same_text_and_another_one_another),
        cmocka_unit_test(many_parameters_are_sorted_up_to_a_bound),
        cmocka_unit_test(references_are_resolved_within_their_origin),
        cmocka_unit_test(a_resolved_query_is_canonical_too),
    };
    return cmocka_run_group_tests_name("test_cache_url", tests, NULL, NULL);
}
