/* SPDX-License-Identifier: MIT
 * `sluice check`: says what is wrong with a conf file, by the same path as a start or a reload.
 * Threads: the main thread, before any other. */
#ifndef GW_SERVER_CHECK_H
#define GW_SERVER_CHECK_H

/** @param argv argv[0] is "check"
 *  @return the exit status: 0 fine (warnings included), 1 errors in the configuration or in writing, 2 wrong usage */
int gw_check_main(int argc, char **argv);

#endif
