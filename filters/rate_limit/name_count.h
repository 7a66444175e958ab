/* SPDX-License-Identifier: MIT
 * How many addresses a name has, looked up again and again by a thread of its own: a look-up may hang in the C library,
 * and nothing else shall wait for that, the end of the process included.  There is one for each name, whoever asks, so
 * that all limits are divided by the same number and a reload finds what was known.
 *
 * Threads: get waits a little, so it is not for workers; unref and the number on any. */
#ifndef FILTERS_RATE_LIMIT_NAME_COUNT_H
#define FILTERS_RATE_LIMIT_NAME_COUNT_H

#include <netdb.h>
#include <stdint.h>

#define GW_NAME_COUNT_MAX 1000 /* more are not told apart from so many */

/** How it is looked up; tests have their own way. */
typedef struct gw_name_count_how {
    /** @param ret_num at least 1   @return 0, or what getaddrinfo says */
    int (*look_up)(const char *name, uint64_t *ret_num);
    uint64_t period_ms, retry_ms; /* after one that went well, after one that failed */
    uint64_t first_wait_ms;       /* so long gw_name_count_get waits at most for the first number */
} gw_name_count_how_t;

/** By getaddrinfo, every 30 s, and every second while that fails. */
extern const gw_name_count_how_t gw_name_count_by_dns;

typedef struct gw_name_count gw_name_count_t;

/** @param how kept; of a name that somebody has already, his counts
 *  @return one reference */
gw_name_count_t *gw_name_count_get(const char *name, const gw_name_count_how_t *how);
/** Waits for nothing.  NULL is fine; returns NULL. */
gw_name_count_t *gw_name_count_unref(gw_name_count_t *count);
/** @return what the last look-up that went well has found, 1..GW_NAME_COUNT_MAX; 0: none has yet */
uint64_t gw_name_count_number(const gw_name_count_t *count);

/** Different addresses of a family, of the one that has more: a host with both counts once.
 *  @return 0..GW_NAME_COUNT_MAX */
uint64_t gw_name_count_hosts(const struct addrinfo *found);

#endif
