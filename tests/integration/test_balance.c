/* SPDX-License-Identifier: MIT
 * Which endpoint a request goes to: methods of balancing, backups, full endpoints and the queue in front of them,
 * services that share a route, endpoints that come back. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "tests/support/expect.h"
#include "tests/support/fleet.h"

/* a jitter of none, so that a check that takes long under a sanitizer does not meet the next one */
#define HEALTH_CHECK                                                                                                   \
    "    health_check: { path: " CHECK_PATH ", period: 400ms, timeout: 350ms, jitter: 0%, unhealthy: 1, healthy: 1 "   \
    "}\n"

static void assert_has_retry_after(const reply_t *reply)
{
    char *value = reply_field(reply, "retry-after");
    assert_non_null(value);
    assert_true(atoi(value) >= 1);
    free(value);
}

static void assert_between(size_t value, size_t least, size_t most, const char *about)
{
    if (value < least || value > most)
        fail_msg("%s: %zu is not within %zu..%zu", about, value, least, most);
}

/** Waits until the health checks have taken the node out or brought it back.  @param nth time that any node did */
static void set_health(gateway_t *gateway, node_t *node, bool is_well, size_t nth)
{
    atomic_store(&node->check_status, is_well ? 200 : 500);
    free(process_wait_for(gateway->process, is_well ? "is up again" : "is down", nth));
}

/* methods ---------------------------------------------------------------------------------------------------------- */

