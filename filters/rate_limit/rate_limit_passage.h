/* SPDX-License-Identifier: MIT
 * What `rate_limit` knows: of the whole process, of a worker, and of a request on its way through.  Of its own files
 * only.  Threads: gw_rate_shared_t is made on the control thread, freed on any and read by all; the rest belongs to one
 * worker. */
#ifndef FILTERS_RATE_LIMIT_RATE_LIMIT_PASSAGE_H
#define FILTERS_RATE_LIMIT_RATE_LIMIT_PASSAGE_H

#include <stdatomic.h>
#include "filters/limit/client_key.h"
#include "filters/rate_limit/rate_limit_conf.h"
#include "filters/rate_limit/share.h"
#include "filters/rate_limit/store/shared_limits.h"
#include "gateway/base/memory.h"
#include "gateway/base/rate_gate.h"
#include "gateway/server/worker.h"

/** How many requests wait, those of before a reload too. */
typedef struct gw_rate_waiting {
    atomic_size_t references;
    _Alignas(GW_CACHE_LINE) atomic_size_t num;
} gw_rate_waiting_t;

/** The filter in the whole process. */
typedef struct gw_rate_shared {
    const gw_rate_limit_conf_t *conf;
    const char *name;
    gw_limits_t *limits;        /* one reference */
    gw_share_t *share;          /* NULL: all of it */
    gw_shared_store_t *store;   /* one reference; NULL: none */
    gw_rate_waiting_t *waiting; /* one reference */
} gw_rate_shared_t;

/** The filter on one worker. */
typedef struct gw_rate_worker {
    gw_worker_t *worker;
    gw_rate_shared_t *shared;
    gw_shared_side_t *store; /* NULL: none */
    uint64_t share;          /* what the following was made for */
    gw_limit_rules_t rules[GW_MAX_LIMITS];
    gw_rate_state_t states[GW_MAX_LIMITS]; /* name, quota and window; the rest is each request's */
    char policy[GW_RATE_FIELDS_MAX];
    size_t policy_len;
    gw_rate_gate_t full_notices;
} gw_rate_worker_t;

/** What it remembers of an exchange. */
typedef struct gw_passage {
    gw_exchange_t *ex;
    gw_rate_worker_t *state;
    const gw_rate_limit_conf_t *conf;
    gw_client_key_t key;
    uint64_t cost; /* that was taken */
    gw_limits_answer_t answer;
    bool is_counted; /* it took its cost, from the store or here */
    bool is_from_store;
    bool has_levels;    /* the answer's can be told: */
    uint64_t levels_us; /* as they were then */
    bool is_delayed;
    gw_timer_t timer;       /* of a delay */
    gw_shared_take_t *take; /* under way, or NULL */
} gw_passage_t;

#endif
