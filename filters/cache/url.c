/* SPDX-License-Identifier: MIT
 * Canonical URLs.  A query that needs nothing is copied as it is; one with rules is cut at its '&', chosen from, put in
 * order, and only then written, so that no memory is needed but a table of its parameters. */
#include <assert.h>
#include "filters/cache/url.h"
#include "gateway/http/syntax.h"
#include "gateway/routing/path.h"

/* bytes and their escapes ------------------------------------------------------------------------------------------ */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = gw_ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const bool is_unreserved[256] = {
    ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['-'] = true,
    ['.'] = true,         ['_'] = true,         ['~'] = true,
};

typedef struct character {
    unsigned char byte;
    bool is_escaped; /* and not only another spelling: RFC 3986 2.3 */
} character_t;

/** Takes a byte, or the one that an escape stands for.  A '%' without two digits stands for itself. */
static inline character_t next_character(gw_str_t *s)
{
    unsigned char c = (unsigned char)*s->ptr;
    int high, low;
    if (c == '%' && s->len >= 3 && (high = hex_value(s->ptr[1])) >= 0 && (low = hex_value(s->ptr[2])) >= 0) {
        c = (unsigned char)(high << 4 | low);
        *s = gw_str(s->ptr + 3, s->len - 3);
        return (character_t){c, !is_unreserved[c]};
    }
    *s = gw_str(s->ptr + 1, s->len - 1);
    return (character_t){c, false};
}

static inline char *put(char *at, gw_str_t s)
{
    if (s.len != 0)
        memcpy(at, s.ptr, s.len);
    return at + s.len;
}

/** Whether each '%' has its two digits; one that has not may be read differently by everyone. */
static bool has_good_escapes(gw_str_t s)
{
    for (const char *at = s.ptr, *end = s.ptr + s.len; (at = memchr(at, '%', (size_t)(end - at))) != NULL; at += 3)
        if (end - at < 3 || hex_value(at[1]) < 0 || hex_value(at[2]) < 0)
            return false;
    return true;
}

/** RFC 3986 6.2.2.1 and 6.2.2.2.  What has a malformed escape stays as it is: "%%341" would become "%41", which means
 * something else. */
static char *put_normal(char *at, gw_str_t s)
{
    static const char digits[] = "0123456789ABCDEF";
    if (s.len == 0 || memchr(s.ptr, '%', s.len) == NULL || !has_good_escapes(s))
        return put(at, s);
    while (s.len != 0) {
        const char *escape = memchr(s.ptr, '%', s.len);
        size_t plain = escape != NULL ? (size_t)(escape - s.ptr) : s.len;
        at = put(at, gw_str(s.ptr, plain));
        s = gw_str(s.ptr + plain, s.len - plain);
        if (s.len == 0)
            break;
        character_t c = next_character(&s);
        if (c.is_escaped) {
            *at++ = '%';
            *at++ = digits[c.byte >> 4];
            *at++ = digits[c.byte & 15];
        } else {
            *at++ = (char)c.byte;
        }
    }
    return at;
}

/* parameters ------------------------------------------------------------------------------------------------------- */

typedef struct parameter {
    const char *text;
    uint32_t len, name_len;
} parameter_t;

static parameter_t next_parameter(gw_str_t *rest, bool *ret_is_last)
{
    const char *end = rest->len != 0 ? memchr(rest->ptr, '&', rest->len) : NULL;
    size_t len = end != NULL ? (size_t)(end - rest->ptr) : rest->len;
    const char *equals = len != 0 ? memchr(rest->ptr, '=', len) : NULL;
    parameter_t parameter = {rest->ptr, (uint32_t)len, (uint32_t)(equals != NULL ? (size_t)(equals - rest->ptr) : len)};
    *ret_is_last = end == NULL;
    if (end != NULL)
        *rest = gw_str(end + 1, rest->len - len - 1);
    return parameter;
}

/** Whether the name, with all its escapes read, is the one of the rule: what the origin reads as the same parameter
 * must fall under the same rule, however it is spelt. */
static bool has_name(gw_str_t name, gw_str_t rule)
{
    bool is_prefix = rule.len != 0 && rule.ptr[rule.len - 1] == '*';
    size_t wanted = rule.len - is_prefix, i = 0;
    for (; i != wanted && name.len != 0; ++i)
        if (next_character(&name).byte != (unsigned char)rule.ptr[i])
            return false;
    return i == wanted && (is_prefix || name.len == 0);
}

static bool counts(const parameter_t *parameter, const gw_cache_query_rules_t *rules)
{
    bool is_named = false;
    if (rules->mode == GW_QUERY_ALL)
        return true;
    for (size_t i = 0; i != rules->num_names && !is_named; ++i)
        is_named = has_name(gw_str(parameter->text, parameter->name_len), rules->names[i]);
    return is_named == (rules->mode == GW_QUERY_ONLY);
}

