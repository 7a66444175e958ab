/* SPDX-License-Identifier: MIT
 * A call: one request and its response on one connection to an endpoint (HTTP/1.1, RFC 9112).
 *
 * The response is judged strictly (gateway/http/response_head.h); whatever is wrong with it ends the call with a reason
 * and the connection with it.  Back-pressure both ways: the next piece of the request body is asked for when the last
 * one was written, the next piece of the response body is read when the last one was taken. Threads: its worker's.
 * Lifetime: embedded in the caller; over after on_failed, after the last on_body, or gw_call_cancel. */
#ifndef GW_UPSTREAM_CALL_H
#define GW_UPSTREAM_CALL_H

#include "gateway/exchange/body.h"
#include "gateway/http/chunked.h"
#include "gateway/upstream/chunk.h"
#include "gateway/upstream/pool.h"

#define GW_CALL_MAX_FIELDS  100
#define GW_CALL_MAX_INTERIM 16 /* 1xx responses before the final one */

typedef struct gw_call_field {
    gw_str_t name, value; /* name in lower case */
    const char *name_as_sent;
} gw_call_field_t;

typedef struct gw_call_head {
    int status;
    bool has_body;
    uint64_t length; /* Content-Length as the endpoint said it (also in answers to HEAD); UINT64_MAX: not said */
    const gw_call_field_t *fields;
    size_t num_fields;
} gw_call_head_t;

typedef struct gw_call gw_call_t;
typedef struct gw_call_events {
    /** An interim response (1xx, but not 100: nobody here waits for it), in memory of the request's pool.  May be NULL.
     */
    void (*on_interim)(gw_call_t *call, const gw_call_head_t *head);
    /** The head, in memory of the request's pool.  on_body follows, unless the call is cancelled from within. */
    void (*on_head)(gw_call_t *call, const gw_call_head_t *head);
    /** A piece of the body; the slices stay valid until gw_call_more or gw_call_dispose.
     *  @param is_last no further call; the connection is already back in its pool */
    void (*on_body)(gw_call_t *call, const h2o_iovec_t *slices, size_t num_slices, bool is_last);
    /** It is over.  @param is_untouched no byte of a response came: the endpoint may not even have seen the request
     *  @param is_undelivered it cannot have: no byte of it arrived there (known for kept connections that broke off) */
    void (*on_failed)(gw_call_t *call, gw_reason_t reason, const char *detail, bool is_untouched, bool is_undelivered);
} gw_call_events_t;

struct gw_call {
    const gw_call_events_t *events;
    gw_connection_t *connection; /* NULL when it is over */
    /* private */
    gw_worker_t *worker;
    const gw_service_conf_t *service;
    h2o_mem_pool_t *pool;
    gw_body_t *body; /* NULL: none */
    bool is_head_method;
    enum gw_call_state {
        GW_CALL_HEAD,       /* the response head is awaited */
        GW_CALL_LENGTH,     /* a body of known length */
        GW_CALL_CHUNKED,    /* a chunked body */
        GW_CALL_UNTIL_CLOSE /* a body that ends with the connection */
    } state;
    bool keep_alive, is_request_sent, has_write_failed, is_reading, is_more_likely, is_head_passed;
    unsigned num_interim, num_reads;
    uint64_t sent_us;     /* read-only: when the last byte of the request was written; 0: not yet */
    uint64_t sent_before; /* bytes that went over the connection before this call */
    uint64_t left;        /* GW_CALL_LENGTH */
    gw_chunked_t chunked;
    gw_chunk_t *chunk; /* what is being read into, or what on_body's slices point at */
    size_t parsed;     /* bytes of the head that the parser has seen */
    gw_timer_t timer;
    gw_reason_t timeout_reason;
    char chunk_head[20]; /* the chunk size line of the request body piece being written */
};

/** Sends a request.  @param call zeroed but for `events`
 *  @param connection taken over; given back or closed when the call is over
 *  @param head the whole request head; must live until the call is over
 *  @param body streamed after it (chunked when its length is unknown), or NULL
 *  @param pool where the response head is put */
void gw_call_start(gw_call_t *call, gw_connection_t *connection, const gw_service_conf_t *service, h2o_iovec_t head,
                   bool is_head_method, gw_body_t *body, h2o_mem_pool_t *pool);
/** The piece of body was taken: go on.  May call on_body or on_failed from within. */
void gw_call_more(gw_call_t *call);
/** Nobody is interested any more: closes the connection if there is one and frees the buffers.  Always to be called at
 * the end; does nothing the second time. */
void gw_call_dispose(gw_call_t *call);

#endif
