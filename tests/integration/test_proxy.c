/* SPDX-License-Identifier: MIT
 * Requests through the real gateway to a real endpoint, each case over HTTP/1.1, HTTP/1.1 over TLS and HTTP/2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

#define CONF_ORIGIN CONF_LISTEN "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"

#define EACH_TRANSPORT(t)                                                                                              \
    transport_t t = 0;                                                                                                 \
    t != NUM_TRANSPORTS;                                                                                               \
    ++t

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("'%s' is missing in:\n%s", part, text);
}

static void assert_contains_not(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("'%s' should not be in:\n%s", part, text);
}

static void a_request_reaches_the_endpoint_with_the_fields_of_a_proxy(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN "routes: [ { path: /, service: origin } ]\n", origin->port);
    for (EACH_TRANSPORT(t)) {
        const char *headers[] = {"X-Own: 1",
                                 "Connection: keep-alive, X-Named",
                                 "X-Named: secret",
                                 "Keep-Alive: 5",
                                 "X-Forwarded-For: 10.9.9.9",
                                 "X-Request-Id: mine",
                                 "Forwarded: for=10.9.9.9",
                                 NULL};
        if (t == OVER_HTTP2) /* where Connection is not allowed at all */
            headers[1] = "X-Filler: 1", headers[2] = "X-Filler: 2";
        reply_t reply = fetch(gateway, t, &(request_t){.path = "/a/b?q=1%202", .headers = headers});
        assert_int_equal(reply.status, 200);
        assert_contains(reply.body, "GET /a/b?q=1%202 HTTP/1.1\r\n");
        assert_contains(reply.body, "\r\nHost: 127.0.0.1:");
        assert_non_null(strcasestr(reply.body, "\r\nx-own: 1\r\n"));
        assert_contains(reply.body, "\r\nX-Forwarded-For: 127.0.0.1\r\n");
        assert_contains(reply.body,
                        t == OVER_HTTP1 ? "\r\nX-Forwarded-Proto: http\r\n" : "\r\nX-Forwarded-Proto: https\r\n");
        assert_contains(reply.body, t == OVER_HTTP2 ? "\r\nVia: 2.0 sluice\r\n" : "\r\nVia: 1.1 sluice\r\n");
        assert_contains(reply.body, "\r\nX-Forwarded-Host: 127.0.0.1:");
        assert_contains(reply.body, "\r\nX-Request-Id: ");
        assert_contains_not(reply.body, "X-Request-Id: mine");
        assert_contains_not(reply.body, "secret");
        assert_contains_not(reply.body, "10.9.9.9");
        assert_null(strcasestr(reply.body, "\r\nkeep-alive:"));
        assert_null(strcasestr(reply.body, "\r\nconnection:"));
        reply_free(&reply);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_trusted_proxy_is_believed_and_extended(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(
        CONF_ORIGIN "trusted_proxies: [ 127.0.0.0/8 ]\nroutes: [ { path: /, service: origin } ]\n", origin->port);
    for (EACH_TRANSPORT(t)) {
        const char *headers[] = {"X-Forwarded-For: 10.9.9.9", "X-Forwarded-Proto: gopher", "X-Request-Id: mine-1",
                                 NULL};
        reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .headers = headers});
        assert_contains(reply.body, "X-Forwarded-For: 10.9.9.9, 127.0.0.1\r\n");
        assert_contains(reply.body, "X-Forwarded-Proto: gopher\r\n");
        assert_contains(reply.body, "X-Request-Id: mine-1\r\n");
        reply_free(&reply);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

/* bodies ----------------------------------------------------------------------------------------------------------- */

static char *make_bytes(size_t len)
{
    char *bytes = malloc(len + 1);
    for (size_t i = 0; i != len; ++i)
        bytes[i] = (char)('a' + (i * 7 + i / 1000) % 26);
    bytes[len] = '\0';
    return bytes;
}

