/* SPDX-License-Identifier: MIT
 * TCP sockets on 127.0.0.1 for the benchmark's helpers: each helper is one small program, so failure ends it with a
 * message. */
#ifndef TESTS_BENCH_LOOPBACK_H
#define TESTS_BENCH_LOOPBACK_H

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

static inline struct sockaddr_in loopback_address(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
}

/** A non-blocking listening socket.  @param port 0: the kernel chooses   @param ret_port the port it listens on */
static inline int loopback_listen(uint16_t port, uint16_t *ret_port)
{
    struct sockaddr_in address = loopback_address(port);
    socklen_t length = sizeof(address);
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        err(1, "cannot listen on 127.0.0.1:%u", port);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

/** Answers of a few hundred bytes must leave at once. */
static inline void loopback_send_at_once(int fd)
{
    int on = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/** @return the port in `text`, 0..65535; anything else ends the program */
static inline uint16_t loopback_parse_port(const char *text)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || port > UINT16_MAX)
        errx(2, "'%s' is not a port (0..65535)", text);
    return (uint16_t)port;
}

#endif
