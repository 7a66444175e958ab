/* SPDX-License-Identifier: MIT
 * Responses made smaller, over every transport: which, what their heads say, that every byte comes when it was sent,
 * and what it costs the gateway. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/decoder.h"
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

#define SERVICE        "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ], retries: { attempts: 1 } } }\n"
#define ROUTE(filters) "routes: [ { path: /, service: origin, filters: [ " filters " ] } ]\n"
#define GZIP           "Accept-Encoding: gzip"
#define PAGE           "Content-Type: text/html\r\n"

enum { BODY_LEN = 6000, MOST_FIELDS = 8 };

/** What the origin answers with: fields and a body; without one to HEAD. */
typedef struct page {
    const char *status, *fields;
    size_t len;
    size_t sent; /* of len; less: it breaks off */
} page_t;

static char body[BODY_LEN + 1];

static int make_body(void **state)
{
    static const char text[] = "All happy services are alike; ";
    for (size_t i = 0; i != BODY_LEN; ++i)
        body[i] = text[i % (sizeof(text) - 1)];
    return 0;
}

static void serve_page(origin_t *origin, int fd, size_t index)
{
    char *request;
    while ((request = origin_read_request(origin, fd)) != NULL) {
        const page_t *page = origin->arg;
        char *answer;
        bool is_head = strncmp(request, "HEAD ", 5) == 0;
        assert_true(asprintf(&answer, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%.*s", page->status, page->fields,
                             page->len, is_head ? 0 : (int)page->sent, body) > 0);
        bool is_written = origin_write(fd, answer);
        free(answer);
        free(request);
        if (!is_written || page->sent != page->len)
            return;
    }
}

typedef struct expected {
    const char *name, *value; /* value NULL: it is not there */
} expected_t;

static void expect_fields(const char *about, transport_t t, const reply_t *reply, const expected_t *fields)
{
    for (size_t i = 0; i != MOST_FIELDS && fields[i].name != NULL; ++i) {
        char *value = reply_field(reply, fields[i].name);
        if ((value == NULL) != (fields[i].value == NULL) || (value != NULL && strcmp(value, fields[i].value) != 0))
            fail_msg("%s, over %s: %s is '%s' instead of '%s'", about, transport_names[t], fields[i].name,
                     value != NULL ? value : "(none)", fields[i].value != NULL ? fields[i].value : "(none)");
        free(value);
    }
}

/** The body is the origin's, in the coding that the head names.  @param coding expected; NULL: none */
static void expect_body(const char *about, transport_t t, const reply_t *reply, const char *coding, size_t len)
{
    char *named = reply_field(reply, "content-encoding");
    if ((named == NULL) != (coding == NULL) || (coding != NULL && strcmp(named, coding) != 0))
        fail_msg("%s, over %s: the coding is %s", about, transport_names[t], named != NULL ? named : "none");
    free(named);
    if (coding == NULL) {
        assert_int_equal(reply->body_len, len);
        assert_memory_equal(reply->body, body, len);
        return;
    }
    size_t decoded_len;
    bool is_complete;
    char *decoded = decode(coding, reply->body, reply->body_len, &decoded_len, &is_complete);
    if (decoded == NULL || !is_complete || decoded_len != len || memcmp(decoded, body, len) != 0)
        fail_msg("%s, over %s: what was decoded is not what was sent", about, transport_names[t]);
    free(decoded);
}

