/* SPDX-License-Identifier: MIT
 * Stored bodies.
 *
 * Appending beside readers: bytes, and the segments that they are in, are written before the body's size grows over
 * them (release), and readers touch nothing beyond the size that they have read (acquire).  What sealing changes lies
 * beyond it. */
#include <assert.h>
#include <string.h>
#include "filters/cache/store/body.h"

struct gw_cache_segment {
    gw_cache_segment_t *_Atomic next;
    atomic_size_t capacity; /* of bytes; falls once, when the body is sealed, to no less than what is filled */
    char bytes[];
};

_Static_assert(sizeof(gw_cache_body_t) <= GW_CACHE_GRAIN, "a body's struct is one grain");

static size_t rounded_up(size_t bytes)
{
    return (bytes + GW_CACHE_GRAIN - 1) / GW_CACHE_GRAIN * GW_CACHE_GRAIN;
}

static size_t capacity_of(const gw_cache_segment_t *segment)
{
    return atomic_load_explicit(&segment->capacity, memory_order_relaxed);
}

static size_t piece_of(const gw_cache_segment_t *segment)
{
    return sizeof(*segment) + capacity_of(segment);
}

static gw_cache_segment_t *next_of(const gw_cache_segment_t *segment)
{
    return atomic_load_explicit(&segment->next, memory_order_acquire);
}

static gw_cache_segment_t *first_of(const gw_cache_body_t *body)
{
    return atomic_load_explicit(&body->first, memory_order_acquire);
}

static uint64_t size_of(const gw_cache_body_t *body)
{
    return atomic_load_explicit(&body->size, memory_order_acquire);
}

/* filling ---------------------------------------------------------------------------------------------------------- */

gw_cache_body_t *gw_cache_body_create(gw_cache_memory_t *memory)
{
    gw_cache_body_t *body = gw_cache_memory_take(memory, sizeof(*body));
    if (body == NULL)
        return NULL;
    memset(body, 0, sizeof(*body));
    atomic_init(&body->references, 1);
    body->footprint = rounded_up(sizeof(*body));
    return body;
}

/** Links a segment behind the last one.  @return what it has room for; 0: there is no such piece */
static size_t add_segment(gw_cache_memory_t *memory, gw_cache_body_t *body, size_t least, size_t bytes)
{
    size_t piece;
    gw_cache_segment_t *segment =
        gw_cache_memory_take_some(memory, sizeof(*segment) + least, sizeof(*segment) + bytes, &piece);
    if (segment == NULL)
        return 0;
    atomic_init(&segment->next, NULL);
    atomic_init(&segment->capacity, piece - sizeof(*segment));
    atomic_store_explicit(body->last != NULL ? &body->last->next : &body->first, segment, memory_order_release);
    body->last = segment;
    if (body->filling == NULL)
        body->filling = segment;
    body->footprint += piece;
    body->room += piece - sizeof(*segment);
    return piece - sizeof(*segment);
}

bool gw_cache_body_reserve(gw_cache_memory_t *memory, gw_cache_body_t *body, size_t bytes)
{
    const size_t all = (size_t)size_of(body) + body->room + bytes;
    size_t least = (all + GW_CACHE_BODY_SEGMENTS - 1) / GW_CACHE_BODY_SEGMENTS;
    if (least < GW_CACHE_SEGMENT_LEAST)
        least = GW_CACHE_SEGMENT_LEAST;
    while (bytes != 0) {
        size_t added = add_segment(memory, body, bytes < least ? bytes : least, bytes);
        if (added == 0)
            return false;
        bytes -= added < bytes ? added : bytes;
    }
    return true;
}

size_t gw_cache_body_room(const gw_cache_body_t *body)
{
    return body->room;
}

void gw_cache_body_append(gw_cache_body_t *body, const char *bytes, size_t len)
{
    assert(len <= body->room);
    body->room -= len;
    uint64_t size = atomic_load_explicit(&body->size, memory_order_relaxed) + len;
    while (len != 0) {
        size_t room = capacity_of(body->filling) - body->filled, now = len < room ? len : room;
        if (now == 0) {
            body->filling = next_of(body->filling);
            body->filled = 0;
            continue;
        }
        memcpy(body->filling->bytes + body->filled, bytes, now);
        body->filled += now;
        bytes += now;
        len -= now;
    }
    atomic_store_explicit(&body->size, size, memory_order_release);
}

