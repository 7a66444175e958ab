/* SPDX-License-Identifier: MIT
 * Exchanges without a client, by way of the filter of tests/support/detour.c: what they carry along, which filters they
 * run, what comes of them when their client leaves, and that they end at any moment without harm. */
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/conf_files.h"
#include "tests/support/gateway.h"
#include "tests/support/origin.h"
#include "tests/support/tokens.h"

#define LENGTH_OF(array) (sizeof(array) / sizeof((array)[0]))

/* the origin ------------------------------------------------------------------------------------------------------- */

enum { big = 64 << 20 };

typedef struct book {
    atomic_size_t go;       /* 1: what hangs is answered */
    atomic_size_t num_sent; /* bytes of /big */
    pthread_mutex_t lock;
    char last[8192]; /* the last request that hung */
} book_t;

static void send_big(book_t *book, int fd)
{
    static char bytes[65536];
    char head[128];
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", big);
    origin_write(fd, head);
    ssize_t len = 1;
    for (size_t left = big; left != 0 && len > 0; left -= (size_t)len) {
        len = send(fd, bytes, left < sizeof(bytes) ? left : sizeof(bytes), MSG_NOSIGNAL);
        if (len > 0)
            atomic_fetch_add(&book->num_sent, (size_t)len);
    }
}

static void hang(book_t *book, int fd, const char *request)
{
    pthread_mutex_lock(&book->lock);
    snprintf(book->last, sizeof(book->last), "%s", request);
    pthread_mutex_unlock(&book->lock);
    origin_wait(&book->go, 1);
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate");
}

static bool is_path(const char *request, const char *path)
{
    const char *at = strchr(request, ' ');
    return at != NULL && strncmp(at + 1, path, strlen(path)) == 0;
}

