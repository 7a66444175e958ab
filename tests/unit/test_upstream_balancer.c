/* SPDX-License-Identifier: MIT
 * Choosing endpoints: shares, who is among them, loads and keys.  Chance comes from fixed seeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "gateway/base/hash.h"
#include "gateway/base/random.h"
#include "gateway/upstream/balancer.h"

#define NUM_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { MAX_ENDPOINTS = 1000, NUM_KEYS = 100000, NOW_MS = 5000000 };

/** A balancer, what it chooses from, and all that it may look at. */
typedef struct rig {
    gw_balancer_t balancer;
    gw_hash_ring_t *ring;
    gw_candidate_t candidates[MAX_ENDPOINTS];
    size_t num;
    gw_balancer_rules_t rules;
    uint64_t random;
    size_t turn;
    gw_choice_t choice;
    /* of each endpoint */
    char names[MAX_ENDPOINTS][32];
    uint64_t load[MAX_ENDPOINTS], chosen[MAX_ENDPOINTS];
    bool is_refused[MAX_ENDPOINTS];
    uint64_t total_load, load_factor, hash; /* for the hash */
    size_t num_asked;                       /* calls of `may` */
} rig_t;

static double distance(double a, double b)
{
    return a > b ? a - b : b - a;
}

static bool may(void *arg, uint32_t index)
{
    rig_t *rig = arg;
    ++rig->num_asked;
    return !rig->is_refused[index];
}

static uint64_t load(void *arg, uint32_t index)
{
    return ((rig_t *)arg)->load[index];
}

static void build(rig_t *rig)
{
    gw_balancer_build(&rig->balancer, rig->candidates, rig->num, &rig->rules, rig->choice.now_ms);
}

static void build_ring(rig_t *rig)
{
    const char *names[MAX_ENDPOINTS];
    uint32_t weights[MAX_ENDPOINTS];
    for (size_t i = 0; i != rig->num; ++i) {
        names[i] = rig->names[i];
        weights[i] = rig->candidates[i].is_backup ? 0 : rig->candidates[i].weight;
    }
    gw_hash_ring_free(rig->ring);
    rig->ring = gw_hash_ring_create(names, weights, rig->num);
}

/** @param weights of `num` endpoints, all of them well; NULL: 1 each */
static rig_t *rig_create(size_t num, const uint32_t *weights)
{
    rig_t *rig = calloc(1, sizeof(*rig));
    assert_non_null(rig);
    rig->num = num;
    for (size_t i = 0; i != num; ++i)
        rig->candidates[i] = (gw_candidate_t){.weight = weights != NULL ? weights[i] : 1, .is_usable = true};
    for (size_t i = 0; i != MAX_ENDPOINTS; ++i)
        snprintf(rig->names[i], sizeof(rig->names[i]), "http://10.1.%zu.%zu:8080", i / 250, i % 250);
    rig->random = 20240229;
    rig->load_factor = 12500;
    rig->choice = (gw_choice_t){
        .now_ms = NOW_MS, .random = &rig->random, .turn = &rig->turn, .may = may, .load = load, .arg = rig};
    build(rig);
    build_ring(rig);
    return rig;
}

static void rig_free(rig_t *rig)
{
    gw_balancer_dispose(&rig->balancer);
    gw_hash_ring_free(rig->ring);
    free(rig);
}

/* the ways to choose ----------------------------------------------------------------------------------------------- */

typedef struct method {
    const char *name;
    uint32_t (*choose)(rig_t *rig);
} method_t;

static uint32_t by_round_robin(rig_t *rig)
{
    return gw_balancer_round_robin(&rig->balancer, &rig->choice);
}

static uint32_t by_random(rig_t *rig)
{
    return gw_balancer_random(&rig->balancer, &rig->choice);
}

static uint32_t by_least_requests(rig_t *rig)
{
    return gw_balancer_least_requests(&rig->balancer, &rig->choice);
}

static uint32_t by_hash(rig_t *rig)
{
    rig->hash = gw_hash_mix(rig->hash + 1); /* another key each time */
    return gw_balancer_hash(&rig->balancer, rig->ring, rig->hash, rig->total_load, rig->load_factor, &rig->choice);
}

static const method_t round_robin = {"round robin", by_round_robin}, at_random = {"random", by_random},
                      least_requests = {"least requests", by_least_requests}, hashed = {"hash", by_hash};
static const method_t *const methods[] = {&round_robin, &at_random, &least_requests, &hashed};

/** Chooses `num` times and counts.  @param num_held requests that are under way all the time; the oldest one ends */
static void choose(rig_t *rig, const method_t *method, size_t num, size_t num_held)
{
    uint32_t *held = calloc(num_held + 1, sizeof(*held));
    assert_non_null(held);
    memset(rig->chosen, 0, sizeof(rig->chosen));
    memset(rig->load, 0, sizeof(rig->load));
    rig->total_load = 0;
    for (size_t i = 0; i != num + num_held; ++i) {
        uint32_t index = method->choose(rig);
        if (index >= rig->num)
            fail_msg("%s: nothing is chosen", method->name);
        if (i >= num_held) /* the beginning, when it fills up, is not counted */
            ++rig->chosen[index];
        if (num_held == 0)
            continue;
        if (i >= num_held)
            --rig->load[held[i % num_held]];
        else
            ++rig->total_load;
        held[i % num_held] = index;
        ++rig->load[index];
    }
    free(held);
}

