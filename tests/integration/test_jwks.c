/* SPDX-License-Identifier: MIT
 * Keys from a URL: their server is slow, down, lying or huge, rotates its keys under load, dies and comes back; clients
 * and operators do not wait for that. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>
#include "gateway/base/clock.h"
#include "tests/support/conf_files.h"
#include "tests/support/gateway.h"
#include "tests/support/origin.h"
#include "tests/support/tokens.h"

#define LENGTH_OF(array) (sizeof(array) / sizeof((array)[0]))

/* a server of keys ------------------------------------------------------------------------------------------------- */

enum { most_times = 64 };

typedef struct key_server {
    origin_t *origin;
    int port;
    pthread_mutex_t lock;
    char *answer;              /* guarded by the lock: a whole response, after which the connection is closed */
    bool is_endless;           /* guarded: the answer's body never ends */
    atomic_bool is_held;       /* answers wait until this is false */
    atomic_size_t num_fetches; /* that have arrived */
    atomic_size_t num_left;    /* clients that closed while they were held, or while the answer went on */
    long times[most_times];    /* when they did; of the first ones; guarded */
} key_server_t;

static void serve_keys(origin_t *origin, int fd, size_t index)
{
    key_server_t *server = origin->arg;
    char *request = origin_read_request(origin, fd);
    if (request == NULL)
        return;
    free(request);
    pthread_mutex_lock(&server->lock);
    size_t num = atomic_fetch_add(&server->num_fetches, 1);
    if (num < most_times)
        server->times[num] = gw_clock_ms();
    pthread_mutex_unlock(&server->lock);
    struct pollfd peer = {.fd = fd, .events = POLLRDHUP};
    while (atomic_load(&server->is_held))
        if (poll(&peer, 1, 1) != 0) {
            atomic_fetch_add(&server->num_left, 1);
            return;
        }
    pthread_mutex_lock(&server->lock);
    char *answer = strdup(server->answer);
    bool is_endless = server->is_endless;
    pthread_mutex_unlock(&server->lock);
    bool is_there = origin_write(fd, answer);
    free(answer);
    char chunk[1024 + 16];
    snprintf(chunk, sizeof(chunk), "400\r\n%1024s\r\n", "");
    while (is_there && is_endless)
        is_there = origin_write(fd, chunk);
    if (!is_there)
        atomic_fetch_add(&server->num_left, 1);
}

static key_server_t *server_create(int fd, int port)
{
    key_server_t *server = calloc(1, sizeof(*server));
    pthread_mutex_init(&server->lock, NULL);
    server->answer = strdup("HTTP/1.1 500 Not Yet\r\nContent-Length: 0\r\n\r\n");
    server->port = port;
    server->origin = fd != -1 ? origin_start_on(fd, serve_keys, server) : NULL;
    return server;
}

static key_server_t *server_start(void)
{
    int port, fd = origin_reserve(&port);
    return server_create(fd, port);
}

static void server_stop(key_server_t *server)
{
    atomic_store(&server->is_held, false);
    if (server->origin != NULL)
        origin_stop(server->origin);
    pthread_mutex_destroy(&server->lock);
    free(server->answer);
    free(server);
}

/** From now on it answers with this.  Frees the text. */
static void server_answer(key_server_t *server, char *answer)
{
    pthread_mutex_lock(&server->lock);
    free(server->answer);
    server->answer = answer;
    pthread_mutex_unlock(&server->lock);
}

/** 200 with this body.  @param fields "Name: value\r\n" each, or ""   Frees the body. */
static void server_say(key_server_t *server, const char *fields, char *body)
{
    server_answer(server, token_text("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                                     "Connection: close\r\n%s\r\n%s",
                                     strlen(body), fields, body));
    free(body);
}

/** 200 with these keys, NULL-terminated. */
static void server_show(key_server_t *server, const token_key_t *const *keys)
{
    server_say(server, "", token_jwks(keys));
}

static void server_show_one(key_server_t *server, const token_key_t *key)
{
    server_show(server, (const token_key_t *[]){key, NULL});
}

/** @return the milliseconds from the first fetch to the num-th, which has arrived */
static long time_of(key_server_t *server, size_t num)
{
    pthread_mutex_lock(&server->lock); /* it is counted before its time is written */
    long took = server->times[num - 1] - server->times[0];
    pthread_mutex_unlock(&server->lock);
    return took;
}

static size_t num_fetches(key_server_t *server)
{
    return atomic_load(&server->num_fetches);
}

/* the gateway ------------------------------------------------------------------------------------------------------ */

static origin_t *service;
static token_key_t *key, *next_key, *nobodys; /* nobodys: in no set */
static char *good, *next, *unknown;           /* a token by each */

#define PAYLOAD "{\"iss\":\"https://issuer.test\",\"aud\":\"api\",\"sub\":\"alice\",\"exp\":9999999999}"

static int set_up(void **state)
{
    static char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nwelcome";
    struct rlimit limit; /* one test has a thousand clients */
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    service = origin_start(origin_answer, answer);
    key = token_key_make("Ed25519", "one");
    next_key = token_key_make("Ed25519", "two");
    nobodys = token_key_make("Ed25519", "nobody");
    good = token_mint(key, "EdDSA", PAYLOAD);
    next = token_mint(next_key, "EdDSA", PAYLOAD);
    unknown = token_mint(nobodys, "EdDSA", PAYLOAD);
    return 0;
}

static int tear_down(void **state)
{
    origin_stop(service);
    token_key_free(key);
    token_key_free(next_key);
    token_key_free(nobodys);
    free(good);
    free(next);
    free(unknown);
    return 0;
}

#define LISTEN                                                                                                         \
    "listen:\n"                                                                                                        \
    "  - address: 127.0.0.1:0\n"                                                                                       \
    "  - address: 127.0.0.1:00\n"                                                                                      \
    "    tls: { certificates: [ { certificate: server.crt, key: server.key } ] }\n"
#define CONF                                                                                                           \
    "workers: %d\n" LISTEN "services: { service: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"                       \
    "%sroutes:\n  - path: /\n    service: service\n    filters:\n"                                                     \
    "      - jwt: { issuer: \"https://issuer.test\", audience: api, keys: { jwks_url: \"%s\"%s } }\n"

static char *url_of(const key_server_t *server)
{
    return token_text("http://127.0.0.1:%d/jwks.json", server->port);
}

/** @param options of the keys, each with a comma before it   @param others rows at the top of the conf, or "" */
static gateway_t *start_with(const key_server_t *server, int workers, const char *options, const char *others)
{
    char *url = url_of(server);
    gateway_t *gateway = gateway_start(CONF, workers, service->port, others, url, options);
    free(url);
    return gateway;
}

#define QUICK ", timeout: 5s, min_interval: 100ms"

static gateway_t *start(const key_server_t *server, const char *options)
{
    return start_with(server, 1, options, "");
}

