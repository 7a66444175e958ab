/* SPDX-License-Identifier: MIT
 * The leases of a process. */
#include <stdlib.h>
#include "filters/rate_limit/bucket_table.h"
#include "filters/rate_limit/store/lease.h"
#include "gateway/base/memory.h"

enum { until_bits = 38, token_bits = 20, num_turns = 63, room_after_ms = 1000 };

/* tokens above the most that can be say that there are none, and by whom: 8 bits */
#define REFUSED ((1u << token_bits) - 256)
_Static_assert(GW_LEASE_MAX_TOKENS < REFUSED, "tokens and refusals differ");

struct gw_leases {
    gw_bucket_table_t *table;
};

typedef struct parts {
    uint64_t turn, tokens, until_ms;
} parts_t;

static parts_t unpack(uint64_t value)
{
    return (parts_t){
        .turn = value >> (until_bits + token_bits),
        .tokens = value >> until_bits & ((1u << token_bits) - 1),
        .until_ms = value & ((1ull << until_bits) - 1),
    };
}

static uint64_t pack(parts_t parts)
{
    uint64_t most_ms = (1ull << until_bits) - 1; /* after eight years of running */
    return parts.turn << (until_bits + token_bits) | parts.tokens << until_bits |
           (parts.until_ms < most_ms ? parts.until_ms : most_ms);
}

static bool is_refusal(parts_t lease)
{
    return lease.tokens >= REFUSED;
}

static uint64_t tokens_of(parts_t lease)
{
    return is_refusal(lease) ? 0 : lease.tokens;
}

static uint64_t usable(parts_t lease, uint64_t now_ms)
{
    return lease.until_ms > now_ms ? tokens_of(lease) : 0;
}

/** Tokens that are over stay a while for the worker that has to bring them back. */
static bool is_free(uint64_t value, uint64_t now_ms)
{
    parts_t lease = unpack(value);
    return lease.tokens == 0 || lease.until_ms + (is_refusal(lease) ? 0 : room_after_ms) <= now_ms;
}

/** The turn differs from that of the last 62 keys in this place; so many calls of the store take longer than a thread
 * can look away without the time being another one too.  It is never 63: no number is UINT64_MAX. */
static uint64_t fresh(uint64_t old)
{
    parts_t lease = unpack(old);
    return pack((parts_t){.turn = (lease.turn + 1) % num_turns, .until_ms = lease.until_ms});
}

static const gw_bucket_kind_t leases_kind = {.is_free = is_free, .fresh = fresh};

typedef struct change {
    gw_bucket_change_t super;
    uint64_t now_ms, until_ms, tokens, most;
    uint32_t refused_by;
    bool is_forced;
    /* of the last call */
    parts_t found;
    uint64_t result;
} change_t;

static uint64_t apply_take(gw_bucket_change_t *super, uint64_t value)
{
    change_t *change = (change_t *)super;
    parts_t lease = change->found = unpack(value);
    uint64_t there = usable(lease, change->now_ms);
    change->result = there >= change->tokens ? change->tokens : 0;
    if (change->result == 0)
        return value;
    lease.tokens -= change->tokens;
    return pack(lease);
}

static uint64_t apply_take_some(gw_bucket_change_t *super, uint64_t value)
{
    change_t *change = (change_t *)super;
    parts_t lease = unpack(value);
    uint64_t there = usable(lease, change->now_ms);
    change->result = there < change->tokens ? there : change->tokens;
    if (change->result == 0)
        return value;
    lease.tokens -= change->result;
    return pack(lease);
}

static uint64_t apply_add(gw_bucket_change_t *super, uint64_t value)
{
    change_t *change = (change_t *)super;
    parts_t lease = unpack(value);
    uint64_t there = usable(lease, change->now_ms), over = tokens_of(lease) - there, sum = there + change->tokens;
    if (sum > change->most) {
        over += sum - change->most;
        sum = change->most;
    }
    change->result = over;
    return pack((parts_t){.turn = lease.turn, .tokens = sum, .until_ms = change->until_ms});
}

static uint64_t apply_put_back(gw_bucket_change_t *super, uint64_t value)
{
    change_t *change = (change_t *)super;
    parts_t lease = unpack(value);
    change->result = change->tokens;
    if (is_refusal(lease) || lease.until_ms <= change->now_ms || lease.tokens >= change->most)
        return value;
    uint64_t room = change->most - lease.tokens, num = change->tokens < room ? change->tokens : room;
    change->result -= num;
    lease.tokens += num;
    return pack(lease);
}

