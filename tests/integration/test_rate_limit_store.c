/* SPDX-License-Identifier: MIT
 * Limits that two gateways share through a Redis: that together they let pass what they may, and say the same to
 * clients.  What happens when the Redis is in trouble: test_rate_limit_store_failures.c. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/base/clock.h"
#include "tests/support/crowd.h"
#include "tests/support/expect.h"
#include "tests/support/redis_server.h"
#include "tests/support/twins.h"

/* a deadline that nothing reaches unless it hangs: answers that are given up would be counted otherwise */
#define PATIENT "store_timeout: 10s"
#define DENY    ", on_store_error: deny"
#define LEASE   "store_mode: lease, lease: { tokens: 10, time: 1s }"

enum { lease_tokens = 10 };

static redis_server_t *redis;

static int set_up(void **state)
{
    redis = redis_start("%s", "");
    return 0;
}

static int tear_down(void **state)
{
    redis_free(redis);
    return 0;
}

/** Each test has a Redis as good as new. */
static int flush(void **state)
{
    free(redis_ask(redis, NULL, "FLUSHALL"));
    return 0;
}

static twins_t *start_with(const char *more, const char *options, const char *other_options)
{
    char store[256], denying[512], other_denying[512];
    snprintf(store, sizeof(store), "store: redis://127.0.0.1:%d, " PATIENT "%s%s", redis->port,
             more[0] != '\0' ? ", " : "", more);
    snprintf(denying, sizeof(denying), "%s" DENY, options);
    snprintf(other_denying, sizeof(other_denying), "%s" DENY, other_options);
    return twins_start(&(twins_conf_t){
        .store = store,
        .limits = {{"first", denying}, {other_options != NULL ? "second" : NULL, other_denying}},
    });
}

/** @return what a RateLimit field says is left of the limit with that name; -1: nothing of it */
static int remaining_of(const reply_t *reply, const char *name)
{
    char *field = reply_field(reply, "RateLimit"), start[64];
    int remaining = -1;
    snprintf(start, sizeof(start), "\"%s\";r=", name);
    const char *at = field != NULL ? strstr(field, start) : NULL;
    if (at != NULL)
        remaining = atoi(at + strlen(start));
    free(field);
    return remaining;
}

static void expect_from(const twins_t *twins, size_t gateway, transport_t t, const char *path, int status,
                        int remaining)
{
    reply_t reply = twins_ask(twins, gateway, t, path, "alice");
    if (reply.status != status || remaining_of(&reply, "default") != remaining)
        fail_msg("%s of gateway %zu over %s: %d with %d left, not %d with %d: %s", path, gateway, transport_names[t],
                 reply.status, remaining_of(&reply, "default"), status, remaining, reply.body);
    reply_free(&reply);
}

/** As many of `num` requests as passed. */
static int num_passing(const twins_t *twins, size_t gateway, const char *path, int num)
{
    int passed = 0;
    for (int i = 0; i != num; ++i) {
        int status = twins_status(twins, gateway, (transport_t)(i % NUM_TRANSPORTS), path, "alice");
        assert_true(status == 200 || status == 429);
        passed += status == 200;
    }
    return passed;
}

/* totals ----------------------------------------------------------------------------------------------------------- */

/** Tokens that may have come while the bucket was full, because the machine let nobody ask: in the beginning, when more
 * had come than had been taken, and whenever nobody was refused for longer than it takes to fill. */
static double lost_tokens(const crowd_tally_t *tally, double burst, double rate)
{
    double at_first = rate * (double)(tally->first_refused_us - tally->first_asked_us) / 1e6 - (double)tally->num_early,
           later = 0;
    assert_int_not_equal(tally->num_early, CROWD_MAX_EARLY);
    for (size_t i = 0; i != tally->num_early; ++i) {
        double more = rate * (double)(tally->early_us[i] - tally->first_asked_us) / 1e6 - (double)i;
        at_first = more > at_first ? more : at_first;
    }
    for (size_t i = 0; i != CROWD_MAX_GAPS; ++i) {
        double came = rate * (double)tally->between_us[i] / 1e6;
        later += came > burst ? came - burst : 0;
    }
    return (at_first > 0 ? at_first : 0) + later;
}

