/* SPDX-License-Identifier: MIT
 * What upkeep looks after: private to gateway/upkeep.  A source says when it wants to be looked at; the thread does
 * that, and tells it of events: its folder changed, its transfer ended.
 *
 * Lifetime: counted; the thread holds a reference while it looks.  Threads: gw_source_* any; the functions of a class
 * run on the upkeep thread, without locks. */
#ifndef GW_UPKEEP_SOURCE_H
#define GW_UPKEEP_SOURCE_H

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "gateway/upkeep/upkeep.h"

#define GW_NEVER UINT64_MAX

typedef struct gw_source gw_source_t;

typedef struct gw_source_class {
    /** @param now_ms monotonic   @return when to look again; GW_NEVER: when something happens */
    uint64_t (*look)(gw_source_t *source, uint64_t now_ms);
    /** The transfer that was begun with gw_source_begin is over; the handle is the source's again.  NULL: has none */
    uint64_t (*on_transfer)(gw_source_t *source, CURLcode result, uint64_t now_ms);
    /** It is not looked after any more, no function is being called: ends what it has under way. */
    void (*end)(gw_source_t *source);
    void (*free)(gw_source_t *source);
} gw_source_class_t;

struct gw_source {
    const gw_source_class_t *class;
    gw_upkeep_t *upkeep; /* one reference */
    gw_source_t *next;   /* guarded by upkeep's lock, like all below */
    uint64_t due_ms;
    int folder; /* inotify's number of the folder, or -1 */
    bool is_watched;
    bool is_under_way; /* the transfer */
    atomic_size_t references;
};

/** Has it looked after: first at once.  @param folder whose changes matter, or NULL   Takes a reference for the thread.
 */
void gw_source_start(gw_source_t *source, gw_upkeep_t *upkeep, const gw_source_class_t *class, const char *folder);
/** Ends that, and drops the caller's reference. */
void gw_source_stop(gw_source_t *source);
/** Has it looked at now. */
void gw_source_hurry(gw_source_t *source);
/** Upkeep thread: watches the folder that has this name now, which may be another one than before.
 *  @return false: there is none, or it cannot be watched: look more often */
bool gw_source_follow(gw_source_t *source, const char *folder);
/** Upkeep thread: begins the transfer; its private pointer is upkeep's.  @return false when it cannot */
bool gw_source_begin(gw_source_t *source, CURL *handle);
/** Upkeep thread: takes it back before its end. */
void gw_source_abandon(gw_source_t *source, CURL *handle);

#endif
