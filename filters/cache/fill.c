/* SPDX-License-Identifier: MIT
 * Requests that wait for one answer. */
#include <assert.h>
#include <pthread.h>
#include "filters/cache/fill.h"
#include "gateway/base/memory.h"

enum { num_buckets = 4096 };

/** The readers on one worker. */
typedef struct side {
    gw_worker_t *worker;    /* set with its first reader */
    h2o_linklist_t readers; /* the worker's own */
    size_t num_readers;     /* under the fill's lock */
    bool is_called;         /* under the fill's lock: a message is on its way */
} side_t;

struct gw_fill {
    atomic_size_t references;
    gw_fills_t *fills;
    gw_cache_key_t key;
    uint64_t url_hash;
    gw_fill_t *next; /* in its bucket, under the table's lock */
    bool is_listed;  /* under the table's lock */
    pthread_mutex_t lock;
    gw_fill_news_t news;
    size_t num_readers;
    side_t sides[];
};

struct gw_fills {
    atomic_size_t references;
    gw_cache_store_t *store;
    size_t num_workers;
    pthread_mutex_t lock;
    size_t num_listed;
    gw_fill_t *buckets[num_buckets];
};

/* the table -------------------------------------------------------------------------------------------------------- */

gw_fills_t *gw_fills_create(gw_cache_store_t *store, size_t num_workers)
{
    gw_fills_t *fills = gw_must_alloc(1, sizeof(*fills));
    atomic_init(&fills->references, 1);
    fills->store = gw_cache_store_ref(store);
    fills->num_workers = num_workers;
    pthread_mutex_init(&fills->lock, NULL);
    return fills;
}

gw_fills_t *gw_fills_ref(gw_fills_t *fills)
{
    atomic_fetch_add_explicit(&fills->references, 1, memory_order_relaxed);
    return fills;
}

gw_fills_t *gw_fills_unref(gw_fills_t *fills)
{
    if (fills != NULL && atomic_fetch_sub_explicit(&fills->references, 1, memory_order_acq_rel) == 1) {
        gw_cache_store_unref(fills->store);
        pthread_mutex_destroy(&fills->lock);
        free(fills);
    }
    return NULL;
}

gw_cache_store_t *gw_fills_store(const gw_fills_t *fills)
{
    return fills->store;
}

/** By the URL, so that what concerns one looks at one. */
static gw_fill_t **bucket_of(gw_fills_t *fills, uint64_t url_hash)
{
    return &fills->buckets[url_hash % num_buckets];
}

static gw_fill_t *find(gw_fills_t *fills, gw_cache_key_t key, uint64_t url_hash)
{
    gw_fill_t *fill = *bucket_of(fills, url_hash);
    while (fill != NULL && (fill->key.whole != key.whole || fill->key.url != key.url))
        fill = fill->next;
    return fill;
}

static void list(gw_fill_t *fill)
{
    gw_fill_t **bucket = bucket_of(fill->fills, fill->url_hash);
    fill->next = *bucket;
    *bucket = fill;
    fill->is_listed = true;
    ++fill->fills->num_listed;
}

static void unlist(gw_fill_t *fill)
{
    gw_fills_t *fills = fill->fills;
    pthread_mutex_lock(&fills->lock);
    if (fill->is_listed) {
        gw_fill_t **slot = bucket_of(fills, fill->url_hash);
        while (*slot != fill)
            slot = &(*slot)->next;
        *slot = fill->next;
        fill->is_listed = false;
        --fills->num_listed;
    }
    pthread_mutex_unlock(&fills->lock);
}

void gw_fills_forget(gw_fills_t *fills, const uint64_t *url_hash)
{
    pthread_mutex_lock(&fills->lock);
    size_t first = url_hash != NULL ? *url_hash % num_buckets : 0, end = url_hash != NULL ? first + 1 : num_buckets;
    for (size_t i = first; fills->num_listed != 0 && i != end; ++i)
        for (gw_fill_t **slot = &fills->buckets[i]; *slot != NULL;) {
            gw_fill_t *fill = *slot;
            if (url_hash != NULL && fill->url_hash != *url_hash) {
                slot = &fill->next;
                continue;
            }
            *slot = fill->next;
            fill->is_listed = false;
            --fills->num_listed;
        }
    pthread_mutex_unlock(&fills->lock);
}

/* life ------------------------------------------------------------------------------------------------------------- */

static gw_fill_t *create(gw_fills_t *fills, gw_cache_key_t key, uint64_t url_hash)
{
    gw_fill_t *fill = gw_must_alloc(1, sizeof(*fill) + fills->num_workers * sizeof(*fill->sides));
    atomic_init(&fill->references, 1);
    fill->fills = gw_fills_ref(fills);
    fill->key = key;
    fill->url_hash = url_hash;
    pthread_mutex_init(&fill->lock, NULL);
    for (size_t i = 0; i != fills->num_workers; ++i)
        h2o_linklist_init_anchor(&fill->sides[i].readers);
    return fill;
}

gw_fill_t *gw_fill_ref(gw_fill_t *fill)
{
    atomic_fetch_add_explicit(&fill->references, 1, memory_order_relaxed);
    return fill;
}

gw_fill_t *gw_fill_unref(gw_fill_t *fill)
{
    if (fill == NULL || atomic_fetch_sub_explicit(&fill->references, 1, memory_order_acq_rel) != 1)
        return NULL;
    assert(!fill->is_listed);
    if (fill->news.entry != NULL)
        gw_cache_release(fill->fills->store, fill->news.entry);
    gw_fills_unref(fill->fills);
    pthread_mutex_destroy(&fill->lock);
    free(fill);
    return NULL;
}