/** A script: does what the path says, else sends the request back. */
static void serve(origin_t *origin, int fd, size_t index)
{
    static const struct {
        const char *path, *answer;
        bool is_end;
    } rows[] = {
        {"/204", "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n", false},
        {"/304", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 12\r\n\r\n", false},
        {"/503", "HTTP/1.1 503 Not Now\r\nContent-Length: 2\r\n\r\nno", false},
        {"/empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false},
        {"/chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n", false},
        {"/junk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", true},
        {"/cut", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf of", true},
        {"/closed", "", true},
        {"/until-close", "HTTP/1.1 200 OK\r\n\r\nto the end", true},
        {"/head", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", false},
    };
    char *request, head[128];
    bool is_good = true;
    while (is_good && (request = origin_read_request(origin, fd)) != NULL) {
        size_t i = 0;
        while (i != LENGTH_OF(rows) && !is_path(request, rows[i].path))
            ++i;
        if (i != LENGTH_OF(rows)) {
            is_good = origin_write(fd, rows[i].answer) && !rows[i].is_end;
        } else if (is_path(request, "/hang")) {
            hang(origin->arg, fd, request);
        } else if (is_path(request, "/half")) {
            origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf of");
            hang(origin->arg, fd, request);
            is_good = false;
        } else if (is_path(request, "/big")) {
            send_big(origin->arg, fd);
        } else {
            snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(request));
            is_good = origin_write(fd, head) && origin_write(fd, request);
        }
        free(request);
    }
}

static book_t book;
static origin_t *origin;

static void start_origin(void)
{
    memset(&book, 0, sizeof(book));
    pthread_mutex_init(&book.lock, NULL);
    origin = origin_start(serve, &book);
}

static void stop_origin(void)
{
    atomic_store(&book.go, 1);
    origin_stop(origin);
    pthread_mutex_destroy(&book.lock);
}

/** A copy of the last request that hung, once it holds the text. */
static char *wait_for_hanging(const char *text)
{
    for (;;) {
        pthread_mutex_lock(&book.lock);
        char *copy = strdup(book.last);
        pthread_mutex_unlock(&book.lock);
        if (strstr(copy, text) != NULL)
            return copy;
        free(copy);
        origin_wait(&origin->num_requests, 1);
    }
}

/* the gateway ------------------------------------------------------------------------------------------------------ */

#define CONF(service, filters)                                                                                         \
    CONF_LISTEN "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ]" service " } }\n"                        \
                "routes: [ { path: /, service: origin, filters: [ " filters " ] } ]\n"
#define DETOUR "detour: {}"
#define ALONE  ", retries: { attempts: 1 }, ejection: { consecutive_failures: 0 }"

#define LINE_OF_DETACHED "\"client\":\"detour\",\"method\":"

static reply_t ask(const gateway_t *gateway, transport_t transport, const char *path, const char *word)
{
    char field[64];
    snprintf(field, sizeof(field), "X-Detour: %s", word);
    const char *const headers[] = {field, NULL};
    return fetch(gateway, transport, &(request_t){.path = path, .headers = headers});
}

static void expect_word(const gateway_t *gateway, transport_t transport, const char *path, const char *word, int status)
{
    reply_t reply = ask(gateway, transport, path, word);
    if (reply.status != status)
        fail_msg("%s %s over %s: %d instead of %d\n%s%s", path, word, transport_names[transport], reply.status, status,
                 reply.head, reply.body);
    reply_free(&reply);
}

static void expect_field(const reply_t *reply, const char *name, const char *value)
{
    char *found = reply_field(reply, name);
    if ((found == NULL) != (value == NULL) || (found != NULL && strcmp(found, value) != 0))
        fail_msg("%s is '%s' instead of '%s'\n%s%s", name, found, value, reply->head, reply->body);
    free(found);
}

/** How often the text stands in another one. */
static size_t count(const char *text, const char *what)
{
    size_t num = 0;
    while ((text = strstr(text, what)) != NULL) {
        ++num;
        text += strlen(what);
    }
    return num;
}

/* what is carried along -------------------------------------------------------------------------------------------- */

static void the_endpoint_is_told_what_it_would_be_told_by_the_clients_own_exchange(void **state)
{
    static const struct {
        const char *about, *in_request;
        bool is_missing;
    } rows[] = {
        {"the path as it was normalised, and the query", "GET /a/c?d=%20e HTTP/1.1\r\n", false},
        {"the client's host", "\r\nX-Forwarded-Host: 127.0.0.1:", false},
        {"the client's address", "\r\nX-Forwarded-For: 127.0.0.1\r\n", false},
        {"its fields, as it wrote them", "\r\nx-Some-field: some value\r\n", false},
        {"the request id", "\r\nX-Request-Id: one-of-mine\r\n", false},
        {"what filters before have set", "\r\nx-before: 1\r\n", false},
        {"what filters behind have set", "\r\nx-behind: 1\r\n", false},
        {"but not how long this client would wait", "-Timeout-Ms", true},
    };
    static const char *const via[] = {"\r\nVia: 1.1 sluice\r\n", "\r\nVia: 1.1 sluice\r\n", "\r\nVia: 2.0 sluice\r\n"};
    static const char *const proto[] = {"-Proto: http\r\n", "-Proto: https\r\n", "-Proto: https\r\n"};
    static const char *const headers[] = {"x-Some-field: some value", "X-Request-Id: one-of-mine",
                                          "X-Request-Timeout-Ms: 5", NULL};
    start_origin();
    gateway_t *gateway =
        gateway_start("trusted_proxies: [ 127.0.0.0/8 ]\n" CONF(
                          ", timeouts: { total: 0s }", "headers: { request: { add: { x-before: 1 } } }, " DETOUR
                                                       ", headers: { request: { add: { x-behind: 1 } } }"),
                      origin->port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch(gateway, t, &(request_t){.path = "/a/b/../c?d=%20e", .headers = headers});
        assert_int_equal(reply.status, 200);
        for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
            bool is_h2_name = t == OVER_HTTP2 && strstr(rows[i].in_request, "x-Some-field") != NULL;
            const char *text = is_h2_name ? "\r\nx-some-field: some value\r\n" : rows[i].in_request;
            if ((strstr(reply.body, text) == NULL) != rows[i].is_missing)
                fail_msg("%s, over %s: %s", rows[i].about, transport_names[t], reply.body);
        }
        assert_int_equal(count(reply.body, "x-before: 1"), 1);
        assert_int_equal(count(reply.body, via[t]), 1);
        assert_int_equal(count(reply.body, proto[t]), 1);
        expect_field(&reply, "x-detour-reason", "ok");
        reply_free(&reply);
    }
    gateway_stop(gateway);
    stop_origin();
}

static void filters_before_it_know_nothing_of_it_and_those_behind_work_as_ever(void **state)
{
    start_origin();
    gateway_t *gateway = gateway_start(
        CONF("", "headers: { response: { add: { x-before: 1 } } }, " DETOUR
                 ", headers: { response: { add: { x-behind: 1 } } }, rate_limit: { key: all, rate: 3/h, burst: 3 }"),
        origin->port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/");
        assert_int_equal(reply.status, 200);
        assert_int_equal(count(reply.head, "x-before: 1"), 1);
        assert_int_equal(count(reply.head, "x-behind: 1"), 1);
        reply_free(&reply);
    }
    reply_t reply = fetch_path(gateway, OVER_HTTP2, "/");
    assert_int_equal(reply.status, 429);
    expect_field(&reply, "x-detour-reason", "rate_limited");
    assert_int_equal(count(reply.head, "x-before: 1"), 1);
    reply_free(&reply);
    /* what those behind have decided stands in both lines */
    free(process_wait_for(gateway->process, "{\"filter\":\"rate_limit\",\"verdict\":\"refused\"", 2));
    gateway_stop(gateway);
    stop_origin();
}

static void a_detour_within_a_detour_finds_its_way(void **state)
{
    start_origin();
    gateway_t *gateway = gateway_start(CONF("", DETOUR ", headers: { request: { add: { x-between: 1 } } }, " DETOUR
                                                       ", headers: { request: { add: { x-behind: 1 } } }"),
                                       origin->port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/a");
        assert_int_equal(reply.status, 200);
        assert_int_equal(count(reply.body, "x-between: 1"), 1);
        assert_int_equal(count(reply.body, "x-behind: 1"), 1);
        reply_free(&reply);
        free(process_wait_for(gateway->process, LINE_OF_DETACHED, 2 * (t + 1)));
        static const char *const words[] = {"unstarted", "head", "aside"};
        for (size_t i = 0; i != LENGTH_OF(words); ++i)
            expect_word(gateway, t, "/a", words[i], strcmp(words[i], "aside") == 0 ? 202 : 204);
    }
    gateway_stop(gateway);
    stop_origin();
}

/* who it is -------------------------------------------------------------------------------------------------------- */

#define KEY_HASH "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

/** Makes NAME.crt and NAME.key: it is its own authority. */
static void make_authority(const char *name)
{
    char command[600];
    snprintf(command, sizeof(command),
             "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=%s "
             "-addext subjectAltName=DNS:%s -keyout %s.key -out %s.crt 2>openssl.log",
             test_folder, name, name, name, name);
    assert_int_equal(system(command), 0);
}

/** Filters behind ask who the request comes from when the client has gone: its connection, its certificate and the
 * exchange that has found it out are no more. */
static void who_it_comes_from_is_known_when_the_client_has_gone(void **state)
{
    enum { key_row, token_row, password_row, certificate_row, num_rows };
    token_key_t *secret = token_key_from_secret("0123456789abcdef0123456789abcdef", 32, NULL);
    setenv("SLUICE_TEST_SECRET", (const char *)secret->secret, 1);
    char *token = token_mint(secret, "HS256", "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"tom\",\"exp\":9999999999}");
    char *bearer = token_text("Authorization: Bearer %s", token);
    free(conf_file_replace(test_folder, "keys", KEY_HASH " acme plan=gold\n"));
    /* of "secret", by SHA-512 crypt */
    free(conf_file_replace(test_folder, "users",
                           "ann:$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc"
                           "1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1\n"));
    make_authority("eve");
    char *crt = token_text("%s/eve.crt", test_folder), *key = token_text("%s/eve.key", test_folder);
    const struct {
        const char *filter, *says, *field, *known;
    } rows[num_rows] = {
        [key_row] = {"api_key: { file: %s/keys }", "%{api_key.plan} %{api_key.owner}", "X-API-Key: abc", "gold acme"},
        [token_row] = {"jwt: { issuer: i, audience: a, keys: { secret_env: SLUICE_TEST_SECRET } } # %s\n        ",
                       "%{jwt.sub} %{jwt.aud}", bearer, "tom a"},
        [password_row] = {"basic_auth: { file: %s/users }", "%{basic_auth.user}",
                          "Authorization: Basic YW5uOnNlY3JldA==", "ann"},
        [certificate_row] = {"mtls: {} # %s\n        ", "%{mtls.cn} %{mtls.san_dns}", NULL, "eve eve"},
    };
    for (size_t i = 0; i != num_rows; ++i) {
        char filter[256], known[64];
        snprintf(filter, sizeof(filter), rows[i].filter, test_folder);
        snprintf(known, sizeof(known), "\r\nx-who: %s\r\n", rows[i].known);
        start_origin();
        gateway_t *gateway =
            gateway_start("workers: 1\nlisten:\n  - address: 127.0.0.1:0\n  - address: 127.0.0.1:00\n    tls:\n"
                          "      certificates: [ { certificate: server.crt, key: server.key } ]\n"
                          "      client_auth: { ca: %s, mode: optional }\n"
                          "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"
                          "routes:\n  - path: /plain\n    service: origin\n"
                          "  - path: /\n    service: origin\n    filters:\n      - %s\n      - " DETOUR "\n"
                          "      - circuit_breaker: { max_concurrent: 1, max_queue: 1, queue_timeout: 60s }\n"
                          "      - headers: { request: { set: { x-who: \"%s\" } } }\n",
                          crt, origin->port, filter, rows[i].says);
        for (transport_t t = OVER_TLS; t != NUM_TRANSPORTS; ++t) {
            atomic_store(&book.go, 0);
            client_t *client = client_create(gateway, t);
            client_use_certificate(client, crt, key);
            const char *const headers[] = {"X-Detour: aside", rows[i].field, NULL};
            for (size_t k = 0; k != 2; ++k) { /* the second one waits in the breaker's line */
                char path[32];
                snprintf(path, sizeof(path), "/hang?%u,%zu", (unsigned)t, k);
                reply_t reply = client_send(client, &(request_t){.path = path, .headers = headers});
                assert_int_equal(reply.status, 202);
                reply_free(&reply);
            }
            client_free(client);
            reply_t reply = fetch_path(gateway, OVER_HTTP1, "/plain"); /* after the leaving, as the worker sees it */
            assert_int_equal(reply.status, 200);
            reply_free(&reply);
            atomic_store(&book.go, 1);
            char path[32];
            snprintf(path, sizeof(path), "/hang?%u,1 ", (unsigned)t);
            char *request = wait_for_hanging(path);
            if (strstr(request, known) == NULL)
                fail_msg("%s instead of '%s'", request, rows[i].known);
            free(request);
        }
        gateway_stop(gateway);
        stop_origin();
    }
    free(token);
    free(bearer);
    free(crt);
    free(key);
    token_key_free(secret);
}

/* responses -------------------------------------------------------------------------------------------------------- */

static void responses_and_failures_come_as_they_would_to_a_client(void **state)
{
    static const struct {
        const char *about, *method, *path, *filters;
        int status;
        const char *reason, *length, *body; /* body NULL: whatever the reason says */
    } rows[] = {
        {"a body", NULL, "/until-close", "", 200, "ok", NULL, "to the end"},
        {"none, and its length", NULL, "/empty", "", 200, "ok", "0", ""},
        {"in chunks", NULL, "/chunks", "", 200, "ok", NULL, "abcde"},
        {"HEAD has a length and no body", "HEAD", "/head", "", 200, "ok", "7", ""},
        {"204", NULL, "/204", "", 204, "ok", NULL, ""},
        {"304, whose length is that of a 200", NULL, "/304", "", 304, "ok", "12", ""},
        {"an error of the endpoint", NULL, "/503", "", 503, "ok", "2", "no"},
        {"a connection that was closed", NULL, "/closed", "", 502, "upstream_closed", NULL, NULL},
        {"a body that was cut short", NULL, "/cut", "", 502, "upstream_truncated", "10", "half of"},
        {"a body that is junk from its first byte", NULL, "/junk", "", 502, "upstream_malformed", NULL, ""},
        {"an open breaker, which answers at once", NULL, "/", ", circuit_breaker: { force: open }", 503, "breaker_open",
         NULL, NULL},
    };
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        start_origin();
        gateway_t *gateway =
            gateway_start(CONF_LISTEN "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ]" ALONE " } }\n"
                                      "routes: [ { path: /, service: origin, filters: [ " DETOUR "%s ] } ]\n",
                          origin->port, rows[i].filters);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = fetch(gateway, t, &(request_t){.method = rows[i].method, .path = rows[i].path});
            if (reply.status != rows[i].status || (rows[i].body != NULL && strcmp(reply.body, rows[i].body) != 0) ||
                (rows[i].body == NULL && strstr(reply.body, rows[i].reason) == NULL))
                fail_msg("%s, over %s: %d %s", rows[i].about, transport_names[t], reply.status, reply.body);
            expect_field(&reply, "x-detour-reason", rows[i].reason);
            if (rows[i].length != NULL)
                expect_field(&reply, "x-detour-length", rows[i].length);
            reply_free(&reply);
        }
        gateway_stop(gateway);
        stop_origin();
    }
}

