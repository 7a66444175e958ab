/* SPDX-License-Identifier: MIT
 * A value that one thread replaces while others read it: key sets, deny lists, networks.  A reader looks at one number
 * per use (a cache line that is written only when the value is) and takes the lock only when that number has changed.
 *
 * Threads: gw_published_* any; a gw_reader belongs to one thread.  Values are immutable once published. */
#ifndef GW_BASE_PUBLISHED_H
#define GW_BASE_PUBLISHED_H

#include <stddef.h>
#include <stdint.h>

typedef struct gw_published gw_published_t;
typedef struct gw_version gw_version_t;

/** One value, counted.  @param value owned from now on   @param free_value may be NULL */
gw_version_t *gw_version_create(void *value, void (*free_value)(void *value));
gw_version_t *gw_version_ref(gw_version_t *version);
/** NULL is fine; returns NULL. */
gw_version_t *gw_version_unref(gw_version_t *version);
void *gw_version_value(const gw_version_t *version);

/** @param first NULL: nothing yet; else a reference is taken   @return one reference */
gw_published_t *gw_published_create(gw_version_t *first);
gw_published_t *gw_published_ref(gw_published_t *published);
gw_published_t *gw_published_unref(gw_published_t *published);
/** Puts a new version in the place of the old one.  Takes a reference of its own.  The old one stays until its last
 * reader has moved on and gw_published_sweep finds that: freeing a large table takes longer than a reader has. */
void gw_published_set(gw_published_t *published, gw_version_t *version);
/** Frees old versions that nobody reads any more.  To be called now and then by whoever sets.
 *  @return how many are still read */
size_t gw_published_sweep(gw_published_t *published);
/** @return the current version with a reference, or NULL */
gw_version_t *gw_published_get(gw_published_t *published);

/** Where a thread reads it. */
typedef struct gw_reader {
    gw_published_t *published; /* one reference */
    gw_version_t *version;     /* one reference; NULL: nothing was published yet */
    uint64_t epoch;            /* changes whenever the value does; starts at 1 */
} gw_reader_t;

/** Takes a reference of its own. */
void gw_reader_init(gw_reader_t *reader, gw_published_t *published);
void gw_reader_dispose(gw_reader_t *reader);
/** @return the current value, or NULL; valid until the next call (keep reader->version by gw_version_ref across calls)
 */
void *gw_reader_get(gw_reader_t *reader);

#endif
