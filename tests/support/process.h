/* SPDX-License-Identifier: MIT
 * Real programs under test: started, listened to, signalled, and never left behind.  Every wait has a deadline and none
 * sleeps; a failed wait prints what the program said and fails the test.
 * Threads: one reader thread per process fills its log; everything else belongs to the test's thread. */
#ifndef GW_TESTS_PROCESS_H
#define GW_TESTS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define DEADLINE_MS 60000 /* for anything that should happen soon; generous, for sanitizers on a loaded machine */

typedef struct process process_t;

/** Starts argv[0] with stdout and stderr going to the process' log.  It dies with the test. */
process_t *process_start(const char *const *argv);
pid_t process_pid(const process_t *process);
/** Waits until the log holds `text` `count` times and returns a copy of the line with the last of them (to be freed).
 */
char *process_wait_for(process_t *process, const char *text, size_t count);
/** How often the log holds `text` now. */
size_t process_count(process_t *process, const char *text);
/** A copy of the whole log (to be freed). */
char *process_log(process_t *process);
/** Waits until the process has closed its output, which it does at its end. */
void process_wait(process_t *process);
void process_signal(process_t *process, int signal);
/** Waits for the end; prints the log when it was killed by a signal that nobody sent.  Frees.  @return its exit status,
 * or 128 + the signal that ended it */
int process_end(process_t *process);
/** Resident memory in KiB, from /proc. */
size_t process_rss_kib(const process_t *process);

#endif