static void rows_of_what_is_compressed(void **state)
{
    static const struct {
        const char *about, *options, *upstream;
        const char *headers[4];
        const char *coding;
        expected_t fields[MOST_FIELDS];
    } cases[] = {
        {"a page",
         "",
         PAGE "ETag: \"a\"\r\nAccept-Ranges: bytes\r\nContent-Digest: sha-256=:AA==:\r\nContent-MD5: AA==\r\n",
         {GZIP},
         "gzip",
         {{"vary", "Accept-Encoding"},
          {"etag", "W/\"a\""},
          {"content-length", NULL},
          {"accept-ranges", NULL},
          {"content-digest", NULL},
          {"content-md5", NULL},
          {"content-type", "text/html"}}},
        {"for a client that takes more", "", PAGE, {"Accept-Encoding: gzip, deflate, br"}, "br", {{"etag", NULL}}},
        {"as the gateway prefers",
         "codings: [gzip, br]",
         PAGE,
         {"Accept-Encoding: gzip, deflate, br"},
         "gzip",
         {{NULL, NULL}}},
        {"for a client that takes none",
         "",
         PAGE "ETag: \"a\"\r\nAccept-Ranges: bytes\r\n",
         {NULL},
         NULL,
         {{"vary", "Accept-Encoding"}, {"etag", "\"a\""}, {"content-length", "6000"}, {"accept-ranges", "bytes"}}},
        {"what does not vary by it",
         "",
         "Content-Type: image/png\r\nETag: \"a\"\r\n",
         {GZIP},
         NULL,
         {{"vary", NULL}, {"etag", "\"a\""}, {"content-length", "6000"}}},
        {"a weak tag stays", "", PAGE "ETag: W/\"a\"\r\n", {GZIP}, "gzip", {{"etag", "W/\"a\""}}},
        {"another Vary stays", "", PAGE "Vary: Cookie\r\n", {GZIP}, "gzip", {{"vary", "Cookie, Accept-Encoding"}}},
        {"the service says no", "", PAGE "Cache-Control: max-age=1, no-transform\r\n", {GZIP}, NULL, {{"vary", NULL}}},
        {"the client says no", "", PAGE, {GZIP, "Cache-Control: no-transform"}, NULL, {{"vary", NULL}}},
        {"too small", "min_size: 6001", PAGE, {GZIP}, NULL, {{"vary", "Accept-Encoding"}}},
        {"just not", "min_size: 6000", PAGE, {GZIP}, "gzip", {{NULL, NULL}}},
        {"another type, wanted", "types: image/*", "Content-Type: image/png\r\n", {GZIP}, "gzip", {{NULL, NULL}}},
    };
    page_t page = {.status = "200 OK", .len = BODY_LEN, .sent = BODY_LEN};
    origin_t *origin = origin_start(serve_page, &page);
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gateway_t *gateway =
            gateway_start(CONF_LISTEN SERVICE ROUTE("{ compress: { %s } }"), origin->port, cases[i].options);
        page.fields = cases[i].upstream;
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .headers = cases[i].headers});
            assert_int_equal(reply.status, 200);
            expect_body(cases[i].about, t, &reply, cases[i].coding, BODY_LEN);
            expect_fields(cases[i].about, t, &reply, cases[i].fields);
            reply_free(&reply);
        }
        gateway_stop(gateway);
    }
    origin_stop(origin);
}

