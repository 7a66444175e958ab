/* SPDX-License-Identifier: MIT
 * Command lines under test: what a user types, run by the shell to its end.  Threads: the test's. */
#ifndef GW_TESTS_COMMAND_H
#define GW_TESTS_COMMAND_H

/** Runs a command line, made as by printf, in a folder; in it $S is the gateway under test.  One that is ended by a
 * signal fails the test.  @param ret_status its exit status   @return what it wrote to stdout, to be freed */
char *command_run(const char *folder, int *ret_status, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
