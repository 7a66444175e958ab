/* SPDX-License-Identifier: MIT
 * What responses say of limits, read with a parser of our own (structured_fields.h), and whether it agrees with itself.
 * Anything else fails the test and is shown.  Threads: the test's. */
#ifndef GW_TESTS_QUOTAS_H
#define GW_TESTS_QUOTAS_H

#include <stdint.h>
#include "tests/support/gateway.h"

enum { QUOTAS_MAX = 16 };

typedef struct quota {
    char name[64];
    int64_t quota, window_s; /* q and w of RateLimit-Policy */
    int64_t remaining;       /* r of RateLimit */
    int64_t next_s;          /* t; -1: it has none */
} quota_t;

typedef struct quotas {
    size_t num; /* 0: the response has neither field */
    quota_t limits[QUOTAS_MAX];
    int64_t retry_after_s; /* -1: it has none */
} quotas_t;

/** Both fields are there, or none; they name the same limits; 0 <= r <= q; a limit from which something is missing has
 * a t of at least 1, and a full one has none; Retry-After, which a 429 has and others may have, is not before the t of
 * a limit that has nothing left. */
quotas_t quotas_of(const reply_t *reply);
/** @return r of the only limit */
int64_t quotas_remaining(const reply_t *reply);

/** Every value of the fields of that name, with ", " between (RFC 9110 5.2); to be freed.  @return NULL: there is none
 */
char *reply_fields(const reply_t *reply, const char *name);

#endif