/** The bucket was used first between the first request and the first answer, and was empty when that request was
 * counted which was refused last: so much has passed by then, and no more later than time has given.
 *  @param more, less tokens that may be out */
static void expect_total(const crowd_t *crowd, size_t path, double burst, double rate, double more, double less)
{
    const crowd_tally_t *tally = crowd_tally(crowd, path);
    assert_true(tally->last_refused_us > tally->first_refused_us);
    double most = burst + rate * (double)(tally->last_answered_us - tally->first_asked_us) / 1e6 + more,
           lost = lost_tokens(tally, burst, rate),
           least = burst + rate * (double)(tally->last_refused_us - tally->first_answered_us) / 1e6 - less - lost;
    print_message("%zu of %.1f..%.1f passed, %.1f may have been lost, %zu were refused\n", tally->num_passed, least,
                  most, lost, tally->num_refused);
    if ((double)tally->num_passed > most || (double)tally->num_passed < least)
        fail_msg("%zu passed", tally->num_passed);
    if (tally->num_odd + tally->num_unavailable != 0)
        fail_msg("%zu unavailable, %zu odd: %s", tally->num_unavailable, tally->num_odd, crowd_oddity(crowd));
}

static const char *const alice[] = {"X-Client: alice", NULL};
static const char *const both_paths[] = {"/first/", "/second/", NULL};
enum { num_each = 3, load_ms = 1500 };

/** For load_ms, and until each path was refused often enough to tell how much passed between, by either gateway. */
static void load_both_paths(crowd_t *crowd)
{
    crowd_run_for_ms(crowd, load_ms);
    for (size_t path = 0; path != 2; ++path) {
        crowd_wait_for(crowd, path, 429, 20);
        for (size_t i = 0; i != NUM_TWINS; ++i)
            crowd_wait_for_gateway(crowd, i, path, 50);
    }
    crowd_stop(crowd);
}

static void together_they_let_pass_exactly_what_one_would(void **state)
{
    twins_t *twins =
        start_with("", "rate: 100/s, burst: 100",
                   "limits: [ { name: a, rate: 150/s, burst: 60 }, { name: b, rate: 300/s, burst: 200 } ]");
    crowd_t *crowd = crowd_start(twins->gateways, NUM_TWINS, num_each, both_paths, alice);
    load_both_paths(crowd);
    expect_total(crowd, 0, 100, 100, 0, 1);
    expect_total(crowd, 1, 60, 150, 0, 1);
    crowd_free(crowd);
    twins_stop(twins);
}

static void leases_let_no_more_pass_than_is_stated_and_hardly_less(void **state)
{
    twins_t *twins =
        start_with(LEASE, "rate: 100/s, burst: 100",
                   "limits: [ { name: a, rate: 150/s, burst: 60 }, { name: b, rate: 300/s, burst: 200 } ]");
    crowd_t *crowd = crowd_start(twins->gateways, NUM_TWINS, num_each, both_paths, alice);
    crowd_run_for_ms(crowd, load_ms);
    crowd_stop(crowd);
    /* while one gateway refuses, the others may hold tokens; and a refusal is believed until the next token is due */
    enum { out = NUM_TWINS * lease_tokens, less = (NUM_TWINS - 1) * lease_tokens + NUM_TWINS + 1 };
    expect_total(crowd, 0, 100, 100, out, less);
    expect_total(crowd, 1, 60, 150, out, less);
    crowd_free(crowd);
    twins_stop(twins);
}

