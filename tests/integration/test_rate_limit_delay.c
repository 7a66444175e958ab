/* SPDX-License-Identifier: MIT
 * Requests that wait for their tokens instead of being refused: in what order and until when, who leaves, how many may
 * wait, and what becomes of them when the gateway reloads or stops. */
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
#include "gateway/base/clock.h"
#include "tests/support/expect.h"
#include "tests/support/quotas.h"
#include "tests/support/steps.h"

#define CONF                                                                                                           \
    CONF_LISTEN "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"                                   \
                "routes: [ { path: /, service: origin, filters: [ %s ] } ]\n"
#define DELAY(options) "{ rate_limit: { key: all, burst: 30, cost: \"header:X-Cost\", max_cost: 30, " options " } }"

/** Takes all that a bucket may hold. */
static const request_t greedy = {.path = "/greedy", .headers = (const char *[]){"X-Cost: 30", NULL}};

/** What t is when a greedy one is refused, which would have to wait for too long and takes nothing: seconds until a
 * token is there that nobody waits for. */
static int64_t seconds_of_queue(const gateway_t *gateway)
{
    reply_t reply = fetch(gateway, OVER_HTTP1, &greedy);
    assert_int_equal(reply.status, 429);
    quotas_t quotas = quotas_of(&reply);
    assert_int_equal(quotas.num, 1);
    int64_t next_s = quotas.limits[0].next_s;
    reply_free(&reply);
    return next_s;
}

/** Waits until t lies there.
 *  @param num_served when so many are served already, it never will: the machine is slow
 *  @return whether it does */
static bool queue_or_served(const gateway_t *gateway, int64_t least_s, int64_t most_s, size_t num_served)
{
    uint64_t start_ms = gw_clock_ms();
    for (;;) {
        int64_t next_s = seconds_of_queue(gateway);
        if (next_s >= least_s && next_s <= most_s)
            return true;
        if (process_count(gateway->process, "\"status\":200") >= num_served)
            return false;
        if (gw_clock_ms() - start_ms > DEADLINE_MS)
            fail_msg("t stays %lld", (long long)next_s);
    }
}

static void wait_for_queue(const gateway_t *gateway, int64_t least_s, int64_t most_s)
{
    assert_true(queue_or_served(gateway, least_s, most_s, SIZE_MAX));
}

static const request_t plain = {.path = "/"};

static void expect_pending(pending_t *pending, int status)
{
    reply_t reply = pending_wait(pending);
    if (reply.status != status)
        fail_msg("%d instead of %d: %s%s (%s)", reply.status, status, reply.head, reply.body, curl_error(reply.error));
    reply_free(&reply);
}

/** Takes all there is. */
static void empty(const gateway_t *gateway, transport_t transport)
{
    reply_t reply = fetch(gateway, transport, &greedy);
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
}

/* order ------------------------------------------------------------------------------------------------------------ */

/** Where requests come: an origin that writes down in which order. */
typedef struct arrivals {
    pthread_mutex_t lock;
    char paths[16][8];
    uint64_t at_us[16];
    size_t num;
} arrivals_t;

