/* SPDX-License-Identifier: MIT
 * Vary: its names (RFC 9110 12.5.5), which requests are the same under them and which are not (RFC 9111 4.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "filters/cache/vary.h"

#define NUM(array) (sizeof(array) / sizeof((array)[0]))

static const uint64_t secrets[2][2] = {{1, 2}, {3, 4}};

static void names_are_joined_in_one_form(void **state)
{
    static const struct {
        const char *about, *values[3];
        gw_vary_result_t result;
        const char *names;
    } cases[] = {
        {"12.5.5 one", {"Foo"}, GW_VARY_NAMES, "foo"},
        {"12.5.5 several, in their order", {"Foo, bar, Accept-Encoding"}, GW_VARY_NAMES, "accept-encoding,bar,foo"},
        {"each once", {"foo, bar, FOO", "Bar"}, GW_VARY_NAMES, "bar,foo"},
        {"5.3 several lines", {"Foo", "Bar"}, GW_VARY_NAMES, "bar,foo"},
        {"5.6.1.2 empty members", {",, Foo ,"}, GW_VARY_NAMES, "foo"},
        {"names that begin alike", {"a-b, a, ab"}, GW_VARY_NAMES, "a,a-b,ab"},
        {"none", {NULL}, GW_VARY_NONE, ""},
        {"an empty one", {""}, GW_VARY_NONE, ""},
        {"only empty members", {" , ,"}, GW_VARY_NONE, ""},
        {"9111 4.1 any", {"*"}, GW_VARY_ANY, ""},
        {"9111 4.1 any twice", {"*, *"}, GW_VARY_ANY, ""},
        {"9111 4.1 any in both lines", {"*", "*"}, GW_VARY_ANY, ""},
        {"9111 4.1 any behind an empty member", {", *"}, GW_VARY_ANY, ""},
        {"9111 4.1 any behind an empty line", {"", "*"}, GW_VARY_ANY, ""},
        {"9111 4.1 any before a name", {"*, Foo"}, GW_VARY_ANY, ""},
        {"9111 4.1 any behind a name", {"Foo, *"}, GW_VARY_ANY, ""},
        {"a star within a name is a sign like others", {"foo*"}, GW_VARY_NAMES, "foo*"},
        {"what is no name: it fits no request", {"foo bar"}, GW_VARY_ANY, ""},
        {"quoted", {"\"foo\""}, GW_VARY_ANY, ""},
        {"in parentheses", {"Foo, (bar)"}, GW_VARY_ANY, ""},
    };
    for (size_t i = 0; i != NUM(cases); ++i) {
        char names[GW_VARY_MAX];
        gw_str_t values[3];
        size_t num = 0, len = 4711;
        for (; num != NUM(values) && cases[i].values[num] != NULL; ++num)
            values[num] = gw_str_of(cases[i].values[num]);
        print_message("%s\n", cases[i].about);
        assert_int_equal(gw_vary_names(values, num, names, &len), cases[i].result);
        assert_int_equal(len, strlen(cases[i].names));
        assert_memory_equal(names, cases[i].names, len);
    }
}

static void names_are_bounded(void **state)
{
    char text[4096], names[GW_VARY_MAX];
    size_t len;
    gw_str_t values[2] = {{text, GW_VARY_MAX}, GW_STR("*")};
    memset(text, 'n', sizeof(text));
    assert_int_equal(gw_vary_names(values, 1, names, &len), GW_VARY_NAMES);
    assert_int_equal(len, GW_VARY_MAX);
    values[0].len = GW_VARY_MAX + 1;
    assert_int_equal(gw_vary_names(values, 1, names, &len), GW_VARY_TOO_LONG);
    assert_int_equal(len, 0);
    assert_int_equal(gw_vary_names(values, 2, names, &len), GW_VARY_ANY);
    char *at = text;
    for (unsigned i = 0; i != 26 * 15; ++i) /* short ones: of one letter and of two */
        at += sprintf(at, i < 26 ? "%c," : "%c%c,", 'z' - (int)(i % 26), 'a' + (int)(i / 26));
    values[0] = gw_str(text, (size_t)(at - text));
    assert_int_equal(gw_vary_names(values, 1, names, &len), GW_VARY_TOO_LONG);
    values[0].len = 1020; /* 26 * 2 + 322 * 3 + 2: 349 names */
    assert_int_equal(gw_vary_names(values, 1, names, &len), GW_VARY_NAMES);
    assert_int_equal(len, 1020);
    assert_memory_equal(names, "a,ab,ac,", 8);
}

