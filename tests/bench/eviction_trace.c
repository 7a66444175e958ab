/* SPDX-License-Identifier: MIT
 * Traces of requests: what the workloads of the hit-rate bench ask for. */
#include <math.h>
#include "gateway/base/hash.h"
#include "gateway/base/memory.h"
#include "gateway/base/random.h"
#include "tests/bench/eviction_sim.h"

enum { working_set = 100000, num_requests = 1200000, num_warm = 300000, constant_size = 4096 };
enum { least_size = 64, greatest_size = 1 << 20 };

const sim_workload_t sim_workloads[] = {
    {.name = "Zipf 0.7", .exponent = 0.7},
    {.name = "Zipf 0.9", .exponent = 0.9},
    {.name = "Zipf 1.1", .exponent = 1.1},
    {.name = "Zipf 0.9, scans", .exponent = 0.9, .scan_every = 60000, .scan_length = 20000},
    {.name = "loop of 1.2 caches", .loop = 1.2},
    {.name = "Zipf 0.9, shifting", .exponent = 0.9, .shift_every = 50000},
    {.name = "Zipf 0.9, half seen once", .exponent = 0.9, .fresh = 0.5},
    {.name = "Zipf 0.9, 3/4 seen once", .exponent = 0.9, .fresh = 0.75},
    {.name = NULL},
};

static double uniform(uint64_t *seed)
{
    return ((double)(gw_random_next(seed) >> 11) + 0.5) / 9007199254740992.0;
}

/** Median 4 KiB, one in a hundred above 200 KiB: what sites have. */
static uint32_t log_normal(uint64_t *seed)
{
    double normal = sqrt(-2 * log(uniform(seed))) * cos(2 * M_PI * uniform(seed)), size = exp(log(4096) + 1.7 * normal);
    return size < least_size ? least_size : size > greatest_size ? greatest_size : (uint32_t)size;
}

static double *zipf_make(double exponent)
{
    double *sums = gw_must_alloc(working_set, sizeof(*sums)), sum = 0;
    for (uint32_t i = 0; i != working_set; ++i)
        sums[i] = sum += 1 / pow(i + 1, exponent);
    return sums;
}

/** @return a rank, 0 is the most popular */
static uint32_t zipf_draw(const double *sums, uint64_t *seed)
{
    double wanted = uniform(seed) * sums[working_set - 1];
    uint32_t low = 0, high = working_set - 1;
    while (low != high) {
        uint32_t middle = low + (high - low) / 2;
        if (sums[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t loop_length(const sim_trace_t *trace, double bytes)
{
    double sum = 0;
    uint32_t i = 0;
    while (i != working_set && sum < bytes)
        sum += trace->sizes[i++];
    return i;
}

static void look_ahead(sim_trace_t *trace)
{
    uint32_t *seen = gw_must_alloc(trace->num_objects, sizeof(*seen));
    memset(seen, 0xff, trace->num_objects * sizeof(*seen));
    for (uint32_t i = trace->num_requests; i-- != 0;) {
        trace->next_use[i] = seen[trace->requests[i]];
        seen[trace->requests[i]] = i;
    }
    free(seen);
}

sim_trace_t sim_trace_make(const sim_workload_t *workload, sim_sizes_t sizes, double share, uint64_t *ret_capacity)
{
    sim_trace_t trace = {.num_requests = num_requests, .num_warm = num_warm};
    uint32_t most_objects = working_set + num_requests, shift = 0, scan_left = 0;
    uint64_t seed = 88172645463325252ull, working_bytes = 0;
    double *zipf = workload->exponent != 0 ? zipf_make(workload->exponent) : NULL;
    trace.requests = gw_must_alloc(num_requests, sizeof(*trace.requests));
    trace.next_use = gw_must_alloc(num_requests, sizeof(*trace.next_use));
    trace.sizes = gw_must_alloc(most_objects, sizeof(*trace.sizes));
    for (uint32_t i = 0; i != most_objects; ++i) {
        trace.sizes[i] = sizes == SIM_CONSTANT ? constant_size : log_normal(&seed);
        working_bytes += i < working_set ? trace.sizes[i] : 0;
    }
    *ret_capacity = (uint64_t)((double)working_bytes * share);
    uint32_t loop = loop_length(&trace, (double)*ret_capacity * workload->loop), fresh = working_set;
    for (uint32_t i = 0; i != num_requests; ++i) {
        if (workload->scan_every != 0 && i % workload->scan_every == workload->scan_every - 1)
            scan_left = workload->scan_length;
        if (workload->shift_every != 0 && i % workload->shift_every == workload->shift_every - 1)
            shift += 1000; /* others are the popular ones */
        if (scan_left != 0) {
            --scan_left;
            trace.requests[i] = fresh++;
        } else if (workload->loop != 0)
            trace.requests[i] = i % loop;
        else if (workload->fresh != 0 && uniform(&seed) < workload->fresh)
            trace.requests[i] = fresh++;
        else
            trace.requests[i] = (zipf_draw(zipf, &seed) + shift) % working_set;
    }
    trace.num_objects = fresh;
    look_ahead(&trace);
    free(zipf);
    return trace;
}

void sim_trace_free(sim_trace_t *trace)
{
    free(trace->requests);
    free(trace->next_use);
    free(trace->sizes);
}
