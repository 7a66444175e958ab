/* SPDX-License-Identifier: MIT
 * A worker's connection to a Redis: making and keeping it, and the calls on it. */
#include <arpa/inet.h>
#include <assert.h>
#include "filters/rate_limit/store/redis.h"
#include "filters/rate_limit/store/redis_command.h"
#include "filters/rate_limit/store/redis_greeting.h"
#include "filters/rate_limit/store/redis_store.h"
#include "filters/rate_limit/store/redis_stream.h"
#include "gateway/base/memory.h"
#include "gateway/base/random.h"

enum {
    greeting_timeout_ms = 1000, /* for connecting to one address and being let in */
    first_backoff_ms = 100,
    max_backoff_ms = 5000,
    proven_ms = 5000 /* a connection that lasted so long is not the one that fails over and over */
};

struct gw_redis {
    gw_redis_store_t *store;
    gw_worker_t *worker;
    enum {
        WAITING,  /* for the time of the next attempt */
        GREETING, /* connecting or being let in */
        READY
    } state;
    size_t depth;   /* callbacks under way: it is freed when the last has returned */
    bool is_doomed; /* nobody wants it any more */
    bool is_lost;   /* as the store was told */
    gw_redis_stream_t stream;
    gw_redis_reader_t *reader; /* of the open stream */
    gw_timer_t timer;          /* WAITING, GREETING */
    unsigned num_failures;     /* attempts that failed since a connection was proven */
    uint64_t ready_ms, number, num_connections;
    /* the attempt */
    gw_redis_greeting_t greeting;
    bool is_at_sentinel, has_master;
    size_t sentinel, num_asked; /* which is asked; how many were in this attempt */
    char master_host[INET6_ADDRSTRLEN];
    gw_address_t master;
    gw_address_t addresses[GW_ENDPOINT_MAX_ADDRESSES];
    size_t num_addresses, next_address;
    /* calls, by slot % GW_REDIS_MAX_IN_FLIGHT: NULL when nobody waits for the reply any more */
    uint64_t first_slot, next_slot;
    unsigned num_silent; /* calls that timed out since the last byte */
    uint64_t silent_since_ms;
    gw_redis_call_t *calls[GW_REDIS_MAX_IN_FLIGHT];
};

static void begin_attempt(gw_redis_t *redis);

const char *gw_redis_result_text(gw_redis_result_t result)
{
    static const char *const texts[] = {
        [GW_REDIS_SENT] = "sent", [GW_REDIS_REPLY] = "reply", [GW_REDIS_TIMEOUT] = "timeout",
        [GW_REDIS_LOST] = "lost", [GW_REDIS_DOWN] = "down",   [GW_REDIS_BUSY] = "busy",
    };
    return texts[result];
}

/* life ------------------------------------------------------------------------------------------------------------- */

static void enter(gw_redis_t *redis)
{
    ++redis->depth;
}

/** @return false: it is gone */
static bool leave(gw_redis_t *redis)
{
    if (--redis->depth != 0 || !redis->is_doomed)
        return true;
    gw_redis_reader_free(redis->reader);
    free(redis);
    return false;
}

void gw_redis_destroy(gw_redis_t *redis)
{
    for (uint64_t slot = redis->first_slot; slot != redis->next_slot; ++slot)
        assert(redis->calls[slot % GW_REDIS_MAX_IN_FLIGHT] == NULL);
    if (redis->is_lost)
        gw_redis_store_back(redis->store, true);
    /* the last calls, which bring tokens back.  Without replies: those would come to a connection that is closed, and
     * then the server drops what it has not read yet, which is all but its first 16 KiB */
    if (redis->state == READY)
        gw_redis_stream_finish(&redis->stream, GW_STR("*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$3\r\nOFF\r\n"));
    gw_redis_stream_dispose(&redis->stream);
    gw_timer_dispose(&redis->worker->timers, &redis->timer);
    redis->is_doomed = true;
    enter(redis);
    leave(redis); /* now, or when the callback has returned that this is called from: it may be looking at a reply */
}

gw_redis_store_t *gw_redis_store_of(const gw_redis_t *redis)
{
    return redis->store;
}

gw_worker_t *gw_redis_worker_of(const gw_redis_t *redis)
{
    return redis->worker;
}

uint64_t gw_redis_connection_number(const gw_redis_t *redis)
{
    return redis->number;
}

const char *gw_redis_name(const gw_redis_t *redis)
{
    return redis->store->url->shown;
}

/* calls ------------------------------------------------------------------------------------------------------------ */

