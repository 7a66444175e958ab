/* SPDX-License-Identifier: MIT
 * Memory of a cache: the mapping.  What manages it stands at its beginning, the pieces behind that. */
#include <assert.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>
#include "filters/cache/store/memory.h"
#include "filters/cache/store/runs.h"

#define GROUP_BYTES ((size_t)GW_CACHE_GRAIN * GW_RUNS_UNITS)

/* under AddressSanitizer what is not handed out must not be touched: a reader of an entry that is gone is found */
#if defined(__SANITIZE_ADDRESS__)
#define HAS_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ADDRESS_SANITIZER 1
#endif
#endif
#ifdef HAS_ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#define FORBID(at, bytes) ASAN_POISON_MEMORY_REGION(at, bytes)
#define ALLOW(at, bytes)  ASAN_UNPOISON_MEMORY_REGION(at, bytes)
#else
#define FORBID(at, bytes) ((void)(at), (void)(bytes))
#define ALLOW(at, bytes)  ((void)(at), (void)(bytes))
#endif

enum { reserved_times = 6 };

/** At the beginning of the mapping; behind it the storage of `runs`, and on a page of their own the pieces, both with
 * place for the most that there may ever be. */
struct gw_cache_memory {
    size_t mapped;
    char *first;         /* grain */
    size_t used;         /* grains */
    uint32_t num_groups; /* that pieces may be in */
    uint32_t trimmed;    /* groups up to this one were given back to the machine where they were free */
    gw_runs_t runs;      /* of the most groups that there ever were */
};

static size_t grains(size_t bytes)
{
    return bytes != 0 ? bytes / GW_CACHE_GRAIN + (bytes % GW_CACHE_GRAIN != 0) : 1;
}

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static size_t in_pages(size_t bytes)
{
    return (bytes + page_size() - 1) / page_size() * page_size();
}

static size_t managing(size_t num_groups)
{
    return in_pages(sizeof(gw_cache_memory_t) + gw_runs_storage((uint32_t)num_groups));
}

/** @param num_before groups that are managed already, which costs the same if there are fewer
 *  @return groups of grains that fit into so many bytes beside what manages them; 0: too few, or too many */
static uint32_t num_groups_in(size_t bytes, size_t num_before)
{
    size_t num = bytes / GROUP_BYTES;
    if (num > GW_RUNS_MAX_GROUPS)
        return 0;
    for (size_t all; num != 0 && (all = managing(num > num_before ? num : num_before) + num * GROUP_BYTES) > bytes;) {
        const size_t too_many = (all - bytes + GROUP_BYTES - 1) / GROUP_BYTES;
        num = num > too_many ? num - too_many : 0;
    }
    return (uint32_t)num;
}

/** @param most_groups that there may be one day; 0: so many cannot be managed   @return MAP_FAILED */
static gw_cache_memory_t *map(uint32_t most_groups)
{
    if (most_groups == 0)
        return MAP_FAILED;
    /* without reserve: what a cache may hold one day is no promise that the machine has to keep from the start */
    const size_t bytes = managing(most_groups) + in_pages(most_groups * GROUP_BYTES);
    gw_cache_memory_t *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return memory;
    memory->mapped = bytes;
    memory->first = (char *)memory + managing(most_groups);
    return memory;
}

gw_cache_memory_t *gw_cache_memory_create(size_t bytes)
{
    const uint32_t num_groups = num_groups_in(bytes, 0);
    if (num_groups == 0) {
        errno = EINVAL;
        return NULL;
    }
    gw_cache_memory_t *memory = map(num_groups_in(bytes * reserved_times, 0));
    if (memory == MAP_FAILED) /* where addresses are limited, too */
        memory = map(num_groups);
    if (memory == MAP_FAILED)
        return NULL;
    gw_runs_init(&memory->runs, num_groups, memory + 1);
    memory->num_groups = memory->trimmed = num_groups;
    FORBID(memory->first, num_groups * GROUP_BYTES);
    return memory;
}

void gw_cache_memory_free(gw_cache_memory_t *memory)
{
    if (memory == NULL)
        return;
    ALLOW(memory->first, memory->runs.num_groups * GROUP_BYTES);
    munmap(memory, memory->mapped);
}

/** @return grains that may still be handed out: in a memory that has shrunk more may be used than there are */
static size_t num_left(const gw_cache_memory_t *memory)
{
    const size_t num = (size_t)memory->num_groups * GW_RUNS_UNITS;
    return memory->used < num ? num - memory->used : 0;
}

/** @return where so many grains are free; GW_RUNS_NONE */
static uint64_t find(const gw_cache_memory_t *memory, size_t num)
{
    if (num > num_left(memory))
        return GW_RUNS_NONE;
    const uint64_t at = gw_runs_find(&memory->runs, num);
    /* it is the lowest place, so there is none before the end when this one is not */
    return at != GW_RUNS_NONE && at + num > (uint64_t)memory->num_groups * GW_RUNS_UNITS ? GW_RUNS_NONE : at;
}

