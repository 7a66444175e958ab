/* SPDX-License-Identifier: MIT
 * A snapshot printed: the whole text of one, and that what is printed loads again and prints the same.  The examples
 * under conf/ are loaded here as well (from the folder that the environment variable `srcdir` names, else the current
 * one). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include "tests/support/conf_files.h"

static const char yaml[] =
    "workers: 2\n"
    "trusted_proxies: ::1\n"
    "access_log: off\n"
    "overload: {memory: 75.5%, loop_lag: 100ms}\n"
    "listen: ['[::]:80', unix:/run/s.sock]\n"
    "services:\n"
    "  one: {endpoints: ['http://[::1]:81'], version: 'yes'}\n"
    "filters:\n"
    "  seal: {stamp: {text: \"a: \\\"b\\\"\\n$${X} $5 \\u00e9\", secret: hush, tags: [x, '${SLUICE_T}']}}\n"
    "  empty: {headers: {}}\n"
    "routes:\n"
    "  - {path: /a+b, service: one, filters: [seal, empty, headers: {request: {set: {X-Y: 'Bearer ${SLUICE_T}'}}}]}\n";

static const char printed[] = "workers: 2\n"
                              "drain_timeout: 30s\n"
                              "limits:\n"
                              "  connections: 16384\n"
                              "  head: 16KiB\n"
                              "  fields: 100\n"
                              "  body: 64MiB\n"
                              "timeouts:\n"
                              "  handshake: 10s\n"
                              "  head: 10s\n"
                              "  body: 30s\n"
                              "  write: 30s\n"
                              "  idle: 75s\n"
                              "overload:\n"
                              "  loop_lag: 100ms\n"
                              "  memory: \"75.5%\"\n"
                              "  in_flight: 0\n"
                              "  mode: enforce\n"
                              "access_log:\n"
                              "  file: off\n"
                              "  ring: 1MiB\n"
                              "trusted_proxies:\n"
                              "  - \"::1\"\n"
                              "listen:\n"
                              "  - address: \"[::]:80\"\n"
                              "  - address: unix:/run/s.sock\n"
                              "services:\n"
                              "  one:\n"
                              "    version: \"yes\"\n"
                              "    endpoints:\n"
                              "      - url: \"http://[::1]:81\"\n"
                              "        weight: 1\n"
                              "        backup: false\n"
                              "    balance:\n"
                              "      method: round_robin\n"
                              "      load_factor: \"125%\"\n"
                              "    slow_start: 0s\n"
                              "    max_requests: 0\n"
                              "    queue:\n"
                              "      size: 128\n"
                              "      timeout: 1s\n"
                              "    ejection:\n"
                              "      \"on\":\n"
                              "        - connect_failure\n"
                              "        - empty_response\n"
                              "        - reset\n"
                              "        - response_timeout\n"
                              "        - junk_response\n"
                              "      consecutive_failures: 5\n"
                              "      failure_ratio: \"0%\"\n"
                              "      min_requests: 20\n"
                              "      window: 10s\n"
                              "      time: 10s\n"
                              "      max_time: 5m\n"
                              "      max_share: \"50%\"\n"
                              "    when_unhealthy: fail_fast\n"
                              "    panic_threshold: \"0%\"\n"
                              "    retries:\n"
                              "      attempts: 3\n"
                              "      \"on\":\n"
                              "        - connect_failure\n"
                              "      unsafe_on: []\n"
                              "      per_try_timeout: 0s\n"
                              "      backoff: 25ms\n"
                              "      max_backoff: 250ms\n"
                              "      budget: \"20%\"\n"
                              "      min_concurrent: 3\n"
                              "      max_body: 64KiB\n"
                              "      hedge_after: 0s\n"
                              "    pass_host: true\n"
                              "    timeouts:\n"
                              "      connect: 1s\n"
                              "      response: 15s\n"
                              "      idle: 1m\n"
                              "      total: 0s\n"
                              "    pool:\n"
                              "      size: 64\n"
                              "      idle: 1m\n"
                              "      age: 1h\n"
                              "      upstream_idle: 0s\n"
                              "filters:\n"
                              "  seal:\n"
                              "    stamp:\n"
                              "      bright: true\n"
                              "      weight: 10\n"
                              "      every: 5s\n"
                              "      room: 64KiB\n"
                              "      text: \"a: \\\"b\\\"\\x0A$${X} $5 \xc3\xa9\"\n"
                              "      secret: \"(secret)\"\n"
                              "      colour: red\n"
                              "      tags:\n"
                              "        - x\n"
                              "        - \"${SLUICE_T}\"\n"
                              "  empty:\n"
                              "    headers:\n"
                              "      request: {}\n"
                              "      response: {}\n"
                              "routes:\n"
                              "  - name: /a+b\n"
                              "    path: /a+b\n"
                              "    strip_prefix: false\n"
                              "    service: one\n"
                              "    max_body: 64MiB\n"
                              "    priority: normal\n"
                              "    filters:\n"
                              "      - seal\n"
                              "      - empty\n"
                              "      - headers:\n"
                              "          request:\n"
                              "            set:\n"
                              "              x-y: \"Bearer ${SLUICE_T}\"\n"
                              "          response: {}\n";

static gw_snapshot_t *load_fine(const char *text)
{
    gw_diag_t *diag = gw_diag_create();
    gw_snapshot_t *snapshot = gw_snapshot_load_memory("t.yaml", gw_str_of(text), diag);

    gw_diag_print(diag, stderr);
    gw_diag_free(diag);
    assert_non_null(snapshot);
    return snapshot;
}

static void a_snapshot_is_printed_with_its_defaults_and_without_secrets(void **state)
{
    setenv("SLUICE_T", "hidden", 1);
    gw_snapshot_t *snapshot = load_fine(yaml);
    char *text = conf_printed(snapshot);

    if (strcmp(text, printed) != 0)
        fputs(text, stderr);
    assert_string_equal(text, printed);
    free(text);
    gw_snapshot_unref(snapshot);
}

static void what_is_printed_loads_and_prints_the_same(void **state)
{
    gw_snapshot_t *snapshot = load_fine(printed);
    char *text = conf_printed(snapshot);

    /* the secret itself is gone, so it is no longer the same secret; everything else is */
    assert_string_equal(text, printed);
    free(text);
    gw_snapshot_unref(snapshot);
}