static void it_is_tried_again_like_any_other(void **state)
{
    start_origin();
    origin_t *bad = origin_start(origin_vanish, NULL);
    gateway_t *gateway = gateway_start(
        CONF_LISTEN "services: { pair: { endpoints: [ \"http://127.0.0.1:%d\", \"http://127.0.0.1:%d\" ], "
                    "retries: { attempts: 2, on: [reset, empty_response], budget: 100%% }, ejection: { "
                    "consecutive_failures: 0 } } }\n"
                    "routes: [ { path: /, service: pair, filters: [ " DETOUR " ] } ]\n",
        bad->port, origin->port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        for (size_t i = 0; i != 2; ++i) {
            reply_t reply = fetch_path(gateway, t, "/");
            assert_int_equal(reply.status, 200);
            reply_free(&reply);
        }
    free(process_wait_for(gateway->process, LINE_OF_DETACHED, 6));
    assert_int_equal(process_count(gateway->process, "\"tries\":2"), atomic_load(&bad->num_requests));
    assert_true(atomic_load(&bad->num_requests) >= 3);
    gateway_stop(gateway);
    origin_stop(bad);
    stop_origin();
}

static void nothing_is_read_before_the_piece_before_was_taken(void **state)
{
    start_origin();
    gateway_t *gateway = gateway_start(CONF(", timeouts: { idle: 1s }", DETOUR), origin->port);
    size_t before = process_rss_kib(gateway->process);
    static const char *const hold[] = {"X-Detour: hold", NULL};
    pending_t *pending = fetch_later(gateway, OVER_HTTP1, &(request_t){.path = "/big", .headers = hold});
    origin_wait(&book.num_sent, 1);
    /* many turns of the loop, in which it could have been read */
    for (size_t i = 0; i != 300; ++i) {
        reply_t reply = fetch_path(gateway, OVER_HTTP1, "/");
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
    }
    assert_true(atomic_load(&book.num_sent) < big / 2); /* what fits into the sockets' buffers */
    size_t after = process_rss_kib(gateway->process);
    if (after > before + 20000)
        fail_msg("memory grew from %zu to %zu KiB", before, after);
    for (bool is_going = false; !is_going; is_going = atomic_load(&book.num_sent) > big / 2)
        expect_word(gateway, OVER_HTTP1, "/", "release", 204);
    reply_t reply = pending_wait(pending);
    assert_int_equal(reply.status, 204);
    expect_field(&reply, "x-detour-reason", "ok");
    expect_field(&reply, "x-detour-bytes", "67108864");
    reply_free(&reply);
    gateway_stop(gateway);
    stop_origin();
}

/* clients that leave ----------------------------------------------------------------------------------------------- */

static void it_goes_on_when_the_client_has_gone(void **state)
{
    start_origin();
    gateway_t *gateway = gateway_start(CONF("", DETOUR), origin->port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        atomic_store(&book.go, 0);
        pending_t *pending = fetch_later(gateway, t, &(request_t){.path = "/hang"});
        origin_wait(&origin->num_requests, t + 1);
        reply_t reply = pending_leave(pending);
        reply_free(&reply);
        free(process_wait_for(gateway->process, "\"reason\":\"client_closed\"", t + 1));
        assert_int_equal(process_count(gateway->process, LINE_OF_DETACHED), t);
        atomic_store(&book.go, 1);
        char *line = process_wait_for(gateway->process, LINE_OF_DETACHED, t + 1);
        assert_non_null(strstr(line, "\"status\":200,\"reason\":\"ok\""));
        assert_non_null(strstr(line, "\"bytes_out\":4,"));
        free(line);
    }
    assert_int_equal(atomic_load(&origin->num_connections), 1); /* none of them was broken off */
    gateway_stop(gateway);
    stop_origin();
}

static void its_line_in_the_log_has_the_id_of_the_request_for_whose_sake_it_was(void **state)
{
    start_origin();
    gateway_t *gateway = gateway_start("trusted_proxies: [ 127.0.0.0/8 ]\n" CONF("", DETOUR), origin->port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        char id[32], field[64], text[128];
        snprintf(id, sizeof(id), "number-%u", (unsigned)t);
        snprintf(field, sizeof(field), "X-Request-Id: %s", id);
        snprintf(text, sizeof(text), "\"id\":\"%s\"," LINE_OF_DETACHED, id);
        const char *const headers[] = {field, "X-Detour: aside", "User-Agent: me", NULL};
        reply_t reply = fetch(gateway, t, &(request_t){.path = "/a?b=c", .headers = headers});
        assert_int_equal(reply.status, 202);
        reply_free(&reply);
        char *line = process_wait_for(gateway->process, text, 1);
        static const char *const parts[] = {
            "\"method\":\"GET\",\"host\":\"127.0.0.1:", "\"path\":\"/a\",\"query\":\"b=c\",\"status\":200",
            "\"service\":\"origin\"", "\"upstream_status\":200,\"tries\":1", "\"user_agent\":\"me\""};
        for (size_t i = 0; i != LENGTH_OF(parts); ++i)
            if (strstr(line, parts[i]) == NULL)
                fail_msg("%s is missing: %s", parts[i], line);
        assert_null(strstr(line, "\"protocol\":"));
        assert_null(strstr(line, "\"tls\":"));
        free(line);
        snprintf(text, sizeof(text), "\"id\":\"%s\"", id);
        free(process_wait_for(gateway->process, text, 2)); /* and the client has its own */
    }
    gateway_stop(gateway);
    stop_origin();
}

static void it_counts_as_a_request_in_flight(void **state)
{
    start_origin();
    gateway_t *gateway = gateway_start("overload: { in_flight: 1 }\n" CONF("", DETOUR), origin->port);
    expect_word(gateway, OVER_HTTP1, "/hang", "aside", 202);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        for (size_t i = 0; i != 5; ++i) {
            reply_t reply = fetch_path(gateway, t, "/");
            assert_int_equal(reply.status, 503);
            assert_non_null(strstr(reply.body, "overloaded"));
            reply_free(&reply);
        }
    atomic_store(&book.go, 1);
    free(process_wait_for(gateway->process, LINE_OF_DETACHED, 1));
    gateway_stop(gateway);
    stop_origin();
}

/* ends at any moment ----------------------------------------------------------------------------------------------- */

/** A port where connections are neither accepted nor refused: the line of those who wait is full. */
typedef struct deaf {
    int fd, fillers[4], port;
} deaf_t;

static void deaf_start(deaf_t *deaf)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    deaf->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(deaf->fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(deaf->fd, 0), 0);
    assert_int_equal(getsockname(deaf->fd, (struct sockaddr *)&address, &len), 0);
    deaf->port = ntohs(address.sin_port);
    for (size_t i = 0; i != LENGTH_OF(deaf->fillers); ++i) {
        deaf->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        connect(deaf->fillers[i], (struct sockaddr *)&address, len); /* the first few come through, who cares which */
    }
}

