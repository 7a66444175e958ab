/* SPDX-License-Identifier: MIT
 * Scripted endpoints. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "tests/support/origin.h"
#include "tests/support/process.h"

typedef struct connection {
    struct connection *next;
    origin_t *origin;
    pthread_t thread;
    int fd;
    size_t index;
} connection_t;

struct origin_threads {
    pthread_t acceptor;
    connection_t *connections; /* of the acceptor; read by others when it has ended */
};

static void *serve(void *arg)
{
    connection_t *connection = arg;
    connection->origin->script(connection->origin, connection->fd, connection->index);
    shutdown(connection->fd, SHUT_RDWR); /* closed in origin_stop, so that the number is not used again */
    atomic_fetch_add(&connection->origin->num_closed, 1);
    return NULL;
}

static void *accept_all(void *arg)
{
    origin_t *origin = arg;
    int fd;
    while ((fd = accept(origin->fd, NULL, NULL)) != -1) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* scripts write in pieces */
        connection_t *connection = calloc(1, sizeof(*connection));
        connection->origin = origin;
        connection->fd = fd;
        connection->index = atomic_fetch_add(&origin->num_connections, 1);
        connection->next = origin->threads->connections;
        origin->threads->connections = connection;
        if (pthread_create(&connection->thread, NULL, serve, connection) != 0)
            abort();
    }
    return NULL;
}

int origin_reserve(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&address, len) != 0 || getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        abort();
    *ret_port = ntohs(address.sin_port);
    return fd;
}

origin_t *origin_start_on(int fd, origin_script_t script, void *arg)
{
    origin_t *origin = calloc(1, sizeof(*origin));
    struct sockaddr_in address;
    socklen_t len = sizeof(address);
    origin->fd = fd;
    if (listen(fd, 4096) != 0 || getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        abort();
    origin->port = ntohs(address.sin_port);
    origin->script = script;
    origin->arg = arg;
    origin->threads = calloc(1, sizeof(*origin->threads));
    if (pthread_create(&origin->threads->acceptor, NULL, accept_all, origin) != 0)
        abort();
    return origin;
}

origin_t *origin_start(origin_script_t script, void *arg)
{
    int port;
    return origin_start_on(origin_reserve(&port), script, arg);
}

void origin_stop(origin_t *origin)
{
    shutdown(origin->fd, SHUT_RDWR);
    pthread_join(origin->threads->acceptor, NULL);
    close(origin->fd);
    for (connection_t *connection = origin->threads->connections; connection != NULL;) {
        connection_t *next = connection->next;
        shutdown(connection->fd, SHUT_RDWR);
        pthread_join(connection->thread, NULL);
        close(connection->fd);
        free(connection);
        connection = next;
    }
    free(origin->threads);
    free(origin);
}

void origin_wait(atomic_size_t *counter, size_t least)
{
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (atomic_load(counter) < least) {
        poll(NULL, 0, 1); /* gives the processor away; the deadline decides, not this */
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((now.tv_sec - start.tv_sec) * 1000 > DEADLINE_MS) {
            fprintf(stderr, "a counter stayed at %zu instead of %zu\n", atomic_load(counter), least);
            abort();
        }
    }
}

bool origin_write(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len != 0) {
        ssize_t written = send(fd, text, len, MSG_NOSIGNAL);
        if (written <= 0)
            return false;
        text += written;
        len -= (size_t)written;
    }
    return true;
}

void origin_wait_for_close(int fd)
{
    char bytes[4096];
    while (recv(fd, bytes, sizeof(bytes), 0) > 0)
        ;
}

/** @return how many bytes the request has, or 0 when it is not complete yet */
static size_t request_size(const char *bytes, size_t len)
{
    const char *end = memmem(bytes, len, "\r\n\r\n", 4);
    if (end == NULL)
        return 0;
    size_t head = (size_t)(end - bytes) + 4;
    const char *length = strcasestr(bytes, "\r\ncontent-length:");
    if (length != NULL && length < end)
        return head + strtoull(length + 17, NULL, 10) <= len ? head + strtoull(length + 17, NULL, 10) : 0;
    const char *coding = strcasestr(bytes, "\r\ntransfer-encoding:");
    if (coding == NULL || coding > end)
        return head;
    const char *last = memmem(end + 2, len - (size_t)(end + 2 - bytes), "\r\n0\r\n\r\n", 7);
    return last == NULL ? 0 : (size_t)(last - bytes) + 7;
}

char *origin_read_request(origin_t *origin, int fd)
{
    size_t len = 0, cap = 65536;
    char *bytes = malloc(cap + 1);
    for (;;) {
        bytes[len] = '\0';
        if (request_size(bytes, len) != 0) {
            atomic_fetch_add(&origin->num_requests, 1);
            return bytes;
        }
        if (len == cap)
            bytes = realloc(bytes, (cap *= 2) + 1);
        ssize_t got = recv(fd, bytes + len, cap - len, 0);
        if (got <= 0) {
            free(bytes);
            return NULL;
        }
        len += (size_t)got;
    }
}

void origin_reflect(origin_t *origin, int fd, size_t index)
{
    char *request, head[128];
    while ((request = origin_read_request(origin, fd)) != NULL) {
        snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
                 strlen(request));
        bool is_head = strncmp(request, "HEAD ", 5) == 0;
        bool is_good = origin_write(fd, head) && (is_head || origin_write(fd, request));
        free(request);
        if (!is_good)
            break;
    }
}

void origin_answer(origin_t *origin, int fd, size_t index)
{
    char *request;
    while ((request = origin_read_request(origin, fd)) != NULL) {
        free(request);
        if (!origin_write(fd, origin->arg))
            break;
    }
}

void origin_answer_and_close(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_write(fd, origin->arg);
}

void origin_hang(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_wait_for_close(fd);
}

void origin_vanish(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
}

void origin_reset(origin_t *origin, int fd, size_t index)
{
    static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    free(origin_read_request(origin, fd));
    connect(fd, &nobody, sizeof(nobody)); /* ends a TCP connection with a reset */
}

void origin_break_off(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Le");
}

void origin_truncate_body(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of");
}

void origin_talk_junk(origin_t *origin, int fd, size_t index)
{
    free(origin_read_request(origin, fd));
    origin_write(fd, "220 mail.example ESMTP\r\n\r\n");
}

void origin_refuse(origin_t *origin, int fd, size_t index)
{
    char *request;
    while ((request = origin_read_request(origin, fd)) != NULL) {
        bool is_head = strncmp(request, "HEAD ", 5) == 0;
        free(request);
        if (!origin_write(fd, is_head ? "HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\n"
                                      : "HTTP/1.1 503 No\r\nContent-Length: 9\r\n\r\nfind me! "))
            return;
    }
}
