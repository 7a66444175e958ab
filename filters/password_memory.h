/* SPDX-License-Identifier: MIT
 * What a worker remembers of pairs of user and password that were tried: whoever signs in with every request, as the
 * scheme Basic wants it, is hashed once in a while and not each time; and so is whoever is wrong again and again.
 *
 * A pair is known by a tag alone, a keyed hash of both that is worth nothing without the key.  Bounded: right pairs and
 * wrong ones have room of their own, so that guesses cannot push out those who are right.
 *
 * Threads: a memory belongs to one.  Time is an argument. */
#ifndef GW_FILTERS_PASSWORD_MEMORY_H
#define GW_FILTERS_PASSWORD_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GW_PAIR_TAG 16

typedef enum gw_pair {
    GW_PAIR_NOT_KNOWN,
    GW_PAIR_RIGHT,
    GW_PAIR_WRONG_PASSWORD,
    GW_PAIR_UNKNOWN_USER,
    GW_PAIR_TOO_LONG /* the password, for the user's hash */
} gw_pair_t;

typedef struct gw_password_memory gw_password_memory_t;

/** @param num_right, num_wrong pairs that it has room for, powers of two of at least 4 */
gw_password_memory_t *gw_password_memory_create(size_t num_right, size_t num_wrong);
/** NULL is fine; returns NULL. */
gw_password_memory_t *gw_password_memory_free(gw_password_memory_t *memory);
/** Forgets everything unless this is the file that it was told of before.  @param epoch gw_reader_t.epoch of the file
 */
void gw_password_memory_turn_to(gw_password_memory_t *memory, uint64_t epoch);
/** @param now_ms monotonic */
gw_pair_t gw_password_memory_find(const gw_password_memory_t *memory, const uint8_t tag[GW_PAIR_TAG], uint64_t now_ms);
/** The one of its few possible places that would be free first is taken.
 *  @param until_ms when it is forgotten */
void gw_password_memory_keep(gw_password_memory_t *memory, const uint8_t tag[GW_PAIR_TAG], gw_pair_t pair,
                             uint64_t until_ms);

#endif
