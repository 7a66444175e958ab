/* SPDX-License-Identifier: MIT
 * The response cache: hits and misses and what is said of them, bodies of every framing and size. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/plays.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0 /* sanitizers have a memory of their own for the gateway's */
#endif

#define NUM(array) (sizeof(array) / sizeof((array)[0]))
#define FRESH      "Cache-Control: max-age=60"
#define HIT        "Cache-Status: sluice; hit; ttl=*"
#define STORED     "Cache-Status: sluice; fwd=uri-miss; fwd-status=*; stored; ttl=*"

/* hits and misses -------------------------------------------------------------------------------------------------- */

static void what_was_stored_is_answered_from_memory(void **state)
{
    static const play_t plays[] = {
        {"a miss, then hits",
         NULL,
         {{"GET $/a", "200\n" FRESH "\nX-One: 1\n\nbody",
           "200\nX-One: 1\nContent-Length: 4\n!Age\nCache-Status: sluice; fwd=uri-miss; fwd-status=200; stored; "
           "ttl=~60\n\nbody"},
          {"GET $/a", NULL, "200\nX-One: 1\nContent-Length: 4\nAge: *\n" HIT "\n\nbody"},
          {"GET $/a", NULL, "200\nX-One: 1\nContent-Length: 4\n" HIT "\n\nbody"},
          {"GET $/b", "200\n" FRESH "\n\nother", "200\n" STORED "\n\nother"},
          {"GET $/a", NULL, "200\n" HIT "\n\nbody"}}},
        {"a HEAD gets what a GET stored, without its body",
         NULL,
         {{"GET $/a", "200\n" FRESH "\n\nbody", "200\n" STORED},
          {"HEAD $/a", NULL, "200\nContent-Length: 4\n" HIT "\n\n"},
          {"GET $/a", NULL, "200\n" HIT "\n\nbody"}}},
        {"what a HEAD brings answers no GET",
         NULL,
         {{"HEAD $/a", "200\n" FRESH "\n\nbody",
           "200\nContent-Length: 4\nCache-Status: sluice; fwd=uri-miss; "
           "fwd-status=200; detail=head\n>>HEAD *\n\n"},
          {"GET $/a", "200\n" FRESH "\n\nbody", "200\n" STORED "\n\nbody"},
          {"HEAD $/a", NULL, "200\n" HIT "\n\n"}}},
        {"the age of the response that came goes on",
         NULL,
         {{"GET $/a", "200\n" FRESH "\nAge: 20\n\nbody", "200\nAge: 20\nCache-Status: *; ttl=~40"},
          {"GET $/a", NULL, "200\nAge: ~20\nCache-Status: sluice; hit; ttl=*"}}},
        {"so does the age that its date says",
         NULL,
         {{"GET $/a", "200\n" FRESH "\nDate: <-20>\n\nbody", "200\nCache-Status: *; stored; ttl=*"},
          {"GET $/a", NULL, "200\nAge: ~20\nCache-Status: sluice; hit; ttl=*"}}},
        {"one Content-Type, whatever the case of names",
         NULL,
         {{"GET $/a", "200\n" FRESH "\ncontent-TYPE: text/x\nX-Multi: a\nX-Multi: b\n\nbody",
           "200\nContent-Type: text/x"},
          {"GET $/a", NULL, "200\nContent-Type: text/x\nX-Multi: a"}}},
        {"old by its Age from the beginning: validated by asking anew",
         NULL,
         {{"GET $/a", "200\n" FRESH "\nAge: 61\nETag: \"1\"\n\none", "200\nAge: 61\n\none"},
          {"GET $/a", "200\n" FRESH "\n\ntwo",
           "200\n!Age\nCache-Status: sluice; fwd=stale; fwd-status=200; stored; "
           "ttl=~60\n\ntwo"},
          {"GET $/a", NULL, "200\n" HIT "\n\ntwo"}}},
        {"other methods pass",
         NULL,
         {{"GET $/a", "200\n" FRESH "\n\nbody", "200\n" STORED},
          {"OPTIONS $/a", "200\nAllow: GET\n\n", "200\nAllow: GET\nCache-Status: sluice; fwd=method; fwd-status=200"},
          {"GET $/a", NULL, "200\n" HIT "\n\nbody"}}},
        {"a GET with a body passes, and leaves what is stored alone",
         NULL,
         {{"GET $/a", "200\n" FRESH "\n\nbody", "200\n" STORED},
          {"GET $/a\n\nquestion", "200\n" FRESH "\n\nanswer",
           "200\nCache-Status: sluice; fwd=bypass; "
           "fwd-status=200; detail=request-body\n\nanswer"},
          {"GET $/a", NULL, "200\n" HIT "\n\nbody"}}},
        {"it need not say what it does",
         "cache_status: false",
         {{"GET $/a", "200\n" FRESH "\n\nbody", "200\n!Cache-Status\n\nbody"},
          {"GET $/a", NULL, "200\n!Cache-Status\nAge: *\n\nbody"}}},
        {"what another cache says stays",
         "cache_status: false",
         {{"GET $/a", "200\n" FRESH "\nCache-Status: sluice; hit\n\nbody", "200\nCache-Status: sluice; hit\n\nbody"},
          {"GET $/a", NULL, "200\nCache-Status: sluice; hit\nAge: *\n\nbody"}}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

static void the_date_of_a_response_is_kept(void **state)
{
    (void)state;
    gateway_t *gateway = plays_gateway("");
    for (transport_t t = 0; t != OVER_HTTP2; ++t) { /* where libh2o writes its own */
        play_answer("200\n" FRESH "\nDate: <-20>\n\nbody");
        const char *request = t == OVER_HTTP1 ? "GET $/a" : "GET $/b";
        for (int i = 0; i != 3; ++i) {
            reply_t reply = play_ask(gateway, t, request);
            play_expect(&reply, i == 0 ? "200\nDate: <-20>\n\nbody" : "200\nDate: <-20>\nAge: ~20\n" HIT "\n\nbody");
            reply_free(&reply);
        }
    }
    gateway_stop(gateway);
}

static void what_one_protocol_stored_the_other_gets(void **state)
{
    static const play_t plays[] = {
        {"the same fields and body",
         NULL,
         {{"GET $/a", "200\n" FRESH "\nX-One: 1\nDate: <-5>\n\nbody", "200\nX-One: 1\n" STORED "\n\nbody"},
          {"GET $/a", NULL, "200\nX-One: 1\nDate: *\nContent-Length: 4\n" HIT "\n\nbody"},
          {"GET $/a", NULL, "200\nX-One: 1\nDate: *\nContent-Length: 4\n" HIT "\n\nbody"}}},
        {"chunks",
         NULL,
         {{"GET $/a", "200\n" FRESH "\nTransfer-Encoding: chunked\n\nin four chunks", "200\n\nin four chunks"},
          {"GET $/a", NULL, "200\n!Transfer-Encoding\nContent-Length: 14\n" HIT "\n\nin four chunks"}}},
    };
    (void)state;
    gateway_t *gateway = plays_gateway("");
    plays_run_mixed(gateway, plays, NUM(plays));
    gateway_stop(gateway);
}

static void every_framing_and_status_is_kept(void **state)
{
    static const play_t plays[] = {
        {"chunked",
         NULL,
         {{"GET $/a", "200\n" FRESH "\nTransfer-Encoding: chunked\n\nin several chunks", "200\n\nin several chunks"},
          {"GET $/a", NULL, "200\nContent-Length: 17\n!Transfer-Encoding\n" HIT "\n\nin several chunks"},
          {"HEAD $/a", NULL, "200\nContent-Length: 17\n" HIT "\n\n"}}},
        {"chunked, nothing in it",
         NULL,
         {{"GET $/a", "200\n" FRESH "\nTransfer-Encoding: chunked\n\n", "200\n\n"},
          {"GET $/a", NULL, "200\nContent-Length: 0\n" HIT "\n\n"}}},
        {"until the connection is closed",
         NULL,
         {{"GET $/a", "200 until-close\n" FRESH "\n\nto the end", "200\n\nto the end"},
          {"GET $/a", NULL, "200\nContent-Length: 10\n" HIT "\n\nto the end"}}},
        {"until the connection is closed, nothing",
         NULL,
         {{"GET $/a", "200 until-close\n" FRESH "\n\n", "200\n\n"},
          {"GET $/a", NULL, "200\nContent-Length: 0\n" HIT "\n\n"}}},
        {"HTTP/1.0",
         NULL,
         {{"GET $/a", "200 HTTP/1.0\n" FRESH "\n\nof old", "200\n\nof old"},
          {"GET $/a", NULL, "200\nContent-Length: 6\n" HIT "\n\nof old"}}},
        {"HTTP/1.0 with a length",
         NULL,
         {{"GET $/a", "200 HTTP/1.0\n" FRESH "\nContent-Length: 6\n\nof old", "200\n\nof old"},
          {"GET $/a", NULL, "200\nContent-Length: 6\n" HIT "\n\nof old"}}},
        {"an empty body",
         NULL,
         {{"GET $/a", "200\n" FRESH "\n\n", "200\nContent-Length: 0\n\n"},
          {"GET $/a", NULL, "200\nContent-Length: 0\n" HIT "\n\n"},
          {"HEAD $/a", NULL, "200\nContent-Length: 0\n" HIT "\n\n"}}},
        {"204",
         NULL,
         {{"GET $/a", "204\n" FRESH "\nX-A: 1\n", "204\nX-A: 1\n!Content-Length\n\n"},
          {"GET $/a", NULL, "204\nX-A: 1\n!Content-Length\n!Transfer-Encoding\n" HIT "\n\n"},
          {"HEAD $/a", NULL, "204\nX-A: 1\n!Content-Length\n" HIT "\n\n"}}},
        {"301",
         NULL,
         {{"GET $/a", "301\n" FRESH "\nLocation: /b\n\nover there", "301\nLocation: /b\n\nover there"},
          {"GET $/a", NULL, "301\nLocation: /b\n" HIT "\n\nover there"}}},
        {"404",
         NULL,
         {{"GET $/a", "404\n" FRESH "\n\nnot here", "404\n" STORED "\n\nnot here"},
          {"GET $/a", NULL, "404\n" HIT "\n\nnot here"},
          {"HEAD $/a", NULL, "404\nContent-Length: 8\n" HIT "\n\n"}}},
        {"410",
         NULL,
         {{"GET $/a", "410\n" FRESH "\n\ngone", "410\n" STORED "\n\ngone"}, {"GET $/a", NULL, "410\n" HIT "\n\ngone"}}},
        {"a status that nobody knows, with a lifetime",
         NULL,
         {{"GET $/a", "299\n" FRESH "\n\nodd", "299\n" STORED "\n\nodd"}, {"GET $/a", NULL, "299\n" HIT "\n\nodd"}}},
        {"503 with a lifetime",
         NULL,
         {{"GET $/a", "503\n" FRESH "\n\nlater", "503\n" STORED "\n\nlater"},
          {"GET $/a", NULL, "503\n" HIT "\n\nlater"}}},
        {"a HEAD that comes first, of chunks",
         NULL,
         {{"HEAD $/a", "200\n" FRESH "\nTransfer-Encoding: chunked\n\nchunks", "200\n\n"},
          {"GET $/a", "200\n" FRESH "\nTransfer-Encoding: chunked\n\nchunks", "200\n\nchunks"}}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

static void the_access_log_says_what_was_done(void **state)
{
    static const struct {
        const char *request, *answer, *decision;
    } rows[] = {
        {"GET $/a", "200\n" FRESH "\nETag: \"1\"\n\nbody", "\"verdict\":\"miss\""},
        {"GET $/a", NULL, "\"verdict\":\"hit\""},
        {"GET $/a\nCache-Control: no-cache", "304\n" FRESH "\nETag: \"1\"", "\"verdict\":\"revalidated\""},
        {"POST $/a", "200\n\n", "\"verdict\":\"bypass\""},
        {"GET $/b", "200\nCache-Control: no-store\n\n", "\"verdict\":\"miss\",\"reason\":\"no-store\""},
        {"GET $/b", "200\nCache-Control: no-store\n\n", "\"verdict\":\"miss\",\"reason\":\"uncacheable\""},
    };
    (void)state;
    gateway_t *gateway = plays_gateway("");
    for (size_t i = 0; i != NUM(rows); ++i) {
        size_t before = process_count(gateway->process, rows[i].decision);
        play_answer(rows[i].answer);
        reply_t reply = play_ask(gateway, OVER_HTTP2, rows[i].request);
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
        free(process_wait_for(gateway->process, rows[i].decision, before + 1));
    }
    gateway_stop(gateway);
}

/* one connection --------------------------------------------------------------------------------------------------- */

/** The status of the message that begins here, and where the next one begins. */
static const char *next_message(const char *at, bool has_body, int *ret_status, char body[64])
{
    const char *end = strstr(at, "\r\n\r\n"), *length = strcasestr(at, "\r\ncontent-length:");
    assert_non_null(end);
    assert_int_equal(strncmp(at, "HTTP/1.1 ", 9), 0);
    *ret_status = atoi(at + 9);
    size_t len = has_body && length != NULL && length < end ? strtoull(length + 17, NULL, 10) : 0;
    assert_true(len < 64 && strlen(end + 4) >= len);
    snprintf(body, 64, "%.*s", (int)len, end + 4);
    return end + 4 + len;
}

static void answers_of_all_kinds_follow_each_other_on_one_connection(void **state)
{
    static const struct {
        const char *method, *fields;
        int status;
        const char *body;
    } rows[] = {
        {"GET", "", 200, "0123456789"},
        {"HEAD", "", 200, ""},
        {"GET", "If-None-Match: \"1\"\r\n", 304, ""},
        {"GET", "Range: bytes=2-4\r\n", 206, "234"},
        {"HEAD", "If-None-Match: \"1\"\r\n", 304, ""},
        {"GET", "Range: bytes=20-\r\n", 416, ""},
        {"HEAD", "Range: bytes=20-\r\n", 200, ""},
        {"GET", "Cache-Control: max-stale\r\n", 200, "0123456789"},
        {"GET", "Connection: close\r\n", 200, "0123456789"},
    };
    char text[2048] = "", body[64];
    bool is_closed;
    int status;
    (void)state;
    gateway_t *gateway = plays_gateway("");
    for (size_t i = 0; i != NUM(rows); ++i)
        snprintf(strchr(text, '\0'), sizeof(text) - strlen(text), "%s /a HTTP/1.1\r\nHost: one.example\r\n%s\r\n",
                 rows[i].method, rows[i].fields);
    play_answer("200\nETag: \"1\"\n" FRESH "\n\n0123456789");
    size_t asked = atomic_load(&play_origin->num_requests);
    for (int k = 0; k != 2; ++k) { /* first with a miss, then with hits only; all of it is there when it begins */
        int fd = raw_connect(gateway->ports[0]);
        raw_write(fd, text, strlen(text));
        char *answers = raw_read(fd, NULL, &is_closed);
        const char *at = answers;
        for (size_t i = 0; i != NUM(rows); ++i) {
            at = next_message(at, strcmp(rows[i].method, "GET") == 0 && rows[i].status != 304, &status, body);
            if (status != rows[i].status || strcmp(body, rows[i].body) != 0)
                fail_msg("answer %zu: %d '%s'\n%s", i, status, body, answers);
        }
        assert_string_equal(at, "");
        assert_true(is_closed);
        free(answers);
        close(fd);
    }
    assert_int_equal(atomic_load(&play_origin->num_requests) - asked, 1);
    gateway_stop(gateway);
}

static void a_client_of_http_1_0_gets_what_it_understands(void **state)
{
    static const char request[] = "GET /a HTTP/1.0\r\nHost: one.example\r\n\r\n";
    bool is_closed;
    (void)state;
    gateway_t *gateway = plays_gateway("");
    play_answer("200\n" FRESH "\nTransfer-Encoding: chunked\n\n0123456789");
    for (int k = 0; k != 2; ++k) {
        int fd = raw_connect(gateway->ports[0]);
        raw_write(fd, request, strlen(request));
        char *answer = raw_read(fd, NULL, &is_closed);
        assert_true(is_closed);
        assert_null(strcasestr(answer, "\r\ntransfer-encoding:"));
        const char *body = strstr(answer, "\r\n\r\n");
        assert_non_null(body);
        assert_string_equal(body + 4, "0123456789");
        assert_int_equal(strcasestr(answer, "; hit;") != NULL, k);
        free(answer);
        close(fd);
    }
    gateway_stop(gateway);
}

static void many_and_long_fields_are_kept_as_they_came(void **state)
{
    enum { num_fields = 40 }; /* together less than a frame of HTTP/2 */
    char *answer, value[201], *value_of_long = malloc(3001);
    size_t size;
    (void)state;
    memset(value, 'v', 200);
    memset(value_of_long, 'l', 3000);
    value[200] = value_of_long[3000] = '\0';
    FILE *file = open_memstream(&answer, &size);
    fprintf(file, "200\n" FRESH "\nX-Long: %s\n", value_of_long);
    for (int i = 0; i != num_fields; ++i)
        fprintf(file, "X-Field-%d: %d%s\n", i, i, value);
    fputs("\nbody", file);
    fclose(file);
    gateway_t *gateway = plays_gateway("");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        play_answer(answer);
        for (int k = 0; k != 3; ++k) {
            const char *const paths[] = {"GET /many/1", "GET /many/2", "GET /many/3"};
            reply_t reply = play_ask(gateway, t, paths[t]);
            play_expect(&reply, answer);
            play_expect(&reply, k == 0 ? "200\n" STORED : "200\n" HIT);
            reply_free(&reply);
        }
    }
    gateway_stop(gateway);
    free(value_of_long);
    free(answer);
}

/* bodies ----------------------------------------------------------------------------------------------------------- */

/** What an origin sends to any request. */
typedef struct load {
    size_t size, piece; /* bytes; bytes at a time, 0: at once */
    enum { BY_LENGTH, BY_CHUNKS, BY_CLOSE, NUM_FRAMINGS } framing;
} load_t;

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 2654435761u >> 13 ^ i);
}

static char *load_bytes(size_t size)
{
    char *bytes = malloc(size + 1);
    for (size_t i = 0; i != size; ++i)
        bytes[i] = (char)byte_at(i);
    return bytes;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
    ssize_t sent = 0;
    for (size_t i = 0; i != len && sent >= 0; i += (size_t)(sent > 0 ? sent : 0))
        sent = send(fd, bytes + i, len - i, MSG_NOSIGNAL);
    return sent >= 0;
}

static void send_load(origin_t *origin, int fd, size_t index)
{
    const load_t *load = origin->arg;
    char *request, head[200];
    for (bool is_good = true; is_good && (request = origin_read_request(origin, fd)) != NULL;) {
        free(request);
        char *bytes = load_bytes(load->size), length[64];
        snprintf(length, sizeof(length), "Content-Length: %zu\r\n", load->size);
        snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n%s\r\n",
                 load->framing == BY_LENGTH   ? length
                 : load->framing == BY_CHUNKS ? "Transfer-Encoding: chunked\r\n"
                                              : "");
        is_good = send_all(fd, head, strlen(head));
        size_t piece = load->piece != 0 ? load->piece : load->size;
        for (size_t i = 0, len; is_good && i != load->size; i += len) {
            len = piece < load->size - i ? piece : load->size - i;
            if (load->framing == BY_CHUNKS) {
                snprintf(head, sizeof(head), "%zx\r\n", len);
                is_good = send_all(fd, head, strlen(head)) && send_all(fd, bytes + i, len) && send_all(fd, "\r\n", 2);
            } else {
                is_good = send_all(fd, bytes + i, len);
            }
        }
        if (load->framing == BY_CHUNKS)
            is_good = is_good && send_all(fd, "0\r\n\r\n", 5);
        is_good = is_good && load->framing != BY_CLOSE;
        free(bytes);
    }
}

#define CONF_LOAD                                                                                                      \
    CONF_LISTEN_4 CONF_PLAY_ORIGIN                                                                                     \
        "routes: [ { path: /, service: origin, filters: [ { cache: { capacity: 64MiB, max_object: 1MiB } } ] } ]\n"

/** @param is_hit NULL: either way */
static void expect_load(const gateway_t *gateway, transport_t transport, const char *path, const load_t *load,
                        const char *status)
{
    reply_t reply = fetch_path(gateway, transport, path);
    char *bytes = load_bytes(load->size), *said = reply_field(&reply, "cache-status");
    if (reply.status != 200 || reply.error != 0 || reply.body_len != load->size ||
        memcmp(bytes, reply.body, load->size) != 0 || strstr(said, status) == NULL)
        fail_msg("%zu bytes, framing %d, over %s: %d %s, %zu bytes, '%s' instead of '%s'", load->size,
                 (int)load->framing, transport_names[transport], reply.status, curl_error(reply.error), reply.body_len,
                 said, status);
    free(said);
    free(bytes);
    reply_free(&reply);
}

static void no_byte_is_lost_or_changed(void **state)
{
    static const size_t sizes[] = {0,    1,     2,     2047,  2048,  2049,   4095,   4096,          4097,   8192,
                                   8193, 16384, 16385, 65535, 65536, 131072, 131073, (1 << 20) - 1, 1 << 20};
    load_t load = {0};
    (void)state;
    origin_t *origin = origin_start(send_load, &load);
    gateway_t *gateway = gateway_start(CONF_LOAD, origin->port);
    char path[64];
    for (size_t i = 0; i != NUM(sizes); ++i)
        for (load.framing = 0; load.framing != NUM_FRAMINGS; ++load.framing)
            for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
                load.size = sizes[i];
                load.piece = (i + t) % 2 == 0 ? 0 : 4099;
                snprintf(path, sizeof(path), "/%zu/%d/%d", load.size, (int)load.framing, (int)t);
                expect_load(gateway, t, path, &load, "fwd=uri-miss; fwd-status=200; stored");
                size_t asked = atomic_load(&origin->num_requests);
                for (int k = 0; k != 2; ++k)
                    expect_load(gateway, t, path, &load, "sluice; hit");
                assert_int_equal(atomic_load(&origin->num_requests), asked);
            }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void what_is_larger_than_an_object_may_be_passes_through(void **state)
{
    static const size_t sizes[] = {(1 << 20) + 1, (1 << 20) + 4096, 3 << 20};
    load_t load = {0};
    (void)state;
    origin_t *origin = origin_start(send_load, &load);
    gateway_t *gateway = gateway_start(CONF_LOAD, origin->port);
    char path[64];
    for (size_t i = 0; i != NUM(sizes); ++i)
        for (load.framing = 0; load.framing != NUM_FRAMINGS; ++load.framing)
            for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
                load.size = sizes[i];
                load.piece = (i + t) % 2 == 0 ? 0 : 50021;
                snprintf(path, sizeof(path), "/%zu/%d/%d", load.size, (int)load.framing, (int)t);
                size_t asked = atomic_load(&origin->num_requests);
                expect_load(gateway, t, path, &load,
                            load.framing == BY_LENGTH ? "fwd=uri-miss; fwd-status=200; detail=too-large"
                                                      : "fwd=uri-miss; fwd-status=200");
                expect_load(gateway, t, path, &load, "fwd=uri-miss; fwd-status=200; detail=uncacheable");
                assert_int_equal(atomic_load(&origin->num_requests), asked + 2);
            }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void what_passes_through_is_not_held(void **state)
{
    enum { most_kib = 24 << 10 };
    /* that large only where the memory is looked at */
    load_t load = {.size = IS_SANITIZED ? 6 << 20 : 48 << 20, .framing = BY_CHUNKS, .piece = 1 << 20};
    (void)state;
    origin_t *origin = origin_start(send_load, &load);
    gateway_t *gateway = gateway_start(CONF_LOAD, origin->port);
    size_t before = process_rss_kib(gateway->process);
    for (transport_t t = 0; t != OVER_HTTP2; ++t)
        for (load.framing = 0; load.framing != BY_CLOSE; ++load.framing) {
            char path[64];
            snprintf(path, sizeof(path), "/large/%d/%d", (int)load.framing, (int)t);
            expect_load(gateway, t, path, &load, "fwd=uri-miss; fwd-status=200");
        }
    size_t after = process_rss_kib(gateway->process);
    if (!IS_SANITIZED && after > before + most_kib)
        fail_msg("%zu KiB became %zu", before, after);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void what_breaks_off_is_not_stored(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 100\r\n\r\nhalf of it",
        "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhalf of it\r\n",
        "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhalf of it\r\nzz\r\n",
    };
    (void)state;
    for (size_t i = 0; i != NUM(answers); ++i) {
        origin_t *origin = origin_start(origin_answer_and_close, (void *)(uintptr_t)answers[i]);
        gateway_t *gateway = gateway_start(CONF_LOAD, origin->port);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
            for (int k = 0; k != 2; ++k) {
                size_t asked = atomic_load(&origin->num_requests);
                reply_t reply = fetch_path(gateway, t, "/a");
                if (reply.error == 0 && reply.status != 502)
                    fail_msg("answer %zu over %s: %d\n%s%s", i, transport_names[t], reply.status, reply.head,
                             reply.body);
                assert_int_equal(atomic_load(&origin->num_requests), asked + 1);
                reply_free(&reply);
            }
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_stored_is_answered_from_memory),
        cmocka_unit_test(the_date_of_a_response_is_kept),
        cmocka_unit_test(what_one_protocol_stored_the_other_gets),
        cmocka_unit_test(every_framing_and_status_is_kept),
        cmocka_unit_test(the_access_log_says_what_was_done),
        cmocka_unit_test(answers_of_all_kinds_follow_each_other_on_one_connection),
        cmocka_unit_test(a_client_of_http_1_0_gets_what_it_understands),
        cmocka_unit_test(many_and_long_fields_are_kept_as_they_came),
        cmocka_unit_test(no_byte_is_lost_or_changed),
        cmocka_unit_test(what_is_larger_than_an_object_may_be_passes_through),
        cmocka_unit_test(what_passes_through_is_not_held),
        cmocka_unit_test(what_breaks_off_is_not_stored),
    };
    return cmocka_run_group_tests(tests, plays_set_up, plays_tear_down);
}
