/* SPDX-License-Identifier: MIT
 * Deny lists: which lines are understood, which are refused with which place, and that what is listed is found among
 * many, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "filters/jwt/deny.h"
#include "gateway/base/random.h"
#include "tests/support/conf_files.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

/** @param ret_findings NULL: there must be none; else to be freed */
static gw_jwt_deny_list_t *parse(gw_str_t content, char **ret_findings)
{
    gw_diag_t *diag = gw_diag_create();
    char *exact = malloc(content.len != 0 ? content.len : 1);
    if (content.len != 0)
        memcpy(exact, content.ptr, content.len);
    gw_jwt_deny_list_t *list = gw_jwt_deny_parse(gw_str(exact, content.len), "denied", diag);
    free(exact); /* the list keeps what it needs */
    assert_true((list == NULL) == (gw_diag_num_errors(diag) != 0));
    char *findings = conf_findings(diag, NULL);
    gw_diag_free(diag);
    if (ret_findings != NULL) {
        *ret_findings = findings;
        return list;
    }
    assert_string_equal(findings, "");
    free(findings);
    return list;
}

static void each_line_denies_one_value_of_its_kind(void **state)
{
    static const struct {
        const char *about, *content, *jti, *sub; /* NULL: none */
        size_t size;
    } cases[] = {
        {"nothing", "", NULL, NULL, 0},
        {"a jti", "jti 6ba7b810-9dad-11d1\n", "6ba7b810-9dad-11d1", NULL, 1},
        {"a sub", "sub alice\n", NULL, "alice", 1},
        {"both", "jti a\nsub b\n", "a", "b", 2},
        {"no end of the last line", "sub b\njti a", "a", "b", 2},
        {"a tab", "jti\ta\n", "a", NULL, 1},
        {"blanks around", "  \t jti   a b \t \n", "a b", NULL, 1},
        {"lines of Windows", "jti a\r\nsub b\r\n", "a", "b", 2},
        {"comments and empty lines", "# jti c\n\n  \t\n   # sub c\njti a\n\n", "a", NULL, 1},
        {"no comment behind a value", "jti a # why\n", "a # why", NULL, 1},
        {"the same twice", "jti a\njti a\nsub a\njti  a\n", "a", "a", 2},
        {"a value of one character", "sub x", NULL, "x", 1},
        {"a value that looks like a line", "sub jti a", NULL, "jti a", 1},
        {"a value that begins with a kind", "jti jti\nsub sub", "jti", "sub", 2},
        {"UTF-8", "sub \xc3\xa4rger", NULL, "\xc3\xa4rger", 1},
        {"case matters", "sub Alice", NULL, "Alice", 1},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        gw_jwt_deny_list_t *list = parse(gw_str_of(cases[i].content), NULL);
        const char *const tried[] = {
            "a",   "b",       "c",     "alice",        "x", "jti", "sub", "jti a", "6ba7b810-9dad-11d1",
            "a b", "a # why", "Alice", "\xc3\xa4rger", "",  " ",   "j",   "s"};
        assert_int_equal(gw_jwt_deny_size(list), cases[i].size);
        for (size_t k = 0; k != NUM_OF(tried); ++k) {
            bool is_jti = cases[i].jti != NULL && strcmp(cases[i].jti, tried[k]) == 0;
            bool is_sub = cases[i].sub != NULL && strcmp(cases[i].sub, tried[k]) == 0;
            if (gw_jwt_deny_has_jti(list, gw_str_of(tried[k])) != is_jti ||
                gw_jwt_deny_has_sub(list, gw_str_of(tried[k])) != is_sub)
                fail_msg("%s: '%s'", cases[i].about, tried[k]);
        }
        gw_jwt_deny_free(list);
    }
}

static void a_token_without_the_claim_is_never_denied(void **state)
{
    gw_jwt_deny_list_t *list = parse(GW_STR("jti a\nsub b\n"), NULL);
    assert_false(gw_jwt_deny_has_jti(list, gw_str(NULL, 0)));
    assert_false(gw_jwt_deny_has_sub(list, gw_str(NULL, 0)));
    gw_jwt_deny_free(list);
    assert_null(gw_jwt_deny_free(NULL));
}

static void what_is_no_line_is_refused_with_its_place(void **state)
{
#define REFUSED(place)                                                                                                 \
    "denied:" place ": error: a line must be 'jti VALUE' or 'sub VALUE'\n  hint: for example: jti "                    \
    "6ba7b810-9dad-11d1\n"
    static const struct {
        const char *about;
        gw_str_t content;
        const char *findings;
    } cases[] = {
        {"no kind", GW_STR("alice\n"), REFUSED("1:1")},
        {"an unknown kind", GW_STR("jti a\niss b\n"), REFUSED("2:1")},
        {"no value", GW_STR("jti\n"), REFUSED("1:1")},
        {"blanks for a value", GW_STR("sub  \t\n"), REFUSED("1:1")},
        {"a carriage return for a value", GW_STR("jti \r \n"), REFUSED("1:1")},
        {"a carriage return for a value of sub", GW_STR("sub\t\r\t\r\n"), REFUSED("1:1")},
        {"no blank between", GW_STR("jti=a\n"), REFUSED("1:1")},
        {"a longer word", GW_STR("subject a\n"), REFUSED("1:1")},
        {"capitals", GW_STR("JTI a\n"), REFUSED("1:1")},
        {"behind blanks", GW_STR("\n\n  who a\n"), REFUSED("3:3")},
        {"several", GW_STR("x\njti a\ny\n"), REFUSED("1:1") REFUSED("3:1")},
        {"NUL", GW_STR("\0jti a\n"), REFUSED("1:1")},
        {"NUL behind a value", GW_STR("jti a\0\njti b\n"), REFUSED("1:1")},
        {"NUL in a value", GW_STR("jti b\n sub a\0b\n"), REFUSED("2:2")},
        {"a control character", GW_STR("sub a\x01\n"), REFUSED("1:1")},
        {"an escape", GW_STR("sub \x1b[0m\n"), REFUSED("1:1")},
        {"DEL", GW_STR("jti \x7f\n"), REFUSED("1:1")},
        {"lines of old Macintoshes", GW_STR("jti a\rjti b\r"), REFUSED("1:1")},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        char *findings;
        gw_jwt_deny_list_t *list = parse(cases[i].content, &findings);
        if (list != NULL || strcmp(findings, cases[i].findings) != 0)
            fail_msg("%s: %s", cases[i].about, findings);
        free(findings);
    }
}