static void a_reload_under_load_refills_nothing(void **state)
{
    static const char *const modes[] = {"", LEASE};
    for (int mode = 0; mode != 2; ++mode) {
        char store[256];
        snprintf(store, sizeof(store), "store: redis://127.0.0.1:%d, " PATIENT "%s%s", redis->port,
                 mode != 0 ? ", " : "", modes[mode]);
        twins_conf_t conf = {.store = store, .limits = {{"first", "rate: 100/s, burst: 50" DENY}}};
        twins_t *twins = twins_start(&conf);
        static const char *const path[] = {"/first/", NULL};
        crowd_t *crowd = crowd_start(twins->gateways, NUM_TWINS, num_each, path, alice);
        for (size_t nth = 1; nth != 6; ++nth) {
            crowd_wait_for(crowd, 0, 429, 20);
            twins_reload(twins, nth, &conf);
        }
        crowd_wait_for(crowd, 0, 429, 20);
        crowd_stop(crowd);
        expect_total(crowd, 0, 50, 100, mode * NUM_TWINS * lease_tokens,
                     1 + mode * ((NUM_TWINS - 1) * lease_tokens + NUM_TWINS));
        crowd_free(crowd);
        twins_stop(twins);
        flush(NULL);
    }
}

/* one bucket for both ---------------------------------------------------------------------------------------------- */

static void both_say_the_same_over_every_transport(void **state)
{
    enum { burst = 12 };
    twins_t *twins = start_with("", "rate: 1/h, burst: 12", NULL);
    for (int i = 0; i != burst + 6; ++i) {
        transport_t t = (transport_t)(i / 2 % NUM_TRANSPORTS);
        reply_t reply = twins_ask(twins, (size_t)i % NUM_TWINS, t, "/first/", "alice");
        char *policy = reply_field(&reply, "RateLimit-Policy"), *after = reply_field(&reply, "Retry-After");
        assert_int_equal(reply.status, i < burst ? 200 : 429);
        assert_int_equal(remaining_of(&reply, "default"), i < burst ? burst - 1 - i : 0);
        assert_string_equal(policy, "\"default\";q=12;w=43200");
        if (i < burst) {
            assert_null(after);
        } else {
            expect_reply(&reply, 429, "rate_limited");
            assert_in_range(atoi(after), 3500, 3600);
        }
        free(policy);
        free(after);
        reply_free(&reply);
    }
    assert_int_equal(twins_status(twins, 0, OVER_TLS, "/first/", "bob"), 200); /* whose bucket is another one */
    twins_stop(twins);
}

static void several_limits_are_taken_from_all_or_none(void **state)
{
    twins_t *twins = start_with(
        "", "limits: [ { name: short, rate: 1/h, burst: 3 }, { name: \"long one\", rate: 1/2h, burst: 10 } ]", NULL);
    for (int i = 0; i != 6; ++i) {
        reply_t reply = twins_ask(twins, (size_t)i % NUM_TWINS, (transport_t)(i % NUM_TRANSPORTS), "/first/", "alice");
        assert_int_equal(reply.status, i < 3 ? 200 : 429);
        assert_int_equal(remaining_of(&reply, "short"), i < 3 ? 2 - i : 0);
        assert_int_equal(remaining_of(&reply, "long one"), i < 3 ? 9 - i : 7);
        if (i >= 3)
            assert_non_null(strstr(reply.body, "\"violated-policies\":[\"short\"]"));
        reply_free(&reply);
    }
    twins_stop(twins);
}

static void trials_are_counted_for_both(void **state)
{
    twins_t *twins = start_with("", "rate: 1/h, burst: 10, trial: { rate: 1/h, burst: 2 }", NULL);
    for (int i = 0; i != 6; ++i)
        expect_from(twins, (size_t)i % NUM_TWINS, (transport_t)(i % NUM_TRANSPORTS), "/first/", 200, 9 - i);
    for (size_t i = 0; i != NUM_TWINS; ++i) { /* each has had one within the trial's burst, and two beyond */
        twins_wait_for_line(twins, i, "\"path\":\"/first/\"", 3);
        char *log = twins_access_log(twins, i), *last = log;
        for (int n = 0; n != 2; ++n, ++last)
            assert_non_null(
                last = strstr(last, "\"verdict\":\"trial\",\"reason\":\"would_refuse\",\"detail\":\"default\""));
        assert_null(strstr(last, "\"verdict\":\"trial\""));
        free(log);
    }
    twins_stop(twins);
}

