/* SPDX-License-Identifier: MIT
 * networks: nanoseconds of CPU time that finding the most specific network of an address takes among 10 and among
 * 100,000, milliseconds for building the set and bytes for each network.  Addresses are random: half of them lie in a
 * network, and no two look-ups in a row are near each other.  Prints a Markdown table.  Compiled by
 * tests/bench/networks; times nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "gateway/base/networks.h"
#include "gateway/base/random.h"

#define LOOK_UPS  2000000
#define ADDRESSES 65536
#define ROUNDS    7

typedef struct bench {
    const char *name;
    gw_cidr_t *cidrs;
    size_t num;
    gw_networks_t *networks;
    uint8_t (*addresses)[16];
    double find_ns[ROUNDS], build_ms[ROUNDS];
} bench_t;

static uint64_t state = 88172645463325252ull;
static volatile unsigned sink;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void random_bytes(uint8_t *bytes, size_t num)
{
    for (size_t i = 0; i != num; ++i)
        bytes[i] = (uint8_t)(gw_random_next(&state) >> 13);
}

/** As such lists are: IPv4 /32 to /16, IPv6 of 2000::/3, /64 to /29 */
static gw_cidr_t random_cidr(bool is_ipv4)
{
    gw_cidr_t cidr;
    random_bytes(cidr.address, 16);
    if (is_ipv4) {
        uint8_t bytes[4];
        random_bytes(bytes, 4);
        gw_address_from_ipv4(cidr.address, bytes);
        cidr.bits = 96 + 32 - (unsigned)(gw_random_next(&state) % 17);
    } else {
        cidr.address[0] = (uint8_t)(0x20 | (cidr.address[0] & 0x1f));
        cidr.bits = 64 - (unsigned)(gw_random_next(&state) % 36);
    }
    for (unsigned bit = cidr.bits; bit != 128; ++bit)
        cidr.address[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
    return cidr;
}

static void create(bench_t *bench, const char *name, size_t num, bool is_ipv4)
{
    *bench = (bench_t){.name = name, .num = num};
    bench->cidrs = calloc(num, sizeof(*bench->cidrs));
    bench->addresses = calloc(ADDRESSES, 16);
    for (size_t i = 0; i != num; ++i)
        bench->cidrs[i] = random_cidr(is_ipv4);
    for (size_t i = 0; i != ADDRESSES; ++i) {
        uint8_t *address = bench->addresses[i];
        gw_cidr_t cidr = i % 2 != 0 ? bench->cidrs[gw_random_next(&state) % num] : random_cidr(is_ipv4);
        random_bytes(address, 16);
        for (unsigned bit = 0; bit != cidr.bits; ++bit) {
            address[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
            address[bit / 8] |= cidr.address[bit / 8] & (uint8_t)(0x80 >> bit % 8);
        }
    }
}

static void run(bench_t *bench, size_t round)
{
    double start = seconds();
    gw_networks_free(bench->networks);
    bench->networks = gw_networks_create(bench->cidrs, bench->num);
    bench->build_ms[round] = (seconds() - start) * 1e3;
    unsigned sum = 0;
    start = seconds();
    for (size_t i = 0; i != LOOK_UPS; ++i)
        sum += gw_networks_find(bench->networks, bench->addresses[i % ADDRESSES]);
    bench->find_ns[round] = (seconds() - start) * 1e9 / LOOK_UPS;
    sink = sum;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(void)
{
    static bench_t benches[4];
    create(&benches[0], "10 of IPv4", 10, true);
    create(&benches[1], "100,000 of IPv4", 100000, true);
    create(&benches[2], "10 of IPv6", 10, false);
    create(&benches[3], "100,000 of IPv6", 100000, false);
    for (size_t round = 0; round != ROUNDS; ++round) /* in turn, so that all see the same machine */
        for (size_t i = 0; i != 4; ++i)
            run(&benches[i], round);
    printf("| networks | ns a look-up | ms to build | bytes each |\n|---|---|---|---|\n");
    for (size_t i = 0; i != 4; ++i) {
        bench_t *bench = &benches[i];
        qsort(bench->find_ns, ROUNDS, sizeof(double), compare);
        qsort(bench->build_ms, ROUNDS, sizeof(double), compare);
        printf("| %s | %.1f (%.1f..%.1f) | %.2f | %.1f |\n", bench->name, bench->find_ns[ROUNDS / 2], bench->find_ns[0],
               bench->find_ns[ROUNDS - 1], bench->build_ms[ROUNDS / 2],
               (double)gw_networks_bytes(bench->networks) / (double)bench->num);
    }
    return 0;
}
