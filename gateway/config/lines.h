/* SPDX-License-Identifier: MIT
 * Files that say one thing a line (keys, passwords, networks, what is revoked): one line after the other, with their
 * numbers, and what is wrong with them up to a bound.  Pure.
 *
 * A byte order mark at the beginning and a carriage return at the end of a line, which editors of Windows leave, do not
 * belong to a line. */
#ifndef GW_CONFIG_LINES_H
#define GW_CONFIG_LINES_H

#include "gateway/config/diag.h"

#define GW_LINES_MAX_ERRORS 20 /* that one reading reports */

typedef struct gw_lines {
    gw_str_t line;   /* the one at hand */
    unsigned number; /* its number; 0 before the first */
    /* private */
    gw_diag_t *diag;
    const char *path;
    gw_str_t rest;
    size_t num_errors;
} gw_lines_t;

/** @param content borrowed, as path is */
gw_lines_t gw_lines_of(gw_str_t content, const char *path, gw_diag_t *diag);
/** Goes on to the next line.  @return false at the end, and when there were too many errors */
bool gw_lines_next(gw_lines_t *lines);
/** Reports an error.  @param at within the line at hand   @param hint as gw_diag_error has it   @return false */
bool gw_lines_refuse(gw_lines_t *lines, const char *at, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/** The same of a line that was read before: an entry that is there twice, say. */
bool gw_lines_refuse_earlier(gw_lines_t *lines, unsigned number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** No error more is wanted. */
bool gw_lines_has_enough_errors(const gw_lines_t *lines);
/** Says so if there may be more errors than were reported.  @return true when there was none */
bool gw_lines_are_good(const gw_lines_t *lines);

#endif