static void give_segment(gw_cache_memory_t *memory, gw_cache_body_t *body, gw_cache_segment_t *segment)
{
    body->footprint -= piece_of(segment);
    gw_cache_memory_give(memory, segment, piece_of(segment));
}

/** @param before the last one that stays; NULL: none does */
static void give_from(gw_cache_memory_t *memory, gw_cache_body_t *body, gw_cache_segment_t *before)
{
    gw_cache_segment_t *_Atomic *link = before != NULL ? &before->next : &body->first;
    gw_cache_segment_t *segment = atomic_load_explicit(link, memory_order_relaxed);
    atomic_store_explicit(link, NULL, memory_order_relaxed);
    for (gw_cache_segment_t *next; segment != NULL; segment = next) {
        next = next_of(segment);
        give_segment(memory, body, segment);
    }
    body->last = before;
}

void gw_cache_body_seal(gw_cache_memory_t *memory, gw_cache_body_t *body)
{
    gw_cache_segment_t *filling = body->filled != 0 ? body->filling : NULL;
    give_from(memory, body, filling);
    if (filling != NULL) {
        const size_t whole = piece_of(filling), kept = rounded_up(sizeof(*filling) + body->filled);
        if (kept != whole) {
            atomic_store_explicit(&filling->capacity, kept - sizeof(*filling), memory_order_relaxed);
            gw_cache_memory_give(memory, (char *)filling + kept, whole - kept);
            body->footprint -= whole - kept;
        }
    }
    body->filling = filling;
    body->room = 0;
}

void gw_cache_body_give(gw_cache_memory_t *memory, gw_cache_body_t *body)
{
    give_from(memory, body, NULL);
    assert(body->footprint == rounded_up(sizeof(*body)));
    gw_cache_memory_give(memory, body, sizeof(*body));
}

bool gw_cache_body_is_beyond(const gw_cache_memory_t *memory, const gw_cache_body_t *body)
{
    bool is_beyond = gw_cache_memory_is_beyond(memory, body, sizeof(*body));
    for (const gw_cache_segment_t *segment = first_of(body); segment != NULL && !is_beyond; segment = next_of(segment))
        is_beyond = gw_cache_memory_is_beyond(memory, segment, piece_of(segment));
    return is_beyond;
}

size_t gw_cache_body_footprint(const gw_cache_body_t *body)
{
    return body->footprint;
}

/* reading ---------------------------------------------------------------------------------------------------------- */

/** The segment that the byte at the place is in; there is such a byte. */
static const gw_cache_segment_t *segment_at(const gw_cache_body_t *body, gw_cache_place_t *place)
{
    if (place->segment == NULL)
        place->segment = first_of(body);
    while (place->within == capacity_of(place->segment)) {
        place->segment = next_of(place->segment);
        place->within = 0;
    }
    return place->segment;
}

/** Moves a place on within its segment.  @param len no more than there is up to `end`   @return how far */
static size_t step(const gw_cache_segment_t *segment, gw_cache_place_t *place, uint64_t end)
{
    uint64_t len = capacity_of(segment) - place->within;
    if (len > end - place->offset)
        len = end - place->offset;
    place->within += (size_t)len;
    place->offset += len;
    return (size_t)len;
}

void gw_cache_place_seek(const gw_cache_body_t *body, gw_cache_place_t *place, uint64_t offset)
{
    assert(place->offset <= offset && offset <= size_of(body));
    while (place->offset != offset)
        step(segment_at(body, place), place, offset);
}

size_t gw_cache_body_slices(const gw_cache_body_t *body, gw_cache_place_t *place, uint64_t end, struct iovec *slices,
                            size_t max_slices)
{
    const uint64_t size = size_of(body);
    size_t num = 0;
    for (end = end < size ? end : size; place->offset < end && num != max_slices; ++num) {
        const gw_cache_segment_t *segment = segment_at(body, place);
        /* iovec has no const: nobody writes to what is stored */
        slices[num].iov_base = (void *)(uintptr_t)(segment->bytes + place->within);
        slices[num].iov_len = step(segment, place, end);
    }
    return num;
}
