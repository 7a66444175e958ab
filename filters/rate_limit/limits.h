/* SPDX-License-Identifier: MIT
 * Several limits at once, all or nothing: what a request takes it takes from each of them, or from none.
 *
 * A limit is a rate, a burst and a table of buckets that all workers share.  What is `trial` counts beside: it never
 * refuses, and says whether it would have.  A limit that a reload leaves as it is keeps its table.  When its rules or
 * the size of its table change, buckets move on one by one as their keys come again: what was taken stays taken,
 * through the last GW_MAX_OLD_TABLES changes that still matter.  As many tokens as were missing when the first request
 * asked by the new rules are missing by them, at most a full bucket, and come back at the new rate since then.
 *
 * Threads: create and free on any, one at a time; the rest on all, at any time.  Time is an argument: microseconds of
 * the monotonic clock. */
#ifndef FILTERS_RATE_LIMIT_LIMITS_H
#define FILTERS_RATE_LIMIT_LIMITS_H

#include <stdatomic.h>
#include "filters/limit/limit_rows.h"
#include "filters/rate_limit/bucket.h"
#include "filters/rate_limit/bucket_table.h"

enum { GW_MAX_LIMITS = 8, GW_MAX_OLD_TABLES = 4 };
#define GW_LONGEST_WAIT_US 60000000ull /* max_wait_us may not be more */

/** A limit as the conf says it. */
typedef struct gw_limit_conf {
    const char *name; /* an sf-string's content; what its buckets are found by after a reload */
    gw_rate_t rate;
    uint64_t burst;
    gw_rate_t trial_rate; /* tokens 0: no trial */
    uint64_t trial_burst;
} gw_limit_conf_t;

/** The rules of all of them for one share: a worker has them made anew when the share changes. */
typedef struct gw_limit_rules {
    gw_bucket_rules_t enforced, trial;
    bool has_trial;
} gw_limit_rules_t;

/** @param num at most GW_MAX_LIMITS   @return false: one of them cannot be counted (gw_bucket_rules_make) */
bool gw_limits_make_rules(const gw_limit_conf_t *limits, size_t num, uint64_t share, gw_limit_rules_t *ret);

typedef struct gw_limits gw_limits_t;

/** @param keys in each table   @param previous where buckets are found again by the names of their limits, or NULL; it
 * must have been made for the same kind of keys
 *  @return one reference */
gw_limits_t *gw_limits_create(const gw_limit_conf_t *limits, size_t num, size_t keys, gw_when_full_t when_full,
                              gw_limits_t *previous, uint64_t now_us);
gw_limits_t *gw_limits_ref(gw_limits_t *limits);
/** Returns NULL. */
gw_limits_t *gw_limits_unref(gw_limits_t *limits);
/** 16 random bytes, to make hashes of keys with. */
const uint64_t *gw_limits_secret(const gw_limits_t *limits);

typedef struct gw_limits_ask {
    const gw_limit_rules_t *rules; /* as many as there are limits */
    uint64_t hash;                 /* of the client's key, with the secret */
    uint64_t now_us;
    uint64_t cost;        /* tokens; 0: only looks */
    uint64_t kept;        /* of those that are given back, so many are not: what it cost after all */
    uint64_t max_wait_us; /* it may wait so long for them */
} gw_limits_ask_t;

typedef struct gw_limits_answer {
    uint32_t refused_by;       /* set of 1u << limit; 0: it may pass */
    uint32_t trial_refused_by; /* the trials that would have refused, had they been in force: no verdict */
    uint32_t no_room;          /* limits whose table had no room for the key: its shared bucket was asked, or refused */
    uint32_t trial_no_room;    /* the same of the trials */
    uint32_t waits_for;        /* passed: limits whose tokens are not there yet */
    uint64_t wait_us;          /* passed: until its tokens are there.  Refused: until they would be */
    gw_bucket_level_t levels[GW_MAX_LIMITS]; /* of the enforced ones, after it */
} gw_limits_answer_t;

void gw_limits_take(gw_limits_t *limits, const gw_limits_ask_t *ask, gw_limits_answer_t *ret);
/** Brings back what a request took that will not be made after all, or more than it turned out to cost: all of `cost`
 * but what is `kept`, each of them at most a full bucket.
 *  @param taken the answer to the taking, which was let pass: trials that refused it gave nothing
 *  @param ret_levels afterwards, also those of `taken`; may be NULL */
void gw_limits_give_back(gw_limits_t *limits, const gw_limits_ask_t *ask, const gw_limits_answer_t *taken,
                         gw_bucket_level_t *ret_levels);
/** Takes, whether it is there or not: for what is known only afterwards.  @param ret_levels afterwards; may be NULL */
void gw_limits_charge(gw_limits_t *limits, const gw_limits_ask_t *ask, gw_bucket_level_t *ret_levels);

/** How often a table had no room, since the start. */
uint64_t gw_limits_num_full(const gw_limits_t *limits);
/** For the manual and the logs: bytes of all tables. */
size_t gw_limits_bytes(const gw_limits_t *limits);

#endif
