/* SPDX-License-Identifier: MIT
 * Interim responses of a service (RFC 9110 15.2) on their way to the client: who gets them, how many and how large,
 * when tries follow each other, out of the cache, and when one of both sides leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/fleet.h"

#define CONF_ORIGIN                                                                                                    \
    CONF_LISTEN "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"                                   \
                "routes: [ { path: /, service: origin } ]\n"

#define HINTS  "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
#define ANSWER "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 5\r\n\r\nfinal"

#define GET_1_1 "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

/** What a client that sends these bytes gets, up to the end of the answer. */
static char *talk(const gateway_t *gateway, const char *request)
{
    int fd = raw_connect(gateway->ports[0]);
    raw_write(fd, request, strlen(request));
    char *reply = raw_read(fd, "final", NULL);
    close(fd);
    return reply;
}

static void they_reach_whoever_can_understand_them(void **state)
{
    static const struct {
        const char *about, *origin, *request, *reply;
    } cases[] = {
        {"103, then the answer", HINTS ANSWER, GET_1_1, HINTS ANSWER},
        {"several, in their order", "HTTP/1.1 102 Wait\r\n\r\n" HINTS HINTS ANSWER, GET_1_1,
         "HTTP/1.1 102 Processing\r\n\r\n" HINTS HINTS ANSWER},
        {"100 is an answer to an Expect that the client did not send", "HTTP/1.1 100 Continue\r\n\r\n" HINTS ANSWER,
         GET_1_1, HINTS ANSWER},
        {"what is for one connection stays on it (RFC 9110 7.6.1)",
         "HTTP/1.1 103 Early Hints\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-end: "
         "2\r\n\r\n" ANSWER,
         GET_1_1, "HTTP/1.1 103 Early Hints\r\nX-end: 2\r\n\r\n" ANSWER},
        {"a length is that of no body", "HTTP/1.1 103 Early Hints\r\nContent-Length: 7\r\n\r\n" ANSWER, GET_1_1,
         "HTTP/1.1 103 Early Hints\r\n\r\n" ANSWER},
        {"HTTP/1.0 knows none (RFC 9110 15.2)", HINTS ANSWER, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
         "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"
         "final"},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        origin_t *origin = origin_start(origin_answer, (void *)cases[i].origin);
        gateway_t *gateway = gateway_start(CONF_ORIGIN, origin->port);
        char *reply = talk(gateway, cases[i].request), *expected = strdup(cases[i].reply), *answer;
        /* of the answer itself only that it is there: its fields are others' business */
        if ((answer = strstr(reply, "HTTP/1.1 200 OK\r\n")) != NULL)
            *answer = '\0';
        *strstr(expected, "HTTP/1.1 200 OK\r\n") = '\0';
        if (answer == NULL || strcmp(reply, expected) != 0)
            fail_msg("%s:\n%s", cases[i].about, reply);
        free(expected);
        free(reply);
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

static void over_every_transport_the_answer_is_the_final_one(void **state)
{
    origin_t *origin = origin_start(origin_answer, (char[]){HINTS ANSWER});
    gateway_t *gateway = gateway_start(CONF_ORIGIN, origin->port);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/");
        assert_int_equal(reply.error, 0);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body, "final");
        bool has_hints = strstr(reply.head, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n") != NULL;
        assert_true(has_hints == (t != OVER_HTTP2)); /* which libh2o cannot send there */
        if (!has_hints)
            assert_null(strstr(reply.head, "preload")); /* and they are no fields of the answer (RFC 8297 2) */
        reply_free(&reply);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void the_connection_goes_on_after_them(void **state)
{
    origin_t *origin = origin_start(origin_answer, (char[]){HINTS ANSWER});
    gateway_t *gateway = gateway_start(CONF_ORIGIN, origin->port);
    int fd = raw_connect(gateway->ports[0]);
    for (size_t i = 0; i != 3; ++i) {
        raw_write(fd, GET_1_1, sizeof(GET_1_1) - 1);
        char *reply = raw_read(fd, "final", NULL);
        assert_int_equal(strncmp(reply, HINTS "HTTP/1.1 200 OK\r\n", sizeof(HINTS "HTTP/1.1 200 OK\r\n") - 1), 0);
        free(reply);
    }
    close(fd);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void hint_before_the_body(origin_t *origin, int fd, size_t index)
{
    char head[1024];
    size_t len = 0;
    while (len != sizeof(head) - 1 && read(fd, head + len, 1) == 1) {
        head[++len] = '\0';
        if (len >= 4 && strcmp(head + len - 4, "\r\n\r\n") == 0)
            break;
    }
    origin_write(fd, HINTS);
    char body[3];
    if (read(fd, body, sizeof(body)) > 0)
        origin_write(fd, ANSWER);
    origin_wait_for_close(fd);
}

static void one_that_comes_with_100_continue_neither_loses_nor_splits_it(void **state)
{
    static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    origin_t *origin = origin_start(hint_before_the_body, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN, origin->port);
    int fd = raw_connect(gateway->ports[0]);
    raw_write(fd, head, sizeof(head) - 1);
    char *reply = raw_read(fd, "rel=preload\r\n\r\n", NULL);
    assert_non_null(strstr(reply, HINTS));
    if (strstr(reply, go_on) == NULL) { /* they may come in either order */
        free(reply);
        reply = raw_read(fd, go_on, NULL);
        assert_string_equal(reply, go_on);
    }
    free(reply);
    raw_write(fd, "abc", 3);
    reply = raw_read(fd, "final", NULL);
    assert_int_equal(strncmp(reply, "HTTP/1.1 200 OK\r\n", 17), 0);
    free(reply);
    close(fd);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_cache_passes_them_on_and_keeps_none(void **state)
{
    static const char hints[] = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nX-Hint: 1\r\n\r\n";
    origin_t *origin = origin_start(
        origin_answer, (char[]){"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nX-Hint: 1\r\n\r\n"
                                "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\n\r\nfinal"});
    gateway_t *gateway = gateway_start(CONF_LISTEN "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"
                                                   "routes: [ { path: /, service: origin, filters: [ cache: {} ] } ]\n",
                                       origin->port);
    char *reply = talk(gateway, GET_1_1), *answer = strstr(reply, "HTTP/1.1 200 OK\r\n");
    assert_int_equal(strncmp(reply, hints, sizeof(hints) - 1), 0);
    assert_non_null(answer);
    assert_null(strstr(answer, "X-Hint")); /* they are no part of the response (RFC 8297 2) */
    free(reply);
    reply = talk(gateway, GET_1_1);
    assert_int_equal(strncmp(reply, "HTTP/1.1 200 OK\r\n", 17), 0);
    assert_null(strstr(reply, "X-Hint"));
    free(reply);
    assert_int_equal(origin->num_requests, 1);
    gateway_stop(gateway);
    origin_stop(origin);
}

/* by a play -------------------------------------------------------------------------------------------------------- */

#define LENGTH_OF(array) (sizeof(array) / sizeof((array)[0]))
#define HINT             "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nX-Hint: 1\r\n\r\n"
#define FINAL            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfinal"

/** What it says to a request; the test changes it between requests. */
typedef struct play {
    _Atomic(const char *) before; /* as soon as the request is there */
    _Atomic(const char *) after;  /* when it may go on; NULL: it closes instead */
    atomic_size_t holds, go, num_before;
} play_t;

static void perform(origin_t *origin, int fd, size_t index)
{
    play_t *play = origin->arg;
    char *request;
    bool goes_on = true;
    while (goes_on && (request = origin_read_request(origin, fd)) != NULL) {
        free(request);
        goes_on = origin_write(fd, atomic_load(&play->before));
        atomic_fetch_add(&play->num_before, 1);
        if (atomic_load(&play->holds))
            origin_wait(&play->go, 1);
        const char *after = atomic_load(&play->after);
        goes_on = goes_on && after != NULL && origin_write(fd, after);
    }
}

static void set(play_t *play, const char *before, const char *after)
{
    atomic_store(&play->before, before);
    atomic_store(&play->after, after);
}

static gateway_t *plain_gateway(const origin_t *origin)
{
    return origin_gateway(origin->port, NOT_EJECTED "    retries: { attempts: 1 }\n");
}

/** @param head what the reply's must begin with: the interim responses, all of them; over HTTP/2 there is none
 *  @param status that must follow */
static void expect_head(const reply_t *reply, transport_t transport, const char *about, const char *head, int status)
{
    size_t len = transport == OVER_HTTP2 ? 0 : strlen(head);
    char line[32];
    snprintf(line, sizeof(line), "HTTP/%s %d", transport == OVER_HTTP2 ? "2" : "1.1", status);
    if (reply->status != status || strncmp(reply->head, head, len) != 0 ||
        strncmp(reply->head + len, line, strlen(line)) != 0 || strcasestr(reply->head + len, "x-hint") != NULL)
        fail_msg("%s, %s: %d (%s), expected '%s' and %d, got\n%s", about, transport_names[transport], reply->status,
                 curl_error(reply->error), head, status, reply->head);
}

/* bounds ----------------------------------------------------------------------------------------------------------- */

static void repeat(const char *text, size_t num, char *to)
{
    *to = '\0';
    for (size_t i = 0; i != num; ++i)
        to = stpcpy(to, text);
}

static char *large_hint(size_t size)
{
    static const char begin[] = "HTTP/1.1 103 Early Hints\r\nX-Hint: ", end[] = "\r\n\r\n";
    char *text = malloc(size + 1);
    memset(text, 'x', size);
    memcpy(text, begin, sizeof(begin) - 1);
    strcpy(text + size - (sizeof(end) - 1), end);
    return text;
}

static void they_are_bounded_in_number_and_size(void **state)
{
    enum { most = 16, most_bytes = 8192 };
    static char full[most * sizeof(HINT)], too_many[(most + 1) * sizeof(HINT)], mixed[4 * most_bytes];
    repeat(HINT, most, full);
    repeat(HINT, most + 1, too_many);
    char *large = large_hint(most_bytes), *too_large = large_hint(most_bytes + 1), *endless = large_hint(40000);
    snprintf(mixed, sizeof(mixed), "%s" HINT, too_large);
    const struct {
        const char *about, *sent, *got;
        int status;
    } cases[] = {
        {"as many as may be", full, full, 200},        {"as large as may be", large, large, 200},
        {"one that is too large", too_large, "", 200}, {"the next one is not", mixed, HINT, 200},
        {"larger than any head", endless, "", 502},
    };
    play_t play = {.before = ""};
    origin_t *origin = origin_start(perform, &play);
    gateway_t *gateway = plain_gateway(origin);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        for (size_t i = 0; i != LENGTH_OF(cases); ++i) {
            set(&play, cases[i].sent, FINAL);
            reply_t reply = fetch_path(gateway, t, "/");
            expect_head(&reply, t, cases[i].about, cases[i].got, cases[i].status);
            reply_free(&reply);
        }
        set(&play, too_many, FINAL);
        reply_t reply = fetch_path(gateway, t, "/");
        expect_head(&reply, t, "one too many", full, 502);
        assert_non_null(strstr(reply.body, "upstream_malformed"));
        reply_free(&reply);
    }
    free(large);
    free(too_large);
    free(endless);
    gateway_stop(gateway);
    origin_stop(origin);
}

/** More than one such response at a time waits only as far as there is room; the response comes all the same. */
static void a_burst_of_large_ones_does_not_pile_up(void **state)
{
    static char burst[16 * 8192 + 1];
    char *large = large_hint(8192);
    repeat(large, 16, burst);
    play_t play = {.before = burst, .after = FINAL};
    origin_t *origin = origin_start(perform, &play);
    gateway_t *gateway = plain_gateway(origin);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/");
        size_t num = 0;
        const char *at = reply.head;
        while (strncmp(at, large, 8192) == 0) {
            at += 8192;
            ++num;
        }
        assert_in_range(num, t != OVER_HTTP2, 16);
        assert_int_equal(strncmp(at, t == OVER_HTTP2 ? "HTTP/2 200" : "HTTP/1.1 200", 10), 0);
        assert_string_equal(reply.body, "final");
        reply_free(&reply);
    }
    free(large);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void they_come_while_the_response_is_still_awaited(void **state)
{
    play_t play = {.before = HINT, .after = FINAL, .holds = 1};
    origin_t *origin = origin_start(perform, &play);
    gateway_t *gateway = plain_gateway(origin);
    int fd = raw_connect(gateway->ports[0]);
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    raw_write(fd, request, sizeof(request) - 1);
    char *reply = raw_read(fd, "\r\n\r\n", NULL);
    assert_string_equal(reply, HINT);
    free(reply);
    atomic_store(&play.go, 1);
    reply = raw_read(fd, "final", NULL);
    assert_int_equal(strncmp(reply, "HTTP/1.1 200 OK\r\n", 17), 0);
    assert_null(strstr(reply, "X-Hint"));
    free(reply);
    close(fd);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void the_time_for_the_response_goes_on(void **state)
{
    play_t play = {.before = HINT, .after = FINAL, .holds = 1};
    origin_t *origin = origin_start(perform, &play);
    gateway_t *gateway =
        origin_gateway(origin->port, NOT_EJECTED "    retries: { attempts: 1 }\n    timeouts: { response: 200ms }\n");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/");
        expect_head(&reply, t, "a response that does not come", HINT, 504);
        reply_free(&reply);
    }
    atomic_store(&play.go, 1);
    gateway_stop(gateway);
    origin_stop(origin);
}

/* tries ------------------------------------------------------------------------------------------------------------ */

#define OTHER "HTTP/1.1 103 Early Hints\r\nLink: </other>\r\n\r\n"

static void those_of_a_try_stay_true_when_another_one_follows(void **state)
{
    static const struct {
        const char *about, *first;
    } cases[] = {
        {"an answer that is given away", "HTTP/1.1 503 Not Now\r\nContent-Length: 0\r\n\r\n"},
        {"none at all", NULL},
    };
    for (size_t i = 0; i != LENGTH_OF(cases); ++i) {
        play_t first = {.before = HINT, .after = cases[i].first}, second = {.before = OTHER, .after = FINAL};
        origin_t *bad = origin_start(perform, &first), *good = origin_start(perform, &second);
        gateway_t *gateway = pair_gateway(
            bad->port, good->port, NOT_EJECTED "    retries: { attempts: 2, on: [ reset, 503 ], backoff: 1ms }\n");
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = fetch_path(gateway, t, "/");
            expect_head(&reply, t, cases[i].about, HINT OTHER, 200);
            reply_free(&reply);
        }
        gateway_stop(gateway);
        origin_stop(bad);
        origin_stop(good);
    }
}

static void of_two_tries_at_a_time_one_is_heard(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        play_t first = {.before = HINT, .after = FINAL, .holds = 1}, second = {.before = OTHER OTHER, .after = FINAL};
        origin_t *slow = origin_start(perform, &first), *good = origin_start(perform, &second);
        gateway_t *gateway = pair_gateway(
            slow->port, good->port,
            NOT_EJECTED "    timeouts: { response: 10m }\n    retries: { attempts: 2, hedge_after: 1s }\n");
        reply_t reply = fetch_path(gateway, t, "/");
        expect_head(&reply, t, "hedged", HINT, 200);
        assert_int_equal(atomic_load(&good->num_requests), 1);
        reply_free(&reply);
        atomic_store(&first.go, 1);
        gateway_stop(gateway);
        origin_stop(slow);
        origin_stop(good);
    }
}

/* ends ------------------------------------------------------------------------------------------------------------- */

static void a_service_that_breaks_off_after_one_is_answered_for(void **state)
{
    static const char *const before[] = {HINT, HINT "HTTP/1.1 103 Early Hin", HINT "junk\r\n\r\n",
                                         HINT "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"};
    play_t play = {.before = ""};
    origin_t *origin = origin_start(perform, &play);
    gateway_t *gateway = plain_gateway(origin);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        client_t *client = client_create(gateway, t);
        for (size_t i = 0; i != LENGTH_OF(before); ++i) {
            set(&play, before[i], NULL);
            reply_t reply = client_send(client, &(request_t){.path = "/"});
            expect_head(&reply, t, before[i], HINT, 502);
            assert_int_equal(reply.num_connects, i == 0);
            reply_free(&reply);
        }
        client_free(client);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_client_that_leaves_ends_the_request(void **state)
{
    play_t play = {.before = HINT, .after = FINAL, .holds = 1};
    origin_t *origin = origin_start(perform, &play);
    gateway_t *gateway = plain_gateway(origin);
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (size_t i = 0; i != 20; ++i) {
        int fd = raw_connect(gateway->ports[0]);
        raw_write(fd, request, sizeof(request) - 1);
        if (i % 2 == 0)
            free(raw_read(fd, "\r\n\r\n", NULL));
        else
            origin_wait(&play.num_before, i + 1);
        close(fd);
    }
    free(process_wait_for(gateway->process, "\"client_closed\"", 20));
    atomic_store(&play.go, 1);
    origin_wait(&origin->num_closed, 20);
    reply_t reply = fetch_path(gateway, OVER_HTTP1, "/");
    expect_head(&reply, OVER_HTTP1, "the next one", HINT, 200);
    reply_free(&reply);
    gateway_stop(gateway);
    origin_stop(origin);
}

/* the cache -------------------------------------------------------------------------------------------------------- */

#define STORED(fields, body) "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nCache-Control: " fields "\r\n\r\n" body

static gateway_t *caching_gateway(const origin_t *origin)
{
    return gateway_start(CONF_LISTEN
                         "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ], retries: { attempts: 1 }, "
                         "ejection: { consecutive_failures: 0 } } }\n"
                         "routes: [ { path: /, service: origin, filters: [ { cache: { capacity: 16MiB } } ] } ]\n",
                         origin->port);
}

static void those_of_a_fill_are_for_its_first_client_and_are_not_stored(void **state)
{
    static const struct {
        const char *about, *after, *first, *second, *status; /* status: of the second one, in Cache-Status */
    } cases[] = {
        {"RFC 9111 3: stored", STORED("max-age=60", "final"), HINT, "", "; hit"},
        {"RFC 9111 4.3: confirmed", STORED("max-age=0\r\nETag: \"a\"", "final"), HINT, HINT, "; fwd=stale"},
        {"RFC 5861 3: refreshed behind the client's back", STORED("max-age=0, stale-while-revalidate=60", "final"),
         HINT, "", "; hit"},
        {"RFC 9111 3: not stored", STORED("no-store", "final"), HINT, HINT, "; fwd=uri-miss"},
    };
    play_t play = {.before = HINT};
    origin_t *origin = origin_start(perform, &play);
    gateway_t *gateway = caching_gateway(origin);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        for (size_t i = 0; i != LENGTH_OF(cases); ++i) {
            char path[32];
            snprintf(path, sizeof(path), "/%d/%zu", (int)t, i);
            set(&play, HINT, cases[i].after);
            reply_t reply = fetch_path(gateway, t, path);
            expect_head(&reply, t, cases[i].about, cases[i].first, 200);
            assert_string_equal(reply.body, "final");
            reply_free(&reply);
            if (strstr(cases[i].after, "ETag") != NULL)
                set(&play, HINT, "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nCache-Control: max-age=0\r\n\r\n");
            reply = fetch_path(gateway, t, path);
            expect_head(&reply, t, cases[i].about, cases[i].second, 200);
            assert_string_equal(reply.body, "final");
            if (strstr(reply.head, cases[i].status) == NULL)
                fail_msg("%s: no '%s' in\n%s", cases[i].about, cases[i].status, reply.head);
            reply_free(&reply);
        }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void who_shares_the_answer_of_another_gets_none(void **state)
{
    play_t play = {.before = HINT, .after = STORED("max-age=60", "final"), .holds = 1};
    origin_t *origin = origin_start(perform, &play);
    gateway_t *gateway = caching_gateway(origin);
    int first = raw_connect(gateway->ports[0]), second = raw_connect(gateway->ports[0]);
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    raw_write(first, request, sizeof(request) - 1);
    char *reply = raw_read(first, "\r\n\r\n", NULL);
    assert_string_equal(reply, HINT);
    free(reply);
    raw_write(second, request, sizeof(request) - 1);
    atomic_store(&play.go, 1);
    reply = raw_read(first, "final", NULL);
    assert_int_equal(strncmp(reply, "HTTP/1.1 200 OK\r\n", 17), 0);
    free(reply);
    reply = raw_read(second, "final", NULL);
    assert_int_equal(strncmp(reply, "HTTP/1.1 200 OK\r\n", 17), 0);
    free(reply);
    assert_int_equal(atomic_load(&origin->num_requests), 1);
    close(first);
    close(second);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_fill_goes_on_when_its_first_client_left_after_one(void **state)
{
    play_t play = {.before = HINT, .after = HINT HINT STORED("max-age=60", "final"), .holds = 1};
    origin_t *origin = origin_start(perform, &play);
    gateway_t *gateway = caching_gateway(origin);
    int fd = raw_connect(gateway->ports[0]);
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    raw_write(fd, request, sizeof(request) - 1);
    free(raw_read(fd, "\r\n\r\n", NULL));
    close(fd);
    free(process_wait_for(gateway->process, "\"client_closed\"", 1));
    atomic_store(&play.go, 1);
    fd = raw_connect(gateway->ports[0]);
    raw_write(fd, request, sizeof(request) - 1);
    char *reply = raw_read(fd, "final", NULL);
    assert_int_equal(strncmp(reply, "HTTP/1.1 200 OK\r\n", 17), 0);
    free(reply);
    close(fd);
    assert_int_equal(atomic_load(&origin->num_requests), 1);
    gateway_stop(gateway);
    origin_stop(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_reach_whoever_can_understand_them),
        cmocka_unit_test(over_every_transport_the_answer_is_the_final_one),
        cmocka_unit_test(the_connection_goes_on_after_them),
        cmocka_unit_test(a_cache_passes_them_on_and_keeps_none),
        cmocka_unit_test(one_that_comes_with_100_continue_neither_loses_nor_splits_it),
        cmocka_unit_test(they_are_bounded_in_number_and_size),
        cmocka_unit_test(a_burst_of_large_ones_does_not_pile_up),
        cmocka_unit_test(they_come_while_the_response_is_still_awaited),
        cmocka_unit_test(the_time_for_the_response_goes_on),
        cmocka_unit_test(those_of_a_try_stay_true_when_another_one_follows),
        cmocka_unit_test(of_two_tries_at_a_time_one_is_heard),
        cmocka_unit_test(a_service_that_breaks_off_after_one_is_answered_for),
        cmocka_unit_test(a_client_that_leaves_ends_the_request),
        cmocka_unit_test(those_of_a_fill_are_for_its_first_client_and_are_not_stored),
        cmocka_unit_test(who_shares_the_answer_of_another_gets_none),
        cmocka_unit_test(a_fill_goes_on_when_its_first_client_left_after_one),
    };
    return cmocka_run_group_tests_name("interim", tests, NULL, NULL);
}
