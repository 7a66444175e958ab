/* SPDX-License-Identifier: MIT
 * Reading the URL of a Redis.  Messages never quote a piece of it: a password with a '/' or '@' that was not encoded
 * lands in what looks like host or path. */
#include <arpa/inet.h>
#include <stdio.h>
#include <sys/un.h>
#include "filters/rate_limit/store/redis_url.h"

enum { redis_port = 6379, sentinel_port = 26379, longest_host = 253, longest_secret = 1024, max_db = INT32_MAX };

#define FORMS "redis://, rediss://, redis+unix://, redis+sentinel:// or rediss+sentinel://"
#define ENCODE                                                                                                         \
    "in user and password write '%' as %25, '/' as %2F, '@' as %40, ':' as %3A, '?' as %3F, '#' as %23, ',' as %2C"

typedef struct parsing {
    gw_arena_t *arena;
    gw_redis_url_t *url;
    const char *wrong, *hint;
} parsing_t;

static bool refuse(parsing_t *p, const char *wrong, const char *hint)
{
    p->wrong = wrong;
    p->hint = hint;
    return false;
}

/** Cuts off what stands before `at`, and `at`.  @return false: there is none; *rest stays */
static bool cut(gw_str_t *rest, char at, gw_str_t *ret_before)
{
    const char *found = rest->len != 0 ? memchr(rest->ptr, at, rest->len) : NULL;
    if (found == NULL)
        return false;
    *ret_before = gw_str(rest->ptr, (size_t)(found - rest->ptr));
    *rest = gw_str(found + 1, rest->len - ret_before->len - 1);
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = gw_ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/** @return NULL after an error */
static const char *decode(parsing_t *p, gw_str_t text)
{
    char *plain = gw_arena_alloc(p->arena, text.len + 1), *to = plain;
    for (size_t i = 0; i != text.len; ++i) {
        if (text.ptr[i] != '%') {
            *to++ = text.ptr[i];
            continue;
        }
        int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text.ptr[i + 2]) : -1;
        if (low < 0 || (high == 0 && low == 0)) {
            refuse(p, low < 0 ? "a '%' is not followed by two hex digits" : "'%00' cannot be part of it", ENCODE);
            return NULL;
        }
        *to++ = (char)(high << 4 | low);
        i += 2;
    }
    return plain;
}

static bool parse_number(gw_str_t text, uint32_t max, uint32_t *ret)
{
    uint64_t number = 0;
    if (text.len == 0 || text.len > 10)
        return false;
    for (size_t i = 0; i != text.len; ++i) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    *ret = (uint32_t)number;
    return number <= max;
}

static bool parse_db(parsing_t *p, gw_str_t text)
{
    return parse_number(text, max_db, &p->url->db) ||
           refuse(p, "the database is not a number", "for example redis://127.0.0.1:6379/0");
}

/** USER:PASSWORD of an authority, which is left without it. */
static bool parse_credentials(parsing_t *p, gw_str_t *authority)
{
    gw_str_t credentials, user;
    size_t at = authority->len;
    while (at != 0 && authority->ptr[at - 1] != '@')
        --at;
    if (at == 0)
        return true;
    credentials = gw_str(authority->ptr, at - 1);
    *authority = gw_str(authority->ptr + at, authority->len - at);
    if (memchr(credentials.ptr, '@', credentials.len) != NULL)
        return refuse(p, "there is more than one '@' before the host", ENCODE);
    if (!cut(&credentials, ':', &user))
        return refuse(p, "there is a user without a password", "USER:PASSWORD@, or :PASSWORD@ for a password alone");
    if (credentials.len == 0)
        return refuse(p, "the password is empty",
                      "leave out what stands before the host, or set the variable that "
                      "it comes from");
    if (user.len > longest_secret || credentials.len > longest_secret)
        return refuse(p, "user or password is too long", "at most 1024 bytes each");
    if (user.len != 0 && (p->url->user = decode(p, user)) == NULL)
        return false;
    return (p->url->password = decode(p, credentials)) != NULL;
}

