/* SPDX-License-Identifier: MIT
 * The options of ip_access: what is wrong with them, and what they come to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include "filters/ip_access_conf.h"
#include "tests/support/conf_files.h"

#define CONF(options)                                                                                                  \
    "listen: [':80']\nservices: {one: {endpoints: ['http://a']}}\n"                                                    \
    "filters: {who: {ip_access: {" options "}}}\nroutes: [{path: /, service: one, filters: [who]}]\n"

static void wrong_options_are_found(void **state)
{
    static const struct {
        const char *about, *yaml, *expected;
    } cases[] = {
        {"everything", CONF("allow: [10.0.0.0/8, '::1', unix], deny: 10.6.6.6, address: peer, mode: observe"), ""},
        {"nothing", CONF(""),
         "t.yaml:3:28: error: 'ip_access' needs 'allow', 'deny', 'allow_file' or 'deny_file'\n"
         "  hint: for example: deny: [192.0.2.0/24]\n"},
        {"an empty list of those that may pass", CONF("allow: []"),
         "t.yaml:3:36: error: 'allow' has 0 entries (1..10000 entries)\n"
         "  hint: networks and addresses that may pass; with this or allow_file, nobody else may; unix stands for "
         "clients of Unix sockets\n"},
        {"an empty list of those that may not", CONF("allow: '::1', deny: []"), ""},
        {"texts that are no networks", CONF("allow: [10.0.0.0/33, here], deny: ['::1/8', 'unix:/a']"),
         "t.yaml:3:37: error: '10.0.0.0/33' is not valid for 'allow' (0..32 bits after the '/')\n"
         "t.yaml:3:50: error: 'here' is not valid for 'allow' (an address or a network such as 10.0.0.0/8 or ::1)\n"
         "t.yaml:3:64: error: '::1/8' is not valid for 'deny' (a network has no bits beyond its prefix)\n"
         "  hint: did you mean '::/8'?\n"
         "t.yaml:3:73: error: 'unix:/a' is not valid for 'deny' (an address or a network such as 10.0.0.0/8 or ::1)\n"},
        {"files that are not there", CONF("allow_file: /no/a, deny_file: /no/b"),
         "t.yaml:3:28: error: cannot read allow_file '/no/a': No such file or directory\n"
         "t.yaml:3:28: error: cannot read deny_file '/no/b': No such file or directory\n"},
        {"a folder", CONF("deny_file: /"), "t.yaml:3:28: error: cannot read deny_file '/': it is not a regular file\n"},
        {"words that are none", CONF("deny: '::1', address: clients, mode: observed"),
         "t.yaml:3:51: error: 'clients' is not valid for 'address' (client or peer)\n"
         "  hint: did you mean 'client'?\n"
         "t.yaml:3:66: error: 'observed' is not valid for 'mode' (enforce or observe)\n"
         "  hint: did you mean 'observe'?\n"},
        {"a misspelt key", CONF("denny: '::1'"),
         "t.yaml:3:29: error: unknown key 'denny'\n  hint: did you mean 'deny'?\n"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char *actual = conf_findings_of(cases[i].yaml);
        if (strcmp(actual, cases[i].expected) != 0)
            print_error("case: %s\n%s", cases[i].about, actual);
        assert_string_equal(actual, cases[i].expected);
        free(actual);
    }
}

static char *write_text(const char *folder, const char *name, const char *text)
{
    return conf_file_write(folder, name, text, strlen(text));
}

static void what_is_wrong_in_a_file_is_found_with_the_conf(void **state)
{
    char *folder = conf_folder_create();
    char *path = write_text(folder, "a.yaml", CONF("deny_file: lists/deny.txt"));
    free(write_text(folder, "lists/deny.txt", "10.0.0.1\nten\n"));
    gw_diag_t *diag = gw_diag_create();
    assert_null(gw_snapshot_load(path, diag));
    char *findings = conf_findings(diag, folder);
    assert_string_equal(
        findings,
        "lists/deny.txt:2:1: error: 'ten' is no network (an address or a network such as 10.0.0.0/8 or ::1)\n");
    free(findings);
    free(path);
    gw_diag_free(diag);
    conf_folder_remove(folder);
}

static void a_good_file_comes_with_the_snapshot(void **state)
{
    char *folder = conf_folder_create();
    char *path = write_text(folder, "a.yaml", CONF("allow: [10.0.0.0/8, unix], deny_file: deny.txt"));
    free(write_text(folder, "deny.txt", "10.0.0.1\n10.0.0.2\n"));
    gw_diag_t *diag = gw_diag_create();
    gw_snapshot_t *snapshot = gw_snapshot_load(path, diag);
    assert_non_null(snapshot);
    const gw_ip_access_conf_t *conf = snapshot->filters[0]->conf;
    assert_int_equal(conf->allow_list->num, 2);
    assert_true(conf->allow_list->has_unix);
    assert_null(conf->deny_list);
    assert_null(conf->allow_seed.version);
    assert_int_equal(((gw_network_list_t *)gw_version_value(conf->deny_seed.version))->num, 2);
    char *printed = conf_printed(snapshot);
    assert_non_null(strstr(printed, "deny_file: "));
    free(printed);
    gw_snapshot_unref(snapshot);
    gw_diag_free(diag);
    free(path);
    conf_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_options_are_found),
        cmocka_unit_test(what_is_wrong_in_a_file_is_found_with_the_conf),
        cmocka_unit_test(a_good_file_comes_with_the_snapshot),
    };
    return cmocka_run_group_tests_name("filters: options of ip_access", tests, NULL, NULL);
}
