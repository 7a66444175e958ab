/* SPDX-License-Identifier: MIT
 * How much memory the process takes, and how much it may.  Threads: any. */
#ifndef GW_BASE_MEMORY_USE_H
#define GW_BASE_MEMORY_USE_H

#include <stdint.h>

/** @param root what stands before "/proc"; "" but in tests
 *  @return resident bytes of this process; 0: the system does not say */
uint64_t gw_memory_resident(const char *root);
/** The smallest of the bounds that the process' cgroups have (version 1 and 2, those above them included) and the
 * machine's memory.
 *  @param root what stands before "/proc" and "/sys"; "" but in tests   @return bytes, never 0 */
uint64_t gw_memory_allowed(const char *root);
/** Gives back to the system what the process has freed, which the C library keeps for itself.  Threads that want
 * memory meanwhile may have to wait: up to 70 ms were measured with 512 MiB in pieces. */
void gw_memory_give_back(void);

#endif
