/* SPDX-License-Identifier: MIT
 * Programs under test. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "tests/support/process.h"

struct process {
    pid_t pid;
    int fd;
    pthread_t reader;
    pthread_mutex_t lock;
    pthread_cond_t grown;
    char *log;
    size_t len;
    bool is_over;
};

static void *read_log(void *arg)
{
    process_t *process = arg;
    char bytes[4096];
    ssize_t len;
    while ((len = read(process->fd, bytes, sizeof(bytes))) > 0 || (len == -1 && errno == EINTR)) {
        if (len < 0)
            continue;
        pthread_mutex_lock(&process->lock);
        process->log = realloc(process->log, process->len + (size_t)len + 1);
        memcpy(process->log + process->len, bytes, (size_t)len);
        process->len += (size_t)len;
        process->log[process->len] = '\0';
        pthread_cond_broadcast(&process->grown);
        pthread_mutex_unlock(&process->lock);
    }
    pthread_mutex_lock(&process->lock);
    process->is_over = true;
    pthread_cond_broadcast(&process->grown);
    pthread_mutex_unlock(&process->lock);
    return NULL;
}

process_t *process_start(const char *const *argv)
{
    int fds[2];
    if (pipe(fds) != 0)
        abort();
    process_t *process = calloc(1, sizeof(*process));
    process->log = calloc(1, 1);
    if ((process->pid = fork()) == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(fds[1], 1);
        dup2(fds[1], 2);
        close(fds[0]);
        close(fds[1]);
        execv(argv[0], (char *const *)argv);
        fprintf(stderr, "cannot run %s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    close(fds[1]);
    process->fd = fds[0];
    pthread_mutex_init(&process->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&process->grown, &attributes);
    pthread_condattr_destroy(&attributes);
    if (pthread_create(&process->reader, NULL, read_log, process) != 0)
        abort();
    return process;
}

pid_t process_pid(const process_t *process)
{
    return process->pid;
}

/** With the lock held.  @return where the count-th occurrence starts, or NULL */
static char *find(process_t *process, const char *text, size_t count)
{
    char *at = process->log;
    while (count != 0 && (at = strstr(at, text)) != NULL)
        if (--count != 0)
            ++at;
    return at;
}

char *process_wait_for(process_t *process, const char *text, size_t count)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += DEADLINE_MS / 1000;
    pthread_mutex_lock(&process->lock);
    char *at, *line = NULL;
    while ((at = find(process, text, count)) == NULL || strchr(at, '\n') == NULL)
        if (process->is_over || pthread_cond_timedwait(&process->grown, &process->lock, &until) == ETIMEDOUT) {
            at = find(process, text, count);
            break;
        }
    if (at != NULL) {
        while (at != process->log && at[-1] != '\n')
            --at;
        line = strndup(at, strcspn(at, "\n"));
    } else {
        fprintf(stderr, "waited in vain for '%s' (%zu times); the program said:\n%s\n", text, count, process->log);
    }
    pthread_mutex_unlock(&process->lock);
    if (line == NULL)
        abort(); /* the test cannot go on, and the process dies with it */
    return line;
}

size_t process_count(process_t *process, const char *text)
{
    size_t count = 0;
    pthread_mutex_lock(&process->lock);
    for (char *at = process->log; (at = strstr(at, text)) != NULL; ++at)
        ++count;
    pthread_mutex_unlock(&process->lock);
    return count;
}

char *process_log(process_t *process)
{
    pthread_mutex_lock(&process->lock);
    char *copy = strdup(process->log);
    pthread_mutex_unlock(&process->lock);
    return copy;
}

void process_wait(process_t *process)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += DEADLINE_MS / 1000;
    pthread_mutex_lock(&process->lock);
    while (!process->is_over)
        if (pthread_cond_timedwait(&process->grown, &process->lock, &until) == ETIMEDOUT) {
            fprintf(stderr, "the program does not end; it said:\n%s\n", process->log);
            abort();
        }
    pthread_mutex_unlock(&process->lock);
}

void process_signal(process_t *process, int signal)
{
    kill(process->pid, signal);
}

int process_end(process_t *process)
{
    int status;
    while (waitpid(process->pid, &status, 0) == -1 && errno == EINTR)
        ;
    pthread_join(process->reader, NULL);
    int result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (result > 2 && result != 128 + SIGKILL && result != 128 + SIGTERM)
        fprintf(stderr, "process ended with %d; it said:\n%s\n", result, process->log);
    close(process->fd);
    pthread_cond_destroy(&process->grown);
    pthread_mutex_destroy(&process->lock);
    free(process->log);
    free(process);
    return result;
}

size_t process_rss_kib(const process_t *process)
{
    char path[64], line[256];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)process->pid);
    FILE *file = fopen(path, "r");
    size_t kib = 0;
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "VmRSS: %zu kB", &kib) == 1)
            break;
    if (file != NULL)
        fclose(file);
    return kib;
}
