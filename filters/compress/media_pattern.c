/* SPDX-License-Identifier: MIT
 * Comparing media types. */
#include "filters/compress/media_pattern.h"
#include "gateway/http/syntax.h"

static bool has_star(gw_str_t s)
{
    return s.len != 0 && memchr(s.ptr, '*', s.len) != NULL;
}

static bool split(gw_str_t type, gw_str_t *ret_type, gw_str_t *ret_subtype)
{
    const char *slash = type.len != 0 ? memchr(type.ptr, '/', type.len) : NULL;
    if (slash == NULL)
        return false;
    *ret_type = gw_str(type.ptr, (size_t)(slash - type.ptr));
    *ret_subtype = gw_str(slash + 1, type.len - ret_type->len - 1);
    return gw_http_is_token(*ret_type) && gw_http_is_token(*ret_subtype);
}

bool gw_media_pattern_is_valid(gw_str_t pattern)
{
    gw_str_t type, subtype;
    if (!split(pattern, &type, &subtype))
        return false;
    if (gw_str_equal(pattern, GW_STR("*/*")))
        return true;
    if (gw_str_starts_with(subtype, GW_STR("*+")))
        subtype = gw_str(subtype.ptr + 2, subtype.len - 2);
    else if (gw_str_equal(subtype, GW_STR("*")))
        subtype.len = 0;
    return !has_star(type) && !has_star(subtype);
}

static bool ends_with_nocase(gw_str_t s, gw_str_t end)
{
    return s.len > end.len && gw_str_equal_nocase(gw_str(s.ptr + s.len - end.len, end.len), end);
}

bool gw_media_pattern_matches(gw_str_t pattern, gw_str_t value)
{
    gw_str_t type, subtype, wanted_type, wanted_subtype;
    const char *semicolon = value.len != 0 ? memchr(value.ptr, ';', value.len) : NULL;
    if (semicolon != NULL)
        value.len = (size_t)(semicolon - value.ptr);
    if (!split(gw_http_trim(value), &type, &subtype) || !split(pattern, &wanted_type, &wanted_subtype))
        return false;
    if (!gw_str_equal(wanted_type, GW_STR("*")) && !gw_str_equal_nocase(type, wanted_type))
        return false;
    if (gw_str_equal(wanted_subtype, GW_STR("*")))
        return true;
    if (gw_str_starts_with(wanted_subtype, GW_STR("*+")))
        return ends_with_nocase(subtype, gw_str(wanted_subtype.ptr + 1, wanted_subtype.len - 1));
    return gw_str_equal_nocase(subtype, wanted_subtype);
}
