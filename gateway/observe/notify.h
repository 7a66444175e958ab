/* SPDX-License-Identifier: MIT
 * Telling systemd how the service is (sd_notify(3)'s protocol: one datagram to the socket named by NOTIFY_SOCKET).
 * Threads: the control thread. */
#ifndef GW_OBSERVE_NOTIFY_H
#define GW_OBSERVE_NOTIFY_H

/** Does nothing when the service manager did not ask.  @param state "READY=1", "RELOADING=1", "STOPPING=1" */
void gw_notify(const char *state);

#endif
