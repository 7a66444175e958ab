/* SPDX-License-Identifier: MIT
 * Clients that do to a cache all that can be done to it, at the same time and at random: GET and HEAD of more than it
 * can hold, in two variants, with and without no-cache, given up half way; POST and every kind of PURGE; and reloads.
 * Every body is looked at: it must be whole, of its URL and variant, and not older than the last change of its URL that
 * was over before it was asked for.
 * Threads: the test's; the clients have one each. */
#ifndef GW_TESTS_CACHE_STORM_H
#define GW_TESTS_CACHE_STORM_H

#include <stdint.h>
#include "tests/support/cached.h"

enum { STORM_FAULTS = 8 };

typedef struct storm_tally {
    size_t num_hits, num_misses, num_collapsed, num_passed, num_changes, num_purges, num_left;
    size_t num_busy;   /* purges that were refused because there were too many */
    size_t num_faults; /* what must not be */
    char faults[STORM_FAULTS][200];
} storm_tally_t;

/** @param origin its plan is set   @param conf writes the conf for the nth reload; the first one has been
 *  @param rss_kib what it is after a quarter of the time, and at the end */
storm_tally_t storm_run(cache_origin_t *origin, gateway_t *gateway, uint64_t ms, unsigned long seed,
                        void (*conf)(gateway_t *gateway, const cache_origin_t *origin, size_t nth), size_t rss_kib[2]);

#endif
