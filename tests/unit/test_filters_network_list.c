/* SPDX-License-Identifier: MIT
 * Lists of networks: what a file may say, what is wrong in it, and who passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include "filters/network_list.h"
#include "tests/support/conf_files.h"

/** @param ret_findings to be freed   @return the list, or NULL */
static gw_network_list_t *parse(gw_str_t content, char **ret_findings)
{
    gw_diag_t *diag = gw_diag_create();
    gw_network_list_t *list = gw_network_list_parse(content, "list", diag);
    *ret_findings = conf_findings(diag, NULL);
    assert_int_equal(list == NULL, gw_diag_num_errors(diag) != 0);
    gw_diag_free(diag);
    return list;
}

static void a_file_has_one_network_a_line(void **state)
{
    static const struct {
        const char *about, *content;
        size_t num;
        const char *findings;
    } cases[] = {
        {"both families", "10.0.0.0/8\n2001:db8::/32\n", 2, ""},
        {"no line break at the end", "10.0.0.0/8\n::1", 2, ""},
        {"comments and blanks", "# all of them\n\n  \t\n 10.0.0.1 # this\n\t10.0.0.2\t#that\n#\n", 2, ""},
        {"line ends of another system", "10.0.0.1\r\n10.0.0.2\r\n", 2, ""},
        {"a byte order mark",
         "\xef\xbb\xbf"
         "10.0.0.1\n::1\n",
         2, ""},
        {"Unix sockets", "unix\n10.0.0.1\n", 2, ""},
        {"the same one again", "10.0.0.1\n10.0.0.1/32\n", 2, ""},
        {"a byte order mark alone", "\xef\xbb\xbf", 0, "list: warning: there is no network in this file\n"},
        {"nothing", "", 0, "list: warning: there is no network in this file\n"},
        {"only comments", "# later\n", 0, "list: warning: there is no network in this file\n"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char *findings;
        gw_network_list_t *list = parse(gw_str_of(cases[i].content), &findings);
        assert_string_equal(findings, cases[i].findings);
        assert_int_equal(list->num, cases[i].num);
        gw_network_list_free(list);
        free(findings);
    }
}

static void what_is_wrong_is_said_with_its_place(void **state)
{
    static const struct {
        const char *about;
        gw_str_t content;
        const char *findings;
    } cases[] = {
        {"several at once", GW_STR("10.0.0.1\nten\n  10.0.0.1/33\n::1\n::/129 # all\n"),
         "list:2:1: error: 'ten' is no network (an address or a network such as 10.0.0.0/8 or ::1)\n"
         "list:3:3: error: '10.0.0.1/33' is no network (0..32 bits after the '/')\n"
         "list:5:1: error: '::/129' is no network (0..128 bits after the '/')\n"},
        {"bits beyond the prefix", GW_STR("10.1.2.3/8\n"),
         "list:1:1: error: '10.1.2.3/8' is no network (a network has no bits beyond its prefix)\n"
         "  hint: did you mean '10.0.0.0/8'?\n"},
        {"exceptions", GW_STR("10.0.0.0/8\n!10.1.0.0/16\n"),
         "list:2:1: error: '!10.1.0.0/16' is no network (an address or a network such as 10.0.0.0/8 or ::1)\n"
         "  hint: there is no '!' here: list it on the other side\n"},
        {"two in a line", GW_STR("10.0.0.1 10.0.0.2\n"),
         "list:1:1: error: '10.0.0.1 10.0.0.2' is no network (an address or a network such as 10.0.0.0/8 or ::1)\n"},
        {"zero bytes", GW_STR("10.0.0.1\0\n"),
         "list:1:1: error: '10.0.0.1\\x00' is no network (an address or a network such as 10.0.0.0/8 or ::1)\n"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        char *findings;
        assert_null(parse(cases[i].content, &findings));
        if (strcmp(findings, cases[i].findings) != 0)
            print_error("case: %s\n%s", cases[i].about, findings);
        assert_string_equal(findings, cases[i].findings);
        free(findings);
    }
}

static void no_more_than_twenty_errors_are_reported(void **state)
{
    char content[64] = "", *findings;
    for (size_t i = 0; i != 25; ++i)
        strcat(content, "x\n");
    assert_null(parse(gw_str_of(content), &findings));
    assert_non_null(strstr(findings, "list:20:1: error: "));
    assert_non_null(strstr(findings, "list:21:1: error: there may be more errors: the rest was not read\n"));
    assert_null(strstr(findings, "list:22:"));
    free(findings);
}

static void a_file_with_too_many_networks_is_refused(void **state)
{
    size_t len = (GW_NETWORK_LIST_MAX + 1) * 3;
    char *content = malloc(len), *findings;
    for (size_t i = 0; i != len; i += 3)
        memcpy(content + i, "::\n", 3);
    assert_null(parse(gw_str(content, len), &findings));
    assert_string_equal(findings, "list:1000001:1: error: more than 1000000 networks in one file\n");
    free(findings);
    gw_network_list_t *list = parse(gw_str(content, len - 3), &findings);
    assert_int_equal(list->num, GW_NETWORK_LIST_MAX);
    gw_network_list_free(list);
    free(findings);
    free(content);
}

/* judging ---------------------------------------------------------------------------------------------------------- */

static gw_network_list_t *list_of(const char *content)
{
    char *findings;
    gw_network_list_t *list = content != NULL ? parse(gw_str_of(content), &findings) : NULL;
    if (content != NULL)
        free(findings);
    return list;
}

static void the_most_specific_network_decides(void **state)
{
    static const struct {
        const char *about, *allow, *allow_file, *deny, *deny_file, *address; /* address NULL: a Unix socket */
        gw_ip_verdict_t verdict;
    } cases[] = {
        {"in no network, and nothing is allowed by name", NULL, NULL, "10.0.0.0/8", NULL, "11.0.0.1", GW_IP_ALLOWED},
        {"in a denied one", NULL, NULL, "10.0.0.0/8", NULL, "10.0.0.1", GW_IP_DENIED},
        {"in one that a file denies", NULL, NULL, NULL, "10.0.0.0/8", "10.0.0.1", GW_IP_DENIED},
        {"in an allowed one", "10.0.0.0/8", NULL, NULL, NULL, "10.0.0.1", GW_IP_ALLOWED},
        {"in no network, and others are allowed", "10.0.0.0/8", NULL, NULL, NULL, "11.0.0.1", GW_IP_NOT_ALLOWED},
        {"the same by a file", NULL, "10.0.0.0/8", NULL, NULL, "11.0.0.1", GW_IP_NOT_ALLOWED},
        {"an empty allow file allows nobody", NULL, "", NULL, NULL, "11.0.0.1", GW_IP_NOT_ALLOWED},
        {"an empty deny file denies nobody", NULL, NULL, NULL, "", "11.0.0.1", GW_IP_ALLOWED},
        {"an exception from an allowed network", "10.0.0.0/8", NULL, "10.6.0.0/16", NULL, "10.6.1.1", GW_IP_DENIED},
        {"an exception from the exception", "10.0.0.0/8", "10.6.1.1", "10.6.0.0/16", NULL, "10.6.1.1", GW_IP_ALLOWED},
        {"an exception from a denied network", "10.6.6.6", NULL, "10.0.0.0/8", NULL, "10.6.6.6", GW_IP_ALLOWED},
        {"beside it", "10.6.6.6", NULL, "10.0.0.0/8", NULL, "10.6.6.7", GW_IP_DENIED},
        {"as specific in both", "10.0.0.0/8", NULL, NULL, "10.0.0.0/8", "10.6.6.7", GW_IP_DENIED},
        {"everybody denied but some", "2001:db8::/32", NULL, "0.0.0.0/0\n::/0", NULL, "2001:db8::1", GW_IP_ALLOWED},
        {"everybody else", "2001:db8::/32", NULL, "0.0.0.0/0\n::/0", NULL, "2001:db9::1", GW_IP_DENIED},
        {"IPv4 in IPv6", NULL, NULL, "10.0.0.0/8", NULL, "::ffff:10.0.0.1", GW_IP_DENIED},
        {"every IPv6 address is none of IPv4", NULL, NULL, "::/0", NULL, "10.0.0.1", GW_IP_ALLOWED},
        {"a Unix socket where nothing is allowed by name", NULL, NULL, "0.0.0.0/0\n::/0", NULL, NULL, GW_IP_ALLOWED},
        {"a Unix socket that is denied", NULL, NULL, "unix", NULL, NULL, GW_IP_DENIED},
        {"a Unix socket that is not allowed", "0.0.0.0/0\n::/0", NULL, NULL, NULL, NULL, GW_IP_NOT_ALLOWED},
        {"a Unix socket that is allowed", NULL, "unix", NULL, NULL, NULL, GW_IP_ALLOWED},
        {"a Unix socket in both", "unix", NULL, NULL, "unix", NULL, GW_IP_DENIED},
        {"an address is no Unix socket", "unix", NULL, NULL, NULL, "10.0.0.1", GW_IP_NOT_ALLOWED},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_network_list_t *allow[2] = {list_of(cases[i].allow), list_of(cases[i].allow_file)};
        gw_network_list_t *deny[2] = {list_of(cases[i].deny), list_of(cases[i].deny_file)};
        uint8_t address[16];
        if (cases[i].address != NULL)
            assert_true(gw_address_parse(gw_str_of(cases[i].address), address));
        gw_ip_verdict_t verdict =
            gw_ip_judge((const gw_network_list_t *const *)allow, (const gw_network_list_t *const *)deny,
                        cases[i].address != NULL ? address : NULL);
        if (verdict != cases[i].verdict)
            fail_msg("%s: %d instead of %d", cases[i].about, verdict, cases[i].verdict);
        for (size_t k = 0; k != 2; ++k) {
            gw_network_list_free(allow[k]);
            gw_network_list_free(deny[k]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_has_one_network_a_line),
        cmocka_unit_test(what_is_wrong_is_said_with_its_place),
        cmocka_unit_test(no_more_than_twenty_errors_are_reported),
        cmocka_unit_test(a_file_with_too_many_networks_is_refused),
        cmocka_unit_test(the_most_specific_network_decides),
    };
    return cmocka_run_group_tests_name("filters: network list", tests, NULL, NULL);
}
