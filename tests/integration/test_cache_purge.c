/* SPDX-License-Identifier: MIT
 * Taking responses out of the cache by PURGE.  Four workers; each request on a connection of its own, over the next
 * transport. */
#include <crypt.h>
#include <openssl/evp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include "tests/support/conf_files.h"
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

#define NUM(array) (sizeof(array) / sizeof((array)[0]))

enum { MOST_STEPS = 12, MOST_HEADERS = 3 };

/* the service ------------------------------------------------------------------------------------------------------ */

/** How the service is now. */
typedef struct shop {
    atomic_bool fails;        /* 500 to everything */
    atomic_bool holds;        /* answers wait */
    atomic_size_t num_go;     /* how many of those go on */
    atomic_size_t num_purges; /* that came through to it */
} shop_t;

/** Answers with the fields that the request's X-Fields names, separated by '|', the first of which may be a status;
 * what is conditional with 304.  The body is the number of the request. */
static void sell(origin_t *origin, int fd, size_t index)
{
    shop_t *shop = origin->arg;
    char *request;
    (void)index;
    while ((request = origin_read_request(origin, fd)) != NULL) {
        char answer[1024] = "", body[24], fields[512] = "";
        char *said = strcasestr(request, "\nx-fields: ");
        size_t number = atomic_load(&origin->num_requests);
        const char *status = "200 OK";
        if (said != NULL)
            snprintf(fields, sizeof(fields), "%.*s", (int)strcspn(said + 11, "\r"), said + 11);
        if (strncmp(request, "PURGE", 5) == 0)
            atomic_fetch_add(&shop->num_purges, 1);
        if (atomic_load(&shop->holds))
            origin_wait(&shop->num_go, number);
        if (atomic_load(&shop->fails))
            status = "500 Oh";
        else if (strcasestr(request, "\nif-none-match:") != NULL)
            status = "304 Same";
        size_t len = 0;
        for (char *line = strtok(fields, "|"); line != NULL; line = strtok(NULL, "|"))
            if (strchr(line, ':') == NULL)
                status = line;
            else
                len += (size_t)snprintf(answer + len, sizeof(answer) - len, "%s\r\n", line);
        bool has_body = strncmp(status, "304", 3) != 0;
        int body_len = has_body ? snprintf(body, sizeof(body), "%zu", number) : 0;
        char head[1600];
        snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nCache-Control: max-age=600\r\n%sContent-Length: %d\r\n\r\n%.*s",
                 status, answer, body_len, body_len, body);
        free(request);
        if (!origin_write(fd, head))
            break;
    }
}

#define CONF_SHOP                                                                                                      \
    "trusted_proxies: [ 127.0.0.0/8 ]\n"                                                                               \
    "services: { shop: { endpoints: [ \"http://127.0.0.1:%d\" ], retries: { attempts: 1 }, "                           \
    "ejection: { consecutive_failures: 0 } } }\n"

#define CONF_PAGES "filters: { pages: { cache: { capacity: 16MiB, %s } } }\n%s"

/** @param cache its options   @param routes the rest of the conf; NULL: one for everything */
static gateway_t *start(const origin_t *origin, const char *cache, const char *routes)
{
    char listen[] = CONF_LISTEN;
    *strchr(listen, '1') = '4'; /* workers */
    return gateway_start("%s" CONF_SHOP CONF_PAGES, listen, origin->port, cache,
                         routes != NULL ? routes : "routes: [ { path: /, service: shop, filters: [ pages ] } ]\n");
}

#define FROM_HERE "purge: { from: [ 127.0.0.1 ] }"

/* requests --------------------------------------------------------------------------------------------------------- */

/** One request, and what its answer must have. */
typedef struct step {
    const char *what; /* "GET /a"; NULL: there are no more */
    const char *headers[MOST_HEADERS];
    int status;
    const char *expected; /* of Cache-Status if that is there, else of the body */
} step_t;

/** For the URL https://shop.example/... whatever it comes by, but PURGE, which comes as from inside. */
static reply_t ask(const gateway_t *gateway, transport_t transport, const char *what, const char *const *more)
{
    char method[16];
    const char *headers[MOST_HEADERS + 3] = {NULL};
    size_t len = strcspn(what, " "), num = 0;
    bool has_host = false, is_purge = strncmp(what, "PURGE ", 6) == 0;
    snprintf(method, sizeof(method), "%.*s", (int)len, what);
    for (; num != MOST_HEADERS && more != NULL && more[num] != NULL; ++num) {
        headers[num] = more[num];
        has_host = has_host || strncmp(more[num], "Host:", 5) == 0;
    }
    if (!has_host)
        headers[num++] = "Host: shop.example";
    if (!is_purge)
        headers[num++] = "X-Forwarded-Proto: https";
    return fetch(gateway, transport, &(request_t){.method = method, .path = what + len + 1, .headers = headers});
}

