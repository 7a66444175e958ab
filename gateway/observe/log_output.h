/* SPDX-License-Identifier: MIT
 * Where the lines of a log go: a file, standard output, or nowhere; written to without ever waiting for a reader.
 * Threads: one at a time.  Owns: its descriptor (never descriptor 1 itself) and the name. */
#ifndef GW_OBSERVE_LOG_OUTPUT_H
#define GW_OBSERVE_LOG_OUTPUT_H

#include <sys/types.h>
#include "gateway/base/str.h"
#include "gateway/config/snapshot.h"

#define GW_LOG_OUTPUT_ERROR_MAX 512

typedef struct gw_log_output {
    int fd; /* -1: off */
    enum {
        GW_LOG_OUTPUT_WRITTEN, /* writev: waits for a disk at most, or is non-blocking and ours alone */
        GW_LOG_OUTPUT_ASKED,   /* poll before each write of at most PIPE_BUF bytes */
        GW_LOG_OUTPUT_SENT     /* sendmsg with MSG_DONTWAIT */
    } how;
    char *file; /* NULL unless the target is a file */
} gw_log_output_t;

/** Opens a target.  A file is appended to, or created with mode 0640 less the umask; a FIFO needs a reader.
 *  @param file for GW_LOG_FILE, copied   @param ret_output always set; closed when the result is false
 *  @param reterr GW_LOG_OUTPUT_ERROR_MAX bytes, set on false: why, without a final newline */
bool gw_log_output_open(gw_log_output_t *ret_output, gw_access_log_target_t target, const char *file, char *reterr);
/** Leaves the output off.  Fine for one that is off. */
void gw_log_output_close(gw_log_output_t *output);

/** @param parts one after the other; the first is not empty
 *  @return bytes written, perhaps fewer than there were; -1 with errno, EAGAIN when the reader must take something
 * first */
ssize_t gw_log_output_write(const gw_log_output_t *output, const gw_str_t parts[2]);

/** @return for messages: the file's name or "standard output" */
const char *gw_log_output_name(const gw_log_output_t *output);

#endif