static void write_down(origin_t *origin, int fd, size_t index)
{
    arrivals_t *arrivals = origin->arg;
    char *request;
    while ((request = origin_read_request(origin, fd)) != NULL) {
        pthread_mutex_lock(&arrivals->lock);
        if (arrivals->num != 16) {
            snprintf(arrivals->paths[arrivals->num], 8, "%.*s", (int)strcspn(request + 4, " "), request + 4);
            arrivals->at_us[arrivals->num++] = gw_clock_us();
        }
        pthread_mutex_unlock(&arrivals->lock);
        free(request);
        if (!origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
            break;
    }
}

static void forget_arrivals(arrivals_t *arrivals)
{
    pthread_mutex_lock(&arrivals->lock);
    arrivals->num = 0;
    pthread_mutex_unlock(&arrivals->lock);
}

/** What the log says of a request that was let pass: in milliseconds, from a midnight on. */
typedef struct passing {
    double due_ms;  /* when its token was to be there */
    double went_ms; /* when it had a connection to the service */
} passing_t;

static double number_in(const char *line, const char *key)
{
    const char *at = strstr(line, key);
    if (at == NULL)
        fail_msg("there is no %s in %s", key, line);
    return atof(at + strlen(key));
}

static passing_t passing_of(const gateway_t *gateway, const char *path)
{
    unsigned hours, minutes;
    double seconds, day_ms = 24 * 3600 * 1000.0;
    char in_line[32];
    snprintf(in_line, sizeof(in_line), "\"path\":\"%s\"", path);
    char *line = process_wait_for(gateway->process, in_line, 1);
    const char *decision = strstr(line, "\"verdict\":\"delayed\",\"detail\":\"");
    assert_int_equal(sscanf(strstr(line, "\"time\":"), "\"time\":\"%*u-%*u-%*uT%u:%u:%lf", &hours, &minutes, &seconds),
                     3);
    double head_ms = (hours * 60 + minutes) * 60000.0 + seconds * 1000 + number_in(line, "\"head_ms\":");
    if (head_ms < day_ms / 2)
        head_ms += day_ms; /* a test may run over midnight */
    passing_t passing = {.due_ms = head_ms + (decision != NULL ? atof(decision + 30) : 0),
                         .went_ms = head_ms + number_in(line, "\"connect_ms\":")};
    free(line);
    return passing;
}

/** Tokens come one by one to those who wait, in the order in which they came: who came later goes later, though he may
 * have waited less.  Those who are due while the gateway has no processor go together. */
static void expect_in_order(const passing_t *passings, size_t num, double slack_ms)
{
    for (size_t i = 0; i != num; ++i)
        for (size_t k = 0; k != num; ++k)
            if (passings[i].due_ms < passings[k].due_ms && passings[i].went_ms > passings[k].went_ms + slack_ms)
                fail_msg("one due at %.1f ms went at %.1f, one due at %.1f ms at %.1f", passings[i].due_ms,
                         passings[i].went_ms, passings[k].due_ms, passings[k].went_ms);
}

static void who_came_first_goes_first_and_nobody_before_his_time(void **state)
{
    enum { num = 6, token_ms = 150, slack_ms = 20 };
    static const char *const paths[num] = {"/0", "/1", "/2", "/3", "/4", "/5"};
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        arrivals_t arrivals = {.lock = PTHREAD_MUTEX_INITIALIZER};
        origin_t *origin = origin_start(write_down, &arrivals);
        gateway_t *gateway = gateway_start(CONF, origin->port, DELAY("rate: 1/150ms, max_delay: 20s"));
        pending_t *pending[num];
        request_t requests[num];
        passing_t passings[num];
        uint64_t start_us = gw_clock_us();
        empty(gateway, t);
        forget_arrivals(&arrivals);
        for (size_t i = 0; i != num; ++i) {
            requests[i] = (request_t){.path = paths[i]};
            pending[i] = fetch_later(gateway, t, &requests[i]);
        }
        for (size_t i = 0; i != num; ++i)
            expect_pending(pending[i], 200);
        pthread_mutex_lock(&arrivals.lock);
        assert_int_equal(arrivals.num, num);
        for (size_t i = 0; i != num; ++i) {
            passings[i] = passing_of(gateway, paths[i]);
            if (passings[i].went_ms + slack_ms < passings[i].due_ms)
                fail_msg("%s, due at %.1f ms, went at %.1f", paths[i], passings[i].due_ms, passings[i].went_ms);
            if (arrivals.at_us[i] + slack_ms * 1000 < start_us + (i + 1) * token_ms * 1000)
                fail_msg("the %zuth came %llu us after the start", i,
                         (unsigned long long)(arrivals.at_us[i] - start_us));
        }
        expect_in_order(passings, num, token_ms / 2);
        pthread_mutex_unlock(&arrivals.lock);
        gateway_stop(gateway);
        origin_stop(origin);
    }
}

static void who_has_waited_is_told_how_it_is_then(void **state)
{
    origin_t *origin = origin_start(origin_answer_as_asked, NULL);
    gateway_t *gateways[NUM_TRANSPORTS];
    pending_t *waiting[NUM_TRANSPORTS];
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        gateways[t] = gateway_start(CONF, origin->port, DELAY("rate: 1/2s, max_delay: 10s"));
        empty(gateways[t], t);
        waiting[t] = fetch_later(gateways[t], t, &plain);
    }
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        reply_t reply = pending_wait(waiting[t]);
        assert_int_equal(reply.status, 200);
        quotas_t quotas = quotas_of(&reply);
        assert_int_equal(quotas.limits[0].remaining, 0);
        assert_true(quotas.limits[0].next_s <= 2); /* not four: two of them are over */
        reply_free(&reply);
        gateway_stop(gateways[t]);
    }
    origin_stop(origin);
}

