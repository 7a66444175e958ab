/* SPDX-License-Identifier: MIT
 * Ages, what is left of a lifetime, and what may be done with a stored response: by rows, and by comparison with the
 * formulas of RFC 9111 in numbers that cannot overflow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include "filters/cache/freshness.h"
#include "gateway/base/random.h"

#define WALL    INT64_C(784111777)
#define CAME    INT64_C(5000000) /* ms */
#define LONGEST ((int64_t)GW_CACHE_ANY_AGE)
#define NO_DATE INT64_MIN

static void the_age_of_an_arrival_is_the_larger_of_two(void **state)
{
    static const struct {
        const char *about;
        int64_t delay_ms, date_s;
        uint64_t age_s;
        int64_t expected_ms;
    } cases[] = {
        {"RFC 9111 4.2.3: neither Date nor Age", 0, NO_DATE, 0, 0},
        {"RFC 9111 4.2.3: response_delay", 250, NO_DATE, 0, 250},
        {"RFC 9111 4.2.3: apparent_age", 0, WALL - 7, 0, 7000},
        {"RFC 9111 4.2.3: age_value", 0, WALL, 30, 30000},
        {"RFC 9111 4.2.3: corrected_age_value", 1500, WALL, 30, 31500},
        {"RFC 9111 4.2.3: apparent_age is larger", 1500, WALL - 32, 30, 32000},
        {"RFC 9111 4.2.3: apparent_age is not added to the delay", 1500, WALL - 7, 0, 7000},
        {"RFC 9111 4.2.3: a Date in the future is an apparent age of 0", 40, WALL + 3600, 0, 40},
        {"RFC 9111 4.2.3: and does not make Age smaller", 0, WALL + 3600, 5, 5000},
        {"a clock that went back while it was asked", -500, NO_DATE, 3, 3000},
        {"RFC 9111 1.2.2: Age 2^31 - 1", 0, NO_DATE, LONGEST - 1, (LONGEST - 1) * 1000},
        {"RFC 9111 1.2.2: Age 2^31", 0, NO_DATE, LONGEST, LONGEST * 1000},
        {"RFC 9111 1.2.2: Age 2^31 and a delay", 9000, NO_DATE, LONGEST, LONGEST * 1000},
        {"RFC 9111 1.2.2: Age 2^31 + 1", 0, NO_DATE, LONGEST + 1, LONGEST * 1000},
        {"RFC 9111 1.2.2: the largest Age", 0, NO_DATE, UINT64_MAX, LONGEST * 1000},
        {"RFC 9111 1.2.2: a Date long ago", 0, WALL - 2 * LONGEST, 0, LONGEST * 1000},
        {"RFC 9111 1.2.2: the smallest Date", 0, INT64_MIN + 1, 0, LONGEST * 1000},
        {"the largest Date", 0, INT64_MAX, 0, 0},
        {"an endless delay", INT64_MAX - 1, NO_DATE, 0, LONGEST * 1000},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_cache_arrival_t arrival = {.asked_ms = CAME - cases[i].delay_ms,
                                      .came_ms = CAME,
                                      .came_wall_s = WALL,
                                      .date_s = cases[i].date_s,
                                      .age_s = cases[i].age_s};
        int64_t age = CAME - gw_cache_born(&arrival);
        if (age != cases[i].expected_ms)
            fail_msg("%s: it is %lld ms", cases[i].about, (long long)age);
    }
}

static void age_is_said_in_seconds_and_what_is_left_in_milliseconds(void **state)
{
    static const struct {
        const char *about;
        int64_t born_ms;
        uint64_t lifetime_ms;
        int64_t now_ms;
        uint64_t age_s;
        int64_t left_ms;
    } cases[] = {
        {"RFC 9111 5.1: just born", 1000, 5000, 1000, 0, 5000},
        {"RFC 9111 5.1: rounded down", 1000, 5000, 2999, 1, 3001},
        {"RFC 9111 4.2: a millisecond is left", 1000, 5000, 5999, 4, 1},
        {"RFC 9111 4.2: nothing is left", 1000, 5000, 6000, 5, 0},
        {"RFC 9111 4.2: overdue", 1000, 5000, 8500, 7, -2500},
        {"no lifetime", 1000, 0, 1000, 0, 0},
        {"before it was born", 1000, 5000, 10, 0, 5000},
        {"born before the clock began", -1000, 5000, 0, 1, 4000},
        {"RFC 9111 1.2.2: the longest lifetime", 0, UINT64_MAX, 0, 0, LONGEST * 1000},
        {"RFC 9111 1.2.2: the longest lifetime ends", 0, UINT64_MAX, LONGEST * 1000, GW_CACHE_ANY_AGE, 0},
        {"RFC 9111 1.2.2: the largest age", INT64_MIN, 5000, INT64_MAX, GW_CACHE_ANY_AGE, 5000 - LONGEST * 1000},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_cache_life_t life = {.born_ms = cases[i].born_ms, .lifetime_ms = cases[i].lifetime_ms};
        uint64_t age = gw_cache_age_s(&life, cases[i].now_ms);
        int64_t left = gw_cache_left_ms(&life, cases[i].now_ms);
        if (age != cases[i].age_s || left != cases[i].left_ms)
            fail_msg("%s: age %llu s, %lld ms left", cases[i].about, (unsigned long long)age, (long long)left);
    }
}