static void deaf_stop(deaf_t *deaf)
{
    for (size_t i = 0; i != LENGTH_OF(deaf->fillers); ++i)
        close(deaf->fillers[i]);
    close(deaf->fd);
}

/** What it waits for when it is ended. */
typedef struct moment {
    const char *about, *service, *filters, *path;
    bool is_behind; /* another one, which does not end, is before it */
    bool is_deaf;   /* nobody takes its connection */
} moment_t;

static const moment_t moments[] = {
    {"a connection", ", timeouts: { connect: 60s }", "", "/", false, true},
    {"a response", "", "", "/hang", false, false},
    {"the rest of a body", "", "", "/half", false, false},
    {"a place at the service", ", max_requests: 1, queue: { size: 5, timeout: 60s }", "", "/hang", true, false},
    {"a place in a filter", "", ", circuit_breaker: { max_concurrent: 1, max_queue: 5, queue_timeout: 60s }", "/hang",
     true, false},
    {"the time of a limit", "", ", rate_limit: { key: all, rate: 5/50s, burst: 1, max_delay: 50s }", "/hang", true,
     false},
    {"the next try", ", retries: { attempts: 3, on: [503], backoff: 1h, max_backoff: 1h, budget: 100% }", "", "/503",
     false, false},
    {"the better of two tries", ", retries: { attempts: 2, hedge_after: 1ms, budget: 100% }", "", "/hang", false,
     false},
};

