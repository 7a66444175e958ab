/* SPDX-License-Identifier: MIT
 * Fuzz target: the memory of a cache and bodies in it, any sequence of operations, against a row of bytes that says
 * which grains are handed out.  Two bytes are an operation: what to do, and with how much. */
#include <stdlib.h>
#include <string.h>
#include "filters/cache/store/body.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { memory_bytes = 256 << 10, most_grains = memory_bytes / GW_CACHE_GRAIN, num_places = 16 };

static void must(bool holds)
{
    if (!holds)
        abort();
}

/** What one of the places holds: a piece, or a body. */
typedef struct thing {
    char *piece;
    size_t len;
    gw_cache_body_t *body;
    size_t appended;
    bool is_sealed;
} thing_t;

typedef struct trial {
    gw_cache_memory_t *memory;
    char *begin;
    size_t num; /* grains */
    char is_taken[most_grains];
    thing_t things[num_places];
} trial_t;

static size_t grains(size_t len)
{
    return len != 0 ? (len + GW_CACHE_GRAIN - 1) / GW_CACHE_GRAIN : 1;
}

static size_t num_taken(const trial_t *trial)
{
    size_t num = 0;
    for (size_t i = 0; i != trial->num; ++i)
        num += (size_t)trial->is_taken[i];
    return num;
}

/** @return the lowest run of so many free grains; SIZE_MAX   @param ret_longest of all runs */
static size_t lowest(const trial_t *trial, size_t num, size_t *ret_longest)
{
    size_t found = SIZE_MAX, len = 0;
    *ret_longest = 0;
    for (size_t i = 0; i != trial->num; ++i) {
        len = trial->is_taken[i] ? 0 : len + 1;
        if (len == num && found == SIZE_MAX)
            found = i + 1 - num;
        if (len > *ret_longest)
            *ret_longest = len;
    }
    return found;
}

static void set(trial_t *trial, const char *piece, size_t num, bool is_taken)
{
    size_t first = (size_t)(piece - trial->begin) / GW_CACHE_GRAIN;
    must(piece >= trial->begin && first + num <= trial->num);
    for (size_t i = first; i != first + num; ++i) {
        must(trial->is_taken[i] == !is_taken);
        trial->is_taken[i] = is_taken;
    }
}

/* pieces ----------------------------------------------------------------------------------------------------------- */

static void take(trial_t *trial, thing_t *thing, size_t len)
{
    size_t longest, first = lowest(trial, grains(len), &longest);
    thing->piece = gw_cache_memory_take(trial->memory, len);
    must((thing->piece == NULL) == (first == SIZE_MAX));
    if (thing->piece == NULL)
        return;
    must(thing->piece == trial->begin + first * GW_CACHE_GRAIN);
    thing->len = len;
    set(trial, thing->piece, grains(len), true);
    memset(thing->piece, (int)len, len);
}

static void take_some(trial_t *trial, thing_t *thing, size_t least, size_t len)
{
    size_t longest, num = grains(len);
    lowest(trial, num, &longest);
    thing->piece = gw_cache_memory_take_some(trial->memory, least, len, &thing->len);
    must((thing->piece == NULL) == (longest < grains(least)));
    if (thing->piece == NULL)
        return;
    must(thing->len == (num < longest ? num : longest) * GW_CACHE_GRAIN);
    set(trial, thing->piece, grains(thing->len), true);
}

static void give_end(trial_t *trial, thing_t *thing, size_t kept)
{
    kept = grains(kept) * GW_CACHE_GRAIN;
    if (kept >= thing->len)
        return;
    set(trial, thing->piece + kept, grains(thing->len - kept), false);
    gw_cache_memory_give(trial->memory, thing->piece + kept, thing->len - kept);
    thing->len = kept;
}

/* bodies ----------------------------------------------------------------------------------------------------------- */

/** Where a body's segments are is its own business, but for the bytes and that they are in nobody's piece: so the model
 * asks what is free, by taking it. */
static void look_again(trial_t *trial)
{
    static char *pieces[most_grains];
    static size_t lengths[most_grains];
    size_t num = 0;
    memset(trial->is_taken, 1, trial->num);
    while ((pieces[num] = gw_cache_memory_take_some(trial->memory, 1, memory_bytes, &lengths[num])) != NULL) {
        set(trial, pieces[num], lengths[num] / GW_CACHE_GRAIN, false);
        ++num;
    }
    must(gw_cache_memory_used(trial->memory) == gw_cache_memory_size(trial->memory));
    while (num-- != 0)
        gw_cache_memory_give(trial->memory, pieces[num], lengths[num]);
    for (const thing_t *thing = trial->things; thing != trial->things + num_places; ++thing)
        if (thing->piece != NULL)
            must(memchr(trial->is_taken + (thing->piece - trial->begin) / GW_CACHE_GRAIN, 0, grains(thing->len)) ==
                 NULL);
}

