/* SPDX-License-Identifier: MIT
 * The model of eviction. */
#include "tests/support/eviction_model.h"
#include <string.h>

void eviction_model_init(eviction_model_t *model, uint64_t capacity)
{
    memset(model, 0, sizeof(*model));
    model->steps_of = 1;
    while (capacity / 64 / model->steps_of > 1 << 24)
        model->steps_of *= 2;
    model->span = capacity / 64 / model->steps_of;
}

static uint64_t clock_of(const eviction_model_t *model)
{
    return model->gone / model->steps_of;
}

void eviction_model_insert(eviction_model_t *model, unsigned entry, uint64_t size)
{
    eviction_model_entry_t *it = &model->entries[entry];
    it->is_main = it->was_evicted && clock_of(model) < it->evicted_at + model->span;
    it->was_evicted = false;
    it->is_in = true;
    it->size = size;
    it->uses = 0;
    it->came = ++model->moment;
}

void eviction_model_hit(eviction_model_t *model, unsigned entry)
{
    if (model->entries[entry].uses != 3)
        ++model->entries[entry].uses;
}

void eviction_model_remove(eviction_model_t *model, unsigned entry)
{
    model->entries[entry].is_in = false;
}

void eviction_model_replace(eviction_model_t *model, unsigned old, unsigned entry, uint64_t size)
{
    eviction_model_entry_t *it = &model->entries[entry], *other = &model->entries[old];
    it->is_main = other->is_main;
    it->came = other->came;
    it->uses = other->uses;
    it->size = size;
    it->is_in = true;
    other->is_in = false;
}

static uint64_t sum_of(const eviction_model_t *model, bool with_main, uint64_t *ret_num)
{
    uint64_t sum = 0;
    *ret_num = 0;
    for (unsigned i = 0; i != EVICTION_MODEL_MAX; ++i)
        if (model->entries[i].is_in && (with_main || !model->entries[i].is_main)) {
            sum += model->entries[i].size;
            ++*ret_num;
        }
    return sum;
}

static int oldest_of(const eviction_model_t *model, bool is_main)
{
    int oldest = -1;
    for (int i = 0; i != EVICTION_MODEL_MAX; ++i)
        if (model->entries[i].is_in && model->entries[i].is_main == is_main &&
            (oldest < 0 || model->entries[i].came < model->entries[oldest].came))
            oldest = i;
    return oldest;
}

int eviction_model_choose(eviction_model_t *model)
{
    for (unsigned looked_at = 1;; ++looked_at) {
        uint64_t num_small, num, small = sum_of(model, false, &num_small), all = sum_of(model, true, &num);
        if (num == 0)
            return -1;
        bool is_main = num_small == 0 || (num_small != num && small <= all / 20);
        int chosen = oldest_of(model, is_main);
        eviction_model_entry_t *it = &model->entries[chosen];
        /* in whole numbers, "larger than n times the mean" */
        unsigned price = it->size * num > 8 * all ? 3 : it->size * num > 2 * all ? 2 : 1;
        if (it->uses < price || looked_at == 65) {
            it->is_in = false;
            if (!is_main) {
                model->gone += it->size;
                it->was_evicted = true;
                it->evicted_at = clock_of(model);
            }
            return chosen;
        }
        it->uses = is_main ? it->uses - price : 0;
        it->is_main = true;
        it->came = ++model->moment;
    }
}