static gateway_t *start_moment(const moment_t *moment, int port)
{
    gateway_t *gateway =
        gateway_start(CONF_LISTEN "drain_timeout: 100ms\n"
                                  "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ]%s } }\n"
                                  "routes: [ { path: /, service: origin, filters: [ " DETOUR "%s ] } ]\n",
                      port, moment->service, moment->filters);
    if (moment->is_behind)
        expect_word(gateway, OVER_HTTP1, "/hang", "aside", 202);
    return gateway;
}

static void freed_in_time(const moment_t *moment, gateway_t *gateway)
{
    static const char *const times[] = {"after 1", "after 5", "after 20"};
    for (size_t i = 0; i != LENGTH_OF(times) * NUM_TRANSPORTS; ++i)
        expect_word(gateway, (transport_t)(i % NUM_TRANSPORTS), moment->path, times[i / NUM_TRANSPORTS], 204);
    free(process_wait_for(gateway->process, "\"reason\":\"cancelled\"", LENGTH_OF(times) * NUM_TRANSPORTS));
}

static void left_by_its_client(const moment_t *moment, gateway_t *gateway)
{
    enum { num = 5 };
    char text[128];
    int len = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: a\r\nX-Detour: leave\r\n\r\n", moment->path);
    for (size_t i = 1; i <= num; ++i) {
        int fd = raw_connect(gateway->ports[0]);
        raw_write(fd, text, (size_t)len);
        expect_word(gateway, OVER_HTTP1, "/", "unstarted", 204);
        close(fd);
        free(process_wait_for(gateway->process, "\"reason\":\"client_closed\"", i));
    }
    free(process_wait_for(gateway->process, "\"reason\":\"cancelled\"", 2 * num)); /* the unstarted too */
}

