/* SPDX-License-Identifier: MIT
 * Malformed and conflicting framing, from clients and from endpoints: refused, and never passed on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/ssl.h>
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

#define CONF                                                                                                           \
    CONF_LISTEN                                                                                                        \
    "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\nroutes: [ { path: /, service: origin } ]\n"

#define HOST "Host: a\r\n"

static const struct {
    const char *about, *request;
    int status;
} requests[] = {
    {"two different lengths", "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
    {"two equal lengths", "POST / HTTP/1.1\r\n" HOST "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
    {"a list of lengths", "POST / HTTP/1.1\r\n" HOST "Content-Length: 3, 3\r\n\r\nabc", 400},
    {"a signed length", "POST / HTTP/1.1\r\n" HOST "Content-Length: +3\r\n\r\nabc", 400},
    {"a negative length", "POST / HTTP/1.1\r\n" HOST "Content-Length: -3\r\n\r\nabc", 400},
    {"a length that overflows", "POST / HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551617\r\n\r\na", 400},
    {"a hexadecimal length", "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x3\r\n\r\nabc", 400},
    {"an empty length", "POST / HTTP/1.1\r\n" HOST "Content-Length: \r\n\r\n", 400},
    {"length and chunked",
     "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"chunked and length",
     "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400},
    {"chunked twice", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400},
    {"two transfer encodings",
     "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"an unknown transfer encoding", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
    {"chunked on HTTP/1.0", "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"a space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400},
    {"a folded line", "GET / HTTP/1.1\r\n" HOST "X: a\r\n b\r\n\r\n", 400},
    {"a bare LF in the head", "GET / HTTP/1.1\n" HOST "\r\n", 400},
    {"a bare LF at the end of the head", "GET / HTTP/1.1\r\n" HOST "\n", 400},
    {"a bare CR in a value", "GET / HTTP/1.1\r\n" HOST "X: a\rb\r\n\r\n", 400},
    {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
    {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
    {"an empty host", "GET / HTTP/1.1\r\nHost: \r\n\r\n", 400},
    {"a host with userinfo", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
    {"a host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
    {"an empty field name", "GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n", 400},
    {"a control character in a value", "GET / HTTP/1.1\r\n" HOST "X: a\001b\r\n\r\n", 400},
    {"a method with a bracket", "GE(T / HTTP/1.1\r\n" HOST "\r\n", 400},
    {"a tab in the request line", "GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400},
    {"two spaces in the request line", "GET  / HTTP/1.1\r\n" HOST "\r\n", 400},
    {"a fragment", "GET /#x HTTP/1.1\r\n" HOST "\r\n", 400},
    {"a target without a slash", "GET x HTTP/1.1\r\n" HOST "\r\n", 400},
    {"high bytes in the target", "GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n", 400},
    {"CONNECT", "CONNECT a:443 HTTP/1.1\r\n" HOST "\r\n", 501},
    {"HTTP/2.0", "GET / HTTP/2.0\r\n" HOST "\r\n", 505},
    {"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
    {"an unknown expectation", "GET / HTTP/1.1\r\n" HOST "Expect: a-miracle\r\n\r\n", 417},
    {"chunk size with an underscore",
     "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0_2\r\nab\r\n0\r\n\r\n", 400},
    {"chunk size with 0x", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0x2\r\nab\r\n0\r\n\r\n", 400},
    {"a bare LF after a chunk size", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\nab\r\n0\r\n\r\n",
     400},
    {"no CRLF after chunk data", "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
     400},
    {"a chunk size that overflows",
     "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\nab", 400},
};

/** What came through may at most be the beginning of one request, whose body never ended. */
static void remember_request(origin_t *origin, int fd, size_t index)
{
    char *request = origin_read_request(origin, fd);
    if (request != NULL)
        origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    free(request);
    origin_wait_for_close(fd);
}

