/* SPDX-License-Identifier: MIT
 * Tests of the access log's writing thread: real files, pipes that nobody reads, a disk that is full. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>
#include "gateway/observe/access_log.h"

#define RING 65536

static char folder[64], path[128], error[GW_ACCESS_LOG_ERROR_MAX];

/* What the log said; written on its thread, read after a condition said so or after the log was freed. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char text[8][GW_ACCESS_LOG_ERROR_MAX + 128];
    size_t num;
} said = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void hear(void *arg, const char *text)
{
    pthread_mutex_lock(&said.lock);
    if (said.num != sizeof(said.text) / sizeof(said.text[0]))
        snprintf(said.text[said.num++], sizeof(said.text[0]), "%s", text);
    pthread_cond_broadcast(&said.changed);
    pthread_mutex_unlock(&said.lock);
}

static void wait_until_said(size_t num)
{
    pthread_mutex_lock(&said.lock);
    while (said.num < num)
        pthread_cond_wait(&said.changed, &said.lock);
    pthread_mutex_unlock(&said.lock);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int set_up(void **state)
{
    strcpy(folder, "/tmp/sluice-log-XXXXXX");
    said.num = 0;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"access.log", "access.log.1", "other.log", "fifo"};

    for (size_t i = 0; i != sizeof(names) / sizeof(names[0]); ++i) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static const char *in_folder(const char *name)
{
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void log_number(gw_access_log_t *log, size_t worker, uint64_t number)
{
    gw_outcome_t outcome = {.started_at_us = 1700000000000000,
                            .client = GW_STR("192.0.2.1:1"),
                            .protocol = "HTTP/1.1",
                            .method = GW_STR("GET"),
                            .host = GW_STR("api.example.com"),
                            .path = GW_STR("/a/path/that/makes/the/line/about/as/long/as/usual"),
                            .status = 200,
                            .tries = (unsigned)worker,
                            .bytes_in = number,
                            .reason = "ok",
                            .head_us = GW_TIME_NONE,
                            .connected_us = GW_TIME_NONE,
                            .response_us = GW_TIME_NONE,
                            .total_us = GW_TIME_NONE};
    gw_access_log_write(log, worker, &outcome);
}

/* What stands in a log: every line must be JSON, numbers must rise for each worker. */
typedef struct found {
    uint64_t lines, dropped;
    int64_t first, last[4];
} found_t;

static void look_at_line(found_t *found, const char *line)
{
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

    if (json == NULL)
        fail_msg("not JSON: %s", line);
    if (json_object_get(json, "event") != NULL) {
        assert_string_equal(json_string_value(json_object_get(json, "event")), "access_log_dropped");
        found->dropped += (uint64_t)json_integer_value(json_object_get(json, "lines"));
    } else {
        int64_t number = json_integer_value(json_object_get(json, "bytes_in"));
        size_t worker = (size_t)json_integer_value(json_object_get(json, "tries"));
        assert_true(number > found->last[worker]);
        found->last[worker] = number;
        if (found->lines++ == 0)
            found->first = number;
    }
    json_decref(json);
}

static found_t look_at(FILE *file)
{
    found_t found = {.last = {-1, -1, -1, -1}};
    char line[20000];

    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL)
        look_at_line(&found, line);
    fclose(file);
    return found;
}

static void every_line_of_every_worker_reaches_the_file(void **state)
{
    gw_access_log_t *log = gw_access_log_create(GW_LOG_FILE, in_folder("access.log"), RING, 3, hear, NULL, error);
    struct stat stat_of_file;

    assert_non_null(log);
    for (uint64_t i = 0; i != 200; ++i)
        log_number(log, i % 3, i);
    assert_null(gw_access_log_free(log, 5000));
    found_t found = look_at(fopen(in_folder("access.log"), "r"));
    assert_int_equal(found.lines, 200);
    assert_int_equal(found.dropped, 0);
    assert_int_equal(said.num, 0);
    assert_int_equal(stat(path, &stat_of_file), 0);
    assert_int_equal(stat_of_file.st_mode & 0777 & ~0640u, 0);
}

static void an_existing_file_is_appended_to(void **state)
{
    for (int round = 0; round != 2; ++round) {
        gw_access_log_t *log = gw_access_log_create(GW_LOG_FILE, in_folder("access.log"), RING, 1, hear, NULL, error);
        log_number(log, 0, (uint64_t)round);
        gw_access_log_free(log, 5000);
    }
    assert_int_equal(look_at(fopen(in_folder("access.log"), "r")).lines, 2);
}

