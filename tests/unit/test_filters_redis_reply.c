/* SPDX-License-Identifier: MIT
 * Bytes from a server that is a Redis, or is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "filters/rate_limit/store/redis_command.h"
#include "filters/rate_limit/store/redis_reply.h"

static void describe(FILE *to, const gw_redis_reply_t *reply)
{
    switch (reply->type) {
    case GW_REDIS_STRING:
        fprintf(to, "'%.*s'", (int)reply->text.len, reply->text.ptr);
        break;
    case GW_REDIS_STATUS:
        fprintf(to, "+%.*s", (int)reply->text.len, reply->text.ptr);
        break;
    case GW_REDIS_ERROR:
        fprintf(to, "-%.*s", (int)reply->text.len, reply->text.ptr);
        break;
    case GW_REDIS_INTEGER:
        fprintf(to, "%lld", (long long)reply->integer);
        break;
    case GW_REDIS_NIL:
        fprintf(to, "nil");
        break;
    case GW_REDIS_ARRAY:
        fprintf(to, "[");
        for (size_t i = 0; i != reply->num_elements; ++i) {
            fprintf(to, i != 0 ? " " : "");
            describe(to, &reply->elements[i]);
        }
        fprintf(to, "]");
        break;
    }
}

/** @return every reply with a line's end, then how it ended; to be freed.  @param piece bytes at a time */
static char *read_all(gw_str_t bytes, size_t piece)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    gw_redis_reader_t *reader = gw_redis_reader_create();
    gw_redis_read_t result = GW_REDIS_READ_MORE;
    const gw_redis_reply_t *reply;
    for (size_t at = 0; at < bytes.len && result == GW_REDIS_READ_MORE; at += piece) {
        gw_redis_reader_feed(reader, gw_str(bytes.ptr + at, bytes.len - at < piece ? bytes.len - at : piece));
        while ((result = gw_redis_reader_next(reader, &reply)) == GW_REDIS_READ_REPLY) {
            describe(to, reply);
            fputc('\n', to);
        }
    }
    assert_int_equal(gw_redis_reader_next(reader, &reply), result); /* it stays so */
    fputs(result == GW_REDIS_READ_MORE ? "more" : result == GW_REDIS_READ_MALFORMED ? "malformed" : "too large", to);
    fclose(to);
    gw_redis_reader_free(reader);
    return text;
}

#define LITERAL(text) text, sizeof(text) - 1

