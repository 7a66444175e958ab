/* SPDX-License-Identifier: MIT
 * The inside of an HTTP/1.1 connection, shared by its three files: http1.c (life and request heads), http1_body.c
 * (request bodies), http1_response.c (responses). Threads: the worker's. */
#ifndef GW_SERVER_HTTP1_CONN_H
#define GW_SERVER_HTTP1_CONN_H

#include "gateway/exchange/exchange.h"
#include "gateway/http/chunked.h"
#include "gateway/server/worker.h"

typedef enum gw_http1_phase {
    GW_HTTP1_IDLE,     /* waiting for a request */
    GW_HTTP1_HEAD,     /* a part of a head is here */
    GW_HTTP1_EXCHANGE, /* a request is being answered */
    GW_HTTP1_LINGER    /* answered; what the client still sends is thrown away before closing, else it would get a reset
                          instead of the answer (RFC 9112 9.6) */
} gw_http1_phase_t;

typedef struct gw_http1_body {
    gw_body_t super;
    bool is_chunked, must_continue; /* must_continue: the client waits for 100 Continue */
    bool is_wanted;                 /* the sink is ready for data */
    bool is_feeding;
    uint64_t left; /* of Content-Length */
    size_t handed; /* bytes at the front of the input that the sink is working on */
    gw_chunked_t chunked;
} gw_http1_body_t;

typedef struct gw_http1_ostream {
    h2o_ostream_t super;
    bool is_head_sent, is_chunked, has_body;
    bool is_cut;    /* close when the present write is done */
    int num_queued; /* bytes in the socket's send buffer when it was last looked at; INT_MAX: not since the write began
                     */
    char chunk_head[20];
    H2O_VECTOR(h2o_iovec_t) interim; /* responses (1xx) that wait for the one that is being written */
    size_t interim_bytes;            /* of those */
    /* a send that came while an interim response was being written */
    bool is_deferred;
    h2o_iovec_t *bufs;
    size_t num_bufs;
    h2o_send_state_t state;
} gw_http1_ostream_t;

typedef struct gw_http1 {
    h2o_conn_t super;
    gw_worker_t *worker;
    h2o_socket_t *sock;
    h2o_linklist_t link;   /* in worker->http1 */
    gw_timer_t timer;      /* head, idle, write, linger */
    gw_timer_t body_timer; /* the client's silence while somebody waits for its body */
    gw_http1_phase_t phase;
    bool is_reading, is_writing_interim;
    bool must_linger; /* the client may still be sending what was refused */
    uint64_t num_requests;
    uint64_t started_us; /* worker clock at the first byte of the present request */
    size_t parsed;       /* bytes of the head the parser has seen */
    uint64_t num_discarded;
    gw_exchange_t *exchange;
    bool has_body;
    gw_http1_body_t body;
    gw_http1_ostream_t out;
    h2o_req_t req; /* large and initialised by libh2o: last */
} gw_http1_t;

/* http1.c */
void gw_http1_close(gw_http1_t *conn);
/** The response was written: next request, linger or close. */
void gw_http1_request_done(gw_http1_t *conn);
void gw_http1_start_reading(gw_http1_t *conn);
void gw_http1_stop_reading(gw_http1_t *conn);
static inline void gw_http1_set_timer(gw_http1_t *conn, uint64_t timeout_ms)
{
    gw_timer_set(&conn->worker->timers, &conn->timer, gw_worker_now_ms(conn->worker) + timeout_ms);
}

/* http1_body.c */
void gw_http1_body_init(gw_http1_t *conn, bool is_chunked, uint64_t length, bool must_continue);
/** New bytes came in. */
void gw_http1_body_feed(gw_http1_t *conn);
/** Somebody waits for the next piece. */
bool gw_http1_body_is_wanted(const gw_http1_t *conn);
/** The client has been silent for too long while somebody waited. */
void gw_http1_body_timeout(gw_http1_t *conn);
/** Before the response head is written: can the connection serve another request, or is body left that nobody will
 * read? A rest that is already here is skipped. */
bool gw_http1_body_is_over(gw_http1_t *conn);

/* http1_response.c */
void gw_http1_ostream_init(gw_http1_t *conn);
void gw_http1_write_continue(gw_http1_t *conn);
/** gw_exchange_t.on_interim */
void gw_http1_on_interim(gw_exchange_t *exchange, const struct gw_call_head *head);
/** The write timeout is over: has the client taken anything since the last time? */
bool gw_http1_is_read_by_client(gw_http1_t *conn);

#endif
