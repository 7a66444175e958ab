/* SPDX-License-Identifier: MIT
 * Password files: which hashes are taken, what is found wrong with the others, and who is found in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "filters/htpasswd.h"
#include "tests/support/conf_files.h"

/* of "U*U", crypt_blowfish's own; of "Hello world!", from the specification of SHA-crypt; of "secret" */
#define BCRYPT "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
#define SHA512 "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
#define SHA256 "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"
#define SHA512_10K                                                                                                     \
    "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/"    \
    "y3RnOaw5v."
#define YESCRYPT "$y$j75$F5Jx5fExrKuPp53xLKQ..1$l5YiXCKNY/N9ezall4xjJAFS/wg.kWVcFXfOzyxVn1."

static const uint64_t key[2] = {1, 2};

static gw_htpasswd_t *parse(const char *text, char **ret_findings)
{
    gw_diag_t *diag = gw_diag_create();
    gw_htpasswd_t *users = gw_htpasswd_parse(gw_str_of(text), "users", diag);
    *ret_findings = conf_findings(diag, NULL);
    gw_diag_free(diag);
    return users;
}

static void hashes_that_are_taken_are_verified(void **state)
{
    static const struct {
        const char *about, *hash, *password;
        size_t cost_len;
        bool is_bcrypt;
    } rows[] = {
        {"bcrypt 2a", BCRYPT, "U*U", 7, true},
        {"bcrypt 2b", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", 7, true},
        {"bcrypt 2y, of the empty text", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy", "", 7, true},
        {"SHA-512", SHA512, "Hello world!", 3, false},
        {"SHA-512 with rounds", SHA512_10K, "Hello world!", 16, false},
        {"SHA-256", SHA256, "Hello world!", 3, false},
        {"yescrypt", YESCRYPT, "secret", 7, false},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        gw_password_hash_t hash;
        const char *hint, *why = gw_password_check_hash(gw_str_of(rows[i].hash), &hash, &hint);
        char other[64];
        if (why != NULL)
            fail_msg("%s: %s", rows[i].about, why);
        assert_int_equal(hash.cost_len, rows[i].cost_len);
        assert_int_equal(hash.is_bcrypt, rows[i].is_bcrypt);
        if (!gw_password_matches(rows[i].password, rows[i].hash))
            fail_msg("%s: the right password is wrong", rows[i].about);
        snprintf(other, sizeof(other), "%sx", rows[i].password);
        assert_false(gw_password_matches(other, rows[i].hash));
    }
}

static void lines_that_are_not_taken_are_explained_and_never_quoted(void **state)
{
    static const char how[] = "\n  hint: make it anew: htpasswd -B -C 10 FILE USER\n";
    static const struct {
        const char *about, *text, *finding; /* without `how` */
    } rows[] = {
        {"plain text", "ann:hunter2\n", "users:1:5: error: this is no hash, or one of DES: neither is safe"},
        {"DES", "ann:rqXexS6ZhobKA\n", "users:1:5: error: this is no hash, or one of DES: neither is safe"},
        {"nothing", "ann:\n", "users:1:5: error: this is no hash, or one of DES: neither is safe"},
        {"apr1", "# old\nann:$apr1$uUMsOjCQ$.BzXClI/B/vZKddgIAJCR.\n",
         "users:2:5: error: MD5 is too weak for passwords"},
        {"MD5", "ann:$1$abc$iCQ2D3nhptRYi27fDYv2s1\n", "users:1:5: error: MD5 is too weak for passwords"},
        {"SHA-1", "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n",
         "users:1:5: error: one round of SHA-1 is too weak for passwords"},
        {"another kind", "ann:$argon2id$v=19$m=65536\n", "users:1:5: error: hashes of this kind are not taken"},
        {"bcrypt cut short", "ann:$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe\n",
         "users:1:5: error: this hash is not whole"},
        {"bcrypt with a comment", "ann:" BCRYPT ":Ann\n", "users:1:5: error: this hash is not whole"},
        {"bcrypt without cost", "ann:$2y$xx$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n",
         "users:1:5: error: this hash is not whole"},
        {"bcrypt that takes hours", "ann:$2y$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n",
         "users:1:5: error: this hash takes too long: its cost is above 14"},
        {"bcrypt just too dear", "ann:$2y$15$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n",
         "users:1:5: error: this hash takes too long: its cost is above 14"},
        {"SHA-512 cut short", "ann:$6$saltstring$svn8Uo\n", "users:1:5: error: this hash is not whole"},
        {"SHA-512 without hash", "ann:$6$saltstring\n", "users:1:5: error: this hash is not whole"},
        {"SHA-256 with a billion rounds",
         "ann:$5$rounds=1000000000$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8\n",
         "users:1:5: error: this hash takes too long: it has more than 3000000 rounds"},
        {"SHA-256 with a word for rounds",
         "ann:$5$rounds=many$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8\n",
         "users:1:5: error: this hash is not whole"},
        {"SHA-256 with a long salt", "ann:$5$saltstringsaltstr$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc8\n",
         "users:1:5: error: this hash is not whole"},
        {"yescrypt that takes a gigabyte",
         "ann:$y$jFT$F5Jx5fExrKuPp53xLKQ..1$l5YiXCKNY/N9ezall4xjJAFS/wg.kWVcFXfOzyxVn1.\n",
         "users:1:5: error: this hash takes too long: its cost is above 8"},
        {"yescrypt of another flavour",
         "ann:$y$/9T$F5Jx5fExrKuPp53xLKQ..1$l5YiXCKNY/N9ezall4xjJAFS/wg.kWVcFXfOzyxVn1.\n",
         "users:1:5: error: this hash has parameters that 'mkpasswd' does not make"},
        {"yescrypt cut short", "ann:$y$j75$F5Jx5fExrKuPp53xLKQ..1\n", "users:1:5: error: this hash is not whole"},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        char *findings, expected[300];
        snprintf(expected, sizeof(expected), "%s%s", rows[i].finding, how);
        assert_null(parse(rows[i].text, &findings));
        if (strcmp(findings, expected) != 0)
            fail_msg("%s:\n%s instead of\n%s", rows[i].about, findings, expected);
        free(findings);
    }
}

static void files_that_are_wrong_name_the_places(void **state)
{
    static const struct {
        const char *about, *text, *findings;
    } rows[] = {
        {"no colon", "ann\n",
         "users:1:1: error: a line is USER:HASH\n  hint: for example: htpasswd -B -C 10 FILE USER\n"},
        {"no name", ":" BCRYPT "\n", "users:1:1: error: this is no name for a user\n  hint: 1 to 255 bytes\n"},
        {"a control character", "a\x1bn:" BCRYPT "\n",
         "users:1:1: error: a name has no control characters, and no blanks at its ends\n"},
        {"a blank before", " ann:" BCRYPT "\n",
         "users:1:1: error: a name has no control characters, and no blanks at its ends\n"},
        {"users twice", "ann:" BCRYPT "\nbob:" SHA256 "\nann:" SHA512 "\nbob:x\n",
         "users:3:1: error: the user of line 1 is here again\n"
         "users:4:5: error: this is no hash, or one of DES: neither is safe\n"
         "  hint: make it anew: htpasswd -B -C 10 FILE USER\n"},
        {"nobody", "\n# nobody\n",
         "users: warning: there is no user in this file\n  hint: for example: htpasswd -B -C 10 FILE USER\n"},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        char *findings;
        gw_htpasswd_t *users = parse(rows[i].text, &findings);
        if (strcmp(findings, rows[i].findings) != 0)
            fail_msg("%s:\n%s instead of\n%s", rows[i].about, findings, rows[i].findings);
        assert_int_equal(users == NULL, strstr(findings, "error") != NULL);
        if (users != NULL) {
            assert_null(gw_htpasswd_find(users, GW_STR("ann")));
            assert_null(gw_htpasswd_dummy(users, GW_STR("ann"), key));
        }
        gw_htpasswd_free(users);
        free(findings);
    }
}

static void no_more_than_twenty_errors_are_reported(void **state)
{
    char text[500] = "", *findings;
    size_t num = 0;
    for (size_t i = 0; i != 100; ++i)
        strcat(text, "x:y\n");
    assert_null(parse(text, &findings));
    for (const char *at = findings; (at = strstr(at, "error")) != NULL; ++at)
        ++num;
    assert_int_equal(num, 22); /* of which the last one has the word twice */
    assert_non_null(strstr(findings, "users:21:1: error: there may be more errors"));
    free(findings);
}

static void users_are_found_by_their_whole_name(void **state)
{
    char *findings;
    gw_htpasswd_t *users = parse("\xef\xbb\xbf"
                                 "ann:" BCRYPT "\r\n# bob\nJ\xc3\xbcrg M\xc3\xbcller:" SHA512 "  \n\nan:" SHA256,
                                 &findings);
    assert_string_equal(findings, "");
    free(findings);
    assert_int_equal(gw_htpasswd_num(users), 3);
    assert_string_equal(gw_htpasswd_find(users, GW_STR("ann"))->text, BCRYPT);
    assert_string_equal(gw_htpasswd_find(users, GW_STR("an"))->text, SHA256);
    assert_string_equal(gw_htpasswd_find(users, GW_STR("J\xc3\xbcrg M\xc3\xbcller"))->text, SHA512);
    assert_null(gw_htpasswd_find(users, GW_STR("Ann")));
    assert_null(gw_htpasswd_find(users, GW_STR("a")));
    assert_null(gw_htpasswd_find(users, GW_STR("")));
    gw_htpasswd_free(users);
}

/** How many of a thousand unknown names meet each of the hashes. */
static void count_dummies(const gw_htpasswd_t *users, const char *const *texts, size_t num_texts, size_t *ret_counts)
{
    for (size_t i = 0; i != 1000; ++i) {
        char name[16];
        gw_str_t unknown = gw_str(name, (size_t)snprintf(name, sizeof(name), "user%zu", i));
        const gw_htpasswd_user_t *dummy = gw_htpasswd_dummy(users, unknown, key);
        assert_ptr_equal(dummy, gw_htpasswd_dummy(users, unknown, key));
        for (size_t k = 0; k != num_texts; ++k)
            ret_counts[k] += strcmp(dummy->text, texts[k]) == 0;
    }
}

static void unknown_names_meet_the_costs_of_known_ones_as_often_as_they_do(void **state)
{
    static const char *const texts[] = {BCRYPT, SHA256, SHA512, SHA512_10K};
    static const struct {
        const char *about, *text;
        size_t shares[4]; /* of texts, in thousandths */
    } rows[] = {
        {"all alike", "a:" SHA512 "\nb:" SHA512 "\n", {0, 0, 1000, 0}},
        {"one of four is another", "a:" SHA512 "\nb:" SHA512 "\nc:" SHA256 "\nd:" SHA512 "\n", {0, 250, 750, 0}},
        {"the same scheme at other costs", "a:" SHA512 "\nb:" SHA512_10K "\n", {0, 0, 500, 500}},
        {"all kinds", "a:" SHA512 "\nb:" SHA256 "\nc:" BCRYPT "\nd:" SHA512_10K "\n", {250, 250, 250, 250}},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        char *findings;
        size_t counts[4] = {0};
        gw_htpasswd_t *users = parse(rows[i].text, &findings);
        assert_non_null(users);
        count_dummies(users, texts, 4, counts);
        for (size_t k = 0; k != 4; ++k)
            if (counts[k] + 60 < rows[i].shares[k] || counts[k] > rows[i].shares[k] + 60 ||
                (counts[k] == 0) != (rows[i].shares[k] == 0))
                fail_msg("%s: %zu times %s", rows[i].about, counts[k], texts[k]);
        gw_htpasswd_free(users);
        free(findings);
    }
}

static void whom_an_unknown_name_meets_depends_on_the_secret(void **state)
{
    static const uint64_t other_key[2] = {3, 4};
    char *findings;
    size_t num_others = 0;
    gw_htpasswd_t *users = parse("a:" SHA512 "\nb:" SHA256 "\n", &findings);
    for (size_t i = 0; i != 100; ++i) {
        char name[16];
        gw_str_t unknown = gw_str(name, (size_t)snprintf(name, sizeof(name), "user%zu", i));
        num_others += gw_htpasswd_dummy(users, unknown, key) != gw_htpasswd_dummy(users, unknown, other_key);
    }
    assert_in_range(num_others, 20, 80);
    gw_htpasswd_free(users);
    free(findings);
}

static void a_hundred_thousand_users_are_taken_and_one_more_is_not(void **state)
{
    char *text = malloc((GW_HTPASSWD_MAX + 1) * 80), *findings, name[16];
    size_t len = 0, before = 0;
    for (size_t i = 0; i != GW_HTPASSWD_MAX + 1; ++i) {
        before = len;
        len += (size_t)sprintf(text + len, "u%zu:" BCRYPT "\n", i);
    }
    assert_null(parse(text, &findings));
    assert_string_equal(findings, "users:100001:1: error: there are too many users\n  hint: at most 100000\n");
    free(findings);
    text[before] = '\0';
    gw_htpasswd_t *users = parse(text, &findings);
    assert_string_equal(findings, "");
    free(findings);
    for (size_t i = 0; i != GW_HTPASSWD_MAX + 1; ++i) {
        sprintf(name, "u%zu", i);
        assert_int_equal(gw_htpasswd_find(users, gw_str_of(name)) != NULL, i != GW_HTPASSWD_MAX);
    }
    gw_htpasswd_free(users);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_that_are_taken_are_verified),
        cmocka_unit_test(lines_that_are_not_taken_are_explained_and_never_quoted),
        cmocka_unit_test(files_that_are_wrong_name_the_places),
        cmocka_unit_test(no_more_than_twenty_errors_are_reported),
        cmocka_unit_test(users_are_found_by_their_whole_name),
        cmocka_unit_test(unknown_names_meet_the_costs_of_known_ones_as_often_as_they_do),
        cmocka_unit_test(whom_an_unknown_name_meets_depends_on_the_secret),
        cmocka_unit_test(a_hundred_thousand_users_are_taken_and_one_more_is_not),
    };
    return cmocka_run_group_tests_name("password files", tests, NULL, NULL);
}
