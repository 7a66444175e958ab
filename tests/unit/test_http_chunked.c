/* SPDX-License-Identifier: MIT
 * The chunked decoder: every case at every cut of its input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/http/chunked.h"

static const struct {
    const char *about, *input;
    gw_chunked_result_t result;
    const char *data, *rest; /* rest: with DONE only */
} cases[] = {
    {"nothing but the end", "0\r\n\r\n", GW_CHUNKED_DONE, "", ""},
    {"two chunks and what follows", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nGET /", GW_CHUNKED_DONE, "hello world",
     "GET /"},
    {"digits in both cases", "A\r\n0123456789\r\na\r\n0123456789\r\n00\r\n\r\n", GW_CHUNKED_DONE,
     "01234567890123456789", ""},
    {"extensions", "3;a;b=c;d=\"e;\\\"f\" \r\nabc\r\n0;x\r\n\r\n", GW_CHUNKED_DONE, "abc", ""},
    {"white space before an extension", "3 ;a\r\nabc\r\n0\r\n\r\n", GW_CHUNKED_DONE, "abc", ""},
    {"trailers", "1\r\na\r\n0\r\nX-A: 1\r\nX-B:\r\n\r\nrest", GW_CHUNKED_DONE, "a", "rest"},
    {"an end that is missing", "1\r\na\r\n0\r\n", GW_CHUNKED_NEED_MORE, "a", NULL},
    {"no digits", "\r\n\r\n", GW_CHUNKED_BAD_SIZE, "", NULL},
    {"a sign", "+1\r\na\r\n", GW_CHUNKED_BAD_SIZE, "", NULL},
    {"a minus", "-1\r\na\r\n", GW_CHUNKED_BAD_SIZE, "", NULL},
    {"0x", "0x1\r\na\r\n", GW_CHUNKED_BAD_SIZE, "", NULL},
    {"an underscore", "0_2\r\nab\r\n", GW_CHUNKED_BAD_SIZE, "", NULL},
    {"a space in front", " 1\r\na\r\n", GW_CHUNKED_BAD_SIZE, "", NULL},
    {"a space and no extension", "1 \r\na\r\n", GW_CHUNKED_BAD_SIZE, "", NULL},
    {"sixteen digits", "0000000000000001\r\na", GW_CHUNKED_SIZE_TOO_LARGE, "", NULL},
    {"a bare LF behind the size", "1\na\r\n", GW_CHUNKED_BAD_LINE_END, "", NULL},
    {"a CR without LF", "1\ra\r\n", GW_CHUNKED_BAD_LINE_END, "", NULL},
    {"a bare LF in an extension", "1;a\na\r\n", GW_CHUNKED_BAD_LINE_END, "", NULL},
    {"a control character in an extension", "1;a\001\r\na\r\n", GW_CHUNKED_BAD_EXTENSION, "", NULL},
    {"a quote that does not end", "1;a=\"b\r\na\r\n", GW_CHUNKED_BAD_EXTENSION, "", NULL},
    {"more data than promised", "1\r\nab\r\n", GW_CHUNKED_BAD_DATA_END, "a", NULL},
    {"a bare LF behind the data", "1\r\na\n0\r\n\r\n", GW_CHUNKED_BAD_DATA_END, "a", NULL},
    {"a bare LF at the end", "0\r\n\n", GW_CHUNKED_BAD_LINE_END, "", NULL},
    {"a folded trailer", "0\r\nA: b\r\n c\r\n\r\n", GW_CHUNKED_BAD_TRAILER, "", NULL},
    {"a trailer without a name", "0\r\n: b\r\n\r\n", GW_CHUNKED_BAD_TRAILER, "", NULL},
    {"a space before the colon", "0\r\nA : b\r\n\r\n", GW_CHUNKED_BAD_TRAILER, "", NULL},
};

/** Decodes two pieces.  @param ret_data room for all data */
static gw_chunked_result_t decode(const char *input, size_t cut, size_t len, char *ret_data, size_t *ret_len,
                                  size_t *ret_used)
{
    gw_chunked_t chunked;
    gw_chunked_init(&chunked);
    gw_chunked_result_t result = GW_CHUNKED_NEED_MORE;
    *ret_len = *ret_used = 0;
    for (int piece = 0; piece != 2 && result == GW_CHUNKED_NEED_MORE; ++piece) {
        gw_str_t rest = piece == 0 ? gw_str(input, cut) : gw_str(input + cut, len - cut), data;
        while ((result = gw_chunked_decode(&chunked, &rest, &data)) == GW_CHUNKED_DATA) {
            assert_int_not_equal(data.len, 0);
            memcpy(ret_data + *ret_len, data.ptr, data.len);
            *ret_len += data.len;
        }
        *ret_used = (size_t)(rest.ptr - input);
    }
    return result;
}

static void every_case_gives_the_same_at_every_cut(void **state)
{
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        size_t size = strlen(cases[i].input);
        for (size_t cut = 0; cut <= size; ++cut) {
            char data[256];
            size_t len, used;
            gw_chunked_result_t result = decode(cases[i].input, cut, size, data, &len, &used);
            if (result != cases[i].result || len != strlen(cases[i].data) || memcmp(data, cases[i].data, len) != 0 ||
                (cases[i].rest != NULL && strcmp(cases[i].input + used, cases[i].rest) != 0))
                fail_msg("%s, cut at %zu: %s, data '%.*s'", cases[i].about, cut, gw_chunked_result_str(result),
                         (int)len, data);
        }
    }
}

static gw_chunked_result_t decode_repeated(const char *start, const char *part, size_t times)
{
    gw_chunked_t chunked;
    gw_chunked_init(&chunked);
    gw_chunked_result_t result = GW_CHUNKED_NEED_MORE;
    for (size_t i = 0; i <= times && (result == GW_CHUNKED_NEED_MORE || result == GW_CHUNKED_DATA); ++i) {
        gw_str_t input = gw_str_of(i == 0 ? start : part), data;
        while ((result = gw_chunked_decode(&chunked, &input, &data)) == GW_CHUNKED_DATA)
            ;
    }
    return result;
}

static void extensions_and_trailers_are_bounded(void **state)
{
    assert_int_equal(decode_repeated("1;", "a", 300), GW_CHUNKED_EXTENSIONS_TOO_LARGE);
    assert_int_equal(decode_repeated("", "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\na\r\n", 1000),
                     GW_CHUNKED_EXTENSIONS_TOO_LARGE);
    assert_int_equal(decode_repeated("0\r\n", "A: bbbbbbbbbbbbbbb\r\n", 1000), GW_CHUNKED_TRAILER_TOO_LARGE);
    assert_int_equal(decode_repeated("", "1\r\na\r\n", 10000), GW_CHUNKED_NEED_MORE);
}

static void an_error_is_for_ever(void **state)
{
    gw_chunked_t chunked;
    gw_chunked_init(&chunked);
    gw_str_t input = GW_STR("zz"), data;
    assert_int_equal(gw_chunked_decode(&chunked, &input, &data), GW_CHUNKED_BAD_SIZE);
    input = GW_STR("0\r\n\r\n");
    assert_int_equal(gw_chunked_decode(&chunked, &input, &data), GW_CHUNKED_BAD_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_gives_the_same_at_every_cut),
        cmocka_unit_test(extensions_and_trailers_are_bounded),
        cmocka_unit_test(an_error_is_for_ever),
    };
    return cmocka_run_group_tests_name("chunked", tests, NULL, NULL);
}
