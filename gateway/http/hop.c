/* SPDX-License-Identifier: MIT
 * Hop-by-hop fields. */
#include "gateway/http/hop.h"
#include "gateway/http/syntax.h"

#define IS(literal) (memcmp(name.ptr, literal, sizeof(literal) - 1) == 0)

bool gw_http_is_hop_by_hop(gw_str_t name)
{
    switch (name.len) {
    case 2:
        return IS("te");
    case 5:
        return IS("proxy");
    case 7:
        return IS("upgrade") || IS("trailer");
    case 10:
        return IS("connection") || IS("keep-alive");
    case 14:
        return IS("http2-settings");
    case 16:
        return IS("proxy-connection");
    case 17:
        return IS("transfer-encoding");
    case 18:
        return IS("proxy-authenticate");
    case 19:
        return IS("proxy-authorization");
    case 25:
        return IS("proxy-authentication-info");
    default:
        return false;
    }
}

static bool is_protected(gw_str_t name)
{
    switch (name.len) {
    case 4:
        return IS("host") || IS("date");
    case 12:
        return IS("content-type");
    case 13:
        return IS("content-range");
    case 14:
        return IS("content-length");
    case 16:
        return IS("content-encoding");
    default:
        return false;
    }
}

bool gw_http_connection_nominates(const gw_str_t *values, size_t num, gw_str_t name)
{
    for (size_t i = 0; i != num; ++i)
        if (gw_http_list_has(values[i], name))
            return !is_protected(name);
    return false;
}
