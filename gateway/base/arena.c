/* SPDX-License-Identifier: MIT
 * The arena: a list of blocks that are filled from the front, and a list of finalisers. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "gateway/base/arena.h"

enum { first_block = 4096, largest_block = 256 * 1024 };

struct block {
    struct block *next;
    size_t size, used; /* of `bytes` */
    max_align_t bytes[];
};

struct finaliser {
    struct finaliser *next;
    void (*finalise)(void *arg);
    void *arg;
};

struct gw_arena {
    struct block *blocks; /* the first one is being filled */
    struct finaliser *finalisers;
    size_t next_size, used;
};

static void *alloc_or_die(size_t size)
{
    void *p = calloc(1, size);

    if (p == NULL) {
        fputs("sluice: out of memory\n", stderr);
        abort();
    }
    return p;
}

gw_arena_t *gw_arena_create(void)
{
    gw_arena_t *arena = alloc_or_die(sizeof(*arena));

    arena->next_size = first_block;
    return arena;
}

gw_arena_t *gw_arena_free(gw_arena_t *arena)
{
    if (arena == NULL)
        return NULL;
    /* the finalisers' own memory stands in the blocks */
    for (const struct finaliser *f = arena->finalisers; f != NULL; f = f->next)
        f->finalise(f->arg);
    for (struct block *block = arena->blocks, *next; block != NULL; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
    return NULL;
}

static struct block *add_block(gw_arena_t *arena, size_t size)
{
    struct block *block = alloc_or_die(sizeof(*block) + size);

    block->size = size;
    return block;
}

void *gw_arena_alloc(gw_arena_t *arena, size_t size)
{
    struct block *block = arena->blocks;

    if (size > SIZE_MAX / 2)
        abort();
    if (size == 0)
        size = 1; /* so that no two results are the same */
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    arena->used += size;
    if (block == NULL || block->size - block->used < size) {
        if (block != NULL && size > arena->next_size / 4) {
            /* a large piece gets a block of its own, and the one being filled stays first */
            struct block *own = add_block(arena, size);
            own->used = size;
            own->next = block->next;
            block->next = own;
            return own->bytes;
        }
        block = add_block(arena, size > arena->next_size ? size : arena->next_size);
        if (arena->next_size < largest_block)
            arena->next_size *= 2;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *p = (char *)block->bytes + block->used;
    block->used += size;
    return p;
}

char *gw_arena_strdup(gw_arena_t *arena, gw_str_t s)
{
    char *copy = gw_arena_alloc(arena, s.len + 1);

    if (s.len != 0)
        memcpy(copy, s.ptr, s.len);
    return copy;
}

char *gw_arena_printf(gw_arena_t *arena, const char *format, ...)
{
    char small[256]; /* most are; then the text is made only once */
    va_list args;

    va_start(args, format);
    int len = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    if (len < 0)
        abort();
    if ((size_t)len < sizeof(small))
        return gw_arena_strdup(arena, gw_str(small, (size_t)len));
    char *text = gw_arena_alloc(arena, (size_t)len + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}

void gw_arena_on_free(gw_arena_t *arena, void (*finalise)(void *arg), void *arg)
{
    struct finaliser *f = gw_arena_alloc(arena, sizeof(*f));

    *f = (struct finaliser){.next = arena->finalisers, .finalise = finalise, .arg = arg};
    arena->finalisers = f;
}

size_t gw_arena_used(const gw_arena_t *arena)
{
    return arena->used;
}