static void expect(const gateway_t *gateway, transport_t transport, const step_t *step)
{
    reply_t reply = ask(gateway, transport, step->what, step->headers);
    char *said = reply_field(&reply, "cache-status");
    const char *text = said != NULL ? said : reply.body;
    if (reply.status != step->status || (step->expected != NULL && strstr(text, step->expected) == NULL))
        fail_msg("%s over %s: %d '%s' in place of %d '%s'", step->what, transport_names[transport], reply.status, text,
                 step->status, step->expected);
    free(said);
    reply_free(&reply);
}

static void run(const gateway_t *gateway, transport_t first, const step_t steps[MOST_STEPS])
{
    for (size_t i = 0; i != MOST_STEPS && steps[i].what != NULL; ++i)
        expect(gateway, (first + i) % NUM_TRANSPORTS, &steps[i]);
}

typedef struct play {
    const char *about, *cache; /* its options */
    step_t steps[MOST_STEPS];
} play_t;

static void play(const play_t *plays, size_t num)
{
    for (size_t i = 0; i != num; ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            shop_t shop = {.fails = false};
            origin_t *origin = origin_start(sell, &shop);
            gateway_t *gateway = start(origin, plays[i].cache, NULL);
            print_message("%s\n", plays[i].about);
            run(gateway, t, plays[i].steps);
            assert_int_equal(atomic_load(&shop.num_purges), 0);
            gateway_stop(gateway);
            origin_stop(origin);
        }
}

#define TAGGED(tags)        "X-Fields: Cache-Tag: " tags
#define DONE(n, what, mode) "{\"purged\":" #n ",\"what\":\"" what "\",\"mode\":\"" mode "\"}\n"

/* what is purged --------------------------------------------------------------------------------------------------- */

