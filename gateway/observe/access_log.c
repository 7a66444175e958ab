/* SPDX-License-Identifier: MIT
 * The thread that writes the access log. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "gateway/observe/access_log.h"
#include "gateway/observe/access_log_line.h"
#include "gateway/observe/log.h"
#include "gateway/observe/log_output.h"
#include "gateway/observe/log_ring.h"

#define LOOK_SOON_MS      2
#define LOOK_LATEST_MS    50
#define NOTE_EVERY_MS     1000  /* between two lines about dropped lines */
#define COMPLAIN_EVERY_MS 60000 /* between two complaints about write errors */
#define JOIN_GRACE_MS     1000
#define RING_MIN          ((size_t)65536)
#define NO_RING           SIZE_MAX

_Static_assert(GW_ACCESS_LOG_ERROR_MAX >= GW_LOG_OUTPUT_ERROR_MAX, "the output's reason fits");
_Static_assert(RING_MIN >= 2 * GW_ACCESS_LOG_LINE_MAX, "the smallest ring holds two of the longest lines");

typedef enum progress {
    DRAINED, /* all that was there is written */
    BLOCKED, /* the reader must take something first */
    FAILED   /* the write failed; it is tried again at the next look */
} progress_t;

/* When a worker is to wake the thread.  Who takes the wish back does it, so one does. */
typedef enum wish {
    WISH_NONE,      /* never: the thread is at work, was woken, or cannot write anyway */
    WISH_HALF_FULL, /* when a ring is more than half full: the thread will look by itself */
    WISH_ANY_LINE   /* when there is a line: the thread sleeps */
} wish_t;

struct gw_access_log {
    atomic_bool is_on;
    atomic_int wish; /* wish_t */
    int wake_fd;
    size_t num_rings;
    gw_log_ring_t **rings;
    pthread_t thread;
    void (*say)(void *arg, const char *text);
    void *say_arg;
    _Atomic uint64_t lines_lost, write_errors,
        bytes_written; /* by the thread; dropped lines are counted by the rings */

    pthread_mutex_t lock; /* for the orders of the control thread */
    pthread_cond_t has_ended_cond;
    bool has_ended, is_stopping, is_reopen_wanted, has_next;
    uint64_t deadline_ms; /* when is_stopping */
    gw_log_output_t next; /* when has_next */

    /* the thread's own */
    gw_log_output_t output;
    int look_ms;      /* until it looks again; 0: it sleeps until a line comes */
    size_t num_found; /* lines since it looked last; of one ring two are as good as many */
    size_t torn;      /* the ring whose line is written in part; NO_RING if none */
    char note[GW_ACCESS_LOG_LINE_MAX];
    size_t note_len, note_written;
    uint64_t note_says, dropped_said; /* dropped lines since the beginning: with the note, and as the log has it */
    uint64_t noted_at_ms, complained_at_ms, errors_at_complaint;
    bool is_failing;
};

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void *allocate(size_t size)
{
    void *p = calloc(1, size);

    if (p == NULL)
        abort();
    return p;
}

static void say_to_log(void *arg, const char *text)
{
    gw_log(GW_LOG_WARNING, "%s", text);
}

static void complain(gw_access_log_t *log, int error)
{
    char text[GW_ACCESS_LOG_ERROR_MAX + 128];
    uint64_t now = now_ms(), errors = atomic_fetch_add(&log->write_errors, 1) + 1;

    if (log->is_failing && now - log->complained_at_ms < COMPLAIN_EVERY_MS)
        return;
    snprintf(
        text, sizeof(text),
        "cannot write the access log to %.*s: %s (failed writes since the last message: %llu); lines wait in memory "
        "as long as there is room",
        GW_ACCESS_LOG_ERROR_MAX - 64, gw_log_output_name(&log->output), strerror(error),
        (unsigned long long)(errors - log->errors_at_complaint));
    log->is_failing = true;
    log->complained_at_ms = now;
    log->errors_at_complaint = errors;
    log->say(log->say_arg, text);
}

