/* SPDX-License-Identifier: MIT
 * The options of headers: what is wrong with them, and what values with keys in them come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include "filters/headers_conf.h"
#include "gateway/config/key.h"
#include "tests/support/conf_files.h"

#define START "listen: [':80']\nservices: {one: {endpoints: ['http://a']}}\n"
#define CONF(options)                                                                                                  \
    START "filters: {edit: {headers: {" options "}}}\nroutes: [{path: /, service: one, filters: [edit]}]\n"

typedef struct finding_case {
    const char *about, *yaml, *expected;
} case_t;

static void find_all(const case_t *cases, size_t num)
{
    size_t num_wrong = 0;
    for (size_t i = 0; i != num; ++i) {
        char *actual = conf_findings_of(cases[i].yaml);
        if (strcmp(actual, cases[i].expected) != 0) {
            print_error("case: %s\n%s", cases[i].about, actual);
            ++num_wrong;
        }
        free(actual);
    }
    assert_int_equal(num_wrong, 0);
}

static void what_is_wrong_is_found(void **state)
{
    static const case_t cases[] = {
        {"nothing", CONF(""), ""},
        {"all of it",
         CONF("request: {set: {Host: 'a:80', X-A: b}, add: {X-A: c}, remove: [X-B]}, "
              "response: {set: {X-A: 'é', X-E: ''}}"),
         ""},
        {"keys of the request",
         CONF("request: {set: {X-A: '%{client_address} %{header:X-B} %{cookie:c} %{query:d}'}}, "
              "response: {add: {X-A: '%{header:X-B}'}}"),
         ""},
        {"percent signs that are just that", CONF("request: {set: {X-A: '100% %% %%{a} %a }'}}"), ""},
        {"names that are none, or not ours",
         CONF("request: {set: {'a b': c, Connection: d}, add: {Host: e}, remove: [Content-Length, '']}"),
         "t.yaml:3:44: error: 'a b' is not a field name\n"
         "  hint: letters, digits and any of !#$%&'*+-.^_`|~\n"
         "t.yaml:3:54: error: 'Connection' cannot be changed\n"
         "  hint: framing and connection fields belong to the gateway\n"
         "t.yaml:3:76: error: 'Host' cannot be changed\n"
         "  hint: framing and connection fields belong to the gateway\n"
         "t.yaml:3:95: error: 'Content-Length' cannot be changed\n"
         "  hint: framing and connection fields belong to the gateway\n"
         "t.yaml:3:111: error: '' is not a field name\n"
         "  hint: letters, digits and any of !#$%&'*+-.^_`|~\n"},
        {"what the gateway tells services, in whatever spelling",
         CONF("request: {set: {X_Forwarded_For: a, X-Request-Id: b, Content_Length: 1}, add: {Via: c, forwarded: d}, "
              "remove: [X_Request_Id, Expect]}"),
         "t.yaml:3:44: error: 'X_Forwarded_For' cannot be changed\n"
         "  hint: the gateway says this itself\n"
         "t.yaml:3:64: error: 'X-Request-Id' cannot be changed\n"
         "  hint: the gateway says this itself\n"
         "t.yaml:3:81: error: 'Content_Length' cannot be changed\n"
         "  hint: the gateway says this itself\n"
         "t.yaml:3:107: error: 'Via' cannot be changed\n"
         "  hint: the gateway says this itself\n"
         "t.yaml:3:115: error: 'forwarded' cannot be changed\n"
         "  hint: the gateway says this itself\n"
         "t.yaml:3:139: error: 'X_Request_Id' cannot be changed\n"
         "  hint: the gateway says this itself\n"
         "t.yaml:3:153: error: 'Expect' cannot be changed\n"
         "  hint: the gateway says this itself\n"},
        {"what proxies tell services, kept from them; and all of it in responses",
         CONF("request: {remove: [X-Forwarded-For, Forwarded, Via], set: {X-Forwarded-Prefix: /a}}, "
              "response: {set: {X-Request-Id: a}, add: {Via: b}, remove: [Forwarded]}"),
         ""},
        {"values that no field can hold", CONF("response: {set: {X-A: \"a\\nb\"}, add: {X-B: \"%{header:c}\\x7f\"}}"),
         "t.yaml:3:50: error: the value of 'x-a' is not a field value\n"
         "  hint: no line breaks or other control characters\n"
         "t.yaml:3:70: error: the value of 'x-b' is not a field value\n"
         "  hint: no line breaks or other control characters\n"},
        {"a host that is none", CONF("request: {set: {Host: 'a/b'}}"),
         "t.yaml:3:50: error: 'a/b' is not a host\n"
         "  hint: a host name or address, with :port if need be\n"},
        {"a host that clients would choose", CONF("request: {set: {Host: '%{header:X-Host}'}}"),
         "t.yaml:3:50: error: the value of 'host' takes no keys: it would be for clients to say\n"
         "  hint: several routes can each set a host of their own\n"},
        {"a key that is none", CONF("request: {set: {X-A: 'a %{principals} b'}}"),
         "t.yaml:3:49: error: there is no key 'principals'\n"
         "  hint: client_address, header:NAME, cookie:NAME, query:NAME, principal or a property such as jwt.sub; write "
         "%%{ where a literal %{ is meant\n"},
        {"a key without a name", CONF("request: {set: {X-A: '%{}'}}"),
         "t.yaml:3:49: error: there is no key ''\n"
         "  hint: client_address, header:NAME, cookie:NAME, query:NAME, principal or a property such as jwt.sub; write "
         "%%{ where a literal %{ is meant\n"},
        {"a property of what names nobody", CONF("request: {set: {X-A: '%{headers.a}'}}"),
         "t.yaml:3:49: error: there is no key 'headers.a'\n"
         "  hint: client_address, header:NAME, cookie:NAME, query:NAME, principal or a property such as jwt.sub; write "
         "%%{ where a literal %{ is meant\n"},
        {"a key that does not end", CONF("request: {set: {X-A: 'a %{principal'}}"),
         "t.yaml:3:49: error: there is no '}' after '%{'\n"
         "  hint: write %%{ where a literal %{ is meant\n"},
        {"a key in a value with a variable, which is not quoted",
         CONF("request: {set: {X-A: '${SECRET_OF_TEST} %{hunter3}'}}"),
         "t.yaml:3:49: error: what stands between '%{' and '}' is no key\n"
         "  hint: client_address, header:NAME, cookie:NAME, query:NAME, principal or a property such as jwt.sub; write "
         "%%{ where a literal %{ is meant\n"},
        {"more keys than there may be",
         CONF("request: {set: {X-A: '%{query:a}%{query:a}%{query:a}%{query:a}%{query:a}%{query:a}%{query:a}%{query:a}"
              "%{query:a}%{query:a}%{query:a}%{query:a}%{query:a}%{query:a}%{query:a}%{query:a}%{query:a}'}}"),
         "t.yaml:3:49: error: a value has at most 16 keys\n"},
    };
    setenv("SECRET_OF_TEST", "%{hunter2}", 1);
    find_all(cases, sizeof(cases) / sizeof(cases[0]));
}

static void keys_that_nothing_finds_out_in_time_are_warned_about(void **state)
{
#define EDIT(side, value) "headers: {" side ": {set: {X-A: '" value "'}}}"
#define JWT               "jwt: {keys: {secret_env: SECRET_OF_TEST}}"
#define ROUTE(filters)    START "routes: [{path: /, service: one, filters: [" filters "]}]\n"
    static const case_t cases[] = {
        {"a token before it", ROUTE(JWT ", " EDIT("request", "%{principal} %{jwt.sub}")), ""},
        {"a token after it", ROUTE(EDIT("request", "%{principal} %{jwt.sub}") ", " JWT),
         "t.yaml:3:75: warning: 'principal' is always empty on the route at t.yaml:3:10: no filter before this one "
         "finds it out\n"
         "  hint: filters run in the order of the route's list\n"
         "t.yaml:3:75: warning: 'jwt.sub' is always empty on the route at t.yaml:3:10: no filter before this one finds "
         "it out\n"
         "  hint: filters run in the order of the route's list\n"},
        {"a token after it, for a response", ROUTE(EDIT("response", "%{principal} %{jwt.sub}") ", " JWT), ""},
        {"another kind of filter", ROUTE(JWT ", " EDIT("request", "%{principal} %{api_key.owner}")),
         "t.yaml:3:118: warning: 'api_key.owner' is always empty on the route at t.yaml:3:10: no filter before this "
         "one finds it out\n"
         "  hint: filters run in the order of the route's list\n"},
        {"keys of the request need nobody", ROUTE(EDIT("request", "%{client_address}")), ""},
        {"a named filter is looked at on each route",
         START
         "filters: {edit: {" EDIT("request", "%{principal}") "}, who: {" JWT "}}\n"
                                                             "routes: [{path: /a, service: one, filters: [who, edit]}, "
                                                             "{path: /b, service: one, filters: [edit]}]\n",
         "t.yaml:3:49: warning: 'principal' is always empty on the route at t.yaml:4:58: no filter before this one "
         "finds it out\n"
         "  hint: filters run in the order of the route's list\n"},
        {"an error elsewhere is no reason to fall over",
         ROUTE("headers: {request: {set: {X-A: '%{principal}', X-B: [a]}}}"),
         "t.yaml:3:96: error: an entry of 'set' must be a text, found a list\n"
         "  hint: fields to set: every field of that name is replaced by this one; %{KEY} stands for a key such as "
         "%{principal}\n"},
    };
    setenv("SECRET_OF_TEST", "0123456789abcdef0123456789abcdef", 1);
    find_all(cases, sizeof(cases) / sizeof(cases[0]));
}

/** @return the pieces as text: [text] for a text, <key> for a key; to be freed */
static char *pieces_of(gw_arena_t *arena, const gw_template_t *template)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    for (size_t i = 0; i != template->num_pieces; ++i) {
        const struct gw_template_piece *piece = &template->pieces[i];
        if (piece->key.kind == GW_KEY_NONE)
            fprintf(to, "[%.*s]", (int)piece->text.len, piece->text.ptr);
        else
            fprintf(to, "<%s>", gw_conf_key_text(arena, &piece->key));
    }
    fclose(to);
    return text;
}

