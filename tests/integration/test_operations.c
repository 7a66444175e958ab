/* SPDX-License-Identifier: MIT
 * What operators do: reload, renew certificates, rotate logs, stop. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>
#include <openssl/ssl.h>
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

#define CONF_ORIGIN CONF_LISTEN "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"

/* reload ----------------------------------------------------------------------------------------------------------- */

static void a_reload_changes_routes_without_closing_a_connection(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN "routes: [ { path: /old, service: origin } ]\n", origin->port);
    client_t *clients[NUM_TRANSPORTS];
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        clients[t] = client_create(gateway, t);
        reply_t reply = client_send(clients[t], &(request_t){.path = "/old"});
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
    }
    gateway_write_conf(gateway, CONF_ORIGIN "routes: [ { path: /new, service: origin } ]\n", origin->port);
    gateway_reload(gateway, 1);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        /* the worker adopts the new snapshot a moment after the control thread has said so */
        reply_t reply = client_send(clients[t], &(request_t){.path = "/new"});
        while (reply.status == 404) {
            reply_free(&reply);
            reply = client_send(clients[t], &(request_t){.path = "/new"});
        }
        assert_int_equal(reply.status, 200);
        assert_int_equal(reply.num_connects, 0);
        reply_free(&reply);
        reply = client_send(clients[t], &(request_t){.path = "/old"});
        assert_int_equal(reply.status, 404);
        reply_free(&reply);
        client_free(clients[t]);
    }
    assert_int_equal(atomic_load(&origin->num_connections), 1); /* the pool survived too */
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_bad_file_changes_nothing_and_every_error_is_logged(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN "routes: [ { path: /, service: origin } ]\n", origin->port);
    gateway_write_conf(gateway,
                       CONF_ORIGIN "routes: [ { path: /, service: orgin, methds: [GET] } ]\ndrain_timeout: 5\n",
                       origin->port);
    process_signal(gateway->process, SIGHUP);
    free(process_wait_for(gateway->process, "reload refused", 1));
    assert_int_equal(process_count(gateway->process, "'orgin'"), 1);
    assert_int_equal(process_count(gateway->process, "did you mean 'origin'?"), 1);
    assert_int_equal(process_count(gateway->process, "unknown key 'methds'"), 1);
    assert_true(process_count(gateway->process, "drain_timeout") >= 1);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/");
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
    }
    gateway_write_conf(gateway,
                       "workers: 1\nlisten: [ { address: 127.0.0.1:0 } ]\nservices: { origin: { endpoints: [ "
                       "\"http://127.0.0.1:%d\" ] } }\nroutes: [ { path: /, service: origin } ]\n",
                       origin->port);
    process_signal(gateway->process, SIGHUP);
    free(process_wait_for(gateway->process, "a reload cannot remove the listener '127.0.0.1:00'", 1));
    free(process_wait_for(gateway->process, "reload refused", 2));
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_request_in_flight_ends_with_the_configuration_it_began_with(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN "routes: [ { path: /, service: origin } ]\n", origin->port);
    int fd = raw_connect(gateway->ports[0]);
    static const char head[] = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nha";
    raw_write(fd, head, sizeof(head) - 1);
    origin_wait(&origin->num_connections, 1); /* it is on its way */
    gateway_write_conf(gateway, CONF_LISTEN "services: { other: { endpoints: [ \"http://127.0.0.1:1\" ] } }\n"
                                            "routes: [ { path: /, service: other } ]\n");
    for (size_t i = 1; i <= 3; ++i)
        gateway_reload(gateway, i);
    raw_write(fd, "lf", 2);
    char *reply = raw_read(fd, "half", NULL);
    assert_true(strncmp(reply, "HTTP/1.1 200 OK", 15) == 0);
    free(reply);
    close(fd);
    gateway_stop(gateway);
    origin_stop(origin);
}

typedef struct load {
    gateway_t *gateway;
    transport_t transport;
    atomic_bool is_over;
    atomic_size_t num_requests, num_failed, num_connects;
} load_t;