static gw_cache_request_directives_t request_of(const char *control, const char *pragma)
{
    gw_str_t control_line = gw_str_of(control), pragma_line = gw_str_of(pragma);
    gw_cache_request_directives_t directives;
    gw_cache_request_directives(&control_line, control != NULL, &pragma_line, pragma != NULL, &directives);
    return directives;
}

static void what_may_be_done_follows_from_age_and_directives(void **state)
{
#define LIFE(...)                                                                                                      \
    {                                                                                                                  \
        .lifetime_ms = 10000, __VA_ARGS__                                                                              \
    }
    static const struct {
        const char *about;
        gw_cache_life_t life; /* born at 0 */
        int64_t now_ms;
        const char *control, *pragma;
        bool is_soft_purged;
        gw_cache_use_t use;
    } cases[] = {
        {"RFC 9111 4.2: fresh", LIFE(), 9999, NULL, NULL, false, GW_USE_FRESH},
        {"RFC 9111 4.2: the lifetime must be more than the age", LIFE(), 10000, NULL, NULL, false, GW_USE_VALIDATED},
        {"RFC 9111 4.2.4: stale", LIFE(), 10001, NULL, NULL, false, GW_USE_VALIDATED},
        {"RFC 9111 5.2.2.4: no-cache", LIFE(.must_validate = true), 1, NULL, NULL, false, GW_USE_VALIDATED},
        {"RFC 9111 5.2.2.4: against max-stale", LIFE(.must_validate = true), 1, "max-stale", NULL, false,
         GW_USE_VALIDATED},
        {"RFC 9111 5.2.2.4: against stale-while-revalidate", LIFE(.must_validate = true, .while_revalidate_ms = 60000),
         10001, NULL, NULL, false, GW_USE_VALIDATED},
        {"RFC 9111 5.2.2.2: must-revalidate while it is fresh", LIFE(.never_stale = true), 9999, NULL, NULL, false,
         GW_USE_FRESH},
        {"RFC 9111 5.2.2.2: must-revalidate when it is stale", LIFE(.never_stale = true), 10000, NULL, NULL, false,
         GW_USE_VALIDATED},
        {"RFC 9111 5.2.2.2: against max-stale", LIFE(.never_stale = true), 10001, "max-stale", NULL, false,
         GW_USE_VALIDATED},
        {"RFC 9111 5.2.2.2: against stale-while-revalidate", LIFE(.never_stale = true, .while_revalidate_ms = 60000),
         10001, NULL, NULL, false, GW_USE_VALIDATED},
        {"RFC 9111 5.2.1.4: no-cache", LIFE(), 1, "no-cache", NULL, false, GW_USE_VALIDATED},
        {"RFC 9111 5.2.1.4: together with max-stale", LIFE(), 1, "no-cache, max-stale", NULL, false, GW_USE_VALIDATED},
        {"RFC 9111 5.4: Pragma", LIFE(), 1, NULL, "no-cache", false, GW_USE_VALIDATED},
        {"RFC 9111 5.4: Pragma beside Cache-Control", LIFE(), 1, "foo", "no-cache", false, GW_USE_FRESH},
        {"RFC 9111 5.2.1.5: no-store is not about what is stored already", LIFE(), 1, "no-store", NULL, false,
         GW_USE_FRESH},
        {"RFC 9111 5.2.1.1: max-age is not exceeded", LIFE(), 5000, "max-age=5", NULL, false, GW_USE_FRESH},
        {"RFC 9111 5.2.1.1: max-age is exceeded", LIFE(), 5001, "max-age=5", NULL, false, GW_USE_VALIDATED},
        {"RFC 9111 5.2.1.1: max-age=0", LIFE(), 1, "max-age=0", NULL, false, GW_USE_VALIDATED},
        {"RFC 9111 5.2.1.1: max-age=0 in the same millisecond", LIFE(), 0, "max-age=0", NULL, false, GW_USE_VALIDATED},
        {"RFC 9111 5.2.1.1: max-age does not make a lifetime longer", LIFE(), 10001, "max-age=60", NULL, false,
         GW_USE_VALIDATED},
        {"RFC 9111 5.2.1.1: with max-age nothing stale is taken", LIFE(.while_revalidate_ms = 60000), 10001,
         "max-age=60", NULL, false, GW_USE_VALIDATED},
        {"RFC 9111 5.2.1.1: unless max-stale is there", LIFE(.while_revalidate_ms = 60000), 10001,
         "max-age=60, max-stale=1", NULL, false, GW_USE_WHILE_REVALIDATE},
        {"RFC 9111 5.2.1.1: max-age is exceeded, whatever max-stale says", LIFE(), 10001, "max-age=5, max-stale", NULL,
         false, GW_USE_VALIDATED},
        {"RFC 9111 5.2.1.1: the largest max-age", LIFE(), 1, "max-age=99999999999", NULL, false, GW_USE_FRESH},
        {"RFC 9111 5.2.1.2: max-stale", LIFE(), 15000, "max-stale=5", NULL, false, GW_USE_STALE},
        {"RFC 9111 5.2.1.2: max-stale is exceeded", LIFE(), 15001, "max-stale=5", NULL, false, GW_USE_VALIDATED},
        {"RFC 9111 5.2.1.2: max-stale=0", LIFE(), 10001, "max-stale=0", NULL, false, GW_USE_VALIDATED},
        {"RFC 9111 5.2.1.2: without a number any", LIFE(), INT64_MAX, "max-stale", NULL, false, GW_USE_STALE},
        {"RFC 9111 5.2.1.2: nothing of it while it is fresh", LIFE(), 1, "max-stale=5", NULL, false, GW_USE_FRESH},
        {"RFC 9111 5.2.1.3: min-fresh", LIFE(), 5000, "min-fresh=5", NULL, false, GW_USE_FRESH},
        {"RFC 9111 5.2.1.3: min-fresh is not met", LIFE(), 5001, "min-fresh=5", NULL, false, GW_USE_VALIDATED},
        {"RFC 9111 5.2.1.3: min-fresh=0 is not met by a stale one", LIFE(.while_revalidate_ms = 60000), 10000,
         "min-fresh=0", NULL, false, GW_USE_VALIDATED},
        {"RFC 9111 5.2.1.3: nor by max-stale", LIFE(), 10001, "min-fresh=0, max-stale", NULL, false, GW_USE_VALIDATED},
        {"RFC 5861 3: at once when it is stale", LIFE(.while_revalidate_ms = 5000), 10000, NULL, NULL, false,
         GW_USE_WHILE_REVALIDATE},
        {"RFC 5861 3: to its end", LIFE(.while_revalidate_ms = 5000), 14999, NULL, NULL, false,
         GW_USE_WHILE_REVALIDATE},
        {"RFC 5861 3: not longer", LIFE(.while_revalidate_ms = 5000), 15000, NULL, NULL, false, GW_USE_VALIDATED},
        {"RFC 5861 3: not while it is fresh", LIFE(.while_revalidate_ms = 5000), 9999, NULL, NULL, false, GW_USE_FRESH},
        {"RFC 5861 3: of no length", LIFE(.while_revalidate_ms = 0), 10000, NULL, NULL, false, GW_USE_VALIDATED},
        {"RFC 5861 3: without end", LIFE(.while_revalidate_ms = UINT64_MAX), INT64_MAX, NULL, NULL, false,
         GW_USE_WHILE_REVALIDATE},
        {"RFC 5861 3: max-stale goes on behind it", LIFE(.while_revalidate_ms = 5000), 16000, "max-stale=10", NULL,
         false, GW_USE_STALE},
        {"RFC 5861 4: stale-if-error is nothing without an error", LIFE(.if_error_ms = 60000), 10001, NULL, NULL, false,
         GW_USE_VALIDATED},
        {"RFC 8246 2: a reload of what is immutable", LIFE(.is_immutable = true), 1, "max-age=0", NULL, false,
         GW_USE_FRESH},
        {"RFC 8246 2: only while it is fresh", LIFE(.is_immutable = true), 10001, "max-age=0", NULL, false,
         GW_USE_VALIDATED},
        {"RFC 8246 2: no-cache asks nevertheless", LIFE(.is_immutable = true), 1, "no-cache, max-age=0", NULL, false,
         GW_USE_VALIDATED},
        {"RFC 8246 2: min-fresh is another thing", LIFE(.is_immutable = true), 1, "min-fresh=60", NULL, false,
         GW_USE_VALIDATED},
        {"purged softly it is stale", LIFE(), 1, NULL, NULL, true, GW_USE_VALIDATED},
        {"purged softly, with grace", LIFE(.while_revalidate_ms = 5000), 1, NULL, NULL, true, GW_USE_WHILE_REVALIDATE},
        {"purged softly, for a client that takes it", LIFE(), 1, "max-stale=0", NULL, true, GW_USE_STALE},
        {"purged softly, when it may never be stale", LIFE(.never_stale = true, .while_revalidate_ms = 5000), 1, NULL,
         NULL, true, GW_USE_VALIDATED},
        {"purged softly, when it was immutable", LIFE(.is_immutable = true), 1, "max-age=0", NULL, true,
         GW_USE_VALIDATED},
        {"purged softly when it was long stale", LIFE(.while_revalidate_ms = 5000), 16000, NULL, NULL, true,
         GW_USE_VALIDATED},
    };
    static const char *const words[] = {"fresh", "stale", "while it is validated", "to be validated"};
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_cache_request_directives_t request = request_of(cases[i].control, cases[i].pragma);
        bool says_nothing = cases[i].control == NULL && cases[i].pragma == NULL;
        gw_cache_use_t use = gw_cache_use(&cases[i].life, &request, cases[i].is_soft_purged, cases[i].now_ms);
        if (use != cases[i].use)
            fail_msg("%s: %s", cases[i].about, words[use]);
        if (says_nothing)
            assert_int_equal(gw_cache_use(&cases[i].life, NULL, cases[i].is_soft_purged, cases[i].now_ms), use);
    }
}