/** By their names as they will be written: an escaped character and a plain one are not the same, whatever they are. */
static int compare_names(const parameter_t *a, const parameter_t *b)
{
    gw_str_t s = gw_str(a->text, a->name_len), t = gw_str(b->text, b->name_len);
    while (s.len != 0 && t.len != 0) {
        character_t c = next_character(&s), d = next_character(&t);
        if (c.byte != d.byte)
            return c.byte < d.byte ? -1 : 1;
        if (c.is_escaped != d.is_escaped)
            return c.is_escaped ? 1 : -1;
    }
    return s.len != 0 ? 1 : t.len != 0 ? -1 : 0;
}

/** Merge sort from the bottom up: stable, and no sequence of names makes it slow. */
static void sort(parameter_t *parameters, size_t num)
{
    parameter_t other[GW_QUERY_MAX_SORTED], *from = parameters, *to = other;
    for (size_t width = 1; width < num; width *= 2) {
        for (size_t start = 0; start < num; start += 2 * width) {
            size_t left = start, middle = start + width < num ? start + width : num, right = middle;
            size_t end = start + 2 * width < num ? start + 2 * width : num;
            for (size_t i = start; i != end; ++i) {
                bool is_left = left != middle && (right == end || compare_names(&from[left], &from[right]) <= 0);
                to[i] = from[is_left ? left++ : right++];
            }
        }
        parameter_t *swapped = from;
        from = to;
        to = swapped;
    }
    if (from != parameters)
        memcpy(parameters, from, num * sizeof(*parameters));
}

static char *put_parameter(char *at, const parameter_t *parameter, bool is_first)
{
    *at++ = is_first ? '?' : '&';
    return put_normal(at, gw_str(parameter->text, parameter->len));
}

/** @param query without its '?'   @return false: there are too many to be sorted */
static bool put_sorted(char **at, gw_str_t query, const gw_cache_query_rules_t *rules)
{
    parameter_t parameters[GW_QUERY_MAX_SORTED];
    size_t num = 0;
    bool is_in_order = true;
    for (bool is_last = false; !is_last;) {
        parameter_t parameter = next_parameter(&query, &is_last);
        if (!counts(&parameter, rules))
            continue;
        if (num == GW_QUERY_MAX_SORTED)
            return false;
        is_in_order = is_in_order && (num == 0 || compare_names(&parameters[num - 1], &parameter) <= 0);
        parameters[num++] = parameter;
    }
    if (!is_in_order)
        sort(parameters, num);
    for (size_t i = 0; i != num; ++i)
        *at = put_parameter(*at, &parameters[i], i == 0);
    return true;
}

/** @param query with its '?', or empty */
static char *put_query(char *at, gw_str_t query, const gw_cache_query_rules_t *rules)
{
    if (query.len == 0 || rules->mode == GW_QUERY_NONE)
        return at;
    if (rules->mode == GW_QUERY_ALL && !rules->is_sorted)
        return put_normal(at, query);
    gw_str_t rest = gw_str(query.ptr + 1, query.len - 1);
    if (rules->is_sorted && put_sorted(&at, rest, rules))
        return at;
    bool is_first = true;
    for (bool is_last = false; !is_last;) {
        parameter_t parameter = next_parameter(&rest, &is_last);
        if (!counts(&parameter, rules))
            continue;
        at = put_parameter(at, &parameter, is_first);
        is_first = false;
    }
    return at;
}

/* URLs ------------------------------------------------------------------------------------------------------------- */

static const gw_str_t colon_slashes = {"://", 3};

size_t gw_cache_url_max(gw_str_t scheme, gw_str_t host, gw_str_t path, gw_str_t query)
{
    return scheme.len + colon_slashes.len + host.len + path.len + query.len;
}

size_t gw_cache_url_print(char *to, gw_str_t scheme, gw_str_t host, gw_str_t path, gw_str_t query,
                          const gw_cache_query_rules_t *rules)
{
    char *at = put(put(put(put(to, scheme), colon_slashes), host), path);
    return (size_t)(put_query(at, query, rules) - to);
}

/** Parts of a URL or reference (RFC 3986, appendix B); without the fragment. */
typedef struct parts {
    gw_str_t scheme, authority, path, query; /* query with its '?' */
    bool has_scheme, has_authority;
} parts_t;

/** Takes what stands before the first of `ends`. */
static gw_str_t until(gw_str_t *s, const char *ends)
{
    size_t len = 0;
    if (s->len == 0)
        return *s;
    while (len != s->len && (s->ptr[len] == '\0' || strchr(ends, s->ptr[len]) == NULL))
        ++len;
    gw_str_t front = gw_str(s->ptr, len);
    *s = gw_str(s->ptr + len, s->len - len);
    return front;
}

static bool is_scheme(gw_str_t s)
{
    for (size_t i = 0; i != s.len; ++i) {
        char c = gw_ascii_lower(s.ptr[i]);
        bool is_letter = c >= 'a' && c <= 'z';
        if (!is_letter && (i == 0 || ((c < '0' || c > '9') && c != '+' && c != '-' && c != '.')))
            return false;
    }
    return s.len != 0;
}

