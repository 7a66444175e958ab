/* SPDX-License-Identifier: MIT
 * Requests of a client under way at a time: refused when they are too many, and never a place lost, however a request
 * ends. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>
#include "tests/support/fleet.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

#define SERVICE                                                                                                        \
    "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ], retries: { attempts: 1 }, ejection: { "             \
    "consecutive_failures: 0 } } }\n"
#define ROUTE(options) "routes: [ { path: /, service: origin, filters: [ { concurrency_limit: { " options " } } ] } ]\n"
#define CONF(options)  CONF_LISTEN SERVICE ROUTE(options)

static const char *const of_alice[] = {"X-Client: alice", NULL}, *const of_bob[] = {"X-Client: bob", NULL};
static const request_t alice = {.path = "/", .headers = of_alice}, bob = {.path = "/", .headers = of_bob};

static void expect(const gateway_t *gateway, transport_t transport, const request_t *request, int status)
{
    reply_t reply = fetch(gateway, transport, request);
    if (reply.status != status)
        fail_msg("over %s: %d %s instead of %d", transport_names[transport], reply.status, reply.body, status);
    reply_free(&reply);
}

static void expect_field(const reply_t *reply, const char *name, const char *expected)
{
    char *value = reply_field(reply, name);
    if ((value == NULL) != (expected == NULL) || (value != NULL && strcmp(value, expected) != 0))
        fail_msg("%s: %s instead of %s", name, value, expected);
    free(value);
}

static void wait_for(pending_t *pending, int status)
{
    reply_t reply = pending_wait(pending);
    assert_int_equal(reply.status, status);
    reply_free(&reply);
}

/* too many --------------------------------------------------------------------------------------------------------- */

static void check_problem(const reply_t *reply)
{
    json_t *problem = json_loads(reply->body, 0, NULL);
    assert_non_null(problem);
    assert_string_equal(json_string_value(json_object_get(problem, "type")),
                        "https://iana.org/assignments/http-problem-types#quota-exceeded");
    assert_string_equal(json_string_value(json_object_get(problem, "reason")), "concurrency_limited");
    const json_t *violated = json_object_get(problem, "violated-policies");
    assert_int_equal(json_array_size(violated), 1);
    assert_string_equal(json_string_value(json_array_get(violated, 0)), "uploads");
    json_decref(problem);
}

