/* SPDX-License-Identifier: MIT
 * Origins: taking them apart and comparing them. */
#include "filters/origin.h"

static bool is_alpha(char c)
{
    c = gw_ascii_lower(c);
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_scheme(gw_str_t s)
{
    if (s.len == 0 || !is_alpha(s.ptr[0]))
        return false;
    for (size_t i = 1; i != s.len; ++i)
        if (!is_alpha(s.ptr[i]) && !is_digit(s.ptr[i]) && s.ptr[i] != '+' && s.ptr[i] != '-' && s.ptr[i] != '.')
            return false;
    return true;
}

/** Labels of letters, digits, '-' and '_', none of them empty: what a wildcard stands for is nothing but labels. */
static bool is_name(gw_str_t s)
{
    if (s.len == 0 || s.len > 253)
        return false;
    for (size_t i = 0; i != s.len; ++i) {
        char c = s.ptr[i];
        bool is_end = i + 1 == s.len || s.ptr[i + 1] == '.';
        if (c == '.' ? i == 0 || is_end : !is_alpha(c) && !is_digit(c) && c != '-' && c != '_')
            return false;
    }
    return true;
}

static bool is_ipv6(gw_str_t s)
{
    if (s.len < 4 || s.ptr[0] != '[' || s.ptr[s.len - 1] != ']')
        return false;
    for (size_t i = 1; i != s.len - 1; ++i) {
        char c = gw_ascii_lower(s.ptr[i]);
        if (!is_digit(c) && !(c >= 'a' && c <= 'f') && c != ':' && c != '.')
            return false;
    }
    return true;
}

static bool is_port(gw_str_t s)
{
    if (s.len == 0 || s.len > 5)
        return false;
    for (size_t i = 0; i != s.len; ++i)
        if (!is_digit(s.ptr[i]))
            return false;
    return true;
}

/** Takes ":port" off the end.  @return false when what follows the ':' is no port */
static bool split_port(gw_str_t authority, gw_str_t *ret_host, gw_str_t *ret_port)
{
    const char *colon = authority.len != 0 ? memrchr(authority.ptr, ':', authority.len) : NULL;
    *ret_host = authority;
    *ret_port = gw_str(NULL, 0);
    if (colon == NULL || authority.ptr[authority.len - 1] == ']')
        return true;
    ret_host->len = (size_t)(colon - authority.ptr);
    *ret_port = gw_str(colon + 1, authority.len - ret_host->len - 1);
    return is_port(*ret_port);
}

static bool split(gw_str_t text, gw_str_t *ret_scheme, gw_str_t *ret_authority)
{
    const char *colon = text.len != 0 ? memchr(text.ptr, ':', text.len) : NULL;
    if (colon == NULL)
        return false;
    *ret_scheme = gw_str(text.ptr, (size_t)(colon - text.ptr));
    gw_str_t rest = gw_str(colon, text.len - ret_scheme->len);
    if (!is_scheme(*ret_scheme) || !gw_str_starts_with(rest, GW_STR("://")))
        return false;
    *ret_authority = gw_str(rest.ptr + 3, rest.len - 3);
    return true;
}

bool gw_origin_parse(gw_str_t text, gw_origin_t *ret)
{
    gw_str_t authority;
    return split(text, &ret->scheme, &authority) && split_port(authority, &ret->host, &ret->port) &&
           (is_name(ret->host) || is_ipv6(ret->host));
}

static gw_str_t default_port(gw_str_t scheme)
{
    if (gw_str_equal_nocase(scheme, GW_STR("https")))
        return GW_STR("443");
    return gw_str_equal_nocase(scheme, GW_STR("http")) ? GW_STR("80") : gw_str(NULL, 0);
}

gw_origin_problem_t gw_origin_pattern_parse(gw_str_t text, gw_origin_pattern_t *ret)
{
    gw_origin_t *origin = &ret->origin;
    gw_str_t authority;
    for (size_t i = 0; i != text.len; ++i)
        if ((unsigned char)text.ptr[i] >= 0x80)
            return GW_ORIGIN_NOT_ASCII;
    if (!split(text, &origin->scheme, &authority))
        return GW_ORIGIN_NO_SCHEME;
    if (authority.len != 0 && memchr(authority.ptr, '/', authority.len) != NULL)
        return GW_ORIGIN_HAS_PATH;
    ret->is_wildcard = gw_str_starts_with(authority, GW_STR("*."));
    if (ret->is_wildcard)
        authority = gw_str(authority.ptr + 2, authority.len - 2);
    if (authority.len != 0 && memchr(authority.ptr, '*', authority.len) != NULL)
        return GW_ORIGIN_HAS_WILDCARD;
    if (!split_port(authority, &origin->host, &origin->port) ||
        !(is_name(origin->host) || (!ret->is_wildcard && is_ipv6(origin->host))))
        return GW_ORIGIN_WRONG;
    if (origin->port.len != 0 && gw_str_equal(origin->port, default_port(origin->scheme)))
        return GW_ORIGIN_HAS_DEFAULT_PORT;
    if (ret->is_wildcard)
        origin->host = gw_str(origin->host.ptr - 1, origin->host.len + 1);
    return GW_ORIGIN_FINE;
}

const char *gw_origin_hint(gw_origin_problem_t problem)
{
    switch (problem) {
    case GW_ORIGIN_NO_SCHEME:
        return "an origin begins with its scheme: https://app.example.com";
    case GW_ORIGIN_HAS_PATH:
        return "an origin has no path, not even a '/' at its end";
    case GW_ORIGIN_HAS_DEFAULT_PORT:
        return "browsers leave the default port out";
    case GW_ORIGIN_HAS_WILDCARD:
        return "a wildcard stands for the first labels only: https://*.example.com";
    case GW_ORIGIN_NOT_ASCII:
        return "browsers send such names in their ASCII form, which begins with xn--";
    case GW_ORIGIN_FINE:
    case GW_ORIGIN_WRONG:
        break;
    }
    return NULL;
}

static bool ends_with_nocase(gw_str_t s, gw_str_t end)
{
    return s.len >= end.len && gw_str_equal_nocase(gw_str(s.ptr + s.len - end.len, end.len), end);
}

bool gw_origin_matches(const gw_origin_t *origin, const gw_origin_pattern_t *pattern)
{
    const gw_origin_t *wanted = &pattern->origin;
    if (!gw_str_equal(origin->port, wanted->port) || !gw_str_equal_nocase(origin->scheme, wanted->scheme))
        return false;
    if (pattern->is_wildcard) /* a host does not begin with a dot, so something stands in front */
        return ends_with_nocase(origin->host, wanted->host);
    return gw_str_equal_nocase(origin->host, wanted->host);
}

bool gw_origin_is_of(const gw_origin_t *origin, gw_str_t authority, bool is_tls)
{
    gw_str_t host, port, own = default_port(origin->scheme);
    if (!split_port(authority, &host, &port) || !gw_str_equal_nocase(host, origin->host))
        return false;
    if (is_tls && !gw_str_equal_nocase(origin->scheme, GW_STR("https")))
        return false;
    return gw_str_equal(port.len != 0 ? port : own, origin->port.len != 0 ? origin->port : own);
}