static void replies_are_read_however_they_are_cut(void **state)
{
    static const struct {
        const char *about, *bytes;
        size_t len;
        const char *expected;
    } cases[] = {
        {"a status", LITERAL("+OK\r\n"), "+OK\nmore"},
        {"an error", LITERAL("-ERR no such thing\r\n"), "-ERR no such thing\nmore"},
        {"integers", LITERAL(":0\r\n:-5\r\n:9223372036854775807\r\n:-9223372036854775808\r\n"),
         "0\n-5\n9223372036854775807\n-9223372036854775808\nmore"},
        {"a string with line ends", LITERAL("$6\r\na\r\n\r\nb\r\n"), "'a\r\n\r\nb'\nmore"},
        {"an empty string", LITERAL("$0\r\n\r\n"), "''\nmore"},
        {"nothing", LITERAL("$-1\r\n*-1\r\n"), "nil\nnil\nmore"},
        {"what a script returns", LITERAL("*4\r\n:1\r\n:99\r\n:-1\r\n:250\r\n"), "[1 99 -1 250]\nmore"},
        {"an empty array", LITERAL("*0\r\n:7\r\n"), "[]\n7\nmore"},
        {"arrays in arrays", LITERAL("*3\r\n$6\r\nmaster\r\n:5\r\n*2\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n*0\r\n"),
         "['master' 5 [['a' '1'] []]]\nmore"},
        {"nil and errors in an array", LITERAL("*3\r\n$-1\r\n-ERR\r\n+OK\r\n"), "[nil -ERR +OK]\nmore"},
        {"half a reply", LITERAL("*2\r\n:1\r\n:"), "more"},
        {"half a string", LITERAL("$5\r\nabc"), "more"},
        {"another protocol", LITERAL("HTTP/1.1 400 Bad Request\r\n\r\n"), "malformed"},
        {"another protocol after a reply", LITERAL("+OK\r\nSSH-2.0\r\n"), "+OK\nmalformed"},
        {"an integer that is none", LITERAL(":12a\r\n"), "malformed"},
        {"an empty integer", LITERAL(":\r\n"), "malformed"},
        {"an integer too large", LITERAL(":9223372036854775808\r\n"), "malformed"},
        {"a length that is none", LITERAL("$abc\r\n"), "malformed"},
        {"a negative length", LITERAL("$-2\r\n"), "malformed"},
        {"a negative array", LITERAL("*-2\r\n"), "malformed"},
        {"a length beyond all", LITERAL("$99999999999999999999\r\n"), "malformed"},
        {"an array beyond all", LITERAL("*4294967297\r\n"), "malformed"},
        {"an array that is large", LITERAL("*2147483647\r\n"), "too large"},
        {"RESP3", LITERAL("%1\r\n+a\r\n:1\r\n"), "malformed"},
        {"seven arrays deep", LITERAL("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"), "[[[[[[[1]]]]]]]\nmore"},
        {"deeper than anybody needs",
         LITERAL("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n"), "malformed"},
        {"zero bytes", LITERAL("\0\0\0\0"), "malformed"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i)
        for (size_t piece = 1; piece <= 64; piece = piece < 4 ? piece + 1 : piece * 4) {
            char *actual = read_all(gw_str(cases[i].bytes, cases[i].len), piece);
            if (strcmp(actual, cases[i].expected) != 0)
                print_error("case: %s, %zu bytes at a time\n", cases[i].about, piece);
            assert_string_equal(actual, cases[i].expected);
            free(actual);
        }
}

/** @return how reading ends   @param head its first bytes   @param fill what follows for a megabyte */
static gw_redis_read_t read_endless(const char *head, const char *fill, size_t *ret_fed)
{
    gw_redis_reader_t *reader = gw_redis_reader_create();
    const gw_redis_reply_t *reply;
    gw_redis_read_t result;
    char bytes[4096];
    size_t len = 0;
    while (len + strlen(fill) <= sizeof(bytes)) {
        memcpy(bytes + len, fill, strlen(fill));
        len += strlen(fill);
    }
    *ret_fed = 0;
    gw_redis_reader_feed(reader, gw_str_of(head));
    while ((result = gw_redis_reader_next(reader, &reply)) == GW_REDIS_READ_MORE && *ret_fed < 1024 * 1024) {
        gw_redis_reader_feed(reader, gw_str(bytes, len));
        *ret_fed += len;
    }
    gw_redis_reader_free(reader);
    return result;
}

static void a_reply_without_end_is_cut_off(void **state)
{
    static const struct {
        const char *about, *head, *fill;
    } cases[] = {
        {"a string as long as Redis allows", "$536870912\r\n", "xxxx"},
        {"a line without end", "+", "xxxx"},
        {"a number without end", ":", "0000"},
        {"a length without end", "$", "0000"},
        {"an array of strings", "*2000\r\n", "$4\r\nabcd\r\n"},
        {"arrays of arrays", "*500\r\n", "*4\r\n:1\r\n:2\r\n:3\r\n:4\r\n"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        size_t fed;
        gw_redis_read_t result = read_endless(cases[i].head, cases[i].fill, &fed);
        if (result != GW_REDIS_READ_TOO_LARGE || fed > 2 * GW_REDIS_MAX_REPLY)
            print_error("case: %s: %d after %zu bytes\n", cases[i].about, result, fed);
        assert_int_equal(result, GW_REDIS_READ_TOO_LARGE);
        assert_true(fed <= 2 * GW_REDIS_MAX_REPLY);
    }
}

static void a_reader_starts_anew_with_every_reply(void **state)
{
    gw_redis_reader_t *reader = gw_redis_reader_create();
    const gw_redis_reply_t *reply;
    char big[40000 + 32];
    int head = snprintf(big, sizeof(big), "$40000\r\n");
    memset(big + head, 'x', 40000);
    memcpy(big + head + 40000, "\r\n", 2);
    for (int i = 0; i != 100; ++i) { /* far more than one reply may take, altogether */
        gw_redis_reader_feed(reader, gw_str(big, (size_t)head + 40002));
        assert_int_equal(gw_redis_reader_next(reader, &reply), GW_REDIS_READ_REPLY);
        assert_int_equal(reply->text.len, 40000);
        assert_int_equal(gw_redis_reader_next(reader, &reply), GW_REDIS_READ_MORE);
    }
    gw_redis_reader_free(reader);
}

static void replies_can_be_looked_at(void **state)
{
    gw_redis_reply_t numbers[] = {{.type = GW_REDIS_INTEGER, .integer = 1}, {.type = GW_REDIS_NIL}};
    gw_redis_reply_t array = {.type = GW_REDIS_ARRAY, .num_elements = 1, .elements = numbers};
    gw_redis_reply_t error = {.type = GW_REDIS_ERROR, .text = gw_str_of("NOSCRIPT No matching script.")};
    gw_redis_reply_t text = {.type = GW_REDIS_STRING, .text = gw_str_of("NOSCRIPT")};
    gw_redis_reply_t bare = {.type = GW_REDIS_ERROR, .text = gw_str_of("NOSCRIPT")};
    assert_true(gw_redis_reply_is_error(&error, "NOSCRIPT"));
    assert_true(gw_redis_reply_is_error(&bare, "NOSCRIPT"));
    assert_false(gw_redis_reply_is_error(&error, "NO"));
    assert_false(gw_redis_reply_is_error(&text, "NOSCRIPT"));
    assert_true(gw_redis_reply_has_integers(&array, 1));
    assert_false(gw_redis_reply_has_integers(&array, 2));
    array.num_elements = 2;
    assert_false(gw_redis_reply_has_integers(&array, 1));
    assert_false(gw_redis_reply_has_integers(&text, 0));
}

static void commands_are_written_as_bulk_strings(void **state)
{
    static const char expected[] = "*4\r\n$3\r\nSET\r\n$4\r\na\0\r\n\r\n$0\r\n\r\n$12\r\n0123456789ab\r\n";
    gw_str_t args[] = {GW_STR("SET"), gw_str("a\0\r\n", 4), {NULL, 0}, GW_STR("0123456789ab")};
    char actual[128];
    size_t size = gw_redis_command_size(args, 4);
    assert_int_equal(size, sizeof(expected) - 1);
    assert_ptr_equal(gw_redis_command_write(actual, args, 4), actual + size);
    assert_memory_equal(actual, expected, size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_read_however_they_are_cut), cmocka_unit_test(a_reply_without_end_is_cut_off),
        cmocka_unit_test(a_reader_starts_anew_with_every_reply), cmocka_unit_test(replies_can_be_looked_at),
        cmocka_unit_test(commands_are_written_as_bulk_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