static void a_value_becomes_texts_and_keys(void **state)
{
    static const struct {
        const char *value, *pieces;
    } cases[] = {
        {"", ""},
        {"a", "[a]"},
        {"%{principal}", "<principal>"},
        {"a%{principal}b", "[a]<principal>[b]"},
        {"%{header:X-A}%{cookie:B}", "<header:x-a><cookie:B>"},
        {"%{jwt.https://a/b.c} %{query:q}.", "<jwt.https://a/b.c>[ ]<query:q>[.]"},
        {"%%{principal}", "[%{principal}]"},
        {"%%{a} %{principal} %%{b}", "[%{a} ]<principal>[ %{b}]"},
        {"%%%{principal}", "[%%{principal}]"},
        {"100%", "[100%]"},
        {"%%", "[%%]"},
        {"%}{", "[%}{]"},
        {"}%{principal}}", "[}]<principal>[}]"},
        {"%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{%%{",
         "[%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{%{]"},
        {"%{principal}", "<principal>"},
    };
    gw_diag_t *diag = gw_diag_create();
    gw_conf_reader_t reader = {.arena = gw_arena_create(), .scratch = gw_arena_create(), .diag = diag};
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_template_t template;
        assert_true(gw_template_parse(&reader, cases[i].value, true, (gw_mark_t){0}, &template));
        char *pieces = pieces_of(reader.arena, &template);
        assert_string_equal(pieces, cases[i].pieces);
        assert_int_equal(template.num_keys == 0, template.kinds == 0);
        if (template.num_keys == 0) /* then the plain text is all there is, without the brackets */
            assert_int_equal(template.plain.len + (template.num_pieces != 0 ? 2 : 0), strlen(pieces));
        free(pieces);
    }
    gw_arena_free(reader.arena);
    gw_arena_free(reader.scratch);
    gw_diag_free(diag);
}

