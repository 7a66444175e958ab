/* SPDX-License-Identifier: MIT
 * Rates of the conf file, read and written. */
#include <stdio.h>
#include "filters/rate_limit/rate.h"

static const struct unit {
    gw_str_t name;
    uint64_t us;
} units[] = {
    /* largest first, so that writing finds the shortest form */
    {{"d", 1}, 86400000000}, {{"h", 1}, 3600000000}, {{"m", 1}, 60000000}, {{"s", 1}, 1000000}, {{"ms", 2}, 1000},
};
static const size_t num_units = sizeof(units) / sizeof(units[0]);

static const char form[] = "a rate such as 100/s, 1000/h or 5/250ms";
static const char tokens_bounds[] = "1..1000000000 before the '/'";
static const char period_bounds[] = "1ms..366d after the '/'";

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number too long for its bounds is as good as the first one beyond them: no number overflows.
 * @return how many digits there are */
static size_t read_number(gw_str_t text, uint64_t beyond, uint64_t *ret)
{
    size_t len = 0;
    for (*ret = 0; len != text.len && is_digit(text.ptr[len]); ++len)
        if (*ret < beyond)
            *ret = *ret * 10 + (uint64_t)(text.ptr[len] - '0');
    return len;
}

static bool refuse(const char *wanted, const char **ret_wanted)
{
    *ret_wanted = wanted;
    return false;
}

static bool read_tokens(gw_str_t text, uint64_t *ret, const char **ret_wanted)
{
    if (text.len != 0 && text.ptr[0] == '-')
        return refuse(tokens_bounds, ret_wanted);
    size_t digits = read_number(text, GW_RATE_MAX_TOKENS + 1, ret);
    if (digits != text.len)
        return refuse("a whole number before the '/'", ret_wanted);
    if (digits == 0)
        return refuse("a number of tokens before the '/'", ret_wanted);
    if (digits > 1 && text.ptr[0] == '0')
        return refuse("a number without leading zeros before the '/'", ret_wanted);
    if (*ret == 0 || *ret > GW_RATE_MAX_TOKENS)
        return refuse(tokens_bounds, ret_wanted);
    return true;
}

static const struct unit *find_unit(gw_str_t name)
{
    for (size_t i = 0; i != num_units; ++i)
        if (gw_str_equal(units[i].name, name))
            return &units[i];
    return NULL;
}

static bool read_period(gw_str_t text, uint64_t *ret_us, const char **ret_wanted)
{
    uint64_t number;
    size_t digits = read_number(text, GW_RATE_MAX_PERIOD_US, &number);
    const struct unit *unit = find_unit(gw_str(text.ptr + digits, text.len - digits));
    if (unit == NULL)
        return refuse("s, m, h, d or a time such as 250ms after the '/'", ret_wanted);
    if (digits == 0 && unit == &units[num_units - 1])
        return refuse("1ms, with its number, after the '/'",
                      ret_wanted); /* "100/ms" is more often a mistyped "100/m" */
    if (digits > 1 && text.ptr[0] == '0')
        return refuse("a number without leading zeros after the '/'", ret_wanted);
    if (digits == 0)
        number = 1;
    if (__builtin_mul_overflow(number, unit->us, ret_us) || *ret_us < GW_RATE_MIN_PERIOD_US ||
        *ret_us > GW_RATE_MAX_PERIOD_US)
        return refuse(period_bounds, ret_wanted);
    return true;
}

bool gw_rate_parse(gw_str_t text, gw_rate_t *ret, const char **ret_wanted)
{
    const char *slash = text.len != 0 ? memchr(text.ptr, '/', text.len) : NULL;
    if (slash == NULL)
        return refuse(form, ret_wanted);
    size_t before = (size_t)(slash - text.ptr);
    gw_rate_t rate;
    if (!read_tokens(gw_str(text.ptr, before), &rate.tokens, ret_wanted) ||
        !read_period(gw_str(slash + 1, text.len - before - 1), &rate.period_us, ret_wanted))
        return false;
    *ret = rate;
    return true;
}

size_t gw_rate_print(const gw_rate_t *rate, char text[GW_RATE_TEXT_MAX])
{
    const struct unit *unit = units;
    while (unit != &units[num_units - 1] && rate->period_us % unit->us != 0)
        ++unit;
    unsigned long long tokens = rate->tokens, number = rate->period_us / unit->us;
    bool is_alone = number == 1 && unit != &units[num_units - 1];
    int len = is_alone ? snprintf(text, GW_RATE_TEXT_MAX, "%llu/%s", tokens, unit->name.ptr)
                       : snprintf(text, GW_RATE_TEXT_MAX, "%llu/%llu%s", tokens, number, unit->name.ptr);
    return (size_t)len;
}
