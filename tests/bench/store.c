/* SPDX-License-Identifier: MIT
 * store: nanoseconds of CPU time that one look-up in the cache's store takes: finding an entry, pinning and unpinning
 * it, with 100 and 1,000,000 entries of 256 bytes, always the same one or any of them at random, by one, two and four
 * threads at once; the same while another thread replaces entries all the time; and bytes for each of 1,000,000
 * entries, as the store counts them and as the process has grown.  Prints Markdown tables; the exit status is 1 when
 * something was not found that should have been, or when the process has grown beyond the capacity by a twentieth. */
#include <err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "filters/cache/store/store.h"
#include "gateway/base/random.h"
#include "gateway/base/siphash.h"
#include "tests/bench/clock.h"

enum { rounds = 7, lookups = 1000000, max_threads = 4, million = 1000000, head_bytes = 256, body_bytes = 120 };

typedef struct work { /* of a thread */
    gw_cache_store_t *store;
    gw_cache_seat_t *seat;
    pthread_barrier_t *barrier;
    uint64_t seed, num_missed;
    uint32_t num_keys; /* of which one is asked for; 1: always the same */
    double ns;         /* a look-up */
} work_t;

static double thread_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/** The hashes of a URL, made by something cheap: what siphash costs is not the question. */
static gw_cache_key_t key_of(uint64_t number)
{
    uint64_t seed = number + 1, url = gw_random_next(&seed);
    return (gw_cache_key_t){url, gw_random_next(&seed)};
}

static void store_one(gw_cache_store_t *store, uint64_t number)
{
    char url[40], bytes[body_bytes] = {0};
    struct iovec slice = {bytes, sizeof(bytes)};
    gw_cache_labels_t labels = {
        .url = gw_str(url, (size_t)snprintf(url, sizeof(url), "/articles/%llu", (unsigned long long)number))};
    uint64_t sequence = gw_cache_sequence(store);
    gw_cache_entry_t *entry = gw_cache_entry_create(store, key_of(number), head_bytes, NULL);
    if (entry == NULL)
        errx(1, "no room for entry %llu", (unsigned long long)number);
    memset(entry->head, 0, head_bytes);
    if (!gw_cache_entry_append(store, entry, &slice, 1, sizeof(bytes)) ||
        gw_cache_publish(store, entry, NULL, &labels, sequence) != GW_CACHE_PUBLISHED)
        errx(1, "entry %llu could not be published", (unsigned long long)number);
}

static gw_cache_store_t *create(uint64_t num)
{
    gw_cache_store_rules_t rules = {(num + 1000) * 1200 + 16 * 1024 * 1024, 1024 * 1024, max_threads};
    gw_cache_store_t *store = gw_cache_store_create(&rules);
    if (store == NULL)
        err(1, "no store");
    for (uint64_t i = 0; i != num; ++i)
        store_one(store, i);
    if (gw_cache_store_figures(store).entries != num)
        errx(1, "%llu entries of %llu", (unsigned long long)gw_cache_store_figures(store).entries,
             (unsigned long long)num);
    return store;
}

static bool fits(void *variant, const gw_cache_entry_t *entry)
{
    return entry->variant.url == *(uint64_t *)variant;
}

static void *run_work(void *data)
{
    work_t *work = data;
    uint64_t variant = 0;
    pthread_barrier_wait(work->barrier);
    double start = thread_seconds();
    for (uint32_t i = 0; i != lookups; ++i) {
        gw_cache_key_t key = key_of(gw_random_below(&work->seed, work->num_keys));
        gw_cache_found_t found = gw_cache_find(work->store, work->seat, key, fits, &variant);
        if (found.entry != NULL)
            gw_cache_unpin(work->seat, found.entry);
        else
            ++work->num_missed;
    }
    work->ns = (thread_seconds() - start) * 1e9 / lookups;
    return NULL;
}

typedef struct replacer {
    gw_cache_store_t *store;
    uint32_t num_keys;
    atomic_bool is_over;
    uint64_t num;
} replacer_t;

