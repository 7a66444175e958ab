/* SPDX-License-Identifier: MIT
 * Plain request heads: which are taken, and that they mean what the parser and the judge say that they mean, whatever
 * is done to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/base/random.h"
#include "tests/support/plain_heads.h"

#define LENGTH_OF(array) (sizeof(array) / sizeof((array)[0]))

/** @return whether it was taken; a copy of just that size, so that a sanitizer sees who reads beyond it */
static bool is_taken(const char *text, size_t len)
{
    static gw_http_plain_head_t head;
    char *bytes = malloc(len != 0 ? len : 1);
    memcpy(bytes, text, len);
    bool is = plain_head_is_as_judged(bytes, len, &head);
    free(bytes);
    return is;
}

#define START "GET /a/b?c=d HTTP/1.1\r\n"
#define HOST  "Host: example.com\r\n"

static const struct {
    const char *about, *text;
    bool is_taken;
} rows[] = {
    {"nothing but Host", START HOST "\r\n", true},
    {"HEAD", "HEAD / HTTP/1.1\r\n" HOST "\r\n", true},
    {"what clients send",
     START "Host: 127.0.0.1:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\nAccept-Language: de,en;q=0.5\r\n"
           "X_under.score: \r\nsec-ch-ua: \"Not A\";v=\"8\"\r\nCookie: a=b; c=d\r\n\r\n",
     true},
    {"Connection: keep-alive, which HTTP/1.1 does anyway", START HOST "Connection: Keep-Alive\r\n\r\n", true},
    {"white space around a value, tabs within it", START "Host: \t example.com \t \r\nX:a\tb\tc\r\n\r\n", true},
    {"bytes above 0x7f in a value", START HOST "X-A: \xc3\xa4\xff\r\n\r\n", true},
    {"more behind it", START HOST "\r\nGET / HTTP/1.1\r\n", true},
    {"a value of eight times eight",
     START HOST "X: 0123456701234567012345670123456701234567012345670123456701234567\r\n\r\n", true},
    {"a host that is known to be good", START "Host: good.example:80\r\n\r\n", true},
    {"an IPv6 host", START "Host: [::1]:8080\r\n\r\n", true},
    {"nothing", "", false},
    {"not all of it", START HOST "\r", false},
    {"not all of a value", START "Host: example.co", false},
    {"not all of a name", START "Hos", false},
    {"not all of the line end", START "Host: a\r", false},
    {"another method", "POST /a HTTP/1.1\r\n" HOST "\r\n", false},
    {"a method that begins like one", "GETX /a HTTP/1.1\r\n" HOST "\r\n", false},
    {"a lower-case method", "get /a HTTP/1.1\r\n" HOST "\r\n", false},
    {"the absolute form", "GET http://a/ HTTP/1.1\r\n" HOST "\r\n", false},
    {"HTTP/1.0", "GET / HTTP/1.0\r\n" HOST "\r\n", false},
    {"two spaces", "GET /  HTTP/1.1\r\n" HOST "\r\n", false},
    {"a fragment", "GET /#a HTTP/1.1\r\n" HOST "\r\n", false},
    {"a byte above 0x7f in the target", "GET /\xc3 HTTP/1.1\r\n" HOST "\r\n", false},
    {"no Host", START "X: a\r\n\r\n", false},
    {"an empty Host", START "Host:\r\n\r\n", false},
    {"two Hosts", START HOST HOST "\r\n", false},
    {"an empty Host and another", START "Host: \r\n" HOST "\r\n", false},
    {"a Host that is none", START "Host: a b\r\n\r\n", false},
    {"a port that is none", START "Host: a:65536\r\n\r\n", false},
    {"Content-Length", START HOST "Content-Length: 0\r\n\r\n", false},
    {"Transfer-Encoding", START HOST "tRANSFER-eNCODING: chunked\r\n\r\n", false},
    {"Expect", START HOST "Expect: 100-continue\r\n\r\n", false},
    {"Connection: close", START HOST "Connection: close\r\n\r\n", false},
    {"Connection with a list", START HOST "Connection: keep-alive, x\r\n\r\n", false},
    {"a folded line", START HOST "X: a\r\n b\r\n\r\n", false},
    {"a folded first line", START " " HOST "\r\n", false},
    {"a space before the colon", START "Host : a\r\n\r\n", false},
    {"a space in the name", START HOST "X Y: a\r\n\r\n", false},
    {"an empty name", START HOST ": a\r\n\r\n", false},
    {"no colon", START HOST "X\r\n\r\n", false},
    {"a name with a byte above 0x7f", START HOST "X\xc3-abcdefgh: a\r\n\r\n", false},
    {"a bare LF behind the request line", "GET / HTTP/1.1\n" HOST "\r\n", false},
    {"a bare LF behind a field", START "Host: a\nX: b\r\n\r\n", false},
    {"a bare LF at the end", START HOST "\n", false},
    {"a bare CR in a value", START HOST "X: a\rb\r\n\r\n", false},
    {"a CR before the CRLF", START HOST "X: a\r\r\n\r\n", false},
    {"a NUL in a value", START HOST "X: a\\b\r\n\r\n", false}, /* the backslash becomes one */
    {"DEL in a value", START HOST "X: a\x7f\r\n\r\n", false},
    {"DEL as the eighth of a value", START HOST "X: 0123456\x7f\r\n\r\n", false},
};