static progress_t written_or_not(gw_access_log_t *log, ssize_t written)
{
    if (written > 0) {
        atomic_fetch_add_explicit(&log->bytes_written, (uint64_t)written, memory_order_relaxed);
        if (log->is_failing) {
            log->is_failing = false;
            log->say(log->say_arg, "the access log can be written again");
        }
        return DRAINED;
    }
    if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return BLOCKED;
    complain(log, written < 0 ? errno : EIO);
    return FAILED;
}

static progress_t drain_note(gw_access_log_t *log)
{
    while (log->note_written != log->note_len) {
        gw_str_t parts[2] = {gw_str(log->note + log->note_written, log->note_len - log->note_written), gw_str(NULL, 0)};
        ssize_t written = gw_log_output_write(&log->output, parts);
        progress_t progress = written_or_not(log, written);
        if (progress != DRAINED)
            return progress;
        log->note_written += (size_t)written;
    }
    if (log->note_len != 0)
        log->dropped_said = log->note_says;
    log->note_len = log->note_written = 0;
    return DRAINED;
}

static bool is_one_line(const gw_str_t parts[2])
{
    const char *end = memchr(parts[0].ptr, '\n', parts[0].len);

    return end == NULL || (end + 1 == parts[0].ptr + parts[0].len && parts[1].len == 0);
}

/* Writes what the ring holds now; what comes meanwhile waits for the next turn, so that every ring has its turn. */
static progress_t drain_ring(gw_access_log_t *log, size_t index)
{
    gw_log_ring_t *ring = log->rings[index];
    gw_str_t parts[2];
    size_t left = gw_log_ring_peek(ring, parts);

    if (left != 0)
        log->num_found += is_one_line(parts) ? 1 : 2;
    while (left != 0) {
        ssize_t written = gw_log_output_write(&log->output, parts);
        progress_t progress = written_or_not(log, written);
        if (progress != DRAINED)
            return progress;
        size_t len = (size_t)written;
        char last = len <= parts[0].len ? parts[0].ptr[len - 1] : parts[1].ptr[len - 1 - parts[0].len];
        log->torn = last == '\n' ? NO_RING : index;
        gw_log_ring_consume(ring, len);
        left -= len;
        size_t of_first = len < parts[0].len ? len : parts[0].len;
        parts[0] = gw_str(parts[0].ptr + of_first, parts[0].len - of_first);
        parts[1] = gw_str(parts[1].ptr + (len - of_first), parts[1].len - (len - of_first));
        if (parts[0].len == 0) {
            parts[0] = parts[1];
            parts[1] = gw_str(NULL, 0);
        }
    }
    return DRAINED;
}

static uint64_t num_dropped(const gw_access_log_t *log)
{
    uint64_t dropped = atomic_load_explicit(&log->lines_lost, memory_order_relaxed);

    for (size_t i = 0; i != log->num_rings; ++i)
        dropped += gw_log_ring_dropped(log->rings[i]);
    return dropped;
}

static progress_t drain(gw_access_log_t *log, bool is_last)
{
    progress_t progress;

    if (log->output.fd < 0) { /* off: what a worker still wrote while it was switched off is not wanted */
        for (size_t i = 0; i != log->num_rings; ++i) {
            gw_str_t parts[2];
            gw_log_ring_consume(log->rings[i], gw_log_ring_peek(log->rings[i], parts));
        }
        return DRAINED;
    }
    /* first what is written in part: nothing may come between the pieces of a line */
    if ((progress = drain_note(log)) != DRAINED)
        return progress;
    if (log->torn != NO_RING && (progress = drain_ring(log, log->torn)) != DRAINED)
        return progress;
    for (size_t i = 0; i != log->num_rings; ++i)
        if ((progress = drain_ring(log, i)) != DRAINED)
            return progress;
    uint64_t dropped = num_dropped(log), now = now_ms();
    if (dropped != log->dropped_said && (is_last || now - log->noted_at_ms >= NOTE_EVERY_MS)) {
        struct timespec wall;
        clock_gettime(CLOCK_REALTIME, &wall);
        log->note_len = gw_access_log_dropped_line((uint64_t)wall.tv_sec * 1000000 + (uint64_t)wall.tv_nsec / 1000,
                                                   dropped - log->dropped_said, log->note, sizeof(log->note));
        log->note_says = dropped;
        log->noted_at_ms = now;
        return drain_note(log);
    }
    return DRAINED;
}