struct writer {
    gw_access_log_t *log;
    size_t worker;
};

#define LINES_PER_WRITER 20000

static void *write_many(void *arg)
{
    const struct writer *writer = arg;

    for (uint64_t i = 0; i != LINES_PER_WRITER; ++i)
        log_number(writer->log, writer->worker, i);
    return NULL;
}

static void what_workers_write_at_full_speed_is_in_the_file_or_counted(void **state)
{
    gw_access_log_t *log = gw_access_log_create(GW_LOG_FILE, in_folder("access.log"), RING, 2, hear, NULL, error);
    struct writer writers[2] = {{log, 0}, {log, 1}};
    pthread_t threads[2];

    for (size_t i = 0; i != 2; ++i)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
    for (size_t i = 0; i != 10; ++i)
        gw_access_log_reopen(log);
    for (size_t i = 0; i != 2; ++i)
        pthread_join(threads[i], NULL);
    uint64_t dropped = gw_access_log_stats(log).lines_dropped;
    gw_access_log_free(log, 5000);
    found_t found = look_at(fopen(in_folder("access.log"), "r"));
    assert_int_equal(found.lines + found.dropped, 2 * LINES_PER_WRITER);
    assert_int_equal(found.dropped, dropped);
    assert_int_equal(said.num, 0);
}

static bool wait_until_written(gw_access_log_t *log, size_t num_bytes)
{
    uint64_t until_ms = now_ms() + 60000;

    while (gw_access_log_stats(log).bytes_written < num_bytes) {
        if (now_ms() > until_ms)
            return false;
        sched_yield();
    }
    return true;
}

enum { QUIET_MS = 130, NUM_QUIET = 5 };

struct lonely {
    gw_access_log_t *log;
    size_t worker, line_bytes, num_before;
    pthread_barrier_t *both;
    bool is_written;
};

/* Lines of two workers come together when there was none for so long that the thread sleeps. */
static void *write_when_all_is_quiet(void *arg)
{
    struct lonely *lonely = arg;

    lonely->is_written = true;
    for (size_t i = 0; i != NUM_QUIET; ++i) {
        poll(NULL, 0, QUIET_MS); /* which is what is asked for */
        pthread_barrier_wait(lonely->both);
        log_number(lonely->log, lonely->worker, 0);
        size_t num_bytes = (lonely->num_before + 2 * (i + 1)) * lonely->line_bytes;
        lonely->is_written = lonely->is_written && wait_until_written(lonely->log, num_bytes);
    }
    return NULL;
}

static void a_line_is_written_though_none_follows(void **state)
{
    gw_access_log_t *log = gw_access_log_create(GW_LOG_FILE, in_folder("access.log"), RING, 2, hear, NULL, error);
    pthread_barrier_t both;
    pthread_t threads[2];
    size_t num = 0;

    log_number(log, 0, 0);
    assert_true(wait_until_written(log, 1));
    size_t line_bytes = (size_t)gw_access_log_stats(log).bytes_written;
    for (num = 1; num != 100; ++num) { /* one after the other */
        log_number(log, num % 2, 0);
        assert_true(wait_until_written(log, (num + 1) * line_bytes));
    }
    assert_int_equal(pthread_barrier_init(&both, NULL, 2), 0);
    struct lonely lonely[2] = {{log, 0, line_bytes, num, &both, false}, {log, 1, line_bytes, num, &both, false}};
    for (size_t i = 0; i != 2; ++i)
        assert_int_equal(pthread_create(&threads[i], NULL, write_when_all_is_quiet, &lonely[i]), 0);
    for (size_t i = 0; i != 2; ++i) {
        pthread_join(threads[i], NULL);
        assert_true(lonely[i].is_written);
    }
    pthread_barrier_destroy(&both);
    gw_access_log_free(log, 5000);
}