static void a_purge_takes_what_it_names_and_leaves_the_rest(void **state)
{
    static const play_t plays[] = {
        {"the URL",
         FROM_HERE,
         {{"GET /a", {NULL}, 200, "stored"},
          {"GET /b", {NULL}, 200, "stored"},
          {"GET /a", {NULL}, 200, "; hit"},
          {"PURGE /a", {NULL}, 200, DONE(1, "url", "hard")},
          {"GET /a", {NULL}, 200, "fwd=uri-miss"},
          {"GET /b", {NULL}, 200, "; hit"},
          {"PURGE /c", {NULL}, 200, DONE(0, "url", "hard")}}},
        {"all variants of the URL, and whatever else the key has",
         FROM_HERE ", key: { by: [ header:X-Tenant ], sort_query: true }",
         {{"GET /a?x=1&y", {"X-Fields: Vary: X-Kind", "X-Kind: one", "X-Tenant: t"}, 200, "stored"},
          {"GET /a?x=1&y", {"X-Fields: Vary: X-Kind", "X-Kind: two", "X-Tenant: t"}, 200, "stored"},
          {"GET /a?x=1&y", {"X-Fields: Vary: X-Kind", "X-Kind: one", "X-Tenant: u"}, 200, "stored"},
          {"GET /a", {NULL}, 200, "stored"},
          {"PURGE /a?y&x=1", {NULL}, 200, DONE(3, "url", "hard")},
          {"GET /a?x=1&y", {"X-Kind: one", "X-Tenant: t"}, 200, "fwd=uri-miss"},
          {"GET /a?x=1&y", {"X-Kind: two", "X-Tenant: u"}, 200, "fwd=uri-miss"},
          {"GET /a", {NULL}, 200, "; hit"}}},
        {"of this host only",
         FROM_HERE,
         {{"GET /a", {NULL}, 200, "stored"},
          {"PURGE /a", {"Host: another.example"}, 200, DONE(0, "url", "hard")},
          {"GET /a", {NULL}, 200, "; hit"}}},
        {"a prefix",
         FROM_HERE,
         {{"GET /a/1", {NULL}, 200, "stored"},
          {"GET /a/2?q", {NULL}, 200, "stored"},
          {"GET /a/3/4", {NULL}, 200, "stored"},
          {"GET /ab", {NULL}, 200, "stored"},
          {"PURGE /a/*", {NULL}, 200, DONE(3, "prefix", "hard")},
          {"GET /a/1", {NULL}, 200, "fwd=uri-miss"},
          {"GET /a/2?q", {NULL}, 200, "fwd=uri-miss"},
          {"GET /ab", {NULL}, 200, "; hit"},
          {"PURGE /ab", {"Purge-Scope: prefix"}, 200, DONE(1, "prefix", "hard")},
          {"GET /ab", {NULL}, 200, "fwd=uri-miss"}}},
        {"tags",
         FROM_HERE,
         {{"GET /a", {TAGGED("red, round")}, 200, "stored"},
          {"GET /b", {TAGGED("blue, round")}, 200, "stored"},
          {"GET /c", {"X-Fields: Surrogate-Key: blue square"}, 200, "stored"},
          {"PURGE /", {"Cache-Tag: red, green"}, 200, DONE(1, "tags", "hard")},
          {"GET /a", {TAGGED("red, round")}, 200, "fwd=uri-miss"},
          {"GET /b", {NULL}, 200, "; hit"},
          {"PURGE /", {"Surrogate-Key: green blue"}, 200, DONE(2, "tags", "hard")},
          {"GET /b", {NULL}, 200, "fwd=uri-miss"},
          {"GET /c", {NULL}, 200, "fwd=uri-miss"},
          {"GET /a", {NULL}, 200, "; hit"}}},
        {"tags of another name",
         FROM_HERE ", tags: [ X-Tags ]",
         {{"GET /a", {"X-Fields: X-Tags: red|Cache-Tag: blue"}, 200, "stored"},
          {"PURGE /", {"X-Tags: blue"}, 200, DONE(0, "tags", "hard")},
          {"PURGE /", {"X-Tags: red"}, 200, DONE(1, "tags", "hard")},
          {"GET /a", {NULL}, 200, "fwd=uri-miss"}}},
        {"everything",
         FROM_HERE,
         {{"GET /a", {NULL}, 200, "stored"},
          {"GET /b", {TAGGED("red")}, 200, "stored"},
          {"PURGE /", {"Purge-Scope: all"}, 200, DONE(2, "all", "hard")},
          {"GET /a", {NULL}, 200, "fwd=uri-miss"},
          {"GET /b", {NULL}, 200, "fwd=uri-miss"}}},
        {"the mark of what cannot be stored, too",
         FROM_HERE,
         {{"GET /a", {"X-Fields: Cache-Control: no-store"}, 200, "detail=no-store"},
          {"GET /a", {"X-Fields: Cache-Control: no-store"}, 200, "detail=uncacheable"},
          {"PURGE /a", {NULL}, 200, DONE(1, "url", "hard")},
          {"GET /a", {NULL}, 200, "stored"}}},
        {"nothing, where it is not clear what",
         FROM_HERE,
         {{"GET /a", {TAGGED("red")}, 200, "stored"},
          {"PURGE /a", {"Purge-Scope: everything"}, 400, "Purge-Scope is url, prefix, tags or all"},
          {"PURGE /a", {"Purge-Mode: 1"}, 400, "Purge-Mode is hard or soft"},
          {"PURGE /*?x", {NULL}, 400, "a prefix of URLs ends within the path"},
          {"PURGE /a", {"Cache-Tag: ,"}, 400, "names no tag"},
          {"PURGE /a", {"Cache-Tag: red", "Purge-Scope: all"}, 400, "names tags, and Purge-Scope something else"},
          {"GET /a", {NULL}, 200, "; hit"}}},
    };
    (void)state;
    play(plays, NUM(plays));
}

