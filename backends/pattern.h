/* SPDX-License-Identifier: MIT
 * The content of /bytes/N: lines of 16 bytes, each the offset of its first byte as 15 hexadecimal digits and a newline.
 * Every place in it is different, so that a lost, repeated or swapped piece shows, however large the whole is.
 * Pure. */
#ifndef GW_BACKENDS_PATTERN_H
#define GW_BACKENDS_PATTERN_H

#include <stddef.h>
#include <stdint.h>

/** Writes the `len` bytes that begin at `offset` (below 2^60). */
void gw_pattern_fill(char *to, size_t len, uint64_t offset);

#endif
