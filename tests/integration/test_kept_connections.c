/* SPDX-License-Identifier: MIT
 * Connections to endpoints that are kept, and die in the moment they are used. */
#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "gateway/base/clock.h"
#include "tests/support/expect.h"
#include "tests/support/fleet.h"

#define EVERYTHING "connect_failure, empty_response, reset, response_timeout, junk_response, 5xx"

/** The first connection answers one request and is closed when *arg says so; the others reflect. */
static void close_when_told(origin_t *origin, int fd, size_t index)
{
    if (index != 0) {
        origin_reflect(origin, fd, index);
        return;
    }
    free(origin_read_request(origin, fd));
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    origin_wait(origin->arg, 1);
}

/** @return whether all threads of a process are in that state, as /proc has it */
static bool are_all(const process_t *process, char state)
{
    char path[300], line[512], mark = '\0';
    snprintf(path, sizeof(path), "/proc/%d/task", (int)process_pid(process));
    DIR *threads = opendir(path);
    assert_non_null(threads);
    bool are = true;
    for (struct dirent *entry; are && (entry = readdir(threads)) != NULL;) {
        snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", (int)process_pid(process), entry->d_name);
        FILE *file = entry->d_name[0] != '.' ? fopen(path, "r") : NULL;
        if (file == NULL)
            continue;
        are =
            fgets(line, sizeof(line), file) != NULL && sscanf(strrchr(line, ')'), ") %c", &mark) == 1 && mark == state;
        fclose(file);
    }
    closedir(threads);
    return are;
}

static void wait_until_all_are(const process_t *process, char state)
{
    for (uint64_t start_ms = gw_clock_ms(); !are_all(process, state);)
        if (gw_clock_ms() - start_ms > DEADLINE_MS)
            fail_msg("the gateway's threads are never all in state %c", state);
}

/** Waits until the kernel has bytes for the gateway on one of its connections at this port. */
static void wait_until_sent(int port)
{
    for (uint64_t start_ms = gw_clock_ms(); gw_clock_ms() - start_ms < DEADLINE_MS;) {
        FILE *file = fopen("/proc/net/tcp", "r");
        assert_non_null(file);
        char line[512];
        bool is_sent = false;
        while (fgets(line, sizeof(line), file) != NULL) {
            unsigned local, status, queued;
            if (sscanf(line, " %*u: %*x:%x %*x:%*x %x %*x:%x", &local, &status, &queued) == 3 &&
                local == (unsigned)port && status == 1 && queued != 0)
                is_sent = true;
        }
        fclose(file);
        if (is_sent)
            return;
    }
    fail_msg("no request has come");
}

typedef struct later {
    client_t *client;
    request_t request;
    reply_t reply;
} later_t;

static void *send_on_kept(void *arg)
{
    later_t *later = arg;
    later->reply = client_send(later->client, &later->request);
    return NULL;
}

enum { NUM_FILLERS = 300 }; /* more than libh2o's loop takes from epoll at a time */

/** A request and, right after it, the end of the kept connection that it will be sent on: the gateway is halted
 *  meanwhile, so it sees both at once, and so many other events between them that it has dealt with the request before
 *  it hears of the end. */