static double share_of(const rig_t *rig, size_t index)
{
    uint64_t total = 0;
    for (size_t i = 0; i != rig->num; ++i)
        total += rig->chosen[i];
    return (double)rig->chosen[index] / (double)total;
}

/* shares ----------------------------------------------------------------------------------------------------------- */

static void requests_are_shared_by_weight(void **state)
{
    static const struct {
        const char *about;
        size_t num;
        uint32_t weights[10];
    } cases[] = {
        {"one", 1, {7}},
        {"equals", 4, {1, 1, 1, 1}},
        {"equals of another weight", 3, {256, 256, 256}},
        {"three to one", 2, {3, 1}},
        {"the light one first", 2, {1, 3}},
        {"three of them", 3, {5, 3, 2}},
        {"with a common divisor", 3, {50, 30, 20}},
        {"ten of them", 10, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
        {"the widest that there is", 2, {256, 1}},
        {"one without", 3, {2, 0, 1}},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        uint32_t total = 0;
        for (size_t k = 0; k != cases[i].num; ++k)
            total += cases[i].weights[k];
        for (size_t m = 0; m != 3; ++m) {
            rig_t *rig = rig_create(cases[i].num, cases[i].weights);
            choose(rig, methods[m], 200 * (size_t)total + 50000, methods[m] == &least_requests ? 30 * cases[i].num : 0);
            for (size_t k = 0; k != cases[i].num; ++k) {
                double expected = (double)cases[i].weights[k] / total, share = share_of(rig, k);
                if (distance(share, expected) > 0.015 || (expected == 0 && share != 0))
                    fail_msg("%s, %s: endpoint %zu gets %.2f %% instead of %.2f %%", methods[m]->name, cases[i].about,
                             k, share * 100, expected * 100);
            }
            rig_free(rig);
        }
    }
}

static void round_robin_is_exact_after_each_round(void **state)
{
    static const uint32_t weights[] = {12, 3, 6, 9};
    static const uint64_t expected[] = {4, 1, 2, 3};
    rig_t *rig = rig_create(4, weights);
    assert_int_equal(rig->balancer.size, 10);
    for (int round = 0; round != 3; ++round) {
        choose(rig, &round_robin, 10, 0);
        for (size_t i = 0; i != 4; ++i)
            assert_int_equal(rig->chosen[i], expected[i]);
    }
    rig_free(rig);
}

/** How far what an endpoint got is ever away from its share of what all got.  1: by one request. */
static double worst_lag(const rig_t *rig)
{
    const gw_balancer_t *balancer = &rig->balancer;
    double worst = 0;
    for (size_t i = 0; i != rig->num; ++i) {
        size_t num = 0;
        for (size_t at = 0; at != balancer->size; ++at) {
            num += balancer->entries[at] == i;
            double lag = distance((double)num, (double)(at + 1) * balancer->seats[i] / (double)balancer->size);
            if (lag > worst)
                worst = lag;
        }
    }
    return worst;
}

static void a_weight_is_spread_over_the_whole_round(void **state)
{
    static const struct {
        size_t num;
        uint32_t weights[6];
    } cases[] = {{2, {1, 1}},    {2, {5, 1}},    {2, {1, 5}},     {2, {7, 4}},           {2, {256, 1}},
                 {3, {5, 3, 2}}, {3, {2, 3, 5}}, {3, {50, 3, 1}}, {4, {40, 30, 20, 10}}, {6, {1, 2, 4, 8, 16, 32}}};
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        rig_t *rig = rig_create(cases[i].num, cases[i].weights);
        double lag = worst_lag(rig);
        if (lag > 1.5)
            fail_msg("case %zu: an endpoint is %.2f requests ahead or behind", i, lag);
        rig_free(rig);
    }
}

static void round_robin_goes_on_where_it_was_when_endpoints_change(void **state)
{
    rig_t *rig = rig_create(5, NULL);
    for (size_t i = 0; i != 10000; ++i) { /* one that comes and goes all the time must not favour its neighbour */
        if (i % 7 == 0) {
            rig->candidates[4].is_usable = !rig->candidates[4].is_usable;
            build(rig);
        }
        ++rig->chosen[by_round_robin(rig)];
    }
    for (size_t i = 0; i != 4; ++i)
        if (rig->chosen[i] < 2000 || rig->chosen[i] > 2500)
            fail_msg("endpoint %zu got %zu of 10000", i, (size_t)rig->chosen[i]);
    rig_free(rig);
}

static void weights_of_a_thousand_endpoints_fit_into_the_table(void **state)
{
    rig_t *rig = rig_create(MAX_ENDPOINTS, NULL);
    uint64_t total = 0;
    for (size_t i = 0; i != rig->num; ++i)
        total += rig->candidates[i].weight = 20 + (uint32_t)(i * 7919 % 237);
    build(rig);
    assert_true(rig->balancer.size <= GW_BALANCER_MAX_SIZE);
    for (size_t i = 0; i != rig->num; ++i) {
        double exact = (double)rig->candidates[i].weight * GW_BALANCER_MAX_SIZE / (double)total;
        assert_true(rig->balancer.seats[i] != 0);
        if (distance(rig->balancer.seats[i], exact) >= 1)
            fail_msg("weight %u has %u seats instead of %.2f", rig->candidates[i].weight, rig->balancer.seats[i],
                     exact);
    }
    rig_free(rig);
}

static void the_lightest_of_a_thousand_has_its_place_too(void **state)
{
    rig_t *rig = rig_create(MAX_ENDPOINTS, NULL);
    for (size_t i = 0; i != rig->num; ++i)
        rig->candidates[i].weight = i == 500 ? 1 : 256;
    build(rig);
    choose(rig, &round_robin, rig->balancer.size, 0);
    for (size_t i = 0; i != rig->num; ++i)
        assert_int_equal(rig->chosen[i], i == 500 ? 1 : 16);
    rig_free(rig);
}