/** Fields of a request as "name: value\n"...; of names and values at most 16. */
static size_t as_fields(const char *text, gw_http_field_t *fields)
{
    size_t num = 0;
    while (*text != '\0') {
        size_t name = strcspn(text, ":"), line = strcspn(text, "\n");
        fields[num].name = gw_str(text, name);
        fields[num++].value = gw_str(text + name + 1, line - name - 1);
        text += line + (text[line] == '\n');
    }
    return num;
}

static gw_cache_key_t hash_of(const char *names, const char *request)
{
    gw_http_field_t fields[16];
    size_t num = as_fields(request, fields);
    return gw_vary_hash(gw_str_of(names), fields, num, secrets[0]);
}

static bool is_same_key(gw_cache_key_t a, gw_cache_key_t b)
{
    if ((a.url == b.url) != (a.whole == b.whole))
        fail_msg("half a key is the same");
    return a.url == b.url;
}

static void requests_are_the_same_or_not_as_their_fields_say(void **state)
{
    static const char foo[] = "foo", language[] = "accept-language", encoding[] = "accept-encoding";
    static const struct {
        const char *about, *names, *first, *second;
        bool is_same;
    } cases[] = {
        {"4.1 the same", foo, "foo: 1", "foo: 1", true},
        {"4.1 another value", foo, "foo: 1", "foo: 2", false},
        {"4.1 absent in one", foo, "foo: 1", "", false},
        {"4.1 absent in one, empty in the other", foo, "foo:", "", false},
        {"4.1 absent in both", foo, "", "bar: 1", true},
        {"4.1 other fields do not count", foo, "foo: 1\nother: 2", "foo: 1\nother: 3", true},
        {"4.1 two names, the same", "bar,foo", "foo: 1\nbar: abc", "bar: abc\nfoo: 1", true},
        {"4.1 two names, another value of one", "bar,foo", "foo: 1\nbar: abc", "foo: 2\nbar: abc", false},
        {"4.1 two names, none there", "bar,foo", "foo: 1\nbar: abc", "", false},
        {"4.1 three names", "bar,baz,foo", "foo: 1\nbar: abc\nbaz: 789", "foo: 1\nbaz: 789\nbar: abc", true},
        {"4.1 three names, another value in another place", "bar,baz,foo", "foo: 1\nbar: abc\nbaz: 789",
         "foo: 1\nbaz: 789\nbar: abcde", false},
        {"4.1 three names, the same one absent", "bar,baz,foo", "foo: 1\nbaz: 789", "baz: 789\nfoo: 1", true},
        {"4.1 values that change places", "bar,foo", "foo: 1\nbar: 2", "foo: 2\nbar: 1", false},
        {"4.1 one absent, then the other", "bar,foo", "foo: 1", "bar: 1", false},
        {"a value that looks like an absent one", "bar,foo", "bar: a\nfoo: b", "bar: ab", false},
        {"4.1 lines combined (RFC 9110 5.3)", foo, "foo: 1, 2", "foo: 1\nfoo: 2", true},
        {"4.1 lines in another order are another value", foo, "foo: 1\nfoo: 2", "foo: 2\nfoo: 1", false},
        {"4.1 blanks around commas", foo, "foo:1,2", "foo:  1 ,\t2 ", true},
        {"blanks elsewhere count", foo, "foo: 1 2", "foo: 12", false},
        {"as many as there are", foo, "foo: 1 2", "foo: 1  2", false},
        {"blanks within quotes count", foo, "foo: \"1, 2\"", "foo: \"1,2\"", false},
        {"an escaped quote ends nothing", foo, "foo: \"\\\", 2\"", "foo: \"\\\",2\"", false},
        {"behind quotes they do not", foo, "foo: \"1\" , 2", "foo: \"1\",2", true},
        {"case counts in what is not known", foo, "foo: a", "foo: A", false},
        {"order counts in what is not known", foo, "foo: a, b", "foo: b, a", false},
        {"empty members count in what is not known", foo, "foo: a,,b", "foo: a,b", false},

        {"12.5.4 the order of languages", language, "accept-language: en, de", "accept-language: de, en", true},
        {"12.5.4 their case", language, "accept-language: en, de", "accept-language: eN, De", true},
        {"5.6.1 blanks", language, "accept-language: en, de", "accept-language:  en ,   de", true},
        {"5.3 lines of languages", language, "accept-language: en, de", "accept-language: de\naccept-language: en",
         true},
        {"5.6.1.2 empty members of a list", language, "accept-language: en, de", "accept-language: ,en,,de,", true},
        {"12.4.2 a weight of 1 is none", language, "accept-language: en;q=1, de", "accept-language: en,de;q=1.000",
         true},
        {"12.4.2 zeros at the end", language, "accept-language: en;q=0.5", "accept-language: en;Q=0.500", true},
        {"blanks around a semicolon", language, "accept-language: en;q=0.5", "accept-language: en ; q=0.5", true},
        {"12.4.2 another weight", language, "accept-language: en;q=0.5", "accept-language: en;q=0.6", false},
        {"12.4.2 a weight that is lower by little", language, "accept-language: en;q=0.001",
         "accept-language: en;q=0.01", false},
        {"12.4.2 not wanted is not the same as absent", language, "accept-language: en, de;q=0", "accept-language: en",
         false},
        {"12.4.2 weights that change places", language, "accept-language: en, de;q=0.5",
         "accept-language: en;q=0.5, de", false},
        {"weights decide, not places", language, "accept-language: de;q=0.5, en;q=0.9",
         "accept-language: en;q=0.9, de;q=0.5", true},
        {"the order of one that begins like another", language, "accept-language: en-gb-oxendict, en-gb-ox",
         "accept-language: en-gb-ox, en-gb-oxendict", true},
        {"said twice", language, "accept-language: en, de, EN", "accept-language: de, en", true},
        {"another language", language, "accept-language: en, de", "accept-language: en, fr", false},
        {"a longer tag is another one", language, "accept-language: en", "accept-language: en-GB", false},
        {"any language", language, "accept-language: *", "accept-language: en", false},
        {"no language is not the absence of the field", language, "accept-language:", "", false},
        {"a weight beyond 1 is none: as it stands", language, "accept-language: en;q=1.5, de",
         "accept-language: de, en;q=1.5", false},
        {"a weight that cannot be read is none", language, "accept-language: en;q=x", "accept-language: en", false},
        {"of too many digits", language, "accept-language: en;q=0.1234", "accept-language: en;q=0.123", false},
        {"something else behind a semicolon", language, "accept-language: en;x=1", "accept-language: en", false},

        {"12.5.3 the order of codings", encoding, "accept-encoding: gzip, br", "accept-encoding: br,gzip", true},
        {"8.4.1 their case", encoding, "accept-encoding: gzip", "accept-encoding: GZip", true},
        {"8.4.1.3 the old name of gzip", encoding, "accept-encoding: gzip, br", "accept-encoding: X-Gzip, br", true},
        {"8.4.1.1 the old name of compress", encoding, "accept-encoding: compress", "accept-encoding: x-compress",
         true},
        {"no other old names", encoding, "accept-encoding: br", "accept-encoding: x-br", false},
        {"nor for languages", language, "accept-language: gzip", "accept-language: x-gzip", false},
        {"12.5.3 a coding more", encoding, "accept-encoding: gzip", "accept-encoding: gzip, br", false},
        {"12.5.3 identity refused", encoding, "accept-encoding: gzip, identity;q=0", "accept-encoding: gzip", false},
        {"12.5.3 an empty field is not an absent one", encoding, "accept-encoding:", "", false},
        {"12.5.2 charsets", "accept-charset", "accept-charset: utf-8, latin1;q=0.5",
         "accept-charset: Latin1;q=0.50,UTF-8", true},
        {"12.5.1 the order of media types stays", "accept", "accept: a/b, c/d", "accept: c/d, a/b", false},
        {"12.5.1 but for blanks", "accept", "accept: a/b, c/d", "accept: a/b,c/d", true},

        {"blanks in cookies count", "cookie", "cookie: a=1, 2", "cookie: a=1,2", false},
        {"9113 8.2.3 cookies cut into lines", "cookie", "cookie: a=1; b=2", "cookie: a=1\ncookie: b=2", true},
        {"blanks in credentials count", "authorization", "authorization: D a=\"1\", b=2",
         "authorization: D a=\"1\",b=2", false},
        {"blanks in a browser's name count", "user-agent", "user-agent: X (a, b)", "user-agent: X (a,b)", false},
    };
    for (size_t i = 0; i != NUM(cases); ++i) {
        gw_cache_key_t first = hash_of(cases[i].names, cases[i].first),
                       second = hash_of(cases[i].names, cases[i].second);
        print_message("%s\n", cases[i].about);
        assert_int_equal(is_same_key(first, second), cases[i].is_same);
        assert_true(first.url != 0 || first.whole != 0);
    }
}