static void round_robin_gives_each_endpoint_its_weight(void **state)
{
    static const char *const weights[] = {"weight: 1", "weight: 2", "weight: 3"};
    fleet_t *fleet = fleet_start(3);
    gateway_t *gateway = fleet_gateway(fleet, weights, "    balance: round_robin\n");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        client_t *client = client_create(gateway, t);
        size_t counts[FLEET_MAX];
        fleet_count(client, 60, NULL, counts);
        assert_int_equal(counts[0], 10);
        assert_int_equal(counts[1], 20);
        assert_int_equal(counts[2], 30);
        /* spread out, too: no endpoint has more than its share of a dozen, by more than one */
        fleet_count(client, 6, NULL, counts);
        assert_int_equal(counts[2], 3);
        client_free(client);
    }
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void random_gives_each_endpoint_about_its_weight(void **state)
{
    static const char *const weights[] = {"weight: 1", "weight: 3"};
    fleet_t *fleet = fleet_start(2);
    gateway_t *gateway = fleet_gateway(fleet, weights, "    balance: random\n");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        client_t *client = client_create(gateway, t);
        size_t counts[FLEET_MAX];
        fleet_count(client, 400, NULL, counts);
        assert_between(counts[0], 45, 155, "a quarter of 400, within six standard deviations");
        client_free(client);
    }
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void least_requests_avoids_the_endpoint_that_is_busy(void **state)
{
    enum { most_held = 12, num_more = 40 };
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        fleet_t *fleet = fleet_start(2);
        node_t *busy = &fleet->nodes[0];
        gateway_t *gateway = fleet_gateway(fleet, NULL, "    balance: least_requests\n");
        pending_t *pendings[most_held + num_more];
        size_t num = 0;
        atomic_store(&busy->holds, true);
        /* until one hangs there; each of the others is answered before the next comes */
        while (atomic_load(&busy->num_held) == 0) {
            assert_true(num != most_held);
            pendings[num++] = fetch_later(gateway, t, &(request_t){.path = "/"});
            fleet_wait_served(fleet, num);
        }
        for (size_t i = 0; i != num_more; ++i) {
            pendings[num++] = fetch_later(gateway, t, &(request_t){.path = "/"});
            fleet_wait_served(fleet, num);
        }
        /* two are looked at, and they are the same endpoint eight times in a row once in 256 */
        assert_between(atomic_load(&busy->num_served), 1, 5, "requests at the busy endpoint");
        node_release(busy);
        for (size_t i = 0; i != num; ++i) {
            reply_t reply = pending_wait(pendings[i]);
            assert_int_equal(reply.status, 200);
            reply_free(&reply);
        }
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

/* hash ------------------------------------------------------------------------------------------------------------- */

enum { NUM_KEYS = 60 };

typedef struct key_form {
    const char *about, *key; /* in the conf */
    const char *format;      /* of the field that has it */
} key_form_t;

static const key_form_t key_forms[] = {
    {"a header field", "\"header:X-User\"", "x-user: user-%zu"},
    {"a cookie", "\"cookie:session\"", "cookie: theme=dark; session=s%zu; session2=x"},
    {"the client's address", "client_address", "x-forwarded-for: 10.1.2.%zu"},
};
enum { NUM_KEY_FORMS = sizeof(key_forms) / sizeof(key_forms[0]) };

static gateway_t *start_hashing(const fleet_t *fleet, const key_form_t *form, const char *options)
{
    char text[512];
    snprintf(text, sizeof(text), "    balance: { method: hash, key: %s }\n%s", form->key, options);
    char *endpoints = fleet_endpoints(fleet, NULL);
    gateway_t *gateway =
        gateway_start(CONF_LISTEN "trusted_proxies: [ 127.0.0.1 ]\nservices:\n  fleet:\n    endpoints: [ %s ]\n%s"
                                  "routes: [ { path: /, service: fleet } ]\n",
                      endpoints, text);
    free(endpoints);
    return gateway;
}

/** Which node answers each key. */
static void map_keys(gateway_t *gateway, transport_t transport, const key_form_t *form, size_t nodes[NUM_KEYS])
{
    client_t *client = client_create(gateway, transport);
    for (size_t i = 0; i != NUM_KEYS; ++i) {
        char header[128];
        snprintf(header, sizeof(header), form->format, i);
        nodes[i] = fleet_ask(client, "/", header);
    }
    client_free(client);
}

static void hash_sends_the_same_key_to_the_same_endpoint(void **state)
{
    for (size_t f = 0; f != NUM_KEY_FORMS; ++f) {
        fleet_t *fleet = fleet_start(4);
        gateway_t *gateway = start_hashing(fleet, &key_forms[f], "");
        size_t first[NUM_KEYS], again[NUM_KEYS], used[FLEET_MAX] = {0};
        map_keys(gateway, OVER_HTTP1, &key_forms[f], first);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            map_keys(gateway, t, &key_forms[f], again);
            for (size_t i = 0; i != NUM_KEYS; ++i)
                if (first[i] != again[i])
                    fail_msg("%s: key %zu was at %zu, and over %s at %zu", key_forms[f].about, i, first[i],
                             transport_names[t], again[i]);
        }
        for (size_t i = 0; i != NUM_KEYS; ++i)
            ++used[first[i]];
        for (size_t i = 0; i != fleet->num; ++i)
            assert_between(used[i], 1, NUM_KEYS / 2, key_forms[f].about);
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

static void hash_sends_requests_without_the_key_to_any_endpoint(void **state)
{
    static const char *const without[] = {NULL, "cookie: theme=dark; sessions=s1; xsession=s1", "x-user:"};
    for (size_t f = 0; f != 2; ++f) { /* an address is always there */
        fleet_t *fleet = fleet_start(3);
        gateway_t *gateway = start_hashing(fleet, &key_forms[f], "");
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            client_t *client = client_create(gateway, t);
            size_t counts[FLEET_MAX];
            fleet_count(client, 60, without[t], counts);
            for (size_t i = 0; i != fleet->num; ++i)
                assert_between(counts[i], 1, 50, key_forms[f].about);
            client_free(client);
        }
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

static void a_client_without_a_proxy_is_hashed_by_its_own_address(void **state)
{
    fleet_t *fleet = fleet_start(4);
    gateway_t *gateway = fleet_gateway(fleet, NULL, "    balance: { method: hash, key: client_address }\n");
    client_t *client = client_create(gateway, OVER_HTTP1);
    size_t node = fleet_ask(client, "/", NULL);
    client_free(client);
    for (size_t i = 0; i != 12; ++i) { /* a client may not choose by saying where it comes from */
        char header[64];
        snprintf(header, sizeof(header), "x-forwarded-for: 10.1.2.%zu", i);
        client = client_create(gateway, (transport_t)(i % NUM_TRANSPORTS));
        assert_int_equal(fleet_ask(client, "/", header), node);
        client_free(client);
    }
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void when_an_endpoint_dies_only_its_keys_move(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        fleet_t *fleet = fleet_start(4);
        gateway_t *gateway = start_hashing(fleet, &key_forms[0], "");
        size_t before[NUM_KEYS], after[NUM_KEYS], again[NUM_KEYS], num_moved = 0;
        map_keys(gateway, t, &key_forms[0], before);
        node_kill(&fleet->nodes[2]);
        /* by retries at first; it is ejected after five failures, and may have but one key */
        for (size_t i = 0; i != 5; ++i)
            map_keys(gateway, t, &key_forms[0], after);
        free(process_wait_for(gateway->process, "is ejected", 1));
        map_keys(gateway, t, &key_forms[0], again);
        for (size_t i = 0; i != NUM_KEYS; ++i) {
            assert_int_not_equal(after[i], 2);
            assert_int_equal(after[i], again[i]);
            if (before[i] != 2)
                assert_int_equal(before[i], after[i]);
            num_moved += before[i] == 2;
        }
        assert_between(num_moved, 1, NUM_KEYS / 2, "keys that moved");
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

static void when_an_endpoint_comes_back_its_keys_do_too(void **state)
{
    fleet_t *fleet = fleet_start(4);
    gateway_t *gateway = start_hashing(fleet, &key_forms[1], HEALTH_CHECK);
    size_t before[NUM_KEYS], between[NUM_KEYS], after[NUM_KEYS];
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        map_keys(gateway, t, &key_forms[1], before);
        set_health(gateway, &fleet->nodes[1], false, (size_t)t + 1);
        map_keys(gateway, t, &key_forms[1], between);
        set_health(gateway, &fleet->nodes[1], true, (size_t)t + 1);
        map_keys(gateway, t, &key_forms[1], after);
        for (size_t i = 0; i != NUM_KEYS; ++i) {
            assert_int_equal(before[i], after[i]);
            if (before[i] == 1)
                assert_int_not_equal(between[i], 1);
            else
                assert_int_equal(between[i], before[i]);
        }
    }
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void one_popular_key_does_not_overload_its_endpoint(void **state)
{
    enum { num = 24 };
    static const char *const headers[] = {"x-user: everybody", NULL};
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        fleet_t *fleet = fleet_start(3);
        gateway_t *gateway = start_hashing(fleet, &key_forms[0], "");
        pending_t *pendings[num];
        for (size_t i = 0; i != fleet->num; ++i)
            atomic_store(&fleet->nodes[i].holds, true);
        for (size_t i = 0; i != num; ++i)
            pendings[i] = fetch_later(gateway, t, &(request_t){.path = "/", .headers = headers});
        fleet_wait_served(fleet, num);
        for (size_t i = 0; i != fleet->num; ++i)
            assert_between(atomic_load(&fleet->nodes[i].num_served), 1, 10, "125 % of eight");
        for (size_t i = 0; i != fleet->num; ++i)
            node_release(&fleet->nodes[i]);
        for (size_t i = 0; i != num; ++i) {
            reply_t reply = pending_wait(pendings[i]);
            assert_int_equal(reply.status, 200);
            reply_free(&reply);
        }
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

/* weights of nothing, backups -------------------------------------------------------------------------------------- */

static void backups_are_used_only_when_nothing_else_can_be(void **state)
{
    static const char *const options[] = {"backup: false", "weight: 2", "backup: true", "backup: true"};
    fleet_t *fleet = fleet_start(4);
    gateway_t *gateway = fleet_gateway(fleet, options, HEALTH_CHECK);
    size_t counts[FLEET_MAX];
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        client_t *client = client_create(gateway, t);
        fleet_count(client, 30, NULL, counts);
        assert_int_equal(counts[0] + counts[1], 30);
        set_health(gateway, &fleet->nodes[0], false, 2 * (size_t)t + 1);
        fleet_count(client, 10, NULL, counts);
        assert_int_equal(counts[1], 10);
        set_health(gateway, &fleet->nodes[1], false, 2 * (size_t)t + 2);
        fleet_count(client, 10, NULL, counts);
        assert_int_equal(counts[2], 5);
        assert_int_equal(counts[3], 5);
        set_health(gateway, &fleet->nodes[0], true, 2 * (size_t)t + 1);
        fleet_count(client, 10, NULL, counts);
        assert_int_equal(counts[0], 10);
        set_health(gateway, &fleet->nodes[1], true, 2 * (size_t)t + 2);
        client_free(client);
    }
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void hash_spreads_over_backups_when_nothing_else_is_left(void **state)
{
    static const char *const options[] = {"weight: 1", "backup: true", "backup: true", "backup: true"};
    fleet_t *fleet = fleet_start(4);
    gateway_t *gateway =
        fleet_gateway(fleet, options, "    balance: { method: hash, key: \"header:X-User\" }\n" HEALTH_CHECK);
    size_t first[NUM_KEYS], again[NUM_KEYS], used[FLEET_MAX] = {0};
    set_health(gateway, &fleet->nodes[0], false, 1);
    map_keys(gateway, OVER_HTTP1, &key_forms[0], first);
    map_keys(gateway, OVER_HTTP2, &key_forms[0], again);
    for (size_t i = 0; i != NUM_KEYS; ++i) {
        assert_int_equal(first[i], again[i]);
        ++used[first[i]];
    }
    assert_int_equal(used[0], 0);
    for (size_t i = 1; i != fleet->num; ++i)
        assert_between(used[i], 1, NUM_KEYS, "keys of a backup");
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void weight_zero_gets_nothing(void **state)
{
    static const char *const methods[] = {"round_robin", "random", "least_requests",
                                          "{ method: hash, key: \"header:X-User\" }"};
    static const char *const weights[] = {"weight: 0", "weight: 5", "weight: 0"};
    for (size_t m = 0; m != sizeof(methods) / sizeof(methods[0]); ++m) {
        char balance[128];
        snprintf(balance, sizeof(balance), "    balance: %s\n", methods[m]);
        fleet_t *fleet = fleet_start(3);
        gateway_t *gateway = fleet_gateway(fleet, weights, balance);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            client_t *client = client_create(gateway, t);
            size_t counts[FLEET_MAX];
            fleet_count(client, 20, "x-user: me", counts);
            assert_int_equal(counts[1], 20);
            client_free(client);
        }
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

static void a_service_of_weight_zero_only_answers_503_on_its_own_route(void **state)
{
    static const char *const weights[] = {"weight: 0"};
    fleet_t *fleet = fleet_start(1);
    gateway_t *gateway = fleet_gateway(fleet, weights, "");
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch_path(gateway, t, "/");
        expect_reply(&reply, 503, "no_usable_endpoint");
        assert_has_retry_after(&reply);
        reply_free(&reply);
    }
    gateway_stop(gateway);
    fleet_stop(fleet);
}

/* full endpoints --------------------------------------------------------------------------------------------------- */

/** Starts `num` requests. */
static void send_all(gateway_t *gateway, transport_t transport, pending_t **pendings, size_t num)
{
    for (size_t i = 0; i != num; ++i)
        pendings[i] = fetch_later(gateway, transport, &(request_t){.path = "/"});
}

/** Waits for all replies.  @return how many were 200; the others must be `status` for `reason` */
static size_t await_all(pending_t **pendings, size_t num, int status, const char *reason)
{
    size_t num_good = 0;
    for (size_t i = 0; i != num; ++i) {
        reply_t reply = pending_wait(pendings[i]);
        if (reply.status == 200) {
            ++num_good;
        } else {
            expect_reply(&reply, status, reason);
            assert_has_retry_after(&reply);
        }
        reply_free(&reply);
    }
    return num_good;
}

static void requests_wait_for_a_place_and_the_queue_is_bounded(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        fleet_t *fleet = fleet_start(2);
        gateway_t *gateway = fleet_gateway(fleet, NULL, "    max_requests: 2\n    queue: { size: 3, timeout: 25s }\n");
        pending_t *pendings[8];
        for (size_t i = 0; i != fleet->num; ++i)
            atomic_store(&fleet->nodes[i].holds, true);
        send_all(gateway, t, pendings, 8); /* two at each endpoint, three wait, one too many */
        free(process_wait_for(gateway->process, "\"reason\":\"queue_full\"", 1));
        for (size_t i = 0; i != fleet->num; ++i)
            origin_wait(&fleet->nodes[i].num_held, 2);
        atomic_store(&fleet->nodes[0].go, 1); /* one place: one more comes in, the other two wait on */
        origin_wait(&fleet->nodes[0].num_held, 3);
        for (size_t i = 0; i != fleet->num; ++i)
            node_release(&fleet->nodes[i]);
        assert_int_equal(await_all(pendings, 8, 503, "queue_full"), 7);
        for (size_t i = 0; i != fleet->num; ++i)
            assert_int_equal(atomic_load(&fleet->nodes[i].most_at_work), 2);
        assert_int_equal(atomic_load(&fleet->nodes[0].num_served) + atomic_load(&fleet->nodes[1].num_served), 7);
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

static void a_request_does_not_wait_for_ever(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        fleet_t *fleet = fleet_start(1);
        gateway_t *gateway = fleet_gateway(fleet, NULL, "    max_requests: 1\n    queue: { timeout: 150ms }\n");
        pending_t *pending;
        atomic_store(&fleet->nodes[0].holds, true);
        send_all(gateway, t, &pending, 1);
        origin_wait(&fleet->nodes[0].num_held, 1);
        reply_t reply = fetch_path(gateway, t, "/");
        expect_reply(&reply, 503, "queue_timeout");
        assert_has_retry_after(&reply);
        reply_free(&reply);
        node_release(&fleet->nodes[0]);
        assert_int_equal(await_all(&pending, 1, 0, ""), 1);
        assert_int_equal(atomic_load(&fleet->nodes[0].num_served), 1);
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

static void a_queue_of_size_zero_lets_none_wait(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        fleet_t *fleet = fleet_start(1);
        gateway_t *gateway = fleet_gateway(fleet, NULL, "    max_requests: 1\n    queue: { size: 0 }\n");
        pending_t *pending;
        atomic_store(&fleet->nodes[0].holds, true);
        send_all(gateway, t, &pending, 1);
        origin_wait(&fleet->nodes[0].num_held, 1);
        reply_t reply = fetch_path(gateway, t, "/");
        expect_reply(&reply, 503, "queue_full");
        assert_has_retry_after(&reply);
        reply_free(&reply);
        node_release(&fleet->nodes[0]);
        assert_int_equal(await_all(&pending, 1, 0, ""), 1);
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

static void a_client_that_leaves_gives_its_place_in_the_queue_back(void **state)
{
    fleet_t *fleet = fleet_start(1);
    gateway_t *gateway = fleet_gateway(fleet, NULL, "    max_requests: 1\n    queue: { size: 1, timeout: 25s }\n");
    pending_t *pendings[3];
    atomic_store(&fleet->nodes[0].holds, true);
    send_all(gateway, OVER_HTTP1, pendings, 1);
    origin_wait(&fleet->nodes[0].num_held, 1);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = fetch(gateway, t, &(request_t){.path = "/", .timeout_ms = 1000});
        assert_int_equal(reply.status, 0);
        reply_free(&reply);
        free(process_wait_for(gateway->process, "\"reason\":\"client_closed\"", (size_t)t + 1));
    }
    send_all(gateway, OVER_HTTP2, pendings + 1, 2); /* there is one place again, neither less nor more */
    free(process_wait_for(gateway->process, "\"reason\":\"queue_full\"", 1));
    node_release(&fleet->nodes[0]);
    assert_int_equal(await_all(pendings, 3, 503, "queue_full"), 2);
    assert_int_equal(atomic_load(&fleet->nodes[0].num_served), 2);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

#define CONF_TWO_WORKERS                                                                                               \
    "workers: 2\n"                                                                                                     \
    "listen:\n"                                                                                                        \
    "  - address: 127.0.0.1:0\n"                                                                                       \
    "  - address: 127.0.0.1:00\n"                                                                                      \
    "    tls: { certificates: [ { certificate: server.crt, key: server.key } ] }\n"

/** With one place and connections on both workers each of them has to wake the other: else those who wait there would
 *  wait until their time is over. */
static void a_place_freed_by_one_worker_wakes_who_waits_at_another(void **state)
{
    enum { num_waiting = 23, num_all = num_waiting + 2 };
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        fleet_t *fleet = fleet_start(1);
        char *endpoints = fleet_endpoints(fleet, NULL);
        gateway_t *gateway = gateway_start(CONF_TWO_WORKERS "services:\n  fleet:\n    endpoints: [ %s ]\n"
                                                            "    max_requests: 1\n"
                                                            "    queue: { size: %d, timeout: 25s }\n"
                                                            "routes: [ { path: /, service: fleet } ]\n",
                                           endpoints, num_waiting);
        free(endpoints);
        pending_t *pendings[num_all];
        atomic_store(&fleet->nodes[0].holds, true);
        send_all(gateway, t, pendings, num_all);
        free(process_wait_for(gateway->process, "\"reason\":\"queue_full\"", 1)); /* the others wait by now */
        node_release(&fleet->nodes[0]);
        assert_int_equal(await_all(pendings, num_all, 503, "queue_full"), num_all - 1);
        assert_int_equal(atomic_load(&fleet->nodes[0].most_at_work), 1);
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

/** Nobody frees a place: the place of an endpoint that comes back is one that was not there before. */
static void an_endpoint_that_comes_back_serves_those_who_wait(void **state)
{
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        fleet_t *fleet = fleet_start(2);
        gateway_t *gateway =
            fleet_gateway(fleet, NULL, "    max_requests: 1\n    queue: { size: 1, timeout: 10s }\n" HEALTH_CHECK);
        pending_t *pendings[3];
        set_health(gateway, &fleet->nodes[1], false, 1);
        atomic_store(&fleet->nodes[0].holds, true);
        send_all(gateway, t, pendings, 3); /* at the endpoint, waiting, refused */
        free(process_wait_for(gateway->process, "\"reason\":\"queue_full\"", 1));
        origin_wait(&fleet->nodes[0].num_held, 1);
        set_health(gateway, &fleet->nodes[1], true, 1);
        free(process_wait_for(gateway->process, "\"reason\":\"",
                              2)); /* the one that waited has ended, one way or other */
        node_release(&fleet->nodes[0]);
        assert_int_equal(await_all(pendings, 3, 503, "queue_full"), 2);
        assert_int_equal(atomic_load(&fleet->nodes[1].num_served), 1);
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

/* services that share a route -------------------------------------------------------------------------------------- */

/** Every node is a service of its own: v0, v1, ...; `services` and what else the route has */
static gateway_t *start_split(const fleet_t *fleet, const char *route)
{
    char *services = NULL;
    size_t size;
    FILE *file = open_memstream(&services, &size);
    for (size_t i = 0; i != fleet->num; ++i)
        fprintf(file, "  v%zu: { endpoints: [ \"http://127.0.0.1:%d\" ] }\n", i, fleet->nodes[i].port);
    fclose(file);
    gateway_t *gateway = gateway_start(CONF_LISTEN "trusted_proxies: [ 127.0.0.1 ]\nservices:\n%s"
                                                   "routes: [ { path: /, %s } ]\n",
                                       services, route);
    free(services);
    return gateway;
}

static void services_share_a_route_by_their_weights(void **state)
{
    static const char *const routes[] = {"services: { v0: 90, v1: 10, v2: 0 }",
                                         "services: { v0: 90, v1: 10, v2: 0 }, split_by: random",
                                         "services: { v0: 900000, v1: 100000, v2: 0 }, split_by: \"header:X-User\""};
    for (size_t i = 0; i != sizeof(routes) / sizeof(routes[0]); ++i) {
        fleet_t *fleet = fleet_start(3);
        gateway_t *gateway = start_split(fleet, routes[i]);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) { /* without the key: at random too */
            client_t *client = client_create(gateway, t);
            size_t counts[FLEET_MAX];
            fleet_count(client, 400, NULL, counts);
            assert_between(counts[1], 8, 80, routes[i]);
            assert_int_equal(counts[2], 0);
            client_free(client);
        }
        free(process_wait_for(gateway->process, "\"service\":\"v1\"", 1));
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

static void a_split_by_key_is_sticky(void **state)
{
    for (size_t f = 0; f != NUM_KEY_FORMS; ++f) {
        char route[256];
        snprintf(route, sizeof(route), "services: { v0: 50, v1: 50 }, split_by: %s", key_forms[f].key);
        fleet_t *fleet = fleet_start(2);
        gateway_t *gateway = start_split(fleet, route);
        size_t first[NUM_KEYS], again[NUM_KEYS], num_second = 0;
        map_keys(gateway, OVER_HTTP1, &key_forms[f], first);
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            map_keys(gateway, t, &key_forms[f], again);
            for (size_t i = 0; i != NUM_KEYS; ++i)
                assert_int_equal(first[i], again[i]);
        }
        for (size_t i = 0; i != NUM_KEYS; ++i)
            num_second += first[i] == 1;
        assert_between(num_second, NUM_KEYS / 6, NUM_KEYS * 5 / 6, key_forms[f].about);
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

/** A canary grows: who was with it stays with it. */
static void a_growing_share_takes_keys_from_the_others_only(void **state)
{
    fleet_t *fleet = fleet_start(2);
    static const char *const routes[] = {"services: { v1: 10, v0: 90 }, split_by: \"header:X-User\"",
                                         "services: { v1: 50, v0: 50 }, split_by: \"header:X-User\""};
    size_t nodes[2][NUM_KEYS];
    for (size_t i = 0; i != 2; ++i) {
        gateway_t *gateway = start_split(fleet, routes[i]);
        map_keys(gateway, OVER_HTTP2, &key_forms[0], nodes[i]);
        gateway_stop(gateway);
    }
    for (size_t i = 0; i != NUM_KEYS; ++i)
        if (nodes[0][i] == 1)
            assert_int_equal(nodes[1][i], 1);
    fleet_stop(fleet);
}

/** The part of the keys that a split leaves to a service is spread over all endpoints of that service. */
static void a_split_and_a_hash_by_the_same_key_go_together(void **state)
{
    enum { num_keys = 8000, num_pairs = 4 };
    fleet_t *fleet = fleet_start(2 * num_pairs + 1);
    char *services = NULL;
    size_t size, counts[FLEET_MAX] = {0};
    FILE *file = open_memstream(&services, &size);
    for (size_t i = 0; i != num_pairs; ++i)
        fprintf(file,
                "  new%zu:\n    balance: { method: hash, key: \"header:X-User\" }\n"
                "    endpoints: [ \"http://127.0.0.1:%d\", \"http://127.0.0.1:%d\" ]\n",
                i, fleet->nodes[2 * i].port, fleet->nodes[2 * i + 1].port);
    fclose(file);
    gateway_t *gateway =
        gateway_start(CONF_LISTEN "services:\n%s  old: { endpoints: [ \"http://127.0.0.1:%d\" ] }\n"
                                  "routes: [ { path: /, services: { new0: 1, new1: 1, new2: 1, new3: 1, old: 96 }, "
                                  "split_by: \"header:X-User\" } ]\n",
                      services, fleet->nodes[2 * num_pairs].port);
    free(services);
    client_t *client = client_create(gateway, OVER_HTTP1);
    for (size_t i = 0; i != num_keys; ++i) {
        char header[64];
        snprintf(header, sizeof(header), "x-user: user-%zu", i);
        ++counts[fleet_ask(client, "/", header)];
    }
    for (size_t i = 0; i != num_pairs; ++i) {
        size_t num = counts[2 * i] + counts[2 * i + 1];
        assert_between(num, num_keys / 200, num_keys / 50, "keys of a new service");
        assert_between(counts[2 * i], num / 10, num - num / 10, "keys of one of its two endpoints");
    }
    client_free(client);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

/* coming back ------------------------------------------------------------------------------------------------------ */

static void an_endpoint_that_comes_back_starts_slowly(void **state)
{
    static const char *const methods[] = {"round_robin", "random", "least_requests"};
    for (size_t m = 0; m != sizeof(methods) / sizeof(methods[0]); ++m) {
        char options[512];
        snprintf(options, sizeof(options), "    balance: %s\n    slow_start: 1h\n%s", methods[m], HEALTH_CHECK);
        fleet_t *fleet = fleet_start(2);
        gateway_t *gateway = fleet_gateway(fleet, NULL, options);
        client_t *client = client_create(gateway, (transport_t)m);
        size_t counts[FLEET_MAX];
        fleet_count(client, 100, NULL, counts);
        assert_between(counts[1], 20, 80, "at the start nothing is held back");
        set_health(gateway, &fleet->nodes[1], false, 1);
        set_health(gateway, &fleet->nodes[1], true, 1);
        fleet_count(client, 400, NULL, counts);
        assert_between(counts[1], 1, 120, methods[m]);
        client_free(client);
        gateway_stop(gateway);
        fleet_stop(fleet);
    }
}

static void a_slow_start_ends(void **state)
{
    fleet_t *fleet = fleet_start(2);
    gateway_t *gateway = fleet_gateway(fleet, NULL, "    slow_start: 500ms\n" HEALTH_CHECK);
    client_t *client = client_create(gateway, OVER_HTTP2);
    set_health(gateway, &fleet->nodes[1], false, 1);
    set_health(gateway, &fleet->nodes[1], true, 1);
    size_t counts[FLEET_MAX] = {0};
    time_t deadline = time(NULL) + DEADLINE_MS / 1000;
    while (counts[1] != 50 && time(NULL) < deadline)
        fleet_count(client, 100, NULL, counts);
    assert_int_equal(counts[1], 50);
    client_free(client);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

static void an_endpoint_added_by_a_reload_starts_slowly(void **state)
{
    static const char options[] = "    slow_start: 1h\n";
    fleet_t *fleet = fleet_start(2);
    size_t counts[FLEET_MAX];
    fleet->num = 1;
    gateway_t *gateway = fleet_gateway(fleet, NULL, options);
    fleet->num = 2;
    fleet_write_conf(gateway, fleet, NULL, options);
    process_signal(gateway->process, SIGHUP);
    free(process_wait_for(gateway->process, "reloaded: generation", 1));
    client_t *client = client_create(gateway, OVER_TLS);
    fleet_count(client, 400, NULL, counts);
    assert_between(counts[1], 1, 120, "requests at the new endpoint");
    client_free(client);
    gateway_stop(gateway);
    fleet_stop(fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_robin_gives_each_endpoint_its_weight),
        cmocka_unit_test(random_gives_each_endpoint_about_its_weight),
        cmocka_unit_test(least_requests_avoids_the_endpoint_that_is_busy),
        cmocka_unit_test(hash_sends_the_same_key_to_the_same_endpoint),
        cmocka_unit_test(hash_sends_requests_without_the_key_to_any_endpoint),
        cmocka_unit_test(a_client_without_a_proxy_is_hashed_by_its_own_address),
        cmocka_unit_test(when_an_endpoint_dies_only_its_keys_move),
        cmocka_unit_test(when_an_endpoint_comes_back_its_keys_do_too),
        cmocka_unit_test(one_popular_key_does_not_overload_its_endpoint),
        cmocka_unit_test(backups_are_used_only_when_nothing_else_can_be),
        cmocka_unit_test(hash_spreads_over_backups_when_nothing_else_is_left),
        cmocka_unit_test(weight_zero_gets_nothing),
        cmocka_unit_test(a_service_of_weight_zero_only_answers_503_on_its_own_route),
        cmocka_unit_test(requests_wait_for_a_place_and_the_queue_is_bounded),
        cmocka_unit_test(a_request_does_not_wait_for_ever),
        cmocka_unit_test(a_queue_of_size_zero_lets_none_wait),
        cmocka_unit_test(a_client_that_leaves_gives_its_place_in_the_queue_back),
        cmocka_unit_test(a_place_freed_by_one_worker_wakes_who_waits_at_another),
        cmocka_unit_test(an_endpoint_that_comes_back_serves_those_who_wait),
        cmocka_unit_test(services_share_a_route_by_their_weights),
        cmocka_unit_test(a_split_by_key_is_sticky),
        cmocka_unit_test(a_growing_share_takes_keys_from_the_others_only),
        cmocka_unit_test(a_split_and_a_hash_by_the_same_key_go_together),
        cmocka_unit_test(an_endpoint_that_comes_back_starts_slowly),
        cmocka_unit_test(a_slow_start_ends),
        cmocka_unit_test(an_endpoint_added_by_a_reload_starts_slowly),
    };
    return cmocka_run_group_tests_name("balance", tests, NULL, NULL);
}