/* who is among them ------------------------------------------------------------------------------------------------ */

/** u: usable, d: not; U, D: backups; z, Z: usable, but of weight 0. */
static void set_candidates(rig_t *rig, const char *candidates)
{
    rig->num = strlen(candidates);
    for (size_t i = 0; i != rig->num; ++i) {
        char c = candidates[i];
        rig->candidates[i] = (gw_candidate_t){.weight = c == 'z' || c == 'Z' ? 0 : 2,
                                              .is_usable = c != 'd' && c != 'D',
                                              .is_backup = c == 'U' || c == 'D' || c == 'Z'};
    }
}

static void those_that_can_be_used_are_chosen_from(void **state)
{
    static const struct {
        const char *about, *candidates;
        bool tries_anyway;
        uint64_t panic_share;
        const char *expected; /* + is in use */
        bool is_panicking;
    } cases[] = {
        {"all are well", "uuu", false, 0, "+++", false},
        {"one is out", "udu", false, 0, "+-+", false},
        {"all are out", "ddd", false, 0, "---", false},
        {"none at all", "", false, 0, "", false},
        {"none at all, tried anyway", "", true, 10000, "", false},
        {"a backup is left alone", "uuU", false, 0, "++-", false},
        {"a backup is left alone while one is well", "duU", false, 0, "-+-", false},
        {"a backup takes over", "ddU", false, 0, "--+", false},
        {"all backups take over together", "dUUd", false, 0, "-++-", false},
        {"a backup that is out", "dUD", false, 0, "-+-", false},
        {"backups that are out too", "dDD", false, 0, "---", false},
        {"backups alone", "UU", false, 0, "++", false},
        {"weight 0 is never used", "zu", false, 0, "-+", false},
        {"weight 0 alone", "zz", false, 0, "--", false},
        {"weight 0 is no reason to leave the backup alone", "zdU", false, 0, "--+", false},
        {"a backup of weight 0", "dZ", false, 0, "--", false},
        {"tried anyway: all are well", "uu", true, 0, "++", false},
        {"tried anyway: one is well", "dud", true, 0, "-+-", false},
        {"tried anyway: all are out", "ddd", true, 0, "+++", true},
        {"tried anyway: the backup is still better", "ddU", true, 0, "--+", false},
        {"tried anyway: the backup is out too", "ddD", true, 0, "++-", true},
        {"tried anyway: not with weight 0", "dzd", true, 0, "+-+", true},
        {"panic: less than the share", "uddd", true, 5000, "++++", true},
        {"panic: exactly the share", "uudd", true, 5000, "++--", false},
        {"panic: a hundredth of a percent more", "uudd", true, 5001, "++++", true},
        {"panic: all are well", "uuuu", true, 10000, "++++", false},
        {"panic: at 100 % one is enough", "uuud", true, 10000, "++++", true},
        {"panic: without tries_anyway", "uddd", false, 5000, "+---", false},
        {"panic: weight 0 does not count", "udzzzz", true, 5000, "+-----", false},
        {"panic: backups do not count", "uddUUU", true, 5000, "+++---", true},
        {"panic: not while a backup can take over", "dddU", true, 5000, "---+", false},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        rig_t *rig = rig_create(0, NULL);
        set_candidates(rig, cases[i].candidates);
        rig->rules = (gw_balancer_rules_t){.tries_anyway = cases[i].tries_anyway, .panic_share = cases[i].panic_share};
        build(rig);
        build_ring(rig);
        char actual[16] = "", was_chosen[16] = "";
        size_t num_in_use = 0;
        for (size_t k = 0; k != rig->num; ++k) {
            actual[k] = rig->balancer.weights[k] != 0 ? '+' : '-';
            num_in_use += cases[i].expected[k] == '+';
        }
        if (strcmp(actual, cases[i].expected) != 0)
            fail_msg("%s: in use are %s instead of %s", cases[i].about, actual, cases[i].expected);
        assert_int_equal(rig->balancer.num_in_use, num_in_use);
        if (num_in_use != 0)
            assert_int_equal(rig->balancer.is_panicking, cases[i].is_panicking);
        for (size_t m = 0; m != NUM_OF(methods); ++m) {
            memset(was_chosen, '\0', sizeof(was_chosen));
            memset(was_chosen, '-', rig->num);
            for (size_t n = 0; n != 500; ++n) {
                uint32_t index = methods[m]->choose(rig);
                if ((index == GW_NO_ENDPOINT) != (num_in_use == 0))
                    fail_msg("%s, %s: %u is chosen", methods[m]->name, cases[i].about, index);
                if (index != GW_NO_ENDPOINT)
                    was_chosen[index] = '+';
            }
            if (strcmp(was_chosen, cases[i].expected) != 0)
                fail_msg("%s, %s: %s are chosen instead of %s", methods[m]->name, cases[i].about, was_chosen,
                         cases[i].expected);
        }
        rig_free(rig);
    }
}

static void a_balancer_that_was_disposed_of_chooses_nothing_and_can_be_built_again(void **state)
{
    rig_t *rig = rig_create(3, NULL);
    gw_balancer_dispose(&rig->balancer);
    gw_balancer_dispose(&rig->balancer);
    for (size_t m = 0; m != NUM_OF(methods); ++m)
        assert_int_equal(methods[m]->choose(rig), GW_NO_ENDPOINT);
    assert_int_equal(rig->num_asked, 0);
    build(rig);
    for (size_t m = 0; m != NUM_OF(methods); ++m)
        assert_true(methods[m]->choose(rig) < 3);
    rig_free(rig);
}