static char *field_of(const char *token)
{
    return token_text("Authorization: Bearer %s", token);
}

static reply_t send_token(gateway_t *gateway, transport_t t, const char *token)
{
    char *field = field_of(token);
    const char *const fields[] = {field, NULL};
    reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .headers = fields});
    free(field);
    return reply;
}

static int status_of(gateway_t *gateway, transport_t t, const char *token)
{
    reply_t reply = send_token(gateway, t, token);
    int status = reply.status;
    reply_free(&reply);
    return status;
}

static void expect(const char *about, gateway_t *gateway, const char *token, int status)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        int got = status_of(gateway, t, token);
        if (got != status) {
            char *log = process_log(gateway->process);
            fail_msg("%s, over %s: %d instead of %d\n%s", about, transport_names[t], got, status, log);
        }
    }
}

/** Waits for the first set, so that no request comes before it and asks for another one. */
static void have_keys(gateway_t *gateway)
{
    free(process_wait_for(gateway->process, "/jwks.json was fetched", 1));
    assert_int_equal(status_of(gateway, OVER_HTTP1, good), 200);
}

/** Has the keys fetched once more: who asks for an unknown one is answered when a new set has come, or has not. */
static void have_them_fetched(gateway_t *gateway)
{
    assert_int_equal(status_of(gateway, OVER_HTTP1, unknown), 401);
}

/** The same where nothing good comes: perhaps the new set would have had the key. */
static void have_them_missed(gateway_t *gateway)
{
    assert_int_equal(status_of(gateway, OVER_HTTP1, unknown), 503);
}

/** A request that waits. */
typedef struct waiter {
    char *field;
    const char *fields[2];
    pending_t *pending;
} waiter_t;

static waiter_t *waiter_start(gateway_t *gateway, transport_t t, const char *token)
{
    waiter_t *waiter = calloc(1, sizeof(*waiter));
    waiter->field = field_of(token);
    waiter->fields[0] = waiter->field;
    waiter->pending = fetch_later(gateway, t, &(request_t){.path = "/", .headers = waiter->fields});
    return waiter;
}

static int waiter_end(waiter_t *waiter)
{
    reply_t reply = pending_wait(waiter->pending);
    int status = reply.status;
    reply_free(&reply);
    free(waiter->field);
    free(waiter);
    return status;
}

/* down, slow ------------------------------------------------------------------------------------------------------- */

static void without_keys_nobody_passes_and_the_client_is_told_when_to_come_back(void **state)
{
    int port, fd = origin_reserve(&port);
    key_server_t *server = server_create(-1, port);
    gateway_t *gateway = start(server, QUICK);
    char *line = process_wait_for(gateway->process, "cannot be fetched: ", 1);
    assert_non_null(strstr(line, "there is nothing to use yet, requests that need it are refused"));
    free(line);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = send_token(gateway, t, good);
        char *later = reply_field(&reply, "retry-after"), *challenge = reply_field(&reply, "www-authenticate");
        if (reply.status != 503 || strstr(reply.body, "\"reason\":\"token_keys_unavailable\"") == NULL ||
            later == NULL || atoi(later) < 1 || challenge != NULL)
            fail_msg("over %s: %d %s%s", transport_names[t], reply.status, reply.head, reply.body);
        free(later);
        reply_free(&reply);
        free(process_wait_for(gateway->process, "\"verdict\":\"refused\",\"reason\":\"keys_unavailable\"",
                              (size_t)t + 1));
    }
    assert_int_equal(status_of(gateway, OVER_HTTP1, "rubbish"), 401); /* what needs no key needs no waiting */
    server->origin = origin_start_on(fd, serve_keys, server);
    server_show_one(server, key);
    expect("once they are there", gateway, good, 200);
    free(process_wait_for(gateway->process, "/jwks.json was fetched", 1));
    gateway_stop(gateway);
    server_stop(server);
}

static void requests_wait_for_keys_that_take_a_while(void **state)
{
    key_server_t *server = server_start();
    atomic_store(&server->is_held, true);
    server_show_one(server, key);
    gateway_t *gateway = start(server, QUICK);
    waiter_t *waiters[9];
    origin_wait(&server->num_fetches, 1);
    for (size_t i = 0; i != LENGTH_OF(waiters); ++i)
        waiters[i] = waiter_start(gateway, (transport_t)(i % NUM_TRANSPORTS), good);
    reply_t reply = fetch(gateway, OVER_HTTP1, &(request_t){.path = "/"}); /* others do not wait */
    assert_int_equal(reply.status, 401);
    reply_free(&reply);
    assert_int_equal(process_count(gateway->process, "\"reason\":\"ok\""), 0);
    atomic_store(&server->is_held, false);
    for (size_t i = 0; i != LENGTH_OF(waiters); ++i)
        assert_int_equal(waiter_end(waiters[i]), 200);
    gateway_stop(gateway);
    server_stop(server);
}

static void waiting_has_an_end(void **state)
{
    key_server_t *server = server_start();
    atomic_store(&server->is_held, true);
    server_show_one(server, key);
    gateway_t *gateway = start(server, ", timeout: 200ms, min_interval: 100ms");
    expect("a server that does not answer", gateway, good, 503);
    free(process_wait_for(gateway->process, "cannot be fetched: ", 1));
    origin_wait(&server->num_left, 1); /* and it was given up */
    atomic_store(&server->is_held, false);
    expect("a server that answers at last", gateway, good, 200);
    gateway_stop(gateway);
    server_stop(server);
}

/** Who comes while a fetch is under way needs the one after it: that may have begun too early for the new key. */
static void who_comes_during_a_fetch_waits_for_the_next_one(void **state)
{
    enum { timeout = 1500, interval = 100 };
    key_server_t *server = server_start();
    server_show_one(server, key);
    gateway_t *gateway = start(server, ", timeout: 1500ms, min_interval: 100ms");
    have_keys(gateway);
    atomic_store(&server->is_held, true);
    waiter_t *first = waiter_start(gateway, OVER_HTTP1, unknown);
    origin_wait(&server->num_fetches, 2);
    waiter_t *second = waiter_start(gateway, OVER_HTTP2, next);
    origin_wait(&server->num_fetches, 3); /* the one before has timed out */
    uint64_t start_ms = gw_clock_ms();
    while (gw_clock_ms() - start_ms < 4 * interval) /* this one takes a while, too */
        poll(NULL, 0, 1);
    server_show(server, (const token_key_t *[]){key, next_key, NULL});
    atomic_store(&server->is_held, false);
    assert_int_equal(waiter_end(first), 503);
    assert_int_equal(waiter_end(second), 200);
    gateway_stop(gateway);
    server_stop(server);
}