/** Takes a call out of its slot.  @return it, or NULL when nobody waits for it */
static gw_redis_call_t *take_call(gw_redis_t *redis, uint64_t slot)
{
    gw_redis_call_t **place = &redis->calls[slot % GW_REDIS_MAX_IN_FLIGHT], *call = *place;
    *place = NULL;
    if (call != NULL) {
        call->redis = NULL;
        gw_timer_dispose(&redis->worker->timers, &call->timer);
    }
    return call;
}

static void fail_calls(gw_redis_t *redis)
{
    assert(redis->state == WAITING && redis->depth != 0); /* nothing is added meanwhile, and it stays */
    while (redis->first_slot != redis->next_slot) {
        gw_redis_call_t *call = take_call(redis, redis->first_slot++);
        if (call != NULL)
            call->on_reply(call, GW_REDIS_LOST, NULL);
    }
}

/* connecting ------------------------------------------------------------------------------------------------------- */

static void close_stream(gw_redis_t *redis)
{
    gw_redis_stream_close(&redis->stream);
    redis->reader = gw_redis_reader_free(redis->reader);
    gw_timer_stop(&redis->timer);
}

static void wait_for_next_attempt(gw_redis_t *redis)
{
    unsigned doublings = redis->num_failures < 6 ? redis->num_failures : 6;
    uint64_t ms = (uint64_t)first_backoff_ms << doublings;
    if (ms > max_backoff_ms)
        ms = max_backoff_ms;
    /* gateways that lost the same server do not come back all at once */
    ms -= gw_random_below(&redis->worker->random, (uint32_t)ms / 2 + 1);
    ++redis->num_failures;
    redis->state = WAITING;
    gw_timer_set(&redis->worker->timers, &redis->timer, gw_worker_now_ms(redis->worker) + ms);
}

static void say_lost(gw_redis_t *redis, gw_redis_cause_t cause, const char *detail)
{
    if (redis->is_lost)
        return;
    redis->is_lost = true;
    gw_redis_store_lost(redis->store, cause, detail);
}

/** An attempt has failed at every address of the one that it went to. */
static void give_up(gw_redis_t *redis, gw_redis_cause_t cause, const char *detail)
{
    if (redis->store->url->where == GW_REDIS_SENTINEL) {
        redis->sentinel = (redis->sentinel + 1) % redis->store->url->num_hosts;
        redis->has_master = false;
        if (redis->is_at_sentinel && ++redis->num_asked < redis->store->url->num_hosts) {
            begin_attempt(redis); /* the next sentinel may know */
            return;
        }
        redis->num_asked = 0;
    }
    say_lost(redis, cause, detail);
    wait_for_next_attempt(redis);
}

static void try_next_address(gw_redis_t *redis, gw_redis_cause_t cause, const char *detail)
{
    const gw_redis_url_t *url = redis->store->url;
    const char *host = redis->is_at_sentinel             ? url->hosts[redis->sentinel].name
                       : url->where == GW_REDIS_SENTINEL ? redis->master_host
                                                         : url->hosts[0].name;
    while (redis->next_address != redis->num_addresses) {
        if (!gw_redis_stream_open(&redis->stream, redis->worker->context.loop, &redis->addresses[redis->next_address++],
                                  redis->store->tls, host, &cause)) {
            detail = "";
            continue;
        }
        redis->state = GREETING;
        gw_timer_set(&redis->worker->timers, &redis->timer, gw_worker_now_ms(redis->worker) + greeting_timeout_ms);
        return;
    }
    give_up(redis, cause, detail);
}

static void begin_attempt(gw_redis_t *redis)
{
    const gw_redis_url_t *url = redis->store->url;

    redis->is_at_sentinel = url->where == GW_REDIS_SENTINEL && !redis->has_master;
    redis->next_address = 0;
    if (url->where == GW_REDIS_UNIX) {
        gw_address_t *address = &redis->addresses[0];
        *address = (gw_address_t){.len = sizeof(address->sockaddr.un), .sockaddr.un.sun_family = AF_UNIX};
        strcpy(address->sockaddr.un.sun_path, url->path);
        redis->num_addresses = 1;
    } else if (redis->has_master) {
        redis->addresses[0] = redis->master;
        redis->num_addresses = 1;
    } else {
        redis->num_addresses = gw_endpoint_addresses(
            redis->store->endpoints[redis->is_at_sentinel ? redis->sentinel : 0], redis->addresses);
    }
    try_next_address(redis, GW_REDIS_CAUSE_NOT_RESOLVED, "");
}

