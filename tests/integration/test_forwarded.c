/* SPDX-License-Identifier: MIT
 * What clients say with the words of proxies: who the client is taken for when X-Forwarded-For cannot be read or is to
 * be taken away, and what of it reaches services, each case over HTTP/1.1, TLS and HTTP/2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

#define ALLOW(networks) "filters: [ { ip_access: { allow: [ " networks " ] } } ]"

static const char conf[] = CONF_LISTEN
    "trusted_proxies: [ 127.0.0.1 ]\n"
    "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"
    "routes:\n"
    "  - { path: /, service: origin }\n"
    "  - { path: /proxy, service: origin, " ALLOW(
        "127.0.0.1") " }\n"
                     "  - { path: /clients, service: origin, " ALLOW(
                         "10.9.9.9, '2001:db8::9'") " }\n"
                                                    "  - { path: /all, service: origin, " ALLOW(
                                                        "0.0.0.0/0, '::/0'") " }\n"
                                                                             "  - path: /edited\n"
                                                                             "    service: origin\n"
                                                                             "    filters:\n"
                                                                             "      - headers: { request: { remove: [ "
                                                                             "X-Internal ], set: { X-User: ann, X-Key: "
                                                                             "'%%{principal}' } } }\n";

static origin_t *origin;
static gateway_t *gateway;

static reply_t ask(transport_t transport, const char *path, const char *const *headers)
{
    return fetch(gateway, transport, &(request_t){.path = path, .headers = headers});
}

static void expect_status(transport_t transport, const char *path, const char *const *headers, int status)
{
    reply_t reply = ask(transport, path, headers);
    if (reply.status != status)
        fail_msg("%s with '%s' over %s: %d instead of %d\n%s", path, headers[0], transport_names[transport],
                 reply.status, status, reply.body);
    reply_free(&reply);
}

static void a_client_that_cannot_be_read_is_not_the_proxy_nor_anybody_else(void **state)
{
    static const char *const fields[] = {
        "X-Forwarded-For: unknown",
        "X-Forwarded-For: \"10.9.9.9\"",
        "X-Forwarded-For: 10.9.9.9, unknown",
        "X-Forwarded-For: unknown, 127.0.0.1",
        "X-Forwarded-For: fe80::1%eth0",
        "X-Forwarded-For: 2001:db8::9%lo",
        "X-Forwarded-For: 10.9.9.9,",
        "X-Forwarded-For: 10.9.9.9, ,127.0.0.1",
        "X-Forwarded-For: ,127.0.0.1",
        "X-Forwarded-For: ,",
        "X-Forwarded-For;", /* for curl: empty */
        "X-Forwarded-For: 10.9.9.9.",
        "X-Forwarded-For: 010.9.9.9",
        "X-Forwarded-For: [2001:db8::9",
        "X-Forwarded-For: for=10.9.9.9",
        "X-Forwarded-For: 10.9.9.9 127.0.0.1",
    };
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        for (size_t i = 0; i != sizeof(fields) / sizeof(fields[0]); ++i) {
            const char *const headers[] = {fields[i], NULL};
            expect_status(t, "/proxy", headers, 403);
            expect_status(t, "/clients", headers, 403);
            expect_status(t, "/all", headers, 200);
        }
}

static void a_client_is_found_whose_port_is_there_too(void **state)
{
    static const char *const fields[] = {
        "X-Forwarded-For: 10.9.9.9",          "X-Forwarded-For: 10.9.9.9:5000",
        "X-Forwarded-For: 2001:db8::9",       "X-Forwarded-For: [2001:db8::9]",
        "X-Forwarded-For: [2001:db8::9]:443", "X-Forwarded-For: unknown, 10.9.9.9:1, 127.0.0.1:2",
    };
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        for (size_t i = 0; i != sizeof(fields) / sizeof(fields[0]); ++i) {
            const char *const headers[] = {fields[i], NULL};
            expect_status(t, "/clients", headers, 200);
            expect_status(t, "/proxy", headers, 403);
        }
}