static void requests_wait_for_tokens_that_the_other_gateway_left(void **state)
{
    enum { token_ms = 150, num = 4, slack_ms = 10 }; /* a worker's clock stands still during a turn */
    twins_t *twins = start_with("", "rate: 1/150ms, burst: 1, max_delay: 10s", NULL);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        uint64_t start_ms = gw_clock_ms();
        for (size_t i = 0; i != num; ++i)
            assert_int_equal(twins_status(twins, i % NUM_TWINS, t, "/first/", transport_names[t]), 200);
        assert_true(gw_clock_ms() - start_ms >= (num - 1) * token_ms - slack_ms);
    }
    twins_wait_for_line(twins, 0, "\"verdict\":\"delayed\"", 1);
    twins_wait_for_line(twins, 1, "\"verdict\":\"delayed\"", 1);
    twins_stop(twins);
}

static void what_a_response_costs_is_taken_from_the_shared_bucket(void **state)
{
    static const struct {
        const char *about, *path;
        int status, costs;
    } rows[] = {
        {"more", "/first/missing", 404, 5},
        {"nothing", "/first/broken", 502, 0},
        {"as it was", "/first/fine", 200, 1},
    };
    enum { burst = 40 };
    static const char *const modes[] = {"", LEASE};
    for (int mode = 0; mode != 2; ++mode) {
        twins_t *twins = start_with(modes[mode], "rate: 1/h, burst: 40, cost_by_status: { 404: 5, 5xx: 0 }", NULL);
        for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i)
            for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
                char client[32];
                snprintf(client, sizeof(client), "%d-%zu-%d", mode, i, (int)t);
                assert_int_equal(twins_status(twins, 0, t, rows[i].path, client), rows[i].status);
                assert_int_equal(twins_status(twins, 0, t, rows[i].path, client), rows[i].status);
                int asked = 0, remaining;
                uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
                do { /* nobody waits for the correction, so it may be late; a lease brings the rest back at its end */
                    reply_t reply = twins_ask(twins, mode == 0 ? 1 : 0, t, "/first/fine", client);
                    assert_int_equal(reply.status, 200);
                    remaining = remaining_of(&reply, "default");
                    reply_free(&reply);
                    ++asked;
                    if (gw_clock_ms() > until_ms)
                        fail_msg("%s: %d left", rows[i].about, remaining);
                } while (mode == 0 && remaining + asked + 2 * rows[i].costs != burst);
                if (mode == 0)
                    continue;
                /* of a lease clients are told what is left in it: count them all */
                int passed = asked;
                while (twins_status(twins, 0, t, "/first/fine", client) == 200)
                    ++passed;
                if (passed != burst - 2 * rows[i].costs)
                    fail_msg("%s, with leases: %d passed", rows[i].about, passed);
            }
        twins_stop(twins);
    }
}

/* leases ----------------------------------------------------------------------------------------------------------- */

static void unused_tokens_of_a_lease_come_to_the_other_gateway(void **state)
{
    enum { burst = 30 };
    twins_t *twins = start_with("store_mode: lease, lease: { tokens: 10, time: 2s }", "rate: 1/h, burst: 30", NULL);
    assert_int_equal(twins_status(twins, 0, OVER_HTTP1, "/first/", "alice"), 200);
    assert_int_equal(num_passing(twins, 1, "/first/", burst), burst - lease_tokens);
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
    for (int passed = 1 + burst - lease_tokens; passed != burst;) {
        passed += twins_status(twins, 1, OVER_HTTP1, "/first/", "alice") == 200;
        assert_true(gw_clock_ms() < until_ms);
        poll(NULL, 0, 1); /* gives the processor away; the deadline decides, not this */
    }
    assert_int_equal(num_passing(twins, 1, "/first/", 3), 0);
    assert_int_equal(num_passing(twins, 0, "/first/", 3), 0);
    twins_stop(twins);
}

