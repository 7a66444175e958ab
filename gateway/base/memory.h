/* SPDX-License-Identifier: MIT
 * Memory that is there or ends the process, as libh2o's is: a gateway without memory must be restarted, not half alive.
 * Threads: any. */
#ifndef GW_BASE_MEMORY_H
#define GW_BASE_MEMORY_H

#include <stdlib.h>
#include <string.h>

#define GW_CACHE_LINE 64

/** @return num * size zeroed bytes, for free(); never NULL, also for nothing */
static inline void *gw_must_alloc(size_t num, size_t size)
{
    void *bytes = calloc(num != 0 ? num : 1, size != 0 ? size : 1);
    if (bytes == NULL)
        abort();
    return bytes;
}

/** The same for one thing that begins a cache line, so that its parts do not share one with others. */
static inline void *gw_must_alloc_aligned(size_t size)
{
    size = (size + GW_CACHE_LINE - 1) / GW_CACHE_LINE * GW_CACHE_LINE;
    void *bytes = aligned_alloc(GW_CACHE_LINE, size);
    if (bytes == NULL)
        abort();
    return memset(bytes, 0, size);
}

#endif
