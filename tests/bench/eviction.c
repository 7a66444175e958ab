/* SPDX-License-Identifier: MIT
 * eviction: the hit rates of policies of eviction, that of filters/cache/store/eviction.c among them, which is run as
 * it is: 100,000 objects (and those seen once besides), of 4 KiB each or of log-normal sizes (64 B to 1 MiB), 900,000
 * requests after 300,000 to warm up, and a cache that holds 0.1 %, 1 % or 10 % of the objects' bytes.  Prints Markdown
 * tables of percentages; the seeds are fixed, so that every run prints the same.  The exit status is 1 when a policy
 * other than the optimum has better rates, those of the three means together, than the gateway's. */
#include <stdio.h>
#include "filters/cache/store/eviction.h"
#include "gateway/base/hash.h"
#include "gateway/base/memory.h"
#include "tests/bench/eviction_policies.h"

typedef struct ours {
    gw_eviction_t *eviction;
    gw_eviction_node_t *nodes; /* by object */
} ours_t;

static void ours_open(sim_t *sim)
{
    ours_t *ours = gw_must_alloc(1, sizeof(*ours));
    uint64_t sum = 0;
    ours->nodes = gw_must_alloc(sim->trace->num_objects, sizeof(*ours->nodes));
    for (uint32_t i = 0; i != sim->trace->num_objects; ++i) {
        ours->nodes[i].hash = gw_hash_mix(i + 1);
        ours->nodes[i].size = (sim->trace->sizes[i] + 63) / 64;
        sum += sim->trace->sizes[i];
    }
    ours->eviction = gw_eviction_create(sim->capacity, (size_t)(sim->capacity / (sum / sim->trace->num_objects)) + 1);
    sim->state = ours;
}

static void ours_close(sim_t *sim)
{
    ours_t *ours = sim->state;
    gw_eviction_free(ours->eviction);
    free(ours->nodes);
    free(ours);
}

static void ours_hit(sim_t *sim, uint32_t object)
{
    gw_eviction_hit(&((ours_t *)sim->state)->nodes[object]);
}

static void ours_insert(sim_t *sim, uint32_t object)
{
    ours_t *ours = sim->state;
    gw_eviction_insert(ours->eviction, &ours->nodes[object]);
}

static uint32_t ours_choose(sim_t *sim)
{
    ours_t *ours = sim->state;
    return (uint32_t)(gw_eviction_choose(ours->eviction) - ours->nodes);
}

const sim_policy_t sim_policies[] = {
    {"FIFO", NULL, sim_open_lists, sim_close_lists, fifo_hit, fifo_insert, fifo_choose},
    {"CLOCK", NULL, sim_open_lists, sim_close_lists, clock_hit, clock_insert, clock_choose},
    {"LRU", NULL, sim_open_lists, sim_close_lists, lru_hit, fifo_insert, fifo_choose},
    {"SIEVE", NULL, sim_open_lists, sim_close_lists, clock_hit, clock_insert, sieve_choose},
    {"S3-FIFO", NULL, s3_open, sim_close_lists, s3_hit, s3_insert, s3_choose},
    {"W-TinyLFU", NULL, tinylfu_open, sim_close_lists, tinylfu_hit, tinylfu_insert, tinylfu_choose},
    {"ours", NULL, ours_open, ours_close, ours_hit, ours_insert, ours_choose},
    {"optimum", optimum_admits, optimum_open, optimum_close, optimum_hit, optimum_insert, optimum_choose},
    {.name = NULL},
};

enum { OURS = 6, OPTIMUM, NUM_POLICIES };

static void evict(sim_t *sim, const sim_policy_t *policy)
{
    uint32_t victim = policy->choose(sim);
    sim->is_resident[victim] = false;
    sim->used -= sim->trace->sizes[victim];
}

