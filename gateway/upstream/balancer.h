/* SPDX-License-Identifier: MIT
 * Choosing an endpoint.  A balancer holds the endpoints that can be used now, each as often as its weight says and
 * spread out evenly; it is built anew when something of that changes, and choosing from it costs the same for 2 and for
 * 1,000.
 *
 * Pure: time and chance are arguments.  Threads: a balancer belongs to one worker. */
#ifndef GW_UPSTREAM_BALANCER_H
#define GW_UPSTREAM_BALANCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "gateway/upstream/hash_ring.h"

#define GW_NO_ENDPOINT       UINT32_MAX
#define GW_BALANCER_MAX_SIZE 16384 /* entries; finer proportions of weights are rounded */

/** An endpoint as the balancer is told of it. */
typedef struct gw_candidate {
    uint32_t weight; /* 0: never */
    bool is_usable;  /* neither down nor ejected */
    bool is_backup;
    uint64_t since_ms; /* when it came back; it grows to its share from then on; 0: long ago */
} gw_candidate_t;

typedef struct gw_balancer_rules {
    bool tries_anyway;      /* with no usable endpoint left use all of them */
    uint64_t panic_share;   /* with tries_anyway: also when a smaller share is usable; hundredths of a percent */
    uint64_t slow_start_ms; /* 0: none */
} gw_balancer_rules_t;

typedef struct gw_balancer {
    uint32_t *entries; /* indexes of endpoints; NULL when there are none */
    size_t size;
    uint32_t *weights;  /* by index of endpoint; 0: not in use */
    uint32_t *seats;    /* by index of endpoint: how often it stands in entries */
    uint64_t *since_ms; /* by index of endpoint; NULL when none is growing */
    uint64_t growing_until_ms, slow_start_ms;
    size_t num_endpoints; /* all, in use or not */
    size_t num_in_use;
    bool is_panicking; /* health is ignored */
} gw_balancer_t;

/** What one choice may look at. */
typedef struct gw_choice {
    uint64_t now_ms;
    uint64_t *random; /* gw_random_next */
    size_t *turn;     /* round robin: where it stands; survives the balancer */
    /** Whether this endpoint may be chosen; false: full, tried before, ...  NULL: any. */
    bool (*may)(void *arg, uint32_t index);
    /** Requests that it has under way. */
    uint64_t (*load)(void *arg, uint32_t index);
    void *arg;
} gw_choice_t;

/** Builds (or builds again) for these endpoints.  @param balancer zeroed the first time */
void gw_balancer_build(gw_balancer_t *balancer, const gw_candidate_t *candidates, size_t num,
                       const gw_balancer_rules_t *rules, uint64_t now_ms);
void gw_balancer_dispose(gw_balancer_t *balancer);

/** Each returns the index of an endpoint, or GW_NO_ENDPOINT when none may be chosen. */
uint32_t gw_balancer_round_robin(const gw_balancer_t *balancer, const gw_choice_t *choice);
uint32_t gw_balancer_random(const gw_balancer_t *balancer, const gw_choice_t *choice);
/** The less loaded, by weight, of two chosen at random (M. Mitzenmacher, "The Power of Two Choices", 1996). */
uint32_t gw_balancer_least_requests(const gw_balancer_t *balancer, const gw_choice_t *choice);
/** The owner of the hash on the ring, or the next one that can be used and has less than its bound of the load
 * (Mirrokni, Thorup, Zadimoghaddam, "Consistent Hashing with Bounded Loads", 2016).
 *  @param total_load of all endpoints   @param load_factor hundredths of a percent of the mean, at least 10000 */
uint32_t gw_balancer_hash(const gw_balancer_t *balancer, const gw_hash_ring_t *ring, uint64_t hash, uint64_t total_load,
                          uint64_t load_factor, const gw_choice_t *choice);

#endif
