/* SPDX-License-Identifier: MIT
 * Command lines under test. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include "tests/support/command.h"

static void die(const char *what)
{
    perror(what);
    abort();
}

/** @return what the shell is to run, to be freed */
static char *line_of(const char *folder, const char *format, va_list args)
{
    const char *program = getenv("SLUICE") != NULL ? getenv("SLUICE") : "gateway/sluice";
    char whole[PATH_MAX], *line; /* the whole name: the line runs elsewhere */
    size_t size;
    FILE *to = open_memstream(&line, &size);
    if (to == NULL || realpath(program, whole) == NULL)
        die(program);
    fprintf(to, "cd '%s' && S='%s' && { ", folder, whole);
    vfprintf(to, format, args);
    fputs("; }", to);
    fclose(to);
    return line;
}

char *command_run(const char *folder, int *ret_status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *line = line_of(folder, format, args), *output, chunk[4096];
    va_end(args);
    size_t size, len;
    FILE *from = popen(line, "r"), *to = open_memstream(&output, &size);
    if (from == NULL || to == NULL)
        die(line);
    while ((len = fread(chunk, 1, sizeof(chunk), from)) != 0)
        fwrite(chunk, 1, len, to);
    fclose(to);
    int status = pclose(from);
    if (!WIFEXITED(status)) {
        fprintf(stderr, "'%s' was ended by signal %d; it said:\n%s\n", line, WTERMSIG(status), output);
        abort();
    }
    *ret_status = WEXITSTATUS(status);
    free(line);
    return output;
}
