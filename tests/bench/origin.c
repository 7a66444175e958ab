/* SPDX-License-Identifier: MIT
 * origin [--port N]: the HTTP/1.1 server behind every peer of the benchmark, made to cost as little as it can.
 *
 *   any path   200 with 120 bytes
 *   /bytes/N   200 with N bytes, 0..1048576
 *   /cacheable/N/...  the same, and it may be kept for an hour
 *   /counters  200 with "CONNECTIONS REQUESTS\n" taken since the start, this one included
 *
 * The bodies repeat "origin PORT\n", so that they show which origin answered.  One thread, epoll, level-triggered.
 * It trusts its peers: every connection is kept alive until the other side closes it, pipelined requests are answered
 * in order, a request body with Content-Length is read and dropped, one in chunks closes the connection. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/bench/loopback.h"

#define DEFAULT_BODY_BYTES 120
#define MAX_BODY_BYTES     1048576
#define MAX_INPUT_BYTES    16384
#define MAX_EVENTS         256

struct connection {
    int fd;
    bool is_writing;       /* waits for room to write: epoll watches EPOLLOUT instead of EPOLLIN */
    size_t num_input;      /* bytes in `input` */
    uint64_t num_skip;     /* bytes of a request body still to be dropped */
    size_t head_bytes;     /* of the answer in `head` */
    size_t body_bytes;     /* of the answer, from `body` */
    size_t sent_bytes;     /* of both; an answer is under way while this is less than their sum */
    size_t formatted_size; /* the body size for which `head` was made, SIZE_MAX: none */
    bool is_cacheable;     /* that head says so */
    char head[200];
    char input[MAX_INPUT_BYTES + 1]; /* the last byte stays 0: it ends the reading of a number */
};

static char body[MAX_BODY_BYTES];
static uint64_t num_connections, num_requests;

static bool starts_with(const char *text, size_t length, const char *prefix)
{
    return length >= strlen(prefix) && memcmp(text, prefix, strlen(prefix)) == 0;
}

/* Reads Content-Length of a head that ends in CRLF CRLF.  @return false: a body whose length cannot be known */
static bool read_content_length(const char *head, size_t length, uint64_t *ret_length)
{
    static const char name[] = "content-length:", chunked[] = "transfer-encoding:";
    const char *end = head + length, *line = head;

    *ret_length = 0;
    while ((line = memchr(line, '\n', (size_t)(end - line))) != NULL && ++line < end) {
        if ((size_t)(end - line) > sizeof(name) && strncasecmp(line, name, sizeof(name) - 1) == 0)
            *ret_length = strtoull(line + sizeof(name) - 1, NULL, 10);
        else if ((size_t)(end - line) > sizeof(chunked) && strncasecmp(line, chunked, sizeof(chunked) - 1) == 0)
            return false;
    }
    return true;
}

static void format_head(struct connection *c, const char *status, size_t size, const char *text)
{
    c->head_bytes = (size_t)snprintf(c->head, sizeof(c->head),
                                     "HTTP/1.1 %s\r\nContent-Type: text/plain\r\n%sContent-Length: %zu\r\n\r\n%s",
                                     status, c->is_cacheable ? "Cache-Control: max-age=3600\r\n" : "", size, text);
    c->body_bytes = 0;
    c->formatted_size = SIZE_MAX;
}

/* Prepares the answer to the request whose head is input[0..length). */
static void prepare_answer(struct connection *c, const char *head, size_t length)
{
    const char *space = memchr(head, ' ', length), *path = space == NULL ? head : space + 1;
    size_t path_bytes = (size_t)(head + length - path), size = DEFAULT_BODY_BYTES;

    bool is_cacheable = starts_with(path, path_bytes, "/cacheable/");

    ++num_requests;
    c->sent_bytes = 0;
    if (c->is_cacheable != is_cacheable)
        c->formatted_size = SIZE_MAX;
    c->is_cacheable = is_cacheable;
    if (starts_with(path, path_bytes, "/counters ")) {
        char text[48];
        int text_bytes = snprintf(text, sizeof(text), "%llu %llu\n", (unsigned long long)num_connections,
                                  (unsigned long long)num_requests);
        format_head(c, "200 OK", (size_t)text_bytes, text);
        return;
    }
    if (is_cacheable || starts_with(path, path_bytes, "/bytes/")) {
        size = strtoul(path + (is_cacheable ? strlen("/cacheable/") : strlen("/bytes/")), NULL, 10);
        if (size > MAX_BODY_BYTES) {
            format_head(c, "400 Bad Request", 0, "");
            return;
        }
    }
    if (c->formatted_size != size) {
        format_head(c, "200 OK", size, "");
        c->formatted_size = size;
    }
    c->body_bytes = starts_with(head, length, "HEAD ") ? 0 : size;
}

