/* SPDX-License-Identifier: MIT
 * Opening listening sockets: one per listener and worker (SO_REUSEPORT spreads connections over the workers), Unix
 * sockets shared by duplicated descriptors. Threads: the control thread. */
#ifndef GW_SERVER_LISTENER_H
#define GW_SERVER_LISTENER_H

#include "gateway/config/snapshot.h"

/** The descriptors of all workers: [worker * num_listeners + listener]. */
typedef struct gw_listener_fds {
    int *fds;
    size_t num_workers, num_listeners;
    char **unix_paths; /* to be removed at the end; NULL entries for TCP */
} gw_listener_fds_t;

/** Opens everything or nothing.  A port of 0 is chosen by the kernel, the same for all workers; each address in use is
 * said in one line on stderr (`sluice: notice: listening on https://127.0.0.1:43211`).
 *  @return false after reporting the errors, all of them */
bool gw_listeners_open(const gw_snapshot_t *snapshot, gw_listener_fds_t *ret_fds, gw_diag_t *diag);
/** Frees the table; the descriptors belong to the workers by now.  Removes the files of Unix sockets. */
void gw_listeners_dispose(gw_listener_fds_t *fds);

/** Can `next` be published to workers that listen for `current`?  The addresses must be the same ones (in any order),
 * with TLS where there was TLS.  @return false after reporting, at the lines of `next` */
bool gw_listeners_are_same(const gw_snapshot_t *current, const gw_snapshot_t *next, gw_diag_t *diag);

#endif
