/* SPDX-License-Identifier: MIT
 * What the micro benchmarks time with, and the middle of several timings. */
#ifndef TESTS_BENCH_CLOCK_H
#define TESTS_BENCH_CLOCK_H

#include <stdlib.h>
#include <time.h>

/** @return CPU time of this process */
static inline double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/** Sorts them: the least is the first, the greatest the last.  @return the median */
static inline double median_of(double *numbers, size_t num)
{
    qsort(numbers, num, sizeof(*numbers), compare_numbers);
    return numbers[num / 2];
}

#endif
