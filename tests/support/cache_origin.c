/* SPDX-License-Identifier: MIT
 * An endpoint whose responses caches may keep. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include "tests/support/cache_origin.h"
#include "tests/support/process.h"

struct cache_origin_plan {
    pthread_mutex_t lock;
    plan_t plan;
};

/* bodies ----------------------------------------------------------------------------------------------------------- */

size_t content_size(const char *target)
{
    return strtoul(target + 1, NULL, 10);
}

/** "VERSION TARGET KIND.", and letters that follow from that and from where they are, so that no two parts are alike.
 * Many megabytes of it are made, also under sanitizers. */
void content_make(char *to, size_t size, const char *target, const char *kind, size_t version)
{
    char line[512], word[sizeof(uint64_t)];
    uint64_t state = 0;
    size_t at = (size_t)snprintf(line, sizeof(line), "%zu %s %s.\n", version, target, kind);
    for (size_t i = 0; i != at; ++i)
        state = (state ^ (unsigned char)line[i]) * UINT64_C(0x9e3779b97f4a7c15);
    memcpy(to, line, at < size ? at : size);
    for (; at < size; at += sizeof(word)) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t letters = ((state ^ state >> 29) & UINT64_C(0x1f1f1f1f1f1f1f1f)) | UINT64_C(0x4040404040404040);
        memcpy(word, &letters, sizeof(word));
        memcpy(to + at, word, sizeof(word) < size - at ? sizeof(word) : size - at);
    }
}

static bool is_content(const char *body, size_t len, size_t size, const char *target, const char *kind,
                       size_t *ret_version)
{
    size_t version = strtoul(body, NULL, 10);
    char *made = malloc(size + 1);
    content_make(made, size, target, kind, version);
    bool is = len <= size && memcmp(made, body, len) == 0;
    free(made);
    if (ret_version != NULL)
        *ret_version = version;
    return is;
}

bool content_is(const char *body, size_t len, size_t size, const char *target, const char *kind, size_t *ret_version)
{
    if (size == 0)
        size = content_size(target);
    return len == size && is_content(body, len, size, target, kind, ret_version);
}

bool content_begins(const char *body, size_t len, size_t size, const char *target, const char *kind)
{
    return is_content(body, len, size != 0 ? size : content_size(target), target, kind, NULL);
}

/* requests --------------------------------------------------------------------------------------------------------- */

typedef struct asked {
    char method[16], target[256], kind[64];
    bool is_conditional;
} asked_t;

static asked_t read_asked(const char *request)
{
    asked_t asked = {.method = ""};
    sscanf(request, "%15s %255s", asked.method, asked.target);
    const char *kind = strcasestr(request, "\r\nx-kind: ");
    if (kind != NULL)
        sscanf(kind + 10, "%63[^\r]", asked.kind);
    asked.is_conditional = strcasestr(request, "\r\nif-none-match:") != NULL;
    return asked;
}

static void hold(cache_origin_t *origin)
{
    size_t number = atomic_fetch_add(&origin->num_held, 1);
    origin_wait(&origin->num_go, number + 1);
}

static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len != 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

static bool send_piece(int fd, const plan_t *plan, const char *bytes, size_t len)
{
    char head[32];
    if (plan->framing != CHUNKED)
        return send_all(fd, bytes, len);
    if (len == 0)
        return true;
    snprintf(head, sizeof(head), "%zx\r\n", len);
    return origin_write(fd, head) && send_all(fd, bytes, len) && origin_write(fd, "\r\n");
}

static void reset(int fd)
{
    static const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    connect(fd, &nobody, sizeof(nobody));
}

static bool send_head(int fd, const plan_t *plan, size_t size)
{
    char head[2048], framing[64] = "";
    if (plan->framing == WITH_LENGTH)
        snprintf(framing, sizeof(framing), "Content-Length: %zu\r\n", size);
    else if (plan->framing == CHUNKED)
        snprintf(framing, sizeof(framing), "Transfer-Encoding: chunked\r\n");
    snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n%s%s%s\r\n", plan->status != NULL ? plan->status : "200 OK",
             plan->fields != NULL ? plan->fields : "", framing,
             plan->framing == UNTIL_CLOSE ? "Connection: close\r\n" : "");
    return origin_write(fd, head);
}

