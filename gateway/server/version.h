/* SPDX-License-Identifier: MIT
 * `sluice version`. */
#ifndef GW_SERVER_VERSION_H
#define GW_SERVER_VERSION_H

/** Prints the version and the libraries that are in use at run time.  @return the exit status */
int gw_version_main(void);

#endif
