/* SPDX-License-Identifier: MIT
 * The options `store` and `store_tls`: what is wrong with them, and what they come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "filters/rate_limit/store/redis_conf.h"
#include "gateway/config/text.h"
#include "tests/support/conf_files.h"
#include "tests/support/gateway.h"

static void check(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    gw_redis_conf_check(reader, value);
}

static const gw_field_t fields[] = {GW_REDIS_FIELDS(0), {.key = NULL}};
static const gw_section_t section = {
    .name = "stamp", .fields = fields, .size = sizeof(gw_redis_conf_t), .mark_offset = GW_NO_OFFSET, .check = check};

/** @return the findings, to be freed   @param ret lives as long as the arena */
static char *read_conf(gw_arena_t *arena, const char *yaml, gw_redis_conf_t *ret)
{
    gw_diag_t *diag = gw_diag_create();
    gw_conf_reader_t reader = {.arena = arena, .scratch = arena, .diag = diag};
    char *path = conf_file_write(test_folder, "t.yaml", yaml, strlen(yaml));
    gw_node_t *node = gw_yaml_load_memory(arena, arena, path, gw_str_of(yaml), diag);
    *ret = (gw_redis_conf_t){0};
    if (node != NULL)
        gw_section_read(&reader, &section, node, ret);
    char *findings = conf_findings(diag, test_folder);
    gw_diag_free(diag);
    free(path);
    return findings;
}