static void hostile_requests_are_refused_and_never_reach_the_endpoint(void **state)
{
    origin_t *origin = origin_start(remember_request, NULL);
    gateway_t *gateway = gateway_start(CONF, origin->port);
    for (size_t i = 0; i != sizeof(requests) / sizeof(requests[0]); ++i) {
        int fd = raw_connect(gateway->ports[0]);
        raw_write(fd, requests[i].request, strlen(requests[i].request));
        /* a smuggled request would be answered too */
        static const char next[] = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
        raw_write(fd, next, sizeof(next) - 1);
        bool is_closed;
        char *reply = raw_read(fd, NULL, &is_closed);
        char expected[32];
        snprintf(expected, sizeof(expected), "HTTP/1.1 %d ", requests[i].status);
        if (strncmp(reply, expected, strlen(expected)) != 0 || !is_closed || strstr(reply + 1, "HTTP/1.1 ") != NULL)
            fail_msg("%s: expected one %d and a close, got (closed: %d):\n%s", requests[i].about, requests[i].status,
                     is_closed, reply);
        free(reply);
        close(fd);
    }
    assert_int_equal(atomic_load(&origin->num_requests), 0);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void lenient_but_harmless_requests_are_served(void **state)
{
    static const struct {
        const char *about, *request;
    } good[] = {
        {"an empty line first", "\r\nGET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"},
        {"absolute form", "GET http://b/x HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n"},
        {"HTTP/1.0 without a host", "GET / HTTP/1.0\r\n\r\n"},
        {"a value with spaces around it", "GET / HTTP/1.1\r\nHost:   a  \r\nConnection: close\r\n\r\n"},
        {"a chunk extension",
         "POST / HTTP/1.1\r\n" HOST "Connection: close\r\nTransfer-Encoding: Chunked\r\n\r\n2;a=b\r\nab\r\n0\r\n\r\n"},
        {"a trailer",
         "POST / HTTP/1.1\r\n" HOST "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\r\n"},
    };
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF, origin->port);
    for (size_t i = 0; i != sizeof(good) / sizeof(good[0]); ++i) {
        int fd = raw_connect(gateway->ports[0]);
        raw_write(fd, good[i].request, strlen(good[i].request));
        bool is_closed;
        char *reply = raw_read(fd, NULL, &is_closed);
        if (strncmp(reply, "HTTP/1.1 200 ", 13) != 0 || !is_closed)
            fail_msg("%s: (closed: %d)\n%s", good[i].about, is_closed, reply);
        if (strcmp(good[i].about, "absolute form") == 0) {
            assert_non_null(strstr(reply, "GET /x HTTP/1.1\r\n"));
            assert_non_null(strstr(reply, "Host: b\r\n"));
        }
        free(reply);
        close(fd);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void heads_that_are_too_large_get_431(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF "limits: { head: 4KiB, fields: 20 }\n", origin->port);
    char *head = malloc(20000);
    memset(head, 'a', 20000);
    memcpy(head, "GET / HTTP/1.1\r\nHost: a\r\nX: ", 28);
    int fd = raw_connect(gateway->ports[0]);
    raw_write(fd, head, 20000);
    char *reply = raw_read(fd, NULL, NULL);
    assert_true(strncmp(reply, "HTTP/1.1 431 ", 13) == 0);
    free(reply);
    close(fd);
    size_t len = (size_t)sprintf(head, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i != 30; ++i)
        len += (size_t)sprintf(head + len, "X-%d: 1\r\n", i);
    len += (size_t)sprintf(head + len, "\r\n");
    fd = raw_connect(gateway->ports[0]);
    raw_write(fd, head, len);
    reply = raw_read(fd, NULL, NULL);
    assert_true(strncmp(reply, "HTTP/1.1 431 ", 13) == 0);
    free(reply);
    close(fd);
    free(head);
    const char *headers[32] = {0};
    for (int i = 0; i != 30; ++i)
        headers[i] = "X-Many: 1";
    reply_t many = fetch(gateway, OVER_HTTP2, &(request_t){.path = "/", .headers = headers});
    assert_int_equal(many.status, 431);
    reply_free(&many);
    gateway_stop(gateway);
    origin_stop(origin);
}

static const struct {
    const char *about, *response, *reason;
} responses[] = {
    {"two different lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
     "upstream_malformed"},
    {"length and chunked", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "upstream_malformed"},
    {"a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nabc", "upstream_malformed"},
    {"a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc", "upstream_malformed"},
    {"an unknown transfer encoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc", "upstream_malformed"},
    {"chunked on HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "upstream_malformed"},
    {"a folded line", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n", "upstream_malformed"},
    {"an empty field name", "HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 0\r\n\r\n", "upstream_malformed"},
    {"a bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", "upstream_malformed"},
    {"not HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", "upstream_malformed"},
    {"a status of 99", "HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n", "upstream_malformed"},
    {"a status of 700", "HTTP/1.1 700 Odd\r\nContent-Length: 0\r\n\r\n", "upstream_malformed"},
    {"a 101 nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
     "upstream_malformed"},
    {"nothing at all", "", "upstream_closed"},
    {"half a head", "HTTP/1.1 200 OK\r\nContent-", "upstream_closed"},
};

static void hostile_responses_become_502_and_cost_their_connection(void **state)
{
    for (size_t i = 0; i != sizeof(responses) / sizeof(responses[0]); ++i) {
        origin_t *origin = origin_start(origin_answer_and_close, (void *)(uintptr_t)responses[i].response);
        gateway_t *gateway = gateway_start(CONF, origin->port);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = fetch(gateway, t, &(request_t){.method = "POST", .path = "/", .body = "x"});
            if (reply.status != 502 || strstr(reply.body, responses[i].reason) == NULL)
                fail_msg("%s over %s: %d %s", responses[i].about, transport_names[t], reply.status, reply.body);
            reply_free(&reply);
        }
        assert_int_equal(atomic_load(&origin->num_connections), (size_t)NUM_TRANSPORTS);
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

static void a_response_cut_short_is_seen_as_cut_short(void **state)
{
    static const char *const cut[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
    };
    for (size_t i = 0; i != sizeof(cut) / sizeof(cut[0]); ++i) {
        origin_t *origin = origin_start(origin_answer_and_close, (void *)(uintptr_t)cut[i]);
        gateway_t *gateway = gateway_start(CONF, origin->port);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = fetch_path(gateway, t, "/");
            if (reply.error == 0)
                fail_msg("'%s' over %s passed for complete", cut[i], transport_names[t]);
            reply_free(&reply);
        }
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

static void an_endless_head_of_an_endpoint_is_bounded(void **state)
{
    char *endless = malloc(70000);
    memset(endless, 'a', 70000);
    memcpy(endless, "HTTP/1.1 200 OK\r\nX: ", 20);
    endless[69999] = '\0';
    origin_t *origin = origin_start(origin_answer_and_close, endless);
    gateway_t *gateway = gateway_start(CONF, origin->port);
    reply_t reply = fetch_path(gateway, OVER_HTTP1, "/");
    assert_int_equal(reply.status, 502);
    assert_non_null(strstr(reply.body, "upstream_head_too_large"));
    reply_free(&reply);
    gateway_stop(gateway);
    origin_stop(origin);
    free(endless);
}

/* HTTP/2 by hand ----------------------------------------------------------------------------------------------------
 */

static size_t put_frame(unsigned char *dst, unsigned char type, unsigned char flags, uint32_t stream,
                        const void *payload, size_t len)
{
    const unsigned char head[9] = {(unsigned char)(len >> 16),
                                   (unsigned char)(len >> 8),
                                   (unsigned char)len,
                                   type,
                                   flags,
                                   (unsigned char)(stream >> 24),
                                   (unsigned char)(stream >> 16),
                                   (unsigned char)(stream >> 8),
                                   (unsigned char)stream};
    memcpy(dst, head, 9);
    memcpy(dst + 9, payload, len);
    return 9 + len;
}

static void a_flood_of_resets_ends_its_connection_and_spares_the_endpoint(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF "access_log: off\n", origin->port);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\002h2", 3);
    SSL *ssl = SSL_new(context);
    int fd = raw_connect(gateway->ports[1]);
    SSL_set_fd(ssl, fd);
    assert_int_equal(SSL_connect(ssl), 1);
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    SSL_write(ssl, preface, sizeof(preface) - 1);
    /* GET https / with :authority localhost, in HPACK's static table but for the name */
    static const char head[] = "\x82\x87\x84\x01\x09localhost";
    static const char cancel[] = {0, 0, 0, 8};
    bool is_closed = false;
    for (uint32_t stream = 1; stream < 40000 && !is_closed; stream += 2) {
        unsigned char frames[128];
        size_t len = put_frame(frames, 1, 5, stream, head, sizeof(head) - 1);
        len += put_frame(frames + len, 3, 0, stream, cancel, sizeof(cancel));
        is_closed = SSL_write(ssl, frames, (int)len) <= 0;
    }
    char bytes[4096];
    while (SSL_read(ssl, bytes, sizeof(bytes)) > 0)
        ;
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
    assert_true(atomic_load(&origin->num_connections) < 1000);
    reply_t reply = fetch_path(gateway, OVER_HTTP2, "/");
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    gateway_stop(gateway);
    origin_stop(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_requests_are_refused_and_never_reach_the_endpoint),
        cmocka_unit_test(lenient_but_harmless_requests_are_served),
        cmocka_unit_test(heads_that_are_too_large_get_431),
        cmocka_unit_test(hostile_responses_become_502_and_cost_their_connection),
        cmocka_unit_test(a_response_cut_short_is_seen_as_cut_short),
        cmocka_unit_test(an_endless_head_of_an_endpoint_is_bounded),
        cmocka_unit_test(a_flood_of_resets_ends_its_connection_and_spares_the_endpoint),
    };
    return cmocka_run_group_tests_name("framing", tests, NULL, NULL);
}