static void a_stale_one_may_stand_for_an_error_where_that_is_allowed(void **state)
{
    static const struct {
        const char *about;
        gw_cache_life_t life; /* born at 0 */
        int64_t now_ms;
        const char *control;
        bool may;
    } cases[] = {
        {"nothing is said", LIFE(), 10001, NULL, false},
        {"RFC 5861 4: at once when it is stale", LIFE(.if_error_ms = 5000), 10000, NULL, true},
        {"RFC 5861 4: to its end", LIFE(.if_error_ms = 5000), 14999, NULL, true},
        {"RFC 5861 4: not longer", LIFE(.if_error_ms = 5000), 15000, NULL, false},
        {"RFC 5861 4: without end", LIFE(.if_error_ms = UINT64_MAX), INT64_MAX, NULL, true},
        {"RFC 5861 4: stale-while-revalidate is another thing", LIFE(.while_revalidate_ms = 5000), 10001, NULL, false},
        {"RFC 5861 4: the request allows it", LIFE(), 10001, "stale-if-error=1", true},
        {"RFC 5861 4: the request allows more", LIFE(.if_error_ms = 5000), 16000, "stale-if-error=7", true},
        {"RFC 5861 4: the request allows less", LIFE(.if_error_ms = 5000), 12000, "stale-if-error=2", false},
        {"RFC 5861 4: the request allows nothing", LIFE(.if_error_ms = 5000), 10000, "stale-if-error=0", false},
        {"RFC 5861 4: whatever else it says of freshness", LIFE(.if_error_ms = 5000), 10001, "max-age=0", true},
        {"RFC 9111 4.2.4: must-revalidate", LIFE(.never_stale = true, .if_error_ms = 5000), 10000, NULL, false},
        {"RFC 9111 4.2.4: whatever the request allows", LIFE(.never_stale = true), 10001, "stale-if-error=60", false},
        {"RFC 9111 5.2.2.4: no-cache", LIFE(.must_validate = true, .if_error_ms = 5000), 1, NULL, false},
        {"RFC 9111 5.2.2.4: whatever the request allows", LIFE(.must_validate = true), 1, "stale-if-error=60", false},
        {"RFC 9111 5.2.1.4: the request's no-cache", LIFE(.if_error_ms = 5000), 10001, "no-cache", false},
        {"fresh, for a client that wanted it younger", LIFE(.if_error_ms = 5000), 5000, "max-age=1", true},
        {"fresh, where nothing is allowed", LIFE(), 5000, "max-age=1", false},
        {"must-revalidate while it is fresh", LIFE(.never_stale = true, .if_error_ms = 5000), 9999, "max-age=1", true},
    };
    for (size_t i = 0; i != sizeof(cases) / sizeof(cases[0]); ++i) {
        gw_cache_request_directives_t request = request_of(cases[i].control, NULL);
        print_message("%s\n", cases[i].about);
        assert_int_equal(gw_cache_may_use_on_error(&cases[i].life, &request, cases[i].now_ms), cases[i].may);
        if (cases[i].control == NULL)
            assert_int_equal(gw_cache_may_use_on_error(&cases[i].life, NULL, cases[i].now_ms), cases[i].may);
    }
    gw_cache_request_directives_t pragma = request_of(NULL, "no-cache");
    gw_cache_life_t life = LIFE(.if_error_ms = 5000);
    assert_false(gw_cache_may_use_on_error(&life, &pragma, 10001));
}

