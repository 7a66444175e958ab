/* SPDX-License-Identifier: MIT
 * What a cache remembers: entries by key, found by every worker without a lock, within one byte budget.
 *
 * Reading: a reader announces in a line of its own (gw_cache_seat) which bucket it looks at, looks the entry up and
 * pins it, again in its own lines: no line is written by more than one worker, however hot an entry is.  Taking an
 * entry out makes it unreachable at once; its memory is used again when nobody looks at its bucket any more and nobody
 * has it pinned or held.  Everything that changes the index holds the lock of the entry's shard, for a few microseconds
 * at most.
 *
 * Shards: by the URL's hash, so that all variants of a URL, and what invalidates them, stand under one lock.  As many
 * as there may be, up to 64, such that each has at least 1 MiB and room for eight of the largest objects.  A capacity
 * that is too small even for one such shard makes the largest object smaller: a seventh of the shard's memory, which an
 * eighth of the capacity is never more than (from 1 MiB on).  So no object empties a shard.
 *
 * The budget: everything counts, tables and seats and what manages memory included, and is set aside when the store is
 * made; entries and labels are then taken out of mappings of fixed size.  What is being read is not evicted.  When
 * there is no room without waiting for readers, there is none: nobody waits.
 *
 * Labels: an entry has one for its URL and one for each tag and cache group; setting a number in a label makes every
 * entry that has it invalid at once, however many they are (hard: gone; soft: stale, until it is published anew).  A
 * prefix is purged by looking at every URL.  Purges are remembered for a while, so that they are for the responses too
 * that are on their way; when so many came meanwhile that some are forgotten, such a response counts as purged.
 *
 * Variants: at most 64 entries have the same key; the oldest one goes.
 *
 * Threads: any, unless a function says otherwise; a seat is its worker's.  Times: milliseconds of the monotonic clock.
 */
#ifndef FILTERS_CACHE_STORE_STORE_H
#define FILTERS_CACHE_STORE_STORE_H

#include "filters/cache/freshness.h"
#include "filters/cache/store/body.h"
#include "filters/cache/store/eviction.h"
#include "gateway/base/str.h"

typedef struct gw_cache_store gw_cache_store_t;
typedef struct gw_cache_seat gw_cache_seat_t;
typedef struct gw_cache_label gw_cache_label_t; /* private */

#define GW_CACHE_MAX_LABELS 64 /* of one entry, its URL included */

/** What an entry is found by: keyed hashes (gateway/base/siphash.h) of what tells requests apart.  128 bits: that two
 * requests of different meaning have the same one does not happen. */
typedef struct gw_cache_key {
    uint64_t url;   /* of the canonical URL: chooses the shard, and what purges and invalidates */
    uint64_t whole; /* of the URL again with another key, and of everything else: service, fields, principal */
} gw_cache_key_t;

/** A stored response (RFC 9111 3).  Immutable once it is published.  What every look-up reads comes first, what is
 * written while others read stands in lines of its own, at the end. */
typedef struct gw_cache_entry {
    /* set by the maker, between gw_cache_entry_create and gw_cache_publish */
    gw_cache_key_t key; /* set by gw_cache_entry_create */
    /* private */
    struct gw_cache_entry *_Atomic next; /* in its bucket */
    uint64_t sequence;                   /* of the store, when its response was asked for: later purges are for it */
    gw_cache_label_t *url_label;
    gw_cache_label_t **labels; /* the others */
    uint16_t num_labels, labels_room;
    uint32_t shard;
    bool is_soft_purged; /* while it was on its way */
    /* set by the maker */
    bool is_marker; /* no response, but the knowledge that there is none that may be stored (hit-for-miss) */
    bool is_part;
    uint16_t status;
    gw_cache_key_t variant; /* of the request's fields that Vary names (filters/cache/vary.h); 0, 0: no Vary */
    gw_str_t vary;          /* canonical names, in `head`; empty: none */
    gw_cache_life_t life;
    uint64_t length;               /* of the whole representation; UINT64_MAX: what body->size comes to */
    uint64_t part_first, part_end; /* of a part: what bytes of the whole it has, half open; else 0 */
    /* set by the store, before it is published */
    void *head;                    /* head_size bytes for the maker: fields and their text */
    size_t head_size;              /* as it was asked for */
    gw_cache_body_t *_Atomic body; /* one reference; NULL: none, or nothing was appended yet */
    /* private */
    _Alignas(64) gw_eviction_node_t eviction;
    atomic_uint holds; /* gw_cache_hold */
    bool is_linked;
    struct gw_cache_entry *next_waiting;
} gw_cache_entry_t;

