/* SPDX-License-Identifier: MIT
 * Clients and endpoints that stall, stop reading, answer early or say too much, and reloads and stops in the middle of
 * that. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/ssl.h>
#include "tests/support/gateway.h"
#include "tests/support/origin.h"

#define CONF_ORIGIN CONF_LISTEN "services:\n  origin:\n    endpoints: [ \"http://127.0.0.1:%d\" ]\n"
#define ROUTES      "routes: [ { path: /, service: origin } ]\n"

#define NUM_ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

static void write_text(int fd, const char *text)
{
    raw_write(fd, text, strlen(text));
}

/** For reads that are not raw_read's. */
static void set_deadline(int fd)
{
    static const struct timeval deadline = {.tv_sec = DEADLINE_MS / 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline));
}

/** The rest of what the gateway sends on a connection, which it must close. */
static char *read_to_the_end(int fd, const char *about)
{
    bool is_closed;
    char *reply = raw_read(fd, NULL, &is_closed);
    if (!is_closed)
        fail_msg("%s: the gateway does not close; it said:\n%.2000s", about, reply);
    return reply;
}

/* endpoints -------------------------------------------------------------------------------------------------------- */

/** For scripts: reads a head, whatever else came with it, and not the rest of the body.  @return false when there is
 * none */
static bool read_head(origin_t *origin, int fd, char head[4096])
{
    size_t len = 0;
    for (;;) {
        ssize_t got = recv(fd, head + len, 4095 - len, 0);
        if (got <= 0)
            return false;
        head[len += (size_t)got] = '\0';
        if (strstr(head, "\r\n\r\n") != NULL)
            break;
    }
    atomic_fetch_add(&origin->num_requests, 1);
    return true;
}

/** Sends `left` times the byte.  As soon as nobody takes any for a moment, *num_stalled is counted up, once: what is
 * between here and the client is full, and the gateway has a piece of the response that it cannot write. */
static bool send_and_notice_a_stall(int fd, char byte, size_t left, atomic_size_t *num_stalled)
{
    static const struct timeval moment = {.tv_usec = 200000}, for_ever = {0};
    char bytes[65536];
    memset(bytes, byte, sizeof(bytes));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &moment, sizeof(moment));
    while (left != 0) {
        ssize_t len = send(fd, bytes, left < sizeof(bytes) ? left : sizeof(bytes), MSG_NOSIGNAL);
        if (len == -1 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &for_ever, sizeof(for_ever));
            atomic_fetch_add(num_stalled, 1);
            continue;
        }
        if (len <= 0)
            return false;
        left -= (size_t)len;
    }
    return true;
}

/* clients that do not read ----------------------------------------------------------------------------------------- */

