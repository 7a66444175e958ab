/* SPDX-License-Identifier: MIT
 * What the gateway has to say about itself, one line each on stderr: `sluice: warning: ...`.  Not for requests: those
 * go to the access log. Threads: any; each line is one write(2), so lines never mix. */
#ifndef GW_OBSERVE_LOG_H
#define GW_OBSERVE_LOG_H

#include <stdbool.h>

typedef enum gw_log_level { GW_LOG_ERROR, GW_LOG_WARNING, GW_LOG_NOTICE } gw_log_level_t;

/** @param format without a final newline; control characters in the result are shown as '?' */
void gw_log(gw_log_level_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The same for threads that must not wait for a slow terminal or pipe: another thread writes it.  What does not fit
 * into its queue is counted, and the count is written.  Before gw_log_start and after gw_log_stop it writes itself. */
void gw_log_later(gw_log_level_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Starts the thread.  @return false when that is not possible */
bool gw_log_start(void);
/** Writes what is left, if that goes quickly, and ends the thread. */
void gw_log_stop(void);

#endif