/** A proxy that passes Connection on must not let its client take away what it says of it. */
static void connection_does_not_make_a_client_the_proxy(void **state)
{
    static const char *const headers[] = {
        "Connection: X-Forwarded-For, Forwarded, via, x-request-id, X-FORWARDED-HOST, X-Forwarded-Proto, "
        "X-Forwarded-Port, X-Named",
        "X-Forwarded-For: 10.9.9.9",
        "Forwarded: for=10.9.9.9",
        "Via: 1.1 edge",
        "X-Request-Id: mine-1",
        "X-Forwarded-Host: www.example",
        "X-Forwarded-Proto: gopher",
        "X-Named: goes",
        NULL};
    static const char *const there[] = {"\r\nX-Forwarded-For: 10.9.9.9, 127.0.0.1\r\n",
                                        "\r\nForwarded: for=10.9.9.9\r\n",
                                        "\r\nVia: 1.1 edge, 1.1 sluice\r\n",
                                        "\r\nX-Request-Id: mine-1\r\n",
                                        "\r\nX-Forwarded-Host: www.example\r\n",
                                        "\r\nX-Forwarded-Proto: gopher\r\n"};
    for (transport_t t = 0; t != OVER_HTTP2; ++t) { /* where Connection is malformed */
        expect_status(t, "/proxy", headers, 403);
        expect_status(t, "/clients", headers, 200);
        reply_t reply = ask(t, "/", headers);
        assert_int_equal(reply.status, 200);
        for (size_t i = 0; i != sizeof(there) / sizeof(there[0]); ++i)
            if (strcasestr(reply.body, there[i]) == NULL)
                fail_msg("'%s' over %s is missing in\n%s", there[i], transport_names[t], reply.body);
        assert_null(strcasestr(reply.body, "x-named"));
        reply_free(&reply);
    }
}

/** CGI, WSGI and Rack cannot tell such fields from those of the gateway. */
static void what_reads_like_a_field_of_the_gateway_reaches_no_service(void **state)
{
    static const char *const headers[] = {
        "X_Forwarded_For: evil",  "X-Forwarded_For: evil",   "X_Forwarded_Proto: evil", "X_Forwarded_Host: evil",
        "X_Forwarded_Port: evil", "X_Request_Id: evil",      "x_request-id: evil",      "X_Request_Timeout_Ms: evil",
        "Content_Length: 77777",  "Transfer_Encoding: evil", "X_Other: stays",          NULL};
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = ask(t, "/", headers);
        assert_int_equal(reply.status, 200);
        if (strstr(reply.body, "evil") != NULL || strstr(reply.body, "77777") != NULL)
            fail_msg("over %s:\n%s", transport_names[t], reply.body);
        assert_non_null(strcasestr(reply.body, "\r\nx_other: stays\r\n"));
        reply_free(&reply);
    }
}

static void edits_take_both_spellings_of_a_client_s_field_away(void **state)
{
    static const char *const headers[] = {"X_Internal: evil", "X-Internal: evil", "x_internal: evil", "X_User: evil",
                                          "X-User: evil",     "X_Key: evil",      "X_Userid: stays",  NULL};
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = ask(t, "/edited", headers);
        assert_int_equal(reply.status, 200);
        if (strstr(reply.body, "evil") != NULL)
            fail_msg("over %s:\n%s", transport_names[t], reply.body);
        assert_non_null(strcasestr(reply.body, "\r\nx-user: ann\r\n"));
        assert_non_null(strcasestr(reply.body, "\r\nx_userid: stays\r\n"));
        reply_free(&reply);
    }
}

static void client_cert_passes_where_nobody_is_asked_for_a_certificate(void **state)
{
    static const char *const headers[] = {"Client-Cert: :AAAA:", NULL};
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = ask(t, "/", headers);
        assert_non_null(strcasestr(reply.body, "\r\nclient-cert: :AAAA:\r\n"));
        reply_free(&reply);
    }
}

static int set_up(void **state)
{
    origin = origin_start(origin_reflect, NULL);
    gateway = gateway_start(conf, origin->port);
    return 0;
}

static int tear_down(void **state)
{
    gateway_stop(gateway);
    origin_stop(origin);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_that_cannot_be_read_is_not_the_proxy_nor_anybody_else),
        cmocka_unit_test(a_client_is_found_whose_port_is_there_too),
        cmocka_unit_test(connection_does_not_make_a_client_the_proxy),
        cmocka_unit_test(what_reads_like_a_field_of_the_gateway_reaches_no_service),
        cmocka_unit_test(edits_take_both_spellings_of_a_client_s_field_away),
        cmocka_unit_test(client_cert_passes_where_nobody_is_asked_for_a_certificate),
    };
    return cmocka_run_group_tests_name("forwarded", tests, set_up, tear_down);
}