static void *run_load(void *arg)
{
    load_t *load = arg;
    client_t *client = client_create(load->gateway, load->transport);
    while (!atomic_load(&load->is_over)) {
        reply_t reply = client_send(client, &(request_t){.path = "/"});
        atomic_fetch_add(&load->num_requests, 1);
        atomic_fetch_add(&load->num_connects, (size_t)reply.num_connects);
        if (reply.status != 200)
            atomic_fetch_add(&load->num_failed, 1);
        reply_free(&reply);
    }
    client_free(client);
    return NULL;
}

static void reload_under_load(gateway_t *gateway, size_t num_reloads)
{
    load_t loads[NUM_TRANSPORTS] = {{0}};
    pthread_t threads[NUM_TRANSPORTS];
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        loads[t].gateway = gateway;
        loads[t].transport = t;
        assert_int_equal(pthread_create(&threads[t], NULL, run_load, &loads[t]), 0);
    }
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        origin_wait(&loads[t].num_requests, 1);
    for (size_t i = 1; i <= num_reloads; ++i)
        gateway_reload(gateway, i);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        atomic_store(&loads[t].is_over, true);
        pthread_join(threads[t], NULL);
        assert_int_equal(atomic_load(&loads[t].num_failed), 0);
        assert_int_equal(atomic_load(&loads[t].num_connects), 1);
    }
}

static void reloads_under_load_fail_no_request_and_close_no_connection(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway =
        gateway_start(CONF_ORIGIN "routes: [ { path: /, service: origin } ]\naccess_log: off\n"
                                  "filters: { edit: { headers: { response: { set: { X-A: b } } } } }\n",
                      origin->port);
    reload_under_load(gateway, 30);
    gateway_stop(gateway);
    origin_stop(origin);
}

/** Whatever workers share by mistake, libh2o's thread-local lists included, TSan sees here. */
static void several_workers_reload_together(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start("workers: 4\n"
                                       "listen:\n"
                                       "  - address: 127.0.0.1:0\n"
                                       "  - address: 127.0.0.1:00\n"
                                       "    tls: { certificates: [ { certificate: server.crt, key: server.key } ] }\n"
                                       "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"
                                       "routes: [ { path: /, service: origin } ]\n",
                                       origin->port);
    reload_under_load(gateway, 30);
    gateway_stop(gateway);
    origin_stop(origin);
}

/** @return the serial number of the certificate that the gateway shows */
static long shown_serial(const gateway_t *gateway)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    int fd = raw_connect(gateway->ports[1]);
    SSL_set_fd(ssl, fd);
    assert_int_equal(SSL_connect(ssl), 1);
    X509 *certificate = SSL_get1_peer_certificate(ssl);
    long serial = ASN1_INTEGER_get(X509_get0_serialNumber(certificate));
    X509_free(certificate);
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
    return serial;
}

static void a_reload_brings_the_new_certificate_and_refuses_a_wrong_pair(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN "routes: [ { path: /, service: origin } ]\n", origin->port);
    long first = shown_serial(gateway);
    certificate_make(gateway->folder, "server", "localhost");
    gateway_reload(gateway, 1);
    while (shown_serial(gateway) == first) /* until the worker has adopted it */
        ;
    char from[600], to[600];
    certificate_make(gateway->folder, "other", "localhost");
    snprintf(from, sizeof(from), "%s/other.key", gateway->folder);
    snprintf(to, sizeof(to), "%s/server.key", gateway->folder);
    assert_int_equal(rename(from, to), 0);
    process_signal(gateway->process, SIGHUP);
    free(process_wait_for(gateway->process, "reload refused", 1));
    assert_int_equal(shown_serial(gateway), first + 1);
    gateway_stop(gateway);
    origin_stop(origin);
}

/* the access log --------------------------------------------------------------------------------------------------- */

