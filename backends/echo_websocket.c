/* SPDX-License-Identifier: MIT
 * /ws of echo: sends every WebSocket message back.  The frames are backends/websocket.h's; here are the handshake, the
 * socket and the goodbye.  While an echo is being written nothing is read, so a client that does not read holds what
 * two messages hold. */
#include <stdlib.h>
#include <sys/socket.h>
#include <h2o.h>
#include <h2o/http1.h>
#include "backends/services.h"
#include "backends/websocket.h"

#define OUT_ENOUGH (256 * 1024) /* bytes of echo after which it is time to write */
#define LINGER_MS  1000         /* for the peer to close after the Close frame */

typedef struct connection {
    h2o_linklist_t link;
    gw_demo_server_t *server;
    h2o_socket_t *sock; /* NULL until the handshake is written */
    gw_websocket_t codec;
    char *out;
    size_t out_len, out_size;
    bool is_closing; /* a Close frame is in `out` or was sent: nothing goes after it */
    gw_timer_t linger;
} connection_t;

static void process(connection_t *conn);

static void connection_free(connection_t *conn)
{
    gw_timer_dispose(&conn->server->timers, &conn->linger);
    h2o_linklist_unlink(&conn->link);
    if (conn->sock != NULL)
        h2o_socket_close(conn->sock);
    gw_websocket_dispose(&conn->codec);
    free(conn->out);
    free(conn);
}

static void put(connection_t *conn, const char *ptr, size_t len)
{
    if (conn->out_size - conn->out_len < len) {
        conn->out_size = 2 * (conn->out_len + len);
        conn->out = h2o_mem_realloc(conn->out, conn->out_size);
    }
    h2o_memcpy(conn->out + conn->out_len, ptr, len);
    conn->out_len += len;
}

static void put_frame(connection_t *conn, uint8_t opcode, gw_str_t payload)
{
    char head[GW_WEBSOCKET_HEAD_SIZE];
    put(conn, head, gw_websocket_head(head, opcode, payload.len));
    put(conn, payload.ptr, payload.len);
}

static void put_close(connection_t *conn, uint16_t code)
{
    char payload[2] = {(char)(code >> 8), (char)code};
    put_frame(conn, GW_WEBSOCKET_CLOSE, gw_str(payload, code == GW_WEBSOCKET_NO_STATUS ? 0 : 2));
    conn->is_closing = true;
}

static void on_discard(h2o_socket_t *sock, const char *err)
{
    if (err != NULL)
        connection_free(sock->data);
    else
        h2o_buffer_consume(&sock->input, sock->input->size);
}

static void on_linger_over(gw_timer_t *timer)
{
    connection_t *conn = H2O_STRUCT_FROM_MEMBER(connection_t, linger, timer);
    gw_demo_timer_fired(conn->server);
    connection_free(conn);
}

/** The server closes first (RFC 6455 section 7.1.1), but not with unread bytes in its hands: the reset that would
 * follow could overtake the Close frame. */
static void begin_linger(connection_t *conn)
{
    shutdown(h2o_socket_get_fd(conn->sock), SHUT_WR);
    gw_timer_set(&conn->server->timers, &conn->linger, gw_demo_now_ms() + LINGER_MS);
    h2o_buffer_consume(&conn->sock->input, conn->sock->input->size);
    h2o_socket_read_start(conn->sock, on_discard);
}

static void on_written(h2o_socket_t *sock, const char *err)
{
    connection_t *conn = sock->data;
    conn->out_len = 0;
    if (err != NULL)
        connection_free(conn);
    else if (conn->is_closing)
        begin_linger(conn);
    else
        process(conn);
}

static void on_read(h2o_socket_t *sock, const char *err)
{
    if (err != NULL)
        connection_free(sock->data);
    else
        process(sock->data);
}

static void on_event(connection_t *conn, const gw_websocket_event_t *event)
{
    switch (event->opcode) {
    case GW_WEBSOCKET_TEXT:
    case GW_WEBSOCKET_BINARY:
        put_frame(conn, event->opcode, event->payload);
        break;
    case GW_WEBSOCKET_PING:
        put_frame(conn, GW_WEBSOCKET_PONG, event->payload);
        break;
    case GW_WEBSOCKET_CLOSE:
        put_close(conn, event->code);
        break;
    default: /* a pong is an answer to nothing and needs none */
        break;
    }
}

