/* SPDX-License-Identifier: MIT
 * The table of endpoints in use, and the ways to choose from it. */
#include <stdlib.h>
#include <string.h>
#include "gateway/base/memory.h"
#include "gateway/base/random.h"
#include "gateway/upstream/balancer.h"

#define QUICK_STEPS 8    /* before everything is looked at in order */
#define MAX_WALK    4096 /* points of the ring that one choice looks at */
#define ALL         10000
#define FIRST_SHARE 10 /* a tenth: what an endpoint gets at once when it comes back */

/* building --------------------------------------------------------------------------------------------------------- */

typedef enum set { USABLE, BACKUPS, EVERYTHING, ALL_BACKUPS } set_t;

static bool is_in(const gw_candidate_t *candidate, set_t set)
{
    if (candidate->weight == 0)
        return false;
    switch (set) {
    case USABLE:
        return candidate->is_usable && !candidate->is_backup;
    case BACKUPS:
        return candidate->is_usable && candidate->is_backup;
    case EVERYTHING:
        return !candidate->is_backup;
    default:
        return candidate->is_backup;
    }
}

static set_t choose_set(const gw_candidate_t *candidates, size_t num, const gw_balancer_rules_t *rules)
{
    size_t num_all = 0, num_usable = 0, num_backups = 0;
    for (size_t i = 0; i != num; ++i) {
        num_all += is_in(candidates + i, EVERYTHING);
        num_usable += is_in(candidates + i, USABLE);
        num_backups += is_in(candidates + i, BACKUPS);
    }
    if (num_usable == 0 && num_backups != 0)
        return BACKUPS;
    if (rules->tries_anyway && (num_usable == 0 || num_usable * ALL < rules->panic_share * num_all))
        return num_all != 0 ? EVERYTHING : ALL_BACKUPS;
    return USABLE;
}

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b != 0) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/** One appearance of an endpoint in the table and where it belongs: the k-th of w stands at (k + 1/2) / w, and those
 * who have the same w stand side by side within that stretch. */
typedef struct seat {
    uint32_t index;
    double at;
} seat_t;

