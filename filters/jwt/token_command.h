/* SPDX-License-Identifier: MIT
 * The subcommand `token`: tokens made, and looked at, on the command line.  Each verb is a file of its own
 * (filters/jwt/token_VERB.c) and a row of the table in token_command.c. */
#ifndef GW_FILTERS_JWT_TOKEN_COMMAND_H
#define GW_FILTERS_JWT_TOKEN_COMMAND_H

#include <stdio.h>
#include "gateway/base/str.h"

/** `sluice token VERB ...`.  @return the exit status: 0, 1 when it could not be done, 2 for wrong usage */
int gw_token_main(int argc, char **argv);

/* the verbs; argv[0] is the verb, and they return as above */

int gw_token_mint_main(int argc, char **argv);
/** 1: what it was given is no signed token, whatever it could show of it. */
int gw_token_inspect_main(int argc, char **argv);
/** 0: accepted, 1: refused, or it cannot be said. */
int gw_token_why_main(int argc, char **argv);

/* for the verbs */

/** Says on stderr what is wrong with the command line, and where help is.  @return 2 */
int gw_token_usage_error(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Says on stderr why it cannot be done.  @return 1 */
int gw_token_failure(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Flushes stdout.  @return status, or 1 after saying that it could not be written to */
int gw_token_finish(const char *verb, int status);
/** @param to room for `size` bytes; a longer input is an error   @return false after an error, errno says which (EFBIG:
 *  too long) */
bool gw_token_read_all(FILE *from, char *to, size_t size, size_t *ret_len);
/** A file's bytes.  The same; @param ret_len may not be NULL */
bool gw_token_read_file(const char *path, char *to, size_t size, size_t *ret_len);
/** The token of the command line: argv[optind], or from standard input when there is none or it is "-".
 *  @return for free(); NULL after saying on stderr what is wrong */
char *gw_token_argument(const char *verb, const char *word, size_t *ret_len);

#endif