#define CONF_WITH                                                                                                      \
    CONF_LISTEN "services: { service: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"                                  \
                "routes:\n  - path: /\n    service: service\n    filters:\n"                                           \
                "      - jwt: { issuer: \"https://issuer.test\", audience: api, %s }\n"

static void who_only_observes_delays_nobody(void **state)
{
    key_server_t *server = server_start();
    server_show_one(server, key);
    char *options =
        token_text("mode: observe, keys: { jwks_url: \"http://127.0.0.1:%d/jwks.json\", timeout: 25s }", server->port);
    atomic_store(&server->is_held, true);
    gateway_t *gateway = gateway_start(CONF_WITH, service->port, options);
    origin_wait(&server->num_fetches, 1);
    expect("before there are keys", gateway, good, 200);
    free(process_wait_for(gateway->process, "\"would_refuse\",\"reason\":\"keys_unavailable\"", NUM_TRANSPORTS));
    atomic_store(&server->is_held, false);
    have_keys(gateway);
    atomic_store(&server->is_held, true);
    expect("by a key that is not known", gateway, unknown, 200);
    free(process_wait_for(gateway->process, "\"would_refuse\",\"reason\":\"key_unknown\"", NUM_TRANSPORTS));
    gateway_stop(gateway);
    server_stop(server);
    free(options);
}

/** A key without an id fits any token by name, which says nothing of the key that the token means. */
static void a_key_without_an_id_hides_no_new_ones(void **state)
{
    token_key_t *bare = token_key_make("Ed25519", NULL);
    key_server_t *server = server_start();
    server_show_one(server, key);
    char *folder = conf_folder_create(), *pem = token_key_pem(bare);
    char *path = conf_file_write(folder, "bare.pem", pem, strlen(pem));
    char *options = token_text("keys: [ { file: %s }, { jwks_url: \"http://127.0.0.1:%d/jwks.json\", timeout: 5s, "
                               "min_interval: 100ms } ]",
                               path, server->port);
    char *token = token_mint(bare, "EdDSA", PAYLOAD);
    gateway_t *gateway = gateway_start(CONF_WITH, service->port, options);
    have_keys(gateway);
    expect("by the key without an id", gateway, token, 200);
    server_show(server, (const token_key_t *[]){key, next_key, NULL});
    expect("by the new key", gateway, next, 200);
    assert_int_equal(process_count(gateway->process, "signature_wrong"), 0);
    have_them_fetched(gateway); /* a key that never comes */
    gateway_stop(gateway);
    server_stop(server);
    conf_folder_remove(folder);
    token_key_free(bare);
    free(token);
    free(options);
    free(path);
    free(pem);
}

/* lies ------------------------------------------------------------------------------------------------------------- */