static void cut_by_the_end(const moment_t *moment, gateway_t *gateway)
{
    for (size_t i = 0; i != 4; ++i)
        expect_word(gateway, OVER_HTTP1, moment->path, "aside", 202);
    process_signal(gateway->process, SIGTERM);
    process_wait(gateway->process);
    if (process_count(gateway->process, "\"reason\":\"cancelled\"") != 4u + moment->is_behind)
        fail_msg("%s: not all were cut", moment->about);
    assert_int_equal(process_count(gateway->process, LINE_OF_DETACHED), 4u + moment->is_behind);
}

static void it_ends_without_harm_whatever_it_waits_for(void **state)
{
    static void (*const ways[])(const moment_t *moment, gateway_t *gateway) = {freed_in_time, left_by_its_client,
                                                                               cut_by_the_end};
    for (size_t i = 0; i != LENGTH_OF(moments); ++i)
        for (size_t k = 0; k != LENGTH_OF(ways); ++k) {
            deaf_t deaf;
            print_message("ended while it waits for %s\n", moments[i].about);
            start_origin();
            deaf_start(&deaf);
            gateway_t *gateway = start_moment(&moments[i], moments[i].is_deaf ? deaf.port : origin->port);
            ways[k](&moments[i], gateway);
            if (ways[k] == cut_by_the_end)
                gateway_end(gateway);
            else
                gateway_stop(gateway);
            deaf_stop(&deaf);
            stop_origin();
        }
}