static void a_gateway_that_ends_brings_its_leases_back(void **state)
{
    enum { burst = 12, num_clients = 20 };
    twins_t *twins = start_with("store_mode: lease, lease: { tokens: 10, time: 1m }", "rate: 1/h, burst: 12", NULL);
    for (int i = 0; i != 2 * num_clients; ++i) { /* by several workers */
        char client[32];
        snprintf(client, sizeof(client), "client %d", i % num_clients);
        assert_int_equal(twins_status(twins, 0, (transport_t)(i % NUM_TRANSPORTS), "/first/", client), 200);
    }
    gateway_stop(twins->gateways[0]);
    twins->gateways[0] = NULL;
    for (int i = 0; i != num_clients; ++i) {
        char client[32];
        int passed = 0;
        snprintf(client, sizeof(client), "client %d", i);
        while (twins_status(twins, 1, OVER_HTTP1, "/first/", client) == 200)
            ++passed;
        if (passed != burst - 2)
            fail_msg("%s may make %d more", client, passed);
    }
    twins_stop(twins);
}

/* the store -------------------------------------------------------------------------------------------------------- */

static void redis_is_told_digests_and_forgets_full_buckets(void **state)
{
    twins_t *twins = start_with("", "rate: 1/h", "rate: 10/s, burst: 2");
    assert_int_equal(twins_status(twins, 0, OVER_HTTP1, "/first/", "alice@example.com"), 200);
    assert_int_equal(twins_status(twins, 1, OVER_HTTP1, "/first/", "bob@example.com"), 200);
    assert_int_equal(twins_status(twins, 1, OVER_HTTP1, "/second/", "alice@example.com"), 200);
    char *keys = redis_ask(redis, NULL, "KEYS *");
    assert_null(strstr(keys, "alice"));
    assert_null(strstr(keys, "bob"));
    assert_null(strstr(keys, "example"));
    free(keys);
    keys = redis_ask(redis, NULL, "KEYS sluice:{first:*");
    assert_int_equal(strlen(keys), 2 * strlen("sluice:{first:0123456789abcdef0123456789abcdef}:default\n"));
    strchr(keys, '\n')[0] = '\0';
    char command[128];
    snprintf(command, sizeof(command), "TTL %s", keys);
    free(keys);
    char *seconds = redis_ask(redis, NULL, command);
    assert_in_range(atoi(seconds), 3500, 3601);
    free(seconds);
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
    for (bool is_there = true; is_there; free(keys)) {
        keys = redis_ask(redis, NULL, "KEYS sluice:{second:*");
        is_there = *keys != '\0';
        assert_true(gw_clock_ms() < until_ms);
    }
    twins_stop(twins);
}

static void another_store_begins_with_full_buckets_and_the_old_one_is_left(void **state)
{
    redis_server_t *other = redis_start("%s", "");
    char stores[2][128];
    snprintf(stores[0], sizeof(stores[0]), "store: redis://127.0.0.1:%d, " PATIENT, redis->port);
    snprintf(stores[1], sizeof(stores[1]), "store: redis://127.0.0.1:%d, " PATIENT, other->port);
    twins_conf_t conf = {.store = stores[0], .limits = {{"first", "rate: 1/h, burst: 4" DENY}}};
    twins_t *twins = twins_start(&conf);
    for (int i = 0; i != 4; ++i)
        expect_from(twins, (size_t)i % NUM_TWINS, OVER_HTTP1, "/first/", 200, 3 - i);
    expect_from(twins, 0, OVER_HTTP1, "/first/", 429, 0);
    conf.store = stores[1];
    twins_reload(twins, 1, &conf);
    twins_wait_for_store(twins);
    for (int i = 0; i != 4; ++i)
        expect_from(twins, (size_t)i % NUM_TWINS, OVER_HTTP1, "/first/", 200, 3 - i);
    expect_from(twins, 0, OVER_HTTP1, "/first/", 429, 0);
    expect_from(twins, 1, OVER_HTTP1, "/first/", 429, 0);
    uint64_t until_ms = gw_clock_ms() + DEADLINE_MS;
    for (bool is_there = true; is_there;) {
        char *clients = redis_ask(redis, NULL, "CLIENT LIST");
        is_there = strstr(clients, "name=sluice") != NULL;
        free(clients);
        assert_true(gw_clock_ms() < until_ms);
    }
    twins_stop(twins);
    redis_free(other);
}