static void what_a_service_has_compressed_and_parts_stay_as_they_are(void **state)
{
    static const struct {
        const char *about, *status, *fields, *vary;
    } cases[] = {
        {"compressed", "200 OK", PAGE "Content-Encoding: zstd\r\nETag: \"a\"\r\n", "Accept-Encoding"},
        {"a part", "206 Partial Content", PAGE "Content-Range: bytes 0-5999/9000\r\nETag: \"a\"\r\n",
         "Accept-Encoding"},
    };
    page_t page = {.len = BODY_LEN, .sent = BODY_LEN};
    origin_t *origin = origin_start(serve_page, &page);
    gateway_t *gateway = gateway_start(CONF_LISTEN SERVICE ROUTE("{ compress: {} }"), origin->port);
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            page.status = cases[i].status;
            page.fields = cases[i].fields;
            reply_t reply = fetch(gateway, t, &(request_t){.headers = (const char *[]){GZIP, NULL}, .path = "/"});
            assert_int_equal(reply.body_len, BODY_LEN);
            assert_memory_equal(reply.body, body, BODY_LEN);
            expect_fields(cases[i].about, t, &reply,
                          (expected_t[MOST_FIELDS]){{"etag", "\"a\""}, {"vary", cases[i].vary}});
            reply_free(&reply);
        }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void head_says_what_get_would(void **state)
{
    page_t page = {"200 OK", PAGE "ETag: \"a\"\r\n", BODY_LEN, BODY_LEN};
    origin_t *origin = origin_start(serve_page, &page);
    gateway_t *gateway = gateway_start(CONF_LISTEN SERVICE ROUTE("{ compress: {} }"), origin->port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch(gateway, t, &(request_t){"HEAD", .path = "/", .headers = (const char *[]){GZIP, NULL}});
        assert_int_equal(reply.status, 200);
        assert_int_equal(reply.body_len, 0);
        expect_fields("HEAD", t, &reply,
                      (expected_t[MOST_FIELDS]){{"content-encoding", "gzip"},
                                                {"etag", "W/\"a\""},
                                                {"content-length", NULL},
                                                {"vary", "Accept-Encoding"}});
        reply_free(&reply);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

/** Compares tags weakly, as RFC 9110 13.1.2 says. */
static void serve_conditionally(origin_t *origin, int fd, size_t index)
{
    char *request;
    while ((request = origin_read_request(origin, fd)) != NULL) {
        bool is_known = strstr(request, "\"a\"") != NULL;
        free(request);
        if (!origin_write(fd, is_known ? "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n"
                                       : "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 2\r\n\r\nok"))
            return;
    }
}

static void a_client_finds_its_own_tag_again(void **state)
{
    static const struct {
        const char *header;
        int status;
        expected_t fields[MOST_FIELDS];
    } cases[] = {
        {"If-None-Match: W/\"a\"", 304, {{"etag", "W/\"a\""}, {"vary", "Accept-Encoding"}}},
        {"If-None-Match: \"b\", W/\"a\"", 304, {{"etag", "W/\"a\""}, {"vary", "Accept-Encoding"}}},
        {"If-None-Match: \"a\"", 304, {{"etag", "\"a\""}, {"vary", NULL}}},
        {"If-None-Match: W/\"a\", \"a\"", 304, {{"etag", "\"a\""}, {"vary", NULL}}},
        {"If-None-Match: W/\"b\"", 200, {{"etag", "\"a\""}}},
    };
    origin_t *origin = origin_start(serve_conditionally, NULL);
    gateway_t *gateway = gateway_start(CONF_LISTEN SERVICE ROUTE("{ compress: {} }"), origin->port);
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply =
                fetch(gateway, t, &(request_t){.path = "/", .headers = (const char *[]){GZIP, cases[i].header, NULL}});
            assert_int_equal(reply.status, cases[i].status);
            expect_fields(cases[i].header, t, &reply, cases[i].fields);
            reply_free(&reply);
        }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_body_that_breaks_off_is_not_made_complete(void **state)
{
    page_t page = {"200 OK", PAGE, BODY_LEN, BODY_LEN / 2};
    origin_t *origin = origin_start(serve_page, &page);
    gateway_t *gateway = gateway_start(CONF_LISTEN SERVICE ROUTE("{ compress: {} }"), origin->port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .headers = (const char *[]){GZIP, NULL}});
        assert_int_not_equal(reply.error, 0);
        reply_free(&reply);
    }
    free(process_wait_for(gateway->process, "\"reason\":\"upstream_truncated\"", NUM_TRANSPORTS));
    gateway_stop(gateway);
    origin_stop(origin);
}

/* streams ---------------------------------------------------------------------------------------------------------- */

/** Events of a connection: the next one is sent when it is asked for. */
typedef struct events {
    atomic_size_t num_wanted;
    size_t num; /* after which the response ends */
} events_t;

static void serve_events(origin_t *origin, int fd, size_t index)
{
    events_t *events = origin->arg;
    free(origin_read_request(origin, fd));
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 1; i <= events->num; ++i) {
        char chunk[64];
        origin_wait(&events->num_wanted, i);
        snprintf(chunk, sizeof(chunk), "f\r\nid:%04zu\ndata:\n\n\r\n", i);
        if (!origin_write(fd, chunk))
            return;
    }
    origin_write(fd, "0\r\n\r\n");
}

