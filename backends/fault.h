/* SPDX-License-Identifier: MIT
 * Failing on purpose: which answers become a failure when a given share of them shall fail, and how late they come.
 * The failures are spread evenly and always in the same order (a share of a quarter is every fourth answer), so that a
 * test can count on them; there is no chance in it.  Pure.  Threads: one. */
#ifndef GW_BACKENDS_FAULT_H
#define GW_BACKENDS_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#define GW_FAULT_ALL 1000000 /* a share of 1 */

typedef struct gw_fault {
    uint64_t delay_ms; /* before each answer */
    uint32_t share;    /* in millionths, 0..GW_FAULT_ALL */
    uint32_t debt;     /* what the answers so far have added up to, below GW_FAULT_ALL; 0 at first */
} gw_fault_t;

/** @return whether the next answer is to fail: true for exactly floor(n * share) of the first n answers */
static inline bool gw_fault_next(gw_fault_t *fault)
{
    fault->debt += fault->share;
    if (fault->debt < GW_FAULT_ALL)
        return false;
    fault->debt -= GW_FAULT_ALL;
    return true;
}

#endif