static void uploads_of_every_size_arrive_whole(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN "routes: [ { path: /, service: origin } ]\n", origin->port);
    static const size_t sizes[] = {1, 100, 16384, 70000, 3000000};
    for (EACH_TRANSPORT(t))
        for (size_t i = 0; i != sizeof(sizes) / sizeof(sizes[0]); ++i)
            for (int is_chunked = 0; is_chunked != 2; ++is_chunked) {
                char *bytes = make_bytes(sizes[i]);
                reply_t reply = fetch(gateway, t,
                                      &(request_t){.method = "POST",
                                                   .path = "/upload",
                                                   .body = bytes,
                                                   .body_len = sizes[i],
                                                   .is_chunked = is_chunked && t != OVER_HTTP2});
                if (reply.status != 200)
                    fail_msg("%s, %zu bytes, chunked %d: %d (%s) %s", transport_names[t], sizes[i], is_chunked,
                             reply.status, curl_error(reply.error), reply.body);
                if (!is_chunked || t == OVER_HTTP2) {
                    assert_true(reply.body_len > sizes[i]);
                    assert_memory_equal(reply.body + reply.body_len - sizes[i], bytes, sizes[i]);
                } else {
                    assert_contains(reply.body, "\r\nTransfer-Encoding: chunked\r\n");
                    /* without the chunk framing it is what was sent */
                    char *at = strstr(reply.body, "\r\n\r\n") + 4;
                    size_t offset = 0, chunk;
                    while ((chunk = strtoul(at, &at, 16)) != 0) {
                        at += 2;
                        assert_true(offset + chunk <= sizes[i]);
                        assert_memory_equal(at, bytes + offset, chunk);
                        offset += chunk;
                        at += chunk + 2;
                    }
                    assert_int_equal(offset, sizes[i]);
                }
                reply_free(&reply);
                free(bytes);
            }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void serve_responses(origin_t *origin, int fd, size_t index)
{
    char *big = calloc(1, 1000001), *request;
    memset(big, 'x', 1000000);
    while ((request = origin_read_request(origin, fd)) != NULL) {
        bool goes_on = true;
        if (strstr(request, "/chunked ") != NULL) {
            goes_on = origin_write(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                       "5;ext=\"a b\"\r\nhello\r\n1\r\n,\r\n6\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\n");
        } else if (strstr(request, "/until-close ") != NULL) {
            origin_write(fd, "HTTP/1.1 200 OK\r\n\r\nall of it");
            goes_on = false;
        } else if (strstr(request, "/no-coding ") != NULL) {
            origin_write(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: binary\r\n\r\nall of it");
            goes_on = false;
        } else if (strstr(request, "/until-close-1.0 ") != NULL) {
            origin_write(fd, "HTTP/1.0 200 OK\r\n\r\nall of it");
            goes_on = false;
        } else if (strstr(request, "/204 ") != NULL) {
            goes_on = origin_write(fd, "HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n");
        } else if (strstr(request, "/304 ") != NULL) {
            goes_on = origin_write(fd, "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 700\r\n\r\n");
        } else if (strstr(request, "/interim ") != NULL) {
            goes_on = origin_write(fd, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                                       "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfinal");
        } else if (strstr(request, "/big ") != NULL) {
            goes_on = origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n") &&
                      (strncmp(request, "HEAD", 4) == 0 || origin_write(fd, big));
        } else if (strstr(request, "/empty ") != NULL) {
            goes_on = origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        } else if (strstr(request, "/hop ") != NULL) {
            goes_on =
                origin_write(fd, "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Named\r\nX-Named: secret\r\n"
                                 "Keep-Alive: timeout=5\r\nServer: own\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nok");
        }
        free(request);
        if (!goes_on)
            break;
    }
    free(big);
}

static void responses_of_every_framing_arrive_whole(void **state)
{
    static const struct {
        const char *about, *method, *path;
        int status;
        size_t body_len;
        const char *body, *in_head;
    } cases[] = {
        {"chunked", "GET", "/chunked", 200, 12, "hello, world", NULL},
        {"until the connection closes", "GET", "/until-close", 200, 9, "all of it", NULL},
        {"until the connection closes, with a transfer coding that is none", "GET", "/no-coding", 200, 9, "all of it",
         NULL},
        {"until the connection closes, HTTP/1.0", "GET", "/until-close-1.0", 200, 9, "all of it", NULL},
        {"204 without a body", "GET", "/204", 204, 0, "", NULL},
        {"304 with a length but no body", "GET", "/304", 304, 0, "", NULL},
        {"interim responses are not the answer", "GET", "/interim", 200, 5, "final", NULL},
        {"a megabyte", "GET", "/big", 200, 1000000, NULL, NULL},
        {"HEAD has the length but no body", "HEAD", "/big", 200, 0, "", "1000000"},
        {"HEAD of a chunked one", "HEAD", "/204", 204, 0, "", NULL},
        {"nothing", "GET", "/empty", 200, 0, "", NULL},
    };
    origin_t *origin = origin_start(serve_responses, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN "routes: [ { path: /, service: origin } ]\n", origin->port);
    for (EACH_TRANSPORT(t)) {
        client_t *client = client_create(gateway, t);
        for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
            reply_t reply = client_send(client, &(request_t){.method = cases[i].method, .path = cases[i].path});
            if (reply.error != 0 || reply.status != cases[i].status || reply.body_len != cases[i].body_len ||
                (cases[i].body != NULL && strcmp(reply.body, cases[i].body) != 0))
                fail_msg("%s over %s: %s, status %d, %zu bytes: %.100s", cases[i].about, transport_names[t],
                         curl_error(reply.error), reply.status, reply.body_len, reply.body);
            if (cases[i].in_head != NULL)
                assert_contains(reply.head, cases[i].in_head);
            if (i != 0)
                assert_int_equal(reply.num_connects, 0); /* none of them costs the client its connection */
            reply_free(&reply);
        }
        client_free(client);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void hop_by_hop_fields_of_a_response_stay_on_their_hop(void **state)
{
    origin_t *origin = origin_start(serve_responses, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN "routes: [ { path: /, service: origin } ]\n", origin->port);
    for (EACH_TRANSPORT(t)) {
        reply_t reply = fetch_path(gateway, t, "/hop");
        assert_string_equal(reply.body, "ok");
        assert_contains_not(reply.head, "secret");
        assert_null(strcasestr(reply.head, "keep-alive: timeout"));
        assert_non_null(strcasestr(reply.head, "x-kept: 1"));
        assert_non_null(strcasestr(reply.head, "server: own"));
        assert_non_null(strcasestr(reply.head, "date: "));
        reply_free(&reply);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

/* routing ---------------------------------------------------------------------------------------------------------- */

static void routes_decide_by_host_path_and_method(void **state)
{
    static const struct {
        const char *about, *method, *path, *host;
        int status;
        const char *upstream; /* the request line's target; NULL: no need to look */
    } cases[] = {
        {"a prefix", "GET", "/calc/add?x=1", NULL, 200, "GET /calc/add?x=1 "},
        {"a stripped prefix", "GET", "/strip/add?x=1", NULL, 200, "GET /add?x=1 "},
        {"a stripped prefix without more", "GET", "/strip/", NULL, 200, "GET / "},
        {"an exact path", "GET", "/exact", NULL, 200, "GET /exact "},
        {"not below an exact path", "GET", "/exact/more", NULL, 404, NULL},
        {"a host", "GET", "/", "api.example.com", 200, NULL},
        {"a host in capitals with a port", "GET", "/", "API.Example.com:8080", 200, NULL},
        {"a wildcard host", "GET", "/", "x.wild.example.com", 200, NULL},
        {"not the wildcard's own domain", "GET", "/", "wild.example.com", 404, NULL},
        {"a method that is not there", "DELETE", "/get", NULL, 405, NULL},
        {"HEAD where GET is", "HEAD", "/get", NULL, 200, NULL},
        {"dots are removed before matching", "GET", "/calc/../exact", NULL, 200, "GET /exact "},
        {"encoded dots too", "GET", "/calc/%2e%2E/exact", NULL, 200, "GET /exact "},
        {"encoded letters are letters", "GET", "/%65xact", NULL, 200, "GET /exact "},
        {"double slashes are one", "GET", "//calc///add", NULL, 200, "GET /calc/add "},
        {"an encoded slash is refused", "GET", "/calc%2Fadd", NULL, 400, NULL},
        {"a way out of the root is refused", "GET", "/calc/../../x", NULL, 400, NULL},
        {"a broken escape is refused", "GET", "/calc/%zz", NULL, 400, NULL},
        {"an encoded NUL is refused", "GET", "/calc/%00", NULL, 400, NULL},
    };
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN "routes:\n"
                                                   "  - { path: /calc/, service: origin }\n"
                                                   "  - { path: /strip/, strip_prefix: true, service: origin }\n"
                                                   "  - { path: /exact, service: origin }\n"
                                                   "  - { path: /get, methods: [GET], service: origin }\n"
                                                   "  - { path: /, host: api.example.com, service: origin }\n"
                                                   "  - { path: /, host: '*.wild.example.com', service: origin }\n",
                                       origin->port);
    for (EACH_TRANSPORT(t))
        for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
            char host[128];
            snprintf(host, sizeof(host), "Host: %s", cases[i].host != NULL ? cases[i].host : "localhost");
            const char *headers[] = {host, NULL};
            reply_t reply =
                fetch(gateway, t, &(request_t){.method = cases[i].method, .path = cases[i].path, .headers = headers});
            if (reply.status != cases[i].status ||
                (cases[i].upstream != NULL && strncmp(reply.body, cases[i].upstream, strlen(cases[i].upstream)) != 0))
                fail_msg("%s over %s: %d instead of %d: %.200s", cases[i].about, transport_names[t], reply.status,
                         cases[i].status, reply.body);
            if (reply.status == 405)
                assert_non_null(strcasestr(reply.head, "allow: GET, HEAD"));
            if (reply.status >= 400 && strcmp(cases[i].method, "HEAD") != 0) {
                assert_non_null(strcasestr(reply.head, "content-type: application/problem+json"));
                assert_contains(reply.body, "\"request_id\":\"");
            }
            reply_free(&reply);
        }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_body_over_the_limit_is_refused_with_413(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(
        CONF_ORIGIN "routes: [ { path: /, service: origin, max_body: 1KiB } ]\nlimits: { body: 1KiB }\n", origin->port);
    char *bytes = make_bytes(100000);
    for (EACH_TRANSPORT(t))
        for (int is_chunked = 0; is_chunked != (t == OVER_HTTP2 ? 1 : 2); ++is_chunked) {
            reply_t reply =
                fetch(gateway, t, &(request_t){.method = "POST", .path = "/", .body = bytes, .is_chunked = is_chunked});
            if (t == OVER_HTTP2) /* libh2o refuses the stream itself */
                assert_true(reply.status == 413 || reply.status == 0);
            else
                assert_int_equal(reply.status, 413);
            reply_free(&reply);
        }
    reply_t reply = fetch(gateway, OVER_HTTP1, &(request_t){.method = "POST", .path = "/", .body = "small"});
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    free(bytes);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void the_headers_filter_edits_requests_and_responses(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway =
        gateway_start(CONF_ORIGIN "filters:\n"
                                  "  edit:\n"
                                  "    headers:\n"
                                  "      request: { remove: [X-Gone], set: { X-Set: new, Host: inner.example }, add: { "
                                  "X-Added: '2' } }\n"
                                  "      response: { remove: [Content-Type], set: { X-Frame-Options: DENY } }\n"
                                  "routes: [ { path: /, service: origin, filters: [ edit ] } ]\n",
                      origin->port);
    for (EACH_TRANSPORT(t)) {
        const char *headers[] = {"X-Gone: 1", "X-Set: old", "X-Added: 1", NULL};
        reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .headers = headers});
        assert_contains(reply.body, "\r\nHost: inner.example\r\n");
        assert_null(strcasestr(reply.body, "x-gone"));
        assert_null(strcasestr(reply.body, "old"));
        assert_non_null(strcasestr(reply.body, "x-set: new\r\n"));
        assert_non_null(strcasestr(reply.body, "x-added: 1\r\n"));
        assert_non_null(strcasestr(reply.body, "x-added: 2\r\n"));
        assert_null(strcasestr(reply.head, "content-type"));
        assert_non_null(strcasestr(reply.head, "x-frame-options: DENY"));
        reply_free(&reply);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_loop_through_gateways_ends_with_508(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN "routes: [ { path: /, service: origin } ]\n", origin->port);
    const char *headers[] = {"Via: 1.1 sluice, 1.1 sluice", "Via: 1.1 sluice, 1.1 other, 1.1 sluice, 1.1 sluice", NULL};
    for (EACH_TRANSPORT(t)) {
        reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .headers = headers});
        assert_int_equal(reply.status, 508);
        reply_free(&reply);
    }
    assert_int_equal(atomic_load(&origin->num_requests), 0);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN "routes: [ { path: /, service: origin } ]\n", origin->port);
    int fd = raw_connect(gateway->ports[0]);
    static const char requests[] =
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n"
        "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        "\r\nPOST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        "GET /4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    raw_write(fd, requests, sizeof(requests) - 1);
    bool is_closed;
    char *replies = raw_read(fd, NULL, &is_closed);
    assert_true(is_closed);
    char *at = replies;
    for (int i = 1; i <= 4; ++i) {
        char part[32];
        snprintf(part, sizeof(part), " /%d HTTP/1.1", i);
        at = strstr(at, part);
        assert_non_null(at);
    }
    free(replies);
    close(fd);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_client_that_expects_100_continue_gets_it_when_its_body_is_wanted(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN "routes: [ { path: /yes, service: origin } ]\n", origin->port);
    int fd = raw_connect(gateway->ports[0]);
    static const char head[] = "POST /yes HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    raw_write(fd, head, sizeof(head) - 1);
    char *reply = raw_read(fd, "\r\n\r\n", NULL);
    assert_string_equal(reply, "HTTP/1.1 100 Continue\r\n\r\n");
    free(reply);
    raw_write(fd, "abc", 3);
    reply = raw_read(fd, "abc", NULL);
    assert_contains(reply, "HTTP/1.1 200 OK");
    free(reply);
    static const char refused[] = "POST /no HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    raw_write(fd, refused, sizeof(refused) - 1);
    bool is_closed;
    reply = raw_read(fd, NULL, &is_closed);
    assert_true(strncmp(reply, "HTTP/1.1 404", 12) == 0);
    assert_true(is_closed); /* nobody knows whether the body still comes */
    free(reply);
    close(fd);
    gateway_stop(gateway);
    origin_stop(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_reaches_the_endpoint_with_the_fields_of_a_proxy),
        cmocka_unit_test(a_trusted_proxy_is_believed_and_extended),
        cmocka_unit_test(uploads_of_every_size_arrive_whole),
        cmocka_unit_test(responses_of_every_framing_arrive_whole),
        cmocka_unit_test(hop_by_hop_fields_of_a_response_stay_on_their_hop),
        cmocka_unit_test(routes_decide_by_host_path_and_method),
        cmocka_unit_test(a_body_over_the_limit_is_refused_with_413),
        cmocka_unit_test(the_headers_filter_edits_requests_and_responses),
        cmocka_unit_test(a_loop_through_gateways_ends_with_508),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(a_client_that_expects_100_continue_gets_it_when_its_body_is_wanted),
    };
    return cmocka_run_group_tests_name("proxy", tests, NULL, NULL);
}