/** A curl that shows what it decodes as it comes. */
static process_t *watch(const gateway_t *gateway, transport_t transport)
{
    char url[64];
    const char *version = transport == OVER_HTTP2 ? "--http2" : "--http1.1";
    snprintf(url, sizeof(url), "%s://127.0.0.1:%d/", transport == OVER_HTTP1 ? "http" : "https",
             gateway->ports[transport == OVER_HTTP1 ? 0 : 1]);
    return process_start((const char *[]){"/usr/bin/env", "curl", "-q", "-s", "-N", "-k", "-i", "--compressed",
                                          "--noproxy", "*", version, url, NULL});
}

static void an_event_comes_when_it_happens(void **state)
{
    static const char *const codings[] = {"gzip", "br"};
    for (size_t c = 0; c != 2; ++c)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            events_t events = {.num = 3};
            origin_t *origin = origin_start(serve_events, &events);
            gateway_t *gateway =
                gateway_start(CONF_LISTEN SERVICE ROUTE("{ compress: { codings: %s } }"), origin->port, codings[c]);
            process_t *curl = watch(gateway, t);
            for (size_t i = 1; i <= events.num; ++i) {
                char id[16];
                atomic_store(&events.num_wanted, i);
                snprintf(id, sizeof(id), "id:%04zu", i);
                free(process_wait_for(curl, id, 1));
            }
            char *log = process_log(curl), line[64];
            snprintf(line, sizeof(line), "content-encoding: %s\r\n", codings[c]);
            assert_non_null(strstr(log, line));
            free(log);
            assert_int_equal(process_end(curl), 0);
            gateway_stop(gateway);
            origin_stop(origin);
        }
}

static void more_at_a_time_than_is_allowed_go_out_as_they_are(void **state)
{
    events_t events = {.num = 2};
    origin_t *origin = origin_start(serve_events, &events);
    gateway_t *gateway = gateway_start(CONF_LISTEN SERVICE ROUTE("{ compress: { max_concurrent: 1 } }"), origin->port);
    process_t *first = watch(gateway, OVER_HTTP2);
    atomic_store(&events.num_wanted, 1);
    free(process_wait_for(first, "id:0001", 1));
    process_t *second = watch(gateway, OVER_TLS);
    free(process_wait_for(second, "id:0001", 1));
    char *log = process_log(second);
    assert_null(strstr(log, "content-encoding"));
    assert_non_null(strstr(log, "Accept-Encoding\r\n")); /* Vary, all the same */
    free(log);
    atomic_store(&events.num_wanted, 2);
    assert_int_equal(process_end(first), 0);
    assert_int_equal(process_end(second), 0);
    free(process_wait_for(gateway->process, "\"verdict\":\"passed_on\",\"reason\":\"busy\"", 1));
    process_t *third = watch(gateway, OVER_HTTP1);
    free(process_wait_for(third, "content-encoding: br\r\n", 1));
    assert_int_equal(process_end(third), 0);
    gateway_stop(gateway);
    origin_stop(origin);
}

/* large bodies ----------------------------------------------------------------------------------------------------- */

enum { LARGE_LEN = 3 << 20 };

/** Text in which nothing far away comes again: as much of it is left as brotli and gzip leave of real text. */
static char *large_body(void)
{
    char *text = malloc(LARGE_LEN + 1);
    unsigned seed = 7;
    for (size_t i = 0; i != LARGE_LEN; ++i)
        text[i] = (char)('a' + rand_r(&seed) % 8);
    text[LARGE_LEN] = '\0';
    return text;
}

/** Its end is that of the connection. */
static void serve_large(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
    origin_write(fd, origin->arg);
}

static void a_large_body_arrives_whole(void **state)
{
    char *text = large_body();
    origin_t *origin = origin_start(serve_large, text);
    gateway_t *gateway = gateway_start(CONF_LISTEN SERVICE ROUTE("{ compress: {} }"), origin->port);
    static const char *const codings[] = {"gzip", "br"};
    for (size_t c = 0; c != 2; ++c)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            char accept[32];
            size_t len;
            bool is_complete;
            snprintf(accept, sizeof(accept), "Accept-Encoding: %s", codings[c]);
            reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .headers = (const char *[]){accept, NULL}});
            assert_int_equal(reply.error, 0);
            assert_in_range(reply.body_len, LARGE_LEN / 4, LARGE_LEN / 2);
            char *decoded = decode(codings[c], reply.body, reply.body_len, &len, &is_complete);
            assert_non_null(decoded);
            assert_true(is_complete);
            assert_int_equal(len, LARGE_LEN);
            assert_memory_equal(decoded, text, LARGE_LEN);
            free(decoded);
            reply_free(&reply);
        }
    gateway_stop(gateway);
    origin_stop(origin);
    free(text);
}