/* exact arithmetic ------------------------------------------------------------------------------------------------- */

typedef __int128 exact_t;

static exact_t larger(exact_t a, exact_t b)
{
    return a > b ? a : b;
}

static exact_t smaller(exact_t a, exact_t b)
{
    return a < b ? a : b;
}

/* RFC 9111 4.2.3 in milliseconds; 1.2.2 at the end */
static exact_t exact_initial_age(const gw_cache_arrival_t *arrival)
{
    exact_t apparent_age = 0;
    if (arrival->date_s != NO_DATE)
        apparent_age = larger(0, ((exact_t)arrival->came_wall_s - arrival->date_s) * 1000);
    exact_t response_delay = larger(0, (exact_t)arrival->came_ms - arrival->asked_ms);
    exact_t corrected_age_value = (exact_t)arrival->age_s * 1000 + response_delay;
    return smaller(larger(apparent_age, corrected_age_value), (exact_t)GW_CACHE_ANY_AGE_MS);
}

/* now_ms - came_ms is resident_time */
static exact_t exact_current_age(const gw_cache_arrival_t *arrival, int64_t now_ms)
{
    exact_t resident_time = (exact_t)now_ms - arrival->came_ms;
    return smaller(larger(0, exact_initial_age(arrival) + resident_time), (exact_t)GW_CACHE_ANY_AGE_MS);
}