static int compare_seats(const void *va, const void *vb)
{
    const seat_t *a = va, *b = vb;
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/** How often each endpoint stands in the table: weights in their lowest terms, rounded where that is too much. */
static size_t scale(uint32_t *times, const uint32_t *weights, size_t num)
{
    uint32_t divisor = 0;
    uint64_t total = 0;
    size_t size = 0;
    for (size_t i = 0; i != num; ++i) {
        divisor = common_divisor(weights[i], divisor);
        total += weights[i];
    }
    for (size_t i = 0; i != num; ++i) {
        if (weights[i] == 0)
            continue;
        times[i] = total / divisor <= GW_BALANCER_MAX_SIZE
                       ? weights[i] / divisor
                       : (uint32_t)(((uint64_t)weights[i] * GW_BALANCER_MAX_SIZE + total / 2) / total);
        times[i] += times[i] == 0;
        size += times[i];
    }
    return size;
}

static void fill(gw_balancer_t *balancer)
{
    size_t num = balancer->num_endpoints, at = 0;
    uint32_t *times = gw_must_alloc(num, sizeof(*times));
    balancer->seats = times;
    balancer->size = scale(times, balancer->weights, num);
    balancer->entries = gw_must_alloc(balancer->size, sizeof(*balancer->entries));
    if (balancer->size == balancer->num_in_use) { /* all the same, which is the usual way */
        for (size_t i = 0; i != num; ++i)
            if (times[i] != 0)
                balancer->entries[at++] = (uint32_t)i;
    } else {
        seat_t *seats = gw_must_alloc(balancer->size, sizeof(*seats));
        uint32_t *num_equals = gw_must_alloc(balancer->size + 1, sizeof(*num_equals)),
                 *num_before = gw_must_alloc(balancer->size + 1, sizeof(*num_before));
        for (size_t i = 0; i != num; ++i)
            ++num_equals[times[i]];
        for (size_t i = 0; i != num; ++i) {
            double offset = (num_before[times[i]]++ + 0.5) / num_equals[times[i]];
            for (uint32_t k = 0; k != times[i]; ++k)
                seats[at++] = (seat_t){(uint32_t)i, (k + offset) / times[i]};
        }
        free(num_equals);
        free(num_before);
        qsort(seats, balancer->size, sizeof(*seats), compare_seats);
        for (size_t i = 0; i != balancer->size; ++i)
            balancer->entries[i] = seats[i].index;
        free(seats);
    }
}

void gw_balancer_build(gw_balancer_t *balancer, const gw_candidate_t *candidates, size_t num,
                       const gw_balancer_rules_t *rules, uint64_t now_ms)
{
    gw_balancer_dispose(balancer);
    set_t set = choose_set(candidates, num, rules);
    *balancer = (gw_balancer_t){.num_endpoints = num,
                                .weights = gw_must_alloc(num, sizeof(*balancer->weights)),
                                .slow_start_ms = rules->slow_start_ms,
                                .is_panicking = set == EVERYTHING || set == ALL_BACKUPS};
    for (size_t i = 0; i != num; ++i) {
        const gw_candidate_t *candidate = candidates + i;
        if (!is_in(candidate, set))
            continue;
        balancer->weights[i] = candidate->weight;
        ++balancer->num_in_use;
        uint64_t grown_ms = candidate->since_ms + rules->slow_start_ms;
        if (candidate->since_ms == 0 || rules->slow_start_ms == 0 || grown_ms <= now_ms)
            continue;
        if (balancer->since_ms == NULL)
            balancer->since_ms = gw_must_alloc(num, sizeof(*balancer->since_ms));
        balancer->since_ms[i] = candidate->since_ms;
        if (balancer->growing_until_ms < grown_ms)
            balancer->growing_until_ms = grown_ms;
    }
    fill(balancer);
}

void gw_balancer_dispose(gw_balancer_t *balancer)
{
    free(balancer->entries);
    free(balancer->weights);
    free(balancer->since_ms);
    free(balancer->seats);
    *balancer = (gw_balancer_t){0};
}

/* choosing --------------------------------------------------------------------------------------------------------- */

#define GROWN 10000

/** How much of its share an endpoint that came back has by now: up to GROWN. */
static uint32_t grown_share(const gw_balancer_t *balancer, const gw_choice_t *choice, uint32_t index)
{
    if (choice->now_ms >= balancer->growing_until_ms || balancer->since_ms[index] == 0)
        return GROWN;
    uint64_t age_ms = choice->now_ms > balancer->since_ms[index] ? choice->now_ms - balancer->since_ms[index] : 0;
    uint64_t share = age_ms >= balancer->slow_start_ms ? GROWN : age_ms * GROWN / balancer->slow_start_ms;
    return share > GROWN / FIRST_SHARE ? (uint32_t)share : GROWN / FIRST_SHARE;
}

/** An endpoint that came back is chosen with a chance that grows with time. */
static bool is_held_back(const gw_balancer_t *balancer, const gw_choice_t *choice, uint32_t index)
{
    uint32_t share = grown_share(balancer, choice, index);
    return share != GROWN && gw_random_below(choice->random, GROWN) >= share;
}

static bool may(const gw_choice_t *choice, uint32_t index)
{
    return choice->may == NULL || choice->may(choice->arg, index);
}

/** One of all that may be chosen, by weight: the answer when the quick way found nothing. */
static uint32_t scan(const gw_balancer_t *balancer, const gw_choice_t *choice)
{
    uint32_t chosen = GW_NO_ENDPOINT, total = 0;
    for (uint32_t index = 0; index != balancer->num_endpoints; ++index) {
        if (balancer->weights[index] == 0 || !may(choice, index))
            continue;
        total += balancer->weights[index];
        if (gw_random_below(choice->random, total) < balancer->weights[index])
            chosen = index;
    }
    return chosen;
}

uint32_t gw_balancer_round_robin(const gw_balancer_t *balancer, const gw_choice_t *choice)
{
    if (balancer->size == 0)
        return GW_NO_ENDPOINT;
    for (size_t i = 0; i != QUICK_STEPS; ++i) {
        uint32_t index = balancer->entries[(*choice->turn)++ % balancer->size];
        if (may(choice, index) && !is_held_back(balancer, choice, index))
            return index;
    }
    return scan(balancer, choice);
}

static uint32_t draw(const gw_balancer_t *balancer, const gw_choice_t *choice)
{
    return balancer->entries[gw_random_below(choice->random, (uint32_t)balancer->size)];
}

uint32_t gw_balancer_random(const gw_balancer_t *balancer, const gw_choice_t *choice)
{
    if (balancer->size == 0)
        return GW_NO_ENDPOINT;
    for (size_t i = 0; i != QUICK_STEPS; ++i) {
        uint32_t index = draw(balancer, choice);
        if (may(choice, index) && !is_held_back(balancer, choice, index))
            return index;
    }
    return scan(balancer, choice);
}

uint32_t gw_balancer_least_requests(const gw_balancer_t *balancer, const gw_choice_t *choice)
{
    uint32_t best = GW_NO_ENDPOINT;
    uint64_t best_load = 0, best_weight = 1;
    if (balancer->size == 0)
        return GW_NO_ENDPOINT;
    for (size_t i = 0, num_seen = 0; i != QUICK_STEPS && (num_seen < 2 || best == GW_NO_ENDPOINT); ++i) {
        uint32_t index = draw(balancer, choice);
        if (index == best || !may(choice, index))
            continue;
        ++num_seen; /* also one that is held back: it was its chance */
        if (is_held_back(balancer, choice, index))
            continue;
        uint64_t load = choice->load(choice->arg, index);
        uint64_t weight = (uint64_t)balancer->weights[index] * grown_share(balancer, choice, index);
        if (best == GW_NO_ENDPOINT || load * best_weight < best_load * weight) {
            best = index;
            best_weight = weight;
            best_load = load;
        }
        if (balancer->num_in_use == 1)
            break;
    }
    return best != GW_NO_ENDPOINT ? best : scan(balancer, choice);
}

/** Less than its part of the table, which is its part of the weights, of the load with this request, rounded up. */
static bool has_room(const gw_balancer_t *balancer, const gw_choice_t *choice, uint32_t index, uint64_t total_load,
                     uint64_t load_factor)
{
    uint64_t parts = balancer->size * (uint64_t)ALL;
    uint64_t bound = ((total_load + 1) * balancer->seats[index] * load_factor + parts - 1) / parts;
    return choice->load(choice->arg, index) < bound;
}

uint32_t gw_balancer_hash(const gw_balancer_t *balancer, const gw_hash_ring_t *ring, uint64_t hash, uint64_t total_load,
                          uint64_t load_factor, const gw_choice_t *choice)
{
    if (balancer->size == 0)
        return GW_NO_ENDPOINT;
    uint32_t first = GW_NO_ENDPOINT;
    if (ring != NULL) {
        size_t at = gw_hash_ring_find(ring, hash);
        for (size_t i = 0; i != gw_hash_ring_size(ring) && i != MAX_WALK; ++i) {
            uint32_t index = gw_hash_ring_next(ring, &at);
            if (balancer->weights[index] == 0 || !may(choice, index))
                continue;
            if (first == GW_NO_ENDPOINT)
                first = index;
            if (has_room(balancer, choice, index, total_load, load_factor))
                return index;
        }
        for (size_t i = 0; first != GW_NO_ENDPOINT && i != balancer->num_endpoints; ++i) { /* whom the walk missed */
            uint32_t index = (uint32_t)((hash + i) % balancer->num_endpoints);
            if (balancer->weights[index] != 0 && has_room(balancer, choice, index, total_load, load_factor) &&
                may(choice, index))
                return index;
        }
        if (first != GW_NO_ENDPOINT)
            return first;
    }
    /* only backups are in use, which have no place on the ring; or the walk found nothing */
    uint32_t index = balancer->entries[hash % balancer->size];
    return may(choice, index) ? index : scan(balancer, choice);
}