static void *take_grains(gw_cache_memory_t *memory, size_t num)
{
    const uint64_t at = find(memory, num);
    if (at == GW_RUNS_NONE)
        return NULL;
    gw_runs_take(&memory->runs, at, num);
    memory->used += num;
    char *piece = memory->first + at * GW_CACHE_GRAIN;
    ALLOW(piece, num * GW_CACHE_GRAIN);
    return piece;
}

void *gw_cache_memory_take(gw_cache_memory_t *memory, size_t bytes)
{
    return take_grains(memory, grains(bytes));
}

/** Length of the longest run before the end, at most num. */
static size_t longest(const gw_cache_memory_t *memory, size_t num)
{
    const size_t of_all = gw_runs_longest(&memory->runs), left = num_left(memory);
    if (of_all < num)
        num = of_all;
    if (left < num)
        num = left;
    if (memory->num_groups == memory->runs.num_groups || num == 0 || find(memory, num) != GW_RUNS_NONE)
        return num;
    size_t there = 0; /* in a memory that has shrunk: the longest one may lie beyond */
    while (num - there > 1) {
        const size_t middle = there + (num - there) / 2;
        if (find(memory, middle) != GW_RUNS_NONE)
            there = middle;
        else
            num = middle;
    }
    return there;
}

void *gw_cache_memory_take_some(gw_cache_memory_t *memory, size_t least, size_t bytes, size_t *ret_bytes)
{
    assert(least != 0 && least <= bytes);
    const size_t num = longest(memory, grains(bytes));
    if (num < grains(least))
        return NULL;
    *ret_bytes = num * GW_CACHE_GRAIN;
    return take_grains(memory, num);
}

void gw_cache_memory_give(gw_cache_memory_t *memory, void *piece, size_t bytes)
{
    const size_t offset = (size_t)((char *)piece - memory->first), num = grains(bytes);
    assert(offset % GW_CACHE_GRAIN == 0);
    gw_runs_give(&memory->runs, offset / GW_CACHE_GRAIN, num);
    memory->used -= num;
    FORBID(piece, num * GW_CACHE_GRAIN);
    if (gw_cache_memory_is_beyond(memory, piece, bytes) && offset / GROUP_BYTES < memory->trimmed)
        memory->trimmed = (uint32_t)(offset / GROUP_BYTES);
}

/* another size ----------------------------------------------------------------------------------------------------- */

bool gw_cache_memory_resize(gw_cache_memory_t *memory, size_t bytes)
{
    const uint32_t before = memory->runs.num_groups, num_groups = num_groups_in(bytes, before);
    char *end = memory->first + (size_t)num_groups * GROUP_BYTES;
    if (num_groups == 0 || end > (char *)memory + memory->mapped)
        return false;
    if (num_groups > before) {
        gw_runs_grow(&memory->runs, num_groups);
        FORBID(memory->first + before * GROUP_BYTES, (num_groups - before) * GROUP_BYTES);
    }
    memory->num_groups = num_groups;
    memory->trimmed = num_groups;
    return true;
}

bool gw_cache_memory_is_beyond(const gw_cache_memory_t *memory, const void *piece, size_t bytes)
{
    return (const char *)piece + grains(bytes) * GW_CACHE_GRAIN >
           memory->first + (size_t)memory->num_groups * GROUP_BYTES;
}

/** @return where the next group is that is free (or is not) from there on; `end` */
static uint32_t next_group(const gw_cache_memory_t *memory, uint32_t group, uint32_t end, bool is_free)
{
    while (group != end && gw_runs_is_group_free(&memory->runs, group) != is_free)
        ++group;
    return group;
}

bool gw_cache_memory_trim(gw_cache_memory_t *memory, size_t most)
{
    uint32_t from = memory->trimmed < memory->num_groups ? memory->num_groups : memory->trimmed;
    const uint32_t left = memory->runs.num_groups - from;
    const uint32_t end = from + (left < most / GROUP_BYTES ? left : (uint32_t)(most / GROUP_BYTES));
    while ((from = next_group(memory, from, end, true)) != end) {
        const uint32_t behind = next_group(memory, from, end, false);
        /* whole pages: where these are larger than a group, what is left of them at the ends stays */
        const size_t first = in_pages(from * GROUP_BYTES), len = behind * GROUP_BYTES / page_size() * page_size();
        if (first < len)
            madvise(memory->first + first, len - first, MADV_DONTNEED);
        from = behind;
    }
    memory->trimmed = end;
    return end != memory->runs.num_groups;
}

/* figures ---------------------------------------------------------------------------------------------------------- */

size_t gw_cache_memory_used(const gw_cache_memory_t *memory)
{
    return memory->used * GW_CACHE_GRAIN;
}

size_t gw_cache_memory_size(const gw_cache_memory_t *memory)
{
    return memory->num_groups * GROUP_BYTES;
}
