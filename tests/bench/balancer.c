/* SPDX-License-Identifier: MIT
 * balancer: nanoseconds of CPU time that one choice of an endpoint takes, among 2 and among 1,000, by each method.
 * Prints a Markdown table.  Compiled by tests/bench/balancer with the sources of the balancer; times nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "gateway/base/hash.h"
#include "gateway/base/random.h"
#include "gateway/upstream/balancer.h"

#define CHOICES 2000000
#define ROUNDS  7

typedef struct bench {
    gw_balancer_t balancer;
    gw_hash_ring_t *ring;
    uint64_t *loads, total, random;
    size_t turn, num;
} bench_t;

static uint64_t load_of(void *arg, uint32_t index)
{
    return ((bench_t *)arg)->loads[index];
}

static void create(bench_t *bench, size_t num)
{
    gw_candidate_t *candidates = calloc(num, sizeof(*candidates));
    const char **names = calloc(num, sizeof(*names));
    uint32_t *weights = calloc(num, sizeof(*weights));
    for (size_t i = 0; i != num; ++i) {
        char *name = malloc(40);
        snprintf(name, 40, "http://10.0.%zu.%zu:8080", i / 250, i % 250);
        names[i] = name;
        weights[i] = 1;
        candidates[i] = (gw_candidate_t){.weight = 1, .is_usable = true};
    }
    *bench = (bench_t){.num = num, .random = 88172645463325252ull, .loads = calloc(num, sizeof(uint64_t))};
    gw_balancer_build(&bench->balancer, candidates, num, &(gw_balancer_rules_t){0}, 1);
    bench->ring = gw_hash_ring_create(names, weights, num);
    for (size_t i = 0; i != num; ++i)
        free((void *)names[i]);
    free(names);
    free(weights);
    free(candidates);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/** @return nanoseconds per choice; 64 requests are under way all the time */
static double run(bench_t *bench, int method)
{
    enum { under_way = 64 };
    uint32_t chosen[under_way];
    const gw_choice_t choice = {
        .now_ms = 1, .random = &bench->random, .turn = &bench->turn, .load = load_of, .arg = bench};
    for (size_t i = 0; i != under_way; ++i)
        chosen[i] = GW_NO_ENDPOINT;
    double start = seconds();
    for (size_t i = 0; i != CHOICES; ++i) {
        uint32_t *place = &chosen[i % under_way];
        if (*place != GW_NO_ENDPOINT)
            --bench->loads[*place];
        switch (method) {
        case 0:
            *place = gw_balancer_round_robin(&bench->balancer, &choice);
            break;
        case 1:
            *place = gw_balancer_random(&bench->balancer, &choice);
            break;
        case 2:
            *place = gw_balancer_least_requests(&bench->balancer, &choice);
            break;
        default:
            *place = gw_balancer_hash(&bench->balancer, bench->ring, gw_hash_mix(i), under_way, 12500, &choice);
        }
        ++bench->loads[*place];
    }
    double ns = (seconds() - start) * 1e9 / CHOICES;
    for (size_t i = 0; i != under_way; ++i)
        --bench->loads[chosen[i]];
    return ns;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(void)
{
    static const char *const methods[] = {"round_robin", "random", "least_requests", "hash"};
    bench_t two, thousand;
    create(&two, 2);
    create(&thousand, 1000);
    printf("| method | ns among 2 | ns among 1,000 |\n|---|---|---|\n");
    for (int method = 0; method != 4; ++method) {
        double few[ROUNDS], many[ROUNDS];
        for (size_t i = 0; i != ROUNDS; ++i) { /* in turn, so that both see the same machine */
            few[i] = run(&two, method);
            many[i] = run(&thousand, method);
        }
        qsort(few, ROUNDS, sizeof(*few), compare);
        qsort(many, ROUNDS, sizeof(*many), compare);
        printf("| %s | %.1f (%.1f..%.1f) | %.1f (%.1f..%.1f) |\n", methods[method], few[ROUNDS / 2], few[0],
               few[ROUNDS - 1], many[ROUNDS / 2], many[0], many[ROUNDS - 1]);
    }
    return 0;
}
