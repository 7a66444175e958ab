/* SPDX-License-Identifier: MIT
 * Fuzz target: any bytes as the states of some limits.  What a parser of structured fields reads from the fields is
 * what the states say, as far as they agree with themselves, and never a contradiction. */
#include <stdlib.h>
#include "filters/rate_limit/fields.h"
#include "tests/support/structured_fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

typedef struct bytes {
    const uint8_t *at, *end;
} bytes_t;

static uint64_t take(bytes_t *bytes, size_t num)
{
    uint64_t number = 0;
    for (; num != 0 && bytes->at != bytes->end; --num)
        number = number << 8 | *bytes->at++;
    return number;
}

/** Up to 32 bytes; what is not valid is named otherwise, as the conf would have to. */
static gw_str_t take_name(bytes_t *bytes)
{
    size_t len = take(bytes, 1) % (GW_RATE_NAME_MAX + 2);
    if ((size_t)(bytes->end - bytes->at) < len)
        len = (size_t)(bytes->end - bytes->at);
    gw_str_t name = gw_str((const char *)bytes->at, len);
    bytes->at += len;
    return gw_rate_name_is_valid(name) ? name : GW_STR("other");
}

static gw_rate_state_t take_state(bytes_t *bytes)
{
    gw_rate_state_t state = {.name = take_name(bytes)};
    uint64_t *const numbers[] = {&state.quota, &state.window_s, &state.remaining, &state.next_us, &state.full_us};
    for (size_t i = 0; i != sizeof(numbers) / sizeof(numbers[0]); ++i)
        *numbers[i] = take(bytes, take(bytes, 1) % 9);
    return state;
}

static uint64_t bounded(uint64_t number, uint64_t most)
{
    return number < most ? number : most;
}

static uint64_t integer(const sf_item_t *item, const char *key)
{
    const sf_bare_t *value = sf_parameter(item, key);
    must(value != NULL && value->type == SF_INTEGER && value->number >= 0);
    return (uint64_t)value->number;
}

static void check_name(const sf_item_t *item, gw_str_t name)
{
    must(item->value.type == SF_STRING && gw_str_equal(gw_str(item->value.text, item->value.len), name));
}

static void check(const gw_rate_state_t *states, size_t num, gw_arena_t *arena)
{
    char *text = malloc(GW_RATE_FIELDS_MAX); /* so that sanitizers see writes beyond it */
    sf_list_t policies, limits;
    must(sf_parse_list(arena, text, gw_rate_policy_field(states, num, text), &policies) && policies.size == num);
    must(sf_parse_list(arena, text, gw_rate_limit_field(states, num, text), &limits) && limits.size == num);
    uint64_t retry_after = gw_rate_retry_after_s(states, num, states[0].next_us);
    for (size_t i = 0; i != num; ++i) {
        const gw_rate_state_t *state = &states[i];
        check_name(&policies.items[i], state->name);
        check_name(&limits.items[i], state->name);
        uint64_t q = integer(&policies.items[i], "q"), r = integer(&limits.items[i], "r");
        must(q == bounded(state->quota, GW_RATE_INTEGER_MAX));
        must(r == bounded(bounded(state->remaining, state->quota), GW_RATE_INTEGER_MAX));
        uint64_t window_s = state->window_s != 0 ? state->window_s : 1;
        must(integer(&policies.items[i], "w") == bounded(window_s, GW_RATE_INTEGER_MAX));
        bool is_waited_for = sf_parameter(&limits.items[i], "t") != NULL;
        must(is_waited_for == (state->remaining < state->quota || state->quota == 0 || state->remaining == 0));
        uint64_t t = is_waited_for ? integer(&limits.items[i], "t") : 0;
        must(!is_waited_for ||
             t == (state->next_us != 0 ? state->next_us / 1000000 + (state->next_us % 1000000 != 0) : 1));
        must(r != 0 || (t >= 1 && retry_after >= t));
    }
    must(gw_rate_violated_member(states, num, ~0u, text) <= GW_RATE_FIELDS_MAX);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bytes_t bytes = {data, data + size};
    gw_rate_state_t states[GW_RATE_MAX_LIMITS];
    size_t num = 0;
    gw_arena_t *arena = gw_arena_create();
    while (bytes.at != bytes.end && num != GW_RATE_MAX_LIMITS)
        states[num++] = take_state(&bytes);
    if (num != 0) {
        check(states, num, arena);
        char *text = malloc(GW_RATE_X_FIELDS_MAX);
        gw_rate_x_fields_t fields = gw_rate_x_fields(states, num, text);
        sf_item_t limit, remaining, reset;
        must(sf_parse_item(arena, fields.limit.ptr, fields.limit.len, &limit));
        must(sf_parse_item(arena, fields.remaining.ptr, fields.remaining.len, &remaining));
        must(sf_parse_item(arena, fields.reset.ptr, fields.reset.len, &reset));
        must(remaining.value.number <= limit.value.number);
        must(remaining.value.number != 0 || reset.value.number >= 1);
        free(text);
    }
    gw_arena_free(arena);
    return 0;
}
