/* SPDX-License-Identifier: MIT
 * A worker's connection to a Redis: commands go out pipelined in the order of gw_redis_send, replies come back in that
 * order.  Only transport: what the commands mean is the caller's.
 *
 * Guaranteed:
 * - gw_redis_send never blocks, never waits for a connection, and never calls on_reply from within.  When it returns
 *   GW_REDIS_SENT, on_reply is called exactly once, later, unless the call is cancelled; else never.
 * - A call is over at the latest timeout_ms after it was sent (to the resolution of the worker's timers), with
 *   GW_REDIS_TIMEOUT; its reply is dropped when it comes.  GW_REDIS_TIMEOUT and GW_REDIS_LOST leave open whether the
 *   command was run.
 * - A connection that ends fails all its calls at once with GW_REDIS_LOST.  While there is none gw_redis_send says
 *   GW_REDIS_DOWN.  A server that is silent for longer than its calls wait is cut off: GW_REDIS_MAX_SILENT calls that
 *   timed out in a row over GW_REDIS_SILENCE_MS without a byte from it.
 * - There is one attempt to connect at a time, from the beginning on and without being asked: after 100 ms at first and
 *   5 s in the end, doubling, less up to a half of it by chance; at once where a server closes what was idle.  A
 *   connection counts from the moment when the server has let us in, selected the database, answers PING (so it is not
 *   LOADING) and, with Sentinel, says that it is the master.
 * - Error replies are replies: on_reply gets them with GW_REDIS_REPLY.  READONLY besides makes a connection found by
 *   Sentinel end, so that the sentinels are asked again.  MOVED and ASK (Redis Cluster) are not followed.
 * - The log has a line when a store is lost and when it is back, not one per worker or attempt.
 *
 * on_reply may send and cancel any call, its own struct included (it is free by then), and may release the gw_redis_t.
 * Threads: its worker's.  Lifetime: counted; see redis_pool.h. */
#ifndef FILTERS_RATE_LIMIT_STORE_REDIS_H
#define FILTERS_RATE_LIMIT_STORE_REDIS_H

#include "filters/rate_limit/store/redis_reply.h"
#include "gateway/base/timer_wheel.h"

#define GW_REDIS_MAX_IN_FLIGHT 4096          /* calls without a reply, those that timed out or were cancelled too */
#define GW_REDIS_MAX_UNSENT    (1024 * 1024) /* bytes that wait for the socket */
#define GW_REDIS_MAX_SILENT    3
#define GW_REDIS_SILENCE_MS    250

typedef struct gw_redis gw_redis_t;
typedef struct gw_redis_call gw_redis_call_t;

typedef enum gw_redis_result {
    GW_REDIS_SENT,    /* of gw_redis_send only: on_reply will come */
    GW_REDIS_REPLY,   /* of on_reply only */
    GW_REDIS_TIMEOUT, /* of on_reply only */
    GW_REDIS_LOST,    /* of on_reply only: the connection ended first */
    GW_REDIS_DOWN,    /* of gw_redis_send only: there is no connection */
    GW_REDIS_BUSY     /* of gw_redis_send only: too much is under way */
} gw_redis_result_t;

/** "reply", "timeout", ...: for decision records and logs */
const char *gw_redis_result_text(gw_redis_result_t result);

/** A command under way; embedded by the caller, zeroed but for on_reply.  Its memory must stay until on_reply or
 * gw_redis_cancel. */
struct gw_redis_call {
    /** @param reply NULL unless result is GW_REDIS_REPLY; valid during the call only */
    void (*on_reply)(gw_redis_call_t *call, gw_redis_result_t result, const gw_redis_reply_t *reply);
    /* private */
    gw_redis_t *redis; /* NULL: not under way */
    uint64_t slot, sent_ms;
    gw_timer_t timer;
};

/** @param args the command and its arguments; copied   @param num_args 1..1000   @param timeout_ms at least 1
 *  @return GW_REDIS_SENT, GW_REDIS_DOWN or GW_REDIS_BUSY */
gw_redis_result_t gw_redis_send(gw_redis_t *redis, gw_redis_call_t *call, const gw_str_t *args, size_t num_args,
                                uint64_t timeout_ms);
/** on_reply will not be called.  Does nothing when the call is not under way. */
void gw_redis_cancel(gw_redis_call_t *call);
static inline bool gw_redis_is_under_way(const gw_redis_call_t *call)
{
    return call->redis != NULL;
}

/** @return 0 while there is no connection; else its number: another number is another connection, perhaps to another
 * server, which may know nothing of scripts that were loaded before */
uint64_t gw_redis_connection_number(const gw_redis_t *redis);
/** The URL without user and password. */
const char *gw_redis_name(const gw_redis_t *redis);

#endif
