/* SPDX-License-Identifier: MIT
 * A storm of everything at once.  A few seconds of it; SLUICE_SOAK_S says how many else (./dev soak), and the memory is
 * to stay the same then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>
#include "tests/support/cache_storm.h"

/** With another capacity now and then, which changes the store while it is in use. */
static void write_conf(gateway_t *gateway, const cache_origin_t *origin, size_t nth)
{
    char options[128];
    snprintf(options, sizeof(options), "capacity: %dMiB, max_object: 100KiB, purge: { from: [127.0.0.0/8] }",
             nth % 4 == 2 ? 3 : 2);
    cached_write_conf(gateway, origin, options, "");
}

static void nothing_wrong_is_ever_served(void **state)
{
    const char *soak_s = getenv("SLUICE_SOAK_S");
    uint64_t ms = soak_s != NULL ? strtoul(soak_s, NULL, 10) * 1000 : 4000;
    unsigned long seed = (unsigned long)time(NULL);
    size_t rss_kib[2];
    cache_origin_t *origin = cache_origin_start(&(plan_t){.size = 1});
    gateway_t *gateway =
        cached_gateway(origin, "capacity: 2MiB, max_object: 100KiB, purge: { from: [127.0.0.0/8] }", "");
    storm_tally_t tally = storm_run(origin, gateway, ms, seed, write_conf, rss_kib);
    printf(
        "seed %lu: %zu hits, %zu misses, %zu collapsed, %zu passed, %zu changes, %zu purges (%zu refused), %zu left; "
        "RSS %zu, then %zu KiB\n",
        seed, tally.num_hits, tally.num_misses, tally.num_collapsed, tally.num_passed, tally.num_changes,
        tally.num_purges, tally.num_busy, tally.num_left, rss_kib[0], rss_kib[1]);
    for (size_t i = 0; i != tally.num_faults && i != STORM_FAULTS; ++i)
        fprintf(stderr, "%s\n", tally.faults[i]);
    assert_int_equal(tally.num_faults, 0);
    assert_true(tally.num_hits != 0 && tally.num_misses != 0 && tally.num_changes != 0 && tally.num_purges != 0);
    if (soak_s != NULL && !IS_SANITIZED && rss_kib[1] > rss_kib[0] + rss_kib[0] / 20)
        fail_msg("the memory grows: %zu KiB, then %zu KiB", rss_kib[0], rss_kib[1]);
    gateway_stop(gateway);
    cache_origin_stop(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_wrong_is_ever_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