static void nothing_varies_without_names(void **state)
{
    gw_cache_key_t key = hash_of("", "foo: 1");
    assert_true(key.url == 0 && key.whole == 0);
}

static void the_names_belong_to_what_is_hashed(void **state)
{
    assert_false(is_same_key(hash_of("a", ""), hash_of("b", "")));
    assert_false(is_same_key(hash_of("a", "a: 1"), hash_of("b", "b: 1")));
}

static void another_secret_gives_another_hash(void **state)
{
    gw_http_field_t field = {GW_STR("foo"), GW_STR("1")};
    gw_cache_key_t key = gw_vary_hash(GW_STR("foo"), &field, 1, secrets[0]),
                   other = gw_vary_hash(GW_STR("foo"), &field, 1, secrets[1]);
    assert_true(key.url != other.url && key.whole != other.whole && key.url != key.whole && key.url != other.whole);
}

static void long_values_are_hashed_to_their_last_byte(void **state)
{
    static const char *const names[] = {"foo", "cookie", "accept-language"};
    char value[2048];
    for (size_t n = 0; n != NUM(names); ++n)
        for (size_t len = 500; len != 540; ++len)
            for (size_t times = 1; times != 4; ++times) {
                memset(value, 'v', sizeof(value));
                gw_http_field_t field = {gw_str_of(names[n]), gw_str(value, len * times)};
                gw_cache_key_t key = gw_vary_hash(field.name, &field, 1, secrets[0]);
                field.value.len += 1;
                assert_false(is_same_key(key, gw_vary_hash(field.name, &field, 1, secrets[0])));
                field.value.len -= 1;
                value[len * times - 1] = 'w';
                assert_false(is_same_key(key, gw_vary_hash(field.name, &field, 1, secrets[0])));
                value[len * times - 1] = 'v';
                value[0] = 'w';
                assert_false(is_same_key(key, gw_vary_hash(field.name, &field, 1, secrets[0])));
            }
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

#define MAX_LANGUAGES 6

/** What a list of languages means: how much each of them is wanted; -1: it is not named. */
typedef struct wishes {
    int weights[MAX_LANGUAGES];
} wishes_t;

static void write_list(char *to, const wishes_t *wishes)
{
    static const char *const languages[MAX_LANGUAGES] = {"en", "en-gb", "de", "*", "zh-hant", "e"};
    static const char *const weights[][3] = {{"q=0", "q=0.0", "q=0.000"},
                                             {"q=0.1", "q=0.10", "q=0.100"},
                                             {"q=0.01", "Q=0.010", "q=0.01"},
                                             {"", "q=1", "Q=1.0"}};
    unsigned order[MAX_LANGUAGES];
    bool is_first = true;
    for (unsigned i = 0; i != MAX_LANGUAGES; ++i) {
        unsigned at = below(i + 1);
        order[i] = order[at];
        order[at] = i;
    }
    *to = '\0';
    for (unsigned i = 0; i != MAX_LANGUAGES; ++i) {
        int weight = wishes->weights[order[i]];
        if (weight < 0)
            continue;
        if (!is_first)
            strcat(to, below(4) != 0 ? ", " : below(2) != 0 ? " ,, " : "\n");
        if (strlen(to) != 0 && to[strlen(to) - 1] == '\n')
            strcat(to, "accept-language:");
        is_first = false;
        for (const char *s = languages[order[i]]; *s != '\0'; ++s)
            sprintf(to + strlen(to), "%c", below(3) == 0 && *s >= 'a' ? *s & ~0x20 : *s);
        const char *text = weights[weight][below(3)];
        if (*text != '\0')
            sprintf(to + strlen(to), below(2) != 0 ? ";%s" : " ; %s", text);
    }
}

static void lists_of_languages_are_the_same_when_they_mean_the_same(void **state)
{
    unsigned num_same = 0;
    for (int turn = 0; turn != 20000; ++turn) {
        wishes_t a, b;
        char first[1024] = "accept-language:", second[1024] = "accept-language:";
        for (unsigned i = 0; i != MAX_LANGUAGES; ++i) {
            a.weights[i] = (int)below(5) - 1;
            b.weights[i] = turn % 2 != 0 ? a.weights[i] : (int)below(5) - 1;
        }
        if (turn % 4 == 3)
            b.weights[below(MAX_LANGUAGES)] = (int)below(5) - 1;
        write_list(first + strlen(first), &a);
        write_list(second + strlen(second), &b);
        bool is_same = memcmp(&a, &b, sizeof(a)) == 0;
        num_same += is_same;
        if (is_same_key(hash_of("accept-language", first), hash_of("accept-language", second)) != is_same)
            fail_msg("'%s' and '%s'", first, second);
    }
    assert_true(num_same > 5000 && num_same < 15000);
}

/** What remains of an unknown list when only blanks around commas and line ends mean nothing, written the long way. */
static void reduce(const char *value, char *to)
{
    bool is_quoted = false;
    for (const char *s = value; *s != '\0'; ++s) {
        if (*s == '\n') { /* "\nfoo:" begins the next line */
            while (to[-1] == ' ' && !is_quoted)
                --to;
            *to++ = ',';
            s += 4;
            is_quoted = false;
            while (s[1] == ' ')
                ++s;
            continue;
        }
        if (!is_quoted && *s == ' ') {
            const char *next = s + strspn(s, " ");
            if (*next == ',' || *next == '\0' || *next == '\n' || to[-1] == ',' || to[-1] == '>')
                continue;
        }
        if (*s == '"')
            is_quoted = !is_quoted;
        *to++ = *s;
    }
    while (to[-1] == ' ')
        --to;
    *to = '\0';
}

static void other_lists_are_the_same_but_for_blanks_around_commas(void **state)
{
    unsigned num_same = 0, num_other = 0;
    for (int turn = 0; turn != 200000; ++turn) {
        char texts[2][64] = {"foo:", "foo:"}, reduced[2][64] = {">", ">"};
        for (int i = 0; i != 2; ++i) {
            bool is_quoted = false; /* values whose quotes are closed: what is quoted must not run over a line's end */
            for (unsigned k = 1 + below(7); k != 0; --k) {
                static const char *const pieces[] = {"a", ",", " ", "\"", "\nfoo:", ", "};
                unsigned piece = below(is_quoted ? 4 : 6);
                is_quoted ^= piece == 3;
                strcat(texts[i], pieces[piece]);
            }
            strcat(texts[i], is_quoted ? "\"" : "");
            reduce(texts[i] + 4, reduced[i] + 1);
        }
        bool is_same = strcmp(reduced[0], reduced[1]) == 0;
        if (is_same_key(hash_of("foo", texts[0]), hash_of("foo", texts[1])) != is_same)
            fail_msg("'%s' and '%s': '%s' and '%s'", texts[0], texts[1], reduced[0], reduced[1]);
        *(is_same ? &num_same : &num_other) += 1;
    }
    assert_true(num_same > 500 && num_other > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_joined_in_one_form),
        cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(requests_are_the_same_or_not_as_their_fields_say),
        cmocka_unit_test(nothing_varies_without_names),
        cmocka_unit_test(the_names_belong_to_what_is_hashed),
        cmocka_unit_test(another_secret_gives_another_hash),
        cmocka_unit_test(long_values_are_hashed_to_their_last_byte),
        cmocka_unit_test(lists_of_languages_are_the_same_when_they_mean_the_same),
        cmocka_unit_test(other_lists_are_the_same_but_for_blanks_around_commas),
    };
    return cmocka_run_group_tests_name("test_cache_vary", tests, NULL, NULL);
}