/* The old output did not take the end of a line: the new one must not begin with it. */
static void forget_torn_line(gw_access_log_t *log)
{
    log->note_len = log->note_written = 0;
    if (log->torn == NO_RING)
        return;
    gw_str_t parts[2];
    gw_log_ring_peek(log->rings[log->torn], parts);
    size_t len = 0;
    for (size_t i = 0; i != 2; ++i) {
        const char *end = parts[i].len != 0 ? memchr(parts[i].ptr, '\n', parts[i].len) : NULL;
        if (end != NULL) {
            len += (size_t)(end + 1 - parts[i].ptr);
            break;
        }
        len += parts[i].len;
    }
    gw_log_ring_consume(log->rings[log->torn], len);
    atomic_fetch_add_explicit(&log->lines_lost, 1, memory_order_relaxed);
    log->torn = NO_RING;
}

static void switch_output(gw_access_log_t *log, gw_log_output_t next)
{
    forget_torn_line(log);
    gw_log_output_close(&log->output);
    log->output = next;
    log->is_failing = false;
}

static void reopen(gw_access_log_t *log)
{
    char error[GW_ACCESS_LOG_ERROR_MAX];
    gw_log_output_t next;

    if (log->output.file == NULL)
        return;
    if (gw_log_output_open(&next, GW_LOG_FILE, log->output.file, error))
        switch_output(log, next);
    else
        log->say(log->say_arg, error);
}

static void report_losses(gw_access_log_t *log)
{
    uint64_t lost = 0;

    for (size_t i = 0; i != log->num_rings; ++i) {
        gw_str_t parts[2];
        gw_log_ring_peek(log->rings[i], parts);
        for (size_t part = 0; part != 2; ++part)
            for (size_t at = 0; at != parts[part].len; ++at)
                lost += parts[part].ptr[at] == '\n';
    }
    atomic_fetch_add_explicit(&log->lines_lost, lost, memory_order_relaxed);
    lost = num_dropped(log) - log->dropped_said;
    if (lost != 0) {
        char text[128];
        snprintf(text, sizeof(text), "%llu lines of the access log were lost without a note in it",
                 (unsigned long long)lost);
        log->say(log->say_arg, text);
    }
}

static bool has_lines(const gw_access_log_t *log)
{
    for (size_t i = 0; i != log->num_rings; ++i) {
        gw_str_t parts[2];
        if (gw_log_ring_peek(log->rings[i], parts) != 0)
            return true;
    }
    return false;
}

/* How long the thread may wait when it has written all.  One line may be one that somebody waits for, who then asks for
 * the next one.  More are better collected: a write for each would cost more than the line. */
static int next_look_ms(const gw_access_log_t *log)
{
    if (log->look_ms == 0 || log->num_found == 1)
        return LOOK_SOON_MS;
    if (log->look_ms < LOOK_LATEST_MS)
        return 2 * log->look_ms < LOOK_LATEST_MS ? 2 * log->look_ms : LOOK_LATEST_MS;
    bool owes_note = num_dropped(log) != log->dropped_said; /* which is written when its time has come */
    return log->num_found != 0 || (owes_note && log->output.fd >= 0) ? LOOK_LATEST_MS : 0;
}

