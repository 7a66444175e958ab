/* SPDX-License-Identifier: MIT
 * token_cache: what remembered tokens cost the filter `jwt`: nanoseconds of CPU time for finding one among 1,000 and
 * among 100,000; the longest of a million operations, in microseconds; bytes for each of 100,000 tokens, as the
 * cache counts them and as the process has grown.  Tokens are of 711 characters, all of the same payload: the cache
 * does not look into them.  Prints Markdown tables; the exit status is 1 when it has grown beyond the budget by more
 * than 2 %, or when a token is not found that must be. */
#include <malloc.h>
#include <unistd.h>
#include "filters/jwt/token_cache.h"
#include "gateway/base/random.h"
#include "tests/bench/clock.h"
#include "tests/bench/mint.h"

enum { rounds = 9, plays = 5, finds = 200000, operations = 1000000, mib = 1024 * 1024, token_len = 711, digits = 12 };

/* a token as it stands in a request that has just been read: always at the same place, which is in the processor's
 * cache */
static char text[token_len + 1];
static gw_str_t payload;
static const uint64_t key[2] = {0x0123456789abcdefull, 0xfedcba9876543210ull};
static uint64_t seed = 88172645463325252ull;

static gw_str_t token_of(size_t number)
{
    for (size_t i = 0; i != digits; ++i, number /= 10)
        text[token_len - 1 - i] = (char)('0' + number % 10);
    return gw_str(text, token_len);
}

static void set_up_token(void)
{
    for (size_t i = 0; i != token_len; ++i)
        text[i] = i == 63 || i == 368 ? '.' : (char)('A' + i % 26);
    payload = gw_str(text + 64, 304);
}

static gw_token_entry_t *add(gw_token_cache_t *cache, size_t number)
{
    return gw_token_cache_add(cache, token_of(number), payload, GW_STR("user-00000000"), NULL, 0, 1, INT64_MAX);
}

static gw_token_cache_t *create_full(size_t max_bytes, size_t num)
{
    gw_token_cache_t *cache = gw_token_cache_create(max_bytes, key);
    for (size_t i = 0; i != num; ++i)
        gw_token_cache_release(cache, add(cache, i));
    return cache;
}

/** Finds tokens at random, all of them there.  @return nanoseconds of each, the making of the text left out */
static double find_some(gw_token_cache_t *cache, uint32_t num)
{
    uint64_t state = seed;
    volatile char sink;
    double start = cpu_seconds();
    for (size_t i = 0; i != finds; ++i) {
        gw_str_t token = token_of(gw_random_below(&state, num));
        sink = token.ptr[token_len - 1];
    }
    double between = cpu_seconds();
    for (size_t i = 0; i != finds; ++i) {
        gw_token_entry_t *entry = gw_token_cache_find(cache, token_of(gw_random_below(&seed, num)), 1, 0);
        if (entry == NULL)
            errx(1, "a token was not found");
        gw_token_cache_release(cache, entry);
    }
    (void)sink;
    return (cpu_seconds() - between - (between - start)) * 1e9 / finds;
}

static void time_finding(void)
{
    static const uint32_t nums[] = {1000, 100000};
    printf("| remembered tokens | ns to find one |\n|---|---|\n");
    for (size_t i = 0; i != 2; ++i) {
        double ns[rounds];
        gw_token_cache_t *cache = create_full((size_t)256 * mib, nums[i]);
        find_some(cache, nums[i]);
        for (size_t k = 0; k != rounds; ++k)
            ns[k] = find_some(cache, nums[i]);
        double median = median_of(ns, rounds);
        printf("| %u | %.0f (%.0f..%.0f) |\n", nums[i], median, ns[0], ns[rounds - 1]);
        gw_token_cache_free(cache);
    }
}

static double thread_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/** Twice as many tokens as there is room for, at random: half is found, the other half is added, and drops others.
 *  @param us of each operation   @return how many were found */
static size_t play(gw_token_cache_t *cache, uint32_t num_tokens, double us[operations])
{
    uint64_t state = 88172645463325252ull;
    size_t num_found = 0;
    for (size_t i = 0; i != operations; ++i) {
        size_t number = gw_random_below(&state, num_tokens);
        gw_str_t token = token_of(number);
        double start = thread_us();
        gw_token_entry_t *entry = gw_token_cache_find(cache, token, 1, 0);
        num_found += entry != NULL;
        if (entry == NULL)
            entry = add(cache, number);
        gw_token_cache_release(cache, entry);
        us[i] = thread_us() - start;
    }
    return num_found;
}

/** The same million several times: what takes long every time is the cache, what does so once is the machine. */
static void time_worst(size_t max_bytes)
{
    static double us[operations], least[operations];
    size_t num_found = 0, num_kept = 0;
    for (size_t k = 0; k != plays; ++k) {
        gw_token_cache_t *cache = gw_token_cache_create(max_bytes, key);
        num_found = play(cache, (uint32_t)(max_bytes / 900 * 2), us);
        for (size_t i = 0; i != operations; ++i)
            least[i] = k == 0 || us[i] < least[i] ? us[i] : least[i];
        num_kept = gw_token_cache_size(cache);
        gw_token_cache_free(cache);
        malloc_trim(0); /* each time the memory comes from the system */
    }
    double median = median_of(least, operations);
    printf("| %zu | %zu | %.0f %% | %.2f | %.2f | %.2f |\n", max_bytes / mib, num_kept,
           (double)num_found * 100 / operations, median, least[operations - operations / 10000], least[operations - 1]);
}

/** @return bytes of memory that this process takes */
static size_t resident(void)
{
    size_t pages;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*u %zu", &pages) != 1)
        err(1, "/proc/self/statm");
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/** @return true when the memory is within the budget */
static bool show_bytes(size_t max_bytes)
{
    malloc_trim(0);
    size_t before = resident();
    gw_token_cache_t *cache = create_full(max_bytes, 100000);
    size_t grown = resident() - before, num = gw_token_cache_size(cache);
    printf("| %zu | %zu | %.0f | %.0f | %.2f |\n", max_bytes / mib, num,
           (double)gw_token_cache_bytes(cache) / (double)num, (double)grown / (double)num,
           (double)grown / (double)max_bytes);
    gw_token_cache_free(cache);
    return grown <= max_bytes + max_bytes / 50;
}

int main(void)
{
    set_up_token();
    printf("| MiB | of 100,000 kept | bytes each, counted | bytes each, process | process / budget "
           "|\n|---|---|---|---|---|\n");
    bool is_within = show_bytes((size_t)16 * mib); /* first, while the heap has no room left over */
    is_within = show_bytes((size_t)128 * mib) && is_within;
    printf("\n");
    time_finding();
    printf("\n| MiB | tokens kept | found | us median | us 99.99 %% | us worst of 1,000,000 "
           "|\n|---|---|---|---|---|---|\n");
    time_worst((size_t)16 * mib);
    time_worst((size_t)128 * mib);
    return is_within ? 0 : 1;
}
