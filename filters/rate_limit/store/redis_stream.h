/* SPDX-License-Identifier: MIT
 * A connection of a worker's loop as a stream of plain bytes, with TLS or without.
 *
 * Threads: its worker's.  Lifetime: embedded; one connection at a time, from gw_redis_stream_open to
 * gw_redis_stream_close or on_closed, then it may be opened again. */
#ifndef FILTERS_RATE_LIMIT_STORE_REDIS_STREAM_H
#define FILTERS_RATE_LIMIT_STORE_REDIS_STREAM_H

#include <h2o.h>
#include "filters/rate_limit/store/redis_cause.h"
#include "filters/rate_limit/store/redis_tls.h"
#include "gateway/upstream/endpoint.h"

typedef struct gw_redis_stream gw_redis_stream_t;

typedef struct gw_redis_stream_events {
    /** It is there, and encrypted where it should be. */
    void (*on_open)(gw_redis_stream_t *stream);
    /** @return false: the stream was closed or freed from within, nothing of it must be touched */
    bool (*on_bytes)(gw_redis_stream_t *stream, gw_str_t bytes);
    /** It is closed already; the stream may be opened again or freed from within.
     *  @param detail "" or what OpenSSL says */
    void (*on_closed)(gw_redis_stream_t *stream, gw_redis_cause_t cause, const char *detail);
} gw_redis_stream_events_t;

typedef struct gw_redis_bytes {
    char *ptr;
    size_t len, size;
} gw_redis_bytes_t;

struct gw_redis_stream {
    const gw_redis_stream_events_t *events;
    /* read-only */
    bool is_connected, is_open; /* the socket is; and encrypted where it should be */
    /* private */
    h2o_socket_t *sock; /* NULL: closed */
    gw_redis_tls_t *tls;
    bool is_writing, is_blocked;     /* is_blocked: the socket has not taken all of `writing` yet */
    gw_redis_bytes_t queue, writing; /* plain bytes that wait; bytes that are sent until libh2o says that they are */
};

/** @param stream zeroed but for events
 *  @param tls NULL: none   @param host what its certificate must be for
 *  @return false: that fails at once, with *ret_cause; on_closed will not be called */
bool gw_redis_stream_open(gw_redis_stream_t *stream, h2o_loop_t *loop, const gw_address_t *address, SSL_CTX *tls,
                          const char *host, gw_redis_cause_t *ret_cause);
/** No further event.  Does nothing when it is closed. */
void gw_redis_stream_close(gw_redis_stream_t *stream);
/** Also frees its buffers. */
void gw_redis_stream_dispose(gw_redis_stream_t *stream);

/** Before it is disposed of: where anything waits, sends `before` and then that, as far as the socket takes it at once.
 */
void gw_redis_stream_finish(gw_redis_stream_t *stream, gw_str_t before);

/** Room for so many bytes at the end of what waits to be sent; sent by gw_redis_stream_flush.  Only when it is open. */
char *gw_redis_stream_reserve(gw_redis_stream_t *stream, size_t len);
/** Sends what waits, or leaves it until the last write is over. */
void gw_redis_stream_flush(gw_redis_stream_t *stream);
static inline size_t gw_redis_stream_unsent(const gw_redis_stream_t *stream)
{
    return stream->queue.len + stream->writing.len;
}

#endif