static void what_is_plain_is_taken_and_the_rest_is_left_to_the_judge(void **state)
{
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        char text[512];
        size_t len = strlen(rows[i].text);
        memcpy(text, rows[i].text, len);
        char *backslash = memchr(text, '\\', len);
        if (backslash != NULL)
            *backslash = '\0';
        if (is_taken(text, len) != rows[i].is_taken)
            fail_msg("%s: %s", rows[i].about, rows[i].is_taken ? "was not taken" : "was taken");
    }
}

static void every_beginning_of_a_head_waits_for_the_rest(void **state)
{
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        const char *end = strstr(rows[i].text, "\r\n\r\n");
        for (size_t len = 0; rows[i].is_taken && len != (size_t)(end - rows[i].text) + 4; ++len)
            if (is_taken(rows[i].text, len))
                fail_msg("%s: %zu bytes of it were taken", rows[i].about, len);
    }
}

static void as_many_fields_and_bytes_of_names_as_there_is_room_for_are_taken(void **state)
{
    static const struct {
        const char *about;
        size_t num_fields, name_len;
        bool is_taken;
    } sizes[] = {
        {"all of the fields", GW_HTTP_PLAIN_MAX_FIELDS, 1, true},
        {"one too many", GW_HTTP_PLAIN_MAX_FIELDS + 1, 1, false},
        {"all of the names", 2, GW_HTTP_PLAIN_MAX_NAMES - 4, true},
        {"one byte too many", 2, GW_HTTP_PLAIN_MAX_NAMES - 3, false},
    };
    for (size_t i = 0; i != LENGTH_OF(sizes); ++i) {
        char text[4096];
        size_t len = (size_t)sprintf(text, START "Host: a\r\n");
        for (size_t k = 1; k != sizes[i].num_fields; ++k) {
            memset(text + len, 'N', sizes[i].name_len);
            len += sizes[i].name_len;
            len += (size_t)sprintf(text + len, ": b\r\n");
        }
        len += (size_t)sprintf(text + len, "\r\n");
        if (is_taken(text, len) != sizes[i].is_taken)
            fail_msg("%s", sizes[i].about);
    }
}

/** One to three bytes of a good head are replaced, taken out or put in. */
static void a_head_that_was_tampered_with_is_read_as_the_judge_reads_it_or_not_at_all(void **state)
{
    static const char bytes[] = "\r\n :\t\0\x7f\x80\xff#,aZ0-_[]GET/HTTP/1.1";
    uint64_t random = 1;
    size_t num_taken = 0;
    for (size_t i = 0; i != 300000; ++i) {
        char text[600];
        size_t row = gw_random_below(&random, LENGTH_OF(rows)), len = strlen(rows[row].text);
        memcpy(text, rows[row].text, len);
        for (size_t k = 1 + gw_random_below(&random, 3); k-- != 0 && len > 2;) {
            size_t at = gw_random_below(&random, len);
            switch (gw_random_below(&random, 3)) {
            case 0:
                text[at] = bytes[gw_random_below(&random, sizeof(bytes) - 1)];
                break;
            case 1:
                memmove(text + at, text + at + 1, --len - at);
                break;
            default:
                memmove(text + at + 1, text + at, len++ - at);
                text[at] = bytes[gw_random_below(&random, sizeof(bytes) - 1)];
                break;
            }
        }
        num_taken += is_taken(text, len);
    }
    assert_true(num_taken > 10000); /* it says something about those that are taken, too */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_plain_is_taken_and_the_rest_is_left_to_the_judge),
        cmocka_unit_test(every_beginning_of_a_head_waits_for_the_rest),
        cmocka_unit_test(as_many_fields_and_bytes_of_names_as_there_is_room_for_are_taken),
        cmocka_unit_test(a_head_that_was_tampered_with_is_read_as_the_judge_reads_it_or_not_at_all),
    };
    return cmocka_run_group_tests_name("http: plain heads", tests, NULL, NULL);
}