/** Before there are any keys, and again when there are some: those stay. */
static void answers_that_are_no_keys_change_nothing(void **state)
{
    origin_t *lure = origin_start(origin_reflect, NULL);
    char *redirect =
        token_text("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n", lure->port);
    char *jwks = token_jwks((const token_key_t *[]){nobodys, NULL});
    token_key_t *oct = token_key_make("oct", "nobody");
    char *secrets = token_jwks((const token_key_t *[]){oct, NULL});
#define JSON(body) token_text("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body)
    const struct {
        const char *about;
        char *answer;
        const char *complaint;
    } rows[] = {
        {"HTML", JSON("<html><body>Please sign in</body></html>"), "this is not JSON"},
        {"JSON that is no set", JSON("{\"error\":\"try later\"}"), "this is not a JSON Web Key Set"},
        {"a list", JSON("[]"), "this is not a JSON Web Key Set"},
        {"cut off JSON", JSON("{\"keys\":[{\"kty\":\"OKP\""), "this is not JSON"},
        {"a member twice", JSON("{\"keys\":[],\"keys\":[]}"), "this is not JSON, or a member is there twice"},
        {"no keys", JSON("{\"keys\":[]}"), "no key that tokens can be verified with"},
        {"secrets", JSON(secrets), "a shared secret that is published is none"},
        {"nothing", JSON(""), "it is empty"},
        {"500", strdup("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"), "the server answers with status 500"},
        {"404 with keys", token_text("HTTP/1.1 404 Not Found\r\nContent-Length: %zu\r\n\r\n%s", strlen(jwks), jwks),
         "the server answers with status 404"},
        {"204", strdup("HTTP/1.1 204 No Content\r\n\r\n"), "the server answers with status 204"},
        {"a redirect", redirect, "the server answers with status 302"},
        {"a body that is shorter than it says",
         token_text("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(jwks) + 1, jwks), "cannot be fetched"},
        {"a body that is longer than it says",
         token_text("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(jwks) - 1, jwks), "this is not JSON"},
        {"a chunk that breaks off",
         token_text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n", strlen(jwks), jwks),
         "cannot be fetched"},
        {"no HTTP", token_text("%s", jwks), "cannot be fetched"},
        {"a head that breaks off", strdup("HTTP/1.1 200 OK\r\nContent-Le"), "cannot be fetched"},
        {"not a word", strdup(""), "cannot be fetched"},
    };
#undef JSON
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        key_server_t *server = server_start();
        server_answer(server, strdup(rows[i].answer));
        gateway_t *gateway = start(server, QUICK);
        assert_int_equal(status_of(gateway, OVER_HTTP1, good), 503);
        size_t before = process_count(gateway->process, rows[i].complaint);
        free(process_wait_for(gateway->process, rows[i].complaint, 1));
        server_show_one(server, key);
        expect(rows[i].about, gateway, good, 200);
        server_answer(server, rows[i].answer);
        have_them_missed(gateway);
        free(process_wait_for(gateway->process, rows[i].complaint, before + 1));
        free(process_wait_for(gateway->process, "s ago stays in use", 1));
        expect(rows[i].about, gateway, good, 200);
        assert_int_equal(status_of(gateway, OVER_HTTP2, unknown), 503);
        gateway_stop(gateway);
        server_stop(server);
    }
    assert_int_equal(atomic_load(&lure->num_connections), 0);
    origin_stop(lure);
    token_key_free(oct);
    free(secrets);
    free(jwks);
}

static void trailers_behind_a_set_do_no_harm(void **state)
{
    key_server_t *server = server_start();
    char *jwks = token_jwks((const token_key_t *[]){key, NULL});
    server_answer(server,
                  token_text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n%zx\r\n%s\r\n"
                             "0\r\nX-Sum: 1\r\n\r\n",
                             strlen(jwks), jwks));
    gateway_t *gateway = start(server, QUICK);
    expect("a set with trailers", gateway, good, 200);
    gateway_stop(gateway);
    server_stop(server);
    free(jwks);
}

static char *padded_set(size_t len)
{
    char *jwks = token_jwks((const token_key_t *[]){key, NULL});
    char *text = token_text("%*s%s", (int)(len - strlen(jwks)), "", jwks);
    free(jwks);
    return text;
}

static void a_set_has_a_largest_size(void **state)
{
    enum { most = 256 * 1024 };
    key_server_t *server = server_start();
    server_say(server, "", padded_set(most));
    gateway_t *gateway = start(server, QUICK);
    expect("as large as it may be", gateway, good, 200);
    gateway_stop(gateway);
    server_say(server, "", padded_set(most + 1));
    gateway = start(server, QUICK);
    assert_int_equal(status_of(gateway, OVER_HTTP1, good), 503);
    free(process_wait_for(gateway->process, "it has more than 262144 bytes", 1));
    server_show_one(server, key);
    expect("of the usual size", gateway, good, 200);
    pthread_mutex_lock(&server->lock);
    free(server->answer);
    server->answer = strdup("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    server->is_endless = true;
    pthread_mutex_unlock(&server->lock);
    size_t before = process_rss_kib(gateway->process), left = atomic_load(&server->num_left);
    size_t complaints = process_count(gateway->process, "it has more than 262144 bytes");
    have_them_missed(gateway);
    free(process_wait_for(gateway->process, "it has more than 262144 bytes", complaints + 1));
    origin_wait(&server->num_left, left + 1); /* it does not listen to the end that never comes */
    assert_true(process_rss_kib(gateway->process) < before + 64000); /* sanitizers keep what was freed */
    expect("the keys that were there", gateway, good, 200);
    gateway_stop(gateway);
    server_stop(server);
}

static void a_key_of_an_unknown_kind_loses_only_itself(void **state)
{
    token_key_t *weak = token_key_make("RSA-1024", "weak"), *k1 = token_key_make("secp256k1", "k1");
    token_key_t *ed448 = token_key_make("Ed448", "ed448"), *oct = token_key_make("oct", "oct");
    token_key_t *enc = token_key_make("Ed25519", "enc"), *ops = token_key_make("Ed25519", "ops");
    token_key_t *alg = token_key_make("Ed25519", "alg");
    char *jwks[] = {
        strdup("{\"kty\":\"PQC\",\"kid\":\"new\",\"pub\":\"AAAA\"}"),
        token_jwk(weak, NULL),
        token_jwk(k1, NULL),
        token_jwk(ed448, NULL),
        token_jwk(oct, NULL),
        token_jwk(enc, "\"use\":\"enc\""),
        token_jwk(ops, "\"key_ops\":[\"sign\"]"),
        token_jwk(alg, "\"alg\":\"RS256\""),
        strdup("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}"),
        strdup("{}"),
        strdup("null"),
        strdup("\"key\""),
        token_jwk(key, "\"use\":\"sig\",\"key_ops\":[\"verify\"],\"x5c\":[\"rubbish\"],\"unknown\":{\"a\":[]}"),
    };
    char *text = NULL;
    size_t len;
    FILE *file = open_memstream(&text, &len);
    for (size_t i = 0; i != LENGTH_OF(jwks); ++i)
        fprintf(file, "%s%s", i == 0 ? "{\"keys\":[" : ",", jwks[i]);
    fprintf(file, "],\"more\":true}");
    fclose(file);
    key_server_t *server = server_start();
    server_say(server, "", text);
    gateway_t *gateway = start(server, QUICK);
    expect("the good key", gateway, good, 200);
    assert_int_equal(process_count(gateway->process, "of the set is left out: "), LENGTH_OF(jwks) - 1);
    for (const token_key_t *const *at = (const token_key_t *[]){enc, ops, alg, NULL}; *at != NULL; ++at) {
        char *token = token_mint(*at, "EdDSA", PAYLOAD);
        assert_int_equal(status_of(gateway, OVER_HTTP1, token), 401);
        free(token);
    }
    char *token = token_mint(oct, "HS256", PAYLOAD);
    assert_int_equal(status_of(gateway, OVER_HTTP1, token), 401);
    free(token);
    gateway_stop(gateway);
    server_stop(server);
    for (size_t i = 0; i != LENGTH_OF(jwks); ++i)
        free(jwks[i]);
    token_key_free(weak);
    token_key_free(k1);
    token_key_free(ed448);
    token_key_free(oct);
    token_key_free(enc);
    token_key_free(ops);
    token_key_free(alg);
}

/* how often -------------------------------------------------------------------------------------------------------- */

/** Six servers at once: when the quick ones have been asked several times, the slow ones have been asked once. */
static void keys_are_fetched_again_as_their_server_says_within_bounds(void **state)
{
    static const struct {
        const char *about, *fields, *options;
        bool is_quick;
    } rows[] = {
        {"max_ttl, when nothing is said", "", ", min_ttl: 1s, max_ttl: 1s", true},
        {"max-age", "Cache-Control: public, max-age=1\r\n", ", min_ttl: 1s, max_ttl: 1h", true},
        {"max-age less Age", "Cache-Control: max-age=600\r\nAge: 599\r\n", ", min_ttl: 1s, max_ttl: 1h", true},
        {"max-age above max_ttl", "Cache-Control: max-age=86400\r\n", ", min_ttl: 1s, max_ttl: 1s", true},
        {"no-store", "Cache-Control: no-store\r\n", ", min_ttl: 1s, max_ttl: 1h", true},
        {"max-age below min_ttl", "Cache-Control: max-age=1\r\n", ", min_ttl: 1h, max_ttl: 2h", false},
        {"no-cache with min_ttl", "Cache-Control: no-cache\r\n", ", min_ttl: 1h, max_ttl: 2h", false},
        {"a long max-age", "Cache-Control: max-age=3600\r\n", ", min_ttl: 1s, max_ttl: 1h", false},
        {"max_ttl, a long one, when nothing is said", "", ", min_ttl: 1s, max_ttl: 1h", false},
        {"an Age that is none", "Cache-Control: max-age=3600\r\nAge: -1\r\n", ", min_ttl: 1s, max_ttl: 1h", false},
    };
    enum { num = LENGTH_OF(rows), num_times = 4 };
    key_server_t *servers[num];
    char *issuers = NULL;
    size_t len;
    FILE *file = open_memstream(&issuers, &len);
    for (size_t i = 0; i != num; ++i) {
        servers[i] = server_start();
        server_say(servers[i], rows[i].fields, token_jwks((const token_key_t *[]){key, NULL}));
        fprintf(file,
                "%s{ issuer: \"%zu\", audience: \"*\", keys: { jwks_url: \"http://127.0.0.1:%d/\", "
                "min_interval: 100ms%s } }",
                i != 0 ? ", " : "", i, servers[i]->port, rows[i].options);
    }
    fclose(file);
    gateway_t *gateway = gateway_start(
        CONF_LISTEN "services: { service: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"
                    "routes: [ { path: /, service: service, filters: [ { jwt: { issuers: [ %s ] } } ] } ]\n",
        service->port, issuers);
    for (size_t i = 0; i != num; ++i)
        if (rows[i].is_quick)
            origin_wait(&servers[i]->num_fetches, num_times);
    for (size_t i = 0; i != num; ++i) {
        if (!rows[i].is_quick) {
            if (num_fetches(servers[i]) != 1)
                fail_msg("%s: %zu fetches", rows[i].about, num_fetches(servers[i]));
            continue;
        }
        /* each a tenth to a fifth before its time; the first may have come late */
        long took = time_of(servers[i], num_times);
        if (took < (num_times - 1) * 800 - 300)
            fail_msg("%s: %d fetches in %ld ms", rows[i].about, num_times, took);
    }
    gateway_stop(gateway);
    for (size_t i = 0; i != num; ++i)
        server_stop(servers[i]);
    free(issuers);
}

/** The keys have changed, and many come with tokens by the new one at once, to both workers. */
static void an_unknown_kid_is_looked_for_once_for_all_who_ask(void **state)
{
    enum { num = 40 };
    key_server_t *server = server_start();
    server_show_one(server, key);
    gateway_t *gateway = start_with(server, 2, ", timeout: 20s, min_interval: 3s", "");
    have_keys(gateway);
    assert_int_equal(num_fetches(server), 1);
    atomic_store(&server->is_held, true);
    server_show(server, (const token_key_t *[]){key, next_key, NULL});
    waiter_t *waiters[num];
    for (size_t i = 0; i != num; ++i)
        waiters[i] = waiter_start(gateway, (transport_t)(i % NUM_TRANSPORTS), next);
    origin_wait(&server->num_fetches, 2);             /* min_interval after the first: by then all have asked */
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) /* known keys need no waiting */
        assert_int_equal(status_of(gateway, t, good), 200);
    atomic_store(&server->is_held, false);
    for (size_t i = 0; i != num; ++i)
        assert_int_equal(waiter_end(waiters[i]), 200);
    expect("it is known now", gateway, next, 200);
    assert_int_equal(num_fetches(server), 2);
    gateway_stop(gateway);
    server_stop(server);
}

typedef struct flood {
    gateway_t *gateway;
    transport_t transport;
    atomic_bool *is_over;
    atomic_size_t num_refused, num_others;
} flood_t;

/** Tokens that name another unknown key each time. */
static void *run_flood(void *arg)
{
    flood_t *flood = arg;
    client_t *client = client_create(flood->gateway, flood->transport);
    for (size_t i = 0; !atomic_load(flood->is_over); ++i) {
        char *header = token_text("{\"alg\":\"EdDSA\",\"kid\":\"flood-%d-%zu\"}", (int)flood->transport, i);
        char *token = token_make(nobodys, "EdDSA", header, PAYLOAD), *field = field_of(token);
        const char *const fields[] = {field, NULL};
        reply_t reply = client_send(client, &(request_t){.path = "/", .headers = fields});
        atomic_fetch_add(reply.status == 401 ? &flood->num_refused : &flood->num_others, 1);
        reply_free(&reply);
        free(field);
        free(token);
        free(header);
    }
    client_free(client);
    return NULL;
}

static void a_flood_of_unknown_kids_does_not_hammer_the_issuer(void **state)
{
    enum { num_floods = 6, num_wanted = 6, interval = 500 };
    key_server_t *server = server_start();
    server_show_one(server, key);
    gateway_t *gateway = start_with(server, 2, ", min_interval: 500ms", "");
    atomic_bool is_over = false;
    flood_t floods[num_floods] = {0};
    pthread_t threads[num_floods];
    have_keys(gateway);
    for (size_t i = 0; i != num_floods; ++i) {
        floods[i].gateway = gateway;
        floods[i].transport = (transport_t)(i % NUM_TRANSPORTS);
        floods[i].is_over = &is_over;
        assert_int_equal(pthread_create(&threads[i], NULL, run_flood, &floods[i]), 0);
    }
    client_t *honest = client_create(gateway, OVER_TLS);
    char *field = field_of(good);
    const char *const fields[] = {field, NULL};
    while (num_fetches(server) < num_wanted) { /* meanwhile others are served */
        reply_t reply = client_send(honest, &(request_t){.path = "/", .headers = fields});
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
    }
    for (size_t i = 0; i != num_floods; ++i)
        origin_wait(&floods[i].num_refused, 1);
    atomic_store(&is_over, true);
    for (size_t i = 0; i != num_floods; ++i) {
        pthread_join(threads[i], NULL);
        assert_int_equal(atomic_load(&floods[i].num_others), 0);
    }
    long took = time_of(server, num_wanted);
    if (took < (num_wanted - 1) * interval - 250) /* the first may have come late */
        fail_msg("%d fetches in %ld ms", num_wanted, took);
    free(field);
    client_free(honest);
    gateway_stop(gateway);
    server_stop(server);
}

typedef struct watcher {
    gateway_t *gateway;
    atomic_bool is_over;
    atomic_size_t num_passed, num_refused;
} watcher_t;

static void *watch(void *arg)
{
    watcher_t *watcher = arg;
    char *field = field_of(good);
    const char *const fields[] = {field, NULL};
    client_t *client = client_create(watcher->gateway, OVER_TLS);
    while (!atomic_load(&watcher->is_over)) {
        reply_t reply = client_send(client, &(request_t){.path = "/", .headers = fields});
        atomic_fetch_add(reply.status == 200 ? &watcher->num_passed : &watcher->num_refused, 1);
        reply_free(&reply);
    }
    client_free(client);
    free(field);
    return NULL;
}

/** Clients behind a proxy that says who they are. */
#define BEHIND_PROXY "trusted_proxies: [ 127.0.0.1 ]\n"

/** Has a token sent that waits.  @param client its address   @return the connection, which closes after the answer */
static int send_from(gateway_t *gateway, const char *client, const char *token)
{
    char *request = token_text("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Forwarded-For: %s\r\n"
                               "Authorization: Bearer %s\r\n\r\n",
                               client, token);
    int fd = raw_connect(gateway->ports[0]);
    raw_write(fd, request, strlen(request));
    free(request);
    return fd;
}

/** @return what a client was told; its connection is closed */
static int status_from(int fd)
{
    int status = 0;
    char *answer = raw_read(fd, NULL, NULL);
    sscanf(answer, "HTTP/1.1 %d ", &status);
    free(answer);
    close(fd);
    return status;
}

/** A worker has a place for 1,000 who wait, and of those 100 for one client: more are told at once to come again, so
 * that a flood holds bounded memory and leaves room for others. */
static void only_so_many_wait_and_no_client_takes_the_place_of_others(void **state)
{
    enum { share = 100, num_clients = 10, more = 6 };
    static const char refused[] = "\"reason\":\"keys_unavailable\",\"detail\":\"too many wait for keys\"";
    key_server_t *server = server_start();
    server_show_one(server, key);
    gateway_t *gateway = start_with(server, 1, ", timeout: 25s, min_interval: 100ms", BEHIND_PROXY);
    have_keys(gateway);
    atomic_store(&server->is_held, true);
    int fds[num_clients * (share + more)];
    size_t num = 0, num_told = 0, num_refused = 0;
    for (size_t i = 0; i != num_clients; ++i) {
        for (size_t k = 0; k != share + more; ++k) { /* one client has a network of IPv6 */
            char *client = i == 0 ? token_text("2001:db8::%zx", k + 1) : token_text("192.0.2.%zu", i);
            fds[num++] = send_from(gateway, client, unknown);
            free(client);
        }
        free(process_wait_for(gateway->process, refused, (i + 1) * more)); /* though there is room for others */
    }
    char *field = field_of(next); /* now there is none */
    const char *const fields[] = {field, "X-Forwarded-For: 198.51.100.1", NULL};
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .headers = fields});
        char *later = reply_field(&reply, "retry-after"), *challenge = reply_field(&reply, "www-authenticate");
        if (reply.status != 503 || strstr(reply.body, "\"reason\":\"token_keys_unavailable\"") == NULL ||
            later == NULL || atoi(later) < 1 || challenge != NULL)
            fail_msg("over %s: %d %s%s", transport_names[t], reply.status, reply.head, reply.body);
        free(later);
        reply_free(&reply);
        assert_int_equal(status_of(gateway, t, good), 200);
    }
    free(field);
    assert_int_equal(process_count(gateway->process, "\"reason\":\"key_unknown\""), 0);
    atomic_store(&server->is_held, false);
    for (size_t i = 0; i != num; ++i) {
        int status = status_from(fds[i]);
        num_told += status == 401;
        num_refused += status == 503;
    }
    assert_int_equal(num_told, num_clients * share);
    assert_int_equal(num_refused, num_clients * more);
    gateway_stop(gateway);
    server_stop(server);
}