static void after_a_rename_and_a_reopen_lines_go_to_a_new_file(void **state)
{
    gw_access_log_t *log = gw_access_log_create(GW_LOG_FILE, in_folder("access.log"), RING, 1, hear, NULL, error);
    char renamed[128];
    struct stat ignored;

    for (uint64_t i = 0; i != 5; ++i)
        log_number(log, 0, i);
    snprintf(renamed, sizeof(renamed), "%s/access.log.1", folder);
    assert_int_equal(rename(path, renamed), 0);
    gw_access_log_reopen(log);
    while (stat(path, &ignored) != 0)
        sched_yield();
    for (uint64_t i = 5; i != 12; ++i)
        log_number(log, 0, i);
    gw_access_log_free(log, 5000);
    found_t before = look_at(fopen(renamed, "r")), after = look_at(fopen(path, "r"));
    assert_int_equal(before.lines, 5);
    assert_int_equal(before.last[0], 4);
    assert_int_equal(after.lines, 7);
    assert_int_equal(after.first, 5);
}

static void a_file_that_cannot_be_reopened_leaves_the_old_one_in_use(void **state)
{
    gw_access_log_t *log = gw_access_log_create(GW_LOG_FILE, in_folder("access.log"), RING, 1, hear, NULL, error);
    char renamed[128], expected[256];

    snprintf(renamed, sizeof(renamed), "%s/access.log.1", folder);
    assert_int_equal(rename(path, renamed), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    gw_access_log_reopen(log);
    wait_until_said(1);
    snprintf(expected, sizeof(expected), "cannot open the access log '%s': Is a directory", path);
    assert_string_equal(said.text[0], expected);
    log_number(log, 0, 7);
    gw_access_log_free(log, 5000);
    rmdir(path);
    assert_int_equal(look_at(fopen(renamed, "r")).lines, 1);
}

static void a_reload_switches_files_and_off_and_on(void **state)
{
    char other[128];
    snprintf(other, sizeof(other), "%s/other.log", folder);
    gw_access_log_t *log = gw_access_log_create(GW_LOG_OFF, NULL, RING, 1, hear, NULL, error);

    log_number(log, 0, 0);
    assert_true(gw_access_log_reconfigure(log, GW_LOG_FILE, in_folder("access.log"), error));
    log_number(log, 0, 1);
    log_number(log, 0, 2);
    assert_false(gw_access_log_reconfigure(log, GW_LOG_FILE, "/nonexistent/access.log", error));
    assert_string_equal(error, "cannot open the access log '/nonexistent/access.log': No such file or directory");
    log_number(log, 0, 3);
    /* the file must be in use before the next one is named: the newest order wins */
    while (gw_access_log_stats(log).bytes_written == 0)
        sched_yield();
    assert_true(gw_access_log_reconfigure(log, GW_LOG_FILE, other, error));
    uint64_t written = gw_access_log_stats(log).bytes_written;
    log_number(log, 0, 4);
    while (gw_access_log_stats(log).bytes_written <= written)
        sched_yield();
    assert_true(gw_access_log_reconfigure(log, GW_LOG_OFF, NULL, error));
    log_number(log, 0, 5);
    gw_access_log_free(log, 5000);
    found_t first = look_at(fopen(path, "r")), second = look_at(fopen(other, "r"));
    assert_int_equal(first.first, 1);
    assert_true(first.last[0] >= 3);
    assert_int_equal(first.lines + second.lines, 4);
    assert_int_equal(said.num, 0);
}

static void what_cannot_be_opened_is_an_error_with_its_reason(void **state)
{
    static const struct {
        const char *about, *file, *expected;
    } rows[] = {
        {"no folder", "/nonexistent/x", "cannot open the access log '/nonexistent/x': No such file or directory"},
        {"a folder", "/tmp", "cannot open the access log '/tmp': Is a directory"},
    };
    char expected[256];

    for (size_t i = 0; i != sizeof(rows) / sizeof(rows[0]); ++i) {
        assert_null(gw_access_log_create(GW_LOG_FILE, rows[i].file, RING, 1, hear, NULL, error));
        assert_string_equal(error, rows[i].expected);
    }
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    assert_null(gw_access_log_create(GW_LOG_FILE, path, RING, 1, hear, NULL, error));
    snprintf(expected, sizeof(expected),
             "cannot open the access log '%s': nobody reads from this FIFO, or it is a socket", path);
    assert_string_equal(error, expected);
}

static void a_full_disk_is_said_once_and_delays_nobody(void **state)
{
    gw_access_log_t *log = gw_access_log_create(GW_LOG_FILE, "/dev/full", RING, 1, hear, NULL, error);

    assert_non_null(log);
    for (uint64_t i = 0; i != 10000; ++i)
        log_number(log, 0, i);
    wait_until_said(1);
    assert_string_equal(said.text[0],
                        "cannot write the access log to /dev/full: No space left on device (failed writes since the "
                        "last message: 1); lines wait in memory as long as there is room");
    while (gw_access_log_stats(log).write_errors < 3)
        sched_yield();
    assert_true(gw_access_log_stats(log).lines_dropped > 9000);
    uint64_t before = now_ms();
    gw_access_log_free(log, 100);
    assert_true(now_ms() - before < 10000);
    assert_int_equal(said.num, 2);
    assert_string_equal(said.text[1], "10000 lines of the access log were lost without a note in it");
}

static void when_the_disk_has_room_again_the_log_says_what_is_missing(void **state)
{
    gw_access_log_t *log = gw_access_log_create(GW_LOG_FILE, "/dev/full", RING, 1, hear, NULL, error);

    for (uint64_t i = 0; i != 10000; ++i)
        log_number(log, 0, i);
    wait_until_said(1);
    uint64_t dropped = gw_access_log_stats(log).lines_dropped;
    assert_true(gw_access_log_reconfigure(log, GW_LOG_FILE, in_folder("access.log"), error));
    gw_access_log_free(log, 5000);
    found_t found = look_at(fopen(path, "r"));
    assert_int_equal(found.first, 0);
    assert_int_equal(found.dropped, dropped);
    assert_int_equal(found.lines + found.dropped, 10000);
    assert_int_equal(said.num, 1);
}

/* Reads until the log's thread has closed its end. */
static found_t read_all(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    return look_at(fdopen(fd, "r"));
}

static void *free_log(void *log)
{
    return gw_access_log_free(log, 20000);
}

static void a_reader_that_stands_still_delays_nobody_and_gets_what_there_was_room_for(void **state)
{
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    gw_access_log_t *log = gw_access_log_create(GW_LOG_FILE, path, RING, 1, hear, NULL, error);
    pthread_t thread;

    assert_non_null(log);
    for (uint64_t i = 0; i != 20000; ++i) /* megabytes; a pipe holds 64 KiB */
        log_number(log, 0, i);
    uint64_t dropped = gw_access_log_stats(log).lines_dropped;
    assert_true(dropped > 10000);
    assert_int_equal(pthread_create(&thread, NULL, free_log, log), 0);
    found_t found = read_all(reader);
    pthread_join(thread, NULL);
    assert_int_equal(found.first, 0);
    assert_int_equal(found.dropped, dropped);
    assert_int_equal(found.lines + found.dropped, 20000);
    assert_int_equal(said.num, 0);
}

static void fill(int filler)
{
    static const char junk[PIPE_BUF];

    while (write(filler, junk, sizeof(junk)) == sizeof(junk))
        ;
}

static void stopping_does_not_wait_for_a_reader_that_stands_still(void **state)
{
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK), filler = open(path, O_WRONLY | O_NONBLOCK);
    gw_access_log_t *log = gw_access_log_create(GW_LOG_FILE, path, RING, 1, hear, NULL, error);

    fill(filler);
    for (uint64_t i = 0; i != 20000; ++i)
        log_number(log, 0, i);
    uint64_t before = now_ms();
    gw_access_log_free(log, 100);
    assert_true(now_ms() - before < 10000);
    assert_int_equal(said.num, 1);
    assert_string_equal(said.text[0], "20000 lines of the access log were lost without a note in it");
    close(filler);
    close(reader);
}

