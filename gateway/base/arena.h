/* SPDX-License-Identifier: MIT
 * Memory that is given out piece by piece and freed as a whole: what a snapshot is made of.
 * Threads: one at a time while it grows; afterwards its content is read by all.  Out of memory ends the process, as in
 * libh2o. */
#ifndef GW_BASE_ARENA_H
#define GW_BASE_ARENA_H

#include "gateway/base/str.h"

typedef struct gw_arena gw_arena_t;

gw_arena_t *gw_arena_create(void);
/** Runs the finalisers, last registered first, then frees everything.  NULL is fine; returns NULL. */
gw_arena_t *gw_arena_free(gw_arena_t *arena);
/** @return zeroed bytes, aligned for any type, never NULL; valid until the arena is freed */
void *gw_arena_alloc(gw_arena_t *arena, size_t size);
/** @return a NUL-terminated copy */
char *gw_arena_strdup(gw_arena_t *arena, gw_str_t s);
/** @return a NUL-terminated text made as by printf */
char *gw_arena_printf(gw_arena_t *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Calls finalise(arg) when the arena is freed: for what malloc or a library owns. */
void gw_arena_on_free(gw_arena_t *arena, void (*finalise)(void *arg), void *arg);
/** @return bytes given out so far */
size_t gw_arena_used(const gw_arena_t *arena);

#endif