static void wait_for_work(gw_access_log_t *log, progress_t progress, bool is_stopping, uint64_t deadline_ms)
{
    struct pollfd polled[2] = {{.fd = log->wake_fd, .events = POLLIN}, {.fd = log->output.fd, .events = POLLOUT}};
    eventfd_t ignored;

    /* to be woken by workers would only make a thread spin that cannot write */
    log->look_ms = progress == DRAINED ? next_look_ms(log) : LOOK_LATEST_MS;
    log->num_found = 0;
    if (progress == DRAINED)
        atomic_store(&log->wish, log->look_ms == 0 ? WISH_ANY_LINE : WISH_HALF_FULL);
    int timeout = log->look_ms != 0 ? log->look_ms : -1;
    /* a line that was committed before the wish could be seen; off, what is left over does not matter */
    if (timeout == -1 && log->output.fd >= 0 && has_lines(log))
        timeout = 0;
    if (is_stopping) {
        uint64_t now = now_ms(), left = now < deadline_ms ? deadline_ms - now : 0;
        if (timeout == -1 || left < (uint64_t)timeout)
            timeout = (int)left;
    }
    if (poll(polled, progress == BLOCKED ? 2 : 1, timeout) > 0 && (polled[0].revents & POLLIN) != 0)
        eventfd_read(log->wake_fd, &ignored);
    atomic_store(&log->wish, WISH_NONE);
}

static void *run(void *arg)
{
    gw_access_log_t *log = arg;

    for (;;) {
        gw_log_output_t next = {.fd = -1};
        pthread_mutex_lock(&log->lock);
        bool is_stopping = log->is_stopping, is_reopen_wanted = log->is_reopen_wanted, has_next = log->has_next;
        uint64_t deadline_ms = log->deadline_ms;
        if (has_next)
            next = log->next;
        log->is_reopen_wanted = log->has_next = false;
        pthread_mutex_unlock(&log->lock);

        if (has_next && log->output.fd < 0) {
            switch_output(log, next);
            has_next = false;
        }
        progress_t progress = drain(log, is_stopping);
        if (has_next || is_reopen_wanted) {
            if (has_next)
                switch_output(log, next);
            else
                reopen(log);
            continue; /* what the old output did not take goes to the new one now */
        }
        if (is_stopping && (progress == DRAINED || now_ms() >= deadline_ms))
            break;
        wait_for_work(log, progress, is_stopping, deadline_ms);
    }
    report_losses(log);
    pthread_mutex_lock(&log->lock);
    log->has_ended = true;
    pthread_cond_signal(&log->has_ended_cond);
    pthread_mutex_unlock(&log->lock);
    return NULL;
}

static void wake(gw_access_log_t *log)
{
    eventfd_write(log->wake_fd, 1);
}

static void dispose(gw_access_log_t *log)
{
    for (size_t i = 0; i != log->num_rings; ++i)
        gw_log_ring_free(log->rings[i]);
    free(log->rings);
    gw_log_output_close(&log->output);
    if (log->has_next)
        gw_log_output_close(&log->next);
    if (log->wake_fd >= 0)
        close(log->wake_fd);
    pthread_cond_destroy(&log->has_ended_cond);
    pthread_mutex_destroy(&log->lock);
    free(log);
}

