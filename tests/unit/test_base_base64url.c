/* SPDX-License-Identifier: MIT
 * base64url: the vectors of RFC 4648, and that every value has one text and every text at most one value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/base/base64url.h"
#include "gateway/base/random.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Decodes a copy of exactly the text's length into memory of exactly the promised size, so that a sanitizer sees a
 * step beyond either.  @return false: refused */
static bool decode(uint8_t *ret, size_t *ret_len, const char *text, size_t len)
{
    char *from = malloc(len != 0 ? len : 1);
    uint8_t *to = malloc(GW_BASE64URL_BYTES(len) != 0 ? GW_BASE64URL_BYTES(len) : 1);
    memcpy(from, text, len);
    bool is_good = gw_base64url_decode(to, ret_len, gw_str(from, len));
    if (is_good) {
        assert_true(*ret_len <= GW_BASE64URL_BYTES(len));
        memcpy(ret, to, *ret_len);
    }
    free(from);
    free(to);
    return is_good;
}

static void encode(char *ret, const void *bytes, size_t len)
{
    char *to = malloc(GW_BASE64URL_LEN(len) != 0 ? GW_BASE64URL_LEN(len) : 1);
    assert_int_equal(gw_base64url_encode(to, bytes, len), GW_BASE64URL_LEN(len));
    memcpy(ret, to, GW_BASE64URL_LEN(len));
    ret[GW_BASE64URL_LEN(len)] = '\0';
    free(to);
}

static void the_vectors_of_rfc_4648_hold_without_their_padding(void **state)
{
    static const struct {
        const char *bytes, *text;
    } cases[] = {
        {"", ""},
        {"f", "Zg"},
        {"fo", "Zm8"},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg"},
        {"fooba", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy"},
        {"\x14\xfb\x9c\x03\xd9\x7e", "FPucA9l-"}, /* section 9, in the alphabet of section 5 */
        {"\xff\xef\xbf", "_--_"},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        char text[32];
        uint8_t bytes[32];
        size_t len;
        encode(text, cases[i].bytes, strlen(cases[i].bytes));
        assert_string_equal(text, cases[i].text);
        assert_true(decode(bytes, &len, cases[i].text, strlen(cases[i].text)));
        assert_int_equal(len, strlen(cases[i].bytes));
        assert_memory_equal(bytes, cases[i].bytes, len);
    }
}

static void what_is_not_canonical_is_refused(void **state)
{
    static const struct {
        const char *about, *text;
    } cases[] = {
        {"padding of one", "Zm8="},
        {"padding of two", "Zg=="},
        {"nothing but padding", "===="},
        {"one padding too few", "Zg="},
        {"padding in the middle", "Zg==Zg=="},
        {"a single letter", "Z"},
        {"a letter after whole groups", "Zm9vZ"},
        {"the alphabet of section 4: plus", "Zm9+"},
        {"the alphabet of section 4: slash", "Zm9/"},
        {"four bits left over", "Zh"},
        {"all four bits left over", "Zv"},
        {"only the highest of the bits left over", "Zo"},
        {"two bits left over", "Zm9"},
        {"both bits left over", "Zm_"},
        {"bits left over behind whole groups", "Zm9vYh"},
        {"a space", "Zm 9v"},
        {"a space at the end", "Zm9v "},
        {"a line end", "Zm9v\n"},
        {"a carriage return and a line end", "Zm\r\n9v"},
        {"a tab", "\tZm9"},
        {"a dot", "Zm.v"},
        {"an octet above 0x7f", "Zm9\xc3"},
        {"letters that only look like it", "\xd0\x90\xd0\x90"},
        {"percent-encoding", "%5A%67"},
    };
    uint8_t bytes[64];
    size_t len;
    for (size_t i = 0; i != NUM_OF(cases); ++i)
        if (decode(bytes, &len, cases[i].text, strlen(cases[i].text)))
            fail_msg("taken: %s: '%s'", cases[i].about, cases[i].text);
}

static void no_octet_outside_the_alphabet_is_taken_at_any_place(void **state)
{
    uint8_t bytes[8];
    size_t len;
    for (unsigned octet = 0; octet != 256; ++octet)
        for (size_t length = 2; length <= 8; ++length)
            for (size_t at = 0; at != length; ++at) {
                char text[] = "AAAAAAAA";
                bool is_letter = octet != 0 && strchr(alphabet, (int)octet) != NULL;
                text[at] = (char)octet;
                if (decode(bytes, &len, text, length) && !is_letter)
                    fail_msg("octet %u is taken at %zu of %zu", octet, at, length);
            }
}

/** All texts of up to three letters, and all that the last group of a longer one can be. */
static void every_short_text_decodes_to_at_most_one_value_and_back(void **state)
{
    size_t num_taken[4] = {0};
    for (size_t length = 1; length <= 3; ++length)
        for (unsigned n = 0; n != 1u << 6 * length; ++n) {
            char text[4], again[8];
            uint8_t bytes[4];
            size_t len;
            for (size_t i = 0; i != length; ++i)
                text[i] = alphabet[n >> 6 * i & 63];
            if (!decode(bytes, &len, text, length))
                continue;
            ++num_taken[length];
            encode(again, bytes, len);
            assert_int_equal(strlen(again), length);
            assert_memory_equal(again, text, length);
        }
    assert_int_equal(num_taken[1], 0);
    assert_int_equal(num_taken[2], 256);       /* as many as there are single octets */
    assert_int_equal(num_taken[3], 256 * 256); /* and pairs of them: no value has a second text */
}

static void random_texts_decode_to_at_most_one_value_and_back(void **state)
{
    uint64_t random = 4648;
    size_t num_taken = 0;
    for (unsigned round = 0; round != 200000; ++round) {
        char text[64], again[80];
        uint8_t bytes[64];
        size_t length = gw_random_below(&random, 40), len;
        for (size_t i = 0; i != length; ++i)
            text[i] = gw_random_below(&random, 400) != 0 ? alphabet[gw_random_below(&random, 64)]
                                                         : (char)gw_random_below(&random, 256);
        if (!decode(bytes, &len, text, length))
            continue;
        ++num_taken;
        encode(again, bytes, len);
        assert_int_equal(strlen(again), length);
        assert_memory_equal(again, text, length);
    }
    assert_true(num_taken > 50000); /* the property was looked at, not only refusals */
}

static void random_bytes_come_back_as_they_were(void **state)
{
    uint64_t random = 7515;
    for (size_t length = 0; length != 700; ++length) {
        uint8_t bytes[700], again[700];
        char text[GW_BASE64URL_LEN(700) + 1];
        size_t len;
        for (size_t i = 0; i != length; ++i)
            bytes[i] = (uint8_t)gw_random_below(&random, 256);
        encode(text, bytes, length);
        for (const char *c = text; *c != '\0'; ++c)
            assert_non_null(strchr(alphabet, *c));
        assert_true(decode(again, &len, text, strlen(text)));
        assert_int_equal(len, length);
        assert_memory_equal(again, bytes, length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_rfc_4648_hold_without_their_padding),
        cmocka_unit_test(what_is_not_canonical_is_refused),
        cmocka_unit_test(no_octet_outside_the_alphabet_is_taken_at_any_place),
        cmocka_unit_test(every_short_text_decodes_to_at_most_one_value_and_back),
        cmocka_unit_test(random_texts_decode_to_at_most_one_value_and_back),
        cmocka_unit_test(random_bytes_come_back_as_they_were),
    };
    return cmocka_run_group_tests_name("base64url", tests, NULL, NULL);
}