/** Who waits for a new key with a token that it does not fit is refused when it comes: many at once, between whom
 * others are served.  The access log tells in which order. */
static void many_who_waited_are_dealt_with_in_slices(void **state)
{
    enum { share = 100, num = 5 * share };
    key_server_t *server = server_start();
    server_show_one(server, key);
    gateway_t *gateway = start_with(server, 1, ", timeout: 25s, min_interval: 100ms", BEHIND_PROXY);
    have_keys(gateway);
    atomic_store(&server->is_held, true);
    char *header = token_text("{\"alg\":\"EdDSA\",\"kid\":\"two\"}"),
         *forged = token_make(nobodys, "EdDSA", header, PAYLOAD);
    int fds[num];
    for (size_t i = 0; i != num; ++i) {
        char *client = token_text("192.0.2.%zu", i / share);
        fds[i] = send_from(gateway, client, forged);
        free(client);
    }
    free(header);
    free(forged);
    watcher_t watcher = {.gateway = gateway};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, watch, &watcher), 0);
    origin_wait(&watcher.num_passed, 20); /* by then all have been read */
    server_show(server, (const token_key_t *[]){key, next_key, NULL});
    atomic_store(&server->is_held, false);
    for (size_t i = 0; i != num; ++i)
        assert_int_equal(status_from(fds[i]), 401);
    free(process_wait_for(gateway->process, "\"reason\":\"signature_wrong\"", num));
    atomic_store(&watcher.is_over, true);
    pthread_join(thread, NULL);
    char *log = process_log(gateway->process);
    const char *first = strstr(log, "\"reason\":\"signature_wrong\""), *last = first, *next_one;
    while ((next_one = strstr(last + 1, "\"reason\":\"signature_wrong\"")) != NULL)
        last = next_one;
    size_t num_between = 0;
    for (const char *at = first; (at = strstr(at + 1, "\"status\":200")) != NULL && at < last;)
        ++num_between;
    print_message("%zu others were served between the %d\n", num_between, num);
    assert_true(num_between >= 1);
    free(log);
    gateway_stop(gateway);
    server_stop(server);
}