/* numbers as they come, those near limits, and any at all */
static int64_t pick(uint64_t *random, int64_t near)
{
    static const int64_t limits[] = {0, 1, 2147483647, 2147483648, 2147483649, 4294967295, 4294967296, INT64_MAX};
    int64_t offset = (int64_t)gw_random_below(random, 4001) - 2000;
    int64_t far = (int64_t)gw_random_below(random, 4000000000u) - 2000000000;
    switch (gw_random_below(random, 4)) {
    case 0:
        return (int64_t)((uint64_t)near + (uint64_t)offset);
    case 1:
        return (int64_t)((uint64_t)near + (uint64_t)far);
    case 2: {
        int64_t limit = limits[gw_random_below(random, sizeof(limits) / sizeof(limits[0]))];
        return limit > 3000 && offset > 0 ? limit - offset : limit == 0 ? 0 : limit;
    }
    default:
        return (int64_t)gw_random_next(random);
    }
}

static int64_t pick_positive(uint64_t *random, int64_t near)
{
    int64_t number = pick(random, near);
    return number >= 0 ? number : number == INT64_MIN ? INT64_MAX : -number;
}

static void ages_are_what_exact_arithmetic_makes_of_them(void **state)
{
    uint64_t random = 91110423;
    for (int i = 0; i != 1000000; ++i) {
        gw_cache_arrival_t arrival = {.came_ms = pick_positive(&random, CAME), .came_wall_s = pick(&random, WALL)};
        arrival.asked_ms = pick_positive(&random, arrival.came_ms); /* a step of the clock: also later than it came */
        arrival.date_s = gw_random_below(&random, 8) == 0 ? NO_DATE : pick(&random, WALL);
        arrival.age_s = (uint64_t)pick(&random, 30);
        gw_cache_life_t life = {.born_ms = gw_cache_born(&arrival), .lifetime_ms = (uint64_t)pick(&random, 60000)};
        assert_true((exact_t)arrival.came_ms - life.born_ms == exact_initial_age(&arrival));

        int64_t now = pick_positive(&random, arrival.came_ms), later = pick_positive(&random, now);
        exact_t age = exact_current_age(&arrival, now);
        exact_t lifetime = smaller((exact_t)life.lifetime_ms, (exact_t)GW_CACHE_ANY_AGE_MS);
        assert_true(gw_cache_age_s(&life, now) == (uint64_t)(age / 1000));
        assert_true(gw_cache_left_ms(&life, now) == (int64_t)(lifetime - age));
        assert_true((gw_cache_use(&life, NULL, false, now) == GW_USE_FRESH) == (lifetime > age));

        int64_t first = now < later ? now : later, second = now < later ? later : now; /* never younger */
        assert_true(gw_cache_age_s(&life, first) <= gw_cache_age_s(&life, second));
        assert_true(gw_cache_left_ms(&life, first) >= gw_cache_left_ms(&life, second));
        assert_true(gw_cache_age_s(&life, second) <= GW_CACHE_ANY_AGE);
    }
}