static void one_more_than_max_is_refused_until_one_has_ended(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        fleet_t *fleet = fleet_start(1);
        node_t *node = &fleet->nodes[0];
        atomic_store(&node->holds, true);
        gateway_t *gateway =
            gateway_start(CONF("key: header:X-Client, when_missing: refuse, max: 2, name: uploads"), node->port);
        pending_t *inside[2], *other;
        for (size_t i = 0; i != 2; ++i) {
            inside[i] = fetch_later(gateway, t, &alice);
            fleet_wait_served(fleet, i + 1);
        }
        reply_t refused = fetch(gateway, t, &alice);
        assert_int_equal(refused.status, 429);
        check_problem(&refused);
        expect_field(&refused, "Content-Type", "application/problem+json");
        expect_field(&refused, "Retry-After", "1");
        expect_field(&refused, "RateLimit-Policy", "\"uploads\";q=2;qu=\"concurrent-requests\"");
        expect_field(&refused, "RateLimit", "\"uploads\";r=0");
        reply_free(&refused);
        free(process_wait_for(gateway->process,
                              "\"verdict\":\"refused\",\"reason\":\"concurrency_limited\",\"detail\":\"uploads\"", 1));
        other = fetch_later(gateway, t, &bob); /* who has places of his own */
        fleet_wait_served(fleet, 3);
        atomic_store(&node->go, 1);
        wait_for(inside[0], 200);
        free(process_wait_for(gateway->process, "\"status\":200", 1));
        inside[0] = fetch_later(gateway, t, &alice);
        fleet_wait_served(fleet, 4);
        expect(gateway, t, &alice, 429);
        node_release(node);
        wait_for(inside[1], 200);
        wait_for(inside[0], 200);
        reply_t reply = pending_wait(other);
        assert_int_equal(reply.status, 200);
        expect_field(&reply, "RateLimit-Policy", "\"uploads\";q=2;qu=\"concurrent-requests\"");
        expect_field(&reply, "RateLimit", "\"uploads\";r=1");
        expect_field(&reply, "Retry-After", NULL);
        reply_free(&reply);
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

static void options_decide_who_is_refused(void **state)
{
    static const char *const of_probe[] = {"X-Client: alice", "X-Probe: swordfish", NULL};
    static const char *const of_liar[] = {"X-Client: alice", "X-Probe: swordfish", "X-Probe: swordfish", NULL};
    static const char *const of_two[] = {"X-Client: alice", "X-Client: bob", NULL};
    static const struct {
        const char *about, *options;
        const char *const *first, *const *second;
        int status;
        bool has_fields;
        const char *in_log; /* the decision; NULL: none */
    } cases[] = {
        {"the same client", "key: header:X-Client, when_missing: refuse, max: 1", of_alice, of_alice, 429, true,
         "\"verdict\":\"refused\",\"reason\":\"concurrency_limited\""},
        {"another client", "key: header:X-Client, when_missing: refuse, max: 1", of_alice, of_bob, 200, true, NULL},
        {"everybody is one client", "key: all, max: 1", of_alice, of_bob, 429, true,
         "\"verdict\":\"refused\",\"reason\":\"concurrency_limited\""},
        {"the same address and route", "key: [ client_address, route ], max: 1", of_alice, of_bob, 429, true,
         "\"verdict\":\"refused\",\"reason\":\"concurrency_limited\""},
        {"no key, refused", "key: header:X-Client, when_missing: refuse, max: 1", of_alice, NULL, 400, false,
         "\"verdict\":\"refused\",\"reason\":\"key_missing\""},
        {"two keys, refused", "key: header:X-Client, when_missing: refuse, max: 1", of_alice, of_two, 400, false,
         "\"verdict\":\"refused\",\"reason\":\"key_missing\""},
        {"no key, observed", "key: header:X-Client, when_missing: refuse, max: 1, mode: observe", of_alice, NULL, 200,
         false, "\"verdict\":\"would_refuse\",\"reason\":\"key_missing\""},
        {"no key, allowed", "key: header:X-Client, when_missing: allow, max: 1", NULL, NULL, 200, false,
         "\"verdict\":\"next\",\"reason\":\"key_missing\""},
        {"no key, shared", "key: header:X-Client, when_missing: shared, max: 1", NULL, of_two, 429, true,
         "\"verdict\":\"refused\",\"reason\":\"concurrency_limited\""},
        {"exempt", "key: all, max: 1, exempt: [ 'header:X-Probe=swordfish' ]", of_alice, of_probe, 200, false,
         "\"verdict\":\"next\",\"reason\":\"exempt\""},
        {"exempt takes no place", "key: all, max: 1, exempt: [ 'header:X-Probe=swordfish' ]", of_probe, of_alice, 200,
         true, "\"verdict\":\"next\",\"reason\":\"exempt\""},
        {"not exempt with two of them", "key: all, max: 1, exempt: [ 'header:X-Probe=swordfish' ]", of_alice, of_liar,
         429, true, "\"verdict\":\"refused\",\"reason\":\"concurrency_limited\""},
        {"exempt by address", "key: all, max: 1, exempt: [ client_address=127.0.0.0/8 ]", of_alice, of_alice, 200,
         false, "\"verdict\":\"next\",\"reason\":\"exempt\""},
        {"exempt by method", "key: all, max: 1, exempt: [ method=GET ]", of_alice, of_alice, 200, false,
         "\"verdict\":\"next\",\"reason\":\"exempt\""},
        {"only watched", "key: all, max: 1, mode: observe", of_alice, of_alice, 200, false,
         "\"verdict\":\"would_refuse\",\"reason\":\"concurrency_limited\",\"detail\":\"concurrency\""},
        {"tried beside", "key: all, max: 2, trial: 1", of_alice, of_alice, 200, true,
         "\"verdict\":\"trial\",\"reason\":\"would_refuse\",\"detail\":\"concurrency\""},
        {"untold", "key: all, max: 1, fields: none", of_alice, of_alice, 429, false,
         "\"verdict\":\"refused\",\"reason\":\"concurrency_limited\""},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        fleet_t *fleet = fleet_start(1);
        node_t *node = &fleet->nodes[0];
        gateway_t *gateway = gateway_start(CONF("%s"), node->port, cases[i].options);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            size_t num_served = fleet_served(fleet), num_held = atomic_load(&node->num_held);
            const request_t first = {.path = "/", .headers = cases[i].first};
            atomic_store(&node->holds, true);
            pending_t *inside = fetch_later(gateway, t, &first);
            fleet_wait_served(fleet, num_served + 1);
            atomic_store(&node->holds, false);
            reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .headers = cases[i].second});
            if (reply.status != cases[i].status)
                fail_msg("%s over %s: %d %s", cases[i].about, transport_names[t], reply.status, reply.body);
            char *field = reply_field(&reply, "RateLimit");
            if ((field != NULL) != cases[i].has_fields)
                fail_msg("%s over %s: RateLimit: %s", cases[i].about, transport_names[t], field);
            free(field);
            if (cases[i].status == 400)
                assert_non_null(strstr(reply.body, "\"reason\":\"rate_limit_key_missing\""));
            reply_free(&reply);
            atomic_store(&node->go, num_held + 1);
            wait_for(inside, 200);
            if (cases[i].in_log != NULL)
                free(process_wait_for(gateway->process, cases[i].in_log, t + 1));
            free(process_wait_for(gateway->process, "\"path\":\"/\"", 2 * ((size_t)t + 1)));
        }
        if (cases[i].in_log == NULL && process_count(gateway->process, "\"concurrency_limit\"") != 0)
            fail_msg("%s: there was something to decide", cases[i].about);
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