/* @return false: the connection is broken */
static bool send_answer(struct connection *c)
{
    size_t total = c->head_bytes + c->body_bytes;

    while (c->sent_bytes < total) {
        size_t head_sent = c->sent_bytes < c->head_bytes ? c->sent_bytes : c->head_bytes;
        size_t body_sent = c->sent_bytes - head_sent;
        struct iovec parts[] = {{c->head + head_sent, c->head_bytes - head_sent},
                                {body + body_sent, c->body_bytes - body_sent}};
        ssize_t sent = writev(c->fd, parts, 2);
        if (sent < 0)
            return errno == EAGAIN;
        c->sent_bytes += (size_t)sent;
    }
    return true;
}

/* Answers the requests that have arrived, in order, until one is incomplete or the socket is full. */
static bool answer_input(struct connection *c)
{
    for (;;) {
        if (!send_answer(c))
            return false;
        if (c->sent_bytes < c->head_bytes + c->body_bytes)
            return true;

        size_t num_drop = c->num_skip < c->num_input ? (size_t)c->num_skip : c->num_input;
        c->num_skip -= num_drop;
        char *head = c->input + num_drop, *end = memmem(head, c->num_input - num_drop, "\r\n\r\n", 4);
        if (end != NULL) {
            size_t length = (size_t)(end - head) + 4;
            if (!starts_with(head, length, "GET ") && !read_content_length(head, length, &c->num_skip))
                return false;
            prepare_answer(c, head, length);
            num_drop += length;
        }
        c->num_input -= num_drop;
        if (num_drop != 0 && c->num_input != 0)
            memmove(c->input, c->input + num_drop, c->num_input);
        if (end == NULL)
            return c->num_input < MAX_INPUT_BYTES;
    }
}

static bool serve(struct connection *c)
{
    if (!c->is_writing) {
        ssize_t got = read(c->fd, c->input + c->num_input, MAX_INPUT_BYTES - c->num_input);
        if (got <= 0)
            return got < 0 && errno == EAGAIN;
        c->num_input += (size_t)got;
    }
    return answer_input(c);
}

static void watch(int epoll_fd, int operation, int fd, uint32_t events, struct connection *c)
{
    struct epoll_event event = {.events = events, .data = {.ptr = c}};

    if (epoll_ctl(epoll_fd, operation, fd, &event) != 0)
        err(1, "epoll_ctl");
}

static void accept_one(int epoll_fd, int listen_fd)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct connection *c;

    if (fd < 0)
        return;
    if ((c = calloc(1, sizeof(*c))) == NULL)
        err(1, "connection");
    c->fd = fd;
    c->formatted_size = SIZE_MAX;
    ++num_connections;
    loopback_send_at_once(fd);
    watch(epoll_fd, EPOLL_CTL_ADD, fd, EPOLLIN, c);
}

static void on_event(int epoll_fd, struct connection *c)
{
    if (!serve(c)) {
        close(c->fd);
        free(c);
        return;
    }
    bool must_wait = c->sent_bytes < c->head_bytes + c->body_bytes;
    if (must_wait != c->is_writing) {
        c->is_writing = must_wait;
        watch(epoll_fd, EPOLL_CTL_MOD, c->fd, must_wait ? EPOLLOUT : EPOLLIN, c);
    }
}

static void fill_body(uint16_t port)
{
    char pattern[32];
    size_t length = (size_t)snprintf(pattern, sizeof(pattern), "origin %u\n", port);

    for (size_t i = 0; i < sizeof(body); ++i)
        body[i] = pattern[i % length];
}

int main(int argc, char **argv)
{
    uint16_t port = 0;

    if (argc == 3 && strcmp(argv[1], "--port") == 0)
        port = loopback_parse_port(argv[2]);
    else if (argc != 1)
        errx(2, "usage: origin [--port N]");

    signal(SIGPIPE, SIG_IGN);
    int listen_fd = loopback_listen(port, &port), epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0)
        err(1, "epoll_create1");
    watch(epoll_fd, EPOLL_CTL_ADD, listen_fd, EPOLLIN, NULL);
    fill_body(port);
    printf("%u\n", port);
    fflush(stdout);

    for (;;) {
        struct epoll_event events[MAX_EVENTS];
        int num_events = epoll_wait(epoll_fd, events, MAX_EVENTS, -1);
        for (int i = 0; i < num_events; ++i) {
            if (events[i].data.ptr == NULL)
                accept_one(epoll_fd, listen_fd);
            else
                on_event(epoll_fd, events[i].data.ptr);
        }
    }
}