static void wrong_options_are_found(void **state)
{
    static const struct {
        const char *about, *yaml, *expected;
    } cases[] = {
        {"nothing", "{}", ""},
        {"a store", "store: redis://127.0.0.1", ""},
        {"TLS with the system's certificates", "store: rediss://127.0.0.1", ""},
        {"TLS with everything",
         "store: rediss+sentinel://a/m\nstore_tls: {ca: one.crt, certificate: one.crt, key: one.key}", ""},
        {"an empty URL", "store: ''", "t.yaml:1:8: error: 'store' must be the URL of a Redis, found an empty text\n"},
        {"a URL with a mistake does not show its password", "store: redis://:sesame@h:port",
         "t.yaml:1:8: error: the URL of 'store' is not right: the port is not a number from 1 to 65535\n"
         "  hint: HOST:PORT; an IPv6 address stands in brackets; in user and password write '%' as %25, '/' as %2F, "
         "'@' as %40, ':' as %3A, '?' as %3F, '#' as %23, ',' as %2C\n"},
        {"a list", "store: [redis://a]", "t.yaml:1:8: error: 'store' must be the URL of a Redis, found a list\n"},
        {"TLS without a store", "store_tls: {verify: true}",
         "t.yaml:1:12: error: 'store_tls' is of no use without 'store'\n  hint: rediss://... or "
         "rediss+sentinel://...\n"},
        {"TLS of a store without", "store: redis://a\nstore_tls: {ca: one.crt}",
         "t.yaml:2:12: error: 'store_tls' is of no use: the URL of 'store' is one without TLS\n  hint: rediss://... or "
         "rediss+sentinel://...\n"},
        {"a certificate without key", "store: rediss://a\nstore_tls: {certificate: one.crt}",
         "t.yaml:2:12: error: 'certificate' needs 'key'\n"},
        {"a key without certificate", "store: rediss://a\nstore_tls: {key: one.key}",
         "t.yaml:2:12: error: 'key' needs 'certificate'\n"},
        {"another key", "store: rediss://a\nstore_tls: {certificate: one.crt, key: two.key}",
         "t.yaml:2:12: error: 'two.key' does not belong to the certificate\n"},
        {"files that are not there", "store: rediss://a\nstore_tls: {ca: no.crt, certificate: no.crt, key: no.key}",
         "t.yaml:2:12: error: cannot read 'no.crt': No such file or directory\n"
         "t.yaml:2:12: error: cannot read 'no.key': No such file or directory\n"},
        {"files of other kinds", "store: rediss://a\nstore_tls: {ca: one.key, certificate: one.key, key: one.crt}",
         "t.yaml:2:12: error: 'one.key' holds no certificate in PEM form\n"
         "t.yaml:2:12: error: 'one.crt' holds no private key in PEM form without a passphrase\n"},
        {"a broken file", "store: rediss://a\nstore_tls: {ca: broken.crt}",
         "t.yaml:2:12: error: 'broken.crt' holds a certificate that cannot be understood\n"},
        {"a folder", "store: rediss://a\nstore_tls: {ca: .}",
         "t.yaml:2:12: error: '.' is not a regular file of at most 1 MiB\n"},
        {"no verification", "store: rediss://a\nstore_tls: {verify: false}",
         "t.yaml:2:12: warning: whoever is on the way to the store can pass for it, and read its password\n"
         "  hint: give the CA of the server instead: ca: FILE\n"},
        {"a misspelt key", "store: rediss://a\nstore_tls: {cert: one.crt}",
         "t.yaml:2:13: error: unknown key 'cert'\n  hint: known keys: ca, certificate, key, verify\n"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_arena_t *arena = gw_arena_create();
        gw_redis_conf_t conf;
        char *actual = read_conf(arena, cases[i].yaml, &conf);
        if (strcmp(actual, cases[i].expected) != 0)
            print_error("case: %s\n%s", cases[i].about, actual);
        assert_string_equal(actual, cases[i].expected);
        free(actual);
        gw_arena_free(arena);
    }
}

static void a_password_is_not_printed(void **state)
{
    static const struct {
        const char *about, *yaml, *expected;
    } cases[] = {
        {"no password", "store: redis://h:1/2", "redis://h:1/2"},
        {"a password", "store: redis://user:sesame@h:1/2", "redis://(secret)@h:1/2"},
        {"one for a socket", "store: 'unix://:sesame@/a?db=1'", "unix://(secret)@/a?db=1"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_arena_t *arena = gw_arena_create();
        gw_redis_conf_t conf;
        char *findings = read_conf(arena, cases[i].yaml, &conf);
        assert_string_equal(findings, "");
        gw_node_t *node = gw_redis_url_show(arena, &conf.url);
        assert_string_equal(node->text.ptr, cases[i].expected);
        free(findings);
        gw_arena_free(arena);
    }
    const gw_redis_url_t *none = NULL;
    assert_null(gw_redis_url_show(NULL, &none));
}

/** Two confs with the same TLS options are the same, also after a reload; other files or other content are not. */
static void the_fingerprint_follows_options_and_files(void **state)
{
    static const struct {
        const char *about, *one, *other;
        bool is_same;
    } cases[] = {
        {"the same", "{ca: one.crt}", "{ca: one.crt}", true},
        {"another name of the same", "{ca: one.crt}", "{ca: copy.crt}", true},
        {"another CA", "{ca: one.crt}", "{ca: two.crt}", false},
        {"no CA", "{ca: one.crt}", "{}", false},
        {"a certificate", "{ca: one.crt}", "{ca: one.crt, certificate: one.crt, key: one.key}", false},
        {"no verification", "{ca: one.crt}", "{ca: one.crt, verify: false}", false},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_arena_t *arena = gw_arena_create();
        gw_redis_conf_t one, other;
        free(read_conf(arena, gw_arena_printf(arena, "store: rediss://a\nstore_tls: %s", cases[i].one), &one));
        free(read_conf(arena, gw_arena_printf(arena, "store: rediss://a\nstore_tls: %s", cases[i].other), &other));
        assert_non_null(one.tls.context);
        assert_non_null(other.tls.context);
        bool is_same = memcmp(one.tls.fingerprint, other.tls.fingerprint, sizeof(one.tls.fingerprint)) == 0;
        if (is_same != cases[i].is_same)
            print_error("case: %s\n", cases[i].about);
        assert_int_equal(is_same, cases[i].is_same);
        gw_arena_free(arena);
    }
}

static int make_files(void **state)
{
    static const char broken[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    if (test_folder_create(state) != 0)
        return -1;
    certificate_make(test_folder, "one", "localhost");
    certificate_make(test_folder, "two", "localhost");
    free(conf_file_write(test_folder, "broken.crt", broken, sizeof(broken) - 1));
    gw_arena_t *arena = gw_arena_create();
    FILE *from = fopen(gw_arena_printf(arena, "%s/one.crt", test_folder), "r");
    char bytes[8192];
    size_t len = fread(bytes, 1, sizeof(bytes), from);
    fclose(from);
    free(conf_file_write(test_folder, "copy.crt", bytes, len));
    gw_arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_options_are_found),
        cmocka_unit_test(a_password_is_not_printed),
        cmocka_unit_test(the_fingerprint_follows_options_and_files),
    };
    return cmocka_run_group_tests(tests, make_files, test_folder_remove);
}
