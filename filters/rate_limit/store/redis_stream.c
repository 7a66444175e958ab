/* SPDX-License-Identifier: MIT
 * The socket of a connection to a Redis.  It is in don't-read mode, so that each turn of the loop reads a bounded
 * amount whatever the server sends. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>
#include "filters/rate_limit/store/redis_stream.h"
#include "gateway/base/memory.h"

#define READ_SIZE   (16 * 1024)
#define KEEPALIVE_S 30

/* buffers ---------------------------------------------------------------------------------------------------------- */

static char *reserve(gw_redis_bytes_t *bytes, size_t len)
{
    if (bytes->size - bytes->len < len) {
        bytes->size = (bytes->len + len) * 2;
        if ((bytes->ptr = realloc(bytes->ptr, bytes->size)) == NULL)
            abort();
    }
    bytes->len += len;
    return bytes->ptr + bytes->len - len;
}

char *gw_redis_stream_reserve(gw_redis_stream_t *stream, size_t len)
{
    return reserve(&stream->queue, len);
}

/* closing ---------------------------------------------------------------------------------------------------------- */

void gw_redis_stream_close(gw_redis_stream_t *stream)
{
    if (stream->sock == NULL)
        return;
    h2o_socket_close(stream->sock);
    stream->sock = NULL;
    stream->tls = gw_redis_tls_free(stream->tls);
    stream->is_connected = stream->is_open = stream->is_writing = false;
    stream->queue.len = stream->writing.len = 0;
}

static void break_off(gw_redis_stream_t *stream, gw_redis_cause_t cause)
{
    char detail[GW_REDIS_TLS_MAX_WHY] = "";
    if (cause == GW_REDIS_CAUSE_TLS)
        strcpy(detail, gw_redis_tls_why(stream->tls));
    gw_redis_stream_close(stream);
    stream->events->on_closed(stream, cause, detail);
}

/* writing ---------------------------------------------------------------------------------------------------------- */

static void on_written(h2o_socket_t *sock, const char *err)
{
    gw_redis_stream_t *stream = sock->data;
    stream->is_writing = false;
    stream->writing.len = 0;
    if (err != NULL)
        break_off(stream, GW_REDIS_CAUSE_BROKEN);
    else
        gw_redis_stream_flush(stream);
}

static void take_encrypted(gw_redis_stream_t *stream)
{
    /* when writing fails, so does the next read, and that tells why */
    if (stream->queue.len != 0 && gw_redis_tls_is_ready(stream->tls) &&
        gw_redis_tls_write(stream->tls, gw_str(stream->queue.ptr, stream->queue.len)))
        stream->queue.len = 0;
    gw_str_t output = gw_redis_tls_output(stream->tls);
    if (output.len == 0)
        return;
    memcpy(reserve(&stream->writing, output.len), output.ptr, output.len);
    gw_redis_tls_sent(stream->tls);
}

/** Makes `writing` of what waits, and sends of it what the socket takes.  @return bytes that it took */
static size_t send_queue(gw_redis_stream_t *stream)
{
    if (stream->tls != NULL) {
        take_encrypted(stream);
    } else {
        gw_redis_bytes_t empty = stream->writing;
        stream->writing = stream->queue;
        stream->queue = empty;
    }
    if (stream->writing.len == 0)
        return 0;
    ssize_t sent = send(h2o_socket_get_fd(stream->sock), stream->writing.ptr, stream->writing.len, MSG_NOSIGNAL);
    return sent > 0 ? (size_t)sent : 0; /* why not is told by the next write, or read */
}

void gw_redis_stream_flush(gw_redis_stream_t *stream)
{
    if (stream->is_writing || stream->sock == NULL)
        return;
    size_t sent = send_queue(stream);
    if (stream->writing.len == 0)
        return;
    h2o_iovec_t rest = h2o_iovec_init(stream->writing.ptr + sent, stream->writing.len - sent);
    stream->is_writing = true;
    stream->is_blocked = rest.len != 0;
    h2o_socket_write(stream->sock, &rest, stream->is_blocked,
                     on_written); /* calls back in the next turn at the earliest */
}

void gw_redis_stream_finish(gw_redis_stream_t *stream, gw_str_t before)
{
    size_t waiting = stream->queue.len;
    if (!stream->is_open || (stream->is_writing && stream->is_blocked) || waiting == 0)
        return;
    reserve(&stream->queue, before.len);
    memmove(stream->queue.ptr + before.len, stream->queue.ptr, waiting);
    memcpy(stream->queue.ptr, before.ptr, before.len);
    stream->writing.len = 0;
    send_queue(stream);
}

