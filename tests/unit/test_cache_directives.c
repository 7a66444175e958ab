/* SPDX-License-Identifier: MIT
 * What Cache-Control, Pragma and CDN-Cache-Control say.  Rows have the lines of a field with '|' between them, and what
 * was read as it is shown below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "filters/cache/directives.h"

#define MAX_LINES 8

typedef struct lines {
    gw_str_t lines[MAX_LINES];
    size_t num;
} lines_t;

/** @param text NULL: no line */
static lines_t lines_of(const char *text)
{
    lines_t all = {.num = 0};
    while (text != NULL) {
        const char *end = strchr(text, '|');
        assert_true(all.num != MAX_LINES);
        all.lines[all.num++] = end != NULL ? gw_str(text, (size_t)(end - text)) : gw_str_of(text);
        text = end != NULL ? end + 1 : NULL;
    }
    return all;
}

typedef struct shown {
    char text[512];
    size_t len;
} shown_t;

static void show_word(shown_t *shown, bool is_there, const char *word)
{
    if (is_there)
        shown->len += (size_t)snprintf(shown->text + shown->len, sizeof(shown->text) - shown->len, "%s%s",
                                       shown->len != 0 ? " " : "", word);
}

static void show_seconds(shown_t *shown, uint64_t seconds, const char *word)
{
    char text[64];
    snprintf(text, sizeof(text), "%s=%llu", word, (unsigned long long)seconds);
    show_word(shown, seconds != GW_CACHE_NOT_SAID, text);
}

static shown_t show_request(const gw_cache_request_directives_t *directives)
{
    shown_t shown = {.text = ""};
    show_word(&shown, directives->no_cache, "no-cache");
    show_word(&shown, directives->no_store, "no-store");
    show_word(&shown, directives->no_transform, "no-transform");
    show_word(&shown, directives->only_if_cached, "only-if-cached");
    show_word(&shown, directives->has_pragma_no_cache, "pragma");
    show_seconds(&shown, directives->max_age, "max-age");
    show_seconds(&shown, directives->max_stale, "max-stale");
    show_seconds(&shown, directives->min_fresh, "min-fresh");
    show_seconds(&shown, directives->stale_if_error, "stale-if-error");
    return shown;
}

static shown_t show_response(const gw_cache_response_directives_t *directives)
{
    shown_t shown = {.text = ""};
    show_word(&shown, directives->no_cache, "no-cache");
    show_word(&shown, directives->is_private, "private");
    show_word(&shown, directives->is_public, "public");
    show_word(&shown, directives->no_store, "no-store");
    show_word(&shown, directives->no_transform, "no-transform");
    show_word(&shown, directives->must_revalidate, "must-revalidate");
    show_word(&shown, directives->proxy_revalidate, "proxy-revalidate");
    show_word(&shown, directives->must_understand, "must-understand");
    show_word(&shown, directives->immutable, "immutable");
    show_seconds(&shown, directives->max_age, "max-age");
    show_seconds(&shown, directives->s_maxage, "s-maxage");
    show_seconds(&shown, directives->stale_while_revalidate, "while");
    show_seconds(&shown, directives->stale_if_error, "error");
    for (size_t i = 0; i != directives->num_names; ++i) {
        char text[64];
        snprintf(text, sizeof(text), "[%.*s]", (int)directives->names[i].len, directives->names[i].ptr);
        show_word(&shown, true, text);
    }
    return shown;
}

