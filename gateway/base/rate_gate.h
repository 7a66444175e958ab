/* SPDX-License-Identifier: MIT
 * Lets so many through in each span of time and counts the rest: for log lines that a stranger can cause.
 * Threads: a gate belongs to one.  All zero is a gate that nobody has passed. */
#ifndef GW_BASE_RATE_GATE_H
#define GW_BASE_RATE_GATE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct gw_rate_gate {
    uint64_t span_ends_ms, num_held;
    unsigned num_passed; /* in this span */
} gw_rate_gate_t;

/** @param most in each span of span_ms   @param ret_held set on true: how many were held back since the last that
 * passed
 *  @return whether this one may pass */
static inline bool gw_rate_gate_pass(gw_rate_gate_t *gate, unsigned most, uint64_t span_ms, uint64_t now_ms,
                                     uint64_t *ret_held)
{
    if (now_ms >= gate->span_ends_ms) {
        gate->span_ends_ms = now_ms + span_ms;
        gate->num_passed = 0;
    }
    if (gate->num_passed >= most) {
        ++gate->num_held;
        return false;
    }
    ++gate->num_passed;
    *ret_held = gate->num_held;
    gate->num_held = 0;
    return true;
}

#endif