gw_access_log_t *gw_access_log_create(gw_access_log_target_t target, const char *file, size_t ring_bytes,
                                      size_t num_workers, void (*say)(void *arg, const char *text), void *arg,
                                      char reterr[GW_ACCESS_LOG_ERROR_MAX])
{
    gw_access_log_t *log;
    pthread_condattr_t attributes;
    sigset_t all, before;
    size_t size = RING_MIN;
    gw_log_output_t output;
    int error;

    assert(num_workers != 0);
    if (!gw_log_output_open(&output, target, file, reterr))
        return NULL;
    log = allocate(sizeof(*log));
    log->output = output;
    log->say = say != NULL ? say : say_to_log;
    log->say_arg = arg;
    log->torn = NO_RING;
    log->noted_at_ms = now_ms() - NOTE_EVERY_MS;
    atomic_init(&log->is_on, target != GW_LOG_OFF);
    atomic_init(&log->wish, WISH_NONE);
    while (size < ring_bytes)
        size *= 2;
    log->rings = allocate(num_workers * sizeof(*log->rings));
    for (; log->num_rings != num_workers; ++log->num_rings)
        log->rings[log->num_rings] = gw_log_ring_create(size, GW_ACCESS_LOG_LINE_MAX);
    pthread_mutex_init(&log->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&log->has_ended_cond, &attributes);
    pthread_condattr_destroy(&attributes);
    if ((log->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
        error = errno;
        goto Error;
    }
    /* The process's signals are the control thread's; a SIGPIPE of this thread stays blocked and write says EPIPE. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&log->thread, NULL, run, log);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        goto Error;
    pthread_setname_np(log->thread, "access-log");
    return log;
Error:
    snprintf(reterr, GW_ACCESS_LOG_ERROR_MAX, "cannot start the thread of the access log: %s", strerror(error));
    dispose(log);
    return NULL;
}

gw_access_log_t *gw_access_log_free(gw_access_log_t *log, uint64_t timeout_ms)
{
    struct timespec until;

    if (log == NULL)
        return NULL;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)((timeout_ms + JOIN_GRACE_MS) / 1000);
    until.tv_nsec += (long)((timeout_ms + JOIN_GRACE_MS) % 1000 * 1000000);
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        ++until.tv_sec;
    }
    pthread_mutex_lock(&log->lock);
    log->is_stopping = true;
    log->deadline_ms = now_ms() + timeout_ms;
    wake(log);
    while (!log->has_ended)
        if (pthread_cond_timedwait(&log->has_ended_cond, &log->lock, &until) == ETIMEDOUT)
            break;
    bool has_ended = log->has_ended;
    pthread_mutex_unlock(&log->lock);
    if (has_ended) {
        pthread_join(log->thread, NULL);
        dispose(log);
    } else {
        pthread_detach(log->thread);
    }
    return NULL;
}

void gw_access_log_write(gw_access_log_t *log, size_t worker, const gw_outcome_t *outcome)
{
    char *line;

    if (!atomic_load_explicit(&log->is_on, memory_order_relaxed))
        return;
    assert(worker < log->num_rings);
    if ((line = gw_log_ring_reserve(log->rings[worker])) == NULL)
        return;
    size_t len = gw_access_log_line(outcome, line, GW_ACCESS_LOG_LINE_MAX);
    bool is_half_full = gw_log_ring_commit(log->rings[worker], len);
    int wish = atomic_load(&log->wish);
    if ((wish == WISH_ANY_LINE || (wish == WISH_HALF_FULL && is_half_full)) &&
        atomic_exchange(&log->wish, WISH_NONE) != WISH_NONE)
        wake(log);
}

void gw_access_log_reopen(gw_access_log_t *log)
{
    pthread_mutex_lock(&log->lock);
    log->is_reopen_wanted = true;
    pthread_mutex_unlock(&log->lock);
    wake(log);
}

bool gw_access_log_reconfigure(gw_access_log_t *log, gw_access_log_target_t target, const char *file,
                               char reterr[GW_ACCESS_LOG_ERROR_MAX])
{
    gw_log_output_t next, unused = {.fd = -1};

    if (!gw_log_output_open(&next, target, file, reterr))
        return false;
    pthread_mutex_lock(&log->lock);
    if (log->has_next)
        unused = log->next;
    log->next = next;
    log->has_next = true;
    pthread_mutex_unlock(&log->lock);
    gw_log_output_close(&unused);
    atomic_store(&log->is_on, target != GW_LOG_OFF);
    wake(log);
    return true;
}

gw_access_log_stats_t gw_access_log_stats(const gw_access_log_t *log)
{
    return (gw_access_log_stats_t){
        .lines_dropped = num_dropped(log),
        .write_errors = atomic_load_explicit(&log->write_errors, memory_order_relaxed),
        .bytes_written = atomic_load_explicit(&log->bytes_written, memory_order_relaxed),
    };
}
