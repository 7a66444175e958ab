/* SPDX-License-Identifier: MIT
 * relay --upstream PORT [--port N] [--refuse TEXT] [--answer FILE]: copies bytes between each client connection and one
 * upstream connection of its own, both on 127.0.0.1, without looking at them.  What it costs is the kernel's part of
 * proxying, the floor of the table.  With --refuse, what a client sends at once and has TEXT in it is answered with a
 * 429 instead: the kernel's part of refusing; with --answer, everything with what stands in the file. One thread,
 * epoll, read and write: splice would cost more system calls for small answers. A side that stops sending (FIN) is
 * passed on as such; an error on either side ends both. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/bench/loopback.h"

#define MAX_EVENTS 256

/* One of the two sockets of a pair; the pair lives until both sides have finished or one failed. */
struct side {
    int fd;
    bool is_client;
    bool has_ended;   /* it sent FIN */
    bool is_dead;     /* closed; freed at the end of the batch, which may still hold events for it */
    uint32_t watched; /* what epoll watches for */
    char *pending;    /* bytes that did not fit into the socket, NULL: none; the other side is not read meanwhile */
    size_t pending_offset; /* how many of them have been written since */
    size_t pending_bytes;
    struct side *other;
    struct side *next_dead; /* used in the first side of a pair only */
};

static char shared_buffer[65536]; /* one read; never kept across events */
static struct side *dead_pairs;
static const char *refused_text; /* NULL: nothing is refused */
static int epoll_fd;

static void watch(struct side *side)
{
    uint32_t wanted =
        (!side->has_ended && side->other->pending == NULL ? EPOLLIN : 0) | (side->pending != NULL ? EPOLLOUT : 0);
    struct epoll_event event = {.events = wanted, .data = {.ptr = side}};

    if (wanted == side->watched)
        return;
    side->watched = wanted;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, side->fd, &event) != 0)
        err(1, "epoll_ctl");
}

static void close_pair(struct side *side)
{
    close(side->fd);
    close(side->other->fd);
    side->is_dead = side->other->is_dead = true;
    side->next_dead = dead_pairs;
    dead_pairs = side;
}

static void free_dead_pairs(void)
{
    while (dead_pairs != NULL) {
        struct side *side = dead_pairs;
        dead_pairs = side->next_dead;
        free(side->pending);
        free(side->other->pending);
        free(side->other);
        free(side);
    }
}

/* @return bytes written, 0 when the socket is full, -1 when it is broken */
static ssize_t write_some(int fd, const char *bytes, size_t length)
{
    ssize_t written = write(fd, bytes, length);

    return written < 0 && errno == EAGAIN ? 0 : written;
}

static const char refusal[] = "HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\nContent-Length: 18\r\n\r\n"
                              "too many requests\n";

static char *answer; /* to every request; NULL: they go upstream */
static size_t answer_bytes;

static void read_answer(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL || (answer = malloc(1 << 21)) == NULL)
        err(1, "%s", path);
    answer_bytes = fread(answer, 1, 1 << 21, file);
    fclose(file);
}

static bool is_refused(const struct side *from, size_t length)
{
    return refused_text != NULL && from->is_client &&
           memmem(shared_buffer, length, refused_text, strlen(refused_text)) != NULL;
}

/* Reads once from `from` and writes to its other side.  @return false: the pair is finished or broken */
static bool copy_once(struct side *from)
{
    struct side *to = from->other;
    ssize_t got = read(from->fd, shared_buffer, sizeof(shared_buffer));

    if (got < 0)
        return errno == EAGAIN;
    if (got == 0) {
        from->has_ended = true;
        return !to->has_ended && shutdown(to->fd, SHUT_WR) == 0;
    }
    if (is_refused(from, (size_t)got))
        return write_some(from->fd, refusal, sizeof(refusal) - 1) == (ssize_t)sizeof(refusal) - 1;
    if (answer != NULL && from->is_client)
        return write_some(from->fd, answer, answer_bytes) == (ssize_t)answer_bytes;
    ssize_t written = write_some(to->fd, shared_buffer, (size_t)got);
    if (written < 0)
        return false;
    if (written < got) {
        to->pending_offset = 0;
        to->pending_bytes = (size_t)(got - written);
        if ((to->pending = malloc(to->pending_bytes)) == NULL)
            err(1, "pending bytes");
        memcpy(to->pending, shared_buffer + written, to->pending_bytes);
    }
    return true;
}