static void what_may_not_be_chosen_is_not_and_what_may_is_found(void **state)
{
    static const size_t nums[] = {1, 2, 3, 10, MAX_ENDPOINTS};
    for (size_t n = 0; n != NUM_OF(nums); ++n)
        for (size_t m = 0; m != NUM_OF(methods); ++m) {
            rig_t *rig = rig_create(nums[n], NULL);
            for (size_t i = 0; i != rig->num; ++i)
                rig->is_refused[i] = true;
            for (size_t only = 0; only < rig->num; only += 1 + rig->num / 20) {
                rig->is_refused[only] = false;
                for (int i = 0; i != 20; ++i)
                    if (methods[m]->choose(rig) != only)
                        fail_msg("%s: %zu of %zu is not found", methods[m]->name, only, rig->num);
                rig->is_refused[only] = true;
            }
            assert_int_equal(methods[m]->choose(rig), GW_NO_ENDPOINT);
            rig_free(rig);
        }
}

static void a_light_endpoint_is_found_when_the_heavy_one_is_full(void **state)
{
    static const uint32_t weights[] = {256, 1};
    for (size_t m = 0; m != NUM_OF(methods); ++m) {
        rig_t *rig = rig_create(2, weights);
        rig->is_refused[0] = true;
        for (int i = 0; i != 1000; ++i)
            assert_int_equal(methods[m]->choose(rig), 1);
        rig_free(rig);
    }
}

static void those_beside_a_refused_one_share_its_requests(void **state)
{
    for (size_t m = 0; m != 3; ++m) {
        rig_t *rig = rig_create(5, NULL);
        rig->is_refused[2] = true;
        choose(rig, methods[m], 40000, 0);
        assert_int_equal(rig->chosen[2], 0);
        for (size_t i = 0; i != 5; ++i)
            if (i != 2 && distance(share_of(rig, i), 0.25) > 0.015)
                fail_msg("%s: endpoint %zu gets %.1f %%", methods[m]->name, i, share_of(rig, i) * 100);
        rig_free(rig);
    }
}

static void without_a_rule_any_may_be_chosen(void **state)
{
    for (size_t m = 0; m != NUM_OF(methods); ++m) {
        rig_t *rig = rig_create(3, NULL);
        rig->choice.may = NULL;
        choose(rig, methods[m], 3000, 0);
        for (size_t i = 0; i != 3; ++i)
            assert_true(rig->chosen[i] > 700);
        rig_free(rig);
    }
}

static void choosing_among_a_thousand_looks_at_as_few_as_among_two(void **state)
{
    static const struct {
        const method_t *method;
        size_t num_held, most; /* most: that one choice may look at */
    } cases[] = {{&round_robin, 0, 1}, {&at_random, 0, 1}, {&least_requests, 50, 2}, {&hashed, 0, 1}};
    static const size_t nums[] = {1, 2, 30, MAX_ENDPOINTS};
    for (size_t i = 0; i != NUM_OF(cases); ++i)
        for (size_t n = 0; n != NUM_OF(nums); ++n) {
            rig_t *rig = rig_create(nums[n], NULL);
            for (size_t k = 0; k != 5000; ++k) {
                rig->num_asked = 0;
                cases[i].method->choose(rig);
                if (rig->num_asked > (nums[n] == 1 ? 1 : cases[i].most))
                    fail_msg("%s of %zu looked at %zu", cases[i].method->name, nums[n], rig->num_asked);
            }
            rig_free(rig);
        }
}

static void a_bound_on_the_load_costs_a_thousand_no_more_than_two(void **state)
{
    static const size_t nums[] = {2, 30, MAX_ENDPOINTS};
    for (size_t n = 0; n != NUM_OF(nums); ++n) {
        rig_t *rig = rig_create(nums[n], NULL);
        choose(rig, &hashed, 20000, 20 * nums[n]);
        double asked = (double)rig->num_asked / (20000.0 + 20.0 * (double)nums[n]);
        if (asked > 3) /* (1 / (c - 1))^2 and less, says the paper, and in practice about 1.5 */
            fail_msg("among %zu %.1f were looked at for a choice", nums[n], asked);
        rig_free(rig);
    }
}

/* loads ------------------------------------------------------------------------------------------------------------ */

static void of_two_choices_the_less_loaded_one_is_taken(void **state)
{
    rig_t *rig = rig_create(4, NULL);
    static const uint64_t loads[] = {3, 1, 0, 2};
    memcpy(rig->load, loads, sizeof(loads));
    for (int i = 0; i != 60000; ++i)
        ++rig->chosen[by_least_requests(rig)];
    /* of the six pairs the least loaded wins three, the next two, the next one */
    assert_true(distance(share_of(rig, 2), 3.0 / 6) < 0.015);
    assert_true(distance(share_of(rig, 1), 2.0 / 6) < 0.015);
    assert_true(distance(share_of(rig, 3), 1.0 / 6) < 0.015);
    assert_true(share_of(rig, 0) < 0.001); /* unless every draw met it */
    rig_free(rig);
}