static char byte_at(const thing_t *thing, size_t offset)
{
    return (char)(((uintptr_t)thing->body / GW_CACHE_GRAIN + offset) * 0x9e3779b1 >> 13);
}

static void append(thing_t *thing, size_t len)
{
    static char bytes[memory_bytes];
    len = len < gw_cache_body_room(thing->body) ? len : gw_cache_body_room(thing->body);
    for (size_t i = 0; i != len; ++i)
        bytes[i] = byte_at(thing, thing->appended + i);
    gw_cache_body_append(thing->body, bytes, len);
    thing->appended += len;
}

static void read_from(const thing_t *thing, size_t from)
{
    struct iovec slices[3];
    gw_cache_place_t place = {.segment = NULL};
    size_t offset = thing->appended != 0 ? from % thing->appended : 0, num;
    gw_cache_place_seek(thing->body, &place, offset);
    while ((num = gw_cache_body_slices(thing->body, &place, UINT64_MAX, slices, 3)) != 0)
        for (size_t i = 0; i != num; ++i)
            for (size_t j = 0; j != slices[i].iov_len; ++j)
                must(((const char *)slices[i].iov_base)[j] == byte_at(thing, offset++));
    must(offset == thing->appended && place.offset == offset);
}

static void reserve(trial_t *trial, thing_t *thing, size_t len)
{
    size_t room = gw_cache_body_room(thing->body);
    bool is_all = gw_cache_body_reserve(trial->memory, thing->body, len);
    must(gw_cache_body_room(thing->body) >= room + (is_all ? len : 0));
    must(!is_all || gw_cache_body_room(thing->body) < room + len + GW_CACHE_GRAIN);
}

static void with_body(trial_t *trial, thing_t *thing, unsigned what, size_t len)
{
    size_t used = gw_cache_memory_used(trial->memory), footprint = gw_cache_body_footprint(thing->body);
    if (what < 2 && !thing->is_sealed)
        reserve(trial, thing, len);
    else if (what < 5)
        append(thing, len);
    else if (what == 5) {
        gw_cache_body_seal(trial->memory, thing->body);
        thing->is_sealed = true;
        must(gw_cache_body_room(thing->body) == 0);
    } else
        read_from(thing, len);
    must(gw_cache_memory_used(trial->memory) - gw_cache_body_footprint(thing->body) == used - footprint);
    look_again(trial);
}

/* both ------------------------------------------------------------------------------------------------------------- */

static void give(trial_t *trial, thing_t *thing)
{
    if (thing->body != NULL) {
        read_from(thing, 0);
        size_t used = gw_cache_memory_used(trial->memory), footprint = gw_cache_body_footprint(thing->body);
        gw_cache_body_give(trial->memory, thing->body);
        must(gw_cache_memory_used(trial->memory) == used - footprint);
        look_again(trial);
    } else {
        set(trial, thing->piece, grains(thing->len), false);
        gw_cache_memory_give(trial->memory, thing->piece, thing->len);
    }
    *thing = (thing_t){.piece = NULL};
}

static void operate(trial_t *trial, uint8_t what, uint8_t how_much)
{
    thing_t *thing = &trial->things[what % num_places];
    const unsigned operation = what / num_places % 8;
    const size_t len = (size_t)(how_much & 15) << (how_much >> 4); /* up to 480 KiB */
    if (thing->body != NULL && operation != 7)
        with_body(trial, thing, operation, len);
    else if (thing->body == NULL && thing->piece != NULL && operation < 2)
        give_end(trial, thing, len);
    else if (thing->body != NULL || thing->piece != NULL)
        give(trial, thing);
    else if (operation < 3)
        take(trial, thing, len);
    else if (operation < 5)
        take_some(trial, thing, len / 16 + 1, len + 1);
    else if ((thing->body = gw_cache_body_create(trial->memory)) != NULL)
        look_again(trial);
    must(gw_cache_memory_used(trial->memory) == num_taken(trial) * GW_CACHE_GRAIN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static trial_t trial;
    memset(&trial, 0, sizeof(trial));
    trial.memory = gw_cache_memory_create(memory_bytes - 4096 * (size != 0 ? data[0] % 32 : 0));
    must(trial.memory != NULL);
    trial.num = gw_cache_memory_size(trial.memory) / GW_CACHE_GRAIN;
    trial.begin = gw_cache_memory_take(trial.memory, gw_cache_memory_size(trial.memory));
    gw_cache_memory_give(trial.memory, trial.begin, gw_cache_memory_size(trial.memory));
    for (size_t i = 1; i + 1 < size && i < 600; i += 2)
        operate(&trial, data[i], data[i + 1]);
    for (size_t i = 0; i != num_places; ++i)
        if (trial.things[i].piece != NULL || trial.things[i].body != NULL)
            give(&trial, &trial.things[i]);
    must(gw_cache_memory_take(trial.memory, trial.num * GW_CACHE_GRAIN) == trial.begin);
    gw_cache_memory_free(trial.memory);
    return 0;
}
