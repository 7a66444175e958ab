/* SPDX-License-Identifier: MIT
 * The router: one hash table of places (host group, path), one of hosts. */
#include <assert.h>
#include <stdlib.h>
#include "gateway/routing/router.h"

#define NONE UINT32_MAX

static const gw_str_t method_names[GW_METHOD_OTHER] = {
    {"GET", 3}, {"HEAD", 4}, {"POST", 4}, {"PUT", 3}, {"DELETE", 6}, {"PATCH", 5}, {"OPTIONS", 7}, {"TRACE", 5},
};

gw_method_t gw_method_from(gw_str_t name)
{
    for (gw_method_t method = 0; method != GW_METHOD_OTHER; ++method)
        if (gw_str_equal(name, method_names[method]))
            return method;
    return GW_METHOD_OTHER;
}

size_t gw_method_set_names(uint32_t methods, char *buf, size_t cap)
{
    size_t len = 0;
    for (gw_method_t method = 0; method != GW_METHOD_OTHER; ++method) {
        if ((methods & 1u << method) == 0)
            continue;
        assert(len + 2 + method_names[method].len <= cap);
        if (len != 0) {
            memcpy(buf + len, ", ", 2);
            len += 2;
        }
        memcpy(buf + len, method_names[method].ptr, method_names[method].len);
        len += method_names[method].len;
    }
    return len;
}

bool gw_host_normalise(gw_str_t authority, char *buf, size_t cap, gw_str_t *ret)
{
    const char *from = authority.ptr;
    size_t len = 0, max = authority.len < cap ? authority.len : cap;
    if (max != 0 && from[0] == '[') {
        const char *end = memchr(from, ']', max);
        if (end == NULL)
            return false;
        for (; from + len <= end; ++len)
            buf[len] = gw_ascii_lower(from[len]);
    } else {
        for (; len != max && from[len] != ':'; ++len)
            buf[len] = gw_ascii_lower(from[len]);
    }
    if (len != authority.len && from[len] != ':')
        return false;
    if (len > 1 && buf[len - 1] == '.')
        --len;
    *ret = gw_str(buf, len);
    return len != 0;
}

/* tables ----------------------------------------------------------------------------------------------------------- */

/** All routes of one host. */
typedef struct group {
    gw_str_t host; /* as in the pattern; a wildcard without its '*' */
    bool is_wildcard;
    bool has_whole_paths;                      /* not only prefixes */
    uint64_t depths[GW_ROUTER_MAX_DEPTH / 64]; /* bit n: some prefix has n + 1 slashes */
} group_t;

/** All routes of one host and path. */
typedef struct place {
    uint32_t group; /* NONE: an empty slot of the table */
    gw_str_t path;
    uint32_t routes[GW_NUM_METHODS], any; /* pattern indices, or NONE */
    uint32_t allowed;
} place_t;

struct gw_router {
    group_t *groups;
    size_t num_groups;
    uint32_t *hosts; /* hash table of group indices */
    size_t host_mask;
    uint32_t any_host; /* group, or NONE */
    bool has_hosts, has_wildcards;
    place_t *places; /* hash table */
    size_t place_mask;
};

/* FNV-1a.  Only the conf file fills the tables, so a client cannot make chains grow by choosing what it asks for. */
#define HASH_START UINT64_C(0xcbf29ce484222325)

static uint64_t hash_byte(uint64_t hash, char c)
{
    return (hash ^ (unsigned char)c) * UINT64_C(0x100000001b3);
}

static uint64_t hash_bytes(uint64_t hash, gw_str_t s)
{
    for (size_t i = 0; i != s.len; ++i)
        hash = hash_byte(hash, s.ptr[i]);
    return hash;
}

static size_t spread(uint64_t hash, uint32_t group, size_t mask)
{
    hash = (hash ^ (uint64_t)group * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);
    return (size_t)(hash >> 32) & mask;
}

static uint32_t find_group(const gw_router_t *router, gw_str_t host, bool is_wildcard)
{
    for (size_t i = spread(hash_bytes(HASH_START, host), is_wildcard, router->host_mask);;
         i = (i + 1) & router->host_mask) {
        uint32_t index = router->hosts[i];
        if (index == NONE)
            return NONE;
        const group_t *group = &router->groups[index];
        if (group->is_wildcard == is_wildcard && gw_str_equal(group->host, host))
            return index;
    }
}

