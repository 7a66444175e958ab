/* SPDX-License-Identifier: MIT
 * The HTTP/2 guard. */
#include "gateway/http/syntax.h"
#include "gateway/server/guard.h"

const char *gw_guard_result_str(gw_guard_result_t result)
{
    static const char *const texts[] = {
#define GUARD_TEXT(id, text) text,
        GW_GUARD_MAP(GUARD_TEXT)
#undef GUARD_TEXT
    };
    return texts[result];
}

static bool is_path(gw_str_t method, gw_str_t path)
{
    if (path.len == 0)
        return false;
    if (path.ptr[0] != '/')
        return gw_str_equal(path, GW_STR("*")) && gw_str_equal(method, GW_STR("OPTIONS"));
    for (size_t i = 0; i != path.len; ++i) {
        unsigned char c = (unsigned char)path.ptr[i];
        if (c <= 0x20 || c >= 0x7f || c == '#')
            return false;
    }
    return true;
}

gw_guard_result_t gw_guard_request(gw_str_t method, gw_str_t path, gw_str_t authority)
{
    if (!gw_http_is_token(method))
        return GW_GUARD_METHOD_INVALID;
    if (gw_str_equal(method, GW_STR("CONNECT")))
        return GW_GUARD_METHOD_CONNECT;
    if (!is_path(method, path))
        return GW_GUARD_PATH_INVALID;
    if (authority.len == 0)
        return GW_GUARD_AUTHORITY_MISSING;
    if (!gw_http_is_authority(authority))
        return GW_GUARD_AUTHORITY_INVALID;
    return GW_GUARD_OK;
}

gw_guard_result_t gw_guard_field(gw_str_t name, gw_str_t value)
{
    if (!gw_http_is_token(name))
        return GW_GUARD_FIELD_NAME_INVALID;
    if (!gw_http_is_field_value(value))
        return GW_GUARD_FIELD_VALUE_INVALID;
    return GW_GUARD_OK;
}
