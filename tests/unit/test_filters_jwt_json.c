/* SPDX-License-Identifier: MIT
 * The JSON of tokens: what is read without jansson's parser is what jansson makes of it; the rest is left to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "filters/jwt/json.h"
#include "gateway/base/random.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

/** Fails unless gw_jwt_json_object makes of the text what jansson does.  @return true when jansson's parser was not
 * needed */
static bool check(const char *about, const char *text, size_t len)
{
    char *exact = malloc(len != 0 ? len : 1); /* so that a sanitizer sees one octet too many */
    memcpy(exact, text, len);
    json_t *expected = json_loadb(exact, len, JSON_REJECT_DUPLICATES, NULL);
    json_t *object = gw_jwt_json_object(gw_str(exact, len)), *plain = gw_jwt_json_plain_object(gw_str(exact, len));
    bool is_plain = plain != NULL;
    if ((object != NULL) != json_is_object(expected) || (object != NULL && !json_equal(object, expected)) ||
        (is_plain && !json_equal(plain, expected)))
        fail_msg("%s: jansson makes something else of %.*s", about, (int)len, text);
    json_decref(plain);
    json_decref(object);
    json_decref(expected);
    free(exact);
    return is_plain;
}

static void what_tokens_hold_is_read_without_jansson(void **state)
{
    static const struct {
        const char *about, *text;
    } cases[] = {
        {"nothing", "{}"},
        {"nothing, with white space", " \t\r\n{ \n} \r\n"},
        {"a header", "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"2026-11\"}"},
        {"claims",
         "{\"iss\":\"https://a.example\",\"aud\":[\"x\",\"y\"],\"exp\":1795274750,\"scope\":\"a b\",\"n\":0}"},
        {"objects in objects", "{\"realm_access\":{\"roles\":[\"admin\",{\"a\":{}}],\"more\":[]}}"},
        {"white space everywhere", " { \"a\" : [ 1 ,\t2 ] ,\n\"b\" : { } , \"c\" : \" \" } "},
        {"an empty name and an empty text", "{\"\":\"\"}"},
        {"every printable octet but two", "{\"a\":\" !#$%&'()*+,-./09:;<=>?@AZ[]^_`az{|}~\"}"},
        {"18 digits", "{\"a\":999999999999999999}"},
        {"seven levels", "{\"a\":[[[[[[1]]]]]]}"},
        {"words", "{\"a\":true,\"b\":false,\"c\":null,\"d\":[true,null]}"},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i)
        if (!check(cases[i].about, cases[i].text, strlen(cases[i].text)))
            fail_msg("%s: was left to jansson", cases[i].about);
}

static void what_is_out_of_the_ordinary_is_left_to_jansson(void **state)
{
    static const struct {
        const char *about, *text;
        bool is_object;
    } cases[] = {
        {"an escape", "{\"a\":\"\\u00fc\"}", true},
        {"an escaped quote", "{\"a\":\"\\\"\"}", true},
        {"an escape in a name", "{\"\\u0061\":1}", true},
        {"UTF-8", "{\"a\":\"Z\xc3\xbcrich\"}", true},
        {"octets that are no UTF-8", "{\"a\":\"\xff\"}", false},
        {"a control character", "{\"a\":\"\x01\"}", false},
        {"a line end in a text", "{\"a\":\"\n\"}", false},
        {"a fraction", "{\"a\":1.5}", true},
        {"an exponent", "{\"a\":1e3}", true},
        {"a negative number", "{\"a\":-1}", true},
        {"19 digits", "{\"a\":9223372036854775807}", true},
        {"more than 64 bits", "{\"a\":9223372036854775808}", false},
        {"a leading zero", "{\"a\":01}", false},
        {"many levels", "{\"a\":[[[[[[[[[1]]]]]]]]]}", true},
        {"a member twice", "{\"a\":1,\"a\":1}", false},
        {"a member twice, once with an escape", "{\"a\":1,\"\\u0061\":1}", false},
        {"a member twice, further in", "{\"a\":[{\"b\":1,\"b\":2}]}", false},
        {"no object", "[1]", false},
        {"nothing at all", "", false},
        {"white space alone", " ", false},
        {"more than one", "{}{}", false},
        {"rubbish behind it", "{}x", false},
        {"no end", "{\"a\":1", false},
        {"no end of a text", "{\"a", false},
        {"no end of a list", "{\"a\":[1", false},
        {"no value", "{\"a\":}", false},
        {"no colon", "{\"a\" 1}", false},
        {"no name", "{1:1}", false},
        {"a comma too many", "{\"a\":1,}", false},
        {"a comma too many in a list", "{\"a\":[1,]}", false},
        {"a comma alone", "{,}", false},
        {"no comma", "{\"a\":1 \"b\":2}", false},
        {"half a word", "{\"a\":tru}", false},
        {"a word that goes on", "{\"a\":truest}", false},
        {"a word in capitals", "{\"a\":True}", false},
        {"a byte order mark", "\xef\xbb\xbf{}", false},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        if (check(cases[i].about, cases[i].text, strlen(cases[i].text)))
            fail_msg("%s: was read without jansson", cases[i].about);
        json_t *object = gw_jwt_json_object(gw_str(cases[i].text, strlen(cases[i].text)));
        if ((object != NULL) != cases[i].is_object)
            fail_msg("%s: it %s", cases[i].about, cases[i].is_object ? "was refused" : "was taken");
        json_decref(object);
    }
    assert_false(check("an octet 0", "{\"a\":\"\0\"}", 9));
}