typedef struct gw_cache_store_rules {
    uint64_t capacity;   /* bytes, all together */
    uint64_t max_object; /* bytes of a body */
    size_t num_seats;    /* workers */
} gw_cache_store_rules_t;

/** @return one reference, or NULL (errno; EINVAL: the capacity is below about 256 KiB, or no seats) */
gw_cache_store_t *gw_cache_store_create(const gw_cache_store_rules_t *rules);
gw_cache_store_t *gw_cache_store_ref(gw_cache_store_t *store);
/** With the last one nothing of it may be pinned, held or being made.  NULL is fine; returns NULL. */
gw_cache_store_t *gw_cache_store_unref(gw_cache_store_t *store);
/** Whether a store that was made by other rules can go on with these, and makes it do so: with no more seats, another
 * max_object, and a capacity between a quarter of the first one and four times that, if the largest object fits into a
 * shard then.  What is larger keeps all that it has.  What is smaller keeps about as much of it as fits: what stands at
 * the far end of a shard's memory goes, whether it is popular or not.  What is being read or made there goes when that
 * is over, and is used bytes until then; and so is the node of a tag that many entries have.
 * Takes the time that it takes to look at every entry.  One thread at a time. */
bool gw_cache_store_adapt(gw_cache_store_t *store, const gw_cache_store_rules_t *rules);
/** The secret of gw_siphash for keys: two of them.  Immutable. */
const uint64_t *gw_cache_store_secret(const gw_cache_store_t *store, unsigned which);

/* reading: the seat's worker */

gw_cache_seat_t *gw_cache_store_seat(gw_cache_store_t *store, size_t worker_index);
/** Which of the entries with that key is wanted; must not block.  Called newest first, and for one of them perhaps not
 * only once.
 *  @return true: this one */
typedef bool (*gw_cache_fits_t)(void *arg, const gw_cache_entry_t *entry);
typedef struct gw_cache_found {
    gw_cache_entry_t *entry; /* pinned: give it back by gw_cache_unpin; NULL: none */
    bool is_other;           /* there are entries with that key, but none that fits */
    bool is_soft_purged;     /* it is to be taken for stale */
} gw_cache_found_t;
gw_cache_found_t gw_cache_find(gw_cache_store_t *store, gw_cache_seat_t *seat, gw_cache_key_t key, gw_cache_fits_t fits,
                               void *arg);
/** Pins once more what is pinned already. */
void gw_cache_pin(gw_cache_seat_t *seat, gw_cache_entry_t *entry);
void gw_cache_unpin(gw_cache_seat_t *seat, gw_cache_entry_t *entry);

/* holding: for what is not a hit (fills and those who read from them), and for what is read for long: counted in the
 * entry.  To be begun by who has it pinned or held or has just made it.  Any thread; what is held only is not pinned */

void gw_cache_hold(gw_cache_entry_t *entry);
void gw_cache_release(gw_cache_store_t *store, gw_cache_entry_t *entry);

/* filling */

/** To be taken before the origin is asked: what is purged from now on is purged of the response too. */
uint64_t gw_cache_sequence(const gw_cache_store_t *store);
/** Room for an entry, evicting what must go.
 *  @param key its shard   @param head_size at most a sixteenth of a shard   @param body NULL, or the body of the entry
 * that it takes the place of, which has the same URL: one more reference
 *  @return all zero but for what the store sets; owned by the caller until gw_cache_publish or gw_cache_discard: hold
 * it to go on using it; NULL: no room */
