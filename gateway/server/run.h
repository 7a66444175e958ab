/* SPDX-License-Identifier: MIT
 * The running gateway: starts everything, then the control thread waits for signals.
 * SIGHUP reloads, SIGUSR1 reopens the access log, SIGTERM and SIGINT drain and end; a second one ends at once.
 * Threads: the control thread (the process' first one). */
#ifndef GW_SERVER_RUN_H
#define GW_SERVER_RUN_H

/** `sluice run -c FILE`.  @return the exit status: 0 after a clean stop, 1 when it could not start, 2 for wrong usage
 */
int gw_run_main(int argc, char **argv);

#endif