/** A text of one thing again and again between two others. */
static char *repeated(const char *before, const char *what, size_t num, const char *after)
{
    char *text = malloc(strlen(before) + num * strlen(what) + strlen(after) + 1), *at = stpcpy(text, before);
    for (size_t i = 0; i != num; ++i)
        at = stpcpy(at, what);
    strcpy(at, after);
    return text;
}

static void too_deep_and_too_much_is_refused_unread(void **state)
{
    enum { depth = GW_JWT_JSON_MAX_DEPTH, values = GW_JWT_JSON_MAX_VALUES };
    char *closed = repeated("", "]", depth - 1, "}");
    const struct {
        const char *about, *before, *what;
        size_t num;
        const char *after;
        bool is_bounded;
    } cases[] = {
        {"nothing", "", "", 0, "", true},
        {"as deep as may be", "{\"a\":", "[", depth - 1, closed, true},
        {"one deeper", "{\"a\":[", "[", depth - 1, closed, false},
        {"objects as deep as may be", "", "{\"a\":", depth - 1, "{}", true},
        {"objects one deeper", "", "{\"a\":", depth, "{}", false},
        {"deep, and not even JSON", "", "[", depth + 1, "", false},
        {"what is closed does not count", "{\"a\":[1", ",[]", 400, "]}", true},
        {"more closed than opened", "", "]}", 5000, "{}", true},
        {"as much as may be", "{\"a\":[1", ",1", values - 3, "]}", true},
        {"one more", "{\"a\":[1", ",1", values - 2, "]}", false},
        {"empty lists", "{\"a\":[[]", ",[]", values / 2 - 2, "]}", true},
        {"too many empty lists", "{\"a\":[[]", ",[]", values / 2 - 1, "]}", false},
        {"members without commas", "{", "\"a\":", values, "}", true},
        {"too many members without commas", "{", "\"a\":", values + 1, "}", false},
        {"punctuation within a text counts too", "{\"a\":\"", ",", values, "\"}", false},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        char *text = repeated(cases[i].before, cases[i].what, cases[i].num, cases[i].after);
        gw_str_t whole = gw_str(text, strlen(text));
        json_t *object = gw_jwt_json_object(whole),
               *jansson = json_loadb(text, whole.len, JSON_REJECT_DUPLICATES, NULL);
        if (gw_jwt_json_is_bounded(whole) != cases[i].is_bounded ||
            (object != NULL) != (cases[i].is_bounded && json_is_object(jansson)))
            fail_msg("%s: %s, %s", cases[i].about, gw_jwt_json_is_bounded(whole) ? "bounded" : "not bounded",
                     object != NULL ? "taken" : "refused");
        json_decref(object);
        json_decref(jansson);
        free(text);
    }
    free(closed);
}

static void any_damage_gives_what_jansson_makes_of_it(void **state)
{
    static const char whole[] = " {\"iss\":\"https://a.example\", "
                                "\"aud\":[\"x\",\"y\"],\"exp\":1795274750,\"a\":{\"b\":[true,null,0]},\"n\":10}";
    static const char put[] = "{}[]\",:\\0129.-etn \x7f\x80\x01";
    uint64_t random = 88172645463325252ull;
    size_t num_plain = 0;
    for (size_t i = 0; i != 200000; ++i) {
        char text[sizeof(whole)];
        size_t len = sizeof(whole) - 1;
        memcpy(text, whole, sizeof(whole));
        for (uint32_t num = 1 + gw_random_below(&random, 3); num != 0; --num) {
            size_t at = gw_random_below(&random, (uint32_t)len);
            if (gw_random_below(&random, 4) == 0) /* an octet is lost */
                memmove(text + at, text + at + 1, --len - at);
            else
                text[at] = put[gw_random_below(&random, sizeof(put))];
        }
        num_plain += check("damaged", text, len);
    }
    assert_in_range(num_plain, 20000, 180000); /* else it would say little */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_tokens_hold_is_read_without_jansson),
        cmocka_unit_test(what_is_out_of_the_ordinary_is_left_to_jansson),
        cmocka_unit_test(too_deep_and_too_much_is_refused_unread),
        cmocka_unit_test(any_damage_gives_what_jansson_makes_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
