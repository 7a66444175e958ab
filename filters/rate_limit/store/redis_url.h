/* SPDX-License-Identifier: MIT
 * Where a Redis is and how to sign in there, as one URL says it:
 *
 *   redis://[USER[:PASSWORD]@]HOST[:PORT][/DB]                 rediss://...: over TLS
 *   redis+unix://[USER[:PASSWORD]@]/PATH[?db=DB]               unix://...: the same
 *   redis+sentinel://[USER[:PASSWORD]@]HOST[:PORT],.../MASTER[/DB]   rediss+sentinel://...: over TLS
 *
 * USER, PASSWORD, PATH and MASTER are percent-decoded (RFC 3986 section 2.1); IPv6 addresses stand in brackets.  The
 * part before '@' may also be only a password, as ":PASSWORD".  With Sentinel it is for the server and for the
 * sentinels alike.  Pure; Threads: the result is read-only. */
#ifndef FILTERS_RATE_LIMIT_STORE_REDIS_URL_H
#define FILTERS_RATE_LIMIT_STORE_REDIS_URL_H

#include "gateway/base/arena.h"

#define GW_REDIS_MAX_HOSTS 8 /* sentinels of one URL */

typedef enum gw_redis_where { GW_REDIS_TCP, GW_REDIS_UNIX, GW_REDIS_SENTINEL } gw_redis_where_t;

typedef struct gw_redis_host {
    const char *name; /* or address, without brackets */
    uint16_t port;
} gw_redis_host_t;

typedef struct gw_redis_url {
    gw_redis_where_t where;
    bool has_tls;
    const char *user, *password;               /* NULL: none.  A user never comes without a password */
    gw_redis_host_t hosts[GW_REDIS_MAX_HOSTS]; /* GW_REDIS_TCP: one; GW_REDIS_SENTINEL: the sentinels */
    size_t num_hosts;
    const char *path;   /* GW_REDIS_UNIX */
    const char *master; /* GW_REDIS_SENTINEL */
    uint32_t db;
    const char *shown; /* the URL without user and password: for logs */
    const char *text;  /* all of it, secret: who has the same is the same; gw_redis_url_parse copies by it */
} gw_redis_url_t;

/** @param arena where the result lives
 *  @param ret_wrong, ret_hint set when the result is NULL: what is wrong and what would be right, each one line that
 *  holds nothing of user and password */
const gw_redis_url_t *gw_redis_url_parse(gw_arena_t *arena, gw_str_t text, const char **ret_wrong,
                                         const char **ret_hint);

#endif