/** Answers a POST before its body is over, with more than fits into the sockets, and a GET with a secret. */
static void answer_early_or_with_a_secret(origin_t *origin, int fd, size_t index)
{
    char head[4096], *secret = calloc(1, 200001);
    memset(secret, 'S', 200000);
    while (read_head(origin, fd, head)) {
        if (strncmp(head, "POST", 4) == 0) {
            origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
            send_and_notice_a_stall(fd, 'A', 1000000000, origin->arg);
            break;
        }
        if (!origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n") || !origin_write(fd, secret))
            break;
    }
    free(secret);
}

/** The piece that is being written when the request's body turns out to be malformed lies in memory that is given to
 * the next exchange. */
static void a_client_whose_body_is_malformed_reads_nothing_of_other_clients(void **state)
{
    atomic_size_t num_stalled = 0;
    origin_t *origin = origin_start(answer_early_or_with_a_secret, &num_stalled);
    gateway_t *gateway = gateway_start(CONF_ORIGIN ROUTES, origin->port);
    int fd = raw_connect(gateway->ports[0]);
    write_text(fd, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    origin_wait(&num_stalled, 1);
    write_text(fd, "zzz\r\n");
    origin_wait(&origin->num_closed, 1); /* the gateway has given up */
    for (int i = 0; i != 5; ++i) {
        reply_t reply = fetch_path(gateway, OVER_HTTP1, "/");
        assert_int_equal(reply.body_len, 200000);
        reply_free(&reply);
    }
    char *reply = read_to_the_end(fd, "a malformed body"), *body = strstr(reply, "\r\n\r\n");
    assert_non_null(body);
    body += 4;
    if (strspn(body, "A") != strlen(body))
        fail_msg("after %zu bytes of its response the client got another's: %.40s", strspn(body, "A"),
                 body + strspn(body, "A"));
    free(reply);
    close(fd);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_client_that_takes_nothing_is_cut_whatever_becomes_of_its_body(void **state)
{
    static const struct {
        const char *about, *request;
        const char *then; /* sent when the response is stuck; NULL: nothing */
        const char *in_log;
    } cases[] = {
        {"a body that stays away", "POST /silent HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345", NULL,
         "\"path\":\"/silent\""},
        {"a body that comes to its end", "POST /end HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345", "67890",
         "\"path\":\"/end\""},
    };
    atomic_size_t num_stalled = 0;
    origin_t *origin = origin_start(answer_early_or_with_a_secret, &num_stalled);
    gateway_t *gateway = gateway_start(CONF_ORIGIN ROUTES "timeouts: { body: 1s, write: 1s }\n", origin->port);
    int fds[NUM_ROWS(cases)];
    for (size_t i = 0; i != NUM_ROWS(cases); ++i) {
        fds[i] = raw_connect(gateway->ports[0]);
        write_text(fds[i], cases[i].request);
        origin_wait(&num_stalled, i + 1);
        if (cases[i].then != NULL)
            write_text(fds[i], cases[i].then);
    }
    for (size_t i = 0; i != NUM_ROWS(cases); ++i)
        free(process_wait_for(gateway->process, cases[i].in_log, 1)); /* its exchange is over */
    for (size_t i = 0; i != NUM_ROWS(cases); ++i) {
        free(read_to_the_end(fds[i], cases[i].about));
        close(fds[i]);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void a_client_that_takes_nothing_is_cut_at_once_when_its_body_is_malformed(void **state)
{
    atomic_size_t num_stalled = 0;
    origin_t *origin = origin_start(answer_early_or_with_a_secret, &num_stalled);
    gateway_t *gateway = gateway_start(CONF_ORIGIN ROUTES "timeouts: { body: 10m, write: 10m }\n", origin->port);
    int fd = raw_connect(gateway->ports[0]);
    write_text(fd, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n");
    origin_wait(&num_stalled, 1);
    write_text(fd, "zz\r\n");
    free(process_wait_for(gateway->process, "\"reason\":\"body_malformed\"", 1));
    close(fd);
    gateway_stop(gateway);
    origin_stop(origin);
}

/** libh2o waits for ever for a window to open. */
static void an_http2_client_that_opens_no_window_is_cut_and_frees_its_endpoint_connections(void **state)
{
    enum { NUM_STREAMS = 10 };
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                                  "\0\0\6\4\0\0\0\0\0\0\4\0\0\0\0"; /* SETTINGS_INITIAL_WINDOW_SIZE: 0 */
    atomic_size_t num_stalled = 0;
    origin_t *origin = origin_start(answer_early_or_with_a_secret, &num_stalled);
    gateway_t *gateway = gateway_start(CONF_ORIGIN ROUTES "timeouts: { write: 500ms }\n", origin->port);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\002h2", 3);
    SSL *ssl = SSL_new(context);
    int fd = raw_connect(gateway->ports[1]);
    set_deadline(fd);
    SSL_set_fd(ssl, fd);
    assert_int_equal(SSL_connect(ssl), 1);
    assert_true(SSL_write(ssl, preface, sizeof(preface) - 1) > 0);
    for (int i = 0; i != NUM_STREAMS; ++i) {
        /* GET https / with :authority localhost */
        char head[] = "\0\0\x0e\1\5\0\0\0\0\x82\x87\x84\x01\x09localhost";
        head[8] = (char)(2 * i + 1);
        assert_true(SSL_write(ssl, head, sizeof(head) - 1) > 0);
    }
    origin_wait(&origin->num_requests, NUM_STREAMS);
    origin_wait(&origin->num_closed, NUM_STREAMS);
    char bytes[4096];
    int len;
    while ((len = SSL_read(ssl, bytes, sizeof(bytes))) > 0)
        ;
    assert_int_not_equal(SSL_get_error(ssl, len), SSL_ERROR_WANT_READ); /* the deadline */
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
    gateway_stop(gateway);
    origin_stop(origin);
}

static void answer_long_or_stall(origin_t *origin, int fd, size_t index)
{
    char head[4096];
    if (!read_head(origin, fd, head))
        return;
    if (strncmp(head, "POST", 4) == 0) {
        origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 40000000\r\n\r\n");
        send_and_notice_a_stall(fd, 'A', 40000000, origin->arg);
    } else {
        origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
    }
    origin_wait_for_close(fd);
}

static void a_client_that_reads_late_is_not_taken_for_a_stalled_endpoint(void **state)
{
    atomic_size_t num_stalled = 0;
    origin_t *origin = origin_start(answer_long_or_stall, &num_stalled);
    gateway_t *gateway = gateway_start(CONF_ORIGIN "    timeouts: { idle: 1s }\n" ROUTES, origin->port);
    int fd = raw_connect(gateway->ports[0]);
    write_text(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345");
    origin_wait(&num_stalled, 1);
    write_text(fd, "67890"); /* the last of the request goes out after the response has begun */
    /* an endpoint that does stall is noticed after timeouts.idle: so long at least nothing was read */
    reply_t stalled = fetch_path(gateway, OVER_HTTP1, "/stall");
    reply_free(&stalled);
    free(process_wait_for(gateway->process, "\"reason\":\"upstream_stalled\"", 1));
    set_deadline(fd);
    char bytes[65536];
    size_t total = 0;
    ssize_t len;
    while (total < 40000000 && (len = recv(fd, bytes, sizeof(bytes), 0)) > 0)
        total += (size_t)len;
    if (total < 40000000)
        fail_msg("the response was cut after %zu bytes", total);
    close(fd);
    gateway_stop(gateway);
    origin_stop(origin);
}

/* 100 Continue that does not leave --------------------------------------------------------------------------------- */

#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

/** Answers GET /N with N bytes.  A POST is announced through the pipe whose writing end is *(int *)origin->arg;
 * POST /early gets the beginning of a response before that. */
static void answer_with_length_or_early(origin_t *origin, int fd, size_t index)
{
    char head[4096];
    while (read_head(origin, fd, head)) {
        if (strncmp(head, "POST ", 5) == 0) {
            if (strncmp(head, "POST /early ", 12) == 0)
                origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nearly");
            if (write(*(int *)origin->arg, "", 1) != 1)
                abort();
            origin_wait_for_close(fd);
            return;
        }
        /* all at once: how the first of it is cut into packets decides how much fits in the end */
        size_t num = strtoul(head + sizeof("GET /") - 1, NULL, 10);
        char *response = malloc(num + 64);
        size_t len = (size_t)sprintf(response, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", num);
        memset(response + len, 'A', num);
        response[len + num] = '\0';
        bool is_good = origin_write(fd, response);
        free(response);
        if (!is_good)
            return;
    }
}

typedef struct stuck {
    origin_t *origin;
    gateway_t *gateway;
    int pipe_fds[2];
    size_t num_searches, num_found;
} stuck_t;

static void stuck_start(stuck_t *stuck, const char *conf)
{
    *stuck = (stuck_t){0};
    assert_int_equal(pipe(stuck->pipe_fds), 0);
    stuck->origin = origin_start(answer_with_length_or_early, &stuck->pipe_fds[1]);
    stuck->gateway = gateway_start(CONF_ORIGIN ROUTES "%s", stuck->origin->port, conf);
}

static void stuck_stop(stuck_t *stuck)
{
    gateway_stop(stuck->gateway);
    origin_stop(stuck->origin);
    close(stuck->pipe_fds[0]);
    close(stuck->pipe_fds[1]);
}

static bool is_posting(const stuck_t *stuck, int patience_ms)
{
    struct pollfd poll_fd = {.fd = stuck->pipe_fds[0], .events = POLLIN};
    char byte;
    return poll(&poll_fd, 1, patience_ms) == 1 && read(stuck->pipe_fds[0], &byte, 1) == 1;
}

/** A client that reads nothing asks for `len` bytes and then to POST.
 *  @return its socket; *ret_is_posting tells whether the endpoint has got the POST, and it gets it as soon as the
 * sockets have taken the whole answer to the GET */
static int fill_and_post(const stuck_t *stuck, size_t len, const char *path, bool *ret_is_posting)
{
    while (is_posting(stuck, 0)) /* one from before that came late */
        ;
    char requests[256];
    int fd = raw_connect_with_buffer(stuck->gateway->ports[0], 4096); /* small: what fits is always the same then */
    snprintf(requests, sizeof(requests),
             "GET /%zu HTTP/1.1\r\nHost: a\r\n\r\n"
             "POST %s HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
             len, path);
    write_text(fd, requests);
    *ret_is_posting = is_posting(stuck, 150);
    return fd;
}

/** Finds the longest answer that the sockets take and comes close to it, so that 100 Continue does not fit behind.
 * The kernel decides where that is, and a loaded machine can spoil the search, so whoever calls this looks whether it
 * was so, and comes again if not.  @return the client's socket; -1: could not be done, and the test is to be skipped */
static int find_stuck(stuck_t *stuck, const char *path)
{
    while (++stuck->num_searches <= 5) {
        size_t least = 0, too_much = 16 * 1024 * 1024;
        bool is_posted;
        while (too_much - least > 1) {
            size_t middle = least + (too_much - least) / 2;
            close(fill_and_post(stuck, middle, "/search", &is_posted));
            if (is_posted)
                least = middle;
            else
                too_much = middle;
        }
        if (least < sizeof(CONTINUE))
            continue;
        int fd = fill_and_post(stuck, least - sizeof(CONTINUE) / 2, path, &is_posted);
        if (is_posted) {
            ++stuck->num_found;
            return fd;
        }
        close(fd);
    }
    print_message("could not bring the sockets to take a part of 100 Continue\n");
    return -1;
}

/** @return what came after the answer to the GET, in `reply` */
static const char *after_body(const char *reply)
{
    const char *last = strrchr(reply, 'A');
    return last != NULL ? last + 1 : reply;
}

static void a_malformed_body_after_an_early_answer_while_100_continue_waits_harms_nobody(void **state)
{
    stuck_t stuck;
    bool was_stuck = false;
    int fd;
    stuck_start(&stuck, "");
    while (!was_stuck && (fd = find_stuck(&stuck, "/early")) != -1) {
        reply_t reply = fetch_path(stuck.gateway, OVER_HTTP1, "/1"); /* the early answer was read before this one */
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
        write_text(fd, "zz\r\n");
        char *text = read_to_the_end(fd, "a malformed body");
        free(process_wait_for(stuck.gateway->process, "\"path\":\"/early\"", stuck.num_found));
        was_stuck = strcmp(after_body(text), CONTINUE) == 0; /* else a part of the answer has left too */
        free(text);
        close(fd);
    }
    stuck_stop(&stuck);
    if (!was_stuck)
        skip();
}

static void a_client_that_does_not_take_100_continue_is_cut(void **state)
{
    stuck_t stuck;
    bool was_stuck = false;
    int fd;
    stuck_start(&stuck, "timeouts: { body: 500ms, write: 500ms }\n");
    while (!was_stuck && (fd = find_stuck(&stuck, "/late")) != -1) {
        free(process_wait_for(stuck.gateway->process, "\"path\":\"/late\"", stuck.num_found));
        char *text = read_to_the_end(fd, "a client that reads nothing");
        const char *rest = after_body(text);
        was_stuck = strlen(rest) < strlen(CONTINUE) && strncmp(rest, CONTINUE, strlen(rest)) == 0;
        free(text);
        close(fd);
    }
    stuck_stop(&stuck);
    if (!was_stuck)
        skip();
}

/* bodies that end in the middle of their framing ------------------------------------------------------------------- */

static void a_chunked_body_that_stops_in_its_framing_is_timed_out(void **state)
{
#define POST "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define FOUR "1\r\na\r\n1\r\na\r\n1\r\na\r\n1\r\na\r\n"
    static const struct {
        const char *about, *request;
    } cases[] = {
        {"nothing", POST},
        {"a size without its line's end", POST "5"},
        {"a size without its data", POST "5\r\n"},
        {"as many chunks as one piece holds", POST FOUR FOUR FOUR FOUR},
    };
#undef POST
#undef FOUR
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN ROUTES "timeouts: { body: 300ms }\n", origin->port);
    int fds[NUM_ROWS(cases)];
    for (size_t i = 0; i != NUM_ROWS(cases); ++i) {
        fds[i] = raw_connect(gateway->ports[0]);
        write_text(fds[i], cases[i].request);
    }
    for (size_t i = 0; i != NUM_ROWS(cases); ++i) {
        char *reply = read_to_the_end(fds[i], cases[i].about);
        if (strncmp(reply, "HTTP/1.1 408 ", 13) != 0)
            fail_msg("%s: %s", cases[i].about, reply);
        free(reply);
        close(fds[i]);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

/** Each step when the one before has arrived. */
static void answer_in_chunks(origin_t *origin, int fd, size_t index)
{
    char head[4096], chunks[16 * 6 + 1] = "";
    atomic_size_t *step = origin->arg;
    for (int i = 0; i != 16; ++i)
        strcat(chunks, "1\r\na\r\n");
    if (!read_head(origin, fd, head))
        return;
    origin_write(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    origin_wait(step, 1);
    origin_write(fd, chunks);
    origin_wait(step, 2);
    origin_write(fd, "5\r\nLATER\r\n0\r\n\r\n");
    origin_wait_for_close(fd);
}

/** Sixteen chunks are what is handed on at once; after them only the framing of the last one is left. */
static void a_response_goes_on_after_a_read_of_exactly_sixteen_chunks(void **state)
{
    atomic_size_t step = 0;
    origin_t *origin = origin_start(answer_in_chunks, &step);
    gateway_t *gateway = gateway_start(CONF_ORIGIN ROUTES, origin->port);
    static const char *const parts[] = {"\r\n\r\n", "aaaaaaaaaaaaaaaa\r\n", "LATER\r\n0\r\n\r\n"};
    int fd = raw_connect(gateway->ports[0]);
    write_text(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    for (size_t i = 0; i != NUM_ROWS(parts); ++i) {
        char *reply = raw_read(fd, parts[i], NULL);
        if (strstr(reply, parts[i]) == NULL)
            fail_msg("step %zu never came: '%s'", i, reply);
        free(reply);
        atomic_store(&step, i + 1);
    }
    close(fd);
    gateway_stop(gateway);
    origin_stop(origin);
}

/* endpoints that say too much -------------------------------------------------------------------------------------- */

/** The first response fills the gateway's buffer to the last byte, and another one that nobody asked for follows. */
static void answer_with_surplus(origin_t *origin, int fd, size_t index)
{
    enum { BUFFER = 32 * 1024 };
    static const char surplus[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON";
    char request[4096], *response = malloc(BUFFER + sizeof(surplus));
    while (read_head(origin, fd, request)) {
        if (strncmp(request, "GET /long ", 10) == 0) {
            size_t len = (size_t)sprintf(response, "HTTP/1.1 200 OK\r\nContent-Length: %5zu\r\n\r\n",
                                         BUFFER - sizeof("HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n") + 1);
            memset(response + len, 'x', BUFFER - len);
            memcpy(response + BUFFER, surplus, sizeof(surplus));
            if (!origin_write(fd, response))
                break;
        } else if (!origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright")) {
            break;
        }
    }
    free(response);
}

static void what_an_endpoint_says_too_much_answers_nobodys_request(void **state)
{
    origin_t *origin = origin_start(answer_with_surplus, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN ROUTES, origin->port);
    for (int i = 0; i != 20; ++i) { /* one would do if a read always brought all that was sent */
        int fd = raw_connect(gateway->ports[0]);
        write_text(fd, "GET /long HTTP/1.1\r\nHost: a\r\n\r\n"
                       "GET /short HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        char *reply = read_to_the_end(fd, "surplus");
        assert_null(strstr(reply, "POISON"));
        assert_non_null(strstr(reply, "right"));
        free(reply);
        close(fd);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

/* fields that Connection names ------------------------------------------------------------------------------------- */

static void a_client_cannot_have_a_filters_field_removed(void **state)
{
#define SIXTEEN    ",a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"
#define SIXTY_FOUR SIXTEEN SIXTEEN SIXTEEN SIXTEEN
    static const struct {
        const char *about, *fields;
        int status;
        const char *seen, *unseen; /* in the reply, which holds what the endpoint got */
    } cases[] = {
        {"Connection names nothing", "X-User: evil\r\nConnection: close\r\n", 200, "x-user: alice\r\n", "evil"},
        {"Connection names a filter's field", "X-User: evil\r\nConnection: close, X-User\r\n", 200, "x-user: alice\r\n",
         "evil"},
        {"Connection names the client's own field", "X-Hop: 1\r\nConnection: close, X-Hop\r\n", 200,
         "x-user: alice\r\n", "X-Hop"},
        {"the ninth Connection names it",
         "X-Hop: 1\r\nConnection: close\r\nConnection: b\r\nConnection: c\r\nConnection: d\r\nConnection: e\r\n"
         "Connection: f\r\nConnection: g\r\nConnection: h\r\nConnection: X-Hop\r\n",
         200, "x-user: alice\r\n", "X-Hop"},
        {"Connection names 64 fields", "Connection: close" SIXTY_FOUR "\r\n", 200, "x-user: alice\r\n", "connection"},
        {"Connection names 65 fields", "Connection: close" SIXTY_FOUR ",a\r\n", 400, "malformed_request", "alice"},
    };
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN "routes:\n  - path: /\n    service: origin\n    filters:\n"
                                                   "      - headers: { request: { set: { X-User: alice } } }\n",
                                       origin->port);
    for (size_t i = 0; i != NUM_ROWS(cases); ++i) {
        char request[1024], expected[32];
        int fd = raw_connect(gateway->ports[0]);
        snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", cases[i].fields);
        snprintf(expected, sizeof(expected), "HTTP/1.1 %d ", cases[i].status);
        write_text(fd, request);
        char *reply = read_to_the_end(fd, cases[i].about);
        if (strncmp(reply, expected, strlen(expected)) != 0 || strstr(reply, cases[i].seen) == NULL ||
            strstr(reply, cases[i].unseen) != NULL)
            fail_msg("%s: %s", cases[i].about, reply);
        free(reply);
        close(fd);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

/* reloads and stops in the middle ---------------------------------------------------------------------------------- */

static void a_reload_that_lowers_the_limit_of_heads_meets_half_a_head(void **state)
{
    static const struct {
        const char *about, *rest;
    } cases[] = {
        {"one more byte", "b"},
        /* where the parser goes on reading behind the new limit, this is malformed instead of too large */
        {"a bare CR", "\rb"},
    };
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN "routes: [ { path: /old, service: origin } ]\n", origin->port);
    char head[2000 + 1] = "GET /new HTTP/1.1\r\nHost: a\r\nX: ";
    memset(head + strlen(head), 'a', sizeof(head) - 1 - strlen(head));
    int fds[NUM_ROWS(cases)];
    for (size_t i = 0; i != NUM_ROWS(cases); ++i) {
        fds[i] = raw_connect(gateway->ports[0]);
        write_text(fds[i], head);
    }
    reply_t reply = fetch_path(gateway, OVER_HTTP1, "/old"); /* came after the heads: the only worker has seen them */
    assert_int_equal(reply.status, 200);
    gateway_write_conf(gateway, CONF_ORIGIN "routes: [ { path: /new, service: origin } ]\nlimits: { head: 1KiB }\n",
                       origin->port);
    process_signal(gateway->process, SIGHUP);
    free(process_wait_for(gateway->process, "reloaded: generation", 1));
    do { /* the worker adopts it a moment later */
        reply_free(&reply);
        reply = fetch_path(gateway, OVER_HTTP1, "/new");
    } while (reply.status == 404);
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    for (size_t i = 0; i != NUM_ROWS(cases); ++i) {
        write_text(fds[i], cases[i].rest);
        char *answer = read_to_the_end(fds[i], cases[i].about);
        if (strncmp(answer, "HTTP/1.1 431 ", 13) != 0)
            fail_msg("%s: %s", cases[i].about, answer);
        free(answer);
        close(fds[i]);
    }
    gateway_stop(gateway);
    origin_stop(origin);
}

static void everybody_who_has_connected_before_sigterm_is_answered(void **state)
{
    enum { NUM_CLIENTS = 300 };
    origin_t *origin = origin_start(origin_reflect, NULL);
    gateway_t *gateway = gateway_start(CONF_ORIGIN ROUTES, origin->port);
    int fds[NUM_CLIENTS];
    process_signal(gateway->process, SIGSTOP);
    for (size_t i = 0; i != NUM_CLIENTS; ++i) { /* the kernel accepts them */
        fds[i] = raw_connect(gateway->ports[0]);
        write_text(fds[i], "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    process_signal(gateway->process, SIGTERM);
    process_signal(gateway->process, SIGCONT);
    size_t num_answered = 0;
    for (size_t i = 0; i != NUM_CLIENTS; ++i) {
        char *reply = read_to_the_end(fds[i], "a stop");
        num_answered += strncmp(reply, "HTTP/1.1 200 OK\r\n", 17) == 0;
        free(reply);
        close(fds[i]);
    }
    assert_int_equal(num_answered, NUM_CLIENTS);
    gateway_end(gateway);
    origin_stop(origin);
}

static void take_the_head_alone(origin_t *origin, int fd, size_t index)
{
    char head[4096];
    if (read_head(origin, fd, head))
        origin_wait(origin->arg, 1);
}

/** The gateway has stopped reading the upload, so it does not notice either when it cuts the connection. */
static void a_stop_cuts_uploads_that_nobody_takes(void **state)
{
    enum { len = 16 << 20 };
    char *body = malloc(len);
    memset(body, 'x', len);
    for (transport_t t = 0; t != NUM_TRANSPORTS; ++t) {
        atomic_size_t go = 0;
        origin_t *origin = origin_start(take_the_head_alone, &go);
        gateway_t *gateway = gateway_start(CONF_ORIGIN ROUTES "drain_timeout: 300ms\n", origin->port);
        pending_t *upload =
            fetch_later(gateway, t, &(request_t){.method = "POST", .path = "/", .body = body, .body_len = len});
        if (t != OVER_HTTP2) /* where a body comes whole before it goes on */
            origin_wait(&origin->num_requests, 1);
        process_signal(gateway->process, SIGTERM);
        free(process_wait_for(gateway->process, "stopping: finishing what is in flight", 1));
        reply_t reply = pending_wait(upload);
        reply_free(&reply);
        gateway_end(gateway);
        atomic_store(&go, 1);
        origin_stop(origin);
    }
    free(body);
}

static void answer_in_halves(origin_t *origin, int fd, size_t index)
{
    char head[4096];
    while (read_head(origin, fd, head)) {
        if (strncmp(head, "GET /halves ", 12) != 0) {
            origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole");
            continue;
        }
        origin_write(fd, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf");
        origin_wait(origin->arg, 1);
        origin_write(fd, "half");
    }
}

/** The head of its response promised that the connection stays open. */
static void a_stop_does_not_wait_for_the_next_request_of_a_connection(void **state)
{
    atomic_size_t go = 0;
    origin_t *origin = origin_start(answer_in_halves, &go);
    gateway_t *gateway =
        gateway_start(CONF_ORIGIN ROUTES "drain_timeout: 10m\ntimeouts: { idle: 10m }\n", origin->port);
    int idle = raw_connect(gateway->ports[0]), busy = raw_connect(gateway->ports[0]);
    write_text(idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    free(raw_read(idle, "whole", NULL));
    write_text(busy, "GET /halves HTTP/1.1\r\nHost: a\r\n\r\n");
    free(raw_read(busy, "half", NULL));
    process_signal(gateway->process, SIGTERM);
    free(read_to_the_end(idle, "an idle connection")); /* now the worker knows of the stop */
    atomic_store(&go, 1);
    char *rest = read_to_the_end(busy, "a connection whose response was under way");
    assert_string_equal(rest, "half");
    free(rest);
    close(idle);
    close(busy);
    gateway_end(gateway);
    origin_stop(origin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_whose_body_is_malformed_reads_nothing_of_other_clients),
        cmocka_unit_test(a_client_that_takes_nothing_is_cut_whatever_becomes_of_its_body),
        cmocka_unit_test(a_client_that_takes_nothing_is_cut_at_once_when_its_body_is_malformed),
        cmocka_unit_test(an_http2_client_that_opens_no_window_is_cut_and_frees_its_endpoint_connections),
        cmocka_unit_test(a_client_that_reads_late_is_not_taken_for_a_stalled_endpoint),
        cmocka_unit_test(a_malformed_body_after_an_early_answer_while_100_continue_waits_harms_nobody),
        cmocka_unit_test(a_client_that_does_not_take_100_continue_is_cut),
        cmocka_unit_test(a_chunked_body_that_stops_in_its_framing_is_timed_out),
        cmocka_unit_test(a_response_goes_on_after_a_read_of_exactly_sixteen_chunks),
        cmocka_unit_test(what_an_endpoint_says_too_much_answers_nobodys_request),
        cmocka_unit_test(a_client_cannot_have_a_filters_field_removed),
        cmocka_unit_test(a_reload_that_lowers_the_limit_of_heads_meets_half_a_head),
        cmocka_unit_test(everybody_who_has_connected_before_sigterm_is_answered),
        cmocka_unit_test(a_stop_cuts_uploads_that_nobody_takes),
        cmocka_unit_test(a_stop_does_not_wait_for_the_next_request_of_a_connection),
    };
    return cmocka_run_group_tests_name("stubborn clients", tests, NULL, NULL);
}