static void directives_of_requests_are_read(void **state)
{
    static const struct {
        const char *about, *control, *pragma, *shown;
    } cases[] = {
        {"nothing", NULL, NULL, ""},
        {"RFC 9111 5.2.1.1: max-age", "max-age=60", NULL, "max-age=60"},
        {"RFC 9111 5.2.1.1: of a reload", "max-age=0", NULL, "max-age=0"},
        {"RFC 9111 5.2.1.2: max-stale", "max-stale=30", NULL, "max-stale=30"},
        {"RFC 9111 5.2.1.2: without a number any", "max-stale", NULL, "max-stale=2147483648"},
        {"RFC 9111 5.2.1.2: what is no number permits nothing", "max-stale=much", NULL, "max-stale=0"},
        {"RFC 9111 5.2.1.2: nor does an empty one", "max-stale=", NULL, "max-stale=0"},
        {"RFC 9111 5.2.1.2: of two the smaller, with a number and without", "max-stale, max-stale=5", NULL,
         "max-stale=5"},
        {"RFC 9111 5.2.1.3: min-fresh", "min-fresh=20", NULL, "min-fresh=20"},
        {"RFC 9111 5.2.1.3: of two the larger", "min-fresh=20|min-fresh=7", NULL, "min-fresh=20"},
        {"RFC 9111 5.2.1.3: of two the larger, the other way", "min-fresh=7, min-fresh=20", NULL, "min-fresh=20"},
        {"RFC 9111 5.2.1.3: what is no number asks for the most", "min-fresh=x", NULL, "min-fresh=2147483648"},
        {"RFC 9111 5.2.1.4: no-cache", "no-cache", NULL, "no-cache"},
        {"RFC 9111 5.2.1.5: no-store", "no-store", NULL, "no-store"},
        {"RFC 9111 5.2.1.6: no-transform", "no-transform", NULL, "no-transform"},
        {"RFC 9111 5.2.1.7: only-if-cached", "only-if-cached", NULL, "only-if-cached"},
        {"RFC 5861 4: stale-if-error", "stale-if-error=600", NULL, "stale-if-error=600"},
        {"RFC 5861 4: of two the smaller", "stale-if-error=600, stale-if-error=5", NULL, "stale-if-error=5"},
        {"RFC 9111 5.2: case does not matter", "No-Cache, MAX-AGE=1", NULL, "no-cache max-age=1"},
        {"RFC 9111 5.2.3: the unknown is passed over", "nothing-to-see-here, no-cache", NULL, "no-cache"},
        {"RFC 9111 5.2.3: the unknown with an argument, too", "x=\"no-store, y\", z=1, max-age=3", NULL, "max-age=3"},
        {"those of responses mean nothing here", "private, s-maxage=1, public, must-revalidate", NULL, ""},
        {"of two the smaller", "max-age=5, max-age=3", NULL, "max-age=3"},
        {"an argument where none belongs does not loosen", "no-cache=x, no-store=\"y\"", NULL, "no-cache no-store"},
        {"several lines", "no-cache|max-age=4|no-store", NULL, "no-cache no-store max-age=4"},
        {"RFC 9111 5.4: Pragma", NULL, "no-cache", "pragma"},
        {"RFC 9111 5.4: Pragma in a list", NULL, "foo, No-Cache", "pragma"},
        {"RFC 9111 5.4: Pragma in the second line", NULL, "foo|no-cache", "pragma"},
        {"RFC 9111 5.4: another Pragma", NULL, "no-cached, foo=\"no-cache\"", ""},
        {"RFC 9111 5.4: Cache-Control goes before Pragma", "max-age=60", "no-cache", "max-age=60"},
        {"RFC 9111 5.4: whatever it says", "foo", "no-cache", ""},
        {"RFC 9111 5.4: even nothing", "", "no-cache", ""},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        lines_t control = lines_of(cases[i].control), pragma = lines_of(cases[i].pragma);
        gw_cache_request_directives_t directives;
        gw_cache_request_directives(control.lines, control.num, pragma.lines, pragma.num, &directives);
        shown_t shown = show_request(&directives);
        if (strcmp(shown.text, cases[i].shown) != 0)
            fail_msg("%s: '%s' is read as '%s'", cases[i].about, cases[i].control, shown.text);
    }
}

