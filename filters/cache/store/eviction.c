/* SPDX-License-Identifier: MIT
 * S3-FIFO (J. Yang et al., SOSP 2023) with a price for size.  What is new waits in a small queue, a twentieth of the
 * bytes; who is used there goes on to the main one, who is not goes, and is remembered for a while by its hash: when it
 * comes back in that time it goes to the main queue at once.  There each pass costs the uses of one hit; who cannot pay
 * goes.  An entry that is larger than twice the mean pays two, above eight times three: for its bytes, several others
 * could stay.
 *
 * Hits in a hundred requests, and bytes in a hundred, mean of 24 workloads (./dev bench eviction prints each):
 *
 *                    FIFO  CLOCK    LRU  SIEVE  S3-FIFO  W-TinyLFU   this  optimum
 *   one size         22.7   25.4   24.8   30.4     40.4       41.1   39.6     47.8
 *   many, objects    22.3   24.7   24.1   28.9     35.6       36.1   42.3     56.8
 *   many, bytes      28.0   31.0   30.3   34.8     40.8       38.0   41.6     44.1
 *
 * SIEVE has no answer to a loop, W-TinyLFU is slow when other things become popular (37.5 instead of 41.1 with a
 * hundredth of the set in the cache) and counts every hit in a table that all workers would write.  Here a hit is an
 * atomic byte that stands still at three. */
#include "filters/cache/store/eviction.h"
#include "gateway/base/memory.h"

enum {
    SMALL,
    MAIN,
    NUM_QUEUES,
    SMALL_SHARE = 20,   /* the small queue: one in so many bytes */
    LARGE = 2,          /* times the mean size: pays two */
    VERY_LARGE = 8,     /* pays three: no more than gw_eviction_hit counts, or nobody could */
    MAX_CHANCES = 64,   /* second ones in one choice; with 1000 only loops fare better, by a tenth */
    GHOSTS_IN_LINE = 8, /* a line of the processor's cache */
    UNIT = 64,          /* bytes, of a node's size */
    MAX_SPAN = 1 << 24, /* so that the 32 bits of `gone_at` take hundreds of spans to come round */
};

typedef struct ghost {
    uint32_t mark;    /* of who went: bits of its hash; 0: nobody */
    uint32_t gone_at; /* by the clock of what went */
} ghost_t;

typedef struct queue {
    gw_eviction_node_t ends; /* next: the newest; previous: the oldest */
    uint64_t size;           /* units */
    uint64_t num;
} queue_t;

struct gw_eviction {
    queue_t queues[NUM_QUEUES];
    uint64_t gone;       /* units that went from the small queue: the clock by which ghosts fade */
    unsigned gone_shift; /* its steps */
    uint64_t ghost_span; /* steps for which one is remembered: while as much as the cache holds has gone */
    size_t num_lines;
    ghost_t ghosts[];
};

static size_t num_lines_for(size_t max_entries)
{
    return max_entries / GHOSTS_IN_LINE + 1;
}

size_t gw_eviction_footprint(size_t max_entries)
{
    return sizeof(gw_eviction_t) + num_lines_for(max_entries) * GHOSTS_IN_LINE * sizeof(ghost_t);
}

gw_eviction_t *gw_eviction_create(uint64_t capacity, size_t max_entries)
{
    gw_eviction_t *eviction = gw_must_alloc(1, gw_eviction_footprint(max_entries));
    for (size_t i = 0; i != NUM_QUEUES; ++i)
        eviction->queues[i].ends.previous = eviction->queues[i].ends.next = &eviction->queues[i].ends;
    eviction->num_lines = num_lines_for(max_entries);
    gw_eviction_resize(eviction, capacity);
    return eviction;
}

void gw_eviction_resize(gw_eviction_t *eviction, uint64_t capacity)
{
    /* when the steps become others, so do the times of those who are remembered: some of them fade at the wrong time */
    eviction->gone_shift = 0;
    eviction->ghost_span = capacity / UNIT;
    for (; eviction->ghost_span > MAX_SPAN; eviction->ghost_span /= 2)
        ++eviction->gone_shift;
}

void gw_eviction_free(gw_eviction_t *eviction)
{
    free(eviction);
}

/* ghosts */

static ghost_t *ghosts_of(gw_eviction_t *eviction, uint64_t hash)
{
    uint64_t line = ((hash & UINT32_MAX) * eviction->num_lines) >> 32;
    return &eviction->ghosts[line * GHOSTS_IN_LINE];
}