static uint64_t apply_refuse(gw_bucket_change_t *super, uint64_t value)
{
    change_t *change = (change_t *)super;
    parts_t lease = unpack(value);
    if (tokens_of(lease) != 0)
        return value;
    lease.tokens = REFUSED | (change->refused_by & 255);
    lease.until_ms = change->until_ms;
    return pack(lease);
}

static uint64_t apply_end(gw_bucket_change_t *super, uint64_t value)
{
    change_t *change = (change_t *)super;
    parts_t lease = unpack(value);
    change->result = change->is_forced || lease.until_ms <= change->now_ms ? tokens_of(lease) : 0;
    if (change->result == 0)
        return value;
    lease.tokens = 0;
    return pack(lease);
}

static bool do_change(gw_leases_t *leases, uint64_t hash, bool may_bring_in, change_t *change)
{
    return gw_bucket_table_change(leases->table, hash, change->now_ms, may_bring_in, &change->super) ==
           GW_BUCKET_CHANGED;
}

gw_lease_result_t gw_lease_take(gw_leases_t *leases, uint64_t hash, uint64_t now_ms, uint64_t tokens,
                                gw_lease_state_t *ret)
{
    change_t change = {.super = {apply_take}, .now_ms = now_ms, .tokens = tokens};
    *ret = (gw_lease_state_t){0};
    if (!do_change(leases, hash, false, &change))
        return GW_LEASE_NONE;
    if (is_refusal(change.found) && change.found.until_ms > now_ms) {
        ret->wait_ms = change.found.until_ms - now_ms;
        ret->refused_by = (uint32_t)(change.found.tokens - REFUSED);
        return GW_LEASE_REFUSED;
    }
    uint64_t there = usable(change.found, now_ms);
    ret->left = there - change.result;
    return there != 0 && there >= tokens ? GW_LEASE_TAKEN : GW_LEASE_NONE;
}

uint64_t gw_lease_take_some(gw_leases_t *leases, uint64_t hash, uint64_t now_ms, uint64_t tokens)
{
    change_t change = {.super = {apply_take_some}, .now_ms = now_ms, .tokens = tokens};
    return do_change(leases, hash, false, &change) ? change.result : 0;
}

uint64_t gw_lease_add(gw_leases_t *leases, uint64_t hash, uint64_t now_ms, uint64_t tokens, uint64_t most,
                      uint64_t until_ms)
{
    change_t change = {.super = {apply_add}, .now_ms = now_ms, .tokens = tokens, .most = most, .until_ms = until_ms};
    return do_change(leases, hash, true, &change) ? change.result : tokens;
}

uint64_t gw_lease_put_back(gw_leases_t *leases, uint64_t hash, uint64_t now_ms, uint64_t tokens, uint64_t most)
{
    change_t change = {.super = {apply_put_back}, .now_ms = now_ms, .tokens = tokens, .most = most};
    return do_change(leases, hash, false, &change) ? change.result : tokens;
}

void gw_lease_refuse(gw_leases_t *leases, uint64_t hash, uint64_t now_ms, uint64_t until_ms, uint32_t refused_by)
{
    change_t change = {.super = {apply_refuse}, .now_ms = now_ms, .until_ms = until_ms, .refused_by = refused_by};
    do_change(leases, hash, true, &change); /* no room: the store is asked again */
}

uint64_t gw_lease_end(gw_leases_t *leases, uint64_t hash, uint64_t now_ms, bool is_forced)
{
    change_t change = {.super = {apply_end}, .now_ms = now_ms, .is_forced = is_forced};
    return do_change(leases, hash, false, &change) ? change.result : 0;
}

gw_leases_t *gw_leases_create(size_t keys)
{
    gw_leases_t *leases = gw_must_alloc(1, sizeof(*leases));
    leases->table = gw_bucket_table_create(&leases_kind, keys);
    return leases;
}

gw_leases_t *gw_leases_free(gw_leases_t *leases)
{
    if (leases != NULL)
        gw_bucket_table_free(leases->table);
    free(leases);
    return NULL;
}
