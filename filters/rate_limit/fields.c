/* SPDX-License-Identifier: MIT
 * The fields of a limited response, written without printf: every answer has them, and most of them may be refusals. */
#include "filters/rate_limit/fields.h"
#include "gateway/base/decimal.h"

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static char *put(char *dst, gw_str_t text)
{
    memcpy(dst, text.ptr, text.len);
    return dst + text.len;
}

static char *put_number(char *dst, uint64_t number)
{
    return gw_put_decimal(dst, smaller(number, GW_RATE_INTEGER_MAX));
}

static char *put_name(char *dst, gw_str_t name)
{
    *dst++ = '"';
    dst = put(dst, name);
    *dst++ = '"';
    return dst;
}

static uint64_t seconds(uint64_t us)
{
    return us / 1000000 + (us % 1000000 != 0);
}

static uint64_t remaining_of(const gw_rate_state_t *state)
{
    return smaller(state->remaining, state->quota);
}

/** Nothing left is waited for even by who has no quota at all. */
static bool is_waited_for(const gw_rate_state_t *state)
{
    return state->remaining < state->quota || remaining_of(state) == 0;
}

/** @return 0: nothing is waited for */
static uint64_t seconds_to(const gw_rate_state_t *state, uint64_t us)
{
    if (!is_waited_for(state))
        return 0;
    return us != 0 ? seconds(us) : 1;
}

bool gw_rate_name_is_valid(gw_str_t name)
{
    for (size_t i = 0; i != name.len; ++i)
        if (name.ptr[i] < ' ' || name.ptr[i] > '~' || name.ptr[i] == '"' || name.ptr[i] == '\\')
            return false;
    return name.len != 0 && name.len <= GW_RATE_NAME_MAX;
}

uint64_t gw_rate_window_s(const gw_rate_t *rate, uint64_t burst)
{
    /* a large burst of a slow rate is beyond 64 bits */
    unsigned __int128 whole = (unsigned __int128)burst * rate->period_us,
                      divisor = (unsigned __int128)rate->tokens * 1000000;
    unsigned __int128 window_s = (whole + divisor - 1) / divisor;
    if (window_s > GW_RATE_INTEGER_MAX)
        return GW_RATE_INTEGER_MAX;
    return window_s != 0 ? (uint64_t)window_s : 1;
}

size_t gw_rate_policy_field(const gw_rate_state_t *states, size_t num, char text[GW_RATE_FIELDS_MAX])
{
    char *dst = text;
    for (size_t i = 0; i != num; ++i) {
        if (i != 0)
            dst = put(dst, GW_STR(", "));
        dst = put_name(dst, states[i].name);
        dst = put(dst, GW_STR(";q="));
        dst = put_number(dst, states[i].quota);
        dst = put(dst, GW_STR(";w="));
        dst = put_number(dst, states[i].window_s != 0 ? states[i].window_s : 1);
    }
    return (size_t)(dst - text);
}

size_t gw_rate_limit_field(const gw_rate_state_t *states, size_t num, char text[GW_RATE_FIELDS_MAX])
{
    char *dst = text;
    for (size_t i = 0; i != num; ++i) {
        if (i != 0)
            dst = put(dst, GW_STR(", "));
        dst = put_name(dst, states[i].name);
        dst = put(dst, GW_STR(";r="));
        dst = put_number(dst, remaining_of(&states[i]));
        if (!is_waited_for(&states[i]))
            continue;
        dst = put(dst, GW_STR(";t="));
        dst = put_number(dst, seconds_to(&states[i], states[i].next_us));
    }
    return (size_t)(dst - text);
}

size_t gw_rate_violated_member(const gw_rate_state_t *states, size_t num, uint32_t violated,
                               char text[GW_RATE_FIELDS_MAX])
{
    char *dst = put(text, GW_STR("\"violated-policies\":["));
    bool is_first = true;
    for (size_t i = 0; i != num; ++i) {
        if ((violated >> i & 1) == 0)
            continue;
        if (!is_first)
            *dst++ = ',';
        is_first = false;
        dst = put_name(dst, states[i].name);
    }
    *dst++ = ']';
    return (size_t)(dst - text);
}

static bool is_closer(const gw_rate_state_t *a, const gw_rate_state_t *b)
{
    uint64_t of_a = remaining_of(a), of_b = remaining_of(b);
    return of_a != of_b ? of_a < of_b : seconds_to(a, a->full_us) > seconds_to(b, b->full_us);
}

gw_rate_x_fields_t gw_rate_x_fields(const gw_rate_state_t *states, size_t num, char text[GW_RATE_X_FIELDS_MAX])
{
    const gw_rate_state_t *closest = &states[0];
    for (size_t i = 1; i < num; ++i)
        if (is_closer(&states[i], closest))
            closest = &states[i];
    char *remaining = put_number(text, closest->quota);
    char *reset = put_number(remaining, remaining_of(closest));
    char *end = put_number(reset, seconds_to(closest, closest->full_us));
    return (gw_rate_x_fields_t){
        .limit = gw_str(text, (size_t)(remaining - text)),
        .remaining = gw_str(remaining, (size_t)(reset - remaining)),
        .reset = gw_str(reset, (size_t)(end - reset)),
    };
}

size_t gw_concurrency_policy_field(gw_str_t name, uint64_t max, char text[GW_CONCURRENCY_FIELD_MAX])
{
    char *dst = put(put_name(text, name), GW_STR(";q="));
    dst = put(put_number(dst, max), GW_STR(";qu=\"concurrent-requests\""));
    return (size_t)(dst - text);
}

size_t gw_concurrency_limit_field(gw_str_t name, uint64_t remaining, char text[GW_CONCURRENCY_FIELD_MAX])
{
    char *dst = put(put_name(text, name), GW_STR(";r="));
    return (size_t)(put_number(dst, remaining) - text);
}

uint64_t gw_rate_retry_after_s(const gw_rate_state_t *states, size_t num, uint64_t wait_us)
{
    uint64_t most = seconds(wait_us != 0 ? wait_us : 1);
    for (size_t i = 0; i != num; ++i) {
        uint64_t next = remaining_of(&states[i]) == 0 ? seconds_to(&states[i], states[i].next_us) : 0;
        if (next > most)
            most = next;
    }
    return most;
}
