/* SPDX-License-Identifier: MIT
 * Opening and writing what a log goes to.  Descriptor 1 is shared with the shell and with other processes, so it must
 * not be made non-blocking. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include "gateway/observe/log_output.h"

static bool open_file(gw_log_output_t *output, const char *file, char *reterr)
{
    /* O_NONBLOCK: a FIFO without a reader is an error instead of a wait; for a regular file it changes nothing */
    output->fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
    if (output->fd < 0) {
        snprintf(reterr, GW_LOG_OUTPUT_ERROR_MAX, "cannot open the access log '%s': %s", file,
                 errno == ENXIO ? "nobody reads from this FIFO, or it is a socket" : strerror(errno));
        return false;
    }
    output->how = GW_LOG_OUTPUT_WRITTEN;
    if ((output->file = strdup(file)) == NULL)
        abort();
    return true;
}

static bool open_stdout(gw_log_output_t *output, char *reterr)
{
    struct stat stat;

    output->how = GW_LOG_OUTPUT_WRITTEN;
    output->file = NULL;
    if (fstat(STDOUT_FILENO, &stat) != 0)
        goto Error;
    if (S_ISFIFO(stat.st_mode) || S_ISCHR(stat.st_mode)) {
        /* the same pipe or terminal, opened once more: this O_NONBLOCK is ours alone */
        if ((output->fd = open("/proc/self/fd/1", O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) >= 0)
            return true;
        output->how = GW_LOG_OUTPUT_ASKED;
    } else if (S_ISSOCK(stat.st_mode)) {
        output->how = GW_LOG_OUTPUT_SENT;
    }
    if ((output->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)) >= 0)
        return true;
Error:
    snprintf(reterr, GW_LOG_OUTPUT_ERROR_MAX, "cannot write the access log to standard output: %s", strerror(errno));
    return false;
}

bool gw_log_output_open(gw_log_output_t *output, gw_access_log_target_t target, const char *file, char *reterr)
{
    *output = (gw_log_output_t){.fd = -1, .how = GW_LOG_OUTPUT_WRITTEN, .file = NULL};
    switch (target) {
    case GW_LOG_OFF:
        return true;
    case GW_LOG_STDOUT:
        return open_stdout(output, reterr);
    case GW_LOG_FILE:
        return open_file(output, file, reterr);
    }
    assert(!"a target of the enum");
    return false;
}

void gw_log_output_close(gw_log_output_t *output)
{
    if (output->fd >= 0)
        close(output->fd);
    free(output->file);
    *output = (gw_log_output_t){.fd = -1, .how = GW_LOG_OUTPUT_WRITTEN, .file = NULL};
}

ssize_t gw_log_output_write(const gw_log_output_t *output, const gw_str_t parts[2])
{
    struct iovec iov[2] = {{(void *)parts[0].ptr, parts[0].len}, {(void *)parts[1].ptr, parts[1].len}};
    int num = parts[1].len != 0 ? 2 : 1;
    ssize_t written = -1;

    do {
        if (output->how == GW_LOG_OUTPUT_SENT) {
            struct msghdr message = {.msg_iov = iov, .msg_iovlen = (size_t)num};
            written = sendmsg(output->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        } else if (output->how == GW_LOG_OUTPUT_ASKED) {
            struct pollfd ready = {.fd = output->fd, .events = POLLOUT};
            if (poll(&ready, 1, 0) == 0) {
                errno = EAGAIN;
                break;
            }
            /* a pipe that is ready takes this much without waiting (pipe(7)) */
            written = write(output->fd, iov[0].iov_base, iov[0].iov_len < PIPE_BUF ? iov[0].iov_len : PIPE_BUF);
        } else {
            written = writev(output->fd, iov, num);
        }
    } while (written < 0 && errno == EINTR);
    return written;
}

const char *gw_log_output_name(const gw_log_output_t *output)
{
    return output->file != NULL ? output->file : "standard output";
}