static void a_table_that_is_full_says_so_and_who_has_no_room_is_refused(void **state)
{
    enum { more_than_fit = 64, at_least = 5 };
    fleet_t *fleet = fleet_start(1);
    node_t *node = &fleet->nodes[0];
    atomic_store(&node->holds, true);
    gateway_t *gateway = gateway_start(
        CONF("key: header:X-Client, when_missing: refuse, max: 1, keys: 1, when_full: refuse"), node->port);
    pending_t *pending[more_than_fit];
    char fields[more_than_fit][32];
    const char *headers[more_than_fit][2];
    request_t requests[more_than_fit];
    size_t num_passed = 0;
    for (size_t i = 0; i != more_than_fit; ++i) {
        sprintf(fields[i], "X-Client: %zu", i);
        headers[i][0] = fields[i];
        headers[i][1] = NULL;
        requests[i] = (request_t){.path = "/", .headers = headers[i]};
        pending[i] = fetch_later(gateway, OVER_HTTP1, &requests[i]);
    }
    free(process_wait_for(gateway->process, "\"reason\":\"no_room\"", at_least));
    free(process_wait_for(gateway->process, "there is no room for more clients (keys: 1): others are refused", 1));
    node_release(node);
    for (size_t i = 0; i != more_than_fit; ++i) {
        reply_t reply = pending_wait(pending[i]);
        assert_true(reply.status == 200 || reply.status == 429);
        num_passed += reply.status == 200;
        reply_free(&reply);
    }
    assert_in_range(num_passed, 10, more_than_fit - at_least);
    free(process_wait_for(gateway->process, "\"path\":\"/\"", more_than_fit));
    for (size_t i = 0; i != more_than_fit; ++i) /* there is room for all of them, one after the other */
        expect(gateway, OVER_HTTP1, &requests[i], 200);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

/* how requests end ------------------------------------------------------------------------------------------------- */

static void clients_that_leave_leave_their_places(void **state)
{
    enum { num = 3 };
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        fleet_t *fleet = fleet_start(1);
        node_t *node = &fleet->nodes[0];
        atomic_store(&node->holds, true);
        gateway_t *gateway = gateway_start(CONF("key: client_address, max: 1"), node->port);
        for (size_t i = 0; i != num; ++i) {
            pending_t *pending = fetch_later(gateway, t, &alice);
            fleet_wait_served(fleet, i + 1);
            expect(gateway, t, &alice, 429);
            reply_t reply = pending_leave(pending);
            assert_int_equal(reply.status, 0);
            reply_free(&reply);
            free(process_wait_for(gateway->process, "\"reason\":\"client_closed\"", i + 1));
        }
        node_release(node);
        expect(gateway, t, &alice, 200);
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

static void services_that_fail_leave_no_place_taken(void **state)
{
    static const struct {
        origin_script_t script;
        int status; /* 0: the response breaks off */
    } cases[] = {
        {origin_vanish, 502},    {origin_reset, 502},         {origin_break_off, 502},
        {origin_talk_junk, 502}, {origin_truncate_body, 200}, {origin_refuse, 503},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        origin_t *origin = origin_start(cases[i].script, NULL);
        gateway_t *gateway = gateway_start(CONF("key: client_address, max: 1"), origin->port);
        for (size_t k = 0; k != 2 * NUM_TRANSPORTS; ++k) {
            expect(gateway, (transport_t)(k % NUM_TRANSPORTS), &alice, cases[i].status);
            free(process_wait_for(gateway->process, "\"path\":\"/\"", k + 1));
        }
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

static void services_that_are_too_slow_leave_no_place_taken(void **state)
{
    origin_t *origin = origin_start(origin_hang, NULL);
    gateway_t *gateway =
        gateway_start(CONF_LISTEN "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ], timeouts: { response: "
                                  "20ms }, retries: { attempts: 1 } } }\n" ROUTE("key: client_address, max: 1"),
                      origin->port);
    for (size_t k = 0; k != NUM_TRANSPORTS; ++k) {
        expect(gateway, (transport_t)k, &alice, 504);
        free(process_wait_for(gateway->process, "\"path\":\"/\"", k + 1));
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_body_that_is_on_its_way_holds_a_place(void **state)
{
    static const char head[] = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF("key: client_address, max: 1"), origin->port);
    bool is_closed;
    for (size_t i = 0; i != 2; ++i) {
        int fd = raw_connect(gateway->ports[0]);
        raw_write(fd, head, sizeof(head) - 1);
        free(raw_read(fd, "100 Continue\r\n\r\n", &is_closed));
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
            expect(gateway, t, &alice, 429);
        if (i == 0) { /* it comes to its end ... */
            raw_write(fd, "abc", 3);
            char *reply = raw_read(fd, "abc", &is_closed);
            assert_non_null(strstr(reply, "HTTP/1.1 200 "));
            free(reply);
        }
        close(fd); /* ... or does not */
        free(process_wait_for(gateway->process, "\"method\":\"POST\"", i + 1));
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
            expect(gateway, t, &alice, 200);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

/** Answers with half a body and, when *arg has reached 1, with the rest. */
static void answer_in_halves(origin_t *origin, int fd, size_t index)
{
    char *request;
    while ((request = origin_read_request(origin, fd)) != NULL) {
        free(request);
        if (!origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf"))
            return;
        origin_wait(origin->arg, 1);
        origin_write(fd, "rest");
    }
}

static void a_response_that_is_on_its_way_holds_a_place(void **state)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    atomic_size_t go = 0;
    origin_t *origin = origin_start(answer_in_halves, &go);
    gateway_t *gateway = gateway_start(CONF("key: client_address, max: 1"), origin->port);
    bool is_closed;
    int fd = raw_connect(gateway->ports[0]);
    raw_write(fd, request, sizeof(request) - 1);
    free(raw_read(fd, "half", &is_closed));
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        expect(gateway, t, &alice, 429);
    atomic_store(&go, 1);
    free(raw_read(fd, "rest", &is_closed));
    free(process_wait_for(gateway->process, "\"status\":200", 1));
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) /* the connection that is kept holds none */
        expect(gateway, t, &alice, 200);
    close(fd);
    gateway_stop(gateway);
    origin_stop(origin);
}

/* reloads ---------------------------------------------------------------------------------------------------------- */

static void a_reload_keeps_all_counts(void **state)
{
    static const struct {
        const char *about, *before, *after;
        int status; /* of one more request */
    } cases[] = {
        {"nothing changes", "key: client_address, max: 2", "key: client_address, max: 2", 429},
        {"a larger table", "key: client_address, max: 2", "key: client_address, max: 2, keys: 1000000", 429},
        {"a smaller table", "key: client_address, max: 2", "key: client_address, max: 2, keys: 1", 429},
        {"a lower max", "key: client_address, max: 2", "key: client_address, max: 1", 429},
        {"a higher max", "key: client_address, max: 2", "key: client_address, max: 3, keys: 5", 200},
        {"another key", "key: client_address, max: 2", "key: [ client_address, route ], max: 2", 200},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        fleet_t *fleet = fleet_start(1);
        node_t *node = &fleet->nodes[0];
        atomic_store(&node->holds, true);
        gateway_t *gateway = gateway_start(CONF("%s"), node->port, cases[i].before);
        pending_t *inside[2], *later = NULL;
        for (size_t k = 0; k != 2; ++k) {
            inside[k] = fetch_later(gateway, (transport_t)(k + 1), &alice);
            fleet_wait_served(fleet, k + 1);
        }
        gateway_write_conf(gateway, CONF("%s"), node->port, cases[i].after);
        gateway_reload(gateway, 1);
        if (cases[i].status == 200) {
            later = fetch_later(gateway, OVER_HTTP1, &alice);
            fleet_wait_served(fleet, 3);
        } else {
            for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
                expect(gateway, t, &alice, cases[i].status);
        }
        node_release(node);
        for (size_t k = 0; k != 2; ++k)
            wait_for(inside[k], 200);
        if (later != NULL)
            wait_for(later, 200);
        free(process_wait_for(gateway->process, "\"status\":200", later != NULL ? 3 : 2));
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
            expect(gateway, t, &alice, 200);
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

/* a storm ---------------------------------------------------------------------------------------------------------- */

enum { num_clients = 3, max = 3, num_askers = 18, num_asked = 60, num_reloads = 8 };

/** What the origin sees. */
typedef struct scene {
    atomic_int inside[num_clients];
    atomic_size_t num_too_many, num_served;
} scene_t;

static void count_those_inside(origin_t *origin, int fd, size_t index)
{
    scene_t *scene = origin->arg;
    char *request;
    bool is_good = true;
    while (is_good && (request = origin_read_request(origin, fd)) != NULL) {
        const char *field = strcasestr(request, "\r\nX-Client: ");
        size_t client = field != NULL ? (size_t)(field[12] - '0') : num_clients;
        free(request);
        if (client >= num_clients)
            return;
        if (atomic_fetch_add(&scene->inside[client], 1) >= max)
            atomic_fetch_add(&scene->num_too_many, 1);
        origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
        sched_yield();
        atomic_fetch_add(&scene->num_served, 1);
        atomic_fetch_sub(&scene->inside[client], 1); /* before the end that lets another one in */
        is_good = origin_write(fd, "lf");
    }
}

typedef struct asker {
    pthread_t thread;
    const gateway_t *gateway;
    size_t index, num_passed, num_refused;
    atomic_size_t *num_over;
} asker_t;

static void *ask(void *arg)
{
    asker_t *asker = arg;
    char field[32];
    sprintf(field, "X-Client: %zu", asker->index % num_clients);
    const char *const headers[] = {field, NULL};
    client_t *client = client_create(asker->gateway, (transport_t)(asker->index / num_clients % NUM_TRANSPORTS));
    for (size_t i = 0; i != num_asked; ++i) {
        reply_t reply = client_send(client, &(request_t){.path = "/", .headers = headers});
        asker->num_passed += reply.status == 200;
        asker->num_refused += reply.status == 429;
        reply_free(&reply);
    }
    client_free(client);
    atomic_fetch_add(asker->num_over, 1);
    return NULL;
}

#define STORM_CONF                                                                                                     \
    "workers: 4\nlisten:\n  - address: 127.0.0.1:0\n  - address: 127.0.0.1:00\n"                                       \
    "    tls: { certificates: [ { certificate: server.crt, key: server.key } ] }\n" SERVICE ROUTE(                     \
        "key: header:X-Client, when_missing: refuse, max: 3, keys: %d")

/** What a response says to be left tells how many places are taken: that of the request itself, and, for a moment after
 * the client has read it all, those of the ones before. */
static void wait_until_all_are_free(const gateway_t *gateway, size_t index)
{
    char field[32];
    sprintf(field, "X-Client: %zu", index);
    const char *const headers[] = {field, NULL};
    client_t *client = client_create(gateway, OVER_HTTP1);
    bool is_free = false;
    for (time_t start = time(NULL); !is_free && time(NULL) - start <= DEADLINE_MS / 1000;) {
        reply_t reply = client_send(client, &(request_t){.path = "/", .headers = headers});
        char *limit = reply_field(&reply, "RateLimit");
        is_free = limit != NULL && strcmp(limit, "\"concurrency\";r=2") == 0;
        free(limit);
        reply_free(&reply);
    }
    assert_true(is_free);
    client_free(client);
}

static void never_more_than_max_of_a_client_are_at_the_service(void **state)
{
    scene_t scene = {.num_served = 0};
    asker_t askers[num_askers];
    atomic_size_t num_over = 0;
    origin_t *origin = origin_start(count_those_inside, &scene);
    gateway_t *gateway = gateway_start(STORM_CONF, origin->port, 10);
    for (size_t i = 0; i != num_askers; ++i) {
        askers[i] = (asker_t){.gateway = gateway, .index = i, .num_over = &num_over};
        if (pthread_create(&askers[i].thread, NULL, ask, &askers[i]) != 0)
            abort();
    }
    for (int i = 0; i != num_reloads; ++i) {
        gateway_write_conf(gateway, STORM_CONF, origin->port, 11 + i % 3);
        gateway_reload(gateway, (size_t)i + 1);
    }
    size_t num_passed = 0, num_refused = 0;
    for (size_t i = 0; i != num_askers; ++i) {
        pthread_join(askers[i].thread, NULL);
        num_passed += askers[i].num_passed;
        num_refused += askers[i].num_refused;
    }
    assert_int_equal(num_passed + num_refused, num_askers * num_asked);
    assert_int_equal(atomic_load(&scene.num_served), num_passed);
    assert_true(num_refused != 0);
    assert_int_equal(atomic_load(&scene.num_too_many), 0);
    for (size_t client = 0; client != num_clients; ++client)
        wait_until_all_are_free(gateway, client);
    gateway_stop(gateway);
    origin_stop(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_more_than_max_is_refused_until_one_has_ended),
        cmocka_unit_test(options_decide_who_is_refused),
        cmocka_unit_test(a_table_that_is_full_says_so_and_who_has_no_room_is_refused),
        cmocka_unit_test(clients_that_leave_leave_their_places),
        cmocka_unit_test(services_that_fail_leave_no_place_taken),
        cmocka_unit_test(services_that_are_too_slow_leave_no_place_taken),
        cmocka_unit_test(a_body_that_is_on_its_way_holds_a_place),
        cmocka_unit_test(a_response_that_is_on_its_way_holds_a_place),
        cmocka_unit_test(a_reload_keeps_all_counts),
        cmocka_unit_test(never_more_than_max_of_a_client_are_at_the_service),
    };
    return cmocka_run_group_tests_name("concurrency_limit", tests, NULL, NULL);
}