static void *run_replacer(void *data)
{
    replacer_t *replacer = data;
    uint64_t seed = 4711;
    for (; !atomic_load_explicit(&replacer->is_over, memory_order_relaxed); ++replacer->num)
        store_one(replacer->store, gw_random_below(&seed, replacer->num_keys));
    return NULL;
}

/** @return nanoseconds of a look-up, all threads at once */
static double time_once(gw_cache_store_t *store, uint32_t num_keys, unsigned num_threads)
{
    static uint64_t seed = 88172645463325252ull;
    work_t works[max_threads];
    pthread_t threads[max_threads];
    pthread_barrier_t barrier;
    double sum = 0;
    pthread_barrier_init(&barrier, NULL, num_threads);
    for (unsigned i = 0; i != num_threads; ++i) {
        works[i] = (work_t){.store = store,
                            .seat = gw_cache_store_seat(store, i),
                            .barrier = &barrier,
                            .seed = gw_random_next(&seed),
                            .num_keys = num_keys};
        if (pthread_create(&threads[i], NULL, run_work, &works[i]) != 0)
            errx(1, "no thread");
    }
    for (unsigned i = 0; i != num_threads; ++i) {
        pthread_join(threads[i], NULL);
        sum += works[i].ns;
        if (works[i].num_missed != 0)
            errx(1, "%llu look-ups found nothing", (unsigned long long)works[i].num_missed);
    }
    pthread_barrier_destroy(&barrier);
    return sum / num_threads;
}

static void print_times(gw_cache_store_t *store, uint64_t num, uint32_t num_keys, unsigned num_threads,
                        bool is_replaced)
{
    replacer_t replacer = {.store = store, .num_keys = num_keys};
    pthread_t thread;
    double ns[rounds];
    if (is_replaced && pthread_create(&thread, NULL, run_replacer, &replacer) != 0)
        errx(1, "no thread");
    time_once(store, num_keys, num_threads);
    for (size_t k = 0; k != rounds; ++k)
        ns[k] = time_once(store, num_keys, num_threads);
    if (is_replaced) {
        atomic_store(&replacer.is_over, true);
        pthread_join(thread, NULL);
    }
    double median = median_of(ns, rounds);
    printf("| %llu | %s%s | %u | %.0f (%.0f..%.0f) |\n", (unsigned long long)num,
           num_keys == 1 ? "always the same" : "any", is_replaced ? ", while they are replaced" : "", num_threads,
           median, ns[0], ns[rounds - 1]);
}

/** @return bytes of memory that this process takes */
static uint64_t resident(void)
{
    uint64_t pages;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*u %lu", &pages) != 1)
        err(1, "/proc/self/statm");
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

int main(void)
{
    gw_cache_store_t *small = create(100); /* has OpenSSL make its random numbers ready */
    uint64_t before = resident();
    gw_cache_store_t *large = create(million);
    uint64_t grown = resident() - before;
    gw_cache_figures_t figures = gw_cache_store_figures(large);
    printf(
        "| entries | MiB of capacity | MiB, counted | MiB, process | bytes each, counted |\n|---|---|---|---|---|\n");
    printf("| %d | %.1f | %.1f | %.1f | %.0f |\n", million, (double)figures.capacity / (1024 * 1024),
           (double)figures.used / (1024 * 1024), (double)grown / (1024 * 1024), (double)figures.used / million);
    printf("\n| entries | asked for | threads | ns each |\n|---|---|---|---|\n");
    for (int i = 0; i != 2; ++i)
        for (int is_any = 0; is_any != 2; ++is_any) {
            uint32_t num = i == 0 ? 100 : million;
            for (unsigned num_threads = 1; num_threads <= max_threads; num_threads *= 2)
                print_times(i == 0 ? small : large, num, is_any ? num : 1, num_threads, false);
        }
    print_times(large, million, million, 1, true);
    gw_cache_store_unref(small);
    gw_cache_store_unref(large);
    return grown <= figures.capacity + figures.capacity / 20 ? 0 : 1;
}