static void a_purge_is_for_both_schemes(void **state)
{
    static const char *const plain[] = {"Host: shop.example", "X-Forwarded-Proto: http", NULL};
    static const char *const said[] = {"fwd=uri-miss", "; hit", "fwd=uri-miss"};
    (void)state;
    shop_t shop = {.fails = false};
    origin_t *origin = origin_start(sell, &shop);
    gateway_t *gateway = start(origin, FROM_HERE, NULL);
    for (size_t i = 0; i != NUM(said); ++i) {
        reply_t reply = fetch(gateway, OVER_HTTP2, &(request_t){.path = "/a", .headers = plain});
        char *status = reply_field(&reply, "cache-status");
        assert_non_null(strstr(status, said[i]));
        free(status);
        reply_free(&reply);
        expect(gateway, OVER_HTTP1, &(step_t){"GET /a", {NULL}, 200, said[i]});
        if (i == 1)
            expect(gateway, OVER_TLS, &(step_t){"PURGE /a", {NULL}, 200, DONE(2, "url", "hard")});
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void softly_purged_responses_are_stale(void **state)
{
#define SOFT "Purge-Mode: soft"
    static const play_t plays[] = {
        {"asked for anew",
         FROM_HERE,
         {{"GET /a", {NULL}, 200, "stored"},
          {"PURGE /a", {SOFT}, 200, DONE(1, "url", "soft")},
          {"GET /a", {NULL}, 200, "fwd=stale; fwd-status=200; stored"},
          {"GET /a", {NULL}, 200, "; hit"}}},
        {"confirmed by the service",
         FROM_HERE,
         {{"GET /a", {"X-Fields: ETag: \"1\""}, 200, "stored"},
          {"PURGE /*", {SOFT}, 200, DONE(1, "prefix", "soft")},
          {"GET /a", {NULL}, 200, "fwd=stale; fwd-status=304; stored"},
          {"GET /a", {NULL}, 200, "; hit"},
          {"PURGE /", {SOFT, "Purge-Scope: all"}, 200, DONE(1, "all", "soft")},
          {"GET /a", {NULL}, 200, "fwd=stale; fwd-status=304; stored"},
          {"PURGE /a", {NULL}, 200, DONE(1, "url", "hard")},
          {"GET /a", {NULL}, 200, "fwd=uri-miss; fwd-status=200"}}},
        {"served while the service is asked",
         FROM_HERE ", grace: { while_revalidate: 1h }",
         {{"GET /a", {TAGGED("red")}, 200, "stored"},
          {"PURGE /", {SOFT, "Cache-Tag: red"}, 200, DONE(1, "tags", "soft")},
          {"GET /a", {NULL}, 200, "detail=stale-while-revalidate"}}},
        {"a hard purge leaves nothing of it",
         FROM_HERE ", grace: { while_revalidate: 1h, on_error: 1h }",
         {{"GET /a", {NULL}, 200, "stored"},
          {"PURGE /a", {SOFT}, 200, DONE(1, "url", "soft")},
          {"PURGE /a", {NULL}, 200, DONE(1, "url", "hard")},
          {"GET /a", {"X-Fields: 500 Oh"}, 500, "fwd=uri-miss"}}},
    };
    (void)state;
    play(plays, NUM(plays));
}

static void softly_purged_responses_help_when_the_service_fails(void **state)
{
    (void)state;
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        shop_t shop = {.fails = false};
        origin_t *origin = origin_start(sell, &shop);
        gateway_t *gateway = start(origin, FROM_HERE ", grace: { on_error: 1h }", NULL);
        expect(gateway, t, &(step_t){"GET /a", {NULL}, 200, "stored"});
        expect(gateway, t, &(step_t){"PURGE /a", {SOFT}, 200, DONE(1, "url", "soft")});
        atomic_store(&shop.fails, true);
        expect(gateway, t, &(step_t){"GET /a", {NULL}, 200, "fwd=stale; fwd-status=500; ttl="});
        atomic_store(&shop.fails, false);
        expect(gateway, t, &(step_t){"GET /a", {NULL}, 200, "fwd=stale; fwd-status=200; stored"});
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

/* what is on its way ----------------------------------------------------------------------------------------------- */

static void what_was_asked_for_before_a_purge_is_neither_stored_nor_joined(void **state)
{
    static const step_t purges[] = {
        {"PURGE /a", {NULL}, 200, "\"url\""},
        {"PURGE /*", {NULL}, 200, "\"prefix\""},
        {"PURGE /", {"Cache-Tag: red"}, 200, "\"tags\""},
        {"PURGE /", {"Purge-Scope: all"}, 200, "\"all\""},
    };
    static const char *const headers[] = {"Host: shop.example", "X-Forwarded-Proto: https", TAGGED("red"), NULL};
    static const request_t request = {.path = "/a", .headers = headers};
    (void)state;
    for (size_t i = 0; i != NUM(purges); ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            shop_t shop = {.holds = true};
            origin_t *origin = origin_start(sell, &shop);
            gateway_t *gateway = start(origin, FROM_HERE, NULL);
            pending_t *before = fetch_later(gateway, t, &request);
            origin_wait(&origin->num_requests, 1);
            expect(gateway, t, &purges[i]);
            pending_t *after = fetch_later(gateway, (t + 1) % NUM_TRANSPORTS, &request);
            origin_wait(&origin->num_requests, 2);
            atomic_store(&shop.num_go, 1);
            reply_t reply = pending_wait(before);
            assert_string_equal(reply.body, "1"); /* it was asked for before */
            reply_free(&reply);
            atomic_store(&shop.num_go, 1000);
            reply = pending_wait(after);
            assert_string_equal(reply.body, "2");
            reply_free(&reply);
            expect(gateway, t, &(step_t){"GET /a", {NULL}, 200, "; hit"});
            reply = ask(gateway, t, "GET /a", NULL);
            assert_string_equal(reply.body, "2");
            reply_free(&reply);
            gateway_stop(gateway);
            origin_stop(origin);
        }
}

/* who may ---------------------------------------------------------------------------------------------------------- */

static void only_listed_addresses_may_purge(void **state)
{
    static const struct {
        const char *about, *from, *header;
        bool may;
    } cases[] = {
        {"listed", "[ 127.0.0.1 ]", NULL, true},
        {"another", "[ 10.0.0.0/8 ]", NULL, false},
        {"behind a trusted proxy", "[ 10.0.0.0/8 ]", "X-Forwarded-For: 10.1.1.1", true},
        {"behind a proxy that is listed itself", "[ 127.0.0.1 ]", "X-Forwarded-For: 192.0.2.1", false},
        {"one that says it is another", "[ 10.0.0.0/8 ]", "X-Forwarded-For: 10.1.1.1, 192.0.2.1", false},
        {"one that cannot be read", "[ 127.0.0.1 ]", "X-Forwarded-For: who", false},
        {"a Unix socket's is none of these", "[ unix ]", NULL, false},
    };
    (void)state;
    for (size_t i = 0; i != NUM(cases); ++i) {
        shop_t shop = {.fails = false};
        char options[128];
        origin_t *origin = origin_start(sell, &shop);
        snprintf(options, sizeof(options), "purge: { from: %s }", cases[i].from);
        gateway_t *gateway = start(origin, options, NULL);
        print_message("%s\n", cases[i].about);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            step_t purge = {"PURGE /a", {cases[i].header}, 403, "purge_denied"};
            if (cases[i].may)
                purge = (step_t){"PURGE /a", {cases[i].header}, 200, DONE(1, "url", "hard")};
            expect(gateway, t, &(step_t){"GET /a", {NULL}, 200, cases[i].may || t == 0 ? "stored" : "; hit"});
            expect(gateway, t, &purge);
        }
        expect(gateway, 0, &(step_t){"GET /a", {NULL}, 200, cases[i].may ? "stored" : "; hit"});
        free(process_wait_for(gateway->process,
                              cases[i].may ? "{\"filter\":\"cache\",\"verdict\":\"purged\",\"reason\":\"url\"}"
                                           : "{\"filter\":\"cache\",\"verdict\":\"refused\",\"reason\":\"purge_not_"
                                             "allowed\"}",
                              NUM_TRANSPORTS));
        assert_int_equal(atomic_load(&shop.num_purges), 0);
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

static void a_purge_finds_the_route_of_the_get(void **state)
{
    static const char routes[] = "routes:\n"
                                 "  - { path: /, methods: [GET], service: shop, filters: [ pages ] }\n"
                                 "  - { path: /, methods: [POST], service: shop }\n"
                                 "  - { path: /plain/, service: shop }\n"
                                 "  - { path: /few/, methods: [GET], service: shop }\n"
                                 "  - { path: /closed/, service: shop, filters: [ ip_access: { deny: [ 127.0.0.1 ] }, "
                                 "pages ] }\n";
    (void)state;
    shop_t shop = {.fails = false};
    origin_t *origin = origin_start(sell, &shop);
    gateway_t *gateway = start(origin, FROM_HERE, routes);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        expect(gateway, t, &(step_t){"GET /a", {NULL}, 200, "stored"});
        expect(gateway, t, &(step_t){"PURGE /a", {NULL}, 200, DONE(1, "url", "hard")});
        expect(gateway, t, &(step_t){"PURGE /few/a", {NULL}, 405, "method_not_allowed"});
        /* a filter before the cache judges this one as any other */
        expect(gateway, t, &(step_t){"PURGE /closed/a", {NULL}, 403, "ip_denied"});
        expect(gateway, t, &(step_t){"purge /a", {NULL}, 405, NULL}); /* names of methods have a case */
        assert_int_equal(atomic_load(&shop.num_purges), t);
        expect(gateway, t, &(step_t){"PURGE /plain/a", {NULL}, 200, NULL});
        assert_int_equal(atomic_load(&shop.num_purges), t + 1);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void without_the_option_purge_is_a_method_like_others(void **state)
{
    (void)state;
    shop_t shop = {.fails = false};
    origin_t *origin = origin_start(sell, &shop);
    gateway_t *gateway = start(origin, "ttl: 1h", NULL);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        expect(gateway, t, &(step_t){"GET /a", {NULL}, 200, "stored"});
        expect(gateway, t, &(step_t){"PURGE /a", {"X-Forwarded-Proto: https"}, 200, "fwd=method; fwd-status=200"});
        assert_int_equal(atomic_load(&shop.num_purges), t + 1);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

/* while the threads for long work are busy --------------------------------------------------------------------------
 */

/* what a hash takes on the machine that this was written on: 0.2 s, and 0.8 s for what must not be over before its
 * client has gone */
#define SLOW    "$2y$12$abcdefghijklmnopqrstuu"
#define SLOWEST "$2y$14$abcdefghijklmnopqrstuu"

/** A gateway whose route /signed/ hashes passwords; of one worker, so that what comes first is done first. */
static gateway_t *start_busy(const origin_t *origin, const char *setting)
{
    char line[400], routes[1024];
    struct crypt_data *data = calloc(1, sizeof(*data));
    snprintf(line, sizeof(line), "ann:%s\n", crypt_r("secret", setting, data));
    free(data);
    char *file = conf_file_replace(test_folder, "users", line);
    snprintf(routes, sizeof(routes),
             "routes:\n"
             "  - { path: /, service: shop, filters: [ pages ] }\n"
             "  - { path: /signed/, service: shop, filters: [ basic_auth: { file: %s, realm: here } ] }\n",
             file);
    free(file);
    return gateway_start(CONF_LISTEN CONF_SHOP CONF_PAGES, origin->port, FROM_HERE, routes);
}

/** A request on a socket of its own.  @param field a line with its end, or ""   @return the socket */
static int send_raw(const gateway_t *gateway, const char *line, const char *field)
{
    char text[512];
    int fd = raw_connect(gateway->ports[0]);
    int len =
        snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: shop.example\r\n%sConnection: close\r\n\r\n", line, field);
    raw_write(fd, text, (size_t)len);
    return fd;
}

/** Closes.  @return what was answered, to be freed */
static char *read_raw(int fd)
{
    bool is_closed;
    char *reply = raw_read(fd, NULL, &is_closed);
    close(fd);
    return reply;
}

/** Has a password hashed that nobody has guessed before, for a client of its own. */
static int send_guess(const gateway_t *gateway, size_t number)
{
    char guess[32], credentials[64], field[200];
    int len = snprintf(guess, sizeof(guess), "ann:guess%zu", number);
    EVP_EncodeBlock((unsigned char *)credentials, (const unsigned char *)guess, len);
    snprintf(field, sizeof(field), "X-Forwarded-For: 192.0.2.%zu\r\nAuthorization: Basic %s\r\n", number, credentials);
    return send_raw(gateway, "GET /signed/", field);
}

static void purges_by_prefix_wait_in_a_short_queue(void **state)
{
    enum { num_guesses = 16, num_purges = 30 };
    int guesses[num_guesses], purges[num_purges];
    size_t num_done = 0, num_busy = 0;
    (void)state;
    shop_t shop = {.fails = false};
    origin_t *origin = origin_start(sell, &shop);
    gateway_t *gateway = start_busy(origin, SLOW);
    for (size_t i = 0; i != num_guesses; ++i)
        guesses[i] = send_guess(gateway, i);
    expect(gateway, OVER_HTTP1, &(step_t){"GET /b", {NULL}, 200, "stored"});
    expect(gateway, OVER_HTTP1, &(step_t){"GET /b", {NULL}, 200, "; hit"}); /* now they have their threads */
    for (size_t i = 0; i != num_purges; ++i)
        purges[i] = send_raw(gateway, "PURGE /a*", "");
    for (size_t i = 0; i != num_purges; ++i) {
        char *reply = read_raw(purges[i]);
        if (strncmp(reply, "HTTP/1.1 200", 12) == 0) {
            ++num_done;
            assert_non_null(strstr(reply, DONE(0, "prefix", "hard")));
        } else {
            ++num_busy;
            assert_non_null(strstr(reply, " 503 "));
            assert_non_null(strstr(reply, "purge_busy"));
            assert_non_null(strcasestr(reply, "\r\nretry-after: "));
        }
        free(reply);
    }
    if (num_done < 16 || num_busy == 0)
        fail_msg("%zu done, %zu refused", num_done, num_busy);
    free(process_wait_for(gateway->process, "\"verdict\":\"refused\",\"reason\":\"purge_busy\"", num_busy));
    for (size_t i = 0; i != num_guesses; ++i)
        free(read_raw(guesses[i]));
    /* the others wait for nothing */
    expect(gateway, OVER_HTTP2, &(step_t){"PURGE /a*", {NULL}, 200, DONE(0, "prefix", "hard")});
    gateway_stop(gateway);
    origin_stop(origin);
}

/** Both threads have a password to hash that takes long. */
static void keep_busy(const gateway_t *gateway, int fds[2])
{
    for (size_t i = 0; i != 2; ++i)
        fds[i] = send_guess(gateway, i);
    /* the one worker looks at what has come before it looks at what comes after an answer */
    for (size_t i = 0; i != 2; ++i)
        expect(gateway, OVER_HTTP1, &(step_t){"GET /a", {NULL}, 200, i == 0 ? "stored" : "; hit"});
}

static void a_purge_is_done_though_its_client_has_left(void **state)
{
    int fds[2];
    (void)state;
    shop_t shop = {.fails = false};
    origin_t *origin = origin_start(sell, &shop);
    gateway_t *gateway = start_busy(origin, SLOWEST);
    keep_busy(gateway, fds);
    close(send_raw(gateway, "PURGE /a*", ""));
    free(process_wait_for(gateway->process, "\"reason\":\"client_closed\"", 1));
    for (bool is_gone = false; !is_gone;) { /* as soon as a thread has the time */
        reply_t reply = ask(gateway, OVER_HTTP1, "GET /a", NULL);
        is_gone = strcmp(reply.body, "1") != 0;
        reply_free(&reply);
    }
    for (size_t i = 0; i != 2; ++i)
        free(read_raw(fds[i]));
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_gateway_that_ends_answers_the_purges_that_wait(void **state)
{
    int fds[2];
    (void)state;
    shop_t shop = {.fails = false};
    origin_t *origin = origin_start(sell, &shop);
    gateway_t *gateway = start_busy(origin, SLOWEST);
    keep_busy(gateway, fds);
    int fd = send_raw(gateway, "PURGE /a*", "");
    for (size_t i = 0; i != 2; ++i)
        expect(gateway, OVER_HTTP1, &(step_t){"GET /a", {NULL}, 200, "; hit"}); /* it waits by now */
    process_signal(gateway->process, SIGTERM);
    char *reply = read_raw(fd);
    if (strstr(reply, DONE(1, "prefix", "hard")) == NULL)
        fail_msg("answered: %s", reply);
    free(reply);
    for (size_t i = 0; i != 2; ++i)
        free(read_raw(fds[i]));
    gateway_end(gateway);
    origin_stop(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_purge_takes_what_it_names_and_leaves_the_rest),
        cmocka_unit_test(a_purge_is_for_both_schemes),
        cmocka_unit_test(softly_purged_responses_are_stale),
        cmocka_unit_test(softly_purged_responses_help_when_the_service_fails),
        cmocka_unit_test(what_was_asked_for_before_a_purge_is_neither_stored_nor_joined),
        cmocka_unit_test(only_listed_addresses_may_purge),
        cmocka_unit_test(a_purge_finds_the_route_of_the_get),
        cmocka_unit_test(without_the_option_purge_is_a_method_like_others),
        cmocka_unit_test(purges_by_prefix_wait_in_a_short_queue),
        cmocka_unit_test(a_purge_is_done_though_its_client_has_left),
        cmocka_unit_test(a_gateway_that_ends_answers_the_purges_that_wait),
    };
    return cmocka_run_group_tests_name("cache: purging", tests, test_folder_create, test_folder_remove);
}
