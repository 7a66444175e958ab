/* SPDX-License-Identifier: MIT
 * A cache of bytes that is only played: a trace of requests, and a policy that says who goes.  Objects are numbers;
 * what a policy knows of them it keeps by number. */
#ifndef TESTS_BENCH_EVICTION_SIM_H
#define TESTS_BENCH_EVICTION_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_NONE UINT32_MAX

typedef struct sim_trace {
    uint32_t num_objects, num_requests, num_warm; /* the first num_warm requests are not counted */
    uint32_t *requests;                           /* objects */
    uint32_t *next_use;                           /* of each request: when its object comes again; SIM_NONE: never */
    uint32_t *sizes;                              /* of each object, in bytes */
} sim_trace_t;

typedef struct sim {
    const sim_trace_t *trace;
    uint64_t capacity, used;
    bool *is_resident; /* by object */
    uint32_t now;      /* which request it is */
    void *state;       /* the policy's */
} sim_t;

/** Who goes when there is no room for the object that is being asked for. */
typedef struct sim_policy {
    const char *name;
    bool (*admits)(sim_t *sim, uint32_t object); /* NULL: everything; asked before each eviction */
    void (*open)(sim_t *sim);
    void (*close)(sim_t *sim);
    void (*hit)(sim_t *sim, uint32_t object);
    void (*insert)(sim_t *sim, uint32_t object);
    uint32_t (*choose)(sim_t *sim);
} sim_policy_t;

/** Those that are compared; the last has no name. */
extern const sim_policy_t sim_policies[];

typedef struct sim_rates {
    double objects, bytes; /* shares of what was asked for that came out of the cache */
} sim_rates_t;
sim_rates_t sim_play(const sim_trace_t *trace, const sim_policy_t *policy, uint64_t capacity);

typedef enum sim_sizes { SIM_CONSTANT, SIM_LOG_NORMAL } sim_sizes_t;

/** What clients do.  Made anew for each size of cache, because a loop depends on it. */
typedef struct sim_workload {
    const char *name;
    double exponent;      /* of Zipf's law; 0: no such requests */
    double fresh;         /* share of requests for what is never asked for again */
    uint32_t scan_every;  /* requests; 0: no scan */
    uint32_t scan_length; /* objects that come once, one after the other */
    uint32_t shift_every; /* requests after which other objects are the popular ones */
    double loop;          /* times the cache's size: the same objects again and again */
} sim_workload_t;
extern const sim_workload_t sim_workloads[]; /* the last has no name */

/** @param share of the working set that the cache holds   @param ret_capacity bytes   @return for sim_trace_free */
sim_trace_t sim_trace_make(const sim_workload_t *workload, sim_sizes_t sizes, double share, uint64_t *ret_capacity);
void sim_trace_free(sim_trace_t *trace);

#endif