static void who_would_wait_too_long_is_refused_at_once(void **state)
{
    origin_t *origin = origin_start(origin_answer_as_asked, NULL);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        gateway_t *gateway = gateway_start(CONF, origin->port, DELAY("rate: 1/40s, max_delay: 30s"));
        empty(gateway, t);
        uint64_t start_ms = gw_clock_ms();
        reply_t reply = fetch_path(gateway, t, "/");
        expect_reply(&reply, 429, "rate_limited");
        assert_true(gw_clock_ms() - start_ms < 20000);
        quotas_t quotas = quotas_of(&reply);
        assert_true(quotas.retry_after_s > 0 && quotas.retry_after_s <= 40); /* it takes nothing */
        reply_free(&reply);
        gateway_stop(gateway);
    }
    origin_stop(origin);
}

static void what_a_trial_says_of_a_delayed_request_is_logged(void **state)
{
    origin_t *origin = origin_start(origin_answer_as_asked, NULL);
    gateway_t *gateway =
        gateway_start(CONF, origin->port, DELAY("rate: 30/300ms, max_delay: 5s, trial: { rate: 1/h, burst: 30 }"));
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        empty(gateway, t);
        empty(gateway, t);
    }
    char *line = process_wait_for(gateway->process, "\"verdict\":\"delayed\"", 1);
    assert_non_null(strstr(line, "\"decisions\":[{\"filter\":\"rate_limit\",\"verdict\":\"trial\",\"reason\":"
                                 "\"would_refuse\",\"detail\":\"default\"},"));
    free(line);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void who_only_watches_does_not_delay(void **state)
{
    origin_t *origin = origin_start(origin_answer_as_asked, NULL);
    gateway_t *gateway = gateway_start(CONF, origin->port, DELAY("rate: 1/40s, max_delay: 60s, mode: observe"));
    empty(gateway, OVER_HTTP1);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t)
        expect_status(gateway, t, "/", 200);
    free(process_wait_for(gateway->process, "\"verdict\":\"would_refuse\"", NUM_TRANSPORTS));
    gateway_stop(gateway);
    origin_stop(origin);
}

/* leaving ---------------------------------------------------------------------------------------------------------- */

static void who_leaves_while_waiting_gives_his_tokens_back(void **state)
{
    origin_t *origin = origin_start(origin_answer_as_asked, NULL);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        gateway_t *gateway = gateway_start(CONF, origin->port, DELAY("rate: 1/25s, max_delay: 60s"));
        empty(gateway, t);
        assert_true(seconds_of_queue(gateway) <= 25);
        pending_t *first = fetch_later(gateway, t, &plain);
        wait_for_queue(gateway, 26, 50);
        pending_t *second = fetch_later(gateway, t, &plain);
        wait_for_queue(gateway, 51, 75);
        reply_t reply = pending_leave(first);
        assert_int_equal(reply.status, 0);
        reply_free(&reply);
        wait_for_queue(gateway, 26, 50);
        reply = pending_leave(second);
        assert_int_equal(reply.status, 0);
        reply_free(&reply);
        wait_for_queue(gateway, 1, 25);
        gateway_stop(gateway);
    }
    assert_int_equal(atomic_load(&origin->num_requests), NUM_TRANSPORTS); /* those that emptied the buckets */
    origin_stop(origin);
}

static void no_more_than_so_many_wait(void **state)
{
    origin_t *origin = origin_start(origin_answer_as_asked, NULL);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        gateway_t *gateway = gateway_start(CONF, origin->port, DELAY("rate: 1/15s, max_delay: 60s, max_delayed: 2"));
        empty(gateway, t);
        pending_t *waiting[2];
        for (int i = 0; i != 2; ++i) {
            waiting[i] = fetch_later(gateway, t, &plain);
            wait_for_queue(gateway, 15 * (i + 1) + 1, 15 * (i + 2));
        }
        gateway_reload(gateway, 1); /* they count all the same */
        reply_t reply = fetch_path(gateway, t, "/");
        expect_reply(&reply, 429, "rate_limited");
        quotas_t quotas = quotas_of(&reply);
        /* it took nothing, so there is a token when the others have had theirs */
        assert_true(quotas.retry_after_s <= 45 && quotas.limits[0].next_s <= 45);
        reply_free(&reply);
        free(process_wait_for(gateway->process,
                              "\"verdict\":\"refused\",\"reason\":\"too_many_delayed\",\"detail\":\"default\"", 1));
        wait_for_queue(gateway, 16, 45);
        for (int i = 0; i != 2; ++i) {
            reply = pending_leave(waiting[i]);
            reply_free(&reply);
        }
        wait_for_queue(gateway, 1, 15);
        /* and there is room again */
        waiting[0] = fetch_later(gateway, t, &plain);
        wait_for_queue(gateway, 16, 30);
        reply = pending_leave(waiting[0]);
        reply_free(&reply);
        gateway_stop(gateway);
    }
    origin_stop(origin);
}