static void a_load_counts_by_the_weight(void **state)
{
    static const struct {
        const char *about;
        uint32_t weights[2];
        uint64_t loads[2];
        size_t expected;
    } cases[] = {
        {"equal weights", {1, 1}, {5, 4}, 1},
        {"more load, but more weight still", {4, 1}, {7, 2}, 0},
        {"too much load for the weight", {4, 1}, {16, 2}, 1},
        {"the same the other way round", {1, 4}, {2, 16}, 0},
        {"loads that are large", {1, 256}, {4000000000, 1100000000000}, 0},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        rig_t *rig = rig_create(2, cases[i].weights);
        rig->load[0] = cases[i].loads[0];
        rig->load[1] = cases[i].loads[1];
        size_t num_seen = 0, num_expected = 0;
        for (int k = 0; k != 1000; ++k) {
            rig->num_asked = 0;
            uint32_t index = by_least_requests(rig);
            if (rig->num_asked == 2) { /* both were drawn */
                ++num_seen;
                num_expected += index == cases[i].expected;
            }
        }
        if (num_seen == 0 || num_seen != num_expected)
            fail_msg("%s: the right one in %zu of %zu", cases[i].about, num_expected, num_seen);
        rig_free(rig);
    }
}

static void two_choices_keep_a_slow_endpoint_from_drowning(void **state)
{
    /* endpoint 0 never answers: at random it takes a tenth of all; two choices see what it has */
    rig_t *rig = rig_create(10, NULL);
    for (int i = 0; i != 10000; ++i) {
        uint32_t index = by_least_requests(rig);
        if (index == 0)
            ++rig->load[0];
    }
    if (rig->load[0] > 20)
        fail_msg("%zu requests are stuck", (size_t)rig->load[0]);
    rig_free(rig);
}

/* slow start ------------------------------------------------------------------------------------------------------- */

static void the_share_of_one_that_came_back_grows_to_its_full_size(void **state)
{
    static const struct {
        uint64_t age_ms;
        double part; /* of the share of the others */
    } cases[] = {{0, 0.1}, {500, 0.1}, {1000, 0.1}, {2500, 0.25}, {5000, 0.5}, {9000, 0.9}, {10000, 1}, {99999, 1}};
    for (size_t m = 0; m != 2; ++m)
        for (size_t i = 0; i != NUM_OF(cases); ++i) {
            rig_t *rig = rig_create(4, NULL);
            rig->rules.slow_start_ms = 10000;
            rig->candidates[3].since_ms = NOW_MS;
            rig->candidates[1].since_ms = NOW_MS - 10000; /* full-grown when this one comes */
            build(rig);
            rig->choice.now_ms = NOW_MS + cases[i].age_ms;
            choose(rig, methods[m], 60000, 0);
            double expected = cases[i].part / (3 + cases[i].part), share = share_of(rig, 3);
            if (distance(share, expected) > 0.01)
                fail_msg("%s, %zu ms: %.1f %% instead of %.1f %%", methods[m]->name, (size_t)cases[i].age_ms,
                         share * 100, expected * 100);
            rig_free(rig);
        }
}

static void who_is_built_in_later_has_grown_meanwhile(void **state)
{
    rig_t *rig = rig_create(2, NULL);
    rig->rules.slow_start_ms = 10000;
    rig->candidates[1].since_ms = NOW_MS - 5000;
    build(rig);
    choose(rig, &round_robin, 30000, 0);
    assert_true(distance(share_of(rig, 1), 0.5 / 1.5) < 0.01);
    rig->candidates[1].since_ms = NOW_MS - 10000;
    build(rig);
    choose(rig, &round_robin, 30000, 0);
    assert_int_equal(rig->chosen[1], 15000);
    rig_free(rig);
}

static void nobody_is_held_back_without_a_reason(void **state)
{
    static const struct {
        const char *about;
        uint64_t slow_start_ms, since_ms;
    } cases[] = {{"no slow start", 0, NOW_MS}, {"never out", 10000, 0}, {"out long ago", 10000, 1}};
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        rig_t *rig = rig_create(2, NULL);
        rig->rules.slow_start_ms = cases[i].slow_start_ms;
        rig->candidates[1].since_ms = cases[i].since_ms;
        build(rig);
        choose(rig, &round_robin, 1000, 0);
        if (rig->chosen[1] != 500)
            fail_msg("%s: %zu of 1000", cases[i].about, (size_t)rig->chosen[1]);
        rig_free(rig);
    }
}

static void those_who_all_come_back_together_share_evenly(void **state)
{
    for (size_t m = 0; m != NUM_OF(methods); ++m) {
        rig_t *rig = rig_create(4, NULL);
        rig->rules.slow_start_ms = 30000;
        for (size_t i = 0; i != 4; ++i)
            rig->candidates[i].since_ms = NOW_MS;
        build(rig);
        choose(rig, methods[m], 40000, 0); /* and nothing fails */
        for (size_t i = 0; i != 4; ++i)
            if (distance(share_of(rig, i), 0.25) > (methods[m] == &hashed ? 0.05 : 0.015))
                fail_msg("%s: endpoint %zu gets %.1f %%", methods[m]->name, i, share_of(rig, i) * 100);
        rig_free(rig);
    }
}

static void a_clock_that_lags_behind_does_no_harm(void **state)
{
    rig_t *rig = rig_create(2, NULL);
    rig->rules.slow_start_ms = 1;
    rig->candidates[1].since_ms = NOW_MS + 3; /* by the monitor's clock */
    build(rig);
    choose(rig, &round_robin, 1000, 0);
    rig->rules.slow_start_ms = 3600000;
    build(rig);
    choose(rig, &at_random, 20000, 0);
    assert_true(distance(share_of(rig, 1), 0.1 / 1.1) < 0.01);
    rig_free(rig);
}

