/* SPDX-License-Identifier: MIT
 * Fuzz target: a byte of rules, a line with the path of a request, one with its query, and a reference.  A canonical
 * URL is as long as was said and stays what it is; what a reference is resolved to is of the same origin, in its room,
 * and canonical too. */
#include <stdlib.h>
#include "filters/cache/url.h"
#include "gateway/routing/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static gw_str_t take_line(gw_str_t *rest)
{
    const char *end = rest->len != 0 ? memchr(rest->ptr, '\n', rest->len) : NULL;
    size_t len = end != NULL ? (size_t)(end - rest->ptr) : rest->len, skip = end != NULL ? len + 1 : len;
    gw_str_t line = gw_str(rest->ptr, len);
    *rest = gw_str(rest->ptr + skip, rest->len - skip);
    return line;
}

static gw_str_t print(gw_str_t path, gw_str_t query, const gw_cache_query_rules_t *rules)
{
    static const gw_str_t scheme = {"http", 4}, host = {"example.com:81", 14};
    size_t max = gw_cache_url_max(scheme, host, path, query);
    char *to = malloc(max);
    size_t len = gw_cache_url_print(to, scheme, host, path, query, rules);
    must(len <= max);
    return gw_str(to, len);
}

static gw_str_t resolve(gw_str_t base, gw_str_t reference, const gw_cache_query_rules_t *rules)
{
    size_t room = base.len + reference.len + 16;
    char *to = malloc(room);
    size_t len = gw_cache_url_resolve(to, base, reference, rules);
    must(len <= room);
    return gw_str(to, len);
}

static void check(gw_str_t path, gw_str_t query, gw_str_t reference, const gw_cache_query_rules_t *rules)
{
    static const gw_str_t origin = {"http://example.com:81/", 22};
    gw_str_t url = print(path, query, rules), resolved = resolve(url, reference, rules);
    size_t front = origin.len - 1 + path.len;
    must(gw_str_starts_with(url, origin) && (url.len == front || url.ptr[front] == '?'));
    gw_str_t again = print(path, gw_str(url.ptr + front, url.len - front), rules);
    must(gw_str_equal(url, again));
    free((char *)again.ptr);
    if (resolved.len != 0) {
        must(gw_str_starts_with(resolved, origin));
        /* a whole URL is resolved to itself, whatever it is resolved against */
        again = resolve(url, resolved, rules);
        must(gw_str_equal(resolved, again));
        free((char *)again.ptr);
        again = resolve(resolved, gw_str(resolved.ptr + origin.len - 1, resolved.len - origin.len + 1), rules);
        must(gw_str_equal(resolved, again));
        free((char *)again.ptr);
    }
    free((char *)url.ptr);
    free((char *)resolved.ptr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const gw_str_t names[] = {GW_STR("a"), GW_STR("b*"), GW_STR("["), GW_STR("")};
    if (size == 0)
        return 0;
    gw_cache_query_rules_t rules = {.mode = data[0] % 4, .names = names, .num_names = 4, .is_sorted = data[0] & 4};
    gw_str_t rest = gw_str((const char *)data + 1, size - 1), path = take_line(&rest), query = take_line(&rest);
    char *room = malloc(path.len + 1);
    if (gw_path_normalise(path, room, path.len, &path) == GW_PATH_OK && (query.len == 0 || *query.ptr == '?') &&
        (query.len == 0 || memchr(query.ptr, '#', query.len) == NULL)) {
        bool has_blanks = false; /* requests have none in their target */
        for (size_t i = 0; i != query.len; ++i)
            has_blanks |= (unsigned char)query.ptr[i] <= 0x20 || query.ptr[i] == 0x7f;
        if (!has_blanks)
            check(path, query, rest, &rules);
    }
    free(room);
    return 0;
}
