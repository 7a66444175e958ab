/* SPDX-License-Identifier: MIT
 * The judges of request and response heads, each case through the parser that the connections use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/http/phr.h"
#include "gateway/http/request_head.h"
#include "gateway/http/response_head.h"
#include "gateway/http/syntax.h"

#define MAX_FIELDS 20

static size_t take_fields(const struct phr_header *parsed, size_t num, gw_http_field_t *fields)
{
    for (size_t i = 0; i != num; ++i)
        fields[i] = (gw_http_field_t){gw_str(parsed[i].name, parsed[i].name != NULL ? parsed[i].name_len : 0),
                                      gw_http_trim(gw_str(parsed[i].value, parsed[i].value_len))};
    return num;
}

static gw_http_request_result_t judge_request(const char *text, gw_http_request_head_t *head)
{
    struct phr_header parsed[MAX_FIELDS];
    gw_http_field_t fields[MAX_FIELDS];
    size_t num = MAX_FIELDS, method_len, target_len;
    const char *method, *target;
    int minor, len = phr_parse_request(text, strlen(text), &method, &method_len, &target, &target_len, &minor, parsed,
                                       &num, 0);
    if (len <= 0)
        fail_msg("the parser refuses '%s' (%d)", text, len);
    take_fields(parsed, num, fields);
    return gw_http_judge_request(gw_str(text, (size_t)len), gw_str(method, method_len), gw_str(target, target_len),
                                 minor, fields, num, head);
}

#define REQUEST(line, fields) line "\r\n" fields "\r\n"
#define GET_A(fields)         "GET / HTTP/1.1\r\nHost: a\r\n" fields "\r\n"

static const struct {
    const char *about, *head;
    gw_http_request_result_t result;
    gw_http_framing_t framing;
    bool keep_alive;
    const char *path, *authority; /* NULL: do not look */
} requests[] = {
    {"a plain request", GET_A(""), GW_HTTP_REQUEST_OK, GW_HTTP_FRAMING_NONE, true, "/", "a"},
    {"Connection: close", GET_A("Connection: x, Close\r\n"), GW_HTTP_REQUEST_OK, GW_HTTP_FRAMING_NONE, false, NULL,
     NULL},
    {"HTTP/1.0", REQUEST("GET /x?y HTTP/1.0", ""), GW_HTTP_REQUEST_OK, GW_HTTP_FRAMING_NONE, false, "/x?y", ""},
    {"HTTP/1.0 that stays", REQUEST("GET / HTTP/1.0", "Connection: keep-alive\r\n"), GW_HTTP_REQUEST_OK,
     GW_HTTP_FRAMING_NONE, true, NULL, NULL},
    {"close beats keep-alive", GET_A("Connection: keep-alive\r\nConnection: close\r\n"), GW_HTTP_REQUEST_OK,
     GW_HTTP_FRAMING_NONE, false, NULL, NULL},
    {"a length", GET_A("Content-Length: 12\r\n"), GW_HTTP_REQUEST_OK, GW_HTTP_FRAMING_LENGTH, true, NULL, NULL},
    {"chunked in capitals", GET_A("Transfer-Encoding: CHUNKED\r\n"), GW_HTTP_REQUEST_OK, GW_HTTP_FRAMING_CHUNKED, true,
     NULL, NULL},
    {"absolute form wins over Host", REQUEST("GET HTTP://B.example:8/x?y HTTP/1.1", "Host: a\r\n"), GW_HTTP_REQUEST_OK,
     GW_HTTP_FRAMING_NONE, true, "/x?y", "B.example:8"},
    {"absolute form without a path", REQUEST("GET https://b HTTP/1.1", "Host: a\r\n"), GW_HTTP_REQUEST_OK,
     GW_HTTP_FRAMING_NONE, true, "/", "b"},
    {"absolute form with userinfo", REQUEST("GET http://u@b/ HTTP/1.1", "Host: a\r\n"), GW_HTTP_REQUEST_TARGET, 0, 0,
     NULL, NULL},
    {"another scheme", REQUEST("GET ftp://b/ HTTP/1.1", "Host: a\r\n"), GW_HTTP_REQUEST_TARGET, 0, 0, NULL, NULL},
    {"OPTIONS *", REQUEST("OPTIONS * HTTP/1.1", "Host: a\r\n"), GW_HTTP_REQUEST_OK, GW_HTTP_FRAMING_NONE, true, "*",
     "a"},
    {"GET *", REQUEST("GET * HTTP/1.1", "Host: a\r\n"), GW_HTTP_REQUEST_TARGET, 0, 0, NULL, NULL},
    {"CONNECT", REQUEST("CONNECT a:1 HTTP/1.1", "Host: a\r\n"), GW_HTTP_REQUEST_CONNECT, 0, 0, NULL, NULL},
    {"a method that is no token", REQUEST("G(T / HTTP/1.1", "Host: a\r\n"), GW_HTTP_REQUEST_METHOD, 0, 0, NULL, NULL},
    {"a fragment", REQUEST("GET /#a HTTP/1.1", "Host: a\r\n"), GW_HTTP_REQUEST_TARGET, 0, 0, NULL, NULL},
    {"a bare LF", "GET / HTTP/1.1\nHost: a\r\n\r\n", GW_HTTP_REQUEST_LINE_END, 0, 0, NULL, NULL},
    {"a folded line", GET_A("X: a\r\n\tb\r\n"), GW_HTTP_REQUEST_FOLDED, 0, 0, NULL, NULL},
    {"no Host", REQUEST("GET / HTTP/1.1", ""), GW_HTTP_REQUEST_HOST_MISSING, 0, 0, NULL, NULL},
    {"two Hosts", GET_A("Host: a\r\n"), GW_HTTP_REQUEST_HOST_REPEATED, 0, 0, NULL, NULL},
    {"an empty Host", REQUEST("GET / HTTP/1.1", "Host:\r\n"), GW_HTTP_REQUEST_HOST, 0, 0, NULL, NULL},
    {"a Host with a path", REQUEST("GET / HTTP/1.1", "Host: a/b\r\n"), GW_HTTP_REQUEST_HOST, 0, 0, NULL, NULL},
    {"a length twice", GET_A("Content-Length: 1\r\nContent-Length: 1\r\n"), GW_HTTP_REQUEST_LENGTH_REPEATED, 0, 0, NULL,
     NULL},
    {"a list of lengths", GET_A("Content-Length: 1, 1\r\n"), GW_HTTP_REQUEST_LENGTH, 0, 0, NULL, NULL},
    {"length and coding", GET_A("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
     GW_HTTP_REQUEST_LENGTH_AND_CODING, 0, 0, NULL, NULL},
    {"two codings fields", GET_A("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
     GW_HTTP_REQUEST_CODING_REPEATED, 0, 0, NULL, NULL},
    {"gzip, chunked", GET_A("Transfer-Encoding: gzip, chunked\r\n"), GW_HTTP_REQUEST_CODING_UNKNOWN, 0, 0, NULL, NULL},
    {"chunked, chunked", GET_A("Transfer-Encoding: chunked, chunked\r\n"), GW_HTTP_REQUEST_CODING, 0, 0, NULL, NULL},
    {"an empty coding", GET_A("Transfer-Encoding:\r\n"), GW_HTTP_REQUEST_CODING, 0, 0, NULL, NULL},
    {"chunked on 1.0", REQUEST("GET / HTTP/1.0", "Transfer-Encoding: chunked\r\n"), GW_HTTP_REQUEST_CODING_ON_1_0, 0, 0,
     NULL, NULL},
    {"an unknown expectation", GET_A("Expect: more\r\n"), GW_HTTP_REQUEST_EXPECTATION, 0, 0, NULL, NULL},
    {"an expectation of 1.0 is ignored", REQUEST("GET / HTTP/1.0", "Expect: more\r\n"), GW_HTTP_REQUEST_OK,
     GW_HTTP_FRAMING_NONE, false, NULL, NULL},
};

static void request_heads_are_read_in_one_way_or_refused(void **state)
{
    for (size_t i = 0; i != sizeof(requests) / sizeof(requests[0]); ++i) {
        gw_http_request_head_t head;
        gw_http_request_result_t result = judge_request(requests[i].head, &head);
        if (result != requests[i].result)
            fail_msg("%s: %s", requests[i].about, gw_http_request_result_str(result));
        if (result != GW_HTTP_REQUEST_OK) {
            assert_true(gw_http_request_result_status(result) >= 400);
            continue;
        }
        if (head.framing != requests[i].framing || head.keep_alive != requests[i].keep_alive ||
            (requests[i].path != NULL && !gw_str_equal(head.path, gw_str_of(requests[i].path))) ||
            (requests[i].authority != NULL && !gw_str_equal(head.authority, gw_str_of(requests[i].authority))))
            fail_msg("%s: framing %d, keep-alive %d, path '%.*s', authority '%.*s'", requests[i].about, head.framing,
                     head.keep_alive, (int)head.path.len, head.path.ptr, (int)head.authority.len,
                     head.authority.ptr != NULL ? head.authority.ptr : "");
    }
}

#define OK_WITH(fields) "HTTP/1.1 200 OK\r\n" fields "\r\n"

static const struct {
    const char *about, *head;
    bool is_head_method;
    gw_http_response_result_t result;
    gw_http_framing_t framing;
    bool keep_alive, has_length;
} responses[] = {
    {"a length", OK_WITH("Content-Length: 5\r\n"), false, GW_HTTP_RESPONSE_OK, GW_HTTP_FRAMING_LENGTH, true, true},
    {"chunked", OK_WITH("Transfer-Encoding: Chunked\r\n"), false, GW_HTTP_RESPONSE_OK, GW_HTTP_FRAMING_CHUNKED, true,
     false},
    {"neither", OK_WITH(""), false, GW_HTTP_RESPONSE_OK, GW_HTTP_FRAMING_UNTIL_CLOSE, false, false},
    {"to HEAD", OK_WITH("Content-Length: 5\r\n"), true, GW_HTTP_RESPONSE_OK, GW_HTTP_FRAMING_NONE, true, true},
    {"to HEAD, chunked", OK_WITH("Transfer-Encoding: chunked\r\n"), true, GW_HTTP_RESPONSE_OK, GW_HTTP_FRAMING_NONE,
     true, false},
    {"204", "HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n", false, GW_HTTP_RESPONSE_OK, GW_HTTP_FRAMING_NONE, true,
     false},
    {"304 with a length", "HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n", false, GW_HTTP_RESPONSE_OK,
     GW_HTTP_FRAMING_NONE, true, true},
    {"close", OK_WITH("Connection: close\r\nContent-Length: 5\r\n"), false, GW_HTTP_RESPONSE_OK, GW_HTTP_FRAMING_LENGTH,
     false, true},
    {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", false, GW_HTTP_RESPONSE_OK, GW_HTTP_FRAMING_LENGTH,
     false, true},
    {"HTTP/1.0 that stays", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n", false,
     GW_HTTP_RESPONSE_OK, GW_HTTP_FRAMING_LENGTH, true, true},
    {"two lengths", OK_WITH("Content-Length: 5\r\nContent-Length: 5\r\n"), false, GW_HTTP_RESPONSE_LENGTH_REPEATED, 0,
     0, 0},
    {"a length that is none", OK_WITH("Content-Length: 5x\r\n"), true, GW_HTTP_RESPONSE_LENGTH, 0, 0, 0},
    {"length and coding", OK_WITH("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), false,
     GW_HTTP_RESPONSE_LENGTH_AND_CODING, 0, 0, 0},
    {"another coding", OK_WITH("Transfer-Encoding: gzip, chunked\r\n"), false, GW_HTTP_RESPONSE_CODING, 0, 0, 0},
    {"another coding alone", OK_WITH("Transfer-Encoding: x-gzip\r\n"), false, GW_HTTP_RESPONSE_CODING, 0, 0, 0},
    {"what others may take for chunked", OK_WITH("Transfer-Encoding: xChunked\r\n"), false, GW_HTTP_RESPONSE_CODING, 0,
     0, 0},
    {"a list with a word that is no coding", OK_WITH("Transfer-Encoding: binary, chunked\r\n"), false,
     GW_HTTP_RESPONSE_CODING, 0, 0, 0},
    {"nothing", OK_WITH("Transfer-Encoding: \r\n"), false, GW_HTTP_RESPONSE_CODING, 0, 0, 0},
    {"a word that is no coding ends with the connection (RFC 9112 6.3)", OK_WITH("Transfer-Encoding: binary\r\n"),
     false, GW_HTTP_RESPONSE_OK, GW_HTTP_FRAMING_UNTIL_CLOSE, false, false},
    {"to HEAD, a word that is no coding", OK_WITH("Transfer-Encoding: binary\r\n"), true, GW_HTTP_RESPONSE_OK,
     GW_HTTP_FRAMING_NONE, false, false},
    {"a word that is no coding, and a length", OK_WITH("Transfer-Encoding: binary\r\nContent-Length: 5\r\n"), false,
     GW_HTTP_RESPONSE_LENGTH_AND_CODING, 0, 0, 0},
    {"chunked on 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, GW_HTTP_RESPONSE_CODING_ON_1_0,
     0, 0, 0},
    {"chunked 204", "HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n", false,
     GW_HTTP_RESPONSE_CODING_WITHOUT_BODY, 0, 0, 0},
    {"a folded line", OK_WITH("X: a\r\n b\r\n"), false, GW_HTTP_RESPONSE_FOLDED, 0, 0, 0},
    {"a bare LF", "HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\n", false, GW_HTTP_RESPONSE_LINE_END, 0, 0, 0},
    {"a status below 100", "HTTP/1.1 099 Odd\r\n\r\n", false, GW_HTTP_RESPONSE_STATUS, 0, 0, 0},
    {"a status above 599", "HTTP/1.1 600 Odd\r\n\r\n", false, GW_HTTP_RESPONSE_STATUS, 0, 0, 0},
};

static void response_heads_are_read_in_one_way_or_refused(void **state)
{
    for (size_t i = 0; i != sizeof(responses) / sizeof(responses[0]); ++i) {
        struct phr_header parsed[MAX_FIELDS];
        gw_http_field_t fields[MAX_FIELDS];
        size_t num = MAX_FIELDS, message_len;
        const char *message, *text = responses[i].head;
        int minor, status,
            len = phr_parse_response(text, strlen(text), &minor, &status, &message, &message_len, parsed, &num, 0);
        assert_true(len > 0);
        take_fields(parsed, num, fields);
        gw_http_response_head_t head;
        gw_http_response_result_t result = gw_http_judge_response(gw_str(text, (size_t)len), minor, status, fields, num,
                                                                  responses[i].is_head_method, &head);
        if (result != responses[i].result)
            fail_msg("%s: %s", responses[i].about, gw_http_response_result_str(result));
        if (result == GW_HTTP_RESPONSE_OK &&
            (head.framing != responses[i].framing || head.keep_alive != responses[i].keep_alive ||
             head.has_content_length != responses[i].has_length))
            fail_msg("%s: framing %d, keep-alive %d, has a length %d", responses[i].about, head.framing,
                     head.keep_alive, head.has_content_length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_heads_are_read_in_one_way_or_refused),
        cmocka_unit_test(response_heads_are_read_in_one_way_or_refused),
    };
    return cmocka_run_group_tests_name("message heads", tests, NULL, NULL);
}
