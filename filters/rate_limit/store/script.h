/* SPDX-License-Identifier: MIT
 * The script that runs bucket.h's algorithm inside a Redis: its text, the making of a call of it, and the reading of
 * what it replies.  Pure: no connection, no clock.
 *
 * One call works on all limits of one client at once.  A limit's bucket is a Redis key,
 *
 *   sluice:{NAME:DIGEST}:LIMIT          and  sluice-trial:{NAME:DIGEST}:LIMIT  of its trial
 *
 * (one hash tag, so one place in a cluster), which expires when the bucket would be full.  Its value is the time at
 * which it will be full, by Redis' own clock.  Numbers of Lua are doubles, exact up to 2^53, and ticks since 1970 are
 * more than that: so a time stands there as two integers, whole units of the clock and ticks beyond, and the script
 * adds, subtracts and compares such pairs.  Nothing is rounded; what it does is what bucket.c does, tick by tick.
 *
 * Beside the time stand the rules it was counted by.  Another gateway that has other rules (a rollout) converts it as
 * gw_bucket_convert does: as many tokens are missing as were before, at most all.
 *
 * Threads: a gw_script_t belongs to one. */
#ifndef FILTERS_RATE_LIMIT_STORE_SCRIPT_H
#define FILTERS_RATE_LIMIT_STORE_SCRIPT_H

#include "filters/rate_limit/limits.h"
#include "filters/rate_limit/store/redis_reply.h"

#define GW_SCRIPT_DIGEST_LEN 32 /* of a client: hexadecimal digits */
/* EVALSHA, its hash, the number of keys, a key for each bucket; 5 numbers, 8 for each bucket */
#define GW_SCRIPT_MAX_ARGS (3 + 5 + 2 * GW_MAX_LIMITS * 9)

typedef enum gw_script_op {
    GW_SCRIPT_TAKE,      /* `cost` tokens of every limit, or of none; cost 0 looks */
    GW_SCRIPT_CHARGE,    /* takes them, there or not, as gw_bucket_charge */
    GW_SCRIPT_GIVE_BACK, /* as gw_bucket_give_back */
    GW_SCRIPT_LEASE      /* as many as every limit has, at most `most`; `cost` at least, or none.  Not of trials. */
} gw_script_op_t;

/** What is asked. */
typedef struct gw_script_ask {
    gw_script_op_t op;
    char digest[GW_SCRIPT_DIGEST_LEN];
    uint64_t cost;        /* tokens; of GW_SCRIPT_LEASE at least 1 and at most the smallest burst */
    uint64_t most;        /* GW_SCRIPT_LEASE: from cost to the smallest burst */
    bool without_trials;  /* GW_SCRIPT_GIVE_BACK: they gave nothing */
    uint64_t max_wait_us; /* GW_SCRIPT_TAKE; at most GW_LONGEST_WAIT_US */
} gw_script_ask_t;

/** Whether the script can count it exactly: its bucket is full again within a hundred years, so that times stay below
 * 2^53 microseconds. */
bool gw_script_can_count(const gw_bucket_rules_t *rules);

typedef struct gw_script gw_script_t; /* the calls of one set of limits, made but for what differs between them */

/** @param name in the names of the keys   @param limits all of them such that gw_script_can_count; copied   @param num
 *  1..GW_MAX_LIMITS */
gw_script_t *gw_script_create(const char *name, const gw_limit_conf_t *limits, size_t num);
/** NULL is fine; returns NULL. */
gw_script_t *gw_script_free(gw_script_t *script);
const gw_limit_rules_t *gw_script_rules(const gw_script_t *script);

/** Makes a call.
 *  @param with_text EVAL, which brings the text along; else EVALSHA, which only works when the server knows it
 *  @param ret_num_args at most GW_SCRIPT_MAX_ARGS
 *  @return arguments of the command; valid until the next call */
const gw_str_t *gw_script_call(gw_script_t *script, const gw_script_ask_t *ask, bool with_text, size_t *ret_num_args);

typedef enum gw_script_reply {
    GW_SCRIPT_ANSWERED,
    GW_SCRIPT_NOT_THERE, /* EVALSHA of a script that the server does not have: nothing was done */
    GW_SCRIPT_FAILED
} gw_script_reply_t;

typedef struct gw_script_answer {
    gw_limits_answer_t limits; /* as gw_limits_take would answer; of a lease, whether `cost` was had */
    uint64_t granted;          /* GW_SCRIPT_LEASE: tokens; 0 when refused */
} gw_script_answer_t;

/** @param ret_answer set with GW_SCRIPT_ANSWERED
 *  @param ret_cause set with GW_SCRIPT_FAILED: a static word for logs: "read_only", "out_of_memory", ... */
gw_script_reply_t gw_script_read(const gw_script_t *script, const gw_script_ask_t *ask, const gw_redis_reply_t *reply,
                                 gw_script_answer_t *ret_answer, const char **ret_cause);

/** The levels of a client of whom it is only known that so many tokens are his.  @param ret_levels of each limit */
void gw_script_levels_of(const gw_script_t *script, uint64_t tokens, gw_bucket_level_t *ret_levels);

/** A piece of Lua that defines `run(now)`, now in microseconds, and nothing else: the script is that and a line that
 * calls it with the server's clock. */
extern const char gw_script_function[];

#endif