gw_cache_entry_t *gw_cache_entry_create(gw_cache_store_t *store, gw_cache_key_t key, size_t head_size,
                                        gw_cache_body_t *body);
/** Appends to the entry's body, making one when there is none yet, evicting what must go.  Not once it is published,
 * nor to a body that it has from another one; by one thread at a time.
 *  @param num_slices may be 0   @param expected bytes that will come in all, as far as is known, else 0: room for all
 * of them is made at once   @return false: no room, or more than max_object; what was there stays */
bool gw_cache_entry_append(gw_cache_store_t *store, gw_cache_entry_t *entry, const struct iovec *slices,
                           size_t num_slices, uint64_t expected);
/** Gives an entry that was never published back, as soon as nobody holds it. */
void gw_cache_discard(gw_cache_store_t *store, gw_cache_entry_t *entry);

typedef struct gw_cache_labels {
    gw_str_t url;           /* canonical; kept for purging by prefix */
    const uint64_t *hashes; /* of tags and groups: gw_cache_label_hash */
    size_t num_hashes;
} gw_cache_labels_t;

typedef enum gw_cache_published {
    GW_CACHE_PUBLISHED,
    GW_CACHE_PURGED,  /* it was purged while it was on its way */
    GW_CACHE_NO_ROOM, /* for its labels, or where it is: the store has become smaller meanwhile */
    GW_CACHE_TOO_MANY_LABELS
} gw_cache_published_t;
/** Makes it what is found from now on, in place of the entry with the same key and variant, and of `instead` (NULL:
 * none; pinned or held; of the same URL), which may have another variant: it was updated by a 304.  Its body is
 * complete. When it is not published it is discarded.
 *  @param sequence from before the origin was asked */
gw_cache_published_t gw_cache_publish(gw_cache_store_t *store, gw_cache_entry_t *entry, gw_cache_entry_t *instead,
                                      const gw_cache_labels_t *labels, uint64_t sequence);
/** Takes a published entry out, if it is still there.  @param entry pinned by the caller */
void gw_cache_remove(gw_cache_store_t *store, gw_cache_entry_t *entry);

/* purging */

typedef enum gw_cache_purge { GW_PURGE_HARD, GW_PURGE_SOFT } gw_cache_purge_t;

/** @param what the store's secret name of a label: "tag", "group" and its origin, ... */
uint64_t gw_cache_label_hash(const gw_cache_store_t *store, gw_str_t kind, gw_str_t origin, gw_str_t name);
/** All entries of this URL, whatever else their keys hold, and whatever of it is on its way.
 *  @return how many there were; those that another purge made invalid count until they are swept */
size_t gw_cache_purge_url(gw_cache_store_t *store, uint64_t url_hash, gw_cache_purge_t how);
size_t gw_cache_purge_label(gw_cache_store_t *store, uint64_t label_hash, gw_cache_purge_t how);
void gw_cache_purge_all(gw_cache_store_t *store, gw_cache_purge_t how);
/** Looks at every entry: for a thread that has the time. */
size_t gw_cache_purge_prefix(gw_cache_store_t *store, gw_str_t prefix, gw_cache_purge_t how);
/** Gives back the memory of what was purged, and what waits for its readers: now and then, from upkeep's thread.  Looks
 * at some 65,536 entries a call, which takes some ten milliseconds, and goes on there the next time. */
void gw_cache_sweep(gw_cache_store_t *store);

typedef struct gw_cache_figures {
    uint64_t capacity, used;  /* bytes, everything included */
    uint64_t entries;         /* that can be found, and those that were purged and not swept yet */
    uint64_t evicted, purged; /* that are gone; invalidated ones count as purged */
    uint64_t retired;         /* that are gone but wait for their readers */
} gw_cache_figures_t;
gw_cache_figures_t gw_cache_store_figures(gw_cache_store_t *store);

#endif