/* rotation --------------------------------------------------------------------------------------------------------- */

enum { num_kept = 6, rotations = 40, num_users = 6 };

/** An issuer that has a new key every moment, and uses it as soon as it is published. */
typedef struct rotation {
    gateway_t *gateway;
    key_server_t *server;
    pthread_mutex_t lock;
    token_key_t *keys[num_kept]; /* guarded by the lock; [0]: the one that signs */
    char kids[num_kept][16];
    atomic_bool is_over;
    atomic_size_t num_passed, num_refused, generation;
} rotation_t;

static void rotate(rotation_t *rotation)
{
    const token_key_t *shown[num_kept + 1] = {NULL};
    size_t generation = atomic_load(&rotation->generation) + 1;
    char *kid = rotation->kids[generation % num_kept]; /* of the one that goes */
    pthread_mutex_lock(&rotation->lock);
    token_key_free(rotation->keys[num_kept - 1]);
    memmove(rotation->keys + 1, rotation->keys, (num_kept - 1) * sizeof(rotation->keys[0]));
    snprintf(kid, sizeof(rotation->kids[0]), "key-%zu", generation);
    rotation->keys[0] = token_key_make("Ed25519", kid);
    for (size_t i = 0; i != num_kept && rotation->keys[i] != NULL; ++i)
        shown[i] = rotation->keys[i];
    server_show(rotation->server, shown);
    pthread_mutex_unlock(&rotation->lock);
    atomic_store(&rotation->generation, generation);
}

static void *use_tokens(void *arg)
{
    rotation_t *rotation = arg;
    static atomic_size_t num_started;
    client_t *client =
        client_create(rotation->gateway, (transport_t)(atomic_fetch_add(&num_started, 1) % NUM_TRANSPORTS));
    while (!atomic_load(&rotation->is_over)) {
        pthread_mutex_lock(&rotation->lock);
        char *token = token_mint(rotation->keys[0], "EdDSA", PAYLOAD);
        pthread_mutex_unlock(&rotation->lock);
        char *field = field_of(token);
        const char *const fields[] = {field, NULL};
        reply_t reply = client_send(client, &(request_t){.path = "/", .headers = fields});
        atomic_fetch_add(reply.status == 200 ? &rotation->num_passed : &rotation->num_refused, 1);
        reply_free(&reply);
        free(field);
        free(token);
    }
    client_free(client);
    return NULL;
}

