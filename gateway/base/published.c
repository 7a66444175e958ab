/* SPDX-License-Identifier: MIT
 * Published values. */
#include <pthread.h>
#include <stdatomic.h>
#include "gateway/base/memory.h"
#include "gateway/base/published.h"

struct gw_version {
    atomic_size_t references;
    void *value;
    void (*free_value)(void *value);
};

/** One that was put aside.  No member of the version: after a reload two published values have the same one. */
typedef struct retired {
    gw_version_t *version; /* one reference */
    struct retired *older;
} retired_t;

struct gw_published {
    atomic_size_t references;
    _Atomic uint64_t epoch; /* read by everybody, written with the version */
    pthread_mutex_t lock;
    /* guarded by the lock */
    gw_version_t *version;
    retired_t *old; /* versions that were replaced and may still be read, each once */
};

gw_version_t *gw_version_create(void *value, void (*free_value)(void *value))
{
    gw_version_t *version = gw_must_alloc(1, sizeof(*version));
    atomic_init(&version->references, 1);
    version->value = value;
    version->free_value = free_value;
    return version;
}

gw_version_t *gw_version_ref(gw_version_t *version)
{
    atomic_fetch_add_explicit(&version->references, 1, memory_order_relaxed);
    return version;
}

gw_version_t *gw_version_unref(gw_version_t *version)
{
    if (version == NULL || atomic_fetch_sub_explicit(&version->references, 1, memory_order_acq_rel) != 1)
        return NULL;
    if (version->free_value != NULL)
        version->free_value(version->value);
    free(version);
    return NULL;
}

void *gw_version_value(const gw_version_t *version)
{
    return version->value;
}

gw_published_t *gw_published_create(gw_version_t *first)
{
    gw_published_t *published = gw_must_alloc(1, sizeof(*published));
    atomic_init(&published->references, 1);
    atomic_init(&published->epoch, 1);
    pthread_mutex_init(&published->lock, NULL);
    published->version = first != NULL ? gw_version_ref(first) : NULL;
    return published;
}

gw_published_t *gw_published_ref(gw_published_t *published)
{
    atomic_fetch_add_explicit(&published->references, 1, memory_order_relaxed);
    return published;
}

static void free_retired(retired_t *retired)
{
    for (retired_t *older; retired != NULL; retired = older) {
        older = retired->older;
        gw_version_unref(retired->version);
        free(retired);
    }
}

gw_published_t *gw_published_unref(gw_published_t *published)
{
    if (published == NULL || atomic_fetch_sub_explicit(&published->references, 1, memory_order_acq_rel) != 1)
        return NULL;
    gw_version_unref(published->version);
    free_retired(published->old);
    pthread_mutex_destroy(&published->lock);
    free(published);
    return NULL;
}

/** @param version with a reference, which is the list's from now on; under the lock */
static void retire(gw_published_t *published, gw_version_t *version)
{
    for (const retired_t *old = published->old; old != NULL; old = old->older)
        if (old->version ==
            version) { /* it came back meanwhile: with two references of ours it would never be unread */
            gw_version_unref(version);
            return;
        }
    retired_t *retired = gw_must_alloc(1, sizeof(*retired));
    *retired = (retired_t){version, published->old};
    published->old = retired;
}

void gw_published_set(gw_published_t *published, gw_version_t *version)
{
    gw_version_ref(version);
    pthread_mutex_lock(&published->lock);
    if (published->version != NULL)
        retire(published, published->version);
    published->version = version;
    atomic_fetch_add_explicit(&published->epoch, 1, memory_order_release);
    pthread_mutex_unlock(&published->lock);
    gw_published_sweep(published);
}

size_t gw_published_sweep(gw_published_t *published)
{
    retired_t *unread = NULL;
    size_t num_read = 0;
    pthread_mutex_lock(&published->lock);
    for (retired_t **slot = &published->old; *slot != NULL;) {
        retired_t *retired = *slot;
        /* readers take the current one only, so what nobody reads now nobody will */
        if (atomic_load_explicit(&retired->version->references, memory_order_acquire) != 1) {
            ++num_read;
            slot = &retired->older;
            continue;
        }
        *slot = retired->older;
        retired->older = unread;
        unread = retired;
    }
    pthread_mutex_unlock(&published->lock);
    free_retired(unread); /* outside the lock: it takes time */
    return num_read;
}

gw_version_t *gw_published_get(gw_published_t *published)
{
    pthread_mutex_lock(&published->lock);
    gw_version_t *version = published->version != NULL ? gw_version_ref(published->version) : NULL;
    pthread_mutex_unlock(&published->lock);
    return version;
}

void gw_reader_init(gw_reader_t *reader, gw_published_t *published)
{
    *reader = (gw_reader_t){.published = gw_published_ref(published)};
}

void gw_reader_dispose(gw_reader_t *reader)
{
    gw_version_unref(reader->version);
    gw_published_unref(reader->published);
    *reader = (gw_reader_t){0};
}

void *gw_reader_get(gw_reader_t *reader)
{
    gw_published_t *published = reader->published;
    if (atomic_load_explicit(&published->epoch, memory_order_acquire) != reader->epoch) {
        gw_version_t *old = reader->version;
        pthread_mutex_lock(&published->lock);
        reader->version = published->version != NULL ? gw_version_ref(published->version) : NULL;
        reader->epoch = atomic_load_explicit(&published->epoch, memory_order_relaxed);
        pthread_mutex_unlock(&published->lock);
        gw_version_unref(old);
    }
    return reader->version != NULL ? reader->version->value : NULL;
}
