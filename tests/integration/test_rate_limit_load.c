/* SPDX-License-Identifier: MIT
 * How exact a rate limit is when four workers count together and much more is offered than may pass: never more than
 * the burst and what came back since, and hardly less; through reloads too. */
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
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

enum { num_workers = 4, num_threads = 6, batch = 32, burst = 100, load_ms = 2000 };

#define CONF                                                                                                           \
    "workers: 4\n"                                                                                                     \
    "listen: [ { address: 127.0.0.1:0 } ]\n"                                                                           \
    "access_log: off\n"                                                                                                \
    "services: { origin: { endpoints: [ \"http://127.0.0.1:%d\" ] } }\n"                                               \
    "filters: { limit: { rate_limit: { key: all, %s } } }\n"                                                           \
    "routes: [ { path: /, service: origin, filters: [ limit ] } ]\n"

/** What all threads of a load find out. */
typedef struct load {
    const gateway_t *gateway;
    uint64_t start_us, until_us;
    size_t num_reloads;
    atomic_size_t num_passed, num_refused, num_wrong;
    pthread_mutex_t lock; /* of the rest */
    uint64_t first_answer_us, last_answer_us;
    uint64_t last_refusal_us; /* a time before the latest request that was refused */
    uint64_t longest_gap_us;  /* between two refusals: as long the bucket may have been filling */
} load_t;

/** @param asked_us when the batch was sent */
static void note_batch(load_t *load, uint64_t asked_us, size_t num_refused)
{
    pthread_mutex_lock(&load->lock);
    uint64_t now_us = gw_clock_us();
    if (load->first_answer_us == 0)
        load->first_answer_us = now_us;
    load->last_answer_us = now_us;
    if (num_refused != 0 && asked_us > load->last_refusal_us) {
        if (load->last_refusal_us != 0 && now_us - load->last_refusal_us > load->longest_gap_us)
            load->longest_gap_us = now_us - load->last_refusal_us;
        load->last_refusal_us = asked_us;
    }
    pthread_mutex_unlock(&load->lock);
}

static size_t count(const char *text, const char *what)
{
    size_t num = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
        ++num;
    return num;
}

/** Reads the answers to a batch, which have no bodies. */
static bool read_answers(int fd, load_t *load, size_t *ret_num_refused)
{
    static __thread char text[batch * 1024];
    size_t len = 0;
    do {
        ssize_t got = recv(fd, text + len, sizeof(text) - 1 - len, 0);
        if (got <= 0)
            return false;
        text[len += (size_t)got] = '\0';
    } while (count(text, "\r\n\r\n") < batch);
    *ret_num_refused = count(text, "HTTP/1.1 429 ");
    size_t num_passed = count(text, "HTTP/1.1 200 ");
    atomic_fetch_add(&load->num_passed, num_passed);
    atomic_fetch_add(&load->num_refused, *ret_num_refused);
    return num_passed + *ret_num_refused == batch;
}

static void *ask_on_and_on(void *arg)
{
    static const char one[] = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
    load_t *load = arg;
    char requests[batch * sizeof(one)], *end = requests;
    for (int i = 0; i != batch; ++i)
        end = stpcpy(end, one);
    int fd = raw_connect(load->gateway->ports[0]);
    for (uint64_t now_us; (now_us = gw_clock_us()) < load->until_us;) {
        size_t num_refused;
        raw_write(fd, requests, (size_t)(end - requests));
        if (!read_answers(fd, load, &num_refused)) {
            atomic_fetch_add(&load->num_wrong, 1);
            break;
        }
        note_batch(load, now_us, num_refused);
    }
    close(fd);
    return NULL;
}

/** @param reloads whether the gateway reloads again and again meanwhile */
static void run_load(load_t *load, gateway_t *gateway, bool reloads)
{
    pthread_t threads[num_threads];
    *load = (load_t){.gateway = gateway, .lock = PTHREAD_MUTEX_INITIALIZER};
    load->start_us = gw_clock_us();
    load->until_us = load->start_us + load_ms * 1000;
    for (int i = 0; i != num_threads; ++i)
        if (pthread_create(&threads[i], NULL, ask_on_and_on, load) != 0)
            abort();
    while (reloads && gw_clock_us() < load->until_us)
        gateway_reload(gateway, ++load->num_reloads);
    for (int i = 0; i != num_threads; ++i)
        pthread_join(threads[i], NULL);
}

/** @return false: the machine was too busy to offer more than may pass all the time, which says nothing of the least */
static bool check_load(const load_t *load, const char *about, uint64_t rate)
{
    size_t num_passed = atomic_load(&load->num_passed), num_refused = atomic_load(&load->num_refused);
    if (atomic_load(&load->num_wrong) != 0)
        fail_msg("%s: %zu connections went wrong", about, atomic_load(&load->num_wrong));
    uint64_t most = burst + rate * (load->last_answer_us - load->start_us) / 1000000;
    if (num_passed > most)
        fail_msg("%s: %zu passed, more than %llu (%zu were refused)", about, num_passed, (unsigned long long)most,
                 num_refused);
    if (load->last_refusal_us <= load->first_answer_us || load->longest_gap_us >= burst * 1000000 / rate)
        return false;
    uint64_t least = burst + rate * (load->last_refusal_us - load->first_answer_us) / 1000000;
    if (num_passed * 100 < least * 99)
        fail_msg("%s: %zu passed, less than 99%% of %llu (%zu were refused)", about, num_passed,
                 (unsigned long long)least, num_refused);
    return true;
}

static char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

static void expect_exact(const char *about, const char *format, bool reloads)
{
    origin_t *origin = origin_start(origin_answer, answer);
    bool is_known = false;
    /* a slow machine, or a slow build, cannot offer as much */
    for (uint64_t rate = 1000; rate >= 60 && !is_known; rate /= 2) {
        char options[256];
        load_t load;
        snprintf(options, sizeof(options), format, (unsigned)rate);
        gateway_t *gateway = gateway_start(CONF, origin->port, options);
        run_load(&load, gateway, reloads);
        gateway_stop(gateway);
        is_known = check_load(&load, about, rate);
        is_known = is_known && (!reloads || load.num_reloads >= 2);
        printf("%s: %u/s: %zu passed and %zu were refused in %llu ms, %zu reloads%s\n", about, (unsigned)rate,
               atomic_load(&load.num_passed), atomic_load(&load.num_refused),
               (unsigned long long)((load.last_answer_us - load.start_us) / 1000), load.num_reloads,
               is_known ? "" : " (too slow to tell)");
    }
    if (!is_known)
        fail_msg("%s: there was never more offered than may pass", about);
    origin_stop(origin);
}

static void four_workers_let_pass_exactly_what_one_would(void **state)
{
    expect_exact("one limit", "rate: %u/s, burst: 100", false);
}

static void several_limits_are_as_exact_as_the_tightest(void **state)
{
    expect_exact("two limits",
                 "limits: [ { name: wide, rate: 2000/s, burst: 5000 }, { name: tight, rate: %u/s, burst: 100 } ]",
                 false);
}

static void reloads_refill_nothing_and_lose_nothing(void **state)
{
    expect_exact("reloads", "rate: %u/s, burst: 100", true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_workers_let_pass_exactly_what_one_would),
        cmocka_unit_test(several_limits_are_as_exact_as_the_tightest),
        cmocka_unit_test(reloads_refill_nothing_and_lose_nothing),
    };
    return cmocka_run_group_tests_name("rate_limit_load", tests, NULL, NULL);
}