/** Bytes of chance, until nobody takes them: num_wanted is their number then. */
static void serve_until_it_stalls(origin_t *origin, int fd, size_t index)
{
    enum { CHUNK = 8192, MOST = 64 << 20, PATIENCE_MS = 500 };
    static char chunk[CHUNK];
    events_t *events = origin->arg;
    size_t sent = 0;
    unsigned seed = 1;
    free(origin_read_request(origin, fd));
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
    while (sent < MOST && poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, PATIENCE_MS) == 1) {
        for (size_t i = 0; i != CHUNK; ++i)
            chunk[i] = (char)rand_r(&seed);
        ssize_t num = send(fd, chunk, CHUNK, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (num <= 0)
            break;
        sent += (size_t)num;
    }
    events->num = sent;
    atomic_store(&events->num_wanted, 1);
}

static void a_client_that_does_not_read_holds_the_service_back(void **state)
{
    enum { MOST_KIB = 16 << 10 };
    events_t events = {.num = 0};
    origin_t *origin = origin_start(serve_until_it_stalls, &events);
    gateway_t *gateway = gateway_start(CONF_LISTEN SERVICE ROUTE("{ compress: {} }"), origin->port);
    size_t rss_before = process_rss_kib(gateway->process);
    int fd = raw_connect_with_buffer(gateway->ports[0], 4096);
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n";
    raw_write(fd, request, sizeof(request) - 1);
    origin_wait(&events.num_wanted, 1);
    assert_in_range(events.num, 1, MOST_KIB << 10);
    assert_in_range(process_rss_kib(gateway->process), 1, rss_before + MOST_KIB);
    close(fd);
    gateway_stop(gateway);
    origin_stop(origin);
}

enum { NUM_SCHEMES = 2 }; /* http and https: other URLs, which the cache keeps apart */

/* with the cache --------------------------------------------------------------------------------------------------- */

static void behind_the_cache_each_coding_is_a_variant(void **state)
{
    static const char *const accepts[3][3] = {
        {"Accept-Encoding: gzip", "Accept-Encoding: gzip, deflate", "Accept-Encoding: br;q=0, *"},
        {"Accept-Encoding: br", "Accept-Encoding: gzip, deflate, br, zstd", "Accept-Encoding: gzip;q=0.8, br;q=0.9"},
        {"Accept-Encoding: identity", "Accept-Encoding: zstd", "Accept: */*"}};
    static const char *const codings[] = {"gzip", "br", NULL};
    page_t page = {"200 OK", PAGE "ETag: \"a\"\r\nCache-Control: max-age=600\r\n", BODY_LEN, BODY_LEN};
    origin_t *origin = origin_start(serve_page, &page);
    gateway_t *gateway = gateway_start(CONF_LISTEN SERVICE ROUTE("{ cache: {} }, { compress: {} }"), origin->port);
    for (unsigned round = 0; round != 3; ++round)
        for (size_t i = 0; i != 3; ++i)
            for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
                const char *headers[] = {accepts[i][round], NULL};
                reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .headers = headers});
                assert_int_equal(reply.status, 200);
                expect_body(accepts[i][round], t, &reply, codings[i], BODY_LEN);
                reply_free(&reply);
                if (codings[i] == NULL)
                    continue;
                reply =
                    fetch(gateway, t,
                          &(request_t){.path = "/",
                                       .headers = (const char *[]){accepts[i][round], "If-None-Match: W/\"a\"", NULL}});
                assert_int_equal(reply.status, 304);
                reply_free(&reply);
            }
    assert_int_equal(atomic_load(&origin->num_requests), 3 * NUM_SCHEMES);
    /* whoever had it fetched has in their line of the log what was decided on the way */
    free(process_wait_for(gateway->process, "{\"filter\":\"compress\",\"verdict\":\"compressed\"", 1));
    gateway_stop(gateway);
    origin_stop(origin);
}