static void as_many_keys_as_there_may_be_fit(void **state)
{
    char text[1000] = "";
    gw_diag_t *diag = gw_diag_create();
    gw_conf_reader_t reader = {.arena = gw_arena_create(), .scratch = gw_arena_create(), .diag = diag};
    gw_template_t template;
    for (size_t i = 0; i != GW_TEMPLATE_MAX_KEYS; ++i)
        strcat(text, "x%{principal}");
    strcat(text, "x");
    assert_true(gw_template_parse(&reader, text, true, (gw_mark_t){0}, &template));
    assert_int_equal(template.num_keys, GW_TEMPLATE_MAX_KEYS);
    assert_int_equal(template.num_pieces, GW_TEMPLATE_MAX_PIECES);
    strcat(text, "%{principal}");
    assert_false(gw_template_parse(&reader, text, true, (gw_mark_t){0}, &template));
    gw_arena_free(reader.arena);
    gw_arena_free(reader.scratch);
    gw_diag_free(diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_wrong_is_found),
        cmocka_unit_test(keys_that_nothing_finds_out_in_time_are_warned_about),
        cmocka_unit_test(a_value_becomes_texts_and_keys),
        cmocka_unit_test(as_many_keys_as_there_may_be_fit),
    };
    return cmocka_run_group_tests_name("headers conf", tests, NULL, NULL);
}