static reply_t send_into_the_end(const char *options, transport_t transport, const request_t *request,
                                 size_t *ret_num_requests)
{
    atomic_size_t close_now = 0;
    origin_t *origin = origin_start(close_when_told, &close_now);
    gateway_t *gateway = gateway_start(CONF_LISTEN "services:\n  one:\n    endpoints: [ \"http://127.0.0.1:%d\" ]\n%s"
                                                   "routes: [ { path: /, host: 127.0.0.1, service: one } ]\n",
                                       origin->port, options);
    int fillers[NUM_FILLERS];
    static const char nowhere[] = "GET / HTTP/1.1\r\nHost: nowhere.example\r\n\r\n";
    for (size_t i = 0; i != NUM_FILLERS; ++i) {
        fillers[i] = raw_connect(gateway->ports[0]);
        raw_write(fillers[i], nowhere, sizeof(nowhere) - 1);
        free(raw_read(fillers[i], "\"request_id\"", NULL));
    }
    later_t later = {client_create(gateway, transport), *request, {0}};
    reply_t first = client_send(later.client, &(request_t){.path = "/"});
    assert_int_equal(first.status, 200);
    reply_free(&first);
    free(process_wait_for(gateway->process, "\"status\":200", 1));
    /* asleep: until its loop waits for events again it may hear of the end first, and a stop is not there at once */
    wait_until_all_are(gateway->process, 'S');
    process_signal(gateway->process, SIGSTOP);
    wait_until_all_are(gateway->process, 'T');
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, send_on_kept, &later), 0);
    wait_until_sent(gateway->ports[transport == OVER_HTTP1 ? 0 : 1]);
    for (size_t i = 0; i != NUM_FILLERS; ++i)
        raw_write(fillers[i], nowhere, sizeof(nowhere) - 1);
    atomic_store(&close_now, 1);
    origin_wait(&origin->num_closed, 1);
    process_signal(gateway->process, SIGCONT);
    pthread_join(thread, NULL);
    char *line = process_wait_for(gateway->process, "\"service\":\"one\"", 2);
    /* what must not be sent twice is not sent on a connection before its end was looked for; else this shows nothing */
    bool is_precious = request->method != NULL && strcmp(request->method, "POST") == 0;
    if (later.reply.status == 200 && strstr(line, is_precious ? "\"reused\":false" : "\"tries\":2") == NULL)
        fail_msg("the connection was %s: %s", is_precious ? "used" : "not used", line);
    free(line);
    for (size_t i = 0; i != NUM_FILLERS; ++i)
        close(fillers[i]);
    *ret_num_requests = atomic_load(&origin->num_requests);
    client_free(later.client);
    gateway_stop(gateway);
    origin_stop(origin);
    return later.reply;
}

typedef struct upload {
    const char *method, *body, *options;
} upload_t;

static void assert_the_end_never_shows(const upload_t *upload)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        size_t num_requests;
        reply_t reply =
            send_into_the_end(upload->options, t,
                              &(request_t){.path = "/", .method = upload->method, .body = upload->body}, &num_requests);
        if (reply.status != 200 || num_requests != 2)
            fail_msg("%s '%s' over %s%s: %d '%s', %zu requests", upload->method,
                     upload->body != NULL ? upload->body : "", transport_names[t], upload->options, reply.status,
                     reply.body, num_requests);
        assert_true(upload->body == NULL || strstr(reply.body, upload->body) != NULL);
        reply_free(&reply);
    }
}

static void a_kept_connection_closed_in_the_same_moment_never_shows(void **state)
{
    static const upload_t cases[] = {
        {"GET", NULL, ""},
        {"GET", NULL, "    retries: { attempts: 1, on: [] }\n"},
        {"GET", NULL, "    retries: { budget: 0%, min_concurrent: 0 }\n"},
        {"DELETE", NULL, ""},
        {"PUT", "whole", ""},
        {"POST", "", ""},
        {"POST", "whole", ""},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i)
        assert_the_end_never_shows(&cases[i]);
}

static void a_kept_connection_closed_under_a_body_never_shows_even_with_one_attempt(void **state)
{
    static const upload_t cases[] = {
        {"PUT", "whole", "    retries: { attempts: 1, on: [] }\n"},
        {"POST", "whole", "    retries: { attempts: 1, on: [] }\n"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i)
        assert_the_end_never_shows(&cases[i]);
}

static void read_then_vanish(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    free(origin_read_request(origin, fd));
}

static void a_post_that_arrived_on_a_kept_connection_is_not_sent_again(void **state)
{
    origin_t *origin = origin_start(read_then_vanish, NULL);
    gateway_t *gateway = origin_gateway(origin->port, NOT_EJECTED "    retries: { on: [ " EVERYTHING " ] }\n");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        expect_status(gateway, t, "/", 200);
        size_t before = atomic_load(&origin->num_requests);
        reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .method = "POST", .body = "pay 5"});
        expect_reply(&reply, 502, "upstream_closed");
        reply_free(&reply);
        assert_int_equal(atomic_load(&origin->num_requests), before + 1);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kept_connection_closed_in_the_same_moment_never_shows),
        cmocka_unit_test(a_kept_connection_closed_under_a_body_never_shows_even_with_one_attempt),
        cmocka_unit_test(a_post_that_arrived_on_a_kept_connection_is_not_sent_again),
    };
    return cmocka_run_group_tests_name("kept connections", tests, NULL, NULL);
}
