/* SPDX-License-Identifier: MIT
 * Entries for tests of a cache's store: made of a number, from which everything in them follows, so that a reader can
 * tell whether it sees all of one and of one only.  Threads: any. */
#ifndef TESTS_SUPPORT_CACHE_ENTRIES_H
#define TESTS_SUPPORT_CACHE_ENTRIES_H

#include "filters/cache/store/store.h"

/** What is to be stored. */
typedef struct test_response {
    gw_str_t url;        /* its hash and the key follow from it */
    uint64_t whole;      /* what else the key says */
    uint64_t variant;    /* 0: no Vary */
    uint64_t number;     /* of which its bytes follow */
    size_t head, body;   /* bytes */
    size_t piece;        /* the body comes in pieces of so many bytes; 0: in one */
    bool is_length_said; /* before it comes */
    const uint64_t *tags;
    size_t num_tags;
} test_response_t;

uint64_t test_url_hash(gw_str_t url);
gw_cache_key_t test_key(gw_str_t url, uint64_t whole);
/** Makes an entry and fills it.  @return NULL: there was no room; nothing is left of it */
gw_cache_entry_t *test_entry(gw_cache_store_t *store, const test_response_t *response);
gw_cache_published_t test_publish(gw_cache_store_t *store, gw_cache_entry_t *entry, gw_cache_entry_t *instead,
                                  const test_response_t *response, uint64_t sequence);
/** Whether every byte of it is what its number (entry->length) and its sizes say. */
bool test_entry_is_whole(const gw_cache_entry_t *entry);
/** For gw_cache_find.  @param variant pointer to the number of one */
bool test_fits(void *variant, const gw_cache_entry_t *entry);

#endif
