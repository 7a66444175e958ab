/* SPDX-License-Identifier: MIT
 * The first words on a connection: signing in at a Redis and making sure that it is one that can be used, or asking a
 * sentinel for the master.  All commands go out at once.  Pure: commands out, replies in. */
#ifndef FILTERS_RATE_LIMIT_STORE_REDIS_GREETING_H
#define FILTERS_RATE_LIMIT_STORE_REDIS_GREETING_H

#include <netinet/in.h>
#include "filters/rate_limit/store/redis_cause.h"
#include "filters/rate_limit/store/redis_reply.h"
#include "filters/rate_limit/store/redis_url.h"

#define GW_REDIS_GREETING_MAX_STEPS 5
#define GW_REDIS_GREETING_MAX_CODE  24

typedef enum gw_redis_step {
    GW_REDIS_STEP_AUTH,
    GW_REDIS_STEP_TRY_AUTH, /* at a sentinel, which may have no password: the next answer tells whether it mattered */
    GW_REDIS_STEP_NAME,
    GW_REDIS_STEP_DATABASE,
    GW_REDIS_STEP_ROLE,
    GW_REDIS_STEP_PING,
    GW_REDIS_STEP_MASTER
} gw_redis_step_t;

typedef enum gw_redis_greeted { GW_REDIS_GREETED, GW_REDIS_GREETING_MORE, GW_REDIS_GREETING_FAILED } gw_redis_greeted_t;

typedef struct gw_redis_greeting {
    gw_redis_cause_t cause; /* set with GW_REDIS_GREETING_FAILED */
    /** Likewise: the first word of the error, or "".  Not more: some servers quote the command that they do not like,
     * with the password in it. */
    char code[GW_REDIS_GREETING_MAX_CODE];
    /* set with GW_REDIS_GREETED at a sentinel */
    char master_host[INET6_ADDRSTRLEN];
    uint16_t master_port;
    /* private */
    const gw_redis_url_t *url;
    gw_redis_step_t steps[GW_REDIS_GREETING_MAX_STEPS];
    size_t num_steps, next;
} gw_redis_greeting_t;

/** @param at_sentinel whether the other end is a sentinel   @param url must stay */
void gw_redis_greeting_begin(gw_redis_greeting_t *greeting, const gw_redis_url_t *url, bool at_sentinel);

/** @return bytes of all commands together */
size_t gw_redis_greeting_size(const gw_redis_greeting_t *greeting);
void gw_redis_greeting_write(const gw_redis_greeting_t *greeting, char *to);

/** Takes the reply to the next command. */
gw_redis_greeted_t gw_redis_greeting_take(gw_redis_greeting_t *greeting, const gw_redis_reply_t *reply);

#endif