static void a_line_cut_by_a_full_pipe_does_not_begin_the_next_file(void **state)
{
    char fifo[128], taken[2 * PIPE_BUF];
    snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    int reader = open(fifo, O_RDONLY | O_NONBLOCK), filler = open(fifo, O_WRONLY | O_NONBLOCK);
    gw_access_log_t *log = gw_access_log_create(GW_LOG_FILE, fifo, RING, 1, hear, NULL, error);

    fill(filler);
    assert_int_equal(read(reader, taken, sizeof(taken)), sizeof(taken)); /* room for some lines and a piece */
    for (uint64_t i = 1000; i != 1150; ++i)
        log_number(log, 0, i);
    while (gw_access_log_stats(log).bytes_written != sizeof(taken))
        sched_yield();
    assert_true(gw_access_log_reconfigure(log, GW_LOG_FILE, in_folder("access.log"), error));
    gw_access_log_free(log, 5000);
    found_t found = look_at(fopen(path, "r")); /* fails on half a line */
    assert_true(found.first > 1000);
    assert_int_equal(found.last[0], 1149);
    assert_int_equal(found.lines, 1149 - (uint64_t)found.first + 1);
    assert_int_equal(found.dropped, 1); /* the one that was cut */
    assert_int_equal(said.num, 0);
    close(filler);
    close(reader);
}