static void keys_rotate_under_load_without_one_wrong_refusal(void **state)
{
    rotation_t rotation = {.server = server_start()};
    pthread_t threads[num_users];
    pthread_mutex_init(&rotation.lock, NULL);
    rotate(&rotation);
    rotation.gateway = start_with(rotation.server, 2, ", min_interval: 100ms", "");
    for (size_t i = 0; i != num_users; ++i)
        assert_int_equal(pthread_create(&threads[i], NULL, use_tokens, &rotation), 0);
    for (size_t i = 0; i != rotations; ++i) {
        size_t passed = atomic_load(&rotation.num_passed), fetched = num_fetches(rotation.server);
        rotate(&rotation);
        origin_wait(&rotation.server->num_fetches, fetched + 1);    /* somebody has missed the new key, */
        origin_wait(&rotation.num_passed, passed + 20 * num_users); /* and everybody uses it */
    }
    atomic_store(&rotation.is_over, true);
    for (size_t i = 0; i != num_users; ++i)
        pthread_join(threads[i], NULL);
    print_message("%zu requests passed, %zu were refused, %d rotations, %zu fetches\n",
                  atomic_load(&rotation.num_passed), atomic_load(&rotation.num_refused), rotations,
                  num_fetches(rotation.server));
    assert_int_equal(atomic_load(&rotation.num_refused), 0);
    gateway_stop(rotation.gateway);
    server_stop(rotation.server);
    for (size_t i = 0; i != num_kept; ++i)
        token_key_free(rotation.keys[i]);
    pthread_mutex_destroy(&rotation.lock);
}

/** A key that was taken out of the set is good for nothing, remembered tokens included. */
static void a_key_that_is_withdrawn_ends_its_tokens(void **state)
{
    key_server_t *server = server_start();
    server_show(server, (const token_key_t *[]){key, next_key, NULL});
    gateway_t *gateway = start(server, QUICK);
    for (int i = 0; i != 2; ++i)
        expect("as long as it is there", gateway, good, 200);
    server_show_one(server, next_key);
    have_them_fetched(gateway);
    expect("when it has gone", gateway, good, 401);
    expect("the other one", gateway, next, 200);
    gateway_stop(gateway);
    server_stop(server);
}

/* what outlives what ----------------------------------------------------------------------------------------------- */

static void the_last_good_keys_stay_when_their_server_dies(void **state)
{
    key_server_t *server = server_start();
    server_show_one(server, key);
    gateway_t *gateway = start(server, ", timeout: 1s, min_interval: 100ms, min_ttl: 1s, max_ttl: 1s");
    expect("while it is there", gateway, good, 200);
    origin_stop(server->origin);
    server->origin = NULL;
    for (size_t i = 1; i <= 3; ++i) { /* it is asked for again and again */
        char *line = process_wait_for(gateway->process, "s ago stays in use", i);
        assert_non_null(strstr(line, "sluice: warning: jwks_url http://127.0.0.1:"));
        assert_non_null(strstr(line, "cannot be fetched: "));
        assert_non_null(strstr(line, ": what was fetched "));
        free(line);
        expect("when it is there no longer", gateway, good, 200);
    }
    expect("a token by a key that may be a new one", gateway, next, 503);
    free(process_wait_for(gateway->process, "\"verdict\":\"refused\",\"reason\":\"keys_unavailable\"", NUM_TRANSPORTS));
    gateway_stop(gateway);
    server_stop(server);
}

/** The same conf, then another way to fetch: neither makes anybody wait, or ask again without need. */
static void a_reload_keeps_the_keys_that_were_fetched(void **state)
{
    key_server_t *server = server_start();
    server_show_one(server, key);
    char *url = url_of(server);
    gateway_t *gateway = start_with(server, 2, QUICK, "");
    have_keys(gateway);
    watcher_t watcher = {.gateway = gateway};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, watch, &watcher), 0);
    atomic_store(&server->is_held, true); /* from now on nothing can be fetched */
    for (size_t i = 1; i <= 5; ++i) {
        size_t passed = atomic_load(&watcher.num_passed);
        gateway_write_conf(gateway, CONF, 2, service->port, i % 2 == 1 ? "drain_timeout: 9s\n" : "", url, QUICK);
        process_signal(gateway->process, SIGHUP);
        free(process_wait_for(gateway->process, "reloaded: generation", i));
        origin_wait(&watcher.num_passed, passed + 50);
    }
    assert_int_equal(num_fetches(server), 1);
    size_t passed = atomic_load(&watcher.num_passed);
    gateway_write_conf(gateway, CONF, 2, service->port, "", url, ", timeout: 6s, min_interval: 100ms");
    process_signal(gateway->process, SIGHUP);
    free(process_wait_for(gateway->process, "reloaded: generation", 6));
    origin_wait(&server->num_fetches, 2);          /* the new way is tried at once, */
    origin_wait(&watcher.num_passed, passed + 50); /* with the old keys until then */
    expect("with the old keys", gateway, good, 200);
    atomic_store(&watcher.is_over, true);
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&watcher.num_refused), 0);
    server_show(server, (const token_key_t *[]){key, next_key, NULL});
    atomic_store(&server->is_held, false);
    expect("with the new ones", gateway, next, 200);
    gateway_stop(gateway);
    server_stop(server);
    free(url);
}

/** A reload while requests wait: they are answered by the conf they began with. */
static void who_waits_during_a_reload_is_answered(void **state)
{
    static const char *const options[] = {QUICK, ", timeout: 6s, min_interval: 100ms"};
    for (size_t i = 0; i != LENGTH_OF(options); ++i) {
        key_server_t *server = server_start();
        server_show_one(server, key);
        char *url = url_of(server);
        gateway_t *gateway = start(server, QUICK);
        have_keys(gateway);
        atomic_store(&server->is_held, true);
        waiter_t *waiters[NUM_TRANSPORTS];
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
            waiters[t] = waiter_start(gateway, t, next);
        origin_wait(&server->num_fetches, 2);
        gateway_write_conf(gateway, CONF, 1, service->port, "", url, options[i]);
        process_signal(gateway->process, SIGHUP);
        free(process_wait_for(gateway->process, "reloaded: generation", 1));
        server_show_one(server, next_key);
        atomic_store(&server->is_held, false);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
            assert_int_equal(waiter_end(waiters[t]), 200);
        expect("by the new conf", gateway, next, 200);
        gateway_stop(gateway);
        server_stop(server);
        free(url);
    }
}

static void clients_may_leave_while_they_wait(void **state)
{
    enum { num = 5 };
    key_server_t *server = server_start();
    server_show_one(server, key);
    gateway_t *gateway = start(server, QUICK);
    have_keys(gateway);
    atomic_store(&server->is_held, true);
    char *field = field_of(next);
    char *request = token_text("GET / HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", field);
    const char *const fields[] = {field, NULL};
    waiter_t *patient = waiter_start(gateway, OVER_HTTP1, next);
    origin_wait(&server->num_fetches, 2);
    for (size_t i = 0; i != num; ++i) {
        int fd = raw_connect(gateway->ports[0]);
        raw_write(fd, request, strlen(request));
        close(fd);
        for (transport_t t = OVER_TLS; t != NUM_TRANSPORTS; ++t) {
            reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .headers = fields, .timeout_ms = 300});
            assert_int_equal(reply.status, 0);
            reply_free(&reply);
        }
    }
    free(process_wait_for(gateway->process, "\"reason\":\"client_closed\"", num * NUM_TRANSPORTS));
    server_show_one(server, next_key);
    atomic_store(&server->is_held, false);
    assert_int_equal(waiter_end(patient), 200);
    expect("those who come later", gateway, next, 200);
    free(field);
    free(request);
    gateway_stop(gateway);
    server_stop(server);
}

