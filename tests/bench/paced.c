/* SPDX-License-Identifier: MIT
 * paced --ports P[,P...] [option...]: sends GET requests to 127.0.0.1 at a steady rate and counts the statuses of the
 * answers.  What wrk cannot do: it asks as fast as it is answered.
 *
 *   --rate N         requests per second, all connections together; 0 (the default): as fast as answers come
 *   --seconds S      how long requests are sent, at most 3600; or
 *   --requests N     how many are sent
 *   --connections N  1..1024 (default 64), in turn to the ports
 *   --pipeline N     requests that may be under way on a connection, 1..64 (default 1)
 *   --field NAME     each request carries this field; its value is a number of seven digits,
 *   --keys N         one after the other from 0 to N - 1, and again (default 1)
 *
 * A request for which no connection is free when it is due is sent as soon as one is (`late`), unless sending has ended
 * by then.  Prints one line:
 *
 *   sent N answered N late N sending_us N span_us N worst_us N STATUS:N...
 *
 * sending_us: from the first request to the last; span_us: from the first to the last answer; worst_us: the longest
 * time between a request and its answer.  An answer must have a Content-Length.  A connection that is closed, or
 * silence for ten seconds, ends the program with a message and status 1.  One thread. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/loopback.h"

#define MAX_CONNECTIONS 1024
#define MAX_PIPELINE    64
#define MAX_PORTS       16
#define MAX_INPUT_BYTES 16384
#define MAX_STATUS      600
#define SILENCE_MS      10000
#define NS              1000000000ull

struct connection {
    int fd;
    unsigned num_waiting;           /* requests without an answer */
    uint64_t sent_ns[MAX_PIPELINE]; /* when they were sent, the oldest at `oldest`; a ring */
    unsigned oldest;
    size_t num_input; /* bytes in `input` */
    size_t num_skip;  /* bytes of a body still to come */
    char input[MAX_INPUT_BYTES];
};

static struct {
    uint16_t ports[MAX_PORTS];
    size_t num_ports;
    uint64_t rate, max_requests;
    uint64_t length_ns; /* 0: no end but max_requests */
    unsigned num_connections, pipeline;
    const char *field;
    uint64_t num_keys;
} options = {.num_connections = 64, .pipeline = 1, .num_keys = 1};

static struct connection *connections;
static uint64_t num_sent, num_answered, num_late, worst_ns, started_ns, last_sent_ns, last_ns, num_of[MAX_STATUS];
static int timer_fd;
static char request[512];
static size_t request_bytes;
static char *request_key; /* its seven digits in `request`; NULL: none */

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
}

static uint64_t parse_number(const char *name, const char *text, uint64_t least, uint64_t most)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || number < least || number > most)
        errx(2, "%s: '%s' is not a number from %llu to %llu", name, text, (unsigned long long)least,
             (unsigned long long)most);
    return number;
}

static void parse_ports(char *text)
{
    for (char *port = strtok(text, ","); port != NULL; port = strtok(NULL, ",")) {
        if (options.num_ports == MAX_PORTS)
            errx(2, "--ports: more than %d", MAX_PORTS);
        options.ports[options.num_ports++] = loopback_parse_port(port);
    }
}

static void parse_options(int argc, char **argv)
{
    for (int i = 1; i < argc; i += 2) {
        const char *name = argv[i];
        char *value = argv[i + 1];
        if (i + 1 == argc)
            errx(2, "'%s' needs a value, or is none", name);
        if (strcmp(name, "--ports") == 0)
            parse_ports(value);
        else if (strcmp(name, "--rate") == 0)
            options.rate = parse_number(name, value, 0, 1000000);
        else if (strcmp(name, "--seconds") == 0)
            options.length_ns = parse_number(name, value, 1, 3600) * NS;
        else if (strcmp(name, "--requests") == 0)
            options.max_requests = parse_number(name, value, 1, UINT32_MAX);
        else if (strcmp(name, "--connections") == 0)
            options.num_connections = (unsigned)parse_number(name, value, 1, MAX_CONNECTIONS);
        else if (strcmp(name, "--pipeline") == 0)
            options.pipeline = (unsigned)parse_number(name, value, 1, MAX_PIPELINE);
        else if (strcmp(name, "--field") == 0)
            options.field = value;
        else if (strcmp(name, "--keys") == 0)
            options.num_keys = parse_number(name, value, 1, 10000000);
        else
            errx(2, "unknown option '%s'", name);
    }
    if (options.num_ports == 0 || (options.length_ns == 0) == (options.max_requests == 0))
        errx(2, "usage: paced --ports P[,P...] (--seconds S | --requests N) [option...]; see paced.c");
}

