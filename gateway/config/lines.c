/* SPDX-License-Identifier: MIT
 * Files that say one thing a line. */
#include "gateway/config/lines.h"

gw_lines_t gw_lines_of(gw_str_t content, const char *path, gw_diag_t *diag)
{
    static const gw_str_t byte_order_mark = {"\xef\xbb\xbf", 3};
    if (gw_str_starts_with(content, byte_order_mark))
        content = gw_str(content.ptr + byte_order_mark.len, content.len - byte_order_mark.len);
    return (gw_lines_t){.diag = diag, .path = path, .rest = content};
}

bool gw_lines_next(gw_lines_t *lines)
{
    gw_str_t rest = lines->rest;
    if (rest.len == 0 || gw_lines_has_enough_errors(lines))
        return false;
    const char *newline = memchr(rest.ptr, '\n', rest.len);
    size_t len = newline != NULL ? (size_t)(newline - rest.ptr) : rest.len, taken = len + (newline != NULL);
    lines->rest = gw_str(rest.ptr + taken, rest.len - taken);
    if (len != 0 && rest.ptr[len - 1] == '\r')
        --len;
    lines->line = gw_str(rest.ptr, len);
    ++lines->number;
    return true;
}

static void report(gw_lines_t *lines, gw_mark_t at, const char *hint, const char *format, va_list args)
{
    char message[512];
    vsnprintf(message, sizeof(message), format, args);
    gw_diag_error(lines->diag, at, hint, "%s", message);
    ++lines->num_errors;
}

bool gw_lines_refuse(gw_lines_t *lines, const char *at, const char *hint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(lines, (gw_mark_t){lines->path, lines->number, (unsigned)(at - lines->line.ptr) + 1}, hint, format, args);
    va_end(args);
    return false;
}

bool gw_lines_refuse_earlier(gw_lines_t *lines, unsigned number, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(lines, (gw_mark_t){lines->path, number, 1}, NULL, format, args);
    va_end(args);
    return false;
}

bool gw_lines_has_enough_errors(const gw_lines_t *lines)
{
    return lines->num_errors >= GW_LINES_MAX_ERRORS;
}

bool gw_lines_are_good(const gw_lines_t *lines)
{
    const gw_mark_t next = {lines->path, lines->number + 1, 1};
    if (gw_lines_has_enough_errors(lines))
        gw_diag_error(lines->diag, next, NULL, "there may be more errors: the rest was not read");
    return lines->num_errors == 0;
}