static void filters_with_files_of_credentials_load_again_as_they_are_printed(void **state)
{
    static const char text[] =
        "listen: [':1']\nservices: {one: {endpoints: ['http://a']}}\n"
        "filters:\n  k: {api_key: {file: keys, from: [header:X-A, 'query:k'], forward: {owner: X-Owner},\n"
        "      require: {plan: ['${SLUICE_T}', silver], owner: acme}, optional: true, mode: observe}}\n"
        "  u: {basic_auth: {file: users, require: {user: ann}, remember: 0s, remove: no}}\n"
        "routes: [{path: /, service: one, filters: [k, u]}]\n";
    static const char expected[] = "    api_key:\n"
                                   "      from:\n"
                                   "        - header:X-A\n"
                                   "        - query:k\n"
                                   "      file: FOLDER/keys\n"
                                   "      remove: true\n"
                                   "      forward:\n"
                                   "        owner: x-owner\n"
                                   "      require:\n"
                                   "        plan:\n"
                                   "          - \"${SLUICE_T}\"\n"
                                   "          - silver\n"
                                   "        owner:\n"
                                   "          - acme\n"
                                   "      optional: \"true\"\n"
                                   "      realm: api\n"
                                   "      mode: observe\n"
                                   "  u:\n"
                                   "    basic_auth:\n"
                                   "      file: FOLDER/users\n"
                                   "      realm: restricted\n"
                                   "      remove: false\n"
                                   "      require:\n"
                                   "        user:\n"
                                   "          - ann\n"
                                   "      optional: \"false\"\n"
                                   "      remember: 0s\n"
                                   "      mode: enforce\n";
    char *folder = conf_folder_create();
    setenv("SLUICE_T", "gold", 1);
    free(conf_file_write(folder, "keys", "", 0));
    free(conf_file_write(folder, "users", "", 0));
    char *path = conf_file_write(folder, "t.yaml", text, sizeof(text) - 1), *first = NULL;
    for (size_t i = 0; i != 2; ++i) { /* the second time what was printed */
        gw_diag_t *diag = gw_diag_create();
        gw_snapshot_t *snapshot = gw_snapshot_load(path, diag);
        assert_non_null(snapshot);
        char *printed_now = conf_printed(snapshot);
        if (i == 0) {
            first = printed_now;
            free(conf_file_write(folder, "t.yaml", first, strlen(first)));
            printed_now = strdup(first);
        }
        assert_string_equal(printed_now, first);
        for (char *at; (at = strstr(printed_now, folder)) != NULL;) { /* a folder's name is longer than "FOLDER" */
            memcpy(at, "FOLDER", 6);
            memmove(at + 6, at + strlen(folder), strlen(at + strlen(folder)) + 1);
        }
        if (strstr(printed_now, expected) == NULL)
            fail_msg("%s", printed_now);
        free(printed_now);
        gw_snapshot_unref(snapshot);
        gw_diag_free(diag);
    }
    free(first);
    free(path);
    conf_folder_remove(folder);
}

