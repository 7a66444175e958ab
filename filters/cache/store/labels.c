/* SPDX-License-Identifier: MIT
 * Nodes of labels. */
#include <string.h>
#include "filters/cache/store/labels.h"

size_t gw_cache_label_bytes(const gw_str_t *url)
{
    return offsetof(gw_cache_label_t, url) + (url != NULL ? url->len : 0);
}

static gw_cache_label_t **slot_of(const gw_cache_labels_table_t *table, uint64_t hash, bool is_url)
{
    gw_cache_label_t **slot = &table->buckets[hash & table->mask];
    while (*slot != NULL && ((*slot)->hash != hash || (*slot)->is_url != is_url))
        slot = &(*slot)->next;
    return slot;
}

gw_cache_label_t *gw_cache_label_find(const gw_cache_labels_table_t *table, uint64_t hash, bool is_url)
{
    return *slot_of(table, hash, is_url);
}

gw_cache_label_t *gw_cache_label_take(gw_cache_labels_table_t *table, gw_cache_memory_t *memory, uint64_t hash,
                                      const gw_str_t *url)
{
    gw_cache_label_t *label = gw_cache_label_find(table, hash, url != NULL);
    if (label != NULL) {
        ++label->references;
        return label;
    }
    label = gw_cache_memory_take(memory, gw_cache_label_bytes(url));
    if (label == NULL)
        return NULL;
    gw_cache_label_t **bucket = &table->buckets[hash & table->mask];
    label->next = *bucket;
    label->hash = hash;
    atomic_init(&label->hard, 0);
    atomic_init(&label->soft, 0);
    label->references = 1;
    label->num_current = 0;
    label->is_url = url != NULL;
    label->url_len = url != NULL ? (uint32_t)url->len : 0;
    if (label->url_len != 0)
        memcpy(label->url, url->ptr, url->len);
    *bucket = label;
    return label;
}

void gw_cache_label_give(gw_cache_labels_table_t *table, gw_cache_memory_t *memory, gw_cache_label_t *label)
{
    if (--label->references != 0)
        return;
    *slot_of(table, label->hash, label->is_url) = label->next;
    gw_cache_memory_give(memory, label, offsetof(gw_cache_label_t, url) + label->url_len);
}
