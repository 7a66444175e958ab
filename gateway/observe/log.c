/* SPDX-License-Identifier: MIT
 * Log lines of the gateway itself. */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "gateway/observe/log.h"

#define LINE_MAX_BYTES 1024
#define QUEUE_LINES    256
#define STOP_WAIT_S    1

typedef struct line {
    size_t len;
    char bytes[LINE_MAX_BYTES];
} line_t;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool is_running, is_stopping, is_stopped;
    line_t lines[QUEUE_LINES]; /* a ring */
    size_t first, num, num_lost;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void format_line(line_t *line, gw_log_level_t level, const char *format, va_list args)
{
    static const char *const words[] = {"error", "warning", "notice"};
    int start = snprintf(line->bytes, sizeof(line->bytes), "sluice: %s: ", words[level]);
    int len = vsnprintf(line->bytes + start, sizeof(line->bytes) - (size_t)start - 1, format, args);
    size_t end = (size_t)start + (len < 0 ? 0 : (size_t)len);
    if (end > sizeof(line->bytes) - 2)
        end = sizeof(line->bytes) - 2;
    for (size_t i = (size_t)start; i != end; ++i)
        if ((unsigned char)line->bytes[i] < 0x20 || line->bytes[i] == 0x7f)
            line->bytes[i] = '?';
    line->bytes[end++] = '\n';
    line->len = end;
}

static void write_line(const line_t *line)
{
    if (write(STDERR_FILENO, line->bytes, line->len) < 0)
        return; /* nowhere left to say it */
}

void gw_log(gw_log_level_t level, const char *format, ...)
{
    line_t line;
    line.len = 0;
    va_list args;
    va_start(args, format);
    format_line(&line, level, format, args);
    va_end(args);
    write_line(&line);
}

/** @return false: nobody would write it */
static bool enqueue(const line_t *line)
{
    pthread_mutex_lock(&queue.lock);
    bool is_running = queue.is_running && !queue.is_stopping;
    if (is_running && queue.num == QUEUE_LINES) {
        ++queue.num_lost;
    } else if (is_running) {
        line_t *place = &queue.lines[(queue.first + queue.num++) % QUEUE_LINES];
        place->len = line->len;
        memcpy(place->bytes, line->bytes, line->len);
        pthread_cond_broadcast(&queue.changed);
    }
    pthread_mutex_unlock(&queue.lock);
    return is_running;
}

void gw_log_later(gw_log_level_t level, const char *format, ...)
{
    line_t line;
    line.len = 0;
    va_list args;
    va_start(args, format);
    format_line(&line, level, format, args);
    va_end(args);
    if (!enqueue(&line))
        write_line(&line);
}

static void *write_lines(void *arg)
{
    pthread_mutex_lock(&queue.lock);
    for (;;) {
        while (queue.num == 0 && queue.num_lost == 0 && !queue.is_stopping)
            pthread_cond_wait(&queue.changed, &queue.lock);
        if (queue.num == 0 && queue.num_lost == 0)
            break;
        line_t line = {.len = 0};
        size_t num_lost = 0;
        if (queue.num != 0) {
            line = queue.lines[queue.first];
            queue.first = (queue.first + 1) % QUEUE_LINES;
            --queue.num;
        } else {
            num_lost = queue.num_lost;
            queue.num_lost = 0;
        }
        pthread_mutex_unlock(&queue.lock);
        if (num_lost != 0)
            gw_log(GW_LOG_WARNING, "%zu lines like these were lost: stderr is slow", num_lost);
        else
            write_line(&line);
        pthread_mutex_lock(&queue.lock);
    }
    queue.is_stopped = true;
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
    return NULL;
}

bool gw_log_start(void)
{
    pthread_mutex_lock(&queue.lock);
    queue.is_stopping = queue.is_stopped = false;
    queue.is_running = pthread_create(&queue.thread, NULL, write_lines, NULL) == 0;
    bool is_running = queue.is_running;
    pthread_mutex_unlock(&queue.lock);
    return is_running;
}

void gw_log_stop(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STOP_WAIT_S;
    pthread_mutex_lock(&queue.lock);
    bool was_running = queue.is_running;
    queue.is_stopping = true;
    pthread_cond_broadcast(&queue.changed);
    while (was_running && !queue.is_stopped)
        if (pthread_cond_timedwait(&queue.changed, &queue.lock, &until) == ETIMEDOUT)
            break;
    bool is_stopped = queue.is_stopped;
    queue.is_running = false;
    pthread_mutex_unlock(&queue.lock);
    if (was_running && is_stopped)
        pthread_join(queue.thread, NULL);
    else if (was_running)
        pthread_detach(queue.thread); /* it hangs in write(2): the process' end frees it */
}
