/* SPDX-License-Identifier: MIT
 * The access log: each worker writes its lines into a ring of its own, one thread carries them to a file or to standard
 * output, so a slow or full disk and a reader that stands still delay nobody.  What finds no room in a ring is dropped,
 * counted, and said in the log as soon as it can be written again:
 *   {"time":"...","event":"access_log_dropped","lines":12}
 * The first line after a quiet time is written at once.  Then the thread looks after 2 ms, and, as long as it does not
 * find exactly one line, after twice as long each time, at last every 50 ms; at once when a ring is more than half
 * full. When the last 50 ms brought nothing it sleeps until a line comes.  So who follows the log sees a line within 50
 * ms and in most cases at once, what comes in crowds is written in crowds, a gateway without requests wakes nobody, and
 * workers wake the thread some ten times a second at most.  Lines of one worker keep their order, those of several are
 * not sorted.
 *
 * Threads: gw_access_log_write by the workers, each with its own number; gw_access_log_stats by anyone; everything else
 * by the control thread.  Owns: the rings, the thread, copies of file names, its descriptors (never descriptor 1
 * itself). */
#ifndef GW_OBSERVE_ACCESS_LOG_H
#define GW_OBSERVE_ACCESS_LOG_H

#include "gateway/config/snapshot.h"
#include "gateway/observe/outcome.h"

#define GW_ACCESS_LOG_ERROR_MAX 512 /* bytes of a text that says why something failed */

typedef struct gw_access_log gw_access_log_t;

typedef struct gw_access_log_stats {
    uint64_t lines_dropped; /* found no room, or could not be written until the end */
    uint64_t write_errors;
    uint64_t bytes_written;
} gw_access_log_stats_t;

/** Opens the target and starts the thread.  A file is appended to, or created with mode 0640 less the umask; a FIFO
 * needs a reader.  With GW_LOG_OFF nothing is written until a reconfiguration says otherwise.
 *  @param file for GW_LOG_FILE, else ignored
 *  @param ring_bytes per worker; rounded up to a power of two, at least 64 KiB   @param num_workers at least 1
 *  @param say told, on the writing thread, of write errors (at most once a minute while they last), of their end, of a
 *  file that cannot be opened again and of lines lost at the end; NULL: gw_log does it
 *  @param reterr set on NULL only: why, without a final newline
 *  @return NULL when the target cannot be opened or the thread cannot be started */
gw_access_log_t *gw_access_log_create(gw_access_log_target_t target, const char *file, size_t ring_bytes,
                                      size_t num_workers, void (*say)(void *arg, const char *text), void *arg,
                                      char reterr[GW_ACCESS_LOG_ERROR_MAX]);

/** Writes what is in the rings, for at most `timeout_ms`, and stops the thread.  One that still hangs in the kernel a
 * second later is left behind with its memory: the process is about to end.  What could not be written is counted and
 * said. No worker may write any more.  NULL is fine; returns NULL. */
gw_access_log_t *gw_access_log_free(gw_access_log_t *log, uint64_t timeout_ms);

/** Logs one exchange.  Never waits and takes no lock; a system call only when the thread must be woken.
 *  @param worker 0..num_workers - 1, the caller's own */
void gw_access_log_write(gw_access_log_t *log, size_t worker, const gw_outcome_t *outcome);

/** For SIGUSR1, after the file was renamed: what was logged so far still goes to the old file, then the name is opened
 * anew, later, on the writing thread.  When that fails the old file stays in use.  Nothing to do unless the target is a
 * file. */
void gw_access_log_reopen(gw_access_log_t *log);

/** For a reload: opens the new target at once and hands it to the thread; what was logged so far still goes to the old
 * one. The size of the rings does not change.
 *  @return false when the target cannot be opened: nothing changes and reterr says why */
bool gw_access_log_reconfigure(gw_access_log_t *log, gw_access_log_target_t target, const char *file,
                               char reterr[GW_ACCESS_LOG_ERROR_MAX]);

gw_access_log_stats_t gw_access_log_stats(const gw_access_log_t *log);

#endif
