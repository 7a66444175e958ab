/* SPDX-License-Identifier: MIT
 * What unsafe requests and cache groups take out of the cache (RFC 9111 4.4, RFC 9875). */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "tests/support/plays.h"

#define NUM(array) (sizeof(array) / sizeof((array)[0]))
#define FRESH      "Cache-Control: max-age=60"
#define HIT(body)  "200\nCache-Status: sluice; hit; ttl=*\n\n" body
#define NEW        "200\n" FRESH "\n\nnew"
#define IS_NEW     "200\nCache-Status: sluice; fwd=uri-miss; fwd-status=200; stored; ttl=~60\n\nnew"

#define FILL(path)                                                                                                     \
    {                                                                                                                  \
        "GET $" path, "200\n" FRESH "\n\nold", "200\nCache-Status: *; stored; ttl=~60\n\nold"                          \
    }
#define IS_GONE(path)                                                                                                  \
    {                                                                                                                  \
        "GET $" path, NEW, IS_NEW                                                                                      \
    }
#define IS_THERE(path)                                                                                                 \
    {                                                                                                                  \
        "GET $" path, NULL, HIT("old")                                                                                 \
    }
/** One request, after which what was stored of /a is gone. */
#define TAKES(about, request, answer, reply)                                                                           \
    {                                                                                                                  \
        about, NULL,                                                                                                   \
        {                                                                                                              \
            FILL("/a"), FILL("/b"), {request, answer, reply}, IS_GONE("/a"), IS_THERE("/b"),                           \
            {                                                                                                          \
                "GET $/a", NULL, HIT("new")                                                                            \
            }                                                                                                          \
        }                                                                                                              \
    }
#define LEAVES(about, request, answer, reply)                                                                          \
    {                                                                                                                  \
        about, NULL,                                                                                                   \
        {                                                                                                              \
            FILL("/a"), {request, answer, reply}, IS_THERE("/a")                                                       \
        }                                                                                                              \
    }
#define DONE "200\nCache-Status: sluice; fwd=method; fwd-status=200\n\ndone"