static void directives_of_responses_are_read(void **state)
{
    static const struct {
        const char *about, *control, *shown;
    } cases[] = {
        {"RFC 9111 5.2.2.1: max-age", "max-age=3600", "max-age=3600"},
        {"RFC 9111 5.2.2.2: must-revalidate", "must-revalidate", "must-revalidate"},
        {"RFC 9111 5.2.2.3: must-understand", "must-understand, no-store", "no-store must-understand"},
        {"RFC 9111 5.2.2.4: no-cache", "no-cache", "no-cache"},
        {"RFC 9111 5.2.2.4: no-cache for fields", "no-cache=\"set-cookie, X-User\"", "[set-cookie] [X-User]"},
        {"RFC 9111 5.2.2.4: as a token", "no-cache=set-cookie", "[set-cookie]"},
        {"RFC 9111 5.2.2.4: both forms", "no-cache, no-cache=\"a\"", "no-cache [a]"},
        {"RFC 9111 5.2.2.5: no-store", "no-store", "no-store"},
        {"RFC 9111 5.2.2.6: no-transform", "no-transform", "no-transform"},
        {"RFC 9111 5.2.2.7: private", "private", "private"},
        {"RFC 9111 5.2.2.7: private for fields", "private=\"a,b\", max-age=5", "max-age=5 [a] [b]"},
        {"RFC 9111 5.2.2.7: together with no-cache for fields", "private=\"a\"|no-cache=\"b, c\"", "[a] [b] [c]"},
        {"RFC 9111 5.2.2.8: proxy-revalidate", "proxy-revalidate", "proxy-revalidate"},
        {"RFC 9111 5.2.2.9: public", "public", "public"},
        {"RFC 9111 5.2.2.10: s-maxage", "s-maxage=10, max-age=20", "max-age=20 s-maxage=10"},
        {"RFC 5861 3: stale-while-revalidate", "max-age=1, stale-while-revalidate=30", "max-age=1 while=30"},
        {"RFC 5861 4: stale-if-error", "max-age=1, stale-if-error=30", "max-age=1 error=30"},
        {"RFC 8246 2: immutable", "max-age=1, immutable", "immutable max-age=1"},
        {"RFC 9111 5.2.3: the unknown is passed over", "foobar, max-age=3600", "max-age=3600"},
        {"RFC 9111 5.2.3: an unknown name that begins alike", "max-aged=1, s-max-age=1, privately, no-caches", ""},
        {"RFC 9111 5.2: case does not matter", "MaX-aGe=3600, No-StOrE, S-MAXAGE=1",
         "no-store max-age=3600 s-maxage=1"},
        {"RFC 9111 5.2: a number in quotes", "max-age=\"3600\"", "max-age=3600"},
        {"a number in quotes of the other kind", "max-age='3600'", "max-age=0"},
        {"RFC 9111 5.2: what stands in quotes is no directive", "extension=\"max-age=3600\", max-age=1", "max-age=1"},
        {"RFC 9111 5.2: nor behind it", "max-age=1, extension=\"max-age=3600, private\"", "max-age=1"},
        {"RFC 9110 5.6.4: an escaped quote does not end it", "x=\"\\\", no-store, \\\"\", max-age=1", "max-age=1"},
        {"RFC 9110 5.6.4: nor does an escaped backslash hide the end", "x=\"\\\\\", max-age=1", "max-age=1"},
        {"RFC 9110 5.6.1: empty items", ",, max-age=1 , ,no-transform,", "no-transform max-age=1"},
        {"RFC 9110 5.6.1: blanks and tabs", " \tmax-age=1\t ,\tpublic ", "public max-age=1"},
        {"RFC 9110 5.6.1: without blanks", "public,max-age=1", "public max-age=1"},
        {"RFC 9110 5.3: several lines", "max-age=1|public", "public max-age=1"},
        {"an empty field", "", ""},
        {"RFC 9111 1.2.2: 2^31 - 1", "max-age=2147483647", "max-age=2147483647"},
        {"RFC 9111 1.2.2: 2^31", "max-age=2147483648", "max-age=2147483648"},
        {"RFC 9111 1.2.2: 2^31 + 1", "max-age=2147483649", "max-age=2147483648"},
        {"RFC 9111 1.2.2: beyond 32 bits", "max-age=99999999999", "max-age=2147483648"},
        {"RFC 9111 1.2.2: beyond 64 bits", "max-age=18446744073709551616", "max-age=2147483648"},
        {"RFC 9111 1.2.2: beyond 64 bits and back", "s-maxage=18446744073709551617", "s-maxage=2147483648"},
        {"RFC 9111 1.2.2: leading zeros", "max-age=003600", "max-age=3600"},
        {"RFC 9111 1.2.2: many leading zeros", "max-age=000000000000000000000000000000007", "max-age=7"},
        {"RFC 9111 4.2.1: not a number is stale: letters before it", "max-age=a3600", "max-age=0"},
        {"RFC 9111 4.2.1: letters behind it", "max-age=3600a", "max-age=0"},
        {"RFC 9111 4.2.1: a fraction", "max-age=3600.0", "max-age=0"},
        {"RFC 9111 4.2.1: negative", "max-age=-3600", "max-age=0"},
        {"RFC 9111 4.2.1: signed", "max-age=+3600", "max-age=0"},
        {"RFC 9111 4.2.1: no number", "max-age", "max-age=0"},
        {"RFC 9111 4.2.1: an empty one", "max-age=", "max-age=0"},
        {"RFC 9111 4.2.1: an empty one in quotes", "max-age=\"\"", "max-age=0"},
        {"RFC 9111 4.2.1: a blank in quotes", "max-age=\" 3600\"", "max-age=0"},
        {"RFC 9111 4.2.1: a blank before '='", "max-age =3600", "max-age=0"},
        {"RFC 9111 4.2.1: a blank behind '='", "max-age= 3600", "max-age=0"},
        {"RFC 9111 4.2.1: a semicolon for a comma", "max-age=3600; public", "max-age=0"},
        {"RFC 9111 4.2.1: no comma", "max-age=3600 public", "max-age=0"},
        {"RFC 9111 4.2.1: something behind quotes", "max-age=\"3600\"s", "max-age=0"},
        {"RFC 9111 4.2.1: a colon for '='", "max-age:3600", "max-age=0"},
        {"RFC 9111 4.2.1: s-maxage that cannot be read", "s-maxage=x, max-age=3600", "max-age=3600 s-maxage=0"},
        {"RFC 9111 4.2.1: of two the smaller", "max-age=1800, max-age=1", "max-age=1"},
        {"RFC 9111 4.2.1: of two the smaller, the other way", "max-age=1|max-age=1800", "max-age=1"},
        {"RFC 9111 4.2.1: of two, one cannot be read", "max-age=1800, max-age=much", "max-age=0"},
        {"RFC 5861 3: what cannot be read permits nothing", "stale-while-revalidate=\"a\"", "while=0"},
        {"RFC 5861 3: of two the smaller", "stale-while-revalidate=9, stale-while-revalidate=8", "while=8"},
        {"RFC 5861 4: what cannot be read permits nothing", "stale-if-error", "error=0"},
        {"what forbids forbids, whatever stands behind it: no-store", "no-store=1, max-age=5", "no-store max-age=5"},
        {"no-store without its comma", "no-store max-age=5", "no-store"},
        {"private before a semicolon", "private; max-age=5", "private"},
        {"no-cache with something behind its names", "no-cache=\"a\" b", "no-cache"},
        {"proxy-revalidate with an argument", "proxy-revalidate=1", "proxy-revalidate"},
        {"what permits counts only as it is defined: public", "public=1, public;x", ""},
        {"immutable with an argument", "immutable=\"yes\"", ""},
        {"must-understand with an argument", "must-understand=1, no-store", "no-store"},
        {"must-revalidate with an argument only forbids", "must-revalidate=1", "proxy-revalidate"},
        {"what permits, once spoilt and once not", "public=1, public", "public"},
        {"RFC 9111 5.2.2.4: no names at all", "no-cache=\"\"", "no-cache"},
        {"RFC 9111 5.2.2.4: only commas", "no-cache=\", ,\"", "no-cache"},
        {"RFC 9111 5.2.2.4: no argument behind '='", "no-cache=", "no-cache"},
        {"RFC 9111 5.2.2.4: what is no name", "no-cache=\"a, b c\"", "no-cache"},
        {"RFC 9111 5.2.2.7: what is no name", "private=\"a:\"", "private"},
        {"RFC 9111 5.2.2.7: an escaped name", "private=\"\\a\"", "private"},
        {"a quote that is not closed is a character", "foo=\"bar, no-store", "no-store"},
        {"of a number in such it is not one", "max-age=\"3600, no-transform", "no-transform max-age=0"},
        {"of names in such none is", "private=\"a, max-age=5", "private max-age=5"},
        {"all quotes behind one that is not closed are", "a=\"b, c=\\\"d\\\", no-store", "no-store"},
        {"what is no directive", "\"no-store\", =no-store, ;, max-age=5", "max-age=5"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        lines_t control = lines_of(cases[i].control);
        gw_cache_response_directives_t directives;
        gw_cache_response_directives(control.lines, control.num, &directives);
        shown_t shown = show_response(&directives);
        if (strcmp(shown.text, cases[i].shown) != 0)
            fail_msg("%s: '%s' is read as '%s'", cases[i].about, cases[i].control, shown.text);
        assert_true(directives.is_said);
    }
    gw_cache_response_directives_t nothing;
    gw_cache_response_directives(NULL, 0, &nothing);
    assert_false(nothing.is_said);
    assert_string_equal(show_response(&nothing).text, "");
}

static void a_value_ends_where_its_length_says(void **state)
{
    static const struct {
        const char *about, *text;
        size_t len;
        const char *shown;
    } cases[] = {
        {"within a number", "max-age=3600", 10, "max-age=36"},
        {"before a number", "max-age=3600", 8, "max-age=0"},
        {"before '='", "max-age=3600", 7, "max-age=0"},
        {"within a name", "no-stores", 8, "no-store"},
        {"before the closing quote", "max-age=\"3600\"", 13, "max-age=0"},
        {"behind a backslash", "private=\"a\\\"", 11, "private"},
        {"before a comma", "public,no-store", 6, "public"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_str_t line = gw_str(cases[i].text, cases[i].len);
        gw_cache_response_directives_t directives;
        gw_cache_response_directives(&line, 1, &directives);
        shown_t shown = show_response(&directives);
        if (strcmp(shown.text, cases[i].shown) != 0)
            fail_msg("%s: it is read as '%s'", cases[i].about, shown.text);
    }
}

/* "a1, a2, ..." */
static void list_of_names(char *to, size_t num)
{
    for (size_t i = 1; i <= num; ++i)
        to += sprintf(to, "%sa%zu", i == 1 ? "" : ", ", i);
}

static void more_names_than_there_is_room_for_are_all_names(void **state)
{
    char names[256], text[512];
    gw_cache_response_directives_t directives;
    gw_str_t line;

    list_of_names(names, GW_CACHE_MAX_NAMES);
    sprintf(text, "private=\"%s\"", names);
    line = gw_str_of(text);
    gw_cache_response_directives(&line, 1, &directives);
    assert_false(directives.is_private);
    assert_int_equal(directives.num_names, GW_CACHE_MAX_NAMES);

    list_of_names(names, GW_CACHE_MAX_NAMES + 1);
    sprintf(text, "private=\"%s\"", names);
    line = gw_str_of(text);
    gw_cache_response_directives(&line, 1, &directives);
    assert_true(directives.is_private);
    assert_false(directives.no_cache);
    assert_int_equal(directives.num_names, 0);

    list_of_names(names, GW_CACHE_MAX_NAMES);
    sprintf(text, "private=\"%s\", no-cache=\"b\"", names);
    line = gw_str_of(text);
    gw_cache_response_directives(&line, 1, &directives);
    assert_false(directives.is_private);
    assert_true(directives.no_cache);
    assert_int_equal(directives.num_names, GW_CACHE_MAX_NAMES);
}

static void quotes_that_are_not_closed_take_no_more_time_than_others(void **state)
{
    enum { size = 4 * 1024 * 1024 };
    char *text = malloc(size);
    gw_cache_response_directives_t directives;
    for (size_t i = 0; i != size; i += 2)
        memcpy(text + i, "\\\"", 2);
    memcpy(text, "a=", 2);
    memcpy(text + size - 9, ",no-store", 9);
    gw_str_t line = gw_str(text, size);
    gw_cache_response_directives(&line, 1, &directives); /* the square of that would take hours */
    assert_true(directives.no_store);
    free(text);
}

static void targeted_directives_are_read_as_a_structured_field(void **state)
{
    static const struct {
        const char *about, *control;
        const char *shown; /* NULL: to be ignored */
    } cases[] = {
        {"RFC 9213 2.1: a number", "max-age=3600", "max-age=3600"},
        {"RFC 9213 2.1: all numbers", "max-age=1, s-maxage=2, stale-while-revalidate=3, stale-if-error=4",
         "max-age=1 s-maxage=2 while=3 error=4"},
        {"RFC 9213 2.1: what has no value is true", "private, no-cache, no-store, public, no-transform",
         "no-cache private public no-store no-transform"},
        {"RFC 9213 2.1: the other ones", "must-revalidate, proxy-revalidate, must-understand, immutable",
         "must-revalidate proxy-revalidate must-understand immutable"},
        {"RFC 9651 3.3.6: true", "no-store=?1", "no-store"},
        {"RFC 9651 3.3.6: false", "no-store=?0, private=?0, max-age=1", "max-age=1"},
        {"RFC 9213 2.1: names are a string", "private=\"a, b\"", "[a] [b]"},
        {"RFC 9213 2.1: or a token", "no-cache=set-cookie", "[set-cookie]"},
        {"RFC 9213 2.1: names that cannot be read", "no-cache=\"a b\"", "no-cache"},
        {"RFC 9213 2.1: names with escapes", "private=\"\\\"a\\\"\"", "private"},
        {"RFC 9213 3: what is unknown stands for what is known", "none", ""},
        {"RFC 9111 5.2.3: the unknown is passed over", "foobar, max-age=3600, x=(1 2);a, y=:YQ==:", "max-age=3600"},
        {"RFC 9213 2.1: parameters are passed over", "max-age=3600;x;y=\"z\", no-transform;a=?0",
         "no-transform max-age=3600"},
        {"RFC 9111 1.2.2: beyond 2^31", "max-age=2147483649", "max-age=2147483648"},
        {"RFC 9111 1.2.2: the largest integer", "max-age=999999999999999", "max-age=2147483648"},
        {"negative", "max-age=-1", "max-age=0"},
        {"RFC 9651 4.2.2: of two the last counts", "max-age=1800, max-age=1", "max-age=1"},
        {"RFC 9651 4.2.2: whatever it is", "max-age=1, max-age=1800, no-store, no-store=?0", "max-age=1800"},
        {"RFC 9651 4.2.2: even of the wrong type", "max-age=1, max-age=\"1\", public", "public"},
        {"RFC 9651 4.2: several lines", "max-age=1|private", "private max-age=1"},
        {"RFC 9651 4.2.2: blanks and tabs round a comma", "max-age=1 \t,\t public", "public max-age=1"},
        {"RFC 9213 2.1: the wrong type is passed over", "public, max-age=\"3600\"", "public"},
        {"RFC 9213 2.1: a decimal is no integer", "public, max-age=3600.0", "public"},
        {"RFC 9213 2.1: nothing of the right type", "max-age=\"3600\"", NULL},
        {"RFC 9213 2.1: nothing of the right type but what is unknown", "foo, max-age=?1, no-store=1", NULL},
        {"RFC 9213 2.2: empty", "", NULL},
        {"RFC 9213 2.2: blank", " ", NULL},
        {"RFC 9213 2.2: not there", NULL, NULL},
        {"RFC 9213 2.2: malformed anywhere", "max-age=10000, &&&&&", NULL},
        {"RFC 9651 3.1.2: capital letters", "MaX-aGe=3600", NULL},
        {"RFC 9651 4.2.2: a blank before '='", "max-age =100", NULL},
        {"RFC 9651 4.2.2: a blank behind '='", "max-age= 100", NULL},
        {"RFC 9651 4.2.2: a comma at the end", "max-age=100,", NULL},
        {"RFC 9651 4.2.2: two commas", "max-age=100,,public", NULL},
        {"RFC 9651 4.2: an empty line among others", "max-age=100|", NULL},
        {"RFC 9651 4.2: an empty line before others", "|max-age=100", NULL},
        {"RFC 9651 4.2.4: 16 digits", "max-age=1000000000000000", NULL},
        {"RFC 9651 4.2.4: a sign alone", "max-age=-", NULL},
        {"RFC 9651 4.2.4: four decimals", "x=1.2345", NULL},
        {"RFC 9651 4.2.4: no decimals", "x=1.", NULL},
        {"RFC 9651 4.2.4: 12 digits before the point", "x=123456789012.5", ""},
        {"RFC 9651 4.2.4: 13 digits before the point", "x=1234567890123.5", NULL},
        {"RFC 9651 4.2.4: three decimals", "x=1.234", ""},
        {"RFC 9651 4.2.5: an open string", "private=\"a", NULL},
        {"RFC 9651 4.2.5: a string that ends in the middle of an escape", "x=\"\\", NULL},
        {"RFC 9651 4.2.5: the first and the last character of a string", "x=\" ~\"", ""},
        {"RFC 9651 4.2.5: a control character", "x=\"\x1f\"", NULL},
        {"RFC 9651 4.2.5: DEL", "x=\"\x7f\"", NULL},
        {"RFC 9651 3.1.2: the first and the last letter of a key", "a=A, z=Z, *=a, a_-.*9=z", ""},
        {"RFC 9651 3.1.2: a digit in front", "9=1", NULL},
        {"RFC 9651 3.3.4: what a token may have", "x=a!#$%&'*+-.^_`~:/0zZ", ""},
        {"RFC 9651 3.3.4: a star in front", "x=*a", ""},
        {"RFC 9651 3.3.4: what it may not have", "x=a\x7b", NULL},
        {"RFC 9651 4.2.5: what may not be escaped", "private=\"\\a\"", NULL},
        {"RFC 9651 4.2.5: not ASCII", "private=\"\xc3\xa4\"", NULL},
        {"RFC 9651 4.2.7: bytes", "x=:YWI=:", ""},
        {"RFC 9651 4.2.7: without padding", "x=:YWI:", ""},
        {"RFC 9651 4.2.7: of no length", "x=::", ""},
        {"RFC 9651 4.2.7: a length that is none", "x=:YWJjZ:", NULL},
        {"RFC 9651 4.2.7: open", "x=:YWI=", NULL},
        {"RFC 9651 4.2.8: a Boolean 2", "x=?2", NULL},
        {"RFC 9651 4.2.9: a date", "x=@784111777", ""},
        {"RFC 9651 4.2.9: half a date", "x=@1.5", NULL},
        {"RFC 9651 4.2.10: a display string", "x=%\"a%c3%a4\"", ""},
        {"RFC 9651 4.2.10: capital digits", "x=%\"%C3%A4\"", NULL},
        {"RFC 9651 4.2.10: half a character", "x=%\"%c3\"", NULL},
        {"RFC 9651 4.2.10: a longer form than needed", "x=%\"%c0%80\"", NULL},
        {"RFC 9651 4.2.10: another one", "x=%\"%e0%80%80\"", NULL},
        {"RFC 9651 4.2.10: a surrogate", "x=%\"%ed%a0%80\"", NULL},
        {"RFC 9651 4.2.10: beyond U+10FFFF", "x=%\"%f4%90%80%80\"", NULL},
        {"RFC 9651 4.2.10: U+10FFFF", "x=%\"%f4%8f%bf%bf\"", ""},
        {"RFC 9651 4.2.10: the first and the last character", "x=%\" ~\"", ""},
        {"RFC 9651 4.2.10: a control character", "x=%\"\x1f\"", NULL},
        {"RFC 9651 4.2.10: DEL", "x=%\"\x7f\"", NULL},
        {"RFC 9651 4.2.10: all digits", "x=%\"%00%09%6a%7f%c2%80\"", ""},
        {"RFC 9651 4.2.10: no digits", "x=%\"%g0\"", NULL},
        {"RFC 9651 4.2.10: no second digit", "x=%\"%0g\"", NULL},
        {"RFC 9651 4.2.10: the digits are the end", "x=%\"%00", NULL},
        {"RFC 9651 4.2.10: what may only follow", "x=%\"%80\"", NULL},
        {"RFC 9651 4.2.10: two bytes for what takes one", "x=%\"%c1%bf\"", NULL},
        {"RFC 9651 4.2.10: the last of two bytes", "x=%\"%df%bf\"", ""},
        {"RFC 9651 4.2.10: what may not follow", "x=%\"%c3%c0\"", NULL},
        {"RFC 9651 4.2.10: a letter follows", "x=%\"%c3a\"", NULL},
        {"RFC 9651 4.2.10: the first and the last of three bytes", "x=%\"%e0%a0%80%ed%9f%bf%ef%bf%bf\"", ""},
        {"RFC 9651 4.2.10: the last that three bytes need not", "x=%\"%e0%9f%bf\"", NULL},
        {"RFC 9651 4.2.10: the first of four bytes", "x=%\"%f0%90%80%80\"", ""},
        {"RFC 9651 4.2.10: the last that four bytes need not", "x=%\"%f0%8f%bf%bf\"", NULL},
        {"RFC 9651 4.2.10: what begins nothing", "x=%\"%f5%80%80%80\"", NULL},
        {"RFC 9651 4.2.7: all digits", "x=:+/09azAZ:", ""},
        {"RFC 9651 4.2.7: another sign", "x=:YW-=:", NULL},
        {"RFC 9651 4.2.7: too much padding", "x=:YWI==:", NULL},
        {"RFC 9651 4.2.10: half a percent sign", "x=%\"%4", NULL},
        {"RFC 9651 4.2.1.2: an inner list", "x=( 1;a \"b\" );c=1, max-age=2", "max-age=2"},
        {"RFC 9651 4.2.1.2: an open one", "x=(1 2", NULL},
        {"RFC 9651 4.2.1.2: with commas", "x=(1,2)", NULL},
        {"RFC 9651 4.2.3.2: no key", "x;", NULL},
        {"RFC 9651 4.2.3.2: no value", "x;a=", NULL},
        {"RFC 9651 4.2.3.1: nothing", "x=", NULL},
        {"RFC 9651 4.2.3.1: what begins nothing", "x=&", NULL},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        lines_t control = lines_of(cases[i].control);
        gw_cache_response_directives_t directives;
        bool is_usable = gw_cache_targeted_directives(control.lines, control.num, &directives);
        shown_t shown = show_response(&directives);
        if (is_usable != (cases[i].shown != NULL) || (is_usable && strcmp(shown.text, cases[i].shown) != 0))
            fail_msg("%s: '%s' is %s '%s'", cases[i].about, cases[i].control, is_usable ? "read as" : "ignored",
                     shown.text);
        assert_int_equal(directives.is_said, is_usable);
        assert_true(is_usable || shown.len == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directives_of_requests_are_read),
        cmocka_unit_test(directives_of_responses_are_read),
        cmocka_unit_test(a_value_ends_where_its_length_says),
        cmocka_unit_test(more_names_than_there_is_room_for_are_all_names),
        cmocka_unit_test(quotes_that_are_not_closed_take_no_more_time_than_others),
        cmocka_unit_test(targeted_directives_are_read_as_a_structured_field),
    };
    return cmocka_run_group_tests_name("test_cache_directives", tests, NULL, NULL);
}
