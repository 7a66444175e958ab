/* SPDX-License-Identifier: MIT
 * The leases of a process: of each client, how many tokens were taken from the store ahead and until when they may be
 * used; or until when it need not be asked, because it has none.  A lease is one number of a bucket_table.h,
 *
 *   6 bits how often the place was given away | 20 bits tokens, or who refused | 38 bits until when, in ms
 *
 * Pure but for the table's memory: time is an argument, milliseconds of the monotonic clock.  Threads: any, at any
 * time, but for create and free. */
#ifndef FILTERS_RATE_LIMIT_STORE_LEASE_H
#define FILTERS_RATE_LIMIT_STORE_LEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_LEASE_MAX_TOKENS 1000000u

typedef struct gw_leases gw_leases_t;

/** @param keys that it has room for */
gw_leases_t *gw_leases_create(size_t keys);
/** NULL is fine; returns NULL. */
gw_leases_t *gw_leases_free(gw_leases_t *leases);

typedef enum gw_lease_result {
    GW_LEASE_TAKEN,
    GW_LEASE_REFUSED, /* the store has none, as it said lately */
    GW_LEASE_NONE     /* not enough are left, or nothing is known */
} gw_lease_result_t;

typedef struct gw_lease_state {
    uint64_t left;       /* tokens, after it; 0 when refused */
    uint64_t wait_ms;    /* GW_LEASE_REFUSED: until the store is to be asked again */
    uint32_t refused_by; /* GW_LEASE_REFUSED: set of limits */
} gw_lease_state_t;

/** Takes all of `tokens` or none; 0 looks. */
gw_lease_result_t gw_lease_take(gw_leases_t *leases, uint64_t hash, uint64_t now_ms, uint64_t tokens,
                                gw_lease_state_t *ret);
/** Takes as many as there are.  @return how many */
uint64_t gw_lease_take_some(gw_leases_t *leases, uint64_t hash, uint64_t now_ms, uint64_t tokens);
/** Adds what the store gave.
 *  @param most that a lease may hold, at most GW_LEASE_MAX_TOKENS   @param until_ms for all of its tokens then
 *  @return tokens that must go back: for which there is no room, and those of an older one whose time is over */
uint64_t gw_lease_add(gw_leases_t *leases, uint64_t hash, uint64_t now_ms, uint64_t tokens, uint64_t most,
                      uint64_t until_ms);
/** Puts back what was taken from it, when it still goes.  @return tokens for which there is no room */
uint64_t gw_lease_put_back(gw_leases_t *leases, uint64_t hash, uint64_t now_ms, uint64_t tokens, uint64_t most);
/** Remembers that the store has none.  Nothing when there are tokens.  @param refused_by not 0, of 8 limits */
void gw_lease_refuse(gw_leases_t *leases, uint64_t hash, uint64_t now_ms, uint64_t until_ms, uint32_t refused_by);
/** Ends a lease whose time is over.  @param is_forced whatever its time   @return its tokens, which must go back */
uint64_t gw_lease_end(gw_leases_t *leases, uint64_t hash, uint64_t now_ms, bool is_forced);

#endif
