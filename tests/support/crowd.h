/* SPDX-License-Identifier: MIT
 * Clients that ask gateways again a millisecond after they were answered, each on a thread and a connection of its own,
 * over all transports; and what they were told.
 * Threads: everything here is called by the test's; what the clients find out is under a lock. */
#ifndef GW_TESTS_CROWD_H
#define GW_TESTS_CROWD_H

#include <stdint.h>
#include "tests/support/gateway.h"

enum { CROWD_MAX_PATHS = 4, CROWD_MAX_GAPS = 64, CROWD_MAX_EARLY = 1024 };

/** Answers to requests for one path.  Times are microseconds of the monotonic clock. */
typedef struct crowd_tally {
    size_t num_passed, num_refused, num_unavailable; /* 200, 429, 503 */
    size_t num_odd;                                  /* anything else */
    uint64_t longest_gap_us; /* between two answers to the same client, for whichever path; from its start on */
    uint64_t first_asked_us, first_answered_us, last_answered_us;
    uint64_t first_refused_us;           /* when the first refusal was answered; 0: there is none */
    uint64_t last_refused_us;            /* when that was asked which was refused last */
    size_t num_early;                    /* that passed before the first refusal was answered */
    uint64_t early_us[CROWD_MAX_EARLY];  /* when those were answered, no more than fit */
    uint64_t between_us[CROWD_MAX_GAPS]; /* the longest times between two refusals, the longest first */
} crowd_tally_t;

typedef struct crowd crowd_t;

/** @param num_each clients of each gateway; the nth one uses transport n, n + 1, ... modulo their number
 *  @param paths each client asks for them in turn; ends with NULL; borrowed   @param headers of every request; borrowed
 */
crowd_t *crowd_start(gateway_t *const *gateways, size_t num_gateways, size_t num_each, const char *const *paths,
                     const char *const *headers);
/** While they go on. */
void crowd_run_for_ms(crowd_t *crowd, uint64_t ms);
/** Until so many more requests for that path were answered with that status. */
void crowd_wait_for(crowd_t *crowd, size_t path, int status, size_t num);
/** Until `gateway` has answered so many requests for that path. */
void crowd_wait_for_gateway(crowd_t *crowd, size_t gateway, size_t path, size_t num);
/** Requests that `gateway` has answered, for that path; after crowd_stop. */
size_t crowd_num_of(const crowd_t *crowd, size_t gateway, size_t path);
/** Each client gets its last answer.  The tallies stay until crowd_free. */
void crowd_stop(crowd_t *crowd);
const crowd_tally_t *crowd_tally(const crowd_t *crowd, size_t path);
/** An answer of num_odd, for people. */
const char *crowd_oddity(const crowd_t *crowd);
void crowd_free(crowd_t *crowd);

#endif