static uint32_t mark_of(uint64_t hash)
{
    uint32_t mark = (uint32_t)(hash >> 32);
    return mark != 0 ? mark : 1;
}

static uint32_t clock_of(const gw_eviction_t *eviction)
{
    return (uint32_t)(eviction->gone >> eviction->gone_shift);
}

static void remember(gw_eviction_t *eviction, const gw_eviction_node_t *node)
{
    eviction->gone += node->size;
    ghost_t *line = ghosts_of(eviction, node->hash), *place = line;
    uint32_t now = clock_of(eviction), mark = mark_of(node->hash);
    for (ghost_t *ghost = line; ghost != line + GHOSTS_IN_LINE; ++ghost) {
        if (ghost->mark == 0 || ghost->mark == mark) {
            place = ghost;
            break;
        }
        if (now - ghost->gone_at > now - place->gone_at)
            place = ghost;
    }
    *place = (ghost_t){.mark = mark, .gone_at = now};
}

/** @return whether it went not long ago; that is forgotten now */
static bool recall(gw_eviction_t *eviction, const gw_eviction_node_t *node)
{
    ghost_t *line = ghosts_of(eviction, node->hash);
    for (ghost_t *ghost = line; ghost != line + GHOSTS_IN_LINE; ++ghost)
        if (ghost->mark == mark_of(node->hash)) {
            ghost->mark = 0;
            return clock_of(eviction) - ghost->gone_at < eviction->ghost_span;
        }
    return false;
}

/* queues */

static void push(gw_eviction_t *eviction, gw_eviction_node_t *node, uint8_t which, unsigned uses)
{
    queue_t *queue = &eviction->queues[which];
    atomic_store_explicit(&node->uses, (unsigned char)uses, memory_order_relaxed);
    node->queue = which;
    node->previous = &queue->ends;
    node->next = queue->ends.next;
    node->next->previous = queue->ends.next = node;
    queue->size += node->size;
    ++queue->num;
}

void gw_eviction_remove(gw_eviction_t *eviction, gw_eviction_node_t *node)
{
    queue_t *queue = &eviction->queues[node->queue];
    node->previous->next = node->next;
    node->next->previous = node->previous;
    queue->size -= node->size;
    --queue->num;
}

void gw_eviction_insert(gw_eviction_t *eviction, gw_eviction_node_t *node)
{
    push(eviction, node, recall(eviction, node) ? MAIN : SMALL, 0);
}

void gw_eviction_replace(gw_eviction_t *eviction, gw_eviction_node_t *old, gw_eviction_node_t *node)
{
    queue_t *queue = &eviction->queues[old->queue];
    unsigned char uses = atomic_load_explicit(&old->uses, memory_order_relaxed);
    atomic_store_explicit(&node->uses, uses, memory_order_relaxed);
    node->queue = old->queue;
    node->previous = old->previous;
    node->next = old->next;
    node->previous->next = node->next->previous = node;
    queue->size += (uint64_t)node->size - old->size;
}

/** Uses that it pays for staying. */
static unsigned price(const gw_eviction_t *eviction, const gw_eviction_node_t *node)
{
    uint64_t size = eviction->queues[SMALL].size + eviction->queues[MAIN].size;
    uint64_t times = node->size * (eviction->queues[SMALL].num + eviction->queues[MAIN].num);
    return 1 + (times > LARGE * size) + (times > VERY_LARGE * size);
}

/** @return the queue that gives something; when both are empty either */
static queue_t *queue_that_gives(gw_eviction_t *eviction)
{
    queue_t *small = &eviction->queues[SMALL], *main = &eviction->queues[MAIN];
    bool is_small_over = small->num != 0 && small->size * SMALL_SHARE > small->size + main->size;
    return is_small_over || main->num == 0 ? small : main;
}

gw_eviction_node_t *gw_eviction_choose(gw_eviction_t *eviction)
{
    for (unsigned chances = MAX_CHANCES;; --chances) {
        queue_t *queue = queue_that_gives(eviction);
        gw_eviction_node_t *node = queue->ends.previous;
        if (node == &queue->ends)
            return NULL;
        unsigned uses = atomic_load_explicit(&node->uses, memory_order_relaxed), due = price(eviction, node);
        bool is_small = node->queue == SMALL;
        gw_eviction_remove(eviction, node);
        if (uses < due || chances == 0) {
            if (is_small)
                remember(eviction, node);
            return node;
        }
        push(eviction, node, MAIN, is_small ? 0 : uses - due);
    }
}