void gw_redis_stream_dispose(gw_redis_stream_t *stream)
{
    gw_redis_stream_close(stream);
    free(stream->queue.ptr);
    free(stream->writing.ptr);
    stream->queue = stream->writing = (gw_redis_bytes_t){.ptr = NULL};
}

/* reading ---------------------------------------------------------------------------------------------------------- */

/** @return false: the stream is gone */
static bool decrypt(gw_redis_stream_t *stream, gw_str_t bytes)
{
    gw_redis_tls_result_t result;
    char plain[READ_SIZE];
    size_t len;

    gw_redis_tls_feed(stream->tls, bytes);
    for (;;) {
        result = gw_redis_tls_read(stream->tls, plain, sizeof(plain), &len);
        if (!stream->is_open && gw_redis_tls_is_ready(stream->tls)) {
            stream->is_open = true;
            stream->events->on_open(stream); /* it has nothing to close for: no byte was read yet */
        }
        if (result != GW_REDIS_TLS_BYTES)
            break;
        if (!stream->events->on_bytes(stream, gw_str(plain, len)))
            return false;
    }
    gw_redis_stream_flush(stream); /* what the handshake has to say, an alert too */
    if (result == GW_REDIS_TLS_MORE)
        return true;
    break_off(stream, result == GW_REDIS_TLS_END ? GW_REDIS_CAUSE_CLOSED : GW_REDIS_CAUSE_TLS);
    return false;
}

static void on_readable(h2o_socket_t *sock, const char *err)
{
    gw_redis_stream_t *stream = sock->data;
    char bytes[READ_SIZE];
    ssize_t len = read(h2o_socket_get_fd(sock), bytes, sizeof(bytes));

    if (len < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (len <= 0)
        break_off(stream, len == 0 ? GW_REDIS_CAUSE_CLOSED : GW_REDIS_CAUSE_BROKEN);
    else if (stream->tls != NULL)
        decrypt(stream, gw_str(bytes, (size_t)len));
    else
        stream->events->on_bytes(stream, gw_str(bytes, (size_t)len));
}

/* opening ---------------------------------------------------------------------------------------------------------- */

static gw_redis_cause_t cause_of(int error)
{
    return error == ECONNREFUSED || error == ENOENT ? GW_REDIS_CAUSE_REFUSED
           : error == ETIMEDOUT                     ? GW_REDIS_CAUSE_CONNECT_TIMEOUT
                                                    : GW_REDIS_CAUSE_UNREACHABLE;
}

static void on_connect(h2o_socket_t *sock, const char *err)
{
    gw_redis_stream_t *stream = sock->data;
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(h2o_socket_get_fd(sock), SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    if (err != NULL || error != 0) {
        break_off(stream, cause_of(error));
        return;
    }
    stream->is_connected = true;
    h2o_socket_dont_read(sock, 1);
    h2o_socket_read_start(sock, on_readable);
    if (stream->tls != NULL) {
        decrypt(stream, (gw_str_t){NULL, 0}); /* says hello */
        return;
    }
    stream->is_open = true;
    stream->events->on_open(stream);
}

static void set_options(int fd)
{
    int on = 1, after_s = KEEPALIVE_S;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    /* an idle connection whose other end has vanished is noticed, and one that is watched by a firewall stays known */
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &after_s, sizeof(after_s));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &after_s, sizeof(after_s));
}

bool gw_redis_stream_open(gw_redis_stream_t *stream, h2o_loop_t *loop, const gw_address_t *address, SSL_CTX *tls,
                          const char *host, gw_redis_cause_t *ret_cause)
{
    /* not h2o_socket_connect: it consumes SO_ERROR, and with it the difference between "refused" and "unreachable" */
    int fd = socket(address->sockaddr.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        *ret_cause = cause_of(errno);
        return false;
    }
    if (address->sockaddr.any.sa_family != AF_UNIX)
        set_options(fd);
    if (connect(fd, &address->sockaddr.any, address->len) != 0 && errno != EINPROGRESS) {
        *ret_cause = cause_of(errno);
        close(fd);
        return false;
    }
    stream->sock = h2o_evloop_socket_create(loop, fd, 0);
    stream->sock->data = stream;
    if (tls != NULL)
        stream->tls = gw_redis_tls_create(tls, host);
    h2o_socket_notify_write(stream->sock, on_connect);
    return true;
}