/* keys ------------------------------------------------------------------------------------------------------------- */

static uint64_t hash_of_key(size_t key)
{
    char text[32];
    return gw_hash(gw_str(text, (size_t)snprintf(text, sizeof(text), "user-%zu", key)));
}

static uint32_t owner_of(rig_t *rig, size_t key)
{
    return gw_balancer_hash(&rig->balancer, rig->ring, hash_of_key(key), 0, 100000, &rig->choice);
}

static void assign(rig_t *rig, uint32_t *owners)
{
    for (size_t key = 0; key != NUM_KEYS; ++key)
        owners[key] = owner_of(rig, key);
}

static void an_endpoint_that_leaves_passes_on_its_own_keys_only_and_gets_them_back(void **state)
{
    static uint32_t before[NUM_KEYS], without[NUM_KEYS], after[NUM_KEYS];
    for (uint32_t leaver = 0; leaver != 10; ++leaver) {
        rig_t *rig = rig_create(10, NULL);
        assign(rig, before);
        rig->candidates[leaver].is_usable = false;
        build(rig);
        assign(rig, without);
        rig->candidates[leaver].is_usable = true;
        build(rig);
        assign(rig, after);
        size_t num_moved = 0;
        for (size_t key = 0; key != NUM_KEYS; ++key) {
            if (before[key] != leaver)
                assert_int_equal(before[key], without[key]);
            else
                assert_int_not_equal(without[key], leaver);
            if (before[key] != without[key]) {
                ++num_moved;
                ++rig->chosen[without[key]];
            }
            assert_int_equal(before[key], after[key]);
        }
        if (num_moved > NUM_KEYS * 15 / 100)
            fail_msg("%zu of %d keys moved with endpoint %u", num_moved, NUM_KEYS, leaver);
        for (uint32_t i = 0; i != 10; ++i) /* nobody gets them all */
            if (i != leaver && (rig->chosen[i] == 0 || share_of(rig, i) > 0.3))
                fail_msg("endpoint %u gets %.0f %% of the keys of %u", i, share_of(rig, i) * 100, leaver);
        rig_free(rig);
    }
}

static void who_tells_the_gateway_of_its_keys_in_another_order_gets_the_same(void **state)
{
    /* another gateway, whose conf lists the endpoints backwards */
    rig_t *rig = rig_create(10, NULL), *other = rig_create(10, NULL);
    for (size_t i = 0; i != 10; ++i)
        memcpy(other->names[i], rig->names[9 - i], sizeof(rig->names[i]));
    build_ring(other);
    for (size_t key = 0; key != 10000; ++key)
        assert_int_equal(owner_of(rig, key), 9 - owner_of(other, key));
    rig_free(rig);
    rig_free(other);
}

static void a_key_whose_owner_is_refused_always_goes_to_the_same_next_one(void **state)
{
    rig_t *rig = rig_create(10, NULL);
    for (size_t key = 0; key != 1000; ++key) {
        uint32_t owner = owner_of(rig, key);
        rig->is_refused[owner] = true;
        uint32_t next = owner_of(rig, key);
        assert_int_not_equal(next, owner);
        assert_true(next < 10);
        for (int i = 0; i != 5; ++i)
            assert_int_equal(owner_of(rig, key), next);
        rig->is_refused[owner] = false;
        assert_int_equal(owner_of(rig, key), owner);
    }
    rig_free(rig);
}

static void keys_stick_to_backups_too(void **state)
{
    static const char *const candidates[] = {"ddUUU", "UUU" /* no ring at all */};
    for (size_t i = 0; i != NUM_OF(candidates); ++i) {
        rig_t *rig = rig_create(5, NULL);
        set_candidates(rig, candidates[i]);
        build(rig);
        build_ring(rig);
        for (size_t key = 0; key != 3000; ++key) {
            uint32_t owner = owner_of(rig, key);
            assert_true(owner < rig->num && rig->candidates[owner].is_backup);
            ++rig->chosen[owner];
            assert_int_equal(owner_of(rig, key), owner);
        }
        for (size_t k = rig->num - 3; k != rig->num; ++k)
            assert_true(rig->chosen[k] > 700);
        rig_free(rig);
    }
}

typedef enum keys { ONE_KEY, TWO_KEYS, EVEN_KEYS, SKEWED_KEYS, NUM_KINDS_OF_KEYS } keys_t;

static size_t draw_key(rig_t *rig, keys_t keys)
{
    static uint64_t random = 77;
    uint32_t n = 1;
    switch (keys) {
    case ONE_KEY:
        return 4711;
    case TWO_KEYS:
        return gw_random_below(&random, 10) == 0;
    case EVEN_KEYS:
        return gw_random_below(&random, NUM_KEYS);
    default: /* half of them are key 0, a quarter key 1, ... */
        while (gw_random_below(&random, 2) == 0 && n != 40)
            ++n;
        return n - 1;
    }
}

