/* SPDX-License-Identifier: MIT
 * buckets: nanoseconds of CPU time that one decision of the filter `rate_limit` takes: the hash of a key of 16 bytes
 * and taking a token from its bucket, with 1, 1,000 and 1,000,000 keys that come at random, by one thread and by two
 * at once; that of one whose bucket is empty; and bytes for each of 1,000,000 keys, as the table counts them and as the
 * process has grown.  Prints Markdown tables; the exit status is 1 when a key had no room, when a million keys have
 * taken more than 32 MiB, or when a verdict was not the expected one. */
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "filters/rate_limit/limits.h"
#include "gateway/base/random.h"
#include "gateway/base/siphash.h"
#include "tests/bench/clock.h"

enum { rounds = 9, decisions = 500000, max_threads = 2, key_len = 16, million = 1000000, max_bytes = 32 * 1024 * 1024 };
/* in one of a thousand runs two of a million keys have the same number */
enum { most_shared = 3 };

/* a bucket that has once been touched stays one that matters: its token takes a minute to come back */
static const gw_limit_conf_t roomy = {
    .name = "roomy", .rate = {.tokens = 1, .period_us = 60000000}, .burst = GW_BURST_MAX};
static const gw_limit_conf_t tight = {.name = "tight", .rate = {.tokens = 1, .period_us = 3600000000ull}, .burst = 1};
static const uint64_t start_us = 1000000000;

typedef struct crowd { /* of clients, all with the same limit */
    gw_limits_t *limits;
    gw_limit_rules_t rules;
    uint32_t num_keys;
} crowd_t;

typedef struct work { /* of a thread */
    crowd_t *crowd;
    pthread_barrier_t *barrier;
    uint64_t seed, num_refused, num_without_room;
    double ns; /* a decision */
} work_t;

static double thread_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void decide(const crowd_t *crowd, uint32_t number, uint64_t now_us, gw_limits_answer_t *ret)
{
    char text[key_len] = "2001:db8:";
    memcpy(text + key_len - sizeof(number), &number, sizeof(number));
    gw_limits_ask_t ask = {.rules = &crowd->rules, .now_us = now_us, .cost = 1};
    ask.hash = gw_siphash(gw_limits_secret(crowd->limits), gw_str(text, key_len));
    gw_limits_take(crowd->limits, &ask, ret);
}

static crowd_t create(const gw_limit_conf_t *limit, uint32_t num_keys)
{
    crowd_t crowd = {.num_keys = num_keys};
    size_t num_refused = 0;
    if (!gw_limits_make_rules(limit, 1, 1, &crowd.rules))
        errx(1, "no rules for the limit '%s'", limit->name);
    crowd.limits = gw_limits_create(limit, 1, num_keys, GW_FULL_REFUSE, NULL, start_us);
    for (uint32_t i = 0; i != num_keys; ++i) {
        gw_limits_answer_t answer;
        decide(&crowd, i, start_us, &answer);
        if (answer.no_room != 0)
            errx(1, "no room for key %u of %u", i + 1, num_keys);
        num_refused += answer.refused_by != 0;
    }
    if (num_refused > most_shared)
        errx(1, "%zu of %u keys were refused at once", num_refused, num_keys);
    return crowd;
}

static void *run_work(void *data)
{
    work_t *work = data;
    pthread_barrier_wait(work->barrier);
    double start = thread_seconds();
    for (uint32_t i = 0; i != decisions; ++i) {
        gw_limits_answer_t answer;
        decide(work->crowd, gw_random_below(&work->seed, work->crowd->num_keys), start_us + i / 32, &answer);
        work->num_refused += answer.refused_by != 0;
        work->num_without_room += answer.no_room != 0;
    }
    work->ns = (thread_seconds() - start) * 1e9 / decisions;
    return NULL;
}

/** @return nanoseconds of a decision, all threads at once */
static double time_once(crowd_t *crowd, unsigned num_threads, bool is_refused)
{
    static uint64_t seed = 88172645463325252ull;
    work_t works[max_threads];
    pthread_t threads[max_threads];
    pthread_barrier_t barrier;
    double sum = 0;
    pthread_barrier_init(&barrier, NULL, num_threads);
    for (unsigned i = 0; i != num_threads; ++i) {
        works[i] = (work_t){.crowd = crowd, .barrier = &barrier, .seed = gw_random_next(&seed)};
        if (pthread_create(&threads[i], NULL, run_work, &works[i]) != 0)
            errx(1, "no thread");
    }
    for (unsigned i = 0; i != num_threads; ++i) {
        pthread_join(threads[i], NULL);
        sum += works[i].ns;
        if (works[i].num_without_room != 0)
            errx(1, "%llu decisions had no room", (unsigned long long)works[i].num_without_room);
        if (works[i].num_refused != (is_refused ? decisions : 0))
            errx(1, "%llu of %d were refused", (unsigned long long)works[i].num_refused, decisions);
    }
    pthread_barrier_destroy(&barrier);
    return sum / num_threads;
}

static void print_times(crowd_t *crowd, unsigned num_threads, bool is_refused)
{
    double ns[rounds];
    time_once(crowd, num_threads, is_refused);
    for (size_t k = 0; k != rounds; ++k)
        ns[k] = time_once(crowd, num_threads, is_refused);
    double median = median_of(ns, rounds);
    printf("| %u | %u | %s | %.0f (%.0f..%.0f) |\n", crowd->num_keys, num_threads, is_refused ? "refused" : "passed",
           median, ns[0], ns[rounds - 1]);
}

/** @return bytes of memory that this process takes */
static size_t resident(void)
{
    size_t pages;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*u %zu", &pages) != 1)
        err(1, "/proc/self/statm");
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/** @return true when the memory is within bounds */
static bool show_bytes(void)
{
    crowd_t small = create(&roomy, 1); /* has OpenSSL make its random numbers ready */
    gw_limits_unref(small.limits);
    size_t before = resident();
    crowd_t crowd = create(&roomy, million);
    size_t grown = resident() - before, counted = gw_limits_bytes(crowd.limits);
    printf("| keys | MiB | bytes each, counted | bytes each, process |\n|---|---|---|---|\n");
    printf("| %d | %.1f | %.1f | %.1f |\n", million, (double)grown / (1024 * 1024), (double)counted / million,
           (double)grown / million);
    gw_limits_unref(crowd.limits);
    return grown <= max_bytes;
}

int main(void)
{
    static const uint32_t nums[] = {1, 1000, million};
    bool is_within = show_bytes(); /* first, while the heap has no room left over */
    printf("\n| keys | threads | decision | ns each |\n|---|---|---|---|\n");
    for (size_t i = 0; i != sizeof(nums) / sizeof(nums[0]); ++i) {
        crowd_t passed = create(&roomy, nums[i]), refused = create(&tight, nums[i]);
        for (unsigned num_threads = 1; num_threads <= max_threads; ++num_threads) {
            print_times(&passed, num_threads, false);
            print_times(&refused, num_threads, true);
        }
        gw_limits_unref(passed.limits);
        gw_limits_unref(refused.limits);
    }
    return is_within ? 0 : 1;
}
