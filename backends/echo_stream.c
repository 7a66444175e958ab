/* SPDX-License-Identifier: MIT
 * Bodies that echo makes as they are sent: /bytes/N, /drip, /stream. */
#include <inttypes.h>
#include <stdio.h>
#include "backends/pattern.h"
#include "backends/services.h"

#define MAX_BYTES       (UINT64_C(10) << 30)
#define PIECE_SIZE      65536
#define MAX_CHUNKS      100000
#define MAX_INTERVAL_MS 60000
#define MAX_DRIP_BYTES  (10 << 20)
#define MAX_DRIP_MS     600000

static void send_nothing(gw_demo_request_t *r)
{
    h2o_send(r->req, NULL, 0, H2O_SEND_STATE_FINAL);
}

static void send_piece(h2o_req_t *req, char *ptr, size_t len, bool is_last)
{
    h2o_iovec_t piece = h2o_iovec_init(ptr, len);
    h2o_send(req, &piece, 1, is_last ? H2O_SEND_STATE_FINAL : H2O_SEND_STATE_IN_PROGRESS);
}

/* /bytes/N -----------------------------------------------------------------------------------------------------------
 */

typedef struct bytes {
    h2o_generator_t super;
    uint64_t sent, total;
    char piece[PIECE_SIZE];
} bytes_t;

static void proceed_bytes(h2o_generator_t *super, h2o_req_t *req)
{
    bytes_t *bytes = (bytes_t *)(void *)super;
    uint64_t left = bytes->total - bytes->sent;
    size_t len = left < PIECE_SIZE ? (size_t)left : PIECE_SIZE;
    gw_pattern_fill(bytes->piece, len, bytes->sent);
    bytes->sent += len;
    send_piece(req, bytes->piece, len, bytes->sent == bytes->total);
}

void gw_echo_bytes(gw_demo_request_t *r)
{
    uint64_t total, is_chunked = 0;
    if (!gw_demo_path_number(r, GW_STR("/bytes/"), "N", 0, MAX_BYTES, &total) ||
        !gw_demo_number(r, "chunked", 0, 1, &is_chunked))
        return;
    bytes_t *bytes = h2o_mem_alloc_pool(&r->req->pool, sizeof(*bytes));
    bytes->super = (h2o_generator_t){proceed_bytes, NULL};
    bytes->sent = 0;
    bytes->total = total;
    gw_demo_start(r, 200, "application/octet-stream", is_chunked ? SIZE_MAX : (size_t)total, &bytes->super);
    if (r->is_head || total == 0)
        send_nothing(r);
    else
        proceed_bytes(&bytes->super, r->req);
}

/* /drip --------------------------------------------------------------------------------------------------------------
 */

typedef struct drip {
    h2o_generator_t super;
    gw_demo_request_t *r;
    uint64_t sent, total, begun_ms, duration_ms;
    char piece[PIECE_SIZE];
} drip_t;

/** Byte i is due at i / total of the duration: the first at once, the last a little before the end. */
static uint64_t due_ms(const drip_t *drip, uint64_t byte)
{
    return drip->begun_ms + byte * drip->duration_ms / drip->total;
}

static void drip_now(drip_t *drip)
{
    uint64_t now_ms = gw_demo_now_ms();
    size_t len = 0;
    while (len != PIECE_SIZE && drip->sent + len != drip->total && due_ms(drip, drip->sent + len) <= now_ms)
        ++len;
    memset(drip->piece, '*', len);
    drip->sent += len;
    send_piece(drip->r->req, drip->piece, len, drip->sent == drip->total);
}

static void resume_drip(gw_demo_request_t *r)
{
    drip_now(r->state);
}

static void proceed_drip(h2o_generator_t *super, h2o_req_t *req)
{
    drip_t *drip = (drip_t *)(void *)super;
    gw_demo_wait(drip->r, due_ms(drip, drip->sent), resume_drip);
}

static void start_drip(gw_demo_request_t *r)
{
    drip_t *drip = r->state;
    drip->begun_ms = gw_demo_now_ms();
    gw_demo_start(r, 200, "application/octet-stream", (size_t)drip->total, &drip->super);
    if (r->is_head || drip->total == 0)
        send_nothing(r);
    else
        drip_now(drip);
}

void gw_echo_drip(gw_demo_request_t *r)
{
    uint64_t duration_ms = 2000, num_bytes = 10, delay_ms = 0;
    if (!gw_demo_number(r, "duration", 0, MAX_DRIP_MS, &duration_ms) ||
        !gw_demo_number(r, "numbytes", 0, MAX_DRIP_BYTES, &num_bytes) ||
        !gw_demo_number(r, "delay", 0, MAX_DRIP_MS, &delay_ms))
        return;
    drip_t *drip = r->state = h2o_mem_alloc_pool(&r->req->pool, sizeof(*drip));
    drip->super = (h2o_generator_t){proceed_drip, NULL};
    drip->r = r;
    drip->sent = 0;
    drip->total = num_bytes;
    drip->duration_ms = duration_ms;
    if (delay_ms != 0)
        gw_demo_wait(r, gw_demo_now_ms() + delay_ms, start_drip);
    else
        start_drip(r);
}

/* /stream ------------------------------------------------------------------------------------------------------------
 */

typedef struct stream {
    h2o_generator_t super;
    gw_demo_request_t *r;
    uint64_t sent, total, interval_ms, next_ms;
    char event[64];
} stream_t;

static void send_event(gw_demo_request_t *r)
{
    stream_t *stream = r->state;
    int len = snprintf(stream->event, sizeof(stream->event), "data: {\"chunk\":%" PRIu64 "}\n\n", ++stream->sent);
    stream->next_ms += stream->interval_ms;
    send_piece(r->req, stream->event, (size_t)len, stream->sent == stream->total);
}

static void proceed_stream(h2o_generator_t *super, h2o_req_t *req)
{
    stream_t *stream = (stream_t *)(void *)super;
    if (stream->next_ms <= gw_demo_now_ms())
        send_event(stream->r);
    else
        gw_demo_wait(stream->r, stream->next_ms, send_event);
}

void gw_echo_stream(gw_demo_request_t *r)
{
    uint64_t num_chunks = 5, interval_ms = 1000;
    if (!gw_demo_number(r, "chunks", 0, MAX_CHUNKS, &num_chunks) ||
        !gw_demo_number(r, "interval", 0, MAX_INTERVAL_MS, &interval_ms))
        return;
    stream_t *stream = r->state = h2o_mem_alloc_pool(&r->req->pool, sizeof(*stream));
    *stream = (stream_t){
        .super = {proceed_stream, NULL},
        .r = r,
        .total = num_chunks,
        .interval_ms = interval_ms,
        .next_ms = gw_demo_now_ms(),
    };
    gw_demo_header(r, "cache-control", "no-store");
    gw_demo_start(r, 200, "text/event-stream", SIZE_MAX, &stream->super);
    if (r->is_head || num_chunks == 0)
        send_nothing(r);
    else
        send_event(r);
}
