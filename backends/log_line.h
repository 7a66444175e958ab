/* SPDX-License-Identifier: MIT
 * The demo services' request log: one line "METHOD TARGET STATUS BYTES MICROSECONDS NAME".  Pure. */
#ifndef GW_BACKENDS_LOG_LINE_H
#define GW_BACKENDS_LOG_LINE_H

#include "gateway/base/str.h"

#define GW_LOG_LINE_SIZE 4096 /* the longest line and its NUL; what a pipe takes in one piece */

typedef struct gw_log_line {
    gw_str_t method,
        target; /* as received: any bytes; shown with \xNN for what is not visible ASCII, and cut when long */
    int status;
    uint64_t num_bytes;  /* of the body that was sent */
    uint64_t elapsed_us; /* from the request's arrival to the end of its answer */
    const char *name;    /* of the instance, at most 64 bytes of visible ASCII */
} gw_log_line_t;

/** @param to room for GW_LOG_LINE_SIZE bytes   @return the length, newline included */
size_t gw_log_line_format(char *to, const gw_log_line_t *line);

#endif