static bool is_name(gw_str_t text)
{
    for (size_t i = 0; i != text.len; ++i) {
        char c = gw_ascii_lower(text.ptr[i]);
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_'))
            return false;
    }
    return text.len != 0 && text.len <= longest_host && text.ptr[0] != '-' && text.ptr[0] != '.';
}

static bool parse_host(parsing_t *p, gw_str_t text)
{
    gw_redis_host_t *host = &p->url->hosts[p->url->num_hosts];
    bool is_sentinel = p->url->where == GW_REDIS_SENTINEL;
    gw_str_t name;
    uint32_t port = is_sentinel ? sentinel_port : redis_port;
    struct in6_addr in6;

    if (text.len != 0 && text.ptr[0] == '[') {
        text = gw_str(text.ptr + 1, text.len - 1);
        if (!cut(&text, ']', &name) || name.len > longest_host ||
            inet_pton(AF_INET6, gw_arena_strdup(p->arena, name), &in6) != 1)
            return refuse(p, "what stands in brackets is no IPv6 address", "for example redis://[::1]:6379");
        if (text.len != 0 && text.ptr[0] != ':')
            return refuse(p, "there is something between ']' and the port", "for example redis://[::1]:6379");
        if (text.len != 0)
            text = gw_str(text.ptr + 1, text.len - 1);
        else
            text.ptr = NULL;
    } else if (!cut(&text, ':', &name)) {
        name = text;
        text = (gw_str_t){NULL, 0};
    }
    if (name.len == 0)
        return refuse(p, "there is no host",
                      is_sentinel ? "redis+sentinel://HOST[:PORT],.../MASTER" : "for example redis://127.0.0.1:6379");
    if (memchr(name.ptr, ':', name.len) == NULL && !is_name(name))
        return refuse(p, "the host is neither a name nor an address", ENCODE);
    if (text.ptr != NULL && (!parse_number(text, UINT16_MAX, &port) || port == 0))
        return refuse(p, "the port is not a number from 1 to 65535",
                      "HOST:PORT; an IPv6 address stands in brackets; " ENCODE);
    host->name = gw_arena_strdup(p->arena, name);
    host->port = (uint16_t)port;
    ++p->url->num_hosts;
    return true;
}

static bool parse_sentinels(parsing_t *p, gw_str_t authority, gw_str_t path)
{
    gw_str_t host, master;
    while (cut(&authority, ',', &host)) {
        if (p->url->num_hosts == GW_REDIS_MAX_HOSTS - 1)
            return refuse(p, "there are more than 8 sentinels", "any of them knows the master; three are enough");
        if (!parse_host(p, host))
            return false;
    }
    if (!parse_host(p, authority))
        return false;
    if (cut(&path, '/', &master)) {
        if (!parse_db(p, path))
            return false;
    } else {
        master = path;
    }
    if (master.len == 0 || master.len > longest_host)
        return refuse(p, "the name of the master is missing",
                      "redis+sentinel://HOST[:PORT],.../MASTER, as the "
                      "sentinels know it");
    return (p->url->master = decode(p, master)) != NULL;
}

static bool parse_unix(parsing_t *p, gw_str_t path)
{
    gw_str_t query = path, before;
    if (cut(&query, '?', &before)) {
        path = before;
        if (!gw_str_starts_with(query, GW_STR("db=")))
            return refuse(p, "the only thing that may follow '?' is db=", "redis+unix:///run/redis.sock?db=0");
        if (!parse_db(p, gw_str(query.ptr + 3, query.len - 3)))
            return false;
    }
    if (path.len < 2 || path.ptr[0] != '/')
        return refuse(p, "there is no path of a socket", "redis+unix:///run/redis/redis.sock");
    if ((p->url->path = decode(p, path)) == NULL)
        return false;
    return strlen(p->url->path) < sizeof(((struct sockaddr_un *)NULL)->sun_path) ||
           refuse(p, "the path of the socket is too long", "at most 107 bytes");
}

