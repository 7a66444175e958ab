/* SPDX-License-Identifier: MIT
 * Entries that follow from a number. */
#include <stdlib.h>
#include "filters/cache/store/store.h"
#include "gateway/base/siphash.h"
#include "tests/support/cache_entries.h"

/* where a reader finds how much there should be */
typedef struct head {
    uint64_t number, body;
    unsigned char bytes[];
} head_t;

static unsigned char byte_at(uint64_t number, uint64_t at)
{
    return (unsigned char)((number * 0x9e3779b97f4a7c15ull >> 56) + at * 7);
}

uint64_t test_url_hash(gw_str_t url)
{
    return gw_siphash((uint64_t[2]){1, 2}, url);
}

gw_cache_key_t test_key(gw_str_t url, uint64_t whole)
{
    return (gw_cache_key_t){test_url_hash(url), gw_siphash((uint64_t[2]){3, whole}, url)};
}

static bool fill(gw_cache_store_t *store, gw_cache_entry_t *entry, const test_response_t *response)
{
    char *bytes = malloc(response->body + 1);
    for (size_t i = 0; i != response->body; ++i)
        bytes[i] = (char)byte_at(response->number + 1, i);
    size_t piece = response->piece != 0 ? response->piece : response->body;
    bool is_there = true;
    for (size_t done = 0; is_there && done < response->body; done += piece) {
        size_t len = response->body - done < piece ? response->body - done : piece;
        /* in two slices, as readers of sockets have them */
        struct iovec slices[2] = {{bytes + done, len / 3}, {bytes + done + len / 3, len - len / 3}};
        is_there = gw_cache_entry_append(store, entry, slices, 2, response->is_length_said ? response->body : 0);
    }
    free(bytes);
    return is_there;
}

gw_cache_entry_t *test_entry(gw_cache_store_t *store, const test_response_t *response)
{
    gw_cache_entry_t *entry =
        gw_cache_entry_create(store, test_key(response->url, response->whole), sizeof(head_t) + response->head, NULL);
    if (entry == NULL)
        return NULL;
    head_t *head = entry->head;
    head->number = response->number;
    head->body = response->body;
    for (size_t i = 0; i != response->head; ++i)
        head->bytes[i] = byte_at(response->number, i);
    entry->variant = (gw_cache_key_t){response->variant, response->variant};
    entry->length = response->number;
    if (fill(store, entry, response))
        return entry;
    gw_cache_discard(store, entry);
    return NULL;
}

gw_cache_published_t test_publish(gw_cache_store_t *store, gw_cache_entry_t *entry, gw_cache_entry_t *instead,
                                  const test_response_t *response, uint64_t sequence)
{
    gw_cache_labels_t labels = {response->url, response->tags, response->num_tags};
    return gw_cache_publish(store, entry, instead, &labels, sequence);
}

bool test_entry_is_whole(const gw_cache_entry_t *entry)
{
    const head_t *head = entry->head;
    if (head->number != entry->length)
        return false;
    for (size_t i = 0; i != entry->head_size - sizeof(*head); ++i)
        if (head->bytes[i] != byte_at(entry->length, i))
            return false;
    const gw_cache_body_t *body = entry->body;
    if (body == NULL)
        return head->body == 0;
    if (body->size != head->body)
        return false;
    gw_cache_place_t place = {0};
    struct iovec slices[4];
    uint64_t at = 0;
    for (size_t num; (num = gw_cache_body_slices(body, &place, head->body, slices, 4)) != 0;)
        for (size_t i = 0; i != num; ++i)
            for (size_t j = 0; j != slices[i].iov_len; ++j, ++at)
                if (((unsigned char *)slices[i].iov_base)[j] != byte_at(entry->length + 1, at))
                    return false;
    return at == head->body;
}

bool test_fits(void *variant, const gw_cache_entry_t *entry)
{
    return entry->variant.url == *(const uint64_t *)variant;
}
