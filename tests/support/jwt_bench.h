/* SPDX-License-Identifier: MIT
 * What judges tokens, without a conf file and a filter: a conf from a few words, key sets, a deny list, and the ring
 * over them.  Threads: one. */
#ifndef GW_TESTS_JWT_BENCH_H
#define GW_TESTS_JWT_BENCH_H

#include "filters/jwt/token.h"

enum { JWT_BENCH_MOST = 4 };

/** Lists end with NULL.  What is left out is as the conf has it by default, but for the leeway, which is 0. */
typedef struct jwt_terms {
    const char *issuers[JWT_BENCH_MOST]; /* none: one, whose name is not looked at */
    const char *audience[JWT_BENCH_MOST], *typ[JWT_BENCH_MOST];
    const char *forward[JWT_BENCH_MOST]; /* claims */
    unsigned algorithms;                 /* GW_JWT_SET; 0: each key's own */
    uint64_t leeway, max_age;            /* ms */
    size_t max_length;                   /* 0: 8 KiB */
    bool is_exp_optional;
    struct jwt_terms_rule {
        const char *path;
        bool is_all, is_scope;
        const char *values[JWT_BENCH_MOST];
    } rules[JWT_BENCH_MOST]; /* the first without a path ends them */
    const char *denied;      /* as the file has it; NULL: there is none */
    const char *kid;         /* what the conf calls the keys */
} jwt_terms_t;

typedef struct jwt_bench jwt_bench_t;

/** @param versions of gw_jwt_key_set_t, one for each issuer; NULL: its keys have not come yet; a reference is taken */
jwt_bench_t *jwt_bench_create(const jwt_terms_t *terms, gw_version_t *const *versions);
/** NULL is fine; returns NULL. */
jwt_bench_t *jwt_bench_free(jwt_bench_t *bench);
/** New keys for an issuer: takes a reference. */
void jwt_bench_publish(jwt_bench_t *bench, size_t issuer, gw_version_t *version);
/** A new deny list, where there was one. */
void jwt_bench_deny(jwt_bench_t *bench, const char *content);
/** @return refreshed */
const gw_jwt_ring_t *jwt_bench_ring(jwt_bench_t *bench);
void jwt_bench_judge(jwt_bench_t *bench, gw_str_t token, int64_t now_ms, gw_jwt_listener_t listener, void *arg,
                     gw_jwt_judgement_t *ret);

/** @param jwks must hold a good key   @return one reference */
gw_version_t *jwt_bench_keys(const char *jwks);

#endif
