/* SPDX-License-Identifier: MIT
 * What the gateway has to say about itself, one line each on stderr: `sluice: warning: ...`.  Not for requests: those
 * go to the access log. Threads: any; each line is one write(2), so lines never mix. */
#ifndef GW_OBSERVE_LOG_H
#define GW_OBSERVE_LOG_H

typedef enum gw_log_level { GW_LOG_ERROR, GW_LOG_WARNING, GW_LOG_NOTICE } gw_log_level_t;

/** @param format without a final newline; control characters in the result are shown as '?' */
void gw_log(gw_log_level_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