/** @return the place, or the empty slot where it would be */
static place_t *find_place(const gw_router_t *router, uint32_t group, uint64_t hash, gw_str_t path)
{
    for (size_t i = spread(hash, group, router->place_mask);; i = (i + 1) & router->place_mask) {
        place_t *place = &router->places[i];
        if (place->group == NONE || (place->group == group && gw_str_equal(place->path, path)))
            return place;
    }
}

static void *must_alloc(size_t num, size_t size)
{
    void *bytes = calloc(num != 0 ? num : 1, size);
    if (bytes == NULL)
        abort();
    return bytes;
}

static size_t table_size(size_t num)
{
    size_t size = 16;
    while (size < 2 * num)
        size *= 2;
    return size;
}

static bool is_prefix(gw_str_t path)
{
    return path.len != 0 && path.ptr[path.len - 1] == '/';
}

static uint32_t add_group(gw_router_t *router, gw_str_t host)
{
    bool is_wildcard = host.len != 0 && host.ptr[0] == '*';
    gw_str_t key = is_wildcard ? gw_str(host.ptr + 1, host.len - 1) : host;
    uint32_t index = find_group(router, key, is_wildcard);
    if (index != NONE)
        return index;
    index = (uint32_t)router->num_groups++;
    router->groups[index] = (group_t){.host = key, .is_wildcard = is_wildcard};
    size_t slot = spread(hash_bytes(HASH_START, key), is_wildcard, router->host_mask);
    while (router->hosts[slot] != NONE)
        slot = (slot + 1) & router->host_mask;
    router->hosts[slot] = index;
    router->has_hosts = router->has_hosts || host.len != 0;
    router->has_wildcards = router->has_wildcards || is_wildcard;
    if (host.len == 0)
        router->any_host = index;
    return index;
}

static void note_depth(group_t *group, gw_str_t path)
{
    size_t depth = 0;
    for (size_t i = 0; i != path.len; ++i)
        depth += path.ptr[i] == '/';
    if (depth <= GW_ROUTER_MAX_DEPTH)
        group->depths[(depth - 1) / 64] |= UINT64_C(1) << (depth - 1) % 64;
}

static void add_pattern(gw_router_t *router, const gw_route_pattern_t *pattern, uint32_t index,
                        void (*on_tie)(void *arg, size_t first, size_t second), void *arg)
{
    uint32_t group = add_group(router, pattern->host);
    place_t *place = find_place(router, group, hash_bytes(HASH_START, pattern->path), pattern->path);
    if (place->group == NONE) {
        *place = (place_t){.group = group, .path = pattern->path, .any = NONE};
        for (size_t i = 0; i != GW_NUM_METHODS; ++i)
            place->routes[i] = NONE;
        if (is_prefix(pattern->path))
            note_depth(&router->groups[group], pattern->path);
        else
            router->groups[group].has_whole_paths = true;
    }
    uint32_t tie = pattern->methods == 0 ? place->any : NONE;
    for (gw_method_t method = 0; method != GW_NUM_METHODS && tie == NONE; ++method)
        if ((pattern->methods & 1u << method) != 0)
            tie = place->routes[method];
    if (tie != NONE) {
        on_tie(arg, tie, index);
        return;
    }
    if (pattern->methods == 0)
        place->any = index;
    for (gw_method_t method = 0; method != GW_NUM_METHODS; ++method)
        if ((pattern->methods & 1u << method) != 0)
            place->routes[method] = index;
    place->allowed |= pattern->methods;
}

gw_router_t *gw_router_create(const gw_route_pattern_t *patterns, size_t num,
                              void (*on_tie)(void *arg, size_t first, size_t second), void *arg)
{
    gw_router_t *router = must_alloc(1, sizeof(*router));
    size_t size = table_size(num);
    router->groups = must_alloc(num, sizeof(*router->groups));
    router->hosts = must_alloc(size, sizeof(*router->hosts));
    router->host_mask = router->place_mask = size - 1;
    router->places = must_alloc(size, sizeof(*router->places));
    router->any_host = NONE;
    for (size_t i = 0; i != size; ++i)
        router->hosts[i] = router->places[i].group = NONE;
    for (size_t i = 0; i != num; ++i)
        add_pattern(router, &patterns[i], (uint32_t)i, on_tie, arg);
    for (size_t i = 0; i != size; ++i) { /* whoever takes GET takes HEAD */
        place_t *place = &router->places[i];
        if (place->group == NONE || place->routes[GW_METHOD_GET] == NONE || place->routes[GW_METHOD_HEAD] != NONE)
            continue;
        place->routes[GW_METHOD_HEAD] = place->routes[GW_METHOD_GET];
        place->allowed |= 1u << GW_METHOD_HEAD;
    }
    return router;
}