static void the_access_log_tells_everything_but_secrets(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway =
        gateway_start(CONF_ORIGIN "routes: [ { name: main, path: /, service: origin } ]\n", origin->port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        const char *headers[] = {"Authorization: Bearer hush-hush", "Cookie: sid=hush-hush", "User-Agent: te\"st",
                                 NULL};
        reply_t reply = fetch(
            gateway, t,
            &(request_t){.method = "POST", .path = "/a?x=1&token=hush-hush", .headers = headers, .body = "12345"});
        assert_int_equal(reply.status, 200);
        char *line = process_wait_for(gateway->process, "\"method\":\"POST\"", (size_t)t + 1);
        assert_null(strstr(line, "hush-hush"));
        json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(json);
        assert_string_equal(json_string_value(json_object_get(json, "route")), "main");
        assert_string_equal(json_string_value(json_object_get(json, "service")), "origin");
        assert_string_equal(json_string_value(json_object_get(json, "path")), "/a");
        assert_string_equal(json_string_value(json_object_get(json, "reason")), "ok");
        assert_string_equal(json_string_value(json_object_get(json, "user_agent")), "te\"st");
        assert_string_equal(json_string_value(json_object_get(json, "protocol")),
                            t == OVER_HTTP2 ? "HTTP/2" : "HTTP/1.1");
        assert_int_equal(json_integer_value(json_object_get(json, "status")), 200);
        assert_int_equal(json_integer_value(json_object_get(json, "bytes_in")), 5);
        assert_int_equal(json_integer_value(json_object_get(json, "bytes_out")), reply.body_len);
        assert_true((json_object_get(json, "tls") != NULL) == (t != OVER_HTTP1));
        assert_non_null(json_object_get(json, "endpoint"));
        assert_non_null(json_object_get(json, "total_ms"));
        json_decref(json);
        free(line);
        reply_free(&reply);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static size_t count_lines(const char *path)
{
    FILE *file = fopen(path, "r");
    size_t lines = 0;
    int c;
    while (file != NULL && (c = fgetc(file)) != EOF)
        lines += c == '\n';
    if (file != NULL)
        fclose(file);
    return lines;
}

static void sigusr1_reopens_the_access_log(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway =
        gateway_start(CONF_ORIGIN "routes: [ { path: /, service: origin } ]\naccess_log: access.log\n", origin->port);
    char path[600], rotated[600];
    snprintf(path, sizeof(path), "%s/access.log", gateway->folder);
    snprintf(rotated, sizeof(rotated), "%s/access.log.1", gateway->folder);
    reply_t reply = fetch_path(gateway, OVER_HTTP1, "/before");
    reply_free(&reply);
    while (count_lines(path) != 1) /* the writing thread takes its time */
        ;
    assert_int_equal(rename(path, rotated), 0);
    process_signal(gateway->process, SIGUSR1);
    struct stat status;
    while (stat(path, &status) != 0)
        ;
    reply = fetch_path(gateway, OVER_HTTP1, "/after");
    reply_free(&reply);
    while (count_lines(path) != 1)
        ;
    assert_int_equal(count_lines(rotated), 1);
    gateway_stop(gateway);
    origin_stop(origin);
}

/* stopping --------------------------------------------------------------------------------------------------------- */

static void wait_then_answer(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_wait(origin->arg, 1);
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
    origin_wait_for_close(fd);
}

static void sigterm_finishes_what_is_in_flight_and_ends_with_0(void **state)
{
    atomic_size_t go = 0;
    origin_t *origin = origin_start(wait_then_answer, &go);
    gateway_t *gateway = gateway_start(CONF_ORIGIN "routes: [ { path: /, service: origin } ]\n", origin->port);
    int idle = raw_connect(gateway->ports[0]), busy = raw_connect(gateway->ports[0]);
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    raw_write(busy, request, sizeof(request) - 1);
    origin_wait(&origin->num_requests, 1);
    process_signal(gateway->process, SIGTERM);
    free(process_wait_for(gateway->process, "stopping: finishing", 1));
    bool is_closed;
    free(raw_read(idle, NULL, &is_closed)); /* closed although nothing was asked */
    assert_true(is_closed);
    atomic_store(&go, 1);
    char *reply = raw_read(busy, NULL, &is_closed);
    assert_true(strncmp(reply, "HTTP/1.1 200 OK", 15) == 0);
    assert_non_null(strstr(reply, "Connection: close\r\n"));
    assert_non_null(strstr(reply, "late"));
    assert_true(is_closed);
    free(reply);
    close(idle);
    close(busy);
    gateway_end(gateway);
    origin_stop(origin);
}

static void drain_timeout_bounds_the_stop(void **state)
{
    atomic_size_t go = 0;
    origin_t *origin = origin_start(wait_then_answer, &go);
    gateway_t *gateway =
        gateway_start(CONF_ORIGIN "routes: [ { path: /, service: origin } ]\ndrain_timeout: 200ms\n", origin->port);
    int busy = raw_connect(gateway->ports[0]);
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    raw_write(busy, request, sizeof(request) - 1);
    origin_wait(&origin->num_requests, 1);
    process_signal(gateway->process, SIGTERM);
    free(process_wait_for(gateway->process, "drain_timeout is over: 1 connections were cut", 1));
    gateway_end(gateway);
    atomic_store(&go, 1);
    close(busy);
    origin_stop(origin);
}

/* starting --------------------------------------------------------------------------------------------------------- */

static void a_gateway_that_cannot_start_says_why_and_ends_with_1(void **state)
{
    const char *program = getenv("SLUICE") != NULL ? getenv("SLUICE") : "gateway/sluice";
    char folder[] = "/tmp/sluice-test-XXXXXX", path[128];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/none.yaml", folder);
    const char *const argv[] = {program, "run", "-c", path, NULL};
    process_t *process = process_start(argv);
    free(process_wait_for(process, "none.yaml", 1));
    assert_int_equal(process_end(process), 1);
    assert_int_equal(mkfifo(path, 0600), 0); /* reading it would wait for ever */
    process = process_start(argv);
    free(process_wait_for(process, "error:", 1));
    assert_int_equal(process_end(process), 1);
    unlink(path);
    rmdir(folder);
}

static void two_gateways_do_not_share_an_address_by_mistake(void **state)
{
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN "routes: [ { path: /, service: origin } ]\n", origin->port);
    gateway_write_conf(gateway,
                       "listen: [ { address: 127.0.0.1:%d } ]\nservices: { origin: { endpoints: [ "
                       "\"http://127.0.0.1:%d\" ] } }\nroutes: [ { path: /, service: origin } ]\n",
                       gateway->ports[0], origin->port);
    const char *program = getenv("SLUICE") != NULL ? getenv("SLUICE") : "gateway/sluice";
    const char *const argv[] = {program, "run", "-c", gateway->conf, NULL};
    process_t *second = process_start(argv);
    free(process_wait_for(second, "Address already in use", 1));
    assert_int_equal(process_end(second), 1);
    gateway_stop(gateway);
    origin_stop(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reload_changes_routes_without_closing_a_connection),
        cmocka_unit_test(a_bad_file_changes_nothing_and_every_error_is_logged),
        cmocka_unit_test(a_request_in_flight_ends_with_the_configuration_it_began_with),
        cmocka_unit_test(reloads_under_load_fail_no_request_and_close_no_connection),
        cmocka_unit_test(several_workers_reload_together),
        cmocka_unit_test(a_reload_brings_the_new_certificate_and_refuses_a_wrong_pair),
        cmocka_unit_test(the_access_log_tells_everything_but_secrets),
        cmocka_unit_test(sigusr1_reopens_the_access_log),
        cmocka_unit_test(sigterm_finishes_what_is_in_flight_and_ends_with_0),
        cmocka_unit_test(drain_timeout_bounds_the_stop),
        cmocka_unit_test(a_gateway_that_cannot_start_says_why_and_ends_with_1),
        cmocka_unit_test(two_gateways_do_not_share_an_address_by_mistake),
    };
    return cmocka_run_group_tests_name("operations", tests, NULL, NULL);
}