sim_rates_t sim_play(const sim_trace_t *trace, const sim_policy_t *policy, uint64_t capacity)
{
    sim_t sim = {.trace = trace, .capacity = capacity};
    double hits = 0, hit_bytes = 0, bytes = 0;
    sim.is_resident = gw_must_alloc(trace->num_objects, sizeof(*sim.is_resident));
    policy->open(&sim);
    for (sim.now = 0; sim.now != trace->num_requests; ++sim.now) {
        uint32_t object = trace->requests[sim.now], size = trace->sizes[object];
        bool is_counted = sim.now >= trace->num_warm, is_hit = sim.is_resident[object];
        bytes += is_counted ? size : 0;
        hits += is_counted && is_hit;
        hit_bytes += is_counted && is_hit ? size : 0;
        if (is_hit)
            policy->hit(&sim, object);
        if (is_hit || size > capacity)
            continue;
        bool is_admitted = true;
        while (is_admitted && sim.used + size > capacity) {
            is_admitted = policy->admits == NULL || policy->admits(&sim, object);
            if (is_admitted)
                evict(&sim, policy);
        }
        if (!is_admitted)
            continue;
        sim.is_resident[object] = true;
        sim.used += size;
        policy->insert(&sim, object);
    }
    policy->close(&sim);
    free(sim.is_resident);
    double counted = trace->num_requests - trace->num_warm;
    return (sim_rates_t){hits / counted * 100, hit_bytes / bytes * 100};
}

typedef struct sums {
    double objects[NUM_POLICIES], bytes[NUM_POLICIES];
    unsigned num;
} sums_t;

static void print_heading(const char *what)
{
    printf("\n%s\n\n| workload | cache |", what);
    for (size_t i = 0; sim_policies[i].name != NULL; ++i)
        printf(" %s |", sim_policies[i].name);
    printf("\n|---|---|");
    for (size_t i = 0; sim_policies[i].name != NULL; ++i)
        printf("---|");
    putchar('\n');
}

static void print_row(const sim_workload_t *workload, sim_sizes_t sizes, double share, sums_t *sums)
{
    uint64_t capacity;
    sim_trace_t trace = sim_trace_make(workload, sizes, share, &capacity);
    printf("| %s | %g %% |", workload->name, share * 100);
    for (size_t i = 0; i != NUM_POLICIES; ++i) {
        sim_rates_t rates = sim_play(&trace, &sim_policies[i], capacity);
        sums->objects[i] += rates.objects;
        sums->bytes[i] += rates.bytes;
        if (sizes == SIM_CONSTANT)
            printf(" %.1f |", rates.objects);
        else
            printf(" %.1f / %.1f |", rates.objects, rates.bytes);
        fflush(stdout);
    }
    ++sums->num;
    putchar('\n');
    sim_trace_free(&trace);
}

static void print_table(sim_sizes_t sizes, sums_t *sums)
{
    static const double shares[] = {0.001, 0.01, 0.1};
    for (size_t i = 0; sim_workloads[i].name != NULL; ++i)
        for (size_t k = 0; k != sizeof(shares) / sizeof(shares[0]); ++k)
            print_row(&sim_workloads[i], sizes, shares[k], sums);
    printf("| all together | |");
    for (size_t i = 0; i != NUM_POLICIES; ++i)
        if (sizes == SIM_CONSTANT)
            printf(" **%.1f** |", sums->objects[i] / sums->num);
        else
            printf(" **%.1f / %.1f** |", sums->objects[i] / sums->num, sums->bytes[i] / sums->num);
    putchar('\n');
}

static bool is_ours_best(const sums_t *constant, const sums_t *log_normal)
{
    double best = 0, own = 0;
    for (size_t i = 0; i != OPTIMUM; ++i) {
        double sum = constant->objects[i] + log_normal->objects[i] + log_normal->bytes[i];
        best = sum > best ? sum : best;
        own = i == OURS ? sum : own;
    }
    return own == best;
}

int main(void)
{
    sums_t constant = {.num = 0}, log_normal = {.num = 0};
    print_heading("Objects of 4 KiB: hits in a hundred requests");
    print_table(SIM_CONSTANT, &constant);
    print_heading("Log-normal sizes: hits in a hundred requests / bytes in a hundred");
    print_table(SIM_LOG_NORMAL, &log_normal);
    return is_ours_best(&constant, &log_normal) ? 0 : 1;
}