static parts_t split(gw_str_t s)
{
    parts_t parts = {.has_scheme = false};
    s = until(&s, "#");
    gw_str_t rest = s, scheme = until(&rest, ":/?");
    if (rest.len != 0 && *rest.ptr == ':' && is_scheme(scheme)) {
        parts.has_scheme = true;
        parts.scheme = scheme;
        s = gw_str(rest.ptr + 1, rest.len - 1);
    }
    if (gw_str_starts_with(s, GW_STR("//"))) {
        parts.has_authority = true;
        s = gw_str(s.ptr + 2, s.len - 2);
        parts.authority = until(&s, "/?");
    }
    parts.path = until(&s, "?");
    parts.query = s;
    return parts;
}

/** The host, and the port as a number: the scheme's own when none is said (RFC 3986 6.2.3).
 *  @return false: not a host and port */
static bool split_authority(gw_str_t authority, gw_str_t scheme, gw_str_t *ret_host, uint64_t *ret_port)
{
    if (authority.len != 0 && authority.ptr[authority.len - 1] == ':')
        --authority.len;
    if (!gw_http_is_authority(authority))
        return false;
    size_t len = authority.len;
    while (len != 0 && authority.ptr[len - 1] >= '0' && authority.ptr[len - 1] <= '9')
        --len;
    bool has_port = len != 0 && authority.ptr[len - 1] == ':'; /* within brackets a "]" ends it */
    *ret_port = gw_str_equal_nocase(scheme, GW_STR("https")) ? 443 : 80;
    *ret_host = gw_str(authority.ptr, has_port ? len - 1 : authority.len);
    return !has_port || gw_http_parse_content_length(gw_str(authority.ptr + len, authority.len - len), ret_port);
}

static bool is_same_authority(gw_str_t scheme, gw_str_t a, gw_str_t b)
{
    gw_str_t a_host, b_host;
    uint64_t a_port, b_port;
    return split_authority(a, scheme, &a_host, &a_port) && split_authority(b, scheme, &b_host, &b_port) &&
           a_port == b_port && gw_str_equal_nocase(a_host, b_host);
}

/** RFC 3986 5.2.4, in place: what leads above the root stays at the root.  @param path begins with a slash
 *  @return its new length */
static size_t remove_dot_segments(char *path, size_t len)
{
    size_t out = 0;
    for (size_t i = 0; i != len;) { /* path[i] is the '/' before a segment */
        size_t end = i + 1;
        while (end != len && path[end] != '/')
            ++end;
        gw_str_t segment = gw_str(path + i + 1, end - i - 1);
        bool is_up = gw_str_equal(segment, GW_STR("..")), is_here = gw_str_equal(segment, GW_STR("."));
        if (is_up && out != 0) {
            while (path[--out] != '/')
                ;
        }
        if (!is_up && !is_here) {
            memmove(path + out, path + i, end - i);
            out += end - i;
        } else if (end == len) {
            path[out++] = '/';
        }
        i = end;
    }
    return out;
}

/** Writes the path of the resolved URL (RFC 3986 5.2.2, 5.2.3), before it is made normal. */
static size_t put_path(char *to, gw_str_t base_path, gw_str_t path)
{
    char *at = to;
    if (path.len == 0 || *path.ptr != '/') {
        size_t len = base_path.len;
        while (len != 0 && base_path.ptr[len - 1] != '/')
            --len;
        at = put(at, gw_str(base_path.ptr, len));
        if (len == 0)
            *at++ = '/';
    }
    at = put(at, path);
    return remove_dot_segments(to, (size_t)(at - to));
}

static bool has_blanks(gw_str_t s)
{
    for (size_t i = 0; i != s.len; ++i)
        if ((unsigned char)s.ptr[i] <= 0x20 || s.ptr[i] == 0x7f)
            return true;
    return false;
}

size_t gw_cache_url_resolve(char *to, gw_str_t base, gw_str_t reference, const gw_cache_query_rules_t *rules)
{
    parts_t from = split(base), parts = split(reference);
    gw_str_t path, query = parts.query;
    if (has_blanks(reference) || (parts.has_scheme && !gw_str_equal_nocase(parts.scheme, from.scheme)) ||
        (parts.has_scheme && !parts.has_authority) ||
        (parts.has_authority && !is_same_authority(from.scheme, from.authority, parts.authority)))
        return 0;
    char *origin_end = put(put(put(to, from.scheme), colon_slashes), from.authority);
    if (parts.has_authority) {
        path = gw_str(origin_end, put_path(origin_end, gw_str(NULL, 0), parts.path));
    } else if (parts.path.len == 0) {
        put(origin_end, from.path);
        path = gw_str(origin_end, from.path.len);
        query = query.len != 0 ? query : from.query;
    } else {
        path = gw_str(origin_end, put_path(origin_end, from.path, parts.path));
    }
    gw_str_t normal;
    if (gw_path_normalise(path, origin_end, path.len, &normal) != GW_PATH_OK)
        return 0;
    assert(normal.ptr == origin_end);
    return (size_t)(put_query(origin_end + normal.len, query, rules) - to);
}