static void a_gateway_that_is_told_to_stop_answers_those_who_wait(void **state)
{
    static const struct {
        const char *about, *options, *others;
        bool is_answered; /* by the server of keys */
        int status;       /* 0: whatever */
    } rows[] = {
        {"the keys come", QUICK, "", true, 200},
        {"the keys do not come", ", timeout: 500ms, min_interval: 100ms", "", false, 503},
        {"the gateway does not wait so long", QUICK, "drain_timeout: 300ms\n", false, 0},
    };
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        key_server_t *server = server_start();
        server_show_one(server, key);
        gateway_t *gateway = start_with(server, 2, rows[i].options, rows[i].others);
        have_keys(gateway);
        atomic_store(&server->is_held, true);
        waiter_t *waiter = waiter_start(gateway, OVER_HTTP1, next);
        origin_wait(&server->num_fetches, 2);
        process_signal(gateway->process, SIGTERM);
        free(process_wait_for(gateway->process, "stopping: finishing what is in flight", 1));
        if (rows[i].is_answered) {
            server_show_one(server, next_key);
            atomic_store(&server->is_held, false);
        }
        int status = waiter_end(waiter);
        if (rows[i].status != 0 && status != rows[i].status)
            fail_msg("%s: %d", rows[i].about, status);
        gateway_end(gateway);
        server_stop(server);
    }
}

/** What they upload is not read to the end before it is known who they are. */
static void a_stop_cuts_uploads_that_wait_for_keys(void **state)
{
    enum { len = 16 << 20 };
    char *body = malloc(len), *field = field_of(next);
    const char *const fields[] = {field, NULL};
    memset(body, 'x', len);
    for (transport_t t = 0; t != OVER_HTTP2; ++t) {
        key_server_t *server = server_start();
        server_show_one(server, key);
        gateway_t *gateway = start_with(server, 1, ", timeout: 25s, min_interval: 100ms", "drain_timeout: 300ms\n");
        have_keys(gateway);
        atomic_store(&server->is_held, true);
        pending_t *upload = fetch_later(
            gateway, t, &(request_t){.method = "POST", .path = "/", .headers = fields, .body = body, .body_len = len});
        origin_wait(&server->num_fetches, 2);
        process_signal(gateway->process, SIGTERM);
        free(process_wait_for(gateway->process, "stopping: finishing what is in flight", 1));
        reply_t reply = pending_wait(upload);
        reply_free(&reply);
        gateway_end(gateway);
        server_stop(server);
    }
    free(body);
    free(field);
}

/* https ------------------------------------------------------------------------------------------------------------ */

/** Another gateway stands before the server of keys, with a certificate that only the conf vouches for. */
static void https_servers_are_trusted_by_their_certificates(void **state)
{
    key_server_t *server = server_start();
    server_show_one(server, key);
    gateway_t *front = gateway_start(CONF_LISTEN "services: { keys: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"
                                                 "routes: [ { path: /, service: keys } ]\n",
                                     server->port);
    certificate_make(front->folder, "other", "localhost");
    const struct {
        const char *about, *host, *authority; /* a file of the folder, or NULL */
        int status;
    } rows[] = {
        {"the right certificate", "localhost", "server.crt", 200},
        {"the right certificate, by address", "127.0.0.1", "server.crt", 200},
        {"another certificate", "localhost", "other.crt", 503},
        {"no certificate of the conf's", "localhost", NULL, 503},
        {"another name", "127.0.0.2", "server.crt", 503},
    };
    for (size_t i = 0; i != LENGTH_OF(rows); ++i) {
        char *url = token_text("https://%s:%d/jwks.json", rows[i].host, front->ports[1]);
        char *options = rows[i].authority != NULL
                            ? token_text(QUICK ", ca_file: %s/%s", front->folder, rows[i].authority)
                            : strdup(QUICK);
        gateway_t *gateway = gateway_start(CONF, 1, service->port, "", url, options);
        int status = status_of(gateway, OVER_HTTP1, good);
        if (status != rows[i].status) {
            char *log = process_log(gateway->process);
            fail_msg("%s: %d instead of %d\n%s", rows[i].about, status, rows[i].status, log);
        }
        free(process_wait_for(gateway->process, status == 200 ? "was fetched" : "cannot be fetched: ", 1));
        gateway_stop(gateway);
        free(options);
        free(url);
    }
    gateway_stop(front);
    server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_keys_nobody_passes_and_the_client_is_told_when_to_come_back),
        cmocka_unit_test(requests_wait_for_keys_that_take_a_while),
        cmocka_unit_test(waiting_has_an_end),
        cmocka_unit_test(who_comes_during_a_fetch_waits_for_the_next_one),
        cmocka_unit_test(who_only_observes_delays_nobody),
        cmocka_unit_test(a_key_without_an_id_hides_no_new_ones),
        cmocka_unit_test(trailers_behind_a_set_do_no_harm),
        cmocka_unit_test(answers_that_are_no_keys_change_nothing),
        cmocka_unit_test(a_set_has_a_largest_size),
        cmocka_unit_test(a_key_of_an_unknown_kind_loses_only_itself),
        cmocka_unit_test(keys_are_fetched_again_as_their_server_says_within_bounds),
        cmocka_unit_test(an_unknown_kid_is_looked_for_once_for_all_who_ask),
        cmocka_unit_test(a_flood_of_unknown_kids_does_not_hammer_the_issuer),
        cmocka_unit_test(only_so_many_wait_and_no_client_takes_the_place_of_others),
        cmocka_unit_test(many_who_waited_are_dealt_with_in_slices),
        cmocka_unit_test(keys_rotate_under_load_without_one_wrong_refusal),
        cmocka_unit_test(a_key_that_is_withdrawn_ends_its_tokens),
        cmocka_unit_test(the_last_good_keys_stay_when_their_server_dies),
        cmocka_unit_test(a_reload_keeps_the_keys_that_were_fetched),
        cmocka_unit_test(who_waits_during_a_reload_is_answered),
        cmocka_unit_test(clients_may_leave_while_they_wait),
        cmocka_unit_test(a_gateway_that_is_told_to_stop_answers_those_who_wait),
        cmocka_unit_test(a_stop_cuts_uploads_that_wait_for_keys),
        cmocka_unit_test(https_servers_are_trusted_by_their_certificates),
    };
    return cmocka_run_group_tests_name("keys from a URL", tests, set_up, tear_down);
}
