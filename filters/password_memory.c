/* SPDX-License-Identifier: MIT
 * Pairs that were tried. */
#include <openssl/crypto.h>
#include "filters/password_memory.h"
#include "gateway/base/memory.h"

enum { ways = 4 };

typedef struct entry {
    uint8_t tag[GW_PAIR_TAG];
    uint64_t until_ms; /* 0: free */
    gw_pair_t pair;
} entry_t;

typedef struct table {
    entry_t *entries;
    size_t num;
} table_t;

struct gw_password_memory {
    uint64_t epoch;
    table_t right, wrong;
};

gw_password_memory_t *gw_password_memory_create(size_t num_right, size_t num_wrong)
{
    gw_password_memory_t *memory = gw_must_alloc(1, sizeof(*memory));
    memory->right = (table_t){gw_must_alloc(num_right, sizeof(entry_t)), num_right};
    memory->wrong = (table_t){gw_must_alloc(num_wrong, sizeof(entry_t)), num_wrong};
    return memory;
}

gw_password_memory_t *gw_password_memory_free(gw_password_memory_t *memory)
{
    if (memory == NULL)
        return NULL;
    free(memory->right.entries);
    free(memory->wrong.entries);
    free(memory);
    return NULL;
}

void gw_password_memory_turn_to(gw_password_memory_t *memory, uint64_t epoch)
{
    if (memory->epoch == epoch)
        return;
    memory->epoch = epoch;
    memset(memory->right.entries, 0, memory->right.num * sizeof(entry_t));
    memset(memory->wrong.entries, 0, memory->wrong.num * sizeof(entry_t));
}

/** A tag is as good as random: its beginning says where. */
static entry_t *set_of(const table_t *table, const uint8_t *tag)
{
    uint64_t number;
    memcpy(&number, tag, sizeof(number));
    return table->entries + (size_t)number % (table->num / ways) * ways;
}

static gw_pair_t find_in(const table_t *table, const uint8_t *tag, uint64_t now_ms)
{
    const entry_t *set = set_of(table, tag);
    for (size_t i = 0; i != ways; ++i)
        if (set[i].until_ms > now_ms && CRYPTO_memcmp(set[i].tag, tag, GW_PAIR_TAG) == 0)
            return set[i].pair;
    return GW_PAIR_NOT_KNOWN;
}

gw_pair_t gw_password_memory_find(const gw_password_memory_t *memory, const uint8_t tag[GW_PAIR_TAG], uint64_t now_ms)
{
    gw_pair_t pair = find_in(&memory->right, tag, now_ms);
    return pair != GW_PAIR_NOT_KNOWN ? pair : find_in(&memory->wrong, tag, now_ms);
}

void gw_password_memory_keep(gw_password_memory_t *memory, const uint8_t tag[GW_PAIR_TAG], gw_pair_t pair,
                             uint64_t until_ms)
{
    entry_t *set = set_of(pair == GW_PAIR_RIGHT ? &memory->right : &memory->wrong, tag), *place = set;
    for (size_t i = 0; i != ways; ++i) {
        if (CRYPTO_memcmp(set[i].tag, tag, GW_PAIR_TAG) == 0) {
            place = &set[i];
            break;
        }
        if (set[i].until_ms < place->until_ms)
            place = &set[i];
    }
    memcpy(place->tag, tag, GW_PAIR_TAG);
    place->pair = pair;
    place->until_ms = until_ms;
}