static void a_file_of_another_kind_is_refused_with_a_few_messages(void **state)
{
    char content[8000], *findings;
    for (size_t i = 0; i != sizeof(content); i += 4)
        memcpy(content + i, "{},\n", 4);
    assert_null(parse(gw_str(content, sizeof(content)), &findings));
    size_t num = 0;
    for (const char *at = findings; (at = strstr(at, "error:")) != NULL; ++at)
        ++num;
    assert_int_equal(num, 21); /* that there may be more is the last one */
    free(findings);
}

static void all_of_many_are_found_and_nothing_else(void **state)
{
    enum { NUM = 100000 };
    char *content = malloc(NUM * 32);
    size_t len = 0;
    for (unsigned i = 0; i != NUM; ++i)
        len += (size_t)sprintf(content + len, "%s token-%u\n", i % 3 == 0 ? "sub" : "jti", i);
    gw_jwt_deny_list_t *list = parse(gw_str(content, len), NULL);
    assert_int_equal(gw_jwt_deny_size(list), NUM);
    for (unsigned i = 0; i != 2 * NUM; ++i) {
        char value[32];
        gw_str_t text = gw_str(value, (size_t)sprintf(value, "token-%u", i));
        assert_true(gw_jwt_deny_has_sub(list, text) == (i < NUM && i % 3 == 0));
        assert_true(gw_jwt_deny_has_jti(list, text) == (i < NUM && i % 3 != 0));
    }
    gw_jwt_deny_free(list);
    free(content);
}

/** Short values of few letters, so that they are prefixes of each other and come twice. */
static void random_lists_hold_what_was_put_in(void **state)
{
    uint64_t random = 20;
    for (unsigned round = 0; round != 300; ++round) {
        enum { MOST = 60 };
        char content[MOST * 16];
        struct {
            char kind, value[8];
        } put[MOST];
        size_t len = 0, num = gw_random_below(&random, MOST), num_distinct = 0;
        for (size_t i = 0; i != num; ++i) {
            bool is_new = true;
            size_t value_len = 1 + gw_random_below(&random, 4);
            put[i].kind = gw_random_below(&random, 2) != 0 ? 'j' : 's';
            for (size_t k = 0; k != value_len; ++k)
                put[i].value[k] = "js"[gw_random_below(&random, 2)];
            put[i].value[value_len] = '\0';
            for (size_t k = 0; k != i; ++k)
                is_new = is_new && !(put[k].kind == put[i].kind && strcmp(put[k].value, put[i].value) == 0);
            num_distinct += is_new;
            len += (size_t)sprintf(content + len, "%s %s%s", put[i].kind == 'j' ? "jti" : "sub", put[i].value,
                                   gw_random_below(&random, 2) != 0 ? "\n" : " \r\n");
        }
        gw_jwt_deny_list_t *list = parse(gw_str(content, len), NULL);
        assert_int_equal(gw_jwt_deny_size(list), num_distinct);
        for (unsigned n = 0; n != 2 + 4 + 8 + 16 + 32; ++n) { /* every text of one to five letters j and s */
            char value[8];
            size_t value_len = n < 2 ? 1 : n < 6 ? 2 : n < 14 ? 3 : n < 30 ? 4 : 5;
            bool is_jti = false, is_sub = false;
            for (size_t k = 0; k != value_len; ++k)
                value[k] = "js"[(n + 2) >> k & 1];
            value[value_len] = '\0';
            for (size_t k = 0; k != num; ++k) {
                is_jti = is_jti || (put[k].kind == 'j' && strcmp(put[k].value, value) == 0);
                is_sub = is_sub || (put[k].kind == 's' && strcmp(put[k].value, value) == 0);
            }
            assert_true(gw_jwt_deny_has_jti(list, gw_str_of(value)) == is_jti);
            assert_true(gw_jwt_deny_has_sub(list, gw_str_of(value)) == is_sub);
        }
        gw_jwt_deny_free(list);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_denies_one_value_of_its_kind),
        cmocka_unit_test(a_token_without_the_claim_is_never_denied),
        cmocka_unit_test(what_is_no_line_is_refused_with_its_place),
        cmocka_unit_test(a_file_of_another_kind_is_refused_with_a_few_messages),
        cmocka_unit_test(all_of_many_are_found_and_nothing_else),
        cmocka_unit_test(random_lists_hold_what_was_put_in),
    };
    return cmocka_run_group_tests_name("jwt deny list", tests, NULL, NULL);
}