static void it_may_be_freed_from_within_its_events_and_before_it_was_started(void **state)
{
    static const char *const words[] = {"unstarted", "head", "piece"};
    static const char *const paths[] = {"/", "/half", "/big", "/chunks", "/until-close", "/cut", "/refused"};
    start_origin();
    gateway_t *gateway =
        gateway_start(CONF_LISTEN "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ]" ALONE " } }\n"
                                  "routes:\n  - { path: /, service: origin, filters: [ " DETOUR " ] }\n"
                                  "  - { path: /refused, service: origin, filters: [ " DETOUR
                                  ", circuit_breaker: { force: open } ] }\n",
                      origin->port);
    for (size_t i = 0; i != LENGTH_OF(words) * LENGTH_OF(paths); ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            const char *word = words[i % LENGTH_OF(words)], *path = paths[i / LENGTH_OF(words)];
            bool is_last = strcmp(word, "piece") == 0; /* which comes at once: there is none in progress */
            reply_t reply = ask(gateway, t, path, word);
            if (reply.status != 204 && !(is_last && reply.status != 0))
                fail_msg("%s %s over %s: %d", path, word, transport_names[t], reply.status);
            reply_free(&reply);
        }
    free(process_wait_for(gateway->process, LINE_OF_DETACHED, LENGTH_OF(words) * LENGTH_OF(paths) * NUM_TRANSPORTS));
    gateway_stop(gateway);
    stop_origin();
}

