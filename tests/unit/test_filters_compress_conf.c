/* SPDX-License-Identifier: MIT
 * The options of compress: what is wrong with them, and what they come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include "filters/compress/compress_conf.h"
#include "tests/support/conf_files.h"

#define CONF(options)                                                                                                  \
    "listen: [':80']\nservices: {one: {endpoints: ['http://a']}}\n"                                                    \
    "filters: {small: {compress: {" options "}}}\nroutes: [{path: /, service: one, filters: [small]}]\n"

static void wrong_options_are_found(void **state)
{
    static const struct {
        const char *about, *yaml, *expected;
    } cases[] = {
        {"nothing", CONF(""), ""},
        {"everything",
         CONF("codings: [gzip, br], types: [text/*, '*/*', application/*+json], min_size: 0, gzip_level: 9, "
              "brotli_level: 0, max_concurrent: 1"),
         ""},
        {"codings that there are not", CONF("codings: [brotli, GZIP]"),
         "t.yaml:3:40: error: 'brotli' is not valid for 'codings' (br or gzip)\n"
         "  hint: did you mean 'br'?\n"
         "t.yaml:3:48: error: 'GZIP' is not valid for 'codings' (br or gzip)\n"},
        {"identity", CONF("codings: identity"),
         "t.yaml:3:39: error: 'identity' is not valid for 'codings' (br or gzip)\n"},
        {"the same twice", CONF("codings: [br, br]"), "t.yaml:3:44: error: 'br' stands twice in 'codings'\n"},
        {"none", CONF("codings: []"),
         "t.yaml:3:39: error: 'codings' has 0 entries (1..2 entries)\n"
         "  hint: content codings that clients may get, in the order in which the gateway prefers them\n"},
        {"types that are none", CONF("types: [text, 'text/h*', '*/html']"),
         "t.yaml:3:38: error: 'text' is not valid for 'types' (text/html, text/*, application/*+json or */*)\n"
         "t.yaml:3:44: error: 'text/h*' is not valid for 'types' (text/html, text/*, application/*+json or */*)\n"
         "t.yaml:3:55: error: '*/html' is not valid for 'types' (text/html, text/*, application/*+json or */*)\n"},
        {"levels that there are not", CONF("gzip_level: 0, brotli_level: 10"),
         "t.yaml:3:42: error: '0' is not valid for 'gzip_level' (1..9)\n"
         "  hint: how hard gzip tries\n"
         "t.yaml:3:59: error: '10' is not valid for 'brotli_level' (0..9)\n"
         "  hint: how hard br tries\n"},
        {"nobody at a time", CONF("max_concurrent: 0"),
         "t.yaml:3:46: error: '0' is not valid for 'max_concurrent' (1..100000 responses)\n"
         "  hint: responses that each worker compresses at a time; beyond that they go out as they are\n"},
        {"a misspelt key", CONF("min_sise: 1"),
         "t.yaml:3:30: error: unknown key 'min_sise'\n  hint: did you mean 'min_size'?\n"},
        {"two in a route",
         "listen: [':80']\nservices: {one: {endpoints: ['http://a']}}\n"
         "routes: [{path: /, service: one, filters: [{compress: {}}, {compress: {codings: br}}]}]\n",
         "t.yaml:3:10: error: this route has two filters 'compress'\n"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char *actual = conf_findings_of(cases[i].yaml);
        if (strcmp(actual, cases[i].expected) != 0)
            print_error("case: %s\n%s", cases[i].about, actual);
        assert_string_equal(actual, cases[i].expected);
        free(actual);
    }
}

static gw_snapshot_t *load(const char *folder, const char *yaml)
{
    char *path = conf_file_write(folder, "a.yaml", yaml, strlen(yaml));
    gw_diag_t *diag = gw_diag_create();
    gw_snapshot_t *snapshot = gw_snapshot_load(path, diag);
    assert_non_null(snapshot);
    gw_diag_free(diag);
    free(path);
    return snapshot;
}

static bool is_compressed(const gw_compress_conf_t *conf, const char *type, uint64_t length)
{
    gw_accept_encoding_t accept = {.any = 1000, .is_any_said = true};
    const gw_compress_facts_t facts = {.status = 200, .content_type = gw_str_of(type), .length = length};
    return gw_compress_judge(&conf->rules, &facts, &accept).coding != GW_CODING_IDENTITY;
}

static void by_default_text_of_a_kilobyte_is_compressed(void **state)
{
    static const char *const texts[] = {"text/html; charset=utf-8", "text/event-stream",      "application/json",
                                        "application/problem+json", "application/javascript", "application/rss+xml",
                                        "application/wasm",         "image/svg+xml"};
    static const char *const others[] = {"image/png", "video/mp4", "application/octet-stream", "application/zip", ""};
    char *folder = conf_folder_create();
    gw_snapshot_t *snapshot = load(folder, CONF(""));
    const gw_compress_conf_t *conf = snapshot->filters[0]->conf;
    assert_int_equal(conf->rules.num_codings, 2);
    assert_int_equal(conf->rules.codings[0], GW_CODING_BR);
    assert_int_equal(conf->rules.codings[1], GW_CODING_GZIP);
    for (size_t i = 0; i != sizeof(texts) / sizeof(texts[0]); ++i) {
        assert_true(is_compressed(conf, texts[i], 1024));
        assert_false(is_compressed(conf, texts[i], 1023));
    }
    for (size_t i = 0; i != sizeof(others) / sizeof(others[0]); ++i)
        assert_false(is_compressed(conf, others[i], 100000));
    gw_snapshot_unref(snapshot);
    conf_folder_remove(folder);
}

static void the_order_of_codings_and_the_types_are_those_of_the_file(void **state)
{
    char *folder = conf_folder_create();
    gw_snapshot_t *snapshot = load(folder, CONF("codings: [gzip, br], types: image/*, min_size: 10"));
    const gw_compress_conf_t *conf = snapshot->filters[0]->conf;
    assert_int_equal(conf->rules.codings[0], GW_CODING_GZIP);
    assert_int_equal(conf->rules.codings[1], GW_CODING_BR);
    assert_true(is_compressed(conf, "image/png", 10));
    assert_false(is_compressed(conf, "image/png", 9));
    assert_false(is_compressed(conf, "text/html", 10000));
    gw_snapshot_unref(snapshot);
    conf_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_options_are_found),
        cmocka_unit_test(by_default_text_of_a_kilobyte_is_compressed),
        cmocka_unit_test(the_order_of_codings_and_the_types_are_those_of_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