static bool flush_pending(struct side *to)
{
    ssize_t written = write_some(to->fd, to->pending + to->pending_offset, to->pending_bytes - to->pending_offset);

    if (written < 0)
        return false;
    to->pending_offset += (size_t)written;
    if (to->pending_offset == to->pending_bytes) {
        free(to->pending);
        to->pending = NULL;
    }
    return true;
}

static void on_event(struct side *side, uint32_t events)
{
    bool is_alive = (events & EPOLLERR) == 0;

    if (side->is_dead)
        return;
    if (is_alive && side->pending != NULL && (events & (EPOLLOUT | EPOLLHUP)) != 0)
        is_alive = flush_pending(side);
    if (is_alive && (side->watched & EPOLLIN) != 0 && (events & (EPOLLIN | EPOLLHUP)) != 0)
        is_alive = copy_once(side);
    if (!is_alive) {
        close_pair(side);
        return;
    }
    watch(side);
    watch(side->other);
}

static struct side *side_create(int fd)
{
    struct side *side = calloc(1, sizeof(*side));
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = side}};

    if (side == NULL)
        err(1, "connection");
    loopback_send_at_once(fd);
    side->fd = fd;
    side->watched = EPOLLIN;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        err(1, "epoll_ctl");
    return side;
}

static void accept_one(int listen_fd, uint16_t upstream_port)
{
    struct sockaddr_in address = loopback_address(upstream_port);
    int client_fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (client_fd < 0)
        return;
    /* a blocking connect: on the loopback interface it is done at once */
    int upstream_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (upstream_fd < 0 || connect(upstream_fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        warn("cannot connect to 127.0.0.1:%u", upstream_port);
        close(client_fd);
        if (upstream_fd >= 0)
            close(upstream_fd);
        return;
    }
    int flags = fcntl(upstream_fd, F_GETFL);
    if (flags < 0 || fcntl(upstream_fd, F_SETFL, flags | O_NONBLOCK) != 0)
        err(1, "fcntl");
    struct side *client = side_create(client_fd), *upstream = side_create(upstream_fd);
    client->is_client = true;
    client->other = upstream;
    upstream->other = client;
}

static void usage(void)
{
    errx(2, "usage: relay --upstream PORT [--port N] [--refuse TEXT] [--answer FILE]");
}

int main(int argc, char **argv)
{
    uint16_t port = 0, upstream_port = 0;

    for (int i = 1; i < argc; i += 2) {
        if (i + 1 < argc && strcmp(argv[i], "--port") == 0)
            port = loopback_parse_port(argv[i + 1]);
        else if (i + 1 < argc && strcmp(argv[i], "--upstream") == 0)
            upstream_port = loopback_parse_port(argv[i + 1]);
        else if (i + 1 < argc && strcmp(argv[i], "--refuse") == 0)
            refused_text = argv[i + 1];
        else if (i + 1 < argc && strcmp(argv[i], "--answer") == 0)
            read_answer(argv[i + 1]);
        else
            usage();
    }
    if (upstream_port == 0)
        usage();
    signal(SIGPIPE, SIG_IGN);

    int listen_fd = loopback_listen(port, &port);
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = NULL}};
    if ((epoll_fd = epoll_create1(EPOLL_CLOEXEC)) < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listen_fd, &event) != 0)
        err(1, "epoll");
    printf("%u\n", port);
    fflush(stdout);

    for (;;) {
        struct epoll_event events[MAX_EVENTS];
        int num_events = epoll_wait(epoll_fd, events, MAX_EVENTS, -1);
        for (int i = 0; i < num_events; ++i) {
            if (events[i].data.ptr == NULL)
                accept_one(listen_fd, upstream_port);
            else
                on_event(events[i].data.ptr, events[i].events);
        }
        free_dead_pairs();
    }
}