/** The connection has ended, by us or by the other end, wherever it was.  Closed already. */
static void end_connection(gw_redis_t *redis, gw_redis_cause_t cause, const char *detail)
{
    if (redis->state == GREETING) {
        try_next_address(redis, cause, detail);
        return;
    }
    redis->number = 0;
    redis->has_master = false;
    if (gw_worker_now_ms(redis->worker) - redis->ready_ms >= proven_ms)
        redis->num_failures = 0;
    if (cause == GW_REDIS_CAUSE_CLOSED && redis->first_slot == redis->next_slot && redis->num_failures == 0) {
        redis->num_failures = 1; /* once: then it is no server that closes what is idle */
        begin_attempt(redis);
        return;
    }
    say_lost(redis, cause, detail);
    wait_for_next_attempt(redis);
    fail_calls(redis);
}

static void cut(gw_redis_t *redis, gw_redis_cause_t cause, const char *detail)
{
    close_stream(redis);
    end_connection(redis, cause, detail);
}

static void on_timer(gw_timer_t *timer)
{
    gw_redis_t *redis = H2O_STRUCT_FROM_MEMBER(gw_redis_t, timer, timer);

    if (redis->state == WAITING)
        begin_attempt(redis);
    else
        cut(redis,
            redis->stream.is_open        ? GW_REDIS_CAUSE_GREETING_TIMEOUT
            : redis->stream.is_connected ? GW_REDIS_CAUSE_TLS_TIMEOUT
                                         : GW_REDIS_CAUSE_CONNECT_TIMEOUT,
            "");
}

/* greeting --------------------------------------------------------------------------------------------------------- */

static void on_open(gw_redis_stream_t *stream)
{
    gw_redis_t *redis = H2O_STRUCT_FROM_MEMBER(gw_redis_t, stream, stream);

    redis->reader = gw_redis_reader_create();
    gw_redis_greeting_begin(&redis->greeting, redis->store->url, redis->is_at_sentinel);
    gw_redis_greeting_write(&redis->greeting,
                            gw_redis_stream_reserve(stream, gw_redis_greeting_size(&redis->greeting)));
    gw_redis_stream_flush(stream);
}

static void go_to_master(gw_redis_t *redis)
{
    gw_address_t *to = &redis->master;
    *to = (gw_address_t){0};
    strcpy(redis->master_host, redis->greeting.master_host);
    if (inet_pton(AF_INET, redis->master_host, &to->sockaddr.in.sin_addr) == 1) {
        to->sockaddr.in.sin_family = AF_INET;
        to->sockaddr.in.sin_port = htons(redis->greeting.master_port);
        to->len = sizeof(to->sockaddr.in);
    } else {
        inet_pton(AF_INET6, redis->master_host, &to->sockaddr.in6.sin6_addr);
        to->sockaddr.in6.sin6_family = AF_INET6;
        to->sockaddr.in6.sin6_port = htons(redis->greeting.master_port);
        to->len = sizeof(to->sockaddr.in6);
    }
    close_stream(redis);
    redis->has_master = true;
    redis->num_asked = 0;
    begin_attempt(redis);
}

static void be_ready(gw_redis_t *redis)
{
    gw_timer_stop(&redis->timer);
    redis->state = READY;
    redis->ready_ms = gw_worker_now_ms(redis->worker);
    redis->number = ++redis->num_connections;
    redis->num_silent = 0;
    if (redis->is_lost)
        gw_redis_store_back(redis->store, false);
    redis->is_lost = false;
}

/** @return whether the stream is still the same */
static bool take_greeting(gw_redis_t *redis, const gw_redis_reply_t *reply)
{
    switch (gw_redis_greeting_take(&redis->greeting, reply)) {
    case GW_REDIS_GREETING_MORE:
        return true;
    case GW_REDIS_GREETED:
        if (!redis->is_at_sentinel) {
            be_ready(redis);
            return true;
        }
        go_to_master(redis);
        return false;
    case GW_REDIS_GREETING_FAILED:
        break;
    }
    cut(redis, redis->greeting.cause, redis->greeting.code);
    return false;
}

/* replies ---------------------------------------------------------------------------------------------------------- */

/** @return whether the stream is still the same */
static bool take_reply(gw_redis_t *redis, const gw_redis_reply_t *reply)
{
    uint64_t number = redis->number;
    bool is_replica = false;

    if (redis->first_slot == redis->next_slot) {
        cut(redis, GW_REDIS_CAUSE_UNASKED, "");
        return false;
    }
    if (reply->type == GW_REDIS_ERROR) {
        is_replica = gw_redis_reply_is_error(reply, "READONLY");
        if (gw_redis_reply_is_error(reply, "MOVED") || gw_redis_reply_is_error(reply, "ASK"))
            gw_redis_store_explain(redis->store, GW_REDIS_ODDITY_CLUSTER);
        else if (is_replica && redis->store->url->where != GW_REDIS_SENTINEL)
            gw_redis_store_explain(redis->store, GW_REDIS_ODDITY_REPLICA);
    }
    gw_redis_call_t *call = take_call(redis, redis->first_slot++);
    if (call != NULL)
        call->on_reply(call, GW_REDIS_REPLY, reply);
    if (redis->is_doomed || redis->number != number)
        return false;
    if (!is_replica || redis->store->url->where != GW_REDIS_SENTINEL)
        return true;
    cut(redis, GW_REDIS_CAUSE_READONLY, "");
    return false;
}