static void an_arrival_is_never_younger_for_a_larger_age_or_an_older_date(void **state)
{
    uint64_t random = 5;
    for (int i = 0; i != 200000; ++i) {
        gw_cache_arrival_t arrival = {.came_ms = CAME, .came_wall_s = WALL};
        arrival.asked_ms = pick_positive(&random, CAME);
        arrival.date_s = pick(&random, WALL);
        arrival.age_s = (uint64_t)pick(&random, 30);
        gw_cache_arrival_t older = arrival;
        older.age_s += older.age_s != UINT64_MAX;
        assert_true(gw_cache_born(&older) <= gw_cache_born(&arrival));
        older = arrival;
        older.date_s -= older.date_s > INT64_MIN + 1;
        assert_true(gw_cache_born(&older) <= gw_cache_born(&arrival));
        older = arrival;
        older.asked_ms -= older.asked_ms > 0;
        assert_true(gw_cache_born(&older) <= gw_cache_born(&arrival));
        assert_true(gw_cache_born(&arrival) <= CAME);
    }
}

/* once it may only be used with the origin's word it stays so, and what a request asks for never makes more possible,
 * but for max-stale */
static void time_and_requests_only_ever_restrict(void **state)
{
    static const char *const controls[] = {"max-age=3", "min-fresh=3", "no-cache", "no-store",
                                           "max-age=9, min-fresh=1"};
    uint64_t random = 861;
    for (int i = 0; i != 200000; ++i) {
        gw_cache_life_t life = {.lifetime_ms = gw_random_below(&random, 10000),
                                .while_revalidate_ms = gw_random_below(&random, 5000),
                                .if_error_ms = gw_random_below(&random, 5000),
                                .must_validate = gw_random_below(&random, 8) == 0,
                                .never_stale = gw_random_below(&random, 4) == 0,
                                .is_immutable = gw_random_below(&random, 4) == 0};
        gw_cache_request_directives_t request = request_of(controls[gw_random_below(&random, 5)], NULL);
        int64_t now = gw_random_below(&random, 20000), later = now + gw_random_below(&random, 5000);
        gw_cache_use_t use = gw_cache_use(&life, NULL, false, now);
        assert_true(gw_cache_use(&life, NULL, false, later) >= use);
        assert_true(gw_cache_use(&life, &request, false, now) >= use);
        assert_true(gw_cache_use(&life, NULL, true, now) >= use);
        assert_true(gw_cache_may_use_on_error(&life, NULL, now) || !gw_cache_may_use_on_error(&life, NULL, later));
        assert_true(gw_cache_may_use_on_error(&life, NULL, now) || !gw_cache_may_use_on_error(&life, &request, now));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_age_of_an_arrival_is_the_larger_of_two),
        cmocka_unit_test(age_is_said_in_seconds_and_what_is_left_in_milliseconds),
        cmocka_unit_test(what_may_be_done_follows_from_age_and_directives),
        cmocka_unit_test(a_stale_one_may_stand_for_an_error_where_that_is_allowed),
        cmocka_unit_test(ages_are_what_exact_arithmetic_makes_of_them),
        cmocka_unit_test(an_arrival_is_never_younger_for_a_larger_age_or_an_older_date),
        cmocka_unit_test(time_and_requests_only_ever_restrict),
    };
    return cmocka_run_group_tests_name("test_cache_freshness", tests, NULL, NULL);
}