static void an_unsafe_request_takes_what_is_stored_of_its_url(void **state)
{
    static const play_t plays[] = {
        TAKES("POST", "POST $/a\n\nx", "200\n\ndone", DONE),
        TAKES("PUT", "PUT $/a\n\nx", "200\n\ndone", DONE),
        TAKES("DELETE", "DELETE $/a", "200\n\ndone", DONE),
        TAKES("PATCH", "PATCH $/a\n\nx", "200\n\ndone", DONE),
        TAKES("a method that nobody knows", "FROBNICATE $/a", "200\n\ndone", DONE),
        TAKES("without a body", "DELETE $/a", "204", "204\nCache-Status: sluice; fwd=method; fwd-status=204\n\n"),
        TAKES("created", "POST $/a\n\nx", "201\n\ndone", "201\n\ndone"),
        TAKES("found elsewhere", "POST $/a\n\nx", "303\nLocation: /elsewhere\n\n", "303\n\n"),
        TAKES("moved", "POST $/a\n\nx", "308\nLocation: /elsewhere\n\n", "308\n\n"),
        LEAVES("400", "POST $/a\n\nx", "400\n\nno", "400\n\nno"),
        LEAVES("404", "DELETE $/a", "404\n\nno", "404\n\nno"),
        LEAVES("500", "POST $/a\n\nx", "500\n\nno", "500\n\nno"),
        LEAVES("the gateway's own 502", "POST $/a\n\nx", "gone", "502\nCache-Status: sluice; fwd=method"),
        LEAVES("OPTIONS is safe", "OPTIONS $/a", "200\n\ndone", DONE),
        LEAVES("another URL", "POST $/b\n\nx", "200\n\ndone", DONE),
        LEAVES("another host", "POST $/a\nHost: other.example\n\nx", "200\n\ndone", DONE),
        LEAVES("another query", "POST $/a?x\n\nx", "200\n\ndone", DONE),
        {"the answer of an unsafe request is not stored",
         NULL,
         {{"POST $/a\n\nx", "200\n" FRESH "\n\ndone", DONE}, IS_GONE("/a")}},
        {"all variants",
         NULL,
         {{"GET $/a\nX-A: 1", "200\n" FRESH "\nVary: X-A\n\none", "200\n\none"},
          {"GET $/a\nX-A: 2", "200\n" FRESH "\nVary: X-A\n\ntwo", "200\n\ntwo"},
          {"POST $/a\nX-A: 3\n\nx", "200\n\ndone", DONE},
          {"GET $/a\nX-A: 1", NEW, "200\n\nnew"}}},
        {"the other variant, too",
         NULL,
         {{"GET $/a\nX-A: 1", "200\n" FRESH "\nVary: X-A\n\none", "200\n\none"},
          {"GET $/a\nX-A: 2", "200\n" FRESH "\nVary: X-A\n\ntwo", "200\n\ntwo"},
          {"POST $/a\nX-A: 3\n\nx", "200\n\ndone", DONE},
          {"GET $/a\nX-A: 2", NEW, "200\n\nnew"}}},
        {"parts of it",
         NULL,
         {{"GET $/a\nRange: bytes=0-1", "206\nContent-Range: bytes 0-1/3\n" FRESH "\n\nol", "206\n\nol"},
          {"POST $/a\n\nx", "200\n\ndone", DONE},
          {"GET $/a\nRange: bytes=0-1", "206\nContent-Range: bytes 0-1/3\n" FRESH "\n\nne", "206\n\nne"}}},
        {"the knowledge that it cannot be stored",
         NULL,
         {{"GET $/a", "200\nCache-Control: no-store\n\nold", "200\nCache-Status: *; detail=no-store\n\nold"},
          {"POST $/a\n\nx", "200\n\ndone", DONE},
          IS_GONE("/a")}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

static void a_refusal_of_the_gateways_takes_nothing(void **state)
{
    static const play_t plays[] = {
        {"a limit that is reached",
         NULL,
         {FILL("/a"), {"POST $/b\n\nx", "200\n\ndone", DONE}, {"POST $/a\n\nx", NULL, "429"}, IS_THERE("/a")}},
    };
    (void)state;
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        gateway_t *gateway =
            gateway_start(CONF_LISTEN_4 CONF_PLAY_ORIGIN
                          "routes: [ { path: /, methods: [ POST ], service: origin, filters: [ cache, { rate_limit: { "
                          "key: client_address, rate: 1/h, burst: 1 } } ] }, "
                          "{ path: /, service: origin, filters: [ cache ] } ]\n"
                          "filters: { cache: { cache: { capacity: 16MiB } } }\n",
                          play_origin->port);
        plays_run_over(gateway, t, plays, NUM(plays));
        gateway_stop(gateway);
    }
}

static void the_answer_may_name_others_of_the_same_origin(void **state)
{
#define NAMES(about, field)                                                                                            \
    {                                                                                                                  \
        about, NULL,                                                                                                   \
        {                                                                                                              \
            FILL("/b"), {"POST $/a\n\nx", "201\n" field "\n\ndone", "201\n\ndone"}, IS_GONE("/b")                      \
        }                                                                                                              \
    }
#define NAMES_NOT(about, field)                                                                                        \
    {                                                                                                                  \
        about, NULL,                                                                                                   \
        {                                                                                                              \
            FILL("/b"), {"POST $/a\n\nx", "201\n" field "\n\ndone", "201\n\ndone"}, IS_THERE("/b")                     \
        }                                                                                                              \
    }
    static const play_t plays[] = {
        NAMES("Location", "Location: $/b"),
        NAMES("Location that is relative", "Location: b"),
        NAMES("Location through a folder", "Location: ../$/x/./../b"),
        NAMES("Content-Location", "Content-Location: $/b"),
        NAMES("both", "Location: /elsewhere\nContent-Location: $/b"),
        NAMES("with a fragment", "Location: $/b#there"),
        NAMES_NOT("another host", "Location: http://other.example$/b\nContent-Location: https://other.example$/b"),
        NAMES_NOT("another port", "Location: http://127.0.0.1:1$/b\nContent-Location: https://127.0.0.1:1$/b"),
        NAMES_NOT("another scheme", "Location: ftp://@$/b"),
        NAMES_NOT("another path", "Location: $/c"),
        NAMES_NOT("what is no URL", "Location: http://[$/b"),
        NAMES_NOT("another field", "Link: <$/b>"),
        {"not when nothing was done",
         NULL,
         {FILL("/b"), {"POST $/a\n\nx", "400\nLocation: $/b\n\nno", "400\n\nno"}, IS_THERE("/b")}},
        {"not of a safe request",
         NULL,
         {FILL("/b"), {"GET $/a", "200\nContent-Location: $/b\n\ndone", "200\n\ndone"}, IS_THERE("/b")}},
    };
    static const play_t of_plain[] = {NAMES("the whole URL", "Location: http://@$/b")};
    static const play_t of_tls[] = {NAMES("the whole URL", "Location: https://@$/b")};
    (void)state;
    plays_run(plays, NUM(plays));
    gateway_t *gateway = plays_gateway("");
    plays_run_over(gateway, OVER_HTTP1, of_plain, 1);
    plays_run_over(gateway, OVER_TLS, of_tls, 1);
    plays_run_over(gateway, OVER_HTTP2, of_tls, 1);
    gateway_stop(gateway);
}

static void groups_go_together(void **state)
{
    static const play_t plays[] = {
        {"RFC 9875 3: all of a group",
         NULL,
         {{"GET $/a", "200\nCache-Groups: \"g$\"\n" FRESH "\n\nold", "200\n\nold"},
          {"GET $/b", "200\nCache-Groups: \"h$\", \"g$\"\n" FRESH "\n\nold", "200\n\nold"},
          {"GET $/c", "200\nCache-Groups: \"h$\"\n" FRESH "\n\nold", "200\n\nold"},
          {"POST $/x\n\nx", "200\nCache-Group-Invalidation: \"g$\"\n\ndone", DONE},
          IS_GONE("/a"),
          IS_GONE("/b"),
          IS_THERE("/c")}},
        {"with regard to case",
         NULL,
         {{"GET $/a", "200\nCache-Groups: \"g$\"\n" FRESH "\n\nold", "200\n\nold"},
          {"POST $/x\n\nx", "200\nCache-Group-Invalidation: \"G$\"\n\ndone", DONE},
          IS_THERE("/a")}},
        {"not of a safe request",
         NULL,
         {{"GET $/a", "200\nCache-Groups: \"g$\"\n" FRESH "\n\nold", "200\n\nold"},
          {"GET $/x", "200\nCache-Group-Invalidation: \"g$\"\n\ndone", "200\n\ndone"},
          IS_THERE("/a")}},
        {"not when nothing was done",
         NULL,
         {{"GET $/a", "200\nCache-Groups: \"g$\"\n" FRESH "\n\nold", "200\n\nold"},
          {"POST $/x\n\nx", "500\nCache-Group-Invalidation: \"g$\"\n\nno", "500\n\nno"},
          IS_THERE("/a")}},
        {"not of another origin",
         NULL,
         {{"GET $/a", "200\nCache-Groups: \"g$\"\n" FRESH "\n\nold", "200\n\nold"},
          {"POST $/x\nHost: other.example\n\nx", "200\nCache-Group-Invalidation: \"g$\"\n\ndone", DONE},
          IS_THERE("/a")}},
        {"what is not a list of strings names none",
         NULL,
         {{"GET $/a", "200\nCache-Groups: g\n" FRESH "\n\nold", "200\n\nold"},
          {"POST $/x\n\nx", "200\nCache-Group-Invalidation: g\n\ndone", DONE},
          IS_THERE("/a")}},
    };
    (void)state;
    plays_run(plays, NUM(plays));
}

/* a request that overtakes ----------------------------------------------------------------------------------------- */

/** An origin that holds its answer to GET back until it is let go.  What it says of /stale is stale at once; it
 * confirms whatever it is asked about. */
static atomic_size_t go, num_held;

static void hold_gets(origin_t *origin, int fd, size_t index)
{
    char *request;
    for (bool is_good = true; is_good && (request = origin_read_request(origin, fd)) != NULL;) {
        bool is_get = strncmp(request, "GET ", 4) == 0, is_stale = strstr(request, " /stale ") != NULL,
             is_asked = strcasestr(request, "\r\nif-none-match:") != NULL;
        free(request);
        if (is_get) {
            size_t number = atomic_fetch_add(&num_held, 1);
            origin_wait(&go, number + 1);
        }
        is_good = origin_write(fd, is_asked   ? "HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=60\r\n\r\n"
                                   : is_stale ? "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nAge: 700\r\nETag: "
                                                "\"1\"\r\nContent-Length: 3\r\n\r\nold"
                                              : "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: "
                                                "3\r\n\r\nold");
    }
}

#define CONF_HOLD                                                                                                      \
    CONF_LISTEN_4 CONF_PLAY_ORIGIN                                                                                     \
        "routes: [ { path: /, service: origin, filters: [ { cache: { capacity: 16MiB } } ] } ]\n"

static void what_is_confirmed_when_a_post_has_come_is_not_kept(void **state)
{
    (void)state;
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        atomic_store(&go, 1);
        atomic_store(&num_held, 0);
        origin_t *origin = origin_start(hold_gets, NULL);
        gateway_t *gateway = gateway_start(CONF_HOLD, origin->port);
        reply_t reply = fetch_path(gateway, t, "/stale");
        play_expect(&reply, "200\nCache-Status: sluice; fwd=uri-miss; fwd-status=200; stored; *\n\nold");
        reply_free(&reply);
        pending_t *before = fetch_later(gateway, t, &(request_t){.path = "/stale"});
        origin_wait(&num_held, 2);
        reply = fetch(gateway, t, &(request_t){.method = "POST", .path = "/stale", .body = "x"});
        play_expect(&reply, "200\nCache-Status: sluice; fwd=method; *\n\nold");
        reply_free(&reply);
        atomic_store(&go, 2);
        reply = pending_wait(before);
        play_expect(&reply, "200\nCache-Status: sluice; fwd=stale; fwd-status=304; *detail=purged\n\nold");
        reply_free(&reply);
        atomic_store(&go, 3);
        reply = fetch_path(gateway, t, "/stale");
        play_expect(&reply, "200\nCache-Status: sluice; fwd=uri-miss; fwd-status=200; *\n\nold");
        reply_free(&reply);
        assert_int_equal(atomic_load(&num_held), 3);
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

static void what_was_on_its_way_when_a_post_came_is_not_stored(void **state)
{
    (void)state;
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        atomic_store(&go, 0);
        atomic_store(&num_held, 0);
        origin_t *origin = origin_start(hold_gets, NULL);
        gateway_t *gateway = gateway_start(CONF_HOLD, origin->port);
        pending_t *before = fetch_later(gateway, t, &(request_t){.path = "/a"});
        origin_wait(&num_held, 1);
        reply_t reply = fetch(gateway, t, &(request_t){.method = "POST", .path = "/a", .body = "x"});
        play_expect(&reply, "200\nCache-Status: sluice; fwd=method; fwd-status=200\n\nold");
        reply_free(&reply);
        pending_t *after = fetch_later(gateway, t, &(request_t){.path = "/a"}); /* does not wait for the first one */
        origin_wait(&num_held, 2);
        atomic_store(&go, 1);
        reply = pending_wait(before);
        play_expect(&reply, "200\n\nold");
        reply_free(&reply);
        atomic_store(&go, 2);
        reply = pending_wait(after);
        play_expect(&reply, "200\nCache-Status: sluice; fwd=uri-miss; fwd-status=200; stored; ttl=~60\n\nold");
        reply_free(&reply);
        reply = fetch_path(gateway, t, "/a");
        play_expect(&reply, "200\nCache-Status: sluice; hit; *\n\nold");
        reply_free(&reply);
        assert_int_equal(atomic_load(&num_held), 2);
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unsafe_request_takes_what_is_stored_of_its_url),
        cmocka_unit_test(a_refusal_of_the_gateways_takes_nothing),
        cmocka_unit_test(the_answer_may_name_others_of_the_same_origin),
        cmocka_unit_test(groups_go_together),
        cmocka_unit_test(what_is_confirmed_when_a_post_has_come_is_not_kept),
        cmocka_unit_test(what_was_on_its_way_when_a_post_came_is_not_stored),
    };
    return cmocka_run_group_tests(tests, plays_set_up, plays_tear_down);
}