static void json_holds_the_same(void **state)
{
    static const char expected[] =
        "{\"workers\":2,\"drain_timeout\":\"30s\",\"limits\":{\"connections\":16384,\"head\":\"16KiB\",\"fields\":100,"
        "\"body\":\"64MiB\"},";
    gw_snapshot_t *snapshot = load_fine(yaml);
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);

    gw_snapshot_print_json(snapshot, to);
    fclose(to);
    assert_memory_equal(text, expected, sizeof(expected) - 1);
    assert_non_null(strstr(text, "\"text\":\"a: \\\"b\\\"\\u000a${X} $5 \xc3\xa9\",\"secret\":\"(secret)\""));
    assert_null(strstr(text, "hush"));
    assert_null(strstr(text, "hidden"));
    free(text);
    gw_snapshot_unref(snapshot);
}

static const char *source_file(char *buf, size_t size, const char *name)
{
    const char *folder = getenv("srcdir");

    snprintf(buf, size, "%s/%s", folder != NULL ? folder : ".", name);
    return buf;
}

/* certificates are made on first use and never part of the tree, so two of these may say that theirs are missing */
/** A source tree has no modes for what others may not read: its files hold hashes, and to be warned of them is right.
 */
static void forget_warnings_of_modes(char *findings)
{
    static const char end[] = " may be read or changed by others\n  hint: chmod 0640 or stricter\n";
    for (char *found; (found = strstr(findings, end)) != NULL;) {
        char *line = found, *rest = found + sizeof(end) - 1;
        while (line != findings && line[-1] != '\n')
            --line;
        memmove(line, rest, strlen(rest) + 1);
    }
}

static void every_example_loads_clean_and_prints_what_loads_again(void **state)
{
    static const struct {
        const char *name;
        bool has_certificates;
    } cases[] = {
        {"conf/sluice.yaml", false},
        {"conf/examples/minimal.yaml", false},
        {"conf/examples/rate-limits.yaml", false},
        {"conf/examples/resilience.yaml", false},
        {"conf/examples/virtual-hosts.yaml", false},
        {"conf/examples/auth.yaml", false},
        {"conf/examples/cache.yaml", false},
        {"conf/examples/client-certificates.yaml", true},
        {"conf/examples/demo.yaml", true},
        {"conf/examples/tls.yaml", true},
    };

    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char path[4096];
        gw_diag_t *diag = gw_diag_create();
        gw_snapshot_t *snapshot = gw_snapshot_load(source_file(path, sizeof(path), cases[i].name), diag);
        char *findings = conf_findings(diag, NULL);
        if (snapshot == NULL) {
            /* nothing but the missing files may be wrong */
            for (char *line = findings, *end; *line != '\0'; line = end + 1) {
                end = strchr(line, '\n');
                *end = '\0';
                if (!cases[i].has_certificates || strstr(line, "cannot read '") == NULL)
                    fprintf(stderr, "%s: %s\n", cases[i].name, line);
                assert_true(cases[i].has_certificates);
                assert_non_null(strstr(line, "cannot read '"));
            }
        } else {
            forget_warnings_of_modes(findings);
            assert_string_equal(findings, "");
            char *text = conf_printed(snapshot);
            gw_snapshot_t *again = load_fine(text);
            char *text_again = conf_printed(again);
            assert_string_equal(text_again, text);
            gw_snapshot_unref(again);
            free(text_again);
            free(text);
        }
        free(findings);
        gw_snapshot_unref(snapshot);
        gw_diag_free(diag);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_is_printed_with_its_defaults_and_without_secrets),
        cmocka_unit_test(what_is_printed_loads_and_prints_the_same),
        cmocka_unit_test(filters_with_files_of_credentials_load_again_as_they_are_printed),
        cmocka_unit_test(json_holds_the_same),
        cmocka_unit_test(every_example_loads_clean_and_prints_what_loads_again),
    };

    return cmocka_run_group_tests_name("test_config_print", tests, NULL, NULL);
}
