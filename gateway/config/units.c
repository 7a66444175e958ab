/* SPDX-License-Identifier: MIT
 * Numbers of the conf file and their units, read and written. */
#include "gateway/config/reader.h"

struct unit {
    const char *name;
    uint64_t factor;
};

/* largest first, so that writing finds the shortest form */
static const struct unit durations[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0}};
static const struct unit sizes[] = {{"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10},
                                    {"B", 1},          {"", 1},           {NULL, 0}};

/* @return the digits' end, or 0 when there are none or too many */
static size_t read_digits(gw_str_t s, uint64_t *ret)
{
    uint64_t value = 0;
    size_t i = 0;

    for (; i != s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; ++i)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.ptr[i] - '0'), &value))
            return 0;
    *ret = value;
    return i;
}

static bool parse_with_unit(gw_str_t s, const struct unit *units, uint64_t *ret)
{
    uint64_t value;
    size_t digits = read_digits(s, &value);
    gw_str_t name = gw_str(s.ptr + digits, s.len - digits);

    if (digits == 0)
        return false;
    if (name.len == 0 && value == 0) {
        *ret = 0; /* nothing is nothing in every unit */
        return true;
    }
    for (; units->name != NULL; ++units)
        if (gw_str_equal(name, gw_str_of(units->name)))
            return !__builtin_mul_overflow(value, units->factor, ret);
    return false;
}

bool gw_conf_parse_uint(gw_str_t s, uint64_t *ret)
{
    size_t digits = read_digits(s, ret);

    return digits != 0 && digits == s.len;
}

bool gw_conf_parse_duration(gw_str_t s, uint64_t *ret_ms)
{
    return parse_with_unit(s, durations, ret_ms);
}

bool gw_conf_parse_size(gw_str_t s, uint64_t *ret_bytes)
{
    return parse_with_unit(s, sizes, ret_bytes);
}

bool gw_conf_parse_percent(gw_str_t s, uint64_t *ret_hundredths)
{
    uint64_t whole, fraction = 0;
    size_t digits = read_digits(s, &whole), end = digits;

    if (digits == 0 || digits > 9)
        return false;
    if (end != s.len && s.ptr[end] == '.') {
        size_t decimals = read_digits(gw_str(s.ptr + end + 1, s.len - end - 1), &fraction);
        if (decimals == 0 || decimals > 2)
            return false;
        fraction *= decimals == 1 ? 10 : 1;
        end += 1 + decimals;
    }
    *ret_hundredths = whole * 100 + fraction;
    return s.len - end == 1 && s.ptr[end] == '%';
}

static const char *with_unit(gw_arena_t *arena, uint64_t value, const struct unit *units)
{
    while (units->factor != 1 && (value == 0 || value % units->factor != 0))
        ++units;
    return gw_arena_printf(arena, "%llu%s", (unsigned long long)(value / units->factor), units->name);
}

const char *gw_conf_duration_text(gw_arena_t *arena, uint64_t ms)
{
    return ms == 0 ? "0s" : with_unit(arena, ms, durations);
}

const char *gw_conf_size_text(gw_arena_t *arena, uint64_t bytes)
{
    return with_unit(arena, bytes, sizes);
}

const char *gw_conf_percent_text(gw_arena_t *arena, uint64_t hundredths)
{
    unsigned long long whole = hundredths / 100;
    unsigned fraction = (unsigned)(hundredths % 100);

    if (fraction == 0)
        return gw_arena_printf(arena, "%llu%%", whole);
    return fraction % 10 == 0 ? gw_arena_printf(arena, "%llu.%u%%", whole, fraction / 10)
                              : gw_arena_printf(arena, "%llu.%02u%%", whole, fraction);
}

static const char *bound(gw_arena_t *arena, const gw_field_t *field, uint64_t value)
{
    switch (field->type) {
    case GW_DURATION:
        return gw_conf_duration_text(arena, value);
    case GW_SIZE:
        return gw_conf_size_text(arena, value);
    case GW_PERCENT:
        return gw_conf_percent_text(arena, value);
    default:
        return gw_arena_printf(arena, "%llu", (unsigned long long)value);
    }
}

const char *gw_field_bounds(gw_arena_t *arena, const gw_field_t *field)
{
    const char *of = "";

    switch (field->type) {
    case GW_UINT:
    case GW_DURATION:
    case GW_SIZE:
    case GW_PERCENT:
        break;
    case GW_STRING:
        of = " bytes";
        break;
    case GW_STRINGS:
    case GW_PAIRS:
    case GW_LIST:
    case GW_MAP:
        of = " entries";
        break;
    default:
        return "";
    }
    if (field->min == 0 && field->max == 0)
        return "";
    if (field->min == 0 && *of != '\0')
        return gw_arena_printf(arena, "at most %s%s", bound(arena, field, field->max), of);
    if (field->max == 0)
        return gw_arena_printf(arena, "at least %s%s", bound(arena, field, field->min), of);
    return gw_arena_printf(arena, "%s..%s%s", bound(arena, field, field->min), bound(arena, field, field->max), of);
}

const char *gw_field_type(gw_arena_t *arena, const gw_field_t *field)
{
    const char *words = "";

    switch (field->type) {
    case GW_BOOL:
        return "true or false";
    case GW_UINT:
        return "number";
    case GW_DURATION:
        return "duration";
    case GW_SIZE:
        return "size";
    case GW_PERCENT:
        return "percentage";
    case GW_STRING:
        return "text";
    case GW_ENUM:
        for (const char *const *word = field->words; *word != NULL; ++word)
            words = gw_arena_printf(arena, "%s%s%s", words,
                                    *words == '\0'    ? ""
                                    : word[1] != NULL ? ", "
                                                      : " or ",
                                    *word);
        return words;
    case GW_STRINGS:
        return "list of texts";
    case GW_PAIRS:
        return "mapping of names to texts";
    case GW_SECTION:
        return "mapping";
    case GW_LIST:
        return "list";
    case GW_MAP:
        return "mapping of names";
    case GW_PATH:
        return "file name";
    case GW_CUSTOM:
        break;
    }
    return field->takes;
}

const char *gw_field_facts(gw_arena_t *arena, const gw_field_t *field)
{
    const char *bounds = gw_field_bounds(arena, field), *def = field->def != NULL ? field->def : field->def_text;

    return gw_arena_printf(arena, "%s%s%s%s%s%s%s%s", gw_field_type(arena, field), *bounds != '\0' ? ", " : "", bounds,
                           field->unit != NULL ? " " : "", field->unit != NULL ? field->unit : "",
                           field->is_required ? ", required" : "", def != NULL ? ", default " : "",
                           def != NULL ? def : "");
}