static void every_way_to_a_redis_shares(void **state)
{
    redis_server_t *locked = redis_start("requirepass s3cret\n"), *tls = redis_start_tls("requirepass s3cret\n");
    char stores[4][256];
    snprintf(stores[0], sizeof(stores[0]), "store: \"redis://:s3cret@127.0.0.1:%d/3\"", locked->port);
    snprintf(stores[1], sizeof(stores[1]), "store: \"redis+unix://:s3cret@%s?db=3\"", locked->path);
    snprintf(stores[2], sizeof(stores[2]), "store: \"rediss://:s3cret@localhost:%d/3\", store_tls: { ca: %s }",
             tls->port, tls->ca);
    snprintf(stores[3], sizeof(stores[3]),
             "store: \"rediss://:s3cret@127.0.0.1:%d\", store_tls: { verify: false }, store_mode: lease, lease: { "
             "tokens: 2, time: 1m }",
             tls->port);
    for (size_t i = 0; i != 4; ++i) {
        char store[512];
        redis_server_t *server = i < 2 ? locked : tls;
        snprintf(store, sizeof(store), "%s, " PATIENT, stores[i]);
        twins_t *twins =
            twins_start(&(twins_conf_t){.store = store, .limits = {{"first", "rate: 1/h, burst: 4" DENY}}});
        int passed = 0;
        for (int n = 0; n != 4; ++n)
            passed += num_passing(twins, (size_t)n % NUM_TWINS, "/first/", 1);
        if (i < 3)
            assert_int_equal(passed, 4);
        assert_int_equal(passed + num_passing(twins, 0, "/first/", 4), 4);
        assert_int_equal(num_passing(twins, 1, "/first/", 2), 0);
        char *databases = redis_ask(server, "s3cret", "INFO keyspace");
        if (strstr(databases, i < 3 ? "db3:keys=" : "db0:keys=") == NULL)
            fail_msg("%s: %s", stores[i], databases);
        free(databases);
        for (size_t k = 0; k != NUM_TWINS; ++k)
            assert_int_equal(process_count(twins->gateways[k]->process, "s3cret"), 0);
        twins_stop(twins);
        free(redis_ask(server, "s3cret", "FLUSHALL"));
    }
    redis_free(locked);
    redis_free(tls);
}

int main(void)
{
    if (!redis_is_installed())
        return 77; /* skipped, as automake has it */
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(together_they_let_pass_exactly_what_one_would, flush),
        cmocka_unit_test_setup(leases_let_no_more_pass_than_is_stated_and_hardly_less, flush),
        cmocka_unit_test_setup(a_reload_under_load_refills_nothing, flush),
        cmocka_unit_test_setup(both_say_the_same_over_every_transport, flush),
        cmocka_unit_test_setup(several_limits_are_taken_from_all_or_none, flush),
        cmocka_unit_test_setup(trials_are_counted_for_both, flush),
        cmocka_unit_test_setup(requests_wait_for_tokens_that_the_other_gateway_left, flush),
        cmocka_unit_test_setup(what_a_response_costs_is_taken_from_the_shared_bucket, flush),
        cmocka_unit_test_setup(unused_tokens_of_a_lease_come_to_the_other_gateway, flush),
        cmocka_unit_test_setup(a_gateway_that_ends_brings_its_leases_back, flush),
        cmocka_unit_test_setup(redis_is_told_digests_and_forgets_full_buckets, flush),
        cmocka_unit_test_setup(another_store_begins_with_full_buckets_and_the_old_one_is_left, flush),
        cmocka_unit_test_setup(every_way_to_a_redis_shares, flush),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