static void check_bounds(const uint32_t *weights, size_t num, uint64_t load_factor, keys_t keys)
{
    rig_t *rig = rig_create(num, weights);
    uint64_t total_weight = 0, ends = 99;
    static uint32_t held[20000];
    for (size_t i = 0; i != num; ++i)
        total_weight += rig->candidates[i].weight;
    for (size_t i = 0; i != 20000; ++i) {
        uint32_t index = gw_balancer_hash(&rig->balancer, rig->ring, hash_of_key(draw_key(rig, keys)), rig->total_load,
                                          load_factor, &rig->choice);
        assert_true(index < num);
        held[rig->total_load++] = index;
        ++rig->load[index];
        uint64_t parts = total_weight * 10000;
        uint64_t bound = (rig->total_load * rig->candidates[index].weight * load_factor + parts - 1) / parts;
        if (rig->load[index] > bound)
            fail_msg("%zu endpoints, load factor %zu, keys %d: endpoint %u has %zu of %zu requests, its bound is %zu",
                     num, (size_t)load_factor, keys, index, (size_t)rig->load[index], (size_t)rig->total_load,
                     (size_t)bound);
        /* some end, at random: fewer than begin at first, more later */
        for (uint32_t num_ends = gw_random_below(&ends, i < 10000 ? 2 : 4); num_ends != 0 && rig->total_load != 0;
             --num_ends) {
            size_t which = gw_random_below(&ends, (uint32_t)rig->total_load);
            --rig->load[held[which]];
            held[which] = held[--rig->total_load];
        }
    }
    rig_free(rig);
}

static void no_keys_load_an_endpoint_beyond_its_bound(void **state)
{
    static const uint64_t load_factors[] = {10000, 10001, 12500, 20000, 100000};
    static const size_t nums[] = {1, 2, 3, 10, 20};
    static const uint32_t weights[] = {5, 3, 2}, wide[] = {256, 1, 16};
    for (keys_t keys = ONE_KEY; keys != NUM_KINDS_OF_KEYS; ++keys)
        for (size_t f = 0; f != NUM_OF(load_factors); ++f) {
            for (size_t n = 0; n != NUM_OF(nums); ++n)
                check_bounds(NULL, nums[n], load_factors[f], keys);
            check_bounds(weights, 3, load_factors[f], keys);
            check_bounds(wide, 3, load_factors[f], keys);
        }
}

static void a_bound_that_is_not_reached_leaves_keys_where_they_are(void **state)
{
    rig_t *rig = rig_create(10, NULL);
    for (size_t key = 0; key != 2000; ++key) {
        uint32_t owner = owner_of(rig, key);
        rig->load[owner] = 11; /* of 99 and this one, of which 12.5 are allowed */
        assert_int_equal(gw_balancer_hash(&rig->balancer, rig->ring, hash_of_key(key), 99, 12500, &rig->choice), owner);
        rig->load[owner] = 13;
        assert_int_not_equal(gw_balancer_hash(&rig->balancer, rig->ring, hash_of_key(key), 99, 12500, &rig->choice),
                             owner);
        rig->load[owner] = 0;
    }
    rig_free(rig);
}

static void when_all_are_at_their_bounds_a_key_goes_to_its_owner(void **state)
{
    rig_t *rig = rig_create(10, NULL);
    for (size_t key = 0; key != 1000; ++key) {
        memset(rig->load, 0, sizeof(rig->load));
        uint32_t owner = owner_of(rig, key);
        for (size_t i = 0; i != 10; ++i)
            rig->load[i] = 1000; /* of another service, say */
        assert_int_equal(gw_balancer_hash(&rig->balancer, rig->ring, hash_of_key(key), 10, 12500, &rig->choice), owner);
    }
    rig_free(rig);
}

static void requests_that_come_one_by_one_are_shared_by_weight_too(void **state)
{
    static const uint32_t weights[] = {3, 1};
    rig_t *rig = rig_create(2, weights);
    choose(rig, &least_requests, 40000, 0); /* each is over before the next one comes */
    if (distance(share_of(rig, 1), 0.25) > 0.03)
        fail_msg("the lighter one gets %.3f %% instead of 25 %%", share_of(rig, 1) * 100);
    rig_free(rig);
}

static void the_share_of_one_that_came_back_grows_among_the_least_loaded_too(void **state)
{
    static const struct {
        uint64_t age_ms;
        double most; /* of all requests, one of two endpoints that would have half of them */
    } cases[] = {{0, 0.15}, {2500, 0.26}, {5000, 0.4}};
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        rig_t *rig = rig_create(2, NULL);
        rig->rules.slow_start_ms = 10000;
        rig->candidates[1].since_ms = NOW_MS;
        build(rig);
        rig->choice.now_ms = NOW_MS + cases[i].age_ms;
        choose(rig, &least_requests, 40000, 100);
        if (share_of(rig, 1) > cases[i].most)
            fail_msg("after %zu ms of 10000 it gets %.1f %%", (size_t)cases[i].age_ms, share_of(rig, 1) * 100);
        rig_free(rig);
    }
}

