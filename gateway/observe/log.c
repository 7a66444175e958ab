/* SPDX-License-Identifier: MIT
 * Log lines of the gateway itself. */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include "gateway/observe/log.h"

void gw_log(gw_log_level_t level, const char *format, ...)
{
    static const char *const words[] = {"error", "warning", "notice"};
    char line[1024];
    int start = snprintf(line, sizeof(line), "sluice: %s: ", words[level]);
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line + start, sizeof(line) - (size_t)start - 1, format, args);
    va_end(args);
    size_t end = (size_t)start + (len < 0 ? 0 : (size_t)len);
    if (end > sizeof(line) - 2)
        end = sizeof(line) - 2;
    for (size_t i = (size_t)start; i != end; ++i)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    line[end++] = '\n';
    if (write(STDERR_FILENO, line, end) < 0)
        return; /* nowhere left to say it */
}
