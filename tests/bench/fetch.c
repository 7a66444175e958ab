/* SPDX-License-Identifier: MIT
 * fetch URL NUM: asks once for each of URL/0000000, URL/0000001, ... (http://127.0.0.1:PORT/folder), over one
 * connection, 16 requests at a time, and says so when an answer is not 200. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/loopback.h"

enum { at_a_time = 16, most_bytes = 1 << 20 };

static int fd;
static char input[most_bytes + 1];
static size_t num_input;

static void connect_to(uint16_t port)
{
    struct sockaddr_in address = loopback_address(port);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        err(1, "connect");
}

static void send_all(const char *bytes, size_t len)
{
    while (len != 0) {
        ssize_t sent = write(fd, bytes, len);
        if (sent <= 0)
            err(1, "write");
        bytes += sent;
        len -= (size_t)sent;
    }
}

/* Reads until `input` begins with a whole answer.  @return its length */
static size_t read_answer(void)
{
    for (;;) {
        input[num_input] = '\0';
        char *end = strstr(input, "\r\n\r\n"), *length = strcasestr(input, "\r\ncontent-length:");
        if (end != NULL && length != NULL && length < end) {
            size_t total = (size_t)(end + 4 - input) + strtoul(length + 17, NULL, 10);
            if (total > most_bytes)
                errx(1, "an answer is too large");
            if (num_input >= total)
                return total;
        }
        ssize_t got = read(fd, input + num_input, most_bytes - num_input);
        if (got <= 0)
            errx(1, "the connection ended");
        num_input += (size_t)got;
    }
}

int main(int argc, char **argv)
{
    unsigned port;
    int path_at = 0;
    if (argc != 3 || sscanf(argv[1], "http://127.0.0.1:%u%n", &port, &path_at) != 1)
        errx(2, "usage: fetch http://127.0.0.1:PORT/FOLDER NUM");
    unsigned long num = strtoul(argv[2], NULL, 10), asked = 0;
    connect_to((uint16_t)port);
    for (unsigned long answered = 0; answered != num; ++answered) {
        char requests[at_a_time * 256];
        size_t len = 0;
        while (asked != num && asked - answered < at_a_time && answered % at_a_time == 0)
            len += (size_t)snprintf(requests + len, sizeof(requests) - len,
                                    "GET %.200s/%07lu HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", argv[1] + path_at,
                                    asked++, port);
        send_all(requests, len);
        size_t total = read_answer();
        if (strncmp(input, "HTTP/1.1 200", 12) != 0)
            errx(1, "an answer begins with %.12s", input);
        memmove(input, input + total, num_input -= total);
    }
    return 0;
}
