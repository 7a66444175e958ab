/* SPDX-License-Identifier: MIT
 * Files that are read again when they change: keys, passwords, deny lists, networks.  A filter loads the file when the
 * conf is read (so that `sluice check` and a reload find what is wrong with it), and from then on it is watched: a
 * change that is good is published to the workers, one that is not is logged with file:line:col and changes nothing.
 *
 * Replacing by rename, writing in place and the symbolic links of Kubernetes are all noticed (inotify on the folder,
 * and a look every 10 seconds for file systems without it, every second where the folder cannot be watched).  What
 * changed less than 200 ms ago, or changes while it is being read, is left alone until it rests. */
#ifndef GW_UPKEEP_FILE_H
#define GW_UPKEEP_FILE_H

#include "gateway/base/published.h"
#include "gateway/config/diag.h"
#include "gateway/upkeep/upkeep.h"

/** A kind of file. */
typedef struct gw_file_class {
    const char *what; /* for messages: "deny_file" */
    size_t max_bytes; /* a larger one is refused */
    bool is_secret;   /* warns when others than user and group may read it; its bytes are wiped after parsing */
    /** Makes the value.  @param content NUL-terminated too   @param path for marks
     *  @return NULL after reporting an error to diag */
    void *(*parse)(gw_str_t content, const char *path, gw_diag_t *diag);
    void (*free_value)(void *value);
} gw_file_class_t;

/** A file as it was loaded with a conf: belongs to the snapshot. */
typedef struct gw_file_seed {
    const char *path;      /* absolute; borrowed from the conf */
    gw_version_t *version; /* NULL: nothing could be loaded */
    struct gw_file_stamp {
        uint64_t device, inode, size, modified_ns, changed_ns;
    } stamp;
} gw_file_seed_t;

/** Reads the file.  For the `check` of a section; where the conf is wrong about it, the message is at `at`.
 *  @return true when seed->version was made; to be disposed in any case */
bool gw_file_load(gw_file_seed_t *seed, const char *path, const gw_file_class_t *class, gw_diag_t *diag, gw_mark_t at);
void gw_file_seed_dispose(gw_file_seed_t *seed);

/** A watched file: for the `share` of a filter. */
typedef struct gw_file gw_file_t;
/** @param seed its version is what is published at first   @return to be given to gw_file_unwatch */
gw_file_t *gw_file_watch(gw_upkeep_t *upkeep, const gw_file_class_t *class, const gw_file_seed_t *seed);
/** Ends the watching; readers keep what they have.  NULL is fine; returns NULL. */
gw_file_t *gw_file_unwatch(gw_file_t *file);
/** @return borrowed from the file; for gw_reader_init */
gw_published_t *gw_file_published(const gw_file_t *file);

#endif