/** Answers what has arrived, then either writes or reads on.  Not while a write is under way. */
static void process(connection_t *conn)
{
    h2o_socket_t *sock = conn->sock;
    size_t used = 0;
    while (!conn->is_closing && conn->out_len < OUT_ENOUGH && used != sock->input->size) {
        gw_websocket_event_t event;
        gw_websocket_result_t result =
            gw_websocket_next(&conn->codec, sock->input->bytes + used, sock->input->size - used, &event);
        if (result == GW_WEBSOCKET_MORE)
            break;
        if (result == GW_WEBSOCKET_FAILED)
            put_close(conn, event.code);
        else if (result == GW_WEBSOCKET_EVENT)
            on_event(conn, &event);
        used += event.consumed;
    }
    h2o_buffer_consume(&sock->input, used);
    if (conn->server->is_stopping && !conn->is_closing)
        put_close(conn, GW_WEBSOCKET_GOING_AWAY);
    if (conn->out_len != 0) {
        h2o_iovec_t out = h2o_iovec_init(conn->out, conn->out_len);
        h2o_socket_read_stop(sock);
        h2o_socket_write(sock, &out, 1, on_written);
    } else {
        h2o_socket_read_start(sock, on_read);
    }
}

static void on_upgraded(void *data, h2o_socket_t *sock, size_t request_len)
{
    connection_t *conn = data;
    if (sock == NULL) {
        connection_free(conn);
        return;
    }
    conn->sock = sock;
    sock->data = conn;
    h2o_buffer_consume(&sock->input, request_len);
    process(conn);
}

void gw_echo_websockets_stop(gw_demo_server_t *server)
{
    for (h2o_linklist_t *at = server->websockets.next, *next; at != &server->websockets; at = next) {
        connection_t *conn = H2O_STRUCT_FROM_MEMBER(connection_t, link, at);
        next = at->next;
        /* else what is under way ends in process(), which then sees that the server is stopping */
        if (conn->sock != NULL && !conn->is_closing && !h2o_socket_is_writing(conn->sock))
            process(conn);
    }
}

/* the handshake ------------------------------------------------------------------------------------------------------
 */

static bool is_websocket(const h2o_req_t *req)
{
    /* libh2o sets `upgrade` only when Connection names it too */
    return req->upgrade.base != NULL && h2o_lcstris(req->upgrade.base, req->upgrade.len, H2O_STRLIT("websocket")) &&
           req->version == 0x101;
}

static gw_str_t one_field(const h2o_req_t *req, const char *name, size_t name_len)
{
    ssize_t at = h2o_find_header_by_str(&req->headers, name, name_len, -1);
    if (at == -1 || h2o_find_header_by_str(&req->headers, name, name_len, at) != -1)
        return gw_str(NULL, 0);
    return gw_str(req->headers.entries[at].value.base, req->headers.entries[at].value.len);
}

void gw_echo_websocket(gw_demo_request_t *r)
{
    h2o_req_t *req = r->req;
    char *accept = h2o_mem_alloc_pool(&req->pool, GW_WEBSOCKET_ACCEPT_SIZE);
    if (r->is_head || !is_websocket(req)) {
        gw_demo_header(r, "upgrade", "websocket");
        gw_demo_problem(r, 426, NULL, "/ws speaks WebSocket: GET with Connection: Upgrade and Upgrade: websocket");
        return;
    }
    if (!gw_str_equal(one_field(req, H2O_STRLIT("sec-websocket-version")), GW_STR("13"))) {
        gw_demo_header(r, "sec-websocket-version", "13");
        gw_demo_problem(r, 426, NULL, "the version of WebSocket spoken here is 13");
        return;
    }
    if (!gw_websocket_accept(one_field(req, H2O_STRLIT("sec-websocket-key")), accept)) {
        gw_demo_problem(r, 400, NULL, "Sec-WebSocket-Key is not 16 bytes in base64");
        return;
    }
    connection_t *conn = h2o_mem_alloc(sizeof(*conn));
    *conn = (connection_t){.server = r->server};
    gw_websocket_init(&conn->codec, GW_WEBSOCKET_MAX_MESSAGE);
    gw_timer_init(&conn->linger, on_linger_over);
    h2o_linklist_insert(&r->server->websockets, &conn->link);
    req->res.status = 101;
    req->res.reason = "Switching Protocols";
    gw_demo_header(r, "upgrade", "websocket");
    gw_demo_header(r, "sec-websocket-accept", accept);
    gw_demo_header(r, "x-served-by", r->server->options->name);
    h2o_http1_upgrade(req, NULL, 0, on_upgraded, conn);
}