/* the gateway's life ----------------------------------------------------------------------------------------------- */

static void those_who_wait_are_served_before_the_gateway_stops(void **state)
{
    origin_t *origin = origin_start(origin_answer_as_asked, NULL);
    gateway_t *gateways[NUM_TRANSPORTS];
    pending_t *waiting[NUM_TRANSPORTS];
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        gateways[t] = gateway_start(CONF, origin->port, DELAY("rate: 1/4s, max_delay: 20s"));
        empty(gateways[t], t);
        waiting[t] = fetch_later(gateways[t], t, &plain);
        queue_or_served(gateways[t], 5, 8, 2);
        process_signal(gateways[t]->process, SIGTERM);
    }
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        expect_pending(waiting[t], 200);
        gateway_end(gateways[t]);
    }
    origin_stop(origin);
}

static void those_who_wait_longer_than_the_gateway_does_are_cut(void **state)
{
    origin_t *origin = origin_start(origin_answer_as_asked, NULL);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        gateway_t *gateway =
            gateway_start("drain_timeout: 100ms\n" CONF, origin->port, DELAY("rate: 1/50s, max_delay: 60s"));
        empty(gateway, t);
        pending_t *waiting = fetch_later(gateway, t, &plain);
        wait_for_queue(gateway, 51, 100);
        process_signal(gateway->process, SIGTERM);
        expect_pending(waiting, 0);
        gateway_end(gateway);
    }
    origin_stop(origin);
}

static void those_who_wait_are_served_over_reloads(void **state)
{
    static const char *const confs[] = {
        DELAY("rate: 1/4s, max_delay: 20s"),                            /* the same */
        DELAY("rate: 1/2s, max_delay: 10s"),                            /* another rate */
        "{ headers: { response: { remove: [ X-None ] } } }",            /* no limit at all */
        "{ rate_limit: { key: client_address, rate: 1/h, burst: 1 } }", /* other clients */
    };
    enum { num = sizeof(confs) / sizeof(confs[0]) };
    origin_t *origin = origin_start(origin_answer_as_asked, NULL);
    gateway_t *gateways[num][NUM_TRANSPORTS];
    pending_t *waiting[num][NUM_TRANSPORTS];
    for (size_t i = 0; i != num; ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            gateway_t *gateway = gateways[i][t] = gateway_start(CONF, origin->port, confs[0]);
            empty(gateway, t);
            waiting[i][t] = fetch_later(gateway, t, &plain);
            queue_or_served(gateway, 5, 8, 2);
            pending_t *leaving = fetch_later(gateway, t, &plain);
            queue_or_served(gateway, 9, 12, 2);
            gateway_write_conf(gateway, CONF, origin->port, confs[i]);
            gateway_reload(gateway, 1);
            reply_t reply = pending_leave(leaving);
            reply_free(&reply);
        }
    for (size_t i = 0; i != num; ++i)
        for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
            expect_pending(waiting[i][t], 200);
            gateway_stop(gateways[i][t]);
        }
    origin_stop(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_came_first_goes_first_and_nobody_before_his_time),
        cmocka_unit_test(who_has_waited_is_told_how_it_is_then),
        cmocka_unit_test(who_would_wait_too_long_is_refused_at_once),
        cmocka_unit_test(what_a_trial_says_of_a_delayed_request_is_logged),
        cmocka_unit_test(who_only_watches_does_not_delay),
        cmocka_unit_test(who_leaves_while_waiting_gives_his_tokens_back),
        cmocka_unit_test(no_more_than_so_many_wait),
        cmocka_unit_test(those_who_wait_are_served_before_the_gateway_stops),
        cmocka_unit_test(those_who_wait_longer_than_the_gateway_does_are_cut),
        cmocka_unit_test(those_who_wait_are_served_over_reloads),
    };
    return cmocka_run_group_tests_name("rate_limit_delay", tests, NULL, NULL);
}
