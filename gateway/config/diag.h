/* SPDX-License-Identifier: MIT
 * What is wrong with a configuration: every error and warning with its place, collected so that all are reported at
 * once. Threads: one diag belongs to one thread at a time.  Owns: copies of everything it is given. */
#ifndef GW_CONFIG_DIAG_H
#define GW_CONFIG_DIAG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include "gateway/base/str.h"

/** A place in a configuration file.  Lines and columns count from 1; 0 means "the file as a whole". */
typedef struct gw_mark {
    const char *file; /* borrowed from the document (or a string literal) */
    unsigned line, col;
} gw_mark_t;

typedef enum gw_severity { GW_WARNING, GW_ERROR } gw_severity_t;

typedef struct gw_diag gw_diag_t;

gw_diag_t *gw_diag_create(void);
/** NULL is fine; returns NULL. */
gw_diag_t *gw_diag_free(gw_diag_t *diag);

/** Adds an error.  @param hint what would be right, or NULL; copied.  @param format one line without a final newline */
void gw_diag_error(gw_diag_t *diag, gw_mark_t at, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/** The same for something suspicious that does not stop the gateway from starting. */
void gw_diag_warning(gw_diag_t *diag, gw_mark_t at, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

size_t gw_diag_num_errors(const gw_diag_t *diag);
size_t gw_diag_num_warnings(const gw_diag_t *diag);

/** Prints everything, ordered by file, line and column:
 *  `conf/sluice.yaml:12:9: error: unknown key 'brust'` and, indented below it, `  hint: did you mean 'burst'?` */
void gw_diag_print(const gw_diag_t *diag, FILE *to);
/** The same as a JSON array of {"severity","file","line","column","message","hint"}, for machines. */
void gw_diag_print_json(const gw_diag_t *diag, FILE *to);
/** Calls `each` for every entry in that order with the whole text (hint included as `message; hint: ...`). */
void gw_diag_each(const gw_diag_t *diag, void (*each)(void *arg, gw_severity_t severity, const char *text), void *arg);

#endif
