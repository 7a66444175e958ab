/* SPDX-License-Identifier: MIT
 * The options that say which Redis is used: `store` and `store_tls`.
 * Threads: made on the control thread, then read-only. */
#ifndef FILTERS_RATE_LIMIT_STORE_REDIS_CONF_H
#define FILTERS_RATE_LIMIT_STORE_REDIS_CONF_H

#include <openssl/ssl.h>
#include "filters/rate_limit/store/redis_url.h"
#include "gateway/config/reader.h"

/** How rediss:// is spoken: TLS 1.2 or later; the server's certificate must be valid and name the host (or address)
 * that the gateway connected to. */
typedef struct gw_redis_tls_conf {
    gw_mark_t at;
    const char *ca;                /* NULL: the system's */
    const char *certificate, *key; /* shown to the server; both or none */
    bool verify;
    SSL_CTX *context;        /* made by gw_redis_conf_check; freed with the snapshot; NULL: no TLS */
    uint8_t fingerprint[32]; /* of the files' content and the options: what two contexts with the same do is the same */
} gw_redis_tls_conf_t;

typedef struct gw_redis_conf {
    const gw_redis_url_t *url; /* NULL: there is no store */
    gw_redis_tls_conf_t tls;
} gw_redis_conf_t;

extern const gw_section_t gw_redis_tls_section;

void gw_redis_url_read(gw_conf_reader_t *reader, const gw_node_t *node, void *target);
gw_node_t *gw_redis_url_show(gw_arena_t *arena, const void *target);

/** Rows `store` and `store_tls` of a section whose struct has a gw_redis_conf_t.  @param at its offset */
#define GW_REDIS_FIELDS(at)                                                                                            \
    {.key = "store",                                                                                                   \
     .type = GW_CUSTOM,                                                                                                \
     .offset = (at) + offsetof(gw_redis_conf_t, url),                                                                  \
     .read = gw_redis_url_read,                                                                                        \
     .show = gw_redis_url_show,                                                                                        \
     .takes = "a URL of redis, rediss, redis+unix, redis+sentinel or rediss+sentinel",                                 \
     .meaning = "Redis that gateways share their counts through"},                                                     \
    {                                                                                                                  \
        .key = "store_tls", .type = GW_SECTION, .offset = (at) + offsetof(gw_redis_conf_t, tls),                       \
        .section = &gw_redis_tls_section, .meaning = "how rediss:// and rediss+sentinel:// are spoken"                 \
    }

/** The rules between the two, and the making of the TLS context: to be called from the `check` of that section. */
void gw_redis_conf_check(gw_conf_reader_t *reader, gw_redis_conf_t *conf);

#endif