static void a_weight_beside_many_of_another_is_spread_over_the_whole_round(void **state)
{
    static const struct {
        const char *about;
        size_t num;
        uint32_t weights[11];
    } cases[] = {
        {"one heavy, two light", 3, {4, 1, 1}},
        {"one heavy, ten light", 11, {10, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
        {"two heavy, four light", 6, {8, 8, 1, 1, 1, 1}},
    };
    for (size_t i = 0; i != NUM_OF(cases); ++i) {
        rig_t *rig = rig_create(cases[i].num, cases[i].weights);
        double lag = worst_lag(rig);
        if (lag > 1.5)
            fail_msg("%s: an endpoint is %.2f requests ahead or behind", cases[i].about, lag);
        rig_free(rig);
    }
}

static void with_backups_alone_they_are_tried_anyway(void **state)
{
    static const char *const candidates[] = {"DD", "zD"};
    for (size_t i = 0; i != NUM_OF(candidates); ++i) {
        rig_t *rig = rig_create(0, NULL);
        set_candidates(rig, candidates[i]);
        rig->rules.tries_anyway = true;
        build(rig);
        if (rig->balancer.num_in_use == 0)
            fail_msg("'%s': none is in use", candidates[i]);
        rig_free(rig);
    }
}

static void no_key_loads_one_of_a_thousand_beyond_its_bound(void **state)
{
    rig_t *rig = rig_create(MAX_ENDPOINTS, NULL);
    size_t num_beyond = 0;
    for (size_t i = 0; i != 20000; ++i) {
        uint32_t index = gw_balancer_hash(&rig->balancer, rig->ring, hash_of_key(0), i, 10000, &rig->choice);
        uint64_t bound = i / MAX_ENDPOINTS + 1;
        num_beyond += ++rig->load[index] > bound;
    }
    if (num_beyond != 0)
        fail_msg("%zu of 20000 went to an endpoint at its bound", num_beyond);
    rig_free(rig);
}

static void weights_that_are_too_fine_for_the_table_are_rounded_to_the_nearest(void **state)
{
    rig_t *rig = rig_create(MAX_ENDPOINTS, NULL);
    uint64_t total = 0;
    for (size_t i = 0; i != rig->num; ++i)
        total += rig->candidates[i].weight = i % 2 == 0 ? 254 : 15;
    build(rig);
    for (size_t i = 0; i != 2; ++i) {
        double exact = (double)rig->candidates[i].weight * GW_BALANCER_MAX_SIZE / (double)total;
        if (distance(rig->balancer.seats[i], exact) > 0.5)
            fail_msg("weight %u has %u seats instead of %.2f", rig->candidates[i].weight, rig->balancer.seats[i],
                     exact);
    }
    rig_free(rig);
}

static void when_the_heavy_one_is_refused_the_others_share_by_weight(void **state)
{
    static const uint32_t weights[] = {100, 1, 1};
    for (size_t m = 0; m != 3; ++m) {
        rig_t *rig = rig_create(3, weights);
        rig->is_refused[0] = true;
        choose(rig, methods[m], 40000, 0);
        if (distance(share_of(rig, 1), 0.5) > 0.03)
            fail_msg("%s: one of two equals gets %.1f %%", methods[m]->name, share_of(rig, 1) * 100);
        rig_free(rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_shared_by_weight),
        cmocka_unit_test(round_robin_is_exact_after_each_round),
        cmocka_unit_test(a_weight_is_spread_over_the_whole_round),
        cmocka_unit_test(round_robin_goes_on_where_it_was_when_endpoints_change),
        cmocka_unit_test(weights_of_a_thousand_endpoints_fit_into_the_table),
        cmocka_unit_test(the_lightest_of_a_thousand_has_its_place_too),
        cmocka_unit_test(those_that_can_be_used_are_chosen_from),
        cmocka_unit_test(a_balancer_that_was_disposed_of_chooses_nothing_and_can_be_built_again),
        cmocka_unit_test(what_may_not_be_chosen_is_not_and_what_may_is_found),
        cmocka_unit_test(a_light_endpoint_is_found_when_the_heavy_one_is_full),
        cmocka_unit_test(those_beside_a_refused_one_share_its_requests),
        cmocka_unit_test(without_a_rule_any_may_be_chosen),
        cmocka_unit_test(choosing_among_a_thousand_looks_at_as_few_as_among_two),
        cmocka_unit_test(a_bound_on_the_load_costs_a_thousand_no_more_than_two),
        cmocka_unit_test(of_two_choices_the_less_loaded_one_is_taken),
        cmocka_unit_test(a_load_counts_by_the_weight),
        cmocka_unit_test(two_choices_keep_a_slow_endpoint_from_drowning),
        cmocka_unit_test(the_share_of_one_that_came_back_grows_to_its_full_size),
        cmocka_unit_test(who_is_built_in_later_has_grown_meanwhile),
        cmocka_unit_test(nobody_is_held_back_without_a_reason),
        cmocka_unit_test(those_who_all_come_back_together_share_evenly),
        cmocka_unit_test(a_clock_that_lags_behind_does_no_harm),
        cmocka_unit_test(an_endpoint_that_leaves_passes_on_its_own_keys_only_and_gets_them_back),
        cmocka_unit_test(who_tells_the_gateway_of_its_keys_in_another_order_gets_the_same),
        cmocka_unit_test(a_key_whose_owner_is_refused_always_goes_to_the_same_next_one),
        cmocka_unit_test(keys_stick_to_backups_too),
        cmocka_unit_test(no_keys_load_an_endpoint_beyond_its_bound),
        cmocka_unit_test(a_bound_that_is_not_reached_leaves_keys_where_they_are),
        cmocka_unit_test(when_all_are_at_their_bounds_a_key_goes_to_its_owner),
        cmocka_unit_test(requests_that_come_one_by_one_are_shared_by_weight_too),
        cmocka_unit_test(the_share_of_one_that_came_back_grows_among_the_least_loaded_too),
        cmocka_unit_test(a_weight_beside_many_of_another_is_spread_over_the_whole_round),
        cmocka_unit_test(with_backups_alone_they_are_tried_anyway),
        cmocka_unit_test(no_key_loads_one_of_a_thousand_beyond_its_bound),
        cmocka_unit_test(weights_that_are_too_fine_for_the_table_are_rounded_to_the_nearest),
        cmocka_unit_test(when_the_heavy_one_is_refused_the_others_share_by_weight),
    };
    return cmocka_run_group_tests_name("balancer", tests, NULL, NULL);
}