static bool take_bytes(gw_redis_t *redis, gw_str_t bytes)
{
    const gw_redis_reply_t *reply;
    gw_redis_read_t status;

    redis->num_silent = 0;
    gw_redis_reader_feed(redis->reader, bytes);
    while ((status = gw_redis_reader_next(redis->reader, &reply)) == GW_REDIS_READ_REPLY)
        if (!(redis->state == READY ? take_reply : take_greeting)(redis, reply))
            return false;
    if (status == GW_REDIS_READ_MORE)
        return true;
    cut(redis, status == GW_REDIS_READ_TOO_LARGE ? GW_REDIS_CAUSE_TOO_LARGE : GW_REDIS_CAUSE_MALFORMED, "");
    return false;
}

static bool on_bytes(gw_redis_stream_t *stream, gw_str_t bytes)
{
    gw_redis_t *redis = H2O_STRUCT_FROM_MEMBER(gw_redis_t, stream, stream);
    enter(redis);
    bool is_same = take_bytes(redis, bytes);
    return leave(redis) && is_same;
}

static void on_closed(gw_redis_stream_t *stream, gw_redis_cause_t cause, const char *detail)
{
    gw_redis_t *redis = H2O_STRUCT_FROM_MEMBER(gw_redis_t, stream, stream);
    enter(redis);
    cut(redis, cause, detail);
    leave(redis);
}

gw_redis_t *gw_redis_create(gw_redis_store_t *store, gw_worker_t *worker)
{
    static const gw_redis_stream_events_t events = {on_open, on_bytes, on_closed};
    gw_redis_t *redis = gw_must_alloc(1, sizeof(*redis));

    redis->store = store;
    redis->worker = worker;
    redis->stream.events = &events;
    gw_timer_init(&redis->timer, on_timer);
    begin_attempt(redis);
    return redis;
}

/* sending ---------------------------------------------------------------------------------------------------------- */

static void on_call_timeout(gw_timer_t *timer)
{
    gw_redis_call_t *call = H2O_STRUCT_FROM_MEMBER(gw_redis_call_t, timer, timer);
    gw_redis_t *redis = call->redis;
    uint64_t number = redis->number, now_ms = gw_worker_now_ms(redis->worker);

    enter(redis);
    if (redis->num_silent++ == 0)
        redis->silent_since_ms = call->sent_ms;
    take_call(redis, call->slot);
    call->on_reply(call, GW_REDIS_TIMEOUT, NULL);
    if (!redis->is_doomed && redis->number == number && redis->num_silent >= GW_REDIS_MAX_SILENT &&
        now_ms - redis->silent_since_ms >= GW_REDIS_SILENCE_MS)
        cut(redis, GW_REDIS_CAUSE_SILENT, "");
    leave(redis);
}

gw_redis_result_t gw_redis_send(gw_redis_t *redis, gw_redis_call_t *call, const gw_str_t *args, size_t num_args,
                                uint64_t timeout_ms)
{
    assert(call->redis == NULL && num_args != 0);
    if (redis->state != READY)
        return GW_REDIS_DOWN;
    size_t size = gw_redis_command_size(args, num_args);
    if (redis->next_slot - redis->first_slot == GW_REDIS_MAX_IN_FLIGHT ||
        gw_redis_stream_unsent(&redis->stream) + size > GW_REDIS_MAX_UNSENT)
        return GW_REDIS_BUSY;
    call->redis = redis;
    call->slot = redis->next_slot++;
    call->sent_ms = gw_worker_now_ms(redis->worker);
    redis->calls[call->slot % GW_REDIS_MAX_IN_FLIGHT] = call;
    gw_timer_init(&call->timer, on_call_timeout);
    gw_timer_set(&redis->worker->timers, &call->timer, call->sent_ms + timeout_ms);
    gw_redis_command_write(gw_redis_stream_reserve(&redis->stream, size), args, num_args);
    gw_redis_stream_flush(&redis->stream);
    return GW_REDIS_SENT;
}

void gw_redis_cancel(gw_redis_call_t *call)
{
    if (call->redis != NULL)
        take_call(call->redis, call->slot);
}