static const struct scheme {
    const char *name;
    gw_redis_where_t where;
    bool has_tls;
} schemes[] = {
    {"redis", GW_REDIS_TCP, false},
    {"rediss", GW_REDIS_TCP, true},
    {"unix", GW_REDIS_UNIX, false},
    {"redis+unix", GW_REDIS_UNIX, false},
    {"redis+sentinel", GW_REDIS_SENTINEL, false},
    {"rediss+sentinel", GW_REDIS_SENTINEL, true},
};

static const struct scheme *find_scheme(gw_str_t name)
{
    for (size_t i = 0; i != sizeof(schemes) / sizeof(*schemes); ++i)
        if (gw_str_equal_nocase(name, gw_str_of(schemes[i].name)))
            return &schemes[i];
    return NULL;
}

static bool parse(parsing_t *p, gw_str_t text)
{
    gw_str_t rest = text, name, path = {"", 0};
    const struct scheme *scheme;

    for (size_t i = 0; i != text.len; ++i)
        if ((unsigned char)text.ptr[i] <= ' ' || (unsigned char)text.ptr[i] >= 0x7f)
            return refuse(p, "it holds a space, a control character or one that is not ASCII",
                          "write such characters as %XX");
    if (!cut(&rest, ':', &name) || (scheme = find_scheme(name)) == NULL ||
        (!gw_str_starts_with(rest, GW_STR("//")) && scheme->where != GW_REDIS_UNIX))
        return refuse(p, "it does not begin with a scheme that is known", FORMS);
    p->url->where = scheme->where;
    p->url->has_tls = scheme->has_tls;
    if (gw_str_starts_with(rest, GW_STR("//"))) {
        rest = gw_str(rest.ptr + 2, rest.len - 2);
        size_t len = 0;
        while (len != rest.len && strchr("/?#", rest.ptr[len]) == NULL)
            ++len;
        path = gw_str(rest.ptr + len, rest.len - len);
        rest.len = len;
    } else {
        path = rest;
        rest.len = 0;
    }
    if (path.len != 0 && memchr(path.ptr, '@', path.len) != NULL)
        return refuse(p, "there is an '@' behind what should be the host", ENCODE);
    if (!parse_credentials(p, &rest))
        return false;
    p->url->shown =
        gw_arena_printf(p->arena, "%s://%.*s%.*s", scheme->name, (int)rest.len, rest.ptr, (int)path.len, path.ptr);
    if (scheme->where == GW_REDIS_UNIX)
        return rest.len == 0 ? parse_unix(p, path)
                             : refuse(p, "a Unix socket has no host", "three slashes: redis+unix:///run/redis.sock");
    if (path.len != 0 && (path.ptr[0] != '/' || strpbrk(gw_arena_strdup(p->arena, path), "?#") != NULL))
        return refuse(p, "nothing may follow the database",
                      "the database is a part of the path: redis://127.0.0.1:6379/0; " ENCODE);
    if (path.len != 0)
        path = gw_str(path.ptr + 1, path.len - 1);
    if (scheme->where == GW_REDIS_SENTINEL)
        return parse_sentinels(p, rest, path);
    if (rest.len != 0 && memchr(rest.ptr, ',', rest.len) != NULL)
        return refuse(p, "several hosts need Sentinel",
                      "redis+sentinel://HOST[:PORT],.../MASTER, where the hosts are "
                      "sentinels");
    return parse_host(p, rest) && (path.len == 0 || parse_db(p, path));
}

const gw_redis_url_t *gw_redis_url_parse(gw_arena_t *arena, gw_str_t text, const char **ret_wrong,
                                         const char **ret_hint)
{
    parsing_t parsing = {.arena = arena, .url = gw_arena_alloc(arena, sizeof(gw_redis_url_t))};
    parsing.url->text = gw_arena_strdup(arena, text);
    if (text.len <= 8192 ? parse(&parsing, text) : refuse(&parsing, "it is too long", "at most 8192 bytes"))
        return parsing.url;
    *ret_wrong = parsing.wrong;
    *ret_hint = parsing.hint;
    return NULL;
}
