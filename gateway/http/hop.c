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
    case 3:
        return IS("via");
    case 4:
        return IS("host") || IS("date");
    case 9:
        return IS("forwarded");
    case 12:
        return IS("content-type") || IS("x-request-id");
    case 13:
        return IS("content-range");
    case 14:
        return IS("content-length");
    case 15:
        return IS("x-forwarded-for"); /* what proxies say of the client is not the client's to take away */
    case 16:
        return IS("content-encoding") || IS("x-forwarded-host") || IS("x-forwarded-port");
    case 17:
        return IS("x-forwarded-proto");
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

bool gw_http_is_read_as(gw_str_t a, gw_str_t b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i != a.len; ++i)
        if (a.ptr[i] != b.ptr[i] && ((a.ptr[i] != '_' && a.ptr[i] != '-') || (b.ptr[i] != '_' && b.ptr[i] != '-')))
            return false;
    return true;
}

bool gw_http_is_of_the_gateway(gw_str_t name)
{
    static const char *const ours[] = {
        "host",
        "content-length",
        "expect",
        "via",
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-request-id",
        "x-forwarded-proto",
        "connection",
        "keep-alive",
        "proxy",
        "proxy-connection",
        "te",
        "trailer",
        "http2-settings",
        "transfer-encoding",
        "upgrade",
        "proxy-authenticate",
        "x-request-timeout-ms",
        "proxy-authorization",
        "proxy-authentication-info",
    };
    for (size_t i = 0; i != sizeof(ours) / sizeof(ours[0]); ++i)
        if (gw_http_is_read_as(name, gw_str_of(ours[i])))
            return true;
    return false;
}
