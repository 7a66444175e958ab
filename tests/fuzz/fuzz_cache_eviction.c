/* SPDX-License-Identifier: MIT
 * Fuzz target: eviction beside its plain model.  Bytes are a capacity and then what happens to 32 entries; whoever the
 * model lets go goes, and at the end everybody is out. */
#include <stdlib.h>
#include "filters/cache/store/eviction.h"
#include "gateway/base/hash.h"
#include "tests/support/eviction_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NUM = 32 };

typedef struct bench {
    const uint8_t *at, *end;
    gw_eviction_t *eviction;
    gw_eviction_node_t nodes[NUM];
    eviction_model_t model;
} bench_t;

static void must(bool holds)
{
    if (!holds)
        abort();
}

static unsigned next(bench_t *bench)
{
    return bench->at != bench->end ? *bench->at++ : 0;
}

/** 0 to 255 times a power of two up to 2^24, so that 32 bits hold it. */
static uint32_t next_size(bench_t *bench)
{
    unsigned power = next(bench) % 25;
    return (uint32_t)next(bench) << power;
}

static bool choose(bench_t *bench)
{
    gw_eviction_node_t *node = gw_eviction_choose(bench->eviction);
    int expected = eviction_model_choose(&bench->model);
    must(node == (expected >= 0 ? &bench->nodes[expected] : NULL));
    return node != NULL;
}

static void act(bench_t *bench)
{
    unsigned byte = next(bench), entry = byte % NUM;
    gw_eviction_node_t *node = &bench->nodes[entry];
    bool is_in = bench->model.entries[entry].is_in;
    switch (byte / NUM) {
    case 0:
        choose(bench);
        break;
    case 1:
        if (is_in) {
            gw_eviction_remove(bench->eviction, node);
            eviction_model_remove(&bench->model, entry);
        }
        break;
    case 2: {
        unsigned other = next(bench) % NUM;
        if (is_in && !bench->model.entries[other].is_in) {
            bench->nodes[other].size = next_size(bench);
            gw_eviction_replace(bench->eviction, node, &bench->nodes[other]);
            eviction_model_replace(&bench->model, entry, other, bench->nodes[other].size);
        }
        break;
    }
    case 3:
    case 4:
        if (!is_in) {
            node->size = next_size(bench);
            gw_eviction_insert(bench->eviction, node);
            eviction_model_insert(&bench->model, entry, node->size);
        }
        break;
    default:
        if (is_in) {
            gw_eviction_hit(node);
            eviction_model_hit(&bench->model, entry);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bench_t bench;
    bench = (bench_t){.at = data, .end = data + size};
    uint64_t capacity = (uint64_t)next_size(&bench) * 64;
    bench.eviction = gw_eviction_create(capacity, 1024);
    eviction_model_init(&bench.model, capacity);
    for (size_t i = 0; i != NUM; ++i)
        bench.nodes[i].hash = gw_hash_mix(i + 1);
    while (bench.at != bench.end)
        act(&bench);
    while (choose(&bench))
        ;
    gw_eviction_free(bench.eviction);
    return 0;
}
