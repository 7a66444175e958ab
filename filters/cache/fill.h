/* SPDX-License-Identifier: MIT
 * Requests for the same thing, of all workers, that wait for one answer (request collapsing, RFC 9111 4).  The first
 * one to join a fill leads it: it sees to it that the service is asked, and tells the others how that goes.
 *
 * What is told goes to the readers on the teller's own worker at once, to those of other workers by a message.  A
 * reader is told again and again; it looks at the fill (gw_fill_look) and takes what it wants.
 *
 * Threads: any; a reader belongs to its worker's.  Lifetime: counted; the table has no reference of its own: a fill
 * that is over is not found any more. */
#ifndef FILTERS_CACHE_FILL_H
#define FILTERS_CACHE_FILL_H

#include "filters/cache/judgement.h"
#include "filters/cache/store/store.h"
#include "gateway/exchange/exchange.h"
#include "gateway/server/worker.h"

typedef struct gw_fills gw_fills_t;
typedef struct gw_fill gw_fill_t;

typedef enum gw_fill_state {
    GW_FILL_ASKING,     /* nothing is known yet */
    GW_FILL_GROWING,    /* there is an entry, whose body is on its way */
    GW_FILL_DONE,       /* there is an entry, complete */
    GW_FILL_BROKEN,     /* there is an entry, and its body will never be complete */
    GW_FILL_UNSTORABLE, /* the answer is for the leader alone */
    GW_FILL_FAILED,     /* the service failed */
    GW_FILL_AGAIN       /* look into the store again, or lead another one */
} gw_fill_state_t;

typedef struct gw_fill_news {
    gw_fill_state_t state;
    gw_cache_entry_t *entry;    /* held by the fill */
    bool is_confirmed;          /* the entry was there before: a 304 has updated it */
    unsigned status;            /* what the service said, or the gateway in its place; 0: not known yet */
    gw_reason_t reason;         /* FAILED: of the gateway's own problem; GW_REASON_OK: it is the service's */
    gw_cache_storing_t storing; /* why an answer is not stored */
} gw_fill_news_t;

typedef struct gw_fill_reader {
    h2o_linklist_t link;
    gw_fill_t *fill; /* NULL: it reads none.  A reference */
    size_t worker_index;
    /** There are news.  It may leave the fill from within. */
    void (*on_news)(struct gw_fill_reader *reader);
} gw_fill_reader_t;

/** @return one reference; takes one of the store */
gw_fills_t *gw_fills_create(gw_cache_store_t *store, size_t num_workers);
gw_fills_t *gw_fills_ref(gw_fills_t *fills);
gw_fills_t *gw_fills_unref(gw_fills_t *fills);
gw_cache_store_t *gw_fills_store(const gw_fills_t *fills);

/** Makes the reader one of those of the fill of this key.
 *  @param url_hash for gw_fills_forget
 *  @param reader its on_news is set   @param may_share false: it gets one of its own, that nobody else finds
 *  @return true: it leads */
bool gw_fill_join(gw_fills_t *fills, gw_cache_key_t key, uint64_t url_hash, bool may_share, gw_worker_t *worker,
                  gw_fill_reader_t *reader);
/** A fill without readers, for a refresh in the background.  @return a reference; NULL: there is one already */
gw_fill_t *gw_fill_begin(gw_fills_t *fills, gw_cache_key_t key, uint64_t url_hash);
/** It wants no more news.  Fine when it reads none. */
void gw_fill_leave(gw_fill_reader_t *reader);
gw_fill_t *gw_fill_ref(gw_fill_t *fill);
gw_fill_t *gw_fill_unref(gw_fill_t *fill);

/** What is on its way is not for those who come from now on.  @param url_hash only of this URL; NULL: all */
void gw_fills_forget(gw_fills_t *fills, const uint64_t *url_hash);

/** What is known now.  The entry stays as long as the caller has a reference of the fill. */
gw_fill_news_t gw_fill_look(gw_fill_t *fill);
/** Tells.  After any state but ASKING and GROWING the fill is not found any more, and nothing more may be told.
 *  @param worker whose thread this is   @param news its entry, if there is one, is held by the fill from now on */
void gw_fill_tell(gw_fill_t *fill, gw_worker_t *worker, const gw_fill_news_t *news);
/** The body of its entry has grown. */
void gw_fill_tell_growth(gw_fill_t *fill, gw_worker_t *worker);
/** Whether anybody reads it, on any worker. */
bool gw_fill_has_readers(gw_fill_t *fill);

#endif
