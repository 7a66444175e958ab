/* SPDX-License-Identifier: MIT
 * Rates as the conf file writes them: "100/s", "1000/h", "5/250ms".  Pure; threads: any. */
#ifndef GW_FILTERS_RATE_LIMIT_RATE_H
#define GW_FILTERS_RATE_LIMIT_RATE_H

#include "gateway/base/str.h"

#define GW_RATE_MAX_TOKENS    1000000000u
#define GW_RATE_MIN_PERIOD_US 1000u                      /* 1ms */
#define GW_RATE_MAX_PERIOD_US (366ull * 86400 * 1000000) /* 366d */
#define GW_RATE_TEXT_MAX      32                         /* the longest is "1000000000/31622399999ms" */

/** So many tokens in that time, evenly: never more at once than the burst that goes with it. */
typedef struct gw_rate {
    uint64_t tokens;    /* 1..GW_RATE_MAX_TOKENS */
    uint64_t period_us; /* GW_RATE_MIN_PERIOD_US..GW_RATE_MAX_PERIOD_US, in whole milliseconds */
} gw_rate_t;

/** Reads TOKENS/TIME, a whole number of tokens and a unit of time (s, m, h, d) or a whole number of one (ms too).
 * Nothing else: no blanks, signs, leading zeros or fractions.  The rate is as it was written, "60/m" is not "1/s": its
 * burst differs.
 *  @param ret_wanted for false: what is right instead, for the text in brackets of an error message; static */
bool gw_rate_parse(gw_str_t text, gw_rate_t *ret, const char **ret_wanted);
/** The shortest text that is read as this rate again.  @param text NUL-terminated   @return its length */
size_t gw_rate_print(const gw_rate_t *rate, char text[GW_RATE_TEXT_MAX]);

#endif