static void a_reader_that_leaves_is_an_error_not_a_signal(void **state)
{
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    gw_access_log_t *log = gw_access_log_create(GW_LOG_FILE, path, RING, 1, hear, NULL, error);

    close(reader);
    log_number(log, 0, 0);
    wait_until_said(1);
    assert_non_null(strstr(said.text[0], "Broken pipe"));
    /* it comes back: the line that waited is written */
    reader = open(path, O_RDONLY | O_NONBLOCK);
    wait_until_said(2);
    assert_string_equal(said.text[1], "the access log can be written again");
    gw_access_log_free(log, 5000);
    assert_int_equal(read_all(reader).lines, 1);
}

static void standard_output_may_be_a_pipe_a_socket_or_a_file(void **state)
{
    for (int kind = 0; kind != 3; ++kind) {
        int ends[2], flags, kept = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        FILE *file = NULL;
        fflush(stdout);
        if (kind == 0) {
            assert_int_equal(pipe(ends), 0);
        } else if (kind == 1) {
            assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
        } else {
            file = tmpfile();
            ends[0] = dup(fileno(file));
            ends[1] = dup(fileno(file));
        }
        assert_true(dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO);
        close(ends[1]);
        gw_access_log_t *log = gw_access_log_create(GW_LOG_STDOUT, NULL, RING, 1, hear, NULL, error);
        for (uint64_t i = 0; log != NULL && i != 10; ++i)
            log_number(log, 0, i);
        if (log != NULL)
            gw_access_log_reopen(log); /* changes nothing */
        bool is_created = log != NULL;
        gw_access_log_free(log, 5000);
        flags = fcntl(STDOUT_FILENO, F_GETFL); /* fails if it was closed */
        dup2(kept, STDOUT_FILENO);
        close(kept);
        assert_true(is_created);
        assert_true(flags >= 0);
        assert_int_equal(flags & O_NONBLOCK, 0);
        if (kind == 2)
            lseek(ends[0], 0, SEEK_SET);
        assert_int_equal(read_all(ends[0]).lines, 10);
        if (file != NULL)
            fclose(file);
    }
    assert_int_equal(said.num, 0);
}

static void closed_standard_output_is_an_error(void **state)
{
    int kept = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);

    fflush(stdout);
    close(STDOUT_FILENO);
    gw_access_log_t *log = gw_access_log_create(GW_LOG_STDOUT, NULL, RING, 1, hear, NULL, error);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    assert_null(log);
    assert_string_equal(error, "cannot write the access log to standard output: Bad file descriptor");
}

static void freeing_nothing_is_fine(void **state)
{
    assert_null(gw_access_log_free(NULL, 0));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(every_line_of_every_worker_reaches_the_file),
        TEST(an_existing_file_is_appended_to),
        TEST(what_workers_write_at_full_speed_is_in_the_file_or_counted),
        TEST(a_line_is_written_though_none_follows),
        TEST(after_a_rename_and_a_reopen_lines_go_to_a_new_file),
        TEST(a_file_that_cannot_be_reopened_leaves_the_old_one_in_use),
        TEST(a_reload_switches_files_and_off_and_on),
        TEST(what_cannot_be_opened_is_an_error_with_its_reason),
        TEST(a_full_disk_is_said_once_and_delays_nobody),
        TEST(when_the_disk_has_room_again_the_log_says_what_is_missing),
        TEST(a_reader_that_stands_still_delays_nobody_and_gets_what_there_was_room_for),
        TEST(stopping_does_not_wait_for_a_reader_that_stands_still),
        TEST(a_line_cut_by_a_full_pipe_does_not_begin_the_next_file),
        TEST(a_reader_that_leaves_is_an_error_not_a_signal),
        TEST(standard_output_may_be_a_pipe_a_socket_or_a_file),
        TEST(closed_standard_output_is_an_error),
        TEST(freeing_nothing_is_fine),
    };
    return cmocka_run_group_tests_name("observe/access_log", tests, NULL, NULL);
}