gw_router_t *gw_router_free(gw_router_t *router)
{
    if (router == NULL)
        return NULL;
    free(router->groups);
    free(router->hosts);
    free(router->places);
    free(router);
    return NULL;
}

/* matching --------------------------------------------------------------------------------------------------------- */

/** The request's path, hashed once: in whole and up to each slash. */
typedef struct hashed_path {
    gw_str_t path;
    gw_method_t method;
    uint64_t whole;
    size_t num_slashes;
    uint32_t ends[GW_ROUTER_MAX_DEPTH]; /* length of the prefix that ends in the n-th slash */
    uint64_t hashes[GW_ROUTER_MAX_DEPTH];
} hashed_path_t;

static void hash_path(hashed_path_t *hashed, gw_str_t path)
{
    uint64_t hash = HASH_START;
    hashed->path = path;
    hashed->num_slashes = 0;
    for (size_t i = 0; i != path.len; ++i) {
        hash = hash_byte(hash, path.ptr[i]);
        if (path.ptr[i] == '/' && hashed->num_slashes != GW_ROUTER_MAX_DEPTH) {
            hashed->ends[hashed->num_slashes] = (uint32_t)i + 1;
            hashed->hashes[hashed->num_slashes++] = hash;
        }
    }
    hashed->whole = hash;
}

static uint32_t route_at(const place_t *place, gw_method_t method, uint32_t *io_allowed)
{
    if (place->routes[method] != NONE)
        return place->routes[method];
    *io_allowed |= place->allowed;
    return place->any;
}

static uint32_t match_group(const gw_router_t *router, uint32_t index, const hashed_path_t *hashed,
                            uint32_t *io_allowed)
{
    const group_t *group = &router->groups[index];
    if (group->has_whole_paths && !is_prefix(hashed->path)) { /* a path that ends in '/' is found among the prefixes */
        const place_t *place = find_place(router, index, hashed->whole, hashed->path);
        uint32_t route = place->group != NONE ? route_at(place, hashed->method, io_allowed) : NONE;
        if (route != NONE)
            return route;
    }
    for (size_t i = hashed->num_slashes; i-- > 0;) {
        if ((group->depths[i / 64] & UINT64_C(1) << i % 64) == 0)
            continue;
        const place_t *place = find_place(router, index, hashed->hashes[i], gw_str(hashed->path.ptr, hashed->ends[i]));
        uint32_t route = place->group != NONE ? route_at(place, hashed->method, io_allowed) : NONE;
        if (route != NONE)
            return route;
    }
    return NONE;
}

static uint32_t match_host(const gw_router_t *router, gw_str_t host, const hashed_path_t *hashed, uint32_t *io_allowed)
{
    uint32_t route = NONE, group;
    if (host.len != 0 && router->has_hosts) {
        if ((group = find_group(router, host, false)) != NONE &&
            (route = match_group(router, group, hashed, io_allowed)) != NONE)
            return route;
        for (size_t i = 1; router->has_wildcards && i < host.len; ++i)
            if (host.ptr[i] == '.' && (group = find_group(router, gw_str(host.ptr + i, host.len - i), true)) != NONE &&
                (route = match_group(router, group, hashed, io_allowed)) != NONE)
                return route;
    }
    if (router->any_host != NONE)
        route = match_group(router, router->any_host, hashed, io_allowed);
    return route;
}

gw_router_result_t gw_router_match(const gw_router_t *router, gw_str_t host, gw_str_t path, gw_str_t method,
                                   size_t *ret_index, uint32_t *ret_allowed)
{
    hashed_path_t hashed;
    hashed.method = gw_method_from(method);
    hash_path(&hashed, path);
    uint32_t allowed = 0, route = match_host(router, host, &hashed, &allowed);
    if (route != NONE) {
        *ret_index = route;
        return GW_ROUTER_MATCH;
    }
    if (allowed == 0)
        return GW_ROUTER_NO_ROUTE;
    *ret_allowed = allowed;
    return GW_ROUTER_METHOD_NOT_ALLOWED;
}