static void make_request(void)
{
    int length = options.field == NULL
                     ? snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                     : snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n%s: 0000000\r\n\r\n",
                                options.field);

    if (length < 0 || (size_t)length >= sizeof(request))
        errx(2, "--field is too long");
    request_bytes = (size_t)length;
    if (options.field != NULL)
        request_key = request + request_bytes - strlen("0000000\r\n\r\n");
}

static void write_key(uint64_t number)
{
    for (char *digit = request_key + 7; digit != request_key; number /= 10)
        *--digit = (char)('0' + number % 10);
}

/* A blocking connect: on the loopback interface it is done at once.  The socket stays blocking; reads do not wait. */
static void connect_all(int epoll_fd)
{
    if ((connections = calloc(options.num_connections, sizeof(*connections))) == NULL)
        err(1, "connections");
    for (unsigned i = 0; i != options.num_connections; ++i) {
        struct connection *c = &connections[i];
        struct sockaddr_in address = loopback_address(options.ports[i % options.num_ports]);
        struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = c}};
        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
            err(1, "cannot connect to 127.0.0.1:%u", ntohs(address.sin_port));
        loopback_send_at_once(c->fd);
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) != 0)
            err(1, "epoll_ctl");
    }
}

static bool is_over(uint64_t now)
{
    return options.length_ns != 0 ? now - started_ns >= options.length_ns : num_sent == options.max_requests;
}

/* @return how many requests should have been sent by now */
static uint64_t num_due(uint64_t now)
{
    return options.rate == 0 ? UINT64_MAX : (uint64_t)((double)(now - started_ns) / NS * (double)options.rate) + 1;
}

static void send_one(struct connection *c, uint64_t now)
{
    if (request_key != NULL)
        write_key(num_sent % options.num_keys);
    if (send(c->fd, request, request_bytes, MSG_NOSIGNAL) != (ssize_t)request_bytes)
        err(1, "send");
    c->sent_ns[(c->oldest + c->num_waiting++) % MAX_PIPELINE] = now;
    last_sent_ns = now;
    ++num_sent;
}

/* Sends what is due on the connections that are free, in turn. */
static void send_due(void)
{
    static unsigned turn;
    uint64_t now = now_ns(), due = num_due(now);

    for (unsigned tried = 0; tried != options.num_connections && num_sent < due && !is_over(now);) {
        struct connection *c = &connections[turn];
        if (c->num_waiting < options.pipeline) {
            /* one whose time came more than a millisecond ago */
            if (options.rate != 0 && due - num_sent > options.rate / 1000 + 1)
                ++num_late;
            send_one(c, now);
            tried = 0;
        } else
            ++tried;
        if (c->num_waiting == options.pipeline || options.rate != 0)
            turn = (turn + 1) % options.num_connections;
    }
}

/* @return bytes of the head with its body's length in *ret_body, 0: it is incomplete */
static size_t read_head(const char *at, size_t length, size_t *ret_body)
{
    static const char name[] = "\ncontent-length:";
    const char *end = memmem(at, length, "\r\n\r\n", 4);

    if (end == NULL)
        return 0;
    for (const char *line = at; line + sizeof(name) - 1 < end; ++line)
        if (*line == '\n' && strncasecmp(line, name, sizeof(name) - 1) == 0) {
            *ret_body = strtoull(line + sizeof(name) - 1, NULL, 10);
            return (size_t)(end - at) + 4;
        }
    errx(1, "an answer without Content-Length: %.*s", (int)(end - at), at);
}

