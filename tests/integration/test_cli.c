/* SPDX-License-Identifier: MIT
 * The command line: check, version, wrong usage; and every conf file that ships is accepted. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>
#include "tests/support/conf_files.h"
#include "tests/support/gateway.h"

/** Runs `sluice` with up to four arguments.  @param ret_log everything it said, to be freed   @return its exit status
 */
static int sluice(char **ret_log, const char *a, const char *b, const char *c, const char *d)
{
    const char *program = getenv("SLUICE") != NULL ? getenv("SLUICE") : "gateway/sluice";
    const char *const argv[] = {program, a, b, c, d, NULL};
    process_t *process = process_start(argv);
    process_wait(process);
    *ret_log = process_log(process);
    return process_end(process);
}

static void write_file(const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", test_folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void check_says_all_that_is_wrong_and_where(void **state)
{
    char path[512], *log;
    snprintf(path, sizeof(path), "%s/bad.yaml", test_folder);
    write_file("bad.yaml", "listen: [ { address: 127.0.0.1:8080 } ]\n"
                           "services: { hello: { endpoints: [ 'http://127.0.0.1:1' ] } }\n"
                           "routes:\n"
                           "  - { path: /a, servce: hello }\n"
                           "  - { path: /b, service: helo }\n");
    assert_int_equal(sluice(&log, "check", "-c", path, NULL), 1);
    assert_non_null(strstr(log, "bad.yaml:4:17: error: unknown key 'servce'\n  hint: did you mean 'service'?\n"));
    assert_non_null(strstr(log, "bad.yaml:5:26: error: there is no service 'helo'\n  hint: did you mean 'hello'?\n"));
    free(log);
    assert_int_equal(sluice(&log, "check", "-c", path, "--json"), 1);
    json_t *json = json_loads(log, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    assert_true(json_is_false(json_object_get(json, "ok")));
    assert_true(json_array_size(json_object_get(json, "diagnostics")) >= 2);
    json_decref(json);
    free(log);
}

static void every_conf_file_that_ships_is_accepted_and_prints_what_loads_again(void **state)
{
    char command[2048], pattern[512], *log;
    const char *srcdir = getenv("srcdir") != NULL ? getenv("srcdir") : ".";
    /* beside certificates, which do not ship */
    snprintf(command, sizeof(command),
             "cp -r '%s/conf' '%s/conf' && chmod -R u+w '%s/conf' && mkdir -p '%s/conf/certs' "
             "'%s/conf/examples/certs'",
             srcdir, test_folder, test_folder, test_folder, test_folder);
    assert_int_equal(system(command), 0);
    snprintf(pattern, sizeof(pattern), "%s/conf/certs", test_folder);
    certificate_make(pattern, "localhost", "localhost");
    snprintf(pattern, sizeof(pattern), "%s/conf/examples/certs", test_folder);
    certificate_make(pattern, "example.com", "example.com");
    certificate_make(pattern, "wildcard.example.org", "*.example.org");
    certificate_make(pattern, "server", "localhost");
    snprintf(
        command, sizeof(command),
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/O=Example/CN=Clients "
        "CA' -keyout '%s/ca.key' -out '%s/ca.crt' 2>/dev/null",
        pattern, pattern);
    assert_int_equal(system(command), 0);
    size_t num = 0;
    static const char *const patterns[] = {"conf/*.yaml", "conf/examples/*.yaml"};
    for (size_t i = 0; i != 2; ++i) {
        glob_t found;
        snprintf(pattern, sizeof(pattern), "%s/%s", test_folder, patterns[i]);
        assert_int_equal(glob(pattern, 0, NULL, &found), 0);
        for (size_t k = 0; k != found.gl_pathc; ++k, ++num) {
            if (sluice(&log, "check", "-c", found.gl_pathv[k], NULL) != 0)
                fail_msg("%s", log);
            free(log);
            snprintf(command, sizeof(command), "'%s' check -c '%s' --print >'%s/printed.yaml' 2>'%s/errors'",
                     getenv("SLUICE") != NULL ? getenv("SLUICE") : "gateway/sluice", found.gl_pathv[k], test_folder,
                     test_folder);
            assert_int_equal(system(command), 0);
            char printed[512];
            snprintf(printed, sizeof(printed), "%s/printed.yaml", test_folder);
            if (sluice(&log, "check", "-c", printed, NULL) != 0)
                fail_msg("%s printed: %s", found.gl_pathv[k], log);
            free(log);
        }
        globfree(&found);
    }
    assert_true(num >= 4);
}

static void wrong_usage_ends_with_2_and_version_and_help_with_0(void **state)
{
    char *log;
    assert_int_equal(sluice(&log, "frobnicate", NULL, NULL, NULL), 2);
    assert_non_null(strstr(log, "unknown command 'frobnicate'"));
    free(log);
    assert_int_equal(sluice(&log, "run", "--frobnicate", NULL, NULL), 2);
    free(log);
    assert_int_equal(sluice(&log, "version", NULL, NULL, NULL), 0);
    assert_true(strncmp(log, "sluice ", 7) == 0);
    assert_non_null(strstr(log, "OpenSSL 3"));
    free(log);
    assert_int_equal(sluice(&log, "--help", NULL, NULL, NULL), 0);
    free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_says_all_that_is_wrong_and_where),
        cmocka_unit_test(every_conf_file_that_ships_is_accepted_and_prints_what_loads_again),
        cmocka_unit_test(wrong_usage_ends_with_2_and_version_and_help_with_0),
    };
    return cmocka_run_group_tests_name("command line", tests, test_folder_create, test_folder_remove);
}