/** What is stored has to be asked for each time; 304 with the strong tag when the weak one is known. */
static void serve_to_be_validated(origin_t *origin, int fd, size_t index)
{
    char *request;
    while ((request = origin_read_request(origin, fd)) != NULL) {
        char *answer;
        bool is_known = strstr(request, "W/\"a\"") != NULL;
        assert_true(asprintf(&answer, "HTTP/1.1 %s\r\n" PAGE "ETag: \"a\"\r\nCache-Control: no-cache\r\n%s%s",
                             is_known ? "304 Not Modified" : "200 OK",
                             is_known ? "\r\n" : "Content-Length: 6000\r\n\r\n", is_known ? "" : body) > 0);
        bool is_written = origin_write(fd, answer);
        free(answer);
        free(request);
        if (!is_written)
            return;
    }
}

static void what_is_stored_compressed_is_validated(void **state)
{
    origin_t *origin = origin_start(serve_to_be_validated, NULL);
    gateway_t *gateway = gateway_start(CONF_LISTEN SERVICE ROUTE("{ cache: {} }, { compress: {} }"), origin->port);
    for (size_t i = 1; i <= 3; ++i) {
        reply_t reply = fetch(gateway, OVER_HTTP1, &(request_t){.path = "/", .headers = (const char *[]){GZIP, NULL}});
        assert_int_equal(reply.status, 200);
        expect_body("validated", OVER_HTTP1, &reply, "gzip", BODY_LEN);
        expect_fields("validated", OVER_HTTP1, &reply,
                      (expected_t[MOST_FIELDS]){{"etag", "W/\"a\""}, {"vary", "Accept-Encoding"}});
        reply_free(&reply);
        assert_int_equal(atomic_load(&origin->num_requests), i);
    }
    free(process_wait_for(gateway->process, "\"upstream_status\":304", 2));
    gateway_stop(gateway);
    origin_stop(origin);
}

static void in_front_of_the_cache_each_client_gets_its_own_coding(void **state)
{
    static const char *const accepts[] = {"Accept-Encoding: gzip", "Accept-Encoding: br", "Accept-Encoding: identity"};
    static const char *const codings[] = {"gzip", "br", NULL};
    page_t page = {"200 OK", PAGE "Cache-Control: max-age=600\r\n", BODY_LEN, BODY_LEN};
    origin_t *origin = origin_start(serve_page, &page);
    gateway_t *gateway = gateway_start(CONF_LISTEN SERVICE ROUTE("{ compress: {} }, { cache: {} }"), origin->port);
    for (size_t i = 0; i != 3; ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .headers = (const char *[]){accepts[i], NULL}});
            assert_int_equal(reply.status, 200);
            expect_body(accepts[i], t, &reply, codings[i], BODY_LEN);
            reply_free(&reply);
        }
    assert_int_equal(atomic_load(&origin->num_requests), NUM_SCHEMES);
    gateway_stop(gateway);
    origin_stop(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_what_is_compressed),
        cmocka_unit_test(what_a_service_has_compressed_and_parts_stay_as_they_are),
        cmocka_unit_test(head_says_what_get_would),
        cmocka_unit_test(a_client_finds_its_own_tag_again),
        cmocka_unit_test(a_body_that_breaks_off_is_not_made_complete),
        cmocka_unit_test(an_event_comes_when_it_happens),
        cmocka_unit_test(more_at_a_time_than_is_allowed_go_out_as_they_are),
        cmocka_unit_test(a_large_body_arrives_whole),
        cmocka_unit_test(a_client_that_does_not_read_holds_the_service_back),
        cmocka_unit_test(behind_the_cache_each_coding_is_a_variant),
        cmocka_unit_test(what_is_stored_compressed_is_validated),
        cmocka_unit_test(in_front_of_the_cache_each_client_gets_its_own_coding),
    };
    return cmocka_run_group_tests(tests, make_body, NULL);
}
