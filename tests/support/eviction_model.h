/* SPDX-License-Identifier: MIT
 * What filters/cache/store/eviction.c is to do, said in the plainest way: no lists and no table, each entry has the
 * number of the moment at which it came to its queue, and who is looked for is looked for among all.  Remembers every
 * hash that went, however many. */
#ifndef TESTS_SUPPORT_EVICTION_MODEL_H
#define TESTS_SUPPORT_EVICTION_MODEL_H

#include <stdbool.h>
#include <stdint.h>

enum { EVICTION_MODEL_MAX = 256 }; /* entries: 0 to this - 1 */

typedef struct eviction_model_entry {
    bool is_in, is_main;
    uint64_t hash, size, came;
    unsigned uses;
    bool was_evicted; /* from the small queue, and has not come back */
    uint64_t evicted_at;
} eviction_model_entry_t;

typedef struct eviction_model {
    eviction_model_entry_t entries[EVICTION_MODEL_MAX];
    uint64_t moment, gone, steps_of, span;
} eviction_model_t;

void eviction_model_init(eviction_model_t *model, uint64_t capacity);
/** An entry always comes with the same hash, which no other one has. */
void eviction_model_insert(eviction_model_t *model, unsigned entry, uint64_t size);
void eviction_model_hit(eviction_model_t *model, unsigned entry);
void eviction_model_remove(eviction_model_t *model, unsigned entry);
void eviction_model_replace(eviction_model_t *model, unsigned old, unsigned entry, uint64_t size);
/** @return the entry that goes; -1: there is none */
int eviction_model_choose(eviction_model_t *model);

#endif