/* stops and reloads ------------------------------------------------------------------------------------------------ */

static void a_stop_waits_for_it(void **state)
{
    start_origin();
    gateway_t *gateway = gateway_start("drain_timeout: 60s\n" CONF("", DETOUR), origin->port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        expect_word(gateway, t, "/hang", "aside", 202);
    origin_wait(&origin->num_requests, NUM_TRANSPORTS);
    process_signal(gateway->process, SIGTERM);
    free(process_wait_for(gateway->process, "stopping: finishing what is in flight", 1));
    atomic_store(&book.go, 1);
    process_wait(gateway->process);
    assert_int_equal(process_count(gateway->process, LINE_OF_DETACHED), NUM_TRANSPORTS);
    assert_int_equal(process_count(gateway->process, "\"reason\":\"cancelled\""), 0);
    gateway_end(gateway);
    stop_origin();
}

static void a_reload_leaves_it_what_it_began_with(void **state)
{
    start_origin();
    gateway_t *gateway = gateway_start(CONF("", DETOUR ", headers: { response: { add: { x-a: 1 } } }"), origin->port);
    pending_t *pending = fetch_later(gateway, OVER_HTTP2, &(request_t){.path = "/hang"});
    expect_word(gateway, OVER_HTTP1, "/hang", "aside", 202);
    origin_wait(&origin->num_requests, 2);
    for (size_t i = 1; i <= 3; ++i) {
        gateway_write_conf(gateway, CONF_LISTEN "services: { other: { endpoints: [ \"http://127.0.0.1:1\" ] } }\n"
                                                "routes: [ { path: /, service: other } ]\n");
        gateway_reload(gateway, i);
    }
    atomic_store(&book.go, 1);
    reply_t reply = pending_wait(pending);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "late");
    expect_field(&reply, "x-a", "1");
    reply_free(&reply);
    free(process_wait_for(gateway->process, LINE_OF_DETACHED, 2));
    gateway_stop(gateway);
    stop_origin();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_endpoint_is_told_what_it_would_be_told_by_the_clients_own_exchange),
        cmocka_unit_test(filters_before_it_know_nothing_of_it_and_those_behind_work_as_ever),
        cmocka_unit_test(a_detour_within_a_detour_finds_its_way),
        cmocka_unit_test(who_it_comes_from_is_known_when_the_client_has_gone),
        cmocka_unit_test(responses_and_failures_come_as_they_would_to_a_client),
        cmocka_unit_test(it_is_tried_again_like_any_other),
        cmocka_unit_test(nothing_is_read_before_the_piece_before_was_taken),
        cmocka_unit_test(it_goes_on_when_the_client_has_gone),
        cmocka_unit_test(its_line_in_the_log_has_the_id_of_the_request_for_whose_sake_it_was),
        cmocka_unit_test(it_counts_as_a_request_in_flight),
        cmocka_unit_test(it_ends_without_harm_whatever_it_waits_for),
        cmocka_unit_test(it_may_be_freed_from_within_its_events_and_before_it_was_started),
        cmocka_unit_test(a_stop_waits_for_it),
        cmocka_unit_test(a_reload_leaves_it_what_it_began_with),
    };
    const char *program = getenv("SLUICE_DETOUR");
    setenv("SLUICE", program != NULL ? program : "tests/support/sluice_detour", 1);
    return cmocka_run_group_tests_name("exchanges without a client", tests, test_folder_create, test_folder_remove);
}
