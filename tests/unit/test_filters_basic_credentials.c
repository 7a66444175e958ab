/* SPDX-License-Identifier: MIT
 * Basic credentials as clients send them, and what a worker remembers of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include "filters/basic_credentials.h"
#include "filters/password_memory.h"

static void credentials_are_read_as_rfc_7617_has_them(void **state)
{
    static const struct {
        const char *about, *value;
        gw_basic_result_t result;
        const char *user, *password;
    } rows[] = {
        {"RFC 7617 2", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", GW_BASIC_FINE, "Aladdin", "open sesame"},
        {"RFC 7617 2.1, UTF-8", "Basic dGVzdDoxMjPCow==", GW_BASIC_FINE, "test", "123\xc2\xa3"},
        {"the scheme in any case", "bASIC QTpi", GW_BASIC_FINE, "A", "b"},
        {"blanks", "Basic \t  QTpi ", GW_BASIC_FINE, "A", "b"},
        {"one sign of padding", "Basic QTpiYw==", GW_BASIC_FINE, "A", "bc"},
        {"an empty password", "Basic YWI6", GW_BASIC_FINE, "ab", ""},
        {"colons belong to the password", "Basic YTpiOmM6", GW_BASIC_FINE, "a", "b:c:"},
        {"another scheme", "Bearer QTpi", GW_BASIC_FOREIGN, NULL, NULL},
        {"a scheme that begins so", "Basically QTpi", GW_BASIC_FOREIGN, NULL, NULL},
        {"nothing", "", GW_BASIC_FOREIGN, NULL, NULL},
        {"half a scheme", "Bas", GW_BASIC_FOREIGN, NULL, NULL},
        {"no credentials", "Basic", GW_BASIC_MALFORMED, NULL, NULL},
        {"blanks for credentials", "Basic   ", GW_BASIC_MALFORMED, NULL, NULL},
        {"padding alone", "Basic ====", GW_BASIC_MALFORMED, NULL, NULL},
        {"no padding", "Basic QTpiYw", GW_BASIC_MALFORMED, NULL, NULL},
        {"padding inside", "Basic QT==QTpi", GW_BASIC_MALFORMED, NULL, NULL},
        {"base64url", "Basic YTo_Pj8-", GW_BASIC_MALFORMED, NULL, NULL},
        {"not base64", "Basic ann:secret", GW_BASIC_MALFORMED, NULL, NULL},
        {"two words", "Basic QTpi QTpi", GW_BASIC_MALFORMED, NULL, NULL},
        {"parameters", "Basic QTpi, realm=x", GW_BASIC_MALFORMED, NULL, NULL},
        {"no colon", "Basic YWJj", GW_BASIC_MALFORMED, NULL, NULL},
        {"no user", "Basic OmFi", GW_BASIC_MALFORMED, NULL, NULL},
        {"NUL in the password", "Basic YTpiAGM=", GW_BASIC_MALFORMED, NULL, NULL},
        {"a line break in the name", "Basic YQpiOmM=", GW_BASIC_MALFORMED, NULL, NULL},
        {"DEL", "Basic YTpiYn8=", GW_BASIC_MALFORMED, NULL, NULL},
    };
    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        gw_basic_credentials_t credentials;
        gw_basic_result_t result = gw_basic_read(gw_str_of(rows[i].value), &credentials);
        if (result != rows[i].result)
            fail_msg("%s: %d instead of %d", rows[i].about, result, rows[i].result);
        if (result == GW_BASIC_FINE) {
            assert_true(gw_str_equal(credentials.user, gw_str_of(rows[i].user)));
            assert_string_equal(credentials.password, rows[i].password);
            assert_int_equal(credentials.password_len, strlen(rows[i].password));
        }
        gw_basic_wipe(&credentials);
        for (size_t k = 0; k != sizeof(credentials.bytes); ++k)
            assert_int_equal(credentials.bytes[k], 0);
    }
}

static gw_basic_result_t read_pair(size_t user_len, size_t password_len)
{
    static unsigned char plain[2000], text[3000] = "Basic ";
    gw_basic_credentials_t credentials;
    memset(plain, 'x', sizeof(plain));
    plain[user_len] = ':';
    int len = EVP_EncodeBlock(text + 6, plain, (int)(user_len + 1 + password_len));
    gw_basic_result_t result = gw_basic_read(gw_str((const char *)text, 6 + (size_t)len), &credentials);
    if (result == GW_BASIC_FINE) {
        assert_int_equal(credentials.user.len, user_len);
        assert_int_equal(strlen(credentials.password), password_len);
    }
    return result;
}

static void names_and_passwords_have_greatest_lengths(void **state)
{
    for (size_t password_len = 250; password_len != 262; ++password_len)
        for (size_t user_len = 250; user_len != 262; ++user_len)
            assert_int_equal(read_pair(user_len, password_len),
                             user_len <= 255 && password_len <= 256 ? GW_BASIC_FINE : GW_BASIC_TOO_LONG);
    assert_int_equal(read_pair(1, 511), GW_BASIC_TOO_LONG);
    assert_int_equal(read_pair(1, 1900), GW_BASIC_TOO_LONG);
    assert_int_equal(read_pair(1900, 1), GW_BASIC_TOO_LONG);
}

static const uint8_t *tag_of(uint32_t set, uint32_t number)
{
    static uint8_t tag[GW_PAIR_TAG];
    memset(tag, 7, sizeof(tag));
    memset(tag, 0, 8);
    memcpy(tag, &set, sizeof(set));
    memcpy(tag + 8, &number, sizeof(number));
    return tag;
}

static void pairs_are_remembered_until_their_time(void **state)
{
    gw_password_memory_t *memory = gw_password_memory_create(16, 8);
    gw_password_memory_turn_to(memory, 1);
    assert_int_equal(gw_password_memory_find(memory, tag_of(1, 1), 0), GW_PAIR_NOT_KNOWN);
    gw_password_memory_keep(memory, tag_of(1, 1), GW_PAIR_RIGHT, 1000);
    gw_password_memory_keep(memory, tag_of(1, 2), GW_PAIR_UNKNOWN_USER, 500);
    assert_int_equal(gw_password_memory_find(memory, tag_of(1, 1), 999), GW_PAIR_RIGHT);
    assert_int_equal(gw_password_memory_find(memory, tag_of(1, 1), 1000), GW_PAIR_NOT_KNOWN);
    assert_int_equal(gw_password_memory_find(memory, tag_of(1, 2), 499), GW_PAIR_UNKNOWN_USER);
    assert_int_equal(gw_password_memory_find(memory, tag_of(1, 2), 500), GW_PAIR_NOT_KNOWN);
    assert_int_equal(gw_password_memory_find(memory, tag_of(1, 3), 0), GW_PAIR_NOT_KNOWN);
    gw_password_memory_keep(memory, tag_of(1, 1), GW_PAIR_RIGHT, 2000);
    assert_int_equal(gw_password_memory_find(memory, tag_of(1, 1), 1000), GW_PAIR_RIGHT);
    gw_password_memory_free(memory);
}

static void another_file_makes_everything_forgotten(void **state)
{
    gw_password_memory_t *memory = gw_password_memory_create(16, 8);
    gw_password_memory_turn_to(memory, 1);
    gw_password_memory_keep(memory, tag_of(1, 1), GW_PAIR_RIGHT, 1000);
    gw_password_memory_keep(memory, tag_of(1, 2), GW_PAIR_WRONG_PASSWORD, 1000);
    gw_password_memory_turn_to(memory, 1);
    assert_int_equal(gw_password_memory_find(memory, tag_of(1, 1), 0), GW_PAIR_RIGHT);
    gw_password_memory_turn_to(memory, 2);
    assert_int_equal(gw_password_memory_find(memory, tag_of(1, 1), 0), GW_PAIR_NOT_KNOWN);
    assert_int_equal(gw_password_memory_find(memory, tag_of(1, 2), 0), GW_PAIR_NOT_KNOWN);
    gw_password_memory_free(memory);
}

static void guesses_push_out_guesses_but_nobody_who_is_right(void **state)
{
    gw_password_memory_t *memory = gw_password_memory_create(16, 8);
    gw_password_memory_turn_to(memory, 1);
    for (uint32_t i = 0; i != 4; ++i)
        gw_password_memory_keep(memory, tag_of(3, i), GW_PAIR_RIGHT, 1000 + i);
    for (uint32_t i = 0; i != 100000; ++i)
        gw_password_memory_keep(memory, tag_of(i, 1000 + i), GW_PAIR_WRONG_PASSWORD, 500);
    for (uint32_t i = 0; i != 4; ++i)
        assert_int_equal(gw_password_memory_find(memory, tag_of(3, i), 0), GW_PAIR_RIGHT);
    assert_int_equal(gw_password_memory_find(memory, tag_of(99999, 100999), 0), GW_PAIR_WRONG_PASSWORD);
    gw_password_memory_keep(memory, tag_of(3, 4), GW_PAIR_RIGHT, 2000); /* the first one goes, being the oldest */
    assert_int_equal(gw_password_memory_find(memory, tag_of(3, 0), 0), GW_PAIR_NOT_KNOWN);
    for (uint32_t i = 1; i != 5; ++i)
        assert_int_equal(gw_password_memory_find(memory, tag_of(3, i), 0), GW_PAIR_RIGHT);
    gw_password_memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_are_read_as_rfc_7617_has_them),
        cmocka_unit_test(names_and_passwords_have_greatest_lengths),
        cmocka_unit_test(pairs_are_remembered_until_their_time),
        cmocka_unit_test(another_file_makes_everything_forgotten),
        cmocka_unit_test(guesses_push_out_guesses_but_nobody_who_is_right),
    };
    return cmocka_run_group_tests_name("Basic credentials", tests, NULL, NULL);
}