static void count_answer(struct connection *c, const char *head, size_t length)
{
    unsigned status = length > 12 && memcmp(head, "HTTP/1.1 ", 9) == 0 ? (unsigned)strtoul(head + 9, NULL, 10) : 0;

    if (c->num_waiting == 0 || status < 100 || status >= MAX_STATUS)
        errx(1, "not an answer to anything: %.*s", (int)length, head);
    uint64_t now = now_ns(), took = now - c->sent_ns[c->oldest];
    c->oldest = (c->oldest + 1) % MAX_PIPELINE;
    --c->num_waiting;
    ++num_of[status];
    ++num_answered;
    last_ns = now;
    if (took > worst_ns)
        worst_ns = took;
}

static void receive(struct connection *c)
{
    ssize_t got = recv(c->fd, c->input + c->num_input, MAX_INPUT_BYTES - c->num_input, MSG_DONTWAIT);
    size_t at = 0;

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        errx(1, "a connection was closed after %llu answers", (unsigned long long)num_answered);
    c->num_input += (size_t)got;
    for (;;) {
        size_t num_skip = c->num_skip < c->num_input - at ? c->num_skip : c->num_input - at, num_head;
        c->num_skip -= num_skip;
        at += num_skip;
        if (at == c->num_input || (num_head = read_head(c->input + at, c->num_input - at, &c->num_skip)) == 0)
            break;
        count_answer(c, c->input + at, num_head);
        at += num_head;
    }
    if (at == 0 && c->num_input == MAX_INPUT_BYTES)
        errx(1, "a head of more than %d bytes", MAX_INPUT_BYTES);
    c->num_input -= at;
    memmove(c->input, c->input + at, c->num_input);
}

/* With a rate: a descriptor that becomes readable whenever a request is due, but at most 10,000 times a second. */
static void start_timer(int epoll_fd)
{
    uint64_t ns = NS / options.rate > 100000 ? NS / options.rate : 100000;
    struct timespec interval = {.tv_sec = (time_t)(ns / NS), .tv_nsec = (long)(ns % NS)};
    struct itimerspec times = {.it_interval = interval, .it_value = interval};
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = NULL}}; /* NULL: no connection */

    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timer_fd < 0 || timerfd_settime(timer_fd, 0, &times, NULL) != 0)
        err(1, "timerfd");
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &event) != 0)
        err(1, "epoll_ctl");
}

static void on_event(const struct epoll_event *event)
{
    uint64_t num_expired;

    if (event->data.ptr != NULL)
        receive(event->data.ptr);
    else if (read(timer_fd, &num_expired, sizeof(num_expired)) < 0 && errno != EAGAIN)
        err(1, "timerfd");
}

int main(int argc, char **argv)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

    if (epoll_fd < 0)
        err(1, "epoll_create1");
    parse_options(argc, argv);
    make_request();
    connect_all(epoll_fd);
    started_ns = last_ns = now_ns();
    if (options.rate != 0)
        start_timer(epoll_fd);
    for (send_due(); num_answered != num_sent || !is_over(now_ns()); send_due()) {
        struct epoll_event events[256];
        int num_events = epoll_wait(epoll_fd, events, 256, SILENCE_MS);
        if (num_events < 0 && errno != EINTR)
            err(1, "epoll_wait");
        for (int i = 0; i < num_events; ++i)
            on_event(&events[i]);
        if (now_ns() - last_ns > (uint64_t)SILENCE_MS * 1000000)
            errx(1, "no answer for %d ms", SILENCE_MS);
    }
    printf("sent %llu answered %llu late %llu sending_us %llu span_us %llu worst_us %llu", (unsigned long long)num_sent,
           (unsigned long long)num_answered, (unsigned long long)num_late,
           (unsigned long long)((last_sent_ns - started_ns) / 1000),
           (unsigned long long)((last_ns - started_ns) / 1000), (unsigned long long)(worst_ns / 1000));
    for (unsigned status = 0; status != MAX_STATUS; ++status)
        if (num_of[status] != 0)
            printf(" %u:%llu", status, (unsigned long long)num_of[status]);
    printf("\n");
    return 0;
}