/** @return false: the connection is to be closed */
static bool send_body(cache_origin_t *origin, int fd, const plan_t *plan, const asked_t *asked, size_t size,
                      size_t version)
{
    size_t half = size / 2;
    char *body = malloc(size + 1);
    content_make(body, size, asked->target, asked->kind, version);
    bool is_good = send_piece(fd, plan, body, half);
    if (plan->holds_half)
        hold(origin);
    if (plan->dawdle_ms != 0)
        poll(NULL, 0, plan->dawdle_ms / 2);
    if (plan->ending == HALF) {
        if (plan->framing == UNTIL_CLOSE)
            reset(fd); /* else it would be an end like any other */
        free(body);
        return false;
    }
    is_good = is_good && send_piece(fd, plan, body + half, size - half) &&
              (plan->framing != CHUNKED || origin_write(fd, "0\r\n\r\n"));
    free(body);
    return is_good && plan->framing != UNTIL_CLOSE;
}

static bool answer(cache_origin_t *origin, int fd, const asked_t *asked)
{
    pthread_mutex_lock(&origin->plan->lock);
    plan_t plan = origin->plan->plan;
    pthread_mutex_unlock(&origin->plan->lock);
    size_t size = plan.size != 0 ? plan.size : content_size(asked->target);
    bool changes = strcmp(asked->method, "POST") == 0;
    size_t version = changes ? atomic_fetch_add(&origin->version, 1) + 1 : atomic_load(&origin->version);
    if (plan.mixes_framings)
        plan.framing = version % 2 != 0 ? CHUNKED : WITH_LENGTH;
    if (plan.holds_head)
        hold(origin);
    if (atomic_load(&origin->num_asked) % 4 != 0)
        plan.dawdle_ms = 0;
    if (plan.dawdle_ms != 0)
        poll(NULL, 0, plan.dawdle_ms / 2);
    if (plan.ending == HEADLESS) {
        reset(fd);
        return false;
    }
    if (changes) {
        char head[128];
        snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nX-Version: %zu\r\nContent-Length: 0\r\n\r\n", version);
        return origin_write(fd, head);
    }
    if (plan.confirms && asked->is_conditional) {
        char head[1024];
        snprintf(head, sizeof(head), "HTTP/1.1 304 Not Modified\r\n%s\r\n", plan.fields != NULL ? plan.fields : "");
        return origin_write(fd, head);
    }
    if (!send_head(fd, &plan, size))
        return false;
    return strcmp(asked->method, "HEAD") == 0 || send_body(origin, fd, &plan, asked, size, version);
}

static void serve(origin_t *inner, int fd, size_t index)
{
    cache_origin_t *origin = inner->arg;
    bool is_good = true;
    (void)index;
    for (char *request; is_good && (request = origin_read_request(inner, fd)) != NULL; free(request)) {
        asked_t asked = read_asked(request);
        if (strcmp(asked.target, "/fence") == 0) {
            /* closed, so that nothing that is to fail is tried again because its connection was an old one */
            origin_write(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            is_good = false;
            continue;
        }
        size_t at_work = atomic_fetch_add(&origin->num_at_work, 1) + 1, most = atomic_load(&origin->most_at_work);
        while (most < at_work && !atomic_compare_exchange_weak(&origin->most_at_work, &most, at_work))
            ;
        if (asked.is_conditional)
            atomic_fetch_add(&origin->num_conditional, 1);
        atomic_fetch_add(&origin->num_asked, 1);
        is_good = answer(origin, fd, &asked);
        atomic_fetch_sub(&origin->num_at_work, 1);
    }
}

/* life ------------------------------------------------------------------------------------------------------------- */

cache_origin_t *cache_origin_start(const plan_t *plan)
{
    cache_origin_t *origin = calloc(1, sizeof(*origin));
    origin->plan = calloc(1, sizeof(*origin->plan));
    pthread_mutex_init(&origin->plan->lock, NULL);
    origin->plan->plan = *plan;
    origin->origin = origin_start(serve, origin);
    return origin;
}

void cache_origin_stop(cache_origin_t *origin)
{
    cache_origin_go(origin);
    origin_stop(origin->origin);
    pthread_mutex_destroy(&origin->plan->lock);
    free(origin->plan);
    free(origin);
}

void cache_origin_plan(cache_origin_t *origin, const plan_t *plan)
{
    pthread_mutex_lock(&origin->plan->lock);
    origin->plan->plan = *plan;
    pthread_mutex_unlock(&origin->plan->lock);
}

void cache_origin_go(cache_origin_t *origin)
{
    atomic_store(&origin->num_go, SIZE_MAX);
}

void cache_origin_hold(cache_origin_t *origin)
{
    atomic_store(&origin->num_go, atomic_load(&origin->num_held));
}