/* readers ---------------------------------------------------------------------------------------------------------- */

/** Its reference passes to the reader. */
static void add_reader(gw_fill_t *fill, gw_worker_t *worker, gw_fill_reader_t *reader)
{
    side_t *side = &fill->sides[worker->index];
    reader->fill = fill;
    reader->worker_index = worker->index;
    reader->link = (h2o_linklist_t){NULL, NULL};
    pthread_mutex_lock(&fill->lock);
    side->worker = worker;
    ++side->num_readers;
    ++fill->num_readers;
    pthread_mutex_unlock(&fill->lock);
    h2o_linklist_insert(&side->readers, &reader->link);
}

bool gw_fill_join(gw_fills_t *fills, gw_cache_key_t key, uint64_t url_hash, bool may_share, gw_worker_t *worker,
                  gw_fill_reader_t *reader)
{
    gw_fill_t *fill = NULL;
    if (may_share) {
        pthread_mutex_lock(&fills->lock);
        fill = find(fills, key, url_hash);
        bool is_there = fill != NULL;
        if (is_there)
            gw_fill_ref(fill);
        else
            list(fill = create(fills, key, url_hash));
        pthread_mutex_unlock(&fills->lock);
        add_reader(fill, worker, reader);
        return !is_there;
    }
    add_reader(create(fills, key, url_hash), worker, reader);
    return true;
}

gw_fill_t *gw_fill_begin(gw_fills_t *fills, gw_cache_key_t key, uint64_t url_hash)
{
    gw_fill_t *fill = NULL;
    pthread_mutex_lock(&fills->lock);
    if (find(fills, key, url_hash) == NULL)
        list(fill = create(fills, key, url_hash));
    pthread_mutex_unlock(&fills->lock);
    return fill;
}

void gw_fill_leave(gw_fill_reader_t *reader)
{
    gw_fill_t *fill = reader->fill;
    if (fill == NULL)
        return;
    reader->fill = NULL;
    h2o_linklist_unlink(&reader->link);
    pthread_mutex_lock(&fill->lock);
    --fill->sides[reader->worker_index].num_readers;
    --fill->num_readers;
    pthread_mutex_unlock(&fill->lock);
    gw_fill_unref(fill);
}

bool gw_fill_has_readers(gw_fill_t *fill)
{
    pthread_mutex_lock(&fill->lock);
    bool has = fill->num_readers != 0;
    pthread_mutex_unlock(&fill->lock);
    return has;
}

/* news ------------------------------------------------------------------------------------------------------------- */

gw_fill_news_t gw_fill_look(gw_fill_t *fill)
{
    pthread_mutex_lock(&fill->lock);
    gw_fill_news_t news = fill->news;
    pthread_mutex_unlock(&fill->lock);
    return news;
}

/** Each of those who read it now once: what they do with the news may make them leave, or others. */
static void tell_side(gw_fill_t *fill, size_t index)
{
    h2o_linklist_t now;
    h2o_linklist_init_anchor(&now);
    h2o_linklist_insert_list(&now, &fill->sides[index].readers);
    while (!h2o_linklist_is_empty(&now)) {
        gw_fill_reader_t *reader = H2O_STRUCT_FROM_MEMBER(gw_fill_reader_t, link, now.next);
        h2o_linklist_unlink(&reader->link);
        h2o_linklist_insert(&fill->sides[index].readers, &reader->link);
        reader->on_news(reader);
    }
}

typedef struct call {
    gw_fill_t *fill;
    size_t index;
} call_t;

static void on_call(void *arg, bool is_running)
{
    call_t *call = arg;
    gw_fill_t *fill = call->fill;
    pthread_mutex_lock(&fill->lock);
    fill->sides[call->index].is_called = false; /* before they look: what is told from now on takes another call */
    pthread_mutex_unlock(&fill->lock);
    if (is_running)
        tell_side(fill, call->index);
    gw_fill_unref(fill);
    free(call);
}

static void tell_all(gw_fill_t *fill, gw_worker_t *worker)
{
    gw_fill_ref(fill); /* the last reader may leave */
    for (size_t i = 0; i != fill->fills->num_workers; ++i) {
        side_t *side = &fill->sides[i];
        if (i == worker->index)
            continue;
        pthread_mutex_lock(&fill->lock);
        bool is_due = side->num_readers != 0 && !side->is_called;
        side->is_called = side->is_called || is_due;
        gw_worker_t *other = side->worker;
        pthread_mutex_unlock(&fill->lock);
        if (!is_due)
            continue;
        call_t *call = gw_must_alloc(1, sizeof(*call));
        *call = (call_t){gw_fill_ref(fill), i};
        gw_worker_call(other, on_call, call);
    }
    tell_side(fill, worker->index);
    gw_fill_unref(fill);
}

void gw_fill_tell(gw_fill_t *fill, gw_worker_t *worker, const gw_fill_news_t *news)
{
    if (news->state != GW_FILL_ASKING && news->state != GW_FILL_GROWING)
        unlist(fill);
    pthread_mutex_lock(&fill->lock);
    gw_cache_entry_t *old = fill->news.entry;
    fill->news = *news;
    if (news->entry != NULL && news->entry != old)
        gw_cache_hold(news->entry);
    pthread_mutex_unlock(&fill->lock);
    assert(old == NULL || old == news->entry);
    tell_all(fill, worker);
}

void gw_fill_tell_growth(gw_fill_t *fill, gw_worker_t *worker)
{
    tell_all(fill, worker);
}
